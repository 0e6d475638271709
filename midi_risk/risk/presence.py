"""delta-presence: how surely a member of the population is in the release.

Nergiz, Atzori, Clifton 2007, doi:10.1145/1247480.1247554.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from midi_risk.errors import MeasureError
from midi_risk.risk.classes import EquivalenceClasses
from midi_risk.risk.columns import FloatArray
from midi_risk.risk.population_match import population_of


class Presence(NamedTuple):
    """Smallest and largest probability of being in the release, over population classes."""

    minimum: float
    maximum: float


def presence_probabilities(
    classes: EquivalenceClasses, *, population_sizes: npt.ArrayLike | None = None
) -> FloatArray:
    """Compute f/F of each released class.

    Parameters
    ----------
    classes : EquivalenceClasses
        Classes of the release.
    population_sizes : array_like of shape (u,) or (n,), optional
        F per class or record; `classes` may carry it.

    Returns
    -------
    numpy.ndarray of shape (u,)

    Raises
    ------
    MeasureError
        If F is not known or below f.
    """
    population = population_of(classes, population_sizes)
    if population is None:
        raise MeasureError(
            "delta-presence needs the class sizes in the population, which nobody gave"
        )
    probability: npt.NDArray[Any] = classes.sizes / population
    return probability.astype(np.float64)


def delta_presence(
    classes: EquivalenceClasses,
    *,
    population_sizes: npt.ArrayLike | None = None,
    population_total: float | None = None,
) -> Presence:
    """Compute the range of the probability that a member of the population is in the release.

    Parameters
    ----------
    classes : EquivalenceClasses
        Classes of the release.
    population_sizes : array_like of shape (u,) or (n,), optional
        F per class or record; `classes` may carry it.
    population_total : float, optional
        Size of the whole population. When it exceeds the released classes, somebody is in a
        class of which nobody was released, and the minimum is 0. Without it the range is over
        the released classes only.

    Returns
    -------
    Presence

    Raises
    ------
    MeasureError
        If there are no records, or F is not known or below f.

    Examples
    --------
    >>> from midi_risk.risk import equivalence_classes
    >>> release = {"sex": ["F", "M", "M"], "people": [4, 8, 8]}
    >>> classes = equivalence_classes(release, "sex", population_sizes="people")
    >>> delta_presence(classes)
    Presence(minimum=0.25, maximum=0.25)
    """
    if not classes.n:
        raise MeasureError("delta-presence is not defined without records")
    probability = presence_probabilities(classes, population_sizes=population_sizes)
    population = population_of(classes, population_sizes)
    covered = 0.0 if population is None else float(population.sum())
    if population_total is not None and population_total < covered * (1 - 1e-12):
        raise MeasureError("The population is smaller than the classes counted in it")
    outside = population_total is not None and population_total > covered * (1 + 1e-12)
    minimum = 0.0 if outside else float(probability.min())
    return Presence(minimum, float(probability.max()))
