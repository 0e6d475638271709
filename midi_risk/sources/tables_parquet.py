"""Parquet metadata tables, with the nested and repeated columns of BigQuery exports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from midi_risk.errors import SourceError
from midi_risk.sources.tables_raw import RawTable, column_names, counted, listed, shown
from midi_risk.sources.tables_sequences import (
    NAME_PARTS,
    SequenceCounts,
    element_parts,
    person_name,
    sequence_tag,
    with_sequence_columns,
)
from midi_risk.sources.tables_values import joined, text_column

_DROPPED = {"droppedtags", "othelements", "otherelements"}


def read_parquet(path: Path) -> RawTable:
    """Read a Parquet file as text columns.

    DICOM sequences are read as those of files, see `tables_sequences`. Other structures
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
    for name, column in fields:
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
        rows=shorten_leaves(pa.table(columns)), labels=dict(labels or {}), findings=tuple(findings)
    )


def shorten_leaves(rows: pa.Table) -> pa.Table:
    """Rename ``Sequence.Leaf`` to ``Leaf`` where only one column could be meant."""
    leaves = Counter(name.rpartition(".")[2] for name in rows.column_names)
    return rows.rename_columns(
        [
            leaf if (leaf := name.rpartition(".")[2]) and leaves[leaf] == 1 else name
            for name in rows.column_names
        ]
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
    for field in schema:
        metadata = field.metadata or {}
        text = metadata.get(b"description") or metadata.get(b"comment") or b""
        if text:
            labels[field.name] = shown(text.decode("utf-8", "replace"), limit=400)
    return labels
