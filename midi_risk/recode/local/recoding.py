"""Local recoding of a plan: the partition, what it shows, and the judge's word on it.

Two partitions are made: one cuts the classes of the plan further, and what it leaves out as a
class of its own, or joins it to one of its classes; the other begins with all subjects at once. One
that keeps age as the plan does goes before one that does not, then the one that leaves fewer out,
then the one that loses less, and never one that loses more than the plan. What is judged is what
would be released.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from midi_risk.attributes.hierarchy import Hierarchy
from midi_risk.attributes.model import Kind, Role
from midi_risk.document.plan import (
    KeptAttribute,
    LocalClass,
    LocalFigures,
    LocalRecoding,
    LocalSet,
    Plan,
    PlanStep,
    State,
    Suppressed,
)
from midi_risk.recode.adaptive.distance import variance_between
from midi_risk.recode.criteria import Requirement
from midi_risk.recode.imaging import imaging_figures
from midi_risk.recode.local.ahead import looked_ahead, worth_looking
from midi_risk.recode.local.assign import labels_of
from midi_risk.recode.local.axes import UNKNOWN, LocalAxis, Sets, Source, local_axes
from midi_risk.recode.local.criteria import checker
from midi_risk.recode.local.partition import (
    Check,
    Shape,
    Tree,
    grow,
    inherited,
    order_of_cuts,
    pruned,
    shape_of,
    summed,
    without,
)
from midi_risk.recode.loss import information_lost, loss_shares
from midi_risk.recode.proposal import Draft, ceilings_of
from midi_risk.recode.search.problem import hidden_limit
from midi_risk.recode.steps import Setting, release_state
from midi_risk.risk.measures.repeated import sizes_known_exactly
from midi_risk.table.model import SubjectTable
from midi_risk.table.release import measured, planned, with_labels
from midi_risk.threat.model import ThreatModel

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Partition:
    """Classes with what they show.

    Parameters
    ----------
    axes : list of LocalAxis
        Those that are cut first.
    tree : Tree
    shape : Shape
    share, cost : ndarray of float64, shape (attributes, nodes)
        What a record of each class loses of each attribute: in mean distance, and by the measure
        that is cut by.
    begun_from : {"plan", "root"}
    later : ndarray of bool, shape (nodes,)
        Classes made of what the plan leaves out.
    besides : ndarray of bool, shape (N,)
        Records left out whatever their class, because of values that they have beside.
    """

    axes: list[LocalAxis]
    tree: Tree
    shape: Shape
    share: Floats
    cost: Floats
    begun_from: Literal["plan", "root"]
    later: Bools
    besides: Bools

    @property
    def hidden(self) -> Bools:
        """Records that are not shown."""
        return self.besides | ~self.tree.valid[self.tree.leaf]

    @property
    def loss(self) -> float:
        """What the partition loses by its measure; a hidden record loses all."""
        return float(np.where(self.hidden, 1.0, self.per_class()[self.tree.leaf]).mean())

    @property
    def distance(self) -> float:
        """What the partition loses in mean distance; a hidden record loses all."""
        lost = self._weights() @ self.share
        return float(np.where(self.hidden, 1.0, lost[self.tree.leaf]).mean())

    def per_class(self) -> Floats:
        """Return what a record of each class loses of all attributes."""
        return np.asarray(self._weights() @ self.cost, dtype=np.float64)

    def _weights(self) -> Floats:
        return np.array([axis.weight for axis in self.axes])


def partition(
    axes: Sequence[LocalAxis],
    k: int,
    check: Check | None,
    *,
    hidden: Bools | None = None,
    joined: int | None = None,
    ahead: bool = False,
) -> Partition:
    """Return the classes of a local recoding.

    Parameters
    ----------
    axes : sequence of LocalAxis
    k : int
        Smallest class.
    check : callable, optional
        Further criteria of single classes.
    hidden : ndarray of bool, shape (N,), optional
        Records that the plan leaves out: begins from the classes of the plan. Without it, from
        all records at once.
    joined : int, optional
        Takes whom the plan leaves out, where they are too few for a class, into one of its classes:
        the smallest within reach for 0, the next one for 1.
    ahead : bool
        Whether small classes are cut again by what comes of each cut, see `looked_ahead`.
    """
    ordered = sorted(axes, key=lambda a: not a.free)
    keyed = [axis for axis in ordered if axis.keyed]
    n = len(ordered[0].cut.codes)
    before = np.column_stack([a.before[a.values.codes] for a in keyed] or [np.zeros(n, np.int64)])
    apart = np.zeros(n, dtype=np.int64)
    columns = before
    if hidden is not None:
        plan = np.column_stack([a.plan[a.values.codes] for a in keyed])
        apart = _apart(plan, hidden)
        if joined is not None:
            apart = _with_class(plan, before, apart, k, joined)
        columns = np.where(apart[:, None] > 0, before, plan)
    rows, start = np.unique(np.column_stack([apart, columns]), axis=0, return_inverse=True)
    start = start.reshape(-1).astype(np.int64)
    by_plan = np.zeros(len(rows), dtype=bool) if hidden is None else rows[:, 0] == 0
    low, high = _starts(ordered, keyed, rows, by_plan)
    tree = grow([a.cut for a in ordered if a.free], start, len(rows), k, check)
    if ahead:
        tree = looked_ahead(ordered, tree, (low, high), k, check)
    begun: Literal["plan", "root"] = "root" if hidden is None else "plan"
    grown = _told(ordered, tree, (low, high), begun, rows[:, 0] > 0, k)
    loss = grown.shape.size.astype(np.float64) * np.where(tree.valid, grown.per_class(), 1.0)
    return replace(grown, tree=pruned(tree, loss))


def _apart(plan: Ints, hidden: Bools) -> Ints:
    """Return 1 for the records that the plan leaves out and that none of its classes holds."""
    of_class = np.unique(plan, axis=0, return_inverse=True)[1].reshape(-1)
    shown = np.bincount(of_class[~hidden], minlength=int(of_class.max(initial=-1)) + 1) > 0
    return (~shown[of_class]).astype(np.int64)


def _with_class(plan: Ints, before: Ints, apart: Ints, k: int, rank: int) -> Ints:
    """Return also 1 for a class of the plan beside each group that is too small for a class."""
    out = apart.copy()
    of_cell = np.unique(before, axis=0, return_inverse=True)[1].reshape(-1)
    of_class = np.unique(plan, axis=0, return_inverse=True)[1].reshape(-1)
    few = np.bincount(of_cell, weights=apart)
    for cell in np.flatnonzero((few > 0) & (few < k)).tolist():
        beside = (of_cell == cell) & (apart == 0)
        size = np.bincount(of_class[beside])
        some = np.flatnonzero(size)
        if len(some):
            order = some[np.lexsort((some, size[some]))]
            out[beside & (of_class == order[min(rank, len(order) - 1)])] = 1
    return out


def _starts(
    axes: Sequence[LocalAxis], keyed: Sequence[LocalAxis], rows: Ints, by_plan: Bools
) -> tuple[dict[int, Ints], dict[int, Ints]]:
    """Return between which cells of the ordered attributes the first classes lie."""
    low, high = {}, {}
    for number, axis in enumerate(axes):
        if not axis.ordered:
            continue
        low[number] = np.zeros(len(rows), dtype=np.int64)
        high[number] = np.full(len(rows), axis.known, dtype=np.int64)
        if axis not in keyed:
            continue
        group = rows[:, 1 + keyed.index(axis)]
        for some, groups in ((by_plan, axis.plan), (~by_plan, axis.before)):
            first, last = _ends(axis, groups)
            low[number][some], high[number][some] = first[group[some]], last[group[some]]
    return low, high


def _ends(axis: LocalAxis, groups: Ints) -> tuple[Ints, Ints]:
    """Return the first known cell of each group, and the one behind its last."""
    width = int(groups.max(initial=0)) + 1
    first, last = np.full(width, axis.known), np.zeros(width, dtype=np.int64)
    some = axis.cell_of < axis.known
    np.minimum.at(first, groups[some], axis.cell_of[some])
    np.maximum.at(last, groups[some], axis.cell_of[some] + 1)
    return np.minimum(first, last).astype(np.int64), last


def _told(
    axes: list[LocalAxis],
    tree: Tree,
    ends: tuple[dict[int, Ints], dict[int, Ints]],
    begun_from: Literal["plan", "root"],
    later: Bools,
    k: int,
) -> Partition:
    """Return a partition with what its classes hold and lose."""
    shape = shape_of([axis.cut for axis in axes], tree, *ends, k)
    size = np.maximum(shape.size, 1)
    share = np.zeros((len(axes), tree.nodes))
    cost = share.copy()
    for number, axis in enumerate(axes):
        if axis.weight and axis.pinned:
            codes = axis.values.codes
            share[number] = summed(tree, axis.values.spread.shares(axis.plan)[codes]) / size
            cost[number] = summed(tree, _costs_of_plan(axis)[codes]) / size
        elif axis.weight:
            share[number] = axis.shares(shape, number)
            cost[number] = axis.costs(shape, number)
    return Partition(
        axes=list(axes), tree=tree, shape=shape, share=share, cost=cost, begun_from=begun_from,
        later=inherited(tree, later), besides=np.zeros(len(tree.leaf), dtype=bool),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Shown:
    """What the classes of a partition show.

    Parameters
    ----------
    leaves : ndarray of int64
        Classes in the order in which subjects are assigned to them.
    labels : dict of str to list of (str or None)
        Attribute -> label of each of these classes.
    """

    leaves: Ints
    labels: dict[str, list[str | None]]

    def of_records(self, leaf: Ints, nodes: int) -> dict[str, npt.NDArray[np.object_]]:
        """Return what each record shows."""
        place = np.full(nodes, len(self.leaves), dtype=np.int64)
        place[self.leaves] = np.arange(len(self.leaves))
        return {
            name: np.array([*labels, None], dtype=object)[place[leaf]]
            for name, labels in self.labels.items()
        }


def shown(part: Partition) -> Shown:
    """Return what the classes of a partition show, those of the plan's classes first."""
    used = np.unique(part.tree.leaf)
    used = used[part.tree.valid[used]]
    leaves = used[np.lexsort((used, part.later[used]))]
    labels: dict[str, list[str | None]] = {}
    for number, axis in enumerate(part.axes):
        if not axis.pinned:
            labels[axis.name] = _labels(axis, part.shape, number, leaves)
    return Shown(leaves=leaves, labels=labels)


def _labels(axis: LocalAxis, shape: Shape, number: int, leaves: Ints) -> list[str | None]:
    if not axis.ordered:
        return [axis.of_bits(shape.held[number][leaf])[0] for leaf in leaves]
    found: dict[tuple[int, int, bool, bool], str | None] = {}
    out = []
    ends = (shape.low, shape.high, shape.known, shape.blank)
    for row in zip(*(each[number][leaves].tolist() for each in ends), strict=True):
        if row not in found:
            low, high, known, blank = row
            hides = (axis.follows and high - low > 1) or (axis.of_files and blank)
            if not known or hides or high - low == axis.known > 1:
                found[row] = None
            else:
                label = axis.band(low, high)
                found[row] = f"{label} or {UNKNOWN}" if blank else label
        out.append(found[row])
    return out


def released_locally(
    table: SubjectTable, levels: Mapping[str, int], setting: Setting, part: Partition
) -> SubjectTable:
    """Return the table as a local recoding would release it.

    Parameters
    ----------
    table : SubjectTable
        With the levels of the plan.
    levels : mapping of str to int
        Of the plan.
    setting : Setting
        Of the plan.
    part : Partition
    """
    labels = shown(part).of_records(part.tree.leaf, part.tree.nodes)
    fixed = {name: level for name, level in levels.items() if name not in labels}
    left = planned(table, fixed, setting.hierarchies)
    return with_labels(left, labels, part.hidden)


@dataclass(frozen=True, slots=True)
class Given:
    """What a local recoding is made from.

    Parameters
    ----------
    table, view : SubjectTable
        As folded, and as the decisions leave it.
    setting : Setting
        Of the fixed levels.
    draft : Draft
        The plan with one level for everybody; its solution may have found nothing.
    models : sequence of ThreatModel
    demand : Requirement
    given : mapping of str to Hierarchy
        The user's own.
    max_suppression : float
    sets : {"listed", "ladder"}
    by_extent : bool
        Whether what is lost is the extent of sets, not the mean distance inside them.
    """

    table: SubjectTable
    view: SubjectTable
    setting: Setting
    draft: Draft
    models: Sequence[ThreatModel]
    demand: Requirement
    given: Mapping[str, Hierarchy]
    max_suppression: float
    sets: Sets = "listed"
    by_extent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Recoded:
    """A local recoding that every adversary accepts.

    Parameters
    ----------
    part : Partition
    left : SubjectTable
        As it would be released.
    after : State
    document : LocalRecoding
    """

    part: Partition
    left: SubjectTable
    after: State
    document: LocalRecoding


def recoded_locally(given: Given) -> Recoded | None:
    """Return the better local recoding, None where none loses less than the plan.

    Parameters
    ----------
    given : Given
    """
    draft = given.draft
    solution = draft.solution
    axes = local_axes(
        Source(
            table=given.table, setting=given.setting, ceilings=ceilings_of(given.setting),
            given=given.given, levels=solution.levels, planned=draft.setting, facts=draft.facts,
            sets=given.sets, by_extent=given.by_extent,
        )
    )  # fmt: skip
    if not any(axis.free for axis in axes):
        return None
    found = _best(given, axes, frozenset())
    if found is not None:
        return found
    known = _disclosed(given, axes)
    return _best(given, axes, known) if known else None


def _best(given: Given, axes: Sequence[LocalAxis], known: frozenset[str]) -> Recoded | None:
    """Return the partition that leaves fewest out; nothing is asked of what is disclosed anyway."""
    solution, n = given.draft.solution, given.table.n_subjects
    check = checker(given.demand, given.table, given.view, given.models, known)
    k = _smallest(given)
    most = hidden_limit(given.max_suppression, n)
    hidden = solution.suppressed_rows if solution.found else None
    limit = 1.0 if hidden is None else _loss_of_plan(axes, hidden)
    kept = None if hidden is None else _plan_figures(axes, hidden).age_r2
    best: Recoded | None = None
    for parts in _batches(axes, k, check, hidden):
        for part in sorted((p for p in parts if p.loss < limit - 1e-12), key=_order(kept)):
            if best and _order(kept)(part)[:2] >= _order(kept)(best.part)[:2]:
                continue
            found = _accepted(given, part, most, known)
            if found is None or found.part.loss >= limit - 1e-12:
                continue
            if best and _order(kept)(found.part)[:2] >= _order(kept)(best.part)[:2]:
                continue
            best = found if _assigned(found, given.table) else best
        if best and _order(kept)(best.part)[:2] == (False, 0):
            break
    return best


JOINS = 6
"""Classes of the plan that are tried for whom it leaves out."""


def _batches(
    axes: Sequence[LocalAxis], k: int, check: Check | None, hidden: Bools | None
) -> Iterator[list[Partition]]:
    """Yield partitions from the plan and from all, and then with whom the plan leaves out."""
    ahead = worth_looking(axes)
    parts = [partition(axes, k, check, ahead=ahead)]
    if hidden is not None:
        parts.insert(0, partition(axes, k, check, hidden=hidden, ahead=ahead))
    yield parts
    if hidden is not None and ahead and parts[0].hidden.any():
        yield [
            partition(axes, k, check, hidden=hidden, joined=rank, ahead=True)
            for rank in range(JOINS)
        ]


ENOUGH_AGE = 0.8
"""Share of the variance of age that bands of single classes may always come down to."""

LEAST_AGE = 0.02
"""Share of the variance of age that bands of single classes may keep less than the plan."""


def _loses_age(part: Partition, kept: float | None) -> bool:
    """Tell whether a partition keeps noticeably less of age than the plan, and too little."""
    if kept is None:
        return False
    return (figures(part).age_r2 or 0.0) < min(kept - LEAST_AGE, ENOUGH_AGE)


def _order(kept: float | None) -> Callable[[Partition], tuple[bool, int, float]]:
    """Return what decides between partitions: age kept, then nobody left out, then the loss."""
    return lambda part: (_loses_age(part, kept), int(part.hidden.sum()), part.loss)


def _smallest(given: Given) -> int:
    """Return the smallest class that is cut: that of the plan, where people are asked for."""
    k = given.demand.k
    return k if k > 1 else max(2, given.draft.solution.smallest)


def _disclosed(given: Given, axes: Sequence[LocalAxis]) -> frozenset[str]:
    """Return what the plan discloses of sensitive values, or one that removes all it can."""
    draft = given.draft
    setting, levels = draft.setting, draft.solution.levels
    if draft.solution.found:
        left = planned(draft.table, levels, setting.hierarchies, draft.solution.suppressed_rows)
    else:
        last = {a.name: len(setting.hierarchies[a.name].level_names) - 1 for a in axes if a.free}
        left = planned(draft.table, {**levels, **last}, setting.hierarchies)
    state = release_state(left, given.models, given.demand.k, table=draft.table)
    return frozenset(state.disclosed)


def _assigned(found: Recoded, table: SubjectTable) -> bool:
    """Tell whether original values lead to the class that the partition gave."""
    labels, outside = labels_of(found.document, table)
    stays = ~found.part.hidden
    mine = shown(found.part).of_records(found.part.tree.leaf, found.part.tree.nodes)
    return not outside[stays].any() and all(
        bool((labels[name] == mine[name])[stays].all()) for name in labels
    )


def _accepted(given: Given, part: Partition, most: int, known: frozenset[str]) -> Recoded | None:
    """Return a partition that the judge accepts: the last cuts are undone until it does."""
    cuts = order_of_cuts(part.tree)

    def judged(kept: int) -> Recoded | None:
        whole = np.zeros(part.tree.nodes, dtype=bool)
        whole[cuts[kept:]] = True
        some = replace(part, tree=without(part.tree, whole)) if kept < len(cuts) else part
        return _judged(given, some, most, known)

    found = judged(len(cuts))
    if found is not None or not len(cuts):
        return found
    low, high = 0, len(cuts)
    found = judged(0)
    while found is not None and high - low > 1:
        middle = (low + high) // 2
        more = judged(middle)
        if more is None:
            high = middle
        else:
            found, low = more, middle
    return found


ROUNDS = 6
"""How often subjects with too few others alike are left out and the rest is judged again."""


def _judged(given: Given, part: Partition, most: int, known: frozenset[str]) -> Recoded | None:
    """Return a partition if the judge accepts it, without those who stand out by other values.

    Where an attribute that keeps its level has several values, classes are those of any of them:
    a subject can stand out by a value that its class does not know of.
    """
    levels, setting = given.draft.solution.levels, given.draft.setting
    for _ in range(ROUNDS):
        if int(part.hidden.sum()) > most or part.hidden.all():
            return None
        left = released_locally(given.draft.table, levels, setting, part)
        after = release_state(left, given.models, given.demand.k, table=given.draft.table)
        if after.passed:
            if set(after.disclosed) - known:
                return None
            return Recoded(part=part, left=left, after=after, document=_document(given, part))
        alike = sizes_known_exactly(left, tuple(measured(left, Role.QUASI_IDENTIFIER)))
        if alike is None or not (alike < given.demand.k).any():
            return None
        besides = part.besides.copy()
        besides[np.flatnonzero(~part.hidden)[alike < given.demand.k]] = True
        part = replace(part, besides=besides)
    return None


def _loss_of_plan(axes: Sequence[LocalAxis], hidden: Bools) -> float:
    """Return what the plan loses by the measure that is cut by, a subject left out all."""
    each = sum(a.weight * _costs_of_plan(a)[a.values.codes] for a in axes)
    return float(np.where(hidden, 1.0, each).mean())


def _costs_of_plan(axis: LocalAxis) -> Floats:
    """Return what each text loses in the plan, by the measure that is cut by."""
    if axis.cut.extent is None:
        return axis.values.spread.shares(axis.plan)
    return _group_figures(axis)[1]


def _distance_of_plan(axes: Sequence[LocalAxis], hidden: Bools) -> float:
    """Return what the plan loses in mean distance, a subject left out all."""
    each = sum(a.weight * a.values.spread.shares(a.plan)[a.values.codes] for a in axes)
    return float(np.where(hidden, 1.0, each).mean())


def _document(given: Given, part: Partition) -> LocalRecoding:
    """Return a local recoding as `plan.json` holds it."""
    told = shown(part)
    classes = []
    rows = {axis.name: _holds(axis, part.shape, i, told.leaves) for i, axis in enumerate(part.axes)
            if axis.keyed}  # fmt: skip
    for i, leaf in enumerate(told.leaves.tolist()):
        classes.append(
            LocalClass(
                subjects=int(part.shape.size[leaf]),
                holds={name: sets[i] for name, sets in rows.items()},
                shows={name: labels[i] for name, labels in told.labels.items()},
            )
        )
    losses = {}
    stays = ~part.hidden
    for number, axis in enumerate(part.axes):
        losses[axis.name] = round(float(part.share[number][part.tree.leaf][stays].mean()), 6)
    solution = given.draft.solution
    plan = _plan_figures(part.axes, solution.suppressed_rows) if solution.found else None
    return LocalRecoding(
        sentence=sentence(_smallest(given)),
        begun_from=part.begun_from,
        sets=given.sets,
        attributes=sorted(set(told.labels) - _untouched(given, part, told)),
        losses=losses,
        figures=figures(part),
        global_figures=plan,
        classes=classes,
    )


def sentence(k: int) -> str:
    """Return what local recoding means, in one sentence that may leave: no count of classes."""
    return (
        f"Bands differ between subjects: classes of at least {k} subjects each show sets of their"
        " own, so that two subjects of one age may show bands that overlap."
    )


def _holds(axis: LocalAxis, shape: Shape, number: int, leaves: Ints) -> list[LocalSet]:
    """Return the original values of an attribute that lead to each class."""
    out = []
    if axis.ordered:
        for leaf in leaves.tolist():
            blank = bool(shape.blank[number][leaf])
            if not shape.known[number][leaf]:
                out.append(LocalSet(texts=[], unknown=True))
                continue
            low, below = axis.ends(int(shape.low[number][leaf]), int(shape.high[number][leaf]))
            out.append(LocalSet(low=low, below=below, unknown=blank))
        return out
    known: dict[bytes, LocalSet] = {}
    texts = axis.values.texts
    for leaf in leaves.tolist():
        bits = shape.held[number][leaf]
        key = bits.tobytes()
        if key not in known:
            held = np.unpackbits(bits)[: axis.cut.cells].astype(bool)
            inside = held[axis.cell_of]
            values = [
                t for t, here in zip(texts, inside.tolist(), strict=True) if here and t is not None
            ]
            blank = any(t is None and here for t, here in zip(texts, inside.tolist(), strict=True))
            known[key] = LocalSet(texts=sorted(values), unknown=blank)
        out.append(known[key])
    return out


def figures(part: Partition) -> LocalFigures:
    """Return what a partition loses, by every measure."""
    leaf, hidden = part.tree.leaf, part.hidden
    nue, ncp = [], []
    labels = shown(part).of_records(leaf, part.tree.nodes)
    r2 = None
    for number, axis in enumerate(part.axes):
        held, wide = _group_figures(axis)
        held, wide = held[axis.values.codes], wide[axis.values.codes]
        if not axis.pinned:
            of_class = axis.figures(part.shape, number)
            held, wide = (each[leaf] for each in of_class)
        nue.append(_entropy(axis, np.where(hidden, len(leaf), held)))
        ncp.append(float(np.where(hidden, 1.0, wide).mean()))
        if axis.values.attribute.kind is Kind.AGE:
            shows = labels.get(axis.name)
            group = axis.plan[axis.values.codes] if shows is None else _codes(shows)
            r2 = max(r2 or 0.0, _variance_kept(axis, group, hidden))
    weights = np.array([axis.weight for axis in part.axes])
    return LocalFigures(
        loss=part.distance, nue=float(weights @ nue), ncp=float(weights @ ncp), age_r2=r2,
        left_out=int(hidden.sum()), classes=len(np.unique(leaf[~hidden])),
    )  # fmt: skip


def _codes(labels: npt.NDArray[np.object_]) -> Ints:
    distinct = {label: i for i, label in enumerate(dict.fromkeys(labels.tolist()))}
    return np.array([distinct[label] for label in labels.tolist()], dtype=np.int64)


def _variance_kept(axis: LocalAxis, group: Ints, hidden: Bools) -> float:
    """Return the share of the variance of an age that lies between what is shown of it."""
    at = axis.values.spread.at
    if at is None:
        return 0.0
    place = at[axis.values.codes]
    use = np.isfinite(place) & ~hidden
    return round(variance_between(place[use], group[use]), 4)


def _entropy(axis: LocalAxis, held: Floats) -> float:
    """Return the non-uniform entropy of an attribute as a share of losing it altogether."""
    count = axis.values.spread.count[axis.values.codes]
    whole = float(-np.log2(count / len(count)).sum())
    return float(-np.log2(count / held).sum()) / whole if whole > 0 else 0.0


def _group_figures(axis: LocalAxis) -> tuple[Floats, Floats]:
    """Return the records in the plan's group of each text, and its extent."""
    count, plan = axis.values.spread.count, axis.plan
    held: Floats = np.bincount(plan, weights=count)[plan].astype(np.float64)
    if axis.ordered:
        low, high = _ends(axis, plan)
        blank = np.bincount(plan[axis.cell_of >= axis.known], minlength=len(low)) > 0
        number = {0: low}
        shape = Shape(low, number, {0: high}, {0: blank}, {0: high > low})
        return held, axis.figures(shape, 0)[1][plan]
    pairs = np.unique(np.column_stack([plan, axis.cell_of]), axis=0)
    cells = np.bincount(pairs[:, 0], minlength=int(plan.max(initial=0)) + 1)
    wide: Floats = np.minimum(np.maximum(cells - 1, 0) / max(1, axis.cut.cells - 1), 1.0)
    return held, wide[plan]


def _plan_figures(axes: Sequence[LocalAxis], hidden: Bools) -> LocalFigures:
    """Return what the plan with one level for everybody loses, by every measure."""
    nue, ncp = [], []
    r2 = None
    n = len(hidden)
    for axis in axes:
        held, wide = (each[axis.values.codes] for each in _group_figures(axis))
        nue.append(_entropy(axis, np.where(hidden, n, held)))
        ncp.append(float(np.where(hidden, 1.0, wide).mean()))
        if axis.values.attribute.kind is Kind.AGE:
            r2 = max(r2 or 0.0, _variance_kept(axis, axis.plan[axis.values.codes], hidden))
    weights = np.array([axis.weight for axis in axes])
    keys = np.column_stack([axis.plan[axis.values.codes] for axis in axes])[~hidden]
    return LocalFigures(
        loss=_distance_of_plan(axes, hidden), nue=float(weights @ nue), ncp=float(weights @ ncp),
        age_r2=r2, left_out=int(hidden.sum()), classes=len(np.unique(keys, axis=0)),
    )  # fmt: skip


def with_local(plan: Plan, given: Given, found: Recoded) -> Plan:
    """Return a plan whose attributes show the sets of their class.

    Parameters
    ----------
    plan : Plan
        With one level for everybody.
    given : Given
    found : Recoded
    """
    part, local = found.part, found.document
    setting, table = given.draft.setting, given.table
    lasts = {n: len(h.level_names) - 1 for n, h in setting.hierarchies.items()}
    shares = loss_shares(setting.attributes)
    hidden = np.flatnonzero(part.hidden)
    costs = sum(shares.cost(name, loss) for name, loss in local.losses.items())
    steps = [step for step in plan.steps if step.attribute not in local.attributes]
    steps += [_step(name, found, given, plan.before) for name in _changed(found)]
    exact = set(local.attributes) - {step.attribute for step in steps}
    return plan.model_copy(
        update={
            "found": True,
            "optimal": False,
            "gap": None,
            "loss": information_lost(costs, len(hidden), table.n_subjects),
            "levels": {
                name: lasts[name] if name in local.attributes else level
                for name, level in plan.levels.items()
            },
            "steps": steps,
            "kept": _kept(plan.kept, local.attributes, exact),
            "suppressed": Suppressed(
                subjects=len(hidden), cells=len(hidden) * len(setting.attributes)
            ),
            "suppressed_cells": {},
            "suppressed_subjects": [str(table.frame.index[int(i)]) for i in hidden],
            "after": found.after,
            "imaging": imaging_figures(given.draft.table, found.left, dict(given.given)),
            "cut_points": _of_fixed(plan.cut_points, local),
            "groups": _of_fixed(plan.groups, local),
            "age_r2": local.figures.age_r2,
            "age_subjects": _with_age(part),
            "local": local,
            "notes": [local.sentence, beside(local), *ATTACKS],
            "reason": "",
        }
    )


ATTACKS = (
    (
        "Who knows the method can ask why a class was not cut further (minimality, Wong et al."
        " 2007): with class size alone cuts use nothing but what an adversary is taken to know; a"
        " criterion on sensitive values tells a little more."
    ),
    (
        "Two local releases of the same people intersect to smaller classes: release one, and"
        " never a second with other bands."
    ),
)


def beside(local: LocalRecoding) -> str:
    """Return the figures of a local recoding beside those of the plan with one level."""

    def told(figures: LocalFigures) -> str:
        r2 = "" if figures.age_r2 is None else f", age R\u00b2 {figures.age_r2:.2f}"
        return (
            f"mean distance {figures.loss:.3f}, entropy {figures.nue:.3f}{r2},"
            f" {figures.left_out} left out, {figures.classes} classes"
        )

    text = f"Lost: {told(local.figures)}"
    if local.global_figures is None:
        return f"{text}; no plan with one level for everybody was found."
    return f"{text}; with one level for everybody: {told(local.global_figures)}."


def _of_fixed(of: Mapping[str, Any], local: LocalRecoding) -> dict[str, Any]:
    """Return what is said of the attributes with one level for everybody."""
    return {name: told for name, told in of.items() if name not in local.attributes}


def _with_age(part: Partition) -> int:
    """Return the subjects shown of whom an age is known."""
    known = [
        int(np.isfinite(axis.values.spread.at[axis.values.codes])[~part.hidden].sum())
        for axis in part.axes
        if axis.values.attribute.kind is Kind.AGE and axis.values.spread.at is not None
    ]
    return max(known, default=0)


def _kept(
    kept: Sequence[KeptAttribute], local: Sequence[str], exact: set[str]
) -> list[KeptAttribute]:
    return [each for each in kept if each.attribute not in local or each.attribute in exact]


def _changed(found: Recoded) -> list[str]:
    """Return the attributes of which some subject shows less than its value."""
    told = shown(found.part)
    exact = {axis.name for axis in found.part.axes if _shows_all(axis, found.part, told)}
    return [name for name in found.document.attributes if name not in exact]


def _untouched(given: Given, part: Partition, told: Shown) -> set[str]:
    """Return the attributes that the plan shows exactly and that all classes show so, too."""
    levels = given.draft.solution.levels
    return {
        axis.name
        for axis in part.axes
        if not levels[axis.name]
        and axis.name not in given.table.repeated
        and _shows_all(axis, part, told)
    }


def _shows_all(axis: LocalAxis, part: Partition, told: Shown) -> bool:
    """Tell whether every subject who stays shows its own value."""
    if axis.pinned:
        return False
    labels = told.of_records(part.tree.leaf, part.tree.nodes)[axis.name]
    own = np.array(_exact(axis), dtype=object)
    return bool((own == labels)[~part.hidden].all())


def _exact(axis: LocalAxis) -> list[str | None]:
    """Return what each record would show if nothing were coarsened."""
    texts = axis.values.texts
    return [texts[code] for code in axis.values.codes.tolist()]


def _step(name: str, found: Recoded, given: Given, before: State) -> PlanStep:
    """Return what is done to an attribute as a step."""
    axis = next(a for a in found.part.axes if a.name == name)
    setting, hidden = given.draft.setting, found.part.hidden
    hierarchy = setting.hierarchies[name]
    shows = shown(found.part).of_records(found.part.tree.leaf, found.part.tree.nodes)[name][~hidden]
    own = np.array(_exact(axis), dtype=object)[~hidden]
    known = np.array([text is not None for text in own])
    n = max(1, int(known.sum()))
    exact = int(((shows == own) & known).sum()) / n
    gone = int((np.array([x is None for x in shows]) & known).sum()) / n
    what = "bands" if axis.ordered else "sets"
    said = [f"exact for {exact:.0%}"] if exact else []
    said += [f"removed for {gone:.0%}"] if gone else []
    text = f"{name}: {what} that differ between subjects"
    text += f", {' and '.join(said)} of them" if said else ""
    loss = found.document.losses[name]
    after = found.after
    return PlanStep(
        attribute=name,
        from_=hierarchy.level_names[0],
        to="local",
        describe=text,
        risk_before=before.risk_mean or 0.0,
        risk_after=after.risk_mean or 0.0,
        loss=min(1.0, loss),
        level_from=0,
        level_to=len(hierarchy.level_names) - 1,
        classes_before=before.classes,
        classes_after=after.classes,
        justification=f"{text}: costs {loss:.0%} of the attribute's information.",
    )
