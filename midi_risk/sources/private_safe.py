"""Private elements: which are on the safe list of PS3.15 Table E.3.10-1."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache, lru_cache

from midi_risk.resources import data_rows


@cache
def safe_private_elements() -> frozenset[tuple[str, int, int]]:
    """Return (creator, group, element within its block) of every safe element.

    Examples
    --------
    >>> ("ELSCINT1", 0x00E1, 0x21) in safe_private_elements()
    True
    """
    return frozenset(
        (row["private_creator"].strip(), int(row["group"], 16), int(row["element_offset"], 16))
        for row in data_rows("ps315_e3_10_safe_private.csv")
    )


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
