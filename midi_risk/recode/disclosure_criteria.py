"""Privacy criteria for what the sensitive values of a class disclose: likeness to the table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.errors import SearchError
from midi_risk.recode.classes_view import ClassView, SensitiveColumn, SensitiveCounts
from midi_risk.recode.criteria import positive, whole
from midi_risk.recode.refinement import share_under, smallest_capped

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


def _class_shares(counts: SensitiveCounts) -> Floats:
    """Return the share in its class of each present value."""
    out: Floats = counts.count / counts.known[counts.of_class]
    return out


def _any_bad(view: ClassView, counts: SensitiveCounts, bad: Bools) -> Bools:
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
        dominated = _any_bad(view, counts, _class_shares(counts) > self.alpha)
        return (view.sizes < self.k) | dominated

    def smallest_class(self, column: SensitiveColumn) -> int:
        """Return k, or the fewest records no value of which can dominate."""
        return max(self.k, smallest_capped(np.full(len(column.values), self.alpha)))

    def least_share(self, view: ClassView) -> Floats:
        """Return the share to hide: no value may hold more than alpha of what is shown."""
        counts = view.open_counts(self.sensitive)
        share = share_under(view, counts, np.full(len(counts.texts), self.alpha))
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
        return share_under(view, counts, self._caps(counts.shares))
