"""Which files the repository holds, for the checks beside this module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

_PRUNED = {
    "__pycache__",
    "build",
    "dist",
    "midi-risk-demo",
    "midi-risk-out",
    "node_modules",
}
_KEPT_DOT = {".ci", ".github"}


def files(root: Path = ROOT, *suffixes: str) -> Iterator[Path]:
    """Yield the files of the repository in order, without environments and caches.

    Parameters
    ----------
    root : pathlib.Path
        Where to begin.
    suffixes : str
        Only files with one of these endings; all when none is given.
    """
    for path in sorted(root.iterdir()):
        hidden = path.name.startswith(".") and path.name not in _KEPT_DOT
        if path.is_dir():
            if not hidden and path.name not in _PRUNED and not path.name.endswith(".egg-info"):
                yield from files(path, *suffixes)
        elif path.name != ".git" and (not suffixes or path.suffix in suffixes):
            yield path


def report(faults: list[str], fine: str) -> int:
    """Print the faults, or that all is fine, and return the exit code."""
    print("\n".join(faults) if faults else fine)
    return 1 if faults else 0
