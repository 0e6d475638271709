"""The verdict: acceptable, above the threshold, or incomplete, with every reason."""

from __future__ import annotations

from collections.abc import Sequence

from midi_risk.attributes.model import Decision, Role
from midi_risk.risk.adversaries import AdversaryRisk
from midi_risk.risk.document import ChannelEntry, Governing, Verdict
from midi_risk.risk.unseen import (
    overruled_proposals,
    restated_dates,
    unidentified_files,
    unread_values,
    unseen_people,
)
from midi_risk.table.model import SubjectTable

EXIT_CODES = {"acceptable": 0, "above_threshold": 3, "incomplete": 4}
"""Exit code of each status."""


def verdict(
    table: SubjectTable,
    risks: Sequence[AdversaryRisk],
    governing: AdversaryRisk,
    channels: Sequence[ChannelEntry],
    unread_tolerance: int,
    orphan_tolerance: int = 0,
) -> Verdict:
    """Return the verdict with every reason; incomplete outranks above the threshold.

    Parameters
    ----------
    table : SubjectTable
        With decisions, before they are applied.
    risks : sequence of AdversaryRisk
    governing : AdversaryRisk
    channels : sequence of ChannelEntry
    unread_tolerance : int
        Files that may be unreadable.
    orphan_tolerance : int
        Subjects of linked tables that may lack a subject in the leading source.
    """
    unknown = [
        *_unknown(table, channels, unread_tolerance),
        *unidentified_files(table, unread_tolerance),
        *unseen_people(table, orphan_tolerance),
        *unread_values(table),
        *restated_dates(table),
    ]
    above = _above(table, risks, channels)
    status = "incomplete" if unknown else "above_threshold" if above else "acceptable"
    reasons = [*unknown, *above]
    if not reasons:
        reasons = ["every figure is within its threshold and nothing was left unassessed"]
    reasons += overruled_proposals(table)
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
    )


def _unknown(
    table: SubjectTable, channels: Sequence[ChannelEntry], unread_tolerance: int
) -> list[str]:
    """Return what is not known, each as a sentence."""
    reasons = []
    unread = table.files.get("unreadable", 0)
    if unread > unread_tolerance:
        reasons.append(
            f"{_count(unread, 'file')} could not be read (tolerated: {unread_tolerance})"
        )
    undecided = [a.name for a in table.attributes.of_role(Role.UNDECIDED) if not _removed(a)]
    if undecided:
        reasons.append(f"{_count(len(undecided), 'attribute')} undecided: {_listed(undecided)}")
    direct = [
        a.name
        for a in table.attributes.of_role(Role.DIRECT_IDENTIFIER)
        if a.decision is None and _has_values(table, a.name)
    ]
    if direct:
        reasons.append(
            f"{_count(len(direct), 'direct identifier')} with values and no decision to remove:"
            f" {_listed(direct)}"
        )
    open_channels = [c.name for c in channels if c.required and c.status == "not_assessed"]
    if open_channels:
        count = _count(len(open_channels), "required channel")
        reasons.append(f"{count} not assessed: {_listed(open_channels)}")
    return reasons


def _above(
    table: SubjectTable, risks: Sequence[AdversaryRisk], channels: Sequence[ChannelEntry]
) -> list[str]:
    """Return what is above a threshold, each as a sentence."""
    reasons = []
    for risk in risks:
        failed = [result.measure for result in risk.results if result.passed is False]
        if failed:
            reasons.append(
                f"{risk.model.name}, {risk.adversary.name}: above the threshold on"
                f" {_listed(failed)} (class size {risk.required_size} is required)"
            )
    limits = _channel_limits(risks)
    for channel in channels:
        worst = max(channel.value or 0.0, channel.upper or 0.0)
        limit = limits.get(channel.name, 1.0)
        if channel.required and channel.status != "not_assessed" and worst > limit + 1e-12:
            reasons.append(f"channel {channel.name}: its risk is above the threshold")
    kept = [
        a.name
        for a in table.attributes.of_role(Role.DIRECT_IDENTIFIER)
        if a.decision in {Decision.RETAIN, Decision.GENERALISE} and _has_values(table, a.name)
    ]
    if kept:
        reasons.append(f"direct identifiers are retained: {_listed(kept)}")
    return reasons


def _channel_limits(risks: Sequence[AdversaryRisk]) -> dict[str, float]:
    """Return the strictest threshold of the models that require each channel."""
    limits: dict[str, float] = {}
    for risk in risks:
        for name in risk.model.required_channels():
            limits[name] = min(limits.get(name, 1.0), 1 / risk.model.threshold.k)
    return limits


def _removed(attribute: object) -> bool:
    return getattr(attribute, "decision", None) is Decision.REMOVE


def _has_values(table: SubjectTable, name: str) -> bool:
    """Tell whether any subject has a value of an attribute that is only counted."""
    distinct, _ = table.distinct.get(name, (0, 0))
    return distinct > 0


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _listed(names: Sequence[str]) -> str:
    """Return at most six names and how many more."""
    more = len(names) - 6
    return ", ".join(names[:6]) + (f" and {more} more" if more > 0 else "")
