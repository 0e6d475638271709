"""One node of the lattice, judged as the assessment judges a release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import floor
from typing import Any

import numpy as np

from midi_risk.attributes.hierarchies import Hierarchy
from midi_risk.attributes.model import Decision, Role
from midi_risk.errors import SearchError, did_you_mean
from midi_risk.recode.imaging_figures import imaging_figures
from midi_risk.recode.plan_state import release_state
from midi_risk.recode.plan_text import next_step_text, plan_heading, plan_loss, plan_step
from midi_risk.recode.requirement import requirement
from midi_risk.recode.setting import Setting, lattice_setting
from midi_risk.recode.steps import cheapest_step, ordered_steps
from midi_risk.risk.classes import EquivalenceClasses
from midi_risk.risk.plan_document import Plan, State, Suppressed
from midi_risk.table.model import SubjectTable
from midi_risk.table.release import measured, released
from midi_risk.threat.model import ThreatModel


def plan_at(
    table: SubjectTable,
    models: Sequence[ThreatModel],
    levels: Mapping[str, int | str],
    *,
    hierarchies: Mapping[str, Hierarchy] | None = None,
    max_suppression: float = 0.02,
    leave_out: bool = False,
    needs: Mapping[str, str] | None = None,
) -> Plan:
    """Return the plan that sets attributes to the levels given, with its risk and loss.

    Parameters
    ----------
    table : SubjectTable
        As folded; its decisions hold for attributes that are not named.
    models : sequence of ThreatModel
    levels : mapping of str to int or str
        Level by attribute, as number or name.
    hierarchies : mapping of str to Hierarchy, optional
        Hierarchies of the user's own.
    max_suppression : float
        Share of subjects that may be left out.
    leave_out : bool
        Leave out the subjects in classes below the threshold, when they are that few.
    needs : mapping of str to str, optional
        Justification by attribute, the assessor's words.

    Returns
    -------
    Plan
        From the data as they came. ``found`` says whether every adversary is within the
        threshold; never ``optimal``.

    Raises
    ------
    SearchError
        When an attribute is not a quasi-identifier that some adversary knows.
    HierarchyError
        When a level does not exist.
    """
    given = dict(hierarchies or {})
    node = judged(table, models, levels, given, max_suppression, leave_out=leave_out)
    setting, target = node.setting, node.target
    origin = [0] * len(target)
    steps = [
        plan_step(step, setting.hierarchies)
        for step in ordered_steps(setting.columns, origin, target)
    ]
    if needs:
        steps = [
            step.model_copy(
                update={"justification": needs.get(step.attribute) or step.justification}
            )
            for step in steps
        ]
    hidden = np.flatnonzero(node.hidden)
    before = judged(
        table, models, dict.fromkeys(setting.columns.names, 0), given, 0.0, leave_out=False
    )
    further = cheapest_step(setting.columns, target, [True] * len(target))
    return Plan(
        **plan_heading(table, models, node.k),
        found=node.state.passed,
        optimal=False,
        loss=plan_loss(setting, target, len(hidden), table.n_subjects),
        levels={a.name: level for a, level in zip(setting.attributes, target, strict=True)},
        hierarchies={
            name: [h.describe(level, name) for level in range(len(h.level_names))]
            for name, h in setting.hierarchies.items()
        },
        steps=steps,
        suppressed=Suppressed(subjects=len(hidden), cells=len(hidden) * len(target)),
        suppressed_subjects=[str(table.frame.index[int(i)]) for i in hidden],
        before=before.state,
        after=node.state,
        front=[],
        imaging=imaging_figures(table, node.released, given),
        next_step="" if node.state.passed else next_step_text(further, setting.hierarchies),
        reason="" if node.state.passed else "these levels leave a figure above its threshold",
        nodes=1,
        nodes_checked=1,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedNode:
    """A node with its state.

    Parameters
    ----------
    setting : Setting
        Attributes, hierarchies and codes.
    target : tuple of int
        Level of each attribute of the setting.
    k : int
        Class size that every adversary accepts.
    hidden : numpy.ndarray of bool, shape (n_subjects,)
        Subjects left out.
    released : SubjectTable
        What would be released.
    state : State
    """

    setting: Setting
    target: tuple[int, ...]
    k: int
    hidden: np.ndarray
    released: SubjectTable
    state: State


def judged(
    table: SubjectTable,
    models: Sequence[ThreatModel],
    levels: Mapping[str, int | str],
    hierarchies: Mapping[str, Hierarchy],
    max_suppression: float,
    *,
    leave_out: bool,
) -> JudgedNode:
    """Return the state of a release at some levels; parameters as in `plan_at`."""
    quasi = tuple(measured(table, Role.QUASI_IDENTIFIER))
    demand = requirement(models, quasi)
    usable = [a for a in quasi if a.name in demand.attributes and table.frame[a.name].notna().any()]
    names = [a.name for a in usable]
    for name in levels:
        if name not in names:
            raise SearchError(
                f"{name}: no quasi-identifier that an adversary knows",
                hint=did_you_mean(name, names),
            )
    chosen = tuple(a for a in usable if a.decision is not Decision.REMOVE or a.name in levels)
    if not chosen:
        raise SearchError("there is no quasi-identifier to tune")
    setting = lattice_setting(table, chosen, hierarchies, frozenset())
    last = {name: len(h.level_names) - 1 for name, h in setting.hierarchies.items()}
    start = tuple(
        last[a.name] if a.decision is Decision.REMOVE else at
        for a, at in zip(chosen, setting.start, strict=True)
    )
    setting = replace(setting, start=start)
    target = tuple(
        setting.hierarchies[a.name].level_of(levels[a.name]) if a.name in levels else at
        for a, at in zip(chosen, start, strict=True)
    )
    view = released(
        revised_table(table, dict(zip([a.name for a in chosen], target, strict=True)), last),
        hierarchies,
    )
    hidden = np.zeros(table.n_subjects, dtype=bool)
    if leave_out:
        hidden = rare_subjects(view, demand.attributes, demand.k, max_suppression)
        view = replace(view, frame=view.frame.loc[~hidden]) if hidden.any() else view
    return JudgedNode(
        setting=setting,
        target=target,
        k=demand.k,
        hidden=hidden,
        released=view,
        state=release_state(view, models, demand.k),
    )


def revised_table(
    table: SubjectTable, levels: Mapping[str, int], last: Mapping[str, int]
) -> SubjectTable:
    """Return the table with the levels as its decisions: retain, generalise or remove."""
    attributes = table.attributes
    for name, level in levels.items():
        changes: dict[str, Any]
        if level == 0:
            changes = {"decision": Decision.RETAIN, "generalise_to": None}
        elif level == last[name]:
            changes = {"decision": Decision.REMOVE, "generalise_to": None}
        else:
            changes = {"decision": Decision.GENERALISE, "generalise_to": level}
        attributes = attributes.revised(name, **changes)
    return replace(table, attributes=attributes)


def rare_subjects(
    view: SubjectTable, known: Sequence[str], k: int, max_suppression: float
) -> np.ndarray:
    """Return the subjects in classes smaller than k, none when they are too many."""
    names = [name for name in known if name in view.frame.columns]
    classes = EquivalenceClasses.from_codes(view.codes(names), missing=view.missing)
    rare = np.asarray(classes.record_sizes) < k
    limit = floor(max_suppression * view.n_subjects + 1e-9)
    return rare if rare.sum() <= limit else np.zeros(view.n_subjects, dtype=bool)
