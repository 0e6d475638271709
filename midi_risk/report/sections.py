"""Parts of the report that need more than a field: gaps, cards, visits, imaging, samples.

What was not assessed is said section by section: unknown is never shown as nothing. Cards show
the risk as it is, and as the plan would leave it. Lines on visits and imaging are alike in both
editions.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from midi_risk.document.assessment import NOT_APPLICABLE
from midi_risk.document.plan import proof_text
from midi_risk.recode.imaging import FORMULAS, SOURCES
from midi_risk.report.counts import SafeCount
from midi_risk.report.view import Count, ReportView, Shown
from midi_risk.report.words import (
    ATTACKERS,
    DISPOSITIONS,
    KINDS_OF_ROWS,
    NOT_ASSESSED,
    channel_term,
    count_text,
    interval_text,
    is_sample,
    listed,
    measure_term,
    number,
    percent,
    positive,
    risk_text,
    share_text,
    tail_text,
    value_text,
)


def gaps(view: ReportView) -> dict[str, tuple[str, ...]]:
    """Return for each section the sentences that say what is missing in it.

    Parameters
    ----------
    view : ReportView

    Returns
    -------
    dict of str to tuple of str
        Keyed by the section's anchor; an empty tuple means that nothing is missing.
    """
    return {
        "scope": tuple(_scope(view)),
        "threats": () if view.threats else ("No threat model was applied.",),
        "risk": tuple(_risk(view)),
        "attributes": tuple(_attributes(view)),
        "combinations": tuple(_combinations(view)),
        "sensitive": tuple(_sensitive(view)),
        "channels": tuple(_channels(view)),
        "recodes": tuple(_recodes(view)),
        "utility": tuple(_utility(view)),
        "methods": (),
        "signoff": tuple(_signoff(view)),
    }


def _scope(view: ReportView) -> list[str]:
    levels = {"studies": view.studies, "series": view.series, "instances": view.instances}
    missing = [name for name, count in levels.items() if count is None]
    out = [f"Not seen, so not counted: {listed(missing)}."] if missing else []
    if positive(view.files["unreadable"]):
        out.append("Some files could not be read. What they hold was not assessed.")
    context = view.context
    if not context.linked_search:
        out.append("A search for other public data on the same subjects was not recorded.")
    if not context.options:
        out.append("The options of the de-identification profile that was applied are not stated.")
    if not context.sites:
        out.append("The source sites are not stated.")
    return out


def _risk(view: ReportView) -> list[str]:
    measures = {r.measure for t in view.threats for r in t.results}
    out = []
    missing = [
        word
        for word in ("prosecutor", "journalist", "marketer")
        if not any(m.startswith(word) for m in measures)
    ]
    if missing:
        out.append(f"Not computed: {listed(missing)} risk.")
    if not view.measures.population_uniques and "population_unique" not in measures:
        out.append("Uniqueness in the population was not estimated.")
    visits = any(c.name == "visit_intervals" and c.status != "not_assessed" for c in view.channels)
    if not (view.measures.trajectory or visits or any(m.startswith("traj") for m in measures)):
        out.append("Risk from patterns of visits was not computed.")
    out += _absent(view, "global_risk", "delta_presence")
    if not view.measures.quasi_identifiers:
        out.append("There is no quasi-identifier, so every subject is in one class.")
    return out


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountTable:
    """The account of what leaves, counted.

    Parameters
    ----------
    heads : tuple of str
    rows : tuple of (str, tuple of int)
        What is done about it, and rows of each kind.
    open_rows : tuple of part
        Open rows that this edition names.
    unnamed : int
        Open rows that it only counts.
    """

    heads: tuple[str, ...]
    rows: tuple[tuple[str, tuple[int, ...]], ...]
    open_rows: tuple[Shown, ...]
    unnamed: int


OPEN_SHOWN = 60


def account_table(view: ReportView) -> AccountTable | None:
    """Return the account of what leaves, counted, with what is open; None without any."""
    if not view.account:
        return None
    met = Counter((str(row.kind), str(row.disposition)) for row in view.account)
    there = {kind for kind, _ in met}
    kinds = [kind for kind in KINDS_OF_ROWS if kind in there]
    counted = {code: tuple(met[kind, code] for kind in kinds) for code in DISPOSITIONS}
    still = [row for row in view.account if str(row.disposition) == "open"]
    named = [row for row in still if row.name][:OPEN_SHOWN]
    return AccountTable(
        heads=("What is done about it", *(f"#{KINDS_OF_ROWS[kind]}" for kind in kinds)),
        rows=tuple((DISPOSITIONS[c], each) for c, each in counted.items() if any(each)),
        open_rows=tuple(named),
        unnamed=len(still) - len(named),
    )


def beside(view: ReportView) -> dict[str, Shown]:
    """Return the figures beside the verdict by their code; None in a document without them."""
    measures = view.measures
    return {
        "suda": measures.special_uniques,
        "global_risk": measures.individual,
        "delta_presence": measures.presence,
    }


def _absent(view: ReportView, *codes: str) -> list[str]:
    """Return why figures beside the verdict are not there."""
    out = []
    for code in codes:
        part, name = beside(view)[code], measure_term(code).title
        if part is None:
            out.append(f"{name}: not computed in this document.")
        elif part.reason is not None:
            out.append(f"{name}: not applicable. {NOT_APPLICABLE[part.reason]}")
    return out


def _combinations(view: ReportView) -> list[str]:
    out = []
    if not view.measures.combinations:
        out.append("Combinations of attributes were not searched, or none leaves a subject rare.")
    found = view.measures.special_uniques
    if found is not None and found.reason is None and not found.complete:
        out.append(
            f"Combinations of more than {found.largest_size} of the {found.attributes} "
            "quasi-identifiers were not searched for special uniques: there are too many."
        )
    return out + _absent(view, "suda")


def _attributes(view: ReportView) -> list[str]:
    undecided = [
        a.name for a in view.attributes if a.role == "undecided" and a.decision != "remove"
    ]
    out = [f"Role undecided: {listed(undecided)}."] if undecided else []
    kept = [
        a.name
        for a in view.attributes
        if a.role in {"quasi_identifier", "direct_identifier"}
        and a.decision != "remove"
        and not justified(a)
    ]
    if kept:
        out.append(f"Retained without a written justification: {listed(kept)}.")
    used = [a for a in view.attributes if a.role == "quasi_identifier"]
    if used and all(a.contribution is None for a in used):
        out.append("The contribution of each attribute was not computed.")
    return out


def justified(attribute: Shown) -> bool:
    """Tell whether the assessor wrote why an attribute stays."""
    told = attribute.need is not None
    return bool(attribute.need if told else attribute.justification)


def _sensitive(view: ReportView) -> list[str]:
    names = [a.name for a in view.attributes if a.role == "sensitive" or a.sensitive]
    close = {c.attribute for c in view.measures.closeness}
    seen = {d.attribute for d in view.measures.diversity} | close
    if not names and not seen:
        return ["No attribute has the role 'sensitive', so attribute disclosure was not measured."]
    out = []
    if not view.disclosure and any(n in seen for n in names):
        out.append("No threat model judges attribute disclosure: these figures decide nothing.")
    if missing := [n for n in names if n not in seen]:
        out.append(f"Neither diversity nor closeness was measured for {listed(missing)}.")
    if missing := sorted(seen - close):
        out.append(f"t-closeness was not computed for {listed(missing)}.")
    return out


def _channels(view: ReportView) -> list[str]:
    if not view.channels:
        return ["No channel besides the table of quasi-identifiers was looked at."]
    missing = [
        channel_term(c.name).title.lower() for c in view.channels if c.status == "not_assessed"
    ]
    return [f"Not assessed: {listed(missing)}. Their risk is unknown, not zero."] if missing else []


def _recodes(view: ReportView) -> list[str]:
    if view.plan is None:
        return ["No recoding was searched for."]
    if not view.plan.found:
        return ["No recoding within the limits meets the threshold."]
    if not view.plan.optimal:
        text = proof_text(optimal=False, gap=view.plan.gap)
        return [f"This plan is {text}."]
    return []


def _utility(view: ReportView) -> list[str]:
    out = []
    if not view.context.utility:
        out.append("What the collection is to be used for is not stated.")
    if view.plan is None or not view.plan.found:
        out.append("Information loss was not measured, because there is no plan.")
    return out


def _signoff(view: ReportView) -> list[str]:
    out = [] if view.sign_off else ["Nobody has signed this assessment."]
    if view.context.quality is None and view.qc is None:
        out.append("Human quality control of the release candidate was not recorded.")
    return out


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


def chosen_threat(view: ReportView) -> Shown | None:
    """Return the governing adversary, else the first one, else None."""
    governing = view.verdict.governing
    for threat in view.threats:
        if governing and (threat.model, threat.adversary) == (governing.model, governing.adversary):
            return threat
    return view.threats[0] if view.threats else None


def cards(view: ReportView) -> tuple[Card, ...]:
    """Return the cards of the governing adversary.

    Parameters
    ----------
    view : ReportView

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


def _line(
    view: ReportView, threat: Shown, attacker: str, kind: str, result: Shown, governing: str
) -> Line:
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
        interval=interval_text(result) + tail_text(result),
        after=after_text(view, threat, attacker, kind),
        passed=result.passed,
        threshold="" if result.threshold is None else _bound(result),
        governs=result.measure == governing,
    )


def _bound(result: Shown) -> str:
    """Return the threshold of a result in its own unit."""
    if result.measure.endswith("at_risk"):
        return percent(result.threshold)
    return risk_text(result.threshold)


def after_text(view: ReportView, threat: Shown, attacker: str, kind: str) -> str:
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


def at_risk_text(state: Shown, share: float | SafeCount | None = None) -> str:
    """Return the subjects at risk of a plan's state, as a share with its count."""
    part = state.at_risk if share is None else share
    if part is None:
        return NOT_COMPUTED
    if isinstance(part, SafeCount):
        return share_text(part, state.subjects)
    return share_text(round(part * state.subjects), state.subjects)


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitLine:
    """What an attacker learns who knows so many visits."""

    visits: str
    known: str
    highest: str
    average: str
    unique: str
    at_risk: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitTable:
    """The lines with what they refer to."""

    caption: str
    lines: tuple[VisitLine, ...]


def visit_table(view: ReportView) -> VisitTable | None:
    """Return the table for 1, 2, 3 and all known visits, None when it was not computed.

    Parameters
    ----------
    view : ReportView

    Returns
    -------
    VisitTable or None
    """
    rows = [_read(row) for row in view.measures.trajectory]
    if not rows:
        return None
    first = rows[0]
    subjects = view.subjects if first["subjects"] is None else first["subjects"]
    caption = f"Visits known to the attacker: {count_text(subjects)} subjects; the first lines "
    caption += "are the resolution of the release"
    lines = tuple(
        VisitLine(
            visits=row["visits"],
            known=_known(row),
            highest=risk_text(row["highest"]),
            average=risk_text(row["average"]),
            unique=_share(row["unique"], subjects),
            at_risk=_share(row["at_risk"], subjects),
            kind="bound, the true risk is not lower" if row["bound"] else "exact",
        )
        for row in rows
    )
    return VisitTable(caption=caption, lines=lines)


_COLUMNS = (
    "visits", "highest", "average", "unique", "at_risk", "subjects", "bin_days", "known", "bound",
)  # fmt: skip
_PROCEDURE = {
    "days-modality": " and modality",
    "days-modality-scanner": ", modality and scanner",
    "days-scanner": " and scanner",
}


def _known(row: dict[str, Any]) -> str:
    """Return what is known of each visit."""
    days = row["bin_days"]
    text = "interval in days" if days in {None, 1} else f"interval in periods of {days} days"
    return text + _PROCEDURE.get(row["known"], "")


def _share(count: Count | None, total: Count) -> str:
    return NOT_ASSESSED if count is None else share_text(count, total)


def _read(row: Shown) -> dict[str, Any]:
    """Return one row under the names of this table, in which the shareable one comes."""
    if not isinstance(row, dict):
        return {name: getattr(row, name) for name in _COLUMNS} | {"visits": str(row.visits)}
    return {
        "visits": str(row.get("m", row.get("visits", ""))),
        "highest": _number(row, "max", "risk", "value"),
        "average": _number(row, "mean"),
        "unique": _integer(row, "unique"),
        "at_risk": _integer(row, "at_risk"),
        "subjects": _integer(row, "subjects") or _integer(row, "n"),
        "bin_days": _integer(row, "bin_days"),
        "known": str(row.get("known", "days")),
        "bound": row.get("kind") == "bound",
    }


def _number(row: dict[str, Any], *names: str) -> float | None:
    """Return the first of these cells that is a number."""
    for name in names:
        if isinstance(row.get(name), int | float):
            return float(row[name])
    return None


def _integer(row: dict[str, Any], name: str) -> int | None:
    value = row.get(name)
    return value if isinstance(value, int) else None


TITLES = {
    "age_error": "Age",
    "suv_error": "Standardised uptake",
    "visit_intervals": "Days between visits",
    "scanner_strata": "Strata for harmonisation",
}


def title(figure: Shown) -> str:
    """Return what a figure is about."""
    return TITLES[figure.name]


def formula(figure: Shown) -> str:
    """Return how a figure is computed."""
    return FORMULAS[figure.name]


def source(figure: Shown) -> str:
    """Return what a figure is set against, a reference at its end."""
    return SOURCES[figure.name]


def sentence(figure: Shown) -> str:
    """Return a figure in words.

    Parameters
    ----------
    figure : ImagingFigure, or what may leave of it

    Examples
    --------
    >>> from midi_risk.document.plan import ImagingFigure
    >>> sentence(ImagingFigure(
    ...     name="suv_error", attributes=["PatientWeight"], state="removed", subjects=0))
    'PatientWeight is not released: SUV by body weight cannot be computed.'
    """
    return {
        "age_error": _age,
        "suv_error": _suv,
        "visit_intervals": _visits,
        "scanner_strata": _strata,
    }[figure.name](figure)


def _names(figure: Shown) -> str:
    return ", ".join(figure.attributes)


def _of(figure: Shown) -> str:
    return _subjects(figure.subjects)


def _subjects(count: float | SafeCount) -> str:
    return f"{_count(count)} subject{'' if count == 1 else 's'}"


def _unknown(figure: Shown) -> str:
    return f"{figure.rule}. What this costs is not known: too few values can be compared."


_NO_BIAS = 0.05
"""Years below which no direction is told."""


def _age(figure: Shown) -> str:
    name, values = _names(figure), figure.measures
    if figure.state == "removed":
        return f"{name} is not released: nothing can be related to age."
    if figure.state == "exact":
        return f"{name} is released as recorded: no error is added to age."
    if not values:
        return _unknown(figure)
    bias = values["bias_years"]
    way = f"{number(abs(bias))} years {'below' if bias < 0 else 'above'} the recorded one"
    way = way if abs(bias) >= _NO_BIAS else "neither above nor below the recorded one"
    return (
        f"{figure.rule}. The age that is written is {way} on average ({_of(figure)}; a band is"
        " written as its middle, an open one as its median): mean absolute error"
        f" {number(values['mean_absolute_years'])},"
        f" root mean square error {number(values['rms_years'])} years. Once the bias is corrected"
        f" {number(values['sd_years'])} years remain, with which a brain-age model whose mean"
        f" absolute error is {number(values['reference_years'])} years would come to"
        f" {number(values['with_reference_years'])}."
    )


def _suv(figure: Shown) -> str:
    name, values = _names(figure), figure.measures
    if figure.state == "removed":
        return f"{name} is not released: SUV by body weight cannot be computed."
    if figure.state == "exact":
        return f"{name} is released as recorded: no error is added to SUV by body weight."
    if not values:
        return _unknown(figure)
    largest = values.get("largest_relative")
    most = "" if largest is None else f" and by {percent(largest)} at most"
    return (
        f"{figure.rule}. SUV by body weight is off by {percent(values['median_relative'])} at the"
        f" median{most} ({_of(figure)} with PET). PERCIST calls a change of"
        f" {percent(values['reference_relative'])} a response; the same factor holds for all"
        " scans of a subject."
    )


def _visits(figure: Shown) -> str:
    name, values = _names(figure), figure.measures
    if figure.state == "removed":
        return (
            f"{name} is not released: the days between visits are lost"
            f" ({_of(figure)} with two visits or more)."
        )
    if figure.state == "exact":
        return (
            f"{name} is released as recorded: the days between visits stay exact"
            f" ({_of(figure)} with two visits or more)."
        )
    if "mean_absolute_days" not in values:
        return _unknown(figure)
    worst = values.get("worst_days")
    most = "" if worst is None else f" and by {number(worst)} at most under this rule"
    return (
        f"{figure.rule}. The days between consecutive visits are off by"
        f" {number(values['mean_absolute_days'])} on average{most} ({_of(figure)} with two visits"
        f" or more). Of {_count(values['intervals'])} intervals,"
        f" {_count(values['merged'])} fall on one day and lose their order."
    )


def _strata(figure: Shown) -> str:
    values = figure.measures
    if not values:
        return _unknown(figure)
    least = number(values["least"])
    before, after = values["strata_before"], values["strata_after"]
    if figure.state == "removed":
        return (
            f"Nothing that names a scanner or site is released: {number(before)} strata"
            " cannot be told apart, so nothing can be harmonised."
        )
    parts = [
        f"{_count(values[f'small_{when}'])} {word} ({_subjects(values[f'subjects_small_{when}'])})"
        for when, word in (("before", "before"), ("after", "after"))
    ]
    return (
        f"{_names(figure)}: subjects fall into {number(before)} strata of scanner and site before"
        f" and {number(after)} after the recoding ({_of(figure)}). With fewer than {least}"
        f" subjects: {parts[0]}, {parts[1]}."
    )


def _count(value: float | SafeCount) -> str:
    return count_text(value if isinstance(value, SafeCount) else round(value))


@dataclass(frozen=True, slots=True, kw_only=True)
class SensitiveLine:
    """The worst class of one sensitive attribute."""

    attribute: str
    diversity: Shown | None
    closeness: tuple[Shown, ...]


def sensitive_lines(view: ReportView) -> tuple[SensitiveLine, ...]:
    """Return diversity and closeness of each sensitive attribute side by side."""
    diversity = {d.attribute: d for d in view.measures.diversity}
    close: dict[str, dict[str, Shown]] = {}
    for entry in view.measures.closeness:
        close.setdefault(entry.attribute, {})[entry.distance] = entry
    return tuple(
        SensitiveLine(
            attribute=name,
            diversity=diversity.get(name),
            closeness=tuple(close.get(name, {}).values()),
        )
        for name in dict.fromkeys([*diversity, *close])
    )


_DISCLOSURE = {
    "distinct": ("distinct l-diversity", "at least"),
    "entropy": ("entropy l-diversity", "at least"),
    "recursive": ("recursive (c, 2)-diversity", "below"),
    "alpha": ("largest share of one value", "at most"),
    "beta": ("beta-likeness", "at most"),
    "delta": ("delta-disclosure", "below"),
    "t": ("t-closeness", "at most"),
    "gain": ("gain over the base rate", "at most"),
}
"""Criterion of attribute disclosure -> its words, and how the threshold bounds it."""


def disclosure_criterion(entry: Shown) -> str:
    """Return a criterion of attribute disclosure in words."""
    return _DISCLOSURE[str(entry.criterion)][0]


def disclosure_bound(entry: Shown) -> str:
    """Return what a criterion of attribute disclosure demands."""
    return f"{_DISCLOSURE[str(entry.criterion)][1]} {number(entry.threshold)}"


def disclosure_outcome(entry: Shown) -> str:
    """Return how a criterion of attribute disclosure came out, with a written exception."""
    if entry.passed:
        return "passes"
    if entry.accepted is None:
        return "fails"
    accepted = entry.accepted
    return f"fails; accepted by {accepted.by} ({accepted.on}): {accepted.reason}"
