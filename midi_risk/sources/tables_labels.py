"""Column descriptions from a JSON data dictionary beside a table, as BIDS has them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from midi_risk.sources.tables_raw import shown
from midi_risk.sources.tables_values import text_of

_DEPTH = 3
_LEVELS = 12


def descriptions(sidecar: Path) -> dict[str, str]:
    """Return column name -> description from a JSON data dictionary; empty when there is none.

    Groups of columns, as some data sets nest them, are looked into.

    Parameters
    ----------
    sidecar : pathlib.Path
        Such as ``participants.json``.
    """
    try:
        document = json.loads(sidecar.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return {}
    return _described(document, 0) if isinstance(document, dict) else {}


def with_levels(text: str, levels: Mapping[object, object]) -> str:
    """Return a column's description with the meaning of its codes, when they are few.

    Parameters
    ----------
    text : str
        Description; may be empty.
    levels : mapping
        Code -> meaning, or code -> mapping with a ``Description``.

    Examples
    --------
    >>> with_levels("Sex", {1.0: "male", 2.0: "female"})
    'Sex (1 = male, 2 = female)'
    """
    if not levels or len(levels) > _LEVELS:
        return text
    meanings = (
        (code, meaning.get("Description", "") if isinstance(meaning, dict) else meaning)
        for code, meaning in levels.items()
    )
    listed = ", ".join(f"{text_of(code)} = {meaning}" for code, meaning in meanings)
    return f"{text} ({listed})".strip()


def _described(document: Mapping[str, object], depth: int) -> dict[str, str]:
    labels: dict[str, str] = {}
    for name, entry in document.items():
        if not isinstance(entry, dict):
            continue
        parts = [str(entry[k]) for k in ("LongName", "Description") if entry.get(k)]
        text = ": ".join(dict.fromkeys(parts))
        levels = entry.get("Levels")
        text = with_levels(text, levels if isinstance(levels, dict) else {})
        if text:
            labels[name] = shown(text, limit=400)
        if depth < _DEPTH:
            labels = _described(entry, depth + 1) | labels
    return labels
