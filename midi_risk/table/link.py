"""Joining sources by the subject key; every orphan and every fan-out is counted."""

from __future__ import annotations

import numpy as np
import pandas as pd

from midi_risk.errors import LinkageError
from midi_risk.sources.keys import match_keys
from midi_risk.sources.model import SourceTable
from midi_risk.table.model import LinkReport
from midi_risk.table.subjects import Subjects, keys_of_rows


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
        Phantoms and animals are no orphans.

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
    known = [*subjects.keys, *subjects.apart]
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
    of_row = of_key[key_of_row]
    rows_per_subject = np.bincount(of_row[of_row >= 0], minlength=len(subjects.keys))
    return of_row, LinkReport(
        source=table.name,
        rows=table.rows.num_rows,
        subjects=len(people),
        matched=matched,
        orphans=len(people) - matched,
        unmatched_subjects=int((rows_per_subject == 0).sum()),
        fan_out=int((rows_per_subject > 1).sum()),
        key_rule=match.rule,
    )
