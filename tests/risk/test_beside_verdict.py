"""Figures beside the verdict: those of the measures called directly, and never judged."""

from __future__ import annotations

import sys
from math import comb
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "table"))

from folding_tables import attribute, attributes, extraction, source

from midi_risk.attributes.model import Kind
from midi_risk.risk import beside
from midi_risk.risk.assess import assess
from midi_risk.risk.beside import COMBINATION_COST, SEARCH_WORK, largest_searched
from midi_risk.risk.measures.suda import suda
from midi_risk.risk.population.pitman_yor import fit_pitman_yor
from midi_risk.table import fold
from midi_risk.threat.model import ThreatModel

GUIDE = {
    "R": [f"R-{v}" for v in "UUUURUUUUU"],
    "G": [f"G-{v}" for v in "FFFMFMFMFF"],
    "E": [f"E-{v}" for v in ["si", "si", "pi", "sc", "sc", "sc", "pc", "ps", "si", "si"]],
    "L": [f"L-{v}" for v in "EENEUENUNN"],
}
"""The example of the SDC Practice Guide."""


def model(**changes):
    given_settings = {
        "schema": "midi-risk/threat-model/1",
        "name": "test",
        "release": "public",
        "threshold": {"k": 3},
        "adversaries": [{"name": "a"}],
    }
    return ThreatModel.model_validate(given_settings | changes)


def table_of(columns, kinds=None):
    n = len(next(iter(columns.values())))
    rows = {"id": [f"s{i:04d}" for i in range(n)], **columns}
    named = [attribute("t", c, (kinds or {}).get(c, Kind.CATEGORY)) for c in columns]
    return fold(extraction(source("t", rows, "id")), attributes(*named))


def drawn(n, m, seed=3):
    random = np.random.default_rng(seed)
    return {f"q{j}": [f"v{v}" for v in random.zipf(1.6, n) % 9] for j in range(m)}


def figures(assessment):
    return {r.measure: r for r in assessment.threats[0].results}


# Special uniques.


def test_the_figures_are_those_of_suda_called_directly():
    table = table_of(GUIDE)
    made = assess(table, [model()])
    found, direct = made.measures.special_uniques, suda(table.frame, list(GUIDE))
    assert sorted(s for s in direct.score if s) == [6, 6, 10, 12]  # the practice guide
    assert (found.reason, found.kind, found.complete) == (None, "exact", True)
    assert (found.attributes, found.largest_size) == (4, 4)
    assert found.subjects == 4
    assert {s.size_from: s.uniques for s in found.by_size} == direct.msu_sizes
    assert sum(s.subjects for s in found.by_size) == 4
    assert found.mean_dis == pytest.approx(direct.dis_score.mean())
    assert {s.attribute: s.share for s in found.shares} == direct.attribute_contributions()
    assert (found.sampling_fraction, found.fraction_declared) == (0.01, False)
    scores = {r.subject: (r.suda, r.smallest_unique) for r in made.internal.records}
    places = {subject: i for i, subject in enumerate(table.frame.index)}
    assert scores
    for subject, (score, smallest) in scores.items():
        assert score == direct.score[places[subject]]
        assert smallest == direct.smallest_msu[places[subject]]
    assert [r.suda for r in made.internal.records if r.class_size == 1] == [12, 10, 6, 6]


def test_the_bands_hold_every_subject_once_and_at_the_right_place():
    table = table_of(drawn(300, 5))
    found = assess(table, [model()]).measures.special_uniques
    direct = suda(table.frame, list(table.frame.columns))
    assert sum(b.subjects for b in found.bands) == 300
    for band in found.bands[1:]:
        inside = (direct.score > 0) & (direct.dis_score > band.above)
        assert band.subjects == int((inside & (direct.dis_score <= band.up_to)).sum())
    assert found.bands[0].subjects == int((direct.score == 0).sum())


def test_a_declared_population_gives_the_sampling_fraction():
    table = table_of(drawn(60, 3))
    for people, fraction in ((6000, 0.01), (240, 0.25), (60, 1.0)):
        threat = model(population={"kind": "size", "size": people})
        found = assess(table, [threat]).measures.special_uniques
        assert (found.sampling_fraction, found.fraction_declared) == (fraction, True)
    direct = suda(table.frame, list(table.frame.columns))
    assert found.mean_dis == pytest.approx((direct.score > 0).mean())  # all people: all are right


@pytest.mark.parametrize("m", [0, 1])
def test_fewer_than_two_quasi_identifiers_have_a_reason_and_no_figure(m):
    columns = drawn(20, 1)
    table = table_of(columns)
    if not m:
        table = fold(extraction(source("t", {"id": ["a", "b"]}, "id")), attributes())
    found = assess(table, [model()]).measures.special_uniques
    assert (found.reason, found.by_size, found.bands) == ("few_attributes", [], [])


def test_a_bounded_search_is_a_bound_and_says_up_to_which_size(monkeypatch):
    table = table_of(drawn(200, 6))
    monkeypatch.setattr(beside, "SEARCH_WORK", (6 + 15) * COMBINATION_COST)
    made = assess(table, [model()])
    found, direct = made.measures.special_uniques, suda(table.frame, table.frame.columns.tolist(),
                                                        max_size=2)  # fmt: skip
    assert (found.largest_size, found.complete, found.kind) == (2, False, "bound")
    assert found.subjects == len(direct.records) < made.measures.sample_uniques
    assert "larger ones" in found.method


def test_what_is_too_large_is_left_out_and_no_verdict_changes(monkeypatch):
    table = table_of(drawn(200, 6))
    whole = assess(table, [model()])
    monkeypatch.setattr(beside, "SEARCH_WORK", 7 * COMBINATION_COST)
    short = assess(table, [model()])
    assert short.measures.special_uniques.reason == "too_large"
    assert (short.verdict, short.threats) == (whole.verdict, whole.threats)
    assert {r.suda for r in short.internal.records} == {None}


@given(st.integers(0, 40), st.integers(1, 10**8))
def test_the_work_estimate_counts_combinations_times_subjects(attributes_, subjects):
    size = largest_searched(attributes_, subjects)
    cost = max(subjects, COMBINATION_COST)
    assert sum(comb(attributes_, s) for s in range(1, size + 1)) * cost <= SEARCH_WORK
    if size < attributes_:
        assert sum(comb(attributes_, s) for s in range(1, size + 2)) * cost > SEARCH_WORK


# Individual risk.


def sized(people, **changes):
    return model(population={"kind": "size", "size": people}, **changes)


def test_the_individual_risk_adds_up_to_the_marketers_expectation():
    columns = {"x": [f"v{int(v)}" for v in np.random.default_rng(4).zipf(1.7, 160)]}
    table = table_of(columns)
    fitted = {"kind": "estimate", "model": "pitman-yor", "size": 5000}
    made = assess(table, [model(population=fitted)])
    found, measured = made.measures.individual, figures(made)
    counts = table.frame["x"].value_counts().to_numpy()
    expected = fit_pitman_yor(counts).expected_inverse(counts, n=160, population=5000)
    each = np.sort(np.repeat(expected, counts))
    assert (found.reason, found.kind, found.n) == (None, "estimate", 160)
    assert found.expected == pytest.approx(each.sum(), rel=0.01)
    assert found.share == pytest.approx(measured["marketer_mean"].value)
    assert found.upper == pytest.approx(160 * measured["marketer_mean"].upper)  # F = f, both
    assert found.quantiles[-1].risk == pytest.approx(measured["journalist_max"].value)
    assert found.quantiles[0].risk == pytest.approx(each[79], rel=0.02)
    assert found.lower <= found.expected <= found.upper


def test_the_adversary_with_the_largest_expectation_is_taken():
    table = table_of(drawn(120, 3))
    models = [sized(50_000, name="many"), sized(500, name="few")]
    found = assess(table, models).measures.individual
    assert found.model == "few"
    assert found == assess(table, models[::-1]).measures.individual


def test_without_a_population_there_is_a_reason_and_no_number():
    made = assess(table_of(drawn(60, 2)), [model()]).measures
    for part, reason in ((made.individual, "release_only"), (made.presence, "no_table")):
        assert part == type(part)(reason=reason)


def test_a_population_model_without_a_fit_gives_no_number_either():
    table = table_of({"x": list("abcde"), "y": list("abcde")})
    fitted = model(population={"kind": "estimate", "model": "pitman-yor", "size": 1000})
    found = assess(table, [fitted]).measures.individual
    assert (found.reason, found.expected, found.quantiles) == ("no_class_sizes", 0.0, [])


def test_imprecise_knowledge_makes_it_a_bound():
    ages = [str(40 + i % 7) for i in range(140)]
    table = table_of({"age": ages, "x": drawn(140, 1)["q0"]}, {"age": Kind.AGE})
    rough = sized(5000, adversaries=[{"name": "a", "knows": {"age": "1y", "x": "exact"}}])
    assert assess(table, [rough]).measures.individual.kind == "bound"


# Presence.

AGES = ["60-64", "60-64", "65-69", "85+"]
SEXES = ["M", "F", "F", "M"]


def with_table():
    population = {
        "kind": "table", "table": "us-cancer-incidence-2019", "site": "brain",
        "window_years": 5, "fraction": {"low": 0.001, "high": 0.01},
    }  # fmt: skip
    return model(population=population, adversaries=[{"name": "j", "attack": ["journalist"]}])


def test_presence_is_the_range_of_f_over_the_people_of_the_table():
    table = table_of({"age": AGES, "sex": SEXES}, {"age": Kind.AGE, "sex": Kind.SEX})
    made = assess(table, [with_table()]).measures
    found = made.presence
    assert (found.reason, found.model, found.adversary) == (None, "test", "j")
    assert found.delta_min == 0  # somebody is in a class of which nobody is released
    # one subject in each class: f/F is largest where the table expects the fewest people
    assert found.delta_max == pytest.approx(made.individual.quantiles[-1].risk, rel=0.02)
    assert found.raised == 0
    assert made.individual.reason is None


def test_a_class_that_is_larger_than_the_table_expects_is_counted_and_certain():
    n = 40_000
    table = table_of({"age": ["85+"] * n, "sex": ["M"] * n}, {"age": Kind.AGE, "sex": Kind.SEX})
    found = assess(table, [with_table()]).measures.presence
    assert (found.delta_max, found.raised) == (1.0, n)


# Laws.


def flat(node, place=""):
    """Return every figure and word of a part under its place."""
    if isinstance(node, dict):
        return {
            k: v for name, part in node.items() for k, v in flat(part, f"{place}.{name}").items()
        }
    if isinstance(node, list):
        return {k: v for i, part in enumerate(node) for k, v in flat(part, f"{place}.{i}").items()}
    return {place: node}


@settings(deadline=None, max_examples=15)
@given(st.permutations(range(40)))
def test_the_order_of_the_rows_changes_nothing(order):
    columns = drawn(40, 4)
    moved = {name: [values[i] for i in order] for name, values in columns.items()}
    one, other = (assess(table_of(c), [sized(900)]).measures for c in (columns, moved))
    for part in ("special_uniques", "individual", "presence"):
        a, b = (flat(getattr(made, part).model_dump()) for made in (one, other))
        assert a.keys() == b.keys()
        assert all(a[k] == (pytest.approx(b[k]) if isinstance(b[k], float) else b[k]) for k in a)
