"""The certificate: one page that says what was determined, for whom, on which evidence."""

from __future__ import annotations

from midi_risk.document.assessment import Assessment
from midi_risk.document.signature import Signature, statement_of
from midi_risk.report.decision import decided
from midi_risk.report.editions import view
from midi_risk.report.html import page_of
from midi_risk.report.rendered import Report

HOW_SIGNED = {
    "ssh": "By an SSH key: assessment.signed.json.sig, which 'midi-risk check' verifies.",
    "minisign": "By a minisign key: assessment.signed.json.minisig, which 'midi-risk check'"
    " verifies.",
    "statement": "By the statement in assessment.signed.json; no key signed it.",
}


def certificate(
    assessment: Assessment,
    signature: Signature | None = None,
    edition: str = "internal",
) -> Report:
    """Return the certificate of an assessment as one page of HTML; a browser prints it to PDF.

    Parameters
    ----------
    assessment : Assessment
    signature : Signature, optional
        What `midi_risk.document.signature.sign` returned, or `signature_of` found. Without it the
        page names who is to sign, and says that nobody did.
    edition : {"internal", "shareable"}
        ``internal`` has exact counts and days, but no record; ``shareable`` is made of types that
        cannot hold a raw value.

    Returns
    -------
    Report

    Raises
    ------
    ConfigError
        When there is no such edition.
    """
    shown = view(statement_of(assessment, signature), edition=edition)
    how = HOW_SIGNED[signature.method] if signature is not None else ""
    page = page_of(
        "certificate.html.j2",
        "certificate.css",
        "certificate.js",
        view=shown,
        decision=decided(shown, how),
        signed=signature if edition == "internal" else None,
    )
    return Report(edition=edition, html=page)
