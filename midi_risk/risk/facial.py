"""Joint risk of quasi-identifiers and a recognisable face."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from midi_risk.errors import MeasureError
from midi_risk.risk.face_matchers import MATCHERS, Matcher, matcher
from midi_risk.risk.rank_one import binomial_band, fit_d_prime, rank_one

__all__ = [
    "MATCHERS",
    "FaceRisk",
    "Matcher",
    "binomial_band",
    "face_risk",
    "fit_d_prime",
    "joint_risk",
    "matcher",
    "rank_one",
]


def joint_risk(
    population: ArrayLike, d_prime: float, *, coverage: float = 1.0
) -> NDArray[np.float64]:
    """Return the risk of subjects whose face is searched among their population class.

    ``c kappa(1 + c (F - 1)) + (1 - c) / F``: quasi-identifiers leave F people, of whom a
    share c has a usable photograph in the attacker's gallery. A gallery of all F people
    (``c kappa(F) + ...``) would give slightly less.

    Parameters
    ----------
    population : array_like of float
        Population class size F of each subject, at least 1.
    d_prime : float
        Strength of the matcher.
    coverage : float
        Share c of people with a photograph in the gallery, in [0, 1].

    Returns
    -------
    numpy.ndarray
        Probabilities, shape of ``population``; the baseline without faces is 1 / F.

    Examples
    --------
    >>> joint_risk([1, 200, 20_000], 4.76).round(2).tolist()
    [1.0, 0.97, 0.76]
    """
    size = np.asarray(population, dtype=np.float64)
    if not 0 <= coverage <= 1:
        raise MeasureError("coverage is a share between 0 and 1")
    if size.size and not size.min() >= 1:
        raise MeasureError("a population class holds at least the subject")
    found = rank_one(1 + coverage * (size - 1), d_prime)
    return coverage * found + (1 - coverage) / size


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceRisk:
    """Joint risk of quasi-identifiers and face, with the band of the published rate.

    Parameters
    ----------
    risk, lower, upper : numpy.ndarray
        At the published rate and at the ends of its binomial interval, shape (n,).
    baseline : numpy.ndarray
        1 / F, shape (n,).
    matcher : Matcher
    coverage : float
    """

    risk: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    baseline: NDArray[np.float64]
    matcher: Matcher
    coverage: float

    @property
    def increment(self) -> NDArray[np.float64]:
        """What the face adds to the quasi-identifiers, shape (n,)."""
        return self.risk - self.baseline


def face_risk(
    population: ArrayLike, published: Matcher, *, coverage: float = 1.0, level: float = 0.95
) -> FaceRisk:
    """Return the joint risk of quasi-identifiers and face with its band.

    Parameters
    ----------
    population : array_like of float
        Population class size F of each subject.
    published : Matcher
        Such as ``matcher("schwarz-2022")``.
    coverage : float
        Share of people with a photograph in the gallery.
    level : float
        Confidence of the band.

    Examples
    --------
    >>> found = face_risk([200.0], matcher("schwarz-2022-ct"))
    >>> float(found.risk[0].round(2)), bool(found.lower[0] < found.risk[0] < found.upper[0])
    (0.77, True)
    """
    low, high = published.band(level=level)
    size = np.asarray(population, dtype=np.float64)
    return FaceRisk(
        risk=joint_risk(size, published.d_prime, coverage=coverage),
        lower=joint_risk(size, max(low, -12.0), coverage=coverage),
        upper=joint_risk(size, min(high, 40.0), coverage=coverage),
        baseline=1 / size,
        matcher=published,
        coverage=coverage,
    )
