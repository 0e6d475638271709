"""Every file of a DICOM source, opened: in folders and in archives."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import BinaryIO

from midi_risk.sources.archive import DAMAGED, ArchiveError, open_zip_member, tgz_readers
from midi_risk.sources.bounded import ReadAt
from midi_risk.sources.inputs import list_inputs
from midi_risk.sources.listing import Listed

_PIECE = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """One file of a source.

    Parameters
    ----------
    shown : str
        Printable path; of an archive's member ``archive!/member``.
    size : int
        Bytes.
    stream : file or None
        Its content, from the beginning; the reader closes it.
    reason : str
        Why there is no stream.
    """

    shown: str
    size: int = 0
    stream: BinaryIO | None = None
    reason: str = ""


def opened_files(sources: Sequence[str | Path]) -> Iterator[Opened]:
    """Yield every file below paths with its content, in a fixed order.

    Parameters
    ----------
    sources : sequence of path
        Folders, files and archives, as the extraction reads them.

    Yields
    ------
    Opened
        Members of archives are held in memory one at a time; the checks of the
        extraction apply (unsafe paths, links, expansion).
    """
    for stream, group in groupby(list_inputs(sources), key=_stream):
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
        handle = open(listed.path, "rb")  # noqa: PTH123, SIM115 - bytes; the reader closes it
        if not listed.inside:
            return Opened(shown=listed.shown, size=listed.size, stream=handle)
        with handle:
            handle.seek(int(listed.inside.split(":")[1]))
            content = handle.read(listed.size)
        return Opened(shown=listed.shown, size=listed.size, stream=io.BytesIO(content))
    except ArchiveError as error:
        return Opened(shown=listed.shown, reason=str(error))
    except OSError as error:
        reason = (error.strerror or "input/output error").lower()
        return Opened(shown=listed.shown, reason=f"cannot be read: {reason}")


def _held(listed: Listed, read_at: ReadAt) -> Opened:
    """Return a member with its content in memory."""
    content = bytearray()
    while len(content) < listed.size:
        piece = read_at(len(content), _PIECE)
        if not piece:
            break
        content += piece
    stream = io.BytesIO(bytes(content))
    return Opened(shown=listed.shown, size=listed.size, stream=stream)


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
