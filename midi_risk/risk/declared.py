"""What the intervals that a threat model declares do to the risk of one adversary."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from midi_risk.risk.threat_document import TornadoEntry, Uncertainty
from midi_risk.risk.uncertainty import Declared, monte_carlo, tornado
from midi_risk.threat.library import attempt_probability
from midi_risk.threat.model import Adversary, AttemptSettings, ThreatModel
from midi_risk.threat.quantities import Interval

Figure = Callable[[float | None, float | None], float]
"""Data risk at a sampling fraction and a membership; None leaves it as it is judged."""

SEED = 20260101
"""Seed of the draws when the assessor gives none; it is printed."""

DRAWS = 2000
_LOG = {"fraction", "prevalence"}
"""Quantities whose order of magnitude is uncertain: drawn evenly on a log scale."""

_MANY = 20_000
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
    >>> from midi_risk.threat.quantities import Interval
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
    ends and the middle are among them) and interpolated between: the risk is smooth there,
    and 2,000 fits would tell no more.
    """
    quantities = declared_quantities(model, adversary)
    if not quantities:
        return None
    data = _interpolated(figure, {q.name: q for q in quantities}, 5 if subjects > _MANY else 9)

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
        tornado=[
            TornadoEntry(
                name=bar.name,
                low=bar.low,
                high=bar.high,
                at_low=bar.at_low,
                at_high=bar.at_high,
                crosses=bool(bar.crosses),
            )
            for bar in tornado(overall, quantities, threshold=threshold)
        ],
        method=_METHOD,
    )


def _interpolated(
    figure: Figure, quantities: Mapping[str, Declared], places: int
) -> Callable[[float | None, float | None], float]:
    """Return the data risk between a few places of fraction and membership."""
    fraction, membership = quantities.get("fraction"), quantities.get("membership")
    rows = [None] if fraction is None else list(_places(fraction, places))
    columns = [None] if membership is None else list(_places(membership, places))
    table = np.array([[figure(row, column) for column in columns] for row in rows])

    def at(f: float | None, w: float | None) -> float:
        line = table[0] if f is None or fraction is None else _between(f, rows, table)
        if w is None or membership is None:
            return float(line[0])
        return float(np.interp(w, np.array(columns, dtype=np.float64), line))

    return at


def _places(quantity: Declared, places: int) -> npt.NDArray[np.float64]:
    """Return values from end to end, an odd number, on the scale that is drawn."""
    if quantity.distribution == "log-uniform":
        found = np.geomspace(quantity.low, quantity.high, places)
    else:
        found = np.linspace(quantity.low, quantity.high, places)
    found[0], found[-1] = quantity.low, quantity.high
    return found


def _between(
    value: float, rows: list[float | None] | list[None], table: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Interpolate the rows of a table on a log scale."""
    scale = np.log(np.array(rows, dtype=np.float64))
    return np.array([np.interp(np.log(value), scale, column) for column in table.T])
