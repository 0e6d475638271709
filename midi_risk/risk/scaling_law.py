"""A second scaling law of identification: correctness of a Pitman-Yor partition."""

from __future__ import annotations

import numpy as np

from midi_risk.errors import MeasureError

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)
_SUMMED = 4096.0


def fit_scaling_law(first: tuple[float, float], second: tuple[float, float]) -> tuple[float, float]:
    """Return theta and alpha of the second scaling law from two (gallery, rate) points.

    The share identified among n people is ``E[K_n] / n`` of a Pitman-Yor partition: two
    parameters, a heavier tail than the normal model, shown beside it.

    Parameters
    ----------
    first, second : (float, float)
        Gallery size and rank-1 rate, the larger gallery second.

    References
    ----------
    Rocher, Hendrickx, de Montjoye, A scaling law to model the effectiveness of
    identification techniques, Nat Commun 2025;16:347.

    Raises
    ------
    MeasureError
        When the rate does not fall with the gallery, or no such law meets both points.

    Examples
    --------
    >>> theta, alpha = fit_scaling_law((182, 0.97), (1_000, 0.923))
    >>> [round(scaling_law(n, theta, alpha), 3) for n in (182, 1_000)]
    [0.97, 0.923]
    """
    (small, high), (large, low) = first, second
    if not (2 <= small < large and 0 < low < high < 1):
        raise MeasureError("a scaling law needs two galleries and a rate that falls with them")

    def theta_for(alpha: float) -> float:
        bottom, top = np.log(1e-9), np.log(1e15)
        for _ in range(80):
            middle = (bottom + top) / 2
            above = scaling_law(small, float(np.exp(middle)), alpha) > high
            bottom, top = (bottom, middle) if above else (middle, top)
        return float(np.exp((bottom + top) / 2))

    under, over = 1e-6, 1 - 1e-6
    ends = [scaling_law(large, theta_for(alpha), alpha) - low for alpha in (under, over)]
    if ends[0] > 0 or ends[1] < 0:
        raise MeasureError("no Pitman-Yor law meets both rates", hint="Use the normal model alone")
    for _ in range(60):
        alpha = (under + over) / 2
        above = scaling_law(large, theta_for(alpha), alpha) > low
        under, over = (under, alpha) if above else (alpha, over)
    alpha = (under + over) / 2
    return theta_for(alpha), alpha


def scaling_law(gallery: float, theta: float, alpha: float) -> float:
    """Return ``E[K_n] / n``, the share identified among n people.

    Parameters
    ----------
    gallery : float
        n, a whole number of at least 1.
    theta, alpha : float
        From `fit_scaling_law`; both above 0.

    Examples
    --------
    >>> round(scaling_law(20_000, 33.0, 0.42), 5)
    0.05425
    """
    first = min(float(gallery), _SUMMED)
    total = float(np.sum(np.log1p(alpha / (theta + np.arange(first)))))
    if gallery > first:  # the rest of the sum as an integral over log(theta + i)
        low, high = np.log(theta + first - 0.5), np.log(theta + gallery - 0.5)
        place = np.exp((high + low) / 2 + (high - low) / 2 * _NODES)
        inside = np.log1p(alpha / place) * place
        total += float(np.sum(_WEIGHTS * inside) * (high - low) / 2)
    return float(theta * np.expm1(total) / (alpha * gallery))
