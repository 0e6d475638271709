"""Bounds for lattices too large to list, from the lattice of some of their axes.

A node of the projection has the other axes at the top. What it hides, every node hides that has
the same steps on these axes, whatever the steps on the others; and none of those loses less than
when the other axes lose nothing. The smallest bound of the projection therefore bounds the lattice.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from midi_risk.recode.evaluation import Judge
from midi_risk.recode.levels import Level, in_table_order, levels_from_top, not_above, widest_first

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Key = tuple[float, ...]
SLACK = 1e-6


class Projection:
    """The lattice of some axes, the others at the top.

    Parameters
    ----------
    judge : Judge
        With a utility model whose components belong to attributes.
    limit : int
        Records that may be hidden.
    axes : sequence of int
    """

    def __init__(self, judge: Judge, limit: int, axes: Sequence[int]) -> None:
        self._judge = judge
        self._limit = limit
        self._axes = list(axes)
        self._shape = tuple(judge.lattice.shape[axis] for axis in axes)
        self._top = np.array(judge.lattice.shape) - 1
        self._rules = judge.pruning_rules(limit)
        self._soft = judge.soft_rules(limit)
        places = judge.utility.inputs.places
        self._width = len(places)
        self._inside = np.array([axis in axes for axis, _ in places])
        self._elsewhere = [
            np.array([n for n, (own, _) in enumerate(places) if own in axes and own != axis], int)
            for axis in axes
        ]
        others = [axis for axis in widest_first(judge.lattice) if axis not in axes]
        self._order = (*others, *(axis for axis in widest_first(judge.lattice) if axis in axes))

    def _keys(self, steps: Ints, hidden: Floats, parts: Floats) -> Floats:
        low = np.zeros((len(steps), len(self._top)), dtype=np.int64)
        low[:, self._axes] = steps
        utility = self._judge.utility
        return utility.keys(np.maximum(utility.bounds_when_hidden(low, hidden), parts))

    def _count(self, level: Level, number: int) -> Key | None:
        """Count one node and return the bound of the nodes that it stands for."""
        judge = self._judge
        whole = self._top.copy()
        whole[self._axes] = level.steps[number]
        steps = tuple(whole.tolist())
        view = judge.view(steps, self._rules, judge.tables.by_prefix(steps, self._order))
        share, hidden = judge.must_hide(view, self._soft)
        if hidden <= self._limit + SLACK:
            parts = judge.utility.components_below(steps, view, share)
            level.prove(number, hidden, np.where(self._inside, parts, 0.0))
        else:
            level.prove(number, hidden, level.parts[number])
            return None
        one = slice(number, number + 1)
        key = self._keys(level.steps[one], level.hidden[one], level.parts[one])
        return tuple(key[0].tolist())

    def lowest(self, best: Key, deadline: float) -> tuple[bool, Key]:
        """Return whether all nodes were settled in time, and the smallest bound of all nodes.

        Parameters
        ----------
        best : tuple of float
            A bound that is not worth exceeding: the score of the best node so far.
        deadline : float
            Value of ``time.monotonic()`` from which nothing more is counted.
        """
        lowest, late = best, False
        local = [self._axes.index(axis) for axis in self._order if axis in self._axes]
        for level in levels_from_top(
            self._shape, self._elsewhere, self._width, self._limit + SLACK
        ):
            keys = self._keys(level.steps, level.hidden, level.parts)
            within = level.hidden <= self._limit + SLACK
            if late := late or time.monotonic() > deadline:
                lowest = min([lowest, *map(tuple, keys[within].tolist())])
                continue
            open_ = np.flatnonzero(within & not_above(keys, lowest[0]))
            for number in open_[in_table_order(level.steps[open_], local)].tolist():
                if tuple(keys[number].tolist()) >= lowest:
                    continue
                counted = self._count(level, number)
                if counted is not None:
                    lowest = min(lowest, counted)
        return not late, lowest
