"""Privacy criteria for sensitive values: diversity, likeness, disclosure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.errors import SearchError
from midi_risk.recode.classes_view import ClassView, SensitiveCounts
from midi_risk.recode.criteria import whole

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
        counts = view.sensitive(self.sensitive)
        return np.bincount(counts.of_class, minlength=len(view.sizes)) < self.l


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
        counts = view.sensitive(self.sensitive)
        n = counts.count.astype(np.float64)
        logs = np.log(n) if self.estimator == "shannon" else _grassberger(counts.count)
        spent = np.bincount(counts.of_class, weights=n * logs, minlength=len(view.sizes))
        known = counts.known.astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            room = known * (np.log(known) - np.log(self.l))
        out: Bools = (counts.known == 0) | (room + self.tolerance * known < spent)
        return out


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
        counts = view.sensitive(self.sensitive)
        order = np.lexsort((-counts.count, counts.of_class))
        of_class, count = counts.of_class[order], counts.count[order]
        first = np.flatnonzero(np.diff(of_class, prepend=-1))
        rank = np.arange(len(of_class)) - np.repeat(first, np.diff(first, append=len(of_class)))
        tail = np.bincount(
            of_class, weights=np.where(rank >= self.l - 1, count, 0), minlength=len(view.sizes)
        )
        largest = np.zeros(len(view.sizes))
        largest[of_class[first]] = count[first]
        return ~(largest < self.c * tail)


def _shares(counts: SensitiveCounts) -> tuple[Floats, Floats]:
    """Return share in the class and share in the table of each present value."""
    p = (counts.totals / counts.totals.sum())[counts.value]
    return counts.count / counts.known[counts.of_class], p


def _any_bad(counts: SensitiveCounts, bad: Bools) -> Bools:
    hit = np.bincount(counts.of_class, weights=bad, minlength=len(counts.known)) > 0
    out: Bools = hit | (counts.known == 0)
    return out


def _largest(counts: SensitiveCounts, shares: Floats) -> Floats:
    """Return the largest of the shares of each class, between 0 and 1."""
    out: Floats = np.zeros(len(counts.known))
    np.maximum.at(out, counts.of_class, shares)
    return np.minimum(out, 1.0)


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
        counts = view.sensitive(self.sensitive)
        q, _ = _shares(counts)
        return (view.sizes < self.k) | _any_bad(counts, q > self.alpha)

    def least_share(self, view: ClassView) -> Floats:
        """Return the share to hide: the share of a value is linear, and nowhere above 1."""
        counts = view.sensitive(self.sensitive)
        q, _ = _shares(counts)
        beyond = _largest(counts, (q - self.alpha) / max(1.0 - self.alpha, 1e-12))
        return np.where(view.sizes < self.k, 1.0, beyond * counts.known / view.sizes)


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
        counts = view.sensitive(self.sensitive)
        q, p = _shares(counts)
        return _any_bad(counts, (q > p) & ((q - p) / p > self._limit(p)))

    def _limit(self, p: Floats) -> Floats:
        return np.minimum(self.beta, -np.log(p)) if self.enhanced else np.full(len(p), self.beta)

    def least_share(self, view: ClassView) -> Floats:
        """Return the share to hide: the share of a value is linear, and nowhere above 1."""
        counts = view.sensitive(self.sensitive)
        q, p = _shares(counts)
        most = np.minimum(1.0, p * (1.0 + self._limit(p)))
        beyond = _largest(counts, (q - most) / np.maximum(1.0 - most, 1e-12))
        return beyond * counts.known / view.sizes


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
        counts = view.sensitive(self.sensitive)
        q, p = _shares(counts)
        return _any_bad(counts, ~(np.abs(np.log2(q / p)) < self.delta))
