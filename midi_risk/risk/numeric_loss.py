"""Information loss of perturbed numbers.

IL1s: Yancey, Winkler, Creecy 2002; Domingo-Ferrer & Torra 2001. Bounded measures: Mlodak 2020,
doi:10.59170/stattrans-2020-030 (formulas checked against sdcMicro's figures).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from midi_risk.errors import MeasureError
from midi_risk.risk.columns import FloatArray


class VariableLoss(NamedTuple):
    """Loss over all variables and of each."""

    value: float
    by_variable: FloatArray


def il1(original: npt.ArrayLike, masked: npt.ArrayLike) -> float:
    """Compute the sum of ``100 |x - x'| / |x|`` over cells with x other than 0.

    It has no upper bound and depends on the number of cells: it is here to compare with
    sdcMicro. Prefer `bounded_loss`.

    Parameters
    ----------
    original, masked : array_like of shape (n, p)

    Returns
    -------
    float
    """
    x, y = _pair(original, masked)
    counted = x != 0
    return float(np.sum(100 * np.abs(x - y)[counted] / np.abs(x)[counted]))


def il1s(original: npt.ArrayLike, masked: npt.ArrayLike, *, mean: bool = True) -> float:
    """Compute IL1s, ``|x - x'| / (sqrt(2) sd(x))`` over cells.

    Parameters
    ----------
    original, masked : array_like of shape (n, p)
    mean : bool
        Mean over cells; otherwise the sum, as sdcMicro prints it.

    Returns
    -------
    float

    Raises
    ------
    MeasureError
        If an original variable is constant.

    Examples
    --------
    >>> round(il1s([[1.0], [2.0], [3.0]], [[1.0], [2.0], [4.0]]), 4)
    0.2357
    """
    x, y = _pair(original, masked)
    spread = x.std(axis=0, ddof=1) if len(x) > 1 else np.zeros(x.shape[1])
    if np.any(spread == 0):
        raise MeasureError("IL1s is not defined for a constant variable")
    cells = np.abs(x - y) / (np.sqrt(2) * spread)
    return float(cells.mean() if mean else cells.sum())


def bounded_loss(original: npt.ArrayLike, masked: npt.ArrayLike) -> VariableLoss:
    """Compute the mean of ``(2/pi) arctan |x - x'|``, in [0, 1).

    It depends on the units of the variables: scale them first when those differ.

    Parameters
    ----------
    original, masked : array_like of shape (n, p)

    Returns
    -------
    VariableLoss
    """
    x, y = _pair(original, masked)
    by_variable = (2 / np.pi) * np.arctan(np.abs(x - y)).mean(axis=0)
    return VariableLoss(float(by_variable.mean()), by_variable)


def correlation_loss(original: npt.ArrayLike, masked: npt.ArrayLike) -> float:
    """Compute the distance of the diagonals of the inverse correlation matrices, in [0, 1].

    Parameters
    ----------
    original, masked : array_like of shape (n, p)
        At least two variables.

    Returns
    -------
    float

    Raises
    ------
    MeasureError
        If a correlation matrix is singular: a variable is constant or a sum of others.
    """
    x, y = _pair(original, masked)
    diagonals = []
    for table in (x, y):
        matrix = _correlation(table)
        if np.linalg.cond(matrix) > 1 / (np.finfo(float).eps * len(matrix)):
            raise MeasureError("The correlation matrix is singular")
        diagonal = np.diag(np.linalg.inv(matrix))
        diagonals.append(diagonal / np.linalg.norm(diagonal))
    return float(np.linalg.norm(diagonals[0] - diagonals[1]) / np.sqrt(2))


def eigenvalue_loss(original: npt.ArrayLike, masked: npt.ArrayLike) -> float:
    """Compute the sum of ``|e - e'| / e`` over eigenvalues of the correlation matrices.

    Parameters
    ----------
    original, masked : array_like of shape (n, p)
        At least two variables.

    Returns
    -------
    float

    Raises
    ------
    MeasureError
        If the original correlation matrix is singular, where the ratio means nothing.
    """
    x, y = _pair(original, masked)
    first, second = (np.sort(np.linalg.eigvalsh(_correlation(t)))[::-1] for t in (x, y))
    if first[-1] < 1e-10 * first[0]:
        raise MeasureError("The correlation matrix is singular")
    return float(np.sum(np.abs(first - second) / first))


def squared_error_share(original: npt.ArrayLike, masked: npt.ArrayLike) -> float:
    """Compute SSE/SST, the mean over variables of squared error over variance, at most 1 each.

    Parameters
    ----------
    original, masked : array_like of shape (n, p)

    Returns
    -------
    float
    """
    x, y = _pair(original, masked)
    total = ((x - x.mean(axis=0)) ** 2).sum(axis=0)
    if np.any(total == 0):
        raise MeasureError("SSE/SST is not defined for a constant variable")
    return float(np.minimum(((x - y) ** 2).sum(axis=0) / total, 1).mean())


def _pair(original: npt.ArrayLike, masked: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    tables = []
    for table in (original, masked):
        array = np.asarray(table, dtype=np.float64)
        tables.append(array[:, None] if array.ndim == 1 else array)
    x, y = tables
    if x.ndim != 2 or x.shape != y.shape or not x.size:
        raise MeasureError("Original and masked numbers must have the same shape (n, p)")
    known = ~(np.isnan(x) | np.isnan(y)).any(axis=1)
    if not known.any():
        raise MeasureError("No record has all its numbers known")
    return x[known], y[known]


def _correlation(table: FloatArray) -> FloatArray:
    if table.shape[1] < 2 or len(table) < 3:
        raise MeasureError("Correlations need two variables and three records")
    if np.any(table.std(axis=0) == 0):
        raise MeasureError("The correlation matrix is singular")
    return np.asarray(np.corrcoef(table.T), dtype=np.float64)
