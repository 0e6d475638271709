"""What the parts of an assessment say against it: one predicate for each reason.

The verdict is written by these, and a file that somebody edited is checked by the same.
Reasons that need the subject table itself are written by the stage that has it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from midi_risk.config import Tolerance
from midi_risk.document.assessment import (
    Assessment,
    AttributeEntry,
    ChannelEntry,
    Collection,
    Disclosure,
    Threat,
)
from midi_risk.document.reasons import Reason, reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The parts of an assessment that a verdict rests on.

    Parameters
    ----------
    collection : Collection
    tolerance : Tolerance
    attributes : sequence of AttributeEntry
    threats : sequence of Threat
    channels : sequence of ChannelEntry
    disclosure : sequence of Disclosure
    """

    collection: Collection
    tolerance: Tolerance
    attributes: Sequence[AttributeEntry]
    threats: Sequence[Threat]
    channels: Sequence[ChannelEntry]
    disclosure: Sequence[Disclosure] = ()

    @classmethod
    def of(cls, assessment: Assessment) -> Evidence:
        """Return the evidence that a document holds."""
        return cls(
            collection=assessment.collection,
            tolerance=assessment.tolerance,
            attributes=assessment.attributes,
            threats=assessment.threats,
            channels=assessment.channels,
            disclosure=assessment.disclosure,
        )


def unread_files(evidence: Evidence) -> list[Reason]:
    """Return whether more files could not be read than are tolerated."""
    files, tolerated = evidence.collection.files.unreadable, evidence.tolerance.unread_files
    if files <= tolerated:
        return []
    return [reason("unread_files", files=files, tolerated=tolerated)]


def undecided(evidence: Evidence) -> list[Reason]:
    """Return the attributes that leave without a role."""
    return _naming(
        "undecided",
        [a for a in evidence.attributes if a.role == "undecided" and a.decision != "remove"],
    )


def direct_open(evidence: Evidence) -> list[Reason]:
    """Return the direct identifiers with values on which nobody decided."""
    return _naming("direct_open", [a for a in _direct(evidence) if a.decision is None])


def direct_kept(evidence: Evidence) -> list[Reason]:
    """Return the direct identifiers with values that are not removed."""
    return _naming(
        "direct_kept", [a for a in _direct(evidence) if a.decision not in {None, "remove"}]
    )


def rows_without_key(evidence: Evidence) -> list[Reason]:
    """Return whether rows belong to nobody."""
    rows = evidence.collection.excluded.get("no_key", 0)
    return [reason("rows_without_key", rows=rows)] if rows else []


def no_threat(evidence: Evidence) -> list[Reason]:
    """Return whether nothing was judged."""
    return [] if evidence.threats else [reason("no_threat")]


def above(evidence: Evidence) -> list[Reason]:
    """Return the adversaries with figures that did not pass."""
    reasons = []
    for threat in evidence.threats:
        failed = [result.measure for result in threat.results if result.passed is False]
        if failed:
            names = [threat.model, threat.adversary, *failed]
            reasons.append(reason("above", names, k=threat.threshold_k))
    return reasons


def channels_open(evidence: Evidence) -> list[Reason]:
    """Return the required channels of which no figure is known."""
    names = [c.name for c in evidence.channels if c.limit is not None and c.worst is None]
    return [reason("channels_open", names)] if names else []


def channel_above(evidence: Evidence) -> list[Reason]:
    """Return the required channels above their limit, one reason for each."""
    return [reason("channel_above", [c.name]) for c in evidence.channels if c.passed is False]


def disclosed(evidence: Evidence) -> list[Reason]:
    """Return the sensitive attributes that fail and that nobody accepted."""
    failed = [d for d in evidence.disclosure if not d.passed and d.accepted is None]
    if not failed:
        return []
    names = dict.fromkeys(d.attribute for d in failed)
    worst = max(failed, key=lambda d: (d.classes, d.subjects))
    return [reason("disclosed", names, classes=worst.classes, subjects=worst.subjects)]


def disclosure_accepted(evidence: Evidence) -> list[Reason]:
    """Return the sensitive attributes that fail and were accepted in writing."""
    failed = [d for d in evidence.disclosure if not d.passed and d.accepted is not None]
    names = dict.fromkeys(d.attribute for d in failed)
    return [reason("disclosure_accepted", names)] if names else []


def not_known(evidence: Evidence) -> list[Reason]:
    """Return the quasi-identifiers that leave and that no adversary is taken to know."""
    known = {name for threat in evidence.threats for name in threat.knows}
    return _naming(
        "not_known",
        [
            a
            for a in evidence.attributes
            if a.role == "quasi_identifier"
            and a.decision != "remove"
            and a.distinct > 1
            and a.name not in known
        ]
        if evidence.threats
        else [],
    )


CONDITIONS: Mapping[str, Callable[[Evidence], list[Reason]]] = {
    "unread_files": unread_files,
    "undecided": undecided,
    "direct_open": direct_open,
    "channels_open": channels_open,
    "rows_without_key": rows_without_key,
    "no_threat": no_threat,
    "above": above,
    "channel_above": channel_above,
    "direct_kept": direct_kept,
    "disclosed": disclosed,
    "disclosure_accepted": disclosure_accepted,
    "not_known": not_known,
}
"""Code -> predicate; the other codes of the registry rest on the subject table."""


def shown(evidence: Evidence, *codes: str) -> list[Reason]:
    """Return the reasons with these codes that the parts show, in this order."""
    return [found for code in codes for found in CONDITIONS[code](evidence)]


def _direct(evidence: Evidence) -> list[AttributeEntry]:
    """Return the direct identifiers that have values."""
    return [a for a in evidence.attributes if a.role == "direct_identifier" and a.distinct]


def _naming(code: str, attributes: Sequence[AttributeEntry]) -> list[Reason]:
    """Return one reason that names attributes, none without any."""
    return [reason(code, [a.name for a in attributes])] if attributes else []
