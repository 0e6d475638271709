"""From a raw value to the label that a release shows for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from midi_risk.attributes.hierarchies import SET_JOINER, Hierarchy, build_hierarchy
from midi_risk.attributes.ladder_time import UNPARSED
from midi_risk.attributes.model import Attribute, Kind
from midi_risk.attributes.own_hierarchy import OWN, hierarchy_for, of_value_alone
from midi_risk.attributes.values import normalise_for

VALUE_ONLY = frozenset(
    {"age", "agedays", "birthdate", "date", "datetime", "year", "time", "offset", "height"}
    | {"weight", "bmi", "count", "software", "diag", "occupation"}
)
"""Ladders whose labels depend on the value alone, not on what other subjects have."""


@dataclass(slots=True, kw_only=True)
class Labeller:
    """Labels of one attribute at one level.

    Parameters
    ----------
    attribute : Attribute
        Says how raw values are read.
    ladder : str
        Name of the hierarchy.
    level : int
        Its level.
    known : mapping of str to str
        Canonical value -> label, for the values of the collection.
    canonical : dict of str to (str or None)
        Raw value -> canonical value, read together with its neighbours.
    made : dict of str to (str or None)
        Canonical value that the collection did not have -> label, made so far.
    """

    attribute: Attribute
    ladder: str
    level: int
    known: Mapping[str, str]
    canonical: dict[str, str | None] = field(default_factory=dict)
    made: dict[str, str | None] = field(default_factory=dict)

    def label(self, raw: str) -> str | None:
        """Return the label of a raw value; None when it is missing or has to be removed."""
        if raw not in self.canonical:
            self.canonical[raw] = normalise_for(self.attribute, [raw]).text[0]
        value = self.canonical[raw]
        return None if value is None else self.of_canonical(value)

    def of_canonical(self, value: str) -> str | None:
        """Return the label of a canonical value, None when it has to be removed."""
        label = self.known.get(value)
        if label is None:
            if value not in self.made:
                self.made[value] = self._made(value)
            label = self.made[value]
        return None if label == UNPARSED else label

    def _made(self, value: str) -> str | None:
        """Return the label of a value that was not assessed, where it follows from itself."""
        own = self.attribute.hierarchy_steps if self.ladder == OWN else None
        if own and of_value_alone(own, self.level):
            return hierarchy_for(self.attribute, [value]).apply(self.level, [value])[0]
        if self.ladder in VALUE_ONLY:
            built = build_hierarchy(self.ladder, self.attribute.kind, [value])
            return built.apply(self.level, [value])[0]
        return None

    def unchanged(self, raw: str) -> bool:
        """Tell whether the label of a raw value is that value."""
        return self.label(raw) == self.canonical[raw]

    def __repr__(self) -> str:
        """Return the level only, never values."""
        return f"Labeller({self.attribute.name!r}, {self.ladder!r}, level={self.level})"


def labeller(
    attribute: Attribute,
    hierarchy: Hierarchy,
    level: int,
    texts: np.ndarray,
    raws: Sequence[str],
) -> Labeller:
    """Return the labels of an attribute at a level.

    Parameters
    ----------
    attribute : Attribute
    hierarchy : Hierarchy
        As the plan was made with, over the folded values.
    level : int
    texts : numpy.ndarray of object, shape (n_subjects,)
        Folded values of the subjects.
    raws : sequence of str
        Distinct raw values of the column that the attribute was read from.

    Returns
    -------
    Labeller
        A set of values is labelled member by member.
    """
    values = hierarchy.frame.iloc[:, 0].to_numpy(dtype=object)
    labels = hierarchy.frame.iloc[:, level].to_numpy(dtype=object)
    known = {str(value): str(label) for value, label in zip(values, labels, strict=True)}
    sets = attribute.kind is Kind.CATEGORY and any(SET_JOINER in value for value in known)
    if sets and attribute.hierarchy_file is None:
        known = {**known, **_member_labels(attribute, level, texts)}
    read = normalise_for(attribute, list(raws)).text if raws else ()
    return Labeller(
        attribute=attribute,
        ladder=hierarchy.name,
        level=level,
        known=known,
        canonical=dict(zip(raws, read, strict=True)),
    )


def _member_labels(attribute: Attribute, level: int, texts: np.ndarray) -> dict[str, str]:
    """Return the label of each member of the sets, counted as the hierarchy counts it."""
    codes, distinct = pd.factorize(texts[pd.notna(texts)])
    counts = np.bincount(codes, minlength=len(distinct)).tolist()
    totals: dict[str, int] = {}
    for value, n in zip(distinct, counts, strict=True):
        for member in str(value).split(SET_JOINER):
            totals[member] = totals.get(member, 0) + n
    members = list(totals)
    built = hierarchy_for(attribute, members, counts=list(totals.values()))
    found = built.apply(level, members)
    return {m: str(label) for m, label in zip(members, found, strict=True) if label is not None}
