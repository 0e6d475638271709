"""Reading a newer Table E.1-1 from the standard's own DocBook XML."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.etree import ElementTree as ET

from midi_risk.attributes.ps315 import OPTION_COLUMNS
from midi_risk.errors import ConfigError

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
