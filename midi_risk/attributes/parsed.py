"""What reading one raw value yields, and the flags it may carry."""

from __future__ import annotations

import math
from typing import NamedTuple

OK = ""
MISSING = "missing-token"
BAD = "unparseable"
IMPLAUSIBLE = "implausible"
REPAIRED = "repaired"
MULTI = "multi-valued"
AMBIGUOUS = "ambiguous"

FLAGS = (OK, MISSING, BAD, IMPLAUSIBLE, REPAIRED, MULTI, AMBIGUOUS)
"""Everything that a flag may be; only the empty one needs no mention in a report."""


class Parsed(NamedTuple):
    """Canonical text (None is missing), number (nan where none) and flag."""

    text: str | None
    number: float
    flag: str


def nothing(flag: str) -> Parsed:
    """Return an absent value with the reason."""
    return Parsed(None, math.nan, flag)


_DASHES = str.maketrans({"\u2010": "-", "\u2011": "-", "\u2013": "-", "\u2014": "-", "\u2212": "-"})


def tidy(raw: str) -> str:
    """Return text trimmed, with single spaces and plain dashes.

    Examples
    --------
    >>> tidy(" 55 \u2013  60 ")
    '55 - 60'
    """
    return " ".join(raw.replace("\0", " ").split()).translate(_DASHES)
