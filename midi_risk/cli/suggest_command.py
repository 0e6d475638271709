"""`midi-risk suggest`: the cheapest generalisations that suffice."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from midi_risk.cli import options as common
from midi_risk.cli.job import result_folder
from midi_risk.cli.options import progress_bar, stages

if TYPE_CHECKING:
    from midi_risk.document.plan import AgeWidth, Plan

EXIT_ABOVE = 3


def say(plan: Plan, *, images: bool) -> None:
    """Print a plan: what it does, why, what it costs, and what stands beside it."""
    from midi_risk.document.clean import neutral
    from midi_risk.report.sections import sentence

    click.echo("\n".join(neutral(line) for line in plan.describe().splitlines()))
    reasons = [s.justification for s in plan.steps] + [a.justification for a in plan.kept]
    reasons += [each.sentence for each in plan.finer]
    if reasons:
        click.echo("Why:")
    for reason in reasons:
        click.echo(f"  {neutral(reason)}")
    if plan.found:
        click.echo(
            f"smallest class {plan.before.k} -> {plan.after.k}; subjects left out"
            f" {plan.suppressed.subjects}; cells emptied {plan.suppressed.emptied};"
            f" information lost {plan.loss or 0:.1%}"
            f"{'' if plan.optimal else f'; {plan.proof}'}"
        )
    if plan.found and plan.age_r2 is not None:
        click.echo(f"age: R\u00b2 {plan.age_r2:.2f} of {plan.age_subjects} subjects")
    if plan.found and plan.age_costs:
        click.echo(f"bands of age, all else as in the plan: {_widths(plan.age_costs)}")
    if plan.found and plan.loss_shares:
        click.echo(f"information lost counts {_counted(plan.loss_shares)}")
    if plan.alternatives:
        click.echo("Other plans (suggest --accept N):")
    for other in plan.alternatives:
        click.echo(f"  {other.number}. {other.title}: {neutral(other.sentence)}")
    if not plan.found and plan.next_step:
        click.echo(f"cheapest next step: {neutral(plan.next_step)}")
    if plan.imaging and images:
        click.echo(f"For a user of images{'' if plan.found else ', as decided now'}:")
        for figure in plan.imaging:
            click.echo(f"  {neutral(sentence(figure))}")


def _widths(costs: Sequence[AgeWidth]) -> str:
    """Return what bands of each width cost, in subjects left out."""
    return "; ".join(
        f"{each.years} year{'s' if each.years > 1 else ''} leaves {each.subjects} out"
        f" (R\u00b2 {each.age_r2:.2f})"
        for each in costs
    )


def _counted(shares: Mapping[str, float]) -> str:
    """Return the attributes that the information lost counts, with their shares."""
    from midi_risk.document.clean import neutral

    return ", ".join(f"{neutral(name)} {share:.0%}" for name, share in shares.items())


@click.command("suggest")
@click.argument("project", metavar="PROJECT")
@common.with_options(
    common.THREATS,
    common.THRESHOLD,
    common.PARAMETERS,
    common.SUPPRESSION,
    common.KEEP,
    common.CELLS,
    common.UTILITY,
    common.ACCEPT,
    common.LOCAL,
    common.LOCAL_SETS,
    common.BUDGET,
    common.JOBS,
    common.OUTPUT,
    common.FORMAT,
    common.QUIET,
)
def command(project: str, **given: Any) -> int:
    """Find the cheapest generalisations that bring the risk under the threshold.

    Writes plan.json. The exit code is 3 when nothing within the limits suffices.
    """
    from midi_risk.cli.assess_command import announce
    from midi_risk.cli.job import open_job, warn_of_local
    from midi_risk.recode.plan import suggest
    from midi_risk.report import write_plan

    job = open_job([project], threats=given["threats"], parameters=given["parameters"])
    models = job.threat_models(given["k"], given["k_reason"], given["criteria"])
    with result_folder(given["output"]) as folder:
        with progress_bar("reading", quiet=given["quiet"]) as progress:
            extraction = job.extract(jobs=given["jobs"], progress=progress)
        settings = job.project.suggest
        share = given["max_suppression"]
        with stages(quiet=given["quiet"]) as stage:
            stage("folding to one row per subject")
            attributes = job.attributes(extraction)
            table = job.fold(extraction, attributes)
            stage("searching for the cheapest levels")
            plan = suggest(
                table,
                models,
                max_suppression=settings.max_suppression if share is None else share,
                keep=given["keep"] or settings.keep,
                budget_seconds=given["budget"] or 60.0,
                hierarchies=job.hierarchies(attributes),
                cells=settings.cells if given["cells"] is None else given["cells"],
                utility=given["utility"] or settings.utility,
                accept=given["accept"],
                local=given["local"],
                local_sets=given["local_sets"],
            )
        write_plan(plan, folder / "plan.json")
    warn_of_local(job.log_file(given["output"]), plan)
    if given["form"] == "json":
        click.echo(json.dumps(plan.to_dict(), indent=2))
    else:
        say(plan, images=table.has_images)
    if not given["quiet"]:
        announce(Path(given["output"]), ("plan.json",))
    return 0 if plan.found else EXIT_ABOVE
