"""Legal values of CDISC variables: partial dates in ISO 8601, numbers as numbers."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from midi_risk.attributes.model import Kind
from midi_risk.attributes.representatives import date_string, number_of_band
from midi_risk.attributes.values import ZERO_MEANS_MISSING
from midi_risk.export.rules import Rule

_PARTIAL = re.compile(r"\d{4}(?:-\d{2}(?:-\d{2})?)?")
_QUARTER = re.compile(r"(\d{4})-Q([1-4])")
_HOUR = re.compile(r"(\d{2}):00-\d{2}:59")
_SAS_EPOCH = date(1960, 1, 1).toordinal()
_LONGEST = 200
"""Most bytes of a character variable in SAS transport version 5."""


def partial_date(label: str) -> str | None:
    """Return the ISO 8601 date of reduced precision that stands for a date label.

    SDTM writes what is known of a date and no more (SDTMIG 3.4, section 4.4.2), so a month or
    year needs no day; a quarter is its first month, a week its first day, years the first.

    Examples
    --------
    >>> partial_date("2012"), partial_date("2012-03"), partial_date("2012-Q2")
    ('2012', '2012-03', '2012-04')
    >>> partial_date("2012-03-15/21"), partial_date("1950-1954"), partial_date("spring")
    ('2012-03-15', '1950', None)
    """
    if _PARTIAL.fullmatch(label):
        return label
    if match := _QUARTER.fullmatch(label):
        return f"{match.group(1)}-{int(match.group(2)) * 3 - 2:02d}"
    first = date_string(label)
    if first is None:
        return None
    if re.fullmatch(r"\d{4}-\d{4}", label):
        return first[:4]
    return f"{first[:4]}-{first[4:6]}-{first[6:]}"


def number_for(rule: Rule, label: str, *, form: str = "") -> float | None:
    """Return the number that stands for a label in a numeric variable.

    Parameters
    ----------
    rule : Rule
    label : str
    form : str
        SAS format of the variable; it tells dates (days), date-times and times (seconds).

    Returns
    -------
    float or None
        None where no number is true.
    """
    if rule.attribute.kind is Kind.DATE:
        text = date_string(label)
        if text is None or not form:
            return float(text[:4]) if text and _PARTIAL.fullmatch(label) else None
        days = date(int(text[:4]), int(text[4:6]), int(text[6:])).toordinal() - _SAS_EPOCH
        return float(days * 86400 if "DATETIME" in form.upper() else days)
    if rule.attribute.kind is Kind.TIME:
        match = _HOUR.fullmatch(label)
        return float(match.group(1)) * 3600 if match else None
    ladder = rule.ladder or rule.attribute.ladder or ""
    return number_of_band(label, zero_is_missing=ladder in ZERO_MEANS_MISSING | {"age"})


def text_for_variable(rule: Rule, label: str, *, whole_date: bool = False) -> str | None:
    """Return the text that stands for a label in a character variable.

    Parameters
    ----------
    rule : Rule
    label : str
    whole_date : bool
        Whether a date of reduced precision is not legal there.
    """
    if rule.attribute.kind is Kind.DATE:
        text = partial_date(label)
        return f"{text}-01-01"[:10] if text and whole_date else text
    if rule.attribute.kind is Kind.TIME and (match := _HOUR.fullmatch(label)):
        return f"{match.group(1)}:00"
    return label.encode()[:_LONGEST].decode("utf-8", "ignore") or None


def same_number(text: str, value: Any) -> bool:
    """Tell whether a text is a number's text.

    Examples
    --------
    >>> same_number("12.0", 12), same_number("A", 12), same_number("3", None)
    (True, False, False)
    """
    try:
        return float(text) == float(value)
    except (TypeError, ValueError):
        return False
