"""The scan store: what was read, in immutable Parquet parts that are the ledger as well.

A part is written under a temporary name, synced and renamed, so that a kill or a power
cut loses at most the rows not yet in a part. A later scan lists the files anew and reads
those whose (path, size, modification time) no part holds; what vanished is no longer
listed and so drops out. Where this machine read a file whose change time or inode is another now,
its header is read again: somebody may have put back the size and the time. What another machine
read counts by path, size and time alone, since inodes and change times are its own.

Parts lie in a generation; compaction makes few large parts of many
small ones, without rows that have no use, in the next generation beside it, and one rename makes
that the valid one.

Joined with the list of files and sorted, the ledger tells for every file the row that holds it,
in the order of the list, so that everything behind it is one pass in little memory over two files.

Rows of instances become series by one query of GROUP BY and counts. Attributes of patient, study,
series and equipment level are keys. An attribute of instance level becomes the ordered set of its
values when it is text, and its smallest and largest value when it is an identifier, a number, a
date or a time: what one instance of a series differs by, the series as a whole is not told apart
by.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from midi_risk.errors import OutputError, SourceError
from midi_risk.resources import data_rows
from midi_risk.sources.arrow import (
    empty_table,
    give_back,
    index_codes,
    integer_array,
    integers_of,
    parquet_table,
    text_array,
    truth_array,
)
from midi_risk.sources.dicom.header import Noticed, Wanted, wanted_attributes
from midi_risk.sources.files.listing import (
    MACHINE_UNIT,
    NAME,
    Listed,
    cause_of,
    listed_in,
    listing_batches,
    printable,
)
from midi_risk.sources.model import FileStatus, SourceTable
from midi_risk.sources.scan.columns import INTERNAL
from midi_risk.sources.select import copy_to, scratch, sql_pattern

_TEXTS = ("_path", "_status", "_reason")
_READ = ["_path", "_size", "_mtime", "_state", "_status", "_reason", "_noticed", "_scan"]
_SCHEMA = pa.schema(
    [(name, pa.string() if name in _TEXTS else pa.int64()) for name in (*_READ, "_part", "_row")]
)
_AT_ONCE = 8_192
_JOINED = (
    "SELECT l._n, COALESCE(k._status, '') AS _status, COALESCE(k._reason, '') AS _reason,"
    " COALESCE(k._noticed, 0) AS _noticed, COALESCE(k._scan, -1) AS _scan,"
    " COALESCE(k._part, -1) AS _part, COALESCE(k._row, -1) AS _row"
    " FROM read_parquet({listing}) l LEFT JOIN read_parquet({ledger}) k"
    " ON l._path = k._path AND l._size = k._size AND l._mtime = k._mtime"
    " AND (l._state = k._state OR l._state = 0 OR k._state = 0"
    " OR l._state // {unit} <> k._state // {unit})"
)
_SORTED = "SELECT * FROM read_parquet({joined}) ORDER BY _n, _scan DESC, _part DESC, _row DESC"


@dataclass(slots=True)
class PartRows:
    """What is known of the rows of one part."""

    instances: np.ndarray
    """Whether each row describes an instance."""
    current: np.ndarray
    """Whether it describes a file that there is now; False until `Census.rows` went by."""


@dataclass(slots=True)
class Census:
    """The rows of a store beside the files there are now.

    Parameters
    ----------
    folder : Path
        Folder of the store.
    parts : list of PartRows
        Rows of each part.
    """

    folder: Path
    parts: list[PartRows] = field(default_factory=list)

    @property
    def sorted_rows(self) -> Path:
        """Rows that match a listed file, by file, the newest first."""
        return scratch(self.folder, "census")

    def rows(self) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
        """Yield the list of files, and the newest row for each.

        Yields
        ------
        tuple of (pyarrow.RecordBatch, pyarrow.RecordBatch)
            Batches of the list and, as many rows, ``_status`` (empty when no part holds
            the file), ``_reason`` and ``_noticed``.
        """
        newest = _newest(self.sorted_rows)
        waiting: list[pa.RecordBatch] = []
        for listed in listing_batches(self.folder):
            count = listed.num_rows
            while sum(batch.num_rows for batch in waiting) < count:
                waiting.append(next(newest))
            table = pa.Table.from_batches(waiting).combine_chunks()
            (found,) = table.slice(0, count).to_batches()
            waiting = table.slice(count).to_batches()
            self._mark(found)
            yield listed, found

    def _mark(self, batch: pa.RecordBatch) -> None:
        numbers, places = integers_of(batch["_part"]), integers_of(batch["_row"])
        for number in np.unique(numbers).tolist():
            if number >= 0:
                self.parts[number].current[places[numbers == number]] = True

    def unread(self) -> Iterator[Listed]:
        """Yield the files that are to be read, in the order of the list."""
        for listed, row in self.rows():
            yield from listed_in(listed.filter(_is_unread(row)))

    def count_unread(self) -> int:
        """Return the number of files that are to be read."""
        return sum(_is_unread(row).true_count for _, row in self.rows())

    def stale(self) -> int:
        """Return how many rows describe an instance that is no longer there as it was."""
        return sum(int((part.instances & ~part.current).sum()) for part in self.parts)


def _newest(path: Path) -> Iterator[pa.RecordBatch]:
    """Yield the first row for each file, of rows that are sorted by file."""
    last = -1
    with pq.ParquetFile(path) as reader:
        for batch in reader.iter_batches(_AT_ONCE):
            numbers = integers_of(batch["_n"])
            first = np.diff(numbers, prepend=last) != 0
            last = int(numbers[-1])
            yield batch.filter(truth_array(first))


def _is_unread(batch: pa.RecordBatch) -> pa.BooleanArray:
    return pc.is_in(batch["_status"], text_array(("", FileStatus.UNREADABLE)))


def take_census(folder: Path, parts: Sequence[Path], listed: int) -> Census:
    """Compare the parts of a store with its list of files.

    Parameters
    ----------
    folder : Path
        Folder of the store, with the list in it.
    parts : sequence of Path
        The valid parts.
    listed : int
        Number of files in the list.

    Returns
    -------
    Census
    """
    census = Census(folder)
    ledger, joined = scratch(folder, "ledger"), scratch(folder, "joined")
    with pq.ParquetWriter(ledger, _SCHEMA, compression="zstd", use_dictionary=["_status"]) as out:
        for number, path in enumerate(parts):
            census.parts.append(_enter(out, number, path))
    give_back()
    join = _JOINED.format(
        listing=sql_pattern(folder / NAME), ledger=sql_pattern(ledger), unit=MACHINE_UNIT
    )
    copy_to(joined, join, rows=listed)
    ledger.unlink()
    copy_to(census.sorted_rows, _SORTED.format(joined=sql_pattern(joined)), rows=listed)
    joined.unlink()
    return census


def _enter(out: pq.ParquetWriter, number: int, path: Path) -> PartRows:
    """Write the rows of one part into the ledger."""
    said = []
    at = 0
    with pq.ParquetFile(path) as reader:
        for batch in reader.iter_batches(_AT_ONCE, columns=_READ):
            count = batch.num_rows
            columns = [batch[name].cast(_SCHEMA.field(name).type) for name in _READ]
            places = integer_array(range(at, at + count))
            arrays = [*columns, integer_array([number] * count), places]
            out.write_batch(pa.RecordBatch.from_arrays(arrays, schema=_SCHEMA))
            said.append(integers_of(batch["_noticed"]) & Noticed.INSTANCE != 0)
            at += count
    instances = np.concatenate(said) if said else np.zeros(0, np.bool_)
    return PartRows(instances, np.zeros(len(instances), np.bool_))


PART_ROWS = 2_000_000
"""Most rows of a part, so that what a Parquet file says of itself stays small."""
_ROW_GROUP = 10_000


def rewrite(
    parts: Sequence[Path], rows: Sequence[PartRows], targets: Iterator[Path], fixed: pa.Schema
) -> None:
    """Write the current rows of some parts into new ones, a row group at a time.

    Parameters
    ----------
    parts : sequence of Path
        The parts to read.
    rows : sequence of PartRows
        Which of their rows are current.
    targets : iterator of Path
        Where to write; one is taken for every `PART_ROWS` rows, mode 0600 and synced.
    fixed : pyarrow.Schema
        The columns that every part has; all others are texts.
    """
    schema = _common(parts, fixed)
    groups = _groups(parts, rows, schema)
    group = next(groups, schema_table(schema, []))
    more = True
    while more:
        descriptor = os.open(next(targets), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        written = 0
        with os.fdopen(descriptor, "wb") as handle:
            with pq.ParquetWriter(handle, schema, compression="zstd") as writer:
                while more and written < PART_ROWS:
                    writer.write_table(group)
                    written += group.num_rows
                    following = next(groups, None)
                    more = following is not None
                    group = following
            handle.flush()
            os.fsync(handle.fileno())


def schema_table(schema: pa.Schema, batches: Sequence[pa.RecordBatch]) -> pa.Table:
    """Return batches as a table of a schema."""
    return pa.Table.from_batches(batches, schema=schema)


def _common(parts: Sequence[Path], fixed: pa.Schema) -> pa.Schema:
    """Return every column of any part, texts as plain strings."""
    names = dict.fromkeys(fixed.names)
    for path in parts:
        with pq.ParquetFile(path) as reader:
            names |= dict.fromkeys(reader.schema_arrow.names)
    kinds = {item.name: item.type for item in fixed if item.type == pa.int64()}
    return pa.schema([(name, kinds.get(name, pa.string())) for name in names])


def _groups(
    parts: Sequence[Path], rows: Sequence[PartRows], schema: pa.Schema
) -> Iterator[pa.Table]:
    """Yield the current rows in tables of the size of a row group."""
    waiting: list[pa.RecordBatch] = []
    for path, known in zip(parts, rows, strict=True):
        at = 0
        with pq.ParquetFile(path) as reader:
            for batch in reader.iter_batches(_ROW_GROUP):
                current = truth_array(known.current[at : at + batch.num_rows])
                at += batch.num_rows
                waiting.append(_aligned(batch.filter(current), schema))
                if sum(item.num_rows for item in waiting) >= _ROW_GROUP:
                    yield schema_table(schema, waiting)
                    waiting = []
    if waiting:
        yield schema_table(schema, waiting)


def _aligned(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    held = set(batch.schema.names)
    arrays = [
        batch[item.name].cast(item.type)
        if item.name in held
        else pa.nulls(batch.num_rows, item.type)
        for item in schema
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


READER_VERSION = 5
"""Raised whenever the readers would yield something else from the same file."""

PART_SCHEMA = INTERNAL.append(pa.field("_scan", pa.int64()))
_GENERATION = re.compile(r"generation-(\d{6})\Z")
_MANY_PARTS = 32


def _signature(*, payloads: bool) -> str:
    rows = repr((READER_VERSION, payloads, data_rows("attribute_catalogue.csv")))
    return hashlib.sha256(rows.encode()).hexdigest()[:12]


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_parquet(table: pa.Table, target: Path) -> None:
    """Write a table under a temporary name, sync it and give it its name; mode 0600."""
    temporary = target.with_name(target.name + ".tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        pq.write_table(table, handle, compression="zstd")
        handle.flush()
        os.fsync(handle.fileno())
    temporary.replace(target)
    _sync_folder(target.parent)


class ScanStore:
    """A folder that keeps what was read from DICOM files.

    Parameters
    ----------
    folder : Path
        Made when it does not exist.
    payloads : bool
        Readings with and without payloads are kept apart.

    Raises
    ------
    OutputError
        When the folder cannot be written.
    SourceError
        When another scan uses it.
    """

    def __init__(self, folder: Path, *, payloads: bool = False) -> None:
        self.folder = folder / self.name(payloads=payloads)
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = self._locked()
            self._tidy()
        except OSError as error:
            raise OutputError(
                f"the scan store {printable(str(folder))} cannot be written: {cause_of(error)}",
                hint="Choose another folder",
            ) from None
        self._number = 0
        self._known: set[str] = set()
        self.scan = self._last_scan() + 1

    @staticmethod
    def name(*, payloads: bool) -> str:
        """Return the name of the folder that readings of this version lie in.

        Parameters
        ----------
        payloads : bool
        """
        return f"dicom-{_signature(payloads=payloads)}"

    def new_name(self, kind: Literal["part", "contents"]) -> str:
        """Return a file name that this scan has not used.

        Parameters
        ----------
        kind : {"part", "contents"}
        """
        self._number += 1
        return f"{kind}-{self.scan:06d}-{self._number:06d}.parquet"

    def _locked(self) -> int | None:
        try:
            import fcntl  # noqa: PLC0415 - POSIX only
        except ImportError:
            return None
        descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise SourceError(
                f"the scan store {printable(str(self.folder.parent))} is in use by another scan",
                hint="Wait for it, or choose another folder",
            ) from None
        return descriptor

    def _tidy(self) -> None:
        """Remove what an interrupted run left, and generations that were replaced."""
        for left in self.folder.rglob("*.tmp"):
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        kept = self.generation
        if not kept.is_dir():
            kept.mkdir(mode=0o700)
        for other in self.folder.iterdir():
            if _GENERATION.match(other.name) and other != kept:
                shutil.rmtree(other)
        first = kept / "part-000000-000000.parquet"
        if not first.exists():
            write_parquet(empty_table(PART_SCHEMA), first)

    @property
    def generation(self) -> Path:
        """Folder of the valid parts."""
        found = [path.name for path in self.folder.iterdir() if _GENERATION.match(path.name)]
        return self.folder / max(found, default="generation-000000")

    def parts(self) -> list[Path]:
        """Return the valid parts."""
        return sorted(self.generation.glob("part-*.parquet"))

    def _last_scan(self) -> int:
        return max(int(path.name.split("-")[1]) for path in self.parts())

    def add(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Write rows as one part."""
        tables = [pa.Table.from_batches([batch]) for batch in batches]
        if not tables:
            return
        table = pa.concat_tables(tables, promote_options="default").unify_dictionaries()
        scan = integer_array([self.scan] * table.num_rows)
        table = self._with_digests(table, self.new_name("contents"))
        name = self.new_name("part")
        write_parquet(table.append_column("_scan", scan), self.generation / name)

    def _with_digests(self, table: pa.Table, name: str) -> pa.Table:
        """Return rows with a digest of each file's contents, which are written once beside them.

        Very many files share them. They are there before the part is, and stay when its rows go.
        """
        column = table["_contents"].combine_chunks()
        texts = column.dictionary.to_pylist()
        digests = [hashlib.blake2b(t.encode(), digest_size=10).hexdigest() for t in texts]
        new = {d: t for d, t in zip(digests, texts, strict=True) if d not in self._known}
        if new:
            held = pa.table({"digest": text_array(new), "contents": text_array(new.values())})
            write_parquet(held, self.folder / name)
            self._known |= new.keys()
        coded = pa.DictionaryArray.from_arrays(column.indices, text_array(digests))
        return table.set_column(table.column_names.index("_contents"), "_contents", coded)

    def elements(self, rows: Sequence[PartRows]) -> Counter[str]:
        """Return how many of the current files hold each element.

        Parameters
        ----------
        rows : sequence of PartRows
            Which rows of the parts are current.
        """
        files: Counter[str] = Counter()
        for path, known in zip(self.parts(), rows, strict=True):
            with pq.ParquetFile(path) as reader:
                column = reader.read(["_contents"])["_contents"].cast(pa.string())
            for item in column.filter(truth_array(known.current)).value_counts().to_pylist():
                files[item["values"]] += item["counts"]
        told: dict[str, str] = {}
        for path in self.folder.glob("contents-*.parquet"):
            held = parquet_table(path)
            told |= zip(held["digest"].to_pylist(), held["contents"].to_pylist(), strict=True)
        found: Counter[str] = Counter()
        for digest, number in files.items():
            for line in told[digest].splitlines():
                found[line] += number
        return found

    def is_scattered(self, rows: int) -> bool:
        """Whether there are more parts than so many rows need."""
        return len(self.parts()) > _MANY_PARTS + rows // PART_ROWS

    def compact(self, rows: Sequence[PartRows]) -> None:
        """Write the current rows of the parts into the next generation."""
        number = int(self.generation.name[-6:]) + 1
        following = self.folder / f"generation-{number:06d}"
        temporary = following.with_name(following.name + ".tmp")
        temporary.mkdir(mode=0o700)
        targets = (temporary / f"part-{self.scan:06d}-{n:06d}.parquet" for n in count())
        rewrite(self.parts(), rows, targets, PART_SCHEMA)
        _sync_folder(temporary)
        temporary.rename(following)
        _sync_folder(self.folder)
        self._tidy()

    def close(self) -> None:
        """Release the store."""
        descriptor, self._lock = self._lock, None
        if descriptor is not None:
            os.close(descriptor)
        for left in self.folder.glob("*.tmp"):
            with contextlib.suppress(OSError):
                shutil.rmtree(left) if left.is_dir() else left.unlink()


def flush_rows(unread: int) -> int:
    """Return how many rows make a part when so many files are to be read."""
    return min(max(unread // 500, 1024), 50_000)


def fill(
    store: ScanStore, batches: Iterable[pa.RecordBatch], rows: int, *, seconds: float = 5.0
) -> Iterator[int]:
    """Write batches into parts as they come; yield the number of files after each.

    What has come is written even when the caller stops or an interrupt arrives.
    """
    waiting: list[pa.RecordBatch] = []
    held = 0
    since = time.monotonic()
    try:
        for batch in batches:
            waiting.append(batch)
            held += batch.num_rows
            yield batch.num_rows
            if held >= rows or time.monotonic() - since > seconds:
                store.add(waiting)
                waiting, held, since = [], 0, time.monotonic()
    finally:
        store.add(waiting)


INSTANCES = "_instances"
_SETS = frozenset({"CS", "LO", "LT", "PN", "SH", "SQ", "ST", "UC", "UT"})
_MANY_TUPLES = 0.2


def _columns(parts: Sequence[Path]) -> list[Wanted]:
    """Return the attributes that any part has."""
    present: set[str] = set()
    for path in parts:
        with pq.ParquetFile(path) as reader:
            present.update(reader.schema_arrow.names)
    return [item for item in wanted_attributes().values() if item.keyword in present]


def _term(item: Wanted) -> str:
    name = f'"{item.keyword}"'
    if item.level not in {"instance", "file"}:
        return name
    if item.vr in _SETS:
        return f"string_agg(DISTINCT {name}, '\\' ORDER BY {name}) AS {name}"
    return (
        f"CASE WHEN MIN({name}) = MAX({name}) THEN MIN({name})"
        f" ELSE MIN({name}) || '\\' || MAX({name}) END AS {name}"
    )


def series_rows(store: ScanStore, rows: int) -> pa.Table:
    """Return one row per series tuple, with the number of its instances as text.

    Every row of the store's parts that describes an instance counts; ``rows`` is about how
    many there are.
    """
    columns = _columns(store.parts())
    pattern = sql_pattern(store.generation)[:-1] + "/part-*.parquet'"
    source = f"read_parquet({pattern}, union_by_name = true)"
    target = scratch(store.folder, "series")
    where = f" WHERE (_noticed & {Noticed.INSTANCE}) <> 0"
    copy_to(target, _series_query(columns, source + where), rows=rows)
    return parquet_table(target, [item.keyword for item in columns])


def _series_query(columns: Sequence[Wanted], source: str) -> str:
    """Return the one query that makes series tuples of instance rows."""
    terms = [*map(_term, columns), f"CAST(COUNT(*) AS VARCHAR) AS {INSTANCES}"]
    keys = [f'"{i.keyword}"' for i in columns if i.level not in {"instance", "file"}]
    grouping = f" GROUP BY {', '.join(keys)}" if keys else ""
    return f"SELECT {', '.join(terms)} FROM {source}{grouping} ORDER BY ALL"  # noqa: S608 - names and paths of ours


def by_series(table: SourceTable) -> SourceTable:
    """Return DICOM instance rows in memory as the series tuples that a store yields of them.

    What is assessed must depend neither on a store nor on how many files there are.

    Parameters
    ----------
    table : SourceTable
        One row per instance; one that is folded already comes back as it is.

    Returns
    -------
    SourceTable
        See `series_rows`; columns that no instance has stay empty.
    """
    if table.instances_column is not None:
        return table
    names = table.rows.column_names
    columns = [item for item in wanted_attributes().values() if item.keyword in names]
    coded = {item.keyword: _ranked(table.rows[item.keyword]) for item in columns}
    group = np.zeros(table.rows.num_rows, dtype=np.int64)
    for item in columns:
        codes, texts = coded[item.keyword]
        if item.level not in {"instance", "file"} and len(texts):
            group = _joint(group, codes, len(texts))
    n = int(group.max(initial=-1)) + 1
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(n))
    folded: dict[str, list[str | None]] = {
        item.keyword: _told(*coded[item.keyword], group, order, starts, several=_all_of(item))
        for item in columns
    }
    folded[INSTANCES] = [str(count) for count in np.bincount(group, minlength=n).tolist()]
    place = _in_order(folded)
    arrays = {name: pa.array([texts[i] for i in place], pa.string())
              for name, texts in folded.items()}  # fmt: skip
    counts = arrays.pop(INSTANCES)
    encoded = {name: array.dictionary_encode() for name, array in arrays.items()}
    rows = pa.table({**encoded, INSTANCES: counts}).unify_dictionaries()
    return replace(table, level="series", rows=rows, instances_column=INSTANCES)


def _all_of(item: Wanted) -> bool:
    """Tell whether a tuple shows every value of an attribute, not the first and the last alone."""
    return item.vr in _SETS


def _ranked(column: pa.ChunkedArray) -> tuple[np.ndarray, list[str]]:
    """Return the rank of each row's text, -1 for none, and the distinct texts in order."""
    array = column.cast(pa.string()).combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], pa.string())
    encoded = array.dictionary_encode()
    texts = encoded.dictionary.to_pylist()
    order = sorted(range(len(texts)), key=texts.__getitem__)
    rank = np.full(len(texts) + 1, -1, dtype=np.int64)
    rank[order] = np.arange(len(texts))
    return rank[index_codes(encoded.indices)], [texts[i] for i in order]


def _joint(group: np.ndarray, codes: np.ndarray, width: int) -> np.ndarray:
    """Return the number of each pair of group and code, dense."""
    import pandas as pd  # noqa: PLC0415 - loaded only where rows are folded

    return np.asarray(pd.factorize(group * (width + 1) + codes + 1)[0], dtype=np.int64)


def _told(
    codes: np.ndarray,
    texts: list[str],
    group: np.ndarray,
    order: np.ndarray,
    starts: np.ndarray,
    *,
    several: bool,
) -> list[str | None]:
    """Return what each group says: its one text, the first and the last, or all of them."""
    if not len(texts):
        return [None] * len(starts)
    known = np.where(codes < 0, len(texts), codes)[order]
    low = np.minimum.reduceat(known, starts)
    high = np.maximum.reduceat(codes[order], starts)
    ends = zip(low.tolist(), high.tolist(), strict=True)
    told = [None if b < 0 else texts[a] if a == b else f"{texts[a]}\\{texts[b]}" for a, b in ends]
    varying = (low < high) & (high >= 0)
    if several and varying.any():
        rows = (codes >= 0) & varying[group]
        pairs = np.unique(group[rows] * len(texts) + codes[rows])
        which, value = np.divmod(pairs, len(texts))
        cuts = np.flatnonzero(np.diff(which, prepend=-1))
        for i, one in zip(which[cuts].tolist(), np.split(value, cuts[1:]), strict=True):
            told[i] = "\\".join(texts[j] for j in one.tolist())
    return told


def _in_order(folded: Mapping[str, list[str | None]]) -> list[int]:
    """Return the rows sorted by all columns in turn, a missing text last, as ``ORDER BY ALL``."""
    keys = []
    for texts in folded.values():
        ranks = {text: i for i, text in enumerate(sorted({t for t in texts if t is not None}))}
        if len(ranks) > 1 or None in texts:
            keys.append([len(ranks) if text is None else ranks[text] for text in texts])
    n = len(folded[INSTANCES])
    order: list[int] = np.lexsort(keys[::-1]).tolist() if keys else list(range(n))
    return order


def findings(rows: int, instances: int) -> tuple[str, ...]:
    """Return what there is to say about the folding."""
    if instances and rows > _MANY_TUPLES * instances and instances > 1000:
        text = f"{instances} instances fold to {rows} series tuples: attributes vary inside series"
        return (text,)
    return ()
