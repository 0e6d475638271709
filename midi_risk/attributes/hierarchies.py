"""Generalisation hierarchies: one row per value, one column per level."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from midi_risk.attributes.hierarchy import Hierarchy, NestingError, check_nesting
from midi_risk.attributes.ladder_measures import cut_columns
from midi_risk.attributes.ladder_time import UNPARSED, age_cut_columns
from midi_risk.attributes.ladders import (
    COUNT,
    DEFAULT_LADDER,
    EXACT,
    REMOVED,
    Ladder,
    Material,
    find_ladder,
)
from midi_risk.attributes.model import Kind
from midi_risk.attributes.values import normalise

__all__ = ["SET_JOINER", "Hierarchy", "NestingError", "build_hierarchy", "check_nesting"]

SET_JOINER = " + "
"""Between the members of a set-valued attribute, such as ``CT + MR``."""


def build_hierarchy(
    ladder: str | None,
    kind: Kind,
    values: Sequence[str],
    *,
    sets: bool = False,
    cuts: Sequence[float] | None = None,
    counts: Sequence[int] | None = None,
    rare_below: int = 11,
) -> Hierarchy:
    """Return the hierarchy of a built-in ladder for the values at hand.

    Parameters
    ----------
    ladder : str or None
        Identifier such as ``"age"``; None takes the ladder of the kind.
    kind : Kind
        How the values were read.
    values : sequence of str
        Distinct canonical values; missing is not among them.
    sets : bool
        Whether a value is a set of members joined by `SET_JOINER`. Members are
        generalised one by one; then only their number is kept, then nothing.
    cuts : sequence of float, optional
        Cut points that replace the steps of the ladder of a number, or of an age in years.
    counts : sequence of int, optional
        Subjects per value, for the levels that put rare values together.
    rare_below : int
        Values of fewer subjects are rare.

    Returns
    -------
    Hierarchy
        Its levels nest. A value that cannot be read has its own row and is removed
        from the first generalised level on.

    Raises
    ------
    HierarchyError
        When no such ladder exists.

    Examples
    --------
    >>> build_hierarchy("age", Kind.AGE, ["66", "173M", "94"]).apply("5y", ["66", "94", None])
    ['65-69', '90+', None]
    >>> build_hierarchy(None, Kind.CATEGORY, ["CT + MR"], sets=True).apply("count", ["CT + MR"])
    ['2 values']
    """
    name = ladder or DEFAULT_LADDER[kind]
    found = find_ladder(name)
    if cuts:
        banded = age_cut_columns if kind is Kind.AGE else cut_columns
        found = Ladder(
            steps=("bands",),
            columns=lambda m: banded(m.text, m.number, cuts),
            reads=Kind.AGE if kind is Kind.AGE else Kind.NUMBER,
        )
        name = "number"
    distinct = [str(value) for value in values]
    if sets:
        columns = _set_columns(found, distinct, counts, rare_below)
        level_names = (EXACT, *found.steps, COUNT, REMOVED)
    else:
        columns = _columns(found, distinct, counts, rare_below)
        level_names = found.level_names
    hierarchy = Hierarchy(name=name, level_names=level_names, frame=_frame(level_names, columns))
    check_nesting(hierarchy.frame)
    return hierarchy


def _frame(level_names: Sequence[str], columns: Sequence[Sequence[str]]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            name: np.array(column, dtype=object)
            for name, column in zip(level_names, columns, strict=True)
        },
        columns=list(level_names),
        dtype=object,
    )


def _columns(
    ladder: Ladder, values: list[str], counts: Sequence[int] | None, floor: int
) -> list[list[str]]:
    number = np.full(len(values), np.nan)
    text: list[str] = values
    if ladder.reads is not None:
        read = normalise(ladder.reads, values, zero_is_missing=False)
        number = read.number
        text = [
            value if found is None else found
            for value, found in zip(values, read.text, strict=True)
        ]
    material = Material(text=text, number=number, counts=counts, floor=floor)
    return [values, *ladder.columns(material), [UNPARSED] * len(values)]


def _member_counts(
    split: list[list[str]], members: list[str], counts: Sequence[int] | None
) -> list[int] | None:
    if counts is None:
        return None
    totals = dict.fromkeys(members, 0)
    for parts, n in zip(split, counts, strict=True):
        for part in parts:
            totals[part] += n
    return [totals[member] for member in members]


def _number_of(label: str) -> str:
    if label == UNPARSED:
        return UNPARSED
    n = label.count(SET_JOINER) + 1
    return "1 value" if n == 1 else f"{n} values"


def _set_columns(
    ladder: Ladder, values: list[str], counts: Sequence[int] | None, floor: int
) -> list[list[str]]:
    split = [value.split(SET_JOINER) for value in values]
    members = list(dict.fromkeys(member for parts in split for member in parts))
    inner = _columns(ladder, members, _member_counts(split, members, counts), floor)
    columns = [values]
    for column in inner[1:-1]:
        label = dict(zip(members, column, strict=True))
        columns.append(
            [SET_JOINER.join(sorted({label[member] for member in parts})) for parts in split]
        )
    return [*columns, [_number_of(label) for label in columns[-1]], [UNPARSED] * len(values)]
