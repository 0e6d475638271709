"""Population class sizes from a Poisson log-linear model of the release.

Cells of the full cross-classification of the quasi-identifiers, empty ones included, get
a mean from main effects, or from main effects and pairs. Divided by the sampling
fraction it is the expected population size of the cell; what is not in the release is
then Poisson (see `midi_risk.risk.expected_population`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from midi_risk.errors import MeasureError
from midi_risk.risk.contingency import (
    Cells,
    MarginFit,
    all_pairs,
    associated_pairs,
    cross_classify,
    fit_margins,
)
from midi_risk.risk.expected_population import expected_inverse
from midi_risk.risk.frequencies import NoEstimate

Model = Literal["main effects", "selected two-way", "all two-way"]
Values = NDArray[np.float64]

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
        risk = expected_inverse(distinct[:, 0], distinct[:, 1] / fraction, fraction=fraction)
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
