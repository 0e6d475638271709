"""Every combination of attributes: unsafe cells, uniques, distinction and separation.

Which knowledge is dangerous, rather than whether all knowledge together is. Motwani & Xu 2007
(distinction, separation); unsafe combinations as in mu-Argus, Hundepool et al. 2012,
doi:10.1002/9781118348239. A missing value is a value of its own here.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from midi_risk.document.notebook import Card
from midi_risk.errors import MeasureError
from midi_risk.risk.classes.columns import IntArray, as_names, read_columns
from midi_risk.risk.classes.keys import first_records, group, pack

_COUNTING_FACTOR = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class CombinationRisk(Card):
    """What one combination of attributes tells apart.

    Parameters
    ----------
    attributes : tuple
        Names of the columns.
    classes : int
        Distinct combinations of values.
    unique : int
        Records that no other record equals.
    k : int
        Smallest accepted class size.
    cells_below, records_below : int
        Classes smaller than k, and records in them.
    distinction : float
        Classes / records.
    separation : float
        Share of pairs of records that differ; 0 for a single record.
    """

    attributes: tuple[Hashable, ...]
    classes: int
    unique: int
    k: int
    cells_below: int
    records_below: int
    distinction: float
    separation: float


def combination_risks(
    data: Any,
    attributes: Hashable | Sequence[Hashable],
    *,
    k: int | Mapping[int, int] = 2,
    max_size: int | None = None,
    max_combinations: int = 1 << 14,
) -> tuple[CombinationRisk, ...]:
    """Assess every combination of up to `max_size` attributes.

    Parameters
    ----------
    data : table
        As in `equivalence_classes`.
    attributes : hashable or sequence of hashable
        Column names.
    k : int or mapping of int to int
        Smallest accepted class size, or one per size of combination. A class is unsafe when
        it is smaller than k; mu-Argus and sdcMicro write the same as frequency <= k - 1.
    max_size : int, optional
        Largest combination; all sizes by default.
    max_combinations : int
        Refuse to look at more than this.

    Returns
    -------
    tuple of CombinationRisk
        By size, then in the order of the columns.

    Raises
    ------
    MeasureError
        If there are no records or attributes, or too many combinations.

    Examples
    --------
    >>> table = {"age": [61, 61, 70], "sex": ["M", "M", "M"]}
    >>> for risk in combination_risks(table, ["age", "sex"]):
    ...     print(risk.attributes, risk.unique, round(risk.separation, 3))
    ('age',) 1 0.667
    ('sex',) 0 0.0
    ('age', 'sex') 1 0.667
    """
    names = as_names(attributes, what="attributes")
    n, columns = read_columns(data, names)
    if not names or not n:
        raise MeasureError("Combinations need at least one attribute and one record")
    m = len(names)
    largest = m if max_size is None else min(max_size, m)
    if largest < 1:
        raise MeasureError("The largest combination must have at least one attribute")
    total = sum(comb(m, size) for size in range(1, largest + 1))
    if total > max_combinations:
        raise MeasureError(
            f"{m} attributes have {total} combinations of up to {largest}",
            hint="Lower max_size or leave attributes out",
        )
    sizes = range(1, largest + 1)
    limits = {s: k.get(s, max(k.values())) if isinstance(k, Mapping) else k for s in sizes}
    cards = [column.cardinality + 1 for column in columns]
    shifted = [column.codes.astype(np.int64) + 1 for column in columns]
    groups = group(*pack(shifted, cards, n))
    chosen = first_records(groups)
    patterns = [column[chosen] for column in shifted]
    found = []
    for size in sizes:
        for subset in combinations(range(m), size):
            classes = _weighted_sizes(
                *pack([patterns[j] for j in subset], [cards[j] for j in subset], len(chosen)),
                groups.sizes,
            )
            found.append(_summary(tuple(names[j] for j in subset), classes, n, limits[size]))
    return tuple(found)


def combinations_frame(risks: Sequence[CombinationRisk]) -> pd.DataFrame:
    """Return combinations as a table, one row each, without any value.

    Parameters
    ----------
    risks : sequence of CombinationRisk

    Returns
    -------
    pandas.DataFrame

    Examples
    --------
    >>> from midi_risk.risk import combination_risks
    >>> table = {"sex": ["F", "F", "M"], "age": [61, 62, 61]}
    >>> frame = combinations_frame(combination_risks(table, ["sex", "age"], k=2))
    >>> len(frame)
    3
    """
    fields = ("classes", "unique", "k", "cells_below", "records_below")
    rows = [
        {
            "attributes": " + ".join(map(str, risk.attributes)),
            **{name: getattr(risk, name) for name in fields},
            "distinction": risk.distinction,
            "separation": risk.separation,
        }
        for risk in risks
    ]
    return pd.DataFrame(rows)


def _summary(names: tuple[Hashable, ...], sizes: IntArray, n: int, k: int) -> CombinationRisk:
    below = sizes < k
    # Pairs in Python integers: no overflow however large the classes.
    together = (
        int(np.dot(sizes, sizes - 1)) if n < 1 << 31 else sum(s * (s - 1) for s in sizes.tolist())
    )
    pairs = n * (n - 1)
    return CombinationRisk(
        attributes=names,
        classes=len(sizes),
        unique=int(np.count_nonzero(sizes == 1)),
        k=k,
        cells_below=int(np.count_nonzero(below)),
        records_below=int(sizes[below].sum()),
        distinction=len(sizes) / n,
        separation=(pairs - together) / pairs if pairs else 0.0,
    )


def _weighted_sizes(key: IntArray, capacity: int, counts: npt.NDArray[Any]) -> IntArray:
    """Add the counts up by key, in the order of the keys."""
    if capacity <= _COUNTING_FACTOR * len(key):
        totals = np.bincount(key, counts, minlength=capacity)
        return totals[totals > 0].astype(np.int64)
    bits = int(counts.max()).bit_length()
    if capacity.bit_length() + bits <= 63:
        packed = key << bits
        packed |= counts
        packed.sort()
        ordered, held = packed >> bits, packed & ((1 << bits) - 1)
    else:
        order = np.argsort(key, kind="stable")
        ordered, held = key[order], counts[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    sums: IntArray = np.add.reduceat(held, starts)
    return sums


Statistic = Literal["max", "mean", "at_risk"]

_KEPT = 20_000_000


class SubsetRisk:
    """Risk of every subset of attributes, from class codes that grow one column at a time.

    Parameters
    ----------
    codes : array_like of int
        Codes of the attributes, shape (n, q); equal codes are equal values, missing is a
        value of its own (any code, such as -1).
    statistic : {"max", "mean", "at_risk"}
        ``1 / smallest class``, ``classes / n``, or share of subjects in classes below k.
    k : int
        Class size that is required, for ``at_risk``.
    """

    def __init__(self, codes: ArrayLike, *, statistic: Statistic = "mean", k: int = 11) -> None:
        table = np.asarray(codes, dtype=np.int64)
        if table.ndim != 2 or len(table) == 0:
            raise MeasureError("contributions need at least one subject and one attribute")
        columns = [np.unique(column, return_inverse=True)[1] for column in table.T]
        whole = _join(np.zeros(len(table), dtype=np.int64), columns)
        _, first, self._weight = np.unique(whole, return_index=True, return_counts=True)
        self._columns = [np.asarray(column[first], dtype=np.int64) for column in columns]
        self._n = len(table)
        self._statistic, self._k = statistic, k
        self._codes: dict[tuple[int, ...], NDArray[np.int64]] = {
            (): np.zeros(len(first), dtype=np.int64)
        }

    def __call__(self, subset: tuple[int, ...]) -> float:
        """Return the risk of an ascending tuple of attribute numbers."""
        code = self._code(subset)
        sizes = np.bincount(code, weights=self._weight)
        if self._statistic == "mean":
            return len(sizes) / self._n
        if self._statistic == "max":
            return float(1 / sizes.min())
        return float(sizes[sizes < self._k].sum() / self._n)

    def _code(self, subset: tuple[int, ...]) -> NDArray[np.int64]:
        found = self._codes.get(subset)
        if found is None:
            found = _join(self._code(subset[:-1]), [self._columns[subset[-1]]])
            if len(self._codes) * found.size < _KEPT:
                self._codes[subset] = found
        return found


def _join(code: NDArray[np.int64], columns: list[NDArray[np.intp]]) -> NDArray[np.int64]:
    """Return codes 0, 1, 2... of the pairs of a code and each further column."""
    for column in columns:
        joined = code * (int(column.max(initial=0)) + 1) + column
        top = int(joined.max(initial=0)) + 1
        if top <= 4 * joined.size + 1024:  # a table of the pairs beats sorting them
            present = np.zeros(top, dtype=np.int64)
            present[joined] = 1
            code = (np.cumsum(present) - 1)[joined]
        else:
            code = np.asarray(np.unique(joined, return_inverse=True)[1], dtype=np.int64)
    return code
