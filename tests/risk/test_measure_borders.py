"""The last value that passes and the first that does not, where a verdict is derived."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "table"))

from folding_tables import attribute, attributes, extraction, source

from midi_risk.attributes.decisions import OVERRULED
from midi_risk.attributes.model import Decision, Kind, Role
from midi_risk.config import ChannelStatement
from midi_risk.document.assessment import EstimateKind
from midi_risk.errors import MeasureError
from midi_risk.risk import equivalence_classes, household_risk, identity_risk
from midi_risk.risk.assess import AssessmentOptions, assess, histogram_bins
from midi_risk.risk.channels.entries import measured_channels
from midi_risk.risk.measures.identity import ClassRisk
from midi_risk.risk.measures.trajectory import governing_row, released_bin, trajectory_rows
from midi_risk.risk.population.pitman_yor import fit_pitman_yor
from midi_risk.table import fold
from midi_risk.threat.model import ThreatModel


def model(**changes: object) -> ThreatModel:
    given = {
        "schema": "midi-risk/threat-model/1",
        "name": "test",
        "release": "public",
        "threshold": {"k": 3},
        "adversaries": [{"name": "a"}],
    }
    return ThreatModel.model_validate(given | changes)


def table(values: list[str | None], **options: object):
    rows = {"id": [f"s{i}" for i in range(len(values))], "x": values}
    settings: dict[str, object] = {"role": Role.INSENSITIVE} | options
    return fold(
        extraction(source("t", rows, "id")),
        attributes(attribute("t", "x", Kind.CATEGORY, **settings)),
    )


def status(values: list[str | None], **options: object) -> str:
    return assess(table(values, **options), [model()]).verdict.status


@pytest.mark.parametrize(("tolerance", "expected"), [(0, "incomplete"), (1, "acceptable")])
def test_one_unreadable_file_needs_a_tolerance_of_one(tolerance, expected):
    unread = replace(
        table(["a"] * 6), files={"read": 5, "flagged": 0, "not_dicom": 0, "unreadable": 1}
    )
    options = AssessmentOptions(unread_tolerance=tolerance)
    assert assess(unread, [model()], options=options).verdict.status == expected


@pytest.mark.parametrize(("tolerance", "expected"), [(0, "incomplete"), (1, "acceptable")])
def test_one_object_that_tells_no_patient_needs_a_tolerance_of_one(tolerance, expected):
    unread = replace(table(["a"] * 6), facts={"incomplete_files": 1})
    options = AssessmentOptions(unread_tolerance=tolerance)
    assert assess(unread, [model()], options=options).verdict.status == expected


def test_an_identifier_with_one_value_for_everybody_needs_a_decision():
    assert status(["St Mary's"] * 6, role=Role.DIRECT_IDENTIFIER) == "incomplete"


def test_a_generalised_identifier_is_retained_all_the_same():
    generalised = {"decision": Decision.GENERALISE, "role": Role.DIRECT_IDENTIFIER}
    assert status(["a"] * 6, **generalised) == "above_threshold"


@pytest.mark.parametrize("decision", [Decision.RETAIN, Decision.GENERALISE])
def test_only_removal_settles_an_attribute_that_nobody_understood(decision):
    assert status(["a"] * 6, role=Role.UNDECIDED, decision=decision) == "incomplete"


@pytest.mark.parametrize("order", [1, -1])
def test_the_strictest_of_two_models_judges_a_channel(order):
    required = {"channels": {"free_text": "required"}}
    models = [model(threshold={"k": 3}, **required), model(threshold={"k": 6}, **required)]
    found = ChannelStatement(status="assessed", value=0.25, evidence="read")
    options = AssessmentOptions(channels={"free_text": found})
    verdict = assess(table(["a"] * 8), models[::order], options=options).verdict
    assert verdict.status == "above_threshold"
    (above,) = [r for r in verdict.reasons if r.code == "channel_above"]
    assert above.names == ["free_text"]
    assert "channel free_text" in above.text


def test_what_no_source_tells_of_a_channel_leaves_it_open():
    plain = table(["a"] * 6)
    found = measured_channels(plain, plain, [], [], [], [], date(2026, 11, 30))
    for name in ("cross_collection_pixels", "private_elements", "burned_in", "embedded_metadata"):
        assert (found[name].status, found[name].upper) == ("not_assessed", None)


def test_an_identifier_declared_a_linkage_key_is_named():
    keys = table(
        ["a"] * 6,
        role=Role.LINKAGE_KEY,
        reason=OVERRULED.format(Role.DIRECT_IDENTIFIER.value),
    )
    (told,) = [r for r in assess(keys, [model()]).verdict.reasons if r.code == "overruled"]
    assert told.names == ["x"]
    assert "1 proposed identifier" in told.text


@pytest.mark.parametrize(
    ("statistic", "measure"), [("maximum", "journalist_max"), ("average", "journalist_mean")]
)
def test_the_upper_end_of_an_estimate_is_judged(statistic, measure):
    values = [f"v{int(v)}" for v in np.random.default_rng(4).zipf(1.7, 200)]
    settings = {"name": "j", "attack": ["journalist"]}

    def judged(k: int):
        against = model(
            release="semi-public",
            threshold={"k": k, "statistic": statistic},
            population={"kind": "size", "size": 50_000, "sampling": "random"},
            adversaries=[settings],
        )
        results = assess(table(values, role=Role.QUASI_IDENTIFIER), [against]).threats[0].results
        return next(r for r in results if r.measure == measure)

    estimate = judged(3)
    k = int(1 / estimate.value)
    assert estimate.value <= 1 / k < estimate.upper
    assert judged(k).passed is False


def test_an_average_is_judged_by_its_upper_end_where_no_class_is_too_small():
    values = np.repeat(["a", "b", "c", "d", "e", "f"], [5, 6, 9, 20, 40, 80]).tolist()

    def judged(k: int):
        against = model(
            release="semi-public",
            threshold={"k": k, "statistic": "average"},
            population={"kind": "size", "size": 900, "sampling": "random"},
            adversaries=[{"name": "j", "attack": ["journalist"]}],
        )
        results = assess(table(values, role=Role.QUASI_IDENTIFIER), [against]).threats[0].results
        return {r.measure: r for r in results}

    found = judged(3)
    assert found["journalist_max"].upper <= 1 / 3
    mean = found["journalist_mean"]
    assert mean.value < mean.upper
    between = int(1 / mean.value)
    assert mean.value <= 1 / between < mean.upper
    assert judged(between)["journalist_mean"].passed is False
    assert judged(int(1 / mean.upper))["journalist_mean"].passed is True


AGES = ["60", "61", "62", "70", "71", "90"]


def aged(**changes: object):
    rows = {"id": [f"s{i}" for i in range(len(AGES))], "age": AGES}
    known = fold(extraction(source("t", rows, "id")), attributes(attribute("t", "age", Kind.AGE)))
    return assess(known, [model(**changes)]).threats[0]


def test_rough_knowledge_is_judged_by_the_smallest_matching_set():
    threat = aged(adversaries=[{"name": "a", "knows": {"age": "1y"}}])
    (highest,) = [r for r in threat.results if r.measure == "prosecutor_max"]
    assert (highest.value, highest.passed) == (1.0, False)


def test_rough_knowledge_against_a_modelled_population_is_a_bound():
    rough = {"name": "a", "knows": {"age": "1y"}, "attack": ["journalist"]}
    threat = aged(adversaries=[rough], population={"kind": "size", "size": 5000})
    assert {(r.kind, r.lower) for r in threat.results} == {("bound", 0.0)}


def test_attempt_and_verification_multiply():
    def budget(**chances: float) -> float:
        threat = aged(threshold={"k": 10}, adversaries=[{"name": "a", **chances}])
        return threat.budget

    assert budget(attempt=0.5, verification=0.6) == pytest.approx(budget() / 0.3)


def implausible(**settings: object):
    return fold(
        extraction(source("t", {"id": list("abcdefg"), "age": ["60"] * 6 + ["250"]}, "id")),
        attributes(attribute("t", "age", Kind.AGE, **settings)),
    )


@pytest.mark.parametrize("decision", [None, Decision.RETAIN])
def test_values_that_nobody_can_believe_are_told(decision):
    ages = implausible(decision=decision)
    assert {f.code for f in ages.findings} == {"value-implausible"}
    verdict = assess(ages, [model()]).verdict
    assert verdict.status == "incomplete"
    first = verdict.reasons[0]
    assert (first.code, first.names, first.counts) == ("unread_values", ["age"], {"values": 1})
    assert "cannot be read or believed" in first.text


def test_values_that_nobody_can_believe_do_not_count_where_they_do_not_leave():
    reasons = assess(implausible(decision=Decision.REMOVE), [model()]).verdict.reasons
    assert "unread_values" not in {reason.code for reason in reasons}


def test_a_risk_that_equals_its_threshold_is_accepted():
    classes = equivalence_classes({"x": list("aabbb")}, ["x"])
    found = {r.measure: r for r in identity_risk(classes, threshold=0.5)}
    assert found["prosecutor_max"].passed
    assert found["prosecutor_at_risk"].value == 0


def test_what_is_sure_is_judged_and_not_what_is_expected():
    each = ClassRisk(
        counts=np.array([2, 3]),
        prosecutor=np.array([1 / 2, 1 / 3]),
        expected=np.array([1 / 40, 1 / 60]),
        cautious=np.array([1 / 20, 1 / 30]),
        optimistic=np.array([1 / 80, 1 / 90]),
    )
    assert each.population.tolist() == pytest.approx([20, 30])
    assert each.weighted(0.5).tolist() == pytest.approx([0.275, 11 / 60])


@pytest.mark.parametrize("people", [[1, 5], [1, 1, 5, 5, 5]])
def test_a_population_class_below_the_released_class_is_refused(people):
    classes = equivalence_classes({"x": list("aabbb")}, ["x"])
    with pytest.raises(MeasureError, match="smaller than the released class"):
        identity_risk(classes, population_sizes=people)


def against_table(model_name: list[str] | None = None):
    n = 4
    rows = {
        "id": [f"s{i}" for i in range(n)],
        "age": ["60-64"] * n,
        "sex": ["M"] * n,
        "device": model_name or ["a"] * n,
    }
    known = [attribute("t", "age", Kind.AGE), attribute("t", "sex", Kind.SEX)]
    known += [attribute("t", "device", Kind.CATEGORY)] if model_name else []
    brain = model(
        population={
            "kind": "table", "table": "us-cancer-incidence-2019", "site": "brain",
            "sampling": "random",
            "window_years": 5, "fraction": {"low": 0.001, "high": 0.01},
        },
        adversaries=[{"name": "j", "attack": ["journalist"]}],
    )  # fmt: skip
    results = assess(fold(extraction(source("t", rows, "id")), attributes(*known)), [brain])
    return next(r for r in results.threats[0].results if r.measure == "journalist_max")


@pytest.mark.parametrize(
    ("devices", "people"), [("aabb", 2), ("aaab", 1), ("abcd", 1), ("aab*", 1)]
)
def test_an_attribute_that_the_population_table_lacks_leaves_the_subjects_of_the_release(
    devices, people
):
    found = against_table([None if d == "*" else d for d in devices])
    assert (found.value, found.upper, found.lower) == (1 / people, 1 / people, 0)
    assert found.kind is EstimateKind.BOUND
    assert "does not know device" in found.method


def test_an_attribute_that_everybody_shares_changes_nothing_against_a_table():
    assert against_table(["a"] * 4) == against_table()


def test_the_upper_end_against_a_table_is_the_size_that_is_95_percent_sure():
    found = against_table()
    people = 1 / found.value
    assert 1 / found.upper == pytest.approx(people - 1.645 * people**0.5, rel=0.01)


def test_only_uniques_of_the_release_can_be_unique_in_the_population():
    values = [f"v{int(v)}" for v in np.random.default_rng(4).zipf(1.7, 160)]
    sized = model(
        population={"kind": "estimate", "model": "pitman-yor", "size": 900},
        adversaries=[{"name": "j", "attack": ["journalist"]}],
    )
    skewed = table(values, role=Role.QUASI_IDENTIFIER)
    found = {r.measure: r for r in assess(skewed, [sized]).threats[0].results}
    sizes = skewed.frame["x"].value_counts().to_numpy()
    fit = fit_pitman_yor(sizes)
    alone = fit.probability_population_unique(160, 900)
    assert (sizes == 2).any()
    assert found["population_unique"].value == pytest.approx(alone * (sizes == 1).sum() / 160)


def test_visits_that_k_minus_one_subjects_share_are_at_risk():
    seen = pd.DataFrame({"subject": np.repeat(np.arange(6), 2), "day": [0, 5] * 2 + [0, 9] * 4})
    for k, at_risk in ((2, 0), (3, 2), (4, 2), (5, 6)):
        assert {row["at_risk"] for row in trajectory_rows(seen, 6, k, 1) if row["m"] != "1"} >= {
            at_risk
        }


def test_the_risk_of_visits_is_that_of_the_rarest_history():
    seen = pd.DataFrame({"subject": np.repeat(np.arange(6), 2), "day": [0, 5] * 2 + [0, 9] * 4})
    rows = [row for row in trajectory_rows(seen, 6, 3, 1) if row["m"] == "all"]
    assert (rows[0]["max"], rows[0]["mean"]) == (1 / 2, pytest.approx(1 / 3))


@pytest.mark.parametrize(("level", "days"), [("month", 30), ("year", 365), ("spring", 1), (3, 1)])
def test_a_level_that_is_not_known_leaves_the_days_apart(level, days):
    coarsened = attribute(
        "t", "StudyDate", Kind.DATE, decision=Decision.GENERALISE, generalise_to=level
    )
    assert released_bin(coarsened) == days


@pytest.mark.parametrize(
    ("known", "row"), [([1], "1"), ([1, 2], "2"), ([3, 1], "3"), ([1, None], "all"), ([], "all")]
)
def test_the_adversary_who_knows_most_visits_governs(known, row):
    assert governing_row([{"m": m} for m in ("1", "2", "3", "all")], known)["m"] == row


def test_a_band_is_matched_as_a_band_however_roughly_it_is_known():
    rows = {"id": [f"s{i}" for i in range(6)], "age": ["60", "61", "62", "70", "71", "77"]}
    coarsened = {"ladder": "age", "decision": Decision.GENERALISE, "generalise_to": "5y"}
    bands = fold(
        extraction(source("t", rows, "id")),
        attributes(attribute("t", "age", Kind.AGE, **coarsened)),
    )
    rough = model(adversaries=[{"name": "a", "knows": {"age": "10y"}}])
    found = {r.measure: r.value for r in assess(bands, [rough]).threats[0].results}
    assert found["prosecutor_mean"] == pytest.approx(3 / 6)


@pytest.mark.parametrize("k", [2, 5, 11, 30])
def test_every_class_stands_in_one_bin_of_the_histogram(k):
    sizes = [1, 2, 2, 3, 4, 5, 10, 11, 12, 29, 30, 31, 60]
    values = [str(i) for i, size in enumerate(sizes) for _ in range(size)]
    bins = histogram_bins(equivalence_classes({"x": values}, ["x"]), k)
    for each in bins:
        inside = [size for size in sizes if each.size_from <= size <= each.size_to]
        assert (each.classes, each.subjects) == (len(inside), sum(inside))
    assert sum(each.classes for each in bins) == len(sizes)
    assert any(each.size_from == k for each in bins)


def test_subjects_of_homogeneous_classes_are_counted_as_subjects():
    rows = {"id": list("abcdef"), "x": list("ppprrr"), "dx": [*["GBM"] * 3, "GBM", "AST", None]}
    diagnosed = fold(
        extraction(source("t", rows, "id")),
        attributes(
            attribute("t", "x", Kind.CATEGORY),
            attribute("t", "dx", Kind.CATEGORY, role=Role.SENSITIVE),
        ),
    )
    (found,) = assess(diagnosed, [model()]).measures.diversity
    assert (found.homogeneous_classes, found.homogeneous_subjects, found.missing) == (1, 3, 1)


def test_subjects_without_a_household_do_not_share_one():
    risks = household_risk([0.1, 0.2, 0.5, 0.5], ["a", "a", None, None])
    assert risks.tolist() == pytest.approx([0.28, 0.28, 0.5, 0.5])
