"""The tuning page in a real browser, as a file, in the report and served."""

from __future__ import annotations

import json
import re
import threading
import time

import pytest
import yaml
from devtools import Browser
from tune_tables import models, subject_table

from midi_risk.recode.plan import suggest
from midi_risk.report import load_plan, report
from midi_risk.risk.assess import assess
from midi_risk.tune import plan_at, static_page, tuning_lattice

pytestmark = pytest.mark.browser
TABLE, MODELS = subject_table(400), models(5)
PLAN = suggest(TABLE, MODELS, levels_from_data=False)  # as the served page offers them
LATTICE = tuning_lattice(TABLE, MODELS, plan=PLAN)
NAMES = [a.name for a in LATTICE.attributes]
VERDICT = "document.querySelector('.tune-verdict .word').textContent"
SENTENCE = "document.querySelector('.tune-verdict .sentence').textContent"
DRAWN = "!document.querySelector('#tune').classList.contains('busy')"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    found = Browser(tmp_path_factory.mktemp("profile"))
    yield found
    found.close()


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    html = static_page(
        LATTICE, title="Lung </title><script>alert(1)</script> CT",
        threat_models=["public-release"], digest=TABLE.digest, pending=["faces were not assessed"],
    )  # fmt: skip
    path = tmp_path_factory.mktemp("page") / "tune.html"
    path.write_text(html, encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def opened(browser, page):
    browser.console.clear()
    browser.size(1280, 900)
    browser.theme("light")
    browser.open(page)
    yield browser
    assert browser.console == []
    assert browser.requests == [page] or browser.requests[0].startswith(page)
    assert all(r.startswith(("file:", "blob:")) for r in browser.requests)


def choose(browser, name, place):
    browser.run(
        f'document.querySelectorAll(\'fieldset[data-axis="{NAMES.index(name)}"]'
        f" input[type=radio]')[{place}].click()"
    )


def node_shown(browser):
    return browser.run(
        "[...document.querySelectorAll('fieldset[data-axis]')].map(f =>"
        " +f.querySelector('input[type=radio]:checked').value)"
    )


def state_of(node, *, leave_out=False):
    levels = {a.name: a.levels[p].level for a, p in zip(LATTICE.attributes, node, strict=True)}
    return plan_at(TABLE, MODELS, levels, leave_out=leave_out)


def number(text):
    return int(re.sub(r"\D", "", text))


def agrees(browser):
    """Compare what the page says with what the Python interface says of the same node."""
    leave_out = "out=1" in browser.run("location.hash")
    plan = state_of(node_shown(browser), leave_out=leave_out)
    state = plan.after
    assert browser.run(VERDICT) == (
        "Within the threshold" if state.passed else "Above the threshold"
    )
    sentence = browser.run(SENTENCE)
    if state.passed:
        shown = re.search(r"at least ([\d\u202f]+) others", sentence)
        assert number(shown.group(1)) == state.k - 1
    else:
        found = re.search(r", ([\d\u202f]+)\u00a0of", sentence)
        assert number(found.group(1)) == round(state.at_risk * state.subjects)
    card = browser.run("document.querySelector('[data-figure=prosecutor_mean] .is').textContent")
    assert float(card.split()[0]) == pytest.approx(state.risk_mean, rel=5e-3)
    lost = browser.run("document.querySelector('.tune-verdict .lost .figure').textContent")
    assert float(lost.split("\u00a0")[0]) == pytest.approx(100 * plan.loss, abs=0.051)


def test_toggles_change_the_verdict_to_what_python_says(opened):
    agrees(opened)
    for name, place in (("age", 2), ("visit", -1), ("scanner", 1), ("sex", 1), ("age", -1)):
        axis = LATTICE.attributes[NAMES.index(name)]
        choose(opened, name, place % len(axis.levels))
        agrees(opened)
    opened.run("document.querySelector('[data-do=plan]').click()")
    assert node_shown(opened) == LATTICE.plan
    agrees(opened)


def test_leaving_out_the_rare_subjects_agrees_too(opened):
    opened.run("document.querySelector('[data-do=plan]').click()")
    if "out=1" not in opened.run("location.hash"):
        opened.run("document.querySelector('#tune-out').click()")
    assert "out=1" in opened.run("location.hash")
    agrees(opened)


def test_back_undoes_forward_redoes_and_a_link_restores(opened, page):
    first = node_shown(opened)
    choose(opened, "age", 2)
    second = node_shown(opened)
    choose(opened, "visit", 1)
    third, link = node_shown(opened), opened.run("location.hash")
    opened.run("history.back()")
    opened.wait(f"location.hash !== '{link}'")
    assert node_shown(opened) == second
    opened.run("document.querySelector('[data-do=undo]').click()")
    opened.wait("location.hash === ''")
    assert node_shown(opened) == first
    assert opened.run("document.querySelector('[data-do=undo]').disabled")
    opened.run("document.querySelector('[data-do=redo]').click()")
    opened.wait("location.hash !== ''")
    assert node_shown(opened) == second
    opened.open(page + link)
    assert node_shown(opened) == third
    agrees(opened)


@pytest.mark.parametrize("link", ["#tune=9.9.9.9", "#tune=1", "#tune=a.b.c.d", "#tune=-1.0.0.0"])
def test_a_link_to_nowhere_says_so_and_shows_the_start(opened, page, link):
    opened.open(page + link)
    assert "no setting" in opened.run("document.querySelector('.tune-note').textContent")
    assert node_shown(opened) == [a.start for a in LATTICE.attributes]


def test_it_works_by_keyboard_alone(opened):
    opened.run("document.querySelector('fieldset[data-axis=\"0\"] input[type=radio]').focus()")
    opened.key("ArrowRight", 39)
    assert node_shown(opened)[0] == 1
    agrees(opened)
    assert opened.run("document.activeElement.value") == "1"
    outline = opened.run("getComputedStyle(document.activeElement.nextElementSibling).outlineStyle")
    assert outline == "solid"
    reachable = opened.run(
        "[...document.querySelectorAll('#tune button, #tune input, #tune textarea, #tune summary')]"
        ".every(e => e.tabIndex >= 0)"
    )
    assert reachable


def test_the_verdict_is_announced_and_every_control_has_a_name(opened):
    assert opened.run("document.querySelector('.tune-verdict [role=status]').ariaLive") == "polite"
    nameless = opened.run(
        "[...document.querySelectorAll('#tune input, #tune textarea')].filter(e =>"
        " !e.labels.length || !e.labels[0].textContent.trim()).length"
    )
    assert nameless == 0


def test_next_steps_apply_and_the_best_setting_keeps_what_is_locked(opened):
    assert opened.run("document.querySelectorAll('#tune-next li').length") > 0
    before = opened.run("location.hash")
    opened.run("document.querySelector('#tune-next button').click()")
    assert opened.run("location.hash") != before
    agrees(opened)
    opened.run("document.querySelector('[data-do=start]').click()")
    axis = NAMES.index("sex")
    opened.run(f"document.querySelectorAll('.lock input')[{axis}].click()")
    opened.run("document.querySelector('[data-do=best]').click()")
    opened.wait(f"{VERDICT} === 'Within the threshold'")
    assert node_shown(opened)[axis] == 0
    agrees(opened)
    assert opened.run("document.querySelectorAll('#tune-back li').length") == 0, "it is the least"
    for index in range(len(NAMES)):
        if index != axis:
            opened.run(f"document.querySelectorAll('.lock input')[{index}].click()")
    opened.run("document.querySelector('[data-do=raw]').click()")
    opened.run("document.querySelector('[data-do=best]').click()")
    assert "Unlock an attribute" in opened.wait(
        "!document.querySelector('.tune-note').hidden &&"
        " document.querySelector('.tune-note').textContent"
    )


def test_two_settings_are_compared_and_the_link_holds_both(opened, page):
    choose(opened, "age", 2)
    opened.run("document.querySelector('[data-do=pin]').click()")
    choose(opened, "visit", 3)
    link = opened.run("location.hash")
    assert "pin=" in link
    text = opened.wait("document.querySelector('#tune-compare').innerText")
    assert "visit" in text
    assert "Smallest class" in text
    opened.open(page + link)
    assert opened.wait("document.querySelector('#tune-compare').innerText") == text


def test_what_it_writes_down_is_a_plan_a_command_and_lines(opened):
    opened.run("document.querySelector('[data-do=plan]').click()")
    opened.run("document.querySelector('#need-0').value = 'growth: \"by decade\"'")
    opened.run("document.querySelector('[data-do=command]').click()")
    command = opened.run("document.querySelector('#tune-text').value")
    for a, p in zip(LATTICE.attributes, LATTICE.plan, strict=True):
        assert f"--level {a.name}={a.levels[p].name}" in command
    opened.run("document.querySelector('[data-do=lines]').click()")
    lines = yaml.safe_load(opened.run("document.querySelector('#tune-text').value"))
    assert lines["attributes"][NAMES[0]]["need"] == 'growth: "by decade"'
    opened.run(
        "window.kept = null; URL.createObjectURL = b => { window.kept = b; return 'blob:x'; };"
        "HTMLAnchorElement.prototype.click = function () {};"
        "document.querySelector('[data-do=download]').click()"
    )
    text = opened.wait("window.kept && window.kept.text()")
    assert json.loads(text)["schema"] == "midi-risk/plan/2"


def test_a_downloaded_plan_is_read_back_as_python_judges_it(opened, tmp_path):
    test_what_it_writes_down_is_a_plan_a_command_and_lines(opened)
    file = tmp_path / "plan.json"
    file.write_text(opened.run("window.kept.text()"), encoding="utf-8")
    out = "out=1" in opened.run("location.hash")
    plan, judged = load_plan(file), state_of(LATTICE.plan, leave_out=out)
    assert plan.found
    assert plan.levels == judged.levels
    assert plan.loss == pytest.approx(judged.loss)
    for mine, theirs in ((plan.before, judged.before), (plan.after, judged.after)):
        assert (mine.k, mine.classes, mine.sample_uniques, mine.passed) == (
            theirs.k, theirs.classes, theirs.sample_uniques, theirs.passed,
        )  # fmt: skip
        assert mine.risk_mean == pytest.approx(theirs.risk_mean)


def test_dark_is_dark_and_a_narrow_window_does_not_scroll_sideways(opened):
    light = opened.run("getComputedStyle(document.body).backgroundColor")
    opened.theme("dark")
    dark = opened.run("getComputedStyle(document.body).backgroundColor")
    assert sum(map(int, re.findall(r"\d+", light)[:3])) > 700
    assert sum(map(int, re.findall(r"\d+", dark)[:3])) < 120
    for width in (320, 500, 800, 1280, 1800):
        opened.size(width, 900)
        assert opened.run("document.documentElement.scrollWidth <= innerWidth"), width


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    assessment = assess(TABLE, MODELS)
    internal = assessment.internal.model_copy(update={"lattice": LATTICE})
    made = assessment.model_copy(update={"plan": PLAN, "internal": internal})
    folder = tmp_path_factory.mktemp("report")
    bare = report(assessment.model_copy(update={"plan": PLAN}))
    return {
        "with": report(made).write(folder / "with.html"),
        "bare": bare.write(folder / "bare.html"),
        "shareable": report(made, edition="shareable").write(folder / "shareable.html"),
    }


def test_the_internal_report_carries_the_section_and_the_shareable_never(browser, reported):
    browser.console.clear()
    browser.open(reported["with"].as_uri() + "#recodes")
    assert node_shown(browser) == [a.start for a in LATTICE.attributes]
    choose(browser, "age", 2)
    agrees(browser)
    browser.run("history.back()")
    browser.wait("location.hash === '#recodes'")
    assert node_shown(browser) == [a.start for a in LATTICE.attributes]
    assert browser.console == []
    assert len(browser.requests) == 1
    assert "tune-data" not in reported["shareable"].read_text(encoding="utf-8")
    assert "midiTune" not in reported["bare"].read_text(encoding="utf-8")


def test_without_scripts_the_start_is_readable(page, browser):
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.call("Page.navigate", url="about:blank")
        browser.call("Page.navigate", url=page)
        time.sleep(0.5)
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)
    text = browser.wait("document.querySelector('#tune') && document.body.innerText")
    assert "Without scripts" in text
    assert "smallest class has" in text
    assert "Undo" not in text


WIDE = """JSON.stringify([...document.querySelectorAll('table')].filter(table => {
  const box = table.getBoundingClientRect(), around = table.closest('.scroll');
  const edge = around ? around.getBoundingClientRect().right : innerWidth;
  return box.width && (edge > innerWidth + 1 || (!around && box.right > innerWidth + 1));
}).map(table => table.className))"""
BROKEN = """JSON.stringify([...document.querySelectorAll('thead th')].flatMap(head => {
  const walk = document.createTreeWalker(head, NodeFilter.SHOW_TEXT), cut = [];
  while (walk.nextNode()) {
    for (const word of walk.currentNode.data.matchAll(/[^\\s]+/g)) {
      const range = document.createRange();
      range.setStart(walk.currentNode, word.index);
      range.setEnd(walk.currentNode, word.index + word[0].length);
      const lines = new Set([...range.getClientRects()].map(box => Math.round(box.top)));
      if (lines.size > 1 && !word[0].includes('-')) { cut.push(word[0]); }
    }
  }
  return cut;
}))"""


@pytest.mark.parametrize("width", [1400, 390])
@pytest.mark.parametrize("edition", ["with", "shareable"])
def test_no_head_of_a_table_breaks_inside_a_word_and_no_table_leaves_the_page(
    browser, reported, edition, width
):
    browser.size(width, 900)
    ready = "true" if edition == "shareable" else "document.querySelector('[data-ready]') !== null"
    browser.open(reported[edition].as_uri(), ready=ready)
    browser.run("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    assert browser.run("document.querySelectorAll('thead th').length") > 10
    assert json.loads(browser.run(BROKEN)) == []
    assert json.loads(browser.run(WIDE)) == []
    assert browser.run("document.documentElement.scrollWidth") <= width


def test_a_plan_is_selected_from_its_card(browser, tmp_path):
    plan = suggest(TABLE, MODELS)
    lattice = tuning_lattice(TABLE, MODELS, plan=plan)
    assert len(lattice.plans) >= 2
    path = tmp_path / "plans.html"
    path.write_text(static_page(lattice, title="x", threat_models=["m"]), encoding="utf-8")
    browser.console.clear()
    for width in (1400, 390):
        browser.size(width, 900)
        browser.open(path.as_uri())
        for number, each in enumerate(lattice.plans):
            card = f"document.querySelector('[data-plan=\"{number}\"]')"
            browser.run(f"{card}.querySelector('button').click()")
            browser.wait(f"{card}.classList.contains('chosen')")
            assert node_shown(browser) == each.node
            assert browser.run(VERDICT) == "Within the threshold"
            lost = browser.run("document.querySelector('.tune-verdict .lost .figure').textContent")
            assert float(lost.split("\u00a0")[0]) == pytest.approx(100 * each.loss, abs=0.051)
            chosen = browser.run("document.querySelectorAll('.chosen').length")
            assert chosen == 1
        assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.console == []


def test_the_served_page_selects_bands_and_saves_what_it_shows(browser, tmp_path):
    pytest.importorskip("uvicorn", reason="the extra tune is not installed")
    from test_tune_server import desk_of

    from midi_risk.tune import server

    desk = desk_of(tmp_path, TABLE)
    session = desk.session
    names = [axis.name for axis in session.axes.axes]
    said = []
    thread = threading.Thread(
        target=server.serve, args=(session.bench, tmp_path / "out"),
        kwargs={"port": 21_000, "idle": 6.0, "browser": False, "say": said.append},
    )  # fmt: skip
    thread.start()
    age = f"document.querySelector('fieldset[data-axis=\"{names.index('age')}\"]')"
    try:
        while not said:
            time.sleep(0.01)
        address = re.search(r"http://\S+", said[0])[0]
        browser.console.clear()
        browser.size(1280, 900)
        browser.open(address)
        browser.run("document.querySelector('[data-plan=\"0\"] button').click()")
        browser.wait(f"location.hash !== '' && {DRAWN}")
        assert node_shown(browser) == session.lattice.plans[0].node
        levels = browser.run(f"{age}.querySelectorAll('input[type=radio]').length")
        browser.run(f"{age}.querySelector('.cuts input').value = '40, 65'")
        browser.run(f"{age}.querySelector('.cuts button').click()")
        browser.wait(
            f"{age}?.querySelectorAll('input[type=radio]').length === {levels + 1}"
            " && document.querySelector('[data-ready]') !== null"
        )
        text = browser.run(f"{age}.querySelector('input:checked').parentElement.textContent")
        assert "under 40, 40-64, 65 and over" in text
        browser.run("document.querySelector('#need-0').value = 'why'")
        browser.run("document.querySelector('[data-do=save]').click()")
        assert "Saved" in browser.wait("document.querySelector('.tune-said').textContent")
        shown = browser.run("document.querySelector('.tune-verdict .word').textContent")
        assert browser.console == []
        assert all(r.startswith(address) for r in browser.requests)
    finally:
        browser.call("Page.navigate", url="about:blank")
        thread.join(timeout=60)
    assert said[-1] == "The tuning page is closed."
    plan = load_plan(tmp_path / "out" / "plan.json")
    assert plan.found is (shown == "Within the threshold")
    assert plan.cut_points["age"] == [40, 65]
    text = (tmp_path / "midi-risk.yaml").read_text(encoding="utf-8")
    assert "# agreed on 3 May" in text
    saved = yaml.safe_load(text)["attributes"]
    assert saved[names[0]]["need"] == "why"
    assert saved["age"]["hierarchy"] == [{"cuts": [40, 65]}]
