"""What a group of values loses: the mean distance of two of its members.

A group that holds close values loses little, one that holds all of them loses all. The loss of
an attribute at a level is the mean distance inside a group over the mean distance of all.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def _pairs(group: Ints, at: Floats, count: Floats, groups: int) -> tuple[Floats, Floats]:
    """Return the records of each group and the sum of distances over its ordered pairs."""
    order = np.lexsort((at, group))
    g, x, n = group[order], at[order], count[order]
    records = np.cumsum(n) - n
    sums = np.cumsum(n * x) - n * x
    first = np.searchsorted(g, np.arange(groups))
    first = np.minimum(first, len(g) - 1)
    each = n * (x * (records - records[first][g]) - (sums - sums[first][g]))
    total = np.bincount(g, weights=n, minlength=groups).astype(np.float64)
    apart = 2.0 * np.bincount(g, weights=each, minlength=groups).astype(np.float64)
    return total, apart


@dataclass(frozen=True, kw_only=True)
class Spread:
    """The values of one attribute with their distances.

    Parameters
    ----------
    count : ndarray of float64, shape (V,)
        Records of each value.
    at : ndarray of float64, shape (V,), optional
        Place of each value on its scale, NaN where it has none; None for names, of which two
        are alike or not.
    """

    count: Floats
    at: Floats | None = None

    def whole(self) -> float:
        """Return the mean distance of two records, drawn with repetition."""
        return self._whole

    @cached_property
    def _whole(self) -> float:
        n = self.count.sum()
        if not n:
            return 0.0
        if self.at is None:
            return float(1 - ((self.count / n) ** 2).sum())
        known = np.isfinite(self.at)
        some = self.count[known].sum() / n
        return float(self._known * some * (2 - some))

    @cached_property
    def _known(self) -> float:
        """Return the mean distance of two records whose place is known."""
        assert self.at is not None  # noqa: S101 - only asked of an ordered attribute
        known = np.isfinite(self.at) & (self.count > 0)
        if not known.any():
            return 0.0
        one = np.zeros(int(known.sum()), dtype=np.int64)
        total, pairs = _pairs(one, self.at[known], self.count[known], 1)
        return float(pairs[0] / total[0] ** 2)

    def shares(self, group: Ints) -> Floats:
        """Return what each value loses in its group, as a share of losing it altogether.

        Parameters
        ----------
        group : ndarray of int64, shape (V,)
            Group of each value, dense.

        Returns
        -------
        ndarray of float64, shape (V,)
            0 where a group holds one value; above 1 where a group is wider than the whole. A
            value without a place loses all where its group holds others, as they do.

        Examples
        --------
        >>> ages = Spread(count=np.ones(4), at=np.array([30.0, 31.0, 50.0, 51.0]))
        >>> ages.shares(np.array([0, 0, 1, 1])).round(3).tolist()
        [0.049, 0.049, 0.049, 0.049]
        """
        whole = self.whole()
        if whole <= 0 or not len(group):
            return np.zeros(len(group))
        groups = int(group.max()) + 1
        total = np.bincount(group, weights=self.count, minlength=groups)
        filled = np.maximum(total, 1e-30)
        if self.at is None:
            squares = np.bincount(group, weights=self.count**2, minlength=groups)
            inside = 1 - squares / filled**2
        else:
            known = np.isfinite(self.at)
            inside = np.zeros(groups)
            if known.any():
                n, pairs = _pairs(group[known], self.at[known], self.count[known], groups)
                inside = pairs / np.maximum(n, 1e-30) ** 2
            blank = np.bincount(group[~known], weights=self.count[~known], minlength=groups)
            share = np.where(total > 0, 1 - blank / filled, 1.0)
            inside = inside * share**2 + self._known * 2 * share * (1 - share)
        return np.asarray((np.maximum(inside, 0.0) / whole)[group], dtype=np.float64)

    def loss(self, group: Ints) -> float:
        """Return the loss of the attribute at a level, 0 at exact values and 1 when removed."""
        n = self.count.sum()
        return float((self.count * self.shares(group)).sum() / n) if n else 0.0


def variance_between(x: Floats, group: Ints) -> float:
    """Return the share of a variance (R2) that lies between groups, 1 where there is none.

    Parameters
    ----------
    x : ndarray of float64, shape (n,)
    group : ndarray of int64, shape (n,)
        Dense.

    Examples
    --------
    >>> variance_between(np.array([30.0, 40.0, 60.0, 70.0]), np.array([0, 0, 1, 1]))
    0.9
    """
    if not len(x):
        return 1.0
    mean = np.bincount(group, weights=x) / np.maximum(np.bincount(group), 1)
    whole = float(((x - x.mean()) ** 2).sum())
    inside = float(((x - mean[group]) ** 2).sum())
    return 1 - inside / whole if whole > 0 else 1.0
