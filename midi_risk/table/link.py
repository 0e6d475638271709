"""Joining sources by the subject key; every orphan and every fan-out is counted."""

from __future__ import annotations

import numpy as np
import pandas as pd

from midi_risk.errors import LinkageError
from midi_risk.sources.keys import match_keys
from midi_risk.sources.model import SourceTable
from midi_risk.table.columns import raw_codes
from midi_risk.table.model import LinkReport
from midi_risk.table.subjects import Subjects


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
        Leading subject of each row, -1 for an orphan.
    report : LinkReport

    Raises
    ------
    LinkageError
        When one key stands for several leading subjects (the same key in two
        collections), or when no key of the table is a key of the leading source.
    """
    codes, raw = raw_codes(table.rows.column(table.key))
    stripped, keys = pd.factorize(np.array([key.strip() for key in raw], dtype=object))
    repeated = pd.Series(subjects.keys).duplicated(keep=False).to_numpy()
    if pd.Series(subjects.keys[repeated]).isin(keys).any():
        raise LinkageError(
            f"{table.name}: some of its keys stand for subjects of several collections",
            hint="Assess one collection at a time with --by or --where",
        )
    match = match_keys([str(key) for key in subjects.keys], [str(key) for key in keys])
    linked = np.flatnonzero(match.mapping >= 0)
    of_key = np.full(len(keys) + 1, -1, dtype=np.int64)
    of_key[match.mapping[linked]] = linked
    key_of_row = np.append(stripped, -1)[codes]
    present = np.unique(key_of_row[key_of_row >= 0])
    matched = int((of_key[present] >= 0).sum())
    if not matched and len(present):
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
        subjects=len(present),
        matched=matched,
        orphans=len(present) - matched,
        unmatched_subjects=int((rows_per_subject == 0).sum()),
        fan_out=int((rows_per_subject > 1).sum()),
        key_rule=match.rule,
    )
