"""Privacy criteria for class sizes and the population, and what threat models demand of a table.

A criterion marks the classes that fail it. Two flags let the search prune:

``monotone``
    Joining classes that pass gives a class that passes. A node without failing classes then
    only has successors without failing classes.
``robust``
    A class that contains a passing class passes. The failing records of a node then include
    those of its successors, so that pruning holds with suppression too.

A release whose classes are small can be acceptable when many people outside it look alike. Risk
against a modelled population is then the criterion, as class sizes alone generalise too much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.attributes.model import Attribute
from midi_risk.errors import SearchError
from midi_risk.recode.lattice.unknown import Matching
from midi_risk.recode.lattice.view import ClassView, SensitiveColumn
from midi_risk.risk.measures.imprecise import known_attributes
from midi_risk.risk.population.ensemble import LEAST_SUPPORT
from midi_risk.risk.population.pitman_yor import PitmanYor, fit_pitman_yor
from midi_risk.threat.library import attempt_probability
from midi_risk.threat.model import (
    SMALLEST_CLASS,
    Interval,
    ThreatModel,
    data_risk_budget,
    ends,
    required_class_size,
)
from midi_risk.threat.sampling import admits_models

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
    number = isinstance(value, int | float | np.integer | np.floating)
    if not number or isinstance(value, bool) or int(value) != value or value < low:
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


@dataclass(frozen=True, slots=True)
class MatchedSize:
    """Each record could be at least ``k`` records, where an unknown value may be any value.

    Parameters
    ----------
    k : int
    bound : bool
        Count generously, so that a failing node proves that all below it fail: a record of
        which nothing is known then adds to everybody. The sizes of the judge lack that, and
        can fall when a column is removed.

    References
    ----------
    Templ, Kowarik, Meindl, J Stat Softw 2015;67(4), doi:10.18637/jss.v067.i04.
    """

    k: int
    bound: bool = False
    monotone: bool = False
    robust: bool = False
    sensitive: str | None = None
    population: pd.DataFrame | None = None

    def failing(self, view: ClassView) -> Bools:
        """Return the classes to leave out until everybody who stays has k matches."""
        if view.matching is None:
            raise SearchError("this criterion needs the matched sizes of a wildcard search")
        return view.matching.too_small(self.k, view.failed, symmetric=self.bound)


def matched(criteria: Sequence[CustomCriterion], policy: str) -> tuple[CustomCriterion, ...]:
    """Return criteria on class sizes as they read when unknown values may be any value.

    Parameters
    ----------
    criteria : sequence of CustomCriterion
    policy : {"wildcard", "wildcard-cautious"}
    """
    out: list[CustomCriterion] = []
    for criterion in criteria:
        if not isinstance(criterion, KAnonymity):
            out.append(criterion)
        elif policy == "wildcard":
            bound = MatchedSize(criterion.k, bound=True, monotone=True, robust=True)
            out += [bound, MatchedSize(criterion.k)]
        else:
            out.append(MatchedSize(criterion.k, monotone=True, robust=True))
    return tuple(out)


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
        if view.matching is not None:
            return self._failing_matched(view, view.matching)
        left = np.flatnonzero(~view.failed)
        order = left[np.argsort(view.sizes[left], kind="stable")]
        records = np.cumsum(view.sizes[order][::-1])[::-1]
        classes = np.arange(len(order), 0, -1)
        good = np.flatnonzero(classes <= self.threshold * records)
        out = np.zeros(len(view.sizes), dtype=bool)
        out[order[: good[0] if good.size else len(order)]] = True
        return out

    def _failing_matched(self, view: ClassView, matching: Matching) -> Bools:
        """Return the smallest classes likewise; those that match them become smaller."""
        alive = ~view.failed
        while alive.any():
            places = np.flatnonzero(alive)
            sizes = matching.sizes(alive)[places]
            order = np.argsort(sizes, kind="stable")
            records = view.sizes[places][order].astype(np.float64)
            found = np.cumsum((records / sizes[order])[::-1])[::-1]
            good = np.flatnonzero(found <= self.threshold * np.cumsum(records[::-1])[::-1])
            if good.size and not good[0]:
                break
            alive[places[order[: good[0] if good.size else len(order)]]] = False
        return ~alive

    def least_hidden(self, view: ClassView) -> int:
        """Return the records hidden here: finer classes are not fewer, nor hold more records."""
        if view.matching is not None:
            return 0
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

    Notes
    -----
    Where unknown values may be any value, leaving a class out makes others smaller: the criteria
    are asked again until none of them finds another class.
    """
    ordered = sorted(criteria, key=lambda c: (isinstance(c, AverageRisk), c.sensitive is not None))
    while True:
        before = int(view.failed.sum())
        for criterion in ordered:
            view.failed = view.failed | criterion.failing(view)
        if view.matching is None or len(ordered) < 2 or int(view.failed.sum()) == before:
            return view.failed


_EPSILON = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class ModelledKMap:
    """Each class reaches ``k`` people of the population, as the Pitman-Yor model has it.

    The model is fitted to the classes of every node; a class passes when both E[1/F | f] and
    one over the size that is reached with 95 % probability are at most 1 / k, and no class of
    fewer than five subjects does, since the assessment counts on nobody outside the release for
    what it hardly saw. Where there is no fit, F = f. Neither monotone nor robust: joining classes
    changes the fit. It finds candidates; the assessment, which asks other models too, decides.

    Parameters
    ----------
    k : int
        Class size that is required in the population.
    people : int
        Size of the population.

    References
    ----------
    Pitman 1995, doi:10.1007/BF01213386; Hoshino 2001.

    Examples
    --------
    >>> ModelledKMap(11, 50_000).smallest(np.repeat([1, 2, 3, 8, 20], [40, 12, 5, 1, 1])) < 11
    True
    """

    k: int
    people: int
    monotone: bool = False
    robust: bool = False
    sensitive: str | None = None
    population: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        """Check the parameters."""
        if self.k < 1 or self.people < 1:
            raise SearchError("k and the number of people must be at least 1")

    def smallest(self, sizes: npt.NDArray[np.int64]) -> int:
        """Return the smallest class size of the release that passes.

        Parameters
        ----------
        sizes : numpy.ndarray of int64
            Size of every class of the release.
        """
        n = int(sizes.sum())
        fit = fit_pitman_yor(sizes) if self.people >= n else None
        if not isinstance(fit, PitmanYor):
            return self.k
        low, high = min(self.k, LEAST_SUPPORT), self.k
        while low < high:
            middle = (low + high) // 2
            if middle > n or self._passes(fit, middle, n):
                high = middle
            else:
                low = middle + 1
        return low

    def _passes(self, fit: PitmanYor, size: int, n: int) -> bool:
        given = np.array([size])
        reached = int(fit.quantile(given, n=n, population=self.people)[0])
        expected = float(fit.expected_inverse(given, n=n, population=self.people)[0])
        return max(expected, 1 / reached) <= (1 / self.k) * (1 + _EPSILON)

    def failing(self, view: ClassView) -> Bools:
        """Return the classes that are too easily told apart in the population."""
        return view.sizes < self.smallest(view.sizes)


def population_criteria(
    models: Sequence[ThreatModel], subjects: int
) -> tuple[ModelledKMap, ...] | None:
    """Return criteria that stand for all models, None when class sizes in the release must.

    Parameters
    ----------
    models : sequence of ThreatModel
    subjects : int
        Subjects in the release.

    Returns
    -------
    tuple of ModelledKMap or None
        One per model, when each is judged on the maximum against the Pitman-Yor model and
        none of its adversaries knows who is in the release.
    """
    found = []
    for model in models:
        people = _people(model, subjects)
        blind = all(
            "prosecutor" not in a.attack and a.membership is None for a in model.adversaries
        )
        if people is None or not blind or model.threshold.statistic != "maximum":
            return None
        for adversary in model.adversaries:
            pressure = attempt_probability(adversary)[0]
            if adversary.verification is not None:
                pressure *= ends(adversary.verification)[1]
            found.append((required_class_size(pressure, model.threshold.k), people))
    return tuple(ModelledKMap(k, people) for k, people in sorted(set(found)))


def _people(model: ThreatModel, subjects: int) -> int | None:
    """Return the smallest size of a population that the Pitman-Yor model stands for."""
    settings = model.population
    if settings.kind not in {"size", "estimate"} or settings.model not in {None, "pitman-yor"}:
        return None
    if not admits_models(settings):
        return None
    if isinstance(settings.size, int):
        return settings.size
    if isinstance(settings.fraction, Interval):
        return round(subjects / settings.fraction.high)
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """Criteria that bring every adversary within the threshold.

    Parameters
    ----------
    k : int
        Smallest class size of the release.
    criteria : tuple of Criterion
        Further criteria, such as a largest average risk.
    attributes : tuple of str
        Quasi-identifiers that some adversary knows; the others need no recoding.
    """

    k: int
    criteria: tuple[Criterion, ...]
    attributes: tuple[str, ...]


def requirement(
    models: Sequence[ThreatModel], quasi_identifiers: Sequence[Attribute]
) -> Requirement:
    """Return what the release must fulfil under all models at once.

    Parameters
    ----------
    models : sequence of ThreatModel
    quasi_identifiers : sequence of Attribute

    Notes
    -----
    Classes are required on the union of what the adversaries know, which is at least as
    strict as each adversary's own knowledge.
    """
    k = 1
    budgets = []
    known: set[str] = set()
    for model in models:
        for adversary in model.adversaries:
            known |= set(known_attributes(quasi_identifiers, adversary))
            attempt = attempt_probability(adversary)[0]
            if adversary.verification is not None:
                attempt *= ends(adversary.verification)[1]
            if model.threshold.statistic == "maximum":
                k = max(k, required_class_size(attempt, model.threshold.k))
            else:
                budgets.append(data_risk_budget(attempt, model.threshold.k))
                strict = model.threshold.statistic == "strict-average"
                k = max(k, model.threshold.floor if strict else SMALLEST_CLASS)
    criteria: tuple[Criterion, ...] = (AverageRisk(min(budgets)),) if budgets else ()
    names = tuple(a.name for a in quasi_identifiers if a.name in known)
    return Requirement(k=k, criteria=criteria, attributes=names)
