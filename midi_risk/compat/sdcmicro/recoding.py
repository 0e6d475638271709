"""`globalRecode`, `groupAndRename`, `topBotCoding`: coarser values."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Sequence
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.compat.sdcmicro.inputs import as_frame, level_text, names_of, require
from midi_risk.compat.sdcmicro.object import SdcObj
from midi_risk.compat.sdcmicro.script import Step
from midi_risk.errors import CoverageWarning, MeasureError
from midi_risk.risk.classes.columns import as_numbers

Method = Literal["equidistant", "logEqui", "equalAmount"]
_FEWEST_DIGITS, _MOST_DIGITS = 8, 12


def globalRecode(
    obj: Any,
    column: Hashable | None = None,
    breaks: float | Sequence[float] = (),
    labels: Sequence[str] | None = None,
    method: Method = "equidistant",
) -> Any:
    """Cut a number into intervals.

    Parameters
    ----------
    obj : vector, table or SdcObj
    column : hashable
        Column of a table or object.
    breaks : float or sequence of float
        Edges of the intervals ``(a, b]``; or the number of intervals.
    labels : sequence of str, optional
        One per interval.
    method : {"equidistant", "logEqui", "equalAmount"}
        For a number of intervals: equal width, equal width of the logarithm, or equal number of
        records. Edges are rounded to whole numbers where they stay distinct. Quantiles that fall
        together are joined, never jittered at random.

    Returns
    -------
    pandas.Categorical, pandas.DataFrame or SdcObj
        As given.

    Raises
    ------
    MeasureError
        If there are fewer than two edges, or labels do not fit.

    Warns
    -----
    CoverageWarning
        If values lie outside the edges (the lowest edge itself included, as in R): they become
        missing, which `sdcMicro` does without a word.

    Examples
    --------
    >>> list(globalRecode([5, 15, 25], breaks=[0, 10, 30]))
    ['(0,10]', '(10,30]', '(10,30]']
    >>> globalRecode(range(100), breaks=2).categories.tolist()
    ['[-1,50]', '(50,100]']
    """
    if isinstance(obj, SdcObj):
        out = globalRecode(obj.current, column, breaks, labels, method)
        arguments = {
            "column": column,
            "breaks": breaks,
            "labels": labels,
            "method": None if method == "equidistant" else method,
        }
        return obj.stepped(Step(function="globalRecode", arguments=arguments), current=out)
    if column is not None:
        frame = as_frame(obj)
        require(frame, [column])
        cut = globalRecode(frame[column], None, breaks, labels, method)
        return _with_column(frame, column, cut)
    return _cut(as_numbers("column", _vector(obj)), breaks, labels, method)


def _vector(values: Any) -> Any:
    """Return values as something that has a length; a categorical of numbers as its numbers."""
    if isinstance(values, pd.Series | pd.Categorical) and isinstance(
        values.dtype, pd.CategoricalDtype
    ):
        return pd.Series(np.asarray(values, dtype=object))
    return values if hasattr(values, "dtype") else list(values)


def _with_column(frame: pd.DataFrame, column: Any, values: Any) -> pd.DataFrame:
    out = frame.copy()
    out[column] = pd.Series(values, index=frame.index)
    return out


def _cut(
    numbers: npt.NDArray[np.float64],
    breaks: float | Sequence[float],
    labels: Sequence[str] | None,
    method: Method,
) -> pd.Categorical[Any]:
    given = np.atleast_1d(np.asarray(breaks, dtype=np.float64))
    closed = len(given) == 1
    edges = _edges(numbers, given, method) if closed else np.unique(given)
    if len(edges) < 2 or np.isnan(edges).any():
        raise MeasureError("Recoding needs at least one interval", hint="Give two or more breaks")
    # One interval is open below in R whatever was asked.
    closed = closed and len(edges) > 2
    if labels is None:
        named = _interval_labels(edges, closed=closed)
    else:
        named = [str(label) for label in labels]
        if len(named) != len(edges) - 1:
            raise MeasureError(f"{len(edges) - 1} intervals need as many labels")
        if len(set(named)) < len(named):
            raise MeasureError("Two intervals have one label", hint="Join them with groupAndRename")
    codes = np.searchsorted(edges, numbers, side="left").astype(np.int64) - 1
    if closed:
        codes[numbers == edges[0]] = 0
    outside = ~((codes >= 0) & (codes < len(edges) - 1))
    codes[outside] = -1
    lost = int((outside & ~np.isnan(numbers)).sum())
    if lost:
        warnings.warn(
            f"{lost} values lie outside the intervals and become missing",
            CoverageWarning,
            stacklevel=4,
        )
    return _factor(codes, named)


def _edges(
    numbers: npt.NDArray[np.float64], count: npt.NDArray[np.float64], method: Method
) -> npt.NDArray[np.float64]:
    known = numbers[~np.isnan(numbers)]
    intervals = int(count[0])
    if not len(known) or intervals < 1 or intervals != count[0]:
        raise MeasureError("A number of intervals must be whole and needs known values")
    if method == "equalAmount":
        edges = np.unique(np.quantile(known, np.linspace(0, 1, intervals + 1)))
    elif method in ("equidistant", "logEqui"):
        if method == "logEqui":
            if known.min() <= 0:
                raise MeasureError("Logarithmic intervals need positive numbers")
            known = np.log(known)
        edges = np.linspace(known.min() - 1, known.max() + 1, intervals + 1)
        edges = np.exp(edges) if method == "logEqui" else edges
    else:
        raise MeasureError("The method is 'equidistant', 'logEqui' or 'equalAmount'")
    rounded = np.round(edges)
    covers = method != "equalAmount" or (rounded[0] <= edges[0] and rounded[-1] >= edges[-1])
    return rounded if covers and len(np.unique(rounded)) == len(edges) else edges


def _interval_labels(edges: npt.NDArray[np.float64], *, closed: bool) -> list[str]:
    for digits in range(_FEWEST_DIGITS, _MOST_DIGITS + 1):
        texts = [f"{edge:.{digits}g}" for edge in edges]
        if len(set(texts)) == len(texts):
            break
    labels = [f"({low},{high}]" for low, high in pairwise(texts)]
    if closed:
        labels[0] = "[" + labels[0][1:]
    return labels


def _factor(codes: npt.NDArray[np.int64], levels: list[str]) -> pd.Categorical[Any]:
    """Return values of the levels, missing where the code is -1."""
    return pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype(levels))


def groupAndRename(
    obj: Any,
    var: Hashable | None = None,
    before: Sequence[Any] = (),
    after: str = "",
    addNA: bool = False,
) -> Any:
    """Join levels under one name.

    Parameters
    ----------
    obj : vector, table or SdcObj
        Values of any type; they become levels, named as R would.
    var : hashable
        Column of a table or object.
    before : sequence
        Levels to join.
    after : str
        Their new name.
    addNA : bool
        Missing values join as well.

    Returns
    -------
    pandas.Categorical, pandas.DataFrame or SdcObj
        As given; the new level takes the place of the first that it replaces.

    Raises
    ------
    MeasureError
        If nothing is to be joined, or a level does not exist.

    Examples
    --------
    >>> groupAndRename([1, 2, 3, 4], before=[3, 4], after="3+").categories.tolist()
    ['1', '2', '3+']
    """
    if isinstance(obj, SdcObj):
        out = groupAndRename(obj.current, var, before, after, addNA)
        arguments = {
            "var": var,
            "before": [level_text(level) for level in names_of(before, what="before")],
            "after": after,
            "addNA": True if addNA else None,
        }
        return obj.stepped(Step(function="groupAndRename", arguments=arguments), current=out)
    if var is not None:
        frame = as_frame(obj)
        require(frame, [var])
        grouped = groupAndRename(frame[var], None, before, after, addNA)
        return _with_column(frame, var, grouped)
    return _grouped(obj, before, after, addNA)


def _grouped(values: Any, before: Sequence[Any], after: str, addNA: bool) -> pd.Categorical[Any]:
    factor = pd.Categorical(values if hasattr(values, "dtype") else list(values))
    levels = [level_text(level) for level in factor.categories]
    joined = [level_text(level) for level in names_of(before, what="before")]
    if not joined or not after:
        raise MeasureError("Give the levels before and the name after")
    absent = [level for level in joined if level not in levels]
    if absent:
        raise MeasureError(f"{len(absent)} of {len(joined)} levels do not occur")
    renamed = [after if level in joined else level for level in levels]
    categories = list(dict.fromkeys(renamed))
    place = np.array([*(categories.index(level) for level in renamed), -1], dtype=np.int64)
    codes = place[np.asarray(factor.codes)]
    if addNA:
        codes[codes < 0] = categories.index(after)
    return _factor(codes, categories)


def topBotCoding(
    obj: Any,
    value: float,
    replacement: float,
    kind: Literal["top", "bottom"] = "top",
    column: Hashable | None = None,
) -> Any:
    """Replace the numbers above (or below) a limit by one number.

    Parameters
    ----------
    obj : vector, table or SdcObj
    value : float
        Limit; itself it is kept.
    replacement : float
        What stands for the numbers beyond it.
    kind : {"top", "bottom"}
    column : hashable
        Column of a table or object.

    Returns
    -------
    numpy.ndarray, pandas.DataFrame or SdcObj
        As given.

    Examples
    --------
    >>> topBotCoding([60, 85, 97], value=85, replacement=86).tolist()
    [60.0, 85.0, 86.0]
    """
    if kind not in ("top", "bottom"):
        raise MeasureError("The kind is 'top' or 'bottom'")
    if isinstance(obj, SdcObj):
        out = topBotCoding(obj.current, value, replacement, kind, column)
        arguments = {"column": column, "value": value, "replacement": replacement, "kind": kind}
        return obj.stepped(Step(function="topBotCoding", arguments=arguments), current=out)
    if column is not None:
        frame = as_frame(obj)
        require(frame, [column])
        coded = topBotCoding(frame[column], value, replacement, kind)
        return _with_column(frame, column, coded)
    numbers = as_numbers("column", _vector(obj)).copy()
    numbers[numbers > value if kind == "top" else numbers < value] = replacement
    return numbers
