"""Individual risk from sampling weights, alone and added up.

The number of people F behind f records of a class, each sampled with probability p, is
negative binomial; the risk of a record is E[1/F | f]. Benedetti & Franconi 1998; Hundepool et
al. 2012, doi:10.1002/9781118348239. Weights of a hospital cohort are a model, not a design:
label them so. Risks add up over households and tables, up to the threshold that keeps a limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from midi_risk.document.notebook import Card
from midi_risk.errors import MeasureError
from midi_risk.risk.classes.classes import EquivalenceClasses
from midi_risk.risk.classes.columns import FloatArray, encode, number_array
from midi_risk.risk.measures.identity import population_of

_SERIES_FROM = 24
_SERIES_TERMS = 60

RiskMethod = Literal["exact", "approximate", "plug-in"]


def expected_inverse(
    f: npt.ArrayLike, population: npt.ArrayLike, *, method: RiskMethod = "exact"
) -> FloatArray:
    """Compute E[1/F | f] for class sizes f and estimated population sizes F.

    Parameters
    ----------
    f : array_like
        Class sizes, at least 1; fractions occur with wildcards.
    population : array_like
        Sum of weights of each class. A sum below f counts as f.
    method : {"exact", "approximate", "plug-in"}
        ``exact`` is ``(p/f) 2F1(1, 1; f+1; 1-p)`` with ``p = f/F``: the formula of Benedetti
        and Franconi in Euler's form, which does not cancel. ``approximate`` is mu-Argus's and
        sdcMicro's: exact for f = 1 and 2, ``p / (f - (1-p))`` above, slightly too high.
        ``plug-in`` is 1/F.

    Returns
    -------
    numpy.ndarray
        In (0, 1].

    Raises
    ------
    MeasureError
        If a size is below 1 or not a number, or the method is not known.

    Examples
    --------
    >>> expected_inverse([1, 3], [10, 30]).round(5).tolist()
    [0.25584, 0.04637]
    """
    size, people = np.broadcast_arrays(
        number_array("class sizes", f), number_array("population sizes", population)
    )
    if np.any(~(size >= 1)) or np.any(~(people > 0)):
        raise MeasureError("Individual risk needs class sizes of at least 1 and positive weights")
    p = size / np.maximum(people, size)
    if method == "plug-in":
        inverse: FloatArray = p / size
        return inverse
    if method not in ("exact", "approximate"):
        raise MeasureError("The method is 'exact', 'approximate' or 'plug-in'")
    risk = _euler(size, p)
    if method == "approximate":
        large = size > 2
        risk[large] = p[large] / (size[large] - (1 - p[large]))
    return np.minimum(risk, 1.0)


def _euler(f: FloatArray, p: FloatArray) -> FloatArray:
    """Compute (p/f) 2F1(1, 1; f+1; z), z = 1 - p, without cancellation.

    With J_f = 2F1/f, partial integration gives J_(f+1) = (1/f - p J_f) / z, whose errors shrink
    by p/z: used upwards while p is below one half. Otherwise, and for large f, the power series
    converges fast.
    """
    shape = f.shape
    f, p = f.ravel(), p.ravel()
    z = 1 - p
    risk = np.empty_like(p)
    series = (p >= 0.5) | (f >= _SERIES_FROM)
    a, x = f[series], z[series]
    total = np.ones_like(a)
    for k in range(_SERIES_TERMS, 0, -1):
        total = 1 + total * x * k / (a + k)
    risk[series] = p[series] / a * total
    rest = np.flatnonzero(~series)
    if len(rest):
        whole = np.floor(f[rest])
        start = f[rest] - whole + 1
        j = -np.log(p[rest]) / z[rest]
        odd = start > 1
        if odd.any():
            from scipy.special import hyp2f1  # noqa: PLC0415  # slow to import, for alpha < 1

            j[odd] = hyp2f1(1, 1, start[odd] + 1, z[rest][odd]) / start[odd]
        for step in range(1, int(whole.max())):
            climbing = np.flatnonzero(whole > step)
            at = rest[climbing]
            below = start[climbing] + step - 1
            j[climbing] = (1 / below - p[at] * j[climbing]) / z[at]
        risk[rest] = p[rest] * j
    return risk.reshape(shape)


def individual_risk(
    classes: EquivalenceClasses,
    *,
    population_sizes: npt.ArrayLike | None = None,
    method: RiskMethod = "exact",
) -> FloatArray:
    """Compute the individual risk of each record.

    Parameters
    ----------
    classes : EquivalenceClasses
        With weights, the risk is E[1/F | f]; with a known F it is 1/F; with neither it is 1/f.
    population_sizes : array_like of shape (u,) or (n,), optional
        Known F, overriding the weights.
    method : {"exact", "approximate", "plug-in"}
        For weights, see `expected_inverse`.

    Returns
    -------
    numpy.ndarray of shape (n,)

    Examples
    --------
    >>> from midi_risk.risk import equivalence_classes
    >>> table = {"age": [61, 61, 70], "w": [10.0, 20.0, 10.0]}
    >>> risk = individual_risk(equivalence_classes(table, "age", weights="w"))
    >>> risk.round(5).tolist()
    [0.05761, 0.05761, 0.25584]
    """
    if population_sizes is None and classes.population_source == "weights":
        if classes.population_sizes is None:
            raise MeasureError("The classes carry no weights")
        per_class = expected_inverse(classes.sizes, classes.population_sizes, method=method)
    else:
        population = population_of(classes, population_sizes)
        per_class = 1 / (classes.sizes if population is None else population)
    return per_class[classes.class_of_record].astype(np.float64, copy=False)


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
class GlobalRisk(Card):
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

    Examples
    --------
    >>> global_risk([0.5, 0.25, 0.25]).expected
    1.0
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

    Examples
    --------
    >>> outstanding_records([0.01, 0.02, 0.01, 0.9]).tolist()
    [False, False, False, True]
    """
    risk = _risks(risks)
    if not len(risk):
        return np.zeros(0, dtype=bool)
    median = float(np.median(risk))
    spread = 1.4826 * float(np.median(np.abs(risk - median)))
    marked: npt.NDArray[np.bool_] = (risk > median + factor * spread) & (risk > floor)
    return marked


def _risks(risks: npt.ArrayLike) -> FloatArray:
    array = number_array("risks", risks)
    if array.ndim != 1 or np.any(~((array >= 0) & (array <= 1))):
        raise MeasureError("Risks must be a vector of numbers between 0 and 1")
    return array
