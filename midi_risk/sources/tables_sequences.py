"""DICOM sequences in metadata tables, read as the reader of files reads them.

JSON documents and nested Parquet columns hold sequences as lists of items. `NestedValues`
decides which of their values join a column, which are only compared with the row's own,
and how a coded concept becomes its meaning, so that one data set gives the same
attributes whether it comes as a file or as a table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pydicom.datadict import dictionary_VR, tag_for_keyword

from midi_risk.sources.header import Noticed, ValueCollector, join_values
from midi_risk.sources.nested import NestedResult, NestedValues, nested_tags
from midi_risk.sources.tables_raw import counted
from midi_risk.sources.tables_values import joined, text_column

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
            _walk(nested, (tag,), items, counts)
    found: NestedResult = nested.result()
    counts.identity += any(text != own(keyword) for keyword, text in found.compared)
    counts.items += bool(found.noticed & Noticed.IDENTIFYING_CONTENT_ITEMS)
    counts.cut += found.cut
    return {keyword: join_values(own(keyword), more) for keyword, more in found.more.items()}


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


def _walk(
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
                _walk(nested, (*path, number, tag), parts, counts)
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
