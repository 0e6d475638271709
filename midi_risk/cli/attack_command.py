"""`midi-risk attack`: a simulated motivated intruder, one row per adversary."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from midi_risk.cli import options as common
from midi_risk.cli.options import progress_bar

if TYPE_CHECKING:
    from midi_risk.table.model import SubjectTable
    from midi_risk.threat.model import ThreatModel


@click.command("attack")
@click.argument("sources", nargs=-1, metavar="PROJECT|SOURCE...")
@common.with_options(common.TABLES, common.THREATS, common.THRESHOLD, common.PARAMETERS)
@click.option("--attempts", type=click.IntRange(min=1), default=2000, show_default=True,
              help="Records that the intruder looks up in each drawn population.")  # fmt: skip
@click.option("--populations", type=click.IntRange(min=1), default=20, show_default=True,
              help="Populations that are drawn.")  # fmt: skip
@click.option("--coverage", type=common.ShareType(), default=1.0, show_default=True,
              metavar="SHARE", help="Share of the people who are in the register.")  # fmt: skip
@click.option("--error-rate", type=common.ShareType(), default=0.0, show_default=True,
              metavar="SHARE", help="Share of the register's fields that are wrong.")  # fmt: skip
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of all draws.")
@common.with_options(common.JOBS, common.FORMAT, common.QUIET)
def command(sources: tuple[str, ...], **given: Any) -> None:
    """Simulate a motivated intruder and compare what they achieve with the prediction.

    For each adversary of each threat model, populations consistent with the model are
    drawn, a register of each is made, and released records are looked up in it.
    """
    from midi_risk.cli.job import open_job
    from midi_risk.document.clean import neutral

    job = open_job(
        sources, given["tables"], threats=given["threats"], parameters=given["parameters"]
    )
    models = job.threat_models(given["k"], given["k_reason"], given["criteria"])
    with progress_bar("reading", quiet=given["quiet"]) as progress:
        extraction = job.extract(jobs=given["jobs"], progress=progress)
    table = job.fold(extraction, job.attributes(extraction))
    rows = attack_rows(
        table,
        models,
        attempts=given["attempts"],
        populations=given["populations"],
        coverage=given["coverage"],
        error_rate=given["error_rate"],
        seed=given["seed"],
    )
    if given["form"] == "json":
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        low, high = row["interval"]
        click.echo(neutral(f"{row['model']}, {row['adversary']}: {row['population']}"))
        click.echo(
            f"  attempts {row['attempts']}, suspected {row['suspected']}"
            f" (right {row['suspected_correct']}), right {row['correct']}"
        )
        click.echo(
            f"  share right {row['rate']:.4f} (95 % interval {low:.4f} to {high:.4f}),"
            f" predicted {row['predicted']:.4f}"
        )


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
    from midi_risk.risk.attacks.intruder import IntruderResult, draw_population, simulate_intruder
    from midi_risk.risk.classes.classes import EquivalenceClasses
    from midi_risk.risk.measures.imprecise import known_attributes
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
