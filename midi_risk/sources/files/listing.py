"""Every file below the given paths, in a fixed order, each met once.

The list lies on disk: written as it is made, read in order.
"""

from __future__ import annotations

import hashlib
import os
import platform
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from midi_risk.errors import SourceError
from midi_risk.sources.arrow import bytes_array, integer_array, text_array, truth_array

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
    state : int
        What this machine alone can tell: its own number and a digest of the change time and inode;
        0 where there is none. See `differs`.
    """

    path: bytes
    shown: str
    size: int = 0
    mtime: int = 0
    reason: str = ""
    harmless: bool = False
    inside: str = ""
    state: int = 0


MACHINE_UNIT = 1 << 39
"""What a state is divided by to give the number of the machine that saw it."""


@cache
def _machine() -> int:
    """Return a number of this machine, never 0; files are seen again by another one as they are."""
    try:
        told = Path("/etc/machine-id").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        told = ""
    digest = hashlib.sha256((told or platform.node()).encode()).digest()
    return int.from_bytes(digest[:2], "big") + 1


def _state(about: os.stat_result) -> int:
    """Return what a change of content behind an equal size and time would show, here."""
    own = hash((about.st_ctime_ns, about.st_ino)) % MACHINE_UNIT
    return _machine() * MACHINE_UNIT + own


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
    return Listed(
        path=path, shown=shown, size=about.st_size, mtime=about.st_mtime_ns, state=_state(about)
    )


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


PROJECT, LOG = b"midi-risk.yaml", b"log.jsonl"
RESULTS = frozenset(
    {b"assessment.json", b"plan.json", b"subjects.parquet", b"summary.csv", LOG}
    | {b"report-internal.html", b"report-shareable.html"}
)
"""What midi-risk writes into a folder of results."""

_OWN_FOLDER = b".midi-risk"
"""Store and staging folders of midi-risk begin so."""


def without_own(entries: Sequence[os.DirEntry[bytes]]) -> list[os.DirEntry[bytes]]:
    """Leave out what midi-risk itself wrote into a folder: a project, its log, its results.

    By rule, never by name alone: the log counts beside a project file or an assessment,
    results where an assessment lies with its reports. A source may have files of these names.

    Parameters
    ----------
    entries : sequence of os.DirEntry
        Of one folder.
    """
    names = {entry.name for entry in entries}
    own: set[bytes] = set()
    if PROJECT in names:
        own |= {PROJECT, LOG}
    if {b"assessment.json", b"report-internal.html"} <= names:
        own |= RESULTS
    return [e for e in entries if e.name not in own and not e.name.startswith(_OWN_FOLDER)]


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
                found = without_own(sorted(entries, key=lambda entry: entry.name))
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


NAME = "listing.parquet"
_SCHEMA = pa.schema(
    [
        ("_n", pa.int64()), ("_path", pa.string()), ("_raw", pa.binary()), ("_size", pa.int64()),
        ("_mtime", pa.int64()), ("_why", pa.string()), ("_harmless", pa.bool_()),
        ("_inside", pa.string()), ("_state", pa.int64()),
    ]
)  # fmt: skip
_BUILDERS: tuple[Callable[[Any], pa.Array], ...] = (
    integer_array, text_array, bytes_array, integer_array, integer_array, text_array,
    truth_array, text_array, integer_array,
)  # fmt: skip
_REPEATED = ["_why", "_inside"]
_AT_ONCE = 4_096


def write_listing(folder: Path, files: Iterable[Listed]) -> int:
    """Write which files there are; return their number."""
    target = folder / NAME
    temporary = target.with_name(NAME + ".tmp")
    count = 0
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with (
        os.fdopen(descriptor, "wb") as handle,
        pq.ParquetWriter(handle, _SCHEMA, compression="zstd", use_dictionary=_REPEATED) as writer,
    ):
        rows: list[tuple[Any, ...]] = []
        for item in files:
            rows.append(
                (
                    count, item.shown, item.path, item.size, item.mtime, item.reason,
                    item.harmless, item.inside, item.state,
                )
            )  # fmt: skip
            count += 1
            if len(rows) >= _AT_ONCE:
                writer.write_batch(_batch(rows))
                rows = []
        writer.write_batch(_batch(rows))
    temporary.replace(target)
    return count


def _batch(rows: list[tuple[Any, ...]]) -> pa.RecordBatch:
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(_SCHEMA)
    built = zip(_BUILDERS, columns, strict=True)
    return pa.RecordBatch.from_arrays([build(values) for build, values in built], schema=_SCHEMA)


def listing_batches(folder: Path, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Yield the list in order."""
    with pq.ParquetFile(folder / NAME) as reader:
        yield from reader.iter_batches(_AT_ONCE, columns=columns)


def listed_in(batch: pa.RecordBatch) -> Iterator[Listed]:
    """Yield the files of a batch of the list."""
    for row in batch.to_pylist():
        yield Listed(
            path=row["_raw"],
            shown=row["_path"],
            size=row["_size"],
            mtime=row["_mtime"],
            reason=row["_why"],
            harmless=row["_harmless"],
            inside=row["_inside"],
            state=row["_state"],
        )
