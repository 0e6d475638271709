"""Risk of every subset of quasi-identifiers."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from midi_risk.errors import MeasureError

Statistic = Literal["max", "mean", "at_risk"]

_KEPT = 20_000_000


class SubsetRisk:
    """Risk of every subset of attributes, from class codes that grow one column at a time.

    Parameters
    ----------
    codes : array_like of int
        Codes of the attributes, shape (n, q); equal codes are equal values, missing is a
        value of its own (any code, such as -1).
    statistic : {"max", "mean", "at_risk"}
        ``1 / smallest class``, ``classes / n``, or share of subjects in classes below k.
    k : int
        Class size that is required, for ``at_risk``.
    """

    def __init__(self, codes: ArrayLike, *, statistic: Statistic = "mean", k: int = 11) -> None:
        table = np.asarray(codes, dtype=np.int64)
        if table.ndim != 2 or len(table) == 0:
            raise MeasureError("contributions need at least one subject and one attribute")
        columns = [np.unique(column, return_inverse=True)[1] for column in table.T]
        whole = _join(np.zeros(len(table), dtype=np.int64), columns)
        _, first, self._weight = np.unique(whole, return_index=True, return_counts=True)
        self._columns = [np.asarray(column[first], dtype=np.int64) for column in columns]
        self._n = len(table)
        self._statistic, self._k = statistic, k
        self._codes: dict[tuple[int, ...], NDArray[np.int64]] = {
            (): np.zeros(len(first), dtype=np.int64)
        }

    def __call__(self, subset: tuple[int, ...]) -> float:
        """Return the risk of an ascending tuple of attribute numbers."""
        code = self._code(subset)
        sizes = np.bincount(code, weights=self._weight)
        if self._statistic == "mean":
            return len(sizes) / self._n
        if self._statistic == "max":
            return float(1 / sizes.min())
        return float(sizes[sizes < self._k].sum() / self._n)

    def _code(self, subset: tuple[int, ...]) -> NDArray[np.int64]:
        found = self._codes.get(subset)
        if found is None:
            found = _join(self._code(subset[:-1]), [self._columns[subset[-1]]])
            if len(self._codes) * found.size < _KEPT:
                self._codes[subset] = found
        return found


def _join(code: NDArray[np.int64], columns: list[NDArray[np.intp]]) -> NDArray[np.int64]:
    """Return codes 0, 1, 2... of the pairs of a code and each further column."""
    for column in columns:
        joined = code * (int(column.max(initial=0)) + 1) + column
        top = int(joined.max(initial=0)) + 1
        if top <= 4 * joined.size + 1024:  # a table of the pairs beats sorting them
            present = np.zeros(top, dtype=np.int64)
            present[joined] = 1
            code = (np.cumsum(present) - 1)[joined]
        else:
            code = np.asarray(np.unique(joined, return_inverse=True)[1], dtype=np.int64)
    return code
