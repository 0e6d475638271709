"""One node judged (hidden records, score, risk), and the best that a search has found so far.

The Pareto front is that of risk, loss and suppression; `Solution` is what the caller gets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil, isnan
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.document.notebook import Card
from midi_risk.document.plan import FrontPoint
from midi_risk.recode.criteria import (
    CountedCriterion,
    CustomCriterion,
    KAnonymity,
    SizedCriterion,
    SoftCriterion,
    failing_classes,
    matched,
)
from midi_risk.recode.lattice.lattice import Lattice
from midi_risk.recode.lattice.tables import ClassTable, NodeTables
from midi_risk.recode.lattice.unknown import Unknowns
from midi_risk.recode.lattice.view import ClassView, TagSpace
from midi_risk.recode.loss import Utility
from midi_risk.recode.search.budget import (
    CELL_SECONDS,
    ENTRY_SECONDS,
    LISTED_SECONDS,
    NODE_SECONDS,
    TABLE_SECONDS,
)
from midi_risk.risk.classes.keys import pack

Floats = npt.NDArray[np.float64]


def pareto(objectives: Floats) -> list[int]:
    """Return the rows that no other row beats, best first objective first.

    Parameters
    ----------
    objectives : ndarray, shape (rows, objectives)
        Smaller is better in every column. Of equal rows the first is kept.

    Returns
    -------
    list of int
        Sorted by the objectives, left to right.

    Examples
    --------
    >>> pareto(np.array([[0.2, 0.5], [0.1, 0.9], [0.2, 0.6]]))
    [1, 0]
    """
    if not len(objectives):
        return []
    columns = [objectives[:, column] for column in reversed(range(objectives.shape[1]))]
    order = np.lexsort((np.arange(len(objectives)), *columns))
    kept: list[int] = []
    front = np.empty((0, objectives.shape[1]))
    for row in order.tolist():
        point = objectives[row]
        if len(front) and bool((front <= point).all(axis=1).any()):
            continue
        kept.append(row)
        front = np.vstack((front, point))
    return kept


Ints = npt.NDArray[np.int64]
# Scores closer than this are one score: their difference is rounding (ARX breaks such ties by it).
SAME_SCORE = 12


def comparable(key: Sequence[float]) -> tuple[float, ...]:
    """Return a score cut to 12 significant digits, so that rounding decides no tie."""
    return tuple(float(f"{part:.{SAME_SCORE}g}") for part in key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """A node with its figures.

    Parameters
    ----------
    steps : tuple of int
    hidden : int
        Records in failing classes.
    classes : int
        Classes shown.
    smallest : int
        Size of the smallest class shown.
    key : tuple of float
        What scores are compared by.
    components : tuple of float
    """

    steps: tuple[int, ...]
    hidden: int
    classes: int
    smallest: int
    key: tuple[float, ...]
    components: tuple[float, ...]


def _implied(criteria: Sequence[CustomCriterion], tags: TagSpace) -> tuple[KAnonymity, ...]:
    """Return the class size that criteria on sensitive values demand, where it is larger."""
    sizes = [
        criterion.smallest_class(tags.columns[criterion.sensitive])
        for criterion in criteria
        if isinstance(criterion, SizedCriterion)
    ]
    smallest = max(sizes, default=1)
    known = max((c.k for c in criteria if isinstance(c, KAnonymity)), default=1)
    return (KAnonymity(smallest),) if smallest > known else ()


class Judge:
    """Counts the hidden records of nodes and scores them.

    Parameters
    ----------
    lattice : Lattice
    tables : NodeTables
    tags : TagSpace
    criteria : sequence of CustomCriterion
    utility : Utility
    missing : {"category", "wildcard", "wildcard-cautious"}
        How the judge of the release reads an unknown value.
    """

    def __init__(
        self,
        lattice: Lattice,
        tables: NodeTables,
        tags: TagSpace,
        criteria: Sequence[CustomCriterion],
        utility: Utility,
        missing: str = "category",
    ) -> None:
        self.lattice = lattice
        self.tables = tables
        self.tags = tags
        self.unknowns = Unknowns(lattice, missing)
        if self.unknowns.counted:
            criteria = matched(criteria, missing)
        self.criteria = (*criteria, *_implied(criteria, tags))
        self.utility = utility
        self.checked = 0
        self.listed = 0

    def work(self) -> float:
        """Return the work so far in CPU seconds, see `midi_risk.recode.search.budget`."""
        return (
            self.tables.entries * ENTRY_SECONDS
            + self.tables.built * TABLE_SECONDS
            + self.checked * NODE_SECONDS
            + self.listed * LISTED_SECONDS
            + self.unknowns.spent * CELL_SECONDS
        )

    def pruning_rules(self, limit: int) -> tuple[CustomCriterion, ...]:
        """Return the criteria for which a failing node proves that all below it fail."""
        if limit == 0:
            return tuple(criterion for criterion in self.criteria if criterion.monotone)
        return tuple(criterion for criterion in self.criteria if criterion.robust)

    def soft_rules(self, limit: int) -> tuple[SoftCriterion | CountedCriterion, ...]:
        """Return the other criteria that tell what nodes below a node must hide at least."""
        if limit == 0:
            return ()
        return tuple(
            criterion
            for criterion in self.criteria
            if not criterion.robust and isinstance(criterion, SoftCriterion | CountedCriterion)
        )

    def must_hide(
        self, view: ClassView, soft: Sequence[SoftCriterion | CountedCriterion]
    ) -> tuple[Floats, float]:
        """Return what every node below must hide at least: shares of classes, and records.

        Parameters
        ----------
        view : ClassView
            Judged by the pruning rules.
        soft : sequence of SoftCriterion or CountedCriterion
        """
        share = view.failed.astype(np.float64)
        counted = 0
        for criterion in soft:
            if hasattr(criterion, "least_hidden"):
                counted = max(counted, criterion.least_hidden(view))
            else:
                share = np.maximum(share, criterion.least_share(view))
        records = float((view.sizes * share).sum()) * (1 - 1e-12)
        return share, max(records, float(counted))

    def least_hidden(
        self, view: ClassView, soft: Sequence[SoftCriterion | CountedCriterion]
    ) -> int:
        """Return how many records every node below must hide at least; see `must_hide`."""
        return ceil(self.must_hide(view, soft)[1] - 1e-6) if soft else self.hidden(view)

    def view(
        self,
        steps: Sequence[int],
        rules: Sequence[CustomCriterion] | None = None,
        table: ClassTable | None = None,
    ) -> ClassView:
        """Return the classes of a node, judged by all or some criteria.

        Parameters
        ----------
        steps : sequence of int
        rules : sequence of CustomCriterion, optional
            All criteria unless given.
        table : ClassTable, optional
            Its class table, when it is at hand.
        """
        self.checked += 1
        view = ClassView(self.tables.at(steps) if table is None else table, self.tags)
        if self.unknowns.counted:
            view.matching = self.unknowns.matching(steps, view.sizes, view.field)
        failing_classes(view, self.criteria if rules is None else rules)
        return view

    def finish(self, view: ClassView, rest: Sequence[CustomCriterion]) -> None:
        """Judge the classes of a view by the criteria that were left aside.

        Parameters
        ----------
        view : ClassView
        rest : sequence of CustomCriterion
            Where unknown values may be any value the others are asked again.
        """
        failing_classes(view, rest if view.matching is None else self.criteria)

    def hidden(self, view: ClassView) -> int:
        """Return the records in failing classes."""
        return int(view.sizes[view.failed].sum())

    def evaluate(
        self,
        steps: Sequence[int],
        view: ClassView | None = None,
        components: Floats | None = None,
    ) -> Evaluated:
        """Return the figures of a node.

        Parameters
        ----------
        steps : sequence of int
        view : ClassView, optional
            Its classes, judged, when they are at hand.
        components : ndarray, optional
            Of its score, when they are at hand.
        """
        node = tuple(int(step) for step in steps)
        view = self.view(node) if view is None else view
        failed = np.flatnonzero(view.failed)
        if components is None:
            components = self.utility.components(node, view, failed)
        return Evaluated(
            steps=node,
            hidden=int(view.sizes[failed].sum()),
            classes=len(view.sizes) - len(failed),
            smallest=view.smallest_shown(),
            key=tuple(float(part) for part in self.utility.keys(components[None, :])[0]),
            components=tuple(float(part) for part in components),
        )

    def key_when_hidden(self, steps: Sequence[int], hidden: int) -> tuple[float, ...]:
        """Return a bound of the key of a node that hides so many records."""
        components = self.utility.bound_when_hidden(steps, hidden)
        return tuple(float(part) for part in self.utility.keys(components[None, :])[0])


Rank = tuple[tuple[float, ...], tuple[int, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search found.

    Parameters
    ----------
    best : Evaluated or None
    closest : Evaluated
        The best node, or the one with the fewest hidden records when none is good.
    complete : bool
        Whether every node was settled; a best node is then optimal.
    bound : float
        Lower bound of the first part of the score; NaN when there is none.
    evaluated : tuple of Evaluated
        Nodes within the limit, in the order of evaluation.
    """

    best: Evaluated | None
    closest: Evaluated
    complete: bool
    bound: float
    evaluated: tuple[Evaluated, ...]

    @property
    def optimal(self) -> bool:
        """Whether the best node is proved to be the best."""
        return self.best is not None and self.complete


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
            complete=complete,
            bound=bound,
            evaluated=tuple(self.within),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution(Card):
    """The best node of the lattice, or the closest one when none is good.

    Parameters
    ----------
    found : bool
        Whether a node meets every criterion within the suppression limit.
    levels : dict of str to int
        Level of each quasi-identifier, in the order given.
    score : float
        Utility loss; comparable with ARX for the same model. NaN when nothing was evaluated.
    components : tuple of float
        Loss of each attribute, or of the table.
    suppressed : int
        Records hidden.
    classes : int
        Equivalence classes shown.
    smallest : int
        Records in the smallest class shown; 0 when none is.
    optimal : bool
        Whether no node is better; proved, never assumed.
    checked : int
        Nodes whose classes were counted.
    nodes : int
        Nodes of the lattice.
    bound : float
        No node that meets the criteria scores less.
    gap : float
        ``(score - bound) / score``; 0 when optimal.
    suppressed_rows : ndarray of bool, shape (N,)
        Records hidden, in the order of the data.
    front : tuple of FrontPoint
        Evaluated nodes that no other evaluated node beats in risk, loss and suppression.
    blocking : str
        What keeps the closest node from being a solution; empty when found.
    utility : str
        Name of the utility model.
    """

    found: bool
    levels: dict[str, int]
    score: float
    components: tuple[float, ...] = ()
    suppressed: int
    classes: int
    smallest: int
    optimal: bool
    checked: int
    nodes: int
    bound: float
    gap: float
    suppressed_rows: npt.NDArray[np.bool_] = field(repr=False)
    front: tuple[FrontPoint, ...] = field(default=(), repr=False)
    blocking: str = ""
    utility: str = "entropy"

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain values, without the records."""
        return {
            "found": self.found,
            "levels": dict(self.levels),
            "score": self.score,
            "components": list(self.components),
            "suppressed": self.suppressed,
            "classes": self.classes,
            "smallest": self.smallest,
            "optimal": self.optimal,
            "checked": self.checked,
            "nodes": self.nodes,
            "bound": self.bound,
            "gap": self.gap,
            "blocking": self.blocking,
            "utility": self.utility,
        }

    def to_frame(self) -> pd.DataFrame:
        """Return one row per attribute with its level."""
        return pd.DataFrame({"attribute": list(self.levels), "level": list(self.levels.values())})


def solution_of(judge: Judge, found: Found, limit: int, utility: str) -> Solution:
    """Return the outcome of a search with its records, front and reasons.

    Parameters
    ----------
    judge : Judge
    found : Found
    limit : int
        Records that may be hidden.
    utility : str
        Name of the utility model.
    """
    lattice = judge.lattice
    node = found.closest
    names = [attribute.name for attribute in lattice.attributes]
    score = node.key[0]
    gap = 0.0
    if found.best is not None and not found.optimal and score > 0 and not isnan(found.bound):
        gap = (score - found.bound) / score
    checked = judge.checked
    return Solution(
        found=found.best is not None,
        levels=dict(zip(names, lattice.levels(node.steps), strict=True)),
        score=score,
        components=node.components,
        suppressed=node.hidden,
        classes=node.classes,
        smallest=node.smallest,
        optimal=found.optimal,
        checked=checked,
        nodes=lattice.size,
        bound=found.bound,
        gap=gap,
        suppressed_rows=_rows(judge, node),
        front=_front(lattice, found.evaluated),
        blocking="" if found.best is not None else _blocking(judge, node, limit),
        utility=utility,
    )


def _rows(judge: Judge, node: Evaluated) -> npt.NDArray[np.bool_]:
    """Return which records of the sample are in failing classes."""
    records = judge.utility.inputs.records
    view = judge.view(node.steps)
    if not view.failed.any():
        return np.zeros(records, dtype=bool)
    failed = np.flatnonzero(view.failed)
    axes = judge.lattice.axes
    chosen = list(zip(axes, node.steps, strict=True))
    codes = [
        np.concatenate((axis.maps[step][axis.codes[:records]], view.field(number, failed)))
        for number, (axis, step) in enumerate(chosen)
    ]
    widths = [axis.cardinality(step) for axis, step in chosen]
    key, _ = pack(codes, widths, records + len(failed))
    return np.isin(key[:records], key[records:])


def _front(lattice: Lattice, nodes: Sequence[Evaluated]) -> tuple[FrontPoint, ...]:
    names = [attribute.name for attribute in lattice.attributes]
    risks = [1.0 / node.smallest if node.smallest else 0.0 for node in nodes]
    table = np.array(
        [[risk, node.key[0], node.hidden] for risk, node in zip(risks, nodes, strict=True)]
    ).reshape(-1, 3)
    return tuple(
        FrontPoint(
            levels=dict(zip(names, lattice.levels(nodes[row].steps), strict=True)),
            risk=risks[row],
            loss=nodes[row].key[0],
            suppressed=nodes[row].hidden,
        )
        for row in pareto(table)
    )


def _blocking(judge: Judge, node: Evaluated, limit: int) -> str:
    """Return in words why the closest node is no solution."""
    names = [attribute.name for attribute in judge.lattice.attributes]
    levels = judge.lattice.levels(node.steps)
    limited = [
        f"'{names[member]}' stops at level {axis.steps[-1][place]} of "
        f"{judge.lattice.attributes[member].levels - 1}"
        for axis in judge.lattice.axes
        for place, member in enumerate(axis.members)
        if axis.steps[-1][place] < judge.lattice.attributes[member].levels - 1
    ]
    at = ", ".join(f"{name}={level}" for name, level in zip(names, levels, strict=True))
    why = "; " + ", ".join(limited) if limited else ""
    return (
        f"no node meets the criteria with at most {limit} hidden records: the closest ({at}) "
        f"would hide {node.hidden}{why}"
    )
