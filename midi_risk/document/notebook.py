"""The parts of which results make their cards in a notebook; each escapes what it prints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

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
