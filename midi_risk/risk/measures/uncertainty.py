"""What the intervals that a threat model declares do to a risk: Monte Carlo and tornado.

Fractions, prevalences, attempts and coverages are declared as intervals. Drawing them
gives an interval of the risk and the probability that it is above the threshold; moving
one at a time says which assumption matters most.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from midi_risk.document.assessment import TornadoEntry, Uncertainty
from midi_risk.errors import MeasureError
from midi_risk.threat.library import attempt_probability
from midi_risk.threat.model import Adversary, AttemptSettings, Interval, ThreatModel

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


def tornado(
    risk: Function, declared: Sequence[Declared], *, threshold: float | None = None
) -> list[TornadoEntry]:
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
        bar = TornadoEntry(
            name=one.name, low=one.low, high=one.high,
            at_low=at_low, at_high=at_high, crosses=crosses,
        )  # fmt: skip
        risks = (at_low, at_high, central)
        bars.append((max(risks) - min(risks), bar))
    return [bar for _, bar in sorted(bars, key=lambda pair: (-pair[0], pair[1].name))]


Figure = Callable[[float | None, float | None], float]
"""Data risk at a sampling fraction and a membership; None leaves it as it is judged."""

SEED = 20260101
"""Seed of the draws when the assessor gives none; it is printed."""

DRAWS = 2000
_LOG = {"fraction", "prevalence"}
"""Quantities whose order of magnitude is uncertain: drawn evenly on a log scale."""

_MANY = 20_000
_REFINED = 16
"""Further places of the fraction at which a maximum is looked at."""
_STEP = 0.005
"""Width of a place, on the log scale, that needs no further look."""
_METHOD = (
    "overall risk = attempt x verification x judged data risk; intervals drawn independently,"
    " fraction and prevalence evenly on a log scale, the others evenly"
)


def declared_quantities(model: ThreatModel, adversary: Adversary) -> tuple[Declared, ...]:
    """Return the intervals that bear on an adversary, in a fixed order.

    Parameters
    ----------
    model : ThreatModel
    adversary : Adversary

    Examples
    --------
    >>> from midi_risk.threat.model import Interval
    >>> unsure = Adversary(name="x", attempt=Interval(low=0.2, high=0.4))
    >>> from midi_risk.threat.library import load_threat_model
    >>> [d.name for d in declared_quantities(load_threat_model("public-release"), unsure)]
    ['attempt']
    """
    given: dict[str, object] = {
        "membership": adversary.membership,
        "verification": adversary.verification,
    }
    if isinstance(adversary.attempt, AttemptSettings):
        given["prevalence"] = adversary.attempt.prevalence
        given["breach"] = adversary.attempt.breach
    else:
        given["attempt"] = adversary.attempt
    if model.population.kind in {"table", "estimate"} and model.population.size is None:
        given["fraction"] = model.population.fraction
    return tuple(
        Declared(
            name=name,
            low=quantity.low,
            high=quantity.high,
            distribution="log-uniform" if name in _LOG else "uniform",
        )
        for name, quantity in sorted(given.items())
        if isinstance(quantity, Interval) and quantity.low < quantity.high
    )


def declared_uncertainty(
    figure: Figure,
    model: ThreatModel,
    adversary: Adversary,
    *,
    seed: int = SEED,
    draws: int = DRAWS,
    subjects: int = 0,
) -> Uncertainty | None:
    """Draw the declared intervals and say what they do to the overall risk.

    Parameters
    ----------
    figure : callable
        Data risk at a fraction and a membership.
    model, adversary : ThreatModel, Adversary
    seed, draws : int
    subjects : int
        Beyond 20,000 the fraction is evaluated at fewer places.

    Returns
    -------
    Uncertainty or None
        None when nothing is declared.

    Notes
    -----
    The data risk is evaluated at nine places of each interval (five for large tables; the
    ends and the middle are among them). A mean is smooth between them and interpolated. A maximum
    is one over a whole number of people, so it falls in steps: where two neighbours differ, more
    places are looked at, and each draw counts with the step that it is on (the next place above).
    """
    quantities = declared_quantities(model, adversary)
    if not quantities:
        return None
    places = 5 if subjects > _MANY else 9
    more = _REFINED if model.threshold.statistic == "maximum" else 0
    data = _interpolated(figure, {q.name: q for q in quantities}, places, more)

    def overall(values: Mapping[str, float]) -> float:
        attempt, _ = attempt_probability(adversary, values)
        verified = values.get("verification", adversary.verification)
        factor = 1.0 if verified is None else float(verified)  # type: ignore[arg-type]
        return attempt * factor * data(values.get("fraction"), values.get("membership"))

    threshold = model.threshold.risk
    drawn = monte_carlo(overall, quantities, rng=np.random.default_rng(seed), draws=draws)
    low, high = drawn.interval()
    return Uncertainty(
        probability_above=drawn.probability_above(threshold),
        interval=(low, high),
        central=drawn.central,
        conservative=float(overall({q.name: q.high for q in quantities})),
        threshold=threshold,
        draws=draws,
        seed=seed,
        tornado=tornado(overall, quantities, threshold=threshold),
        method=_METHOD,
    )


def _interpolated(
    figure: Figure, quantities: Mapping[str, Declared], places: int, more: int = 0
) -> Callable[[float | None, float | None], float]:
    """Return the data risk between a few places of fraction and membership."""
    fraction, membership = quantities.get("fraction"), quantities.get("membership")
    rows: list[float | None] = [None]
    columns: list[float | None] = [None]
    if fraction is not None:
        rows = list(_places(fraction, places))
    if membership is not None:
        columns = list(_places(membership, places))
    lines = [[figure(row, column) for column in columns] for row in rows]
    if fraction is not None:
        for _ in range(more):
            if not _refined(figure, rows, lines, columns):
                break
    table = np.array(lines)

    def at(f: float | None, w: float | None) -> float:
        if f is None or fraction is None:
            line = table[0]
        elif more:
            line = table[_step(f, rows)]
        else:
            line = _between(f, rows, table)
        if w is None or membership is None:
            return float(line[0])
        return float(np.interp(w, np.array(columns, dtype=np.float64), line))

    return at


def _refined(
    figure: Figure,
    rows: list[float | None],
    lines: list[list[float]],
    columns: list[float | None],
) -> bool:
    """Look at one more place, where the risk jumps most; False when the steps are known."""
    known = [float(row) for row in rows if row is not None]
    widths = [
        np.log(known[i + 1] / known[i]) if lines[i] != lines[i + 1] else 0.0
        for i in range(len(known) - 1)
    ]
    if not widths or max(widths) < _STEP:
        return False
    at = int(np.argmax(widths))
    middle = float(np.sqrt(known[at] * known[at + 1]))
    rows.insert(at + 1, middle)
    lines.insert(at + 1, [figure(middle, column) for column in columns])
    return True


def _step(value: float, rows: list[float | None]) -> int:
    """Return the first place at or above a fraction."""
    places = np.array(rows, dtype=np.float64)
    return min(int(np.searchsorted(places, value * (1 - 1e-12))), len(places) - 1)


def _places(quantity: Declared, places: int) -> npt.NDArray[np.float64]:
    """Return values from end to end, an odd number, on the scale that is drawn."""
    if quantity.distribution == "log-uniform":
        found = np.geomspace(quantity.low, quantity.high, places)
    else:
        found = np.linspace(quantity.low, quantity.high, places)
    found[0], found[-1] = quantity.low, quantity.high
    return found


def _between(
    value: float, rows: list[float | None], table: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Interpolate the rows of a table on a log scale."""
    scale = np.log(np.array(rows, dtype=np.float64))
    return np.array([np.interp(np.log(value), scale, column) for column in table.T])
