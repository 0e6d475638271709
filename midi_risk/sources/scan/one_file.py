"""One file: sniff, read, and say what became of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from midi_risk.sources.dicom.careful import UnreadableError, read_full
from midi_risk.sources.dicom.fast import PrefixParser
from midi_risk.sources.dicom.header import Header, Noticed
from midi_risk.sources.dicom.payloads import notice_payloads
from midi_risk.sources.dicom.text import RawHeader
from midi_risk.sources.files.archives import NESTED, ArchiveError, open_zip_member
from midi_risk.sources.files.bounded import ReadAt, reader_of
from midi_risk.sources.files.listing import Listed, cause_of
from midi_risk.sources.files.remote import RemoteError
from midi_risk.sources.files.sniff import EMPTY, Sniffed, named_like_dicom, sniff
from midi_risk.sources.model import FileStatus

_ARCHIVES = frozenset({Sniffed.ZIP, Sniffed.TAR, Sniffed.GZIP, Sniffed.SEVEN_ZIP, Sniffed.BZIP2})
_DICOMDIR = "1.2.840.10008.1.3.10"
_NEEDED = ("PatientID", "SOPInstanceUID")
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
    missing = [name for name in _NEEDED if not header.has(name)]
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
        head = read_at(0, _parser().head)
        kind, start = sniff(head, size)
        if kind is Sniffed.EMPTY and named_like_dicom(listed.shown):
            return record_without_header(listed, EMPTY)
        if kind is not Sniffed.DICOM and kind is not Sniffed.BARE:
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


def read_member(
    listed: Listed, opened: Callable[[], ReadAt], *, payloads: bool = False
) -> FileRecord:
    """Read one member of an archive, or one remote file.

    Parameters
    ----------
    listed : Listed
        The member.
    opened : callable
        Opens it and returns its positioned reader.
    payloads : bool
        Also look into embedded payloads.

    Returns
    -------
    FileRecord
        An archive inside an archive is unreadable.
    """
    try:
        record = read_content(listed, opened(), listed.size, payloads=payloads)
    except (ArchiveError, RemoteError) as error:
        return record_without_header(listed, str(error))
    except OSError as error:
        return record_without_header(listed, f"cannot be read: {cause_of(error)}")
    if record.reason in _ARCHIVES and listed.inside != "url":
        return record_without_header(listed, NESTED)
    return record


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
    if listed.inside.startswith("zip:"):
        return read_member(listed, lambda: open_zip_member(listed), payloads=payloads)
    try:
        descriptor = os.open(listed.path, _OPEN)
    except OSError as error:
        return record_without_header(listed, f"cannot be read: {cause_of(error)}")
    try:
        before = os.fstat(descriptor)
        if listed.inside.startswith("tar:"):
            base = int(listed.inside.split(":")[1])
            record = read_member(
                listed, lambda: reader_of(descriptor, base, listed.size), payloads=payloads
            )
        else:
            read_at = reader_of(descriptor)
            record = read_content(listed, read_at, before.st_size, payloads=payloads)
        after = os.fstat(descriptor)
    except OSError as error:
        return record_without_header(listed, f"cannot be read: {cause_of(error)}")
    finally:
        os.close(descriptor)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        return record_without_header(listed, "changed while it was read")
    return record
