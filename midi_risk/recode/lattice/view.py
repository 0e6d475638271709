"""What a criterion sees of a node: class sizes, sensitive counts, population counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from midi_risk.errors import SearchError
from midi_risk.recode.lattice.codes import column_of
from midi_risk.recode.lattice.tables import ClassTable
from midi_risk.recode.lattice.unknown import Matching
from midi_risk.risk.classes.columns import dense_codes, text_of
from midi_risk.risk.classes.keys import dense, pack

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class SensitiveColumn:
    """A sensitive attribute as integers.

    Parameters
    ----------
    name : str
    codes : ndarray of int64, shape (N,)
        Rank of each record's value in data-type order; ``len(values)`` when missing.
    values : tuple of str
        Texts in that order.
    shares : ndarray of float64, shape (values,)
        Share of each value among the known ones of the whole table.
    """

    name: str
    codes: Ints
    values: tuple[str, ...]
    shares: Floats


def sensitive_column(data: Any, name: str) -> SensitiveColumn:
    """Return a sensitive column in data-type order: numbers by value, texts by code point.

    Raises
    ------
    SearchError
        When the column does not exist or holds no value at all.
    """
    codes, values = dense_codes(column_of(data, name, "sensitive column"))
    texts = [text_of(value) or "" for value in values]
    if not texts:
        raise SearchError(f"sensitive column '{name}' is empty", hint="Leave it out")
    try:
        keys: list[tuple[float, str]] = [(float(text), "") for text in texts]
    except ValueError:
        keys = [(0.0, text) for text in texts]
    order = sorted(range(len(texts)), key=keys.__getitem__)
    rank = np.empty(len(texts) + 1, dtype=np.int64)
    rank[order] = np.arange(len(texts))
    rank[-1] = len(texts)
    ranked = rank[codes]
    totals = np.bincount(ranked, minlength=len(texts) + 1)[: len(texts)]
    return SensitiveColumn(
        name=name,
        codes=ranked,
        values=tuple(texts[place] for place in order),
        shares=totals / totals.sum(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TagSpace:
    """The joint code of all sensitive attributes, and of sample against population.

    Parameters
    ----------
    columns : mapping of str to SensitiveColumn
    tag : ndarray of int64, shape (records of sample and population,), or None
    size : int
        Number of codes; the last one marks the population when there is one.
    population : bool
    value_of : mapping of str to ndarray of int64
        Per sensitive attribute, its code for each joint code.
    ordered : bool
        Whether joint codes ascend with the codes of the only attribute.
    """

    columns: Mapping[str, SensitiveColumn]
    tag: Ints | None
    size: int
    population: bool
    value_of: Mapping[str, Ints]
    ordered: bool


def tag_space(columns: Sequence[SensitiveColumn], records: int, population: int) -> TagSpace:
    """Return the joint codes of sensitive columns and a population of that many rows."""
    codes, widths = [c.codes for c in columns], [len(c.values) + 1 for c in columns]
    joint, _ = dense(pack(codes, widths, records)[0])
    size = int(joint.max()) + 1
    first = np.unique(joint, return_index=True)[1]
    tag = np.concatenate((joint, np.full(population, size, dtype=np.int64)))
    value_of = {column.name: column.codes[first] for column in columns}
    return TagSpace(
        columns={column.name: column for column in columns},
        tag=tag if columns or population else None,
        size=size + int(population > 0),
        population=population > 0,
        value_of=value_of,
        ordered=len(columns) == 1 and bool(np.all(np.diff(value_of[columns[0].name]) > 0)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewCounts:
    """Counts of one sensitive attribute in classes, sparse.

    Parameters
    ----------
    classes : ndarray of int64, shape (classes,)
        Which classes of the view these are.
    of_class, value, count : ndarray of int64, shape (entries,)
        One entry per class and present value, sorted by class; missing values left out.
    known : ndarray of int64, shape (classes,)
        Records with a known value.
    shares : ndarray of float64, shape (values,)
        Share of each value in the whole table.
    texts : tuple of str
        Values in data-type order.
    """

    classes: Ints
    of_class: Ints
    value: Ints
    count: Ints
    known: Ints
    shares: Floats
    texts: tuple[str, ...]

    def some(self, wanted: Bools) -> ViewCounts:
        """Return the counts of some of the classes.

        Parameters
        ----------
        wanted : ndarray of bool, shape (classes,)
        """
        entries = wanted[self.of_class]
        return ViewCounts(
            classes=self.classes[wanted],
            of_class=(np.cumsum(wanted) - 1)[self.of_class[entries]],
            value=self.value[entries],
            count=self.count[entries],
            known=self.known[wanted],
            shares=self.shares,
            texts=self.texts,
        )


class ClassView:
    """Equivalence classes of one node, as criteria and utility models read them.

    Parameters
    ----------
    table : ClassTable
    tags : TagSpace

    Attributes
    ----------
    sizes : ndarray of int64, shape (classes,)
        Records of the sample in each class; never zero.
    failed : ndarray of bool, shape (classes,)
        Classes that fail a criterion checked so far.
    matching : Matching or None
        Sizes when an unknown value may be any value; None where it is a value of its own.
    """

    __slots__ = ("_kept", "_open", "_starts", "failed", "matching", "sizes", "table", "tags")

    def __init__(self, table: ClassTable, tags: TagSpace) -> None:
        self.table = table
        self.tags = tags
        self.matching: Matching | None = None
        self._kept: Bools | None = None
        self._starts: Ints | None = None
        self._open: tuple[str, Bools, ViewCounts] | None = None
        if tags.tag is None:
            self.sizes = table.sizes()
        else:
            self._starts = table.class_starts()
            counts = table.sizes()
            if tags.population:
                counts = np.where(table.tags() < tags.size - 1, counts, 0)
            self.sizes = np.add.reduceat(counts, self._starts)
            if tags.population:
                self._kept = self.sizes > 0
                self.sizes = self.sizes[self._kept]
        self.failed = np.zeros(len(self.sizes), dtype=bool)

    def smallest_shown(self) -> int:
        """Return the smallest size among the classes that do not fail; 0 when all do."""
        shown = ~self.failed
        if not shown.any():
            return 0
        if self.matching is None:
            return int(self.sizes[shown].min())
        return int(self.matching.sizes(shown)[shown].min())

    def entries(self, classes: Ints) -> Ints:
        """Return the first table entry of some classes."""
        if self._starts is None:
            return classes
        starts = self._starts if self._kept is None else self._starts[self._kept]
        return starts[classes]

    def field(self, axis: int, classes: Ints) -> Ints:
        """Return the code on an axis of some classes."""
        return self.table.field(axis, self.entries(classes))

    def population(self) -> Ints:
        """Return the population records of each class, shape (classes,)."""
        if not self.tags.population or self._starts is None or self._kept is None:
            raise SearchError("this criterion needs a population table")
        last = self.table.tags() == self.tags.size - 1
        counts = np.add.reduceat(np.where(last, self.table.sizes(), 0), self._starts)
        return counts[self._kept]

    def sensitive(self, name: str, among: Bools | None = None) -> ViewCounts:
        """Return the counts of a sensitive attribute in all or some classes.

        Parameters
        ----------
        name : str
        among : ndarray of bool, shape (classes,), optional
            Which classes to look at.
        """
        column = self.tags.columns[name]
        width = len(column.values)
        value_of = self.tags.value_of[name]
        if self._starts is None:
            raise SearchError("this criterion needs a sensitive column")
        lengths = np.diff(self._starts, append=len(self.table))
        entry_class = np.repeat(np.arange(len(lengths)), lengths)
        tag, count = self.table.tags(), self.table.sizes()
        if self._kept is not None:
            sample = tag < self.tags.size - 1
            renumber = np.cumsum(self._kept) - 1
            entry_class = renumber[entry_class[sample]]
            tag, count = tag[sample], count[sample]
        classes = np.arange(len(self.sizes))
        if among is not None and not among.all():
            wanted = among[entry_class]
            classes = classes[among]
            entry_class = (np.cumsum(among) - 1)[entry_class[wanted]]
            tag, count = tag[wanted], count[wanted]
        value = value_of[tag]
        known = value < width
        if not known.all():
            entry_class, value, count = entry_class[known], value[known], count[known]
        if not self.tags.ordered:
            key = entry_class * width + value
            order = np.argsort(key, kind="stable")
            key, count = key[order], count[order]
            first = np.flatnonzero(np.diff(key, prepend=-1))
            if len(first):
                count = np.add.reduceat(count, first)
            entry_class, value = key[first] // width, key[first] % width
        total = np.bincount(entry_class, weights=count, minlength=len(classes))
        return ViewCounts(
            classes=classes,
            of_class=entry_class,
            value=value,
            count=count,
            known=total.astype(np.int64),
            shares=column.shares,
            texts=column.values,
        )

    def open_counts(self, name: str) -> ViewCounts:
        """Return the counts of a sensitive attribute in the classes that have not failed yet."""
        if self._open is None or self._open[0] != name or self._open[1] is not self.failed:
            self._open = (name, self.failed, self.sensitive(name, ~self.failed))
        return self._open[2]

    def spread(self, counts: ViewCounts, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return values of some classes as those of all, the others zero, shape (classes,)."""
        out = np.zeros(len(self.sizes), dtype=values.dtype)
        out[counts.classes] = values
        return out
