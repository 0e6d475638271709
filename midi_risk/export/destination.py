"""Where a release is written: beside its place, whole or not at all, never over a source."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from midi_risk.errors import OutputError

_MARK = ".midi-risk-part-"


def check_apart(target: Path, sources: Sequence[Path]) -> None:
    """Refuse a target that is, holds or lies inside a source.

    Raises
    ------
    OutputError
        Names both.
    """
    place = target.resolve()
    for source in sources:
        original = source.resolve()
        if place == original or original in place.parents or place in original.parents:
            raise OutputError(
                f"the target '{target}' and the source '{source}' overlap",
                hint="Choose a folder outside the sources with -o; originals are never touched",
            )


@contextmanager
def new_folder(target: Path, sources: Sequence[Path] = ()) -> Iterator[Path]:
    """Yield a hidden folder that becomes the target when all went well.

    Parameters
    ----------
    target : pathlib.Path
        Must not exist, or be an empty folder.
    sources : sequence of pathlib.Path
        Must lie apart from it.

    Raises
    ------
    OutputError
        When the target is not free or cannot be written.

    Notes
    -----
    After an error or an interruption (Ctrl-C, SIGTERM, SIGHUP) the hidden folder is
    removed. What a killed run left is removed by the next run that has the same target.
    """
    check_apart(target, sources)
    if target.is_dir() and any(target.iterdir()):
        raise OutputError(f"'{target}' is not empty", hint="Choose a new folder with -o")
    if target.exists() and not target.is_dir():
        raise OutputError(f"'{target}' is a file", hint="Choose a new folder with -o")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _clear_stale(target)
        prefix = f".{target.name}{_MARK}{os.getpid()}-"
        staging = Path(tempfile.mkdtemp(prefix=prefix, dir=target.parent))
    except OSError as error:
        raise OutputError(f"cannot write '{target}': {_reason(error)}") from None
    try:
        with _stopped_as_interrupted():
            yield staging
        if target.is_dir():
            target.rmdir()
        staging.rename(target)
    except OSError as error:
        raise OutputError(
            f"cannot write '{target}': {_reason(error)}", hint="Nothing was left behind"
        ) from None
    except OutputError as error:
        if str(staging) not in error.message:
            raise
        message = error.message.replace(str(staging), str(target))
        raise OutputError(message, hint="Nothing was left behind") from None
    finally:
        shutil.rmtree(staging, ignore_errors=True)


@contextmanager
def _stopped_as_interrupted() -> Iterator[None]:
    """Let a request to stop be an interruption, so that it is cleaned up after."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupted(*_args: object) -> NoReturn:
        raise KeyboardInterrupt

    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    numbers = [getattr(signal, name) for name in names]
    taken = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, interrupted)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def _reason(error: OSError) -> str:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return "the disk is full"
    return (error.strerror or type(error).__name__).lower()


def _clear_stale(target: Path) -> None:
    """Remove what runs that no longer live left for the same target."""
    start = f".{target.name}{_MARK}"
    for entry in target.parent.iterdir():
        if not entry.name.startswith(start) or not entry.is_dir():
            continue
        owner = entry.name.removeprefix(start).partition("-")[0]
        if owner.isdigit() and not _alive(int(owner)):
            shutil.rmtree(entry, ignore_errors=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
