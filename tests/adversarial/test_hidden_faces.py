"""Body parts and files that nobody can place are not known to be harmless."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest

import midi_risk as mr
from midi_risk.document.assessment import Context, SearchEntry
from midi_risk.risk.assess import AssessmentOptions, assess
from midi_risk.sources.dicom.facts import face_possible

TODAY = datetime.now(UTC).date().isoformat()
SEARCH = SearchEntry(date=TODAY, by="me", place="archives", hits=0)
SEARCHED = AssessmentOptions(context=Context(linked_search=[SEARCH]))


@pytest.mark.parametrize(
    "part",
    ["", "Kopf", "SCHAEDEL", "TETE", "CABEZA", "HEAD", "HEAD_NECK", "CSPINE", "SPINE", "WHOLEBODY",
     "CHEST/HEAD", "SKULLTOTHIGH", "TRAUMA", "XY17", "EAR"],
)  # fmt: skip
def test_a_part_that_is_not_known_to_lie_elsewhere_may_show_a_face(part):
    assert face_possible("CT", part)


@pytest.mark.parametrize(
    "part",
    ["CHEST", "Lung", "ABDOMEN", "CHEST_TO_PELVIS", "CHESTABDPELVIS", "BREAST", "Kidneys", "HEART",
     "LEFT KNEE", "PROSTATE", "LOWER_LEG"],
)  # fmt: skip
def test_a_part_that_lies_elsewhere_shows_no_face(part):
    assert not face_possible("MR", part)


def test_photographs_and_unknown_modalities_may_show_a_face():
    assert face_possible("XC", "")
    assert face_possible("", "")
    assert not face_possible("MG", "")


def test_a_file_that_tells_no_patient_keeps_the_verdict_incomplete(tmp_path):
    file = tmp_path / "t.csv"
    rows = [f"s{i:03d},{'MF'[i % 2]}" for i in range(60)]
    file.write_text("\n".join(["id,sex", *rows]), encoding="utf-8")
    extraction = mr.extract(str(file))
    table = mr.fold(extraction, mr.propose(extraction))
    assert assess(table, ["public-release"], options=SEARCHED).verdict.status == "acceptable"
    seen = dataclasses.replace(table, facts={"incomplete_files": 2})
    verdict = assess(seen, ["public-release"], options=SEARCHED).verdict
    assert verdict.status == "incomplete"
    assert "2 DICOM files without patient or instance identifier" in verdict.reasons[0].text
