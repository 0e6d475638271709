"""Record linkage and interval disclosure of perturbed tables.

Use these where values were changed (noise, shifting, microaggregation) rather than generalised.
Domingo-Ferrer & Torra 2001; Gower 1971, doi:10.2307/2528823.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from midi_risk.document.notebook import Card
from midi_risk.errors import MeasureError
from midi_risk.risk.classes.columns import (
    CodedColumn,
    FloatArray,
    as_names,
    decode_numbers,
    number_array,
    read_columns,
)
from midi_risk.risk.classes.keys import joint_codes

_CHUNK_CELLS = 4_000_000


def interval_disclosure(
    original: npt.ArrayLike, masked: npt.ArrayLike, *, width: float = 0.05
) -> FloatArray:
    """Mark the records whose originals lie close to their masked values in every variable.

    Parameters
    ----------
    original, masked : array_like of shape (n, p)
        The same records. A missing value counts as close.
    width : float
        Half width of the interval, in standard deviations of the masked variable.

    Returns
    -------
    numpy.ndarray of shape (n,)
        1.0 where disclosed; the mean is sdcMicro's ``dRisk``.

    Raises
    ------
    MeasureError
        If the shapes differ, there are fewer than two records, or the width is negative.

    Examples
    --------
    >>> interval_disclosure([1.0, 2.0, 9.0], [1.0, 2.1, 5.0]).mean().round(4)
    np.float64(0.6667)
    """
    x, y = (number_array("original and masked values", table) for table in (original, masked))
    if x.ndim == 1:
        x, y = x[:, None], y.reshape(-1, 1)
    if x.ndim != 2 or x.shape != y.shape or len(x) < 2 or width < 0:
        raise MeasureError(
            "Interval disclosure needs two tables of one shape (n, p), n at least 2, and a width "
            "of at least 0"
        )
    known = ~np.isnan(y)
    count = known.sum(axis=0)
    filled = np.where(known, y, 0.0)
    centre = filled.sum(axis=0) / np.maximum(count, 1)
    spread = np.sqrt((np.where(known, y - centre, 0.0) ** 2).sum(axis=0) / np.maximum(count - 1, 1))
    far = np.abs(x - y) > width * spread
    return np.asarray(~far.any(axis=1), dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkageResult(Card):
    """Success of linking each released record to its nearest original.

    Parameters
    ----------
    share : float
        Expected share of correct links; t records at the same distance count 1/t each.
    record_success : numpy.ndarray of shape (n,)
        Probability of a correct link of each record.
    baseline : float
        Share that a random link would get, 1/n.
    """

    share: float
    record_success: FloatArray
    baseline: float


def distance_linkage(
    original: Any,
    masked: Any,
    attributes: Hashable | Sequence[Hashable],
    *,
    categorical: Sequence[Hashable] = (),
    tolerance: float = 1e-9,
) -> LinkageResult:
    """Link each masked record to the nearest original by Gower distance.

    Parameters
    ----------
    original, masked : table
        The same records in the same order.
    attributes : hashable or sequence of hashable
        Columns that the attacker knows.
    categorical : sequence of hashable
        Those compared as equal or not; the others are numbers, scaled by the range of the
        original. Text is always categorical. A missing value is at distance 1 from a present
        one and 0 from another missing one.
    tolerance : float
        Distances this close are ties.

    Returns
    -------
    LinkageResult

    Raises
    ------
    MeasureError
        If the tables differ in length or are empty.

    Examples
    --------
    >>> original = {"age": [60, 70, 80], "sex": ["M", "M", "F"]}
    >>> masked = {"age": [62, 71, 79], "sex": ["M", "M", "F"]}
    >>> distance_linkage(original, masked, ["age", "sex"]).share
    1.0
    """
    names = as_names(attributes, what="attributes")
    n, first = read_columns(original, names)
    m, second = read_columns(masked, names)
    if n != m or not n or not names:
        raise MeasureError("Linkage needs two tables of the same, at least one, records")
    pairs = [
        _comparable(a, b, text=a.name in categorical) for a, b in zip(first, second, strict=True)
    ]
    success = np.empty(n)
    step = max(1, _CHUNK_CELLS // n)
    for start in range(0, n, step):
        rows = slice(start, min(start + step, n))
        distance = np.zeros((rows.stop - rows.start, n))
        for x, y, is_text in pairs:
            if is_text:
                distance += y[rows, None] != x[None, :]
            else:
                gap = np.abs(y[rows, None] - x[None, :])
                absent = np.isnan(y[rows, None]) & np.isnan(x[None, :])
                distance += np.where(absent, 0.0, np.nan_to_num(gap, nan=1.0))
        distance /= len(pairs)
        nearest = distance <= distance.min(axis=1, keepdims=True) + tolerance
        own = nearest[np.arange(rows.stop - rows.start), np.arange(rows.start, rows.stop)]
        success[rows] = own / nearest.sum(axis=1)
    return LinkageResult(share=float(success.mean()), record_success=success, baseline=1 / n)


def expected_compatible(population: float, *, window_days: float, period_days: float) -> float:
    """Compute how many people fit a date known to within a window.

    Parameters
    ----------
    population : float
        People with an event in the period.
    window_days : float
        The date is known to plus or minus this.
    period_days : float
        Length of the period.

    Returns
    -------
    float
        ``population (2 W + 1) / T``, at most the population.

    Examples
    --------
    >>> expected_compatible(3650, window_days=3, period_days=365)
    70.0
    """
    if population < 0 or window_days < 0 or period_days <= 0:
        raise MeasureError("A population, a window and a period cannot be negative")
    return min(population, population * (2 * window_days + 1) / period_days)


def _comparable(
    original: CodedColumn, masked: CodedColumn, *, text: bool
) -> tuple[npt.NDArray[Any], npt.NDArray[Any], bool]:
    """Return both columns as scaled numbers, or as codes in one numbering."""
    if not text:
        try:
            x, y = decode_numbers(original), decode_numbers(masked)
        except MeasureError:
            text = True
    if text:
        name = original.name
        codes = joint_codes({name: original}, {name: masked}, [name])
        return codes[0], codes[1], True
    known = x[~np.isnan(x)]
    extent = float(known.max() - known.min()) if len(known) else 0.0
    scale = extent or 1.0
    return x / scale, y / scale, False
