"""What is done to one object beyond the rules of attributes: elements taken out, pseudonyms.

An object that is written is a changed one, so digital signatures never stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as ItemSequence

from midi_risk.config import KEPT_UIDS
from midi_risk.export.dicom.recode import (
    Outcome,
    Statement,
    UnrecodableError,
    recode,
    state_method,
    subject_key,
)
from midi_risk.export.dicom.rekey import rekey
from midi_risk.export.dicom.rules import DUMMIES, DicomRules, Removal, removal
from midi_risk.export.pseudonyms import Pseudonyms
from midi_risk.export.rules import ReleaseRules
from midi_risk.sources.dicom.contents import creator_place, names_creator, spelt
from midi_risk.sources.dicom.dictionary import vr_of
from midi_risk.table.account import part_name

DELETE = "X"
"""How an element goes that somebody decided to take out; others as Table E.1-1 says."""

_PIXEL_DATA = 0x7FE00010
_SIGNATURES = frozenset({0x4FFE0001, 0xFFFAFFFA})
"""MACParametersSequence and DigitalSignaturesSequence."""
_WHOLE = (("00420011", "EncapsulatedDocument"), ("54000100", "WaveformSequence"))
"""Elements without which nothing is left of the objects that are made of them."""
_PLANES = ("50xx3000", "60xx3000")
"""Data of a curve and of an overlay; the rest of their group says nothing without them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acts:
    """What is done to each object beyond the rules of attributes.

    Parameters
    ----------
    removed : mapping of tuple of str to str
        Path of an element, as `midi_risk.sources.dicom.contents` spells it, -> how it goes: an
        action of Table E.1-1, or `DELETE`; ``("trailing",)`` for all behind the pixel data.
    pseudonyms : Pseudonyms or None
        None where UIDs and keys stay.
    """

    removed: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    pseudonyms: Pseudonyms | None = None

    def __repr__(self) -> str:
        """Return counts only."""
        return f"Acts({len(self.removed)} removed, {self.pseudonyms!r})"


def recode_object(
    data_set: Dataset, rules: DicomRules, release: ReleaseRules, acts: Acts, statement: Statement
) -> Outcome:
    """Do to an object, in place, all that a release does to it.

    Parameters
    ----------
    data_set : pydicom.Dataset
    rules : DicomRules
    release : ReleaseRules
    acts : Acts
    statement : Statement

    Returns
    -------
    Outcome

    Raises
    ------
    UnrecodableError
        When no conformant object without the removed values exists.
    """
    for part, keyword in _WHOLE:
        if (part,) in acts.removed and int(part, 16) in data_set:
            raise UnrecodableError(f"its {keyword} is removed, and nothing is left without it")
    own = subject_key(data_set)
    outcome = recode(data_set, rules, release)
    strip(data_set, acts.removed, outcome)
    if acts.pseudonyms is not None:
        rekey(data_set, acts.pseudonyms, release.assessed.get(own), own, outcome)
    if acts.pseudonyms is not None and acts.pseudonyms.uids:
        _unclaim_uids(data_set)
    state_method(data_set, rules, statement)
    return outcome


def _unclaim_uids(data_set: Dataset) -> None:
    """Take back what an object says of its UIDs, which are no longer those that it had."""
    codes = data_set.get("DeidentificationMethodCodeSequence") or ()
    kept = [item for item in codes if str(item.get("CodeValue", "")) != KEPT_UIDS]
    if len(kept) == len(codes):
        return
    if kept:
        data_set.DeidentificationMethodCodeSequence = ItemSequence(kept)
    else:
        del data_set.DeidentificationMethodCodeSequence


def strip(data_set: Dataset, removed: Mapping[tuple[str, ...], str], outcome: Outcome) -> None:
    """Take elements out of an object, at every depth, and signatures with them.

    Parameters
    ----------
    data_set : pydicom.Dataset
    removed : mapping of tuple of str to str
        See `Acts`.
    outcome : Outcome
        Takes the count.
    """
    sop_class = str(data_set.get("SOPClassUID", "") or "")
    stack: list[tuple[tuple[str, ...], Dataset]] = [((), data_set)]
    while stack:
        above, part = stack.pop()
        tags = list(part.keys())
        creators = {int(t): str(part[t].value or "") for t in tags if names_creator(int(t))}
        planes = {int(t) >> 16 for t in tags if (*above, spelt(int(t))) in removed and _plane(t)}
        for tag in tags:
            number = int(tag)
            creator = None
            if tag.is_private:
                creator = creators.get(number if names_creator(number) else creator_place(number))
            own = spelt(number, creator)
            path = (*above, own)
            behind = not above and number > _PIXEL_DATA and ("trailing",) in removed
            if behind or number in _SIGNATURES or number >> 16 in planes:
                del part[tag]
                outcome.removed[part_name(own)] += 1
            elif path in removed:
                _take_out(part, tag, removed[path], above, sop_class)
                outcome.removed[part_name(own)] += 1
            elif _is_list(part, tag):
                under = above if above[-1:] == (own,) else path
                stack.extend((under, item) for item in part[tag].value or ())


def _plane(tag: Any) -> bool:
    return spelt(int(tag)) in _PLANES


def _is_list(part: Dataset, tag: Any) -> bool:
    """Tell a sequence, also one that the file does not name so."""
    element = part.get_item(tag)
    said = element.VR or vr_of(int(tag))
    if said != "SQ" and vr_of(int(tag)) != "SQ" and not isinstance(element.value, ItemSequence):
        return False
    return isinstance(part[tag].value, ItemSequence)


def _take_out(part: Dataset, tag: Any, action: str, above: tuple[str, ...], sop_class: str) -> None:
    """Delete an element, or empty it, or give it a dummy, as an action and its type allow."""
    how = _how(action, keyword_for_tag(int(tag)), tuple(map(part_name, above)), sop_class)
    vr = vr_of(int(tag)) or "UN"
    if how is Removal.DUMMY and vr in DUMMIES:
        part[tag] = DataElement(tag, vr, DUMMIES[vr])
    elif how is Removal.EMPTY:
        part[tag] = DataElement(tag, vr, [] if vr == "SQ" else None if vr[0] == "O" else "")
    else:
        del part[tag]


def _how(action: str, keyword: str, above: tuple[str, ...], sop_class: str) -> Removal:
    """Return how an element goes: the one way of its action, else by its type."""
    ways = {"X": Removal.DELETE, "Z": Removal.EMPTY, "D": Removal.DUMMY}
    allowed = [ways[part[0]] for part in action.split("/") if part[:1] in ways]
    if len(allowed) == 1:
        return allowed[0]
    wanted = removal(sop_class, keyword, above)
    if wanted in allowed:
        return wanted
    return Removal.EMPTY if Removal.EMPTY in allowed else allowed[-1]
