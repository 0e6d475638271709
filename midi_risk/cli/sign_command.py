"""`midi-risk sign`: bind an assessor, a day and the digest of an assessment."""

from __future__ import annotations

import click

from midi_risk.cli import options as common


@click.command("sign")
@click.argument("assessment", metavar="ASSESSMENT")
@click.option("--assessor", default="", metavar="NAME", help="Who signs. Default: of sign_off.")
@click.option("--role", default="", metavar="TEXT", help="As what. Default: of sign_off.")
@click.option("--organisation", default="", metavar="TEXT", help="For whom. Default: of sign_off.")
@click.option("--statement", default="", metavar="TEXT", help="In words. Default: of sign_off.")
@click.option(
    "--key",
    metavar="FILE",
    help="Your SSH key, or a minisign secret key; ssh-keygen or minisign signs with it. Without"
    " one the statement is plain text.",
)
@common.with_options(common.QUIET)
def command(
    assessment: str,
    *,
    assessor: str,
    role: str,
    organisation: str,
    statement: str,
    key: str | None,
    quiet: bool,
) -> None:
    """Sign an assessment.json (or the folder that holds it), and write its certificate.

    Writes assessment.signed.json beside it, which binds assessor, day and SHA-256, a detached
    signature of it where a key is given, and certificate.html. 'check' verifies them, and the next
    run keeps what was signed in previous/.
    """
    from midi_risk.document.clean import neutral
    from midi_risk.document.files import load_assessment
    from midi_risk.document.signature import assessment_file, sign
    from midi_risk.report.certificate import certificate

    file = assessment_file(assessment)
    made = sign(
        file,
        assessor=assessor,
        role=role,
        organisation=organisation,
        statement=statement,
        key=key,
    )
    page = certificate(load_assessment(file), signature=made).write(
        file.with_name("certificate.html")
    )
    how = {
        "ssh": "with an SSH key",
        "minisign": "with a minisign key",
        "statement": "as a plain statement: no key signed it, so it proves nobody's hand",
    }[made.method]
    click.echo(f"{neutral(made.assessor)} signed on {made.date} {how}")
    click.echo(f"verdict that was signed: {made.verdict}")
    click.echo(f"SHA-256 of the assessment: {made.assessment}")
    click.echo(str(page))
    if not quiet:
        click.echo(f"next: midi-risk check {assessment}", err=True)
