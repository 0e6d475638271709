"""`midi-risk tune` on the command line, and pages of awkward collections."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace

import pytest
from devtools import Browser
from tune_tables import models, subject_table

from midi_risk.attributes.model import AttributeSet
from midi_risk.cli.app import run
from midi_risk.report import load_plan
from midi_risk.report.tuning import node_figures
from midi_risk.table.model import table_digest
from midi_risk.tune import static_page, tuning_lattice


@pytest.fixture
def clinical(tmp_path):
    path = tmp_path / "clinical.csv"
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["patient_id", "age", "sex", "diagnosis"])
        for i in range(90):
            writer.writerow([f"p{i:03d}", 20 + i % 45, "MF"[i % 2], "ABC"[i % 3]])
    return path


def test_a_setting_is_judged_and_its_plan_written(clinical, tmp_path, capsys):
    plan_file = tmp_path / "plan.json"
    code = run(["tune", str(clinical), "--level", "age=removed", "--plan", str(plan_file), "-q"])
    out = capsys.readouterr().out
    assert code == 4  # no search for linked data is recorded
    assert "within the threshold: smallest class 1 -> 45 (required 11)" in out
    assert load_plan(plan_file).levels["age"] > 0
    code = run(["tune", str(clinical), "--level", "age=exact", "-q"])
    assert code == 4
    assert "cheapest next step" in capsys.readouterr().out


def test_the_file_is_written_whole_and_private(clinical, tmp_path, capsys):
    target = tmp_path / "page.html"
    assert run(["tune", str(clinical), "--static", "-o", str(target), "-q"]) == 0
    assert capsys.readouterr().out.strip() == str(target)
    assert target.stat().st_mode & 0o777 == 0o600
    html = target.read_text(encoding="utf-8")
    assert html.endswith("</html>")
    assert "p001" not in html
    data = json.loads(re.search(r'id="tune-data">(.*?)</script>', html, re.DOTALL)[1])
    assert data["subjects"] == 90


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--static", "--level", "age=5y"], "exclude each other"),
        (["--plan", "x.json"], "need --level"),
        (["--level", "age"], "ATTR=LEVEL"),
        (["--level", "agee=5y"], "Did you mean 'age'"),
        (["--level", "age=9y"], "no level '9y'"),
        (["--idle", "soon"], "a time such as"),
    ],
)
def test_bad_arguments_are_one_line(clinical, arguments, message, capsys):
    assert run(["tune", str(clinical), "-q", *arguments]) == 2
    err = capsys.readouterr().err.strip()
    assert message in err
    assert "\n" not in err


def test_a_folder_in_place_of_the_file_is_one_line(clinical, tmp_path, capsys):
    assert run(["tune", str(clinical), "--static", "-o", str(tmp_path), "-q"]) == 2
    assert "is a folder" in capsys.readouterr().err


def test_nothing_to_tune_is_one_line(tmp_path, capsys):
    path = tmp_path / "t.csv"
    path.write_text("patient_id,diagnosis\n" + "".join(f"p{i},A\n" for i in range(40)), "utf-8")
    assert run(["tune", str(path), "--static", "-q"]) == 2
    assert "nothing to tune" in capsys.readouterr().err


def renamed(names):
    """Return the small table under other names of attributes."""
    table = subject_table(120)
    old = list(table.frame.columns)
    frame = table.frame.rename(columns=dict(zip(old, names, strict=True)))
    attributes = AttributeSet(
        tuple(a.revised(name=n) for a, n in zip(table.attributes, names, strict=True))
    )
    return replace(table, frame=frame, attributes=attributes, digest=table_digest(frame))


HOSTILE = [
    "</script><img src=x onerror=alert(1)>",
    "=cmd|' /C calc'!A0",
    "a\u202eb \x1b[31m",
    "x" * 200,
]


@pytest.mark.browser
@pytest.mark.parametrize(
    ("table", "k"),
    [
        (renamed(HOSTILE), 11),
        (subject_table(120), 3),
        (subject_table(12), 50),
        (subject_table(1), 11),
    ],
    ids=["hostile names", "smallest k", "nobody passes", "one subject"],
)
def test_awkward_collections_are_readable(tmp_path, table, k):
    lattice = tuning_lattice(table, models(k))
    page = tmp_path / "tune.html"
    page.write_text(static_page(lattice, title="<i>x</i>", threat_models=["a"]), encoding="utf-8")
    browser = Browser(tmp_path / "profile")
    try:
        browser.size(500, 900)
        browser.open(page.as_uri())
        start = node_figures(lattice, [a.start for a in lattice.attributes])
        word = browser.run("document.querySelector('.tune-verdict .word').textContent")
        assert word == ("Within the threshold" if start.passed else "Above the threshold")
        for axis in range(len(lattice.attributes)):
            browser.run(
                f'[...document.querySelectorAll(\'fieldset[data-axis="{axis}"]'
                " input[type=radio]')].pop().click()"
            )
        for button in ("best", "pin", "lines", "command"):
            browser.run(f"document.querySelector('[data-do={button}]').click()")
        ends = node_figures(lattice, [len(a.levels) - 1 for a in lattice.attributes])
        assert ends.classes == 1
        assert browser.run("document.querySelectorAll('img, i').length") == 0
        assert browser.run("document.documentElement.scrollWidth <= innerWidth")
        assert browser.console == []
        assert browser.requests == [page.as_uri()]
    finally:
        browser.close()
