"""`pram`, `addNoise`: values changed at random, with a seed."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.compat.sdcmicro.inputs import as_frame, names_of, require, with_columns
from midi_risk.compat.sdcmicro.microaggregate import numeric_columns, strata_rows
from midi_risk.compat.sdcmicro.object import SdcObj
from midi_risk.compat.sdcmicro.script import RANDOM, Step
from midi_risk.errors import MeasureError
from midi_risk.risk.columns import encode

Floats = npt.NDArray[np.float64]
_MOST_LEVELS = 2000
NoiseMethod = Literal["additive", "correlated", "correlated2", "restr"]


def pram(
    obj: Any,
    variables: Hashable | Sequence[Hashable] | None = None,
    strata_variables: Hashable | Sequence[Hashable] | None = None,
    pd: float = 0.8,
    alpha: float = 0.5,
    *,
    seed: int | None = None,
) -> Any:
    """Change categories at random so that their frequencies stay as expected (invariant PRAM).

    Parameters
    ----------
    obj : table or SdcObj
    variables : hashable or sequence of hashable
        Categorical variables; of an object its `pramVars` by default.
    strata_variables : hashable or sequence of hashable, optional
        Values move within these; of an object its `strataVar`.
    pd : float
        Least diagonal probability of the first transition matrix, in (0, 1].
    alpha : float
        Share of the invariant matrix; the rest keeps the value.
    seed : int, optional
        Of an object its own by default.

    Returns
    -------
    pandas.DataFrame or SdcObj

    References
    ----------
    Gouweleeuw, Kooiman, Willenborg, de Wolf 1998, J Off Stat 14:463.
    """
    if not 0 < pd <= 1 or not 0 <= alpha <= 1:
        raise MeasureError("pd must lie in (0, 1] and alpha in [0, 1]")
    if isinstance(obj, SdcObj):
        chosen = names_of(variables, what="variables") or obj.pramVars
        strata = names_of(strata_variables, what="strata_variables") or names_of(
            obj.strataVar, what="strataVar"
        )
        used = obj.seed if seed is None else seed
        arguments = {
            "variables": None if variables is None else chosen,
            "pd": pd,
            "alpha": alpha,
        }
        step = Step(function="pram", arguments=arguments, seed=used, note=RANDOM)
        return obj.stepped(step, current=_prammed(obj.current, chosen, strata, pd, alpha, used))
    strata = names_of(strata_variables, what="strata_variables")
    chosen = names_of(variables, what="variables")
    return _prammed(as_frame(obj), chosen, strata, pd, alpha, seed)


def invariant_matrix(
    counts: npt.ArrayLike, pd: float, alpha: float, rng: np.random.Generator
) -> Floats:
    """Draw a transition matrix that keeps the expected frequencies.

    Parameters
    ----------
    counts : array_like of shape (m,)
        Records of each category, all above 0.
    pd, alpha : float
        As in `pram`.
    rng : numpy.random.Generator

    Returns
    -------
    numpy.ndarray of shape (m, m)
        Rows add up to 1, and ``counts @ matrix`` equals the counts.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> matrix = invariant_matrix([6, 3, 1], 0.8, 0.5, rng)
    >>> (np.array([6, 3, 1]) @ matrix).round(9).tolist()
    [6.0, 3.0, 1.0]
    """
    share = np.asarray(counts, dtype=np.float64)
    m = len(share)
    if m == 1:
        return np.ones((1, 1))
    kept = rng.uniform(pd, 1, m)
    first = rng.random((m, m))
    np.fill_diagonal(first, 0)
    first *= ((1 - kept) / first.sum(axis=1))[:, None]
    np.fill_diagonal(first, kept)
    # Bayes' rule leads back to the frequencies that were there.
    joint = share[:, None] * first
    back = (joint / joint.sum(axis=0)).T
    return np.asarray(alpha * (first @ back) + (1 - alpha) * np.eye(m))


def _prammed(
    frame: pd.DataFrame,
    names: tuple[Any, ...],
    strata: tuple[Any, ...],
    least: float,
    alpha: float,
    seed: int | None,
) -> pd.DataFrame:
    if not names:
        raise MeasureError("pram needs variables", hint="Give variables or pramVars")
    require(frame, names)
    rng = np.random.default_rng(seed)
    out = frame.copy()
    for name in names:
        column = encode(name, frame[name])
        codes = column.codes.astype(np.int64)
        # The record that lends its value, so that every type of column stays what it is.
        lender = np.arange(len(frame))
        for rows in strata_rows(frame, strata):
            held = rows[codes[rows] >= 0]
            levels, first, own, counts = np.unique(
                codes[held], return_index=True, return_inverse=True, return_counts=True
            )
            if not len(levels):
                continue
            if len(levels) > _MOST_LEVELS:
                raise MeasureError(
                    f"Column {name!r} has {len(levels):,} categories", hint="Recode it first"
                )
            steps = np.cumsum(invariant_matrix(counts, least, alpha, rng), axis=1)
            chance = rng.random(len(held))
            ends = np.cumsum(counts)
            for level, some in enumerate(np.split(np.argsort(own, kind="stable"), ends[:-1])):
                drawn = np.searchsorted(steps[level], chance[some], side="right")
                lender[held[some]] = held[first[np.minimum(drawn, len(levels) - 1)]]
        out[name] = frame[name].take(lender).set_axis(frame.index)
    return out


def addNoise(
    obj: Any,
    variables: Sequence[Hashable] | None = None,
    noise: float = 150,
    method: NoiseMethod = "additive",
    *,
    delta: float = 0.1,
    seed: int | None = None,
) -> Any:
    """Add noise to numbers.

    Parameters
    ----------
    obj : table or SdcObj
    variables : sequence of hashable, optional
        Numeric variables; of an object its `numVars`, of a table all columns.
    noise : float
        Per cent: of the standard deviation (``additive``), or of the covariance.
    method : {"additive", "correlated", "correlated2", "restr"}
        Independent noise; noise with the covariance of the data (Brand 2002); the same with
        mean and covariance preserved by `delta` (Kim 1986); additive noise scaled back so that
        mean and variance are preserved. ``ROMM`` and ``outdect`` are not offered.
    delta : float
        For ``correlated2``, in (0, 1].
    seed : int, optional
        Of an object its own by default.

    Returns
    -------
    pandas.DataFrame or SdcObj
        Of a table, the variables with noise.

    References
    ----------
    Brand 2002, doi:10.1007/3-540-47804-3_8; Kim 1986, ASA Survey Research Methods.
    """
    if not noise >= 0 or not 0 < delta <= 1:
        raise MeasureError("noise must not be negative and delta must lie in (0, 1]")
    if method not in ("additive", "correlated", "correlated2", "restr"):
        raise MeasureError("The method is 'additive', 'correlated', 'correlated2' or 'restr'")
    if isinstance(obj, SdcObj):
        chosen = names_of(variables, what="variables") or obj.numVars
        used = obj.seed if seed is None else seed
        arguments = {
            "variables": None if variables is None else chosen,
            "noise": noise,
            "method": method,
            "delta": delta if method == "correlated2" else None,
        }
        step = Step(function="addNoise", arguments=arguments, seed=used, note=RANDOM)
        noisy = _noisy(obj.current, chosen, noise / 100, method, delta, used)
        return obj.stepped(step, current=with_columns(obj.current, noisy))
    frame = as_frame(obj)
    chosen = names_of(variables, what="variables") or tuple(frame.columns)
    return _noisy(frame, chosen, noise / 100, method, delta, seed)


def _noisy(
    frame: pd.DataFrame,
    names: tuple[Any, ...],
    share: float,
    method: NoiseMethod,
    delta: float,
    seed: int | None,
) -> pd.DataFrame:
    x = numeric_columns(frame, names)
    if len(x) < 2:
        raise MeasureError("Noise needs two records to scale it by")
    rng = np.random.default_rng(seed)
    mean, spread = x.mean(axis=0), x.std(axis=0, ddof=1)
    if method in ("additive", "restr"):
        y = x + rng.standard_normal(x.shape) * spread * share
        if method == "restr":
            y = mean + (y - mean) / np.sqrt(1 + share**2)
    else:
        covariance = np.atleast_2d(np.cov(x.T))
        draw = rng.multivariate_normal(np.zeros(x.shape[1]), covariance, len(x), method="eigh")
        if method == "correlated":
            y = x + np.sqrt(share) * draw
        else:
            kept = np.sqrt(1 - delta**2)
            y = kept * x + (1 - kept) * mean + delta * draw
    return pd.DataFrame(y, columns=list(names), index=frame.index)
