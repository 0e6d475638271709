"""A folder of parts of one metadata table, as exports write them.

BigQuery and Spark write ``part-0001.parquet`` and so on, perhaps in folders such as
``collection_id=x``; a DICOMweb client keeps one JSON file per study.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from midi_risk.errors import SourceError
from midi_risk.sources.collect_spec import TableSpec
from midi_risk.sources.tables import read_raw, table_suffix
from midi_risk.sources.tables_raw import RawTable, counted, shown
from midi_risk.sources.tables_values import text_array, text_column

_KINDS = {".parquet": "parquet", ".pq": "parquet", ".json": "json", ".ndjson": "json"}
_KINDS[".jsonl"] = "json"
_ENOUGH = 10_000


def parts_of(folder: Path) -> list[Path]:
    """Return the files of a folder that are parts of one table; empty when it is not so.

    All files must be Parquet, or all JSON; hidden files and markers such as ``_SUCCESS``
    do not count.
    """
    found: list[Path] = []
    kinds: set[str | None] = set()
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name[0] not in "._")
        for name in sorted(names):
            if name[0] in "._":
                continue
            path = Path(place) / name
            kinds.add(_KINDS.get(table_suffix(path) or ""))
            if len(kinds) > 1 or None in kinds:
                return []
            found.append(path)
    return found


def read_parts(folder: Path, parts: Iterable[Path]) -> tuple[RawTable, list[tuple[Path, str]]]:
    """Read the parts of a table as one.

    Parameters
    ----------
    folder : pathlib.Path
        Where they lie; a folder ``name=value`` below it is a column.
    parts : iterable of pathlib.Path
        See `parts_of`.

    Returns
    -------
    table : RawTable
        Columns in the order met; absent where a part has none.
    unreadable : list of (path, message)
        Parts that could not be read.

    Raises
    ------
    SourceError
        When none could be read.
    """
    read: list[pa.Table] = []
    findings: list[str] = []
    labels: dict[str, str] = {}
    unreadable: list[tuple[Path, str]] = []
    for path in parts:
        try:
            raw = read_raw(TableSpec(path))
        except SourceError as error:
            unreadable.append((path, error.message))
            continue
        read.append(_plain(_with_partitions(raw.rows, folder, path)))
        labels |= raw.labels
        findings += raw.findings if len(findings) < _ENOUGH else ()
    if not read:
        raise SourceError(
            f"{shown(folder.name)}: none of {counted(len(unreadable), 'file')} can be read",
            hint=unreadable[0][1] if unreadable else "",
        )
    rows = pa.concat_tables(read, promote_options="default")
    encoded = {name: text_column(rows.column(name)) for name in rows.column_names}
    return RawTable(rows=pa.table(encoded), labels=labels, findings=tuple(findings)), unreadable


def _plain(rows: pa.Table) -> pa.Table:
    return rows.cast(pa.schema([(name, pa.string()) for name in rows.column_names]))


def _with_partitions(rows: pa.Table, folder: Path, path: Path) -> pa.Table:
    for step in path.relative_to(folder).parts[:-1]:
        name, mark, value = step.partition("=")
        if mark and name and name not in rows.column_names:
            values = pa.chunked_array([text_array([value] * rows.num_rows)])
            rows = rows.append_column(name, values)
    return rows
