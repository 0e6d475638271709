"""Disclosive parts of an assessment, for the internal edition alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from midi_risk.risk.classes import EquivalenceClasses
from midi_risk.risk.document import Internal, Record, ValueCount
from midi_risk.table.model import SubjectTable

MAX_RECORDS = 200
MAX_VALUES = 40
MAX_UNREADABLE = 200


def internal_parts(
    table: SubjectTable,
    names: Sequence[str],
    k: int,
    *,
    unreadable: Sequence[Mapping[str, str]] = (),
    digest_key: str = "",
) -> Internal:
    """Return the subjects at risk with what drives each, and the values of each key.

    Parameters
    ----------
    table : SubjectTable
        As it would be released.
    names : sequence of str
        Quasi-identifiers in the table.
    k : int
        A subject is at risk in a class smaller than k.
    unreadable : sequence of mapping
        Path and reason of unreadable files.
    digest_key : str
        Key of the digests that the shareable edition shows.

    Notes
    -----
    A driver is an attribute without which the subject's class would be larger by the
    most; at most three are named.
    """
    codes = table.codes(list(names))
    classes = EquivalenceClasses.from_codes(codes, missing=table.missing)
    sizes = np.asarray(classes.record_sizes)
    rare = np.flatnonzero(sizes < k)
    shown = rare[np.argsort(sizes[rare], kind="stable")][:MAX_RECORDS]
    drivers = _drivers(codes, list(names), shown)
    return Internal(
        records=[
            Record(subject=str(table.frame.index[i]), class_size=int(sizes[i]), drivers=named)
            for i, named in zip(shown, drivers, strict=True)
        ],
        records_total=len(rare),
        values={name: _values(table.frame[name]) for name in names},
        unreadable=[dict(item) for item in unreadable[:MAX_UNREADABLE]],
        digest_key=digest_key,
    )


def _drivers(codes: np.ndarray, names: list[str], shown: np.ndarray) -> list[list[str]]:
    """Return up to three attributes whose removal enlarges each subject's class most."""
    if not len(shown) or not names:
        return [[] for _ in shown]
    everything = range(len(names))
    sizes = np.column_stack(
        [
            EquivalenceClasses.from_codes(codes[:, [j for j in everything if j != i]]).record_sizes[
                shown
            ]
            for i in everything
        ]
    )
    order = np.argsort(-sizes, axis=1, kind="stable")[:, :3]
    smallest = sizes.min(axis=1)
    return [
        [names[j] for j in row if sizes[i, j] > smallest[i] or len(names) == 1]
        or [names[j] for j in row]
        for i, row in enumerate(order)
    ]


def _values(column: pd.Series) -> list[ValueCount]:
    """Return the most frequent values of a column with their number of subjects."""
    counts = column.dropna().value_counts().head(MAX_VALUES)
    return [
        ValueCount(value=str(value), subjects=int(n))
        for value, n in zip(counts.index, counts.to_numpy(), strict=True)
    ]
