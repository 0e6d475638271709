"""Exact search: nodes in the order of their bound, pruned by what other nodes proved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from midi_risk.recode.evaluation import Evaluated, Judge, comparable
from midi_risk.recode.lattice import Lattice

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
UNKNOWN, PASSES, FAILS = 0, 1, 2
ROUNDING = 2e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search found.

    Parameters
    ----------
    best : Evaluated or None
    closest : Evaluated or None
        Node with the fewest hidden records, when none is good.
    optimal : bool
    bound : float
        Lower bound of the first part of the score.
    evaluated : tuple of Evaluated
        Nodes within the limit, in the order of evaluation.
    """

    best: Evaluated | None
    closest: Evaluated | None
    optimal: bool
    bound: float
    evaluated: tuple[Evaluated, ...]


def rank_of(lattice: Lattice, node: Evaluated) -> tuple[object, ...]:
    """Return what the best node is smallest in: score, then ties."""
    return (comparable(node.key), lattice.tie_rank(node.steps))


def ordered_nodes(judge: Judge) -> tuple[Ints, Floats]:
    """Return the nodes in the order of bound and tie rank, and the first part of each bound."""
    lattice = judge.lattice
    steps = lattice.steps_of(np.arange(lattice.size))
    keys = judge.utility.keys(judge.utility.bound(steps))
    changed = np.zeros(lattice.size, dtype=np.int64)
    height = np.zeros(lattice.size, dtype=np.int64)
    for axis, (changes, heights, _) in enumerate(lattice.change_tables()):
        changed += changes[steps[:, axis]]
        height += heights[steps[:, axis]]
    order = np.lexsort((np.arange(lattice.size), height, changed, *keys.T[::-1]))
    return order, keys[:, 0]


def search_in_order(judge: Judge, *, limit: int, prune: bool) -> Found:
    """Return the best node, proved.

    Parameters
    ----------
    judge : Judge
    limit : int
        Records that may be hidden.
    prune : bool
        Whether a failing node proves that every node below it fails.
    """
    lattice = judge.lattice
    order, bounds = ordered_nodes(judge)
    state = np.zeros(lattice.shape, dtype=np.int8)
    flat = state.reshape(-1)
    walker = Walker(judge, state, limit)
    best: Evaluated | None = None
    best_rank: tuple[object, ...] | None = None
    evaluated: list[Evaluated] = []
    for node in order.tolist():
        if flat[node] == FAILS:
            continue
        if best is not None and bounds[node] > best.key[0] * (1 + ROUNDING) + 1e-300:
            break
        steps = tuple(int(step) for step in np.unravel_index(node, lattice.shape))
        if prune and flat[node] == UNKNOWN and not walker.climb(steps):
            continue
        result = judge.evaluate(steps)
        if result.hidden > limit:
            continue
        evaluated.append(result)
        rank = rank_of(lattice, result)
        if best_rank is None or rank < best_rank:  # type: ignore[operator]
            best, best_rank = result, rank
    closest = None
    if best is None:
        closest = closest_node(judge, order)
    return Found(
        best=best,
        closest=closest,
        optimal=best is not None,
        bound=best.key[0] if best else float("nan"),
        evaluated=tuple(evaluated),
    )


def closest_node(judge: Judge, order: Ints) -> Evaluated:
    """Return the node with the fewest hidden records when no node is good enough.

    The top hides fewest when pruning holds; otherwise every node is looked at.
    """
    nodes = [judge.lattice.size - 1]
    if not all(criterion.robust for criterion in judge.criteria):
        nodes = order.tolist()
    best = None
    for node in nodes:
        result = judge.evaluate(np.unravel_index(node, judge.lattice.shape))
        if best is None or result.hidden < best.hidden:
            best = result
    if best is None:
        raise AssertionError("a lattice has at least one node")
    return best


class Walker:
    """Decides unknown nodes by binary search on paths to the top.

    Parameters
    ----------
    judge : Judge
    state : ndarray of int8, shape (steps of each axis)
        What is known of each node; updated.
    limit : int
    """

    def __init__(self, judge: Judge, state: npt.NDArray[np.int8], limit: int) -> None:
        self._judge = judge
        self._state = state
        self._limit = limit

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
        path, now = [steps], list(steps)
        shape = self._state.shape
        while True:
            ahead = []
            for axis, step in enumerate(now):
                if step + 1 < shape[axis]:
                    above = (*now[:axis], step + 1, *now[axis + 1 :])
                    if self._state[above] == UNKNOWN:
                        ahead.append(above)
            if not ahead:
                return path
            now = list(ahead[0])
            path.append(ahead[0])

    def _passes(self, steps: tuple[int, ...]) -> bool:
        judge = self._judge
        if self._state[steps] == UNKNOWN:
            fails = judge.hidden(judge.view(steps)) > self._limit
            if fails:
                self._state[tuple(slice(0, step + 1) for step in steps)] = FAILS
            else:
                self._state[tuple(slice(step, None) for step in steps)] = PASSES
        return bool(self._state[steps] == PASSES)


def pruning_holds(criteria: Sequence[object], limit: int) -> bool:
    """Return whether a failing node proves that all nodes below it fail."""
    if limit == 0:
        return all(bool(getattr(criterion, "monotone", False)) for criterion in criteria)
    return all(bool(getattr(criterion, "robust", False)) for criterion in criteria)
