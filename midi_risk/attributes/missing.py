"""Which raw values mean "no value", by declared table rather than by guess."""

from __future__ import annotations

from functools import cache

from midi_risk.attributes.model import Kind
from midi_risk.resources import data_rows


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
