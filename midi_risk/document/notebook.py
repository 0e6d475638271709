"""The parts of which results make their cards in a notebook; each escapes what it prints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from html import escape
from typing import Any

STATUS = {
    "acceptable": "✓ Acceptable",
    "above_threshold": "▲ Above the threshold",
    "incomplete": "◌ Incomplete",
}


def number(value: float | None) -> str:
    """Return a figure with three significant digits."""
    return "not known" if value is None else f"{value:.3g}"


def passed_word(passed: bool | None) -> str:
    """Return where a figure stands; "" when it is not judged."""
    return {True: "✓ within", False: "▲ above", None: ""}[passed]


def text(value: object) -> str:
    """Return text that is printed, not run, on one line."""
    return escape("".join(c if c.isprintable() else " " for c in str(value)))


def bullets(items: Iterable[str]) -> str:
    """Return a list, one point per text."""
    return "<ul>" + "".join(f"<li>{text(item)}</li>" for item in items) + "</ul>"


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table, "" without rows."""
    if not rows:
        return ""
    head = "".join(f"<th scope='col'>{text(h)}</th>" for h in heads)
    body = "".join(
        "<tr>" + "".join(f"<td style='text-align:left'>{text(c)}</td>" for c in row) + "</tr>"
        for row in rows
    )
    return (
        f"<table>{f'<thead><tr>{head}</tr></thead>' if heads else ''}<tbody>{body}</tbody></table>"
    )


class Card:
    """What a notebook shows of a result: its text and its single figures, never its values.

    Its fields that are one number, or nothing, stand in a table; of arrays and tables the
    number of entries. Texts are left out, since they may be values.
    """

    __slots__ = ()

    def _repr_html_(self) -> str:
        """Return the card."""
        return f"<p>{text(repr(self))}</p>{table((), list(self._figures()))}"

    def _figures(self) -> Iterable[tuple[str, str]]:
        """Return name and figure of each field that can be shown."""
        for field in fields(self):  # type: ignore[arg-type] # those that inherit are dataclasses
            if not field.name.startswith("_"):
                yield from _row(field.name, getattr(self, field.name))


def figures_card(figures: Mapping[str, Any]) -> str:
    """Return a table of named figures; texts are left out."""
    return table((), [row for name, value in figures.items() for row in _row(name, value)])


def _row(name: str, value: Any) -> Iterable[tuple[str, str]]:
    shown = _figure(value)
    return [(name.replace("_", " "), shown)] if shown else []


def _figure(value: Any) -> str:
    """Return a number, or the size of what holds several; "" for all else."""
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, Mapping | list | tuple | frozenset | set) or hasattr(value, "shape"):
        return f"{len(value):,} entries" if getattr(value, "shape", (1,)) != () else ""
    return ""
