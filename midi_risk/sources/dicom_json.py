"""JSON metadata: DICOM JSON, Orthanc tags, AWS HealthImaging image sets, plain records.

DICOM JSON is the model of PS3.18 annex F: what QIDO-RS and WADO-RS metadata, dcm2json and
pydicom's ``to_json`` write. Each data set becomes one row; DICOM sequences are read as
those of files, see `tables_sequences`. Other nested objects become columns
``Parent.Leaf``, or ``Leaf`` where only one column can be meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydicom.datadict import DicomDictionary  # type: ignore[attr-defined]

from midi_risk.errors import SourceError
from midi_risk.sources.json_columns import GatheredColumns
from midi_risk.sources.json_file import JsonLines, read_document
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
from midi_risk.sources.tables_values import joined, text_of

_HEX = re.compile(r"^([0-9A-Fa-f]{4}),?([0-9A-Fa-f]{4})$")
_MAX_DEPTH = 16
_ORTHANC_PARTS = ("PatientMainDicomTags", "MainDicomTags", "RequestedTags")


@dataclass(slots=True)
class _Counts:
    private: int = 0
    bulk: int = 0
    deep: int = 0
    sequences: SequenceCounts = field(default_factory=SequenceCounts)


Record = dict[str, str | None]


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
    document = read_document(path)
    first = next(iter(document), None) if isinstance(document, JsonLines) else document
    if is_dataset_json(first):
        whole = list(document) if isinstance(document, JsonLines) else document
        return dataset_json(whole, path)[1]
    return table_of(document, shown(path.name))


def table_of(document: Any, where: str) -> RawTable:
    """Return the table of a JSON document.

    Parameters
    ----------
    document : object
        What `read_document` returned.
    where : str
        File, for messages.

    Examples
    --------
    >>> document = [{"00100020": {"vr": "LO", "Value": ["P1"]}}]
    >>> table_of(document, "x.json").rows.column_names
    ['PatientID']
    """
    counts = _Counts()
    gathered = GatheredColumns()
    for item in _datasets(unwrapped(document), 0):
        record = _record(item, counts)
        if record:
            gathered.add(record)
    if not gathered.rows:
        raise SourceError(
            f"{where} holds no data set or record",
            hint="Known: DICOM JSON, Orthanc tags, image sets, lists of records",
        )
    rows = gathered.table()
    rows = rows.rename_columns(_distinct(shown(name, limit=200) for name in rows.column_names))
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
    return RawTable(rows=shorten_leaves(rows), findings=tuple(findings))


def _distinct(names: Iterable[str]) -> list[str]:
    """Return names of which no two are the same, as cut or cleaned ones may be."""
    met: dict[str, None] = {}
    for name in names:
        number, other = 1, name
        while other in met:
            number += 1
            other = f"{name} ({number})"
        met[other] = None
    return list(met)


def _datasets(document: Any, depth: int) -> Iterator[Mapping[str, Any]]:
    """Yield what stands for one data set each, whatever the envelope."""
    if depth > _MAX_DEPTH:
        return
    if isinstance(document, list | JsonLines):
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
    study = document["Study"]
    shared = {**_inside(_inside(document, "Patient"), "DICOM"), **_inside(study, "DICOM")}
    for series in _inside(study, "Series").values():
        series_level = {**shared, **_inside(series, "DICOM")}
        for instance in list(_inside(series, "Instances").values()) or [{}]:
            yield {**series_level, **_inside(instance, "DICOM")}


def _inside(holder: Any, name: str) -> Mapping[str, Any]:
    """Return a mapping inside a mapping, empty where there is none."""
    found = holder.get(name) if isinstance(holder, dict) else None
    return found if isinstance(found, dict) else {}


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
        record |= read_sequences(sequences, record.get, counts.sequences)
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
    parts = element_parts(element)
    plain = [part for part in parts if not isinstance(part, dict)]
    if plain:
        text = text_of(plain[0]) if len(plain) == 1 else joined(plain)
        record[name] = _appended(record.get(name), text)
    for part in parts:
        if isinstance(part, dict):
            _flatten(part, f"{name}.", record, counts, depth + 1)


def _appended(held: str | None, text: str | None) -> str | None:
    """Return a further value of a name that several objects of a list have."""
    return joined([held, text]) if held is not None else text
