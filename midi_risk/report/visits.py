"""The table of what known visits give away, alike in both editions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from midi_risk.report.counts import SafeCount
from midi_risk.report.figures import NOT_ASSESSED, count_text, risk_text, share_text


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitLine:
    """What an attacker learns who knows so many visits."""

    visits: str
    known: str
    highest: str
    average: str
    unique: str
    at_risk: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitTable:
    """The lines with what they refer to."""

    caption: str
    lines: tuple[VisitLine, ...]


def visit_table(view: Any) -> VisitTable | None:
    """Return the table for 1, 2, 3 and all known visits, None when it was not computed.

    Parameters
    ----------
    view : InternalView or ShareableView

    Returns
    -------
    VisitTable or None
    """
    rows = [_read(row) for row in view.measures.trajectory]
    if not rows:
        return None
    first = rows[0]
    subjects = view.subjects if first["subjects"] is None else first["subjects"]
    caption = f"Visits known to the attacker: {count_text(subjects)} subjects; the first lines "
    caption += "are the resolution of the release"
    lines = tuple(
        VisitLine(
            visits=row["visits"],
            known=_known(row),
            highest=risk_text(row["highest"]),
            average=risk_text(row["average"]),
            unique=_share(row["unique"], subjects),
            at_risk=_share(row["at_risk"], subjects),
            kind="bound, the true risk is not lower" if row["bound"] else "exact",
        )
        for row in rows
    )
    return VisitTable(caption=caption, lines=lines)


_PROCEDURE = {
    "days-modality": " and modality",
    "days-modality-scanner": ", modality and scanner",
    "days-scanner": " and scanner",
}


def _known(row: dict[str, Any]) -> str:
    """Return what is known of each visit."""
    days = row["bin_days"]
    text = "interval in days" if days in {None, 1} else f"interval in periods of {days} days"
    return text + _PROCEDURE.get(row["known"], "")


def _share(count: int | SafeCount | None, total: int | SafeCount) -> str:
    return NOT_ASSESSED if count is None else share_text(count, total)


def _read(row: Any) -> dict[str, Any]:
    """Return one row in the words of the shareable part."""
    if not isinstance(row, dict):
        return dict(row)
    return {
        "visits": str(row.get("m", row.get("visits", ""))),
        "highest": _number(row, "max", "risk", "value"),
        "average": _number(row, "mean"),
        "unique": _integer(row, "unique"),
        "at_risk": _integer(row, "at_risk"),
        "subjects": _integer(row, "subjects") or _integer(row, "n"),
        "bin_days": _integer(row, "bin_days"),
        "known": str(row.get("known", "days")),
        "bound": row.get("kind") == "bound",
    }


def _number(row: dict[str, Any], *names: str) -> float | None:
    """Return the first of these cells that is a number."""
    for name in names:
        if isinstance(row.get(name), int | float):
            return float(row[name])
    return None


def _integer(row: dict[str, Any], name: str) -> int | None:
    value = row.get(name)
    return value if isinstance(value, int) else None
