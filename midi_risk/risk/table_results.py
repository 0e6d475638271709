"""Identity risk against a population table: expected class sizes and what is 95 % sure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.attributes.model import Attribute, Kind
from midi_risk.errors import ThreatModelError
from midi_risk.risk.class_risk import ClassRisk
from midi_risk.risk.classes import EquivalenceClasses
from midi_risk.risk.estimate import RiskEstimate
from midi_risk.risk.expected_population import table_population
from midi_risk.risk.modelled_risk import class_risk, modelled_risk
from midi_risk.risk.packing import Groups, first_records
from midi_risk.threat.class_population import expected_class_sizes
from midi_risk.threat.model import Interval, ThreatModel
from midi_risk.threat.population import CASES, PopulationTable, allocate
from midi_risk.threat.population_tables import load_table

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
) -> tuple[tuple[RiskEstimate, ...], str, ClassRisk]:
    """Return unjudged results against a population table, the population in words, the risks.

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
    A class that is finer than the table (scanner, say) gets the share of the table's class
    that it has in the release: what the table does not hold is taken to be distributed in
    the population as in the release.
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
    coarse, share = _coarse_classes(classes, frame, columns)
    found = expected_class_sizes(
        table,
        coarse,
        n_subjects=classes.n,
        fraction=(fraction.low, fraction.high),
        match=match,
        window_years=settings.window_years,
        straddle=settings.straddle,
    )
    risk = table_population(
        classes.sizes, found.expected * share, fraction=(fraction.low, fraction.high)
    )
    unmatched = [a.name for a in known if a.name not in columns]
    text = f"{table.name} ({table.year}): {found.total:,.0f} people; {table.source}"
    method = f"E[1/F | f] with F - f Poisson, expected sizes from {table.name}"
    if unmatched:
        method += f"; {', '.join(unmatched)} taken as distributed as in the release"
    if found.suppressed.any():
        method += "; suppressed cells of the table count as nothing"
    cautious = np.maximum(1 / risk.assured, risk.conservative)
    each = class_risk(classes, risk.risk, cautious, risk.low)
    results = modelled_risk(
        classes, each, k=k, attacker=attacker, method=method, reference=REFERENCE
    )
    return results, "; ".join([text, *found.notes]), each


def _coarse_classes(
    classes: EquivalenceClasses, frame: pd.DataFrame, columns: list[str]
) -> tuple[pd.DataFrame, npt.NDArray[np.float64]]:
    """Return the matched values of each class, and its share of its coarser class."""
    first = first_records(Groups(classes.class_of_record, classes.counts))
    coarse = frame[columns].iloc[first].reset_index(drop=True)
    codes = np.column_stack([pd.factorize(coarse[name])[0] for name in columns]).astype(np.int64)
    groups = EquivalenceClasses.from_codes(codes)
    whole = np.bincount(groups.class_of_record, weights=classes.counts)
    share = classes.counts / whole[groups.class_of_record]
    return coarse, np.asarray(share, dtype=np.float64)
