"""The proof beside a release: an RO-Crate that names every released file with its digest.

It goes with the files, so it holds nothing that may not leave: no digest of anything internal, no
exact time, and of the assessment what its shareable edition shows. `check_release` verifies it on
any machine, with nothing but the folder.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from midi_risk import __version__
from midi_risk.attributes.standard import method_codes, packaged_table
from midi_risk.document.assessment import Assessment
from midi_risk.document.files import file_sha256, write_private
from midi_risk.errors import SourceError, reason_of
from midi_risk.export.dicom.ledger import below
from midi_risk.report.editions import view

METADATA = "ro-crate-metadata.json"
_CONTEXT = "https://w3id.org/ro/crate/1.1/context"
_LOCAL = "urn:midi-risk:terms:"
_FORMS = {
    ".dcm": "application/dicom", ".csv": "text/csv", ".tsv": "text/tab-separated-values",
    ".json": "application/json", ".parquet": "application/vnd.apache.parquet",
    ".nii": "application/x-nifti", ".gz": "application/gzip", ".xpt": "application/x-sas-xport",
}  # fmt: skip
_SHOWN = 3
_SELF = {
    "@id": METADATA,
    "@type": "CreativeWork",
    "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
    "about": {"@id": "./"},
}


def release_manifest(
    folder: Path,
    assessment: Assessment,
    *,
    codes: Sequence[str] = (),
    left_out: Mapping[str, int] | None = None,
    known: Mapping[str, str] | None = None,
) -> str:
    """Return the RO-Crate metadata of a release.

    Parameters
    ----------
    folder : pathlib.Path
        Holds the released files and nothing else.
    assessment : Assessment
        Of these files.
    codes : sequence of str
        Profile and options of PS3.15 that were applied, as codes of CID 7050.
    left_out : mapping of str to int, optional
        Reason -> files of the sources that were not written.
    known : mapping of str to str, optional
        Path inside the folder -> SHA-256, of files that were digested when they were written.

    Returns
    -------
    str
        JSON-LD of RO-Crate 1.1.
    """
    names = sorted(name for name in below(folder) if name != METADATA)
    files = [_file(folder, name, known or {}) for name in names]
    shown = view(assessment, None, "shareable").to_dict()
    rows = [row for row in shown["account"] if row["name"]]
    dispositions = Counter(str(row["disposition"]) for row in shown["account"])
    table = packaged_table()
    meanings = method_codes()
    year = assessment.created[:4]
    graph: list[dict[str, Any]] = [
        _SELF,
        {
            "@id": "./",
            "@type": "Dataset",
            "name": f"Release of {shown['title']}",
            "description": "Recoded copies of medical images and tables, with what was found of"
            " the risk that somebody is re-identified from them.",
            "datePublished": year,
            "expires": assessment.valid_until[:4],
            "license": "As the holder of the collection states",
            "hasPart": [{"@id": entity["@id"]} for entity in files],
            "mentions": [{"@id": "#verdict"}, {"@id": "#account"}, {"@id": "#profile"}],
        },
        {
            "@id": "#written",
            "@type": "CreateAction",
            "name": "Writing of the release",
            "endTime": year,
            "instrument": {"@id": "#midi-risk"},
            "result": {"@id": "./"},
        },
        {
            "@id": "#midi-risk",
            "@type": "SoftwareApplication",
            "name": "midi-risk",
            "softwareVersion": __version__,
            f"{_LOCAL}versions": shown["versions"],
        },
        {
            "@id": "#verdict",
            "@type": "CreativeWork",
            "name": "Verdict on the files",
            f"{_LOCAL}verdict": shown["verdict"],
            f"{_LOCAL}threshold": shown["threshold"],
        },
        {
            "@id": "#account",
            "@type": "CreativeWork",
            "name": "Account of what left",
            f"{_LOCAL}rows": [
                {"name": row["name"], "disposition": row["disposition"]} for row in rows
            ],
            f"{_LOCAL}dispositions": dict(sorted(dispositions.items())),
            f"{_LOCAL}reasonsOfFilesLeftOut": sorted(left_out or {}),
        },
        {
            "@id": "#profile",
            "@type": "CreativeWork",
            "name": f"DICOM PS3.15 Annex E, release {table.release}",
            f"{_LOCAL}release": table.release,
            f"{_LOCAL}codes": [
                {"CodeValue": code, "CodingSchemeDesignator": "DCM", "CodeMeaning": meanings[code]}
                for code in codes
            ],
        },
        *files,
    ]
    document = {"@context": _CONTEXT, "@graph": graph}
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _file(folder: Path, name: str, known: Mapping[str, str]) -> dict[str, Any]:
    """Return the entity of a released file."""
    path = folder / name
    form = _FORMS.get(path.suffix.casefold(), "application/octet-stream")
    return {
        "@id": name,
        "@type": "File",
        "encodingFormat": form,
        "contentSize": str(path.stat().st_size),
        "sha256": known.get(name) or file_sha256(path),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What comparing a release with its manifest found; names of files only.

    Parameters
    ----------
    files : int
        Files that the manifest names.
    changed, missing, extra, unread : tuple of str
        Of which the content is another, which are gone, which it does not name, and which
        cannot be read.
    verdict : str
        On the files, as the manifest states it.
    expires : str
        Year until which the assessment stood.
    digest : str
        SHA-256 of the manifest itself, to compare with what its writer noted.
    """

    files: int
    changed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    verdict: str
    expires: str
    digest: str

    @property
    def whole(self) -> bool:
        """Whether every file is what it was."""
        return not (self.changed or self.missing or self.extra or self.unread)

    def lines(self) -> list[str]:
        """Return one line for each kind of difference."""
        kinds = {
            "changed": self.changed, "missing": self.missing,
            "not in the manifest": self.extra, "cannot be read": self.unread,
        }  # fmt: skip
        said = []
        for kind, names in kinds.items():
            if names:
                more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
                said.append(f"{kind}: {len(names)}: {', '.join(names[:_SHOWN])}{more}")
        return said


def is_release(path: Path) -> Path | None:
    """Return the folder with a manifest that a path names, None when there is none."""
    for place in (path, path / "release"):
        if (place / METADATA).is_file() and not (place / "assessment.json").exists():
            return place
    return None


def check_release(folder: Path) -> Checked:
    """Compare a release with its manifest.

    Parameters
    ----------
    folder : pathlib.Path
        With ``ro-crate-metadata.json``.

    Raises
    ------
    SourceError
        When the manifest cannot be read or is none of a release.
    """
    stated, graph, digest = _read(folder / METADATA)
    changed, missing, unread = [], [], []
    for name, expected in stated.items():
        path = folder / name
        try:
            if path.is_symlink() or not path.is_file():
                missing.append(name)
            elif path.stat().st_size != expected[0] or file_sha256(path) != expected[1]:
                changed.append(name)
        except OSError:
            unread.append(name)
    extra = sorted(set(below(folder)) - stated.keys() - {METADATA})
    verdict = graph.get("#verdict", {}).get(f"{_LOCAL}verdict", {})
    return Checked(
        files=len(stated),
        changed=tuple(changed),
        missing=tuple(missing),
        extra=tuple(extra),
        unread=tuple(unread),
        verdict=str(verdict.get("status", "")) if isinstance(verdict, dict) else "",
        expires=str(graph.get("./", {}).get("expires", "")),
        digest=digest,
    )


def _read(path: Path) -> tuple[dict[str, tuple[int, str]], dict[str, dict[str, Any]], str]:
    """Return size and digest of every file that a manifest names, its entities and its digest."""
    try:
        content = path.read_bytes()
        graph = {str(entity["@id"]): entity for entity in json.loads(content)["@graph"]}
        stated = {
            _inside(name): (int(entity["contentSize"]), str(entity["sha256"]).lower())
            for name, entity in graph.items()
            if entity.get("@type") == "File"
        }
    except OSError as error:
        raise SourceError(f"'{path}' cannot be read: {reason_of(error)}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise SourceError(
            f"'{path}' is no manifest of a release", hint="midi-risk apply writes one"
        ) from None
    if "#verdict" not in graph:
        raise SourceError(
            f"'{path}' is an RO-Crate of something else", hint="midi-risk apply writes one"
        )
    return stated, graph, hashlib.sha256(content).hexdigest()


def _inside(name: str) -> str:
    """Return a path that a manifest names, unless it leads out of its folder."""
    if os.path.isabs(name) or ".." in Path(name).parts:  # noqa: PTH117 - a text, not a path
        raise ValueError
    return name


def write_manifest(
    folder: Path,
    assessment: Assessment,
    *,
    codes: Sequence[str] = (),
    left_out: Mapping[str, int] | None = None,
    known: Mapping[str, str] | None = None,
) -> str:
    """Write the manifest of a release into its folder and return its digest."""
    text = release_manifest(folder, assessment, codes=codes, left_out=left_out, known=known)
    write_private(folder / METADATA, text)
    return hashlib.sha256(text.encode()).hexdigest()
