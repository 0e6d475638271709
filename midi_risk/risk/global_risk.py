"""Individual risks added up: households, tables, and the threshold that keeps a limit.

Hundepool et al. 2012, Statistical Disclosure Control, doi:10.1002/9781118348239.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from midi_risk.errors import MeasureError
from midi_risk.risk.columns import FloatArray, encode


def household_risk(risks: npt.ArrayLike, households: Any) -> FloatArray:
    """Compute the risk that at least one member of each record's household is re-identified.

    Parameters
    ----------
    risks : array_like of shape (n,)
        Individual risks.
    households : array_like of shape (n,)
        Household, family or site of each record, of any type. A record without one is alone.

    Returns
    -------
    numpy.ndarray of shape (n,)
        1 - prod(1 - r) over the members.

    Raises
    ------
    MeasureError
        If there is not one household per record or a risk is not in [0, 1].

    Examples
    --------
    >>> household_risk([0.1, 0.2, 0.5], ["a", "a", None]).round(2).tolist()
    [0.28, 0.28, 0.5]
    """
    risk = _risks(risks)
    column = encode("household", households)
    if len(column.codes) != len(risk):
        raise MeasureError("There must be one household per record")
    member = column.codes.astype(np.int64)
    alone = member < 0
    member[alone] = column.cardinality + np.arange(int(alone.sum()))
    with np.errstate(divide="ignore"):
        spared = np.bincount(member, np.log1p(-risk))
    return -np.expm1(spared)[member]


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalRisk:
    """Expected re-identifications of a table.

    Parameters
    ----------
    expected : float
        Sum of the individual risks.
    share : float
        Expected share of the records.
    n : int
        Records.
    """

    expected: float
    share: float
    n: int


def global_risk(risks: npt.ArrayLike) -> GlobalRisk:
    """Add individual risks up to the expected number of re-identifications.

    Parameters
    ----------
    risks : array_like of shape (n,)

    Returns
    -------
    GlobalRisk

    Raises
    ------
    MeasureError
        If there are no records or a risk is not in [0, 1].
    """
    risk = _risks(risks)
    if not len(risk):
        raise MeasureError("Global risk is not defined without records")
    expected = float(risk.sum())
    return GlobalRisk(expected=expected, share=expected / len(risk), n=len(risk))


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskThreshold:
    """Individual risk at which records must be capped to keep the global risk.

    Parameters
    ----------
    value : float or None
        None when no threshold is needed or none suffices.
    status : {"not needed", "found", "unreachable"}
    records_above : int or None
        Records whose risk is above the value.
    """

    value: float | None
    status: Literal["not needed", "found", "unreachable"]
    records_above: int | None


def risk_threshold(risks: npt.ArrayLike, max_global_risk: float) -> RiskThreshold:
    """Find the individual risk at which capping brings the global risk below a limit.

    Parameters
    ----------
    risks : array_like of shape (n,)
        Individual risks.
    max_global_risk : float
        Largest accepted expected share of re-identifications.

    Returns
    -------
    RiskThreshold
        The largest risk v that occurs such that the table with every risk above v lowered to v
        stays below the limit.

    Examples
    --------
    >>> risk_threshold([0.5, 0.1, 0.01, 0.01], 0.05).value
    0.01
    """
    risk = np.sort(_risks(risks))[::-1]
    limit = max_global_risk * len(risk)
    if not len(risk) or risk.sum() < limit:
        return RiskThreshold(value=None, status="not needed", records_above=None)
    first = np.flatnonzero(np.diff(risk, prepend=np.inf))
    tail = np.cumsum(risk[::-1])[::-1][first]
    fits = np.flatnonzero(tail + risk[first] * first < limit)
    if not len(fits):
        return RiskThreshold(value=None, status="unreachable", records_above=None)
    place = int(first[fits[0]])
    return RiskThreshold(value=float(risk[place]), status="found", records_above=place)


def outstanding_records(
    risks: npt.ArrayLike, *, factor: float = 3.0, floor: float = 0.1
) -> npt.NDArray[np.bool_]:
    """Mark the records whose risk stands out from the main part.

    Parameters
    ----------
    risks : array_like of shape (n,)
        Individual risks.
    factor : float
        Multiple of the median absolute deviation (x 1.4826) above the median.
    floor : float
        Risks up to this are never marked.

    Returns
    -------
    numpy.ndarray of shape (n,)
    """
    risk = _risks(risks)
    if not len(risk):
        return np.zeros(0, dtype=bool)
    median = float(np.median(risk))
    spread = 1.4826 * float(np.median(np.abs(risk - median)))
    marked: npt.NDArray[np.bool_] = (risk > median + factor * spread) & (risk > floor)
    return marked


def _risks(risks: npt.ArrayLike) -> FloatArray:
    array = np.asarray(risks, dtype=np.float64)
    if array.ndim != 1 or np.any(~((array >= 0) & (array <= 1))):
        raise MeasureError("Risks must be a vector of numbers between 0 and 1")
    return array
