"""Families of columns: radiomics, genes and questionnaires by the hundred, one decision each.

Columns whose names differ in a number or in the last word, and for which the same is proposed, are
one family. A pattern stands for them in the project file (`attributes: {"ENSG*": ...}`).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from fnmatch import fnmatchcase

LEAST = 20
"""Columns from which on a family has one line in place of a line each."""
MOST = 100
"""Families at most, the largest first: every name is compared with every pattern."""

_NUMBER = re.compile(r"\d+")
_SPECIAL = re.compile(r"[*?\[\]]")


def stem(name: str) -> str:
    """Return the pattern of the family that a name would belong to, ``""`` for none.

    Examples
    --------
    >>> stem("original_firstorder_Mean"), stem("ENSG00000141510"), stem("phq9_item3"), stem("age")
    ('original_firstorder_*', 'ENSG*', 'phq*_item*', '')
    """
    if _SPECIAL.search(name):
        return ""
    if name.count("_") >= 2:
        return f"{name.rpartition('_')[0]}_*"
    pattern = _NUMBER.sub("*", name)
    return pattern if "*" in pattern and _SPECIAL.sub("", pattern) else ""


def families(proposed: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the families of columns for which the same is proposed.

    Parameters
    ----------
    proposed : mapping of str to str
        Name of each column -> what is proposed for it.

    Returns
    -------
    dict of str to list of str
        Pattern -> its columns. Every column of a pattern has the same proposal, and it is the
        first pattern that the column has; a column that a pattern stands for by chance is in
        no family and needs a line of its own.

    Examples
    --------
    >>> same = {f"gene{i}": "undecided" for i in range(30)}
    >>> {pattern: len(names) for pattern, names in families(same | {"age": "undecided"}).items()}
    {'gene*': 30}
    """
    groups: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for name, proposal in proposed.items():
        pattern = stem(name)
        if pattern:
            groups[pattern, proposal].append(name)
    best: dict[str, tuple[str, list[str]]] = {}
    for (pattern, proposal), names in groups.items():
        if len(names) >= LEAST and len(names) > len(best.get(pattern, ("", []))[1]):
            best[pattern] = proposal, names
    chosen = sorted(best, key=lambda pattern: -len(best[pattern][1]))[:MOST]
    chosen = [pattern for pattern in best if pattern in set(chosen)]
    found: dict[str, list[str]] = {pattern: [] for pattern in chosen}
    for pattern in chosen:
        for name in best[pattern][1]:
            first = next(other for other in chosen if fnmatchcase(name, other))
            if first == pattern:
                found[pattern].append(name)
    return {pattern: names for pattern, names in found.items() if len(names) >= LEAST}
