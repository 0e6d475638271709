"""Plans with levels that follow the data: one search, several limits, one plan for each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from midi_risk.attributes.hierarchy import Hierarchy
from midi_risk.attributes.model import Decision, Kind
from midi_risk.attributes.own_hierarchy import BANDS, MERGED
from midi_risk.config import HierarchyStep
from midi_risk.document.plan import AgeWidth, Alternative, Finer, Plan, risk_figure
from midi_risk.recode.adaptive.distance import variance_between
from midi_risk.recode.adaptive.explained import age_widths, finer_levels
from midi_risk.recode.adaptive.explore import Axis, Counter, Found, Node, Option, explore
from midi_risk.recode.adaptive.facts import Fact, axis_of, derived, facts, shown_of
from midi_risk.recode.adaptive.moves import moved, regained, tidied
from midi_risk.recode.adaptive.options import Values, single_options, values_of
from midi_risk.recode.adaptive.unknown import Unknowns
from midi_risk.recode.criteria import (
    CustomCriterion,
    KAnonymity,
    Requirement,
    failing_classes,
    matched,
    population_criteria,
)
from midi_risk.recode.lattice.tables import base_table
from midi_risk.recode.lattice.view import ClassView, sensitive_column, tag_space
from midi_risk.recode.search.judge import Solution
from midi_risk.recode.search.problem import hidden_limit
from midi_risk.recode.sensitive_criteria import disclosure_criteria
from midi_risk.recode.steps import (
    Setting,
    lattice_setting,
    level_ranges,
    plan_loss,
    release_state,
)
from midi_risk.risk.classes.keys import pack
from midi_risk.table.model import SubjectTable
from midi_risk.table.release import planned
from midi_risk.threat.model import ThreatModel

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

WORK_PER_SECOND = 20_000_000
"""Records times facts that one second of a present processor counts."""

FREE = 1e-3
"""Weight of what follows from other attributes."""

AGE_KEPT = 0.8
"""Share of the variance of age (R2) from which a plan keeps it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A plan in the making.

    Parameters
    ----------
    table : SubjectTable
        With levels from the data as hierarchies of its attributes.
    setting : Setting
        Of that table.
    solution : Solution
    losses : dict of str to float
        Loss of each fact, by its first attribute.
    facts : tuple of tuple of str
        Attributes that state one fact, where there are several.
    title : str
        What the plan is for.
    age_r2 : float, optional
        Share of the variance of age that its bands keep, whoever is left out.
    finer : tuple of Finer
        What the next finer level of each fact would do.
    age_costs : tuple of AgeWidth
        What bands of age of some widths would cost.
    """

    table: SubjectTable
    setting: Setting
    solution: Solution
    losses: dict[str, float] = field(default_factory=dict)
    facts: tuple[tuple[str, ...], ...] = ()
    title: str = ""
    age_r2: float | None = None
    finer: tuple[Finer, ...] = ()
    age_costs: tuple[AgeWidth, ...] = ()


class Proposer:
    """The facts of a table with their options.

    Parameters
    ----------
    table : SubjectTable
        As folded.
    view : SubjectTable
        As the decisions leave it; sensitive values are taken from it.
    setting : Setting
        Of its fixed levels.
    given : mapping of str to Hierarchy
        The user's own, by attribute.
    ceilings : mapping of str to int
        Coarsest level allowed, by attribute.
    k : int
        Smallest class that is asked for; 1 where the demand is of another kind.
    band : int
        Subjects that define a cut point at least, whatever is asked of classes.
    levels_from_data : bool
        Whether levels are made from the data, and facts that columns share are joined.
    """

    def __init__(
        self,
        table: SubjectTable,
        view: SubjectTable,
        setting: Setting,
        given: Mapping[str, Hierarchy],
        ceilings: Mapping[str, int],
        k: int,
        *,
        band: int = 2,
        levels_from_data: bool = True,
    ) -> None:
        self.table, self.view, self.setting, self.given = table, view, setting, given
        self.k = max(1, k)
        self.band = max(2, self.k, band)
        ranges = level_ranges(setting)
        self.values: list[Values] = []
        for attribute in setting.attributes:
            name = attribute.name
            low, high = ranges[name]
            own = name in given or attribute.hierarchy_steps is not None
            self.values.append(
                values_of(
                    attribute,
                    table.frame[name].to_numpy(dtype=object),
                    setting.hierarchies[name],
                    low,
                    max(low, min(high, ceilings.get(name, high))),
                    adaptive=levels_from_data and not own,
                )
            )
        each = [f for value in self.values for f in facts([value])]
        self.facts = each
        if levels_from_data:
            self.facts = [part for fact in facts(self.values) for part in self._parts(fact)]
        self.options = {v.name: single_options(v, self.band) for v in self.values}
        self.free = derived(self.values) if levels_from_data else ()
        self._axes: dict[tuple[str, ...], Axis] = {}
        self._tall = next((v.name for v in self.values if v.attribute.ladder == "height"), "")

    @property
    def matched(self) -> bool:
        """Whether unknown values occur and may be any value."""
        some = any(None in value.texts for value in self.values)
        return some and self.setting.missing != "category"

    def _parts(self, fact: Fact) -> list[Fact]:
        """Return a fact, or its attributes one by one where joining them would miscount.

        Where an unknown value may be any value, attributes that are known of different records
        match differently, whichever is shown.
        """
        blank = [np.array([t is None for t in m.texts])[m.codes] for m in fact.members]
        if self.matched and any((one != blank[0]).any() for one in blank):
            return [part for member in fact.members for part in facts([member])]
        return [fact]

    def axes(self, *, age_weight: float | None = None, age_kept: float = 0.0) -> list[Axis]:
        """Return the axes of the search.

        Parameters
        ----------
        age_weight : float, optional
            Weight of age in place of the preferred one.
        age_kept : float
            Share of the variance of age that each option has to keep.
        """
        weights = []
        for fact in self.facts:
            weight = fact.weight
            if _of_age(fact) and age_weight is not None:
                weight = age_weight * max(float(m.attribute.utility) for m in fact.members)
            weights.append(FREE * weight if set(fact.names) <= set(self.free) else weight)
        total = sum(weights) or 1.0
        found = []
        for fact, weight in zip(self.facts, weights, strict=True):
            if fact.names not in self._axes:
                self._axes[fact.names] = axis_of(fact, [self.options[n] for n in fact.names], 1.0)
            whole = self._axes[fact.names]
            axis = Axis(whole.codes, whole.options, weight / total)
            if _of_age(fact) and age_kept:
                some = tuple(o for o in axis.options if variance_kept(fact, axis, o) >= age_kept)
                axis = Axis(axis.codes, some or axis.options[:1], axis.weight)
            found.append(axis)
        return found

    def counter(self, demand: Requirement) -> Counter:
        """Return what counts the records that a node hides under a demand."""
        if not demand.criteria and not self.matched:
            return Counter(demand.k)
        names = list(dict.fromkeys(c.sensitive for c in demand.criteria if c.sensitive))
        frame = self.view.frame
        tags = tag_space([sensitive_column(frame, n) for n in names], self.table.n_subjects, 0)
        sizes = KAnonymity(demand.k)
        every: tuple[CustomCriterion, ...] = (sizes, *demand.criteria)
        unknowns = None
        if self.matched:
            unknowns = Unknowns(self.facts, self.axes(), self.setting.missing)
            every = matched(every, self.setting.missing)
        robust = [c for c in every if c.robust]
        rest = [c for c in every if unknowns is not None or not c.robust]

        def judge(columns: Sequence[Ints], options: Sequence[Option]) -> tuple[int, Bools]:
            widths = [o.groups for o in options]
            table = base_table(columns, widths, tags.tag, tags.size)
            view = ClassView(table, tags)
            if unknowns is not None:
                view.matching = unknowns.matching(options, view.sizes, view.field, counter.spend)
            failing_classes(view, robust)
            must = int(view.sizes[view.failed].sum())
            failing_classes(view, rest)
            failed = np.flatnonzero(view.failed)
            if not len(failed):
                return must, np.zeros(len(columns[0]), dtype=bool)
            codes = [
                np.concatenate((column, view.field(axis, failed)))
                for axis, column in enumerate(columns)
            ]
            n = len(columns[0])
            key, _ = pack(codes, list(widths), n + len(failed))
            return must, np.isin(key[:n], key[n:])

        counter = Counter(demand.k, judge, matched=self.matched)
        return counter

    def search(
        self,
        demand: Requirement,
        limits: Sequence[int],
        budget_seconds: float | None,
        *,
        age_weight: float | None = None,
        age_kept: float = 0.0,
    ) -> dict[int, Draft]:
        """Return the best plan for each limit on the subjects left out, where there is one."""
        axes = self.axes(age_weight=age_weight, age_kept=age_kept)
        counter = self.counter(demand)
        work = int((60.0 if budget_seconds is None else budget_seconds) * WORK_PER_SECOND)
        found = explore(axes, counter, limits, work)
        ordered = [self._movable(fact) for fact in self.facts]
        drafts: dict[int, Draft] = {}
        told: dict[int, Draft] = {}
        for limit in sorted(found.best):
            node = found.best[limit]
            before = told.get(id(node))
            if before is not None:
                drafts[limit] = before
                continue
            shown = self.band
            better = moved(axes, node, ordered, counter, limit, shown, work // 4)
            if age_kept and any(
                _of_age(f) and variance_kept(f, a, o) < age_kept
                for f, a, o in zip(self.facts, axes, better.options, strict=True)
            ):
                better = node
            better = regained(axes, tidied(axes, better, ordered, counter, limit, shown), counter)
            draft = replace(
                self._draft(axes, better, found, limit),
                finer=finer_levels(self.facts, axes, better, counter, limit),
                age_costs=age_widths(self.facts, axes, better, counter, self.band),
            )
            drafts[limit] = told[id(node)] = draft
        return drafts

    def _movable(self, fact: Fact) -> Values | None:
        """Return the attribute of a fact whose cut points may move."""
        first = fact.members[0]
        return first if len(fact.members) == 1 and first.unit else None

    def _draft(
        self, axes: Sequence[Axis], node: Node, found: Found, limit: int
    ) -> Draft:  # fmt: skip
        levels: dict[str, int] = {}
        rules: dict[str, HierarchyStep] = {}
        for fact, option in zip(self.facts, node.options, strict=True):
            for member, shown in zip(fact.members, shown_of(option), strict=True):
                if shown.rule is None:
                    levels[member.name] = int(shown.level or 0)
                else:
                    levels[member.name] = 1
                    rules[member.name] = shown.rule
        joined = tuple(f.names for f in self.facts if len(f.names) > 1)
        joined += tuple((self._tall, name) for name in self.free if self._tall)
        free = frozenset(n for names in joined for n in names[1:])
        table = with_rules(self.table, rules, free)
        attributes = tuple(table.attributes[a.name] for a in self.setting.attributes)
        before = self.setting
        unchanged = {a.name: before.hierarchies[a.name] for a in attributes if a.name not in rules}
        setting = lattice_setting(
            table, attributes, {**self.given, **unchanged}, before.keep, missing=before.missing,
            like=before,
        )  # fmt: skip
        columns = [o.group[a.codes] for a, o in zip(axes, node.options, strict=True)]
        cells = self._shown_sizes(columns, node)
        bound = found.bound.get(limit, 0.0)
        score = node.score
        return Draft(
            table=table,
            setting=setting,
            solution=Solution(
                found=True,
                levels={a.name: levels[a.name] for a in self.setting.attributes},
                score=score,
                components=tuple(o.loss for o in node.options),
                suppressed=node.left_out,
                classes=len(cells),
                smallest=int(cells.min()) if len(cells) else 0,
                optimal=found.proved and score <= bound + 1e-9,
                checked=found.counted,
                nodes=found.nodes,
                bound=min(bound, score),
                gap=max(0.0, (score - bound) / score) if score > 0 else 0.0,
                suppressed_rows=node.hidden,
                utility="distance",
            ),
            losses={
                f.names[0]: float(o.loss) for f, o in zip(self.facts, node.options, strict=True)
            },
            facts=joined,
            age_r2=next(
                (variance_kept(f, a, o) for f, a, o in zip(self.facts, axes, node.options,
                                                           strict=True) if _of_age(f)),
                None,
            ),
        )  # fmt: skip

    def _shown_sizes(self, columns: Sequence[Ints], node: Node) -> npt.NDArray[np.float64]:
        """Return the size of each class that a node shows."""
        shown = [column[~node.hidden] for column in columns]
        cells, size = np.unique(np.column_stack(shown), axis=0, return_counts=True)
        if not self.matched or not len(cells):
            return size.astype(np.float64)
        unknowns = Unknowns(self.facts, self.axes(), self.setting.missing)
        found = unknowns.matching(node.options, size, lambda a, c: cells[c, a], lambda _: None)
        return found.sizes(np.ones(len(cells), dtype=bool))

    def age_at_best(self) -> float:
        """Return the largest share of the variance of age that an option keeps, 0 without age."""
        best = [
            variance_kept(f, a, o)
            for f, a in zip(self.facts, self.axes(), strict=True)
            if _of_age(f)
            for o in a.options
        ]
        return max(best, default=0.0)

    def weights(self) -> dict[str, float]:
        """Return the share of each fact in the score, by its first attribute."""
        return {f.names[0]: a.weight for f, a in zip(self.facts, self.axes(), strict=True)}

    def none(self) -> Solution:
        """Return the outcome of a search that found nothing."""
        return Solution(
            found=False,
            levels={a.name: int(v.highest) for a, v in zip(self.setting.attributes, self.values,
                                                           strict=True)},
            score=1.0,
            suppressed=0,
            classes=0,
            smallest=0,
            optimal=False,
            checked=0,
            nodes=0,
            bound=0.0,
            gap=0.0,
            suppressed_rows=np.zeros(self.table.n_subjects, dtype=bool),
            utility="distance",
        )  # fmt: skip


def _of_age(fact: Fact) -> bool:
    return any(member.attribute.kind is Kind.AGE for member in fact.members)


def variance_kept(fact: Fact, axis: Axis, option: Option) -> float:
    """Return the share of the variance of an age that an option of its fact keeps.

    Parameters
    ----------
    fact : Fact
        An age is among its members.
    axis : Axis
        Of the fact.
    option : Option
        Of the axis.
    """
    member = next(m for m in fact.members if m.attribute.kind is Kind.AGE)
    if member.spread.at is None:
        return 0.0
    place = member.spread.at[member.codes]
    known = np.isfinite(place)
    return variance_between(place[known], option.group[axis.codes][known])


def with_rules(
    table: SubjectTable,
    rules: Mapping[str, HierarchyStep],
    free: frozenset[str] | set[str] = frozenset(),
) -> SubjectTable:
    """Return a table whose attributes have levels from the data as hierarchies of their own.

    Parameters
    ----------
    table : SubjectTable
    rules : mapping of str to HierarchyStep
        Rule of level 1, by attribute.
    free : set of str
        Attributes that state what others do, which cost nothing.
    """
    attributes = table.attributes
    for name, rule in rules.items():
        changes: dict[str, object] = {"hierarchy_steps": (rule,)}
        if attributes[name].decision is Decision.GENERALISE:
            changes["generalise_to"] = 1
        attributes = attributes.revised(name, **changes)
    for name in free:
        attributes = attributes.revised(name, utility=0.0)
    return table if attributes is table.attributes else replace(table, attributes=attributes)


def with_levels_of(table: SubjectTable, plan: Plan) -> SubjectTable:
    """Return a table whose attributes have the levels that a plan made from the data.

    Parameters
    ----------
    table : SubjectTable
    plan : Plan
    """
    return with_rules(
        table, rules_of(plan), {n for names in plan.facts for n in names[1:]} & set(
            table.attributes.names
        )
    )  # fmt: skip


def rules_of(plan: Plan | Alternative) -> dict[str, HierarchyStep]:
    """Return the rules by which a plan shows attributes, by name."""
    cuts = {n: HierarchyStep(cuts=tuple(c), name=BANDS) for n, c in plan.cut_points.items()}
    groups = {
        n: HierarchyStep(groups={label: tuple(of) for label, of in g.items()}, name=MERGED)
        for n, g in plan.groups.items()
    }
    return {**cuts, **groups}


def accepted(
    table: SubjectTable, setting: Setting, solution: Solution, models: Sequence[ThreatModel]
) -> bool:
    """Tell whether every adversary is within the threshold on what would be released.

    Hidden subjects change the fit of a population model, so the search alone does not prove it.
    """
    left = planned(table, solution.levels, setting.hierarchies, solution.suppressed_rows)
    return release_state(left, models, 1).passed


class Drafts:
    """The recommended plan and those beside it.

    Parameters
    ----------
    table, view, setting, given, levels_from_data
        As in `Proposer`.
    models : sequence of ThreatModel
    """

    def __init__(
        self,
        table: SubjectTable,
        view: SubjectTable,
        setting: Setting,
        given: Mapping[str, Hierarchy],
        models: Sequence[ThreatModel],
        *,
        levels_from_data: bool = True,
    ) -> None:
        self._parts = (table, view, setting, given)
        self._ceilings = ceilings_of(setting)
        self._models = models
        self._from_data = levels_from_data

    def _proposer(self, k: int) -> Proposer:
        band = max(model.threshold.k for model in self._models)
        return Proposer(
            *self._parts, self._ceilings, k, band=band, levels_from_data=self._from_data
        )

    def all(
        self, demand: Requirement, max_suppression: float, budget_seconds: float | None
    ) -> tuple[Draft, list[Draft], list[str], Requirement]:
        """Return the recommended plan, the alternatives, notes, and what was asked for."""
        table, view, setting, _ = self._parts
        private = disclosure_criteria(self._models, view)
        demand = replace(demand, criteria=(*demand.criteria, *private))
        n = table.n_subjects
        most = hidden_limit(max_suppression, n)
        limits = sorted({0, most, *(hidden_limit(s, n) for s in SHARES if s > max_suppression)})
        proposer, found, notes = self._searched(demand, limits, most, budget_seconds)
        relaxed = population_criteria(self._models, n)
        if relaxed is not None:
            open_ = replace(demand, k=1, criteria=(*relaxed, *private))
            milder = self._milder(open_, found.get(most), most, budget_seconds)
            if milder is not None:
                solution = replace(
                    milder.solution, optimal=milder.solution.optimal and not max_suppression
                )
                found, demand = {most: replace(milder, solution=solution)}, open_
        told = {limit: titled(d, n, limit) for limit, d in found.items()}
        if most not in found:
            empty = Draft(table=table, setting=setting, solution=proposer.none(), losses={})
            others = [d for limit, d in told.items() if limit > most and shows_something(d)]
            return empty, others[:1], notes, demand
        chosen = recommended(told, most)
        if 0 not in found and demand.k > 1:
            notes.append("Nobody left out: no plan is possible.")
        more, said = self._about_age(proposer, told[chosen], demand, most, budget_seconds)
        weights = proposer.weights()
        plans = [told[chosen]]
        for draft in [d for limit, d in told.items() if limit != chosen] + more:
            if shows_something(draft) and all(differs(draft, one, weights, n) for one in plans):
                plans.append(draft)
        # What the project allows stands beside each level, whichever limit the plan is of.
        allowed = tuple(each.model_copy(update={"allowed": most}) for each in plans[0].finer)
        return replace(plans[0], finer=allowed), plans[1:], notes + said, demand

    def _searched(
        self,
        demand: Requirement,
        limits: Sequence[int],
        most: int,
        budget_seconds: float | None,
    ) -> tuple[Proposer, dict[int, Draft], list[str]]:
        """Return the best plans, under the levels that stated needs name where they can be met."""
        needed = needed_levels(self._parts[2], self._ceilings) if demand.k > 1 else {}
        if needed:
            plain = self._ceilings
            self._ceilings = {**plain, **needed}
            proposer = self._proposer(demand.k)
            found = proposer.search(demand, limits, budget_seconds)
            if most in found:
                return proposer, found, []
            self._ceilings = plain
        proposer = self._proposer(demand.k)
        names = ", ".join(sorted(needed))
        notes = [f"The level that the stated need names cannot be met: {names}."] if needed else []
        return proposer, proposer.search(demand, limits, budget_seconds), notes

    def _milder(
        self, demand: Requirement, found: Draft | None, most: int, budget_seconds: float | None
    ) -> Draft | None:
        """Return a plan for a demand on the population, where it loses less and is accepted."""
        draft = self._proposer(demand.k).search(demand, [most], budget_seconds).get(most)
        if draft is None or (found is not None and draft.solution.score >= found.solution.score):
            return None
        stands = accepted(draft.table, draft.setting, draft.solution, self._models)
        return draft if stands else None

    def _about_age(
        self,
        proposer: Proposer,
        first: Draft,
        demand: Requirement,
        most: int,
        budget_seconds: float | None,
    ) -> tuple[list[Draft], list[str]]:
        """Return the plan that keeps age, or the one in which it counts no more than others."""
        age = next((f.names[0] for f in proposer.facts if _of_age(f)), "")
        if not age or len(proposer.facts) < 2 or demand.k <= 1:
            return [], []
        seconds = None if budget_seconds is None else budget_seconds / 2
        if (first.age_r2 or 0.0) < AGE_KEPT:
            if not proposer.age_at_best() >= AGE_KEPT:
                return [], []
            kept = proposer.search(demand, [most], seconds, age_kept=AGE_KEPT).get(most)
            if kept is None or (kept.age_r2 or 0.0) < AGE_KEPT:
                said = (
                    f"Age ({age}) is coarse because no plan within the limits keeps more of it:"
                    " too many other attributes are known of each subject, or too few have an age."
                )
                return [], [said]
            return [replace(kept, title="age kept")], []
        other = proposer.search(demand, [most], seconds, age_weight=1.0).get(most)
        if other is None or other.losses[age] - first.losses[age] < NOTICEABLE:
            return [], []
        return [replace(other, title="age counts no more than any other attribute")], []


def recommended(told: Mapping[int, Draft], most: int) -> int:
    """Return the limit whose plan is recommended: the lowest that costs next to nothing.

    Parameters
    ----------
    told : mapping of int to Draft
        Plan by the number of subjects that may be left out.
    most : int
        What the project allows; has a plan.

    Notes
    -----
    A plan with fewer left out must show what that of ``most`` shows, unless it loses noticeably
    less: then there is nothing to be said for the other one.
    """
    first = told[most]
    score, shown = first.solution.score, not_removed(first)

    def as_good(draft: Draft) -> bool:
        if draft.solution.score < score - WORTH_LEAVING_OUT:
            return True
        return draft.solution.score <= score + WORTH_LEAVING_OUT and shown <= not_removed(draft)

    return next(limit for limit in sorted(told) if as_good(told[limit]))


def titled(draft: Draft, n: int, limit: int) -> Draft:
    """Return a plan under the name of its limit on the subjects left out."""
    share = f"at most {limit / n:.0%} left out" if limit else "nobody left out"
    return replace(draft, title=share)


def ceilings_of(setting: Setting) -> dict[str, int]:
    """Return the coarsest level that the project allows, by attribute."""
    return {
        a.name: setting.hierarchies[a.name].level_of(a.ceiling)
        for a in setting.attributes
        if a.ceiling is not None
    }


_NEEDED = re.compile(r"\b(\d{1,2})[- ]?(?:y\b|years?\b)", re.IGNORECASE)
_PERIODS = re.compile(r"\b(week|month|quarter|year)s?\b", re.IGNORECASE)


def needed_levels(setting: Setting, stated: Mapping[str, int]) -> dict[str, int]:
    """Return the level that the stated need of an attribute names: its proposed ceiling.

    Parameters
    ----------
    setting : Setting
    stated : mapping of str to int
        Ceilings that the project states; they win.
    """
    found = {}
    for a in setting.attributes:
        names = setting.hierarchies[a.name].level_names
        if a.name in stated or a.name in setting.keep or not a.need:
            continue
        said = [f"{m.group(1)}y" for m in _NEEDED.finditer(a.need)]
        said += [m.group(1).lower() for m in _PERIODS.finditer(a.need) if not said]
        level = next((names.index(word) for word in said if word in names), None)
        if level is not None:
            found[a.name] = level
    return found


SHARES = (0.02, 0.05)
"""Shares of subjects left out for which plans are set beside the recommended one."""

WORTH_LEAVING_OUT = 0.01
"""What leaving subjects out has to save, in units of the score, to be recommended."""

NOTICEABLE = 0.1
"""Weighted difference of losses from which two plans differ noticeably."""


def not_removed(draft: Draft) -> set[str]:
    """Return the attributes that a plan does not remove."""
    setting = draft.setting
    lasts = {
        n: len(c) - 1 for n, c in zip(setting.columns.names, setting.columns.codes, strict=True)
    }
    return {name for name, level in draft.solution.levels.items() if level < lasts[name]}


def shows_something(draft: Draft) -> bool:
    """Tell whether a plan leaves any attribute that tells what it told.

    Two of its values differ, or it had one value from the start: that everybody is a woman who was
    seen by CT is worth as much after the plan as before.
    """
    setting = draft.setting
    second = {name for names in draft.facts for name in names[1:]}
    for name, codes, start in zip(
        setting.columns.names, setting.columns.codes, setting.start, strict=True
    ):
        level = draft.solution.levels[name]
        if (
            name not in second
            and level < len(codes) - 1
            and (start > 0 or len(np.unique(codes[level])) > 1 or len(np.unique(codes[0])) == 1)
        ):
            return True
    return False


def differs(one: Draft, other: Draft, weights: Mapping[str, float], n: int) -> bool:
    """Tell whether two plans differ by 1 % of the subjects or by a noticeable loss."""
    apart = abs(one.solution.suppressed - other.solution.suppressed)
    lost = sum(w * abs(one.losses[f] - other.losses[f]) for f, w in weights.items())
    return (apart >= 0.01 * n and apart > 0) or lost >= NOTICEABLE


def age_kept(draft: Draft, target: Sequence[int], hidden: Bools) -> tuple[float | None, int]:
    """Return the share of the variance of age that a plan keeps, and of how many subjects.

    Parameters
    ----------
    draft : Draft
    target : sequence of int
        Level of each attribute.
    hidden : ndarray of bool, shape (N,)
        Subjects left out.

    Returns
    -------
    (float or None, int)
        R2 of age by its released group, the largest where there are several ages; None
        without any age.
    """
    best: tuple[float | None, int] = (None, 0)
    for number, attribute in enumerate(draft.setting.attributes):
        if attribute.kind is not Kind.AGE:
            continue
        hierarchy = draft.setting.hierarchies[attribute.name]
        column = draft.table.frame[attribute.name].to_numpy(dtype=object)
        values = values_of(
            attribute, column, hierarchy, 0, len(hierarchy.level_names) - 1, adaptive=False
        )
        at = values.spread.at
        if at is None:
            continue
        place = at[values.codes]
        use = np.isfinite(place) & ~hidden
        if use.sum() < 2:
            continue
        group = values.at_level(target[number])[values.codes][use]
        r2 = variance_between(place[use], group)
        if best[0] is None or r2 > best[0]:
            best = (round(r2, 4), int(use.sum()))
    return best


def from_data(draft: Draft) -> dict[str, Any]:
    """Return the cut points and groups of a plan's levels that were made from the data."""
    cuts: dict[str, list[float]] = {}
    groups: dict[str, dict[str, list[str]]] = {}
    for attribute in draft.setting.attributes:
        rules = attribute.hierarchy_steps or ()
        if len(rules) != 1 or draft.solution.levels[attribute.name] != 1:
            continue
        (rule,) = rules
        if rule.name == BANDS and rule.cuts is not None:
            cuts[attribute.name] = list(rule.cuts)
        elif rule.name == MERGED and rule.groups is not None:
            groups[attribute.name] = {label: list(of) for label, of in rule.groups.items()}
    return {"cut_points": cuts, "groups": groups}


def alternatives(others: Sequence[tuple[int, Draft]]) -> list[Alternative]:
    """Return plans in one sentence each, under their numbers."""
    return [alternative(number, draft) for number, draft in others]


def alternative(number: int, draft: Draft) -> Alternative:
    """Return a plan in one sentence with its figures."""
    setting, solution = draft.setting, draft.solution
    n = draft.table.n_subjects
    target = [solution.levels[a.name] for a in setting.attributes]
    r2, of = age_kept(draft, target, solution.suppressed_rows)
    loss = plan_loss(setting, target, solution.suppressed, n)
    risk = 1 / solution.smallest if solution.smallest else None
    return Alternative(
        number=number,
        title=draft.title,
        sentence=sentence_of(draft, loss, risk, r2, of),
        changes=changes_of(draft),
        levels=dict(solution.levels),
        **from_data(draft),
        left_out=solution.suppressed,
        share_left_out=solution.suppressed / n if n else 0.0,
        risk_max=risk,
        loss=loss,
        age_r2=r2,
    )


def sentence_of(draft: Draft, loss: float, risk: float | None, r2: float | None, of: int) -> str:
    """Return a plan in one sentence."""
    solution = draft.solution
    figures = [f"{solution.suppressed} of {draft.table.n_subjects} subjects left out"]
    figures += [f"highest risk {risk_figure(risk)}"] if risk is not None else []
    figures.append(f"information lost {loss:.1%}")
    figures += [f"age R\u00b2 {r2:.2f} ({of} subjects)"] if r2 is not None else []
    return f"{changes_of(draft)}: {', '.join(figures)}."


def changes_of(draft: Draft) -> str:
    """Return what a plan does to each attribute."""
    setting, solution = draft.setting, draft.solution
    second = {name for names in draft.facts for name in names[1:]}
    told, kept = [], []
    for attribute in setting.attributes:
        name, level = attribute.name, solution.levels[attribute.name]
        if name in second:
            continue
        if level == 0:
            kept.append(name)
        else:
            told.append(setting.hierarchies[name].describe(level, name))
    if kept:
        told.append(f"{', '.join(kept)} exact")
    return "; ".join(told)
