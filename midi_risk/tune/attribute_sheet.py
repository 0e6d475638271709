"""The list of attributes as a spreadsheet: out, edited by whoever likes spreadsheets, and in again.

It holds names, roles, decisions and reasons, never a value. A cell that is left alone changes
nothing, nor does an empty one.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

from openpyxl import Workbook, load_workbook
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from midi_risk.attributes.model import Decision, Role
from midi_risk.document.clean import neutral
from midi_risk.errors import ConfigError, did_you_mean

COLUMNS = ("attribute", "role", "decision", "level", "need", "distinct", "missing", "reason")
_EDITED = ("role", "decision", "level", "need")
_LABEL = "the spreadsheet"
_MOST_BYTES, _MOST_UNPACKED, _MOST_ROWS = 5_000_000, 50_000_000, 100_000

Row = Mapping[str, Any]


def sheet_bytes(rows: Sequence[Row]) -> bytes:
    """Return the attributes as the bytes of a workbook.

    Parameters
    ----------
    rows : sequence of mapping
        By attribute what stands in `COLUMNS`.

    Returns
    -------
    bytes
        XLSX with choices for roles and decisions. No cell is a formula, whatever its text.
    """
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = "attributes"
    for place, name in enumerate(COLUMNS, start=1):
        sheet.cell(1, place, name).font = Font(bold=True)
        sheet.column_dimensions[get_column_letter(place)].width = (
            60 if name in {"need", "reason"} else 30 if name == "attribute" else 18
        )
    for number, row in enumerate(rows, start=2):
        for place, name in enumerate(COLUMNS, start=1):
            value = row.get(name)
            cell = sheet.cell(number, place)
            if isinstance(value, int):
                cell.value = value
            elif value:
                cell.value = neutral(str(value))
                cell.data_type, cell.quotePrefix = "s", True
    for letter, words in (("B", Role), ("C", Decision)):
        choice = DataValidation(
            type="list", formula1=f'"{",".join(word.value for word in words)}"', allow_blank=True
        )
        choice.add(f"{letter}2:{letter}{max(2, len(rows) + 1)}")
        sheet.add_data_validation(choice)
    sheet.freeze_panes = "B2"
    sheet.auto_filter.ref = sheet.dimensions
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def sheet_changes(content: bytes, rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """Return what an edited spreadsheet changes.

    Parameters
    ----------
    content : bytes
        The workbook.
    rows : sequence of mapping
        The attributes as they are now.

    Returns
    -------
    dict of str to dict
        By attribute the settings of the project file that differ.

    Raises
    ------
    ConfigError
        When it is no such workbook, or a cell says what no project file may say; rows are named,
        their texts are not.
    """
    known = {str(row["attribute"]): row for row in rows}
    faults: list[str] = []
    changes: dict[str, dict[str, Any]] = {}
    for number, given in _read(content):
        name = given.get("attribute", "")
        if not name:
            continue
        if name not in known:
            faults.append(f"row {number}: there is no attribute of this name")
            continue
        wanted: dict[str, Any] = {
            key: given[key]
            for key in _EDITED
            if given.get(key) and given[key] != str(known[name].get(key) or "")
        }
        for key, words in (("role", Role), ("decision", Decision)):
            if key in wanted and wanted[key] not in set(words):
                hint = did_you_mean("", list(words))
                faults.append(f"row {number}: no such {key}. {hint}")
        decision = wanted.get("decision") or known[name].get("decision")
        if decision == "generalise" and not (wanted.get("level") or known[name].get("level")):
            faults.append(f"row {number}: decision generalise needs a level")
        if wanted.get("decision") in {"retain", "remove"}:
            wanted["level"] = None
        if "level" in wanted and wanted["level"] and decision != "generalise":
            faults.append(f"row {number}: a level goes with decision generalise")
        if wanted:
            changes[name] = wanted
    if faults:
        raise ConfigError(_LABEL, faults[:20])
    return changes


def _read(content: bytes) -> list[tuple[int, dict[str, str]]]:
    """Return the rows of a workbook with their numbers.

    Raises
    ------
    ConfigError
    """
    if len(content) > _MOST_BYTES or _unpacked(content) > _MOST_UNPACKED:
        raise ConfigError(_LABEL, ["it is too large for a list of attributes"])
    try:
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        sheet = book["attributes"] if "attributes" in book.sheetnames else book.worksheets[0]
        lines = sheet.iter_rows(values_only=True, max_row=_MOST_ROWS)
        head = [str(cell or "").strip().casefold() for cell in next(lines, ())]
        rows = [
            (number, {key: _text(cell) for key, cell in zip(head, line, strict=False) if key})
            for number, line in enumerate(lines, start=2)
        ]
    except Exception:  # noqa: BLE001 - the library raises all kinds, and its text may hold cells
        raise ConfigError(_LABEL, ["it cannot be read as an XLSX workbook"]) from None
    missing = [name for name in ("attribute", "role", "decision") if name not in head]
    if missing:
        raise ConfigError(_LABEL, [f"its first row lacks the column '{missing[0]}'"])
    return rows


def _unpacked(content: bytes) -> int:
    """Return how large a workbook is when it is opened; one that is none is found out later."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return sum(member.file_size for member in archive.infolist())
    except zipfile.BadZipFile:
        return 0


def _text(cell: object) -> str:
    return "" if cell is None else " ".join(str(cell).split())
