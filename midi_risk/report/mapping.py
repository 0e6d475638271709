"""Where each requirement of a rule or standard is answered, with literature and assumptions.

Each rule is a dated data file in `data/mappings`: requirements in our words, and for each the name
of what tells how far this assessment answers it, and where. Computed from the view alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import Any, NamedTuple, TypeAlias

import yaml

from midi_risk.document.recipients import NOT_JUDGED
from midi_risk.report.sections import beside, justified
from midi_risk.report.view import ReportView, Shown
from midi_risk.report.words import (
    RECIPIENTS,
    channel_term,
    count_text,
    is_sample,
    listed,
    lowered,
    positive,
    risk_text,
)
from midi_risk.resources import resource_folder
from midi_risk.risk.measures.registry import LITERATURE, MEASURES

ANSWERED, PARTLY, OPEN, OUTSIDE = "Answered here", "Partly", "Not assessed", "Outside this report"
FOUND, NOT_FOUND = "Found", "Not found"


class Row(NamedTuple):
    """One requirement, where it is answered, how far, and what was found."""

    number: str
    text: str
    anchor: str
    status: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rulebook:
    """One rule or standard with its requirements.

    Parameters
    ----------
    title, short, source, url, state, looked, checked : str
        ``state``: which state of the rule; ``looked``: when somebody looked; ``checked``: how far
        the source itself was read.
    rows : tuple of Row
    """

    title: str
    short: str
    source: str
    url: str
    state: str
    looked: str
    checked: str
    rows: tuple[Row, ...]


Answer: TypeAlias = tuple[str, str]
"""How far a requirement is answered, and a note."""
Asked: TypeAlias = Mapping[str, Any]
"""A row of a data file."""


def _analysis(view: ReportView, _: Asked) -> Answer:
    complete = view.verdict.status != "incomplete" and view.threshold.proof
    return ANSWERED if complete else PARTLY, f"k = {view.threshold.k}"


def _weighed(view: ReportView, _: Asked) -> Answer:
    stated, weighed = bool(view.context.utility), bool(view.plan)
    return ANSWERED if stated and weighed else PARTLY if stated or weighed else OPEN, ""


def _writer(_view: ReportView, _: Asked) -> Answer:
    return OUTSIDE, "Recoded values are legal for their type; files are checked by the writer."


def _among(view: ReportView, asked: Asked) -> Answer:
    """Tell whether one of these attributes was assessed."""
    names = {name.casefold() for name in asked["names"]}
    met = [a.name for a in view.attributes if a.name.casefold() in names]
    return (ANSWERED, listed(met)) if met else (OPEN, "")


def _profile(view: ReportView, _: Asked) -> Answer:
    known = any(a.ps315 for a in view.attributes)
    return ANSWERED if known and view.context.options else PARTLY if known else OPEN, ""


def _explained(view: ReportView, _: Asked) -> Answer:
    kept = [a for a in view.attributes if a.role == "quasi_identifier" and a.decision != "remove"]
    told = sum(justified(a) for a in kept)
    status = ANSWERED if told == len(kept) else PARTLY if told else OPEN
    return status, f"{told} of {len(kept)} retained quasi-identifiers justified"


def _linked(view: ReportView, _: Asked) -> Answer:
    return (ANSWERED, "") if view.links else (OUTSIDE, "No linked table.")


def _searched(view: ReportView, _: Asked) -> Answer:
    found = len(view.context.linked_search) + len(view.linked_data)
    if not view.searched:
        return PARTLY, "No search is recorded."
    return ANSWERED, f"{found} recorded"


def _channel(view: ReportView, asked: Asked) -> Answer:
    """Return the answer that channels give; one nobody lists was not assessed."""
    ranks = {"assessed": 0, "bounded": 1}
    worst, notes = 0, [str(asked.get("note", ""))]
    for name in asked["channels"]:
        met = next((c for c in view.channels if c.name == name), None)
        worst = max(worst, ranks.get(met.status if met else "", 2))
        notes.append(_channel_note(name, met))
    return (ANSWERED, PARTLY, OPEN)[worst], " ".join(filter(None, notes))


def _channel_note(name: str, channel: Shown | None) -> str:
    """Return what is known of the risk of a channel."""
    title = channel_term(name).title
    if channel is None or channel.status == "not_assessed":
        return f"{title}: not assessed."
    figure = channel.value if channel.upper is None else channel.upper
    return f"{title}: looked at." if figure is None else f"{title}: at most {risk_text(figure)}."


def _quality(view: ReportView, _: Asked) -> Answer:
    return (ANSWERED, "") if _read_by_people(view) else (OPEN, "")


def _read_by_people(view: ReportView) -> bool:
    return view.qc is not None or view.context.quality is not None


def _reliability(view: ReportView, _: Asked) -> Answer:
    """Tell whether planted identifiers or a reviewer's sensitivity say what is missed."""
    names = [c.name for c in view.channels if c.measured is not None and c.measured.recall]
    told = view.context.quality is not None and view.context.quality.sensitivity is not None
    titles = listed([lowered(channel_term(name).title) for name in names])
    note = f"recall measured: {titles}" if names else ""
    return (ANSWERED if names and told else PARTLY if names or told else OPEN), note


def _sites(view: ReportView, _: Asked) -> Answer:
    return ANSWERED if view.context.sites else PARTLY, ""


def _threats(view: ReportView, _: Asked) -> Answer:
    names = sorted({t.adversary for t in view.threats})
    return ANSWERED if view.threats else OPEN, listed(names, none="no adversary")


def _features(view: ReportView, _: Asked) -> Answer:
    names = view.measures.quasi_identifiers
    return ANSWERED if names else PARTLY, f"{len(names)} quasi-identifiers"


def _mitigated(view: ReportView, _: Asked) -> Answer:
    if view.plan is None:
        return PARTLY, "No plan."
    return ANSWERED, f"{len(view.plan.steps)} steps proposed"


def _intruder(_view: ReportView, _: Asked) -> Answer:
    return OPEN, "A test with independent intruders is not part of a computed estimate."


def _governed(view: ReportView, _: Asked) -> Answer:
    both = _read_by_people(view) and view.searched
    return ANSWERED if both else PARTLY, ""


def _uniques(view: ReportView, _: Asked) -> Answer:
    special = view.measures.special_uniques
    searched = special is not None and special.reason is None
    status = ANSWERED if view.measures.combinations or searched else PARTLY
    return status, f"unique in the collection: {count_text(view.measures.sample_uniques)}"


def _very_small(view: ReportView, _: Asked) -> Answer:
    governing = view.verdict.governing
    if governing is None or governing.value is None:
        return OPEN, ""
    said = f"{risk_text(governing.value)}, threshold {risk_text(governing.threshold)}"
    return (ANSWERED if view.verdict.status == "acceptable" else PARTLY), said


def _expert(view: ReportView, _: Asked) -> Answer:
    signed = view.sign_off
    if signed is None or not signed.assessor:
        return OPEN, "Nobody has signed."
    return PARTLY, f"{signed.assessor}; their experience is not judged here."


def _documented(_view: ReportView, _: Asked) -> Answer:
    return ANSWERED, "This report, and assessment.json."


def _item(view: ReportView, asked: Asked) -> Answer:
    """Tell which released attributes are of an item, by their names, and what channels say."""
    patterns = [pattern.casefold() for pattern in asked.get("names", ())]
    kept = [
        a.name
        for a in view.attributes
        if a.decision != "remove"
        and a.role != "linkage_key"
        and positive(_having(view, a))
        and any(fnmatchcase(a.name.casefold(), pattern) for pattern in patterns)
    ]
    asks = asked.get("channels", ())
    status, note = _channel(view, asked) if asks else (ANSWERED, "")
    if kept:
        shown = listed(kept[:4]) + (f" and {len(kept) - 4} more" if len(kept) > 4 else "")
        return FOUND, f"Leaves: {shown}. {note}".strip()
    return (NOT_FOUND if status == ANSWERED else status), note


def _knowledge(view: ReportView, _: Asked) -> Answer:
    hits = [search.hits for search in view.context.linked_search]
    if any(positive(hit) for hit in hits):
        return FOUND, "A search for linked data has hits."
    return (PARTLY, "A search without hits is recorded.") if hits else (OPEN, "")


def _singled_out(view: ReportView, _: Asked) -> Answer:
    if not view.threats:
        return OPEN, ""
    k = view.measures.k
    shown = "not shown" if k is None else count_text(k)
    return ANSWERED, (
        f"smallest class: {shown}; unique: {count_text(view.measures.sample_uniques)}"
    )


def _linkable(view: ReportView, _: Asked) -> Answer:
    return _channel(view, {"channels": ["visit_intervals", "linked_data"]})


def _inferred(view: ReportView, _: Asked) -> Answer:
    failed = {d.attribute for d in view.disclosure if not d.passed}
    if not view.disclosure:
        measured = view.measures.diversity or view.measures.closeness
        return (PARTLY, "Measured, and judged by no model.") if measured else (OPEN, "")
    return ANSWERED, f"fails for: {listed(sorted(failed))}"


def _per_recipient(view: ReportView, _: Asked) -> Answer:
    found = view.verdict.recipients
    if not found:
        return OPEN, ""
    judged = [r for r in found if NOT_JUDGED not in r.reasons]
    said = "; ".join(f"{lowered(RECIPIENTS[r.recipient])}: {r.status}" for r in found)
    return ANSWERED if len(judged) == len(found) else PARTLY, said


def _nine_percent(view: ReportView, _: Asked) -> Answer:
    public = [t for t in view.threats if t.release == "public"]
    if not public:
        return OPEN, "No model of a public release."
    k = max(t.threshold_k for t in public)
    return ANSWERED if k >= _ELEVEN else PARTLY, f"k = {k}"


_ELEVEN = 11
"""Smallest class for a risk of 0.09."""


def _analytical(view: ReportView, _: Asked) -> Answer:
    return (ANSWERED, "Quantitative.") if view.threats else (OPEN, "")


def _keyed(view: ReportView, _: Asked) -> Answer:
    against = {"key_identifies", "key_guessed"} & {r.code for r in view.verdict.reasons}
    return (PARTLY, "The key is not confirmed.") if against else (ANSWERED, "")


def _no_direct(view: ReportView, _: Asked) -> Answer:
    kept = [
        a.name
        for a in view.attributes
        if a.role == "direct_identifier" and a.decision != "remove" and positive(_having(view, a))
    ]
    return (FOUND, f"Leaves: {listed(kept)}.") if kept else (NOT_FOUND, "")


def _having(view: ReportView, attribute: Shown) -> int:
    """Return the subjects for whom an attribute may have a value; all when that is hidden."""
    missing, whole = attribute.missing, view.subjects
    if isinstance(missing, int) and isinstance(whole, int):
        return whole - missing
    return 0 if missing == whole else 1


def _dated(view: ReportView, _: Asked) -> Answer:
    return ANSWERED, f"valid until {str(view.valid_until)[:10]}"


def _anonymised_first(view: ReportView, _: Asked) -> Answer:
    met = [r for r in view.verdict.recipients if r.status == "anonymous"]
    names = [lowered(RECIPIENTS[r.recipient]) for r in met]
    if not names:
        return PARTLY, "No recipient to whom the data identify nobody yet."
    return ANSWERED, f"anonymous for: {listed(names)}"


def _need_shown(view: ReportView, _: Asked) -> Answer:
    return (PARTLY, "Purpose stated.") if view.context.purpose else (OPEN, "No purpose is stated.")


def _head_images(view: ReportView, asked: Asked) -> Answer:
    return _channel(view, asked)


def _controlled_access(view: ReportView, _: Asked) -> Answer:
    models = sorted({t.model for t in view.threats if t.release == "controlled"})
    return (ANSWERED, listed(models)) if models else (OPEN, "No model of controlled access.")


def _counter(view: ReportView, asked: Asked) -> Answer:
    """Hold all subjects against a bulk threshold: how many are US persons is not known."""
    count = view.subjects if isinstance(view.subjects, int) else view.subjects.value
    said = f"{count_text(view.subjects)} subjects in all"
    if count is None or count <= int(asked["limit"]):
        return ("Not reached" if count is not None else OPEN), said
    return "Reached by all subjects", said


ANSWERS: Mapping[str, Callable[[ReportView, Asked], Answer]] = {
    "among": _among, "analysis": _analysis, "analytical": _analytical,
    "anonymised_first": _anonymised_first, "channel": _channel,
    "controlled_access": _controlled_access, "counter": _counter, "dated": _dated,
    "documented": _documented, "expert": _expert, "explained": _explained,
    "features": _features, "governed": _governed, "head_images": _head_images,
    "inferred": _inferred, "intruder": _intruder, "item": _item, "keyed": _keyed,
    "knowledge": _knowledge, "linkable": _linkable, "linked": _linked, "mitigated": _mitigated,
    "need_shown": _need_shown, "nine_percent": _nine_percent, "no_direct": _no_direct,
    "per_recipient": _per_recipient, "profile": _profile, "quality": _quality,
    "reliability": _reliability, "searched": _searched, "singled_out": _singled_out,
    "sites": _sites, "threats": _threats, "uniques": _uniques, "very_small": _very_small,
    "weighed": _weighed, "writer": _writer,
}  # fmt: skip
"""Name in a data file -> what tells how far a requirement is answered."""


@cache
def mapping_files() -> tuple[Mapping[str, Any], ...]:
    """Return the packaged mappings, in the order of their files' names.

    Examples
    --------
    >>> [each["short"] for each in mapping_files()][:2]
    ['MIDI best practices', 'ISO/IEC 27559']
    """
    folder = resource_folder("data") / "mappings"
    return tuple(
        yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 - texts only
        for path in sorted(folder.glob("*.yaml"))
    )


def mappings(view: ReportView) -> tuple[Rulebook, ...]:
    """Return every rule and standard with what this assessment says to each requirement."""
    return tuple(_mapped(view, each) for each in mapping_files())


def _mapped(view: ReportView, told: Mapping[str, Any]) -> Rulebook:
    rows = tuple(
        Row(asked["number"], asked["text"], asked["anchor"], *ANSWERS[asked["rule"]](view, asked))
        for asked in told["rows"]
    )
    heads = {name: told[name] for name in told if name != "rows"}
    return Rulebook(rows=rows, **heads)


TRIGGERS = (
    "The collection changes: its digest is no longer the one above.",
    "Further data on the same subjects are released, here or elsewhere.",
    "A newer population table, or a better matching method (faces included), is published.",
    "The release mode, the recipients or the controls change.",
    "A re-identification, or a suspicion of one, is reported.",
)


def references(view: ReportView) -> tuple[str, ...]:
    """Return the references that this report cites, in a fixed order."""
    used = {"midi", "ps315", "iso27559", "elemam2013", "sweeney2002", "elemam2011"}
    measures = {r.measure for t in view.threats for r in t.results}
    if view.measures.population_uniques:
        measures.add("population_unique")
    if _sensitive(view):
        measures |= {"l_diversity", "t_closeness"}
    told = {code for code, part in beside(view).items() if part is not None and not part.reason}
    measures |= told | ({"data_intrusion_simulation"} if "suda" in told else set())
    used.update(key for m in measures & MEASURES.keys() for key in MEASURES[m].sources)
    if view.edition == "shareable":
        used.add("hundepool2012")
    if "EMA" in view.threshold.source:
        used.add("ema0070")
    if any("IPC" in t.attempt_source for t in view.threats):
        used.add("ipc2016")
    if _read_by_people(view) or view.scores:
        used.add("clopper1934")
    return tuple(source.listed for key, source in LITERATURE.items() if key in used)


def _sensitive(view: ReportView) -> bool:
    """Tell whether diversity or closeness was measured."""
    return bool(view.measures.diversity or view.measures.closeness)


def assumptions(view: ReportView) -> tuple[str, ...]:
    """Return what has to hold for the figures to hold; A1 is the first.

    Parameters
    ----------
    view : ReportView

    Returns
    -------
    tuple of str
        One sentence or two each.
    """
    names = ", ".join(view.measures.quasi_identifiers) or "none"
    out = [
        (
            "One subject key stands for one person. A person under two keys is counted twice, "
            "which understates class sizes; two persons under one key would overstate them."
        ),
        f"An attacker can know the quasi-identifiers listed ({names}) and no other attribute.",
        (
            "What the attacker knows is exact. Errors in either data set would lower the risk "
            "and are not credited."
        ),
    ]
    populations = {t.population for t in view.threats}
    if any(is_sample(p) for p in populations):
        out.append(
            "Where the population is the release itself, the collection is taken as everyone who "
            "could be mistaken for a subject. This is the cautious end."
        )
    if any(p and not is_sample(p) for p in populations):
        out.append(
            "Where another population is named, its size, window and source hold "
            "for the group from which the subjects were recruited."
        )
    if any(t.attempt < 1 for t in view.threats):
        out.append(
            "The probability of an attempt below 1 holds only while the controls that it was "
            "derived from are in force."
        )
    out.append(
        "A missing value is a value of its own that an attacker can match on."
        if view.missing_policy == "category"
        else "A missing value may be any value of the subject who lacks it, and hides nobody else."
        if view.missing_policy == "wildcard-cautious"
        else "A missing value matches every value."
    )
    out.append(
        "No other public data on the same subjects exists beyond what the search log lists."
        if view.searched
        else "No search for other public data on the same subjects was recorded; linked data would "
        "raise the risk by an amount that is not known."
    )
    return (*out, *view.context.assumptions)
