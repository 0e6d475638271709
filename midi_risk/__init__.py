"""midi-risk: re-identification risk of medical image collections before release.

The line is ``extract -> propose -> fold -> assess -> suggest -> report``; every name here
is loaded when it is first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "extract": "midi_risk.sources",
    "TableSpec": "midi_risk.sources",
    "select_rows": "midi_risk.sources",
    "split_by": "midi_risk.sources",
    "propose": "midi_risk.attributes.roles",
    "Attribute": "midi_risk.attributes.model",
    "AttributeSet": "midi_risk.attributes.model",
    "Role": "midi_risk.attributes.model",
    "Kind": "midi_risk.attributes.model",
    "Decision": "midi_risk.attributes.model",
    "Hierarchy": "midi_risk.attributes.hierarchy",
    "build_hierarchy": "midi_risk.attributes.hierarchy",
    "fold": "midi_risk.table",
    "SubjectTable": "midi_risk.table",
    "subject_table": "midi_risk.table.frame",
    "ThreatModel": "midi_risk.threat",
    "load_threat_model": "midi_risk.threat",
    "assess": "midi_risk.risk.assess",
    "AssessmentOptions": "midi_risk.risk.assess",
    "Assessment": "midi_risk.document.assessment",
    "RiskEstimate": "midi_risk.document.assessment",
    "EquivalenceClasses": "midi_risk.risk",
    "age_error": "midi_risk.recode",
    "alpha_k_anonymity": "midi_risk.risk",
    "ambiguity": "midi_risk.recode",
    "attribute_disclosure": "midi_risk.risk",
    "average_class_size": "midi_risk.recode",
    "beta_likeness": "midi_risk.risk",
    "combination_risks": "midi_risk.risk",
    "correct_attribution": "midi_risk.risk",
    "delta_disclosure": "midi_risk.risk",
    "delta_presence": "midi_risk.risk",
    "discernibility": "midi_risk.recode",
    "distance_linkage": "midi_risk.risk",
    "equivalence_classes": "midi_risk.risk",
    "generalisation_loss": "midi_risk.recode",
    "global_risk": "midi_risk.risk",
    "household_risk": "midi_risk.risk",
    "identity_risk": "midi_risk.risk",
    "individual_risk": "midi_risk.risk",
    "inference": "midi_risk.risk",
    "interval_disclosure": "midi_risk.risk",
    "interval_error": "midi_risk.recode",
    "k_anonymity": "midi_risk.risk",
    "k_map": "midi_risk.risk",
    "km_anonymity": "midi_risk.risk",
    "l_diversity": "midi_risk.risk",
    "linkability": "midi_risk.risk",
    "non_uniform_entropy": "midi_risk.recode",
    "precision": "midi_risk.recode",
    "propensity_score": "midi_risk.recode",
    "recursive_c": "midi_risk.risk",
    "singling_out": "midi_risk.risk",
    "strata": "midi_risk.recode",
    "strict_mean": "midi_risk.risk",
    "suda": "midi_risk.risk",
    "suv_error": "midi_risk.recode",
    "t_closeness": "midi_risk.risk",
    "suggest": "midi_risk.recode.plan",
    "plan_at": "midi_risk.tune.session",
    "Plan": "midi_risk.document.plan",
    "apply_plan": "midi_risk.export.frame",
    "load_assessment": "midi_risk.document.files",
    "load_plan": "midi_risk.document.files",
    "AlphaK": "midi_risk.recode",
    "AverageRisk": "midi_risk.recode",
    "BetaLikeness": "midi_risk.recode",
    "DeltaDisclosure": "midi_risk.recode",
    "DistinctLDiversity": "midi_risk.recode",
    "EntropyLDiversity": "midi_risk.recode",
    "KAnonymity": "midi_risk.recode",
    "KMap": "midi_risk.recode",
    "LatticeSweep": "midi_risk.recode",
    "RecursiveCLDiversity": "midi_risk.recode",
    "Solution": "midi_risk.recode",
    "TCloseness": "midi_risk.recode",
    "local_suppression": "midi_risk.recode",
    "search": "midi_risk.recode",
    "sweep": "midi_risk.recode",
    "report": "midi_risk.report",
    "MidiRiskError": "midi_risk.errors",
}
"""Public name -> module that defines it."""

_STAGES = frozenset(
    {"sources", "attributes", "table", "threat", "risk", "recode", "export", "tune"}
)
"""Stages whose names can be reached through them, such as ``mr.risk.k_anonymity``."""

__all__ = ["__version__", *_PUBLIC]  # noqa: PLE0604  # every key is text


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used.

    ``report`` is a package that can be called, since it is both a stage and a function.
    """
    if name in _STAGES:
        return import_module(f"midi_risk.{name}")
    if name not in _PUBLIC:
        raise AttributeError(f"module 'midi_risk' has no attribute '{name}'")
    module = import_module(_PUBLIC[name])
    value = module if module.__name__ == f"midi_risk.{name}" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)
