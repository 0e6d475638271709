"""Table E.1-1 of DICOM PS3.15: what each confidentiality option does to an attribute.

The table changes with nearly every release of the standard, so its release travels
with each answer and is printed in every report.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Ps315Table:
    """One release of Table E.1-1, to be asked by keyword or tag.

    Parameters
    ----------
    release : str
        Such as ``"2026d"``.
    by_keyword, by_tag : mapping of str to Ps315Action
        Read-only; tags are spelt ``(0010,1010)``.
    """

    release: str
    by_keyword: Mapping[str, Ps315Action]
    by_tag: Mapping[str, Ps315Action]

    @classmethod
    def from_rows(cls, rows: Iterable[Mapping[str, str]]) -> Ps315Table:
        """Return the table of rows as `import_e1_1` yields them."""
        by_keyword: dict[str, Ps315Action] = {}
        by_tag: dict[str, Ps315Action] = {}
        release = ""
        for row in rows:
            release = row["release"]
            options = tuple(f"{name}={row[name]}" for name in OPTION_COLUMNS if row[name])
            action = Ps315Action(action=row["basic"], options=options, release=release)
            by_tag[_spelt(row["tag"])] = action
            if row["keyword"]:
                by_keyword[row["keyword"]] = action
        return cls(
            release=release,
            by_keyword=MappingProxyType(by_keyword),
            by_tag=MappingProxyType(by_tag),
        )

    def action_for(self, name: str) -> Ps315Action:
        """Return the row for a keyword or tag; ``"not listed"`` when there is none."""
        found = self.by_keyword.get(name) or self.by_tag.get(_spelt(name))
        return found or Ps315Action(action=NOT_LISTED, options=(), release=self.release)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.by_tag)


def _spelt(tag: str) -> str:
    digits = "".join(character for character in tag if character.isalnum()).upper()
    return f"({digits[:4]},{digits[4:]})"


@cache
def packaged_table() -> Ps315Table:
    """Return the packaged Table E.1-1, read once.

    Examples
    --------
    >>> packaged_table().release, len(packaged_table())
    ('2026d', 657)
    """
    return Ps315Table.from_rows(data_rows(TABLE))


def release() -> str:
    """Return the release of the packaged Table E.1-1.

    Examples
    --------
    >>> release()
    '2026d'
    """
    return packaged_table().release


def action_for(name: str) -> Ps315Action:
    """Return the row of the packaged Table E.1-1 for a keyword or tag.

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
    return packaged_table().action_for(name)


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
