"""Which unit a column of ages, heights or weights has: what is declared, and what values bear."""

from __future__ import annotations

import numpy as np

from midi_risk.attributes.ages import OLDEST
from midi_risk.attributes.model import Attribute, Kind
from midi_risk.attributes.role_evidence import Evidence
from midi_risk.attributes.units import (
    FACTORS,
    MIXED,
    UNKNOWN,
    USUAL,
    Quantity,
    measured_parts,
    quantity_of,
    unit_in_label,
    unit_in_name,
)

_WEEKS = OLDEST * 365.25 / 7
"""Above this a number of an age can only count days, or hours."""
_HEAVY = 125.0
"""Kilograms; a middle weight above this is of pounds or grams more likely than of kilograms."""


def with_unit(attribute: Attribute, evidence: Evidence, named: str) -> Attribute:
    """Return a proposed attribute with the unit of its values.

    Parameters
    ----------
    attribute : Attribute
        As proposed from its name and values.
    evidence : Evidence
        Its values.
    named : str
        Ladder that the name of the column, or its description, speaks of; ``""`` for none.

    Returns
    -------
    Attribute
        With its unit where it is not the usual one, and with the kind and ladder that values in
        that unit bear. Where the values are implausible in the usual unit and nothing says
        another, the unit is unknown: the assessor has to say it.

    Notes
    -----
    The data dictionary comes before the name of the column. What a cell says itself is read so in
    any case. Ages of which none is above 6,391 (the weeks of the longest life) may count weeks or
    months; a larger one can only count days.
    """
    quantity = _quantity(attribute, named)
    if quantity is None or evidence.empty or attribute.vr == "AS":
        return attribute
    unit, source = _declared(attribute, quantity)
    if unit in USUAL and _mixed(evidence, quantity):
        return _in(attribute, quantity, MIXED, "units stand in the cells")
    if quantity is Quantity.AGE:
        return _age(attribute, evidence, unit, source)
    if unit and _plausible(evidence, quantity, unit):
        return _in(attribute, quantity, unit, source)
    if not unit and not _plausible(evidence, quantity, ""):
        return attribute.revised(
            unit=UNKNOWN,
            kind=Kind.NUMBER,
            ladder="number",
            reason=f"{attribute.reason}; in a unit that nothing says",
        )
    return attribute


def _quantity(attribute: Attribute, named: str) -> Quantity | None:
    """Return what a column measures; values in another unit may have cost it its ladder."""
    if attribute.kind in {Kind.AGE, Kind.NUMBER, Kind.CATEGORY} and named in {"height", "weight"}:
        return quantity_of(Kind.NUMBER, named)
    return quantity_of(attribute.kind, attribute.ladder)


def _declared(attribute: Attribute, quantity: Quantity) -> tuple[str, str]:
    unit = unit_in_label(attribute.label, quantity)
    if unit:
        return unit, f"in {unit} by its data dictionary"
    unit = unit_in_name(attribute.column, quantity)
    return (unit, f"in {unit} by its name") if unit else ("", "")


def _mixed(evidence: Evidence, quantity: Quantity) -> bool:
    """Tell whether cells say a unit of their own that is not the usual one."""
    stated = (measured_parts(value, quantity) for value in evidence.sample)
    return any(part not in USUAL for parts in stated if parts for _, part in parts)


def _in(attribute: Attribute, quantity: Quantity, unit: str, source: str) -> Attribute:
    """Return an attribute whose values are read in a unit."""
    if unit in USUAL:
        return attribute
    kind, ladder = {
        Quantity.AGE: (Kind.AGE, "age"),
        Quantity.LENGTH: (Kind.NUMBER, "height"),
        Quantity.MASS: (Kind.NUMBER, "weight"),
    }[quantity]
    return attribute.revised(
        unit=unit, kind=kind, ladder=ladder, reason=f"{attribute.reason}; {source}"
    )


def _age(attribute: Attribute, evidence: Evidence, unit: str, source: str) -> Attribute:
    of_days = attribute.ladder == "agedays"
    if unit and not (of_days and unit == "days"):
        return _in(attribute, Quantity.AGE, unit, source) if unit not in USUAL else attribute
    if of_days and not unit and not _counts_days(evidence, attribute.column):
        return attribute.revised(
            unit=UNKNOWN,
            kind=Kind.AGE,
            ladder="age",
            reason=f"{attribute.reason}; in a unit that nothing says",
        )
    return attribute


def _counts_days(evidence: Evidence, name: str) -> bool:
    """Tell whether numbers, or the name of the column, can only be of days."""
    largest = float(np.abs(evidence.numbers).max(initial=0.0))
    return largest > _WEEKS or "day" in name.casefold() or "tage" in name.casefold()


def _plausible(evidence: Evidence, quantity: Quantity, unit: str) -> bool:
    """Tell whether the middle value is the height or weight of a person in a unit."""
    numbers = np.sort(evidence.numbers)
    if not len(numbers):
        return True
    middle = float(numbers[len(numbers) // 2]) * (FACTORS[quantity][unit] if unit else 1.0)
    if quantity is Quantity.MASS:
        return 0.3 < middle < (_HEAVY if not unit else 300)
    return 30 < middle < 250 if unit else 0.3 < middle < 2.6 or 90 < middle < 250
