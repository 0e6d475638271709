"""Arrow arrays from Python values without loading pandas.

`pyarrow.array`, `pyarrow.scalar` and `pyarrow.parquet.read_table` load pandas when it is
installed, to ask whether what they were given belongs to it. In a process that reads
files that is 40 MB and half a CPU second for nothing, so these are built from buffers.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def give_back() -> None:
    """Return to the system what was freed."""
    pa.default_memory_pool().release_unused()


def _joined(values: Sequence[bytes], kind: pa.DataType) -> pa.Array:
    offsets = array("i", accumulate(map(len, values), initial=0))
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(values))]
    return pa.Array.from_buffers(kind, len(values), buffers)


def text_array(texts: Iterable[str]) -> pa.StringArray:
    """Return texts as an array of strings; none may be None.

    Examples
    --------
    >>> text_array(["a", "", "é"]).to_pylist()
    ['a', '', 'é']
    """
    return _joined([text.encode() for text in texts], pa.string())


def bytes_array(values: Iterable[bytes]) -> pa.BinaryArray:
    r"""Return bytes as an array; none may be None.

    Examples
    --------
    >>> bytes_array([b"\xff", b""]).to_pylist()
    [b'\xff', b'']
    """
    return _joined(list(values), pa.binary())


def integer_array(numbers: Iterable[int]) -> pa.Int64Array:
    """Return integers as an array of 64 bits; none may be None.

    Examples
    --------
    >>> integer_array([1, -2]).to_pylist()
    [1, -2]
    """
    held = array("q", numbers)
    return pa.Array.from_buffers(pa.int64(), len(held), [None, pa.py_buffer(held)])


def truth_array(values: Sequence[bool] | np.ndarray) -> pa.BooleanArray:
    """Return truth values as an array.

    Examples
    --------
    >>> truth_array([True, False]).to_pylist()
    [True, False]
    """
    bits = np.packbits(np.asarray(values, np.bool_), bitorder="little")
    return pa.Array.from_buffers(pa.bool_(), len(values), [None, pa.py_buffer(bits)])


def integers_of(column: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """Return a column of 64-bit integers without nulls for numpy.

    Examples
    --------
    >>> column = pa.chunked_array([integer_array([1, 2, 3]).slice(1), integer_array([4])])
    >>> integers_of(column).tolist()
    [2, 3, 4]
    """
    parts = [
        np.frombuffer(chunk.buffers()[1], np.int64, len(chunk), 8 * chunk.offset)
        for chunk in (column.chunks if isinstance(column, pa.ChunkedArray) else [column])
        if len(chunk)
    ]
    return np.concatenate(parts) if parts else np.empty(0, np.int64)


def index_codes(indices: pa.Array) -> np.ndarray:
    """Return the indices of a dictionary array as int64, -1 where there is none.

    Examples
    --------
    >>> index_codes(coded_array([1, None, 0], ["x", "y"]).indices).tolist()
    [1, -1, 0]
    """
    if indices.null_count:
        indices = indices.cast(pa.int64()).fill_null(-1)
    return np.asarray(indices.to_numpy(zero_copy_only=False), dtype=np.int64)


def coded_array(codes: Sequence[int | None], texts: Iterable[str]) -> pa.DictionaryArray:
    """Return rows that name texts by number; None is absent.

    Parameters
    ----------
    codes : sequence of int or None
        Number of each row's text.
    texts : iterable of str
        The distinct texts.

    Returns
    -------
    pyarrow.DictionaryArray

    Examples
    --------
    >>> coded_array([1, None, 0], ["x", "y"]).to_pylist()
    ['y', None, 'x']
    """
    present = None
    held: array[int]
    if None in codes:
        held = array("i", [-1 if code is None else code for code in codes])
        there = np.frombuffer(held, np.int32) >= 0
        present = pa.py_buffer(np.packbits(there, bitorder="little"))
    else:
        held = array("i", cast("Sequence[int]", codes))
    indices = pa.Array.from_buffers(pa.int32(), len(held), [present, pa.py_buffer(held)])
    return pa.DictionaryArray.from_arrays(indices, text_array(texts))


def empty_table(schema: pa.Schema) -> pa.Table:
    """Return a table of a schema without rows."""
    arrays = [pa.nulls(0, field.type) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def parquet_table(path: Path, texts: Sequence[str] = ()) -> pa.Table:
    """Return a whole Parquet file; the columns named come as dictionaries."""
    with pq.ParquetFile(path, read_dictionary=list(texts)) as reader:
        return reader.read()


def table_of(data: Any) -> pa.Table | None:
    """Return what hands out Arrow as a table; None when it does not.

    Parameters
    ----------
    data : object
        Arrow table or record batch, polars frame, DuckDB relation, or whatever has the Arrow
        stream interface.
    """
    if isinstance(data, pa.Table):
        return data
    if isinstance(data, pa.RecordBatch):
        return pa.Table.from_batches([data])
    if hasattr(data, "__arrow_c_stream__"):
        return pa.table(data)
    for method in ("to_arrow_table", "to_arrow", "arrow"):
        if hasattr(data, method):
            found = getattr(data, method)()
            return found if isinstance(found, pa.Table) else pa.table(found)
    return None
