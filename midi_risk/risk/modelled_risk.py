"""Identity risk when a model gives the population class sizes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from midi_risk.risk.class_risk import ClassRisk
from midi_risk.risk.classes import EquivalenceClasses
from midi_risk.risk.estimate import EstimateKind, RiskEstimate
from midi_risk.risk.identity import identity_risk


def modelled_risk(
    classes: EquivalenceClasses,
    risk: ClassRisk,
    *,
    k: int,
    attacker: str = "",
    method: str,
    reference: str,
) -> tuple[RiskEstimate, ...]:
    """Return identity risks when a model gives the population class sizes.

    Parameters
    ----------
    classes : EquivalenceClasses
    risk : ClassRisk
        Of each class.
    k : int
        Smallest accepted class size.
    attacker : str
        Name of the adversary.
    method, reference : str
        The model in words, and its source.

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
    expected, low, cautious = risk.expected, risk.optimistic, risk.cautious

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

    means = [float(weight @ part) for part in (expected, low, cautious)]
    shares = [float(weight @ (part > limit)) for part in (expected, low, cautious)]
    return (
        *prosecutor,
        estimate("journalist_max", float(expected.max()), float(low.max()), float(cautious.max())),
        estimate("journalist_mean", *means),
        estimate("journalist_at_risk", *shares),
        estimate("marketer_mean", *means),
    )


def class_risk(
    classes: EquivalenceClasses,
    expected: npt.NDArray[np.float64],
    cautious: npt.NDArray[np.float64],
    optimistic: npt.NDArray[np.float64],
) -> ClassRisk:
    """Return the risk of each class when a model gives its population.

    Parameters
    ----------
    classes : EquivalenceClasses
    expected, cautious, optimistic : numpy.ndarray of shape (u,)
        As in `ClassRisk`; what is cautious is never below what is expected.
    """
    return ClassRisk(
        counts=classes.counts,
        prosecutor=1 / classes.sizes,
        expected=expected,
        cautious=np.maximum(expected, cautious),
        optimistic=np.minimum(expected, optimistic),
    )
