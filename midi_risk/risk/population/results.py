"""Identity risk against the population that a threat model names: a model of it, or a table.

A table gives expected class sizes, and sizes that are 95 % sure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.attributes.model import Attribute, Kind
from midi_risk.document.assessment import EstimateKind, RiskEstimate
from midi_risk.errors import ThreatModelError
from midi_risk.risk.classes.classes import EquivalenceClasses
from midi_risk.risk.classes.keys import Groups, first_records
from midi_risk.risk.measures.identity import ClassRisk, identity_risk
from midi_risk.risk.measures.registry import cited
from midi_risk.risk.population.loglinear import LogLinear, fit_log_linear
from midi_risk.risk.population.pitman_yor import PitmanYor, fit_pitman_yor
from midi_risk.risk.population.sizes import table_population
from midi_risk.threat.class_population import expected_class_sizes
from midi_risk.threat.model import Interval, ThreatModel
from midi_risk.threat.population import CASES, PopulationTable, allocate, load_table
from midi_risk.threat.sampling import admits_models, sampling_sentence


def modelled_risk(
    classes: EquivalenceClasses,
    risk: ClassRisk,
    *,
    k: int,
    attacker: str = "",
    method: str,
    reference: str,
) -> tuple[RiskEstimate, ...]:
    """Return identity risks when a model gives the population class sizes.

    Parameters
    ----------
    classes : EquivalenceClasses
    risk : ClassRisk
        Of each class.
    k : int
        Smallest accepted class size.
    attacker : str
        Name of the adversary.
    method, reference : str
        The model in words, and its source.

    Returns
    -------
    tuple of RiskEstimate
        The prosecutor's exact figures, who knows who is in the release, and estimates for
        the journalist and the marketer.
    """
    prosecutor = [
        r for r in identity_risk(classes, k=k, attacker=attacker) if r.measure != "marketer_mean"
    ]
    weight = classes.counts / classes.n
    limit = (1 / k) * (1 + 1e-12)
    expected, low, cautious = risk.expected, risk.optimistic, risk.cautious

    def estimate(measure: str, value: float, lower: float, upper: float) -> RiskEstimate:
        return RiskEstimate(
            measure=measure,
            attacker=attacker,
            value=value,
            lower=min(value, lower),
            upper=max(value, upper),
            kind=EstimateKind.ESTIMATE,
            n=classes.n,
            method=method,
            reference=reference,
        )

    means = [float(weight @ part) for part in (expected, low, cautious)]
    shares = [float(weight @ (part > limit)) for part in (expected, low, cautious)]
    return (
        *prosecutor,
        estimate("journalist_max", float(expected.max()), float(low.max()), float(cautious.max())),
        estimate("journalist_mean", *means),
        estimate("journalist_at_risk", *shares),
        estimate("marketer_mean", *means),
    )


def class_risk(
    classes: EquivalenceClasses,
    expected: npt.NDArray[np.float64],
    cautious: npt.NDArray[np.float64],
    optimistic: npt.NDArray[np.float64],
) -> ClassRisk:
    """Return the risk of each class when a model gives its population.

    Parameters
    ----------
    classes : EquivalenceClasses
    expected, cautious, optimistic : numpy.ndarray of shape (u,)
        As in `ClassRisk`; what is cautious is never below what is expected.
    """
    return ClassRisk(
        counts=classes.counts,
        prosecutor=1 / classes.sizes,
        expected=expected,
        cautious=np.maximum(expected, cautious),
        optimistic=np.minimum(expected, optimistic),
    )


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
    modelled : bool
        Whether a population beyond the release gives that risk; otherwise F = f.
    people : numpy.ndarray of shape (u,) or None
        People that a population table expects in each class; None without a table.
    total : float or None
        People of the whole table.
    """

    results: tuple[RiskEstimate, ...]
    text: str
    classes: ClassRisk
    modelled: bool = False
    people: npt.NDArray[np.float64] | None = None
    total: float | None = None


REFERENCE = "Skinner & Holmes 1998; population table as named"
AREAS = "us-population-2024"
"""Table whose people split cases over areas."""

_BY_KIND = {"age": Kind.AGE, "sex": Kind.SEX}


def matched_dimensions(
    table: PopulationTable, known: Sequence[Attribute], declared: dict[str, str]
) -> dict[str, str]:
    """Return which attribute stands for which dimension of a population table.

    Parameters
    ----------
    table : PopulationTable
    known : sequence of Attribute
        Attributes that the adversary knows.
    declared : dict of str to str
        Dimension -> attribute, from the threat model; it wins.

    Returns
    -------
    dict of str to str
        Declared pairs that the adversary knows; without a declaration, age and sex by
        kind and other dimensions by name.
    """
    names = {a.name for a in known} | {a.keyword for a in known if a.keyword}
    if declared:
        return {
            dimension: next(a.name for a in known if name in {a.name, a.keyword})
            for dimension, name in declared.items()
            if name in names
        }
    found = {}
    for dimension in table.dimensions:
        for attribute in known:
            if attribute.name == dimension or _BY_KIND.get(dimension) is attribute.kind:
                found[dimension] = attribute.name
                break
    return found


def population_table(model: ThreatModel, wanted: Sequence[str]) -> PopulationTable:
    """Return the table of a threat model: its site, split over areas where that is asked.

    Parameters
    ----------
    model : ThreatModel
    wanted : sequence of str
        Dimensions that the threat model declares.
    """
    settings = model.population
    table = load_table(str(settings.table))
    if settings.site is not None:
        table = table.select(site=settings.site)
    if table.unit == CASES and "state" in wanted and "state" not in table.dimensions:
        table = allocate(table, load_table(AREAS))
    return table


def table_results(
    classes: EquivalenceClasses,
    frame: pd.DataFrame,
    known: Sequence[Attribute],
    model: ThreatModel,
    *,
    k: int,
    attacker: str,
) -> PopulationRisk:
    """Return unjudged results against a population table.

    Parameters
    ----------
    classes : EquivalenceClasses
    frame : pandas.DataFrame
        The table as it would be released, one row per subject.
    known : sequence of Attribute
        Attributes that the adversary knows.
    model : ThreatModel
    k : int
        Class size that is required.
    attacker : str
        Name of the adversary.

    Notes
    -----
    Of attributes that the table lacks nobody knows how they are distributed in the population:
    their share in the release would hide a person behind people who look otherwise. Where such
    an attribute tells subjects apart, nobody outside the release is counted on: the figures are
    bounds, F = f.
    """
    settings = model.population
    fraction = settings.fraction
    if not isinstance(fraction, Interval):
        raise ThreatModelError(model.name, ["population.fraction is needed: low and high"])
    table = population_table(model, list(settings.match))
    match = matched_dimensions(table, known, settings.match)
    if not match:
        raise ThreatModelError(
            model.name,
            ["population.match: nothing that the adversary knows is a dimension of the table"],
            hint=f"Map {', '.join(table.dimensions)} to attributes",
        )
    columns = list(dict.fromkeys(match.values()))
    first = first_records(Groups(classes.class_of_record, classes.counts))
    found = expected_class_sizes(
        table,
        frame[columns].iloc[first].reset_index(drop=True),
        n_subjects=classes.n,
        fraction=(fraction.low, fraction.high),
        match=match,
        window_years=settings.window_years,
        straddle=settings.straddle,
    )
    text = "; ".join(
        [f"{table.name} ({table.year}): {found.total:,.0f} people; {table.source}", *found.notes]
    )
    lacking = _told_apart(frame, [a.name for a in known if a.name not in columns])
    if lacking:
        why = f"{table.name} does not know {', '.join(lacking)}"
        return _bounded(classes, k=k, attacker=attacker, text=text, why=why)
    risk = table_population(classes.sizes, found.expected, fraction=(fraction.low, fraction.high))
    method = f"E[1/F | f] with F - f Poisson, expected sizes from {table.name}"
    if found.suppressed.any():
        method += "; suppressed cells of the table count as nothing"
    cautious = np.maximum(1 / risk.assured, risk.conservative)
    each = class_risk(classes, risk.risk, cautious, risk.low)
    results = modelled_risk(
        classes, each, k=k, attacker=attacker, method=method, reference=REFERENCE
    )
    whole = PopulationRisk(
        results=results,
        text=text,
        classes=each,
        modelled=True,
        people=found.expected,
        total=found.total,
    )
    return as_sampled(whole, classes, model, k=k, attacker=attacker, matched=tuple(match))


def as_sampled(
    found: PopulationRisk,
    classes: EquivalenceClasses,
    model: ThreatModel,
    *,
    k: int,
    attacker: str,
    matched: Sequence[str] = (),
) -> PopulationRisk:
    """Return the results of a model as the statement on the sample lets them be judged.

    Parameters
    ----------
    found : PopulationRisk
        What a model says.
    classes : EquivalenceClasses
    model : ThreatModel
    k : int
        Class size that is required.
    attacker : str
        Name of the adversary.
    matched : sequence of str
        Dimensions of the table that stand for attributes of the release.

    Returns
    -------
    PopulationRisk
        As it is where the statement admits models. Else each figure keeps its value, and its
        upper end, which is judged, is that of F = f.
    """
    sentence = sampling_sentence(model, matched)
    if admits_models(model.population, matched):
        return replace(found, text=f"{found.text}. {sentence}")
    shown = only_shown(found, classes, k=k, attacker=attacker, why="shown, not judged")
    return replace(shown, text=f"{found.text}. {sentence}")


def only_shown(
    found: PopulationRisk, classes: EquivalenceClasses, *, k: int, attacker: str, why: str
) -> PopulationRisk:
    """Return the results of a model with F = f as the upper end, which is judged.

    Parameters
    ----------
    found : PopulationRisk
        What a model says.
    classes : EquivalenceClasses
    k : int
        Class size that is required.
    attacker : str
        Name of the adversary.
    why : str
        What the figures say of themselves.
    """
    release = {
        r.measure: r.value
        for r in identity_risk(classes, k=k, population_sizes=classes.sizes, attacker=attacker)
    }
    alone = float(classes.counts[classes.sizes == 1].sum()) / classes.n
    release["population_unique"] = alone
    return replace(
        found,
        results=tuple(
            r
            if r.measure.startswith("prosecutor")
            else r.model_copy(
                update={
                    "upper": max(r.value, release[r.measure]),
                    "method": f"model: {r.method}; {why}: the upper end is 1/f",
                }
            )
            for r in found.results
        ),
        classes=replace(found.classes, cautious=found.classes.prosecutor),
    )


def _told_apart(frame: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """Return the attributes of which not every subject has the same value."""
    return [name for name in names if len(frame[name].drop_duplicates()) > 1]


def _bounded(
    classes: EquivalenceClasses, *, k: int, attacker: str, text: str, why: str
) -> PopulationRisk:
    """Return the risk where the release stands for the population, as a bound: F = f."""
    exact = identity_risk(classes, k=k, population_sizes=classes.sizes, attacker=attacker)
    return PopulationRisk(
        results=tuple(
            r
            if r.measure.startswith("prosecutor")
            else r.model_copy(
                update={
                    "kind": EstimateKind.BOUND,
                    "lower": 0.0,
                    "method": f"{r.method}; bound F = f, since {why}",
                }
            )
            for r in exact
        ),
        text=f"{text}; bound F = f, since {why}",
        classes=replace(ClassRisk.of_release(classes.counts, classes.sizes), exact=False),
    )


_MODELS = {
    "pitman-yor": cited("pitman1995", "hoshino2001"),
    "log-linear": cited("skinner1998", "skinner2008"),
}


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
        return table_results(classes, frame, known, model, k=k, attacker=attacker)
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
    none = f"{name} gives no class sizes: {reason}"
    if fitted is None:
        bound = _bounded(classes, k=k, attacker=attacker, text=text, why=none)
        return replace(bound, text=f"{bound.text}. {sampling_sentence(model)}")
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
    found = PopulationRisk(
        results=(*results, alone),
        text=f"{text}; {name} model fitted to the release",
        classes=risk,
        modelled=True,
    )
    return as_sampled(found, classes, model, k=k, attacker=attacker)


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
