"""One node judged: hidden records, score, risk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import numpy.typing as npt

from midi_risk.recode.classes_view import ClassView, TagSpace
from midi_risk.recode.criteria import (
    CountedCriterion,
    CustomCriterion,
    KAnonymity,
    SizedCriterion,
    SoftCriterion,
    failing_classes,
)
from midi_risk.recode.front import smallest_shown
from midi_risk.recode.lattice import Lattice
from midi_risk.recode.node_tables import NodeTables
from midi_risk.recode.roll_up import ClassTable
from midi_risk.recode.utility import Utility

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
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
    """

    def __init__(
        self,
        lattice: Lattice,
        tables: NodeTables,
        tags: TagSpace,
        criteria: Sequence[CustomCriterion],
        utility: Utility,
    ) -> None:
        self.lattice = lattice
        self.tables = tables
        self.tags = tags
        self.criteria = (*criteria, *_implied(criteria, tags))
        self.utility = utility
        self.checked = 0

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
        failing_classes(view, self.criteria if rules is None else rules)
        return view

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
            smallest=smallest_shown(view.sizes, view.failed),
            key=tuple(float(part) for part in self.utility.keys(components[None, :])[0]),
            components=tuple(float(part) for part in components),
        )

    def key_when_hidden(self, steps: Sequence[int], hidden: int) -> tuple[float, ...]:
        """Return a bound of the key of a node that hides so many records."""
        components = self.utility.bound_when_hidden(steps, hidden)
        return tuple(float(part) for part in self.utility.keys(components[None, :])[0])
