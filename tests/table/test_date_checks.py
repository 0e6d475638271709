"""The borders of the checks of shifted dates."""

from __future__ import annotations

import pytest

from midi_risk.table.findings import (
    constant_offset,
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
