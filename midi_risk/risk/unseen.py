"""What no class counts although it would be released, each as a sentence for the verdict."""

from __future__ import annotations

from collections import Counter

from midi_risk.attributes.decisions import OVERRULED
from midi_risk.attributes.model import Attribute, Decision, Role
from midi_risk.attributes.role_keywords import SAME_VISIT
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
