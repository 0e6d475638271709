"""Population uniqueness from the release alone: the two-parameter Ewens-Pitman model.

Class sizes of the release are taken as a sample from a Pitman-Yor partition with
parameters theta and alpha. The fit then says how many classes a population of N people
would have, and how large each class of the release would be in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from midi_risk.errors import MeasureError
from midi_risk.risk.beta_binomial import expected_inverse, lower_size
from midi_risk.risk.frequencies import NoEstimate, checked_population, size_histogram
from midi_risk.risk.pitman_yor_fit import maximise

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
        values = [expected_inverse(int(f), trials, *self._shapes(int(f), n)) for f in distinct]
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
