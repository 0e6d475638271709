"""What a notebook shows: counts and names, never values; and the worked notebook runs."""

from __future__ import annotations

import ast
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tune_tables import models, subject_table

import midi_risk as mr
from midi_risk.document.assessment import Context, SearchEntry
from midi_risk.recode.plan import suggest
from midi_risk.risk.assess import AssessmentOptions, assess

TABLE, MODELS = subject_table(150), models(5)
TODAY = datetime.now(UTC).date().isoformat()
SEARCHED = Context(linked_search=[SearchEntry(date=TODAY, by="me", place="archives", hits=0)])
ASSESSMENT = assess(
    TABLE, MODELS, options=AssessmentOptions(name="<b>Lung</b> \x1b[31m", context=SEARCHED)
)
PLAN = suggest(TABLE, MODELS, max_suppression=0.1)
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("result", [ASSESSMENT, PLAN, TABLE], ids=["assessment", "plan", "table"])
def test_no_value_and_no_subject_is_shown(result):
    for text in (result._repr_html_(), repr(result), str(result), f"{result}"):
        for value in (*TABLE.frame.index, "Acme One", "Best X", "20200315"):
            assert value not in text
        assert "<b>" not in text
        assert "\x1b" not in text
    assert "<table" in result._repr_html_()


def test_the_disclosive_part_shows_a_count_alone():
    assert repr(ASSESSMENT.internal).startswith("Internal(")
    assert "s00" not in repr(ASSESSMENT.internal)
    assert PLAN.suppressed_subjects
    assert "s0" not in repr(PLAN)


def test_the_card_says_what_the_document_says():
    html = ASSESSMENT._repr_html_()
    assert "&lt;b&gt;Lung&lt;/b&gt;" in html
    assert "Above the threshold" in html
    assert f"{ASSESSMENT.measures.k} (required: 5)" in html
    assert all(step.describe in PLAN._repr_html_() for step in PLAN.steps)


def test_a_plan_that_was_not_found_says_why():
    none = suggest(TABLE, models(151), keep=["age"])
    assert "Above the threshold" in none._repr_html_()


def test_every_result_becomes_a_frame():
    frames = [ASSESSMENT.to_frame(), PLAN.to_frame(), TABLE.to_frame(), TABLE.attributes.to_frame()]
    assert [len(frame) > 0 for frame in frames] == [True] * 4
    assert list(TABLE.attributes.to_frame()["attribute"]) == list(TABLE.attributes.names)
    columns = mr.local_suppression(TABLE.to_frame()[["age", "sex"]], ["age", "sex"], k=2).to_frame()
    assert list(columns["key"]) == ["age", "sex"]


def test_the_worked_notebook_runs_from_top_to_bottom(tmp_path, monkeypatch):
    file = ROOT / "examples" / "first-assessment.ipynb"
    notebook = json.loads(file.read_text(encoding="utf-8"))
    assert notebook["nbformat"] == 4
    monkeypatch.chdir(tmp_path)
    scope = {"__name__": "__main__"}
    cells = ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"]
    assert len(cells) > 6
    for number, source in enumerate(cells, start=1):
        code = compile(source, f"cell {number}", "exec")
        exec(code, scope)  # noqa: S102 - it is ours
    assert scope["plan"].found
    assert (tmp_path / "report-internal.html").stat().st_size > 50_000
    assert (tmp_path / "tune.html").is_file()
    written = [c for c in notebook["cells"] if c["cell_type"] == "markdown"]
    assert len(written) >= len(cells) - 2, "each step is explained"


def test_the_worked_notebook_shows_what_its_cells_give():
    file = ROOT / "examples" / "first-assessment.ipynb"
    cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
    for cell in cells:
        if cell["cell_type"] == "code" and isinstance(
            ast.parse("".join(cell["source"])).body[-1], ast.Expr
        ):
            assert cell["outputs"], "run tools/notebook_outputs.py"
            assert "Traceback" not in json.dumps(cell["outputs"])


def public_results() -> list[object]:
    frame = TABLE.to_frame()[["age", "sex"]].dropna()
    levels = {"age": mr.build_hierarchy("age", "age", sorted(set(frame["age"].dropna())))}
    classes = mr.equivalence_classes(frame, ["age", "sex"])
    return [
        mr.generalisation_loss(frame, frame, ["sex"]),
        TABLE.attributes,
        levels["age"],
        classes,
        *mr.identity_risk(classes, k=5),
        mr.suda(frame, ["age", "sex"]),
        mr.alpha_k_anonymity(frame, ["age"], "sex"),
        mr.attribute_disclosure(classes, frame["sex"]),
        *mr.combination_risks(frame, ["age", "sex"]),
        mr.km_anonymity([["a", "b"], ["a"]], m=1),
        mr.local_suppression(frame, ["age", "sex"], k=2),
        mr.search(frame, {"age": levels["age"]}, k=2, max_suppression="5%"),
        mr.sweep(frame, {"age": levels["age"]}),
        mr.load_threat_model("public-release"),
    ]


def test_every_public_result_has_a_card_and_a_short_text():
    values = {str(value) for value in (*TABLE.frame.index, *TABLE.frame["age"])}
    for result in public_results():
        card, text = result._repr_html_(), repr(result)
        assert "<table" in card or "<p>" in card, type(result)
        assert len(text) < 400, type(result)
        cells = re.findall(r"<td[^>]*>([^<]*)</td>", card)
        assert not values & set(cells) - {str(n) for n in range(400)}, type(result)
