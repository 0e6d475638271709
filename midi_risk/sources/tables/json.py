"""JSON metadata: DICOM JSON, Orthanc tags, AWS HealthImaging, CDISC Dataset-JSON, plain records.

DICOM JSON is the model of PS3.18 annex F: what QIDO-RS and WADO-RS metadata, dcm2json and
pydicom's ``to_json`` write. Each data set becomes one row; DICOM sequences are read as
those of files, see `midi_risk.sources.tables.parquet`. Other nested objects become columns
``Parent.Leaf``, or ``Leaf`` where only one column can be meant. CDISC Dataset-JSON is read in
versions 1.1 (also one row per line) and 1.0. A column of a table may hold DICOM JSON text as well,
as Databricks and Microsoft Fabric keep an instance's tags.

A file is one document, or one on each line; lines and lists are read one item at a time, out of
the envelopes that tools other than DICOM's put around records. Each distinct text is held once,
whatever the number of records.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydicom.datadict import DicomDictionary  # type: ignore[attr-defined]

from midi_risk.errors import SourceError
from midi_risk.sources.tables.columns import arrow_texts, cell_array, joined, keyword_of, text_of
from midi_risk.sources.tables.parquet import (
    SequenceCounts,
    element_parts,
    read_sequences,
    sequence_tag,
    shorten_leaves,
)
from midi_risk.sources.tables.raw import RawTable, column_names, counted, shown

_MAX_BYTES = 4 << 30
_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


class JsonLines:
    """The documents of a file with one on each line; each is parsed when it is its turn.

    Parameters
    ----------
    text : str
        The file's content.
    where : str
        Its name, for messages.
    """

    def __init__(self, text: str, where: str) -> None:
        self._text = text
        self._where = where

    def __iter__(self) -> Iterator[Any]:
        """Yield each document."""
        start, number = 0, 0
        while start < len(self._text):
            end = self._text.find("\n", start)
            end = len(self._text) if end < 0 else end
            line, start, number = self._text[start:end].strip(), end + 1, number + 1
            if line:
                yield _parsed(line, self._where, number)


class JsonItems:
    """The items of a document that is a list; each is parsed when it is its turn.

    Parameters
    ----------
    text : str
        The document.
    where : str
        The file's name, for messages.
    """

    def __init__(self, text: str, where: str) -> None:
        self._text = text
        self._where = where

    def __iter__(self) -> Iterator[Any]:
        """Yield each item."""
        text = self._text
        at = _behind_space(text, _behind_space(text, 0) + 1)
        more = text[at : at + 1] != "]"
        while more:
            try:
                item, at = _DECODER.raw_decode(text, at)
            except (ValueError, RecursionError) as error:
                raise _not_json(self._where, error) from None
            yield item
            at = _behind_space(text, at)
            more = text[at : at + 1] == ","
            if more:
                at = _behind_space(text, at + 1)
        if text[at : at + 1] != "]":
            raise _not_json(self._where, json.JSONDecodeError("no end", text, at))
        at = _behind_space(text, at + 1)
        if at < len(text):
            raise _not_json(self._where, json.JSONDecodeError("more than a list", text, at))


Streamed = JsonLines | JsonItems
"""Documents or items that are read one at a time."""


def read_document(path: Path) -> Any:
    """Return the document of a JSON file, its `JsonLines`, or the `JsonItems` of a list.

    Raises
    ------
    SourceError
        When the file cannot be read or its first document is not JSON. Lines and items are
        read later and raise the same.
    """
    where = shown(path.name)
    try:
        if path.suffix.casefold() == ".gz":
            with gzip.open(path) as handle:
                raw = handle.read(_MAX_BYTES + 1)
        else:
            raw = path.read_bytes()
    except (OSError, EOFError) as error:
        raise SourceError(f"{where} cannot be read", hint="Check its permissions") from error
    if len(raw) > _MAX_BYTES:
        raise SourceError(f"{where} is larger than 4 GiB", hint="Split it, one part a file")
    try:
        text = raw.decode("utf-8-sig")
    except ValueError:
        raise SourceError(f"{where} is not valid JSON") from None
    del raw
    head, _, rest = text.lstrip().partition("\n")
    if rest.strip() and _is_whole(head):
        return JsonLines(text, where)
    if text.startswith("[", _behind_space(text, 0)):
        return JsonItems(text, where)
    return _parsed(text, where)


def load_json(path: Path) -> Any:
    """Return the document of a JSON file; a list of documents when there is one a line."""
    document = read_document(path)
    return list(document) if isinstance(document, Streamed) else document


def _is_whole(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _behind_space(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return space.end() if space else at


def _parsed(text: str, where: str, line: int = 0) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _not_json(where, error, line) from None


def _not_json(where: str, error: Exception, line: int = 0) -> SourceError:
    at = line or (error.lineno if isinstance(error, json.JSONDecodeError) else 0)
    return SourceError(f"{where} is not valid JSON{f' (line {at})' if at else ''}")


_NUMBER = re.compile(r"\d+")


def unwrapped(document: Any) -> Any:
    """Return the records inside a document, or the document itself where it has none.

    Known are a list under one name among facts about it (``{"count": 2, "results": [...]}``),
    and what pandas writes by column (``{"age": {"0": 30, "1": 40}}``) and split
    (``{"columns": [...], "data": [[...]]}``).

    Parameters
    ----------
    document : object
        A parsed document.

    Examples
    --------
    >>> unwrapped({"count": 2, "results": [{"id": "a"}, {"id": "b"}]})
    [{'id': 'a'}, {'id': 'b'}]
    >>> unwrapped({"id": {"0": "a", "1": "b"}, "age": {"0": 30, "1": 40}})
    [{'id': 'a', 'age': 30}, {'id': 'b', 'age': 40}]
    >>> unwrapped({"columns": ["id", "age"], "index": [0], "data": [["a", 30]]})
    [{'id': 'a', 'age': 30}]
    """
    if not isinstance(document, dict) or not document:
        return document
    columns, data = document.get("columns"), document.get("data")
    if isinstance(columns, list) and isinstance(data, list) and _is_split(columns, data):
        return [dict(zip(map(str, columns), row, strict=True)) for row in data]
    if _by_column(document):
        rows: dict[str, dict[str, Any]] = {}
        for name, values in document.items():
            for row, value in values.items():
                rows.setdefault(row, {})[name] = value
        return list(rows.values())
    lists = [value for value in document.values() if _holds_records(value)]
    others = [name for name, value in document.items() if not _holds_records(value)]
    about = not any(keyword_of(str(name)) for name in document)
    plain = all(not isinstance(document[name], list) or not document[name] for name in others)
    return lists[0] if len(lists) == 1 and about and plain else document


def _is_split(columns: list[Any], data: list[Any]) -> bool:
    return all(not isinstance(name, dict | list) for name in columns) and all(
        isinstance(row, list) and len(row) == len(columns) for row in data
    )


def _by_column(document: Mapping[str, Any]) -> bool:
    values = list(document.values())
    return all(
        isinstance(value, dict)
        and value
        and all(_NUMBER.fullmatch(str(row)) for row in value)
        and not any(isinstance(cell, dict | list) for cell in value.values())
        for value in values
    )


def _holds_records(value: Any) -> bool:
    return isinstance(value, list) and len(value) > 0 and all(isinstance(x, dict) for x in value)


class GatheredColumns:
    """Columns that grow by one record at a time.

    Examples
    --------
    >>> gathered = GatheredColumns()
    >>> gathered.add({"id": "a"})
    >>> gathered.add({"id": "b", "age": "40"})
    >>> gathered.table().to_pydict()
    {'id': ['a', 'b'], 'age': [None, '40']}
    """

    def __init__(self) -> None:
        self.rows = 0
        self._codes: dict[str, list[int | None]] = {}
        self._numbers: dict[str, dict[str, int]] = {}

    def add(self, record: Mapping[str, str | None]) -> None:
        """Add one row."""
        for name, text in record.items():
            codes = self._codes.get(name)
            if codes is None:
                codes = self._codes[name] = []
                self._numbers[name] = {}
            if len(codes) < self.rows:
                codes.extend([None] * (self.rows - len(codes)))
            numbers = self._numbers[name]
            codes.append(None if text is None else numbers.setdefault(text, len(numbers)))
        self.rows += 1

    def table(self) -> pa.Table:
        """Return the columns in the order met, of type ``dictionary<int32, string>``."""
        columns = {}
        for name, codes in self._codes.items():
            codes.extend([None] * (self.rows - len(codes)))
            texts = arrow_texts(list(self._numbers[name]))
            columns[name] = pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), texts)
        return pa.table(columns)


def dataset_json(document: Any, path: Path) -> tuple[str, RawTable]:
    """Return the name and rows of a Dataset-JSON document.

    Parameters
    ----------
    document : object
        A parsed document, or a list of lines of the NDJSON form.
    path : pathlib.Path
        The file, for messages and as name where the document has none.

    Returns
    -------
    name : str
        Data set name in capitals, such as ``DM``.
    table : RawTable
        Values as text, with the variables' labels.

    Raises
    ------
    SourceError
        When it is not Dataset-JSON, or a row has another length than the header.

    Examples
    --------
    >>> document = {"datasetJSONVersion": "1.1.0", "name": "DM", "columns": [
    ...     {"name": "USUBJID", "label": "Unique Subject Identifier"}], "rows": [["01"]]}
    >>> name, table = dataset_json(document, Path("dm.json"))
    >>> name, table.rows.to_pydict()
    ('DM', {'USUBJID': ['01']})
    """
    head, rows = _parts(document, path)
    columns = head.get("columns") or head.get("items") or []
    if not all(isinstance(c, dict) and c.get("name") for c in columns) or not columns:
        raise _unknown(path)
    names = column_names([str(column["name"]) for column in columns], shown(path.name))
    width = len(names)
    if any(not isinstance(row, list) or len(row) != width for row in rows):
        raise SourceError(
            f"{shown(path.name)}: a row has another number of values than there are columns",
            hint="Write the Dataset-JSON again",
        )
    texts = {name: cell_array(row[i] for row in rows) for i, name in enumerate(names)}
    labels = {
        name: shown(column["label"], limit=400)
        for name, column in zip(names, columns, strict=True)
        if column.get("label")
    }
    table = RawTable(rows=pa.table(texts), labels=labels)
    if "ITEMGROUPDATASEQ" in table.rows.column_names:
        table = RawTable(rows=table.rows.drop_columns(["ITEMGROUPDATASEQ"]), labels=labels)
    return str(head.get("name") or path.stem).upper(), table


def is_dataset_json(document: Any) -> bool:
    """Whether a document says that it is Dataset-JSON.

    Examples
    --------
    >>> is_dataset_json({"datasetJSONVersion": "1.1.0"}), is_dataset_json([{"PatientID": "1"}])
    (True, False)
    """
    first = document[0] if isinstance(document, list) and document else document
    return isinstance(first, dict) and (
        "datasetJSONVersion" in first
        or isinstance(first.get("clinicalData") or first.get("referenceData"), dict)
    )


def _parts(document: Any, path: Path) -> tuple[Mapping[str, Any], Sequence[Any]]:
    if isinstance(document, dict) and "datasetJSONVersion" in document:
        return document, document.get("rows") or []
    lines = isinstance(document, list) and document and isinstance(document[0], dict)
    if lines and "datasetJSONVersion" in document[0]:
        return document[0], document[1:]
    if isinstance(document, dict):
        data = document.get("clinicalData") or document.get("referenceData")
        groups = list((data or {}).get("itemGroupData", {}).values()) if data else []
        if len(groups) == 1:
            return groups[0], groups[0].get("itemData") or []
    raise _unknown(path)


def _unknown(path: Path) -> SourceError:
    return SourceError(
        f"{shown(path.name)} is not Dataset-JSON", hint="Known: versions 1.0 and 1.1"
    )


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
    first = [next(iter(document), None)] if isinstance(document, Streamed) else document
    if is_dataset_json(first):
        whole = list(document) if isinstance(document, Streamed) else document
        return dataset_json(whole, path)[1]
    return table_of(document, shown(path.name))


STREAMED = 64 << 20
"""Bytes of lines from which on a file is read in pieces; of a packed one an eighth of it."""

_PACKED = 8
_PIECE = 250_000


def spool_lines(
    path: Path, folder: Path, wanted: Callable[[list[str]], bool]
) -> tuple[RawTable, list[Path], dict[str, str]] | None:
    """Write the records of a large file of JSON lines as Parquet, in little memory.

    Parameters
    ----------
    path : pathlib.Path
        One document on each line; also gzip-compressed.
    folder : pathlib.Path
        Where the parts are written.
    wanted : callable
        Whether a table of such column names is to be written.

    Returns
    -------
    table : RawTable
        Without rows: names and findings.
    parts : list of pathlib.Path
        In the order of the records; columns named as in the records.
    names : dict of str to str
        Name in the records -> column of the table.

    None where the file is small, not wanted, or no file of lines: `read_json` says what is wrong.
    """
    where = shown(path.name)
    packed = path.suffix.casefold() == ".gz"
    if path.stat().st_size < (STREAMED // _PACKED if packed else STREAMED):
        return None
    counts = _Counts()
    gathered = GatheredColumns()
    names: dict[str, None] = {}
    parts: list[Path] = []

    def written() -> None:
        rows = gathered.table()
        names.update(dict.fromkeys(rows.column_names))
        parts.append(folder / f"lines-{len(parts):05}.parquet")
        plain = rows.cast(pa.schema([(name, pa.string()) for name in rows.column_names]))
        pq.write_table(plain, parts[-1])

    try:
        for number, item in enumerate(_lines(path)):
            if number == 0 and (not isinstance(item, dict) or is_dataset_json([item])):
                return None
            for one in _datasets(item, 1):
                record = _record(one, counts)
                if record:
                    gathered.add(record)
            if not parts and number == _SAMPLE:
                met = gathered.table().column_names
                if not wanted(_column_names(met)):
                    return None
            if gathered.rows >= _PIECE:
                written()
                gathered = GatheredColumns()
        if gathered.rows:
            written()
    except (ValueError, RecursionError, OSError, EOFError, pa.ArrowException):
        return None
    if not parts:
        return None
    final = _column_names(list(names))
    columns = pa.table({name: pa.array([], pa.string()) for name in final})
    raw = RawTable(rows=columns, findings=tuple(_findings(counts, where)))
    return raw, parts, dict(zip(names, final, strict=True))


def _lines(path: Path) -> Iterator[Any]:
    """Yield the document on each line."""
    opened = gzip.open if path.suffix.casefold() == ".gz" else open
    with opened(path, "rt", encoding="utf-8-sig", newline="\n") as handle:
        for line in handle:
            text = line.strip()
            if text:
                yield json.loads(text)


def _column_names(met: Sequence[str]) -> list[str]:
    """Return the columns of records that have such names."""
    names = _distinct(shown(name, limit=200) for name in met)
    columns = pa.table({name: pa.array([], pa.string()) for name in names})
    return list(shorten_leaves(columns).column_names)


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
    rows = rows.rename_columns(_column_names(rows.column_names))
    return RawTable(rows=rows, findings=tuple(_findings(counts, where)))


def _findings(counts: _Counts, where: str) -> list[str]:
    """Return what to say about what records held."""
    findings = []
    if counts.private:
        findings.append(f"{where}: {counted(counts.private, 'private element')} not read")
    if counts.bulk:
        findings.append(f"{where}: {counted(counts.bulk, 'element')} of bulk data not read")
    if counts.deep:
        findings.append(
            f"{where}: {counted(counts.deep, 'object')} nested deeper than {_MAX_DEPTH} not read"
        )
    return findings + counts.sequences.findings(where)


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
    if isinstance(document, list | Streamed):
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
    first = column[0].as_py() if len(column) else None
    if first is not None and not str(first).startswith("{"):
        return False
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
