"""What every target is made from: rules as portable steps, and how truly a tool carries each.

Steps are over intervals and periods: nothing in them is a value of the data.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from midi_risk.attributes.hierarchy import SET_JOINER, Hierarchy
from midi_risk.attributes.ladders import CUTS, LADDERS, Ladder, cut_ladder
from midi_risk.attributes.model import Kind
from midi_risk.attributes.own_hierarchy import OWN
from midi_risk.attributes.recoding import OTHER, UNPARSED, edges_of
from midi_risk.attributes.units import converted
from midi_risk.errors import MidiRiskError
from midi_risk.export.dicom.recode import bands_of_dates, ladder_of_dates, written
from midi_risk.export.dicom.rules import DicomRules
from midi_risk.export.rules import RANGE, Action, ReleaseRules, Rule
from midi_risk.export.tables import csv_text
from midi_risk.sources.model import Extraction

Steps = tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Portable:
    """A rule that can be carried out without this tool.

    Parameters
    ----------
    rule : Rule
    keyword, vr : str
        Element it is for.
    steps : tuple of mapping, or None
        What turns a value into the new one; None where it needs more than the value, so
        that a target has to remove it. Empty for a removal.
    labels : tuple of str
        Labels that the release shows, where the steps ask for them.
    """

    rule: Rule
    keyword: str
    vr: str
    steps: Steps | None
    labels: tuple[str, ...] = ()

    @property
    def removes(self) -> bool:
        """Whether the element loses its value."""
        return self.rule.action is Action.REMOVE or self.steps is None


def bands(rule: Rule) -> list[tuple[float, str]] | None:
    """Return the lower end and the label of each band of a rule, None where it has none.

    Heights are in centimetres, ages in completed years.
    """
    ladder, name = ladder_of(rule)
    level = None if ladder is None else ladder.level(name)
    if ladder is None or level is None or ladder.stays_here or converted(rule.attribute):
        return None
    edges = edges_of(level.steps[0])
    return None if edges is None else list(edges)


def ladder_of(rule: Rule) -> tuple[Ladder | None, str]:
    """Return the ladder of a rule and its level there; cut points make a ladder of their own."""
    kind, steps = rule.attribute.kind, rule.attribute.hierarchy_steps or ()
    if rule.ladder == OWN and 0 < rule.level <= len(steps) and kind in {Kind.AGE, Kind.NUMBER}:
        cuts = steps[rule.level - 1].cuts
        if cuts:
            return cut_ladder(cuts, kind), CUTS
    return LADDERS.get(rule.ladder), rule.level_name


def steps_of(rule: Rule, vr: str) -> Steps | None:
    """Return the steps of a rule that generalises, None where none suffice.

    Parameters
    ----------
    rule : Rule
    vr : str
        Value representation of the element.

    Examples
    --------
    >>> from midi_risk.attributes.model import Attribute, Role
    >>> age = Attribute(
    ...     name="PatientAge", source="dicom", column="PatientAge", kind=Kind.AGE, vr="AS",
    ...     role=Role.QUASI_IDENTIFIER, reason="",
    ... )
    >>> rule = Rule(
    ...     attribute=age, action=Action.GENERALISE, level=5, level_name="adult", ladder="age"
    ... )
    >>> steps_of(rule, "AS")
    ({'step': 'age', 'edges': [(0, '010Y'), (20, '020Y')]},)
    """
    if rule.attribute.hierarchy_file is not None:
        return None
    if vr in {"DA", "DT"}:
        return date_steps(rule)
    ladder, level_name = ladder_of(rule)
    names = vr != "CS" and rule.attribute.kind is not Kind.NUMBER
    if ladder is None:
        return ({"step": "allow", "other": OTHER},) if names and _puts_rare_together(rule) else None
    readable = {
        Kind.AGE: vr == "AS",
        Kind.TIME: vr == "TM",
        Kind.NUMBER: rule.attribute.kind is Kind.NUMBER,
        None: names,
    }
    if converted(rule.attribute) or not readable.get(ladder.reads, False):
        return None
    known = tuple(rule.labels.known.values()) if rule.labels else ()
    return ladder.portable(
        level_name, lambda label, before: written(rule, vr, label, before), known
    )


def _puts_rare_together(rule: Rule) -> bool:
    """Tell whether a level of the assessor's own puts rare exact values together."""
    steps = rule.attribute.hierarchy_steps or ()
    first = next(iter(steps), None)
    return rule.ladder == OWN and rule.level == 1 and first is not None and first.rule == "rare"


def _plain_steps(ladder: str, level: int) -> Steps:
    """Return the steps of a level whose labels another tool writes by itself."""
    found = LADDERS[ladder]
    steps = found.portable(found.steps[level - 1], lambda label, _: label)
    assert steps is not None  # noqa: S101 - dates and times need nothing of this tool
    return steps


def date_steps(rule: Rule) -> Steps:
    """Return the step of a rule of dates."""
    found = bands_of_dates(rule)
    if found is None:
        return _plain_steps(*ladder_of_dates(rule))
    edges = zip((-math.inf, *found.cuts), found.names(), strict=True)
    listed = [(0.0 if low < 0 else low, written(rule, "DA", label)) for low, label in edges]
    return ({"step": "date", "edges": listed},)


def time_steps(rule: Rule) -> Steps:
    """Return the step of a rule of times."""
    return _plain_steps("time", min(rule.level, len(LADDERS["time"].levels)))


def portable(rule: Rule, keyword: str, vr: str, release: ReleaseRules) -> Portable:
    """Return a rule in a form that needs nothing of this tool."""
    if rule.action is Action.REMOVE:
        return Portable(rule=rule, keyword=keyword, vr=vr, steps=())
    steps = steps_of(rule, vr) if rule.action is Action.GENERALISE else None
    labels: tuple[str, ...] = ()
    if steps and steps[-1]["step"] == "allow":
        shown = {str(v) for v in release.expected.frame[rule.name] if v is not None}
        parts = {part for value in shown for part in value.split(SET_JOINER)}
        labels = tuple(sorted(parts - {UNPARSED}))
    return Portable(rule=rule, keyword=keyword, vr=vr, steps=steps, labels=labels)


def several_values(rule: Rule, release: ReleaseRules) -> bool:
    """Tell whether some subject has values on both sides of a band, or several numbers.

    Such a subject shows one value in what `apply` writes; a rule that sees one object at
    a time writes the band of each.
    """
    if rule.name + RANGE in release.table.frame.columns:
        return True
    found = {f.attribute for f in release.table.findings if f.code == "several-ages"}
    return rule.one_value and rule.name in found


class Fidelity(StrEnum):
    """How truly a target carries out a rule."""

    EXACT = "exact"
    APPROXIMATE = "approximate"
    INEXPRESSIBLE = "inexpressible"


@dataclass(frozen=True, slots=True, kw_only=True)
class Translated:
    """One rule in the words of a target.

    Parameters
    ----------
    attribute, source, rule : str
        Attribute, its source, the rule in plain English.
    fidelity : Fidelity
    why : str
        What differs; for an inexpressible rule, what the target does instead.
    """

    attribute: str
    source: str
    rule: str
    fidelity: Fidelity
    why: str = ""


HEADER = ("attribute", "source", "rule", "fidelity", "why")


def fidelity_csv(rows: Iterable[Translated]) -> str:
    """Return the fidelity table as CSV."""
    cells = [(r.attribute, r.source, r.rule, r.fidelity.value, r.why) for r in rows]
    return csv_text(HEADER, cells)


def fidelity_text(rows: Iterable[Translated], target: str) -> str:
    """Return the fidelity table as lines of text.

    Examples
    --------
    >>> row = Translated(
    ...     attribute="PatientAge", source="dicom", rule="5-year bands", fidelity=Fidelity.EXACT
    ... )
    >>> print(fidelity_text([row], "ctp"))
    ctp: 1 exact, 0 approximate, 0 inexpressible
      exact         PatientAge: 5-year bands
    """
    listed = list(rows)
    counts = ", ".join(f"{sum(r.fidelity is f for r in listed)} {f.value}" for f in Fidelity)
    lines = [f"{target}: {counts}"]
    for row in listed:
        why = f" ({row.why})" if row.why else ""
        lines.append(f"  {row.fidelity.value:<13} {row.attribute}: {row.rule}{why}")
    return "\n".join(lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a target is written from.

    Parameters
    ----------
    release : ReleaseRules
    dicom : DicomRules or None
        Rules of the elements; None where the project reads no DICOM.
    extraction : Extraction
        What the rules are about; scripts learn its SOP classes, never its values.
    statement : str
        For (0012,0063).
    k : int
        Class size that the threat model requires.
    hierarchies : mapping of str to Hierarchy
        The user's own.
    """

    release: ReleaseRules
    dicom: DicomRules | None
    extraction: Extraction
    statement: str
    k: int
    hierarchies: Mapping[str, Hierarchy]

    @property
    def elements(self) -> DicomRules:
        """The rules of the elements, for a target that needs DICOM."""
        if self.dicom is None:
            raise MidiRiskError("the project reads no DICOM files")
        return self.dicom

    def __repr__(self) -> str:
        """Return counts only."""
        return f"Request({self.release!r}, {self.dicom!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """What a target is made of.

    Parameters
    ----------
    files : mapping of str to str
        Relative path -> text.
    fidelity : sequence of Translated
        How truly it carries each rule.
    notes : tuple of str
        What the reader must know before passing the files on.
    """

    files: Mapping[str, str]
    fidelity: Sequence[Translated]
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Return counts only."""
        return f"Files({len(self.files)} files, {len(self.fidelity)} rules)"
