"""Propensity score utility: how well a classifier tells the recoded table from the original.

Woo, Reiter, Oganian, Karr 2009, doi:10.29012/jpc.v1i1.568; Snoke, Raab, Nowok, Dibben, Slavkovic
2018, doi:10.1111/rssa.12358.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from midi_risk.errors import MeasureError
from midi_risk.risk.columns import FloatArray, as_names, read_columns
from midi_risk.risk.joining import joint_codes
from midi_risk.risk.numeric import decode_numbers

_STEPS = 50
_RIDGE = 1e-8


@dataclass(frozen=True, slots=True, kw_only=True)
class PropensityScore:
    """Mean squared distance of propensity scores from the share of recoded records.

    Parameters
    ----------
    pmse : float
        0 when the tables cannot be told apart, ``c (1 - c)`` when perfectly.
    expected : float
        Its mean when both tables come from one distribution, ``(k-1) (1-c)^2 c / N``.
    ratio : float
        ``pmse / expected``; near 1 is good.
    parameters : int
        Parameters k of the model, with the intercept.
    n : int
        Records N of both tables.
    """

    pmse: float
    expected: float
    ratio: float
    parameters: int
    n: int


def propensity_score(
    original: Any,
    recoded: Any,
    attributes: Hashable | Sequence[Hashable],
    *,
    categorical: Sequence[Hashable] = (),
    max_levels: int = 50,
) -> PropensityScore:
    """Compute pMSE with a main-effects logistic regression.

    Parameters
    ----------
    original, recoded : table
        Not necessarily of one length.
    attributes : hashable or sequence of hashable
        Column names.
    categorical : sequence of hashable
        Columns used as categories; text always is. Missing is a level, or the mean with an
        indicator for numbers.
    max_levels : int
        Refuse a categorical column with more levels.

    Returns
    -------
    PropensityScore

    Raises
    ------
    MeasureError
        If a table is empty, no attribute varies, or a column has too many levels.
    """
    names = as_names(attributes, what="attributes")
    n, _ = read_columns(original, names)
    m, _ = read_columns(recoded, names)
    if not n or not m:
        raise MeasureError("A propensity score needs records in both tables")
    parts = [_design(original, recoded, name, name in categorical, max_levels) for name in names]
    design = np.hstack([np.ones((n + m, 1)), *parts])
    rank = int(np.linalg.matrix_rank(design))
    if rank < 2:
        raise MeasureError("No attribute varies: a propensity score says nothing")
    target = np.concatenate([np.zeros(n), np.ones(m)])
    share = m / (n + m)
    fitted = _logistic(design, target)
    pmse = float(np.mean((fitted - share) ** 2))
    expected = (rank - 1) * (1 - share) ** 2 * share / (n + m)
    return PropensityScore(
        pmse=pmse, expected=expected, ratio=pmse / expected, parameters=rank, n=n + m
    )


def _design(
    original: Any, recoded: Any, name: Hashable, as_category: bool, max_levels: int
) -> FloatArray:
    """Columns of the model for one attribute, over both tables."""
    if not as_category:
        try:
            tables = (original, recoded)
            numbers = [decode_numbers(read_columns(t, [name])[1][0]) for t in tables]
        except MeasureError:
            as_category = True
    if as_category:
        first, second, size = joint_codes(original, recoded, [name])
        if size > max_levels:
            raise MeasureError(
                f"Column {name!r} has {size} levels", hint="Leave it out or generalise it"
            )
        codes = np.concatenate([first, second])
        levels = codes[:, None] == np.arange(1, size)
        return np.asarray(levels, dtype=np.float64)
    values = np.concatenate(numbers)
    absent = np.isnan(values)
    centre = values[~absent].mean() if not absent.all() else 0.0
    values = np.where(absent, centre, values) - centre
    scale = values.std() or 1.0
    return np.column_stack([values / scale, absent])


def _logistic(design: FloatArray, target: FloatArray) -> FloatArray:
    """Fit by Newton steps with a trace of ridge, which keeps separable tables finite."""
    weight = np.zeros(design.shape[1])
    penalty = _RIDGE * len(target) * np.eye(design.shape[1])
    fitted = np.full(len(target), 0.5)
    for _ in range(_STEPS):
        spread = fitted * (1 - fitted)
        gradient = design.T @ (target - fitted) - penalty @ weight
        step = np.linalg.solve(design.T @ (design * spread[:, None]) + penalty, gradient)
        weight = weight + step
        score = np.clip(design @ weight, -500, 500)
        fitted = 1 / (1 + np.exp(-score))
        if np.abs(step).max() < 1e-10:
            break
    return fitted
