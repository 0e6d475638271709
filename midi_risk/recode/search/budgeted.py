"""Search of large lattices within a budget of work: descent first, then best bound first.

Bounds come from the lattice of some of the axes. A node of that projection has the other axes at
the top. What it hides, every node hides that has the same steps on these axes, whatever the steps
on the others; and none of those loses less than when the other axes lose nothing. The smallest
bound of the projection therefore bounds the lattice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt

from midi_risk.recode.lattice.lattice import (
    SLACK,
    components_elsewhere,
    in_table_order,
    levels_from_top,
    not_above,
    widest_first,
)
from midi_risk.recode.search.budget import Budget
from midi_risk.recode.search.exact import TopDownSearch, descend
from midi_risk.recode.search.judge import BestSoFar, Evaluated, Found, Judge

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

    def lowest(self, best: Key, budget: Budget, start: Sequence[int] = ()) -> tuple[bool, Key]:
        """Return whether all nodes were settled in time, and the smallest bound of all nodes.

        Parameters
        ----------
        best : tuple of float
            A bound that is not worth exceeding: the score of the best node so far.
        budget : Budget
            When it is used up nothing more is counted, and the bound is minus infinity.
        start : sequence of int, optional
            Steps of a good node on all axes, near which the smallest bound is looked for first.
        """
        lowest = best
        if start:
            near = tuple(int(start[axis]) for axis in self._axes)
            found = descend(near, lambda s: self._count(s).key, budget.late)
            lowest = best if found is None else min(best, found)
        local = [self._axes.index(axis) for axis in self._order if axis in self._axes]
        for level in levels_from_top(
            self._shape, self._elsewhere, self._width, self._limit + SLACK
        ):
            self._judge.listed += len(level.steps)
            keys = self._keys(level.steps, level.hidden, level.parts)
            within = level.hidden <= self._limit + SLACK
            open_ = np.flatnonzero(within & not_above(keys, lowest[0]))
            for number in open_[in_table_order(level.steps[open_], local)].tolist():
                if tuple(keys[number].tolist()) >= lowest:
                    continue
                if budget.late():
                    return False, (float("-inf"),)
                proved = self._count(tuple(level.steps[number].tolist()))
                level.prove(number, proved.hidden, proved.parts)
                if proved.key is not None:
                    lowest = min(lowest, proved.key)
        return True, lowest


LISTED_NODES = 1_000_000
DEFAULT_BUDGET = 60.0
FIRST_PROJECTION = 1_000
MOST_NODES = 1 << 25
MOVED = 0.25


class Failures:
    """Nodes known to fail; every node below one of them fails."""

    def __init__(self, axes: int) -> None:
        self._steps = np.zeros((256, axes), dtype=np.int16)
        self._count = 0

    def add(self, steps: Sequence[int]) -> None:
        """Remember a failing node in place of those below it."""
        known = self._steps[: self._count]
        keep = ~(known <= np.asarray(steps, dtype=np.int16)).all(axis=1)
        count = int(keep.sum())
        self._steps[:count] = known[keep]
        if count == len(self._steps):
            self._steps = np.concatenate((self._steps, np.zeros_like(self._steps)))
        self._steps[count] = steps
        self._count = count + 1

    def cover(self, steps: Sequence[int]) -> bool:
        """Tell whether a node lies below a failing one."""
        known = self._steps[: self._count]
        return bool((known >= np.asarray(steps, dtype=np.int16)).all(axis=1).any())


class BudgetedSearch:
    """The search over a lattice too large to list.

    Parameters
    ----------
    judge : Judge
    limit : int
    budget : Budget
    """

    def __init__(self, judge: Judge, limit: int, budget: Budget) -> None:
        self._judge = judge
        self._limit = limit
        self._budget = budget
        self._rules = judge.pruning_rules(limit)
        self._failures = Failures(len(judge.lattice.axes))
        self._seen: dict[tuple[int, ...], Evaluated | None] = {}
        self.so_far = BestSoFar(judge.lattice, limit)

    def late(self) -> bool:
        """Tell whether the budget is used up."""
        return self._budget.late()

    def look(self, steps: tuple[int, ...]) -> Evaluated | None:
        """Return the figures of a node, None when it is not within the limit."""
        self._judge.listed += 1
        if steps in self._seen:
            return self._seen[steps]
        self._seen[steps] = None
        if self._rules and self._failures.cover(steps):
            return None
        judge = self._judge
        view = judge.view(steps)
        self._seen[steps] = result = self.so_far.judge(judge, steps, view)
        if result is None and self._rules and all(r in self._rules for r in judge.criteria):
            self._failures.add(steps)
        return result

    def descend(self, start: tuple[int, ...]) -> None:
        """Lower one axis at a time, each time to the best node within the limit."""

        def key_of(steps: tuple[int, ...]) -> tuple[float, ...] | None:
            node = self.look(steps)
            return None if node is None else node.key

        descend(start, key_of, self.late)

    def polish(self) -> None:
        """Raise one axis of the best node fully and descend again, while that helps."""
        shape = self._judge.lattice.shape
        best = None
        while self.so_far.best is not best and not self.late():
            best = self.so_far.best
            if best is None:
                return
            for axis, size in enumerate(shape):
                for step in range(best.steps[axis] + 1, size):
                    self.descend((*best.steps[:axis], step, *best.steps[axis + 1 :]))

    def prove(self) -> tuple[bool, float]:
        """Return whether no node can be better, and the bound that was reached.

        The axes are projected on, the widest first, with one more axis each time, as long as
        the next projection is likely to be settled in time. With all axes it is the search.
        """
        judge = self._judge
        start = np.zeros((1, len(self._shape)), dtype=np.int64)
        bound = float(judge.utility.keys(judge.utility.bound(start))[0, 0])
        if not judge.utility.separable or not (self._rules or judge.soft_rules(self._limit)):
            return False, bound
        axes = [axis for axis in widest_first(judge.lattice) if self._shape[axis] > 1]
        best = self.so_far.best
        aim = (float("inf"),) if best is None else best.key
        spent = before = 0.0
        for count in range(1, len(axes) + 1):
            nodes = prod(self._shape[axis] for axis in axes[:count])
            if nodes < FIRST_PROJECTION and count < len(axes):
                continue
            begun = self._budget.spent()
            growth = max(float(self._shape[axes[count - 1]]), spent / before if before else 0.0)
            if begun + growth * spent > self._budget.seconds or nodes > MOST_NODES:
                break
            if count == len(axes):
                search = TopDownSearch(judge, self._limit, self.so_far)
                complete, found = search.run(self._budget)
                return complete, max(bound, found)
            settled, key = Projection(judge, self._limit, axes[:count]).lowest(
                aim, self._budget, () if best is None else best.steps
            )
            bound = max(bound, key[0])
            if self.so_far.finished(key):
                return True, bound
            if not settled:
                break
            before, spent = spent, self._budget.spent() - begun
        return False, bound

    def wander(self, seed: int = 0) -> None:
        """Begin again from the best node with some axes moved at random, while the budget lasts."""
        draw = np.random.default_rng(seed)
        shape = np.array(self._shape)
        while self.so_far.best is not None and not self.late():
            moved = draw.random(len(shape)) < MOVED
            steps = np.where(moved, draw.integers(0, shape), self.so_far.best.steps)
            self.descend(tuple(int(step) for step in np.minimum(steps + moved, shape - 1)))

    @property
    def _shape(self) -> tuple[int, ...]:
        return self._judge.lattice.shape


def search_within(judge: Judge, *, limit: int, budget: Budget) -> Found:
    """Return the best node found within a budget, with a bound; proved when that is reached.

    Parameters
    ----------
    judge : Judge
    limit : int
        Records that may be hidden.
    budget : Budget
    """
    search = BudgetedSearch(judge, limit, budget)
    top = tuple(size - 1 for size in judge.lattice.shape)
    search.descend(top)
    search.polish()
    complete, bound = search.prove()
    if not complete:
        search.wander()
    so_far = search.so_far
    if so_far.closest is None:
        so_far.take(judge.evaluate(top))
    return so_far.found(complete=complete, bound=bound)


def improved(judge: Judge, found: Found, *, limit: int, budget: Budget) -> Found:
    """Return what a walk down from the top adds to a search that did not come to its end.

    A search that begins where the loss is least has nothing to show when it is cut short.

    Parameters
    ----------
    judge : Judge
    found : Found
        With its bound.
    limit : int
        Records that may be hidden.
    budget : Budget
    """
    search = BudgetedSearch(judge, limit, budget)
    search.so_far.take(found.closest)
    search.descend(tuple(size - 1 for size in judge.lattice.shape))
    search.polish()
    for node in found.evaluated:
        search.so_far.take(node)
    return search.so_far.found(complete=False, bound=found.bound)
