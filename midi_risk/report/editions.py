"""From the document to the view of an edition: everything, or what may leave."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any, Literal

from midi_risk.document.assessment import (
    Assessment,
    Context,
    FileCounts,
    Plan,
    Quality,
    Record,
    ValueCount,
)
from midi_risk.errors import ConfigError, did_you_mean
from midi_risk.report.leaves import Code, Size
from midi_risk.report.policy import leaving
from midi_risk.report.rules import bound_of_defects
from midi_risk.report.view import Disclosive, ReportView, ValueList

RECORDS_SHOWN = 200
VALUES_SHOWN = 40


def internal(document: Assessment) -> ReportView:
    """Return everything; at most 200 records and 40 values per attribute, the rest counted."""
    quality = _quality(document)
    bound = None if quality is None else quality.bound
    return _view("internal", document, document, bound)


def shareable(document: Assessment) -> ReportView:
    """Return what may leave, by the policy."""
    bound = bound_of_defects(_quality(document), document.threshold.k)
    return _view("shareable", document, leaving(document), bound)


EDITIONS: dict[str, Callable[[Assessment], ReportView]] = {
    "internal": internal,
    "shareable": shareable,
}


def view(assessment: Assessment, plan: Plan | None = None, edition: str = "internal") -> ReportView:
    """Return what a page of one edition shows.

    Parameters
    ----------
    assessment : Assessment
        The document.
    plan : Plan, optional
        Replaces the plan inside the document.
    edition : {"internal", "shareable"}

    Returns
    -------
    ReportView

    Raises
    ------
    ConfigError
        When there is no such edition.
    """
    if edition not in EDITIONS:
        raise ConfigError(
            "edition", [f"no edition '{edition}'"], hint=did_you_mean(edition, EDITIONS)
        )
    chosen = {"plan": plan or assessment.plan, "context": assessment.context or Context()}
    return EDITIONS[edition](assessment.model_copy(update=chosen))


def _view(
    edition: Literal["internal", "shareable"],
    document: Assessment,
    shown: Any,
    bound: float | None,
) -> ReportView:
    """Fill the view from the document's own names."""
    collection, provenance, plan = shown.collection, shown.provenance, document.plan
    sources = provenance.sources
    front = enumerate(plan.front) if plan else ()
    chosen = next((i for i, point in front if plan and plan.is_point(point)), None)
    if shown.plan is None or not shown.plan.front:
        chosen = None
    names = FileCounts.model_fields
    return ReportView(
        edition=edition,
        title=collection.name,
        tool=shown.tool,
        created=shown.created,
        valid_until=shown.valid_until,
        digest=collection.digest,
        project_digest=shown.project_digest,
        verdict=shown.verdict,
        threshold=shown.threshold,
        log=shown.log,
        subjects=collection.subjects,
        studies=collection.studies,
        series=collection.series,
        instances=collection.instances,
        files=MappingProxyType({Code(n): getattr(collection.files, n) for n in names}),
        excluded=collection.excluded,
        links=tuple(shown.links),
        findings=tuple(shown.findings),
        missing_policy=shown.missing_policy,
        threats=tuple(shown.threats),
        measures=shown.measures,
        attributes=tuple(shown.attributes),
        account=tuple(shown.account),
        channels=tuple(shown.channels),
        disclosure=tuple(shown.disclosure),
        plan=shown.plan,
        context=shown.context,
        qc=shown.qc,
        scores=tuple(shown.scores),
        sign_off=shown.sign_off,
        versions=provenance.versions,
        source_count=sources if isinstance(sources, Size) else len(sources),
        chosen=None if chosen is None else Size(chosen),
        defect_bound=bound,
        disclosive=_disclosive(document) if edition == "internal" else None,
    )


def _quality(document: Assessment) -> Quality | None:
    return document.context.quality if document.context else None


def _disclosive(document: Assessment) -> Disclosive:
    inner, provenance = document.internal, document.provenance
    values = inner.values if inner else {}
    return Disclosive(
        changes=tuple(document.changes),
        tables=provenance.tables,
        sources=tuple(provenance.sources),
        seed=provenance.seed,
        command=provenance.command,
        threat_models=tuple(document.threat_models),
        has_records=inner is not None,
        records=_rarest(inner.records) if inner else (),
        records_total=max(inner.records_total, len(inner.records)) if inner else 0,
        values={name: _commonest(name, counts) for name, counts in values.items()},
        unreadable=tuple(inner.unreadable[:RECORDS_SHOWN]) if inner else (),
        lattice=inner.lattice if inner else None,
        channels_together=document.channels_together,
    )


def _rarest(records: list[Record]) -> tuple[Record, ...]:
    """Keep the subjects in the smallest classes, the most special of them first."""
    order = sorted(records, key=lambda r: (r.class_size, -(r.suda or 0.0), r.subject))
    return tuple(order[:RECORDS_SHOWN])


def _commonest(name: str, counts: list[ValueCount]) -> ValueList:
    """Keep the commonest values."""
    ordered = sorted(counts, key=lambda c: (-c.subjects, c.value))
    return ValueList(
        attribute=name,
        values=tuple(ordered[:VALUES_SHOWN]),
        others=max(0, len(ordered) - VALUES_SHOWN),
    )
