"""From a subject table and threat models to one assessment, with a verdict.

An assessment has the figures of the released table before any attacker, one entry per attribute
(role, decision, why it stays, what it contributes), the disclosive parts for the internal edition
alone, and the versions of software and tables that a result depends on.
"""

from __future__ import annotations

import platform
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from math import comb
from typing import Any, Literal

import numpy as np
import pandas as pd

from midi_risk import __version__
from midi_risk.attributes.hierarchy import Hierarchy
from midi_risk.attributes.model import Attribute, Decision, Role
from midi_risk.config import ChannelStatement
from midi_risk.document.assessment import (
    AccountEntry,
    Assessment,
    AttributeEntry,
    ChannelEntry,
    Closeness,
    Collection,
    Combination,
    Context,
    CurvePoint,
    Diversity,
    FileCounts,
    Finding,
    HistogramBin,
    Internal,
    Log,
    Measures,
    PrivateRow,
    Provenance,
    Record,
    SignOff,
    Threat,
    Threshold,
    Tolerance,
    Tool,
    ValueCount,
)
from midi_risk.document.conditions import Evidence
from midi_risk.document.reasons import Reason, reason
from midi_risk.document.reliability import QualityControl, Score
from midi_risk.errors import MeasureError, listed
from midi_risk.resources import data_rows
from midi_risk.risk.account import (
    ReleaseDecisions,
    account,
    measured_account,
    texts_without_attribute,
)
from midi_risk.risk.adversaries import AdversaryRisk, adversary_risk, as_judged
from midi_risk.risk.beside import individual_figures, presence_figures, special_uniques
from midi_risk.risk.channels.entries import FileState, channel_entries, measured_channels
from midi_risk.risk.channels.inspected import private_rows
from midi_risk.risk.channels.together import accepted, channels_together, subjects_of
from midi_risk.risk.classes.classes import EquivalenceClasses
from midi_risk.risk.disclosure import disclosures, value_order
from midi_risk.risk.measures.closeness import equal_distance, ordered_distance
from midi_risk.risk.measures.combinations import combination_risks
from midi_risk.risk.measures.contribution import contributions
from midi_risk.risk.measures.diversity import (
    SensitiveCounts,
    distinct_values,
    effective_values,
)
from midi_risk.risk.measures.repeated import (
    ReleasedClasses,
    released_classes,
    repeated_entries,
    repeating,
    sizes_known_exactly,
)
from midi_risk.risk.measures.suda import SudaResult
from midi_risk.risk.measures.trajectory import trajectory_rows, visit_resolution
from midi_risk.risk.measures.uncertainty import SEED
from midi_risk.risk.population.estimators import uniqueness_rows
from midi_risk.risk.verdict import verdict
from midi_risk.sources.inspection.summary import Inspection
from midi_risk.table.frame import as_subjects
from midi_risk.table.model import SubjectTable
from midi_risk.table.release import attribute_hierarchy, measured, released
from midi_risk.threat.library import load_threat_model, shipped_class_size
from midi_risk.threat.model import Interval, ThreatModel, ends

CURVE_SIZES = (2, 3, 5, 10, 11, 15, 20, 30, 50, 100)
"""Class sizes at which the curve of subjects in smaller classes is drawn."""

MAX_COMBINATION = 3
MAX_COMBINED = 12
MAX_COMBINED_CELLS = 2_000_000
"""Subjects times combinations with repeated values that are looked at on all values."""


def release_measures(
    table: SubjectTable,
    names: Sequence[str],
    k: int,
    trajectory: Sequence[dict[str, Any]] = (),
    people: int | None = None,
) -> Measures:
    """Return class sizes, diversity, closeness and unsafe combinations.

    Parameters
    ----------
    table : SubjectTable
        As it would be released.
    names : sequence of str
        Quasi-identifiers in the table; with none all subjects are one class.
    k : int
        Class size that is required.
    trajectory : sequence of dict
        Risk of known visits, from `trajectory_rows`.
    people : int, optional
        Size of the population, where a threat model declares it.
    """
    codes = table.codes(list(names))
    classes = EquivalenceClasses.from_codes(codes, names=names, missing=table.missing)
    quasi_identifiers = [table.attributes[name] for name in names]
    alike = sizes_known_exactly(table, quasi_identifiers)
    each = np.asarray(classes.record_sizes) if alike is None else alike
    diversity, closeness = _sensitive_measures(table, names)
    return Measures(
        k=int(each.min()) if len(each) else None,
        classes=classes.n_classes,
        sample_uniques=int((each == 1).sum()),
        class_size_histogram=histogram_bins(classes, k, alike),
        quasi_identifiers=list(names),
        curve=[
            CurvePoint(
                k=size,
                subjects_below=int((each < size).sum()),
                share_below=int((each < size).sum()) / classes.n,
            )
            for size in sorted({*CURVE_SIZES, k})
        ],
        combinations=unsafe_combinations(table, names, k),
        combinations_folded=combinations_folded(table, names),
        diversity=diversity,
        closeness=closeness,
        population_uniques=[] if people is None else uniqueness_rows(classes, people),
        trajectory=list(trajectory),
        repeated=repeated_entries(table, quasi_identifiers),
    )


def histogram_bins(
    classes: EquivalenceClasses, k: int, alike: np.ndarray | None = None
) -> list[HistogramBin]:
    """Return the class-size histogram: single sizes up to k, then growing bins.

    Parameters
    ----------
    classes : EquivalenceClasses
    k : int
        Class size that is required; a bin begins there.
    alike : numpy.ndarray of int64, shape (n,), optional
        Matching set of each subject where values repeat. These overlap, so that each
        counts as a class of its own.
    """
    sizes = np.asarray(classes.sizes if alike is None else alike, dtype=np.int64)
    counts = classes.counts if alike is None else np.ones(len(sizes), dtype=np.int64)
    edges = list(range(1, k + 1)) if k <= 25 else [1, 2, 3, 5, 10, 15, 20, k]
    largest = int(sizes.max(initial=0))
    edge = k
    while edges[-1] <= largest:
        edge = max(edge + 1, int(edge * 1.6))
        edges.append(edge)
    bins = []
    for low, high in pairwise(edges):
        inside = (sizes >= low) & (sizes < high)
        if inside.any():
            bins.append(
                HistogramBin(
                    size_from=low,
                    size_to=high - 1,
                    classes=int(inside.sum()),
                    subjects=int(counts[inside].sum()),
                )
            )
    return bins


def unsafe_combinations(table: SubjectTable, names: Sequence[str], k: int) -> list[Combination]:
    """Return the combinations of up to three attributes on which somebody is rare.

    Parameters
    ----------
    table : SubjectTable
    names : sequence of str
        Quasi-identifiers; the first `MAX_COMBINED` are combined.
    k : int
        A subject is rare in a class smaller than k.

    Returns
    -------
    list of Combination
        Smaller combinations first, then by how many subjects are unique.
    """
    combined = list(names[:MAX_COMBINED])
    if not combined:
        return []
    found = [
        Combination(
            attributes=[str(name) for name in risk.attributes],
            unique=risk.unique,
            below_k=risk.records_below,
        )
        for risk in combination_risks(table.frame, combined, k=k, max_size=MAX_COMBINATION)
    ]
    if not combinations_folded(table, names):
        several = set(repeating(table, combined))
        found = [
            _on_all_values(table, entry, k) if several & set(entry.attributes) else entry
            for entry in found
        ]
    unsafe = [entry for entry in found if entry.below_k]
    return sorted(unsafe, key=lambda r: (len(r.attributes), -r.unique, -r.below_k))


def combinations_folded(table: SubjectTable, names: Sequence[str]) -> bool:
    """Tell whether combinations are of one value of each subject although more values leave.

    Parameters
    ----------
    table : SubjectTable
    names : sequence of str
        Quasi-identifiers.
    """
    combined = list(names[:MAX_COMBINED])
    here = len(combined) - len(repeating(table, combined))

    def of(n: int) -> int:
        return sum(comb(n, size) for size in range(1, MAX_COMBINATION + 1))

    return (of(len(combined)) - of(here)) * table.n_subjects > MAX_COMBINED_CELLS


def _on_all_values(table: SubjectTable, entry: Combination, k: int) -> Combination:
    """Return a combination on all the values that leave."""
    alike = sizes_known_exactly(table, [table.attributes[name] for name in entry.attributes])
    if alike is None:
        return entry
    counted = {"unique": int((alike == 1).sum()), "below_k": int((alike < k).sum())}
    return entry.model_copy(update=counted)


def _sensitive_measures(
    table: SubjectTable, names: Sequence[str]
) -> tuple[list[Diversity], list[Closeness]]:
    """Return diversity and closeness of every sensitive attribute that has values.

    A quasi-identifier that is sensitive as well is looked at in the classes of the others.
    """
    known: dict[tuple[str, ...], ReleasedClasses] = {}
    diversity: list[Diversity] = []
    closeness: list[Closeness] = []
    for attribute in measured(table, Role.SENSITIVE, Role.QUASI_IDENTIFIER):
        column = table.frame[attribute.name].to_numpy(dtype=object)
        if not attribute.discloses or pd.isna(column).all():
            continue
        others = tuple(name for name in names if name != attribute.name)
        if others not in known:
            known[others] = released_classes(table, others)
        counts = known[others].counts(column, attribute.name)
        diversity.append(_diversity(attribute, counts, known[others], column))
        closeness.append(
            Closeness(
                attribute=attribute.name,
                distance="equal",
                t=float(np.nanmax(equal_distance(counts))),
            )
        )
        ordered = _ordered(attribute, counts)
        if ordered is not None:
            closeness.append(Closeness(attribute=attribute.name, distance="ordered", t=ordered))
    return diversity, closeness


def _diversity(
    attribute: Attribute,
    counts: SensitiveCounts,
    known: ReleasedClasses,
    column: np.ndarray,
) -> Diversity:
    """Return the l-diversity of one sensitive attribute."""
    assessed = counts.assessed
    distinct = distinct_values(counts)
    single = assessed & (distinct == 1)
    return Diversity(
        attribute=attribute.name,
        distinct_l=int(distinct[assessed].min()),
        entropy_l=float(effective_values(counts)[assessed].min()),
        homogeneous_classes=int(single.sum()),
        homogeneous_subjects=known.subjects_in(single, pd.notna(column)),
        missing=int(pd.isna(column).sum()),
    )


def _ordered(attribute: Attribute, counts: SensitiveCounts) -> float | None:
    """Return ordered closeness where the order of the values is known."""
    order = value_order(attribute, [str(value) for value in counts.labels])
    return None if order is None else float(np.nanmax(ordered_distance(counts, order=order)))


def attribute_entries(
    table: SubjectTable, view: SubjectTable, hierarchies: Mapping[str, Hierarchy]
) -> list[AttributeEntry]:
    """Return the entries of all attributes, in order.

    Parameters
    ----------
    table : SubjectTable
        Before the decisions.
    view : SubjectTable
        As it would be released.
    hierarchies : mapping of str to Hierarchy
        Hierarchies of the user's own.
    """
    names = [a.name for a in measured(view, Role.QUASI_IDENTIFIER)]
    shares = contributions(view, names)
    return [
        _entry(attribute, table, view, hierarchies, shares.get(attribute.name))
        for attribute in table.attributes
    ]


def _entry(
    attribute: Attribute,
    table: SubjectTable,
    view: SubjectTable,
    hierarchies: Mapping[str, Hierarchy],
    contribution: float | None,
) -> AttributeEntry:
    """Return the entry of one attribute."""
    distinct, missing = table.distinct.get(attribute.name, (0, table.n_subjects))
    if attribute.name in view.frame.columns:
        column = view.frame[attribute.name].to_numpy(dtype=object)
        known = column[pd.notna(column)].tolist()
        distinct, missing = len(set(known)), len(column) - len(known)
    return AttributeEntry(
        name=attribute.name,
        source=attribute.source,
        level=attribute.level,
        role=attribute.role.value,
        kind=attribute.kind.value,
        distinct=distinct,
        missing=missing,
        label=attribute.label,
        reason=attribute.reason,
        folding=table.folding.get(attribute.name, ""),
        knowable_by=list(attribute.knowable_by),
        ladder=attribute.ladder,
        unit=attribute.unit,
        ps315=attribute.ps315,
        decision=attribute.decision.value if attribute.decision else None,
        justification=justification(attribute, table, hierarchies, contribution),
        need=attribute.need,
        utility=attribute.utility,
        contribution=contribution,
        sensitive=attribute.role is Role.QUASI_IDENTIFIER and attribute.sensitive,
    )


def justification(
    attribute: Attribute,
    table: SubjectTable,
    hierarchies: Mapping[str, Hierarchy],
    contribution: float | None,
) -> str:
    """Return the sentence that justifies what is done with an attribute.

    Parameters
    ----------
    attribute : Attribute
    table : SubjectTable
    hierarchies : mapping of str to Hierarchy
    contribution : float or None
        Share of the mean risk that this attribute brings.
    """
    if attribute.decision is Decision.REMOVE:
        return "Removed from the release." + _need(attribute)
    parts = []
    if attribute.decision is Decision.GENERALISE and attribute.generalise_to is not None:
        hierarchy = attribute_hierarchy(table, attribute, hierarchies)
        level = hierarchy.level_of(attribute.generalise_to)
        parts.append(f"Generalised: {hierarchy.describe(level, attribute.name)}.")
    elif attribute.decision is Decision.RETAIN:
        parts.append("Retained as it is.")
    if contribution is not None:
        parts.append(f"It brings {contribution:.3f} to the mean prosecutor risk (Shapley value).")
    return " ".join(parts) + _need(attribute) if parts or attribute.need else ""


def _need(attribute: Attribute) -> str:
    """Return the assessor's reason as a sentence."""
    return f" Needed for: {attribute.need.rstrip('.')}." if attribute.need else ""


MAX_RECORDS = 200
MAX_VALUES = 40
MAX_UNREADABLE = 200


def internal_parts(
    table: SubjectTable,
    names: Sequence[str],
    k: int,
    *,
    scores: SudaResult | None = None,
    unreadable: Sequence[Mapping[str, str]] = (),
    digest_key: str = "",
) -> Internal:
    """Return the subjects at risk with what drives each, and the values of each key.

    Parameters
    ----------
    table : SubjectTable
        As it would be released.
    names : sequence of str
        Quasi-identifiers in the table.
    k : int
        A subject is at risk in a class smaller than k.
    scores : SudaResult, optional
        Special uniqueness of each subject; in classes of one size, the most special come first.
    unreadable : sequence of mapping
        Path and reason of unreadable files.
    digest_key : str
        Key of the digests that the shareable edition shows.

    Notes
    -----
    A driver is an attribute without which the subject's class would be larger by the
    most; at most three are named.
    """
    codes = table.codes(list(names))
    classes = EquivalenceClasses.from_codes(codes, missing=table.missing)
    alike = sizes_known_exactly(table, [table.attributes[name] for name in names])
    sizes = np.asarray(classes.record_sizes if alike is None else alike)
    rare = np.flatnonzero(sizes < k)
    special = np.zeros(len(rare)) if scores is None else scores.score[rare]
    shown = rare[np.lexsort((-special, sizes[rare]))][:MAX_RECORDS]
    drivers = _drivers(codes, list(names), shown)
    return Internal(
        records=[
            Record(
                subject=str(table.frame.index[i]),
                class_size=int(sizes[i]),
                drivers=named,
                suda=None if scores is None else float(scores.score[i]),
                smallest_unique=None if scores is None else int(scores.smallest_msu[i]),
            )
            for i, named in zip(shown, drivers, strict=True)
        ],
        records_total=len(rare),
        values={name: _values(table.frame[name]) for name in names},
        unreadable=[dict(item) for item in unreadable[:MAX_UNREADABLE]],
        digest_key=digest_key,
    )


def _drivers(codes: np.ndarray, names: list[str], shown: np.ndarray) -> list[list[str]]:
    """Return up to three attributes whose removal enlarges each subject's class most."""
    if not len(shown) or not names:
        return [[] for _ in shown]
    everything = range(len(names))
    sizes = np.column_stack(
        [
            EquivalenceClasses.from_codes(codes[:, [j for j in everything if j != i]]).record_sizes[
                shown
            ]
            for i in everything
        ]
    )
    order = np.argsort(-sizes, axis=1, kind="stable")[:, :3]
    smallest = sizes.min(axis=1)
    return [
        [names[j] for j in row if sizes[i, j] > smallest[i] or len(names) == 1]
        or [names[j] for j in row]
        for i, row in enumerate(order)
    ]


def _values(column: pd.Series) -> list[ValueCount]:
    """Return the most frequent values of a column with their number of subjects."""
    counts = column.dropna().value_counts().head(MAX_VALUES)
    return [
        ValueCount(value=str(value), subjects=int(n))
        for value, n in zip(counts.index, counts.to_numpy(), strict=True)
    ]


_PACKAGES = ("numpy", "pandas", "scipy", "pyarrow", "duckdb", "pydicom")


def software_versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that compute.

    Examples
    --------
    >>> "numpy" in software_versions()
    True
    """
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def table_releases() -> dict[str, str]:
    """Return the releases of the packaged tables of the standard.

    Examples
    --------
    >>> table_releases()["PS3.15 Table E.1-1"]
    '2026d'
    """
    rows = data_rows("ps315_e1_1.csv")
    return {"PS3.15 Table E.1-1": rows[0]["release"], "PS3.15 Table E.3.10-1": "2025c"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessmentOptions:
    """What the assessor decides beside roles and threat models.

    Parameters
    ----------
    name : str
        Name of the collection, as the report prints it.
    channels : mapping of str to ChannelStatement
        What the assessor found about channels.
    decisions : ReleaseDecisions
        On what leaves and is no attribute.
    evidence_files : mapping of str to {"same", "changed", "missing"}
        Channel -> what was found of the file that its statement names.
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
        When the threshold was fixed (ISO 8601); empty when nothing proves it.
    proof : {"project", "log", ""}
        What proves that the threshold was fixed before the figures were seen.
    log : Log, optional
        What the log tells of earlier runs.
    lowered : mapping of str to (int, int)
        Threat model -> class size that an earlier run required, and now, where now is less.
    context, sign_off : Context, SignOff, optional
        Statements that the report prints.
    command : str
        Command line, for the internal edition.
    unreadable : sequence of mapping
        Path and reason of unreadable files, for the internal edition.
    seed : int, optional
        Seed of whatever was sampled.
    inspection : Inspection, optional
        What `midi-risk inspect` says of the files, held against them.
    elements : mapping of str to int
        Lines of DICOM elements -> files, as reading met them.
    qc : QualityControl, optional
        What people saw in a sample, held against the files.
    scores : sequence of Score
        What the process of de-identification left of planted identifiers.
    """

    name: str = "collection"
    channels: Mapping[str, ChannelStatement] = field(default_factory=dict)
    decisions: ReleaseDecisions = field(default_factory=ReleaseDecisions)
    evidence_files: Mapping[str, FileState] = field(default_factory=dict)
    validity_months: int = 24
    unread_tolerance: int = 0
    orphan_tolerance: int = 0
    hierarchies: Mapping[str, Hierarchy] = field(default_factory=dict)
    project_digest: str = ""
    fixed_at: str = ""
    proof: Literal["project", "log", ""] = ""
    log: Log | None = None
    lowered: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    context: Context | None = None
    sign_off: SignOff | None = None
    command: str = ""
    unreadable: Sequence[Mapping[str, str]] = ()
    seed: int | None = None
    inspection: Inspection | None = None
    elements: Mapping[str, int] = field(default_factory=dict)
    qc: QualityControl | None = None
    scores: Sequence[Score] = ()


def _models(threats: str | ThreatModel | Sequence[str | ThreatModel]) -> list[ThreatModel]:
    """Return the threat models that were named, at least one."""
    models = [load_threat_model(threat) for threat in listed("threat models", threats)]
    if not models:
        raise MeasureError("no threat model was given", hint="Name one with --threat")
    return models


def _seen(
    rows: Sequence[AccountEntry], options: AssessmentOptions
) -> tuple[list[str], Inspection | None, list[PrivateRow]]:
    """Return texts that no attribute reads, what was inspected, and the private elements."""
    private = private_rows(options.inspection, options.elements, options.decisions.private)
    return texts_without_attribute(rows), options.inspection, private


def assess(
    table: Any,
    threats: str | ThreatModel | Sequence[str | ThreatModel] = ("public-release",),
    *,
    options: AssessmentOptions | None = None,
    quasi: str | Sequence[str] | None = None,
    sensitive: str | Sequence[str] | None = None,
    key: str | None = None,
) -> Assessment:
    """Assess the re-identification risk of a subject table, or of a data frame.

    Parameters
    ----------
    table : SubjectTable, pandas.DataFrame, polars.DataFrame, pyarrow.Table or mapping
        A subject table has roles and decisions; decisions are applied before anything is
        measured. Of a data frame one is made, see `midi_risk.subject_table`.
    threats : str, ThreatModel, or sequence of them
        Threat models; their required numbers must be filled in.
    options : AssessmentOptions, optional
    quasi, sensitive, key : str or sequence of str, optional
        Columns of a data frame, as for `midi_risk.subject_table`.

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
    AttributeRoleError
        When a column does not exist, or roles are given beside a subject table.

    Examples
    --------
    >>> frame = {"id": range(30), "age": [30, 40, 50] * 10, "sex": ["F", "M"] * 15}
    >>> assess(frame, quasi=["age", "sex"], key="id")
    Assessment(incomplete, 30 subjects)
    """
    table = as_subjects(table, {"quasi": quasi, "sensitive": sensitive, "key": key})
    options = options or AssessmentOptions()
    models = _models(threats)
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
    resolution = visit_resolution(view)
    trajectory = (
        []
        if resolution is None
        else trajectory_rows(view.visits, view.n_subjects, strictest.threshold.k, resolution)
    )
    names, judged = [a.name for a in quasi_identifiers], as_judged(view, models)
    measures, scores = _measures(judged, names, models, trajectory, risks)
    created = datetime.now(UTC).replace(microsecond=0)
    searches = options.context.linked_search if options.context else []
    rows, today = account(table, options.decisions), created.date()
    seen = _seen(rows, options)
    computed = measured_channels(table, view, names, risks, trajectory, searches, today, *seen)
    evidence = _evidence(table, view, risks, models, options, computed, created, rows)
    return Assessment(
        tool=Tool(name="midi-risk", version=__version__),
        created=evidence.created,
        valid_until=add_months(created, options.validity_months).date().isoformat(),
        collection=evidence.collection,
        tolerance=evidence.tolerance,
        project_digest=options.project_digest,
        threat_models=[model.to_dict() for model in models],
        threshold=_threshold(models, strictest, options),
        log=options.log,
        attributes=list(evidence.attributes),
        account=list(evidence.account),
        measures=measures,
        threats=list(evidence.threats),
        channels=list(evidence.channels),
        channels_total=_total(evidence),
        channels_together=evidence.together,
        disclosure=list(evidence.disclosure),
        findings=[
            *table.findings,
            *(Finding(code="reading", attribute="", subjects=0, text=n) for n in table.notes),
        ],
        links=list(table.links),
        missing_policy=judged.missing,
        **_stated(options),
        verdict=verdict(table, governing, evidence, _moved_thresholds(models, options)),
        provenance=_provenance(table, options),
        internal=internal_parts(
            judged,
            names,
            strictest.threshold.k,
            scores=scores,
            unreadable=options.unreadable,
            digest_key=secrets.token_hex(16),
        ),
    )


def _stated(options: AssessmentOptions) -> dict[str, Any]:
    """Return what is in the document as it was given."""
    return {
        "context": options.context,
        "qc": options.qc,
        "scores": list(options.scores),
        "sign_off": options.sign_off,
    }


def _measures(
    view: SubjectTable,
    names: Sequence[str],
    models: Sequence[ThreatModel],
    trajectory: Sequence[dict[str, Any]],
    risks: Sequence[AdversaryRisk],
) -> tuple[Measures, SudaResult | None]:
    """Return the figures of the release and those beside the verdict, and each one's scores."""
    k = max(model.threshold.k for model in models)
    people = _declared_population(models, view)
    special, scores = special_uniques(view.frame, names, view.n_subjects, people)
    beside = {
        "special_uniques": special,
        "individual": individual_figures(risks),
        "presence": presence_figures(risks),
    }
    of_release = release_measures(view, names, k, trajectory, people)
    return of_release.model_copy(update=beside), scores


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


def _collection(table: SubjectTable, name: str) -> Collection:
    """Return what was assessed, counted."""
    return Collection(
        name=name,
        digest=table.digest,
        subjects=table.n_subjects,
        studies=table.counts.get("studies"),
        series=table.counts.get("series"),
        instances=table.counts.get("instances"),
        files=FileCounts.model_validate(table.files),
        excluded=dict(table.excluded),
    )


def _evidence(
    table: SubjectTable,
    view: SubjectTable,
    risks: Sequence[AdversaryRisk],
    models: Sequence[ThreatModel],
    options: AssessmentOptions,
    computed: Mapping[str, ChannelEntry],
    created: datetime,
    rows: Sequence[AccountEntry],
) -> Evidence:
    """Return the parts of the assessment that the verdict rests on."""
    having = {name: subjects_of(view, name) for name in computed}
    channels = channel_entries(
        view,
        options.channels,
        _channel_limits(models, risks),
        computed,
        options.evidence_files,
        {name: int(who.sum()) for name, who in having.items()},
    )
    return Evidence(
        collection=_collection(table, options.name),
        tolerance=Tolerance(
            unread_files=options.unread_tolerance, orphan_subjects=options.orphan_tolerance
        ),
        attributes=attribute_entries(table, view, options.hierarchies),
        threats=[_threat(risk) for risk in risks],
        channels=channels,
        created=created.isoformat(),
        k=max(model.threshold.k for model in models),
        together=channels_together(channels, computed, having, risks),
        context=options.context,
        qc=options.qc,
        disclosure=disclosures(table, view, risks),
        account=measured_account(rows, channels),
    )


def _threshold(
    models: Sequence[ThreatModel], strictest: ThreatModel, options: AssessmentOptions
) -> Threshold:
    """Return the threshold of the strictest model, when it was fixed and why one was lowered."""
    threshold = strictest.threshold
    shipped = [shipped_class_size(model) for model in _below_shipped(models)]
    return Threshold(
        k=threshold.k,
        label=threshold.label or f"1/{threshold.k}",
        statistic=threshold.statistic,
        fixed_at=options.fixed_at if options.proof else "",
        proof=options.proof if options.fixed_at else "",
        source=threshold.source,
        shipped=max(shipped, default=None),
        reason="; ".join(dict.fromkeys(m.threshold.reason for m in models if m.threshold.reason)),
    )


def _below_shipped(models: Sequence[ThreatModel]) -> list[ThreatModel]:
    """Return the models that require a smaller class than what ships for such a release."""
    return [model for model in models if model.threshold.k < shipped_class_size(model)]


def _moved_thresholds(models: Sequence[ThreatModel], options: AssessmentOptions) -> list[Reason]:
    """Return where a class size is below the shipped one, or below one of an earlier run."""
    below = [
        reason(
            "class_lowered",
            [model.name],
            k=model.threshold.k,
            shipped=shipped_class_size(model),
            stated=int(bool(model.threshold.reason.strip())),
        )
        for model in _below_shipped(models)
    ]
    since = [
        reason("threshold_lowered", [name], before=before, k=k)
        for name, (before, k) in options.lowered.items()
    ]
    return below + since


def _provenance(table: SubjectTable, options: AssessmentOptions) -> Provenance:
    """Return what the assessment was computed from and how."""
    return Provenance(
        sources=[dict(source) for source in table.sources],
        versions=software_versions(),
        tables=table_releases(),
        seed=options.seed,
        command=options.command,
    )


def _channel_limits(
    models: Sequence[ThreatModel], risks: Sequence[AdversaryRisk]
) -> dict[str, float]:
    """Return the least that the models which require each channel accept of it."""
    limits: dict[str, float] = {}
    for model in models:
        alone = accepted(model, risks).alone
        for name in model.required_channels():
            limits[name] = min(limits.get(name, 1.0), alone)
    return limits


def _total(evidence: Evidence) -> float | None:
    """Return the least that any model accepts of all channels together."""
    judged = evidence.together.models if evidence.together else []
    return min((model.total for model in judged), default=None)


def _threat(risk: AdversaryRisk) -> Threat:
    """Return the results of one adversary as the document holds them."""
    return Threat(
        model=risk.model.name,
        adversary=risk.adversary.name,
        release=risk.model.release,
        attempt=risk.attempt,
        attempt_source=risk.attempt_source,
        knows=risk.knows,
        event=risk.adversary.event,
        population=risk.population,
        threshold_k=risk.required_size,
        statistic=risk.model.threshold.statistic,
        budget=risk.budget,
        membership=None if risk.adversary.membership is None else ends(risk.adversary.membership),
        verification=risk.verification,
        uncertainty=risk.uncertainty,
        results=list(risk.results),
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
