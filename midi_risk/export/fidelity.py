"""How truly another tool can carry out each rule."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from midi_risk.export.table_files import csv_text


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
