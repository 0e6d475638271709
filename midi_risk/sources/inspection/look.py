"""One file, looked at whole: what is embedded, private, and said in words."""

from __future__ import annotations

import hashlib
import os
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from midi_risk.sources.dicom.contents import spelt
from midi_risk.sources.dicom.dictionary import keyword_of
from midi_risk.sources.dicom.elements import Leaf, OddError, OpenObject, leaves, open_object
from midi_risk.sources.dicom.facts import FACTS, PAYLOAD_FACTS
from midi_risk.sources.dicom.header import Noticed
from midi_risk.sources.dicom.text import element_text, encodings_of
from midi_risk.sources.files.archives import ArchiveError, open_zip_member
from midi_risk.sources.files.bounded import ReadAt, reader_of
from midi_risk.sources.files.listing import Listed
from midi_risk.sources.files.sniff import Sniffed, sniff
from midi_risk.sources.inspection.rules import candidates
from midi_risk.sources.model import FileStatus
from midi_risk.sources.scan.one_file import read_content

T = TypeVar("T")

EMBEDDED, PRIVATE, FREE_TEXT = "embedded_metadata", "private_elements", "free_text"
CHANNELS = (EMBEDDED, PRIVATE, FREE_TEXT)
"""Channels that are looked at."""

_TEXTS = frozenset({"LO", "SH", "ST", "LT", "UT", "UC", "PN", "UR"})
_NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d"}
_NOT_FREE = frozenset(
    {0x00100010, 0x00100020, 0x00101000, 0x00101001, 0x00080050, 0x00200010, 0x00080100, 0x00080102,
     0x00080103, 0x00080119, 0x00080120, 0x00080201, 0x00080018}
)  # fmt: skip
"""Identifiers that have attributes of their own, and parts of codes."""
_DOCUMENT, _MIME = 0x00420011, 0x00420012
_LONGEST = 4 << 20
_BLOCK = 1 << 20
_PRINTABLE = re.compile(r"[\x20-\x7e\xa0-\ufffc\t\r\n]*\Z")
_DIGITS = re.compile(r"[-+.\deE\\\s]*\d[-+.\deE\\\s]*\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateValue:
    """One private element of one file.

    Parameters
    ----------
    creator, element, vr, shape : str
        Shape is number, date, code, text, binary or empty.
    digest : int
        Of the value.
    text : str
        The value as text, empty for a binary one.
    """

    creator: str
    element: str
    vr: str
    shape: str
    digest: int
    text: str


@dataclass(slots=True, kw_only=True)
class Look:
    """What was seen of one file.

    Parameters
    ----------
    shown : str
        Path as listed.
    size, mtime : int
    digest : str
        SHA-256 of the file.
    subject : str
        PatientID.
    dicom : bool
        Whether it is an object; nothing else is looked at here.
    unseen : set of str
        Channels that are not understood in this file.
    embedded : list of str
        Facts that it counts for.
    private : list of PrivateValue
    texts : list of (str, str)
        Place and text.
    raw : list of (str, bytes)
        Place and bytes in which known values are looked for.
    """

    shown: str
    size: int
    mtime: int
    digest: str = ""
    subject: str = ""
    dicom: bool = False
    unseen: set[str] = field(default_factory=set)
    embedded: list[str] = field(default_factory=list)
    private: list[PrivateValue] = field(default_factory=list)
    texts: list[tuple[str, str]] = field(default_factory=list)
    raw: list[tuple[str, bytes]] = field(default_factory=list)


def digest_of(read_at: ReadAt, size: int) -> str:
    """Return the SHA-256 of a file, read in blocks."""
    made = hashlib.sha256()
    at = 0
    while at < size:
        data = read_at(at, min(_BLOCK, size - at))
        if not data:
            break
        made.update(data)
        at += len(data)
    return made.hexdigest()


def place_of(leaf: Leaf) -> str:
    """Return where an element stands, by keywords without item numbers."""
    return "/".join(_named(tag) for tag in (*leaf.path[::2], leaf.tag))


def _named(tag: int) -> str:
    if tag >> 16 & 1:
        return f"{tag >> 16:04X}xx{tag & 0xFF:02X}"
    return keyword_of(tag) or f"{tag:08X}"


def _decoded(leaf: Leaf, data: bytes) -> str:
    """Return the text of an element in its own character set."""
    encodings, _ = encodings_of(leaf.charset)
    vr = leaf.vr if leaf.vr in _TEXTS else "LT"
    return (element_text(vr, data, encodings) or "").strip()


def _private(leaf: Leaf, opened: OpenObject) -> PrivateValue:
    data = opened.window.read(leaf.at, min(max(leaf.length, 0), _LONGEST))
    digest = int.from_bytes(hashlib.blake2b(data, digest_size=7).digest(), "big")
    text, shape = "", "binary"
    if not data.strip(b"\0 "):
        shape = "empty"
    elif leaf.vr in _NUMBERS:
        shape = "number"
        width = struct.calcsize("=" + _NUMBERS[leaf.vr])
        if leaf.vr in {"UL", "SL"} and len(data) == width:
            text = str(struct.unpack(opened.encoding.order + _NUMBERS[leaf.vr], data)[0])
    else:
        text = _decoded(leaf, data)
        if leaf.vr in {"OB", "OW", "UN"} and not (text.isprintable() and _PRINTABLE.match(text)):
            text = ""
        if text:
            shape = _shape(leaf.vr, text)
    element = spelt(leaf.tag, "x").partition("[")[0]
    return PrivateValue(
        creator=leaf.creator or "", element=element, vr=leaf.vr, shape=shape, digest=digest,
        text=text,
    )  # fmt: skip


def _shape(vr: str, text: str) -> str:
    """Return what a text looks like."""
    if vr in {"DA", "DT", "TM"}:
        return "date"
    found = candidates(text)
    if len(found) == 1 and found[0].kind == "date" and len(text) <= len(found[0].token) + 2:
        return "date"
    if vr in {"DS", "IS"} or _DIGITS.match(text):
        return "number"
    return "code" if len(text) <= 16 and " " not in text and vr not in {"PN", "LT"} else "text"


_STREAM = re.compile(rb"stream\r?\n(.*?)endstream", re.DOTALL)
_STRING = re.compile(rb"\(((?:[^()\\]|\\.)*)\)")
_HEXED = re.compile(rb"<([0-9A-Fa-f\s]{4,})>")
_TAGS = re.compile(rb"<[^>]*>")
_QUOTED = re.compile(rb'="([^"]*)"')


def document_texts(data: bytes) -> tuple[list[str], bool]:
    """Return the texts of a PDF, a CDA document or a plain one, and whether all were understood.

    Of a PDF the literal strings of its dictionaries and of its deflated page contents are taken.
    Fonts with an encoding of their own make letters that cannot be told: then nothing is said to
    be understood.

    Examples
    --------
    >>> document_texts(b"<a><name>Jane Roe</name></a>")
    (['Jane Roe'], True)
    """
    data = data.rstrip(b"\0")
    if not data.startswith(b"%PDF"):
        texts = [part.decode("utf-8", "replace") for part in _TAGS.split(data)]
        texts += [part.decode("utf-8", "replace") for part in _QUOTED.findall(data)]
        plain = data.lstrip().startswith(b"<") or b"\0" not in data
        return [text.strip() for text in texts if text.strip()], plain
    pages, total, understood = [data], 0, b"/Identity-H" not in data and b"/Encrypt" not in data
    for stream in _STREAM.findall(data):
        try:
            page = zlib.decompressobj().decompress(stream, _LONGEST)
        except zlib.error:
            continue
        total += len(page)
        if total > 16 * _LONGEST:
            return [], False
        understood = understood and b"/Identity-H" not in page
        pages.append(page)
    texts = []
    for page in pages:
        for line in page.split(b"Tj" if page is not data else b"\n"):
            text = b"".join(_STRING.findall(line)).decode("latin-1").strip()
            if text:
                texts.append(text)
        for hexed in _HEXED.findall(page):
            digits = b"".join(hexed.split())
            raw = bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode())
            text = raw.decode("utf-16-be" if raw[:2] == b"\xfe\xff" else "latin-1", "replace")
            if text.isprintable():
                texts.append(text)
    return texts, understood and len(texts) > 1


def _elements(look: Look, opened: OpenObject) -> None:
    """Gather private values and texts."""
    for leaf in leaves(opened):
        if leaf.creator is not None and leaf.tag & 0xFFFF >= 0x100:
            value = _private(leaf, opened)
            look.private.append(value)
            if not value.text and value.shape == "binary":
                raw = opened.window.read(leaf.at, min(max(leaf.length, 0), _BLOCK))
                look.raw.append((place_of(leaf), raw))
        elif leaf.tag == _DOCUMENT and leaf.length > 0:
            data = opened.window.read(leaf.at, min(leaf.length, 4 * _LONGEST))
            texts, understood = document_texts(data)
            look.texts += [("EncapsulatedDocument", text) for text in texts]
            if not understood:
                look.unseen.add(FREE_TEXT)
        elif leaf.vr in _TEXTS and leaf.length > 0 and leaf.tag not in _NOT_FREE:
            if leaf.length > _LONGEST:
                look.unseen.add(FREE_TEXT)
            text = _decoded(leaf, opened.window.read(leaf.at, min(leaf.length, _LONGEST)))
            if text:
                look.texts.append((place_of(leaf), text))


def look_into(listed: Listed, read_at: ReadAt, size: int) -> Look:
    """Look at one opened file.

    Parameters
    ----------
    listed : Listed
    read_at : callable
        Positioned reader.
    size : int

    Returns
    -------
    Look
    """
    look = Look(shown=listed.shown, size=listed.size, mtime=listed.mtime)
    look.digest = digest_of(read_at, size)
    record = read_content(listed, read_at, size, payloads=True)
    if record.status is FileStatus.NOT_DICOM:
        return look
    look.dicom = True
    look.texts.append(("file name", listed.shown))
    header = record.header
    if record.status is FileStatus.UNREADABLE or header is None:
        look.unseen.update(CHANNELS)
        return look
    look.subject = header.get("PatientID")
    look.embedded = [
        name for name, bit in {**FACTS, **PAYLOAD_FACTS}.items() if header.noticed & bit
    ]
    if header.noticed & Noticed.NOT_UNDERSTOOD:
        look.unseen.add(EMBEDDED)
    try:
        _, start = sniff(read_at(0, 1024), size)
        _elements(look, open_object(read_at, size, start, header.get("TransferSyntaxUID")))
    except OddError:
        look.unseen.update({PRIVATE, FREE_TEXT})
    return look


def opened(listed: Listed, use: Callable[[ReadAt, int], T]) -> T:
    """Return what a function makes of a listed file's reader and size, also inside an archive.

    Raises
    ------
    OSError, ArchiveError
        When it cannot be opened.
    """
    if listed.inside.startswith("zip:"):
        return use(open_zip_member(listed), listed.size)
    descriptor = os.open(listed.path, os.O_RDONLY)
    try:
        if listed.inside.startswith("tar:"):
            base = int(listed.inside.split(":")[1])
            return use(reader_of(descriptor, base, listed.size), listed.size)
        return use(reader_of(descriptor), os.fstat(descriptor).st_size)
    finally:
        os.close(descriptor)


def look_at(listed: Listed) -> Look:
    """Open one listed file, also inside an archive, and look at it."""
    unseen = Look(
        shown=listed.shown, size=listed.size, mtime=listed.mtime, dicom=True, unseen=set(CHANNELS)
    )
    if listed.reason:
        return Look(shown=listed.shown, size=listed.size, mtime=listed.mtime)
    if listed.inside and not listed.inside.startswith(("zip:", "tar:")):
        return unseen
    try:
        return opened(listed, partial(look_into, listed))
    except (OSError, ArchiveError, MemoryError):
        return unseen


def is_object(listed: Listed) -> bool:
    """Tell whether a listed file is a DICOM object, by its first bytes."""
    if listed.reason:
        return False
    if listed.inside:
        return True
    try:
        with open(listed.path, "rb") as handle:  # noqa: PTH123 - a path of bytes
            kind, _ = sniff(handle.read(1024), listed.size)
    except OSError:
        return True
    return kind in {Sniffed.DICOM, Sniffed.BARE}


def parts_of(shown: str) -> Iterator[str]:
    """Yield the parts of a path that are names."""
    yield from (part for part in re.split(r"[/\\]", shown) if part)
