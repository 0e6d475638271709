"""What reading yields: wide tables of raw text, an account of every file, how a table is named."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote, urlsplit

import pyarrow as pa

from midi_risk.document.notebook import Card

if TYPE_CHECKING:
    import numpy as np
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
    key_guess : str
        Why that column was taken, where no plain name says so; the verdict asks to confirm it.
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
    spelt : mapping of str to str
        Column whose cells were given the unit of their row -> the column that states it.
    via : str
        Column through whose accession number or UID the key was found, ``""`` for none.
    all_keys : tuple of str
        Keys of the whole table of which these rows were selected; empty for a whole table.
    on_date : str
        Column of dates: a row belongs to its subject only when the leading source has a visit
        of the subject on that day; ``""`` for none.
    sheet : str
        Sheet of the workbook that was read, ``""`` for other files.
    weights : numpy.ndarray of int64, shape (n_rows,), optional
        How many rows of the source each row stands for (`midi_risk.sources.tuples`). One of 0 says
        what else a subject has in a single column, and counts for nothing.
    ends : frozenset of str
        Columns of identifiers of objects, of which each row has the first and the last.
    partly : frozenset of str
        Columns whose values do not stand with all subjects that have them.
    again : callable, optional
        Reads the table again with ``where``, ``by`` or ``whole`` (columns that are to stand with
        all subjects).
    """

    name: str
    kind: SourceKind
    level: str
    key: str
    key_guess: str = ""
    scope: str | None = None
    rows: pa.Table
    origin: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    instances_column: str | None = None
    spelt: Mapping[str, str] = field(default_factory=dict)
    via: str = ""
    on_date: str = ""
    all_keys: tuple[str, ...] = ()
    sheet: str = ""
    weights: np.ndarray | None = field(default=None, compare=False)
    ends: frozenset[str] = frozenset()
    partly: frozenset[str] = frozenset()
    again: Callable[..., Any] | None = field(default=None, repr=False, compare=False)

    @property
    def n_rows(self) -> int:
        """Number of rows in the source: the sum of the weights, where rows have some."""
        return self.rows.num_rows if self.weights is None else int(self.weights.sum())

    def __repr__(self) -> str:
        """Name, shape and level; never values."""
        return f"SourceTable({self.name!r}, {self.n_rows} rows, level={self.level!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """Something that lies beside the values that were read, and leaves with them.

    Parameters
    ----------
    kind : {"sheet", "comment", "text", "file"}
        Sheets of workbooks, comments on their cells, texts that files hold beside their values,
        files that were not read.
    name : str
        Name of a sheet, path of a file, or what it is in words of midi-risk. Names of sheets and
        files may be anybody's and are shown by their pattern.
    source : str
        Name of the source table, ``""`` for files.
    count : int
        How many there are.
    state : {"unread", "left out", "known"}
        Nobody read it; somebody says that it does not leave; it tells nothing, by `why`.
    why : str
    """

    kind: Literal["sheet", "comment", "text", "file"]
    name: str
    source: str = ""
    count: int = 1
    state: Literal["unread", "left out", "known"] = "unread"
    why: str = ""

    def __repr__(self) -> str:
        """Return kind and state, never a name."""
        return f"Beside({self.kind}, {self.state})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction(Card):
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
    elements : mapping of str to int
        Line of a DICOM element at any depth (`midi_risk.sources.dicom.contents`) -> files
        that hold it.
    roots : tuple of str
        Folders and archives that were read whole: names below them leave.
    beside : tuple of Beside
        What lies beside the values that were read.
    instances : pyarrow.Table, optional
        One row per DICOM instance, with what stands in its file, where all are in memory: so that
        a part of them can be counted.
    left : frozenset of str
        Paths of files whose instances were not selected.
    """

    tables: tuple[SourceTable, ...]
    files: pa.Table
    findings: tuple[str, ...] = ()
    facts: Mapping[str, int] = field(default_factory=dict)
    elements: Mapping[str, int] = field(default_factory=dict)
    roots: tuple[str, ...] = ()
    beside: tuple[Beside, ...] = ()
    instances: pa.Table | None = None
    left: frozenset[str] = frozenset()

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
                {"name": t.name, "kind": t.kind.value, "level": t.level, "rows": t.n_rows}
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
                    "rows": t.n_rows,
                    "columns": t.rows.num_columns,
                }
                for t in self.tables
            ]
        )

    def __repr__(self) -> str:
        """Return counts only, never values."""
        return f"Extraction({len(self.tables)} tables, {self.files.num_rows} files)"


DATABASE = re.compile(r"(?:postgres(?:ql)?|sqlite|duckdb)://")
"""How the URL of a table in a database begins."""

_DATABASE_TABLE = re.compile(r"([?&]table=)([^&:]*)(?::([^&]*))?")
_KEYED_URL = re.compile(r"(.*/[^/]*\.\w+):([^/:]*)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=False)
class TableSpec:
    """A table file to read.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    key : str, optional
        Column that holds the subject's key; ``"#row"`` makes every row a subject.
        Proposed from names and values when not given.
    sheet : str, optional
        Sheet of a workbook.
    url : str, optional
        Where the file is to be fetched; the path is its name then.
    header_rows : int, optional
        Rows above the first row of data; told from the rows when not given.
    encoding : str, optional
        Encoding of delimited text; told from the bytes when not given.
    left_out : tuple of str
        Sheets of a workbook, and ``comments``, of which somebody says that they do not leave.
    """

    path: Path
    key: str | None = None
    sheet: str | None = None
    url: str | None = None
    header_rows: int | None = None
    encoding: str | None = None
    left_out: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Take text as a path."""
        object.__setattr__(self, "path", Path(self.path))

    @classmethod
    def parse(cls, given: str | Path | TableSpec) -> TableSpec:
        """Return the table that a text such as ``clinical.csv:PatientID`` names.

        A file that exists under the whole text wins; a colon after a single letter
        belongs to a Windows drive.

        Examples
        --------
        >>> TableSpec.parse("clinical.csv:PatientID").key
        'PatientID'
        >>> TableSpec.parse("C:/data/clinical.csv").key is None
        True
        >>> TableSpec.parse("https://host/clinical.csv:PatientID").url
        'https://host/clinical.csv'
        >>> TableSpec.parse("sqlite:///a.db?table=person:person_id").key
        'person_id'
        """
        if isinstance(given, TableSpec):
            return given
        text = str(given)
        if isinstance(given, str) and "://" in text:
            return cls._at_url(text)
        if isinstance(given, Path) or ":" not in text or Path(text).exists():
            return cls(Path(text))
        start = 2 if re.match(r"^[A-Za-z]:[\\/]", text) else 0
        colons = [i for i, mark in enumerate(text) if mark == ":" and i >= start and i > 0]
        for at in colons:
            if Path(text[:at]).is_file():
                return cls(Path(text[:at]), text[at + 1 :] or None)
        if not colons:
            return cls(Path(text))
        at = next((i for i in colons if re.search(r"\.\w+$", text[:i])), colons[-1])
        return cls(Path(text[:at]), text[at + 1 :] or None)

    @classmethod
    def _at_url(cls, text: str) -> TableSpec:
        """Return the table of a database, or the table file, that a URL names."""
        if DATABASE.match(text):
            found = _DATABASE_TABLE.search(text)
            name, key = (unquote(found[2]), unquote(found[3] or "")) if found else ("", "")
            return cls(Path(name or "table"), key or None, url=_DATABASE_TABLE.sub(r"\1\2", text))
        keyed = _KEYED_URL.fullmatch(text)
        url, own = (keyed[1], keyed[2] or None) if keyed else (text, None)
        parts = urlsplit(url)
        return cls(Path(PurePosixPath(unquote(parts.path or parts.netloc)).name), own, url=url)
