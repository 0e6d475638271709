"""Body parts and files that nobody can place are not known to be harmless."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest

import midi_risk as mr
from midi_risk.document.assessment import Context, SearchEntry
from midi_risk.risk.assess import AssessmentOptions, assess
from midi_risk.sources.dicom.faces import face_possible, may_show_face

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


CHEST = {"Modality": "CT", "BodyPartExamined": "CHEST"}


@pytest.mark.parametrize(
    "told",
    [
        {"SeriesDescription": "Head 5.0 H31s"},
        {"StudyDescription": "CT HEAD W/O CONTRAST"},
        {"ProtocolName": "01_Head_Routine"},
        {"StudyDescription": "Schädel nativ"},
        {"AnatomicRegionSequence": "Brain"},
        {"RequestedProcedureDescription": "Stroke protocol"},
        {"SeriesDescription": "WB_3.0"},
        {"ReceiveCoilName": "HEAD"},
        {"PixelSpacing": "0.45\\0.45", "Rows": "512"},
    ],
)
def test_a_head_labelled_chest_may_show_a_face(told):
    assert may_show_face(CHEST | told)


@pytest.mark.parametrize(
    "told",
    [
        {"SeriesDescription": "Thorax 5.0 B31s", "StudyDescription": "CT chest with contrast"},
        {"PixelSpacing": "0.7\\0.7", "Rows": "512"},
        {"PixelSpacing": "x", "Rows": ""},
        {"SeriesDescription": "surface rendering, diagnose overhead"},
    ],
)
def test_a_chest_that_says_chest_everywhere_shows_no_face(told):
    assert not may_show_face(CHEST | told)


@pytest.mark.parametrize(
    "told",
    [
        {"Modality": "RTSTRUCT", "ROIName": "EXTERNAL"},
        {"Modality": "RTSTRUCT", "ROIName": "GTV\\Body", "BodyPartExamined": "CHEST"},
        {"Modality": "RTSTRUCT", "ROIName": "Skin_5mm"},
        {"Modality": "RTSTRUCT", "ROIName": "Außenkontur"},
        {"Modality": "RTSTRUCT", "ROIName": "ROI 7"},
        {"Modality": "RTSTRUCT"},
        {"Modality": "SEG", "SegmentLabel": "Head mask"},
        {"Modality": "SEG", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.66.5"},
        {"Modality": "M3D", "BodyPartExamined": "HAND"},
        {"Modality": "DOC", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.104.4"},
        {"Modality": "XA", "BodyPartExamined": "HEART"},
        {"Modality": "OP"},
        {"Modality": "DMS", "BodyPartExamined": "HAND"},
        {"Modality": "XC", "BodyPartExamined": "FOOT"},
        {"Modality": "OT", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.77.1.4"},
    ],
)
def test_surfaces_photographs_and_contours_of_the_skin_may_show_a_face(told):
    assert may_show_face(told)


@pytest.mark.parametrize(
    "told",
    [
        {"Modality": "RTSTRUCT", "ROIName": "GTV-1\\Lung_L\\SpinalCord"},
        {"Modality": "RTSTRUCT", "ROIName": "ROI 7", "BodyPartExamined": "PROSTATE"},
        {"Modality": "SEG", "SegmentLabel": "Nodule 1"},
        {"Modality": "RTPLAN"},
        {"Modality": "SR"},
    ],
)
def test_contours_of_what_lies_inside_show_no_face(told):
    assert not may_show_face(told)


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
