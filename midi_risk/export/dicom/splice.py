"""Recoding a file by its bytes: only elements that change are written anew.

Elements at the top of an object are recoded each for itself, by the same functions that recode a
whole object, over a data set that holds nothing else; what came of the same bytes is remembered.
What an object says of its own de-identification follows from all of them together.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from operator import itemgetter
from typing import Any, NamedTuple

from pydicom.dataset import Dataset

from midi_risk.export.dicom.acts import Acts
from midi_risk.export.dicom.recode import (
    CHARACTERISTIC_NAMES,
    Outcome,
    Statement,
    may_touch,
    of_nobody,
    recode_elements,
    removed_always,
    state_method,
    subject_key,
    unknown_side,
    visit_dates,
    visit_of,
)
from midi_risk.export.dicom.rules import DUMMIES, DicomRules
from midi_risk.export.dicom.spans import DeclinedError, Span, Walked
from midi_risk.export.dicom.untouched import encoded, parsed, remember, restore
from midi_risk.export.rules import ReleaseRules
from midi_risk.sources.dicom.contents import creator_place, names_creator, spelt
from midi_risk.sources.dicom.dictionary import tag_of, vr_of
from midi_risk.sources.dicom.nested import LONG_VRS, SHORT_VRS

STATED = (0x00120062, 0x00120063, 0x00120064, 0x00280303)
"""What an object says of its own de-identification."""

_CHARACTER_SET, _SOP_CLASS, _SOP_INSTANCE = 0x00080005, 0x00080016, 0x00080018
_PATIENT_ID, _BODY_PART, _LATERALITY = 0x00100020, 0x00180015, 0x00200060
_NAMES = (0x0020000D, 0x0020000E, _SOP_INSTANCE)
_IDS = frozenset({_CHARACTER_SET, _SOP_CLASS, _PATIENT_ID, _BODY_PART, *_NAMES, *STATED})
_BEHIND = 0x7FE00010
_OF_MANY = frozenset({0x0020000D, 0x0020000E, 0x00200052})
"""UIDs that many objects share."""
_UNDEFINED = b"\xff\xff\xff\xff"
_SOME_DATE, _SOME_AGE = "20200101", "001Y"
_GONE = b"taken away whatever its value is"
_DUMMIES = frozenset(text.encode() for text in DUMMIES.values())
_SHORT = 4096
_MANY = 50_000
_CONTEXTS = 2_000


class _Kind(Enum):
    """What is done with an element."""

    COPY = "copied as it stands"
    READ = "read and copied as it stands"
    LOOK = "looked at"
    DROP = "left out: the length of a group, which is retired"
    ITEMS = "looked at when it is a list of items"
    CREATOR = "looked at by its creator and number alone"


class _Edit(NamedTuple):
    """What became of one element.

    Parameters
    ----------
    content : bytes or None
        The whole element anew, empty when it is gone; None when it is untouched.
    outcome : Outcome or None
        None when nothing is to be counted.
    dated : bool
        Whether it is a date of a visit that tells something.
    held : bool
        Whether it holds a value.
    """

    content: bytes | None
    outcome: Outcome | None
    dated: bool
    held: bool


@dataclass(slots=True)
class _Context:
    """What the recoding of an element depends on beside its bytes."""

    sop_class: str
    character_set: bytes
    implicit: bool
    key: str
    edits: dict[bytes | tuple[bytes, bytes], _Edit] = field(default_factory=dict)


@dataclass(slots=True)
class Spliced:
    """A file as it will be written.

    Parameters
    ----------
    names : tuple of str
        UIDs of study, series and object.
    sop_class : str
    body, tail : bytes
        The data set before and behind the pixel data.
    outcome : Outcome
    """

    names: tuple[str, str, str]
    sop_class: str
    body: bytes
    tail: bytes
    outcome: Outcome


class Splicer:
    """What recodes files by their bytes; one per process.

    Parameters
    ----------
    rules : DicomRules
    release : ReleaseRules
    statement : Statement
    acts : Acts
        What is done beyond the rules.
    selected : callable, optional
        Tells whether an object belongs to the collection, by the attributes that it names in
        ``asked``.
    """

    def __init__(
        self,
        rules: DicomRules,
        release: ReleaseRules,
        statement: Statement,
        acts: Acts,
        selected: Callable[[Dataset], bool] | None,
    ) -> None:
        self._rules, self._release, self._statement = rules, release, statement
        self._acts, self._selected = acts, selected
        self._first = {path[0] for path in acts.removed}
        self._private = any("[" in part for part in self._first)
        self._one_value = any(rule.one_value for rule in release.rules)
        self._emptied = frozenset[str]().union(*release.emptied.values())
        self._characters = _tags(CHARACTERISTIC_NAMES)
        self._asked = _tags(getattr(selected, "asked", ()))
        self._kinds: dict[tuple[int, bytes | None], _Kind] = {}
        self._contexts: dict[tuple[bytes, bytes, bool, str], _Context] = {}
        self._keys: dict[tuple[bytes, bytes, bool], str] = {}
        self._verdicts: dict[tuple[bytes, ...], str] = {}
        self._stated: dict[tuple[object, ...], dict[int, bytes]] = {}
        self._always: dict[tuple[int, bytes | None], bool] = {}
        self._sums: dict[tuple[int, ...], tuple[Outcome, list[Outcome]]] = {}
        self._understood = (
            _CHARACTER_SET not in rules.elements
            and spelt(_CHARACTER_SET) not in self._first
            and (selected is None or hasattr(selected, "asked"))
        )

    def _kind(self, tag: int, vr: bytes | None) -> _Kind:
        """Return what to do with an element."""
        named = (vr or b"").decode("latin-1")
        if not tag & 0xFFFF:
            return _Kind.DROP
        if tag >> 16 & 1 and vr is None:
            return _Kind.ITEMS
        behind = tag > _BEHIND and "trailing" in self._first
        listed = tag in STATED or tag in self._characters or behind
        if listed or may_touch(self._rules, tag, named) or self._acts.may_touch(tag, named):
            return _Kind.LOOK
        if tag >> 16 & 1:
            return self._of_creator(tag)
        if spelt(tag) in self._first:
            return _Kind.LOOK
        return _Kind.READ if tag in _IDS or tag in self._asked else _Kind.COPY

    def _of_creator(self, tag: int) -> _Kind:
        """Return what to do with a private element that holds no items."""
        if self._acts.pseudonyms is not None:
            return _Kind.LOOK
        if not self._private:
            return _Kind.COPY
        return _Kind.LOOK if names_creator(tag) else _Kind.CREATOR

    def splice(self, walked: Walked) -> Spliced | str:
        """Return a file as it will be written, or why it is not released.

        Raises
        ------
        DeclinedError
            When only the careful path can tell.
        """
        if not self._understood:
            raise DeclinedError
        looked, ids = self._looked(walked)
        implicit, charset = walked.implicit, ids.get(_CHARACTER_SET, b"")
        if charset and not implicit and charset[4:6] != b"CS":
            raise DeclinedError
        sop_class = _text(ids.get(_SOP_CLASS, b""), implicit=implicit)
        if not (sop_class and _text(ids.get(_SOP_INSTANCE, b""), implicit=implicit)):
            raise DeclinedError
        key, reason = self._judged(ids, charset, implicit=implicit)
        if reason:
            return reason
        context = self._context(sop_class, charset, key, implicit=implicit)
        counted: list[Outcome] = []
        edits: list[tuple[int, int, bytes]] = []
        now = dict(ids)
        dated = held = False
        for span, kind, raw in looked:
            if kind is _Kind.DROP:
                edits.append((span.start, span.end, b""))
                continue
            edit = self._edit(context, span, kind, raw, ids)
            dated |= edit.dated
            held |= edit.held
            if edit.outcome is not None:
                counted.append(edit.outcome)
            if edit.content is None:
                continue
            if span.tag in _IDS:
                now[span.tag] = edit.content
            if span.tag not in STATED:
                edits.append((span.start, span.end, edit.content))
        self._side(walked, ids, now, edits)
        self._state(walked, ids, now, edits, context, dated=dated, held=held)
        body, tail = _assembled(walked, edits)
        names = [_text(now.get(tag, b""), implicit=implicit) for tag in _NAMES]
        outcome = self._sum(counted)
        return Spliced((names[0], names[1], names[2]), sop_class, body, tail, outcome)

    def _sum(self, counted: list[Outcome]) -> Outcome:
        """Return the sum of some outcomes: the same object for the same ones."""
        known = tuple(map(id, counted))
        held = self._sums.get(known)
        if held is None:
            _bounded(self._sums)
            total = Outcome()
            for outcome in counted:
                total.add(outcome)
            held = self._sums[known] = (total, counted)
        return held[0]

    def _looked(self, walked: Walked) -> tuple[list[tuple[Span, _Kind, bytes]], dict[int, bytes]]:
        """Return the elements that may change, and those that say what the object is."""
        kinds, copy, read = self._kinds, _Kind.COPY, _Kind.READ
        looked: list[tuple[Span, _Kind, bytes]] = []
        ids: dict[int, bytes] = {}
        for span in walked.spans:
            known = (span.tag, span.vr)
            kind = kinds.get(known)
            if kind is None:
                if len(kinds) >= _MANY:
                    kinds.clear()
                kind = kinds[known] = self._kind(*known)
            if kind is copy:
                continue
            if kind is read:
                ids[span.tag] = walked.bytes_of(span.start, span.end)
                continue
            if kind is _Kind.ITEMS:
                listed = walked.bytes_of(span.value - 4, span.value) == _UNDEFINED
                kind = _Kind.LOOK if listed else self._of_creator(span.tag)
                if kind is _Kind.COPY:
                    continue
            raw = walked.bytes_of(span.start, span.end)
            if span.tag in _IDS or span.tag in self._asked or names_creator(span.tag):
                ids[span.tag] = raw
            looked.append((span, kind, raw))
        return looked, ids

    def _judged(self, ids: dict[int, bytes], charset: bytes, *, implicit: bool) -> tuple[str, str]:
        """Return the subject key of an object, and why it is not released."""
        held = ids.get(_PATIENT_ID, b"")
        known = (held, charset, implicit)
        key = self._keys.get(known)
        if key is None:
            _bounded(self._keys)
            key = self._keys[known] = subject_key(parsed(charset + held, implicit=implicit))
        asked = tuple(ids.get(tag, b"") for tag in sorted(self._asked))
        reason = self._verdicts.get((held, charset, *asked))
        if reason is None:
            _bounded(self._verdicts)
            selected = self._selected
            content = b"".join(dict.fromkeys([charset, *asked]))
            reason = of_nobody(
                key,
                self._release,
                None if selected is None else lambda: selected(parsed(content, implicit=implicit)),
            )
            self._verdicts[held, charset, *asked] = reason
        return key, reason

    def _context(self, sop_class: str, charset: bytes, key: str, *, implicit: bool) -> _Context:
        """Return what edits are remembered for."""
        own = self._one_value or self._acts.by_subject
        own = own or self._release.assessed.get(key, "") in self._emptied
        held = (sop_class.encode(), charset, implicit, key if own else "")
        context = self._contexts.get(held)
        if context is None:
            if len(self._contexts) >= _CONTEXTS:
                self._contexts.clear()
            context = self._contexts[held] = _Context(sop_class, charset, implicit, key)
        return context

    def _edit(
        self, context: _Context, span: Span, kind: _Kind, raw: bytes, ids: dict[int, bytes]
    ) -> _Edit:
        """Return what becomes of an element; remembered by its bytes."""
        creator = b""
        if span.tag >> 16 & 1 and self._private and not names_creator(span.tag):
            creator = ids.get(creator_place(span.tag), b"")
        if kind is _Kind.CREATOR:
            raw = _without_value(raw, span)
        known: bytes | tuple[bytes, bytes] = (creator, raw) if creator else raw
        gone = self._gone(span) and _tells(raw, span)
        if gone:
            known = (_GONE, raw[:4])
        edit = context.edits.get(known)
        if edit is None:
            edit = self._made(context, span.tag, raw, creator)
            if gone and edit.content is None:
                return edit
            if len(raw) <= _SHORT and (gone or edit.content is None or self._repeats(span.tag)):
                _bounded(context.edits)
                context.edits[known] = edit
        if kind is _Kind.CREATOR and edit.content:
            raise DeclinedError
        return edit

    def _gone(self, span: Span) -> bool:
        """Tell an element that is taken away whatever its value is."""
        known = (span.tag, span.vr)
        found = self._always.get(known)
        if found is None:
            found = self._always[known] = self._acts.pseudonyms is None and removed_always(
                self._rules, span.tag, (span.vr or b"").decode("latin-1")
            )
        return found

    def _repeats(self, tag: int) -> bool:
        """Tell an element whose bytes may come again; UIDs of objects do not."""
        return self._acts.pseudonyms is None or tag in _OF_MANY or vr_of(tag) not in {"UI", "SQ"}

    def _made(self, context: _Context, tag: int, raw: bytes, creator: bytes) -> _Edit:
        """Recode one element as the only one of its object."""
        before = b"" if tag == _CHARACTER_SET else context.character_set
        data_set = parsed(before + creator + raw, implicit=context.implicit)
        memory = remember(data_set)
        visit = visit_of(context.key, context.sop_class, self._rules, self._release)
        recode_elements(data_set, visit)
        self._acts.do(data_set, visit, context.key, only=tag)
        held = tag in self._characters and any(
            str(data_set.get(name, "") or "").strip() for name in CHARACTERISTIC_NAMES
        )
        dated = any(visit_dates(data_set))
        content = None
        if restore(data_set, memory):
            content = b""
            if tag in data_set:
                content = encoded(data_set.get_item(tag), data_set, implicit=context.implicit)
        counted = visit.outcome if visit.outcome.counts() else None
        return _Edit(content, counted, dated, held)

    def _side(
        self,
        walked: Walked,
        ids: dict[int, bytes],
        now: dict[int, bytes],
        edits: list[tuple[int, int, bytes]],
    ) -> None:
        """Say that the side is unknown where the body part was taken away."""
        if now.get(_BODY_PART) == ids.get(_BODY_PART):
            return
        parts = [
            parsed(held.get(_BODY_PART, b""), implicit=walked.implicit).get("BodyPartExamined")
            for held in (ids, now)
        ]
        if not parts[0] or parts[1]:
            return
        gone = {start for start, _, content in edits if not content}
        there = {span.tag for span in walked.spans if span.start not in gone}
        data_set = Dataset()
        unknown_side(data_set, there)
        if _LATERALITY in data_set:
            content = encoded(data_set[_LATERALITY], data_set, implicit=walked.implicit)
            place = _place(walked, _LATERALITY)
            edits.append((place, place, content))

    def _state(
        self,
        walked: Walked,
        ids: dict[int, bytes],
        now: dict[int, bytes],
        edits: list[tuple[int, int, bytes]],
        context: _Context,
        *,
        dated: bool,
        held: bool,
    ) -> None:
        """Say that the object was recoded; remembered by what it said before."""
        before = tuple(now.get(tag, b"") for tag in STATED)
        known = (before, dated, held, context.character_set, context.implicit)
        stated = self._stated.get(known)
        if stated is None:
            _bounded(self._stated)
            content = context.character_set + b"".join(before)
            data_set = parsed(content, implicit=context.implicit)
            memory = remember(data_set)
            if dated:
                data_set.StudyDate = _SOME_DATE
            if held:
                data_set.PatientAge = _SOME_AGE
            state_method(data_set, self._rules, self._statement)
            restore(data_set, memory)
            stated = self._stated[known] = {
                tag: encoded(data_set.get_item(tag), data_set, implicit=context.implicit)
                if tag in data_set
                else b""
                for tag in STATED
            }
        for tag, content in stated.items():
            if tag not in ids:
                if content:
                    place = _place(walked, tag)
                    edits.append((place, place, content))
            elif content != ids[tag]:
                place = _place(walked, tag)
                edits.append((place, place + len(ids[tag]), content))


def _tells(raw: bytes, span: Span) -> bool:
    """Tell whether an element holds a value that is no dummy."""
    value = raw[span.value - span.start :].strip(b" \0")
    return bool(value) and value not in _DUMMIES


def _bounded(held: dict[Any, Any]) -> None:
    """Forget what is remembered before it is too much."""
    if len(held) >= _MANY:
        held.clear()


def _tags(keywords: Iterable[str]) -> frozenset[int]:
    return frozenset(tag for tag in map(tag_of, keywords) if tag is not None)


def _begin(raw: bytes, *, implicit: bool) -> int:
    """Return where the value begins in the bytes of an element."""
    return 12 if not implicit and raw[4:6] in LONG_VRS else 8


def _text(raw: bytes, *, implicit: bool) -> str:
    """Return the text of an element that holds one UID."""
    text = raw[_begin(raw, implicit=implicit) :].rstrip(b" \0").decode("latin-1")
    if "\\" in text or not text.isascii():
        raise DeclinedError
    return text


def _without_value(raw: bytes, span: Span) -> bytes:
    """Return an element with an empty value."""
    head = raw[: span.value - span.start]
    width = 2 if span.vr in SHORT_VRS else 4
    return head[:-width] + bytes(width)


def _place(walked: Walked, tag: int) -> int:
    """Return where an element of the data set stands, or would."""
    at = bisect_left(walked.spans, (tag,))
    if at < len(walked.spans):
        start = walked.spans[at].start
        if walked.pixels is None or start < walked.pixels.start:
            return start
    return walked.end


def _assembled(walked: Walked, edits: list[tuple[int, int, bytes]]) -> tuple[bytes, bytes]:
    """Return the data set before and behind the pixel data with all edits."""
    edits.sort(key=itemgetter(0, 1))
    pieces: list[bytes] = []
    at, behind = walked.start, []
    for start, end, content in edits:
        if start > walked.end:
            behind.append((start, end, content))
            continue
        pieces += (walked.data[at:start], content)
        at = end
    pieces.append(walked.data[at : walked.end])
    if not behind or walked.pixels is None:
        return b"".join(pieces), walked.tail
    tail: list[bytes] = []
    at = first = walked.pixels.end
    for start, end, content in behind:
        tail += (walked.tail[at - first : start - first], content)
        at = end
    tail.append(walked.tail[at - first :])
    return b"".join(pieces), b"".join(tail)
