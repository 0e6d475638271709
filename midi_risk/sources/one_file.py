"""One file: sniff, read, and say what became of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache

from midi_risk.sources.bounded import ReadAt, reader_of
from midi_risk.sources.full_reader import UnreadableError, read_full
from midi_risk.sources.header import Header, Noticed
from midi_risk.sources.listing import Listed, cause_of
from midi_risk.sources.model import FileStatus
from midi_risk.sources.payloads import notice_payloads
from midi_risk.sources.prefix import HEAD, PrefixParser, RawHeader
from midi_risk.sources.sniff import Sniffed, sniff

_DICOMDIR = "1.2.840.10008.1.3.10"
_OPEN = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


@dataclass(slots=True, kw_only=True)
class FileRecord:
    """What became of one file.

    Parameters
    ----------
    listed : Listed
        The file as the folder listed it.
    status : FileStatus
        One of the four.
    reason : str
        Fixed phrase, empty when read without reservation.
    header : Header, RawHeader or None
        Its attributes, when it has any.
    """

    listed: Listed
    status: FileStatus
    reason: str = ""
    header: Header | RawHeader | None = None


@cache
def _parser() -> PrefixParser:
    return PrefixParser()


def judge(listed: Listed, header: Header | RawHeader) -> FileRecord:
    """Return the record of a file whose header was read."""
    if header.get("MediaStorageSOPClassUID") == _DICOMDIR or header.has("FileSetID"):
        header.noticed |= Noticed.DICOMDIR
    missing = [name for name in ("PatientID", "SOPInstanceUID") if not header.has(name)]
    if header.noticed & Noticed.DICOMDIR:
        header.flag("DICOMDIR, an index of other files")
    elif missing:
        header.noticed |= Noticed.INCOMPLETE
        header.flag(f"incomplete: no {' and no '.join(missing)}")
    if header.flags:
        reason = "; ".join(header.flags)
        return FileRecord(listed=listed, status=FileStatus.FLAGGED, reason=reason, header=header)
    return FileRecord(listed=listed, status=FileStatus.READ, header=header)


def record_without_header(listed: Listed, reason: str, *, readable: bool = False) -> FileRecord:
    """Return the record of a file that yields no attributes."""
    status = FileStatus.NOT_DICOM if readable else FileStatus.UNREADABLE
    return FileRecord(listed=listed, status=status, reason=reason)


def read_content(
    listed: Listed, read_at: ReadAt, size: int, *, payloads: bool = False
) -> FileRecord:
    """Read the header of an opened file.

    Parameters
    ----------
    listed : Listed
        The file.
    read_at : callable
        Positioned reader.
    size : int
        Size in bytes.
    payloads : bool
        Also look into embedded payloads.

    Returns
    -------
    FileRecord
    """
    try:
        head = read_at(0, HEAD)
        kind, start = sniff(head, size)
        if kind not in {Sniffed.DICOM, Sniffed.BARE}:
            return record_without_header(listed, kind.value, readable=True)
        header: Header | RawHeader | None = None
        if kind is Sniffed.DICOM:
            header = _parser().parse(head, read_at, size)
        if header is None:
            header = read_full(read_at, size, start)
        if payloads:
            notice_payloads(header, read_at, size, start)
    except UnreadableError as error:
        return record_without_header(listed, str(error))
    except MemoryError:
        return record_without_header(listed, "a header that does not fit in memory")
    except OSError as error:
        return record_without_header(listed, f"cannot be read: {cause_of(error)}")
    if kind is Sniffed.BARE:
        header.flag("no meta header")
    return judge(listed, header)


def read_local(listed: Listed, *, payloads: bool = False) -> FileRecord:
    """Open and read one local file.

    Parameters
    ----------
    listed : Listed
        From `list_files`.
    payloads : bool
        Also look into embedded payloads.

    Returns
    -------
    FileRecord
    """
    if listed.reason:
        return record_without_header(listed, listed.reason, readable=listed.harmless)
    try:
        descriptor = os.open(listed.path, _OPEN)
    except OSError as error:
        return record_without_header(listed, f"cannot be read: {cause_of(error)}")
    try:
        before = os.fstat(descriptor)
        record = read_content(listed, reader_of(descriptor), before.st_size, payloads=payloads)
        after = os.fstat(descriptor)
    except OSError as error:
        return record_without_header(listed, f"cannot be read: {cause_of(error)}")
    finally:
        os.close(descriptor)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        return record_without_header(listed, "changed while it was read")
    return record
