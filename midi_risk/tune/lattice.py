"""The tuning lattice: its axes, and aggregates of every node for the page that needs no Python.

An axis is an attribute with those of its levels that may be chosen.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import floor, prod
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.attributes.hierarchy import Hierarchy
from midi_risk.attributes.model import Attribute, Decision, Role
from midi_risk.document.assessment import (
    TuningAttribute,
    TuningLattice,
    TuningLevel,
    TuningLocal,
    TuningPlan,
    TuningRule,
)
from midi_risk.document.plan import Alternative, Plan
from midi_risk.recode.criteria import AverageRisk, Requirement, requirement
from midi_risk.recode.loss import loss_shares
from midi_risk.recode.proposal import with_levels_of
from midi_risk.recode.steps import is_demanded, lattice_setting
from midi_risk.risk.classes.classes import EquivalenceClasses
from midi_risk.risk.classes.keys import dense
from midi_risk.risk.measures.repeated import repeating
from midi_risk.table.model import SubjectTable
from midi_risk.table.release import measured
from midi_risk.threat.model import ThreatModel
from midi_risk.tune.beside import Beside, all_beside, all_rules, levels_of


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
        By how much the mean risk falls without the attribute, all as the project releases them.
    costs : numpy.ndarray, shape (n_levels,)
        What every level adds to the information that the release loses.
    """

    attribute: Attribute
    hierarchy: Hierarchy
    levels: tuple[int, ...]
    losses: np.ndarray
    start: int
    contribution: float
    costs: np.ndarray

    @property
    def name(self) -> str:
        """Name of the attribute."""
        return self.attribute.name


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
    lost_elsewhere : float
        What the quasi-identifiers that are no axis add to the information lost, as decided.
    """

    axes: tuple[TuningAxis, ...]
    demand: Requirement
    not_tuned: tuple[str, ...]
    left_out: int
    lost_elsewhere: float = 0.0

    @property
    def nodes(self) -> int:
        """Nodes of the lattice."""
        return prod(len(axis.levels) for axis in self.axes)


Targets = Mapping[str, Collection[int]]
"""Levels that must be on offer, by attribute."""


def all_axes(
    table: SubjectTable,
    models: Sequence[ThreatModel],
    hierarchies: Mapping[str, Hierarchy] | None = None,
    targets: Targets | None = None,
) -> TuningAxes:
    """Return an axis for every quasi-identifier that some adversary knows.

    Parameters
    ----------
    table : SubjectTable
        As folded, decisions not yet applied.
    models : sequence of ThreatModel
    hierarchies : mapping of str to Hierarchy, optional
        Hierarchies of the user's own.
    targets : mapping of str to collection of int, optional
        Levels that must be on offer, such as those of plans.

    Returns
    -------
    TuningAxes
        What adds most to the risk as released first; then what adds most to the data as they came.

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
    begins = [
        len(codes) - 1 if attribute.decision is Decision.REMOVE else start
        for attribute, codes, start in zip(chosen, columns.codes, setting.start, strict=True)
    ]
    came = _contributions([codes[0] for codes in columns.codes])
    adds = _contributions([codes[at] for codes, at in zip(columns.codes, begins, strict=True)])
    order = {a.name: (-now, -raw) for a, now, raw in zip(chosen, adds, came, strict=True)}
    shares = loss_shares(chosen)
    for attribute, codes, losses, begin, added in zip(
        chosen, columns.codes, columns.losses, begins, adds, strict=True
    ):
        hierarchy = setting.hierarchies[attribute.name]
        last = len(hierarchy.level_names) - 1
        wanted = {0, last, begin, *(targets or {}).get(attribute.name, ())}
        groups = np.minimum.accumulate([len(np.unique(row)) for row in codes])
        levels = tuple(i for i in range(last + 1) if i in wanted or groups[i] < groups[i - 1])
        axes.append(
            TuningAxis(
                attribute=attribute,
                hierarchy=hierarchy,
                levels=levels,
                losses=losses,
                start=begin,
                contribution=added,
                costs=np.array([shares.cost(attribute.name, float(x)) for x in losses]),
            )
        )
    axes.sort(key=lambda axis: order[axis.name])
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
    all_of_them: TuningAxes, most: int, *, thin: bool, targets: Targets
) -> TuningAxes | None:
    """Return axes whose lattice has at most so many nodes, None when that takes thinning.

    Parameters
    ----------
    all_of_them : TuningAxes
    most : int
        Nodes at most.
    thin : bool
        Whether levels may be left out, and attributes held where they are, to fit.
    targets : mapping of str to collection of int
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
    held = tuple(a for a in all_of_them.axes if a.name not in here)
    return replace(
        all_of_them,
        axes=axes,
        not_tuned=(*all_of_them.not_tuned, *(a.name for a in held)),
        left_out=left_out,
        lost_elsewhere=sum(float(a.costs[a.start]) for a in held),
    )


def _thinner(axes: list[TuningAxis], targets: Targets) -> tuple[list[TuningAxis], int]:
    """Leave out the level whose loss is nearest to a neighbour's, or hold an axis."""
    best: tuple[float, int, int] | None = None
    for number, axis in enumerate(axes):
        fixed = {axis.start, *targets.get(axis.name, ())}
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


MAX_NODES = 5_000
GRID = (2, 3, 5, 7, 10, 11, 15, 20, 30, 50)
EMBEDDED_BYTES = 110_000
"""Size of the counts in a report, of its 300 kB."""


def tuning_lattice(
    table: SubjectTable,
    models: Sequence[ThreatModel],
    *,
    hierarchies: Mapping[str, Hierarchy] | None = None,
    plan: Plan | None = None,
    keep: Sequence[str] = (),
    max_suppression: float = 0.02,
    max_nodes: int = MAX_NODES,
    thin: bool = False,
) -> TuningLattice | None:
    """Return the class counts of every combination of levels.

    Parameters
    ----------
    table : SubjectTable
        As folded; decisions give the starting node.
    models : sequence of ThreatModel
    hierarchies : mapping of str to Hierarchy, optional
        Hierarchies of the user's own, by attribute.
    plan : Plan, optional
        The suggestion; its node is marked.
    keep : sequence of str
        Attributes that are locked at first, beside those decided to be retained.
    max_suppression : float
        Share of subjects that may be left out.
    max_nodes : int
        Larger lattices give None, unless `thin`.
    thin : bool
        Leave levels out until it fits.

    Returns
    -------
    TuningLattice or None
        None when there is nothing to tune or too much.

    Notes
    -----
    The classes are those of the attributes that some adversary knows, exactly; a missing
    value is a category. Where adversaries know less, or the population is not the sample,
    the rules are bounds: a node that they accept is accepted by the assessment too.
    """
    given = dict(hierarchies or {})
    names = [a.name for a in measured(table, Role.QUASI_IDENTIFIER)]
    merged, found = all_beside(table, names, given, all_rules(plan, {}))
    shown = plans_of(plan, found)
    targets = targets_of(shown)
    merged_in = given | {name: levels.merged for name, levels in found.items()}
    everything = all_axes(merged, models, merged_in, targets)
    axes = fitted(everything, max_nodes, thin=thin, targets=targets)
    if axes is None and plan is not None:
        table, shown = with_levels_of(table, plan), plans_of(plan, {})[:1]
        everything = all_axes(table, models, hierarchies, targets_of(shown))
        axes = fitted(everything, max_nodes, thin=thin, targets=targets_of(shown))
    if axes is None or not axes.axes:
        return None
    rows = table.frame[[axis.name for axis in axes.axes]]
    k = max(1, axes.demand.k)
    ks = sorted({*GRID, k})
    counts = node_counts(rows, axes, ks, k)
    width = count_width(table.n_subjects)
    exact, note = _exactness(table, models, everything)
    return TuningLattice(
        subjects=table.n_subjects,
        k=k,
        ks=ks,
        max_suppressed=most_left_out(shown, max_suppression, table.n_subjects),
        attributes=[_attribute(axis, _held(table, axes, keep)) for axis in axes.axes],
        rules=rules(models, axes),
        exact=exact,
        note=note,
        not_tuned=list(axes.not_tuned),
        lost_elsewhere=axes.lost_elsewhere,
        levels_left_out=axes.left_out,
        **_nodes_of(shown, axes),
        bytes_per_count=width,
        **{name: _packed(array, width) for name, array in counts.items()},
    )


def rules(models: Sequence[ThreatModel], axes: TuningAxes) -> list[TuningRule]:
    """Return what each adversary demands, one rule each."""
    attributes = [axis.attribute for axis in axes.axes]
    found = []
    for model in models:
        for adversary in model.adversaries:
            alone = model.model_copy(update={"adversaries": (adversary,)})
            demand = requirement([alone], attributes)
            means = [c.threshold for c in demand.criteria if isinstance(c, AverageRisk)]
            found.append(
                TuningRule(
                    model=model.name,
                    adversary=adversary.name,
                    k=max(1, demand.k),
                    mean=min(means) if means else None,
                )
            )
    return found


def node_counts(
    rows: pd.DataFrame, axes: TuningAxes, ks: Sequence[int], k: int
) -> dict[str, np.ndarray]:
    """Return the counts of every node, in row-major order of the offered levels.

    Parameters
    ----------
    rows : pandas.DataFrame
        One column per axis.
    axes : TuningAxes
    ks : sequence of int
    k : int
        Class size that is required.
    """
    nodes = axes.nodes
    cap = max(ks)
    edges = np.array(ks) - 1
    sizes_of = np.arange(cap + 1, dtype=np.int64)
    out = {
        "classes": np.zeros(nodes, dtype=np.int64),
        "smallest": np.zeros(nodes, dtype=np.int64),
        "below": np.zeros((len(ks), nodes), dtype=np.int64),
        "kept_classes": np.zeros(nodes, dtype=np.int64),
        "kept_smallest": np.zeros(nodes, dtype=np.int64),
    }
    groups = [axis_groups(axis, rows[axis.name]) for axis in axes.axes]
    for node, sizes in enumerate(class_sizes(groups)):
        histogram = np.bincount(np.minimum(sizes, cap), minlength=cap + 1)
        enough = sizes[sizes >= k]
        out["classes"][node] = len(sizes)
        out["smallest"][node] = sizes.min()
        out["below"][:, node] = np.cumsum(histogram * sizes_of)[edges]
        out["kept_classes"][node] = len(enough)
        out["kept_smallest"][node] = enough.min() if len(enough) else 0
    return out


Ints = npt.NDArray[np.int64]


def axis_groups(axis: TuningAxis, column: pd.Series[Any]) -> tuple[Ints, list[Ints]]:
    """Return the code of each subject on an axis, and the group of each code at each level."""
    codes, distinct = pd.factorize(column.to_numpy(dtype=object), use_na_sentinel=False)
    rows = {value: i for i, value in enumerate(axis.hierarchy.frame.iloc[:, 0])}
    places = np.array([-1 if pd.isna(v) else rows[v] for v in distinct], dtype=np.int64)
    last = len(axis.hierarchy.level_names) - 1
    found = []
    for level in axis.levels:
        labels = pd.factorize(axis.hierarchy.frame.iloc[:, level].to_numpy(dtype=object))[0]
        # A missing value is a group of its own until the column is removed.
        blank = 0 if level == last else len(labels)
        found.append(dense(np.append(labels, blank)[places])[0])
    return codes.astype(np.int64), found


def class_sizes(axes: Sequence[tuple[Ints, list[Ints]]]) -> Iterator[Ints]:
    """Yield the class sizes of each node, the last axis changing fastest.

    Levels need not nest: subjects alike on all axes are joined once, and joined further under
    each level of the first axis, then of the second, so that later levels meet fewer rows.

    Parameters
    ----------
    axes : sequence of (ndarray, list of ndarray)
        As `axis_groups` returns them.
    """
    table = np.column_stack([codes for codes, _ in axes])
    rows, counts = np.unique(table, axis=0, return_counts=True)
    yield from _below(axes, np.zeros(len(rows), dtype=np.int64), rows, counts)


def _below(
    axes: Sequence[tuple[Ints, list[Ints]]], before: Ints, rows: Ints, counts: Ints
) -> Iterator[Ints]:
    """Yield class sizes below a node of the axes before; `before` is the class on those."""
    for group in axes[0][1]:
        shown = group[rows[:, 0]]
        joined = dense(before * (int(group.max(initial=0)) + 1) + shown)[0]
        if len(axes) == 1:
            yield np.bincount(joined, weights=counts).astype(np.int64)
            continue
        whole = np.column_stack((joined, rows[:, 1:]))
        key = whole[:, 0]
        for place in range(1, whole.shape[1]):
            key = dense(key * (int(whole[:, place].max()) + 1) + whole[:, place])[0]
        first = np.unique(key, return_index=True)[1]
        left = np.bincount(key, weights=counts).astype(np.int64)
        yield from _below(axes[1:], joined[first], rows[first][:, 1:], left)


def count_width(subjects: int) -> Literal[1, 2, 4]:
    """Return the bytes that hold a count of subjects.

    Examples
    --------
    >>> [count_width(n) for n in (255, 256, 65_536)]
    [1, 2, 4]
    """
    return 1 if subjects < 1 << 8 else 2 if subjects < 1 << 16 else 4


def embedded_nodes(subjects: int) -> int:
    """Return how many nodes fit into a report: four counts of each, and one for every k.

    Parameters
    ----------
    subjects : int
        In the collection.
    """
    per_node = (len(GRID) + 5) * count_width(subjects) * 4 / 3
    return min(MAX_NODES, int(EMBEDDED_BYTES / per_node))


def _packed(array: np.ndarray, width: int) -> str:
    """Return counts as base64 of little-endian unsigned integers."""
    return base64.b64encode(array.astype(f"<u{width}").tobytes()).decode("ascii")


def _held(table: SubjectTable, axes: TuningAxes, keep: Sequence[str]) -> frozenset[str]:
    """Return the attributes that are locked at first: asked for, or demanded by DICOM."""
    demanded = {axis.name for axis in axes.axes if is_demanded(table, axis.attribute)}
    return frozenset(keep) | demanded


def _attribute(axis: TuningAxis, keep: frozenset[str]) -> TuningAttribute:
    """Return an axis as the document holds it."""
    return TuningAttribute(
        name=axis.name,
        levels=level_entries(axis),
        start=axis.levels.index(axis.start),
        locked=axis.name in keep or axis.attribute.decision is Decision.RETAIN,
        need=axis.attribute.need,
        contribution=axis.contribution,
    )


def blank_lattice(
    table: SubjectTable,
    models: Sequence[ThreatModel],
    axes: TuningAxes,
    *,
    shown: Sequence[ShownPlan] = (),
    keep: Sequence[str] = (),
    max_suppression: float = 0.02,
) -> TuningLattice:
    """Return the lattice of these axes without counts, for a page that asks for each node."""
    k = max(1, axes.demand.k)
    return TuningLattice(
        subjects=table.n_subjects,
        k=k,
        ks=sorted({*GRID, k}),
        max_suppressed=most_left_out(shown, max_suppression, table.n_subjects),
        attributes=[_attribute(axis, _held(table, axes, keep)) for axis in axes.axes],
        rules=rules(models, axes),
        exact=True,
        not_tuned=list(axes.not_tuned),
        lost_elsewhere=axes.lost_elsewhere,
        **_nodes_of(shown, axes),
        bytes_per_count=2,
        classes="",
        smallest="",
        below="",
        kept_classes="",
        kept_smallest="",
    )


def level_entries(axis: TuningAxis) -> list[TuningLevel]:
    """Return the levels on offer with their plain English."""
    return [
        TuningLevel(
            level=level,
            name=axis.hierarchy.level_names[level],
            text=axis.hierarchy.describe(level, "").removeprefix(": "),
            loss=min(1.0, max(0.0, float(axis.losses[level]))),
            cost=float(axis.costs[level]),
        )
        for level in axis.levels
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPlan:
    """A plan with its levels in the hierarchies of the page.

    Parameters
    ----------
    number : int
        0 is the recommended one.
    plan : Plan or Alternative
    levels : mapping of str to int
    """

    number: int
    plan: Plan | Alternative
    levels: Mapping[str, int]

    @property
    def left_out(self) -> int:
        """Subjects left out."""
        plan = self.plan
        return plan.suppressed.subjects if isinstance(plan, Plan) else plan.left_out


def plans_of(plan: Plan | None, found: Mapping[str, Beside]) -> list[ShownPlan]:
    """Return a plan and its alternatives, the plan first; none where nothing was found."""
    if plan is None or not plan.found:
        return []
    # Bands that differ between subjects are no node.
    every: list[tuple[int, Plan | Alternative]] = []
    every += [(plan.accepted, plan)] if plan.local is None else []
    every += [(other.number, other) for other in plan.alternatives]
    return [ShownPlan(number=n, plan=p, levels=levels_of(p, found)) for n, p in every]


def targets_of(shown: Sequence[ShownPlan]) -> dict[str, set[int]]:
    """Return the levels that plans need on offer, by attribute."""
    targets: dict[str, set[int]] = {}
    for each in shown:
        for name, level in each.levels.items():
            targets.setdefault(name, set()).add(level)
    return targets


def most_left_out(shown: Sequence[ShownPlan], share: float, subjects: int) -> int:
    """Return how many subjects may be left out: by the limit, or by a plan that says so."""
    return max([floor(share * subjects + 1e-9), *(each.left_out for each in shown)])


def _nodes_of(shown: Sequence[ShownPlan], axes: TuningAxes) -> dict[str, Any]:
    """Return the node of the plan, and the plans that are nodes."""
    nodes = [(each, _plan_node(axes, each.levels)) for each in shown]
    plans = [
        TuningPlan(
            number=each.number,
            title=_title(each),
            changes=_changes(each.plan),
            node=node,
            left_out=each.left_out,
            risk_max=(p.after.risk_max if isinstance(p := each.plan, Plan) else p.risk_max),
            loss=each.plan.loss or 0.0,
            age_r2=each.plan.age_r2,
        )
        for each, node in nodes
        if node is not None
    ]
    return {"plan": nodes[0][1] if nodes else None, "plans": plans if len(plans) > 1 else []}


def local_card(plan: Plan | None) -> TuningLocal | None:
    """Return what a page says of the plan with bands that differ between subjects.

    Parameters
    ----------
    plan : Plan, optional
    """
    if plan is None or plan.local is None:
        return None
    return TuningLocal(
        changes=_changes(plan),
        sentence=plan.local.sentence,
        left_out=plan.suppressed.subjects,
        risk_max=plan.after.risk_max,
        loss=plan.loss or 0.0,
        age_r2=plan.age_r2,
    )


def _title(each: ShownPlan) -> str:
    if isinstance(each.plan, Plan):
        return "Suggested plan" if not each.number else f"Plan {each.number}, accepted"
    return f"Plan {each.number}: {each.plan.title}"


def _changes(plan: Plan | Alternative) -> str:
    if isinstance(plan, Plan):
        return "; ".join([s.describe for s in plan.steps] + [kept.describe for kept in plan.kept])
    return plan.changes


def _plan_node(axes: TuningAxes, targets: Mapping[str, int]) -> list[int] | None:
    """Return the plan as places of the offered levels, None when it is not on offer."""
    node = []
    for axis in axes.axes:
        level = targets.get(axis.name, axis.start)
        if level not in axis.levels:
            return None
        node.append(axis.levels.index(level))
    return node


def _exactness(
    table: SubjectTable, models: Sequence[ThreatModel], axes: TuningAxes
) -> tuple[bool, str]:
    """Return whether the rules decide as the assessment does, and else why they bound it."""
    reasons = []
    adversaries = [adversary for model in models for adversary in model.adversaries]
    if any(adversary.knows != "all" for adversary in adversaries):
        reasons.append("an adversary knows only some attributes, or knows them imprecisely")
    if any(model.population.kind != "sample" for model in models):
        reasons.append("the population is not the collection itself")
    if table.missing == "wildcard":
        reasons.append("a missing value may be any value")
    if axes.not_tuned:
        reasons.append("some quasi-identifiers are known to no adversary")
    open_ = []
    if repeating(table, [axis.name for axis in axes.axes]):
        open_.append("subjects have several values that leave, and one of each is counted here")
    judged = any(model.on_sensitive_values for model in models)
    if judged and any(a.discloses for a in measured(table, Role.SENSITIVE, Role.QUASI_IDENTIFIER)):
        open_.append("what sensitive values disclose is not judged here")
    if open_:
        return False, (
            "The verdict here is an estimate, and the assessment may refuse what it accepts:"
            f" {'; '.join(open_)}. 'midi-risk tune --level' and the served page judge a setting as"
            " the assessment does."
        )
    if not reasons:
        return True, ""
    return False, (
        "The verdict here is a bound: what it accepts, the assessment accepts too, but it may"
        f" refuse more, because {'; '.join(reasons)}."
    )
