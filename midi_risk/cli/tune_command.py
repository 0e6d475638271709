"""`midi-risk tune`: weigh a release level by level, on a page or by the options given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from midi_risk.cli import options as common
from midi_risk.cli.progress import progress_bar

EXIT_ABOVE = 3


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
@click.option(
    "--port",
    type=click.IntRange(min=1, max=65535),
    default=8750,
    show_default=True,
    help="Port of the page; the next free one when it is taken.",
)
@click.option(
    "--idle",
    type=common.SecondsType(),
    default="30m",
    show_default=True,
    metavar="TIME",
    help="Stop serving when nobody asked for so long.",
)
@click.option("--no-open", is_flag=True, help="Do not open the page in a browser.")
@common.QUIET
def command(sources: tuple[str, ...], **given: Any) -> int:
    """Choose levels and see risk and information at once.

    Serves a page on this machine alone (extra 'tune'), or writes it as one file that works
    without Python (--static). With --level it judges one setting; the exit code is then 3
    when a figure is above its threshold.
    """
    from midi_risk.cli.arguments import open_job
    from midi_risk.cli.tune_run import bench_of, judge, served, written

    if given["static"] and given["levels"]:
        raise click.UsageError("--static and --level exclude each other")
    if (given["plan_file"] or given["leave_out"]) and not given["levels"]:
        raise click.UsageError("--plan and --leave-out need --level")
    if not given["static"] and not given["levels"]:
        from midi_risk.tune.server_extra import check_extra

        check_extra()
    job = open_job(
        sources,
        given["tables"],
        threats=given["threats"],
        parameters=given["parameters"],
        where=given["where"],
    )
    models = job.threat_models(given["k"])
    with progress_bar("reading", quiet=given["quiet"]) as progress:
        extraction = job.extract(jobs=given["jobs"], progress=progress)
    bench = bench_of(
        job,
        extraction,
        models,
        max_suppression=given["max_suppression"],
        keep=given["keep"],
        budget_seconds=given["budget"],
    )
    if given["levels"]:
        plan = judge(bench, given["levels"], given["leave_out"], given["plan_file"])
        return 0 if plan.found else EXIT_ABOVE
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
