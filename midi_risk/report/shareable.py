"""The shareable edition as a model: an allow-list that cannot hold a raw value.

From the parts of the assessment document to their shareable counterparts.

From tables, plan and assessor's statements to their shareable counterparts.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Any, Literal

from midi_risk.document.assessment import (
    Assessment,
    AttributeEntry,
    ChannelEntry,
    Context,
    LinkReport,
    Measures,
    Plan,
    Ps315Action,
    Reason,
    RiskEstimate,
    SignOff,
    Threat,
)
from midi_risk.document.clean import scrubbed
from midi_risk.document.plan import State
from midi_risk.document.reasons import REASONS
from midi_risk.report import shareable_model as parts
from midi_risk.report.counts import SafeCount, merged_bins, safe, safe_parts
from midi_risk.report.sections import defect_bound, imaging_of
from midi_risk.report.shareable_model import (
    Code,
    Digest,
    Name,
    Safe,
    SafeResult,
    SafeThreat,
    Size,
    Version,
    Year,
    pair_of,
    two_digits,
    uncertainty_of,
)
from midi_risk.report.words import is_share
from midi_risk.risk.channels.entries import FOUND

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
    """Return the verdict with its reasons as codes, names and suppressed counts, without text."""
    verdict = assessment.verdict
    governing = verdict.governing
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
        reasons=tuple(_reason(reason, assessment) for reason in verdict.reasons),
    )


def _reason(reason: Reason, assessment: Assessment) -> parts.SafeReason:
    """Return one reason; it names only what this edition names anyway, and no source."""
    names: tuple[str, ...] = ()
    kind = REASONS[reason.code].names
    if kind == "attributes":
        there = {a.name for a in assessment.attributes}
        names = tuple(name for name in reason.names if name in there)
    elif kind == "channels":
        there = {c.name for c in assessment.channels}
        names = tuple(code(name) for name in reason.names if name in there)
    elif kind == "adversary" and any(
        [t.model, t.adversary] == reason.names[:2] for t in assessment.threats
    ):
        names = (*reason.names[:2], *(code(measure) for measure in reason.names[2:]))
    counts = {name: safe(n, assessment.threshold.k) for name, n in reason.counts.items()}
    return parts.SafeReason(
        code=reason.code,
        names=names,
        counts={name: count for name, count in counts.items() if name in parts.COUNTED},
    )


def link_of(number: int, link: LinkReport, k: int) -> parts.SafeLink:
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


def result_of(result: RiskEstimate, k: int) -> SafeResult:
    """Return one measure; a share of subjects becomes a suppressed, rounded count."""
    share = is_share(result.measure)
    hidden = None
    lower, upper = digits(result.lower), digits(result.upper)
    if share:
        hidden = safe(round(result.value * result.n), k, result.n)
        lower, upper = _ends(result, k)
    return SafeResult(
        measure=code(result.measure),
        value=None if share else digits(result.value),
        lower=lower,
        upper=upper,
        kind=result.kind.value,
        n=safe(result.n, k),
        threshold=digits(result.threshold),
        passed=result.passed,
        subjects=hidden,
    )


def _ends(result: RiskEstimate, k: int) -> tuple[float | None, float | None]:
    """Return the ends of a share as shares of rounded counts, none where a count is hidden."""
    if result.kind == "exact" or result.lower is None or result.upper is None:
        return None, None
    lower, upper, whole = (
        safe(round(share * result.n), k, result.n).value
        for share in (result.lower, result.upper, 1.0)
    )
    if lower is None or upper is None or not whole:
        return None, None
    return two_digits(lower / whole), two_digits(upper / whole)


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


def _action(row: Ps315Action | None) -> parts.SafePs315 | None:
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


MOST_DAYS = 366
_PROFILE_CODE = re.compile(r"1131\d\d\Z")


def sensitive_of(measures: Measures) -> tuple[parts.SafeSensitive, ...]:
    """Return the worst l and t of each sensitive attribute."""
    rows: dict[str, dict[str, Any]] = {}
    for d in measures.diversity:
        row = rows.setdefault(d.attribute, {"attribute": d.attribute, "distances": {}})
        row |= {"distinct_l": d.distinct_l, "entropy_l": two_digits(d.entropy_l)}
    for c in measures.closeness:
        row = rows.setdefault(c.attribute, {"attribute": c.attribute, "distances": {}})
        row["distances"][c.distance] = two_digits(c.t)
    return tuple(parts.SafeSensitive(**row) for row in rows.values())


def _fraction(row: dict[str, Any], *names: str) -> float | None:
    """Return the first of these cells that holds a fraction."""
    for name in names:
        value = row.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
            return two_digits(float(value))
    return None


def uniques_of(measures: Measures) -> tuple[parts.SafeUniques, ...]:
    """Return population uniqueness by estimator."""
    return tuple(
        parts.SafeUniques(
            estimator=code(str(row.get("estimator", row.get("method", "")))),
            value=_fraction(row, "value", "share"),
            lower=_fraction(row, "lower"),
            upper=_fraction(row, "upper"),
        )
        for row in measures.population_uniques
    )


_KNOWN = {"days", "days-modality", "days-scanner", "days-modality-scanner"}


def trajectory_of(measures: Measures, k: int, total: int) -> tuple[parts.SafeTrajectory, ...]:
    """Return what m known visits give away; columns that are not known are dropped."""
    out = []
    for row in measures.trajectory:
        visits = str(row.get("m", row.get("visits", "")))
        if not re.fullmatch(r"\d{1,3}|all", visits):
            continue
        whole = _whole(row, "subjects", "n")
        whole = total if whole is None else whole
        days = _whole(row, "bin_days")
        out.append(
            parts.SafeTrajectory(
                visits=visits,
                highest=_fraction(row, "max", "risk", "value"),
                average=_fraction(row, "mean"),
                unique=_part(row, "unique", whole, k),
                at_risk=_part(row, "at_risk", whole, k),
                subjects=safe(whole, k),
                bin_days=days if days is not None and days <= MOST_DAYS else None,
                known=known if (known := str(row.get("known"))) in _KNOWN else "days",
                bound=row.get("kind") == "bound",
            )
        )
    return tuple(out)


def _whole(row: dict[str, Any], *names: str) -> int | None:
    """Return the first of these cells that holds a count."""
    for name in names:
        value = row.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
    return None


def _part(row: dict[str, Any], name: str, whole: int, k: int) -> SafeCount | None:
    """Return a count that is part of a total."""
    value = _whole(row, name)
    return None if value is None or value > whole else safe(value, k, whole)


def plan_of(plan: Plan, k: int) -> parts.SafePlan:
    """Return steps and totals, without levels, values and subjects."""
    return parts.SafePlan(
        k=plan.k,
        found=plan.found,
        optimal=plan.optimal,
        utility=code(plan.utility.replace(",", "").replace(" ", "-")),
        loss=digits(plan.loss),
        steps=tuple(
            parts.SafeStep(
                attribute=s.attribute,
                describe=s.describe,
                risk_before=two_digits(s.risk_before),
                risk_after=two_digits(s.risk_after),
                loss=two_digits(s.loss),
            )
            for s in plan.steps
        ),
        kept=tuple(
            parts.SafeKept(
                attribute=a.attribute,
                describe=a.describe,
                decided=a.decided,
                risk_now=two_digits(a.risk_now),
                risk_without=two_digits(a.risk_without),
                need=a.need,
            )
            for a in plan.kept
        ),
        suppressed_subjects=safe(plan.suppressed.subjects, k),
        suppressed_cells=SafeCount(state="withheld", k=k)
        if 0 < plan.suppressed.subjects < k or _few_are_emptied(plan, k)
        else safe(plan.suppressed.cells, k),
        emptied_cells=SafeCount(state="withheld", k=k)
        if _few_are_emptied(plan, k)
        else safe(plan.suppressed.emptied, k),
        before=_state(plan.before, k),
        after=_state(plan.after, k, hidden=0 < plan.suppressed.subjects < k),
        front=tuple(
            parts.SafeNode(
                risk=two_digits(p.risk),
                loss=two_digits(p.loss),
                suppressed=safe(p.suppressed, k),
                chosen=plan.is_point(p),
            )
            for p in plan.front
        ),
        imaging=tuple(imaging_of(figure, k) for figure in plan.imaging),
        nodes=plan.nodes,
        nodes_checked=plan.nodes_checked,
    )


def _few_are_emptied(plan: Plan, k: int) -> bool:
    """Tell whether the emptied cells are of fewer than k subjects, or nobody knows of how many."""
    subjects = {key for keys in plan.suppressed_cells.values() for key in keys}
    return plan.suppressed.emptied > 0 and len(subjects) < k


def _state(state: State, k: int, *, hidden: bool = False) -> parts.SafeState:
    """Return risk figures; the total is withheld where it would give away who was left out."""
    at_risk = state.at_risk
    return parts.SafeState(
        k=state.k,
        risk_max=digits(state.risk_max),
        risk_mean=digits(state.risk_mean),
        at_risk=None
        if at_risk is None
        else safe(round(at_risk * state.subjects), k, state.subjects),
        subjects=SafeCount(state="withheld", k=k) if hidden else safe(state.subjects, k),
        passed=state.passed,
        measures={
            code(n): safe(round(v * state.subjects), k, state.subjects)
            if is_share(n)
            else two_digits(v)
            for n, v in state.measures.items()
        },
    )


def context_of(context: Context | None, k: int) -> parts.SafeContext:
    """Return what the assessor wrote, dates as years, quality control as counts."""
    if context is None:
        return parts.SafeContext()
    quality = context.quality
    return parts.SafeContext(
        purpose=context.purpose,
        intended_users=context.intended_users,
        utility=context.utility,
        sites=tuple(context.sites),
        coordinating_centre=context.coordinating_centre,
        distributor=context.distributor,
        profile=context.profile,
        options=tuple(o for o in context.options if _PROFILE_CODE.match(o)),
        linked_search=tuple(
            parts.SafeSearch(year=year(s.date), place=s.place, found=s.found)
            for s in context.linked_search
        ),
        quality=quality
        and parts.SafeQuality(
            unit=code(quality.unit),
            population=safe(quality.population, k),
            sample=safe(quality.sample, k, quality.population),
            defects=safe(quality.defects, k),
            upper=digits(defect_bound(quality)),
            sensitivity=digits(quality.sensitivity),
        ),
        conflicts=context.conflicts,
        triggers=tuple(context.triggers),
        assumptions=tuple(context.assumptions),
    )


def signature_of(sign_off: SignOff | None) -> parts.SafeSignOff | None:
    """Return who signed, with the year."""
    if sign_off is None:
        return None
    return parts.SafeSignOff(
        assessor=sign_off.assessor,
        role=sign_off.role,
        organisation=sign_off.organisation,
        year=year(sign_off.date),
        statement=sign_off.statement,
    )


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
