"""Recoding and writing tables: metadata, clinical tables, and those of BIDS and CDISC folders.

They keep the format of the input and are harmless for spreadsheets.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pydicom.datadict import tag_for_keyword

from midi_risk.attributes.ladders import LADDERS
from midi_risk.attributes.model import Kind
from midi_risk.attributes.standard import OWN_DATES
from midi_risk.attributes.units import band_in_words, value_in_unit
from midi_risk.errors import LinkageError, OutputError
from midi_risk.export.dicom.files import Written
from midi_risk.export.dicom.recode import bands_of_dates, ladder_of_dates
from midi_risk.export.dicom.rules import dicom_rules
from midi_risk.export.rules import Action, Labeller, ReleaseRules, Rule
from midi_risk.sources.collected import Collected
from midi_risk.sources.model import Extraction, FileStatus, SourceKind, SourceTable
from midi_risk.table.model import raw_codes
from midi_risk.table.subjects import Subjects, link


@dataclass(frozen=True, slots=True, kw_only=True)
class RecodedTable:
    """A table as it will be written.

    Parameters
    ----------
    name : str
        Name of the source table.
    columns : dict of str to numpy.ndarray of object
        Name in the file -> text or None, one per row kept.
    suppressed, orphans : int
        Rows left out because the plan leaves their subject out, or because they belong
        to no subject that was assessed.
    kept : numpy.ndarray of bool, shape (n_rows,)
        Rows of the source that are here.
    unchanged : frozenset of str
        Columns whose cells are as they were.
    coupled : tuple of str
        What was removed because it would give another attribute back.
    order : numpy.ndarray of int64, shape (n_kept,), optional
        Places that the rows kept had before they were put in another order.
    """

    name: str
    columns: dict[str, np.ndarray]
    suppressed: int
    orphans: int
    kept: np.ndarray
    unchanged: frozenset[str]
    coupled: tuple[str, ...] = ()
    order: np.ndarray | None = None

    def __repr__(self) -> str:
        """Return the shape only, never values."""
        rows = len(next(iter(self.columns.values()), ()))
        return f"RecodedTable({self.name!r}, {rows} rows, {len(self.columns)} columns)"


def recode_table(
    table: SourceTable,
    release: ReleaseRules,
    subjects: Subjects,
    *,
    leading: bool,
    of_row: np.ndarray | None = None,
    more: Mapping[str, Rule] | None = None,
) -> RecodedTable:
    """Recode one source table.

    Parameters
    ----------
    table : SourceTable
    release : ReleaseRules
    subjects : Subjects
        Subjects of the leading source.
    leading : bool
        Whether this table is the leading one.
    of_row : numpy.ndarray of int64, shape (n_rows,), optional
        Subject of each row, where it is known; -1 for nobody.
    more : mapping of str to Rule, optional
        Rules that replace those of some columns.

    Returns
    -------
    RecodedTable
        Same columns; removed attributes are empty. Rows of subjects that the plan leaves
        out and rows of nobody are left out: nobody assessed their risk.

    Raises
    ------
    OutputError
        When the table was read as tuples, of which rows cannot be written.
    """
    if table.weights is not None:
        raise OutputError(
            f"{table.name}: its equal rows were read as one, so they cannot be written",
            hint="Read it with extract(..., rows=True)",
        )
    if of_row is None:
        of_row = subjects.of_row if leading else link(table, subjects)[0]
    labels = [str(label) for label in subjects.labels]
    hidden = np.array([label in release.suppressed for label in labels] + [False], dtype=bool)
    keep = (of_row >= 0) & ~hidden[of_row]
    rules, coupled = column_rules(table, release)
    rules |= more or {}
    columns = {}
    for name in table.rows.column_names:
        column = table.rows.column(name)
        shown = table.origin.get(name, name)
        texts = _column(column, rules.get(name), release, of_row, labels)
        if name in table.spelt and not (name in rules and rules[name].changes):
            texts = _without_units(texts, table.rows.column(table.spelt[name]))
        columns[shown] = _emptied(texts, rules.get(name), release, of_row, labels)[keep]
    return RecodedTable(
        name=table.name,
        columns=columns,
        suppressed=int(((of_row >= 0) & ~keep).sum()),
        orphans=int((of_row < 0).sum()),
        kept=keep,
        unchanged=frozenset(
            table.origin.get(name, name)
            for name in table.rows.column_names
            if name not in rules or not (rules[name].changes or rules[name].name in release.emptied)
        ),
        coupled=coupled,
    )


def _without_units(texts: np.ndarray, units: pa.ChunkedArray) -> np.ndarray:
    """Return cells as the file has them, without the unit that stands beside."""
    said = units.cast(pa.string()).to_pylist()
    pairs = zip(texts, said, strict=True)
    bare = [t.removesuffix(f" {u.strip()}") if t is not None and u else t for t, u in pairs]
    return np.array([*bare, None], dtype=object)[:-1]


def _emptied(
    texts: np.ndarray,
    rule: Rule | None,
    release: ReleaseRules,
    of_row: np.ndarray,
    labels: list[str],
) -> np.ndarray:
    """Return a column without the cells that the plan empties."""
    if rule is None or rule.name not in release.emptied:
        return texts
    loses = np.array([release.loses(rule, label) for label in labels] + [False], dtype=bool)
    out = texts.copy()
    out[loses[of_row]] = None
    return out


def column_rules(
    table: SourceTable, release: ReleaseRules
) -> tuple[dict[str, Rule], tuple[str, ...]]:
    """Return the rule of each column, and what is removed because it gives another back.

    Parameters
    ----------
    table : SourceTable
    release : ReleaseRules

    Returns
    -------
    rules : dict of str to Rule
        By name of the column; columns that no attribute was made of have none.
    coupled : tuple of str
        One sentence per removal.
    """
    rules = {rule.attribute.column: rule for rule in release.of_source(table.name)}
    given_back = _given_back(release, table.name)
    rules |= given_back
    if table.kind in {SourceKind.METADATA, SourceKind.BIDS}:
        rules |= _coupled(release, table.name)
    return rules, tuple(f"{rule.name} is {rule.describe}" for rule in given_back.values())


def _given_back(release: ReleaseRules, source: str) -> dict[str, Rule]:
    """Return the removal of columns that would give a changed attribute back."""
    found = {}
    for rule in release.of_source(source):
        ladder = LADDERS.get(rule.attribute.ladder or "")
        drivers = () if ladder is None else ladder.gives_back
        back = [
            r.name
            for r in release
            if (r.changes or r.name in release.emptied) and r.attribute.ladder in drivers
        ]
        if back and rule.action is Action.KEEP:
            found[rule.attribute.column] = Rule(
                attribute=rule.attribute,
                action=Action.REMOVE,
                describe=f"removed with {back[0]}, which it would give back",
            )
    return found


def _coupled(release: ReleaseRules, source: str) -> dict[str, Rule]:
    """Return the rules of columns that follow another, as the elements of an object do."""
    together = dicom_rules(release, source)
    found = {}
    for rule in release.of_source(source):
        keyword, vr = rule.attribute.keyword, rule.attribute.vr
        tag = tag_for_keyword(keyword) if keyword else None
        if tag is None or rule.action is Action.REMOVE:
            continue
        group = {"DA": together.dates, "DT": together.dates, "TM": together.times}.get(vr or "")
        if tag in together.elements:
            found[rule.attribute.column] = together.elements[tag]
        elif group is not None and keyword not in OWN_DATES and group.name != rule.name:
            found[rule.attribute.column] = like_visit(rule, group)
    return found


def like_visit(rule: Rule, group: Rule) -> Rule:
    """Return the rule of a visit's dates or times for another column of them."""
    if group.action is Action.REMOVE:
        return Rule(attribute=rule.attribute, action=Action.REMOVE, describe=group.describe)
    ladder, level, attribute = group.ladder, group.level, rule.attribute
    if attribute.kind is Kind.DATE and bands_of_dates(group) is not None:
        attribute = attribute.revised(hierarchy_steps=group.attribute.hierarchy_steps)
    elif attribute.kind is Kind.DATE:
        ladder, level = ladder_of_dates(group)
    medians = {} if group.labels is None else group.labels.medians
    labels = Labeller(attribute=attribute, ladder=ladder, level=level, known={}, medians=medians)
    return Rule(
        attribute=attribute,
        action=Action.GENERALISE,
        level=level,
        level_name=group.level_name,
        ladder=ladder,
        describe=group.describe,
        labels=labels,
    )


def _column(
    column: pa.ChunkedArray,
    rule: Rule | None,
    release: ReleaseRules,
    of_row: np.ndarray,
    labels: list[str],
) -> np.ndarray:
    """Return one column as text, recoded."""
    codes, raws = raw_codes(column)
    texts = np.array([*raws, None], dtype=object)
    if rule is None or not rule.changes:
        plain: np.ndarray = texts[codes]
        return plain
    if rule.action is Action.REMOVE:
        return np.full(len(codes), None, dtype=object)
    if rule.one_value:
        values = [release.value_of(rule, label) for label in labels]
        shown_as = [None if value is None else in_column(rule, value) for value in values]
        own: np.ndarray = np.array([*shown_as, None], dtype=object)
        one: np.ndarray = own[of_row]
        if rule.by_class:
            return one
        present = [rule.labels is None or rule.labels.label(r) is not None for r in raws]
        shown = np.array([*present, False], dtype=bool)[codes]
        one[~shown] = None
        return one
    labelled = [label_of_cell(rule, raw) for raw in raws]
    new: np.ndarray = np.array([*labelled, None], dtype=object)[codes]
    return new


def label_of_cell(rule: Rule, raw: str) -> str | None:
    """Return the label of one cell; a value that the level leaves alone keeps its spelling."""
    if rule.labels is None or rule.labels.unchanged(raw):
        return raw
    label = rule.labels.label(raw)
    return None if label is None else in_column(rule, label)


def in_column(rule: Rule, text: str) -> str:
    """Return a label, or the one value of a subject, in the unit that its column has."""
    if rule.action is Action.GENERALISE:
        return band_in_words(rule.attribute, text)
    return value_in_unit(rule.attribute, text)


_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?")
_PLAIN_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d+)?")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_KEPT_ENDINGS = (".csv", ".tsv", ".tab", ".txt", ".parquet", ".pq", ".xlsx")
"""Endings that are written as they were read; other tables become CSV."""


def harmless(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula.

    A text that begins with ``=``, ``+``, ``-``, ``@``, a tab or a line break and is not a
    number gets an apostrophe in front, as OWASP advises against CSV injection.

    Examples
    --------
    >>> harmless("=HYPERLINK(1)"), harmless("-12.5"), harmless("T2")
    ("'=HYPERLINK(1)", '-12.5', 'T2')
    """
    if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text):
        return "'" + text
    return text


def csv_text(header: Sequence[str], rows: Sequence[Sequence[Any]], delimiter: str = ",") -> str:
    r"""Return rows as CSV text that no spreadsheet executes.

    Examples
    --------
    >>> csv_text(["a"], [["=1+1"], [None]])
    'a\n\'=1+1\n""\n'
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator="\n")
    writer.writerow([harmless(str(name)) for name in header])
    for row in rows:
        writer.writerow(["" if cell is None else harmless(str(cell)) for cell in row])
    return buffer.getvalue()


def written_name(path: Path) -> str:
    """Return the name under which a table is written.

    Examples
    --------
    >>> written_name(Path("clinical.sav")), written_name(Path("a.csv.gz"))
    ('clinical.csv', 'a.csv')
    """
    stem = path.with_suffix("") if path.suffix.casefold() == ".gz" else path
    if stem.suffix.casefold() in _KEPT_ENDINGS:
        return stem.name
    return f"{stem.stem}.csv"


def typed_columns(path: Path, recoded: RecodedTable) -> dict[str, Any]:
    """Return the untouched columns of a Parquet file with the types that they had.

    Parameters
    ----------
    path : pathlib.Path
        The source.
    recoded : RecodedTable
        Made of it; where it is not made of all rows of the file there is nothing to return.
    """
    names = [name for name in pq.read_schema(path).names if name in recoded.unchanged]
    whole = pq.read_table(path, columns=names)
    if whole.num_rows != len(recoded.kept):
        return {}
    rows = whole.filter(pa.array(recoded.kept))
    if recoded.order is not None:
        rows = rows.take(pa.array(recoded.order))
    return {name: rows.column(name) for name in names}


def write_table(
    path: Path,
    columns: Mapping[str, np.ndarray],
    typed: Mapping[str, Any] | None = None,
    *,
    sheet: str = "",
) -> None:
    """Write columns of text in the format that the name of the file says.

    Parameters
    ----------
    path : pathlib.Path
        ``.csv``, ``.tsv``, ``.txt``, ``.parquet`` or ``.xlsx``.
    columns : mapping of str to numpy.ndarray of object
        Text or None.
    typed : mapping of str to pyarrow.ChunkedArray, optional
        Columns of a Parquet file that keep their type.
    sheet : str
        Name of the sheet of a workbook.

    Raises
    ------
    OutputError
        When a workbook cannot hold so many rows.
    """
    suffix = path.suffix.casefold()
    if suffix in {".parquet", ".pq"}:
        known = typed or {}
        arrays = {
            name: known[name] if name in known else pa.array(list(cells), pa.string())
            for name, cells in columns.items()
        }
        with private(path) as handle:
            pq.write_table(pa.table(arrays), handle)
        return
    rows = list(zip(*columns.values(), strict=True)) if columns else []
    if suffix == ".xlsx":
        _workbook(path, list(columns), rows, sheet)
        return
    text = csv_text(list(columns), rows, "\t" if suffix in {".tsv", ".tab"} else ",")
    with private(path) as handle:
        handle.write(text.encode("utf-8", "replace"))


def private(path: Path) -> Any:
    """Open a new file for its owner only."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    return os.fdopen(descriptor, "wb")


def _workbook(path: Path, header: list[str], rows: Sequence[Sequence[Any]], name: str = "") -> None:
    """Write one sheet in which every text is text and only plain numbers are numbers."""
    import openpyxl  # noqa: PLC0415

    if len(rows) >= 1_048_576:
        raise OutputError(f"{path.name}: too many rows for a workbook", hint="Give it as CSV")
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet(name or "data")
    from openpyxl.cell import WriteOnlyCell  # noqa: PLC0415

    def cell(value: Any) -> Any:
        if value is None or value == "":
            return None
        text = _ILLEGAL.sub(" ", str(value))
        if _PLAIN_NUMBER.fullmatch(text):
            return float(text) if "." in text else int(text)
        made = WriteOnlyCell(sheet, value="")
        made.value = text
        made.data_type = "s"
        return made

    sheet.append([cell(name) for name in header])
    for row in rows:
        sheet.append([cell(value) for value in row])
    with private(path) as handle:
        book.save(handle)


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
