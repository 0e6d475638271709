"""Identity risk when only the size of the population is known.

The release is then taken as a random sample of that population. This is a model and the
report says so: a hospital cohort is not a weighted sample.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from midi_risk.errors import MeasureError
from midi_risk.risk.classes import EquivalenceClasses
from midi_risk.risk.estimate import EstimateKind, RiskEstimate
from midi_risk.risk.identity import identity_risk

REFERENCE = "Benedetti & Franconi 1998; Dankar & El Emam 2010, doi:10.1145/1754239.1754271"


def expected_inverse_size(f: npt.ArrayLike, fraction: float) -> npt.NDArray[np.float64]:
    """Return E[1/F | f] under the negative-binomial superpopulation model.

    Given f records in the release, F - f follows a negative binomial distribution with
    parameters f and the sampling fraction p, so
    E[1/F | f] = (p / f) 2F1(1, 1; f + 1; 1 - p).

    Parameters
    ----------
    f : array_like of shape (n,)
        Class sizes in the release, at least 1.
    fraction : float
        Sampling fraction p = n / N in (0, 1].

    Returns
    -------
    numpy.ndarray of shape (n,)

    References
    ----------
    Benedetti & Franconi 1998, Proceedings of Compstat (Euler form of the hypergeometric).

    Examples
    --------
    >>> expected_inverse_size([1, 2, 5], 0.5).round(5).tolist()
    [0.69315, 0.30685, 0.10981]
    """
    from scipy.special import hyp2f1  # noqa: PLC0415  # slow to import

    size = np.asarray(f, dtype=np.float64)
    return np.asarray(fraction / size * hyp2f1(1, 1, size + 1, 1 - fraction), dtype=np.float64)


def lower_population_size(
    f: npt.ArrayLike, fraction: float, sure: float = 0.95
) -> npt.NDArray[np.float64]:
    """Return the class size F that is reached with the given probability.

    Parameters
    ----------
    f : array_like of shape (n,)
    fraction : float
        Sampling fraction.
    sure : float
        Probability that F is at least the returned size.

    Returns
    -------
    numpy.ndarray of shape (n,)

    Examples
    --------
    >>> lower_population_size([1, 11], 0.1).tolist()
    [1.0, 64.0]
    """
    from scipy.stats import nbinom  # noqa: PLC0415  # slow to import

    size = np.asarray(f, dtype=np.float64)
    if fraction >= 1:
        return size
    return np.asarray(size + nbinom.ppf(1 - sure, size, fraction), dtype=np.float64)


def size_population_risk(
    classes: EquivalenceClasses, people: int, *, k: int, attacker: str = ""
) -> tuple[RiskEstimate, ...]:
    """Return identity risks against a population of known size.

    Parameters
    ----------
    classes : EquivalenceClasses
    people : int
        Size N of the population, at least the number of records n.
    k : int
        Smallest accepted class size.
    attacker : str
        Name of the adversary.

    Returns
    -------
    tuple of RiskEstimate
        The prosecutor's, who knows who is in the release, and the journalist's and
        marketer's as estimates; ``upper`` is what holds with 95 % probability.

    Raises
    ------
    MeasureError
        When the population is smaller than the release.
    """
    if people < classes.n:
        raise MeasureError("the population is smaller than the release", hint="Correct its size")
    fraction = classes.n / people
    return modelled_risk(
        classes,
        expected_inverse_size(classes.sizes, fraction),
        1 / lower_population_size(classes.sizes, fraction),
        k=k,
        attacker=attacker,
        method=f"E[1/F] with F - f negative binomial, sampling fraction {fraction:.3g}",
        reference=REFERENCE,
    )


def modelled_risk(
    classes: EquivalenceClasses,
    expected: npt.NDArray[np.float64],
    cautious: npt.NDArray[np.float64],
    *,
    k: int,
    attacker: str = "",
    method: str,
    reference: str,
    optimistic: npt.NDArray[np.float64] | None = None,
) -> tuple[RiskEstimate, ...]:
    """Return identity risks when a model gives the population class sizes.

    Parameters
    ----------
    classes : EquivalenceClasses
    expected, cautious : numpy.ndarray of shape (u,)
        E[1/F | f] of each class, and the risk that holds with 95 % probability.
    k : int
        Smallest accepted class size.
    attacker : str
        Name of the adversary.
    method, reference : str
        The model in words, and its source.
    optimistic : numpy.ndarray of shape (u,), optional
        E[1/F | f] at the other end of a declared interval.

    Returns
    -------
    tuple of RiskEstimate
        The prosecutor's exact figures, who knows who is in the release, and estimates for
        the journalist and the marketer.
    """
    prosecutor = [
        r for r in identity_risk(classes, k=k, attacker=attacker) if r.measure != "marketer_mean"
    ]
    weight = classes.counts / classes.n
    limit = (1 / k) * (1 + 1e-12)
    low = expected if optimistic is None else optimistic

    def estimate(measure: str, value: float, lower: float, upper: float) -> RiskEstimate:
        return RiskEstimate(
            measure=measure,
            attacker=attacker,
            value=value,
            lower=min(value, lower),
            upper=max(value, upper),
            kind=EstimateKind.ESTIMATE,
            n=classes.n,
            method=method,
            reference=reference,
        )

    means = [float(weight @ risk) for risk in (expected, low, cautious)]
    shares = [float(weight @ (risk > limit)) for risk in (expected, low, cautious)]
    return (
        *prosecutor,
        estimate("journalist_max", float(expected.max()), float(low.max()), float(cautious.max())),
        estimate("journalist_mean", *means),
        estimate("journalist_at_risk", *shares),
        estimate("marketer_mean", *means),
    )
