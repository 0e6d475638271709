"""`midi-risk attack`: a simulated motivated intruder, one row per adversary."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from midi_risk.cli import options as common
from midi_risk.cli.options import progress_bar

if TYPE_CHECKING:
    import pandas as pd

    from midi_risk.table.model import SubjectTable
    from midi_risk.threat.model import ThreatModel


@click.command("attack")
@click.argument("sources", nargs=-1, metavar="PROJECT|SOURCE...")
@common.with_options(common.TABLES, common.THREATS, common.THRESHOLD, common.PARAMETERS)
@click.option("--attempts", type=click.IntRange(min=1), default=2000, show_default=True,
              help="Records that the intruder looks up in each split.")  # fmt: skip
@click.option("--populations", type=click.IntRange(min=1), default=20, show_default=True,
              help="Splits of the release, one half held back.")  # fmt: skip
@click.option("--coverage", type=common.ShareType(), default=1.0, show_default=True,
              metavar="SHARE", help="Share of the people who are in the register.")  # fmt: skip
@click.option("--error-rate", type=common.ShareType(), default=0.0, show_default=True,
              metavar="SHARE", help="Share of the register's fields that are wrong.")  # fmt: skip
@click.option("--register", type=click.Path(exists=True, dir_okay=False), metavar="FILE",
              help="CSV of real people, with attributes as they would be released.")  # fmt: skip
@click.option("--register-key", "register_key", metavar="COLUMN",
              help="Its column with the subject keys, where it says who is who.")  # fmt: skip
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of all draws.")
@common.with_options(common.JOBS, common.FORMAT, common.QUIET)
def command(sources: tuple[str, ...], **given: Any) -> None:
    """Simulate a motivated intruder and compare what they achieve with the prediction.

    For each adversary the model that is judged is fitted to one half of the release, and an
    intruder who has the other half as well looks records up. With --register they are looked
    up in a list of real people too. A passed attack never improves a verdict: it cannot see how
    subjects came into the collection.
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
        register=None if given["register"] is None else _read_register(given["register"]),
        key=given["register_key"],
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
            f" predicted {row['predicted']:.4f} ({row['tested']})"
        )
        low, high = row["achieved_interval"]
        gap = "" if row["z"] is None else f", z {row['z']:.1f}"
        click.echo(
            f"  counted {row['achieved']:.4f} ({low:.4f} to {high:.4f} between splits){gap};"
            f" judged of the whole release: {row['judged']:.4f}"
        )
        if register := row.get("register"):
            low, high = register["interval"]
            who = "who are in it" if register["keyed"] else "with somebody alike"
            click.echo(
                f"  register of {register['people']}: {register['listed']} subjects {who}, right"
                f" {register['rate']:.4f} (95 % interval {low:.4f} to {high:.4f})"
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
    register: pd.DataFrame | None = None,
    key: str | None = None,
) -> list[dict[str, Any]]:
    """Attack for every adversary who knows something that is released.

    Parameters
    ----------
    table : SubjectTable
        With decisions, which are applied.
    models : sequence of ThreatModel
    attempts, populations : int
        Look-ups per split of the release into halves, and splits.
    coverage, error_rate : float
        Of the register.
    seed : int
    register : pandas.DataFrame, optional
        Text; people with the attributes of the release as they would be released.
    key : str, optional
        Its column that holds subject keys.

    Returns
    -------
    list of dict
        Attempts, suspected and right picks with the interval, what was achieved and predicted.
    """
    import numpy as np

    from midi_risk.attributes.model import Role
    from midi_risk.risk.adversaries import adversary_risk
    from midi_risk.risk.attacks.register import held_back
    from midi_risk.risk.measures.imprecise import known_attributes
    from midi_risk.risk.population.results import table_cells
    from midi_risk.table.release import measured, released

    view = released(table)
    quasi = tuple(measured(view, Role.QUASI_IDENTIFIER))
    rng = np.random.default_rng(seed)
    rows = []
    for model in models:
        for adversary in model.adversaries:
            risk = adversary_risk(view, quasi, model, adversary)
            names = list(known_attributes(quasi, adversary))
            codes = np.asarray(view.codes(names), dtype=np.int64)
            cells, given = table_cells(view.frame, [a for a in quasi if a.name in names], model)
            found = held_back(
                codes,
                cells,
                modelled=risk.against.judged,
                attempts=attempts,
                rng=rng,
                splits=populations,
                coverage=coverage,
                error_rate=error_rate,
                k=model.threshold.k,
                given=given,
            )
            whole = found.whole
            plain = coverage == 1 and error_rate == 0
            row = {
                "model": model.name,
                "adversary": adversary.name,
                "attempt": risk.attempt,
                "knows": names,
                "population": f"the other half of the release held back, {found.splits} times",
                "attempts": whole.attempts,
                "suspected": whole.suspected,
                "suspected_correct": whole.suspected_correct,
                "correct": whole.correct,
                "rate": whole.rate,
                "interval": list(whole.interval()),
                "candidates": whole.candidates,
                "predicted": found.predicted,
                "tested": found.model,
                "achieved": found.achieved,
                "achieved_interval": [
                    max(0.0, found.achieved - 1.96 * found.achieved_spread),
                    min(1.0, found.achieved + 1.96 * found.achieved_spread),
                ],
                "z": found.z if plain else None,
                "judged": risk.governing.upper,
                "coverage": coverage,
                "error_rate": error_rate,
                "seed": seed,
            }
            if register is not None:
                row["register"] = _register_row(view, names, register, key)
            rows.append(row)
    return rows


def _register_row(
    view: SubjectTable, names: Sequence[str], register: pd.DataFrame, key: str | None
) -> dict[str, Any]:
    """Look the released records up in a register that was given."""
    from dataclasses import asdict

    import numpy as np

    from midi_risk.errors import MeasureError, did_you_mean
    from midi_risk.risk.attacks.register import register_attack

    wanted = [*names, *([key] if key else [])]
    for name in wanted:
        if name not in register.columns:
            hint = did_you_mean(name, [str(c) for c in register.columns])
            raise MeasureError(f"the register has no column '{name}'", hint=hint)
    theirs = register[list(names)].fillna("").agg("\x1f".join, axis=1)
    ours = view.frame[list(names)].fillna("").astype(str).agg("\x1f".join, axis=1)
    alike = np.asarray(ours.map(theirs.value_counts()).fillna(0), dtype=np.int64)
    listed = np.asarray(alike > 0, dtype=np.bool_)
    if key:
        place = dict(zip(register[key].astype(str), theirs, strict=True))
        listed = np.array(
            [place.get(str(k)) == v for k, v in zip(view.frame.index, ours, strict=True)], bool
        )
    found = asdict(register_attack(alike, listed, keyed=bool(key)))
    return {**found, "interval": list(found["interval"]), "people": len(register)}


def _read_register(path: str) -> pd.DataFrame:
    """Return a register as text."""
    import pandas as pd

    from midi_risk.errors import SourceError

    try:
        return pd.read_csv(path, dtype="str", keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise SourceError(
            f"the register '{path}' cannot be read ({type(error).__name__})",
            hint="Give a UTF-8 CSV with one person per row and a header row",
        ) from None
