"""An RO-Crate that describes the files of an assessment, with snippets for other vocabularies.

All of it may be shared: names, decisions and figures that the shareable edition shows, never
a value, an exact time, or a digest of something that may not be shared. Terms that no vocabulary
has are minted under `LOCAL` and claim no equivalence.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from math import ceil
from pathlib import Path
from typing import Any

from midi_risk import __version__
from midi_risk.document.assessment import Assessment, AttributeEntry
from midi_risk.document.clean import neutral
from midi_risk.document.files import load_assessment, write_private
from midi_risk.errors import SourceError

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
            "datePublished": assessment.created[:4],
            "expires": assessment.valid_until[:4],
            "license": "Internal unless the file itself says otherwise",
            "hasPart": parts,
            "mentions": {"@id": "#assessment"},
        },
        {
            "@id": "#assessment",
            "@type": "CreateAction",
            "name": "Assessment of re-identification risk",
            "endTime": assessment.created[:4],
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
        {"@id": "#collection", "@type": "Dataset", "name": assessment.collection.name},
        *files,
    ]
    if agent is not None:
        graph.append({"@id": "#assessor", "@type": "Person", "name": agent.assessor or "unnamed"})
    return json.dumps({"@context": _CONTEXT, "@graph": graph}, indent=1) + "\n"


def _file(path: Path) -> dict[str, Any]:
    """Return the entity of a file; of an internal one neither size nor digest.

    The size of an internal file counts its subjects, and its plain digest lets anybody test a
    guess of what it holds.
    """
    name, form, shareable = _KNOWN[path.name]
    content = path.read_bytes() if shareable else b""
    known = {
        "contentSize": str(len(content)),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    return {
        "@id": path.name,
        "@type": "File",
        "name": name,
        "encodingFormat": form,
        **(known if shareable else {}),
        "conditionsOfAccess": "may be shared" if shareable else "internal: holds raw values",
    }


LOCAL = "urn:midi-risk:terms:"
"""Prefix of the terms that no published vocabulary has."""

CONTEXT: dict[str, Any] = {
    "dpv": "https://w3id.org/dpv#",
    "risk": "https://w3id.org/dpv/risk#",
    "prov": "http://www.w3.org/ns/prov#",
    "dcterms": "http://purl.org/dc/terms/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "midirisk": LOCAL,
}
"""JSON-LD context: W3C Data Privacy Vocabulary, PROV, Dublin Core, and our own terms."""

ROUNDED_TO = 5


def rounded(count: int, k: int) -> str:
    """Return a count as the shareable edition prints it.

    Parameters
    ----------
    count, k : int

    Examples
    --------
    >>> rounded(203, 11), rounded(7, 11), rounded(11, 11)
    ('205', '< 11', '15')
    """
    if 0 < count < k:
        return f"< {k}"
    nearest = ROUNDED_TO * round(count / ROUNDED_TO)
    return str(nearest if nearest >= k or not count else ROUNDED_TO * ceil(k / ROUNDED_TO))


def assessment_jsonld(assessment: Assessment) -> str:
    """Return the assessment as linked data: a DPV risk assessment and a PROV activity.

    Parameters
    ----------
    assessment : Assessment

    Returns
    -------
    str
        JSON-LD with its own context.

    References
    ----------
    W3C Data Privacy Vocabulary 2, https://w3id.org/dpv; W3C PROV-O.
    """
    k = assessment.threshold.k
    figures = [
        {
            "@type": ["dpv:ResidualRisk", "risk:Reidentification"],
            "midirisk:threatModel": threat.model,
            "midirisk:adversary": threat.adversary,
            "midirisk:measure": result.measure,
            "midirisk:withinThreshold": result.passed,
        }
        for threat in assessment.threats
        for result in threat.results
        if result.passed is not None
    ]
    document = {
        "@context": CONTEXT,
        "@type": ["dpv:RiskAssessment", "prov:Activity"],
        "dcterms:title": neutral(f"Re-identification risk of {assessment.collection.name}"),
        "prov:endedAtTime": {"@type": "xsd:gYear", "@value": assessment.created[:4]},
        "dcterms:valid": {"@type": "xsd:gYear", "@value": assessment.valid_until[:4]},
        "prov:wasAssociatedWith": {
            "@type": "prov:SoftwareAgent",
            "dcterms:title": f"midi-risk {assessment.tool.version}",
        },
        "midirisk:requiredClassSize": k,
        "midirisk:thresholdLabel": neutral(assessment.threshold.label),
        "midirisk:verdict": assessment.verdict.status,
        "midirisk:subjects": rounded(assessment.collection.subjects, k),
        "dpv:hasRisk": figures,
        "dpv:hasTechnicalOrganisationalMeasure": [
            {
                "@type": "dpv:Deidentification",
                "dpv:mitigatesRisk": {"@type": "risk:Reidentification"},
                "midirisk:attribute": neutral(entry.name),
                "midirisk:decision": entry.decision,
            }
            for entry in _changed(assessment.attributes)
        ],
        "midirisk:channel": [
            {"midirisk:name": channel.name, "midirisk:status": channel.status}
            for channel in assessment.channels
        ],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def data_descriptor(assessment: Assessment) -> str:
    """Return a paragraph for the descriptor that is published with the collection.

    Parameters
    ----------
    assessment : Assessment

    Returns
    -------
    str
        Markdown, one paragraph.
    """
    k = assessment.threshold.k
    verdict = {
        "acceptable": "every judged figure was within the threshold",
        "above_threshold": "some judged figures were above the threshold",
        "incomplete": "the evidence was incomplete",
    }[assessment.verdict.status]
    models = ", ".join(dict.fromkeys(threat.model for threat in assessment.threats))
    removed = [e.name for e in assessment.attributes if e.decision == "remove"]
    coarser = [e.name for e in assessment.attributes if e.decision == "generalise"]
    kept = assessment.measures.quasi_identifiers
    open_channels = [c.name for c in assessment.channels if c.status == "not_assessed"]
    sentences = [
        (
            f"The risk of re-identification of the {rounded(assessment.collection.subjects, k)}"
            f" subjects was assessed with midi-risk {assessment.tool.version} in"
            f" {assessment.created[:4]} under the threat model {models}, with a required class size"
            f" of {k}: {verdict}."
        ),
        f"Quasi-identifiers in the release: {_listed(kept)}.",
        f"Generalised: {_listed(coarser)}. Removed: {_listed(removed)}.",
        f"Not assessed: {_listed(open_channels)}.",
        (
            f"The assessment is a computed estimate, not a determination, and stands until"
            f" {assessment.valid_until[:4]} unless the data, or what is known of them, change."
        ),
    ]
    return neutral(" ".join(sentences)) + "\n"


def croissant_rai(assessment: Assessment) -> str:
    """Return the properties of Croissant RAI that the assessment can fill.

    Parameters
    ----------
    assessment : Assessment

    Returns
    -------
    str
        JSON to merge into the data set's Croissant description.

    References
    ----------
    MLCommons Croissant RAI specification 1.0.
    """
    sensitive = [
        neutral(entry.name)
        for entry in assessment.attributes
        if entry.role == "sensitive" and entry.decision != "remove"
    ]
    steps = [f"{neutral(e.name)}: {e.decision}" for e in _changed(assessment.attributes)]
    unknown = [c.name for c in assessment.channels if c.status == "not_assessed"]
    document = {
        "rai:personalSensitiveInformation": sensitive,
        "rai:dataManipulationProtocol": steps,
        "rai:dataLimitations": [f"risk by {name} was not assessed" for name in unknown],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def bids_participants(assessment: Assessment) -> str:
    """Return descriptions for `participants.json` of what was generalised.

    Parameters
    ----------
    assessment : Assessment

    Returns
    -------
    str
        JSON: column -> Description, as the BIDS standard has it.
    """
    document = {
        neutral(entry.name): {"Description": neutral(entry.justification)}
        for entry in assessment.attributes
        if entry.decision == "generalise"
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


SNIPPETS = {
    "assessment.jsonld": assessment_jsonld,
    "data-descriptor.md": data_descriptor,
    "croissant-rai.json": croissant_rai,
    "participants-snippet.json": bids_participants,
}
"""File name -> what writes it."""


def _changed(entries: Sequence[AttributeEntry]) -> list[AttributeEntry]:
    """Return the attributes that are generalised or removed."""
    return [entry for entry in entries if entry.decision in {"generalise", "remove"}]


def _listed(names: Sequence[str]) -> str:
    """Return names in a row, or ``none``."""
    return ", ".join(names) or "none"


def write_crate(folder: Path) -> list[str]:
    """Describe the files of an assessment in their folder, and return what was written."""
    assessment = load_assessment(folder / "assessment.json")
    for name, text_of in SNIPPETS.items():
        write_private(folder / name, text_of(assessment))
    write_private(folder / METADATA, crate_metadata(folder, assessment))
    return [METADATA, *SNIPPETS]
