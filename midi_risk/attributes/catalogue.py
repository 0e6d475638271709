"""The catalogue: DICOM attributes that carry identity, quasi-identity or sensitive values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from midi_risk.attributes.model import Ps315Action
from midi_risk.attributes.ps315 import action_for
from midi_risk.errors import AttributeRoleError, did_you_mean
from midi_risk.resources import data_rows

CATALOGUE = "attribute_catalogue.csv"
LADDERS = "generalisation_ladders.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueEntry:
    """What is known of one DICOM attribute before any value is seen.

    Parameters
    ----------
    keyword, tag, vr : str
        DICOM identity; ``tag`` is a word in parentheses where there is no element.
    level : str
        ``patient``, ``study``, ``series``, ``equipment``, ``instance`` or ``file``.
    category : str
        ``direct identifier``, ``quasi-identifier``, ``sensitive``, ``date``, ``uid``,
        ``free text``, ``technical-fingerprint``, ``pixel`` or ``embedded payload``.
    why : str
        How it identifies.
    knowable_by : tuple of str
        ``public``, ``acquaintance``, ``clinician``; empty for nobody.
    ladder : str
        Identifier of its generalisation ladder.
    priority : int
        1 (always look) to 3 (look when asked).
    strictest_type : str
        Strictest type over the IODs that hold it: ``1``, ``1C``, ``2``, ``2C``, ``3``.
    removal_rule : str
        What that type allows.
    modules : str
        Example modules.
    ps315 : Ps315Action
        Row of Table E.1-1.
    """

    keyword: str
    tag: str
    vr: str
    level: str
    category: str
    why: str
    knowable_by: tuple[str, ...]
    ladder: str
    priority: int
    strictest_type: str
    removal_rule: str
    modules: str
    ps315: Ps315Action


def _entry(row: Mapping[str, str]) -> CatalogueEntry:
    knowers = tuple(part for part in row["knowable_by"].split(";") if part and part != "none")
    return CatalogueEntry(
        keyword=row["keyword"],
        tag=row["tag"],
        vr=row["vr"],
        level=row["level"],
        category=row["class"],
        why=row["why"],
        knowable_by=knowers,
        ladder=row["ladder_id"],
        priority=int(row["priority"]),
        strictest_type=row["strictest_type"],
        removal_rule=row["removal_rule"],
        modules=row["example_modules"],
        ps315=action_for(row["keyword"]),
    )


@cache
def catalogue() -> Mapping[str, CatalogueEntry]:
    """Return the catalogue by keyword, read once.

    Returns
    -------
    mapping of str to CatalogueEntry
        Read-only, in the order of the packaged file.

    Examples
    --------
    >>> entry = catalogue()["PatientAge"]
    >>> entry.category, entry.ladder, entry.ps315.action
    ('quasi-identifier', 'age', 'X')
    """
    return MappingProxyType({row["keyword"]: _entry(row) for row in data_rows(CATALOGUE)})


@cache
def ladder_steps(ladder_id: str) -> tuple[str, ...]:
    """Return the steps of a generalisation ladder, most detailed first.

    Parameters
    ----------
    ladder_id : str
        Such as ``"age"``.

    Raises
    ------
    AttributeRoleError
        When there is no such ladder.

    Examples
    --------
    >>> ladder_steps("time")
    ('exact', 'hour', 'part of day (00/06/12/18)', 'removed/empty')
    """
    ladders = {row["ladder_id"]: row["steps"] for row in data_rows(LADDERS)}
    if ladder_id not in ladders:
        raise AttributeRoleError(
            f"no generalisation ladder '{ladder_id}'", hint=did_you_mean(ladder_id, ladders)
        )
    return tuple(step.strip() for step in ladders[ladder_id].split(" > "))
