"""Images of a BIDS data set and what their JSON sidecars say, one row per image.

Sidecars are inherited (BIDS specification, "The Inheritance Principle"): a JSON file applies
to the images at or below its folder that have its suffix and all its entities; the nearest
wins.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from midi_risk.sources.model import FileStatus, SourceKind, SourceTable
from midi_risk.sources.tables_alias import alias_columns
from midi_risk.sources.tables_raw import counted, shown
from midi_risk.sources.tables_values import text_array, text_of

if TYPE_CHECKING:
    from midi_risk.sources.collected import Collected

_ENTITIES = ("participant_id", "session_id", "datatype", "suffix")
_DESCRIPTIONS = {"dataset_description.json", "genetic_info.json"}
_DICOM = (".dcm", ".ima")
_NOT_IMAGES = (*_DICOM, ".json", ".tsv", ".tsv.gz", ".bval", ".bvec", ".txt", ".md")
_LONG = 16
_MODALITIES = {"anat": "MR", "func": "MR", "dwi": "MR", "fmap": "MR", "perf": "MR", "pet": "PT"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sidecar:
    entities: frozenset[str]
    values: dict[str, Any]


def read_images(folder: Path, files: list[Path], collected: Collected) -> None:
    """Add one table with a row per image of a BIDS data set.

    Parameters
    ----------
    folder : pathlib.Path
        The data set.
    files : list of pathlib.Path
        Every file of its subject folders.
    collected : Collected
        Receives the table, the files and findings.
    """
    named = (p for p in folder.glob("*.json") if p.name not in _DESCRIPTIONS)
    top = sorted(p for p in named if "_" in p.stem or p.stem in _MODALITIES)
    sidecars, broken = _sidecars([*top, *(p for p in files if p.suffix == ".json")])
    images = _images(files)
    name = collected.free_name("images", folder / "images")
    _account(files, images, broken, name, collected)
    _note(folder, files, sidecars, broken, collected)
    if not images:
        return
    rows = [_row(stem, sidecars) for stem in sorted(images)]
    names = list(dict.fromkeys(column for row in rows for column in row))
    aliases = alias_columns([column for column in names if column not in _ENTITIES])
    columns = {
        shown(new, limit=200): text_array(row.get(old) for row in rows)
        for old, new in zip(names, (*_ENTITIES, *aliases.names), strict=True)
    }
    collected.add_table(
        SourceTable(
            name=name,
            kind=SourceKind.BIDS,
            level="series",
            key="participant_id",
            rows=pa.table(columns),
            origin=aliases.origin,
        ),
        folder / name,
    )


def _account(
    files: list[Path],
    images: dict[Path, list[Path]],
    broken: set[Path],
    name: str,
    collected: Collected,
) -> None:
    """Record every file of the subject folders that is not a table of subjects."""
    members = {path for paths in images.values() for path in paths}
    for path in [*sorted(broken.difference(files)), *files]:
        if path in broken:
            collected.add_file(path, name, FileStatus.UNREADABLE, "not valid JSON")
        elif path in members or path.suffix == ".json":
            collected.add_file(path, name)
        elif not path.name.endswith(("_scans.tsv", "_sessions.tsv")):
            collected.add_file(path, name, FileStatus.NOT_DICOM, "neither image nor table")


def _note(
    folder: Path,
    files: list[Path],
    sidecars: dict[tuple[Path, str], list[_Sidecar]],
    broken: set[Path],
    collected: Collected,
) -> None:
    """Say what was not read of the subject folders."""
    where = shown(folder.name)
    read = sum(map(len, sidecars.values()))
    dicom = sum(path.suffix.casefold() in _DICOM for path in files)
    if read:
        collected.findings.append(
            f"{where}: {counted(read, 'sidecar')} of images read; lists longer than {_LONG} values "
            "and nested values left out"
        )
    if broken:
        collected.findings.append(
            f"{where}: {counted(len(broken), 'sidecar')} not valid JSON, not read"
        )
    if dicom:
        collected.findings.append(
            f"{where}: {counted(dicom, 'DICOM file')} inside a BIDS data set not read: give their "
            "folders as sources"
        )


def _images(files: list[Path]) -> dict[Path, list[Path]]:
    """Return image name without ending -> its files."""
    images: dict[Path, list[Path]] = defaultdict(list)
    for path in files:
        other = path.name.casefold().endswith(_NOT_IMAGES)
        if path.name.startswith("sub-") and "_" in path.name and not other:
            images[path.parent / path.name.split(".")[0]].append(path)
    for path in files:
        stem = path.with_suffix("")
        if path.suffix == ".json" and stem not in images and path.name.startswith("sub-"):
            below = any(s.name.startswith(stem.name.rpartition("_")[0]) for s in images)
            if not below and not stem.name.endswith(("_scans", "_sessions")):
                images[stem].append(path)
    return dict(images)


def _sidecars(
    paths: list[Path],
) -> tuple[dict[tuple[Path, str], list[_Sidecar]], set[Path]]:
    """Return sidecars by folder and suffix, and the broken ones."""
    found: dict[tuple[Path, str], list[_Sidecar]] = defaultdict(list)
    broken: set[Path] = set()
    for path in sorted(paths, key=lambda p: len(p.parts)):
        try:
            values = json.loads(path.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError, RecursionError):
            broken.add(path)
            continue
        if isinstance(values, dict):
            *entities, suffix = path.stem.split("_")
            found[path.parent, suffix].append(_Sidecar(entities=frozenset(entities), values=values))
    return dict(found), broken


def _row(stem: Path, sidecars: dict[tuple[Path, str], list[_Sidecar]]) -> dict[str, str | None]:
    *entities, suffix = stem.name.split("_")
    row: dict[str, str | None] = {
        "participant_id": next((e for e in entities if e.startswith("sub-")), None),
        "session_id": next((e for e in entities if e.startswith("ses-")), None),
        "datatype": stem.parent.name if stem.parent.name in _DATATYPES else None,
        "suffix": suffix,
    }
    above = [*reversed(stem.parents)]
    for sidecar in (found for folder in above for found in sidecars.get((folder, suffix), ())):
        if sidecar.entities <= frozenset(entities):
            row |= {name: _scalar(value) for name, value in sidecar.values.items()}
    if "Modality" not in row and row["datatype"] in _MODALITIES:
        row["Modality"] = _MODALITIES[str(row["datatype"])]
    return row


_DATATYPES = frozenset(
    {*_MODALITIES, "eeg", "meg", "ieeg", "micr", "nirs", "beh", "motion", "mrs", "emg"}
)


def _scalar(value: object) -> str | None:
    """Return a sidecar value as text; None for what is nested or long."""
    if isinstance(value, dict):
        return None
    if isinstance(value, list) and (
        len(value) > _LONG or any(isinstance(part, dict | list) for part in value)
    ):
        return None
    return text_of(value)
