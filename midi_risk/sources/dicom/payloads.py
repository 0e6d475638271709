"""Embedded payloads: whether bytes outside the attributes carry metadata of their own.

Only their presence is noticed, never their content: EXIF, XMP, IPTC, JUMBF and comments
in JPEG frames, boxes and comments in JPEG 2000 frames, data behind the end of a frame's
stream, a preamble in use, and author, title or patient blocks of encapsulated documents. On the
way it is seen whether the pixel data are whole, and what follows them.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from midi_risk.sources.dicom.elements import (
    BIG_ENDIAN,
    DEFLATED,
    Leaf,
    OddError,
    OpenObject,
    leaves,
    open_object,
)
from midi_risk.sources.dicom.harmless import is_plain_profile
from midi_risk.sources.dicom.header import BINARY_VRS, TEXT_VRS, Header, Noticed
from midi_risk.sources.dicom.nested import LONG_VRS
from midi_risk.sources.dicom.streams import (
    AUDIO,
    CONTENT,
    UNKNOWN,
    VIDEO,
    Window,
    rle_is_tight,
    walk_of,
)
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


_FRAMES = 1_000_000
_PIXELS = 0x7FE00010
_FLOAT_PIXELS = {0x7FE00008: 32, 0x7FE00009: 64}
_OFFSETS = {0x7FE00001, 0x7FE00002}
_PROFILE = 0x00282000
_PADDING = 0xFFFCFFFC
_DOCUMENT_TAG = 0x00420011
_META_PRIVATE = 0x00020102
_PLAIN_META = frozenset({0x00020001})
_DOCUMENT = 4 << 20
_DOCUMENT_CLASSES = "1.2.840.10008.5.1.4.1.1.104."
_NATIVE = frozenset({"", "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", BIG_ENDIAN, DEFLATED})
_IN_ITEMS = "1.2.840.10008.1.2.1.98"
_RLE = "1.2.840.10008.1.2.5"
_DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"
_WIDEST = 64
_DOCUMENT_MARKS = (
    b"/Author", b"/Title", b"/Subject", b"/Creator", b"/CreationDate", b"<x:xmpmeta",
    b"<recordTarget", b"<patientRole", b"<author",
)  # fmt: skip

_FILE_AT_START = re.compile(
    rb"\xff\xd8\xff|\xff\x4f\xff\x51|%PDF-|%!PS|\x89PNG\r\n|GIF8[79]a|II\*\0|MM\0\*|BM.{4}\0\0\0\0"
    rb"|PK\x03\x04|\x1f\x8b\x08|BZh[1-9]1AY|7z\xbc\xaf|\xd0\xcf\x11\xe0\xa1\xb1|\{\\rtf"
    rb"|RIFF....(?:WAVE|AVI |WEBP)"
    rb"|ID3[\x02-\x04]|OggS\0|fLaC|FORM....AIF|\.snd|#!AMR|....ftyp|\0\0\0\x0cj(?:P  |XL )"
    rb"|\s{0,64}<\?xml"
    rb"|\s{0,64}<(?:html|svg|!DOCTYPE|Clinical)|MSH\||BEGIN:V|solid "
    rb"|\x00\x00\x01[\xb3\xba]|.{128}DICM|Rar!",
    re.DOTALL,
)
_FILE_WITHIN = re.compile(
    rb"%PDF-1|\x89PNG\r\n\x1a\n|GIF89a|JFIF\0|Exif\0\0|<\?xml |<x:xmpmeta"
    rb"|<ClinicalDocument|ICC_PROFILE\0"
    rb"|RIFF....WAVEfmt |jP  \r\n\x87\n|MSH\|\^~|BEGIN:VCARD|PK\x03\x04\x14\0"
    rb"|\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    re.DOTALL,
)
_REACH = 64
_BLOCK = 1 << 20
_BINARY = BINARY_VRS | {"OB", "OW", "OF", "OD", "OL", "OV", "UN"}
_SOUND = frozenset({"MB", "AB"})
_TELEPHONE = 8000.0


class _Facts:
    """What the elements that describe pixels and waveforms say, as numbers."""

    WANTED: ClassVar[Mapping[int, str]] = {
        0x00280002: "samples", 0x00280004: "photometric", 0x00280008: "frames",
        0x00280010: "rows", 0x00280011: "columns", 0x00280100: "allocated",
        0x00280101: "stored", 0x00280102: "high", 0x00280103: "signed",
        0x00280120: "padding",
    }  # fmt: skip

    def __init__(self) -> None:
        self.held: dict[str, int] = {}
        self.photometric = ""
        self.sound: dict[int, str] = {}

    def take(self, leaf: Leaf, data: bytes, order: str) -> None:
        """Keep a top-level element that describes the pixels."""
        name = self.WANTED[leaf.tag]
        if name == "photometric":
            self.photometric = data.decode("latin-1").strip(" \0")
        elif name == "frames":
            text = data.decode("latin-1").strip(" \0").partition("\\")[0]
            self.held[name] = int(text) if text.isdecimal() and len(text) < 10 else -1
        elif len(data) >= 2:
            self.held[name] = int(struct.unpack(order + "H", data[:2])[0])

    def frame_bits(self, allocated: int) -> int | None:
        """Return the bits of one frame, None when they cannot be told."""
        rows, columns = self.held.get("rows", 0), self.held.get("columns", 0)
        samples = self.held.get("samples", 1)
        if not rows or not columns or not samples or not allocated or allocated > _WIDEST:
            return None
        if self.photometric == "YBR_FULL_422" and samples == 3:
            return rows * (columns + columns % 2) * 2 * allocated
        return rows * columns * samples * allocated

    @property
    def frames(self) -> int:
        """Number of frames; -1 when it cannot be told."""
        return self.held.get("frames", 1) or 1


def _native(
    window: Window, start: int, length: int, facts: _Facts, *, bits: int, order: str
) -> int:
    """Return what native pixel data hold besides their frames and stored bits."""
    frame = facts.frame_bits(bits)
    if frame is None or facts.frames < 0:
        return Noticed.NOT_UNDERSTOOD if length else 0
    needed = (frame * facts.frames + 7) // 8
    found = 0
    if length > needed + needed % 2 and not window.quiet(start + needed, start + length):
        found |= Noticed.PIXEL_EXCESS
    stored, high = facts.held.get("stored", bits), facts.held.get("high", bits - 1)
    if bits in {8, 16, 32} and 0 < stored < bits and high < bits and not found:
        kind = np.dtype(f"{order}u{bits // 8}")
        end = start + min(length, needed) // kind.itemsize * kind.itemsize
        if _above_stored(window, start, end, facts, kind=kind, stored=stored, high=high):
            found |= Noticed.PIXEL_EXCESS
    return found


def _above_stored(
    window: Window,
    start: int,
    end: int,
    facts: _Facts,
    *,
    kind: np.dtype[np.unsignedinteger[Any]],
    stored: int,
    high: int,
) -> bool:
    """Whether bits outside those stored hold more than a sign or the value of padding."""
    low = max(high + 1 - stored, 0)
    inside = ((1 << stored) - 1) << low
    outside = ((1 << 8 * kind.itemsize) - 1) ^ inside
    upper = outside >> (high + 1) << (high + 1)
    padding = facts.held.get("padding")
    at = start
    while at < end:
        data = window.read(at, min(_BLOCK, end - at))
        data = data[: len(data) // kind.itemsize * kind.itemsize]
        if not data:
            return False
        values = np.frombuffer(data, dtype=kind)
        odd = (values & kind.type(outside)) != 0
        if odd.any() and facts.held.get("signed"):
            negative = (values >> kind.type(high)) & kind.type(1) == 1
            odd &= ~(negative & (values & kind.type(outside) == kind.type(upper)))
        if padding is not None:
            odd &= values != kind.type(padding)
        if odd.any():
            return True
        at += len(data)
    return False


def _kind_of(syntax: str, found: int) -> int:
    """Return the bits of what a walk of a stream answered."""
    bits = Noticed.NOT_UNDERSTOOD if found & UNKNOWN else 0
    if found & AUDIO:
        bits |= Noticed.AUDIO
    if not found & CONTENT:
        return bits
    number = int(syntax.split(".")[7]) if syntax.startswith(_JPEG_PREFIX) else 0
    if 50 <= number <= 81:
        return bits | Noticed.JPEG_METADATA
    if 90 <= number <= 93 or number >= 201:
        return bits | Noticed.JPEG2000_METADATA
    return bits | Noticed.STREAM_METADATA


_JPEG_PREFIX = "1.2.840.10008.1.2.4."
_STARTS = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  ", b"\xff\x0a", b"\0\0\0\x0cJXL ")


def _offsets(window: Window, table: tuple[int, int], order: str) -> tuple[int, ...] | None:
    """Return the entries of a Basic Offset Table, None for what is none."""
    at, length = table
    if length % 4 or length > 4 * _FRAMES:
        return None
    return struct.unpack(f"{order}{length // 4}I", window.read(at, length))


def _grouped(
    window: Window, leaf: Leaf, syntax: str, frames: int, order: str
) -> tuple[list[list[tuple[int, int]]], int]:
    """Return the fragments of each frame, and what does not fit the number of frames."""
    pieces = [piece for piece in leaf.fragments[1:] if piece[1]]
    if not leaf.fragments or not pieces:
        return [], 0
    table = _offsets(window, leaf.fragments[0], order)
    first = leaf.fragments[0][0] + leaf.fragments[0][1]
    places = {at - 8 - first for at, _ in leaf.fragments[1:]}
    odd = 0
    if table is None or list(table) != sorted(set(table)):
        odd |= Noticed.PIXEL_EXCESS
    if table and (table[0] or not set(table) <= places):
        odd |= Noticed.PIXEL_EXCESS
    if table and len(table) != frames:
        odd |= Noticed.PIXEL_EXCESS
    if syntax.removesuffix(".1") in VIDEO or frames == 1:
        # a further stream behind the first is found by the walk, as bytes behind its end
        starts = [p for p in pieces if window.read(p[0], 12).startswith(_STARTS)]
        if syntax.removesuffix(".1") in VIDEO or len(starts) <= 1:
            return [pieces], odd
    if len(pieces) == frames:
        return [[piece] for piece in pieces], odd
    cuts = {first + 8 + offset for offset in table or ()}
    groups: list[list[tuple[int, int]]] = []
    for piece in pieces:
        begins = (
            piece[0] in cuts if cuts and not odd else window.read(piece[0], 12).startswith(_STARTS)
        )
        if begins or not groups:
            groups.append([])
        groups[-1].append(piece)
    if len(groups) > frames:
        odd |= Noticed.PIXEL_EXCESS
    elif len(groups) < frames:
        odd |= Noticed.NOT_UNDERSTOOD
    return groups, odd


def _inflates(window: Window, bits: int | None) -> int:
    """Return what a deflated frame carries behind its pixels or its end."""
    unpacker = zlib.decompressobj(-15)
    total, want = 0, ((bits or 0) + 7) // 8
    try:
        for at, data in window.blocks(0, window.size):
            left = data
            while left and not unpacker.eof:
                total += len(unpacker.decompress(left, _BLOCK))
                left = unpacker.unconsumed_tail
                if total > want + 1:
                    return CONTENT
            if unpacker.eof:
                rest = unpacker.unused_data.strip(b"\0")
                tail = at + len(data)
                return CONTENT if rest or not window.quiet(tail, window.size) else 0
    except zlib.error:
        pass
    return UNKNOWN


def _frames(window: Window, leaf: Leaf, syntax: str, facts: _Facts, order: str) -> int:
    """Return what the frames of encapsulated pixel data carry."""
    walk = walk_of(syntax)
    frames = facts.frames
    if frames < 0 or len(leaf.fragments) > _FRAMES:
        return Noticed.NOT_UNDERSTOOD
    groups, noticed = _grouped(window, leaf, syntax, frames, order)
    bits = facts.frame_bits(facts.held.get("allocated", 0))
    for pieces in groups:
        frame = Window(window.read, pieces)
        if walk is not None:
            noticed |= _kind_of(syntax, walk(frame))
        elif syntax == _RLE and bits is not None and frame.size < _DOCUMENT << 6:
            segments = facts.held.get("samples", 1) * (facts.held["allocated"] // 8)
            pixels = facts.held["rows"] * facts.held["columns"]
            data = frame.read(0, frame.size)
            noticed |= _kind_of(syntax, rle_is_tight(data, segments, pixels))
        elif syntax == _DEFLATED_FRAMES and bits is not None:
            noticed |= _kind_of(syntax, _inflates(frame, bits))
        elif syntax == _IN_ITEMS and bits is not None:
            behind = (bits + 7) // 8
            noticed |= 0 if frame.quiet(behind, frame.size) else Noticed.PIXEL_EXCESS
        else:
            return noticed | Noticed.NOT_UNDERSTOOD
    return noticed


def _binary(window: Window, leaf: Leaf) -> int:
    """Return what a binary value holds that is a file of its own, or text."""
    at, end = leaf.at, leaf.at + leaf.length
    if _FILE_AT_START.match(window.read(at, min(leaf.length, 256))):
        return Noticed.FILE_IN_BINARY
    before = b""
    for _, data in window.blocks(at, end):
        if _FILE_WITHIN.search(before + data):
            return Noticed.FILE_IN_BINARY
        before = data[-_REACH:]
    if not leaf.tag >> 16 & 1 and window.talks(at, end):
        return Noticed.FILE_IN_BINARY
    return 0


class _Payloads:
    """Looks into one object element by element."""

    def __init__(self, opened: OpenObject) -> None:
        self.window = opened.window
        self.order = opened.encoding.order
        self.syntax = opened.syntax
        self.facts = _Facts()
        self.noticed = 0
        self.past = False
        self.plain_profiles = 0
        self.profiles = 0

    def value(self, leaf: Leaf, most: int = 1 << 16) -> bytes:
        """Return the bytes of a value, of a long one the first."""
        return self.window.read(leaf.at, min(leaf.length, most))

    def look(self, leaf: Leaf) -> None:
        """Take one element."""
        tag = leaf.tag
        if self.past and not leaf.path and tag != _PADDING:
            self.noticed |= Noticed.TRAILING_DATA
        if not leaf.path and tag in _Facts.WANTED:
            self.facts.take(leaf, self.value(leaf), self.order)
        elif tag == _PIXELS or tag in _FLOAT_PIXELS:
            self._pixels(leaf)
        elif tag == _PADDING:
            quiet = self.window.quiet(leaf.at, leaf.at + leaf.length)
            self.noticed |= 0 if quiet else Noticed.TRAILING_DATA
        elif tag == _PROFILE:
            self.profiles += bool(leaf.length)
            self.plain_profiles += is_plain_profile(self.value(leaf, 8 << 20))
        elif leaf.length < 0:
            self.noticed |= Noticed.NOT_UNDERSTOOD
        elif tag in {0x003A001A, 0x54001006}:
            self._sound(leaf)
        elif tag in _OFFSETS:
            self._offset_table(leaf)
        elif leaf.vr in _BINARY and tag != _DOCUMENT_TAG and leaf.length >= 8:
            self.noticed |= _binary(self.window, leaf)
        elif leaf.vr in TEXT_VRS and leaf.length:
            self._text(leaf)

    def _pixels(self, leaf: Leaf) -> None:
        """Look at pixel data, those of the object or of an icon."""
        if leaf.path:
            # an icon is a finding by itself; only a file in its place is one more
            self.noticed |= _binary(self.window, leaf) if leaf.length > 8 else 0
            return
        self.past = True
        facts = self.facts
        if leaf.length < 0:
            self.noticed |= _frames(self.window, leaf, self.syntax, facts, self.order)
        elif self.syntax in _NATIVE or (not leaf.length):
            bits = _FLOAT_PIXELS.get(leaf.tag, facts.held.get("allocated", 0))
            self.noticed |= _native(
                self.window, leaf.at, leaf.length, facts, bits=bits, order=self.order
            )
        else:
            self.noticed |= Noticed.NOT_UNDERSTOOD

    def _offset_table(self, leaf: Leaf) -> None:
        if leaf.length != 8 * max(self.facts.frames, 1):
            self.noticed |= Noticed.PIXEL_EXCESS if leaf.length else 0

    def _sound(self, leaf: Leaf) -> None:
        """Tell waveforms that are speech: companded, or sampled as a telephone does."""
        text = self.value(leaf, 64).decode("latin-1").strip(" \0")
        if leaf.tag == 0x54001006:
            fast = self.facts.sound.get(0) == "fast"
            if text in _SOUND or (fast and text in {"UB", "SB"}):
                self.noticed |= Noticed.AUDIO
            return
        try:
            fast = float(text) >= _TELEPHONE
        except ValueError:
            fast = True
        self.facts.sound[0] = "fast" if fast else ""

    def _text(self, leaf: Leaf) -> None:
        """Notice text behind the zero byte at which readers stop."""
        held = 0
        for _, data in self.window.blocks(leaf.at, leaf.at + leaf.length):
            if held and data.strip(b"\0 "):
                self.noticed |= Noticed.HIDDEN
            cut = data.rstrip(b"\0 ").find(b"\0")
            if cut >= 0:
                self.noticed |= Noticed.HIDDEN
                return
            held = data.endswith(b"\0")


def _walked(header: Header | RawHeader, read_at: ReadAt, size: int, start: int) -> int:
    """Return what a walk over the whole object notices, and settle what it can clear."""
    try:
        opened = open_object(read_at, size, start, header.get("TransferSyntaxUID"))
    except OddError:
        return Noticed.NOT_UNDERSTOOD
    looking = _Payloads(opened)
    for leaf in opened.meta:
        if leaf.tag == _META_PRIVATE and not opened.window.quiet(leaf.at, leaf.at + leaf.length):
            looking.noticed |= Noticed.FILE_IN_BINARY
    whole = True
    try:
        for leaf in leaves(opened):
            looking.look(leaf)
    except OddError as error:
        whole = error.top and opened.window.quiet(error.at, opened.window.size)
        if not whole:
            cut = any("truncated" in phrase for phrase in header.flags)
            cut = cut and not opened.no_element(error.at)
            looking.noticed |= Noticed.NOT_UNDERSTOOD if cut or not error.top else 0
            looking.noticed |= Noticed.TRAILING_DATA if error.top and not cut else 0
    if opened.behind:
        looking.noticed |= Noticed.TRAILING_DATA
    if whole:
        header.noticed &= ~Noticed.TRAILING_DATA
        if looking.profiles == looking.plain_profiles:
            header.noticed &= ~Noticed.ICC_PROFILE
    return looking.noticed


def notice_payloads(header: Header | RawHeader, read_at: ReadAt, size: int, start: int) -> None:
    """Look into the embedded payloads of one file and note what is there.

    The whole object is walked, every element at every depth to the last byte of the file, and
    every compressed stream to its end. What is not understood is noted as such: it was not
    looked at. What the reader of the header noticed and the walk knows to be harmless (a colour
    profile of a common kind, zero bytes of padding) is taken back.

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
    noticed = _walked(header, read_at, size, start)
    if start >= 128 and any(read_at(0, 128)):
        noticed |= Noticed.PREAMBLE_USED
    if header.get("SOPClassUID").startswith(_DOCUMENT_CLASSES):
        content = read_at(0, min(size, _DOCUMENT))
        if any(mark in content for mark in _DOCUMENT_MARKS):
            noticed |= Noticed.DOCUMENT_METADATA
    header.noticed |= noticed
