"""Identity risk against the population that a threat model names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.attributes.model import Attribute
from midi_risk.errors import ThreatModelError
from midi_risk.risk.class_risk import ClassRisk
from midi_risk.risk.classes import EquivalenceClasses
from midi_risk.risk.estimate import EstimateKind, RiskEstimate
from midi_risk.risk.identity import identity_risk
from midi_risk.risk.loglinear import LogLinear, fit_log_linear
from midi_risk.risk.modelled_risk import class_risk, modelled_risk
from midi_risk.risk.superpopulation import PitmanYor, fit_pitman_yor
from midi_risk.risk.table_results import table_results
from midi_risk.threat.model import Interval, ThreatModel

_MODELS = {
    "pitman-yor": "Pitman 1995, doi:10.1007/BF01213386; Hoshino 2001",
    "log-linear": "Skinner & Holmes 1998; Skinner & Shlomo 2008, doi:10.1198/016214507000001328",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationRisk:
    """Unjudged results against a population.

    Parameters
    ----------
    results : tuple of RiskEstimate
    text : str
        The population in words.
    classes : ClassRisk
        The risk of each class that the results sum up.
    """

    results: tuple[RiskEstimate, ...]
    text: str
    classes: ClassRisk


def population_results(
    classes: EquivalenceClasses,
    codes: npt.NDArray[np.int64],
    frame: pd.DataFrame,
    known: Sequence[Attribute],
    model: ThreatModel,
    *,
    k: int,
    attacker: str,
) -> PopulationRisk:
    """Return unjudged results against the population that the model names.

    Parameters
    ----------
    classes : EquivalenceClasses
        Classes on what the adversary knows.
    codes : numpy.ndarray of int64, shape (n, q)
        Codes that the classes were made from.
    frame : pandas.DataFrame
        The table as it would be released.
    known : sequence of Attribute
        Attributes that the adversary knows, in the order of the classes.
    model : ThreatModel
    k : int
        Class size that is required.
    attacker : str
        Name of the adversary.

    Raises
    ------
    ThreatModelError
        When the population cannot be what the model says.
    """
    settings = model.population
    if settings.kind in {"size", "estimate"}:
        return _estimated(classes, codes, model, k=k, attacker=attacker)
    if settings.kind == "table":
        results, text, risk = table_results(classes, frame, known, model, k=k, attacker=attacker)
        return PopulationRisk(results=results, text=text, classes=risk)
    return PopulationRisk(
        results=identity_risk(classes, k=k, population_sizes=classes.sizes, attacker=attacker),
        text="the release itself: nobody outside it is counted on (F = f)",
        classes=ClassRisk.of_release(classes.counts, classes.sizes),
    )


def _people(classes: EquivalenceClasses, model: ThreatModel) -> tuple[int, int]:
    """Return the smallest and the largest size of the population that was declared."""
    settings = model.population
    if isinstance(settings.size, int):
        people = (settings.size, settings.size)
    elif isinstance(settings.fraction, Interval):
        fraction = settings.fraction
        people = (round(classes.n / fraction.high), round(classes.n / fraction.low))
    else:
        raise ThreatModelError(model.name, ["population: size or fraction is needed"])
    if people[0] < classes.n:
        raise ThreatModelError(
            model.name,
            [f"population.size is smaller than the {classes.n} subjects of the collection"],
            hint="Give the number of people who could be mistaken for the subjects",
        )
    return people


def _estimated(
    classes: EquivalenceClasses,
    codes: npt.NDArray[np.int64],
    model: ThreatModel,
    *,
    k: int,
    attacker: str,
) -> PopulationRisk:
    """Return results from a superpopulation model, or the bound where there is no fit."""
    fewest, most = _people(classes, model)
    name = str(model.population.model or "pitman-yor")
    text = f"{fewest} to {most} people" if fewest != most else f"{fewest} people"
    fitted, reason = _fit(classes, codes, name)
    if fitted is None:
        results = identity_risk(classes, k=k, population_sizes=classes.sizes, attacker=attacker)
        bounds = tuple(
            replace(
                r,
                kind=EstimateKind.BOUND,
                lower=0.0,
                method=f"{r.method}; bound F = f, since {name} gives no class sizes: {reason}",
            )
            if not r.measure.startswith("prosecutor")
            else r
            for r in results
        )
        return PopulationRisk(
            results=bounds,
            text=f"{text}; {name} gives no class sizes: {reason}",
            classes=replace(ClassRisk.of_release(classes.counts, classes.sizes), exact=False),
        )
    expected, unique = _per_class(fitted, classes, fewest)
    optimistic, low_unique = _per_class(fitted, classes, most)
    risk = class_risk(classes, expected, 1 / _assured(fitted, classes, fewest), optimistic)
    results = modelled_risk(
        classes,
        risk,
        k=k,
        attacker=attacker,
        method=f"E[1/F | f] under the {name} model, N = {fewest}",
        reference=_MODELS[name],
    )
    share = float((classes.counts @ unique) / classes.n)
    fewer = float((classes.counts @ low_unique) / classes.n)
    alone = RiskEstimate(
        measure="population_unique",
        attacker=attacker,
        value=share,
        lower=min(share, fewer),
        upper=share,
        kind=EstimateKind.ESTIMATE,
        n=classes.n,
        method=f"expected share of subjects unique in the population, {name}, N = {fewest}",
        reference=_MODELS[name],
    )
    return PopulationRisk(
        results=(*results, alone), text=f"{text}; {name} model fitted to the release", classes=risk
    )


def _fit(
    classes: EquivalenceClasses, codes: npt.NDArray[np.int64], name: str
) -> tuple[PitmanYor | LogLinear | None, str]:
    """Return the fitted model, or why there is none."""
    if name == "pitman-yor":
        fit = fit_pitman_yor(classes.sizes)
        return (fit, "") if isinstance(fit, PitmanYor) else (None, fit.reason)
    if name == "log-linear":
        found = fit_log_linear(codes)
        return (found, "") if isinstance(found, LogLinear) else (None, found.reason)
    return None, "it estimates the number of population uniques only"


def _per_class(
    fitted: PitmanYor | LogLinear, classes: EquivalenceClasses, people: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return E[1/F | f] and P(F = 1 | f) of each class."""
    if isinstance(fitted, PitmanYor):
        expected = fitted.expected_inverse(classes.sizes, n=classes.n, population=people)
        alone = fitted.probability_population_unique(classes.n, people)
        return expected, np.where(classes.sizes == 1, alone, 0.0)
    fraction = classes.n / people
    first = classes.first_records()
    return (
        fitted.expected_inverse(fraction)[first],
        fitted.probability_population_unique(fraction)[first],
    )


def _assured(
    fitted: PitmanYor | LogLinear, classes: EquivalenceClasses, people: int
) -> npt.NDArray[np.float64]:
    """Return the class size that is reached with 95 % probability."""
    if isinstance(fitted, PitmanYor):
        sizes = fitted.quantile(classes.sizes, n=classes.n, population=people)
    else:
        sizes = fitted.quantile(classes.n / people)[classes.first_records()]
    return np.asarray(sizes, dtype=np.float64)
