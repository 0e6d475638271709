"""Of every declared interval the end that shows the higher risk counts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from midi_risk.attributes.model import Attribute, AttributeSet, Kind, Role
from midi_risk.recode.criteria import population_criteria, requirement
from midi_risk.risk.assess import assess
from midi_risk.table.model import SubjectTable
from midi_risk.threat.model import ThreatModel

LOW, HIGH = 0.02, 0.2


def model(**changes: object) -> ThreatModel:
    given = {
        "schema": "midi-risk/threat-model/1",
        "name": "test",
        "release": "controlled",
        "threshold": {"k": 11},
        "adversaries": [{"name": "a"}],
    }
    return ThreatModel.model_validate(given | changes)


def people(n: int = 400) -> SubjectTable:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "age": pd.Series([f"{a}" for a in rng.integers(40, 90, n)], dtype=object),
            "sex": pd.Series(rng.choice(["F", "M"], n).tolist(), dtype=object),
        }
    )
    frame.index = pd.Index([f"s{i}" for i in range(n)], name="subject", dtype=object)
    given = tuple(
        Attribute(
            name=name, source="t", column=name, role=Role.QUASI_IDENTIFIER, kind=kind, reason=""
        )
        for name, kind in {"age": Kind.AGE, "sex": Kind.SEX}.items()
    )
    return SubjectTable(
        frame=frame,
        attributes=AttributeSet(given),
        counts={"subjects": n},
        files={"read": 0, "flagged": 0, "not_dicom": 0, "unreadable": 0},
        missing="category",
        digest="sha256:0",
    )


def results(threat: ThreatModel) -> dict[str, tuple[str, float, float, float]]:
    """Return kind, value, lower and upper of every measure."""
    (found,) = assess(people(), [threat]).threats
    return {r.measure: (r.kind, r.value, r.lower, r.upper) for r in found.results}


def blind(**changes: object) -> list[dict[str, object]]:
    return [{"name": "a", "attack": ["journalist", "marketer"], **changes}]


MODELLED = {
    "pitman-yor": {"kind": "estimate", "model": "pitman-yor"},
    "log-linear": {"kind": "estimate", "model": "log-linear"},
    "table": {"kind": "table", "table": "us-population-2019"},
}


@pytest.mark.parametrize("kind", MODELLED)
def test_the_largest_fraction_is_the_fewest_people_and_governs(kind):
    # the packaged table is the whole country, where 400 people are a tiny share
    low, high = (LOW, HIGH) if kind != "table" else (0.5, 0.999)
    between, at_low, at_high = (
        results(model(population={**MODELLED[kind], "fraction": part}, adversaries=blind()))
        for part in ({"low": low, "high": high}, low, high)
    )
    assert {"journalist_max", "journalist_mean", "marketer_mean"} <= set(between)
    for measure, (_, value, lower, upper) in between.items():
        assert (value, upper) == pytest.approx((at_high[measure][1], at_high[measure][3]))
        assert lower == pytest.approx(min(at_low[measure][2], at_high[measure][2]))
    assert at_low["journalist_max"][1] < at_high["journalist_max"][1]


def test_the_population_of_the_release_measures_is_the_smallest_that_is_declared():
    population = {"kind": "estimate", "model": "pitman-yor"}
    between, at_low, at_high = (
        assess(people(), [model(population={**population, "fraction": part})]).measures
        for part in ({"low": LOW, "high": HIGH}, LOW, HIGH)
    )
    assert between.population_uniques == at_high.population_uniques
    assert between.population_uniques != at_low.population_uniques


def test_the_search_asks_for_the_smallest_population_that_is_declared():
    population = {
        "kind": "estimate", "model": "pitman-yor", "fraction": {"low": LOW, "high": HIGH},
        "sampling": "random",
    }  # fmt: skip
    (found,) = population_criteria([model(population=population, adversaries=blind())], 400)
    assert found.people == 2000


@pytest.mark.parametrize("population", [{"kind": "sample"}, {"kind": "size", "size": 4000}])
def test_the_surest_membership_governs(population):
    between, at_low, at_high = (
        results(model(population=population, adversaries=[{"name": "a", "membership": part}]))
        for part in ({"low": 0.2, "high": 0.6}, 0.2, 0.6)
    )
    for measure in ("membership_max", "membership_mean", "membership_at_risk"):
        _, value, lower, upper = between[measure]
        assert (value, upper) == pytest.approx((at_high[measure][1], at_high[measure][3]))
        assert lower == pytest.approx(at_low[measure][2])
    if population["kind"] == "size":
        assert at_low["membership_mean"][1] < at_high["membership_mean"][1]


def test_the_surest_verification_sets_the_budget_of_assessment_and_search():
    sure = {"verification": {"low": 0.1, "high": 0.5}}
    threat = model(
        population={"kind": "size", "size": 4000, "sampling": "random"},
        adversaries=blind(attempt=0.8, **sure),
    )
    (found,) = assess(people(), [threat]).threats
    # 11 x 0.8 x 0.5 = 4.4 subjects
    assert (found.verification, found.threshold_k) == (0.5, 5)
    assert found.budget == pytest.approx(1 / 11 / 0.4)
    assert requirement([threat], tuple(people().attributes)).k == 5
    (wanted,) = population_criteria([threat], 400)
    assert wanted.k == 5


@pytest.mark.parametrize(
    "population",
    [
        {"kind": "size", "size": 4000},
        {"kind": "estimate", "model": "pitman-yor", "fraction": HIGH},
        {"kind": "table", "table": "us-population-2019", "fraction": HIGH},
    ],
)
def test_imprecise_knowledge_against_a_modelled_population_is_bounded_by_exact_knowledge(
    population,
):
    exact = results(model(population=population))
    rough = {"name": "a", "knows": {"age": "5y", "sex": "exact"}}
    bounded = results(model(population=population, adversaries=[rough]))
    assert set(bounded) == set(exact)
    for measure, (kind, value, lower, upper) in bounded.items():
        assert (kind, lower) == ("bound", 0.0)
        assert (value, upper) == (exact[measure][1], exact[measure][3])


@pytest.mark.parametrize(
    ("population", "passed"), [({"kind": "sample"}, True), ({"kind": "size", "size": 4000}, False)]
)
def test_a_floor_is_asked_of_matching_sets_only_where_these_are_what_is_judged(population, passed):
    threat = model(
        threshold={"k": 3, "statistic": "strict-average", "floor": 3},
        population=population,
        adversaries=blind(knows={"age": "5y", "sex": "exact"}),
    )
    (found,) = assess(people(), [threat]).threats
    judged = {r.measure: r.passed for r in found.results if r.passed is not None}
    assert judged == {"journalist_mean": passed, "marketer_mean": passed}


@pytest.mark.parametrize(
    ("population", "passed"), [({"kind": "sample"}, True), ({"kind": "size", "size": 4000}, False)]
)
def test_a_floor_above_the_exact_classes_is_not_met_by_matching_sets(population, passed):
    """Classes of four stand in for each other where an age is known within five years."""
    ages = [str(age) for age in range(40, 90) for _ in range(8)]
    frame = pd.DataFrame({"age": ages, "sex": ["F", "M"] * 200}, dtype=object)
    table = people()
    frame.index = table.frame.index
    threat = model(
        threshold={"k": 3, "statistic": "strict-average", "floor": 8},
        population=population,
        adversaries=blind(knows={"age": "5y", "sex": "exact"}),
    )
    (found,) = assess(replace(table, frame=frame), [threat]).threats
    judged = {r.measure: r.passed for r in found.results if r.passed is not None}
    assert judged == {"journalist_mean": passed, "marketer_mean": passed}
