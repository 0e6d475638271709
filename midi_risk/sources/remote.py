"""Files behind URLs, through fsspec file systems (extra ``remote``).

Only ranges are fetched: the first bytes of each file, and what the header needs beyond.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

from midi_risk.errors import SourceError
from midi_risk.sources.bounded import ReadAt
from midi_risk.sources.listing import Listed, printable
from midi_risk.sources.walk_state import HEAD

UNREACHABLE = "a remote file that could not be fetched"
NO_SIZE = "a remote file of unknown size, not fetched"
_URL = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_THREADS = 8
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


def list_url(url: str) -> Iterator[Listed]:
    """Yield the files below a URL in the order of their names.

    Raises
    ------
    SourceError
        When nothing can be listed there.
    """
    try:
        system = _filesystem(url)
        below = system.find(url, detail=True)
        if not below:
            below = {url: system.info(url)}
    except SourceError:
        raise
    except Exception:  # noqa: BLE001 - file systems raise what they like
        raise SourceError(
            f"{shown_url(url)} cannot be listed", hint="Check the URL and your access to it"
        ) from None
    for name in sorted(below):
        full = _join(url, name)
        about = below[name]
        if about.get("size") is None:
            about = _about(system, full)
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


def remote_reader(listed: Listed, head: bytes) -> ReadAt:
    """Return a positioned reader that holds the first bytes already."""

    def read_at(offset: int, count: int) -> bytes:
        end = min(offset + count, listed.size)
        if end <= len(head):
            return head[offset:end]
        return fetch(listed, offset, end)

    return read_at


def fetch(listed: Listed, start: int, end: int) -> bytes:
    """Fetch a range of one file."""
    url = listed.path.decode()
    try:
        found: bytes = _filesystem(_root(url)).cat_file(url, start=start, end=end)
    except Exception as error:
        raise RemoteError(UNREACHABLE) from error
    whole = len(found) > end - start and len(found) >= listed.size
    return found[start:end] if whole else found[: end - start]


def download(url: str, target: Path, limit: int) -> int:
    """Fetch a whole file unless it is larger than a limit; return its size.

    Raises
    ------
    SourceError
        When it cannot be fetched.
    """
    try:
        system = _filesystem(url)
        size = int(_about(system, url).get("size") or 0)
        if size <= limit:
            system.get_file(url, str(target))
    except SourceError:
        raise
    except Exception:  # noqa: BLE001 - file systems raise what they like
        raise SourceError(
            f"{shown_url(url)} cannot be fetched", hint="Check the URL and your access to it"
        ) from None
    return max(size, target.stat().st_size if target.exists() else 0)


def _root(url: str) -> str:
    return "/".join(url.split("/", 3)[:3])


def fetch_heads(files: Sequence[Listed]) -> list[bytes | None]:
    """Fetch the first bytes of many files at a time; None where it failed."""

    def head(listed: Listed) -> bytes | None:
        try:
            return fetch(listed, 0, min(HEAD, listed.size)) if listed.size else b""
        except RemoteError:
            return None

    with ThreadPoolExecutor(_THREADS) as threads:
        return list(threads.map(head, files))
