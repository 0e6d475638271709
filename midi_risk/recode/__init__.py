"""Recode: the best generalisation, found and proved."""

from midi_risk.recode.closeness import TCloseness
from midi_risk.recode.criteria import AverageRisk, Criterion, CustomCriterion, KAnonymity, KMap
from midi_risk.recode.disclosure_criteria import AlphaK, BetaLikeness, DeltaDisclosure
from midi_risk.recode.diversity_criteria import (
    DistinctLDiversity,
    EntropyLDiversity,
    RecursiveCLDiversity,
)
from midi_risk.recode.search import search
from midi_risk.recode.solution import FrontNode, Solution
from midi_risk.recode.suppression import LocalSuppression, local_suppression
from midi_risk.recode.sweep import LatticeSweep, sweep

__all__ = [
    "AlphaK",
    "AverageRisk",
    "BetaLikeness",
    "Criterion",
    "CustomCriterion",
    "DeltaDisclosure",
    "DistinctLDiversity",
    "EntropyLDiversity",
    "FrontNode",
    "KAnonymity",
    "KMap",
    "LatticeSweep",
    "LocalSuppression",
    "RecursiveCLDiversity",
    "Solution",
    "TCloseness",
    "local_suppression",
    "search",
    "sweep",
]
