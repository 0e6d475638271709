"""Many small parts of a store as few large ones, without the rows that have no use."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from midi_risk.sources.arrow_arrays import truth_array
from midi_risk.sources.ledger import PartRows

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
