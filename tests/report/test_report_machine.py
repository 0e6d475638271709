"""Reading and writing assessment.json and plan.json, and their schemas."""

from __future__ import annotations

import json
import os
import stat

import jsonschema
import pytest
from report_documents import assessment, assessment_document, plan, reasons

from midi_risk.document import files as machine_module
from midi_risk.errors import ConfigError, OutputError, SourceError
from midi_risk.report import (
    load_assessment,
    load_plan,
    report,
    schema_text,
    write_assessment,
    write_plan,
)
from midi_risk.resources import resource_folder

AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


def written(tmp_path, document):
    path = tmp_path / "assessment.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def faults_of(tmp_path, document):
    with pytest.raises(ConfigError) as caught:
        load_assessment(written(tmp_path, document))
    return caught.value.faults


def test_an_assessment_comes_back_as_it_was_written(tmp_path):
    made = assessment()
    path = write_assessment(made, tmp_path / "assessment.json")
    assert load_assessment(path) == made
    again = write_plan(plan(), tmp_path / "plan.json")
    assert load_plan(again) == plan()


def test_written_files_are_for_their_owner_only_and_leave_nothing_beside_them(tmp_path):
    paths = [
        write_assessment(assessment(), tmp_path / "assessment.json"),
        report(assessment()).write(tmp_path / "report.html"),
    ]
    assert {stat.S_IMODE(p.stat().st_mode) for p in paths} == {0o600}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["assessment.json", "report.html"]


@pytest.mark.parametrize("name", ["assessment", "plan"])
def test_the_shipped_schema_is_the_generated_one(name):
    shipped = (resource_folder("schemas") / f"{name}.schema.json").read_text(encoding="utf-8")
    assert json.loads(shipped) == json.loads(schema_text(name))


def test_documents_validate_against_the_shipped_schemas(tmp_path):
    for name, document in (("assessment", assessment()), ("plan", plan())):
        schema = json.loads(schema_text(name))
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.validate(document.to_dict(), schema)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**document.to_dict(), "surprise": 1}, schema)


def test_an_unknown_schema_is_an_error_that_knows_the_right_word():
    with pytest.raises(ConfigError, match="Did you mean 'assessment'"):
        schema_text("asessment")


def test_all_faults_of_an_edited_document_are_listed_with_their_place(tmp_path):
    document = assessment_document()
    del document["threshold"]["k"]
    document["attributes"][2]["distinct"] = "many"
    document["verdict"]["status"] = "fine"
    document["surprise"] = True
    faults = faults_of(tmp_path, document)
    assert len(faults) == 4
    for place in ("threshold.k", "attributes[2].distinct", "verdict.status", "surprise"):
        assert any(f.startswith(f"{place}: ") for f in faults)


def test_a_fault_never_quotes_a_value(tmp_path):
    document = assessment_document()
    document["internal"]["values"]["PatientAge"][0] = "CANARY-067Y"
    document["internal"]["records"][0]["class_size"] = "CANARY-1"
    document["attributes"][0]["contribution"] = "CANARY-2"
    with pytest.raises(ConfigError) as caught:
        load_assessment(written(tmp_path, document))
    assert "CANARY" not in str(caught.value)
    assert len(caught.value.faults) == 3


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ("midi-risk/assessment/1", "older midi-risk; assess the collection again"),
        ("midi-risk/assessment/3", "newer midi-risk"),
        ("midi-risk/plan/2", "'midi-risk/assessment/2' expected"),
        (None, "is missing"),
        (7, "is missing"),
    ],
)
def test_another_schema_is_named_and_says_what_to_do(tmp_path, schema, words):
    (fault,) = faults_of(tmp_path, {**assessment_document(), "schema": schema})
    assert words in fault


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is not JSON"),
        (b'{"schema": ', "is not JSON: Expecting value at line 1"),
        (b"<html></html>", "is not JSON"),
        (b"\xff\xfe\x00", "is not UTF-8"),
        (b"[]", "is not a document of schema"),
        (b"3", "is not a document of schema"),
        (b'{"schema": NaN}', "NaN or Infinity"),
        (b"[" * 100_000, "is nested too deeply"),
    ],
)
def test_what_is_not_a_document_is_one_clear_fault(tmp_path, content, words):
    path = tmp_path / "assessment.json"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=words):
        load_assessment(path)


def test_a_byte_order_mark_is_no_fault(tmp_path):
    path = tmp_path / "assessment.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(assessment_document()).encode())
    assert load_assessment(path) == assessment()


def test_a_file_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(machine_module, "SIZE_LIMIT", 1000)
    with pytest.raises(ConfigError, match="is larger than"):
        load_assessment(written(tmp_path, assessment_document()))


def test_a_file_that_is_absent_or_a_folder_is_one_clear_error(tmp_path):
    with pytest.raises(SourceError, match="No such file"):
        load_assessment(tmp_path / "none.json")
    with pytest.raises(SourceError, match="directory"):
        load_assessment(tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: None, "above the threshold on prosecutor_max"),
        (lambda d: None, "3 required channels not assessed: face, burned_in, embedded_metadata"),
        (lambda d: None, "channel visit_intervals: its risk is above the threshold"),
        (lambda d: None, "1 attribute undecided: comment_2"),
        (lambda d: None, "2 files could not be read (tolerated: 0)"),
        (lambda d: None, "1 row without a subject key"),
        (lambda d: d.update(threats=[]), "no threat model was applied"),
    ],
)
def test_a_verdict_edited_to_acceptable_contradicts_its_own_figures(tmp_path, change, words):
    document = assessment_document()
    document["verdict"] |= {"status": "acceptable", "reasons": reasons("acceptable")}
    change(document)
    assert any(words in fault for fault in faults_of(tmp_path, document))


def test_a_status_that_its_reasons_do_not_give_is_refused(tmp_path):
    document = assessment_document()
    document["verdict"]["status"] = "acceptable"
    (fault,) = faults_of(tmp_path, document)
    assert fault.startswith("verdict: ")
    assert "its reasons make it 'incomplete'" in fault


def test_figures_outside_their_range_are_faults(tmp_path):
    document = assessment_document()
    document["threats"][0]["results"][0] |= {"value": 1.5, "lower": 0.9, "upper": 0.1}
    faults = faults_of(tmp_path, document)
    assert [f.split(": ")[0] for f in faults] == [
        "threats[0].results[0].value",
        "threats[0].results[0]",
    ]


def test_a_figure_below_zero_is_a_fault(tmp_path):
    document = assessment_document()
    document["threats"][0]["results"][0] |= {"value": 0.1, "lower": -0.1, "upper": 0.2}
    (fault,) = faults_of(tmp_path, document)
    assert fault == "threats[0].results[0].lower: is not between 0 and 1"


def test_a_report_is_written_whole_or_not_at_all(tmp_path):
    target = tmp_path / "report.html"
    target.write_text("before", encoding="utf-8")
    made = report(assessment())
    with pytest.raises(OutputError, match="cannot be written"):
        made.write(tmp_path / "none" / "report.html")
    with pytest.raises(OutputError, match="is a folder"):
        made.write(tmp_path)
    assert target.read_text(encoding="utf-8") == "before"
    made.write(target)
    assert target.read_text(encoding="utf-8") == made.html


@pytest.mark.skipif(AS_ROOT, reason="root may write anywhere")
def test_a_folder_without_permission_is_one_clear_error(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OutputError, match="Permission denied"):
            report(assessment()).write(tmp_path / "report.html")
    finally:
        tmp_path.chmod(0o700)
