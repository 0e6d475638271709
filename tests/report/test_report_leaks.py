"""The shareable edition: no text that may hold a value, no exact count, by type and by canary."""

from __future__ import annotations

import copy
import hashlib
import html
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from page_reader import read
from report_documents import assessment_document

from midi_risk.document.assessment import Assessment
from midi_risk.report import report, view
from midi_risk.report.rules import keyed

# What a reader of the shareable edition may see: names, vocabulary, the assessor's words.
ALLOWED = (
    "schema", "tool.", "plan.tool", "plan.schema", "collection.name", "threshold.",
    "attributes[].name", "attributes[].level", "attributes[].role", "attributes[].kind",
    "attributes[].ps315", "attributes[].decision", "attributes[].justification",
    "attributes[].need",
    "measures.quasi_identifiers", "measures.combinations[].attributes",
    "measures.diversity[].attribute", "measures.closeness[]",
    "measures.population_uniques[].estimator", "measures.trajectory[].m",
    "threats[].model", "threats[].adversary", "threats[].release", "threats[].attempt_source",
    "threats[].knows", "threats[].population", "threats[].statistic",
    "threats[].results[].measure", "threats[].results[].kind",
    "channels[].name", "channels[].status", "findings[].code", "findings[].attribute",
    "missing_policy", "context.", "sign_off", "verdict.status", "verdict.governing",
    "verdict.reasons[].code",
    "plan.utility", "plan.steps[].attribute", "plan.steps[].describe", "provenance.versions",
)  # fmt: skip
DATED = {"created", "valid_until", "collection.digest", "project_digest"}


def planted(node, path="", canaries=None):
    """Return the document with a canary in every text that is not on the list above."""
    if isinstance(node, dict):
        return {k: planted(v, f"{path}.{k}".lstrip("."), canaries) for k, v in node.items()}
    if isinstance(node, list):
        return [planted(v, f"{path}[]", canaries) for v in node]
    if isinstance(node, str) and not path.startswith(ALLOWED) and path not in DATED:
        canary = f"Qx{len(canaries):04d}zv"
        canaries[canary] = path
        return canary
    return node


@pytest.fixture(scope="module")
def leaky():
    canaries: dict[str, str] = {}
    document = planted(assessment_document(), canaries=canaries)
    return Assessment.model_validate(document), canaries


def test_the_canaries_reach_the_internal_edition_so_they_would_be_seen(leaky):
    made, canaries = leaky
    page = report(made, edition="internal").html
    seen = {path for canary, path in canaries.items() if canary in page}
    assert {
        "internal.records[].subject",
        "internal.values.PatientAge[].value",
        "internal.unreadable[].path",
        "provenance.sources[].name",
        "provenance.command",
        "channels[].evidence",
        "verdict.reasons[].text",
        "findings[].text",
        "links[].source",
        "attributes[].reason",
        "plan.next_step",
    } <= seen


def test_no_canary_text_is_in_the_shareable_edition_in_any_form(leaky):
    made, canaries = leaky
    page = report(made, edition="shareable").html
    folded = page.lower()
    plain = html.unescape(page)
    for canary, path in canaries.items():
        assert canary.lower() not in folded, path
        assert canary not in plain, path
        assert canary[::-1] not in page, path
        assert canary.encode().hex() not in folded, path
        assert hashlib.sha256(canary.encode()).hexdigest()[:8] not in folded, path


def test_no_canary_is_in_the_shareable_model(leaky):
    made, canaries = leaky
    dumped = repr(view(made, edition="shareable"))
    assert not [path for canary, path in canaries.items() if canary in dumped]


def test_dates_digests_paths_and_keys_are_not_in_the_shareable_edition():
    document = assessment_document()
    page = report(Assessment.model_validate(document), edition="shareable").html
    for text in (
        "2026-11-23", "2028-11-23", "2026-11-20", "2026-11-12", "10:15", "c4c4", "d1d1",
        document["internal"]["digest_key"], "/data", "clinical.csv", "midi-risk.yaml",
        "20261123", "LUNG-", "Vendor One", "045Y",
    ):  # fmt: skip
        assert text not in page, text


COUNTS = {  # all above k, none a multiple of 5, none equal to another number of the page
    ("collection", "subjects"): 7919,
    ("collection", "studies"): 15401,
    ("collection", "series"): 30803,
    ("collection", "instances"): 610031,
    ("measures", "sample_uniques"): 3167,
    ("measures", "classes"): 4157,
    ("findings", 0, "subjects"): 2137,
    ("links", 0, "rows"): 8017,
    ("links", 0, "subjects"): 8011,
    ("links", 0, "matched"): 7817,
    ("links", 0, "orphans"): 194,
    ("links", 0, "unmatched_subjects"): 102,
    ("links", 0, "fan_out"): 367,
    ("attributes", 0, "missing"): 1187,
    ("attributes", 0, "distinct"): 97,
    ("measures", "combinations", 0, "unique"): 2711,
    ("measures", "combinations", 0, "below_k"): 5303,
    ("measures", "diversity", 0, "homogeneous_subjects"): 3301,
    ("measures", "diversity", 0, "homogeneous_classes"): 2801,
    ("measures", "trajectory", 1, "unique"): 1907,
    ("plan", "suppressed", "subjects"): 61,
    ("plan", "suppressed", "cells"): 743,
    ("plan", "before", "subjects"): 7919,
    ("plan", "after", "subjects"): 7858,
    ("plan", "before", "classes"): 4157,
    ("plan", "before", "sample_uniques"): 3167,
    ("collection", "files", "flagged"): 1733,
    ("collection", "excluded", "phantom"): 233,
    ("provenance", "seed"): 918273,
    ("internal", "records_total"): 6121,
}


def _placed(document, numbers):
    document = copy.deepcopy(document)
    for path, number in numbers.items():
        node = document
        for key in path[:-1]:
            node = node[key]
        node[path[-1]] = number
    return document


def test_no_exact_count_is_in_the_shareable_edition():
    document = _placed(assessment_document(7919), COUNTS)
    page = read(report(Assessment.model_validate(document), edition="shareable").html)
    shown = set(re.findall(r"\d+", page.text))
    leaked = {path: n for path, n in COUNTS.items() if str(n) in shown}
    assert not leaked


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 10))
def test_a_count_below_k_is_shown_as_below_k_everywhere(n):
    small = dict.fromkeys(
        [p for p in COUNTS if p[0] in {"findings", "links"} or p[-1] == "missing"], n
    )
    document = _placed(assessment_document(), small)
    document["measures"]["combinations"] = [
        {"attributes": ["PatientAge", "stage"], "unique": 1, "below_k": n}
    ]
    tables = read(report(Assessment.model_validate(document), edition="shareable").html).tables
    assert tables["combination-table"][1][1].endswith("< 11 of 390")
    assert tables["findings"][1][2] == "< 11"
    assert tables["links"][1][1:] == ["< 11"] * 4
    assert tables["attribute-table"][1][2] == "< 11"


def test_small_shares_at_risk_are_suppressed_on_cards_and_in_tables():
    document = assessment_document()
    for result in document["threats"][0]["results"]:
        if result["measure"].endswith("at_risk"):
            result |= {"value": 3 / 388, "lower": 3 / 388, "upper": 3 / 388}
    page = read(report(Assessment.model_validate(document), edition="shareable").html)
    assert page.tables["results-1"][3][1] == "under 2.8 %, < 11 of 390"
    assert page.tables["results-1"][3][2] in {"exact", ""}
    assert "0.0077" not in page.text
    assert not re.search(r"(?<!\d)0\.8 %", page.text)


def test_who_was_left_out_cannot_be_had_by_subtraction():
    made = Assessment.model_validate(assessment_document())
    shown = view(made, edition="shareable").plan
    assert shown.suppressed.subjects.state == "below"
    assert shown.after.subjects.state == "withheld"
    assert shown.suppressed.cells.state == "withheld"


def test_a_computed_figure_among_the_assessors_words_is_left_out():
    document = assessment_document()
    document["attributes"][0]["justification"] = (
        "Retained as it is. It brings 0.061 to the mean prosecutor risk (Shapley value)."
        " Needed for: dose."
    )
    page = read(report(Assessment.model_validate(document), edition="shareable").html)
    assert "0.061" not in page.text
    assert "Retained as it is. Needed for: dose." in page.text


def test_a_collection_that_is_named_after_its_file_has_no_name_in_the_shareable_edition():
    document = assessment_document()
    document["collection"]["name"] = "export_2019.parquet"
    page = read(report(Assessment.model_validate(document), edition="shareable").html)
    assert "export_2019" not in page.text
    assert "Collection without a stated name" in page.text


def test_unknown_columns_of_free_tables_are_dropped():
    document = assessment_document()
    document["measures"]["trajectory"] = [
        {"m": 1, "unique": 3, "subject": "CANARY-1", "days": [0, 91, 91827]},
        {"m": "CANARY-2", "unique": 40},
    ]
    document["measures"]["population_uniques"] = [
        {"estimator": "Jane Doe", "value": 0.5, "note": "CANARY-3"}
    ]
    page = report(Assessment.model_validate(document), edition="shareable").html
    assert "CANARY" not in page
    assert "Jane" not in page
    assert "91827" not in page


def test_a_digest_is_shown_only_keyed_and_needs_the_key_to_be_made_again():
    document = assessment_document()
    made = Assessment.model_validate(document)
    digest, key = document["collection"]["digest"], document["internal"]["digest_key"]
    assert view(made, edition="shareable").digest == keyed(digest, key)
    assert keyed(digest, key) not in digest
    document["internal"] = None
    assert view(Assessment.model_validate(document), edition="shareable").digest == ""


@pytest.mark.parametrize(
    "text",
    [
        "see /home/ann/study/key.csv", r"C:\data\key.xlsx", "s3://bucket/key",
        "1.2.840.113619.2.55.3",
        "scanned 2019-05-17", "scanned 17/05/2019", "on 20190517", "ann@clinic.example",
        "10.1.2.33", "server01.local", "data/clinical.tsv",
    ],
)  # fmt: skip
def test_the_assessors_text_loses_paths_uids_hosts_and_exact_dates(text):
    document = assessment_document()
    document["attributes"][0]["justification"] = text
    document["context"]["purpose"] = text
    page = report(Assessment.model_validate(document), edition="shareable").html
    assert text.split()[-1] not in html.unescape(page)
    assert re.search(r"\[(path|UID|date|address|host)\]", page)
