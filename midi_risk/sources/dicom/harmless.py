"""What streams carry that speaks of nobody: colour profiles and the names of encoders.

A profile is harmless when every byte of it is accounted for and every text in it is one of the
texts that makers put into profiles handed to everybody (``data/harmless_texts.csv``). Its date is
that of the profile, not of an image. So no profile has to be packaged to be recognised.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise

from midi_risk.resources import data_rows

_HEADER = 128
_MOST_TAGS = 100
_MOST_PROFILE = 8 << 20
_NUMBERS = frozenset({b"XYZ ", b"sf32", b"chrm", b"sig ", b"view", b"meas", b"dtim", b"cicp"})
_SHORT = {b"sig ": 12, b"view": 36, b"meas": 36, b"dtim": 20, b"cicp": 12}
_TABLES = frozenset({b"mft1", b"mft2", b"mAB ", b"mBA ", b"clrt", b"data", b"ui08", b"ui16"})
_RUN = re.compile(rb"[\x20-\x7e]{32,}")
_LETTERS = re.compile(rb"[A-Za-z0-9 ]")

_ENCODERS = re.compile(
    rb"Created by (?:GDCM/)?OpenJPEG version \d{1,2}(?:\.\d{1,2}){0,3}"
    rb"|Kakadu-v?\d{1,2}(?:\.[0-9A-Z]{1,2}){0,3}"
    rb"|Kdu-Layer-Info: log_2\{Delta-D\(squared-error\)/Delta-L\(bytes\)\}, L\(bytes\)"
    rb"(?:\s+-?\d{1,3}\.\d{1,2}, +\d{1,2}\.\d{1,2}e[+-]\d{2})*\s*"
    rb"|Created by:? (?:JJ2000|Grok) +version \d{1,2}(?:\.\d{1,2}){1,2}"
    rb"|Optimized by JPEGmini \d\.\d{1,2}(?:\.\d{1,2}){0,2}(?: Internal 0x[0-9a-f]{8})?"
    rb"|File written by Adobe Photoshop(?:\xa8|\xae|\xc2\xae)? \d\.\d{1,2}"
    rb"|Creator: JasPer Version \d\.\d{1,3}\.\d{1,2}|MITRA_DICOM_STANDARD"
    rb"|CREATOR: gd-jpeg v\d\.\d \(using IJG JPEG v\d{2}\),"
    rb"(?: quality = \d{1,3}| default quality)\s*"
    rb"|Lavc\d{2,3}\.\d{1,3}\.\d{1,3}|Lavf\d{2,3}\.\d{1,3}\.\d{1,3}"
    rb"|LEAD Technologies(?:,)? Inc\. V\d\.\d{2}\s*"
    rb"|JPEG Encoder Copyright 1998, James R\. Weeks and BioElectroMech\.\s?"
    rb"|Intel\(R\) IPP JPEG (?:encoder|codec) \[\d{1,2}\.\d{1,2}\.\d{1,4}\](?: - [A-Z][a-z]{2} "
    rb"[ \d]\d \d{4})?"
    rb"|Intel\(R\) JPEG Library, version \[?\d{1,2}\.\d{1,2}\.\d{1,3}\.\d{1,3}\]?"
    rb"|Created with (?:The )?GIMP|Created with ImageMagick|AppleMark\s?|CharLS"
    rb"|x264 - core \d{2,3}(?: r\d{3,4}(?: [0-9a-f]{7})?)? - H\.264/MPEG-4 AVC codec - Copyleft "
    rb"20\d{2}-20\d{2} - http://www\.videolan\.org/x264\.html(?: - options:(?: [a-z0-9_-]{2,20}"
    rb"(?:=[a-z0-9.:,-]{1,12})?)*)?"
    rb"|x265 \(build \d{2,3}\) - \d\.\d{1,2}(?:\+\d{1,3}(?:-g?[0-9a-f]{7,12})?)?:\[[A-Za-z]{3,8}\]"
    rb"\[[A-Z]{3,5} \d{1,2}\.\d\.\d\]\[\d\d bit\] \d{1,2}bit(?:\+\d{1,2}bit)* - H\.265/HEVC codec "
    rb"- Copyright 2013-20\d{2} \(c\) Multicoreware, Inc - http://x265\.org"
    rb"(?: - options:(?: [a-z0-9_-]{2,20}(?:=[a-z0-9.:,/-]{1,12})?)*)?"
)


def is_encoder(comment: bytes) -> bool:
    r"""Whether a comment is the name and version of a known encoder, and nothing else.

    Parameters
    ----------
    comment : bytes
        Without its header; zero bytes at its end are padding.

    Examples
    --------
    >>> is_encoder(b"Created by OpenJPEG version 2.5.0"), is_encoder(b"Jane Roe 4471902")
    (True, False)
    """
    return _ENCODERS.fullmatch(comment.rstrip(b"\0")) is not None


def holds_text(data: bytes) -> bool:
    """Whether packed numbers hold a run of characters too long and too varied for chance.

    Of random bytes 37 in 100 are printable: a run of 32 comes once in 7e13 places. A ramp of
    numbers is none.

    Examples
    --------
    >>> holds_text(b"Jane Roe, born 1961, record 4471902"), holds_text(bytes(range(256)))
    (True, False)
    """
    for found in _RUN.finditer(data):
        run = found.group()
        if len(set(run)) < 10 or len(_LETTERS.findall(run)) < 0.8 * len(run):
            continue
        steps = {after - before for before, after in pairwise(run)}
        if len(steps) > 6:
            return True
    return False


@cache
def harmless_texts() -> frozenset[str]:
    """Return texts of colour profiles that are handed to everybody."""
    return frozenset(row["text"] for row in data_rows("harmless_texts.csv"))


def is_plain_profile(profile: bytes) -> bool:
    """Whether a colour profile holds numbers, known texts, and not a byte more.

    Parameters
    ----------
    profile : bytes
        An ICC profile; one byte of padding may follow.

    Returns
    -------
    bool

    References
    ----------
    ICC.1:2022, clauses 7 and 10.

    Examples
    --------
    >>> is_plain_profile(bytes(128) + b"Jane Roe")
    False
    """
    size = int.from_bytes(profile[:4], "big")
    if not _HEADER + 4 <= size <= _MOST_PROFILE or profile[36:40] != b"acsp":
        return False
    if len(profile) < size or profile[size:].strip(b"\0") or any(profile[100:_HEADER]):
        return False
    return _tags_are_plain(profile[:size])


def _tags_are_plain(profile: bytes) -> bool:
    """Whether the tags are of known kinds and leave no byte between them."""
    count = int.from_bytes(profile[128:132], "big")
    end = 132 + 12 * count
    if not 0 < count <= _MOST_TAGS or end > len(profile):
        return False
    places = set()
    for at in range(132, end, 12):
        start, length = (int.from_bytes(profile[at + k : at + k + 4], "big") for k in (4, 8))
        if start < end or start + length > len(profile) or length < 8:
            return False
        places.add((start, length))
    for start, length in sorted(places):
        if start > end and profile[end:start].strip(b"\0"):
            return False
        end = max(end, start + length)
        if not _tag_is_plain(profile[start : start + length]):
            return False
    return not profile[end:].strip(b"\0")


def _tag_is_plain(data: bytes) -> bool:
    """Whether one tag is of numbers, or of known texts."""
    kind, rest = data[:4], data[8:]
    if any(data[4:8]):
        return False
    if kind in {b"text", b"desc", b"mluc"}:
        return all(text.strip("\0 \n\r") in harmless_texts() for text in _texts(kind, data))
    if kind in _SHORT:
        return not data[_SHORT[kind] :].strip(b"\0")
    if kind == b"para":
        parameters = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}.get(int.from_bytes(data[8:10], "big"))
        return parameters is not None and not data[12 + 4 * parameters :].strip(b"\0")
    if kind == b"curv":
        entries = int.from_bytes(data[8:12], "big")
        return not data[12 + 2 * entries :].strip(b"\0") and not holds_text(rest)
    return kind in _NUMBERS | _TABLES and not holds_text(rest)


def _texts(kind: bytes, data: bytes) -> Iterator[str]:
    """Yield the texts of a tag; one that holds more than its texts yields what none equals."""
    if kind == b"text":
        yield data[8:].decode("latin-1")
    elif kind == b"desc":
        yield from _described(data)
    else:
        count, size = int.from_bytes(data[8:12], "big"), int.from_bytes(data[12:16], "big")
        if size != 12 or not 0 < count <= _MOST_TAGS:
            yield "\0?"
            return
        covered = 16 + 12 * count
        for at in range(16, 16 + 12 * count, 12):
            length, start = (int.from_bytes(data[at + k : at + k + 4], "big") for k in (4, 8))
            yield data[start : start + length].decode("utf-16-be", "replace")
            if start < covered and start < 16 + 12 * count:
                yield "\0?"
            covered = max(covered, start + length) if start <= covered + 3 else 1 << 40
        if data[covered:].strip(b"\0") or covered > len(data):
            yield "\0?"


def _described(data: bytes) -> Iterator[str]:
    """Yield the texts of a textDescriptionType: ASCII, Unicode and Macintosh."""
    length = int.from_bytes(data[8:12], "big")
    yield data[12 : 12 + length].decode("latin-1")
    at = 12 + length
    points = int.from_bytes(data[at + 4 : at + 8], "big")
    if points:
        yield data[at + 8 : at + 8 + 2 * points].decode("utf-16-be", "replace")
    at += 8 + 2 * points
    mac = data[at + 2] if at + 2 < len(data) else 0
    if mac:
        yield data[at + 3 : at + 3 + mac].decode("latin-1")
    if data[at + 3 + mac :].strip(b"\0"):
        yield "\0?"
