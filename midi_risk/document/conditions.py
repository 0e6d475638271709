"""What the parts of an assessment say against it: one predicate for each reason.

The verdict is written by these, and a file that somebody edited is checked by the same.
Reasons that need the subject table itself are written by the stage that has it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from midi_risk.config import Tolerance
from midi_risk.document.assessment import (
    AccountEntry,
    Assessment,
    AttributeEntry,
    ChannelEntry,
    ChannelsJudged,
    ChannelsTogether,
    Collection,
    Context,
    Disclosure,
    SearchEntry,
    Threat,
    day_of,
)
from midi_risk.document.reasons import Reason, reason
from midi_risk.document.reliability import QualityControl

YEAR_IN_DAYS = 366
"""A search or a quality control that is older has to be done again."""
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The parts of an assessment that a verdict rests on.

    Parameters
    ----------
    collection : Collection
    tolerance : Tolerance
    attributes : sequence of AttributeEntry
    threats : sequence of Threat
    channels : sequence of ChannelEntry
    created : str
        When the assessment was made; evidence has an age on that day.
    k : int
        Threshold of the strictest model.
    together : ChannelsTogether or None
        The channels together, and what each model accepts; None: 1 / k, of their sum.
    context : Context or None
    qc : QualityControl or None
        What people saw in a sample.
    disclosure : sequence of Disclosure
    account : sequence of AccountEntry
    """

    collection: Collection
    tolerance: Tolerance
    attributes: Sequence[AttributeEntry]
    threats: Sequence[Threat]
    channels: Sequence[ChannelEntry]
    created: str
    k: int
    together: ChannelsTogether | None
    context: Context | None

    @property
    def today(self) -> date:
        """The day of the assessment; the first of all days when it is not readable."""
        return day_of(self.created) or date.min

    qc: QualityControl | None = None
    disclosure: Sequence[Disclosure] = ()
    account: Sequence[AccountEntry] = ()

    @classmethod
    def of(cls, assessment: Assessment) -> Evidence:
        """Return the evidence that a document holds."""
        return cls(
            collection=assessment.collection,
            tolerance=assessment.tolerance,
            attributes=assessment.attributes,
            threats=assessment.threats,
            channels=assessment.channels,
            created=assessment.created,
            k=assessment.threshold.k,
            together=assessment.channels_together,
            context=assessment.context,
            qc=assessment.qc,
            disclosure=assessment.disclosure,
            account=assessment.account,
        )


def unread_files(evidence: Evidence) -> list[Reason]:
    """Return whether more files could not be read than are tolerated."""
    files, tolerated = evidence.collection.files.unreadable, evidence.tolerance.unread_files
    if files <= tolerated:
        return []
    return [reason("unread_files", files=files, tolerated=tolerated)]


def undecided(evidence: Evidence) -> list[Reason]:
    """Return the attributes that leave without a role."""
    return _naming(
        "undecided",
        [a for a in evidence.attributes if a.role == "undecided" and a.decision != "remove"],
    )


def account_open(evidence: Evidence) -> list[Reason]:
    """Return the rows of the account that are open and that no other reason names.

    Open attributes are named by their role, required channels without a figure by theirs, sheets
    and comments that nobody read by `beside_unread`.
    """
    attributes = {attribute.name for attribute in evidence.attributes}
    required = {c.name for c in evidence.channels if c.limit is not None and c.worst is None}
    named = {"beside_unread", *attributes, *required}
    rows = [row for row in evidence.account if row.disposition == "open" and row.by not in named]
    names = dict.fromkeys(row.name for row in rows)
    return [reason("account_open", names, rows=len(rows))] if rows else []


def direct_open(evidence: Evidence) -> list[Reason]:
    """Return the direct identifiers with values on which nobody decided."""
    return _naming("direct_open", [a for a in _direct(evidence) if a.decision is None])


def direct_kept(evidence: Evidence) -> list[Reason]:
    """Return the direct identifiers with values that are not removed."""
    return _naming(
        "direct_kept", [a for a in _direct(evidence) if a.decision not in {None, "remove"}]
    )


def rows_without_key(evidence: Evidence) -> list[Reason]:
    """Return whether rows belong to nobody."""
    rows = evidence.collection.excluded.get("no_key", 0)
    return [reason("rows_without_key", rows=rows)] if rows else []


def no_threat(evidence: Evidence) -> list[Reason]:
    """Return whether nothing was judged."""
    return [] if evidence.threats else [reason("no_threat")]


def above(evidence: Evidence) -> list[Reason]:
    """Return the adversaries with figures that did not pass."""
    reasons = []
    for threat in evidence.threats:
        failed = [result.measure for result in threat.results if result.passed is False]
        if failed:
            names = [threat.model, threat.adversary, *failed]
            reasons.append(reason("above", names, k=threat.threshold_k))
    return reasons


EVENTS = ("deliberate", "acquaintance", "breach")
"""Ways in which an attempt on a controlled release comes about (IPC Ontario 2016)."""


def attacks_open(evidence: Evidence) -> list[Reason]:
    """Return the kinds of attempts on a controlled release that nobody judged.

    The context risk is the highest of the three. Whoever surely tries and knows exactly all
    that any other adversary knows stands for all of them, since no probability is above 1.
    """
    controlled = [t for t in evidence.threats if t.release == "controlled"]
    if not controlled or any(_certain(t, evidence.threats) for t in evidence.threats):
        return []
    judged = {threat.event for threat in controlled}
    names = [event for event in EVENTS if event not in judged]
    return [reason("attacks_open", names)] if names else []


def _certain(threat: Threat, others: Sequence[Threat]) -> bool:
    """Tell whether an adversary surely tries and knows exactly what any other knows."""
    known = {name for other in others for name in other.knows}
    return (
        threat.attempt >= 1
        and threat.verification in {None, 1.0}
        and known <= set(threat.knows)
        and set(threat.knows.values()) <= {"exact"}
    )


def channels_open(evidence: Evidence) -> list[Reason]:
    """Return the required channels of which no figure is known."""
    names = [c.name for c in evidence.channels if c.limit is not None and c.worst is None]
    return [reason("channels_open", names)] if names else []


def channel_above(evidence: Evidence) -> list[Reason]:
    """Return the channels above their limit, required or not, one reason for each."""
    return [reason("channel_above", [c.name]) for c in evidence.channels if _above(c, evidence)]


def channels_together(evidence: Evidence) -> list[Reason]:
    """Return the channels that are above the limit together although none is alone.

    A figure below what the channels of everybody come to is not believed.
    """
    if any(_above(c, evidence) for c in evidence.channels):
        return []
    risks = {c.name: c.worst for c in evidence.channels if c.worst and c.subjects != 0}
    together = evidence.together
    if together is None:
        failed = min(1.0, sum(risks.values())) > 1 / evidence.k + _ROUNDING
    else:
        largest = max(together.largest, _of_everybody(evidence), *risks.values(), 0.0)
        failed = any(not _within(largest, together.mean, model) for model in together.models)
    return [reason("channels_together", risks)] if failed else []


def _of_everybody(evidence: Evidence) -> float:
    """Return what the channels that every subject has come to at least.

    Bounds from samples are one bound together, which is no smaller than any of them.
    """
    shared = [
        c for c in evidence.channels if c.worst and c.subjects == evidence.collection.subjects
    ]
    sampled = [c for c in shared if c.stated is not None and c.stated.defects == 0]
    rest = sum(c.worst or 0.0 for c in shared if c not in sampled)
    return min(1.0, rest + max((c.worst or 0.0 for c in sampled), default=0.0))


def _within(largest: float, mean: float, model: ChannelsJudged) -> bool:
    """Tell whether the channels together are within what a model accepts, by its statistic."""
    return _accepted(largest, mean, model.total, model)


def _accepted(largest: float, mean: float, limit: float, model: ChannelsJudged) -> bool:
    """Tell whether a risk is within a limit of a model, by the statistic of the model."""
    if model.statistic == "maximum":
        return largest <= limit + _ROUNDING
    floor = 1.0 if model.floor is None else model.floor
    return mean <= limit + _ROUNDING and largest <= floor + _ROUNDING


def contradicted(evidence: Evidence) -> list[Reason]:
    """Return the channels of which the assessor states less than was measured or found."""
    return [
        reason("contradicted", [c.name, *c.contradicts]) for c in evidence.channels if c.contradicts
    ]


def evidence_incomplete(evidence: Evidence) -> list[Reason]:
    """Return the channels whose statement does not say who, when, how, how many of how many.

    A statement of a risk above the limit needs none of it: it is above. A day to come is none.
    """
    reasons = []
    for channel in evidence.channels:
        if channel.stated is None or _above(channel, evidence):
            continue
        lacks = channel.stated.lacks
        if "on" not in lacks and _to_come(channel.stated.on, evidence.today):
            lacks = ["on", *lacks]
        if lacks:
            reasons.append(reason("evidence_incomplete", [channel.name, *lacks]))
    return reasons


def evidence_of_part(evidence: Evidence) -> list[Reason]:
    """Return the channels whose statement is about fewer units than subjects who have it."""
    reasons = []
    for channel in evidence.channels:
        having = evidence.collection.subjects if channel.subjects is None else channel.subjects
        of = None if channel.stated is None else channel.stated.of
        if of is not None and of < having:
            reasons.append(reason("evidence_of_part", [channel.name], of=of, subjects=having))
    return reasons


def evidence_file_missing(evidence: Evidence) -> list[Reason]:
    """Return the channels whose evidence names a file that is not there."""
    return [reason("evidence_file_missing", [c]) for c in _with_file(evidence, "missing")]


def evidence_file_changed(evidence: Evidence) -> list[Reason]:
    """Return the channels whose evidence names a file with another digest."""
    return [reason("evidence_file_changed", [c]) for c in _with_file(evidence, "changed")]


def search_hits(evidence: Evidence) -> list[Reason]:
    """Return whether a search found the same subjects elsewhere."""
    hits = sum(search.hits or 0 for search in _searches(evidence))
    return [reason("search_hits", hits=hits)] if hits else []


def search_incomplete(evidence: Evidence) -> list[Reason]:
    """Return whether a search leaves open when, who, where or how many hits."""
    searches = sum(not search_counts(search, evidence.today) for search in _searches(evidence))
    return [reason("search_incomplete", searches=searches)] if searches else []


def search_counts(search: SearchEntry, today: date) -> bool:
    """Tell whether a search says when, by whom, where and with how many hits, and is done."""
    return search.complete and not _to_come(search.date, today)


def is_old(day: date, today: date) -> bool:
    """Tell whether a search or a quality control of that day has to be done again."""
    return (today - day).days > YEAR_IN_DAYS


def search_old(evidence: Evidence) -> list[Reason]:
    """Return whether the last search that says when is more than a year old."""
    days = [day for search in _searches(evidence) if (day := day_of(search.date))]
    if not days or not is_old(max(days), evidence.today):
        return []
    return [reason("search_old", days=(evidence.today - max(days)).days)]


def quality_above(evidence: Evidence) -> list[Reason]:
    """Return whether the bound on the rate of defects is above the threshold."""
    quality = evidence.context.quality if evidence.context else None
    if quality is None or quality.bound is None or quality.bound <= 1 / evidence.k + _ROUNDING:
        return []
    return [reason("quality_above", defects=quality.defects, sample=quality.sample)]


def quality_incomplete(evidence: Evidence) -> list[Reason]:
    """Return whether quality control leaves open who, when, how many or how sensitive."""
    quality = evidence.context.quality if evidence.context else None
    if quality is None or (quality.complete and not _to_come(quality.on, evidence.today)):
        return []
    return [reason("quality_incomplete")]


def quality_old(evidence: Evidence) -> list[Reason]:
    """Return whether quality control is more than a year old."""
    quality = evidence.context.quality if evidence.context else None
    day = day_of(quality.on) if quality else None
    if day is None or not is_old(day, evidence.today):
        return []
    return [reason("quality_old", days=(evidence.today - day).days)]


def qc_found(evidence: Evidence) -> list[Reason]:
    """Return whether people saw identifiers in units that are still what they read."""
    qc = evidence.qc
    if qc is None or not qc.units.defects:
        return []
    return [reason("qc_found", defects=qc.units.defects, inspected=qc.units.inspected)]


def qc_above(evidence: Evidence) -> list[Reason]:
    """Return whether the joint bound of a clean sample is above the threshold."""
    qc = evidence.qc
    if qc is None or qc.units.defects or qc.upper <= 1 / evidence.k + _ROUNDING:
        return []
    return [reason("qc_above", inspected=qc.units.inspected, total=qc.units.total)]


def qc_unsure(evidence: Evidence) -> list[Reason]:
    """Return whether a reader was unsure of units."""
    qc = evidence.qc
    return [reason("qc_unsure", units=qc.units.unsure)] if qc and qc.units.unsure else []


def qc_changed(evidence: Evidence) -> list[Reason]:
    """Return whether what people looked at is no longer what it was."""
    qc = evidence.qc
    if qc is None or not qc.units.changed:
        return []
    return [reason("qc_changed", units=qc.units.changed, inspected=qc.units.inspected)]


def qc_old(evidence: Evidence) -> list[Reason]:
    """Return whether people looked more than a year ago, or on no day that has been."""
    day = day_of(evidence.qc.recorded) if evidence.qc else date.max
    if day is not None and (day == date.max or not is_old(day, evidence.today)):
        return []
    return [reason("qc_old", days=(evidence.today - (day or date.min)).days)]


def disclosed(evidence: Evidence) -> list[Reason]:
    """Return the sensitive attributes that fail and that nobody accepted."""
    failed = [d for d in evidence.disclosure if not d.passed and d.accepted is None]
    if not failed:
        return []
    names = dict.fromkeys(d.attribute for d in failed)
    worst = max(failed, key=lambda d: (d.classes, d.subjects))
    return [reason("disclosed", names, classes=worst.classes, subjects=worst.subjects)]


def disclosure_accepted(evidence: Evidence) -> list[Reason]:
    """Return the sensitive attributes that fail and were accepted in writing."""
    failed = [d for d in evidence.disclosure if not d.passed and d.accepted is not None]
    names = dict.fromkeys(d.attribute for d in failed)
    return [reason("disclosure_accepted", names)] if names else []


def not_known(evidence: Evidence) -> list[Reason]:
    """Return the quasi-identifiers that leave and that no adversary is taken to know."""
    known = {name for threat in evidence.threats for name in threat.knows}
    return _naming(
        "not_known",
        [
            a
            for a in evidence.attributes
            if a.role == "quasi_identifier"
            and a.decision != "remove"
            and a.distinct > 1
            and a.name not in known
        ]
        if evidence.threats
        else [],
    )


CONDITIONS: Mapping[str, Callable[[Evidence], list[Reason]]] = {
    "unread_files": unread_files,
    "undecided": undecided,
    "account_open": account_open,
    "direct_open": direct_open,
    "channels_open": channels_open,
    "contradicted": contradicted,
    "evidence_incomplete": evidence_incomplete,
    "evidence_of_part": evidence_of_part,
    "evidence_file_missing": evidence_file_missing,
    "evidence_file_changed": evidence_file_changed,
    "search_incomplete": search_incomplete,
    "search_old": search_old,
    "quality_incomplete": quality_incomplete,
    "quality_old": quality_old,
    "rows_without_key": rows_without_key,
    "no_threat": no_threat,
    "attacks_open": attacks_open,
    "above": above,
    "channel_above": channel_above,
    "channels_together": channels_together,
    "search_hits": search_hits,
    "quality_above": quality_above,
    "qc_unsure": qc_unsure,
    "qc_changed": qc_changed,
    "qc_old": qc_old,
    "qc_found": qc_found,
    "qc_above": qc_above,
    "direct_kept": direct_kept,
    "disclosed": disclosed,
    "disclosure_accepted": disclosure_accepted,
    "not_known": not_known,
}
"""Code -> predicate; the other codes of the registry rest on the subject table."""


def shown(evidence: Evidence, *codes: str) -> list[Reason]:
    """Return the reasons with these codes that the parts show, in this order."""
    return [found for code in codes for found in CONDITIONS[code](evidence)]


def _above(channel: ChannelEntry, evidence: Evidence) -> bool:
    """Tell whether a channel is above what a model accepts, required there or not.

    A maximum is held against the highest figure, an average against the average over all subjects,
    with nobody above the floor.
    """
    if channel.worst is None:
        return False
    models = evidence.together.models if evidence.together else ()
    if not models:
        limits = [1 / evidence.k, *([] if channel.limit is None else [channel.limit])]
        return channel.worst > min(limits) + _ROUNDING
    everybody = evidence.collection.subjects
    having = everybody if channel.subjects is None else min(channel.subjects, everybody)
    mean = channel.worst if channel.mean is None else min(channel.mean, channel.worst)
    mean *= having / everybody if everybody else 1.0
    return any(not _accepted(channel.worst, mean, model.alone, model) for model in models)


def _to_come(written: str, today: date) -> bool:
    """Tell a day that is none, or that has not come yet."""
    day = day_of(written)
    return day is None or day > today


def _with_file(evidence: Evidence, state: str) -> list[str]:
    return [c.name for c in evidence.channels if c.stated and c.stated.file_state == state]


def _searches(evidence: Evidence) -> Sequence[SearchEntry]:
    return evidence.context.linked_search if evidence.context else ()


def _direct(evidence: Evidence) -> list[AttributeEntry]:
    """Return the direct identifiers that have values."""
    return [a for a in evidence.attributes if a.role == "direct_identifier" and a.distinct]


def _naming(code: str, attributes: Sequence[AttributeEntry]) -> list[Reason]:
    """Return one reason that names attributes, none without any."""
    return [reason(code, [a.name for a in attributes])] if attributes else []
