"""Integer tables from generalisation hierarchies.

A hierarchy is a table: one row per value, column 0 the raw value, the rightmost column the
most general one. The search works on integers only: per level an array that sends the code of
a raw value to the code of its generalised value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.errors import HierarchyError, SearchError, did_you_mean
from midi_risk.recode.hierarchy_frame import HierarchyRows, hierarchy_rows, text_of

Ints = npt.NDArray[np.int64]


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


def encode(
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
