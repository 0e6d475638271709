"""The table formats, one entry each: endings, reader, and how such a file is taken.

A new format is one entry here and its reader. Which files are tables, which lead as metadata
on the command line, and the page of the documentation follow from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from midi_risk.sources.files.sniff import Sniffed
from midi_risk.sources.model import TableSpec
from midi_risk.sources.tables.databases import read_database
from midi_risk.sources.tables.delimited import read_delimited
from midi_risk.sources.tables.json import read_json
from midi_risk.sources.tables.parquet import read_parquet
from midi_risk.sources.tables.raw import RawTable
from midi_risk.sources.tables.workbooks import read_statistics, read_workbook


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFormat:
    """All that is known of a table format.

    Parameters
    ----------
    name : str
        As in the documentation.
    suffixes : tuple of str
        Endings, the usual one first, in small letters with their dot.
    read : callable
        Reads a file; it is given the sheet and the key that were asked for.
    content : Sniffed
        What the first bytes of a file with the usual ending look like.
    gzipped : bool
        Whether it is also read where ``.gz`` follows the ending.
    parts : str
        Formats of which a folder that holds nothing else is one table share this word;
        empty where each file is a table of its own.
    leads : bool
        Whether a file that is named as a source is taken as metadata of images.
    common : bool
        Whether files that are no tables have the ending too.
    extra : str
        Extra of midi-risk that its reader needs.
    schemes : tuple of str
        How URLs of such tables begin, where they are no files.
    """

    name: str
    suffixes: tuple[str, ...]
    read: Callable[[Path, TableSpec], RawTable]
    content: Sniffed
    gzipped: bool = False
    parts: str = ""
    leads: bool = False
    common: bool = False
    extra: str = ""
    schemes: tuple[str, ...] = ()


def _workbook(path: Path, spec: TableSpec) -> RawTable:
    return read_workbook(
        path,
        sheet=spec.sheet,
        key=spec.key,
        header_rows=spec.header_rows,
        left_out=spec.left_out,
    )


def _delimited(path: Path, spec: TableSpec, delimiter: str | None = None) -> RawTable:
    return read_delimited(
        path, delimiter=delimiter, encoding=spec.encoding, header_rows=spec.header_rows
    )


def _whole(read: Callable[[Path], RawTable]) -> Callable[[Path, TableSpec], RawTable]:
    """Return a reader that has no use for a sheet or a key."""
    return lambda path, _: read(path)


FORMATS = (
    TableFormat(
        name="Parquet",
        suffixes=(".parquet", ".pq"),
        read=_whole(read_parquet),
        content=Sniffed.PARQUET,
        parts="parquet",
        leads=True,
    ),
    TableFormat(
        name="CSV",
        suffixes=(".csv",),
        read=_delimited,
        content=Sniffed.TEXT,
        gzipped=True,
    ),
    TableFormat(
        name="TSV",
        suffixes=(".tsv", ".tab"),
        read=partial(_delimited, delimiter="\t"),
        content=Sniffed.TEXT,
        gzipped=True,
    ),
    TableFormat(
        name="delimited text",
        suffixes=(".txt",),
        read=_delimited,
        content=Sniffed.TEXT,
        gzipped=True,
        common=True,
    ),
    TableFormat(name="Excel", suffixes=(".xlsx", ".xlsm"), read=_workbook, content=Sniffed.ZIP),
    TableFormat(
        name="OpenDocument",
        suffixes=(".ods",),
        read=_workbook,
        content=Sniffed.ZIP,
        extra="stats",
    ),
    TableFormat(
        name="Excel, binary",
        suffixes=(".xls", ".xlsb"),
        read=_workbook,
        content=Sniffed.UNKNOWN,
        extra="stats",
    ),
    TableFormat(
        name="SPSS",
        suffixes=(".sav", ".zsav", ".por"),
        read=_whole(read_statistics),
        content=Sniffed.UNKNOWN,
        extra="stats",
    ),
    TableFormat(
        name="SAS",
        suffixes=(".sas7bdat",),
        read=_whole(read_statistics),
        content=Sniffed.UNKNOWN,
        extra="stats",
    ),
    TableFormat(
        name="Stata",
        suffixes=(".dta",),
        read=_whole(read_statistics),
        content=Sniffed.UNKNOWN,
        extra="stats",
    ),
    TableFormat(
        name="SAS transport",
        suffixes=(".xpt",),
        read=_whole(read_statistics),
        content=Sniffed.TEXT,
        extra="stats",
    ),
    TableFormat(
        name="JSON",
        suffixes=(".json",),
        read=_whole(read_json),
        content=Sniffed.JSON,
        gzipped=True,
        parts="json",
        leads=True,
        common=True,
    ),
    TableFormat(
        name="JSON lines",
        suffixes=(".ndjson", ".jsonl"),
        read=_whole(read_json),
        content=Sniffed.JSON,
        gzipped=True,
        parts="json",
        leads=True,
    ),
    TableFormat(
        name="PostgreSQL",
        suffixes=(),
        read=read_database,
        content=Sniffed.UNKNOWN,
        extra="sql",
        schemes=("postgresql", "postgres"),
    ),
    TableFormat(
        name="SQLite",
        suffixes=(),
        read=read_database,
        content=Sniffed.UNKNOWN,
        schemes=("sqlite",),
    ),
    TableFormat(
        name="DuckDB",
        suffixes=(),
        read=read_database,
        content=Sniffed.UNKNOWN,
        schemes=("duckdb",),
    ),
)
"""Formats in the order in which a message lists them."""

BY_SUFFIX: Mapping[str, TableFormat] = {
    suffix: kind for kind in FORMATS for suffix in kind.suffixes
}
"""Ending -> format."""


def database_format(url: str) -> TableFormat:
    """Return the format of a table in a database, by how its URL begins.

    Examples
    --------
    >>> database_format("sqlite:///a.db?table=t").name
    'SQLite'
    """
    return next(kind for kind in FORMATS if url.partition("://")[0] in kind.schemes)


def table_format(path: Path) -> TableFormat | None:
    """Return the format by which a file is read as a table, None when it is none.

    Examples
    --------
    >>> table_format(Path("a.csv.gz")).name, table_format(Path("a.dcm"))
    ('CSV', None)
    """
    suffixes = [suffix.casefold() for suffix in path.suffixes]
    packed = len(suffixes) > 1 and suffixes[-1] == ".gz"
    if packed:
        suffixes.pop()
    found = BY_SUFFIX.get(suffixes[-1]) if suffixes else None
    return None if found is None or (packed and not found.gzipped) else found


def looks_like_table(path: Path) -> bool:
    """Return whether a file is a table by its ending, which few other files have.

    Examples
    --------
    >>> looks_like_table(Path("notes.xlsx")), looks_like_table(Path("notes.txt"))
    (True, False)
    """
    kind = table_format(path)
    return kind is not None and not kind.common


def known_formats() -> str:
    """Return the usual endings, as a message lists them.

    Examples
    --------
    >>> known_formats().split(", ")[:4]
    ['parquet', 'csv', 'tsv', 'txt']
    """
    return ", ".join(kind.suffixes[0].lstrip(".") for kind in FORMATS if kind.suffixes)
