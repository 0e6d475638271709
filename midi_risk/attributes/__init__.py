"""Attributes: what is known of each column, how its values are read and generalised."""

from midi_risk.attributes.catalogue import CatalogueEntry, catalogue, ladder_steps
from midi_risk.attributes.model import (
    Attribute,
    AttributeSet,
    Decision,
    Kind,
    Ps315Action,
    Role,
)
from midi_risk.attributes.values import Normalised, normalise, normalise_for

__all__ = [
    "Attribute",
    "AttributeSet",
    "CatalogueEntry",
    "Decision",
    "Kind",
    "Normalised",
    "Ps315Action",
    "Role",
    "catalogue",
    "ladder_steps",
    "normalise",
    "normalise_for",
]
