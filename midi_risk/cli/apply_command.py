"""`midi-risk apply`: write the recoded release and assess what was written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from midi_risk.cli import options as common
from midi_risk.cli.progress import progress_bar

if TYPE_CHECKING:
    from midi_risk.cli.apply_run import Applied
    from midi_risk.export.equality import Comparison

EXIT_ABOVE = 3


@click.command("apply")
@click.argument("project", metavar="PROJECT")
@click.option(
    "--plan", "plan_file", required=True, metavar="FILE", help="plan.json that suggest wrote."
)
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="DIR",
    help="New folder for the release and its assessment.",
)
@common.with_options(common.PARAMETERS, common.JOBS, common.FORMAT, common.QUIET)
def command(project: str, plan_file: str, output: str, **given: Any) -> int:
    """Write recoded tables and DICOM copies, read them back and assess them.

    The decisions of the project apply, and the plan where it goes beyond them. Originals
    are only read. DIR gets release/ (what may be passed on), assessment/ (what stays
    inside) and midi-risk.yaml. The exit code is 3 when what was written is above the
    threshold.
    """
    from midi_risk.cli.apply_run import PlanFile, apply_plan
    from midi_risk.cli.arguments import open_job
    from midi_risk.export.destination import new_folder
    from midi_risk.export.release import check_sources

    job = open_job([project], parameters=given["parameters"])
    plan = PlanFile.read(plan_file)
    paths = check_sources(job.project.collection.sources, job.base)
    target = Path(output)
    line = f"midi-risk apply {project} --plan {plan_file} -o {output}"
    with (
        new_folder(target, paths) as staging,
        progress_bar("recoding", quiet=given["quiet"]) as progress,
    ):
        applied = apply_plan(
            job, plan, staging, jobs=given["jobs"], progress=progress, command=line
        )
    _print(applied, given["form"])
    if not given["quiet"]:
        click.echo(f"written to {target}: release, assessment, midi-risk.yaml", err=True)
    return 0 if applied.comparison.written.passed else EXIT_ABOVE


def _print(applied: Applied, form: str) -> None:
    """Write the account to stdout, without values."""
    from midi_risk.cli.apply_run import summary
    from midi_risk.report.clean import neutral

    account = summary(applied.release, applied.rules)
    comparison = applied.comparison
    if form == "json":
        click.echo(json.dumps({**comparison.to_dict(), **account}, indent=2))
        return
    lines = [f"files written {account['files']['written']}"]
    lines += [f"  {n} left out: {why}" for why, n in account["files"]["left_out"].items()]
    for table in account["tables"]:
        lines.append(
            f"{table['name']}: {table['rows']} rows written, {table['rows_left_out']} left out"
            f" with their subject, {table['rows_of_nobody']} left out as rows of nobody assessed"
        )
    lines += [f"  {text}" for text in (*account["coupled"], *account["notes"])]
    kept = account["elements"]["kept"]
    if kept:
        lines.append(f"values that had to stay (type 1): {', '.join(kept)}")
    if account["undecided_direct_identifiers"]:
        names = ", ".join(account["undecided_direct_identifiers"])
        lines.append(f"direct identifiers without a decision, unchanged: {names}")
    planned, written = comparison.planned, comparison.written
    lines += [
        "",
        f"{'':<18}{'plan':>12}{'files':>12}",
        f"{'subjects':<18}{planned.subjects:>12}{written.subjects:>12}",
        f"{'smallest class':<18}{planned.k!s:>12}{written.k!s:>12}",
        f"{'classes':<18}{planned.classes:>12}{written.classes:>12}",
        f"{'maximum risk':<18}{planned.risk_max or 0:>12.4f}{written.risk_max or 0:>12.4f}",
        f"{'mean risk':<18}{planned.risk_mean or 0:>12.4f}{written.risk_mean or 0:>12.4f}",
        _equality(comparison),
    ]
    lines += [f"  {reason}" for reason in comparison.reasons]
    lines.append(f"verdict on the files: {applied.assessment.verdict.status}")
    click.echo("\n".join(neutral(line) for line in lines))


def _equality(comparison: Comparison) -> str:
    """Return in one line how the files compare with the plan."""
    if comparison.equal:
        return "the files carry the risk that the plan promised"
    more = "more" if comparison.worse else "less"
    return f"the files carry {more} risk than the plan promised, because:"
