"""What a sample says of the whole: the largest share of defects that agrees with what was seen."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from midi_risk.errors import MeasureError

CONFIDENCE = 0.95
STEPS = 400
"""Numbers of defects at which one sample is looked at; between them the bound stays one."""
_STEPS_OF_STRATA = 4000
_WINDOW = 12
_TIE = 1e-9
"""Relative error of a probability; one that is just the tail is not more than it."""


def defect_bound(
    looked: int,
    of: int | None,
    defects: int,
    sensitivity: float = 1.0,
    *,
    confidence: float = CONFIDENCE,
) -> float | None:
    """Return the one-sided upper bound on the share of units with a defect.

    The largest number of defective units among all with which a reader who sees each of them
    with the probability of the sensitivity finds as few as were found, or fewer, in more than
    1 - confidence of all samples (hypergeometric, thinned by the sensitivity). So a reader who
    misses some leaves a bound above zero even where every unit was looked at.

    Parameters
    ----------
    looked : int
        Units looked at, drawn at random.
    of : int or None
        Units that there are. None, or fewer than were looked at: taken as infinitely many
        (Clopper-Pearson, over the sensitivity).
    defects : int
        Units in which a defect was found.
    sensitivity : float
        Probability that the reader sees a defect that is there, in [0, 1].
    confidence : float

    Returns
    -------
    float or None
        Share in [0, 1]; None when nothing was looked at.

    References
    ----------
    Clopper CJ, Pearson ES. Biometrika 1934;26:404-413. doi:10.1093/biomet/26.4.404
    Wright T. Exact Confidence Bounds when Sampling from Small Finite Universes. Springer 1991.
    doi:10.1007/978-1-4612-3140-0

    Examples
    --------
    >>> [defect_bound(n, 1000, 0, s) for n, s in [(258, 1.0), (257, 1.0), (287, 0.9), (286, 0.9)]]
    [0.009, 0.01, 0.009, 0.01]
    >>> defect_bound(497, 497, 0, 1.0), round(defect_bound(497, 497, 0, 0.9), 4)
    (0.0, 0.002)
    """
    if looked <= 0 or sensitivity <= 0:
        return None
    if defects >= looked:
        return 1.0
    tail = (1 - confidence) * (1 + _TIE)
    if of is None or of < looked:
        from scipy.special import betaincinv  # noqa: PLC0415 - loaded only where it is needed

        share = float(betaincinv(defects + 1, looked - defects, confidence))
        return min(1.0, share / sensitivity)
    low, high = defects, of
    while low < high:
        middle = (low + high + 1) // 2
        if _as_few(defects, middle, looked, of, sensitivity) > tail:
            low = middle
        else:
            high = middle - 1
    return low / of


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanSample:
    """A sample in which no defect was seen, and what one defect of the whole would weigh.

    Parameters
    ----------
    looked, of : int
        Units looked at, and units that there are.
    sensitivity : float
        Probability that the reader sees a defect that is there, in (0, 1].
    weight : float
        What one defective unit adds to the sum, such as 1 / subjects.
    """

    looked: int
    of: int
    sensitivity: float
    weight: float


def joint_bound(
    samples: Sequence[CleanSample], *, confidence: float = CONFIDENCE, steps: int = STEPS
) -> float:
    """Return one upper bound on the weighted sum of defects of several clean samples.

    The largest sum of weights times defects with which finding nothing in any sample still has
    a probability above 1 - confidence. Where the truth is above it, nothing is found in all
    samples with at most 1 - confidence: one bound for all, much below the sum of one bound each,
    since not every sample can have been unlucky at once.

    Parameters
    ----------
    samples : sequence of CleanSample
        Drawn at random, either each by itself or as one and the same sample.
    confidence : float
    steps : int
        Numbers of defects at which each sample is looked at.

    Returns
    -------
    float
        At least 0; not limited to 1. Zero without samples. Exact for one sample, and for equal
        weights up to so many defects as steps; else less than one defect above the exact one.

    Notes
    -----
    The probability of finding nothing is log-concave in the defects of one sample, so that the
    continuous relaxation is solved by taking defects in order of weight per loss of log
    probability. Where one sample serves for several channels and the defects are of different
    subjects, finding nothing is no likelier than in samples of their own (a simple random sample
    is negatively associated), so the bound holds for these too.

    References
    ----------
    Joag-Dev K, Proschan F. Ann Stat 1983;11:286-295. doi:10.1214/aos/1176346079

    Examples
    --------
    >>> one = CleanSample(looked=258, of=1000, sensitivity=1.0, weight=1 / 1000)
    >>> round(joint_bound([one]), 6), round(joint_bound([one, one]), 6)
    (0.009, 0.01)
    """
    pieces = sorted(
        (piece for sample in samples for piece in _pieces(sample, confidence, steps)),
        key=lambda piece: (-piece[0] / max(piece[1], _TINY), piece[1]),
    )
    left = -math.log((1 - confidence) * (1 + _TIE))
    total, units = 0.0, 0.0
    for weight, loss, count in pieces:
        taken = min(count, left / max(loss, _TINY))
        total += weight * taken
        units += taken
        left -= taken * loss
        if taken < count:
            break
    weights = {sample.weight for sample in samples}
    if len(weights) == 1 and units:
        return weights.pop() * math.floor(units + _TIE)
    return total


def sample_size(
    of: int, share: float, sensitivity: float = 1.0, *, confidence: float = CONFIDENCE
) -> int | None:
    """Return how many units have to be read, and found clean, to bound the share of defects.

    The smallest sample in which as many defects as the share forbids (the first number above
    share * of) go unseen with at most 1 - confidence, by a reader of that sensitivity.

    Parameters
    ----------
    of : int
        Units that there are.
    share : float
        Share of defective units that is to be ruled out from there on, in [0, 1).
    sensitivity : float
        Probability that the reader sees a defect that is there, in (0, 1].
    confidence : float

    Returns
    -------
    int or None
        None where even reading every unit does not suffice.

    Raises
    ------
    MeasureError
        When a share, a sensitivity or a confidence is none.

    References
    ----------
    Wright T. Exact Confidence Bounds when Sampling from Small Finite Universes. Springer 1991.
    doi:10.1007/978-1-4612-3140-0

    Examples
    --------
    >>> [sample_size(1000, share) for share in (0.05, 0.01, 0.001)]
    [56, 238, 777]
    >>> [sample_size(1000, 0.01, s) for s in (0.9, 0.7)], sample_size(34, 0.01, 0.9)
    ([264, 340], None)
    """
    if not (0 <= share < 1 and 0 < sensitivity <= 1 and 0 < confidence < 1):
        raise MeasureError("a sample needs a share below 1, a sensitivity and a confidence")
    if of <= 0:
        return 0
    defective = min(of, math.floor(share * of * (1 + _TIE)) + 1)
    tail = (1 - confidence) * (1 + _TIE)
    if _as_few(0, defective, of, of, sensitivity) > tail:
        return None
    low, high = 1, of
    while low < high:
        middle = (low + high) // 2
        if _as_few(0, defective, middle, of, sensitivity) <= tail:
            high = middle
        else:
            low = middle + 1
    return low


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadStratum:
    """A stratum of which some units were drawn at random and read.

    Parameters
    ----------
    looked, of, defects : int
        Units read, units that there are, and those read in which a defect was seen.
    sensitivity : float
        Probability that the reader sees a defect that is there, in (0, 1].
    """

    looked: int
    of: int
    defects: int
    sensitivity: float

    def __post_init__(self) -> None:
        """Refuse a sample larger than what it was drawn from."""
        if not 0 <= self.defects <= self.looked <= self.of:
            raise MeasureError(
                f"a sample of {self.looked} with {self.defects} defects cannot be of {self.of}"
            )


def bound_over_strata(
    strata: Sequence[ReadStratum], subjects: int, *, confidence: float = CONFIDENCE
) -> float:
    """Return one upper bound on the defects of all strata, as a share of the subjects.

    Where nothing was found the worst that agrees with it is taken over all strata at once
    (`joint_bound`). Each stratum with a defect has a bound of its own, and the clean ones one
    together, at confidence levels that add up (Bonferroni).

    Parameters
    ----------
    strata : sequence of ReadStratum
    subjects : int
        What one defect is a share of.
    confidence : float

    Returns
    -------
    float
        In [0, 1]; 1 where a stratum was not read.

    Examples
    --------
    >>> read = [(60, 9000), (120, 800), (200, 200)]
    >>> parts = [ReadStratum(looked=n, of=N, defects=0, sensitivity=1.0) for n, N in read]
    >>> round(bound_over_strata(parts, 10_000), 4)
    0.0436
    """
    clean = [s for s in strata if s.of and not s.defects]
    soiled = [s for s in strata if s.defects]
    groups = len(soiled) + bool(clean)
    if not groups:
        return 0.0
    if any(not s.looked for s in clean) or subjects <= 0:
        return 1.0
    level = 1 - (1 - confidence) / groups
    samples = [
        CleanSample(looked=s.looked, of=s.of, sensitivity=s.sensitivity, weight=1 / subjects)
        for s in clean
    ]
    total = joint_bound(samples, confidence=level, steps=_STEPS_OF_STRATA)
    for s in soiled:
        own = defect_bound(s.looked, s.of, s.defects, s.sensitivity, confidence=level)
        total += (1.0 if own is None else own) * s.of / subjects
    return min(1.0, total)


def least_rate(found: int, of: int, *, confidence: float = CONFIDENCE) -> float:
    """Return the one-sided lower bound on a rate of which so many of so many were seen.

    Parameters
    ----------
    found, of : int
    confidence : float

    References
    ----------
    Clopper CJ, Pearson ES. Biometrika 1934;26:404-413. doi:10.1093/biomet/26.4.404

    Examples
    --------
    >>> round(least_rate(20, 20), 4), least_rate(0, 20), least_rate(0, 0)
    (0.8609, 0.0, 0.0)
    """
    from scipy.special import betaincinv  # noqa: PLC0415 - loaded only where it is needed

    return float(betaincinv(found, of - found + 1, 1 - confidence)) if found > 0 else 0.0


def most_rate(found: int, of: int, *, confidence: float = CONFIDENCE) -> float:
    """Return the one-sided upper bound on a rate of which so many of so many were seen.

    Examples
    --------
    >>> round(most_rate(0, 59), 4), most_rate(3, 3)
    (0.0495, 1.0)
    """
    return 1 - least_rate(of - found, of, confidence=confidence)


def two_readers(first: int, second: int, both: int) -> float:
    """Return the estimated number of defects from two readers of the same units (Chapman).

    Parameters
    ----------
    first, second : int
        Defects that each of them found.
    both : int
        Defects that both found.

    Raises
    ------
    MeasureError
        When both found more than one of them.

    References
    ----------
    Chapman DG. Univ Calif Publ Stat 1951;1:131-160.

    Examples
    --------
    >>> two_readers(9, 7, 6), two_readers(0, 0, 0)
    (10.428571428571429, 0.0)
    """
    if not 0 <= both <= min(first, second):
        raise MeasureError("both readers cannot have found more than one of them")
    return (first + 1) * (second + 1) / (both + 1) - 1


def _pieces(sample: CleanSample, confidence: float, steps: int) -> list[tuple[float, float, int]]:
    """Return runs of defects: weight, loss of log probability for each, and how many.

    A run longer than one takes the loss of the run before it, which is no larger.
    """
    bound = defect_bound(sample.looked, sample.of, 0, sample.sensitivity, confidence=confidence)
    most = sample.of if bound is None else round(bound * sample.of)
    if bound is None or most >= sample.of:
        return [(sample.weight, 0.0, most)]
    step = max(1, math.ceil(most / steps))
    pieces, before, loss = [], 0.0, 0.0
    for first in range(0, most + 1, step):
        last = min(first + step, sample.of)
        none = _as_few(0, last, sample.looked, sample.of, sample.sensitivity)
        if none <= 0:
            break
        gone = -math.log(min(none, 1.0))
        own = max(0.0, (gone - before) / (last - first))
        pieces.append((sample.weight, own if step == 1 else loss, last - first))
        before, loss = gone, own
    return pieces


_TINY = 1e-300


def _as_few(found: int, defective: int, looked: int, of: int, sensitivity: float) -> float:
    """Return the probability of finding at most so many when so many units are defective."""
    import numpy as np  # noqa: PLC0415 - loaded only where it is needed
    from scipy.special import bdtr, gammaln  # noqa: PLC0415 - loaded only where it is needed

    least, most = max(0, looked - (of - defective)), min(looked, defective)
    mean = looked * defective / of
    spread = _WINDOW * (mean * (1 - defective / of)) ** 0.5 + _WINDOW
    first, last = max(least, int(mean - spread)), min(most, int(mean + spread) + 1)
    met = np.arange(first, last + 1)
    logs = (
        _log_choose(gammaln, defective, met)
        + _log_choose(gammaln, of - defective, looked - met)
        - _log_choose(gammaln, of, looked)
    )
    # of so few that were met, all may be seen and still be no more than were found
    seen = np.where(met <= found, 1.0, bdtr(found, np.maximum(met, found + 1), sensitivity))
    return float((np.exp(logs) * seen).sum())


def _log_choose(gammaln: Callable[[Any], Any], n: int, k: Any) -> Any:
    return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
