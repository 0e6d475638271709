"""Several code columns as one int64 key per record, and keys as groups.

Mixed radix packing and one plain sort count equivalence classes several times faster than a
hash join of columns. A key that would not fit 62 bits is made dense on the way, exactly. Two
tables can be put in one numbering, so that equal records get equal codes.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.risk.classes.columns import (
    CodedColumn,
    IntArray,
    read_columns,
    refuse_written_alike,
)

CAPACITY = 1 << 62
_COUNTING_FACTOR = 4


class Groups(NamedTuple):
    """Records grouped by key.

    `group_of_record` (n,) numbers the groups in the order of their keys; `sizes` (u,) counts the
    records of each.
    """

    group_of_record: IntArray
    sizes: IntArray


def pack(
    codes: Sequence[npt.NDArray[Any]], cardinalities: Sequence[int], n: int
) -> tuple[IntArray, int]:
    """Pack code columns into one key per record.

    Parameters
    ----------
    codes : sequence of numpy.ndarray of shape (n,)
        Non-negative integers, column j below ``cardinalities[j]``.
    cardinalities : sequence of int
        Number of codes of each column.
    n : int
        Number of records.

    Returns
    -------
    key : numpy.ndarray of shape (n,)
        Equal exactly where all codes are equal.
    capacity : int
        One more than the largest key possible.
    """
    key = np.zeros(n, dtype=np.int64)
    capacity = 1
    for column, cardinality in zip(codes, cardinalities, strict=True):
        radix = max(int(cardinality), 1)
        if capacity * radix >= CAPACITY:
            key, capacity = dense(key)
        key *= radix
        key += column
        capacity *= radix
    return key, capacity


def dense(key: IntArray) -> tuple[IntArray, int]:
    """Renumber keys 0..u-1, keeping equality.

    Parameters
    ----------
    key : numpy.ndarray of shape (n,)
        Any integers.

    Returns
    -------
    key : numpy.ndarray of shape (n,)
    capacity : int
        Number of distinct keys, at least 1.
    """
    values, inverse = np.unique(key, return_inverse=True)
    return inverse.astype(np.int64, copy=False), max(len(values), 1)


def group(key: IntArray, capacity: int) -> Groups:
    """Group records by key.

    Parameters
    ----------
    key : numpy.ndarray of shape (n,)
        From `pack`.
    capacity : int
        From `pack`.

    Returns
    -------
    Groups
    """
    n = len(key)
    if n == 0:
        return Groups(np.empty(0, np.int64), np.empty(0, np.int64))
    if capacity <= _COUNTING_FACTOR * n:
        counts = np.bincount(key, minlength=capacity)
        used = counts > 0
        number = np.cumsum(used, dtype=np.int64) - 1
        return Groups(number[key], counts[used])
    row_bits = (n - 1).bit_length()
    if capacity.bit_length() + row_bits <= 63:
        packed = key << row_bits
        packed |= np.arange(n)
        packed.sort()
        order = packed & ((1 << row_bits) - 1)
        packed >>= row_bits
        ordered = packed
    else:
        order = np.argsort(key, kind="stable")
        ordered = key[order]
    first = np.empty(n, dtype=bool)
    first[0] = True
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    starts = np.flatnonzero(first)
    sizes = np.diff(starts, append=n)
    group_of_record = np.empty(n, dtype=np.int64)
    group_of_record[order] = np.repeat(np.arange(len(starts)), sizes)
    return Groups(group_of_record, sizes)


def group_sizes(key: IntArray, capacity: int) -> IntArray:
    """Return the sizes of the groups alone, which is cheaper than `group`.

    Parameters
    ----------
    key : numpy.ndarray of shape (n,)
        From `pack`.
    capacity : int
        From `pack`.

    Returns
    -------
    numpy.ndarray of shape (u,)
        In the order of the keys.
    """
    n = len(key)
    if n == 0:
        return np.empty(0, np.int64)
    if capacity <= _COUNTING_FACTOR * n:
        counts = np.bincount(key, minlength=capacity)
        return counts[counts > 0]
    ordered = np.sort(key)
    starts = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    return np.diff(starts, prepend=0, append=n)


def first_records(groups: Groups) -> IntArray:
    """Return one record of each group, shape (u,)."""
    chosen = np.zeros(len(groups.sizes), dtype=np.int64)
    chosen[groups.group_of_record] = np.arange(len(groups.group_of_record))
    return chosen


def joint_codes(
    first: Any, second: Any, names: Sequence[Hashable]
) -> tuple[IntArray, IntArray, int]:
    """Give the combinations of values in either of two tables one numbering.

    Parameters
    ----------
    first, second : table
        Both with the named columns, written alike; a missing value equals a missing value.
    names : sequence of hashable
        Column names.

    Returns
    -------
    first, second : numpy.ndarray of shape (n,) and (m,)
        Number of each record's combination.
    size : int
        Number of combinations.
    """
    n, ours = read_columns(first, names)
    m, theirs = read_columns(second, names)
    codes, cards = [], []
    for own, other in zip(ours, theirs, strict=True):
        joint, labels = pd.factorize(np.concatenate([_objects(own), _objects(other)]))
        if len({type(label) for label in labels.tolist()}) > 1:
            refuse_written_alike(own.name, labels.tolist())
        split = own.cardinality
        codes.append(
            np.concatenate([_through(own, joint[:split]), _through(other, joint[split:])]) + 1
        )
        cards.append(len(labels) + 1)
    key, size = dense(pack(codes, cards, n + m)[0])
    return key[:n], key[n:], size


def _objects(column: CodedColumn) -> Any:
    labels = np.empty(len(column.labels), dtype=object)
    labels[:] = column.labels.tolist()
    return labels


def _through(column: CodedColumn, joint: IntArray) -> IntArray:
    numbered: IntArray = np.append(joint, -1)[column.codes.astype(np.int64)]
    return numbered


class Cells(NamedTuple):
    """Records of each (group, value) pair that occurs, and one of them."""

    group: IntArray
    value: IntArray
    total: IntArray
    first: IntArray


def cells_of(group: IntArray, value: IntArray, values: int) -> Cells:
    """Count the (group, value) pairs that occur.

    Parameters
    ----------
    group, value : numpy.ndarray of shape (n,)
        Non-negative integers.
    values : int
        One more than the largest value possible.

    Returns
    -------
    Cells
        Sorted by group, then value.
    """
    pairs, first, total = np.unique(group * values + value, return_index=True, return_counts=True)
    owner, held = np.divmod(pairs, values)
    return Cells(owner, held, total, first)
