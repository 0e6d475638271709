"""What stands in a DICOM object: every element at every depth, by its path without item numbers.

One line per element: the tags of the sequences around it and its own, then its value
representation. A private element goes by its creator and the number inside the creator's block, so
that two files that give a creator different blocks have the same lines; repeating groups are one
group; a sequence inside itself, as in content trees, is told once. Both readers write the same
lines, and all lines of a file are its contents: a text that very many files share.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, unquote

import pyarrow as pa

from midi_risk.sources.dicom.dictionary import vr_of
from midi_risk.sources.dicom.header import wanted_attributes

PREAMBLE = "preamble|--"
"""Line of a file whose preamble holds something."""
TRAILING = "trailing|--"
"""Line of a file with data behind its pixel data."""
UNREAD = "?"
"""Last part of the path of what is there and was not read."""

_REPEATING = frozenset({0x50, 0x60})


class Line(NamedTuple):
    """One element of an object, as `lines_of` reads it back.

    Parameters
    ----------
    path : tuple of str
        Tags of the sequences around it and its own, in hexadecimal digits; a private one ends
        with its creator in brackets.
    vr : str
        Value representation; ``--`` for what is no element, ``??`` for what was not read. What
        begins with ``!`` says what does not fit about a value (`midi_risk.sources.dicom.misfits`),
        beside the line of its element.
    """

    path: tuple[str, ...]
    vr: str


@lru_cache(maxsize=65536)
def known_vr(tag: int) -> str:
    """Return the value representation that the dictionary gives, ``UN`` for what it lacks.

    Examples
    --------
    >>> known_vr(0x00100010), known_vr(0x60003000), known_vr(0x00290010)
    ('PN', 'OB or OW', 'UN')
    """
    if not tag & 0xFFFF:
        return "UL"
    if tag >> 16 & 1:
        return "UN"
    wanted = wanted_attributes().get(tag)
    return vr_of(tag) or (wanted.vr if wanted else "UN")


def creator_place(tag: int) -> int:
    """Return the element that names the creator of a private element; 0 when none can.

    Examples
    --------
    >>> hex(creator_place(0x00291008))
    '0x290010'
    """
    block = (tag & 0xFFFF) >> 8
    return tag & 0xFFFF0000 | block if block >= 0x10 else 0


def names_creator(tag: int) -> bool:
    """Tell whether a private element is the name of a creator."""
    return bool(tag >> 16 & 1) and 0x10 <= tag & 0xFFFF <= 0xFF


def creator_of(tag: int, creators: Mapping[int, str]) -> str | None:
    """Return the creator of an element; None for a public one, and where nobody is named.

    Parameters
    ----------
    tag : int
    creators : mapping of int to str
        Element that names a creator -> that name.
    """
    if not tag >> 16 & 1:
        return None
    return creators.get(tag if names_creator(tag) else creator_place(tag))


@lru_cache(maxsize=65536)
def spelt(tag: int, creator: str | None = None) -> str:
    """Return one part of a path.

    Parameters
    ----------
    tag : int
    creator : str, optional
        Of a private element; of the element that names a creator, that name.

    Examples
    --------
    >>> spelt(0x00100010), spelt(0x60023000), spelt(0x00291008, "ACME 1.1")
    ('00100010', '60xx3000', '0029xx08[ACME%201.1]')
    """
    group, number = tag >> 16, tag & 0xFFFF
    if not group & 1:
        if group >> 8 in _REPEATING and not group & 0xE1:
            return f"{group >> 8:02X}xx{number:04X}"
        return f"{tag:08X}"
    if not creator:
        return f"{tag:08X}[]"
    named = quote(creator, safe="", errors="replace")
    if names_creator(tag):
        return f"{group:04X}00xx[{named}]"
    return f"{group:04X}xx{number & 0xFF:02X}[{named}]"


def creator_in(part: str) -> str | None:
    """Return the creator of a part of a path; None for a public one, empty for one without.

    Examples
    --------
    >>> creator_in("0029xx08[ACME%201.1]"), creator_in("00100010")
    ('ACME 1.1', None)
    """
    if not part.endswith("]"):
        return None
    return unquote(part.partition("[")[2][:-1])


def below(prefix: str, part: str) -> str:
    """Return the path of the items of a sequence; one directly inside itself adds nothing.

    Examples
    --------
    >>> below("", "0040A730"), below("0040A730/", "0040A730")
    ('0040A730/', '0040A730/')
    """
    return prefix if prefix.endswith(f"{part}/") else f"{prefix}{part}/"


@lru_cache(maxsize=65536)
def line(prefix: str, tag: int, vr: str | None, creator: str | None = None) -> str:
    """Return the line of one element; without a representation the dictionary gives it."""
    return f"{prefix}{spelt(tag, creator)}|{vr or known_vr(tag)}"


def unread(prefix: str) -> str:
    """Return the line of something below a path that was not read."""
    return f"{prefix}{UNREAD}|??"


def top_lines(codes: Iterable[int], creators: Mapping[int, str]) -> Iterator[str]:
    """Yield the lines of elements at the top level.

    Parameters
    ----------
    codes : iterable of int
        See `code_of`.
    creators : mapping of int to str
        Element that names a creator -> that name.
    """
    for code in codes:
        tag, raw = code >> 16, code & 0xFFFF
        vr = raw.to_bytes(2, "big").decode("ascii") if raw else None
        yield line("", tag, vr, creator_of(tag, creators))


def code_of(tag: int, vr: bytes | None) -> int:
    """Return tag and representation as one number; none where a file does not tell it."""
    return tag << 16 | (int.from_bytes(vr, "big") if vr else 0)


def contents_text(lines: Iterable[str]) -> str:
    """Return the contents of an object: its lines, each once, in order."""
    return "\n".join(sorted(set(lines)))


def lines_of(contents: str) -> Iterator[Line]:
    """Yield the elements of contents.

    Examples
    --------
    >>> [line.path for line in lines_of("00100010|PN")]
    [('00100010',)]
    """
    for text in contents.splitlines():
        path, _, vr = text.rpartition("|")
        yield Line(tuple(path.split("/")), vr)


def element_counts(contents: pa.Array | pa.ChunkedArray) -> Counter[str]:
    """Return how many files hold each element.

    Parameters
    ----------
    contents : pyarrow.Array or pyarrow.ChunkedArray
        What stands in each file.

    Examples
    --------
    >>> element_counts(pa.array(["00100010|PN", "00100010|PN", ""]))
    Counter({'00100010|PN': 2})
    """
    found: Counter[str] = Counter()
    for item in contents.cast(pa.string()).value_counts().to_pylist():
        for line in (item["values"] or "").splitlines():
            found[line] += item["counts"]
    return found
