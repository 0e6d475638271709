"""What was not assessed, section by section. Unknown is never shown as nothing."""

from __future__ import annotations

from typing import Any

from midi_risk.report.text import listed, positive
from midi_risk.report.words import channel_term


def gaps(view: Any) -> dict[str, tuple[str, ...]]:
    """Return for each section the sentences that say what is missing in it.

    Parameters
    ----------
    view : InternalView or ShareableView

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
        "combinations": ()
        if view.measures.combinations
        else ("Combinations of attributes were not searched, or none leaves a subject rare.",),
        "sensitive": tuple(_sensitive(view)),
        "channels": tuple(_channels(view)),
        "recodes": tuple(_recodes(view)),
        "utility": tuple(_utility(view)),
        "methods": (),
        "signoff": tuple(_signoff(view)),
    }


def _scope(view: Any) -> list[str]:
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


def _risk(view: Any) -> list[str]:
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
    if not view.measures.quasi_identifiers:
        out.append("There is no quasi-identifier, so every subject is in one class.")
    return out


def _attributes(view: Any) -> list[str]:
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


def justified(attribute: Any) -> bool:
    """Tell whether the assessor wrote why an attribute stays."""
    told = attribute.need is not None
    return bool(attribute.need if told else attribute.justification)


def _sensitive(view: Any) -> list[str]:
    names = [a.name for a in view.attributes if a.role == "sensitive"]
    if view.edition == "shareable":
        rows = view.measures.sensitive
        seen = {s.attribute for s in rows}
        close = {s.attribute for s in rows if s.distances}
    else:
        seen = {d.attribute for d in view.measures.diversity}
        close = {c.attribute for c in view.measures.closeness}
        seen |= close
    if not names and not seen:
        return ["No attribute has the role 'sensitive', so attribute disclosure was not measured."]
    out = []
    if missing := [n for n in names if n not in seen]:
        out.append(f"Neither diversity nor closeness was measured for {listed(missing)}.")
    if missing := sorted(seen - close):
        out.append(f"t-closeness was not computed for {listed(missing)}.")
    return out


def _channels(view: Any) -> list[str]:
    if not view.channels:
        return ["No channel besides the table of quasi-identifiers was looked at."]
    missing = [
        channel_term(c.name).title.lower() for c in view.channels if c.status == "not_assessed"
    ]
    return [f"Not assessed: {listed(missing)}. Their risk is unknown, not zero."] if missing else []


def _recodes(view: Any) -> list[str]:
    if view.plan is None:
        return ["No recoding was searched for."]
    if not view.plan.found:
        return ["No recoding within the limits meets the threshold."]
    if not view.plan.optimal:
        return ["It is not proved that this plan is the best: a better one may exist."]
    return []


def _utility(view: Any) -> list[str]:
    out = []
    if not view.context.utility:
        out.append("What the collection is to be used for is not stated.")
    if view.plan is None or not view.plan.found:
        out.append("Information loss was not measured, because there is no plan.")
    return out


def _signoff(view: Any) -> list[str]:
    out = [] if view.sign_off else ["Nobody has signed this assessment."]
    if view.context.quality is None:
        out.append("Human quality control of the release candidate was not recorded.")
    return out
