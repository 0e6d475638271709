"""Attribute columns of a chunk of files, decoded once per distinct value.

They travel as one Arrow batch per chunk, internal columns beside the attributes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter, or_
from typing import cast

import pyarrow as pa

from midi_risk.sources.arrow import coded_array, integer_array, text_array
from midi_risk.sources.dicom.facts import DECIDING, noticed_in
from midi_risk.sources.dicom.header import Header, Noticed, Wanted, join_values, wanted_attributes
from midi_risk.sources.dicom.text import RawHeader, element_texts
from midi_risk.sources.scan.one_file import FileRecord


class Coded:
    """A column of texts as numbers of distinct texts.

    Parameters
    ----------
    count : int
        Number of rows; all absent at first.
    """

    __slots__ = ("_numbers", "codes", "texts")

    def __init__(self, count: int) -> None:
        self.codes: list[int | None] = [None] * count
        self.texts: list[str] = []
        self._numbers: dict[str, int] = {}

    def number(self, text: str | None) -> int | None:
        """Return the number of a text, a new one where it was not met."""
        if text is None:
            return None
        found = self._numbers.setdefault(text, len(self.texts))
        if found == len(self.texts):
            self.texts.append(text)
        return found

    def numbers(self, texts: Sequence[str | None]) -> Sequence[int | None]:
        """Return the numbers of several texts, as `number` does one by one."""
        if self.texts or len(texts) < 2 or None in texts:
            return [self.number(text) for text in texts]
        known = cast("list[str]", list(dict.fromkeys(texts)))
        self._numbers = dict(zip(known, range(len(known)), strict=True))
        self.texts = known
        if len(known) == len(texts):
            return range(len(known))
        return [self._numbers[text] for text in cast("Sequence[str]", texts)]

    def text(self, at: int) -> str | None:
        """Return the text of one row."""
        code = self.codes[at]
        return None if code is None else self.texts[code]

    def filled(self) -> list[bool]:
        """Return for each row whether it has a text that is not empty."""
        empty = self._numbers.get("")
        if empty is None and None not in self.codes:
            return [True] * len(self.codes)
        return [code is not None and code != empty for code in self.codes]

    def array(self) -> pa.DictionaryArray:
        """Return the column for Arrow."""
        return coded_array(self.codes, self.texts)


def _fill(
    column: Coded,
    wanted: Wanted,
    places: Sequence[int],
    rows: Sequence[dict[int, bytes]],
    encodings: tuple[str, ...],
) -> None:
    """Put the values of headers with one character set into a column."""
    tag = wanted.tag
    raws: list[bytes | None]
    try:
        raws = list(map(itemgetter(tag), rows))
    except KeyError:
        raws = [row.get(tag) for row in rows]
    numbers: dict[bytes | None, int | None] = dict.fromkeys(raws)
    present = [raw for raw in numbers if raw is not None]
    texts = element_texts(wanted.vr, present, encodings)
    numbers.update(zip(present, column.numbers(texts), strict=True))
    if len(places) == len(column.codes):
        if len(numbers) == 1:
            column.codes = [*numbers.values()] * len(raws)
        elif len(numbers) == len(raws):
            column.codes = [*numbers.values()]
        else:
            column.codes = list(map(numbers.__getitem__, raws))
        return
    for at, raw in zip(places, raws, strict=True):
        if raw is not None:
            column.codes[at] = numbers[raw]


def _put(columns: dict[str, Coded], count: int, keyword: str, at: int, text: str | None) -> None:
    column = columns.get(keyword)
    if column is None:
        column = columns[keyword] = Coded(count)
    column.codes[at] = column.number(text)


def attribute_columns(
    headers: Sequence[Header | RawHeader | None],
) -> dict[str, Coded]:
    """Return one column per attribute that any header has.

    Parameters
    ----------
    headers : sequence of Header, RawHeader or None
        One per file.

    Returns
    -------
    dict of str to Coded
        By keyword, in the order of tags.
    """
    groups: dict[tuple[str, ...], tuple[list[int], list[RawHeader]]] = {}
    columns: dict[str, Coded] = {}
    count = len(headers)
    for at, header in enumerate(headers):
        if isinstance(header, RawHeader):
            places, rows = groups.setdefault(header.encodings, ([], []))
            places.append(at)
            rows.append(header)
        elif header is not None:
            for keyword, text in header.values.items():
                _put(columns, count, keyword, at, text)
    catalogue = wanted_attributes()
    for encodings, (places, rows) in groups.items():
        raws = [row.raws for row in rows]
        present: set[int] = set().union(*raws)
        for tag in present & catalogue.keys():
            wanted = catalogue[tag]
            column = columns.get(wanted.keyword)
            if column is None:
                column = columns[wanted.keyword] = Coded(count)
            _fill(column, wanted, places, raws, encodings)
    for places, rows in groups.values():
        for at, row in zip(places, rows, strict=True):
            for keyword, more in row.more.items():
                held = columns[keyword].text(at) if keyword in columns else None
                _put(columns, count, keyword, at, join_values(held, more))
    return {w.keyword: columns[w.keyword] for w in catalogue.values() if w.keyword in columns}


INTERNAL = pa.schema(
    [
        ("_path", pa.string()),
        ("_size", pa.int64()),
        ("_mtime", pa.int64()),
        ("_state", pa.int64()),
        ("_status", pa.dictionary(pa.int32(), pa.string())),
        ("_reason", pa.dictionary(pa.int32(), pa.string())),
        ("_noticed", pa.int64()),
        ("_contents", pa.dictionary(pa.int32(), pa.string())),
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
        integer_array(record.listed.state for record in records),
        _coded([record.status for record in records]),
        _coded([record.reason for record in records]),
        _noticed(records, columns, identified),
        _coded(["" if record.header is None else record.header.contents for record in records]),
    ]
    texts = [column.array() for column in columns.values()]
    schema = pa.schema([*INTERNAL, *((name, _TEXT) for name in columns)])
    return pa.RecordBatch.from_arrays([*internal, *texts], schema=schema)
