"""Risk: classes, measures of disclosure, and their documents."""

from midi_risk.risk.anonymity import (
    KmAnonymity,
    k_anonymity,
    k_map,
    k_map_sample_size,
    km_anonymity,
)
from midi_risk.risk.attacks import (
    AttackRisk,
    attack_risk,
    inference,
    linkability,
    singling_out,
    wilson_rate,
)
from midi_risk.risk.attribution import AttributionResult, correct_attribution
from midi_risk.risk.classes import EquivalenceClasses, equivalence_classes
from midi_risk.risk.closeness import t_closeness
from midi_risk.risk.combinations import CombinationRisk, combination_risks, combinations_frame
from midi_risk.risk.disclosure import AttributeDisclosure, attribute_disclosure
from midi_risk.risk.diversity import AlphaK, alpha_k_anonymity, l_diversity, recursive_c
from midi_risk.risk.global_risk import (
    GlobalRisk,
    RiskThreshold,
    global_risk,
    household_risk,
    outstanding_records,
    risk_threshold,
)
from midi_risk.risk.identity import identity_risk, strict_mean
from midi_risk.risk.imaging_utility import age_error, interval_error, strata, suv_error
from midi_risk.risk.individual import expected_inverse, individual_risk
from midi_risk.risk.likeness import beta_likeness, delta_disclosure
from midi_risk.risk.linkage import (
    LinkageResult,
    distance_linkage,
    expected_compatible,
    interval_disclosure,
)
from midi_risk.risk.numeric_loss import (
    bounded_loss,
    correlation_loss,
    eigenvalue_loss,
    il1,
    il1s,
    squared_error_share,
)
from midi_risk.risk.population_match import match_population
from midi_risk.risk.presence import Presence, delta_presence
from midi_risk.risk.propensity import PropensityScore, propensity_score
from midi_risk.risk.sensitive import SensitiveCounts, sensitive_counts
from midi_risk.risk.suda import SudaResult, data_intrusion_simulation, suda
from midi_risk.risk.utility import (
    InformationLoss,
    ambiguity,
    average_class_size,
    discernibility,
    generalisation_loss,
    kept_share,
    non_uniform_entropy,
    normalised_class_size,
    precision,
)

__all__ = [
    "AlphaK",
    "AttackRisk",
    "AttributeDisclosure",
    "AttributionResult",
    "CombinationRisk",
    "EquivalenceClasses",
    "GlobalRisk",
    "InformationLoss",
    "KmAnonymity",
    "LinkageResult",
    "Presence",
    "PropensityScore",
    "RiskThreshold",
    "SensitiveCounts",
    "SudaResult",
    "age_error",
    "alpha_k_anonymity",
    "ambiguity",
    "attack_risk",
    "attribute_disclosure",
    "average_class_size",
    "beta_likeness",
    "bounded_loss",
    "combination_risks",
    "combinations_frame",
    "correct_attribution",
    "correlation_loss",
    "data_intrusion_simulation",
    "delta_disclosure",
    "delta_presence",
    "discernibility",
    "distance_linkage",
    "eigenvalue_loss",
    "equivalence_classes",
    "expected_compatible",
    "expected_inverse",
    "generalisation_loss",
    "global_risk",
    "household_risk",
    "identity_risk",
    "il1",
    "il1s",
    "individual_risk",
    "inference",
    "interval_disclosure",
    "interval_error",
    "k_anonymity",
    "k_map",
    "k_map_sample_size",
    "kept_share",
    "km_anonymity",
    "l_diversity",
    "linkability",
    "match_population",
    "non_uniform_entropy",
    "normalised_class_size",
    "outstanding_records",
    "precision",
    "propensity_score",
    "recursive_c",
    "risk_threshold",
    "sensitive_counts",
    "singling_out",
    "squared_error_share",
    "strata",
    "strict_mean",
    "suda",
    "suv_error",
    "t_closeness",
    "wilson_rate",
]
