"""Every file to read: in folders, in archives met there, and behind URLs.

Compressed files that nothing opened, and that may hold DICOM files, are reported.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from midi_risk.sources.arrow import text_array
from midi_risk.sources.files.archives import NESTED, archive_kind, list_members
from midi_risk.sources.files.dicomweb import is_dicomweb, list_dicomweb
from midi_risk.sources.files.listing import Listed, list_files
from midi_risk.sources.files.remote import is_url, list_url
from midi_risk.sources.files.sniff import CONTAINERS


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
        if is_dicomweb(url):
            yield from list_dicomweb(str(url))
        elif is_url(url):
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


_REASONS = (*(kind.value for kind in CONTAINERS), NESTED)
_OTHER_CONTENT = r"(?i)\.(nii|mgh|tsv|csv|json|txt|xml|bvec|bval)\.(gz|bz2|xz|zst)$"


def unopened_findings(files: pa.Table) -> tuple[str, ...]:
    """Return a sentence on compressed files that were not opened.

    Parameters
    ----------
    files : pyarrow.Table
        One row per file met, in the columns of `FILE_SCHEMA`.

    Returns
    -------
    tuple of str
        Empty when there are none, or when their names say that they hold something else.

    Examples
    --------
    >>> import pyarrow as pa
    >>> unopened_findings(pa.table({"path": ["a.dcm.gz"], "reason": ["gzip data"]}))
    ('1 compressed file or archive was not opened and may hold DICOM files',)
    """
    met = files.filter(pc.is_in(files["reason"].cast(pa.string()), text_array(_REASONS)))
    if not met.num_rows:
        return ()
    other = pc.match_substring_regex(met["path"].cast(pa.string()), _OTHER_CONTENT)
    count = met.filter(pc.invert(other)).num_rows
    if not count:
        return ()
    if count == 1:
        return ("1 compressed file or archive was not opened and may hold DICOM files",)
    return (f"{count} compressed files or archives were not opened and may hold DICOM files",)
