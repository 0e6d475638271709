"""Attributes: what is known of each column, how its values are read and generalised."""

from midi_risk.attributes.hierarchy import (
    SET_JOINER,
    Hierarchy,
    NestingError,
    build_hierarchy,
    check_nesting,
)
from midi_risk.attributes.model import Attribute, AttributeSet, Decision, Kind, Role
from midi_risk.attributes.roles import propose
from midi_risk.attributes.standard import (
    CatalogueEntry,
    Ps315Table,
    action_for,
    catalogue,
    import_e1_1,
    packaged_table,
)
from midi_risk.attributes.values import Normalised, normalise, normalise_for
from midi_risk.document.assessment import Ps315Action

__all__ = [
    "SET_JOINER",
    "Attribute",
    "AttributeSet",
    "CatalogueEntry",
    "Decision",
    "Hierarchy",
    "Kind",
    "NestingError",
    "Normalised",
    "Ps315Action",
    "Ps315Table",
    "Role",
    "action_for",
    "build_hierarchy",
    "catalogue",
    "check_nesting",
    "import_e1_1",
    "normalise",
    "normalise_for",
    "packaged_table",
    "propose",
]
