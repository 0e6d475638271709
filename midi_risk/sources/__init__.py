"""Read images' metadata and clinical tables as raw text, and account for every file."""

from __future__ import annotations

from midi_risk.sources.collect import extract
from midi_risk.sources.model import Extraction, FileStatus, SourceKind, SourceTable, TableSpec
from midi_risk.sources.select import select_rows, split_by
from midi_risk.sources.tables.keys import KeyMatch, match_keys

__all__ = [
    "Extraction",
    "FileStatus",
    "KeyMatch",
    "SourceKind",
    "SourceTable",
    "TableSpec",
    "extract",
    "match_keys",
    "select_rows",
    "split_by",
]
