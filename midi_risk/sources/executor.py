"""One way to do much work in chunks: here, in worker processes, or on other machines.

An `Executor` takes chunks of items and yields what came of each as soon as it is there. What is
done with a chunk is a `Work`, which says how a chunk travels; headers are read and copies of a
release written by the same executors.

* Progress: the caller counts what comes.
* Memory: chunks are taken one at a time as workers become free, results wait in a short queue.
* Interrupt: closing the iterator ends every worker; nothing waits.
* Resume: the caller keeps what came and asks only for the rest; a chunk is done whole or again.

`LocalPool` starts a worker with ``python -c``, so that it imports nothing of the program that
started it and needs no guard in the user's script. A frame is eight bytes of length and a content.
A worker that dies (out of memory, a crash in a library, the kill command) is replaced; its chunk is
halved until one item is left, and an item that ends its worker twice is given up. Nothing else is
lost or done twice.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import queue
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Generic, Protocol, TypeVar

import pyarrow as pa

from midi_risk.errors import SourceError

Item = TypeVar("Item")
Given = TypeVar("Given", contravariant=True)  # noqa: PLC0105 - the word for what a work is given
Result = TypeVar("Result")
Yielded = TypeVar("Yielded", covariant=True)  # noqa: PLC0105 - the word for what it yields

ENDED = "reading it ended the worker process twice"
NOT_STARTED = "worker processes could not be started; one process read every file"
_FEW = 200
"""Items that one process has done before a second one is awake."""


class Work(Protocol[Given, Yielded]):
    """What is done with a chunk, here and in a worker.

    Attributes
    ----------
    entry : str
        ``module:function``; called once in a worker with ``setup``, it returns what answers each
        packed chunk.
    setup : bytes
        What a worker has to know beforehand.
    """

    @property
    def entry(self) -> str:
        """Where a worker finds what answers."""

    @property
    def setup(self) -> bytes:
        """What a worker has to know beforehand."""

    def here(self, chunk: Sequence[Given]) -> Yielded:
        """Do it in this process."""

    def pack(self, chunk: Sequence[Given]) -> bytes:
        """Return a chunk as it travels to a worker."""

    def unpack(self, content: bytes) -> Yielded:
        """Return what a worker answered."""

    def lost(self, chunk: Sequence[Given]) -> Yielded:
        """Return what stands for items that ended their worker twice."""


@dataclass(frozen=True, slots=True)
class ChunkResult(Generic[Yielded]):
    """What came of one chunk, and its place in the order of chunks.

    Parameters
    ----------
    place : int
        From 0.
    parts : tuple
        One result, or several in order where the chunk had to be halved.
    """

    place: int
    parts: tuple[Yielded, ...]


class Executor(Protocol[Given, Yielded]):
    """What does the work of many chunks.

    Attributes
    ----------
    findings : tuple of str
        Sentences without values about the run itself.
    """

    @property
    def findings(self) -> tuple[str, ...]:
        """Sentences about the run."""

    def run(self, chunks: Iterable[Sequence[Given]]) -> Iterator[ChunkResult[Yielded]]:
        """Yield what came of each chunk as soon as it is there, in any order."""


def processes(jobs: int | None, items: int) -> int:
    """Return the number of worker processes; 0 works in this one.

    Parameters
    ----------
    jobs : int or None
        As asked for; one per core when None, none for few items.
    items : int
        How many there are.

    Raises
    ------
    SourceError
        When none at all was asked for.

    Examples
    --------
    >>> processes(1, 10_000), processes(3, 10_000), processes(None, 10)
    (0, 3, 0)
    """
    if jobs is not None:
        if jobs < 1:
            raise SourceError(f"{jobs} jobs cannot read anything", hint="Ask for at least 1")
        return 0 if jobs == 1 else jobs
    if items < _FEW:
        return 0
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return available if available and available > 1 else 0


_LENGTH = struct.Struct("<Q")
_DONE, _FAULT = b"+", b"-"


def write_frame(stream: BinaryIO, *contents: bytes | pa.Buffer) -> None:
    """Write one frame."""
    stream.write(_LENGTH.pack(sum(map(len, contents))))
    stream.writelines(contents)
    stream.flush()


def read_frame(stream: BinaryIO) -> bytes | None:
    """Return the content of the next frame, None when the other side is gone."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    content = stream.read(length)
    return content if len(content) == length else None


def serve() -> None:
    """Answer chunks until the standard input ends; run in a worker.

    An error of the operating system (a full disk) goes back as such; any other ends the worker.
    """
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    module, _, name = sys.argv[2].partition(":")
    setup = read_frame(sys.stdin.buffer)
    answer: Callable[[bytes], Any] = getattr(importlib.import_module(module), name)(setup or b"")
    write_frame(out, b"ready")
    while (content := read_frame(sys.stdin.buffer)) is not None:
        try:
            answered = answer(content)
        except OSError as error:
            if error.errno is None:
                raise
            write_frame(out, _FAULT, json.dumps([error.errno, error.strerror]).encode())
        else:
            write_frame(out, _DONE, answered)


_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]);"
    " from midi_risk.sources.executor import serve; serve()"
)


class _DeadError(Exception):
    """The worker is gone; ``ready`` says whether it had started."""

    def __init__(self, *, ready: bool) -> None:
        self.ready = ready


class _Worker:
    """One worker process, started when first needed and again after a death."""

    def __init__(self, entry: str, setup: bytes) -> None:
        self._entry, self._setup = entry, setup
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = False

    def _start(self) -> subprocess.Popen[bytes]:
        self._ready = False
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-c", _BOOT, json.dumps(sys.path), self._entry],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=os.name == "posix",
            env=os.environ | {"ARROW_DEFAULT_MEMORY_POOL": "system"},
        )
        return self._process

    def do(self, task: bytes) -> bytes:
        """Return the answer to a task, or raise `_DeadError`, or the worker's `OSError`."""
        answered = self._answered(task)
        if answered[:1] == _FAULT:
            number, said = json.loads(answered[1:])
            raise OSError(number, said)
        return answered[1:]

    def _answered(self, task: bytes) -> bytes:
        try:
            process = self._process or self._start()
            if process.stdin is None or process.stdout is None:
                raise _DeadError(ready=False)
            if not self._ready:
                write_frame(process.stdin, self._setup)  # type: ignore[arg-type]
                self._ready = read_frame(process.stdout) == b"ready"  # type: ignore[arg-type]
            if self._ready:
                write_frame(process.stdin, task)  # type: ignore[arg-type]
                content = read_frame(process.stdout)  # type: ignore[arg-type]
                if content:
                    return content
        except (OSError, ValueError):
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


class LocalPool(Generic[Item, Result]):
    """The executor of this machine.

    Parameters
    ----------
    work : Work
        What is done with a chunk.
    jobs : int
        Number of processes; 0 works in this one.
    """

    def __init__(self, work: Work[Item, Result], jobs: int) -> None:
        self._work = work
        self._workers = [_Worker(work.entry, work.setup) for _ in range(jobs)]
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        size = 2 * jobs + 2
        self._done: queue.Queue[ChunkResult[Result] | BaseException | None] = queue.Queue(size)
        self.findings: tuple[str, ...] = ()

    def _next(
        self, chunks: Iterator[tuple[int, Sequence[Item]]]
    ) -> tuple[int, Sequence[Item]] | None:
        with self._lock:
            return None if self._stopped.is_set() else next(chunks, None)

    def _attempt(self, worker: _Worker, chunk: Sequence[Item]) -> Iterator[Result]:
        """Do a chunk, halving what ends the worker; in order."""
        waiting = [chunk]
        suspected = False
        while waiting:
            part = waiting.pop()
            try:
                yield self._work.unpack(worker.do(self._work.pack(part)))
                suspected = False
            except _DeadError as death:
                if self._stopped.is_set():
                    return
                if not death.ready:
                    self.findings = (NOT_STARTED,)
                    yield self._work.here(part)
                elif len(part) > 1:
                    half = len(part) // 2
                    waiting += [part[half:], part[:half]]
                elif suspected:
                    suspected = False
                    yield self._work.lost(part)
                else:
                    suspected = True
                    waiting.append(part)

    def _drive(self, worker: _Worker, chunks: Iterator[tuple[int, Sequence[Item]]]) -> None:
        try:
            while (task := self._next(chunks)) is not None:
                parts = tuple(self._attempt(worker, task[1]))
                if not self._stopped.is_set():
                    self._put(ChunkResult(task[0], parts))
        except BaseException as error:  # noqa: BLE001 - handed to the caller's thread
            self._put(error)
        finally:
            worker.stop()
            self._put(None)

    def _put(self, item: ChunkResult[Result] | BaseException | None) -> None:
        while not self._stopped.is_set():
            with contextlib.suppress(queue.Full):
                self._done.put(item, timeout=0.2)
                return

    def run(self, chunks: Iterable[Sequence[Item]]) -> Iterator[ChunkResult[Result]]:
        """Yield what came of each chunk as soon as it is there.

        Parameters
        ----------
        chunks : iterable of sequence
            Taken one at a time, as workers become free.

        Yields
        ------
        ChunkResult

        Raises
        ------
        OSError
            What the operating system refused to a worker.
        """
        numbered = iter(enumerate(chunks))
        if not self._workers:
            for place, chunk in numbered:
                yield ChunkResult(place, (self._work.here(chunk),))
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
