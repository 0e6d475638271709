"""What every refinement of a class must hide.

A class that fails a criterion may consist of smaller classes that pass. If those hold the
share ``a`` of its records, their sensitive values have shares of at most ``b = 1 / a`` times
those of the class. When the admissible distributions form a convex set, the records of all of
them together are admissible too. How far from admissible a distribution under these caps is at
least falls with ``b`` and is convex, so Newton's method from ``b = 1`` never passes the
smallest ``b`` that admits one: ``1 - 1 / b`` is a share that no refinement can show.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import numpy as np
import numpy.typing as npt

from midi_risk.recode.classes_view import ClassView, SensitiveCounts

Floats = npt.NDArray[np.float64]
Gap = Callable[[Floats], tuple[Floats, Floats]]
ROUNDS = 3
SLACK = 1e-9


def least_hidden_share(
    counts: SensitiveCounts, gap_of: Callable[[SensitiveCounts], Gap], allowed: float = 0.0
) -> Floats:
    """Return the share of each class that any refinement of it must hide at least.

    Parameters
    ----------
    counts : SensitiveCounts
    gap_of : callable
        Returns, for counts, a function of the factor ``b`` of each class, shape (classes,): how
        far every distribution under ``b`` times the shares of the class is from admissible at
        least, and how fast that falls with ``b``, both of shape (classes,). Convex in ``b``.
    allowed : float
        Largest gap that is admissible.

    Returns
    -------
    ndarray, shape (classes,)
        Shares of the known values.
    """
    out = np.zeros(len(counts.known))
    missing, slope = gap_of(counts)(np.ones(len(out)))
    wanting = missing > allowed + SLACK
    if not wanting.any():
        return out
    missing, slope = missing[wanting], slope[wanting]
    gap = gap_of(counts.some(wanting))
    stretch = np.ones(len(missing))
    never = np.zeros(len(missing), dtype=bool)
    for turn in range(ROUNDS):
        short = missing > allowed + SLACK
        never |= short & (slope <= 0)
        moved = short & (slope > 0)
        if not moved.any():
            break
        stretch[moved] += (missing[moved] - allowed) / slope[moved]
        if turn < ROUNDS - 1:
            missing, slope = gap(stretch)
    out[wanting] = np.where(never, 1.0, (1.0 - 1.0 / stretch) * (1.0 - SLACK))
    return out


def of_records(view: ClassView, counts: SensitiveCounts, share: Floats) -> Floats:
    """Return shares of the known values of classes as shares of their records.

    A class without any known value fails, however it is refined.
    """
    known = counts.known / view.sizes[counts.classes]
    out: Floats = np.where(counts.known == 0, 1.0, share * known)
    return out


def capped_gap(counts: SensitiveCounts, caps: Floats, needed: float) -> Gap:
    """Return the gap of a criterion that caps the share of each value.

    Parameters
    ----------
    counts : SensitiveCounts
    caps : ndarray, shape (values,)
        Largest admissible share of each value.
    needed : float
        Sum of shares under the caps that a class must reach: 1, or less when part of the
        records may lie above them.
    """
    of_class, classes = counts.of_class, len(counts.known)
    cap = caps[counts.value]
    share: Floats = counts.count / counts.known[of_class]

    def gap(stretch: Floats) -> tuple[Floats, Floats]:
        reached = stretch[of_class] * share
        under = np.minimum(cap, reached)
        slope = np.where(reached < cap, share, 0.0)
        held = np.bincount(of_class, weights=under, minlength=classes).astype(np.float64)
        fall = np.bincount(of_class, weights=slope, minlength=classes).astype(np.float64)
        return needed - held, fall

    return gap


def share_under(view: ClassView, counts: SensitiveCounts, caps: Floats) -> Floats:
    """Return the share of the records of each class to hide so that values stay under caps."""
    share = least_hidden_share(counts, lambda some: capped_gap(some, caps, 1.0))
    return view.spread(counts, of_records(view, counts, share))


def smallest_capped(caps: Floats) -> int:
    """Return the fewest records whose shares can all stay under their caps.

    Parameters
    ----------
    caps : ndarray, shape (values,)

    Examples
    --------
    >>> smallest_capped(np.array([0.5, 0.3, 0.3]))
    4
    """
    if caps.sum() < 1.0 - SLACK:
        return 1
    return next(n for n in count(1) if np.floor(n * caps + SLACK).sum() >= n or n > 10_000)


def smallest_near(shares: Floats, apart: float) -> int:
    """Return the fewest records that can be so near to the shares of the whole table.

    Parameters
    ----------
    shares : ndarray, shape (values,)
    apart : float
        Largest total variation.

    Examples
    --------
    >>> smallest_near(np.array([0.5, 0.5]), 0.2)
    2
    """
    return next(n for n in count(1) if least_apart(shares, n) <= apart + SLACK or n > 10_000)


def least_apart(shares: Floats, records: int) -> float:
    """Return the smallest total variation between shares and those of so many records.

    Parameters
    ----------
    shares : ndarray, shape (values,)
    records : int
    """
    ideal = records * shares
    whole = np.floor(ideal + SLACK)
    left = round(records - float(whole.sum()))
    parts = np.sort(np.maximum(ideal - whole, 0.0))[::-1]
    return 1.0 - (float(whole.sum()) + float(parts[: max(left, 0)].sum())) / records
