"""`midi-risk check`: tell whether an assessment still stands."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from midi_risk.cli import options as common
from midi_risk.cli.options import progress_bar
from midi_risk.errors import StaleAssessmentError


@click.command("check")
@click.argument("assessment", metavar="ASSESSMENT")
@click.argument("project", metavar="PROJECT")
@common.with_options(common.JOBS, common.QUIET)
def command(assessment: str, project: str, *, jobs: int | None, quiet: bool) -> int:
    """Check that the collection, the project and the date are those of an assessment.

    The exit code is 5 when the assessment is stale, and that of its verdict when it stands.
    """
    from midi_risk.cli.job import open_job
    from midi_risk.document.clean import neutral
    from midi_risk.document.compare import stale_reasons
    from midi_risk.document.reasons import EXIT_CODES
    from midi_risk.report import load_assessment
    from midi_risk.table.model import text_digest

    path = Path(assessment)
    document = load_assessment(path / "assessment.json" if path.is_dir() else path)
    job = open_job([project])
    with progress_bar("reading", quiet=quiet) as progress:
        extraction = job.extract(jobs=jobs, progress=progress)
    table = job.fold(extraction, job.attributes(extraction))
    written = text_digest([job.file.read_text(encoding="utf-8")]) if job.file else None
    reasons = stale_reasons(
        document, digest=table.digest, project_digest=written, today=datetime.now(UTC).date()
    )
    if reasons:
        raise StaleAssessmentError(
            f"{assessment} is stale: {'; '.join(reasons)}", hint="Assess again"
        )
    click.echo(f"{assessment} stands until {document.valid_until}: {document.verdict.status}")
    for reason in document.verdict.reasons:
        click.echo(f"  because {neutral(reason.text)}")
    return EXIT_CODES[document.verdict.status]
