"""Writing a BIDS data set back: images, recoded tables and sidecars; nothing unassessed."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from midi_risk.export.bids_names import (
    applies,
    is_inherited,
    is_regular,
    session_of,
    subject_of,
)
from midi_risk.export.bids_sidecars import (
    Fields,
    described_columns,
    described_data_set,
    read_object,
    recoded_sidecar,
    write_json,
)
from midi_risk.export.bids_tables import (
    BidsTable,
    bids_tables,
    refuse_dated_sessions,
    representatives,
    write_tsv,
)
from midi_risk.export.dicom_files import Written
from midi_risk.export.folder_tables import FolderAccount, FolderSource
from midi_risk.export.nifti import NotCopiedError, copy_nifti
from midi_risk.export.rules import Rule
from midi_risk.export.table_files import private
from midi_risk.sources.listing import Listed, list_files

_NUMBERS = re.compile(rb"[0-9eE.,+\-\s]*")
_MOST_NUMBERS = 16 << 20
SUPPRESSED = "of a subject that the plan leaves out"
NOBODY = "of a subject that nobody assessed"
UNASSESSED = "neither a table, a sidecar nor a NIfTI image: nobody assessed it"


@dataclass(slots=True, kw_only=True)
class _Copy:
    """One data set being written."""

    source: FolderSource
    target: Path
    statement: str
    tables: dict[str, BidsTable]
    subjects: dict[str, str | None]
    labels: dict[str, str | None]
    images: dict[str | None, list[PurePosixPath]]
    fields: Fields = field(default_factory=Fields)
    cleared: int = 0
    nifti: int = 0


def write_bids(source: FolderSource, target: Path, statement: str) -> FolderAccount:
    """Write a BIDS data set, recoded, into a new folder.

    Parameters
    ----------
    source : FolderSource
        From `read_bids`.
    target : pathlib.Path
        Empty folder.
    statement : str
        Tool and plan, for dataset_description.json.

    Returns
    -------
    FolderAccount

    Raises
    ------
    OutputError
        When an attribute has to change that the names of files show.

    Notes
    -----
    One rule decides: what was assessed is recoded, NIfTI images and their gradient tables
    are copied with all text cleared, everything else is left out.
    """
    listed = list(list_files([source.folder]))
    paths = [PurePosixPath(Path(os.fsdecode(f.path)).relative_to(source.folder)) for f in listed]
    refuse_dated_sessions(source, {s for p in paths if subject_of(p) and (s := session_of(p))})
    tables = bids_tables(source)
    copy = _Copy(
        source=source,
        target=target,
        statement=statement,
        tables=tables,
        subjects=_subjects(source),
        labels={key: source.released_label(n) for key, n in source.numbers().items()},
        images=_images(source),
    )
    account = FolderAccount(written=representatives(tables))
    later: list[tuple[Listed, PurePosixPath]] = []
    for file, path in zip(listed, paths, strict=True):
        if path.name.endswith("_scans.tsv"):
            later.append((file, path))
        else:
            account.files.append(_one(copy, file, path))
    account.files += [_one(copy, file, path) for file, path in later]
    account.tables += [t.recoded for name, t in tables.items() if name != "images"]
    account.notes += _notes(copy)
    return account


def _subjects(source: FolderSource) -> dict[str, str | None]:
    """Return subject folder -> why nothing of it is written, None for a subject that stays."""
    reasons: dict[str, str | None] = {}
    for key, number in source.numbers().items():
        stays = source.released_label(number) is not None
        reasons[str(key)] = None if stays else SUPPRESSED if number >= 0 else NOBODY
    return reasons


def _images(source: FolderSource) -> dict[str | None, list[PurePosixPath]]:
    """Return the images that were read, without their endings: of each subject, and all."""
    found: dict[str | None, list[PurePosixPath]] = {None: []}
    for path, table in source.table_of.items():
        if table == "images" and path.parent != source.folder:
            stem = path.parent / path.name.split(".")[0]
            image = PurePosixPath(stem.relative_to(source.folder))
            found[None].append(image)
            found.setdefault(subject_of(image), []).append(image)
    return found


def _one(copy: _Copy, file: Listed, path: PurePosixPath) -> Written:
    """Write one file, or say why not."""
    reason = file.reason or _reason(copy, path)
    if not reason:
        place = copy.target / path
        folder = copy.target
        for part in path.parts[:-1]:
            folder = folder / part
            folder.mkdir(exist_ok=True, mode=0o700)
        reason = _writer(path)(copy, copy.source.folder / path, place)
    if reason:
        return Written(source=file.shown, reason=reason)
    return Written(source=file.shown, target=str(path))


def _reason(copy: _Copy, path: PurePosixPath) -> str:
    subject = subject_of(path)
    if subject is not None:
        if subject not in copy.subjects:
            return NOBODY
        return copy.subjects[subject] or ("" if is_regular(path) else "not a name of BIDS entities")
    if path.parts[0] == "phenotype" and len(path.parts) == 2:
        return ""
    return "" if len(path.parts) == 1 else f"in {_known(path.parts[0])}, which is not read"


def _known(folder: str) -> str:
    """Return the name of a folder that BIDS knows, else a word: names may tell."""
    known = {"derivatives", "sourcedata", "code", "stimuli", "phenotype", ".git", ".datalad"}
    return folder if folder in known else "another folder"


def _writer(path: PurePosixPath) -> Callable[[_Copy, Path, Path], str]:
    name = path.name
    if name.endswith(".tsv"):
        return _table
    if name.endswith(".json"):
        return _json
    if name.endswith((".nii", ".nii.gz")) and subject_of(path):
        return _nifti
    if name.endswith((".bval", ".bvec")):
        return _numbers
    return lambda _copy, _path, _place: UNASSESSED


def _table(copy: _Copy, path: Path, place: Path) -> str:
    name = copy.source.table_of.get(path, "")
    if name not in copy.tables or path not in copy.tables[name].starts:
        return UNASSESSED
    columns = copy.tables[name].columns_of(path)
    if path.name.endswith("_scans.tsv") and "filename" in columns:
        there = [_is_there(str(f), path.parent, place.parent) for f in columns["filename"]]
        columns = {
            column: [cell for cell, stays in zip(cells, there, strict=True) if stays]
            for column, cells in columns.items()
        }
    if not any(columns.values()):
        return "no row of it is left"
    write_tsv(place, columns)
    return ""


def _is_there(name: str, before: Path, after: Path) -> bool:
    """Tell whether a row of scans.tsv stays: its file was written, or never was there."""
    return (after / name).is_file() or not os.path.lexists(before / name)


def _json(copy: _Copy, path: Path, place: Path) -> str:
    document = read_object(path)
    if document is None:
        return "not a JSON object"
    relative = PurePosixPath(path.relative_to(copy.source.folder))
    if str(relative) == "dataset_description.json":
        write_json(place, described_data_set(document, copy.statement))
        return ""
    described = _describes(copy, path)
    if described is not None:
        columns, rules = described
        write_json(place, described_columns(document, columns, rules))
        return ""
    table = copy.source.tables.get("images")
    subject = subject_of(relative)
    heirs = any(applies(relative, image) for image in copy.images.get(subject, ()))
    if table is None or not heirs or not (subject or is_inherited(relative)):
        return "describes nothing that was assessed"
    label = copy.labels[subject] if subject else None
    made = recoded_sidecar(
        document, table, copy.tables["images"].rules, copy.source.release, label, copy.fields
    )
    write_json(place, made)
    return ""


def _describes(
    copy: _Copy, path: Path
) -> tuple[dict[str, list[str | None]], dict[str, Rule]] | None:
    """Return the columns that a JSON file describes, with their rules; None for a sidecar."""
    beside = path.with_suffix(".tsv")
    name = copy.source.table_of.get(beside)
    last = path.stem.rpartition("_")[2]
    if name in copy.tables and beside in copy.tables[name].starts:
        table = copy.tables[name]
        return table.columns_of(beside), table.rules
    if last in {"sessions", "scans"} and f"{last}.tsv" in copy.tables:
        table = copy.tables[f"{last}.tsv"]
        merged: dict[str, list[str | None]] = {}
        for piece in table.starts:
            for column, cells in table.columns_of(piece).items():
                merged.setdefault(column, []).extend(cells)
        return merged, table.rules
    return None


def _nifti(copy: _Copy, path: Path, place: Path) -> str:
    try:
        copy.cleared += copy_nifti(path, place)
    except NotCopiedError as error:
        return error.message
    copy.nifti += 1
    return ""


def _numbers(_copy: _Copy, path: Path, place: Path) -> str:
    """Copy a gradient table, when it is nothing but numbers."""
    if path.stat().st_size > _MOST_NUMBERS:
        return "not a table of numbers"
    content = path.read_bytes()
    if _NUMBERS.fullmatch(content) is None:
        return "not a table of numbers"
    with private(place) as handle:
        handle.write(content)
    return ""


def _notes(copy: _Copy) -> list[str]:
    """Say what was done beyond the rules."""
    said = [text for table in copy.tables.values() for text in table.followed]
    if copy.nifti:
        said.append(
            f"NIfTI images copied: {copy.nifti}, with text in the header or an extension, which"
            f" is cleared: {copy.cleared}"
        )
    fields = copy.fields
    if fields.changed or fields.removed:
        said.append(f"sidecar fields recoded {fields.changed}, removed {fields.removed}")
    if fields.unread:
        said.append(f"sidecar fields left out, nested or long and so not assessed: {fields.unread}")
    return said
