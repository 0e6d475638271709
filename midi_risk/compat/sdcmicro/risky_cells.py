"""`riskyCells`: unsafe cells of every combination of keys."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from midi_risk.compat.sdcmicro.inputs import as_frame, names_of, require
from midi_risk.compat.sdcmicro.object import SdcObj
from midi_risk.errors import MeasureError
from midi_risk.risk.combinations import combination_risks


def riskyCells(
    obj: Any,
    useIdentificationLevel: bool = False,
    threshold: float | Sequence[float] = 1,
    *,
    keyVars: Sequence[Hashable] | None = None,
    maxDim: int | None = None,
    level: Sequence[int] | None = None,
) -> pd.DataFrame:
    """Count the unsafe cells of every combination of keys.

    Parameters
    ----------
    obj : table or SdcObj
    useIdentificationLevel : bool
        Take the number of distinct values of `level` as `maxDim`, as sdcMicro does.
    threshold : float or sequence of float
        A cell is unsafe with at most this many records; one per dimension, the last for the rest.
        `kAnon` asks for at least k, so ``threshold=2`` goes with ``k=3``.
    keyVars : sequence of hashable, optional
        Of an object, its keys by default.
    maxDim : int, optional
        Largest combination; 3 by default.
    level : sequence of int, optional
        Identification level of each key.

    Returns
    -------
    pandas.DataFrame
        Columns `dim1`, ..., `threshold`, `unsafe_cells` (a number, not text as in R).

    Examples
    --------
    >>> table = {"age": [61, 61, 70], "sex": ["M", "M", "F"]}
    >>> riskyCells(table, threshold=1, keyVars=["age", "sex"])["unsafe_cells"].tolist()
    [1, 1, 1]
    """
    frame = obj.current if isinstance(obj, SdcObj) else as_frame(obj)
    keys = names_of(keyVars, what="keyVars")
    if not keys and isinstance(obj, SdcObj):
        keys = obj.keyVars
    if not keys:
        raise MeasureError("riskyCells needs key variables", hint="Give keyVars")
    require(frame, keys)
    if useIdentificationLevel:
        if level is None or len(level) != len(keys):
            raise MeasureError("Identification levels need one level per key variable")
        largest = len(set(level))
    else:
        largest = 3 if maxDim is None else maxDim
    largest = min(largest, len(keys))
    limits = [float(t) for t in np.atleast_1d(np.asarray(threshold, dtype=float))]
    by_size: Mapping[int, float] = {
        size: limits[min(size, len(limits)) - 1] for size in range(1, largest + 1)
    }
    found = combination_risks(
        frame,
        list(keys),
        k={size: int(np.floor(limit)) + 1 for size, limit in by_size.items()},
        max_size=largest,
    )
    columns: dict[str, list[Any]] = {
        f"dim{place}": [
            risk.attributes[place - 1] if place <= len(risk.attributes) else None for risk in found
        ]
        for place in range(1, largest + 1)
    }
    columns["threshold"] = [by_size[len(risk.attributes)] for risk in found]
    columns["unsafe_cells"] = [risk.cells_below for risk in found]
    return pd.DataFrame(
        {name: pd.Series(held, dtype=_dtype(name)) for name, held in columns.items()}
    )


def _dtype(column: str) -> str:
    """Return object for names, so that an absent one stays None."""
    return {"threshold": "float64", "unsafe_cells": "int64"}.get(column, "object")
