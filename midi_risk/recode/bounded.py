"""Exact search: nodes in the order of their bound, pruned by what other nodes proved."""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from midi_risk.recode.evaluation import Evaluated, Judge, comparable
from midi_risk.recode.lattice import Lattice
from midi_risk.recode.pruning import FAILS, UNKNOWN, Climber, Projections

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
PROJECT_FROM = 0.25
SKIPPED = 1024
Rank = tuple[tuple[float, ...], tuple[int, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search found.

    Parameters
    ----------
    best : Evaluated or None
    closest : Evaluated
        The best node, or the one with the fewest hidden records when none is good.
    optimal : bool
    bound : float
        Lower bound of the first part of the score; NaN when there is none.
    evaluated : tuple of Evaluated
        Nodes within the limit, in the order of evaluation.
    """

    best: Evaluated | None
    closest: Evaluated
    optimal: bool
    bound: float
    evaluated: tuple[Evaluated, ...]


def rank_of(lattice: Lattice, node: Evaluated) -> Rank:
    """Return what the best node is smallest in: score, then ties."""
    return comparable(node.key), lattice.tie_rank(node.steps)


def ordered_nodes(judge: Judge) -> tuple[Ints, Floats]:
    """Return the nodes in the order of bound and tie rank, and the bounds by node."""
    lattice = judge.lattice
    steps = lattice.steps_of(np.arange(lattice.size))
    keys = judge.utility.keys(judge.utility.bound(steps))
    changed = np.zeros(lattice.size, dtype=np.int64)
    height = np.zeros(lattice.size, dtype=np.int64)
    for axis, (changes, heights, _) in enumerate(lattice.change_tables()):
        changed += changes[steps[:, axis]]
        height += heights[steps[:, axis]]
    order = np.lexsort((np.arange(lattice.size), height, changed, *keys.T[::-1]))
    return order, keys


class Agenda:
    """Nodes by bound: a sorted list, and a heap of those whose bound was raised."""

    def __init__(self, order: Ints, keys: Floats, state: npt.NDArray[np.int8]) -> None:
        self._order = order
        self._keys = keys
        self._state = state
        self._next = 0
        self._raised: list[tuple[tuple[float, ...], int]] = []

    def _skip_failing(self) -> None:
        """Move on to the next node of the list that is not known to fail."""
        order, state = self._order, self._state
        while self._next < len(order) and state[order[self._next]] == FAILS:
            window = state[order[self._next : self._next + SKIPPED]]
            alive = np.flatnonzero(window != FAILS)
            self._next += int(alive[0]) if alive.size else len(window)

    def __iter__(self) -> Iterator[tuple[tuple[float, ...], int, bool]]:
        """Yield bound, node and whether the bound was raised, smallest bound first.

        Nodes known to fail are left out.
        """
        while True:
            self._skip_failing()
            if self._next < len(self._order):
                node = int(self._order[self._next])
                key = tuple(self._keys[node].tolist())
                if not self._raised or key <= self._raised[0][0]:
                    self._next += 1
                    yield key, node, False
                    continue
            if not self._raised:
                return
            key, node = heapq.heappop(self._raised)
            if self._state[node] != FAILS:
                yield key, node, True

    def postpone(self, key: tuple[float, ...], node: int) -> None:
        """Look at a node again when its raised bound is the smallest."""
        heapq.heappush(self._raised, (key, node))


class BestSoFar:
    """The best and the closest node among those evaluated."""

    def __init__(self, lattice: Lattice, limit: int) -> None:
        self._lattice = lattice
        self._limit = limit
        self.best: Evaluated | None = None
        self.closest: Evaluated | None = None
        self.rank: Rank | None = None
        self.within: list[Evaluated] = []

    def take(self, node: Evaluated) -> None:
        """Compare one more node."""
        if self.closest is None or node.hidden < self.closest.hidden:
            self.closest = node
        if node.hidden > self._limit:
            return
        self.within.append(node)
        rank = rank_of(self._lattice, node)
        if self.rank is None or rank < self.rank:
            self.best, self.rank = node, rank

    def beaten(self, key: tuple[float, ...], steps: Sequence[int]) -> bool:
        """Tell whether a node with this bound can no longer be the best."""
        if self.rank is None:
            return False
        score = comparable(key)
        if score != self.rank[0]:
            return score > self.rank[0]
        return self._lattice.tie_rank(steps) > self.rank[1]

    def hides_less(self, hidden: int) -> bool:
        """Tell whether this is the closest node yet while none is good."""
        if self.best is not None:
            return False
        return self.closest is None or hidden < self.closest.hidden

    def finished(self, key: tuple[float, ...]) -> bool:
        """Tell whether no node with this bound or more can be the best."""
        return self.rank is not None and comparable(key) > self.rank[0]


class OrderedSearch:
    """The search over all nodes of a lattice of moderate size.

    Parameters
    ----------
    judge : Judge
    limit : int
        Records that may be hidden.
    """

    def __init__(self, judge: Judge, limit: int) -> None:
        self._judge = judge
        self._limit = limit
        self._shape = judge.lattice.shape
        records = judge.utility.inputs.records
        self._rules = judge.pruning_rules(limit)
        prunes = bool(self._rules or judge.soft_rules(limit))
        state = np.zeros(self._shape, dtype=np.int8)
        self._state = state.reshape(-1)
        self._agenda = Agenda(*ordered_nodes(judge), self._state)
        # Projections pay when most nodes pass, climbing when most fail (benchmarks/recode.py).
        self._climber = (
            Climber(judge, state, limit, self._rules) if prunes and limit < records else None
        )
        self._projections = (
            Projections(judge, state, limit, self._rules)
            if prunes and limit >= PROJECT_FROM * records
            else None
        )
        self.so_far = BestSoFar(judge.lattice, limit)

    def run(self, deadline: float | None) -> tuple[bool, float]:
        """Return whether the search ended by itself, and the bound it reached."""
        bound = float("nan")
        for key, node, raised in self._agenda:
            bound = key[0]
            if self.so_far.finished(key):
                return True, bound
            if deadline is not None and time.monotonic() > deadline:
                return False, bound
            steps = tuple(int(step) for step in np.unravel_index(node, self._shape))
            if not self.so_far.beaten(key, steps) and self._promising(key, node, steps, raised):
                self._look(steps)
        return True, bound

    def _promising(
        self, key: tuple[float, ...], node: int, steps: tuple[int, ...], raised: bool
    ) -> bool:
        """Tell whether a node has to be counted now, by what nodes above it prove."""
        if self._projections is not None and not raised:
            better = self._projections.bound(steps)
            if self._state[node] == FAILS:
                return False
            if better is not None and better > key:
                self._agenda.postpone(better, node)
                return False
        if self._climber is not None and self._state[node] == UNKNOWN:
            return self._climber.climb(steps)
        return True

    def _look(self, steps: tuple[int, ...]) -> None:
        judge = self._judge
        view = judge.view(steps)
        hidden = judge.hidden(view)
        if hidden > self._limit:
            if self.so_far.hides_less(hidden):
                self.so_far.take(judge.evaluate(steps, view))
        elif not self.so_far.beaten(judge.key_when_hidden(steps, hidden), steps):
            self.so_far.take(judge.evaluate(steps, view))


def search_in_order(judge: Judge, *, limit: int, deadline: float | None = None) -> Found:
    """Return the best node, proved unless the time is up.

    Parameters
    ----------
    judge : Judge
    limit : int
        Records that may be hidden.
    deadline : float, optional
        Value of ``time.monotonic()`` at which to stop.
    """
    search = OrderedSearch(judge, limit)
    complete, bound = search.run(deadline)
    so_far = search.so_far
    if so_far.best is None:
        so_far.take(judge.evaluate([len(axis.steps) - 1 for axis in judge.lattice.axes]))
    best = so_far.best
    closest = best or so_far.closest
    if closest is None:
        raise AssertionError("the top was evaluated")
    return Found(
        best=best,
        closest=closest,
        optimal=best is not None and complete,
        bound=best.key[0] if best is not None and complete else bound,
        evaluated=tuple(so_far.within),
    )
