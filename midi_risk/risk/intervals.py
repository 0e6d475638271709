"""Intervals between visits: vectors that a shift of the dates leaves as they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from midi_risk.errors import MeasureError

Codes = NDArray[np.int64]


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
