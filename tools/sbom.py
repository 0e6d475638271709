"""Write the bill of materials of a wheel: CycloneDX 1.6, JSON, without the network.

    python tools/sbom.py dist/midi_risk-0.1.0-py3-none-any.whl -o dist/midi_risk-0.1.0.cdx.json

What the wheel needs is read from its own metadata; versions, licences and further needs are those
of the environment that runs this script, in which the wheel is installed. Nothing in the file
depends on the time or the machine, so that the same wheel in the same environment gives the same
bytes.
"""

from __future__ import annotations

import argparse
import email
import hashlib
import json
import re
import zipfile
from collections.abc import Iterable
from email.message import Message
from importlib import metadata
from pathlib import Path
from typing import Any

_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_EXTRA = re.compile(r"extra\s*==")


def normal(name: str) -> str:
    """Return a project name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def needed(requirements: Iterable[str] | None) -> list[str]:
    """Return the names of requirements that no extra asks for and that are installed."""
    names = set()
    for line in requirements or ():
        match = _NAME.match(line)
        if match and not _EXTRA.search(line.partition(";")[2]):
            names.add(normal(match.group(1)))
    return sorted(name for name in names if installed(name) is not None)


def installed(name: str) -> metadata.Distribution | None:
    """Return an installed distribution; None for one that a marker leaves out here."""
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None


def licences(about: Message) -> list[dict[str, Any]]:
    """Return what a distribution says of its licence: an expression, else a name."""
    expression = about.get("License-Expression")
    if expression:
        return [{"expression": expression}]
    marks = [
        c.rpartition(" :: ")[2] for c in about.get_all("Classifier") or () if "License ::" in c
    ]
    said = (about.get("License") or "").strip().partition("\n")[0][:80]
    name = " AND ".join(marks) or said
    return [{"license": {"name": name}}] if name else []


def component(name: str, version: str, about: Message, kind: str) -> dict[str, Any]:
    """Return one component."""
    place = f"pkg:pypi/{normal(name)}@{version}"
    found: dict[str, Any] = {
        "type": kind, "bom-ref": place, "name": name, "version": version, "purl": place,
    }  # fmt: skip
    said = licences(about)
    return found | ({"licenses": said} if said else {})


def bill(wheel: Path) -> dict[str, Any]:
    """Return the bill of materials of a wheel.

    Parameters
    ----------
    wheel : pathlib.Path
    """
    with zipfile.ZipFile(wheel) as archive:
        inside = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        about: Message = email.message_from_bytes(archive.read(inside))
    root = component(str(about["Name"]), str(about["Version"]), about, "application")
    root["hashes"] = [{"alg": "SHA-256", "content": hashlib.sha256(wheel.read_bytes()).hexdigest()}]
    needs = {root["bom-ref"]: needed(about.get_all("Requires-Dist"))}
    components: dict[str, dict[str, Any]] = {}
    waiting = list(needs[root["bom-ref"]])
    while waiting:
        name = waiting.pop()
        found = installed(name)
        if name in components or found is None:
            continue
        made = component(name, found.version, found.metadata, "library")  # type: ignore[arg-type]
        components[name] = made
        needs[made["bom-ref"]] = needed(found.requires)
        waiting += needs[made["bom-ref"]]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": root},
        "components": [components[name] for name in sorted(components)],
        "dependencies": [
            {"ref": ref, "dependsOn": [components[name]["bom-ref"] for name in names]}
            for ref, names in sorted(needs.items())
        ],
    }


def main() -> None:
    """Write the bill of the wheel that the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args()
    text = json.dumps(bill(given.wheel), indent=1, ensure_ascii=False) + "\n"
    given.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
