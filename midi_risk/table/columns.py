"""Columns as integers: distinct values are read once, rows are codes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from midi_risk.attributes.model import Attribute
from midi_risk.attributes.values import normalise_for


@dataclass(frozen=True, slots=True, kw_only=True)
class CodedColumn:
    """A column of a source table with its values normalised.

    Parameters
    ----------
    codes : numpy.ndarray of int64, shape (n_rows,)
        Index into ``text``; -1 where the value is missing.
    text : numpy.ndarray of object, shape (n_values,)
        Canonical distinct values, in ascending order of ``number`` then text.
    number : numpy.ndarray of float64, shape (n_values,)
        Their numeric reading (months, days, the number), NaN where there is none.
    flags : dict of str to int
        Hygiene flag -> number of distinct raw values that carry it.
    """

    codes: np.ndarray
    text: np.ndarray
    number: np.ndarray
    flags: dict[str, int]


def raw_codes(column: pa.ChunkedArray | pa.Array) -> tuple[np.ndarray, list[str]]:
    """Return int64 codes (-1 for null) and the distinct raw values of a text column."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], pa.string())
    if not pa.types.is_dictionary(array.type):
        array = pc.dictionary_encode(array.cast(pa.string()))
    codes = array.indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
    values = array.dictionary.to_pylist()
    nulls = [place for place, value in enumerate(values) if value is None]
    if nulls:
        codes = np.where(np.isin(codes, nulls), -1, codes)
        values = ["" if value is None else value for value in values]
    return codes, values


def coded(column: pa.ChunkedArray, attribute: Attribute) -> CodedColumn:
    """Read a column of raw text: each distinct value is normalised once.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
        Text or dictionary of text.
    attribute : Attribute
        Says how values are read.
    """
    codes, raw = raw_codes(column)
    used = np.zeros(len(raw), dtype=bool)
    used[codes[codes >= 0]] = True
    places = np.flatnonzero(used)
    read = normalise_for(attribute, [raw[i] for i in places])
    merged, distinct = pd.factorize(np.array(read.text, dtype=object), use_na_sentinel=True)
    text = np.asarray(distinct, dtype=object)
    number = np.full(len(text), np.nan)
    number[merged[merged >= 0]] = np.asarray(read.number, dtype=float)[merged >= 0]
    order = _ascending(text, number)
    rank = np.empty(len(text), dtype=np.int64)
    rank[order] = np.arange(len(text))
    lookup = np.full(len(raw) + 1, -1, dtype=np.int64)
    lookup[places] = np.where(merged >= 0, rank[merged] if len(rank) else -1, -1)
    return CodedColumn(
        codes=lookup[codes], text=text[order], number=number[order], flags=read.flag_counts()
    )


def _ascending(text: np.ndarray, number: np.ndarray) -> np.ndarray:
    """Return the order by number (text without one last), then by text."""
    by_text = np.array(sorted(range(len(text)), key=lambda i: text[i]), dtype=np.int64)
    return by_text[np.argsort(number[by_text], kind="stable")]
