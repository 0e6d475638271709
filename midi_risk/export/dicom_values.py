"""The new value of one element, legal for its value representation."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from midi_risk.attributes.ages import plain
from midi_risk.attributes.dates import parse_date, parse_time
from midi_risk.attributes.ladder_time import UNPARSED, date_columns, time_columns
from midi_risk.attributes.ladders import find_ladder
from midi_risk.attributes.model import Kind
from midi_risk.attributes.own_hierarchy import OWN
from midi_risk.attributes.representatives import (
    age_string,
    date_string,
    decimal_string,
    number_of_band,
    text_for,
    time_string,
)
from midi_risk.attributes.values import ZERO_MEANS_MISSING
from midi_risk.export.rules import Rule

NUMBER_VRS = frozenset({"DS", "IS", "FL", "FD", "SL", "SS", "UL", "US"})


def written(rule: Rule, vr: str, label: str, raw: str = "") -> str | None:
    """Return the text that stands for a label in an element.

    Parameters
    ----------
    rule : Rule
    vr : str
        Value representation of the element.
    label : str
        As the release table shows it.
    raw : str
        The value before, whose unit is kept (heights in metres or centimetres).

    Returns
    -------
    str or None
        None where no legal and true text exists.
    """
    if vr == "AS":
        return age_string(label)
    if vr == "DA":
        return date_string(label)
    if vr == "DT":
        return date_string(label)
    if vr == "TM":
        return time_string(label)
    if vr in NUMBER_VRS:
        return _number(rule, vr, label, raw)
    return text_for(vr, label)


def _number(rule: Rule, vr: str, label: str, raw: str) -> str | None:
    ladder = (rule.ladder if rule.ladder != OWN else "") or rule.attribute.ladder or ""
    number = number_of_band(label, zero_is_missing=ladder in ZERO_MEANS_MISSING)
    if number is None:
        return None
    if ladder == "height" and label.endswith("cm") and not _centimetres(raw):
        number = round(number / 100, 6)
    if vr in {"IS", "SL", "SS", "UL", "US"}:
        return plain(float(int(number)))
    return decimal_string(number)


def _centimetres(raw: str) -> bool:
    try:
        return float(raw) >= 3.5
    except ValueError:
        return False


@lru_cache(maxsize=65536)
def visit_date(raw: str, ladder: str, level: int) -> str | None:
    """Return a date of a visit (DA or DT) at a level of a date ladder; None to remove it.

    Examples
    --------
    >>> visit_date("20120317", "date", 2)
    '20120301'
    """
    read = parse_date(raw)
    if read.text is None:
        return None
    columns = date_columns(ladder, [read.text], np.array([read.number]))
    label = columns[level - 1][0]
    return None if label == UNPARSED else date_string(label)


@lru_cache(maxsize=65536)
def visit_time(raw: str, level: int) -> str | None:
    """Return a time of a visit at a level of the time ladder; None to remove it.

    Examples
    --------
    >>> visit_time("134455.123", 1), visit_time("134455", 2)
    ('130000', '120000')
    """
    read = parse_time(raw)
    label = time_columns(np.array([read.number]))[level - 1][0]
    return None if label == UNPARSED else time_string(label)


_OWN_DATES = {
    "week": ("date", 1),
    "month": ("date", 2),
    "quarter": ("date", 3),
    "year": ("date", 4),
    "5y": ("birthdate", 3),
    "10y": ("birthdate", 4),
}


def ladder_of_dates(rule: Rule) -> tuple[str, int]:
    """Return ladder and level that the dates of a visit follow."""
    steps = rule.attribute.hierarchy_steps
    if rule.ladder == OWN and steps and 0 < rule.level <= len(steps):
        return _OWN_DATES[steps[rule.level - 1].date or "year"]
    ladder = rule.ladder if rule.ladder in {"date", "datetime", "birthdate", "year"} else "date"
    return ladder, min(rule.level, len(find_ladder(ladder).steps))


def new_value(rule: Rule, vr: str, values: Sequence[str], subject_value: str | None) -> str | None:
    """Return the new text of an element under a rule that generalises.

    Parameters
    ----------
    rule : Rule
    vr : str
    values : sequence of str
        Raw values of the element.
    subject_value : str or None
        The one value of the subject, for rules that show one.

    Returns
    -------
    str or None
        None when the element has to lose its value.
    """
    if rule.one_value and subject_value is not None:
        if rule.labels is not None and rule.labels.label(values[0]) is None:
            return None
        return written(rule, vr, subject_value, values[0])
    if rule.labels is None:
        return None
    if rule.attribute.kind not in {Kind.CATEGORY, Kind.TEXT}:
        label = rule.labels.label(values[0])
        return None if label is None else written(rule, vr, label, values[0])
    new: dict[str, None] = {}
    for raw in values:
        label = rule.labels.label(raw)
        text = None
        if label is not None:
            text = raw if rule.labels.unchanged(raw) else written(rule, vr, label, raw)
        if text is not None:
            new[text] = None
    return "\\".join(new) or None
