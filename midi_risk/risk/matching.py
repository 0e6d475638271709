"""Matching sets: who is left when an attacker knows values only roughly.

Age within 2 years, a date within 7 days, size within 5 cm: records that agree exactly on
some attributes and within a tolerance on others are compatible. Compatibility is not
transitive, so there are no classes; the risk of a record is one over the number of
records compatible with it.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from midi_risk.errors import MeasureError
from midi_risk.risk.box_counts import count_in_boxes

Codes = NDArray[np.int64]


def matching_set_sizes(
    exact_codes: ArrayLike,
    numeric: ArrayLike | None = None,
    tolerances: ArrayLike = (),
    *,
    missing: Literal["wildcard", "category"] = "wildcard",
) -> Codes:
    """Return how many records are compatible with each record.

    Parameters
    ----------
    exact_codes : array_like of int
        Codes of attributes that are known exactly, shape (n, q); missing is -1.
    numeric : array_like of float, optional
        Values of attributes that are known roughly, shape (n, r); missing is NaN.
    tolerances : array_like of float
        Largest difference that the attacker cannot tell, per numeric column, shape (r,);
        a difference equal to it is compatible.
    missing : {"wildcard", "category"}
        A missing value is compatible with every value, or only with a missing one.

    Returns
    -------
    numpy.ndarray
        Sizes, at least 1 (the record itself), int64, shape (n,).

    Raises
    ------
    MeasureError
        When shapes do not fit or a tolerance is negative.

    Notes
    -----
    Exact, not sampled. Time grows with the number of distinct records times the records
    within the most selective tolerance, in bounded memory.

    Examples
    --------
    >>> sex, age = [[0], [0], [0], [1]], [[60.0], [62.0], [65.0], [61.0]]
    >>> matching_set_sizes(sex, age, [2.0]).tolist()
    [2, 2, 1, 1]
    >>> matching_set_sizes([[0], [-1], [1]]).tolist()
    [2, 3, 2]
    """
    exact = np.asarray(exact_codes, dtype=np.int64)
    if exact.ndim != 2:
        raise MeasureError("exact codes have one row per record and one column per attribute")
    n = len(exact)
    values = np.empty((n, 0)) if numeric is None else np.asarray(numeric, dtype=np.float64)
    within = np.asarray(tolerances, dtype=np.float64).ravel()
    if values.ndim != 2 or len(values) != n or values.shape[1] != len(within):
        raise MeasureError("every numeric column needs n values and one tolerance")
    if not np.all(within >= 0):
        raise MeasureError("a tolerance is not negative", hint="0 asks for equal values")
    if n == 0:
        return np.empty(0, dtype=np.int64)
    gone = np.isnan(values)
    if missing == "category":
        exact = np.column_stack([exact, gone.astype(np.int64)])
        return _compatible(exact, np.where(gone, 0.0, values), within)
    known = np.column_stack([exact >= 0, ~gone])
    if known.all():
        return _compatible(exact, values, within)
    return _wildcard(exact, values, within, known)


def _renumbered(columns: NDArray[np.int64]) -> Codes:
    """Return one code per distinct row."""
    code = np.zeros(len(columns), dtype=np.int64)
    for column in columns.T:
        part = np.unique(column, return_inverse=True)[1].astype(np.int64)
        joined = code * (int(part.max(initial=0)) + 1) + part
        code = np.asarray(np.unique(joined, return_inverse=True)[1], dtype=np.int64)
    return code


def _ranges(values: NDArray[np.float64], within: NDArray[np.float64]) -> tuple[Codes, Codes, Codes]:
    """Return rank of each value, and first and last + 1 compatible rank, shapes (n, r)."""
    rank = np.empty(values.shape, dtype=np.int64)
    low, high = np.empty_like(rank), np.empty_like(rank)
    for column, tolerance in enumerate(within.tolist()):
        x = values[:, column]
        distinct, rank[:, column] = np.unique(x, return_inverse=True)
        slack = tolerance + 1e-9 * max(1.0, tolerance)  # 0.3 - 0.1 is within 0.2
        low[:, column] = np.searchsorted(distinct, x - slack, side="left")
        high[:, column] = np.searchsorted(distinct, x + slack, side="right")
    return rank, low, high


def _compatible(exact: Codes, values: NDArray[np.float64], within: NDArray[np.float64]) -> Codes:
    """Return sizes when nothing is missing; equal records are counted once."""
    group = _renumbered(exact)
    rank, low, high = _ranges(values, within)
    same = _renumbered(np.column_stack([group, rank]))
    _, first, weight = np.unique(same, return_index=True, return_counts=True)
    sizes = count_in_boxes(group[first], rank[first], weight, group[first], low[first], high[first])
    return np.asarray(sizes[same], dtype=np.int64)


def _wildcard(
    exact: Codes,
    values: NDArray[np.float64],
    within: NDArray[np.float64],
    known: NDArray[np.bool_],
) -> Codes:
    """Return sizes by pairs of patterns of missing values.

    Two records are compared on the attributes that both have, so each pair of patterns is
    a problem without missing values.
    """
    q = exact.shape[1]
    pattern = _renumbered(known.astype(np.int64))
    rows = [np.flatnonzero(pattern == code) for code in range(int(pattern.max()) + 1)]
    sizes = np.zeros(len(exact), dtype=np.int64)
    for asked in rows:
        for held in rows:
            both = known[asked[0]] & known[held[0]]
            group = _renumbered(exact[np.concatenate([asked, held])][:, both[:q]])
            chosen = both[q:]
            union = values[np.concatenate([asked, held])][:, chosen]
            rank, low, high = _ranges(union, within[chosen])
            cut = len(asked)
            sizes[asked] += count_in_boxes(
                group[cut:], rank[cut:], np.ones(len(held), dtype=np.int64),
                group[:cut], low[:cut], high[:cut],
            )  # fmt: skip
    return sizes
