"""Take the pictures of the review page that the documentation shows.

Usage: python tools/screenshot_start.py [FOLDER]

Makes the journey of the example in headless Chromium, offline, and photographs its steps into
FOLDER (default ``docs/images``). Takes some minutes.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "tune"))
WIDTH, HEIGHT = 1200, 900
NAMES = {
    "start-1-folder": "start-folder",
    "start-2-sources": "start-sources",
    "start-3-roles": "start-roles",
    "start-4-levels": "start-levels",
    "start-5-evidence": "start-evidence",
    "start-6-release": "start-release",
    "start-7-sign-off": "start-sign-off",
}


def main(arguments: list[str]) -> None:
    """Make the journey and write the pictures."""
    from devtools import Browser  # noqa: PLC0415
    from review_journey import REMOVED, Journey, served  # noqa: PLC0415

    target = Path(arguments[0] if arguments else ROOT / "docs" / "images")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "lung-ct"
        shutil.copytree(ROOT / "examples" / "lung-ct" / "images", folder / "images")
        shutil.copy(ROOT / "examples" / "lung-ct" / "clinical.csv", folder)
        browser = Browser(Path(scratch) / "profile")

        def look(name: str) -> None:
            browser.run("scrollTo(0, 0)")
            browser.picture(target / f"{NAMES[name]}.png")

        try:
            browser.size(WIDTH, HEIGHT)
            with served(folder) as address:
                journey = Journey(browser, address, look)
                journey.sources()
                journey.roles(REMOVED)
                journey.levels()
                journey.evidence()
                journey.release()
                journey.sign_off()
        finally:
            browser.close()
    for name in NAMES.values():
        print(target / f"{name}.png")


if __name__ == "__main__":
    main(sys.argv[1:])
