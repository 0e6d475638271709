"""From the example's folder to a signed, acceptable release in a browser: seven steps, no file.

On the way every step is held against axe-core, in both themes and at two widths.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
import yaml
from devtools import Browser
from review_journey import REMOVED, WHO, Journey, served
from test_tune_axe import LEVELS, axe_source

pytest.importorskip("starlette", reason="the extra tune is not installed")
pytest.importorskip("uvicorn", reason="the extra tune is not installed")

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "lung-ct"
WANTED = os.environ.get("MIDI_RISK_JOURNEYS") == "1"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not WANTED, reason="a journey for the night: .ci/slow journeys"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The example as a data manager gets it: images and a table, no project."""
    made = tmp_path_factory.mktemp("journey") / "lung-ct"
    made.mkdir()
    shutil.copytree(EXAMPLE / "images", made / "images")
    shutil.copy(EXAMPLE / "clinical.csv", made)
    return made


def violations(browser: Browser) -> list[str]:
    """Return what axe-core finds on the page that is shown, everything unfolded."""
    browser.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    browser.run(axe_source() + "; true")
    found = browser.run(
        f"axe.run(document, {{runOnly: {{type: 'tag', values: {json.dumps(LEVELS)}}},"
        " resultTypes: ['violations']}).then(f => f.violations.map(v => v.id + ' ' + v.impact"
        " + ': ' + v.nodes.length + ' x ' + v.nodes[0].html.slice(0, 200)))"
    )
    return list(found)


def test_the_example_is_signed_and_acceptable_in_seven_steps(folder, tmp_path_factory):
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    browser = Browser(tmp_path_factory.mktemp("profile"))
    try:
        with served(folder) as address:
            browser.size(1400, 1000)
            journey = Journey(browser, address)
            journey.sources()
            assert journey.open_forms() == []
            journey.roles(REMOVED)
            journey.levels()
            journey.evidence()
            assert "acceptable" in journey.status()
            assert "acceptable" in journey.release()
            journey.sign_off()
            assert journey.steps <= 7
            assert browser.console == []
            asked = [each for each in browser.requests if each.startswith("http")]
            assert asked
            assert all(each.startswith(address) for each in asked)
            faults = {}
            for theme in ("light", "dark"):
                browser.theme(theme)
                for width in (390, 1400):
                    browser.size(width, 1000)
                    for step in ("sources", "roles", "levels", "evidence", "release", "sign-off"):
                        journey.go(step)
                        wide = browser.run("document.documentElement.scrollWidth")
                        found = violations(browser)
                        found += [f"{wide} px wide"] if wide > width else []
                        if found:
                            faults[theme, width, step] = found
            assert faults == {}
    finally:
        browser.close()
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    review = folder.with_name("lung-ct-review")
    project = yaml.safe_load((review / "midi-risk.yaml").read_text("utf-8"))
    assert project["sign_off"]["assessor"] == WHO
    verdict = json.loads((review / "release/assessment/assessment.json").read_text("utf-8"))
    assert verdict["verdict"]["status"] == "acceptable"
    assert (review / "release/release/clinical.csv").read_text("utf-8").startswith("patient_id,")
    assert (review / "midi-risk-out/report-shareable.html").is_file()
