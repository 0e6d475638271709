"""Closeness of the sensitive values of a class to those of the whole table."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.errors import SearchError
from midi_risk.recode.classes_view import ClassView, SensitiveColumn, SensitiveCounts
from midi_risk.recode.hierarchy_frame import checked_rows
from midi_risk.recode.refinement import (
    SLACK,
    Gap,
    capped_gap,
    least_apart,
    least_hidden_share,
    of_records,
    smallest_near,
)

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TCloseness:
    """The sensitive values of each class are distributed as in the whole table, within ``t``.

    Parameters
    ----------
    sensitive : str
    t : float
        Largest earth mover's distance.
    distance : {"equal", "ordered", "hierarchical"}
        Ground distance of two values: always 1; difference of ranks; height of the lowest
        common ancestor.
    order : sequence of str, optional
        Values, lowest first, for ``"ordered"``; data-type order otherwise.
    hierarchy : DataFrame, optional
        One row per value, for ``"hierarchical"``.

    References
    ----------
    Li, Li and Venkatasubramanian 2007, doi:10.1109/ICDE.2007.367856.
    """

    sensitive: str
    t: float
    distance: Literal["equal", "ordered", "hierarchical"] = "equal"
    order: tuple[str, ...] | None = None
    hierarchy: pd.DataFrame | None = None
    monotone: bool = True
    robust: bool = False
    population: pd.DataFrame | None = None
    _groups: dict[tuple[str, ...], tuple[Ints, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        """Check the parameters."""
        if not 0 <= self.t <= 1:
            raise SearchError("t must lie between 0 and 1")
        if self.distance not in {"equal", "ordered", "hierarchical"}:
            raise SearchError("the distance is 'equal', 'ordered' or 'hierarchical'")
        if self.distance == "hierarchical" and self.hierarchy is None:
            raise SearchError("hierarchical closeness needs the hierarchy of the sensitive column")

    def failing(self, view: ClassView) -> Bools:
        """Return the classes that are too far away, of those that have not failed yet."""
        counts = view.open_counts(self.sensitive)
        apart, _ = self._gap(counts)(np.ones(len(counts.known)))
        return view.spread(counts, (counts.known == 0) | ~(apart <= self.t))

    def least_share(self, view: ClassView) -> Floats:
        """Return the share to hide: the distance is convex in the shares of the values."""
        counts = view.open_counts(self.sensitive)
        share = least_hidden_share(counts, self._gap, self.t)
        return view.spread(counts, of_records(view, counts, share))

    def smallest_class(self, column: SensitiveColumn) -> int:
        """Return the fewest records whose values can be so close to those of the table."""
        shares = column.shares
        if self.distance == "equal":
            return smallest_near(shares, self.t)
        if self.distance == "ordered":
            below = np.cumsum(shares[self._ranked(column.values)])[:-1]
            return next(
                n
                for n in count(1)
                if np.abs(below - np.round(n * below) / n).mean() <= self.t + SLACK or n > 10_000
            )
        levels = self._levels(column.values)
        parts = [_joined(shares, groups) for groups in levels]
        allowed = (self.t + SLACK) * len(parts)
        return next(
            n
            for n in count(1)
            if sum([least_apart(part, n) for part in parts]) <= allowed or n > 10_000
        )

    def _gap(self, counts: SensitiveCounts) -> Gap:
        """Return how far each class is, at least, when its shares may be stretched."""
        if self.distance == "ordered":
            return _ordered(counts, self._ranked(counts.texts))
        if self.distance == "hierarchical":
            return _tree(counts, self._levels(counts.texts))
        return capped_gap(counts, counts.shares, 1.0)

    def _ranked(self, texts: tuple[str, ...]) -> Ints:
        """Return the values from the lowest to the highest."""
        if self.order is None:
            return np.arange(len(texts))
        order = [str(value) for value in self.order]
        if set(order) != set(texts) or len(order) != len(texts):
            raise SearchError(
                f"the order of '{self.sensitive}' does not list every value exactly once"
            )
        return np.array([texts.index(value) for value in order], dtype=np.int64)

    def _levels(self, texts: tuple[str, ...]) -> tuple[Ints, ...]:
        """Return the group of each value at every level below the top."""
        if texts not in self._groups:
            if self.hierarchy is None:
                raise SearchError("hierarchical closeness needs a hierarchy")
            rows = checked_rows(self.sensitive, self.hierarchy)
            place = {text: row for row, text in enumerate(rows.texts[0])}
            lacking = sum(value not in place for value in texts)
            if lacking:
                raise SearchError(f"the hierarchy of '{self.sensitive}' lacks {lacking} value(s)")
            at = np.array([place[value] for value in texts], dtype=np.int64)
            self._groups[texts] = tuple(
                np.unique(codes[at], return_inverse=True)[1].ravel() for codes in rows.codes[:-1]
            )
        return self._groups[texts]


def _joined(shares: Floats, groups: Ints) -> Floats:
    """Return the sum of the shares in each group."""
    out: Floats = np.bincount(groups, weights=shares).astype(np.float64)
    return out


def _tree(counts: SensitiveCounts, levels: tuple[Ints, ...]) -> Gap:
    """Return the gap for the height of the lowest common ancestor.

    Two values are as far apart as there are levels on which their groups differ, so the
    distance is the mean over levels of the total variation between groups.
    """
    leaf = capped_gap(counts, counts.shares, 1.0)
    classes = len(counts.known)
    upper = []
    for groups in levels[1:]:
        width = int(groups.max()) + 1
        key = counts.of_class * width + groups[counts.value]
        held = np.bincount(key, weights=counts.count, minlength=classes * width)
        share = held.reshape(classes, width) / np.maximum(counts.known, 1)[:, None]
        upper.append((_joined(counts.shares, groups), share))

    def gap(stretch: Floats) -> tuple[Floats, Floats]:
        missing, slope = leaf(stretch)
        for cap, share in upper:
            lack = cap - stretch[:, None] * share
            positive = lack > 0
            missing = missing + np.where(positive, lack, 0.0).sum(axis=1)
            slope = slope + np.where(positive, share, 0.0).sum(axis=1)
        return missing / len(levels), slope / len(levels)

    return gap


def _ordered(counts: SensitiveCounts, ranked: Ints) -> Gap:
    """Return the gap for differences of ranks, from present values alone.

    The distance is the mean, over the cuts between neighbouring values, of the total variation
    between what lies below and above; between two present values the share below is constant.
    """
    width, classes = len(ranked), len(counts.known)
    rank = np.empty(width, dtype=np.int64)
    rank[ranked] = np.arange(width)
    value, of_class, held = rank[counts.value], counts.of_class, counts.count
    if not np.array_equal(ranked, np.arange(width)):
        order = np.lexsort((value, of_class))
        value, of_class, held = value[order], of_class[order], held[order]
    cuts = max(1, width - 1)
    below = np.cumsum(counts.shares[ranked])[:-1]
    sums = np.concatenate(([0.0], np.cumsum(below)))
    running = np.cumsum(held)
    first = np.flatnonzero(np.diff(of_class, prepend=-1))
    before = (running - held)[first]
    share = np.zeros(len(of_class))
    if len(first):
        lengths = np.diff(first, append=len(of_class))
        share = (running - np.repeat(before, lengths)) / counts.known[of_class]
    high = np.empty(len(value), dtype=np.int64)
    high[:-1] = value[1:]
    high[np.append(first[1:], len(value))[: len(first)] - 1] = width - 1
    start = np.zeros(classes)
    start[of_class[first]] = sums[value[first]]

    def gap(stretch: Floats) -> tuple[Floats, Floats]:
        b = stretch[of_class]
        reached, ceiling = b * share, 1.0 - b * (1.0 - share)
        split = np.clip(np.searchsorted(below, reached, side="right"), value, high)
        under = sums[high] - sums[split] - reached * (high - split)
        other = np.clip(np.searchsorted(below, ceiling, side="left"), value, high)
        over = ceiling * (other - value) - (sums[other] - sums[value])
        missing = start + np.bincount(of_class, weights=under + over, minlength=classes)
        fall = share * (high - split) + (1.0 - share) * (other - value)
        return missing / cuts, np.bincount(of_class, weights=fall, minlength=classes) / cuts

    return gap
