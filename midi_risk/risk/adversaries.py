"""The risk under each adversary of a threat model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from midi_risk.attributes.model import Attribute
from midi_risk.document.assessment import EstimateKind, Quantile, RiskEstimate, Uncertainty
from midi_risk.errors import ThreatModelError
from midi_risk.risk.classes.classes import EquivalenceClasses
from midi_risk.risk.measures.identity import ClassRisk, membership_risk
from midi_risk.risk.measures.imprecise import known_attributes, matching_risk, matching_sizes
from midi_risk.risk.measures.repeated import ReleasedSizes, released_sizes
from midi_risk.risk.measures.uncertainty import declared_uncertainty
from midi_risk.risk.population.results import PopulationRisk, population_results
from midi_risk.table.model import SubjectTable
from midi_risk.threat.library import attempt_probability, explained
from midi_risk.threat.model import (
    SMALLEST_CLASS,
    Adversary,
    Interval,
    ThreatModel,
    data_risk_budget,
    ends,
    required_class_size,
)

_EPSILON = 1e-12
_ASKED = {"marketer": "journalist"}
"""Attack -> the attack whose largest risk shows its smallest class."""


def as_judged(table: SubjectTable, models: Sequence[ThreatModel]) -> SubjectTable:
    """Return the table with unknown values as the strictest of the models takes them.

    Under ``wildcard`` an unknown value may be any value. Where the release is not controlled it
    hides nobody but the subject who has it: it enlarges no class of a known value, since whoever
    looks for that value can leave the unknown ones aside.

    Parameters
    ----------
    table : SubjectTable
    models : sequence of ThreatModel
    """
    if table.missing != "wildcard" or all(model.release == "controlled" for model in models):
        return table
    return replace(table, missing="wildcard-cautious")


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
    against : PopulationRisk
        The population that was used, and what it makes of each class.
    results : tuple of RiskEstimate
        Data risk, given an attempt; thresholds are the data-risk budget.
    classes : EquivalenceClasses
    budget : float
        Data-risk budget: the largest data risk that the attempt leaves, at most 1/3.
    verification : float or None
        Probability that a right match can be verified; None when it is not counted.
    uncertainty : Uncertainty or None
        What the declared intervals do; None when nothing was declared, or not asked for.
    """

    model: ThreatModel
    adversary: Adversary
    attempt: float
    attempt_source: str
    knows: dict[str, str]
    required_size: int
    against: PopulationRisk
    results: tuple[RiskEstimate, ...]
    classes: EquivalenceClasses
    budget: float
    verification: float | None = None
    uncertainty: Uncertainty | None = None

    @property
    def population(self) -> str:
        """The population that was used, in words."""
        return self.against.text

    @property
    def class_risk(self) -> ClassRisk:
        """The risk of each class that the results sum up."""
        return self.against.classes

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
    *,
    seed: int | None = None,
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
    seed : int, optional
        Draws the declared intervals with this seed; without it they are not drawn.

    Raises
    ------
    ThreatModelError
        When the population cannot be what the model says.

    Notes
    -----
    Pr(re-identification) = Pr(attempt) x data risk, so the data risk is compared with the
    budget threshold / attempt, as class sizes (El Emam 2013; method note 2.1). However rare an
    attempt is, no class may be smaller than 3, in the population of each attack: subjects of
    the release for the prosecutor, people of the population for the others. Where subjects have
    several released values of what is known, classes are matching sets on these values, and the
    release stands for any population: nobody is hidden by fewer. A verification factor
    multiplies the attempt. Of an interval the conservative end counts.
    """
    attempt, attempt_source = attempt_probability(adversary)
    verification = None if adversary.verification is None else ends(adversary.verification)[1]
    pressure = attempt * (1.0 if verification is None else verification)
    if verification is not None and verification < 1:
        attempt_source += f"; verified with {verification:g}, {explained(adversary)}"
    if not pressure > 0:
        fault = f"adversary '{adversary.name}': an attempt is never impossible: give more than 0"
        raise ThreatModelError(model.name, [fault])
    table = as_judged(table, [model])
    knows = dict(known_attributes(quasi_identifiers, adversary))
    codes = table.codes(list(knows))
    classes = EquivalenceClasses.from_codes(codes, names=list(knows), missing=table.missing)
    known = [a for a in quasi_identifiers if a.name in knows]
    repeated = released_sizes(table, known, knows, adversary.visits)
    situation = _Situation(
        table=table,
        known=known,
        codes=codes,
        classes=classes,
        sizes=matching_sizes(table, known, knows) if repeated is None else repeated.sizes,
        repeated=repeated,
        adversary=adversary,
        k=required_class_size(pressure, model.threshold.k),
    )
    found = situation.data_risk(model)
    weight = None if adversary.membership is None else ends(adversary.membership)
    judged = situation.judged(found, model, weight, pressure)

    def figure(fraction: float | None, membership: float | None) -> float:
        """Return the data risk that is judged, at these values."""
        fixed = fraction is None or not found.judged
        part = found if fixed or fraction is None else situation.data_risk(_at(model, fraction))
        w = weight if membership is None else (membership, membership)
        figures = situation.judged(part, model, w, pressure)
        return max(result.upper for result in figures if result.passed is not None)

    return AdversaryRisk(
        model=model,
        adversary=adversary,
        attempt=attempt,
        attempt_source=attempt_source,
        knows=knows,
        required_size=situation.k,
        against=found,
        results=judged,
        classes=classes,
        budget=data_risk_budget(pressure, model.threshold.k),
        verification=verification,
        uncertainty=None
        if seed is None
        else declared_uncertainty(figure, model, adversary, seed=seed, subjects=classes.n),
    )


def _at(model: ThreatModel, fraction: float) -> ThreatModel:
    """Return the model with the sampling fraction at one value."""
    population = model.population.model_copy(
        update={"fraction": Interval(low=fraction, high=fraction)}
    )
    return model.model_copy(update={"population": population})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Situation:
    """What an adversary faces, before the population is fixed."""

    table: SubjectTable
    known: Sequence[Attribute]
    codes: npt.NDArray[np.int64]
    classes: EquivalenceClasses
    sizes: npt.NDArray[np.int64] | None
    repeated: ReleasedSizes | None
    adversary: Adversary
    k: int

    def smallest(self, model: ThreatModel) -> float:
        """Return the smallest number of subjects who look alike to the adversary."""
        if self.sizes is not None and self.matched(model):
            return float(self.sizes.min())
        return float(self.classes.minimum or 0)

    def matched(self, model: ThreatModel) -> bool:
        """Tell whether matching sets in the release are the judged classes."""
        return self.repeated is not None or model.population.kind in {"sample", "bound"}

    def data_risk(self, model: ThreatModel) -> PopulationRisk:
        """Return unjudged results against the population of a model."""
        name = self.adversary.name
        found = population_results(
            self.classes, self.codes, self.table.frame, self.known, model, k=self.k, attacker=name
        )
        if self.sizes is None:
            return found
        if not self.matched(model):
            return replace(
                found, results=tuple(_as_bound(result, _ROUGH) for result in found.results)
            )
        each = np.ones(len(self.sizes), dtype=np.int64)
        return replace(
            found,
            results=(
                *self._matching(model),
                *(r for r in found.results if r.measure.startswith("population")),
            ),
            classes=ClassRisk.of_release(each, self.sizes),
        )

    def _matching(self, model: ThreatModel) -> Iterator[RiskEstimate]:
        """Yield the results on matching sets; bounds where more people may match."""
        assert self.sizes is not None  # noqa: S101 - only asked for when there are sizes
        repeated = self.repeated
        larger = model.population.kind not in {"sample", "bound"}
        for result in matching_risk(self.sizes, k=self.k, attacker=self.adversary.name):
            why = [] if repeated is None or not repeated.bound else [repeated.bound]
            if larger and not result.measure.startswith("prosecutor"):
                why.append("values repeat, so the release stands for the population")
            yield _as_bound(result, ", ".join(why)) if why else result

    def judged(
        self,
        found: PopulationRisk,
        model: ThreatModel,
        weight: tuple[float, float] | None,
        pressure: float,
    ) -> tuple[RiskEstimate, ...]:
        """Return the results that the adversary's attacks ask for, judged."""
        shown = {*self.adversary.attack, "population"}
        results = found.results
        if weight is not None:
            shown |= {"prosecutor", "journalist", "membership"}
            mixed = membership_risk(found.classes, weight, k=self.k, attacker=self.adversary.name)
            results = (*results, *mixed)
        smallest = self.smallest(model)
        chosen: list[RiskEstimate] = []
        worst = {result.measure: result for result in results}
        for result in results:
            kind = result.measure.split("_", 1)[0]
            if kind not in shown:
                continue
            if weight is not None and kind in {"prosecutor", "journalist"}:
                chosen.append(_judged_as(result, None, None))
            else:
                largest = worst.get(f"{_ASKED.get(kind, kind)}_max", result)
                hidden = _exactly(largest, smallest, SMALLEST_CLASS)
                chosen.append(_judged(result, model, smallest, self.k, pressure, hidden))
        return tuple(_with_tail(result, found.classes, weight) for result in chosen)


TAIL = (0.5, 0.9, 0.95, 0.99, 1.0)
"""Shares of the subjects whose risk stands beside a mean."""


def _with_tail(
    result: RiskEstimate, each: ClassRisk, weight: tuple[float, float] | None
) -> RiskEstimate:
    """Return a mean with the risks that shares of the subjects do not exceed, as judged."""
    kind, _, statistic = result.measure.rpartition("_")
    if statistic != "mean":
        return result
    risk = each.prosecutor if kind == "prosecutor" else each.cautious
    if kind == "membership" and weight is not None:
        risk = each.weighted(weight[1])
    of_subjects = np.repeat(risk, each.counts)
    tail = [
        Quantile(share=q, risk=float(np.quantile(of_subjects, q, method="inverted_cdf")))
        for q in TAIL
    ]
    return result.model_copy(update={"tail": tail})


_ROUGH = "imprecise knowledge taken as exact"


def _as_bound(result: RiskEstimate, why: str) -> RiskEstimate:
    """Mark a result that supposes more than the adversary knows: an upper bound."""
    method = f"{result.method}; {why}, so this is an upper bound"
    changes = {"kind": EstimateKind.BOUND, "lower": 0.0, "method": method}
    return result.model_copy(update=changes)


def _judged_as(result: RiskEstimate, threshold: float | None, passed: bool | None) -> RiskEstimate:
    """Return the result with a threshold and whether it passes."""
    return result.model_copy(update={"threshold": threshold, "passed": passed})


def _judged(
    result: RiskEstimate,
    model: ThreatModel,
    smallest: float,
    size: int,
    attempt: float,
    hidden: bool,
) -> RiskEstimate:
    """Set threshold and verdict of the results that the model's statistic governs.

    An average passes only when nobody is in a smaller class than any attempt accepts.
    """
    threshold = model.threshold
    statistic = result.measure.rsplit("_", 1)[1]
    if threshold.statistic == "maximum":
        if statistic == "max":
            passed = _exactly(result, smallest, size)
            return _judged_as(result, 1 / size, passed)
        if result.measure != "marketer_mean":
            return _judged_as(result, None, None)
    elif statistic != "mean":
        return _judged_as(result, None, None)
    budget = data_risk_budget(attempt, threshold.k)
    passed = hidden and result.upper <= budget * (1 + _EPSILON)
    if threshold.statistic == "strict-average" and passed:
        passed = smallest >= threshold.floor
    return _judged_as(result, budget, passed)


def _exactly(result: RiskEstimate, smallest: float, size: int) -> bool:
    """Compare class sizes as integers where the result is one over a class size."""
    if result.kind is EstimateKind.EXACT:
        return smallest >= size
    return result.upper <= (1 / size) * (1 + _EPSILON)
