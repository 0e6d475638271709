"""The subject table: one row per person, the unit of risk.

Columns are kept as integers: distinct values are read once, rows are codes. Digests bind an
assessment to what it assessed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from midi_risk.attributes.model import Attribute, AttributeSet, Kind, Role
from midi_risk.attributes.values import normalise_for
from midi_risk.document.assessment import Finding, LinkReport
from midi_risk.sources.arrow import index_codes
from midi_risk.sources.model import SourceTable
from midi_risk.table.account import Leaf


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedValues:
    """All distinct values of the subjects that have several of one attribute.

    Parameters
    ----------
    keys : numpy.ndarray of object, shape (m,)
        Keys of these subjects.
    lengths : numpy.ndarray of int64, shape (m,)
        How many values each has, at least 2.
    codes : numpy.ndarray of int64, shape (sum of lengths,)
        Values of one subject after the other, as places in ``texts``.
    texts : numpy.ndarray of object
        Distinct canonical values.
    """

    keys: np.ndarray
    lengths: np.ndarray
    codes: np.ndarray
    texts: np.ndarray

    def __repr__(self) -> str:
        """Show counts only, never values."""
        return f"RepeatedValues({len(self.keys)} subjects, {len(self.codes)} values)"

    def counts(self) -> np.ndarray:
        """Return the number of subjects that have each value, shape (n_texts,)."""
        return np.bincount(self.codes, minlength=len(self.texts))


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectTable:
    """One row per subject; what all measures work on.

    Parameters
    ----------
    frame : pandas.DataFrame
        n_subjects rows; index = subject key (text), columns = attribute names, values
        canonical text or None (missing).
    attributes : AttributeSet
        In the order of the columns.
    counts : mapping of str to int
        ``subjects``, ``studies``, ``series``, ``instances``; a level that was not seen
        is absent, not zero.
    files : mapping of str to int
        Files by status: ``read``, ``flagged``, ``not_dicom``, ``unreadable``.
    missing : {"category", "wildcard", "wildcard-cautious"}
        How an absent quasi-identifier is treated; the last is how models of a release that
        is not controlled take ``wildcard``.
    digest : str
        ``sha256:`` over schema, subjects and values.
    links : tuple of LinkReport
    findings : tuple of Finding
    excluded : mapping of str to int
        Not subjects: ``phantom``, ``animal``, ``derived``, ``no_key``.
    visits : pandas.DataFrame
        Columns ``subject`` (row number) and ``day`` (days since 0001-01-01), sorted,
        distinct; empty when no dates were seen.
    visit_dates : str
        Attribute that states the visits, ``""`` when there is none.
    visit_family : tuple of str
        Further attributes that state them, where each visit has a column of its own.
    intervals : pandas.DataFrame
        Columns ``subject`` (row number), ``column`` (attribute) and ``value`` (text): times
        between events that columns state.
    facts : mapping of str to int
        Copied from the extraction; absent means not looked at.
    has_images : bool
        Whether any source describes images.
    folding : mapping of str to str
        Attribute -> sentence that says how many observations became one value.
    distinct : mapping of str to (int, int)
        Attribute -> distinct values and subjects without a value.
    alone : mapping of str to int
        Attribute that is only counted -> subjects with a value that no other subject has.
    sources : tuple of mapping
        Name, kind, level and rows of each source.
    notes : tuple of str
        What reading noticed, from the extraction.
    repeated : mapping of str to RepeatedValues
        Attribute -> the values of the subjects that have several, all of which leave. They are
        found by key, so a table with fewer rows needs no change; a subject whose cell is
        missing has none.
    concerned : mapping of str to frozenset of str
        ``images``, ``face`` -> keys of the subjects with images, and with images that may show
        a face; absent where no source says, and everybody may have them.
    leaves : tuple of Leaf
        Everything that leaves with the sources.
    misfits : mapping of str to str
        Number or code of images that no class counts -> what does not fit about some value of it
        (`midi_risk.sources.dicom.misfits`).
    """

    frame: pd.DataFrame
    attributes: AttributeSet
    counts: Mapping[str, int]
    files: Mapping[str, int]
    missing: Literal["category", "wildcard", "wildcard-cautious"]
    digest: str
    links: tuple[LinkReport, ...] = ()
    findings: tuple[Finding, ...] = ()
    excluded: Mapping[str, int] = field(default_factory=dict)
    visits: pd.DataFrame = field(default_factory=lambda: pd.DataFrame({"subject": [], "day": []}))
    visit_dates: str = ""
    visit_family: tuple[str, ...] = ()
    intervals: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame({"subject": [], "column": [], "value": []})
    )
    facts: Mapping[str, int] = field(default_factory=dict)
    has_images: bool = False
    folding: Mapping[str, str] = field(default_factory=dict)
    distinct: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    alone: Mapping[str, int] = field(default_factory=dict)
    sources: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    repeated: Mapping[str, RepeatedValues] = field(default_factory=dict)
    concerned: Mapping[str, frozenset[str]] = field(default_factory=dict)
    leaves: tuple[Leaf, ...] = ()
    misfits: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_frame(cls, data: Any, **given: Any) -> SubjectTable:
        """Return a data frame as a subject table; see `midi_risk.subject_table`.

        Parameters
        ----------
        data : pandas.DataFrame, polars.DataFrame, pyarrow.Table, DuckDB relation or mapping
        **given
            ``quasi``, ``sensitive``, ``insensitive``, ``direct``, ``key``, ``missing``, ``name``.

        Examples
        --------
        >>> data = {"id": ["a", "b"], "age": [30, 41]}
        >>> SubjectTable.from_frame(data, quasi=["age"], key="id")
        SubjectTable(2 subjects x 2 attributes)
        """
        import midi_risk  # noqa: PLC0415 - through the front, which knows every stage

        table: SubjectTable = midi_risk.subject_table(data, **given)
        return table

    @property
    def n_subjects(self) -> int:
        """Number of subjects."""
        return len(self.frame)

    def names(self, *roles: Role) -> tuple[str, ...]:
        """Return the attribute names of these roles (all when none is given)."""
        chosen = self.attributes.of_role(*roles) if roles else tuple(self.attributes)
        return tuple(attribute.name for attribute in chosen)

    def codes(self, names: tuple[str, ...] | list[str]) -> np.ndarray:
        """Return integer codes, shape (n_subjects, n_names); missing is -1."""
        columns = [pd.factorize(self.frame[name], use_na_sentinel=True)[0] for name in names]
        if not columns:
            return np.empty((self.n_subjects, 0), dtype=np.int64)
        return np.column_stack(columns).astype(np.int64, copy=False)

    def to_frame(self) -> pd.DataFrame:
        """Return a copy of the table, subject key as index."""
        return self.frame.copy()

    def to_dict(self) -> dict[str, Any]:
        """Return counts, findings and digest, no values."""
        return {
            "subjects": self.n_subjects,
            "counts": dict(self.counts),
            "files": dict(self.files),
            "missing": self.missing,
            "digest": self.digest,
            "attributes": list(self.attributes.names),
            "excluded": dict(self.excluded),
        }

    def __repr__(self) -> str:
        """Show counts only, never values."""
        return f"SubjectTable({self.n_subjects} subjects x {len(self.attributes)} attributes)"

    def _repr_html_(self) -> str:
        """Show counts only, never values."""
        roles = {r: len(self.attributes.of_role(r)) for r in Role}
        cells = "".join(f"<tr><td>{r.value}</td><td>{n}</td></tr>" for r, n in roles.items())
        head = "<tr><th>role</th><th>n</th></tr>"
        return f"<p>{self.n_subjects} subjects</p><table>{head}{cells}</table>"


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalisedColumn:
    """A column of a source table with its values normalised.

    Parameters
    ----------
    codes : numpy.ndarray of int64, shape (n_rows,)
        Index into ``text``; -1 where the value is missing.
    text : numpy.ndarray of object, shape (n_values,)
        Canonical distinct values, in ascending order of ``number`` then text.
    number : numpy.ndarray of float64, shape (n_values,)
        Their numeric reading (months, days, the number), NaN where there is none.
    flags : dict of str to int
        Hygiene flag -> number of distinct raw values that carry it.
    """

    codes: np.ndarray
    text: np.ndarray
    number: np.ndarray
    flags: dict[str, int]


def raw_codes(column: pa.ChunkedArray | pa.Array) -> tuple[np.ndarray, list[str]]:
    """Return int64 codes (-1 for null) and the distinct raw values of a text column."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], pa.string())
    if not pa.types.is_dictionary(array.type):
        array = pc.dictionary_encode(array.cast(pa.string()))
    codes = index_codes(array.indices)
    values = array.dictionary.to_pylist()
    nulls = [place for place, value in enumerate(values) if value is None]
    if nulls:
        codes = np.where(np.isin(codes, nulls), -1, codes)
        values = ["" if value is None else value for value in values]
    return codes, values


def coded(column: pa.ChunkedArray, attribute: Attribute) -> NormalisedColumn:
    """Read a column of raw text: each distinct value is normalised once.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
        Text or dictionary of text.
    attribute : Attribute
        Says how values are read.
    """
    codes, raw = raw_codes(column)
    used = np.zeros(len(raw), dtype=bool)
    used[codes[codes >= 0]] = True
    places = np.flatnonzero(used)
    read = normalise_for(attribute, [raw[i] for i in places])
    merged, distinct = pd.factorize(np.array(read.text, dtype=object), use_na_sentinel=True)
    text = np.asarray(distinct, dtype=object)
    number = np.full(len(text), np.nan)
    number[merged[merged >= 0]] = np.asarray(read.number, dtype=float)[merged >= 0]
    order = _ascending(text, number)
    rank = np.empty(len(text), dtype=np.int64)
    rank[order] = np.arange(len(text))
    lookup = np.full(len(raw) + 1, -1, dtype=np.int64)
    lookup[places] = np.where(merged >= 0, rank[merged] if len(rank) else -1, -1)
    return NormalisedColumn(
        codes=lookup[codes], text=text[order], number=number[order], flags=read.flag_counts()
    )


def day_column(table: SourceTable, name: str) -> np.ndarray | None:
    """Return the day of every row from a date column, NaN where missing; None without any."""
    if name not in table.rows.column_names:
        return None
    column = table.rows.column(name)
    if pc.count(column).as_py() == 0:
        return None
    as_date = Attribute(
        name=name, source=table.name, column=name, role=Role.UNDECIDED, kind=Kind.DATE, reason=""
    )
    read = coded(column, as_date)
    return np.asarray(np.append(read.number, np.nan)[read.codes], dtype=np.float64)


def _ascending(text: np.ndarray, number: np.ndarray) -> np.ndarray:
    """Return the order by number (text without one last), then by text."""
    by_text = np.array(sorted(range(len(text)), key=lambda i: text[i]), dtype=np.int64)
    return by_text[np.argsort(number[by_text], kind="stable")]


def table_digest(frame: pd.DataFrame, repeated: Mapping[str, RepeatedValues] | None = None) -> str:
    """Return the digest of a subject table, independent of row and column order.

    Parameters
    ----------
    frame : pandas.DataFrame
        Index = subject key, values text or None.
    repeated : mapping of str to RepeatedValues, optional
        Values beyond the folded ones; those of subjects, attributes and cells that are not
        in the frame do not count.

    Returns
    -------
    str
        ``sha256:`` and 64 hexadecimal digits.

    Examples
    --------
    >>> a = pd.DataFrame({"x": ["1", None], "y": ["2", "3"]}, index=["s1", "s2"])
    >>> table_digest(a) == table_digest(a.loc[["s2", "s1"], ["y", "x"]])
    True
    """
    names = [str(name) for name in frame.columns]
    order = sorted(range(len(names)), key=names.__getitem__)
    cells = frame.to_numpy(dtype=object)[:, order]
    keys = [str(key) for key in frame.index]
    rows = (
        "\x1f".join([keys[i], *map(_cell, cells[i].tolist())])
        for i in sorted(range(len(keys)), key=keys.__getitem__)
    )
    names.sort()
    return text_digest(["\x1f".join(names), *rows, *_repeated_lines(frame, repeated or {})])


def _cell(value: object) -> str:
    """Return a value as the digest has it; a missing one is no empty text."""
    if isinstance(value, str):
        return value
    return "\x00" if value is None else str(value)


def _repeated_lines(frame: pd.DataFrame, repeated: Mapping[str, RepeatedValues]) -> list[str]:
    """Return one line per attribute and subject with several values in the frame, sorted."""
    lines = []
    for name, own in repeated.items():
        if name not in frame.columns:
            continue
        there = {str(key) for key in frame.index[frame[name].notna()]}
        values = np.split(own.texts[own.codes], np.cumsum(own.lengths)[:-1])
        for key, several in zip(own.keys, values, strict=True):
            if str(key) in there:
                lines.append("\x1f".join([name, str(key), *sorted(map(str, several))]))
    return sorted(lines)


def text_digest(lines: Iterable[str]) -> str:
    """Return ``sha256:`` over lines of text.

    Examples
    --------
    >>> text_digest(["a"])[:13]
    'sha256:dd5470'
    """
    hasher = hashlib.sha256()
    for line in lines:
        hasher.update(line.encode("utf-8", "surrogatepass"))
        hasher.update(b"\x1e")
    return "sha256:" + hasher.hexdigest()
