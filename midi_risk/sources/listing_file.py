"""The list of files there are now, on disk: written as it is made, read in order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from midi_risk.sources.arrow_arrays import bytes_array, integer_array, text_array, truth_array
from midi_risk.sources.listing import Listed

NAME = "listing.parquet"
_SCHEMA = pa.schema(
    [
        ("_n", pa.int64()), ("_path", pa.string()), ("_raw", pa.binary()), ("_size", pa.int64()),
        ("_mtime", pa.int64()), ("_why", pa.string()), ("_harmless", pa.bool_()),
        ("_inside", pa.string()),
    ]
)  # fmt: skip
_BUILDERS: tuple[Callable[[Any], pa.Array], ...] = (
    integer_array, text_array, bytes_array, integer_array, integer_array, text_array,
    truth_array, text_array,
)  # fmt: skip
_REPEATED = ["_why", "_inside"]
_AT_ONCE = 4_096


def write_listing(folder: Path, files: Iterable[Listed]) -> int:
    """Write which files there are; return their number."""
    target = folder / NAME
    temporary = target.with_name(NAME + ".tmp")
    count = 0
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with (
        os.fdopen(descriptor, "wb") as handle,
        pq.ParquetWriter(handle, _SCHEMA, compression="zstd", use_dictionary=_REPEATED) as writer,
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
            if len(rows) >= _AT_ONCE:
                writer.write_batch(_batch(rows))
                rows = []
        writer.write_batch(_batch(rows))
    temporary.replace(target)
    return count


def _batch(rows: list[tuple[Any, ...]]) -> pa.RecordBatch:
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(_SCHEMA)
    built = zip(_BUILDERS, columns, strict=True)
    return pa.RecordBatch.from_arrays([build(values) for build, values in built], schema=_SCHEMA)


def listing_batches(folder: Path, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Yield the list in order."""
    with pq.ParquetFile(folder / NAME) as reader:
        yield from reader.iter_batches(_AT_ONCE, columns=columns)


def listed_in(batch: pa.RecordBatch) -> Iterator[Listed]:
    """Yield the files of a batch of the list."""
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
