"""Pins what differs from run to run: clock, keys, seeds, and how many cores there are.

Python imports a module of this name by itself when it starts, so every process below
``golden.py`` is pinned, those that read files for the program too. The program itself holds
no hook and no module of it is named here, so its code may move freely.
"""

from __future__ import annotations

import ctypes
import gc
import hashlib
import itertools
import os
import queue
import random
import subprocess
import threading
import time
import warnings
from collections.abc import Callable
from datetime import UTC, date, datetime, tzinfo
from pathlib import Path
from typing import Any

MOMENT = datetime(2026, 12, 1, 12, tzinfo=UTC).timestamp()
"""The only time there is, in seconds since 1970."""

TICK = 0.01
"""Seconds by which the monotonic clock goes on when it is read; so a budget of time is a
number of looks at the clock, and a slow machine finds what a fast one finds."""

_BOUND_BEFORE = (queue, subprocess, threading)
"""They keep the true monotonic clock, which they took when they were imported above."""


def _pin_method(kind: type, name: str, method: Callable[..., Any]) -> None:
    """Replace a class method of a type that is written in C, in place.

    A subclass in its stead would fail where others ask for the type itself.
    """
    gc.get_referents(kind.__dict__)[0][name] = classmethod(method)
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(kind))


def _now(cls: type[datetime], tz: tzinfo | None = None) -> datetime:
    return cls.fromtimestamp(MOMENT, tz)


def _today(cls: type[date]) -> date:
    return cls.fromtimestamp(MOMENT)


def _utcnow(cls: type[datetime]) -> datetime:
    return cls.fromtimestamp(MOMENT, UTC).replace(tzinfo=None)


def _pin_clock() -> None:
    for name, method in {"now": _now, "today": _today, "utcnow": _utcnow}.items():
        _pin_method(datetime, name, method)
    _pin_method(date, "today", _today)
    ticks = itertools.count()
    broken_down = time.gmtime(MOMENT)
    true = {name: getattr(time, name) for name in ("gmtime", "localtime", "strftime")}
    time.time = lambda: MOMENT
    time.time_ns = lambda: int(MOMENT) * 10**9
    time.monotonic = lambda: next(ticks) * TICK
    time.gmtime = lambda seconds=None: true["gmtime"](MOMENT if seconds is None else seconds)
    time.localtime = lambda seconds=None: true["localtime"](MOMENT if seconds is None else seconds)
    time.strftime = lambda form, moment=broken_down: true["strftime"](form, moment)
    if not (datetime.now(UTC).timestamp() == datetime.now().timestamp() == MOMENT):  # noqa: DTZ005
        raise SystemExit("golden: the clock of this Python cannot be pinned")


def _pin_randomness() -> None:
    """Make keys and seeds a fixed stream of bytes; secrets and uuid draw from it too.

    Names of temporary files stay random: `tempfile` seeds itself below Python.
    """
    drawn = itertools.count()

    def stream(size: int) -> bytes:
        blocks = -(-size // 32)
        found = b"".join(hashlib.sha256(b"%d" % next(drawn)).digest() for _ in range(blocks))
        return found[:size]

    os.urandom = stream
    random._urandom = stream  # noqa: SLF001 - what SystemRandom calls
    random.seed(1)


def _pin_cores() -> None:
    """Leave one core, so that no library sums or orders by threads."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[os.getpid() % len(cores)]})
    os.cpu_count = lambda: 1


def _pin_age_of_projects() -> None:
    """Give every YAML file the age of the clock, also one that this process wrote itself.

    Others keep theirs, since a reader compares what several calls of the system say.
    """
    true = Path.stat

    def stat(self: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        found = true(self, follow_symlinks=follow_symlinks)
        if self.suffix not in {".yaml", ".yml"}:
            return found
        ages = {"st_mtime": MOMENT, "st_mtime_ns": int(MOMENT) * 10**9}
        return os.stat_result((*found[:8], int(MOMENT), *found[9:]), ages)

    Path.stat = stat


def _without_place(message: object, category: type[Warning], *_: object, **__: object) -> str:
    """Return a warning as text without the file and line that it comes from."""
    return f"{category.__name__}: {message}\n"


warnings.formatwarning = _without_place
_pin_clock()
_pin_randomness()
_pin_cores()
_pin_age_of_projects()
