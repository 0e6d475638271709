"""How results look in a notebook: words and counts, never a value or a subject."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from midi_risk.risk.document import Assessment
    from midi_risk.risk.plan_document import Plan, State

STATUS = {
    "acceptable": "✓ Acceptable",
    "above_threshold": "▲ Above the threshold",
    "incomplete": "◌ Incomplete",
}


def assessment_card(assessment: Assessment) -> str:
    """Return the verdict of an assessment with its figures as HTML.

    Parameters
    ----------
    assessment : Assessment

    Returns
    -------
    str
        Names of attributes and threat models, counts and risks; no value, no key.
    """
    verdict, measures = assessment.verdict, assessment.measures
    open_channels = sum(c.required and c.status == "not_assessed" for c in assessment.channels)
    rows = [
        ("Subjects", assessment.collection.subjects),
        ("Smallest class", f"{measures.k} (required: {assessment.threshold.k})"),
        ("Classes", measures.classes),
        ("Unique subjects", measures.sample_uniques),
        ("Quasi-identifiers", ", ".join(measures.quasi_identifiers) or "none"),
        ("Required channels not assessed", open_channels),
        ("Valid until", assessment.valid_until),
    ]
    figures = [
        (t.model, t.adversary, r.measure, _number(r.value), _passed(r.passed))
        for t in assessment.threats
        for r in t.results
    ]
    return (
        f"<h4>{STATUS[verdict.status]}: {_text(assessment.collection.name)}</h4>"
        + _list(verdict.reasons)
        + _table((), rows)
        + _table(("threat model", "adversary", "measure", "value", "threshold"), figures)
    )


def plan_card(plan: Plan) -> str:
    """Return a plan with its steps and what they change as HTML.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    str
        Names of attributes and levels, counts and risks; no value, no key.
    """
    title = "✓ Within the threshold" if plan.found else "▲ Above the threshold"
    steps = [
        (i, s.describe, _number(s.risk_before), _number(s.risk_after), f"{s.loss:.0%}")
        for i, s in enumerate(plan.steps, start=1)
    ]
    lost = "unknown" if plan.loss is None else f"{plan.loss:.1%}"
    return (
        f"<h4>{title}: {len(plan.steps)} steps, information lost {lost}</h4>"
        + (f"<p>{_text(plan.reason)}</p>" if plan.reason else "")
        + _table(("step", "change", "mean risk before", "after", "attribute's loss"), steps)
        + _table(("", "before", "after"), _states(plan.before, plan.after))
        + f"<p>Subjects left out: {plan.suppressed.subjects}.</p>"
    )


def _states(before: State, after: State) -> list[tuple[object, ...]]:
    """Return the figures before and after, side by side."""
    return [
        ("Smallest class", before.k, after.k),
        ("Classes", before.classes, after.classes),
        ("Unique subjects", before.sample_uniques, after.sample_uniques),
        ("Highest risk", _number(before.risk_max), _number(after.risk_max)),
        ("Average risk", _number(before.risk_mean), _number(after.risk_mean)),
    ]


def _number(value: float | None) -> str:
    return "not known" if value is None else f"{value:.3g}"


def _passed(passed: bool | None) -> str:
    return {True: "✓ within", False: "▲ above", None: ""}[passed]


def _text(value: object) -> str:
    """Return text that is printed, not run, on one line."""
    return escape("".join(c if c.isprintable() else " " for c in str(value)))


def _list(items: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{_text(item)}</li>" for item in items) + "</ul>"


def _table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table, "" without rows."""
    if not rows:
        return ""
    head = "".join(f"<th scope='col'>{_text(h)}</th>" for h in heads)
    body = "".join(
        "<tr>" + "".join(f"<td style='text-align:left'>{_text(c)}</td>" for c in row) + "</tr>"
        for row in rows
    )
    return (
        f"<table>{f'<thead><tr>{head}</tr></thead>' if heads else ''}<tbody>{body}</tbody></table>"
    )
