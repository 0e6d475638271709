"""One side of an overlap: whose images and rows it holds, in one form whatever it was read from."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa

from midi_risk.attributes.model import AttributeSet, Decision, Role
from midi_risk.errors import SourceError
from midi_risk.sources.model import Extraction, SourceTable
from midi_risk.table.model import SubjectTable
from midi_risk.table.subjects import find_subjects, link

IDC = "idc"
"""Name of the index of the NCI Imaging Data Commons."""

COLUMNS = ("key", "collection", "study", "series", "modality", "model", "day", "instances")
"""Columns of the rows of a side, beside ``subject``."""

_FROM = {
    "key": "PatientID", "collection": "collection_id", "study": "StudyInstanceUID",
    "series": "SeriesInstanceUID", "modality": "Modality", "model": "ManufacturerModelName",
    "day": "StudyDate", "instances": "instanceCount",
}  # fmt: skip
_KNOWN_OF_AN_INDEX = (
    "PatientAge", "PatientSex", "StudyDate", "BodyPartExamined", "Modality", "Manufacturer",
    "ManufacturerModelName",
)  # fmt: skip
_UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID")
_UID = re.compile(r"2\.25\.\d{9,}|[0-2](?:\.\d+){3,}")
_STANDARD = "1.2.840.10008."


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What one release tells of its subjects.

    Parameters
    ----------
    name, version : str
        Of the release, and of the package or the form that it was read from.
    digest : str
        SHA-256 of what was compared; of an index that of its file.
    rows : pyarrow.Table or pathlib.Path
        Series with ``subject`` and `COLUMNS`, all text; of an index the Parquet or CSV file.
    uids : mapping of str to str
        UID -> subject, of one subject each; empty where `rows` say them.
    known : pandas.DataFrame or None
        What it tells of each subject, by subject; None for an index, of which it is fetched for
        those who are met.
    columns : tuple of str
        Columns of `known`, or of the file of an index.
    files : tuple of str or pathlib.Path
        Images whose pixels can be compared.
    """

    name: str
    version: str = ""
    digest: str
    rows: pa.Table | Path
    uids: Mapping[str, str] = field(default_factory=dict)
    known: pd.DataFrame | None = None
    columns: tuple[str, ...] = ()
    files: tuple[str | Path, ...] = ()

    @property
    def indexed(self) -> bool:
        """Whether it is an index of many collections, read from its file."""
        return isinstance(self.rows, Path)

    def __repr__(self) -> str:
        """Return the version and the form, never a value."""
        return f"Side({self.version or 'sources'}, {'index' if self.indexed else 'subjects'})"


def is_personal_uid(text: str) -> bool:
    """Tell a UID that was made for an object: no well-known one, and no bare number.

    Examples
    --------
    >>> is_personal_uid("1.3.6.1.4.1.14519.5.2.1.1"), is_personal_uid("1.2.840.10008.1.4.1.1")
    (True, False)
    """
    return bool(_UID.fullmatch(text)) and not text.startswith(_STANDARD)


def _texts(rows: pa.Table, name: str | None) -> list[str | None]:
    if name is None or name not in rows.column_names:
        return [None] * rows.num_rows
    column = rows.column(name).cast(pa.string())
    return [None if v is None or not v.strip() else v.strip() for v in column.to_pylist()]


def _rows_of(table: SourceTable, of_row: Sequence[int], labels: Sequence[str]) -> pa.Table:
    """Return the rows of a source that belong to somebody, under the names of a side."""
    took = {**_FROM, "key": table.key, "instances": table.instances_column or "instanceCount"}
    data = {name: _texts(table.rows, took[name]) for name in COLUMNS}
    if table.scope:
        data["collection"] = _texts(table.rows, table.scope)
    data["subject"] = [labels[i] if i >= 0 else None for i in of_row]
    made = pa.table({name: pa.array(values, pa.string()) for name, values in data.items()})
    return made.filter(made.column("subject").is_valid())


def _uids_of(
    extraction: Extraction, table: SourceTable, label_of: Mapping[str, str]
) -> dict[str, str]:
    """Return each UID that one subject alone has."""
    found: dict[str, str] = {}
    shared: set[str] = set()
    sources = [table.rows] if extraction.instances is None else [table.rows, extraction.instances]
    for rows in sources:
        if table.key not in rows.column_names:
            continue
        owners = [label_of.get(key or "") for key in _texts(rows, table.key)]
        for name in _UIDS:
            if name not in rows.column_names:
                continue
            for uid, owner in zip(_texts(rows, name), owners, strict=True):
                if uid and owner and is_personal_uid(uid) and found.setdefault(uid, owner) != owner:
                    shared.add(uid)
    return {uid: owner for uid, owner in found.items() if uid not in shared}


def known_columns(attributes: AttributeSet, frame: pd.DataFrame) -> list[str]:
    """Return the columns of a subject table that somebody may know, as they would leave."""
    roles = {Role.QUASI_IDENTIFIER, Role.UNDECIDED}
    return [
        a.name
        for a in attributes
        if a.name in frame.columns and a.role in roles and a.decision is not Decision.REMOVE
    ]


def side_of(
    name: str,
    extraction: Extraction,
    table: SubjectTable | None = None,
    files: Iterable[str | Path] = (),
    version: str = "",
) -> Side:
    """Return the side that sources make.

    Parameters
    ----------
    name : str
    extraction : Extraction
        As read, with the rows that the collection is about.
    table : SubjectTable, optional
        As it would be released; without it the side tells nothing of its subjects but who they are.
    files : iterable of str or Path
        Where its images are.
    version : str
    """
    leading = extraction.tables[0]
    subjects = find_subjects(leading)
    labels = [str(label) for label in subjects.labels]
    parts = [_rows_of(leading, subjects.of_row.tolist(), labels)]
    uids = _uids_of(extraction, leading, subjects.by_key(leading, subjects.of_row))
    for other in extraction.tables[1:]:
        of_row, _ = link(other, subjects)
        if {"Modality", "SeriesInstanceUID"} & set(other.rows.column_names):
            parts.append(_rows_of(other, of_row.tolist(), labels))
            uids |= _uids_of(extraction, other, subjects.by_key(other, of_row))
    rows = pa.concat_tables(parts)
    columns: list[str] = []
    known = None
    if table is not None:
        columns = known_columns(table.attributes, table.frame)
        known = table.frame[columns].copy()
        known.index = pd.Index([str(key) for key in table.frame.index], dtype=object)
    told = hashlib.sha256()
    for line in sorted({"\0".join(t or "" for t in row.values()) for row in rows.to_pylist()}):
        told.update(line.encode() + b"\n")
    for uid in sorted(uids):
        told.update(f"{uid}\0{uids[uid]}\n".encode())
    return Side(
        name=name, version=version, digest=told.hexdigest(), rows=rows, uids=uids, known=known,
        columns=tuple(columns), files=tuple(files),
    )  # fmt: skip


def side_of_subjects(name: str, path: Path, columns: Sequence[str], digest: str) -> Side:
    """Return the side that the results of an assessment make: its subject table.

    Parameters
    ----------
    name : str
    path : pathlib.Path
        ``subjects.parquet`` beside an ``assessment.json``.
    columns : sequence of str
        Those of its columns that somebody may know.
    digest : str
    """
    import pyarrow.parquet as pq  # noqa: PLC0415 - an index needs DuckDB alone

    read = pq.read_table(path)
    frame = read.to_pandas().set_index("subject")
    frame.index = pd.Index([str(key) for key in frame.index], dtype=object)
    keys = [str(key) for key in frame.index]
    nothing = pa.nulls(len(keys), pa.string())
    rows = dict.fromkeys(COLUMNS, nothing) | {"key": pa.array(keys), "subject": pa.array(keys)}
    kept = [column for column in columns if column in frame.columns]
    return Side(
        name=name, version="assessment", digest=digest, rows=pa.table(rows), known=frame[kept],
        columns=tuple(kept),
    )  # fmt: skip


def columns_of(path: Path) -> list[str]:
    """Return the columns of a Parquet or CSV file; none where it is no such file."""
    try:
        with duckdb.connect() as connection:
            query = f"DESCRIBE SELECT * FROM {reading(path)}"  # noqa: S608 - quoted
            found = connection.execute(query).fetchall()
    except duckdb.Error:
        return []
    return [str(row[0]) for row in found]


def reading(path: Path) -> str:
    """Return the table function of DuckDB that reads a file."""
    quoted = str(path).replace("'", "''")
    if path.suffix.lower() == ".parquet":
        return f"read_parquet('{quoted}')"
    return f"read_csv('{quoted}', all_varchar = true)"


def is_index(columns: Sequence[str]) -> bool:
    """Tell the columns of an index of series, such as that of the Imaging Data Commons."""
    return {"PatientID", "SeriesInstanceUID"} <= set(columns)


def side_of_index(name: str, path: Path, version: str, digest: str) -> Side:
    """Return the side that an index of series makes; its rows stay in the file.

    Parameters
    ----------
    name : str
    path : pathlib.Path
        With the columns of the index of the Imaging Data Commons, of which ``PatientID`` and
        ``SeriesInstanceUID`` are needed.
    version, digest : str

    Raises
    ------
    SourceError
        When it has not these columns.
    """
    columns = columns_of(path)
    if not is_index(columns):
        raise SourceError(
            f"'{path}' is no index of series: it has no columns PatientID and SeriesInstanceUID",
            hint="Name a Parquet or CSV file with them, a project, an assessment or a folder",
        )
    return Side(name=name, version=version, digest=digest, rows=path, columns=tuple(columns))


def idc_index() -> tuple[Path, str]:
    """Return the file of the index of the Imaging Data Commons, and its version.

    Raises
    ------
    SourceError
        When the package that holds it is not installed.
    """
    if find_spec("idc_index_data") is None:
        raise SourceError(
            "the index of the Imaging Data Commons is not installed",
            hint="Install midi-risk[idc], or name an index file with --index FILE",
        )
    import idc_index_data  # noqa: PLC0415 - an optional package

    about: Any = idc_index_data
    return Path(about.IDC_INDEX_PARQUET_FILEPATH), str(about.__version__)


def relation(side: Side) -> str:
    """Return the rows of an index as SQL, under the names of a side."""
    there = set(side.columns)
    parts = [
        f'CAST("{_FROM[name]}" AS VARCHAR) AS "{name}"'
        if _FROM[name] in there
        else f'CAST(NULL AS VARCHAR) AS "{name}"'
        for name in COLUMNS
    ]
    return f"SELECT {', '.join(parts)} FROM {reading(Path(str(side.rows)))}"  # noqa: S608 - quoted


def known_of(side: Side) -> list[str]:
    """Return the columns of an index that somebody may know of a person."""
    return [name for name in _KNOWN_OF_AN_INDEX if name in side.columns]
