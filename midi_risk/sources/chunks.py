"""One chunk of files: read in order, ahead of the reader where storage is slow."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pyarrow as pa

from midi_risk.sources.batch import batch_of
from midi_risk.sources.listing import Listed
from midi_risk.sources.one_file import FileRecord, read_local
from midi_risk.sources.prefix import HEAD

_TRIAL = 12
_SLOW = 0.001
_THREADS = 8


def _warm(listed: Listed) -> None:
    """Bring the first bytes of a file near; the reader itself reports what is wrong."""
    if listed.reason:
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
    started, used = time.perf_counter(), time.process_time()
    records = [read_local(listed, payloads=payloads) for listed in files[:_TRIAL]]
    waited = (time.perf_counter() - started) - (time.process_time() - used)
    rest = files[_TRIAL:]
    if rest and waited > _SLOW * _TRIAL:
        records += _read_ahead(rest, payloads=payloads)
    else:
        records += [read_local(listed, payloads=payloads) for listed in rest]
    return batch_of(records)
