"""An RO-Crate that describes the files of an assessment."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from midi_risk import __version__
from midi_risk.errors import SourceError
from midi_risk.risk.document import Assessment

METADATA = "ro-crate-metadata.json"
_CONTEXT = "https://w3id.org/ro/crate/1.1/context"
_KNOWN: dict[str, tuple[str, str, bool]] = {
    "assessment.json": ("Assessment of re-identification risk", "application/json", False),
    "plan.json": ("Recode plan", "application/json", False),
    "subjects.parquet": ("Subject table", "application/vnd.apache.parquet", False),
    "report-internal.html": ("Report, internal edition", "text/html", False),
    "report-shareable.html": ("Report, shareable edition", "text/html", True),
    "assessment.jsonld": ("Assessment as linked data", "application/ld+json", True),
    "data-descriptor.md": ("Paragraph for the data descriptor", "text/markdown", True),
    "croissant-rai.json": ("Properties of Croissant RAI", "application/json", True),
    "participants-snippet.json": ("Descriptions for BIDS", "application/json", True),
    "apply.json": ("Account of the release that was written", "application/json", False),
}


def crate_metadata(folder: Path, assessment: Assessment) -> str:
    """Return the RO-Crate metadata of the files of an assessment.

    Parameters
    ----------
    folder : pathlib.Path
        Holds the files; what is not there is not described.
    assessment : Assessment

    Returns
    -------
    str
        JSON-LD of RO-Crate 1.1: one ``CreateAction`` of which the files are the result.

    Raises
    ------
    SourceError
        When the folder holds none of the files.
    """
    present = [name for name in _KNOWN if (folder / name).is_file()]
    if not present:
        raise SourceError(
            f"'{folder}' holds no file of an assessment", hint="Run 'midi-risk assess' first"
        )
    files = [_file(folder / name) for name in present]
    parts = [{"@id": name} for name in present]
    agent = assessment.sign_off
    graph: list[dict[str, Any]] = [
        {
            "@id": METADATA,
            "@type": "CreativeWork",
            "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
            "about": {"@id": "./"},
        },
        {
            "@id": "./",
            "@type": "Dataset",
            "name": f"Re-identification risk of {assessment.collection.name}",
            "description": "Assessment of the risk that somebody is re-identified from a"
            " collection of medical images, with its reports.",
            "datePublished": assessment.created,
            "expires": assessment.valid_until,
            "license": "Internal unless the file itself says otherwise",
            "hasPart": parts,
            "mentions": {"@id": "#assessment"},
        },
        {
            "@id": "#assessment",
            "@type": "CreateAction",
            "name": "Assessment of re-identification risk",
            "endTime": assessment.created,
            "instrument": {"@id": "#midi-risk"},
            "object": {"@id": "#collection"},
            "result": parts,
            **({"agent": {"@id": "#assessor"}} if agent is not None else {}),
        },
        {
            "@id": "#midi-risk",
            "@type": "SoftwareApplication",
            "name": "midi-risk",
            "softwareVersion": assessment.tool.version or __version__,
        },
        {
            "@id": "#collection",
            "@type": "Dataset",
            "name": assessment.collection.name,
            "identifier": assessment.collection.digest,
        },
        *files,
    ]
    if agent is not None:
        graph.append({"@id": "#assessor", "@type": "Person", "name": agent.assessor or "unnamed"})
    return json.dumps({"@context": _CONTEXT, "@graph": graph}, indent=1) + "\n"


def _file(path: Path) -> dict[str, Any]:
    name, form, shareable = _KNOWN[path.name]
    content = path.read_bytes()
    return {
        "@id": path.name,
        "@type": "File",
        "name": name,
        "encodingFormat": form,
        "contentSize": str(len(content)),
        "sha256": hashlib.sha256(content).hexdigest(),
        "conditionsOfAccess": "may be shared" if shareable else "internal: holds raw values",
    }
