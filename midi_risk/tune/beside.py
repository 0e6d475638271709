"""Levels from the data beside those of a ladder: of plans, and the assessor's own bands.

They need not nest in the ladder's. Each stands where it loses more than the level before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from midi_risk.attributes.ages import plain
from midi_risk.attributes.hierarchy import SET_JOINER, Hierarchy
from midi_risk.attributes.model import Attribute, AttributeSet, Kind
from midi_risk.attributes.own_hierarchy import BANDS, level_column, rule_text
from midi_risk.attributes.values import normalise
from midi_risk.config import HierarchyStep
from midi_risk.document.plan import Alternative, Plan
from midi_risk.recode.adaptive.options import level_distances
from midi_risk.recode.proposal import rules_of
from midi_risk.table.model import SubjectTable
from midi_risk.table.release import attribute_hierarchy

CUTS = "cuts:"
"""Beginning of the name of a level that consists of cut points; they follow."""

Rules = Mapping[str, Sequence[HierarchyStep]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """The levels of one attribute: those of its ladder, and rules beside them.

    Parameters
    ----------
    ladder : Hierarchy
        Without the rules.
    merged : Hierarchy
        With them; its levels need not nest.
    rules : mapping of int to HierarchyStep
        By level of the merged hierarchy.
    """

    ladder: Hierarchy
    merged: Hierarchy
    rules: Mapping[int, HierarchyStep] = field(default_factory=dict)

    def settled(self, level: int) -> tuple[int, HierarchyStep | None]:
        """Return a merged level as a plan states it: of the ladder, or 1 of its own rule."""
        if level in self.rules:
            return 1, self.rules[level]
        return self.ladder.level_of(self.merged.level_names[level]), None

    def described(self, level: int, name: str) -> list[str]:
        """Return in words each level of the hierarchy that a plan at a level has."""
        if level not in self.rules:
            ladder = self.ladder
            return [ladder.describe(n, name) for n in range(len(ladder.level_names))]
        ends = (0, level, len(self.merged.level_names) - 1)
        return [self.merged.describe(n, name) for n in ends]

    def place(self, level: int, rule: HierarchyStep | None) -> int:
        """Return the merged level of a level of the ladder, or of a rule."""
        if rule is None:
            return self.merged.level_of(self.ladder.level_names[level])
        return next(n for n, known in self.rules.items() if _same(known, rule))


def _same(one: HierarchyStep, other: HierarchyStep) -> bool:
    return (one.cuts, one.groups) == (other.cuts, other.groups)


def all_rules(plan: Plan | None, own: Rules) -> dict[str, list[HierarchyStep]]:
    """Return the different rules of a plan, of its alternatives and of the assessor."""
    found: dict[str, list[HierarchyStep]] = {name: list(rules) for name, rules in own.items()}
    every: list[Plan | Alternative] = [] if plan is None or not plan.found else [plan]
    every += [] if plan is None else plan.alternatives
    for each in every:
        for name, rule in rules_of(each).items():
            known = found.setdefault(name, [])
            if not any(_same(rule, other) for other in known):
                known.append(rule)
    return found


def beside(
    table: SubjectTable,
    attribute: Attribute,
    given: Mapping[str, Hierarchy],
    rules: Sequence[HierarchyStep],
) -> Beside:
    """Return the levels of an attribute with rules beside those of its ladder.

    Parameters
    ----------
    table : SubjectTable
    attribute : Attribute
    given : mapping of str to Hierarchy
        Hierarchies of the user's own.
    rules : sequence of HierarchyStep
    """
    ladder = attribute_hierarchy(table, attribute, given)
    if not rules:
        return Beside(ladder=ladder, merged=ladder)
    values = [str(value) for value in ladder.frame.iloc[:, 0]]
    number = normalise(attribute.kind, values, zero_is_missing=False).number
    texts = table.frame[attribute.name].to_numpy(dtype=object)
    counted = pd.Series(texts[pd.notna(texts)], dtype=object).value_counts().to_dict()
    counts = [int(counted.get(value, 0)) for value in values]
    sets = attribute.kind is Kind.CATEGORY and any(SET_JOINER in value for value in values)
    last = len(ladder.level_names) - 1
    columns = [ladder.frame.iloc[:, n].to_numpy(dtype=object) for n in range(last + 1)]
    names = list(ladder.level_names)
    said = [ladder.describe(n, "").removeprefix(": ") for n in range(last + 1)]
    of: list[HierarchyStep | None] = [None] * (last + 1)
    for rule in rules:
        labels = level_column(rule, attribute.kind, values, number, counts, sets=sets)
        columns.insert(-1, np.array(labels, dtype=object))
        names.insert(-1, level_name(rule, len(names)))
        said.insert(-1, rule_text(rule, attribute.kind))
        of.insert(-1, rule)
    whole = _hierarchy(ladder.name, names, columns, said)
    losses = level_distances(attribute, texts, whole)
    inner = sorted(range(1, len(names) - 1), key=lambda n: (round(float(losses[n]), 9), n))
    order = _in_order([0, *inner, len(names) - 1], of)
    merged = _hierarchy(
        ladder.name,
        [names[n] for n in order],
        [columns[n] for n in order],
        [said[n] for n in order],
    )
    placed = {place: own for place, n in enumerate(order) if (own := of[n]) is not None}
    return Beside(ladder=ladder, merged=merged, rules=placed)


def _in_order(order: list[int], of: Sequence[HierarchyStep | None]) -> list[int]:
    """Return an order in which the ladder's levels stay as they were, whatever they lose."""
    ladder = iter(sorted(n for n in order if of[n] is None))
    return [next(ladder) if of[n] is None else n for n in order]


def _hierarchy(
    name: str, names: Sequence[str], columns: Sequence[np.ndarray], said: Sequence[str]
) -> Hierarchy:
    frame = pd.DataFrame(dict(enumerate(columns)), dtype=object)
    frame.columns = pd.Index(names)
    return Hierarchy(name=name, level_names=tuple(names), frame=frame, texts=tuple(said))


def level_name(rule: HierarchyStep, number: int) -> str:
    """Return the name of the level that a rule makes.

    Examples
    --------
    >>> level_name(HierarchyStep(cuts=(45, 60)), 3)
    'cuts:45,60'
    """
    if rule.cuts is None:
        return f"groups-{number}"
    return CUTS + ",".join(plain(cut) for cut in rule.cuts)


def cuts_named(level: str) -> HierarchyStep | None:
    """Return the rule whose level has a name such as ``cuts:45,60``; None of another name.

    Examples
    --------
    >>> cuts_named("cuts:45,60").cuts, cuts_named("5y")
    ((45.0, 60.0), None)
    """
    if not level.startswith(CUTS):
        return None
    return HierarchyStep(cuts=tuple(float(p) for p in level[len(CUTS) :].split(",")), name=BANDS)


def by_name(attributes: AttributeSet, found: Mapping[str, Beside]) -> AttributeSet:
    """Return attributes whose decided levels are named, since rules beside them shift numbers."""
    for name, levels in found.items():
        decided = attributes[name].generalise_to
        if decided is not None and levels.rules:
            named = levels.ladder.level_names[levels.ladder.level_of(decided)]
            attributes = attributes.revised(name, generalise_to=named)
    return attributes


def all_beside(
    table: SubjectTable,
    names: Sequence[str],
    given: Mapping[str, Hierarchy],
    rules: Rules,
) -> tuple[SubjectTable, dict[str, Beside]]:
    """Return the levels of attributes that have rules beside their ladder, and their table.

    Parameters
    ----------
    table : SubjectTable
    names : sequence of str
        Attributes that may have some.
    given : mapping of str to Hierarchy
    rules : mapping of str to sequence of HierarchyStep
    """
    found = {
        name: beside(table, table.attributes[name], given, rules[name])
        for name in names
        if rules.get(name) and name in table.frame.columns
    }
    return replace(table, attributes=by_name(table.attributes, found)), found


def settled(plan: Plan, found: Mapping[str, Beside]) -> Plan:
    """Return a plan at merged levels as `plan.json` states it.

    Parameters
    ----------
    plan : Plan
        Its levels are those of merged hierarchies.
    found : mapping of str to Beside
    """
    levels, cuts, groups = dict(plan.levels), dict(plan.cut_points), dict(plan.groups)
    said = dict(plan.hierarchies)
    for name, levels_there in found.items():
        if name not in plan.levels:
            continue
        said[name] = levels_there.described(plan.levels[name], name)
        levels[name], rule = levels_there.settled(plan.levels[name])
        if rule is not None and rule.cuts is not None:
            cuts[name] = list(rule.cuts)
        elif rule is not None and rule.groups is not None:
            groups[name] = {label: list(of) for label, of in rule.groups.items()}
    steps = [
        step.model_copy(update={"level_to": levels[step.attribute]})
        if step.attribute in found
        else step
        for step in plan.steps
    ]
    stated = {"levels": levels, "cut_points": cuts, "groups": groups, "hierarchies": said}
    return plan.model_copy(update={**stated, "steps": steps})


def levels_of(plan: Plan | Alternative, found: Mapping[str, Beside]) -> dict[str, int]:
    """Return the levels of a plan, of merged hierarchies where there are rules beside."""
    rules = rules_of(plan)
    return {
        name: found[name].place(level, rules.get(name)) if name in found else level
        for name, level in plan.levels.items()
    }
