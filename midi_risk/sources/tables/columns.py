"""Columns of any Arrow type as text, their names as DICOM keywords, and their descriptions.

A source table holds raw text only: minimal numbers, ISO dates, null for absent. What a typed file
stores as 30.0 in a column of whole numbers is the text ``30``; what a text file writes as ``30.0``
stays as it is written.

Known names are the keyword in any case and spelling (``PatientID``, ``patient_id``,
``Patient's Age``), the tag (``(0010,0040)``, ``00100040``, ``0010-1010``), and the aliases
in ``data/column_aliases.csv``. Descriptions come from a JSON data dictionary beside a table, as
BIDS has them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydicom.datadict import DicomDictionary  # type: ignore[attr-defined]

from midi_risk.resources import data_rows
from midi_risk.sources.tables.keys import fold_name
from midi_risk.sources.tables.raw import shown

VALUE_SEPARATOR = "\\"
"""Joins several values of one attribute, as DICOM does (PS3.5 6.4)."""

_EXACT = 2.0**53
_DICTIONARY = pa.dictionary(pa.int32(), pa.string())


def text_of(value: object) -> str | None:
    """Return one Python value as minimal text, or None when it is absent.

    Parameters
    ----------
    value : object
        A cell of a spreadsheet, a statistics file or a JSON document.

    Returns
    -------
    str or None
        Surrounding blanks are dropped; an empty text is None, so is NaN.

    Examples
    --------
    >>> text_of(30.0), text_of(25.50), text_of("  007 "), text_of(""), text_of(float("nan"))
    ('30', '25.5', '007', None, None)
    """
    text: str | None
    if value is None:
        text = None
    elif isinstance(value, str):
        text = value.replace("\x00", "").strip()
    elif isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, float | Decimal):
        text = _number_text(value)
    elif isinstance(value, date | time | timedelta):
        text = _moment_text(value)
    elif isinstance(value, list | tuple):
        text = joined(value)
    else:
        text = str(value).strip()
    return text or None


def joined(values: Iterable[object]) -> str | None:
    r"""Return several values as one text, joined by backslash; None when all are absent.

    Examples
    --------
    >>> joined(["ORIGINAL", None, "PRIMARY"])
    'ORIGINAL\\\\PRIMARY'
    """
    parts = [text_of(value) or "" for value in values]
    return VALUE_SEPARATOR.join(parts) if any(parts) else None


def _number_text(value: float | Decimal) -> str | None:
    if value != value:  # noqa: PLR0124 - NaN is the one number unequal to itself
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return str(int(value))
    text = str(value)
    if isinstance(value, Decimal) and "." in text and "E" not in text:
        text = text.rstrip("0").rstrip(".")
    return text


def _moment_text(value: date | time | timedelta) -> str:
    if isinstance(value, datetime):
        if (value.hour, value.minute, value.second, value.microsecond) == (0, 0, 0, 0):
            return value.date().isoformat()
        return value.isoformat()
    return str(value) if isinstance(value, timedelta) else value.isoformat()


def arrow_texts(texts: Sequence[str | None]) -> pa.Array:
    r"""Return texts as an Arrow array.

    Half of a surrogate pair, which JSON can escape and no text can hold, is escaped.

    Examples
    --------
    >>> arrow_texts(["a\ud800", None]).to_pylist()
    ['a\\ud800', None]
    """
    try:
        return pa.array(texts, pa.string())
    except UnicodeEncodeError:
        whole = [text and text.encode("utf-8", "backslashreplace").decode() for text in texts]
        return pa.array(whole, pa.string())


def cell_array(values: Iterable[object]) -> pa.Array:
    """Return Python values as a dictionary-encoded text array.

    Parameters
    ----------
    values : iterable of object
        Cells; see `text_of`.

    Returns
    -------
    pyarrow.DictionaryArray
        Type ``dictionary<int32, string>``.
    """
    return arrow_texts([text_of(value) for value in values]).dictionary_encode()


def text_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column of any flat Arrow type as dictionary-encoded text.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
        Not nested and not binary.

    Returns
    -------
    pyarrow.ChunkedArray
        One chunk of type ``dictionary<int32, string>``; surrounding blanks dropped, empty
        text null.

    Examples
    --------
    >>> text_column(pa.chunked_array([[30.0, None, 25.5]])).to_pylist()
    ['30', None, '25.5']
    """
    encoded = _in_one(column)
    values = _plain_values(encoded.dictionary)
    indices = encoded.indices
    if values.null_count or pc.count_distinct(values).as_py() != len(values):
        again = values.dictionary_encode()
        indices = again.indices.take(indices)
        values = again.dictionary
    result = pa.DictionaryArray.from_arrays(indices.cast(pa.int32()), values)
    return pa.chunked_array([result], type=_DICTIONARY)


MUCH_TEXT = 1 << 28
"""Bytes of distinct values from which columns are read one by one."""


def text_columns(columns: Sequence[pa.ChunkedArray]) -> list[pa.ChunkedArray]:
    """Return columns as `text_column` does, all distinct texts of them looked at in one go.

    Parameters
    ----------
    columns : sequence of pyarrow.ChunkedArray
        Dictionary-encoded text.

    Examples
    --------
    >>> given = pa.chunked_array([pa.array(["a", "b", "a"]).dictionary_encode()])
    >>> [column.to_pylist() for column in text_columns([given, given])]
    [['a', 'b', 'a'], ['a', 'b', 'a']]
    """
    encoded = [_in_one(column) for column in columns]
    dictionaries = [array.dictionary for array in encoded]
    if not encoded or sum(texts.nbytes for texts in dictionaries) > MUCH_TEXT:
        return [text_column(column) for column in columns]
    if any(array.type != _DICTIONARY for array in encoded):
        return [text_column(column) for column in columns]
    whole = pa.concat_arrays(dictionaries)
    same = pc.fill_null(pc.equal(_plain_values(whole), whole), fill_value=False)
    changed = np.append(0, np.cumsum(~same.to_numpy(zero_copy_only=False)))
    ends = np.cumsum([0, *map(len, dictionaries)])
    return [
        pa.chunked_array([array]) if none else text_column(pa.chunked_array([array]))
        for array, none in zip(encoded, changed[ends[1:]] == changed[ends[:-1]], strict=True)
    ]


def _in_one(column: pa.ChunkedArray) -> pa.DictionaryArray:
    """Return a column as one dictionary-encoded array."""
    if column.num_chunks == 1 and pa.types.is_dictionary(column.type):
        return column.chunk(0)
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    encoded = encoded.unify_dictionaries().combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):
        return encoded.chunk(0) if encoded.num_chunks else pa.array([], encoded.type)
    return encoded


def _plain_values(values: pa.Array) -> pa.Array:
    """Return distinct values as trimmed text, null where nothing remains."""
    kind = values.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        padded = pc.replace_substring(values.cast(pa.string()), "\x00", "")
        trimmed = pc.utf8_trim_whitespace(padded)
        return pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)
    if pa.types.is_integer(kind):
        return values.cast(pa.string())
    if pa.types.is_floating(kind) and not pa.types.is_float16(kind):
        return _float_texts(values)
    return pa.array([text_of(_scalar(value)) for value in values], pa.string())


def _float_texts(values: pa.Array) -> pa.Array:
    """Return numbers as their shortest text, whole ones without a decimal zero, NaN null."""
    values = pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
    whole = pc.and_(pc.equal(pc.floor(values), values), pc.less(pc.abs(values), _EXACT))
    integers = pc.if_else(whole, values, pa.scalar(None, values.type)).cast(pa.int64())
    return pc.if_else(whole, integers.cast(pa.string()), values.cast(pa.string()))


def _scalar(value: pa.Scalar) -> Any:
    """Return a scalar as Python; a timestamp finer than microseconds is cut to them."""
    if pa.types.is_timestamp(value.type) and value.type.unit == "ns":
        return value.cast(pa.timestamp("us", tz=value.type.tz), safe=False).as_py()
    return value.as_py()


def compact(rows: pa.Table) -> pa.Table:
    """Return text columns whose dictionaries hold only values that occur.

    Parameters
    ----------
    rows : pyarrow.Table
        A selection of rows.
    """
    columns = {}
    for name, column in zip(rows.column_names, rows.columns, strict=True):
        columns[name] = column
        if pa.types.is_dictionary(column.type):
            array = column.unify_dictionaries().combine_chunks()
            array = array.chunk(0) if isinstance(array, pa.ChunkedArray) else array
            used = pc.unique(array.indices).drop_null()
            indices = pc.index_in(array.indices, value_set=used)
            small = pa.DictionaryArray.from_arrays(indices, array.dictionary.take(used))
            columns[name] = pa.chunked_array([small])
    return pa.table(columns)


def distinct_count(column: pa.ChunkedArray) -> int:
    """Return the number of distinct values of a text column, null not counted.

    Examples
    --------
    >>> distinct_count(pa.chunked_array([["a", "b", "a", None]]))
    2
    """
    return len(pc.unique(column).drop_null())


_TAG = re.compile(r"^[(_x]?\s*([0-9a-f]{4})\s*[,_\-. ]?\s*([0-9a-f]{4})\s*\)?$", re.IGNORECASE)

UID_LEVELS = (
    ("SOPInstanceUID", "instance"),
    ("SeriesInstanceUID", "series"),
    ("StudyInstanceUID", "study"),
)
"""Column that marks a level, finest first."""

IMAGING = frozenset(
    {
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "SOPInstanceUID",
        "SOPClassUID",
        "Modality",
        "ModalitiesInStudy",
        "AccessionNumber",
        "StudyDate",
        "SeriesDate",
        "AcquisitionDate",
        "StudyDescription",
        "SeriesDescription",
        "SeriesNumber",
        "BodyPartExamined",
        "Manufacturer",
        "ManufacturerModelName",
        "PhotometricInterpretation",
        "ViewPosition",
        "ImageType",
        "TransferSyntaxUID",
    }
)
"""Keywords that only a table of image metadata has several of."""

INSTANCE_COUNTS = frozenset(
    {
        "instancecount",
        "numberofimages",
        "imagecount",
        "numberofinstances",
        "sopinstancecount",
        "numinstances",
        "numimages",
        "images",
        "numberofseriesrelatedinstances",
        "numberofstudyrelatedinstances",
    }
)
SCOPES = ("collectionid", "collection", "collectionname", "projectid", "project", "datasetid")
"""Folded names of columns within which a patient ID is unique, best first."""


@cache
def _known() -> dict[str, str]:
    names: dict[str, str] = {}
    for _vr, _vm, description, _retired, keyword in DicomDictionary.values():
        if keyword:
            names.setdefault(fold_name(description), keyword)
    for _vr, _vm, _description, _retired, keyword in DicomDictionary.values():
        if keyword:
            names[fold_name(keyword)] = keyword
    for row in data_rows("column_aliases.csv"):
        names.setdefault(fold_name(row["alias"]), row["keyword"])
    return names


def keyword_of(name: str) -> str | None:
    """Return the DICOM keyword that a column name of a metadata table means.

    Parameters
    ----------
    name : str
        Column name.

    Returns
    -------
    str or None

    Examples
    --------
    >>> [keyword_of(name) for name in ("Subject ID", "patient_age", "(0010,0040)", "stage")]
    ['PatientID', 'PatientAge', 'PatientSex', None]
    """
    tag = _TAG.match(name.strip())
    if tag:
        entry = DicomDictionary.get(int(tag[1] + tag[2], 16))
        return entry[4] if entry else None
    return _known().get(fold_name(name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Aliases:
    """New names of a metadata table's columns.

    Parameters
    ----------
    names : tuple of str
        One per column.
    origin : dict of str to str
        New name -> name in the file, where they differ.
    clashes : tuple of str
        Columns left under their own name because another already has their keyword.
    """

    names: tuple[str, ...]
    origin: dict[str, str]
    clashes: tuple[str, ...]


def alias_columns(names: Sequence[str]) -> Aliases:
    """Return the columns' DICOM keywords where they are known, without a clash.

    Parameters
    ----------
    names : sequence of str
        Distinct column names of a metadata table.

    Examples
    --------
    >>> alias_columns(["Subject ID", "Modality", "stage"]).names
    ('PatientID', 'Modality', 'stage')
    """
    taken = {name for name in names if keyword_of(name) == name}
    result, origin, clashes = [], {}, []
    for name in names:
        # A leaf of a sequence is reachable under its keyword only through its own path.
        keyword = None if "." in name else keyword_of(name)
        if keyword is None or keyword == name:
            result.append(name)
        elif keyword in taken or keyword in names:
            clashes.append(name)
            result.append(name)
        else:
            taken.add(keyword)
            origin[keyword] = name
            result.append(keyword)
    return Aliases(names=tuple(result), origin=origin, clashes=tuple(clashes))


def is_metadata_table(names: Sequence[str]) -> bool:
    """Return whether a table's columns are those of image metadata.

    Three columns that only image metadata has, or a UID and one more, and at least a
    fifth of all columns known to DICOM; a clinical table that mentions a scanner is not one.

    Examples
    --------
    >>> is_metadata_table(["Subject ID", "Study UID", "Modality", "Study Date"])
    True
    >>> is_metadata_table(["PatientID", "age", "stage", "Modality"])
    False
    """
    keywords = {keyword for name in names if (keyword := keyword_of(name))}
    imaging = keywords & IMAGING
    uids = keywords & {uid for uid, _ in UID_LEVELS}
    enough = len(imaging) >= 3 or (bool(uids) and len(imaging) >= 2)
    return enough and 5 * len(keywords) >= len(names)


def level_of(names: Sequence[str]) -> str:
    """Return the level that a row of a table with these columns describes.

    Examples
    --------
    >>> level_of(["PatientID", "StudyInstanceUID"])
    'study'
    """
    known = {keyword_of(name) for name in names} | set(names)
    return next((level for uid, level in UID_LEVELS if uid in known), "patient")


_DEPTH = 3
_LEVELS = 12


def descriptions(sidecar: Path) -> dict[str, str]:
    """Return column name -> description from a JSON data dictionary; empty when there is none.

    Groups of columns, as some data sets nest them, are looked into.

    Parameters
    ----------
    sidecar : pathlib.Path
        Such as ``participants.json``.
    """
    try:
        document = json.loads(sidecar.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return {}
    return _described(document, 0) if isinstance(document, dict) else {}


def with_levels(text: str, levels: Mapping[object, object]) -> str:
    """Return a column's description with the meaning of its codes, when they are few.

    Parameters
    ----------
    text : str
        Description; may be empty.
    levels : mapping
        Code -> meaning, or code -> mapping with a ``Description``.

    Examples
    --------
    >>> with_levels("Sex", {1.0: "male", 2.0: "female"})
    'Sex (1 = male, 2 = female)'
    """
    if not levels or len(levels) > _LEVELS:
        return text
    meanings = (
        (code, meaning.get("Description", "") if isinstance(meaning, dict) else meaning)
        for code, meaning in levels.items()
    )
    listed = ", ".join(f"{text_of(code)} = {meaning}" for code, meaning in meanings)
    return f"{text} ({listed})".strip()


def _described(document: Mapping[str, object], depth: int) -> dict[str, str]:
    labels: dict[str, str] = {}
    for name, entry in document.items():
        if not isinstance(entry, dict):
            continue
        parts = [str(entry[k]) for k in ("LongName", "Description") if entry.get(k)]
        text = ": ".join(dict.fromkeys(parts))
        levels = entry.get("Levels")
        text = with_levels(text, levels if isinstance(levels, dict) else {})
        units = entry.get("Units")
        if isinstance(units, str) and units.strip():
            text = f"{text} [Units: {units.strip()}]".strip()
        if text:
            labels[name] = shown(text, limit=400)
        if depth < _DEPTH:
            labels = _described(entry, depth + 1) | labels
    return labels
