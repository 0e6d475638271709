"""What a search has found so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from midi_risk.recode.classes_view import ClassView
from midi_risk.recode.evaluation import Evaluated, Judge, comparable
from midi_risk.recode.lattice import Lattice

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

    def judge(
        self,
        judge: Judge,
        steps: Sequence[int],
        view: ClassView,
        components: npt.NDArray[np.float64] | None = None,
    ) -> Evaluated | None:
        """Compare a node whose classes are judged; return its figures when it is in the limit.

        Parameters
        ----------
        judge : Judge
        steps : sequence of int
        view : ClassView
        components : ndarray, optional
            Of its score, when they are at hand.
        """
        hidden = judge.hidden(view)
        if hidden > self._limit and not self.hides_less(hidden):
            return None
        node = judge.evaluate(steps, view, components)
        self.take(node)
        return node if hidden <= self._limit else None

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

    def found(self, *, complete: bool, bound: float) -> Found:
        """Return what was found.

        Parameters
        ----------
        complete : bool
            Whether every node was settled.
        bound : float
            What no node scores less than.

        Raises
        ------
        AssertionError
            When no node was evaluated at all.
        """
        best = self.best
        closest = best or self.closest
        if closest is None:
            raise AssertionError("a node was evaluated")
        if best is not None:
            bound = best.key[0] if complete else min(bound, best.key[0])
        return Found(
            best=best,
            closest=closest,
            optimal=best is not None and complete,
            bound=bound,
            evaluated=tuple(self.within),
        )
