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
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.errors import MeasureError
from midi_risk.risk.columns import IntArray, as_names, read_columns
from midi_risk.risk.packing import first_records, group, pack

_COUNTING_FACTOR = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class CombinationRisk:
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
