"""Where each best practice and each clause is answered, with literature and assumptions.

Computed from the view. The best practices are condensed from arXiv:2303.10473; 2, 5, 7, 11, 12 and
16 are paraphrased from documents that quote it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from midi_risk.report.sections import beside, justified
from midi_risk.report.view import ReportView
from midi_risk.report.words import is_sample, listed
from midi_risk.risk.measures.registry import LITERATURE, MEASURES

ANSWERED, PARTLY, OPEN, OUTSIDE = "Answered here", "Partly", "Not assessed", "Outside this report"


class Row(NamedTuple):
    """One requirement, where it is answered, and how far."""

    number: str
    text: str
    anchor: str
    status: str
    note: str


Answer: TypeAlias = tuple[str, str]
"""How far a requirement is answered, and a note."""


class Requirement(NamedTuple):
    """One best practice or clause, where it is answered, and what tells how far."""

    number: str
    text: str
    anchor: str
    answer: Callable[[ReportView], Answer]


def _analysis(view: ReportView) -> Answer:
    complete = view.verdict.status != "incomplete" and view.threshold.proof
    return ANSWERED if complete else PARTLY, f"k = {view.threshold.k}"


def _weighed(view: ReportView) -> Answer:
    stated, weighed = bool(view.context.utility), bool(view.plan)
    return ANSWERED if stated and weighed else PARTLY if stated or weighed else OPEN, ""


def _writer(_: ReportView) -> Answer:
    return OUTSIDE, "Recoded values are legal for their type; files are checked by the writer."


def _among(*names: str) -> Callable[[ReportView], Answer]:
    """Return the answer that one of these attributes was assessed."""

    def answer(view: ReportView) -> Answer:
        seen = any(a.name.casefold() in names for a in view.attributes)
        return ANSWERED if seen else OPEN, ""

    return answer


def _profile(view: ReportView) -> Answer:
    known = any(a.ps315 for a in view.attributes)
    return ANSWERED if known and view.context.options else PARTLY if known else OPEN, ""


def _explained(view: ReportView) -> Answer:
    kept = [a for a in view.attributes if a.role == "quasi_identifier" and a.decision != "remove"]
    told = sum(justified(a) for a in kept)
    status = ANSWERED if told == len(kept) else PARTLY if told else OPEN
    return status, f"{told} of {len(kept)} retained quasi-identifiers justified"


def _linked(view: ReportView) -> Answer:
    return (ANSWERED, "") if view.links else (OUTSIDE, "No linked table.")


def _searched(view: ReportView) -> Answer:
    return ANSWERED if view.context.linked_search else PARTLY, ""


def _channel(name: str, note: str = "") -> Callable[[ReportView], Answer]:
    """Return the answer that a channel's status gives; one nobody lists was not assessed."""

    def answer(view: ReportView) -> Answer:
        found = next((c.status for c in view.channels if c.name == name), "")
        return {"assessed": ANSWERED, "bounded": PARTLY}.get(found, OPEN), note

    return answer


def _controlled(view: ReportView) -> Answer:
    return ANSWERED if _read_by_people(view) else OPEN, ""


def _read_by_people(view: ReportView) -> bool:
    return view.qc is not None or view.context.quality is not None


def _sites(view: ReportView) -> Answer:
    return ANSWERED if view.context.sites else PARTLY, ""


PRACTICES = (
    Requirement(
        "1",
        "Direct identifiers removed; retained indirect identifiers justified by an "
        "analysis against a threshold fixed beforehand; valid at its date.",
        "decision",
        _analysis,
    ),
    Requirement("2", "Re-use utility stated, and weighed against risk.", "utility", _weighed),
    Requirement("3", "Object definitions and referential integrity kept.", "recodes", _writer),
    Requirement(
        "4",
        "Machine identity kept unless it is shown to raise the risk above the threshold.",
        "attributes",
        _among("manufacturer", "manufacturermodelname", "stationname"),
    ),
    Requirement(
        "5",
        "Other persons, departments and institutions removed unless needed and assessed.",
        "attributes",
        _among("institutionname", "stationname", "institutionaddress"),
    ),
    Requirement(
        "6",
        "Current PS3.15 profile, options chosen by balancing utility and risk.",
        "attributes",
        _profile,
    ),
    Requirement(
        "7",
        "Collection-specific analysis for every retained characteristic.",
        "attributes",
        _explained,
    ),
    Requirement("8", "Non-DICOM data treated by the same principles.", "scope", _linked),
    Requirement(
        "9",
        "Everything joined by a common key is in scope; other public data searched.",
        "signoff",
        _searched,
    ),
    Requirement(
        "10",
        "Burned-in text assessed for all image types.",
        "channels",
        _channel("burned_in"),
    ),
    Requirement(
        "11",
        "Unstructured text removed, replaced, or scanned with human review.",
        "channels",
        _channel("free_text"),
    ),
    Requirement(
        "12",
        "Absolute dates replaced, useful intervals kept.",
        "channels",
        _channel("visit_intervals"),
    ),
    Requirement(
        "13",
        "Private elements kept only when known to be safe.",
        "channels",
        _channel("private_elements"),
    ),
    Requirement(
        "14",
        "Metadata inside compressed bitstreams removed.",
        "channels",
        _channel("embedded_metadata"),
    ),
    Requirement(
        "15",
        "Reconstructable faces quantified against the threshold, else removed.",
        "channels",
        _channel("face"),
    ),
    Requirement(
        "16",
        "Photographs of faces redacted, the residual quantified.",
        "channels",
        _channel("face", "Reported with the face channel."),
    ),
    Requirement(
        "17",
        "Human quality control, its extent guided by risk.",
        "signoff",
        _controlled,
    ),
    Requirement(
        "18",
        "The process documented and published, source sites included.",
        "methods",
        _sites,
    ),
)
"""The best practices of the MIDI Task Group."""


def _threats(view: ReportView) -> Answer:
    names = sorted({t.adversary for t in view.threats})
    return ANSWERED if view.threats else OPEN, listed(names, none="no adversary")


def _features(view: ReportView) -> Answer:
    return ANSWERED if view.measures.quasi_identifiers else PARTLY, ""


def _mitigated(view: ReportView) -> Answer:
    return ANSWERED if view.plan else PARTLY, ""


def _intruder(_: ReportView) -> Answer:
    return OPEN, "A test with independent intruders is not part of a computed estimate."


def _governed(view: ReportView) -> Answer:
    both = _read_by_people(view) and view.context.linked_search
    return ANSWERED if both else PARTLY, ""


def _uniques(view: ReportView) -> Answer:
    special = view.measures.special_uniques
    searched = special is not None and special.reason is None
    return ANSWERED if view.measures.combinations or searched else PARTLY, ""


CLAUSES = (
    Requirement(
        "6",
        "Context assessment: threat modelling, controls, motives and capacity, transparency",
        "threats",
        _threats,
    ),
    Requirement("7", "Data assessment: data features, attack modelling", "risk", _features),
    Requirement("8", "Identifiability assessment and mitigation", "recodes", _mitigated),
    Requirement(
        "8, testing",
        "Adversarial testing by a motivated intruder",
        "signoff",
        _intruder,
    ),
    Requirement(
        "9",
        "Governance before and after release: monitoring, incidents, re-assessment",
        "validity",
        _governed,
    ),
    Requirement("Annex B", "Identifiable uniques and groups", "combinations", _uniques),
)
"""The clauses of ISO/IEC 27559:2022."""


def best_practices(view: ReportView) -> tuple[Row, ...]:
    """Return the 18 best practices with their status in this assessment."""
    return _rows(PRACTICES, view)


def clauses(view: ReportView) -> tuple[Row, ...]:
    """Return the clauses of ISO/IEC 27559:2022 with their status in this assessment."""
    return _rows(CLAUSES, view)


def _rows(table: tuple[Requirement, ...], view: ReportView) -> tuple[Row, ...]:
    return tuple(Row(r.number, r.text, r.anchor, *r.answer(view)) for r in table)


TRIGGERS = (
    "The collection changes: its digest is no longer the one above.",
    "Further data on the same subjects are released, here or elsewhere.",
    "A newer population table, or a better matching method (faces included), is published.",
    "The release mode, the recipients or the controls change.",
    "A re-identification, or a suspicion of one, is reported.",
)


def references(view: ReportView) -> tuple[str, ...]:
    """Return the references that this report cites, in a fixed order."""
    used = {"midi", "ps315", "iso27559", "elemam2013", "sweeney2002", "elemam2011"}
    measures = {r.measure for t in view.threats for r in t.results}
    if view.measures.population_uniques:
        measures.add("population_unique")
    if _sensitive(view):
        measures |= {"l_diversity", "t_closeness"}
    told = {code for code, part in beside(view).items() if part is not None and not part.reason}
    measures |= told | ({"data_intrusion_simulation"} if "suda" in told else set())
    used.update(key for m in measures & MEASURES.keys() for key in MEASURES[m].sources)
    if view.edition == "shareable":
        used.add("hundepool2012")
    if "EMA" in view.threshold.source:
        used.add("ema0070")
    if any("IPC" in t.attempt_source for t in view.threats):
        used.add("ipc2016")
    if _read_by_people(view) or view.scores:
        used.add("clopper1934")
    return tuple(source.listed for key, source in LITERATURE.items() if key in used)


def _sensitive(view: ReportView) -> bool:
    """Tell whether diversity or closeness was measured."""
    return bool(view.measures.diversity or view.measures.closeness)


def assumptions(view: ReportView) -> tuple[str, ...]:
    """Return what has to hold for the figures to hold; A1 is the first.

    Parameters
    ----------
    view : ReportView

    Returns
    -------
    tuple of str
        One sentence or two each.
    """
    names = ", ".join(view.measures.quasi_identifiers) or "none"
    out = [
        (
            "One subject key stands for one person. A person under two keys is counted twice, "
            "which understates class sizes; two persons under one key would overstate them."
        ),
        f"An attacker can know the quasi-identifiers listed ({names}) and no other attribute.",
        (
            "What the attacker knows is exact. Errors in either data set would lower the risk "
            "and are not credited."
        ),
    ]
    populations = {t.population for t in view.threats}
    if any(is_sample(p) for p in populations):
        out.append(
            "Where the population is the release itself, the collection is taken as everyone who "
            "could be mistaken for a subject. This is the cautious end."
        )
    if any(p and not is_sample(p) for p in populations):
        out.append(
            "Where another population is named, its size, window and source hold "
            "for the group from which the subjects were recruited."
        )
    if any(t.attempt < 1 for t in view.threats):
        out.append(
            "The probability of an attempt below 1 holds only while the controls that it was "
            "derived from are in force."
        )
    out.append(
        "A missing value is a value of its own that an attacker can match on."
        if view.missing_policy == "category"
        else "A missing value may be any value of the subject who lacks it, and hides nobody else."
        if view.missing_policy == "wildcard-cautious"
        else "A missing value matches every value."
    )
    out.append(
        "No other public data on the same subjects exists beyond what the search log lists."
        if view.context.linked_search
        else "No search for other public data on the same subjects was recorded; linked data would "
        "raise the risk by an amount that is not known."
    )
    return (*out, *view.context.assumptions)
