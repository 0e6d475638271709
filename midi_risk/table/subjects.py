"""Who the subjects are: keys, scopes, and what is not a person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from midi_risk.errors import LinkageError
from midi_risk.sources.model import SourceTable
from midi_risk.table.columns import raw_codes

DERIVED_MODALITIES = frozenset(
    {"SEG", "RTSTRUCT", "RTPLAN", "RTDOSE", "RTRECORD", "RTIMAGE", "RTINTENT"}
    | {"SR", "PR", "KO", "REG", "ANN", "RWV", "FID", "M3D", "PLAN", "DOC", "TEXTUREMAP", "SMR"}
)
"""Modalities of objects made from images; their equipment is software, not a scanner."""

_HUMAN = frozenset({"", "human", "homo sapiens", "homo sapien", "person", "l-85b00", "337915000"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Subjects:
    """Subjects of the leading source table.

    Parameters
    ----------
    labels : numpy.ndarray of object, shape (n_subjects,)
        Subject key, prefixed by its scope where the key alone is ambiguous.
    keys : numpy.ndarray of object, shape (n_subjects,)
        The linkage key alone.
    of_row : numpy.ndarray of int64, shape (n_rows,)
        Subject number of each row; -1 where the row is of nobody.
    derived : numpy.ndarray of bool, shape (n_rows,)
        Rows that describe derived objects.
    excluded : dict of str to int
        What is not a subject, and how much of it there is.
    """

    labels: np.ndarray
    keys: np.ndarray
    of_row: np.ndarray
    derived: np.ndarray
    excluded: dict[str, int]


def find_subjects(table: SourceTable) -> Subjects:
    """Find the subjects of a source table.

    Phantoms are keys that say so, or subjects whose every row has
    QualityControlSubject YES; animals have a species other than human. Both are counted
    apart. Rows without a key belong to nobody and are counted.

    Parameters
    ----------
    table : SourceTable

    Raises
    ------
    LinkageError
        When no row has a key.
    """
    codes, raw = raw_codes(table.rows.column(table.key))
    stripped, keys = pd.factorize(np.array([key.strip() for key in raw], dtype=object))
    keys = np.asarray(keys, dtype=object)
    lookup = np.append(np.where([bool(k) for k in keys], np.arange(len(keys)), -1)[stripped], -1)
    of_row = lookup[codes] if len(raw) else np.full(len(codes), -1, dtype=np.int64)
    no_key = int((of_row < 0).sum())
    scopes = np.full(len(keys), "", dtype=object)
    if table.scope:
        of_row, keys, scopes = _scoped(table, of_row, keys)
    if not len(of_row) or of_row.max(initial=-1) < 0:
        raise LinkageError(
            f"{table.name}: no row has a value in its key column '{table.key}'",
            hint="Name the column that identifies the subject with FILE:KEY",
        )
    phantom = _marks(table, of_row, len(keys), "QualityControlSubject", {"yes"}) | np.array(
        ["phantom" in key.casefold() for key in keys], dtype=bool
    )
    animal = _animals(table, of_row, len(keys)) & ~phantom
    of_row, keep = _compact(of_row, ~(phantom | animal), len(keys))
    derived = _derived_rows(table)
    ambiguous = pd.Series(keys).duplicated(keep=False).to_numpy()
    labels = np.where(ambiguous, scopes + "/" + keys, keys)[keep]
    excluded = {
        "phantom": int(phantom.sum()),
        "animal": int(animal.sum()),
        "derived": int(derived.sum()),
        "no_key": no_key,
    }
    return Subjects(
        labels=labels, keys=keys[keep], of_row=of_row, derived=derived, excluded=excluded
    )


def _scoped(
    table: SourceTable, of_row: np.ndarray, keys: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make the subject the pair (scope, key)."""
    scope_codes, scope_names = raw_codes(table.rows.column(str(table.scope)))
    width = len(scope_names) + 1
    seen = of_row >= 0
    pairs, number = np.unique(of_row[seen] * width + scope_codes[seen] + 1, return_inverse=True)
    scoped = np.full(len(of_row), -1, dtype=np.int64)
    scoped[seen] = number
    names = np.array(["", *scope_names], dtype=object)
    return scoped, keys[pairs // width], names[pairs % width]


def _compact(of_row: np.ndarray, keep: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Renumber the subjects that stay; rows of the others belong to nobody."""
    present = np.zeros(n, dtype=bool)
    present[of_row[of_row >= 0]] = True
    keep = keep & present
    lookup = np.append(np.where(keep, np.cumsum(keep) - 1, -1), -1)
    return lookup[of_row], keep


def _marks(
    table: SourceTable, of_row: np.ndarray, n: int, column: str, words: set[str]
) -> np.ndarray:
    """Tell the subjects all of whose rows have one of these words in a column."""
    if column not in table.rows.column_names:
        return np.zeros(n, dtype=bool)
    codes, values = raw_codes(table.rows.column(column))
    marked = np.append([value.strip().casefold() in words for value in values], False)[codes]
    seen = of_row >= 0
    rows = np.bincount(of_row[seen], minlength=n)
    hits = np.bincount(of_row[seen], weights=marked[seen], minlength=n)
    marks: np.ndarray = (rows > 0) & (hits == rows)
    return marks


def _animals(table: SourceTable, of_row: np.ndarray, n: int) -> np.ndarray:
    """Tell the subjects whose species is given and is not human."""
    column = "PatientSpeciesDescription"
    if column not in table.rows.column_names:
        return np.zeros(n, dtype=bool)
    _, values = raw_codes(table.rows.column(column))
    other = {value.strip().casefold() for value in values} - _HUMAN
    return _marks(table, of_row, n, column, other)


def _derived_rows(table: SourceTable) -> np.ndarray:
    """Tell the rows that describe objects derived from images."""
    if "Modality" not in table.rows.column_names:
        return np.zeros(table.rows.num_rows, dtype=bool)
    codes, values = raw_codes(table.rows.column("Modality"))
    flags = np.append([value.strip().upper() in DERIVED_MODALITIES for value in values], False)
    derived: np.ndarray = flags[codes]
    return derived
