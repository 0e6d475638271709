"""Column descriptions from a JSON data dictionary beside a table, as BIDS has them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from midi_risk.sources.tables_raw import shown

_DEPTH = 3


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


def _described(document: Mapping[str, object], depth: int) -> dict[str, str]:
    labels: dict[str, str] = {}
    for name, entry in document.items():
        if not isinstance(entry, dict):
            continue
        parts = [str(entry[k]) for k in ("LongName", "Description") if entry.get(k)]
        if parts:
            labels[name] = shown(": ".join(dict.fromkeys(parts)), limit=400)
        if depth < _DEPTH:
            labels = _described(entry, depth + 1) | labels
    return labels
