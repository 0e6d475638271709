"""One bound for all classes together: the size that no class falls below, with 95 % probability.

A bound per class, judged as the maximum, fails for some class of many: twenty classes whose own
bounds are just the limit exceed it together with probability .64. Bonferroni pays for classes that
are safe; the product of the laws does not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from midi_risk.risk.population.laws import ClassLaw, Floats, tail_of

DRAWS = 400
"""Draws of the parameters that classes share."""
_WORST = 200
_SURE = 1e-7


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedParameters:
    """The estimated quantities that the share of each class is a product of.

    Parameters
    ----------
    which : numpy.ndarray
        Number of each quantity, int64, shape (c, j). Classes with one number share it.
    variation : numpy.ndarray
        Squared coefficient of variation of each, shape (c, j).
    """

    which: NDArray[np.int64]
    variation: Floats

    def draw(self, chosen: NDArray[np.int64], rng: np.random.Generator, draws: int) -> Floats:
        """Return factors on the shares of some classes, shape (draws, chosen)."""
        which, variation = self.which[chosen], self.variation[chosen]
        numbers, first, place = np.unique(which, return_index=True, return_inverse=True)
        spread = np.maximum(variation.ravel()[first], 1e-12)
        factors = rng.gamma(1 / spread, spread, (draws, len(numbers)))
        return np.asarray(factors[:, place.reshape(which.shape)].prod(axis=2), dtype=np.float64)


def joint_size(every: Callable[[int], float], *, least: int, level: float = 0.95) -> int:
    """Return the largest L that all classes reach together with probability ``level``.

    Parameters
    ----------
    every : callable
        L -> P(every class has at least L people), falling in L.
    least : int
        A size that is certain, such as the smallest class of the release.
    level : float
        Probability in (0, 1).

    Examples
    --------
    >>> from midi_risk.risk.population.laws import class_law
    >>> law = class_law([1, 1, 1], [12, 20, 40], 1.0, counted=False)
    >>> joint_size(lambda size: float(law.reached(size).prod()), least=1)
    8
    """
    low, step = least, 1
    while every(low + step) >= level:
        low, step = low + step, step * 2
    high = low + step - 1
    while low < high:
        middle = (low + high + 1) // 2
        if every(middle) >= level:
            low = middle
        else:
            high = middle - 1
    return low


def joint_lower_size(
    law: ClassLaw,
    parameters: SharedParameters | None = None,
    *,
    own: Floats | float = 0.0,
    level: float = 0.95,
    seed: int = 0,
) -> int:
    """Return the simultaneous lower bound of the population class sizes.

    ``L* = max{L: (1/D) sum_d prod_c P(F_c >= L | theta_d) >= level}``

    Parameters
    ----------
    law : ClassLaw
        Its variation is that of all parameters of a class together, for classes that are safe.
    parameters : SharedParameters, optional
        Drawn once for all classes that use them; without, the laws are independent.
    own : numpy.ndarray or float
        Part of the variation that each class has for itself, shape (c,).
    level : float
    seed : int
        Of the draws.

    Notes
    -----
    Drawn are the classes that decide; of the others the law with everything mixed in counts.

    Examples
    --------
    >>> from midi_risk.risk.population.laws import class_law
    >>> joint_lower_size(class_law([1, 1, 1], [12, 20, 40], 1.0, counted=False))
    8
    """
    lone = np.broadcast_to(np.asarray(own, np.float64), law.size.shape)

    def every(size: int) -> float:
        marginal = law.reached(size)
        if parameters is None:
            return float(marginal.prod())
        open_ = np.flatnonzero(1 - marginal > _SURE)
        drawn = open_[np.argsort(marginal[open_], kind="stable")][:_WORST]
        others = np.ones(len(marginal), dtype=bool)
        others[drawn] = False
        safe = float(marginal[others].prod())
        if not len(drawn) or safe < level:
            return safe * float(marginal[drawn].prod())
        factors = parameters.draw(drawn, np.random.default_rng(seed), DRAWS)
        tails = tail_of(
            size - law.size[drawn],
            law.trials[drawn],
            law.share[drawn] * factors,
            lone[drawn],
            counted=law.counted,
        )
        return safe * float(tails.prod(axis=1).mean())

    return joint_size(every, least=int(law.size.min()), level=level)


def joint_levels(law: ClassLaw, size: int) -> NDArray[np.int64]:
    """Return a lower size of each class that agrees with a joint one.

    Parameters
    ----------
    law : ClassLaw
    size : int
        From `joint_lower_size`.

    Returns
    -------
    numpy.ndarray of int64, shape (c,)
        Reached by each class with the probability with which the worst reaches ``size``.
    """
    least = float(np.clip(law.reached(size).min(), 0.95, 1 - 1e-9))
    return np.asarray(np.maximum(law.quantile(least), size), dtype=np.int64)


def share_at_risk(
    reached: Floats, counts: NDArray[np.int64], *, level: float = 0.95
) -> tuple[float, float]:
    """Return the expected share of subjects in classes that are too small, and its upper end.

    Parameters
    ----------
    reached : numpy.ndarray
        Probability that each class is large enough, shape (c,).
    counts : numpy.ndarray
        Subjects in each class, shape (c,).
    level : float
        Of the Poisson-binomial quantile; exact up to rounding, by adding classes one by one.

    Examples
    --------
    >>> share_at_risk(np.array([0.5, 0.5]), np.array([1, 1]))
    (0.5, 1.0)
    """
    n = int(counts.sum())
    risk = 1 - reached
    expected = float(counts @ risk) / n
    unsure = (risk > 0) & (risk < 1)
    certain = int(counts[risk >= 1].sum())
    spread = float((counts[unsure] ** 2 * risk[unsure] * reached[unsure]).sum()) ** 0.5
    if unsure.sum() > 2000:  # many classes: the sum is normal
        middle = float((counts[unsure] * risk[unsure]).sum())
        return expected, min(1.0, (certain + middle + 1.645 * spread + 0.5) / n)
    law = np.ones(1)
    for size, p in zip(counts[unsure].tolist(), risk[unsure].tolist(), strict=True):
        longer = np.zeros(len(law) + size)
        longer[: len(law)] += law * (1 - p)
        longer[size:] += law * p
        law = longer
    most = int(np.searchsorted(np.cumsum(law), level - 1e-12))
    return expected, (certain + most) / n
