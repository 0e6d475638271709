"""Parquet metadata tables, with the nested and repeated columns of BigQuery exports.

JSON documents and nested Parquet columns hold DICOM sequences as lists of items. `NestedValues`
decides which of their values join a column, which are only compared with the row's own,
and how a coded concept becomes its meaning, so that one data set gives the same
attributes whether it comes as a file or as a table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydicom.datadict import dictionary_VR, tag_for_keyword

from midi_risk.errors import SourceError
from midi_risk.sources.dicom.header import Noticed, ValueCollector, join_values
from midi_risk.sources.dicom.nested import NestedResult, NestedValues, nested_tags
from midi_risk.sources.files.limits import check_parquet
from midi_risk.sources.model import Beside
from midi_risk.sources.tables.columns import joined, text_column
from midi_risk.sources.tables.raw import RawTable, column_names, counted, listed, shown

NAME_PARTS = ("alphabetic", "ideographic", "phonetic")
"""Component groups of a person name in their order (PS3.5 6.2.1.2), case-folded."""

_MAX_DEPTH = 16
_BATCH = 10_000
_UNKNOWN = 0


@dataclass(slots=True)
class SequenceCounts:
    """What reading the sequences of a table met; counts of rows, and keywords."""

    identity: int = 0
    items: int = 0
    cut: int = 0
    deep: int = 0
    unread: set[str] = field(default_factory=set)

    def findings(self, where: str) -> list[str]:
        """Return what to say about the sequences of a table."""
        notes = []
        if self.unread:
            notes.append(
                f"{where}: {counted(len(self.unread), 'kind')} of element inside sequences that "
                "the catalogue does not list, not read"
            )
        if self.identity:
            notes.append(
                f"{where}: {counted(self.identity, 'row')} with sequences that state an "
                "identity or date other than the row's own"
            )
        if self.items:
            notes.append(
                f"{where}: {counted(self.items, 'row')} with content items that Table E.3.4-1 "
                "lists as identifying"
            )
        if self.cut:
            notes.append(
                f"{where}: {counted(self.cut, 'row')} with more values inside sequences than "
                "are kept"
            )
        if self.deep:
            notes.append(
                f"{where}: {counted(self.deep, 'sequence')} nested deeper than {_MAX_DEPTH} "
                "not read"
            )
        return notes


@cache
def sequence_tag(keyword: str) -> int | None:
    """Return the tag of a keyword that the dictionary calls a sequence, else None.

    Examples
    --------
    >>> sequence_tag("RequestAttributesSequence") == 0x00400275, sequence_tag("PatientID")
    (True, None)
    """
    tag = tag_for_keyword(keyword)
    return tag if tag is not None and dictionary_VR(tag) == "SQ" else None


def person_name(value: Mapping[str, Any]) -> str | None:
    """Return a person name's component groups as DICOM writes them.

    Examples
    --------
    >>> person_name({"Alphabetic": "Doe^J"}), person_name({"Phonetic": "x"})
    ('Doe^J', '==x')
    """
    parts = {key.casefold(): joined([part]) for key, part in value.items()}
    return "=".join(parts.get(name) or "" for name in NAME_PARTS).rstrip("=") or None


def is_person_name(value: object) -> bool:
    """Return whether a value is a person name by its component groups."""
    return (
        isinstance(value, dict)
        and 0 < len(value) <= len(NAME_PARTS)
        and all(str(key).casefold() in NAME_PARTS for key in value)
    )


def element_parts(element: Any) -> list[Any]:
    """Return the values of an element: texts, numbers, or the items of a sequence.

    Parameters
    ----------
    element : object
        DICOM JSON (``vr`` and ``Value``), a full tag of Orthanc (``Name``, ``Type``,
        ``Value``), or the value itself.
    """
    value = element
    if isinstance(element, dict) and ("vr" in element or ("Name" in element and "Type" in element)):
        value = element.get("Value")
    if value is None:
        return []
    parts = value if isinstance(value, list) else [value]
    return [person_name(part) if is_person_name(part) else part for part in parts]


def read_sequences(
    sequences: Mapping[str, Sequence[Any]],
    own: Callable[[str], str | None],
    counts: SequenceCounts,
) -> dict[str, str]:
    """Return the attributes that the sequences of one row add or extend.

    Parameters
    ----------
    sequences : mapping of str to sequence
        Keyword of a sequence -> its items, mappings of keyword or tag to element.
    own : callable
        Returns the row's own value of a keyword.
    counts : SequenceCounts
        Receives what was met.

    Returns
    -------
    dict of str to str
        Keyword -> the row's own value and those from the sequences, joined by backslash.

    Examples
    --------
    >>> region = [{"CodeValue": "T-A0100", "CodeMeaning": "Brain"}]
    >>> read_sequences({"AnatomicRegionSequence": region}, {}.get, SequenceCounts())
    {'AnatomicRegionSequence': 'Brain'}
    """
    nested = NestedValues(ValueCollector())
    for keyword, items in sequences.items():
        tag = sequence_tag(keyword)
        if tag is not None:
            _walk_item(nested, (tag,), items, counts)
    found: NestedResult = nested.result()
    counts.identity += any(text != own(keyword) for keyword, text in found.compared)
    counts.items += bool(found.noticed & Noticed.IDENTIFYING_CONTENT_ITEMS)
    counts.cut += found.cut
    more = {**found.more, **found.uids_beside(lambda keyword: own(keyword) or "")}
    return {keyword: join_values(own(keyword), texts) for keyword, texts in more.items()}


class _Own:
    """The rows' own values, by keyword when they are first asked for."""

    def __init__(self, columns: Mapping[str, pa.ChunkedArray], start: int) -> None:
        self._columns = columns
        self._start = start
        self._held: dict[str, list[str | None]] = {}

    def value(self, row: int, keyword: str) -> str | None:
        """Return the value of one row of the batch."""
        if keyword not in self._columns:
            return None
        if keyword not in self._held:
            part = self._columns[keyword].slice(self._start, _BATCH)
            self._held[keyword] = part.cast(pa.string()).to_pylist()
        return self._held[keyword][row]


def with_sequence_columns(
    columns: Mapping[str, pa.ChunkedArray],
    sequences: Mapping[str, pa.ChunkedArray],
    counts: SequenceCounts,
) -> dict[str, pa.ChunkedArray]:
    """Return columns with what the sequences of each row add or extend.

    Parameters
    ----------
    columns : mapping of str to pyarrow.ChunkedArray
        Text columns.
    sequences : mapping of str to pyarrow.ChunkedArray
        Keyword of a sequence -> structures, or lists of them, one per row.
    counts : SequenceCounts
        Receives what was met.
    """
    rows = max(map(len, sequences.values()), default=0)
    found: dict[str, list[str | None]] = {}
    for start in range(0, rows, _BATCH):
        items = {n: c.slice(start, _BATCH).to_pylist() for n, c in sequences.items()}
        own = _Own(columns, start)
        for row in range(min(_BATCH, rows - start)):
            given = {name: element_parts(values[row]) for name, values in items.items()}
            value = partial(own.value, row)
            for keyword, text in read_sequences(given, value, counts).items():
                if keyword not in found:
                    found[keyword] = [None] * rows
                found[keyword][start + row] = text
    result = dict(columns)
    for keyword, texts in found.items():
        new = pa.chunked_array([pa.array(texts, pa.string())])
        if keyword in columns:
            new = pc.if_else(pc.is_valid(new), new, columns[keyword].cast(pa.string()))
        result[keyword] = text_column(new)
    return result


def _walk_item(
    nested: NestedValues, path: tuple[int, ...], items: Sequence[Any], counts: SequenceCounts
) -> None:
    if len(path) > 2 * _MAX_DEPTH:
        counts.deep += 1
        return
    for number, item in enumerate(items):
        if not isinstance(item, dict):
            continue
        for name, element in item.items():
            tag = _tag(str(name)) or _UNKNOWN
            parts = element_parts(element)
            if tag >> 16 & 1:
                continue
            if any(isinstance(part, dict) for part in parts):
                _walk_item(nested, (*path, number, tag), parts, counts)
            elif tag in nested_tags():
                nested.element((*path, number), tag, joined(parts))
            elif parts:
                counts.unread.add(str(name).casefold())


@cache
def _tag(name: str) -> int | None:
    """Return the tag of a keyword, or of a tag as DICOM JSON and Orthanc write it."""
    bare = name.replace(",", "")
    if len(bare) == len("00100020"):
        try:
            return int(bare, 16)
        except ValueError:
            pass
    return tag_for_keyword(name)


_DROPPED = {"droppedtags", "othelements", "otherelements"}


def read_parquet(path: Path) -> RawTable:
    """Read a Parquet file as text columns.

    DICOM sequences are read as those of files, see `read_sequences`. Other structures
    become one column per leaf, named ``Parent.Leaf``; the component groups of a person
    name are joined as DICOM writes them; repeated values are joined by backslash.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    RawTable

    Raises
    ------
    SourceError
        When it is not readable as Parquet, or a column name occurs twice.
    """
    try:
        schema = pq.read_schema(path)
        column_names(schema.names, shown(path.name))
        encoded = [f.name for f in schema if _is_text(f.type)]
        with pq.ParquetFile(path, read_dictionary=encoded, pre_buffer=False) as file:
            check_parquet(file, path)
            # One column at a time: the text of a column is often larger than its storage.
            columns = ((f.name, _column(file, f.name)) for f in schema)
            return flatten(columns, shown(path.name), labels=_labels(schema))
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        raise SourceError(
            f"{shown(path.name)} cannot be read as Parquet", hint="Is the file complete?"
        ) from None


def _column(file: pq.ParquetFile, name: str) -> pa.ChunkedArray:
    """Return one column whose text is known to be UTF-8."""
    column = file.read(columns=[name]).column(0)
    column.validate(full=True)
    return column


def flatten(
    fields: Iterable[tuple[str, pa.ChunkedArray]],
    where: str,
    labels: dict[str, str] | None = None,
) -> RawTable:
    """Return columns of any Arrow types as flat text columns.

    Parameters
    ----------
    fields : iterable of (str, pyarrow.ChunkedArray)
        Name and values; may be structures, lists and binary.
    where : str
        File, for findings.
    labels : dict, optional
        Column descriptions.
    """
    columns: dict[str, pa.ChunkedArray] = {}
    sequences: dict[str, pa.ChunkedArray] = {}
    unread: list[str] = []
    dropped: list[str] = []
    own: set[str] = set()
    for name, column in fields:
        own.add(shown(name, limit=200))
        if name.casefold() in _DROPPED:
            dropped.append(name)
            continue
        if sequence_tag(name) is not None and _holds_items(column.type):
            sequences[name] = column
            continue
        for leaf, values in _leaves(name, column):
            if values is None:
                unread.append(leaf)
            else:
                columns[shown(leaf, limit=200)] = values
    counts = SequenceCounts()
    if sequences:
        columns = with_sequence_columns(columns, sequences, counts)
    findings = counts.findings(where)
    if unread:
        findings.append(
            f"{where}: {counted(len(unread), 'column')} of binary values not read: {listed(unread)}"
        )
    if dropped:
        findings.append(
            f"{where}: {listed(dropped)} says that elements were dropped or kept apart on export; "
            "they were not seen"
        )
    if not columns:
        raise SourceError(f"{where} has no column that can be read", hint="Is it the right file?")
    return RawTable(
        rows=shorten_leaves(pa.table(columns), own),
        labels=dict(labels or {}),
        findings=tuple(findings),
        extras=(Beside(kind="text", name="columns of bytes", count=len(unread)),) if unread else (),
    )


def shorten_leaves(rows: pa.Table, own: Collection[str] = ()) -> pa.Table:
    """Rename ``Sequence.Leaf`` to ``Leaf`` where only one column could be meant.

    A column whose own name has a point, as those of R have, keeps it.
    """
    ends = {name: name if name in own else name.rpartition(".")[2] for name in rows.column_names}
    met = Counter(ends.values())
    return rows.rename_columns(
        [end if (end := ends[name]) and met[end] == 1 else name for name in rows.column_names]
    )


def _leaves(name: str, column: pa.ChunkedArray) -> Iterator[tuple[str, pa.ChunkedArray | None]]:
    kind = column.type
    if pa.types.is_struct(kind):
        yield from _struct_leaves(name, column)
    elif _is_list(kind):
        yield from _list_leaves(name, column)
    elif pa.types.is_map(kind) or _is_binary(kind):
        yield name, None
    elif pa.types.is_null(kind):
        yield name, text_column(column.cast(pa.string()))
    else:
        yield name, text_column(column)


def _struct_leaves(
    name: str, column: pa.ChunkedArray
) -> Iterator[tuple[str, pa.ChunkedArray | None]]:
    fields = [column.type.field(i).name for i in range(column.type.num_fields)]
    if _names_person(column.type):
        texts = [person_name(value) if value else None for value in column.to_pylist()]
        yield name, text_column(pa.chunked_array([pa.array(texts, pa.string())]))
        return
    for child in fields:
        yield from _leaves(f"{name}.{child}", pc.struct_field(column, child))


def _list_leaves(
    name: str, column: pa.ChunkedArray
) -> Iterator[tuple[str, pa.ChunkedArray | None]]:
    """Join each row's values; for a list of structures, each leaf on its own."""
    inner = column.type.value_type
    if pa.types.is_struct(inner) and not _names_person(inner):
        items = column.to_pylist()
        for path in _leaf_paths(inner, ()):
            texts = [joined(_walk(item, path)) if item else None for item in items]
            label = ".".join((name, *path))
            yield label, text_column(pa.chunked_array([pa.array(texts, pa.string())]))
        return
    if _is_binary(inner) or pa.types.is_map(inner):
        yield name, None
        return
    texts = [joined(element_parts(item)) if item else None for item in column.to_pylist()]
    yield name, text_column(pa.chunked_array([pa.array(texts, pa.string())]))


def _leaf_paths(kind: pa.DataType, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if _is_list(kind):
        yield from _leaf_paths(kind.value_type, path)
    elif pa.types.is_struct(kind) and not _names_person(kind):
        for field in kind.fields:
            yield from _leaf_paths(field.type, (*path, field.name))
    elif not _is_binary(kind):
        yield path


def _names_person(kind: pa.DataType) -> bool:
    """Whether a structure holds the component groups of a person name."""
    names = {field.name.casefold() for field in kind.fields}
    return bool(names) and names <= set(NAME_PARTS)


def _holds_items(kind: pa.DataType) -> bool:
    """Whether values of a type are items of a sequence, or lists of them."""
    inner = kind.value_type if _is_list(kind) else kind
    return bool(pa.types.is_struct(inner)) and not _names_person(inner)


def _walk(value: Any, path: tuple[str, ...]) -> list[object]:
    """Return the values at a path through dictionaries and lists."""
    if value is None:
        return []
    if isinstance(value, list):
        return [found for item in value for found in _walk(item, path)]
    if path and isinstance(value, dict):
        return _walk(value.get(path[0]), path[1:])
    return element_parts(value)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_list(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )


def _is_binary(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
    )


def _labels(schema: pa.Schema) -> dict[str, str]:
    """Return column descriptions kept in the field metadata."""
    labels = {}
    for column in schema:
        metadata = column.metadata or {}
        text = metadata.get(b"description") or metadata.get(b"comment") or b""
        if text:
            labels[column.name] = shown(text.decode("utf-8", "replace"), limit=400)
    return labels
