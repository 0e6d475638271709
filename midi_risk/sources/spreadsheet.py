"""Workbooks: XLSX through openpyxl, ODS and legacy XLS through python-calamine."""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from midi_risk.errors import SourceError, did_you_mean
from midi_risk.sources.headers import find_header
from midi_risk.sources.keys import fold_name, key_rank
from midi_risk.sources.tables_raw import (
    RawTable,
    column_names,
    counted,
    listed,
    shown,
    without_blanks,
)
from midi_risk.sources.tables_values import text_array, text_of

HEAD_ROWS = 200
"""Rows of each sheet looked at to choose one and to find its header."""

_MAX_UNPACKED = 4 << 30
_CELL_ERRORS = {"#N/A", "#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!"}


@dataclass(slots=True, kw_only=True)
class _Sheet:
    name: str
    hidden: bool
    head: list[list[str]]
    rest: Iterator[list[str]]


def read_workbook(path: Path, *, sheet: str | None = None, key: str | None = None) -> RawTable:
    """Read one sheet of a workbook as text columns.

    Parameters
    ----------
    path : pathlib.Path
        An XLSX, ODS, XLS or XLSB file.
    sheet : str, optional
        The sheet's name; the one that looks most like a subject table when not given.
    key : str, optional
        Column that the sheet must have.

    Returns
    -------
    RawTable

    Raises
    ------
    SourceError
        When the file is not a workbook, is empty, or has no such sheet.
    """
    opened = _openpyxl if path.suffix.casefold() in {".xlsx", ".xlsm"} else _calamine
    try:
        with ExitStack() as stack, warnings.catch_warnings():
            # openpyxl warns of styles and extensions that it drops; cells are all we need.
            warnings.simplefilter("ignore")
            sheets = opened(path, stack)
            chosen = _choose(sheets, shown(path.name), sheet, key)
            rows = list(chain(chosen.head, chosen.rest))
    except SourceError:
        raise
    except Exception:  # noqa: BLE001 - the parsers fail in many ways on broken files
        raise SourceError(
            f"{shown(path.name)} is not a readable workbook",
            hint="Open it and save it again, or as CSV",
        ) from None
    where = path.name if len(sheets) == 1 else f"{shown(path.name)}, sheet '{chosen.name}'"
    return _table(
        rows, where, _sheet_findings(shown(path.name), chosen, sheets, asked=sheet is not None)
    )


def _table(rows: list[list[str]], where: str, findings: list[str]) -> RawTable:
    header = find_header(rows[:HEAD_ROWS], where)
    width = max(len(row) for row in rows)
    padded = [*header.names, *[""] * (width - len(header.names))]
    names = column_names(padded, where)
    body = rows[header.body :]
    columns = [
        pa.chunked_array([text_array(row[i] if i < len(row) else None for row in body)])
        for i in range(width)
    ]
    return without_blanks(names, header, columns, where, [*findings, *header.findings(where)])


def _sheet_findings(
    file: str, chosen: _Sheet, sheets: Sequence[_Sheet], *, asked: bool
) -> list[str]:
    others = [s.name for s in sheets if s is not chosen and any(map(any, s.head))]
    findings = []
    if others and not asked:
        findings.append(
            f"{file}: sheet '{chosen.name}' read; {counted(len(others), 'other sheet')} with data "
            f"not read: {listed(others)}"
        )
    hidden = [s.name for s in sheets if s.hidden]
    if hidden:
        findings.append(f"{file}: {counted(len(hidden), 'hidden sheet')}: {listed(hidden)}")
    return findings


def _choose(sheets: Sequence[_Sheet], file: str, asked: str | None, key: str | None) -> _Sheet:
    if asked is not None:
        for sheet in sheets:
            if sheet.name == asked:
                return sheet
        raise SourceError(
            f"{file} has no sheet '{asked}'", hint=did_you_mean(asked, [s.name for s in sheets])
        )
    if not sheets:
        raise SourceError(f"{file} has no sheet with cells")
    return max(sheets, key=lambda sheet: _score(sheet, key))


def _score(sheet: _Sheet, key: str | None) -> tuple[int, int, int, int]:
    """Rank a sheet: has the asked key, has some key, visible, number of cells."""
    head = [cell for row in sheet.head[:8] for cell in row if cell]
    asked = key is not None and any(fold_name(cell) == fold_name(key) for cell in head)
    some = any(key_rank(cell) is not None for cell in head)
    cells = sum(bool(cell) for row in sheet.head for cell in row)
    return int(asked), int(some and len(sheet.head) > 1), int(not sheet.hidden), cells


def _openpyxl(path: Path, stack: ExitStack) -> list[_Sheet]:
    import openpyxl  # noqa: PLC0415

    with zipfile.ZipFile(path) as archive:
        if sum(item.file_size for item in archive.infolist()) > _MAX_UNPACKED:
            raise SourceError(
                f"{shown(path.name)} expands to more than 4 GiB", hint="Save it as CSV"
            )
    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    stack.callback(book.close)
    sheets = []
    for sheet in book.worksheets:
        sheet.reset_dimensions()
        rows = ([_cell_text(cell) for cell in row] for row in sheet.iter_rows())
        sheets.append(
            _Sheet(
                name=sheet.title,
                hidden=sheet.sheet_state != "visible",
                head=list(islice(rows, HEAD_ROWS)),
                rest=rows,
            )
        )
    return sheets


def _cell_text(cell: Any) -> str:
    """Return a cell as text; a number shown with leading zeros keeps them."""
    value = cell.value
    if value is None or (isinstance(value, str) and value in _CELL_ERRORS):
        return ""
    text = text_of(value) or ""
    if isinstance(value, int) and not isinstance(value, bool):
        form = cell.number_format or ""
        if re.fullmatch(r"0{2,}", form) and not text.startswith("-"):
            return text.zfill(len(form))
    return text


def _calamine(path: Path, stack: ExitStack) -> list[_Sheet]:
    try:
        import python_calamine  # noqa: PLC0415
    except ImportError as error:
        raise SourceError(
            f"{shown(path.name)}: reading {path.suffix} files needs python-calamine",
            hint="pip install 'midi-risk[stats]', or save the file as XLSX or CSV",
        ) from error
    book = stack.enter_context(python_calamine.CalamineWorkbook.from_path(str(path)))
    sheets = []
    for meta in book.sheets_metadata:
        if meta.typ != python_calamine.SheetTypeEnum.WorkSheet:
            continue
        rows = book.get_sheet_by_name(meta.name).to_python(skip_empty_area=False)
        texts = iter([[text_of(cell) or "" for cell in row] for row in rows])
        sheets.append(
            _Sheet(
                name=meta.name,
                hidden=meta.visible != python_calamine.SheetVisibleEnum.Visible,
                head=list(islice(texts, HEAD_ROWS)),
                rest=texts,
            )
        )
    return sheets
