"""How a table joins the leading source: by the subject's key, or through a study that has it.

What counts is how many rows find a subject and how many subjects they find, not how many distinct
values match: the four categories of a score match four subject numbers, and join nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from midi_risk.errors import LinkageError
from midi_risk.sources.model import SourceTable
from midi_risk.sources.tables.columns import cell_array
from midi_risk.sources.tables.keys import key_rank, match_keys
from midi_risk.sources.tables.raw import counted, listed, shown

WAYS = ("AccessionNumber", "StudyInstanceUID", "SeriesInstanceUID")
"""Attributes of a study or series through which a row finds its subject."""

ENOUGH = 0.5
"""A guessed key joins when half of its rows find a subject, and subjects enough."""

_SURE = ("patient", "participant", "subject", "usubjid", "mrn", "medicalrecord")


@dataclass(frozen=True, slots=True, kw_only=True)
class Leading:
    """What other tables may be joined to.

    Parameters
    ----------
    name : str
        Key column of the leading table.
    keys : frozenset of str
        Its distinct keys.
    ways : mapping of str to mapping
        Attribute of `WAYS` -> value -> the one subject that has it.
    """

    name: str = ""
    keys: frozenset[str] = frozenset()
    ways: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Return counts, never keys."""
        return f"Leading({len(self.keys)} keys, {len(self.ways)} ways)"


def leading_of(table: SourceTable) -> Leading:
    """Return what other tables may be joined to.

    Parameters
    ----------
    table : SourceTable
        The leading source. A study that several subjects share joins nobody.
    """
    rows = table.rows
    if table.key not in rows.column_names:
        return Leading()
    keys = pc.unique(rows.column(table.key)).cast(pa.string()).drop_null().to_pylist()
    ways: dict[str, dict[str, str]] = {}
    for way in WAYS:
        if way not in rows.column_names or way == table.key:
            continue
        pairs = rows.select([way, table.key]).group_by([way, table.key]).aggregate([])
        values, subjects = (pairs.column(name).cast(pa.string()).to_pylist() for name in (0, 1))
        found: dict[str, str | None] = {}
        for value, subject in zip(values, subjects, strict=True):
            if value and value.strip() and subject:
                known = found.setdefault(value.strip(), subject)
                found[value.strip()] = subject if known == subject else None
        ways[way] = {value: subject for value, subject in found.items() if subject}
    return Leading(
        name=table.key,
        keys=frozenset(keys),
        ways={way: found for way, found in ways.items() if found},
    )


def join_share(found: np.ndarray, subjects: int) -> float:
    """Return how well rows join subjects: the smaller share, of rows and of subjects.

    Parameters
    ----------
    found : numpy.ndarray of int64, shape (n_rows,)
        Subject of each row that has a value in the key column, -1 for none.
    subjects : int
        Subjects that could be found.

    Returns
    -------
    float
        Of the rows the share that found somebody; of the subjects that so many rows could have
        found the share that they did.

    Examples
    --------
    >>> join_share(np.array([0, 1, 2, -1]), 40), join_share(np.repeat([0, 1, 2, 3], 15), 60)
    (0.75, 0.06666666666666667)
    """
    return min(float(np.mean(found >= 0)) if len(found) else 0.0, spread(found, subjects))


def spread(found: np.ndarray, subjects: int) -> float:
    """Return of the subjects that the rows with one could have found the share that they did.

    Parameters
    ----------
    found, subjects
        As for `join_share`.

    Examples
    --------
    >>> spread(np.array([0, 1, 2, -1, -1, -1]), 40), spread(np.repeat([0, 1], 15), 60)
    (1.0, 0.06666666666666667)
    """
    matched = found[found >= 0]
    return len(np.unique(matched)) / min(subjects, len(matched)) if len(matched) else 0.0


def key_share(rows: pa.Table, name: str, keys: frozenset[str]) -> float:
    """Return `join_share` of a column as key, 0 where no key is known.

    Parameters
    ----------
    rows : pyarrow.Table
    name : str
    keys : frozenset of str
        Of the leading table.
    """
    return join_share(_found(rows, name, keys), len(keys)) if keys else 0.0


def _found(rows: pa.Table, name: str, keys: frozenset[str]) -> np.ndarray:
    """Return the number of the leading key that each value of a column is, -1 for none."""
    encoded = pc.dictionary_encode(rows.column(name).cast(pa.string())).combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.unify_dictionaries().combine_chunks()
    distinct = encoded.dictionary.to_pylist()
    mapping = match_keys([str(value) for value in distinct], sorted(keys)).mapping
    codes = encoded.indices.drop_null().to_numpy(zero_copy_only=False)
    found: np.ndarray = np.asarray(mapping, dtype=np.int64)[codes]
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """A table whose rows find their subject through a study or series.

    Parameters
    ----------
    column : str
        Column of the table.
    way : str
        Attribute of the leading source that it holds.
    share, spread : float
        See `join_share` and `spread`.
    """

    column: str
    way: str
    share: float
    spread: float


def through_study(rows: pa.Table, leading: Leading, columns: list[str]) -> Join | None:
    """Return the best way from a table's rows to subjects through a study or series.

    Parameters
    ----------
    rows : pyarrow.Table
    leading : Leading
    columns : list of str
        Columns that may hold accession numbers or UIDs.

    Returns
    -------
    Join or None
        None when no column finds anybody. Values are compared as they stand, without blanks
        around them.
    """
    best = None
    for way, subjects in leading.ways.items():
        people = {subject: number for number, subject in enumerate(sorted(set(subjects.values())))}
        for column in columns:
            values = pc.utf8_trim_whitespace(rows.column(column).cast(pa.string()).drop_null())
            numbers = [people.get(subjects.get(value, ""), -1) for value in values.to_pylist()]
            found = np.array(numbers, dtype=np.int64)
            share = join_share(found, len(people))
            if share > (best.share if best else 0.0):
                width = spread(found, len(people))
                best = Join(column=column, way=way, share=share, spread=width)
    return best


def joined(table: SourceTable, join: Join, leading: Leading) -> tuple[SourceTable, str]:
    """Return a table keyed by subject through a study or series, and a finding that says so.

    Parameters
    ----------
    table : SourceTable
    join : Join
    leading : Leading

    Returns
    -------
    table : SourceTable
        With the subject's key as a column of its own. A row whose study is not in the leading
        source keeps a key of its own, so that it is counted as an orphan.
    finding : str
    """
    subjects = leading.ways[join.way]
    values = table.rows.column(join.column).cast(pa.string()).to_pylist()
    keys = [
        None if not value or not value.strip()
        else subjects.get(value.strip(), f"#{join.way} {value.strip()}")
        for value in values
    ]  # fmt: skip
    name = leading.name
    while name in table.rows.column_names:
        name = f"subject of {name}"
    rows = table.rows.append_column(name, pa.chunked_array([cell_array(keys)]))
    found = sum(key is not None and not key.startswith(f"#{join.way} ") for key in keys)
    people = len({key for key in keys if key is not None} & set(subjects.values()))
    said = (
        f"{table.name}: joined by '{shown(join.column)}' ({join.way} of the images):"
        f" {found:,} of {counted(len(keys), 'row')} find {counted(people, 'subject')}, whose key"
        f" stands in '{shown(name)}'"
    )
    return replace(table, rows=rows, key=name, via=join.column), said


def check_join(rows: pa.Table, key: str, where: str, leading: Leading) -> None:
    """Refuse a guessed key that joins many rows to few subjects.

    Parameters
    ----------
    rows : pyarrow.Table
    key : str
        Column that was taken as key.
    where : str
        Table, for messages.
    leading : Leading

    Raises
    ------
    LinkageError
        When rows that find a subject find less than half of the subjects that so many could
        find, and the name does not say that the column identifies a patient or subject.
    """
    folded = key.casefold().replace("_", "").replace(" ", "")
    if key_rank(key) is not None and any(word in folded for word in _SURE):
        return
    found = _found(rows, key, leading.keys)
    rows_found, people = int((found >= 0).sum()), len(np.unique(found[found >= 0]))
    if 0 < spread(found, len(leading.keys)) < ENOUGH:
        raise LinkageError(
            f"{where}: '{shown(key)}' cannot be the subject's key: it would join"
            f" {counted(rows_found, 'row')} to {counted(people, 'subject')} of the"
            f" {len(leading.keys):,} in the leading source",
            hint="Name the column with --table FILE:KEY: the subject's key, an accession number"
            f" or a study UID; columns: {listed(rows.column_names)}",
        )
