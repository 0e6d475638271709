"""The first screen and the certificate: the decision in words, computed from the view alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from midi_risk.document.reasons import REASONS
from midi_risk.document.recipients import NOT_JUDGED
from midi_risk.report import words
from midi_risk.report.leaves import Band
from midi_risk.report.next_steps import Step, next_steps
from midi_risk.report.sections import chosen_threat
from midi_risk.report.view import Count, ReportView, Shown

DRIVERS_SHOWN = 3


class RecipientLine(NamedTuple):
    """One recipient: who, what the data are to them, and by which models."""

    who: str
    what: str
    status: str
    by: str


class Evidence(NamedTuple):
    """One row of the evidence: what was looked at, how it stands, and on whose word."""

    what: str
    state: str
    risk: str
    who: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the first screen answers.

    Parameters
    ----------
    answer, likely, at_risk, scope, fixed : str
    drivers, why, conditions : tuple of str
    steps : tuple of Step
    recipients : tuple of RecipientLine
    evidence : tuple of Evidence
    signature : str
        How it is signed, in words.
    """

    answer: str
    likely: str
    at_risk: str
    scope: str
    fixed: str
    drivers: tuple[str, ...]
    why: tuple[str, ...]
    conditions: tuple[str, ...]
    steps: tuple[Step, ...]
    recipients: tuple[RecipientLine, ...]
    evidence: tuple[Evidence, ...]
    signature: str


ANSWERS = {
    "acceptable": "Yes, on the conditions and until the day below.",
    "above_threshold": "Not as it is: a figure is above the threshold.",
    "incomplete": "Not yet: it is not established whether the risk is acceptable.",
}
UNSIGNED = "Not signed."
BY_HAND = "By the statement of the assessor; no key signed it."


def decided(view: ReportView, signature: str = "") -> Decision:
    """Return the decision of a view in words.

    Parameters
    ----------
    view : ReportView
    signature : str
        How it is signed; empty: not by a key.
    """
    named = view.sign_off is not None and bool(view.sign_off.assessor)
    return Decision(
        answer=ANSWERS[view.verdict.status],
        likely=_likely(view.verdict.governing),
        at_risk=_at_risk(view),
        scope=_scope(view),
        fixed=_fixed(view),
        drivers=_drivers(view),
        why=words.reasons(view),
        conditions=_conditions(view) if view.verdict.status == "acceptable" else (),
        steps=next_steps(view),
        recipients=tuple(_recipient(r) for r in view.verdict.recipients),
        evidence=_evidence(view),
        signature=signature or (BY_HAND if named else UNSIGNED),
    )


def _likely(governing: Shown | None) -> str:
    """Return the governing figure, short."""
    if governing is None:
        return ""
    value = governing.value
    if value is None or words.is_share(governing.measure) or not isinstance(value, float):
        return words.risk_text(value)
    return words.number(value) if isinstance(value, Band) else words.one_in(value)


def _at_risk(view: ReportView) -> str:
    """Return how many subjects are at risk from the governing adversary."""
    threat = chosen_threat(view)
    results = {r.measure: r for r in threat.results} if threat else {}
    found = results.get("prosecutor_at_risk") or results.get("journalist_at_risk")
    return words.value_text(found) if found is not None else ""


def _drivers(view: ReportView) -> tuple[str, ...]:
    """Return the attributes that add most to the risk."""
    told = [
        (float(a.contribution), str(a.name))
        for a in view.attributes
        if a.contribution is not None and a.decision != "remove" and float(a.contribution) > 0
    ]
    told.sort(key=lambda pair: -pair[0])
    return tuple(name for _, name in told[:DRIVERS_SHOWN])


def _fixed(view: ReportView) -> str:
    """Return whether the threshold was fixed before the figures, since when, and what proves it."""
    told, since = words.fixed(view), view.threshold.fixed_at
    if not (view.threshold.proof and since):
        return told
    return f"{told}, since {str(since)[:10]}" if isinstance(since, str) else f"{told}, in {since}"


def _counted(count: Count, noun: str) -> str:
    """Return a count with its noun, which is given as a plural."""
    singular = {"series": "series", "studies": "study"}.get(noun, noun.removesuffix("s"))
    return f"{words.count_text(count)} {singular if count == 1 else noun}"


def _scope(view: ReportView) -> str:
    """Return what was assessed, counted."""
    levels = {"studies": view.studies, "series": view.series, "instances": view.instances}
    parts = [_counted(view.subjects, "subjects")]
    parts += [_counted(n, name) for name, n in levels.items() if n is not None]
    parts.append(_counted(len(view.measures.quasi_identifiers), "quasi-identifiers"))
    unread = view.files["unreadable"]
    if words.positive(unread):
        parts.append(f"{_counted(unread, 'files')} not read")
    left = [
        _counted(n, words.plain(str(name), words.EXCLUDED).lower())
        for name, n in view.excluded.items()
        if words.positive(n)
    ]
    text = words.listed(parts) + "."
    return f"{text} Not counted: {words.listed(left)}." if left else text


def _recipient(found: Shown) -> RecipientLine:
    if NOT_JUDGED in found.reasons:
        by = "no threat model judges them"
    else:
        by = words.listed(found.models)
        meanings = [_short(str(code)) for code in found.reasons]
        if meanings:
            more = f"; {len(meanings) - 2} more" if len(meanings) > 2 else ""
            by = f"{by}: {'; '.join(meanings[:2])}{more}"
    return RecipientLine(
        who=words.RECIPIENTS[found.recipient],
        what=words.RECIPIENT_STATUS[found.status],
        status=found.status,
        by=by,
    )


def _short(code: str) -> str:
    """Return what a reason means, as part of a sentence."""
    return words.lowered(REASONS[code].meaning.rstrip("."))


def _conditions(view: ReportView) -> tuple[str, ...]:
    """Return under which conditions an acceptable verdict holds."""
    out = ["What is released is what was assessed: the same subjects, attributes and levels."]
    met = [
        words.lowered(words.RECIPIENTS[r.recipient])
        for r in view.verdict.recipients
        if r.status == "anonymous"
    ]
    if met:
        out.append(f"It goes to no wider circle than: {words.listed(met)}.")
    if any(t.attempt < 1 for t in view.threats):
        out.append("The controls from which the probability of an attempt was derived stay.")
    out += [words.capital(line) for line in _told(view)]
    if not view.threshold.proof:
        out.append("That the threshold was fixed before the figures were seen is not proved.")
    return (*out, *view.context.triggers)


def _told(view: ReportView) -> list[str]:
    """Return the meanings of reasons that only tell."""
    return [
        REASONS[str(r.code)].meaning
        for r in view.verdict.reasons
        if REASONS[str(r.code)].status is None
    ]


def _evidence(view: ReportView) -> tuple[Evidence, ...]:
    rows = [_classes(view), *(_of_channel(channel) for channel in view.channels)]
    failed = sorted({d.attribute for d in view.disclosure if not d.passed})
    if view.disclosure:
        state = "Above" if failed else "Within"
        rows.append(Evidence("Attribute disclosure", state, words.listed(failed), "computed"))
    rows += [_searches(view), _quality(view)]
    return tuple(row for row in rows if row is not None)


def _classes(view: ReportView) -> Evidence | None:
    governing = view.verdict.governing
    if governing is None:
        return None
    failed = any(result.passed is False for threat in view.threats for result in threat.results)
    told = words.risk_text(governing.value)
    return Evidence("Classes", "Above" if failed else "Within", told, "computed")


def _of_channel(channel: Shown) -> Evidence | None:
    """Return the row of a channel; one that nobody requires and nobody looked at has none."""
    if channel.status == "not_assessed" and not channel.required:
        return None
    figure = channel.value if channel.upper is None else channel.upper
    risk = "unknown" if figure is None or channel.status == "not_assessed" else ""
    return Evidence(
        what=words.channel_term(channel.name).title,
        state="Open" if channel.status == "not_assessed" else words.plain(channel.status),
        risk=risk or f"at most {words.risk_text(figure)}",
        who=_whose(channel),
    )


def _whose(channel: Shown) -> str:
    stated, measured = channel.stated, channel.measured
    if stated is not None:
        seen = [str(stated.by or words.NOT_STATED), str(stated.on or "")[:10]]
        if stated.looked is not None and stated.of is not None:
            looked, of = words.count_text(stated.looked), words.count_text(stated.of)
            seen.append(f"{looked} of {of}")
        return ", ".join(part for part in seen if part)
    if measured is not None:
        looked, total = measured.units.looked, measured.units.total
        return f"inspected, {words.count_text(looked)} of {words.count_text(total)}"
    return "nobody" if channel.status == "not_assessed" else "computed"


def _searches(view: ReportView) -> Evidence:
    found = view.context.linked_search
    if not found:
        return Evidence("Search for linked data", "Open", "unknown", "nobody")
    last = max(found, key=lambda search: str(search.date or ""))
    hits = "hits" if any(words.positive(search.hits) for search in found) else "no hit"
    return Evidence(
        "Search for linked data",
        "Recorded",
        hits,
        f"{last.by or words.NOT_STATED}, {str(last.date or '')[:10]}",
    )


def _quality(view: ReportView) -> Evidence:
    quality, bound = view.context.quality, view.defect_bound
    if quality is None:
        return Evidence("Quality control", "Not recorded", "", "nobody")
    told = "" if bound is None else f"defects at most {words.percent(bound)}"
    looked = f"{words.count_text(quality.sample)} of {words.count_text(quality.population)}"
    who = f"{quality.by or words.NOT_STATED}, {str(quality.on or '')[:10]}, {looked}"
    return Evidence("Quality control", "Recorded", told, who)
