"""Exact search of a lattice that can be listed: by bound from below, or level by level from above.

With little suppression most nodes fail, and binary search on paths settles them with few counts.
With more of it most nodes pass and differ in what they hide; then what nodes near the top prove
rules out most of the others (benchmarks/recode.py).

When every class that contains a passing class passes (see `midi_risk.recode.criteria`), the
records hidden at a node include those hidden at each of its successors. A failing node then
settles all nodes below it, a passing one all nodes above it, and the loss of an attribute is
at least its loss at any successor that has the same level of this attribute. From above, each
node inherits these bounds from the nodes directly above it, and only nodes that they do not rule
out are counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from midi_risk.recode.criteria import CustomCriterion
from midi_risk.recode.lattice.lattice import (
    SLACK,
    Level,
    components_elsewhere,
    in_table_order,
    levels_from_top,
    not_above,
    widest_first,
)
from midi_risk.recode.search.budget import Budget
from midi_risk.recode.search.judge import BestSoFar, Evaluated, Found, Judge

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


Ints = npt.NDArray[np.int64]
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

    def run(self, budget: Budget) -> tuple[bool, float]:
        """Return whether the search ended by itself, and the bound it reached."""
        bound = float("nan")
        for key, node in self._agenda:
            bound = key[0]
            if self.so_far.finished(key):
                return True, bound
            if budget.late():
                return False, bound
            self._judge.listed += 1
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


Steps = tuple[int, ...]
Key = tuple[float, ...]


def descend(
    steps: Steps, key_of: Callable[[Steps], Key | None], late: Callable[[], bool]
) -> Key | None:
    """Lower one axis by a step, each time to the node with the smallest key, while it falls.

    Parameters
    ----------
    steps : tuple of int
        Where to begin.
    key_of : callable
        Key of a node; None when it does not come into question.
    late : callable
        Whether to stop.

    Returns
    -------
    tuple of float or None
        The smallest key met, None when the first node does not come into question.

    Examples
    --------
    >>> descend((2, 1), lambda steps: (abs(steps[0] - 1) + steps[1],), lambda: False)
    (0,)
    """
    now = key_of(steps)
    while now is not None and not late():
        below = [
            (*steps[:axis], step - 1, *steps[axis + 1 :]) for axis, step in enumerate(steps) if step
        ]
        found = [(key, node) for node in below if (key := key_of(node)) is not None]
        best = min(found, default=None)
        if best is None or best[0] >= now:
            break
        now, steps = best
    return now


# After so many nodes the bounds of criteria that are not robust must have ruled out this share.
TRIAL = 256
PAYS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What counting one node proved.

    Parameters
    ----------
    hidden : float
        Records that it and all nodes below must hide at least.
    components : ndarray, shape (components,)
        See `Utility.components_below`.
    node : Evaluated or None
        Its figures, when it is within the limit.
    """

    hidden: float
    components: Floats
    node: Evaluated | None


class TopDownSearch:
    """The search over all nodes of a lattice of moderate size, from the top.

    Parameters
    ----------
    judge : Judge
    limit : int
        Records that may be hidden.
    so_far : BestSoFar, optional
        What another search found.
    """

    def __init__(self, judge: Judge, limit: int, so_far: BestSoFar | None = None) -> None:
        self._judge = judge
        self._limit = limit
        self._shape = judge.lattice.shape
        self._rules = judge.pruning_rules(limit)
        self._rest = tuple(c for c in judge.criteria if c not in self._rules)
        self._soft = judge.soft_rules(limit)
        self._exact = not self._rest and judge.utility.hiding_costs
        self._asked = self._paid = 0
        self._counted: dict[tuple[int, ...], Counted] = {}
        places = judge.utility.inputs.places if judge.utility.separable else ()
        self._width = len(places) or 1
        self._elsewhere = components_elsewhere(places, range(len(self._shape)))
        self._order = widest_first(judge.lattice)
        self.so_far = so_far or BestSoFar(judge.lattice, limit)

    def count(self, steps: tuple[int, ...]) -> Counted:
        """Return what a node proves, counting its classes at most once."""
        known = self._counted.get(steps)
        if known is None:
            known = self._counted[steps] = self._count(steps)
        return known

    def _count(self, steps: tuple[int, ...]) -> Counted:
        judge = self._judge
        view = judge.view(steps, self._rules, judge.tables.by_prefix(steps, self._order))
        if self._exact:
            failed = np.flatnonzero(view.failed)
            components = judge.utility.components(steps, view, failed)
            node = self.so_far.judge(judge, steps, view, components)
            hidden = float(judge.hidden(view))
            return Counted(hidden=hidden, components=components * (1 - 1e-12), node=node)
        if self._asked >= TRIAL and self._paid < PAYS * self._asked:
            hidden, components = float(judge.hidden(view)), np.zeros(self._width)
        else:
            self._asked += 1
            share, hidden = judge.must_hide(view, self._soft)
            components = judge.utility.components_below(steps, view, share)
            key = tuple(judge.utility.keys(components[None, :])[0].tolist())
            dead = hidden > self._limit or self.so_far.beaten(key, steps)
            if dead and self.so_far.best is not None:
                self._paid += 1
                return Counted(hidden=hidden, components=components, node=None)
        judge.finish(view, self._rest)
        node = self.so_far.judge(judge, steps, view)
        return Counted(hidden=hidden, components=components, node=node)

    def _descend(self, budget: Budget) -> None:
        """Find a good node on the way down from the top."""

        def key_of(steps: tuple[int, ...]) -> tuple[float, ...] | None:
            node = self.count(steps).node
            return None if node is None else node.key

        top = tuple(size - 1 for size in self._shape)
        descend(top, key_of, budget.late)

    def run(self, budget: Budget) -> tuple[bool, float]:
        """Return whether every node was settled, and the bound that was reached."""
        if self.so_far.best is None:
            self._descend(budget)
        complete, bound = True, float("inf")
        for level in levels_from_top(
            self._shape, self._elsewhere, self._width, self._limit + SLACK
        ):
            self._judge.listed += len(level.steps)
            if not self._settle(level, budget):
                complete = False
                bound = min(bound, self._lowest(level))
        return complete, bound

    def _keys(self, level: Level) -> Floats:
        utility = self._judge.utility
        least = utility.bounds_when_hidden(level.steps, level.hidden)
        return utility.keys(np.maximum(least, level.parts))

    def _settle(self, level: Level, budget: Budget) -> bool:
        """Count the nodes of one level that may be the best; False when the budget is used up."""
        keys = self._keys(level)
        best = self.so_far.best
        most = float("inf") if best is None else best.key[0]
        open_ = np.flatnonzero((level.hidden <= self._limit + SLACK) & not_above(keys, most))
        for number in open_[in_table_order(level.steps[open_], self._order)].tolist():
            key = tuple(keys[number].tolist())
            steps = tuple(level.steps[number].tolist())
            if self.so_far.beaten(key, steps):
                continue
            if budget.late():
                return False
            found = self.count(steps)
            level.prove(number, found.hidden, found.components)
        return True

    def _lowest(self, level: Level) -> float:
        """Return the smallest bound of the nodes of one level that are not ruled out."""
        keys = self._keys(level)[level.hidden <= self._limit + SLACK]
        return float(keys[:, 0].min()) if len(keys) else float("inf")


FROM_TOP = 0.1
FROM_TOP_SENSITIVE = 0.015


def _starts_at_top(judge: Judge, limit: int) -> bool:
    """Tell whether so much may be hidden that the search begins at the top."""
    sensitive = any(criterion.sensitive is not None for criterion in judge.criteria)
    share = FROM_TOP_SENSITIVE if sensitive else FROM_TOP
    return limit >= share * judge.utility.inputs.records


def search_exactly(judge: Judge, *, limit: int, budget: Budget | None = None) -> Found:
    """Return the best node, proved unless the budget is used up.

    Parameters
    ----------
    judge : Judge
    limit : int
        Records that may be hidden.
    budget : Budget, optional
    """
    kind = TopDownSearch if _starts_at_top(judge, limit) else OrderedSearch
    search = kind(judge, limit)
    complete, bound = search.run(Budget(judge, None) if budget is None else budget)
    so_far = search.so_far
    if so_far.best is None:
        so_far.take(judge.evaluate([len(axis.steps) - 1 for axis in judge.lattice.axes]))
    return so_far.found(complete=complete, bound=bound)
