"""Numbers out of any column."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd

from midi_risk.errors import MeasureError
from midi_risk.risk.columns import CodedColumn, FloatArray, encode


def decode_numbers(column: CodedColumn) -> FloatArray:
    """Return the numbers of a coded column, NaN where missing.

    Parameters
    ----------
    column : CodedColumn
        A numeric column.

    Returns
    -------
    numpy.ndarray of shape (n,)

    Raises
    ------
    MeasureError
        If a value is not a number.
    """
    if any(isinstance(label, str | bytes) for label in column.labels):
        raise MeasureError(f"Column {column.name!r} must hold numbers, not text")
    try:
        labels = np.append(np.asarray(column.labels, dtype=np.float64), np.nan)
    except (TypeError, ValueError):
        raise MeasureError(f"Column {column.name!r} must hold numbers") from None
    numbers: FloatArray = labels[column.codes]
    return numbers


def as_numbers(name: Hashable, values: Any) -> FloatArray:
    """Return any numeric column as float64, NaN where missing.

    Parameters
    ----------
    name : hashable
        Name for messages.
    values : array_like of shape (n,)
        Numbers of any kind.

    Returns
    -------
    numpy.ndarray of shape (n,)
    """
    if isinstance(values, np.ndarray) and values.dtype.kind in "fiu" and values.ndim == 1:
        return values.astype(np.float64, copy=False)
    if isinstance(values, pd.Series) and isinstance(values.dtype, np.dtype):
        return (
            as_numbers(name, values.to_numpy())
            if values.dtype.kind in "fiu"
            else (decode_numbers(encode(name, values)))
        )
    return decode_numbers(encode(name, values))
