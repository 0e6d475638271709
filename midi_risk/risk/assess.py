"""From a subject table and threat models to one assessment, with a verdict."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from midi_risk import __version__
from midi_risk.attributes.hierarchies import Hierarchy
from midi_risk.attributes.model import Role
from midi_risk.config import ChannelStatement
from midi_risk.errors import MeasureError
from midi_risk.risk.adversaries import AdversaryRisk, adversary_risk
from midi_risk.risk.attribute_entries import attribute_entries
from midi_risk.risk.channels import channel_entries
from midi_risk.risk.declared import SEED
from midi_risk.risk.document import (
    Assessment,
    Collection,
    Context,
    FileCounts,
    FindingEntry,
    LinkEntry,
    Provenance,
    Result,
    SignOff,
    Threat,
    Threshold,
    Tool,
)
from midi_risk.risk.internal_parts import internal_parts
from midi_risk.risk.measured_channels import measured_channels
from midi_risk.risk.release_measures import release_measures
from midi_risk.risk.verdict import verdict
from midi_risk.risk.versions import software_versions, table_releases
from midi_risk.risk.visit_risk import trajectory_rows, visit_resolution
from midi_risk.table.model import SubjectTable
from midi_risk.table.release import measured, released
from midi_risk.threat.library import load_threat_model
from midi_risk.threat.model import Interval, ThreatModel
from midi_risk.threat.quantities import ends


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessmentOptions:
    """What the assessor decides beside roles and threat models.

    Parameters
    ----------
    name : str
        Name of the collection, as the report prints it.
    channels : mapping of str to ChannelStatement
        What the assessor found about channels.
    validity_months : int
        How long the assessment stands.
    unread_tolerance : int
        Files that may be unreadable before the verdict is incomplete.
    orphan_tolerance : int
        Subjects that a linked table may have beyond the leading source.
    hierarchies : mapping of str to Hierarchy
        Hierarchies of the user's own, by attribute.
    project_digest : str
        Digest of the project file, ``""`` without one.
    fixed_at : str
        When the threshold was fixed (ISO 8601); the time of the run when empty.
    context, sign_off : Context, SignOff, optional
        Statements that the report prints.
    command : str
        Command line, for the internal edition.
    unreadable : sequence of mapping
        Path and reason of unreadable files, for the internal edition.
    seed : int, optional
        Seed of whatever was sampled.
    """

    name: str = "collection"
    channels: Mapping[str, ChannelStatement] = field(default_factory=dict)
    validity_months: int = 24
    unread_tolerance: int = 0
    orphan_tolerance: int = 0
    hierarchies: Mapping[str, Hierarchy] = field(default_factory=dict)
    project_digest: str = ""
    fixed_at: str = ""
    context: Context | None = None
    sign_off: SignOff | None = None
    command: str = ""
    unreadable: Sequence[Mapping[str, str]] = ()
    seed: int | None = None


def assess(
    table: SubjectTable,
    threats: Sequence[str | ThreatModel] = ("public-release",),
    *,
    options: AssessmentOptions | None = None,
) -> Assessment:
    """Assess the re-identification risk of a subject table.

    Parameters
    ----------
    table : SubjectTable
        With roles and decisions; decisions are applied before anything is measured.
    threats : sequence of str or ThreatModel
        Threat models; their required numbers must be filled in.
    options : AssessmentOptions, optional

    Returns
    -------
    Assessment
        Acceptable only when every judged figure passes and nothing is left unknown.

    Raises
    ------
    MeasureError
        When there is no subject or no threat model.
    ThreatModelError
        When a threat model is not known or lacks a number.
    """
    options = options or AssessmentOptions()
    models = [load_threat_model(threat) for threat in threats]
    if not models:
        raise MeasureError("no threat model was given", hint="Name one with --threat")
    if not table.n_subjects:
        raise MeasureError("the subject table is empty")
    view = released(table, options.hierarchies)
    quasi_identifiers = tuple(measured(view, Role.QUASI_IDENTIFIER))
    risks = [
        adversary_risk(
            view,
            quasi_identifiers,
            model,
            adversary,
            seed=SEED if options.seed is None else options.seed,
        )
        for model in models
        for adversary in model.adversaries
    ]
    governing = governing_risk(risks)
    strictest = max(models, key=lambda model: model.threshold.k)
    required = frozenset(name for model in models for name in model.required_channels())
    resolution = visit_resolution(view)
    trajectory = (
        []
        if resolution is None
        else trajectory_rows(view.visits, view.n_subjects, strictest.threshold.k, resolution)
    )
    names = [attribute.name for attribute in quasi_identifiers]
    computed = measured_channels(table, view, names, risks, trajectory)
    channels = channel_entries(view, options.channels, required, computed)
    created = datetime.now(UTC).replace(microsecond=0)
    return Assessment(
        tool=Tool(name="midi-risk", version=__version__),
        created=created.isoformat(),
        valid_until=add_months(created, options.validity_months).date().isoformat(),
        collection=Collection(
            name=options.name,
            digest=table.digest,
            subjects=table.n_subjects,
            studies=table.counts.get("studies"),
            series=table.counts.get("series"),
            instances=table.counts.get("instances"),
            files=FileCounts.model_validate(table.files),
            excluded=dict(table.excluded),
        ),
        project_digest=options.project_digest,
        threat_models=[m.model_dump(mode="json", by_alias=True, exclude_none=True) for m in models],
        threshold=Threshold(
            k=strictest.threshold.k,
            label=strictest.threshold.label or f"1/{strictest.threshold.k}",
            statistic=strictest.threshold.statistic,
            fixed_at=options.fixed_at or created.isoformat(),
            source=strictest.threshold.source,
        ),
        attributes=attribute_entries(table, view, options.hierarchies),
        measures=release_measures(
            view, names, strictest.threshold.k, trajectory, _declared_population(models, view)
        ),
        threats=[_threat(risk) for risk in risks],
        channels=channels,
        findings=[
            FindingEntry(code=f.code, attribute=f.attribute, subjects=f.subjects, text=f.text)
            for f in table.findings
        ]
        + [FindingEntry(code="reading", attribute="", subjects=0, text=n) for n in table.notes],
        links=[LinkEntry(**_fields(link)) for link in table.links],
        missing_policy=table.missing,
        context=options.context,
        sign_off=options.sign_off,
        verdict=verdict(
            table,
            risks,
            governing,
            channels,
            options.unread_tolerance,
            options.orphan_tolerance,
        ),
        provenance=Provenance(
            sources=[dict(source) for source in table.sources],
            versions=software_versions(),
            tables=table_releases(),
            seed=options.seed,
            command=options.command,
        ),
        internal=internal_parts(
            view,
            names,
            strictest.threshold.k,
            unreadable=options.unreadable,
            digest_key=secrets.token_hex(16),
        ),
    )


def governing_risk(risks: Sequence[AdversaryRisk]) -> AdversaryRisk:
    """Return the adversary whose judged result decides: failures first, then the nearest.

    Parameters
    ----------
    risks : sequence of AdversaryRisk
        At least one.
    """

    def weight(risk: AdversaryRisk) -> tuple[bool, float]:
        result = risk.governing
        return not result.passed, result.upper / (result.threshold or 1)

    return max(risks, key=weight)


def _declared_population(models: Sequence[ThreatModel], view: SubjectTable) -> int | None:
    """Return the smallest population that some model declares, None when none does."""
    sizes = []
    for model in models:
        if isinstance(model.population.size, int):
            sizes.append(model.population.size)
        elif isinstance(model.population.fraction, Interval):
            sizes.append(round(view.n_subjects / model.population.fraction.high))
    return min((size for size in sizes if size >= view.n_subjects), default=None)


def _fields(link: Any) -> dict[str, Any]:
    """Return the fields of a link report."""
    return {name: getattr(link, name) for name in LinkEntry.model_fields}


def _threat(risk: AdversaryRisk) -> Threat:
    """Return the results of one adversary as the document holds them."""
    return Threat(
        model=risk.model.name,
        adversary=risk.adversary.name,
        release=risk.model.release,
        attempt=risk.attempt,
        attempt_source=risk.attempt_source,
        knows=risk.knows,
        population=risk.population,
        threshold_k=risk.required_size,
        statistic=risk.model.threshold.statistic,
        budget=risk.budget,
        membership=None if risk.adversary.membership is None else ends(risk.adversary.membership),
        verification=risk.verification,
        uncertainty=risk.uncertainty,
        results=[Result(**result.to_dict()) for result in risk.results],
    )


def add_months(moment: datetime, months: int) -> datetime:
    """Return the same day some months later, or the last day of a shorter month.

    Examples
    --------
    >>> add_months(datetime(2026, 1, 31, tzinfo=UTC), 1).date().isoformat()
    '2026-02-28'
    """
    years, month = divmod(moment.month - 1 + months, 12)
    for day in range(moment.day, moment.day - 4, -1):
        try:
            return moment.replace(year=moment.year + years, month=month + 1, day=day)
        except ValueError:
            continue
    raise ValueError("no such month")
