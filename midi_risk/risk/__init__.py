"""Risk: classes, measures of disclosure, attacks and channels; what `midi_risk` offers of them."""

from midi_risk.risk.attacks.exact import (
    AttackRisk,
    AttributionResult,
    attack_risk,
    correct_attribution,
    inference,
    linkability,
    singling_out,
    wilson_rate,
)
from midi_risk.risk.attacks.linkage import (
    LinkageResult,
    distance_linkage,
    expected_compatible,
    interval_disclosure,
)
from midi_risk.risk.classes.classes import EquivalenceClasses, equivalence_classes
from midi_risk.risk.measures.anonymity import (
    KmAnonymity,
    Presence,
    delta_presence,
    k_anonymity,
    k_map,
    k_map_sample_size,
    km_anonymity,
)
from midi_risk.risk.measures.closeness import beta_likeness, delta_disclosure, t_closeness
from midi_risk.risk.measures.combinations import (
    CombinationRisk,
    combination_risks,
    combinations_frame,
)
from midi_risk.risk.measures.disclosure import AttributeDisclosure, attribute_disclosure
from midi_risk.risk.measures.diversity import (
    AlphaKAnonymity,
    SensitiveCounts,
    alpha_k_anonymity,
    l_diversity,
    recursive_c,
    sensitive_counts,
)
from midi_risk.risk.measures.identity import identity_risk, match_population, strict_mean
from midi_risk.risk.measures.individual import (
    GlobalRisk,
    RiskThreshold,
    expected_inverse,
    global_risk,
    household_risk,
    individual_risk,
    outstanding_records,
    risk_threshold,
)
from midi_risk.risk.measures.suda import SudaResult, data_intrusion_simulation, suda

__all__ = [
    "AlphaKAnonymity",
    "AttackRisk",
    "AttributeDisclosure",
    "AttributionResult",
    "CombinationRisk",
    "EquivalenceClasses",
    "GlobalRisk",
    "KmAnonymity",
    "LinkageResult",
    "Presence",
    "RiskThreshold",
    "SensitiveCounts",
    "SudaResult",
    "alpha_k_anonymity",
    "attack_risk",
    "attribute_disclosure",
    "beta_likeness",
    "combination_risks",
    "combinations_frame",
    "correct_attribution",
    "data_intrusion_simulation",
    "delta_disclosure",
    "delta_presence",
    "distance_linkage",
    "equivalence_classes",
    "expected_compatible",
    "expected_inverse",
    "global_risk",
    "household_risk",
    "identity_risk",
    "individual_risk",
    "inference",
    "interval_disclosure",
    "k_anonymity",
    "k_map",
    "k_map_sample_size",
    "km_anonymity",
    "l_diversity",
    "linkability",
    "match_population",
    "outstanding_records",
    "recursive_c",
    "risk_threshold",
    "sensitive_counts",
    "singling_out",
    "strict_mean",
    "suda",
    "t_closeness",
    "wilson_rate",
]
