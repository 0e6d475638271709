"""Search of large lattices within a time budget: descent first, then best bound first."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from midi_risk.recode.evaluation import Evaluated, Judge
from midi_risk.recode.found import BestSoFar, Found
from midi_risk.recode.parts import Part, deal_axes, in_bound_order

Ints = npt.NDArray[np.int64]
LISTED_NODES = 1_000_000
DEFAULT_BUDGET = 60.0


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
        hidden = judge.hidden(view)
        if hidden > self._limit:
            if self.so_far.hides_less(hidden):
                self.so_far.take(judge.evaluate(steps, view))
            if self._rules and all(rule in self._rules for rule in judge.criteria):
                self._failures.add(steps)
            return None
        result = judge.evaluate(steps, view)
        self.so_far.take(result)
        self._seen[steps] = result
        return result

    def descend(self, start: tuple[int, ...]) -> None:
        """Lower one axis at a time, each time to the best node within the limit."""
        now = self.look(start)
        while now is not None and not self.late():
            ahead = []
            for axis, step in enumerate(now.steps):
                if step:
                    below = (*now.steps[:axis], step - 1, *now.steps[axis + 1 :])
                    result = self.look(below)
                    if result is not None and result.key < now.key:
                        ahead.append(result)
            now = min(ahead, key=lambda node: (node.key, node.steps)) if ahead else None

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

    def climb(self, steps: tuple[int, ...]) -> None:
        """Find a failing node as high as possible above a failing one."""
        low, high = list(steps), [size - 1 for size in self._judge.lattice.shape]
        while not self.late():
            middle = [(a + b) // 2 for a, b in zip(low, high, strict=True)]
            if middle == low:
                return
            if self.look(tuple(middle)) is None:
                low = middle
            else:
                high = middle

    def prove(self) -> tuple[bool, float]:
        """Return whether every node was settled, and the bound that was reached."""
        judge = self._judge
        floor_key = judge.utility.keys(judge.utility.bound(np.zeros((1, len(self._shape)), int)))
        bound = float(floor_key[0, 0])
        if not judge.utility.separable:
            return False, bound
        now = time.monotonic()
        share = now + 0.6 * max(0.0, self._deadline - now)
        parts = [
            Part(judge, axes, self._limit, self._rules, share) for axes in deal_axes(self._shape)
        ]
        for key, steps in in_bound_order(judge, parts):
            bound = max(bound, key[0])
            if self.so_far.finished(key):
                return True, bound
            if self.late():
                return False, bound
            if steps in self._seen or (self._rules and self._failures.cover(steps)):
                continue
            if not self.so_far.beaten(key, steps) and self.look(steps) is None and self._rules:
                self.climb(steps)
        return True, bound

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
    so_far = search.so_far
    if so_far.closest is None:
        so_far.take(judge.evaluate(top))
    return so_far.found(complete=complete, bound=bound)
