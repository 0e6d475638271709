"""Class tables of nodes, rolled up from one another with one sort.

The table of a node holds one entry per equivalence class: bit fields with the code of every
axis, below them the code of the sensitive values, below that the number of records, all in one
int64. A coarser node follows by replacing fields through small tables, sorting once and adding
the counts of equal keys. Tables that need more than 63 bits keep their key in several words
and sort indirectly until they are coarse enough to be packed. A table on demand is rolled up from
the smallest one that is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from midi_risk.recode.lattice.lattice import Lattice

Ints = npt.NDArray[np.int64]
WORD_BITS = 63


def bits_for(cardinality: int) -> int:
    """Return the bits that hold the codes 0 to ``cardinality - 1``."""
    return (cardinality - 1).bit_length() if cardinality > 1 else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where each field of a key lies.

    Parameters
    ----------
    words : tuple of int
        Word of each axis, the field of the sensitive code last.
    shifts : tuple of int
        Lowest bit of each field in its word, without the count.
    masks : tuple of int
        ``2**bits - 1`` of each field.
    count_bits : int
        Bits of the count below the key; 0 when counts are kept apart.
    """

    words: tuple[int, ...]
    shifts: tuple[int, ...]
    masks: tuple[int, ...]
    count_bits: int

    @property
    def packed(self) -> bool:
        """Whether key and count share one word."""
        return self.count_bits > 0

    @property
    def tag_bits(self) -> int:
        """Bits of the sensitive code."""
        return self.masks[-1].bit_length()


def plan_layout(cardinalities: Sequence[int], tags: int, records: int) -> Layout:
    """Return the layout of a table whose axes have these numbers of codes.

    Parameters
    ----------
    cardinalities : sequence of int
        Codes of each axis.
    tags : int
        Codes of the sensitive field; 1 when there is none.
    records : int
        Largest possible count.
    """
    bits = [bits_for(cardinality) for cardinality in cardinalities]
    tag_bits, count_bits = bits_for(tags), max(1, records.bit_length())
    if sum(bits) + tag_bits + count_bits <= WORD_BITS:
        capacity, count = WORD_BITS - count_bits, count_bits
    else:
        capacity, count = WORD_BITS, 0
    words, shifts, word, used = [0] * len(bits), [0] * len(bits), 0, tag_bits
    for axis in reversed(range(len(bits))):
        if used + bits[axis] > capacity:
            word, used = word + 1, 0
        words[axis], shifts[axis] = word, used + count
        used += bits[axis]
    return Layout(
        words=(*words, 0),
        shifts=(*shifts, count),
        masks=tuple((1 << width) - 1 for width in (*bits, tag_bits)),
        count_bits=count,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassTable:
    """The equivalence classes of one node.

    Parameters
    ----------
    layout : Layout
    words : tuple of ndarray of int64, shape (entries,)
        Word 0 holds the tag and, when packed, the count; sorted.
    counts : ndarray of int64, shape (entries,), or None
        Records per entry when not packed.
    """

    layout: Layout
    words: tuple[Ints, ...]
    counts: Ints | None

    def __len__(self) -> int:
        """Return the number of entries: classes, or class and sensitive value pairs."""
        return len(self.words[0])

    @property
    def nbytes(self) -> int:
        """Memory of the arrays."""
        extra = 0 if self.counts is None else self.counts.nbytes
        return sum(word.nbytes for word in self.words) + extra

    def sizes(self) -> Ints:
        """Return the records of each entry."""
        if self.counts is not None:
            return self.counts
        return self.words[0] & ((1 << self.layout.count_bits) - 1)

    def tags(self) -> Ints:
        """Return the sensitive code of each entry."""
        return (self.words[0] >> self.layout.shifts[-1]) & self.layout.masks[-1]

    def field(self, axis: int, entries: Ints | None = None) -> Ints:
        """Return the code on an axis of all or some entries."""
        word = self.words[self.layout.words[axis]]
        if entries is not None:
            word = word[entries]
        return (word >> self.layout.shifts[axis]) & self.layout.masks[axis]

    def class_starts(self) -> Ints:
        """Return the first entry of each class, for a table with sensitive codes."""
        first = self.layout.count_bits + self.layout.tag_bits
        return _starts([self.words[0] >> first, *self.words[1:]])


def _starts(words: Sequence[Ints]) -> Ints:
    """Return where a sorted key changes."""
    differs = words[0][1:] != words[0][:-1]
    for word in words[1:]:
        differs |= word[1:] != word[:-1]
    return np.concatenate((np.zeros(1, dtype=np.int64), np.flatnonzero(differs) + 1))


def _merge_packed(layout: Layout, packed: Ints) -> ClassTable:
    """Return the table of unsorted packed entries; sorts in place."""
    packed.sort()
    key = packed >> layout.count_bits
    first = np.flatnonzero(key[1:] != key[:-1])
    first += 1
    first = np.concatenate((np.zeros(1, dtype=np.int64), first))
    packed &= (1 << layout.count_bits) - 1
    merged = key[first]
    merged <<= layout.count_bits
    merged |= np.add.reduceat(packed, first)
    return ClassTable(layout=layout, words=(merged,), counts=None)


def _merge_wide(layout: Layout, words: Sequence[Ints], counts: Ints) -> ClassTable:
    """Return the table of unsorted entries whose counts are kept apart."""
    order = np.argsort(words[0]) if len(words) == 1 else np.lexsort(tuple(words))
    ordered = [word[order] for word in words]
    first = _starts(ordered)
    return ClassTable(
        layout=layout,
        words=tuple(word[first] for word in ordered),
        counts=np.add.reduceat(counts[order], first),
    )


def _merge(layout: Layout, fields: Sequence[Ints], counts: Ints) -> ClassTable:
    """Return the table of entries given field by field, the tag last."""
    words = [np.zeros(len(counts), dtype=np.int64) for _ in range(max(layout.words, default=0) + 1)]
    for field, word, shift in zip(fields, layout.words, layout.shifts, strict=True):
        words[word] |= field << shift
    if layout.packed:
        return _merge_packed(layout, words[0] | counts)
    return _merge_wide(layout, words, counts)


def base_table(
    axis_codes: Sequence[Ints], cardinalities: Sequence[int], tag: Ints | None, tags: int
) -> ClassTable:
    """Return the table of the finest node, from records.

    Parameters
    ----------
    axis_codes : sequence of ndarray of int64, shape (N,)
        Code of each record on each axis.
    cardinalities : sequence of int
        Codes of each axis.
    tag : ndarray of int64, shape (N,), or None
        Sensitive code of each record.
    tags : int
        Number of sensitive codes.

    Examples
    --------
    >>> sex = np.array([0, 1, 0, 0])
    >>> base_table([sex], [2], None, 1).sizes().tolist()
    [3, 1]
    """
    records = len(axis_codes[0])
    layout = plan_layout(cardinalities, tags, records)
    blank = np.zeros(records, dtype=np.int64)
    fields = [*axis_codes, blank if tag is None else tag]
    return _merge(layout, fields, np.ones(records, dtype=np.int64))


def roll(table: ClassTable, changes: Sequence[tuple[int, Ints]]) -> ClassTable:
    """Return the table of a coarser node.

    Parameters
    ----------
    table : ClassTable
        Any node below it.
    changes : sequence of (int, ndarray of int64)
        Axes that become coarser, each with its table from old to new codes.
    """
    layout = table.layout
    words = list(table.words)
    for axis, lut in changes:
        word, shift = layout.words[axis], layout.shifts[axis]
        delta = (lut - np.arange(len(lut), dtype=np.int64)) << shift
        old = words[word]
        words[word] = old + delta[(old >> shift) & layout.masks[axis]]
    if layout.packed:
        return _merge_packed(layout, words[0] if changes else words[0].copy())
    return _merge_wide(layout, words, table.sizes())


def narrowed(
    table: ClassTable, cardinality: Callable[[int], int], tags: int, records: int
) -> ClassTable:
    """Return a table that was too wide to pack, packed if its codes now fit.

    Parameters
    ----------
    table : ClassTable
        Not packed.
    cardinality : callable
        Codes of an axis at the node of the table.
    tags, records : int
        As in `base_table`.
    """
    axes = range(len(table.layout.words) - 1)
    layout = plan_layout([cardinality(axis) for axis in axes], tags, records)
    if table.layout.packed or not layout.packed:
        return table
    return _merge(layout, [*(table.field(axis) for axis in axes), table.tags()], table.sizes())


DEFAULT_MEMORY = 512 * 2**20


class NodeTables:
    """A cache of class tables under a memory cap.

    Parameters
    ----------
    lattice : Lattice
    tag : ndarray of int64, or None
        Sensitive code of each record.
    tags : int
        Number of sensitive codes.
    memory : int
        Bytes of tables to keep besides the finest one.
    """

    def __init__(
        self, lattice: Lattice, tag: Ints | None, tags: int, memory: int = DEFAULT_MEMORY
    ) -> None:
        self.lattice = lattice
        self.records = len(lattice.axes[0].codes)
        self._tags = tags
        self._memory = memory
        widths = [axis.cardinality(0) for axis in lattice.axes]
        self.base = base_table([axis.codes for axis in lattice.axes], widths, tag, tags)
        self.built = 0
        self.entries = 0
        self._luts: dict[tuple[int, int, int], Ints] = {}
        self._tables: list[ClassTable | None] = [self.base]
        self._steps = np.zeros((64, len(lattice.axes)), dtype=np.int16)
        self._sizes = np.full(64, np.iinfo(np.int64).max)
        self._sizes[0] = len(self.base)
        self._used = 0
        self._prefix_used = 0
        self._prefixes: dict[tuple[int, ...], ClassTable] = {}
        self._last: tuple[list[int], ClassTable] | None = None

    def _lut(self, axis: int, low: int, high: int) -> Ints:
        key = (axis, low, high)
        if key not in self._luts:
            self._luts[key] = self.lattice.axes[axis].between(low, high)
        return self._luts[key]

    def rolled(self, table: ClassTable, low: Sequence[int], high: Sequence[int]) -> ClassTable:
        """Return the table of node ``high`` from the table of a node ``low`` below it."""
        self.built += 1
        self.entries += len(table)
        changes = [
            (axis, self._lut(axis, int(a), int(b)))
            for axis, (a, b) in enumerate(zip(low, high, strict=True))
            if a != b
        ]
        out = roll(table, changes)
        if out.layout.packed:
            return out
        axes = self.lattice.axes
        return narrowed(out, lambda a: axes[a].cardinality(int(high[a])), self._tags, self.records)

    def by_prefix(self, steps: Sequence[int], order: Sequence[int]) -> ClassTable:
        """Return the table of a node by way of nodes that others share.

        Axis after axis is raised from the finest node; what all but the last one lead to is
        kept, so that nodes which agree on the first axes begin where they part. When the
        memory is full all of it is dropped: ask for nodes in the order of their steps.

        Parameters
        ----------
        steps : sequence of int
        order : sequence of int
            Axes, the first to be raised first; the same at every call.
        """
        now, table = [0] * len(steps), self.base
        raised = [axis for axis in order if steps[axis]]
        for axis in raised[:-1]:
            following = [*now]
            following[axis] = int(steps[axis])
            prefix = tuple(following)
            kept = self._prefixes.get(prefix)
            if kept is None:
                kept = self.rolled(table, now, following)
                if self._prefix_used + kept.nbytes > self._memory:
                    self._prefixes.clear()
                    self._prefix_used = 0
                self._prefix_used += kept.nbytes
                self._prefixes[prefix] = kept
            now, table = following, kept
        return self.rolled(table, now, steps) if raised else table

    def at(self, steps: Sequence[int]) -> ClassTable:
        """Return the table of a node, and keep it when it is much smaller than its source."""
        if self._last is not None and self._last[0] == list(steps):
            return self._last[1]
        wanted = np.asarray(steps, dtype=np.int16)
        count = len(self._tables)
        below = (self._steps[:count] <= wanted).all(axis=1)
        source = int(np.argmin(np.where(below, self._sizes[:count], np.iinfo(np.int64).max)))
        table = self._tables[source]
        if table is None:
            raise AssertionError("a dropped table was chosen")
        low = self._steps[source].tolist()
        high = wanted.tolist()
        if low == high:
            return table
        out = self.rolled(table, low, high)
        if len(out) * 10 <= len(table) * 9:
            self._keep(wanted, out)
        self._last = (high, out)
        return out

    def _keep(self, steps: npt.NDArray[np.int16], table: ClassTable) -> None:
        if table.nbytes > self._memory:
            return
        self._used += table.nbytes
        while self._used > self._memory:
            sizes = np.where(self._sizes == np.iinfo(np.int64).max, -1, self._sizes)
            sizes[0] = -1
            largest = int(np.argmax(sizes))
            dropped = self._tables[largest]
            if dropped is None:
                break
            self._used -= dropped.nbytes
            self._tables[largest] = None
            self._sizes[largest] = np.iinfo(np.int64).max
        count = len(self._tables)
        if count == len(self._sizes):
            self._steps = np.concatenate((self._steps, np.zeros_like(self._steps)))
            self._sizes = np.concatenate((self._sizes, np.full(count, np.iinfo(np.int64).max)))
        self._steps[count] = steps
        self._sizes[count] = len(table)
        self._tables.append(table)
