"""Tables of a BIDS data set: written file by file, with the description beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from midi_risk.attributes.model import Kind
from midi_risk.errors import OutputError
from midi_risk.export.bids_values import is_date_label, moment
from midi_risk.export.dicom_rules import DEVICE_DATES
from midi_risk.export.folder_tables import FolderSource
from midi_risk.export.rules import Action, Rule
from midi_risk.export.table_files import csv_text, private
from midi_risk.export.table_recode import RecodedTable, column_rules, like_visit
from midi_risk.sources.bids import bids_text

STRUCTURE = frozenset({"participant_id", "session_id", "datatype", "suffix", "filename"})
"""Columns that repeat what the names of files say."""

_VISITS = ("sessions.tsv", "scans.tsv", "images")


@dataclass(frozen=True, slots=True, kw_only=True)
class BidsTable:
    """A table of the data set, recoded, that may be spread over the files of subjects.

    Parameters
    ----------
    recoded : RecodedTable
    rules : dict of str to Rule
        By column.
    starts : dict of pathlib.Path to (int, int, tuple of str)
        File -> its first row and the one after its last, among the rows that stay, and its
        columns.
    followed : tuple of str
        Columns that follow the dates of the visit, in sentences.
    """

    recoded: RecodedTable
    rules: dict[str, Rule]
    starts: dict[Path, tuple[int, int, tuple[str, ...]]]
    followed: tuple[str, ...] = ()

    def columns_of(self, path: Path) -> dict[str, list[str | None]]:
        """Return the columns that a file has, with the rows that stay."""
        first, last, names = self.starts[path]
        piece = slice(first, last)
        return {name: self._written(name, piece) for name in names}

    def _written(self, name: str, piece: slice) -> list[str | None]:
        cells = list(self.recoded.columns[name][piece])
        rule = self.rules.get(name)
        if name == "acq_time" and rule is not None and rule.action is Action.GENERALISE:
            return [None if cell is None else moment(cell) for cell in cells]
        return cells


def bids_tables(source: FolderSource) -> dict[str, BidsTable]:
    """Return the recoded tables of a data set by their name in it.

    Parameters
    ----------
    source : FolderSource
        From `read_bids`.

    Raises
    ------
    OutputError
        When an attribute has to change that the names of files show.
    """
    group = _dates(source)
    made = {}
    for name, table in source.tables.items():
        rules, _ = column_rules(table, source.release)
        more: dict[str, Rule] = {}
        for column, rule in rules.items():
            if column in STRUCTURE and rule.changes:
                _refuse_structure(source, column, name)
                more[column] = Rule(attribute=rule.attribute, action=Action.KEEP)
            elif group is not None and _follows(name, rule) and _weaker(rule, group):
                more[column] = like_visit(rule, group)
        recoded = source.recoded(name, more)
        made[name] = BidsTable(
            recoded=recoded,
            rules=rules | more,
            starts=_starts(source, name, recoded.kept),
            followed=tuple(
                f"{rule.name} follows the strictest rule of the dates of visits: {rule.describe}"
                for rule in more.values()
                if rule.changes
            ),
        )
    return made


def _refuse_structure(source: FolderSource, column: str, table: str) -> None:
    if column != "filename":
        raise OutputError(
            f"{source.folder.name}: {column} of {table} has to change, and names of files hold it",
            hint="Rename folders and files first, or retain it",
        )


def refuse_dated_sessions(source: FolderSource, sessions: set[str]) -> None:
    """Refuse sessions that are named by their day where days may not be shown.

    Raises
    ------
    OutputError
    """
    if _dates(source) is not None and any(is_date_label(label) for label in sessions):
        raise OutputError(
            f"{source.folder.name}: sessions are named by their dates, which are coarsened",
            hint="Rename the sessions first, such as ses-01",
        )


def _dates(source: FolderSource) -> Rule | None:
    """Return the strictest rule of the dates of visits, None when none changes."""
    found = [
        rule
        for name, table in source.tables.items()
        for rule in column_rules(table, source.release)[0].values()
        if _follows(name, rule) and rule.changes
    ]
    return max(found, key=_strictness, default=None)


def _follows(table: str, rule: Rule) -> bool:
    """Tell whether a column is a date of a visit."""
    return (
        table in _VISITS
        and rule.attribute.kind is Kind.DATE
        and rule.attribute.keyword not in DEVICE_DATES
        and rule.attribute.ladder != "birthdate"
    )


def _strictness(rule: Rule) -> tuple[bool, int, int]:
    order = {"exact": 0, "date": 1, "week": 2, "month": 3, "quarter": 4, "year": 5}
    removed = rule.action is Action.REMOVE
    return removed, order.get(rule.level_name, 1), rule.level


def _weaker(rule: Rule, group: Rule) -> bool:
    return _strictness(rule) < _strictness(group)


def _starts(
    source: FolderSource, name: str, kept: np.ndarray
) -> dict[Path, tuple[int, int, tuple[str, ...]]]:
    """Return which rows of a recoded table came from which file, and that file's columns."""
    paths = [p for p, of in source.table_of.items() if of == name and p.suffix == ".tsv"]
    before = np.concatenate([[0], np.cumsum(kept)])
    starts, at = {}, 0
    for path in paths if name != "images" else ():
        rows = bids_text(path).rows
        end = at + rows.num_rows
        if end > len(kept):
            break
        starts[path] = (int(before[at]), int(before[end]), tuple(rows.column_names))
        at = end
    if name != "images" and at != len(kept):
        raise OutputError(f"{source.folder.name}: {name} changed while it was read")
    return starts


def write_tsv(path: Path, columns: Mapping[str, list[str | None]]) -> None:
    """Write a BIDS table: tab-separated, ``n/a`` where there is no value."""
    rows = list(zip(*columns.values(), strict=True))
    told = [["n/a" if cell is None else cell for cell in row] for row in rows]
    with private(path) as handle:
        handle.write(csv_text(list(columns), told, "\t").encode("utf-8", "replace"))


def representatives(tables: Mapping[str, BidsTable]) -> dict[str, Callable[[str], str | None]]:
    """Return what stands for a label of attributes whose files cannot hold the label."""
    return {
        rule.name: moment
        for table in tables.values()
        for column, rule in table.rules.items()
        if column == "acq_time" and rule.action is Action.GENERALISE
    }
