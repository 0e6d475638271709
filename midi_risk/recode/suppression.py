"""Local suppression: single cells set to missing until every record has k matches.

A missing cell matches every value, so the size of a record is the number of records it could
be. The procedure is that of sdcMicro's ``kAnon``, worked from its description; the default
looks again, before each cell, whether the record still needs it. A plan empties cells of rare
subjects this way instead of leaving the subjects out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import floor
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from midi_risk.attributes.model import Attribute
from midi_risk.document.notebook import Card
from midi_risk.errors import SearchError, did_you_mean, listed
from midi_risk.recode.lattice.codes import as_table, column_of, row_count
from midi_risk.recode.search.judge import Solution
from midi_risk.recode.steps import Setting, release_state
from midi_risk.risk.classes.columns import dense_codes
from midi_risk.risk.classes.keys import pack
from midi_risk.risk.classes.wildcard import wildcard_sizes
from midi_risk.table.model import SubjectTable
from midi_risk.table.release import planned, without_cells
from midi_risk.threat.model import ThreatModel

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Column = npt.NDArray[np.int16] | npt.NDArray[np.int32]


class CellPass:
    """A table of codes, column by column, in which single cells are suppressed.

    Parameters
    ----------
    codes : ndarray of int64, shape (rows, keys)
        -1 where missing.
    order : sequence of int
        Keys, the one to suppress first at the head.
    alpha : float
        Share in which a missing value counts as a match.

    Attributes
    ----------
    changed : bool
        Whether a cell was suppressed.
    """

    def __init__(self, codes: Ints, order: Sequence[int], alpha: float) -> None:
        narrow = codes.max(initial=0) < np.iinfo(np.int16).max
        self._columns: list[Column] = [
            column.astype(np.int16) if narrow else column.astype(np.int32) for column in codes.T
        ]
        self._gaps = [bool((column < 0).any()) for column in self._columns]
        self._order = list(order)
        self._alpha = alpha
        self.changed = False

    def table(self) -> Ints:
        """Return the codes as they are now."""
        return np.stack(self._columns, axis=1).astype(np.int64)

    def _differs(self, key: int, value: int) -> Bools:
        """Return which rows have another value, present in both."""
        column = self._columns[key]
        out: Bools = column != value
        if self._gaps[key]:
            out &= column >= 0
        return out

    def _distances(self, row: int) -> npt.NDArray[np.uint8]:
        out = np.zeros(len(self._columns[0]), dtype=np.uint8)
        for key, column in enumerate(self._columns):
            value = int(column[row])
            if value >= 0:
                out += self._differs(key, value).view(np.uint8)
        return out

    def size(self, row: int) -> float:
        """Return how many records a record could be now."""
        apart = np.zeros(len(self._columns[0]), dtype=bool)
        for key, column in enumerate(self._columns):
            if column[row] >= 0:
                apart |= self._differs(key, int(column[row]))
        match = np.flatnonzero(~apart)
        rows = np.stack([column[match].astype(np.int64) for column in self._columns])
        missing = rows < 0
        own = np.array([column[row] for column in self._columns])
        if (own < 0).all():
            return float(len(self._columns[0]))
        gaps = missing.any(axis=0)
        silent = missing.all(axis=0)
        same = (rows == own[:, None]).all(axis=0)
        if not (own < 0).any():
            silent_share = 0.0 if len(own) > 1 else self._alpha
            partial = float((gaps & ~silent).sum()) * self._alpha
            return float((~gaps).sum()) + partial + silent_share * float(silent.sum())
        return float((same | ~gaps).sum()) + self._alpha * float((gaps & ~same).sum())

    def suppress(self, row: int) -> None:
        """Suppress one cell of a record: the first key in which its nearest others differ."""
        distance = self._distances(row)
        others = distance[distance > 0]
        present = [key for key in self._order if self._columns[key][row] >= 0]
        if not present:
            return
        chosen = present[0]
        if others.size:
            nearest = np.flatnonzero(distance == others.min())
            for key in present:
                there = self._columns[key][nearest]
                if ((there != self._columns[key][row]) & (there >= 0)).any():
                    chosen = key
                    break
        self._columns[chosen][row] = -1
        self._gaps[chosen] = True
        self.changed = True


Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalSuppression(Card):
    """Cells to suppress.

    Parameters
    ----------
    keys : tuple of str
        Quasi-identifiers.
    cells : ndarray of bool, shape (N, keys)
        Cells that become missing; those missing before are not among them.
    sizes : ndarray of float, shape (N,)
        Records that each record could be afterwards.
    importance : dict of str to int
        Rank of each key; the highest is suppressed first.
    """

    keys: tuple[str, ...]
    cells: Bools = field(repr=False)
    sizes: Floats = field(repr=False)
    importance: dict[str, int]

    @property
    def total(self) -> int:
        """Number of suppressed cells."""
        return int(self.cells.sum())

    @property
    def by_key(self) -> dict[str, int]:
        """Suppressed cells of each key."""
        return dict(zip(self.keys, self.cells.sum(axis=0).tolist(), strict=True))

    def to_frame(self) -> pd.DataFrame:
        """Return one row per key: suppressed cells and importance."""
        rows = [(key, n, self.importance.get(key)) for key, n in self.by_key.items()]
        return pd.DataFrame(rows, columns=["key", "cells", "importance"])

    def apply(self, data: Any) -> Any:
        """Return a copy of the data with the cells set to missing.

        Parameters
        ----------
        data : table
            As it was given to `local_suppression`.

        Returns
        -------
        pandas.DataFrame, dict or pyarrow.Table
            pandas for pandas, a dict of arrays for a mapping; Arrow for everything else, which
            polars and DuckDB read as it is.
        """
        table = as_table(data)
        if isinstance(table, pa.Table):
            for place, key in enumerate(self.keys):
                column = table.column(key)
                if column.type == pa.string_view():  # which Arrow cannot take from
                    column = column.cast(pa.large_string())
                kept = np.where(self.cells[:, place], -1, np.arange(len(column)))
                places = pa.array(kept, mask=kept < 0)
                at = table.schema.get_field_index(key)
                table = table.set_column(at, key, column.take(places))
            return table
        out = table.copy() if isinstance(table, pd.DataFrame) else dict(table)
        for place, key in enumerate(self.keys):
            out[key] = pd.Series(table[key]).mask(self.cells[:, place])
        return out


def _patterns(codes: Ints) -> tuple[Ints, Ints, Ints]:
    """Return distinct rows, the row number of each record, and counts."""
    widths = codes.max(axis=0, initial=0) + 2
    columns = [codes[:, j] + 1 for j in range(codes.shape[1])]
    _, first, of_row, counts = np.unique(
        pack(columns, widths.tolist(), len(codes))[0],
        return_index=True,
        return_inverse=True,
        return_counts=True,
    )
    return codes[first], of_row.ravel(), counts


def compatible_sizes(codes: Ints, alpha: float) -> Floats:
    """Return how many records each record could be, shape (N,).

    Parameters
    ----------
    codes : ndarray of int64, shape (N, keys)
        -1 where missing.
    alpha : float
        Share in which a missing value counts as a match.
    """
    patterns, of_row, counts = _patterns(codes)
    weights = counts.astype(np.float64)
    return wildcard_sizes(patterns, counts, weights, alpha=alpha).sizes[of_row]


def _first_of_each(codes: Ints, k: int) -> Ints:
    """Return the first k records of every pattern, in the order of the data."""
    _, of_row, _ = _patterns(codes)
    order = np.argsort(of_row, kind="stable")
    starts = np.flatnonzero(np.diff(of_row[order], prepend=-1))
    run = np.diff(starts, append=len(order))
    rank = np.arange(len(order)) - np.repeat(starts, run)
    return np.sort(order[rank < k])


def suppress_codes(
    codes: Ints, k: int, importance: Sequence[int], *, alpha: float, recheck: bool
) -> Ints:
    """Return the codes with cells set to -1 until every record has k matches.

    Parameters
    ----------
    codes : ndarray of int64, shape (N, keys)
    k : int
    importance : sequence of int
        Rank of each key; the highest goes first.
    alpha : float
    recheck : bool
        Skip a record that other suppressions have made safe meanwhile.
    """
    kept = _first_of_each(codes, k)
    table = codes[kept]
    order = sorted(range(codes.shape[1]), key=lambda key: -importance[key])
    while True:
        sizes = compatible_sizes(table, alpha)
        risky = np.flatnonzero(sizes < k)
        if not risky.size:
            break
        work = CellPass(table, order, alpha)
        for row in risky[np.argsort(sizes[risky], kind="stable")].tolist():
            if not (recheck and work.size(row) >= k):
                work.suppress(row)
        if not work.changed:
            break
        table = work.table()
    out = codes.copy()
    out[kept] = table
    return out


def _ranks(
    keys: Sequence[str], codes: Ints, importance: Mapping[str, int] | Sequence[int] | None
) -> list[int]:
    if importance is None:
        levels = codes.max(axis=0, initial=-1)
        ascending = np.argsort(levels, kind="stable")
        ranks = np.empty(len(keys), dtype=np.int64)
        ranks[ascending] = np.arange(1, len(keys) + 1)
        return [int(rank) for rank in ranks]
    if isinstance(importance, Mapping):
        unknown = [name for name in importance if name not in keys]
        if unknown:
            raise SearchError(
                f"importance of unknown '{unknown[0]}'", hint=did_you_mean(unknown[0], keys)
            )
        return [int(importance.get(key, 0)) for key in keys]
    if len(importance) != len(keys):
        raise SearchError("importance needs one rank per key")
    return [int(rank) for rank in importance]


def local_suppression(
    data: Any,
    keys: Sequence[str],
    *,
    k: int | Sequence[int] = 3,
    importance: Mapping[str, int] | Sequence[int] | None = None,
    alpha: float = 1.0,
    strata: str | None = None,
    combs: Sequence[int] | None = None,
    recheck: bool = True,
) -> LocalSuppression:
    """Return the cells to suppress so that every record has k matches.

    Parameters
    ----------
    data : table, shape (N, columns)
        pandas, polars, Arrow, a DuckDB relation or a mapping of arrays.
    keys : sequence of str
        Quasi-identifiers.
    k : int or sequence of int
        Matches that each record needs; with ``combs`` one number per subset size.
    importance : mapping of str to int, or sequence of int, optional
        Rank of each key; the highest is suppressed first, 1 is kept longest. By default the
        keys with most values go first.
    alpha : float
        Share in which a missing value counts as a match.
    strata : str, optional
        Column; k holds within each of its values.
    combs : sequence of int, optional
        Make each subset of the keys of these sizes safe in turn, instead of all keys at once;
        later subsets may undo earlier ones.
    recheck : bool
        Look again before each cell whether the record needs it. False gives the cells of
        sdcMicro; True never suppresses more.

    Returns
    -------
    LocalSuppression

    Raises
    ------
    SearchError
        For an unknown column, no keys, or k above the number of records.

    References
    ----------
    Templ, Kowarik, Meindl, J Stat Softw 2015;67(4), doi:10.18637/jss.v067.i04.

    Examples
    --------
    >>> people = pd.DataFrame({"sex": list("FFMMM"), "age": [30, 30, 50, 50, 60]})
    >>> local_suppression(people, ["sex", "age"], k=2).by_key
    {'sex': 0, 'age': 1}
    """
    data, keys = as_table(data), listed("keys", keys)
    _check(row_count(data), keys, strata, alpha)
    columns = [dense_codes(column_of(data, key))[0] for key in keys]
    codes = np.stack(columns, axis=1)
    ranks = _ranks(keys, codes, importance)
    rounds = _rounds(len(keys), k, combs)
    groups = [np.arange(len(codes))]
    if strata is not None:
        of_row = dense_codes(column_of(data, strata))[0]
        groups = [np.flatnonzero(of_row == group) for group in np.unique(of_row).tolist()]
    for wanted, _ in rounds:
        if wanted > min(len(group) for group in groups):
            raise SearchError(
                f"k = {wanted} exceeds the number of records" + (" of a stratum" if strata else ""),
                hint="Lower k or join strata",
            )
    results = [
        _suppressed(codes, ranks, rounds, groups, alpha=alpha, recheck=again)
        for again in ([True, False] if recheck else [False])
    ]
    fewest = min(results, key=lambda result: int((result != codes).sum()))
    return LocalSuppression(
        keys=tuple(keys),
        cells=fewest != codes,
        sizes=compatible_sizes(fewest, alpha),
        importance=dict(zip(keys, ranks, strict=True)),
    )


def _check(records: int, keys: Sequence[str], strata: str | None, alpha: float) -> None:
    if not len(keys) or not records:
        raise SearchError("local suppression needs records and keys")
    if len(set(keys)) < len(keys) or strata in keys:
        raise SearchError("a column is given twice", hint="List each key once")
    if not 0 <= alpha <= 1:
        raise SearchError("alpha must lie between 0 and 1")


def _each(k: int | Sequence[int]) -> list[int]:
    given = [k] if isinstance(k, int | np.integer) else listed("class sizes k", k)
    if not all(isinstance(one, int | np.integer) for one in given):
        raise SearchError("k must be a whole number, or one for each subset size")
    return [int(one) for one in given]


def _rounds(
    keys: int, k: int | Sequence[int], combs: Sequence[int] | None
) -> list[tuple[int, tuple[int, ...]]]:
    """Return k and key positions of each round."""
    wanted = _each(k)
    if any(one < 1 for one in wanted):
        raise SearchError("k must be at least 1")
    if combs is None:
        if len(wanted) != 1:
            raise SearchError("several k need as many subset sizes in combs")
        return [(wanted[0], tuple(range(keys)))]
    if len(wanted) == 1:
        wanted = wanted * len(combs)
    if len(wanted) != len(combs) or any(not 1 <= size <= keys for size in combs):
        raise SearchError("combs needs sizes from 1 to the number of keys, and one k for each")
    return [
        (one, subset)
        for one, size in zip(wanted, combs, strict=True)
        for subset in combinations(range(keys), size)
    ]


def _suppressed(
    codes: Ints,
    ranks: Sequence[int],
    rounds: Sequence[tuple[int, tuple[int, ...]]],
    groups: Sequence[Ints],
    *,
    alpha: float,
    recheck: bool,
) -> Ints:
    out = codes.copy()
    for group in groups:
        for k, subset in rounds:
            part = np.ix_(group, np.array(subset))
            chosen = [ranks[key] for key in subset]
            out[part] = suppress_codes(out[part], k, chosen, alpha=alpha, recheck=recheck)
    return out


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
        importance=_importance_ranks(free, kept),
        strata=_STRATUM,
    )
    keys = kept.index.to_numpy(dtype=object)
    subjects = {
        name: tuple(str(key) for key in keys[found.cells[:, place]])
        for place, name in enumerate(found.keys)
        if found.cells[:, place].any()
    }
    return EmptiedCells(subjects=subjects, hidden=np.asarray(hidden, dtype=bool))


def _importance_ranks(free: Sequence[Attribute], frame: pd.DataFrame) -> dict[str, int]:
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
