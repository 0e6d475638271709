"""What declared intervals do to a risk: Monte Carlo and tornado.

Fractions, prevalences, attempts and coverages are declared as intervals. Drawing them
gives an interval of the risk and the probability that it is above the threshold; moving
one at a time says which assumption matters most.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from midi_risk.errors import MeasureError

Distribution = Literal["uniform", "log-uniform", "triangular"]
Function = Callable[[Mapping[str, float]], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A quantity that is believed to lie in an interval.

    Parameters
    ----------
    name : str
        Such as ``"fraction"``.
    low, high : float
        The interval.
    central : float, optional
        Value that the headline uses; the middle (geometric for ``log-uniform``) by default.
    distribution : {"uniform", "log-uniform", "triangular"}
        How it is drawn; ``triangular`` peaks at ``central``.
    """

    name: str
    low: float
    high: float
    central: float | None = None
    distribution: Distribution = "uniform"

    def __post_init__(self) -> None:
        """Check the interval."""
        if not (np.isfinite(self.low) and np.isfinite(self.high) and self.low <= self.high):
            raise MeasureError(f"the interval of '{self.name}' has its low end above its high end")
        if self.distribution == "log-uniform" and self.low <= 0:
            raise MeasureError(f"'{self.name}' is log-uniform and must be above 0")
        if self.central is not None and not self.low <= self.central <= self.high:
            raise MeasureError(f"the central value of '{self.name}' is outside its interval")

    @property
    def middle(self) -> float:
        """The central value."""
        if self.central is not None:
            return self.central
        if self.distribution == "log-uniform":
            return float(np.sqrt(self.low * self.high))
        return (self.low + self.high) / 2

    def draw(self, rng: np.random.Generator, size: int) -> NDArray[np.float64]:
        """Return draws, shape (size,)."""
        if self.low == self.high:
            return np.full(size, self.low)
        if self.distribution == "log-uniform":
            return np.exp(rng.uniform(np.log(self.low), np.log(self.high), size))
        if self.distribution == "triangular":
            return rng.triangular(self.low, self.middle, self.high, size)
        return rng.uniform(self.low, self.high, size)


@dataclass(frozen=True, slots=True, kw_only=True)
class MonteCarlo:
    """Distribution of a risk over declared intervals.

    Parameters
    ----------
    values : numpy.ndarray
        Risk of each draw, shape (draws,).
    central : float
        Risk at the central values.
    """

    values: NDArray[np.float64]
    central: float

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return the central interval that holds this share of the draws."""
        tail = (1 - level) / 2
        low, high = np.quantile(self.values, [tail, 1 - tail])
        return float(low), float(high)

    def probability_above(self, threshold: float) -> float:
        """Return the share of draws with a risk above the threshold."""
        return float(np.mean(self.values > threshold * (1 + 1e-12)))


def monte_carlo(
    risk: Function,
    declared: Sequence[Declared],
    *,
    rng: np.random.Generator,
    draws: int = 1000,
) -> MonteCarlo:
    """Return the distribution of a risk when its inputs are drawn from their intervals.

    Inputs are drawn independently of each other.

    Parameters
    ----------
    risk : callable
        Risk of a mapping name -> value.
    declared : sequence of Declared
    rng : numpy.random.Generator
        Seeded, and printed in the report.
    draws : int

    Raises
    ------
    MeasureError
        When two inputs have one name, or there are no draws.

    Examples
    --------
    >>> attempt = Declared(name="attempt", low=0.2, high=0.4)
    >>> rng = np.random.default_rng(1)
    >>> found = monte_carlo(lambda v: v["attempt"] / 5, [attempt], rng=rng)
    >>> round(found.central, 3), round(found.probability_above(0.05), 1)
    (0.06, 0.8)
    """
    names = [one.name for one in declared]
    if len(set(names)) != len(names):
        raise MeasureError("two declared intervals have the same name")
    if draws < 1:
        raise MeasureError("at least one draw is needed")
    drawn = {one.name: one.draw(rng, draws) for one in declared}
    values = [
        risk({name: float(column[row]) for name, column in drawn.items()}) for row in range(draws)
    ]
    return MonteCarlo(
        values=np.asarray(values, dtype=np.float64),
        central=float(risk({one.name: one.middle for one in declared})),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TornadoBar:
    """What one assumption does to the risk when all others stay central.

    Parameters
    ----------
    name : str
    low, high : float
        Ends of its interval.
    at_low, at_high : float
        Risk there.
    central : float
        Risk at the central values.
    crosses : bool or None
        Whether the verdict depends on it; None without a threshold.
    """

    name: str
    low: float
    high: float
    at_low: float
    at_high: float
    central: float
    crosses: bool | None

    @property
    def swing(self) -> float:
        """Distance between the smallest and largest of the three risks."""
        risks = (self.at_low, self.at_high, self.central)
        return max(risks) - min(risks)


def tornado(
    risk: Function, declared: Sequence[Declared], *, threshold: float | None = None
) -> list[TornadoBar]:
    """Return the swing of the risk over each interval, the largest first.

    Parameters
    ----------
    risk : callable
        Risk of a mapping name -> value.
    declared : sequence of Declared
    threshold : float, optional
        Largest accepted risk.

    Examples
    --------
    >>> inputs = [Declared(name="a", low=0, high=1), Declared(name="b", low=0, high=4)]
    >>> [bar.name for bar in tornado(lambda v: v["a"] + v["b"], inputs)]
    ['b', 'a']
    """
    centre = {one.name: one.middle for one in declared}
    central = float(risk(centre))
    bars = []
    for one in declared:
        at_low = float(risk({**centre, one.name: one.low}))
        at_high = float(risk({**centre, one.name: one.high}))
        crosses = None
        if threshold is not None:
            accepted = {value <= threshold * (1 + 1e-12) for value in (at_low, at_high, central)}
            crosses = len(accepted) == 2
        bars.append(
            TornadoBar(
                name=one.name, low=one.low, high=one.high,
                at_low=at_low, at_high=at_high, central=central, crosses=crosses,
            )
        )  # fmt: skip
    return sorted(bars, key=lambda bar: (-bar.swing, bar.name))
