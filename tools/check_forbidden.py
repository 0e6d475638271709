"""Fail when a file names a machine, holds a credential, or must not be committed."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from repository import ROOT, files, report

_HOMES = "root|work|opt|tmp"
FORBIDDEN = {
    "a path of one machine": re.compile(rf"(?<![\w.~}}>)\]*-])/(?:{_HOMES})/\w"),
    "a package index": re.compile(r"--(?:extra-)?index-url[ =]"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY"),
    "an unfinished merge": re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE),
}
UNWANTED_NAMES = {"uv.lock", ".DS_Store", "Thumbs.db"}
_TEXT = {
    ".py", ".md", ".toml", ".yaml", ".yml", ".json", ".cff", ".css", ".j2", ".html", ".csv", "",
}  # fmt: skip


def forbidden(root: Path) -> list[str]:
    """Return one sentence per file and rule that it breaks."""
    faults = []
    for path in files(root):
        name = path.relative_to(root).as_posix()
        if path.name in UNWANTED_NAMES:
            faults.append(f"{name}: must not be committed")
        if path.suffix not in _TEXT:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        for what, pattern in FORBIDDEN.items():
            if found := pattern.search(text):
                line = text.count("\n", 0, found.start()) + 1
                faults.append(f"{name}:{line}: holds {what}")
    return faults


if __name__ == "__main__":
    sys.exit(report(forbidden(ROOT), "no file names a machine or holds what it must not"))
