"""`midi-risk check`: tell whether an assessment still stands."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from midi_risk.cli import options as common
from midi_risk.cli.options import progress_bar
from midi_risk.errors import SourceError, StaleAssessmentError

if TYPE_CHECKING:
    from midi_risk.document.assessment import Assessment
    from midi_risk.document.signature import SignatureCheck


@click.command("check")
@click.argument("assessment", metavar="ASSESSMENT|RELEASE")
@click.argument("project", metavar="PROJECT", required=False)
@click.option(
    "--signers",
    metavar="FILE",
    help="Whose keys to believe: an allowed_signers file of OpenSSH, or a minisign public key.",
)
@common.with_options(common.JOBS, common.QUIET)
def command(
    assessment: str,
    project: str | None,
    *,
    signers: str | None,
    jobs: int | None,
    quiet: bool,
) -> int:
    """Check that the collection, the project and the date are those of an assessment.

    A signature beside it is verified, and what is not verified is said. Without PROJECT only the
    signature and the date are checked.

    A RELEASE is the folder that apply wrote to be handed over: its files are compared with the
    ro-crate-metadata.json among them, anywhere and without a project. The exit code is 5 when the
    assessment is stale or the release is not what it was, and else that of the verdict.
    """
    from midi_risk.cli.job import open_job
    from midi_risk.document.clean import neutral
    from midi_risk.document.compare import stale_reasons
    from midi_risk.document.reasons import EXIT_CODES
    from midi_risk.document.signature import assessment_file, check_signature
    from midi_risk.export.manifest import is_release
    from midi_risk.report import load_assessment
    from midi_risk.table.model import text_digest

    path = Path(assessment)
    file = assessment_file(path)
    if project is None and (is_release(path) is not None or not file.is_file()):
        return _check_release(path)
    document = load_assessment(file)
    signature = check_signature(file, signers=signers)
    if project is None:
        return _check_alone(assessment, document, signature)
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
    _tell(signature)
    click.echo(f"{assessment} stands until {document.valid_until}: {document.verdict.status}")
    for reason in document.verdict.reasons:
        click.echo(f"  because {neutral(reason.text)}")
    return EXIT_CODES[document.verdict.status]


def _tell(signature: SignatureCheck, *others: str) -> None:
    """Say what is verified and what is not; a signature that is broken is an error."""
    if signature.broken:
        raise StaleAssessmentError(
            f"the signature does not hold: {'; '.join(signature.broken)}",
            hint="Sign again what you stand for: midi-risk sign ASSESSMENT",
        )
    for line in signature.verified:
        click.echo(f"verified: {line}")
    for line in (*signature.not_verified, *others):
        click.echo(f"not verified: {line}")


def _check_alone(assessment: str, document: Assessment, signature: SignatureCheck) -> int:
    """Check signature and date of an assessment whose collection is not at hand."""
    from midi_risk.document.clean import neutral
    from midi_risk.document.compare import stale_reasons
    from midi_risk.document.reasons import EXIT_CODES

    today = datetime.now(UTC).date()
    reasons = stale_reasons(document, digest=None, project_digest=None, today=today)
    if reasons:
        raise StaleAssessmentError(
            f"{assessment} is stale: {'; '.join(reasons)}", hint="Assess again"
        )
    _tell(
        signature,
        "that collection and project are still those assessed: name the project as well",
    )
    click.echo(f"{assessment}: {document.verdict.status}, until {document.valid_until}")
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
