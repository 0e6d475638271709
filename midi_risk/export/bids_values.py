"""Legal values of BIDS fields: moments, sidecar fields named after DICOM attributes."""

from __future__ import annotations

import re
from typing import Any

from midi_risk.attributes.model import Kind
from midi_risk.attributes.representatives import (
    age_string,
    date_string,
    number_of_band,
    time_string,
)
from midi_risk.attributes.values import ZERO_MEANS_MISSING
from midi_risk.export.rules import Rule
from midi_risk.sources.tables_values import VALUE_SEPARATOR

_YEARS = re.compile(r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:\D.*)?")


def moment(label: str) -> str | None:
    """Return the date-time (RFC 3339 without zone, as BIDS asks) that stands for a date label.

    Examples
    --------
    >>> moment("2012-03"), moment("2012-Q2"), moment("spring")
    ('2012-03-01T00:00:00', '2012-04-01T00:00:00', None)
    """
    day = date_string(label)
    return None if day is None else f"{day[:4]}-{day[4:6]}-{day[6:]}T00:00:00"


def is_date_label(text: str) -> bool:
    """Tell whether an entity label, such as that of a session, is a calendar day.

    Examples
    --------
    >>> is_date_label("20120317"), is_date_label("01"), is_date_label("20120317T1330")
    (True, False, True)
    """
    return _YEARS.fullmatch(text) is not None


def field_value(rule: Rule, label: str, before: Any) -> Any:
    """Return what stands for a label in a sidecar field, None where nothing legal is true.

    Parameters
    ----------
    rule : Rule
    label : str
    before : object
        The value before; its type and form are kept.

    Examples
    --------
    >>> from midi_risk.attributes.model import Attribute, Role
    >>> age = Attribute(
    ...     name="PatientAge", source="images", column="PatientAge", kind=Kind.AGE, vr="AS",
    ...     role=Role.QUASI_IDENTIFIER, reason="",
    ... )
    >>> from midi_risk.export.rules import Action
    >>> field_value(Rule(attribute=age, action=Action.GENERALISE), "60-64", "063Y")
    '060Y'
    """
    kind, vr = rule.attribute.kind, rule.attribute.vr or ""
    if isinstance(before, int | float):
        return _like_number(rule, label, before)
    if vr == "AS":
        return age_string(label)
    if kind is Kind.DATE:
        return _date(label, str(before))
    if kind is Kind.TIME:
        return _time(label, str(before))
    return label.split(VALUE_SEPARATOR) if isinstance(before, list) else label


def _like_number(rule: Rule, label: str, before: float) -> float | None:
    """Return a number in the unit that the field had (heights in metres or centimetres)."""
    if isinstance(before, bool) or rule.attribute.kind in {Kind.DATE, Kind.TIME}:
        return None
    ladder = rule.ladder or rule.attribute.ladder or ""
    number = number_of_band(label, zero_is_missing=ladder in ZERO_MEANS_MISSING | {"age"})
    if number is None:
        return None
    metres = ladder == "height" and label.endswith("cm") and before < 3.5
    value = number / 100 if metres else number
    return int(value) if float(value).is_integer() else round(value, 6)


def _time(label: str, before: str) -> str | None:
    clock = time_string(label)
    return f"{clock[:2]}:{clock[2:4]}:{clock[4:]}" if clock and ":" in before else clock


def _date(label: str, before: str) -> str | None:
    if "T" in before:
        return moment(label)
    day = date_string(label)
    if day is None:
        return None
    return f"{day[:4]}-{day[4:6]}-{day[6:]}" if "-" in before else day
