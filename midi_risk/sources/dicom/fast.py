"""The fast reader: walks the elements before the pixel data and keeps raw bytes.

It reads 16 kB, skips what is not wanted by its length, follows sequences with a stack
and stops at the pixel data. It vouches for little endian data sets with a meta header
whose representations are those of the dictionary and whose tags ascend; everything else
(big endian, deflated, no meta header, unknown or contradicting representations,
duplicates, lengths past the end) it declines, and `careful` takes the file.
"""

from __future__ import annotations

import struct
from operator import getitem

from midi_risk.sources.dicom.contents import (
    PREAMBLE,
    TRAILING,
    code_of,
    contents_text,
    creator_of,
    creator_place,
    line,
    names_creator,
    top_lines,
)
from midi_risk.sources.dicom.header import Noticed, ValueCollector, notice_of, wanted_attributes
from midi_risk.sources.dicom.layout import LONGEST, LONGEST_VALUE, Element, Layouts, Run
from midi_risk.sources.dicom.misfits import (
    INSTANCE,
    INSTANCE_IN_META,
    MOST,
    Checks,
    other_instance,
)
from midi_risk.sources.dicom.nested import (
    LONG_VRS,
    SHORT_VRS,
    UNDEFINED,
    MoreNeededError,
    NestedResult,
    NestedValues,
    NotVouchedError,
    SequenceContent,
    sequence_content,
    sequence_tags,
    walk_sequence,
)
from midi_risk.sources.dicom.payloads import PixelElement, check_pixels
from midi_risk.sources.dicom.private import any_unsafe_private
from midi_risk.sources.dicom.text import RawHeader, element_text, encodings_of
from midi_risk.sources.files.bounded import HEAD, ReadAt

SHORT_HEAD = 8192
"""Bytes read first where most headers end before."""

_LONGEST_VALUE = 8 << 20
_NO_PREAMBLE = bytes(128)
_MOST_PRIVATE = 20_000
_LAST_TAG = 0xFFFFFFFF
_CHARACTER_SET = 0x00080005
_LENGTH = struct.Struct("<I").unpack_from


class WalkState:
    """Where the walk stands and what it gathered."""

    __slots__ = (
        "base", "creators", "data", "last", "noticed", "preamble", "private", "raws", "read_at",
        "rel", "sequences", "shape", "size",
    )  # fmt: skip

    def __init__(self, data: bytes, read_at: ReadAt, size: int) -> None:
        self.data = data
        self.base = 0
        self.rel = 132
        self.read_at = read_at
        self.size = size
        self.last = -1
        self.raws: dict[int, bytes] = {}
        self.private: list[tuple[int, ...]] = []
        self.creators: list[int] = []
        self.sequences: list[tuple[int, SequenceContent | None]] = []
        self.noticed = 0
        self.shape: list[Run | int] = []
        self.preamble = not data.startswith(_NO_PREAMBLE)

    def refill(self) -> None:
        """Read the next stretch from the present place on."""
        self.base += self.rel
        self.rel = 0
        self.data = self.read_at(self.base, HEAD)
        if len(self.data) < 8 or len(self.private) > _MOST_PRIVATE:
            raise NotVouchedError

    def bytes_at(self, start: int, length: int) -> bytes:
        """Return a value field, from the buffer where it holds it."""
        if start + length <= len(self.data):
            return self.data[start : start + length]
        if length > _LONGEST_VALUE:
            raise NotVouchedError
        data = self.read_at(self.base + start, length)
        if len(data) < length:
            raise NotVouchedError
        return data

    def read(self, offset: int, count: int) -> bytes:
        """Positioned reader that prefers the buffer."""
        start = offset - self.base
        if start >= 0 and start + count <= len(self.data):
            return self.data[start : start + count]
        return self.read_at(offset, count)

    def creator(self, tag: int) -> str | None:
        """Return the creator of a private element, None where there is none."""
        place = tag if names_creator(tag) else creator_place(tag)
        if not tag >> 16 & 1 or place not in self.creators:
            return None
        return element_text("LO", self.raws[place], self.encodings()[0])

    def encodings(self) -> tuple[tuple[str, ...], bool]:
        """Return the character sets of the data set and whether all are known."""
        raw = self.raws.get(_CHARACTER_SET)
        return (("iso8859",), True) if raw is None else encodings_of(raw)


def is_whole(state: WalkState) -> bool:
    """Whether the file ends exactly behind pixel data of a given length."""
    data, rel = state.data, state.rel
    long = data[rel + 4 : rel + 6] in LONG_VRS
    place = rel + (8 if long else 4)
    if place + 4 > len(data):
        return False
    return bool(state.base + place + 4 + _LENGTH(data, place)[0] == state.size)


def follow(  # noqa: PLR0912 - the hot loop
    state: WalkState, layouts: Layouts, walked: list[Element]
) -> list[Element]:
    """Step over everything met before; stop at the first header that is new.

    Returns the elements that were walked singly since the last run.
    """
    data, rel, last, raws, shape = state.data, state.rel, state.last, state.raws, state.shape
    runs_at, single_at = layouts.runs.get, layouts.singles.get
    size = len(data)
    limit = size - 12
    while rel <= limit:
        runs = runs_at(data[rel : rel + 4])
        if runs is not None:
            found = None
            for run in runs:
                found = run.match(data, rel)
                if found is not None:
                    break
            if found is None or run.first <= last:
                break
            values = found.groups()
            if run.cuts:
                raws.update(zip(run.tags, map(getitem, values, run.cuts), strict=True))
            else:
                raws.update(zip(run.tags, values, strict=True))
            if run.special:
                run.tell(state)
            shape.append(run)
            rel = found.end()
            last = run.last
            if walked:
                layouts.learn(walked)
                walked = []
            continue
        known = single_at(data[rel : rel + 8])
        if known is None:
            break
        tag, length, kept, private, element = known
        end = rel + 8 + length
        if tag <= last or end > size:
            break
        if kept:
            raws[kept] = data[rel + 8 : end]
        if private:
            state.private.append(private)
        rel = end
        last = tag
        shape.append(element.code)
        walked.append(element)
        if len(walked) >= LONGEST:
            layouts.learn(walked)
            walked = []
    state.rel, state.last = rel, last
    return walked


_WINDOWS = (1 << 16, 1 << 20, 16 << 20)
_VERDICTS = 4096
_SHORT = 4096
# Files of one kind lie together: what the last few needed, the next one needs.
_WEIGHT = 0.5
_MANY_FAR = 0.5
_PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
_PIXEL_TAG = b"\xe0\x7f\x10\x00"
_TRANSFER_SYNTAX = 0x00020010
_HEADER = struct.Struct("<HHI").unpack_from

_IMPLICIT_SYNTAX = "1.2.840.10008.1.2"
_DECLINED_SYNTAXES = frozenset(
    {"1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95"}
)


class PrefixParser:
    """Parser that remembers the layouts it met; one per worker process."""

    def __init__(self) -> None:
        self._layouts = {
            mode: Layouts(implicit=mode == "implicit") for mode in ("meta", "explicit", "implicit")
        }
        self._vrs = {tag: item.vr.encode() for tag, item in wanted_attributes().items()}
        self._sequences = sequence_tags()
        self.head = SHORT_HEAD
        """Bytes that are worth reading first, as the last files were."""
        self._far = 0.0
        self._alone: dict[int, tuple[int, ...]] = {}
        self._verdicts: dict[tuple[object, ...], tuple[bool, object]] = {}
        self._merged: dict[object, tuple[NestedResult, int, frozenset[str]]] = {}
        self._contents: dict[object, str] = {}
        self._checks = Checks()

    def parse(self, head: bytes, read_at: ReadAt, size: int) -> RawHeader | None:
        """Read the elements before the pixel data.

        Parameters
        ----------
        head : bytes
            The first bytes of a file that begins with a preamble and its prefix.
        read_at : callable
            Positioned reader for the rest.
        size : int
            Size of the file.

        Returns
        -------
        RawHeader or None
            None when the parser cannot vouch for the file.
        """
        state = WalkState(head, read_at, size)
        try:
            self._walk(state, "meta")
            mode = self._mode(state)
            at_pixels = self._walk(state, mode)
            self._far += ((state.base + state.rel > SHORT_HEAD) - self._far) * _WEIGHT
            self.head = SHORT_HEAD if self._far < _MANY_FAR else HEAD
            return self._finish(state, explicit=mode == "explicit", at_pixels=at_pixels)
        except (NotVouchedError, MoreNeededError):
            return None

    def _mode(self, state: WalkState) -> str:
        """Return how the data set is encoded, after a look at its first element."""
        raw = state.raws.get(_TRANSFER_SYNTAX)
        syntax = element_text("UI", raw) or ""
        head = state.read(state.base + state.rel, 8)
        if len(head) < 8 or int.from_bytes(head[:2], "little") < 8:
            raise NotVouchedError
        if syntax == _IMPLICIT_SYNTAX:
            if 0x40 < head[4] < 0x5B and 0x40 < head[5] < 0x5B:
                raise NotVouchedError
            return "implicit"
        if not syntax.startswith(_IMPLICIT_SYNTAX + ".") or syntax in _DECLINED_SYNTAXES:
            raise NotVouchedError
        return "explicit"

    def _walk(self, state: WalkState, mode: str) -> bool:  # noqa: PLR0912 - one case per branch
        """Walk to the end of the meta header, the pixel data or the file."""
        layouts, meta = self._layouts[mode], mode == "meta"
        layouts.grow()
        walked: list[Element] = []
        tried = -1
        while True:
            walked = follow(state, layouts, walked)
            rel, data = state.rel, state.data
            if rel + 12 > len(data) and state.base + len(data) < state.size:
                state.refill()
                continue
            if rel + 8 > len(data):
                if rel != len(data):
                    raise NotVouchedError
                break
            if (meta and data[rel] != 2) or data[rel : rel + 4] == _PIXEL_TAG:
                break
            runs = layouts.runs.get(data[rel : rel + 4], ())
            if runs:
                more = state.base + len(data) < state.size
                if rel and more and rel + max(run.most for run in runs) > len(data):
                    state.refill()
                    continue
                if rel != tried and state.last < runs[0].first and layouts.widen(data, rel):
                    tried = rel
                    continue
            element = self._single(state, mode)
            if element is None:
                break
            if element.length <= LONGEST_VALUE:
                walked.append(element)
                if len(walked) >= LONGEST:
                    layouts.learn(walked)
                    walked = []
                if len(element.head) == 8 and element.plain:
                    layouts.know(element, self._alone)
            else:
                layouts.learn(walked)
                walked = []
        if walked:
            layouts.learn(walked)
        return state.rel + 8 <= len(state.data)

    def _single(self, state: WalkState, mode: str) -> Element | None:  # noqa: C901, PLR0912, PLR0915 - hot
        """Take one element; None at the end of the meta header or at the pixel data."""
        data, rel = state.data, state.rel
        group, number, length = _HEADER(data, rel)
        tag = group << 16 | number
        if tag in _PIXELS or (mode == "meta" and group != 2):
            return None
        if tag <= state.last or group == 0xFFFE:
            raise NotVouchedError
        vr, start = None, rel + 8
        if mode != "implicit":
            vr = data[rel + 4 : rel + 6]
            if vr in SHORT_VRS:
                length >>= 16
            elif vr in LONG_VRS and rel + 12 <= len(data):
                length, start = _LENGTH(data, rel + 8)[0], rel + 12
            else:
                raise NotVouchedError
        wanted = self._vrs.get(tag)
        private = group & 1
        if (vr is not None and wanted is not None and vr != wanted) or (
            vr == b"UN" and (not private or length == UNDEFINED)
        ):
            raise NotVouchedError
        sequence = vr == b"SQ" or (vr is None and tag in self._sequences)
        state.last = tag
        noticed = notice_of(tag)
        state.noticed |= noticed
        if private:
            state.private.append(self._alone.setdefault(tag, (tag,)))
        if length == UNDEFINED:
            if not sequence and not (private and vr is None):
                raise NotVouchedError
            content = self._undefined(state, tag, start, explicit=mode == "explicit")
            state.rel = start + content.size
            state.sequences.append((tag, content))
            code = code_of(tag, b"SQ")
            state.shape.append(code)
            return Element(b"", tag, UNDEFINED, kept=0, sequence=False, plain=False, code=code)
        if state.base + start + length > state.size:
            raise NotVouchedError
        creator = private and 0x10 <= number <= 0xFF
        code = code_of(tag, vr)
        kept = tag if wanted or creator or tag == _CHARACTER_SET or sequence else 0
        if kept:
            self._keep(state, tag, start, length, sequence=sequence)
        elif self._checks.looks_at(code):
            kept = code
            state.raws[code] = state.bytes_at(start, min(length, MOST))
        if creator:
            if vr not in {None, b"LO"}:
                raise NotVouchedError
            state.creators.append(tag)
        head = data[rel:start]
        state.rel = start + length
        if state.rel > len(data) and state.base + state.rel < state.size:
            state.refill()
        elif state.rel > len(data):
            state.base, state.rel, state.data = state.size, 0, b""
        plain = not (sequence or creator) and (private or not noticed)
        state.shape.append(code)
        return Element(head, tag, length, kept=kept, sequence=sequence, plain=plain, code=code)

    def _keep(self, state: WalkState, tag: int, start: int, length: int, *, sequence: bool) -> None:
        state.raws[tag] = state.bytes_at(start, length)
        if sequence:
            state.sequences.append((tag, None))

    def _undefined(
        self, state: WalkState, tag: int, start: int, *, explicit: bool
    ) -> SequenceContent:
        """Walk a sequence of undefined length, over more bytes as needed."""
        encodings, _ = state.encodings()
        data = state.data[start:]
        for window in (0, *_WINDOWS):
            if window:
                data = state.read_at(state.base + start, window)
            try:
                return walk_sequence(
                    tag, data, encodings, explicit=explicit, defined=False,
                    creator=state.creator(tag),
                )  # fmt: skip
            except MoreNeededError:
                if window and len(data) < window:
                    break
        raise NotVouchedError

    def _finish(self, state: WalkState, *, explicit: bool, at_pixels: bool) -> RawHeader:
        encodings, known = state.encodings()
        if not known:
            raise NotVouchedError
        found = RawHeader(raws=state.raws, encodings=encodings, noticed=state.noticed)
        if at_pixels:
            found.pixels_at = state.base + state.rel
            state.shape.append(self._pixel_code(state, explicit=explicit))
        if at_pixels and not is_whole(state):
            pixels = PixelElement(
                read_at=state.read, size=state.size, at=state.base + state.rel, little=True
            )
            check_pixels(pixels, found)
        odd = self._odd(state.raws)
        inside = self._nested(state, found, explicit=explicit) if state.sequences else frozenset()
        found.contents = self._told(state, encodings, inside, found.noticed, odd)
        if state.private:
            found.noticed |= Noticed.ANY_PRIVATE
            if self._unsafe(state, encodings):
                found.noticed |= Noticed.UNSAFE_PRIVATE
        return found

    def _odd(self, raws: dict[int, bytes]) -> tuple[tuple[int, str], ...]:
        """Take what is only looked at out of the values; return tags and what does not fit."""
        kept = [(key, raws.pop(key)) for key in [key for key in raws if key > _LAST_TAG]]
        other = other_instance(raws.get(INSTANCE_IN_META), raws.get(INSTANCE))
        return (*self._checks.of(kept), *other)

    def _pixel_code(self, state: WalkState, *, explicit: bool) -> int:
        """Return the code of the element of pixel data, where the walk ended."""
        data, rel = state.data, state.rel
        group, number, _ = _HEADER(data, rel)
        vr = data[rel + 4 : rel + 6] if explicit else None
        if vr is not None and vr not in LONG_VRS and vr not in SHORT_VRS:
            raise NotVouchedError
        return code_of(group << 16 | number, vr)

    def _told(
        self,
        state: WalkState,
        encodings: tuple[str, ...],
        inside: frozenset[str],
        noticed: int,
        odd: tuple[tuple[int, str], ...],
    ) -> str:
        """Return the contents of a file; remembered by its layout."""
        raws = tuple([state.raws[tag] for tag in state.creators])
        trailing = bool(noticed & Noticed.TRAILING_DATA)
        key = (tuple(state.shape), raws, raws and encodings, inside, state.preamble, trailing, odd)
        held = self._contents.get(key)
        if held is None:
            codes = [
                code
                for part in state.shape
                for code in (part.codes if isinstance(part, Run) else (part,))
            ]
            creators = {
                tag: element_text("LO", raw, encodings) or ""
                for tag, raw in zip(state.creators, raws, strict=True)
            }
            lines = [*top_lines(codes, creators), *inside]
            lines += [line("", tag, mark, creator_of(tag, creators)) for tag, mark in odd]
            lines += [PREAMBLE] if state.preamble else []
            lines += [TRAILING] if trailing else []
            held = contents_text(lines)
            if len(self._contents) >= _VERDICTS:
                self._contents.clear()
            self._contents[key] = held
        return held

    def _unsafe(self, state: WalkState, encodings: tuple[str, ...]) -> bool:
        """Whether a private element is missing from the safe list; remembered by layout."""
        raws = tuple([state.raws[tag] for tag in state.creators])
        key = (tuple(map(id, state.private)), raws, encodings)
        held = self._verdicts.get(key)
        if held is None:
            tags = tuple(tag for part in state.private for tag in part)
            creators = {
                tag: element_text("LO", raw, encodings) or ""
                for tag, raw in zip(state.creators, raws, strict=True)
            }
            if len(self._verdicts) >= _VERDICTS:
                self._verdicts.clear()
            held = any_unsafe_private(tags, creators), tuple(state.private)
            self._verdicts[key] = held
        return held[0]

    def _nested(self, state: WalkState, found: RawHeader, *, explicit: bool) -> frozenset[str]:
        """Merge what the sequences hold; remembered by the bytes of short ones.

        Returns the lines of the elements inside.
        """
        raws = tuple([state.raws.pop(tag, None) for tag, _ in state.sequences])
        tags = tuple([tag for tag, _ in state.sequences])
        creators = tuple([state.creator(tag) for tag in tags if tag >> 16 & 1])
        key = None
        if sum([_SHORT + 1 if raw is None else len(raw) for raw in raws]) <= _SHORT:
            key = (raws, tags, creators, found.encodings, explicit)
        held = self._merged.get(key)
        if held is None:
            contents = [
                walked
                or sequence_content(
                    tag, raw or b"", found.encodings, explicit=explicit, creator=state.creator(tag)
                )
                for (tag, walked), raw in zip(state.sequences, raws, strict=True)
            ]
            nested = NestedValues(ValueCollector())
            for content in contents:
                for path, inside, text in content.events:
                    nested.element(path, inside, text)
            noticed = 0
            for content in contents:
                noticed |= content.noticed
            lines = frozenset[str]().union(*(content.lines for content in contents))
            held = nested.result(), noticed, lines
            if key is not None:
                if len(self._merged) >= _VERDICTS:
                    self._merged.clear()
                self._merged[key] = held
        found.more = {**held[0].more, **held[0].uids_beside(found.get)}
        found.noticed |= held[1]
        held[0].note(found, found.get)
        return held[2]
