"""The hierarchy type, its check, and the ARX file format."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from midi_risk.attributes.hierarchy_checks import NestingError, check_cycles, check_nesting
from midi_risk.attributes.ladders import EXACT, LADDERS, REMOVED, describe_level
from midi_risk.errors import HierarchyError, did_you_mean

__all__ = ["MOST_GENERAL", "Hierarchy", "NestingError", "check_nesting"]

MOST_GENERAL = "*"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hierarchy:
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

    def covering(self, values: Sequence[str]) -> Hierarchy:
        """Return a hierarchy that also has rows for values it lacks, removed from level 1 on."""
        known = set(self.frame.iloc[:, 0])
        lacking = [value for value in dict.fromkeys(values) if value not in known]
        if not lacking:
            return self
        width = len(self.level_names) - 1
        more = pd.DataFrame(
            [[value, *([MOST_GENERAL] * width)] for value in lacking],
            columns=self.frame.columns,
            dtype=object,
        )
        frame = pd.concat([self.frame, more], ignore_index=True)
        return replace(self, frame=frame)

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
            text = describe_level(self.name if self.name in LADDERS else "", name)
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
