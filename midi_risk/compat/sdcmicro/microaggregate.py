"""`microaggregation`: numbers replaced by the means of small groups."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.compat.sdcmicro.inputs import as_frame, names_of, require, with_columns
from midi_risk.compat.sdcmicro.object import SdcObj
from midi_risk.compat.sdcmicro.script import Step
from midi_risk.errors import MeasureError
from midi_risk.risk.numeric import as_numbers

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
AggregationMethod = Literal["mdav", "pca", "single", "simple", "onedims"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Microaggregated:
    """Numbers before and after.

    Parameters
    ----------
    x, mx : pandas.DataFrame
        Original and aggregated variables.
    method : str
    aggr : int
        Smallest group.
    measure : str
    """

    x: pd.DataFrame = field(repr=False)
    mx: pd.DataFrame = field(repr=False)
    method: str
    aggr: int
    measure: str


def microaggregation(
    obj: Any,
    variables: Sequence[Hashable] | None = None,
    aggr: int = 3,
    strata_variables: Hashable | Sequence[Hashable] | None = None,
    method: AggregationMethod = "mdav",
    *,
    measure: Literal["mean", "median"] = "mean",
    varsort: Hashable | None = None,
) -> Microaggregated | SdcObj:
    """Replace numbers by the mean of the group of similar records.

    Parameters
    ----------
    obj : table or SdcObj
    variables : sequence of hashable, optional
        Numeric variables; of an object its `numVars`, of a table all columns.
    aggr : int
        Records of the smallest group.
    strata_variables : hashable or sequence of hashable, optional
        Groups stay within these; of an object its `strataVar`.
    method : {"mdav", "pca", "single", "simple", "onedims"}
        Maximum distance to average vector on standardised variables; order by the first principal
        component, by `varsort`, as given; or each variable by its own order. The robust and
        clustering methods of sdcMicro are not offered.
    measure : {"mean", "median"}
    varsort : hashable, optional
        Variable that ``single`` sorts by; the first by default.

    Returns
    -------
    Microaggregated or SdcObj

    Raises
    ------
    MeasureError
        If a value is missing, a method is not known, or there are fewer than `aggr` records.

    References
    ----------
    Domingo-Ferrer & Mateo-Sanz 2002, doi:10.1109/69.979982; Domingo-Ferrer & Torra 2005,
    doi:10.1007/s10618-005-0007-5.

    Examples
    --------
    >>> table = {"x": [1.0, 2.0, 3.0, 11.0, 12.0, 13.0]}
    >>> microaggregation(table, aggr=3).mx["x"].tolist()
    [2.0, 2.0, 2.0, 12.0, 12.0, 12.0]
    """
    if isinstance(obj, SdcObj):
        chosen = names_of(variables, what="variables") or obj.numVars
        strata = names_of(strata_variables, what="strata_variables") or names_of(
            obj.strataVar, what="strataVar"
        )
        done = _aggregated(obj.current, chosen, aggr, strata, method, measure, varsort)
        arguments = {
            "variables": None if variables is None else chosen,
            "aggr": aggr,
            "method": method,
            "measure": None if measure == "mean" else measure,
        }
        step = Step(function="microaggregation", arguments=arguments)
        return obj.stepped(step, current=with_columns(obj.current, done.mx))
    frame = as_frame(obj)
    strata = names_of(strata_variables, what="strata_variables")
    rest = tuple(name for name in frame.columns if name not in strata)
    chosen = names_of(variables, what="variables") or rest
    return _aggregated(frame, chosen, aggr, strata, method, measure, varsort)


def numeric_columns(frame: pd.DataFrame, names: Sequence[Any]) -> Floats:
    """Return numeric variables as a matrix without missing values.

    Parameters
    ----------
    frame : pandas.DataFrame
    names : sequence

    Returns
    -------
    numpy.ndarray of shape (n, p)

    Raises
    ------
    MeasureError
        If there is none, or a value is missing or no number.
    """
    require(frame, names)
    if not names or not len(frame):
        raise MeasureError("Numeric variables and records are needed", hint="Give variables")
    table = np.column_stack([as_numbers(name, frame[name]) for name in names])
    for place, name in enumerate(names):
        missing = int((~np.isfinite(table[:, place])).sum())
        if missing:
            raise MeasureError(
                f"{missing} values of column {name!r} are missing or infinite",
                hint="Fill them in or leave these records out",
            )
    return table


def _aggregated(
    frame: pd.DataFrame,
    names: tuple[Any, ...],
    aggr: int,
    strata: tuple[Any, ...],
    method: AggregationMethod,
    measure: Literal["mean", "median"],
    varsort: Hashable | None,
) -> Microaggregated:
    _check(aggr, method, measure)
    if varsort is not None and varsort not in names:
        raise MeasureError(f"Column {varsort!r} is not among the variables")
    sort_by = 0 if varsort is None else names.index(varsort)
    table = numeric_columns(frame, names)
    out = table.copy()
    centre: Callable[..., Any] = np.mean if measure == "mean" else np.median
    for rows in strata_rows(frame, strata):
        if len(rows) < aggr:
            raise MeasureError(
                f"A stratum has {len(rows)} records, fewer than the {aggr} of a group",
                hint="Lower aggr or join strata",
            )
        part = table[rows]
        if method == "onedims":
            for place in range(len(names)):
                order = np.argsort(part[:, place], kind="stable")
                for group in _in_order(order, aggr):
                    out[rows[group], place] = centre(part[group, place])
        else:
            for group in _groups(part, aggr, method, sort_by):
                out[rows[group]] = centre(part[group], axis=0)
    return Microaggregated(
        x=frame[list(names)].copy(),
        mx=pd.DataFrame(out, columns=list(names), index=frame.index),
        method=method,
        aggr=aggr,
        measure=measure,
    )


def _check(aggr: int, method: str, measure: str) -> None:
    if method not in ("mdav", "pca", "single", "simple", "onedims"):
        raise MeasureError("The method is 'mdav', 'pca', 'single', 'simple' or 'onedims'")
    if measure not in ("mean", "median"):
        raise MeasureError("The measure is 'mean' or 'median'")
    if aggr < 1:
        raise MeasureError("A group has at least one record")


def strata_rows(frame: pd.DataFrame, strata: Sequence[Any]) -> list[Ints]:
    """Return the row numbers of each stratum; one stratum without variables."""
    if not strata:
        return [np.arange(len(frame))]
    require(frame, strata)
    number = frame.groupby(list(strata), dropna=False, observed=True, sort=True).ngroup()
    codes = number.to_numpy()
    return [np.flatnonzero(codes == stratum) for stratum in range(int(codes.max()) + 1)]


def _groups(part: Floats, aggr: int, method: str, sort_by: int) -> list[Ints]:
    if method == "mdav":
        return mdav_groups(_standardised(part), aggr)
    if method == "simple":
        order = np.arange(len(part))
    elif method == "single":
        order = np.argsort(part[:, sort_by], kind="stable")
    else:
        scaled = _standardised(part)
        axis = np.linalg.svd(scaled, full_matrices=False)[2][0]
        order = np.argsort(scaled @ axis, kind="stable")
    return _in_order(order, aggr)


def _standardised(part: Floats) -> Floats:
    spread = part.std(axis=0, ddof=1) if len(part) > 1 else np.ones(part.shape[1])
    spread[spread == 0] = 1
    return np.asarray((part - part.mean(axis=0)) / spread)


def _in_order(order: Ints, aggr: int) -> list[Ints]:
    """Cut an order into groups; the rest joins the last."""
    cuts = np.arange(aggr, len(order) - aggr + 1, aggr)
    return np.split(order, cuts)


def mdav_groups(points: Floats, k: int) -> list[Ints]:
    """Group records by maximum distance to the average vector.

    Parameters
    ----------
    points : numpy.ndarray of shape (n, p)
        Standardised variables.
    k : int
        Records of a group; the last has up to 2k - 1.

    Returns
    -------
    list of numpy.ndarray
        Row numbers of each group.
    """
    left = np.arange(len(points))
    groups: list[Ints] = []

    def gather(around: Floats) -> None:
        nonlocal left
        order = np.argsort(_squared(points[left], around), kind="stable")
        groups.append(left[order[:k]])
        left = np.delete(left, order[:k])

    while len(left) >= 3 * k:
        centre = points[left].mean(axis=0)
        far = points[left[np.argmax(_squared(points[left], centre))]]
        gather(far)
        gather(points[left[np.argmax(_squared(points[left], far))]])
    if len(left) >= 2 * k:
        centre = points[left].mean(axis=0)
        gather(points[left[np.argmax(_squared(points[left], centre))]])
    groups.append(left)
    return groups


def _squared(points: Floats, centre: Floats) -> Floats:
    return np.asarray(((points - centre) ** 2).sum(axis=1))
