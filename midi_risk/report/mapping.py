"""Where each best practice and each clause is answered, computed from the view.

The best practices are condensed from arXiv:2303.10473; 2, 5, 7, 11, 12 and 16 are
paraphrased from documents that quote it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from midi_risk.report.gaps import justified
from midi_risk.report.text import listed

ANSWERED, PARTLY, OPEN, OUTSIDE = "Answered here", "Partly", "Not assessed", "Outside this report"


class Row(NamedTuple):
    """One requirement, where it is answered, and how far."""

    number: str
    text: str
    anchor: str
    status: str
    note: str


def best_practices(view: Any) -> tuple[Row, ...]:
    """Return the 18 best practices with their status in this assessment.

    Parameters
    ----------
    view : InternalView or ShareableView

    Returns
    -------
    tuple of Row
    """
    names = {a.name.casefold() for a in view.attributes}
    kept = [a for a in view.attributes if a.role == "quasi_identifier" and a.decision != "remove"]
    reasons = sum(justified(a) for a in kept)
    explained = ANSWERED if reasons == len(kept) else PARTLY if reasons else OPEN
    profile = any(a.ps315 for a in view.attributes)
    device = bool(names & {"manufacturer", "manufacturermodelname", "stationname"})
    site = bool(names & {"institutionname", "stationname", "institutionaddress"})
    quality = view.context.quality is not None
    search = bool(view.context.linked_search)
    utility = bool(view.context.utility)
    complete = view.verdict.status != "incomplete"
    analysed = ANSWERED if complete else PARTLY
    sides = ANSWERED if search else PARTLY
    visits = _channel(view, "visit_intervals")
    return (
        Row(
            "1",
            "Direct identifiers removed; retained indirect identifiers justified by an "
            "analysis against a threshold fixed beforehand; valid at its date.",
            "decision",
            analysed,
            f"k = {view.threshold.k}",
        ),
        Row(
            "2",
            "Re-use utility stated, and weighed against risk.",
            "utility",
            ANSWERED if utility and view.plan else PARTLY if utility or view.plan else OPEN,
            "",
        ),
        Row(
            "3",
            "Object definitions and referential integrity kept.",
            "recodes",
            OUTSIDE,
            "Recoded values are legal for their type; files are checked by the writer.",
        ),
        Row(
            "4",
            "Machine identity kept unless it is shown to raise the risk above the threshold.",
            "attributes",
            ANSWERED if device else OPEN,
            "",
        ),
        Row(
            "5",
            "Other persons, departments and institutions removed unless needed and assessed.",
            "attributes",
            ANSWERED if site else OPEN,
            "",
        ),
        Row(
            "6",
            "Current PS3.15 profile, options chosen by balancing utility and risk.",
            "attributes",
            ANSWERED if profile and view.context.options else PARTLY if profile else OPEN,
            "",
        ),
        Row(
            "7",
            "Collection-specific analysis for every retained characteristic.",
            "attributes",
            explained,
            f"{reasons} of {len(kept)} retained quasi-identifiers justified",
        ),
        Row(
            "8",
            "Non-DICOM data treated by the same principles.",
            "scope",
            ANSWERED if view.links else OUTSIDE,
            "" if view.links else "No linked table.",
        ),
        Row(
            "9",
            "Everything joined by a common key is in scope; other public data searched.",
            "signoff",
            sides,
            "",
        ),
        Row(
            "10",
            "Burned-in text assessed for all image types.",
            "channels",
            _channel(view, "burned_in"),
            "",
        ),
        Row(
            "11",
            "Unstructured text removed, replaced, or scanned with human review.",
            "channels",
            _channel(view, "free_text"),
            "",
        ),
        Row("12", "Absolute dates replaced, useful intervals kept.", "channels", visits, ""),
        Row(
            "13",
            "Private elements kept only when known to be safe.",
            "channels",
            _channel(view, "private_elements"),
            "",
        ),
        Row(
            "14",
            "Metadata inside compressed bitstreams removed.",
            "channels",
            _channel(view, "embedded_metadata"),
            "",
        ),
        Row(
            "15",
            "Reconstructable faces quantified against the threshold, else removed.",
            "channels",
            _channel(view, "face"),
            "",
        ),
        Row(
            "16",
            "Photographs of faces redacted, the residual quantified.",
            "channels",
            _channel(view, "face"),
            "Reported with the face channel.",
        ),
        Row(
            "17",
            "Human quality control, its extent guided by risk.",
            "signoff",
            ANSWERED if quality else OPEN,
            "",
        ),
        Row(
            "18",
            "The process documented and published, source sites included.",
            "methods",
            ANSWERED if view.context.sites else PARTLY,
            "",
        ),
    )


def clauses(view: Any) -> tuple[Row, ...]:
    """Return the clauses of ISO/IEC 27559:2022 with their status in this assessment."""
    context = view.context
    quality = context.quality is not None
    adversaries = {t.adversary for t in view.threats}
    return (
        Row(
            "6",
            "Context assessment: threat modelling, controls, motives and capacity, transparency",
            "threats",
            ANSWERED if view.threats else OPEN,
            listed(sorted(adversaries), none="no adversary"),
        ),
        Row(
            "7",
            "Data assessment: data features, attack modelling",
            "risk",
            ANSWERED if view.measures.quasi_identifiers else PARTLY,
            "",
        ),
        Row(
            "8",
            "Identifiability assessment and mitigation",
            "recodes",
            ANSWERED if view.plan else PARTLY,
            "",
        ),
        Row(
            "8, testing",
            "Adversarial testing by a motivated intruder",
            "signoff",
            OPEN,
            "A test with independent intruders is not part of a computed estimate.",
        ),
        Row(
            "9",
            "Governance before and after release: monitoring, incidents, re-assessment",
            "validity",
            ANSWERED if quality and context.linked_search else PARTLY,
            "",
        ),
        Row(
            "Annex B",
            "Identifiable uniques and groups",
            "combinations",
            ANSWERED if view.measures.combinations else PARTLY,
            "",
        ),
    )


def _channel(view: Any, name: str) -> str:
    """Return the status of a channel; one that nobody lists was not assessed."""
    found = [c.status for c in view.channels if c.name == name]
    return {"assessed": ANSWERED, "bounded": PARTLY}.get(found[0] if found else "", OPEN)


TRIGGERS = (
    "The collection changes: its digest is no longer the one above.",
    "Further data on the same subjects are released, here or elsewhere.",
    "A newer population table, or a better matching method (faces included), is published.",
    "The release mode, the recipients or the controls change.",
    "A re-identification, or a suspicion of one, is reported.",
)
