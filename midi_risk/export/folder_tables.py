"""Tables of a data set folder (BIDS, CDISC): read whole again, with the subject of each row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from midi_risk.errors import LinkageError, OutputError
from midi_risk.export.dicom_files import Written
from midi_risk.export.rules import ReleaseRules, Rule
from midi_risk.export.table_recode import RecodedTable, recode_table
from midi_risk.sources.collected import Collected
from midi_risk.sources.model import Extraction, FileStatus, SourceTable
from midi_risk.table.link import link
from midi_risk.table.subjects import Subjects

_READ = frozenset({FileStatus.READ.value, FileStatus.FLAGGED.value})


@dataclass(slots=True, kw_only=True)
class FolderAccount:
    """What became of a data set folder.

    Parameters
    ----------
    files : list of Written
        Every file met.
    tables : list of RecodedTable
        Tables written.
    notes : list of str
        What was done beyond the rules, in sentences without values.
    written : dict of str to callable
        Attribute -> what stands for a label in the files, where that is not the label.
    """

    files: list[Written] = field(default_factory=list)
    tables: list[RecodedTable] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    written: dict[str, Callable[[str], str | None]] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Return counts only."""
        return f"FolderAccount({len(self.files)} files, {len(self.tables)} tables)"


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderSource:
    """A data set folder that is to be written back.

    Parameters
    ----------
    folder : pathlib.Path
        The original; only read.
    tables : dict of str to SourceTable
        Name when the folder is read alone -> the whole table, under the name that the
        extraction gave it.
    of_row : dict of str to numpy.ndarray
        Subject number of each row of these tables, -1 for nobody.
    table_of : dict of pathlib.Path to str
        File -> name of the table that it was read into.
    release : ReleaseRules
    subjects : Subjects
        Of the leading source.
    """

    folder: Path
    tables: dict[str, SourceTable]
    of_row: dict[str, np.ndarray]
    table_of: dict[Path, str]
    release: ReleaseRules
    subjects: Subjects

    def recoded(self, name: str, more: Mapping[str, Rule] | None = None) -> RecodedTable:
        """Return one of the tables, recoded; some columns by other rules than their own."""
        return recode_table(
            self.tables[name],
            self.release,
            self.subjects,
            leading=False,
            of_row=self.of_row[name],
            more=more,
        )

    def numbers(self) -> dict[str, int]:
        """Return subject key as the folder has it -> number of the subject, -1 for nobody."""
        known: dict[str, int] = {}
        for name, table in self.tables.items():
            keys = table.rows.column(table.key).to_pylist()
            known |= zip(keys, self.of_row[name].tolist(), strict=True)
        return known

    def released_label(self, number: int) -> str | None:
        """Return the label of a subject that stays, None for others and for nobody."""
        label = str(self.subjects.labels[number]) if number >= 0 else ""
        return None if not label or label in self.release.suppressed else label

    def __repr__(self) -> str:
        """Return names only."""
        return f"FolderSource({self.folder.name!r}, {sorted(self.tables)})"


def folder_source(
    folder: Path,
    read: Callable[[Path, Collected], None],
    extraction: Extraction,
    release: ReleaseRules,
    subjects: Subjects,
) -> FolderSource:
    """Read a folder again, whole, and find its tables and subjects in an extraction.

    Parameters
    ----------
    folder : pathlib.Path
    read : callable
        `read_bids` or `read_cdisc`.
    extraction : Extraction
        Its leading table may have lost rows to the collection's ``where``.
    release : ReleaseRules
    subjects : Subjects
        Of the leading table.

    Raises
    ------
    OutputError
        When the folder no longer holds what was read, or ``where`` selects some of the
        rows of a subject.
    """
    collected = Collected()
    read(folder, collected)
    leading = extraction.tables[0]
    free = list(extraction.tables)
    tables: dict[str, SourceTable] = {}
    of_row: dict[str, np.ndarray] = {}
    for own in collected.tables:
        found = _same(own, free)
        if found is None:
            raise OutputError(
                f"{folder.name}: table {own.name} is not as it was when it was read",
                hint="Run the command again while nothing writes into the folder",
            )
        free = [table for table in free if table is not found]
        whole = replace(own, name=found.name)
        tables[own.name] = whole
        of_row[own.name] = _subjects_of(whole, found, subjects, leads=found is leading)
    return FolderSource(
        folder=folder,
        tables=tables,
        of_row=of_row,
        table_of={
            Path(row["path"]): row["source"] for row in collected.files if row["status"] in _READ
        },
        release=release,
        subjects=subjects,
    )


def _same(own: SourceTable, known: Sequence[SourceTable]) -> SourceTable | None:
    alike = [
        t for t in known if t.kind is own.kind and t.rows.schema.names == own.rows.schema.names
    ]
    same = [table for table in alike if table.rows.equals(own.rows)]
    return next(iter(same or [t for t in alike if t.rows.num_rows < own.rows.num_rows]), None)


def _subjects_of(
    whole: SourceTable, found: SourceTable, subjects: Subjects, *, leads: bool
) -> np.ndarray:
    """Return the subject of each row, where the leading table may have fewer rows."""
    if leads and whole.rows.num_rows == found.rows.num_rows:
        return subjects.of_row
    try:
        of_row = link(whole, subjects)[0]
    except LinkageError:
        return np.full(whole.rows.num_rows, -1, dtype=np.int64)
    if leads and (of_row >= 0).sum() != (subjects.of_row >= 0).sum():
        raise OutputError(
            f"{whole.name}: 'where' selects some of the rows of a subject",
            hint="Select whole subjects, or make a folder of what is to be released",
        )
    return of_row
