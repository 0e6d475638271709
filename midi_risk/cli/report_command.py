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
    "--certificate",
    is_flag=True,
    help="One page: verdict per recipient, scope, threshold, evidence, expiry, digests, names.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="File to write. Default: report-EDITION.html, or certificate.html, beside it.",
)
def command(assessment: str, *, edition: str, certificate: bool, output: str | None) -> None:
    """Render an assessment.json (or the folder that holds it) as one HTML file.

    A browser prints the report as its certificate with an appendix.
    """
    from midi_risk.document.signature import assessment_file, signature_of
    from midi_risk.report import load_assessment, report
    from midi_risk.report.certificate import certificate as certified

    path = assessment_file(assessment)
    document = load_assessment(path)
    name = "certificate.html" if certificate else f"report-{edition}.html"
    if certificate:
        rendered = certified(document, signature_of(path), edition)
    else:
        rendered = report(document, edition=edition)
    target = Path(output) if output else path.with_name(name)
    rendered.write(target)
    click.echo(str(target))
