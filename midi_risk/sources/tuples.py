"""Tables of image metadata as tuples: equal rows once, with the number of rows that they are.

An archive's table has one row per object, and most of its columns say the same of every object of a
series. One grouped query (GROUP BY, COUNT, MIN and MAX only, so that any engine can run it) makes
tuples of them; nothing is cast or parsed there, so that the distinct values are read by the same
functions as those of a small table. Tuples stand in the order in which their first row was met.

Columns that vary inside series would make a tuple of every row. They are asked for apart: each
value with the subject, the collection and the modality that have it, in rows of their own that
count for none (weight 0). Where even these are very many, a value stands with the first and the
last of the subjects that have it, which tells how many values there are and who has one of their
own; what is folded is asked for in full then. Unique identifiers of objects are kept as the scan
store keeps them: the first and the last of each tuple.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydicom.datadict import dictionary_VR, tag_for_keyword

from midi_risk.sources.arrow import integers_of
from midi_risk.sources.dicom.faces import FACE_COLUMNS
from midi_risk.sources.dicom.header import wanted_attributes
from midi_risk.sources.model import SourceKind, SourceTable, TableSpec
from midi_risk.sources.select import (
    copy_to,
    matching,
    names_in,
    nothing_kept,
    sql_path,
    sql_pattern,
)
from midi_risk.sources.tables.columns import (
    SCOPES,
    alias_columns,
    descriptions,
    is_metadata_table,
    level_of,
    text_column,
)
from midi_risk.sources.tables.delimited import spool_delimited
from midi_risk.sources.tables.formats import table_format
from midi_risk.sources.tables.json import spool_lines, with_tag_columns
from midi_risk.sources.tables.keys import fold_name
from midi_risk.sources.tables.parquet import (
    DROPPED,
    flatten,
    holds_items,
    labels_of,
    sequence_tag,
)
from midi_risk.sources.tables.raw import RawTable, counted
from midi_risk.sources.tables.read import ROW_KEY, TableReading, asked_key, keyed_table
from midi_risk.sources.tables.texts import texts_in_file

FEW_ROWS = 100_000
"""Tables of at most so many rows are read as they are: it gives the same."""

MANY_PAIRS = 2_000_000
"""Values of a column with each of their subjects, from which on they are asked for when folded."""

ROW_GROUP = 65_536
"""Rows of a row group of what queries answer."""

_N, _AT = "midi_risk_n", "midi_risk_at"
_PART = 1 << 40
_SAMPLE = 65_536
_SAMPLES = 4
_SERIES = 1_000
_PAYS = 1.5
_VARIES = 0.05
_BATCH = 500_000
_MARK = "\x1f"
_TOGETHER = frozenset(
    {"StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "PixelSpacing", "Rows"}
    | {"PatientSpeciesDescription", "QualityControlSubject", *FACE_COLUMNS}
)
"""Attributes that are looked at together with others of the same object, whatever their level."""


class Folder:
    """A folder for files that go when nobody needs them any more; mode 0700.

    Examples
    --------
    >>> folder = Folder()
    >>> path = folder.path
    >>> del folder
    >>> path.exists()
    False
    """

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="midi-risk-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """Rows of one table in Parquet files, which nobody has read yet.

    Parameters
    ----------
    files : sequence of (pathlib.Path, mapping of str to str)
        In the order of the rows; the mapping has the columns that folders state, with their value.
    schema : pyarrow.Schema
        Columns of all files, as the table names them.
    rows : int
        Number of rows.
    held : object
        Keeps files that are there for this table alone.
    raw : callable
        Returns a table of the schema's columns as text columns, with findings.
    """

    files: Sequence[tuple[Path, Mapping[str, str]]]
    schema: pa.Schema
    rows: int
    raw: Callable[[pa.Table], RawTable]
    held: object = None

    def sql(self) -> str:
        """Return the query of all rows, with the place of each."""
        parts = []
        for number, (path, stated) in enumerate(self.files):
            there = set(pq.read_schema(path).names)
            columns = [
                _quoted(name) if name in there else f"{_text(stated[name])} AS {_quoted(name)}"
                for name in self.schema.names
                if name in there or name in stated
            ]
            place = f"file_row_number + {number * _PART} AS {_AT}"
            source = f"read_parquet({sql_pattern(path)}, file_row_number = true)"
            parts.append(f"SELECT {', '.join([*columns, place])} FROM {source}")  # noqa: S608
        return " UNION ALL BY NAME ".join(parts)

    def sample(self) -> pa.Table:
        """Return stretches of rows from the whole length of the files."""
        found: list[pa.Table] = []
        chosen = np.unique(np.linspace(0, len(self.files) - 1, _SAMPLES).astype(int))
        for number in chosen.tolist():
            path, stated = self.files[number]
            with pq.ParquetFile(path, pre_buffer=False) as file:
                groups = file.metadata.num_row_groups
                each = max(1, _SAMPLES // len(chosen))
                for group in np.unique(np.linspace(0, groups - 1, each).astype(int)).tolist():
                    batches = file.iter_batches(
                        _SAMPLE,
                        row_groups=[group],
                        columns=[n for n in self.schema.names if n in file.schema_arrow.names],
                    )
                    batch = next(batches, None)
                    if batch is not None:
                        rows = pa.Table.from_batches([batch])
                        for name, value in stated.items():
                            if name not in rows.column_names:
                                rows = rows.append_column(name, pa.array([value] * rows.num_rows))
                        found.append(rows)
        rows = pa.concat_tables(found, promote_options="default")
        return rows.select([name for name in self.schema.names if name in rows.column_names])


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def stored_table(
    files: Sequence[tuple[Path, Mapping[str, str]]], spec: TableSpec, where: str
) -> Stored | None:
    """Return the rows of a table file, or of its parts, where they can be grouped; else None.

    Parameters
    ----------
    files : sequence of (pathlib.Path, mapping of str to str)
        See `Stored`.
    where : str
        Name of the table, for messages.
    """
    kinds = {kind.name if (kind := table_format(path)) else "" for path, _ in files}
    if kinds == {"Parquet"}:
        return stored_parquet(files, where)
    if len(files) > 1 or spec.encoding is not None:
        return None
    if kinds <= {"CSV", "TSV", "delimited text"}:
        return _stored_text(spec, "\t" if kinds == {"TSV"} else None)
    return _stored_lines(spec) if kinds <= {"JSON", "JSON lines"} else None


def _stored_text(spec: TableSpec, delimiter: str | None) -> Stored | None:
    """Return the rows of delimited text, parsed as those of a small file."""
    folder = Folder()
    target = folder.path / "rows.parquet"
    told = spool_delimited(
        spec.path, target, is_metadata_table, delimiter=delimiter, header_rows=spec.header_rows
    )
    if told is None:
        return None
    if spec.path.suffix.casefold() == ".tsv":
        labels = descriptions(spec.path.with_suffix(".json")) | dict(told.labels)
        told = replace(told, labels=labels)
    return _of_text(told, [target], {name: name for name in told.rows.column_names}, folder)


def _stored_lines(spec: TableSpec) -> Stored | None:
    """Return the rows of JSON lines, parsed as those of a small file."""
    folder = Folder()
    found = spool_lines(spec.path, folder.path, is_metadata_table)
    return None if found is None else _of_text(*found, folder)


def _of_text(
    told: RawTable, files: Sequence[Path], names: Mapping[str, str], folder: Folder
) -> Stored | None:
    """Return columns of text that were written as Parquet."""
    if len({name.casefold() for name in names}) < len(names):
        return None

    def raw(table: pa.Table) -> RawTable:
        columns = {names[name]: text_column(table.column(name)) for name in table.column_names}
        return replace(told, rows=pa.table(columns))

    return Stored(
        files=[(path, {}) for path in files],
        schema=pa.schema([(name, pa.string()) for name in names]),
        rows=sum(pq.read_metadata(path).num_rows for path in files),
        raw=raw,
        held=folder,
    )


def stored_parquet(files: Sequence[tuple[Path, Mapping[str, str]]], where: str) -> Stored | None:
    """Return the rows of Parquet files that can be grouped as they are, else None.

    Parameters
    ----------
    files : sequence of (pathlib.Path, mapping of str to str)
        See `Stored`.
    where : str
        Name of the table, for messages.
    """
    fields: dict[str, pa.Field] = {}
    rows = 0
    for path, stated in files:
        try:
            schema, number = pq.read_schema(path), pq.read_metadata(path).num_rows
        except (pa.ArrowException, OSError, UnicodeDecodeError):
            return None
        if len(set(schema.names)) < len(schema.names):
            return None
        rows += number
        for each in (*schema, *(pa.field(n, pa.string()) for n in stated if n not in schema.names)):
            if fields.setdefault(each.name, each).type != each.type or not _can_group(each):
                return None
    schema = pa.schema(list(fields.values()))
    folded = {name.casefold() for name in schema.names}
    if not fields or len(folded) < len(fields) or {_N, _AT} & folded:
        return None

    def raw(table: pa.Table) -> RawTable:
        return flatten(
            ((name, table.column(name)) for name in table.column_names), where, labels_of(schema)
        )

    return Stored(files=files, schema=schema, rows=rows, raw=raw)


def _can_group(column: pa.Field) -> bool:
    """Tell whether a column keeps its values through a grouped query, or is not read at all."""
    kind = column.type
    if sequence_tag(column.name) is not None and holds_items(kind):
        return False
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        kind = kind.value_type
    return unread(column) or _flat(kind)


def _flat(kind: pa.DataType) -> bool:
    timed = pa.types.is_timestamp(kind) and kind.tz is None
    plain = (
        pa.types.is_string, pa.types.is_large_string, pa.types.is_integer, pa.types.is_float32,
        pa.types.is_float64, pa.types.is_boolean, pa.types.is_date, pa.types.is_decimal128,
        pa.types.is_time, pa.types.is_null,
    )  # fmt: skip
    return timed or any(test(kind) for test in plain)


def unread(column: pa.Field) -> bool:
    """Tell a column that reading leaves out: of bytes, or a note on what an export dropped.

    Parameters
    ----------
    column : pyarrow.Field

    Examples
    --------
    >>> unread(pa.field("pixels", pa.binary())), unread(pa.field("Modality", pa.string()))
    (True, False)
    """
    kind = column.type
    left_out = (
        pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary,
        pa.types.is_map,
    )  # fmt: skip
    return column.name.casefold() in DROPPED or any(test(kind) for test in left_out)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """How each column is asked for, by its name in the file.

    Parameters
    ----------
    names : mapping of str to str
        Name in the file -> name in the source table.
    key : str
        Column of the subject's key.
    scopes : tuple of str
        Columns within which keys may be unique.
    context : tuple of str
        Columns that stand beside each value that is asked for apart.
    base, ends, pairs, single : tuple of str
        Grouped; first and last of each group; value with all its subjects; with two of them.
    """

    names: Mapping[str, str]
    key: str
    scopes: tuple[str, ...]
    context: tuple[str, ...]
    base: tuple[str, ...]
    ends: tuple[str, ...] = ()
    pairs: tuple[str, ...] = ()
    single: tuple[str, ...] = ()


def read_tuples(
    stored: Stored, spec: TableSpec, *, name: str, where: str = "", by: str = ""
) -> TableReading | None:
    """Read a stored table of image metadata as tuples with weights.

    Parameters
    ----------
    stored : Stored
    spec : TableSpec
        Key, where one was given.
    name : str
        Label of the source table.
    where : str
        Condition that rows must fulfil, see `midi_risk.sources.select.select_rows`.
    by : str
        Column that rows will be split by.

    Returns
    -------
    TableReading or None
        None where the table is small, is none of image metadata, or has hardly an equal row.

    Raises
    ------
    SourceError
        When the condition is not valid or no row fulfils it.
    LinkageError
        When the key column does not exist or is empty.
    MemoryError
        When half of the machine's memory, at most 4 GB, is too little for the query.
    """
    if stored.rows <= FEW_ROWS or spec.key == ROW_KEY:
        return None
    query = _Query(stored=stored, spec=spec, name=name, folder=Folder())
    plan = query.plan(by)
    return None if plan is None else query.read(plan, where)


@dataclass(slots=True, kw_only=True)
class _Query:
    """The queries of one table, and the files that they write."""

    stored: Stored
    spec: TableSpec
    name: str
    folder: Folder
    kept: Path | None = None
    base_rows: pa.Table | None = None
    number: int = 0
    known: dict[tuple[str, bool], pa.Table] = field(default_factory=dict)

    @property
    def _void(self) -> frozenset[str]:
        """Columns without any value, which no query is asked for."""
        return frozenset(f.name for f in self.stored.schema if pa.types.is_null(f.type))

    def plan(self, by: str) -> _Plan | None:
        """Decide how each column is asked for, from a sample of the rows."""
        sample = self.stored.sample()
        raw = self.stored.raw(sample)
        if with_tag_columns(raw, self.name) is not raw:
            return None
        read = [f.name for f in self.stored.schema if not unread(f)]
        if len(read) != raw.rows.num_columns or not is_metadata_table(raw.rows.column_names):
            return None
        aliases = alias_columns(raw.rows.column_names)
        names = dict(zip(read, aliases.names, strict=True))
        of = {alias: name for name, alias in names.items()}
        key = "PatientID"
        if self.spec.key is not None:
            key = asked_key(self.spec.key, list(aliases.names), aliases.origin, self.name)
        if of.get(key) in {None, *self._void}:
            return None
        there = {name: alias for name, alias in names.items() if name not in self._void}
        scopes = tuple(n for n, a in there.items() if fold_name(a) in SCOPES and a != key)
        beside = [
            n for n, alias in there.items() if alias == "Modality" or (by and by in {n, alias})
        ]
        context = tuple(dict.fromkeys((of[key], *scopes, *beside)))
        whole = next((of[n] for n in ("SeriesInstanceUID", "StudyInstanceUID") if n in of), of[key])
        told, groups = self._telling(sample, whole, instances=level_of(aliases.names) == "instance")
        if told.num_rows < _PAYS * groups:
            return None
        return self._chosen(told, whole, groups, _Plan(
            names=names, key=of[key], scopes=scopes, context=context,
            base=tuple(there),
        ))  # fmt: skip

    def _telling(self, sample: pa.Table, whole: str, *, instances: bool) -> tuple[pa.Table, int]:
        """Return rows of some series, all of them where the rows of a series lie apart."""
        groups = _groups(sample, [whole])
        if sample.num_rows >= _PAYS * groups or not instances:
            return sample, groups
        some = pa.table({whole: pc.unique(sample.column(whole)).drop_null().slice(0, _SERIES)})
        target = self._file("some")
        pq.write_table(some, target)
        columns = ", ".join(map(_quoted, sample.column_names))
        column = _quoted(whole)
        chosen = f"SELECT {column} FROM read_parquet({sql_path(target)})"  # noqa: S608
        found = self._ask(
            f"SELECT {columns} FROM ({self.stored.sql()}) WHERE {column} IN ({chosen})"  # noqa: S608
            f" LIMIT {_SAMPLES * _SAMPLE}",
            (),
        )
        return found, _groups(found, [whole])

    def _chosen(self, sample: pa.Table, whole: str, groups: int, plan: _Plan) -> _Plan:
        """Move what varies inside series out of the groups."""
        base, ends, pairs, single = [], [], [], []
        levels = {item.keyword: item.level for item in wanted_attributes().values()}
        types = {f.name: f.type for f in self.stored.schema}
        growth = self.stored.rows / max(sample.num_rows, 1)
        plain = all(_as_text(types[name]) for name in (plan.key, *plan.scopes))
        for name in plan.base:
            keyword = plan.names[name]
            fixed = name in plan.context or name == whole or keyword in _TOGETHER
            fixed |= levels.get(keyword, "instance") not in {"instance", "file"}
            if fixed or _groups(sample, [whole, name]) - groups <= _VARIES * sample.num_rows:
                base.append(name)
            elif _vr(keyword) == "UI" and _as_text(types[name]):
                ends.append(name)
            elif plain and _groups(sample, [*plan.context, name]) * growth > MANY_PAIRS:
                single.append(name)
            else:
                pairs.append(name)
        return replace(
            plan, base=tuple(base), ends=tuple(ends), pairs=tuple(pairs), single=tuple(single)
        )

    def read(self, plan: _Plan, where: str) -> TableReading:
        """Run the queries and return the table."""
        notes: tuple[str, ...] = ()
        keys: tuple[str, ...] = ()
        if where:
            notes = (self._keep(plan, where),)
            found = self._ask(self._grouped([plan.key], []), [plan.key])
            told = self._texts(found, plan).rows.column(plan.names[plan.key])
            keys = tuple(pc.unique(told).cast(pa.string()).drop_null().to_pylist())
        self.base_rows = self._ask(self._grouped(plan.base, plan.ends), plan.base)
        reading = self._assembled(plan)
        return replace(
            reading,
            table=replace(reading.table, all_keys=keys),
            findings=(*reading.findings, *notes),
        )

    def _assembled(self, plan: _Plan) -> TableReading:
        """Put the answers together as one table of text."""
        base = self.base_rows
        if base is None:
            raise ValueError("nothing was asked yet")
        weights = integers_of(base.column(_N))
        parts = [base.drop_columns([_N, _AT])]
        for name in plan.pairs:
            rows = self._once(name, partial(self._paired, plan, name), whole=True)
            parts.append(rows)
        for name in plan.single:
            rows = self._once(name, partial(self._singled, plan, name, parts[0]), whole=False)
            parts.append(rows)
        more = sum(part.num_rows for part in parts[1:])
        rows = pa.concat_tables(parts, promote_options="default")
        raw = self._texts(rows, plan)
        extras = (*raw.extras, *(texts_in_file(self.spec) if self.spec.path.is_file() else ()))
        reading = keyed_table(
            raw, self.spec, name=self.name, weights=np.append(weights, np.zeros(more, np.int64))
        )
        table = replace(
            reading.table,
            ends=frozenset(plan.names[name] for name in plan.ends),
            partly=frozenset(plan.names[name] for name in plan.single),
            again=partial(self._again, plan),
        )
        return replace(
            reading,
            table=table,
            beside=raw.beside,
            extras=tuple(replace(each, source=self.name) for each in extras),
        )

    def _once(self, name: str, ask: Callable[[], pa.Table], *, whole: bool) -> pa.Table:
        if (name, whole) not in self.known:
            self.known[name, whole] = ask()
        return self.known[name, whole]

    def _again(
        self,
        plan: _Plan,
        *,
        where: str = "",
        by: str = "",
        whole: frozenset[str] = frozenset(),
    ) -> TableReading | None:
        """Read the table again: some of its rows, to be split, or with all subjects of values."""
        if whole:
            moved = [name for name in plan.single if plan.names[name] in whole]
            left = tuple(name for name in plan.single if name not in moved)
            return self._assembled(replace(plan, pairs=(*plan.pairs, *moved), single=left))
        return read_tuples(self.stored, self.spec, name=self.name, where=where, by=by)

    def _texts(self, rows: pa.Table, plan: _Plan) -> RawTable:
        """Return rows of some columns as text, in the order of the file."""
        everything = set(plan.names) <= {*rows.column_names, *self._void}
        columns = {}
        for each in self.stored.schema:
            if each.name in rows.column_names:
                columns[each.name] = rows.column(each.name)
            elif each.name in self._void or (everything and unread(each)):
                columns[each.name] = pa.chunked_array([pa.nulls(rows.num_rows, each.type)])
        return self.stored.raw(pa.table(columns))

    def _file(self, what: str) -> Path:
        self.number += 1
        return self.folder.path / f"{what}-{self.number}.parquet"

    def _source(self) -> str:
        """Return the rows that are asked about."""
        rows = f"({self.stored.sql()}) t"
        if self.kept is None:
            return rows
        same = " AND ".join(
            f"k.{_quoted(name)} IS NOT DISTINCT FROM t.{_quoted(name)}"
            for name in pq.read_schema(self.kept).names
        )
        kept = f"read_parquet({sql_path(self.kept)}) k"
        return f"{rows} WHERE EXISTS (SELECT 1 FROM {kept} WHERE {same})"  # noqa: S608

    def _grouped(self, columns: Sequence[str], ends: Sequence[str]) -> str:
        """Return the one query: equal rows once, their number, and where the first stands."""
        keys = ", ".join(f"t.{_quoted(name)}" for name in columns)
        terms = [
            f"CASE WHEN MIN({c}) = MAX({c}) THEN CAST(MIN({c}) AS VARCHAR)"
            f" ELSE CAST(MIN({c}) AS VARCHAR) || '\\' || CAST(MAX({c}) AS VARCHAR) END AS {c}"
            for c in map(_quoted, ends)
        ]
        told = ", ".join([keys, *terms, f"COUNT(*) AS {_N}", f"MIN({_AT}) AS {_AT}"])
        return f"SELECT {told} FROM {self._source()} GROUP BY {keys} ORDER BY {_AT}"  # noqa: S608

    def _paired(self, plan: _Plan, name: str) -> pa.Table:
        """Return each value of a column with every subject and modality that has it."""
        columns = [*plan.context, name]
        found = self._ask(self._grouped(columns, ()), columns)
        return found.drop_columns([_N, _AT]).filter(pc.is_valid(found.column(name)))

    def _singled(self, plan: _Plan, name: str, base: pa.Table) -> pa.Table:
        """Return each value with two of its subjects at most, and each subject with one value.

        How many values there are, who has none, and who has one that nobody else has: all of it
        can be told from these.
        """
        own = (plan.key, *plan.scopes)
        pairs = base.select(list(own)).unify_dictionaries()
        pairs = pairs.group_by(list(own), use_threads=False).aggregate([])
        alone = _groups(pairs, [plan.key]) == pairs.num_rows
        label = _quoted(plan.key) if alone else _labelled(own)
        column = _quoted(name)
        source, valid = self._source(), f"{column} IS NOT NULL"
        clause = "AND" if self.kept is not None else "WHERE"
        by_value = self._ask(
            f"SELECT {column}, MIN({label}) AS lo, MAX({label}) AS hi, MIN({_AT}) AS {_AT}"  # noqa: S608
            f" FROM {source} {clause} {valid} GROUP BY {column} ORDER BY {_AT}",
            [name],
        )
        by_subject = self._ask(
            f"SELECT {label} AS lo, MIN({column}) AS {column}, MIN({_AT}) AS {_AT}"  # noqa: S608
            f" FROM {source} {clause} {valid} GROUP BY {label} ORDER BY {_AT}",
            [name],
        )
        labels = pairs.column(plan.key) if alone else _labels(pairs, own)
        labels = labels.cast(pa.string()) if pa.types.is_dictionary(labels.type) else labels
        several = by_value.filter(
            pc.fill_null(pc.not_equal(by_value["lo"], by_value["hi"]), fill_value=False)
        )
        parts = []
        for rows, who in ((by_value, "lo"), (several, "hi"), (by_subject, "lo")):
            asked = (
                rows[who].cast(pa.string()) if pa.types.is_dictionary(rows[who].type) else rows[who]
            )
            place = pc.index_in(asked.cast(labels.type), value_set=labels.combine_chunks())
            parts.append(pairs.take(place).append_column(name, rows.column(name)))
        return pa.concat_tables(parts, promote_options="default")

    def _ask(self, query: str, texts: Sequence[str]) -> pa.Table:
        """Run a query; the texts of these columns come as dictionaries."""
        target = self._file("asked")
        copy_to(target, query, rows=self.stored.rows, row_group=ROW_GROUP, least=_LEAST)
        kinds = {f.name: f.type for f in pq.read_schema(target)}
        encoded = [n for n in texts if pa.types.is_string(kinds[n])]
        with pq.ParquetFile(target, read_dictionary=encoded, pre_buffer=False) as file:
            found = file.read()
        target.unlink()
        return found

    def _keep(self, plan: _Plan, where: str) -> str:
        """Note the values of the condition's columns that fulfil it; say how many rows do.

        The condition is about text, as a file holds it and a reader makes it of typed columns, so
        the query groups, and the reader's text decides.
        """
        named = {text.casefold() for text in names_in(where)}
        asked = [n for n, alias in plan.names.items() if named & {n.casefold(), alias.casefold()}]
        asked = asked or [plan.key]
        if not named <= {t.casefold() for n in asked for t in (n, plan.names[n])}:
            matching(self._as_table(self.stored.sample(), plan), where)  # says what is unknown
        target = self._file("kept")
        groups = self._file("groups")
        copy_to(groups, self._grouped(asked, ()), rows=self.stored.rows, least=_LEAST)
        kept = 0
        with pq.ParquetFile(groups) as file:
            schema = pa.schema([f for f in file.schema_arrow if f.name not in (_N, _AT)])
            with pq.ParquetWriter(target, schema) as writer:
                for batch in file.iter_batches(_BATCH):
                    rows = pa.Table.from_batches([batch])
                    chosen = rows.take(matching(self._as_table(rows, plan), where))
                    kept += pc.sum(chosen.column(_N)).as_py() or 0
                    writer.write_table(chosen.drop_columns([_N, _AT]))
        groups.unlink()
        if not kept:
            raise nothing_kept()
        self.kept = target
        return f"{self.name}: {counted(kept, 'row')} of {self.stored.rows:,} selected by --where"

    def _as_table(self, rows: pa.Table, plan: _Plan) -> SourceTable:
        """Return some columns as a source table that a condition can be asked about."""
        raw = self._texts(rows, plan)
        there = [n for n in plan.names if n in rows.column_names or n in self._void]
        names = [plan.names[n] for n in there]
        origin = {
            alias: own
            for own, alias in zip(raw.rows.column_names, names, strict=True)
            if own != alias
        }
        return SourceTable(
            name=self.name, kind=SourceKind.METADATA, level="instance", key=names[0],
            rows=raw.rows.rename_columns(names), origin=origin,
        )  # fmt: skip


_LEAST = 1 << 30


def _groups(rows: pa.Table, columns: Sequence[str]) -> int:
    """Return how many different rows there are of some columns."""
    names = list(dict.fromkeys(columns))
    return int(rows.select(names).unify_dictionaries().group_by(names).aggregate([]).num_rows)


def _as_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_integer(kind)
    )


def _vr(keyword: str) -> str:
    tag = tag_for_keyword(keyword)
    return "" if tag is None else dictionary_VR(tag)


def _labelled(own: Sequence[str]) -> str:
    """Return the expression of a subject's key with its scopes as one text."""
    parts = [f"COALESCE(CAST({_quoted(name)} AS VARCHAR), '')" for name in own[1:]]
    return " || ".join([f"CAST({_quoted(own[0])} AS VARCHAR)", *(f"chr(31) || {p}" for p in parts)])


def _labels(rows: pa.Table, own: Sequence[str]) -> pa.ChunkedArray:
    """Return the same text of rows in memory."""
    texts = [rows.column(name).cast(pa.string()) for name in own]
    filled = [texts[0], *(pc.fill_null(text, "") for text in texts[1:])]
    return pc.binary_join_element_wise(*filled, _MARK)
