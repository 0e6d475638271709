"""The first screen, the certificate, the verdict per recipient and the mappings to rules."""

from __future__ import annotations

import itertools
import re

import pytest
from page_reader import read
from report_documents import assessment, assessment_document, reasons

from midi_risk.config import load_project
from midi_risk.document.assessment import Assessment
from midi_risk.document.conditions import Evidence
from midi_risk.document.files import contradictions
from midi_risk.document.reasons import REASONS, reason
from midi_risk.document.recipients import recipients
from midi_risk.report import EDITIONS, report, view
from midi_risk.report.certificate import certificate
from midi_risk.report.decision import decided
from midi_risk.report.mapping import ANSWERS, mapping_files, mappings
from midi_risk.report.next_steps import STEPS, next_steps
from midi_risk.report.words import SECTIONS

QUESTIONS = ("May we release?", "How likely, for whom?", "Because of what?", "What to do next")


@pytest.mark.parametrize("edition", EDITIONS)
def test_the_four_questions_come_before_the_contents(edition):
    text = read(report(assessment(), edition=edition).html).text
    places = [text.index(question) for question in (*QUESTIONS, "Contents")]
    assert places == sorted(places)


def with_status(status):
    document = assessment_document()
    document["verdict"] |= {"status": status, "reasons": reasons(status)}
    return Assessment.model_validate(document)


def test_an_acceptable_verdict_says_under_which_conditions_and_until_when():
    made = with_status("acceptable")
    found = decided(view(made))
    assert found.conditions
    text = read(report(made).html).text
    assert f"Holds until {made.valid_until[:10]}" in text
    assert found.steps[0].line.startswith("midi-risk sign ")


def test_every_reason_has_its_step_and_every_step_its_place():
    assert set(STEPS) == set(REASONS)
    shown = view(assessment())
    for code, make in STEPS.items():
        steps = make(shown, ["free_text", "face"])
        assert steps, code
        for step in steps:
            assert step.line or step.anchor
            assert step.anchor in {"", *SECTIONS}


@pytest.mark.parametrize("code", STEPS)
def test_lines_for_the_project_file_are_read_by_it(code, tmp_path):
    shown = view(assessment())
    for i, step in enumerate(STEPS[code](shown, ["free_text", "on: *x", "PatientAge"])):
        if step.where != "file":
            continue
        line = re.sub(r"\bN\b", "5", step.line).replace("DATE", "2026-11-02")
        head = "schema: midi-risk/project/1\n"
        if line.startswith("collection:"):
            line = line.replace("{", "{name: A, sources: [{dicom: images}], ", 1)
        else:
            head += "collection: {name: A, sources: [{dicom: images}]}\n"
        file = tmp_path / f"{i}.yaml"
        file.write_text(head + line, encoding="utf-8")
        load_project(file)


def test_steps_are_told_once_each():
    steps = next_steps(view(with_status("incomplete")))
    assert steps
    assert len(set(steps)) == len(steps)


@pytest.mark.parametrize("edition", EDITIONS)
def test_the_certificate_names_what_a_board_asks_for(edition):
    made = with_status("acceptable")
    page = read(certificate(made, edition=edition).html)
    assert page.faults == []
    assert len(page.ids) == len(set(page.ids))
    for head in ("Scope", "Threshold", "Governing figure", "Evidence", "Expiry", "Assessor"):
        assert head in page.text
    assert "Not a legal opinion." in page.text
    assert "records" not in page.ids


def of_recipients(models, stated=()):
    """Return the statuses when these models (release, passed) judge a release."""
    document = assessment_document()
    first = document["threats"][0]
    document["threats"] = []
    for i, (release, passed) in enumerate(models):
        threat = first | {"model": f"m{i}", "release": release, "event": "deliberate"}
        threat["knows"] = {"PatientAge": "exact"} | {
            a["name"]: "exact" for a in document["attributes"]
        }
        threat["results"] = [first["results"][0] | {"passed": passed}]
        document["threats"].append(threat)
    document["channels"], document["account"], document["disclosure"] = [], [], []
    document["attributes"] = [a for a in document["attributes"] if a["role"] == "quasi_identifier"]
    document["collection"]["files"]["unreadable"] = 0
    document["collection"]["excluded"] = {}
    document["context"] = document["sign_off"] = document["plan"] = document["internal"] = None
    made = Assessment.model_validate(document)
    return [(r.recipient, r.status) for r in recipients(Evidence.of(made), list(stated))]


NAMES = ("public", "controlled", "secure_environment")


@pytest.mark.parametrize(
    ("models", "statuses"),
    [
        ([("public", True)], ("anonymous", "anonymous", "anonymous")),
        ([("public", False)], ("pseudonymous", "open", "open")),
        ([("controlled", True)], ("open", "anonymous", "anonymous")),
        ([("controlled", False)], ("open", "pseudonymous", "open")),
        ([("public", False), ("controlled", True)], ("pseudonymous", "anonymous", "anonymous")),
        ([("public", True), ("controlled", False)], ("anonymous", "pseudonymous", "anonymous")),
        ([("semi-public", True)], ("open", "anonymous", "anonymous")),
        ([], ("open", "open", "open")),
    ],
)
def test_each_recipient_is_judged_by_its_own_models(models, statuses):
    assert of_recipients(models) == list(zip(NAMES, statuses, strict=True))


@pytest.mark.parametrize("code", ["merged_subjects", "orphans", "singles_out", "key_guessed"])
def test_what_rests_on_the_table_leaves_every_recipient_open(code):
    counts = {"subjects": 1, "tolerated": 0, "percent": 20}
    found = of_recipients([("public", True)], [reason(code, ["a"], **counts)])
    assert {status for _, status in found} == {"open"}


def test_nobody_gets_a_direct_identifier_as_pseudonymous_data():
    made = assessment()
    kept = made.attributes[0].model_copy(
        update={"role": "direct_identifier", "decision": "retain", "distinct": 3}
    )
    made = made.model_copy(update={"attributes": [kept]})
    found = recipients(Evidence.of(made), [])
    assert {r.status for r in found} == {"open"}


def test_recipients_that_somebody_edited_are_refused():
    made = assessment()
    honest = recipients(Evidence.of(made), made.verdict.reasons)
    verdict = made.verdict.model_copy(update={"recipients": honest})
    before = contradictions(made.model_copy(update={"verdict": verdict}))
    forged = [r.model_copy(update={"status": "anonymous"}) for r in honest]
    verdict = made.verdict.model_copy(update={"recipients": forged})
    after = contradictions(made.model_copy(update={"verdict": verdict}))
    assert set(after) - set(before) == {"verdict.recipients: are not what the other parts show"}


def test_each_mapping_is_dated_has_a_source_and_answers_that_exist():
    for told in mapping_files():
        assert all(told[name] for name in ("title", "short", "source", "url", "state", "looked"))
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", told["looked"])
        numbers = [row["number"] for row in told["rows"]]
        assert len(numbers) == len(set(numbers))
        for row in told["rows"]:
            assert row["rule"] in ANSWERS
            assert row["anchor"] in SECTIONS
    used = {row["rule"] for told in mapping_files() for row in told["rows"]}
    assert used == set(ANSWERS)


def test_the_eighteen_practices_and_the_eighteen_items_are_all_there():
    practices, _, hipaa = mapping_files()[:3]
    assert [row["number"] for row in practices["rows"]] == [*map(str, range(1, 19)), "R5", "R8"]
    items = [row["number"] for row in hipaa["rows"] if row["rule"] == "item"]
    assert items == [f"(b)(2) {letter}" for letter in "ABCDEFGHIJKLMNOPQR"]


def test_an_item_is_found_by_the_attribute_that_leaves_and_not_by_one_that_is_removed():
    def status(decision, missing=0):
        document = assessment_document()
        document["attributes"][0] |= {
            "name": "PatientTelephoneNumbers", "role": "direct_identifier",
            "decision": decision, "missing": missing,
        }  # fmt: skip
        shown = view(Assessment.model_validate(document))
        rows = {row.number: row for row in mappings(shown)[2].rows}
        return rows["(b)(2) D"].status

    assert status("retain") == "Found"
    assert status("remove") == "Not found"
    assert status("retain", missing=assessment().collection.subjects) == "Not found"


@pytest.mark.parametrize(("subjects", "reached"), [(100, 0), (101, 1), (1001, 2), (10001, 3)])
def test_the_bulk_thresholds_count_all_subjects(subjects, reached):
    document = assessment_document()
    document["collection"]["subjects"] = subjects
    rows = mappings(view(Assessment.model_validate(document)))[-1].rows
    assert sum(row.status.startswith("Reached") for row in rows) == reached


def test_it_is_said_once_that_this_is_no_legal_opinion():
    text = read(report(assessment()).html).text
    assert text.count("Not a legal opinion.") == 2  # the certificate, and the section


def test_300_attributes_fold_by_family_and_stay_findable():
    page = read(report(assessment(attributes=300)).html)
    names = [f"variable_{i}" for i in range(290, 300)]
    assert all(name in page.text for name in names)
    assert page.faults == []


def test_cells_of_every_table_have_the_name_of_their_column_on_a_phone():
    html = report(assessment()).html
    page = read(html)
    told = [name for name in page.tables if not name.startswith("cert-")]
    wide = [name for name in told if len(page.tables[name][0]) > 2]
    assert wide
    for name in wide:
        assert f"aria-labelledby={name}-caption]" in page.style


def test_steps_of_the_shareable_edition_hold_no_line_of_another_name():
    shown = view(assessment(), edition="shareable")
    lines = itertools.chain.from_iterable(s.line.splitlines() for s in next_steps(shown))
    assert all(len(line) < 200 for line in lines)
