"""Writing tables in the format of the input, harmless for spreadsheets."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from midi_risk.errors import OutputError

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?")
_PLAIN_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d+)?")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
FORMATS = (".csv", ".tsv", ".tab", ".txt", ".parquet", ".pq", ".xlsx")
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
    if stem.suffix.casefold() in FORMATS:
        return stem.name
    return f"{stem.stem}.csv"


def typed_columns(path: Path, kept: np.ndarray, unchanged: frozenset[str]) -> dict[str, Any]:
    """Return the untouched columns of a Parquet file with the types that they had.

    Parameters
    ----------
    path : pathlib.Path
        The source.
    kept : numpy.ndarray of bool
        Rows that stay; without them all being rows of the file there is nothing to return.
    unchanged : frozenset of str
    """
    names = [name for name in pq.read_schema(path).names if name in unchanged]
    whole = pq.read_table(path, columns=names)
    if whole.num_rows != len(kept):
        return {}
    rows = whole.filter(pa.array(kept))
    return {name: rows.column(name) for name in names}


def write_table(
    path: Path, columns: Mapping[str, np.ndarray], typed: Mapping[str, Any] | None = None
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
        _workbook(path, list(columns), rows)
        return
    text = csv_text(list(columns), rows, "\t" if suffix in {".tsv", ".tab"} else ",")
    with private(path) as handle:
        handle.write(text.encode("utf-8", "replace"))


def private(path: Path) -> Any:
    """Open a new file for its owner only."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    return os.fdopen(descriptor, "wb")


def _workbook(path: Path, header: list[str], rows: Sequence[Sequence[Any]]) -> None:
    """Write one sheet in which every text is text and only plain numbers are numbers."""
    import openpyxl  # noqa: PLC0415

    if len(rows) >= 1_048_576:
        raise OutputError(f"{path.name}: too many rows for a workbook", hint="Give it as CSV")
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("data")
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
