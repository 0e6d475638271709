"""Rules as steps over intervals and periods: nothing in them is a value of the data.

How truly another tool can carry out each rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from midi_risk.attributes.ages import plain
from midi_risk.attributes.hierarchy import SET_JOINER
from midi_risk.attributes.ladders import (
    COMMON,
    UNPARSED,
    age_columns,
    bmi_columns,
    find_ladder,
    height_columns,
    weight_columns,
)
from midi_risk.attributes.model import Kind
from midi_risk.export.dicom.recode import ladder_of_dates, written
from midi_risk.export.rules import RANGE, Action, ReleaseRules, Rule
from midi_risk.export.tables import csv_text

Steps = tuple[Mapping[str, Any], ...]
_OTHER = "other"
METRES_BELOW = 3.5
"""A height below this is in metres, as in the ladder."""


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


def age_edges(rule: Rule, vr: str = "AS") -> list[tuple[int, str]]:
    """Return the first completed year of each band and what is written for it."""
    years = list(range(123))
    months = np.array(years, dtype=float) * 12
    texts = [str(year) for year in years]
    column = age_columns(texts, months)[rule.level - 1]
    return _edges(years, [written(rule, vr, label) if vr else label for label in column])


def _edges(starts: Sequence[Any], shown: Sequence[str | None]) -> list[tuple[Any, str]]:
    edges: list[tuple[Any, str]] = []
    for start, text in zip(starts, shown, strict=True):
        if text is not None and (not edges or edges[-1][1] != text):
            edges.append((start, text))
    return edges


_MEASURES: Mapping[str, tuple[Callable[..., list[list[str]]], int, int]] = {
    "height": (height_columns, 0, 400),
    "weight": (weight_columns, 0, 500),
    "bmi": (bmi_columns, 0, 150),
}


def measure_edges(rule: Rule, vr: str, raw: str = "") -> list[tuple[float, str]]:
    """Return the lower end of each band of a body measure and what is written for it.

    Parameters
    ----------
    rule : Rule
        Of the height (in centimetres), weight or body mass index ladder.
    vr : str
        Empty for a table, whose labels are written as they are.
    raw : str
        A value whose unit is kept; heights are metres without it.
    """
    columns, first, last = _MEASURES[rule.ladder]
    tenth = 10 if rule.ladder == "bmi" else 1
    numbers = [n / tenth for n in range(first * tenth, last * tenth)]
    read = np.array(numbers)
    if rule.ladder == "height":
        read = np.where(read < 100 * METRES_BELOW, read / 100, read)
    column = columns([plain(n) for n in read.tolist()], read)[rule.level - 1]
    shown = [None if t == UNPARSED else written(rule, vr, t, raw) if vr else t for t in column]
    edges = _edges(numbers, shown)
    return [(0.0, edges[0][1]), *edges[1:]] if edges else []


def _bins_width(rule: Rule) -> float | None:
    """Return the width of the bins of a number from one of its labels."""
    known = rule.labels.known.values() if rule.labels else ()
    for label in known:
        if label.startswith("[") and label.endswith(")"):
            low, _, high = label[1:-1].partition(", ")
            return round(float(high) - float(low), 10)
    return None


def _number_steps(rule: Rule, vr: str) -> Steps | None:
    ladder = rule.ladder
    if ladder in _MEASURES:
        step: dict[str, Any] = {"step": "bands", "zero_is_missing": True}
        step["edges"] = measure_edges(rule, vr)
        if ladder == "height":
            step |= {"metres": True, "centimetres": measure_edges(rule, vr, "170")}
        return (step,)
    if ladder == "number" and rule.level_name == "rounded":
        return ({"step": "two_digits"},)
    if ladder == "number" and rule.level_name == "binned":
        width = _bins_width(rule)
        return ({"step": "bins", "width": width},) if width else None
    if ladder == "count":
        ends = ((0, "0"), (1, "1"), (2, "2"), (3, "3"), (6, "6"), (11, "11"))
        return ({"step": "bands", "edges": ends},)
    return None


def _name_steps(rule: Rule) -> Steps | None:
    allow = {"step": "allow", "other": _OTHER}
    if rule.attribute.hierarchy_file is not None:
        return None
    if rule.ladder == "device":
        return ({"step": "first_word"}, allow)
    if rule.ladder == "software":
        return ({"step": "major"},)
    return (allow,) if rule.level_name == COMMON else None


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
    if vr == "AS" and rule.ladder == "age":
        return ({"step": "age", "edges": age_edges(rule, vr)},)
    if vr in {"DA", "DT"}:
        return date_steps(rule)
    if vr == "TM" and rule.ladder == "time":
        return time_steps(rule)
    if rule.attribute.kind is Kind.NUMBER:
        return _number_steps(rule, vr)
    return None if vr == "CS" else _name_steps(rule)


def date_steps(rule: Rule) -> Steps:
    """Return the step of a rule of dates."""
    ladder, level = ladder_of_dates(rule)
    return ({"step": "date", "period": find_ladder(ladder).level_names[level]},)


def time_steps(rule: Rule) -> Steps:
    """Return the step of a rule of times."""
    return ({"step": "time", "hours": 1 if rule.level == 1 else 6},)


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
