"""Counts that may leave the house: suppressed below k, rounded to base 5, merged.

Primary suppression hides a count of 1 to k - 1. Secondary suppression hides a further
part of the same total, so that the first cannot be had by subtraction. See Hundepool et
al., Statistical Disclosure Control, 2012, chapter 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

BASE = 5


class SafeCount(BaseModel):
    """A count that is zero, or rounded to base 5, or not shown.

    Parameters
    ----------
    state : {"shown", "below", "all_but", "withheld"}
        ``below``: between 1 and k - 1. ``all_but``: all but 1 to k - 1 of the total.
        ``withheld``: hidden to protect another part of the same total.
    value : int or None
        Multiple of 5, None when not shown.
    k : int
        Suppression limit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    state: Literal["shown", "below", "all_but", "withheld"]
    value: int | None = Field(default=None, ge=0)
    k: int = Field(ge=1)

    @model_validator(mode="after")
    def _holds_nothing_exact(self) -> Self:
        if (self.state == "shown") != (self.value is not None):
            raise ValueError("only a count that is shown has a value")
        if self.value is not None and (self.value % BASE or 0 < self.value < self.k):
            raise ValueError("the count is neither rounded nor suppressed")
        return self


def rounded(count: int, k: int) -> int:
    """Return a count rounded to base 5, never into the suppressed range.

    Examples
    --------
    >>> rounded(388, 11), rounded(12, 11), rounded(0, 11)
    (390, 15, 0)
    """
    if count == 0:
        return 0
    nearest = BASE * ((2 * count + BASE) // (2 * BASE))
    floor = BASE * -(-k // BASE)
    return max(nearest, floor)


def safe(count: int, k: int, total: int | None = None) -> SafeCount:
    """Return a count as it may be shown.

    Parameters
    ----------
    count : int
        Subjects, at least 0.
    k : int
        Smallest positive count that is shown.
    total : int, optional
        What the count is part of; then a rest of 1 to k - 1 is hidden as well.

    Returns
    -------
    SafeCount

    Examples
    --------
    >>> safe(3, 11).state, safe(195, 11, 200).state, safe(48, 11, 200).value
    ('below', 'all_but', 50)
    """
    if 0 < count < k:
        return SafeCount(state="below", k=k)
    if total is not None and 0 < total - count < k:
        return SafeCount(state="all_but", k=k)
    return SafeCount(state="shown", value=rounded(count, k), k=k)


def merged_bins(bins: Iterable[tuple[int, int, int]], k: int) -> tuple[tuple[int, int, int], ...]:
    """Return histogram bins joined until each holds at least k subjects.

    Bins below the threshold are kept apart from those above it where both sides are
    large enough, so that the share below k can still be read.

    Parameters
    ----------
    bins : iterable of (int, int, int)
        Smallest and largest class size, and subjects; ascending.
    k : int
        Smallest number of subjects of a bin that is shown.

    Returns
    -------
    tuple of (int, int, int)
        Empty when all bins together hold fewer than k subjects.

    Examples
    --------
    >>> merged_bins([(1, 1, 4), (2, 2, 8), (3, 4, 9), (11, 20, 40)], 11)
    ((1, 4, 21), (11, 20, 40))
    """
    filled = [b for b in bins if b[2] > 0]
    out = [
        *_joined([b for b in filled if b[1] < k], k),
        *_joined([b for b in filled if b[1] >= k], k),
    ]
    whole = _joined(out, k)
    return tuple(b for b in whole if b[2] >= k)


def _joined(bins: Sequence[tuple[int, int, int]], k: int) -> list[tuple[int, int, int]]:
    """Join neighbours, ascending; a small rest at the end joins the bin before it."""
    out: list[tuple[int, int, int]] = []
    for low, high, subjects in bins:
        if out and out[-1][2] < k:
            out[-1] = (out[-1][0], high, out[-1][2] + subjects)
        else:
            out.append((low, high, subjects))
    if len(out) > 1 and out[-1][2] < k:
        last = out.pop()
        out[-1] = (out[-1][0], last[1], out[-1][2] + last[2])
    return out
