"""From a subject table to a verdict: what decides, what stays unknown."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "table"))

from folding_tables import attribute, attributes, extraction, source

from midi_risk.attributes.model import Decision, Kind, Role
from midi_risk.config import ChannelStatement
from midi_risk.errors import ThreatModelError
from midi_risk.recode.plan import suggest
from midi_risk.risk.assess import AssessmentOptions, assess
from midi_risk.risk.population.pitman_yor import fit_pitman_yor
from midi_risk.table import fold
from midi_risk.threat.channels import CHANNELS
from midi_risk.threat.model import ThreatModel


def model(**changes: object) -> ThreatModel:
    settings_given = {
        "schema": "midi-risk/threat-model/1",
        "name": "test",
        "release": "public",
        "threshold": {"k": 3},
        "adversaries": [{"name": "a"}],
    }
    return ThreatModel.model_validate(settings_given | changes)


TOY = [("60-64", "M", "GBM")] * 2 + [("60-64", "M", "AST"), ("60-64", "F", "GBM"),
       ("60-64", "F", "OLI"), ("65-69", "F", "GBM"), ("65-69", "F", "AST"),
       ("65-69", "F", "OLI"), ("65-69", "F", "OLI"), ("80+", "M", "GBM")]  # fmt: skip


def toy(**options: object):
    rows = {
        "id": [f"s{i}" for i in range(10)],
        "age": [row[0] for row in TOY],
        "sex": [row[1] for row in TOY],
        "dx": [row[2] for row in TOY],
    }
    return fold(
        extraction(source("t", rows, "id")),
        attributes(
            attribute("t", "age", Kind.CATEGORY, **options),
            attribute("t", "sex", Kind.SEX),
            attribute("t", "dx", Kind.CATEGORY, role=Role.SENSITIVE),
        ),
    )


def figures(assessment, adversary=0):
    return {r.measure: r for r in assessment.threats[adversary].results}


def test_the_toy_table_of_the_method_note():
    assessment = assess(toy(), [model()])
    found = figures(assessment)
    assert found["prosecutor_max"].value == 1
    assert found["prosecutor_mean"].value == pytest.approx(0.4)
    assert found["prosecutor_at_risk"].value == pytest.approx(0.3)
    assert assessment.measures.k == 1
    assert assessment.measures.sample_uniques == 1
    (diversity,) = assessment.measures.diversity
    assert (diversity.distinct_l, diversity.entropy_l) == (1, pytest.approx(1.0))
    (closeness,) = assessment.measures.closeness
    assert closeness.t == pytest.approx(0.5)
    assert assessment.verdict.status == "above_threshold"


def test_the_contributions_add_up_to_the_mean_risk():
    assessment = assess(toy(), [model()])
    shares = [a.contribution for a in assessment.attributes if a.contribution is not None]
    assert sum(shares) == pytest.approx(0.4 - 0.1)


def skewed(n: int = 60):
    values = [f"v{int(v)}" for v in np.random.default_rng(4).zipf(1.7, n)]
    rows = {"id": [f"s{i}" for i in range(n)], "x": values}
    return fold(extraction(source("t", rows, "id")), attributes(attribute("t", "x", Kind.CATEGORY)))


def test_a_size_population_uses_the_fitted_superpopulation():
    table = skewed(160)
    sized = model(
        population={"kind": "estimate", "model": "pitman-yor", "size": 900},
        adversaries=[{"name": "j", "attack": ["journalist", "marketer"]}],
    )
    found = figures(assess(table, [sized]))
    counts = table.frame["x"].value_counts().to_numpy()
    fit = fit_pitman_yor(counts)
    expected = fit.expected_inverse(counts, n=160, population=900)
    assert found["journalist_max"].value == pytest.approx(expected.max())
    assert found["marketer_mean"].value == pytest.approx((counts * expected).sum() / 160)
    assert found["journalist_max"].kind == "estimate"
    assert found["journalist_max"].upper == 1
    assert 0 < found["population_unique"].value < 1


def test_a_population_smaller_than_the_release_is_one_line():
    with pytest.raises(ThreatModelError, match="smaller than the 10 subjects"):
        assess(toy(), [model(population={"kind": "size", "size": 9})])


def test_a_population_table_gives_expected_classes():
    rows = {
        "id": [f"s{i}" for i in range(4)],
        "age": ["60-64", "60-64", "65-69", "85+"],
        "sex": ["M", "F", "F", "M"],
    }
    table = fold(
        extraction(source("t", rows, "id")),
        attributes(attribute("t", "age", Kind.AGE), attribute("t", "sex", Kind.SEX)),
    )
    brain = model(
        population={
            "kind": "table", "table": "us-cancer-incidence-2019", "site": "brain",
            "sampling": "random",
            "window_years": 5, "fraction": {"low": 0.001, "high": 0.01},
        },
        adversaries=[{"name": "j", "attack": ["journalist"]}],
    )  # fmt: skip
    assessment = assess(table, [brain])
    found = figures(assessment)["journalist_max"]
    assert 0 < found.value < 0.01
    assert found.lower <= found.value <= found.upper
    assert assessment.verdict.status == "acceptable"
    assert assessment.measures.population_uniques


def test_an_estimate_without_a_fit_falls_to_the_bound():
    rows = {"id": [f"s{i}" for i in range(5)], "x": list("abcde")}
    table = fold(
        extraction(source("t", rows, "id")), attributes(attribute("t", "x", Kind.CATEGORY))
    )
    fitted = model(
        population={"kind": "estimate", "model": "pitman-yor", "size": 1000},
        adversaries=[{"name": "j", "attack": ["journalist"]}],
    )
    found = figures(assess(table, [fitted]))["journalist_max"]
    assert (found.kind, found.value) == ("bound", 1)
    assert found.passed is False


def test_imprecise_knowledge_uses_matching_sets():
    rows = {"id": [f"s{i}" for i in range(6)], "age": ["60", "61", "62", "70", "71", "90"]}
    table = fold(extraction(source("t", rows, "id")), attributes(attribute("t", "age", Kind.AGE)))
    exact = figures(assess(table, [model()]))
    rough = figures(assess(table, [model(adversaries=[{"name": "a", "knows": {"age": "1y"}}])]))
    assert exact["prosecutor_mean"].value == 1
    assert rough["prosecutor_mean"].value == pytest.approx(
        (1 / 2 + 1 / 3 + 1 / 2 + 1 / 2 + 1 / 2 + 1) / 6
    )


def test_a_precision_that_does_not_fit_is_one_line():
    with pytest.raises(ThreatModelError, match="does not fit"):
        assess(toy(), [model(adversaries=[{"name": "a", "knows": {"sex": "2y"}}])])


@pytest.mark.parametrize(("smallest", "passed"), [(2, False), (3, True)])
@pytest.mark.parametrize("statistic", ["maximum", "average", "strict-average"])
def test_an_attempt_widens_the_data_risk_budget_but_no_class_is_below_three(
    smallest, passed, statistic
):
    rare = model(
        release="controlled",
        threshold={"k": 11, "statistic": statistic},
        adversaries=[
            {"name": "a", "attempt": {"table": "ipc-2016", "controls": "high", "motives": "low"}}
        ],
    )
    rows = {"id": [f"s{i}" for i in range(40 + smallest)], "x": ["a"] * 40 + ["b"] * smallest}
    kinds = attributes(attribute("t", "x", Kind.CATEGORY))
    table = fold(extraction(source("t", rows, "id")), kinds)
    (threat,) = assess(table, [rare]).threats
    assert threat.threshold_k == 3
    assert threat.budget == pytest.approx(1 / 3)
    judged = {r.measure: r.passed for r in threat.results if r.passed is not None}
    assert set(judged.values()) == {passed}


def test_a_strict_average_needs_its_floor():
    strict = model(
        release="controlled", threshold={"k": 3, "statistic": "strict-average", "floor": 3}
    )
    rows = {"id": [f"s{i}" for i in range(22)], "x": ["a"] * 20 + ["b"] * 2}
    kinds = attributes(attribute("t", "x", Kind.CATEGORY))
    found = figures(assess(fold(extraction(source("t", rows, "id")), kinds), [strict]))
    assert found["prosecutor_mean"].value <= found["prosecutor_mean"].threshold
    assert found["prosecutor_mean"].passed is False


def test_visits_are_a_channel_with_a_figure():
    rows = {
        "PatientID": ["a", "a", "b", "b", "c"],
        "StudyDate": ["20200101", "20200111", "20210301", "20210401", "20200101"],
        "Modality": ["CT"] * 5,
    }
    table = fold(
        extraction(source("dicom", rows, "PatientID", level="study")),
        attributes(attribute("dicom", "StudyDate", Kind.DATE, decision=Decision.RETAIN)),
    )
    entry = {c.name: c for c in assess(table, [model()]).channels}["visit_intervals"]
    assert (entry.status, entry.value) == ("assessed", 1.0)
    removed = table.attributes.revised("StudyDate", decision=Decision.REMOVE)
    without = assess(pd_replace(table, removed), [model()])
    assert {c.name: c.value for c in without.channels}["visit_intervals"] == 0


def pd_replace(table, attribute_set):
    from dataclasses import replace

    return replace(table, attributes=attribute_set)


def test_a_required_channel_that_nobody_assessed_is_incomplete_and_a_statement_closes_it():
    rows = {"PatientID": [f"p{i}" for i in range(12)], "Modality": ["CT"] * 12}
    modality = attribute("dicom", "Modality", Kind.CATEGORY, decision=Decision.RETAIN)
    images = extraction(source("dicom", rows, "PatientID", level="series"))
    table = fold(images, attributes(modality))
    asks = model(channels={"face": "required"})
    assert assess(table, [asks]).verdict.status == "incomplete"
    bare = {"face": ChannelStatement(status="bounded", upper=0.01, evidence="defaced")}
    told = assess(table, [asks], options=AssessmentOptions(channels=bare)).verdict
    codes = [reason.code for reason in told.reasons]
    assert codes == ["evidence_incomplete", "class_lowered"]  # the k of the test is below 11
    said = {
        "face": ChannelStatement(
            status="bounded", upper=0.01, method="defaced", by="me", on="2026-11-02",
            looked=12, of=12, defects=0, sensitivity=1.0,
        )
    }  # fmt: skip
    closed = assess(table, [asks], options=AssessmentOptions(channels=said))
    assert closed.verdict.status == "acceptable"
    bad = {"face": ChannelStatement(status="bounded", upper=0.5, evidence="not defaced")}
    above = assess(table, [asks], options=AssessmentOptions(channels=bad))
    assert above.verdict.status == "above_threshold"


def test_every_channel_has_an_entry_that_says_on_what_it_rests():
    rows = {"PatientID": ["a", "b", "c"], "Modality": ["CT"] * 3}
    images = extraction(source("dicom", rows, "PatientID", level="series"))
    entries = assess(fold(images, attributes()), [model()]).channels
    assert [entry.name for entry in entries] == list(CHANNELS)
    assert all(entry.evidence for entry in entries)


def test_a_channel_that_no_model_may_pass_over_is_required_of_models_that_do_not_name_it(
    monkeypatch,
):
    rows = {"PatientID": [f"p{i}" for i in range(12)], "Modality": ["CT"] * 12}
    modality = attribute("dicom", "Modality", Kind.CATEGORY, decision=Decision.RETAIN)
    images = extraction(source("dicom", rows, "PatientID", level="series"))
    table = fold(images, attributes(modality))
    assert assess(table, [model()]).verdict.status == "acceptable"
    strict = {**CHANNELS, "face": replace(CHANNELS["face"], requirement="required")}
    monkeypatch.setattr("midi_risk.threat.model.CHANNELS", strict)
    assert assess(table, [model()]).verdict.status == "incomplete"
    assert assess(table, [model(channels={"face": "optional"})]).verdict.status == "acceptable"


@pytest.mark.parametrize("searched", [{}, {"jpeg_metadata_files": 0}])
def test_content_that_was_found_is_named_with_or_without_payloads(searched):
    facts = {**searched, "icon_images": 3, "encapsulated_documents": 1, "wsi_label_images": 2}
    rows = {"PatientID": ["a", "b", "c"], "Modality": ["CT"] * 3}
    images = extraction(source("dicom", rows, "PatientID", level="series"), facts=facts)
    channels = {c.name: c for c in assess(fold(images, attributes()), [model()]).channels}
    embedded = channels["embedded_metadata"]
    assert embedded.status == "not_assessed"
    assert {"icon_images", "encapsulated_documents"} <= set(embedded.found)
    assert "icon image (3 files)" in embedded.evidence
    assert channels["burned_in"].found == ["wsi_label_images"]


@pytest.mark.parametrize(
    ("facts", "status"),
    [({}, "not_assessed"), ({"icc_profiles": 0}, "not_assessed"),
     ({"jpeg_metadata_files": 0, "icc_profiles": 0}, "assessed"),
     ({"jpeg_metadata_files": 0, "icc_profiles": 2}, "not_assessed")],
)  # fmt: skip
def test_embedded_metadata_is_assessed_only_when_bit_streams_were_searched(facts, status):
    rows = {"PatientID": ["a", "b", "c"], "Modality": ["CT"] * 3}
    images = extraction(source("dicom", rows, "PatientID", level="series"), facts=facts)
    channels = assess(fold(images, attributes()), [model()]).channels
    assert {c.name: c.status for c in channels}["embedded_metadata"] == status


@pytest.mark.parametrize(
    ("role", "decision", "status"),
    [(Role.UNDECIDED, None, "incomplete"), (Role.UNDECIDED, Decision.REMOVE, "acceptable"),
     (Role.DIRECT_IDENTIFIER, None, "incomplete"),
     (Role.DIRECT_IDENTIFIER, Decision.REMOVE, "acceptable"),
     (Role.DIRECT_IDENTIFIER, Decision.RETAIN, "above_threshold"),
     (Role.INSENSITIVE, None, "incomplete"), (Role.INSENSITIVE, Decision.REMOVE, "acceptable")],
)  # fmt: skip
def test_roles_and_decisions_decide_the_verdict(role, decision, status):
    rows = {"id": [f"s{i}" for i in range(5)], "x": list("abcde")}
    table = fold(
        extraction(source("t", rows, "id")),
        attributes(attribute("t", "x", Kind.CATEGORY, role=role, decision=decision)),
    )
    assert assess(table, [model()]).verdict.status == status


rows_of = st.lists(
    st.tuples(st.sampled_from(["60", "61", "70", "90"]), st.sampled_from(["M", "F", None])),
    min_size=4,
    max_size=40,
)


def random_table(rows):
    columns = {
        "id": [f"s{i}" for i in range(len(rows))],
        "age": [row[0] for row in rows],
        "sex": [row[1] for row in rows],
    }
    return fold(
        extraction(source("t", columns, "id")),
        attributes(
            attribute("t", "age", Kind.AGE, ladder="age"),
            attribute("t", "sex", Kind.SEX, ladder="sex"),
        ),
    )


@settings(deadline=None, max_examples=40)
@given(rows_of, st.integers(3, 6))
def test_a_plan_that_is_found_passes_when_it_is_carried_out(rows, k):
    table = random_table(rows)
    threat = model(threshold={"k": k})
    plan = suggest(table, [threat], max_suppression=0.1)
    if not plan.found:
        assert plan.reason
        return
    assert plan.after.passed
    assert plan.after.k >= k
    assert plan.after.subjects == table.n_subjects - plan.suppressed.subjects
    assert plan.suppressed.subjects <= 0.1 * table.n_subjects
    risks = [step.risk_before for step in plan.steps] + [
        step.risk_after for step in plan.steps[-1:]
    ]
    assert risks == sorted(risks, reverse=True)


@settings(deadline=None, max_examples=30)
@given(rows_of)
def test_removing_an_attribute_never_raises_a_risk(rows):
    table = random_table(rows)
    whole = figures(assess(table, [model()]))
    without = figures(
        assess(
            pd_replace(table, table.attributes.revised("age", decision=Decision.REMOVE)), [model()]
        )
    )
    for name, result in whole.items():
        assert without[name].value <= result.value + 1e-12


def test_records_name_the_subjects_at_risk_and_stay_internal():
    assessment = assess(toy(), [model()])
    assert [r.class_size for r in assessment.internal.records] == [1, 2, 2]
    assert assessment.internal.records_total == 3
    assert assessment.public().internal is None


def test_the_wildcard_policy_never_lowers_a_class_size():
    rows = [("60", None), ("60", "M"), ("60", "F"), ("70", "M")]
    category = random_table(rows)
    wildcard = fold(
        extraction(
            source("t", {"id": list("abcd"), "age": [r[0] for r in rows],
                         "sex": [r[1] for r in rows]}, "id")
        ),
        category.attributes,
        missing="wildcard",
    )  # fmt: skip
    assert (
        assess(wildcard, [model()]).measures.sample_uniques
        <= assess(category, [model()]).measures.sample_uniques
    )


def test_pandas_is_handed_out_as_copies():
    table = toy()
    frame = table.to_frame()
    frame.iloc[0, 0] = "changed"
    assert isinstance(frame, pd.DataFrame)
    assert table.frame.iloc[0, 0] != "changed"
