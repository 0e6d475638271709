"""DICOM files as one table, with an account of every file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from midi_risk.sources.batch import INTERNAL, batch_of
from midi_risk.sources.facts import facts_from
from midi_risk.sources.header import NOTICED_BITS, Noticed
from midi_risk.sources.listing import Listed, list_files
from midi_risk.sources.model import FILE_SCHEMA, SourceKind, SourceTable
from midi_risk.sources.one_file import read_local
from midi_risk.sources.wanted import wanted_attributes

KEPT = ("PatientID", "PatientSex", "PatientAge", "StudyDate", "Modality")
"""Columns that stay even when no file has a value."""

_CHUNK = 256
_TEXT = pa.dictionary(pa.int32(), pa.string())

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class DicomReading:
    """DICOM files read.

    Parameters
    ----------
    table : SourceTable or None
        One row per instance, or per series tuple when folded; None without any.
    files : pyarrow.Table
        One row per file met, in the columns of `FILE_SCHEMA`.
    findings : tuple of str
        Sentences without values.
    facts : mapping of str to int
        Counts; absent means not looked at.
    """

    table: SourceTable | None
    files: pa.Table
    findings: tuple[str, ...] = ()
    facts: Mapping[str, int] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Return counts only, never values."""
        return f"DicomReading({self.files.num_rows} files, {self.table!r})"


def _chunks(listed: Iterator[Listed]) -> Iterator[list[Listed]]:
    while chunk := list(islice(listed, _CHUNK)):
        yield chunk


def _rows(scan: pa.Table) -> pa.Table:
    order = [item.keyword for item in wanted_attributes().values()]
    is_instance = pc.not_equal(
        pc.bit_wise_and(scan["_noticed"], Noticed.INSTANCE), pa.scalar(0, pa.int64())
    )
    instances = scan.filter(is_instance)
    columns = {}
    for name in order:
        if name in scan.column_names and instances[name].null_count < instances.num_rows:
            columns[name] = instances[name]
        elif name in KEPT:
            columns[name] = pa.nulls(instances.num_rows, _TEXT)
    return pa.table(columns).unify_dictionaries()


def _files(scan: pa.Table) -> pa.Table:
    columns = [
        scan["_path"],
        pa.chunked_array([pa.array(["dicom"] * scan.num_rows, pa.string())]),
        scan["_size"],
        scan["_status"].cast(pa.string()),
        scan["_reason"].cast(pa.string()),
    ]
    return pa.Table.from_arrays(columns, schema=FILE_SCHEMA)


def _counts(scan: pa.Table) -> dict[int, int]:
    noticed = scan["_noticed"].to_numpy()
    return {bit: int(((noticed & bit) != 0).sum()) for bit in NOTICED_BITS}


def read_dicom(
    paths: Sequence[str | Path],
    *,
    jobs: int | None = None,
    progress: Progress | None = None,
    store: Path | None = None,
    payloads: bool = False,
) -> DicomReading:
    """Read the headers of every DICOM file below files and folders.

    Parameters
    ----------
    paths : sequence of str or Path
        Files and folders.
    jobs : int, optional
        Worker processes; all available cores when not given, none for few files.
    progress : callable, optional
        Called with (files done, files in all or None while still listing).
    store : Path, optional
        Folder that keeps what was read, so that a later run reads only what changed.
    payloads : bool
        Also look into embedded payloads (JPEG segments, trailing data, documents).

    Returns
    -------
    DicomReading

    Raises
    ------
    SourceError
        When a path does not exist.
    """
    del jobs, store
    batches = []
    done = 0
    for chunk in _chunks(list_files(paths)):
        batches.append(batch_of([read_local(listed) for listed in chunk]))
        done += len(chunk)
        if progress is not None:
            progress(done, None)
    tables = [pa.Table.from_batches([batch]) for batch in batches]
    scan = (
        pa.concat_tables(tables, promote_options="default").unify_dictionaries()
        if tables
        else INTERNAL.empty_table()
    )
    rows = _rows(scan)
    table = None
    if rows.num_rows:
        table = SourceTable(
            name="dicom", kind=SourceKind.DICOM, level="instance", key="PatientID", rows=rows
        )
    return DicomReading(
        table=table,
        files=_files(scan),
        facts=facts_from(_counts(scan), payloads=payloads),
    )
