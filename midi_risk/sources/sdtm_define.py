"""Variable labels from a Define-XML document."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

from midi_risk.sources.tables_raw import shown

_MAX_BYTES = 256 << 20


def define_labels(folder: Path) -> tuple[dict[str, dict[str, str]], list[str]]:
    """Return the variable labels of each data set, and findings.

    Parameters
    ----------
    folder : pathlib.Path
        May hold ``define.xml`` (Define-XML 1.0, 2.0 or 2.1).

    Returns
    -------
    labels : dict
        Data set name -> variable name -> label.
    findings : list of str
        Why it was not used, if so.
    """
    path = next((p for p in sorted(folder.glob("*.xml")) if "define" in p.name.casefold()), None)
    if path is None:
        return {}, []
    refused = f"{shown(path.name)}: labels not read"
    try:
        if path.stat().st_size > _MAX_BYTES:
            return {}, [f"{refused}, larger than 256 MiB"]
        content = path.read_bytes()
        if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
            return {}, [f"{refused}, it declares its own entities"]
        root = ET.fromstring(content)  # noqa: S314 - documents with a DTD are refused above
    except (OSError, ET.ParseError):
        return {}, [f"{refused}, not valid XML"]
    return _labels(root), []


def _local(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _attribute(element: ET.Element, name: str) -> str:
    """Return an attribute whatever its namespace."""
    return next((v for k, v in element.attrib.items() if k.rpartition("}")[2] == name), "")


def _labels(root: ET.Element) -> dict[str, dict[str, str]]:
    items: dict[str, tuple[str, str]] = {}
    for element in root.iter():
        if _local(element) == "ItemDef":
            items[_attribute(element, "OID")] = (
                _attribute(element, "Name"),
                _attribute(element, "Label") or _description(element),
            )
    found: dict[str, dict[str, str]] = {}
    for element in root.iter():
        if _local(element) == "ItemGroupDef":
            pairs = (
                items.get(_attribute(child, "ItemOID"), ("", ""))
                for child in element
                if _local(child) == "ItemRef"
            )
            name = _attribute(element, "Name").upper()
            found[name] = {item: label for item, label in pairs if item and label}
    return found


def _description(element: ET.Element) -> str:
    for child in element:
        if _local(child) == "Description":
            text = next((e.text for e in child.iter() if _local(e) == "TranslatedText"), "")
            return shown(text or "", limit=400)
    return ""
