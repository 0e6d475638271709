"""File records as Arrow: one batch per chunk, internal columns beside the attributes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from midi_risk.sources.facts import noticed_in
from midi_risk.sources.header import Noticed
from midi_risk.sources.one_file import FileRecord
from midi_risk.sources.wanted import wanted_attributes

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

_TEXT = pa.dictionary(pa.int32(), pa.string())


def has_row(record: FileRecord) -> bool:
    """Whether the file yields a row of attributes: any identifying one was there."""
    header = record.header
    return (
        header is not None
        and Noticed.DICOMDIR not in header.noticed
        and any(
            header.values.get(name)
            for name in ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
        )
    )


def _noticed(record: FileRecord) -> int:
    if record.header is None:
        return 0
    if not has_row(record):
        return int(record.header.noticed)
    return int(record.header.noticed | noticed_in(record.header.values))


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
    values = [record.header.values if has_row(record) else {} for record in records]  # type: ignore[union-attr]
    internal = [
        pa.array([record.listed.shown for record in records], pa.string()),
        pa.array([record.listed.size for record in records], pa.int64()),
        pa.array([record.listed.mtime for record in records], pa.int64()),
        pa.array([record.status.value for record in records]).dictionary_encode(),
        pa.array([record.reason for record in records]).dictionary_encode(),
        pa.array(np.array([_noticed(record) for record in records], dtype=np.int64)),
    ]
    present = set().union(*values) if values else set()
    names = [item.keyword for item in wanted_attributes().values() if item.keyword in present]
    columns = [
        pa.array([row.get(name) for row in values], pa.string()).dictionary_encode()
        for name in names
    ]
    schema = pa.schema([*INTERNAL, *((name, _TEXT) for name in names)])
    return pa.RecordBatch.from_arrays([*internal, *columns], schema=schema)
