"""Where a walk over elements stands, and the loop over elements met before."""

from __future__ import annotations

import struct
from operator import getitem

from midi_risk.sources.bounded import ReadAt
from midi_risk.sources.element_text import encodings_of
from midi_risk.sources.items import LONG_VRS, NotVouchedError, SequenceContent
from midi_risk.sources.layout import LONGEST, Element, Layouts

HEAD = 16384
"""Bytes read at once."""
SHORT_HEAD = 8192
"""Bytes read first where most headers end before."""

_LONGEST_VALUE = 8 << 20
_MOST_PRIVATE = 20_000
_CHARACTER_SET = 0x00080005
_LENGTH = struct.Struct("<I").unpack_from


class WalkState:
    """Where the walk stands and what it gathered."""

    __slots__ = (
        "base", "contents", "creators", "data", "last", "noticed", "private", "raws", "read_at",
        "rel", "sequences", "size",
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


def follow(  # noqa: C901, PLR0912 - the hot loop
    state: WalkState, layouts: Layouts, walked: list[Element]
) -> list[Element]:
    """Step over everything met before; stop at the first header that is new.

    Returns the elements that were walked singly since the last run.
    """
    data, rel, last, raws = state.data, state.rel, state.last, state.raws
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
            raws[tag] = data[rel + 8 : end]
        if private:
            state.private.append(private)
        rel = end
        last = tag
        walked.append(element)
        if len(walked) >= LONGEST:
            layouts.learn(walked)
            walked = []
    state.rel, state.last = rel, last
    return walked
