"""One pass over the risky records: distances to all others, and the cell that goes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Column = npt.NDArray[np.int16] | npt.NDArray[np.int32]


class CellPass:
    """A table of codes, column by column, in which single cells are suppressed.

    Parameters
    ----------
    codes : ndarray of int64, shape (rows, keys)
        -1 where missing.
    order : sequence of int
        Keys, the one to suppress first at the head.
    alpha : float
        Share in which a missing value counts as a match.

    Attributes
    ----------
    changed : bool
        Whether a cell was suppressed.
    """

    def __init__(self, codes: Ints, order: Sequence[int], alpha: float) -> None:
        narrow = codes.max(initial=0) < np.iinfo(np.int16).max
        self._columns: list[Column] = [
            column.astype(np.int16) if narrow else column.astype(np.int32) for column in codes.T
        ]
        self._gaps = [bool((column < 0).any()) for column in self._columns]
        self._order = list(order)
        self._alpha = alpha
        self.changed = False

    def table(self) -> Ints:
        """Return the codes as they are now."""
        return np.stack(self._columns, axis=1).astype(np.int64)

    def _differs(self, key: int, value: int) -> Bools:
        """Return which rows have another value, present in both."""
        column = self._columns[key]
        out: Bools = column != value
        if self._gaps[key]:
            out &= column >= 0
        return out

    def _distances(self, row: int) -> npt.NDArray[np.uint8]:
        out = np.zeros(len(self._columns[0]), dtype=np.uint8)
        for key, column in enumerate(self._columns):
            value = int(column[row])
            if value >= 0:
                out += self._differs(key, value).view(np.uint8)
        return out

    def size(self, row: int) -> float:
        """Return how many records a record could be now."""
        apart = np.zeros(len(self._columns[0]), dtype=bool)
        for key, column in enumerate(self._columns):
            if column[row] >= 0:
                apart |= self._differs(key, int(column[row]))
        match = np.flatnonzero(~apart)
        rows = np.stack([column[match].astype(np.int64) for column in self._columns])
        missing = rows < 0
        own = np.array([column[row] for column in self._columns])
        if (own < 0).all():
            return float(len(self._columns[0]))
        gaps = missing.any(axis=0)
        silent = missing.all(axis=0)
        same = (rows == own[:, None]).all(axis=0)
        if not (own < 0).any():
            silent_share = 0.0 if len(own) > 1 else self._alpha
            partial = float((gaps & ~silent).sum()) * self._alpha
            return float((~gaps).sum()) + partial + silent_share * float(silent.sum())
        return float((same | ~gaps).sum()) + self._alpha * float((gaps & ~same).sum())

    def suppress(self, row: int) -> None:
        """Suppress one cell of a record: the first key in which its nearest others differ."""
        distance = self._distances(row)
        others = distance[distance > 0]
        present = [key for key in self._order if self._columns[key][row] >= 0]
        if not present:
            return
        chosen = present[0]
        if others.size:
            nearest = np.flatnonzero(distance == others.min())
            for key in present:
                there = self._columns[key][nearest]
                if ((there != self._columns[key][row]) & (there >= 0)).any():
                    chosen = key
                    break
        self._columns[chosen][row] = -1
        self._gaps[chosen] = True
        self.changed = True
