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

from midi_risk.export.dicom.recode import Outcome, UnrecodableError, Visit
from midi_risk.export.dicom.rekey import may_rekey, rekey
from midi_risk.export.dicom.rules import DUMMIES, Removal, removal
from midi_risk.export.pseudonyms import Pseudonyms
from midi_risk.sources.dicom.contents import creator_place, names_creator, spelt
from midi_risk.sources.dicom.dictionary import vr_of
from midi_risk.table.account import part_name

DELETE = "X"
"""How an element goes that somebody decided to take out; others as Table E.1-1 says."""

_PIXEL_DATA = 0x7FE00010
_SIGNATURES = frozenset({0x4FFE0001, 0xFFFAFFFA})
"""MACParametersSequence and DigitalSignaturesSequence."""
_WHOLE = frozenset({"00420011", "54000100"})
"""EncapsulatedDocument and WaveformSequence: nothing is left of an object without them."""


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

    @property
    def by_subject(self) -> bool:
        """Whether what becomes of an element depends on the subject."""
        return self.pseudonyms is not None and self.pseudonyms.subjects

    def may_touch(self, tag: int, vr: str) -> bool:
        """Tell whether an element at the top may be changed whatever its path.

        Parameters
        ----------
        tag : int
        vr : str
            As the file gives it, empty in implicit form.
        """
        return tag in _SIGNATURES or (self.pseudonyms is not None and may_rekey(tag, vr))

    def do(self, data_set: Dataset, visit: Visit, key: str, *, only: int | None = None) -> None:
        """Do it to an object, or to a part of one, after recoding.

        Parameters
        ----------
        data_set : pydicom.Dataset
        visit : Visit
            Of the object; its outcome takes the counts.
        key : str
            Subject key of the object before.
        only : int, optional
            The one element at the top that is meant; others tell who made it.

        Raises
        ------
        UnrecodableError
            When no conformant object without the removed values exists.
        """
        strip(data_set, self.removed, visit.outcome, sop_class=visit.sop_class, only=only)
        if self.pseudonyms is not None:
            rekey(data_set, self.pseudonyms, visit.release.assessed.get(key), key, visit)

    def __repr__(self) -> str:
        """Return counts only."""
        return f"Acts({len(self.removed)} removed, {self.pseudonyms!r})"


def strip(
    data_set: Dataset,
    removed: Mapping[tuple[str, ...], str],
    outcome: Outcome,
    *,
    sop_class: str = "",
    only: int | None = None,
) -> None:
    """Take elements out of an object, at every depth, and signatures with them.

    With the name of a private creator goes all that is the creator's.

    Parameters
    ----------
    data_set : pydicom.Dataset
    removed : mapping of tuple of str to str
        See `Acts`.
    outcome : Outcome
        Takes the count.
    sop_class : str
        Of the object.
    only : int, optional
        The one element at the top that is meant; others tell who made it.

    Raises
    ------
    UnrecodableError
        When nothing would be left of the object.
    """
    stack: list[tuple[tuple[str, ...], Dataset]] = [((), data_set)]
    while stack:
        above, part = stack.pop()
        tags = list(part.keys())
        creators = {int(t): str(part[t].value or "") for t in tags if names_creator(int(t))}
        for tag in tags:
            number = int(tag)
            if not above and only not in {None, number}:
                continue
            creator, of_gone = None, False
            if tag.is_private:
                place = number if names_creator(number) else creator_place(number)
                creator = creators.get(place)
                of_gone = (*above, spelt(place, creator)) in removed
            own = spelt(number, creator)
            path = (*above, own)
            behind = not above and number > _PIXEL_DATA and ("trailing",) in removed
            if behind or of_gone or number in _SIGNATURES:
                del part[tag]
                outcome.removed[part_name(own)] += 1
            elif path in removed:
                if own in _WHOLE and not above:
                    what = part_name(own)
                    raise UnrecodableError(f"its {what} is removed, and nothing is left without it")
                _take_out(part, tag, removed[path], above, sop_class)
                outcome.removed[part_name(own)] += 1
            elif _is_list(part, tag):
                under = above if above[-1:] == (own,) else path
                stack.extend((under, item) for item in part[tag].value or ())


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
