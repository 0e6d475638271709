"""What a run owes the process that called it: its streams, its signals, its memory.

A verdict is an exit code, so nothing that happens to standard output may change it; a request to
stop cleans up; and where memory is short, one line says so before anything is begun.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys

from midi_risk.errors import MidiRiskError

_LEAST_ADDRESSES = 900_000_000
"""Bytes of address space below which the numerical libraries cannot be loaded; measured."""


class TolerantOutput(io.RawIOBase):
    """Standard output that somebody may close, or whose disk may be full.

    The first failure sends the rest to nowhere, so that the run ends with its own exit code.

    Parameters
    ----------
    descriptor : int
        Of standard output.

    Attributes
    ----------
    fault : OSError or None
        Why it could not be written, None also when the reader only went away.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self.fault: OSError | None = None

    def writable(self) -> bool:
        """Return True."""
        return True

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """Tell whether a person reads it."""
        return os.isatty(self._descriptor)

    def write(self, content: object, /) -> int:
        """Write, or let it go where standard output no longer works."""
        data = memoryview(content)  # type: ignore[arg-type]  # bytes and the like
        try:
            return os.write(self._descriptor, data)
        except OSError as error:
            if error.errno != errno.EPIPE:
                self.fault = error
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._descriptor)
            os.close(nowhere)
            return len(data)


def tolerate_output() -> TolerantOutput | None:
    """Let standard output fail without changing how the run ends.

    Returns
    -------
    TolerantOutput or None
        None where standard output is not a file of the system.
    """
    old = sys.stdout
    try:
        old.flush()
        raw = TolerantOutput(old.fileno())
    except (AttributeError, OSError, ValueError):
        return None
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=old.encoding,
        errors=old.errors,
        line_buffering=True,
    )
    return raw


def check_memory() -> None:
    """Refuse to begin where the address space is too small to load the numerical libraries.

    OpenBLAS, which they bring, tries for ever to get memory that a limit denies. Where there is
    a limit it is loaded before any data.

    Raises
    ------
    MidiRiskError
        When the limit of the address space (``ulimit -v``) is too low.
    """
    with contextlib.suppress(ImportError):  # no limits on this system
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit == resource.RLIM_INFINITY:
            return
        if limit < _LEAST_ADDRESSES:
            raise MidiRiskError(
                f"not enough memory: the limit of {limit // 1_000_000:,} MB of address space is"
                f" below the {_LEAST_ADDRESSES // 1_000_000:,} MB that loading takes",
                hint="Raise it with 'ulimit -v'",
            )
        import scipy.linalg  # noqa: F401 - only to have it loaded
