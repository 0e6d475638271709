"""`midi-risk demo`: the shipped example, end to end."""

from __future__ import annotations

import os
import sys
import webbrowser
from pathlib import Path

import click

from midi_risk.cli.assess_command import announce, assess_job, describe
from midi_risk.cli.job import RESULT_FILES, result_folder, write_results

EXAMPLE = "lung-ct"


@click.command("demo")
@click.option(
    "-o",
    "--output",
    default="midi-risk-demo",
    show_default=True,
    metavar="DIR",
    help="Folder for the results.",
)
@click.option("--no-open", is_flag=True, help="Do not open the report in a browser.")
def command(output: str, *, no_open: bool) -> int:
    """Run the shipped example from end to end and open its report.

    The example is a synthetic collection; its verdict does not become the exit code.
    """
    from midi_risk.cli.job import open_job
    from midi_risk.resources import resource_folder

    example = resource_folder("examples") / EXAMPLE
    job = open_job([str(example)])
    with result_folder(output) as folder:
        outcome = assess_job(job, job.extract(), command="midi-risk demo")
        write_results(folder, outcome.assessment, outcome.plan, outcome.table)
    click.echo(describe(outcome))
    announce(Path(output), RESULT_FILES)
    page = (Path(output) / "report-internal.html").resolve()
    click.echo(f"Report: {page}")
    if not no_open and _has_screen():
        webbrowser.open(page.as_uri())
    return 0


def _has_screen() -> bool:
    """Tell whether a browser window can open; a text browser would take the terminal."""
    if sys.platform in {"win32", "darwin"}:
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
