"""Privacy criteria for class sizes and the population.

A criterion marks the classes that fail it. Two flags let the search prune:

``monotone``
    Joining classes that pass gives a class that passes. A node without failing classes then
    only has successors without failing classes.
``robust``
    A class that contains a passing class passes. The failing records of a node then include
    those of its successors, so that pruning holds with suppression too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.errors import SearchError
from midi_risk.recode.classes_view import ClassView, SensitiveColumn

Bools = npt.NDArray[np.bool_]


@runtime_checkable
class CustomCriterion(Protocol):
    """What any object needs to take part in the search as a criterion.

    Attributes
    ----------
    monotone, robust : bool
        See the module text; False is always safe.
    sensitive : str or None
        Column whose values it looks at.
    population : DataFrame or None
        Table whose records it counts.
    """

    @property
    def monotone(self) -> bool:
        """Whether joined passing classes pass."""

    @property
    def robust(self) -> bool:
        """Whether a class that contains a passing class passes."""

    @property
    def sensitive(self) -> str | None:
        """Column whose values it looks at."""

    @property
    def population(self) -> pd.DataFrame | None:
        """Table whose records it counts."""

    def failing(self, view: ClassView) -> Bools:
        """Return which classes fail, shape (classes,)."""


Criterion = CustomCriterion


@runtime_checkable
class SoftCriterion(Protocol):
    """A criterion that is not robust, yet bounds what finer classes must hide.

    When the admissible distributions are a convex set, a class far outside of it cannot
    consist of passing classes and only a few failing records.
    """

    def least_share(self, view: ClassView) -> npt.NDArray[np.float64]:
        """Return the share of each class that any refinement of it must hide at least.

        Classes that have failed already count as hidden without it.
        """


@runtime_checkable
class CountedCriterion(Protocol):
    """A criterion that tells only how many records finer classes must hide, not which."""

    def least_hidden(self, view: ClassView) -> int:
        """Return how many records every refinement of the classes must hide at least."""


@runtime_checkable
class SizedCriterion(Protocol):
    """A criterion on sensitive values that no class of few records can meet."""

    @property
    def sensitive(self) -> str:
        """Column whose values it looks at."""

    def smallest_class(self, column: SensitiveColumn) -> int:
        """Return the fewest known values with which a class can pass."""


def whole(name: str, value: float, low: int = 1) -> int:
    """Return a parameter that must be a whole number of at least ``low``."""
    if isinstance(value, bool) or int(value) != value or value < low:
        raise SearchError(f"{name} must be a whole number of at least {low}")
    return int(value)


def positive(name: str, value: float) -> None:
    """Check a parameter that must lie above 0."""
    if not value > 0:
        raise SearchError(f"{name} must be above 0")


@dataclass(frozen=True, slots=True)
class KAnonymity:
    """Each class has at least ``k`` records.

    Parameters
    ----------
    k : int

    References
    ----------
    Sweeney 2002, doi:10.1142/S0218488502001648.
    """

    k: int
    monotone: bool = True
    robust: bool = True
    sensitive: str | None = None
    population: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        """Check the parameter."""
        whole("k", self.k)

    def failing(self, view: ClassView) -> Bools:
        """Return the classes below k."""
        return view.sizes < self.k


@dataclass(frozen=True, slots=True, eq=False)
class KMap:
    """Each class matches at least ``k`` people of the population.

    Parameters
    ----------
    k : int
    population : DataFrame, optional
        One row per person, with the quasi-identifiers as columns.
    fraction : float, optional
        Sampling fraction, when there is no table: the class then needs the smallest size f
        with P(Binomial(k - 1, fraction) >= f) <= 1 - confidence.
    confidence : float
        Of that test.

    References
    ----------
    Sweeney 2001 (k-map); El Emam and Dankar 2008, doi:10.1197/jamia.M2716.
    """

    k: int
    population: pd.DataFrame | None = None
    fraction: float | None = None
    confidence: float = 0.95
    monotone: bool = True
    robust: bool = True
    sensitive: str | None = None

    def __post_init__(self) -> None:
        """Check the parameters."""
        whole("k", self.k)
        if (self.population is None) == (self.fraction is None):
            raise SearchError(
                "k-map needs a population table or a sampling fraction, and not both",
                hint="Give population=... or fraction=...",
            )
        if self.fraction is not None and not 0 < self.fraction <= 1:
            raise SearchError("the sampling fraction must lie above 0 and at most at 1")

    @property
    def sample_size(self) -> int:
        """Class size in the sample that stands for k in the population."""
        if self.fraction is None:
            return 1
        from scipy.special import bdtrc  # noqa: PLC0415

        size = 1
        while size < self.k and bdtrc(size - 1, self.k - 1, self.fraction) > 1 - self.confidence:
            size += 1
        return size

    def failing(self, view: ClassView) -> Bools:
        """Return the classes with too few people."""
        if self.population is not None:
            return view.population() < self.k
        return view.sizes < self.sample_size


@dataclass(frozen=True, slots=True)
class AverageRisk:
    """The average prosecutor risk, classes per record, is at most ``threshold``.

    While it is not, the smallest classes are hidden one by one, in the order of their codes
    when equally large.

    Parameters
    ----------
    threshold : float
        In (0, 1].

    References
    ----------
    El Emam 2013, Guide to the De-Identification of Personal Health Information, chapter 16.
    """

    threshold: float
    monotone: bool = True
    robust: bool = False
    sensitive: str | None = None
    population: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        """Check the parameter."""
        if not 0 < self.threshold <= 1:
            raise SearchError("the average risk must lie above 0 and at most at 1")

    def failing(self, view: ClassView) -> Bools:
        """Return the smallest classes, as many as it takes."""
        left = np.flatnonzero(~view.failed)
        order = left[np.argsort(view.sizes[left], kind="stable")]
        records = np.cumsum(view.sizes[order][::-1])[::-1]
        classes = np.arange(len(order), 0, -1)
        good = np.flatnonzero(classes <= self.threshold * records)
        out = np.zeros(len(view.sizes), dtype=bool)
        out[order[: good[0] if good.size else len(order)]] = True
        return out

    def least_hidden(self, view: ClassView) -> int:
        """Return the records hidden here: finer classes are not fewer, nor hold more records."""
        return int(view.sizes[view.failed | self.failing(view)].sum())


def failing_classes(view: ClassView, criteria: Sequence[CustomCriterion]) -> Bools:
    """Return the classes that fail any criterion.

    Class sizes are looked at first, then sensitive values of the classes that are left, and
    last what depends on the whole table.

    Parameters
    ----------
    view : ClassView
        Its ``failed`` is updated on the way.
    criteria : sequence of CustomCriterion
    """
    for criterion in sorted(
        criteria, key=lambda c: (isinstance(c, AverageRisk), c.sensitive is not None)
    ):
        view.failed = view.failed | criterion.failing(view)
    return view.failed
