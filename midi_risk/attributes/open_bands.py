"""What stands for a band without an end where one value has to be written: its median."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

from midi_risk.attributes.dates import in_years
from midi_risk.attributes.ladders import TOP_AGE
from midi_risk.attributes.model import Kind
from midi_risk.attributes.values import normalise

_OPEN_BAND = re.compile(r"(?:0-\d+|<\d[\d.]*(?:-Q\d)?|>=\d[\d.]*|\d[\d.]*(?:-Q\d)?\+)(?: \w+)?")
_TOP_CODED = re.compile(r"(?:>=)?(\d+)\+?(?: \w+)?")
FEWEST = 3
"""Subjects of an open band from which their median is written."""


def open_medians(kind: Kind, known: Mapping[str, str], texts: np.ndarray) -> dict[str, float]:
    """Return the median of the subjects of each open band, which stands for it in an element.

    An open band has no first value that stands for it: 20 would stand for a subject of 76. Ages
    of 90 and over together keep 90, as top-coded ages are read.

    Parameters
    ----------
    kind : Kind
    known : mapping of str to str
        Canonical value -> label.
    texts : numpy.ndarray of object, shape (n_subjects,)
        Folded values of the subjects.

    Returns
    -------
    dict of str to float
        In years for ages, a year with its part (the quarter) for dates. Bands of fewer than
        `FEWEST` subjects have none.

    Examples
    --------
    >>> values = [str(age) for age in (62, 70, 76, 81)]
    >>> open_medians(Kind.AGE, dict.fromkeys(values, "20+"), np.array(values, dtype=object))
    {'20+': 70.0}
    """
    if kind not in {Kind.AGE, Kind.NUMBER, Kind.DATE}:
        return {}
    members: dict[str, list[str]] = {}
    for text in texts[pd.notna(texts)].tolist():
        label = known.get(text, "")
        if _OPEN_BAND.fullmatch(label) and not (kind is Kind.AGE and _is_top_coded(label)):
            members.setdefault(label, []).append(text)
    return medians(kind, members)


def medians(kind: Kind, members: Mapping[str, list[str]]) -> dict[str, float]:
    """Return the median of the values under each label, as it is written.

    Parameters
    ----------
    kind : Kind
    members : mapping of str to list of str
        Label -> values of its subjects.

    Returns
    -------
    dict of str to float
        See `open_medians`.
    """
    found = {}
    for label, values in members.items():
        number = np.sort(normalise(kind, values, zero_is_missing=False).number)
        number = number[np.isfinite(number)]
        if len(number) >= FEWEST:
            middle = float(number[(len(number) - 1) // 2])
            found[label] = _standing(kind, middle)
    return found


def _standing(kind: Kind, middle: float) -> float:
    """Return a median as it is written: whole years of an age, the quarter of a date."""
    if kind is Kind.AGE:
        return float(int(middle / 12))
    return math.floor(in_years(middle) * 4 + 1e-6) / 4 if kind is Kind.DATE else middle


def _is_top_coded(label: str) -> bool:
    match = _TOP_CODED.fullmatch(label)
    return match is not None and not label.startswith("<") and int(match.group(1)) >= TOP_AGE
