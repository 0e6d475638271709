"""Faces in head images: how often the right person comes first in a gallery.

Rank-1 success in a gallery of n under an m-alternative forced choice with equal-variance
normal scores is ``kappa(n) = integral Phi(x)^(n-1) phi(x - d') dx``. Its one parameter d'
is fitted to one published rate, so every value carries the binomial band of that rate.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from midi_risk.errors import MeasureError

_GRID = np.linspace(-10, 10, 4001)
_STEP = float(_GRID[1] - _GRID[0])


def rank_one(gallery: ArrayLike, d_prime: float) -> NDArray[np.float64]:
    """Return the probability kappa(n) that the true person ranks first among n.

    Parameters
    ----------
    gallery : array_like of float
        People in the gallery with the true one, n >= 1, any shape; need not be whole.
    d_prime : float
        Distance of true from false scores in standard deviations.

    Returns
    -------
    numpy.ndarray
        Probabilities, shape of ``gallery``.

    Raises
    ------
    MeasureError
        When a gallery is smaller than 1.

    References
    ----------
    Green, Swets, Signal Detection Theory and Psychophysics, 1966 (m-AFC).

    Examples
    --------
    >>> rank_one([1_000, 1_000_000], 3.54).round(3).tolist()
    [0.613, 0.099]
    """
    n = np.asarray(gallery, dtype=np.float64)
    if n.size and not n.min() >= 1:
        raise MeasureError("a gallery holds at least the true person")
    x = d_prime + _GRID
    log_phi = special.log_ndtr(x)
    density = np.exp(-(_GRID**2) / 2) / np.sqrt(2 * np.pi) * _STEP
    distinct, place = np.unique(n, return_inverse=True)
    values = np.array([float(np.sum(np.exp((size - 1) * log_phi) * density)) for size in distinct])
    return np.asarray(np.minimum(values, 1.0)[place].reshape(n.shape))


def fit_d_prime(rate: float, gallery: float) -> float:
    """Return d' with which rank-1 success in a gallery equals a published rate.

    Parameters
    ----------
    rate : float
        Published share of subjects ranked first, in [0, 1].
    gallery : float
        Its gallery size n.

    Returns
    -------
    float
        Infinite for a rate of 1, minus infinity for a rate of 0 (as ends of a band).

    Examples
    --------
    >>> round(fit_d_prime(0.97, 182), 2), round(fit_d_prime(0.08, 182), 2)
    (4.76, 1.2)
    """
    if not 0 <= rate <= 1 or gallery < 2:
        raise MeasureError("a rank-1 rate is a share, in a gallery of at least two")
    if rate in {0.0, 1.0}:
        return float("inf") if rate else float("-inf")
    low, high = -12.0, 15.0
    for _ in range(60):
        middle = (low + high) / 2
        above = float(rank_one(gallery, middle)) > rate
        low, high = (low, middle) if above else (middle, high)
    return (low + high) / 2


def binomial_band(successes: float, trials: int, *, level: float = 0.95) -> tuple[float, float]:
    """Return the Clopper-Pearson interval of a rate.

    Parameters
    ----------
    successes : float
        Subjects ranked first; a published percentage gives a fraction of a subject.
    trials : int
        Subjects tried.
    level : float
        Two-sided confidence.

    Examples
    --------
    >>> [round(100 * end, 1) for end in binomial_band(2, 4)]
    [6.8, 93.2]
    """
    tail = (1 - level) / 2
    low = 0.0 if successes <= 0 else special.betaincinv(successes, trials - successes + 1, tail)
    full = successes >= trials
    high = 1.0 if full else special.betaincinv(successes + 1, trials - successes, 1 - tail)
    return float(low), float(high)
