"""What `midi-risk tune` does: judge one setting, write the page, or serve it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from midi_risk.cli.job import Job
    from midi_risk.risk.plan_document import Plan
    from midi_risk.sources.model import Extraction
    from midi_risk.threat.model import ThreatModel
    from midi_risk.tune.bench import Bench


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
    from midi_risk.tune.bench import FIRST_BUDGET, Bench

    attributes = job.attributes(extraction)
    table = job.fold(extraction, attributes)
    settings = job.project.suggest
    options = job.options(extraction, attributes, "")

    def pending() -> list[str]:
        return list(waiting(assess(bench.table, models, options=options).verdict))

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
        project_file=job.file,
    )
    return bench


def judge(bench: Bench, levels: Sequence[str], leave_out: bool, plan_file: str | None) -> Plan:
    """Print what a setting gives, and write its plan when asked to."""
    from midi_risk.report import write_plan
    from midi_risk.report.clean import neutral
    from midi_risk.report.figures import percent
    from midi_risk.tune.node import plan_at

    plan = plan_at(
        bench.table,
        bench.models,
        _levels(levels),
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
    if plan.next_step:
        click.echo(f"cheapest next step: {neutral(plan.next_step)}")
    if plan_file:
        write_plan(plan, Path(plan_file))
        click.echo(f"written to {plan_file}", err=True)
    return plan


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
    from midi_risk.report.files import write_private
    from midi_risk.tune.static import static_page

    plan = bench.suggestion()
    html = static_page(
        bench.lattice(plan),
        title=bench.title,
        threat_models=bench.model_names,
        digest=bench.table.digest,
        pending=bench.pending(),
    )
    return write_private(target, html)


def served(bench: Bench, output: Path, *, port: int, idle: float, browser: bool) -> int:
    """Serve the page until nobody asks any more, or the reader interrupts."""
    from midi_risk.tune.serve import serve

    serve(bench, output, port=port, idle=idle, browser=browser, say=click.echo)
    return 0
