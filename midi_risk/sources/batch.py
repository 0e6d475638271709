"""File records as Arrow: one batch per chunk, internal columns beside the attributes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import or_

import pyarrow as pa

from midi_risk.sources.arrow_arrays import integer_array, text_array
from midi_risk.sources.columns import Coded, attribute_columns
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


def _identified(columns: Mapping[str, Coded], count: int) -> list[bool]:
    """Whether each file yields a row: any identifier was there."""
    found = [False] * count
    for name in _IDENTIFIERS:
        if name in columns and not all(found):
            found = list(map(or_, found, columns[name].filled()))
    return found


def _noticed(
    records: Sequence[FileRecord], columns: Mapping[str, Coded], identified: Sequence[bool]
) -> pa.Array:
    absent = Coded(len(records))
    deciding = [columns.get(name, absent) for name in DECIDING]
    rows = list(zip(*(column.codes for column in deciding), strict=True))
    said = {}
    for codes in set(rows):
        texts = (
            "" if code is None else column.texts[code]
            for column, code in zip(deciding, codes, strict=True)
        )
        said[codes] = noticed_in(dict(zip(DECIDING, texts, strict=True)))
    headers = [0 if record.header is None else record.header.noticed for record in records]
    return integer_array(
        bits | said[codes] if known else bits
        for bits, codes, known in zip(headers, rows, identified, strict=True)
    )


def _coded(texts: Sequence[str]) -> pa.DictionaryArray:
    column = Coded(0)
    column.codes = [column.number(text) for text in texts]
    return column.array()


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
        None if record.header is None or record.header.noticed & Noticed.DICOMDIR else record.header
        for record in records
    ]
    columns = attribute_columns(headers)
    identified = _identified(columns, len(records))
    internal = [
        text_array(record.listed.shown for record in records),
        integer_array(record.listed.size for record in records),
        integer_array(record.listed.mtime for record in records),
        _coded([record.status for record in records]),
        _coded([record.reason for record in records]),
        _noticed(records, columns, identified),
    ]
    texts = [column.array() for column in columns.values()]
    schema = pa.schema([*INTERNAL, *((name, _TEXT) for name in columns)])
    return pa.RecordBatch.from_arrays([*internal, *texts], schema=schema)
