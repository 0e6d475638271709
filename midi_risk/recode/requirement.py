"""What threat models demand of the released table, as criteria of the search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from midi_risk.attributes.model import Attribute
from midi_risk.recode.criteria import AverageRisk, Criterion
from midi_risk.risk.knowledge import known_attributes
from midi_risk.risk.population_size import expected_inverse_size, lower_population_size
from midi_risk.threat.context import required_class_size
from midi_risk.threat.library import attempt_probability
from midi_risk.threat.model import Adversary, ThreatModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """Criteria that bring every adversary within the threshold.

    Parameters
    ----------
    k : int
        Smallest class size of the release.
    criteria : tuple of Criterion
        Further criteria, such as a largest average risk.
    attributes : tuple of str
        Quasi-identifiers that some adversary knows; the others need no recoding.
    """

    k: int
    criteria: tuple[Criterion, ...]
    attributes: tuple[str, ...]


def requirement(
    models: Sequence[ThreatModel], quasi_identifiers: Sequence[Attribute], n: int
) -> Requirement:
    """Return what the release must fulfil under all models at once.

    Parameters
    ----------
    models : sequence of ThreatModel
    quasi_identifiers : sequence of Attribute
    n : int
        Subjects of the release.

    Notes
    -----
    Classes are required on the union of what the adversaries know, which is at least as
    strict as each adversary's own knowledge.
    """
    k = 1
    budgets = []
    known: set[str] = set()
    for model in models:
        for adversary in model.adversaries:
            known |= set(known_attributes(quasi_identifiers, adversary))
            attempt, _ = attempt_probability(adversary)
            if model.threshold.statistic == "maximum":
                k = max(k, _class_size(model, adversary, attempt, n))
            else:
                budgets.append(min(1.0, model.threshold.risk / attempt))
                if model.threshold.statistic == "strict-average":
                    k = max(k, model.threshold.floor)
    criteria: tuple[Criterion, ...] = (AverageRisk(min(budgets)),) if budgets else ()
    names = tuple(a.name for a in quasi_identifiers if a.name in known)
    return Requirement(k=k, criteria=criteria, attributes=names)


def _class_size(model: ThreatModel, adversary: Adversary, attempt: float, n: int) -> int:
    """Return the class size in the release that one adversary's maximum risk demands."""
    size = required_class_size(attempt, model.threshold.k)
    people = model.population.size
    if model.population.kind != "size" or "prosecutor" in adversary.attack:
        return size
    if not isinstance(people, int) or people <= n:
        return size
    candidates = np.arange(1, size + 1)
    fraction = n / people
    worst = np.maximum(
        expected_inverse_size(candidates, fraction), 1 / lower_population_size(candidates, fraction)
    )
    enough = np.flatnonzero(worst <= (1 / size) * (1 + 1e-12))
    return int(candidates[enough[0]]) if len(enough) else size
