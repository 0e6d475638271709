"""What two releases tell together: classes on the union of attributes, and who only one has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from midi_risk.table.model import SubjectTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Risk of some subjects.

    Parameters
    ----------
    subjects : int
    largest : float
    total : float
        Sum over them: the expected number of those who are found.
    """

    subjects: int
    largest: float
    total: float


NOBODY = Figures(subjects=0, largest=0.0, total=0.0)


def _figures(frame: pd.DataFrame) -> Figures:
    """Return one over the class size of each row; rows without columns are one class."""
    n = len(frame)
    if not n:
        return NOBODY
    if not frame.shape[1]:
        return Figures(subjects=n, largest=1 / n, total=1.0)
    texts = frame.astype(object).where(frame.notna(), "").astype(str)
    sizes = texts.groupby(list(texts.columns), sort=False)[texts.columns[0]].transform("size")
    risk = 1 / sizes.to_numpy(dtype=np.float64)
    return Figures(subjects=n, largest=float(risk.max()), total=float(risk.sum()))


def union_risk(
    view: SubjectTable,
    names: Sequence[str],
    known: Mapping[str, Sequence[str]],
) -> Figures:
    """Return the risk of subjects who are in two releases, on the attributes of both.

    Whoever holds both joins their rows, so that only those who are in both and agree in all that
    either says are as one.

    Parameters
    ----------
    view : SubjectTable
        As it would be released.
    names : sequence of str
        Its quasi-identifiers.
    known : mapping of str to sequence of str
        Subject -> what the other release says; those who are not in `view` do not leave.

    Notes
    -----
    Where none of them is in the view, its keys were replaced, nobody knows whose rows they are,
    and each is taken as found.

    Examples
    --------
    >>> union_risk(_table("F", "F", "M"), ["sex"], {"0": ["A"], "1": ["B"]}).largest
    1.0
    """
    keys = [str(key) for key in view.frame.index]
    here = [i for i, key in enumerate(keys) if key in known]
    if not here:
        return (
            Figures(subjects=len(known), largest=1.0, total=float(len(known))) if known else NOBODY
        )
    own = (
        view.frame[[n for n in names if n in view.frame.columns]].iloc[here].reset_index(drop=True)
    )
    other = pd.DataFrame([list(known[keys[i]]) for i in here])
    joined = pd.concat([own, other], axis=1)
    joined.columns = pd.RangeIndex(joined.shape[1])
    return _figures(joined)


def added_risk(view: SubjectTable, names: Sequence[str], both: Iterable[str]) -> Figures:
    """Return the risk of the subjects whom only this edition has, among each other.

    Whoever knows that somebody came later looks among these alone.

    Parameters
    ----------
    view : SubjectTable
    names : sequence of str
    both : iterable of str
        Subjects who are in the other edition too.
    """
    there = set(both)
    added = [i for i, key in enumerate(view.frame.index) if str(key) not in there]
    columns = [n for n in names if n in view.frame.columns]
    return _figures(view.frame[columns].iloc[added].reset_index(drop=True))


def _table(*values: str) -> SubjectTable:
    """Return a small table for the example."""
    from midi_risk.table.frame import subject_table  # noqa: PLC0415

    frame = pd.DataFrame({"id": [str(i) for i in range(len(values))], "sex": values})
    return subject_table(frame, quasi=["sex"], key="id")
