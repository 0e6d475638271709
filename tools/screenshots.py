"""Take the pictures of both report editions that the documentation shows.

Usage: python tools/screenshots.py ASSESSMENT.json [FOLDER]

Renders both editions from the document, photographs their upper part with headless
Chromium, offline, and writes ``report-internal.png`` and ``report-shareable.png`` into
FOLDER (default ``docs/images``).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from midi_risk.errors import MidiRiskError
from midi_risk.report import EDITIONS, load_assessment, report

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WIDTH, HEIGHT = 1280, 1500


def browser() -> str:
    """Return the path of Chromium, or leave with one line."""
    given = os.environ.get("MIDI_RISK_CHROMIUM")
    found = given or next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if not found:
        sys.exit("screenshots: no Chromium found; set MIDI_RISK_CHROMIUM to its path")
    return found


def photograph(page: Path, target: Path, profile: Path) -> None:
    """Write a picture of the upper part of a page."""
    picture = profile / target.name
    command = [
        browser(), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
        "--disable-background-networking", "--disable-component-update", "--no-first-run",
        "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={profile / 'profile'}",
        "--force-device-scale-factor=1", f"--window-size={WIDTH},{HEIGHT}",
        f"--screenshot={picture}", page.as_uri(),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(picture, target)


def main(arguments: list[str]) -> None:
    """Render and photograph both editions."""
    if len(arguments) not in {1, 2}:
        sys.exit(__doc__)
    folder = Path(arguments[1] if len(arguments) == 2 else "docs/images")
    try:
        assessment = load_assessment(arguments[0])
    except MidiRiskError as error:
        sys.exit(f"screenshots: {error}")
    with tempfile.TemporaryDirectory() as scratch:
        for edition in EDITIONS:
            page = report(assessment, edition=edition).write(Path(scratch) / f"{edition}.html")
            target = folder / f"report-{edition}.png"
            photograph(page, target, Path(scratch))
            print(target)


if __name__ == "__main__":
    main(sys.argv[1:])
