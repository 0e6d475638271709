"""DICOM files as one table, with an account of every file met.

The account is in memory, or mapped from disk when there are many files.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path

import pyarrow as pa

from midi_risk.sources.arrow import empty_table, give_back, integers_of, text_array, truth_array
from midi_risk.sources.dicom.contents import element_counts
from midi_risk.sources.dicom.facts import facts_from, noticed_counts
from midi_risk.sources.dicom.header import Noticed, wanted_attributes
from midi_risk.sources.executor import processes
from midi_risk.sources.files.inputs import chunks_of, list_inputs, only_here, unopened_findings
from midi_risk.sources.files.listing import Listed, write_listing
from midi_risk.sources.model import FILE_SCHEMA, SourceKind, SourceTable
from midi_risk.sources.scan.columns import INTERNAL
from midi_risk.sources.scan.store import (
    INSTANCES,
    Census,
    ScanStore,
    fill,
    flush_rows,
    series_rows,
    take_census,
)
from midi_risk.sources.scan.store import findings as folding_findings
from midi_risk.sources.scan.workers import reader

_AT_ONCE = 16_384


def account_of(rows: pa.Table | pa.RecordBatch, source: str) -> pa.Table:
    """Return rows of a scan in the columns of `FILE_SCHEMA`.

    Parameters
    ----------
    rows : pyarrow.Table or pyarrow.RecordBatch
        With ``_path``, ``_size``, ``_status`` and ``_reason``.
    source : str
        Name of the source.

    Returns
    -------
    pyarrow.Table
    """
    named = text_array([source] * rows.num_rows)
    columns = [rows["_path"], named, rows["_size"], rows["_status"], rows["_reason"]]
    return pa.table(dict(zip(FILE_SCHEMA.names, columns, strict=True))).cast(FILE_SCHEMA)


def _gathered(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Yield tables of many rows: each touches a page of its own when it is mapped."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(item.num_rows for item in waiting) >= _AT_ONCE:
            yield pa.Table.from_batches(waiting).combine_chunks()
            waiting = []
    if waiting:
        yield pa.Table.from_batches(waiting).combine_chunks()


def mapped_account(batches: Iterable[pa.RecordBatch], source: str, folder: Path) -> pa.Table:
    """Return the same for many files: the table's columns stay on disk and are mapped.

    The file has no name any more once it is mapped, so that it goes with the table.
    Where a mapped file cannot be removed (Windows), the columns are read into memory.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
        With ``_path``, ``_size``, ``_status`` and ``_reason``.
    source : str
        Name of the source.
    folder : Path
        Where the file is written, mode 0600.

    Returns
    -------
    pyarrow.Table
    """
    target = folder / "account.arrow.tmp"
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as handle, pa.ipc.new_file(handle, FILE_SCHEMA) as writer:
        for rows in _gathered(batches):
            writer.write_table(account_of(rows, source))
    if os.name == "posix":
        mapped = pa.memory_map(str(target))
    else:
        mapped = pa.BufferReader(target.read_bytes())
    table = pa.ipc.open_file(mapped).read_all()
    target.unlink()
    return table


KEPT = ("PatientID", "PatientSex", "PatientAge", "StudyDate", "Modality")
"""Columns that stay even when no file has a value."""

_NAME = "dicom"
_CHUNK = 256
_IN_MEMORY = 50_000
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
    elements : mapping of str to int
        Line of an element (`midi_risk.sources.dicom.contents`) -> files that hold it.
    instances : pyarrow.Table, optional
        One row per instance, with path, contents and what was noticed, where all are in memory.
    """

    table: SourceTable | None
    files: pa.Table
    findings: tuple[str, ...] = ()
    facts: Mapping[str, int] = field(default_factory=dict)
    elements: Mapping[str, int] = field(default_factory=dict)
    instances: pa.Table | None = None

    def __repr__(self) -> str:
        """Return counts only, never values."""
        return f"DicomReading({self.files.num_rows} files, {self.table!r})"


def _kept_columns(rows: pa.Table) -> pa.Table:
    """Put columns in the order of tags, without those that are null throughout."""
    columns = {}
    for item in wanted_attributes().values():
        name = item.keyword
        if name in rows.column_names and rows[name].null_count < rows.num_rows:
            columns[name] = rows[name]
        elif name in KEPT:
            columns[name] = pa.nulls(rows.num_rows, _TEXT)
    if INSTANCES in rows.column_names:
        columns[INSTANCES] = rows[INSTANCES]
    return pa.table(columns).unify_dictionaries()


def _instances(scan: pa.Table) -> pa.Table:
    return scan.filter(truth_array(integers_of(scan["_noticed"]) & Noticed.INSTANCE != 0))


def _with_contents(rows: pa.Table, instances: pa.Table) -> pa.Table:
    """Return the attributes of instances with what else is known of the file of each."""
    for name in ("_path", "_noticed", "_contents"):
        rows = rows.append_column(name, instances[name])
    return rows


def _account(census: Census, counted: Counter[int], folder: Path) -> pa.Table:
    """Return the account of all files, and count what was noticed about them."""

    def rows() -> Iterator[pa.RecordBatch]:
        for listed, row in census.rows():
            counted.update(noticed_counts(row["_noticed"]))
            columns = [listed["_path"], listed["_size"], row["_status"], row["_reason"]]
            yield pa.RecordBatch.from_arrays(columns, ["_path", "_size", "_status", "_reason"])

    return mapped_account(rows(), _NAME, folder)


def _in_memory(
    listed: list[Listed], jobs: int | None, progress: Progress | None, *, payloads: bool
) -> DicomReading:
    pool = reader(processes(jobs, len(listed)), payloads=payloads)
    results = []
    done = 0
    for result in pool.run(chunks_of(iter(listed), _CHUNK)):
        results.append(result)
        done += sum(batch.num_rows for batch in result.parts)
        if progress is not None:
            progress(done, len(listed))
    results.sort(key=lambda result: result.place)
    tables = [pa.Table.from_batches([batch]) for r in results for batch in r.parts]
    scan = (
        pa.concat_tables(tables, promote_options="default").unify_dictionaries()
        if tables
        else empty_table(INTERNAL)
    )
    instances = _instances(scan)
    rows = _kept_columns(instances)
    files = account_of(scan, _NAME)
    return DicomReading(
        table=_table(rows, "instance"),
        files=files,
        findings=(*pool.findings, *unopened_findings(files)),
        facts=facts_from(noticed_counts(scan["_noticed"]), payloads=payloads),
        elements=element_counts(scan["_contents"]),
        instances=_with_contents(rows, instances),
    )


def _table(rows: pa.Table, level: str) -> SourceTable | None:
    if not rows.num_rows:
        return None
    counted = INSTANCES if INSTANCES in rows.column_names else None
    return SourceTable(
        name=_NAME,
        kind=SourceKind.DICOM,
        level=level,
        key="PatientID",
        rows=rows,
        instances_column=counted,
    )


def scan_into(
    store: ScanStore,
    listed: Iterable[Listed],
    *,
    jobs: int | None = None,
    progress: Progress | None = None,
    payloads: bool = False,
) -> tuple[Census, tuple[str, ...]]:
    """Read into a store the files that it does not hold as they are now.

    Parameters
    ----------
    store : ScanStore
        The store.
    listed : iterable of Listed
        Every file there is.
    jobs, progress, payloads
        As in `read_dicom`.

    Returns
    -------
    tuple of (Census, tuple of str)
        What the store holds now, and findings of the pool.
    """
    total = write_listing(store.folder, listed)
    give_back()
    census = take_census(store.folder, store.parts(), total)
    count = census.count_unread()
    if not count:
        return census, ()
    done = total - count
    pool = reader(processes(jobs, count), payloads=payloads)
    batches = (
        batch for result in pool.run(chunks_of(census.unread(), _CHUNK)) for batch in result.parts
    )
    for number in fill(store, batches, flush_rows(count)):
        done += number
        if progress is not None:
            progress(done, total)
    return take_census(store.folder, store.parts(), total), pool.findings


def _stored(
    folder: Path,
    listed: Iterable[Listed],
    jobs: int | None,
    progress: Progress | None,
    *,
    payloads: bool,
) -> DicomReading:
    with closing(ScanStore(folder, payloads=payloads)) as store:
        census, said = scan_into(store, listed, jobs=jobs, progress=progress, payloads=payloads)
        counted: Counter[int] = Counter()
        files = _account(census, counted, store.folder)
        elements = store.elements(census.parts)
        if census.stale() or store.is_scattered(files.num_rows):
            store.compact(census.parts)
        give_back()
        rows = _kept_columns(series_rows(store, files.num_rows))
    instances = counted[Noticed.INSTANCE]
    return DicomReading(
        table=_table(rows, "series"),
        files=files,
        findings=(*said, *unopened_findings(files), *folding_findings(rows.num_rows, instances)),
        facts=facts_from(counted, payloads=payloads),
        elements=elements,
    )


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
        Files, folders, archives (zip, tar, gzipped tar) and fsspec URLs.
    jobs : int, optional
        Worker processes; all available cores when not given, none for few files.
    progress : callable, optional
        Called with (files done, files in all).
    store : Path, optional
        Folder that keeps what was read, so that a later run reads only what changed.
        The table then has one row per series tuple, as it has beyond 50,000 files.
    payloads : bool
        Also look into embedded payloads (JPEG segments, trailing data, documents).

    Returns
    -------
    DicomReading

    Raises
    ------
    SourceError
        When a path does not exist.
    OutputError
        When the store cannot be written.

    Examples
    --------
    >>> reading = read_dicom([])
    >>> reading.files.num_rows, reading.table is None, reading.facts
    (0, True, {})
    """
    files = list_inputs(paths)
    jobs = 1 if only_here(paths) else jobs
    if store is not None:
        return _stored(Path(store), files, jobs, progress, payloads=payloads)
    first = list(islice(files, _IN_MEMORY + 1))
    if len(first) <= _IN_MEMORY:
        return _in_memory(first, jobs, progress, payloads=payloads)
    with tempfile.TemporaryDirectory(prefix="midi-risk-") as folder:
        listed = chain(first, files)
        return _stored(Path(folder), listed, jobs, progress, payloads=payloads)
