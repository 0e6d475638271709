"""The path to the node of a plan: single steps, the cheapest per unit of risk first.

With it stand what the path needs and yields: the lattice that a plan searches, the risk of the
table before and after, and the parts of the plan in words and figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from midi_risk import __version__
from midi_risk.attributes.hierarchy import Hierarchy
from midi_risk.attributes.model import Attribute, Decision, Role
from midi_risk.document.plan import FrontPoint, KeptAttribute, PlanStep, State, Tool, risk_figure
from midi_risk.errors import SearchError, did_you_mean
from midi_risk.recode.adaptive.options import level_distances
from midi_risk.recode.criteria import Requirement
from midi_risk.recode.loss import information_lost, loss_shares
from midi_risk.recode.search.judge import Solution
from midi_risk.risk.adversaries import adversary_risk, as_judged
from midi_risk.risk.classes.classes import EquivalenceClasses, MissingPolicy
from midi_risk.risk.disclosure import disclosed_attributes
from midi_risk.risk.measures.repeated import sizes_known_exactly
from midi_risk.table.model import SubjectTable
from midi_risk.table.release import attribute_hierarchy, measured
from midi_risk.threat.model import ThreatModel


@dataclass(frozen=True, slots=True, kw_only=True)
class LatticeColumns:
    """Codes of every quasi-identifier at every level of its hierarchy.

    Parameters
    ----------
    names : tuple of str
    codes : tuple of numpy.ndarray of int64, shape (n_levels, n)
        One matrix per attribute; -1 is missing, which the last level hides.
    losses : tuple of numpy.ndarray of float64, shape (n_levels,)
        Share of information lost at each level.
    missing : {"category", "wildcard", "wildcard-cautious"}
        How the judge reads an unknown value.
    """

    names: tuple[str, ...]
    codes: tuple[np.ndarray, ...]
    losses: tuple[np.ndarray, ...]
    missing: MissingPolicy = "category"

    @property
    def n(self) -> int:
        """Number of subjects."""
        return self.codes[0].shape[1] if self.codes else 0

    def classes(self, levels: Sequence[int]) -> EquivalenceClasses:
        """Return the classes at a node."""
        columns = [
            codes[level]
            for codes, level in zip(self.codes, levels, strict=True)
            if not (level and level == len(codes) - 1)
        ]
        matrix = np.column_stack(columns) if columns else np.zeros((self.n, 1), dtype=np.int64)
        return EquivalenceClasses.from_codes(matrix, missing=self.missing)

    def mean_risk(self, levels: Sequence[int]) -> float:
        """Return the mean prosecutor risk at a node."""
        classes = self.classes(levels)
        if self.missing == "category":
            return classes.n_classes / classes.n
        return float((1 / classes.record_sizes).mean())


def lattice_columns(
    frame: pd.DataFrame,
    hierarchies: Mapping[str, Hierarchy],
    losses: Mapping[str, np.ndarray],
    missing: MissingPolicy = "category",
) -> LatticeColumns:
    """Return the codes of all levels.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row per subject.
    hierarchies : mapping of str to Hierarchy
        In the order of the lattice.
    losses : mapping of str to numpy.ndarray
    missing : {"category", "wildcard", "wildcard-cautious"}
    """
    matrices = []
    for name, hierarchy in hierarchies.items():
        raw, distinct = pd.factorize(frame[name].to_numpy(dtype=object))
        place = {value: i for i, value in enumerate(hierarchy.frame.iloc[:, 0])}
        rows = np.array([place[value] for value in distinct] + [-1], dtype=np.int64)[raw]
        levels = []
        last = len(hierarchy.level_names) - 1
        for level in range(last + 1):
            codes, _ = pd.factorize(hierarchy.frame.iloc[:, level].to_numpy(dtype=object))
            hidden = 0 if level == last else -1
            levels.append(np.append(codes, hidden)[rows].astype(np.int64))
        matrices.append(np.vstack(levels))
    return LatticeColumns(
        names=tuple(hierarchies),
        codes=tuple(matrices),
        losses=tuple(losses[name] for name in hierarchies),
        missing=missing,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One fact moved from one level to another, all others as they are."""

    attribute: str
    others: tuple[tuple[str, int], ...] = ()
    level_from: int
    level_to: int
    risk_before: float
    risk_after: float
    loss: float
    subjects: int

    @property
    def classes_before(self) -> int:
        """Equivalence classes before the step; the mean risk is their number per subject.

        Where an unknown value may be any value it is the effective number, which gives that risk.
        """
        return round(self.risk_before * self.subjects)

    @property
    def classes_after(self) -> int:
        """Equivalence classes after the step."""
        return round(self.risk_after * self.subjects)


def ordered_steps(
    columns: LatticeColumns,
    start: Sequence[int],
    target: Sequence[int],
    facts: Sequence[Sequence[str]] = (),
) -> list[Step]:
    """Return the changes from one node to another, one step per fact.

    Parameters
    ----------
    columns : LatticeColumns
    start, target : sequence of int
        Levels per attribute; no target lies below its start.
    facts : sequence of sequence of str
        Attributes that state one fact and change in one step.

    Returns
    -------
    list of Step
        Ordered greedily, what lowers the risk most first.
    """
    current = list(start)
    joint = {name: tuple(names) for names in facts for name in names}
    changed = [i for i, (a, b) in enumerate(zip(start, target, strict=True)) if b > a]
    groups: dict[tuple[str, ...], list[int]] = {}
    for i in changed:
        groups.setdefault(joint.get(columns.names[i], (columns.names[i],)), []).append(i)
    left = [sorted(g, key=lambda i: names.index(columns.names[i])) for names, g in groups.items()]
    risk = columns.mean_risk(current)
    steps = []
    while left:
        moved = [[target[i] if i in g else at for i, at in enumerate(current)] for g in left]
        risks = [columns.mean_risk(levels) for levels in moved]
        best = min(range(len(left)), key=lambda n: (risks[n], left[n][0]))
        first, *rest = left[best]
        loss = columns.losses[first]
        steps.append(
            Step(
                attribute=columns.names[first],
                others=tuple((columns.names[i], target[i]) for i in rest),
                level_from=current[first],
                level_to=target[first],
                risk_before=risk,
                risk_after=risks[best],
                loss=float(loss[target[first]] - loss[current[first]]),
                subjects=columns.n,
            )
        )
        current = moved[best]
        risk = risks[best]
        del left[best]
    return steps


def cheapest_step(
    columns: LatticeColumns, start: Sequence[int], free: Sequence[bool]
) -> Step | None:
    """Return the single step that removes most risk per information lost.

    Parameters
    ----------
    columns : LatticeColumns
    start : sequence of int
    free : sequence of bool
        Attributes that may change.

    Returns
    -------
    Step or None
        None when no step lowers the risk.
    """
    risk = columns.mean_risk(start)
    best: tuple[float, Step] | None = None
    for i, may in enumerate(free):
        for level in range(start[i] + 1, len(columns.losses[i])) if may else ():
            gain, after, loss = _gain(columns, start, i, level, risk)
            if after < risk and (best is None or gain > best[0]):
                best = (
                    gain,
                    Step(
                        attribute=columns.names[i],
                        level_from=start[i],
                        level_to=level,
                        risk_before=risk,
                        risk_after=after,
                        loss=loss,
                        subjects=columns.n,
                    ),
                )
    return best[1] if best else None


def removals(columns: LatticeColumns, at: Sequence[int], which: Sequence[int]) -> list[Step]:
    """Return for each of some attributes what removing it alone would do.

    Parameters
    ----------
    columns : LatticeColumns
    at : sequence of int
        Level of each attribute.
    which : sequence of int
        Places of the attributes to try.
    """
    risk = columns.mean_risk(at) if which else 0.0
    steps = []
    for i in which:
        last = len(columns.losses[i]) - 1
        _, after, loss = _gain(columns, at, i, last, risk)
        steps.append(
            Step(
                attribute=columns.names[i],
                level_from=at[i],
                level_to=last,
                risk_before=risk,
                risk_after=after,
                loss=loss,
                subjects=columns.n,
            )
        )
    return steps


def _gain(
    columns: LatticeColumns, current: Sequence[int], i: int, level: int, risk: float
) -> tuple[float, float, float]:
    """Return risk removed per information lost, the risk after, and the loss."""
    moved = [level if j == i else at for j, at in enumerate(current)]
    after = columns.mean_risk(moved)
    loss = float(columns.losses[i][level] - columns.losses[i][current[i]])
    return (risk - after) / max(loss, 1e-9), after, loss


PLAN_UTILITY = "normalised-entropy"
"""Utility model of a plan: non-uniform entropy, each attribute as a share of its own."""

PLAN_UTILITY_TEXT = "mean distance inside a band over the mean distance of all, age counted double"
"""Information lost, in the words of the document."""

UNCHANGEABLE = frozenset({"Modality", "SOPClassUID"})
"""Type 1 elements whose value says what the object is: a series can be withheld, not recoded."""


def is_demanded(table: SubjectTable, attribute: Attribute) -> bool:
    """Tell whether DICOM demands the value of an attribute as it is.

    Parameters
    ----------
    table : SubjectTable
    attribute : Attribute
        Of DICOM files or of a table that describes them; a sidecar or spreadsheet with a
        column of that name demands nothing.
    """
    kinds = {str(source["name"]): str(source["kind"]) for source in table.sources}
    of_images = kinds.get(attribute.source) in {"dicom", "metadata"}
    return of_images and attribute.keyword in UNCHANGEABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """The lattice that is searched."""

    attributes: tuple[Attribute, ...]
    hierarchies: dict[str, Hierarchy]
    columns: LatticeColumns
    start: tuple[int, ...]
    keep: frozenset[str]

    @property
    def missing(self) -> MissingPolicy:
        """How the judge reads an unknown value."""
        return self.columns.missing


def lattice_setting(
    table: SubjectTable,
    attributes: tuple[Attribute, ...],
    given: Mapping[str, Hierarchy],
    keep: frozenset[str],
    *,
    missing: MissingPolicy = "category",
    like: Setting | None = None,
) -> Setting:
    """Return hierarchies, codes and starting levels of the lattice.

    What another setting of the same subjects, `like`, has of a hierarchy is taken from there.
    """
    hierarchies = {a.name: attribute_hierarchy(table, a, given) for a in attributes}
    known = {} if like is None else dict(zip(like.columns.names, like.columns.codes, strict=True))
    lost = {} if like is None else dict(zip(like.columns.names, like.columns.losses, strict=True))
    before = {} if like is None else like.hierarchies
    same = {name for name, hierarchy in hierarchies.items() if before.get(name) is hierarchy}
    losses = {
        a.name: lost[a.name]
        if a.name in same
        else level_distances(a, table.frame[a.name].to_numpy(dtype=object), hierarchies[a.name])
        for a in attributes
    }
    new = {name: h for name, h in hierarchies.items() if name not in same}
    made = lattice_columns(table.frame, new, losses, missing)
    codes = {name: known[name] for name in same} | dict(zip(made.names, made.codes, strict=True))
    start = tuple(
        hierarchies[a.name].level_of(a.generalise_to)
        if a.decision is Decision.GENERALISE and a.generalise_to is not None
        else 0
        for a in attributes
    )
    decided = {
        a.name
        for a in attributes
        if a.decision is Decision.RETAIN or (is_demanded(table, a) and a.decision is None)
    }
    return Setting(
        attributes=attributes,
        hierarchies=hierarchies,
        columns=LatticeColumns(
            names=tuple(hierarchies),
            codes=tuple(codes[name] for name in hierarchies),
            losses=tuple(losses[name] for name in hierarchies),
            missing=missing,
        ),
        start=start,
        keep=keep | decided,
    )


def as_decided(before: Setting, after: Setting) -> Setting:
    """Return the setting of levels from the data, told from what the project has decided.

    An attribute that the project coarsens and that has a level from the data starts at the
    decided level: level 0 then stands for it. For steps to show, not for a search.

    Parameters
    ----------
    before, after : Setting
        Of the fixed levels, and of the levels from the data; the same attributes.
    """
    start, codes, losses = list(after.start), list(after.columns.codes), list(after.columns.losses)
    hierarchies = dict(after.hierarchies)
    for i, attribute in enumerate(after.attributes):
        low, name = before.start[i], attribute.name
        if (
            not low
            or after.hierarchies[name] is before.hierarchies[name]
            or (attribute.hierarchy_steps == before.attributes[i].hierarchy_steps)
        ):
            continue
        start[i] = 0
        codes[i] = np.vstack([before.columns.codes[i][low], codes[i][1:]])
        losses[i] = np.append(before.columns.losses[i][low], losses[i][1:])
        names = (
            before.hierarchies[name].level_names[low],
            *after.hierarchies[name].level_names[1:],
        )
        hierarchies[name] = replace(after.hierarchies[name], level_names=names)
    columns = replace(after.columns, codes=tuple(codes), losses=tuple(losses))
    return replace(after, start=tuple(start), columns=columns, hierarchies=hierarchies)


def check_kept(table: SubjectTable, keep: Sequence[str], quasi: Sequence[str]) -> None:
    """Refuse to keep what is no quasi-identifier of the release.

    Parameters
    ----------
    table : SubjectTable
    keep, quasi : sequence of str
        Attributes to keep, and the quasi-identifiers that are left to choose from.

    Raises
    ------
    SearchError
        Says whether the project removes it, gives it another role, or does not have it.
    """
    for name in keep:
        if name in quasi:
            continue
        if name not in table.attributes:
            raise SearchError(
                f"--keep {name}: no such quasi-identifier", hint=did_you_mean(name, quasi)
            )
        attribute = table.attributes[name]
        if attribute.decision is Decision.REMOVE:
            raise SearchError(
                f"--keep {name} contradicts its decision: the project removes it",
                hint="Change 'decision', or leave --keep out",
            )
        raise SearchError(
            f"--keep {name}: its role is {attribute.role.value}, so no recoding changes it",
            hint="Only quasi-identifiers can be kept",
        )


def level_ranges(setting: Setting) -> dict[str, tuple[int, int]]:
    """Return the lowest and highest level of each attribute: from its decision upwards."""
    ranges = {}
    for attribute, low in zip(setting.attributes, setting.start, strict=True):
        top = len(setting.hierarchies[attribute.name].level_names) - 1
        ranges[attribute.name] = (low, low if attribute.name in setting.keep else top)
    return ranges


def release_state(
    view: SubjectTable,
    models: Sequence[ThreatModel],
    k: int,
    *,
    table: SubjectTable | None = None,
) -> State:
    """Return the risk figures of a table as it would be released.

    Parameters
    ----------
    view : SubjectTable
    models : sequence of ThreatModel
    k : int
        Subjects in smaller classes are counted.
    table : SubjectTable, optional
        Before the decisions: what sensitive values disclose is judged as well.
    """
    quasi = tuple(measured(view, Role.QUASI_IDENTIFIER))
    names = [a.name for a in quasi]
    if not view.n_subjects:
        return State(
            k=None, classes=0, sample_uniques=0, subjects=0, risk_max=None, risk_mean=None,
            at_risk=None, passed=False,
        )  # fmt: skip
    missing = as_judged(view, models).missing
    classes = EquivalenceClasses.from_codes(view.codes(names), missing=missing)
    risks = [
        adversary_risk(view, quasi, m, adversary) for m in models for adversary in m.adversaries
    ]
    worst: dict[str, float] = {}
    for risk in risks:
        for result in risk.results:
            worst[result.measure] = max(worst.get(result.measure, 0.0), result.value)
    alike = sizes_known_exactly(view, quasi)
    each = np.asarray(classes.record_sizes if alike is None else alike)
    smallest = int(each.min())
    return State(
        k=smallest,
        classes=classes.n_classes,
        sample_uniques=int((each == 1).sum()),
        subjects=classes.n,
        risk_max=1 / smallest,
        risk_mean=float(np.mean(1 / each)),
        at_risk=int((each < k).sum()) / classes.n,
        passed=all(result.passed is not False for risk in risks for result in risk.results),
        measures=worst,
        disclosed=[] if table is None else disclosed_attributes(table, view, risks),
    )


MAX_FRONT = 60
"""Nodes of the front that a plan keeps."""


def plan_step(step: Step, hierarchies: Mapping[str, Hierarchy], need: str = "") -> PlanStep:
    """Return a step as the document holds it, with the assessor's reason to keep the rest."""
    hierarchy = hierarchies[step.attribute]
    text = hierarchy.describe(step.level_to, step.attribute)
    for name, level in step.others:
        text += f"; the same fact, {hierarchies[name].describe(level, name)}"
    if step.attribute == "StudyDate":
        text += "; the other dates of the visit with it"
    return PlanStep(
        attribute=step.attribute,
        with_=[name for name, _ in step.others],
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
    """Return the share of information that a plan loses (`information_lost`).

    A subject that is left out loses all of it, an emptied cell all of that cell's.
    """
    shares = loss_shares(setting.attributes)
    stay = max(n - suppressed, 1)
    costs = 0.0
    for attribute, losses, level in zip(
        setting.attributes, setting.columns.losses, target, strict=True
    ):
        gone = len((emptied or {}).get(attribute.name, ())) / stay
        costs += shares.cost(attribute.name, float(losses[level] + gone * (1 - losses[level])))
    return information_lost(costs, suppressed, n)


def plan_front(setting: Setting, nodes: Sequence[FrontPoint], n: int) -> list[FrontPoint]:
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
    """Return what blocks a solution, ``""`` when one was found."""
    if solution.found:
        return ""
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
