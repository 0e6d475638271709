"""Contribution of each quasi-identifier."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midi_risk.errors import MeasureError
from midi_risk.risk.measures import contribution as module
from midi_risk.risk.measures.combinations import SubsetRisk
from midi_risk.risk.measures.contribution import (
    attribute_contributions,
    shapley,
    values_of_worth,
)


def by_orders(value, n):
    total = np.zeros(n)
    orders = list(itertools.permutations(range(n)))
    for order in orders:
        for at, player in enumerate(order):
            before, after = sorted(order[:at]), sorted(order[: at + 1])
            total[player] += value(tuple(after)) - value(tuple(before))
    return total / len(orders)


def risk_written_out(codes, subset, statistic, k=11):
    rows = [tuple(row[list(subset)]) for row in codes]
    sizes = np.array([rows.count(row) for row in rows])
    if statistic == "max":
        return 1 / sizes.min()
    if statistic == "mean":
        return np.mean(1 / sizes)
    return np.mean(sizes < k)


TABLES = st.integers(0, 10**6).map(
    lambda seed: np.random.default_rng(seed).integers(-1, 3, (1 + seed % 20, 1 + seed % 4))
)


def test_the_glove_game_has_its_known_values():
    def pairs(team):
        return float(min(sum(i < 1 for i in team), sum(i >= 1 for i in team)))

    assert shapley(pairs, 3).values == pytest.approx([2 / 3, 1 / 6, 1 / 6])


@given(TABLES, st.sampled_from(["max", "mean", "at_risk"]))
@settings(deadline=None, max_examples=60)
def test_values_equal_those_of_all_orders(codes, statistic):
    q = codes.shape[1]
    found = attribute_contributions(codes, statistic=statistic, k=3)

    def value(subset):
        return risk_written_out(codes, subset, statistic, 3)

    assert found.values == pytest.approx(by_orders(value, q), abs=1e-12)
    assert found.values.sum() == pytest.approx(found.total - found.baseline, abs=1e-12)
    everything = tuple(range(q))
    assert found.total == pytest.approx(value(everything))
    for one in range(q):
        rest = tuple(i for i in everything if i != one)
        assert found.leave_one_out[one] == pytest.approx(found.total - value(rest))
        assert found.add_one_in[one] == pytest.approx(value((one,)) - found.baseline)


def test_beyond_twelve_attributes_values_are_sampled_with_an_interval(monkeypatch):
    codes = np.random.default_rng(8).integers(0, 3, (200, 6))
    exact = attribute_contributions(codes).values
    monkeypatch.setattr(module, "EXACT_PLAYERS", 3)
    found = attribute_contributions(codes, permutations=150, rng=np.random.default_rng(1))
    assert not found.exact
    covered = [
        (run.lower <= exact) & (exact <= run.upper)
        for run in (
            attribute_contributions(codes, permutations=60, rng=np.random.default_rng(seed))
            for seed in range(12)
        )
    ]
    assert np.mean(covered) >= 0.88
    assert found.values.sum() == pytest.approx(found.total - found.baseline)
    again = attribute_contributions(codes, permutations=150, rng=np.random.default_rng(1))
    assert again.values.tolist() == found.values.tolist()
    with pytest.raises(MeasureError, match="random generator"):
        attribute_contributions(codes)


def test_an_attribute_with_one_value_contributes_nothing():
    codes = np.column_stack([np.arange(6) % 3, np.zeros(6, dtype=int)])
    assert attribute_contributions(codes).values[1] == pytest.approx(0)


def test_worth_may_have_further_dimensions():
    worth = np.array([[0.0, 0], [1, 2], [1, 0], [4, 2]])
    assert values_of_worth(worth).tolist() == [[2, 2], [2, 0]]


def test_a_wide_table_of_codes_sorts_and_a_narrow_one_counts_to_the_same_classes():
    codes = np.random.default_rng(5).integers(0, 10**9, (300, 2))
    codes[150:] = codes[:150]
    assert SubsetRisk(codes, statistic="max")((0, 1)) == 0.5


def test_wrong_calls_are_one_line():
    with pytest.raises(MeasureError, match="no quasi-identifier"):
        shapley(len, 0)
    with pytest.raises(MeasureError, match="at least one subject"):
        attribute_contributions(np.empty((0, 2)))
