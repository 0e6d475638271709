"""Classes when an unknown value may be any value: the counting of the judge, at every node.

Under ``wildcard`` a record has a size but the records are not divided among classes, and leaving
one out lowers the size of those who match it. What has to be left out is therefore found by
peeling: everybody whose size is too small goes, which may make others too small, until nobody is.
What stays is the largest set in which everybody is large enough, whatever the order, because a
size never grows when somebody leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from midi_risk.recode.lattice.lattice import Lattice
from midi_risk.risk.classes.wildcard import cautious_sizes, wildcard_sizes

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


class Matching:
    """Matched sizes of the classes of one node.

    Parameters
    ----------
    patterns : ndarray of int64, shape (classes, columns)
        Codes of the columns that leave, -1 where unknown.
    counts : ndarray of int64, shape (classes,)
    policy : {"wildcard", "wildcard-cautious"}
    spend : callable
        Told how many cells were compared.
    """

    def __init__(
        self, patterns: Ints, counts: Ints, policy: str, spend: Callable[[int], None]
    ) -> None:
        self._patterns = patterns
        self._counts = counts
        self._policy = policy
        self._spend = spend
        self._partial = (patterns < 0).any(axis=1)

    def sizes(self, alive: Bools, *, symmetric: bool = False) -> Floats:
        """Return the matched size of each class among those that stay; 0 for the others.

        Parameters
        ----------
        alive : ndarray of bool, shape (classes,)
        symmetric : bool
            Let a record of which nothing is known add to everybody. Such sizes never fall when a
            level becomes coarser, so they bound those of the judge.
        """
        out = np.where(alive, self._counts, 0).astype(np.float64)
        if not (alive & self._partial).any():
            return out
        chosen = np.flatnonzero(alive)
        patterns, counts = self._patterns[chosen], self._counts[chosen]
        masks = len(np.unique(patterns < 0, axis=0))
        self._spend(patterns.size * masks)
        weights = counts.astype(np.float64)
        if self._policy == "wildcard":
            found = wildcard_sizes(patterns, counts, weights, symmetric=symmetric)
        else:
            found = cautious_sizes(patterns, counts, weights)
        out[chosen] = found.sizes
        return out

    def too_small(self, k: float, failed: Bools, *, symmetric: bool = False) -> Bools:
        """Return the classes to leave out so that everybody who stays has k matches.

        Parameters
        ----------
        k : float
        failed : ndarray of bool, shape (classes,)
            Classes that are left out already.
        symmetric : bool
            See `sizes`.
        """
        alive = ~failed
        while True:
            small = alive & (self.sizes(alive, symmetric=symmetric) < k)
            if not small.any():
                return ~alive
            alive &= ~small


class Unknowns:
    """Which codes of a lattice stand for unknown values.

    Parameters
    ----------
    lattice : Lattice
    policy : {"category", "wildcard", "wildcard-cautious"}

    Attributes
    ----------
    counted : bool
        Whether unknown values count otherwise than as a value of their own.
    spent : int
        Cells that were compared.
    """

    def __init__(self, lattice: Lattice, policy: str) -> None:
        self._lattice = lattice
        self.policy = policy
        some = any(None in attribute.labels[0] for attribute in lattice.attributes)
        self.counted = policy != "category" and some
        self.spent = 0

    def matching(
        self, steps: Sequence[int], sizes: Ints, field: Callable[[int, Ints], Ints]
    ) -> Matching:
        """Return the matched sizes of the classes of a node.

        Parameters
        ----------
        steps : sequence of int
        sizes : ndarray of int64, shape (classes,)
            Records in each class.
        field : callable
            Number of an axis and numbers of classes -> their codes on it.
        """
        classes = np.arange(len(sizes))
        columns = []
        for number, (axis, step) in enumerate(zip(self._lattice.axes, steps, strict=True)):
            codes = field(number, classes)
            for place, member in enumerate(axis.members):
                attribute, level = self._lattice.attributes[member], axis.steps[step][place]
                labels = attribute.labels[level]
                if 0 < level == attribute.levels - 1 and len(labels) == 1:
                    continue  # the column does not leave
                held = axis.member_codes[step][place][codes]
                columns.append(np.where(held == _unknown(labels), -1, held))
        patterns = np.stack(columns, axis=1) if columns else np.zeros((len(classes), 0), np.int64)
        return Matching(patterns, sizes, self.policy, self._spend)

    def _spend(self, cells: int) -> None:
        self.spent += cells


def _unknown(labels: Sequence[Any]) -> int:
    """Return the code of a missing value, one that does not occur when none is missing."""
    return labels.index(None) if None in labels else -2
