"""What one node proves about others.

When every class that contains a passing class passes (see `midi_risk.recode.criteria`), the
records hidden at a node include those hidden at each of its successors. A failing node then
settles all nodes below it, a passing one all nodes above it, and the loss of an attribute is
at least its loss at any successor that has the same level of this attribute.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from midi_risk.recode.criteria import CustomCriterion
from midi_risk.recode.evaluation import Judge

States = npt.NDArray[np.int8]
Floats = npt.NDArray[np.float64]
UNKNOWN, PASSES, FAILS = 0, 1, 2


def settle(state: States, steps: Sequence[int], *, passes: bool) -> None:
    """Record that a node passes, with all above it, or fails, with all below it."""
    if passes:
        part = state[tuple(slice(step, None) for step in steps)]
        part[part == UNKNOWN] = PASSES
    else:
        state[tuple(slice(0, step + 1) for step in steps)] = FAILS


class Climber:
    """Decides unknown nodes by binary search on paths to the top.

    Parameters
    ----------
    judge : Judge
    state : ndarray of int8, shape (steps of each axis)
        What is known of each node; updated.
    limit : int
    rules : sequence of CustomCriterion
        Criteria for which pruning holds.
    """

    def __init__(
        self, judge: Judge, state: States, limit: int, rules: Sequence[CustomCriterion]
    ) -> None:
        self._judge = judge
        self._state = state
        self._limit = limit
        self._rules = rules
        self._soft = judge.soft_rules(limit)

    def climb(self, steps: tuple[int, ...]) -> bool:
        """Return whether a node passes; on the way settles others above and below."""
        path = self._path(steps)
        low, high = 0, len(path) - 1
        while low <= high:
            middle = (low + high) // 2
            if self._passes(path[middle]):
                high = middle - 1
            else:
                low = middle + 1
        return bool(self._state[steps] == PASSES)

    def _path(self, steps: tuple[int, ...]) -> list[tuple[int, ...]]:
        """Return a node and unknown nodes above it, each one step over the one before."""
        path, now = [steps], steps
        growing = True
        while growing:
            growing = False
            for axis, size in enumerate(self._state.shape):
                above = (*now[:axis], now[axis] + 1, *now[axis + 1 :])
                if above[axis] < size and self._state[above] == UNKNOWN:
                    path.append(above)
                    now, growing = above, True
        return path

    def _passes(self, steps: tuple[int, ...]) -> bool:
        if self._state[steps] == UNKNOWN:
            view = self._judge.view(steps, self._rules)
            least = self._judge.least_hidden(view, self._soft)
            settle(self._state, steps, passes=least <= self._limit)
        return bool(self._state[steps] == PASSES)


class Projections:
    """Bounds from nodes that generalise part of the axes fully.

    The axes are split in two parts. The node that keeps the steps of one part and has the top
    elsewhere has few classes, is shared by many nodes, and bounds the loss of its part.

    Parameters
    ----------
    judge : Judge
    state : ndarray of int8
        Updated with what the projected nodes prove.
    limit : int
    rules : sequence of CustomCriterion
    """

    def __init__(
        self, judge: Judge, state: States, limit: int, rules: Sequence[CustomCriterion]
    ) -> None:
        self._judge = judge
        self._state = state
        self._limit = limit
        self._rules = rules
        self._soft = judge.soft_rules(limit)
        self._top = tuple(size - 1 for size in state.shape)
        self._parts = split_axes(state.shape)
        self._columns = [
            np.array([axis in part for axis, _ in judge.utility.inputs.places])
            for part in self._parts
        ]
        self._known: dict[tuple[int, ...], tuple[Floats, int] | None] = {}
        self._tells = limit > 0 and judge.utility.separable

    def _components(self, steps: tuple[int, ...]) -> tuple[Floats, int] | None:
        if steps not in self._known:
            view = self._judge.view(steps, self._rules)
            failed = np.flatnonzero(view.failed)
            hidden = self._judge.least_hidden(view, self._soft)
            settle(self._state, steps, passes=hidden <= self._limit)
            self._known[steps] = (
                (self._judge.utility.components(steps, view, failed), hidden)
                if self._tells and 0 < hidden <= self._limit
                else None
            )
        return self._known[steps]

    def bound(self, steps: tuple[int, ...]) -> tuple[float, ...] | None:
        """Return a bound of the key of a node, None when the projections say nothing.

        The state of the node tells afterwards whether a projection proved that it fails.
        """
        utility = self._judge.utility
        told = []
        for part, columns in zip(self._parts, self._columns, strict=True):
            projected = tuple(
                step if axis in part else top
                for axis, (step, top) in enumerate(zip(steps, self._top, strict=True))
            )
            if projected == steps:
                continue
            known = self._components(projected)
            if self._state[steps] == FAILS:
                return None
            if known is not None:
                told.append((columns, *known))
        if not told:
            return None
        best = utility.bound_when_hidden(steps, max(hidden for _, _, hidden in told))
        for columns, components, _ in told:
            best = np.where(columns, np.maximum(best, components), best)
        return tuple(float(part) for part in utility.keys(best[None, :])[0])


def split_axes(shape: Sequence[int]) -> tuple[frozenset[int], ...]:
    """Return two sets of axes whose parts of the lattice are about equally large.

    Examples
    --------
    >>> [sorted(part) for part in split_axes([2, 5, 3, 2])]
    [[1, 3], [0, 2]]
    """
    parts: tuple[set[int], set[int]] = (set(), set())
    sizes = [1, 1]
    for axis in sorted(range(len(shape)), key=lambda a: (-shape[a], a)):
        if shape[axis] > 1:
            smaller = int(sizes[1] < sizes[0])
            parts[smaller].add(axis)
            sizes[smaller] *= shape[axis]
    return tuple(frozenset(part) for part in parts if part)
