"""`midi-risk init`: scan sources, propose roles, write the project file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from midi_risk.cli import options as common
from midi_risk.cli.progress import progress_bar
from midi_risk.config import PROJECT_FILE
from midi_risk.errors import OutputError


@click.command("init")
@click.argument("sources", nargs=-1, metavar="SOURCE...")
@common.TABLES
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="DIR",
    help="Folder for midi-risk.yaml; made if need be.",
)
@click.option("--name", help="Name of the collection. Default: from the first source.")
@common.with_options(common.THREATS, common.JOBS, common.QUIET)
@click.option("--force", is_flag=True, help="Replace an existing midi-risk.yaml.")
def command(
    sources: tuple[str, ...], output: str, name: str | None, *, force: bool, **given: Any
) -> int:
    """Scan sources, propose a role for every attribute and write midi-risk.yaml."""
    from midi_risk.cli.arguments import open_job
    from midi_risk.cli.project_text import project_text
    from midi_risk.report.files import write_private

    folder = Path(output)
    target = folder / PROJECT_FILE
    if target.exists() and not force:
        raise OutputError(
            f"'{target}' exists and may hold decisions", hint="Use --force, or another folder"
        )
    job = open_job(sources, given["tables"], threats=given["threats"])
    if job.file is not None:
        raise OutputError(f"'{job.file}' is a project already", hint="Name sources, not a project")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or "cannot be made").lower()
        raise OutputError(f"cannot write into '{output}': {reason}") from None
    with progress_bar("reading", quiet=given["quiet"]) as progress:
        extraction = job.extract(jobs=given["jobs"], progress=progress)
    attributes = job.attributes(extraction)
    table = job.fold(extraction, attributes)
    write_private(target, project_text(job, table, folder, name, extraction.tables))
    counts: dict[str, int] = {}
    for attribute in table.attributes:
        counts[attribute.role.value] = counts.get(attribute.role.value, 0) + 1
    click.echo(f"{target}: {table.n_subjects} subjects, {len(table.attributes)} attributes")
    for role, n in counts.items():
        click.echo(f"  {role.replace('_', ' '):<20} {n}")
    if counts.get("undecided"):
        click.echo("Decide the undecided attributes, then run: midi-risk assess " + str(folder))
    return 0
