"""The assessor's decisions, from the project file, laid over the proposals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from midi_risk.attributes.ladders import LADDERS
from midi_risk.attributes.model import Attribute, AttributeSet, Decision, Kind, Role
from midi_risk.config import AttributeSettings
from midi_risk.errors import ConfigError, did_you_mean

OVERRULED = "decided in the project file; proposed as {}: "
"""How the reason of a role begins that differs from the proposal, with the role proposed."""


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
    revised = proposed
    for name, setting in settings.items():
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
            changes |= _decided_role(proposed[name], Role(setting.role))
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
        revised = revised.revised(name, **changes)
    if faults:
        raise ConfigError(path, faults)
    return revised


def _decided_role(proposed: Attribute, role: Role) -> dict[str, Any]:
    """Return role and reason of a decided role; a proposal that is overruled stays legible."""
    if role is proposed.role:
        return {"role": role, "reason": f"{proposed.reason}; confirmed in the project file"}
    reason = OVERRULED.format(proposed.role.value) + proposed.reason
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
    for name in ("utility", "need", "order", "label"):
        value = getattr(setting, name)
        if value is not None:
            changes[name] = value
    return changes
