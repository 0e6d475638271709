"""Read images' metadata and clinical tables as raw text, and account for every file."""

from __future__ import annotations

from midi_risk.sources.collect import extract
from midi_risk.sources.collect_spec import TableSpec
from midi_risk.sources.keys import KeyMatch, match_keys
from midi_risk.sources.model import Extraction, FileStatus, SourceKind, SourceTable
from midi_risk.sources.select import select_rows, split_by

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
