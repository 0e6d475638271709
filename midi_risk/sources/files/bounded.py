"""A file for pydicom that cannot be made to read more than is there, or too much."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial

from midi_risk.errors import SourceError

HEAD = 16384
"""Bytes of a file read at once to see what it holds."""

READ_BUDGET = 32 << 20
"""Most bytes that reading one header may take in."""

HEADER_BUDGET = 40_000
"""Most elements and items that one read may take in: pydicom needs up to 1.5 kB for each."""

_HEADER = 8
_HOLE = bytes(_HEADER)
_HOLE_LIMIT = 8192
_WINDOW = 16384
_POSITIONED = hasattr(os, "pread")

ReadAt = Callable[[int, int], bytes]
"""``read_at(offset, count)``: bytes at an offset, fewer only at the end."""


class BudgetError(SourceError):
    """A header wants more bytes or more elements than any header holds."""


def _read_some(descriptor: int, offset: int, count: int) -> bytes:
    if _POSITIONED:
        return os.pread(descriptor, count, offset)
    os.lseek(descriptor, offset, os.SEEK_SET)
    return os.read(descriptor, count)


def reader_of(descriptor: int, base: int = 0, size: int | None = None) -> ReadAt:
    """Return a positioned reader over an open descriptor, or over a part of it."""
    if size is None:
        return partial(_read_some, descriptor)

    def read_part(offset: int, count: int) -> bytes:
        take = min(count, size - offset)
        return _read_some(descriptor, base + offset, take) if take > 0 else b""

    return read_part


def in_memory(content: bytes) -> ReadAt:
    """Return a positioned reader over bytes."""
    return lambda offset, count: content[offset : offset + count]


class BoundedFile:
    """Binary file over a positioned reader, with a budget of bytes and of elements.

    Where 64 kB of zero bytes stand in the place of elements, as in a file that was
    fetched in part, it ends and says so in ``hole``.

    Parameters
    ----------
    read_at : callable
        ``read_at(offset, count)``.
    size : int
        Size of the file.
    """

    def __init__(self, read_at: ReadAt, size: int) -> None:
        self.read_at = read_at
        self.size = size
        self._at = 0
        self._left = READ_BUDGET
        self._window = b""
        self._window_at = 0
        self._zeros = 0
        self.headers = 0
        self.hole = False
        self.truncated = False
        self.name = ""

    def read(self, count: int = -1) -> bytes:
        """Return up to ``count`` bytes; a short answer marks the file as truncated."""
        there = max(self.size - self._at, 0)
        wanted = there if count is None or count < 0 else count
        if wanted > there and (there or wanted > 8):
            self.truncated = True
        take = min(wanted, there)
        self._left -= take
        if self._left < 0:
            raise BudgetError("a header of more than 32 MB")
        data = self._taken(take) if take else b""
        if len(data) < take:
            self.truncated = True
        self._at += len(data)
        return self._counted(data) if wanted == _HEADER else data

    def _taken(self, count: int) -> bytes:
        """Return bytes from here on, from a stretch read before where it holds them."""
        start = self._at - self._window_at
        if start < 0 or start >= _WINDOW:
            start = self._at % _WINDOW
            self._window_at = self._at - start
            self._window = b""
        if start + count > _WINDOW:
            return self.read_at(self._at, count)
        self._window = self._window or self.read_at(self._window_at, _WINDOW)
        return self._window[start : start + count]

    def _counted(self, data: bytes) -> bytes:
        """Count what pydicom reads eight bytes at a time: headers of elements and items."""
        self.headers += 1
        if self.headers > HEADER_BUDGET:
            raise BudgetError(f"a header of more than {HEADER_BUDGET:,} elements")
        self._zeros = self._zeros + 1 if data == _HOLE else 0
        if self._zeros > _HOLE_LIMIT:
            self.hole = True
            self.size = self._at = min(self.size, self._at)
            return b""
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move; past the end marks the file as truncated."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        self._at = max(start + offset, 0)
        if self._at > self.size:
            self.truncated = True
        return self._at

    def tell(self) -> int:
        """Return the position."""
        return self._at

    def close(self) -> None:
        """Do nothing: the descriptor belongs to the caller."""
