"""What becomes of each attribute: the project's decisions, and the plan where it goes beyond."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from midi_risk.attributes.hierarchies import Hierarchy
from midi_risk.attributes.ladders import COUNT
from midi_risk.attributes.model import Attribute, Decision, Kind, Role
from midi_risk.attributes.own_hierarchy import hierarchy_for
from midi_risk.attributes.values import normalise_for
from midi_risk.export.labels import Labeller, labeller
from midi_risk.export.plan_check import check_plan
from midi_risk.recode.planned import planned
from midi_risk.risk.plan_document import Plan
from midi_risk.sources.model import Extraction
from midi_risk.table.columns import raw_codes
from midi_risk.table.model import SubjectTable
from midi_risk.table.release import attribute_hierarchy, without_cells

DICOM = "dicom"
"""Name of the source table that DICOM files make."""

RANGE = ".range"
"""End of the name of the attribute that says how much a measurement varies."""


class Action(StrEnum):
    """What becomes of an attribute."""

    KEEP = "keep"
    GENERALISE = "generalise"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What becomes of one attribute.

    Parameters
    ----------
    attribute : Attribute
    action : Action
    level : int
        Level of the hierarchy; 0 for what is kept.
    level_name : str
        Its name.
    ladder : str
        Name of the hierarchy, empty where none is needed.
    describe : str
        The rule in plain English.
    labels : Labeller or None
        Raw value -> label, for a generalised attribute.
    one_value : bool
        Whether every record of a subject shows the one value of the subject table.
    note : str
        Why the rule is not what the plan says, where it is not.
    """

    attribute: Attribute
    action: Action
    level: int = 0
    level_name: str = "exact"
    ladder: str = ""
    describe: str = ""
    labels: Labeller | None = None
    one_value: bool = False
    note: str = ""

    @property
    def name(self) -> str:
        """Name of the attribute."""
        return self.attribute.name

    @property
    def changes(self) -> bool:
        """Whether a value may be written differently."""
        return self.action is not Action.KEEP or self.one_value


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRules:
    """Everything that decides what is written.

    Parameters
    ----------
    rules : tuple of Rule
        One per attribute, in the order of the subject table.
    table : SubjectTable
        As folded, before any decision.
    expected : SubjectTable
        As the plan would release it; suppressed subjects are gone.
    suppressed : frozenset of str
        Subjects that are left out.
    emptied : mapping of str to frozenset of str
        Attribute -> subjects that stay and lose this value.
    """

    rules: tuple[Rule, ...]
    table: SubjectTable
    expected: SubjectTable
    suppressed: frozenset[str]
    emptied: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def loses(self, rule: Rule, subject: str | None) -> bool:
        """Tell whether the plan empties this attribute for a subject."""
        return subject is not None and subject in self.emptied.get(rule.name, ())

    def __iter__(self) -> Iterator[Rule]:
        """Iterate over the rules."""
        return iter(self.rules)

    def of_source(self, source: str) -> tuple[Rule, ...]:
        """Return the rules of the columns of one source table, ranges left out."""
        return tuple(
            r for r in self.rules if r.attribute.source == source and not r.name.endswith(RANGE)
        )

    def value_of(self, rule: Rule, subject: str) -> str | None:
        """Return the one value that a subject shows, None when it has none."""
        frame = self.expected.frame
        frame = frame if rule.name in frame.columns else self.table.frame
        value = frame[rule.name].get(subject)
        return None if value is None or value == "*" else str(value)

    def __repr__(self) -> str:
        """Return counts, never values."""
        changed = sum(rule.changes for rule in self.rules)
        return f"ReleaseRules({len(self.rules)} attributes, {changed} changed)"


def release_rules(
    table: SubjectTable,
    extraction: Extraction,
    plan: Plan | None,
    hierarchies: Mapping[str, Hierarchy],
) -> ReleaseRules:
    """Return the rules of a release.

    Parameters
    ----------
    table : SubjectTable
        As folded, with the decisions of the project.
    extraction : Extraction
        What it was folded from.
    plan : Plan, optional
        Its levels win where they are more general than the project's.
    hierarchies : mapping of str to Hierarchy
        The user's own, by attribute.

    Returns
    -------
    ReleaseRules

    Raises
    ------
    MidiRiskError
        When the plan found nothing.
    StaleAssessmentError
        When the plan was made for other data or decisions.
    """
    if plan is not None:
        check_plan(plan, table)
    levels = dict(plan.levels) if plan else {}
    hidden = frozenset(plan.suppressed_subjects) if plan else frozenset()
    known = dict(hierarchies)
    rules = []
    for attribute in table.attributes:
        generalised = levels.get(attribute.name, 0) > 0 or (
            attribute.decision is Decision.GENERALISE and attribute.generalise_to is not None
        )
        if generalised:
            raws = _raws(extraction, attribute)
            found = _hierarchy(table, attribute, raws, hierarchies)
            if attribute.name in table.frame.columns:
                known[attribute.name] = found
            rules.append(_generalised(table, attribute, raws, found, levels))
        elif attribute.decision is Decision.REMOVE:
            rules.append(Rule(attribute=attribute, action=Action.REMOVE, describe="removed"))
        else:
            rules.append(Rule(attribute=attribute, action=Action.KEEP, describe="kept"))
    mask = np.array([str(key) in hidden for key in table.frame.index], dtype=bool)
    at_least = {n: level for n, level in levels.items() if n in known}
    emptied = dict(plan.suppressed_cells) if plan else {}
    expected = without_cells(planned(table, at_least, known, mask), emptied)
    return ReleaseRules(
        rules=tuple(_with_ranges(rules)),
        table=table,
        expected=expected,
        suppressed=hidden,
        emptied={name: frozenset(keys) for name, keys in emptied.items()},
    )


def _hierarchy(
    table: SubjectTable,
    attribute: Attribute,
    raws: list[str],
    given: Mapping[str, Hierarchy],
) -> Hierarchy:
    """Return the hierarchy of an attribute, also of one that was not folded.

    Nobody counted the subjects of a value that was not folded, so each counts as rare.
    """
    if attribute.name in given or attribute.name in table.frame.columns:
        return attribute_hierarchy(table, attribute, given)
    read = normalise_for(attribute, raws).text if raws else ()
    values = list(dict.fromkeys(value for value in read if value is not None))
    return hierarchy_for(attribute, values, counts=[0] * len(values))


def _generalised(
    table: SubjectTable,
    attribute: Attribute,
    raws: list[str],
    hierarchy: Hierarchy,
    levels: Mapping[str, int],
) -> Rule:
    """Return the rule of an attribute that the project or the plan generalises."""
    decided = attribute.decision is Decision.GENERALISE and attribute.generalise_to is not None
    start = hierarchy.level_of(attribute.generalise_to) if decided else 0  # type: ignore[arg-type]
    level = max(start, levels.get(attribute.name, 0))
    name = hierarchy.level_names[level]
    if level == len(hierarchy.level_names) - 1 or attribute.decision is Decision.REMOVE:
        return Rule(attribute=attribute, action=Action.REMOVE, describe="removed", level=level)
    if name == COUNT:
        return Rule(
            attribute=attribute,
            action=Action.REMOVE,
            describe="removed",
            level=level,
            note="the plan keeps only the number of values of a subject, which no single"
            " record can show; it is removed instead",
        )
    folded = attribute.name in table.frame.columns
    texts = table.frame[attribute.name].to_numpy(dtype=object) if folded else np.empty(0, object)
    return Rule(
        attribute=attribute,
        action=Action.GENERALISE if level else Action.KEEP,
        level=level,
        level_name=name,
        ladder=hierarchy.name,
        describe=hierarchy.describe(level, attribute.name).partition(": ")[2],
        labels=labeller(attribute, hierarchy, level, texts, raws),
        one_value=folded and attribute.kind in {Kind.AGE, Kind.NUMBER},
    )


def _raws(extraction: Extraction, attribute: Attribute) -> list[str]:
    """Return the distinct raw values of an attribute's column."""
    for source in extraction.tables:
        if source.name == attribute.source and attribute.column in source.rows.column_names:
            return raw_codes(source.rows.column(attribute.column))[1]
    return []


def _with_ranges(rules: list[Rule]) -> list[Rule]:
    """Let a measurement show one value per subject when its range may not be shown."""
    hidden = {
        rule.name.removesuffix(RANGE)
        for rule in rules
        if rule.name.endswith(RANGE) and rule.action is not Action.KEEP
    }
    return [
        Rule(
            attribute=rule.attribute,
            action=Action.KEEP,
            describe="one value per subject, the middle one, because the range is not released",
            one_value=True,
        )
        if rule.name in hidden and rule.action is Action.KEEP
        else rule
        for rule in rules
    ]


def without_decision(rules: ReleaseRules) -> tuple[str, ...]:
    """Return the direct identifiers that nobody decided on; they stay as they are."""
    return tuple(
        rule.name
        for rule in rules
        if rule.attribute.role is Role.DIRECT_IDENTIFIER
        and rule.attribute.decision is None
        and rule.action is Action.KEEP
    )
