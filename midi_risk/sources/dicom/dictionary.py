"""The dictionary of elements: pydicom's, and the rows of Table E.1-1 that it does not have yet.

Whoever needs the tag, keyword or value representation of an element imports this module first, so
that reading, proposing and writing all know the same elements. What pydicom does not know it would
neither decode nor write; a row of the table would then pass through unseen.
"""

from __future__ import annotations

from pydicom.datadict import (
    add_dict_entries,
    dictionary_has_tag,
    dictionary_keyword,
    dictionary_VR,
    tag_for_keyword,
)

from midi_risk.resources import data_rows

LISTED_TABLE = "ps315_e1_1.csv"


def _complete() -> None:
    """Make known to pydicom what it lacks of the packaged table."""
    add_dict_entries(
        {
            tag: (row["vr"], row["vm"] or "1", row["name"], "Y" * (row["retired"] == "Y"), keyword)
            for row in data_rows(LISTED_TABLE)
            if (tag := listed_tag(row)) is not None
            and row["vr"]
            and (keyword := row["keyword"])
            and not dictionary_has_tag(tag)
        }
    )


def listed_tag(row: dict[str, str]) -> int | None:
    """Return the tag of a row of Table E.1-1, None for repeating groups and private elements."""
    digits = row["tag_hex"]
    return int(digits, 16) if len(digits) == 8 and "x" not in digits.lower() else None


def tag_of(keyword: str) -> int | None:
    """Return the tag of a keyword, None when the dictionary lacks it.

    Examples
    --------
    >>> hex(tag_of("NameToUse"))
    '0x100012'
    """
    return tag_for_keyword(keyword)


def keyword_of(tag: int) -> str:
    """Return the keyword of a tag, ``""`` when the dictionary lacks it.

    Examples
    --------
    >>> keyword_of(0x00100012), keyword_of(0x00091001)
    ('NameToUse', '')
    """
    try:
        return str(dictionary_keyword(tag))
    except KeyError:
        return ""


def vr_of(tag: int) -> str:
    """Return the value representation of a tag, ``""`` when the dictionary lacks it.

    Examples
    --------
    >>> vr_of(0x00100012), vr_of(0x00091001)
    ('LT', '')
    """
    try:
        return str(dictionary_VR(tag))
    except KeyError:
        return ""


_complete()
