"""The careful reader: pydicom, for every file that the prefix parser cannot vouch for.

Values are taken as raw bytes and decoded by `element_text`; pydicom finds the elements.
"""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Any, BinaryIO, cast

import pydicom
from pydicom import config
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset, read_partial
from pydicom.multival import MultiValue
from pydicom.uid import DeflatedExplicitVRLittleEndian
from pydicom.values import convert_SQ

from midi_risk.sources.bounded import BoundedFile, BudgetError, ReadAt
from midi_risk.sources.element_text import element_text, encodings_of
from midi_risk.sources.header import Header, Noticed, ValueCollector, notice_of
from midi_risk.sources.nested import NOTICED_INSIDE, NestedValues, nested_tags
from midi_risk.sources.pixels import PixelElement, check_pixels
from midi_risk.sources.private_safe import any_unsafe_private
from midi_risk.sources.wanted import NUMBER_FORMATS, TEXT_VRS, wanted_attributes

_PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
_DEFER = 8 << 20
_INFLATE_LIMIT = 16 << 20


class UnreadableError(Exception):
    """The bytes are no DICOM data set; the message is a fixed phrase."""


def _at_pixels(tag: int, vr: str | None, length: int) -> bool:
    del vr, length
    return tag in _PIXELS


def _vr_of(element: Any) -> str:
    vr = element.VR
    if vr is None or vr == "UN":
        try:
            return str(dictionary_VR(element.tag))
        except KeyError:
            wanted = wanted_attributes().get(int(element.tag))
            return wanted.vr if wanted else "UN"
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


def _encodings(data_set: Any, inherited: tuple[str, ...], header: Header) -> tuple[str, ...]:
    element = data_set.get_item(0x00080005) if 0x00080005 in data_set else None
    if element is None:
        return inherited
    encodings, known = encodings_of(_raw_bytes(element) or b"")
    if not known:
        header.flag("an unknown character set")
    return encodings


def _items(data_set: Any, tag: int, header: Header) -> list[Any]:
    element = data_set.get_item(tag)
    if isinstance(element, RawDataElement) and element.value is None and element.length:
        header.flag("a sequence of more than 8 MB, not searched")
        return []
    try:
        value = data_set[tag].value
        if isinstance(value, bytes):
            implicit, little = element.is_implicit_VR, element.is_little_endian
            value = convert_SQ(value, implicit, little)
    except (BudgetError, RecursionError):
        raise
    except Exception:  # noqa: BLE001 - pydicom raises many kinds on damaged sequences
        header.flag("a damaged sequence, not searched")
        return []
    return list(value) if isinstance(value, pydicom.Sequence) else []


def _sequences(data_set: Any) -> Iterator[int]:
    for tag in list(data_set.keys()):
        element = data_set.get_item(tag)
        if _vr_of(element) == "SQ" and not tag.is_private:
            yield int(tag)


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
            for tag in list(data_set.keys()):
                if tag in NOTICED_INSIDE and data_set.get_item(tag).value:
                    header.noticed |= NOTICED_INSIDE[tag]
                if tag in tags:
                    element = data_set.get_item(tag)
                    text = _text(element, _vr_of(element), inherited, little=little)
                    nested.element(path, int(tag), text)
        below = [
            ((*path, tag, number), item, inherited)
            for tag in _sequences(data_set)
            for number, item in enumerate(_items(data_set, tag, header))
        ]
        stack.extend(reversed(below))


def _notice_tags(data_set: Any, encodings: tuple[str, ...], header: Header) -> None:
    private: list[int] = []
    creators: dict[int, str] = {}
    for tag in list(data_set.keys()):
        header.noticed |= notice_of(tag)
        if tag.is_private:
            private.append(int(tag))
            if 0x10 <= tag & 0xFFFF <= 0xFF:
                raw = _raw_bytes(data_set.get_item(tag))
                creators[int(tag)] = element_text("LO", raw, encodings) or ""
    if private and any_unsafe_private(private, creators):
        header.noticed |= Noticed.UNSAFE_PRIVATE


def _inflated(read_at: ReadAt, size: int, start: int, header: Header) -> DicomBytesIO:
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
    return DicomBytesIO(bytes(plain))


def _open(read_at: ReadAt, size: int, at: int, header: Header) -> tuple[Any, Any, BoundedFile]:
    """Return meta header, data set and the file behind it."""
    bounded = BoundedFile(read_at, size)
    if at == 128:
        bounded.seek(128)
        shifted = BoundedFile(lambda offset, count: read_at(offset + 128, count), size - 128)
        return _partial(shifted, header)
    return _partial(bounded, header)


def _partial(bounded: BoundedFile, header: Header) -> tuple[Any, Any, BoundedFile]:
    del header
    found: Any = read_partial(cast("BinaryIO", bounded), _at_pixels, defer_size=_DEFER, force=True)
    return found.file_meta, found, bounded


def _deflated_start(read_at: ReadAt, size: int) -> int | None:
    head = BoundedFile(read_at, size)
    head.seek(132)
    meta: Any = read_dataset(
        cast("BinaryIO", head),
        False,
        True,
        stop_when=lambda tag, _vr, _length: tag >> 16 != 2,
    )
    if meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
        return head.tell()
    return None


def _phrase(error: BaseException) -> str:
    """Return a fixed phrase; pydicom turns every error inside a sequence into OSError."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, BudgetError):
            return str(cause)
        if isinstance(cause, RecursionError):
            return "sequences nested too deeply"
        cause = cause.__context__
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
        raise UnreadableError(_phrase(error)) from None
    finally:
        config.settings.reading_validation_mode = before


def _read(read_at: ReadAt, size: int, start: int) -> Header:
    header = Header()
    deflated = _deflated_start(read_at, size) if start == 132 else None
    if deflated is None:
        meta, data_set, bounded = _open(read_at, size, start, header)
        if bounded.truncated:
            header.flag("truncated in its header")
        elif bounded.tell() < bounded.size:
            little = data_set.original_encoding[1]
            pixels = PixelElement(
                read_at=bounded.read_at, size=bounded.size, at=bounded.tell(),
                little=little is not False,
            )  # fmt: skip
            check_pixels(pixels, header)
            header.pixels_at = bounded.tell() + (128 if start == 128 else 0)
    else:
        inflated = _inflated(read_at, size, deflated, header)
        meta = pydicom.filereader._read_file_meta_info(  # noqa: SLF001
            BytesIO(read_at(132, deflated - 132))
        )
        data_set = read_dataset(cast("BinaryIO", inflated), False, True, stop_when=_at_pixels)
    if not len(data_set) and not len(meta):
        raise UnreadableError("no DICOM element in it")
    collector = ValueCollector()
    encodings = _encodings(data_set, ("iso8859",), header)
    little = data_set.original_encoding[1] is not False
    for tag, wanted in wanted_attributes().items():
        source = meta if tag >> 16 == 2 else data_set
        if tag in source and wanted.vr != "SQ":
            element = source.get_item(tag)
            text = _text(element, _vr_of(element), encodings, little=little or tag >> 16 == 2)
            collector.top(wanted.keyword, text)
    nested = NestedValues(collector)
    _walk_nested(data_set, encodings, nested, header)
    nested.result().note(header, collector.top_value)
    _notice_tags(data_set, encodings, header)
    header.values = collector.values()
    return header
