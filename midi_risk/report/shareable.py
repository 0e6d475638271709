"""The shareable edition as a model: an allow-list that cannot hold a raw value."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Literal

from midi_risk.report import shareable_parts as parts
from midi_risk.report.clean import scrubbed
from midi_risk.report.counts import SafeCount, merged_bins, safe, safe_parts
from midi_risk.report.shareable_convert import (
    attribute_of,
    channel_of,
    code,
    link_of,
    threat_of,
    verdict_of,
    year,
)
from midi_risk.report.shareable_tables import (
    context_of,
    plan_of,
    sensitive_of,
    signature_of,
    trajectory_of,
    uniques_of,
)
from midi_risk.report.shareable_threats import SafeThreat
from midi_risk.report.shareable_types import Code, Digest, Name, Safe, Size, Version, Year
from midi_risk.risk.document import Assessment, Plan

UNNAMED = "Collection without a stated name"
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9 .+_()-]{0,47}\Z")


class SafeMeasures(Safe):
    """Figures of the released table, suppressed and rounded."""

    k: Size | None
    sample_uniques: SafeCount
    histogram: tuple[parts.SafeBin, ...]
    curve: tuple[parts.SafePoint, ...]
    quasi_identifiers: tuple[Name, ...]
    combinations: tuple[parts.SafeCombination, ...]
    sensitive: tuple[parts.SafeSensitive, ...]
    population_uniques: tuple[parts.SafeUniques, ...]
    trajectory: tuple[parts.SafeTrajectory, ...]


class ShareableView(Safe):
    """What the shareable edition shows. No field can hold a value of a subject."""

    edition: Literal["shareable"] = "shareable"
    title: Name
    tool_version: Version
    created: Year | None
    valid_until: Year | None
    digest: Digest
    project_digest: Digest
    verdict: parts.SafeVerdict
    threshold: parts.SafeThreshold
    subjects: SafeCount
    studies: SafeCount | None
    series: SafeCount | None
    instances: SafeCount | None
    files: dict[Literal["read", "flagged", "not_dicom", "unreadable"], SafeCount]
    excluded: dict[Code, SafeCount]
    links: tuple[parts.SafeLink, ...]
    findings: tuple[parts.SafeFinding, ...]
    missing_policy: Code
    threats: tuple[SafeThreat, ...]
    measures: SafeMeasures
    attributes: tuple[parts.SafeAttribute, ...]
    channels: tuple[parts.SafeChannel, ...]
    plan: parts.SafePlan | None
    context: parts.SafeContext
    sign_off: parts.SafeSignOff | None
    versions: dict[Version, Version]
    sources: Size


def shareable_view(assessment: Assessment, plan: Plan | None = None) -> ShareableView:
    """Return the shareable edition of an assessment.

    Parameters
    ----------
    assessment : Assessment
        The document.
    plan : Plan, optional
        Replaces the plan inside the document.

    Returns
    -------
    ShareableView
        Counts below the threshold k are suppressed, the others rounded to base 5.
    """
    k = assessment.threshold.k
    collection, inner = assessment.collection, assessment.internal
    key = inner.digest_key if inner else ""
    chosen = plan or assessment.plan
    levels = {
        name: None if count is None else safe(count, k)
        for name, count in (
            ("studies", collection.studies),
            ("series", collection.series),
            ("instances", collection.instances),
        )
    }
    files = collection.files.model_dump()
    return ShareableView(
        title=_title(collection.name),
        tool_version=_version(assessment.tool.version),
        created=year(assessment.created),
        valid_until=year(assessment.valid_until),
        digest=keyed(collection.digest, key),
        project_digest=keyed(assessment.project_digest, key),
        verdict=verdict_of(assessment),
        threshold=parts.SafeThreshold(
            k=k,
            label=assessment.threshold.label,
            statistic=assessment.threshold.statistic,
            source=assessment.threshold.source,
            fixed_at=year(assessment.threshold.fixed_at),
        ),
        subjects=safe(collection.subjects, k),
        **levels,
        files={name: safe(count, k) for name, count in files.items()},
        excluded={code(name): safe(count, k) for name, count in collection.excluded.items()},
        links=tuple(link_of(i, link, k) for i, link in enumerate(assessment.links, 1)),
        findings=tuple(
            parts.SafeFinding(
                code=code(f.code),
                attribute=f.attribute,
                subjects=safe(f.subjects, k, collection.subjects),
            )
            for f in assessment.findings
        ),
        missing_policy=code(assessment.missing_policy),
        threats=tuple(threat_of(t, k) for t in assessment.threats),
        measures=_measures(assessment, k),
        attributes=_attributes(assessment, k),
        channels=tuple(channel_of(c) for c in assessment.channels),
        plan=plan_of(chosen, k) if chosen else None,
        context=context_of(assessment.context, k),
        sign_off=signature_of(assessment.sign_off),
        versions={
            name: text
            for name, text in assessment.provenance.versions.items()
            if _VERSION.match(name) and _VERSION.match(text)
        },
        sources=len(assessment.provenance.sources),
    )


def keyed(digest: str, key: str) -> str:
    """Return a digest that only the holder of the key can recompute; "" without a key.

    A plain digest of few-valued data can be found by trying all data; see RFC 2104.

    Examples
    --------
    >>> keyed("sha256:00", "k"), keyed("sha256:00", "")
    ('319ece2495a62508', '')
    """
    if not key or not digest:
        return ""
    return hmac.new(_bytes(key), _bytes(digest), hashlib.sha256).hexdigest()[:16]


def _title(name: str) -> str:
    """Return the collection's name, but not the name of a file or folder."""
    text = scrubbed(name)
    return UNNAMED if text.strip() in {"", "[path]", "[UID]", "[date]", "[host]"} else text


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _version(text: str) -> str:
    return text if _VERSION.match(text) else "unknown"


def _attributes(assessment: Assessment, k: int) -> tuple[parts.SafeAttribute, ...]:
    """Convert the attributes; contributions become shares of their sum, in steps of 5 %."""
    whole = sum(max(0.0, a.contribution or 0.0) for a in assessment.attributes)
    return tuple(
        attribute_of(a, whole, k, assessment.collection.subjects) for a in assessment.attributes
    )


def _measures(assessment: Assessment, k: int) -> SafeMeasures:
    """Suppress, merge and round the figures of the table."""
    measures, total = assessment.measures, assessment.collection.subjects
    bins = merged_bins(
        ((b.size_from, b.size_to, b.subjects) for b in measures.class_size_histogram), k
    )
    cells = safe_parts([subjects for _, _, subjects in bins], k)
    running, curve = 0, []
    for _, high, subjects in bins[:-1]:
        running += subjects
        curve.append(parts.SafePoint(k=high + 1, below=safe(running, k, total)))
    return SafeMeasures(
        k=measures.k,
        sample_uniques=safe(measures.sample_uniques, k, total),
        histogram=tuple(
            parts.SafeBin(size_from=low, size_to=high, subjects=cell)
            for (low, high, _), cell in zip(bins, cells, strict=True)
        ),
        curve=tuple(curve),
        quasi_identifiers=tuple(measures.quasi_identifiers),
        combinations=tuple(
            parts.SafeCombination(attributes=tuple(c.attributes), below_k=safe(c.below_k, k, total))
            for c in measures.combinations
        ),
        sensitive=sensitive_of(measures),
        population_uniques=uniques_of(measures),
        trajectory=trajectory_of(measures, k, total),
    )
