"""One chunk of files: read in order, ahead of the reader where storage is slow."""

from __future__ import annotations

import contextlib
import gc
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import pyarrow as pa

from midi_risk.sources.archive import DAMAGED, ArchiveError, tgz_readers
from midi_risk.sources.batch import batch_of
from midi_risk.sources.listing import Listed
from midi_risk.sources.one_file import (
    FileRecord,
    read_local,
    read_member,
    record_without_header,
)
from midi_risk.sources.remote import UNREACHABLE, RemoteFile, read_ahead
from midi_risk.sources.walk_state import HEAD

_TRIAL = 12
_SLOW = 0.001
_THREADS = 8
_YOUNG = 5_000


def _warm(listed: Listed) -> None:
    """Bring the first bytes of a file near; the reader itself reports what is wrong."""
    if listed.reason or listed.inside:
        return
    with contextlib.suppress(OSError):
        descriptor = os.open(listed.path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        try:
            os.read(descriptor, HEAD)
        finally:
            os.close(descriptor)


def _read_ahead(files: Sequence[Listed], *, payloads: bool) -> list[FileRecord]:
    with ThreadPoolExecutor(_THREADS) as threads:
        waiting: list[Future[None]] = [threads.submit(_warm, listed) for listed in files]
        records = []
        for listed, ready in zip(files, waiting, strict=True):
            ready.result()
            records.append(read_local(listed, payloads=payloads))
        return records


def _read_streams(files: Sequence[Listed], *, payloads: bool) -> dict[str, FileRecord]:
    """Read members of gzipped tars, each archive in one pass, by their shown path."""
    streams: dict[bytes, list[Listed]] = {}
    for listed in files:
        if listed.inside.startswith("tgz:") and not listed.reason:
            streams.setdefault(listed.path, []).append(listed)
    records: dict[str, FileRecord] = {}
    for members in streams.values():
        with contextlib.suppress(ArchiveError):
            for member, read_at in tgz_readers(members):
                reader = partial(lambda given: given, read_at)
                records[member.shown] = read_member(member, reader, payloads=payloads)
        for member in members:
            records.setdefault(member.shown, record_without_header(member, DAMAGED))
    return records


def _read_remote(files: Sequence[Listed], *, payloads: bool) -> dict[str, FileRecord]:
    """Read remote files, by their shown path, many requests at a time."""
    remote = [RemoteFile(item) for item in files if item.inside == "url" and not item.reason]

    def read(file: RemoteFile) -> FileRecord:
        record = read_member(file.listed, file.opened, payloads=payloads)
        return record_without_header(file.listed, UNREACHABLE) if file.failed else record

    records = read_ahead(remote, read)
    return {record.listed.shown: record for record in records}


def _read_apart(files: Sequence[Listed], *, payloads: bool) -> list[FileRecord]:
    special = _read_streams(files, payloads=payloads) | _read_remote(files, payloads=payloads)
    return [
        special[listed.shown]
        if listed.inside[:3] in {"tgz", "url"} and not listed.reason
        else read_local(listed, payloads=payloads)
        for listed in files
    ]


def read_chunk(files: Sequence[Listed], *, payloads: bool = False) -> pa.RecordBatch:
    """Read a chunk of files.

    The first few are timed; where they took more than a millisecond each of waiting
    (cold or remote storage), threads read the beginnings of the others ahead.

    Parameters
    ----------
    files : sequence of Listed
        The files.
    payloads : bool
        Also look into embedded payloads.

    Returns
    -------
    pyarrow.RecordBatch
        One row per file, in order.
    """
    with _collected_seldom():
        return batch_of(_read(files, payloads=payloads))


@contextlib.contextmanager
def _collected_seldom() -> Iterator[None]:
    """Have Python look for cycles less often: what a header yields has none."""
    before = gc.get_threshold()
    if before[0]:
        gc.set_threshold(max(_YOUNG, before[0]), *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _read(files: Sequence[Listed], *, payloads: bool) -> list[FileRecord]:
    if any(listed.inside[:3] in {"tgz", "url"} for listed in files):
        return _read_apart(files, payloads=payloads)
    started, used = time.perf_counter(), time.process_time()
    records = [read_local(listed, payloads=payloads) for listed in files[:_TRIAL]]
    waited = (time.perf_counter() - started) - (time.process_time() - used)
    rest = files[_TRIAL:]
    if rest and waited > _SLOW * _TRIAL:
        records += _read_ahead(rest, payloads=payloads)
    else:
        records += [read_local(listed, payloads=payloads) for listed in rest]
    return records
