"""Both editions as pages: structure, policy, numbers, and unusual assessments."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest
from page_reader import read
from report_documents import assessment, assessment_document, plan, plan_document, reasons

from midi_risk.document.assessment import Assessment
from midi_risk.errors import ConfigError
from midi_risk.report import report, view
from midi_risk.report.html import channel_risk, render

EDITIONS = ("internal", "shareable")
ANCHORS = (
    "decision", "scope", "threats", "risk", "attributes", "combinations", "sensitive",
    "channels", "recodes", "utility", "methods", "mapping", "validity", "signoff",
)  # fmt: skip
FORBIDDEN = ("anonymous", "anonymised", "hipaa compliant", "very small", "guarantees")


def pages(document, **options):
    made = Assessment.model_validate(document)
    return {e: read(report(made, edition=e, **options).html) for e in EDITIONS}


@pytest.fixture(scope="module")
def both():
    return pages(assessment_document())


@pytest.mark.parametrize("edition", EDITIONS)
def test_a_page_is_balanced_and_every_id_is_unique(both, edition):
    page = both[edition]
    assert page.faults == []
    assert len(page.ids) == len(set(page.ids))
    assert [page.tags.count(tag) for tag in ("html", "h1", "header", "nav", "main")] == [1] * 5


@pytest.mark.parametrize("edition", EDITIONS)
def test_the_anchors_are_the_agreed_ones(both, edition):
    page = both[edition]
    assert [i for i in page.ids if i in {*ANCHORS, "records"}] == [
        a
        for name in ANCHORS
        for a in ([name, "records"] if name == "combinations" else [name])
        if a != "records" or edition == "internal"
    ]
    targets = {h[1:] for h in page.values("href") if h.startswith("#")}
    assert targets <= set(page.ids)


@pytest.mark.parametrize("edition", EDITIONS)
def test_the_policy_allows_exactly_the_style_and_script_of_the_page(both, edition):
    page = both[edition]
    policy = next(v for v in page.values("content") if "default-src" in v)
    assert policy.startswith("default-src 'none'; ")
    for kind, source in (("style", page.style), ("script", page.script)):
        digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("edition", EDITIONS)
def test_nothing_is_loaded_from_elsewhere_and_nothing_is_styled_inline(both, edition):
    page = both[edition]
    names = {key for _, key, _ in page.attributes}
    assert not names & {"src", "srcset", "style", "data", "poster", "background"}
    assert not [n for n in names if n.startswith("on")]
    assert all(
        h.startswith(("#", "https://doi.org/", "https://arxiv.org/")) for h in page.values("href")
    )
    assert "url(" not in page.style
    assert not {"link", "img", "iframe", "object", "embed", "form"} & set(page.tags)


@pytest.mark.parametrize("edition", EDITIONS)
def test_every_table_has_a_caption_and_heads_with_scope(both, edition):
    page = both[edition]
    assert page.tags.count("table") == page.tags.count("caption") == len(page.tables)
    heads = page.tags.count("th")
    assert sum(key == "scope" for _, key, _ in page.attributes) == heads


@pytest.mark.parametrize("edition", EDITIONS)
def test_every_chart_has_title_description_and_a_data_table(both, edition):
    page = both[edition]
    assert page.tags.count("svg") == page.tags.count("desc") == 5
    for name in ("class-sizes", "k-curve", "contributions", "pareto", "tornado-2"):
        assert {f"{name}-title", f"{name}-desc"} <= set(page.ids)
        assert f"{name}-data" in page.tables


@pytest.mark.parametrize("edition", EDITIONS)
def test_the_language_rules_hold(both, edition):
    text = both[edition].text.lower()
    assert not [word for word in FORBIDDEN if word in text]
    assert "a computed estimate, not a determination" in text
    assert "not a guarantee" in text


@pytest.mark.parametrize("edition", EDITIONS)
def test_what_was_not_assessed_is_said_in_words(both, edition):
    text = both[edition].text
    for channel in ("reconstructable face", "burned-in text", "embedded metadata"):
        assert channel in text
    assert "Their risk is unknown, not zero." in text
    assert "Role undecided: comment_2." in text
    assert "Nobody has signed this assessment." in text


def test_the_risk_of_a_channel_that_nobody_assessed_is_unknown_in_its_row():
    channel = {"name": "face", "status": "not_assessed", "required": True, "limit": 0.09,
               "evidence": "none"}  # fmt: skip
    made = Assessment.model_validate(assessment_document() | {"channels": [channel]})
    for edition in EDITIONS:
        (shown,) = view(made, edition=edition).channels
        assert channel_risk(shown) == "unknown"


def test_the_internal_page_shows_the_numbers_of_the_document(both):
    document, page = assessment_document(), both["internal"]
    rows = page.tables["class-sizes-data"][1:]
    assert [r[1] for r in rows] == [
        str(b["subjects"]) for b in document["measures"]["class_size_histogram"]
    ]
    curve = page.tables["k-curve-data"][1:]
    assert [r[0] for r in curve] == [str(p["k"]) for p in document["measures"]["curve"]]
    assert [re.search(r"(\d+) of 388", r[1]).group(1) for r in curve] == [
        str(p["subjects_below"]) for p in document["measures"]["curve"]
    ]
    results = page.tables["results-1"][1:]
    assert results[0][1] == "1 (1 in 1)"
    assert results[2][1] == "90.7 %, 352 of 388"
    assert results[7][2] == "0.012 to 0.068, estimate"
    losses = [r[4] for r in page.tables["steps"][1:]]
    assert losses == [str(s["loss"]) for s in document["plan"]["steps"]]


def test_risks_are_shown_before_and_after_the_plan(both):
    assert "now 1 (1 in 1) after the plan 0.0833 (1 in 12)" in both["internal"].text
    assert "now 1 (1 in 1) after the plan 0.083 (1 in 12)" in both["shareable"].text


def test_the_records_table_is_capped_and_says_so(both):
    page = both["internal"]
    assert len(page.tables["record-table"]) == 201
    assert "200 of 352 shown" in page.text
    sizes = [int(row[1]) for row in page.tables["record-table"][1:]]
    assert sizes == sorted(sizes)


def test_only_the_internal_edition_has_records_values_and_a_watermark(both):
    assert "records" in both["internal"].ids
    assert "records" not in both["shareable"].ids
    assert "contains disclosive records" in both["internal"].text
    assert "disclosive" not in both["shareable"].text
    assert "Values of PatientAge" in both["internal"].text
    assert "Values of PatientAge" not in both["shareable"].text


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("acceptable", "✓ Acceptable"),
        ("above_threshold", "▲ Above threshold"),
        ("incomplete", "? Incomplete: evidence is missing"),
    ],
)
def test_the_verdict_is_said_in_words_and_with_a_mark(status, words):
    document = assessment_document()
    document["verdict"] |= {"status": status, "reasons": reasons(status)}
    for page in pages(document).values():
        assert words in page.text


def _bins(*rows):
    return [{"size_from": a, "size_to": b, "classes": c, "subjects": s} for a, b, c, s in rows]


def _no_plan(d):
    d["plan"] = None


def _plan_not_found(d):
    d["plan"] = plan_document(found=False, steps=[], loss=None, reason="Two subjects differ.")
    d["plan"]["front"] = []


def _nobody_at_risk(d):
    d["measures"] |= {"k": 30, "sample_uniques": 0, "classes": 9, "combinations": []}
    d["measures"]["class_size_histogram"] = _bins((21, 50, 9, 388))
    d["measures"]["curve"] = [{"k": 11, "subjects_below": 0, "share_below": 0.0}]
    d["internal"] |= {"records": [], "records_total": 0}


def _all_at_risk(d):
    d["measures"] |= {"k": 1, "sample_uniques": 388, "classes": 388}
    d["measures"]["class_size_histogram"] = _bins((1, 1, 388, 388))
    d["measures"]["curve"] = [{"k": 2, "subjects_below": 388, "share_below": 1.0}]


def _no_quasi_identifiers(d):
    d["attributes"] = [a for a in d["attributes"] if a["role"] != "quasi_identifier"]
    d["measures"] |= {
        "quasi_identifiers": [], "combinations": [], "k": 388, "classes": 1, "sample_uniques": 0
    }  # fmt: skip
    d["measures"]["class_size_histogram"] = _bins((388, 388, 1, 388))


def _bare(d):
    for name in ("context", "sign_off", "internal", "plan"):
        d[name] = None
    for name in ("findings", "links", "changes", "channels", "threats", "attributes"):
        d[name] = []
    d["measures"] = {"k": None, "classes": 0, "sample_uniques": 0, "class_size_histogram": []}
    d["collection"] |= {"studies": None, "series": None, "instances": None, "excluded": {}}
    d["verdict"]["governing"] = None
    d["provenance"] = {
        "sources": [], "versions": {}, "tables": {}, "seed": None, "command": ""
    }  # fmt: skip


def _no_subjects(d):
    _bare(d)
    d["collection"]["subjects"] = 0


def _fewer_subjects_than_k(d):
    d["collection"]["subjects"] = 7
    d["measures"]["class_size_histogram"] = _bins((1, 1, 7, 7))
    d["measures"]["curve"] = [{"k": 2, "subjects_below": 7, "share_below": 1.0}]


def _many_attributes(d):
    d["attributes"] = assessment_document(attributes=200)["attributes"]


CASES = {
    "no plan": (_no_plan, "No recoding was searched for."),
    "plan not found": (_plan_not_found, "No recoding within the limits meets the threshold."),
    "nobody at risk": (_nobody_at_risk, "k = 30"),
    "all at risk": (_all_at_risk, "100 %"),
    "no quasi-identifier": (_no_quasi_identifiers, "There is no quasi-identifier"),
    "bare": (_bare, "No threat model was applied."),
    "no subject": (_no_subjects, "No channel besides the table"),
    "fewer subjects than k": (_fewer_subjects_than_k, "Decision"),
    "200 attributes": (_many_attributes, "variable_199"),
}


@pytest.mark.parametrize("case", CASES)
def test_an_unusual_assessment_is_still_readable(case):
    change, words = CASES[case]
    document = assessment_document()
    change(document)
    for page in pages(document).values():
        assert page.faults == []
        assert len(page.ids) == len(set(page.ids))
        assert words in page.text
        assert "None" not in page.text
        assert "nan" not in page.text.split()


def test_a_collection_smaller_than_k_shows_no_count_at_all():
    document = assessment_document()
    _fewer_subjects_than_k(document)
    page = pages(document)["shareable"]
    assert "class-sizes-data" not in page.tables
    assert "Subjects < 11" in page.text


def test_a_plan_given_apart_replaces_the_one_inside():
    made = assessment(plan=False)
    page = read(report(made, plan(), edition="shareable").html)
    assert "The proposed plan changes 2 attributes" in page.text


def test_a_bound_is_labelled_as_one():
    document = assessment_document()
    document["threats"][0]["results"][0] |= {"kind": "bound", "lower": 0.2, "upper": 1.0}
    for page in pages(document).values():
        assert "0.2 to 1, bound, not an estimate" in page.text


def test_an_unknown_edition_is_an_error_that_knows_the_right_word():
    with pytest.raises(ConfigError, match="Did you mean 'shareable'"):
        report(assessment(), edition="sharable")


def test_the_page_depends_on_the_document_alone():
    made = assessment()
    again = Assessment.model_validate(made.to_dict())
    for edition in EDITIONS:
        assert render(view(made, edition=edition)) == render(view(again, edition=edition))


def test_the_sizes_stay_within_the_budgets_at_5000_subjects_and_200_attributes():
    made = assessment(5000, attributes=200)
    assert len(report(made, edition="internal").html.encode()) <= 300_000
    assert len(report(made, edition="shareable").html.encode()) <= 120_000


def test_the_report_does_not_show_itself_in_a_traceback():
    assert repr(report(assessment())).startswith("Report(internal, ")
