"""Matching sets: who is left when an attacker knows values only roughly.

Age within 2 years, a date within 7 days, size within 5 cm: records that agree exactly on
some attributes and within a tolerance on others are compatible. Compatibility is not
transitive, so there are no classes; the risk of a record is one over the number of
records compatible with it, counted as points inside boxes of ranks.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from midi_risk.errors import MeasureError

Codes = NDArray[np.int64]
_PAIRS = 4_000_000
_ENUMERATE = 150_000_000
_BLOCK = 4096
_DENSE = 4
"""Codes that span at most so many times the rows are joined as they are, without sorting."""
_LARGEST = 2**62
"""Codes are joined until they reach this, and numbered anew then."""


def count_in_boxes(
    group: Codes, rank: Codes, weight: Codes, asked: Codes, low: Codes, high: Codes
) -> Codes:
    """Return, for each question, the weight of the points of its group inside its box.

    Parameters
    ----------
    group : numpy.ndarray
        Group of each point, from 0, shape (p,).
    rank : numpy.ndarray
        Coordinates of each point, from 0, shape (p, r).
    weight : numpy.ndarray
        Whole weight of each point, shape (p,).
    asked : numpy.ndarray
        Group of each question, shape (s,).
    low, high : numpy.ndarray
        Box of each question: ``low <= rank < high``, shape (s, r).

    Returns
    -------
    numpy.ndarray
        int64, shape (s,).

    Examples
    --------
    >>> one = np.zeros(3, dtype=np.int64)
    >>> rank = np.array([[0, 0], [1, 5], [2, 1]])
    >>> box = np.array([[0, 0]]), np.array([[2, 6]])
    >>> count_in_boxes(one, rank, one + 1, one[:1], *box).tolist()
    [2]
    """
    groups = int(max(group.max(initial=-1), asked.max(initial=-1))) + 1
    if rank.shape[1] == 0:
        totals = np.bincount(group, weights=weight, minlength=groups).astype(np.int64)
        return np.asarray(totals[asked], dtype=np.int64)
    along = _most_selective(rank, low, high)
    span = int(max(rank[:, along].max(initial=0), high[:, along].max(initial=0))) + 1
    order = np.argsort(group * span + rank[:, along], kind="stable")
    keys = (group * span + rank[:, along])[order]
    first = np.searchsorted(keys, asked * span + low[:, along])
    last = np.searchsorted(keys, asked * span + high[:, along])
    if rank.shape[1] == 1:
        total = np.concatenate([[0], np.cumsum(weight[order])])
        return np.asarray(total[last] - total[first], dtype=np.int64)
    if int((last - first).sum()) > _ENUMERATE:
        return _by_bits(group, rank, weight, asked, low, high)
    others = [column for column in range(rank.shape[1]) if column != along]
    return _by_pairs(
        rank[order][:, others], weight[order], first, last, low[:, others], high[:, others]
    )


def _most_selective(rank: Codes, low: Codes, high: Codes) -> int:
    """Return the coordinate whose ranges hold the fewest points."""
    held = []
    for column in range(rank.shape[1]):
        ends = np.cumsum(np.bincount(rank[:, column], minlength=int(high[:, column].max()) + 1))
        ends = np.concatenate([[0], ends])
        held.append(float((ends[high[:, column]] - ends[low[:, column]]).mean()))
    return int(np.argmin(held))


def _by_pairs(
    rank: Codes, weight: Codes, first: Codes, last: Codes, low: Codes, high: Codes
) -> Codes:
    """Look at every point between ``first`` and ``last`` of each question, in batches."""
    width = last - first
    ends = np.cumsum(width)
    out = np.zeros(len(first), dtype=np.int64)
    at = 0
    while at < len(first):
        done = ends[at - 1] if at else 0
        stop = max(at + 1, int(np.searchsorted(ends, done + _PAIRS, side="right")))
        count = width[at:stop]
        question = np.repeat(np.arange(at, stop), count)
        begin = np.cumsum(count) - count
        point = np.arange(int(count.sum())) - np.repeat(begin, count) + first[question]
        inside = np.ones(len(point), dtype=bool)
        for column in range(rank.shape[1]):
            place = rank[point, column]
            inside &= (place >= low[question, column]) & (place < high[question, column])
        out[at:stop] = np.bincount(
            question[inside] - at, weights=weight[point[inside]], minlength=stop - at
        ).astype(np.int64)
        at = stop
    return out


def _by_bits(
    group: Codes, rank: Codes, weight: Codes, asked: Codes, low: Codes, high: Codes
) -> Codes:
    """Count with bit sets: a range of ranks is the difference of two prefixes.

    Points of equal weight go together; blocks of points keep the prefix tables small.
    """
    points = np.column_stack([group, rank])
    begin = np.column_stack([asked, low])
    end = np.column_stack([asked + 1, high])
    out = np.zeros(len(asked), dtype=np.int64)
    for value in np.unique(weight).tolist():
        chosen = np.flatnonzero(weight == value)
        for start in range(0, len(chosen), _BLOCK):
            block = points[chosen[start : start + _BLOCK]]
            out += value * _bits_of_block(block, begin, end)
    return out


def _bits_of_block(block: Codes, begin: Codes, end: Codes) -> Codes:
    held: NDArray[np.uint64] | None = None
    words = (len(block) + 63) // 64
    at = np.arange(len(block))
    bit = np.left_shift(np.uint64(1), (at % 64).astype(np.uint64))
    for column in range(block.shape[1]):
        distinct, place = np.unique(block[:, column], return_inverse=True)
        table = np.zeros((len(distinct) + 1, words), dtype=np.uint64)
        np.bitwise_or.at(table, (place + 1, at // 64), bit)
        np.bitwise_or.accumulate(table, axis=0, out=table)
        last = table[np.searchsorted(distinct, end[:, column])]
        last ^= table[np.searchsorted(distinct, begin[:, column])]
        held = last if held is None else np.bitwise_and(held, last, out=held)
    if held is None:
        return np.full(len(begin), len(block), dtype=np.int64)
    return np.asarray(np.bitwise_count(held).sum(axis=1), dtype=np.int64)


def matching_set_sizes(
    exact_codes: ArrayLike,
    numeric: ArrayLike | None = None,
    tolerances: ArrayLike = (),
    *,
    missing: Literal["wildcard", "category", "wildcard-cautious"] = "wildcard",
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
    missing : {"wildcard", "category", "wildcard-cautious"}
        A missing value is compatible with every value, or only with a missing one, or with
        every value when the record that is looked for lacks it.

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
    return _wildcard(exact, values, within, known, cautious=missing == "wildcard-cautious")


def renumbered(columns: NDArray[np.int64]) -> Codes:
    """Return one code per distinct row, in the order of the rows."""
    code = np.zeros(len(columns), dtype=np.int64)
    if not len(columns):
        return code
    room = 1
    for column in columns.T:
        part, least = column, int(column.min())
        if int(column.max()) - least > _DENSE * len(columns):
            part, least = np.unique(column, return_inverse=True)[1].astype(np.int64), 0
        span = int(part.max()) - least + 1
        if room * span > _LARGEST:
            code = np.asarray(np.unique(code, return_inverse=True)[1], dtype=np.int64)
            room = int(code.max()) + 1
        code = code * span + (part - least)
        room *= span
    return np.asarray(np.unique(code, return_inverse=True)[1], dtype=np.int64)


def ranges(values: NDArray[np.float64], within: NDArray[np.float64]) -> tuple[Codes, Codes, Codes]:
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
    group = renumbered(exact)
    rank, low, high = ranges(values, within)
    same = renumbered(np.column_stack([group, rank]))
    _, first, weight = np.unique(same, return_index=True, return_counts=True)
    sizes = count_in_boxes(group[first], rank[first], weight, group[first], low[first], high[first])
    return np.asarray(sizes[same], dtype=np.int64)


def _wildcard(
    exact: Codes,
    values: NDArray[np.float64],
    within: NDArray[np.float64],
    known: NDArray[np.bool_],
    *,
    cautious: bool,
) -> Codes:
    """Return sizes by pairs of patterns of missing values.

    Two records are compared on the attributes that both have, so each pair of patterns is
    a problem without missing values. Cautiously, who lacks a value that the record has is
    compared with it not at all.
    """
    q = exact.shape[1]
    pattern = renumbered(known.astype(np.int64))
    rows = [np.flatnonzero(pattern == code) for code in range(int(pattern.max()) + 1)]
    sizes = np.zeros(len(exact), dtype=np.int64)
    for asked in rows:
        for held in rows:
            both = known[asked[0]] & known[held[0]]
            if cautious and (both != known[asked[0]]).any():
                continue
            group = renumbered(exact[np.concatenate([asked, held])][:, both[:q]])
            chosen = both[q:]
            union = values[np.concatenate([asked, held])][:, chosen]
            rank, low, high = ranges(union, within[chosen])
            cut = len(asked)
            sizes[asked] += count_in_boxes(
                group[cut:], rank[cut:], np.ones(len(held), dtype=np.int64),
                group[:cut], low[:cut], high[:cut],
            )  # fmt: skip
    return sizes
