"""Instance rows of a scan store as series tuples: one query of GROUP BY and counts.

Attributes of patient, study, series and equipment level are keys. An attribute of
instance level becomes the ordered set of its values when it is text, and its smallest
and largest value when it is an identifier, a number, a date or a time: what one instance
of a series differs by, the series as a whole is not told apart by.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from midi_risk.sources.arrow_arrays import parquet_table
from midi_risk.sources.header import Noticed
from midi_risk.sources.sql import query, sql_path, sql_pattern
from midi_risk.sources.store import ScanStore
from midi_risk.sources.wanted import Wanted, wanted_attributes

INSTANCES = "_instances"
_SETS = frozenset({"CS", "LO", "LT", "PN", "SH", "SQ", "ST", "UC", "UT"})
_MANY_TUPLES = 0.2


def _columns(connection: duckdb.DuckDBPyConnection, parts: str) -> list[Wanted]:
    found = connection.execute(f"DESCRIBE SELECT * FROM {parts}").fetchall()  # noqa: S608 - a path of ours
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


def series_rows(store: ScanStore) -> pa.Table:
    """Return one row per series tuple, with the number of its instances as text.

    Every row of the store's parts that describes an instance counts.
    """
    target = store.folder / "series.parquet.tmp"
    pattern = sql_pattern(store.generation)[:-1] + "/part-*.parquet'"
    parts = f"read_parquet({pattern}, union_by_name = true)"

    def work(connection: duckdb.DuckDBPyConnection) -> list[str]:
        columns = _columns(connection, parts)
        terms = [_term(item) for item in columns]
        keys = [f'"{i.keyword}"' for i in columns if i.level not in {"instance", "file"}]
        grouping = f" GROUP BY {', '.join(keys)}" if keys else ""
        connection.execute(
            f"COPY (SELECT {', '.join([*terms, f'CAST(COUNT(*) AS VARCHAR) AS {INSTANCES}'])}"  # noqa: S608 - names and paths of ours
            f" FROM {parts} WHERE (_noticed & {Noticed.INSTANCE}) <> 0{grouping} ORDER BY ALL)"
            f" TO {sql_path(target)} (FORMAT parquet)"
        )
        return [item.keyword for item in columns]

    names = query(store.folder, work)
    return parquet_table(target, names)


def findings(rows: int, instances: int) -> tuple[str, ...]:
    """Return what there is to say about the folding."""
    if instances and rows > _MANY_TUPLES * instances and instances > 1000:
        text = f"{instances} instances fold to {rows} series tuples: attributes vary inside series"
        return (text,)
    return ()
