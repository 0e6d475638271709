"""The built-in ladders: their levels, and how each is made from values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import numpy as np

from midi_risk.attributes import ladder_measures as measures
from midi_risk.attributes import ladder_names as names
from midi_risk.attributes import ladder_time as clock
from midi_risk.attributes.model import Kind
from midi_risk.errors import HierarchyError, did_you_mean
from midi_risk.resources import data_rows

EXACT, REMOVED, COUNT, COMMON = "exact", "removed", "count", "common"


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Distinct canonical values that a ladder is built for.

    Parameters
    ----------
    text : sequence of str
        Canonical values.
    number : numpy.ndarray
        Shape (n,), as `normalise` yields it for the kind that the ladder reads.
    counts : sequence of int, optional
        Subjects per value; without them nothing counts as rare.
    floor : int
        Values of fewer subjects are rare.
    """

    text: Sequence[str]
    number: np.ndarray
    counts: Sequence[int] | None
    floor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """One built-in ladder.

    Parameters
    ----------
    steps : tuple of str
        Names of the levels between ``exact`` and ``removed``.
    columns : callable
        Makes one column of labels per step.
    reads : Kind, optional
        How values are parsed; None takes them as they are.
    """

    steps: tuple[str, ...]
    columns: Callable[[Material], list[list[str]]]
    reads: Kind | None = None

    @property
    def level_names(self) -> tuple[str, ...]:
        """All levels, exact first."""
        return (EXACT, *self.steps, REMOVED)


def _dates(ladder: str) -> Callable[[Material], list[list[str]]]:
    return lambda m: clock.date_columns(ladder, m.text, m.number)


def _common(material: Material) -> list[list[str]]:
    return [names.common_column(material.text, material.counts, material.floor)]


_AGE_STEPS = ("years", "5y", "10y", "20y", "adult")
_BARE = Ladder(steps=(), columns=lambda _: [])
_RARE = Ladder(steps=(COMMON,), columns=_common)

LADDERS: Mapping[str, Ladder] = MappingProxyType(
    {
        "age": Ladder(
            steps=_AGE_STEPS,
            columns=lambda m: clock.age_columns(m.text, m.number),
            reads=Kind.AGE,
        ),
        "agedays": Ladder(
            steps=_AGE_STEPS,
            columns=lambda m: clock.age_in_days_columns(m.text, m.number),
            reads=Kind.NUMBER,
        ),
        "birthdate": Ladder(
            steps=("month", "year", "5y", "10y"), columns=_dates("birthdate"), reads=Kind.DATE
        ),
        "date": Ladder(
            steps=("week", "month", "quarter", "year"), columns=_dates("date"), reads=Kind.DATE
        ),
        "datetime": Ladder(
            steps=("date", "month", "year"), columns=_dates("datetime"), reads=Kind.DATE
        ),
        "year": Ladder(steps=("5y", "10y"), columns=_dates("year"), reads=Kind.DATE),
        "time": Ladder(
            steps=("hour", "part"), columns=lambda m: clock.time_columns(m.number), reads=Kind.TIME
        ),
        "offset": Ladder(
            steps=("week", "4weeks", "year", "5y", "10y"),
            columns=lambda m: clock.offset_columns(m.text, m.number),
            reads=Kind.NUMBER,
        ),
        "height": Ladder(
            steps=("1cm", "5cm", "10cm", "bands"),
            columns=lambda m: measures.height_columns(m.text, m.number),
            reads=Kind.NUMBER,
        ),
        "weight": Ladder(
            steps=("1kg", "5kg", "10kg", "bands"),
            columns=lambda m: measures.weight_columns(m.text, m.number),
            reads=Kind.NUMBER,
        ),
        "bmi": Ladder(
            steps=("1", "class"),
            columns=lambda m: measures.bmi_columns(m.text, m.number),
            reads=Kind.NUMBER,
        ),
        "number": Ladder(
            steps=("rounded", "binned"),
            columns=lambda m: measures.number_columns(m.text, m.number),
            reads=Kind.NUMBER,
        ),
        "count": Ladder(
            steps=("binned",),
            columns=lambda m: measures.count_columns(m.text, m.number),
            reads=Kind.NUMBER,
        ),
        "geo": Ladder(steps=("postcode3", "region"), columns=lambda m: names.geo_columns(m.text)),
        "race": Ladder(
            steps=("census", "collapsed"),
            columns=lambda m: names.race_columns(m.text, m.counts),
        ),
        "occupation": Ladder(
            steps=("employment",), columns=lambda m: names.occupation_columns(m.text)
        ),
        "device": Ladder(
            steps=("family", COMMON),
            columns=lambda m: names.device_columns(m.text, m.counts, m.floor),
        ),
        "software": Ladder(steps=("major",), columns=lambda m: names.software_columns(m.text)),
        "institution": _RARE,
        "enum": _RARE,
        "diag": Ladder(
            steps=("3char", "chapter"), columns=lambda m: names.diagnosis_columns(m.text)
        ),
        "sex": _BARE,
        "text": _BARE,
        "code": _BARE,
        "remove": _BARE,
        "uid": _BARE,
        "pixels": _BARE,
        "payload": _BARE,
        "flag": _BARE,
        "private": _BARE,
    }
)
"""Built-in ladders by identifier; steps that need knowledge from outside the data
(a mapped code, a per-patient shift, a site pseudonym) are left out."""

DEFAULT_LADDER: Mapping[Kind, str] = MappingProxyType(
    {
        Kind.AGE: "age",
        Kind.SEX: "sex",
        Kind.DATE: "date",
        Kind.TIME: "time",
        Kind.NUMBER: "number",
        Kind.CATEGORY: "enum",
        Kind.TEXT: "text",
        Kind.IDENTIFIER: "remove",
    }
)
"""Ladder of an attribute that names none."""


def find_ladder(name: str) -> Ladder:
    """Return a built-in ladder.

    Raises
    ------
    HierarchyError
        When there is none of that name.

    Examples
    --------
    >>> find_ladder("age").level_names
    ('exact', 'years', '5y', '10y', '20y', 'adult', 'removed')
    """
    if name not in LADDERS:
        raise HierarchyError(f"no generalisation ladder '{name}'", hint=did_you_mean(name, LADDERS))
    return LADDERS[name]


@cache
def _described() -> Mapping[tuple[str, str], str]:
    return {(r["ladder"], r["level"]): r["describe"] for r in data_rows("ladder_levels.csv")}


def describe_level(ladder: str, level: str) -> str | None:
    """Return what a level of a built-in ladder does, in plain English; None if unknown."""
    texts = _described()
    return texts.get((ladder, level)) or texts.get(("*", level))
