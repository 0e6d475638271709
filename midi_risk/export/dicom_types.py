"""What the standard allows to do with an element: its type, by object and place."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from functools import cache

from midi_risk.resources import data_rows

_STRICTNESS = {"1": 0, "1C": 1, "2": 2, "2C": 3, "3": 4}


class Removal(StrEnum):
    """How an element may lose its value."""

    DUMMY = "dummy"
    EMPTY = "empty"
    DELETE = "delete"


@cache
def _modules() -> dict[str, tuple[str, ...]]:
    rows = data_rows("ps33_sop_modules.csv")
    return {row["sop_class_uid"]: tuple(row["modules"].split()) for row in rows}


@cache
def _types() -> dict[tuple[str, str], str]:
    rows = data_rows("ps33_module_types.csv")
    return {(row["module"], row["keyword"]): row["type"] for row in rows}


@cache
def _nested() -> dict[tuple[str, str], str]:
    rows = data_rows("ps33_nested_types.csv")
    return {(row["sequence"], row["keyword"]): row["type"] for row in rows}


@cache
def _catalogued() -> frozenset[str]:
    return frozenset(row["keyword"] for row in data_rows("attribute_catalogue.csv"))


@cache
def _strictest() -> dict[str, str]:
    rows = data_rows("attribute_catalogue.csv")
    return {row["keyword"]: row["strictest_type"] for row in rows if row["strictest_type"]}


@cache
def element_type(sop_class: str, keyword: str, path: tuple[str, ...] = ()) -> str:
    """Return the type of an attribute in an object (PS3.3).

    Parameters
    ----------
    sop_class : str
        SOP Class UID.
    keyword : str
    path : tuple of str
        Keywords of the sequences around it, outermost first.

    Returns
    -------
    str
        ``1``, ``1C``, ``2``, ``2C`` or ``3``: the strictest of the modules that hold the
        attribute. Where the standard's tables do not say (an unknown class, a sequence
        outside them), the strictest type that the attribute has anywhere; ``1`` for an
        attribute outside the catalogue, such as the dates of content items.

    Examples
    --------
    >>> element_type("1.2.840.10008.5.1.4.1.1.2", "PatientAge")
    '3'
    >>> element_type("1.2.840.10008.5.1.4.1.1.2", "Manufacturer")
    '2'
    """
    if keyword not in _catalogued():
        return "1"
    if path:
        found = _nested().get((path[-1], keyword))
        return found or _strictest().get(keyword, "3")
    modules = _modules().get(sop_class)
    if modules is None:
        return _strictest().get(keyword, "3")
    types = [_types()[m, keyword] for m in modules if (m, keyword) in _types()]
    return min(types, key=_STRICTNESS.__getitem__, default="3")


def removal(sop_class: str, keyword: str, path: Sequence[str] = ()) -> Removal:
    """Return how an attribute may lose its value.

    A conditional type is taken as unconditional, because whether its condition holds is
    not known.

    Examples
    --------
    >>> removal("1.2.840.10008.5.1.4.1.1.2", "StudyDate").value
    'empty'
    """
    kind = element_type(sop_class, keyword, tuple(path))
    return {"1": Removal.DUMMY, "2": Removal.EMPTY}.get(kind[0], Removal.DELETE)


DUMMY_TEXT = "REMOVED"
DUMMIES = {
    "DA": "19000101",
    "TM": "000000",
    "DT": "19000101000000",
    "AS": "000Y",
    "DS": "0",
    "IS": "0",
    **dict.fromkeys(("AE", "LO", "LT", "PN", "SH", "ST", "UC", "UT"), DUMMY_TEXT),
}
"""Value of an element that may not be empty, by value representation.

Codes (CS), identifiers (UI), sequences and binary values have none: whatever stood there
would be an untrue statement about the object, so they stay and are reported.
"""
