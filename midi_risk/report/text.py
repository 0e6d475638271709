"""Sentences of the report, generated from the view alone.

A probability here is that of a correct identification, given an attempt, under the
stated model. The text claims neither legal status nor certainty.
"""

from __future__ import annotations

from typing import Any

from midi_risk.report.counts import SafeCount
from midi_risk.report.figures import count_text, risk_text
from midi_risk.report.words import STATUS, channel_term, lowered, measure_term, worded

DISCLAIMER = "A computed estimate, not a determination."


def listed(names: Any, *, none: str = "none") -> str:
    """Return names as a sentence lists them.

    Examples
    --------
    >>> listed(["age", "sex", "site"]), listed([])
    ('age, sex and site', 'none')
    """
    words: list[str] = list(names)
    if len(words) < 2:
        return words[0] if words else none
    return ", ".join(words[:-1]) + " and " + words[-1]


def capital(sentence: str) -> str:
    """Return a sentence with a large first letter, names of models left alone.

    Examples
    --------
    >>> capital("every figure is within"), capital("public-release, demonstration: above")
    ('Every figure is within', 'public-release, demonstration: above')
    """
    first = sentence.split(" ", 1)[0]
    return sentence[:1].upper() + sentence[1:] if first.isalpha() else sentence


def step_risk(plan: Any) -> str:
    """Return which risk the steps of a plan are counted in."""
    if plan.steps:
        first = plan.steps[0].risk_before
        for value, word in (
            (plan.before.risk_mean, "Average risk"),
            (plan.before.risk_max, "Highest risk"),
        ):
            if value is not None and abs(first - value) < 1e-9:
                return word
    return "Risk"


def positive(count: int | SafeCount | None) -> bool:
    """Tell whether a count, hidden or not, is above zero."""
    if count is None:
        return False
    if isinstance(count, int):
        return count > 0
    return count.state != "shown" or bool(count.value)


def verdict_sentence(view: Any) -> str:
    """Return the verdict as a sentence or two that begin with its status."""
    status = STATUS[view.verdict.status]
    missing = ": evidence is missing" if view.verdict.status == "incomplete" else ""
    return f"{status}{missing}. {verdict_explained(view)}"


def verdict_explained(view: Any) -> str:
    """Return what follows the verdict's first word."""
    status, governing = view.verdict.status, view.verdict.governing
    text = {
        "acceptable": "Every figure is within its threshold and every required channel was "
        "looked at.",
        "incomplete": "It is not established whether the risk is acceptable.",
        "above_threshold": "The collection carries more risk than the threshold allows.",
    }[status]
    return f"{text} {governing_sentence(governing)}" if governing else text


def governing_sentence(governing: Any) -> str:
    """Return the figure that decides, in words."""
    term = measure_term(governing.measure)
    return (
        f"{term.title} of the {governing.adversary} adversary under {governing.model}: "
        f"{risk_text(governing.value)}, threshold {risk_text(governing.threshold)}."
    )


def reasons(view: Any) -> tuple[str, ...]:
    """Return why the verdict is what it is."""
    if view.edition == "internal":
        return tuple(capital(worded(reason)) for reason in view.verdict.reasons)
    verdict = view.verdict
    if verdict.status == "acceptable":
        return ()
    groups = {
        "Role undecided": verdict.undecided,
        "Direct identifiers without a decision to remove": verdict.open_identifiers,
        "Direct identifiers that are retained": verdict.kept_identifiers,
        "Required, but not assessed": _titles(verdict.unassessed),
        "Channels above the threshold": _titles(verdict.channels),
    }
    out = [f"{head}: {listed(names)}." for head, names in groups.items() if names]
    for failed in verdict.failed:
        names = [lowered(measure_term(m).title) for m in failed.measures]
        out.append(f"{failed.model}, {failed.adversary}: above the threshold on {listed(names)}.")
    if positive(verdict.unread):
        out.append(f"Files that could not be read: {count_text(verdict.unread)}.")
    if verdict.others:
        more = "further " if out else ""
        out.append(f"{verdict.others} {more}reason(s) are given in the internal edition.")
    return tuple(out)


def _titles(channels: tuple[str, ...]) -> list[str]:
    return [lowered(channel_term(c).title) for c in channels]


def plan_sentence(view: Any) -> str:
    """Return what the proposed plan would achieve."""
    plan = view.plan
    if plan is None:
        return "No recoding was searched for."
    if not plan.found:
        return "No recoding within the limits meets the threshold."
    out = plan.suppressed.subjects if view.edition == "internal" else plan.suppressed_subjects
    steps = len(plan.steps)
    text = f"The proposed plan changes {steps} attribute{'s' if steps != 1 else ''}"
    who = "subject" if out == 1 else "subjects"
    text += f" and leaves out {count_text(out)} {who}" if positive(out) else ""
    emptied = plan.suppressed.emptied if view.edition == "internal" else plan.emptied_cells
    cells = "cell" if emptied == 1 else "cells"
    told = isinstance(emptied, int) or emptied.value is not None
    how_many = count_text(emptied) if told else "some"
    text += f" and empties {how_many} {cells}" if positive(emptied) else ""
    reached = risk_text(plan.after.risk_max)
    word = "would be within" if plan.after.passed else "would still be above"
    return f"{text}: the highest risk becomes {reached}, which {word} the threshold."


UTILITIES = {
    "non-uniform-entropy": "non-uniform entropy",
    "non-uniform-entropy-normalised-per-attribute": "non-uniform entropy, normalised per attribute",
}


def utility_name(plan: Any) -> str:
    """Return the information loss of a plan in words, in either edition.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> utility_name(SimpleNamespace(utility="non-uniform-entropy"))
    'non-uniform entropy'
    """
    return UTILITIES.get(plan.utility, str(plan.utility))


def methods_paragraph(view: Any) -> str:
    """Return the methods paragraph, ready for a data descriptor."""
    version = view.tool.version if view.edition == "internal" else view.tool_version
    names = list(view.measures.quasi_identifiers)
    parts = [
        f"Re-identification risk was computed with midi-risk {version}.",
        (
            f"All observations were folded to one record per subject "
            f"(n = {count_text(view.subjects)}), because the subject is the unit of risk."
        ),
        f"The quasi-identifiers were {listed(names)}."
        if names
        else "No attribute was classified as a quasi-identifier.",
        "Missing values were treated as a category of their own."
        if view.missing_policy == "category"
        else f"Missing values were treated under the policy '{view.missing_policy}'.",
        (
            "Subjects equal on all quasi-identifiers form an equivalence class; the probability "
            "that a correct identification is made, given an attempt, is the reciprocal of the "
            "class size in the release (prosecutor) or in the matching population (journalist, "
            "marketer), and the overall risk is this probability times the probability of an "
            "attempt."
        ),
    ]
    for threat in view.threats:
        attackers = {r.measure.split("_")[0] for r in threat.results}
        text = (
            f"Threat model {threat.model}, adversary {threat.adversary}: attempt "
            f"{threat.attempt:g}, population {threat.population or 'not stated'}, measures "
            f"{listed(sorted(attackers))}"
        )
        parts.append(f"{text}.")
    threshold = view.threshold
    source = f" ({threshold.source})" if threshold.source else ""
    parts.append(
        f"The threshold was a class size of k = {threshold.k}, conventionally written "
        f"{threshold.label}{source}, applied to the {threshold.statistic} and fixed before the "
        "figures were seen."
    )
    missed = [
        channel_term(c.name).title.lower() for c in view.channels if c.status == "not_assessed"
    ]
    if missed:
        parts.append(f"Not assessed: {listed(missed)}.")
    if view.plan is not None and view.plan.found:
        word = "an exact" if view.plan.optimal else "a bounded"
        parts.append(
            f"Generalisations were chosen by {word} search of the lattice of recodings "
            f"({view.plan.nodes_checked} of {view.plan.nodes} nodes checked), the threshold first "
            "and information loss second."
        )
    return " ".join(parts)
