"""`midi-risk report`: render an assessment."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("report")
@click.argument("assessment", metavar="ASSESSMENT")
@click.option(
    "--edition",
    default="internal",
    show_default=True,
    metavar="internal|shareable",
    help="Internal shows everything; shareable is built from a model without raw values.",
)
@click.option(
    "-o", "--output", metavar="FILE", help="File to write. Default: report-EDITION.html beside it."
)
def command(assessment: str, edition: str, output: str | None) -> None:
    """Render an assessment.json (or the folder that holds it) as one HTML file."""
    from midi_risk.report import load_assessment, report

    path = Path(assessment)
    if path.is_dir():
        path = path / "assessment.json"
    document = load_assessment(path)
    rendered = report(document, edition=edition)
    target = Path(output) if output else path.with_name(f"report-{edition}.html")
    rendered.write(target)
    click.echo(str(target))
