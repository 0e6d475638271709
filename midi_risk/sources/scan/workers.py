"""Reading headers in chunks, ahead of the reader where storage is slow, here or in workers.

A task travels as JSON, the rows come back as an Arrow stream.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import pyarrow as pa

from midi_risk.sources.dicom.nested import identifying_concepts, nested_tags, sequence_tags
from midi_risk.sources.dicom.private import safe_private_elements
from midi_risk.sources.executor import ENDED, LocalPool
from midi_risk.sources.files.archives import DAMAGED, ArchiveError, tgz_readers
from midi_risk.sources.files.bounded import HEAD, in_memory
from midi_risk.sources.files.dicomweb import INSIDE, header_bytes
from midi_risk.sources.files.listing import Listed, printable
from midi_risk.sources.files.remote import UNREACHABLE, RemoteError, RemoteFile, many, read_ahead
from midi_risk.sources.scan.columns import batch_of
from midi_risk.sources.scan.one_file import (
    FileRecord,
    read_content,
    read_local,
    read_member,
    record_without_header,
)

_APART = frozenset({"tgz", "url", INSIDE})
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


def _read_web(files: Sequence[Listed], *, payloads: bool) -> dict[str, FileRecord]:
    """Read headers from DICOMweb services, by their shown path, many requests at a time."""
    services = [item for item in files if item.inside == INSIDE and not item.reason]

    def read(listed: Listed) -> FileRecord:
        try:
            content = header_bytes(listed)
        except RemoteError as error:
            return record_without_header(listed, str(error))

        return read_content(listed, in_memory(content), len(content), payloads=payloads)

    return {record.listed.shown: record for record in many(read, services)}


def _read_apart(files: Sequence[Listed], *, payloads: bool) -> list[FileRecord]:
    special = _read_streams(files, payloads=payloads) | _read_remote(files, payloads=payloads)
    special |= _read_web(files, payloads=payloads)
    return [
        special[listed.shown]
        if listed.inside[:3] in _APART and not listed.reason
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
    if any(listed.inside[:3] in _APART for listed in files):
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


def pack_task(files: Sequence[Listed], *, payloads: bool) -> bytes:
    """Return a chunk of files as the content of a frame."""
    rows = []
    for item in files:
        shown = item.shown if item.inside or item.reason else ""
        about = (item.size, item.mtime, item.reason, item.harmless, item.inside, shown, item.state)
        rows.append((item.path.decode("latin-1"), *about))
    return json.dumps({"payloads": payloads, "files": rows}).encode()


def unpack_task(content: bytes) -> tuple[list[Listed], bool]:
    """Return the files of a frame and whether payloads are wanted."""
    task: dict[str, Any] = json.loads(content)
    files = []
    for path, size, mtime, reason, harmless, inside, shown, state in task["files"]:
        raw = path.encode("latin-1")
        files.append(
            Listed(
                path=raw,
                shown=shown or printable(raw),
                size=size,
                mtime=mtime,
                reason=reason,
                harmless=harmless,
                inside=inside,
                state=state,
            )
        )
    return files, task["payloads"]


def pack_batch(batch: pa.RecordBatch) -> pa.Buffer:
    """Return a batch as an Arrow stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue()


def unpack_batch(content: bytes) -> pa.RecordBatch:
    """Return the batch of an Arrow stream."""
    with pa.ipc.open_stream(content) as reader:
        return reader.read_next_batch()


class Reading:
    """Reading headers as the work of an executor: chunks of files to Arrow batches.

    Parameters
    ----------
    payloads : bool
        Also look into embedded payloads.
    """

    entry = "midi_risk.sources.scan.workers:answering"
    setup = b""

    def __init__(self, *, payloads: bool = False) -> None:
        self._payloads = payloads

    def here(self, chunk: Sequence[Listed]) -> pa.RecordBatch:
        """Return the rows of a chunk, read in this process."""
        return read_chunk(chunk, payloads=self._payloads)

    def pack(self, chunk: Sequence[Listed]) -> bytes:
        """Return a chunk as the content of a frame."""
        return pack_task(chunk, payloads=self._payloads)

    def unpack(self, content: bytes) -> pa.RecordBatch:
        """Return the rows that a worker sent."""
        return unpack_batch(content)

    def lost(self, chunk: Sequence[Listed]) -> pa.RecordBatch:
        """Return the rows of files that ended their worker twice."""
        return batch_of([record_without_header(listed, ENDED) for listed in chunk])


def answering(_setup: bytes) -> Callable[[bytes], pa.Buffer]:
    """Return what answers frames in a worker process."""
    nested_tags(), sequence_tags(), safe_private_elements(), identifying_concepts()

    def answer(content: bytes) -> pa.Buffer:
        files, payloads = unpack_task(content)
        return pack_batch(read_chunk(files, payloads=payloads))

    return answer


def reader(jobs: int, *, payloads: bool = False) -> LocalPool[Listed, pa.RecordBatch]:
    """Return the executor that reads headers in so many processes; 0 reads in this one."""
    return LocalPool(Reading(payloads=payloads), jobs)
