"""The workbench behind a page: a table, its threat models and what is tried on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from midi_risk.attributes.hierarchies import Hierarchy
from midi_risk.attributes.model import AttributeSet
from midi_risk.errors import SearchError
from midi_risk.recode.plan import suggest
from midi_risk.risk.lattice_document import TuningLattice
from midi_risk.risk.plan_document import Plan
from midi_risk.table.model import SubjectTable
from midi_risk.threat.model import ThreatModel
from midi_risk.tune.lattice import MAX_NODES, tuning_lattice

FIRST_BUDGET = 10.0
"""Seconds for the suggestion that the page starts with."""


@dataclass(kw_only=True)
class Bench:
    """What a tuning page works on; roles and hierarchies change as the assessor tries.

    Parameters
    ----------
    title : str
        Name of the collection.
    table : SubjectTable
        As folded, decisions not yet applied.
    models : sequence of ThreatModel
    attributes : AttributeSet
        All of them, folded or not.
    fold : callable
        Folds anew after a change of roles.
    hierarchies : dict of str to Hierarchy
        Hierarchies of the user's own, by attribute.
    max_suppression : float
    keep : tuple of str
    budget_seconds : float
        For the suggestion.
    pending : callable
        What the assessment waits for, whatever is tuned.
    project_file : pathlib.Path, optional
        The file that decisions are saved to; None when sources were named directly.
    """

    title: str
    table: SubjectTable
    models: Sequence[ThreatModel]
    attributes: AttributeSet
    fold: Callable[[AttributeSet], SubjectTable]
    hierarchies: dict[str, Hierarchy] = field(default_factory=dict)
    max_suppression: float = 0.02
    keep: tuple[str, ...] = ()
    budget_seconds: float = FIRST_BUDGET
    pending: Callable[[], list[str]] = list
    project_file: Path | None = None

    @property
    def model_names(self) -> list[str]:
        """Names of the threat models."""
        return [model.name for model in self.models]

    def suggestion(self) -> Plan:
        """Return the cheapest plan that the search finds in the time given."""
        return suggest(
            self.table,
            self.models,
            max_suppression=self.max_suppression,
            keep=self.keep,
            budget_seconds=self.budget_seconds,
            hierarchies=self.hierarchies,
        )

    def lattice(self, plan: Plan | None, *, max_nodes: int = MAX_NODES) -> TuningLattice:
        """Return the lattice for a page, thinned where it is too large.

        Raises
        ------
        SearchError
            When no adversary knows any attribute.
        """
        lattice = tuning_lattice(
            self.table,
            self.models,
            hierarchies=self.hierarchies,
            plan=plan,
            keep=self.keep,
            max_suppression=self.max_suppression,
            max_nodes=max_nodes,
            thin=True,
        )
        if lattice is None:
            raise SearchError(
                "there is nothing to tune: no adversary knows any quasi-identifier with values",
                hint="Give attributes the role quasi_identifier in midi-risk.yaml",
            )
        return lattice
