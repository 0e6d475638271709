"""Roles of DICOM attributes, from the catalogue, the dictionary and Table E.1-1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from midi_risk.attributes.catalogue import CatalogueEntry, catalogue
from midi_risk.attributes.model import Kind, Ps315Action, Role
from midi_risk.attributes.ps315 import NOT_LISTED, action_for
from midi_risk.attributes.role_evidence import Evidence
from midi_risk.attributes.role_proposal import Proposal, judge_text
from midi_risk.resources import data_rows

OUTSIDERS = frozenset({"public", "acquaintance"})
"""Who can know an attribute without access to the hospital's systems."""

SAME_VISIT = (
    "SeriesDate", "SeriesTime", "AcquisitionDate", "AcquisitionTime", "AcquisitionDateTime",
    "ContentDate", "ContentTime", "PerformedProcedureStepStartDate",
    "PerformedProcedureStepStartTime", "InstanceCreationDate", "InstanceCreationTime",
)  # fmt: skip
"""Dates and times of the visit that StudyDate and StudyTime already stand for."""

_NUMERIC_VR = frozenset({"DS", "IS", "FL", "FD", "US", "SS", "UL", "SL", "UV", "SV"})
_KIND_OF_VR = {
    "AS": Kind.AGE, "DA": Kind.DATE, "DT": Kind.DATE, "TM": Kind.TIME, "UI": Kind.IDENTIFIER,
}  # fmt: skip
_LONG_TEXT = frozenset({"LT", "ST", "UT", "UC"})
_CATEGORY_LADDERS = frozenset({"enum", "flag", "code", "diag", "remove"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DicomIdentity:
    """Tag, VR, level and confidentiality action of a keyword."""

    keyword: str
    tag: str
    vr: str
    level: str
    ps315: Ps315Action


@cache
def dicom_identity(keyword: str) -> DicomIdentity | None:
    """Return the DICOM identity of a column name, None when it is no keyword.

    Examples
    --------
    >>> dicom_identity("PatientAge").tag
    '(0010,1010)'
    >>> dicom_identity("shoe_size") is None
    True
    """
    entry = catalogue().get(keyword)
    if entry is not None and entry.vr not in ("-", "*"):
        return DicomIdentity(
            keyword=keyword, tag=entry.tag, vr=entry.vr, level=entry.level, ps315=entry.ps315
        )
    from pydicom.datadict import dictionary_VR, tag_for_keyword  # noqa: PLC0415

    number = tag_for_keyword(keyword)
    if number is None:
        return None
    tag = f"({number >> 16:04X},{number & 0xFFFF:04X})"
    return DicomIdentity(
        keyword=keyword, tag=tag, vr=dictionary_VR(number), level="instance", ps315=action_for(tag)
    )


def _kind(vr: str, ladder: str, category: str) -> Kind:
    if ladder == "sex":
        return Kind.SEX
    if vr in _KIND_OF_VR:
        return _KIND_OF_VR[vr]
    if category == "direct identifier":
        return Kind.IDENTIFIER
    if category == "free text" or (ladder == "text" and category == "sensitive"):
        return Kind.TEXT if category == "free text" else Kind.CATEGORY
    if vr in _NUMERIC_VR and ladder not in _CATEGORY_LADDERS:
        return Kind.NUMBER
    return Kind.CATEGORY


@cache
def _overrides() -> Mapping[str, tuple[Role, str]]:
    return {r["keyword"]: (Role(r["role"]), r["reason"]) for r in data_rows("keyword_roles.csv")}


_FIXED = {
    "direct identifier": (Role.DIRECT_IDENTIFIER, "a direct identifier by itself"),
    "sensitive": (Role.SENSITIVE, "harmful to learn about a person who is found"),
    "uid": (
        Role.INSENSITIVE,
        (
            "a key inside the collection; whether it is the original one cannot be told from "
            "the value (see the embedded metadata channel)"
        ),
    ),
    "technical-fingerprint": (
        Role.INSENSITIVE,
        "a technical value that only somebody with the images or the scanner's log can know",
    ),
    "pixel": (Role.INSENSITIVE, "pixels and graphics are a channel of their own"),
    "embedded payload": (Role.INSENSITIVE, "embedded data are a channel of their own"),
}


def _judge_knowledge(entry: CatalogueEntry, same_visit: str) -> tuple[Role, str]:
    """Decide a quasi-identifier or date by who can know it."""
    if same_visit and entry.keyword in SAME_VISIT:
        return Role.INSENSITIVE, (
            f"{same_visit} stands for the same visit in the class table; the consistency of "
            "dates is checked apart"
        )
    outside = OUTSIDERS.intersection(entry.knowable_by)
    if outside:
        words = ("the public", "public"), ("acquaintances", "acquaintance")
        who = " and ".join(word for word, name in words if name in outside)
        return Role.QUASI_IDENTIFIER, f"can be known to {who}: {_why(entry)}"
    if entry.knowable_by:
        return Role.INSENSITIVE, (
            f"known only to insiders (see the device and embedded metadata channels): {_why(entry)}"
        )
    return Role.INSENSITIVE, f"nobody outside knows it of a person: {_why(entry)}"


def _why(entry: CatalogueEntry) -> str:
    return entry.why[:1].lower() + entry.why[1:] if entry.why[1:2].islower() else entry.why


def propose_keyword(
    identity: DicomIdentity, evidence: Evidence, *, same_visit: str = ""
) -> Proposal:
    """Propose the role of a DICOM attribute.

    Parameters
    ----------
    identity : DicomIdentity
    evidence : Evidence
        Asked only where the catalogue leaves the question open.
    same_visit : str
        ``"StudyDate"`` or ``"StudyTime"`` where the source has such values, for an
        attribute that restates them; else ``""``.
    """
    entry = catalogue().get(identity.keyword)
    if entry is None:
        return _uncatalogued(identity, evidence)
    kind = _kind(identity.vr, entry.ladder, entry.category)
    override = _overrides().get(identity.keyword)
    if override is not None:
        role, reason = override
    elif evidence.empty:
        role, reason = Role.INSENSITIVE, "no row has a value"
    elif entry.category == "free text":
        return judge_text(evidence, entry.knowable_by, ladder=entry.ladder)
    elif entry.category in _FIXED:
        role, general = _FIXED[entry.category]
        reason = general if entry.category == "uid" else f"{general}: {_why(entry)}"
    else:
        role, reason = _judge_knowledge(entry, same_visit)
    return Proposal(
        role=role, kind=kind, reason=reason, ladder=entry.ladder, knowable_by=entry.knowable_by
    )


def _uncatalogued(identity: DicomIdentity, evidence: Evidence) -> Proposal:
    """Propose from the VR and Table E.1-1 where the catalogue is silent."""
    vr, action = identity.vr, identity.ps315.action
    kind = _KIND_OF_VR.get(vr, Kind.NUMBER if vr in _NUMERIC_VR else Kind.CATEGORY)
    override = _overrides().get(identity.keyword)
    if override is not None:
        return Proposal(role=override[0], kind=kind, reason=override[1], ladder="enum")
    if evidence.empty:
        return Proposal(role=Role.INSENSITIVE, kind=kind, reason="no row has a value")
    if vr == "PN":
        return Proposal(
            role=Role.DIRECT_IDENTIFIER,
            kind=Kind.IDENTIFIER,
            reason="a name of a person by its value representation",
            ladder="remove",
        )
    listed = action != NOT_LISTED
    if vr in _LONG_TEXT or (listed and vr in ("LO", "SH")):
        return judge_text(evidence, ("clinician",))
    if listed:
        return Proposal(
            role=Role.INSENSITIVE,
            kind=kind,
            reason=f"known only to insiders; Table E.1-1 lists it with action {action}",
            knowable_by=("clinician",),
        )
    return Proposal(
        role=Role.INSENSITIVE,
        kind=kind,
        reason="a technical attribute that Table E.1-1 does not list",
        knowable_by=("clinician",),
    )
