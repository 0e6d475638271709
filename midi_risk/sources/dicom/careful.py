"""The careful reader: pydicom, for every file that the fast reader cannot vouch for.

Values are taken as raw bytes and decoded by `element_text`; pydicom finds the elements, within
budgets, and what came before they ended is kept.
"""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any, BinaryIO, cast

import pydicom
from pydicom import config
from pydicom.dataelem import RawDataElement
from pydicom.filereader import read_dataset, read_partial, read_sequence
from pydicom.multival import MultiValue
from pydicom.uid import DeflatedExplicitVRLittleEndian

from midi_risk.sources.dicom.contents import (
    PREAMBLE,
    TRAILING,
    below,
    contents_text,
    creator_of,
    known_vr,
    line,
    names_creator,
    spelt,
    unread,
)
from midi_risk.sources.dicom.dictionary import vr_of
from midi_risk.sources.dicom.header import (
    BINARY_VRS,
    NUMBER_FORMATS,
    TEXT_VRS,
    Header,
    Noticed,
    ValueCollector,
    notice_of,
    wanted_attributes,
)
from midi_risk.sources.dicom.misfits import INSTANCE, INSTANCE_IN_META, misfit, other_instance
from midi_risk.sources.dicom.nested import (
    NestedValues,
    nested_tags,
    notice_inside,
    notice_private,
)
from midi_risk.sources.dicom.payloads import TOO_MANY, TRUNCATED, PixelElement, check_pixels
from midi_risk.sources.dicom.private import any_unsafe_private, may_be_safe
from midi_risk.sources.dicom.text import element_text, encodings_of
from midi_risk.sources.files.archives import ArchiveError
from midi_risk.sources.files.bounded import BoundedFile, BudgetError, ReadAt
from midi_risk.sources.files.remote import RemoteError

_PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
_DEFER = 8 << 20
_BEGINNINGS = {b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00", b"\xfe\xff\xdd\xe0", b"\xff\xfe\xe0\xdd"}
"""How the value of a sequence begins: an item or its end, in either byte order."""
_INFLATE_LIMIT = 16 << 20


class Stop:
    """Ends the reading at the pixel data, or at a given element.

    Parameters
    ----------
    before : int, optional
        The element.
    """

    def __init__(self, before: int | None = None) -> None:
        self.before = before
        self.last: int | None = None
        self.vr: str | None = None
        self.at_pixels = False
        self.meant = False
        self.met: set[int] = set()
        self.repeated = False

    def __call__(self, tag: int, vr: str | None, length: int) -> bool:
        """Whether pydicom shall stop here."""
        del length
        self.last, self.vr = int(tag), vr
        if self.last in wanted_attributes():
            self.repeated |= self.last in self.met
            self.met.add(self.last)
        self.at_pixels = tag in _PIXELS
        self.meant = self.at_pixels or tag == self.before
        return self.meant


def over(content: bytes) -> BoundedFile:
    """Return a file over bytes at hand, with budgets of its own."""
    return BoundedFile(lambda offset, count: content[offset : offset + count], len(content))


def _inflated(read_at: ReadAt, size: int, start: int, header: Header) -> BoundedFile:
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    plain = bytearray()
    at = start
    while at < size and len(plain) < _INFLATE_LIMIT and not engine.eof:
        block = read_at(at, 1 << 16)
        if not block:
            break
        at += len(block)
        try:
            plain += engine.decompress(block, _INFLATE_LIMIT - len(plain))
        except zlib.error:
            header.flag("truncated: its deflated data set is damaged")
            break
    return over(bytes(plain))


@dataclass(slots=True, kw_only=True)
class Opened:
    """One file as pydicom read it.

    Parameters
    ----------
    meta, data_set : pydicom.Dataset
        Its meta header and its elements.
    bounded : BoundedFile
        What they were read from, at the place where the reading ended.
    stop : Stop
        What ended it.
    deflated : bool
        Whether the data set was deflated, so that places in it are none in the file.
    """

    meta: Any
    data_set: Any
    bounded: BoundedFile
    stop: Stop
    deflated: bool = False


def _plain(read_at: ReadAt, size: int, stop: Stop) -> Opened:
    bounded = BoundedFile(read_at, size)
    found: Any = read_partial(cast("BinaryIO", bounded), stop, defer_size=_DEFER, force=True)
    return Opened(meta=found.file_meta, data_set=found, bounded=bounded, stop=stop)


def _deflated(inflated: BoundedFile, meta: bytes, stop: Stop) -> Opened:
    bounded = BoundedFile(inflated.read_at, inflated.size)
    found: Any = read_dataset(cast("BinaryIO", bounded), False, True, stop_when=stop)
    about: Any = pydicom.filereader._read_file_meta_info(BytesIO(meta))  # noqa: SLF001
    return Opened(meta=about, data_set=found, bounded=bounded, stop=stop, deflated=True)


def _within_budget(opened: Callable[[Stop], Opened], header: Header) -> Opened:
    """Read; where that takes too much, again up to the element that does."""
    stop = Stop()
    try:
        return opened(stop)
    except Exception as error:
        spent = over_budget(error)
        if spent is None or stop.last is None:
            raise
        header.flag(f"{spent}, the rest not read")
        return opened(Stop(before=stop.last))


def open_within_budget(read_at: ReadAt, size: int, start: int, header: Header) -> Opened:
    """Read one data set up to its pixel data.

    Parameters
    ----------
    read_at : callable
        Positioned reader of the file.
    size : int
        Size of the file in bytes.
    start : int
        What `sniff` said.
    header : Header
        Takes a flag where a budget ended the reading.

    Returns
    -------
    Opened
    """
    deflated = _deflated_start(read_at, size, start)
    if deflated is not None:
        inflated = _inflated(read_at, size, deflated, header)
        meta = read_at(start, deflated - start)
        return _within_budget(lambda stop: _deflated(inflated, meta, stop), header)
    shift = 128 if start == 128 else 0

    def shifted(offset: int, count: int) -> bytes:
        return read_at(offset + shift, count)

    return _within_budget(lambda stop: _plain(shifted, size - shift, stop), header)


def _deflated_start(read_at: ReadAt, size: int, start: int) -> int | None:
    head = BoundedFile(read_at, size)
    head.seek(start)
    meta: Any = read_dataset(
        cast("BinaryIO", head),
        False,
        True,
        stop_when=lambda tag, _vr, _length: tag >> 16 != 2,
    )
    if meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
        return head.tell()
    return None


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and those behind it."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__context__


def over_budget(error: BaseException) -> BudgetError | None:
    """Return what stands behind an error; pydicom turns every one in a sequence into OSError."""
    return next((cause for cause in causes(error) if isinstance(cause, BudgetError)), None)


TOO_MANY_ITEMS = "a sequence of too many elements, not searched"


class UnreadableError(Exception):
    """The bytes are no DICOM data set; the message is a fixed phrase."""


def _held(data_set: Any, tag: int) -> Any:
    """Return an element as it was read; large ones were not, and stay where they are."""
    return data_set.get_item(tag, keep_deferred=True)


def value_representation(element: Any) -> str:
    """Return how an element is to be read.

    That is what the file says. Where it says nothing, or something binary of what the standard
    has as text, it is what the standard says: no text becomes invisible by its label.

    Parameters
    ----------
    element : pydicom.dataelem.RawDataElement or pydicom.DataElement

    Examples
    --------
    >>> value_representation(pydicom.DataElement(0x00100010, "OB", b"Doe^Jane"))
    'PN'
    """
    vr = element.VR
    if vr is not None and vr not in BINARY_VRS:
        return str(vr)
    known = vr_of(int(element.tag))
    if not known:
        wanted = wanted_attributes().get(int(element.tag))
        known = wanted.vr if wanted else "UN"
    if vr is None or vr == "UN" or known in TEXT_VRS:
        return known
    return str(vr)


def _raw_bytes(element: Any) -> bytes | None:
    """Return the value field; pydicom has decoded the few elements it needed itself."""
    value = element.value
    if isinstance(value, bytes) or value is None:
        return value
    parts = value if isinstance(value, MultiValue) else [value]
    return "\\".join(str(part) for part in parts).encode("iso8859", "replace")


def _text(element: Any, vr: str, encodings: tuple[str, ...], *, little: bool) -> str | None:
    if vr not in TEXT_VRS and vr not in NUMBER_FORMATS:
        return None
    if isinstance(element, RawDataElement):
        if element.value is None and element.length not in {0, 0xFFFFFFFF}:
            return None
        return element_text(vr, _raw_bytes(element), encodings, little=little)
    return element_text("CS", _raw_bytes(element))


def text_held(data_set: Any, tag: int) -> str:
    """Return the text of an element of a data set, as the scan of its file reads it.

    Parameters
    ----------
    data_set : pydicom.Dataset
        As pydicom read it.
    tag : int

    Examples
    --------
    >>> data_set = pydicom.Dataset()
    >>> data_set.add_new(0x00100020, "OB", b"A 1 ")
    >>> text_held(data_set, 0x00100020)
    'A 1'
    """
    element = _held(data_set, tag)
    vr = value_representation(element)
    if not isinstance(element, RawDataElement):
        if isinstance(element.value, bytes):
            return element_text(vr, element.value) or ""
        parts = element.value if isinstance(element.value, MultiValue) else [element.value or ""]
        return "\\".join(str(part).strip(" \0") for part in parts)
    said = data_set.get("SpecificCharacterSet") or ""
    named = said if isinstance(said, str) else "\\".join(map(str, said))
    encodings, _ = encodings_of(named.encode("ascii", "replace"))
    return _text(element, vr, encodings, little=element.is_little_endian) or ""


def _encodings(data_set: Any, inherited: tuple[str, ...], header: Header) -> tuple[str, ...]:
    element = _held(data_set, 0x00080005) if 0x00080005 in data_set else None
    if element is None:
        return inherited
    encodings, known = encodings_of(_raw_bytes(element) or b"")
    if not known:
        header.flag("an unknown character set")
    return encodings


def _items(data_set: Any, tag: int, header: Header) -> list[Any]:
    element = _held(data_set, tag)
    if isinstance(element, RawDataElement) and element.value is None and element.length:
        header.flag("a sequence of more than 8 MB, not searched")
        return []
    if not isinstance(element, RawDataElement):
        return list(element.value) if isinstance(element.value, pydicom.Sequence) else []
    value = element.value or b""
    if value and value[:4] not in _BEGINNINGS:
        header.flag("a damaged sequence, not searched")
        return []
    bounded = over(value)
    try:
        items: pydicom.Sequence = read_sequence(
            cast("BinaryIO", bounded),
            element.is_implicit_VR,
            element.is_little_endian,
            len(value),
            "iso8859",
        )
    except RecursionError:
        raise
    except Exception as error:  # noqa: BLE001 - pydicom raises many kinds on damaged sequences
        spent = over_budget(error) is not None
        header.flag(TOO_MANY_ITEMS if spent else "a damaged sequence, not searched")
        return []
    return list(items)


def _sequences(data_set: Any, header: Header) -> Iterator[int]:
    for tag in list(data_set.keys()):
        if tag.is_private:
            continue
        element = _held(data_set, tag)
        vr = value_representation(element)
        if vr == "SQ":
            yield int(tag)
        elif element.value and vr_of(int(tag)) == "SQ":
            header.noticed |= Noticed.HIDDEN


def _walk_nested(
    top: Any, encodings: tuple[str, ...], nested: NestedValues, header: Header
) -> None:
    tags = nested_tags()
    little = top.original_encoding[1] is not False
    stack: list[tuple[tuple[int, ...], Any, tuple[str, ...]]] = [((), top, encodings)]
    while stack:
        path, data_set, inherited = stack.pop()
        if path:
            inherited = _encodings(data_set, inherited, header)
            header.noticed |= notice_private(_private_inside(path, data_set, inherited))
            for tag in list(data_set.keys()):
                if data_set.get_item(tag).value:
                    header.noticed |= notice_inside(int(tag))
                if tag in tags:
                    element = _held(data_set, tag)
                    vr = value_representation(element)
                    text = _text(element, vr, inherited, little=little)
                    nested.element(path, int(tag), text)
        below = [
            ((*path, tag, number), item, inherited)
            for tag in _sequences(data_set, header)
            for number, item in enumerate(_items(data_set, tag, header))
        ]
        stack.extend(reversed(below))


def _private_inside(
    path: tuple[int, ...], data_set: Any, encodings: tuple[str, ...]
) -> Iterator[tuple[tuple[int, ...], int, str]]:
    """Yield the private elements of one item."""
    for tag in list(data_set.keys()):
        if tag.is_private:
            creator = 0x10 <= tag & 0xFFFF <= 0xFF
            raw = _raw_bytes(_held(data_set, tag)) if creator else b""
            yield path, int(tag), element_text("LO", raw, encodings) or ""


def _creators(data_set: Any, encodings: tuple[str, ...]) -> dict[int, str]:
    """Return the names of private creators by the element that holds them."""
    return {
        int(tag): element_text("LO", _raw_bytes(_held(data_set, tag)), encodings) or ""
        for tag in list(data_set.keys())
        if names_creator(tag)
    }


def _misfit(element: Any, tag: int, vr: str, *, little: bool) -> str:
    """Return what does not fit about the value of an element that nobody reads."""
    if tag >> 16 & 1 and not may_be_safe(tag):
        return ""
    raw = _raw_bytes(element) if isinstance(element, RawDataElement) or vr in TEXT_VRS else None
    return misfit(tag, vr, raw, little=little) if raw else ""


def _lines(data_set: Any, encodings: tuple[str, ...]) -> Iterator[str]:
    """Yield the line of every element at every depth, and of what could not be searched."""
    little = getattr(data_set, "original_encoding", (False, True))[1] is not False
    stack: list[tuple[str, Any, tuple[str, ...]]] = [("", data_set, encodings)]
    while stack:
        prefix, part, inherited = stack.pop()
        header = Header()
        inherited = _encodings(part, inherited, header)
        creators = _creators(part, inherited)
        for tag in list(part.keys()):
            creator = creator_of(int(tag), creators)
            element = _held(part, tag)
            vr = known_vr(int(tag)) if element.VR in {None, "UN"} else str(element.VR)
            yield line(prefix, int(tag), vr, creator)
            if int(tag) not in (nested_tags() if prefix else wanted_attributes()):
                odd = _misfit(element, int(tag), vr, little=little or int(tag) >> 16 == 2)
                if odd:
                    yield line(prefix, int(tag), odd, creator)
            if vr == "SQ":
                header.flags.clear()
                under = below(prefix, spelt(int(tag), creator))
                stack.extend((under, item, inherited) for item in _items(part, tag, header))
                if header.flags:
                    yield unread(under)


def _contents(
    opened: Opened, header: Header, encodings: tuple[str, ...], *, preamble: bool, cut: bool
) -> str:
    """Return what stands in a file."""
    stop = opened.stop
    found = [*_lines(opened.meta, ("iso8859",)), *_lines(opened.data_set, encodings)]
    uids = (_uid_bytes(*at) for at in _instance_places(opened))
    found += [line("", tag, odd) for tag, odd in other_instance(*uids)]
    if stop.at_pixels and stop.last is not None:
        found.append(line("", stop.last, stop.vr))
    if preamble:
        found.append(PREAMBLE)
    if header.noticed & Noticed.TRAILING_DATA or (opened.deflated and stop.at_pixels):
        found.append(TRAILING)
    if cut:
        found.append(unread(""))
    return contents_text(found)


def _instance_places(opened: Opened) -> Iterator[tuple[Any, int]]:
    """Yield where an object and the header of its file tell its UID."""
    yield opened.meta, INSTANCE_IN_META
    yield opened.data_set, INSTANCE


def _uid_bytes(data_set: Any, tag: int) -> bytes | None:
    return _raw_bytes(_held(data_set, tag)) if tag in data_set else None


def _notice_tags(data_set: Any, encodings: tuple[str, ...], header: Header) -> None:
    private: list[int] = []
    for tag in list(data_set.keys()):
        header.noticed |= notice_of(tag)
        if tag.is_private:
            private.append(int(tag))
    if private and any_unsafe_private(private, _creators(data_set, encodings)):
        header.noticed |= Noticed.UNSAFE_PRIVATE


def _phrase(error: BaseException) -> str:
    """Return a fixed phrase."""
    spent = over_budget(error)
    if spent is not None:
        return str(spent)
    if any(isinstance(cause, RecursionError) for cause in causes(error)):
        return "sequences nested too deeply"
    return f"a damaged header ({type(error).__name__})"


def read_full(read_at: ReadAt, size: int, start: int) -> Header:
    """Read one header with pydicom.

    Parameters
    ----------
    read_at : callable
        Positioned reader of the file.
    size : int
        Size of the file in bytes.
    start : int
        What `sniff` said: 132 behind a preamble and prefix, 128 or 0 without.

    Returns
    -------
    Header

    Raises
    ------
    UnreadableError
        When pydicom finds no data set, or only one too large or too deeply nested.
    ArchiveError, RemoteError
        When bytes of it cannot be had.
    """
    before = config.settings.reading_validation_mode
    config.settings.reading_validation_mode = config.IGNORE
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _read(read_at, size, start)
    except (UnreadableError, MemoryError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        for cause in causes(error):
            if isinstance(cause, (ArchiveError, RemoteError)):
                raise cause from None
        raise UnreadableError(_phrase(error)) from None
    finally:
        config.settings.reading_validation_mode = before


def _judge_end(opened: Opened, header: Header) -> None:
    """Flag what keeps a header from having been read up to its pixel data or the end."""
    bounded = opened.bounded
    if opened.stop.repeated:
        header.flag("an element that stands twice, the last one read")
    if bounded.hole:
        header.flag("zero bytes in place of elements")
    if bounded.truncated:
        header.flag("truncated in its header")
    elif opened.stop.at_pixels and not opened.deflated:
        little = opened.data_set.original_encoding[1] is not False
        pixels = PixelElement(
            read_at=bounded.read_at, size=bounded.size, at=bounded.tell(), little=little
        )
        check_pixels(pixels, header)
    elif not opened.stop.meant and bounded.tell() < bounded.size:
        header.flag("elements behind a stray delimiter, not read")


def _read(read_at: ReadAt, size: int, start: int) -> Header:
    header = Header()
    opened = open_within_budget(read_at, size, start, header)
    meta, data_set = opened.meta, opened.data_set
    _judge_end(opened, header)
    cut = not {TRUNCATED, TOO_MANY}.issuperset(header.flags)
    if opened.stop.at_pixels and not opened.deflated:
        header.pixels_at = opened.bounded.tell() + (128 if start == 128 else 0)
    if not len(data_set) and not len(meta):
        raise UnreadableError("no DICOM element in it")
    collector = ValueCollector()
    encodings = _encodings(data_set, ("iso8859",), header)
    little = data_set.original_encoding[1] is not False
    for tag, wanted in wanted_attributes().items():
        source = meta if tag >> 16 == 2 else data_set
        if tag in source and wanted.vr != "SQ":
            element = _held(source, tag)
            vr = value_representation(element)
            text = _text(element, vr, encodings, little=little or tag >> 16 == 2)
            collector.top(wanted.keyword, text)
    nested = NestedValues(collector)
    _walk_nested(data_set, encodings, nested, header)
    result = nested.result()
    for keyword, uids in result.uids_beside(collector.top_value).items():
        for uid in uids:
            collector.nested(keyword, uid)
    result.note(header, collector.top_value)
    _notice_tags(data_set, encodings, header)
    preamble = start >= 128 and any(read_at(0, 128))
    header.contents = _contents(opened, header, encodings, preamble=preamble, cut=cut)
    header.values = collector.values()
    return header
