"""Visits as a quasi-identifier: what an attacker learns who knows m visits of a subject.

A subject's history is a set of items (a day, or a day with what was done). An attacker
who knows m of them keeps the subjects whose history contains all of them; their number is
the *support*, and the risk of a subject is one over the smallest support of any m of their
own items (k^m-anonymity). Beyond three visits a greedy choice gives it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from midi_risk.attributes.model import Attribute, Decision
from midi_risk.errors import MeasureError
from midi_risk.table.model import SubjectTable
from midi_risk.table.subjects import VISIT_DATES

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


KNOWN: tuple[int | Literal["all"], ...] = (1, 2, 3, "all")
"""Numbers of known visits that are reported side by side."""

COARSER = (7, 30)
"""Bins that are shown beside the resolution of the release, when they are coarser."""

BIN_DAYS = {"week": 7, "month": 30, "quarter": 91, "year": 365}
"""Days that a generalisation level of a date leaves apart."""


def released_bin(study_date: Attribute | None) -> int | None:
    """Return the resolution in days that the release leaves, None when dates are removed.

    Parameters
    ----------
    study_date : Attribute or None
        The attribute that says when a visit was.
    """
    if study_date is None or study_date.decision is None:
        return 1
    if study_date.decision is Decision.REMOVE:
        return None
    if study_date.decision is Decision.GENERALISE:
        return BIN_DAYS.get(str(study_date.generalise_to), 1)
    return 1


def visit_resolution(table: SubjectTable) -> int | None:
    """Return the finest resolution in days of the dates that state visits.

    Parameters
    ----------
    table : SubjectTable
        As it would be released.

    Returns
    -------
    int or None
        None when none of these dates is released, or there are no visits.

    Notes
    -----
    Each DICOM date of a visit that stays in the release tells its days: removing StudyDate
    alone removes nothing while AcquisitionDate stays.
    """
    stating = [a for a in table.attributes if a.name == table.visit_dates]
    if stating and table.visit_dates in VISIT_DATES:
        stating += [
            a
            for a in table.attributes
            if a.keyword in VISIT_DATES
            and a.source == stating[0].source
            and table.distinct.get(a.name, (0, 0))[0] > 0
        ]
    stating += [a for a in table.attributes if a.name in table.visit_family]
    bins = [days for days in map(released_bin, stating) if days is not None]
    return min(bins, default=None)


def interval_row(
    intervals: pd.DataFrame, n: int, known: Sequence[int | Literal["all"] | None]
) -> dict[str, Any] | None:
    """Return the risk of who knows times between events that columns state.

    Parameters
    ----------
    intervals : pandas.DataFrame
        Columns ``subject``, ``column`` and ``value``, distinct.
    n : int
        Subjects.
    known : sequence of int, "all" or None
        How many of them each adversary knows, as for `governing_row`.

    Returns
    -------
    dict or None
        ``m``, ``max``, ``mean``, ``unique``, ``subjects`` (with a value), ``columns`` and
        ``kind``; None when nobody has a value.

    Notes
    -----
    Each value of a column is an item, and the risk is that of the items of a subject that are
    rarest together. Of subjects with more than thirty values on average all are taken as known:
    nobody knows more.

    Examples
    --------
    >>> days = pd.DataFrame({"subject": [0, 1, 2], "column": ["d"] * 3, "value": ["7", "7", "9"]})
    >>> row = interval_row(days, 3, [None])
    >>> row["max"], row["unique"], row["subjects"]
    (1.0, 1, 3)
    """
    if not len(intervals):
        return None
    subject = intervals["subject"].to_numpy(dtype=np.int64)
    item = intervals.groupby(["column", "value"], sort=False).ngroup().to_numpy(dtype=np.int64)
    several = np.bincount(subject, minlength=n) > 0
    m = KNOWN[_most(known)]
    if len(subject) > _MANY_ITEMS * int(several.sum()):
        m = "all"
    found = known_visits_risk(subject, item, m, n_subjects=n)
    support = found.support[several]
    return _rarest(support, m) | {
        "subjects": int(several.sum()),
        "columns": sorted(intervals["column"].unique()),
        "kind": found.kind,
    }


_MANY_ITEMS = 30


def _rarest(support: npt.NDArray[np.int64], m: int | Literal["all"]) -> dict[str, Any]:
    """Return the risk of the rarest of what is known, and how many share theirs with nobody."""
    return {
        "m": str(m),
        "max": float(1 / support.min()),
        "mean": float((1 / support).mean()),
        "unique": int((support == 1).sum()),
    }


def trajectory_rows(visits: pd.DataFrame, n: int, k: int, bin_days: int) -> list[dict[str, Any]]:
    """Return the risk for 1, 2, 3 and all known visits, as days since the first visit.

    Parameters
    ----------
    visits : pandas.DataFrame
        Columns ``subject`` and ``day``, distinct; ``modality`` and ``scanner`` (codes) where
        they are released.
    n : int
        Subjects.
    k : int
        A subject is at risk when fewer than k share what is known.
    bin_days : int
        Resolution of the release.

    Returns
    -------
    list of dict
        ``m``, ``max``, ``mean``, ``unique``, ``at_risk``, ``subjects`` (with two visits
        at least), ``bin_days``, ``known`` (``days``, ``days-modality``,
        ``days-modality-scanner``) and ``kind``; empty when no subject has two visits. The
        first four rows are the intervals at the resolution of the release, which govern;
        then follow coarser bins (a week, 30 days), and attackers who know the procedure.

    Notes
    -----
    Days since the first visit survive any constant shift of a subject's dates. A subject
    with one visit has no interval and is not among ``subjects``. Coarser bins say what a
    generalisation of the dates would bring.
    """
    subject = visits["subject"].to_numpy(dtype=np.int64)
    if not (np.bincount(subject, minlength=n) >= 2).any():
        return []
    sets = [(bin_days, "days"), *((b, "days") for b in COARSER if b > bin_days)]
    what: dict[str, npt.NDArray[np.int64] | None] = {"days": None}
    for column in ("modality", "scanner"):
        if column in visits.columns:
            name = f"{list(what)[-1]}-{column}"
            codes = visits[column].to_numpy(dtype=np.int64)
            before = what[list(what)[-1]]
            what[name] = codes if before is None else before * (int(codes.max()) + 1) + codes
            sets.append((bin_days, name))
    return [
        row
        for days, known in sets
        for row in _rows(subject, visits["day"].to_numpy(), what[known], n, k, days, known)
    ]


def _rows(
    subject: npt.NDArray[np.int64],
    day: npt.NDArray[np.int64],
    what: npt.NDArray[np.int64] | None,
    n: int,
    k: int,
    bin_days: int,
    known: str,
) -> list[dict[str, Any]]:
    """Return the rows of one resolution and one kind of knowledge."""
    several = np.bincount(subject, minlength=n) >= 2
    items = visit_items(subject, day, what=what, anchor="first-visit", bin_days=bin_days)
    rows = []
    for m in KNOWN:
        found = known_visits_risk(subject, items, m, n_subjects=n)
        support = found.support[several]
        rows.append(
            _rarest(support, m)
            | {
                "at_risk": int((support < k).sum()),
                "subjects": int(several.sum()),
                "bin_days": bin_days,
                "known": known,
                "kind": found.kind,
            }
        )
    return rows


def governing_row(
    rows: Sequence[dict[str, Any]], known: Sequence[int | Literal["all"] | None]
) -> dict[str, Any]:
    """Return the row of the adversary who knows most visits.

    Parameters
    ----------
    rows : sequence of dict
        From `trajectory_rows`; the first four are those of the release.
    known : sequence of int, "all" or None
        Visits that each adversary knows; None knows all, and so does, to be safe, who knows
        more visits than are reported one by one.
    """
    return rows[_most(known)]


def _most(known: Sequence[int | Literal["all"] | None]) -> int:
    """Return the place in `KNOWN` of the adversary who knows most."""
    return max(
        (KNOWN.index(m) if m in KNOWN else len(KNOWN) - 1 for m in known),
        default=len(KNOWN) - 1,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalClasses:
    """Subjects with the same vector of offsets from their first visit.

    Parameters
    ----------
    bin_days : int
        Days of one bin; 0 keeps only the number of visits.
    sizes : numpy.ndarray
        Subjects who share the vector of each subject, int64, shape (s,).
    subjects : numpy.ndarray
        Row numbers of these subjects (those with enough visits), shape (s,).
    """

    bin_days: int
    sizes: Codes
    subjects: Codes

    @property
    def unique_share(self) -> float | None:
        """Share of subjects with a vector of their own; None without subjects."""
        return float(np.mean(self.sizes == 1)) if self.sizes.size else None

    @property
    def average_risk(self) -> float | None:
        """Mean of one over the size; None without subjects."""
        return float(np.mean(1 / self.sizes)) if self.sizes.size else None


def _arrays(*given: ArrayLike) -> list[Codes]:
    arrays = [np.asarray(values).astype(np.int64) for values in given]
    if any(array.shape != arrays[0].shape or array.ndim != 1 for array in arrays):
        raise MeasureError("every visit needs one subject and one day")
    return arrays


def interval_uniqueness(
    subject: ArrayLike, day: ArrayLike, *, bin_days: int = 1, visits: int | None = None
) -> IntervalClasses:
    """Return how many subjects share each subject's vector of visit offsets.

    Shifting the dates of a subject by a constant leaves this vector as it is.

    Parameters
    ----------
    subject : array_like of int
        Row number of the subject of each visit, shape (v,).
    day : array_like of int
        Day of each visit, shape (v,); repeats of one day count once.
    bin_days : int
        Offsets are cut to bins of 1, 7 or 30 days; 0 looks at the number of visits only.
    visits : int, optional
        Only subjects with exactly this many visits; all subjects with one or more by
        default.

    Returns
    -------
    IntervalClasses

    Examples
    --------
    >>> same = interval_uniqueness([0, 0, 1, 1, 2, 2], [10, 40, 5, 35, 7, 90])
    >>> same.sizes.tolist(), round(same.unique_share, 3)
    ([2, 2, 1], 0.333)
    """
    who, when = _arrays(subject, day)
    if bin_days < 0:
        raise MeasureError("a bin has at least one day", hint="Give 1, 7, 30, or 0 for counts")
    empty = np.empty(0, dtype=np.int64)
    if not who.size:
        return IntervalClasses(bin_days=bin_days, sizes=empty, subjects=empty)
    order = np.lexsort((when, who))
    who, when = who[order], when[order]
    new = np.concatenate([[True], (who[1:] != who[:-1]) | (when[1:] != when[:-1])])
    who, when = who[new], when[new]
    begin = np.flatnonzero(np.concatenate([[True], who[1:] != who[:-1]]))
    lengths = np.diff(np.append(begin, who.size))
    place = np.arange(who.size) - np.repeat(begin, lengths)
    offsets = when - np.repeat(when[begin], lengths)
    bins = np.zeros_like(offsets) if bin_days == 0 else offsets // bin_days
    code = lengths.astype(np.int64)
    for position in range(1, int(lengths.max())):
        here = place == position
        column = np.full(len(begin), -1, dtype=np.int64)
        column[lengths > position] = bins[here]
        joined = code * (int(column.max()) + 2) + column + 1
        code = np.unique(joined, return_inverse=True)[1].astype(np.int64)
    chosen = np.ones(len(begin), dtype=bool) if visits is None else lengths == visits
    _, place_of, counts = np.unique(code[chosen], return_inverse=True, return_counts=True)
    return IntervalClasses(
        bin_days=bin_days, sizes=counts[place_of].astype(np.int64), subjects=who[begin][chosen]
    )
