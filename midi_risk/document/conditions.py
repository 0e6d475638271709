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
    """

    collection: Collection
    tolerance: Tolerance
    attributes: Sequence[AttributeEntry]
    threats: Sequence[Threat]
    channels: Sequence[ChannelEntry]

    @classmethod
    def of(cls, assessment: Assessment) -> Evidence:
        """Return the evidence that a document holds."""
        return cls(
            collection=assessment.collection,
            tolerance=assessment.tolerance,
            attributes=assessment.attributes,
            threats=assessment.threats,
            channels=assessment.channels,
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


EVENTS = ("deliberate", "acquaintance", "breach")
"""Ways in which an attempt on a controlled release comes about (IPC Ontario 2016)."""


def attacks_open(evidence: Evidence) -> list[Reason]:
    """Return the kinds of attempts on a controlled release that nobody judged.

    The context risk is the highest of the three. Whoever surely tries and knows exactly all
    that any other adversary knows stands for all of them, since no probability is above 1.
    """
    controlled = [t for t in evidence.threats if t.release == "controlled"]
    if not controlled or any(_certain(t, evidence.threats) for t in evidence.threats):
        return []
    judged = {threat.event for threat in controlled}
    names = [event for event in EVENTS if event not in judged]
    return [reason("attacks_open", names)] if names else []


def _certain(threat: Threat, others: Sequence[Threat]) -> bool:
    """Tell whether an adversary surely tries and knows exactly what any other knows."""
    known = {name for other in others for name in other.knows}
    return (
        threat.attempt >= 1
        and threat.verification in {None, 1.0}
        and known <= set(threat.knows)
        and set(threat.knows.values()) <= {"exact"}
    )


def channels_open(evidence: Evidence) -> list[Reason]:
    """Return the required channels of which no figure is known."""
    names = [c.name for c in evidence.channels if c.limit is not None and c.worst is None]
    return [reason("channels_open", names)] if names else []


def channel_above(evidence: Evidence) -> list[Reason]:
    """Return the required channels above their limit, one reason for each."""
    return [reason("channel_above", [c.name]) for c in evidence.channels if c.passed is False]


CONDITIONS: Mapping[str, Callable[[Evidence], list[Reason]]] = {
    "unread_files": unread_files,
    "undecided": undecided,
    "direct_open": direct_open,
    "channels_open": channels_open,
    "rows_without_key": rows_without_key,
    "no_threat": no_threat,
    "attacks_open": attacks_open,
    "above": above,
    "channel_above": channel_above,
    "direct_kept": direct_kept,
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
