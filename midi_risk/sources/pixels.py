"""The end of a header: whether the pixel data are whole, and what follows them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from midi_risk.sources.bounded import ReadAt
from midi_risk.sources.header import Header, Noticed
from midi_risk.sources.items import LONG_VRS
from midi_risk.sources.raw_header import RawHeader

_UNDEFINED = 0xFFFFFFFF
_ITEM = 0xFFFEE000
_END = 0xFFFEE0DD
_DELIMITER = b"\xfe\xff\xdd\xe0\0\0\0\0"
_FRAGMENTS = 1_000_000
TRUNCATED = "truncated in its pixel data"
TOO_MANY = "pixel data of too many fragments, not followed to their end"


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelElement:
    """Where an element of pixel data begins in a file."""

    read_at: ReadAt
    size: int
    at: int
    little: bool

    def value(self) -> tuple[int, int] | None:
        """Return offset and length of the value field, None when its header is cut."""
        head = self.read_at(self.at, 12)
        order = "<" if self.little else ">"
        long = head[4:6] in LONG_VRS
        if len(head) < (12 if long else 8):
            return None
        if long:
            return self.at + 12, int(struct.unpack(order + "I", head[8:12])[0])
        return self.at + 8, int(struct.unpack(order + "I", head[4:8])[0])


def fragments(pixels: PixelElement, start: int) -> Iterator[tuple[int, int]]:
    """Yield (offset, length) of every fragment, and (offset, -1) where they end well."""
    at = start
    order = "<HHI" if pixels.little else ">HHI"
    while True:
        head = pixels.read_at(at, 8)
        if len(head) < 8:
            return
        group, element, length = struct.unpack(order, head)
        tag = group << 16 | element
        if tag == _END:
            yield at + 8, -1
            return
        if tag != _ITEM or at + 8 + length > pixels.size:
            return
        yield at + 8, length
        at += 8 + length


def pixel_end(pixels: PixelElement) -> int | None:
    """Return the offset behind the pixel data, None when the file ends before.

    An offset behind the end of the file means that there are too many fragments to follow.
    """
    where = pixels.value()
    if where is None:
        return None
    start, length = where
    if length != _UNDEFINED:
        return start + length if start + length <= pixels.size else None
    if pixels.little and pixels.read_at(pixels.size - 8, 8) == _DELIMITER:
        return pixels.size
    for count, (at, size) in enumerate(fragments(pixels, start)):
        if size < 0:
            return at
        if count >= _FRAGMENTS:
            return pixels.size + 1
    return None


def check_pixels(pixels: PixelElement, header: Header | RawHeader) -> None:
    """Flag a file whose pixel data are cut, and notice data behind them."""
    end = pixel_end(pixels)
    if end is None:
        header.flag(TRUNCATED)
    elif end > pixels.size:
        header.flag(TOO_MANY)
    elif end < pixels.size:
        header.noticed |= Noticed.TRAILING_DATA
