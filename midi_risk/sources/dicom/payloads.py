"""Embedded payloads: whether bytes outside the attributes carry metadata of their own.

Only their presence is noticed, never their content: EXIF, XMP, IPTC, JUMBF and comments
in JPEG frames, boxes and comments in JPEG 2000 frames, data behind the end of a frame's
stream, a preamble in use, and author, title or patient blocks of encapsulated documents. On the
way it is seen whether the pixel data are whole, and what follows them.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice

from midi_risk.sources.dicom.header import Header, Noticed
from midi_risk.sources.dicom.nested import LONG_VRS
from midi_risk.sources.dicom.text import RawHeader
from midi_risk.sources.files.bounded import ReadAt

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


_FRAGMENT = 1 << 16
_FRAMES = 1_000_000
_HEAD = 1 << 12
_DOCUMENT = 4 << 20
_DOCUMENT_CLASSES = "1.2.840.10008.5.1.4.1.1.104."
_JPEG_PREFIX = "1.2.840.10008.1.2.4."
_PLAIN_SEGMENTS = {0xE0: (b"JFIF", b"JFXX"), 0xEE: (b"Adobe",)}
_STANDALONE = frozenset(range(0xD0, 0xD9)) | {0x01}
_META_BOXES = frozenset({b"uuid", b"xml ", b"jumb", b"uinf", b"asoc", b"lbl ", b"nlst"})
_HOLDERS = frozenset({b"jp2h", b"res ", b"jpch", b"jplh"})
_DOCUMENT_MARKS = (
    b"/Author", b"/Title", b"/Subject", b"/Creator", b"/CreationDate", b"<x:xmpmeta",
    b"<recordTarget", b"<patientRole", b"<author",
)  # fmt: skip


def jpeg_metadata(data: bytes) -> bool:
    r"""Whether a JPEG stream has application segments or comments besides JFIF and Adobe.

    Examples
    --------
    >>> jpeg_metadata(b"\xff\xd8\xff\xe0\x00\x07JFIF\x00\xff\xda\x00\x02")
    False
    >>> jpeg_metadata(b"\xff\xd8\xff\xe1\x00\x08Exif\x00\x00\xff\xda\x00\x02")
    True
    """
    return bool(_in_jpeg(data))


def _in_jpeg(data: bytes) -> bool | None:
    """Return whether a stream's segments carry metadata, None when the data end before."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF or marker in _STANDALONE:
            at += 1 if marker == 0xFF else 2
            continue
        if marker == 0xDA:
            return False
        if marker == 0xFE:
            return True
        if 0xE0 <= marker <= 0xEF:
            plain = _PLAIN_SEGMENTS.get(marker, ())
            if not any(data.startswith(name, at + 4) for name in plain):
                return True
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None if at + 4 > len(data) else False


def codestream_comment(data: bytes) -> bool:
    r"""Whether the main header of a JPEG 2000 codestream has a comment.

    Examples
    --------
    >>> codestream_comment(b"\xff\x4f\xff\x64\x00\x05\x00\x01x\xff\x90")
    True
    """
    return bool(_in_codestream(data))


def _in_codestream(data: bytes) -> bool | None:
    """Return whether a main header has a comment, None when the data end before."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0x64:
            return True
        if marker in {0x90, 0x93, 0xD9}:
            return False
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None if at + 4 > len(data) else False


def jp2_metadata(data: bytes) -> bool:
    """Whether a JP2 file has boxes of metadata, or its codestream a comment."""
    waiting = [(0, len(data))]
    while waiting:
        at, end = waiting.pop()
        while at + 8 <= end:
            length, kind = struct.unpack(">I4s", data[at : at + 8])
            inside = at + 8
            if length == 1:
                length = int.from_bytes(data[inside : inside + 8], "big")
                inside += 8
            stop = min(at + length, end) if length else end
            if stop <= inside - 1 or kind in _META_BOXES:
                return kind in _META_BOXES
            if kind in _HOLDERS:
                waiting.append((inside, stop))
            if kind == b"jp2c" and codestream_comment(data[inside:stop]):
                return True
            at = stop
    return False


def _streamed(data: bytes) -> int:
    """Return what a stream means when it carries metadata; 0 when it is none."""
    if data.startswith(b"\xff\xd8"):
        return Noticed.JPEG_METADATA
    if data.startswith(b"\xff\x4f\xff\x51") or data[4:8] == b"jP  ":
        return Noticed.JPEG2000_METADATA
    return 0


def _frame(kind: int, head: bytes, more: Callable[[], bytes]) -> int:
    """Return what the beginning of a frame's stream carries; read more where it is long."""
    if kind == Noticed.JPEG2000_METADATA and head[4:8] == b"jP  ":
        return kind if jp2_metadata(more()) else 0
    walk = _in_jpeg if kind == Noticed.JPEG_METADATA else _in_codestream
    found = walk(head)
    return kind if (walk(more()) if found is None else found) else 0


def data_after_stream(tail: bytes) -> bool:
    r"""Whether the last bytes of a frame hold anything behind the end of its stream.

    Neither entropy-coded JPEG nor JPEG 2000 can hold the marker FFD9 (ISO/IEC 10918-1
    B.1.1.5, ISO/IEC 15444-1 A.1); padding is 00 or FF.

    Examples
    --------
    >>> data_after_stream(b"..\xff\xd9\x00"), data_after_stream(b"..\xff\xd9Jane\x00")
    (False, True)
    """
    _, mark, rest = tail.rpartition(b"\xff\xd9")
    return bool(mark) and bool(rest.strip(b"\x00\xff"))


def _frames(header: Header | RawHeader, read_at: ReadAt, size: int) -> int:
    if header.pixels_at is None or not header.get("TransferSyntaxUID").startswith(_JPEG_PREFIX):
        return 0
    pixels = PixelElement(read_at=read_at, size=size, at=header.pixels_at, little=True)
    where = pixels.value()
    if where is None or where[1] != 0xFFFFFFFF:
        return 0
    found, last, noticed = 0, (0, 0), 0
    for start, length in islice(fragments(pixels, where[0]), _FRAMES):
        if length < 0:
            break
        head = read_at(start, min(length, _HEAD))
        kind = _streamed(head)
        if not kind:
            last = (start, length)
            continue
        noticed |= _after(read_at, found, last)
        found, last = kind, (start, length)
        if not noticed & kind:
            noticed |= _frame(kind, head, partial(read_at, start, min(length, _FRAGMENT)))
    return noticed | _after(read_at, found, last)


def _after(read_at: ReadAt, kind: int, last: tuple[int, int]) -> int:
    """Return the kind of a frame's stream when data stand behind its end."""
    start, length = last
    take = min(length, _HEAD)
    return kind if kind and data_after_stream(read_at(start + length - take, take)) else 0


def notice_payloads(header: Header | RawHeader, read_at: ReadAt, size: int, start: int) -> None:
    """Look into the embedded payloads of one file and note what is there.

    Parameters
    ----------
    header : Header or RawHeader
        What was read of the file.
    read_at : callable
        Positioned reader.
    size : int
        Size of the file.
    start : int
        Where its elements begin, as `sniff` said.
    """
    noticed = _frames(header, read_at, size)
    if start >= 128 and any(read_at(0, 128)):
        noticed |= Noticed.PREAMBLE_USED
    if header.get("SOPClassUID").startswith(_DOCUMENT_CLASSES):
        content = read_at(0, min(size, _DOCUMENT))
        if any(mark in content for mark in _DOCUMENT_MARKS):
            noticed |= Noticed.DOCUMENT_METADATA
    header.noticed |= noticed
