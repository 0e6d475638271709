"""Where the elements of an object stand in its file, so that untouched ones are copied as bytes.

The walk vouches for what it understands: a preamble, a meta header, a little endian data set that
is not deflated, ascending tags, known representations, lengths inside the file, sequences and
encapsulated pixel data that end where they say. It declines everything else.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from midi_risk.sources.dicom.dictionary import vr_of
from midi_risk.sources.dicom.nested import LONG_VRS, SHORT_VRS, UNDEFINED, sequence_tags
from midi_risk.sources.files.bounded import ReadAt

PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
"""Pixel data, as floats, doubles or integers."""
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_TRANSFER_SYNTAX = 0x00020010
_IMPLICIT = "1.2.840.10008.1.2"
_DECLINED = frozenset({"1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95"})
_FIRST = 132
_WINDOW = 65536
_LARGEST = 64 << 20
_HEAD = struct.Struct("<HHI").unpack_from
_LONG = struct.Struct("<I").unpack_from


class DeclinedError(Exception):
    """The walk cannot vouch for the file."""


class MalformedPixelsError(ValueError):
    """Encapsulated pixel data whose end cannot be told; the message says why."""


class _MoreError(Exception):
    """The bytes at hand end too early."""


class Span(NamedTuple):
    """One element: its tag, representation, and places in the file.

    Parameters
    ----------
    tag : int
    vr : bytes or None
        None in implicit form.
    start, value, end : int
        Of its header, of its value, and of what follows it.
    """

    tag: int
    vr: bytes | None
    start: int
    value: int
    end: int


class Walked(NamedTuple):
    """A file as the walk found it.

    Parameters
    ----------
    data : bytes
        The file from its beginning, up to the pixel data at least.
    meta : dict of int to bytes
        Elements of the meta header.
    syntax : str
        Transfer syntax UID.
    implicit : bool
        Whether elements carry no representation.
    start, end : int
        Where the data set begins, and where it or its part before the pixel data ends.
    spans : list of Span
        Elements in order, without pixel data.
    pixels : Span or None
    pixels_end : int
        Where the value of the pixel data ends, its delimiter left out.
    tail : bytes
        What stands behind the pixel data; spans there count from the beginning of the file.
    """

    data: bytes
    meta: dict[int, bytes]
    syntax: str
    implicit: bool
    start: int
    end: int
    spans: list[Span]
    pixels: Span | None
    pixels_end: int
    tail: bytes

    def bytes_of(self, start: int, end: int) -> bytes:
        """Return a stretch of the file that is not pixel data."""
        if self.pixels is not None and start >= self.pixels.end:
            return self.tail[start - self.pixels.end : end - self.pixels.end]
        return self.data[start:end]


def walk(read_at: ReadAt, size: int, *, window: int = _WINDOW) -> Walked:
    """Find the elements of a file.

    Parameters
    ----------
    read_at : callable
        Positioned reader.
    size : int
        Of the file.
    window : int
        Bytes to read first.

    Raises
    ------
    DeclinedError
        When the walk cannot vouch for the file.
    MalformedPixelsError
        When the end of encapsulated pixel data cannot be told.
    """
    while True:
        data = read_at(0, window)
        try:
            return _walk(data, read_at, size)
        except _MoreError:
            if len(data) >= size or window >= _LARGEST:
                raise DeclinedError from None
            window *= 8


def _walk(data: bytes, read_at: ReadAt, size: int) -> Walked:
    if data[128:132] != b"DICM":
        raise DeclinedError
    meta, at = _meta(data)
    syntax = meta.get(_TRANSFER_SYNTAX, b"").rstrip(b" \0").decode("ascii", "replace")
    implicit = syntax == _IMPLICIT
    if not implicit and (not syntax.startswith(_IMPLICIT + ".") or syntax in _DECLINED):
        raise DeclinedError
    spans: list[Span] = []
    start = at
    at, pixels = elements(data, at, size, spans, implicit=implicit)
    if pixels is None:
        return Walked(data, meta, syntax, implicit, start, at, spans, None, size, b"")
    at_pixels = at
    value_end, end = _pixel_end(pixels, read_at, size)
    pixels = pixels._replace(end=end)
    tail = b""
    if end < size:
        tail = read_at(end, min(size - end, _LARGEST + 1))
        if len(tail) != size - end:
            raise DeclinedError
        found: list[Span] = []
        try:
            _, more = elements(tail, 0, len(tail), found, implicit=implicit, last=pixels.tag)
        except _MoreError:
            raise DeclinedError from None
        if more is not None:
            raise DeclinedError
        spans += [Span(s.tag, s.vr, s.start + end, s.value + end, s.end + end) for s in found]
    return Walked(data, meta, syntax, implicit, start, at_pixels, spans, pixels, value_end, tail)


def _meta(data: bytes) -> tuple[dict[int, bytes], int]:
    """Return the elements of the meta header and where the data set begins."""
    found: dict[int, bytes] = {}
    at = _FIRST
    while True:
        if at + 12 > len(data):
            raise _MoreError
        group, number, length = _HEAD(data, at)
        if group != 2:
            return found, at
        vr, begin = data[at + 4 : at + 6], at + 8
        if vr in SHORT_VRS:
            length >>= 16
        elif vr in LONG_VRS:
            length, begin = _LONG(data, at + 8)[0], at + 12
        else:
            raise DeclinedError
        if length == UNDEFINED or begin + length > len(data):
            raise DeclinedError if length == UNDEFINED else _MoreError
        found[group << 16 | number] = data[begin : begin + length]
        at = begin + length


def elements(  # noqa: PLR0912 - the hot loop
    data: bytes, at: int, size: int, spans: list[Span], *, implicit: bool, last: int = 0x0007FFFF
) -> tuple[int, Span | None]:
    """Add the elements of a data set to a list, up to its pixel data.

    Returns
    -------
    tuple of (int, Span or None)
        Where it ended, and the pixel data without its end.
    """
    held = len(data)
    add = spans.append
    while at < size:
        if at + 12 > held:
            if at + 8 > size or held < size:
                raise _MoreError if held < size else DeclinedError
            if at + 8 > held:
                raise DeclinedError
        group, number, length = _HEAD(data, at)
        tag = group << 16 | number
        if tag <= last or group == 0xFFFE:
            raise DeclinedError
        vr, begin = None, at + 8
        if not implicit:
            vr = data[at + 4 : at + 6]
            if vr in SHORT_VRS:
                length >>= 16
            elif vr in LONG_VRS and at + 12 <= held:
                length, begin = _LONG(data, at + 8)[0], at + 12
            else:
                raise DeclinedError
            if vr == b"UN" and not group & 1:
                raise DeclinedError
        last = tag
        if tag in PIXELS:
            return at, Span(tag, vr, at, begin, begin if length == UNDEFINED else begin + length)
        if length == UNDEFINED:
            if not is_sequence(tag, vr):
                raise DeclinedError
            end = _end_of_items(data, begin, implicit=implicit, more=held < size)
        else:
            end = begin + length
            if end > size:
                raise DeclinedError
        if end > held:
            raise _MoreError
        add(Span(tag, vr, at, begin, end))
        at = end
    return at, None


def is_sequence(tag: int, vr: bytes | None) -> bool:
    """Tell whether an element of undefined length is taken for a sequence."""
    if vr is not None:
        return vr == b"SQ"
    return bool(tag >> 16 & 1) or tag in sequence_tags() or vr_of(tag) == "SQ"


def _end_of_items(  # noqa: PLR0912 - one case per branch
    data: bytes, at: int, *, implicit: bool, more: bool
) -> int:
    """Return the end of a sequence of undefined length, behind its delimiter."""
    inside = False
    stack: list[bool] = []
    while True:
        if at + 8 > len(data):
            raise _MoreError if more else DeclinedError
        group, number, length = _HEAD(data, at)
        tag = group << 16 | number
        if not inside:
            at += 8
            if tag == SEQUENCE_END and not length:
                if not stack:
                    return at
                inside = stack.pop()
            elif tag != ITEM:
                raise DeclinedError
            elif length == UNDEFINED:
                inside = True
            else:
                at += length
            continue
        if tag == ITEM_END and not length:
            at += 8
            inside = False
            continue
        if group == 0xFFFE:
            raise DeclinedError
        vr, begin = None, at + 8
        if not implicit:
            vr = data[at + 4 : at + 6]
            if vr in SHORT_VRS:
                length >>= 16
            elif vr in LONG_VRS and at + 12 <= len(data):
                length, begin = _LONG(data, at + 8)[0], at + 12
            else:
                raise _MoreError if at + 12 > len(data) and more else DeclinedError
        if length != UNDEFINED:
            at = begin + length
        elif is_sequence(tag, vr):
            stack.append(True)
            inside, at = False, begin
        else:
            raise DeclinedError


def _pixel_end(pixels: Span, read_at: ReadAt, size: int) -> tuple[int, int]:
    """Return where the value of pixel data ends, and where what follows begins."""
    if _LONG(read_at(pixels.value - 4, 4))[0] == UNDEFINED and pixels.vr not in SHORT_VRS:
        if pixels.vr is None or pixels.tag != 0x7FE00010:
            raise DeclinedError
        end = end_of_fragments(read_at, pixels.value, size)
        return end, end + 8
    if pixels.end > size:
        raise DeclinedError
    return pixels.end, pixels.end


def end_of_fragments(read_at: ReadAt, at: int, size: int) -> int:
    """Return where the delimiter of encapsulated pixel data stands, walking its fragments.

    Parameters
    ----------
    read_at : callable
        Positioned reader, little endian.
    at : int
        Where the first fragment begins.
    size : int
        Of the file.

    Raises
    ------
    MalformedPixelsError
        When something stands there that is neither a fragment nor the delimiter.
    """
    while True:
        head = read_at(at, 8)
        if len(head) < 8:
            raise MalformedPixelsError("encapsulated pixel data without their end")
        group, number, length = _HEAD(head, 0)
        tag = group << 16 | number
        if tag == SEQUENCE_END and not length:
            return at
        if tag != ITEM or length == UNDEFINED:
            raise MalformedPixelsError("encapsulated pixel data that are no list of fragments")
        at += 8 + length
        if at > size:
            raise MalformedPixelsError("a fragment of pixel data beyond the end of the file")
