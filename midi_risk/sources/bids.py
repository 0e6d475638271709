"""BIDS data sets: participants, sessions, scans, phenotype, and what sidecars say of images."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from midi_risk.errors import LinkageError, SourceError
from midi_risk.sources.bids_images import read_images
from midi_risk.sources.model import FileStatus, SourceKind, SourceTable
from midi_risk.sources.tables import key_findings
from midi_risk.sources.tables_labels import descriptions
from midi_risk.sources.tables_raw import RawTable, counted, shown
from midi_risk.sources.tables_text import read_delimited
from midi_risk.sources.tables_values import text_array, text_column

if TYPE_CHECKING:
    from midi_risk.sources.collected import Collected

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
    return SourceTable(
        name=shown(path.name),
        kind=SourceKind.BIDS,
        level="patient",
        key=KEY,
        rows=raw.rows,
        labels=descriptions(path.with_suffix(".json")) | dict(raw.labels),
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
            values = pa.chunked_array([text_array([value] * rows.num_rows)])
            rows = rows.add_column(0, column, values)
    return rows
