"""Exact search from the top of the lattice, level by level.

What a node must hide, every node below it must hide as well, and where they have the same
step on an axis the loss of its attributes is at least that of the node. Level by level from
the top each node inherits these bounds from the nodes directly above; only nodes that they do
not rule out are counted. The nodes near the top have few classes and rule out most others.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from midi_risk.recode.criteria import failing_classes
from midi_risk.recode.descent import descend
from midi_risk.recode.evaluation import Evaluated, Judge
from midi_risk.recode.found import BestSoFar
from midi_risk.recode.levels import (
    SLACK,
    Level,
    components_elsewhere,
    in_table_order,
    levels_from_top,
    not_above,
    widest_first,
)

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
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
        failing_classes(view, self._rest)
        node = self.so_far.judge(judge, steps, view)
        return Counted(hidden=hidden, components=components, node=node)

    def _descend(self, deadline: float | None) -> None:
        """Find a good node on the way down from the top."""

        def key_of(steps: tuple[int, ...]) -> tuple[float, ...] | None:
            node = self.count(steps).node
            return None if node is None else node.key

        top = tuple(size - 1 for size in self._shape)
        descend(top, key_of, lambda: deadline is not None and time.monotonic() > deadline)

    def run(self, deadline: float | None) -> tuple[bool, float]:
        """Return whether every node was settled, and the bound that was reached."""
        if self.so_far.best is None:
            self._descend(deadline)
        complete, bound = True, float("inf")
        for level in levels_from_top(
            self._shape, self._elsewhere, self._width, self._limit + SLACK
        ):
            if not self._settle(level, deadline):
                complete = False
                bound = min(bound, self._lowest(level))
        return complete, bound

    def _keys(self, level: Level) -> Floats:
        utility = self._judge.utility
        least = utility.bounds_when_hidden(level.steps, level.hidden)
        return utility.keys(np.maximum(least, level.parts))

    def _settle(self, level: Level, deadline: float | None) -> bool:
        """Count the nodes of one level that may be the best; False when the time is up."""
        keys = self._keys(level)
        best = self.so_far.best
        most = float("inf") if best is None else best.key[0]
        open_ = np.flatnonzero((level.hidden <= self._limit + SLACK) & not_above(keys, most))
        for number in open_[in_table_order(level.steps[open_], self._order)].tolist():
            key = tuple(keys[number].tolist())
            steps = tuple(level.steps[number].tolist())
            if self.so_far.beaten(key, steps):
                continue
            if deadline is not None and time.monotonic() > deadline:
                return False
            found = self.count(steps)
            level.prove(number, found.hidden, found.components)
        return True

    def _lowest(self, level: Level) -> float:
        """Return the smallest bound of the nodes of one level that are not ruled out."""
        keys = self._keys(level)[level.hidden <= self._limit + SLACK]
        return float(keys[:, 0].min()) if len(keys) else float("inf")
