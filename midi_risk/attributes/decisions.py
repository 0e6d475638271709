"""The assessor's decisions, from the project file, laid over the proposals."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from midi_risk.attributes.ladders import LADDERS
from midi_risk.attributes.model import Attribute, AttributeSet, Decision, Kind, Role
from midi_risk.attributes.units import FACTORS, UNKNOWN, Quantity, unit_problem
from midi_risk.config import AttributeSettings, ReleaseDecision, SubjectKeySettings
from midi_risk.errors import ConfigError, did_you_mean

OVERRULED = "decided in the project file; proposed as {}: "
"""How the reason of a role begins that differs from the proposal, with the role proposed."""

OF_A_PATTERN = "decided by a pattern of the project file; proposed as {}: "
"""The same where a pattern decided, not the name of the attribute."""

GUESSED = "taken as the key of the subjects, and nobody confirmed it: "
"""How the reason of a key begins that no plain name says to be one."""


_COUNTED = "_instances"
"""Column of a stored scan that project files of version 0.1 may name; it is in no file."""


def decided(
    proposed: AttributeSet, settings: Mapping[str, AttributeSettings], path: str = "project file"
) -> AttributeSet:
    """Return the proposals with the project file's decisions in force.

    Parameters
    ----------
    proposed : AttributeSet
    settings : mapping of str to AttributeSettings
        By attribute name; what is absent stays as proposed.
    path : str
        Name of the project file, for messages.

    Returns
    -------
    AttributeSet

    Raises
    ------
    ConfigError
        With every attribute or ladder that does not exist.

    Examples
    --------
    >>> from midi_risk.attributes.model import Attribute
    >>> age = Attribute(
    ...     name="age", source="t", column="age", role=Role.UNDECIDED, kind=Kind.AGE, reason=""
    ... )
    >>> role = AttributeSettings(role="quasi_identifier", decision="retain", need="age effects")
    >>> decided(AttributeSet((age,)), {"age": role})["age"].decision.value
    'retain'
    """
    faults = []
    revised: dict[str, Attribute] = {}
    for name, setting in _spelt_out(proposed, settings).items():
        if name not in proposed:
            if name == _COUNTED:
                continue
            if name.endswith(".range") and name.removesuffix(".range") in proposed:
                continue
            faults.append(
                f"attributes.{name}: no source has it. {did_you_mean(name, proposed.names)}"
            )
            continue
        changes = _changes(setting)
        if setting.role is not None:
            overruled = OVERRULED if name in settings else OF_A_PATTERN
            changes |= _decided_role(proposed[name], Role(setting.role), overruled)
        ladder = setting.hierarchy
        if isinstance(ladder, tuple):
            changes["hierarchy_steps"] = ladder
        elif ladder is not None and not ladder.lower().endswith(".csv"):
            if ladder not in LADDERS:
                faults.append(
                    f"attributes.{name}.hierarchy: no ladder '{ladder}' (a file ends in .csv)."
                    f" {did_you_mean(ladder, LADDERS)}"
                )
                continue
            changes["ladder"] = ladder
        elif ladder is not None:
            changes["hierarchy_file"] = ladder
        if setting.unit is not None:
            changes, fault = _with_unit(proposed[name], setting.unit, changes)
            faults += [f"attributes.{name}.unit: {fault}"] if fault else []
        revised[name] = proposed[name].revised(**changes)
        judged = setting.sensitive or setting.harmful or setting.disclosure
        if judged and not revised[name].discloses:
            faults.append(
                f"attributes.{name}: nobody judges what it discloses while its role is"
                f" {revised[name].role}; give role: sensitive, or quasi_identifier with"
                " sensitive: true"
            )
    if faults:
        raise ConfigError(path, faults)
    return proposed.replaced(revised)


def _with_unit(
    attribute: Attribute, unit: str, changes: dict[str, Any]
) -> tuple[dict[str, Any], str]:
    """Return the changes with a declared unit, and why it cannot be declared.

    A height or weight whose unit was in doubt gets the ladder of its kind back.
    """
    measures = next(q for q, factors in FACTORS.items() if unit in factors)
    changes = {**changes, "unit": unit}
    undecided = changes.get("ladder", "number") == "number" and "kind" not in changes
    if attribute.unit == UNKNOWN and undecided:
        ladders = {Quantity.LENGTH: "height", Quantity.MASS: "weight"}
        if measures in ladders:
            changes["ladder"] = ladders[measures]
    elif attribute.ladder == "agedays" and measures is Quantity.AGE and unit != "days":
        changes = {"kind": Kind.AGE, "ladder": "age"} | changes
    after = attribute.revised(**changes)
    return changes, unit_problem(unit, after.kind, after.ladder)


def _spelt_out(
    proposed: AttributeSet, settings: Mapping[str, AttributeSettings]
) -> Mapping[str, AttributeSettings]:
    """Return the settings with each pattern replaced by the names that it stands for.

    The exact name wins, then the pattern that stands first. A pattern that no name has stays
    as it is, and is an error like a name that no source has.
    """
    patterns = {n: s for n, s in settings.items() if "*" in n and n not in proposed}
    found = {n: s for n, s in settings.items() if n not in patterns}
    for pattern, setting in patterns.items():
        names = [name for name in proposed.names if fnmatchcase(name, pattern)]
        for name in names or [pattern]:
            found.setdefault(name, setting)
    return found


def with_removals(attributes: AttributeSet, named: Mapping[str, ReleaseDecision]) -> AttributeSet:
    """Return the attributes with removed what ``release`` removes by the name of an attribute.

    Whoever reads an element in the account does not see that an attribute takes it.

    Parameters
    ----------
    attributes : AttributeSet
        With the other decisions in force, which win.
    named : mapping of str to ReleaseDecision
    """
    return attributes.replaced(
        {
            a.name: a.revised(decision=Decision.REMOVE)
            for a in attributes
            if a.name in named
            and named[a.name].decision == "remove"
            and a.decision is None
            and a.role is not Role.LINKAGE_KEY
        }
    )


def with_key(attributes: AttributeSet, key: SubjectKeySettings | None, path: str) -> AttributeSet:
    """Return the attributes with the subject key as the project file confirms it.

    Parameters
    ----------
    attributes : AttributeSet
        With the other decisions in force.
    key : SubjectKeySettings, optional
    path : str
        Name of the project file, for messages.

    Returns
    -------
    AttributeSet

    Raises
    ------
    ConfigError
        When no source has the column.
    """
    if key is None:
        return attributes
    names = [a.name for a in attributes if a.column == key.column]
    if not names:
        hint = did_you_mean(key.column, attributes.names)
        raise ConfigError(path, [f"subject_key.column: no source has '{key.column}'. {hint}"])
    if key.confirmed is None and key.write is not None:
        return attributes
    if key.confirmed is None:
        for name in names:
            found = attributes[name]
            named = (GUESSED, OVERRULED.format(Role.DIRECT_IDENTIFIER.value))
            if found.role is Role.LINKAGE_KEY and not found.reason.startswith(named):
                attributes = attributes.revised(name, reason=GUESSED + found.reason)
        return attributes
    reason = f"the subject key, confirmed in writing by {key.confirmed.by} on {key.confirmed.on}"
    for name in names:
        if attributes[name].role in {Role.LINKAGE_KEY, Role.DIRECT_IDENTIFIER}:
            attributes = attributes.revised(name, role=Role.LINKAGE_KEY, reason=reason)
    return attributes


def _decided_role(proposed: Attribute, role: Role, overruled: str) -> dict[str, Any]:
    """Return role and reason of a decided role; a proposal that is overruled stays legible."""
    if role is proposed.role:
        return {"role": role, "reason": f"{proposed.reason}; confirmed in the project file"}
    reason = overruled.format(proposed.role.value) + proposed.reason
    return {"role": role, "reason": reason}


def _changes(setting: AttributeSettings) -> dict[str, Any]:
    """Return the fields of an attribute that a setting changes."""
    changes: dict[str, Any] = {}
    if setting.kind is not None:
        changes["kind"] = Kind(setting.kind)
    if setting.decision is not None:
        changes["decision"] = Decision(setting.decision)
    elif setting.level is not None:
        changes["decision"] = Decision.GENERALISE
    if setting.level is not None:
        changes["generalise_to"] = setting.level
    if setting.disclosure is not None:
        changes["accepted"] = setting.disclosure.accepted
    for name in ("ceiling", "utility", "need", "order", "label", "sensitive", "harmful"):
        value = getattr(setting, name)
        if value is not None:
            changes[name] = value
    return changes
