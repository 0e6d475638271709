"""Special uniques: minimal sample uniques, SUDA and DIS-SUDA.

A minimal sample unique (MSU) is a set of attributes whose values only this record has, while no
smaller part of them is unique. Elliot, Manning, Ford 2002, doi:10.1142/S0218488502001594;
Manning, Haglin, Keane 2008, doi:10.1007/s10618-007-0078-6; Skinner & Elliot 2002,
doi:10.1111/1467-9868.00365.

The search goes level by level over subsets. A record enters one only while it is not unique on any
smaller part, so what is unique there is minimal. Dropping it from all larger subsets changes nobody
else's count: records equal on a subset are equal on its parts.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import comb, factorial
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.document.notebook import Card
from midi_risk.errors import MeasureError
from midi_risk.risk.classes.columns import CodedColumn, FloatArray, IntArray, as_names, read_columns
from midi_risk.risk.classes.keys import first_records, group, pack

_COUNTING_FACTOR = 8
BoolArray = npt.NDArray[np.bool_]


class MinimalUniques(NamedTuple):
    """Minimal sample uniques of each pattern.

    `score`, `msus`, `smallest` and `row` have shape (u,); `sizes` counts them by size;
    ``by_attribute[row[i]]`` holds the weight of those of pattern i by attribute.
    """

    score: FloatArray
    msus: IntArray
    smallest: IntArray
    sizes: dict[int, int]
    row: IntArray
    by_attribute: FloatArray


def minimal_uniques(
    codes: Sequence[npt.NDArray[Any]],
    cardinalities: Sequence[int],
    single: BoolArray,
    largest: int,
    weights: FloatArray,
) -> MinimalUniques:
    """Find every minimal sample unique up to a size.

    Parameters
    ----------
    codes : sequence of numpy.ndarray of shape (u,)
        Distinct patterns, -1 where missing.
    cardinalities : sequence of int
        Number of codes of each column.
    single : numpy.ndarray of shape (u,)
        Patterns that exactly one record has; only these can be unique.
    largest : int
        Largest size.
    weights : numpy.ndarray of shape (m + 1,)
        Weight by size.

    Returns
    -------
    MinimalUniques
    """
    m, u = len(codes), len(single)
    columns = [
        np.ascontiguousarray(_narrow(column, c))
        for column, c in zip(codes, cardinalities, strict=True)
    ]
    tally = _Tally(single, m, largest, weights)
    previous: dict[tuple[int, ...], BoolArray] = {(): np.ones(u, dtype=bool)}
    for size in range(1, largest + 1):
        current: dict[tuple[int, ...], BoolArray] = {}
        found: list[tuple[tuple[int, ...], IntArray]] = []
        for subset in combinations(range(m), size):
            alive = _alive(previous, subset, columns)
            if alive is None:
                continue
            index = np.flatnonzero(alive)
            chosen = single[index]
            if not chosen.any():
                continue
            unique = index[
                _lonely([columns[j][index] for j in subset], [cardinalities[j] for j in subset])
                & chosen
            ]
            if len(unique):
                found.append((subset, unique))
                alive[unique] = False
            if size < largest:
                current[subset] = alive
        tally.add(size, found)
        if not current:
            break
        previous = current
    return tally.result()


class _Tally:
    """Adds the minimal sample uniques up, one size at a time."""

    def __init__(self, single: BoolArray, m: int, largest: int, weights: FloatArray) -> None:
        u = len(single)
        self.row = np.cumsum(single, dtype=np.int64) - 1
        self.weights = weights
        self.score = np.zeros(u)
        self.msus = np.zeros(u, dtype=np.int64)
        self.smallest = np.zeros(u, dtype=np.int64)
        self.by_attribute = np.zeros((m, int(single.sum())))
        self.sizes = dict.fromkeys(range(1, largest + 1), 0)

    def add(self, size: int, found: Sequence[tuple[tuple[int, ...], IntArray]]) -> None:
        """Add the uniques of one size: pairs of subset and patterns unique on it."""
        if not found:
            return
        every = np.bincount(np.concatenate([rows for _, rows in found]), minlength=len(self.msus))
        self.sizes[size] = int(every.sum())
        self.score += self.weights[size] * every
        self.msus += every
        self.smallest[(self.smallest == 0) & (every > 0)] = size
        for j in range(len(self.by_attribute)):
            holding = [self.row[rows] for subset, rows in found if j in subset]
            if holding:
                held = np.bincount(np.concatenate(holding), minlength=self.by_attribute.shape[1])
                self.by_attribute[j] += self.weights[size] * held

    def result(self) -> MinimalUniques:
        """Return what was added."""
        return MinimalUniques(
            self.score, self.msus, self.smallest, self.sizes, self.row, self.by_attribute.T
        )


def _alive(
    previous: dict[tuple[int, ...], BoolArray],
    subset: tuple[int, ...],
    columns: Sequence[npt.NDArray[Any]],
) -> BoolArray | None:
    """Patterns that have all values of the subset and are unique on no part of it."""
    if len(subset) == 1:
        return columns[subset[0]] >= 0
    parts = [previous.get(subset[:i] + subset[i + 1 :]) for i in range(len(subset))]
    if any(part is None for part in parts):
        return None
    alive: BoolArray = parts[0] & parts[1]  # type: ignore[operator]
    for part in parts[2:]:
        alive &= part  # type: ignore[arg-type]
    return alive


def _narrow(column: npt.NDArray[Any], cardinality: int) -> npt.NDArray[Any]:
    """Codes in the narrowest signed type: the search reads them many times."""
    for kind in (np.int8, np.int16, np.int32):
        if cardinality <= np.iinfo(kind).max:
            return column.astype(kind)
    return column.astype(np.int64)


def _lonely(codes: Sequence[npt.NDArray[Any]], cardinalities: Sequence[int]) -> BoolArray:
    """Mark the rows whose combination no other row has."""
    n = len(codes[0])
    key, capacity = pack(codes, cardinalities, n)
    if capacity <= _COUNTING_FACTOR * n:
        return _single_keys(key, capacity)
    bits = max(n - 1, 1).bit_length()
    if capacity.bit_length() + bits > 63:
        key, capacity = np.unique(key, return_inverse=True)[1], n
        return _single_keys(key, capacity)
    packed = key << bits
    packed |= np.arange(n)
    packed.sort()
    ordered = packed >> bits
    packed &= (1 << bits) - 1
    differs = np.empty(n + 1, dtype=bool)
    differs[0] = differs[-1] = True
    np.not_equal(ordered[1:], ordered[:-1], out=differs[1:-1])
    lonely = np.zeros(n, dtype=bool)
    lonely[packed[differs[1:] & differs[:-1]]] = True
    return lonely


def _single_keys(key: IntArray, capacity: int) -> BoolArray:
    counts = np.bincount(key, minlength=capacity)
    once: BoolArray = counts[key] == 1
    return once


_MOST_SUBSETS = 1 << 18
_MOST_CELLS = 6_000_000_000

Weighting = Literal["elliot", "ihsn"]


@dataclass(frozen=True, kw_only=True, eq=False)
class SudaResult(Card):
    """Special uniqueness of each record.

    Parameters
    ----------
    attributes : tuple
        Names of the attributes.
    score : numpy.ndarray of shape (n,)
        Sum of the weights of the record's MSUs.
    dis_score : numpy.ndarray of shape (n,)
        DIS-SUDA. It orders records; it is not a probability to compare with a threshold.
    msu_count, smallest_msu : numpy.ndarray of shape (n,)
        Number of MSUs and size of the smallest; 0 without any.
    msu_sizes : dict
        Number of MSUs of each size.
    records : numpy.ndarray of shape (c,)
        Records with a positive score.
    weight_by_attribute : numpy.ndarray of shape (c, m)
        Summed weight of the MSUs of these records that hold each attribute.
    """

    attributes: tuple[Hashable, ...]
    score: FloatArray
    dis_score: FloatArray
    msu_count: IntArray
    smallest_msu: IntArray
    msu_sizes: dict[int, int]
    records: IntArray
    weight_by_attribute: FloatArray
    columns: tuple[CodedColumn, ...] = field(repr=False, default=())

    def __repr__(self) -> str:
        """Say how many, never which."""
        return (
            f"<SudaResult: {len(self.score)} records, {sum(self.msu_sizes.values())} minimal "
            f"sample uniques on {len(self.records)} records>"
        )

    def record_contributions(self) -> FloatArray:
        """Return the share of each record's score that involves each attribute, (n, m).

        Rows do not add up to 1: an MSU counts for each of its attributes.
        """
        shares = np.zeros((len(self.score), len(self.attributes)))
        shares[self.records] = self.weight_by_attribute / self.score[self.records, None]
        return shares

    def attribute_contributions(self) -> dict[Hashable, float]:
        """Return the share of the total score that involves each attribute."""
        total = float(self.score.sum())
        weights = self.weight_by_attribute.sum(axis=0)
        shares = weights / total if total else weights
        return {name: float(s) for name, s in zip(self.attributes, shares, strict=True)}

    def value_contributions(self) -> pd.DataFrame:
        """Return, per attribute, the share of its score that each value carries.

        This table holds values of the data: keep it internal.
        """
        parts = []
        for j, column in enumerate(self.columns):
            codes = column.codes[self.records].astype(np.int64)
            held = codes >= 0
            total = np.bincount(
                codes[held], self.weight_by_attribute[held, j], minlength=column.cardinality
            )
            occurs = np.bincount(column.codes[column.codes >= 0], minlength=column.cardinality) > 0
            whole = total.sum()
            parts.append(
                pd.DataFrame(
                    {
                        "attribute": column.name,
                        "value": pd.Series(column.labels[occurs].tolist(), dtype=object),
                        "contribution": (total / whole if whole else total)[occurs],
                    }
                )
            )
        return pd.concat(parts, ignore_index=True)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per record, without any value."""
        return pd.DataFrame(
            {
                "score": self.score,
                "dis_score": self.dis_score,
                "msu": self.msu_count,
                "smallest_msu": self.smallest_msu,
            }
        )


def suda(
    data: Any,
    attributes: Hashable | Sequence[Hashable],
    *,
    max_size: int | None = None,
    weighting: Weighting = "elliot",
    sampling_fraction: float = 0.01,
) -> SudaResult:
    """Score the special uniqueness of each record (SUDA2, exact).

    A missing value is no item of an MSU, but two records that miss the same values and agree
    on the rest are alike.

    Parameters
    ----------
    data : table
        As in `equivalence_classes`.
    attributes : hashable or sequence of hashable
        Column names, m of them.
    max_size : int, optional
        Largest MSU to look for; all sizes by default.
    weighting : {"elliot", "ihsn"}
        Weight of an MSU of size s: ``(m-s)!/(m-M)!`` with M = `max_size`, or
        ``(2^(m-s) - 1) s! (m-s)! / m!``.
    sampling_fraction : float
        Share of the population in the sample, for DIS-SUDA, in (0, 1).

    Returns
    -------
    SudaResult

    Raises
    ------
    MeasureError
        If there is no attribute, a parameter is out of range, or the combinations are too many.

    Examples
    --------
    >>> table = {"a": [1, 1, 2, 2, 1], "b": [1, 1, 1, 2, 2], "c": [1, 1, 1, 1, 2]}
    >>> suda(table, ["a", "b", "c"]).score.tolist()
    [0.0, 0.0, 1.0, 2.0, 3.0]
    """
    names = as_names(attributes, what="attributes")
    if not names:
        raise MeasureError("SUDA needs at least one attribute")
    m = len(names)
    largest = m if max_size is None else max_size
    if not 1 <= largest <= m:
        raise MeasureError("The largest size must lie between 1 and the number of attributes")
    if not 0 < sampling_fraction < 1:
        raise MeasureError("The sampling fraction must lie between 0 and 1")
    n, columns = read_columns(data, names)
    weights = msu_weights(m, largest, weighting)
    shifted = [column.codes.astype(np.int64) + 1 for column in columns]
    groups = group(*pack(shifted, [column.cardinality + 1 for column in columns], n))
    chosen = first_records(groups)
    _check_size(m, largest, len(chosen))
    found = minimal_uniques(
        [column.codes[chosen] for column in columns],
        [column.cardinality for column in columns],
        groups.sizes == 1,
        largest,
        weights,
    )
    return _result(tuple(names), tuple(columns), n, chosen, groups.sizes, found, sampling_fraction)


def _check_size(m: int, largest: int, patterns: int) -> None:
    """Refuse a search that would not end or not fit memory."""
    levels = [comb(m, size) for size in range(1, largest + 1)]
    if sum(levels) > _MOST_SUBSETS or max(levels) * patterns > _MOST_CELLS:
        raise MeasureError(
            f"SUDA on {m} attributes up to size {largest} has {sum(levels)} combinations",
            hint="Lower max_size or leave attributes out",
        )


def msu_weights(m: int, largest: int, weighting: Weighting = "elliot") -> FloatArray:
    """Return the weight of an MSU by its size.

    Parameters
    ----------
    m : int
        Number of attributes.
    largest : int
        Largest size looked for.
    weighting : {"elliot", "ihsn"}

    Returns
    -------
    numpy.ndarray of shape (m + 1,)
        Index = size; index 0 is 0.
    """
    weights = np.zeros(m + 1)
    for size in range(1, largest + 1):
        if weighting == "elliot":
            weights[size] = factorial(m - size) // factorial(m - largest)
        elif weighting == "ihsn":
            ways = (2 ** (m - size) - 1) * factorial(size) * factorial(m - size)
            weights[size] = ways / factorial(m)
        else:
            raise MeasureError("The weighting is 'elliot' or 'ihsn'")
    return weights


def data_intrusion_simulation(uniques: int, pairs: int, sampling_fraction: float) -> float:
    """Compute DIS, the probability that a match with a sample unique is correct.

    Parameters
    ----------
    uniques : int
        Sample uniques U.
    pairs : int
        Classes of size two; P is twice this.
    sampling_fraction : float
        pi in (0, 1].

    Returns
    -------
    float
        ``pi U / (pi U + (1 - pi) P)``.

    Raises
    ------
    MeasureError
        If there are neither uniques nor pairs.

    Examples
    --------
    >>> round(data_intrusion_simulation(1, 1, 0.1), 4)
    0.0526
    """
    if not uniques and not pairs:
        raise MeasureError("DIS is not defined without sample uniques and pairs")
    if not 0 < sampling_fraction <= 1:
        raise MeasureError("The sampling fraction must lie in (0, 1]")
    hit = sampling_fraction * uniques
    return hit / (hit + (1 - sampling_fraction) * 2 * pairs)


def _result(
    names: tuple[Hashable, ...],
    columns: tuple[CodedColumn, ...],
    n: int,
    chosen: IntArray,
    counts: npt.NDArray[Any],
    found: MinimalUniques,
    fraction: float,
) -> SudaResult:
    score = np.zeros(n)
    score[chosen] = found.score
    msus = np.zeros(n, dtype=np.int64)
    msus[chosen] = found.msus
    smallest = np.zeros(n, dtype=np.int64)
    smallest[chosen] = found.smallest
    dis = np.zeros(n)
    scored = np.flatnonzero(score)
    if len(scored):
        pairs = 2 * int(np.count_nonzero(counts == 2))
        exponent = 1 + (8 - len(names)) / 20
        # Scaled by the largest score so that no power overflows; the scale cancels.
        relative = score[scored] / score.max()
        scale = float((relative**-exponent).sum())
        odds = pairs * (1 - fraction) / fraction
        dis[scored] = 1 / (1 + odds / (relative**exponent * scale))
    holders = np.flatnonzero(found.score)
    order = np.argsort(chosen[holders])
    return SudaResult(
        attributes=names,
        score=score,
        dis_score=dis,
        msu_count=msus,
        smallest_msu=smallest,
        msu_sizes=found.sizes,
        records=chosen[holders][order],
        weight_by_attribute=found.by_attribute[found.row[holders][order]],
        columns=columns,
    )
