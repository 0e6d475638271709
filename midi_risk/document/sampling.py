"""What a sample says of the whole: the largest share of defects that agrees with what was seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

CONFIDENCE = 0.95
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
