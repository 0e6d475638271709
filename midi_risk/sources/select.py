"""Choose rows of the leading table by an SQL condition, or split it into groups.

Queries over Parquet files run in little memory: DuckDB spills beside the store. The limit begins
low and is raised where a query says that it cannot do with it: a scan that needs more memory is
better than none. Queries over many rows run in a process of their own, whose memory is gone with
it; the process that scans does not even load DuckDB.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from midi_risk.errors import SourceError, did_you_mean
from midi_risk.sources.dicom.contents import element_counts
from midi_risk.sources.dicom.facts import PAYLOAD_FACTS, facts_from, noticed_counts
from midi_risk.sources.model import Extraction, SourceKind, SourceTable
from midi_risk.sources.tables.columns import compact
from midi_risk.sources.tables.raw import counted, shown

if TYPE_CHECKING:
    import duckdb


_MOST_GROUPS = 1000
_ROW = "midi_risk_row_number"
_SECONDS = 120.0
"""A condition over 15 million rows takes about one second."""

_PARTS = frozenset(
    {"BETWEEN", "CASE", "CAST", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT", "FUNCTION",
     "OPERATOR", "TYPE"}
)  # fmt: skip
"""Classes of expressions, as DuckDB names them, that a condition may be made of."""

_FUNCTIONS = frozenset(
    {
        "+",
        "-",
        "*",
        "/",
        "//",
        "%",
        "||",
        "~~",
        "!~~",
        "~~*",
        "!~~*",
        "~~~",
        "!~~~",
        "~",
        "!~",
        "like_escape",
        "not_like_escape",
        "ilike_escape",
        "not_ilike_escape",
        "regexp_full_match",
        "regexp_matches",
        "regexp_extract",
        "lower",
        "upper",
        "trim",
        "ltrim",
        "rtrim",
        "length",
        "len",
        "strlen",
        "substr",
        "substring",
        "left",
        "right",
        "contains",
        "starts_with",
        "ends_with",
        "prefix",
        "suffix",
        "replace",
        "split_part",
        "strip_accents",
        "concat",
        "reverse",
        "position",
        "strpos",
        "instr",
        "abs",
        "ceil",
        "ceiling",
        "floor",
        "round",
        "trunc",
        "sign",
        "sqrt",
        "ln",
        "log10",
        "greatest",
        "least",
        "isnan",
        "isfinite",
        "year",
        "month",
        "day",
        "quarter",
        "week",
        "dayofweek",
        "isodow",
        "dayofyear",
        "hour",
        "minute",
        "second",
        "date_part",
        "datepart",
        "date_trunc",
        "datetrunc",
        "date_diff",
        "datediff",
        "date_sub",
        "datesub",
        "strptime",
        "try_strptime",
        "strftime",
        "make_date",
        "age",
        "coalesce",
        "ifnull",
        "nullif",
    }
)
"""Functions that a condition may call: none reads settings or files, or grows what it is given."""

_LEADING = (SourceKind.DICOM, SourceKind.METADATA)


def leading_table(extraction: Extraction) -> SourceTable:
    """Return the first table of image metadata, or the first table when there is none."""
    imaging = (table for table in extraction.tables if table.kind in _LEADING)
    return next(imaging, extraction.tables[0])


def select_rows(extraction: Extraction, where: str) -> Extraction:
    """Keep the rows of the leading table that fulfil a condition.

    Parameters
    ----------
    extraction : Extraction
        What was read.
    where : str
        One boolean SQL expression over the leading table's columns, such as
        ``collection_id = 'lidc_idri' AND Modality IN ('CT', 'DX')``. Columns are text;
        use ``TRY_CAST(x AS DOUBLE)`` to compare numbers. No subquery, no statement.

    Returns
    -------
    Extraction
        Other tables are kept whole.

    Raises
    ------
    SourceError
        When the expression is not valid, names an unknown column or keeps no row.

    Notes
    -----
    The expression runs in an in-memory DuckDB without access to files or network and with
    its configuration locked.
    """
    table = leading_table(extraction)
    if table.weights is not None and table.again is not None:
        return _read_again(extraction, table, where)
    kept = matching(table, where)
    if not len(kept):
        raise nothing_kept()
    finding = (
        f"{table.name}: {counted(len(kept), 'row')} of {table.rows.num_rows:,} selected by --where"
    )
    extraction = _narrowed(extraction, table, lambda rows: matching(rows, where))
    return _replaced(extraction, table, compact(table.rows.take(kept)), finding)


def nothing_kept() -> SourceError:
    """Return the error of a condition that no row fulfils."""
    return SourceError(
        "--where keeps no row of the leading table",
        hint="Columns hold text: write '1', not 1, and check case and quotes",
    )


def _read_again(extraction: Extraction, table: SourceTable, where: str) -> Extraction:
    """Select rows of tuples: what varies inside a tuple, only the rows themselves tell."""
    reading = table.again(where=where) if table.again is not None else None
    if reading is None:
        raise SourceError(f"{table.name} cannot be read again", hint="Is it still there?")
    new = replace(reading.table, name=table.name)
    tables = tuple(new if t is table else t for t in extraction.tables)
    findings = dict.fromkeys((*extraction.findings, *reading.findings))
    return replace(extraction, tables=tables, findings=tuple(findings))


def _narrowed(
    extraction: Extraction, table: SourceTable, chosen: Callable[[SourceTable], pa.Array]
) -> Extraction:
    """Return an extraction whose elements, facts and names are those of some instances alone.

    Where the instances are not in memory all of them stay counted, which is too many.
    """
    instances = extraction.instances
    if instances is None or table.kind is not SourceKind.DICOM:
        return extraction
    kept = chosen(replace(table, rows=instances.drop_columns(list(_OF_FILES))))
    own = instances.take(kept)
    there = set(own["_path"].to_pylist())
    payloads = not PAYLOAD_FACTS.keys().isdisjoint(extraction.facts)
    facts = facts_from(noticed_counts(own["_noticed"]), payloads=payloads)
    return replace(
        extraction,
        elements=dict(element_counts(own["_contents"])),
        facts={**extraction.facts, **{f: n for f, n in facts.items() if f not in _OF_OTHERS}},
        instances=own,
        left=extraction.left | (set(instances["_path"].to_pylist()) - there),
    )


_OF_FILES = ("_path", "_noticed", "_contents")
_OF_OTHERS = frozenset({"incomplete_files", "dicomdir_files"})
"""Facts about files that hold no instance."""


def split_by(extraction: Extraction, column: str) -> list[tuple[str, Extraction]]:
    """Split an extraction by the values of one column of its leading table.

    Parameters
    ----------
    extraction : Extraction
        What was read.
    column : str
        A column of the leading table.

    Returns
    -------
    list of (str, Extraction)
        In order of the value; rows without a value come last, under ``""``. Other
        tables are kept whole in each.

    Raises
    ------
    SourceError
        When there is no such column, or it has more than a thousand values.
    """
    table = leading_table(extraction)
    name = _column(column, table)
    if table.weights is not None and table.again is not None and name != table.scope:
        reading = table.again(by=name)
        if reading is not None:
            new = replace(reading.table, name=table.name, all_keys=table.all_keys)
            tables = tuple(new if t is table else t for t in extraction.tables)
            extraction, table = replace(extraction, tables=tables), new
    values = pc.unique(table.rows.column(name)).cast(pa.string()).to_pylist()
    if len(values) > _MOST_GROUPS:
        raise SourceError(
            f"--by {shown(name)} makes {len(values):,} groups",
            hint=f"Choose a column with at most {_MOST_GROUPS:,} values, such as a collection",
        )
    if len(extraction.tables) > 1 and not table.all_keys:
        whole = replace(table, all_keys=_keys(table))  # once for all groups
        tables = tuple(whole if t is table else t for t in extraction.tables)
        extraction, table = replace(extraction, tables=tables), whole
    encoded = table.rows.column(name).cast(pa.string())
    groups = []
    for value in sorted(values, key=lambda v: (v is None, v or "")):
        mask = pc.is_null(encoded) if value is None else pc.equal(encoded, value)
        part = _narrowed(extraction, table, partial(_with_value, name=name, value=value))
        own = _of_group(table, name, value, mask)
        finding = f"{table.name}: {counted(own.n_rows, 'row')} in this group of {shown(name)}"
        groups.append((value or "", _exchanged(part, table, own, finding)))
    return groups


def _of_group(
    table: SourceTable, name: str, value: str | None, mask: pa.ChunkedArray
) -> SourceTable:
    """Return the rows of one group; what is asked for again, is asked for the group."""
    rows = compact(table.rows.filter(mask))
    if table.weights is None:
        return replace(table, rows=rows)
    chosen = pc.indices_nonzero(pc.fill_null(mask, fill_value=False)).to_numpy()
    again = partial(_group_again, table, name, value)
    return replace(table, rows=rows, weights=table.weights[chosen], again=again)


def _group_again(table: SourceTable, name: str, value: str | None, *, whole: frozenset[str]) -> Any:
    reading = table.again(whole=whole) if table.again is not None else None
    if reading is None:
        return None
    found = reading.table
    column = found.rows.column(name).cast(pa.string())
    mask = pc.is_null(column) if value is None else pc.equal(column, value)
    return replace(reading, table=_of_group(found, name, value, mask))


def _with_value(table: SourceTable, name: str, value: str | None) -> pa.Array:
    """Return the indices of the rows that have a value, or none, in a column."""
    column = table.rows.column(name).cast(pa.string())
    mask = pc.is_null(column) if value is None else pc.equal(column, value)
    return pc.indices_nonzero(pc.fill_null(mask, fill_value=False))


def _column(asked: str, table: SourceTable) -> str:
    names = table.rows.column_names
    renamed = {old: new for new, old in table.origin.items()}
    folded = {name.casefold(): name for name in names}
    found = asked if asked in names else renamed.get(asked) or folded.get(asked.casefold())
    if found is None:
        raise SourceError(
            f"{table.name} has no column '{shown(asked)}'",
            hint=did_you_mean(shown(asked), [shown(n) for n in (*names, *renamed)][:60]),
        )
    return found


def _keys(table: SourceTable) -> tuple[str, ...]:
    """Return the distinct keys of a table, which others are matched with as a whole."""
    values = pc.unique(table.rows.column(table.key)).cast(pa.string()).drop_null()
    return tuple(values.to_pylist())


def _replaced(extraction: Extraction, old: SourceTable, rows: pa.Table, finding: str) -> Extraction:
    return _exchanged(extraction, old, replace(old, rows=rows), finding)


def _exchanged(
    extraction: Extraction, old: SourceTable, new: SourceTable, finding: str
) -> Extraction:
    """Put rows of a table in its place; others are matched with its keys as a whole."""
    keys = old.all_keys or (_keys(old) if len(extraction.tables) > 1 else ())
    tables = tuple(replace(new, all_keys=keys) if t is old else t for t in extraction.tables)
    return replace(extraction, tables=tables, findings=(*extraction.findings, finding))


def names_in(where: str) -> frozenset[str]:
    """Return the names of columns in a condition, as they are written.

    Parameters
    ----------
    where : str

    Raises
    ------
    SourceError
        When it is not one condition.

    Examples
    --------
    >>> sorted(names_in("Modality = 'CT' AND lower(site) IN ('a')"))
    ['Modality', 'site']
    """
    text = where.strip()
    _check(text)
    import duckdb  # noqa: PLC0415

    with duckdb.connect(":memory:", config={"autoinstall_known_extensions": "false"}) as parser:
        waiting: list[Any] = [_expression(text, parser)]
    found = set()
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, dict):
            found.update(part.get("column_names", ())[-1:])
            waiting += part.values()
    return frozenset(found)


def matching(table: SourceTable, where: str) -> pa.Array:
    """Return the indices of the rows that fulfil the condition, ascending.

    A renamed column may be named as in its file, too.

    Parameters
    ----------
    table : SourceTable
    where : str

    Raises
    ------
    SourceError
        When the condition is not valid or names an unknown column.
    """
    text = where.strip()
    rows = table.rows
    taken = {name.casefold() for name in rows.column_names}
    for new, old in table.origin.items():
        if old.casefold() not in taken and new in rows.column_names:
            rows = rows.append_column(old, rows.column(new))
            taken.add(old.casefold())
    numbered = rows.append_column(_ROW, pa.array(np.arange(rows.num_rows)))
    import duckdb  # noqa: PLC0415 - loaded only where rows are chosen

    with duckdb.connect(":memory:", config={"threads": "2"}) as connection:
        connection.register("midi_risk_rows", numbered)
        for setting in (
            "SET enable_external_access = false",
            "SET python_enable_replacements = false",
            "SET lock_configuration = true",
        ):
            connection.execute(setting)
        query = f'SELECT "{_ROW}" FROM midi_risk_rows WHERE (\n{text}\n) ORDER BY 1'  # noqa: S608
        clock = threading.Timer(_SECONDS, connection.interrupt)
        clock.daemon = True
        clock.start()
        try:
            _check(text)
            found = connection.sql(query).to_arrow_table()
        except duckdb.InterruptException:
            raise SourceError(
                f"--where takes more than {_SECONDS:.0f} seconds", hint="Give a simpler condition"
            ) from None
        except duckdb.Error as error:
            raise _explained(error, rows.column_names) from None
        finally:
            clock.cancel()
    return found.column(0).combine_chunks()


def _check(text: str) -> None:
    """Refuse what DuckDB's own parser does not read as one plain expression; nothing is run."""
    if not text:
        raise SourceError("--where is empty", hint="Give a condition such as Modality = 'CT'")
    import duckdb  # noqa: PLC0415

    for start, kind in duckdb.tokenize(text):
        if kind == duckdb.token_type.comment or text[start : start + 1] == "$":
            raise _not_one()
    with duckdb.connect(":memory:", config={"autoinstall_known_extensions": "false"}) as parser:
        _check_parts(_expression(text, parser))
        _expression(f"(\n{text}\n)", parser)  # as it is run: nothing in it closes our parenthesis


def _expression(text: str, connection: duckdb.DuckDBPyConnection) -> Any:
    """Return the parsed expression that a text is.

    Raises
    ------
    SourceError
        When it is more than one expression, or none.
    """
    asked = "SELECT json_serialize_sql(?)"
    parsed = connection.execute(asked, [f"SELECT {text}"]).fetchall()
    tree: dict[str, Any] = json.loads(parsed[0][0])
    if tree["error"]:
        if "only select" in str(tree.get("error_message", "")).lower():
            raise _not_one()
        raise _not_sql()
    if len(tree["statements"]) != 1:
        raise _not_one()
    node = tree["statements"][0]["node"]
    listed: list[dict[str, Any]] = node.get("select_list", [])
    if (
        node["type"] != "SELECT_NODE"
        or len(listed) != 1
        or listed[0].get("alias")
        or node["from_table"]["type"] != "EMPTY"
        or node["modifiers"]
        or node["cte_map"]["map"]
        or any(node.get(part) for part in ("where_clause", "group_expressions", "group_sets",
                                            "having", "sample", "qualify"))
    ):  # fmt: skip
        raise _not_one()
    return listed[0]


def _check_parts(tree: Any) -> None:
    """Refuse expressions and functions that a condition has no use for."""
    waiting = [tree]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, dict):
            if "class" in part and part["class"] not in _PARTS:
                raise _not_one()
            if part.get("class") == "FUNCTION" and (
                part["function_name"].casefold() not in _FUNCTIONS or part.get("schema")
            ):
                raise SourceError(
                    "--where calls a function that conditions do not have",
                    hint="Compare columns, and use lower, trim, contains, TRY_CAST and the like",
                )
            waiting += part.values()


def _not_one() -> SourceError:
    return SourceError(
        "--where takes one condition over columns, without subquery, comment or statement",
        hint="For example: collection_id = 'lidc_idri' AND Modality = 'CT'",
    )


def _not_sql() -> SourceError:
    return SourceError(
        "--where is not a valid SQL condition",
        hint="Text needs single quotes, names with blanks double quotes",
    )


def _explained(error: duckdb.Error, names: list[str]) -> SourceError:
    """Return a line about what is wrong, without a value of the table or of the condition."""
    import duckdb  # noqa: PLC0415

    message = str(error)
    column = re.search(r'Referenced column "([^"]{1,100})" not found', message)
    if column:
        known = [shown(name) for name in names if name != _ROW][:200]
        return SourceError(
            f"--where names an unknown column '{shown(column[1])}'",
            hint=did_you_mean(shown(column[1]), known),
        )
    if isinstance(error, duckdb.ParserException):
        return _not_sql()
    if isinstance(error, duckdb.ConversionException):
        return SourceError(
            "--where compares text that is not a number or date",
            hint="Columns are text: use TRY_CAST(column AS DOUBLE)",
        )
    return SourceError(
        "--where cannot be evaluated: unknown function or types that do not compare",
        hint="Columns are text: quote values, use TRY_CAST(column AS DOUBLE) for numbers",
    )


_MB = 1 << 20
_LEAST = 32 * _MB
_STEP = 4
_MOST = 4 << 30
_FEW = 20_000
_TOO_LITTLE = 3
_PROGRAM = f"""
import json, sys
task = json.load(sys.stdin)
sys.path[:] = task["path"]
import duckdb
with duckdb.connect(":memory:") as connection:
    try:
        for statement in task["statements"]:
            connection.execute(statement)
    except duckdb.OutOfMemoryException:
        sys.exit({_TOO_LITTLE})
"""


class _TooLittleError(Exception):
    """The memory limit was too low."""


def sql_path(path: Path) -> str:
    """Return a path to write to as an SQL literal."""
    return "'" + str(path).replace("'", "''") + "'"


def sql_pattern(path: Path) -> str:
    """Return a path to read from as an SQL literal in which nothing is a pattern."""
    return sql_path(Path(re.sub(r"([\[*?])", r"[\1]", str(path))))


def scratch(folder: Path, name: str) -> Path:
    """Return a path for a file that does not outlive a scan.

    It names the process: a query that went on after its scan was killed writes elsewhere.
    """
    return folder / f"{name}-{os.getpid()}.tmp"


def _most_memory() -> int:
    with contextlib.suppress(AttributeError, ValueError, OSError):
        return min(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2, _MOST)
    return _MOST // 2


def memory_limits(least: int | None = None) -> Iterator[int]:
    """Yield the limits in bytes that a query is tried with, one after the other.

    The last is half of the machine's memory, at most 4 GB.

    Parameters
    ----------
    least : int, optional
        The first, 32 MB when not given.
    """
    limit, most = _LEAST if least is None else least, _most_memory()
    while limit < most:
        yield limit
        limit *= _STEP
    yield most


def copy_to(
    target: Path, select: str, *, rows: int, row_group: int = 8_192, least: int | None = None
) -> None:
    """Write what a query yields into a Parquet file.

    Parameters
    ----------
    target : Path
        Written anew; what does not fit in memory is kept beside it meanwhile.
    select : str
        The query.
    rows : int
        About how many rows it goes through; many are left to another process.
    row_group : int
        Rows of a row group.
    least : int, optional
        Bytes of memory that it is tried with first; see `memory_limits`.

    Raises
    ------
    duckdb.Error
        When the query cannot be run.
    MemoryError
        When the most memory it may have was too little.
    """
    target.unlink(missing_ok=True)
    statement = (
        f"COPY ({select}) TO {sql_path(target)} (FORMAT parquet, ROW_GROUP_SIZE {row_group})"
    )
    for limit in memory_limits(least):
        statements = [
            f"SET memory_limit = '{limit // _MB}MB'",
            f"SET temp_directory = {sql_path(scratch(target.parent, 'spill'))}",
            "SET preserve_insertion_order = false",
            "SET threads = 1",
            "SET enable_progress_bar = false",
            statement,
        ]
        with contextlib.suppress(_TooLittleError):
            if rows <= _FEW or not _run_apart(statements):
                _run_here(statements)
            return
    raise MemoryError


def _run_apart(statements: list[str]) -> bool:
    """Whether a process of its own could run the statements."""
    task = json.dumps({"path": sys.path, "statements": statements})
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and program
            [sys.executable, "-c", _PROGRAM],
            input=task.encode(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    except OSError:
        return False
    if done.returncode == _TOO_LITTLE:
        raise _TooLittleError
    return done.returncode == 0


def _run_here(statements: list[str]) -> None:
    import duckdb  # noqa: PLC0415 - loaded only where few rows are gone through

    with duckdb.connect(":memory:") as connection:
        try:
            for statement in statements:
                connection.execute(statement)
        except duckdb.OutOfMemoryException as error:
            raise _TooLittleError from error
        except duckdb.IOException as error:
            if "no space left" in str(error).casefold():
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from None
            raise
