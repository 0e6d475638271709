"""File records as Arrow: one batch per chunk, internal columns beside the attributes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
import pyarrow as pa

from midi_risk.sources.columns import Column, attribute_columns
from midi_risk.sources.facts import DECIDING, noticed_in
from midi_risk.sources.header import Noticed
from midi_risk.sources.one_file import FileRecord

INTERNAL = pa.schema(
    [
        ("_path", pa.string()),
        ("_size", pa.int64()),
        ("_mtime", pa.int64()),
        ("_status", pa.dictionary(pa.int32(), pa.string())),
        ("_reason", pa.dictionary(pa.int32(), pa.string())),
        ("_noticed", pa.int64()),
    ]
)
"""Columns of a batch that describe the file; every other one is named by a keyword."""

_IDENTIFIERS = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
_TEXT = pa.dictionary(pa.int32(), pa.string())


def _identified(columns: Mapping[str, Column], count: int) -> list[bool]:
    """Whether each file yields a row: any identifier was there."""
    held = [columns[name] for name in _IDENTIFIERS if name in columns]
    return [any(column[at] for column in held) for at in range(count)]


@lru_cache(maxsize=8192)
def _said(values: tuple[str | None, ...]) -> int:
    named = zip(DECIDING, values, strict=True)
    return int(noticed_in({name: value for name, value in named if value is not None}))


def _noticed(
    records: Sequence[FileRecord], columns: Mapping[str, Column], identified: Sequence[bool]
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    count = len(records)
    absent: Column = [None] * count
    said = zip(*(columns.get(name, absent) for name in DECIDING), strict=True)
    bits = [
        0 if record.header is None else int(record.header.noticed) | (_said(values) if row else 0)
        for record, values, row in zip(records, said, identified, strict=True)
    ]
    return np.array(bits, dtype=np.int64)


def batch_of(records: Sequence[FileRecord]) -> pa.RecordBatch:
    """Return one record batch with a row per file.

    Parameters
    ----------
    records : sequence of FileRecord
        Files of one chunk.

    Returns
    -------
    pyarrow.RecordBatch
        The columns of `INTERNAL`, then the attributes that any file of the chunk has.
    """
    headers = [
        None
        if record.header is None or Noticed.DICOMDIR in record.header.noticed
        else record.header
        for record in records
    ]
    columns = attribute_columns(headers)
    identified = _identified(columns, len(records))
    internal = [
        pa.array([record.listed.shown for record in records], pa.string()),
        pa.array([record.listed.size for record in records], pa.int64()),
        pa.array([record.listed.mtime for record in records], pa.int64()),
        pa.array([record.status.value for record in records], pa.string()).dictionary_encode(),
        pa.array([record.reason for record in records], pa.string()).dictionary_encode(),
        pa.array(_noticed(records, columns, identified)),
    ]
    texts = [pa.array(column, pa.string()).dictionary_encode() for column in columns.values()]
    schema = pa.schema([*INTERNAL, *((name, _TEXT) for name in columns)])
    return pa.RecordBatch.from_arrays([*internal, *texts], schema=schema)
