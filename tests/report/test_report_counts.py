"""Counts that may leave the house."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from midi_risk.report.counts import SafeCount, merged_bins, rounded, safe

laws = settings(deadline=None, max_examples=150)
thresholds = st.integers(1, 30)
counts = st.integers(0, 5000)


@laws
@given(counts, thresholds)
def test_a_count_is_zero_or_hidden_or_a_multiple_of_five_not_below_k(count, k):
    cell = safe(count, k)
    if 0 < count < k:
        assert cell.state == "below"
        assert cell.value is None
    else:
        assert cell.value % 5 == 0
        assert cell.value == 0 or cell.value >= k
        assert abs(cell.value - count) < 5


@laws
@given(counts, counts, thresholds)
def test_a_small_rest_of_a_total_is_hidden_too(part, rest, k):
    cell = safe(part, k, part + rest)
    if 0 < part < k:
        assert cell.state == "below"
    elif 0 < rest < k:
        assert cell.state == "all_but"
        assert cell.value is None


@laws
@given(st.lists(st.integers(0, 60), max_size=12), thresholds)
def test_merged_bins_hold_at_least_k_subjects_and_lose_none(subjects, k):
    bins = [(i + 1, i + 1, n) for i, n in enumerate(subjects)]
    merged = merged_bins(bins, k)
    assert all(n >= k for _, _, n in merged)
    assert all(a[1] < b[0] for a, b in itertools.pairwise(merged))
    total = sum(subjects)
    assert sum(n for _, _, n in merged) == (total if total >= k else 0)


def test_bins_on_both_sides_of_the_threshold_stay_apart_where_both_are_large_enough():
    assert merged_bins([(1, 1, 20), (2, 10, 30), (11, 20, 40)], 11)[-1] == (11, 20, 40)
    assert merged_bins([(1, 1, 3), (11, 20, 40)], 11) == ((1, 20, 43),)


@pytest.mark.parametrize("value", [1, 12, 388])
def test_the_type_refuses_an_exact_count(value):
    with pytest.raises(ValidationError):
        SafeCount(state="shown", value=value, k=11)


def test_the_type_refuses_a_hidden_count_with_a_value():
    with pytest.raises(ValidationError):
        SafeCount(state="below", value=15, k=11)


def test_rounding_never_falls_into_the_suppressed_range():
    assert [rounded(n, 11) for n in (0, 11, 12, 13, 17, 18)] == [0, 15, 15, 15, 15, 20]


def test_a_bin_begins_and_ends_at_sizes_that_somebody_has():
    bins = [(1, 1, 0), (2, 2, 20), (3, 4, 0), (11, 20, 30), (21, 40, 0)]
    assert merged_bins(bins, 11) == ((2, 2, 20), (11, 20, 30))
