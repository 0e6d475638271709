"""Class sizes when a missing value may be any value.

Two patterns are compatible when they agree wherever both are present. Compatibility is not
transitive, so a record has a size but there is no partition. The patterns are joined mask by
mask of missing columns, which costs far less than comparing records in pairs: there are few
masks, and the patterns that share a mask are joined by one key.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from midi_risk.risk.classes.columns import FloatArray, IntArray
from midi_risk.risk.classes.keys import pack

_TABLE_FACTOR = 8
_TABLE_FLOOR = 1 << 16
_CHUNK_CELLS = 1 << 22
# Rough nanoseconds of one join of two masks, and of one comparison of two cells.
_JOIN_COST = 60_000
_PAIR_COST = 2


class Matched(NamedTuple):
    """Matched size and matched weight of each pattern, both of shape (u,)."""

    sizes: FloatArray
    weights: FloatArray


def wildcard_sizes(
    patterns: IntArray,
    counts: IntArray,
    weights: FloatArray,
    *,
    alpha: float = 1.0,
    symmetric: bool = False,
) -> Matched:
    """Count, for each pattern, the records that it could be.

    A complete pattern counts itself and alpha times the compatible patterns with missing
    values. A pattern with missing values counts itself, the compatible complete patterns in
    full and alpha times the other compatible ones. A pattern with every value missing counts
    all records, and (unless `symmetric`, or with a single column) adds nothing to the complete
    ones: this is the behaviour of sdcMicro's ``freqCalc``, and the cautious one.

    Parameters
    ----------
    patterns : numpy.ndarray of shape (u, q)
        Distinct code combinations, -1 where missing.
    counts : numpy.ndarray of shape (u,)
        Records of each pattern.
    weights : numpy.ndarray of shape (u,)
        Sum of weights of each pattern.
    alpha : float
        Share in which a missing value counts as a match, in [0, 1].
    symmetric : bool
        Let records without any value add to the complete ones as well.

    Returns
    -------
    Matched

    References
    ----------
    Templ, Kowarik, Meindl, J Stat Softw 2015;67(4), doi:10.18637/jss.v067.i04.

    Examples
    --------
    >>> import numpy as np
    >>> patterns = np.array([[0, 0], [0, -1], [1, 0]])
    >>> wildcard_sizes(patterns, np.array([2, 1, 1]), np.array([2.0, 1.0, 1.0])).sizes
    array([3., 3., 1.])
    """
    matched = Matched(counts.astype(np.float64), weights.astype(np.float64, copy=True))
    q = patterns.shape[1]
    missing = patterns < 0
    if not missing.any():
        return matched
    masks = missing @ (1 << np.arange(q, dtype=object)) if q > 62 else _masks(missing)
    by_mask = _members(masks)
    everything = (1 << q) - 1
    silent = by_mask.pop(everything, None)
    if silent is not None:
        _add_silent(
            matched, by_mask, silent, counts, weights, alpha, into_complete=symmetric or q == 1
        )
    parts = [members for mask, members in by_mask.items() if mask]
    partial = np.concatenate([np.empty(0, np.int64), *parts])
    joins = len(parts) * (len(parts) + 1)
    pairs = len(partial) * len(patterns) * q
    if joins * _JOIN_COST > pairs * _PAIR_COST:
        whole = by_mask.get(0, np.empty(0, np.int64))
        _compare_pairs(matched, patterns, counts, weights, whole, partial, alpha)
    else:
        _join_masks(matched, patterns, counts, weights, by_mask, alpha)
    # A pattern met itself once above, at weight alpha.
    matched.sizes[partial] -= alpha * counts[partial]
    matched.weights[partial] -= alpha * weights[partial]
    return matched


def cautious_sizes(patterns: IntArray, counts: IntArray, weights: FloatArray) -> Matched:
    """Count, for each pattern, the records that agree with every value it has.

    A record with unknown values may be anybody who agrees with the known ones; to the class of
    a known value an unknown adds nobody, since who holds the data can leave such records aside.

    Parameters
    ----------
    patterns : numpy.ndarray of shape (u, q)
        Distinct code combinations, -1 where missing.
    counts : numpy.ndarray of shape (u,)
        Records of each pattern.
    weights : numpy.ndarray of shape (u,)
        Sum of weights of each pattern.

    Returns
    -------
    Matched

    Examples
    --------
    >>> import numpy as np
    >>> patterns = np.array([[0, 0], [0, -1], [1, 0]])
    >>> cautious_sizes(patterns, np.array([2, 1, 1]), np.array([2.0, 1.0, 1.0])).sizes
    array([2., 3., 1.])
    """
    q = patterns.shape[1]
    missing = patterns < 0
    masks = missing @ (1 << np.arange(q, dtype=object)) if q > 62 else _masks(missing)
    matched = Matched(np.zeros(len(patterns)), np.zeros(len(patterns)))
    everybody = np.arange(len(patterns))
    join = _Join(patterns + 1, counts, weights)
    for mask, members in _members(masks).items():
        join.add(matched, members, everybody, _columns(mask, q), 1.0)
    return matched


def _join_masks(
    matched: Matched,
    patterns: IntArray,
    counts: IntArray,
    weights: FloatArray,
    by_mask: dict[int, IntArray],
    alpha: float,
) -> None:
    """Join the patterns of each pair of masks by one key."""
    q = patterns.shape[1]
    join = _Join(patterns, counts, weights)
    with_missing = [mask for mask in by_mask if mask]
    if 0 in by_mask:
        for mask in with_missing:
            join.complete(matched, by_mask[0], by_mask[mask], _columns(mask, q), alpha)
    if not alpha:
        return
    for mask in with_missing:
        unions: dict[int, list[IntArray]] = {}
        for other in with_missing:
            unions.setdefault(mask | other, []).append(by_mask[other])
        for union, others in unions.items():
            kept = _columns(union, q)
            join.add(matched, by_mask[mask], np.concatenate(others), kept, alpha)


def _compare_pairs(
    matched: Matched,
    patterns: IntArray,
    counts: IntArray,
    weights: FloatArray,
    whole: IntArray,
    partial: IntArray,
    alpha: float,
) -> None:
    """Compare each pattern that has missing values with all: better for many masks."""
    everything = np.concatenate([whole, partial])
    columns = [np.ascontiguousarray(patterns[everything, j]) for j in range(patterns.shape[1])]
    absent = [column < 0 for column in columns]
    share = np.concatenate([np.ones(len(whole)), np.full(len(partial), alpha)])
    step = max(1, _CHUNK_CELLS // len(everything))
    for start in range(0, len(partial), step):
        rows = slice(len(whole) + start, len(whole) + min(start + step, len(partial)))
        agree = np.ones((rows.stop - rows.start, len(everything)), dtype=bool)
        for column, hole in zip(columns, absent, strict=True):
            agree &= (column[rows, None] == column) | hole[rows, None] | hole
        chosen = partial[start : start + step]
        for target, values in ((matched.sizes, counts), (matched.weights, weights)):
            target[chosen] += agree @ (share * values[everything])
            target[whole] += alpha * (values[chosen] @ agree[:, : len(whole)])


def _masks(missing: np.ndarray) -> IntArray:
    bits: IntArray = missing @ (np.int64(1) << np.arange(missing.shape[1], dtype=np.int64))
    return bits


def _members(masks: np.ndarray) -> dict[int, IntArray]:
    """Return the patterns of each mask of missing columns."""
    order = np.argsort(masks, kind="stable")
    ordered = masks[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    parts = np.split(order, starts[1:])
    return {int(ordered[start]): part for start, part in zip(starts, parts, strict=True)}


def _columns(mask: int, q: int) -> list[int]:
    """Return the columns that the mask does not hide."""
    return [j for j in range(q) if not mask >> j & 1]


def _add_silent(
    matched: Matched,
    by_mask: dict[int, IntArray],
    silent: IntArray,
    counts: IntArray,
    weights: FloatArray,
    alpha: float,
    *,
    into_complete: bool,
) -> None:
    """Add the pattern without any value: it matches all, and partial patterns match it."""
    for mask, members in by_mask.items():
        if mask or into_complete:
            matched.sizes[members] += alpha * counts[silent].sum()
            matched.weights[members] += alpha * weights[silent].sum()
    matched.sizes[silent] = counts.sum()
    matched.weights[silent] = weights.sum()


class _Join:
    """Sums of counts and weights of one set of patterns, looked up by another."""

    def __init__(self, patterns: IntArray, counts: IntArray, weights: FloatArray) -> None:
        self.columns = np.ascontiguousarray(patterns.T)
        self.cardinalities = patterns.max(axis=0, initial=-1) + 1
        self.counts = counts.astype(np.float64)
        self.weights = weights

    def complete(
        self, matched: Matched, whole: IntArray, partial: IntArray, kept: list[int], alpha: float
    ) -> None:
        """Join the complete patterns with those of one mask, both ways."""
        left, right, size = self.keys(whole, partial, kept)
        for target, values in ((matched.sizes, self.counts), (matched.weights, self.weights)):
            target[partial] += np.bincount(left, values[whole], size)[right]
            if alpha:
                target[whole] += alpha * np.bincount(right, values[partial], size)[left]

    def add(
        self,
        matched: Matched,
        targets: IntArray,
        sources: IntArray,
        kept: list[int],
        alpha: float,
    ) -> None:
        """Add the sources that agree with each target on the kept columns."""
        left, right, size = self.keys(targets, sources, kept)
        for target, values in ((matched.sizes, self.counts), (matched.weights, self.weights)):
            target[targets] += alpha * np.bincount(right, values[sources], size)[left]

    def keys(
        self, left: IntArray, right: IntArray, kept: Sequence[int]
    ) -> tuple[IntArray, IntArray, int]:
        """Return keys of both sides on the kept columns, in one small range."""
        both = np.concatenate([left, right])
        key, capacity = pack(
            [self.columns[j][both] for j in kept],
            [int(self.cardinalities[j]) for j in kept],
            len(both),
        )
        if capacity > max(_TABLE_FLOOR, _TABLE_FACTOR * len(both)):
            values, key = np.unique(key, return_inverse=True)
            capacity = len(values)
        return key[: len(left)], key[len(left) :], capacity
