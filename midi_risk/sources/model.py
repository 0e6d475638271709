"""What reading yields: wide tables of raw text, and an account of every file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    import pandas as pd


class FileStatus(StrEnum):
    """What became of one file."""

    READ = "read"
    FLAGGED = "flagged"
    NOT_DICOM = "not_dicom"
    UNREADABLE = "unreadable"


class SourceKind(StrEnum):
    """What kind of thing a source table came from."""

    DICOM = "dicom"
    METADATA = "metadata"
    SPREADSHEET = "spreadsheet"
    BIDS = "bids"
    SDTM = "sdtm"


LEVELS = ("patient", "study", "series", "instance")
"""Levels of a row, coarsest first."""

FILE_SCHEMA = pa.schema(
    [
        ("path", pa.string()),
        ("source", pa.string()),
        ("size", pa.int64()),
        ("status", pa.string()),
        ("reason", pa.string()),
    ]
)
"""Columns of `Extraction.files`; ``reason`` is a fixed phrase, never file content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTable:
    """Rows of one source, as raw text.

    Parameters
    ----------
    name : str
        Short label: the file's name, or ``"dicom"``. Unique within an extraction.
    kind : SourceKind
        Where it came from.
    level : {"patient", "study", "series", "instance"}
        What one row describes at the finest.
    key : str
        Column that holds the subject's linkage key.
    scope : str, optional
        Column within which the key is unique (such as ``collection_id``); a subject
        is then the pair (scope, key).
    rows : pyarrow.Table
        Columns of type ``string`` or ``dictionary<int32, string>``; null is absent.
        Column names are DICOM keywords where the column is known to be one.
    origin : mapping of str to str
        Column name -> name in the file, where it was renamed.
    labels : mapping of str to str
        Column name -> description from a data dictionary, where one exists.
    instances_column : str, optional
        Column with the number of instances that a row stands for.
    """

    name: str
    kind: SourceKind
    level: str
    key: str
    scope: str | None = None
    rows: pa.Table
    origin: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    instances_column: str | None = None

    def __repr__(self) -> str:
        """Name, shape and level; never values."""
        return f"SourceTable({self.name!r}, {self.rows.num_rows} rows, level={self.level!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """Everything that was read, and what became of every file.

    Parameters
    ----------
    tables : tuple of SourceTable
        At least one; the first imaging table leads.
    files : pyarrow.Table
        One row per file met, with the columns of `FILE_SCHEMA`.
    findings : tuple of str
        Sentences without values about what reading noticed.
    facts : mapping of str to int
        Counts that later channels use, such as ``private_elements`` or
        ``burned_in_yes``; absent means not looked at.
    """

    tables: tuple[SourceTable, ...]
    files: pa.Table
    findings: tuple[str, ...] = ()
    facts: Mapping[str, int] = field(default_factory=dict)

    def file_counts(self) -> dict[str, int]:
        """Return the number of files by status, all four always present."""
        counts = {status.value: 0 for status in FileStatus}
        for item in self.files.column("status").value_counts().to_pylist():
            counts[item["values"]] += item["counts"]
        return counts

    def table(self, name: str) -> SourceTable:
        """Return the source table of that name."""
        return next(table for table in self.tables if table.name == name)

    def to_dict(self) -> dict[str, Any]:
        """Return counts and names, no values."""
        return {
            "tables": [
                {"name": t.name, "kind": t.kind.value, "level": t.level, "rows": t.rows.num_rows}
                for t in self.tables
            ],
            "files": self.file_counts(),
            "findings": list(self.findings),
            "facts": dict(self.facts),
        }

    def to_frame(self) -> pd.DataFrame:
        """Return one row per source table: name, kind, level, rows and columns, no values."""
        import pandas as pd  # noqa: PLC0415

        return pd.DataFrame(
            [
                {
                    "table": t.name,
                    "kind": t.kind.value,
                    "level": t.level,
                    "rows": t.rows.num_rows,
                    "columns": t.rows.num_columns,
                }
                for t in self.tables
            ]
        )

    def __repr__(self) -> str:
        """Return counts only, never values."""
        return f"Extraction({len(self.tables)} tables, {self.files.num_rows} files)"
