"""Workbooks and files of statistics packages.

XLSX is read through openpyxl, ODS and legacy XLS through python-calamine; SPSS, SAS, Stata and SAS
transport through pyreadstat.
"""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from midi_risk.errors import SourceError, did_you_mean
from midi_risk.sources.files.limits import check_opendocument, check_zip
from midi_risk.sources.model import Beside
from midi_risk.sources.tables.columns import cell_array, text_of, with_levels
from midi_risk.sources.tables.keys import fold_name, key_rank
from midi_risk.sources.tables.raw import (
    RawTable,
    column_names,
    counted,
    find_header,
    listed,
    shown,
    without_blanks,
)

HEAD_ROWS = 200
"""Rows of each sheet looked at to choose one and to find its header."""

_FIXED = r'(?:"[^"]*"|\\.|[-/: ])*'
_PADDED = re.compile(rf"({_FIXED})(0+)({_FIXED})")
"""A number format of fixed digits between fixed texts, such as ``"P"000``."""

_CELL_ERRORS = {"#N/A", "#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!"}


@dataclass(slots=True, kw_only=True)
class _Sheet:
    name: str
    hidden: bool
    head: list[list[str]]
    rest: Iterator[list[str]]


def read_workbook(
    path: Path,
    *,
    sheet: str | None = None,
    key: str | None = None,
    header_rows: int | None = None,
    left_out: Sequence[str] = (),
) -> RawTable:
    """Read one sheet of a workbook as text columns.

    Parameters
    ----------
    path : pathlib.Path
        An XLSX, ODS, XLS or XLSB file.
    sheet : str, optional
        The sheet's name; the one that looks most like a subject table when not given.
    key : str, optional
        Column that the sheet must have.
    header_rows : int, optional
        Rows above the first row of data; found from the rows when not given.
    left_out : sequence of str
        Names of other sheets, and ``comments``, of which somebody says that they do not leave.

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
            rows = _trimmed(chain(chosen.head, chosen.rest))
            if opened is _openpyxl:
                _check_formulas(path, chosen.name)
            comments = _comments(path)
    except SourceError:
        raise
    except Exception:  # noqa: BLE001 - the parsers fail in many ways on broken files
        raise SourceError(
            f"{shown(path.name)} is not a readable workbook",
            hint="Open it and save it again, or as CSV",
        ) from None
    where = path.name if len(sheets) == 1 else f"{shown(path.name)}, sheet '{chosen.name}'"
    table = _table(rows, where, header_rows)
    findings, beside = _beside(shown(path.name), chosen, sheets, comments, left_out)
    if path.suffix.casefold() == ".xls" and COMMENTS not in left_out:
        findings.append(
            f"{shown(path.name)}: comments on cells are not looked at in this format; save it as"
            " XLSX to have them counted"
        )
    extras = _extras(chosen, sheets, comments, left_out, named=sheet is not None)
    return replace(
        table,
        findings=(*findings, *table.findings),
        beside=beside,
        sheet=chosen.name,
        extras=(*table.extras, *extras),
    )


def _trimmed(rows: Iterator[list[str]]) -> list[list[str]]:
    """Return the rows without blank ones at the end and cells behind the last filled one."""
    kept: list[list[str]] = []
    last = 0
    for row in rows:
        while row and not row[-1]:
            row.pop()
        kept.append(row or _BLANK)
        last = len(kept) if row else last
    return kept[:last]


_BLANK: list[str] = []
"""The one row that stands for all blank ones: a stray cell may have a million above it."""


def _table(rows: list[list[str]], where: str, header_rows: int | None) -> RawTable:
    header = find_header(rows[:HEAD_ROWS], where, header_rows)
    body = [row for row in rows[header.body :] if row]
    used = sorted({i for row in (header.names, *body) for i, cell in enumerate(row) if cell})
    width = max(used) + 1 if used else 0
    names = column_names([*header.names, *[""] * (width - len(header.names))], where)
    columns = [
        pa.chunked_array([cell_array(row[i] if i < len(row) else None for row in body)])
        for i in used
    ]
    table = without_blanks(names, header, dict(zip(used, columns, strict=True)), where)
    return table.noting(*header.findings(where))


def _beside(
    file: str,
    chosen: _Sheet,
    sheets: Sequence[_Sheet],
    comments: int,
    left_out: Sequence[str],
) -> tuple[list[str], dict[str, int]]:
    """Say what lies in the workbook beside the sheet, and count what nobody says stays inside.

    Hidden sheets and comments leave with the workbook like all else, and nobody sees them.
    """
    said = {name.casefold() for name in left_out}
    filled = [s for s in sheets if s is not chosen and any(map(any, s.head))]
    hidden = [s.name for s in sheets if s.hidden]
    findings = []
    if filled:
        findings.append(
            f"{file}: sheet '{chosen.name}' read; {counted(len(filled), 'other sheet')} with data "
            f"not read: {listed([s.name for s in filled])}"
        )
    if hidden:
        findings.append(f"{file}: {counted(len(hidden), 'hidden sheet')}: {listed(hidden)}")
    if comments:
        findings.append(f"{file}: {counted(comments, 'comment')} on cells, not read")
    beside = {
        "sheets": sum(s.name.casefold() not in said for s in filled),
        "comments": 0 if COMMENTS in said else comments,
    }
    if any(beside.values()):
        findings.append(
            f"{file}: say 'left_out: [NAME, {COMMENTS}]' of the source in the project file when"
            " these do not leave"
        )
    return findings, {name: count for name, count in beside.items() if count}


def _extras(
    chosen: _Sheet, sheets: Sequence[_Sheet], comments: int, left_out: Sequence[str], *, named: bool
) -> Iterator[Beside]:
    """Yield the sheets and the comments of a workbook."""
    said = {name.casefold() for name in left_out}
    if named:
        yield Beside(kind="sheet", name=chosen.name, state="known", why=_NAMED)
    else:
        yield Beside(kind="sheet", name=chosen.name, state="known")
    for sheet in sheets:
        if sheet is not chosen and any(map(any, sheet.head)):
            out = sheet.name.casefold() in said
            yield Beside(kind="sheet", name=sheet.name, state="left out" if out else "unread")
        elif sheet is not chosen:
            yield Beside(kind="sheet", name=sheet.name, state="known")
    if comments:
        out = COMMENTS in said
        yield Beside(
            kind="comment", name="comments on cells", count=comments,
            state="left out" if out else "unread",
        )  # fmt: skip


_NAMED = "the assessor names it"
COMMENTS = "comments"
"""What stands for all comments of a workbook among what is left out."""

_COMMENT_PARTS = re.compile(r"xl/(?:comments|threadedcomments/).*\.xml|content\.xml", re.IGNORECASE)
_BINARY_COMMENTS = re.compile(r"xl/comments\d*\.bin", re.IGNORECASE)
_BEGIN_COMMENT = 635
"""Record BrtBeginComment of [MS-XLSB] 2.4.28."""
_COMMENT = re.compile(rb"<(?:\w+:)?(?:comment|threadedComment|annotation)[ >/]")


def _comments(path: Path) -> int:
    """Return the number of comments on the cells of a workbook; a look at its bytes."""
    if not zipfile.is_zipfile(path):
        return 0
    found = 0
    with zipfile.ZipFile(path) as archive:
        for name in filter(_BINARY_COMMENTS.fullmatch, archive.namelist()):
            found += sum(kind == _BEGIN_COMMENT for kind in _records(archive.read(name)))
        for name in filter(_COMMENT_PARTS.fullmatch, archive.namelist()):
            with archive.open(name) as part:
                before = b""
                while block := part.read(1 << 20):
                    text = before + block
                    ends = [match.end() for match in _COMMENT.finditer(text)]
                    found += len(ends)
                    before = text[max(ends[-1] if ends else 0, len(text) - 40) :]
    return found


def _records(data: bytes) -> Iterator[int]:
    """Yield the types of the records of a part of an XLSB file ([MS-XLSB] 2.1.4)."""
    place = 0
    while place < len(data):
        kind, place = _packed(data, place, 2)
        size, place = _packed(data, place, 4)
        yield kind
        place += size


def _packed(data: bytes, place: int, most: int) -> tuple[int, int]:
    """Return a number of seven bits a byte, the lowest first, and the place behind it."""
    number = 0
    for shift in range(most):
        byte = data[place]
        place += 1
        number |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            break
    return number, place


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

    check_zip(path)
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


def _check_formulas(path: Path, sheet: str) -> None:
    """Refuse formulas whose results are not in the file: their cells would look empty."""
    import openpyxl  # noqa: PLC0415

    with zipfile.ZipFile(path) as archive:
        parts = [name for name in archive.namelist() if name.startswith("xl/worksheets/")]
        if not any(_holds_formula(archive, name) for name in parts):
            return
    with ExitStack() as stack:
        cells = []
        for results in (False, True):
            book = openpyxl.load_workbook(path, read_only=True, data_only=results)
            stack.callback(book.close)
            book[sheet].reset_dimensions()
            cells.append(chain.from_iterable(book[sheet].iter_rows()))
        # An empty text that a formula yielded is typed "str"; no result has the type "n".
        without = sum(
            formula.data_type == "f" and result.value is None and result.data_type == "n"
            for formula, result in zip(*cells, strict=True)
        )
    if without:
        raise SourceError(
            f"{shown(path.name)}, sheet '{shown(sheet)}': {counted(without, 'formula')} without "
            "a stored result",
            hint="Open it in a spreadsheet program and save it, which stores the results",
        )


def _holds_formula(archive: zipfile.ZipFile, name: str) -> bool:
    """Whether a sheet's XML has a formula element; a look at its bytes."""
    before = b""
    with archive.open(name) as part:
        while block := part.read(1 << 20):
            if re.search(rb"<(?:\w+:)?f[ >/]", before + block):
                return True
            before = block[-16:]
    return False


def _cell_text(cell: Any) -> str:
    """Return a cell as text; a number shown with leading zeros keeps them."""
    value = cell.value
    if value is None or (isinstance(value, str) and value in _CELL_ERRORS):
        return ""
    text = text_of(value) or ""
    whole = isinstance(value, int | float) and not isinstance(value, bool) and text.isdigit()
    shape = _PADDED.fullmatch(cell.number_format or "") if whole else None
    if shape is None:
        return text
    before, zeros, after = shape.groups()
    return _literal(before) + text.zfill(len(zeros)) + _literal(after)


def _literal(text: str) -> str:
    """Return what the quoted and escaped parts of a number format show."""
    return "".join(map("".join, re.findall(r'"([^"]*)"|\\(.)|(.)', text)))


def _calamine(path: Path, stack: ExitStack) -> list[_Sheet]:
    try:
        import python_calamine  # noqa: PLC0415
    except ImportError as error:
        raise SourceError(
            f"{shown(path.name)}: reading {path.suffix} files needs python-calamine",
            hint="pip install 'midi-risk[stats]', or save the file as XLSX or CSV",
        ) from error
    if path.suffix.casefold() != ".xls":
        check_zip(path)
    if path.suffix.casefold() == ".ods":
        check_opendocument(path)
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


READERS = {
    ".sav": "read_sav",
    ".zsav": "read_sav",
    ".por": "read_por",
    ".sas7bdat": "read_sas7bdat",
    ".xpt": "read_xport",
    ".dta": "read_dta",
}
"""File ending -> reader of pyreadstat."""


def read_statistics(path: Path) -> RawTable:
    """Read an SPSS, SAS or Stata file as text columns with its variable labels.

    Codes stay codes: value labels are not put in their place.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    RawTable

    Raises
    ------
    SourceError
        When pyreadstat is missing or cannot read the file.
    """
    try:
        import pyreadstat  # noqa: PLC0415
    except ImportError as error:
        raise SourceError(
            f"{shown(path.name)}: reading {path.suffix} files needs pyreadstat",
            hint="pip install 'midi-risk[stats]'",
        ) from error
    data, meta = _read(getattr(pyreadstat, READERS[path.suffix.casefold()]), path)
    names = column_names(meta.column_names, shown(path.name))
    columns = [cell_array(data.get(raw, ())) for raw in meta.column_names]
    levels = meta.variable_value_labels or {}
    labels = {
        name: shown(label, limit=400)
        for name, raw in zip(names, meta.column_names, strict=True)
        if (label := with_levels(meta.column_names_to_labels.get(raw) or "", levels.get(raw, {})))
    }
    return RawTable(rows=pa.table(dict(zip(names, columns, strict=True))), labels=labels)


def _read(reader: Any, path: Path) -> tuple[dict[str, Any], Any]:
    options = {"output_format": "dict", "apply_value_formats": False}
    if reader.__name__ == "read_xport":
        options = {"output_format": "dict"}
    for encoding in (None, "WINDOWS-1252"):
        try:
            data, meta = reader(str(path), encoding=encoding, **options)
        except Exception:  # noqa: BLE001, S112 - the C reader raises its own type and others
            continue
        return data, meta
    raise SourceError(
        f"{shown(path.name)} cannot be read as {path.suffix.lstrip('.').upper()}",
        hint="Is the file complete?",
    )
