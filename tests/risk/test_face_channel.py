"""The face channel: bounded when a matcher is declared, open otherwise, never zero."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from midi_risk.attributes.model import Attribute, AttributeSet, Kind, Role
from midi_risk.errors import MeasureError
from midi_risk.risk.assess import assess
from midi_risk.risk.channels.face import joint_risk, matcher
from midi_risk.table.model import SubjectTable
from midi_risk.threat.model import ThreatModel

REGISTER = {
    "kind": "table",
    "table": "us-population-2019",
    "sampling": "random",
    "fraction": 1e-6,
    "match": {"sex": "sex"},
}


def model(face=None, *, population=None, attack=("journalist",), **knows):
    return ThreatModel.model_validate(
        {
            "schema": "midi-risk/threat-model/1",
            "name": "m",
            "release": "public",
            "threshold": {"k": 11},
            "population": population or {"kind": "sample"},
            "adversaries": [{"name": "a", "attack": [*attack], **knows}],
            "channels": {"face": face or "required"},
        }
    )


def images(n=60, **facts):
    frame = pd.DataFrame({"sex": pd.Series((["F", "M"] * n)[:n], dtype=object)})
    frame.index = pd.Index([f"s{i}" for i in range(n)], dtype=object)
    sex = Attribute(
        name="sex", source="t", column="sex", role=Role.QUASI_IDENTIFIER, kind=Kind.SEX, reason=""
    )
    return SubjectTable(
        frame=frame,
        attributes=AttributeSet((sex,)),
        counts={"subjects": n},
        files={"read": n, "flagged": 0, "not_dicom": 0, "unreadable": 0},
        missing="category",
        digest="sha256:0",
        facts=facts,
        has_images=True,
    )


def face(table, threat):
    return next(c for c in assess(table, [threat]).channels if c.name == "face")


def test_without_a_matcher_the_channel_stays_open():
    entry = face(images(face_possible=9), model())
    assert (entry.status, entry.value, entry.upper) == ("not_assessed", None, None)


def test_a_matcher_bounds_it_by_the_joint_risk_of_the_smallest_class():
    entry = face(images(face_possible=9), model({"matcher": "schwarz-2022"}))
    assert entry.status == "bounded"
    assert entry.value == pytest.approx(float(joint_risk([30], 4.76)[0]), abs=2e-3)
    assert entry.lower < entry.value < entry.upper <= 1
    assert "schwarz-2022" in entry.evidence


def test_the_smallest_of_unequal_classes_bounds_it():
    uneven = images(face_possible=9)
    uneven.frame["sex"] = ["F"] * 12 + ["M"] * 48
    entry = face(uneven, model({"matcher": "schwarz-2022"}))
    assert entry.value == pytest.approx(float(joint_risk([12], 4.76)[0]), abs=1e-4)


def test_images_that_nobody_looked_at_may_show_faces():
    assert face(images(), model({"matcher": "schwarz-2022"})).status == "bounded"


@pytest.mark.parametrize(
    ("facts", "status"),
    [({}, "not_assessed"), ({"private_elements": 1}, "not_assessed"),
     ({"private_elements": 0}, "assessed")],
)  # fmt: skip
def test_private_elements_that_nobody_counted_are_not_none(facts, status):
    entries = {c.name: c for c in assess(images(**facts), [model()]).channels}
    assert entries["private_elements"].status == status


def test_no_face_is_possible_without_a_head():
    entry = face(images(face_possible=0), model({"matcher": "schwarz-2022"}))
    assert (entry.status, entry.value) == ("assessed", 0.0)


def test_the_upper_bound_takes_the_worse_end_of_the_coverage():
    both = {"matcher": "schwarz-2022-ct", "coverage": {"low": 0.1, "high": 0.9}}
    table = images(face_possible=9)
    wide = face(table, model(both))
    ends = [face(table, model({**both, "coverage": c})) for c in (0.1, 0.9)]
    assert wide.upper == max(end.upper for end in ends)
    assert wide.lower == min(end.lower for end in ends)


def test_more_people_who_look_alike_lower_the_risk_of_the_face():
    ct = {"matcher": "schwarz-2022-ct"}
    near, far = (face(images(face_possible=1), model(ct, population=p)) for p in (None, REGISTER))
    assert far.value < near.value


@pytest.mark.parametrize(
    "inside", [{"attack": ["prosecutor"]}, {"attack": ["journalist", "prosecutor"]},
               {"membership": 0.3}]
)  # fmt: skip
def test_who_knows_who_is_in_looks_among_the_release(inside):
    table = images(face_possible=1)
    table.frame["sex"] = ["F"] * 13 + ["M"] * 47
    faced = {"matcher": "mri-reface-2022"}
    entry = face(table, model(faced, population=REGISTER, **inside))
    d_prime = matcher("mri-reface-2022").d_prime
    assert entry.value == pytest.approx(float(joint_risk([13], d_prime)[0]))
    assert entry.value == pytest.approx(0.36, abs=0.01)
    assert "13 subjects of the smallest class of the release" in entry.evidence


@pytest.mark.parametrize("attack", [["journalist"], ["marketer"], ["journalist", "marketer"]])
def test_who_does_not_looks_among_the_population(attack):
    table = images(face_possible=1)
    entry = face(table, model({"matcher": "mri-reface-2022"}, population=REGISTER, attack=attack))
    assert entry.value < 0.001
    assert "people of the smallest population class" in entry.evidence


def test_a_small_coverage_approaches_the_risk_without_faces():
    table = images(face_possible=1)
    entry = face(table, model({"matcher": "schwarz-2022", "coverage": 1e-6}))
    assert entry.value == pytest.approx(1 / 30, rel=1e-3)


def test_an_unknown_matcher_names_a_close_one():
    with pytest.raises(MeasureError, match="schwarz-2022"):
        face(images(face_possible=1), model({"matcher": "schwarz-2020"}))


def test_the_verdict_counts_the_upper_bound():
    table = replace(images(face_possible=1))
    reasons = assess(table, [model({"matcher": "schwarz-2022"})]).verdict.reasons
    assert any("channel face: its risk is above the threshold" in reason.text for reason in reasons)
    assert np.isfinite(face(table, model({"matcher": "schwarz-2022"})).upper)


def test_without_a_statement_on_the_sample_nobody_hides_among_people_of_a_model():
    table = images(face_possible=1)
    unstated = {k: v for k, v in REGISTER.items() if k != "sampling"}
    entry = face(
        table, model({"matcher": "mri-reface-2022"}, population=unstated, attack=["journalist"])
    )
    known = face(
        table, model({"matcher": "mri-reface-2022"}, population=REGISTER, attack=["prosecutor"])
    )
    assert entry.value == known.value > 0.01
