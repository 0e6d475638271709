"""Nodes in the order of their bound, pruned by what other nodes proved."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from midi_risk.recode.evaluation import Judge
from midi_risk.recode.found import BestSoFar
from midi_risk.recode.pruning import FAILS, UNKNOWN, Climber

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
SKIPPED = 1024


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
    """Nodes by bound, without those known to fail."""

    def __init__(self, order: Ints, keys: Floats, state: npt.NDArray[np.int8]) -> None:
        self._order = order
        self._keys = keys
        self._state = state

    def __iter__(self) -> Iterator[tuple[tuple[float, ...], int]]:
        """Yield bound and node, smallest bound first."""
        order, state = self._order, self._state
        at = 0
        while at < len(order):
            node = int(order[at])
            if state[node] == FAILS:
                window = state[order[at : at + SKIPPED]]
                alive = np.flatnonzero(window != FAILS)
                at += int(alive[0]) if alive.size else len(window)
                continue
            at += 1
            yield tuple(self._keys[node].tolist()), node


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
        self._climber = (
            Climber(judge, state, limit, self._rules) if prunes and limit < records else None
        )
        self.so_far = BestSoFar(judge.lattice, limit)

    def run(self, deadline: float | None) -> tuple[bool, float]:
        """Return whether the search ended by itself, and the bound it reached."""
        bound = float("nan")
        for key, node in self._agenda:
            bound = key[0]
            if self.so_far.finished(key):
                return True, bound
            if deadline is not None and time.monotonic() > deadline:
                return False, bound
            steps = tuple(int(step) for step in np.unravel_index(node, self._shape))
            if not self.so_far.beaten(key, steps) and self._may_pass(node, steps):
                self._look(steps)
        return True, bound

    def _may_pass(self, node: int, steps: tuple[int, ...]) -> bool:
        """Tell whether a node has to be counted, by what nodes above it prove."""
        if self._climber is not None and self._state[node] == UNKNOWN:
            return self._climber.climb(steps)
        return True

    def _look(self, steps: tuple[int, ...]) -> None:
        judge = self._judge
        view = judge.view(steps)
        hidden = judge.hidden(view)
        if hidden > self._limit or not self.so_far.beaten(
            judge.key_when_hidden(steps, hidden), steps
        ):
            self.so_far.judge(judge, steps, view)
