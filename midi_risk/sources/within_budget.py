"""pydicom's reading of one data set, within budgets: it keeps what came before they ended."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any, BinaryIO, cast

import pydicom
from pydicom.filereader import read_dataset, read_partial
from pydicom.uid import DeflatedExplicitVRLittleEndian

from midi_risk.sources.bounded import BoundedFile, BudgetError, ReadAt
from midi_risk.sources.header import Header

_PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
_DEFER = 8 << 20
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
        self.at_pixels = False
        self.meant = False

    def __call__(self, tag: int, vr: str | None, length: int) -> bool:
        """Whether pydicom shall stop here."""
        del vr, length
        self.last = int(tag)
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
