"""Laws that hold for every table, on tables nobody chose."""

from __future__ import annotations

from itertools import combinations
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midi_risk.risk import (
    EquivalenceClasses,
    attribute_disclosure,
    combination_risks,
    equivalence_classes,
    expected_inverse,
    household_risk,
    identity_risk,
    individual_risk,
    km_anonymity,
    risk_threshold,
    suda,
)
from midi_risk.risk.classes import wildcard
from midi_risk.risk.classes.keys import group_sizes, pack
from midi_risk.risk.classes.wildcard import wildcard_sizes

FEW = settings(max_examples=40, deadline=None)


@st.composite
def codes(
    draw: st.DrawFn, *, missing: bool = False, rows: int = 24, columns: int = 4
) -> np.ndarray:
    n = draw(st.integers(1, rows))
    q = draw(st.integers(1, columns))
    low = -1 if missing else 0
    cells = draw(st.lists(st.integers(low, 2), min_size=n * q, max_size=n * q))
    return np.array(cells, dtype=np.int64).reshape(n, q)


def naive_wildcard(matrix: np.ndarray, alpha: float) -> list[float]:
    """Compare every pair of records by the rule as it is written down."""
    n, q = matrix.shape
    found = []
    for record in matrix:
        total = 0.0
        if (record < 0).all():
            found.append(float(n))
            continue
        for other in matrix:
            if (record == other).all():
                total += 1
                continue
            agree = all(a == b or a < 0 or b < 0 for a, b in zip(record, other, strict=True))
            if not agree:
                continue
            complete, partial = not (record < 0).any(), (other < 0).any()
            if complete and (other < 0).all() and q > 1:
                continue
            total += alpha if partial else 1.0
        found.append(total)
    return found


@FEW
@given(codes(missing=True), st.sampled_from([0.0, 0.25, 0.5, 1.0]))
def test_wildcard_sizes_are_those_of_comparing_all_pairs(matrix: np.ndarray, alpha: float) -> None:
    classes = EquivalenceClasses.from_codes(matrix, missing="wildcard", alpha=alpha)
    assert classes.record_sizes.tolist() == pytest.approx(naive_wildcard(matrix, alpha))


@FEW
@given(codes(missing=True), st.sampled_from([0.0, 0.5, 1.0]), st.integers(0, 1000))
def test_both_ways_to_match_patterns_agree(matrix: np.ndarray, alpha: float, seed: int) -> None:
    weights = np.random.default_rng(seed).uniform(0.5, 9, len(matrix))
    found = []
    for cost in (0, 10**12):
        with mock.patch.object(wildcard, "_PAIR_COST", cost):
            found.append(
                EquivalenceClasses.from_codes(
                    matrix, missing="wildcard", alpha=alpha, weights=weights
                )
            )
    first, second = found
    np.testing.assert_allclose(first.record_sizes, second.record_sizes)
    np.testing.assert_allclose(first.record_population_sizes, second.record_population_sizes)


@FEW
@given(codes(missing=True))
def test_wildcards_never_make_a_class_smaller(matrix: np.ndarray) -> None:
    category = EquivalenceClasses.from_codes(matrix)
    wildcard = EquivalenceClasses.from_codes(matrix, missing="wildcard")
    symmetric = EquivalenceClasses.from_codes(matrix, missing="wildcard", symmetric=True)
    assert np.all(wildcard.record_sizes >= category.record_sizes)
    assert np.all(symmetric.record_sizes >= wildcard.record_sizes)
    assert wildcard.record_sizes.max() <= len(matrix)


@FEW
@given(codes(missing=True), st.integers(0, 10_000))
def test_the_order_of_records_and_columns_plays_no_part(matrix: np.ndarray, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(matrix.shape[0]), rng.permutation(matrix.shape[1])
    for policy in ("category", "wildcard"):
        first = EquivalenceClasses.from_codes(matrix, missing=policy)
        second = EquivalenceClasses.from_codes(matrix[rows][:, columns], missing=policy)
        assert first.record_sizes[rows].tolist() == second.record_sizes.tolist()
    frame = pd.DataFrame(matrix, columns=[f"c{j}" for j in range(matrix.shape[1])])
    shuffled = frame.iloc[rows, columns]
    names = list(frame.columns)
    one, two = suda(frame, names), suda(shuffled, list(shuffled.columns))
    assert one.score[rows].tolist() == two.score.tolist()
    assert one.msu_sizes == two.msu_sizes


@FEW
@given(codes())
def test_another_quasi_identifier_never_lowers_a_risk(matrix: np.ndarray) -> None:
    fewer = EquivalenceClasses.from_codes(matrix[:, :-1])
    more = EquivalenceClasses.from_codes(matrix)
    assert np.all(more.record_sizes <= fewer.record_sizes)
    assert more.minimum <= fewer.minimum


@FEW
@given(codes())
def test_a_second_copy_of_a_record_never_raises_its_risk(matrix: np.ndarray) -> None:
    before = EquivalenceClasses.from_codes(matrix)
    after = EquivalenceClasses.from_codes(np.vstack([matrix, matrix[:1]]))
    assert after.record_sizes[0] == before.record_sizes[0] + 1
    assert np.all(after.record_sizes[:-1] >= before.record_sizes)


@FEW
@given(codes(), st.integers(1, 6))
def test_averages_and_shares_follow_from_the_classes(matrix: np.ndarray, k: int) -> None:
    classes = EquivalenceClasses.from_codes(matrix)
    risks = {risk.measure: risk for risk in identity_risk(classes, k=k)}
    assert risks["prosecutor_mean"].value == pytest.approx(classes.n_classes / classes.n)
    assert risks["prosecutor_max"].value == 1 / classes.minimum
    assert risks["prosecutor_max"].passed == (classes.minimum >= k)
    assert risks["prosecutor_at_risk"].value == classes.records_below(k) / classes.n
    assert sum(size * count for size, count in classes.histogram().items()) == classes.n


@FEW
@given(codes(), st.integers(0, 10_000))
def test_a_larger_population_never_raises_a_risk(matrix: np.ndarray, seed: int) -> None:
    classes = EquivalenceClasses.from_codes(matrix)
    extra = np.random.default_rng(seed).integers(0, 50, classes.n_classes)
    found = identity_risk(classes, population_sizes=classes.sizes + extra)
    risks = {risk.measure: risk.value for risk in found}
    assert risks["journalist_max"] <= risks["prosecutor_max"]
    assert risks["marketer_mean"] <= risks["prosecutor_mean"] + 1e-15
    assert risks["journalist_mean"] >= risks["marketer_mean"]
    assert risks["journalist_max"] >= risks["journalist_mean"] - 1e-15


@FEW
@given(codes(), st.lists(st.integers(0, 3), min_size=24, max_size=24))
def test_bounds_of_attribute_disclosure(matrix: np.ndarray, secret: list[int]) -> None:
    classes = EquivalenceClasses.from_codes(matrix)
    values = secret[: len(matrix)]
    found = attribute_disclosure(classes, values, order=[0, 1, 2, 3])
    assert 1 <= found.entropy_l <= found.distinct_l + 1e-12
    assert found.entropy_l <= found.n_values + 1e-12
    assert 1 / found.n_values - 1e-12 <= found.alpha <= 1
    assert 0 <= found.t_equal <= 1
    assert 0 <= found.t_ordered <= 1
    assert found.beta >= 0
    assert found.enhanced_beta >= found.beta - 1e-12
    assert (found.homogeneous_classes > 0) == (found.distinct_l == 1)
    one = attribute_disclosure(
        EquivalenceClasses.from_codes(np.zeros((len(matrix), 1), int)), values
    )
    assert one.t_equal == pytest.approx(0, abs=1e-12)
    assert one.beta == pytest.approx(0, abs=1e-9)
    assert one.delta == pytest.approx(0, abs=1e-9)


@FEW
@given(codes(), st.lists(st.integers(0, 3), min_size=24, max_size=24))
def test_measures_of_a_class_are_those_of_the_definition(
    matrix: np.ndarray, secret: list[int]
) -> None:
    values = np.array(secret[: len(matrix)])
    classes = EquivalenceClasses.from_codes(matrix)
    present = np.unique(values)
    p = np.array([(values == v).mean() for v in present])
    worst = {"t": 0.0, "ordered": 0.0, "beta": 0.0, "delta": 0.0}
    for c in range(classes.n_classes):
        inside = values[classes.class_of_record == c]
        q = np.array([(inside == v).mean() for v in present])
        gap = np.abs(np.cumsum(q - p)).sum() / max(len(present) - 1, 1)
        worst["t"] = max(worst["t"], np.abs(q - p).sum() / 2)
        worst["ordered"] = max(worst["ordered"], gap)
        worst["beta"] = max(worst["beta"], ((q - p) / p).max())
        worst["delta"] = max(worst["delta"], np.abs(np.log(q[q > 0] / p[q > 0])).max())
    found = attribute_disclosure(classes, values, order=present.tolist())
    assert found.t_equal == pytest.approx(worst["t"], abs=1e-12)
    assert found.t_ordered == pytest.approx(worst["ordered"], abs=1e-12)
    assert found.beta == pytest.approx(worst["beta"], abs=1e-12)
    assert found.delta == pytest.approx(worst["delta"], abs=1e-12)


def brute_force_msus(matrix: np.ndarray) -> list[list[tuple[int, ...]]]:
    """Try every subset of every record; a missing value is no item."""
    n, m = matrix.shape
    found: list[list[tuple[int, ...]]] = []
    for i in range(n):
        mine: list[tuple[int, ...]] = []
        for size in range(1, m + 1):
            for subset in combinations([j for j in range(m) if matrix[i, j] >= 0], size):
                if any(set(smaller) <= set(subset) for smaller in mine):
                    continue
                others = np.delete(matrix, i, axis=0)[:, subset]
                alike = (matrix == matrix[i]).all(axis=1).sum() > 1
                if not alike and not (others == matrix[i, subset]).all(axis=1).any():
                    mine.append(subset)
        found.append(mine)
    return found


@FEW
@given(codes(missing=True, rows=12))
def test_special_uniques_are_those_of_brute_force(matrix: np.ndarray) -> None:
    names = [f"c{j}" for j in range(matrix.shape[1])]
    table = pd.DataFrame({n: pd.array(matrix[:, j]).astype("Int64") for j, n in enumerate(names)})
    table = table.mask(table < 0)
    found = suda(table, names)
    expected = brute_force_msus(matrix)
    assert found.msu_count.tolist() == [len(msus) for msus in expected]
    smallest = [min((len(msu) for msu in msus), default=0) for msus in expected]
    assert found.smallest_msu.tolist() == smallest
    assert np.all((found.dis_score > 0) == (found.score > 0))
    assert np.all(found.dis_score <= 1)


@FEW
@given(codes(missing=True))
def test_every_combination_is_counted_as_its_classes(matrix: np.ndarray) -> None:
    names = [f"c{j}" for j in range(matrix.shape[1])]
    table = {name: matrix[:, j] for j, name in enumerate(names)}
    for risk in combination_risks(table, names, k=3):
        classes = equivalence_classes(table, list(risk.attributes))
        assert risk.classes == classes.n_classes
        assert risk.unique == classes.sample_uniques
        assert risk.records_below == classes.records_below(3)


@FEW
@given(
    st.lists(st.floats(1, 500), min_size=1, max_size=20),
    st.lists(st.floats(1, 1e9), min_size=20, max_size=20),
)
def test_expected_inverse_lies_between_its_bounds(f: list[float], people: list[float]) -> None:
    size = np.array(f)
    total = np.maximum(np.array(people[: len(f)]), size)
    exact = expected_inverse(size, total)
    slack = 1 + 1e-12
    assert np.all(exact >= expected_inverse(size, total, method="plug-in") / slack)
    assert np.all(exact <= expected_inverse(size, total, method="approximate") * slack)
    assert np.all(exact <= slack / size)
    assert np.all(expected_inverse(size, 2 * total) <= exact * slack)


@FEW
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.floats(0.001, 1))
def test_capping_at_the_threshold_keeps_the_limit(risks: list[float], limit: float) -> None:
    found = risk_threshold(risks, limit)
    if found.status == "not needed":
        assert np.mean(risks) < limit
    elif found.status == "found":
        assert np.minimum(risks, found.value).mean() < limit * (1 + 1e-12)
        assert sum(risk > found.value for risk in risks) == found.records_above


@FEW
@given(st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 4)), min_size=1, max_size=20))
def test_a_household_is_never_safer_than_its_members(pairs: list[tuple[float, int]]) -> None:
    risk = np.array([pair[0] for pair in pairs])
    home = np.array([pair[1] for pair in pairs])
    found = household_risk(risk, home)
    assert np.all(found >= risk - 1e-12)
    for i in range(len(pairs)):
        together = risk[home == home[i]]
        assert found[i] == pytest.approx(1 - np.prod(1 - together), abs=1e-12)
        assert found[i] <= together.sum() + 1e-12


@FEW
@given(codes(), st.lists(st.floats(0.5, 100), min_size=24, max_size=24))
def test_individual_risk_never_exceeds_that_of_the_release(
    matrix: np.ndarray, weights: list[float]
) -> None:
    classes = EquivalenceClasses.from_codes(matrix, weights=weights[: len(matrix)])
    assert np.all(individual_risk(classes) <= 1 / classes.record_sizes * (1 + 1e-12))


@FEW
@given(st.lists(st.sets(st.integers(0, 5), max_size=4), min_size=1, max_size=10), st.integers(1, 3))
def test_support_of_known_items_is_that_of_brute_force(sets: list[set[int]], m: int) -> None:
    found = km_anonymity(sets, m=m)
    for own, support in zip(sets, found.record_support, strict=True):
        known = combinations(sorted(own), min(m, len(own))) if own else []
        expected = [sum(set(items) <= other for other in sets) for items in known]
        assert support == min(expected, default=0)


@FEW
@given(codes(columns=6), st.sampled_from([1, 2**20, 2**40, 2**61]))
def test_keys_that_overflow_are_made_dense_exactly(matrix: np.ndarray, stretch: int) -> None:
    columns = [matrix[:, j] * (stretch - 1) for j in range(matrix.shape[1])]
    key, capacity = pack(columns, [2 * stretch + 1] * len(columns), len(matrix))
    expected = pd.DataFrame(np.stack(columns, axis=1)).value_counts().sort_values().tolist()
    assert sorted(group_sizes(key, capacity).tolist()) == expected
    assert sorted(EquivalenceClasses.from_codes(np.stack(columns, 1)).sizes.tolist()) == expected


def test_more_than_sixty_two_columns_with_missing_values() -> None:
    patterns = np.zeros((3, 70), dtype=np.int64)
    patterns[1, 65] = -1
    patterns[2, 3] = 1
    found = wildcard_sizes(patterns, np.ones(3, dtype=np.int64), np.ones(3))
    assert found.sizes.tolist() == [2, 2, 1]
