"""axe-core, offline, on both editions in both themes: no A or AA violation."""

from __future__ import annotations

import html
import json
import os
import re
from pathlib import Path

import pytest
from browser import DARK, browse
from report_documents import assessment, reasons

from midi_risk.document.assessment import Recipient
from midi_risk.document.reasons import Reason
from midi_risk.report import report
from midi_risk.report.certificate import certificate

pytestmark = pytest.mark.browser
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = """
axe.run(document, {runOnly: {type: "tag", values: %s}, resultTypes: ["violations"]}).then(
  function (found) {
    var out = document.createElement("pre");
    out.id = "axe-result";
    out.textContent = JSON.stringify({
      passes: found.passes.length,
      violations: found.violations.map(function (v) {
        return v.id + " (" + v.impact + "): " + v.nodes.length + " x " + v.nodes[0].html;
      })
    });
    document.body.appendChild(out);
  });
"""


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


@pytest.mark.parametrize(
    ("edition", "theme", "status"),
    [  # each edition and each status in both themes
        ("internal", "light", "incomplete"),
        ("internal", "dark", "incomplete"),
        ("shareable", "light", "above_threshold"),
        ("shareable", "dark", "above_threshold"),
        ("internal", "light", "acceptable"),
        ("shareable", "dark", "acceptable"),
    ],
)
def test_there_is_no_accessibility_violation(edition, theme, status, tmp_path):
    page = report(judged(status), edition=edition).html
    assert_clean(page, tmp_path, *([DARK] if theme == "dark" else []))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_there_is_none_on_a_phone_and_none_on_the_certificate(theme, tmp_path):
    dark = [DARK] if theme == "dark" else []
    made = judged("acceptable")
    assert_clean(report(made).html, tmp_path, *dark, "--window-size=390,1200")
    assert_clean(certificate(made).html, tmp_path, *dark, "--window-size=390,1200")


def judged(status):
    """Return an assessment with a verdict, and one for each recipient, each of another kind."""
    made = assessment()
    stated = [Reason.model_validate(each) for each in reasons(status)]
    kinds = {"public": "pseudonymous", "controlled": "anonymous", "secure_environment": "open"}
    told = [Recipient(recipient=n, status=s, models=["m"]) for n, s in kinds.items()]
    change = {"status": status, "reasons": stated, "recipients": told}
    return made.model_copy(update={"verdict": made.verdict.model_copy(update=change)})


def assert_clean(page, tmp_path, *options):
    """Run axe on a page with every part of it open."""
    source = axe_source()
    page = re.sub(r"<meta http-equiv[^>]*>", "", page)
    page = page.replace("<details>", "<details open>").replace(
        "</body>", f"<script>{source}</script><script>{RUN % json.dumps(LEVELS)}</script></body>"
    )
    path = tmp_path / "page.html"
    path.write_text(page, encoding="utf-8")
    run = browse(path, tmp_path, *options, "--virtual-time-budget=20000", "--dump-dom")
    found = re.search(r'<pre id="axe-result">(.*?)</pre>', run.stdout, re.DOTALL)
    assert found, "axe did not finish"
    result = json.loads(html.unescape(found.group(1)))
    assert result["passes"] > 10
    assert result["violations"] == []
