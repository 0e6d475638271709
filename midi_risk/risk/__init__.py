"""Risk: classes, measures of disclosure, and their documents."""

from midi_risk.risk.anonymity import (
    KmAnonymity,
    k_anonymity,
    k_map,
    k_map_sample_size,
    km_anonymity,
)
from midi_risk.risk.classes import EquivalenceClasses, equivalence_classes
from midi_risk.risk.identity import identity_risk, strict_mean
from midi_risk.risk.population_match import match_population

__all__ = [
    "EquivalenceClasses",
    "KmAnonymity",
    "equivalence_classes",
    "identity_risk",
    "k_anonymity",
    "k_map",
    "k_map_sample_size",
    "km_anonymity",
    "match_population",
    "strict_mean",
]
