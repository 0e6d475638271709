"""Who the subjects are: keys, scopes, what is not a person, and how sources join by the key.

Every orphan and every fan-out is counted.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from midi_risk.attributes.model import Kind
from midi_risk.attributes.parsed import is_missing
from midi_risk.document.assessment import LinkReport
from midi_risk.errors import LinkageError
from midi_risk.sources.model import SourceKind, SourceTable
from midi_risk.sources.tables.keys import match_keys
from midi_risk.table.distinct import distinct_rows
from midi_risk.table.model import day_column, raw_codes

DERIVED_MODALITIES = frozenset(
    {"SEG", "RTSTRUCT", "RTPLAN", "RTDOSE", "RTRECORD", "RTIMAGE", "RTINTENT"}
    | {"SR", "PR", "KO", "REG", "ANN", "RWV", "FID", "M3D", "PLAN", "DOC", "TEXTUREMAP", "SMR"}
)
"""Modalities of objects made from images; their equipment is software, not a scanner."""

VISIT_DATES = ("StudyDate", "AcquisitionDate", "SeriesDate", "ContentDate")
"""Dates that say when a subject was seen, the best first."""

_HUMAN = frozenset(
    {"human", "humans", "homo", "homo sapiens", "homo sapien", "h. sapiens", "h sapiens", "person"}
    | {"9606", "ncbi:txid9606", "txid9606", "l-85b00", "337915000"}
)
"""Names of the human species, and its codes in NCBI taxonomy, SNOMED RT and SNOMED CT."""

_SPECIES = ("PatientSpeciesDescription", "PatientSpeciesCodeSequence")
_EMPTY_ROOMS = frozenset({"emptyroom", "sub-emptyroom"})
"""BIDS labels of recordings without anybody in the scanner."""


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
    apart : numpy.ndarray of object
        Keys of the phantoms and animals.
    disputed : int
        Subjects that some record calls a phantom or an animal and another does not.
    table : SourceTable, optional
        The leading source table.
    """

    labels: np.ndarray
    keys: np.ndarray
    of_row: np.ndarray
    derived: np.ndarray
    excluded: dict[str, int]
    apart: np.ndarray
    disputed: int = 0
    table: SourceTable | None = None

    def seen_on(self) -> np.ndarray:
        """Return subject and day of each visit of the leading source, shape (n_visits, 2)."""
        table = self.table
        stated = () if table is None else (day_column(table, name) for name in VISIT_DATES)
        day = next((days for days in stated if days is not None), None)
        if day is None:
            return np.empty((0, 2), dtype=np.int64)
        known = np.isfinite(day) & (self.of_row >= 0)
        who, when, _ = distinct_rows(self.of_row[known], day[known].astype(np.int64))
        return np.column_stack([who, when])

    def by_key(self, table: SourceTable, of_row: np.ndarray) -> dict[str, str]:
        """Return the label of each key of a source that stands for an assessed subject.

        What is written is decided by this: a key that is not here was not assessed.

        Parameters
        ----------
        table : SourceTable
            The leading source, or one linked to it.
        of_row : numpy.ndarray of int64, shape (n_rows,)
            Subject of each row, -1 for nobody.
        """
        codes, raw = raw_codes(table.rows.column(table.key))
        seen = np.flatnonzero(of_row >= 0)
        _, first = np.unique(codes[seen], return_index=True)
        return {raw[codes[i]].strip(): str(self.labels[of_row[i]]) for i in seen[first]}


def find_subjects(table: SourceTable) -> Subjects:
    """Find the subjects of a source table.

    Phantoms are keys that say so, empty-room recordings of BIDS, and subjects for whom at
    least half of the instances say so (QualityControlSubject is YES, or the name); animals
    are subjects whose species is stated as often and never human. Both are counted apart.
    Who is called so by fewer, or by one record against another, stays a subject: it is
    assessed and counted as disputed. Rows without a key, or with a key that means "unknown",
    belong to nobody and are counted. Rows that stand for several instances count as many.

    Parameters
    ----------
    table : SourceTable

    Raises
    ------
    LinkageError
        When no row has a key.
    """
    of_row, keys = keys_of_rows(table)
    weight = instances_of(table)
    no_key = int(weight[of_row < 0].sum())
    scopes = np.full(len(keys), "", dtype=object)
    if table.scope:
        of_row, keys, scopes = _scoped(table, of_row, keys)
    if not len(of_row) or of_row.max(initial=-1) < 0:
        raise LinkageError(
            f"{table.name}: no row has a value in its key column '{table.key}' that tells one"
            " subject from another",
            hint="Name the column that identifies the subject with FILE:KEY",
        )
    phantom, animal, disputed = _no_people(table, of_row, keys)
    of_row, keep = _compact(of_row, ~(phantom | animal), len(keys))
    derived = _derived_rows(table)
    ambiguous = pd.Series(keys).duplicated(keep=False).to_numpy()
    labels = np.where(ambiguous, scopes + "/" + keys, keys)[keep]
    excluded = {
        "phantom": int(phantom.sum()),
        "animal": int(animal.sum()),
        "derived": int(weight[derived].sum()),
        "no_key": no_key,
    }
    return Subjects(
        labels=labels,
        keys=keys[keep],
        of_row=of_row,
        derived=derived,
        excluded=excluded,
        apart=keys[phantom | animal],
        disputed=int(disputed.sum()),
        table=table,
    )


def instances_of(table: SourceTable) -> np.ndarray:
    """Return how many instances each row stands for: its weight, 1 where the source does not say.

    Parameters
    ----------
    table : SourceTable
    """
    if table.weights is not None:
        return table.weights
    column = table.instances_column
    if not column or column not in table.rows.column_names or table.kind is not SourceKind.DICOM:
        return np.ones(table.rows.num_rows, dtype=np.int64)
    codes, raw = raw_codes(table.rows.column(column))
    numbers = np.append([int(text) for text in raw], 1).astype(np.int64)
    return np.asarray(numbers[codes])


def keys_of_rows(table: SourceTable) -> tuple[np.ndarray, np.ndarray]:
    """Return the key number of each row, -1 where it has none, and the distinct keys.

    A key that is a declared missing token, such as ``n/a`` or ``ANONYMOUS``, is none: it
    may stand for any number of subjects.

    Parameters
    ----------
    table : SourceTable
    """
    codes, raw = raw_codes(table.rows.column(table.key))
    named = [None if is_missing(key.strip(), Kind.IDENTIFIER) else key.strip() for key in raw]
    numbers, keys = pd.factorize(np.array(named, dtype=object), use_na_sentinel=True)
    return np.append(numbers, -1)[codes], np.asarray(keys, dtype=object)


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


def _no_people(
    table: SourceTable, of_row: np.ndarray, keys: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tell the phantoms, the animals, and the subjects whose records do not agree on it."""
    n = len(keys)
    named = [_says_phantom(key) or key.casefold() in _EMPTY_ROOMS for key in keys]
    by_key = np.array(named, dtype=bool)
    control = _marked_rows(table, "QualityControlSubject", _says_yes)
    called = _marked_rows(table, "PatientName", _says_phantom)
    denied = _marked_rows(table, "QualityControlSubject", lambda text: not _says_yes(text))
    other = _marked_rows(table, "PatientName", lambda text: not _says_phantom(text))
    columns = [*_SPECIES, "species"] if table.kind is SourceKind.BIDS else [*_SPECIES]
    species = [_marked_rows(table, column, lambda text: not _human(text)) for column in columns]
    human = np.any([_marked_rows(table, column, _human) for column in columns], axis=0)
    beast = np.any(species, axis=0)
    weight = instances_of(table)

    def some(marked: np.ndarray) -> np.ndarray:
        seen = (of_row >= 0) & marked
        return np.bincount(of_row[seen], weights=weight[seen], minlength=n)

    rows = some(np.ones(len(of_row), dtype=bool))

    def mostly(marked: np.ndarray) -> np.ndarray:
        found: np.ndarray = (rows > 0) & (2 * some(marked) >= rows)
        return found

    person = (some(human) > 0) | (some(denied) > 0)
    phantom = (by_key | mostly(control) | (mostly(called) & (some(other) == 0))) & ~person
    animal = mostly(beast) & (some(human) == 0) & ~phantom
    claimed = by_key | (some(control | called | beast) > 0)
    return phantom, animal, claimed & ~phantom & ~animal


def _says_yes(text: str) -> bool:
    return text.strip().casefold() == "yes"


def _says_phantom(text: str) -> bool:
    return "phantom" in text.casefold()


def _marked_rows(table: SourceTable, column: str, marks: Callable[[str], bool]) -> np.ndarray:
    """Tell the rows whose value in a column is stated and marked."""
    if column not in table.rows.column_names:
        return np.zeros(table.rows.num_rows, dtype=bool)
    codes, values = raw_codes(table.rows.column(column))
    marked = [not is_missing(v.strip(), Kind.CATEGORY) and marks(v) for v in values]
    found: np.ndarray = np.append(marked, False).astype(bool)[codes]
    return found


def _human(text: str) -> bool:
    words = [" ".join(part.replace("_", " ").split()).casefold() for part in text.split("\\")]
    return any(word in _HUMAN or word.startswith("homo sapiens ") for word in words)


def _derived_rows(table: SourceTable) -> np.ndarray:
    """Tell the rows that describe objects derived from images."""
    if "Modality" not in table.rows.column_names:
        return np.zeros(table.rows.num_rows, dtype=bool)
    codes, values = raw_codes(table.rows.column("Modality"))
    flags = np.append([value.strip().upper() in DERIVED_MODALITIES for value in values], False)
    derived: np.ndarray = flags[codes]
    return derived


def link(table: SourceTable, subjects: Subjects) -> tuple[np.ndarray, LinkReport]:
    """Return the leading subject of each row of another source.

    Parameters
    ----------
    table : SourceTable
        The source to join.
    subjects : Subjects
        Subjects of the leading source.

    Returns
    -------
    of_row : numpy.ndarray of int64, shape (n_rows,)
        Leading subject of each row, -1 for an orphan, a phantom or animal of the leading
        source, and a row without a key.
    report : LinkReport
        Phantoms and animals are no orphans, nor are subjects whose rows were not selected:
        keys are matched with those of the whole leading source.

    Raises
    ------
    LinkageError
        When one key stands for several leading subjects (the same key in two
        collections), or when no key of the table is a key of the leading source.
    """
    key_of_row, keys = keys_of_rows(table)
    repeated = pd.Series(subjects.keys).duplicated(keep=False).to_numpy()
    if pd.Series(subjects.keys[repeated]).isin(keys).any():
        raise LinkageError(
            f"{table.name}: some of its keys stand for subjects of several collections",
            hint="Assess one collection at a time with --by or --where",
        )
    whole = subjects.table.all_keys if subjects.table is not None else ()
    own = {*subjects.keys, *subjects.apart}
    elsewhere = [key for key in dict.fromkeys(map(str.strip, whole)) if key not in own]
    known = [*subjects.keys, *subjects.apart, *elsewhere]
    match = match_keys([str(key) for key in known], [str(key) for key in keys])
    linked = np.flatnonzero(match.mapping >= 0)
    of_key = np.full(len(keys) + 1, -1, dtype=np.int64)
    of_key[match.mapping[linked]] = linked
    present = np.unique(key_of_row[key_of_row >= 0])
    people = present[of_key[present] < len(subjects.keys)]
    of_key[of_key >= len(subjects.keys)] = -1
    matched = int((of_key[people] >= 0).sum())
    if not matched and len(people):
        raise LinkageError(
            f"{table.name}: none of its keys in column '{table.key}' is a subject of the"
            " leading source",
            hint="Name the column that holds the subject key with FILE:KEY",
        )
    of_row = _on_the_day(table, of_key[key_of_row], subjects)
    linked_rows = of_row >= 0
    weights = None if table.weights is None else table.weights[linked_rows]
    rows_per_subject = np.bincount(of_row[linked_rows], weights, minlength=len(subjects.keys))
    return of_row, LinkReport(
        source=table.name,
        rows=table.n_rows,
        subjects=len(people),
        matched=matched,
        orphans=len(people) - matched,
        unmatched_subjects=int((rows_per_subject == 0).sum()),
        fan_out=int((rows_per_subject > 1).sum()),
        key_rule=f"through {table.via}" if table.via else match.rule,
    )


def _on_the_day(table: SourceTable, of_row: np.ndarray, subjects: Subjects) -> np.ndarray:
    """Leave the rows to nobody whose subject was not seen on their day, where a day is asked."""
    if not table.on_date:
        return of_row
    day = day_column(table, table.on_date)
    if day is None:
        return np.full(len(of_row), -1, dtype=np.int64)
    seen = {(int(who), int(when)) for who, when in subjects.seen_on()}
    kept = [
        who >= 0 and math.isfinite(when) and (int(who), int(when)) in seen
        for who, when in zip(of_row.tolist(), day.tolist(), strict=True)
    ]
    return np.where(kept, of_row, -1)
