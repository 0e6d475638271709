"""Figures beside the verdict: special uniques, individual risk and delta-presence.

They describe the release and are never judged: no threshold applies to them, and the verdict
does not read them. Where one does not apply it says why; it is never filled with a number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from math import comb
from typing import Any

import numpy as np

from midi_risk.document.assessment import (
    AttributeShare,
    EstimateKind,
    IndividualRisk,
    PresenceRange,
    Quantile,
    ScoreBand,
    SizeCount,
    SpecialUniques,
)
from midi_risk.risk.adversaries import AdversaryRisk
from midi_risk.risk.measures.anonymity import delta_presence
from midi_risk.risk.measures.individual import global_risk
from midi_risk.risk.measures.registry import MEASURES, cited
from midi_risk.risk.measures.suda import SudaResult, suda

SEARCH_WORK = 260_000_000
"""Combinations times subjects up to which minimal sample uniques are sought."""
COMBINATION_COST = 20_000
"""Subjects that the fixed cost of one combination is worth, for small collections."""
USUAL_FRACTION = 0.01
"""Sampling fraction of DIS-SUDA where nobody declares one; that of sdcMicro."""
BANDS = (0.0, 0.01, 0.05, 0.1, 0.2, 0.5, 1.0)
QUANTILES = (0.5, 0.9, 0.95, 0.99, 1.0)


def largest_searched(attributes: int, subjects: int) -> int:
    """Return up to which size combinations are searched; a work estimate, not a time.

    Parameters
    ----------
    attributes, subjects : int

    Returns
    -------
    int
        At most `attributes`; 0 where even the attributes one by one are too many.

    Examples
    --------
    >>> largest_searched(8, 1_000_000), largest_searched(15, 65_000), largest_searched(8, 10**7)
    (8, 4, 1)
    """
    work, size = 0, 0
    while size < attributes:
        work += comb(attributes, size + 1) * max(subjects, COMBINATION_COST)
        if work > SEARCH_WORK:
            break
        size += 1
    return size


def special_uniques(
    data: Any, names: Sequence[str], subjects: int, people: int | None = None
) -> tuple[SpecialUniques, SudaResult | None]:
    """Seek the minimal sample uniques of a release, as far as the work estimate allows.

    Parameters
    ----------
    data : table
        As it would be released, one row per subject.
    names : sequence of str
        Quasi-identifiers in it.
    subjects : int
    people : int, optional
        Size of the population where a threat model declares it, for DIS-SUDA.

    Returns
    -------
    SpecialUniques
        With the reason where the search does not apply.
    SudaResult or None
        The scores of each subject, for the internal edition alone.

    References
    ----------
    Elliot, Manning, Ford 2002, doi:10.1142/S0218488502001594; Skinner & Elliot 2002,
    doi:10.1111/1467-9868.00365.

    Examples
    --------
    >>> table = {"age": [61, 61, 70], "sex": ["M", "F", "F"]}
    >>> special_uniques(table, ["age", "sex"], 3)[0].subjects
    3
    """
    if len(names) < 2:
        return SpecialUniques(reason="few_attributes", attributes=len(names)), None
    largest = largest_searched(len(names), subjects)
    if largest < 2:
        return SpecialUniques(reason="too_large", attributes=len(names)), None
    fraction = USUAL_FRACTION if people is None else min(1.0, subjects / people)
    found = suda(
        data,
        list(names),
        max_size=largest,
        sampling_fraction=min(fraction, math.nextafter(1.0, 0.0)),
    )
    complete = largest == len(names)
    smallest = np.bincount(found.smallest_msu, minlength=largest + 1)
    return (
        SpecialUniques(
            attributes=len(names),
            largest_size=largest,
            complete=complete,
            subjects=len(found.records),
            by_size=[
                SizeCount(size_from=size, size_to=size, uniques=count, subjects=int(smallest[size]))
                for size, count in found.msu_sizes.items()
            ],
            mean_dis=math.fsum(found.dis_score) / subjects,
            bands=_bands(found),
            shares=[
                AttributeShare(attribute=str(name), share=min(1.0, share))
                for name, share in found.attribute_contributions().items()
            ],
            sampling_fraction=fraction,
            fraction_declared=people is not None,
            kind=EstimateKind.EXACT if complete else EstimateKind.BOUND,
            method=_method(largest, complete=complete),
            reference=cited("elliot2002", "manning2008", "skinner2002"),
        ),
        found,
    )


def _method(largest: int, *, complete: bool) -> str:
    """Return how the uniques were sought, in words."""
    sizes = "combinations of every size" if complete else f"combinations of up to {largest}"
    text = f"SUDA2, {sizes}, score (m-s)!/(m-M)!; a missing value is no item of a combination"
    return text if complete else f"{text}; further subjects may be unique on larger ones"


def _bands(found: SudaResult) -> list[ScoreBand]:
    """Return how many subjects have a DIS-SUDA in each band, those without a score first."""
    none = ScoreBand(above=None, up_to=0.0, subjects=len(found.score) - len(found.records))
    place = np.searchsorted(BANDS, found.dis_score[found.records], side="left")
    counts = np.bincount(np.clip(place, 1, None), minlength=len(BANDS))
    return [
        none,
        *(
            ScoreBand(above=BANDS[i - 1], up_to=BANDS[i], subjects=int(counts[i]))
            for i in range(1, len(BANDS))
        ),
    ]


def individual_figures(risks: Sequence[AdversaryRisk]) -> IndividualRisk:
    """Add up the risk of each subject against the population of a threat model.

    Parameters
    ----------
    risks : sequence of AdversaryRisk

    Returns
    -------
    IndividualRisk
        Of the adversary with the largest expected number; the reason where no population
        beyond the release is known.

    References
    ----------
    Benedetti & Franconi 1998; Hundepool et al. 2012, doi:10.1002/9781118348239.
    """
    modelled = [risk for risk in risks if risk.against.modelled]
    if not modelled:
        named = any(r.model.population.kind in {"size", "estimate"} for r in risks)
        return IndividualRisk(reason="no_class_sizes" if named else "release_only")
    chosen = max(modelled, key=lambda r: float(r.class_risk.counts @ r.class_risk.expected))
    each = chosen.class_risk
    expected, low, high = (
        np.sort(np.repeat(part, each.counts))
        for part in (each.expected, each.optimistic, each.cautious)
    )
    whole = global_risk(expected)
    limit = 1 / chosen.required_size
    bound = any(result.kind is EstimateKind.BOUND for result in chosen.results)
    return IndividualRisk(
        model=chosen.model.name,
        adversary=chosen.adversary.name,
        population=chosen.population,
        n=whole.n,
        expected=whole.expected,
        lower=global_risk(low).expected,
        upper=global_risk(high).expected,
        share=whole.share,
        quantiles=[
            Quantile(share=q, risk=float(np.quantile(expected, q, method="inverted_cdf")))
            for q in QUANTILES
        ],
        threshold=limit,
        above=int(np.count_nonzero(expected > limit * (1 + 1e-12))),
        kind=EstimateKind.BOUND if bound else EstimateKind.ESTIMATE,
        method="sum over subjects of E[1/F | f], each under attack"
        + ("; imprecise knowledge taken as exact, so this is an upper bound" if bound else ""),
        reference=cited(*MEASURES["global_risk"].sources),
    )


def presence_figures(risks: Sequence[AdversaryRisk]) -> PresenceRange:
    """Compute how surely a member of the population can be said to be in the release.

    Parameters
    ----------
    risks : sequence of AdversaryRisk

    Returns
    -------
    PresenceRange
        Of the adversary for whom it is surest; the reason where no model has a table.

    References
    ----------
    Nergiz, Atzori, Clifton 2007, doi:10.1145/1247480.1247554.
    """
    found = [_presence(risk) for risk in risks if risk.against.people is not None]
    if not found:
        return PresenceRange(reason="no_table")
    return max(found, key=lambda part: (part.delta_max or 0.0, part.delta_min or 0.0))


def _presence(risk: AdversaryRisk) -> PresenceRange:
    """Return the range under one adversary; a class holds at least the subjects it releases."""
    classes, people = risk.classes, np.asarray(risk.against.people)
    few = people < classes.sizes
    inside = np.maximum(people, classes.sizes)
    total = max(risk.against.total or 0.0, float(inside.sum()))
    range_ = delta_presence(classes, population_sizes=inside, population_total=total)
    return PresenceRange(
        model=risk.model.name,
        adversary=risk.adversary.name,
        population=risk.population,
        delta_min=range_.minimum,
        delta_max=range_.maximum,
        raised=int(classes.counts[few].sum()),
        method="f/F over the classes, F the people that the table expects, at least f; 0 where"
        " somebody of the population is in a class of which nobody is released",
        reference=cited(*MEASURES["delta_presence"].sources),
    )
