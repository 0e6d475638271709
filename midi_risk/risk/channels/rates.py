"""Published rates at which people are recognised in images, and what they are in other galleries.

Rank-1 success in a gallery of n under an m-alternative forced choice with equal-variance
normal scores is ``kappa(n) = integral Phi(x)^(n-1) phi(x - d') dx``. Its one parameter d'
is fitted to one published rate. The rates stand in ``data/recognition_rates.csv``, each with its
source and with what of it was opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from midi_risk.errors import MeasureError
from midi_risk.resources import data_rows

Checked = Literal[
    "from the abstract", "from a report of it", "from its page of results", "not opened"
]

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Matcher:
    """A published rate of recognising people in images.

    Parameters
    ----------
    name : str
        Name used in a threat model.
    images : str
        What was matched.
    rate : float
        Rank-1 share; 1 where the source gives no number.
    gallery : int or None
        Subjects in the gallery; None where it is not known, so that nothing can be extrapolated.
    source : str
        Publication with year: matchers improve every year.
    checked : {"from the abstract", "from a report of it", "from its page of results", "not opened"}
        What of the source was opened. Nobody opened a full text.
    trials : int or None
        Subjects tried, where they are reported to be fewer than the gallery; the interval of the
        rate is then that of fewer.
    kind : {"face", "image"}
        Whether a face is matched to photographs, or an image to another one of the same person.
    modalities, parts : tuple of str
        DICOM modalities, and words of body parts; no part: any.
    """

    name: str
    images: str
    rate: float
    gallery: int | None
    source: str
    checked: Checked
    trials: int | None = None
    kind: Literal["face", "image"] = "face"
    modalities: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()

    @property
    def d_prime(self) -> float:
        """Parameter fitted to the rate; infinite without a gallery."""
        return float("inf") if self.gallery is None else fit_d_prime(self.rate, self.gallery)

    def band(self, *, level: float = 0.95) -> tuple[float, float]:
        """Return d' at the two ends of the binomial interval of the rate."""
        if self.gallery is None:
            return float("inf"), float("inf")
        trials = self.trials or self.gallery
        low, high = binomial_band(round(self.rate * trials), trials, level=level)
        return fit_d_prime(low, self.gallery), fit_d_prime(high, self.gallery)


def _catalogued() -> tuple[Matcher, ...]:
    """Return the rates of the catalogue."""
    return tuple(
        Matcher(
            name=row["name"],
            images=row["images"],
            rate=float(row["rate"] or 1),
            gallery=int(row["gallery"]) if row["gallery"] else None,
            source=row["source"],
            checked=cast("Checked", row["checked"]),
            trials=int(row["trials"]) if row["trials"] else None,
            kind=cast("Literal['face', 'image']", row["kind"]),
            modalities=tuple(filter(None, row["modalities"].split("|"))),
            parts=tuple(filter(None, row["parts"].split("|"))),
        )
        for row in data_rows("recognition_rates.csv")
    )


RATES: Mapping[str, Matcher] = {rate.name: rate for rate in _catalogued()}
"""Published rates by name, of faces and of images."""
