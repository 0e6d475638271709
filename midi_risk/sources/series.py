"""Instance rows of a scan store as series tuples: one query of GROUP BY and counts.

Attributes of patient, study, series and equipment level are keys. An attribute of
instance level becomes the ordered set of its values when it is text, and its smallest
and largest value when it is an identifier, a number, a date or a time: what one instance
of a series differs by, the series as a whole is not told apart by.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from midi_risk.sources.header import NOTICED_BITS, Noticed
from midi_risk.sources.store import ScanStore, sql_path
from midi_risk.sources.wanted import Wanted, wanted_attributes

INSTANCES = "_instances"
_SETS = frozenset({"CS", "LO", "LT", "PN", "SH", "SQ", "ST", "UC", "UT"})
_CURRENT = (
    "FROM parts p JOIN listing l USING (_path, _size, _mtime)"
    " QUALIFY row_number() OVER (PARTITION BY p._path ORDER BY p._scan DESC) = 1"
)
_MANY_TUPLES = 0.2


def _columns(connection: duckdb.DuckDBPyConnection) -> list[Wanted]:
    found = connection.execute("DESCRIBE parts").fetchall()
    present = {row[0] for row in found}
    return [item for item in wanted_attributes().values() if item.keyword in present]


def _term(item: Wanted) -> str:
    name = f'"{item.keyword}"'
    if item.level not in {"instance", "file"}:
        return name
    if item.vr in _SETS:
        return f"string_agg(DISTINCT {name}, '\\' ORDER BY {name}) AS {name}"
    return (
        f"CASE WHEN MIN({name}) = MAX({name}) THEN MIN({name})"
        f" ELSE MIN({name}) || '\\' || MAX({name}) END AS {name}"
    )


def prepare(store: ScanStore) -> duckdb.DuckDBPyConnection:
    """Return a connection with a table ``current``: one row per file there is now."""
    connection = store.connect()
    names = ", ".join(f'p."{item.keyword}"' for item in _columns(connection))
    listed = connection.execute("SELECT COUNT(*) FROM listing").fetchone()
    joined = connection.execute(
        "SELECT COUNT(*) FROM parts p JOIN listing l USING (_path, _size, _mtime)"
    ).fetchone()
    once = listed == joined
    source = _CURRENT.split(" QUALIFY", maxsplit=1)[0] if once else _CURRENT
    connection.execute(
        "CREATE VIEW current AS SELECT l._n, _path, _size, p._status, p._reason, p._noticed"
        + (f", {names} " if names else " ")
        + source
    )
    return connection


def counts(connection: duckdb.DuckDBPyConnection) -> dict[int, int]:
    """Return the number of files with each bit of `Noticed`."""
    terms = ", ".join(
        f"COALESCE(SUM((_noticed >> {number}) & 1), 0)" for number in range(len(NOTICED_BITS))
    )
    row = connection.execute(f"SELECT {terms} FROM current").fetchone() or ()  # noqa: S608 - names and paths of ours
    return {bit: int(value) for bit, value in zip(NOTICED_BITS, row, strict=True)}


def files(connection: duckdb.DuckDBPyConnection, folder: Path) -> pa.Table:
    """Return path, size, status and reason of every file in listed order."""
    target = folder / "files.parquet.tmp"
    connection.execute(
        "COPY (SELECT _path, _size, _status, _reason FROM current ORDER BY _n)"  # noqa: S608 - names and paths of ours
        f" TO {sql_path(target)} (FORMAT parquet)"
    )
    return pq.read_table(target)


def series_rows(connection: duckdb.DuckDBPyConnection, folder: Path) -> pa.Table:
    """Return one row per series tuple, with the number of its instances as text."""
    columns = _columns_of(connection)
    terms = [_term(item) for item in columns]
    keys = [f'"{i.keyword}"' for i in columns if i.level not in {"instance", "file"}]
    target = folder / "series.parquet.tmp"
    grouping = f" GROUP BY {', '.join(keys)}" if keys else ""
    connection.execute(
        f"COPY (SELECT {', '.join([*terms, f'CAST(COUNT(*) AS VARCHAR) AS {INSTANCES}'])}"  # noqa: S608 - names and paths of ours
        f" FROM current WHERE (_noticed & {Noticed.INSTANCE}) <> 0{grouping} ORDER BY ALL)"
        f" TO {sql_path(target)} (FORMAT parquet)"
    )
    names = [item.keyword for item in columns]
    return pq.read_table(target, read_dictionary=names)


def _columns_of(connection: duckdb.DuckDBPyConnection) -> list[Wanted]:
    present = {row[0] for row in connection.execute("DESCRIBE current").fetchall()}
    return [item for item in wanted_attributes().values() if item.keyword in present]


def findings(rows: int, instances: int) -> tuple[str, ...]:
    """Return what there is to say about the folding."""
    if instances and rows > _MANY_TUPLES * instances and instances > 1000:
        text = f"{instances} instances fold to {rows} series tuples: attributes vary inside series"
        return (text,)
    return ()
