"""Search of large lattices within a time budget: descent first, then best bound first."""

from __future__ import annotations

import time
from collections.abc import Sequence
from math import prod

import numpy as np
import numpy.typing as npt

from midi_risk.recode.descent import descend
from midi_risk.recode.evaluation import Evaluated, Judge
from midi_risk.recode.found import BestSoFar, Found
from midi_risk.recode.from_top import TopDownSearch
from midi_risk.recode.levels import widest_first
from midi_risk.recode.projection import Projection

Ints = npt.NDArray[np.int64]
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
    deadline : float
        Value of ``time.monotonic()`` at which to stop.
    """

    def __init__(self, judge: Judge, limit: int, deadline: float) -> None:
        self._judge = judge
        self._limit = limit
        self._deadline = deadline
        self._rules = judge.pruning_rules(limit)
        self._failures = Failures(len(judge.lattice.axes))
        self._seen: dict[tuple[int, ...], Evaluated | None] = {}
        self.so_far = BestSoFar(judge.lattice, limit)

    def late(self) -> bool:
        """Tell whether the time is up."""
        return time.monotonic() > self._deadline

    def look(self, steps: tuple[int, ...]) -> Evaluated | None:
        """Return the figures of a node, None when it is not within the limit."""
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
            begun = time.monotonic()
            growth = max(float(self._shape[axes[count - 1]]), spent / before if before else 0.0)
            if begun + growth * spent > self._deadline or nodes > MOST_NODES:
                break
            if count == len(axes):
                search = TopDownSearch(judge, self._limit, self.so_far)
                complete, found = search.run(self._deadline)
                return complete, max(bound, found)
            settled, key = Projection(judge, self._limit, axes[:count]).lowest(
                aim, self._deadline, () if best is None else best.steps
            )
            bound = max(bound, key[0])
            if self.so_far.finished(key):
                return True, bound
            if not settled:
                break
            before, spent = spent, time.monotonic() - begun
        return False, bound

    def wander(self, seed: int = 0) -> None:
        """Begin again from the best node with some axes moved at random, while there is time."""
        draw = np.random.default_rng(seed)
        shape = np.array(self._shape)
        while self.so_far.best is not None and not self.late():
            moved = draw.random(len(shape)) < MOVED
            steps = np.where(moved, draw.integers(0, shape), self.so_far.best.steps)
            self.descend(tuple(int(step) for step in np.minimum(steps + moved, shape - 1)))

    @property
    def _shape(self) -> tuple[int, ...]:
        return self._judge.lattice.shape


def search_within(judge: Judge, *, limit: int, deadline: float) -> Found:
    """Return the best node found in time, with a bound; proved when the bound is reached.

    Parameters
    ----------
    judge : Judge
    limit : int
        Records that may be hidden.
    deadline : float
        Value of ``time.monotonic()`` at which to stop.
    """
    search = BudgetedSearch(judge, limit, deadline)
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
