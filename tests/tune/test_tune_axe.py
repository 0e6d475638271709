"""axe-core, offline, on the tuning page in both themes: no A or AA violation."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from devtools import Browser
from tune_tables import models, subject_table

from midi_risk.recode.plan import suggest
from midi_risk.tune import static_page, tuning_lattice

pytestmark = pytest.mark.browser
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def axe_source() -> str:
    """Return axe-core, or skip with the reason."""
    places = [
        Path(os.environ.get("MIDI_RISK_AXE", "none")),
        *(p / "node_modules/axe-core/axe.min.js" for p in Path(__file__).resolve().parents),
    ]
    for place in places:
        path = place / "axe.min.js" if place.is_dir() else place
        if path.is_file():
            return path.read_text(encoding="utf-8")
    pytest.skip("axe-core is not here (npm install axe-core, or set MIDI_RISK_AXE to axe.min.js)")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    axe_source()
    found = Browser(tmp_path_factory.mktemp("profile"))
    yield found
    found.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1400])
def test_there_is_no_accessibility_violation(browser, tmp_path, theme, width):
    table = subject_table(200)
    plan = suggest(table, models(5))
    lattice = tuning_lattice(table, models(5), plan=plan)
    page = tmp_path / "tune.html"
    page.write_text(
        static_page(lattice, title="Lung CT", threat_models=["public-release"], pending=["faces"]),
        encoding="utf-8",
    )
    browser.size(width, 1000)
    browser.theme(theme)
    for hash_ in ("#tune=1.1.0.0&pin=0.0.0.0", "#tune=" + ".".join(map(str, lattice.plan))):
        browser.open(page.as_uri() + hash_)
        browser.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
        browser.run("document.querySelector('[data-do=lines]').click()")
        browser.run(axe_source() + "; true")
        found = browser.run(
            f"axe.run(document, {{runOnly: {{type: 'tag', values: {json.dumps(LEVELS)}}},"
            " resultTypes: ['violations']}).then(f => ({passes: f.passes.length, violations:"
            " f.violations.map(v => v.id + ' ' + v.impact + ': ' + v.nodes.length + ' x '"
            " + v.nodes[0].html)}))"
        )
        assert found["passes"] > 10
        assert found["violations"] == []
