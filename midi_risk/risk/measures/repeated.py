"""Matching sets on the values that leave: any of a subject's values may be the one known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.attributes.model import Attribute, Decision
from midi_risk.attributes.values import read_again
from midi_risk.document.assessment import RepeatedEntry
from midi_risk.risk.classes.classes import EquivalenceClasses
from midi_risk.risk.classes.columns import encode
from midi_risk.risk.classes.several import (
    Several,
    any_value_sizes,
    combinations_of,
    fits,
    listed_combinations,
)
from midi_risk.risk.measures.diversity import SensitiveCounts, sensitive_counts
from midi_risk.risk.measures.imprecise import tolerance
from midi_risk.table.model import SubjectTable
from midi_risk.table.visits import sets_by_visit

Codes = npt.NDArray[np.int64]

ROUGH_PLACES = 500_000
"""Combinations of rough values of all subjects up to which each is looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasedSizes:
    """How many subjects are compatible with what is known of each, where values repeat.

    Parameters
    ----------
    sizes : numpy.ndarray of int64, shape (n,)
        The smallest over the values that may be known.
    bound : str
        Why the true sizes may be larger, ``""`` when they are exact.
    """

    sizes: Codes
    bound: str = ""


def repeating(table: SubjectTable, names: Sequence[str]) -> list[str]:
    """Return those of these attributes of which some subject of the table has several values."""
    return [
        name
        for name in names
        if name in table.repeated
        and name in table.frame.columns
        and bool((_rows(table, name) >= 0).any())
    ]


def released_sizes(
    table: SubjectTable,
    known: Sequence[Attribute],
    knows: Mapping[str, str],
    visits: int | Literal["all"] | None = None,
) -> ReleasedSizes | None:
    """Return the matching set of each subject on all the values that leave.

    Parameters
    ----------
    table : SubjectTable
        As it would be released.
    known : sequence of Attribute
        Released attributes that the adversary knows.
    knows : mapping of str to str
        Attribute -> precision.
    visits : int or "all", optional
        Whoever knows all visits knows all values of a subject, so that only subjects with the
        same set of values look alike; anybody else knows one value of each attribute.

    Returns
    -------
    ReleasedSizes or None
        None when no subject has several values of an attribute that is known.

    Notes
    -----
    Where all values are known, a precision is not used; where a missing value matches all, or
    one value of each attribute can be chosen in too many ways, values are taken as known more
    precisely than they are. Sizes are then never too large, and ``bound`` says why.
    """
    several = repeating(table, [a.name for a in known])
    if not several:
        return None
    allowed = {
        a.name: None if a.decision is Decision.GENERALISE else tolerance(knows[a.name], a.kind)
        for a in known
    }
    bound = []
    n = table.n_subjects
    whole = set(several) if visits == "all" else set()
    rough = [a for a in known if allowed[a.name] is not None]
    cells = [_weight(_several(table, a, allowed[a.name]), n) for a in rough]
    heavy = table.missing != "category" or combinations_of(cells) > max(ROUGH_PLACES, n)
    blunt = set(allowed) if heavy else whole
    if any(allowed[name] is not None for name in blunt):
        bound.append("imprecise knowledge taken as exact")
        allowed |= dict.fromkeys(blunt)
    ragged = {a.name: _several(table, a, allowed[a.name]) for a in known if a.name not in whole}
    ragged = {
        name: own for name, own in ragged.items() if name in several or own.within is not None
    }
    while not fits([_weight(own, n) for own in ragged.values()]):
        most = max(
            (name for name in ragged if name in several), key=lambda name: len(ragged[name].owner)
        )
        del ragged[most]
        whole.add(most)
        if "values taken as all known" not in bound:
            bound.append("values taken as all known")
    plain = [a.name for a in known if a.name not in whole and a.name not in ragged]
    columns = [table.codes(plain)]
    columns += [_sets(table, a)[:, None] for a in known if a.name in whole]
    exact = np.column_stack(columns)
    if ragged:
        sizes = any_value_sizes(exact, list(ragged.values()), missing=table.missing)
    else:
        classes = EquivalenceClasses.from_codes(exact, missing=table.missing)
        sizes = np.asarray(classes.record_sizes).astype(np.int64)
    return ReleasedSizes(sizes=sizes, bound=", ".join(bound))


def sizes_known_exactly(
    table: SubjectTable, quasi_identifiers: Sequence[Attribute]
) -> Codes | None:
    """Return the matching sets of whoever knows one value of every quasi-identifier exactly.

    Returns
    -------
    numpy.ndarray of int64, shape (n,), or None
        None when no subject has several values: classes say all then.
    """
    exactly = {a.name: "exact" for a in quasi_identifiers}
    found = released_sizes(table, quasi_identifiers, exactly)
    return None if found is None else found.sizes


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasedClasses:
    """What whoever knows one released value of each attribute can tell apart.

    Parameters
    ----------
    classes : EquivalenceClasses
        Of records, each a combination of one value of every attribute of one subject.
    owner : numpy.ndarray of int64, shape (n_records,), or None
        Subject of each record; None where every subject has one.
    """

    classes: EquivalenceClasses
    owner: Codes | None

    @property
    def largest(self) -> int:
        """Records of the largest class."""
        return int(np.max(self.classes.sizes, initial=0))

    def subjects_in(
        self, chosen: npt.NDArray[np.bool_], among: npt.NDArray[np.bool_] | None = None
    ) -> int:
        """Return how many subjects, or how many among some, have a record in chosen classes."""
        inside = chosen[self.classes.class_of_record]
        if self.owner is None:
            return int(np.count_nonzero(inside if among is None else inside & among))
        met = np.unique(self.owner[inside])
        return len(met) if among is None else int(among[met].sum())

    def counts(self, column: npt.NDArray[np.object_], attribute: str) -> SensitiveCounts:
        """Return the sensitive values of each class; base rates are those of subjects."""
        coded = encode(attribute, column)
        if self.owner is None:
            return sensitive_counts(self.classes, coded, attribute=attribute)
        each = replace(coded, codes=coded.codes[self.owner])
        found = sensitive_counts(self.classes, each, attribute=attribute)
        values, holders = np.unique(column[pd.notna(column)].astype(str), return_counts=True)
        share = dict(zip(values.tolist(), (holders / holders.sum()).tolist(), strict=True))
        base = np.array([share[str(label)] for label in found.labels], dtype=np.float64)
        return replace(found, base=base)


def released_classes(
    table: SubjectTable, names: Sequence[str], visits: int | Literal["all"] | None = None
) -> ReleasedClasses:
    """Return the classes on all the values that leave, known exactly.

    Parameters
    ----------
    table : SubjectTable
        As it would be released.
    names : sequence of str
        Released attributes that are known.
    visits : int or "all", optional
        Whoever knows all visits knows all values of a subject.

    Notes
    -----
    A class holds each subject once, since the values of a subject are distinct. Where one value
    of each attribute can be chosen in too many ways, all values of an attribute are taken as
    known, which tells more subjects apart.
    """
    n = table.n_subjects
    several = repeating(table, names)
    whole = [*several] if visits == "all" else []
    ragged = {
        name: _one_at_least(_several(table, table.attributes[name], None), n)
        for name in several
        if name not in whole
    }
    while not fits([own.lengths(n) for own in ragged.values()]):
        most = max(ragged, key=lambda name: len(ragged[name].owner))
        del ragged[most]
        whole.append(most)
    columns = [table.codes([name for name in names if name not in several])]
    columns += [_sets(table, table.attributes[name])[:, None] for name in whole]
    codes, owner = np.column_stack(columns), None
    if ragged:
        listed = listed_combinations(n, [own.lengths(n) for own in ragged.values()])
        owner = listed.owner
        chosen = [own.value[at] for own, at in zip(ragged.values(), listed.places, strict=True)]
        codes = np.column_stack([codes[owner], *chosen]).astype(np.int64)
    classes = EquivalenceClasses.from_codes(codes, missing=table.missing)
    return ReleasedClasses(classes=classes, owner=owner)


def _one_at_least(own: Several, n: int) -> Several:
    """Give the subjects without a value a missing one."""
    lacking = np.flatnonzero(own.lengths(n) == 0)
    owner = np.concatenate([own.owner, lacking])
    value = np.concatenate([own.value, np.full(len(lacking), -1)])
    order = np.argsort(owner, kind="stable")
    return Several(owner=owner[order], value=value[order])


def repeated_entries(
    table: SubjectTable, quasi_identifiers: Sequence[Attribute]
) -> list[RepeatedEntry]:
    """Return what the repetition of each attribute adds, the others folded.

    Parameters
    ----------
    table : SubjectTable
        As it would be released.
    quasi_identifiers : sequence of Attribute
        All of them are known exactly, one value of each.
    """
    names = [a.name for a in quasi_identifiers]
    several = repeating(table, names)
    if not several or not table.n_subjects:
        return []
    classes = EquivalenceClasses.from_codes(table.codes(names), missing=table.missing)
    folded = 1 / float(classes.minimum or 1)
    entries = []
    for name in several:
        alone = replace(table, repeated={name: table.repeated[name]})
        sizes = sizes_known_exactly(alone, quasi_identifiers)
        here = _rows(table, name) >= 0
        entries.append(
            RepeatedEntry(
                attribute=name,
                subjects=int(here.sum()),
                values_max=int(table.repeated[name].lengths[here].max()),
                risk_max_folded=folded,
                risk_max_released=folded if sizes is None else 1 / float(sizes.min()),
            )
        )
    return entries


def _rows(table: SubjectTable, name: str) -> Codes:
    """Return the row of each subject with several values, -1 where it or its cell is gone."""
    rows = table.frame.index.get_indexer(pd.Index(table.repeated[name].keys, dtype=object))
    shown = table.frame[name].notna().to_numpy()
    return np.where((rows >= 0) & np.append(shown, False)[rows], rows, -1).astype(np.int64)


def _pairs(table: SubjectTable, name: str) -> tuple[Codes, npt.NDArray[np.object_]]:
    """Return subject and text of each released value, sorted by subject."""
    texts = table.frame[name].to_numpy(dtype=object)
    single = pd.notna(texts)
    if name not in table.repeated:
        return np.flatnonzero(single).astype(np.int64), texts[single]
    own, rows = table.repeated[name], _rows(table, name)
    single[rows[rows >= 0]] = False
    each = np.repeat(rows, own.lengths)
    owner = np.concatenate([np.flatnonzero(single), each[each >= 0]])
    order = np.argsort(owner, kind="stable")
    values = np.concatenate([texts[single], own.texts[own.codes[each >= 0]]])
    return owner[order].astype(np.int64), values[order]


def _several(table: SubjectTable, attribute: Attribute, within: float | None) -> Several:
    """Return the values of an attribute as codes, or as numbers where known roughly."""
    owner, texts = _pairs(table, attribute.name)
    codes, distinct = pd.factorize(texts)
    if within is None:
        return Several(owner=owner, value=codes.astype(np.int64))
    read = read_again(attribute, [str(text) for text in distinct]).number
    value = np.asarray(read, dtype=np.float64)[codes]
    known = ~np.isnan(value)
    pair = np.unique(np.column_stack([owner[known], value[known]]), axis=0)
    return Several(owner=pair[:, 0].astype(np.int64), value=pair[:, 1], within=within)


def _weight(own: Several, n: int) -> Codes:
    """Return how many places each subject takes: values, and pairs of neighbours if rough."""
    lengths = own.lengths(n)
    return lengths if own.within is None else np.maximum(2 * lengths - 1, 1)


def _sets(table: SubjectTable, attribute: Attribute) -> Codes:
    """Return one code per set of values, -1 for a subject without any."""
    owner, texts = _pairs(table, attribute.name)
    codes = pd.factorize(texts)[0].astype(np.int64)
    found = sets_by_visit(owner, codes, table.n_subjects)
    lengths = np.bincount(owner, minlength=table.n_subjects)
    return np.where(lengths > 0, found, -1).astype(np.int64)
