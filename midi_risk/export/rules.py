"""What becomes of each attribute: the project's decisions, and the plan where it goes beyond.

Each rule knows the label that a release shows for a raw value. A plan that does not fit the
table is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np
import pandas as pd

from midi_risk.attributes.dates import parse_date
from midi_risk.attributes.hierarchy import SET_JOINER, Hierarchy, build_hierarchy
from midi_risk.attributes.ladders import COUNT, LADDERS, PERIODS, Ladder
from midi_risk.attributes.model import Attribute, Decision, Kind, Role
from midi_risk.attributes.open_bands import medians, open_medians
from midi_risk.attributes.own_hierarchy import OWN, hierarchy_for, of_value_alone
from midi_risk.attributes.recoding import UNPARSED, Period
from midi_risk.attributes.values import normalise_for
from midi_risk.document.plan import Plan
from midi_risk.errors import MidiRiskError, StaleAssessmentError
from midi_risk.recode.local.assign import labels_of
from midi_risk.recode.proposal import with_levels_of
from midi_risk.sources.model import Extraction, SourceKind
from midi_risk.table.model import SubjectTable, raw_codes
from midi_risk.table.release import attribute_hierarchy, planned, with_labels, without_cells
from midi_risk.table.repeated import WRITTEN_ONCE
from midi_risk.table.subjects import find_subjects, link


@dataclass(slots=True, kw_only=True)
class Labeller:
    """Labels of one attribute at one level.

    Parameters
    ----------
    attribute : Attribute
        Says how raw values are read.
    ladder : str
        Name of the hierarchy.
    level : int
        Its level.
    known : mapping of str to str
        Canonical value -> label, for the values of the collection.
    canonical : dict of str to (str or None)
        Raw value -> canonical value, read together with its neighbours.
    made : dict of str to (str or None)
        Canonical value that the collection did not have -> label, made so far.
    medians : mapping of str to float
        Label of an open band of ages or numbers -> median of its subjects, in years or as it is.
    """

    attribute: Attribute
    ladder: str
    level: int
    known: Mapping[str, str]
    canonical: dict[str, str | None] = field(default_factory=dict)
    made: dict[str, str | None] = field(default_factory=dict)
    medians: Mapping[str, float] = field(default_factory=dict)

    def label(self, raw: str) -> str | None:
        """Return the label of a raw value; None when it is missing or has to be removed."""
        if raw not in self.canonical:
            self.canonical[raw] = normalise_for(self.attribute, [raw]).text[0]
        value = self.canonical[raw]
        return None if value is None else self.of_canonical(value)

    def of_canonical(self, value: str) -> str | None:
        """Return the label of a canonical value, None when it has to be removed."""
        label = self.known.get(value)
        if label is None:
            if value not in self.made:
                self.made[value] = self._made(value)
            label = self.made[value]
        return None if label == UNPARSED else label

    def _made(self, value: str) -> str | None:
        """Return the label of a value that was not assessed, where it follows from itself."""
        own = self.attribute.hierarchy_steps if self.ladder == OWN else None
        if own and of_value_alone(own, self.level):
            return hierarchy_for(self.attribute, [value]).apply(self.level, [value])[0]
        if self.ladder in LADDERS and LADDERS[self.ladder].of_value_alone:
            built = build_hierarchy(self.ladder, self.attribute.kind, [value])
            return built.apply(self.level, [value])[0]
        return None

    def unchanged(self, raw: str) -> bool:
        """Tell whether the label of a raw value is that value."""
        return self.label(raw) == self.canonical[raw]

    def __repr__(self) -> str:
        """Return the level only, never values."""
        return f"Labeller({self.attribute.name!r}, {self.ladder!r}, level={self.level})"


def labeller(
    attribute: Attribute,
    hierarchy: Hierarchy,
    level: int,
    texts: np.ndarray,
    raws: Sequence[str],
) -> Labeller:
    """Return the labels of an attribute at a level.

    Parameters
    ----------
    attribute : Attribute
    hierarchy : Hierarchy
        As the plan was made with, over the folded values.
    level : int
    texts : numpy.ndarray of object, shape (n_subjects,)
        Folded values of the subjects.
    raws : sequence of str
        Distinct raw values of the column that the attribute was read from.

    Returns
    -------
    Labeller
        A set of values is labelled member by member.
    """
    values = hierarchy.frame.iloc[:, 0].to_numpy(dtype=object)
    labels = hierarchy.frame.iloc[:, level].to_numpy(dtype=object)
    known = {str(value): str(label) for value, label in zip(values, labels, strict=True)}
    sets = attribute.kind is Kind.CATEGORY and any(SET_JOINER in value for value in known)
    if sets and attribute.hierarchy_file is None:
        known = {**known, **_member_labels(attribute, level, texts)}
    read = normalise_for(attribute, list(raws)).text if raws else ()
    return Labeller(
        attribute=attribute,
        ladder=hierarchy.name,
        level=level,
        known=known,
        canonical=dict(zip(raws, read, strict=True)),
        medians=open_medians(attribute.kind, known, texts),
    )


def _member_labels(attribute: Attribute, level: int, texts: np.ndarray) -> dict[str, str]:
    """Return the label of each member of the sets, counted as the hierarchy counts it."""
    codes, distinct = pd.factorize(texts[pd.notna(texts)])
    counts = np.bincount(codes, minlength=len(distinct)).tolist()
    totals: dict[str, int] = {}
    for value, n in zip(distinct, counts, strict=True):
        for member in str(value).split(SET_JOINER):
            totals[member] = totals.get(member, 0) + n
    members = list(totals)
    built = hierarchy_for(attribute, members, counts=list(totals.values()))
    found = built.apply(level, members)
    return {m: str(label) for m, label in zip(members, found, strict=True) if label is not None}


def check_plan(plan: Plan, table: SubjectTable) -> None:
    """Refuse a plan that was made for something else, or does not say whom it changes.

    Raises
    ------
    MidiRiskError
        When it is a public copy that does not name its subjects.
    StaleAssessmentError
        When it was made for other data or decisions.
    """
    if len(plan.suppressed_subjects) != plan.suppressed.subjects:
        raise MidiRiskError(
            "the plan leaves subjects out and does not say which: it is a public copy",
            hint="Use the plan.json that suggest wrote",
        )
    if plan.local is not None and not plan.local.classes:
        raise MidiRiskError(
            "the plan lets bands differ between subjects and does not say how: it is a public copy",
            hint="Use the plan.json that suggest wrote",
        )
    if sum(map(len, plan.suppressed_cells.values())) != plan.suppressed.emptied:
        raise MidiRiskError(
            "the plan empties cells and does not say whose: it is a public copy",
            hint="Use the plan.json that suggest wrote",
        )
    if plan.collection_digest and plan.collection_digest != table.digest:
        raise StaleAssessmentError(
            "the plan was made for other data or other roles than the project has now",
            hint="Run 'midi-risk suggest' again and apply its plan.json",
        )


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
    by_class : bool
        Whether it shows the label of the subject's class, also where its own value is missing.
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
    by_class: bool = False
    note: str = ""

    @property
    def name(self) -> str:
        """Name of the attribute."""
        return self.attribute.name

    @property
    def changes(self) -> bool:
        """Whether a value may be written differently."""
        return self.action is not Action.KEEP or self.one_value

    @property
    def built_in(self) -> Ladder | None:
        """The ladder that the labels come from, or that the attribute has beside its own."""
        return LADDERS.get(self.ladder) or LADDERS.get(self.attribute.ladder or "")


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
    assessed : mapping of str to str
        Key of a DICOM object -> subject that was assessed; no other object is written.
    """

    rules: tuple[Rule, ...]
    table: SubjectTable
    expected: SubjectTable
    suppressed: frozenset[str]
    emptied: Mapping[str, frozenset[str]] = field(default_factory=dict)
    assessed: Mapping[str, str] = field(default_factory=dict)

    def accounted(self) -> SubjectTable:
        """Return the table of the sources with what the plan decides beyond the project."""
        decided = self.table.attributes
        actions = {Action.REMOVE: Decision.REMOVE, Action.GENERALISE: Decision.GENERALISE}
        for rule in self.rules:
            if rule.name in decided and rule.action in actions:
                decided = decided.revised(rule.name, decision=actions[rule.action])
        return replace(self.table, attributes=decided)

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
        Its levels win where they are more general than the project's; one that found nothing
        and takes no step leaves the project's decisions as they are.
    hierarchies : mapping of str to Hierarchy
        The user's own, by attribute.

    Returns
    -------
    ReleaseRules

    Raises
    ------
    MidiRiskError
        When the plan does not name the subjects that it changes.
    StaleAssessmentError
        When the plan was made for other data or decisions.
    """
    by_class: dict[str, np.ndarray] = {}
    outside: frozenset[str] = frozenset()
    if plan is not None:
        check_plan(plan, table)
        if plan.local is not None:
            by_class, unplaced = labels_of(plan.local, table)
            outside = frozenset(map(str, table.frame.index[unplaced]))
        table = with_levels_of(table, plan)
    levels = dict(plan.levels) if plan and (plan.found or plan.steps) else {}
    hidden = outside | frozenset(plan.suppressed_subjects if plan else ())
    known = dict(hierarchies)
    rules = []
    for attribute in table.attributes:
        generalised = levels.get(attribute.name, 0) > 0 or (
            attribute.decision is Decision.GENERALISE and attribute.generalise_to is not None
        )
        if attribute.name in by_class:
            texts = table.frame[attribute.name].to_numpy(dtype=object)
            rules.append(_of_classes(attribute, by_class[attribute.name], texts))
        elif generalised:
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
    settled = {r.name: r.level for r in rules if r.attribute.decision is not Decision.REMOVE}
    at_least = {name: settled[name] for name in levels if name in known and name in settled}
    emptied = dict(plan.suppressed_cells) if plan else {}
    expected = without_cells(planned(table, at_least, known, None if by_class else mask), emptied)
    if by_class:
        expected = with_labels(expected, by_class, mask)
    return ReleaseRules(
        rules=tuple(_with_ranges(rules)),
        table=table,
        expected=expected,
        suppressed=hidden,
        emptied={name: frozenset(keys) for name, keys in emptied.items()},
        assessed=_assessed_keys(extraction),
    )


LOCAL = "local"
"""Name of the level of an attribute whose bands differ between subjects."""


def _of_classes(attribute: Attribute, labels: np.ndarray, texts: np.ndarray) -> Rule:
    """Return the rule of an attribute that shows the label of the subject's class."""
    told = "bands that differ between subjects: what each shows is the set of its class"
    if not pd.notna(labels).any():
        return Rule(attribute=attribute, action=Action.REMOVE, describe="removed", level=1)
    medians = medians_of_labels(attribute.kind, labels, texts)
    shown = Labeller(attribute=attribute, ladder="", level=1, known={}, medians=medians)
    return Rule(
        attribute=attribute,
        action=Action.GENERALISE,
        level=1,
        level_name=LOCAL,
        describe=told,
        labels=shown,
        one_value=True,
        by_class=True,
    )


def medians_of_labels(kind: Kind, labels: np.ndarray, texts: np.ndarray) -> dict[str, float]:
    """Return the median of the subjects who show a label, which stands for it in an element.

    It is that of the label and not of the class, so that an element says no more than the label.

    Parameters
    ----------
    kind : Kind
    labels, texts : numpy.ndarray of object, shape (n_subjects,)
        What each subject shows, and its own value.

    Returns
    -------
    dict of str to float
        In years for ages. Labels of fewer than `FEWEST` subjects have none.

    Examples
    --------
    >>> shown = np.array(["60-69"] * 3, dtype=object)
    >>> medians_of_labels(Kind.AGE, shown, np.array(["60", "64", "69"], dtype=object))
    {'60-69': 64.0}
    """
    if kind not in {Kind.AGE, Kind.NUMBER}:
        return {}
    members: dict[str, list[str]] = {}
    for label, text in zip(labels.tolist(), texts.tolist(), strict=True):
        if label is not None and not pd.isna(text):
            members.setdefault(label, []).append(text)
    return medians(kind, members)


def _assessed_keys(extraction: Extraction) -> dict[str, str]:
    """Return the keys of DICOM objects whose subjects were assessed, by folding's own rules."""
    leading = extraction.tables[0]
    subjects = find_subjects(leading)
    known: dict[str, str] = {}
    for source in extraction.tables:
        if source.kind is SourceKind.DICOM:
            of_row = subjects.of_row if source is leading else link(source, subjects)[0]
            known |= subjects.by_key(source, of_row)
    return known


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
        one_value=folded and attribute.kind in WRITTEN_ONCE,
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
        and not rule.attribute.rekeyed
        and rule.action is Action.KEEP
    )


DATE_LADDERS = frozenset(ladder.name for ladder in LADDERS.values() if ladder.reads is Kind.DATE)
"""Ladders of dates."""


def _bare(label: str) -> str:
    return label.replace("-", "").replace("/", "").replace(" ", "").casefold()


def same_date_level(labels: Mapping[str, str]) -> tuple[str, int] | None:
    """Return ladder and level with the same labels for all dates, None when there is none.

    Parameters
    ----------
    labels : mapping of str to str
        Date -> label; hyphens, slashes and blanks in labels do not count.

    Examples
    --------
    >>> same_date_level({"20120317": "2012-03", "2012-11-05": "201211"})
    ('date', 2)
    >>> same_date_level({"20120317": "before", "20121105": "after"}) is None
    True
    """
    read = [parse_date(value) for value in labels]
    texts = [found.text for found in read if found.text is not None]
    if not read or len(texts) < len(read):
        return None
    wanted = [_bare(label) for label in labels.values()]
    for period, found_at in PERIODS.items():
        if [_bare(Period(period).label(text)) for text in texts] == wanted:
            return found_at
    return None
