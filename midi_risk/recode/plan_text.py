"""Parts of a plan in words and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from midi_risk import __version__
from midi_risk.attributes.hierarchies import Hierarchy
from midi_risk.recode.requirement import Requirement
from midi_risk.recode.setting import PLAN_UTILITY_TEXT, UNCHANGEABLE, Setting
from midi_risk.recode.solution import FrontNode, Solution
from midi_risk.recode.steps import Step
from midi_risk.risk.plan_document import (
    FrontPoint,
    KeptAttribute,
    PlanStep,
    Tool,
    risk_figure,
)
from midi_risk.table.model import SubjectTable
from midi_risk.threat.model import ThreatModel

MAX_FRONT = 60
"""Nodes of the front that a plan keeps."""


def plan_step(step: Step, hierarchies: Mapping[str, Hierarchy], need: str = "") -> PlanStep:
    """Return a step as the document holds it, with the assessor's reason to keep the rest."""
    hierarchy = hierarchies[step.attribute]
    text = hierarchy.describe(step.level_to, step.attribute)
    if step.attribute == "StudyDate":
        text += "; the other dates of the visit with it"
    return PlanStep(
        attribute=step.attribute,
        from_=hierarchy.level_names[step.level_from],
        to=hierarchy.level_names[step.level_to],
        describe=text,
        risk_before=step.risk_before,
        risk_after=step.risk_after,
        loss=step.loss,
        level_from=step.level_from,
        level_to=step.level_to,
        classes_before=step.classes_before,
        classes_after=step.classes_after,
        justification=(
            f"{text}: {_effect(step)} and costs {_share(step.loss)} of the attribute's"
            f" information.{_needed(need)}"
        ),
    )


def kept_attribute(
    step: Step, hierarchies: Mapping[str, Hierarchy], *, decided: bool, need: str
) -> KeptAttribute:
    """Return an attribute that a plan leaves alone.

    Parameters
    ----------
    step : Step
        Its removal from the node of the plan.
    hierarchies : mapping of str to Hierarchy
    decided : bool
        Whether somebody demanded that it stays.
    need : str
        Why research needs it, the assessor's words.
    """
    text = hierarchies[step.attribute].describe(step.level_from, step.attribute)
    further = " further" if step.level_from else ""
    why = f"the threshold is met without coarsening it{further}"
    why = "kept as decided" if decided else why
    effect = _effect(step).replace("lowers", "would lower").replace("does", "would")
    return KeptAttribute(
        attribute=step.attribute,
        level=step.level_from,
        describe=text,
        decided=decided,
        risk_now=step.risk_before,
        risk_without=step.risk_after,
        loss=step.loss,
        need=need,
        justification=f"{text}: {why}. Removing it {effect}.{_needed(need)}",
    )


def _effect(step: Step) -> str:
    """Return what a step does to the mean risk."""
    if step.classes_after == step.classes_before:
        return f"does not lower the mean risk of {risk_figure(step.risk_before)}"
    return (
        f"lowers the mean risk from {risk_figure(step.risk_before)} to"
        f" {risk_figure(step.risk_after)}"
        f" (classes {step.classes_before} to {step.classes_after})"
    )


def _share(loss: float) -> str:
    """Return a share as a percentage that is 0 or 100 only when it is."""
    if 0.995 <= loss < 1:
        return "over 99%"
    return "under 1%" if 0 < loss < 0.005 else f"{loss:.0%}"


def _needed(need: str) -> str:
    return f" Needed: {need.strip().rstrip('.')}." if need.strip() else ""


def plan_heading(table: SubjectTable, models: Sequence[ThreatModel], k: int) -> dict[str, Any]:
    """Return what every plan of a table says of itself.

    Parameters
    ----------
    table : SubjectTable
    models : sequence of ThreatModel
    k : int
        Class size that is required.
    """
    return {
        "tool": Tool(name="midi-risk", version=__version__),
        "created": datetime.now(UTC).replace(microsecond=0).isoformat(),
        "collection_digest": table.digest,
        "threat_models": [model.name for model in models],
        "k": k,
        "utility": PLAN_UTILITY_TEXT,
    }


def plan_loss(
    setting: Setting,
    target: Sequence[int],
    suppressed: int,
    n: int,
    emptied: Mapping[str, Sequence[str]] | None = None,
) -> float:
    """Return the weighted mean share of information lost.

    A subject that is left out loses all of it, an emptied cell all of that cell's.
    """
    weights = np.array([a.utility for a in setting.attributes], dtype=float)
    weights = weights if weights.sum() else np.ones(len(weights))
    each = np.array([c[level] for c, level in zip(setting.columns.losses, target, strict=True)])
    stay = max(n - suppressed, 1)
    gone = np.array([len((emptied or {}).get(a.name, ())) / stay for a in setting.attributes])
    each = each + gone * (1 - each)
    kept = 1 - suppressed / n
    return float(1 - kept * (1 - np.average(each, weights=weights)))


def plan_front(setting: Setting, nodes: Sequence[FrontNode], n: int) -> list[FrontPoint]:
    """Return the front, thinned evenly when it is long; its loss is that of `plan_loss`."""
    names = [attribute.name for attribute in setting.attributes]
    if len(nodes) > MAX_FRONT:
        chosen = np.unique(np.linspace(0, len(nodes) - 1, MAX_FRONT).astype(int))
        nodes = [nodes[i] for i in chosen]
    return [
        FrontPoint(
            levels={k: int(v) for k, v in node.levels.items()},
            risk=node.risk,
            loss=plan_loss(setting, [int(node.levels[name]) for name in names], node.suppressed, n),
            suppressed=node.suppressed,
        )
        for node in nodes
    ]


def with_plan(front: list[FrontPoint], own: FrontPoint, left_out: int) -> list[FrontPoint]:
    """Return the front with the plan on it.

    A plan is not on the front when a node that changes more costs the same and carries less
    risk, or when emptied cells have changed its figures.

    Parameters
    ----------
    front : list of FrontPoint
    own : FrontPoint
        The plan.
    left_out : int
        Subjects that the search would have left out at its levels.
    """
    others = [p for p in front if p.levels != own.levels or p.suppressed != left_out]
    return sorted([*others, own], key=lambda p: (p.risk, p.loss, p.suppressed))


def next_step_text(step: Step | None, hierarchies: Mapping[str, Hierarchy]) -> str:
    """Return the cheapest next step as a sentence."""
    if step is None:
        return "No single step lowers the risk."
    text = hierarchies[step.attribute].describe(step.level_to, step.attribute)
    before, after = risk_figure(step.risk_before), risk_figure(step.risk_after)
    return f"{text}: mean risk {before} to {after}"


def blocked_text(
    solution: Solution, setting: Setting, demand: Requirement, max_suppression: float
) -> str:
    """Return what blocks a solution."""
    if setting.columns.n < demand.k:
        return (
            f"no generalisation reaches class size {demand.k}: the collection has only"
            f" {setting.columns.n} subjects"
        )
    text = f"no generalisation reaches class size {demand.k} with at most"
    text += f" {max_suppression:.1%} of the subjects left out"
    if setting.keep:
        text += f"; kept unchanged: {', '.join(sorted(setting.keep))}"
        fixed = sorted(a.name for a in setting.attributes if a.keyword in UNCHANGEABLE)
        if set(fixed) & setting.keep:
            text += f" (DICOM demands {', '.join(fixed)}: withhold series instead)"
    return f"{text}; {solution.blocking}" if solution.blocking else text
