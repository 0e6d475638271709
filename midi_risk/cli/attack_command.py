"""`midi-risk attack`: a simulated motivated intruder."""

from __future__ import annotations

import json
from typing import Any

import click

from midi_risk.cli import options as common
from midi_risk.cli.progress import progress_bar


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
    from midi_risk.cli.arguments import open_job
    from midi_risk.cli.attack_run import attack_rows
    from midi_risk.report.clean import neutral

    job = open_job(
        sources, given["tables"], threats=given["threats"], parameters=given["parameters"]
    )
    models = job.threat_models(given["k"])
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
