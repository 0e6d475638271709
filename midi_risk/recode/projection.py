"""Bounds for lattices too large to list, from the lattice of some of their axes.

A node of the projection has the other axes at the top. What it hides, every node hides that has
the same steps on these axes, whatever the steps on the others; and none of those loses less than
when the other axes lose nothing. The smallest bound of the projection therefore bounds the lattice.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from midi_risk.recode.descent import descend
from midi_risk.recode.evaluation import Judge
from midi_risk.recode.levels import (
    SLACK,
    components_elsewhere,
    in_table_order,
    levels_from_top,
    not_above,
    widest_first,
)

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Key = tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proved:
    """What counting one node of a projection proved.

    Parameters
    ----------
    hidden : float
        Records that every node must hide which has its steps.
    parts : ndarray, shape (components,)
        Components that none of them undercuts.
    key : tuple of float or None
        Their bound; None when they must hide too much.
    """

    hidden: float
    parts: Floats
    key: Key | None


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
        self._elsewhere = components_elsewhere(places, self._axes)
        others = [axis for axis in widest_first(judge.lattice) if axis not in axes]
        self._known: dict[tuple[int, ...], Proved] = {}
        self._order = (*others, *(axis for axis in widest_first(judge.lattice) if axis in axes))

    def _keys(self, steps: Ints, hidden: Floats, parts: Floats) -> Floats:
        low = np.zeros((len(steps), len(self._top)), dtype=np.int64)
        low[:, self._axes] = steps
        utility = self._judge.utility
        return utility.keys(np.maximum(utility.bounds_when_hidden(low, hidden), parts))

    def _count(self, steps: tuple[int, ...]) -> Proved:
        """Return what one node of the projection proves, counting its classes at most once."""
        known = self._known.get(steps)
        if known is None:
            known = self._known[steps] = self._counted(steps)
        return known

    def _counted(self, steps: tuple[int, ...]) -> Proved:
        judge = self._judge
        place = self._top.copy()
        place[self._axes] = steps
        whole = tuple(place.tolist())
        view = judge.view(whole, self._rules, judge.tables.by_prefix(whole, self._order))
        share, hidden = judge.must_hide(view, self._soft)
        if hidden > self._limit + SLACK:
            return Proved(hidden=hidden, parts=np.zeros(self._width), key=None)
        parts = np.where(self._inside, judge.utility.components_below(whole, view, share), 0.0)
        key = self._keys(np.array([steps]), np.array([hidden]), parts[None, :])
        return Proved(hidden=hidden, parts=parts, key=tuple(key[0].tolist()))

    def lowest(self, best: Key, deadline: float, start: Sequence[int] = ()) -> tuple[bool, Key]:
        """Return whether all nodes were settled in time, and the smallest bound of all nodes.

        Parameters
        ----------
        best : tuple of float
            A bound that is not worth exceeding: the score of the best node so far.
        deadline : float
            Value of ``time.monotonic()`` from which nothing more is counted; the bound is then
            minus infinity.
        start : sequence of int, optional
            Steps of a good node on all axes, near which the smallest bound is looked for first.
        """
        lowest = best
        if start:
            near = tuple(int(start[axis]) for axis in self._axes)
            found = descend(near, lambda s: self._count(s).key, lambda: time.monotonic() > deadline)
            lowest = best if found is None else min(best, found)
        local = [self._axes.index(axis) for axis in self._order if axis in self._axes]
        for level in levels_from_top(
            self._shape, self._elsewhere, self._width, self._limit + SLACK
        ):
            keys = self._keys(level.steps, level.hidden, level.parts)
            within = level.hidden <= self._limit + SLACK
            open_ = np.flatnonzero(within & not_above(keys, lowest[0]))
            for number in open_[in_table_order(level.steps[open_], local)].tolist():
                if tuple(keys[number].tolist()) >= lowest:
                    continue
                if time.monotonic() > deadline:
                    return False, (float("-inf"),)
                proved = self._count(tuple(level.steps[number].tolist()))
                level.prove(number, proved.hidden, proved.parts)
                if proved.key is not None:
                    lowest = min(lowest, proved.key)
        return True, lowest
