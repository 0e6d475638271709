"""What a cut saves of the extent of the sets that classes show: granularity, or NCP.

The extent of a set is that of the normalised certainty penalty (Xu et al. 2006,
doi:10.1145/1150402.1150504): the width of a band over that of all values, the further names of a
set over all further names.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Extent:
    """The sets that one attribute can show, and what their extent costs.

    Parameters
    ----------
    weight : float
        Share of the attribute in what a plan loses.
    cells : int
        Number of cells, the missing one included.
    known : int
        Number of known cells.
    edge : ndarray of float64, shape (known + 1,)
        Where each known cell begins and the last one ends; empty for names.
    groups : ndarray of float64, shape (groups, known)
        1 for the cells of each group of the ladder, smallest first; for names.
    listed, excepted : int
        How many values a set lists, and how many it names when it shows all others.
    of_files : bool
        Whether nothing is shown where a record has no value.
    """

    weight: float
    cells: int
    known: int
    edge: Floats
    groups: Floats
    listed: int
    excepted: int
    of_files: bool

    def of_line(self, m: Floats, missing: Floats) -> Floats:
        """Return what each line saves.

        Parameters
        ----------
        m : ndarray of float64, shape (classes, known)
            Records by known cell.
        missing : ndarray of float64, shape (classes,)
            Records without a value; they lie behind the last line.
        """
        has = m > 0
        cell = np.arange(self.known)
        far = np.where(has, cell, -1)
        last_left = np.maximum.accumulate(far, axis=1)
        near = np.where(has, cell, self.known)[:, ::-1]
        first = np.minimum.accumulate(near, axis=1)[:, ::-1]
        first_right = np.concatenate([first[:, 1:], np.full((len(m), 1), self.known)], axis=1)
        begin, end = first[:, :1], last_left[:, -1:]
        upto = np.cumsum(m, axis=1)
        over = upto[:, -1:] - upto
        blank = missing[:, None]
        whole = self._between(begin, end) * (upto[:, -1:] + blank)
        left = self._between(begin, last_left) * upto
        right = self._between(first_right, end) * (over + blank)
        if self.of_files:
            some = (blank > 0) & (upto[:, -1:] > 0)
            whole = np.where(some, upto[:, -1:] + blank, whole)
            right = np.where((blank > 0) & (over > 0), over + blank, right)
        return np.asarray((whole - left - right) * self.weight, dtype=np.float64)

    def _between(self, first: Ints, last: Ints) -> Floats:
        """Return the width from one cell to another, over that of all; 0 for one cell or none."""
        span = max(float(self.edge[-1] - self.edge[0]), 1e-30)
        high = self.edge[np.clip(last + 1, 0, self.known)]
        low = self.edge[np.clip(first, 0, self.known)]
        return np.where(last > first, np.minimum((high - low) / span, 1.0), 0.0)

    def of_group(self, m: Floats, group: Ints, inside: Floats) -> Floats:
        """Return what telling each group of cells from the rest saves.

        Parameters
        ----------
        m : ndarray of float64, shape (classes, cells)
            Records by cell.
        group : ndarray of int64, shape (cells,)
        inside : ndarray of float64, shape (classes, groups)
            Records of each group.
        """
        number = int(group.max(initial=-1)) + 1
        has = (m[:, : self.known] > 0).astype(np.float64)
        blank: Bools = np.asarray((m[:, self.known :] > 0).any(axis=1), dtype=bool)
        member = np.zeros((number, self.known))
        member[group[: self.known], np.arange(self.known)] = 1.0
        own = np.zeros(number, dtype=bool)
        own[group[self.known :]] = True
        count, held = has.sum(axis=1), has @ member.T
        outside = has @ (1.0 - self.groups).T
        parts = (member[:, None, :] * (1.0 - self.groups)[None]).reshape(-1, self.known)
        outside_held = (has @ parts.T).reshape(len(m), number, len(self.groups))
        n = m.sum(axis=1)
        with_blank = blank[:, None] & own
        whole = self._set(count, outside, blank) * n
        apart = self._set(held, outside_held, with_blank) * inside
        rest = self._set(
            count[:, None] - held, outside[:, None, :] - outside_held, blank[:, None] & ~own
        )
        saved = whole[:, None] - apart - rest * (n[:, None] - inside)
        return np.asarray(saved * self.weight, dtype=np.float64)

    def _set(self, count: Floats, outside: Floats, blank: Bools) -> Floats:
        """Return the extent of the set that is shown of so many cells.

        ``outside`` counts those of the cells that lie outside each group of the ladder.
        """
        shown = np.full(count.shape, float(self.known))
        for number in range(len(self.groups) - 1, -1, -1):
            size = float(self.groups[number].sum())
            shown = np.where(outside[..., number] == 0, size, shown)
        shown = np.where(count <= max(1, self.listed), np.minimum(shown, count), shown)
        if self.excepted:
            most = self.known - self.excepted
            shown = np.where((count >= most) & (count < self.known), count, shown)
        hides = (blank & (count > 0)) if self.of_files else np.zeros(count.shape, dtype=bool)
        gone = (shown >= self.known) & (count > 1)
        told = np.maximum(shown + blank - 1.0, 0.0) / max(1, self.cells - 1)
        return np.where(hides | gone, 1.0, np.minimum(told, 1.0))
