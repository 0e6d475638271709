"""Recoding one DICOM object: every copy of an attribute, at every depth.

A new value is legal for its value representation, and the object says of itself how it was
de-identified: (0012,0062-0064), (0028,0303).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as ItemSequence

from midi_risk.attributes.ages import plain
from midi_risk.attributes.dates import parse_date, parse_time
from midi_risk.attributes.ladders import LADDERS, PERIODS
from midi_risk.attributes.model import Kind
from midi_risk.attributes.own_hierarchy import OWN
from midi_risk.attributes.recoding import UNPARSED, DateBands, Scale
from midi_risk.attributes.stand_ins import (
    age_string,
    date_at,
    date_string,
    decimal_string,
    number_of_band,
    text_for,
    time_string,
)
from midi_risk.attributes.standard import OWN_DATES, method_codes
from midi_risk.config import KEPT_UIDS
from midi_risk.export.dicom.rules import DUMMIES, DicomRules, Removal, removal
from midi_risk.export.rules import DATE_LADDERS, Action, ReleaseRules, Rule
from midi_risk.sources.dicom.careful import text_held
from midi_risk.sources.dicom.dictionary import vr_of
from midi_risk.sources.dicom.header import BINARY_VRS

_PATIENT_ID = 0x00100020
NUMBER_VRS = frozenset({"DS", "IS", "FL", "FD", "SL", "SS", "UL", "US"})
_MOMENTS = frozenset({"DA", "DT", "TM"})
_WITHOUT_TEXT = BINARY_VRS | {"SQ"}


class UnrecodableError(ValueError):
    """An object holds something that no rule can be applied to; the message names it."""


def written(rule: Rule, vr: str, label: str, raw: str = "") -> str | None:
    """Return the text that stands for a label in an element.

    Parameters
    ----------
    rule : Rule
    vr : str
        Value representation of the element.
    label : str
        As the release table shows it.
    raw : str
        The value before, whose unit is kept (heights in metres or centimetres).

    Returns
    -------
    str or None
        None where no legal and true text exists.
    """
    medians = {} if rule.labels is None else rule.labels.medians
    if vr == "AS":
        middle = medians.get(label)
        return age_string(label if not middle else plain(middle))
    if vr in {"DA", "DT"}:
        return date_at(medians[label]) if label in medians else date_string(label)
    if vr == "TM":
        return time_string(label)
    if vr in NUMBER_VRS:
        return _number(rule, vr, label, raw)
    return text_for(vr, label)


def _number(rule: Rule, vr: str, label: str, raw: str) -> str | None:
    number = number_of(rule, label, _number_before(raw))
    if number is None:
        return None
    if vr in {"IS", "SL", "SS", "UL", "US"}:
        return plain(float(int(number)))
    return decimal_string(number)


def _number_before(raw: str) -> float:
    """Return the number that an element held; one without a number is taken for metres."""
    try:
        return float(raw)
    except ValueError:
        return 0.0


def number_of(rule: Rule, label: str, before: float | None = None) -> float | None:
    """Return the number that stands for a label, in the unit that a number before it had."""
    ladder = rule.built_in
    medians = {} if rule.labels is None else rule.labels.medians
    if label in medians and (ladder is None or ladder.scale is not Scale.METRES):
        return medians[label]
    number = number_of_band(label) if ladder is None else ladder.number_for(label, before)
    if number is None or rule.attribute.kind is not Kind.AGE:
        return number
    return float(int(number))


@lru_cache(maxsize=65536)
def visit_date(raw: str, ladder: str, level: int) -> str | None:
    """Return a date of a visit (DA or DT) at a level of a date ladder; None to remove it.

    Examples
    --------
    >>> visit_date("20120317", "date", 2)
    '20120301'
    """
    read = parse_date(raw)
    if read.text is None:
        return None
    label = LADDERS[ladder].label(level, read.text, read.number)
    return None if label == UNPARSED else date_string(label)


@lru_cache(maxsize=65536)
def visit_time(raw: str, level: int) -> str | None:
    """Return a time of a visit at a level of the time ladder; None to remove it.

    Examples
    --------
    >>> visit_time("134455.123", 1), visit_time("134455", 2)
    ('130000', '120000')
    """
    read = parse_time(raw)
    label = LADDERS["time"].label(level, read.text or "", read.number)
    return None if label == UNPARSED else time_string(label)


def ladder_of_dates(rule: Rule) -> tuple[str, int]:
    """Return ladder and level that the dates of a visit follow."""
    steps = rule.attribute.hierarchy_steps
    if rule.ladder == OWN and steps and 0 < rule.level <= len(steps):
        return PERIODS[steps[rule.level - 1].date or "year"]
    ladder = rule.ladder if rule.ladder in DATE_LADDERS else "date"
    return ladder, min(rule.level, len(LADDERS[ladder].levels))


def bands_of_dates(rule: Rule) -> DateBands | None:
    """Return the periods between cut points that dates follow, None where there are none."""
    steps = rule.attribute.hierarchy_steps
    if rule.ladder != OWN or not steps or not 0 < rule.level <= len(steps):
        return None
    cuts = steps[rule.level - 1].cuts
    return DateBands(tuple(cuts)) if cuts else None


def day_of_visit(rule: Rule, raw: str) -> str | None:
    """Return what stands for a date of a visit (DA or DT) under a rule; None to remove it."""
    bands = bands_of_dates(rule)
    if bands is None:
        return visit_date(raw, *ladder_of_dates(rule))
    read = parse_date(raw)
    label = UNPARSED if read.text is None else bands.label(read.text, read.number)
    return None if label == UNPARSED else written(rule, "DA", label)


def new_value(rule: Rule, vr: str, values: Sequence[str], subject_value: str | None) -> str | None:
    """Return the new text of an element under a rule that generalises.

    Parameters
    ----------
    rule : Rule
    vr : str
    values : sequence of str
        Raw values of the element.
    subject_value : str or None
        The one value of the subject, for rules that show one.

    Returns
    -------
    str or None
        None when the element has to lose its value.
    """
    if rule.by_class:
        return None if subject_value is None else written(rule, vr, subject_value, values[0])
    if rule.one_value and subject_value is not None:
        if rule.labels is not None and rule.labels.label(values[0]) is None:
            return None
        return written(rule, vr, subject_value, values[0])
    if rule.labels is None:
        return None
    if rule.attribute.kind not in {Kind.CATEGORY, Kind.TEXT}:
        label = rule.labels.label(values[0])
        return None if label is None else written(rule, vr, label, values[0])
    new: dict[str, None] = {}
    for raw in values:
        label = rule.labels.label(raw)
        text = None
        if label is not None:
            text = raw if rule.labels.unchanged(raw) else written(rule, vr, label, raw)
        if text is not None:
            new[text] = None
    return "\\".join(new) or None


_CONTENT_SEQUENCE = 0x0040A730
_CONCEPT_NAME = 0x0040A043
_BODY_PART = 0x00180015


@dataclass(slots=True)
class Outcome:
    """What recoding did to one or many objects; names and counts, never values.

    Parameters
    ----------
    changed : collections.Counter
        Keyword -> elements written differently.
    removed : collections.Counter
        Keyword -> elements emptied, deleted or replaced by a dummy.
    kept : collections.Counter
        Keyword -> elements that may neither be empty nor hold a dummy.
    """

    changed: Counter[str] = field(default_factory=Counter)
    removed: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)

    def counts(self) -> int:
        """Return how much is counted."""
        return self.changed.total() + self.removed.total() + self.kept.total()

    def add(self, other: Outcome, times: int = 1) -> None:
        """Add the counts of another object, or of several alike."""
        for mine, theirs in (
            (self.changed, other.changed),
            (self.removed, other.removed),
            (self.kept, other.kept),
        ):
            for name, count in theirs.items():
                mine[name] += count * times


@dataclass(slots=True)
class Visit:
    """One object being recoded."""

    rules: DicomRules
    release: ReleaseRules
    subject: str | None
    sop_class: str
    outcome: Outcome


def visit_of(key: str, sop_class: str, rules: DicomRules, release: ReleaseRules) -> Visit:
    """Return the recoding of one object of a subject and a class."""
    subject = release.assessed.get(key, "")
    known = subject in release.expected.frame.index
    return Visit(
        rules=rules,
        release=release,
        subject=subject if known else None,
        sop_class=sop_class,
        outcome=Outcome(),
    )


def subject_key(data_set: Dataset) -> str:
    r"""Return the key of an object as the scan reads it, so that both mean one subject.

    Parameters
    ----------
    data_set : pydicom.Dataset

    Examples
    --------
    >>> data_set = Dataset()
    >>> data_set.PatientID = "A\\1"
    >>> subject_key(data_set) == "A\\1"
    True
    """
    return text_held(data_set, _PATIENT_ID).strip() if _PATIENT_ID in data_set else ""


def of_nobody(key: str, release: ReleaseRules, selected: Callable[[], bool] | None) -> str:
    """Return why an object is of no subject that the release shows, empty when it is.

    Parameters
    ----------
    key : str
        See `subject_key`.
    release : ReleaseRules
    selected : callable, optional
        Tells whether the object belongs to the collection.
    """
    if not key:
        return "no subject key (PatientID): its risk is not known"
    subject = release.assessed.get(key)
    if subject in release.suppressed:
        return "of a subject that the plan leaves out"
    if selected is not None and not selected():
        return "not selected by the collection's 'where'"
    if subject is None:
        return "of nobody whose risk was assessed: a phantom, an animal, or an unknown key"
    return ""


def recode(data_set: Dataset, rules: DicomRules, release: ReleaseRules) -> Outcome:
    """Recode an object in place.

    Parameters
    ----------
    data_set : pydicom.Dataset
    rules : DicomRules
    release : ReleaseRules
        Holds the one value that each subject shows.

    Returns
    -------
    Outcome

    Notes
    -----
    What an element is follows from the standard's dictionary, whatever representation the file
    gives it, and it is written in the standard's. Private elements are neither read nor changed,
    but elements of the standard inside private sequences are. An element that must not be empty
    (type 1) gets a dummy, one of type 2 is emptied, one of type 3 deleted.

    Raises
    ------
    UnrecodableError
        When a sequence stands in a form whose elements cannot be reached.
    """
    visit = visit_of(
        subject_key(data_set), str(data_set.get("SOPClassUID", "") or ""), rules, release
    )
    body_part = _BODY_PART in data_set and bool(data_set[_BODY_PART].value)
    recode_elements(data_set, visit)
    if body_part and not data_set.get("BodyPartExamined"):
        unknown_side(data_set, data_set)
    return visit.outcome


_SIDES = (0x00200060, 0x00200062, 0x00209072, 0x00240113)
_SHARED_GROUPS = 0x52009229


def unknown_side(data_set: Dataset, there: Collection[int] | Dataset) -> None:
    """Say that the side is unknown once the body part is (type 2C, PS3.3 C.7.3.1).

    Parameters
    ----------
    data_set : pydicom.Dataset
        Takes the statement.
    there : collection of int
        Tags at the top of the object.
    """
    if _SHARED_GROUPS not in there and not any(tag in there for tag in _SIDES):
        data_set.Laterality = ""


def standard_vr(element: Any) -> str:
    """Return the representation that the standard gives an element, else the file's own."""
    known = vr_of(int(element.tag))
    return known if known and " or " not in known else str(element.VR or known or "UN")


def _walk(data_set: Dataset, path: tuple[str, ...], visit: Visit) -> None:
    for tag in list(data_set.keys()):
        if tag >> 16 == 2:
            continue
        number = int(tag)
        element = data_set.get_item(tag)
        if tag.is_private:
            if element.VR == "SQ" or _is_list_of_items(element):
                _descend(data_set, number, path, visit)
            continue
        vr = standard_vr(element)
        rule = visit.rules.elements.get(number)
        if rule is not None:
            _apply(data_set, number, vr, rule, path, visit)
        elif vr in _MOMENTS or element.VR in _MOMENTS:
            _apply_visit(data_set, number, vr if vr in _MOMENTS else element.VR, path, visit)
        if vr == "SQ" and number in data_set:
            _descend(data_set, number, path, visit)


def recode_elements(data_set: Dataset, visit: Visit) -> None:
    """Recode every element of a data set, or of a part of one, each for itself."""
    _walk(data_set, (), visit)


def may_touch(rules: DicomRules, tag: int, vr: str) -> bool:
    """Tell whether recoding may change an element at the top of an object.

    What it may not touch is copied as it stands, so this says yes to all that `recode_elements`
    looks at.

    Parameters
    ----------
    rules : DicomRules
    tag : int
    vr : str
        As the file gives it, empty in implicit form; ``SQ`` for a list of items in any form.
    """
    if tag >> 16 & 1:
        return vr == "SQ"
    known = vr_of(tag)
    moment = known in _MOMENTS or vr in _MOMENTS
    return (
        tag in rules.elements
        or "SQ" in (known, vr)
        or (moment and not (rules.dates is None and rules.times is None))
    )


def removed_always(rules: DicomRules, tag: int, vr: str) -> bool:
    """Tell an element of the standard whose value is taken away, whatever it is.

    Parameters
    ----------
    rules : DicomRules
    tag : int
    vr : str
        As the file gives it, empty in implicit form.
    """
    known = vr_of(tag)
    if tag >> 16 & 1 or vr not in {"", known} or known == "SQ":
        return False
    rule = rules.elements.get(tag)
    if rule is None and known in _MOMENTS and keyword_for_tag(tag) not in OWN_DATES:
        rule = rules.times if known == "TM" else rules.dates
    return rule is not None and rule.action is Action.REMOVE


def _is_list_of_items(element: Any) -> bool:
    """Tell a private sequence that pydicom recognised although the file does not name it one."""
    return isinstance(element.value, ItemSequence)


def _descend(data_set: Dataset, tag: int, path: tuple[str, ...], visit: Visit) -> None:
    items = data_set[tag].value
    if not items:
        return
    if not isinstance(items, ItemSequence):
        raise UnrecodableError(f"{keyword_for_tag(tag)} in a form that hides its elements")
    if tag == _CONTENT_SEQUENCE and visit.rules.concepts:
        for place in reversed(range(len(items))):
            if _concept(items[place]) in visit.rules.concepts:
                del items[place]
                visit.outcome.removed["ContentSequence"] += 1
        if not len(items):
            del data_set[tag]
            return
    name = keyword_for_tag(tag) or "?"
    for item in items:
        _walk(item, (*path, name), visit)


def _concept(item: Dataset) -> tuple[str, str]:
    """Return code and scheme of the concept that names a content item."""
    names = item[_CONCEPT_NAME].value if _CONCEPT_NAME in item else None
    if not names:
        return "", ""
    return (
        str(names[0].get("CodeValue", "") or ""),
        str(names[0].get("CodingSchemeDesignator", "") or ""),
    )


def _texts(data_set: Dataset, tag: int) -> list[str]:
    """Return the values of an element as text, without padding.

    One whose representation is not the standard's is read as the scan reads it.
    """
    element = data_set.get_item(tag)
    if isinstance(element, RawDataElement) and element.VR not in {None, "UN", standard_vr(element)}:
        return [
            text for part in text_held(data_set, tag).split("\\") if (text := part.strip(" \0"))
        ]
    value = data_set[tag].value
    several = [] if value is None else value if _is_list(value) else [value]
    return [text for v in several if (text := str(getattr(v, "original_string", v)).strip(" \0"))]


def _is_list(value: Any) -> bool:
    return not isinstance(value, str | bytes) and hasattr(value, "__iter__")


def _apply(
    data_set: Dataset, tag: int, vr: str, rule: Rule, path: tuple[str, ...], visit: Visit
) -> None:
    if rule.action is Action.REMOVE or visit.release.loses(rule, visit.subject):
        _remove(data_set, tag, vr, path, visit)
        return
    if vr in _WITHOUT_TEXT:
        if rule.action is not Action.KEEP:
            _remove(data_set, tag, vr, path, visit)
        return
    values = _texts(data_set, tag)
    if not values:
        return
    own = visit.release.value_of(rule, visit.subject) if visit.subject and rule.one_value else None
    if rule.action is Action.KEEP and own is None:
        return
    text = new_value(rule, vr, values, own)
    _set(data_set, tag, vr, text, path, visit)


def _apply_visit(data_set: Dataset, tag: int, vr: str, path: tuple[str, ...], visit: Visit) -> None:
    """Apply the one rule of all dates and times of a visit."""
    if keyword_for_tag(tag) in OWN_DATES:
        return
    dates, times = _own(visit.rules.dates, visit), _own(visit.rules.times, visit)
    rule = times if vr == "TM" else dates
    if vr == "DT" and dates is None and times is not None:
        values = _texts(data_set, tag)
        if values:
            _set(data_set, tag, vr, _moment(values[0][:8], values[0], times), path, visit)
        return
    if rule is None:
        return
    if rule.action is Action.REMOVE:
        _remove(data_set, tag, vr, path, visit)
        return
    values = _texts(data_set, tag)
    if not values:
        return
    if vr == "TM":
        text = "\\".join(filter(None, (visit_time(v, rule.level) for v in values))) or None
    else:
        found = [day_of_visit(rule, v) for v in values]
        text = "\\".join(t for t in found if t) or None
        if vr == "DT" and text is not None and len(values) == 1:
            text = _moment(text, values[0], times)
    _set(data_set, tag, vr, text, path, visit)


def _own(rule: Rule | None, visit: Visit) -> Rule | None:
    """Return the rule of dates or times for this subject: removal where its cell is emptied."""
    if rule is None:
        return None
    if visit.release.loses(rule, visit.subject):
        return replace(rule, action=Action.REMOVE)
    return rule if rule.changes else None


def _moment(day: str, raw: str, times: Rule | None) -> str | None:
    """Return a date-time whose day is given and whose time follows the rule of times."""
    if len(day) < 8 or not day.isdigit():
        return None
    clock = raw[8:].partition("+")[0].partition("-")[0]
    if not clock or (times is not None and times.action is Action.REMOVE):
        return day
    if times is None:
        return day + clock
    return day + (visit_time(clock, times.level) or "")


def _set(
    data_set: Dataset, tag: int, vr: str, text: str | None, path: tuple[str, ...], visit: Visit
) -> None:
    """Write a text, or take the value away when there is none."""
    if text is None:
        _remove(data_set, tag, vr, path, visit)
        return
    keyword = keyword_for_tag(tag)
    if "\\".join(_texts(data_set, tag)) != text:
        visit.outcome.changed[keyword] += 1
        data_set[tag] = DataElement(tag, vr, _typed(vr, text))


def _typed(vr: str, text: str) -> Any:
    if vr in {"FL", "FD"}:
        return float(text)
    if vr in {"SL", "SS", "UL", "US"}:
        return int(text)
    return text.split("\\") if "\\" in text else text


def _remove(data_set: Dataset, tag: int, vr: str, path: tuple[str, ...], visit: Visit) -> None:
    """Take a value away as far as the type of the element allows."""
    keyword = keyword_for_tag(tag)
    element = data_set.get_item(tag)
    if not element.length if isinstance(element, RawDataElement) else element.is_empty:
        return
    how = removal(visit.sop_class, keyword, path)
    if how is Removal.DUMMY:
        if vr not in DUMMIES:
            visit.outcome.kept[keyword] += 1
            return
        data_set[tag] = DataElement(tag, vr, DUMMIES[vr])
    elif how is Removal.EMPTY:
        data_set[tag] = DataElement(tag, vr, [] if vr == "SQ" else "")
    else:
        del data_set[tag]
    visit.outcome.removed[keyword] += 1


BASIC, FULL_DATES, MODIFIED_DATES, CHARACTERISTICS = "113100", "113106", "113107", "113108"
CHARACTERISTIC_NAMES = (
    "PatientAge", "PatientSex", "PatientSize", "PatientWeight", "EthnicGroup", "SmokingStatus",
    "PregnancyStatus", "Allergies", "PatientState", "PreMedication", "SpecialNeeds",
)  # fmt: skip
_DUMMIES = frozenset(DUMMIES.values())
_TEMPORAL = "LongitudinalTemporalInformationModified"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What a released object says of its de-identification.

    Parameters
    ----------
    method : str
        Tool and plan, at most 64 characters; for (0012,0063).
    identity_removed : bool
        Whether (0012,0062) may say so: only where the verdict on the files is not incomplete.
    codes : tuple of str
        Profile and options that were applied, as codes of CID 7050; for (0012,0064).
    uids_replaced : bool
        Whether the UIDs are pseudonyms, so that no object may say that they were retained.
    """

    method: str
    identity_removed: bool = False
    codes: tuple[str, ...] = ()
    uids_replaced: bool = False


def state_method(data_set: Dataset, rules: DicomRules, statement: Statement) -> None:
    """Say in an object that it was recoded, and keep what it says of itself true.

    Parameters
    ----------
    data_set : pydicom.Dataset
        After recoding.
    rules : DicomRules
    statement : Statement

    Notes
    -----
    Codes of CID 7050 are added only next to the basic profile (113100), which stands where the
    project names it and nothing that it removes stays. Codes that recoding made untrue are
    taken out: full dates become modified dates when dates were
    coarsened, both go when no date is left, patient characteristics go when none is left.
    """
    data_set.PatientIdentityRemoved = "YES" if statement.identity_removed else "NO"
    methods = data_set.get("DeidentificationMethod") or []
    said = [methods] if isinstance(methods, str) else [str(method) for method in methods]
    if statement.method not in said:
        data_set.DeidentificationMethod = [*said, statement.method]
    dated = any(visit_dates(data_set))
    if rules.dates is not None:
        coarse = rules.dates.action is not Action.REMOVE and dated
        setattr(data_set, _TEMPORAL, "MODIFIED" if coarse else "REMOVED")
    codes = list(data_set.get("DeidentificationMethodCodeSequence") or ())
    stated = {str(item.get("CodeValue", "")) for item in codes}
    codes += [_code(code) for code in statement.codes if code not in stated]
    if codes:
        _revise_codes(data_set, codes, rules, statement, dated=dated)


def _revise_codes(
    data_set: Dataset,
    items: list[Dataset],
    rules: DicomRules,
    statement: Statement,
    *,
    dated: bool,
) -> None:
    found = {str(item.get("CodeValue", "")): item for item in items}
    held = data_set.get("DeidentificationMethodCodeSequence") or ()
    wanted = dict(found)
    if statement.uids_replaced:
        wanted.pop(KEPT_UIDS, None)
    if rules.dates is not None:
        if not dated or rules.dates.action is Action.REMOVE:
            wanted.pop(MODIFIED_DATES, None)
        elif FULL_DATES in wanted:
            wanted.setdefault(MODIFIED_DATES, _code(MODIFIED_DATES))
        wanted.pop(FULL_DATES, None)
    remaining = any(str(data_set.get(name, "") or "").strip() for name in CHARACTERISTIC_NAMES)
    if not remaining:
        wanted.pop(CHARACTERISTICS, None)
    elif BASIC in wanted:
        wanted.setdefault(CHARACTERISTICS, _code(CHARACTERISTICS))
    if set(wanted) == {str(item.get("CodeValue", "")) for item in held}:
        return
    if wanted:
        data_set.DeidentificationMethodCodeSequence = ItemSequence(wanted.values())
    elif statement.uids_replaced and held:
        del data_set.DeidentificationMethodCodeSequence


def _code(value: str) -> Dataset:
    item = Dataset()
    item.CodeValue = value
    item.CodingSchemeDesignator = "DCM"
    item.CodeMeaning = method_codes()[value]
    return item


def visit_dates(data_set: Dataset) -> Iterator[str]:
    """Yield the dates of visits at the top level that are neither empty nor dummies."""
    for tag in list(data_set.keys()):
        if tag.is_private:
            continue
        if (
            standard_vr(data_set.get_item(tag)) in {"DA", "DT"}
            and keyword_for_tag(tag) not in OWN_DATES
        ):
            yield from (text for text in _texts(data_set, int(tag)) if text not in _DUMMIES)
