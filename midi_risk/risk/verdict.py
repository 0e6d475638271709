"""The verdict: acceptable, above the threshold, or incomplete, with every reason.

What no class counts although it would be released, each as a sentence for the verdict.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from midi_risk.attributes.decisions import OVERRULED
from midi_risk.attributes.model import Attribute, Decision, Role
from midi_risk.attributes.roles import SAME_VISIT
from midi_risk.document.assessment import ChannelEntry, Governing, Verdict
from midi_risk.risk.adversaries import AdversaryRisk
from midi_risk.table.model import SubjectTable

_LISTED = 5
_DATES = frozenset(name for name in SAME_VISIT if "Date" in name)


def unseen_people(table: SubjectTable, orphan_tolerance: int = 0) -> list[str]:
    """Return whose rows are in the sources and in no equivalence class.

    Parameters
    ----------
    table : SubjectTable
    orphan_tolerance : int
        Subjects of linked tables that may lack a subject in the leading source.

    Notes
    -----
    When rows of the leading source were selected, the linked tables hold the people of the
    rest as well; these are no part of the collection and are not counted here.
    """
    reasons = []
    rows = table.excluded.get("no_key", 0)
    if rows:
        reasons.append(
            f"{_count(rows, 'row')} without a subject key: they belong to nobody, so no class"
            " counts them; give them a key or leave them out"
        )
    if "selected" in table.facts:
        return reasons
    reasons += [
        f"{_count(link.orphans, 'subject')} of {link.source} not in the leading source, so no"
        f" class counts them (tolerated: {orphan_tolerance}); leave them out of the release or"
        " raise tolerance.orphan_subjects"
        for link in table.links
        if link.orphans > orphan_tolerance
    ]
    return reasons


def unidentified_files(table: SubjectTable, tolerance: int = 0) -> list[str]:
    """Return the DICOM files that were opened and tell neither patient nor instance.

    Parameters
    ----------
    table : SubjectTable
    tolerance : int
        Files that may go unread.
    """
    files = table.facts.get("incomplete_files", 0)
    if files <= tolerance:
        return []
    return [
        (
            f"{_count(files, 'DICOM file')} without patient or instance identifier, so no class"
            f" counts what they hold (tolerated: {tolerance})"
        )
    ]


def unread_values(table: SubjectTable) -> list[str]:
    """Return quasi-identifiers that are released with values nobody could read.

    The classes take such a value as missing, while a reader of the release sees it.

    Parameters
    ----------
    table : SubjectTable
        With decisions; a removed or generalised attribute does not release its raw values.
    """
    unread: Counter[str] = Counter()
    for finding in table.findings:
        if finding.code in {"value-unparseable", "value-implausible"}:
            unread[finding.attribute] += finding.subjects
    names = [
        a.name
        for a in table.attributes.of_role(Role.QUASI_IDENTIFIER)
        if a.name in unread and a.decision not in {Decision.REMOVE, Decision.GENERALISE}
    ]
    if not names:
        return []
    return [
        (
            f"{_count(sum(unread[name] for name in names), 'distinct value')} of quasi-identifiers"
            f" cannot be read or believed, and the classes take them as missing: {_names(names)};"
            " mend them, or declare the attribute as kind: category"
        )
    ]


def restated_dates(table: SubjectTable) -> list[str]:
    """Return dates that stay in the release although the study date they restate does not.

    Parameters
    ----------
    table : SubjectTable
        With decisions.
    """
    study = next((a for a in table.attributes if a.name == "StudyDate"), None)
    if study is None or study.decision not in {Decision.REMOVE, Decision.GENERALISE}:
        return []
    copies = [
        a.name
        for a in table.attributes
        if a.keyword in _DATES
        and a.source == study.source
        and a.role is Role.INSENSITIVE
        and a.decision is not Decision.REMOVE
        and table.distinct.get(a.name, (0, 0))[0] > 0
    ]
    if not copies:
        return []
    done = "removed" if study.decision is Decision.REMOVE else "generalised"
    return [
        (
            f"StudyDate is {done} while {_count(len(copies), 'attribute')} that may state the same"
            f" day stay: {_names(copies)}; decide these too"
        )
    ]


def overruled_proposals(table: SubjectTable) -> list[str]:
    """Return the identifiers that the project file declares to be harmless.

    Parameters
    ----------
    table : SubjectTable
    """
    names = [a.name for a in table.attributes if _overruled(a)]
    if not names:
        return []
    return [
        (
            f"the project file declares {_count(len(names), 'proposed identifier')} to be none, so"
            f" no class counts it: {_names(names)}"
        )
    ]


def _overruled(attribute: Attribute) -> bool:
    """Tell an attribute that was proposed as an identifier, is released and counted nowhere."""
    return (
        attribute.role in {Role.INSENSITIVE, Role.SENSITIVE, Role.LINKAGE_KEY}
        and attribute.decision is not Decision.REMOVE
        and any(
            attribute.reason.startswith(OVERRULED.format(role.value))
            for role in (Role.DIRECT_IDENTIFIER, Role.QUASI_IDENTIFIER)
        )
    )


def _names(names: list[str]) -> str:
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


EXIT_CODES = {"acceptable": 0, "above_threshold": 3, "incomplete": 4}
"""Exit code of each status."""


def verdict(
    table: SubjectTable,
    risks: Sequence[AdversaryRisk],
    governing: AdversaryRisk,
    channels: Sequence[ChannelEntry],
    unread_tolerance: int,
    orphan_tolerance: int = 0,
) -> Verdict:
    """Return the verdict with every reason; incomplete outranks above the threshold.

    Parameters
    ----------
    table : SubjectTable
        With decisions, before they are applied.
    risks : sequence of AdversaryRisk
    governing : AdversaryRisk
    channels : sequence of ChannelEntry
    unread_tolerance : int
        Files that may be unreadable.
    orphan_tolerance : int
        Subjects of linked tables that may lack a subject in the leading source.
    """
    unknown = [
        *_unknown(table, channels, unread_tolerance),
        *unidentified_files(table, unread_tolerance),
        *unseen_people(table, orphan_tolerance),
        *unread_values(table),
        *restated_dates(table),
    ]
    above = _above(table, risks, channels)
    status = "incomplete" if unknown else "above_threshold" if above else "acceptable"
    reasons = [*unknown, *above]
    if not reasons:
        reasons = ["every figure is within its threshold and nothing was left unassessed"]
    reasons += overruled_proposals(table)
    result = governing.governing
    return Verdict(
        status=status,
        governing=Governing(
            model=governing.model.name,
            adversary=governing.adversary.name,
            measure=result.measure,
            value=result.value,
            threshold=float(result.threshold or 0),
        ),
        reasons=reasons,
    )


def _unknown(
    table: SubjectTable, channels: Sequence[ChannelEntry], unread_tolerance: int
) -> list[str]:
    """Return what is not known, each as a sentence."""
    reasons = []
    unread = table.files.get("unreadable", 0)
    if unread > unread_tolerance:
        reasons.append(
            f"{_count(unread, 'file')} could not be read (tolerated: {unread_tolerance})"
        )
    undecided = [a.name for a in table.attributes.of_role(Role.UNDECIDED) if not _removed(a)]
    if undecided:
        reasons.append(f"{_count(len(undecided), 'attribute')} undecided: {_listed(undecided)}")
    direct = [
        a.name
        for a in table.attributes.of_role(Role.DIRECT_IDENTIFIER)
        if a.decision is None and _has_values(table, a.name)
    ]
    if direct:
        reasons.append(
            f"{_count(len(direct), 'direct identifier')} with values and no decision to remove:"
            f" {_listed(direct)}"
        )
    open_channels = [c.name for c in channels if c.required and c.status == "not_assessed"]
    if open_channels:
        count = _count(len(open_channels), "required channel")
        reasons.append(f"{count} not assessed: {_listed(open_channels)}")
    return reasons


def _above(
    table: SubjectTable, risks: Sequence[AdversaryRisk], channels: Sequence[ChannelEntry]
) -> list[str]:
    """Return what is above a threshold, each as a sentence."""
    reasons = []
    for risk in risks:
        failed = [result.measure for result in risk.results if result.passed is False]
        if failed:
            reasons.append(
                f"{risk.model.name}, {risk.adversary.name}: above the threshold on"
                f" {_listed(failed)} (class size {risk.required_size} is required)"
            )
    limits = _channel_limits(risks)
    for channel in channels:
        worst = max(channel.value or 0.0, channel.upper or 0.0)
        limit = limits.get(channel.name, 1.0)
        if channel.required and channel.status != "not_assessed" and worst > limit + 1e-12:
            reasons.append(f"channel {channel.name}: its risk is above the threshold")
    kept = [
        a.name
        for a in table.attributes.of_role(Role.DIRECT_IDENTIFIER)
        if a.decision in {Decision.RETAIN, Decision.GENERALISE} and _has_values(table, a.name)
    ]
    if kept:
        reasons.append(f"direct identifiers are retained: {_listed(kept)}")
    return reasons


def _channel_limits(risks: Sequence[AdversaryRisk]) -> dict[str, float]:
    """Return the strictest threshold of the models that require each channel."""
    limits: dict[str, float] = {}
    for risk in risks:
        for name in risk.model.required_channels():
            limits[name] = min(limits.get(name, 1.0), 1 / risk.model.threshold.k)
    return limits


def _removed(attribute: object) -> bool:
    return getattr(attribute, "decision", None) is Decision.REMOVE


def _has_values(table: SubjectTable, name: str) -> bool:
    """Tell whether any subject has a value of an attribute that is only counted."""
    distinct, _ = table.distinct.get(name, (0, 0))
    return distinct > 0


def _listed(names: Sequence[str]) -> str:
    """Return at most six names and how many more."""
    more = len(names) - 6
    return ", ".join(names[:6]) + (f" and {more} more" if more > 0 else "")
