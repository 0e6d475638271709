"""What each quasi-identifier contributes to the governing risk: Shapley values.

The risk without attributes is 1/n; with all of them it is the governing risk. The Shapley
value shares the difference among the attributes, so the parts add up to it exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import factorial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from midi_risk.errors import MeasureError
from midi_risk.risk.measures.combinations import Statistic, SubsetRisk
from midi_risk.table.model import SubjectTable

EXACT_PLAYERS = 12
"""Attributes up to which all subsets are evaluated."""

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contributions:
    """Contribution of each attribute to a risk.

    Parameters
    ----------
    values : numpy.ndarray
        Shapley values, shape (q,); they add up to ``total - baseline``.
    lower, upper : numpy.ndarray
        95 % interval; equal to the values when exact, shape (q,).
    leave_one_out : numpy.ndarray
        Risk of all attributes less the risk without this one, shape (q,).
    add_one_in : numpy.ndarray
        Risk of this attribute alone less the baseline, shape (q,).
    baseline, total : float
        Risk without attributes, and with all.
    exact : bool
    """

    values: Values
    lower: Values
    upper: Values
    leave_one_out: Values
    add_one_in: Values
    baseline: float
    total: float
    exact: bool


def _masked(value: Callable[[tuple[int, ...]], float], n: int) -> Callable[[int], float]:
    """Return the same function of a bit mask, each subset evaluated once."""
    known: dict[int, float] = {}

    def of(mask: int) -> float:
        if mask not in known:
            known[mask] = float(value(tuple(i for i in range(n) if mask >> i & 1)))
        return known[mask]

    return of


def shapley(
    value: Callable[[tuple[int, ...]], float],
    n: int,
    *,
    permutations: int = 400,
    rng: np.random.Generator | None = None,
) -> Contributions:
    """Return the Shapley value of each of n players.

    Parameters
    ----------
    value : callable
        Worth of a coalition, given as an ascending tuple of player numbers.
    n : int
        Players; exact up to `EXACT_PLAYERS`, sampled beyond.
    permutations : int
        Random orders beyond that, each used forwards and backwards.
    rng : numpy.random.Generator, optional
        Seed of the sampling; needed beyond `EXACT_PLAYERS`.

    Returns
    -------
    Contributions

    Raises
    ------
    MeasureError
        When there are no players, or sampling is needed and no generator was given.

    References
    ----------
    Shapley 1953, doi:10.1515/9781400881970-018; sampling by antithetic permutations.

    Examples
    --------
    >>> shapley(lambda team: float(len(team) == 2), 2).values.tolist()
    [0.5, 0.5]
    """
    if n < 1:
        raise MeasureError("there is no quasi-identifier to contribute")
    of = _masked(value, n)
    if n <= EXACT_PLAYERS:
        worth = np.array([of(mask) for mask in range(1 << n)])
        values = values_of_worth(worth)
        return _collected(of, n, values, np.zeros(n), exact=True)
    if rng is None:
        raise MeasureError("sampling needs a random generator", hint="Pass a seeded rng")
    sums = np.zeros((permutations, n))
    for row in range(permutations):
        order = rng.permutation(n)
        for path in (order, order[::-1]):
            mask, before = 0, of(0)
            for player in path.tolist():
                mask |= 1 << player
                after = of(mask)
                sums[row, player] += (after - before) / 2
                before = after
    spread = sums.std(axis=0, ddof=1) if permutations > 1 else np.full(n, np.inf)
    return _collected(of, n, sums.mean(axis=0), 1.96 * spread / np.sqrt(permutations), exact=False)


def values_of_worth(worth: ArrayLike) -> Values:
    """Return Shapley values from the worth of all coalitions.

    Parameters
    ----------
    worth : array_like of float
        Worth of each bit mask (bit i = player i), shape (2^n, ...).

    Returns
    -------
    numpy.ndarray
        Shape (n, ...).

    Examples
    --------
    >>> values_of_worth([0.0, 1.0, 1.0, 4.0]).tolist()
    [2.0, 2.0]
    """
    table = np.asarray(worth, dtype=np.float64)
    n = len(table).bit_length() - 1
    masks = np.arange(1 << n)
    sizes = np.bitwise_count(masks).astype(np.int64)
    weight = np.array([factorial(s) * factorial(n - s - 1) / factorial(n) for s in range(n)])
    out = np.empty((n, *table.shape[1:]))
    for player in range(n):
        without = masks[(masks >> player) & 1 == 0]
        gain = table[without | 1 << player] - table[without]
        out[player] = np.tensordot(weight[sizes[without]], gain, axes=(0, 0))
    return out


def _collected(
    of: Callable[[int], float], n: int, values: Values, half: Values, *, exact: bool
) -> Contributions:
    everybody = (1 << n) - 1
    total, baseline = of(everybody), of(0)
    return Contributions(
        values=values,
        lower=values - half,
        upper=values + half,
        leave_one_out=np.array([total - of(everybody ^ 1 << i) for i in range(n)]),
        add_one_in=np.array([of(1 << i) - baseline for i in range(n)]),
        baseline=baseline,
        total=total,
        exact=exact,
    )


def attribute_contributions(
    codes: ArrayLike,
    *,
    statistic: Statistic = "mean",
    k: int = 11,
    permutations: int = 200,
    rng: np.random.Generator | None = None,
) -> Contributions:
    """Return the contribution of each quasi-identifier to a risk of the release.

    Parameters
    ----------
    codes : array_like of int
        Codes of the quasi-identifiers, shape (n, q).
    statistic : {"max", "mean", "at_risk"}
        The governing risk: see `SubsetRisk`.
    k : int
        For ``at_risk``.
    permutations, rng
        As in `shapley`, beyond `EXACT_PLAYERS` attributes.

    Examples
    --------
    >>> found = attribute_contributions([[0, 0], [0, 1], [1, 0], [1, 0]])
    >>> found.values.tolist(), found.total
    ([0.25, 0.25], 0.75)
    """
    table = np.asarray(codes, dtype=np.int64)
    risk = SubsetRisk(table, statistic=statistic, k=k)
    return shapley(risk, table.shape[1], permutations=permutations, rng=rng)


SEED = 20260101
"""Seed of the permutations that are sampled beyond twelve attributes."""


def contributions(table: SubjectTable, names: Sequence[str]) -> dict[str, float]:
    """Return the Shapley value of each quasi-identifier in the mean prosecutor risk.

    Parameters
    ----------
    table : SubjectTable
        As it would be released.
    names : sequence of str
        Quasi-identifiers in the table.

    Returns
    -------
    dict of str to float
        They add up to the mean risk less the risk without any knowledge, 1/n.
    """
    if not names or not table.n_subjects:
        return {}
    found = attribute_contributions(
        table.codes(list(names)), statistic="mean", rng=np.random.default_rng(SEED)
    )
    return {name: float(value) for name, value in zip(names, found.values, strict=True)}
