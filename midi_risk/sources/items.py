"""Wanted elements inside one sequence, found by walking its bytes with a stack.

Little endian only, explicit or implicit. Whatever is odd (an unknown or contradicting
representation, a length that does not fit, tags out of order) raises `NotVouchedError`,
and the file goes to pydicom.
"""

from __future__ import annotations

import struct
from functools import cache, lru_cache

from pydicom._dicom_dict import DicomDictionary

from midi_risk.sources.element_text import element_text, encodings_of
from midi_risk.sources.nested import CONTOUR_DATA, nested_tags
from midi_risk.sources.wanted import wanted_attributes

UNDEFINED = 0xFFFFFFFF
DEPTH_LIMIT = 64

LONG_VRS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
SHORT_VRS = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())

_IMPLICIT = struct.Struct("<HHI").unpack_from
_LENGTH = struct.Struct("<I").unpack_from
_ITEM = 0xFFFEE000
_ITEM_END = 0xFFFEE00D
_SEQUENCE_END = 0xFFFEE0DD
_CHARACTER_SET = 0x00080005

Event = tuple[tuple[int, ...], int, str]
"""Chain of sequence tags and item numbers, tag, text."""


class NotVouchedError(Exception):
    """The fast reader cannot vouch for these bytes."""


class MoreNeededError(Exception):
    """The walk ran past the bytes at hand."""


@cache
def sequence_tags() -> frozenset[int]:
    """Return every tag that the dictionary or the catalogue calls a sequence."""
    wanted = (tag for tag, item in wanted_attributes().items() if item.vr == "SQ")
    known = (tag for tag, entry in DicomDictionary.items() if entry[0] == "SQ")
    return frozenset(known) | frozenset(wanted)


class _Frame:
    """A list of items, or the elements of one item, being walked."""

    __slots__ = ("emit", "encodings", "end", "explicit", "items", "last", "number", "path")

    def __init__(
        self,
        path: tuple[int, ...],
        end: int,
        encodings: tuple[str, ...],
        *,
        items: bool,
        emit: bool,
    ) -> None:
        self.path = path
        self.end = end
        self.encodings = encodings
        self.items = items
        self.emit = emit
        self.last = -1
        self.number = 0


class _Walk:
    __slots__ = ("data", "events", "explicit", "noticed_contours", "stack", "tags")

    def __init__(self, data: bytes, *, explicit: bool) -> None:
        self.data = data
        self.explicit = explicit
        self.events: list[Event] = []
        self.noticed_contours = False
        self.stack: list[_Frame] = []
        self.tags = nested_tags()

    def _item(self, frame: _Frame, at: int) -> int:
        """Step over the header of an item or of the sequence's end."""
        if at + 8 > len(self.data):
            raise MoreNeededError
        group, element, length = _IMPLICIT(self.data, at)
        tag = group << 16 | element
        if tag == _SEQUENCE_END and frame.end < 0 and not length:
            self.stack.pop()
            return at + 8
        if tag != _ITEM:
            raise NotVouchedError
        end = -1 if length == UNDEFINED else at + 8 + length
        if 0 <= frame.end < end:
            raise NotVouchedError
        path = (*frame.path, frame.number)
        frame.number += 1
        self.stack.append(_Frame(path, end, frame.encodings, items=False, emit=frame.emit))
        return at + 8

    def _head(self, at: int) -> tuple[int, str | None, int, int]:
        """Return tag, representation, length and offset of the value."""
        data = self.data
        if at + 8 > len(data):
            raise MoreNeededError
        group, element, length = _IMPLICIT(data, at)
        tag = group << 16 | element
        if group == 0xFFFE or not self.explicit:
            return tag, None, length, at + 8
        vr = data[at + 4 : at + 6]
        if vr in SHORT_VRS:
            return tag, vr.decode("ascii"), length >> 16, at + 8
        if vr not in LONG_VRS:
            raise NotVouchedError
        if at + 12 > len(data):
            raise MoreNeededError
        return tag, vr.decode("ascii"), _LENGTH(data, at + 8)[0], at + 12

    def _sequence(self, frame: _Frame, tag: int, length: int, start: int) -> int:
        if len(self.stack) >= 2 * DEPTH_LIMIT:
            raise NotVouchedError
        end = -1 if length == UNDEFINED else start + length
        if 0 <= frame.end < end:
            raise NotVouchedError
        emit = frame.emit and not tag >> 16 & 1
        self.stack.append(_Frame((*frame.path, tag), end, frame.encodings, items=True, emit=emit))
        return start

    def _element(self, frame: _Frame, at: int) -> int:
        tag, vr, length, start = self._head(at)
        if tag == _ITEM_END and frame.end < 0 and not length:
            self.stack.pop()
            return at + 8
        if tag <= frame.last or tag >> 16 == 0xFFFE:
            raise NotVouchedError
        frame.last = tag
        private = bool(tag >> 16 & 1)
        if vr == "SQ" or (vr is None and tag in sequence_tags()):
            return self._sequence(frame, tag, length, start)
        if vr == "UN" and (not private or length == UNDEFINED):
            raise NotVouchedError
        if length == UNDEFINED:
            if vr is None and private:
                return self._sequence(frame, tag, length, start)
            raise NotVouchedError
        end = start + length
        if 0 <= frame.end < end:
            raise NotVouchedError
        if end > len(self.data):
            raise MoreNeededError
        if tag in self.tags or tag in {_CHARACTER_SET, CONTOUR_DATA}:
            self._value(frame, tag, vr, self.data[start:end])
        return end

    def _value(self, frame: _Frame, tag: int, vr: str | None, raw: bytes) -> None:
        if tag == CONTOUR_DATA:
            self.noticed_contours |= frame.emit
            return
        if tag == _CHARACTER_SET:
            frame.encodings, known = encodings_of(raw)
            if not known:
                raise NotVouchedError
            return
        if vr is not None and vr != self.tags[tag]:
            raise NotVouchedError
        text = element_text(self.tags[tag], raw, frame.encodings) if frame.emit else None
        if text:
            self.events.append((frame.path, tag, text))

    def run(self, tag: int, encodings: tuple[str, ...], end: int) -> int:
        """Walk one sequence whose value begins at 0; return where it ends."""
        self.stack = [_Frame((tag,), end, encodings, items=True, emit=not tag >> 16 & 1)]
        at = 0
        while self.stack:
            frame = self.stack[-1]
            if at == frame.end:
                self.stack.pop()
            elif 0 <= frame.end < at:
                raise NotVouchedError
            elif frame.items:
                at = self._item(frame, at)
            else:
                at = self._element(frame, at)
        return at


class SequenceContent:
    """What one sequence holds that is wanted."""

    __slots__ = ("contours", "events", "size")

    def __init__(self, walk: _Walk, size: int) -> None:
        self.events = tuple(walk.events)
        self.contours = walk.noticed_contours
        self.size = size


def walk_sequence(
    tag: int, data: bytes, encodings: tuple[str, ...], *, explicit: bool, defined: bool
) -> SequenceContent:
    """Return the wanted elements inside one sequence.

    Parameters
    ----------
    tag : int
        The sequence.
    data : bytes
        Bytes from the beginning of its value field on; all of it when ``defined``.
    encodings : tuple of str
        Character sets in force.
    explicit : bool
        Whether elements carry their representation.
    defined : bool
        Whether the sequence's length was given, so that ``data`` ends with it.

    Returns
    -------
    SequenceContent

    Raises
    ------
    NotVouchedError
        When the bytes are odd.
    MoreNeededError
        When the sequence continues behind ``data``.
    """
    walk = _Walk(data, explicit=explicit)
    size = walk.run(tag, encodings, len(data) if defined else -1)
    return SequenceContent(walk, size)


@lru_cache(maxsize=4096)
def _remembered(
    tag: int, data: bytes, encodings: tuple[str, ...], explicit: bool
) -> SequenceContent:
    return walk_sequence(tag, data, encodings, explicit=explicit, defined=True)


def sequence_content(
    tag: int, data: bytes, encodings: tuple[str, ...], *, explicit: bool
) -> SequenceContent:
    """Return what a whole sequence holds; short ones are remembered by their bytes."""
    if len(data) <= 4096:
        return _remembered(tag, data, encodings, explicit)
    return walk_sequence(tag, data, encodings, explicit=explicit, defined=True)
