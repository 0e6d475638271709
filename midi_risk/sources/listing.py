"""Every file below the given paths, in a fixed order, each met once."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from midi_risk.errors import SourceError

_SPECIAL = (
    (stat.S_ISFIFO, "a named pipe, not opened"),
    (stat.S_ISSOCK, "a socket, not opened"),
    (stat.S_ISCHR, "a character device, not opened"),
    (stat.S_ISBLK, "a block device, not opened"),
)


@dataclass(slots=True, kw_only=True)
class Listed:
    """One directory entry that is not a folder.

    Parameters
    ----------
    path : bytes
        Path as the operating system wants it.
    shown : str
        The same, printable: control and undecodable bytes are escaped.
    size : int
        Bytes.
    mtime : int
        Modification time in nanoseconds.
    reason : str
        Empty for a regular file, else why it was not opened.
    harmless : bool
        Whether nothing is missed by not opening it.
    inside : str
        Where it lies in an archive or remote file system, empty for a local file.
    """

    path: bytes
    shown: str
    size: int = 0
    mtime: int = 0
    reason: str = ""
    harmless: bool = False
    inside: str = ""


def printable(path: bytes | str) -> str:
    r"""Return a path as text that no terminal and no table can trip over.

    Different paths stay different.

    Examples
    --------
    >>> printable(b"a\nb\x1b[31m")
    'a\\x0ab\\x1b[31m'
    """
    text = path if isinstance(path, str) else path.decode("utf-8", "backslashreplace")
    if text.isprintable() and (os.sep == "\\" or "\\" not in text):
        return text
    if os.sep != "\\":
        text = text.replace("\\", "\\\\")
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(
        char if char.isprintable() else f"\\x{ord(char):02x}" if ord(char) < 256 else _wide(char)
        for char in text
    )


def _wide(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def _entry(path: bytes) -> Listed:
    shown = printable(path)
    try:
        about = os.stat(path)  # noqa: PTH116
    except OSError as error:
        return Listed(path=path, shown=shown, reason=f"cannot be read: {cause_of(error)}")
    for is_special, reason in _SPECIAL:
        if is_special(about.st_mode):
            return Listed(path=path, shown=shown, reason=reason, harmless=True)
    return Listed(path=path, shown=shown, size=about.st_size, mtime=about.st_mtime_ns)


def cause_of(error: OSError) -> str:
    """Return the operating system's reason, without the path it names."""
    return (error.strerror or "input/output error").lower()


Identity = tuple[int, int]
"""Device and number of a folder."""


def _identity(path: bytes) -> Identity:
    about = os.stat(path)  # noqa: PTH116
    return about.st_dev, about.st_ino


@dataclass(slots=True)
class _Met:
    """What was met so far: folders, those whose files were listed, and single files."""

    folders: set[Identity] = field(default_factory=set)
    listed: set[Identity] = field(default_factory=set)
    single: set[tuple[Identity, bytes]] = field(default_factory=set)


def _below(folder: bytes, met: _Met) -> Iterator[Listed]:
    """Walk one folder depth first by name, with a stack of its own."""
    stack = [folder]
    while stack:
        current = stack.pop()
        try:
            identity = _identity(current)
            if identity in met.folders:
                yield Listed(
                    path=current,
                    shown=printable(current),
                    reason="a link to a folder met before",
                    harmless=True,
                )
                continue
            met.folders.add(identity)
            with os.scandir(current) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
            met.listed.add(identity)
        except OSError as error:
            yield Listed(
                path=current,
                shown=printable(current),
                reason=f"a folder that cannot be read: {cause_of(error)}",
            )
            continue
        folders = []
        for entry in found:
            try:
                inside = entry.is_dir()
            except OSError:
                inside = False
            if inside:
                folders.append(entry.path)
            elif not met.single or (identity, entry.name) not in met.single:
                yield _entry(entry.path)
        stack.extend(reversed(folders))


def list_files(paths: Sequence[str | Path]) -> Iterator[Listed]:
    """Yield every file below files and folders, deterministic, without following loops.

    A file that is given and lies in a folder that is given, too, is met once.

    Parameters
    ----------
    paths : sequence of str or Path
        Files and folders.

    Yields
    ------
    Listed
        Regular files, and one entry with a reason for whatever cannot be opened.

    Raises
    ------
    SourceError
        When a given path does not exist.
    """
    for given in paths:
        raw = os.fsencode(given)
        if not os.path.lexists(raw):
            raise SourceError(
                f"{printable(raw)} does not exist", hint="Check the path of the source"
            )
    met = _Met()
    for given in paths:
        raw = os.fsencode(given)
        if os.path.isdir(raw):  # noqa: PTH112
            yield from _below(raw, met)
            continue
        place = _identity(os.path.dirname(raw) or b"."), os.path.basename(raw)  # noqa: PTH119, PTH120
        if place not in met.single and place[0] not in met.listed:
            met.single.add(place)
            yield _entry(raw)
