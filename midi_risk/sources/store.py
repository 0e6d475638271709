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
from collections.abc import Iterable, Sequence
from itertools import count
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from midi_risk.errors import OutputError, SourceError
from midi_risk.resources import data_rows
from midi_risk.sources.arrow_arrays import empty_table, integer_array
from midi_risk.sources.batch import INTERNAL
from midi_risk.sources.compaction import PART_ROWS, rewrite
from midi_risk.sources.ledger import PartRows
from midi_risk.sources.listing import cause_of, printable

READER_VERSION = 3
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
        self._number += 1
        name = f"part-{self.scan:06d}-{self._number:06d}.parquet"
        write_parquet(table.append_column("_scan", scan), self.generation / name)

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
