"""Values of a column that no class counts and that stand there for somebody, not for the study.

A record number among tumour stages, a name among laboratory values: the column is called
sensitive or of no use to an attacker, its class table never sees the cell, and the cell leaves.
Values that few subjects share are looked at, by what the rest of the column is and by the rules
that look for people in texts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from midi_risk.attributes.model import Attribute, Kind
from midi_risk.attributes.parsed import BAD, is_missing
from midi_risk.attributes.values import normalise_for
from midi_risk.sources.dicom.misfits import FORM, LONG, NAMES, PEOPLE
from midi_risk.sources.inspection.rules import (
    DIGITS,
    folded,
    identifiers,
    is_like_a_person,
    plain_words,
)

SHARED_BY = 11
"""Subjects of whom a value that all of them have speaks of none: the default class size."""

_READ = frozenset({Kind.AGE, Kind.DATE, Kind.NUMBER, Kind.TIME})
_BARE = re.compile(r"[\d .,/:T+-]+Z?")
_NUMBER = re.compile(r"[<>=≤≥~]* *[+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][+-]?\d+)? *[+%]?")
_WORD = re.compile(r"[^\W\d_]{4,}")
_LONGEST = 1e6
_MOSTLY = 0.9


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
    hits = identifiers(text) - ({"date"} if dicom else set())
    if hits - DIGITS:
        return NAMES
    if hits & DIGITS and not (digits_expected and _BARE.fullmatch(text)):
        return LONG if _BARE.fullmatch(text) else NAMES
    return FORM if bad or (numeric and not _NUMBER.fullmatch(text) and _words_unknown(text)) else ""


def _of_people(text: str) -> bool:
    return is_like_a_person(text) or bool(identifiers(text) - DIGITS)


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
    bare = sum(bool(_BARE.fullmatch(shown[at]) and identifiers(shown[at]) & DIGITS) for at in there)
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
    suspects = [at for at in there if at in found or is_like_a_person(shown[at])]
    if not suspects:
        return ""
    own = dict(zip(suspects, held_by(suspects) < SHARED_BY, strict=True))
    people = [at for at in suspects if own[at] and _of_people(shown[at])]
    if len(people) > 1 and 2 * len(people) > len(there):
        return PEOPLE
    told = {code for at, code in found.items() if own[at]}
    return next((code for code in (NAMES, LONG, FORM) if code in told), "")
