"""Rules for the elements of DICOM objects, coupled ones together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.tag import Tag

from midi_risk.attributes.model import Kind
from midi_risk.export.date_levels import DATE_LADDERS, same_date_level
from midi_risk.export.rules import Action, ReleaseRules, Rule

DEVICE_DATES = frozenset(
    {
        "DateOfLastCalibration", "TimeOfLastCalibration", "DateOfManufacture",
        "DateOfInstallation", "DateTimeOfLastCalibration", "ContextGroupVersion",
        "ContextGroupLocalVersion", "PatientBirthDate", "PatientBirthTime",
        "PatientBirthDateInAlternativeCalendar",
    }
)  # fmt: skip
"""Dates that are not dates of the subject's visits; each has its own rule."""

_COUPLED: Mapping[str, tuple[str, ...]] = {
    "PatientAge": (
        "PatientBirthDate", "PatientBirthTime", "PatientBirthDateInAlternativeCalendar",
    ),
    "PatientBirthDate": ("PatientBirthTime", "PatientBirthDateInAlternativeCalendar"),
    "PatientSize": ("PatientBodyMassIndex", "PatientSizeCodeSequence"),
    "PatientWeight": ("PatientBodyMassIndex",),
    "PatientBodyMassIndex": (),
    "PatientSex": ("PatientSexNeutered",),
    "EthnicGroup": ("EthnicGroups", "EthnicGroupCodeSequence"),
}  # fmt: skip
"""Attribute -> attributes that would give it back, removed together with it."""

_CONCEPTS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "PatientAge": (("121033", "DCM"), ("121031", "DCM"), ("30525-0", "LN")),
    "PatientBirthDate": (("121031", "DCM"), ("21112-8", "LN")),
    "PatientSex": (("121032", "DCM"), ("46098-0", "LN")),
    "PatientSize": (("8302-2", "LN"), ("39156-5", "LN")),
    "PatientWeight": (("29463-7", "LN"), ("39156-5", "LN")),
    "PatientBodyMassIndex": (("39156-5", "LN"), ("60621009", "SCT")),
    "PatientName": (("121029", "DCM"),),
    "EthnicGroup": (("364699009", "SCT"),),
}
"""Attribute -> concepts of report content items that repeat it (PS3.16 TID 1007, 3602)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DicomRules:
    """What happens to the elements of an object.

    Parameters
    ----------
    elements : mapping of int to Rule
        By tag, at every depth outside private elements.
    dates, times : Rule or None
        The one rule of all other dates and times of a visit.
    concepts : frozenset of (str, str)
        Content items (code, scheme) that go with the attribute they repeat.
    notes : mapping of str to str
        Attribute that was coupled -> why, for the log.
    """

    elements: Mapping[int, Rule]
    dates: Rule | None = None
    times: Rule | None = None
    concepts: frozenset[tuple[str, str]] = frozenset()
    notes: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Return counts only."""
        return f"DicomRules({len(self.elements)} elements, {len(self.notes)} coupled)"


def dicom_rules(release: ReleaseRules, source: str) -> DicomRules:
    """Return the rules for the objects of one DICOM source.

    Parameters
    ----------
    release : ReleaseRules
    source : str
        Name of the source table.

    Returns
    -------
    DicomRules
        With what would give a changed attribute back: the birth date with the age, the
        body mass index with height or weight, times and dates of a visit together.
    """
    rules = {r.attribute.keyword: r for r in release.of_source(source) if r.attribute.keyword}
    dates = _of_a_ladder(_leading(rules, Kind.DATE, "StudyDate", release))
    times = _leading(rules, Kind.TIME, "StudyTime", release)
    changed = {
        keyword: rule
        for keyword, rule in rules.items()
        if rule.changes or rule.name in release.emptied
    }
    notes: dict[str, str] = {}
    for keyword, partners in _COUPLED.items():
        if keyword not in changed:
            continue
        for partner in partners:
            own = rules.get(partner)
            removed = own is not None and own.action is Action.REMOVE
            if partner in notes or removed or tag_for_keyword(partner) is None:
                continue
            changed[partner] = _removed(own or changed[keyword], partner, keyword)
            notes[partner] = f"{partner} is removed with {keyword}, which it would give back"
    elements = {}
    for keyword, rule in changed.items():
        visit = rule.attribute.kind in {Kind.DATE, Kind.TIME} and keyword not in DEVICE_DATES
        group = dates if rule.attribute.kind is Kind.DATE else times
        tag = tag_for_keyword(keyword)
        if tag is not None and not (visit and group is not None and _as_strict(group, rule)):
            elements[tag] = rule
    concepts = [pair for keyword in changed for pair in _CONCEPTS.get(keyword, ())]
    return DicomRules(
        elements=elements,
        dates=dates,
        times=times,
        concepts=frozenset(concepts),
        notes=notes,
    )


def _removed(rule: Rule, keyword: str, because: str) -> Rule:
    """Return the removal of an attribute that would give another back."""
    tag = Tag(keyword)
    attribute = rule.attribute.revised(
        name=keyword,
        column=keyword,
        keyword=keyword,
        tag=f"({tag.group:04X},{tag.element:04X})",
        vr=dictionary_VR(tag),
    )
    return Rule(
        attribute=attribute,
        action=Action.REMOVE,
        describe=f"removed, because it would give {because} back",
        note=f"coupled with {because}",
    )


def _leading(
    rules: Mapping[str, Rule], kind: Kind, leader: str, release: ReleaseRules
) -> Rule | None:
    """Return the rule of the visit's dates or times: the leader's, else the strictest."""
    if leader in rules:
        rule = rules[leader]
        return rule if rule.changes or rule.name in release.emptied else None
    others = [
        r
        for keyword, r in rules.items()
        if r.attribute.kind is kind and keyword not in DEVICE_DATES and r.changes
    ]
    if not others:
        return None
    return max(others, key=lambda r: (r.action is Action.REMOVE, r.level))


def _of_a_ladder(rule: Rule | None) -> Rule | None:
    """Return a rule of dates that also tells what becomes of dates which nobody listed.

    A hierarchy of the user's own lists the dates of one attribute; the other dates of a visit
    follow it only when its level is one of the built-in ladders. Otherwise they are removed.
    """
    if rule is None or rule.action is not Action.GENERALISE or rule.ladder in DATE_LADDERS:
        return rule
    same = None if rule.labels is None else same_date_level(rule.labels.known)
    if same is not None:
        return replace(rule, ladder=same[0], level=same[1])
    return replace(
        rule,
        action=Action.REMOVE,
        describe="removed, because no other date of a visit can follow its levels",
        note="its levels are none of a built-in ladder of dates; the dates are removed instead",
    )


def _as_strict(group: Rule, rule: Rule) -> bool:
    """Tell whether the rule of the group takes at least as much away."""
    if group.action is Action.REMOVE or group.attribute is rule.attribute:
        return True
    return rule.action is not Action.REMOVE and group.level >= rule.level
