"""Population uniques from a release and a sampling fraction, by every estimator side by side.

Zayatz, slide negative binomial and Dankar's rule are kept because reviewers know them; the
Pitman-Yor fit and population tables come first. A second scaling law of identification is the
correctness of a Pitman-Yor partition.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from midi_risk.errors import MeasureError
from midi_risk.risk.classes.classes import EquivalenceClasses
from midi_risk.risk.population.pitman_yor import PitmanYor, fit_pitman_yor
from midi_risk.risk.population.sizes import (
    NoEstimate,
    SizeHistogram,
    checked_population,
    size_histogram,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationUniques:
    """An estimate of how many people are unique in the population.

    Parameters
    ----------
    method : str
        Estimator that gave the answer.
    uniques : float
        Expected number of population uniques.
    share : float
        ``uniques / N``.
    note : str
        What the reader must know about it.
    """

    method: str
    uniques: float
    share: float
    note: str


def zayatz(class_sizes: ArrayLike, population: float) -> PopulationUniques | NoEstimate:
    """Return Zayatz's estimate of the number of population uniques.

    ``P(population unique | sample unique)`` by Bayes' rule, the sample's class sizes
    standing for those of the population, times ``f1 / pi``. It is known to overestimate
    at small sampling fractions.

    Parameters
    ----------
    class_sizes : array_like of int
        Size of every equivalence class of the release.
    population : float
        N, at least the number of subjects.

    Raises
    ------
    MeasureError
        When N is below the number of subjects.

    References
    ----------
    Zayatz, Estimation of the percent of unique population elements on a microdata file
    using the sample, US Census Bureau 1991.

    Examples
    --------
    >>> round(zayatz([1, 1, 1, 2, 3], 16).uniques, 3)
    3.699
    """
    histogram = size_histogram(class_sizes)
    n = histogram.n_subjects
    size = checked_population(population, n)
    f1 = histogram.classes_of(1)
    if f1 == 0:
        return NoEstimate(method="Zayatz", reason="no subject is unique in the release")
    once = _drawn_once(histogram.sizes, size, n)
    probability = float(f1 / np.sum(histogram.counts * once))
    uniques = f1 * probability * size / n
    return PopulationUniques(
        method="Zayatz",
        uniques=uniques,
        share=uniques / size,
        note="overestimates at small sampling fractions",
    )


def _drawn_once(i: NDArray[np.int64], size: float, n: int) -> NDArray[np.float64]:
    """Return P(one member is drawn) of a population class of size i, over that of size 1.

    ``i C(N-i, n-1) / C(N-1, n-1)`` as a product, since log-gammas of N lose digits.
    """
    steps = np.arange(1, int(i.max()), dtype=np.float64)
    left = np.maximum(1 - (n - 1) / (size - steps), 0)
    with np.errstate(divide="ignore"):
        logs = np.concatenate([[0.0], np.cumsum(np.log(left))])
    return np.asarray(i * np.exp(logs[i - 1]), dtype=np.float64)


def shlosser_classes(class_sizes: ArrayLike, population: float) -> float:
    """Return Shlosser's (third) estimate of the number of classes in the population.

    Parameters
    ----------
    class_sizes : array_like of int
        Size of every equivalence class of the release.
    population : float
        N, at least the number of subjects.

    References
    ----------
    Haas, Stokes, Estimating the number of classes in a finite population, JASA 1998,
    doi:10.1080/01621459.1998.10473807.

    Examples
    --------
    >>> round(shlosser_classes([1, 1, 1, 2, 3], 8), 6)  # all of the population is seen
    5.0
    """
    return _shlosser(size_histogram(class_sizes), population)


def _shlosser(histogram: SizeHistogram, population: float) -> float:
    pi = histogram.n_subjects / checked_population(population, histogram.n_subjects)
    i, f = histogram.sizes.astype(np.float64), histogram.counts.astype(np.float64)
    if pi >= 1:
        return float(histogram.n_classes)
    above = np.sum(i * pi**2 * (1 - pi**2) ** (i - 1) * f)
    grown = np.exp(i * np.log1p(-(pi**2)))  # (1 - pi)^i (1 + pi)^i
    below = np.sum((grown - (1 - pi) ** i) * f)
    ratio = np.sum((1 - pi) ** i * f) / np.sum(i * pi * (1 - pi) ** (i - 1) * f)
    return float(histogram.n_classes + histogram.classes_of(1) * above / below * ratio**2)


def slide_negative_binomial(
    class_sizes: ArrayLike, population: float
) -> PopulationUniques | NoEstimate:
    """Return the slide negative binomial (SNB) estimate of population uniques.

    ``F - 1`` is negative binomial with parameters a and b; a and b solve the equations of
    the expected numbers of sample classes of size 1 and 2, the number of population
    classes K is Shlosser's. The signs are those of the derivation, not of the published
    code (which never yields an estimate).

    Parameters
    ----------
    class_sizes : array_like of int
        Size of every equivalence class of the release.
    population : float
        N, at least the number of subjects.

    References
    ----------
    Chen, Keller-McNulty, Estimation of identification disclosure risk in microdata,
    J Off Stat 1998.
    """
    histogram = size_histogram(class_sizes)
    size = checked_population(population, histogram.n_subjects)
    f1, f2 = histogram.classes_of(1), histogram.classes_of(2)
    pi = histogram.n_subjects / size
    if f1 == 0 or f2 == 0:
        return NoEstimate(method="SNB", reason="no class of one, or none of two subjects")
    if pi >= 1:
        return NoEstimate(method="SNB", reason="the release is the whole population")
    classes = _shlosser(histogram, size)
    root = _snb_root(f1, f2, pi, classes)
    if root is None:
        return NoEstimate(method="SNB", reason="its equations have no root")
    a, b = root
    uniques = classes * b**a
    return PopulationUniques(
        method="SNB", uniques=uniques, share=uniques / size, note="number of classes by Shlosser"
    )


def _snb_expected(a: float, b: float, pi: float, classes: float) -> tuple[float, float]:
    """Return the expected numbers of sample classes of size 1 and 2."""
    s = (1 - pi) * (1 - b)
    one = classes * pi * np.exp(a * (np.log(b) - np.log1p(-s))) * (a * s / (1 - s) + 1)
    two = (
        classes * a * pi**2 * (1 - b) / 2
        * np.exp(a * np.log(b) - (a + 2) * np.log1p(-s)) * (2 - (1 - a) * s)
    )  # fmt: skip
    return float(one), float(two)


def _snb_root(f1: int, f2: int, pi: float, classes: float) -> tuple[float, float] | None:
    """Scan b, solve the first equation for a, look for a sign change of the second."""
    from scipy.optimize import brentq  # noqa: PLC0415 - slow to import

    if f1 >= classes * pi:
        return None  # E f1 = K pi (...)^a (...): more uniques than this K can give

    def a_of(b: float) -> float | None:
        """Return a with E f1 = f1, on the falling side; b is held."""

        def gap(a: float) -> float:
            return _snb_expected(a, b, pi, classes)[0] - f1

        grid = np.concatenate([[0.0], np.geomspace(1e-6, 1e5, 111)])
        gaps = np.array([gap(float(a)) for a in grid])
        change = np.flatnonzero((gaps[:-1] > 0) & (gaps[1:] <= 0))
        if not len(change):
            return None
        at = change[-1]
        return float(brentq(gap, grid[at], grid[at + 1], xtol=1e-14, rtol=1e-14))

    def excess(b: float) -> float:
        a = a_of(b)
        return np.nan if a is None else _snb_expected(a, b, pi, classes)[1] - f2

    grid = special.expit(np.linspace(-12, 12, 97))
    values = np.array([excess(float(b)) for b in grid])
    change = np.flatnonzero(values[:-1] * values[1:] <= 0)
    if not len(change):
        return None
    at = change[0]
    b = float(brentq(excess, grid[at], grid[at + 1], xtol=1e-14, rtol=1e-14))
    a = a_of(b)
    return None if a is None else (a, b)


def dankar(class_sizes: ArrayLike, population: float) -> PopulationUniques | NoEstimate:
    """Return population uniques by the decision rule of Dankar et al.

    Up to a sampling fraction of 0.1 the Pitman model, Zayatz when it does not fit; above
    it the smaller of Zayatz and SNB. The rule was tuned on hospital-size data.

    Parameters
    ----------
    class_sizes : array_like of int
        Size of every equivalence class of the release.
    population : float
        N, at least the number of subjects.

    Raises
    ------
    MeasureError
        When N is below the number of subjects.

    References
    ----------
    Dankar et al., Estimating the re-identification risk of clinical data sets, BMC Med
    Inform Decis Mak 2012, doi:10.1186/1472-6947-12-66.
    """
    histogram = size_histogram(class_sizes)
    size = checked_population(population, histogram.n_subjects)
    if histogram.n_subjects / size <= 0.1:
        fit = fit_pitman_yor(class_sizes)
        if isinstance(fit, PitmanYor):
            uniques = fit.expected_uniques(size)
            return PopulationUniques(
                method="Dankar rule: Pitman",
                uniques=uniques,
                share=uniques / size,
                note="sampling fraction at most 0.1",
            )
        answers = [zayatz(class_sizes, size)]
    else:
        answers = [zayatz(class_sizes, size), slide_negative_binomial(class_sizes, size)]
    found = [answer for answer in answers if isinstance(answer, PopulationUniques)]
    if not found:
        return NoEstimate(method="Dankar rule", reason="none of its estimators has an answer")
    least = min(found, key=lambda answer: answer.uniques)
    return PopulationUniques(
        method=f"Dankar rule: {least.method}",
        uniques=least.uniques,
        share=least.share,
        note=least.note,
    )


def uniqueness_rows(classes: EquivalenceClasses, people: int) -> list[dict[str, Any]]:
    """Return the estimated share of people who are unique in the population.

    Parameters
    ----------
    classes : EquivalenceClasses
        Classes of the release.
    people : int
        Size N of the population.

    Returns
    -------
    list of dict
        ``estimator``, ``value`` (share of N, None without an estimate), ``uniques`` and
        ``note``; one row per estimator.
    """
    rows = []
    fit = fit_pitman_yor(classes.sizes)
    if isinstance(fit, PitmanYor):
        uniques = fit.expected_uniques(people)
        rows.append(_row("pitman-yor", uniques, people, ""))
    else:
        rows.append(_row("pitman-yor", None, people, fit.reason))
    for name, estimator in (
        ("zayatz", zayatz),
        ("snb", slide_negative_binomial),
        ("dankar", dankar),
    ):
        found = estimator(classes.sizes, people)
        if isinstance(found, NoEstimate):
            rows.append(_row(name, None, people, found.reason))
        else:
            rows.append(_row(name, found.uniques, people, found.note))
    return rows


def _row(name: str, uniques: float | None, people: int, note: str) -> dict[str, Any]:
    value = None if uniques is None else uniques / people
    return {
        "estimator": name,
        "value": value,
        "uniques": uniques,
        "population": people,
        "note": note,
    }


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
