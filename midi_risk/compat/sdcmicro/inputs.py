"""What every function of the compatibility layer does with its arguments first."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from midi_risk.errors import MeasureError, did_you_mean

Compat = Literal["5.8"] | None


def reproduces(compat: str | None) -> bool:
    """Tell whether the numbers of sdcMicro 5.8 are asked for.

    Parameters
    ----------
    compat : {None, "5.8"}

    Returns
    -------
    bool

    Raises
    ------
    MeasureError
        For any other version.
    """
    if compat is None:
        return False
    if compat != "5.8":
        raise MeasureError(
            "Only sdcMicro 5.8 can be reproduced", hint="Use compat='5.8', or leave compat out"
        )
    return True


def as_frame(data: Any) -> pd.DataFrame:
    """Return any table as a pandas DataFrame.

    Parameters
    ----------
    data : pandas.DataFrame, polars.DataFrame, pyarrow.Table, DuckDB relation, SubjectTable, mapping
        A mapping holds one array per column name.

    Returns
    -------
    pandas.DataFrame
        The same object when it is one already.

    Raises
    ------
    MeasureError
        If the table is of no known kind, or its columns differ in length.
    """
    if isinstance(data, pd.DataFrame):
        return data
    if isinstance(getattr(data, "frame", None), pd.DataFrame):
        held: pd.DataFrame = data.frame
        return held
    if isinstance(data, Mapping):
        if len({len(values) for values in data.values()}) > 1:
            raise MeasureError("The columns of the table differ in length")
        return pd.DataFrame({name: pd.Series(values) for name, values in data.items()})
    for method in ("to_pandas", "df"):
        if hasattr(data, method):
            frame = getattr(data, method)()
            if isinstance(frame, pd.DataFrame):
                return frame
    raise MeasureError(
        f"A table of type {type(data).__name__} cannot be read",
        hint="Give pandas, polars, Arrow, a DuckDB relation or a mapping of arrays",
    )


def names_of(names: Hashable | Sequence[Hashable] | None, *, what: str) -> tuple[Any, ...]:
    """Return column names as a tuple; numbers of columns are refused.

    Parameters
    ----------
    names : hashable or sequence of hashable or None
        One name or several. R counts columns from 1 and Python from 0, so names only.
    what : str
        Name of the argument, for the message.

    Returns
    -------
    tuple

    Raises
    ------
    MeasureError
        If a name is given twice.
    """
    if names is None:
        return ()
    if isinstance(names, str) or not isinstance(names, Sequence | np.ndarray | pd.Index):
        return (names,)
    listed = tuple(names)
    twice = [name for i, name in enumerate(listed) if name in listed[:i]]
    if twice:
        raise MeasureError(f"Column {twice[0]!r} is listed twice in {what}")
    return listed


def require(frame: pd.DataFrame, names: Sequence[Any]) -> None:
    """Check that each column is in the table once.

    Parameters
    ----------
    frame : pandas.DataFrame
    names : sequence
        Column names.

    Raises
    ------
    MeasureError
        If a column is absent or ambiguous.
    """
    known = list(frame.columns)
    for name in names:
        found = known.count(name)
        if found == 0:
            texts = [other for other in known if isinstance(other, str)]
            hint = did_you_mean(str(name), texts)
            raise MeasureError(f"The table has no column {name!r}", hint=hint)
        if found > 1:
            raise MeasureError(f"The table has {found} columns named {name!r}")


def without_code(frame: pd.DataFrame, names: Sequence[Any], missing: float | None) -> pd.DataFrame:
    """Return columns in which the code for missing is missing.

    Parameters
    ----------
    frame : pandas.DataFrame
    names : sequence
        Columns to return.
    missing : float or None
        Number that stands for a missing value; sdcMicro uses -999.

    Returns
    -------
    pandas.DataFrame
    """
    chosen = frame[list(names)]
    if missing is None:
        return chosen
    coded = {
        name: chosen[name].mask(chosen[name] == missing)
        for name in names
        if pd.api.types.is_numeric_dtype(chosen[name])
        and not pd.api.types.is_bool_dtype(chosen[name])
        and bool((chosen[name] == missing).any())
    }
    return chosen.assign(**coded) if coded else chosen


def with_columns(frame: pd.DataFrame, columns: pd.DataFrame) -> pd.DataFrame:
    """Return a copy of a table with some columns replaced.

    Parameters
    ----------
    frame, columns : pandas.DataFrame
        With one index.

    Returns
    -------
    pandas.DataFrame
    """
    out = frame.copy()
    for name in columns.columns:
        out[name] = columns[name]
    return out


def level_text(value: Any) -> str:
    """Return the text that R gives a level: a whole number has no decimal point.

    Parameters
    ----------
    value : object

    Returns
    -------
    str

    Examples
    --------
    >>> level_text(5.0), level_text(2.5), level_text("x")
    ('5', '2.5', 'x')
    """
    if isinstance(value, bool | np.bool_):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)
