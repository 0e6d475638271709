"""Generalisation hierarchies: one row per value, one column per level, each coarser than the last.

Levels nest: two values that share a label keep sharing one at every coarser level, no value has
two paths, and none is its own ancestor. Files have the format of ARX.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Container, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from midi_risk.attributes.ladders import (
    COUNT,
    DEFAULT_LADDER,
    EXACT,
    REMOVED,
    Ladder,
    cut_ladder,
    describe_level,
    find_ladder,
)
from midi_risk.attributes.model import Kind
from midi_risk.attributes.recoding import UNPARSED
from midi_risk.attributes.values import normalise
from midi_risk.document.notebook import Card
from midi_risk.errors import HierarchyError, did_you_mean


class NestingError(HierarchyError):
    """Two values that one level puts together are apart at the next.

    Parameters
    ----------
    message : str
        One line.
    level : str
        Level whose groups are split by the next one.
    groups : int
        Number of such groups.
    values : tuple of str
        Two labels of the next level that one group splits into; for the owner of the
        hierarchy only, never for a log.
    """

    def __init__(
        self, message: str, *, level: str, groups: int, values: tuple[str, ...], hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.level = level
        self.groups = groups
        self.values = values


def _codes(labels: list[str]) -> np.ndarray:
    """Return a number per label, in order of appearance; pandas 2.2 ends texts at NUL."""
    seen: dict[str, int] = {}
    return np.array([seen.setdefault(label, len(seen)) for label in labels], dtype=np.int64)


LABEL_SHOWN = 40
"""Characters of a label that a message shows."""


def quoted_label(label: str, raw: Container[str], otherwise: str) -> str:
    r"""Return a label of a hierarchy as a message may show it.

    Parameters
    ----------
    label : str
        Of level 1 or above.
    raw : container of str
        Values of level 0; a label that is one of them is not shown.
    otherwise : str
        What is said instead.

    Examples
    --------
    >>> quoted_label("60\u202e-69", {"61"}, "a value"), quoted_label("61", {"61"}, "a value")
    ("'60\\u202e-69'", 'a value')
    """
    if label in raw:
        return otherwise
    text = label if len(label) <= LABEL_SHOWN else f"{label[: LABEL_SHOWN - 3]}..."
    return repr(text)


def check_nesting(frame: pd.DataFrame, *, attribute: str = "", reveal: bool = False) -> None:
    """Check that each level only merges groups of the level before.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row per value, one column per level, most detailed first.
    attribute : str
        Named in the message.
    reveal : bool
        Whether the message may show an offending group, its two labels and their rows:
        only when the reader wrote the hierarchy. A label that is also a raw value is
        never shown.

    Raises
    ------
    NestingError
        When a group is split; names the level and the number of groups.
    HierarchyError
        When a value has two rows.

    Examples
    --------
    >>> check_nesting(pd.DataFrame({"exact": ["1", "2"], "removed": ["*", "*"]}))
    """
    where = f"hierarchy of {attribute}" if attribute else "hierarchy"
    codes = [_codes(frame.iloc[:, i].tolist()) for i in range(frame.shape[1])]
    twice = len(frame) - (int(codes[0].max()) + 1 if len(frame) else 0)
    if twice:
        again = int(np.flatnonzero(np.diff(np.maximum.accumulate(codes[0]), prepend=-1) == 0)[0])
        first_row = int(np.flatnonzero(codes[0] == codes[0][again])[0])
        rows = f" (first: rows {first_row + 1} and {again + 1})" if reveal else ""
        raise HierarchyError(
            f"{where}: {twice} values have more than one row{rows}", hint="Keep one row per value"
        )
    for i in range(len(codes) - 1):
        fine, coarse = codes[i], codes[i + 1]
        first = np.zeros(int(fine.max()) + 1 if fine.size else 0, dtype=np.int64)
        first[fine] = coarse
        apart = np.flatnonzero(first[fine] != coarse)
        if apart.size:
            groups = int(np.unique(fine[apart]).size)
            place = int(apart[0])
            kin = int(np.flatnonzero((fine == fine[place]) & (coarse == first[fine[place]]))[0])
            row, same = sorted((place, kin))
            labels = tuple(str(label) for label in frame.iloc[[row, same], i + 1])
            level = str(frame.columns[i])
            shown = ""
            if reveal:
                raw = set(frame.iloc[:, 0])
                group = quoted_label(str(frame.iloc[row, i]), raw, "a group")
                one, other = (quoted_label(label, raw, "a value") for label in labels)
                shown = f": {group} becomes both {one} and {other} (rows {row + 1} and {same + 1})"
            raise NestingError(
                f"{where}: level {i} '{level}' does not nest in level {i + 1}: "
                f"{groups} groups are split{shown}",
                level=level,
                groups=groups,
                values=labels,
                hint="Each level may only merge groups of the level before it",
            )


def check_cycles(texts: Sequence[Sequence[str | None]], *, attribute: str = "") -> None:
    """Check that no text is its own ancestor by way of another text.

    Parameters
    ----------
    texts : sequence of sequence of str or None
        Per level, the text of each row.
    attribute : str
        Named in the message.

    Raises
    ------
    HierarchyError

    Examples
    --------
    >>> check_cycles([["1", "2"], ["1-2", "1-2"]])
    """
    places: dict[str | None, int] = {}
    number = [
        np.array([places.setdefault(text, len(places)) for text in level], dtype=np.int64)
        for level in texts
    ]
    edges = np.concatenate(
        [np.stack([a, b], axis=1) for a, b in pairwise(number)]
        or [np.empty((0, 2), dtype=np.int64)]
    )
    edges = np.unique(edges[edges[:, 0] != edges[:, 1]], axis=0)
    while len(edges):
        has_parent = np.zeros(len(places), dtype=bool)
        has_parent[edges[:, 0]] = True
        kept = edges[has_parent[edges[:, 1]]]
        if len(kept) == len(edges):
            where = f"hierarchy of '{attribute}'" if attribute else "hierarchy"
            raise HierarchyError(
                f"{where} is cyclic: values generalise to one another",
                hint="Each level must be more general than the one before",
            )
        edges = kept


MOST_GENERAL = "*"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hierarchy(Card):
    """A generalisation hierarchy for the values at hand.

    Parameters
    ----------
    name : str
        Ladder identifier, or the file's name.
    level_names : tuple of str
        Names of the levels, ``exact`` first.
    frame : pandas.DataFrame
        Shape (n_values, n_levels), object text: column 0 the canonical value, the last
        ``*`` throughout. Missing has no row.
    texts : tuple of str
        What each level does, where no ladder tells it.
    """

    name: str
    level_names: tuple[str, ...]
    frame: pd.DataFrame
    texts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a frame whose width is not the number of levels."""
        if self.frame.shape[1] != len(self.level_names) or len(self.level_names) < 2:
            raise HierarchyError(
                f"hierarchy {self.name} has {self.frame.shape[1]} columns and "
                f"{len(self.level_names)} level names; it needs two at least, as many each"
            )

    def __repr__(self) -> str:
        """Return name and shape, never values."""
        return f"Hierarchy({self.name!r}, {len(self.frame)} values, levels={self.level_names})"

    def __len__(self) -> int:
        """Return the number of levels."""
        return len(self.level_names)

    def level_of(self, level: str | int) -> int:
        """Return the number of a level given by name or number.

        Raises
        ------
        HierarchyError
            When there is no such level; says which name is close.
        """
        if isinstance(level, str) and level in self.level_names:
            return self.level_names.index(level)
        text = str(level).strip()
        if text.isdecimal() and int(text) < len(self.level_names):
            return int(text)
        close = did_you_mean(text, self.level_names)
        raise HierarchyError(f"hierarchy {self.name} has no level '{level}'", hint=close)

    def apply(self, level: str | int, values: Sequence[str | None]) -> list[str | None]:
        """Return values at a level; None stays None.

        Raises
        ------
        HierarchyError
            When a value has no row; says how many, not which.
        """
        labels = self.frame.iloc[:, self.level_of(level)].to_numpy(dtype=object)
        rows = dict(zip(self.frame.iloc[:, 0].to_numpy(dtype=object), labels, strict=True))
        unknown = {value for value in values if value is not None and value not in rows}
        if unknown:
            raise HierarchyError(
                f"hierarchy {self.name} has no row for {len(unknown)} of the values",
                hint="Add a row for each value, or use a built-in ladder",
            )
        return [None if value is None else rows[value] for value in values]

    def describe(self, level: str | int, attribute: str) -> str:
        """Return what a level does to an attribute, in plain English.

        Examples
        --------
        >>> from midi_risk.attributes import Kind, build_hierarchy
        >>> build_hierarchy("age", Kind.AGE, ["66"]).describe("5y", "PatientAge")
        'PatientAge: 5-year bands, ages 90 and over together'
        """
        number = self.level_of(level)
        name = self.level_names[number]
        text = self.texts[number] if self.texts else None
        if text is None:
            text = describe_level(self.name, name)
        if text is None:
            text = (
                f"level {number} of {len(self.level_names) - 1} ('{name}') of hierarchy {self.name}"
            )
        return f"{attribute}: {text}"

    def to_arx_csv(self) -> str:
        """Return the hierarchy in the format of ARX: semicolons, no header, one row per value."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, delimiter=";", lineterminator="\n")
        writer.writerows(self.frame.to_numpy(dtype=object).tolist())
        return buffer.getvalue()

    @classmethod
    def from_arx_csv(cls, path: str | Path, *, attribute: str = "") -> Hierarchy:
        """Read a hierarchy in the format of ARX.

        Parameters
        ----------
        path : str or path
            Semicolons, commas or tabs; no header; most detailed value first. A level
            that removes the value is added when the file has none.
        attribute : str
            Named in messages.

        Raises
        ------
        HierarchyError
            When the file cannot be read, a row is short or has an empty level, a value has
            two paths, the levels do not nest or go round in a circle.
        """
        rows = list(map(list, dict.fromkeys(map(tuple, _arx_rows(Path(path))))))
        width = len(rows[0])
        short = [number for number, row in enumerate(rows, start=1) if len(row) != width]
        if short:
            raise HierarchyError(
                f"{path}: line {short[0]} has {len(rows[short[0] - 1])} columns, "
                f"the first line {width} ({len(short)} such lines)"
            )
        last = {row[-1] for row in rows}
        inner = slice(1, -1 if len(last) == 1 else None)
        gaps = [number for number, row in enumerate(rows, 1) if not all(map(str.strip, row[inner]))]
        if gaps:
            raise HierarchyError(
                f"{path}: row {gaps[0]} has an empty level ({len(gaps)} such rows)",
                hint="Fill every level of every row",
            )
        if len(last) == 1 and width > 1:
            rows = [[*row[:-1], MOST_GENERAL] for row in rows]
        else:
            rows = [[*row, MOST_GENERAL] for row in rows]
        middle = (f"level{i}" for i in range(1, len(rows[0]) - 1))
        level_names = (EXACT, *middle, REMOVED)
        frame = pd.DataFrame(rows, columns=list(level_names), dtype=object)
        check_cycles(list(zip(*rows, strict=True)), attribute=attribute or Path(path).name)
        check_nesting(frame, attribute=attribute or Path(path).name, reveal=True)
        return cls(name=Path(path).name, level_names=level_names, frame=frame)


def _arx_rows(path: Path) -> list[list[str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise HierarchyError(
            f"{path}: the hierarchy cannot be read ({type(error).__name__})",
            hint="Give a UTF-8 file with one row per value",
        ) from None
    first = text.partition("\n")[0]
    delimiter = next((sign for sign in (";", "\t", ",") if sign in first), ";")
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    try:
        rows = [row for row in reader if any(map(str.strip, row))]
    except csv.Error as error:
        raise HierarchyError(
            f"{path}: line {reader.line_num} is not CSV ({error})",
            hint="Close every quotation mark, and double those inside a value",
        ) from None
    if not rows:
        raise HierarchyError(f"{path}: the hierarchy is empty")
    return rows


SET_JOINER = " + "
"""Between the members of a set-valued attribute, such as ``CT + MR``."""


def build_hierarchy(
    ladder: str | None,
    kind: Kind,
    values: Sequence[str],
    *,
    sets: bool = False,
    cuts: Sequence[float] | None = None,
    counts: Sequence[int] | None = None,
    rare_below: int = 11,
) -> Hierarchy:
    """Return the hierarchy of a built-in ladder for the values at hand.

    Parameters
    ----------
    ladder : str or None
        Identifier such as ``"age"``; None takes the ladder of the kind.
    kind : Kind
        How the values were read.
    values : sequence of str
        Distinct canonical values; missing is not among them.
    sets : bool
        Whether a value is a set of members joined by `SET_JOINER`. Members are
        generalised one by one; then only their number is kept, then nothing.
    cuts : sequence of float, optional
        Cut points that replace the steps of the ladder of a number, or of an age in years.
    counts : sequence of int, optional
        Subjects per value, for the levels that put rare values together.
    rare_below : int
        Values of fewer subjects are rare.

    Returns
    -------
    Hierarchy
        Its levels nest. A value that cannot be read has its own row and is removed
        from the first generalised level on.

    Raises
    ------
    HierarchyError
        When no such ladder exists.

    Examples
    --------
    >>> build_hierarchy("age", Kind.AGE, ["66", "173M", "94"]).apply("5y", ["66", "94", None])
    ['65-69', '90+', None]
    >>> build_hierarchy(None, Kind.CATEGORY, ["CT + MR"], sets=True).apply("count", ["CT + MR"])
    ['2 values']
    """
    kind = Kind(kind)
    found = find_ladder(ladder or DEFAULT_LADDER[kind])
    if cuts:
        found = cut_ladder(cuts, kind)
    distinct = [str(value) for value in values]
    if sets:
        columns = _set_columns(found, distinct, counts, rare_below)
        level_names = (EXACT, *found.steps, COUNT, REMOVED)
    else:
        columns = _columns(found, distinct, counts, rare_below)
        level_names = found.level_names
    frame = _frame(level_names, columns)
    hierarchy = Hierarchy(name=found.name, level_names=level_names, frame=frame)
    check_nesting(hierarchy.frame)
    return hierarchy


def _frame(level_names: Sequence[str], columns: Sequence[Sequence[str]]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            name: np.array(column, dtype=object)
            for name, column in zip(level_names, columns, strict=True)
        },
        columns=list(level_names),
        dtype=object,
    )


def _columns(
    ladder: Ladder, values: list[str], counts: Sequence[int] | None, floor: int
) -> list[list[str]]:
    number = None
    text: list[str] = values
    if ladder.reads is not None:
        read = normalise(ladder.reads, values, zero_is_missing=False)
        number = read.number
        text = [
            value if found is None else found
            for value, found in zip(values, read.text, strict=True)
        ]
    columns = ladder.columns(text, number, counts=counts, floor=floor)
    return [values, *columns, [UNPARSED] * len(values)]


def _member_counts(
    split: list[list[str]], members: list[str], counts: Sequence[int] | None
) -> list[int] | None:
    if counts is None:
        return None
    totals = dict.fromkeys(members, 0)
    for parts, n in zip(split, counts, strict=True):
        for part in parts:
            totals[part] += n
    return [totals[member] for member in members]


def _number_of(label: str) -> str:
    if label == UNPARSED:
        return UNPARSED
    n = label.count(SET_JOINER) + 1
    return "1 value" if n == 1 else f"{n} values"


def _set_columns(
    ladder: Ladder, values: list[str], counts: Sequence[int] | None, floor: int
) -> list[list[str]]:
    split = [value.split(SET_JOINER) for value in values]
    members = list(dict.fromkeys(member for parts in split for member in parts))
    inner = _columns(ladder, members, _member_counts(split, members, counts), floor)
    columns = [values]
    for column in inner[1:-1]:
        label = dict(zip(members, column, strict=True))
        columns.append(
            [SET_JOINER.join(sorted({label[member] for member in parts})) for parts in split]
        )
    return [*columns, [_number_of(label) for label in columns[-1]], [UNPARSED] * len(values)]
