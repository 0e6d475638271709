"""The lattice that a plan searches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from midi_risk.attributes.hierarchies import Hierarchy
from midi_risk.attributes.model import Attribute, Decision
from midi_risk.errors import SearchError, did_you_mean
from midi_risk.recode.entropy import level_losses
from midi_risk.recode.steps import LatticeColumns, lattice_columns
from midi_risk.table.model import SubjectTable
from midi_risk.table.release import attribute_hierarchy

PLAN_UTILITY = "normalised-entropy"
"""Utility model of a plan: non-uniform entropy, each attribute as a share of its own."""

PLAN_UTILITY_TEXT = "non-uniform entropy, normalised per attribute"
"""The same in the words of the document."""

UNCHANGEABLE = frozenset({"Modality", "SOPClassUID"})
"""Type 1 elements whose value says what the object is: a series can be withheld, not recoded."""


def is_demanded(table: SubjectTable, attribute: Attribute) -> bool:
    """Tell whether DICOM demands the value of an attribute as it is.

    Parameters
    ----------
    table : SubjectTable
    attribute : Attribute
        Of DICOM files or of a table that describes them; a sidecar or spreadsheet with a
        column of that name demands nothing.
    """
    kinds = {str(source["name"]): str(source["kind"]) for source in table.sources}
    of_images = kinds.get(attribute.source) in {"dicom", "metadata"}
    return of_images and attribute.keyword in UNCHANGEABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """The lattice that is searched."""

    attributes: tuple[Attribute, ...]
    hierarchies: dict[str, Hierarchy]
    columns: LatticeColumns
    start: tuple[int, ...]
    keep: frozenset[str]


def lattice_setting(
    table: SubjectTable,
    attributes: tuple[Attribute, ...],
    given: Mapping[str, Hierarchy],
    keep: frozenset[str],
) -> Setting:
    """Return hierarchies, codes and starting levels of the lattice."""
    hierarchies = {a.name: attribute_hierarchy(table, a, given) for a in attributes}
    losses = {
        name: level_losses(table.frame[name].to_numpy(dtype=object), hierarchy.frame)
        for name, hierarchy in hierarchies.items()
    }
    start = tuple(
        hierarchies[a.name].level_of(a.generalise_to)
        if a.decision is Decision.GENERALISE and a.generalise_to is not None
        else 0
        for a in attributes
    )
    decided = {
        a.name
        for a in attributes
        if a.decision is Decision.RETAIN or (is_demanded(table, a) and a.decision is None)
    }
    return Setting(
        attributes=attributes,
        hierarchies=hierarchies,
        columns=lattice_columns(table.frame, hierarchies, losses),
        start=start,
        keep=keep | decided,
    )


def check_kept(table: SubjectTable, keep: Sequence[str], quasi: Sequence[str]) -> None:
    """Refuse to keep what is no quasi-identifier of the release.

    Parameters
    ----------
    table : SubjectTable
    keep, quasi : sequence of str
        Attributes to keep, and the quasi-identifiers that are left to choose from.

    Raises
    ------
    SearchError
        Says whether the project removes it, gives it another role, or does not have it.
    """
    for name in keep:
        if name in quasi:
            continue
        if name not in table.attributes:
            raise SearchError(
                f"--keep {name}: no such quasi-identifier", hint=did_you_mean(name, quasi)
            )
        attribute = table.attributes[name]
        if attribute.decision is Decision.REMOVE:
            raise SearchError(
                f"--keep {name} contradicts its decision: the project removes it",
                hint="Change 'decision', or leave --keep out",
            )
        raise SearchError(
            f"--keep {name}: its role is {attribute.role.value}, so no recoding changes it",
            hint="Only quasi-identifiers can be kept",
        )


def level_ranges(setting: Setting) -> dict[str, tuple[int, int]]:
    """Return the lowest and highest level of each attribute: from its decision upwards."""
    ranges = {}
    for attribute, low in zip(setting.attributes, setting.start, strict=True):
        top = len(setting.hierarchies[attribute.name].level_names) - 1
        ranges[attribute.name] = (low, low if attribute.name in setting.keep else top)
    return ranges
