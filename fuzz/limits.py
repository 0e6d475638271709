"""Limits on what reading one input may take; to break one is a finding."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEMORY = 64 << 20
"""Most bytes of address space that one input may add."""

SECONDS = 5.0
"""Most CPU seconds for one input; instrumented code is several times slower."""

TAKEN = 80 << 20
"""Most bytes that reading one file may take from it."""

_PAGE = resource.getpagesize()
_STATM = Path("/proc/self/statm")


@contextmanager
def limited() -> Iterator[None]:
    """Run the body with 64 MB more than the process has, and on the clock."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    held = int(_STATM.read_text().split()[0]) * _PAGE
    start = time.process_time()
    resource.setrlimit(resource.RLIMIT_AS, (held + MEMORY, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    spent = time.process_time() - start
    assert spent < SECONDS, f"{spent:.1f} CPU seconds for one input"


class WatchedFile:
    """A positioned reader over bytes and a hole behind them, that counts what is asked for.

    Parameters
    ----------
    data : bytes
        What the file begins with.
    hole : int
        Zero bytes behind it.
    """

    def __init__(self, data: bytes, hole: int = 0) -> None:
        self.data = data
        self.size = len(data) + hole
        self.taken = 0
        self.calls = 0

    def __call__(self, offset: int, count: int) -> bytes:
        """Return bytes as `os.pread` would."""
        assert offset >= 0, f"reads at {offset}"
        assert count >= 0, f"reads {count} bytes"
        end = min(offset + count, self.size)
        self.taken += max(end - offset, 0)
        self.calls += 1
        assert self.taken <= TAKEN, f"took {self.taken} bytes of {self.size}"
        there = self.data[offset:end]
        return there + bytes(max(end - max(offset, len(self.data)), 0))
