"""Which rows of a store describe the files there are now.

The ledger is what the parts say about files without their attributes, and where it
stands. Joined with the list of files and sorted, it tells for every file the row that
holds it, in the order of the list, so that everything behind it is one pass in little
memory over two files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from midi_risk.sources.arrow_arrays import (
    give_back,
    integer_array,
    integers_of,
    text_array,
    truth_array,
)
from midi_risk.sources.header import Noticed
from midi_risk.sources.listing import Listed
from midi_risk.sources.listing_file import NAME, listed_in, listing_batches
from midi_risk.sources.model import FileStatus
from midi_risk.sources.sql import copy_to, scratch, sql_pattern

_TEXTS = ("_path", "_status", "_reason")
_READ = ["_path", "_size", "_mtime", "_status", "_reason", "_noticed", "_scan"]
_SCHEMA = pa.schema(
    [(name, pa.string() if name in _TEXTS else pa.int64()) for name in (*_READ, "_part", "_row")]
)
_AT_ONCE = 8_192
_JOINED = (
    "SELECT l._n, COALESCE(k._status, '') AS _status, COALESCE(k._reason, '') AS _reason,"
    " COALESCE(k._noticed, 0) AS _noticed, COALESCE(k._scan, -1) AS _scan,"
    " COALESCE(k._part, -1) AS _part, COALESCE(k._row, -1) AS _row"
    " FROM read_parquet({listing}) l LEFT JOIN read_parquet({ledger}) k USING"
    " (_path, _size, _mtime)"
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
    join = _JOINED.format(listing=sql_pattern(folder / NAME), ledger=sql_pattern(ledger))
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
