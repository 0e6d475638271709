"""Threat models: schema, library, attempt tables, populations."""

from __future__ import annotations

from midi_risk.threat.channels import CHANNELS
from midi_risk.threat.library import attempt_probability, load_threat_model, shipped_threat_models
from midi_risk.threat.model import (
    ATTEMPT_TABLES,
    ThreatModel,
    acquaintance_probability,
    data_risk_budget,
    required_class_size,
    threshold_class_size,
)

__all__ = [
    "ATTEMPT_TABLES",
    "CHANNELS",
    "ThreatModel",
    "acquaintance_probability",
    "attempt_probability",
    "data_risk_budget",
    "load_threat_model",
    "required_class_size",
    "shipped_threat_models",
    "threshold_class_size",
]
