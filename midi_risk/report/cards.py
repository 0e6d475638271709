"""The three attacker cards: risk as it is, and as the plan would leave it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from midi_risk.report.counts import SafeCount
from midi_risk.report.figures import interval_text, percent, risk_text, share_text, value_text
from midi_risk.report.words import ATTACKERS, is_sample

LABELS = {"max": "Highest risk", "mean": "Average risk", "at_risk": "Subjects at risk"}
NOT_COMPUTED = "not computed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One measure on a card."""

    label: str
    before: str
    interval: str
    after: str
    passed: bool | None
    threshold: str
    governs: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One attacker."""

    name: str
    title: str
    meaning: str
    lines: tuple[Line, ...]
    governs: bool


def chosen_threat(view: Any) -> Any | None:
    """Return the governing adversary, else the first one, else None."""
    governing = view.verdict.governing
    for threat in view.threats:
        if governing and (threat.model, threat.adversary) == (governing.model, governing.adversary):
            return threat
    return view.threats[0] if view.threats else None


def cards(view: Any) -> tuple[Card, ...]:
    """Return the cards of the governing adversary.

    Parameters
    ----------
    view : InternalView or ShareableView

    Returns
    -------
    tuple of Card
        Always three; a measure that is missing says "not computed".
    """
    threat = chosen_threat(view)
    results = {r.measure: r for r in threat.results} if threat else {}
    governing = view.verdict.governing.measure if view.verdict.governing else ""
    out = []
    for attacker, term in ATTACKERS.items():
        kinds = ("mean",) if attacker == "marketer" else ("max", "mean", "at_risk")
        lines = tuple(
            _line(view, threat, attacker, kind, results.get(f"{attacker}_{kind}"), governing)
            for kind in kinds
        )
        out.append(
            Card(
                name=attacker,
                title=term.title,
                meaning=term.meaning,
                lines=lines,
                governs=governing.startswith(attacker),
            )
        )
    return tuple(out)


def _line(view: Any, threat: Any, attacker: str, kind: str, result: Any, governing: str) -> Line:
    label = "Expected share matched" if attacker == "marketer" else LABELS[kind]
    if result is None:
        return Line(
            label=label,
            before=NOT_COMPUTED,
            interval="",
            after="",
            passed=None,
            threshold="",
            governs=False,
        )
    return Line(
        label=label,
        before=value_text(result),
        interval=interval_text(result),
        after=after_text(view, threat, attacker, kind),
        passed=result.passed,
        threshold="" if result.threshold is None else _bound(result),
        governs=result.measure == governing,
    )


def _bound(result: Any) -> str:
    """Return the threshold of a result in its own unit."""
    if result.measure.endswith("at_risk"):
        return percent(result.threshold)
    return risk_text(result.threshold)


def after_text(view: Any, threat: Any, attacker: str, kind: str) -> str:
    """Return the figure after the plan, "" without a plan.

    The plan's own figures are those of the release; they also hold for journalist and
    marketer when the population is the sample, because then F equals f.
    """
    plan = view.plan
    if plan is None or not plan.found:
        return ""
    state = plan.after
    measure = f"{attacker}_{kind}"
    if measure in state.measures:
        value = state.measures[measure]
        return at_risk_text(state, value) if kind == "at_risk" else risk_text(value)
    same = attacker == "prosecutor" or is_sample(threat.population)
    if not same or threat.attempt != 1:
        return NOT_COMPUTED
    if kind == "at_risk":
        return at_risk_text(state)
    value = state.risk_max if kind == "max" else state.risk_mean
    return NOT_COMPUTED if value is None else risk_text(value)


def at_risk_text(state: Any, share: float | SafeCount | None = None) -> str:
    """Return the subjects at risk of a plan's state, as a share with its count."""
    part = state.at_risk if share is None else share
    if part is None:
        return NOT_COMPUTED
    if isinstance(part, SafeCount):
        return share_text(part, state.subjects)
    return share_text(round(part * state.subjects), state.subjects)
