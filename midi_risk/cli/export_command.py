"""`midi-risk export`: the rules of a release for other tools."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from midi_risk.cli import options as common
from midi_risk.cli.options import progress_bar
from midi_risk.export.targets import TARGETS

if TYPE_CHECKING:
    from midi_risk.export.targets.registry import Exported


@click.command("export")
@click.argument("project", metavar="PROJECT")
@click.option(
    "--to",
    "target",
    required=True,
    type=click.Choice(list(TARGETS)),
    help="Tool or format to write for: "
    + "; ".join(f"{target.name}, {target.words}" for target in TARGETS.values())
    + ".",
)
@click.option(
    "--plan", "plan_file", metavar="FILE", help="plan.json whose levels go beyond the project's."
)
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="DIR",
    help="New folder for the files; for crate, the folder that assess wrote.",
)
@common.with_options(common.PARAMETERS, common.JOBS, common.FORMAT, common.QUIET)
def command(project: str, target: str, plan_file: str | None, output: str, **given: Any) -> int:
    """Write the rules of a release for another tool, and how truly it can follow them.

    Beside the files of the tool DIR gets fidelity.csv and fidelity.txt, one row per rule:
    exact, approximate or inexpressible.
    """
    from midi_risk.document.clean import neutral

    if not TARGETS[target].of_rules:
        names = TARGETS[target].load()(Path(output))
        if not given["quiet"]:
            click.echo(f"written to {output}: {', '.join(names)}", err=True)
        return 0
    made = _export(project, target, plan_file, Path(output), given)
    if given["form"] == "json":
        rows = [
            {
                "attribute": row.attribute,
                "source": row.source,
                "rule": row.rule,
                "fidelity": row.fidelity.value,
                "why": row.why,
            }
            for row in made.fidelity
        ]
        click.echo(json.dumps(rows, indent=2))
    else:
        click.echo("\n".join(neutral(line) for line in made.text.splitlines()))
    for note in made.notes:
        click.echo(f"midi-risk: {note}", err=True)
    if not given["quiet"]:
        click.echo(f"written to {output}: {', '.join(made.files)}", err=True)
    return 0


def _export(
    project: str, target: str, plan_file: str | None, output: Path, given: dict[str, Any]
) -> Exported:
    """Read the sources, make the rules and write the files."""
    from midi_risk.cli.apply_command import PlanFile
    from midi_risk.cli.job import open_job
    from midi_risk.document.files import write_private
    from midi_risk.errors import MidiRiskError
    from midi_risk.export.release import new_folder, plan_statement
    from midi_risk.export.rules import release_rules
    from midi_risk.export.targets.registry import export_rules

    job = open_job([project], parameters=given["parameters"])
    plan = PlanFile.read(plan_file) if plan_file else None
    if plan is not None and not plan.plan.found:
        raise MidiRiskError(
            f"the plan found nothing to export: {plan.plan.reason or 'no solution'}",
            hint="Relax the limits and run 'midi-risk suggest' again, or leave --plan out",
        )
    with new_folder(output) as staging:
        with progress_bar("reading", quiet=given["quiet"]) as progress:
            extraction = job.extract(jobs=given["jobs"], progress=progress)
        attributes = job.attributes(extraction)
        hierarchies = job.hierarchies(attributes)
        table = job.fold(extraction, attributes)
        release = release_rules(table, extraction, plan.plan if plan else None, hierarchies)
        content = plan.content if plan else job.label.encode()
        if plan is None and job.file is not None:
            content = job.file.read_bytes()
        made = export_rules(
            target,
            release,
            extraction,
            statement=plan_statement(content, "plan" if plan else "project"),
            k=plan.plan.k if plan else max(m.threshold.k for m in job.threat_models()),
            hierarchies=hierarchies,
        )
        for name, text in made.files.items():
            path = staging / name
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_private(path, text)
    return made
