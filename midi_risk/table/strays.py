"""Values of a column that no class counts and that stand there for somebody, not for the study.

A record number among tumour stages, a name among laboratory values: the column is called
sensitive or of no use to an attacker, its class table never sees the cell, and the cell leaves.
Values that few subjects share are looked at, by what the rest of the column is and by the rules
that look for people in texts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from midi_risk.attributes.model import Attribute, Kind
from midi_risk.attributes.parsed import BAD, is_missing
from midi_risk.attributes.values import normalise_for
from midi_risk.sources.dicom.misfits import FORM, LONG, NAMES
from midi_risk.sources.inspection.rules import (
    candidates,
    census_names,
    folded,
    plain_words,
)

SHARED_BY = 11
"""Subjects of whom a value that all of them have speaks of none: the default class size."""

_READ = frozenset({Kind.AGE, Kind.DATE, Kind.NUMBER, Kind.TIME})
_CONTACTS = frozenset({"phone", "mail", "address"})
_DIGITS = frozenset({"date", "number"})
_BARE = re.compile(r"[\d .,/:T+-]+Z?")
_NUMBER = re.compile(r"[<>=≤≥~]* *[+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][+-]?\d+)? *[+%]?")
_WORD = re.compile(r"[^\W\d_]{4,}")
_WORDS = re.compile(r"[^\W\d_]+")
_LONGEST = 1e6
_MOSTLY = 0.9
_MOST_WORDS = 4


def _is_person(text: str, tokens: frozenset[str]) -> bool:
    """Tell a text that is a name and nothing else.

    One word of a longer term is the name of somebody by chance: block, mood, marrow.
    """
    words = [folded(word) for word in _WORDS.findall(text)]
    long = [word for word in words if len(word) > 1]
    named = [
        word
        for word in long
        if word in tokens or (word in census_names() and word not in plain_words())
    ]
    return len(words) <= _MOST_WORDS and len(long) > 1 and len(named) == len(long)


@lru_cache(maxsize=65536)
def _hits(text: str) -> frozenset[str]:
    """Return which kinds of identifiers a value holds."""
    found = candidates(text)
    kinds = {hit.kind for hit in found}
    names = frozenset(
        part for hit in found if hit.kind == "name" for part in re.split(r"[ ^]", hit.token)
    )
    titled = any(hit.kind == "title" and hit.token in census_names() for hit in found)
    person = titled or (bool(names) and _is_person(text, names))
    return frozenset(kinds & (_CONTACTS | _DIGITS)) | ({"person"} if person else set())


def _all_short_numbers(values: Sequence[str]) -> bool:
    """Tell a column of plain numbers in which none is as long as a date."""
    try:
        numbers = pc.cast(pa.array(values, pa.string()), pa.float64()).to_numpy()
    except pa.ArrowInvalid:
        return False
    return not bool((np.abs(numbers) >= _LONGEST).any())


def _words_unknown(text: str) -> bool:
    return any(folded(word) not in plain_words() for word in _WORD.findall(text))


def _tells(text: str, *, digits_expected: bool, numeric: bool, bad: bool, dicom: bool) -> str:
    """Return what a value tells of somebody, ``""`` for nothing.

    Texts of DICOM that people type are a channel of their own; devices date their versions.
    """
    hits = _hits(text) - ({"date"} if dicom else set())
    if "person" in hits or hits & _CONTACTS:
        return NAMES
    if hits & _DIGITS and not (digits_expected and _BARE.fullmatch(text)):
        return LONG if _BARE.fullmatch(text) else NAMES
    return FORM if bad or (numeric and not _NUMBER.fullmatch(text) and _words_unknown(text)) else ""


def stray(
    attribute: Attribute,
    values: Sequence[str],
    held_by: Callable[[Sequence[int]], npt.NDArray[np.int64]],
) -> str:
    """Return what does not belong about the values of a column that no class counts.

    Parameters
    ----------
    attribute : Attribute
    values : sequence of str
        Distinct raw values.
    held_by : callable
        Places of values -> subjects that hold each; asked for suspects only. What `SHARED_BY`
        subjects have in common points at nobody.

    Returns
    -------
    str
        A code of `midi_risk.sources.dicom.misfits.MISFITS`; ``""`` for nothing.

    Examples
    --------
    >>> from midi_risk.attributes.model import Role
    >>> stage = Attribute(
    ...     name="stage", source="t.csv", column="stage", role=Role.SENSITIVE,
    ...     kind=Kind.CATEGORY, reason="",
    ... )
    >>> one = lambda places: np.ones(len(places), dtype=np.int64)
    >>> stray(stage, ["I", "II", "MRN 4471902"], one), stray(stage, ["I", "II", "IIIa"], one)
    ('!names', '')
    """
    if _all_short_numbers(values):
        return ""
    shown = [value.strip() for value in values]
    there = [at for at, text in enumerate(shown) if text and not is_missing(text, attribute.kind)]
    if not there:
        return ""
    bad = np.zeros(len(values), dtype=bool)
    if attribute.kind in _READ:
        read = normalise_for(attribute, [shown[at] for at in there])
        bad[[there[at] for at, flag in enumerate(read.flag) if BAD in flag]] = True
    bare = sum(bool(_BARE.fullmatch(shown[at]) and _hits(shown[at]) & _DIGITS) for at in there)
    expected = attribute.kind is Kind.DATE or 2 * bare > len(there)
    numeric = sum(bool(_NUMBER.fullmatch(shown[at])) for at in there) >= _MOSTLY * len(there)
    found = {
        at: code
        for at in there
        if (code := _tells(
            shown[at], digits_expected=expected, numeric=numeric, bad=bool(bad[at]),
            dicom=attribute.vr is not None,
        ))
    }  # fmt: skip
    if not found:
        return ""
    few = held_by(list(found)) < SHARED_BY
    told = {code for code, own in zip(found.values(), few, strict=True) if own}
    return next((code for code in (NAMES, LONG, FORM) if code in told), "")
