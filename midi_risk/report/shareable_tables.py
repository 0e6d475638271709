"""From tables, plan and assessor's statements to their shareable counterparts."""

from __future__ import annotations

import re
from typing import Any

from midi_risk.report import shareable_parts as parts
from midi_risk.report.counts import SafeCount, safe
from midi_risk.report.figures import is_share
from midi_risk.report.imaging import imaging_of
from midi_risk.report.quality import defect_bound
from midi_risk.report.shareable_convert import code, digits, year
from midi_risk.report.shareable_types import two_digits
from midi_risk.risk.document import Context, Measures, Plan, SignOff
from midi_risk.risk.plan_document import State

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
