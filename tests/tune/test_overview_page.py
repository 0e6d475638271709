"""The overview of `assess --by`: one row per collection, sorted, found, and harmless."""

from __future__ import annotations

import html
import json
import os
import re
from pathlib import Path

import pytest
from devtools import Browser
from hypothesis import given
from hypothesis import strategies as st

import midi_risk as mr
from midi_risk.report.overview import OverviewRow, overview_page, overview_row, strip


def row(name: str = "a", share: float = 0.5, **more: object) -> OverviewRow:
    given = {
        "folder": name, "subjects": 100, "smallest": 3, "required": 11, "mean": 0.2,
        "driver": "PatientAge", "step": "PatientAge: 10-year bands", "open_evidence": 2,
        "status": "incomplete",
    } | more  # fmt: skip
    return OverviewRow(name=name, share=share, **given)


ROWS = [
    row("Lung", 0.25, subjects=1010, driver="StudyDate"),
    row("Breast", 1.0, subjects=55, status="above_threshold"),
    row("<b>Head</b>", 0.0, subjects=400, status="acceptable", driver="", step="", folder=""),
]


def test_collections_are_ranked_by_measured_risk_and_those_left_out_are_named():
    page = overview_page(ROWS, [("Phantom", "no human subject")], by="collection_id")
    names = re.findall(r'<th scope="row"[^>]*>(?:<a[^>]*>)?(.*?)(?:</a>)?</th>', page)
    assert [html.unescape(name) for name in names] == ["Breast", "Lung", "<b>Head</b>"]
    assert "<b>Head" not in page
    assert "no human subject" in page
    assert 'href="Breast/report-internal.html"' in page


def test_a_row_says_what_the_assessment_says():
    frame = {"age": [30, 30, 31, 40] * 10, "sex": ["F", "M"] * 20}
    table = mr.SubjectTable.from_frame(frame, quasi=["age", "sex"])
    plan = mr.suggest(table)
    found = mr.assess(table).model_copy(update={"plan": plan})
    shown = overview_row("x", "x", found)
    assert (shown.subjects, shown.required) == (40, 11)
    assert shown.smallest == found.measures.k == 10
    assert shown.share == 1.0
    assert shown.mean == pytest.approx(found.measures.classes / 40)
    assert shown.driver in {"age", "sex"}
    assert shown.step.startswith(plan.steps[0].describe)
    assert shown.status == "incomplete"
    assert shown.open_evidence > 0
    assert shown.verdict == "Incomplete; figures above the threshold"


@given(st.lists(st.floats(0, 1), max_size=60))
def test_no_two_marks_of_the_strip_stand_on_one_place(shares):
    dots = strip([row(str(n), share) for n, share in enumerate(shares)])
    assert len({(dot.x, dot.y) for dot in dots}) == len(shares)
    assert all(0 <= dot.x <= 100 for dot in dots)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    made = Browser(tmp_path_factory.mktemp("profile"))
    yield made
    made.close()


@pytest.fixture
def opened(browser, tmp_path):
    path = tmp_path / "index.html"
    path.write_text(overview_page(ROWS, [], by="collection_id"), encoding="utf-8")
    browser.size(1400, 900)
    browser.console.clear()
    browser.open(path.as_uri(), ready="!document.getElementById('find').hidden")
    return browser


NAMES = "[...document.querySelectorAll('tbody tr')].filter(r => !r.hidden).map(r => r.cells[0].innerText.trim())"  # noqa: E501


@pytest.mark.browser
def test_heads_sort_by_mouse_and_keyboard(opened):
    press = "document.querySelectorAll('thead button')[{}].click()"
    opened.run(press.format(1))
    assert opened.run(NAMES) == ["Lung", "<b>Head</b>", "Breast"]
    opened.run(press.format(1))
    assert opened.run(NAMES) == ["Breast", "<b>Head</b>", "Lung"]
    opened.run(press.format(0))
    assert opened.run(NAMES) == ["<b>Head</b>", "Breast", "Lung"]
    assert opened.run("document.querySelectorAll('[aria-sort]').length") == 1
    assert opened.console == []
    assert len(opened.requests) == 1


@pytest.mark.browser
def test_a_collection_an_attribute_and_a_verdict_are_found(opened):
    ask = "(f => {{ f.value = {}; f.dispatchEvent(new Event('input')); }})(document.getElementById('find'))"  # noqa: E501
    for wanted, found in (
        ("studydate", ["Lung"]),
        ("above", ["Breast"]),
        ("", ["Breast", "Lung", "<b>Head</b>"]),
    ):
        opened.run(ask.format(json.dumps(wanted)))
        assert opened.run(NAMES) == found


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1400])
def test_nothing_is_wider_than_the_window(opened, width):
    opened.size(width, 844)
    assert opened.run("document.documentElement.scrollWidth") <= width


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_there_is_no_accessibility_violation(browser, tmp_path, theme):
    place = Path(os.environ.get("MIDI_RISK_AXE", "none"))
    if not place.is_file():
        pytest.skip("axe-core is not here (set MIDI_RISK_AXE to axe.min.js)")
    page = overview_page(ROWS, [("Phantom", "no human subject")], by="collection_id")
    path = tmp_path / "index.html"
    path.write_text(re.sub(r"<meta http-equiv[^>]*>", "", page), encoding="utf-8")
    browser.theme(theme)
    for width in (1400, 390):
        browser.size(width, 844)
        browser.open(path.as_uri(), ready="!document.getElementById('find').hidden")
        browser.run(place.read_text(encoding="utf-8") + "; true")
        found = browser.run(
            "axe.run(document).then(r => r.violations.map(v => v.id + v.nodes[0].html))"
        )
        assert found == []
