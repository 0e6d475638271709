"""Folding rules: many observations of one subject become one value.

Every rule works on the distinct pairs (subject, value) with their number of
observations, never on rows, and leaves a sentence that the report prints.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from midi_risk.attributes.hierarchy import SET_JOINER
from midi_risk.attributes.model import Kind
from midi_risk.table.distinct import numbered
from midi_risk.table.model import NormalisedColumn


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Distinct (subject, value) pairs of one attribute, sorted by subject then value.

    Parameters
    ----------
    subject, value, count : numpy.ndarray of int64, shape (n_pairs,)
        Subject number, value code, observations of the pair (instances, where rows stand for
        several).
    starts, subjects : numpy.ndarray of int64, shape (n_subjects_seen,)
        First pair of each subject that has a value, and its number.
    """

    subject: np.ndarray
    value: np.ndarray
    count: np.ndarray
    starts: np.ndarray
    subjects: np.ndarray

    @property
    def per_subject(self) -> np.ndarray:
        """Number of distinct values of each subject seen."""
        return np.diff(np.append(self.starts, len(self.subject)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """One attribute with one value per subject.

    Parameters
    ----------
    texts : numpy.ndarray of object, shape (n_subjects,)
        Canonical text or None.
    sentence : str
        What the rule did, without values.
    conflicts : int
        Subjects with more than one distinct value.
    spread : numpy.ndarray of float64 or None, shape (n_subjects,)
        Range of a subject's numbers (0 for one value, NaN for none).
    """

    texts: np.ndarray
    sentence: str
    conflicts: int
    spread: np.ndarray | None = None


def distinct_pairs(
    subject: np.ndarray, value: np.ndarray, n_values: int, weight: np.ndarray | None = None
) -> Pairs:
    """Return the distinct pairs of subject number and value code; -1 is left out.

    Parameters
    ----------
    subject, value : numpy.ndarray of int64, shape (n_rows,)
    n_values : int
    weight : numpy.ndarray of int64, shape (n_rows,), optional
        Observations that each row stands for, 1 when not given.
    """
    seen = (subject >= 0) & (value >= 0)
    key = subject[seen] * max(n_values, 1) + value[seen]
    key, place = numbered(key, (int(subject.max(initial=-1)) + 1) * max(n_values, 1))
    weights = None if weight is None else weight[seen]
    count = np.bincount(place, weights=weights, minlength=len(key))
    subjects_of_pair, values = np.divmod(key, max(n_values, 1))
    starts = np.flatnonzero(np.r_[True, subjects_of_pair[1:] != subjects_of_pair[:-1]])
    starts = starts[: len(key)] if len(key) else starts[:0]
    return Pairs(
        subject=subjects_of_pair,
        value=values,
        count=count.astype(np.int64),
        starts=starts,
        subjects=subjects_of_pair[starts],
    )


def fold_values(kind: Kind, column: NormalisedColumn, pairs: Pairs, n_subjects: int) -> Folded:
    """Fold the pairs of one attribute by the rule of its kind.

    Parameters
    ----------
    kind : Kind
        Age, date and time take the first; numbers the median; sex the most frequent,
        a conflict is reported; everything else the ordered set.
    column : NormalisedColumn
    pairs : Pairs
    n_subjects : int

    Returns
    -------
    Folded
    """
    conflicts = int((pairs.per_subject > 1).sum())
    if kind is Kind.NUMBER:
        return _median(column, pairs, n_subjects, conflicts)
    values = np.full(n_subjects, None, dtype=object)
    if kind in {Kind.AGE, Kind.DATE, Kind.TIME}:
        values[pairs.subjects] = column.text[pairs.value[pairs.starts]]
        word = {Kind.AGE: "first age", Kind.DATE: "first date", Kind.TIME: "earliest time"}[kind]
        return Folded(texts=values, sentence=f"the {word} of each subject", conflicts=conflicts)
    if kind is Kind.SEX:
        order = np.lexsort((pairs.value, -pairs.count, pairs.subject))
        values[pairs.subjects] = column.text[pairs.value[order[pairs.starts]]]
        return Folded(
            texts=values,
            sentence="the value most often recorded; conflicts are findings",
            conflicts=conflicts,
        )
    values[pairs.subjects] = column.text[pairs.value[pairs.starts]]
    ends = np.append(pairs.starts[1:], len(pairs.value))
    for i in np.flatnonzero(pairs.per_subject > 1):
        members = column.text[pairs.value[pairs.starts[i] : ends[i]]]
        values[pairs.subjects[i]] = (
            _tokens(members) if kind is Kind.TEXT else SET_JOINER.join(sorted(members))
        )
    what = "set of words of all texts" if kind is Kind.TEXT else "ordered set of distinct values"
    return Folded(texts=values, sentence=f"the {what} of each subject", conflicts=conflicts)


def _tokens(texts: np.ndarray) -> str:
    """Return the sorted distinct words of several normalised texts."""
    return " ".join(sorted({word for text in texts for word in text.split()}))


def _median(column: NormalisedColumn, pairs: Pairs, n_subjects: int, conflicts: int) -> Folded:
    """Return the median of a subject's distinct numbers and the range."""
    values = np.full(n_subjects, None, dtype=object)
    spread = np.full(n_subjects, np.nan)
    size = pairs.per_subject
    number = column.number[pairs.value]
    ends = pairs.starts + size - 1
    spread[pairs.subjects] = number[ends] - number[pairs.starts] if len(size) else 0
    lower = pairs.starts + (size - 1) // 2
    upper = pairs.starts + size // 2
    values[pairs.subjects] = column.text[pairs.value[lower]]
    for i in np.flatnonzero(lower != upper):
        middle = (number[lower[i]] + number[upper[i]]) / 2
        if np.isfinite(middle):
            values[pairs.subjects[i]] = f"{middle:.12g}"
    return Folded(
        texts=values,
        sentence="the median of a subject's distinct values",
        conflicts=conflicts,
        spread=spread,
    )
