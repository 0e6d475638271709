"""Hierarchies as tables: read, checked for cycles, ragged rows and levels that do not nest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.attributes.hierarchy_checks import check_cycles, quoted_label
from midi_risk.errors import HierarchyError

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
        from midi_risk.attributes import hierarchies  # noqa: PLC0415

        values = pd.unique(
            np.concatenate([column.dropna().to_numpy(dtype=object) for column in columns])
        )
        texts = list(
            dict.fromkeys(text for value in values if (text := text_of(value)) is not None)
        )
        source = hierarchies.build_hierarchy(source, _kind_of(source, columns[0]), texts)
    frame = getattr(source, "frame", source)
    if callable(frame):
        frame = frame()
    if not isinstance(frame, pd.DataFrame):
        raise HierarchyError(
            f"hierarchy of '{name}' is neither a table nor the name of a ladder",
            hint="Give a DataFrame with one row per value",
        )
    return checked_rows(name, frame)
