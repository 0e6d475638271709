"""Every file to read: in folders, in archives met there, and behind URLs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from midi_risk.sources.archive import archive_kind, list_members
from midi_risk.sources.listing import Listed, list_files
from midi_risk.sources.remote import is_url, list_url


def list_inputs(paths: Sequence[str | Path]) -> Iterator[Listed]:
    """Yield every file below paths and URLs, with members in the place of archives.

    Parameters
    ----------
    paths : sequence of str or Path
        Files, folders, archives and URLs that fsspec understands.

    Yields
    ------
    Listed
    """
    for url in paths:
        if is_url(url):
            yield from list_url(str(url))
    for listed in list_files([path for path in paths if not is_url(path)]):
        kind = None if listed.reason else archive_kind(listed.path)
        if kind is None:
            yield listed
        else:
            yield from list_members(listed, kind)


def chunks_of(files: Iterator[Listed], size: int) -> Iterator[list[Listed]]:
    """Yield chunks of files; members of one gzipped tar stay together.

    Parameters
    ----------
    files : iterator of Listed
        In order.
    size : int
        Files in a chunk, but for gzipped tars, which can only be read from the beginning.

    Yields
    ------
    list of Listed
    """
    chunk: list[Listed] = []
    for listed in files:
        if len(chunk) >= size and not _same_stream(chunk[-1], listed):
            yield chunk
            chunk = []
        chunk.append(listed)
    if chunk:
        yield chunk


def _same_stream(one: Listed, other: Listed) -> bool:
    return one.inside.startswith("tgz:") and one.path == other.path


def only_here(paths: Sequence[str | Path]) -> bool:
    """Whether a path can be read in this process only (fsspec's memory file system)."""
    return any(os.fspath(path).startswith("memory:") for path in paths)
