"""Population class size when a table gives its expectation, not its value.

A table says that lambda people are expected to look like a subject. Seeing f of them in
a release that is a random sample (fraction pi) of that population leaves
``F - f ~ Poisson(lambda (1 - pi))``: the *shifted* posterior. When inclusion does not
scale with F (one consented case per cell, convenience cohorts) the *truncated* form
``F | F >= f`` is the conservative answer at small fractions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from midi_risk.errors import MeasureError

Form = Literal["shifted", "truncated"]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)
_HALF_NODES, _HALF_WEIGHTS = (_NODES + 1) / 2, _WEIGHTS / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class TablePopulation:
    """Risk of each class when the population comes from a table: two answers.

    Parameters
    ----------
    risk : numpy.ndarray
        ``E[1/F | f]`` of each class, shape (c,).
    low, high : numpy.ndarray
        The same at the two ends of the fraction interval, in the shifted form, shape (c,).
    conservative : numpy.ndarray
        The larger of ``risk`` and the truncated form, shape (c,). At large fractions the
        truncated form alone is below the shifted one.
    assured : numpy.ndarray
        Population class size that is reached with probability ``level``, shape (c,).
    level : float
        Such as 0.95.
    """

    risk: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    conservative: NDArray[np.float64]
    assured: NDArray[np.int64]
    level: float


def _checked(
    sizes: ArrayLike, expected: ArrayLike, fraction: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[int, ...]]:
    f, lam = np.broadcast_arrays(
        np.asarray(sizes, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    )
    if not 0 <= fraction <= 1:
        raise MeasureError(
            "a sampling fraction lies between 0 and 1",
            hint="Give the share of the population that is in the release",
        )
    if f.size and (f.min() < 1 or np.any(f != np.floor(f))):
        raise MeasureError("class sizes are integers of at least 1", hint="Drop empty classes")
    if not np.all(np.isfinite(lam)) or np.any(lam < 0):
        raise MeasureError(
            "an expected class size is missing or negative",
            hint="Take the bound (class size in the release) where the table is silent",
        )
    return f.ravel(), lam.ravel(), f.shape


def expected_inverse(
    sizes: ArrayLike, expected: ArrayLike, *, fraction: float = 0.0, form: Form = "shifted"
) -> NDArray[np.float64]:
    """Return ``E[1/F | f]`` for every class.

    Parameters
    ----------
    sizes : array_like of int
        Class sizes f in the release, shape (c,).
    expected : array_like of float
        Expected class sizes lambda in the population, shape (c,).
    fraction : float
        Sampling fraction pi in [0, 1]; not used by the truncated form.
    form : {"shifted", "truncated"}
        ``F - f ~ Poisson(lambda (1 - pi))``, or ``F ~ Poisson(lambda)`` given F >= f.

    Returns
    -------
    numpy.ndarray
        Probabilities, shape (c,).

    Raises
    ------
    MeasureError
        When the fraction is no share, a size is below 1, or a lambda is missing.

    References
    ----------
    Skinner, Holmes, Estimating the re-identification risk per record in microdata,
    J Off Stat 1998.

    Examples
    --------
    >>> expected_inverse([1, 1], [11, 100]).round(4).tolist()
    [0.0909, 0.01]
    >>> expected_inverse([1, 2, 3], 5, form="truncated").round(4).tolist()
    [0.2578, 0.2317, 0.2059]
    """
    f, lam, shape = _checked(sizes, expected, fraction)
    if form == "shifted":
        return _shifted(f, lam * (1 - fraction)).reshape(shape)
    out = np.empty_like(f)
    large = lam >= f
    out[large] = _truncated_large(f[large], lam[large])
    out[~large] = _truncated_small(f[~large], lam[~large])
    return out.reshape(shape)


def _shifted(f: NDArray[np.float64], m: NDArray[np.float64]) -> NDArray[np.float64]:
    """Integrate ``(1-u)^(f-1) exp(-m u)`` over u in [0, 1]: E[1/(f + Poisson(m))]."""
    end = np.minimum(1.0, 45.0 / np.maximum(m + f - 1, 1e-300))[:, None]
    u = end * _HALF_NODES
    inside = np.exp((f[:, None] - 1) * np.log1p(-u) - m[:, None] * u)
    return np.asarray((inside * _HALF_WEIGHTS * end).sum(axis=1), dtype=np.float64)


def _truncated_large(f: NDArray[np.float64], lam: NDArray[np.float64]) -> NDArray[np.float64]:
    """Integrate ``exp(x - lam) P(F >= f; x) / x`` over x in [0, lam], for lam >= f."""
    end = np.minimum(lam, 45.0)[:, None]
    x = lam[:, None] - end * _HALF_NODES
    inside = np.exp(x - lam[:, None]) * special.gammainc(f[:, None], x) / x
    total = (inside * _HALF_WEIGHTS * end).sum(axis=1)
    return np.asarray(total / special.gammainc(f, lam), dtype=np.float64)


def _truncated_small(f: NDArray[np.float64], lam: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum the Poisson tail from F = f, whose terms fall from the first, for lam < f."""
    term = np.ones_like(f)
    mass, total = np.ones_like(f), 1 / f
    step = 0.0
    while np.any(term > 1e-17 * mass):
        step += 1
        term = term * lam / (f + step)
        mass += term
        total += term / (f + step)
    return np.asarray(total / mass, dtype=np.float64)


def assured_size(
    sizes: ArrayLike,
    expected: ArrayLike,
    *,
    fraction: float = 0.0,
    level: float = 0.95,
    form: Form = "shifted",
) -> NDArray[np.int64]:
    """Return the population class size that is reached with probability ``level``.

    Parameters
    ----------
    sizes, expected, fraction, form
        As in `expected_inverse`.
    level : float
        Probability in (0, 1).

    Returns
    -------
    numpy.ndarray
        The largest F0 with ``P(F >= F0 | f) >= level``, int64, shape (c,).

    Examples
    --------
    >>> assured_size(1, [11, 15.71, 17]).tolist()
    [7, 11, 12]
    """
    f, lam, shape = _checked(sizes, expected, fraction)
    m = lam * (1 - fraction) if form == "shifted" else lam
    if form == "shifted":
        low, needed = f.copy(), np.full_like(f, level)
        offset = f
    else:
        low = f.copy()
        needed = level * np.where(lam > 0, special.gammainc(f, lam), 0.0)
        offset = np.zeros_like(f)
        ahead = lam <= 0
        m = np.where(ahead, 0.0, lam)
    high = np.maximum(low, offset + m + 10 * np.sqrt(m) + 20)
    for _ in range(64):  # the largest size whose tail still holds the level
        middle = np.floor((low + high + 1) / 2)
        count = np.maximum(middle - offset, 0)
        tail = np.where(count > 0, special.gammainc(np.maximum(count, 1e-300), m), 1.0)
        enough = (tail >= needed * (1 - 1e-12)) & ~((count > 0) & (m <= 0))
        low = np.where(enough, middle, low)
        high = np.where(enough, high, np.maximum(middle - 1, low))
    return np.asarray(low, dtype=np.int64).reshape(shape)


def expected_size_for_assurance(
    k: int,
    *,
    size: int = 1,
    fraction: float = 0.0,
    level: float = 0.95,
    form: Form = "shifted",
) -> float:
    """Return the smallest expected class size with which F >= k is assured.

    Parameters
    ----------
    k : int
        Class size that is required.
    size : int
        Class size in the release, f.
    fraction, level, form
        As in `assured_size`.

    Returns
    -------
    float
        lambda; 0 when the release alone assures it.

    Examples
    --------
    >>> round(expected_size_for_assurance(11), 1)
    15.7
    >>> round(expected_size_for_assurance(11, form="truncated"), 1)
    17.0
    """
    if size >= k:
        return 0.0
    if form == "shifted":
        if fraction >= 1:
            return float("inf")
        return float(special.gammaincinv(k - size, level)) / (1 - fraction)
    low, high = 0.0, float(special.gammaincinv(k, level)) + 1.0
    for _ in range(80):
        middle = (low + high) / 2
        reached = special.gammainc(k, middle) >= level * special.gammainc(size, middle)
        low, high = (low, middle) if reached else (middle, high)
    return high


def table_population(
    sizes: ArrayLike,
    expected: ArrayLike,
    *,
    fraction: tuple[float, float] = (0.0, 0.0),
    level: float = 0.95,
) -> TablePopulation:
    """Return both answers for every class: the expected risk and the assured size.

    Parameters
    ----------
    sizes : array_like of int
        Class sizes f in the release, shape (c,).
    expected : array_like of float
        Expected class sizes lambda, shape (c,).
    fraction : (float, float)
        Interval of the sampling fraction; the larger one governs ``risk`` and ``assured``.
    level : float
        Probability of the assured size.

    Examples
    --------
    >>> both = table_population([1, 2], [12.0, 40.0], fraction=(0.0, 0.1))
    >>> both.risk.round(3).tolist(), both.assured.tolist()
    ([0.093, 0.027], [7, 28])
    """
    low, high = fraction
    if low > high:
        raise MeasureError("the fraction interval has its low end above its high end")
    risk = expected_inverse(sizes, expected, fraction=high)
    return TablePopulation(
        risk=risk,
        low=expected_inverse(sizes, expected, fraction=low),
        high=risk,
        conservative=np.maximum(expected_inverse(sizes, expected, form="truncated"), risk),
        assured=assured_size(sizes, expected, fraction=high, level=level),
        level=level,
    )
