"""Take the picture of the tuning page that the documentation shows.

Usage: python tools/screenshot_tune.py [FILE]

Writes the static page of one public collection of the shipped slice, chooses a setting and
photographs it with headless Chromium, offline, into FILE (default ``docs/images/tune.png``).
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import midi_risk as mr
from midi_risk.report.tuning import waiting
from midi_risk.resources import resource_folder
from midi_risk.tune import static_page, tuning_lattice

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "tune"))
WIDTH, HEIGHT = 1400, 1240


def page() -> str:
    """Return the page of the collection."""
    source = resource_folder("examples") / "idc" / "idc_slice.parquet"
    extraction = mr.select_rows(mr.extract(source), "collection_id = 'lidc_idri'")
    table = mr.fold(extraction, mr.propose(extraction))
    model = mr.load_threat_model("public-release")
    plan = mr.suggest(table, [model])
    lattice = tuning_lattice(table, [model], plan=plan, thin=True)
    if lattice is None:
        raise SystemExit("screenshot_tune: nothing to tune")
    return static_page(
        lattice,
        title="LIDC-IDRI",
        threat_models=[model.name],
        digest=table.digest,
        pending=waiting(mr.assess(table, [model]).verdict),
    )


def main(arguments: list[str]) -> None:
    """Write the picture."""
    from devtools import Browser  # noqa: PLC0415

    target = Path(arguments[0] if arguments else ROOT / "docs" / "images" / "tune.png")
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "tune.html"
        file.write_text(page(), encoding="utf-8")
        browser = Browser(Path(scratch) / "profile")
        try:
            browser.size(WIDTH, HEIGHT)
            browser.open(file.as_uri())
            for _ in range(4):
                browser.run("document.querySelector('#tune-next button').click()")
            browser.run("scrollTo(0, 0)")
            browser.picture(target)
        finally:
            browser.close()
    print(target)


if __name__ == "__main__":
    main(sys.argv[1:])
