"""Rows of a simulated attack: one per adversary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from midi_risk.table.model import SubjectTable
    from midi_risk.threat.model import ThreatModel


def attack_rows(
    table: SubjectTable,
    models: Sequence[ThreatModel],
    *,
    attempts: int,
    populations: int,
    coverage: float,
    error_rate: float,
    seed: int,
) -> list[dict[str, Any]]:
    """Simulate every adversary who knows something that is released.

    Parameters
    ----------
    table : SubjectTable
        With decisions, which are applied.
    models : sequence of ThreatModel
    attempts, populations : int
        Look-ups per drawn population, and populations.
    coverage, error_rate : float
        Of the register.
    seed : int

    Returns
    -------
    list of dict
        Attempts, suspected and right picks with the interval, and the predicted risk.
    """
    import numpy as np

    from midi_risk.attributes.model import Role
    from midi_risk.risk.classes import EquivalenceClasses
    from midi_risk.risk.intruder import IntruderResult, draw_population, simulate_intruder
    from midi_risk.risk.knowledge import known_attributes
    from midi_risk.table.release import measured, released
    from midi_risk.threat.library import attempt_probability

    view = released(table)
    quasi = tuple(measured(view, Role.QUASI_IDENTIFIER))
    rng = np.random.default_rng(seed)
    rows = []
    for model in models:
        people = model.population.size if isinstance(model.population.size, int) else 0
        for adversary in model.adversaries:
            names = list(known_attributes(quasi, adversary))
            codes = view.codes(names)
            classes = EquivalenceClasses.from_codes(codes)
            draws = [
                simulate_intruder(
                    codes,
                    draw_population(classes, people, rng),
                    attempts=attempts,
                    rng=rng,
                    coverage=coverage,
                    error_rate=error_rate,
                    k=model.threshold.k,
                )
                for _ in range(populations)
            ]
            whole = IntruderResult(
                attempts=sum(d.attempts for d in draws),
                suspected=sum(d.suspected for d in draws),
                suspected_correct=sum(d.suspected_correct for d in draws),
                correct=sum(d.correct for d in draws),
                candidates=float(np.mean([d.candidates for d in draws])),
                predicted=float(np.mean([d.predicted for d in draws])),
            )
            text = f"{people} people drawn" if people > classes.n else "the release itself"
            rows.append(
                {
                    "model": model.name,
                    "adversary": adversary.name,
                    "attempt": attempt_probability(adversary)[0],
                    "knows": names,
                    "population": f"register of {text}",
                    "attempts": whole.attempts,
                    "suspected": whole.suspected,
                    "suspected_correct": whole.suspected_correct,
                    "correct": whole.correct,
                    "rate": whole.rate,
                    "interval": list(whole.interval()),
                    "candidates": whole.candidates,
                    "predicted": whole.predicted,
                    "coverage": coverage,
                    "error_rate": error_rate,
                    "seed": seed,
                }
            )
    return rows
