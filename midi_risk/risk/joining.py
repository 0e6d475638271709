"""Two tables in one numbering, so that equal records get equal codes."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from midi_risk.risk.columns import CodedColumn, IntArray, read_columns
from midi_risk.risk.packing import dense, pack


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
