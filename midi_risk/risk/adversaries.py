"""The risk under each adversary of a threat model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from midi_risk.attributes.model import Attribute
from midi_risk.risk.classes import EquivalenceClasses
from midi_risk.risk.estimate import EstimateKind, RiskEstimate
from midi_risk.risk.imprecise import matching_risk, matching_sizes
from midi_risk.risk.knowledge import known_attributes
from midi_risk.risk.population_results import population_results
from midi_risk.table.model import SubjectTable
from midi_risk.threat.context import required_class_size
from midi_risk.threat.library import attempt_probability
from midi_risk.threat.model import Adversary, ThreatModel

_EPSILON = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class AdversaryRisk:
    """What one adversary of one model achieves.

    Parameters
    ----------
    model : ThreatModel
    adversary : Adversary
    attempt : float
        Probability of an attempt, and where it comes from.
    attempt_source : str
    knows : dict of str to str
        Released attributes that are known, with the precision.
    required_size : int
        Smallest class size at which attempt x risk stays within the threshold.
    population : str
        The population that was used, in words.
    results : tuple of RiskEstimate
        Data risk, given an attempt; thresholds are the data-risk budget.
    classes : EquivalenceClasses
    """

    model: ThreatModel
    adversary: Adversary
    attempt: float
    attempt_source: str
    knows: dict[str, str]
    required_size: int
    population: str
    results: tuple[RiskEstimate, ...]
    classes: EquivalenceClasses

    @property
    def governing(self) -> RiskEstimate:
        """The judged result that uses most of its threshold, failures first."""
        judged = [result for result in self.results if result.passed is not None]
        return max(judged, key=lambda r: (not r.passed, r.upper / (r.threshold or 1)))


def adversary_risk(
    table: SubjectTable,
    quasi_identifiers: Sequence[Attribute],
    model: ThreatModel,
    adversary: Adversary,
) -> AdversaryRisk:
    """Compute the data risk under one adversary.

    Parameters
    ----------
    table : SubjectTable
        As it would be released.
    quasi_identifiers : sequence of Attribute
        Quasi-identifiers in the table.
    model, adversary : ThreatModel, Adversary
        With every required number filled in.

    Raises
    ------
    ThreatModelError
        When the population cannot be what the model says.

    Notes
    -----
    Pr(re-identification) = Pr(attempt) x data risk, so the data risk is compared with the
    budget min(1, threshold / attempt), as class sizes (El Emam 2013; method note 2.1).
    """
    attempt, attempt_source = attempt_probability(adversary)
    knows = dict(known_attributes(quasi_identifiers, adversary))
    names = list(knows)
    codes = table.codes(names)
    classes = EquivalenceClasses.from_codes(codes, names=names, missing=table.missing)
    size = required_class_size(attempt, model.threshold.k)
    known = [a for a in quasi_identifiers if a.name in knows]
    results, population = population_results(
        classes, codes, table.frame, known, model, k=size, attacker=adversary.name
    )
    sizes = matching_sizes(table, known, knows)
    smallest = float(classes.minimum or 0)
    if sizes is not None and model.population.kind in {"sample", "bound"}:
        results = matching_risk(sizes, k=size, attacker=adversary.name)
        smallest = float(sizes.min())
    elif sizes is not None:
        results = tuple(_as_bound(result) for result in results)
    wanted = [r for r in results if r.measure.split("_", 1)[0] in (*adversary.attack, "population")]
    judged = tuple(_judged(result, model, smallest, size, attempt) for result in wanted)
    return AdversaryRisk(
        model=model,
        adversary=adversary,
        attempt=attempt,
        attempt_source=attempt_source,
        knows=knows,
        required_size=size,
        population=population,
        results=judged,
        classes=classes,
    )


def _as_bound(result: RiskEstimate) -> RiskEstimate:
    """Mark a result that takes imprecise knowledge as exact: an upper bound."""
    return replace(
        result,
        kind=EstimateKind.BOUND,
        lower=0.0,
        method=result.method + "; imprecise knowledge taken as exact, so this is an upper bound",
    )


def _judged(
    result: RiskEstimate,
    model: ThreatModel,
    smallest: float,
    size: int,
    attempt: float,
) -> RiskEstimate:
    """Set threshold and verdict of the results that the model's statistic governs."""
    threshold = model.threshold
    statistic = result.measure.rsplit("_", 1)[1]
    if threshold.statistic == "maximum":
        if statistic == "max":
            passed = _exactly(result, smallest, size)
            return replace(result, threshold=1 / size, passed=passed)
        if result.measure != "marketer_mean":
            return replace(result, threshold=None, passed=None)
    elif statistic != "mean":
        return replace(result, threshold=None, passed=None)
    budget = min(1.0, threshold.risk / attempt)
    passed = result.upper <= budget * (1 + _EPSILON)
    if threshold.statistic == "strict-average" and passed:
        passed = smallest >= threshold.floor
    return replace(result, threshold=budget, passed=passed)


def _exactly(result: RiskEstimate, smallest: float, size: int) -> bool:
    """Compare class sizes as integers where the result is one over a class size."""
    if result.kind is EstimateKind.EXACT:
        return smallest >= size
    return result.upper <= (1 / size) * (1 + _EPSILON)
