"""Privacy criteria for what the sensitive values of a class disclose: diversity and likeness.

Criteria bound from below what every refinement of a class must hide. A class that fails may
consist of smaller classes that pass. If those hold the share ``a`` of its records, their
sensitive values have shares of at most ``b = 1 / a`` times those of the class. When the admissible
distributions form a convex set, the records of all of them together are admissible too. How far
from admissible a distribution under these caps is at least falls with ``b`` and is convex, so
Newton's method from ``b = 1`` never passes the smallest ``b`` that admits one: ``1 - 1 / b`` is a
share that no refinement can show.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from math import ceil
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.attributes.model import Attribute, Role
from midi_risk.errors import SearchError
from midi_risk.recode.criteria import CustomCriterion, positive, whole
from midi_risk.recode.lattice.codes import checked_rows
from midi_risk.recode.lattice.view import ClassView, SensitiveColumn, ViewCounts
from midi_risk.risk.classes.columns import text_of
from midi_risk.risk.disclosure import value_order
from midi_risk.risk.measures.comparison import SLACK, at_most, below
from midi_risk.table.model import SubjectTable
from midi_risk.table.release import measured
from midi_risk.threat.model import DisclosureSettings, ThreatModel

Floats = npt.NDArray[np.float64]
Gap = Callable[[Floats], tuple[Floats, Floats]]
ROUNDS = 3


def least_hidden_share(
    counts: ViewCounts, gap_of: Callable[[ViewCounts], Gap], allowed: float = 0.0
) -> Floats:
    """Return the share of each class that any refinement of it must hide at least.

    Parameters
    ----------
    counts : ViewCounts
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


def of_records(view: ClassView, counts: ViewCounts, share: Floats) -> Floats:
    """Return shares of the known values of classes as shares of their records.

    A class without any known value fails, however it is refined.
    """
    known = counts.known / view.sizes[counts.classes]
    out: Floats = np.where(counts.known == 0, 1.0, share * known)
    return out


def capped_gap(counts: ViewCounts, caps: Floats, needed: float) -> Gap:
    """Return the gap of a criterion that caps the share of each value.

    Parameters
    ----------
    counts : ViewCounts
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


def share_under(view: ClassView, counts: ViewCounts, caps: Floats) -> Floats:
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


Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class DistinctLDiversity:
    """Each class has at least ``l`` distinct sensitive values; missing ones do not count.

    Parameters
    ----------
    sensitive : str
    l : int

    References
    ----------
    Machanavajjhala et al. 2007, doi:10.1145/1217299.1217302.
    """

    sensitive: str
    l: int  # noqa: E741
    monotone: bool = True
    robust: bool = True
    population: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        """Check the parameter."""
        whole("l", self.l)

    def failing(self, view: ClassView) -> Bools:
        """Return the classes with fewer distinct values."""
        counts = view.open_counts(self.sensitive)
        distinct = np.bincount(counts.of_class, minlength=len(counts.known))
        return view.spread(counts, distinct < self.l)

    def smallest_class(self, column: SensitiveColumn) -> int:  # noqa: ARG002
        """Return the fewest records that can have so many values."""
        return self.l


@dataclass(frozen=True, slots=True)
class EntropyLDiversity:
    """The entropy of the sensitive values of each class is at least ``ln l``.

    Parameters
    ----------
    sensitive : str
    l : float
    estimator : {"shannon"}
        Plug-in entropy. A correction for small classes, such as Grassberger's, is refused: it
        calls classes diverse in which one value is certain, and is no guarantee.
    tolerance : float
        How far ``exp(H)`` may fall short of l by rounding; 0 reproduces the comparison of ARX.

    References
    ----------
    Machanavajjhala et al. 2007, doi:10.1145/1217299.1217302.
    """

    sensitive: str
    l: float  # noqa: E741
    estimator: Literal["shannon"] = "shannon"
    tolerance: float = SLACK
    monotone: bool = True
    robust: bool = False
    population: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        """Check the parameters."""
        if not self.l >= 1:
            raise SearchError("l must be at least 1")
        if self.estimator != "shannon":
            raise SearchError(
                "only the plug-in entropy ('shannon') guarantees diversity",
                hint="An estimate for small classes can exceed what a class holds",
            )

    def failing(self, view: ClassView) -> Bools:
        """Return the classes whose entropy is too small."""
        counts = view.open_counts(self.sensitive)
        n = counts.count.astype(np.float64)
        spent = np.bincount(counts.of_class, weights=n * np.log(n), minlength=len(counts.known))
        known = counts.known.astype(np.float64)
        # exp(H) >= l - tolerance, in logarithms and times the records of the class.
        least = np.log(self.l - self.tolerance)
        room = known * (np.log(np.maximum(known, 1.0)) - least)
        return view.spread(counts, (counts.known == 0) | (room < spent))

    def smallest_class(self, column: SensitiveColumn) -> int:  # noqa: ARG002
        """Return the fewest records that can have so much entropy."""
        return ceil(self.l - SLACK)


@dataclass(frozen=True, slots=True)
class RecursiveCLDiversity:
    """The most frequent value of a class is rarer than ``c`` times the l-th and rarer ones.

    Parameters
    ----------
    sensitive : str
    c : float
    l : int

    References
    ----------
    Machanavajjhala et al. 2007, doi:10.1145/1217299.1217302.
    """

    sensitive: str
    c: float
    l: int  # noqa: E741
    monotone: bool = True
    robust: bool = False
    population: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        """Check the parameters."""
        positive("c", self.c)
        whole("l", self.l)

    def failing(self, view: ClassView) -> Bools:
        """Return the classes whose largest count is too large."""
        counts = view.open_counts(self.sensitive)
        order = np.lexsort((-counts.count, counts.of_class))
        of_class, count = counts.of_class[order], counts.count[order]
        first = np.flatnonzero(np.diff(of_class, prepend=-1))
        rank = np.arange(len(of_class)) - np.repeat(first, np.diff(first, append=len(of_class)))
        tail = np.bincount(
            of_class, weights=np.where(rank >= self.l - 1, count, 0), minlength=len(counts.known)
        )
        largest = np.zeros(len(counts.known))
        largest[of_class[first]] = count[first]
        least_c = np.full(len(tail), np.inf)
        np.divide(largest, tail, out=least_c, where=tail > 0)
        return view.spread(counts, ~below(least_c, self.c))

    def smallest_class(self, column: SensitiveColumn) -> int:  # noqa: ARG002
        """Return the fewest records that can be so even."""
        return self.l

    def least_share(self, view: ClassView) -> Floats:
        """Return the share to hide: the largest share is below c / (1 + c) when l exceeds 1."""
        counts = view.open_counts(self.sensitive)
        most = self.c / (1.0 + self.c) if self.l > 1 else 1.0
        return share_under(view, counts, np.full(len(counts.texts), most))


def _class_shares(counts: ViewCounts) -> Floats:
    """Return the share in its class of each present value."""
    out: Floats = counts.count / counts.known[counts.of_class]
    return out


def _any_bad(view: ClassView, counts: ViewCounts, bad: Bools) -> Bools:
    """Return the classes of a view in which any value is bad or none is known."""
    hit = np.bincount(counts.of_class, weights=bad, minlength=len(counts.known)) > 0
    return view.spread(counts, hit | (counts.known == 0))


@dataclass(frozen=True, slots=True)
class AlphaK:
    """Each class has at least ``k`` records and no value holds more than ``alpha`` of it.

    Parameters
    ----------
    sensitive : str
    alpha : float
    k : int

    References
    ----------
    Wong et al. 2006, doi:10.1145/1150402.1150499.
    """

    sensitive: str
    alpha: float
    k: int
    monotone: bool = True
    robust: bool = False
    population: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        """Check the parameters."""
        whole("k", self.k)
        if not 0 < self.alpha <= 1:
            raise SearchError("alpha must lie above 0 and at most at 1")

    def failing(self, view: ClassView) -> Bools:
        """Return the classes that are small or dominated by one value."""
        counts = view.open_counts(self.sensitive)
        dominated = _any_bad(view, counts, ~at_most(_class_shares(counts), self.alpha))
        return (view.sizes < self.k) | dominated

    def smallest_class(self, column: SensitiveColumn) -> int:
        """Return k, or the fewest records no value of which can dominate."""
        return max(self.k, smallest_capped(np.full(len(column.values), self.alpha + SLACK)))

    def least_share(self, view: ClassView) -> Floats:
        """Return the share to hide: no value may hold more than alpha of what is shown."""
        counts = view.open_counts(self.sensitive)
        share = share_under(view, counts, np.full(len(counts.texts), self.alpha + SLACK))
        return np.where(view.sizes < self.k, 1.0, share)


@dataclass(frozen=True, slots=True)
class BetaLikeness:
    """No sensitive value is much more frequent in a class than in the whole table.

    Parameters
    ----------
    sensitive : str
    beta : float
        Largest relative gain ``(q - p) / p``.
    enhanced : bool
        Also bound the gain by ``-ln p``.

    References
    ----------
    Cao and Karras 2012, doi:10.14778/2350229.2350255.
    """

    sensitive: str
    beta: float
    enhanced: bool = False
    monotone: bool = True
    robust: bool = False
    population: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        """Check the parameter."""
        positive("beta", self.beta)

    def failing(self, view: ClassView) -> Bools:
        """Return the classes in which a value gains too much."""
        counts = view.open_counts(self.sensitive)
        q, p = _class_shares(counts), counts.shares[counts.value]
        return _any_bad(view, counts, (q > p) & ~at_most((q - p) / p, self._limit(p)))

    def _limit(self, p: Floats) -> Floats:
        return np.minimum(self.beta, -np.log(p)) if self.enhanced else np.full(len(p), self.beta)

    def _caps(self, p: Floats) -> Floats:
        return np.minimum(1.0, p * (1.0 + self._limit(p) + SLACK))

    def smallest_class(self, column: SensitiveColumn) -> int:
        """Return the fewest records no value of which gains too much."""
        return smallest_capped(self._caps(column.shares))

    def least_share(self, view: ClassView) -> Floats:
        """Return the share to hide so that no value gains too much."""
        counts = view.open_counts(self.sensitive)
        return share_under(view, counts, self._caps(counts.shares))


@dataclass(frozen=True, slots=True)
class DeltaDisclosure:
    """The share of each value present in a class is close to its share in the table.

    ``|log2(q / p)| < delta`` for the values that are present; by the letter of the definition
    an absent value is infinitely far, which no release meets.

    Parameters
    ----------
    sensitive : str
    delta : float
        In bits.

    References
    ----------
    Brickell and Shmatikov 2008, doi:10.1145/1401890.1401904.
    """

    sensitive: str
    delta: float
    monotone: bool = False
    robust: bool = False
    population: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        """Check the parameter."""
        positive("delta", self.delta)

    def failing(self, view: ClassView) -> Bools:
        """Return the classes in which a present value shifts too much."""
        counts = view.open_counts(self.sensitive)
        q, p = _class_shares(counts), counts.shares[counts.value]
        return _any_bad(view, counts, ~below(np.abs(np.log2(q / p)), self.delta))

    def _caps(self, p: Floats) -> Floats:
        out: Floats = np.minimum(1.0, p * 2.0**self.delta)
        return out

    def smallest_class(self, column: SensitiveColumn) -> int:
        """Return the fewest records no value of which is too frequent."""
        return smallest_capped(self._caps(column.shares))

    def least_share(self, view: ClassView) -> Floats:
        """Return the share to hide so that no value is too frequent; rarity is left aside."""
        counts = view.open_counts(self.sensitive)
        return share_under(view, counts, self._caps(counts.shares))


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
        return view.spread(counts, (counts.known == 0) | ~at_most(apart, self.t))

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
            place, width = self._places(column.values)
            under = np.cumsum(np.bincount(place, weights=shares, minlength=width))[:-1]
            allowed = (self.t + SLACK) * len(under)
            return next(
                n
                for n in count(1)
                if np.abs(under - np.round(n * under) / n).sum() <= allowed or n > 10_000
            )
        levels = self._levels(column.values)
        if not levels:
            return 1
        parts = [_joined(shares, groups) for groups in levels]
        allowed = (self.t + SLACK) * len(parts)
        return next(
            n
            for n in count(1)
            if sum([least_apart(part, n) for part in parts]) <= allowed or n > 10_000
        )

    def _gap(self, counts: ViewCounts) -> Gap:
        """Return how far each class is, at least, when its shares may be stretched."""
        if self.distance == "ordered":
            return _ordered(counts, *self._places(counts.texts))
        if self.distance == "hierarchical":
            levels = self._levels(counts.texts)
            return _tree(counts, levels) if levels else _no_gap
        return capped_gap(counts, counts.shares, 1.0)

    def _places(self, texts: tuple[str, ...]) -> tuple[Ints, int]:
        """Return the place of each value in the order, and the length of the order."""
        if self.order is None:
            return np.arange(len(texts)), len(texts)
        place = {text_of(value): number for number, value in enumerate(self.order)}
        if len(place) != len(self.order):
            raise SearchError(f"the order of '{self.sensitive}' names a value twice")
        lacking = sum(text not in place for text in texts)
        if lacking:
            raise SearchError(f"the order of '{self.sensitive}' lacks {lacking} value(s)")
        return np.array([place[text] for text in texts], dtype=np.int64), len(place)

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


def _no_gap(stretch: Floats) -> tuple[Floats, Floats]:
    """Return no distance: with one value, or one level, no value is apart from another."""
    return np.zeros(len(stretch)), np.zeros(len(stretch))


def _tree(counts: ViewCounts, levels: tuple[Ints, ...]) -> Gap:
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


def _ordered(counts: ViewCounts, place: Ints, width: int) -> Gap:
    """Return the gap for differences of ranks, from present values alone.

    The distance is the mean, over the cuts between neighbouring values, of the total variation
    between what lies below and above; between two present values the share below is constant.
    """
    classes = len(counts.known)
    value, of_class, held = place[counts.value], counts.of_class, counts.count
    if (np.diff(place) < 0).any():
        order = np.lexsort((value, of_class))
        value, of_class, held = value[order], of_class[order], held[order]
    cuts = max(1, width - 1)
    under_cut = np.cumsum(np.bincount(place, weights=counts.shares, minlength=width))[:-1]
    sums = np.concatenate(([0.0], np.cumsum(under_cut)))
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
        split = np.clip(np.searchsorted(under_cut, reached, side="right"), value, high)
        under = sums[high] - sums[split] - reached * (high - split)
        other = np.clip(np.searchsorted(under_cut, ceiling, side="left"), value, high)
        over = ceiling * (other - value) - (sums[other] - sums[value])
        missing = start + np.bincount(of_class, weights=under + over, minlength=classes)
        fall = share * (high - split) + (1.0 - share) * (other - value)
        return missing / cuts, np.bincount(of_class, weights=fall, minlength=classes) / cuts

    return gap


def disclosure_criteria(
    models: Sequence[ThreatModel], view: SubjectTable
) -> tuple[CustomCriterion, ...]:
    """Return what threat models demand of sensitive values, as criteria of the search.

    Parameters
    ----------
    models : sequence of ThreatModel
    view : SubjectTable
        As it would be released before the search.

    Returns
    -------
    tuple of CustomCriterion
        None for the gain over the base rate, which the search does not know, nor for attributes
        whose disclosure is accepted in writing or that are quasi-identifiers as well.
    """
    found: list[CustomCriterion] = []
    for model in models:
        found += [
            _criterion(settings, attribute, view)
            for settings in model.on_sensitive_values
            if settings.criterion != "gain"
            for attribute in measured(view, Role.SENSITIVE)
            if attribute.accepted is None and view.frame[attribute.name].notna().any()
        ]
    return tuple(found)


def _criterion(
    settings: DisclosureSettings, attribute: Attribute, view: SubjectTable
) -> CustomCriterion:
    """Return the criterion of one attribute."""
    name, value = attribute.name, settings.value
    made: Mapping[str, Callable[[], CustomCriterion]] = {
        "distinct": lambda: DistinctLDiversity(name, int(value)),
        "entropy": lambda: EntropyLDiversity(name, value),
        "recursive": lambda: RecursiveCLDiversity(name, value, 2),
        "alpha": lambda: AlphaK(name, value, 1),
        "beta": lambda: BetaLikeness(name, value),
        "delta": lambda: DeltaDisclosure(name, value),
        "t": lambda: _closeness(name, value, attribute, view),
    }
    return made[settings.criterion]()


def _closeness(name: str, value: float, attribute: Attribute, view: SubjectTable) -> TCloseness:
    """Return t-closeness over the order of the values where they have one."""
    column = view.frame[name]
    order = value_order(attribute, [str(text) for text in column.dropna().unique()])
    if order is None:
        return TCloseness(name, value)
    return TCloseness(name, value, distance="ordered", order=tuple(order))
