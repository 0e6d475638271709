"""The scan store: what was read, in immutable Parquet parts that are the ledger as well.

A part is written under a temporary name, synced and renamed, so that a kill or a power
cut loses at most the rows not yet in a part. A later scan lists the files anew and reads
those whose (path, size, modification time) no part holds; what vanished is no longer
listed and so drops out. Parts lie in a generation; compaction writes the next generation
beside it and one rename makes it the valid one.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from midi_risk.errors import OutputError, SourceError
from midi_risk.resources import data_rows
from midi_risk.sources.batch import INTERNAL
from midi_risk.sources.listing import Listed, cause_of, printable

READER_VERSION = 2
"""Raised whenever the readers would yield something else from the same file."""

PART_SCHEMA = INTERNAL.append(pa.field("_scan", pa.int64()))
_LISTING = pa.schema(
    [
        ("_n", pa.int64()), ("_path", pa.string()), ("_raw", pa.binary()), ("_size", pa.int64()),
        ("_mtime", pa.int64()), ("_why", pa.string()), ("_harmless", pa.bool_()),
        ("_inside", pa.string()),
    ]
)  # fmt: skip
_GENERATION = re.compile(r"generation-(\d{6})\Z")
_MANY_PARTS = 32
_LISTED_AT_ONCE = 10_000
_ROW_GROUP = 10_000
_MEMORY = 4 << 30


def _signature(*, payloads: bool) -> str:
    rows = repr((READER_VERSION, payloads, data_rows("attribute_catalogue.csv")))
    return hashlib.sha256(rows.encode()).hexdigest()[:12]


def sql_path(path: Path) -> str:
    """Return a path to write to as an SQL literal."""
    return "'" + str(path).replace("'", "''") + "'"


def sql_pattern(path: Path) -> str:
    """Return a path to read from as an SQL literal in which nothing is a pattern."""
    return sql_path(Path(re.sub(r"([\[*?])", r"[\1]", str(path))))


def _memory_limit() -> int:
    with contextlib.suppress(AttributeError, ValueError, OSError):
        return min(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2, _MEMORY)
    return _MEMORY // 2


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
        self.folder = folder / f"dicom-{_signature(payloads=payloads)}"
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
        self.scan = self._last_scan() + 1

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
            write_parquet(PART_SCHEMA.empty_table(), first)

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
        scan = pa.array([self.scan] * table.num_rows, pa.int64())
        self._number += 1
        name = f"part-{self.scan:06d}-{self._number:06d}.parquet"
        write_parquet(table.append_column("_scan", scan), self.generation / name)

    def connect(self) -> duckdb.DuckDBPyConnection:
        """Return a connection with the views ``parts`` and, once listed, ``listing``."""
        connection = duckdb.connect(":memory:")
        spill = self.folder / "spill.tmp"
        connection.execute(f"SET memory_limit = '{_memory_limit() // (1 << 20)}MB'")
        connection.execute(f"SET temp_directory = {sql_path(spill)}")
        connection.execute("SET preserve_insertion_order = false")
        connection.execute("SET threads = 1")
        connection.execute("SET enable_progress_bar = false")
        pattern = sql_pattern(self.generation)[:-1] + "/part-*.parquet'"
        connection.execute(
            f"CREATE VIEW parts AS SELECT * FROM read_parquet({pattern}, union_by_name = true)"  # noqa: S608 - names and paths of ours
        )
        listing = self.folder / "listing.parquet"
        if listing.exists():
            connection.execute(
                f"CREATE VIEW listing AS SELECT * FROM read_parquet({sql_pattern(listing)})"  # noqa: S608 - names and paths of ours
            )
        return connection

    def write_listing(self, files: Iterable[Listed]) -> int:
        """Write which files there are now; return their number."""
        target = self.folder / "listing.parquet"
        temporary = target.with_name("listing.parquet.tmp")
        count = 0
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with (
            os.fdopen(descriptor, "wb") as handle,
            pq.ParquetWriter(handle, _LISTING, compression="zstd") as writer,
        ):
            rows: list[tuple[Any, ...]] = []
            for item in files:
                rows.append(
                    (
                        count, item.shown, item.path, item.size, item.mtime, item.reason,
                        item.harmless, item.inside,
                    )
                )  # fmt: skip
                count += 1
                if len(rows) >= _LISTED_AT_ONCE:
                    writer.write_table(_listing_table(rows))
                    rows = []
            writer.write_table(_listing_table(rows))
        temporary.replace(target)
        return count

    def unread(self) -> tuple[int, Iterator[Listed]]:
        """Return how many listed files no part holds, and these files in listed order."""
        target = self.folder / "unread.parquet.tmp"
        with self.connect() as connection:
            connection.execute(
                "COPY (SELECT l.* FROM listing l ANTI JOIN"  # noqa: S608 - names and paths of ours
                " (SELECT _path, _size, _mtime FROM parts WHERE _status <> 'unreadable') k"
                " USING (_path, _size, _mtime) ORDER BY _n)"
                f" TO {sql_path(target)} (FORMAT parquet)"
            )
        reader = pq.ParquetFile(target)
        return reader.metadata.num_rows, _listed_from(reader)

    def compact(self) -> None:
        """Write the valid rows of many parts as one part of the next generation."""
        if len(self.parts()) <= _MANY_PARTS:
            return
        number = int(self.generation.name[-6:]) + 1
        following = self.folder / f"generation-{number:06d}"
        temporary = following.with_name(following.name + ".tmp")
        temporary.mkdir(mode=0o700)
        part = temporary / f"part-{self.scan:06d}-000000.parquet"
        with self.connect() as connection:
            connection.execute(
                "COPY (SELECT p.* FROM parts p SEMI JOIN listing l USING (_path, _size, _mtime)"  # noqa: S608 - names and paths of ours
                " WHERE p._status <> 'unreadable')"
                f" TO {sql_path(part)}"
                f" (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROW_GROUP})"
            )
        part.chmod(0o600)
        with part.open("rb") as handle:
            os.fsync(handle.fileno())
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


def _listing_table(rows: list[tuple[Any, ...]]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(_LISTING)
    arrays = [pa.array(values, kind.type) for values, kind in zip(columns, _LISTING, strict=True)]
    return pa.Table.from_arrays(arrays, schema=_LISTING)


def _listed_from(reader: pq.ParquetFile) -> Iterator[Listed]:
    for batch in reader.iter_batches(batch_size=8192):
        for row in batch.to_pylist():
            yield Listed(
                path=row["_raw"],
                shown=row["_path"],
                size=row["_size"],
                mtime=row["_mtime"],
                reason=row["_why"],
                harmless=row["_harmless"],
                inside=row["_inside"],
            )
