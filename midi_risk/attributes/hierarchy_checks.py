"""Checks of a hierarchy: levels nest, no value has two paths, none is its own ancestor."""

from __future__ import annotations

from collections.abc import Container, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from midi_risk.errors import HierarchyError


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
