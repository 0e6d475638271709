"""What threat models demand of the released table, as criteria of the search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from midi_risk.attributes.model import Attribute
from midi_risk.recode.criteria import AverageRisk, Criterion
from midi_risk.risk.knowledge import known_attributes
from midi_risk.threat.context import required_class_size
from midi_risk.threat.library import attempt_probability
from midi_risk.threat.model import ThreatModel
from midi_risk.threat.quantities import ends


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
    models: Sequence[ThreatModel], quasi_identifiers: Sequence[Attribute]
) -> Requirement:
    """Return what the release must fulfil under all models at once.

    Parameters
    ----------
    models : sequence of ThreatModel
    quasi_identifiers : sequence of Attribute

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
            attempt = attempt_probability(adversary)[0]
            if adversary.verification is not None:
                attempt *= ends(adversary.verification)[1]
            if model.threshold.statistic == "maximum":
                k = max(k, required_class_size(attempt, model.threshold.k))
            else:
                budgets.append(min(1.0, model.threshold.risk / attempt))
                if model.threshold.statistic == "strict-average":
                    k = max(k, model.threshold.floor)
    criteria: tuple[Criterion, ...] = (AverageRisk(min(budgets)),) if budgets else ()
    names = tuple(a.name for a in quasi_identifiers if a.name in known)
    return Requirement(k=k, criteria=criteria, attributes=names)
