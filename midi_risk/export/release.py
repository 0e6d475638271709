"""Writing a release: recoded copies of everything that a project reads."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pydicom.dataset import Dataset

from midi_risk import __version__
from midi_risk.config import SourceSettings
from midi_risk.errors import OutputError
from midi_risk.export.bids_release import write_bids
from midi_risk.export.bids_tables import write_tsv
from midi_risk.export.cdisc_release import write_cdisc
from midi_risk.export.dicom_files import Copies, Written, check_local, write_copies
from midi_risk.export.dicom_rules import DicomRules, dicom_rules
from midi_risk.export.folder_tables import FolderAccount, folder_source
from midi_risk.export.rules import ReleaseRules
from midi_risk.export.table_files import typed_columns, write_table, written_name
from midi_risk.export.table_recode import RecodedTable, recode_table
from midi_risk.sources.bids import read_bids
from midi_risk.sources.collect import BIDS_MARKS, CDISC_MARKS
from midi_risk.sources.collected import Collected
from midi_risk.sources.listing import printable
from midi_risk.sources.model import Extraction, SourceKind, SourceTable
from midi_risk.sources.sdtm import read_cdisc
from midi_risk.table.subjects import Subjects, find_subjects

IMAGES = "images"


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What was written.

    Parameters
    ----------
    sources : list of dict
        Sources of the release, as a project file names them, relative to the folder.
    copies : Copies or None
        DICOM copies.
    tables : list of RecodedTable
    dicom : DicomRules or None
    files : list of Written
        Every file met in any source, with its place in the release or why it has none.
    notes : list of str
        What was done beyond the rules.
    written : dict of str to callable
        Attribute -> what stands for a label in the files, where that is not the label.
    """

    sources: list[dict[str, Any]] = field(default_factory=list)
    copies: Copies | None = None
    tables: list[RecodedTable] = field(default_factory=list)
    dicom: DicomRules | None = None
    files: list[Written] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    written: dict[str, Callable[[str], str | None]] = field(default_factory=dict)

    def left_out(self) -> dict[str, int]:
        """Return the reasons of files that were not written, with their number."""
        reasons = Counter(file.reason for file in self.files if not file.target)
        return dict(sorted(reasons.items()))

    def __repr__(self) -> str:
        """Return counts only."""
        return f"Release({self.copies!r}, {len(self.tables)} tables)"


def plan_statement(content: bytes, what: str = "plan") -> str:
    """Return what (0012,0063) says of a plan: tool, version and digest in 64 characters.

    Parameters
    ----------
    content : bytes
        Of the plan or project file.
    what : str
        Which of the two it is.

    Examples
    --------
    >>> len(plan_statement(b"{}")) <= 64
    True
    """
    digest = hashlib.sha256(content).hexdigest()
    return f"midi-risk {__version__} {what} sha256:{digest}"[:64]


def check_sources(sources: Sequence[SourceSettings], base: Path) -> list[Path]:
    """Return the paths of the sources, or say which cannot be written back.

    Raises
    ------
    OutputError
        For remote sources, and tables in folders of parts.
    """
    check_local([s.path for s in sources if s.kind == "dicom"])
    paths = [base / source.path for source in sources]
    for source, path in zip(sources, paths, strict=True):
        if source.kind != "dicom" and not path.is_file() and not _folder_reader(path):
            raise OutputError(
                f"{source.path}: only tables in one file are written back",
                hint="Give the file of the table",
            )
    return paths


def write_release(
    folder: Path,
    sources: Sequence[SourceSettings],
    base: Path,
    extraction: Extraction,
    release: ReleaseRules,
    *,
    statement: str,
    selected: Callable[[Dataset], bool] | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> Release:
    """Write recoded copies of all sources into a folder.

    Parameters
    ----------
    folder : pathlib.Path
        New folder.
    sources : sequence of SourceSettings
        Of the project.
    base : pathlib.Path
        Where relative paths start.
    extraction : Extraction
        As read from these sources.
    release : ReleaseRules
    statement : str
        For (0012,0063); see `plan_statement`.
    selected : callable, optional
        Tells whether an object belongs to the collection.
    progress : callable, optional
        Called with DICOM files done.

    Returns
    -------
    Release

    Raises
    ------
    OutputError
        When a source cannot be written back.
    """
    check_sources(sources, base)
    _check_cells(sources, base, release)
    leading = extraction.tables[0]
    subjects = find_subjects(leading)
    made: list[dict[str, Any]] = []
    tables: list[RecodedTable] = []
    copies = rules = None
    files: list[Written] = []
    notes: list[str] = []
    written: dict[str, Callable[[str], str | None]] = {}
    images = [base / s.path for s in sources if s.kind == "dicom"]
    if images:
        source = next(t for t in extraction.tables if t.kind is SourceKind.DICOM)
        rules = dicom_rules(release, source.name)
        target = folder / IMAGES
        target.mkdir(mode=0o700)
        copies = write_copies(
            images, target, rules, release,
            statement=statement, selected=selected, refused=_cut_short(extraction),
            progress=progress,
        )  # fmt: skip
        made.append({"dicom": f"{folder.name}/{IMAGES}"})
        files += [file.below(IMAGES) for file in copies.files]
    for settings in sources:
        if settings.kind == "dicom":
            continue
        if (base / settings.path).is_dir():
            place = _free(folder, settings.kind)
            place.mkdir(mode=0o700)
            account = _write_folder(
                base / settings.path, place, extraction, release, subjects, statement
            )
            files += [file.below(place.name) for file in account.files]
            tables += account.tables
            notes += account.notes
            written |= account.written
            made.append({settings.kind: f"{folder.name}/{place.name}"})
            continue
        table = _table_of(extraction, base / settings.path)
        recoded = recode_table(table, release, subjects, leading=table is leading)
        target = _free(folder, written_name(Path(settings.path)))
        typed = {}
        if target.suffix.casefold() in {".parquet", ".pq"}:
            typed = typed_columns(base / settings.path, recoded.kept, recoded.unchanged)
        if table.kind is SourceKind.BIDS:
            write_tsv(target, {name: list(cells) for name, cells in recoded.columns.items()})
        else:
            write_table(target, recoded.columns, typed)
        entry = {settings.kind: f"{folder.name}/{target.name}"}
        if not table.key.startswith("#"):
            entry["key"] = table.origin.get(table.key, table.key)
        made.append(entry)
        tables.append(recoded)
        files.append(Written(source=printable(str(base / settings.path)), target=target.name))
    return Release(
        sources=made, copies=copies, tables=tables, dicom=rules, files=files, notes=notes,
        written=written,
    )  # fmt: skip


def _check_cells(sources: Sequence[SourceSettings], base: Path, release: ReleaseRules) -> None:
    """Refuse a plan that empties single cells where they stand in more than one file."""
    folders = [s.path for s in sources if s.kind != "dicom" and (base / s.path).is_dir()]
    if release.emptied and folders:
        raise OutputError(
            f"{folders[0]}: single cells cannot be emptied in a data set folder, whose sidecars "
            "and qualifiers repeat them",
            hint="Use a plan made without --cells",
        )


def _folder_reader(path: Path) -> Callable[[Path, Collected], None] | None:
    """Return what reads a data set folder, None for other paths."""
    if not path.is_dir():
        return None
    names = {entry.name.casefold() for entry in path.iterdir()}
    if names & BIDS_MARKS:
        return read_bids
    return read_cdisc if names & CDISC_MARKS else None


def _write_folder(
    path: Path,
    place: Path,
    extraction: Extraction,
    release: ReleaseRules,
    subjects: Subjects,
    statement: str,
) -> FolderAccount:
    """Write a BIDS or CDISC folder back."""
    reader = _folder_reader(path)
    if reader is None:
        raise OutputError(f"{path.name}: not a folder that is written back")
    source = folder_source(path, reader, extraction, release, subjects)
    if reader is read_cdisc:
        return write_cdisc(source, place)
    return write_bids(source, place, statement)


def _cut_short(extraction: Extraction) -> dict[str, str]:
    """Return the files that reading found cut short: what is missing cannot be written."""
    files = extraction.files.select(["path", "reason"])
    cut = pc.match_substring(files["reason"].cast(pa.string()), "truncated")
    return {
        file["path"]: f"cannot be recoded: {file['reason']}"
        for file in files.filter(cut).to_pylist()
    }


def _table_of(extraction: Extraction, path: Path) -> SourceTable:
    """Return the source table that was read from a file."""
    names = extraction.files.column("source").to_pylist()
    paths = extraction.files.column("path").to_pylist()
    for name, read in zip(names, paths, strict=True):
        if Path(read) == path:
            return extraction.table(name)
    raise OutputError(f"{path.name}: not among the sources that were read")


def _free(folder: Path, name: str) -> Path:
    target, number = folder / name, 1
    while target.exists():
        number += 1
        target = folder / f"{Path(name).stem}-{number}{Path(name).suffix}"
    return target
