"""Mutations that keep enough of a file whole for the readers to go on."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

_LONG = (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
_SHORT = (
    b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"PN",
    b"SH", b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US",
)  # fmt: skip
_VRS = (*_LONG, *_SHORT, b"  ", b"\0\0", b"ZZ", b"sq")
_LENGTHS = (0, 1, 2, 3, 8, 0xFF, 0xFFFE, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF)
_TAGS = (
    0x00020010, 0x00080005, 0x00080018, 0x00080060, 0x00080070, 0x00091001, 0x00090010,
    0x00100010, 0x00100020, 0x00101002, 0x00104000, 0x00180015, 0x00200011, 0x00280010,
    0x00282000, 0x00291010, 0x0040A730, 0x0040A043, 0x00400275, 0x04000561, 0x50000010,
    0x52009230, 0x60003000, 0x7FE00010, 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD, 0xFFFCFFFC,
)  # fmt: skip
_SETS = (
    b"ISO_IR 100", b"ISO_IR 192", b"GB18030", b"\\ISO 2022 IR 87", b"ISO_IR 999",
    b"ISO 2022 IR 6\\ISO 2022 IR 149", b"", b"ISO-IR 100", b"ISO_IR 13\\ISO 2022 IR 87", b"\\",
    b"ISO_IR 6", b"latin1",
)  # fmt: skip
_SYNTAXES = (
    b"1.2.840.10008.1.2", b"1.2.840.10008.1.2.1", b"1.2.840.10008.1.2.2", b"1.2.840.10008.1.2.5",
    b"1.2.840.10008.1.2.1.99", b"1.2.840.10008.1.2.4.50", b"1.2.840.10008.1.2.4.95", b"1.2", b"",
)  # fmt: skip
_VALUES = (
    b"", b"\0", b" ", b"\\", b"\\\\", b"=^=", b"\x1b$B\x1b(B", b"\xff\xfe", b"A\0B", b"1\\2 ",
    b"\xe2\x82", b"\x1b", b"\x1b-F", b"  x  ", b"\\ \\", b"a\tb\r\n",
)  # fmt: skip

Place = tuple[int, int, int, bool]
"""Offsets of an element's header, value and end, and whether it is explicit."""


def places(data: bytes) -> list[Place]:
    """Return the elements of a data set, as far as they follow one another, items opened."""
    at = 132 if data[128:132] == b"DICM" else 0
    found: list[Place] = []
    while at + 8 <= len(data) and len(found) < 4000:
        vr = data[at + 4 : at + 6]
        explicit = vr in _SHORT or vr in _LONG
        start = at + 8
        (length,) = struct.unpack_from("<I", data, at + 4)
        if vr in _SHORT:
            length >>= 16
        elif vr in _LONG and at + 12 <= len(data):
            start = at + 12
            (length,) = struct.unpack_from("<I", data, at + 8)
        opened = vr == b"SQ" or data[at : at + 3] == b"\xfe\xff\x00" or length == 0xFFFFFFFF
        end = start if opened else start + length
        if end > len(data):
            break
        found.append((at, start, end, explicit))
        at = end
    return found


def _element(chance: random.Random, tag: int, value: bytes, *, explicit: bool) -> bytes:
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    vr = chance.choice(_VRS)
    value += b" " * (len(value) % 2 and chance.random() < 0.9)
    length = chance.choice(_LENGTHS) if chance.random() < 0.1 else len(value)
    if not explicit:
        return head + struct.pack("<I", length) + value
    if vr in _LONG:
        return head + vr + b"\0\0" + struct.pack("<I", length) + value
    return head + vr + struct.pack("<H", length & 0xFFFF) + value


def _set_length(chance: random.Random, data: bytearray, place: Place) -> None:
    at, start, end, _ = place
    wide = start - at == 12 or bytes(data[at + 4 : at + 6]) not in _SHORT
    by = chance.choice((-4, -2, -1, 1, 2, 4, 8))
    length = chance.choice((chance.choice(_LENGTHS), end - start + by, len(data) - start))
    where = start - (4 if wide else 2)
    data[where:start] = struct.pack("<I", length & 0xFFFFFFFF)[: start - where]


def _set_vr(chance: random.Random, data: bytearray, place: Place) -> None:
    data[place[0] + 4 : place[0] + 6] = chance.choice(_VRS)


def _set_tag(chance: random.Random, data: bytearray, place: Place) -> None:
    tag = chance.choice(_TAGS)
    data[place[0] : place[0] + 4] = struct.pack("<HH", tag >> 16, tag & 0xFFFF)


def _set_value(chance: random.Random, data: bytearray, place: Place) -> None:
    """Write a value of the same length over another."""
    _, start, end, _ = place
    width = end - start
    fill = chance.choice((*_VALUES, *_SETS, *_SYNTAXES, chance.randbytes(min(width, 16))))
    data[start:end] = fill[:width].ljust(width, chance.choice((b" ", b"\0")))


def _new_value(chance: random.Random, data: bytearray, place: Place) -> None:
    """Write a value of another length, and its length."""
    at, start, end, _ = place
    pool = (*_VALUES, *_SETS, *_SYNTAXES, chance.randbytes(chance.randrange(40)))
    value = chance.choice(pool)
    value += b"\0" * (len(value) % 2 and chance.random() < 0.8)
    wide = bytes(data[at + 4 : at + 6]) not in _SHORT
    where = start - (4 if wide else 2)
    data[where:end] = struct.pack("<I", len(value))[: start - where] + value


def _remove(chance: random.Random, data: bytearray, place: Place) -> None:
    del chance
    del data[place[0] : place[2]]


def _repeat(chance: random.Random, data: bytearray, place: Place) -> None:
    copy = bytes(data[place[0] : place[2]])
    at = chance.choice(places(bytes(data)))[0] if chance.random() < 0.5 else place[2]
    data[at:at] = copy


def _insert(chance: random.Random, data: bytearray, place: Place) -> None:
    tag = chance.choice(_TAGS)
    before = bytes(data[place[0] : place[0] + 4])
    if chance.random() < 0.4:
        group, number = struct.unpack("<HH", before)
        tag = (group << 16 | number) + chance.choice((1, 2, 0x10, 0x10000))
    new = _element(chance, tag & 0xFFFFFFFF, chance.choice(_VALUES), explicit=place[3])
    at = place[2] if chance.random() < 0.7 else place[1]
    data[at:at] = new


def _wrap(chance: random.Random, data: bytearray, place: Place) -> None:
    """Put an element into an item of a sequence, a few times over."""
    at, _, end, explicit = place
    content = bytes(data[at:end])
    for _ in range(chance.choice((1, 1, 2, 5, 70))):
        defined = chance.random() < 0.5
        length = struct.pack("<I", len(content)) if defined else b"\xff\xff\xff\xff"
        content = b"\xfe\xff\x00\xe0" + length + content
        content += b"" if defined else b"\xfe\xff\x0d\xe0" + bytes(4)
        defined = chance.random() < 0.5
        length = struct.pack("<I", len(content)) if defined else b"\xff\xff\xff\xff"
        tag = chance.choice((0x0040A730, 0x00400275, 0x04000561, 0x00291010, 0x0040A043))
        head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
        head += (chance.choice((b"SQ", b"SQ", b"SQ", b"UN")) + b"\0\0") if explicit else b""
        content = head + length + content
        content += b"" if defined else b"\xfe\xff\xdd\xe0" + bytes(4)
    data[at:end] = content


def _cut(chance: random.Random, data: bytearray, place: Place) -> None:
    del data[chance.choice((*place[:3], place[0] + 4)) :]


_EDITS: tuple[Callable[[random.Random, bytearray, Place], None], ...] = (
    _set_length, _set_length, _set_vr, _set_tag, _set_value, _set_value, _new_value, _new_value,
    _remove, _repeat, _insert, _insert, _wrap, _cut,
)  # fmt: skip


def mutated_elements(data: bytes, most: int, seed: int) -> bytes:
    """Return a data set with a few edits of whole elements."""
    chance = random.Random(seed)  # noqa: S311 - mutations, no secret
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        there = places(bytes(changed))
        if not there:
            break
        chance.choice(_EDITS)(chance, changed, chance.choice(there))
    return bytes(changed[:most])


def crossed(data: bytes, other: bytes, most: int, seed: int) -> bytes:
    """Return the first elements of one data set followed by the last of another."""
    chance = random.Random(seed)  # noqa: S311 - mutations, no secret
    one, two = places(data), places(other)
    if not one or not two:
        return data[:most]
    cut, tail = chance.choice(one)[2], chance.choice(two)[0]
    return (data[:cut] + other[tail:])[:most]
