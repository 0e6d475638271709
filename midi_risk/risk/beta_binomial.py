"""Class size in the population given the class size in the release: beta-binomial sums.

``K = F - f`` follows a beta-binomial law with ``trials = N - n``. Populations reach
10^9, so sums over k are exact at both ends and, between them, an integral over the
log-odds of k (the midpoint rule of a smooth mass function errs by less than 1e-9).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

_EXACT = 20_000
_PANELS = 60
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)


def _log_mass(k: NDArray[np.float64], trials: float, a: float, b: float) -> NDArray[np.float64]:
    """Return the log probability of k successes."""
    rest = trials - k
    constant = special.gammaln(trials + 1) - special.betaln(a, b)
    mass = (
        constant
        + special.gammaln(k + a) - special.gammaln(k + 1)
        + special.gammaln(rest + b) - special.gammaln(rest + 1)
        - special.gammaln(trials + a + b)
    )  # fmt: skip
    return np.asarray(mass, dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """Points k and probability weights that stand for a beta-binomial law.

    Parameters
    ----------
    k : numpy.ndarray
        Numbers of further members of the class, ascending, shape (p,).
    weight : numpy.ndarray
        Probability carried by each point, shape (p,); adds up to 1.
    exact : int
        The first ``exact`` points are the integers 0, 1, 2...
    """

    k: NDArray[np.float64]
    weight: NDArray[np.float64]
    exact: int


def _middle(trials: float, a: float, b: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return quadrature points between the two exact ends."""
    first, last = _EXACT - 0.5, trials - _EXACT + 0.5
    mean = a / (a + b)
    spread = np.sqrt(
        special.polygamma(1, a) + special.polygamma(1, b) + 1 / (trials * mean * (1 - mean))
    )
    centre = special.digamma(a) - special.digamma(b)
    low, high = np.log(first / (trials - first)), np.log(last / (trials - last))
    low = max(low, float(min(centre - 20 * spread, high)))
    high = min(high, float(max(centre + 20 * spread, low)))
    edges = np.linspace(low, high, _PANELS + 1)
    half = np.diff(edges) / 2
    odds = (edges[:-1] + half)[:, None] + half[:, None] * _NODES[None, :]
    k = trials * special.expit(odds).ravel()
    jacobian = k * (trials - k) / trials
    weight = (half[:, None] * _WEIGHTS[None, :]).ravel() * jacobian
    return k, weight * np.exp(_log_mass(k, trials, a, b))


def support(trials: float, a: float, b: float) -> Support:
    """Return points and weights for ``K ~ BetaBinomial(trials, a, b)``.

    Parameters
    ----------
    trials : float
        N - n, an integer value of at least 0.
    a, b : float
        Positive shape parameters.

    Returns
    -------
    Support

    Examples
    --------
    >>> law = support(4.0, 1.0, 1.0)
    >>> law.weight.round(3).tolist()
    [0.2, 0.2, 0.2, 0.2, 0.2]
    """
    if trials <= 3 * _EXACT:
        k = np.arange(trials + 1, dtype=np.float64)
        weight = np.exp(_log_mass(k, trials, a, b))
        exact = len(k)
    else:
        head = np.arange(_EXACT, dtype=np.float64)
        tail = trials - head[::-1]
        middle, middle_weight = _middle(trials, a, b)
        k = np.concatenate([head, middle, tail])
        weight = np.concatenate(
            [
                np.exp(_log_mass(head, trials, a, b)),
                middle_weight,
                np.exp(_log_mass(tail, trials, a, b)),
            ]
        )
        exact = len(head)
    return Support(k=k, weight=weight / weight.sum(), exact=exact)


def expected_inverse(size: int, trials: float, a: float, b: float) -> float:
    """Return ``E[1 / (size + K)]``.

    Parameters
    ----------
    size : int
        Class size in the release, f.
    trials, a, b : float
        As in `support`.

    Examples
    --------
    >>> round(expected_inverse(1, 4.0, 1.0, 1.0), 6)  # (1 + 1/2 + 1/3 + 1/4 + 1/5) / 5
    0.456667
    """
    law = support(trials, a, b)
    return float(np.sum(law.weight / (size + law.k)))


def lower_size(size: int, trials: float, a: float, b: float, level: float) -> int:
    """Return the largest F0 with ``P(size + K >= F0) >= level``.

    Parameters
    ----------
    size : int
        Class size in the release, f.
    trials, a, b : float
        As in `support`.
    level : float
        Probability in (0, 1), such as 0.95.

    Returns
    -------
    int
        In very large populations right to one part in a thousand.

    Examples
    --------
    >>> lower_size(1, 4.0, 1.0, 1.0, 0.6)  # F is 1..5 equally likely: P(F >= 3) = 0.6
    3
    """
    law = support(trials, a, b)
    below = np.cumsum(law.weight)
    place = int(np.searchsorted(below, (1 - level) * (1 + 1e-12), side="right"))
    last = len(law.k) - 1
    if law.exact < place < last - law.exact:  # between the exact ends: interpolate
        middle = slice(place - 2, place + 3)
        centre = below[middle] - law.weight[middle] / 2
        return size + int(np.exp(np.interp(1 - level, centre, np.log(law.k[middle]))))
    return size + int(law.k[min(place, last)])
