"""Bad input: one clear line on stderr, the right exit code, nothing half-written."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from command_line import clinical_table, midi_risk

FOUR_FAULTS = """
schema: midi-risk/project/1
collection: {name: x, sources: [{tabl: a.csv}]}
threat_models: []
missing: catgory
attributes: {age: {role: quasi}}
"""


def text(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def empty_folder(base: Path) -> Path:
    (base / "empty").mkdir()
    return base / "empty"


def folder_without_dicom(base: Path) -> Path:
    (base / "notes").mkdir()
    text(base / "notes" / "a.txt", "hello")
    return base / "notes"


CASES = {
    "empty folder": (empty_folder, "empty folder"),
    "folder without DICOM": (folder_without_dicom, "no readable DICOM"),
    "zero-byte file": (lambda base: text(base / "zero.csv", ""), "empty"),
    "text renamed .dcm": (lambda base: text(base / "text.dcm", "hello"), "no readable DICOM"),
    "path that does not exist": (lambda base: base / "nosuch", "does not exist"),
    "no key column": (lambda base: text(base / "k.csv", "foo,bar\nq,2\nq,3\n"), "subject key"),
    "missing key column": (lambda base: f"{text(base / 'k.csv', 'id,b')}:baz", "no column 'baz'"),
    "duplicate key column": (
        lambda base: text(base / "d.csv", "PatientID,PatientID\n1,2\n"),
        "more than once",
    ),
    "header without rows": (lambda base: text(base / "h.csv", "patient_id,age\n"), "h.csv"),
    "project that does not exist": (lambda base: base / "no.yaml", "no such project file"),
    "broken XLSX": (lambda base: text(base / "b.xlsx", "not a workbook"), "b.xlsx"),
    "broken parquet": (lambda base: text(base / "b.parquet", "not a table"), "b.parquet"),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_sources_are_one_line(name, tmp_path, capsys):
    make, expected = CASES[name]
    result = midi_risk(capsys, "assess", make(tmp_path), "-o", tmp_path / "out")
    assert result.code == 2
    assert result.out == ""
    assert result.err.count("\n") == 1
    assert result.err.startswith("midi-risk: ")
    assert expected in result.err
    assert "Traceback" not in result.err
    assert not (tmp_path / "out").exists()


def test_a_yaml_with_four_faults_reports_all_of_them(tmp_path, capsys):
    text(tmp_path / "midi-risk.yaml", FOUR_FAULTS)
    result = midi_risk(capsys, "assess", tmp_path, "-o", tmp_path / "out")
    assert result.code == 2
    assert "4 errors" in result.err
    for place in ("collection.sources.0", "threat_models", "missing", "attributes.age.role"):
        assert place in result.err


def test_an_unknown_threat_model_names_a_close_one(tmp_path, capsys):
    table = clinical_table(tmp_path / "t.csv")
    result = midi_risk(capsys, "assess", table, "--threat", "public-relase", "-o", tmp_path / "o")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert "Did you mean 'public-release'?" in result.err


def test_a_number_that_a_threat_model_needs_is_asked_for(tmp_path, capsys):
    table = clinical_table(tmp_path / "t.csv")
    args = ("assess", table, "--threat", "acquaintance", "-o", tmp_path / "o", "-q")
    result = midi_risk(capsys, *args)
    assert result.code == 2
    assert "prevalence" in result.err
    assert midi_risk(capsys, *args, "--set", "acquaintance.prevalence=0.001").code in {0, 3, 4}


@pytest.mark.skipif(sys.platform == "win32", reason="folders have other permissions on Windows")
def test_an_unwritable_output_folder_is_one_line(tmp_path, capsys):
    table = clinical_table(tmp_path / "t.csv")
    blocked = "/proc/midi-risk" if os.geteuid() == 0 else str(tmp_path / "locked" / "out")
    if os.geteuid() != 0:
        (tmp_path / "locked").mkdir(mode=0o500)
    result = midi_risk(capsys, "assess", table, "-o", blocked)
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert "cannot write" in result.err


def test_an_output_that_is_a_file_is_one_line(tmp_path, capsys):
    table = clinical_table(tmp_path / "t.csv")
    result = midi_risk(capsys, "assess", table, "-o", table)
    assert (result.code, result.err.count("\n")) == (2, 1)


def test_a_previous_run_is_kept_and_said(tmp_path, capsys):
    table = clinical_table(tmp_path / "t.csv")
    args = ("assess", table, "-o", tmp_path / "out", "-q")
    first = midi_risk(capsys, *args)
    before = (tmp_path / "out" / "assessment.json").read_bytes()
    second = midi_risk(capsys, *args)
    assert first.code == second.code
    assert second.err.count("\n") == 1
    assert "previous run" in second.err
    assert (tmp_path / "out" / "previous" / "assessment.json").read_bytes() == before
    assert not list((tmp_path / "out").glob(".midi-risk-*"))


def test_an_existing_project_file_is_not_overwritten(tmp_path, capsys):
    table = clinical_table(tmp_path / "t.csv")
    assert midi_risk(capsys, "init", table, "-o", tmp_path / "p").code == 0
    again = midi_risk(capsys, "init", table, "-o", tmp_path / "p")
    assert (again.code, again.err.count("\n")) == (2, 1)
    assert midi_risk(capsys, "init", table, "-o", tmp_path / "p", "--force").code == 0


def test_an_attribute_that_no_source_has_is_named_with_a_close_one(tmp_path, capsys):
    table = clinical_table(tmp_path / "t.csv")
    midi_risk(capsys, "init", table, "-o", tmp_path / "p")
    file = tmp_path / "p" / "midi-risk.yaml"
    file.write_text(file.read_text() + "  ago: {role: sensitive}\n")
    result = midi_risk(capsys, "assess", tmp_path / "p", "-o", tmp_path / "o")
    assert result.code == 2
    assert "Did you mean 'age'?" in result.err


def test_a_level_that_does_not_exist_is_named(tmp_path, capsys):
    table = clinical_table(tmp_path / "t.csv")
    midi_risk(capsys, "init", table, "-o", tmp_path / "p")
    file = tmp_path / "p" / "midi-risk.yaml"
    file.write_text(
        file.read_text().replace(
            "age: {role: quasi_identifier, hierarchy: age}",
            "age: {role: quasi_identifier, hierarchy: age, level: 7y}",
        )
    )
    result = midi_risk(capsys, "assess", tmp_path / "p", "-o", tmp_path / "o")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert "no level '7y'" in result.err


@pytest.mark.parametrize(
    "args",
    [("asess",), ("assess",), ("assess", "--no-such"), ("report", "nosuch.json"),
     ("explain", "proscutor"), ("schema", "asessment"), ("threats", "show", "nosuch"),
     ("assess", "x", "--k", "0"), ("assess", "x", "--max-suppression", "200%"),
     ("assess", "x", "--set", "prevalence=1"), ("assess", "x", "--budget", "soon")],
)  # fmt: skip
def test_usage_errors_are_one_line_and_exit_2(args, capsys):
    result = midi_risk(capsys, *args)
    assert result.code == 2
    assert result.err.count("\n") == 1
    assert "Traceback" not in result.err


def test_an_internal_error_names_its_place_and_not_its_text(tmp_path, capsys, monkeypatch):
    def broken(*args: object, **options: object) -> None:
        raise RuntimeError("SECRET VALUE")

    monkeypatch.setattr("midi_risk.cli.job.open_job", broken)
    result = midi_risk(capsys, "assess", tmp_path)
    assert result.code == 1
    assert "RuntimeError" in result.err
    assert "SECRET" not in result.err


def test_an_interrupt_is_exit_130(tmp_path, capsys, monkeypatch):
    def interrupted(*args: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("midi_risk.cli.job.open_job", interrupted)
    result = midi_risk(capsys, "assess", tmp_path)
    assert result.code == 130
    assert [line for line in result.err.splitlines() if line] == [
        "midi-risk: interrupted; nothing is half-written"
    ]


AGES = "id,age,sex\n" + "".join(f"p{i},{20 + i % 60},{'MF'[i % 2]}\n" for i in range(120))


@pytest.mark.parametrize(
    ("setting", "extra", "args", "code", "words"),
    [
        ("{hierarchy: none.csv}", "", (), 2, "none.csv: the hierarchy cannot be read"),
        ("{hierarchy: short.csv}", "", (), 2, "no row for 59 of 60 values that occur in the data"),
        ("{hierarchy: split.csv}", "", (), 2, "'x' becomes both 'p' and 'q' (rows 1 and 2)"),
        ("{hierarchy: 5}", "", (), 2, "a ladder, a .csv file or a list of levels is expected"),
        ("{hierarchy: []}", "", (), 2, "attributes.age.hierarchy"),
        ("{hierarchy: [{groups: {a: [b]}}, {cuts: [x]}]}", "", (), 2, "hierarchy.1.cuts.0"),
        ("{}", "", ("--keep", "aeg"), 2, "Did you mean 'age'?"),
        ("{decision: remove}", "", ("--keep", "age"), 2, "contradicts its decision"),
        ("{role: sensitive}", "", ("--keep", "age"), 2, "its role is sensitive"),
        ("{}", "suggest: {cells: true}\n", (), 2, "needs 'missing: wildcard'"),
        (
            "{}",
            "",
            ("--k", "500"),
            3,
            "reaches class size 500: the collection has only 120 subjects",
        ),
        ("{}", "", ("--keep", "age", "--keep", "sex"), 3, "kept unchanged: age, sex"),
    ],
)
def test_what_the_search_cannot_do_is_one_line(setting, extra, args, code, words, tmp_path, capsys):
    (tmp_path / "people.csv").write_text(AGES, encoding="utf-8")
    (tmp_path / "short.csv").write_text("20;*\n", encoding="utf-8")
    (tmp_path / "split.csv").write_text("20;x;p\n21;x;q\n", encoding="utf-8")
    role = setting if "role" in setting else "{role: quasi_identifier, " + setting[1:]
    (tmp_path / "midi-risk.yaml").write_text(
        "schema: midi-risk/project/1\n"
        "collection: {name: t, sources: [{table: people.csv, key: id}]}\n"
        f"{extra}attributes:\n  age: {role}\n  sex: {{role: quasi_identifier}}\n",
        encoding="utf-8",
    )
    result = midi_risk(capsys, "suggest", tmp_path, "-o", tmp_path / "out", "-q", *args)
    assert result.code == code
    said = result.out if code == 3 else result.err
    assert words in said
    if code == 2:
        assert len(result.err.splitlines()) == 1
        assert not (tmp_path / "out").exists()
