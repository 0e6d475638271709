"""`midi-risk check`: tell whether an assessment still stands."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from midi_risk.cli import options as common
from midi_risk.cli.options import progress_bar
from midi_risk.errors import SourceError, StaleAssessmentError


@click.command("check")
@click.argument("assessment", metavar="ASSESSMENT|RELEASE")
@click.argument("project", metavar="PROJECT", required=False)
@common.with_options(common.JOBS, common.QUIET)
def command(assessment: str, project: str | None, *, jobs: int | None, quiet: bool) -> int:
    """Check that the collection, the project and the date are those of an assessment.

    A RELEASE is the folder that apply wrote to be handed over: its files are compared with the
    ro-crate-metadata.json among them, anywhere and without a project. The exit code is 5 when the
    assessment is stale or the release is not what it was, and else that of the verdict.
    """
    from midi_risk.cli.job import open_job
    from midi_risk.document.clean import neutral
    from midi_risk.document.compare import stale_reasons
    from midi_risk.document.reasons import EXIT_CODES
    from midi_risk.report import load_assessment
    from midi_risk.table.model import text_digest

    path = Path(assessment)
    if project is None:
        return _check_release(path)
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


def _check_release(path: Path) -> int:
    """Compare a release with its manifest."""
    from midi_risk.document.clean import neutral
    from midi_risk.document.reasons import EXIT_CODES
    from midi_risk.export.manifest import check_release, is_release

    folder = is_release(path)
    if folder is None:
        raise SourceError(
            f"'{path}' is no release: it holds no ro-crate-metadata.json",
            hint="To check an assessment, name its project too: midi-risk check ASSESSMENT PROJECT",
        )
    found = check_release(folder)
    for line in found.lines():
        click.echo(neutral(line))
    if not found.whole:
        raise StaleAssessmentError(
            f"'{path}' is not what was released", hint="Get it again from where it was released"
        )
    if found.verdict not in EXIT_CODES:
        raise SourceError(f"'{path}' does not say which verdict was found")
    click.echo(
        f"{found.files} files are what was released; assessed until {found.expires}:"
        f" {found.verdict}"
    )
    click.echo(f"SHA-256 of the manifest: {found.digest}")
    return EXIT_CODES[found.verdict]
