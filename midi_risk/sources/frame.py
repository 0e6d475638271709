"""Data frames in memory as a source: pandas, polars, Arrow, DuckDB, or a mapping of columns."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from midi_risk.errors import LinkageError, SourceError
from midi_risk.sources.arrow import table_of
from midi_risk.sources.collected import Collected
from midi_risk.sources.model import Extraction, TableSpec
from midi_risk.sources.tables.columns import cell_array
from midi_risk.sources.tables.parquet import flatten
from midi_risk.sources.tables.raw import RawTable, column_names, counted
from midi_risk.sources.tables.read import ROW_KEY, keyed_table, propose_key

if TYPE_CHECKING:
    import pandas as pd


def read_frame(
    data: Any, *, key: str | None = None, name: str = "table", apart: Collection[str] = ()
) -> Extraction:
    """Read a data frame as the one source of an extraction.

    Parameters
    ----------
    data : pandas.DataFrame, polars.DataFrame, pyarrow.Table, DuckDB relation or mapping
        One record per row; a mapping holds one array per column name. An index of pandas that
        has a name is a column.
    key : str, optional
        Column that identifies the subject; ``"#row"`` makes every row a subject. When it is not
        given, a column that is named or filled like a key is taken, and the verdict asks to
        confirm it unless its name is plain; where there is none, every row is a subject.
    name : str
        What the table is called.
    apart : collection of str
        Columns that are no key.

    Returns
    -------
    Extraction
        Without files.

    Raises
    ------
    SourceError
        When it is no table, has no row, or a column name occurs twice.
    LinkageError
        When the key column does not exist.

    Examples
    --------
    >>> extraction = read_frame({"PatientID": ["a", "b"], "age": [30, None]})
    >>> extraction.tables[0].key, extraction.tables[0].rows["age"].to_pylist()
    ('PatientID', ['30', None])
    """
    raw = _raw(data, name)
    collected = Collected()
    why = ""
    if key is None and raw.rows.num_rows:
        key, why = _proposed(raw.rows, name, apart)
    reading = keyed_table(raw, TableSpec(Path(name), key=key), name=name)
    collected.add_table(replace(reading.table, key_guess=why.removeprefix(f"{name}: ")), Path(name))
    collected.findings += [*reading.findings, *([why] if why else [])]
    if key == ROW_KEY:
        each = f"{name}: every row is a subject; {counted(raw.rows.num_rows, 'row')}"
        collected.findings.append(each)
    return collected.extraction()


def _proposed(rows: pa.Table, name: str, apart: Collection[str]) -> tuple[str, str]:
    """Return the key column and why it was taken where that is not plain."""
    others = [column for column in rows.column_names if column not in apart]
    try:
        return propose_key(rows.select(others), name) if others else (ROW_KEY, "")
    except LinkageError:
        return ROW_KEY, ""


def _raw(data: Any, name: str) -> RawTable:
    """Return the columns of a frame as text; no value reaches a message."""
    columns = list(_columns(data))
    names = column_names([column for column, _ in columns], name)
    lengths = {len(values) for _, values in columns}
    if len(lengths) > 1:
        raise SourceError(f"{name}: the columns differ in length")
    return flatten(zip(names, (values for _, values in columns), strict=True), name)


def _columns(data: Any) -> Iterator[tuple[str, pa.ChunkedArray]]:
    if _is_pandas(data):
        if any(level is not None for level in data.index.names):
            data = data.reset_index()
        for position, column in enumerate(data.columns):
            yield str(column), _of_pandas(data.iloc[:, position])
        return
    if isinstance(data, Mapping):
        for column, values in data.items():
            yield str(column), _of_array(values)
        return
    table = table_of(data)
    if table is None:
        raise SourceError(
            f"a table of type {type(data).__name__} cannot be read",
            hint="Give pandas, polars, Arrow, a DuckDB relation or a mapping of arrays",
        )
    yield from zip(table.column_names, table.columns, strict=True)


def _is_pandas(data: Any) -> bool:
    return type(data).__module__.split(".", 1)[0] == "pandas" and hasattr(data, "columns")


def _of_pandas(series: pd.Series) -> pa.ChunkedArray:
    plain = series.astype(object) if str(series.dtype) in {"category", "object"} else series
    if plain.dtype == object:
        return pa.chunked_array([_cells(plain.to_numpy())])
    try:
        array = pa.array(plain, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError):
        array = _cells(plain.astype(object).to_numpy())
    return array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])


def _of_array(values: Any) -> pa.ChunkedArray:
    if isinstance(values, pa.ChunkedArray):
        return values
    if isinstance(values, pa.Array):
        return pa.chunked_array([values])
    if hasattr(values, "dtype") and hasattr(values, "iloc"):
        return _of_pandas(values)
    held = (
        values if isinstance(values, np.ndarray) else np.array([*values, None], dtype=object)[:-1]
    )
    if held.ndim != 1:
        raise SourceError("a column of the table is not one-dimensional")
    return pa.chunked_array([_cells(held) if held.dtype == object else pa.array(held)])


def _cells(values: np.ndarray) -> pa.Array:
    """Return Python values as text; what pandas calls missing is absent, bytes stay bytes."""
    import pandas as pd  # noqa: PLC0415 - readers of files do not load it

    held = [None if value is pd.NaT or value is pd.NA else value for value in values]
    if any(isinstance(value, bytes | bytearray) for value in held):
        return pa.array([v if isinstance(v, bytes) else None for v in held], pa.binary())
    return cell_array(held)
