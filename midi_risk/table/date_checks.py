"""What shifted dates still give away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from midi_risk.errors import MeasureError

Codes = NDArray[np.int64]


def _arrays(*given: ArrayLike) -> list[Codes]:
    arrays = [np.asarray(values).astype(np.int64) for values in given]
    if any(array.shape != arrays[0].shape or array.ndim != 1 for array in arrays):
        raise MeasureError("every visit needs one subject and one day")
    return arrays


@dataclass(frozen=True, slots=True, kw_only=True)
class DateCheck:
    """One check of shifted dates.

    Parameters
    ----------
    name : str
        ``shift-consistency``, ``constant-offset``, ``weekday`` or ``device-dates``.
    checked : int
        Subjects (or visits, for ``weekday``) that could be checked.
    failed : int
        How many of them give something away.
    passed : bool or None
        None when nothing could be checked: unknown, not passed.
    text : str
        One sentence.
    """

    name: str
    checked: int
    failed: int
    passed: bool | None
    text: str


def shift_consistency(
    subject: ArrayLike, before: ArrayLike, after: ArrayLike, *, tolerance: int = 0
) -> DateCheck:
    """Check that all dates of a subject moved by the same number of days.

    Parameters
    ----------
    subject : array_like of int
        Subject of each pair of dates, shape (p,).
    before, after : array_like of int
        The same date in two places (original and release, or two attributes), shape (p,).
    tolerance : int
        Days that the offsets of one subject may lie apart, as an acquisition after midnight.

    Examples
    --------
    >>> shift_consistency([0, 0, 1, 1], [1, 2, 1, 2], [11, 12, 31, 33]).failed
    1
    """
    who, first, second = _arrays(subject, before, after)
    low, high, counted = _spread(who, second - first)
    failed = int(np.sum(high - low > tolerance))
    checked = int(np.sum(counted > 1))
    return DateCheck(
        name="shift-consistency",
        checked=checked,
        failed=failed,
        passed=None if not checked else failed == 0,
        text=f"{failed} of {checked} subjects with several dates have more than one offset",
    )


def _spread(who: Codes, offset: Codes) -> tuple[Codes, Codes, Codes]:
    """Return smallest and largest offset and number of dates of every subject."""
    order = np.argsort(who, kind="stable")
    sorted_who, sorted_offset = who[order], offset[order]
    if not who.size:
        return sorted_offset, sorted_offset, sorted_offset
    begin = np.flatnonzero(np.concatenate([[True], sorted_who[1:] != sorted_who[:-1]]))
    return (
        np.minimum.reduceat(sorted_offset, begin),
        np.maximum.reduceat(sorted_offset, begin),
        np.diff(np.append(begin, who.size)).astype(np.int64),
    )


def constant_offset(subject: ArrayLike, before: ArrayLike, after: ArrayLike) -> DateCheck:
    """Check that subjects were not all shifted by one and the same offset.

    Whoever knows one true date of one subject reverses such a shift for everybody.

    Parameters
    ----------
    subject, before, after
        As in `shift_consistency`.

    Examples
    --------
    >>> constant_offset([0, 1, 2], [1, 5, 9], [31, 35, 39]).passed
    False
    """
    who, first, second = _arrays(subject, before, after)
    low, _, counted = _spread(who, second - first)
    subjects = len(counted)
    if subjects < 2:
        return DateCheck(
            name="constant-offset", checked=subjects, failed=0, passed=None,
            text="fewer than two subjects have a date in both places",
        )  # fmt: skip
    _, shared = np.unique(low, return_counts=True)
    most = int(shared.max())
    common = most == subjects or most > max(2, subjects / 10)
    return DateCheck(
        name="constant-offset",
        checked=subjects,
        failed=most if common else 0,
        passed=not common,
        text=f"the commonest offset is shared by {most} of {subjects} subjects",
    )


def weekday_preserved(day: ArrayLike, original: ArrayLike | None = None) -> DateCheck:
    """Check whether the days of the week survived the shift.

    With the original days: all offsets are whole weeks. Without: two neighbouring days of
    the seven are nearly empty, as weekends are in imaging, so the calendar shows through
    (a shift by a random number of days per subject would fill them).

    Parameters
    ----------
    day : array_like of int
        Days in the release, from any origin, shape (v,).
    original : array_like of int, optional
        The same days before the shift, shape (v,).

    Examples
    --------
    >>> weekday_preserved([9, 17], [1, 2]).passed
    True
    >>> weekday_preserved([7 * week + weekday for week in range(20) for weekday in range(5)]).passed
    False
    """
    (when,) = _arrays(day)
    if original is not None:
        when, true = _arrays(day, original)
        moved = when != true
        whole = int(np.sum(moved & ((when - true) % 7 == 0)))
        checked = int(moved.sum())
        return DateCheck(
            name="weekday",
            checked=checked,
            failed=whole,
            passed=None if not checked else whole < max(1, checked * 0.5),
            text=f"{whole} of {checked} moved dates kept their day of the week",
        )
    if when.size < 50:
        return DateCheck(
            name="weekday", checked=int(when.size), failed=0, passed=None,
            text="fewer than 50 visits: days of the week cannot be judged",
        )  # fmt: skip
    counts = np.bincount(when % 7, minlength=7)
    rare = float(np.min(counts + np.roll(counts, -1)) / when.size)
    shows = rare < 1 / 7  # half of what two of seven days would hold
    return DateCheck(
        name="weekday",
        checked=int(when.size),
        failed=int(when.size) if shows else 0,
        passed=not shows,
        text=f"two neighbouring days of the week hold {rare:.1%} of the visits (2/7 if even)",
    )


def unshifted_device_dates(
    subject: ArrayLike, study_day: ArrayLike, device_day: ArrayLike
) -> DateCheck:
    """Check that no date of the device (calibration, manufacture) lies after its study.

    Such an order is impossible, so one of the two dates was moved and the other was not:
    the true one bounds the offset.

    Parameters
    ----------
    subject : array_like of int
        Subject of each pair, shape (p,).
    study_day, device_day : array_like of int
        Days in the release, shape (p,).

    Examples
    --------
    >>> unshifted_device_dates([0, 1], [100, 100], [90, 120]).failed
    1
    """
    who, study, device = _arrays(subject, study_day, device_day)
    checked = int(np.unique(who).size)
    failed = int(np.unique(who[device > study]).size)
    return DateCheck(
        name="device-dates",
        checked=checked,
        failed=failed,
        passed=None if not checked else failed == 0,
        text=f"{failed} of {checked} subjects have a device date after the study",
    )


def compatible_subjects(population: float, window_days: float, span_days: float) -> float:
    """Return how many subjects fit a date known up to a shift of +- ``window_days``.

    ``N (2 W + 1) / T``: subjects spread evenly over T days.

    Parameters
    ----------
    population : float
        Subjects N.
    window_days : float
        Largest shift W.
    span_days : float
        Days T that the collection spans.

    Examples
    --------
    >>> [round(compatible_subjects(500, w, 3650), 1) for w in (7, 30, 90)]
    [2.1, 8.4, 24.8]
    """
    if span_days <= 0 or window_days < 0:
        raise MeasureError("a span is above 0 days and a shift is not negative")
    return min(float(population), population * (2 * window_days + 1) / span_days)
