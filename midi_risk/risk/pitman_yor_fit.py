"""Maximum likelihood of the two-parameter Ewens-Pitman partition."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from midi_risk.risk.frequencies import SizeHistogram

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
