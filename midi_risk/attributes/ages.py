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
from midi_risk.attributes.units import FACTORS, Quantity, in_base, measured_parts, unit_of

OLDEST = 122.5
"""Years; above the longest documented life an age is implausible."""

_STRICT = re.compile(r"\d{3}[DWMY]")
_NUMBER = r"(\d{1,5}(?:[.,]\d+)?)"
_UNIT = r"\s*(?:-|_)?\s*([^\W\d_]*)\.?(?:\s*old)?"
_ONE = re.compile(_NUMBER + _UNIT, re.IGNORECASE)
_RANGE = re.compile(
    rf"[\[(]?\s*{_NUMBER}\s*([^\W\d_]*)\s*(?:-|\bto\b|\bbis\b|,|_)\s*{_NUMBER}{_UNIT}\s*([\])]?)",
    re.IGNORECASE,
)
_SIGNED = re.compile(
    rf"(?:>=|≥)?\s*{_NUMBER}\s*(?:-|to|and|,)\s*(<=|≤|<)\s*{_NUMBER}{_UNIT}", re.IGNORECASE
)
"""A bin whose upper end has a sign, as ADaM writes it: ``25-<30``, ``>=65 - <75``."""
_ABOVE = re.compile(rf"(>=|≥|>|over|above|älter als)\s*{_NUMBER}{_UNIT}", re.IGNORECASE)
_PLUS = re.compile(
    rf"{_NUMBER}\s*([^\W\d_]*?)\s*(?:\+|(?:and|or)\s+(?:over|older|above|more))\s*([^\W\d_]*)",
    re.IGNORECASE,
)
_BELOW = re.compile(rf"(<=|≤|<|under|below|unter)\s*{_NUMBER}{_UNIT}", re.IGNORECASE)
_LETTER = {"years": "", "months": "M", "weeks": "W", "days": "D"}
_OF_LETTER = {"Y": "years", "M": "months", "W": "weeks", "D": "days"}
MONTHS = {letter: FACTORS[Quantity.AGE][unit] for letter, unit in _OF_LETTER.items()}
"""Months in one unit of an age string."""

_PER_DAY = 24


def _value(text: str) -> float:
    return float(text.replace(",", "."))


def plain(number: float) -> str:
    """Return the shortest text of a number: ``25.5`` for 25.50, ``66`` for 66.0."""
    if math.isfinite(number) and number == int(number) and abs(number) < 1e15:
        return str(int(number))
    return repr(float(number))


def _single(number: float, unit: str, flag: str) -> Parsed:
    """Return an age of a number of units; hours become days."""
    if unit == "hours":
        number, unit = number / _PER_DAY, "days"
    months = number * FACTORS[Quantity.AGE][unit]
    if months > OLDEST * 12:
        return Parsed(None, math.nan, IMPLAUSIBLE)
    return Parsed(plain(number) + _LETTER[unit], months, flag)


def _unit(word: str, default: str) -> str | None:
    """Return the unit that a word means, the column's own for none; None for another word."""
    if not word:
        return default
    unit = unit_of(word, Quantity.AGE)
    return None if unit == "hours" else unit


def _compound(text: str) -> Parsed | None:
    """Return an age of several parts, as 2y3m, in the smallest unit that it states."""
    parts = measured_parts(text, Quantity.AGE)
    if parts is None:
        return None
    if len(parts) == 1:
        return _single(*parts[0], REPAIRED)
    smallest = "months" if parts[-1][1] == "months" else "days"
    factors = FACTORS[Quantity.AGE]
    total = sum(number * factors[unit] for number, unit in parts) / factors[smallest]
    return _single(round(total, 6), smallest, REPAIRED)


def _range(text: str, default: str, *, half_open: bool = False) -> Parsed | None:
    if match := _SIGNED.fullmatch(text):
        low, sign, high, last = match.groups()
        first, open_end = "", sign == "<"
    elif match := _RANGE.fullmatch(text):
        low, first, high, last, closing = match.groups()
        open_end = closing == ")" or (half_open and not closing)
    else:
        return None
    after = _unit(last or first, default)
    unit = _unit(first, after or default)
    if after is None or unit is None:
        return None
    ends = [_value(low), _value(high)]
    if unit != after:
        ends = [in_base(ends[0], unit, Quantity.AGE), in_base(ends[1], after, Quantity.AGE)]
        unit = "months"
    if ends[0] >= ends[1]:
        return None
    top = ends[1] - 1 if open_end else ends[1]
    months = ends[0] * FACTORS[Quantity.AGE][unit]
    return Parsed(f"{plain(ends[0])}-{plain(top)}{_LETTER[unit]}", months, OK)


def _open_end(text: str, default: str) -> Parsed | None:
    if match := _PLUS.fullmatch(text):
        unit = _unit(match.group(2) or match.group(3), default)
        return _from(_value(match.group(1)), unit)
    if match := _ABOVE.fullmatch(text):
        bound = _value(match.group(2))
        low = bound if match.group(1) in (">=", "≥") else math.floor(bound) + 1.0
        return _from(low, _unit(match.group(3), default))
    if match := _BELOW.fullmatch(text):
        unit, bound = _unit(match.group(3), default), _value(match.group(2))
        high = bound + 1 if match.group(1) in ("<=", "≤") else bound
        return None if unit is None else Parsed(f"<{plain(high)}{_LETTER[unit]}", 0.0, OK)
    return None


def _from(low: float, unit: str | None) -> Parsed | None:
    if unit is None:
        return None
    return Parsed(f"{plain(low)}+{_LETTER[unit]}", low * FACTORS[Quantity.AGE][unit], OK)


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
    unit: str = "years",
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
    unit : {"years", "months", "weeks", "days", "hours"}
        Unit of a number that says none.
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
    >>> parse_age("18", unit="months").text, parse_age("2y3m").text, parse_age("7 Wochen").text
    ('18M', '27M', '7W')
    """
    text = tidy(raw)
    if text.upper() == "000Y" and not zero_is_missing:
        return Parsed("0", 0.0, OK)
    if is_missing(text, Kind.AGE):
        return Parsed(None, math.nan, MISSING)
    if _STRICT.fullmatch(text):
        return _single(float(text[:3]), _OF_LETTER[text[3]], OK)
    stated = _compound(text)
    if stated is not None:
        return stated
    several = [part for part in re.split(r"[\\|;]|,\s*(?=\d+[DWMYdwmy])", text) if part.strip()]
    if len(several) > 1:
        first = parse_age(several[0], zero_is_missing=zero_is_missing, unit=unit)
        return (
            Parsed(first.text, first.number, MULTI) if first.text else Parsed(None, math.nan, BAD)
        )
    return _with_one_number(text, unit, bare_is_clean=bare_is_clean, half_open=half_open)


def _with_one_number(text: str, unit: str, *, bare_is_clean: bool, half_open: bool) -> Parsed:
    """Read one number, a bin or an open end."""
    if match := _ONE.fullmatch(text):
        number, word = match.groups()
        known = unit_of(word, Quantity.AGE) if word else unit
        if known is not None:
            clean = word == "" and "," not in number and bare_is_clean
            return _single(_value(number), known, OK if clean else REPAIRED)
    own = "years" if unit == "hours" else unit
    found = _range(text, own, half_open=half_open) or _open_end(text, own)
    return found or Parsed(None, math.nan, BAD)


def parse_ages(
    raw: Sequence[str], *, zero_is_missing: bool = True, unit: str = "years"
) -> list[Parsed]:
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
    half_open = touching([(_value(bin_[1]), _value(bin_[3])) for bin_ in bins])
    return [
        parse_age(
            value,
            bare_is_clean=not strings,
            zero_is_missing=zero_is_missing,
            unit=unit,
            half_open=half_open,
        )
        for value in raw
    ]
