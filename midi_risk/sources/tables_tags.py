"""A column of DICOM JSON text, as Databricks and Microsoft Fabric keep an instance's tags."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from midi_risk.sources.dicom_json import table_of
from midi_risk.sources.tables_raw import RawTable, counted, shown

_SAMPLE = 20


def with_tag_columns(raw: RawTable, where: str) -> RawTable:
    """Put the attributes inside a column of DICOM JSON in its place.

    Parameters
    ----------
    raw : RawTable
        Any table.
    where : str
        File, for findings.

    Returns
    -------
    RawTable
        The same table when no column holds DICOM JSON; else with one column per attribute
        that the table does not have yet.
    """
    for name in raw.rows.column_names:
        if not _holds_tags(raw.rows.column(name)):
            continue
        texts = raw.rows.column(name).cast(pa.string()).to_pylist()
        documents = [_document(text) for text in texts]
        broken = sum(
            text is not None and not document
            for text, document in zip(texts, documents, strict=True)
        )
        found = table_of([document or _NOTHING for document in documents], where)
        rows = raw.rows.drop_columns([name])
        for column in found.rows.column_names:
            if column not in rows.column_names and column != _ROW:
                rows = rows.append_column(column, found.rows.column(column))
        notes = [*found.findings]
        if broken:
            notes.append(f"{where}: {counted(broken, 'row')} of '{shown(name)}' not DICOM JSON")
        return replace(raw, rows=rows).noting(*notes)
    return raw


_ROW = "midi_risk_empty"
_NOTHING: Mapping[str, Any] = {_ROW: "1"}


def _holds_tags(column: pa.ChunkedArray) -> bool:
    sample = pc.drop_null(column.slice(0, 1000)).slice(0, _SAMPLE).cast(pa.string()).to_pylist()
    return bool(sample) and all(
        text.startswith("{") and (document := _document(text)) is not None and _is_tags(document)
        for text in sample
    )


def _is_tags(document: Mapping[str, Any]) -> bool:
    keys = list(document)
    return bool(keys) and all(
        len(key) == len("00100020") and isinstance(document[key], dict) and "vr" in document[key]
        for key in keys[:_SAMPLE]
    )


def _document(text: str | None) -> dict[str, Any] | None:
    try:
        document = json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None
