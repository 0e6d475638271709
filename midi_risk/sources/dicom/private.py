"""Private elements that PS3.15 calls safe: Table E.3.10-1, by their creator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from types import MappingProxyType

from midi_risk.resources import data_rows

SAFE_PRIVATE_TABLE = "ps315_e3_10_safe_private.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class SafePrivate:
    """One row of Table E.3.10-1.

    Parameters
    ----------
    creator : str
        Private creator identification code.
    group, element : int
        Group, and element within the creator's block (0x00 to 0xFF).
    vr, vm, meaning : str
        As the table gives them; the VR is ``""`` in five rows.
    """

    creator: str
    group: int
    element: int
    vr: str
    vm: str
    meaning: str


@cache
def safe_private() -> Mapping[tuple[str, int, int], SafePrivate]:
    """Return the table by creator, group and element within the block.

    Examples
    --------
    >>> safe_private()["Philips PET Private Group", 0x7053, 0x00].vr
    'DS'
    """
    rows = (
        SafePrivate(
            creator=row["private_creator"].strip(),
            group=int(row["group"], 16),
            element=int(row["element_offset"], 16),
            vr=row["vr"],
            vm=row["vm"],
            meaning=row["meaning"],
        )
        for row in data_rows(SAFE_PRIVATE_TABLE)
    )
    return MappingProxyType({(row.creator, row.group, row.element): row for row in rows})


@cache
def safe_private_elements() -> frozenset[tuple[str, int, int]]:
    """Return (creator, group, element within its block) of every safe element.

    Examples
    --------
    >>> ("ELSCINT1", 0x00E1, 0x21) in safe_private_elements()
    True
    """
    return frozenset(safe_private())


@cache
def _safe_places() -> frozenset[tuple[int, int]]:
    return frozenset((group, number) for _, group, number in safe_private_elements())


def may_be_safe(tag: int) -> bool:
    """Tell whether some creator has a safe element at the place of this one in its block.

    Examples
    --------
    >>> may_be_safe(0x00E11021), may_be_safe(0x00E110FE)
    (True, False)
    """
    return (tag >> 16, tag & 0xFF) in _safe_places()


@lru_cache(maxsize=512)
def _unsafe(tags: tuple[int, ...], creators: tuple[tuple[int, str], ...]) -> bool:
    named = dict(creators)
    safe = safe_private_elements()
    for tag in tags:
        group, element = tag >> 16, tag & 0xFFFF
        if element < 0x100:
            if element < 0x10:
                return True
            continue
        creator = named.get(group << 16 | element >> 8, "")
        if (creator, group, element & 0xFF) not in safe:
            return True
    return False


def any_unsafe_private(tags: Iterable[int], creators: Mapping[int, str]) -> bool:
    """Whether any private element is missing from the safe list.

    Parameters
    ----------
    tags : iterable of int
        Private elements, their creators' own elements included.
    creators : mapping of int to str
        Tag of the creator element -> its text.

    Returns
    -------
    bool
        An element without a creator is unsafe.

    Examples
    --------
    >>> any_unsafe_private([0x00E10010, 0x00E11021], {0x00E10010: "ELSCINT1"})
    False
    >>> any_unsafe_private([0x00E11021], {})
    True
    """
    return _unsafe(tuple(tags), tuple(creators.items()))
