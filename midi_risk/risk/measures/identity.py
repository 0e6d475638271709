"""Identity disclosure: prosecutor, journalist and marketer.

The prosecutor knows that the target is in the release, the journalist does not, the marketer
wants to match as many as possible. El Emam, Guide to the De-Identification of Personal Health
Information, 2013; Dankar & El Emam 2010, doi:10.1145/1754239.1754271. Class sizes F in the
matching population are checked when given, or counted from a table.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from midi_risk.document.assessment import EstimateKind, RiskEstimate
from midi_risk.errors import MeasureError
from midi_risk.risk.classes.classes import EquivalenceClasses
from midi_risk.risk.classes.columns import (
    FloatArray,
    as_names,
    decode_numbers,
    number_array,
    read_columns,
)
from midi_risk.risk.classes.keys import joint_codes
from midi_risk.risk.measures.registry import cited


def match_population(
    data: Any,
    population: Any,
    quasi_identifiers: Hashable | Sequence[Hashable],
    *,
    counts: Hashable | None = None,
) -> FloatArray:
    """Count the people of a population table who are equal to each record.

    Parameters
    ----------
    data, population : table
        Release and population, with the same quasi-identifiers; values must be written alike.
        A missing value equals a missing value.
    quasi_identifiers : hashable or sequence of hashable
        Column names in both tables.
    counts : hashable, optional
        Column of `population` with the number of people per row; one each without it.

    Returns
    -------
    numpy.ndarray of shape (n,)
        F of each record; 0 where the population has nobody like it.

    Raises
    ------
    MeasureError
        If a column is absent or a count is negative.

    Examples
    --------
    >>> release = {"sex": ["F", "M"]}
    >>> match_population(release, {"sex": ["F", "F", "M", "M", "M"]}, ["sex"]).tolist()
    [2.0, 3.0]
    """
    names = as_names(quasi_identifiers)
    ours, theirs, size = joint_codes(data, population, names)
    people = np.ones(len(theirs))
    if counts is not None:
        people = decode_numbers(read_columns(population, [counts])[1][0])
        if np.any(~(people >= 0)):
            raise MeasureError(f"Column {counts!r} of the population must hold counts")
    totals = np.bincount(theirs, people, minlength=size).astype(np.float64, copy=False)
    return totals[ours]


def population_of(
    classes: EquivalenceClasses, population_sizes: npt.ArrayLike | None = None
) -> FloatArray | None:
    """Return F of each class, checked against f.

    Parameters
    ----------
    classes : EquivalenceClasses
        May carry F already.
    population_sizes : array_like of shape (u,) or (n,), optional
        F per class or per record; overrides what the classes carry.

    Returns
    -------
    numpy.ndarray of shape (u,) or None
        None when nobody gave F. A sum of weights below f (weights under 1) is raised to f.

    Raises
    ------
    MeasureError
        If F is below f, not finite, or of another shape.
    """
    if population_sizes is None:
        if classes.population_sizes is None:
            return None
        given = classes.population_sizes
        if classes.population_source == "weights":
            return np.maximum(given, classes.sizes.astype(np.float64))
    else:
        given = number_array("population sizes", population_sizes)
    if given.shape == (classes.n,) and classes.n != classes.n_classes:
        per_class = given[classes.first_records()]
        if np.any(per_class[classes.class_of_record] != given):
            raise MeasureError("Records of one equivalence class have different population sizes")
        given = per_class
    if given.shape != (classes.n_classes,):
        raise MeasureError("There must be one population size per class or per record")
    below = int(np.count_nonzero(~(given >= classes.sizes) | np.isinf(given)))
    if below:
        raise MeasureError(
            f"The population class is smaller than the released class, or unknown, in {below} "
            f"of {classes.n_classes} classes",
            hint="The population must contain every released subject",
        )
    return given


REFERENCE = cited("elemam2013", "dankar2010")


class AttackerRisk(NamedTuple):
    """Maximum, mean and share of records at risk under one attacker."""

    maximum: float
    mean: float
    at_risk: float | None
    mean_rule: str


def identity_risk(
    classes: EquivalenceClasses,
    *,
    k: int | None = None,
    threshold: float | None = None,
    population_sizes: npt.ArrayLike | None = None,
    attacker: str = "",
) -> tuple[RiskEstimate, ...]:
    """Compute the risk of identity disclosure under the three attackers.

    Parameters
    ----------
    classes : EquivalenceClasses
        Classes of the release.
    k : int, optional
        Smallest accepted class size: a record is at risk when its class is smaller. Integers
        are compared, so k = 11 accepts a class of 11 although 1/11 is above 0.09.
    threshold : float, optional
        Largest accepted risk instead of `k`, compared as it is written.
    population_sizes : array_like of shape (u,) or (n,), optional
        Class size F in the matching population, per class or per record; `classes` may carry
        it already.
    attacker : str
        Name of the adversary, repeated in each estimate.

    Returns
    -------
    tuple of RiskEstimate
        ``prosecutor_max``, ``prosecutor_mean``, and, when F is known, ``journalist_max``,
        ``journalist_mean``, ``marketer_mean``; with `k` or `threshold` also
        ``prosecutor_at_risk`` and ``journalist_at_risk``. Without F the marketer is the
        prosecutor's mean, since F is then at least f; this is a bound and says so.

    Raises
    ------
    MeasureError
        If there are no records, F is below f, or both `k` and `threshold` are given.

    Examples
    --------
    >>> from midi_risk.risk import equivalence_classes
    >>> table = {"age": [61, 61, 61, 70, 70]}
    >>> for risk in identity_risk(equivalence_classes(table, ["age"]), k=3):
    ...     print(risk.measure, round(risk.value, 3), risk.passed)
    prosecutor_max 0.5 False
    prosecutor_mean 0.4 None
    prosecutor_at_risk 0.4 None
    marketer_mean 0.4 None
    """
    if k is not None and threshold is not None:
        raise MeasureError("Give k or a threshold, not both")
    if k is not None and (k < 1 or int(k) != k):
        raise MeasureError("k must be a whole number of at least 1")
    if threshold is not None and not 0 < threshold <= 1:
        raise MeasureError("A risk threshold must lie above 0 and at most at 1")
    if not classes.n:
        raise MeasureError("Identity risk is not defined without records")
    f = classes.sizes.astype(np.float64)
    population = population_of(classes, population_sizes)
    limit = 1 / k if k is not None else threshold
    make = _Maker(classes.n, attacker, limit)
    prosecutor = attacker_risk(classes.counts, f, k=k, threshold=threshold)
    risks = [
        make.maximum("prosecutor_max", prosecutor, "1 / smallest class of the release"),
        make.mean("prosecutor_mean", prosecutor, "mean over records of 1/f"),
        make.share("prosecutor_at_risk", prosecutor, k),
    ]
    if population is None:
        risks.append(
            make.estimate(
                "marketer_mean",
                prosecutor.mean,
                "mean over records of 1/f: an upper bound, F is at least f",
                lower=0.0,
                kind=EstimateKind.BOUND,
            )
        )
    else:
        estimated = classes.population_source == "weights" and population_sizes is None
        make = make._replace(kind=EstimateKind.ESTIMATE if estimated else EstimateKind.EXACT)
        journalist = attacker_risk(classes.counts, population, k=k, threshold=threshold, f=f)
        marketer = float(np.dot(classes.counts, 1 / population)) / classes.n
        risks += [
            make.maximum("journalist_max", journalist, "1 / smallest class of the population"),
            make.mean("journalist_mean", journalist, journalist.mean_rule),
            make.share("journalist_at_risk", journalist, k),
            make.estimate("marketer_mean", marketer, "mean over records of 1/F"),
        ]
    return tuple(risk for risk in risks if risk is not None)


def attacker_risk(
    counts: npt.NDArray[Any],
    sizes: npt.NDArray[Any],
    *,
    k: float | None = None,
    threshold: float | None = None,
    f: npt.NDArray[Any] | None = None,
) -> AttackerRisk:
    """Compute the three statistics of one attacker.

    Parameters
    ----------
    counts : numpy.ndarray of shape (u,)
        Records of each class.
    sizes : numpy.ndarray of shape (u,)
        Class size that the attacker meets: f for the prosecutor, F for the journalist.
    k : float, optional
        A record is at risk when its class is smaller.
    threshold : float, optional
        A record is at risk when 1/size is larger.
    f : numpy.ndarray of shape (u,), optional
        Class sizes of the release; given for the journalist, whose mean is the larger of
        |J| / sum F (from the population list) and mean f/F (from the release).

    Returns
    -------
    AttackerRisk
    """
    n = int(counts.sum())
    risk = 1 / sizes
    mean = float(np.dot(counts, risk)) / n
    rule = "mean over records of 1/f"
    if f is not None:
        from_population = len(sizes) / float(sizes.sum())
        rule = "mean over records of 1/F: starts from the release"
        if from_population > mean:
            mean, rule = from_population, "classes / sum of F: starts from the population"
    at_risk = None
    if k is not None:
        at_risk = float(counts[sizes < k].sum()) / n
    elif threshold is not None:
        at_risk = float(counts[risk > threshold].sum()) / n
    return AttackerRisk(float(risk.max()), mean, at_risk, rule)


def strict_mean(
    classes: EquivalenceClasses,
    *,
    floor: int = 3,
    population_sizes: npt.ArrayLike | None = None,
    attacker: str = "",
) -> RiskEstimate:
    """Compute the strict average: the mean, valid only if no class is below a floor.

    Parameters
    ----------
    classes : EquivalenceClasses
        Classes of the release.
    floor : int
        Smallest class size that an average may stand on (3 for 0.33, 2 for 0.5).
    population_sizes : array_like, optional
        As in `identity_risk`; the mean is then over 1/F.
    attacker : str
        Name of the adversary.

    Returns
    -------
    RiskEstimate
        ``prosecutor_strict_mean`` or ``journalist_strict_mean``. A class below the floor sets
        `passed` to False and `value` to the maximum risk, which then governs.

    Examples
    --------
    >>> from midi_risk.risk import equivalence_classes
    >>> classes = equivalence_classes({"age": [61, 61, 61, 70, 70]}, ["age"])
    >>> strict_mean(classes, floor=2).value, strict_mean(classes, floor=3).value
    (0.4, 0.5)
    """
    if not classes.n:
        raise MeasureError("A mean risk is not defined without records")
    f = classes.sizes.astype(np.float64)
    population = population_of(classes, population_sizes)
    sizes = f if population is None else population
    risk = attacker_risk(classes.counts, sizes, f=None if population is None else f)
    kept = bool(sizes.min() >= floor)
    value = risk.mean if kept else risk.maximum
    rule = f"mean, no class below {floor}" if kept else f"maximum: a class is below {floor}"
    return RiskEstimate(
        measure="prosecutor_strict_mean" if population is None else "journalist_strict_mean",
        attacker=attacker,
        value=value,
        lower=value,
        upper=value,
        kind=EstimateKind.EXACT,
        n=classes.n,
        passed=None if kept else False,
        method=rule,
        reference=cited("ipc2016"),
    )


class _Maker(NamedTuple):
    """Estimates that share their subject count, adversary and limit."""

    n: int
    attacker: str
    limit: float | None
    kind: EstimateKind = EstimateKind.EXACT

    def estimate(
        self,
        measure: str,
        value: float,
        method: str,
        *,
        lower: float | None = None,
        kind: EstimateKind | None = None,
        threshold: float | None = None,
    ) -> RiskEstimate:
        return RiskEstimate(
            measure=measure,
            attacker=self.attacker,
            value=value,
            lower=value if lower is None else lower,
            upper=value,
            kind=kind or self.kind,
            n=self.n,
            threshold=threshold,
            passed=None if threshold is None else value <= threshold,
            method=method,
            reference=REFERENCE,
        )

    def maximum(self, measure: str, risk: AttackerRisk, method: str) -> RiskEstimate:
        # 1/size <= 1/k exactly when size >= k, in floating point as well: division is monotone.
        return self.estimate(measure, risk.maximum, method, threshold=self.limit)

    def mean(self, measure: str, risk: AttackerRisk, method: str) -> RiskEstimate:
        return self.estimate(measure, risk.mean, method)

    def share(self, measure: str, risk: AttackerRisk, k: int | None) -> RiskEstimate | None:
        if risk.at_risk is None:
            return None
        rule = f"class size < {k}" if k is not None else f"1/size > {self.limit}"
        return self.estimate(measure, risk.at_risk, f"share of records with {rule}")


Floats = npt.NDArray[np.float64]

MEMBERSHIP_REFERENCE = "derived from El Emam 2013: prosecutor and journalist, weighted"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassRisk:
    """Probability of a right match in each class (or of each record).

    Parameters
    ----------
    counts : numpy.ndarray of int64, shape (u,)
        Subjects in each class.
    prosecutor : numpy.ndarray, shape (u,)
        1 / f.
    expected, cautious, optimistic : numpy.ndarray, shape (u,)
        Against the population: E[1/F | f], what holds with 95 % probability, and the
        expectation at the other end of a declared interval.
    exact : bool
        Whether the three are one figure that is not estimated.
    """

    counts: npt.NDArray[np.int64]
    prosecutor: Floats
    expected: Floats
    cautious: Floats
    optimistic: Floats
    exact: bool = False

    @classmethod
    def of_release(cls, counts: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64]) -> ClassRisk:
        """Return the risk where nobody outside the release is counted on: F = f."""
        risk = 1 / np.asarray(sizes, dtype=np.float64)
        return cls(
            counts=counts,
            prosecutor=risk,
            expected=risk,
            cautious=risk,
            optimistic=risk,
            exact=True,
        )

    @property
    def population(self) -> Floats:
        """Population class size that is reached with 95 % probability, shape (u,)."""
        return np.maximum(1.0, 1 / self.cautious)

    def weighted(self, membership: float) -> Floats:
        """Return w / f + (1 - w) times the cautious population risk, shape (u,)."""
        return membership * self.prosecutor + (1 - membership) * self.cautious


def membership_risk(
    risk: ClassRisk, weight: tuple[float, float], *, k: int, attacker: str = ""
) -> tuple[RiskEstimate, ...]:
    """Return the risk when it is not certain that the attacker knows who is in the release.

    ``R_j = w / f_j + (1 - w) / F_j``: w = 1 is the prosecutor, w = 0 the journalist.

    Parameters
    ----------
    risk : ClassRisk
    weight : (float, float)
        Interval of w; the high end governs, since f is never above F.
    k : int
        Subjects with a risk above 1 / k are at risk.
    attacker : str

    Returns
    -------
    tuple of RiskEstimate
        ``membership_max``, ``membership_mean`` and ``membership_at_risk``.

    Examples
    --------
    >>> sizes, people = np.array([1, 2]), np.array([10.0, 40.0])
    >>> both = ClassRisk(
    ...     counts=sizes, prosecutor=1 / sizes, expected=1 / people, cautious=1 / people,
    ...     optimistic=1 / people,
    ... )
    >>> [round(r.value, 4) for r in membership_risk(both, (0.5, 0.5), k=11)]
    [0.55, 0.3583, 1.0]
    """
    low, high = weight
    n = int(risk.counts.sum())
    share = risk.counts / n
    limit = (1 / k) * (1 + 1e-12)

    def mixed(w: float, people: Floats) -> Floats:
        return w * risk.prosecutor + (1 - w) * people

    value, least, most = (
        mixed(high, risk.expected),
        mixed(low, risk.optimistic),
        mixed(high, risk.cautious),
    )
    told = f"w = {high:g}" if low == high else f"w = {high:g}, the high end of {low:g} to {high:g}"
    figures = {
        "max": [float(x.max()) for x in (value, least, most)],
        "mean": [float(share @ x) for x in (value, least, most)],
        "at_risk": [float(share @ (x > limit)) for x in (value, least, most)],
    }
    return tuple(
        RiskEstimate(
            measure=f"membership_{name}",
            attacker=attacker,
            value=found,
            lower=min(found, lower),
            upper=max(found, upper),
            kind=EstimateKind.EXACT if risk.exact else EstimateKind.ESTIMATE,
            n=n,
            method=f"w / f + (1 - w) / F, {told}; w = 1 is the prosecutor, w = 0 the journalist",
            reference=MEMBERSHIP_REFERENCE,
        )
        for name, (found, lower, upper) in figures.items()
    )
