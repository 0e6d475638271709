"""The risk of each class, for who knows that its subjects are released and for who does not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from midi_risk.risk.estimate import EstimateKind, RiskEstimate

Floats = npt.NDArray[np.float64]

MEMBERSHIP_REFERENCE = "derived from El Emam 2013: prosecutor and journalist, weighted"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassRisk:
    """Probability of a right match in each class (or of each record).

    Parameters
    ----------
    counts : numpy.ndarray of int64, shape (u,)
        Subjects in each class.
    prosecutor : numpy.ndarray, shape (u,)
        1 / f.
    expected, cautious, optimistic : numpy.ndarray, shape (u,)
        Against the population: E[1/F | f], what holds with 95 % probability, and the
        expectation at the other end of a declared interval.
    exact : bool
        Whether the three are one figure that is not estimated.
    """

    counts: npt.NDArray[np.int64]
    prosecutor: Floats
    expected: Floats
    cautious: Floats
    optimistic: Floats
    exact: bool = False

    @classmethod
    def of_release(cls, counts: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64]) -> ClassRisk:
        """Return the risk where nobody outside the release is counted on: F = f."""
        risk = 1 / np.asarray(sizes, dtype=np.float64)
        return cls(
            counts=counts,
            prosecutor=risk,
            expected=risk,
            cautious=risk,
            optimistic=risk,
            exact=True,
        )

    @property
    def population(self) -> Floats:
        """Population class size that is reached with 95 % probability, shape (u,)."""
        return np.maximum(1.0, 1 / self.cautious)

    def weighted(self, membership: float) -> Floats:
        """Return w / f + (1 - w) times the cautious population risk, shape (u,)."""
        return membership * self.prosecutor + (1 - membership) * self.cautious


def membership_risk(
    risk: ClassRisk, weight: tuple[float, float], *, k: int, attacker: str = ""
) -> tuple[RiskEstimate, ...]:
    """Return the risk when it is not certain that the attacker knows who is in the release.

    ``R_j = w / f_j + (1 - w) / F_j``: w = 1 is the prosecutor, w = 0 the journalist.

    Parameters
    ----------
    risk : ClassRisk
    weight : (float, float)
        Interval of w; the high end governs, since f is never above F.
    k : int
        Subjects with a risk above 1 / k are at risk.
    attacker : str

    Returns
    -------
    tuple of RiskEstimate
        ``membership_max``, ``membership_mean`` and ``membership_at_risk``.

    Examples
    --------
    >>> sizes, people = np.array([1, 2]), np.array([10.0, 40.0])
    >>> both = ClassRisk(
    ...     counts=sizes, prosecutor=1 / sizes, expected=1 / people, cautious=1 / people,
    ...     optimistic=1 / people,
    ... )
    >>> [round(r.value, 4) for r in membership_risk(both, (0.5, 0.5), k=11)]
    [0.55, 0.3583, 1.0]
    """
    low, high = weight
    n = int(risk.counts.sum())
    share = risk.counts / n
    limit = (1 / k) * (1 + 1e-12)

    def mixed(w: float, people: Floats) -> Floats:
        return w * risk.prosecutor + (1 - w) * people

    value, least, most = (
        mixed(high, risk.expected),
        mixed(low, risk.optimistic),
        mixed(high, risk.cautious),
    )
    told = f"w = {high:g}" if low == high else f"w = {high:g}, the high end of {low:g} to {high:g}"
    figures = {
        "max": [float(x.max()) for x in (value, least, most)],
        "mean": [float(share @ x) for x in (value, least, most)],
        "at_risk": [float(share @ (x > limit)) for x in (value, least, most)],
    }
    return tuple(
        RiskEstimate(
            measure=f"membership_{name}",
            attacker=attacker,
            value=found,
            lower=min(found, lower),
            upper=max(found, upper),
            kind=EstimateKind.EXACT if risk.exact else EstimateKind.ESTIMATE,
            n=n,
            method=f"w / f + (1 - w) / F, {told}; w = 1 is the prosecutor, w = 0 the journalist",
            reference=MEMBERSHIP_REFERENCE,
        )
        for name, (found, lower, upper) in figures.items()
    )
