"""Opening the files of a source, in folders and in archives, one after the other."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from midi_risk.sources.files.archives import DAMAGED, ArchiveError, open_zip_member, tgz_readers
from midi_risk.sources.files.bounded import ReadAt, in_memory, reader_of
from midi_risk.sources.files.inputs import list_inputs
from midi_risk.sources.files.listing import Listed, cause_of

_PIECE = 64 << 20
_OPEN = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


def _nothing() -> None:
    """Close what needs no closing."""


@dataclass(slots=True, kw_only=True)
class Opened:
    """One file of a source.

    Parameters
    ----------
    shown : str
        Printable path; of an archive's member ``archive!/member``.
    size : int
        Bytes.
    read_at : callable or None
        Positioned reader of its content.
    reason : str
        Why there is none.
    close : callable
        To be called when it is done with.
    """

    shown: str
    size: int = 0
    read_at: ReadAt | None = None
    reason: str = ""
    close: Callable[[], None] = _nothing

    @property
    def stream(self) -> io.BytesIO | None:
        """The whole content, None when there is none."""
        return None if self.read_at is None else io.BytesIO(whole(self.read_at, self.size))


def whole(read_at: ReadAt, size: int) -> bytes:
    """Return all bytes of a file."""
    content = bytearray()
    while len(content) < size:
        piece = read_at(len(content), min(_PIECE, size - len(content)))
        if not piece:
            break
        content += piece
    return bytes(content)


def opened_files(sources: Sequence[str | Path]) -> Iterator[Opened]:
    """Yield every file below paths with its content, in a fixed order.

    Parameters
    ----------
    sources : sequence of path
        Folders, files and archives, as the extraction reads them.

    Yields
    ------
    Opened
        See `opened`.
    """
    yield from opened(list_inputs(sources))


def opened(files: Iterator[Listed] | Sequence[Listed]) -> Iterator[Opened]:
    """Yield listed files with their content.

    Parameters
    ----------
    files : iterable of Listed
        Members of one gzipped tar beside each other.

    Yields
    ------
    Opened
        Members of archives are held in memory one at a time; the checks of the
        extraction apply (unsafe paths, links, expansion).
    """
    for stream, group in groupby(files, key=_stream):
        if stream is None:
            yield from map(_opened, group)
        else:
            yield from _members(list(group))


def _stream(listed: Listed) -> bytes | None:
    """Return the archive of a member that can only be read in one pass."""
    return listed.path if listed.inside.startswith("tgz:") else None


def _opened(listed: Listed) -> Opened:
    if listed.reason:
        return Opened(shown=listed.shown, reason=listed.reason)
    try:
        if listed.inside.startswith("zip:"):
            return _held(listed, open_zip_member(listed))
        descriptor = os.open(listed.path, _OPEN)
    except ArchiveError as error:
        return Opened(shown=listed.shown, reason=str(error))
    except OSError as error:
        return Opened(shown=listed.shown, reason=f"cannot be read: {cause_of(error)}")
    base = int(listed.inside.split(":")[1]) if listed.inside else 0
    size = listed.size if listed.inside else os.fstat(descriptor).st_size
    return Opened(
        shown=listed.shown,
        size=size,
        read_at=reader_of(descriptor, base, size) if listed.inside else reader_of(descriptor),
        close=lambda: os.close(descriptor),
    )


def _held(listed: Listed, read_at: ReadAt) -> Opened:
    """Return a member with its content in memory."""
    content = whole(read_at, listed.size)
    return Opened(shown=listed.shown, size=listed.size, read_at=in_memory(content))


def _members(members: list[Listed]) -> Iterator[Opened]:
    """Yield the members of one gzipped tar."""
    wanted = [member for member in members if not member.reason]
    for member in members:
        if member.reason:
            yield Opened(shown=member.shown, reason=member.reason)
    missing = {member.inside: member for member in wanted}
    try:
        for member, read_at in tgz_readers(wanted) if wanted else ():
            held = _held(member, read_at)
            del missing[member.inside]
            yield held
    except ArchiveError:
        pass
    for member in missing.values():
        yield Opened(shown=member.shown, reason=DAMAGED)
