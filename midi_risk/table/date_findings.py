"""What the dates of a source give away about how they were shifted, as findings."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.attributes.model import AttributeSet
from midi_risk.sources.model import SourceTable
from midi_risk.table.date_checks import (
    constant_offset,
    shift_consistency,
    unshifted_device_dates,
    weekday_preserved,
)
from midi_risk.table.model import Finding
from midi_risk.table.subjects import Subjects
from midi_risk.table.visits import VISIT_DATES, day_column, released_as_is

DEVICE_DATES = (
    "DateOfLastCalibration",
    "DateOfLastDetectorCalibration",
    "DateOfManufacture",
    "DateOfInstallation",
)
"""Dates of the device: true ones must not lie after the study, nor move with the subject."""

NEAR = 1
"""Days that dates of one series may lie apart in an untouched collection."""

Days = npt.NDArray[np.float64]


def date_findings(
    table: SourceTable, subjects: Subjects, attributes: AttributeSet, visits: pd.DataFrame
) -> list[Finding]:
    """Return the findings about dates that are released: counts and names, no dates.

    Parameters
    ----------
    table : SourceTable
        The leading source.
    subjects : Subjects
    attributes : AttributeSet
        With decisions; dates that are removed or generalised are not looked at.
    visits : pandas.DataFrame
        Columns ``subject`` and ``day``.

    Notes
    -----
    Without the original dates a shift is judged by what the release itself tells: dates of
    one series that moved apart, device dates after the study, and days of the week that show
    through. Objects derived from images may be younger than their study and do not count.
    """
    days = {name: _released_days(table, attributes, name) for name in VISIT_DATES}
    known = {name: day for name, day in days.items() if day is not None}
    if not known:
        return []
    who = subjects.of_row.copy()
    if len(subjects.derived) == len(who):
        who[subjects.derived] = -1
    first = next(iter(known))
    findings = []
    for name, day in known.items():
        if name != first:
            findings += _apart(who, known[first], day, first, name)
    for name in DEVICE_DATES:
        device = _released_days(table, attributes, name)
        if device is not None:
            findings += _device(who, known[first], device, name)
    return [*findings, *_weekday(visits, first)]


def _released_days(table: SourceTable, attributes: AttributeSet, name: str) -> Days | None:
    return day_column(table, name) if released_as_is(attributes, table, name) else None


def _both(who: npt.NDArray[np.int64], one: Days, other: Days) -> npt.NDArray[np.bool_]:
    return np.asarray((who >= 0) & np.isfinite(one) & np.isfinite(other))


def _apart(
    who: npt.NDArray[np.int64], one: Days, other: Days, first: str, name: str
) -> list[Finding]:
    """Return the findings about two dates that should have moved together."""
    rows = _both(who, one, other)
    subject, before, after = who[rows], one[rows].astype(int), other[rows].astype(int)
    found = []
    together = shift_consistency(subject, before, after, tolerance=NEAR)
    if together.passed is False:
        found.append(
            Finding(
                code="date-shift-inconsistent",
                attribute=name,
                subjects=together.failed,
                text=f"{_subjects(together.failed)} {name} at several distances from {first}: the"
                " dates of a subject did not move together",
            )
        )
    moved = np.abs(after - before) > NEAR
    number = len(np.unique(subject[moved]))
    if number:
        text = f"{_subjects(number)} {name} more than a day away from {first} in an image that was"
        text += " not derived: one was moved and the other was not, which tells the shift"
        found.append(Finding(code="date-apart", attribute=name, subjects=number, text=text))
        same = constant_offset(subject[moved], before[moved], after[moved])
        if same.passed is False:
            text = f"{same.failed} of {same.checked} subjects whose {name} lies apart from {first}"
            text += " share one distance: whoever knows one true date undoes it for all of them"
            found.append(
                Finding(
                    code="date-offset-constant", attribute=name, subjects=same.failed, text=text
                )
            )
    return found


def _device(who: npt.NDArray[np.int64], study: Days, device: Days, name: str) -> list[Finding]:
    """Return the finding of device dates that lie after the study."""
    rows = _both(who, study, device)
    check = unshifted_device_dates(who[rows], study[rows].astype(int), device[rows].astype(int))
    if check.passed is not False:
        return []
    text = f"{_subjects(check.failed)} {name} after the study, which is impossible: the study was"
    text += " moved and the device was not, and the true date bounds the shift"
    return [
        Finding(code="device-date-after-study", attribute=name, subjects=check.failed, text=text)
    ]


def _weekday(visits: pd.DataFrame, name: str) -> list[Finding]:
    """Return the finding that days of the week show through."""
    check = weekday_preserved(visits["day"].to_numpy())
    if check.passed is not False:
        return []
    number = int(visits["subject"].nunique())
    text = f"days of the week show through in {name}: two neighbouring days are nearly empty, so"
    text += " dates are as they were or moved by whole weeks, and the day of the week is known"
    return [Finding(code="weekday-shows", attribute=name, subjects=number, text=text)]


def _subjects(n: int) -> str:
    return "1 subject has" if n == 1 else f"{n} subjects have"
