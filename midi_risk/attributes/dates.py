"""Dates and times of day, from DICOM, ISO 8601 and spreadsheets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta

from midi_risk.attributes.model import Kind
from midi_risk.attributes.parsed import (
    AMBIGUOUS,
    BAD,
    IMPLAUSIBLE,
    MISSING,
    MULTI,
    OK,
    REPAIRED,
    Parsed,
    is_missing,
    nothing,
    tidy,
)

FIRST_YEAR, LAST_YEAR = 1800, 2199
_EXCEL_ZERO = date(1899, 12, 30)
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan januar january janvier enero",
            "feb februar february février fevrier febrero fév fev",
            "mar mär mrz märz march mars marzo",
            "apr april avril abril avr abr",
            "may mai mayo",
            "jun juni june juin junio",
            "jul juli july juillet julio",
            "aug august août aout agosto ago",
            "sep sept september septembre septiembre",
            "oct okt oktober october octobre octubre",
            "nov november novembre noviembre",
            "dec dez dezember december décembre decembre diciembre déc dic",
        ),
        start=1,
    )
    for name in names.split()
}

_TIME_TAIL = (
    r"(?:[T ]\s*\d{1,2}(?::?\d{2}){0,2}(?:[.,]\d+)?\s*(?:[AaPp][Mm])?"
    r"\s*(?:Z|UTC|[+-]\d{2}:?\d{2})?)?"
)
_DA = re.compile(r"(\d{4})(\d{2})(\d{2})")
_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})" + _TIME_TAIL)
_DT = re.compile(r"(\d{4})(\d{2})(\d{2})\d{2}(?:\d{2}){0,2}(?:\.\d{1,6})?(?:[+-]\d{4})?")
_MONTH = re.compile(r"(\d{4})-(\d{1,2})")
_MONTH_FIRST = re.compile(r"(\d{1,2})[/.-](\d{4})")
_MONTH_DA = re.compile(r"(\d{4})(\d{2})")
_YEAR = re.compile(r"(\d{4})(?:\.0+)?")
_UNKNOWN_PARTS = re.compile(
    r"^(?:(?:UNK?|UK|XX|00)[-/ .]){1,2}(?=\w)|(?<=\d)(?:-(?:UNK?|UK|XX|-)?){1,2}$", re.IGNORECASE
)
_NO_MONTH = re.compile(r"(\d{4})---?\d{2}(?:T.*)?")
"""ISO 8601 with the month left out, as SDTM writes it (SDTMIG 4.4.2)."""

_INTERVAL = re.compile(r"\d{4}-[^/]*/\d{4}-[^/]*")
_NO_DATE = re.compile(r"-{3,5}T.*")
_NO_HOUR = re.compile(r"^(\d{4}-\d{2}-\d{2})T-.*$")
_NUMERIC = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})" + _TIME_TAIL)
_NAMED = re.compile(r"(\d{1,2})[. -]*([A-Za-zÀ-ÿ]{3,10})\.?[ ,-]*(\d{4})" + _TIME_TAIL)
_NAMED_US = re.compile(r"([A-Za-zÀ-ÿ]{3,10})\.? *(\d{1,2}),? +(\d{4})" + _TIME_TAIL)
_NAMED_MONTH = re.compile(r"([A-Za-zÀ-ÿ]{3,10})\.?[ -]*(\d{4})")
_SERIAL = re.compile(r"(\d{5})(?:\.\d+)?")


def _whole(year: int, month: int, day: int, flag: str) -> Parsed:
    try:
        when = date(year, month, day)
    except ValueError:
        return nothing(BAD)
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return nothing(IMPLAUSIBLE)
    return Parsed(when.isoformat(), float(when.toordinal()), flag)


def _month(year: int, month: int, flag: str) -> Parsed:
    whole = _whole(year, month, 1, flag)
    return Parsed(whole.text[:7], whole.number, flag) if whole.text else whole


def _year(year: int) -> Parsed:
    whole = _whole(year, 1, 1, OK)
    return Parsed(whole.text[:4], whole.number, OK) if whole.text else whole


def _standard(text: str) -> Parsed | None:
    if match := _DA.fullmatch(text) or _ISO.fullmatch(text) or _DT.fullmatch(text):
        year, month, day = (int(part) for part in match.groups())
        return _whole(year, month, day, OK)
    if match := _MONTH.fullmatch(text):
        return _month(int(match.group(1)), int(match.group(2)), OK)
    if match := _YEAR.fullmatch(text) or _NO_MONTH.fullmatch(text):
        return _year(int(match.group(1)))
    if match := _MONTH_FIRST.fullmatch(text):
        return _month(int(match.group(2)), int(match.group(1)), REPAIRED)
    if match := _MONTH_DA.fullmatch(text):
        return _month(int(match.group(1)), int(match.group(2)), REPAIRED)
    return None


def _named(text: str) -> Parsed | None:
    if match := _NAMED.fullmatch(text):
        month = _MONTHS.get(match.group(2).lower())
        return _whole(int(match.group(3)), month, int(match.group(1)), REPAIRED) if month else None
    if match := _NAMED_US.fullmatch(text):
        month = _MONTHS.get(match.group(1).lower())
        return _whole(int(match.group(3)), month, int(match.group(2)), REPAIRED) if month else None
    if match := _NAMED_MONTH.fullmatch(text):
        month = _MONTHS.get(match.group(1).lower())
        return _month(int(match.group(2)), month, REPAIRED) if month else None
    return None


_QUARTER = r"(\d{4})(?:-Q([1-4]))?"
PERIOD = re.compile(
    rf"(?:(?P<sign><)?{_QUARTER}(?P<plus>\+)?|{_QUARTER} to {_QUARTER}|(\d{{4}})-(\d{{4}}))"
)
"""A period as a released table shows it: ``<2005``, ``2005-2007``, ``2012-Q2``, ``2015+``."""


def _period(text: str) -> Parsed | None:
    """Return a period of a released table under its own text, with its first day as number.

    One without a first day has its last, so that it stands before the period that follows.
    """
    match = PERIOD.fullmatch(text)
    if match is None:
        return None
    first = next(i for i in (2, 5, 9) if match.group(i) is not None)
    quarter = match.group(first + 1) if first != 9 else None
    if first == 9 and int(match.group(9)) >= int(match.group(10)):
        return None
    whole = _whole(int(match.group(first)), 3 * int(quarter or 1) - 2, 1, OK)
    return Parsed(text, whole.number - bool(match["sign"]), OK) if whole.text else whole


def _spreadsheet(text: str, *, day_first: bool, settled: bool) -> Parsed | None:
    if match := _NUMERIC.fullmatch(text):
        first, sign, second, year = match.groups()
        full = int(year) if len(year) == 4 else int(year) + (1900 if int(year) >= 30 else 2000)
        day, month = (first, second) if day_first or sign == "." else (second, first)
        if int(month) > 12:
            day, month = month, day
        open_order = sign != "." and max(int(day), int(month)) <= 12 and int(day) != int(month)
        flag = AMBIGUOUS if open_order and not settled else REPAIRED
        return _whole(full, int(month), int(day), flag)
    if match := _SERIAL.fullmatch(text):
        days = int(match.group(1))
        if days < 73051:
            when = _EXCEL_ZERO + timedelta(days=days)
            return _whole(when.year, when.month, when.day, REPAIRED)
    return None


def parse_date(raw: str, *, day_first: bool = False, settled: bool = True) -> Parsed:
    """Read one date or date-time.

    Parameters
    ----------
    raw : str
        DA, DT, ISO 8601 (also partial), or a common spreadsheet form.
    day_first : bool
        How ``03/04/2012`` is meant; dots always mean day first.
    settled : bool
        Whether that is known; else such a date is flagged as ambiguous.

    Returns
    -------
    Parsed
        Text ``YYYY-MM-DD``, ``YYYY-MM`` or ``YYYY``; number is the proleptic ordinal of
        that day (1 = 0001-01-01), of the first day when partial. The time of day is
        dropped. A year of two digits from 30 on is of the last century, as spreadsheets
        have it.

    Examples
    --------
    >>> parse_date("20130517").text, parse_date("2013-05").text, parse_date("Sep1999").text
    ('2013-05-17', '2013-05', '1999-09')
    """
    text = _NO_HOUR.sub(r"\1", _UNKNOWN_PARTS.sub("", tidy(raw)))
    if is_missing(text, Kind.DATE) or _NO_DATE.fullmatch(text):
        return nothing(MISSING)
    if "\\" in text or _INTERVAL.fullmatch(text):
        parts = re.split(r"\\" if "\\" in text else "/", text)
        first = parse_date(parts[0], day_first=day_first, settled=settled)
        return Parsed(first.text, first.number, MULTI) if first.text else nothing(BAD)
    return (
        _standard(text)
        or _period(text)
        or _spreadsheet(text, day_first=day_first, settled=settled)
        or _named(text)
        or nothing(BAD)
    )


def in_years(ordinal: float) -> float:
    """Return a day as a year with its part, so that quarters begin at multiples of 0.25.

    Parameters
    ----------
    ordinal : float
        Proleptic ordinal of the day; NaN stays.

    Examples
    --------
    >>> in_years(parse_date("2005-07-01").number)
    2005.5
    """
    if ordinal != ordinal:  # noqa: PLR0124 - NaN
        return ordinal
    when = date.fromordinal(int(ordinal))
    return when.year + (when.month - 1) / 12 + (when.day - 1) / 372


def parse_dates(raw: Sequence[str]) -> list[Parsed]:
    """Read the dates of one attribute; the values together say whether the day is first."""
    matches = [_NUMERIC.fullmatch(tidy(value)) for value in raw]
    parts = [m.groups() for m in matches if m and m[2] != "."]
    day_first = any(int(first) > 12 for first, *_ in parts)
    month_first = any(int(second) > 12 for _, _, second, _ in parts)
    settled = day_first != month_first
    return [parse_date(value, day_first=day_first and settled, settled=settled) for value in raw]


_TM = re.compile(r"(\d{2})(\d{2})?(\d{2})?(?:\.\d{1,6})?")
_CLOCK = re.compile(
    r"(?:.*[T ])?(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?\s*([AaPp][Mm])?(?:Z|[+-]\d{2}:?\d{2})?"
)
_DT_TIME = re.compile(r"\d{8}(\d{2})(\d{2})?(\d{2})?(?:\.\d{1,6})?(?:[+-]\d{4})?")


def parse_time(raw: str) -> Parsed:
    """Read one time of day, or the time in a date-time.

    Returns
    -------
    Parsed
        Text ``HHMMSS``, number in seconds after midnight; fractions are dropped.

    Examples
    --------
    >>> parse_time("1304").text, parse_time("1:04 pm").text, parse_time("130442.123").number
    ('130400', '130400', 47082.0)
    """
    text = raw.strip()
    if is_missing(text, Kind.TIME):
        return nothing(MISSING)
    if "\\" in text:
        first = parse_time(text.split("\\", 1)[0])
        return Parsed(first.text, first.number, MULTI) if first.text else nothing(BAD)
    flag, half = OK, ""
    if match := _TM.fullmatch(text) or _DT_TIME.fullmatch(text):
        parts = [int(part or 0) for part in match.groups()]
    elif match := _CLOCK.fullmatch(text):
        parts = [int(part or 0) for part in match.groups()[:3]]
        flag, half = REPAIRED, (match.group(4) or "").lower()
    else:
        return nothing(BAD)
    hour, minute, second = parts
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    if hour > 23 or minute > 59 or second > 60:
        return nothing(BAD)
    seconds = float(hour * 3600 + minute * 60 + second)
    return Parsed(f"{hour:02d}{minute:02d}{second:02d}", seconds, flag)
