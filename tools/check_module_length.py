"""Fail when a module of `midi_risk` is longer than 300 lines."""

from __future__ import annotations

import sys
from pathlib import Path

from repository import ROOT, files, report

LIMIT = 300


def long_modules(package: Path, limit: int = LIMIT) -> list[str]:
    """Return one sentence per module that is too long."""
    faults = []
    for path in files(package, ".py"):
        length = len(path.read_text(encoding="utf-8").splitlines())
        if length > limit:
            name = path.relative_to(package.parent).as_posix()
            faults.append(f"{name}: {length} lines, more than {limit}; split it")
    return faults


if __name__ == "__main__":
    sys.exit(report(long_modules(ROOT / "midi_risk"), f"no module is longer than {LIMIT} lines"))
