"""What reading one raw value yields, and which raw values mean "no value".

Missing values are told by a packaged table, never by guess.
"""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

from midi_risk.attributes.model import Kind
from midi_risk.resources import data_rows

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


@cache
def missing_tokens(kind: Kind) -> frozenset[str]:
    """Return the tokens, case-folded, that mean an absent value of this kind.

    Parameters
    ----------
    kind : Kind
        How the attribute is read; ``000Y`` is a token of ages only.

    Examples
    --------
    >>> "000y" in missing_tokens(Kind.AGE), "000y" in missing_tokens(Kind.CATEGORY)
    (True, False)
    """
    return frozenset(
        row["token"]
        for row in data_rows("missing_tokens.csv")
        if not row["kinds"] or kind.value in row["kinds"].split(";")
    )


def is_missing(text: str, kind: Kind) -> bool:
    """Return whether trimmed text is a declared missing token.

    Enclosing brackets and quotation marks do not count, nor do case, underscores and
    repeated white space: ``[Not Available]`` and ``not_available`` are one token.

    Examples
    --------
    >>> is_missing("[Not Available]", Kind.CATEGORY)
    True
    """
    tokens = missing_tokens(kind)
    folded = text.casefold()
    if folded in tokens:
        return True
    bare = " ".join(folded.strip("[](){}\"'").replace("_", " ").split())
    return bare in tokens
