"""Table E.1-1 of PS3.15, row by row: which is read into a column, which is counted by a fact.

A row that is neither would leave unseen; a test plants each of them in a file and looks for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

from midi_risk.resources import data_rows
from midi_risk.sources.dicom.dictionary import LISTED_TABLE, listed_tag
from midi_risk.sources.dicom.facts import FACTS
from midi_risk.sources.dicom.header import notice_of, wanted_attributes

_REPEATING = {"50XX": 0x50000000, "60XX": 0x60000000}


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What becomes of one row of Table E.1-1 when its element is met.

    Parameters
    ----------
    tag : str
        As the table has it.
    name : str
        Name of the attribute.
    how : {'read', 'noticed'}
        Read into a column, or counted as present.
    by : str
        The column; or the fact, which a channel of the assessment looks at.
    """

    tag: str
    name: str
    how: Literal["read", "noticed"]
    by: str


def _fact(tag: int) -> str:
    """Return the fact that counts an element by its presence, ``""`` when none does."""
    bits = notice_of(tag)
    return next((name for name, bit in FACTS.items() if bits & bit), "")


@cache
def coverage() -> tuple[Coverage, ...]:
    """Return what becomes of every row of the packaged Table E.1-1.

    Of a sequence the meaning of its codes is read under its own name, and each element in its
    items by a row of its own.

    Returns
    -------
    tuple of Coverage
        In the order of the table.

    Raises
    ------
    LookupError
        When a row is neither read nor noticed.

    References
    ----------
    DICOM PS3.15, Table E.1-1.

    Examples
    --------
    >>> rows = {row.name: row for row in coverage()}
    >>> rows["GPS Latitude"].how, rows["Maker Note"].by
    ('read', 'listed_binaries')
    """
    wanted = wanted_attributes()
    found = []
    for row in data_rows(LISTED_TABLE):
        tag = listed_tag(row)
        digits = row["tag_hex"]
        how: Literal["read", "noticed"] = "noticed"
        if tag is not None and tag in wanted:
            how, by = "read", wanted[tag].keyword
        elif tag is not None:
            by = _fact(tag)
        elif digits:
            by = _fact(_REPEATING[digits[:4].upper()] + int(digits[4:].replace("X", "0"), 16))
        else:
            by = "private_elements_any"
        if not by:
            raise LookupError(f"{row['tag']} of Table E.1-1 is neither read nor noticed")
        found.append(Coverage(tag=row["tag"], name=row["name"], how=how, by=by))
    return tuple(found)
