"""JSON metadata: DICOM JSON, Orthanc tags, AWS HealthImaging image sets, plain records.

DICOM JSON is the model of PS3.18 annex F: what QIDO-RS and WADO-RS metadata, dcm2json and
pydicom's ``to_json`` write. Each data set becomes one row; DICOM sequences are read as
those of files, see `tables_sequences`. Other nested objects become columns
``Parent.Leaf``, or ``Leaf`` where only one column can be meant.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydicom.datadict import DicomDictionary  # type: ignore[attr-defined]

from midi_risk.errors import SourceError
from midi_risk.sources.json_records import unwrapped
from midi_risk.sources.sdtm_json import dataset_json, is_dataset_json
from midi_risk.sources.tables_parquet import shorten_leaves
from midi_risk.sources.tables_raw import RawTable, counted, shown
from midi_risk.sources.tables_sequences import (
    SequenceCounts,
    element_parts,
    read_sequences,
    sequence_tag,
)
from midi_risk.sources.tables_values import joined, text_array

_HEX = re.compile(r"^([0-9A-Fa-f]{4}),?([0-9A-Fa-f]{4})$")
_MAX_BYTES = 4 << 30
_MAX_DEPTH = 16
_ORTHANC_PARTS = ("PatientMainDicomTags", "MainDicomTags", "RequestedTags")


@dataclass(slots=True)
class _Counts:
    private: int = 0
    bulk: int = 0
    deep: int = 0
    sequences: SequenceCounts = field(default_factory=SequenceCounts)


Record = dict[str, list[str | None]]


def read_json(path: Path) -> RawTable:
    """Read a JSON or NDJSON file of data sets or records as text columns.

    Parameters
    ----------
    path : pathlib.Path
        One JSON document, or one per line; also gzip-compressed, also Dataset-JSON.

    Returns
    -------
    RawTable

    Raises
    ------
    SourceError
        When it is not JSON or holds no data set.
    """
    document = load_json(path)
    if is_dataset_json(document):
        return dataset_json(document, path)[1]
    return table_of(document, shown(path.name))


def load_json(path: Path) -> Any:
    """Return the document of a JSON file; a list of documents when there is one a line."""
    try:
        if path.suffix.casefold() == ".gz":
            with gzip.open(path) as handle:
                raw = handle.read(_MAX_BYTES + 1)
        else:
            raw = path.read_bytes()
    except (OSError, EOFError) as error:
        raise SourceError(
            f"{shown(path.name)} cannot be read", hint="Check its permissions"
        ) from error
    if len(raw) > _MAX_BYTES:
        raise SourceError(
            f"{shown(path.name)} is larger than 4 GiB", hint="Split it, one part a file"
        )
    try:
        text = raw.decode("utf-8-sig")
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            lines = [line for line in text.splitlines() if line.strip()]
            if len(lines) < 2:
                raise
            return [json.loads(line) for line in lines]
    except (ValueError, RecursionError) as error:
        line = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise SourceError(f"{shown(path.name)} is not valid JSON{line}") from None


def table_of(document: Any, where: str) -> RawTable:
    """Return the table of a JSON document.

    Parameters
    ----------
    document : object
        What `load_json` returned.
    where : str
        File, for messages.

    Examples
    --------
    >>> document = [{"00100020": {"vr": "LO", "Value": ["P1"]}}]
    >>> table_of(document, "x.json").rows.column_names
    ['PatientID']
    """
    counts = _Counts()
    records = [_record(item, counts) for item in _datasets(unwrapped(document), 0)]
    records = [record for record in records if record]
    if not records:
        raise SourceError(
            f"{where} holds no data set or record",
            hint="Known: DICOM JSON, Orthanc tags, image sets, lists of records",
        )
    names = list(dict.fromkeys(name for record in records for name in record))
    columns = {
        shown(name, limit=200): text_array(joined(record.get(name, ())) for record in records)
        for name in names
    }
    findings = []
    if counts.private:
        findings.append(f"{where}: {counted(counts.private, 'private element')} not read")
    if counts.bulk:
        findings.append(f"{where}: {counted(counts.bulk, 'element')} of bulk data not read")
    if counts.deep:
        findings.append(
            f"{where}: {counted(counts.deep, 'object')} nested deeper than {_MAX_DEPTH} not read"
        )
    findings += counts.sequences.findings(where)
    return RawTable(rows=shorten_leaves(pa.table(columns)), findings=tuple(findings))


def _datasets(document: Any, depth: int) -> Iterator[Mapping[str, Any]]:
    """Yield what stands for one data set each, whatever the envelope."""
    if depth > _MAX_DEPTH:
        return
    if isinstance(document, list):
        for item in document:
            yield from _datasets(item, depth + 1)
    elif isinstance(document, dict):
        if "Study" in document and isinstance(document.get("Study"), dict):
            yield from _image_set(document)
        elif _is_envelope(document):
            for item in document.values():
                yield from _datasets(item, depth + 1)
        else:
            yield document


def _is_envelope(document: Mapping[str, Any]) -> bool:
    """Return whether a mapping only leads from identifiers to data sets (Orthanc)."""
    values = list(document.values())
    return (
        len(values) > 0
        and all(isinstance(value, dict) and value for value in values)
        and not any(_HEX.match(key) for key in document)
        and not any("vr" in value or "Value" in value for value in values)
        and not any(part in document for part in _ORTHANC_PARTS)
    )


def _image_set(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield one flat record per instance of an AWS HealthImaging image set."""
    patient = (document.get("Patient") or {}).get("DICOM") or {}
    study = document["Study"]
    shared = {**patient, **(study.get("DICOM") or {})}
    for series in (study.get("Series") or {}).values():
        series_level = {**shared, **(series.get("DICOM") or {})}
        instances: list[Mapping[str, Any]] = list((series.get("Instances") or {}).values())
        for instance in instances or [{}]:
            yield {**series_level, **(instance.get("DICOM") or {})}


def _record(item: Mapping[str, Any], counts: _Counts) -> Record:
    merged: dict[str, Any] = {}
    for part in _ORTHANC_PARTS:
        if isinstance(item.get(part), dict):
            merged.update(item[part])
    record: Record = {}
    sequences: dict[str, list[Any]] = {}
    for key, element in (merged or item).items():
        name = _name(str(key), counts)
        if name and sequence_tag(name) is not None:
            sequences[name] = element_parts(element)
        elif name:
            _element(name, element, record, counts, 0)
    if sequences:
        own = {name: joined(values) for name, values in record.items()}
        found = read_sequences(sequences, own.get, counts.sequences)
        record |= {name: [text] for name, text in found.items()}
    return record


def _flatten(
    item: Mapping[str, Any], prefix: str, record: Record, counts: _Counts, depth: int
) -> None:
    if depth > _MAX_DEPTH:
        counts.deep += 1
        return
    for key, element in item.items():
        name = _name(str(key), counts)
        if name:
            _element(prefix + name, element, record, counts, depth)


def _name(key: str, counts: _Counts) -> str | None:
    """Return the column name of a key; None for private tags and group lengths."""
    tag = _HEX.match(key)
    if not tag:
        return key
    group, number = int(tag[1], 16), int(tag[2], 16)
    if group % 2:
        counts.private += 1
        return None
    if number == 0:
        return None
    entry = DicomDictionary.get(group << 16 | number)
    return (entry[4] if entry else "") or f"{tag[1]}{tag[2]}".upper()


def _element(name: str, element: Any, record: Record, counts: _Counts, depth: int) -> None:
    """Add the values of one element, or those inside its objects, to the record."""
    if isinstance(element, dict) and ("BulkDataURI" in element or "InlineBinary" in element):
        counts.bulk += 1
        return
    for part in element_parts(element):
        if isinstance(part, dict):
            _flatten(part, f"{name}.", record, counts, depth + 1)
        else:
            record.setdefault(name, []).append(_scalar(part))


def _scalar(value: object) -> str | None:
    return joined([value]) if not isinstance(value, list) else joined(value)
