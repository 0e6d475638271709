"""`rankSwap`: numbers swapped with others of a close rank, with a seed."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.compat.sdcmicro.inputs import as_frame, names_of, require, with_columns
from midi_risk.compat.sdcmicro.object import SdcObj
from midi_risk.compat.sdcmicro.script import RANDOM, Step
from midi_risk.errors import MeasureError
from midi_risk.risk.columns import FloatArray
from midi_risk.risk.numeric import as_numbers

_TRIES = 8


def rankSwap(
    obj: Any,
    variables: Sequence[Hashable] | None = None,
    TopPercent: float = 5,
    BottomPercent: float = 5,
    K0: float | None = None,
    R0: float | None = None,
    P: float | None = None,
    missing: float | None = None,
    seed: int | None = None,
) -> Any:
    """Swap each number with one of a close rank.

    Parameters
    ----------
    obj : table or SdcObj
    variables : sequence of hashable, optional
        Numeric variables; of an object its `numVars`, of a table all columns.
    TopPercent, BottomPercent : float
        Per cent of the largest and smallest values, replaced by their mean before swapping.
    K0 : float, optional
        Not offered; named so that positions are those of R.
    R0 : float, optional
        Least correlation wanted between the ranks before and after, in (0, 1); .95 when neither
        is given. Ranks at most w apart keep a correlation of at least ``1 - 6 (w/n)^2``, hence
        ``w = n sqrt((1 - R0) / 6)``.
    P : float, optional
        Per cent of the records that ranks may lie apart.
    missing : float, optional
        Number that stands for a missing value. Missing values stay where they are.
    seed : int, optional
        Of an object its own by default.

    Returns
    -------
    pandas.DataFrame or SdcObj
        Of a table, the swapped variables.

    References
    ----------
    Moore 1996, US Bureau of the Census, Controlled data-swapping techniques.
    """
    if K0 is not None:
        raise MeasureError("K0 is not offered", hint="Give R0 or P")
    if R0 is not None and P is not None:
        raise MeasureError("Give R0 or P, not both")
    bounds = (TopPercent, BottomPercent, 0 if P is None else P)
    if any(not 0 <= per_cent <= 100 for per_cent in bounds) or TopPercent + BottomPercent > 100:
        raise MeasureError("TopPercent, BottomPercent and P are per cent of the records")
    wanted = 0.95 if R0 is None else R0
    if not 0 < wanted < 1:
        raise MeasureError("R0 must lie between 0 and 1")
    window = P / 100 if P is not None else float(np.sqrt((1 - wanted) / 6))
    if isinstance(obj, SdcObj):
        chosen = names_of(variables, what="variables") or obj.numVars
        used = obj.seed if seed is None else seed
        arguments = {
            "variables": None if variables is None else chosen,
            "TopPercent": TopPercent,
            "BottomPercent": BottomPercent,
            "R0": R0,
            "P": P,
            "missing": missing,
            "seed": used,
        }
        step = Step(function="rankSwap", arguments=arguments, note=RANDOM)
        swapped = _swapped(obj.current, chosen, TopPercent, BottomPercent, window, missing, used)
        return obj.stepped(step, current=with_columns(obj.current, swapped))
    frame = as_frame(obj)
    chosen = names_of(variables, what="variables") or tuple(frame.columns)
    return _swapped(frame, chosen, TopPercent, BottomPercent, window, missing, seed)


def _swapped(
    frame: pd.DataFrame,
    names: tuple[Any, ...],
    top: float,
    bottom: float,
    window: float,
    missing: float | None,
    seed: int | None,
) -> pd.DataFrame:
    require(frame, names)
    if not names:
        raise MeasureError("Numeric variables are needed", hint="Give variables")
    rng = np.random.default_rng(seed)
    out = {}
    for name in names:
        column = as_numbers(name, frame[name]).copy()
        known = (
            np.isfinite(column) if missing is None else np.isfinite(column) & (column != missing)
        )
        order = np.flatnonzero(known)[np.argsort(column[known], kind="stable")]
        n = len(order)
        low, high = int(n * bottom / 100), n - int(n * top / 100)
        column[order] = _swapped_ranks(column[order], low, high, int(window * n), rng)
        out[name] = column
    return pd.DataFrame(out, index=frame.index)


def _swapped_ranks(
    values: FloatArray, low: int, high: int, reach: int, rng: np.random.Generator
) -> FloatArray:
    """Swap ascending values at most `reach` ranks apart; both ends become their means."""
    if low:
        values[:low] = values[:low].mean()
    if high < len(values):
        values[high:] = values[high:].mean()
    free = np.zeros(len(values), dtype=bool)
    free[low:high] = True
    for rank in range(low, high):
        if not free[rank]:
            continue
        free[rank] = False
        other = _free_rank(free, rank + 1, min(rank + reach, high - 1) + 1, rng)
        if other is not None:
            free[other] = False
            values[[rank, other]] = values[[other, rank]]
    return values


def _free_rank(
    free: npt.NDArray[np.bool_], start: int, stop: int, rng: np.random.Generator
) -> int | None:
    """Draw one of the free ranks of a window, None when there is none."""
    if start >= stop:
        return None
    for tried in rng.integers(start, stop, _TRIES).tolist():
        if free[tried]:
            return int(tried)
    near = np.flatnonzero(free[start:stop])
    return start + int(near[rng.integers(len(near))]) if len(near) else None
