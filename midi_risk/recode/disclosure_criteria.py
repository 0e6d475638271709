"""Privacy criteria for sensitive values: diversity, likeness, disclosure."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.errors import SearchError
from midi_risk.recode.classes_view import ClassView, SensitiveColumn, SensitiveCounts
from midi_risk.recode.criteria import whole
from midi_risk.recode.refinement import (
    SLACK,
    capped_gap,
    least_hidden_share,
    of_records,
    smallest_capped,
)

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


def _positive(name: str, value: float) -> None:
    if not value > 0:
        raise SearchError(f"{name} must be above 0")


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
    estimator : {"shannon", "grassberger"}
        Plug-in entropy, or Grassberger's correction for small classes: the logarithm of a
        count becomes its digamma-based estimate.
    tolerance : float
        Added to the entropy before comparing, so that a class that meets the bound exactly
        does not fail by rounding; 0 reproduces the plain comparison.

    References
    ----------
    Machanavajjhala et al. 2007, doi:10.1145/1217299.1217302; Grassberger 2003,
    arXiv:physics/0307138.
    """

    sensitive: str
    l: float  # noqa: E741
    estimator: Literal["shannon", "grassberger"] = "shannon"
    tolerance: float = 1e-12
    monotone: bool = True
    robust: bool = False
    population: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        """Check the parameters."""
        if not self.l >= 1:
            raise SearchError("l must be at least 1")
        if self.estimator not in {"shannon", "grassberger"}:
            raise SearchError("the entropy estimator is 'shannon' or 'grassberger'")

    def failing(self, view: ClassView) -> Bools:
        """Return the classes whose entropy is too small."""
        counts = view.open_counts(self.sensitive)
        n = counts.count.astype(np.float64)
        logs = np.log(n) if self.estimator == "shannon" else _grassberger(counts.count)
        spent = np.bincount(counts.of_class, weights=n * logs, minlength=len(counts.known))
        known = counts.known.astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            room = known * (np.log(known) - np.log(self.l))
        bad = (counts.known == 0) | (room + self.tolerance * known < spent)
        return view.spread(counts, bad)

    def smallest_class(self, column: SensitiveColumn) -> int:  # noqa: ARG002
        """Return the fewest records that can have so much entropy."""
        return ceil(self.l * (1 - SLACK)) if self.estimator == "shannon" else 1


def _grassberger(n: npt.NDArray[np.int64]) -> Floats:
    """Return Grassberger's G(n), which replaces ln n."""
    from scipy.special import psi  # noqa: PLC0415

    exact = n.astype(np.float64)
    sign = np.where(n % 2 == 0, 1.0, -1.0)
    out: Floats = psi(exact) + 0.5 * sign * (psi((exact + 1) / 2) - psi(exact / 2))
    return out


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
        _positive("c", self.c)
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
        return view.spread(counts, ~(largest < self.c * tail))

    def smallest_class(self, column: SensitiveColumn) -> int:  # noqa: ARG002
        """Return the fewest records that can be so even."""
        return self.l

    def least_share(self, view: ClassView) -> Floats:
        """Return the share to hide: the largest share is below c / (1 + c) when l exceeds 1."""
        counts = view.open_counts(self.sensitive)
        most = self.c / (1.0 + self.c) if self.l > 1 else 1.0
        return _share_under(view, counts, np.full(len(counts.texts), most))


def _class_shares(counts: SensitiveCounts) -> Floats:
    """Return the share in its class of each present value."""
    out: Floats = counts.count / counts.known[counts.of_class]
    return out


def _any_bad(view: ClassView, counts: SensitiveCounts, bad: Bools) -> Bools:
    """Return the classes of a view in which any value is bad or none is known."""
    hit = np.bincount(counts.of_class, weights=bad, minlength=len(counts.known)) > 0
    return view.spread(counts, hit | (counts.known == 0))


def _share_under(view: ClassView, counts: SensitiveCounts, caps: Floats) -> Floats:
    """Return the share of the records of each class to hide so that values stay under caps."""
    share = least_hidden_share(counts, lambda some: capped_gap(some, caps, 1.0))
    return view.spread(counts, of_records(view, counts, share))


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
        dominated = _any_bad(view, counts, _class_shares(counts) > self.alpha)
        return (view.sizes < self.k) | dominated

    def smallest_class(self, column: SensitiveColumn) -> int:
        """Return k, or the fewest records no value of which can dominate."""
        return max(self.k, smallest_capped(np.full(len(column.values), self.alpha)))

    def least_share(self, view: ClassView) -> Floats:
        """Return the share to hide: no value may hold more than alpha of what is shown."""
        counts = view.open_counts(self.sensitive)
        share = _share_under(view, counts, np.full(len(counts.texts), self.alpha))
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
        _positive("beta", self.beta)

    def failing(self, view: ClassView) -> Bools:
        """Return the classes in which a value gains too much."""
        counts = view.open_counts(self.sensitive)
        q, p = _class_shares(counts), counts.shares[counts.value]
        return _any_bad(view, counts, (q > p) & ((q - p) / p > self._limit(p)))

    def _limit(self, p: Floats) -> Floats:
        return np.minimum(self.beta, -np.log(p)) if self.enhanced else np.full(len(p), self.beta)

    def _caps(self, p: Floats) -> Floats:
        return np.minimum(1.0, p * (1.0 + self._limit(p)))

    def smallest_class(self, column: SensitiveColumn) -> int:
        """Return the fewest records no value of which gains too much."""
        return smallest_capped(self._caps(column.shares))

    def least_share(self, view: ClassView) -> Floats:
        """Return the share to hide so that no value gains too much."""
        counts = view.open_counts(self.sensitive)
        return _share_under(view, counts, self._caps(counts.shares))


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
        _positive("delta", self.delta)

    def failing(self, view: ClassView) -> Bools:
        """Return the classes in which a present value shifts too much."""
        counts = view.open_counts(self.sensitive)
        q, p = _class_shares(counts), counts.shares[counts.value]
        return _any_bad(view, counts, ~(np.abs(np.log2(q / p)) < self.delta))

    def _caps(self, p: Floats) -> Floats:
        out: Floats = np.minimum(1.0, p * 2.0**self.delta)
        return out

    def smallest_class(self, column: SensitiveColumn) -> int:
        """Return the fewest records no value of which is too frequent."""
        return smallest_capped(self._caps(column.shares))

    def least_share(self, view: ClassView) -> Floats:
        """Return the share to hide so that no value is too frequent; rarity is left aside."""
        counts = view.open_counts(self.sensitive)
        return _share_under(view, counts, self._caps(counts.shares))
