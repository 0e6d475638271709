"""What the DICOM standard says of each attribute: the catalogue, and Table E.1-1 of PS3.15.

The catalogue lists attributes that carry identity, quasi-identity or sensitive values; the table
says what each confidentiality option does to an attribute. As the table changes with nearly every
release of the standard, its release travels with each answer and is printed in every report; a
newer one is read from the standard's own DocBook XML.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from xml.etree import ElementTree as ET

from midi_risk.document.assessment import Ps315Action
from midi_risk.errors import ConfigError
from midi_risk.resources import data_rows

CONFIDENTIALITY_TABLE = "ps315_e1_1.csv"

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

OWN_DATES = frozenset(
    {
        "DateOfLastCalibration", "TimeOfLastCalibration", "DateOfManufacture",
        "DateOfInstallation", "DateTimeOfLastCalibration", "ContextGroupVersion",
        "ContextGroupLocalVersion", "PatientBirthDate", "PatientBirthTime",
        "PatientBirthDateInAlternativeCalendar",
    }
)  # fmt: skip
"""Dates that are not dates of the subject's visits; each has its own rule."""


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
    return Ps315Table.from_rows(data_rows(CONFIDENTIALITY_TABLE))


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


CATALOGUE = "attribute_catalogue.csv"


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


_ID = "{http://www.w3.org/XML/1998/namespace}id"
_RELEASE = re.compile(r"\b(20\d{2}[a-z])\b")
_TAG = re.compile(r"\(?([0-9A-Fx]{4}),([0-9A-Fx]{4})\)?", re.IGNORECASE)
_ACTION = re.compile(r"(?:[XZDKUC]\*?(?:/[XZDKUC]\*?)*)?")

_HEADERS = {
    "name": ("attributename",),
    "tag": ("tag",),
    "retired": ("retd", "retired"),
    "in_std_comp_iod": ("instdcompiod",),
    "basic": ("basicprof",),
    "rtn_safe_priv": ("rtnsafepriv", "retainsafepriv"),
    "rtn_uids": ("rtnuid", "retainuid"),
    "rtn_dev_id": ("rtndev", "retaindev"),
    "rtn_inst_id": ("rtninst", "retaininst"),
    "rtn_pat_chars": ("rtnpat", "retainpat"),
    "rtn_long_full_dates": ("rtnlongfull", "retainlongfull"),
    "rtn_long_modif_dates": ("rtnlongmod", "retainlongmod"),
    "clean_desc": ("cleandesc",),
    "clean_struct_cont": ("cleanstruct",),
    "clean_graph": ("cleangraph",),
}
COLUMNS = (
    "tag", "tag_hex", "name", "keyword", "vr", "vm", "retired", "in_std_comp_iod", "basic",
    *OPTION_COLUMNS, "release",
)  # fmt: skip
"""Columns of a row that `import_e1_1` yields; those of the packaged table."""


def import_e1_1(xml_path: str | Path) -> list[dict[str, str]]:
    """Return Table E.1-1 from the DocBook file of PS3.15.

    Parameters
    ----------
    xml_path : str or path
        ``part15.xml`` as the standard publishes it.

    Returns
    -------
    list of dict
        One dict per row with the keys `COLUMNS`; ``release`` such as ``"2026d"``.

    Raises
    ------
    ConfigError
        When the file cannot be read, is no DocBook of PS3.15, lacks the table or one of
        its columns, or holds a code that the standard does not define. All faulty rows
        are listed.

    References
    ----------
    DICOM PS3.15, Table E.1-1, https://dicom.nema.org/medical/dicom/current/source/docbook/.
    """
    root = _parse(str(xml_path))
    release = _release(root)
    table = next((node for node in root.iter() if node.get(_ID) == "table_E.1-1"), None)
    if table is None or not release:
        what = "has no table 'table_E.1-1'" if table is None else "names no release of the standard"
        raise ConfigError(str(xml_path), [what], hint="Give part15.xml of the DICOM standard")
    rows = [[_text(cell) for cell in row] for row in _rows(table)]
    place = _columns(str(xml_path), rows[0] if rows else [])
    found, faults = [], []
    for number, cells in enumerate(rows[1:], start=1):
        fault = _fault(cells, place)
        if fault:
            faults.append(f"row {number} of Table E.1-1: {fault}")
        else:
            found.append(_row(cells, place, release))
    if faults or not found:
        raise ConfigError(str(xml_path), faults or ["Table E.1-1 has no row"])
    return found


def _parse(path: str) -> ET.Element:
    try:
        text = Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(path, [f"cannot be read ({type(error).__name__})"]) from None
    narrow = text.replace(b"\0", b"")
    if b"<!ENTITY" in narrow or b"<!DOCTYPE" in narrow:
        raise ConfigError(path, ["declares entities, which the standard's files do not"])
    try:
        return ET.fromstring(text)  # noqa: S314  entities are refused above
    except ET.ParseError as error:
        line, column = error.position
        raise ConfigError(path, [f"line {line}, column {column}: not well-formed XML"]) from None


def _local(node: ET.Element) -> str:
    return node.tag.rsplit("}", 1)[-1]


def _release(root: ET.Element) -> str:
    for node in root.iter():
        if _local(node) in ("title", "subtitle", "releaseinfo"):
            match = _RELEASE.search(_text(node))
            if match:
                return match.group(1)
        if _local(node) == "chapter":
            break
    return ""


def _rows(table: ET.Element) -> Iterator[list[ET.Element]]:
    for node in table.iter():
        if _local(node) == "tr":
            yield [cell for cell in node if _local(cell) in ("td", "th")]


def _text(node: ET.Element) -> str:
    text = "".join(node.itertext()).replace("\u200b", "").replace("\u00ad", "")
    return " ".join(text.split())


def _columns(path: str, header: list[str]) -> Mapping[str, int]:
    plain = [re.sub(r"[^a-z]", "", title.lower()) for title in header]
    place: dict[str, int] = {}
    for name, starts in _HEADERS.items():
        hits = [i for i, title in enumerate(plain) if title.startswith(starts)]
        if hits:
            place[name] = hits[0]
    lacking = [f"Table E.1-1 has no column '{name}'" for name in _HEADERS if name not in place]
    if lacking:
        raise ConfigError(path, lacking, hint="The layout of the table has changed")
    return place


def _fault(cells: list[str], place: Mapping[str, int]) -> str:
    if len(cells) <= max(place.values()):
        return f"{len(cells)} cells"
    tag = cells[place["tag"]]
    if not (_TAG.fullmatch(tag) or tag.startswith("(gggg,eeee)")):
        return "its tag has another form"
    for name in ("basic", *OPTION_COLUMNS):
        if not _ACTION.fullmatch(cells[place[name]]):
            return f"unknown action in column '{name}'"
    return "" if cells[place["basic"]] else "no action of the basic profile"


def _row(cells: list[str], place: Mapping[str, int], release: str) -> dict[str, str]:
    row = {name: cells[place[name]] for name in place}
    match = _TAG.fullmatch(row["tag"])
    row["tag_hex"] = "".join(match.groups()) if match else ""
    row |= dict.fromkeys(("keyword", "vr", "vm"), "")
    if re.fullmatch(r"[0-9A-Fa-f]{8}", row["tag_hex"]):
        row |= _dictionary(int(row["tag_hex"], 16))
    row["release"] = release
    return {name: row[name] for name in COLUMNS}


def _dictionary(tag: int) -> dict[str, str]:
    from pydicom.datadict import (  # noqa: PLC0415
        dictionary_keyword,
        dictionary_VM,
        dictionary_VR,
    )

    try:
        return {
            "keyword": dictionary_keyword(tag),
            "vr": dictionary_VR(tag),
            "vm": dictionary_VM(tag),
        }
    except KeyError:
        return {}
