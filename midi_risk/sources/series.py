"""Instance rows of a scan store as series tuples: one query of GROUP BY and counts.

Attributes of patient, study, series and equipment level are keys. An attribute of
instance level becomes the ordered set of its values when it is text, and its smallest
and largest value when it is an identifier, a number, a date or a time: what one instance
of a series differs by, the series as a whole is not told apart by.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from midi_risk.sources.arrow_arrays import parquet_table
from midi_risk.sources.header import Noticed
from midi_risk.sources.sql import copy_to, scratch, sql_pattern
from midi_risk.sources.store import ScanStore
from midi_risk.sources.wanted import Wanted, wanted_attributes

INSTANCES = "_instances"
_SETS = frozenset({"CS", "LO", "LT", "PN", "SH", "SQ", "ST", "UC", "UT"})
_MANY_TUPLES = 0.2


def _columns(parts: Sequence[Path]) -> list[Wanted]:
    """Return the attributes that any part has."""
    present: set[str] = set()
    for path in parts:
        with pq.ParquetFile(path) as reader:
            present.update(reader.schema_arrow.names)
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


def series_rows(store: ScanStore, rows: int) -> pa.Table:
    """Return one row per series tuple, with the number of its instances as text.

    Every row of the store's parts that describes an instance counts; ``rows`` is about how
    many there are.
    """
    columns = _columns(store.parts())
    terms = [_term(item) for item in columns]
    keys = [f'"{i.keyword}"' for i in columns if i.level not in {"instance", "file"}]
    grouping = f" GROUP BY {', '.join(keys)}" if keys else ""
    pattern = sql_pattern(store.generation)[:-1] + "/part-*.parquet'"
    target = scratch(store.folder, "series")
    copy_to(
        target,
        f"SELECT {', '.join([*terms, f'CAST(COUNT(*) AS VARCHAR) AS {INSTANCES}'])}"  # noqa: S608 - names and paths of ours
        f" FROM read_parquet({pattern}, union_by_name = true)"
        f" WHERE (_noticed & {Noticed.INSTANCE}) <> 0{grouping} ORDER BY ALL",
        rows=rows,
    )
    return parquet_table(target, [item.keyword for item in columns])


def findings(rows: int, instances: int) -> tuple[str, ...]:
    """Return what there is to say about the folding."""
    if instances and rows > _MANY_TUPLES * instances and instances > 1000:
        text = f"{instances} instances fold to {rows} series tuples: attributes vary inside series"
        return (text,)
    return ()
