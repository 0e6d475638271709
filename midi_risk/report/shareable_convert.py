"""From the parts of the assessment document to their shareable counterparts."""

from __future__ import annotations

import re
from typing import Any

from midi_risk.report import shareable_parts as parts
from midi_risk.report.counts import SafeCount, safe
from midi_risk.report.figures import is_share
from midi_risk.report.shareable_threats import SafeResult, SafeThreat, pair_of, uncertainty_of
from midi_risk.report.shareable_types import two_digits
from midi_risk.risk.document import (
    Assessment,
    AttributeEntry,
    ChannelEntry,
    LinkEntry,
    Ps315,
    Result,
    Threat,
)
from midi_risk.risk.found_content import FOUND

_CODE = re.compile(r"[a-z][a-z_-]{0,43}(?:[_-]\d{1,3})?\Z")
_OPTION = re.compile(r"[a-z_0-9]{1,32}=[A-Z/*]{1,8}\Z")
_ACTION = re.compile(r"(?:[XZDUCKP](?:/[XZDUCKP*]+)*\*?|not listed)\Z")
_RELEASE = re.compile(r"(?:19|20)\d{2}[a-z]?\Z")
_YEAR = re.compile(r"(?<!\d)((?:19|2\d)\d{2})(?!\d)")
_FIGURE = re.compile(r"It brings [\d.]+ to the mean prosecutor risk \(Shapley value\)\. ?")
"""A computed figure among the assessor's words; it has more digits than this edition shows."""
_LEVELS = {"patient", "study", "series", "equipment", "instance", "file"}
_ROLES = {"direct_identifier", "quasi_identifier", "sensitive", "insensitive", "linkage_key"}
_DECISIONS = {"retain", "generalise", "remove"}


def code(text: str) -> str:
    """Return a word of a vocabulary, ``"other"`` for anything that does not look like one.

    Examples
    --------
    >>> code("sex-conflict"), code("Jane Doe")
    ('sex-conflict', 'other')
    """
    return text if _CODE.match(text) else "other"


def year(text: str) -> int | None:
    """Return the year of a date, None when there is none.

    Examples
    --------
    >>> year("2026-11-23T10:00:00Z"), year("")
    (2026, None)
    """
    hit = _YEAR.search(text[:10])
    return int(hit.group(1)) if hit else None


def digits(value: float | None) -> float | None:
    """Return a number with two significant digits, None when there is none."""
    return None if value is None else two_digits(value)


def verdict_of(assessment: Assessment) -> parts.SafeVerdict:
    """Return the verdict; reasons are derived again, never copied."""
    verdict, k = assessment.verdict, assessment.threshold.k
    governing = verdict.governing
    unread = assessment.collection.files.unreadable
    direct = [a for a in assessment.attributes if a.role == "direct_identifier" and a.distinct]
    groups: dict[str, Any] = {
        "undecided": tuple(
            a.name
            for a in assessment.attributes
            if a.role == "undecided" and a.decision != "remove"
        ),
        "open_identifiers": tuple(a.name for a in direct if a.decision is None),
        "kept_identifiers": tuple(a.name for a in direct if a.decision in {"retain", "generalise"}),
        "unassessed": tuple(
            code(c.name) for c in assessment.channels if c.required and c.status == "not_assessed"
        ),
        "channels": tuple(
            code(c.name)
            for c in assessment.channels
            if c.required and (c.upper or c.value or 0) > 1 / k + 1e-12
        ),
        "failed": _failures(assessment),
    }
    told = sum(bool(group) for group in groups.values()) + bool(unread)
    told += max(0, len(groups["failed"]) - 1) + max(0, len(groups["channels"]) - 1)
    return parts.SafeVerdict(
        status=verdict.status,
        governing=governing
        and parts.SafeGoverning(
            model=governing.model,
            adversary=governing.adversary,
            measure=code(governing.measure),
            value=digits(governing.value),
            threshold=two_digits(governing.threshold),
        ),
        unread=safe(unread, k),
        others=max(0, len(verdict.reasons) - told),
        **groups,
    )


def _failures(assessment: Assessment) -> tuple[parts.SafeFailure, ...]:
    """Return the adversaries with a figure above its threshold."""
    failed = [
        (t, tuple(code(r.measure) for r in t.results if r.passed is False))
        for t in assessment.threats
    ]
    return tuple(
        parts.SafeFailure(model=threat.model, adversary=threat.adversary, measures=measures)
        for threat, measures in failed
        if measures
    )


def link_of(number: int, link: LinkEntry, k: int) -> parts.SafeLink:
    """Return a join; the matched part is withheld when it would give another part away."""
    orphans, unmatched = safe(link.orphans, k), safe(link.unmatched_subjects, k)
    matched = safe(link.matched, k)
    if matched.state == "shown" and link.matched and "below" in {orphans.state, unmatched.state}:
        matched = SafeCount(state="withheld", k=k)
    return parts.SafeLink(
        number=number,
        matched=matched,
        orphans=orphans,
        unmatched_subjects=unmatched,
        fan_out=safe(link.fan_out, k),
    )


def threat_of(threat: Threat, k: int) -> SafeThreat:
    """Return one adversary with its results."""
    return SafeThreat(
        model=threat.model,
        adversary=threat.adversary,
        release=code(threat.release) if threat.release else None,
        attempt=two_digits(threat.attempt),
        attempt_source=threat.attempt_source,
        knows=threat.knows,
        population=threat.population,
        threshold_k=threat.threshold_k,
        statistic=threat.statistic,
        budget=digits(threat.budget),
        membership=pair_of(threat.membership),
        verification=digits(threat.verification),
        uncertainty=uncertainty_of(threat.uncertainty),
        results=tuple(result_of(r, k) for r in threat.results),
    )


def result_of(result: Result, k: int) -> SafeResult:
    """Return one measure; a share of subjects becomes a suppressed, rounded count."""
    share = is_share(result.measure) and result.value is not None
    hidden = None
    lower, upper = digits(result.lower), digits(result.upper)
    if share:
        hidden = safe(round((result.value or 0.0) * result.n), k, result.n)
        if result.kind == "exact":
            lower = upper = None
    return SafeResult(
        measure=code(result.measure),
        value=None if share else digits(result.value),
        lower=lower,
        upper=upper,
        kind=result.kind,
        n=safe(result.n, k),
        threshold=digits(result.threshold),
        passed=result.passed,
        subjects=hidden,
    )


def attribute_of(entry: AttributeEntry, whole: float, k: int, total: int) -> parts.SafeAttribute:
    """Return one attribute without source, label, reason, folding and values."""
    contribution = None
    if entry.contribution is not None and whole > 0:
        contribution = two_digits(round(20 * max(0.0, entry.contribution) / whole) / 20)
    return parts.SafeAttribute.model_validate(
        {
            "name": entry.name,
            "level": entry.level if entry.level in _LEVELS else "other",
            "role": entry.role if entry.role in _ROLES else "undecided",
            "missing": safe(entry.missing, k, total),
            "ps315": _action(entry.ps315),
            "decision": entry.decision if entry.decision in _DECISIONS else None,
            "justification": _FIGURE.sub("", entry.justification),
            "need": entry.need,
            "contribution": contribution,
        }
    )


def _action(row: Ps315 | None) -> parts.SafePs315 | None:
    """Return the profile's row when it is one of the standard's."""
    if row is None or not _ACTION.match(row.action) or not _RELEASE.match(row.release):
        return None
    options = tuple(o for o in row.options if _OPTION.match(o))
    return parts.SafePs315(release=row.release, action=row.action, options=options)


def channel_of(entry: ChannelEntry) -> parts.SafeChannel:
    """Return a channel without its evidence; the kinds of content found are fixed words."""
    return parts.SafeChannel(
        name=code(entry.name),
        status=entry.status,
        value=digits(entry.value),
        lower=digits(entry.lower),
        upper=digits(entry.upper),
        required=entry.required,
        found=tuple(kind for kind in entry.found if kind in FOUND),
    )
