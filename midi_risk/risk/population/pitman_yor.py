"""Population uniqueness from the release alone: the two-parameter Ewens-Pitman model.

Class sizes of the release are taken as a sample from a Pitman-Yor partition with
parameters theta and alpha, fitted by maximum likelihood. The fit then says how many classes a
population of N people would have, and how large each class of the release would be in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from midi_risk.errors import MeasureError
from midi_risk.risk.population.sizes import (
    NoEstimate,
    SizeHistogram,
    beta_binomial_inverse,
    checked_population,
    lower_size,
    size_histogram,
)

_SUM_LIMIT = 200_000
_STEPS = 200
_TOLERANCE = 1e-9


def _class_sums(theta: float, alpha: float, classes: int) -> tuple[float, ...]:
    """Return sums over i = 1..u-1 of ln(t+ia), 1/(t+ia), i/(t+ia) and their squares."""
    steps = classes - 1
    if steps <= _SUM_LIMIT or alpha < 1e-3:
        i = np.arange(1, classes, dtype=np.float64)
        inverse = 1 / (theta + i * alpha)
        return (
            float(np.log(theta + i * alpha).sum()), float(inverse.sum()),
            float((i * inverse).sum()), float((inverse**2).sum()),
            float((i * inverse**2).sum()), float(((i * inverse) ** 2).sum()),
        )  # fmt: skip
    start, end = theta / alpha + 1, theta / alpha + classes
    log = steps * np.log(alpha) + special.gammaln(end) - special.gammaln(start)
    first = (special.digamma(end) - special.digamma(start)) / alpha
    second = (special.polygamma(1, start) - special.polygamma(1, end)) / alpha**2
    weighted = (steps - theta * first) / alpha
    weighted_second = (first - theta * second) / alpha
    squared = (steps - 2 * theta * first + theta**2 * second) / alpha**2
    return (
        float(log), float(first), float(weighted),
        float(second), float(weighted_second), float(squared),
    )  # fmt: skip


def _likelihood(
    theta: float, alpha: float, histogram: SizeHistogram
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Return log-likelihood, gradient and Hessian in (theta, alpha)."""
    n, u = histogram.n_subjects, histogram.n_classes
    sizes, counts = histogram.sizes.astype(np.float64), histogram.counts
    log, one, i_one, two, i_two, ii_two = _class_sums(theta, alpha, u)
    value = (
        log
        - (special.gammaln(theta + n) - special.gammaln(theta + 1))
        + float(np.sum(counts * (special.gammaln(sizes - alpha) - special.gammaln(1 - alpha))))
    )
    by_theta = one - (special.digamma(theta + n) - special.digamma(theta + 1))
    gap = special.digamma(sizes - alpha) - special.digamma(1 - alpha)
    by_alpha = i_one - float(np.sum(counts * gap))
    theta_theta = -two + special.polygamma(1, theta + 1) - special.polygamma(1, theta + n)
    curve = special.polygamma(1, sizes - alpha) - special.polygamma(1, 1 - alpha)
    alpha_alpha = -ii_two + float(np.sum(counts * curve))
    return (
        float(value),
        np.array([by_theta, by_alpha]),
        np.array([[theta_theta, -i_two], [-i_two, alpha_alpha]]),
    )


def _start(histogram: SizeHistogram) -> tuple[float, float]:
    """Return moment-based start values inside the parameter space."""
    n, u = histogram.n_subjects, histogram.n_classes
    f1, f2 = histogram.classes_of(1), histogram.classes_of(2)
    theta, alpha = float(u), 0.3
    if f1 and f2:
        c = f1 * (f1 - 1) / f2
        below = 2 * f1 * u + f1 * c - n * c
        if below:
            theta = (n * u * c - f1 * (n - 1) * (2 * u + c)) / below
            alpha = (theta * (f1 - n) + (n - 1) * f1) / (n * u)
    alpha = min(max(alpha, 0.05), 0.95) if np.isfinite(alpha) else 0.3
    return (theta if np.isfinite(theta) and theta > 0 else float(max(u, 1))), alpha


def _inside(theta: float, alpha: float) -> bool:
    return 0 < alpha < 1 and theta > -alpha


def _scaled(gradient: NDArray[np.float64], theta: float, alpha: float, n: int) -> float:
    """Return the largest gradient per relative change, per subject."""
    moves = np.array([theta + alpha, alpha * (1 - alpha)])
    return float(np.max(np.abs(gradient * moves))) / n


def _newton(
    theta: float, alpha: float, histogram: SizeHistogram
) -> tuple[float, float, float, bool]:
    """Climb by damped Newton steps; ascend the gradient where the surface is not concave."""
    n = histogram.n_subjects
    value, gradient, hessian = _likelihood(theta, alpha, histogram)
    for _ in range(_STEPS):
        concave = hessian[0, 0] < 0 and np.linalg.det(hessian) > 0
        scale = np.array([theta + alpha, alpha * (1 - alpha)]) ** 2
        step = -np.linalg.solve(hessian, gradient) if concave else scale * gradient / n
        if not np.all(np.isfinite(step)):
            break
        size = 1.0
        while size > 1e-12:
            ahead = (theta + size * float(step[0]), alpha + size * float(step[1]))
            if _inside(*ahead):
                new_value, new_gradient, new_hessian = _likelihood(*ahead, histogram)
                if new_value >= value - 1e-12 * abs(value):
                    break
            size /= 2
        else:
            break
        moved = abs(ahead[0] - theta) / (1 + abs(theta)) + abs(ahead[1] - alpha)
        (theta, alpha), value = ahead, new_value
        gradient, hessian = new_gradient, new_hessian
        if moved < 1e-13:
            break
    return theta, alpha, value, _scaled(gradient, theta, alpha, n) < _TOLERANCE


def _ewens(histogram: SizeHistogram) -> tuple[float, float, float, bool]:
    """Return the fit at the boundary alpha = 0, where E[K_n] equals u."""
    from scipy.optimize import brentq  # noqa: PLC0415 - slow to import

    n, u = histogram.n_subjects, histogram.n_classes

    def excess(log_theta: float) -> float:
        theta = np.exp(log_theta)
        return float(theta * (special.digamma(theta + n) - special.digamma(theta)) - u)

    theta = float(np.exp(brentq(excess, -20.0, 2 * np.log(n) + 3, xtol=1e-13)))
    value, _, _ = _likelihood(theta, 0.0, histogram)
    return theta, 0.0, value, True


def maximise(histogram: SizeHistogram) -> tuple[float, float, float, bool]:
    """Return theta, alpha, log-likelihood and whether the gradient vanished there.

    Parameters
    ----------
    histogram : SizeHistogram
        Class sizes, with at least one class of two and fewer classes than subjects.

    Notes
    -----
    A fit at the boundary alpha = 0 (Ewens) is a fit; a boundary at alpha = 1 is not.
    """
    best = _newton(*_start(histogram), histogram)
    if not best[3]:
        for start_alpha in (0.1, 0.5, 0.8):
            tried = _newton(float(histogram.n_classes), start_alpha, histogram)
            if tried[3] or tried[2] > best[2]:
                best = tried
            if best[3]:
                break
    if best[3] and best[1] > 1e-6:
        return best
    edge = _ewens(histogram)
    return edge if best[1] < 1e-3 and edge[2] >= best[2] - 1e-6 else best


_SMALL_ALPHA = 1e-9
_METHOD = "Pitman-Yor"


@dataclass(frozen=True, slots=True, kw_only=True)
class PitmanYor:
    """A fitted Pitman-Yor partition.

    Parameters
    ----------
    theta : float
        Strength, above -alpha.
    alpha : float
        Discount, in [0, 1).
    log_likelihood : float
        At the fit.
    converged : bool
        Whether the gradient vanished there.

    References
    ----------
    Pitman, Exchangeable and partially exchangeable random partitions, 1995,
    doi:10.1007/BF01213386; Hoshino, Applying Pitman's sampling formula to microdata
    disclosure risk assessment, J Off Stat 2001.

    Examples
    --------
    >>> fit = PitmanYor(theta=33.0, alpha=0.42, log_likelihood=0.0, converged=True)
    >>> round(fit.expected_uniques(20_000), 2), round(fit.expected_classes(20_000), 2)
    (487.94, 1085.08)
    >>> fit.expected_inverse([1, 2, 3], n=1000, population=20_000).round(5).tolist()
    [0.32014, 0.06368, 0.03]
    """

    theta: float
    alpha: float
    log_likelihood: float
    converged: bool

    def expected_uniques(self, population: float, *, asymptotic: bool = False) -> float:
        """Return the expected number of classes of one person among ``population`` people.

        Parameters
        ----------
        population : float
            N.
        asymptotic : bool
            Use ``Gamma(theta+1) / Gamma(theta+alpha) N^alpha`` (what ARX prints).
        """
        theta, alpha = self.theta, self.alpha
        log = special.gammaln(theta + 1) - special.gammaln(theta + alpha)
        if asymptotic:
            return float(np.exp(log + alpha * np.log(population)))
        return float(np.exp(log + np.log(population) + self._log_ratio(population, 1.0)))

    def _log_ratio(self, size: float, less: float) -> float:
        """Return ``ln Gamma(size + theta + alpha - less) / Gamma(size + theta)``."""
        base = size + self.theta
        shift = self.alpha - less
        if size > 1e8:  # the difference of two huge log-gammas would lose digits
            return float(shift * np.log(base) + shift * (shift - 1) / (2 * base))
        return float(special.gammaln(base + shift) - special.gammaln(base))

    def expected_classes(self, population: float) -> float:
        """Return the expected number of classes among ``population`` people."""
        theta, alpha = self.theta, self.alpha
        if alpha < _SMALL_ALPHA:
            return float(theta * (special.digamma(theta + population) - special.digamma(theta)))
        log = special.gammaln(theta + 1) - special.gammaln(theta + alpha)
        return float((np.exp(log + self._log_ratio(population, 0.0)) - theta) / alpha)

    def average_risk(self, population: float) -> float:
        """Return classes per person among ``population`` people: the average risk there."""
        return self.expected_classes(population) / population

    def probability_population_unique(self, n: int, population: float) -> float:
        """Return the probability that a sample unique is unique in the population.

        Parameters
        ----------
        n : int
            Subjects in the release.
        population : float
            N, at least n.
        """
        size = checked_population(population, n)
        return float(np.exp(self._log_ratio(size, 1.0) - self._log_ratio(float(n), 1.0)))

    def _shapes(self, size: int, n: int) -> tuple[float, float]:
        if not 1 <= size <= n:
            raise MeasureError("a class size lies between 1 and the number of subjects")
        return size - self.alpha, max(n + self.theta - size + self.alpha, 1e-9)

    def expected_inverse(
        self, sizes: ArrayLike, *, n: int, population: float
    ) -> NDArray[np.float64]:
        """Return ``E[1/F | f]`` for every class size.

        Parameters
        ----------
        sizes : array_like of int
            Class sizes f in the release, any shape.
        n : int
            Subjects in the release.
        population : float
            N, at least n.

        Returns
        -------
        numpy.ndarray
            Probability that the right person is picked, shape of ``sizes``.
        """
        trials = np.floor(checked_population(population, n) - n)
        given = np.asarray(sizes, dtype=np.int64)
        distinct, place = np.unique(given, return_inverse=True)
        values = [beta_binomial_inverse(int(f), trials, *self._shapes(int(f), n)) for f in distinct]
        return np.asarray(values, dtype=np.float64)[place].reshape(given.shape)

    def quantile(
        self, sizes: ArrayLike, *, n: int, population: float, level: float = 0.95
    ) -> NDArray[np.int64]:
        """Return the population class size that each class reaches with this probability.

        Parameters
        ----------
        sizes : array_like of int
            Class sizes f in the release, any shape.
        n : int
            Subjects in the release.
        population : float
            N, at least n.
        level : float
            The largest F0 with ``P(F >= F0 | f) >= level``.
        """
        trials = np.floor(checked_population(population, n) - n)
        given = np.asarray(sizes, dtype=np.int64)
        distinct, place = np.unique(given, return_inverse=True)
        values = [lower_size(int(f), trials, *self._shapes(int(f), n), level) for f in distinct]
        return np.asarray(values, dtype=np.int64)[place].reshape(given.shape)


def fit_pitman_yor(class_sizes: ArrayLike) -> PitmanYor | NoEstimate:
    """Fit the two-parameter Ewens-Pitman model to class sizes by maximum likelihood.

    Parameters
    ----------
    class_sizes : array_like of int
        Size of every equivalence class of the release.

    Returns
    -------
    PitmanYor or NoEstimate
        `NoEstimate` when the likelihood has no maximum (all subjects unique, no class of
        two, a single class): fall back to the bound.

    Raises
    ------
    MeasureError
        When there is no class, or a size is not a positive integer.

    Notes
    -----
    Deterministic: damped Newton steps with a fixed limit, no wall-clock.

    References
    ----------
    Hoshino 2001; start values as in the risk estimators of ARX (Dankar et al. 2012,
    doi:10.1186/1472-6947-12-66).

    Examples
    --------
    >>> fit_pitman_yor([1, 1, 1]).reason
    'every subject is unique in the release'
    >>> fit = fit_pitman_yor([1] * 40 + [2] * 12 + [3] * 5 + [8, 20])
    >>> fit.converged, round(fit.alpha, 3)
    (True, 0.54)
    """
    histogram = size_histogram(class_sizes)
    reason = ""
    if histogram.n_classes == histogram.n_subjects:
        reason = "every subject is unique in the release"
    elif histogram.n_classes == 1:
        reason = "all subjects are in one class"
    elif histogram.classes_of(2) == 0:
        reason = "no class of two subjects (f2 = 0)"
    if reason:
        return NoEstimate(method=_METHOD, reason=reason)
    theta, alpha, value, converged = maximise(histogram)
    if not converged:
        return NoEstimate(method=_METHOD, reason="the likelihood has no maximum that was found")
    return PitmanYor(theta=theta, alpha=alpha, log_likelihood=value, converged=converged)
