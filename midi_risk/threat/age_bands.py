"""Age bands in completed years, however a table or a header writes them."""

from __future__ import annotations

import re
from collections.abc import Sequence

OPEN = 999
"""Upper end of a band that has none, such as 85+."""

Band = tuple[int, int]

_DICOM = re.compile(r"^(\d{1,3})([DWMY])$", re.IGNORECASE)
_RANGE = re.compile(
    r"^[\[(]?\s*Y?(\d{1,3})(?:\.0)?\s*(?:-|\u2013|,|to|_)\s*Y?(\d{1,3})\s*([\])])?$", re.IGNORECASE
)
_ABOVE = re.compile(
    r"^(?:>=|\u2265|Y_GE|GE)?\s*Y?(\d{1,3})(?:\.0)?\s*(?:\+|Y\+|years and over|and over)?$",
    re.IGNORECASE,
)
_BELOW = re.compile(r"^(?:<|Y_LT|LT|under)\s*(\d{1,3})$", re.IGNORECASE)
_OPEN_MARKS = ("+", ">=", "\u2265", "ge", "over")
_DAYS = {"D": 365.25, "W": 52.18, "M": 12.0, "Y": 1.0}


def parse_age_band(text: str) -> Band | None:
    """Return the band of completed years that a text means, or None.

    Parameters
    ----------
    text : str
        ``"060Y"``, ``"006M"`` (DICOM), ``"60"``, ``"60-64"``, ``"[60,65)"``, ``"85+"``,
        ``"<5"``, or Eurostat's ``"Y60-64"``, ``"Y_LT1"``, ``"Y_GE85"``.

    Returns
    -------
    (int, int) or None
        First and last completed year; the last is `OPEN` where there is no end.

    Examples
    --------
    >>> parse_age_band("060Y"), parse_age_band("60-64"), parse_age_band("85+")
    ((60, 60), (60, 64), (85, 999))
    >>> parse_age_band("[60,65)"), parse_age_band("<5"), parse_age_band("Y_LT1")
    ((60, 64), (0, 4), (0, 0))
    """
    word = text.strip()
    if match := _DICOM.match(word):
        years = int(int(match[1]) / _DAYS[match[2].upper()])
        return years, years
    if match := _RANGE.match(word):
        low, high = int(match[1]), int(match[2])
        if match[3] == ")":
            high -= 1
        return (low, high) if low <= high else None
    if match := _BELOW.match(word):
        return (0, int(match[1]) - 1) if int(match[1]) > 0 else None
    if match := _ABOVE.match(word):
        low = int(match[1])
        is_open = any(mark in word.lower() for mark in _OPEN_MARKS)
        return low, OPEN if is_open else low
    return None


def common_bands(first: Sequence[Band], second: Sequence[Band]) -> list[Band]:
    """Return the finest bands that both partitions of the ages can be added up to.

    Parameters
    ----------
    first, second : sequence of (int, int)
        Bands that follow each other without a gap.

    Examples
    --------
    >>> common_bands([(0, 0), (1, 4), (5, 9), (10, 999)], [(0, 4), (5, 999)])
    [(0, 4), (5, 999)]
    """
    lows = sorted({low for low, _ in first} & {low for low, _ in second})
    ends = {high + 1 for _, high in first} & {high + 1 for _, high in second}
    bands = []
    for at, low in enumerate(lows):
        following = lows[at + 1] if at + 1 < len(lows) else max(ends, default=low)
        if following > low:
            bands.append((low, min(following - 1, OPEN)))
    return bands


def overlap(band: Band, cell: Band) -> float | None:
    """Return the share of a table's cell that lies in a band, by years.

    Parameters
    ----------
    band : (int, int)
        Band of a class.
    cell : (int, int)
        Band of the table.

    Returns
    -------
    float or None
        None when an open cell would have to be split: nobody knows where its people are.

    Examples
    --------
    >>> overlap((60, 64), (60, 64)), overlap((62, 66), (60, 64)), overlap((0, 4), (60, 64))
    (1.0, 0.6, 0.0)
    """
    low, high = max(band[0], cell[0]), min(band[1], cell[1])
    if low > high:
        return 0.0
    if (low, high) == cell:
        return 1.0
    return None if cell[1] >= OPEN else (high - low + 1) / (cell[1] - cell[0] + 1)
