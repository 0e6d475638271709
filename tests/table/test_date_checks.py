"""The borders of the checks of shifted dates."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import numpy as np
import pytest

from midi_risk.table.findings import (
    LEAST_DAYS,
    WEEKDAY_LEVEL,
    constant_offset,
    empty_weekend,
    shift_consistency,
    unshifted_device_dates,
    weekday_preserved,
)


@pytest.mark.parametrize(("tolerance", "failed"), [(0, 1), (1, 0)])
def test_one_day_apart_is_apart_unless_it_is_tolerated(tolerance, failed):
    assert shift_consistency([0, 0], [1, 2], [11, 13], tolerance=tolerance).failed == failed


def test_two_subjects_with_one_shift_are_a_finding_and_one_subject_is_none():
    assert constant_offset([0, 1], [1, 5], [31, 35]).passed is False
    assert constant_offset([0, 1], [1, 5], [31, 36]).passed is True
    assert constant_offset([0], [1], [31]).passed is None


def test_a_device_date_on_the_day_after_the_study_is_impossible():
    assert unshifted_device_dates([0], [100], [100]).failed == 0
    assert unshifted_device_dates([0], [100], [101]).failed == 1


def test_one_rare_day_of_the_week_is_no_weekend():
    all_but_one = [7 * week + day for week in range(20) for day in range(6)]
    assert weekday_preserved(all_but_one).passed is True
    all_but_two = [7 * week + day for week in range(20) for day in range(5)]
    assert weekday_preserved(all_but_two).passed is False


@pytest.mark.parametrize(("on_weekends", "even"), [(5, False), (6, False), (12, True)])
def test_a_thin_weekend_shows_through_as_an_empty_one_does(on_weekends, even):
    days = [7 * week + day for week in range(18) for day in range(5)]
    days += [7 * week + day for week in range(on_weekends) for day in (5, 6)]
    assert weekday_preserved(days).passed is even


@pytest.mark.parametrize(
    ("held", "days"), [(0, 27), (0, 26), (1, 27), (3, 60), (10, 100), (20, 100), (0, 1), (5, 5)]
)
def test_the_p_value_is_that_of_the_binomial_test_of_the_best_of_seven_pairs(held, days):
    below = sum(Fraction(comb(days, i) * 2**i * 5 ** (days - i), 7**days) for i in range(held + 1))
    assert empty_weekend(held, days) == pytest.approx(float(min(Fraction(1), 7 * below)))


def test_days_of_the_week_need_distinct_days():
    working = [7 * week + day for week in range(10) for day in range(5)]
    assert weekday_preserved(working[: LEAST_DAYS - 1] * 9).passed is None
    assert weekday_preserved(working[:LEAST_DAYS]).passed is False
    assert empty_weekend(0, LEAST_DAYS) < WEEKDAY_LEVEL <= empty_weekend(0, LEAST_DAYS - 1)
    two = [0, 184] * 400
    assert (weekday_preserved(two).passed, weekday_preserved(two).checked) == (None, 2)


def test_many_visits_of_a_day_are_one_piece_of_evidence():
    even = list(range(70))
    assert weekday_preserved(even + [0, 1, 2] * 1000).passed is True
    assert weekday_preserved(even).p_value == pytest.approx(1.0)


def test_a_shift_by_chance_is_called_out_as_rarely_as_it_should():
    rng = np.random.default_rng(11)
    draws = [weekday_preserved(rng.choice(5000, 60, replace=False)) for _ in range(2000)]
    assert sum(check.passed is False for check in draws) <= 6  # 2 expected at most
