"""Integer tables from generalisation hierarchies.

A hierarchy is a table: one row per value, column 0 the raw value, the rightmost column the
most general one. It is checked for cycles, ragged rows and levels that do not nest. The search
works on integers only: per level an array that sends the code of a raw value to the code of its
generalised value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.attributes.hierarchy import check_cycles, quoted_label
from midi_risk.errors import HierarchyError, SearchError, did_you_mean

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class HierarchyRows:
    """A checked hierarchy.

    Parameters
    ----------
    texts : tuple of tuple of str or None
        Per level, the text of each row.
    codes : tuple of ndarray of int64, shape (rows,)
        Per level, the dense code of each row.
    labels : tuple of tuple of str or None
        Per level, the text of each code.
    """

    texts: tuple[tuple[str | None, ...], ...]
    codes: tuple[Ints, ...]
    labels: tuple[tuple[str | None, ...], ...]

    @property
    def levels(self) -> int:
        """Number of levels, the raw one included."""
        return len(self.codes)


def text_of(value: Any) -> str | None:
    """Return the text by which values are compared, None for a missing value.

    Whole numbers have no decimal point, so that 39, 39.0 and ``"39"`` are one value.

    Examples
    --------
    >>> text_of(39.0), text_of("39"), text_of(float("nan"))
    ('39', '39', None)
    """
    if isinstance(value, str):
        return value
    if value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value))):
        return None
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def _factorised(texts: Sequence[str | None]) -> tuple[Ints, tuple[str | None, ...]]:
    places: dict[str | None, int] = {}
    codes = np.array([places.setdefault(text, len(places)) for text in texts], dtype=np.int64)
    return codes, tuple(places)


def _check_nesting(name: str, codes: Sequence[Ints], texts: Sequence[Sequence[str | None]]) -> None:
    """Raise when one value of a level has two parents; raw values are not shown."""
    for level, (fine, coarse) in enumerate(pairwise(codes)):
        first = np.zeros(int(fine.max()) + 1, dtype=np.int64)
        order = np.arange(len(fine))[::-1]
        first[fine[order]] = order
        broken = np.flatnonzero(coarse != coarse[first[fine]])
        if broken.size:
            row = int(broken[0])
            other = int(first[fine[row]])
            group, one, two = (
                _shown(str(texts[at][place]), texts[0])
                for at, place in ((level, row), (level + 1, other), (level + 1, row))
            )
            parents = f" ({one} and {two})" if one and two else ""
            raise HierarchyError(
                f"hierarchy of '{name}' does not nest: rows {other + 1} and {row + 1} agree at"
                f" level {level}{f' ({group})' if group else ''} but not at level"
                f" {level + 1}{parents}",
                hint="Give both rows the same values from that level on",
            )


def _shown(label: str, raw: Sequence[str | None]) -> str:
    """Return a label for a message, ``""`` when it is a raw value."""
    return quoted_label(label, [text for text in raw if text is not None], "")


def checked_rows(name: str, frame: pd.DataFrame) -> HierarchyRows:
    """Return a hierarchy table with its levels as codes.

    Parameters
    ----------
    name : str
        Column that it generalises, for messages.
    frame : DataFrame
        One row per value; column 0 raw, the rightmost most general.

    Returns
    -------
    HierarchyRows
        Equal rows once.

    Raises
    ------
    HierarchyError
        Ragged, cyclic, contradictory or empty hierarchy.
    """
    cells = frame.to_numpy(dtype=object)
    if cells.ndim != 2 or not cells.shape[0] or not cells.shape[1]:
        raise HierarchyError(f"hierarchy of '{name}' is empty", hint="Give one row per value")
    rows = dict.fromkeys(tuple(text_of(value) for value in row) for row in cells)
    short = sum(1 for row in rows if any(text is None for text in row[1:]))
    if short:
        raise HierarchyError(
            f"hierarchy of '{name}' is ragged: {short} row(s) have fewer than "
            f"{cells.shape[1]} levels",
            hint="Fill every level of every row",
        )
    texts = tuple(zip(*rows, strict=True))
    twice = len(rows) - len(set(texts[0]))
    if twice:
        raise HierarchyError(
            f"hierarchy of '{name}' gives {twice} value(s) two different paths",
            hint="Keep one row per value",
        )
    coded = [_factorised(level) for level in texts]
    codes = tuple(level_codes for level_codes, _ in coded)
    check_cycles(texts, attribute=name)
    _check_nesting(name, codes, texts)
    return HierarchyRows(texts=texts, codes=codes, labels=tuple(labels for _, labels in coded))


def _kind_of(ladder: str, column: pd.Series[Any]) -> Any:
    """Return the kind of values that a ladder name and a column speak of."""
    from midi_risk.attributes.model import Kind  # noqa: PLC0415

    by_name = {"age": Kind.AGE, "sex": Kind.SEX, "date": Kind.DATE, "time": Kind.TIME}
    for word, kind in by_name.items():
        if ladder.casefold().startswith(word):
            return kind
    if pd.api.types.is_datetime64_any_dtype(column):
        return Kind.DATE
    numeric = pd.api.types.is_numeric_dtype(column)
    return Kind.NUMBER if numeric else Kind.CATEGORY


def hierarchy_rows(name: str, source: Any, columns: Sequence[pd.Series[Any]]) -> HierarchyRows:
    """Return the checked hierarchy that a user gave for a column.

    Parameters
    ----------
    name : str
        Column name.
    source : DataFrame, str or object with ``frame``
        The table itself, the name of a built-in ladder, or a hierarchy that holds the table.
    columns : sequence of Series
        The values to cover, for a ladder.

    Raises
    ------
    HierarchyError
        When it is none of these, or faulty.
    """
    if isinstance(source, str):
        from midi_risk.attributes import hierarchy  # noqa: PLC0415

        values = pd.unique(
            np.concatenate([column.dropna().to_numpy(dtype=object) for column in columns])
        )
        texts = list(
            dict.fromkeys(text for value in values if (text := text_of(value)) is not None)
        )
        source = hierarchy.build_hierarchy(source, _kind_of(source, columns[0]), texts)
    frame = getattr(source, "frame", source)
    if callable(frame):
        frame = frame()
    if not isinstance(frame, pd.DataFrame):
        raise HierarchyError(
            f"hierarchy of '{name}' is neither a table nor the name of a ladder",
            hint="Give a DataFrame with one row per value",
        )
    return checked_rows(name, frame)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeCodes:
    """One quasi-identifier as integers.

    Parameters
    ----------
    name : str
        Column of the data.
    codes : ndarray of int64, shape (N,)
        Code of the raw value of each record, dense over the values that occur.
    maps : tuple of ndarray of int64, shape (distinct values,)
        Per level, the code of the generalised value of each raw code; dense.
    leaves : tuple of ndarray of int64
        Per level and generalised code, how many values of the *hierarchy* lie under it.
    domain : int
        Values in the hierarchy, plus one when values are missing.
    labels : tuple of tuple of str or None
        Per level and generalised code, the text written out; None for a missing value.
    """

    name: str
    codes: Ints
    maps: tuple[Ints, ...]
    leaves: tuple[Ints, ...]
    domain: int
    labels: tuple[tuple[str | None, ...], ...]

    @property
    def levels(self) -> int:
        """Number of levels, the raw one included."""
        return len(self.maps)

    def column(self, level: int) -> npt.NDArray[np.object_]:
        """Return the generalised text of each record at a level, shape (N,)."""
        labels = np.empty(len(self.labels[level]), dtype=object)
        labels[:] = self.labels[level]
        return labels[self.maps[level][self.codes]]


def _distinct(name: str, columns: Sequence[pd.Series[Any]]) -> tuple[Ints, list[str | None]]:
    """Return record codes and the texts they stand for; None stands for missing."""
    try:
        if len(columns) == 1:
            codes, index = pd.factorize(columns[0], use_na_sentinel=True)
            uniques = index.to_numpy(dtype=object)
        else:
            stacked = np.concatenate([column.to_numpy(dtype=object) for column in columns])
            codes, uniques = pd.factorize(stacked, use_na_sentinel=True)
    except TypeError:
        raise SearchError(
            f"column '{name}' holds values that cannot be compared, such as lists",
            hint="Fold each cell into one text or number first",
        ) from None
    texts = [text_of(value) for value in np.asarray(uniques, dtype=object)]
    places: dict[str | None, int] = {}
    merged = np.array([places.setdefault(text, len(places)) for text in texts], dtype=np.int64)
    codes = codes.astype(np.int64)
    missing = codes < 0
    if not missing.any():
        return merged[codes], list(places)
    blank = places.setdefault(None, len(places))
    out = np.full(len(codes), blank, dtype=np.int64)
    out[~missing] = merged[codes[~missing]]
    return out, list(places)


def encode_column(
    name: str, columns: Sequence[pd.Series[Any]], rows: HierarchyRows
) -> AttributeCodes:
    """Return the integer tables of one column.

    Parameters
    ----------
    name : str
        Column name, for messages.
    columns : sequence of Series
        The column in the data and, after it, in further tables that share the codes.
    rows : HierarchyRows
        The hierarchy, checked.

    Returns
    -------
    AttributeCodes
        A missing value without a path of its own is a category until the top level, where it
        joins the root.

    Raises
    ------
    HierarchyError
        When values are absent from the hierarchy; the message counts them.
    """
    codes, texts = _distinct(name, columns)
    place = {text: row for row, text in enumerate(rows.texts[0])}
    absent = sum(1 for text in texts if text is not None and text not in place)
    if absent:
        raise HierarchyError(
            f"hierarchy of '{name}' lacks {absent} value(s) that occur in the data",
            hint="Add a row per value, or choose a built-in ladder",
        )
    lacks_missing = None in texts and None not in place
    at = np.array([place.get(text, -1) for text in texts], dtype=np.int64)
    maps, leaves, labels = [], [], []
    for level, (level_codes, level_labels) in enumerate(zip(rows.codes, rows.labels, strict=True)):
        names: list[str | None] = list(level_labels)
        of_value = level_codes[at]
        under = np.bincount(level_codes, minlength=len(names))
        if lacks_missing:
            root = level == rows.levels - 1 and level > 0 and len(names) == 1
            blank = 0 if root else len(names)
            of_value = np.where(at < 0, blank, of_value)
            if root:
                under = under + 1
            else:
                names.append(None)
                under = np.append(under, 1)
        used, dense = np.unique(of_value, return_inverse=True)
        maps.append(dense.astype(np.int64).ravel())
        leaves.append(under[used].astype(np.int64))
        labels.append(tuple(names[code] for code in used))
    return AttributeCodes(
        name=name,
        codes=codes,
        maps=tuple(maps),
        leaves=tuple(leaves),
        domain=len(rows.texts[0]) + int(lacks_missing),
        labels=tuple(labels),
    )


def encode_attributes(
    data: pd.DataFrame,
    hierarchies: Mapping[str, Any],
    *,
    further: Sequence[pd.DataFrame] = (),
) -> tuple[AttributeCodes, ...]:
    """Return the integer tables of every quasi-identifier.

    Parameters
    ----------
    data : DataFrame
        One row per subject.
    hierarchies : mapping of str to DataFrame, str or object with ``frame``
        Per quasi-identifier its hierarchy, or the name of a built-in ladder.
    further : sequence of DataFrame
        Tables with the same columns whose rows follow those of ``data``, such as a
        population; their values get codes too.

    Returns
    -------
    tuple of AttributeCodes
        In the order of ``hierarchies``.

    Raises
    ------
    SearchError
        When a column does not exist or there are no records.
    HierarchyError
        When a hierarchy is ragged, does not nest, has a cycle or lacks values.
    """
    if not len(data):
        raise SearchError("the table has no records", hint="Nothing can be recoded")
    if not hierarchies:
        raise SearchError("no quasi-identifier was given", hint="Give a hierarchy per column")
    out = []
    for name, source in hierarchies.items():
        for table in (data, *further):
            if name not in table.columns:
                known = [str(column) for column in table.columns]
                raise SearchError(f"no column '{name}'", hint=did_you_mean(str(name), known))
        columns = [table[name] for table in (data, *further)]
        if any(isinstance(column, pd.DataFrame) for column in columns):
            raise SearchError(f"column '{name}' occurs twice", hint="Rename one of them")
        out.append(encode_column(str(name), columns, hierarchy_rows(name, source, columns)))
    return tuple(out)
