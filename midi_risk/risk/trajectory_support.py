"""Support of whole histories, and of greedily chosen parts of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]
_BITSET_BYTES = 400_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Histories:
    """Distinct items of each subject, sorted by subject and item.

    Parameters
    ----------
    owner, items : numpy.ndarray
        Subject and item (0, 1, 2...) of each entry, shape (e,).
    starts, lengths : numpy.ndarray
        First entry and number of entries of each subject, shape (n,).
    n : int
        Subjects.
    """

    owner: Codes
    items: Codes
    starts: Codes
    lengths: Codes
    n: int

    @classmethod
    def of(cls, who: Codes, item: Codes, n: int) -> Histories:
        """Return the histories of visits, repeats dropped, items renumbered.

        Parameters
        ----------
        who, item : numpy.ndarray
            Subject and item of each visit, shape (v,).
        n : int
            Subjects.
        """
        codes = np.unique(item, return_inverse=True)[1].astype(np.int64).ravel()
        width = int(codes.max(initial=0)) + 1
        packed = np.unique(who * width + codes)
        owner, items = np.divmod(packed, width)
        return cls._packed(owner, items, n)

    @classmethod
    def _packed(cls, owner: Codes, items: Codes, n: int) -> Histories:
        lengths = np.bincount(owner, minlength=n).astype(np.int64)
        starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)
        return cls(owner=owner, items=items, starts=starts[:n], lengths=lengths, n=n)

    def keep(self, which: NDArray[np.bool_]) -> Histories:
        """Return the histories with some entries only, items renumbered.

        Parameters
        ----------
        which : numpy.ndarray
            Entries to keep, bool, shape (e,).
        """
        items = np.unique(self.items[which], return_inverse=True)[1].astype(np.int64).ravel()
        return self._packed(self.owner[which], items, self.n)

    def of_subject(self, row: int) -> Codes:
        """Return the items of one subject, ascending."""
        return self.items[self.starts[row] : self.starts[row] + self.lengths[row]]


class _Postings:
    """Which subjects have an item: as bit sets when they fit, as sorted lists otherwise."""

    def __init__(self, histories: Histories) -> None:
        n_items = int(histories.items.max(initial=-1)) + 1
        order = np.argsort(histories.items, kind="stable")
        self.subjects = histories.owner[order]
        self.counts = np.bincount(histories.items, minlength=n_items)
        self.starts = np.concatenate([[0], np.cumsum(self.counts)])
        self.bits: NDArray[np.uint8] | None = None
        if n_items * ((histories.n + 7) // 8) <= _BITSET_BYTES:
            self.bits = np.zeros((n_items, (histories.n + 7) // 8), dtype=np.uint8)
            mask = np.left_shift(1, histories.owner % 8).astype(np.uint8)
            np.bitwise_or.at(self.bits, (histories.items, histories.owner // 8), mask)

    def listed(self, item: int) -> Codes:
        """Return the subjects who have an item, ascending."""
        return np.asarray(self.subjects[self.starts[item] : self.starts[item + 1]])

    def having(self, subjects: Codes, item: int) -> Codes:
        """Return those of ``subjects`` who have an item."""
        if self.bits is not None:
            found = (self.bits[item, subjects // 8] >> (subjects % 8).astype(np.uint8)) & 1
            return np.asarray(subjects[found.astype(bool)])
        listed = self.listed(item)
        place = np.searchsorted(listed, subjects)
        place[place == len(listed)] = 0
        return np.asarray(subjects[listed[place] == subjects])


def full_support(histories: Histories, rows: Codes | None = None) -> Codes:
    """Return the number of subjects whose history contains all items of each subject.

    Parameters
    ----------
    histories : Histories
    rows : numpy.ndarray, optional
        Subjects to answer for; all by default.

    Returns
    -------
    numpy.ndarray
        int64, at least 1, shape (rows,); n for a subject without items.
    """
    rows = np.arange(histories.n) if rows is None else rows
    out = np.full(len(rows), histories.n, dtype=np.int64)
    if histories.items.size == 0 or not len(rows):
        return out
    postings = _Postings(histories)
    memo: dict[bytes, int] = {}
    for at, row in enumerate(rows.tolist()):
        items = histories.of_subject(row)
        if not items.size:
            continue
        key = items.tobytes()
        if key not in memo:
            memo[key] = _count(postings, items)
        out[at] = memo[key]
    return out


def _count(postings: _Postings, items: Codes) -> int:
    """Return how many subjects have all of these items, rarest item first."""
    ordered = items[np.argsort(postings.counts[items], kind="stable")].tolist()
    rarest = int(postings.counts[ordered[0]])
    if rarest == 1:
        return 1
    if postings.bits is not None and rarest > postings.bits.shape[1]:
        common = np.bitwise_and.reduce(postings.bits[ordered], axis=0)
        return int(np.bitwise_count(common).sum())
    left = postings.listed(ordered[0])
    for item in ordered[1:]:
        if len(left) == 1:
            break
        left = postings.having(left, item)
    return len(left)


def greedy_support(histories: Histories, rows: Codes, m: int) -> Codes:
    """Return the support of m items of each subject, chosen one after another.

    Each next item is the one that leaves the fewest subjects, so the support is an upper
    bound of the smallest support and one over it a lower bound of the risk.

    Parameters
    ----------
    histories : Histories
    rows : numpy.ndarray
        Subjects to answer for.
    m : int
        Items that are chosen, at most the length of the history.

    Returns
    -------
    numpy.ndarray
        int64, shape (rows,).
    """
    out = np.full(len(rows), histories.n, dtype=np.int64)
    if not len(rows):
        return out
    postings = _Postings(histories)
    memo: dict[bytes, int] = {}
    for at, row in enumerate(rows.tolist()):
        items = histories.of_subject(row)
        key = items.tobytes()
        if key not in memo:
            memo[key] = _greedy(postings, items, m, histories.n)
        out[at] = memo[key]
    return out


def _greedy(postings: _Postings, items: Codes, m: int, n: int) -> int:
    if not items.size:
        return n
    first = int(items[np.argmin(postings.counts[items])])
    left = postings.listed(first)
    open_items = [item for item in items.tolist() if item != first]
    for _ in range(min(m, len(items)) - 1):
        if len(left) == 1:
            break
        kept = [postings.having(left, item) for item in open_items]
        best = min(range(len(kept)), key=lambda at: len(kept[at]))
        left = kept[best]
        del open_items[best]
    return len(left)
