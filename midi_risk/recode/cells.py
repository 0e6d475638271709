"""Emptying single cells of rare subjects instead of leaving the subjects out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor

import numpy as np
import pandas as pd

from midi_risk.attributes.model import Attribute
from midi_risk.errors import SearchError
from midi_risk.recode.plan_state import release_state
from midi_risk.recode.planned import planned
from midi_risk.recode.setting import Setting
from midi_risk.recode.solution import Solution
from midi_risk.recode.suppression import local_suppression
from midi_risk.table.model import SubjectTable
from midi_risk.table.release import without_cells
from midi_risk.threat.model import ThreatModel

_STRATUM = "stratum of what may not be emptied"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptiedCells:
    """Cells that a plan empties, and the subjects that it must leave out all the same.

    Parameters
    ----------
    subjects : mapping of str to tuple of str
        Attribute -> keys of the subjects whose cell is emptied.
    hidden : numpy.ndarray of bool, shape (n_subjects,)
        Subjects that are too rare on what may not be emptied.
    """

    subjects: Mapping[str, tuple[str, ...]]
    hidden: np.ndarray

    @property
    def total(self) -> int:
        """Number of emptied cells."""
        return sum(map(len, self.subjects.values()))

    def __repr__(self) -> str:
        """Return counts only, never keys."""
        return f"EmptiedCells({self.total} cells, {int(self.hidden.sum())} subjects left out)"


def check_policy(table: SubjectTable) -> None:
    """Refuse to empty cells where an empty cell would be a value of its own.

    Raises
    ------
    SearchError
    """
    if table.missing != "wildcard":
        raise SearchError(
            "emptying single cells needs 'missing: wildcard'",
            hint="Under 'category' an empty cell is a value of its own, which can be rare",
        )


def emptied_cells(
    left: SubjectTable,
    attributes: Sequence[Attribute],
    k: int,
    *,
    fixed: frozenset[str],
    max_suppression: float,
) -> EmptiedCells | None:
    """Return the cells to empty so that every subject has k matches.

    Parameters
    ----------
    left : SubjectTable
        As the levels of the plan leave it, nobody left out.
    attributes : sequence of Attribute
        Those that make the classes; the one of least utility is emptied first, then the one
        with most values.
    k : int
    fixed : frozenset of str
        Attributes that may not be emptied: subjects rarer than k on them are left out.
    max_suppression : float
        Share of subjects that may be left out.

    Returns
    -------
    EmptiedCells or None
        None when nothing may be emptied or too many subjects would have to be left out.

    Notes
    -----
    Never more cells than sdcMicro's ``kAnon`` on the same table; see `local_suppression`.
    """
    shown = [a for a in attributes if a.name in left.frame.columns]
    free = [a for a in shown if a.name not in fixed]
    if not free:
        return None
    frame = left.frame[[a.name for a in free]].copy()
    held = [left.frame[a.name] for a in shown if a.name in fixed]
    stratum = np.zeros(len(frame), dtype=np.int64)
    for column in held:
        codes = pd.factorize(column, use_na_sentinel=True)[0] + 1
        stratum = np.unique(np.column_stack([stratum, codes]), axis=0, return_inverse=True)[1]
        stratum = stratum.reshape(-1).astype(np.int64)
    hidden = np.bincount(stratum)[stratum] < k
    if hidden.sum() > floor(max_suppression * len(frame) + 1e-9) or hidden.all():
        return None
    frame[_STRATUM] = stratum
    kept = frame.loc[~hidden]
    found = local_suppression(
        kept,
        [a.name for a in free],
        k=k,
        importance=_ranks(free, kept),
        strata=_STRATUM,
    )
    keys = kept.index.to_numpy(dtype=object)
    subjects = {
        name: tuple(str(key) for key in keys[found.cells[:, place]])
        for place, name in enumerate(found.keys)
        if found.cells[:, place].any()
    }
    return EmptiedCells(subjects=subjects, hidden=np.asarray(hidden, dtype=bool))


def _ranks(free: Sequence[Attribute], frame: pd.DataFrame) -> dict[str, int]:
    """Return the rank of each attribute; the highest is emptied first."""
    order = sorted(free, key=lambda a: (-a.utility, int(frame[a.name].nunique()), a.name))
    return {a.name: rank for rank, a in enumerate(order, start=1)}


def accepted_cells(
    table: SubjectTable,
    setting: Setting,
    solution: Solution,
    models: Sequence[ThreatModel],
    k: int,
    max_suppression: float,
) -> EmptiedCells | None:
    """Return the cells to empty at a solution, None where an adversary would not accept it.

    Parameters
    ----------
    table : SubjectTable
        As folded.
    setting : Setting
    solution : Solution
        Its levels are taken; its hidden subjects are looked at again.
    models : sequence of ThreatModel
    k : int
    max_suppression : float
    """
    whole = planned(table, solution.levels, setting.hierarchies)
    found = emptied_cells(
        whole, setting.attributes, k, fixed=setting.keep, max_suppression=max_suppression
    )
    if found is None:
        return None
    left = planned(table, solution.levels, setting.hierarchies, found.hidden)
    passed = release_state(without_cells(left, found.subjects), models, k).passed
    return found if passed else None
