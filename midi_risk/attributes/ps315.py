"""Table E.1-1 of DICOM PS3.15: what each confidentiality option does to an attribute.

The table changes with nearly every release of the standard, so its release travels
with each answer and is printed in every report.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from midi_risk.attributes.model import Ps315Action
from midi_risk.resources import data_rows

TABLE = "ps315_e1_1.csv"

OPTION_COLUMNS = (
    "rtn_safe_priv",
    "rtn_uids",
    "rtn_dev_id",
    "rtn_inst_id",
    "rtn_pat_chars",
    "rtn_long_full_dates",
    "rtn_long_modif_dates",
    "clean_desc",
    "clean_struct_cont",
    "clean_graph",
)
"""Option columns of Table E.1-1 in the order of the standard."""

NOT_LISTED = "not listed"
"""Action of a standard attribute that Table E.1-1 has no row for."""


def release() -> str:
    """Return the release of the packaged Table E.1-1.

    Examples
    --------
    >>> release()
    '2026d'
    """
    return data_rows(TABLE)[0]["release"]


def _action(row: Mapping[str, str]) -> Ps315Action:
    options = tuple(f"{name}={row[name]}" for name in OPTION_COLUMNS if row[name])
    return Ps315Action(action=row["basic"], options=options, release=row["release"])


@cache
def _table() -> tuple[Mapping[str, Ps315Action], Mapping[str, Ps315Action]]:
    by_keyword: dict[str, Ps315Action] = {}
    by_tag: dict[str, Ps315Action] = {}
    for row in data_rows(TABLE):
        action = _action(row)
        by_tag[row["tag"].upper()] = action
        if row["keyword"]:
            by_keyword[row["keyword"]] = action
    return MappingProxyType(by_keyword), MappingProxyType(by_tag)


def _spelt(tag: str) -> str:
    digits = "".join(character for character in tag if character.isalnum()).upper()
    return f"({digits[:4]},{digits[4:]})"


def action_for(name: str) -> Ps315Action:
    """Return the row of Table E.1-1 for a keyword or tag.

    Parameters
    ----------
    name : str
        Keyword (``PatientAge``) or tag (``(0010,1010)``, ``0010,1010``, ``00101010``).

    Returns
    -------
    Ps315Action
        With action ``"not listed"`` when the table has no row: the basic profile then
        leaves the attribute as it is.

    References
    ----------
    DICOM PS3.15, Table E.1-1.

    Examples
    --------
    >>> action_for("PatientAge").action
    'X'
    >>> action_for("00101010").options
    ('rtn_pat_chars=K',)
    >>> action_for("Manufacturer").action
    'not listed'
    """
    by_keyword, by_tag = _table()
    found = by_keyword.get(name) or by_tag.get(_spelt(name))
    return found or Ps315Action(action=NOT_LISTED, options=(), release=release())


@cache
def method_codes() -> Mapping[str, str]:
    """Return CID 7050: code value -> meaning of a de-identification method.

    Examples
    --------
    >>> method_codes()["113100"]
    'Basic Application Confidentiality Profile'
    """
    return MappingProxyType({row["code"]: row["meaning"] for row in data_rows("ps316_cid7050.csv")})


@cache
def option_codes() -> Mapping[str, str]:
    """Return the option column of Table E.1-1 -> its CID 7050 code value.

    Examples
    --------
    >>> option_codes()["rtn_pat_chars"]
    '113108'
    """
    return MappingProxyType(
        {
            row["column_in_ps315_e1_1"]: row["code"]
            for row in data_rows("ps316_cid7050.csv")
            if row["column_in_ps315_e1_1"] in ("basic", *OPTION_COLUMNS)
        }
    )
