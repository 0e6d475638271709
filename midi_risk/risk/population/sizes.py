"""Population class size when only its expectation or its law is known.

A table says that lambda people are expected to look like a subject. Seeing f of them in
a release that is a random sample (fraction pi) of that population leaves
``F - f ~ Poisson(lambda (1 - pi))``: the *shifted* posterior. When inclusion does not
scale with F (one consented case per cell, convenience cohorts) the *truncated* form
``F | F >= f`` is the conservative answer at small fractions.

Given only the class size in the release, ``K = F - f`` follows a beta-binomial law with
``trials = N - n``. Populations reach 10^9, so sums over k are exact at both ends and, between
them, an integral over the log-odds of k (the midpoint rule of a smooth mass function errs by
less than 1e-9).
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


def poisson_inverse(
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
    >>> poisson_inverse([1, 1], [11, 100]).round(4).tolist()
    [0.0909, 0.01]
    >>> poisson_inverse([1, 2, 3], 5, form="truncated").round(4).tolist()
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
        As in `poisson_inverse`.
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
    risk = poisson_inverse(sizes, expected, fraction=high)
    return TablePopulation(
        risk=risk,
        low=poisson_inverse(sizes, expected, fraction=low),
        high=risk,
        conservative=np.maximum(poisson_inverse(sizes, expected, form="truncated"), risk),
        assured=assured_size(sizes, expected, fraction=high, level=level),
        level=level,
    )


_EXACT = 20_000
_PANELS = 60
_FEW_NODES, _FEW_WEIGHTS = np.polynomial.legendre.leggauss(16)


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
    odds = (edges[:-1] + half)[:, None] + half[:, None] * _FEW_NODES[None, :]
    k = trials * special.expit(odds).ravel()
    jacobian = k * (trials - k) / trials
    weight = (half[:, None] * _FEW_WEIGHTS[None, :]).ravel() * jacobian
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


def beta_binomial_inverse(size: int, trials: float, a: float, b: float) -> float:
    """Return ``E[1 / (size + K)]``.

    Parameters
    ----------
    size : int
        Class size in the release, f.
    trials, a, b : float
        As in `support`.

    Examples
    --------
    >>> round(beta_binomial_inverse(1, 4.0, 1.0, 1.0), 6)  # (1 + 1/2 + 1/3 + 1/4 + 1/5) / 5
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


@dataclass(frozen=True, slots=True, kw_only=True)
class NoEstimate:
    """An estimator has no answer for these class sizes.

    Unknown is never zero: whoever asked falls back to the bound (class size in the
    population = class size in the release, risk 1 for a sample unique).

    Parameters
    ----------
    method : str
        Name of the estimator.
    reason : str
        One sentence that says why.
    """

    method: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeHistogram:
    """How many classes have each size.

    Parameters
    ----------
    sizes : numpy.ndarray
        Distinct class sizes, ascending, int64, shape (s,).
    counts : numpy.ndarray
        Classes of that size, int64, shape (s,).
    """

    sizes: NDArray[np.int64]
    counts: NDArray[np.int64]

    @property
    def n_classes(self) -> int:
        """Number of classes u."""
        return int(self.counts.sum())

    @property
    def n_subjects(self) -> int:
        """Number of subjects n."""
        return int((self.sizes * self.counts).sum())

    def classes_of(self, size: int) -> int:
        """Return the number of classes of one size (f1, f2...)."""
        return int(self.counts[self.sizes == size].sum())


def size_histogram(class_sizes: ArrayLike) -> SizeHistogram:
    """Return the histogram of class sizes.

    Parameters
    ----------
    class_sizes : array_like of int
        Size of every class (one entry per class, not per subject), at least 1.

    Returns
    -------
    SizeHistogram

    Raises
    ------
    MeasureError
        When there is no class, or a size is below 1 or not an integer.

    Examples
    --------
    >>> histogram = size_histogram([3, 2, 4, 1])
    >>> histogram.n_subjects, histogram.n_classes, histogram.classes_of(1)
    (10, 4, 1)
    """
    given = np.asarray(class_sizes)
    if given.size == 0:
        raise MeasureError("there is no equivalence class", hint="Check that subjects are left")
    values = given.astype(np.int64).ravel()
    if np.any(values != given.ravel()) or values.min() < 1:
        raise MeasureError("class sizes are integers of at least 1", hint="Drop empty classes")
    sizes, counts = np.unique(values, return_counts=True)
    return SizeHistogram(sizes=sizes, counts=counts.astype(np.int64))


def checked_population(population: float, n_subjects: int) -> float:
    """Return the population size, or say that it cannot be one.

    Parameters
    ----------
    population : float
        People who could be mistaken for the subjects, N.
    n_subjects : int
        Subjects in the release, n.

    Raises
    ------
    MeasureError
        When N is not a number or below n.

    Examples
    --------
    >>> checked_population(1000, 20)
    1000.0
    """
    size = float(population)
    if not np.isfinite(size) or size < n_subjects:
        raise MeasureError(
            f"the population ({size:g}) is smaller than the release ({n_subjects} subjects)",
            hint="Give the number of people who could be mistaken for the subjects",
        )
    return size
