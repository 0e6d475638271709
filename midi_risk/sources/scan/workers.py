"""Worker processes that read chunks of files, and outlive any of them.

A worker that dies (out of memory, a crash in a library, the kill command) is replaced;
its chunk is halved until one file is left, and a file that ends its worker twice is
recorded as unreadable. Nothing else is lost or read twice. Chunks are read in order, ahead of the
reader where storage is slow.

`Pool` starts a worker with ``python -c``, so that it imports nothing of the program that started it
and needs no guard in the user's script. It takes chunks of paths on its standard input and returns
Arrow batches. A frame is eight bytes of length and a content: JSON on the way in, an Arrow stream
on the way out.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import queue
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO

import pyarrow as pa

from midi_risk.sources.dicom.nested import identifying_concepts, nested_tags, sequence_tags
from midi_risk.sources.dicom.private import safe_private_elements
from midi_risk.sources.files.archives import DAMAGED, ArchiveError, tgz_readers
from midi_risk.sources.files.bounded import HEAD
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

        def read_at(offset: int, count: int) -> bytes:
            return content[offset : offset + count]

        return read_content(listed, read_at, len(content), payloads=payloads)

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


_LENGTH = struct.Struct("<Q")


def write_frame(stream: BinaryIO, content: bytes | pa.Buffer) -> None:
    """Write one frame."""
    stream.write(_LENGTH.pack(len(content)))
    stream.write(content)
    stream.flush()


def read_frame(stream: BinaryIO) -> bytes | None:
    """Return the content of the next frame, None when the other side is gone."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    content = stream.read(length)
    return content if len(content) == length else None


def pack_task(files: Sequence[Listed], *, payloads: bool) -> bytes:
    """Return a chunk of files as the content of a frame."""
    rows = []
    for item in files:
        shown = item.shown if item.inside or item.reason else ""
        about = (item.size, item.mtime, item.reason, item.harmless, item.inside, shown)
        rows.append((item.path.decode("latin-1"), *about))
    return json.dumps({"payloads": payloads, "files": rows}).encode()


def unpack_task(content: bytes) -> tuple[list[Listed], bool]:
    """Return the files of a frame and whether payloads are wanted."""
    task: dict[str, Any] = json.loads(content)
    files = []
    for path, size, mtime, reason, harmless, inside, shown in task["files"]:
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


def serve() -> None:
    """Answer chunks until the standard input ends."""
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    nested_tags(), sequence_tags(), safe_private_elements(), identifying_concepts()
    write_frame(out, b"ready")
    while (content := read_frame(sys.stdin.buffer)) is not None:
        files, payloads = unpack_task(content)
        write_frame(out, pack_batch(read_chunk(files, payloads=payloads)))


ENDED = "reading it ended the worker process twice"
NOT_STARTED = "worker processes could not be started; one process read every file"
_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]);"
    " from midi_risk.sources.scan.workers import serve; serve()"
)


@dataclass(frozen=True, slots=True)
class ChunkResult:
    """Rows of one chunk and its place in the order of chunks."""

    place: int
    batches: tuple[pa.RecordBatch, ...]


class _DeadError(Exception):
    """The worker is gone; ``ready`` says whether it had started."""

    def __init__(self, *, ready: bool) -> None:
        self.ready = ready


class _Worker:
    """One worker process, started when first needed and again after a death."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = False

    def _start(self) -> subprocess.Popen[bytes]:
        self._ready = False
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-c", _BOOT, json.dumps(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=os.name == "posix",
            env=os.environ | {"ARROW_DEFAULT_MEMORY_POOL": "system"},
        )
        return self._process

    def read(self, files: Sequence[Listed], *, payloads: bool) -> pa.RecordBatch:
        """Return the rows of some files, or raise `_DeadError`."""
        try:
            process = self._process or self._start()
            if process.stdin is None or process.stdout is None:
                raise _DeadError(ready=False)
            if not self._ready:
                self._ready = read_frame(process.stdout) == b"ready"  # type: ignore[arg-type]
            if self._ready:
                write_frame(process.stdin, pack_task(files, payloads=payloads))  # type: ignore[arg-type]
                content = read_frame(process.stdout)  # type: ignore[arg-type]
                if content is not None:
                    return unpack_batch(content)
        except (OSError, ValueError, pa.ArrowInvalid):
            pass
        ready = self._ready
        self.stop()
        raise _DeadError(ready=ready)

    def stop(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(OSError):
                process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()


class Pool:
    """Reads chunks in worker processes and yields them as they are done.

    Parameters
    ----------
    jobs : int
        Number of processes; 0 reads in this one.
    payloads : bool
        Also look into embedded payloads.
    """

    def __init__(self, jobs: int, *, payloads: bool = False) -> None:
        self._payloads = payloads
        self._workers = [_Worker() for _ in range(jobs)]
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._done: queue.Queue[ChunkResult | BaseException | None] = queue.Queue(2 * jobs + 2)
        self.findings: tuple[str, ...] = ()

    def _next(self, chunks: Iterator[tuple[int, list[Listed]]]) -> tuple[int, list[Listed]] | None:
        with self._lock:
            return None if self._stopped.is_set() else next(chunks, None)

    def _attempt(self, worker: _Worker, files: list[Listed]) -> Iterator[pa.RecordBatch]:
        """Read files, halving what ends the worker; in order."""
        waiting = [files]
        suspected = False
        while waiting:
            part = waiting.pop()
            try:
                yield worker.read(part, payloads=self._payloads)
                suspected = False
            except _DeadError as death:
                if self._stopped.is_set():
                    return
                if not death.ready:
                    self.findings = (NOT_STARTED,)
                    yield read_chunk(part, payloads=self._payloads)
                elif len(part) > 1:
                    half = len(part) // 2
                    waiting += [part[half:], part[:half]]
                elif suspected:
                    suspected = False
                    yield batch_of([record_without_header(part[0], ENDED)])
                else:
                    suspected = True
                    waiting.append(part)

    def _drive(self, worker: _Worker, chunks: Iterator[tuple[int, list[Listed]]]) -> None:
        try:
            while (task := self._next(chunks)) is not None:
                batches = tuple(self._attempt(worker, task[1]))
                if not self._stopped.is_set():
                    self._put(ChunkResult(task[0], batches))
        except BaseException as error:  # noqa: BLE001 - handed to the caller's thread
            self._put(error)
        finally:
            worker.stop()
            self._put(None)

    def _put(self, item: ChunkResult | BaseException | None) -> None:
        while not self._stopped.is_set():
            with contextlib.suppress(queue.Full):
                self._done.put(item, timeout=0.2)
                return

    def run(self, chunks: Iterable[list[Listed]]) -> Iterator[ChunkResult]:
        """Yield the rows of each chunk as soon as they are there.

        Parameters
        ----------
        chunks : iterable of list of Listed
            Taken one at a time, as workers become free.

        Yields
        ------
        ChunkResult
        """
        numbered = iter(enumerate(chunks))
        if not self._workers:
            for place, chunk in numbered:
                yield ChunkResult(place, (read_chunk(chunk, payloads=self._payloads),))
            return
        threads = [
            threading.Thread(target=self._drive, args=(worker, numbered))
            for worker in self._workers
        ]
        try:
            for thread in threads:
                thread.start()
            running = len(threads)
            while running:
                item = self._done.get()
                if item is None:
                    running -= 1
                elif isinstance(item, BaseException):
                    raise item
                else:
                    yield item
        finally:
            self._stopped.set()
            for worker in self._workers:
                worker.stop()
            for thread in threads:
                if thread.ident is not None:
                    thread.join()
