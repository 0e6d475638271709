"""Cross-classification of the quasi-identifiers and its fit to margins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from midi_risk.errors import MeasureError

Codes = NDArray[np.int64]
Values = NDArray[np.float64]
Pair = tuple[int, int]

_ROUNDS = 1000
_TOLERANCE = 1e-8


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """The non-empty cells of a cross-classification, and which cells are possible.

    Parameters
    ----------
    levels : tuple of int
        Values of each attribute.
    index : numpy.ndarray
        Codes of each non-empty cell, shape (c, q).
    sizes : numpy.ndarray
        Subjects in each of them, int64, shape (c,).
    place : numpy.ndarray
        Non-empty cell of each subject, shape (n,).
    possible : numpy.ndarray or None
        Whether each cell of the full table can hold anybody, bool, shape ``levels``; None
        when all can.
    """

    levels: tuple[int, ...]
    index: Codes
    sizes: Codes
    place: Codes
    possible: NDArray[np.bool_] | None

    @property
    def count(self) -> int:
        """Possible cells."""
        if self.possible is not None:
            return int(self.possible.sum())
        return int(np.prod([float(level) for level in self.levels]))


def cross_classify(
    codes: ArrayLike, *, impossible: Sequence[Mapping[int, int]], cell_limit: int
) -> Cells | str:
    """Return the cells of a table of codes, or why there are none to fit.

    Parameters
    ----------
    codes : array_like of int
        Shape (n, q).
    impossible : sequence of mapping of int to int
        Attribute number -> code, combinations that nobody has.
    cell_limit : int
        Largest full table when something is impossible.

    Raises
    ------
    MeasureError
        When there are no subjects, or one lies in an impossible cell.
    """
    table = np.asarray(codes, dtype=np.int64)
    if table.ndim != 2 or 0 in table.shape:
        raise MeasureError("a log-linear model needs subjects and quasi-identifiers")
    names, columns = [], []
    for column in table.T:
        distinct, code = np.unique(column, return_inverse=True)
        names.append(distinct)
        columns.append(code.astype(np.int64))
    dense = np.column_stack(columns)
    levels = tuple(len(distinct) for distinct in names)
    index, place, sizes = np.unique(dense, axis=0, return_inverse=True, return_counts=True)
    if len(index) == 1:
        return "all subjects have the same combination of values"
    possible = None
    if impossible:
        if np.prod([float(level) for level in levels]) > cell_limit:
            return f"structural zeros need the full table, which has more than {cell_limit:,} cells"
        possible = np.ones(levels, dtype=bool)
        for rule in impossible:
            possible[_region(rule, names)] = False
        outside = int(sizes[~possible[tuple(index.T)]].sum())
        if outside:
            raise MeasureError(
                f"{outside} subjects lie in a cell that was declared impossible",
                hint="Correct the declaration or the data",
            )
    return Cells(
        levels=levels, index=index.astype(np.int64), sizes=sizes.astype(np.int64),
        place=place.ravel().astype(np.int64), possible=possible,
    )  # fmt: skip


def _region(
    rule: Mapping[int, int], names: Sequence[NDArray[np.int64]]
) -> tuple[slice | NDArray[np.intp], ...]:
    """Return the index of the cells that a rule names; empty when a code does not occur."""
    region: list[slice | NDArray[np.intp]] = [slice(None)] * len(names)
    for attribute, code in rule.items():
        if not 0 <= attribute < len(names):
            raise MeasureError("a structural zero names an attribute that does not exist")
        found = np.flatnonzero(names[attribute] == code)
        region[attribute] = slice(int(found[0]), int(found[0]) + 1) if len(found) else slice(0, 0)
    return tuple(region)


def all_pairs(cells: Cells) -> tuple[Pair, ...]:
    """Return every pair of attributes."""
    return tuple(combinations(range(len(cells.levels)), 2))


def associated_pairs(cells: Cells) -> tuple[Pair, ...]:
    """Return the pairs whose two-way margin is worth its parameters by Akaike's criterion.

    The deviance of independence in the margin exceeds twice its degrees of freedom.
    """
    return tuple(pair for pair in all_pairs(cells) if _deviance_gain(cells, pair) > 0)


def _deviance_gain(cells: Cells, pair: Pair) -> float:
    first, second = pair
    margin = np.zeros((cells.levels[first], cells.levels[second]))
    np.add.at(margin, (cells.index[:, first], cells.index[:, second]), cells.sizes)
    expected = margin.sum(axis=1, keepdims=True) * margin.sum(axis=0) / margin.sum()
    seen = margin > 0
    deviance = 2 * float(np.sum(margin[seen] * np.log(margin[seen] / expected[seen])))
    return deviance - 2 * _degrees(margin)


def _degrees(margin: Values) -> int:
    """Return the estimable parameters of an interaction: empty cells of a margin have none."""
    levels = [size for size in margin.shape if size > 1]
    return max(0, int((margin > 0).sum()) - sum(levels) + len(levels) - 1) if levels else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginFit:
    """Means of the non-empty cells that reproduce the margins.

    Parameters
    ----------
    means : numpy.ndarray
        Fitted mean of each non-empty cell, shape (c,).
    variance : numpy.ndarray
        Approximate variance of its logarithm, shape (c,): the sum of one over the margins
        of the cell, scaled so that means times variances of all cells add up to the number
        of parameters, as the leverages of a Poisson regression do.
    parameters : int
        Estimable parameters.
    converged : bool
    """

    means: Values
    variance: Values
    parameters: int
    converged: bool


def fit_margins(cells: Cells, pairs: Sequence[Pair] = ()) -> MarginFit:
    """Fit the hierarchical model with all one-way and some two-way margins.

    Parameters
    ----------
    cells : Cells
    pairs : sequence of (int, int)
        Two-way margins that are fitted besides the one-way margins.
    """
    total = float(cells.sizes.sum())
    parameters = 1 + sum(level - 1 for level in cells.levels)
    covered = {at for pair in pairs for at in pair}
    alone = [(at,) for at in range(len(cells.levels)) if at not in covered]
    inverse, held = np.zeros(len(cells.sizes)), 0
    targets: list[tuple[tuple[int, ...], Values]] = []
    for kept in (*pairs, *alone):
        margin = np.zeros([cells.levels[at] for at in kept])
        place = tuple(cells.index[:, at] for at in kept)
        np.add.at(margin, place, cells.sizes)
        inverse += 1 / margin[place]
        held += int((margin > 0).sum())
        parameters += _degrees(margin) if len(kept) == 2 else 0
        shape = [level if at in kept else 1 for at, level in enumerate(cells.levels)]
        axes = tuple(at for at in range(len(cells.levels)) if at not in kept)
        targets.append((axes, margin.reshape(shape)))
    if not pairs and cells.possible is None:
        means, converged = np.full(len(cells.sizes), total), True
        for at, (_, target) in enumerate(targets):
            means *= target.ravel()[cells.index[:, at]] / total
    else:
        table, converged = _proportional(cells, targets, total)
        means = table[tuple(cells.index.T)]
    return MarginFit(
        means=means, variance=inverse * parameters / held, parameters=parameters,
        converged=converged,
    )  # fmt: skip


def _proportional(
    cells: Cells, targets: list[tuple[tuple[int, ...], Values]], total: float
) -> tuple[Values, bool]:
    """Scale the table to each margin in turn until no margin moves."""
    means = np.ones(cells.levels) if cells.possible is None else cells.possible.astype(np.float64)
    means *= total / means.sum()
    for _ in range(_ROUNDS):
        worst = 0.0
        for axes, target in targets:
            margin = means.sum(axis=axes, keepdims=True)
            worst = max(worst, float(np.abs(margin - target).max()))
            means *= np.divide(target, margin, out=np.zeros_like(margin), where=margin > 0)
        if worst <= _TOLERANCE * total:
            return means, True
    return means, False
