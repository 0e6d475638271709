"""What a plan says of every attribute agrees with the classes it would make."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from midi_risk.attributes.model import Attribute, AttributeSet, Decision, Kind, Role
from midi_risk.recode.plan import suggest
from midi_risk.risk.classes.classes import EquivalenceClasses
from midi_risk.table.model import SubjectTable
from midi_risk.tune.session import plan_at

NAMES = {"age": Kind.AGE, "sex": Kind.SEX, "maker": Kind.CATEGORY}


def people(n, seed, **changes):
    rng = np.random.default_rng(seed)
    columns = {
        "age": [str(a) for a in rng.normal(55, 9, n).astype(int).clip(20, 89)],
        "sex": rng.choice(["F", "M"], n).tolist(),
        "maker": rng.choice(["A", "B", "C"], n, p=[0.6, 0.3, 0.1]).tolist(),
    }
    frame = pd.DataFrame({name: pd.Series(v, dtype=object) for name, v in columns.items()})
    frame.index = pd.Index([f"s{i}" for i in range(n)], dtype=object)
    attributes = tuple(
        Attribute(
            name=name, source="t", column=name, role=Role.QUASI_IDENTIFIER, kind=kind, reason="",
            **changes.get(name, {}),
        )
        for name, kind in NAMES.items()
    )  # fmt: skip
    return SubjectTable(
        frame=frame,
        attributes=AttributeSet(attributes),
        counts={"subjects": n},
        files={"read": 0, "flagged": 0, "not_dicom": 0, "unreadable": 0},
        missing="category",
        digest="sha256:0",
    )


def n_classes(table, names):
    codes = np.column_stack([pd.factorize(table.frame[name])[0] for name in names])
    return EquivalenceClasses.from_codes(codes).n_classes


def test_every_attribute_of_the_plan_is_justified_once():
    plan = suggest(people(300, 1), max_suppression=0.02)
    told = [s.attribute for s in plan.steps] + [a.attribute for a in plan.kept]
    assert sorted(told) == sorted(NAMES)
    for line in [s.justification for s in plan.steps] + [a.justification for a in plan.kept]:
        assert line.endswith(".")


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 1000))
def test_the_steps_form_a_chain_of_class_counts(seed):
    table = people(200, seed)
    plan = suggest(table, max_suppression=0.05)
    assert plan.before.classes == n_classes(table, NAMES)
    at = plan.before.classes
    for step in plan.steps:
        assert step.classes_before == at
        at = step.classes_after
        assert step.risk_after == at / 200
    for kept in plan.kept:
        assert kept.risk_now == at / 200
        assert kept.risk_without <= kept.risk_now


def test_a_demand_and_a_need_are_told():
    table = people(
        300,
        1,
        sex={"decision": Decision.RETAIN, "need": "Outcome differs by sex."},
        age={"need": "age regression"},
    )
    plan = suggest(table)
    sex = next(a for a in plan.kept if a.attribute == "sex")
    assert sex.decided
    assert "kept as decided" in sex.justification
    assert sex.justification.endswith("Needed: Outcome differs by sex.")
    age = next(s for s in plan.steps if s.attribute == "age")
    assert age.justification.endswith("Needed: age regression.")


def test_leaving_subjects_out_is_part_of_the_chain():
    table = people(300, 4)
    plan = suggest(table, max_suppression=0.05, levels_from_data=False)
    assert plan.suppressed.subjects
    end = plan.steps[-1].risk_after
    assert f"mean risk {end:.3f} to {plan.after.risk_mean:.3f}" in plan.describe()


def test_the_plan_is_what_its_own_node_gives():
    from midi_risk.threat.library import load_threat_model

    table = people(300, 4)
    plan = suggest(table, max_suppression=0.0, levels_from_data=False)
    again = plan_at(table, [load_threat_model("public-release")], plan.levels)
    assert again.found
    assert (again.after, again.levels) == (plan.after, plan.levels)
    assert again.loss == plan.loss
    assert again.imaging == plan.imaging


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 1000), share=st.sampled_from([0.0, 0.02, 0.1]))
def test_the_point_of_the_front_is_the_plan(seed, share):
    plan = suggest(people(200, seed), max_suppression=share)
    (own,) = filter(plan.is_point, plan.front)
    assert own.loss == plan.loss
    assert own.risk == plan.after.risk_max
    assert own.suppressed == plan.suppressed.subjects
    assert plan.after.subjects == 200 - plan.suppressed.subjects
    for point in plan.front:
        better = point.risk <= own.risk and point.loss < own.loss
        assert not (better and point.suppressed <= own.suppressed)
