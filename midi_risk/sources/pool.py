"""Worker processes that read chunks of files, and outlive any of them.

A worker that dies (out of memory, a crash in a library, the kill command) is replaced;
its chunk is halved until one file is left, and a file that ends its worker twice is
recorded as unreadable. Nothing else is lost or read twice.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from midi_risk.sources.batch import batch_of
from midi_risk.sources.chunks import read_chunk
from midi_risk.sources.listing import Listed
from midi_risk.sources.one_file import record_without_header
from midi_risk.sources.worker import pack_task, read_frame, unpack_batch, write_frame

ENDED = "reading it ended the worker process twice"
NOT_STARTED = "worker processes could not be started; one process read every file"
_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]);"
    " from midi_risk.sources.worker import serve; serve()"
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
