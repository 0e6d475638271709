"""Ages: DICOM age strings, clinical spreadsheets, bins."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from midi_risk.attributes.model import Kind
from midi_risk.attributes.parsed import (
    BAD,
    IMPLAUSIBLE,
    MISSING,
    MULTI,
    OK,
    REPAIRED,
    Parsed,
    is_missing,
    tidy,
)

MONTHS = {"Y": 12.0, "M": 1.0, "W": 12.0 * 7 / 365.25, "D": 12.0 / 365.25}
"""Months in one unit of an age string."""

OLDEST = 122.5
"""Years; above the longest documented life an age is implausible."""

_STRICT = re.compile(r"\d{3}[DWMY]")
_NUMBER = r"(\d{1,4}(?:[.,]\d+)?)"
_UNIT = r"\s*(?:-|_)?\s*([a-zäéñ]*)\.?(?:\s*old)?"
_ONE = re.compile(_NUMBER + _UNIT, re.IGNORECASE)
_RANGE = re.compile(
    rf"[\[(]?\s*{_NUMBER}\s*(?:y|yo|yrs?|years?)?\s*(?:-|to|bis|,|_)\s*{_NUMBER}{_UNIT}\s*([\])]?)",
    re.IGNORECASE,
)
_SIGNED = re.compile(
    rf"(?:>=|≥)?\s*{_NUMBER}\s*(?:-|to|and|,)\s*(<=|≤|<)\s*{_NUMBER}{_UNIT}", re.IGNORECASE
)
"""A bin whose upper end has a sign, as ADaM writes it: ``25-<30``, ``>=65 - <75``."""
_ABOVE = re.compile(rf"(>=|≥|>|over|above|älter als)\s*{_NUMBER}{_UNIT}", re.IGNORECASE)
_PLUS = re.compile(
    rf"{_NUMBER}\s*(?:y|yrs?|years?)?\s*(?:\+|(?:and|or)\s+(?:over|older|above|more))",
    re.IGNORECASE,
)
_BELOW = re.compile(rf"(<=|≤|<|under|below|unter)\s*{_NUMBER}{_UNIT}", re.IGNORECASE)

_UNITS = {
    "": "Y", "y": "Y", "yo": "Y", "yr": "Y", "yrs": "Y", "year": "Y", "years": "Y", "a": "Y",
    "j": "Y", "jahr": "Y", "jahre": "Y", "an": "Y", "ans": "Y", "año": "Y", "años": "Y",
    "m": "M", "mo": "M", "mos": "M", "mon": "M", "month": "M", "months": "M", "monate": "M",
    "mois": "M", "meses": "M",
    "w": "W", "wk": "W", "wks": "W", "week": "W", "weeks": "W", "wochen": "W",
    "d": "D", "day": "D", "days": "D", "tage": "D", "jours": "D",
}  # fmt: skip


def _value(text: str) -> float:
    return float(text.replace(",", "."))


def plain(number: float) -> str:
    """Return the shortest text of a number: ``25.5`` for 25.50, ``66`` for 66.0."""
    if math.isfinite(number) and number == int(number) and abs(number) < 1e15:
        return str(int(number))
    return repr(float(number))


def _single(number: float, unit: str, flag: str) -> Parsed:
    months = number * MONTHS[unit]
    if months > OLDEST * 12:
        return Parsed(None, math.nan, IMPLAUSIBLE)
    return Parsed(plain(number) + ("" if unit == "Y" else unit), months, flag)


def _years(unit: str) -> bool:
    return _UNITS.get(unit.lower()) == "Y"


def _range(text: str, *, half_open: bool = False) -> Parsed | None:
    if match := _SIGNED.fullmatch(text):
        low, sign, high, unit = match.groups()
        open_end = sign == "<"
    elif match := _RANGE.fullmatch(text):
        low, high, unit, closing = match.groups()
        open_end = closing == ")" or (half_open and not closing)
    else:
        return None
    if not _years(unit) or _value(low) >= _value(high):
        return None
    top = _value(high) - 1 if open_end else _value(high)
    return Parsed(f"{plain(_value(low))}-{plain(top)}", _value(low) * 12, OK)


def _open_end(text: str) -> Parsed | None:
    if match := _PLUS.fullmatch(text):
        low = _value(match.group(1))
        return Parsed(f"{plain(low)}+", low * 12, OK)
    if (match := _ABOVE.fullmatch(text)) and _years(match.group(3)):
        sign, bound = match.group(1), _value(match.group(2))
        low = bound if sign in (">=", "≥") else math.floor(bound) + 1.0
        return Parsed(f"{plain(low)}+", low * 12, OK)
    if (match := _BELOW.fullmatch(text)) and _years(match.group(3)):
        sign, bound = match.group(1), _value(match.group(2))
        high = bound + 1 if sign in ("<=", "≤") else bound
        return Parsed(f"<{plain(high)}", 0.0, OK)
    return None


def touching(ends: Sequence[tuple[float, float]]) -> bool:
    """Return whether a bin ends where another begins, so that the upper end is not in it.

    Parameters
    ----------
    ends : sequence of (float, float)
        Lower and upper end of each bin of a column.

    Examples
    --------
    >>> touching([(20, 30), (30, 40)]), touching([(20, 29), (30, 39)])
    (True, False)
    """
    lows = {low for low, high in ends if low < high}
    return any(high in lows for low, high in ends if low < high)


def parse_age(
    raw: str,
    *,
    bare_is_clean: bool = True,
    zero_is_missing: bool = True,
    half_open: bool = False,
) -> Parsed:
    """Read one age.

    Parameters
    ----------
    raw : str
        Raw value.
    bare_is_clean : bool
        Whether a bare number is the source's normal form (a spreadsheet) or a fault
        (a DICOM age string without its unit).
    zero_is_missing : bool
        Whether ``000Y`` is a missing token, as the packaged table declares.
    half_open : bool
        Whether the upper end of a bin is not in it.

    Returns
    -------
    Parsed
        Text ``66`` (years), ``173M``, ``26W``, ``12D``, ``25.5``, ``55-60`` or ``90+``;
        number in months, the lower bound of a bin.

    Examples
    --------
    >>> parse_age("066Y").text, parse_age("173M").number, parse_age("155Y").flag
    ('66', 173.0, 'implausible')
    """
    text = tidy(raw)
    if text.upper() == "000Y" and not zero_is_missing:
        return Parsed("0", 0.0, OK)
    if is_missing(text, Kind.AGE):
        return Parsed(None, math.nan, MISSING)
    if _STRICT.fullmatch(text):
        return _single(float(text[:3]), text[3], OK)
    several = [part for part in re.split(r"[\\|;]|,\s*(?=\d+[DWMYdwmy])", text) if part.strip()]
    if len(several) > 1:
        first = parse_age(several[0], zero_is_missing=zero_is_missing)
        return (
            Parsed(first.text, first.number, MULTI) if first.text else Parsed(None, math.nan, BAD)
        )
    if match := _ONE.fullmatch(text):
        number, unit = match.groups()
        known = _UNITS.get(unit.lower())
        if known is not None:
            clean = unit == "" and "," not in number and bare_is_clean
            return _single(_value(number), known, OK if clean else REPAIRED)
    return _range(text, half_open=half_open) or _open_end(text) or Parsed(None, math.nan, BAD)


def parse_ages(raw: Sequence[str], *, zero_is_missing: bool = True) -> list[Parsed]:
    """Read ages of one attribute, of which each may settle how the others are meant.

    A bare number among age strings counts as repaired. Of bins that touch (20-30, 30-40) the
    upper end is not part.

    Examples
    --------
    >>> [age.text for age in parse_ages(["20-30", "30-40"])], parse_ages(["20-30"])[0].text
    (['20-29', '30-39'], '20-30')
    """
    strings = any(_STRICT.fullmatch(value.strip()) for value in raw)
    bins = [match for value in raw if (match := _RANGE.fullmatch(tidy(value)))]
    half_open = touching([(_value(bin_[1]), _value(bin_[2])) for bin_ in bins])
    return [
        parse_age(
            value,
            bare_is_clean=not strings,
            zero_is_missing=zero_is_missing,
            half_open=half_open,
        )
        for value in raw
    ]
