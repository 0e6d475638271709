"""The axes of the tuning lattice: which attributes and which of their levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from midi_risk.attributes.hierarchies import Hierarchy
from midi_risk.attributes.model import Attribute, Decision, Role
from midi_risk.recode.requirement import Requirement, requirement
from midi_risk.recode.setting import lattice_setting
from midi_risk.risk.classes import EquivalenceClasses
from midi_risk.table.model import SubjectTable
from midi_risk.table.release import measured
from midi_risk.threat.model import ThreatModel


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningAxis:
    """One attribute with the levels that the page offers.

    Parameters
    ----------
    attribute : Attribute
    hierarchy : Hierarchy
        With all levels.
    levels : tuple of int
        Levels on offer, ascending.
    losses : numpy.ndarray, shape (n_levels,)
        Information lost at every level of the hierarchy.
    start : int
        Level that the project decided on; 0 without a decision.
    contribution : float
        By how much the mean risk of the data as they came falls without the attribute.
    """

    attribute: Attribute
    hierarchy: Hierarchy
    levels: tuple[int, ...]
    losses: np.ndarray
    start: int
    contribution: float = 0.0

    @property
    def name(self) -> str:
        """Name of the attribute."""
        return self.attribute.name

    @property
    def needed(self) -> tuple[int, ...]:
        """The levels on offer, with the first and the last, which a lattice is built from."""
        return tuple(sorted({0, *self.levels, len(self.hierarchy.level_names) - 1}))

    @property
    def range(self) -> tuple[int, int]:
        """Places of the lowest and the highest level on offer among those needed."""
        needed = self.needed
        return needed.index(self.levels[0]), needed.index(self.levels[-1])

    @property
    def offered(self) -> Hierarchy:
        """The hierarchy with the needed levels alone."""
        chosen = list(self.needed)
        return Hierarchy(
            name=self.hierarchy.name,
            level_names=tuple(self.hierarchy.level_names[i] for i in chosen),
            frame=self.hierarchy.frame.iloc[:, chosen],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningAxes:
    """All axes, with what the threat models demand.

    Parameters
    ----------
    axes : tuple of TuningAxis
    demand : Requirement
    not_tuned : tuple of str
        Quasi-identifiers that are no axis.
    left_out : int
        Levels that tell subjects apart, yet are not on offer.
    """

    axes: tuple[TuningAxis, ...]
    demand: Requirement
    not_tuned: tuple[str, ...]
    left_out: int

    @property
    def nodes(self) -> int:
        """Nodes of the lattice."""
        return prod(len(axis.levels) for axis in self.axes)


def all_axes(
    table: SubjectTable,
    models: Sequence[ThreatModel],
    hierarchies: Mapping[str, Hierarchy] | None = None,
    targets: Mapping[str, int] | None = None,
) -> TuningAxes:
    """Return an axis for every quasi-identifier that some adversary knows.

    Parameters
    ----------
    table : SubjectTable
        As folded, decisions not yet applied.
    models : sequence of ThreatModel
    hierarchies : mapping of str to Hierarchy, optional
        Hierarchies of the user's own.
    targets : mapping of str to int, optional
        Levels that must be on offer, such as those of a plan.

    Returns
    -------
    TuningAxes
        What adds most to the risk first.

    Notes
    -----
    A level that tells apart exactly what the one before it does is not on offer, unless it is
    decided on or a target; the first and the last always are.
    """
    quasi = tuple(measured(table, Role.QUASI_IDENTIFIER))
    demand = requirement(models, quasi)
    chosen = tuple(
        a for a in quasi if a.name in demand.attributes and table.frame[a.name].notna().any()
    )
    if not chosen:
        return TuningAxes(axes=(), demand=demand, not_tuned=(), left_out=0)
    setting = lattice_setting(table, chosen, dict(hierarchies or {}), frozenset())
    axes = []
    columns = setting.columns
    adds = _contributions([codes[0] for codes in columns.codes])
    for attribute, codes, losses, start, added in zip(
        chosen, columns.codes, columns.losses, setting.start, adds, strict=True
    ):
        hierarchy = setting.hierarchies[attribute.name]
        last = len(hierarchy.level_names) - 1
        begin = last if attribute.decision is Decision.REMOVE else start
        wanted = {0, last, begin, (targets or {}).get(attribute.name, begin)}
        groups = [len(np.unique(row)) for row in codes]
        levels = tuple(i for i in range(last + 1) if i in wanted or groups[i] < groups[i - 1])
        axes.append(
            TuningAxis(
                attribute=attribute,
                hierarchy=hierarchy,
                levels=levels,
                losses=losses,
                start=begin,
                contribution=added,
            )
        )
    axes.sort(key=lambda axis: -axis.contribution)
    known = {axis.name for axis in axes}
    unknown = tuple(a.name for a in quasi if a.name not in known)
    return TuningAxes(axes=tuple(axes), demand=demand, not_tuned=unknown, left_out=0)


def _contributions(raw: Sequence[np.ndarray]) -> list[float]:
    """Return by how much the mean risk falls without each column of codes."""
    matrix = np.column_stack(raw)

    def mean(columns: list[int]) -> float:
        classes = EquivalenceClasses.from_codes(matrix[:, columns])
        return classes.n_classes / max(1, classes.n)

    everything = list(range(len(raw)))
    whole = mean(everything)
    return [whole - mean([j for j in everything if j != i]) for i in everything]


def fitted(
    all_of_them: TuningAxes, most: int, *, thin: bool, targets: Mapping[str, int]
) -> TuningAxes | None:
    """Return axes whose lattice has at most so many nodes, None when that takes thinning.

    Parameters
    ----------
    all_of_them : TuningAxes
    most : int
        Nodes at most.
    thin : bool
        Whether levels may be left out, and attributes held where they are, to fit.
    targets : mapping of str to int
        Levels that stay on offer.

    Notes
    -----
    Attributes decided to be removed join last, as long as they fit.
    """
    removed = [a for a in all_of_them.axes if a.attribute.decision is Decision.REMOVE]
    kept = [a for a in all_of_them.axes if a.attribute.decision is not Decision.REMOVE]
    left_out = 0
    while prod(len(a.levels) for a in kept) > most:
        if not thin:
            return None
        kept, dropped = _thinner(kept, targets)
        left_out += dropped
    for axis in removed:
        if prod(len(a.levels) for a in [*kept, axis]) <= most:
            kept.append(axis)
    order = {axis.name: i for i, axis in enumerate(all_of_them.axes)}
    axes = tuple(sorted(kept, key=lambda a: order[a.name]))
    here = {a.name for a in axes}
    held = tuple(a.name for a in all_of_them.axes if a.name not in here)
    return replace(
        all_of_them,
        axes=axes,
        not_tuned=(*all_of_them.not_tuned, *held),
        left_out=left_out,
    )


def _thinner(axes: list[TuningAxis], targets: Mapping[str, int]) -> tuple[list[TuningAxis], int]:
    """Leave out the level whose loss is nearest to a neighbour's, or hold an axis."""
    best: tuple[float, int, int] | None = None
    for number, axis in enumerate(axes):
        fixed = {axis.start, targets.get(axis.name, axis.start)}
        for place in range(1, len(axis.levels) - 1):
            level = axis.levels[place]
            near = [axis.losses[axis.levels[p]] for p in (place - 1, place + 1)]
            apart = min(abs(float(axis.losses[level] - other)) for other in near)
            if level not in fixed and (best is None or apart < best[0]):
                best = (apart, number, level)
    if best is None:
        free = [axis for axis in axes if len(axis.levels) > 1]
        held = min(free, key=lambda a: (a.attribute.utility, a.name))
        fixed_axis = replace(held, levels=(held.start,))
        return [fixed_axis if axis is held else axis for axis in axes], len(held.levels) - 1
    _, number, level = best
    thinned = replace(axes[number], levels=tuple(x for x in axes[number].levels if x != level))
    return [*axes[:number], thinned, *axes[number + 1 :]], 1
