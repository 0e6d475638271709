"""Matching sets under imprecise knowledge, against all pairs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midi_risk.errors import MeasureError
from midi_risk.risk.classes import matching
from midi_risk.risk.classes.matching import matching_set_sizes, renumbered


def by_pairs(exact, numeric, tolerances, missing):
    n = len(exact)
    sizes = np.zeros(n, dtype=int)
    for i in range(n):
        for j in range(n):
            ok = True
            for column in range(exact.shape[1]):
                a, b = exact[i, column], exact[j, column]
                wild = missing == "wildcard" and -1 in (a, b)
                ok &= wild or a == b
            for column, within in enumerate(tolerances):
                a, b = numeric[i, column], numeric[j, column]
                if np.isnan(a) or np.isnan(b):
                    ok &= missing == "wildcard" or (np.isnan(a) and np.isnan(b))
                else:
                    ok &= abs(a - b) <= within + 1e-12
            sizes[i] += ok
    return sizes


def table(seed, n, q, r, gaps):
    rng = np.random.default_rng(seed)
    exact = rng.integers(-1 if gaps else 0, 3, (n, q))
    numeric = rng.integers(0, 12, (n, r)).astype(float)
    if gaps:
        numeric[rng.random((n, r)) < 0.2] = np.nan
    return exact, numeric, rng.integers(0, 4, r).astype(float)


@given(
    st.integers(0, 10**6), st.integers(1, 25), st.integers(0, 3), st.integers(0, 3), st.booleans()
)
@settings(deadline=None, max_examples=120)
def test_sizes_equal_those_of_all_pairs(seed, n, q, r, gaps):
    exact, numeric, tolerances = table(seed, n, q, r, gaps)
    for missing in ("wildcard", "category"):
        sizes = matching_set_sizes(exact, numeric, tolerances, missing=missing)
        assert sizes.tolist() == by_pairs(exact, numeric, tolerances, missing).tolist()


@given(st.integers(0, 10**6), st.integers(1, 40), st.booleans())
@settings(deadline=None, max_examples=40)
def test_bit_sets_and_small_batches_count_the_same(seed, n, gaps):
    exact, numeric, tolerances = table(seed, n, 2, 3, gaps)
    expected = matching_set_sizes(exact, numeric, tolerances)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matching, "_PAIRS", 3)
        assert matching_set_sizes(exact, numeric, tolerances).tolist() == expected.tolist()
        patch.setattr(matching, "_ENUMERATE", -1)
        patch.setattr(matching, "_BLOCK", 7)
        assert matching_set_sizes(exact, numeric, tolerances).tolist() == expected.tolist()


@given(st.integers(0, 10**6), st.integers(2, 30))
@settings(deadline=None, max_examples=40)
def test_a_wider_tolerance_never_shrinks_a_matching_set(seed, n):
    exact, numeric, tolerances = table(seed, n, 1, 2, gaps=True)
    narrow = matching_set_sizes(exact, numeric, tolerances)
    wide = matching_set_sizes(exact, numeric, tolerances + 1)
    assert np.all(wide >= narrow)
    assert np.all(narrow >= 1)


def test_a_difference_equal_to_the_tolerance_is_compatible():
    assert matching_set_sizes(np.zeros((2, 0)), [[0.1], [0.3]], [0.2]).tolist() == [2, 2]
    assert matching_set_sizes(np.zeros((2, 0)), [[0.1], [0.301]], [0.2]).tolist() == [1, 1]


def test_without_numeric_columns_the_sets_are_equivalence_classes():
    codes = [[0, 1], [0, 1], [2, 1], [0, 0]]
    assert matching_set_sizes(codes).tolist() == [2, 2, 1, 1]


def test_ages_around_a_gap_are_not_transitive():
    sizes = matching_set_sizes(np.zeros((4, 1)), [[60], [62], [64], [90]], [2])
    assert sizes.tolist() == [2, 3, 2, 1]


def test_wrong_shapes_are_one_line():
    with pytest.raises(MeasureError, match="one row per record"):
        matching_set_sizes([0, 1])
    with pytest.raises(MeasureError, match="one tolerance"):
        matching_set_sizes([[0], [1]], [[1.0], [2.0]], [])
    with pytest.raises(MeasureError, match="not negative"):
        matching_set_sizes([[0], [1]], [[1.0], [2.0]], [-1])
    assert matching_set_sizes(np.empty((0, 2))).tolist() == []


@pytest.mark.parametrize("high", [2, 40, 10**6, 2**61])
def test_rows_are_numbered_in_their_order_however_many_columns_and_values(high):
    draw = np.random.default_rng(20)
    for rows, columns in [(0, 3), (1, 1), (40, 1), (40, 30), (7, 5)]:
        table = draw.integers(-high, high, (rows, columns))
        _, expected = np.unique(table, axis=0, return_inverse=True)
        assert renumbered(table).tolist() == np.ravel(expected).tolist()
