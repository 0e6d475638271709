"""Perturbed values: `microaggregation`, `rankSwap`, `pram` and `addNoise`.

Numbers are replaced by the means of small groups, swapped with others of a close rank or
disturbed by noise, categories are changed at random. Whatever is random takes a seed.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.compat.sdcmicro.inputs import as_frame, names_of, require, with_columns
from midi_risk.compat.sdcmicro.object import SdcObj
from midi_risk.compat.sdcmicro.script import RANDOM, Step
from midi_risk.errors import MeasureError
from midi_risk.risk.classes.columns import FloatArray, as_numbers, encode

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
