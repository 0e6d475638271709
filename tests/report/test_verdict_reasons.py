"""The reasons of a verdict: a closed list, one status from them, one predicate for each."""

from __future__ import annotations

import copy
import html
import itertools
import json
import re
import typing

import pytest
from pydantic import ValidationError
from report_documents import assessment_document, reasons

from midi_risk.document.assessment import Assessment, ChannelEntry, Verdict
from midi_risk.document.conditions import CONDITIONS, Evidence, shown
from midi_risk.document.files import contradictions, load_assessment
from midi_risk.document.reasons import REASONS, WITHIN, Reason, Status, reason, status_of
from midi_risk.errors import ConfigError
from midi_risk.report import report, view
from midi_risk.report.tuning import waiting
from midi_risk.report.words import HEADS

COUNTS = {
    "files": 3, "tolerated": 1, "rows": 2, "subjects": 4, "values": 5, "k": 11, "removed": 0,
    "shipped": 11, "stated": 1, "before": 20, "classes": 6, "percent": 20,
    "of": 3, "hits": 1, "searches": 2, "days": 400, "defects": 2, "sample": 20,
    "inspected": 100, "total": 200, "units": 3,
}  # fmt: skip
EVIDENCE = {
    "by": "B. Reader", "on": "2026-11-10", "method": "Each subject by two readers.",
    "looked": 300, "of": 388, "defects": 0, "sensitivity": 0.9,
}  # fmt: skip
NAMES = ["one", "two", "prosecutor_max"]


LOG = {"file": "log.csv", "sha256": "ab" * 32}


def acceptable() -> dict[str, typing.Any]:
    """Return a document in which nothing stands against the release."""
    document = assessment_document()
    document["verdict"] |= {"status": "acceptable", "reasons": [reason(WITHIN).model_dump()]}
    document["collection"] |= {"excluded": {}}
    document["collection"]["files"]["unreadable"] = 0
    document["attributes"] = [a for a in document["attributes"] if a["role"] != "undecided"]
    document["channels"] = [
        c | {"status": "assessed", "value": 0.01, "lower": 0.01, "upper": 0.01}
        for c in document["channels"]
    ]
    for threat in document["threats"]:
        for result in threat["results"]:
            result["passed"] = None if result["passed"] is None else True
    return document


def identifier(document, decision):
    entry = copy.deepcopy(document["attributes"][0])
    entry |= {"name": "PatientName", "role": "direct_identifier", "distinct": 3}
    document["attributes"].append(entry | {"decision": decision})


def undecided(document):
    document["attributes"][0] |= {"role": "undecided", "decision": "retain"}


def leaving(_document):
    return {
        "kind": "element", "name": "MakerNote", "vr": "UN", "files": 3, "disposition": "open",
        "reason": "UN that nobody reads",
    }  # fmt: skip


def failed(document):
    document["threats"][0]["results"][0]["passed"] = False


def unread(document):
    document["tolerance"] = {"unread_files": 2}
    document["collection"]["files"]["unreadable"] = 3


def disclosing(document, accepted=None):
    entry = {
        "model": "public-release", "attribute": "stage", "criterion": "gain", "value": 0.9,
        "threshold": 0.5, "passed": False, "classes": 2, "subjects": 24, "accepted": accepted,
    }  # fmt: skip
    document["disclosure"] = [entry]


EXCEPTION = {"by": "A. Steward", "on": "2026-11-02", "reason": "known to everybody"}


def stated(document, **changes):
    document["channels"][1]["stated"] = EVIDENCE | changes


def searched(document, **changes):
    document["context"]["linked_search"][0].update(changes)


def controlled(document, **changes):
    document["context"]["quality"].update(changes)


def read_by_people(document, day="2026-11-10", upper=0.02, changed=0, **counts):
    units = {"total": 200, "inspected": 100, "defects": 0, "unsure": 0} | counts
    document["qc"] = {
        "planned": day, "recorded": day, "plan": "0" * 64, "digest": "0" * 64, "share": 0.01,
        "confidence": 0.95, "subjects": 200, "readers": 1, "upper": upper,
        "sensitivity": {"value": 0.9, "how": "stated"}, "units": units | {"changed": changed},
        "strata": [{"channel": "face", "stratum": "not_searched", "upper": upper, **units}],
    }  # fmt: skip


def each_within(document):
    for channel in document["channels"]:
        channel.update(value=0.03, lower=0.03, upper=0.03)


SPOILT = {
    "contradicted": lambda d: d["channels"][1].update(contradicts=["measurement"]),
    "evidence_incomplete": lambda d: stated(d, by=""),
    "evidence_of_part": lambda d: stated(d, of=387),
    "evidence_file_missing": lambda d: stated(d, **LOG, file_state="missing"),
    "evidence_file_changed": lambda d: stated(d, **LOG, file_state="changed"),
    "channels_together": each_within,
    "search_hits": lambda d: searched(d, hits=1),
    "search_incomplete": lambda d: searched(d, hits=None),
    "search_old": lambda d: searched(d, date="2025-11-12"),
    "quality_above": lambda d: controlled(d, sample=20, defects=3),
    "quality_incomplete": lambda d: controlled(d, sensitivity=None),
    "quality_old": lambda d: controlled(d, on="2025-11-12"),
    "qc_found": lambda d: read_by_people(d, defects=1),
    "qc_above": lambda d: read_by_people(d, upper=0.2),
    "qc_unsure": lambda d: read_by_people(d, unsure=1),
    "qc_changed": lambda d: read_by_people(d, changed=3),
    "qc_old": lambda d: read_by_people(d, day="2025-11-12"),
    "disclosed": disclosing,
    "disclosure_accepted": lambda d: disclosing(d, EXCEPTION),
    "not_known": lambda d: [t["knows"].pop("Manufacturer", None) for t in d["threats"]],
    "unread_files": unread,
    "undecided": undecided,
    "account_open": lambda d: d.update(account=[leaving(d)]),
    "direct_open": lambda d: identifier(d, None),
    "direct_kept": lambda d: identifier(d, "retain"),
    "channels_open": lambda d: d["channels"][1].update(status="not_assessed"),
    "channel_above": lambda d: d["channels"][1].update(value=1.0, upper=1.0),
    "rows_without_key": lambda d: d["collection"].update(excluded={"no_key": 1}),
    "no_threat": lambda d: d.update(threats=[]),
    "attacks_open": lambda d: d["threats"][0].update(
        release="controlled", event="deliberate", attempt=0.3
    ),
    "above": failed,
}


def stating(found):
    """Return a verdict with this reason, as acceptable as it lets it be."""
    status = REASONS[found.code].status
    stated = [found] if status else [found, reason(WITHIN)]
    return {"status": status or "acceptable", "reasons": [each.model_dump() for each in stated]}


@pytest.mark.parametrize("code", REASONS)
def test_every_code_has_words_a_status_and_a_condition_of_the_ten(code):
    kind = REASONS[code]
    assert kind.meaning.endswith(".")
    assert kind.status in {*typing.get_args(Status), None}
    assert (kind.condition in range(1, 11)) is (code != WITHIN)
    made = reason(code, NAMES if kind.names != "none" else (), **COUNTS)
    assert made.text
    assert kind.names == "none" or NAMES[0] in made.text
    assert "{" not in made.text


def test_a_sentence_names_a_few_and_counts_the_rest():
    assert reason("undecided", ["a"]).text == "1 attribute undecided: a"
    many = [f"a{i}" for i in range(9)]
    assert reason("undecided", many).text.endswith("a5 and 3 more")
    assert reason("undecided", many).names == many


def test_the_status_is_the_worst_that_a_code_causes():
    for first, second in itertools.product(REASONS, repeat=2):
        found = status_of([first, second])
        told = {REASONS[first].status, REASONS[second].status} - {None}
        order = ("incomplete", "above_threshold", "acceptable")
        assert found == next((status for status in order if status in told), None)
    assert status_of([]) is None


@pytest.mark.parametrize(
    ("status", "codes", "words"),
    [
        ("acceptable", ["above"], "make it 'above_threshold'"),
        ("above_threshold", ["above", "undecided"], "make it 'incomplete'"),
        ("incomplete", ["within"], "make it 'acceptable'"),
        ("acceptable", [], "gives no reason"),
        ("acceptable", ["overruled"], "gives no reason"),
        ("above_threshold", ["within", "above"], "beside others"),
    ],
)
def test_a_verdict_refuses_a_status_that_its_reasons_do_not_give(status, codes, words):
    stated = [reason(code, NAMES, **COUNTS) for code in codes]
    with pytest.raises(ValidationError, match=words):
        Verdict(status=status, governing=None, reasons=stated)


def test_a_code_that_nobody_listed_is_refused():
    with pytest.raises(ValidationError, match="no code of the list"):
        Reason(code="because", text="because")


def test_the_document_that_is_spoilt_below_is_acceptable_before():
    assert contradictions(Assessment.model_validate(acceptable())) == []


@pytest.mark.parametrize("code", CONDITIONS)
def test_parts_that_contradict_an_acceptable_verdict_are_refused(code, tmp_path):
    document = acceptable()
    SPOILT[code](document)
    (found,) = shown(Evidence.of(Assessment.model_validate(document)), *CONDITIONS)
    assert found.code == code
    path = tmp_path / "assessment.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_assessment(path)
    (fault,) = caught.value.faults
    assert fault.startswith("verdict.status: is acceptable, but no reason says that ")
    assert found.text in fault
    document["verdict"] |= stating(found)
    path.write_text(json.dumps(document), encoding="utf-8")
    assert found in load_assessment(path).verdict.reasons


@pytest.mark.parametrize("code", CONDITIONS)
def test_a_reason_that_the_parts_do_not_show_is_refused(code):
    document = acceptable()
    document["verdict"] |= stating(reason(code, NAMES, **COUNTS))
    (fault,) = contradictions(Assessment.model_validate(document))
    assert fault == f"verdict.reasons[0]: '{code}' is not what the other parts show"


def test_evidence_that_says_all_is_no_reason():
    document = acceptable()
    stated(document, **LOG, file_state="same")
    searched(document, date="2025-11-22")
    controlled(document, on="2025-11-22")
    assert contradictions(Assessment.model_validate(document)) == []


@pytest.mark.parametrize("missing", [*EVIDENCE, "sha256"])
def test_a_statement_names_what_it_does_not_say(missing):
    document = acceptable()
    stated(document, **LOG | {missing: None if missing in {"of", "looked", "defects", "sensitivity"}
                              else ""}, file_state="same")  # fmt: skip
    (found,) = shown(Evidence.of(Assessment.model_validate(document)), "evidence_incomplete")
    assert found.names == ["face", missing]


def test_a_day_to_come_is_no_day():
    document = acceptable()
    stated(document, on="2026-11-24")
    searched(document, date="2026-11-24")
    controlled(document, on="2026-11-24")
    found = shown(Evidence.of(Assessment.model_validate(document)), *CONDITIONS)
    codes = ["evidence_incomplete", "search_incomplete", "quality_incomplete"]
    assert [each.code for each in found] == codes


def test_what_nobody_requires_and_nobody_assessed_is_named():
    assert reason(WITHIN).text.endswith("nothing was left unassessed")
    assert reason(WITHIN, ["face"]).text.endswith("left unassessed: face")


def test_a_reason_for_other_parts_than_those_that_show_it_is_refused():
    document = acceptable()
    SPOILT["direct_open"](document)
    stated = reason("direct_open", ["PatientBirthName"]).model_dump()
    document["verdict"] |= {"status": "incomplete", "reasons": [stated]}
    first, second = contradictions(Assessment.model_validate(document))
    assert "no reason says that" in first
    assert "PatientName" in first
    assert second == "verdict.reasons[0]: 'direct_open' is not what the other parts show"


def test_as_many_unread_files_as_tolerated_are_no_reason():
    document = acceptable()
    document["tolerance"] = {"unread_files": 3}
    document["collection"]["files"]["unreadable"] = 3
    assert contradictions(Assessment.model_validate(document)) == []


@pytest.mark.parametrize(
    ("figures", "worst", "passed"),
    [
        ({"status": "assessed", "value": 0.1, "upper": 0.2}, 0.2, True),
        ({"status": "bounded", "value": None, "upper": 0.21}, 0.21, False),
        ({"status": "assessed", "value": None, "upper": None}, None, None),
        ({"status": "not_assessed", "value": 0.9, "upper": None}, None, None),
    ],
)
def test_a_channel_says_whether_it_passes(figures, worst, passed):
    entry = ChannelEntry(name="face", evidence="", required=True, limit=0.2, **figures)
    assert (entry.worst, entry.passed) == (worst, passed)
    free = ChannelEntry(name="face", evidence="", **figures)
    assert free.passed is None


@pytest.mark.parametrize("status", ["assessed", "bounded", "not_assessed"])
def test_a_required_channel_without_a_figure_is_open_whatever_it_says(status):
    document = acceptable()
    document["channels"][1] |= {"status": status, "value": None, "lower": None, "upper": None}
    (found,) = shown(Evidence.of(Assessment.model_validate(document)), *CONDITIONS)
    assert (found.code, found.names) == ("channels_open", [document["channels"][1]["name"]])


def test_a_channel_has_a_limit_where_it_is_required_and_only_there():
    for wrong in ({"required": True}, {"limit": 0.1}):
        with pytest.raises(ValidationError, match="a 'limit' where it is 'required'"):
            ChannelEntry(name="face", status="assessed", value=0.0, evidence="", **wrong)


def test_the_page_waits_for_every_reason_but_the_figures_that_it_tunes():
    stated = [Reason.model_validate(each) for each in reasons("incomplete")]
    told = waiting(Verdict(status="incomplete", governing=None, reasons=stated))
    assert told == tuple(each.text for each in stated if each.code != "above")
    assert waiting(Verdict(status="acceptable", governing=None, reasons=[reason(WITHIN)])) == ()


def decision(document):
    page = report(Assessment.model_validate(document), edition="shareable").html
    return html.unescape(page[page.index('id="decision"') : page.index('id="scope"')])


def test_the_shareable_edition_makes_its_sentences_from_codes():
    assert set(HEADS) <= set(REASONS)
    text = decision(assessment_document())
    assert "Role undecided: comment_2." in text
    assert "Channels above the threshold: visit intervals." in text
    assert "1 further reason(s)" in text
    for stated in reasons("incomplete"):
        assert stated["text"] not in text


def test_the_shareable_edition_tells_counts_below_k_as_below_k():
    document = assessment_document()
    document["verdict"]["reasons"] = [reason("unread_files", files=7, tolerated=3).model_dump()]
    text = decision(document)
    assert re.search(r"<li>Files that could not be read: <\s11\.</li>", text)


def test_the_shareable_edition_names_only_what_it_names_anyway():
    document = assessment_document()
    document["verdict"]["reasons"] = [
        reason("undecided", ["Jane Doe", "comment_2"]).model_dump(),
        reason("orphans", ["secret.csv"], subjects=900, tolerated=0).model_dump(),
        reason("above", ["Jane Doe", "demonstration", "prosecutor_max"], k=11).model_dump(),
        reason("channels_open", ["Jane Doe"]).model_dump(),
    ]
    text = decision(document)
    assert "Role undecided: comment_2." in text
    assert "3 further reason(s)" in text
    assert not re.search(r"Jane|Doe|secret|900", text)
    shown = view(Assessment.model_validate(document), edition="shareable")
    assert not any(stated.counts for stated in shown.verdict.reasons)
    assert [list(stated.names) for stated in shown.verdict.reasons] == [["comment_2"], [], [], []]


@pytest.mark.parametrize("code", ["split_subjects", "merged_subjects"])
def test_the_shareable_edition_spells_a_contested_key(code):
    document = assessment_document()
    listed = document["attributes"][0]["name"]
    for names, told in (([listed], f": {listed}"), (["NobodyListsThis"], "")):
        document["verdict"]["reasons"] = [reason(code, names, subjects=4).model_dump()]
        text = decision(document)
        assert f"<li>{HEADS[code]}{told}.</li>" in text
        assert "reason(s) are given" not in text


def test_both_figures_of_the_channels_stand_in_the_internal_report():
    document = acceptable()
    document["channels_together"] = {
        "largest": 0.05, "mean": 0.0125, "confidence": 0.95,
        "models": [{"model": "public-release", "statistic": "maximum", "attempt": 1.0,
                    "alone": 1 / 11, "total": 1 / 11, "floor": None}],
    }  # fmt: skip
    found = Assessment.model_validate(document)
    inside = html.unescape(report(found, edition="internal").html)
    assert "0.0500" in inside or "0.05 " in inside
    assert "0.0125" in inside
    assert "one joint 95" in inside
    outside = report(found, edition="shareable").html
    assert "0.0125" not in outside


def test_a_figure_below_what_everybody_has_is_not_believed():
    document = acceptable()
    document["channels_together"] = {
        "largest": 0.03, "mean": 0.03, "confidence": 0.95,
        "models": [{"model": "public-release", "statistic": "maximum", "attempt": 1.0,
                    "alone": 1 / 11, "total": 1 / 11, "floor": None}],
    }  # fmt: skip
    everybody = document["collection"]["subjects"]
    for channel in document["channels"]:
        channel.update(value=0.03, lower=0.03, upper=0.03, subjects=everybody)
    assert any("together" in fault for fault in contradictions(Assessment.model_validate(document)))
    for channel in document["channels"]:
        channel.update(subjects=everybody - 1)
    assert contradictions(Assessment.model_validate(document)) == []
