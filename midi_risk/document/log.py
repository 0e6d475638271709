"""The log of assessments: which criterion was in force when figures were seen.

One line of JSON per run, only ever added to. It proves that a threshold was there before the
figures, and shows when one was lowered after them. No value of a subject is in it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from midi_risk.document.assessment import Log
from midi_risk.document.plan import Part
from midi_risk.document.reasons import Status


class LoggedRun(Part):
    """One line of the log."""

    time: str
    collection: str = Field(description="digest of what was assessed")
    models: dict[str, int] = Field(description="threat model -> class size that it requires")
    k: int = Field(ge=1, description="the largest of them")
    criterion: str = Field(description="digest of the threat models as they were applied")
    status: Status
    local: str = Field(
        default="",
        description="digest of the plan whose bands differ between subjects, where a release of it"
        " was written; such a line is no assessment",
    )
    before: str = Field(
        default="",
        description="digest of the line before: empty in the first, and in logs of version 0.1",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The runs that a log tells of.

    Parameters
    ----------
    runs : tuple of LoggedRun
        Oldest first.
    damaged : int
        Lines that cannot be read, or before which a line was changed or taken out: such a log
        proves nothing.
    local : tuple of str
        Digests of the plans of local releases, oldest first.
    """

    runs: tuple[LoggedRun, ...] = ()
    damaged: int = 0
    local: tuple[str, ...] = ()

    def of(self, collection: str) -> History:
        """Return the history of one collection, where several share a log."""
        return replace(self, runs=tuple(r for r in self.runs if r.collection == collection))

    def summary(self, criterion: str) -> Log:
        """Return how often figures were seen before, and since when the criterion stands.

        Parameters
        ----------
        criterion : str
            Digest of the threat models that are applied now.
        """
        since = ""
        for run in reversed(self.runs):
            if run.criterion != criterion:
                break
            since = run.time
        return Log(
            runs=len({run.time for run in self.runs}),
            since=since,
            changed=any(run.criterion != criterion for run in self.runs),
        )

    def proves(self, criterion: str) -> str:
        """Return since when the criterion stood before the figures, empty when not proved."""
        whole = self.runs and not self.damaged and self.runs[0].criterion == criterion
        return self.runs[0].time if whole else ""

    def lowered(self, models: Mapping[str, int]) -> dict[str, tuple[int, int]]:
        """Return the models that required more in an earlier run: name -> (then, now).

        Parameters
        ----------
        models : mapping of str to int
            Threat model -> class size that it requires now.
        """
        strictest = max(models, key=lambda name: models[name])
        found = {}
        for name, k in models.items():
            before = max((run.models.get(name, 0) for run in self.runs), default=0)
            if before > k:
                found[name] = (before, k)
        before = max((run.k for run in self.runs), default=0)
        if not found and before > models[strictest]:
            found[strictest] = (before, models[strictest])
        return found


def criterion_digest(models: Iterable[Mapping[str, Any]]) -> str:
    """Return a digest of threat models: the same models, the same digest.

    Parameters
    ----------
    models : iterable of mapping
        As `assessment.json` holds them.

    Examples
    --------
    >>> criterion_digest([{"name": "a"}]) == criterion_digest([{"name": "b"}])
    False
    """
    lines = sorted(json.dumps(model, sort_keys=True) for model in models)
    return "sha256:" + hashlib.sha256("\x1e".join(lines).encode()).hexdigest()


def read_log(path: Path) -> History:
    """Return what a log tells; a log that is not there tells of no run.

    Raises
    ------
    OSError
        When it is there and cannot be read.
    """
    if not path.exists():
        return History()
    runs, damaged, last, linked = [], 0, "", False
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            run = LoggedRun.model_validate_json(line)
        except ValidationError:
            damaged += 1
        else:
            linked = linked or bool(run.before)
            damaged += linked and run.before != last
            runs.append(run)
        last = _digest(line)
    assessed = tuple(run for run in runs if not run.local)
    written = tuple(run.local for run in runs if run.local)
    return History(runs=assessed, damaged=damaged, local=written)


def append_runs(path: Path, runs: Iterable[LoggedRun]) -> None:
    """Add lines to a log, which only its owner reads; what stands in it stays.

    Raises
    ------
    OSError
        When it cannot be written.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
    with os.fdopen(os.open(path, flags, 0o600), "r+", encoding="utf-8", errors="replace") as handle:
        _alone(handle.fileno())
        text = handle.read()
        if text and not text.endswith("\n"):
            handle.write("\n")
        there = text.splitlines()
        last = _digest(there[-1]) if there else ""
        for run in runs:
            line = run.model_copy(update={"before": last}).model_dump_json(exclude_defaults=True)
            handle.write(line + "\n")
            last = _digest(line)


def _digest(line: str) -> str:
    return hashlib.sha256(line.encode()).hexdigest()


def _alone(descriptor: int) -> None:
    """Wait until no other run adds to the log, where the system can tell; closing lets go."""
    try:
        import fcntl  # noqa: PLC0415 - POSIX only
    except ImportError:
        return
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX)
