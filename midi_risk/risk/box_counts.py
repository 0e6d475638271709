"""Counting weighted points of a group inside boxes of ranks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]
_PAIRS = 4_000_000
_ENUMERATE = 150_000_000
_BLOCK = 4096


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
