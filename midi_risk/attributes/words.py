"""Sexes, categories, texts and identifiers."""

from __future__ import annotations

import math
import re
import unicodedata
from functools import cache

from midi_risk.attributes.missing import is_missing
from midi_risk.attributes.model import Kind
from midi_risk.attributes.parsed import BAD, MISSING, MULTI, OK, REPAIRED, Parsed, nothing
from midi_risk.resources import data_rows

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
