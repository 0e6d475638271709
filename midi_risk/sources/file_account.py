"""The account of every file met, in memory or mapped from disk when there are many."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa

from midi_risk.sources.arrow_arrays import text_array
from midi_risk.sources.model import FILE_SCHEMA

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
