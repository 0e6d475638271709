"""Class tables of nodes on demand, each rolled up from the smallest table that is kept."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from midi_risk.recode.lattice import Lattice
from midi_risk.recode.roll_up import ClassTable, base_table, narrowed, roll

Ints = npt.NDArray[np.int64]
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
