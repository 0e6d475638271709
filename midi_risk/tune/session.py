"""One sitting at the workbench: any node of any lattice, judged as the assessment judges."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from midi_risk.attributes.model import Decision
from midi_risk.errors import SearchError
from midi_risk.recode.plan_state import release_state
from midi_risk.recode.search import search
from midi_risk.recode.setting import PLAN_UTILITY, Setting, lattice_setting
from midi_risk.report.tuning import NodeFigures
from midi_risk.risk.classes import EquivalenceClasses
from midi_risk.risk.lattice_document import TuningLattice
from midi_risk.risk.plan_document import Plan
from midi_risk.table.model import SubjectTable
from midi_risk.table.release import released
from midi_risk.tune.axes import TuningAxes, all_axes
from midi_risk.tune.bench import Bench
from midi_risk.tune.lattice import GRID, blank_lattice
from midi_risk.tune.node import rare_subjects, revised_table

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
        self.plan: Plan = bench.suggestion()
        targets = dict(self.plan.levels) if self.plan.found else {}
        self.axes: TuningAxes = all_axes(bench.table, bench.models, bench.hierarchies, targets)
        if not self.axes.axes:
            raise SearchError(
                "there is nothing to tune: no adversary knows any quasi-identifier with values",
                hint="Give attributes the role quasi_identifier in midi-risk.yaml",
            )
        self.hierarchies = {
            **bench.hierarchies, **{a.name: a.hierarchy for a in self.axes.axes}
        }  # fmt: skip
        self.setting: Setting = lattice_setting(
            bench.table,
            tuple(a.attribute for a in self.axes.axes),
            self.hierarchies,
            frozenset(),
        )
        self.rest = released(
            revised_table(bench.table, {a.name: 0 for a in self.axes.axes}, {}), self.hierarchies
        )
        self._labels: dict[tuple[str, int], np.ndarray] = {}
        self.last = {a.name: len(a.hierarchy.level_names) - 1 for a in self.axes.axes}

    @property
    def lattice(self) -> TuningLattice:
        """The lattice as a document without counts."""
        bench = self.bench
        return blank_lattice(
            bench.table,
            bench.models,
            self.axes,
            plan=self.plan,
            keep=bench.keep,
            max_suppression=bench.max_suppression,
        )

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
        return replace(table, frame=frame.assign(**changed).drop(columns=gone))

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
            hidden = rare_subjects(view, known, k, self.bench.max_suppression)
            out = int(hidden.sum())
            view = replace(view, frame=view.frame.loc[~hidden]) if out else view
        state = release_state(view, self.bench.models, k)
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
            "passed": state.passed,
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
        """Return the size of the class of each subject."""
        classes = EquivalenceClasses.from_codes(view.codes(list(known)), missing=view.missing)
        return np.asarray(classes.record_sizes)

    def _loss(self, levels: Mapping[str, int], out: int) -> float:
        """Return the weighted share of information lost, subjects left out included."""
        axes = self.axes.axes
        weights = np.array([axis.attribute.utility for axis in axes], dtype=float)
        weights = weights if weights.sum() else np.ones(len(weights))
        losses = [float(axis.losses[levels[axis.name]]) for axis in axes]
        kept = 1 - out / self.bench.table.n_subjects
        return float(1 - kept * (1 - np.average(losses, weights=weights)))

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
        ranges = {
            axis.name: (levels[axis.name],) * 2 if held else (0, self.last[axis.name])
            for axis, held in zip(axes, locked, strict=True)
        }
        demand = self.axes.demand
        solution = search(
            self.bench.table.frame[[axis.name for axis in axes]],
            {axis.name: axis.hierarchy for axis in axes},
            k=demand.k,
            criteria=demand.criteria,
            max_suppression=self.bench.max_suppression if leave_out else 0.0,
            utility=PLAN_UTILITY,
            weights={axis.name: axis.attribute.utility for axis in axes},
            levels=ranges,
            budget_seconds=self.bench.budget_seconds,
        )
        places = [
            max(i for i, level in enumerate(axis.levels) if level <= solution.levels[axis.name])
            for axis in axes
        ]
        proof = "" if solution.optimal else "Best found in the time given, not proved."
        return {
            "node": places if solution.found else None,
            "nearest": solution.suppressed,
            "note": proof,
        }

    def decisions(self, node: Sequence[int]) -> dict[str, dict[str, Any]]:
        """Return what a node means as settings of the project file."""
        settings: dict[str, dict[str, Any]] = {}
        for name, level in self.levels(node).items():
            if level == 0:
                settings[name] = {"decision": Decision.RETAIN.value, "level": None}
            elif level == self.last[name]:
                settings[name] = {"decision": Decision.REMOVE.value, "level": None}
            else:
                names = self.hierarchies[name].level_names
                settings[name] = {"decision": Decision.GENERALISE.value, "level": names[level]}
        return settings
