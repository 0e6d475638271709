"""Visits as a quasi-identifier: what an attacker learns who knows m visits of a subject.

A subject's history is a set of items (a day, or a day with what was done). An attacker
who knows m of them keeps the subjects whose history contains all of them; their number is
the *support*, and the risk of a subject is one over the smallest support of any m of their
own items (k^m-anonymity).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from midi_risk.errors import MeasureError
from midi_risk.risk.trajectory_support import Histories, full_support, greedy_support

Codes = NDArray[np.int64]
_BATCH = 4_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownVisits:
    """Risk of subjects whose attacker knows some visits.

    Parameters
    ----------
    m : int or "all"
        Visits that are known (all of a shorter history).
    support : numpy.ndarray
        Smallest number of subjects who share any m items of the subject, int64, shape
        (n,). A subject without visits has n.
    exact : numpy.ndarray
        Whether the support is the smallest, bool, shape (n,); where it is not, the risk is
        a lower bound.
    """

    m: int | Literal["all"]
    support: Codes
    exact: NDArray[np.bool_]

    @property
    def risk(self) -> NDArray[np.float64]:
        """One over the support, shape (n,)."""
        return 1 / self.support

    @property
    def kind(self) -> Literal["exact", "bound"]:
        """``bound`` when any value is a lower bound of the risk."""
        return "exact" if bool(self.exact.all()) else "bound"


def visit_items(
    subject: ArrayLike,
    day: ArrayLike,
    *,
    what: ArrayLike | None = None,
    anchor: Literal["absolute", "first-visit"] = "absolute",
    bin_days: int = 1,
) -> Codes:
    """Return the item of every visit as an integer code.

    Parameters
    ----------
    subject : array_like of int
        Row number of the subject of each visit, shape (v,).
    day : array_like of int
        Day of each visit, shape (v,).
    what : array_like of int, optional
        Code of modality, body part, scanner... of each visit, shape (v,).
    anchor : {"absolute", "first-visit"}
        Calendar days, or days since the subject's first visit.
    bin_days : int
        1, 7 or 30: days of one bin.

    Returns
    -------
    numpy.ndarray
        Codes, equal where items are equal, shape (v,).

    Examples
    --------
    >>> visit_items([0, 0, 1, 1], [5, 12, 100, 107], anchor="first-visit").tolist()
    [0, 1, 0, 1]
    """
    who, when = _visits(subject, day)
    if bin_days < 1:
        raise MeasureError("a bin has at least one day")
    if anchor == "first-visit":
        when = when - _first_day(who, when)[who]
    bins = np.floor_divide(when, bin_days)
    codes = _renumbered(bins)
    if what is None:
        return codes
    kinds = _renumbered(np.asarray(what))
    joined = codes * (int(kinds.max(initial=0)) + 1) + kinds
    return _renumbered(joined)


def _renumbered(values: NDArray[np.generic]) -> Codes:
    """Return 0, 1, 2... in the order of the values."""
    return np.asarray(np.unique(values, return_inverse=True)[1], dtype=np.int64)


def _visits(subject: ArrayLike, day: ArrayLike) -> tuple[Codes, Codes]:
    who, when = np.asarray(subject), np.asarray(day)
    if who.shape != when.shape or who.ndim != 1:
        raise MeasureError("every visit needs one subject and one value")
    who, when = who.astype(np.int64), when.astype(np.int64)
    if who.size and who.min() < 0:
        raise MeasureError("a visit's subject is a row number")
    return who, when


def _first_day(who: Codes, when: Codes) -> Codes:
    first = np.full(int(who.max(initial=-1)) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, who, when)
    return first


def known_visits_risk(
    subject: ArrayLike,
    item: ArrayLike,
    m: int | Literal["all"],
    *,
    n_subjects: int | None = None,
) -> KnownVisits:
    """Return the smallest support of any m items of each subject.

    Parameters
    ----------
    subject : array_like of int
        Row number of the subject of each visit, shape (v,).
    item : array_like of int
        Item of each visit (`visit_items`), shape (v,); repeats count once.
    m : int or "all"
        Items that the attacker knows.
    n_subjects : int, optional
        Subjects, also those without visits; the largest row number + 1 by default.

    Returns
    -------
    KnownVisits
        Exact for m up to 3 and for ``"all"``. Beyond 3 the support comes from a greedy
        choice of items, so the risk is a lower bound; it is marked exact where it meets
        the support of all items, which no m items can go below.

    Raises
    ------
    MeasureError
        When m is below 1 or the arrays do not fit.

    References
    ----------
    Terrovitis, Mamoulis, Kalnis, Privacy-preserving anonymization of set-valued data,
    PVLDB 2008, doi:10.14778/1453856.1453874.

    Examples
    --------
    >>> subject = [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3]
    >>> months = [0, 3, 6, 0, 3, 9, 0, 6, 9, 0, 3, 6, 9]
    >>> known_visits_risk(subject, months, 2).risk.tolist()
    [0.5, 0.5, 0.5, 0.5]
    >>> known_visits_risk(subject, months, 3).risk.tolist()
    [0.5, 0.5, 0.5, 1.0]
    """
    if m != "all" and (not isinstance(m, int | np.integer) or m < 1):
        raise MeasureError("an attacker knows at least one visit", hint="Give 1, 2, 3 or 'all'")
    who, what = _visits(subject, item)
    n = int(who.max(initial=-1)) + 1 if n_subjects is None else n_subjects
    if who.size and who.max() >= n:
        raise MeasureError("a visit belongs to no subject of the table")
    histories = Histories.of(who, what, n)
    if m == "all":
        return KnownVisits(m="all", support=full_support(histories), exact=np.ones(n, dtype=bool))
    support = _exact(histories, min(int(m), 3))
    exact = np.ones(n, dtype=bool)
    longer = histories.lengths > 3
    if m > 3 and longer.any():
        rows = np.flatnonzero(longer & (support > 1))
        least = full_support(histories, rows)
        found = greedy_support(histories, rows, int(m))
        support[rows] = np.minimum(support[rows], found)
        exact[rows] = support[rows] == least
        short = rows[histories.lengths[rows] <= m]
        support[short] = least[np.searchsorted(rows, short)]
        exact[short] = True
    return KnownVisits(m=int(m), support=support, exact=exact)


def _exact(histories: Histories, m: int) -> Codes:
    """Return the smallest support of min(m, length) items of every subject, m up to 3."""
    n = histories.n
    support = np.full(n, n, dtype=np.int64)
    if histories.items.size == 0:
        return support
    counts = np.bincount(histories.items)
    one = np.minimum.reduceat(counts[histories.items], histories.starts[histories.lengths > 0])
    support[histories.lengths > 0] = one
    # an item that only its own subject has can be in no other subject's combination
    alone = np.bincount(histories.owner[counts[histories.items] == 1], minlength=n) > 0
    kept = histories.keep(counts[histories.items] > 1)
    for size in range(2, m + 1):
        least = _combinations(kept, size)
        enough = kept.lengths >= size
        support[enough] = np.minimum(support[enough], least[enough])
    support[alone] = 1
    return support


def _combinations(histories: Histories, size: int) -> Codes:
    """Return the smallest support of any ``size`` items, in batches of bounded memory.

    Combinations are counted by their smallest item, a range of items at a time, so that
    all occurrences of a combination meet in one batch.
    """
    least = np.full(histories.n, np.iinfo(np.int64).max)
    n_items = int(histories.items.max(initial=-1)) + 1
    if n_items == 0:
        return least
    if float(n_items) ** size > 2**62:
        raise MeasureError("there are too many distinct visits", hint="Use bins of 7 or 30 days")
    position = np.arange(histories.items.size) - histories.starts[histories.owner]
    after = histories.lengths[histories.owner] - position - 1
    made = after if size == 2 else after * (after - 1) // 2
    per_item = np.cumsum(np.bincount(histories.items, weights=made, minlength=n_items))
    cuts = np.searchsorted(per_item, np.arange(_BATCH, per_item[-1] + _BATCH, _BATCH))
    edges = np.unique(np.concatenate([[0], np.minimum(cuts + 1, n_items), [n_items]]))
    by_item = np.argsort(histories.items, kind="stable")
    sorted_items = histories.items[by_item]
    for low, high in pairwise(edges.tolist()):
        span = slice(*np.searchsorted(sorted_items, [low, high]))
        starts = by_item[span]
        owners, keys = _batch(histories, starts, after[starts], size, n_items)
        if not owners.size:
            continue
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        new = np.concatenate([[True], ordered[1:] != ordered[:-1]])
        run = np.diff(np.append(np.flatnonzero(new), ordered.size))
        count = np.empty(ordered.size, dtype=np.int64)
        count[order] = np.repeat(run, run)
        by_owner = np.argsort(owners, kind="stable")
        sorted_owners = owners[by_owner]
        begin = np.flatnonzero(np.concatenate([[True], sorted_owners[1:] != sorted_owners[:-1]]))
        found = np.minimum.reduceat(count[by_owner], begin)
        whose = sorted_owners[begin]
        least[whose] = np.minimum(least[whose], found)
    return least


def _batch(
    histories: Histories, starts: Codes, after: Codes, size: int, n_items: int
) -> tuple[Codes, Codes]:
    """Return owner and key of every combination whose smallest item begins at ``starts``."""
    owners, keys = [], []
    for left in np.unique(after[after >= size - 1]).tolist():
        at = starts[after == left]
        steps = np.array(list(combinations(range(1, left + 1), size - 1)), dtype=np.int64)
        key = np.repeat(histories.items[at], len(steps))
        for column in steps.T:
            key = key * n_items + histories.items[(at[:, None] + column[None, :]).ravel()]
        keys.append(key)
        owners.append(np.repeat(histories.owner[at], len(steps)))
    if not keys:
        empty = np.empty(0, dtype=np.int64)
        return empty, empty
    return np.concatenate(owners), np.concatenate(keys)
