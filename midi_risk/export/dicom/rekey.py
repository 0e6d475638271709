"""Pseudonyms in one DICOM object: every UID and every copy of the subject key, at every depth.

UIDs that the standard gives and those that name a kind of thing (classes, transfer syntaxes, coding
schemes) stay. Where an old UID or key stands in a value that cannot be rewritten, the value goes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as ItemSequence

from midi_risk.export.dicom.recode import Outcome, UnrecodableError, Visit
from midi_risk.export.dicom.rules import DUMMIES, Removal, removal
from midi_risk.export.pseudonyms import Pseudonyms
from midi_risk.sources.dicom.careful import text_held
from midi_risk.sources.dicom.dictionary import vr_of
from midi_risk.sources.dicom.uids import names_a_kind

_PATIENT_ID = 0x00100020
_ITEM = b"\xfe\xff\x00\xe0"
_ISSUERS = (0x00100021, 0x00100024)
"""Who gave a key: untrue of a pseudonym (both of type 3)."""
_PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
_LONGEST = {"AE": 16, "CS": 16, "SH": 16, "LO": 64, "PN": 194, "ST": 1024, "LT": 10240}
_TEXTS = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
_BYTES = frozenset({"OB", "OW", "UN", "OD", "OF", "OL", "OV"})
_OF_A_PERSON = frozenset(
    {
        "PatientName", "OtherPatientNames", "OtherPatientIDs", "ClinicalTrialSubjectID",
        "ClinicalTrialSubjectReadingID",
    }
)  # fmt: skip
"""Elements in which a key is looked for that is too short to be told from other words."""


@dataclass(frozen=True, slots=True)
class _Rekeying:
    pseudonyms: Pseudonyms
    label: str | None
    own: str
    sop_class: str
    outcome: Outcome


def rekey(
    data_set: Dataset, pseudonyms: Pseudonyms, label: str | None, own: str, visit: Visit
) -> None:
    """Replace UIDs and subject keys of an object in place.

    Parameters
    ----------
    data_set : pydicom.Dataset
    pseudonyms : Pseudonyms
    label : str or None
        Subject that the object was assessed for.
    own : str
        Its key as the object spells it.
    visit : Visit
        Of the object; its outcome takes the counts.

    Raises
    ------
    UnrecodableError
        When an old UID or key stands where it can neither be replaced nor removed.
    """
    told = _Rekeying(pseudonyms, label, own.strip(), visit.sop_class, visit.outcome)
    meta = getattr(data_set, "file_meta", None)
    if meta is not None and meta.get("MediaStorageSOPInstanceUID"):
        meta.MediaStorageSOPInstanceUID = pseudonyms.uid(str(meta.MediaStorageSOPInstanceUID))
    _walk(data_set, (), told)


def _walk(data_set: Dataset, path: tuple[str, ...], visit: _Rekeying) -> None:
    for tag in list(data_set.keys()):
        number = int(tag)
        if number in _PIXELS or number >> 16 == 2:
            continue
        keyword = keyword_for_tag(number) or ""
        if number in _ISSUERS and visit.pseudonyms.subjects:
            del data_set[tag]
            visit.outcome.removed[keyword] += 1
            continue
        vr = _vr(data_set, tag)
        if vr == "SQ":
            _descend(data_set, number, path, keyword, visit)
        elif vr == "UI":
            if visit.pseudonyms.uids and not names_a_kind(keyword):
                _set_uids(data_set, number, keyword, visit)
        elif number == _PATIENT_ID:
            _set_key(data_set, keyword, visit)
        elif vr in _TEXTS:
            _set_text(data_set, number, vr, keyword, path, visit)
        elif vr in _BYTES:
            _clear_bytes(data_set, number, keyword, path, visit)


def may_rekey(tag: int, vr: str) -> bool:
    """Tell whether `rekey` may look at an element at the top of an object.

    Parameters
    ----------
    tag : int
    vr : str
        As the file gives it, empty in implicit form.
    """
    known = _standard_vr(tag) or vr or "UN"
    return tag not in _PIXELS and (known in {"SQ", "UI"} or known in _TEXTS | _BYTES)


def _standard_vr(tag: int) -> str:
    """Return what the dictionary says; of several representations bytes, else numbers."""
    known = vr_of(tag)
    return known if " or " not in known else "OW" if "OW" in known else "US"


def _vr(data_set: Dataset, tag: Any) -> str:
    """Return how an element is read: as the dictionary says, else the file; items are a list."""
    known = _standard_vr(int(tag))
    if known:
        return known
    element = data_set.get_item(tag)
    if isinstance(element.value, bytes) and element.value.startswith(_ITEM):
        element = data_set[tag]
    return str(element.VR or "UN")


def _descend(
    data_set: Dataset, tag: int, path: tuple[str, ...], keyword: str, visit: _Rekeying
) -> None:
    items = data_set[tag].value
    if not items:
        return
    if not isinstance(items, ItemSequence):
        raise UnrecodableError(f"{keyword or 'a sequence'} in a form that hides its elements")
    for item in items:
        _walk(item, (*path, keyword or "?"), visit)


def _set_uids(data_set: Dataset, tag: int, keyword: str, visit: _Rekeying) -> None:
    before = [part.strip(" \0") for part in text_held(data_set, tag).split("\\")]
    after = [visit.pseudonyms.uid(uid) for uid in before]
    if after != before:
        data_set[tag] = DataElement(tag, "UI", after if len(after) > 1 else after[0])
        visit.outcome.changed[keyword or "a private UID"] += 1


def _set_key(data_set: Dataset, keyword: str, visit: _Rekeying) -> None:
    """Replace a subject key: the object's own, or another that stands deeper."""
    before = text_held(data_set, _PATIENT_ID).strip(" \0")
    label = visit.label if before == visit.own else None
    after = visit.pseudonyms.subject(before, label)
    if before and after != before and before not in DUMMIES.values():
        data_set[_PATIENT_ID] = DataElement(_PATIENT_ID, "LO", after)
        visit.outcome.changed[keyword] += 1


def _set_text(
    data_set: Dataset, tag: int, vr: str, keyword: str, path: tuple[str, ...], visit: _Rekeying
) -> None:
    element = data_set.get_item(tag)
    raw, known = element.value, visit.pseudonyms
    if not raw:
        return
    named = keyword in _OF_A_PERSON and known.subjects
    plain = visit.own.isascii() and isinstance(raw, bytes)
    if plain and not named and not known.in_bytes(raw, visit.label):
        return
    before = text_held(data_set, tag)
    after = known.text(before, visit.label)
    if named:
        parts = [known.subject(p, visit.label) if p == visit.own else p for p in after.split("\\")]
        after = "\\".join(parts)
    if after == before:
        return
    longest = max(len(part) for part in after.split("\\"))
    if longest > _LONGEST.get(vr, longest):
        _take_away(data_set, tag, vr, keyword, path, visit)
        return
    several = vr not in {"ST", "LT", "UT", "UR"} and "\\" in after
    data_set[tag] = DataElement(tag, vr, after.split("\\") if several else after)
    visit.outcome.changed[keyword or "a private text"] += 1


def _clear_bytes(
    data_set: Dataset, tag: int, keyword: str, path: tuple[str, ...], visit: _Rekeying
) -> None:
    """Take bytes away that hold an old UID or key; what is plain text is rewritten."""
    value = data_set.get_item(tag).value
    if not isinstance(value, bytes) or not visit.pseudonyms.in_bytes(value, visit.label):
        return
    text = value.rstrip(b" \0")
    if not keyword and text.isascii() and text.decode("ascii").isprintable():
        after = visit.pseudonyms.text(text.decode("ascii"), visit.label).encode("ascii", "replace")
        data_set[tag] = DataElement(tag, "UN", after + b" " * (len(after) % 2))
        visit.outcome.changed["a private text"] += 1
        return
    _take_away(data_set, tag, "UN", keyword, path, visit)


def _take_away(
    data_set: Dataset, tag: int, vr: str, keyword: str, path: tuple[str, ...], visit: _Rekeying
) -> None:
    """Remove a value that holds what must not leave, as far as the type of the element allows."""
    how = removal(visit.sop_class, keyword, path) if keyword else Removal.DELETE
    if how is Removal.DUMMY and vr not in DUMMIES:
        raise UnrecodableError(f"{keyword} holds an old UID or key and cannot be left out")
    if how is Removal.DUMMY:
        data_set[tag] = DataElement(tag, vr, DUMMIES[vr])
    elif how is Removal.EMPTY:
        data_set[tag] = DataElement(tag, vr, None if vr in _BYTES else "")
    else:
        del data_set[tag]
    visit.outcome.removed[keyword or "a private value"] += 1
