"""Rules for the elements of DICOM objects, coupled ones together.

Whether an element may be removed, emptied or must hold a value follows from its type in the
standard, by object and place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache

from pydicom.tag import Tag

from midi_risk.attributes.model import Kind, Role
from midi_risk.attributes.own_hierarchy import OWN
from midi_risk.attributes.roles import SAME_VISIT
from midi_risk.attributes.standard import OWN_DATES
from midi_risk.export.rules import DATE_LADDERS, Action, ReleaseRules, Rule, same_date_level
from midi_risk.resources import data_rows
from midi_risk.sources.dicom.dictionary import tag_of, vr_of
from midi_risk.sources.dicom.nested import ALSO_FROM

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
            if partner in notes or removed or tag_of(partner) is None:
                continue
            changed[partner] = _removed(own or changed[keyword], partner, keyword)
            notes[partner] = f"{partner} is removed with {keyword}, which it would give back"
    elements = {}
    for keyword, rule in changed.items():
        visit = rule.attribute.kind in {Kind.DATE, Kind.TIME} and keyword not in OWN_DATES
        group = dates if rule.attribute.kind is Kind.DATE else times
        tag = tag_of(keyword)
        if tag is not None and not (visit and group is not None and _as_strict(group, rule)):
            elements[tag] = rule
    for keyword in set(changed) & set(ALSO_FROM):
        for place in ALSO_FROM[keyword]:
            tag = tag_of(place)
            if tag is not None and tag not in elements:
                elements[tag] = _removed(changed[keyword], place, keyword)
                notes[place] = f"{place} is removed with {keyword}, which is read from it too"
    for keyword, rule in rules.items():
        tag = tag_of(keyword)
        if tag is not None and keyword not in changed and _judged_as_it_is(rule, dates, times):
            elements[tag] = rule
    concepts = [pair for keyword in changed for pair in _CONCEPTS.get(keyword, ())]
    return DicomRules(
        elements=elements,
        dates=dates,
        times=times,
        concepts=frozenset(concepts),
        notes=notes,
    )


def _judged_as_it_is(rule: Rule, dates: Rule | None, times: Rule | None) -> bool:
    """Tell a date or time that the classes count exactly while others of the visit change."""
    group = {Kind.DATE: dates, Kind.TIME: times}.get(rule.attribute.kind)
    return group is not None and rule.attribute.role is Role.QUASI_IDENTIFIER


def _removed(rule: Rule, keyword: str, because: str) -> Rule:
    """Return the removal of an attribute that would give another back."""
    tag = Tag(keyword)
    attribute = rule.attribute.revised(
        name=keyword,
        column=keyword,
        keyword=keyword,
        tag=f"({tag.group:04X},{tag.element:04X})",
        vr=vr_of(tag),
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
    """Return the rule of the visit's dates or times: the leader's, else the strictest.

    Where the leader stays as it is and a copy of it that is judged for itself is coarsened, the
    rest follows the copy: any of them may state it again.
    """
    led = leader in rules
    if led and (rules[leader].changes or rules[leader].name in release.emptied):
        return rules[leader]
    others = [
        r
        for keyword, r in rules.items()
        if r.attribute.kind is kind
        and keyword not in OWN_DATES
        and r.changes
        and (not led or (keyword in SAME_VISIT and r.attribute.role is Role.QUASI_IDENTIFIER))
    ]
    if not others:
        return None
    return max(others, key=lambda r: (r.action is Action.REMOVE, r.level))


def _of_a_ladder(rule: Rule | None) -> Rule | None:
    """Return a rule of dates that also tells what becomes of dates which nobody listed.

    A hierarchy of the user's own lists the dates of one attribute; the other dates of a visit
    follow it only when its level is one of the built-in ladders. Otherwise they are removed.
    """
    if rule is None or rule.action is not Action.GENERALISE or rule.ladder in {*DATE_LADDERS, OWN}:
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
    own = OWN in {group.ladder, rule.ladder} and rule.action is not Action.KEEP
    if own and group.attribute.hierarchy_steps != rule.attribute.hierarchy_steps:
        return False  # levels of different hierarchies do not compare
    return rule.action is not Action.REMOVE and group.level >= rule.level


_STRICTNESS = {"1": 0, "1C": 1, "2": 2, "2C": 3, "3": 4}


class Removal(StrEnum):
    """How an element may lose its value."""

    DUMMY = "dummy"
    EMPTY = "empty"
    DELETE = "delete"


@cache
def _modules() -> dict[str, tuple[str, ...]]:
    rows = data_rows("ps33_sop_modules.csv")
    return {row["sop_class_uid"]: tuple(row["modules"].split()) for row in rows}


@cache
def _types() -> dict[tuple[str, str], str]:
    rows = data_rows("ps33_module_types.csv")
    return {(row["module"], row["keyword"]): row["type"] for row in rows}


@cache
def _nested() -> dict[tuple[str, str], str]:
    rows = data_rows("ps33_nested_types.csv")
    return {(row["sequence"], row["keyword"]): row["type"] for row in rows}


@cache
def _catalogued() -> frozenset[str]:
    return frozenset(row["keyword"] for row in data_rows("attribute_catalogue.csv"))


@cache
def _strictest() -> dict[str, str]:
    rows = data_rows("attribute_catalogue.csv")
    return {row["keyword"]: row["strictest_type"] for row in rows if row["strictest_type"]}


@cache
def element_type(sop_class: str, keyword: str, path: tuple[str, ...] = ()) -> str:
    """Return the type of an attribute in an object (PS3.3).

    Parameters
    ----------
    sop_class : str
        SOP Class UID.
    keyword : str
    path : tuple of str
        Keywords of the sequences around it, outermost first.

    Returns
    -------
    str
        ``1``, ``1C``, ``2``, ``2C`` or ``3``: the strictest of the modules that hold the
        attribute. Where the standard's tables do not say (an unknown class, a sequence
        outside them), the strictest type that the attribute has anywhere; ``1`` for an
        attribute outside the catalogue, such as the dates of content items.

    Examples
    --------
    >>> element_type("1.2.840.10008.5.1.4.1.1.2", "PatientAge")
    '3'
    >>> element_type("1.2.840.10008.5.1.4.1.1.2", "Manufacturer")
    '2'
    """
    if keyword not in _catalogued():
        return "1"
    if path:
        found = _nested().get((path[-1], keyword))
        return found or _strictest().get(keyword, "3")
    modules = _modules().get(sop_class)
    if modules is None:
        return _strictest().get(keyword, "3")
    types = [_types()[m, keyword] for m in modules if (m, keyword) in _types()]
    return min(types, key=_STRICTNESS.__getitem__, default="3")


def removal(sop_class: str, keyword: str, path: Sequence[str] = ()) -> Removal:
    """Return how an attribute may lose its value.

    A conditional type is taken as unconditional, because whether its condition holds is
    not known.

    Examples
    --------
    >>> removal("1.2.840.10008.5.1.4.1.1.2", "StudyDate").value
    'empty'
    """
    kind = element_type(sop_class, keyword, tuple(path))
    return {"1": Removal.DUMMY, "2": Removal.EMPTY}.get(kind[0], Removal.DELETE)


DUMMY_TEXT = "REMOVED"
DUMMIES = {
    "DA": "19000101",
    "TM": "000000",
    "DT": "19000101000000",
    "AS": "000Y",
    "DS": "0",
    "IS": "0",
    **dict.fromkeys(("AE", "LO", "LT", "PN", "SH", "ST", "UC", "UT"), DUMMY_TEXT),
}
"""Value of an element that may not be empty, by value representation.

Codes (CS), identifiers (UI), sequences and binary values have none: whatever stood there
would be an untrue statement about the object, so they stay and are reported.
"""
