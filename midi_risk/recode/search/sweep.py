"""The whole lattice with the class sizes of every node: any k, limit or threshold, no search."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.document.notebook import Card
from midi_risk.document.plan import FrontPoint
from midi_risk.errors import SearchError
from midi_risk.recode.criteria import KAnonymity
from midi_risk.recode.lattice.tables import ClassTable, NodeTables
from midi_risk.recode.lattice.unknown import Matching
from midi_risk.recode.lattice.view import ClassView
from midi_risk.recode.search.judge import BestSoFar, Judge, Solution, pareto, solution_of
from midi_risk.recode.search.problem import Problem, hidden_limit, prepare
from midi_risk.risk.classes.classes import MissingPolicy

Ints = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int32]
LARGEST_SWEEP = 1_000_000
FRONT_K = (2, 3, 5, 10, 11, 20, 50)


class LatticeSweep(Card):
    """Class sizes of every node of a lattice.

    Parameters
    ----------
    problem : Problem
    utility : str
        Name of its utility model.
    largest : int
        Class sizes are counted one by one up to here; k may be one more at most.

    Attributes
    ----------
    classes, smallest : ndarray of int32, shape (nodes,)
        Classes, and records in the smallest one: those it could be, where an unknown value may
        be any value.
    histogram : ndarray of int32, shape (nodes, largest)
        Classes with 1, 2, ... records.
    """

    def __init__(self, problem: Problem, utility: str, largest: int) -> None:
        self._judge = problem.judge
        self._utility = utility
        self.largest = largest
        self._below: dict[int, Ints] = {}
        nodes = problem.judge.lattice.size
        self.classes = np.zeros(nodes, dtype=np.int32)
        self.smallest = np.zeros(nodes, dtype=np.int32)
        self.histogram = np.zeros((nodes, largest), dtype=np.int32)
        for node, table in sweep_tables(problem.judge.tables):
            sizes = self._sizes(node, table)
            self.classes[node] = len(sizes)
            self.smallest[node] = sizes.min()
            small = sizes[sizes <= largest].astype(np.int64)
            self.histogram[node] = np.bincount(small, minlength=largest + 1)[1:]

    def _matching(self, node: int, table: ClassTable) -> tuple[Matching, Ints]:
        judge = self._judge
        view = ClassView(table, judge.tags)
        steps = judge.lattice.steps_of(np.array([node]))[0].tolist()
        return judge.unknowns.matching(steps, view.sizes, view.field), view.sizes

    def _sizes(self, node: int, table: ClassTable) -> npt.NDArray[Any]:
        """Return the size of each class: its records, or those that it could be."""
        if not self._judge.unknowns.counted:
            return table.sizes()
        matching, counts = self._matching(node, table)
        return matching.sizes(np.ones(len(counts), dtype=bool))

    def _peeled(self, k: int) -> Ints:
        """Return the records to leave out at every node so that all others have k matches."""
        if k not in self._below:
            out = np.zeros(self.nodes, dtype=np.int64)
            for node, table in sweep_tables(self._judge.tables):
                if self.smallest[node] < k:
                    matching, counts = self._matching(node, table)
                    nobody = np.zeros(len(counts), dtype=bool)
                    out[node] = counts[matching.too_small(k, nobody)].sum()
            self._below[k] = out
        return self._below[k]

    def __repr__(self) -> str:
        """Return counts only."""
        return f"LatticeSweep({self.nodes} nodes, {self.records} records)"

    def _figures(self) -> list[tuple[str, str]]:
        return [("class sizes counted up to", str(self.largest))]

    @property
    def nodes(self) -> int:
        """Number of nodes."""
        return len(self.classes)

    @property
    def records(self) -> int:
        """Number of records."""
        return self._judge.utility.inputs.records

    @cached_property
    def levels(self) -> Ints:
        """Level of each attribute at each node, shape (nodes, attributes)."""
        lattice = self._judge.lattice
        steps = lattice.steps_of(np.arange(lattice.size))
        out = np.zeros((lattice.size, len(lattice.attributes)), dtype=np.int64)
        for number, axis in enumerate(lattice.axes):
            for place, member in enumerate(axis.members):
                table = np.array([step[place] for step in axis.steps])
                out[:, member] = table[steps[:, number]]
        return out

    @cached_property
    def _keys(self) -> npt.NDArray[np.float64]:
        lattice = self._judge.lattice
        utility = self._judge.utility
        return utility.keys(utility.bound(lattice.steps_of(np.arange(lattice.size))))

    def hidden(self, k: int) -> Ints:
        """Return the records in classes below k at every node, shape (nodes,).

        Raises
        ------
        SearchError
            When k exceeds the sizes that were counted.
        """
        if not 1 <= k <= self.largest + 1:
            raise SearchError(
                f"this sweep answers k from 1 to {self.largest + 1}",
                hint="Sweep again with a larger 'largest'",
            )
        if self._judge.unknowns.counted:
            return self._peeled(k)
        sizes = np.arange(1, k, dtype=np.int64)
        out: Ints = self.histogram[:, : k - 1].astype(np.int64) @ sizes
        return out

    def satisfying(self, k: int, max_suppression: float | str = 0.0) -> npt.NDArray[np.bool_]:
        """Return which nodes reach k when so large a share may be hidden, shape (nodes,)."""
        out: npt.NDArray[np.bool_] = self.hidden(k) <= hidden_limit(max_suppression, self.records)
        return out

    def best(self, k: int, max_suppression: float | str = 0.0) -> Solution:
        """Return the node that `search` would return, from the stored class sizes.

        Only nodes that may be the best by their bound are scored anew.
        """
        limit = hidden_limit(max_suppression, self.records)
        hidden = self.hidden(k)
        base = self._judge
        policy = base.unknowns.policy
        rules = (KAnonymity(k),)
        judge = Judge(base.lattice, base.tables, base.tags, rules, base.utility, policy)
        so_far = BestSoFar(base.lattice, limit)
        nodes = np.flatnonzero(hidden <= limit)
        order = nodes[np.lexsort((nodes, *self._keys[nodes].T[::-1]))]
        for node in order.tolist():
            if so_far.finished(tuple(self._keys[node].tolist())):
                break
            steps = tuple(int(step) for step in np.unravel_index(node, base.lattice.shape))
            if not so_far.beaten(judge.key_when_hidden(steps, int(hidden[node])), steps):
                so_far.take(judge.evaluate(steps))
        if so_far.best is None:
            closest = int(np.argmin(hidden))
            steps = tuple(int(step) for step in np.unravel_index(closest, base.lattice.shape))
            so_far.take(judge.evaluate(steps))
        found = so_far.found(complete=True, bound=float("nan"))
        return solution_of(judge, found, limit, self._utility)

    def front(
        self, ks: Sequence[int] = FRONT_K, max_suppression: float | str = 0.0
    ) -> tuple[FrontPoint, ...]:
        """Return the best node of each k, without those that another one beats.

        Parameters
        ----------
        ks : sequence of int
            Class sizes to reach; those above the counted sizes are left out.
        max_suppression : float or str
        """
        solutions = [self.best(k, max_suppression) for k in ks if k <= self.largest + 1]
        nodes = [
            FrontPoint(
                levels=solution.levels,
                risk=1.0 / solution.smallest if solution.smallest else 0.0,
                loss=solution.score,
                suppressed=solution.suppressed,
            )
            for solution in solutions
            if solution.found
        ]
        table = np.array([[node.risk, node.loss, node.suppressed] for node in nodes])
        return tuple(nodes[row] for row in pareto(table.reshape(-1, 3)))

    def to_frame(self, ks: Sequence[int] = (2, 3, 5, 10, 11, 20)) -> pd.DataFrame:
        """Return one row per node: levels, classes, smallest class, records hidden for each k.

        The column ``loss_bound`` is the loss of the generalisation alone.
        """
        names = [attribute.name for attribute in self._judge.lattice.attributes]
        frame = pd.DataFrame(self.levels, columns=names)
        frame["classes"] = self.classes
        frame["smallest"] = self.smallest
        frame["loss_bound"] = self._keys[:, 0]
        for k in ks:
            frame[f"hidden_{k}"] = self.hidden(k)
        return frame


def sweep_tables(tables: NodeTables) -> Iterator[tuple[int, ClassTable]]:
    """Yield every node with its class table, level by level.

    Each table is rolled up from its smallest direct predecessor; the tables of two levels are
    alive at a time.
    """
    lattice = tables.lattice
    shape = np.array(lattice.shape)
    strides = np.array([int(np.prod(shape[axis + 1 :])) for axis in range(len(shape))])
    steps = lattice.steps_of(np.arange(lattice.size))
    heights = steps.sum(axis=1)
    order = np.argsort(heights, kind="stable")
    edges = np.searchsorted(heights[order], np.arange(int(heights.max()) + 2))
    previous: dict[int, ClassTable] = {}
    for low, high in pairwise(edges):
        current: dict[int, ClassTable] = {}
        for node in order[low:high].tolist():
            here = steps[node].tolist()
            below = [node - int(strides[axis]) for axis, step in enumerate(here) if step]
            if below:
                source = min(below, key=lambda one: len(previous[one]))
                table = tables.rolled(previous[source], steps[source].tolist(), here)
            else:
                table = tables.base
            current[node] = table
            yield node, table
        previous = current


def sweep(
    data: Any,
    hierarchies: Mapping[str, Any],
    *,
    utility: str = "entropy",
    weights: Mapping[str, float] | None = None,
    keep: Sequence[str] = (),
    levels: Mapping[str, tuple[int, int]] | None = None,
    coupled: Sequence[Sequence[str]] = (),
    gs_factor: float = 0.5,
    aggregate: str = "geometric",
    largest: int = 50,
    missing: MissingPolicy = "category",
) -> LatticeSweep:
    """Return the class sizes of every node of the lattice.

    Parameters
    ----------
    data, hierarchies, utility, weights, keep, levels, coupled, gs_factor, aggregate, missing
        As in `midi_risk.recode.search.search.search`.
    largest : int
        Class sizes are counted one by one up to here.

    Returns
    -------
    LatticeSweep
        Answers any k up to ``largest + 1`` and any limit.

    Raises
    ------
    SearchError
        When the lattice has more than a million nodes.

    Examples
    --------
    >>> ages = pd.DataFrame({"age": [31, 33, 38, 52]})
    >>> tens = pd.DataFrame([["31", "30-39", "*"], ["33", "30-39", "*"],
    ...                      ["38", "30-39", "*"], ["52", "50-59", "*"]])
    >>> every = sweep(ages, {"age": tens}, utility="loss")
    >>> every.hidden(2).tolist(), every.best(2, 0.25).levels
    ([4, 1, 0], {'age': 1})
    """
    if largest < 1:
        raise SearchError("'largest' must be at least 1")
    problem = prepare(
        data,
        hierarchies,
        k=1,
        utility=utility,
        weights=weights,
        keep=keep,
        levels=levels,
        coupled=coupled,
        gs_factor=gs_factor,
        aggregate=aggregate,
        missing=missing,
    )
    size = problem.judge.lattice.size
    if size > LARGEST_SWEEP:
        raise SearchError(
            f"the lattice has {size} nodes, too many to count them all",
            hint="Restrict levels, or use search, which does not count them all",
        )
    return LatticeSweep(problem, utility, largest)
