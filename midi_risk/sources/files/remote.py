"""Files behind URLs, through fsspec file systems (extra ``remote``).

Only ranges are fetched: the first 16 kB of each file, and what the header needs beyond,
many at a time, as a request costs far more waiting than work.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from midi_risk.errors import SourceError
from midi_risk.sources.files.bounded import HEAD, ReadAt
from midi_risk.sources.files.listing import Listed, printable

FileRecordT = TypeVar("FileRecordT")

UNREACHABLE = "a remote file that could not be fetched"
NO_SIZE = "a remote file of unknown size, not fetched"
_URL = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_THREADS = 16
_LISTED = 512
_BLOCK = 1 << 16
_ROUNDS = 16
_CREDENTIALS = re.compile(r"(://)[^/@]*@|[?#].*")


def is_url(path: str | Path) -> bool:
    """Whether a path is a URL.

    Examples
    --------
    >>> is_url("s3://bucket/images"), is_url("images/ct")
    (True, False)
    """
    return isinstance(path, str) and _URL.match(path) is not None


def shown_url(url: str) -> str:
    """Return a URL without credentials, query and control characters.

    Examples
    --------
    >>> shown_url("https://user:secret@host/a?token=1")
    'https://host/a'
    """
    return printable(_CREDENTIALS.sub(lambda match: match.group(1) or "", url))


@lru_cache(maxsize=8)
def _filesystem(url: str) -> Any:
    """Return the file system of a URL's protocol and host."""
    try:
        import fsspec  # noqa: PLC0415 - an extra
    except ImportError:
        raise SourceError(
            f"{shown_url(url)} is a URL, which needs the extra 'remote'",
            hint="pip install 'midi-risk[remote]'",
        ) from None
    try:
        return fsspec.core.url_to_fs(url)[0]
    except (ImportError, ValueError):
        raise SourceError(
            f"{shown_url(url)} has a protocol that is not installed",
            hint="Install the fsspec file system for it",
        ) from None


def _version(about: dict[str, Any]) -> int:
    """Return a number that changes when the file does, as far as the server tells."""
    keys = ("ETag", "etag", "mtime", "LastModified", "last_modified", "created", "Last-Modified")
    told = "|".join(str(about[key]) for key in keys if about.get(key))
    return int.from_bytes(hashlib.sha256(told.encode()).digest()[:7], "big")


def _join(url: str, found: str) -> str:
    scheme = url.split("://", 1)[0]
    if scheme in {"file", "local"}:
        return f"{scheme}://{found}"
    return found if "://" in found else f"{scheme}://{found.lstrip('/')}"


def _about(system: Any, url: str) -> dict[str, Any]:
    try:
        return dict(system.info(url))
    except Exception:  # noqa: BLE001 - file systems raise what they like
        return {}


@contextlib.contextmanager
def _in_one_line(url: str, done: str) -> Iterator[None]:
    """Say in one line what could not be done with a URL, whatever its file system raises."""
    try:
        yield
    except SourceError:
        raise
    except Exception:  # noqa: BLE001 - file systems raise what they like
        raise SourceError(
            f"{shown_url(url)} cannot be {done}", hint="Check the URL and your access to it"
        ) from None


def many(work: Callable[[Any], Any], wanted: Sequence[Any]) -> list[Any]:
    """Do many pieces of work that wait for a server; return what each gave, in order."""
    if len(wanted) < 2:
        return [work(one) for one in wanted]
    with ThreadPoolExecutor(_THREADS) as threads:
        return list(threads.map(work, wanted))


def _sized(system: Any, url: str, below: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield every file's URL with its size, which some servers tell only one by one."""

    def sized(name: str) -> tuple[str, Any]:
        full = _join(url, name)
        about = below[name]
        return full, about if about.get("size") is not None else _about(system, full)

    names = sorted(below)
    for start in range(0, len(names), _LISTED):
        some = names[start : start + _LISTED]
        alone = all(below[name].get("size") is not None for name in some)
        yield from map(sized, some) if alone else many(sized, some)


def list_url(url: str) -> Iterator[Listed]:
    """Yield the files below a URL in the order of their names.

    Raises
    ------
    SourceError
        When nothing can be listed there.
    """
    with _in_one_line(url, "listed"):
        system = _filesystem(url)
        below = system.find(url, detail=True)
        if not below:
            below = {url: system.info(url)}
    for full, about in _sized(system, url, below):
        yield Listed(
            path=full.encode(),
            shown=shown_url(full),
            size=int(about.get("size") or 0),
            mtime=_version(about),
            reason="" if about.get("size") is not None else NO_SIZE,
            inside="url",
        )


class RemoteError(Exception):
    """A remote file could not be fetched."""


class MissingRangeError(BaseException):
    """Bytes of a remote file are wanted that were not fetched yet.

    No `Exception`, so that no reader takes it for damage; the file is read again from its
    beginning once they are there.
    """

    def __init__(self, start: int, end: int) -> None:
        super().__init__(start, end)
        self.start = start
        self.end = end


class RemoteFile:
    """What is at hand of one remote file.

    Parameters
    ----------
    listed : Listed
        From `list_url`.
    """

    __slots__ = ("_pieces", "_rounds", "failed", "listed")

    def __init__(self, listed: Listed) -> None:
        self.listed = listed
        self.failed = False
        self._pieces: list[tuple[int, bytes]] = []
        self._rounds = 0

    def fetch(self, start: int, end: int) -> None:
        """Fetch a range, and a stretch behind it as a later read will want that."""
        self._rounds += 1
        last = min(max(end, start + _BLOCK), self.listed.size) if start else end
        try:
            piece = fetch(self.listed, start, last)
        except RemoteError:
            piece = b""
        self.failed = len(piece) < last - start
        self._pieces.append((start, piece))

    def opened(self) -> ReadAt:
        """Return its positioned reader, which raises `MissingRangeError`.

        Raises
        ------
        RemoteError
            When a range of it could not be fetched.
        """
        if self.failed:
            raise RemoteError(UNREACHABLE)
        return self._read_at

    def _read_at(self, offset: int, count: int) -> bytes:
        end = min(offset + count, self.listed.size)
        if end <= offset:
            return b""
        for start, piece in reversed(self._pieces):
            if start <= offset and end <= start + len(piece):
                return piece[offset - start : end - start]
        if self._rounds < _ROUNDS:
            raise MissingRangeError(offset, end)
        self.fetch(offset, end)
        if self.failed:
            raise RemoteError(UNREACHABLE)
        return self._pieces[-1][1][: end - offset]


def read_ahead(
    files: Sequence[RemoteFile], read: Callable[[RemoteFile], FileRecordT]
) -> list[FileRecordT]:
    """Read many remote files: fetch what all of them want next, then go on with each.

    Parameters
    ----------
    files : sequence of RemoteFile
        The files.
    read : callable
        Reads one; may raise `MissingRangeError`.

    Returns
    -------
    list
        What ``read`` returned for each.
    """
    done: dict[int, FileRecordT] = {}
    wanted = [(number, 0, min(HEAD, file.listed.size)) for number, file in enumerate(files)]
    while wanted:
        many(lambda want: files[want[0]].fetch(want[1], want[2]), wanted)
        missing = []
        for number, _, _ in wanted:
            try:
                done[number] = read(files[number])
            except MissingRangeError as more:
                missing.append((number, more.start, more.end))
        wanted = missing
    return [done[number] for number in range(len(files))]


def fetch(listed: Listed, start: int, end: int) -> bytes:
    """Fetch a range of one file."""
    if start >= end:
        return b""
    url = listed.path.decode()
    try:
        found: bytes = _filesystem(_root(url)).cat_file(url, start=start, end=end)
    except Exception as error:
        raise RemoteError(UNREACHABLE) from error
    whole = len(found) > end - start and len(found) >= listed.size
    return found[start:end] if whole else found[: end - start]


def opened(url: str) -> tuple[Any, int]:
    """Return a file behind a URL, of which ranges are fetched as they are read, and its size.

    Parameters
    ----------
    url : str

    Raises
    ------
    SourceError
        When it cannot be opened.
    """
    with _in_one_line(url, "fetched"):
        system = _filesystem(url)
        return system.open(url), int(_about(system, url).get("size") or 0)


def download(url: str, target: Path, limit: int) -> int:
    """Fetch a whole file unless it is larger than a limit; return its size.

    Raises
    ------
    SourceError
        When it cannot be fetched.
    """
    with _in_one_line(url, "fetched"):
        system = _filesystem(url)
        size = int(_about(system, url).get("size") or 0)
        if size <= limit:
            system.get_file(url, str(target))
    return max(size, target.stat().st_size if target.exists() else 0)


def _root(url: str) -> str:
    return "/".join(url.split("/", 3)[:3])
