"""Risk against a modelled population as a criterion of the search.

A release whose classes are small can be acceptable when many people outside it look alike.
The search then need not ask for class sizes in the release: that generalises too much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.errors import SearchError
from midi_risk.recode.classes_view import ClassView
from midi_risk.risk.superpopulation import PitmanYor, fit_pitman_yor
from midi_risk.threat.context import required_class_size
from midi_risk.threat.library import attempt_probability
from midi_risk.threat.model import Interval, ThreatModel
from midi_risk.threat.quantities import ends

Bools = npt.NDArray[np.bool_]
_EPSILON = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class PopulationRisk:
    """Each class reaches ``k`` people of the population, as the Pitman-Yor model has it.

    The model is fitted to the classes of every node; a class passes when both E[1/F | f] and
    one over the size that is reached with 95 % probability are at most 1 / k. Where there is
    no fit, F = f. Neither monotone nor robust: joining classes changes the fit.

    Parameters
    ----------
    k : int
        Class size that is required in the population.
    people : int
        Size of the population.

    References
    ----------
    Pitman 1995, doi:10.1007/BF01213386; Hoshino 2001.

    Examples
    --------
    >>> PopulationRisk(11, 50_000).smallest(np.repeat([1, 2, 3, 8, 20], [40, 12, 5, 1, 1])) < 11
    True
    """

    k: int
    people: int
    monotone: bool = False
    robust: bool = False
    sensitive: str | None = None
    population: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        """Check the parameters."""
        if self.k < 1 or self.people < 1:
            raise SearchError("k and the number of people must be at least 1")

    def smallest(self, sizes: npt.NDArray[np.int64]) -> int:
        """Return the smallest class size of the release that passes.

        Parameters
        ----------
        sizes : numpy.ndarray of int64
            Size of every class of the release.
        """
        n = int(sizes.sum())
        fit = fit_pitman_yor(sizes) if self.people >= n else None
        if not isinstance(fit, PitmanYor):
            return self.k
        low, high = 1, min(self.k, int(sizes.max()) + 1)
        while low < high:
            middle = (low + high) // 2
            if middle > n or self._passes(fit, middle, n):
                high = middle
            else:
                low = middle + 1
        return low

    def _passes(self, fit: PitmanYor, size: int, n: int) -> bool:
        given = np.array([size])
        reached = int(fit.quantile(given, n=n, population=self.people)[0])
        expected = float(fit.expected_inverse(given, n=n, population=self.people)[0])
        return max(expected, 1 / reached) <= (1 / self.k) * (1 + _EPSILON)

    def failing(self, view: ClassView) -> Bools:
        """Return the classes that are too easily told apart in the population."""
        return view.sizes < self.smallest(view.sizes)


def population_criteria(
    models: Sequence[ThreatModel], subjects: int
) -> tuple[PopulationRisk, ...] | None:
    """Return criteria that stand for all models, None when class sizes in the release must.

    Parameters
    ----------
    models : sequence of ThreatModel
    subjects : int
        Subjects in the release.

    Returns
    -------
    tuple of PopulationRisk or None
        One per model, when each is judged on the maximum against the Pitman-Yor model and
        none of its adversaries knows who is in the release.
    """
    found = []
    for model in models:
        people = _people(model, subjects)
        blind = all(
            "prosecutor" not in a.attack and a.membership is None for a in model.adversaries
        )
        if people is None or not blind or model.threshold.statistic != "maximum":
            return None
        for adversary in model.adversaries:
            pressure = attempt_probability(adversary)[0]
            if adversary.verification is not None:
                pressure *= ends(adversary.verification)[1]
            found.append((required_class_size(pressure, model.threshold.k), people))
    return tuple(PopulationRisk(k, people) for k, people in sorted(set(found)))


def _people(model: ThreatModel, subjects: int) -> int | None:
    """Return the smallest size of a population that the Pitman-Yor model stands for."""
    settings = model.population
    if settings.kind not in {"size", "estimate"} or settings.model not in {None, "pitman-yor"}:
        return None
    if isinstance(settings.size, int):
        return settings.size
    if isinstance(settings.fraction, Interval):
        return round(subjects / settings.fraction.high)
    return None
