"""How values of attributes go together, from the release: a network with two parents each.

Each attribute depends on at most two others that come before it. Probabilities are smoothed level
by level (alone, given one parent, given two) with a discount and a strength that leave-one-out
likelihood chooses, so that a value that was never seen beside another keeps some probability. The
attributes that a population table knows are not modelled: their joint is the table's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from midi_risk.risk.population.joint import SharedParameters

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

DISCOUNTS = (0.0, 0.2, 0.4, 0.6, 0.8, 0.95)
STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0)
RICH_STRENGTH = 30.0
"""Largest strength of the rich network, which always has two parents."""
GAIN = 3.0
"""Leave-one-out log-likelihood that a parent must bring."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What a model says of the share of the population in each class.

    Parameters
    ----------
    share : numpy.ndarray
        Probability p of the class, given its cell of the table where there is one, shape (c,).
    variation : numpy.ndarray
        Squared coefficient of variation of p, shape (c,).
    support : numpy.ndarray
        Subjects that the thinnest part of p rests on, shape (c,); infinite without any part.
    parameters : SharedParameters or None
        The parts of p; None where classes share none.
    thinnest : numpy.ndarray or None
        Attribute whose probability rests on the fewest subjects, shape (c,).
    """

    share: Floats
    variation: Floats
    support: Floats
    parameters: SharedParameters | None = None
    thinnest: Ints | None = None


@dataclass(frozen=True, slots=True)
class _Level:
    """One level of smoothing, on the distinct cells (parents, value)."""

    cell: Ints  # cell of each record
    count: Floats  # per cell
    parents: Floats  # subjects with the parents' values, per cell
    values: Floats  # distinct values under them, per cell
    below: Ints  # a record of each cell
    share: Floats  # p, per record
    left: Floats  # p without the record itself, per record
    score: float  # leave-one-out log-likelihood
    strength: float
    direct: Floats  # part of p that is the cell's own, per record


def _pair(first: Ints, second: Ints) -> Ints:
    """Return one code for two."""
    both = first * (int(second.max(initial=0)) + 1) + second
    _, place = np.unique(both, return_inverse=True)
    return np.asarray(place.reshape(-1), dtype=np.int64)


def _smoothed(
    group: Ints, value: Ints, lower: tuple[Floats, Floats], strengths: Sequence[float]
) -> _Level:
    """Fit discount and strength of one level to what leave-one-out says of them."""
    cell = _pair(group, value)
    cells = int(cell.max()) + 1
    count = np.bincount(cell, minlength=cells).astype(np.float64)
    record = np.empty(cells, dtype=np.int64)
    record[cell] = np.arange(len(cell))
    owner = group[record]
    groups = int(group.max()) + 1
    parents = np.bincount(group, minlength=groups).astype(np.float64)[owner]
    values = np.bincount(owner, minlength=groups).astype(np.float64)[owner]
    base, base_left = lower[0][record], lower[1][record]
    fewer = values - (count == 1)
    d, s = (part.ravel() for part in np.meshgrid(DISCOUNTS, strengths, indexing="ij"))
    left = (
        np.maximum(count - 1 - d[:, None], 0) + (s[:, None] + d[:, None] * fewer) * base_left
    ) / (parents - 1 + s[:, None])
    scores = np.log(np.maximum(left, 1e-300)) @ count
    best = int(np.argmax(scores))
    direct = np.maximum(count - d[best], 0) / (parents + s[best])
    share = direct + (s[best] + d[best] * values) * base / (parents + s[best])
    return _Level(
        cell=cell, count=count, parents=parents, values=values, below=record,
        share=np.minimum(share, 1.0)[cell], left=left[best][cell], score=float(scores[best]),
        strength=float(s[best]), direct=direct[cell],
    )  # fmt: skip


def _first_level(value: Ints, strengths: Sequence[float]) -> _Level:
    """Return the level without parents, smoothed towards even shares."""
    even = np.full(len(value), 1 / (int(value.max()) + 1))
    return _smoothed(np.zeros(len(value), np.int64), value, (even, even), strengths)


def dependence(first: Ints, second: Ints) -> float:
    """Return the information of two attributes on each other, in subjects times nats, penalised.

    Parameters
    ----------
    first, second : numpy.ndarray of int64, shape (n,)
        Dense codes.

    Returns
    -------
    float
        ``sum c ln(c / e)`` less the smaller of its degrees of freedom and its occupied cells.
    """
    wide = int(second.max(initial=0)) + 1
    cell, count = np.unique(first * wide + second, return_counts=True)
    one, other = np.bincount(first), np.bincount(second)
    expected = one[cell // wide] * other[cell % wide] / len(first)
    degrees = (int((one > 0).sum()) - 1) * (int((other > 0).sum()) - 1)
    return float((count * np.log(count / expected)).sum()) - min(degrees, len(cell))


def dense(codes: Ints) -> Ints:
    """Return codes of each column as 0, 1, 2... without gaps, shape (n, q)."""
    if not codes.shape[1]:
        return np.zeros(codes.shape, dtype=np.int64)
    columns = [np.unique(column, return_inverse=True)[1].reshape(-1) for column in codes.T]
    return np.column_stack(columns).astype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A fitted dependence network.

    Parameters
    ----------
    parents : dict of int to tuple of int
        Attribute -> its parents, in the order in which attributes were placed.
    levels : dict of int to tuple
        Attribute -> its levels of smoothing.
    """

    parents: dict[int, tuple[int, ...]]
    levels: dict[int, tuple[_Level, ...]]

    def predict(self, records: Ints) -> Prediction:
        """Return the share of the population that is like these records, given the table.

        Parameters
        ----------
        records : numpy.ndarray of int64, shape (c,)
            Record numbers of the release that the network was fitted to, one per class.
        """
        share = np.ones(len(records))
        variation = np.zeros(len(records))
        support = np.full(len(records), np.inf)
        thinnest = np.full(len(records), -1, dtype=np.int64)
        which, spread = [], []
        offset = 0
        for attribute, levels in self.levels.items():
            part = levels[-1].share[records]
            share = share * part
            deepest = _carrying(levels, records)
            number = np.zeros(len(records), dtype=np.int64)
            own = np.zeros(len(records))
            for depth, level in enumerate(levels):
                here = deepest == depth
                cell = level.cell[records]
                number = np.where(here, offset + cell, number)
                strength = level.parents[cell] + level.strength
                own = np.where(here, (1 - part) / (part * strength), own)
                thinner = here & (level.count[cell] < support)
                support = np.where(thinner, level.count[cell], support)
                thinnest = np.where(thinner, attribute, thinnest)
                offset += len(level.count)
            which.append(number)
            spread.append(own)
            variation = variation + own
        shared = None
        if which:
            shared = SharedParameters(
                which=np.column_stack(which), variation=np.column_stack(spread)
            )
        return Prediction(
            share=share, variation=variation, support=support, parameters=shared, thinnest=thinnest
        )


def _carrying(levels: Sequence[_Level], records: Ints) -> Ints:
    """Return the deepest level whose own counts carry more than half of the probability."""
    deepest = np.zeros(len(records), dtype=np.int64)
    open_ = np.ones(len(records), dtype=bool)
    for depth in range(len(levels) - 1, 0, -1):
        level = levels[depth]
        carries = open_ & (level.direct[records] > level.share[records] / 2)
        deepest[carries] = depth
        open_ &= ~carries
    return deepest


def fit_network(
    codes: Ints, given: Sequence[int] = (), *, form: Literal["selected", "rich"] = "selected"
) -> Network:
    """Fit a dependence network to the release.

    Parameters
    ----------
    codes : numpy.ndarray of int64, shape (n, q)
        Codes of the attributes; missing is a value.
    given : sequence of int
        Columns whose joint a population table knows.
    form : {"selected", "rich"}
        Parents that leave-one-out likelihood asks for, or always two: it drops a weak dependence
        that can still double the probability of the class that decides.

    Examples
    --------
    >>> codes = np.array([[i % 5, i % 5 // 2, i % 2] for i in range(200)])
    >>> network = fit_network(codes, [0])
    >>> network.parents[1], network.predict(np.array([0])).share.round(2).tolist()
    ((0,), [0.5])
    """
    table = dense(codes)
    strengths = STRENGTHS if form == "selected" else [s for s in STRENGTHS if s <= RICH_STRENGTH]
    columns = [np.ascontiguousarray(column) for column in table.T]
    placed = list(given)
    left = [i for i in range(len(columns)) if i not in placed]
    parents: dict[int, tuple[int, ...]] = {}
    levels: dict[int, tuple[_Level, ...]] = {}
    information: dict[tuple[int, int], float] = {}
    for i in left:
        for j in range(len(columns)):
            if i != j and (i, j) not in information:
                information[i, j] = information[j, i] = dependence(columns[i], columns[j])
    while left:
        among = placed or list(range(len(columns)))
        if placed:
            following = max(left, key=lambda i: max(information[i, j] for j in among))
        else:  # the root: whoever says most of all others
            following = max(left, key=lambda i: sum(information[i, j] for j in among if j != i))
        parents[following], levels[following] = _placed(
            columns, following, placed, strengths, always=form == "rich"
        )
        placed.append(following)
        left.remove(following)
    return Network(parents=parents, levels=levels)


def _placed(
    columns: Sequence[Ints],
    attribute: int,
    placed: Sequence[int],
    strengths: Sequence[float],
    *,
    always: bool,
) -> tuple[tuple[int, ...], tuple[_Level, ...]]:
    """Return the parents of an attribute and its levels of smoothing."""
    value = columns[attribute]
    levels = [_first_level(value, strengths)]
    chosen: list[int] = []
    group = np.zeros(len(value), dtype=np.int64)
    while len(chosen) < 2:
        lower = (levels[-1].share, levels[-1].left)
        found = None
        for parent in placed:
            if parent in chosen:
                continue
            joined = _pair(group, columns[parent])
            level = _smoothed(joined, value, lower, strengths)
            if found is None or level.score > found[1].score:
                found = (parent, level, joined)
        if found is None or (not always and found[1].score - levels[-1].score <= GAIN):
            break
        chosen.append(found[0])
        levels.append(found[1])
        group = found[2]
    return tuple(chosen), tuple(levels)
