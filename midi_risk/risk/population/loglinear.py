"""Population class sizes from a Poisson log-linear model of the release.

Cells of the full cross-classification of the quasi-identifiers, empty ones included, get
a mean from main effects, or from main effects and pairs, fitted to margins. Divided by the
sampling fraction it is the expected population size of the cell; what is not in the release is
then Poisson (see `midi_risk.risk.population.sizes`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from midi_risk.errors import MeasureError
from midi_risk.risk.population.sizes import NoEstimate, poisson_inverse

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


Model = Literal["main effects", "selected two-way", "all two-way"]

CELL_LIMIT = 2_000_000
"""Cells up to which all pairs are fitted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One log-linear model and how well it fits.

    Parameters
    ----------
    model : {"main effects", "selected two-way", "all two-way"}
    parameters : int
        Estimable parameters.
    log_likelihood, aic : float
        Poisson log-likelihood and Akaike's criterion.
    uniques_share : float
        Share of sample uniques whose fitted mean is below one (a check of the fit).
    """

    model: Model
    parameters: int
    log_likelihood: float
    aic: float
    uniques_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLinear:
    """A fitted Poisson log-linear model of the release.

    Parameters
    ----------
    model : {"main effects", "selected two-way", "all two-way"}
        The one that was chosen.
    candidates : tuple of Candidate
        All that were fitted, to be shown.
    mean : numpy.ndarray
        Fitted mean of the cell of each subject, in the scale of the release, shape (n,).
    variance : numpy.ndarray
        Approximate variance of the logarithm of that mean, shape (n,).
    sizes : numpy.ndarray
        Class size of each subject in the release, int64, shape (n,).
    cells : int
        Possible cells of the cross-classification.

    References
    ----------
    Skinner, Holmes, J Off Stat 1998; Skinner, Shlomo, Assessing identification risk in
    survey microdata using log-linear models, JASA 2008, doi:10.1198/016214507000001328;
    Pregibon, Logistic regression diagnostics, Ann Stat 1981 (one-step deletion).
    """

    model: Model
    candidates: tuple[Candidate, ...]
    mean: Values
    variance: Values
    sizes: NDArray[np.int64]
    cells: int

    def expected_inverse(self, fraction: float) -> Values:
        """Return ``E[1/F | f]`` of each subject at a sampling fraction, shape (n,)."""
        _checked_fraction(fraction)
        pairs = np.column_stack([self.sizes.astype(np.float64), self.mean])
        distinct, place = np.unique(pairs, axis=0, return_inverse=True)
        risk = poisson_inverse(distinct[:, 0], distinct[:, 1] / fraction, fraction=fraction)
        return np.asarray(risk[place.ravel()])

    def probability_population_unique(self, fraction: float) -> Values:
        """Return ``P(F = 1 | f)`` of each subject, 0 unless unique in the release."""
        _checked_fraction(fraction)
        alone = np.exp(-self.mean * (1 - fraction) / fraction)
        return np.where(self.sizes == 1, alone, 0.0)

    def quantile(self, fraction: float, level: float = 0.95) -> NDArray[np.int64]:
        """Return the population class size that each subject reaches with this probability.

        The fitted mean is itself uncertain, so ``F - f`` is negative binomial: Poisson with
        a gamma-distributed mean of the fit's variance. A class pulls its own mean up, so
        the mean is that of a fit without it (one-step approximation).

        Parameters
        ----------
        fraction : float
            Sampling fraction.
        level : float
            The largest F0 with ``P(F >= F0 | f) >= level``.
        """
        _checked_fraction(fraction)
        leverage = np.minimum(self.mean * self.variance, 0.95)
        pull = self.variance * np.maximum(self.sizes - self.mean, 0) / (1 - leverage)
        mean = self.mean * np.exp(-pull) * (1 - fraction) / fraction
        shape = 1 / self.variance
        low = np.zeros(len(mean))
        high = np.floor(mean) + 1
        success = mean / (mean + shape)
        for _ in range(64):
            middle = np.floor((low + high + 1) / 2)
            tail = np.where(
                middle > 0, special.betainc(np.maximum(middle, 1.0), shape, success), 1.0
            )
            enough = tail >= level
            low = np.where(enough, middle, low)
            high = np.where(enough, high, np.maximum(middle - 1, low))
        return np.asarray(self.sizes + low, dtype=np.int64)

    def tau1(self, fraction: float) -> float:
        """Return the expected number of sample uniques that are population uniques."""
        return float(self.probability_population_unique(fraction).sum())

    def tau2(self, fraction: float) -> float:
        """Return the expected number of correct matches of sample uniques."""
        return float(self.expected_inverse(fraction)[self.sizes == 1].sum())


def _checked_fraction(fraction: float) -> None:
    if not 0 < fraction <= 1:
        raise MeasureError(
            "a sampling fraction lies above 0 and not above 1",
            hint="Give the share of the population that is in the release",
        )


def fit_log_linear(
    codes: ArrayLike,
    *,
    model: Model | Literal["auto"] = "auto",
    impossible: Sequence[Mapping[int, int]] = (),
    cell_limit: int = CELL_LIMIT,
) -> LogLinear | NoEstimate:
    """Fit the Poisson log-linear model to the release.

    Parameters
    ----------
    codes : array_like of int
        Codes of the quasi-identifiers, shape (n, q); missing (-1) is a value.
    model : {"auto", "main effects", "selected two-way", "all two-way"}
        ``auto`` takes the smallest AIC and keeps all to be shown. ``selected`` holds the
        pairs whose own margin is worth its parameters: all pairs overfit sparse tables,
        which hides risk.
    impossible : sequence of mapping of int to int
        Structural zeros: ``{0: 1, 2: 5}`` says that code 1 of attribute 0 never goes with
        code 5 of attribute 2.
    cell_limit : int
        Largest cross-classification that is fitted cell by cell; beyond it only main
        effects, which have a closed form, when nothing is impossible.

    Returns
    -------
    LogLinear or NoEstimate
        `NoEstimate` when all subjects have one combination, when the table is too large,
        or when the fit does not converge.

    Raises
    ------
    MeasureError
        When a subject lies in a cell that was declared impossible.

    Notes
    -----
    Fitted by iterative proportional fitting, which converges to the maximum likelihood of
    the hierarchical model (Poisson regression gives the same means).

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> fit = fit_log_linear(rng.integers(0, 6, (200, 3)))
    >>> fit.model, fit.cells, round(float(fit.mean.mean()), 2) > 0
    ('main effects', 216, True)
    """
    cells = cross_classify(codes, impossible=impossible, cell_limit=cell_limit)
    if isinstance(cells, str):
        return NoEstimate(method="log-linear", reason=cells)
    every = all_pairs(cells)
    selected = associated_pairs(cells)
    terms: dict[Model, tuple[tuple[int, int], ...]] = {"main effects": ()}
    if model != "auto" or 0 < len(selected) < len(every):
        terms["selected two-way"] = selected
    terms["all two-way"] = every
    fitted: list[tuple[Candidate, MarginFit]] = []
    for name, pairs in terms.items():
        if model not in {"auto", name} or (pairs and cells.count > cell_limit):
            continue
        fit = fit_margins(cells, pairs)
        if fit.converged:
            fitted.append((_candidate(name, cells, fit), fit))
    if not fitted:
        return NoEstimate(
            method="log-linear",
            reason=f"no model could be fitted to {cells.count:,} cells",
        )
    best, fit = min(fitted, key=lambda pair: pair[0].aic)
    return LogLinear(
        model=best.model,
        candidates=tuple(candidate for candidate, _ in fitted),
        mean=fit.means[cells.place],
        variance=fit.variance[cells.place],
        sizes=cells.sizes[cells.place],
        cells=cells.count,
    )


def _candidate(name: Model, cells: Cells, fit: MarginFit) -> Candidate:
    """Return the criterion of a fit; empty cells add minus their means, in all minus n."""
    observed = cells.sizes.astype(np.float64)
    with np.errstate(divide="ignore"):
        terms = observed * np.log(fit.means) - special.gammaln(observed + 1)
    log_likelihood = float(terms.sum() - observed.sum())
    ones = cells.sizes == 1
    return Candidate(
        model=name,
        parameters=fit.parameters,
        log_likelihood=log_likelihood,
        aic=2 * fit.parameters - 2 * log_likelihood,
        uniques_share=float(np.mean(fit.means[ones] < 1)) if ones.any() else 0.0,
    )
