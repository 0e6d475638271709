"""Files inside zip, tar and gzipped tar archives, read where they lie.

Nothing is unpacked to disk. Members with unsafe names, links, encrypted members, archives
inside archives and members that expand beyond reason are refused with a reason each.
"""

from __future__ import annotations

import gzip
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import PurePosixPath
from typing import IO, Any, cast

from midi_risk.sources.files.bounded import ReadAt
from midi_risk.sources.files.listing import Listed, printable

RATIO_LIMIT = 200
"""Most times that a member of more than `SMALL` bytes may expand."""

SMALL = 16 << 20
MEMBERS_LIMIT = 5_000_000
_HEADER_LIMIT = 1 << 20

UNSAFE = "an archive member with an unsafe path, refused"
LINK = "a link inside an archive, not followed"
SPECIAL = "a device or pipe inside an archive, not opened"
ENCRYPTED = "an encrypted archive member, not read"
BOMB = "an archive member that expands beyond reason, refused"
OVERLAP = "an archive whose members overlap, refused"
SPARSE = "a sparse archive member, not read"
TOO_MANY = "an archive with too many members, the rest refused"
DAMAGED = "a damaged archive"
NESTED = "an archive inside an archive, not opened"

_DAMAGE = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, struct.error, EOFError, LookupError,
    OverflowError, ValueError,
)  # fmt: skip
"""What Python's own readers raise on damaged archives."""

_KINDS = ((".zip", "zip"), (".tar", "tar"), (".tar.gz", "tgz"), (".tgz", "tgz"))

_MAGIC: dict[str, Callable[[bytes], bool]] = {
    "zip": lambda head: head.startswith((b"PK\x03\x04", b"PK\x05\x06")),
    "tar": lambda head: head[257:262] == b"ustar" or head[124:135].strip(b" 01234567\0") == b"",
    "tgz": lambda head: head.startswith(b"\x1f\x8b"),
}


class ArchiveError(Exception):
    """A member cannot be read; the message is a fixed phrase."""


def archive_kind(path: bytes) -> str | None:
    """Return ``"zip"``, ``"tar"`` or ``"tgz"``, None when name or first bytes say otherwise."""
    name = path.lower()
    kind = next((kind for ending, kind in _KINDS if name.endswith(ending.encode())), None)
    if kind is None:
        return None
    try:
        with open(path, "rb") as handle:  # noqa: PTH123 - the path is bytes
            head = handle.read(512)
    except OSError:
        return None
    return kind if _MAGIC[kind](head) else None


def unsafe_name(name: str) -> bool:
    r"""Whether a member's name is absolute or climbs out of the archive.

    Examples
    --------
    >>> unsafe_name("a/../../etc/passwd"), unsafe_name("C:\\x"), unsafe_name("a/b.dcm")
    (True, True, False)
    """
    plain = name.replace("\\", "/")
    drive = len(plain) > 1 and plain[1] == ":"
    return plain.startswith("/") or drive or ".." in PurePosixPath(plain).parts


def _member(archive: Listed, name: str, inside: str, size: int, reason: str = "") -> Listed:
    return Listed(
        path=archive.path,
        shown=f"{archive.shown}!/{printable(name)}",
        size=size,
        mtime=archive.mtime,
        state=archive.state,
        reason=reason,
        harmless=reason == LINK,
        inside=inside,
    )


def _zip_reason(entry: zipfile.ZipInfo) -> str:
    mode = entry.external_attr >> 16
    if unsafe_name(entry.filename):
        return UNSAFE
    if stat.S_ISLNK(mode):
        return LINK
    if entry.flag_bits & 0x1:
        return ENCRYPTED
    if entry.file_size > max(SMALL, RATIO_LIMIT * entry.compress_size):
        return BOMB
    return ""


def _zip_members(archive: Listed) -> Iterator[Listed]:
    with zipfile.ZipFile(os.fsdecode(archive.path)) as opened:
        entries = [entry for entry in opened.infolist() if not entry.filename.endswith("/")]
        if sum(entry.compress_size for entry in entries) > archive.size:
            yield _member(archive, "", "", 0, OVERLAP)
            return
        met: dict[str, int] = {}
        for number, entry in enumerate(entries[:MEMBERS_LIMIT]):
            met[entry.filename] = met.get(entry.filename, 0) + 1
            again = f"#{met[entry.filename]}" if met[entry.filename] > 1 else ""
            reason = _zip_reason(entry)
            name = entry.filename + again
            yield _member(archive, name, f"zip:{number}", entry.file_size, reason)
        if len(entries) > MEMBERS_LIMIT:
            yield _member(archive, "", "", 0, TOO_MANY)


def _tar_reason(entry: tarfile.TarInfo, archive: Listed, *, packed: bool) -> str:
    if unsafe_name(entry.name):
        return UNSAFE
    if entry.issym() or entry.islnk():
        return LINK
    if not entry.isreg():
        return SPECIAL
    if entry.issparse():
        return SPARSE
    if packed and entry.size > max(SMALL, RATIO_LIMIT * archive.size):
        return BOMB
    return ""


class _Capped:
    """A tar's bytes, of which no header may be larger than any is.

    Python reads the header of a long name or of extended attributes whole, and a gzipped
    one of gigabytes is a file of megabytes.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self.seek = stream.seek
        self.tell = stream.tell
        self._read = stream.read

    def read(self, count: int) -> bytes:
        """Return bytes, where no more than a header is asked for."""
        if count > _HEADER_LIMIT:
            raise tarfile.ReadError(DAMAGED)
        return self._read(count)


def _ended(opened: tarfile.TarFile) -> bool:
    """Whether a tar ends with its mark; one cut between members has none."""
    stream = opened.fileobj
    if stream is None:
        return False
    stream.seek(opened.offset)
    return stream.read(tarfile.BLOCKSIZE) == bytes(tarfile.BLOCKSIZE)


def _tar_members(archive: Listed, kind: str) -> Iterator[Listed]:
    packed = kind == "tgz"
    total = 0
    met: dict[str, int] = {}
    opener: Any = gzip.open if packed else open
    with (
        opener(archive.path, "rb") as stream,
        tarfile.open(fileobj=cast("Any", _Capped(stream)), mode="r:") as opened,
    ):
        for number, entry in enumerate(opened):
            opened.members = []  # type: ignore[attr-defined]
            if entry.isdir():
                continue
            total += entry.size
            if packed and total > max(64 * SMALL, RATIO_LIMIT * archive.size):
                yield _member(archive, "", "", 0, BOMB)
                return
            if number >= MEMBERS_LIMIT:
                yield _member(archive, "", "", 0, TOO_MANY)
                return
            met[entry.name] = met.get(entry.name, 0) + 1
            again = f"#{met[entry.name]}" if met[entry.name] > 1 else ""
            inside = f"tgz:{number}" if packed else f"tar:{entry.offset_data}"
            reason = _tar_reason(entry, archive, packed=packed)
            yield _member(archive, entry.name + again, inside, entry.size, reason)
        if not _ended(opened):
            yield _member(archive, "", "", 0, DAMAGED)


def list_members(archive: Listed, kind: str) -> Iterator[Listed]:
    """Yield one entry per member of an archive; damage ends the list with one entry.

    Parameters
    ----------
    archive : Listed
        The archive's file.
    kind : {"zip", "tar", "tgz"}
        From `archive_kind`.

    Yields
    ------
    Listed
    """
    members = _zip_members(archive) if kind == "zip" else _tar_members(archive, kind)
    empty = True
    try:
        for member in members:
            empty = False
            yield member
        if empty:
            yield replace(archive, reason="an archive without files", harmless=True)
    except (*_DAMAGE, OSError, NotImplementedError, RuntimeError):
        yield _member(archive, "", "", 0, DAMAGED)


def _bounded(stream: IO[bytes], size: int) -> ReadAt:
    def read_at(offset: int, count: int) -> bytes:
        if offset >= size:
            return b""
        try:
            if stream.tell() != offset:
                stream.seek(offset)
            return stream.read(min(count, size - offset))
        except (*_DAMAGE, NotImplementedError, RuntimeError, tarfile.StreamError) as error:
            raise ArchiveError(DAMAGED) from error

    return read_at


@lru_cache(maxsize=2)
def _zip_opened(path: bytes, mtime: int) -> tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]:
    del mtime
    opened = zipfile.ZipFile(os.fsdecode(path))
    return opened, [entry for entry in opened.infolist() if not entry.filename.endswith("/")]


def open_zip_member(listed: Listed) -> ReadAt:
    """Return a positioned reader of one member of a zip archive."""
    number = int(listed.inside.split(":")[1])
    try:
        opened, entries = _zip_opened(listed.path, listed.mtime)
        return _bounded(opened.open(entries[number]), listed.size)
    except (*_DAMAGE, NotImplementedError, RuntimeError) as error:
        raise ArchiveError(DAMAGED) from error


def tgz_readers(members: list[Listed]) -> Iterator[tuple[Listed, ReadAt]]:
    """Yield members of one gzipped tar with their readers, in one pass.

    A reader is valid until the next member is asked for.
    """
    waiting = {int(member.inside.split(":")[1]): member for member in members}
    try:
        with tarfile.open(os.fsdecode(members[0].path), "r:gz") as opened:
            for number, entry in enumerate(opened):
                opened.members = []  # type: ignore[attr-defined]
                member = waiting.get(number)
                stream = opened.extractfile(entry) if member is not None else None
                if member is not None and stream is not None:
                    del waiting[number]
                    yield member, _bounded(stream, member.size)
                if not waiting:
                    return
    except (*_DAMAGE, OSError) as error:
        raise ArchiveError(DAMAGED) from error
