"""Fail when a relative link of a Markdown file leads nowhere."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from urllib.parse import unquote

from repository import ROOT, files, report

_FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
_HEADING = re.compile(r"^#+\s+(.*?)\s*#*$", re.MULTILINE)


def anchor(heading: str) -> str:
    """Return the anchor that a heading gets on common forges."""
    text = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", text.lower()).strip())


def anchors(path: Path) -> set[str]:
    """Return the anchors of a Markdown file."""
    return {anchor(found) for found in _HEADING.findall(_FENCE.sub("", path.read_text("utf-8")))}


def broken_links(page: Path, root: Path) -> list[str]:
    """Return one sentence per relative link of a page that leads nowhere."""
    text = _CODE.sub("", _FENCE.sub("", page.read_text(encoding="utf-8")))
    name = page.relative_to(root).as_posix()
    faults = []
    for target in _LINK.findall(text):
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        place, _, fragment = unquote(target).partition("#")
        file = (page.parent / place).resolve() if place else page
        if not file.exists():
            faults.append(f"{name}: link to {target}, which does not exist")
        elif not file.is_relative_to(root):
            faults.append(f"{name}: link to {target}, which is outside the repository")
        elif fragment and file.suffix == ".md" and fragment not in anchors(file):
            faults.append(f"{name}: link to {target}, which has no such heading")
    return faults


def all_broken_links(root: Path) -> list[str]:
    """Return the broken links of every Markdown file."""
    return [fault for page in files(root, ".md") for fault in broken_links(page, root)]


if __name__ == "__main__":
    sys.exit(report(all_broken_links(ROOT), "every relative link leads somewhere"))
