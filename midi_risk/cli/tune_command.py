"""`midi-risk tune`: weigh a release level by level.

One setting is judged by the options given, or the page is written or served.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from midi_risk.cli import options as common
from midi_risk.cli.options import progress_bar, stages

if TYPE_CHECKING:
    from midi_risk.cli.job import Job
    from midi_risk.document.assessment import Assessment, Verdict
    from midi_risk.sources.model import Extraction
    from midi_risk.table.model import SubjectTable
    from midi_risk.threat.model import ThreatModel
    from midi_risk.tune.session import Bench


@click.command("tune")
@click.argument("sources", nargs=-1, metavar="PROJECT|SOURCE...")
@common.with_options(common.TABLES, common.THREATS, common.THRESHOLD, common.PARAMETERS)
@click.option("--where", metavar="EXPR", help="Rows to tune, as \"collection_id = 'x'\".")
@common.with_options(common.SUPPRESSION, common.KEEP, common.BUDGET, common.JOBS)
@click.option("--static", is_flag=True, help="Write the page as one file instead of serving it.")
@click.option(
    "-o",
    "--output",
    metavar="PATH",
    help="With --static the file, default tune.html; else the folder that plan.json is saved in,"
    " default midi-risk-out.",
)
@click.option(
    "--level",
    "levels",
    multiple=True,
    metavar="ATTR=LEVEL",
    help="Judge this setting and open no page; may be given several times.",
)
@click.option(
    "--leave-out",
    is_flag=True,
    help="With --level: leave out the subjects that stay rare, when they are few enough.",
)
@click.option("--plan", "plan_file", metavar="FILE", help="With --level: write the plan there.")
@common.with_options(common.SERVED, common.QUIET)
def command(sources: tuple[str, ...], **given: Any) -> int:
    """Choose levels and see risk and information at once.

    Serves a page on this machine alone (extra 'tune'), or writes it as one file that works
    without Python (--static). With --level it judges one setting; the exit code is then that
    of assess on what would be released.
    """
    from midi_risk.cli.job import open_job
    from midi_risk.document.reasons import EXIT_CODES

    if given["static"] and given["levels"]:
        raise click.UsageError("--static and --level exclude each other")
    if (given["plan_file"] or given["leave_out"]) and not given["levels"]:
        raise click.UsageError("--plan and --leave-out need --level")
    if not given["static"] and not given["levels"]:
        from midi_risk.tune.page import check_extra

        check_extra()
    job = open_job(
        sources,
        given["tables"],
        threats=given["threats"],
        parameters=given["parameters"],
        where=given["where"],
    )
    models = job.threat_models(given["k"], given["k_reason"], given["criteria"])
    with progress_bar("reading", quiet=given["quiet"]) as progress:
        extraction = job.extract(jobs=given["jobs"], progress=progress)
    with stages(quiet=given["quiet"]) as stage:
        stage("folding to one row per subject")
        bench = bench_of(
            job,
            extraction,
            models,
            max_suppression=given["max_suppression"],
            keep=given["keep"],
            budget_seconds=given["budget"],
        )
    if given["levels"]:
        verdict = judge(bench, given["levels"], given["leave_out"], given["plan_file"])
        return EXIT_CODES[verdict.status]
    if given["static"]:
        target = written(bench, Path(given["output"] or "tune.html"))
        click.echo(str(target))
        return 0
    return served(
        bench,
        Path(given["output"] or "midi-risk-out"),
        port=given["port"],
        idle=given["idle"],
        browser=not given["no_open"],
    )


def bench_of(
    job: Job,
    extraction: Extraction,
    models: Sequence[ThreatModel],
    *,
    max_suppression: float | None = None,
    keep: tuple[str, ...] = (),
    budget_seconds: float | None = None,
) -> Bench:
    """Return the workbench of a job.

    Parameters
    ----------
    job : Job
    extraction : Extraction
    models : sequence of ThreatModel
    max_suppression : float, optional
        The project's when not given.
    keep : tuple of str
        The project's when empty.
    budget_seconds : float, optional
        For the suggestion.
    """
    from midi_risk.report.tuning import waiting
    from midi_risk.risk.assess import assess
    from midi_risk.tune.session import FIRST_BUDGET, Bench

    attributes = job.attributes(extraction)
    table = job.fold(extraction, attributes)
    settings = job.project.suggest
    options = job.options(extraction, attributes, "")

    def assessed(of: SubjectTable) -> Assessment:
        return assess(of, models, options=options)

    def pending() -> list[str]:
        return list(waiting(assessed(bench.table).verdict))

    bench = Bench(
        title=job.project.collection.name,
        table=table,
        models=models,
        attributes=attributes,
        fold=lambda revised: job.fold(extraction, revised),
        hierarchies=dict(options.hierarchies),
        max_suppression=settings.max_suppression if max_suppression is None else max_suppression,
        keep=keep or settings.keep,
        budget_seconds=budget_seconds or FIRST_BUDGET,
        pending=pending,
        assess=assessed,
        project_file=job.file,
        project_digest=job.digest,
    )
    return bench


def judge(bench: Bench, levels: Sequence[str], leave_out: bool, plan_file: str | None) -> Verdict:
    """Print what a setting gives, write its plan when asked to, and return its verdict."""
    from midi_risk.document.clean import neutral
    from midi_risk.report import write_plan
    from midi_risk.report.words import percent
    from midi_risk.tune.session import judged, plan_at

    chosen = _levels(levels)
    plan = plan_at(
        bench.table,
        bench.models,
        chosen,
        hierarchies=bench.hierarchies,
        max_suppression=bench.max_suppression,
        leave_out=leave_out,
    )
    after = plan.after
    word = "within the threshold" if plan.found else "ABOVE THRESHOLD"
    click.echo(
        f"{word}: smallest class {plan.before.k} -> {after.k} (required {plan.k}),"
        f" subjects left out {plan.suppressed.subjects},"
        f" information lost {percent(plan.loss or 0.0)}"
    )
    for step in plan.steps:
        click.echo(f"  {neutral(step.describe)}")
    if after.disclosed:
        click.echo(f"  {neutral(plan.reason)}")
    if plan.next_step:
        click.echo(f"cheapest next step: {neutral(plan.next_step)}")
    if plan_file:
        write_plan(plan, Path(plan_file))
        click.echo(f"written to {plan_file}", err=True)
    node = judged(
        bench.table,
        bench.models,
        chosen,
        bench.hierarchies,
        bench.max_suppression,
        leave_out=leave_out,
    )
    verdict = bench.assess(node.revised).verdict
    click.echo(f"verdict on this setting: {verdict.status}")
    for reason in verdict.reasons:
        click.echo(f"  because {neutral(reason.text)}")
    return verdict


def _levels(given: Sequence[str]) -> dict[str, str]:
    """Return levels by attribute from ``ATTR=LEVEL``."""
    levels = {}
    for text in given:
        name, equals, level = text.rpartition("=")
        if not equals or not name or not level:
            raise click.UsageError("--level takes ATTR=LEVEL, as PatientAge=5y")
        levels[name] = level
    return levels


def written(bench: Bench, target: Path) -> Path:
    """Write the page as one file."""
    from midi_risk.document.files import write_private
    from midi_risk.tune.page import static_page

    plan, local = bench.suggestions()
    html = static_page(
        bench.lattice(plan, local),
        title=bench.title,
        threat_models=bench.model_names,
        digest=bench.table.digest,
        pending=bench.pending(),
        project=bench.project_file,
    )
    return write_private(target, html)


def served(bench: Bench, output: Path, *, port: int, idle: float, browser: bool) -> int:
    """Serve the page until nobody asks any more, or the reader interrupts."""
    from midi_risk.tune.server import serve

    serve(bench, output, port=port, idle=idle, browser=browser, say=click.echo)
    return 0
