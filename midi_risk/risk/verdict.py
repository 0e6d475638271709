"""The verdict: acceptable, above the threshold, or incomplete, with every reason.

What the parts of the document show is said by `midi_risk.document.conditions`; here stands
what only the subject table knows: rows, files, values and dates that no class counts although
they would be released.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from midi_risk.attributes.decisions import GUESSED, OF_A_PATTERN, OVERRULED
from midi_risk.attributes.model import Attribute, Decision, Role
from midi_risk.attributes.roles import SAME_VISIT, knowable, restates_day
from midi_risk.attributes.standard import catalogue
from midi_risk.document.assessment import AccountEntry, Governing, Verdict
from midi_risk.document.conditions import Evidence, shown
from midi_risk.document.reasons import WITHIN, Reason, reason, status_of
from midi_risk.document.recipients import recipients
from midi_risk.errors import MeasureError
from midi_risk.risk.adversaries import AdversaryRisk
from midi_risk.sources.model import SourceKind
from midi_risk.table.across import BIRTH_DIFFERS, LINK_CONTRADICTED
from midi_risk.table.findings import MERGED, SEX_CONFLICTS, SPLIT, UNIT_UNKNOWN
from midi_risk.table.model import SubjectTable
from midi_risk.table.uids import TELLING

_BESIDE = ("tables", "sheets", "comments", "instances")
_KINDS = {"sheets": "sheet", "comments": "comment"}
_STILL = ("open", "beside_unread")

ALONE_SHARE = 0.2
"""Share of subjects with a value of their own above which an attribute singles out."""

LEAST_ALONE = 5
"""Subjects with a value of their own below which an attribute does not single out."""


def verdict(
    table: SubjectTable,
    governing: AdversaryRisk,
    evidence: Evidence,
    moved: Sequence[Reason] = (),
) -> Verdict:
    """Return the verdict with every reason; incomplete outranks above the threshold.

    Parameters
    ----------
    table : SubjectTable
        With decisions, before they are applied.
    governing : AdversaryRisk
    evidence : Evidence
        The other parts of the assessment.
    moved : sequence of Reason
        What is told of thresholds, whatever the status.
    """
    against = [
        *shown(evidence, "unread_files", "undecided", "direct_open", "channels_open", "no_threat"),
        *shown(evidence, "account_open"),
        *shown(evidence, "contradicted", "evidence_incomplete", "evidence_of_part"),
        *shown(evidence, "evidence_file_missing", "evidence_file_changed"),
        *shown(evidence, "search_incomplete", "search_old", "quality_incomplete", "quality_old"),
        *shown(evidence, "qc_unsure", "qc_changed", "qc_old"),
        *shown(evidence, "attacks_open"),
        *_unidentified_files(table, evidence.tolerance.unread_files),
        *shown(evidence, "rows_without_key"),
        *_beside_unread(table, evidence.account),
        *_orphans(table, evidence.tolerance.orphan_subjects),
        *_contested_key(table, "split_subjects", {SPLIT}),
        *_contested_key(table, "merged_subjects", _TWO_PEOPLE),
        *_unread_values(table),
        *_restated_dates(table),
        *_telling_uids(table),
        *shown(evidence, "above", "channel_above", "channels_together", "direct_kept"),
        *shown(evidence, "search_hits", "quality_above", "qc_found", "qc_above"),
        *shown(evidence, "disclosed", "not_known"),
        *_identifying_key(table),
        *_guessed_key(table),
        *_singling_out(table),
        *_declared_none(table),
    ]
    left_out = [channel.name for channel in evidence.channels if channel.worst is None]
    told = [*_overruled_proposals(table), *shown(evidence, "disclosure_accepted")]
    reasons = [*(against or [reason(WITHIN, left_out)]), *told, *moved]
    status = status_of(each.code for each in reasons)
    if status is None:
        raise MeasureError("no reason says how the assessment stands")
    result = governing.governing
    return Verdict(
        status=status,
        governing=Governing(
            model=governing.model.name,
            adversary=governing.adversary.name,
            measure=result.measure,
            value=result.value,
            threshold=float(result.threshold or 0),
        ),
        reasons=reasons,
        recipients=recipients(evidence, reasons),
    )


_TWO_PEOPLE = frozenset({MERGED, *SEX_CONFLICTS, BIRTH_DIFFERS, LINK_CONTRADICTED})
"""Codes of findings that say that one key stands for several people."""


def _unidentified_files(table: SubjectTable, tolerance: int) -> list[Reason]:
    """Return the DICOM files that were opened and tell neither patient nor instance."""
    files = table.facts.get("incomplete_files", 0)
    if files <= tolerance:
        return []
    return [reason("unidentified_files", files=files, tolerated=tolerance)]


def _beside_unread(table: SubjectTable, account: Sequence[AccountEntry]) -> list[Reason]:
    """Return what lies beside what was read and was not.

    A decision on a row of the account answers for sheets and comments.
    """
    found = {what: table.facts.get(f"unread_{what}", 0) for what in _BESIDE}
    if any(row.kind in _KINDS.values() for row in account):
        counted = Counter[str]()
        for row in account:
            counted[row.kind] += row.files or 0 if (row.disposition, row.by) == _STILL else 0
        found |= {what: counted[kind] for what, kind in _KINDS.items()}
    return [reason("beside_unread", (), **found)] if any(found.values()) else []


def _orphans(table: SubjectTable, tolerance: int) -> list[Reason]:
    """Return the linked tables that hold people who are in no equivalence class.

    People of the leading source whose rows were not selected are no orphans.
    """
    return [
        reason("orphans", [link.source], subjects=link.orphans, tolerated=tolerance)
        for link in table.links
        if link.orphans > tolerance
    ]


def _contested_key(table: SubjectTable, code: str, findings: Collection[str]) -> list[Reason]:
    """Return the reason that findings about the key give, with the most subjects of any."""
    found = [f for f in table.findings if f.code in findings]
    if not found:
        return []
    names = dict.fromkeys(f.attribute for f in found)
    return [reason(code, names, subjects=max(f.subjects for f in found))]


def _unread_values(table: SubjectTable) -> list[Reason]:
    """Return quasi-identifiers that are released with values nobody could read.

    The classes take such a value as missing, while a reader of the release sees it. A removed
    or generalised attribute does not release its raw values.
    """
    unread: Counter[str] = Counter()
    for finding in table.findings:
        if finding.code in {"value-unparseable", "value-implausible", UNIT_UNKNOWN}:
            unread[finding.attribute] += finding.subjects
    names = [
        a.name
        for a in table.attributes.of_role(Role.QUASI_IDENTIFIER)
        if a.name in unread and a.decision not in {Decision.REMOVE, Decision.GENERALISE}
    ]
    if not names:
        return []
    return [reason("unread_values", names, values=sum(unread[name] for name in names))]


def _restated_dates(table: SubjectTable) -> list[Reason]:
    """Return dates that stay in the release although the study date they restate does not.

    It does not stay either where somebody emptied it before; a copy tells the day all the same.
    """
    study = next((a for a in table.attributes if a.name == "StudyDate"), None)
    if study is None:
        return []
    emptied = table.distinct.get(study.name, (0, 0))[1] >= table.n_subjects
    if study.decision not in {Decision.REMOVE, Decision.GENERALISE} and not emptied:
        return []
    copies = [
        a.name
        for a in table.attributes
        if restates_day(a)
        and a.source == study.source
        and a.role is Role.INSENSITIVE
        and a.decision is not Decision.REMOVE
        and table.distinct.get(a.name, (0, 0))[0] > 0
    ]
    if not copies:
        return []
    generalised = study.decision is Decision.GENERALISE and not emptied
    return [reason("restated_dates", copies, removed=int(not generalised))]


def _telling_uids(table: SubjectTable) -> list[Reason]:
    """Return the columns of UIDs that tell something, unless removed or accepted in writing."""
    told = {finding.attribute for finding in table.findings if finding.code in TELLING}
    images = {s["name"] for s in table.sources if s["kind"] == SourceKind.DICOM.value}
    names = [
        a.name
        for a in table.attributes
        if a.name in told
        and not (a.need or a.rekeyed)
        and (a.decision is not Decision.REMOVE or (a.source in images and _stays(a)))
    ]
    return [reason("uids_tell", names)] if names else []


def _stays(attribute: Attribute) -> bool:
    """Tell a UID that no object can be without: removing it is not possible."""
    entry = catalogue().get(attribute.keyword or "")
    return entry is None or not entry.strictest_type.startswith(("2", "3"))


def _identifying_key(table: SubjectTable) -> list[Reason]:
    """Return the keys that were proposed as direct identifiers and that nobody confirmed."""
    names = [
        a.name
        for a in table.attributes.of_role(Role.LINKAGE_KEY)
        if a.reason.startswith(OVERRULED.format(Role.DIRECT_IDENTIFIER.value))
        and a.decision is not Decision.REMOVE
        and not a.rekeyed
    ]
    return [reason("key_identifies", names)] if names else []


def _guessed_key(table: SubjectTable) -> list[Reason]:
    """Return the keys that no plain name says to be one and that nobody confirmed."""
    names = [
        a.name
        for a in table.attributes.of_role(Role.LINKAGE_KEY)
        if GUESSED in a.reason and a.decision is not Decision.REMOVE
    ]
    return [reason("key_guessed", names)] if names else []


def _singling_out(table: SubjectTable) -> list[Reason]:
    """Return attributes called insensitive that single out subjects, unless it is justified.

    Somebody who knows such a value of a person finds the person, whatever the classes say.
    What only insiders can know is a matter of channels; a date of the visit stands for the
    study date.
    """
    least = max(LEAST_ALONE, int(ALONE_SHARE * table.n_subjects) + 1)
    names = [
        a.name
        for a in table.attributes.of_role(Role.INSENSITIVE)
        if table.alone.get(a.name, 0) >= least
        and a.decision is not Decision.REMOVE
        and not a.need
        and a.keyword not in SAME_VISIT
        and knowable(a)
    ]
    if not names:
        return []
    return [reason("singles_out", names, percent=round(100 * ALONE_SHARE))]


def _declared_none(table: SubjectTable) -> list[Reason]:
    """Return proposed identifiers that are declared to be none without a reason of their own.

    A pattern gives no such reason: it speaks of a family, not of what it happens to match.
    """
    names = [a.name for a in table.attributes if _overruled(a) and not _justified(a)]
    return [reason("declared_none", names)] if names else []


def _justified(attribute: Attribute) -> bool:
    """Tell an overruled proposal that stands for itself; of keys other conditions speak."""
    if attribute.role is Role.LINKAGE_KEY:
        return True
    return bool(attribute.need) and not _begins(attribute, OF_A_PATTERN)


def _begins(attribute: Attribute, overruled: str) -> bool:
    """Tell an attribute that was proposed as an identifier and overruled in this way."""
    roles = (Role.DIRECT_IDENTIFIER, Role.QUASI_IDENTIFIER)
    return any(attribute.reason.startswith(overruled.format(role.value)) for role in roles)


def _overruled_proposals(table: SubjectTable) -> list[Reason]:
    """Return the identifiers that the project file declares to be harmless."""
    names = [a.name for a in table.attributes if _overruled(a)]
    return [reason("overruled", names)] if names else []


def _overruled(attribute: Attribute) -> bool:
    """Tell an attribute that was proposed as an identifier, is released and counted nowhere."""
    return (
        attribute.role in {Role.INSENSITIVE, Role.SENSITIVE, Role.LINKAGE_KEY}
        and attribute.decision is not Decision.REMOVE
        and not attribute.rekeyed
        and (_begins(attribute, OVERRULED) or _begins(attribute, OF_A_PATTERN))
    )
