"""Figures of the released table itself, before any attacker."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from midi_risk.attributes.model import Attribute, Kind, Role
from midi_risk.attributes.values import normalise_for
from midi_risk.risk.classes import EquivalenceClasses
from midi_risk.risk.closeness import equal_distance, ordered_distance
from midi_risk.risk.combinations import combination_risks
from midi_risk.risk.diversity import distinct_values, effective_values
from midi_risk.risk.document import (
    Closeness,
    Combination,
    CurvePoint,
    Diversity,
    HistogramBin,
    Measures,
)
from midi_risk.risk.sensitive import SensitiveCounts, sensitive_counts
from midi_risk.risk.uniqueness_rows import uniqueness_rows
from midi_risk.table.model import SubjectTable
from midi_risk.table.release import measured

CURVE_SIZES = (2, 3, 5, 10, 11, 15, 20, 30, 50, 100)
"""Class sizes at which the curve of subjects in smaller classes is drawn."""

MAX_COMBINATION = 3
MAX_COMBINED = 12


def release_measures(
    table: SubjectTable,
    names: Sequence[str],
    k: int,
    trajectory: Sequence[dict[str, Any]] = (),
    people: int | None = None,
) -> Measures:
    """Return class sizes, diversity, closeness and unsafe combinations.

    Parameters
    ----------
    table : SubjectTable
        As it would be released.
    names : sequence of str
        Quasi-identifiers in the table; with none all subjects are one class.
    k : int
        Class size that is required.
    trajectory : sequence of dict
        Risk of known visits, from `trajectory_rows`.
    people : int, optional
        Size of the population, where a threat model declares it.
    """
    codes = table.codes(list(names))
    classes = EquivalenceClasses.from_codes(codes, names=names, missing=table.missing)
    minimum = classes.minimum
    sizes = sorted({*CURVE_SIZES, k})
    diversity, closeness = _sensitive_measures(table, classes)
    return Measures(
        k=None if minimum is None else int(minimum),
        classes=classes.n_classes,
        sample_uniques=classes.sample_uniques,
        class_size_histogram=histogram_bins(classes, k),
        quasi_identifiers=list(names),
        curve=[
            CurvePoint(
                k=size,
                subjects_below=classes.records_below(size),
                share_below=classes.records_below(size) / classes.n,
            )
            for size in sizes
        ],
        combinations=unsafe_combinations(table, names, k),
        diversity=diversity,
        closeness=closeness,
        population_uniques=[] if people is None else uniqueness_rows(classes, people),
        trajectory=list(trajectory),
    )


def histogram_bins(classes: EquivalenceClasses, k: int) -> list[HistogramBin]:
    """Return the class-size histogram: single sizes up to k, then growing bins.

    Parameters
    ----------
    classes : EquivalenceClasses
    k : int
        Class size that is required; a bin begins there.
    """
    sizes = np.asarray(classes.sizes, dtype=np.int64)
    edges = list(range(1, k + 1)) if k <= 25 else [1, 2, 3, 5, 10, 15, 20, k]
    largest = int(sizes.max(initial=0))
    edge = k
    while edges[-1] <= largest:
        edge = max(edge + 1, int(edge * 1.6))
        edges.append(edge)
    bins = []
    for low, high in pairwise(edges):
        inside = (sizes >= low) & (sizes < high)
        if inside.any():
            bins.append(
                HistogramBin(
                    size_from=low,
                    size_to=high - 1,
                    classes=int(inside.sum()),
                    subjects=int(classes.counts[inside].sum()),
                )
            )
    return bins


def unsafe_combinations(table: SubjectTable, names: Sequence[str], k: int) -> list[Combination]:
    """Return the combinations of up to three attributes on which somebody is rare.

    Parameters
    ----------
    table : SubjectTable
    names : sequence of str
        Quasi-identifiers; the first `MAX_COMBINED` are combined.
    k : int
        A subject is rare in a class smaller than k.

    Returns
    -------
    list of Combination
        Smaller combinations first, then by how many subjects are unique.
    """
    combined = list(names[:MAX_COMBINED])
    if not combined:
        return []
    risks = combination_risks(table.frame, combined, k=k, max_size=MAX_COMBINATION)
    unsafe = sorted(
        (risk for risk in risks if risk.records_below),
        key=lambda r: (len(r.attributes), -r.unique, -r.records_below),
    )
    return [
        Combination(
            attributes=[str(name) for name in risk.attributes],
            unique=risk.unique,
            below_k=risk.records_below,
        )
        for risk in unsafe
    ]


def _sensitive_measures(
    table: SubjectTable, classes: EquivalenceClasses
) -> tuple[list[Diversity], list[Closeness]]:
    """Return diversity and closeness of every sensitive attribute that has values."""
    diversity: list[Diversity] = []
    closeness: list[Closeness] = []
    for attribute in measured(table, Role.SENSITIVE):
        column = table.frame[attribute.name].to_numpy(dtype=object)
        if pd.isna(column).all():
            continue
        counts = sensitive_counts(classes, column, attribute=attribute.name)
        diversity.append(_diversity(attribute, counts))
        closeness.append(
            Closeness(
                attribute=attribute.name,
                distance="equal",
                t=float(np.nanmax(equal_distance(counts))),
            )
        )
        ordered = _ordered(attribute, counts)
        if ordered is not None:
            closeness.append(Closeness(attribute=attribute.name, distance="ordered", t=ordered))
    return diversity, closeness


def _diversity(attribute: Attribute, counts: SensitiveCounts) -> Diversity:
    """Return the l-diversity of one sensitive attribute."""
    assessed = counts.assessed
    distinct = distinct_values(counts)
    single = assessed & (distinct == 1)
    return Diversity(
        attribute=attribute.name,
        distinct_l=int(distinct[assessed].min()),
        entropy_l=float(effective_values(counts)[assessed].min()),
        homogeneous_classes=int(single.sum()),
        homogeneous_subjects=int(counts.class_totals[single].sum()),
        missing=counts.missing,
    )


def _ordered(attribute: Attribute, counts: SensitiveCounts) -> float | None:
    """Return ordered closeness where the order of the values is known."""
    present = {str(value) for value in counts.labels}
    if attribute.order is not None and present <= set(attribute.order):
        order = [value for value in attribute.order if value in present]
    elif attribute.kind in {Kind.NUMBER, Kind.AGE}:
        values = sorted(present)
        number = normalise_for(attribute, values).number
        if np.isnan(number).any():
            return None
        order = [values[i] for i in np.argsort(number, kind="stable")]
    else:
        return None
    return float(np.nanmax(ordered_distance(counts, order=order)))
