"""Recode: the best generalisation, found and proved."""

from midi_risk.document.plan import FrontPoint
from midi_risk.recode.criteria import AverageRisk, Criterion, CustomCriterion, KAnonymity, KMap
from midi_risk.recode.imaging import age_error, interval_error, strata, suv_error
from midi_risk.recode.search.judge import Solution
from midi_risk.recode.search.search import search
from midi_risk.recode.search.sweep import LatticeSweep, sweep
from midi_risk.recode.sensitive_criteria import (
    AlphaK,
    BetaLikeness,
    DeltaDisclosure,
    DistinctLDiversity,
    EntropyLDiversity,
    RecursiveCLDiversity,
    TCloseness,
)
from midi_risk.recode.suppression import LocalSuppression, local_suppression
from midi_risk.recode.utility import (
    InformationLoss,
    PropensityScore,
    ambiguity,
    average_class_size,
    bounded_loss,
    correlation_loss,
    discernibility,
    eigenvalue_loss,
    generalisation_loss,
    il1,
    il1s,
    kept_share,
    non_uniform_entropy,
    normalised_class_size,
    precision,
    propensity_score,
    squared_error_share,
)

__all__ = [
    "AlphaK",
    "AverageRisk",
    "BetaLikeness",
    "Criterion",
    "CustomCriterion",
    "DeltaDisclosure",
    "DistinctLDiversity",
    "EntropyLDiversity",
    "FrontPoint",
    "InformationLoss",
    "KAnonymity",
    "KMap",
    "LatticeSweep",
    "LocalSuppression",
    "PropensityScore",
    "RecursiveCLDiversity",
    "Solution",
    "TCloseness",
    "age_error",
    "ambiguity",
    "average_class_size",
    "bounded_loss",
    "correlation_loss",
    "discernibility",
    "eigenvalue_loss",
    "generalisation_loss",
    "il1",
    "il1s",
    "interval_error",
    "kept_share",
    "local_suppression",
    "non_uniform_entropy",
    "normalised_class_size",
    "precision",
    "propensity_score",
    "search",
    "squared_error_share",
    "strata",
    "suv_error",
    "sweep",
]
