"""BIDS data sets: participants, sessions, scans, phenotype, and what sidecars say of images.

Images have one row each. Sidecars are inherited (BIDS specification, "The Inheritance Principle"):
a JSON file applies to the images at or below its folder that have its suffix and all its entities;
the nearest wins.
"""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from midi_risk.errors import LinkageError, SourceError
from midi_risk.sources.model import Beside, FileStatus, SourceKind, SourceTable
from midi_risk.sources.nifti import texts_in_header
from midi_risk.sources.tables.beside import with_units_beside
from midi_risk.sources.tables.columns import (
    alias_columns,
    cell_array,
    descriptions,
    text_column,
    text_of,
)
from midi_risk.sources.tables.delimited import read_delimited
from midi_risk.sources.tables.formats import looks_like_table
from midi_risk.sources.tables.raw import RawTable, counted, shown
from midi_risk.sources.tables.read import key_findings

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
    _note_texts(files, sidecars, name, collected)
    if not images:
        return
    rows = [_row(stem, sidecars) for stem in sorted(images)]
    names = list(dict.fromkeys(column for row in rows for column in row))
    aliases = alias_columns([column for column in names if column not in _ENTITIES])
    columns = {
        shown(new, limit=200): cell_array(row.get(old) for row in rows)
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


def _note_texts(
    files: list[Path],
    sidecars: dict[tuple[Path, str], list[_Sidecar]],
    name: str,
    collected: Collected,
) -> None:
    """Note the texts in headers of images, keys of sidecars that no column reads, other files."""
    headers = Counter(
        field
        for path in files
        if path.name.casefold().endswith((".nii", ".nii.gz"))
        for field in texts_in_header(path)
    )
    for field, count in sorted(headers.items()):
        collected.beside.append(
            Beside(kind="text", name=f"NIfTI {field}", source=name, count=count)
        )
    keys = Counter(
        key
        for found in sidecars.values()
        for sidecar in found
        for key, value in sidecar.values.items()
        if _scalar(value) is None and not _only_numbers(value)
    )
    for key, count in sorted(keys.items()):
        named = f"nested values of {shown(key)} in sidecars"
        collected.beside.append(Beside(kind="text", name=named, source=name, count=count))
    read = {row["path"] for row in collected.files if row["status"] != FileStatus.NOT_DICOM.value}
    collected.leave_unread(
        str(path)
        for path in files
        if str(path) not in read
        and not path.name.endswith((".bval", ".bvec"))
        and not looks_like_table(path)
        and path.suffix.casefold() not in _DICOM
    )


def _only_numbers(value: object) -> bool:
    """Tell what holds numbers and nothing else, at any depth, or nothing at all."""
    if isinstance(value, list):
        return all(map(_only_numbers, value))
    return value is None or isinstance(value, int | float)


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


KEY = "participant_id"
_SESSION = "session_id"
_ABSENT = pa.array(["n/a", "N/A", "NaN", "nan"])
_SKIPPED = {"derivatives", "sourcedata", "code", "stimuli", ".git", ".datalad"}


def read_bids(folder: Path, collected: Collected) -> None:
    """Read a BIDS data set: every table of it, and its images' sidecars.

    Parameters
    ----------
    folder : pathlib.Path
        Holds ``dataset_description.json`` or ``participants.tsv``.
    collected : Collected
        Receives tables, files and findings.

    Raises
    ------
    SourceError
        When it has neither participants nor subject folders.
    """
    before = len(collected.tables)
    root = sorted(p for p in folder.iterdir() if p.is_file())
    participants = folder / "participants.tsv"
    if participants.is_file():
        read_participants(participants, collected)
    files = _walk(folder)
    for kind in ("sessions", "scans"):
        _joined(kind, folder, [p for p in files if p.name.endswith(f"_{kind}.tsv")], collected)
    tables = [p for p in root if p.suffix == ".tsv" and p.name not in _ROOT_TABLES]
    for path in [*tables, *sorted((folder / "phenotype").glob("*.tsv"))]:
        _phenotype(path, collected)
    read_images(folder, files, collected)
    if len(collected.tables) == before:
        raise SourceError(
            f"{shown(folder)}: a BIDS data set without participants.tsv and subject folders",
            hint="Check the path",
        )
    described = {row["path"] for row in collected.files}
    for path in root:
        if path.suffix == ".json" and str(path) not in described:
            collected.add_file(path, folder.name)
    beside = [p for p in (*root, *files) if p.suffix != ".tsv" and looks_like_table(p)]
    collected.ask_for((str(p) for p in beside if p.name[-7:] != ".tsv.gz"), "the data set")
    skipped = [name for name in sorted(_SKIPPED) if (folder / name).is_dir()]
    if skipped:
        collected.findings.append(
            f"{shown(folder.name)}: {counted(len(skipped), 'folder')} not read: "
            + ", ".join(skipped)
        )


_ROOT_TABLES = {"participants.tsv"}


def read_participants(path: Path, collected: Collected) -> None:
    """Read ``participants.tsv`` with the descriptions beside it.

    Parameters
    ----------
    path : pathlib.Path
        The table.
    collected : Collected
        Receives the table, its file and findings.

    Raises
    ------
    SourceError
        When it is empty, unreadable or has a column twice.
    LinkageError
        When it has no participant_id.
    """
    _add(_table(path), path, collected)


def _phenotype(path: Path, collected: Collected) -> None:
    """Read one measurement tool's table; a fault is recorded, it does not stop the rest."""
    try:
        table = _table(path)
    except (SourceError, LinkageError) as error:
        collected.add_file(path, path.name, FileStatus.UNREADABLE, "not a BIDS table")
        collected.findings.append(f"not read: {error.message}")
    else:
        _add(table, path, collected)


def _table(path: Path) -> SourceTable:
    raw = bids_text(path)
    if KEY not in raw.rows.column_names:
        raise LinkageError(f"{shown(path.name)} has no column {KEY}", hint="BIDS asks for it")
    labels = descriptions(path.with_suffix(".json")) | dict(raw.labels)
    said = with_units_beside(raw.rows, labels)
    return SourceTable(
        name=shown(path.name),
        kind=SourceKind.BIDS,
        level="patient",
        key=KEY,
        rows=said.rows,
        labels=said.labels,
        spelt=said.spelt,
    )


def _add(table: SourceTable, path: Path, collected: Collected) -> None:
    findings = key_findings(table)
    names = set(table.rows.column_names)
    table = replace(table, labels={k: v for k, v in table.labels.items() if k in names})
    name = collected.add_table(table, path)
    collected.findings += findings
    collected.add_file(path, name)
    sidecar = path.with_suffix(".json")
    if sidecar.is_file():
        collected.add_file(sidecar, name)


def bids_text(path: Path) -> RawTable:
    """Read a BIDS table: tab-separated, ``n/a`` is absent."""
    raw = read_delimited(path, delimiter="\t")
    columns = {}
    for name, column in zip(raw.rows.column_names, raw.rows.columns, strict=True):
        plain = column.cast(pa.string())
        absent = pc.is_in(plain, value_set=_ABSENT)
        columns[name] = text_column(pc.if_else(absent, pa.scalar(None, pa.string()), plain))
    return replace(raw, rows=pa.table(columns))


def _walk(folder: Path) -> list[Path]:
    """Return the files of the subject folders, in order."""
    found: list[Path] = []
    for entry in sorted(folder.iterdir()):
        if entry.is_dir() and entry.name.startswith("sub-"):
            for place, folders, names in os.walk(entry):
                folders.sort()
                found += [Path(place) / name for name in sorted(names)]
    return found


def _joined(kind: str, folder: Path, paths: list[Path], collected: Collected) -> None:
    """Read one kind of per-subject table into one table keyed by participant."""
    name = collected.free_name(f"{kind}.tsv", folder / kind)
    parts = []
    for path in paths:
        try:
            raw = bids_text(path)
        except SourceError as error:
            collected.add_file(path, name, FileStatus.UNREADABLE, "not a BIDS table")
            collected.findings.append(f"not read: {error.message}")
            continue
        parts.append(_with_entities(raw.rows, path))
        collected.add_file(path, name)
    if not parts:
        return
    rows = pa.concat_tables(
        [part.cast(pa.schema([(n, pa.string()) for n in part.column_names])) for part in parts],
        promote_options="default",
    )
    rows = pa.table({n: text_column(rows.column(n)) for n in rows.column_names})
    labels = descriptions(paths[0].with_suffix(".json"))
    table = SourceTable(
        name=name,
        kind=SourceKind.BIDS,
        level="study" if kind == "sessions" else "series",
        key=KEY,
        rows=rows,
        labels={n: text for n, text in labels.items() if n in rows.column_names},
    )
    collected.add_table(table, folder / name)


def _with_entities(rows: pa.Table, path: Path) -> pa.Table:
    """Add participant and session, which the file's name holds, to its rows."""
    parts = path.stem.split("_")
    for column, prefix in ((_SESSION, "ses-"), (KEY, "sub-")):
        value = next((part for part in parts if part.startswith(prefix)), None)
        if value and column not in rows.column_names:
            values = pa.chunked_array([cell_array([value] * rows.num_rows)])
            rows = rows.add_column(0, column, values)
    return rows
