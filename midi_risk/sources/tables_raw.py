"""What a file reader hands on: text columns, descriptions, and what it noticed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa
import pyarrow.compute as pc

from midi_risk.errors import SourceError
from midi_risk.sources.headers import Header

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
    """

    rows: pa.Table
    labels: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[str, ...] = ()

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
    columns: Sequence[pa.ChunkedArray],
    where: str,
    findings: Sequence[str],
) -> RawTable:
    """Return a spreadsheet's table without its blank rows and blank, unnamed columns.

    Parameters
    ----------
    names : sequence of str
        Column names, see `column_names`.
    header : Header
        The header they came from.
    columns : sequence of pyarrow.ChunkedArray
        Text columns.
    where : str
        File, for findings.
    findings : sequence of str
        What was noticed before.
    """
    unnamed = {i for i, cell in enumerate(header.names) if not shown(cell or "")}
    keep = [
        i for i, column in enumerate(columns) if i not in unnamed or column.null_count < len(column)
    ]
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
