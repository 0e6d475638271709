"""Every element of an object at every depth, with the place of its value, to the last byte.

The readers of headers stop at the pixel data and keep what is wanted. This walk is for those who
look at everything: it follows sequences, fragments and what stands behind the pixels, and refuses
what it does not understand, so that its silence means that nothing else is there.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from midi_risk.sources.dicom.contents import creator_place, known_vr, names_creator
from midi_risk.sources.dicom.nested import DEPTH_LIMIT, LONG_VRS, SHORT_VRS, UNDEFINED
from midi_risk.sources.dicom.streams import Window, window_over
from midi_risk.sources.files.bounded import ReadAt

IMPLICIT = "1.2.840.10008.1.2"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_PIXELS = 0x7FE00010
_NO_DATA = frozenset({0, 2, 0xFFFE})
_CHARACTER_SET = 0x00080005
_TRANSFER_SYNTAX = 0x00020010
_MOST = 200_000
_FRAGMENTS = 1_000_000
_INFLATED = 256 << 20
_CREATOR = 256


class OddError(Exception):
    """Bytes that are not understood.

    Parameters
    ----------
    at : int
        Where they begin.
    top : bool
        Whether whole elements stand before them, outside any sequence.
    """

    def __init__(self, at: int, *, top: bool = False) -> None:
        super().__init__("bytes that are no element")
        self.at = at
        self.top = top


class Leaf(NamedTuple):
    """One element that is no sequence.

    Parameters
    ----------
    path : tuple of int
        Sequence tags and item numbers, alternating, from the top level down.
    tag : int
    vr : str
        As written, else the dictionary's; ``UN`` for what it lacks.
    at, length : int
        Place of the value; of fragments the place of the first item and -1.
    creator : str or None
        Of a private element, empty where none is named.
    charset : bytes
        Value of (0008,0005) in force.
    fragments : tuple of (int, int)
        Offset and length of each fragment, the offset table first.
    """

    path: tuple[int, ...]
    tag: int
    vr: str
    at: int
    length: int
    creator: str | None
    charset: bytes
    fragments: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """How elements are written."""

    explicit: bool
    little: bool = True

    @property
    def order(self) -> str:
        """Sign of `struct`."""
        return "<" if self.little else ">"


@dataclass(slots=True, kw_only=True)
class OpenObject:
    """An object whose meta header was read.

    Parameters
    ----------
    window : Window
        The bytes in which the elements stand: the file, or what was inflated of it.
    meta : list of Leaf
        Elements of group 2.
    start : int
        Where the data set begins in the window.
    syntax : str
        Transfer syntax; empty where none is stated.
    encoding : Encoding
    behind : int
        Bytes behind the end of a deflated data set.
    """

    window: Window
    meta: list[Leaf]
    start: int
    syntax: str
    encoding: Encoding
    behind: int = 0

    def no_element(self, at: int) -> bool:
        """Tell whether no element can begin at a place, not even one that was cut short.

        Where representations are not written, any bytes may begin one.
        """
        vr = self.window.read(at, 6)[4:]
        return self.encoding.explicit and len(vr) == 2 and vr not in SHORT_VRS | LONG_VRS


class _Walk:
    """State of a walk: how many elements were met."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self.met = 0

    def header(self, at: int, end: int, encoding: Encoding) -> tuple[int, str, int, int]:
        """Return tag, representation, length and place of the value of an element."""
        data = self.window.read(at, min(12, end - at))
        if len(data) < 8:
            raise OddError(at)
        group, element = struct.unpack(encoding.order + "HH", data[:4])
        tag = group << 16 | element
        self.met += 1
        if self.met > _MOST:
            raise OddError(at)
        if not encoding.explicit or group == 0xFFFE:
            length = int(struct.unpack(encoding.order + "I", data[4:8])[0])
            return tag, known_vr(tag), length, at + 8
        vr = data[4:6]
        if vr in SHORT_VRS:
            length = int(struct.unpack(encoding.order + "H", data[6:8])[0])
            return tag, vr.decode("ascii"), length, at + 8
        if vr not in LONG_VRS or len(data) < 12 or any(data[6:8]):
            raise OddError(at)
        length = int(struct.unpack(encoding.order + "I", data[8:12])[0])
        known = known_vr(tag) if vr == b"UN" and not group & 1 else "UN"
        told = vr.decode("ascii") if known in {"UN", "SQ"} else known
        return tag, told, length, at + 12

    def elements(
        self,
        at: int,
        end: int,
        encoding: Encoding,
        path: tuple[int, ...],
        charset: bytes,
        *,
        closed: bool,
    ) -> Iterator[Leaf | int]:
        """Yield the leaves of a data set or item, at last the place behind it.

        ``closed`` says that the length is known; else an item delimiter ends it.
        """
        creators: dict[int, str] = {}
        if len(path) > 2 * DEPTH_LIMIT:
            raise OddError(at)
        while at < end:
            try:
                tag, vr, length, inside = self.header(at, end, encoding)
            except OddError as error:
                raise OddError(error.at, top=not path) from None
            if tag == _ITEM_END and not closed and not length:
                yield inside
                return
            if tag >> 16 in _NO_DATA or (length != UNDEFINED and inside + length > end):
                raise OddError(at, top=not path)
            creator = None
            if tag >> 16 & 1:
                if names_creator(tag) and length != UNDEFINED:
                    raw = self.window.read(inside, min(length, _CREATOR))
                    creators[tag] = raw.decode("utf-8", "replace").strip(" \0")
                place = tag if names_creator(tag) else creator_place(tag)
                creator = creators.get(place, "")
            if tag == _CHARACTER_SET and length != UNDEFINED:
                charset = self.window.read(inside, min(length, _CREATOR))
            leaf = Leaf(path, tag, vr, inside, length, creator, charset)
            at = yield from self._one(leaf, end, encoding)
        if not closed:
            raise OddError(at)
        yield at

    def _one(self, leaf: Leaf, end: int, encoding: Encoding) -> Generator[Leaf | int, None, int]:
        """Yield the leaves of one element; return the place behind it."""
        inner = encoding
        head = self.window.read(leaf.at, 8) if leaf.vr in {"UN", "OB", "OW"} else b""
        if leaf.length == UNDEFINED and (leaf.vr in {"OB", "OW"} or leaf.tag == _PIXELS):
            fragments, behind = self._fragments(leaf.at, end, encoding)
            yield leaf._replace(length=-1, fragments=fragments)
            return behind
        sequence = leaf.vr == "SQ" or leaf.length == UNDEFINED
        if leaf.vr == "UN" and head[:4] == b"\xfe\xff\0\xe0" and leaf.length != 0:
            inner, sequence = Encoding(explicit=False), True
        if not sequence:
            yield leaf
            return leaf.at + leaf.length
        if leaf.vr == "UN" and leaf.length != UNDEFINED:
            # perhaps a sequence in disguise: only when all of it is one
            stop = leaf.at + leaf.length
            try:
                yield from list(self._items(leaf, stop, inner, closed=True))[:-1]
            except OddError:
                yield leaf
            return stop
        if leaf.vr == "UN" and encoding.explicit:
            inner = Encoding(explicit=False)
        closed = leaf.length != UNDEFINED
        stop = leaf.at + leaf.length if closed else end
        behind = stop
        for found in self._items(leaf, stop, inner, closed=closed):
            if isinstance(found, int):
                behind = found
            else:
                yield found
        return behind

    def _items(
        self, leaf: Leaf, end: int, encoding: Encoding, *, closed: bool
    ) -> Iterator[Leaf | int]:
        at, number = leaf.at, 0
        while at < end:
            tag, _, length, inside = self.header(at, end, encoding)
            if tag == _SEQUENCE_END and not closed and not length:
                yield inside
                return
            if tag != _ITEM or (length != UNDEFINED and inside + length > end):
                raise OddError(at)
            path = (*leaf.path, leaf.tag, number)
            known = length != UNDEFINED
            stop = inside + length if known else end
            for found in self.elements(inside, stop, encoding, path, leaf.charset, closed=known):
                if isinstance(found, int):
                    at = found
                else:
                    yield found
            number += 1
        if not closed:
            raise OddError(at)
        yield at

    def _fragments(
        self, at: int, end: int, encoding: Encoding
    ) -> tuple[tuple[tuple[int, int], ...], int]:
        found: list[tuple[int, int]] = []
        for _ in range(_FRAGMENTS):
            data = self.window.read(at, min(8, end - at))
            if len(data) < 8:
                raise OddError(at)
            group, element, length = struct.unpack(encoding.order + "HHI", data)
            tag = group << 16 | element
            if tag == _SEQUENCE_END:
                if length:
                    raise OddError(at)
                return tuple(found), at + 8
            if tag != _ITEM or at + 8 + length > end:
                raise OddError(at)
            found.append((at + 8, length))
            at += 8 + length
        raise OddError(at)


def _inflated(window: Window, start: int) -> tuple[Window, int]:
    """Return a deflated data set as it is when inflated, and the bytes behind its end."""
    unpacker = zlib.decompressobj(-15)
    parts, total = [], 0
    try:
        for at, data in window.blocks(start, window.size):
            piece = unpacker.decompress(data, _INFLATED - total + 1)
            total += len(piece)
            parts.append(piece)
            if total > _INFLATED:
                raise OddError(at)
            if unpacker.eof:
                rest = window.size - at - len(data)
                whole = b"".join(parts)
                # some writers leave the trailer of gzip
                trailer = struct.pack("<II", zlib.crc32(whole), total)
                tail = unpacker.unused_data.removeprefix(trailer).strip(b"\0")
                behind = len(tail) + (0 if window.quiet(at + len(data), window.size) else rest)
                return window_over(whole), behind
    except zlib.error:
        pass
    raise OddError(start)


def open_object(read_at: ReadAt, size: int, start: int, syntax: str = "") -> OpenObject:
    """Read the meta header of a file.

    Parameters
    ----------
    read_at : callable
        Positioned reader.
    size : int
        Size of the file.
    start : int
        Where its elements begin, as `sniff` said.
    syntax : str
        Transfer syntax that the reader of its header found; used where the file states none.

    Raises
    ------
    OddError
        When the meta header, or a deflated data set, is not understood.
    """
    window = Window(read_at, [(0, size)])
    walk, at, meta = _Walk(window), start, []
    written = Encoding(explicit=True)
    while at + 8 <= size and window.read(at, 2) == b"\2\0":
        tag, vr, length, inside = walk.header(at, size, written)
        if length == UNDEFINED or inside + length > size:
            raise OddError(at)
        meta.append(Leaf((), tag, vr, inside, length, None, b""))
        if tag == _TRANSFER_SYNTAX:
            syntax = window.read(inside, min(length, 128)).decode("latin-1").strip(" \0")
        at = inside + length
    behind = 0
    if syntax == DEFLATED:
        window, behind = _inflated(window, at)
        at = 0
    # some writers state an explicit syntax and write none: what stands there decides
    head = window.read(at, 6)
    written_so = head[4:6] in SHORT_VRS or head[4:6] in LONG_VRS
    explicit = written_so and (syntax != IMPLICIT)
    little = syntax != BIG_ENDIAN
    if not syntax and head[:1] == b"\0" and head[1:2] != b"\0":
        little = False
    return OpenObject(
        window=window,
        meta=meta,
        start=at,
        syntax=syntax,
        encoding=Encoding(explicit=explicit, little=little),
        behind=behind,
    )


def leaves(opened: OpenObject) -> Iterator[Leaf]:
    """Yield every element of the data set at every depth, in the order of the file.

    Raises
    ------
    OddError
        Where bytes are no element; with ``top`` set where whole elements stand before.
    """
    walk = _Walk(opened.window)
    found = walk.elements(opened.start, opened.window.size, opened.encoding, (), b"", closed=True)
    for leaf in found:
        if isinstance(leaf, Leaf):
            yield leaf
