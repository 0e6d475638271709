"""Runs on this machine: which of them live, what dead ones left, how one is told to stop."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn


def lives(process: int) -> bool:
    """Tell whether a process lives; one that cannot be asked counts as living.

    Examples
    --------
    >>> lives(os.getpid())
    True
    """
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def left_behind(folder: Path, prefix: str) -> list[Path]:
    """Return the folders that runs which no longer live left; running ones keep theirs.

    Parameters
    ----------
    folder : pathlib.Path
        Where they lie.
    prefix : str
        How their names begin; the number of the process and a hyphen follow.
    """
    found = []
    for entry in sorted(folder.iterdir()):
        if not entry.name.startswith(prefix) or not entry.is_dir():
            continue
        owner = entry.name.removeprefix(prefix).partition("-")[0]
        if owner.isdigit() and not lives(int(owner)):
            found.append(entry)
    return found


def stop_as_interrupted() -> list[int]:
    """Let a request to stop (SIGTERM, SIGHUP) be an interruption, so that it is cleaned up after.

    Processes that are begun later end at once, as they would have.

    Returns
    -------
    list of int
        The signals that are taken now and were not before.
    """
    owner = os.getpid()

    def asked(number: int, _frame: object) -> NoReturn:
        if os.getpid() == owner:
            raise KeyboardInterrupt
        os._exit(128 + number)

    taken: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        return taken
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, asked)
            taken.append(number)
    return taken


@contextmanager
def stopped_as_interrupted() -> Iterator[None]:
    """Let a request to stop be an interruption for the time of a block."""
    taken = stop_as_interrupted()
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)
