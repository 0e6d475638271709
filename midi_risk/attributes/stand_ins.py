"""The value that stands for a label where the label itself cannot be written.

A DICOM age string, date or number holds one value, so a closed band is written as its middle,
which is wrong by as much upwards as downwards; its first value would make everybody too young.
Whole numbers are rounded down. A time is written as the beginning of its part of the day.
"""

from __future__ import annotations

import math
import re

from midi_risk.attributes.ages import plain

_NUMBER = r"(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)"
_OPEN_BELOW = re.compile(rf"<{_NUMBER}(?: \w+)?")
_OPEN_ABOVE = re.compile(rf"(?:>=)?{_NUMBER}\+?(?: \w+)?")
_ABOVE = re.compile(r">(\d+)")
_BAND = re.compile(rf"{_NUMBER}-{_NUMBER}(?: \w+)?")
_HALF_OPEN = re.compile(rf"\[{_NUMBER}, {_NUMBER}\)")
_OFFSET = re.compile(r"days (-?\d+) to (-?\d+)")
_DATE = re.compile(r"(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?(?:/\d{2})?")
_QUARTER = re.compile(r"(\d{4})-Q([1-4])")
_QUARTERS = re.compile(r"(\d{4})-Q([1-4]) to (\d{4})-Q([1-4])")
_COHORT = re.compile(r"(\d{4})-(\d{4})")
_HOURS = re.compile(r"(\d{2}):00-\d{2}:59")


def number_of_band(label: str, *, zero_is_missing: bool = False) -> float | None:
    """Return the number that stands for a band of numbers.

    Parameters
    ----------
    label : str
        As the hierarchy shows it.
    zero_is_missing : bool
        Whether 0 would be read as unknown.

    Examples
    --------
    >>> number_of_band("170-174 cm"), number_of_band("<150 cm"), number_of_band("[100, 200)")
    (172.5, 75.0, 150.0)
    >>> number_of_band("0-4 kg", zero_is_missing=True)
    2.5
    """
    for form, width in ((_OFFSET, 1.0), (_HALF_OPEN, 0.0), (_BAND, 1.0)):
        if match := form.fullmatch(label):
            low, high = float(match.group(1)), float(match.group(2)) + width
            return (low + high) / 2
    if match := _OPEN_BELOW.fullmatch(label):
        bound = float(match.group(1))
        return bound / 2 if bound > 0 else bound * 2 - 1
    if match := _ABOVE.fullmatch(label):
        return float(match.group(1)) + 1
    if match := _OPEN_ABOVE.fullmatch(label):
        low = float(match.group(1))
        return 0.5 if zero_is_missing and low == 0 else low
    return None


def age_string(label: str) -> str | None:
    """Return the DICOM age string (AS) that stands for an age label.

    Examples
    --------
    >>> age_string("65-69"), age_string("90+"), age_string("0-4"), age_string("<1")
    ('067Y', '090Y', '002Y', '006M')
    """
    if label == "<1":
        return "006M"
    years = number_of_band(label, zero_is_missing=True)
    return None if years is None or not 0 < years < 1000 else f"{int(years):03d}Y"


def date_string(label: str) -> str | None:
    """Return the DICOM date (DA) that stands for a date label: its first day.

    Several years are written as the first day of the middle one, several quarters likewise; a
    period without an end has none.

    Examples
    --------
    >>> date_string("2012-03"), date_string("2012-Q2"), date_string("1950-1954")
    ('20120301', '20120401', '19520101')
    >>> date_string("2011-Q4 to 2012-Q3"), date_string("2015+")
    ('20120101', None)
    """
    if match := _COHORT.fullmatch(label):
        return f"{(int(match.group(1)) + int(match.group(2))) // 2}0101"
    if match := _QUARTERS.fullmatch(label):
        first, last = (int(match.group(i)) * 4 + int(match.group(i + 1)) - 1 for i in (1, 3))
        return date_at((first + last) // 2 / 4)
    if match := _QUARTER.fullmatch(label):
        return f"{match.group(1)}{int(match.group(2)) * 3 - 2:02d}01"
    if match := _DATE.fullmatch(label):
        year, month, day = match.groups()
        return f"{year}{month or '01'}{day or '01'}"
    return None


def date_at(place: float) -> str:
    """Return the first day of the quarter at a year with its part, as a DICOM date.

    Examples
    --------
    >>> date_at(2009.5), date_at(2010.1)
    ('20090701', '20100101')
    """
    year, quarter = divmod(math.floor(place * 4 + 1e-6), 4)
    return f"{year:04d}{quarter * 3 + 1:02d}01"


def time_string(label: str) -> str | None:
    """Return the DICOM time (TM) that stands for a part of the day: its beginning.

    Examples
    --------
    >>> time_string("12:00-17:59")
    '120000'
    """
    match = _HOURS.fullmatch(label)
    return f"{match.group(1)}0000" if match else None


def decimal_string(number: float) -> str:
    """Return a number as a DICOM decimal string (DS) of at most 16 characters.

    Examples
    --------
    >>> decimal_string(1.7), decimal_string(70.0)
    ('1.7', '70')
    """
    text = plain(round(number, 10))
    return text if len(text) <= 16 else f"{number:.8g}"


_CODE = re.compile(r"[A-Z0-9 _]{1,16}")
_LENGTHS = {"AE": 16, "SH": 16, "LO": 64, "PN": 64, "ST": 1024, "LT": 10240}


def text_for(vr: str, label: str) -> str | None:
    """Return a label as the text of a DICOM value, None where it would not be legal.

    Examples
    --------
    >>> text_for("LO", "SIEMENS"), text_for("CS", "other thing, long and invented")
    ('SIEMENS', None)
    """
    if vr == "CS":
        return label if _CODE.fullmatch(label) else None
    clean = "".join(c for c in label if c.isprintable() and c != "\\").strip()
    return clean[: _LENGTHS.get(vr, 1024)] or None
