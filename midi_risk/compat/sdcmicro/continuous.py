"""`dRisk` and `dUtility`: risk and loss of perturbed numbers."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.compat.sdcmicro.inputs import as_frame, names_of, require
from midi_risk.compat.sdcmicro.object import SdcObj
from midi_risk.compat.sdcmicro.script import Step
from midi_risk.errors import MeasureError
from midi_risk.recode.utility import (
    VariableLoss,
    bounded_loss,
    correlation_loss,
    eigenvalue_loss,
    il1,
    il1s,
)
from midi_risk.risk.attacks.linkage import interval_disclosure
from midi_risk.risk.classes.columns import FloatArray, as_numbers

UtilityMethod = Literal["IL1", "IL1old", "IL1s", "eigen"]


def _pair(obj: Any, xm: Any, variables: Any) -> tuple[FloatArray, FloatArray, list[Any]]:
    """Return the numbers before and after."""
    if isinstance(obj, SdcObj):
        names: list[Any] = list(names_of(variables, what="variables") or obj.numVars)
        before, after = obj.original, obj.current if xm is None else as_frame(xm)
        if not names:
            raise MeasureError("The object has no numeric variables", hint="Give numVars")
    else:
        if xm is None:
            raise MeasureError("The perturbed table is needed", hint="Give xm")
        before, after = as_frame(obj), as_frame(xm)
        names = list(names_of(variables, what="variables") or before.columns)
    require(before, names)
    require(after, names)
    tables = [
        np.column_stack([as_numbers(name, frame[name]) for name in names])
        for frame in (before, after)
    ]
    return tables[0], tables[1], names


def dRisk(
    obj: Any,
    xm: Any = None,
    k: float = 0.05,
    *,
    variables: Sequence[Hashable] | None = None,
) -> float | SdcObj:
    """Compute the share of records whose originals lie close to their perturbed numbers.

    Parameters
    ----------
    obj : table or SdcObj
        Original; an object is returned with `risk["numeric"]`.
    xm : table, optional
        Perturbed, the same records.
    k : float
        Half width of the interval, in standard deviations of the perturbed variable.
    variables : sequence of hashable, optional
        Numeric variables; of an object its `numVars`, of a table all columns.

    Returns
    -------
    float or SdcObj

    Examples
    --------
    >>> dRisk({"x": [1.0, 2.0, 9.0, 5.0]}, {"x": [1.0, 2.1, 5.0, 9.0]})
    0.5
    """
    if isinstance(obj, SdcObj):

        def measure(now: SdcObj) -> float:
            before, after, _ = _pair(now, None, variables)
            return float(interval_disclosure(before, after, width=k).mean())

        extras = MappingProxyType({**obj.extras, "numeric": measure})
        step = Step(function="dRisk", arguments={"k": k})
        return obj.stepped(step, extras=extras)
    before, after, _ = _pair(obj, xm, variables)
    return float(interval_disclosure(before, after, width=k).mean())


def dUtility(
    obj: Any,
    xm: Any = None,
    method: UtilityMethod = "IL1",
    *,
    variables: Sequence[Hashable] | None = None,
) -> float | SdcObj:
    """Compute the information loss of perturbed numbers.

    Parameters
    ----------
    obj : table or SdcObj
        Original; an object is returned with the loss in `risk["utility"]`.
    xm : table, optional
        Perturbed, the same records.
    method : {"IL1", "IL1old", "IL1s", "eigen"}
        Sum of per cent changes (no per cent itself, and without bound); mean and sum of
        ``|x - x'| / (sqrt(2) sd)``; relative change of the eigenvalues of the correlations.
        Prefer `IL_variables` and `IL_correl`, which lie between 0 and 1.
    variables : sequence of hashable, optional
        Numeric variables; of an object its `numVars`, of a table all columns.

    Returns
    -------
    float or SdcObj

    Raises
    ------
    MeasureError
        If a variable is constant or the correlations are singular, where sdcMicro returns
        figures such as -5e13.

    Examples
    --------
    >>> dUtility({"x": [1.0, 2.0, 4.0]}, {"x": [1.0, 2.0, 5.0]})
    25.0
    """
    if method not in ("IL1", "IL1old", "IL1s", "eigen"):
        raise MeasureError("The method is 'IL1', 'IL1old', 'IL1s' or 'eigen'")
    if isinstance(obj, SdcObj):

        def measure(now: SdcObj) -> dict[str, float]:
            before, after, _ = _pair(now, None, variables)
            return {method.lower(): _loss(before, after, method)}

        extras = MappingProxyType({**obj.extras, "utility": measure})
        return obj.stepped(Step(function="dUtility", arguments={"method": method}), extras=extras)
    before, after, _ = _pair(obj, xm, variables)
    return _loss(before, after, method)


def _loss(before: FloatArray, after: FloatArray, method: UtilityMethod) -> float:
    if method == "IL1":
        return il1(before, after)
    if method == "eigen":
        return eigenvalue_loss(before, after)
    return il1s(before, after, mean=method == "IL1old")


def IL_variables(x: Any, xm: Any = None) -> VariableLoss:
    """Compute the mean of ``(2/pi) arctan |x - x'|``, over all variables and of each.

    Parameters
    ----------
    x : table or SdcObj
    xm : table, optional

    Returns
    -------
    VariableLoss
    """
    before, after, _ = _pair(x, xm, None)
    return bounded_loss(before, after)


def IL_correl(x: Any, xm: Any = None) -> float:
    """Compute the loss of correlation, between 0 and 1.

    Parameters
    ----------
    x : table or SdcObj
    xm : table, optional

    Returns
    -------
    float
    """
    before, after, _ = _pair(x, xm, None)
    return correlation_loss(before, after)


@dataclass(frozen=True, slots=True, kw_only=True)
class RobustRisk:
    """Share of records at risk by robust distances.

    Parameters
    ----------
    risk1 : float
        Share of records inside the interval in any variable.
    risk2 : float
        The same, of records with no other record nearby.
    wrisk1, wrisk2 : float
        These shares, times the sum over their records of the robust distance x 0.05.
    indexRisk1, indexRisk2 : numpy.ndarray
        Row numbers from 0 of these records.
    """

    risk1: float
    risk2: float
    wrisk1: float
    wrisk2: float
    indexRisk1: npt.NDArray[np.int64]
    indexRisk2: npt.NDArray[np.int64]


def dRiskRMD(
    x: Any, xm: Any, covariance: npt.ArrayLike, k: float = 0.01, k2: float = 0.05
) -> RobustRisk:
    """Compute the risk of perturbed numbers with intervals as wide as a record is outlying.

    Parameters
    ----------
    x, xm : table
        Original and perturbed numbers.
    covariance : array_like of shape (p, p)
        Robust covariance of the scaled original. sdcMicro draws it at random (MCD); give the
        one that you trust, so that the figure can be repeated.
    k : float
        Width of the interval, as a multiple of the robust distance x 0.05.
    k2 : float
        A record is alone when no other lies within this distance.

    Returns
    -------
    RobustRisk

    References
    ----------
    Templ & Meindl 2008, doi:10.1007/978-3-540-87471-3_10.
    """
    before, after, _ = _pair(pd.DataFrame(as_frame(x)), xm, None)
    scaled = [_scaled(table) for table in (before, after)]
    inverse = np.linalg.inv(np.asarray(covariance, dtype=np.float64))
    distance = np.sqrt(np.einsum("ij,jk,ik->i", scaled[0], inverse, scaled[0]))
    width = 0.05 * distance
    near = (np.abs(scaled[0] - scaled[1]) <= (k * width)[:, None]).any(axis=1)
    first = np.flatnonzero(near)
    second = first[[_alone(scaled[1], row, k2) for row in first.tolist()]] if len(first) else first
    return RobustRisk(
        risk1=len(first) / len(before),
        risk2=len(second) / len(before),
        wrisk1=float(width[first].sum()) * len(first) / len(before),
        wrisk2=float(width[second].sum()) * len(second) / len(before),
        indexRisk1=first,
        indexRisk2=second,
    )


def _scaled(table: FloatArray) -> FloatArray:
    spread = table.std(axis=0, ddof=1)
    if np.any(spread == 0):
        raise MeasureError("A variable is constant, so that it cannot be scaled")
    return np.asarray((table - table.mean(axis=0)) / spread)


def _alone(points: FloatArray, row: int, k2: float) -> bool:
    distance = np.sqrt(((points - points[row]) ** 2).sum(axis=1))
    distance[row] = np.inf
    return bool(distance.min() > k2)
