"""Integer tables from generalisation hierarchies.

A hierarchy is a table: one row per value, column 0 the raw value, the rightmost column the
most general one. It is checked for cycles, ragged rows and levels that do not nest. The search
works on integers only: per level an array that sends the code of a raw value to the code of its
generalised value.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from numbers import Number
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from midi_risk.attributes.hierarchy import check_cycles, quoted_label
from midi_risk.errors import HierarchyError, MeasureError, SearchError, did_you_mean, quoted
from midi_risk.risk.classes.columns import (
    CodedColumn,
    dense_codes,
    read_columns,
    readable,
    text_of,
)

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class HierarchyRows:
    """A checked hierarchy.

    Parameters
    ----------
    texts : tuple of tuple of str or None
        Per level, the text of each row.
    codes : tuple of ndarray of int64, shape (rows,)
        Per level, the dense code of each row.
    labels : tuple of tuple of str or None
        Per level, the text of each code.
    """

    texts: tuple[tuple[str | None, ...], ...]
    codes: tuple[Ints, ...]
    labels: tuple[tuple[str | None, ...], ...]

    @property
    def levels(self) -> int:
        """Number of levels, the raw one included."""
        return len(self.codes)


def _factorised(texts: Sequence[str | None]) -> tuple[Ints, tuple[str | None, ...]]:
    places: dict[str | None, int] = {}
    codes = np.array([places.setdefault(text, len(places)) for text in texts], dtype=np.int64)
    return codes, tuple(places)


def _check_nesting(name: str, codes: Sequence[Ints], texts: Sequence[Sequence[str | None]]) -> None:
    """Raise when one value of a level has two parents; raw values are not shown."""
    for level, (fine, coarse) in enumerate(pairwise(codes)):
        first = np.zeros(int(fine.max()) + 1, dtype=np.int64)
        order = np.arange(len(fine))[::-1]
        first[fine[order]] = order
        broken = np.flatnonzero(coarse != coarse[first[fine]])
        if broken.size:
            row = int(broken[0])
            other = int(first[fine[row]])
            group, one, two = (
                _shown(str(texts[at][place]), texts[0])
                for at, place in ((level, row), (level + 1, other), (level + 1, row))
            )
            parents = f" ({one} and {two})" if one and two else ""
            raise HierarchyError(
                f"hierarchy of '{name}' does not nest: rows {other + 1} and {row + 1} agree at"
                f" level {level}{f' ({group})' if group else ''} but not at level"
                f" {level + 1}{parents}",
                hint="Give both rows the same values from that level on",
            )


def _shown(label: str, raw: Sequence[str | None]) -> str:
    """Return a label for a message, ``""`` when it is a raw value."""
    return quoted_label(label, [text for text in raw if text is not None], "")


def checked_rows(name: str, frame: pd.DataFrame) -> HierarchyRows:
    """Return a hierarchy table with its levels as codes.

    Parameters
    ----------
    name : str
        Column that it generalises, for messages.
    frame : DataFrame
        One row per value; column 0 raw, the rightmost most general.

    Returns
    -------
    HierarchyRows
        Equal rows once.

    Raises
    ------
    HierarchyError
        Ragged, cyclic, contradictory or empty hierarchy.
    """
    cells = frame.to_numpy(dtype=object)
    if cells.ndim != 2 or not cells.shape[0] or not cells.shape[1]:
        raise HierarchyError(f"hierarchy of '{name}' is empty", hint="Give one row per value")
    rows = dict.fromkeys(tuple(text_of(value) for value in row) for row in cells)
    short = sum(1 for row in rows if any(text is None for text in row[1:]))
    if short:
        raise HierarchyError(
            f"hierarchy of '{name}' is ragged: {short} row(s) have fewer than "
            f"{cells.shape[1]} levels",
            hint="Fill every level of every row",
        )
    texts = tuple(zip(*rows, strict=True))
    twice = len(rows) - len(set(texts[0]))
    if twice:
        raise HierarchyError(
            f"hierarchy of '{name}' gives {twice} value(s) two different paths",
            hint="Keep one row per value",
        )
    coded = [_factorised(level) for level in texts]
    codes = tuple(level_codes for level_codes, _ in coded)
    check_cycles(texts, attribute=name)
    _check_nesting(name, codes, texts)
    return HierarchyRows(texts=texts, codes=codes, labels=tuple(labels for _, labels in coded))


def _kind_of(ladder: str, values: Sequence[Any]) -> Any:
    """Return the kind of values that a ladder name and the values of a column speak of."""
    from midi_risk.attributes.model import Kind  # noqa: PLC0415

    by_name = {"age": Kind.AGE, "sex": Kind.SEX, "date": Kind.DATE, "time": Kind.TIME}
    for word, kind in by_name.items():
        if ladder.casefold().startswith(word):
            return kind
    if values and all(isinstance(value, date | np.datetime64) for value in values):
        return Kind.DATE
    numeric = all(isinstance(value, Number) and not isinstance(value, bool) for value in values)
    return Kind.NUMBER if values and numeric else Kind.CATEGORY


def hierarchy_rows(name: str, source: Any, columns: Sequence[CodedColumn]) -> HierarchyRows:
    """Return the checked hierarchy that a user gave for a column.

    Parameters
    ----------
    name : str
        Column name.
    source : DataFrame, str or object with ``frame``
        The table itself, the name of a built-in ladder, or a hierarchy that holds the table.
    columns : sequence of CodedColumn
        The values to cover, for a ladder.

    Raises
    ------
    HierarchyError
        When it is none of these, or faulty.
    """
    if isinstance(source, str):
        from midi_risk.attributes import hierarchy  # noqa: PLC0415

        values = [value for column in columns for value in dense_codes(column)[1]]
        texts = list(
            dict.fromkeys(text for value in values if (text := text_of(value)) is not None)
        )
        source = hierarchy.build_hierarchy(source, _kind_of(source, values), texts)
    frame = getattr(source, "frame", source)
    if callable(frame):
        frame = frame()
    if not isinstance(frame, pd.DataFrame):
        raise HierarchyError(
            f"hierarchy of '{name}' is neither a table nor the name of a ladder",
            hint="Give a DataFrame with one row per value",
        )
    return checked_rows(name, frame)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeCodes:
    """One quasi-identifier as integers.

    Parameters
    ----------
    name : str
        Column of the data.
    codes : ndarray of int64, shape (N,)
        Code of the raw value of each record, dense over the values that occur.
    maps : tuple of ndarray of int64, shape (distinct values,)
        Per level, the code of the generalised value of each raw code; dense.
    leaves : tuple of ndarray of int64
        Per level and generalised code, how many values of the *hierarchy* lie under it.
    domain : int
        Values in the hierarchy, plus one when values are missing.
    labels : tuple of tuple of str or None
        Per level and generalised code, the text written out; None for a missing value.
    """

    name: str
    codes: Ints
    maps: tuple[Ints, ...]
    leaves: tuple[Ints, ...]
    domain: int
    labels: tuple[tuple[str | None, ...], ...]

    @property
    def levels(self) -> int:
        """Number of levels, the raw one included."""
        return len(self.maps)

    def column(self, level: int) -> npt.NDArray[np.object_]:
        """Return the generalised text of each record at a level, shape (N,)."""
        labels = np.empty(len(self.labels[level]), dtype=object)
        labels[:] = self.labels[level]
        return labels[self.maps[level][self.codes]]


def column_of(data: Any, name: Hashable, what: str = "column") -> CodedColumn:
    """Return one column of any table as codes, by the rule of equality of the measures.

    Parameters
    ----------
    data : table
        As in `read_columns`.
    name : hashable
    what : str
        What the column is, for the message.

    Raises
    ------
    SearchError
        When there is no such column, or its values cannot be compared.
    """
    table = as_table(data)
    if isinstance(table, pa.Table):
        known = list(table.column_names)
    else:
        known = list(table.columns if isinstance(table, pd.DataFrame) else table)
    if name not in known:
        words = [column for column in known if isinstance(column, str)]
        raise SearchError(f"no {what} {quoted(name)}", hint=did_you_mean(str(name), words))
    if known.count(name) > 1:
        raise SearchError(f"{what} {quoted(name)} occurs twice", hint="Rename one of them")
    try:
        return read_columns(table, [name])[1][0]
    except MeasureError as fault:
        raise SearchError(fault.message, hint=fault.hint) from None


def _distinct(columns: Sequence[CodedColumn]) -> tuple[Ints, list[str | None]]:
    """Return record codes and the texts they stand for; None stands for missing."""
    places: dict[str | None, int] = {}
    parts = []
    for column in columns:
        codes, values = dense_codes(column)
        to = [places.setdefault(text_of(value), len(places)) for value in values]
        parts.append(np.array([*to, -1], dtype=np.int64)[codes])
    out = np.concatenate(parts)
    missing = out < 0
    if missing.any():
        out[missing] = places.setdefault(None, len(places))
    return out, list(places)


def encode_column(name: str, columns: Sequence[CodedColumn], rows: HierarchyRows) -> AttributeCodes:
    """Return the integer tables of one column.

    Parameters
    ----------
    name : str
        Column name, for messages.
    columns : sequence of CodedColumn
        The column in the data and, after it, in further tables that share the codes.
    rows : HierarchyRows
        The hierarchy, checked.

    Returns
    -------
    AttributeCodes
        A missing value without a path of its own is a category until the top level, where it
        joins the root.

    Raises
    ------
    HierarchyError
        When values are absent from the hierarchy; the message counts them.
    """
    codes, texts = _distinct(columns)
    place = {text: row for row, text in enumerate(rows.texts[0])}
    absent = sum(1 for text in texts if text is not None and text not in place)
    if absent:
        raise HierarchyError(
            f"hierarchy of '{name}' lacks {absent} value(s) that occur in the data",
            hint="Add a row per value, or choose a built-in ladder",
        )
    lacks_missing = None in texts and None not in place
    at = np.array([place.get(text, -1) for text in texts], dtype=np.int64)
    maps, leaves, labels = [], [], []
    for level, (level_codes, level_labels) in enumerate(zip(rows.codes, rows.labels, strict=True)):
        names: list[str | None] = list(level_labels)
        of_value = level_codes[at]
        under = np.bincount(level_codes, minlength=len(names))
        if lacks_missing:
            root = level == rows.levels - 1 and level > 0 and len(names) == 1
            blank = 0 if root else len(names)
            of_value = np.where(at < 0, blank, of_value)
            if root:
                under = under + 1
            else:
                names.append(None)
                under = np.append(under, 1)
        used, dense = np.unique(of_value, return_inverse=True)
        maps.append(dense.astype(np.int64).ravel())
        leaves.append(under[used].astype(np.int64))
        labels.append(tuple(names[code] for code in used))
    return AttributeCodes(
        name=name,
        codes=codes,
        maps=tuple(maps),
        leaves=tuple(leaves),
        domain=len(rows.texts[0]) + int(lacks_missing),
        labels=tuple(labels),
    )


def as_table(data: Any) -> Any:
    """Return a table that can be read again and again, see `readable`.

    Raises
    ------
    SearchError
        When it is no table.
    """
    try:
        return readable(data)
    except MeasureError as fault:
        raise SearchError(fault.message, hint=fault.hint) from None


def row_count(data: Any) -> int:
    """Return the number of records of any table.

    Raises
    ------
    SearchError
        When it is no table.
    """
    try:
        return read_columns(data, [])[0]
    except MeasureError as fault:
        raise SearchError(fault.message, hint=fault.hint) from None


def encode_attributes(
    data: Any,
    hierarchies: Mapping[str, Any],
    *,
    further: Sequence[Any] = (),
) -> tuple[AttributeCodes, ...]:
    """Return the integer tables of every quasi-identifier.

    Parameters
    ----------
    data : table
        One row per subject; pandas, polars, Arrow, a DuckDB relation or a mapping of arrays.
    hierarchies : mapping of str to DataFrame, str or object with ``frame``
        Per quasi-identifier its hierarchy, or the name of a built-in ladder.
    further : sequence of table
        Tables with the same columns whose rows follow those of ``data``, such as a
        population; their values get codes too.

    Returns
    -------
    tuple of AttributeCodes
        In the order of ``hierarchies``.

    Raises
    ------
    SearchError
        When a column does not exist or there are no records.
    HierarchyError
        When a hierarchy is ragged, does not nest, has a cycle or lacks values.
    """
    tables = [as_table(table) for table in (data, *further)]
    if not row_count(tables[0]):
        raise SearchError("the table has no records", hint="Nothing can be recoded")
    if not hierarchies:
        raise SearchError("no quasi-identifier was given", hint="Give a hierarchy per column")
    out = []
    for name, source in hierarchies.items():
        columns = [column_of(table, name) for table in tables]
        out.append(encode_column(str(name), columns, hierarchy_rows(name, source, columns)))
    return tuple(out)
