"""The internal edition as a model: everything, disclosive records included."""

from __future__ import annotations

from typing import Any, Literal

from midi_risk.document.assessment import (
    Assessment,
    AttributeEntry,
    ChannelEntry,
    Context,
    Finding,
    LinkReport,
    Measures,
    Part,
    Plan,
    Record,
    SignOff,
    Threat,
    Threshold,
    Tool,
    TuningLattice,
    ValueCount,
    Verdict,
)

RECORDS_SHOWN = 200
VALUES_SHOWN = 40


class ValueList(Part):
    """The commonest values of one attribute, and how many more there are."""

    attribute: str
    values: tuple[ValueCount, ...]
    others: int


class InternalView(Part):
    """What the internal edition shows; counts are plain integers."""

    edition: Literal["internal"] = "internal"
    title: str
    tool: Tool
    created: str
    valid_until: str
    digest: str
    project_digest: str
    verdict: Verdict
    threshold: Threshold
    subjects: int
    studies: int | None
    series: int | None
    instances: int | None
    files: dict[str, int]
    excluded: dict[str, int]
    links: tuple[LinkReport, ...]
    findings: tuple[Finding, ...]
    missing_policy: str
    threats: tuple[Threat, ...]
    measures: Measures
    attributes: tuple[AttributeEntry, ...]
    channels: tuple[ChannelEntry, ...]
    plan: Plan | None
    context: Context
    sign_off: SignOff | None
    changes: tuple[str, ...]
    versions: dict[str, str]
    tables: dict[str, str]
    sources: tuple[dict[str, Any], ...]
    seed: int | None
    command: str
    threat_models: tuple[dict[str, Any], ...]
    has_records: bool
    records: tuple[Record, ...]
    records_total: int
    values: dict[str, ValueList]
    unreadable: tuple[dict[str, str], ...]
    lattice: TuningLattice | None = None


def internal_view(assessment: Assessment, plan: Plan | None = None) -> InternalView:
    """Return the internal edition of an assessment.

    Parameters
    ----------
    assessment : Assessment
        The document.
    plan : Plan, optional
        Replaces the plan inside the document.

    Returns
    -------
    InternalView
        At most 200 records and 40 values per attribute; the rest is counted.
    """
    collection, provenance = assessment.collection, assessment.provenance
    inner = assessment.internal
    return InternalView(
        title=collection.name,
        tool=assessment.tool,
        created=assessment.created,
        valid_until=assessment.valid_until,
        digest=collection.digest,
        project_digest=assessment.project_digest,
        verdict=assessment.verdict,
        threshold=assessment.threshold,
        subjects=collection.subjects,
        studies=collection.studies,
        series=collection.series,
        instances=collection.instances,
        files=collection.files.model_dump(),
        excluded=collection.excluded,
        links=tuple(assessment.links),
        findings=tuple(assessment.findings),
        missing_policy=assessment.missing_policy,
        threats=tuple(assessment.threats),
        measures=assessment.measures,
        attributes=tuple(assessment.attributes),
        channels=tuple(assessment.channels),
        plan=plan or assessment.plan,
        context=assessment.context or Context(),
        sign_off=assessment.sign_off,
        changes=tuple(assessment.changes),
        versions=provenance.versions,
        tables=provenance.tables,
        sources=tuple(provenance.sources),
        seed=provenance.seed,
        command=provenance.command,
        threat_models=tuple(assessment.threat_models),
        has_records=inner is not None,
        records=_rarest(inner.records) if inner else (),
        records_total=max(inner.records_total, len(inner.records)) if inner else 0,
        values={name: _shown(name, counts) for name, counts in inner.values.items()}
        if inner
        else {},
        unreadable=tuple(inner.unreadable[:RECORDS_SHOWN]) if inner else (),
        lattice=inner.lattice if inner else None,
    )


def _rarest(records: list[Record]) -> tuple[Record, ...]:
    """Keep the subjects in the smallest classes."""
    return tuple(sorted(records, key=lambda r: (r.class_size, r.subject))[:RECORDS_SHOWN])


def _shown(name: str, counts: list[ValueCount]) -> ValueList:
    """Keep the commonest values."""
    ordered = sorted(counts, key=lambda c: (-c.subjects, c.value))
    return ValueList(
        attribute=name,
        values=tuple(ordered[:VALUES_SHOWN]),
        others=max(0, len(ordered) - VALUES_SHOWN),
    )
