"""Every command as a user would run it, on data made here."""

from __future__ import annotations

import json
import subprocess
import sys

import jsonschema
import pyarrow.parquet as pq
import pytest
from command_line import clinical_table, midi_risk, searched

from midi_risk.attributes.ladders import LADDERS
from midi_risk.cli.app import COMMANDS
from midi_risk.cli.job import RESULT_FILES


def documents(folder):
    return [json.loads((folder / name).read_text()) for name in ("assessment.json", "plan.json")]


def test_assess_writes_all_five_results_that_validate(tmp_path, capsys):
    out = tmp_path / "out"
    result = midi_risk(capsys, "assess", clinical_table(tmp_path / "t.csv"), "-o", out)
    assert {path.name for path in out.iterdir()} == {*RESULT_FILES, "log.jsonl"}
    assessment, plan = documents(out)
    for name, document in (("assessment", assessment), ("plan", plan)):
        schema = json.loads(midi_risk(capsys, "schema", name).out)
        jsonschema.validate(document, schema)
    assert (
        result.code
        == {"acceptable": 0, "above_threshold": 3, "incomplete": 4}[assessment["verdict"]["status"]]
    )
    assert assessment["plan"] == plan
    subjects = pq.read_table(out / "subjects.parquet")
    assert subjects.num_rows == assessment["collection"]["subjects"] == 60
    assert all(path.stat().st_mode & 0o077 == 0 for path in out.iterdir())


def test_stdout_is_data_and_stderr_is_the_rest(tmp_path, capsys):
    table = clinical_table(tmp_path / "t.csv")
    result = midi_risk(capsys, "assess", table, "-o", tmp_path / "o", "--format", "json")
    document = json.loads(result.out)
    assert "internal" not in {k for k, v in document.items() if v is not None}
    assert document["measures"]["k"] == 30
    assert "written to" in result.err


def test_quiet_says_nothing_on_stderr(tmp_path, capsys):
    table = clinical_table(tmp_path / "t.csv")
    assert midi_risk(capsys, "assess", table, "-o", tmp_path / "o", "--quiet").err == ""


@pytest.mark.parametrize(
    ("k", "fail_on", "code"),
    [(11, "any", 0), (31, "any", 3), (31, "governing", 3), (31, "never", 0)],
)
def test_the_exit_code_follows_the_verdict(k, fail_on, code, tmp_path, capsys):
    table = clinical_table(tmp_path / "t.csv")
    assert midi_risk(capsys, "init", table, "-o", tmp_path / "p").code == 0
    project = searched(tmp_path / "p")
    args = ("assess", project, "-o", tmp_path / "o", "--k", k, "--fail-on", fail_on, "-q")
    result = midi_risk(capsys, *args)
    assert result.code == code
    if fail_on == "never":
        assert "would be 3" in result.err


def test_a_public_release_without_a_recorded_search_is_incomplete(tmp_path, capsys):
    table = clinical_table(tmp_path / "t.csv")
    result = midi_risk(capsys, "assess", table, "-o", tmp_path / "o", "-q")
    assert result.code == 4
    assert "1 required channel not assessed: linked_data" in result.out


def test_incomplete_outranks_above(tmp_path, capsys):
    table = tmp_path / "t.csv"
    table.write_text("patient_id,age,qqzz\n" + "".join(f"p{i},{i},{i % 3}z\n" for i in range(30)))
    result = midi_risk(capsys, "assess", table, "-o", tmp_path / "o", "-q")
    assert result.code == 4
    assert "undecided: qqzz" in result.out
    assert "above the threshold" in result.out


def test_by_makes_one_assessment_per_group_and_a_summary(tmp_path, capsys):
    table = tmp_path / "t.csv"
    rows = [f"p{i},{i % 2 + 60},{'../x' if i % 2 else 'b c'}" for i in range(40)]
    table.write_text("patient_id,age,site_group\n" + "\n".join(rows) + "\n")
    out = tmp_path / "o"
    midi_risk(capsys, "assess", table, "--by", "site_group", "-o", out, "-q")
    folders = sorted(path.name for path in out.iterdir() if path.is_dir())
    assert folders == ["b-c", "x"]
    assert len((out / "summary.csv").read_text().splitlines()) == 3
    assert all((out / name / "assessment.json").is_file() for name in folders)


def test_where_selects_subjects(tmp_path, capsys):
    table = clinical_table(tmp_path / "t.csv")
    args = ("assess", table, "--where", "sex = 'M'", "-o", tmp_path / "o", "--format", "json")
    assert json.loads(midi_risk(capsys, *args).out)["collection"]["subjects"] == 30


def test_a_linked_table_is_named_with_its_key(tmp_path, capsys):
    lead = clinical_table(tmp_path / "lead.csv")
    other = tmp_path / "more.csv"
    other.write_text("code,religion\n" + "".join(f"P{i:03d},{'xy'[i % 2]}\n" for i in range(50)))
    args = ("assess", lead, "--table", f"{other}:code", "-o", tmp_path / "o", "--format", "json")
    document = json.loads(midi_risk(capsys, *args).out)
    (link,) = document["links"]
    assert (link["matched"], link["unmatched_subjects"]) == (50, 10)
    roles = {entry["name"]: entry["role"] for entry in document["attributes"]}
    assert roles["religion"] == "sensitive"


def test_init_edit_assess_suggest_report(tmp_path, capsys):
    table = tmp_path / "t.csv"
    table.write_text(
        "patient_id,age,sex\n" + "".join(f"p{i},{30 + i},{'MF'[i % 2]}\n" for i in range(50))
    )
    project = tmp_path / "p"
    assert midi_risk(capsys, "init", table, "-o", project).code == 0
    searched(project)
    assert midi_risk(capsys, "assess", project, "-o", tmp_path / "o", "-q").code == 3
    suggestion = midi_risk(capsys, "suggest", project, "-o", tmp_path / "s", "--keep", "sex")
    assert suggestion.code == 0
    plan = json.loads((tmp_path / "s" / "plan.json").read_text())
    assert plan["found"]
    assert plan["levels"]["sex"] == 0
    assert plan["after"]["k"] >= 11 > plan["before"]["k"]
    cuts = plan["cut_points"]["age"]
    assert plan["levels"]["age"] == 1
    file = project / "midi-risk.yaml"
    text = file.read_text()
    assert "hierarchy: age}" in text
    file.write_text(text.replace("hierarchy: age}", f"hierarchy: [{{cuts: {cuts}}}], level: 1}}"))
    after = midi_risk(capsys, "assess", project, "-o", tmp_path / "o2", "-q", "--format", "json")
    assert plan["suppressed"]["subjects"] == 0
    assert json.loads(after.out)["measures"]["k"] == plan["after"]["k"]
    page = tmp_path / "x.html"
    shown = midi_risk(capsys, "report", tmp_path / "o", "--edition", "shareable", "-o", page)
    assert shown.code == 0
    assert page.read_text().startswith("<!doctype html>") or "<html" in page.read_text()


def test_suggest_says_what_blocks_it_and_exits_3(tmp_path, capsys):
    table = tmp_path / "t.csv"
    table.write_text("patient_id,age\n" + "".join(f"p{i},{30 + i}\n" for i in range(5)))
    midi_risk(capsys, "init", table, "-o", tmp_path / "p")
    result = midi_risk(capsys, "suggest", tmp_path / "p", "-o", tmp_path / "s")
    assert result.code == 3
    assert "class size 11" in result.out


def test_a_deterministic_run_gives_the_same_figures(tmp_path, capsys):
    table = clinical_table(tmp_path / "t.csv")
    found = []
    for name in ("a", "b"):
        args = ("assess", table, "-o", tmp_path / name, "-q", "--format", "json")
        document = json.loads(midi_risk(capsys, *args).out)
        for part in ("created", "valid_until", "provenance", "plan"):
            document.pop(part)
        document["threshold"].pop("fixed_at")
        found.append(document)
    assert found[0] == found[1]


def test_threats_list_show_validate(capsys, tmp_path):
    assert "public-release" in midi_risk(capsys, "threats", "list").out
    shown = midi_risk(capsys, "threats", "show", "acquaintance").out
    copy = tmp_path / "mine.yaml"
    copy.write_text(shown)
    assert midi_risk(capsys, "threats", "validate", copy).code == 0
    copy.write_text(shown.replace("release: controlled", "release: open"))
    assert midi_risk(capsys, "threats", "validate", copy).code == 2


@pytest.mark.parametrize("term", ["k-anonymity", "exit-codes", "prosecutor_max", "0.09", "face"])
def test_explain_knows_the_terms_of_the_output(term, capsys):
    result = midi_risk(capsys, "explain", term)
    assert result.code == 0
    assert len(result.out.splitlines()) >= 2


def test_help_lists_every_command_and_the_exit_codes(capsys):
    text = midi_risk(capsys, "--help").out
    assert all(name in text for name in COMMANDS)
    assert "4 outranks 3" in " ".join(text.split())


def test_help_imports_no_heavy_package():
    code = (
        "import sys\nfrom midi_risk.cli.app import run\nrun(['--help'])\n"
        "heavy = {'pandas', 'numpy', 'pyarrow', 'duckdb', 'pydicom', 'scipy', 'pydantic'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_check_says_when_an_assessment_is_stale(tmp_path, capsys):
    table = clinical_table(tmp_path / "t.csv")
    project, out = tmp_path / "p", tmp_path / "o"
    midi_risk(capsys, "init", table, "-o", project)
    searched(project)
    midi_risk(capsys, "assess", project, "-o", out, "-q")
    assert midi_risk(capsys, "check", out, project, "-q").code == 0
    clinical_table(table, n=61)
    changed = midi_risk(capsys, "check", out, project, "-q")
    assert (changed.code, changed.err.count("\n")) == (5, 1)
    assert "digest differs" in changed.err
    document = json.loads((out / "assessment.json").read_text())
    document["valid_until"] = "2020-01-01"
    (out / "assessment.json").write_text(json.dumps(document))
    assert "validity ended" in midi_risk(capsys, "check", out, project, "-q").err


def test_diff_names_what_changed_and_no_value(tmp_path, capsys):
    table = clinical_table(tmp_path / "t.csv")
    midi_risk(capsys, "assess", table, "-o", tmp_path / "a", "-q")
    clinical_table(table, n=61)
    midi_risk(capsys, "assess", table, "-o", tmp_path / "b", "-q")
    assert midi_risk(capsys, "diff", tmp_path / "a", tmp_path / "a").out == "no difference\n"
    result = midi_risk(capsys, "diff", tmp_path / "a", tmp_path / "b")
    assert "subjects: 60 -> 61" in result.out
    assert "p060" not in result.out


@pytest.mark.parametrize("name", sorted(LADDERS))
def test_explain_shows_every_ladder_as_a_table(name, capsys):
    shown = midi_risk(capsys, "explain", "ladder", name)
    assert shown.code == 0
    for level, step in enumerate(LADDERS[name].level_names):
        assert f"\n{level}      {step} " in f"{shown.out} "
    assert shown.out.splitlines()[-1].split()[-1] == "*"


def test_explain_lists_the_ladders_and_names_a_close_one(capsys):
    listed = midi_risk(capsys, "explain", "ladder").out
    assert len(listed.splitlines()) == len(LADDERS)
    wrong = midi_risk(capsys, "explain", "ladder", "wieght")
    assert wrong.code == 2
    assert "Did you mean 'weight'" in wrong.err


def test_a_table_behind_a_url_is_a_source_of_a_project(tmp_path, capsys):
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    memory.pipe("/shelf/c.csv", clinical_table(tmp_path / "c.csv").read_bytes())
    url = "memory://shelf/c.csv:patient_id"
    try:
        asked = midi_risk(capsys, "assess", url, "-o", tmp_path / "a", "-q")
        linked = midi_risk(
            capsys, "init", tmp_path / "c.csv", "--table", url, "-o", tmp_path / "p", "-q"
        )
        project = (tmp_path / "p" / "midi-risk.yaml").read_text(encoding="utf-8")
        assessed = midi_risk(capsys, "assess", tmp_path / "p", "-o", tmp_path / "b", "-q")
    finally:
        memory.rm("/shelf", recursive=True)
    assert "subjects 60" in asked.out
    assert linked.code == 0
    assert "memory://shelf/c.csv" in project
    assert "files read 2" in assessed.out
