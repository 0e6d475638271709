"""Identity disclosure: prosecutor, journalist and marketer.

The prosecutor knows that the target is in the release, the journalist does not, the marketer
wants to match as many as possible. El Emam, Guide to the De-Identification of Personal Health
Information, 2013; Dankar & El Emam 2010, doi:10.1145/1754239.1754271.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from midi_risk.errors import MeasureError
from midi_risk.risk.classes import EquivalenceClasses
from midi_risk.risk.estimate import EstimateKind, RiskEstimate
from midi_risk.risk.population_match import population_of

REFERENCE = "El Emam 2013; Dankar & El Emam 2010, doi:10.1145/1754239.1754271"


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

    References
    ----------
    Information and Privacy Commissioner of Ontario, De-identification Guidelines for
    Structured Data, 2016.
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
        reference="IPC Ontario 2016",
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
