"""Values that are neither ages nor dates: numbers, sexes, categories, texts, identifiers.

A number may be a decimal string, come from a spreadsheet, carry a unit or have an open end.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from functools import cache

from midi_risk.attributes.ages import plain, touching
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
    missing_tokens,
    nothing,
    tidy,
)
from midi_risk.attributes.units import FACTORS, USUAL, Quantity, measured_parts
from midi_risk.resources import data_rows

NEGATIVE_CODES = frozenset({"-9", "-99", "-999"})
"""Codes for missing, where no other number is negative."""

_NINES = frozenset({"999", "999.9", "9999", "99999"})
_PLAIN = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?")
_THOUSANDS = re.compile(r"([+-]?\d{1,3}(?:,\d{3})+)(\.\d+)?")
_COMMA = re.compile(r"([+-]?\d+),(\d+)")
_UNIT = re.compile(
    r"([+-]?\d+(?:[.,]\d+)?)\s*"
    r"(%|°?C|kg/m\^?2|kg|lbs?|g|mg|m|cm|mm|in|ms|s|sec|min|h|hrs?|d|days?|w|weeks?|months?|years?"
    r"|y|bpm|T|kV|mA|mAs|mGy|MBq|mL|ml|l|L|mmHg|ng/ml|Hz|MHz)",
)
_END = r"(-?\d+(?:[.,]\d+)?)"
_RANGE = re.compile(rf"{_END}\s*(?:-|to)\s*{_END}")
_SIGNED = re.compile(rf"(?:>=|≥)?\s*{_END}\s*(?:-|to|and)\s*(<=|≤|<)\s*{_END}")
_INTERVAL = re.compile(rf"([\[(])\s*{_END}\s*[,;-]\s*{_END}\s*([\])])")
_OPEN = re.compile(r"(<=|>=|≤|≥|<|>|~)\s*(-?\d+(?:[.,]\d+)?)")
_PLUS = re.compile(r"(\d+(?:[.,]\d+)?)\s*\+")
_DECIMAL_COMMA = re.compile(r"[+-]?(?:\d+,(?:\d{1,2}|\d{4,})|\d{4,},\d+|0+,\d+)(?!\d).*")
_DOT_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:\.\d{3})+,\d+")
_MAYBE_COMMA = re.compile(r"[+-]?\d{1,3},\d{3}")
_DECIMAL = re.compile(r"\d+(?:\.\d+)?")


def _finite(number: float, flag: str, *, zero_is_missing: bool) -> Parsed:
    if not math.isfinite(number):
        return nothing(BAD)
    if zero_is_missing and number == 0:
        return nothing(MISSING)
    return Parsed(plain(number + 0.0), number + 0.0, flag)


def _repaired(text: str) -> float | None:
    if match := _THOUSANDS.fullmatch(text):
        return float(match.group(1).replace(",", "") + (match.group(2) or ""))
    if match := _COMMA.fullmatch(text):
        return float(f"{match.group(1)}.{match.group(2)}")
    if match := _UNIT.fullmatch(text):
        return _value(match.group(1))
    return None


def _value(text: str) -> float:
    return float(text.replace(",", "."))


def _bin(text: str, *, half_open: bool = False) -> Parsed | None:
    opening, closing = "[", ")" if half_open else "]"
    if match := _RANGE.fullmatch(text):
        low, high = (_value(part) for part in match.groups())
    elif match := _SIGNED.fullmatch(text):
        low, high = _value(match.group(1)), _value(match.group(3))
        closing = ")" if match.group(2) == "<" else "]"
    elif match := _INTERVAL.fullmatch(text):
        low, high = _value(match.group(2)), _value(match.group(3))
        opening, closing = match.group(1), match.group(4)
    else:
        return _open_end(text)
    if low > high:
        return None
    if opening + closing == "[]":
        return Parsed(f"{plain(low)}-{plain(high)}", low, OK)
    return Parsed(f"{opening}{plain(low)}, {plain(high)}{closing}", low, OK)


def _open_end(text: str) -> Parsed | None:
    if match := _OPEN.fullmatch(text):
        sign = {"≤": "<=", "≥": ">="}.get(match.group(1), match.group(1))
        bound = _value(match.group(2))
        return Parsed(f"{sign}{plain(bound)}", bound, OK)
    if match := _PLUS.fullmatch(text):
        bound = _value(match.group(1))
        return Parsed(f"{plain(bound)}+", bound, OK)
    return None


def parse_measure(
    raw: str, quantity: Quantity, unit: str = "", *, half_open: bool = False
) -> Parsed:
    r"""Read a height or weight, in centimetres or kilograms where a unit is stated.

    Parameters
    ----------
    raw : str
        Raw value; a unit in it, as in ``5 ft 11 in`` or ``150 lb``, is right.
    quantity : Quantity
    unit : str
        Unit of a number that says none; in a usual one, numbers are read as they stand.
    half_open : bool
        Whether the upper end of a bin is not in it.

    Examples
    --------
    >>> parse_measure("150 lb", Quantity.MASS).text, parse_measure("5'11\"", Quantity.LENGTH).text
    ('68.038855', '180.34')
    >>> parse_measure("70", Quantity.LENGTH, "in").text, parse_measure("1.72", Quantity.LENGTH).text
    ('177.8', '1.72')
    """
    stated = measured_parts(tidy(raw), quantity)
    if stated is not None and not all(part in USUAL for _, part in stated):
        total = sum(number * FACTORS[quantity][part] for number, part in stated)
        return _finite(round(total, 6), REPAIRED, zero_is_missing=True)
    read = parse_number(raw, zero_is_missing=True, half_open=half_open)
    if stated is not None or unit in USUAL or unit not in FACTORS[quantity] or read.text is None:
        return read
    factor = FACTORS[quantity][unit]
    text = _DECIMAL.sub(lambda found: plain(round(float(found.group()) * factor, 6)), read.text)
    return Parsed(text, round(read.number * factor, 6), read.flag)


def parse_number(raw: str, *, zero_is_missing: bool = False, half_open: bool = False) -> Parsed:
    r"""Read one number.

    Parameters
    ----------
    raw : str
        Raw value.
    zero_is_missing : bool
        Whether 0 stands for "not entered", as in a weight or height.
    half_open : bool
        Whether the upper end of a bin is not in it.

    Returns
    -------
    Parsed
        Text without padding zeros (``1.5`` for ``1.50``), number; a bin or an open end
        keeps its text and has its bound as number; several values keep all, with the
        first as number.

    Examples
    --------
    >>> parse_number("1.50").text, parse_number("170 cm").text, parse_number(">100").text
    ('1.5', '170', '>100')
    >>> parse_number("0.0", zero_is_missing=True).flag
    'missing-token'
    """
    text = tidy(raw)
    if is_missing(text, Kind.NUMBER):
        return nothing(MISSING)
    if _PLAIN.fullmatch(text):
        return _finite(float(text), OK, zero_is_missing=zero_is_missing)
    if "\\" in text:
        parts = [parse_number(part) for part in text.split("\\")]
        if any(part.text is None for part in parts):
            return nothing(BAD)
        return Parsed("\\".join(str(part.text) for part in parts), parts[0].number, MULTI)
    number = _repaired(text)
    if number is not None:
        return _finite(number, REPAIRED, zero_is_missing=zero_is_missing)
    return _bin(text, half_open=half_open) or nothing(BAD)


def parse_numbers(
    raw: Sequence[str],
    *,
    zero_is_missing: bool = False,
    measure: bool = False,
    quantity: Quantity | None = None,
    unit: str = "",
) -> list[Parsed]:
    """Read the numbers of one attribute, of which each may settle how the others are meant.

    Parameters
    ----------
    raw : sequence of str
        Distinct values.
    zero_is_missing : bool
        See `parse_number`.
    measure : bool
        Whether they are measures of a body, such as a weight: a negative one, and one of
        three nines or more, is implausible.
    quantity : Quantity, optional
        What a height or weight is, so that units count.
    unit : str
        Unit of numbers that say none, as for `parse_measure`.

    Returns
    -------
    list of Parsed
        A negative number of nines alone (-9, -99, -999) among numbers none of which is
        negative otherwise is missing. Where a value has a decimal comma, ``1,234`` has one as
        well. Of bins that touch (20-30, 30-40) the upper end is not part.

    Examples
    --------
    >>> [read.text for read in parse_numbers(["0,5", "1,234"])], parse_number("1,234").text
    (['0.5', '1.234'], '1234')
    >>> [read.text for read in parse_numbers(["20-30", "30-40"])]
    ['[20, 30)', '[30, 40)']
    >>> [read.text for read in parse_numbers(["1", "-9"])]
    ['1', None]
    >>> [read.text for read in parse_numbers(["-2", "-9"])]
    ['-2', '-9']
    """
    if quantity is None and not measure and not zero_is_missing:
        plainly = _plain_texts(raw)
        if plainly is not None:
            return _without_codes(plainly)
    texts = _with_points(raw)
    bins = [match for text in texts if (match := _RANGE.fullmatch(tidy(text)))]
    half_open = touching([(_value(match[1]), _value(match[2])) for match in bins])
    if quantity is not None:
        nines = [parse_number(value).text in _NINES for value in texts]
        read = [parse_measure(value, quantity, unit, half_open=half_open) for value in texts]
        return [
            nothing(IMPLAUSIBLE) if no or item.number < 0 else item
            for item, no in zip(read, nines, strict=True)
        ]
    read = [
        parse_number(text, zero_is_missing=zero_is_missing, half_open=half_open) for text in texts
    ]
    if measure:
        return [nothing(IMPLAUSIBLE) if _no_measure(item) else item for item in read]
    return _without_codes(read)


def _without_codes(read: list[Parsed]) -> list[Parsed]:
    """Take negative numbers of nines for missing where no other number is negative."""
    below = {item.text for item in read if item.number < 0}
    if below and below <= NEGATIVE_CODES and any(item.number >= 0 for item in read):
        return [nothing(MISSING) if item.text in NEGATIVE_CODES else item for item in read]
    return read


_DIGITS = re.compile(r"-?\d{1,15}(?:\.\d{1,9})?", re.ASCII)
"""A number without exponent or anything that its neighbours settle."""


def _plain_texts(raw: Sequence[str]) -> list[Parsed] | None:
    """Return numbers each of which can be read alone; None when any may need its neighbours."""
    if not all(map(_DIGITS.fullmatch, raw)) or not missing_tokens(Kind.NUMBER).isdisjoint(raw):
        return None
    return [Parsed(plain(number), number, OK) for number in [float(text) + 0.0 for text in raw]]


def _with_points(raw: Sequence[str]) -> Sequence[str]:
    """Return numbers with a decimal point where the column has decimal commas."""
    tidied = [tidy(value) for value in raw]
    if not any(_DECIMAL_COMMA.fullmatch(t) or _DOT_THOUSANDS.fullmatch(t) for t in tidied):
        return raw
    if any(_THOUSANDS.fullmatch(text) and text.count(",") + text.count(".") > 1 for text in tidied):
        return raw
    return [_with_point(value, text) for value, text in zip(raw, tidied, strict=True)]


def _with_point(value: str, text: str) -> str:
    """Return one number of a column with decimal commas; what is clear without it stays."""
    if _DOT_THOUSANDS.fullmatch(text):
        return text.replace(".", "").replace(",", ".")
    return text.replace(",", ".") if _MAYBE_COMMA.fullmatch(text) else value


def _no_measure(item: Parsed) -> bool:
    return item.number < 0 or item.text in _NINES


_CODE = re.compile(r"[0-9](?:\.0)?")
_MEANING = re.compile(r"([A-Za-z0-9]+)\s*(?:=|:|->|→|is|-)\s*['\"]?([^\W\d_]+)")
_TOKEN = re.compile(r"[^\W_]+(?:[.'][^\W_]+)*")
_SEVERAL = re.compile(r"[\\,;/|]")


@cache
def sex_spellings() -> dict[str, str]:
    """Return spelling, case-folded -> DICOM code ``M``, ``F`` or ``O``."""
    return {row["spelling"]: row["code"] for row in data_rows("sex_spellings.csv")}


def coded_sexes(label: str) -> dict[str, str]:
    """Return what a data dictionary says that codes mean.

    Examples
    --------
    >>> coded_sexes("Sex at birth (1 = male, 2 = female)")
    {'1': 'M', '2': 'F'}
    """
    spellings = sex_spellings()
    found = {
        code.casefold(): spellings[word.casefold()]
        for code, word in _MEANING.findall(label)
        if word.casefold() in spellings and len(word) > 1
    }
    return found if len(set(found.values())) == len(found) else {}


def parse_sex(raw: str, codes: dict[str, str]) -> Parsed:
    """Read one sex: ``M``, ``F``, ``O``, or a single digit whose meaning nobody declared.

    Examples
    --------
    >>> parse_sex("Female", {}).text, parse_sex("0000", {}).flag, parse_sex("2", {}).text
    ('F', 'unparseable', '2')
    """
    text = " ".join(raw.split())
    if is_missing(text, Kind.SEX):
        return nothing(MISSING)
    folded = text.casefold().rstrip(".")
    if _CODE.fullmatch(text):
        folded = text[0]
        return Parsed(codes.get(folded, folded), math.nan, OK)
    code = codes.get(folded) or sex_spellings().get(folded)
    if code:
        return Parsed(code, math.nan, OK if text == code or len(text) > 1 else REPAIRED)
    parts = [sex_spellings().get(part.strip().casefold()) for part in _SEVERAL.split(folded)]
    if len(parts) > 1 and all(parts):
        same = len(set(parts)) == 1
        return Parsed(parts[0] if same else None, math.nan, MULTI)
    return nothing(BAD)


def parse_category(raw: str, *, upper: bool = False) -> Parsed:
    r"""Read one category: trimmed, inner white space collapsed.

    Parameters
    ----------
    raw : str
        Raw value.
    upper : bool
        Upper-case it, as for a code string (CS).

    Examples
    --------
    >>> parse_category("  AT-6     6 ").text
    'AT-6 6'
    """
    text = unicodedata.normalize("NFC", " ".join(raw.replace("\0", " ").split()))
    if is_missing(text, Kind.CATEGORY):
        return nothing(MISSING)
    return Parsed(text.upper() if upper else text, math.nan, MULTI if "\\" in text else OK)


def parse_text(raw: str) -> Parsed:
    """Read free text as its set of tokens: lower case, no punctuation, sorted, distinct.

    Examples
    --------
    >>> parse_text("CHEST, W/O contrast - Chest").text
    'chest contrast o w'
    """
    if is_missing(" ".join(raw.split()), Kind.TEXT):
        return nothing(MISSING)
    tokens = _TOKEN.findall(unicodedata.normalize("NFC", raw).casefold())
    return Parsed(" ".join(sorted(set(tokens))), math.nan, OK) if tokens else nothing(MISSING)


def parse_identifier(raw: str) -> Parsed:
    """Read one identifier: trimmed, otherwise as it is."""
    text = raw.replace("\0", " ").strip()
    if is_missing(text, Kind.IDENTIFIER):
        return nothing(MISSING)
    return Parsed(text, math.nan, OK)
