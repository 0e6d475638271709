"""Table files of any kind: choose the reader, find the subject's key, name the columns."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from midi_risk.errors import LinkageError, SourceError, did_you_mean
from midi_risk.sources.model import Beside, SourceKind, SourceTable, TableSpec
from midi_risk.sources.tables.beside import with_units_beside
from midi_risk.sources.tables.columns import (
    INSTANCE_COUNTS,
    SCOPES,
    alias_columns,
    cell_array,
    descriptions,
    distinct_count,
    is_metadata_table,
    keyword_of,
    level_of,
)
from midi_risk.sources.tables.databases import is_database
from midi_risk.sources.tables.formats import database_format, known_formats, table_format
from midi_risk.sources.tables.joins import (
    ENOUGH,
    Join,
    Leading,
    check_join,
    joined,
    key_share,
    through_study,
)
from midi_risk.sources.tables.json import with_tag_columns
from midi_risk.sources.tables.keys import fold_name, key_rank
from midi_risk.sources.tables.lone_key import lone_key, without_summaries
from midi_risk.sources.tables.raw import RawTable, counted, listed, shown
from midi_risk.sources.tables.texts import texts_in_file

_ID_LIKE = re.compile(
    r"(^|[\W_])(id|code|nr|no|number|key|subject|patient|case|mrn)s?($|[\W_])|ID$"
)
_FEW = 0.05


def propose_key(rows: pa.Table, where: str, known: frozenset[str] = frozenset()) -> tuple[str, str]:
    """Propose the subject key of a table, and say why when it is not plain.

    Columns with the name of a patient key come first; a leading table's keys decide between
    them, and may point to a column with another name. Without either, a column of unique
    values that is named like an identifier or stands first.

    Parameters
    ----------
    rows : pyarrow.Table
        Text columns.
    where : str
        Table, for messages.
    known : frozenset of str
        Keys of the leading table; may be empty.

    Returns
    -------
    key : str
    finding : str
        Empty when the choice was plain.

    Raises
    ------
    LinkageError
        When no column looks like a key.
    """
    names = [name for name in rows.column_names if rows.column(name).null_count < rows.num_rows]
    ranked = sorted(
        (rank, position, name)
        for position, name in enumerate(names)
        if (rank := key_rank(name)) is not None
    )
    named = [name for _, _, name in ranked]
    if known and named:
        best = max(named, key=lambda n: (key_share(rows, n, known), -named.index(n)))
        if key_share(rows, best, known) > key_share(rows, named[0], known) + _FEW:
            return best, f"{where}: '{shown(best)}' taken as key, it matches the images best"
        if key_share(rows, named[0], known) > _FEW:
            return named[0], ""
    if known:
        others = [n for n in names if n not in named and _may_be_key(rows, n)]
        best_share, best = max(
            ((key_share(rows, n, known), n) for n in others), default=(0.0, ""), key=lambda p: p[0]
        )
        if best_share >= ENOUGH:
            return best, f"{where}: '{shown(best)}' taken as key, it matches the images best"
    choice = lone_key(rows, names)
    if choice is not None:
        return choice.column, f"{where}: {choice.why}" if choice.why else ""
    for name in names:
        column = rows.column(name)
        like = bool(_ID_LIKE.search(name)) or name == rows.column_names[0]
        if (keyword_of(name) or "").endswith("UID"):
            continue
        if like and _may_be_key(rows, name) and _unique(column):
            return name, f"{where}: '{shown(name)}' taken as key, its values are unique"
    for uid in ("StudyInstanceUID", "SeriesInstanceUID"):
        name = next((n for n in names if keyword_of(n) == uid and not known), None)
        if name is not None:
            return name, f"{where}: '{shown(name)}' taken as key: no column names a person"
    raise LinkageError(
        f"{where}: no column looks like a subject key among {listed(rows.column_names)}",
        hint="Name it with --table FILE:KEY, or FILE:#row when every row is one subject",
    )


def _unique(column: pa.ChunkedArray) -> bool:
    return column.null_count == 0 and distinct_count(column) == len(column)


def _may_be_key(rows: pa.Table, name: str) -> bool:
    """Return whether a column has more than a handful of values, none a decimal number."""
    distinct = distinct_values(rows, name)
    few = len(distinct) < min(3, rows.num_rows)
    return not few and not any(re.fullmatch(r"-?\d*[.,]\d*[1-9]\d*", v) for v in distinct[:200])


def distinct_values(rows: pa.Table, name: str) -> list[str]:
    """Return the distinct values of a column, without null."""
    values: list[str] = pc.unique(rows.column(name)).cast(pa.string()).drop_null().to_pylist()
    return values


ROW_KEY = "#row"
"""Asked as key: every row is a subject of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableReading:
    """A source table, what reading it noticed, and whether the file itself was at fault."""

    table: SourceTable
    findings: tuple[str, ...] = ()
    flagged: bool = False
    beside: Mapping[str, int] = field(default_factory=dict)
    extras: tuple[Beside, ...] = ()


def read_raw(spec: TableSpec) -> RawTable:
    """Read a table file as text columns named as in the file.

    Raises
    ------
    SourceError
        When its kind is unknown, it is empty or it cannot be read.
    """
    path = spec.path
    if is_database(spec.url):
        return database_format(str(spec.url)).read(path, spec)
    check_file(path)
    kind = table_format(path)
    if kind is None:
        raise SourceError(
            f"{shown(path.name)}: unknown file type '{shown(path.suffix) or 'without ending'}'",
            hint=f"Known: {known_formats()}, and DICOM",
        )
    return kind.read(path, spec)


def check_file(path: Path) -> None:
    """Raise one clear line when a file is not there, empty or not readable."""
    name = shown(path)
    if not path.exists():
        siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        close = did_you_mean(path.name, siblings)
        raise SourceError(
            f"{name} does not exist",
            hint=shown(close) if close.startswith("Did") else "Check the path",
        )
    if not path.is_file():
        raise SourceError(f"{name} is not a file", hint="Give a file here")
    try:
        with path.open("rb") as handle:
            empty = not handle.read(1)
    except OSError as error:
        raise SourceError(f"{name} cannot be read", hint="Check its permissions") from error
    if empty:
        raise SourceError(f"{name} is empty", hint="It has no bytes; copy it again")


def read_table(spec: TableSpec, *, name: str, leading: Leading | None = None) -> TableReading:
    """Read a table file as a source table.

    A table whose columns are those of image metadata is named by DICOM keywords and keyed by
    PatientID; any other table keeps its column names.

    Parameters
    ----------
    spec : TableSpec
        File, and the key and sheet where they were given.
    name : str
        Label of the source table.
    leading : Leading, optional
        What the table is to be joined to; it helps to choose the key column.

    Returns
    -------
    TableReading

    Raises
    ------
    SourceError
        When the file cannot be read.
    LinkageError
        When the key column does not exist, or none looks like a key.
    """
    raw = read_raw(spec)
    if spec.path.suffix.casefold() == ".tsv":
        raw = replace(raw, labels=descriptions(spec.path.with_suffix(".json")) | dict(raw.labels))
    raw = with_tag_columns(raw, name)
    reading = keyed_table(raw, spec, name=name, leading=leading)
    extras = (*raw.extras, *texts_in_file(spec))
    return replace(
        reading, beside=raw.beside, extras=tuple(replace(e, source=name) for e in extras)
    )


def keyed_table(
    raw: RawTable,
    spec: TableSpec,
    *,
    name: str,
    leading: Leading | None = None,
    weights: np.ndarray | None = None,
) -> TableReading:
    """Return raw columns as a source table: its kind, names, key, level and scope.

    Parameters
    ----------
    raw : RawTable
        What a reader gave.
    spec, name, leading
        As for `read_table`.
    weights : numpy.ndarray of int64, optional
        How many rows each row of image metadata stands for.

    Raises
    ------
    LinkageError
        When the key column does not exist, or none looks like a key.
    """
    names = raw.rows.column_names
    if not raw.rows.num_rows:
        if spec.key not in {None, ROW_KEY}:
            asked_key(str(spec.key), names, {}, name)
        raise SourceError(
            f"{name} holds no rows below its header",
            hint="It needs a header and one row at least",
        )
    if spec.key != ROW_KEY and is_metadata_table(names):
        return _metadata(raw, spec, name, weights)
    rows = raw.rows
    notes = list(raw.findings)
    on_date, join, guess = "", None, ""
    known = leading or Leading()
    if spec.key == ROW_KEY:
        rows = rows.append_column(ROW_KEY, cell_array(range(1, rows.num_rows + 1)))
        key = ROW_KEY
    elif spec.key is not None:
        key, on_date = _asked_keys(spec.key, names, name)
        join = through_study(rows, known, [key]) if not key_share(rows, key, known.keys) else None
    else:
        key, note, join = _found_key(rows, name, known)
        notes += [note] if note else []
        guess = "" if known.keys or join is not None else note.removeprefix(f"{name}: ")
    if key != ROW_KEY:
        rows, note = without_summaries(rows, key, name)
        notes += [note] if note else []
    said = with_units_beside(rows, {n: text for n, text in raw.labels.items() if n in names})
    table = SourceTable(
        name=name,
        kind=SourceKind.SPREADSHEET,
        level=level_of(names),
        key=key,
        key_guess=guess,
        rows=said.rows,
        labels=said.labels,
        instances_column=_instances_column(names),
        spelt=said.spelt,
        on_date=on_date,
        sheet=raw.sheet,
    )
    if join is not None:
        table, note = joined(table, join, known)
        notes.append(note)
    findings = (*notes, *key_findings(table))
    return TableReading(table=table, findings=findings, flagged=bool(raw.findings))


def _asked_keys(asked: str, names: list[str], where: str) -> tuple[str, str]:
    """Return the key column that was asked for, and the date of ``SUBJECT+DATE``."""
    if asked in names or "+" not in asked:
        return asked_key(asked, names, {}, where), ""
    subject, _, date = asked.partition("+")
    return asked_key(subject.strip(), names, {}, where), asked_key(date.strip(), names, {}, where)


def _found_key(rows: pa.Table, where: str, leading: Leading) -> tuple[str, str, Join | None]:
    """Return the key column and why, or a way through studies where that joins better."""
    names = [name for name in rows.column_names if rows.column(name).null_count < rows.num_rows]
    try:
        key, note = propose_key(rows, where, leading.keys)
    except LinkageError:
        join = through_study(rows, leading, names)
        if join is None or join.spread < ENOUGH:
            raise
        return join.column, "", join
    share = key_share(rows, key, leading.keys)
    if not leading.keys or (share >= ENOUGH and key_rank(key) is not None):
        return key, note, None
    join = through_study(rows, leading, names)
    if join is not None and join.spread >= ENOUGH and join.share >= share:
        return join.column, "", join
    if share >= ENOUGH:
        return key, note, None
    check_join(rows, key, where, leading)
    return key, note, None


def _metadata(
    raw: RawTable, spec: TableSpec, name: str, weights: np.ndarray | None
) -> TableReading:
    names = raw.rows.column_names
    aliases = alias_columns(names)
    rows = raw.rows.rename_columns(list(aliases.names))
    new = dict(zip(names, aliases.names, strict=True))
    notes = list(raw.findings)
    if aliases.clashes:
        notes.append(
            f"{name}: {counted(len(aliases.clashes), 'column')} kept under another name because "
            f"their DICOM attribute occurs twice: {listed(aliases.clashes)}"
        )
    guess = ""
    if spec.key is not None:
        key = asked_key(spec.key, rows.column_names, aliases.origin, name)
    elif "PatientID" in rows.column_names:
        key = "PatientID"
    else:
        key, note = propose_key(rows, name, frozenset())
        notes += [note] if note else []
        guess = note.removeprefix(f"{name}: ")
    table = SourceTable(
        name=name,
        kind=SourceKind.METADATA,
        level=level_of(rows.column_names),
        key=key,
        key_guess=guess,
        scope=_scope(rows, key),
        rows=rows,
        origin=aliases.origin,
        labels={new[column]: text for column, text in raw.labels.items() if column in new},
        instances_column=_instances_column(rows.column_names),
        sheet=raw.sheet,
        weights=weights,
    )
    findings = (*notes, *key_findings(table))
    return TableReading(table=table, findings=findings, flagged=bool(raw.findings))


def asked_key(asked: str, names: list[str], origin: dict[str, str], where: str) -> str:
    """Return the column that the user named as key, by its name or by that in the file."""
    if asked in names:
        return asked
    renamed = {old: new for new, old in origin.items()}
    if asked in renamed:
        return renamed[asked]
    close = [name for name in names if fold_name(name) == fold_name(asked)]
    if not close and (keyword := keyword_of(asked)) in names:
        close = [str(keyword)]
    if len(close) == 1:
        return close[0]
    raise LinkageError(
        f"{where} has no column '{shown(asked)}'",
        hint=did_you_mean(shown(asked), [shown(name) for name in (*names, *renamed)][:60]),
    )


def key_findings(table: SourceTable) -> tuple[str, ...]:
    """Say how many rows have no key, and whether a subject has several rows."""
    column = table.rows.column(table.key)
    n_rows, missing = table.n_rows, column.null_count
    if table.weights is not None:
        missing = int(table.weights[column.is_null().to_numpy()].sum())
    findings = []
    if missing == n_rows and missing:
        raise LinkageError(f"{table.name}: the key column '{shown(table.key)}' is empty")
    if missing:
        findings.append(
            f"{table.name}: {counted(missing, 'row')} without a value in the key column "
            f"'{shown(table.key)}'"
        )
    subjects = distinct_count(column)
    if table.level == "patient" and subjects < n_rows - missing:
        findings.append(
            f"{table.name}: several rows per subject "
            f"({counted(n_rows - missing, 'row')}, {counted(subjects, 'subject')}); all kept"
        )
    return tuple(findings)


def _instances_column(names: list[str]) -> str | None:
    return next((name for name in names if fold_name(name) in INSTANCE_COUNTS), None)


def _scope(rows: pa.Table, key: str) -> str | None:
    """Return the column within which keys are unique, when they are not unique without it."""
    folded = {fold_name(name): name for name in reversed(rows.column_names)}
    for candidate in SCOPES:
        name = folded.get(candidate)
        if name is None or name == key or rows.column(name).null_count == rows.num_rows:
            continue
        pairs = rows.select([key, name]).group_by([key, name]).aggregate([]).num_rows
        keys = rows.select([key]).group_by([key]).aggregate([]).num_rows
        return name if pairs > keys else None
    return None
