"""Generalisation of ages, dates, times of day and day offsets."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from midi_risk.attributes.ages import plain

UNPARSED = "*"

_BIN = re.compile(r"(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)")
_OPEN = re.compile(r"(\d+(?:\.\d+)?)\+")
_UNDER = re.compile(r"<(\d+(?:\.\d+)?)")
TOP_AGE = 90
"""Ages from here on are one group: HIPAA 45 CFR 164.514(b)(2)(i)(C) allows up to 89."""

_AGE_EDGES = {
    "5y": (*range(0, 95, 5), math.inf),
    "10y": (*range(0, 100, 10), math.inf),
    "20y": (0, 20, 40, 60, 80, math.inf),
    "adult": (0, 20, math.inf),
}


def _span(text: str, months: float) -> tuple[float, float]:
    """Return the first and last completed year that an age can mean."""
    if match := _BIN.fullmatch(text):
        return math.floor(float(match.group(1))), math.floor(float(match.group(2)))
    if match := _OPEN.fullmatch(text):
        return math.floor(float(match.group(1))), math.inf
    if match := _UNDER.fullmatch(text):
        return 0, max(0, math.ceil(float(match.group(1))) - 1)
    year = math.floor(months / 12 + 1e-9)
    return year, year


def _year_label(low: float, high: float) -> str | None:
    if low >= TOP_AGE:
        return f"{TOP_AGE}+"
    if low != high:
        return None
    return "<1" if low == 0 else str(int(low))


def _band_label(low: float, high: float, edges: Sequence[float]) -> str | None:
    for start, stop in pairwise(edges):
        if start <= low < stop:
            if math.isinf(stop):
                return f"{int(start)}+"
            return f"{int(start)}-{int(stop) - 1}" if high < stop else None
    return None


def age_columns(text: Sequence[str], months: np.ndarray) -> list[list[str]]:
    """Return ages as whole years, 5-, 10- and 20-year bands, and minor or adult.

    A bin that straddles two bands keeps its own text until a band holds all of it.
    """
    columns: list[list[str]] = [[] for _ in range(1 + len(_AGE_EDGES))]
    for value, number in zip(text, months.tolist(), strict=True):
        if math.isnan(number):
            labels: list[str] = [UNPARSED] * len(columns)
        else:
            low, high = _span(value, number)
            found = [_year_label(low, high)]
            found += [_band_label(low, high, edges) for edges in _AGE_EDGES.values()]
            labels = [value if label is None else label for label in found]
        for column, label in zip(columns, labels, strict=True):
            column.append(label)
    return columns


def age_cut_columns(
    text: Sequence[str], months: np.ndarray, cuts: Sequence[float]
) -> list[list[str]]:
    """Return ages in the bands between given years; a bin that straddles two keeps its text."""
    edges = (*sorted({0, *(math.ceil(cut) for cut in cuts if cut > 0)}), math.inf)
    column = []
    for value, number in zip(text, months.tolist(), strict=True):
        label: str | None = UNPARSED
        if not math.isnan(number):
            label = _band_label(*_span(value, number), edges)
        column.append(value if label is None else label)
    return [column]


def age_in_days_columns(text: Sequence[str], days: np.ndarray) -> list[list[str]]:
    """Return ages in days (days to birth are negative) at the steps of the age ladder."""
    return age_columns(text, np.abs(days) * 12 / 365.25)


def _week(text: str) -> str:
    if len(text) != 10:
        return text
    block = min((int(text[8:]) - 1) // 7, 3)
    return f"{text[:7]}-{('01/07', '08/14', '15/21', '22/31')[block]}"


def _quarter(text: str) -> str:
    return f"{text[:4]}-Q{(int(text[5:7]) + 2) // 3}" if len(text) >= 7 else text


def _years(width: int) -> Callable[[str], str]:
    def label(text: str) -> str:
        start = int(text[:4]) // width * width
        return f"{start}-{start + width - 1}"

    return label


_DATE_STEPS: dict[str, tuple[Callable[[str], str], ...]] = {
    "date": (_week, lambda text: text[:7], _quarter, lambda text: text[:4]),
    "datetime": (lambda text: text, lambda text: text[:7], lambda text: text[:4]),
    "birthdate": (lambda text: text[:7], lambda text: text[:4], _years(5), _years(10)),
    "year": (_years(5), _years(10)),
}


def date_step(name: str) -> Callable[[str], str]:
    """Return how a date (``YYYY-MM-DD`` or partial) is labelled at a step.

    Examples
    --------
    >>> date_step("quarter")("2012-05-17"), date_step("5y")("2012-05-17")
    ('2012-Q2', '2010-2014')
    """
    steps: dict[str, Callable[[str], str]] = {
        "week": _week,
        "month": lambda text: text[:7],
        "quarter": _quarter,
        "year": lambda text: text[:4],
        "5y": _years(5),
        "10y": _years(10),
    }
    return steps[name]


def date_columns(ladder: str, text: Sequence[str], days: np.ndarray) -> list[list[str]]:
    """Return dates (``YYYY-MM-DD`` or partial) at the steps of a date ladder.

    Weeks are the blocks 1-7, 8-14, 15-21 and 22 to the end of a month, because
    calendar weeks do not nest in months.
    """
    known = np.isfinite(days).tolist()
    return [
        [step(value) if good else UNPARSED for value, good in zip(text, known, strict=True)]
        for step in _DATE_STEPS[ladder]
    ]


def time_columns(seconds: np.ndarray) -> list[list[str]]:
    """Return times of day as hours and as four parts of the day."""
    columns: list[list[str]] = [[], []]
    for value in seconds.tolist():
        if math.isnan(value):
            hour = part = UNPARSED
        else:
            clock = int(value) // 3600
            start = clock // 6 * 6
            hour, part = f"{clock:02d}:00-{clock:02d}:59", f"{start:02d}:00-{start + 5:02d}:59"
        columns[0].append(hour)
        columns[1].append(part)
    return columns


OFFSET_DAYS = (7, 28, 364, 1820, 3640)
"""Widths, in days, of the steps of the offset ladder: each divides the next."""


def offset_columns(text: Sequence[str], days: np.ndarray) -> list[list[str]]:
    """Return day offsets in periods of 1, 4, 52, 260 and 520 weeks that nest."""
    columns: list[list[str]] = []
    for width in OFFSET_DAYS:
        column = []
        for value, day in zip(text, days.tolist(), strict=True):
            if math.isnan(day):
                column.append(UNPARSED)
            elif value != plain(day):
                column.append(value)
            else:
                start = math.floor(day / width) * width
                column.append(f"days {start} to {start + width - 1}")
        columns.append(column)
    return columns
