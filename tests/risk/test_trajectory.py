"""Known visits, interval vectors and shifted dates."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midi_risk.errors import MeasureError
from midi_risk.risk.attacks.linkage import expected_compatible
from midi_risk.risk.measures import trajectory
from midi_risk.risk.measures.trajectory import interval_uniqueness, known_visits_risk, visit_items
from midi_risk.table.findings import (
    constant_offset,
    shift_consistency,
    unshifted_device_dates,
    weekday_preserved,
)

SUBJECT = [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3]
MONTH = [0, 3, 6, 0, 3, 9, 0, 6, 9, 0, 3, 6, 9]

VISITS = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 7)), max_size=45)


def by_enumeration(visits, m, n):
    histories = [{item for who, item in visits if who == row} for row in range(n)]
    support = []
    for own in histories:
        size = len(own) if m == "all" else min(m, len(own))
        chosen = itertools.combinations(sorted(own), size)
        support.append(min(sum(set(part) <= other for other in histories) for part in chosen))
    return np.array(support)


@pytest.mark.parametrize(
    ("m", "risk"),
    [(1, [1 / 3] * 4), (2, [1 / 2] * 4), (3, [1 / 2] * 3 + [1]), ("all", [1 / 2] * 3 + [1])],
)
def test_the_four_histories_have_the_printed_risks(m, risk):
    found = known_visits_risk(SUBJECT, MONTH, m)
    assert found.risk == pytest.approx(risk)
    assert found.kind == "exact"


@given(VISITS)
@settings(deadline=None, max_examples=80)
def test_support_equals_enumeration_for_few_and_all_visits(visits):
    who, item = [w for w, _ in visits], [i for _, i in visits]
    for m in (1, 2, 3, "all"):
        found = known_visits_risk(who, item, m, n_subjects=9)
        assert found.exact.all()
        assert found.support.tolist() == by_enumeration(visits, m, 9).tolist()


@given(VISITS)
@settings(deadline=None, max_examples=60)
def test_beyond_three_the_risk_is_a_lower_bound_and_says_so(visits):
    who, item = [w for w, _ in visits], [i for _, i in visits]
    for m in (4, 5):
        found = known_visits_risk(who, item, m, n_subjects=9)
        truth = by_enumeration(visits, m, 9)
        assert np.all(found.support >= truth)
        assert np.all(found.support[found.exact] == truth[found.exact])
        assert found.kind == ("exact" if found.exact.all() else "bound")


def test_four_of_six_visits_are_chosen_greedily_and_called_a_bound():
    everything = set(range(6))
    histories = [everything, *(everything - {item} for item in range(6))]
    who = [row for row, history in enumerate(histories) for _ in history]
    found = known_visits_risk(who, [item for history in histories for item in history], 4)
    assert (found.support[0], found.exact[0], found.kind) == (3, False, "bound")


@given(VISITS)
@settings(deadline=None, max_examples=40)
def test_knowing_more_visits_never_lowers_the_risk(visits):
    who, item = [w for w, _ in visits], [i for _, i in visits]
    supports = [known_visits_risk(who, item, m, n_subjects=9).support for m in (1, 2, 3, 4, "all")]
    for fewer, more in itertools.pairwise(supports):
        assert np.all(more <= fewer)


def test_small_batches_and_lists_instead_of_bit_sets_change_nothing(monkeypatch):
    rng = np.random.default_rng(2)
    who, item = rng.integers(0, 60, 700), rng.integers(0, 25, 700)
    before = {m: known_visits_risk(who, item, m).support for m in (2, 3, 5, "all")}
    monkeypatch.setattr(trajectory, "_BATCH", 50)
    monkeypatch.setattr(trajectory, "_BITSET_BYTES", 0)
    for m, support in before.items():
        assert known_visits_risk(who, item, m).support.tolist() == support.tolist()


def test_subjects_without_visits_keep_the_whole_release():
    found = known_visits_risk([0], [5], 2, n_subjects=4)
    assert found.support.tolist() == [1, 4, 4, 4]
    assert known_visits_risk([], [], 1, n_subjects=2).support.tolist() == [2, 2]


def test_wrong_calls_are_one_line():
    with pytest.raises(MeasureError, match="at least one visit"):
        known_visits_risk([0], [1], 0)
    with pytest.raises(MeasureError, match="no subject"):
        known_visits_risk([5], [1], 1, n_subjects=2)
    with pytest.raises(MeasureError, match="every visit"):
        known_visits_risk([0, 1], [1], 1)
    with pytest.raises(MeasureError, match="at least one day"):
        visit_items([0], [1], bin_days=0)


def test_items_follow_anchor_bin_and_what_was_done():
    who, day = [0, 0, 1, 1], [100, 108, 500, 507]
    assert visit_items(who, day).tolist() == [0, 1, 2, 3]
    offsets = visit_items(who, day, anchor="first-visit")
    assert offsets.tolist() == [0, 2, 0, 1]
    weeks = visit_items(who, day, anchor="first-visit", bin_days=7)
    assert weeks.tolist() == [0, 1, 0, 1]
    done = visit_items(who, day, anchor="first-visit", bin_days=7, what=[0, 0, 0, 1])
    assert done.tolist() == [0, 1, 0, 2]


@pytest.mark.parametrize(
    ("visits", "spread", "printed"),
    [
        (2, 7, (0.01, 0, 0)), (2, 30, (0.055, 0.004, 0)),
        (3, 7, (0.49, 0.01, 0)), (3, 30, (0.96, 0.23, 0.01)),
        (4, 7, (0.97, 0.08, 0)), (4, 30, (1, 0.86, 0.08)),
    ],
)  # fmt: skip
def test_simulated_schedules_have_the_printed_uniqueness(visits, spread, printed):
    rng = np.random.default_rng(500)
    shares, risks = [], []
    for _ in range(4):
        jitter = rng.normal(0, spread, (500, visits)) * (np.arange(visits) > 0)
        day = np.rint(np.arange(visits) * 90 + jitter).astype(int).ravel()
        who = np.repeat(np.arange(500), visits)
        classes = [interval_uniqueness(who, day, bin_days=size) for size in (1, 7, 30)]
        shares.append([found.unique_share for found in classes])
        risks.append(classes[0].average_risk)
    assert np.mean(shares, axis=0) == pytest.approx(printed, abs=0.035)
    if (visits, spread) == (3, 7):
        assert np.mean(risks) == pytest.approx(0.70, abs=0.02)


def test_interval_vectors_ignore_a_shift_and_separate_lengths():
    found = interval_uniqueness([0, 0, 1, 1, 2, 3, 3, 3], [10, 40, 5, 35, 7, 1, 31, 60])
    assert found.sizes.tolist() == [2, 2, 1, 1]
    pairs = interval_uniqueness([0, 0, 1, 1, 2], [10, 40, 5, 35, 7], visits=2)
    assert pairs.subjects.tolist() == [0, 1]
    counts = interval_uniqueness([0, 0, 1, 1, 2], [10, 40, 5, 99, 7], bin_days=0)
    assert counts.sizes.tolist() == [2, 2, 1]
    assert interval_uniqueness([], []).unique_share is None


def test_offsets_within_a_subject_must_be_one():
    good = shift_consistency([0, 0, 1, 1], [1, 9, 1, 5], [11, 19, 31, 35])
    assert good.passed
    bad = shift_consistency([0, 0, 1, 1], [1, 9, 1, 5], [11, 19, 31, 36])
    assert (bad.passed, bad.failed, bad.checked) == (False, 1, 2)
    assert shift_consistency([0, 1], [1, 2], [3, 9]).passed is None


def test_one_offset_for_everybody_is_found():
    assert constant_offset([0, 1, 2], [1, 2, 3], [31, 32, 33]).failed == 3
    rng = np.random.default_rng(1)
    own = rng.permutation(np.arange(-180, 180))[:100]
    assert constant_offset(np.arange(100), np.zeros(100), own).passed
    half = np.where(np.arange(100) < 50, 30, own)
    assert constant_offset(np.arange(100), np.zeros(100), half).passed is False
    assert constant_offset([0], [1], [2]).passed is None


def test_weekdays_that_survive_are_found_with_and_without_the_original():
    rng = np.random.default_rng(4)
    true = np.array([d for d in range(700) if d % 7 < 5])
    assert weekday_preserved(true).passed is False
    assert weekday_preserved(true + rng.integers(-90, 90, true.size)).passed
    assert weekday_preserved(true + 7 * rng.integers(1, 9, true.size), true).passed is False
    assert weekday_preserved(true + rng.integers(1, 60, true.size), true).passed
    assert weekday_preserved(true[:20]).passed is None


def test_a_device_date_after_its_study_is_found():
    found = unshifted_device_dates([0, 0, 1], [100, 90, 100], [95, 95, 60])
    assert (found.failed, found.checked, found.passed) == (1, 2, False)


def test_subjects_compatible_with_a_shift_equal_the_printed_vector():
    found = [
        expected_compatible(500, window_days=window, period_days=3650)
        for window in (7, 30, 90, 365)
    ]
    assert found == pytest.approx([2.1, 8.4, 24.8, 100], abs=0.15)
