"""Search for minimal sample uniques, level by level over attribute subsets.

A record enters a subset only while it is not unique on any smaller part, so what is unique there
is minimal. Dropping it from all larger subsets changes nobody else's count: records equal on a
subset are equal on its parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from midi_risk.risk.columns import FloatArray, IntArray
from midi_risk.risk.packing import pack

_COUNTING_FACTOR = 8
BoolArray = npt.NDArray[np.bool_]


class MinimalUniques(NamedTuple):
    """Minimal sample uniques of each pattern.

    `score`, `msus`, `smallest` and `row` have shape (u,); `sizes` counts them by size;
    ``by_attribute[row[i]]`` holds the weight of those of pattern i by attribute.
    """

    score: FloatArray
    msus: IntArray
    smallest: IntArray
    sizes: dict[int, int]
    row: IntArray
    by_attribute: FloatArray


def minimal_uniques(
    codes: Sequence[npt.NDArray[Any]],
    cardinalities: Sequence[int],
    single: BoolArray,
    largest: int,
    weights: FloatArray,
) -> MinimalUniques:
    """Find every minimal sample unique up to a size.

    Parameters
    ----------
    codes : sequence of numpy.ndarray of shape (u,)
        Distinct patterns, -1 where missing.
    cardinalities : sequence of int
        Number of codes of each column.
    single : numpy.ndarray of shape (u,)
        Patterns that exactly one record has; only these can be unique.
    largest : int
        Largest size.
    weights : numpy.ndarray of shape (m + 1,)
        Weight by size.

    Returns
    -------
    MinimalUniques
    """
    m, u = len(codes), len(single)
    columns = [
        np.ascontiguousarray(_narrow(column, c))
        for column, c in zip(codes, cardinalities, strict=True)
    ]
    tally = _Tally(single, m, largest, weights)
    previous: dict[tuple[int, ...], BoolArray] = {(): np.ones(u, dtype=bool)}
    for size in range(1, largest + 1):
        current: dict[tuple[int, ...], BoolArray] = {}
        found: list[tuple[tuple[int, ...], IntArray]] = []
        for subset in combinations(range(m), size):
            alive = _alive(previous, subset, columns)
            if alive is None:
                continue
            index = np.flatnonzero(alive)
            chosen = single[index]
            if not chosen.any():
                continue
            unique = index[
                _lonely([columns[j][index] for j in subset], [cardinalities[j] for j in subset])
                & chosen
            ]
            if len(unique):
                found.append((subset, unique))
                alive[unique] = False
            if size < largest:
                current[subset] = alive
        tally.add(size, found)
        if not current:
            break
        previous = current
    return tally.result()


class _Tally:
    """Adds the minimal sample uniques up, one size at a time."""

    def __init__(self, single: BoolArray, m: int, largest: int, weights: FloatArray) -> None:
        u = len(single)
        self.row = np.cumsum(single, dtype=np.int64) - 1
        self.weights = weights
        self.score = np.zeros(u)
        self.msus = np.zeros(u, dtype=np.int64)
        self.smallest = np.zeros(u, dtype=np.int64)
        self.by_attribute = np.zeros((m, int(single.sum())))
        self.sizes = dict.fromkeys(range(1, largest + 1), 0)

    def add(self, size: int, found: Sequence[tuple[tuple[int, ...], IntArray]]) -> None:
        """Add the uniques of one size: pairs of subset and patterns unique on it."""
        if not found:
            return
        every = np.bincount(np.concatenate([rows for _, rows in found]), minlength=len(self.msus))
        self.sizes[size] = int(every.sum())
        self.score += self.weights[size] * every
        self.msus += every
        self.smallest[(self.smallest == 0) & (every > 0)] = size
        for j in range(len(self.by_attribute)):
            holding = [self.row[rows] for subset, rows in found if j in subset]
            if holding:
                held = np.bincount(np.concatenate(holding), minlength=self.by_attribute.shape[1])
                self.by_attribute[j] += self.weights[size] * held

    def result(self) -> MinimalUniques:
        """Return what was added."""
        return MinimalUniques(
            self.score, self.msus, self.smallest, self.sizes, self.row, self.by_attribute.T
        )


def _alive(
    previous: dict[tuple[int, ...], BoolArray],
    subset: tuple[int, ...],
    columns: Sequence[npt.NDArray[Any]],
) -> BoolArray | None:
    """Patterns that have all values of the subset and are unique on no part of it."""
    if len(subset) == 1:
        return columns[subset[0]] >= 0
    parts = [previous.get(subset[:i] + subset[i + 1 :]) for i in range(len(subset))]
    if any(part is None for part in parts):
        return None
    alive: BoolArray = parts[0] & parts[1]  # type: ignore[operator]
    for part in parts[2:]:
        alive &= part  # type: ignore[arg-type]
    return alive


def _narrow(column: npt.NDArray[Any], cardinality: int) -> npt.NDArray[Any]:
    """Codes in the narrowest signed type: the search reads them many times."""
    for kind in (np.int8, np.int16, np.int32):
        if cardinality <= np.iinfo(kind).max:
            return column.astype(kind)
    return column.astype(np.int64)


def _lonely(codes: Sequence[npt.NDArray[Any]], cardinalities: Sequence[int]) -> BoolArray:
    """Mark the rows whose combination no other row has."""
    n = len(codes[0])
    key, capacity = pack(codes, cardinalities, n)
    if capacity <= _COUNTING_FACTOR * n:
        return _single_keys(key, capacity)
    bits = max(n - 1, 1).bit_length()
    if capacity.bit_length() + bits > 63:
        key, capacity = np.unique(key, return_inverse=True)[1], n
        return _single_keys(key, capacity)
    packed = key << bits
    packed |= np.arange(n)
    packed.sort()
    ordered = packed >> bits
    packed &= (1 << bits) - 1
    differs = np.empty(n + 1, dtype=bool)
    differs[0] = differs[-1] = True
    np.not_equal(ordered[1:], ordered[:-1], out=differs[1:-1])
    lonely = np.zeros(n, dtype=bool)
    lonely[packed[differs[1:] & differs[:-1]]] = True
    return lonely


def _single_keys(key: IntArray, capacity: int) -> BoolArray:
    counts = np.bincount(key, minlength=capacity)
    once: BoolArray = counts[key] == 1
    return once
