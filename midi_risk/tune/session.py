"""One sitting at the workbench: any node of any lattice, judged as the assessment judges a release.

A workbench is a table, its threat models and what is tried on them. The settings around a node
make the chart of risk against information lost.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import floor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from midi_risk.attributes.hierarchy import Hierarchy
from midi_risk.attributes.model import AttributeSet, Decision, Role
from midi_risk.config import HierarchyStep
from midi_risk.document.assessment import Assessment, TuningLattice
from midi_risk.document.plan import Plan, State, Suppressed, proof_text
from midi_risk.errors import SearchError, did_you_mean
from midi_risk.recode.criteria import requirement
from midi_risk.recode.imaging import imaging_figures
from midi_risk.recode.loss import information_lost
from midi_risk.recode.plan import suggest_beside
from midi_risk.recode.search.search import search
from midi_risk.recode.steps import (
    PLAN_UTILITY,
    Setting,
    cheapest_step,
    lattice_setting,
    next_step_text,
    ordered_steps,
    plan_heading,
    plan_loss,
    plan_step,
    release_state,
)
from midi_risk.report.tuning import NodeFigures
from midi_risk.risk.adversaries import as_judged
from midi_risk.risk.classes.classes import EquivalenceClasses
from midi_risk.risk.measures.repeated import sizes_known_exactly
from midi_risk.table.model import SubjectTable
from midi_risk.table.release import measured, released, without_subjects
from midi_risk.table.repeated import generalised_values, written_once
from midi_risk.threat.model import ThreatModel
from midi_risk.tune.beside import all_beside, all_rules, settled
from midi_risk.tune.lattice import (
    GRID,
    MAX_NODES,
    TuningAxes,
    all_axes,
    blank_lattice,
    fitted,
    local_card,
    most_left_out,
    node_counts,
    plans_of,
    targets_of,
    tuning_lattice,
)

FIRST_BUDGET = 10.0
"""Seconds for the suggestion that the page starts with."""


def _unassessed(_table: SubjectTable) -> Assessment:
    raise SearchError("this bench weighs levels and assesses nothing")


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
    bands : dict of str to HierarchyStep
        Bands that the assessor tries beside the levels of an attribute.
    max_suppression : float
    keep : tuple of str
    budget_seconds : float
        For the suggestion.
    pending : callable
        What the assessment waits for, whatever is tuned.
    assess : callable
        Assesses a table as the command of that name does; not needed where levels are weighed.
    project_file : pathlib.Path, optional
        The file that decisions are saved to; None when sources were named directly.
    project_digest : str
        SHA-256 of its bytes when it was read; a file that has another is not written.
    """

    title: str
    table: SubjectTable
    models: Sequence[ThreatModel]
    attributes: AttributeSet
    fold: Callable[[AttributeSet], SubjectTable]
    hierarchies: dict[str, Hierarchy] = field(default_factory=dict)
    bands: dict[str, HierarchyStep] = field(default_factory=dict)
    max_suppression: float = 0.02
    keep: tuple[str, ...] = ()
    budget_seconds: float = FIRST_BUDGET
    pending: Callable[[], list[str]] = list
    assess: Callable[[SubjectTable], Assessment] = _unassessed
    project_file: Path | None = None
    project_digest: str = ""

    @property
    def model_names(self) -> list[str]:
        """Names of the threat models."""
        return [model.name for model in self.models]

    def suggestions(self) -> tuple[Plan, Plan | None]:
        """Return the plan that the search finds in the time given, and the local one beside it."""
        return suggest_beside(
            self.table,
            self.models,
            max_suppression=self.max_suppression,
            keep=self.keep,
            budget_seconds=self.budget_seconds,
            hierarchies=self.hierarchies,
        )

    def lattice(
        self, plan: Plan | None, local: Plan | None = None, *, max_nodes: int = MAX_NODES
    ) -> TuningLattice:
        """Return the lattice for a page, thinned where it is too large.

        Parameters
        ----------
        plan : Plan, optional
        local : Plan, optional
            With bands that differ between subjects, which is no node.
        max_nodes : int

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
        return lattice.model_copy(update={"local": local_card(local)})


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
        found=node.state.accepted,
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
        reason=_refused(node.state),
        nodes=1,
        nodes_checked=1,
    )


def _refused(state: State) -> str:
    """Return why levels are not accepted, ``""`` when they are."""
    if not state.passed:
        return "these levels leave a figure above its threshold"
    if state.disclosed:
        return f"at these levels sensitive values can be inferred: {', '.join(state.disclosed)}"
    return ""


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
    revised : SubjectTable
        Their table with the levels as its decisions, as an assessment takes it.
    released : SubjectTable
        What would be released.
    state : State
    """

    setting: Setting
    target: tuple[int, ...]
    k: int
    hidden: np.ndarray
    revised: SubjectTable
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
    revised = revised_table(table, dict(zip([a.name for a in chosen], target, strict=True)), last)
    view = released(revised, hierarchies)
    hidden = np.zeros(table.n_subjects, dtype=bool)
    if leave_out:
        hidden = rare_subjects(
            as_judged(view, models), demand.attributes, demand.k, max_suppression
        )
        view = replace(view, frame=view.frame.loc[~hidden]) if hidden.any() else view
    return JudgedNode(
        setting=setting,
        target=target,
        k=demand.k,
        hidden=hidden,
        revised=without_subjects(revised, hidden),
        released=view,
        state=release_state(view, models, demand.k, table=table),
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
    alike = sizes_known_exactly(view, [view.attributes[name] for name in names])
    classes = EquivalenceClasses.from_codes(view.codes(names), missing=view.missing)
    rare = np.asarray(classes.record_sizes if alike is None else alike) < k
    limit = floor(max_suppression * view.n_subjects + 1e-9)
    return rare if rare.sum() <= limit else np.zeros(view.n_subjects, dtype=bool)


MAX_STEPS = 5


@dataclass(kw_only=True)
class Session:
    """What a served page asks; `refresh` after roles or hierarchies changed.

    Parameters
    ----------
    bench : Bench
    """

    bench: Bench

    def __post_init__(self) -> None:
        """Prepare the first state."""
        self.lock = threading.RLock()
        self.refresh()

    def refresh(self) -> None:
        """Build axes, hierarchies and the suggestion anew.

        Raises
        ------
        SearchError
            When no adversary knows any attribute.
        """
        bench = self.bench
        self.plan: Plan
        self.plan, self.local = bench.suggestions()
        names = [a.name for a in measured(bench.table, Role.QUASI_IDENTIFIER)]
        own = {name: [rule] for name, rule in bench.bands.items()}
        self.table, self.beside = all_beside(
            bench.table, names, bench.hierarchies, all_rules(self.plan, own)
        )
        self.shown = plans_of(self.plan, self.beside)
        self.targets = targets_of(self.shown)
        for name, rule in bench.bands.items():
            if name in self.beside:
                self.targets.setdefault(name, set()).add(self.beside[name].place(1, rule))
        merged = {name: levels.merged for name, levels in self.beside.items()}
        given = {**bench.hierarchies, **merged}
        self.axes: TuningAxes = all_axes(self.table, bench.models, given, self.targets)
        most = most_left_out(self.shown, bench.max_suppression, bench.table.n_subjects)
        self.most_share = max(bench.max_suppression, most / max(1, bench.table.n_subjects))
        if not self.axes.axes:
            raise SearchError(
                "there is nothing to tune: no adversary knows any quasi-identifier with values",
                hint="Give attributes the role quasi_identifier in midi-risk.yaml",
            )
        self.hierarchies = {
            **bench.hierarchies, **{a.name: a.hierarchy for a in self.axes.axes}
        }  # fmt: skip
        self.setting: Setting = lattice_setting(
            self.table,
            tuple(a.attribute for a in self.axes.axes),
            self.hierarchies,
            frozenset(),
        )
        self.rest = released(
            revised_table(self.table, {a.name: 0 for a in self.axes.axes}, {}), self.hierarchies
        )
        self._labels: dict[tuple[str, int], np.ndarray] = {}
        self.last = {a.name: len(a.hierarchy.level_names) - 1 for a in self.axes.axes}

    @property
    def lattice(self) -> TuningLattice:
        """The lattice as a document without counts."""
        bench = self.bench
        lattice = blank_lattice(
            self.table,
            bench.models,
            self.axes,
            shown=self.shown,
            keep=bench.keep,
            max_suppression=bench.max_suppression,
        )
        return lattice.model_copy(update={"local": local_card(self.local)})

    def levels(self, node: Sequence[int]) -> dict[str, int]:
        """Return the levels of a node.

        Raises
        ------
        SearchError
            When the node does not exist.
        """
        axes = self.axes.axes
        if len(node) != len(axes) or any(
            not 0 <= place < len(axis.levels) for axis, place in zip(axes, node, strict=True)
        ):
            raise SearchError("no such setting", hint="Load the page again")
        return {axis.name: axis.levels[place] for axis, place in zip(axes, node, strict=True)}

    def view(self, levels: Mapping[str, int]) -> SubjectTable:
        """Return the table as it would be released at some levels."""
        table = revised_table(self.rest, levels, self.last)
        frame = self.rest.frame
        gone = [name for name, level in levels.items() if level == self.last[name]]
        changed = {
            name: pd.Series(self._label(name, level), index=frame.index, dtype=object)
            for name, level in levels.items()
            if 0 < level < self.last[name]
        }
        repeated = self.rest.repeated
        for name, level in levels.items():
            if level > 0:
                repeated = generalised_values(
                    repeated, table.attributes[name], self.hierarchies[name], level
                )
        once = [name for name in repeated if written_once(table.attributes, table.attributes[name])]
        return replace(
            table,
            frame=frame.assign(**changed).drop(columns=gone),
            repeated={name: own for name, own in repeated.items() if name not in once},
        )

    def _label(self, name: str, level: int) -> np.ndarray:
        """Return the generalised values of an attribute; kept for the next time."""
        key = (name, level)
        if key not in self._labels:
            texts = self.rest.frame[name].to_numpy(dtype=object)
            present = [None if pd.isna(value) else str(value) for value in texts]
            labels = self.hierarchies[name].apply(level, present)
            self._labels[key] = np.array(labels, dtype=object)
        return self._labels[key]

    def figures(self, node: Sequence[int], *, leave_out: bool = False) -> dict[str, Any]:
        """Return the figures of a node as the page shows them."""
        levels = self.levels(node)
        view = self.view(levels)
        demand = self.axes.demand
        k = max(1, demand.k)
        ks = sorted({*GRID, k})
        known = [name for name in demand.attributes if name in view.frame.columns]
        sizes = self._sizes(view, known)
        rare = int((sizes < k).sum())
        out = 0
        if leave_out and rare:
            strict = as_judged(view, self.bench.models)
            hidden = rare_subjects(strict, known, k, self.most_share)
            out = int(hidden.sum())
            view = replace(view, frame=view.frame.loc[~hidden]) if out else view
        state = release_state(view, self.bench.models, k, table=self.bench.table)
        kept = self._sizes(view, known) if out else sizes
        stay = len(kept)
        return {
            "subjects": len(sizes),
            "out": out,
            "atRisk": rare - out,
            "classes": state.classes,
            "smallest": int(kept.min()) if stay else 0,
            "uniques": int((kept == 1).sum()),
            "below": [int(sizes[sizes < each].size) for each in ks],
            "loss": self._loss(levels, out),
            "max": state.risk_max or 0.0,
            "mean": state.risk_mean or 0.0,
            "passed": state.accepted,
            "disclosed": state.disclosed,
            "measures": state.measures,
        }

    def start_figures(self) -> NodeFigures:
        """Return the figures of the starting node for the page before its script runs."""
        node = [axis.levels.index(axis.start) for axis in self.axes.axes]
        now = self.figures(node)
        return NodeFigures(
            subjects=now["subjects"],
            left_out=0,
            classes=now["classes"],
            smallest=now["smallest"],
            below=tuple(now["below"]),
            at_risk=now["atRisk"],
            maximum=now["max"],
            mean=now["mean"],
            loss=now["loss"],
            passed=now["passed"],
        )

    def _sizes(self, view: SubjectTable, known: Sequence[str]) -> np.ndarray:
        """Return how many subjects look like each, on any of the values that leave."""
        alike = sizes_known_exactly(view, [view.attributes[name] for name in known])
        if alike is not None:
            return alike
        missing = as_judged(view, self.bench.models).missing
        classes = EquivalenceClasses.from_codes(view.codes(list(known)), missing=missing)
        return np.asarray(classes.record_sizes)

    def _loss(self, levels: Mapping[str, int], out: int) -> float:
        """Return the share of information lost, subjects left out included."""
        costs = sum(float(axis.costs[levels[axis.name]]) for axis in self.axes.axes)
        return information_lost(costs, out, self.bench.table.n_subjects)

    def steps(
        self, node: Sequence[int], locked: Sequence[bool], *, leave_out: bool = False
    ) -> dict[str, list[dict[str, Any]]]:
        """Return single steps: coarser ones that help most, finer ones that still pass."""
        levels = list(self.levels(node).values())
        columns, axes = self.setting.columns, self.axes.axes
        passed = self.figures(node, leave_out=leave_out)["passed"]
        risk = columns.mean_risk(levels)
        found: list[tuple[float, int, int]] = []
        for number, axis in enumerate(axes):
            if locked[number]:
                continue
            best: tuple[float, int, int] | None = None
            places = (
                range(node[number] + 1, len(axis.levels)) if not passed else range(node[number])
            )
            for place in places:
                moved = [*levels[:number], axis.levels[place], *levels[number + 1 :]]
                cost = float(axis.losses[axis.levels[place]] - axis.losses[levels[number]])
                if passed:
                    smallest = columns.classes(moved).minimum or 0
                    gain = (
                        -cost * axis.attribute.utility if smallest >= self.axes.demand.k else -1.0
                    )
                else:
                    gain = (risk - columns.mean_risk(moved)) / max(cost, 1e-9)
                if gain > (best[0] if best else 0.0):
                    best = (gain, number, place)
            if best:
                found.append(best)
        found.sort(key=lambda item: -item[0])
        listed = [self._step(node, number, place, leave_out) for _, number, place in found]
        listed = [step for step in listed if not passed or step["figures"]["passed"]]
        return {
            "down": [] if passed else listed[:MAX_STEPS],
            "up": listed[:MAX_STEPS] if passed else [],
        }

    def _step(
        self, node: Sequence[int], number: int, place: int, leave_out: bool
    ) -> dict[str, Any]:
        """Return one step with the figures that it leads to."""
        moved = [*node[:number], place, *node[number + 1 :]]
        return {
            "axis": number, "node": moved, "figures": self.figures(moved, leave_out=leave_out)
        }  # fmt: skip

    def best(
        self, node: Sequence[int], locked: Sequence[bool], *, leave_out: bool = False
    ) -> dict[str, Any]:
        """Search for the least loss while locked attributes keep their levels."""
        levels = self.levels(node)
        axes = self.axes.axes
        demand = self.axes.demand
        ladders, ranges, numbers = self._nested(levels, locked)
        solution = search(
            self.bench.table.frame[[axis.name for axis in axes]],
            ladders,
            k=demand.k,
            criteria=demand.criteria,
            max_suppression=self.bench.max_suppression if leave_out else 0.0,
            utility=PLAN_UTILITY,
            weights={axis.name: axis.attribute.utility for axis in axes},
            levels=ranges,
            budget_seconds=self.bench.budget_seconds,
            missing=as_judged(self.bench.table, self.bench.models).missing,
        )
        places = []
        for axis in axes:
            wanted = numbers[axis.name][solution.levels[axis.name]]
            places.append(max(i for i, level in enumerate(axis.levels) if level <= wanted))
        better = self._better_plan(node, locked, places if solution.found else None, leave_out)
        if better is not None:
            return {"node": better, "nearest": 0, "note": ""}
        told = proof_text(optimal=solution.optimal, gap=solution.gap or None)
        proof = "" if solution.optimal else f"{told.capitalize()}."
        return {
            "node": places if solution.found else None,
            "nearest": solution.suppressed,
            "note": proof,
        }

    def _nested(
        self, levels: Mapping[str, int], locked: Sequence[bool]
    ) -> tuple[dict[str, Hierarchy], dict[str, tuple[int, int]], dict[str, list[int]]]:
        """Return hierarchies whose levels nest, their ranges, and their levels on the page.

        A rule beside a ladder takes part only where it is locked.
        """
        ladders: dict[str, Hierarchy] = {}
        ranges: dict[str, tuple[int, int]] = {}
        numbers: dict[str, list[int]] = {}
        for axis, held in zip(self.axes.axes, locked, strict=True):
            name, at, last = axis.name, levels[axis.name], self.last[axis.name]
            rules = self.beside[name].rules if name in self.beside else {}
            some = [0, at, last] if held and at in rules else [
                n for n in range(last + 1) if n not in rules
            ]  # fmt: skip
            numbers[name] = some
            ladders[name] = Hierarchy(
                name=axis.hierarchy.name,
                level_names=tuple(axis.hierarchy.level_names[n] for n in some),
                frame=axis.hierarchy.frame.iloc[:, some],
            )
            ranges[name] = (some.index(at),) * 2 if held else (0, len(some) - 1)
        return ladders, ranges, numbers

    def _better_plan(
        self,
        node: Sequence[int],
        locked: Sequence[bool],
        found: Sequence[int] | None,
        leave_out: bool,
    ) -> list[int] | None:
        """Return the suggested plan that loses least, if it keeps the locks and loses less."""
        least = self.figures(found, leave_out=leave_out)["loss"] if found else float("inf")
        best = None
        for plan in self.lattice.plans:
            held = all(a == b for a, b, k in zip(plan.node, node, locked, strict=True) if k)
            if held and (leave_out or not plan.left_out):
                figures = self.figures(plan.node, leave_out=leave_out)
                if figures["passed"] and figures["loss"] < least - 1e-9:
                    best, least = plan.node, figures["loss"]
        return best

    def planned(
        self, node: Sequence[int], *, leave_out: bool, needs: Mapping[str, str] | None = None
    ) -> Plan:
        """Return a node as a plan that `apply` understands."""
        found = plan_at(
            self.table,
            self.bench.models,
            self.levels(node),
            hierarchies=self.hierarchies,
            max_suppression=self.most_share,
            leave_out=leave_out,
            needs=needs,
        )
        return settled(found, self.beside)

    def node_of(self, named: Mapping[str, str]) -> list[int]:
        """Return the node with levels of these names, where the page still offers them."""
        node = []
        for axis in self.axes.axes:
            names = [axis.hierarchy.level_names[level] for level in axis.levels]
            known = named.get(axis.name) in names
            node.append(names.index(named[axis.name]) if known else axis.levels.index(axis.start))
        return node

    def decisions(self, node: Sequence[int]) -> dict[str, dict[str, Any]]:
        """Return what a node means as settings of the project file."""
        settings: dict[str, dict[str, Any]] = {}
        for name, level in self.levels(node).items():
            if level == 0:
                settings[name] = {"decision": Decision.RETAIN.value, "level": None}
            elif level == self.last[name]:
                settings[name] = {"decision": Decision.REMOVE.value, "level": None}
            elif name in self.beside and level in self.beside[name].rules:
                settings[name] = {
                    "decision": Decision.GENERALISE.value,
                    "level": 1,
                    "hierarchy": [_stated(self.beside[name].rules[level])],
                }
            else:
                names = self.hierarchies[name].level_names
                settings[name] = {"decision": Decision.GENERALISE.value, "level": names[level]}
        return settings


def _stated(rule: HierarchyStep) -> dict[str, Any]:
    """Return a rule as the project file states it."""
    if rule.cuts is not None:
        return {"cuts": [int(cut) if cut == int(cut) else cut for cut in rule.cuts]}
    return {"groups": {label: list(of) for label, of in (rule.groups or {}).items()}}


MAX_POINTS = 2_000
MAX_CELLS = 8_000_000
"""Nodes times subjects that are counted for the chart."""


def cloud(session: Session) -> dict[str, Any]:
    """Return nodes as loss and subjects below k, and the front of those that none beats.

    A large lattice is thinned for it, so its front is one of the settings shown, no proof.

    Parameters
    ----------
    session : Session
    """
    bench = session.bench
    most = max(16, min(MAX_POINTS, MAX_CELLS // max(1, bench.table.n_subjects)))
    axes = fitted(session.axes, most, thin=True, targets=session.targets)
    if axes is None or not axes.axes:
        return {"points": [], "front": []}
    k = max(1, axes.demand.k)
    rows = session.table.frame[[axis.name for axis in axes.axes]]
    below = node_counts(rows, axes, [k], k)["below"][0] if k > 1 else np.zeros(axes.nodes, int)
    places = {axis.name: axis.levels for axis in session.axes.axes}
    starts = {axis.name: axis.levels.index(axis.start) for axis in session.axes.axes}
    costs = [[float(axis.costs[level]) for level in axis.levels] for axis in axes.axes]
    subjects = bench.table.n_subjects
    points = [
        {
            "loss": information_lost(axes.lost_elsewhere + sum(parts), 0, subjects),
            "below": int(below[i]),
        }
        for i, parts in enumerate(itertools.product(*costs))
    ]
    nodes = list(itertools.product(*(axis.levels for axis in axes.axes)))
    front, least = [], float("inf")
    for i in sorted(range(len(points)), key=lambda i: (points[i]["loss"], points[i]["below"])):
        if points[i]["below"] < least:
            least = points[i]["below"]
            chosen = dict(zip([axis.name for axis in axes.axes], nodes[i], strict=True))
            node = [
                places[name].index(chosen[name]) if name in chosen else starts[name]
                for name in places
            ]
            front.append({**points[i], "node": node})
    return {"points": points, "front": front}
