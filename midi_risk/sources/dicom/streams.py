"""Full walks of compressed streams: what they carry besides the picture.

Each walk goes from the first byte to the last and accounts for all of them: segments to their
defined length, entropy-coded data to the next marker, everything behind the end. It answers with
bits: `CONTENT` when something stands there that is no part of the picture and not known to be
harmless, `AUDIO` when that is sound, `UNKNOWN` when the bytes are not understood. Nothing is
decoded. Time is linear in the bytes, with a limit on markers; memory is one block.
"""

from __future__ import annotations

import re
import struct
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence

from midi_risk.sources.dicom.harmless import holds_text, is_encoder, is_plain_profile
from midi_risk.sources.files.bounded import ReadAt

CONTENT = 1
UNKNOWN = 2
AUDIO = 4

_BLOCK = 1 << 20
_MARKERS = 200_000
_PIECE = 1 << 16
_NEAR = 64
_SHORT_SEGMENT = 12
_OVERLAP = 3
_PROFILE = 8 << 20


class Window:
    """Bytes of a frame that may lie in several fragments, read in blocks.

    Parameters
    ----------
    read_at : callable
        Positioned reader of the file.
    extents : sequence of (int, int)
        Offset and length of each fragment.
    """

    __slots__ = ("_at", "_block", "_ends", "_extents", "_read_at", "size")

    def __init__(self, read_at: ReadAt, extents: Sequence[tuple[int, int]]) -> None:
        self._read_at = read_at
        self._extents = extents
        self._ends: list[int] = []
        total = 0
        for _, length in extents:
            total += length
            self._ends.append(total)
        self.size = total
        self._at, self._block = 0, b""

    def _fetch(self, at: int, count: int) -> bytes:
        parts: list[bytes] = []
        number = bisect_right(self._ends, at)
        while count > 0 and number < len(self._extents):
            start, length = self._extents[number]
            skip = at - (self._ends[number] - length)
            take = min(count, length - skip)
            parts.append(self._read_at(start + skip, take))
            at, count, number = at + take, count - take, number + 1
        return b"".join(parts)

    def _hold(self, at: int) -> None:
        """Fetch the block that begins at a place, unless what is held goes far enough."""
        skip = at - self._at
        if skip >= 0 and skip + _NEAR < len(self._block):
            return
        if 0 <= skip < len(self._block) and self._at + len(self._block) >= self.size:
            return
        self._at, self._block = at, self._fetch(at, min(_BLOCK, self.size - at))

    def read(self, at: int, count: int) -> bytes:
        """Return bytes at a place of the frame, fewer at its end."""
        count = min(count, self.size - at)
        if count <= 0 or at < 0:
            return b""
        if count > _BLOCK:
            return self._fetch(at, count)
        skip = at - self._at
        if skip < 0 or skip + count > len(self._block):
            self._at, self._block = at, self._fetch(at, min(_BLOCK, self.size - at))
            skip = 0
        return self._block[skip : skip + count]

    def blocks(self, at: int, end: int) -> Iterator[tuple[int, bytes]]:
        """Yield stretches that together cover a range, each with its place."""
        end = min(end, self.size)
        while 0 <= at < end:
            self._hold(at)
            skip = at - self._at
            data = self._block[skip : skip + end - at]
            if not data:
                return
            yield at, data
            at += len(data)

    def find(self, pattern: re.Pattern[bytes], at: int, end: int) -> int:
        """Return the first place from ``at`` on where a pattern of up to 4 bytes is, else -1."""
        end = min(end, self.size)
        while 0 <= at < end:
            self._hold(at)
            skip = at - self._at
            found = pattern.search(self._block, skip, skip + end - at)
            if found is not None:
                return self._at + found.start()
            held = len(self._block) - skip
            if held <= _OVERLAP or at + held >= end:
                return -1
            at += held - _OVERLAP
        return -1

    def quiet(self, at: int, end: int, padding: bytes = b"\0") -> bool:
        """Whether a range holds nothing but padding."""
        return not any(data.strip(padding) for _, data in self.blocks(at, end))

    def talks(self, at: int, end: int) -> bool:
        """Whether a range of packed numbers holds a run of text."""
        before = b""
        for _, data in self.blocks(at, end):
            if holds_text(before + data):
                return True
            before = data[-256:]
        return False


def window_over(data: bytes) -> Window:
    """Return a window over bytes in memory.

    Examples
    --------
    >>> window_over(b"abc").read(1, 9)
    b'bc'
    """
    return Window(lambda at, count: data[at : at + count], [(0, len(data))])


# ---------------------------------------------------------------- JPEG and JPEG-LS

_NEXT = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL)
_NEXT_LS = re.compile(rb"\xff[\x80-\xfe]", re.DOTALL)
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
_ALONE = frozenset(range(0xD0, 0xD8)) | {0x01}
_MAPPED = {0xDD: 4, 0xDC: 4, 0xDF: 3}


def _tables(data: bytes) -> bool:
    """Whether quantization tables fill their segment exactly."""
    at = 0
    while at < len(data):
        if data[at] & 15 > 3 or data[at] >> 4 > 1:
            return False
        at += 129 if data[at] >> 4 else 65
    return at == len(data)


def _codes(data: bytes) -> bool:
    """Whether Huffman tables fill their segment exactly, no symbol twice."""
    at = 0
    while at < len(data):
        if at + 17 > len(data) or data[at] & 15 > 3 or data[at] >> 4 > 1:
            return False
        symbols = data[at + 17 : at + 17 + sum(data[at + 1 : at + 17])]
        if len(set(symbols)) < len(symbols):
            return False
        at += 17 + sum(data[at + 1 : at + 17])
    return at == len(data)


def _exact(marker: int, data: bytes) -> bool:  # noqa: PLR0911 - one line a segment
    """Whether a segment of the picture itself is as long as the standard says."""
    if marker == 0xDB:
        return _tables(data)
    if marker == 0xC4:
        return _codes(data)
    if marker in _FRAMES or marker == 0xDE:
        return len(data) >= 6 and len(data) == 6 + 3 * data[5]
    if marker == 0xDA:
        return bool(data) and len(data) == 4 + 2 * data[0]
    if marker == 0xCC:
        return len(data) % 2 == 0
    if marker == 0xDD:
        return len(data) in {2, 3, 4}
    if marker == 0xF8:
        return len(data) == 11 and data[0] == 1
    return len(data) == _MAPPED.get(marker, 0) - 2


def _application(marker: int, data: bytes) -> bool:
    """Whether an application segment tells only how the picture is to be shown."""
    if marker == 0xE0 and data[:5] == b"JFIF\0":
        return len(data) >= 14 and not data[12] * data[13] and not data[14:].strip(b"\0")
    if marker == 0xEE and data[:5] == b"Adobe":
        return not data[min(len(data), 12) :].strip(b"\0") and (
            len(data) >= 12 or not data[5:].strip(b"\0")
        )
    if marker == 0xE0 and data[:5] == b"LJIF\0":
        return len(data) <= 16 and not data[5:].strip(b"\0\1")
    if marker == 0xE8 and data[:6] == b"SPIFF\0":
        return len(data) == 30
    return marker == 0xE8 and (
        (data[:4] == b"mrfx" and len(data) == 5) or data == b"\0\0\0\1\xff\xd8"
    )


class _Profile:
    """An ICC profile that comes in several segments."""

    def __init__(self) -> None:
        self.parts: dict[int, bytes] = {}
        self.total = 0
        self.odd = False

    def add(self, data: bytes) -> None:
        number, self.total = data[12], data[13]
        self.odd = self.odd or number in self.parts or not 1 <= number <= self.total
        self.parts[number] = data[14:]

    def content(self) -> int:
        if not self.parts and not self.odd:
            return 0
        whole = b"".join(self.parts[number] for number in sorted(self.parts))
        return 0 if len(self.parts) == self.total and is_plain_profile(whole) else CONTENT


def walk_jpeg(window: Window) -> int:
    r"""Walk a JPEG or JPEG-LS stream to its first end of image and what follows.

    Parameters
    ----------
    window : Window
        One frame.

    Returns
    -------
    int
        Bits of `CONTENT` and `UNKNOWN`.

    References
    ----------
    ISO/IEC 10918-1 B.1, B.2; ISO/IEC 10918-5 (JFIF); ISO/IEC 14495-1 annex C.

    Examples
    --------
    >>> walk_jpeg(window_over(b"\xff\xd8\xff\xd9Jane")) & CONTENT
    1
    """
    at, found, ls = 2, 0, False
    profile = _Profile()
    for _ in range(_MARKERS):
        head = window.read(at, 4)
        if len(head) < 2:
            return found | profile.content() | UNKNOWN
        if head[0] != 0xFF:
            return found | profile.content() | UNKNOWN | CONTENT
        marker = head[1]
        if marker == 0xFF or marker in _ALONE:
            at += 1 if marker == 0xFF else 2
            continue
        if marker == 0xD9:
            behind = window.quiet(at + 2, window.size, b"\0\xff")
            return found | profile.content() | (0 if behind else CONTENT)
        length = int.from_bytes(head[2:4], "big")
        if marker == 0xD8 or len(head) < 4 or length < 2:
            return found | profile.content() | UNKNOWN | (CONTENT if marker == 0xD8 else 0)
        data = window.read(at + 4, length - 2)
        found |= _in_segment(marker, data, profile, cut=len(data) < length - 2)
        ls = ls or marker == 0xF7
        at += 2 + length
        if marker == 0xDA:
            stop = window.find(_NEXT_LS if ls else _NEXT, at, window.size)
            if stop < 0:
                return found | profile.content() | UNKNOWN
            if not found & CONTENT and window.talks(at, stop):
                found |= CONTENT
            at = stop
    return found | UNKNOWN


def _in_segment(marker: int, data: bytes, profile: _Profile, *, cut: bool) -> int:  # noqa: PLR0911 - one answer a kind
    """Return what one segment of a JPEG stream holds."""
    if cut and not data:
        return UNKNOWN
    if marker == 0xFE:
        return 0 if is_encoder(data) else CONTENT
    if 0xE0 <= marker <= 0xEF:
        if marker == 0xE2 and data[:12] == b"ICC_PROFILE\0" and len(data) > 14:
            profile.add(data)
            return 0
        named = marker == 0xE0 and data[:5] == b"JFIF\0" and len(data) < 14
        return UNKNOWN if named else 0 if _application(marker, data) else CONTENT
    if cut:
        return UNKNOWN
    if _exact(marker, data):
        return 0
    known = marker in {0xDB, 0xC4, 0xDA, 0xCC, 0xF8, *_FRAMES, *_MAPPED}
    longer = len(data) > _SHORT_SEGMENT or not known
    return UNKNOWN | (CONTENT if longer else 0)


# ---------------------------------------------------------------- JPEG 2000 and HTJ2K

_IN_HEADERS = {
    0x50: "cap", 0x56: "numbers", 0x59: "numbers", 0x52: "cod", 0x53: "coc", 0x5E: "rgn",
    0x5C: "quant", 0x5D: "quant", 0x5F: "numbers", 0x55: "numbers", 0x57: "numbers",
    0x60: "numbers", 0x61: "numbers", 0x58: "numbers", 0x63: "numbers", 0x51: "siz",
}  # fmt: skip


def _segment_fits(kind: str, data: bytes) -> bool:  # noqa: PLR0911 - one answer a kind
    """Whether a marker segment of a codestream holds numbers, and not more than it needs."""
    if kind == "siz":
        return len(data) >= 36 and len(data) == 36 + 3 * int.from_bytes(data[34:36], "big")
    if kind == "cap":
        return len(data) == 4 + 2 * int.from_bytes(data[:4], "big").bit_count()
    if kind == "cod":
        sizes = data[5] + 1 if len(data) > 5 and data[0] & 1 else 0
        return len(data) == 10 + sizes
    if kind == "coc":
        return 7 <= len(data) <= 8 + 34
    if kind == "rgn":
        return len(data) in {3, 4}
    if kind == "quant":
        return len(data) <= 2 + 1 + 2 * 97 and not holds_text(data)
    return not holds_text(data)


def walk_codestream(window: Window, at: int = 0, end: int | None = None) -> int:  # noqa: PLR0911 - one a marker
    r"""Walk a JPEG 2000 codestream through every tile-part header to its end.

    Parameters
    ----------
    window : Window
    at, end : int
        Where it begins and ends at most.

    References
    ----------
    ISO/IEC 15444-1 annex A; ISO/IEC 15444-15 (HTJ2K).

    Examples
    --------
    >>> data = b"\xff\x4f\xff\x64\x00\x06\x00\x01hi\xff\xd9"
    >>> walk_codestream(window_over(data)) & CONTENT
    1
    """
    end = window.size if end is None else end
    at, found, part = at + 2, 0, 0
    for _ in range(_MARKERS):
        head = window.read(at, min(12, max(end - at, 0)))
        if len(head) < 2:
            return found | UNKNOWN
        if head[0] != 0xFF:
            return found | UNKNOWN | CONTENT
        marker = head[1]
        if marker == 0xD9:
            return found | (0 if window.quiet(at + 2, end, b"\0\xff") else CONTENT)
        if marker == 0x93:
            at = _tile_data(window, at + 2, part, end)
            if at < 0:
                return found | CONTENT
            continue
        length = int.from_bytes(head[2:4], "big")
        if len(head) < 4 or length < 2 or at + 2 + length > end:
            cut = marker == 0x64 and end - at > 6
            return found | UNKNOWN | (CONTENT if cut else 0)
        if marker == 0x90:
            if length != 10 or len(head) < 12:
                return found | UNKNOWN
            size = int.from_bytes(head[6:10], "big")
            part = at + size if size else end
            if size and size < 14:
                return found | UNKNOWN
        else:
            found |= _codestream_segment(marker, window.read(at + 4, length - 2))
        at += 2 + length
    return found | UNKNOWN


def _codestream_segment(marker: int, data: bytes) -> int:
    if marker == 0x64:
        return 0 if data[:2] in {b"\0\0", b"\0\1"} and is_encoder(data[2:]) else CONTENT
    kind = _IN_HEADERS.get(marker)
    if kind is None:
        return UNKNOWN
    if _segment_fits(kind, data):
        return 0
    return UNKNOWN | (CONTENT if len(data) > _SHORT_SEGMENT else 0)


_END_OF_CODES = re.compile(rb"\xff\xd9")


def _tile_data(window: Window, at: int, part: int, end: int) -> int:
    """Return the place behind the data of a tile part; -1 when text stands in them."""
    stop = min(part, end) if part > at else end
    if stop == end:
        last = window.find(_END_OF_CODES, at, end)
        stop = last if last >= 0 else end
    return -1 if window.talks(at, stop) else stop


# ---------------------------------------------------------------- boxes

Box = tuple[bytes, int, int]


def boxes(window: Window, at: int, end: int) -> Iterator[Box]:
    """Yield kind, beginning and end of the content of every box of a range.

    The last box has an empty kind where bytes are left that are no box.
    """
    for _ in range(_MARKERS):
        if at >= end:
            return
        head = window.read(at, min(16, end - at))
        if len(head) < 8:
            yield b"", at, end
            return
        length, kind = struct.unpack(">I4s", head[:8])
        inside = at + 8
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
            inside = at + 16
        stop = at + length if length else end
        if stop < inside or stop > end:
            yield b"", at, end
            return
        yield kind, inside, stop
        at = stop
    yield b"", at, end


_LENGTHS = {b"ihdr": 14, b"resc": 10, b"resd": 10}
_SUPER = frozenset({b"jp2h", b"res ", b"jpch", b"jplh"})


def _colour(data: bytes) -> int:
    """Return what a colour specification box carries."""
    if data[:1] == b"\1":
        return 0 if len(data) == 7 else CONTENT
    return 0 if data[:1] in {b"\2", b"\3"} and is_plain_profile(data[3:]) else CONTENT


def _jp2_box(window: Window, box: Box) -> int:  # noqa: PLR0911 - one answer a kind
    kind, at, end = box
    if kind == b"jp2c":
        return walk_codestream(window, at, end)
    if kind in {b"free", b"skip"} or not kind:
        return 0 if window.quiet(at, end) else CONTENT
    data = window.read(at, min(end - at, _PROFILE))
    if kind in _LENGTHS:
        return 0 if len(data) == _LENGTHS[kind] else CONTENT
    if kind == b"colr":
        return _colour(data)
    if kind == b"jP  ":
        return 0 if data == b"\r\n\x87\n" else CONTENT
    if kind == b"ftyp":
        return 0 if len(data) % 4 == 0 and len(data) <= 64 else CONTENT
    if kind in {b"bpcc", b"cdef", b"cmap", b"pclr"}:
        return 0 if len(data) <= 4096 and not holds_text(data) else CONTENT
    return CONTENT


def walk_jp2(window: Window) -> int:
    """Walk the boxes of a JP2, JPX or JPH file and the codestreams in them.

    References
    ----------
    ISO/IEC 15444-1 annex I; ISO/IEC 15444-2 annex M.
    """
    found, streams = 0, 0
    waiting = [(0, window.size, 0)]
    while waiting:
        at, end, depth = waiting.pop()
        for box in boxes(window, at, end):
            if box[0] in _SUPER and depth < 4:
                waiting.append((box[1], box[2], depth + 1))
                continue
            streams += box[0] == b"jp2c"
            found |= _jp2_box(window, box)
    return found | (0 if streams == 1 else CONTENT if streams else UNKNOWN)


def walk_jxl(window: Window) -> int:
    """Walk the boxes of a JPEG XL file; its codestream itself is not understood.

    References
    ----------
    ISO/IEC 18181-2.
    """
    found = UNKNOWN
    if window.read(0, 2) == b"\xff\x0a":
        return found | (CONTENT if window.talks(0, window.size) else 0)
    for kind, at, end in boxes(window, 0, window.size):
        if kind in {b"JXL ", b"ftyp", b"jxll", b"jxli"}:
            found |= 0 if end - at <= 64 or kind == b"jxli" else CONTENT
        elif kind in {b"jxlc", b"jxlp"}:
            found |= CONTENT if window.talks(at, end) else 0
        elif kind != b"jbrd" and not (not kind and window.quiet(at, end)):
            found |= CONTENT
    return found


# ---------------------------------------------------------------- RLE


def rle_is_tight(data: bytes, segments: int, pixels: int) -> int:
    r"""Return what an RLE frame carries besides its segments.

    Parameters
    ----------
    data : bytes
        The frame.
    segments : int
        Segments that the picture needs.
    pixels : int
        Bytes of each of them when decoded.

    Returns
    -------
    int
        Bits of `CONTENT` and `UNKNOWN`.

    References
    ----------
    DICOM PS3.5 annex G.

    Examples
    --------
    >>> rle_is_tight((1).to_bytes(4, "little") + (64).to_bytes(60, "little") + b"\xfd\0", 1, 4)
    0
    """
    if len(data) < 64:
        return UNKNOWN
    count, *places = struct.unpack("<16I", data[:64])
    used = places[:count] if count <= 15 else []
    if count != segments or sorted(used) != used or (used and used[0] < 64):
        return UNKNOWN | (CONTENT if any(places[min(count, 15) :]) else 0)
    found = CONTENT if any(places[count:]) or data[64 : used[0]].strip(b"\0") else 0
    for start, stop in zip(used, [*used[1:], len(data)], strict=True):
        at, made = start, 0
        while made < pixels and at < stop:
            control = data[at]
            if control < 128:
                at += control + 2
                made += control + 1
            else:
                at += 2 if control > 128 else 1
                made += 257 - control if control > 128 else 0
        if made < pixels:
            found |= UNKNOWN
        elif made > pixels or data[at:stop].strip(b"\0\x80"):
            found |= CONTENT
    return found


# ---------------------------------------------------------------- video

_START = re.compile(rb"\x00\x00\x01", re.DOTALL)


def walk_mpeg2(window: Window) -> int:  # noqa: PLR0911 - one answer a kind
    """Walk an MPEG-2 elementary stream from start code to start code.

    Program and transport streams are containers: user data and sound are looked for in them,
    but they are not understood.

    References
    ----------
    ISO/IEC 13818-2 clause 6.2, table 6-1.
    """
    if window.read(0, 1) == b"\x47":
        return _inside_container(window)
    found, at = 0, window.find(_START, 0, window.size)
    if at < 0 or not window.quiet(0, at):
        return UNKNOWN | (CONTENT if at > 0 else 0)
    for _ in range(_MARKERS):
        code = window.read(at + 3, 1)
        if not code:
            return found
        stop = window.find(_START, at + 3, window.size)
        end = window.size if stop < 0 else stop
        number = code[0]
        if number >= 0xB9:
            return found | _inside_container(window)
        if number == 0xB2:
            found |= 0 if window.quiet(at + 4, end) else CONTENT
        elif number in {0xB0, 0xB1, 0xB6}:
            found |= UNKNOWN
        elif number == 0xB7:
            found |= 0 if window.quiet(at + 4, window.size) else CONTENT
            return found
        elif window.talks(at + 4, end):
            found |= CONTENT
        if stop < 0:
            return found
        at = stop
    return found | UNKNOWN


_IN_CONTAINER = re.compile(rb"\x00\x00\x01[\xb2\xbd\xbf\xc0-\xdf]")
_USER_DATA = b"\xb2"


def _inside_container(window: Window) -> int:
    """Return what start codes and text show of a container that is not followed."""
    at = window.find(_IN_CONTAINER, 0, window.size)
    found = UNKNOWN
    if at >= 0:
        found |= CONTENT if window.read(at + 3, 1) == _USER_DATA else AUDIO | CONTENT
    return found | (CONTENT if window.talks(0, window.size) else 0)


_X264 = bytes.fromhex("dc45e9bde6d948b7962cd820d923eeef")
_X265 = bytes.fromhex("2ca2de09b51747dbbb55a4fe7fc2fc4e")
_PLAIN_SEI = {
    "h264": frozenset({0, 1, 2, 3, 6, 7, 10, 13, 14, 15, 16, 17, 18, 19, 20, 21, 45, 47, 137, 144}),
    "hevc": frozenset({0, 1, 3, 6, 45, 47, 56, 128, 129, 130, 131, 132, 133, 136, 137, 144, 147}),
}
_SEI_LONGEST = 64


def _sei(data: bytes, codec: str) -> int:
    """Return what the messages of supplemental enhancement information carry."""
    data = data.replace(b"\0\0\3", b"\0\0").rstrip(b"\0")
    at = 0
    while at < len(data) - 1:
        kind = size = 0
        while at < len(data) and data[at] == 0xFF:
            kind, at = kind + 255, at + 1
        kind, at = kind + (data[at] if at < len(data) else 0), at + 1
        while at < len(data) and data[at] == 0xFF:
            size, at = size + 255, at + 1
        size, at = size + (data[at] if at < len(data) else 0), at + 1
        payload = data[at : at + size]
        if len(payload) < size:
            return CONTENT | UNKNOWN
        if kind == 5 and payload[:16] in {_X264, _X265} and is_encoder(payload[16:]):
            at += size
            continue
        if kind not in _PLAIN_SEI[codec] or size > _SEI_LONGEST or holds_text(payload):
            return CONTENT
        at += size
    return 0 if data[at:] in {b"", b"\x80"} else CONTENT


_H264_PICTURE = frozenset({1, 2, 3, 4, 5, 19, 20})
_H264_SETS = frozenset({7, 8, 13, 15, 14, 9, 10, 11})
_HEVC_PICTURE = frozenset(range(10)) | frozenset(range(16, 22))
_HEVC_SETS = frozenset({32, 33, 34, 35, 36, 37})
_SETS_LONGEST = 1024


def _nal(window: Window, at: int, end: int, codec: str) -> int:  # noqa: PLR0911 - one answer a kind
    """Return what one network abstraction layer unit carries."""
    first = window.read(at, 1)
    if not first:
        return 0
    hevc = codec == "hevc"
    kind = first[0] >> 1 & 63 if hevc else first[0] & 31
    inside = at + (2 if hevc else 1)
    if first[0] & 0x80:
        return CONTENT | UNKNOWN
    if kind in ({39, 40} if hevc else {6}):
        return _sei(window.read(inside, min(end - inside, _PIECE)), codec) | (
            CONTENT if end - inside > _PIECE else 0
        )
    if kind == (38 if hevc else 12):
        return 0 if window.quiet(inside, end, b"\xff\x80\0") else CONTENT
    if kind in (_HEVC_PICTURE if hevc else _H264_PICTURE):
        return CONTENT if window.talks(inside, end) else 0
    if kind in (_HEVC_SETS if hevc else _H264_SETS):
        longer = end - inside > _SETS_LONGEST
        return CONTENT if longer or window.talks(inside, end) else 0
    return CONTENT


def walk_nals(window: Window, codec: str) -> int:
    """Walk an H.264 or HEVC byte stream unit by unit.

    Parameters
    ----------
    window : Window
    codec : {'h264', 'hevc'}

    References
    ----------
    ITU-T H.264 annexes B and D; ITU-T H.265 annexes B and D.
    """
    at = window.find(_START, 0, window.size)
    if at < 0 or not window.quiet(0, at):
        return UNKNOWN | (CONTENT if at > 0 else 0)
    found = 0
    for _ in range(_MARKERS):
        stop = window.find(_START, at + 3, window.size)
        end = window.size if stop < 0 else stop
        found |= _nal(window, at + 3, end, codec)
        if stop < 0:
            return found
        at = stop
    return found | UNKNOWN


_MP4_SUPER = frozenset(
    {b"moov", b"trak", b"mdia", b"minf", b"dinf", b"stbl", b"edts", b"mvex", b"moof", b"traf"}
)
_MP4_NUMBERS = frozenset(
    {b"ftyp", b"stts", b"stss", b"stsc", b"stsz", b"stco", b"co64", b"ctts", b"sdtp", b"sgpd",
     b"sbgp", b"cslg", b"elst", b"vmhd", b"nmhd", b"stsd", b"dref", b"styp", b"mehd", b"trex",
     b"mfhd", b"tfhd", b"tfdt", b"trun", b"iods", b"sidx", b"mfra"}
)  # fmt: skip
_HANDLERS = frozenset({b"", b"VideoHandler", b"Core Media Video", b"GPAC ISO Video Handler"})


def _mp4_box(window: Window, box: Box) -> int:  # noqa: PLR0911 - one answer a kind of box
    kind, at, end = box
    if kind in {b"free", b"skip", b"wide"} or not kind:
        return 0 if window.quiet(at, end) else CONTENT
    data = window.read(at, min(end - at, _PIECE))
    if kind in {b"mvhd", b"tkhd", b"mdhd"}:
        dates = data[4:20] if data[:1] == b"\1" else data[4:12]
        return CONTENT if any(dates) or len(data) > 120 else 0
    if kind == b"hdlr":
        name = data[24:].strip(b"\0")
        if data[8:12] == b"soun":
            return AUDIO | CONTENT
        return 0 if data[8:12] == b"vide" and name in _HANDLERS else CONTENT
    if kind == b"smhd":
        return AUDIO | CONTENT
    if kind in _MP4_NUMBERS:
        return CONTENT if window.talks(at, end) else 0
    return CONTENT


def _samples(window: Window, at: int, end: int, codec: str) -> int:
    """Walk media data as units with their length before them."""
    found = 0
    for _ in range(_MARKERS):
        if at >= end:
            return found
        length = int.from_bytes(window.read(at, min(4, end - at)), "big")
        if not length or at + 4 + length > end:
            return found | UNKNOWN
        found |= _nal(window, at + 4, at + 4 + length, codec)
        at += 4 + length
    return found | UNKNOWN


def walk_mp4(window: Window, codec: str) -> int:
    """Walk the boxes of an MP4 file and the units of its media data.

    References
    ----------
    ISO/IEC 14496-12 clause 8, 14496-15.
    """
    found, media = 0, 0
    waiting = [(0, window.size, 0)]
    while waiting:
        at, end, depth = waiting.pop()
        for box in boxes(window, at, end):
            kind, inside, stop = box
            if kind in _MP4_SUPER and depth < 8:
                waiting.append((inside, stop, depth + 1))
            elif kind == b"mdat":
                media += 1
                found |= _samples(window, inside, stop, codec)
            else:
                found |= _mp4_box(window, box)
    return found | (0 if media else UNKNOWN)


def walk_video(window: Window, codec: str) -> int:
    """Walk H.264 or HEVC in whichever form it comes: byte stream, MP4, transport stream."""
    head = window.read(0, 12)
    if head[4:8] == b"ftyp":
        return walk_mp4(window, codec)
    if head[:1] == b"\x47" or head[:4] == b"\0\0\1\xba":
        return _inside_container(window)
    return walk_nals(window, codec)


# ---------------------------------------------------------------- by transfer syntax


def walk_jpeg2000(window: Window) -> int:
    """Walk JPEG 2000 as a bare codestream or as a file of boxes."""
    if window.read(4, 4) == b"jP  ":
        return walk_jp2(window)
    return walk_codestream(window) if window.read(0, 2) == b"\xff\x4f" else UNKNOWN


def _jpeg(window: Window) -> int:
    return walk_jpeg(window) if window.read(0, 2) == b"\xff\xd8" else UNKNOWN


def _h264(window: Window) -> int:
    return walk_video(window, "h264")


def _hevc(window: Window) -> int:
    return walk_video(window, "hevc")


Walk = Callable[[Window], int]
_STEM = "1.2.840.10008.1.2.4."


def _numbered(walk: Walk, *numbers: int) -> dict[str, Walk]:
    return {f"{_STEM}{number}": walk for number in numbers}


WALKS: dict[str, Walk] = {
    **_numbered(_jpeg, *range(50, 67), 70, 80, 81),
    **_numbered(walk_jpeg2000, 90, 91, 92, 93, 201, 202, 203),
    **_numbered(walk_mpeg2, 100, 101),
    **_numbered(_h264, 102, 103, 104, 105, 106),
    **_numbered(_hevc, 107, 108),
    **_numbered(walk_jxl, 110, 111, 112),
}
"""Transfer syntax without its suffix for fragmentable video -> walk of one frame."""

VIDEO = frozenset(f"{_STEM}{number}" for number in range(100, 109))
"""Transfer syntaxes of one stream for all frames."""


def walk_of(syntax: str) -> Walk | None:
    """Return the walk of a transfer syntax of compressed pixels, None when there is none.

    Examples
    --------
    >>> walk_of("1.2.840.10008.1.2.4.102.1") is walk_of("1.2.840.10008.1.2.4.102")
    True
    """
    stem = syntax.removesuffix(".1") if syntax.count(".") == 8 else syntax
    return WALKS.get(stem)
