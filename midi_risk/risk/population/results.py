"""Identity risk against the population that a threat model names: a model of it, or a table.

A table gives expected class sizes, and sizes that are 95 % sure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

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
from midi_risk.risk.population.ensemble import (
    LEAST_SUPPORT,
    Judgement,
    Population,
    Released,
    judge,
)
from midi_risk.risk.population.joint import joint_levels, joint_lower_size
from midi_risk.risk.population.laws import class_law
from midi_risk.risk.population.sizes import table_population
from midi_risk.threat.class_population import ExpectedClassSizes, expected_class_sizes
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
        *_prosecutor(classes, k=k, attacker=attacker),
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
    judged : bool
        Whether figures of a model are judged; otherwise they are shown at most.
    people : numpy.ndarray of shape (u,) or None
        People that a population table expects in each class; None without a table.
    total : float or None
        People of the whole table.
    thin : tuple of str
        Attributes whose values leave classes that rest on too few subjects, most classes first.
    """

    results: tuple[RiskEstimate, ...]
    text: str
    classes: ClassRisk
    modelled: bool = False
    judged: bool = False
    people: npt.NDArray[np.float64] | None = None
    total: float | None = None
    thin: tuple[str, ...] = ()


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
    codes: npt.NDArray[np.int64],
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
    codes : numpy.ndarray of int64, shape (n, q)
        Codes that the classes were made from.
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
    Attributes that the table lacks and that tell subjects apart are modelled given those that it
    has, by two dependence networks; the worse of them decides. Their share in the release would
    hide a person of a rare value behind people who look otherwise. Where no network can be fitted
    or passes its check the figures are bounds, F = f.
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
        unmatched="release",
    )
    text = "; ".join(
        [f"{table.name} ({table.year}): {found.total:,.0f} people; {table.source}", *found.notes]
    )
    lacking = _told_apart(frame, [a.name for a in known if a.name not in columns])
    if lacking:
        return _beyond_table(
            classes, codes, frame, known, found, model, text=text, lacking=lacking,
            match=match, counted=table.unit != CASES and settings.straddle == "error", k=k,
            attacker=attacker,
        )  # fmt: skip
    risk = table_population(classes.sizes, found.expected, fraction=(fraction.low, fraction.high))
    method = f"E[1/F | f] with F - f Poisson, expected sizes from {table.name}"
    if found.suppressed.any():
        method += "; suppressed cells of the table count as nothing"
    people = found.expected * (1 - fraction.high)
    law = class_law(classes.sizes, people, 1.0, counted=False)
    together = joint_levels(law, joint_lower_size(law))
    cautious = np.maximum(1 / together, risk.conservative)
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


def _beyond_table(
    classes: EquivalenceClasses,
    codes: npt.NDArray[np.int64],
    frame: pd.DataFrame,
    known: Sequence[Attribute],
    found: ExpectedClassSizes,
    model: ThreatModel,
    *,
    text: str,
    lacking: Sequence[str],
    match: dict[str, str],
    counted: bool,
    k: int,
    attacker: str,
) -> PopulationRisk:
    """Return results where the adversary knows attributes that the table lacks."""
    matched = tuple(match)
    table = model.population.table
    names = [a.name for a in known]
    given = sorted(names.index(name) for name in set(match.values()))
    free = [a.name for a in known if a.name in lacking and a.kind is Kind.TEXT]
    outcome: Judgement | str
    if free:
        outcome = f"nobody can model free text ({', '.join(free)})"
    else:
        cells = _cells(frame, sorted(set(match.values())))
        inside = np.bincount(cells)[cells].astype(np.float64)
        outcome = judge(
            codes,
            _released(classes, inside[classes.first_records()]),
            Population(people=found.expected[classes.class_of_record], counted=counted),
            k=k,
            given=given,
        )
    if isinstance(outcome, str):
        why = f"{table} does not know {', '.join(lacking)}, and {outcome}"
        bound = _bounded(classes, k=k, attacker=attacker, text=text, why=why)
        return replace(bound, text=f"{bound.text}. {sampling_sentence(model, matched)}")
    told = f"{', '.join(lacking)} given the attributes of {table}"
    risk = _of_models(
        classes, outcome, outcome, names, text=text, k=k, attacker=attacker, told=told
    )
    risk = replace(risk, text=f"{risk.text}; {', '.join(lacking)}: not in the table, modelled")
    return as_sampled(risk, classes, model, k=k, attacker=attacker, matched=matched)


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
        whole = found.classes.cautious is not found.classes.prosecutor
        return replace(found, text=f"{found.text}. {sentence}", judged=whole)
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


def table_cells(
    frame: pd.DataFrame, known: Sequence[Attribute], model: ThreatModel
) -> tuple[npt.NDArray[np.int64] | None, list[int]]:
    """Return the cell of the population table of each record, and the attributes that make it.

    Parameters
    ----------
    frame : pandas.DataFrame
        The table as it would be released.
    known : sequence of Attribute
        Attributes that the adversary knows.
    model : ThreatModel

    Returns
    -------
    cells : numpy.ndarray of int64, shape (n,), or None
        None without a table.
    given : list of int
        Numbers of the attributes among those that are known.
    """
    settings = model.population
    if settings.kind != "table":
        return None, []
    table = population_table(model, list(settings.match))
    match = set(matched_dimensions(table, known, settings.match).values())
    names = [a.name for a in known]
    given = sorted(names.index(name) for name in match)
    return _cells(frame, [names[at] for at in given]), given


def _cells(frame: pd.DataFrame, names: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return the number of the cell of a table that each subject is in; missing is a value."""
    cells = frame.groupby(list(names), dropna=False, sort=False).ngroup()
    return np.asarray(cells, dtype=np.int64)


_SOURCES = cited("skinner1998", "skinner2008", "pitman1995", "hoshino2001")
SHOWN = ("network", "log-linear", "copula", "pitman-yor")
"""Models whose expectation can be the value of a figure."""
_WIDEST = 10
"""Widest interval of the sampling fraction, high over low, under which models are judged."""


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
        return _estimated(classes, codes, known, model, k=k, attacker=attacker)
    if settings.kind == "table":
        return table_results(classes, codes, frame, known, model, k=k, attacker=attacker)
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
    known: Sequence[Attribute],
    model: ThreatModel,
    *,
    k: int,
    attacker: str,
) -> PopulationRisk:
    """Return results from models of a population of some size, or the bound."""
    fewest, most = _people(classes, model)
    name = str(model.population.model or "network")
    text = f"{fewest} to {most} people" if fewest != most else f"{fewest} people"
    why = ""
    if name not in SHOWN:
        why = f"{name} gives no class sizes: it estimates the number of population uniques only"
    elif most > _WIDEST * fewest:
        why = f"the fraction is known to no better than {_WIDEST} times"
    bound = _bounded(classes, k=k, attacker=attacker, text=text, why=why)
    bound = replace(bound, text=f"{bound.text}. {sampling_sentence(model)}")
    if why:
        return bound

    def of(people: int) -> Judgement | str:
        population = Population(people=np.full(classes.n, float(people)))
        inside = np.full(classes.n_classes, float(classes.n))
        return judge(codes, _released(classes, inside), population, k=k, shown=name)

    few = of(fewest)
    if isinstance(few, str):
        again = _bounded(classes, k=k, attacker=attacker, text=text, why=few)
        return replace(again, text=f"{again.text}. {sampling_sentence(model)}")
    many = of(most) if most > fewest else few
    names = [a.name for a in known]
    found = _of_models(
        classes, few, few if isinstance(many, str) else many, names, text=text, k=k,
        attacker=attacker, told=f"N = {fewest}",
    )  # fmt: skip
    return as_sampled(found, classes, model, k=k, attacker=attacker)


def _released(classes: EquivalenceClasses, inside: npt.NDArray[Any]) -> Released:
    """Return the classes as models of a population take them."""
    return Released(
        size=np.asarray(classes.sizes, dtype=np.int64),
        counts=np.asarray(classes.counts, dtype=np.int64),
        record=np.asarray(classes.first_records(), dtype=np.int64),
        inside=np.asarray(inside, dtype=np.float64),
    )


def _of_models(
    classes: EquivalenceClasses,
    few: Judgement,
    many: Judgement,
    names: Sequence[str],
    *,
    text: str,
    k: int,
    attacker: str,
    told: str,
) -> PopulationRisk:
    """Return results from what models say of the fewest and of the most people."""
    first = few.first
    each = class_risk(classes, first.expected, 1 / few.lower, many.first.expected)
    weight = classes.counts / classes.n
    method = (
        f"E[1/F | f] under the {first.name} model, {told}; {few.words()};"
        f" {_thin_words(few, classes, names)}"
    )

    def figure(measure: str, value: float, lower: float, upper: float) -> RiskEstimate:
        return RiskEstimate(
            measure=measure, attacker=attacker, value=min(value, 1.0),
            lower=min(value, max(0.0, lower)), upper=max(value, min(1.0, upper)),
            kind=EstimateKind.ESTIMATE, n=classes.n, method=method, reference=_SOURCES,
        )  # fmt: skip

    means = (few.mean, min(few.low, many.low), few.high)
    alone = float(weight @ first.alone)
    results = (
        *_prosecutor(classes, k=k, attacker=attacker),
        figure(
            "journalist_max", float(first.expected.max()), float(many.first.expected.max()),
            1 / few.joint,
        ),
        figure("journalist_mean", *means),
        figure("journalist_at_risk", few.at_risk[0], many.at_risk[0], few.at_risk[1]),
        figure("marketer_mean", *means),
        figure("population_unique", alone, float(weight @ many.first.alone), alone),
    )  # fmt: skip
    found = PopulationRisk(
        results=results,
        text=f"{text}; {first.name} model fitted to the release, judged by the worst of those that"
        " pass their check; a class that rests on fewer than"
        f" {LEAST_SUPPORT} subjects counts as seen in the release only",
        classes=each,
        modelled=True,
        thin=tuple(name for name, _ in _thin(few, names)),
    )
    if not few.refused:
        return found
    shown = only_shown(found, classes, k=k, attacker=attacker, why=few.refused)
    return replace(
        shown, text=f"{text}; {first.name} model fitted to the release; {few.refused}: 1/f"
    )


def _prosecutor(classes: EquivalenceClasses, *, k: int, attacker: str) -> list[RiskEstimate]:
    """Return the exact figures of those who know who is in the release."""
    exact = identity_risk(classes, k=k, attacker=attacker)
    return [r for r in exact if r.measure != "marketer_mean"]


def _thin_words(few: Judgement, classes: EquivalenceClasses, names: Sequence[str]) -> str:
    """Return how many classes rest on too few subjects, and on which attributes."""
    thin = int(few.thin.sum())
    if not thin:
        return f"every class rests on {LEAST_SUPPORT} subjects or more"
    each = [f"{name} {classes_}" for name, classes_ in _thin(few, names)]
    return (
        f"{thin} of {classes.n_classes} classes rest on fewer than {LEAST_SUPPORT} subjects and"
        f" count as seen in the release only ({', '.join(each) or 'rare combinations'})"
    )


def _thin(few: Judgement, names: Sequence[str]) -> list[tuple[str, int]]:
    """Return attributes and how many classes rest on too few subjects by each, most first."""
    about = few.thinnest[few.thin]
    found = [(names[at], int((about == at).sum())) for at in np.unique(about[about >= 0]).tolist()]
    return sorted(found, key=lambda pair: -pair[1])
