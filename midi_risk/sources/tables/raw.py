"""What a file reader hands on: text columns, descriptions, and what it noticed of headers.

Real spreadsheets begin with title lines, a row of group names over merged cells, the row
of names, and rows of units or codes. A header row is told from data by its cells' shapes:
where the body of a column has numbers or codes of a few shapes (``9``, ``9.9``, ``a9``),
a header cell has another shape.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa
import pyarrow.compute as pc

from midi_risk.errors import SourceError
from midi_risk.sources.model import Beside
from midi_risk.sources.tables.keys import fold_name, key_rank

_MAX_HEADER_ROWS = 8
_MAX_SHAPES = 5
_LEAST_BODY = 3
_MOST = 0.8
_MISSING = {"", "na", "n/a", "nan", "none", "null", "unknown", "missing", "-", ".", "?"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Where the header stands and what it says.

    Parameters
    ----------
    names : tuple of str
        The row of column names, as written.
    body : int
        Index of the first data row.
    above, below : int
        Header rows with cells, skipped above and below the names.
    row : int
        Place of the row of names in the file, blank rows counted.
    descriptions : tuple of str
        The row after the names, when it describes the columns.
    """

    names: tuple[str, ...]
    body: int
    above: int = 0
    below: int = 0
    row: int = 0
    descriptions: tuple[str, ...] = ()

    def findings(self, where: str) -> list[str]:
        """Return what to say about skipped rows and odd names."""
        notes = []
        if self.above or self.below:
            text = (
                f"{where}: {self.body} header rows, blank ones counted; names taken from row "
                f"{self.row + 1}, {self.above} above and {self.below} below it not read as data"
            )
            notes.append(text)
        return notes

    def extras(self) -> tuple[Beside, ...]:
        """Return the rows around the names, which leave and nobody reads as data."""
        below = max(self.below - bool(self.descriptions), 0)
        rows = (("rows above the column names", self.above), ("rows below the column names", below))
        return tuple(Beside(kind="text", name=name, count=n) for name, n in rows if n)

    def labels(self, names: Sequence[str]) -> dict[str, str]:
        """Return column name -> description, where a second header row differs from it."""
        pairs = zip(names, self.names, self.descriptions, strict=False)
        return {
            name: text.strip()
            for name, raw, text in pairs
            if text.strip() and fold_name(text) != fold_name(raw)
        }


def find_header(rows: Sequence[Sequence[str]], where: str, declared: int | None = None) -> Header:
    """Find the header of a spreadsheet in its first rows.

    Parameters
    ----------
    rows : sequence of sequence of str
        First rows, cells as text; blank rows included.
    where : str
        File, for the error.
    declared : int, optional
        Rows above the first row of data, where somebody says how many; names then stand in the
        one of them that names a key, else in the one with the most names.

    Returns
    -------
    Header

    Raises
    ------
    SourceError
        When no row has a cell, or when the row of names has the shapes of the data in every
        column that tells: a subject would become the names of columns.

    Examples
    --------
    >>> rows = [["Trial X", "", ""], ["PatientID", "Age", "Sex"], ["", "years", "code"]]
    >>> rows += [[f"P{i}", str(40 + i), "F"] for i in range(9)]
    >>> header = find_header(rows, "x.csv")
    >>> header.names, header.body
    (('PatientID', 'Age', 'Sex'), 3)
    """
    filled = [i for i, row in enumerate(rows) if any(_text(cell) for cell in row)]
    if not filled:
        raise SourceError(f"{where} holds no rows", hint="It needs a header and one row at least")
    width = max(len(row) for row in rows)
    grid = [[*(_text(cell) for cell in row), *[""] * (width - len(row))] for row in rows]
    if declared is not None:
        return _declared(rows, grid, filled, declared, where)
    first = _first_dense(grid, filled)
    body = _Body.of([grid[i] for i in filled], grid[first])
    run = [first]
    for index in filled[filled.index(first) + 1 :]:
        if index >= first + _MAX_HEADER_ROWS or index == filled[-1]:
            break
        if not body.is_header(grid[index]):
            break
        run.append(index)
    names = _names_row(grid, run)
    if names == first and body.is_like(grid[first]):
        raise SourceError(
            f"{where}: the row of column names looks like data",
            hint="Put a row of column names above the data",
        )
    after = [index for index in run if index > names]
    return Header(
        names=tuple(grid[names][: len(rows[names])]),
        body=run[-1] + 1,
        above=sum(index < names for index in filled),
        row=names,
        below=len(after),
        descriptions=tuple(grid[after[0]]) if after else (),
    )


def _declared(
    rows: Sequence[Sequence[str]],
    grid: list[list[str]],
    filled: list[int],
    declared: int,
    where: str,
) -> Header:
    """Return the header of so many rows."""
    run = [index for index in filled if index < declared]
    if not run or declared >= len(rows):
        raise SourceError(
            f"{where}: header_rows is {declared}, and there is no name or no row of data then",
            hint="Count the rows above the first row of data, blank ones included",
        )
    names = _names_row(grid, run)
    after = [index for index in run if index > names]
    return Header(
        names=tuple(grid[names][: len(rows[names])]),
        body=declared,
        above=sum(index < names for index in run),
        row=names,
        below=len(after),
        descriptions=tuple(grid[after[0]]) if after else (),
    )


def _text(cell: str | None) -> str:
    return (cell or "").strip().lstrip("\ufeff")


def _first_dense(grid: list[list[str]], filled: list[int]) -> int:
    """Return the first row that fills at least half of what the fullest row fills."""
    widths = {i: sum(bool(cell) for cell in grid[i]) for i in filled[:40]}
    most = max(widths.values())
    title = {i for i in filled[:40] if widths[i] == 1 < most and grid[i][0]}
    return next(i for i in filled if widths[i] >= most / 2 and i not in title)


def _shape(cell: str) -> str:
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "9", cell))


def _is_missing(cell: str) -> bool:
    return cell.casefold() in _MISSING or (cell.startswith("[") and cell.endswith("]"))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Body:
    """What the data rows look like, to tell header rows from them."""

    first: list[str]
    columns: list[tuple[str, ...]]
    shapes: list[frozenset[str]]
    keys: list[int]

    @classmethod
    def of(cls, rows: list[list[str]], first: list[str]) -> _Body:
        """Describe the rows that cannot be header any more; the later half of a short table."""
        start = _MAX_HEADER_ROWS if len(rows) >= 2 * _MAX_HEADER_ROWS else (len(rows) + 1) // 2
        body = rows[start:]
        columns = list(zip(*body, strict=True)) if len(body) >= _LEAST_BODY else []
        keys = [i for i, cell in enumerate(first) if key_rank(cell) is not None]
        return cls(
            first=first,
            columns=columns,
            shapes=[_telling_shapes(column) for column in columns],
            keys=keys or [0],
        )

    def is_header(self, cells: list[str]) -> bool:
        """Return whether a row repeats the names or has none of the body's shapes."""
        if not self.columns or any(self._is_key(cells[i], self.columns[i]) for i in self.keys):
            return False
        if self._repeats(cells):
            return True
        told = [
            (cell, known)
            for cell, known in zip(cells, self.shapes, strict=True)
            if known and not _is_missing(cell)
        ]
        odd = sum(_shape(cell) not in known and "a" in _shape(cell) for cell, known in told)
        without_key = not any(cells[i] for i in self.keys)
        return odd >= (1 if without_key else 2) and odd >= _MOST * len(told)

    def is_like(self, cells: list[str]) -> bool:
        """Return whether a row has the shapes of the body wherever they tell something."""
        told = [
            _shape(cell) in known
            for cell, known in zip(cells, self.shapes, strict=False)
            if known and cell
        ]
        return len(told) > 1 and all(told)

    def _is_key(self, cell: str, column: tuple[str, ...]) -> bool:
        """Return whether a cell looks like the keys of its column."""
        if not cell:
            return False
        shape = _shape(cell)
        as_others = "9" in shape and any(_shape(other) == shape for other in column)
        return as_others or {len(other) for other in column if other} == {len(cell)}

    def _repeats(self, cells: list[str]) -> bool:
        """Return whether most cells say the name again, with words the body does not have."""
        present = [
            (cell, name, column)
            for cell, name, column in zip(cells, self.first, self.columns, strict=True)
            if cell
        ]
        again = [
            column
            for cell, name, column in present
            if fold_name(cell) == fold_name(name) and fold_name(name) and cell not in column
        ]
        return len(present) > 1 and len(again) * 2 > len(present)


def _telling_shapes(column: tuple[str, ...]) -> frozenset[str]:
    """Return the few shapes of a column of numbers or codes; empty when they tell nothing."""
    shapes = {_shape(cell) for cell in column if not _is_missing(cell)}
    telling = 0 < len(shapes) <= _MAX_SHAPES and all("9" in shape for shape in shapes)
    return frozenset(shapes) if telling else frozenset()


def _names_row(grid: list[list[str]], run: list[int]) -> int:
    """Choose among header rows: one that names a key, else the most distinct names."""
    for index in run:
        if any(key_rank(cell) is not None for cell in grid[index] if cell):
            return index
    return max(run, key=lambda i: (len({cell for cell in grid[i] if cell}), -i))


_MOST_CUTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class RawTable:
    """A table as it stands in its file, before its key and level are known.

    Parameters
    ----------
    rows : pyarrow.Table
        Columns of dictionary-encoded text, named as in the file.
    labels : mapping of str to str
        Column name -> description, where the file carries one.
    findings : tuple of str
        What reading noticed; names and counts, never values.
    beside : mapping of str to int
        What lies in the same file, was not read, and nobody said does not leave: number of
        ``sheets`` and ``comments``.
    sheet : str
        Name of the sheet of a workbook, ``""`` for other files.
    extras : tuple of Beside
        What lies in the same file beside the cells that were read, for the account.
    """

    rows: pa.Table
    labels: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[str, ...] = ()
    beside: Mapping[str, int] = field(default_factory=dict)
    sheet: str = ""
    extras: tuple[Beside, ...] = ()

    def noting(self, *findings: str) -> RawTable:
        """Return the same table with more findings."""
        return replace(self, findings=(*self.findings, *findings))

    def __repr__(self) -> str:
        """Shape only, never values."""
        return f"RawTable({self.rows.num_rows} rows, {self.rows.num_columns} columns)"


def shown(text: object, limit: int = 80) -> str:
    r"""Return a name from a file so that it can stand in a message.

    Control characters and line breaks become blanks; a long name is cut.

    Examples
    --------
    >>> shown("Patient\x1b[31m ID\n")
    'Patient [31m ID'
    """
    clean = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    return clean if len(clean) <= limit else clean[: limit - 3] + "..."


def listed(names: Sequence[str], limit: int = 8) -> str:
    """Return names as quoted text, with the number left out when there are many.

    Examples
    --------
    >>> listed(["a", "b", "c"], limit=2)
    "'a', 'b' and 1 more"
    """
    text = ", ".join(f"'{shown(name)}'" for name in names[:limit])
    return text if len(names) <= limit else f"{text} and {len(names) - limit} more"


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun.

    Examples
    --------
    >>> counted(1, "row"), counted(1200, "row")
    ('1 row', '1,200 rows')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def column_names(raw: Sequence[str | None], where: str) -> list[str]:
    """Return clean, distinct column names; an unnamed column is named by its position.

    Parameters
    ----------
    raw : sequence of str or None
        Header cells.
    where : str
        File, for the error.

    Raises
    ------
    SourceError
        When a name occurs twice.
    """
    names = _whole_brackets([shown(cell or "", limit=200) for cell in raw])
    names = [name or f"column {position}" for position, name in enumerate(names, start=1)]
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise SourceError(
            f"{where}: the header has {counted(len(twice), 'column name')} more than once: "
            f"{listed(twice)}",
            hint="Rename or remove the duplicates",
        )
    return names


def _whole_brackets(names: list[str]) -> list[str]:
    """Give each part of a bracket that the delimiter cut its bracket, as in ``Size[w,h]``."""
    whole = list(names)
    for start, name in enumerate(names):
        base, opened, first = name.partition("[")
        if not opened or "]" in first:
            continue
        for end in range(start + 1, min(start + _MOST_CUTS, len(names))):
            if "[" in names[end]:
                break
            if names[end].endswith("]"):
                parts = [first, *names[start + 1 : end], names[end][:-1]]
                whole[start : end + 1] = [f"{base}[{part.strip()}]" for part in parts]
                break
    return whole


def without_blanks(
    names: Sequence[str],
    header: Header,
    columns: Mapping[int, pa.ChunkedArray],
    where: str,
    findings: Sequence[str] = (),
) -> RawTable:
    """Return a spreadsheet's table without its blank rows and blank, unnamed columns.

    Parameters
    ----------
    names : sequence of str
        Column names, see `column_names`.
    header : Header
        The header they came from.
    columns : mapping of int to pyarrow.ChunkedArray
        Position -> text column; those that are not there are blank and unnamed.
    where : str
        File, for findings.
    findings : sequence of str
        What was noticed before.
    """
    named = {i for i, cell in enumerate(header.names) if shown(cell or "")}
    unnamed = set(columns) - named
    keep = [i for i, c in columns.items() if i not in unnamed or c.null_count < len(c)]
    rows = without_blank_rows(pa.table({names[i]: columns[i] for i in keep}))
    notes = list(findings)
    left = len(unnamed.intersection(keep))
    if left:
        notes.append(f"{where}: {counted(left, 'column')} without a name, named by position")
    labels = header.labels(names)
    return RawTable(
        rows=rows,
        labels={names[i]: labels[names[i]] for i in keep if names[i] in labels},
        findings=tuple(notes),
        extras=header.extras(),
    )


def without_blank_rows(table: pa.Table) -> pa.Table:
    """Return the rows in which at least one column has a value."""
    some = None
    for column in table.columns:
        valid = pc.is_valid(column)
        some = valid if some is None else pc.or_(some, valid)
    if some is None or pc.all(some, min_count=0).as_py():
        return table
    return table.filter(some)
