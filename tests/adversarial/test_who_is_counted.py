"""Who is a subject: each condition broken alone, and the same collection mended."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

import midi_risk as mr
from midi_risk.attributes.decisions import decided
from midi_risk.attributes.roles import propose
from midi_risk.config import AttributeSettings, ChannelStatement
from midi_risk.document.assessment import Context, SearchEntry
from midi_risk.export.dicom.recode import subject_key
from midi_risk.risk.assess import AssessmentOptions, assess
from midi_risk.table import fold

TODAY = datetime.now(UTC).date().isoformat()
LOOKED = {
    "status": "assessed", "by": "two readers", "on": TODAY, "method": "every object",
    "looked": 15, "of": 15, "defects": 0, "sensitivity": 1.0,
}  # fmt: skip
STATED = {
    name: ChannelStatement.model_validate(LOOKED)
    for name in (
        "burned_in",
        "device_site",
        "embedded_metadata",
        "face",
        "free_text",
        "private_elements",
    )
}
SEARCHED = Context(linked_search=[SearchEntry(date=TODAY, by="me", place="archives", hits=0)])
ROOT = "1.2.826.0.1.3680043.8.498.77"


def image(folder: Path, number: int, **values: Any) -> None:
    """Write one image of a subject of its own; values replace what all have in common."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    meta.MediaStorageSOPInstanceUID = f"{ROOT}.{number}.1.1"
    data_set = Dataset()
    data_set.file_meta = meta
    stated = {
        "SOPClassUID": meta.MediaStorageSOPClassUID,
        "SOPInstanceUID": meta.MediaStorageSOPInstanceUID,
        "StudyDate": "20200310",
        "Modality": "CT",
        "Manufacturer": "ACME",
        "PatientID": f"P{number:03d}",
        "PatientSex": "F",
        "PatientAge": "045Y",
        "BodyPartExamined": "ARM",
        "StudyInstanceUID": f"{ROOT}.{number}",
        "SeriesInstanceUID": f"{ROOT}.{number}.1",
    }
    with disable_value_validation():
        for keyword, value in (stated | values).items():
            setattr(data_set, keyword, value)
    folder.mkdir(exist_ok=True)
    data_set.save_as(folder / f"{number:03d}.dcm", enforce_file_format=True)


def assessed(folder: Path) -> Any:
    """Return table and verdict of a folder whose channels are all stated."""
    extraction = mr.extract(folder)
    said = {"PatientBirthDate": AttributeSettings(decision="remove")}
    proposed = propose(extraction)
    table = fold(extraction, decided(proposed, {n: v for n, v in said.items() if n in proposed}))
    options = AssessmentOptions(channels=STATED, context=SEARCHED)
    return table, assess(table, ["public-release"], options=options).verdict


def collection(folder: Path, **last: Any) -> tuple[Any, Any]:
    """Assess fourteen alike and one image more, which may differ."""
    for number in range(1, 15):
        image(folder, number)
    image(folder, 15, **last)
    return assessed(folder)


@pytest.mark.parametrize(
    ("shared", "names"),
    [
        ({"StudyInstanceUID": f"{ROOT}.3"}, ["StudyInstanceUID"]),
        ({"SeriesInstanceUID": f"{ROOT}.3.1"}, ["SeriesInstanceUID"]),
    ],
)
def test_a_study_or_series_of_two_keys_is_one_person_counted_twice(tmp_path, shared, names):
    _, verdict = collection(tmp_path / "in", **shared)
    assert verdict.status == "incomplete"
    (found,) = verdict.reasons
    assert (found.code, found.names, found.counts) == ("split_subjects", names, {"subjects": 2})
    _, mended = collection(tmp_path / "mended", **shared, PatientID="P003")
    assert [reason.code for reason in mended.reasons] == ["within"]


@pytest.mark.parametrize(
    ("other", "mended", "name"),
    [
        ({"PatientSex": "M"}, {"PatientSex": "F"}, "PatientSex"),
        (
            {"PatientSex": "F", "PatientBirthDate": "19500101"},
            {"PatientSex": "F", "PatientBirthDate": "19750607"},
            "PatientBirthDate",
        ),
    ],
)
def test_a_key_with_two_sexes_or_birth_dates_is_two_people_counted_once(
    tmp_path, other, mended, name
):
    for folder, last in ((tmp_path / "in", other), (tmp_path / "mended", mended)):
        for number in range(1, 15):
            image(folder, number, PatientBirthDate="19750607" if "Birth" in name else "")
        image(folder, 15, **{"PatientID": "P003", "PatientBirthDate": ""} | last)
    _, verdict = assessed(tmp_path / "in")
    assert verdict.status == "incomplete"
    found, *others = verdict.reasons
    assert (found.code, found.names, found.counts) == ("merged_subjects", [name], {"subjects": 1})
    # the second sex leaves too, and nobody else has it
    assert [reason.code for reason in others] == ["above"] * (name == "PatientSex")
    _, again = assessed(tmp_path / "mended")
    assert [reason.code for reason in again.reasons] == ["within"]


def test_a_year_does_not_contradict_a_day_in_it(tmp_path):
    for number in range(1, 15):
        image(tmp_path, number)
    for number, born in ((15, "19750607"), (16, "1975")):
        image(tmp_path, number, PatientID="P003", PatientBirthDate=born)
    _, verdict = assessed(tmp_path)
    assert "merged_subjects" not in {reason.code for reason in verdict.reasons}


@pytest.mark.parametrize(
    "flag",
    [
        {"QualityControlSubject": "YES"},
        {"PatientSpeciesDescription": "canine"},
        {"PatientName": "Phantom^Daily"},
    ],
)
def test_a_flag_of_one_file_does_not_make_a_subject_disappear(tmp_path, flag):
    for number in range(1, 15):
        image(tmp_path, number)
    for number in (15, 16, 17):
        image(tmp_path, number, PatientID="P099", **flag if number == 16 else {})
    table, _ = assessed(tmp_path)
    assert "P099" in table.frame.index
    (found,) = [f for f in table.findings if f.code == "phantom-or-person"]
    assert found.subjects == 1
    for number in (15, 16, 17):
        image(tmp_path, number, PatientID="P099", **flag)
    table, _ = assessed(tmp_path)
    assert "P099" not in table.frame.index
    assert not [f for f in table.findings if f.code == "phantom-or-person"]


def test_a_phantom_flag_against_a_human_species_keeps_the_subject(tmp_path):
    for number in range(1, 15):
        image(tmp_path, number)
    species = {"PatientSpeciesDescription": "Homo sapiens sapiens"}
    image(tmp_path, 15, QualityControlSubject="YES", **species)
    table, _ = assessed(tmp_path)
    assert "P015" in table.frame.index


@pytest.mark.parametrize("key", ["P1", " P1 ", "R\\1", "R \\ 1", "Müller\\7", ""])
def test_the_key_of_an_object_is_read_as_the_scan_reads_it(tmp_path, key):
    from pydicom import dcmread

    image(tmp_path, 1, SpecificCharacterSet="ISO_IR 192", PatientID=key)
    raw = dcmread(tmp_path / "001.dcm")
    used = dcmread(tmp_path / "001.dcm")
    assert used.get("PatientID") is not None
    rows = mr.extract(tmp_path).tables[0].rows
    scanned = rows["PatientID"].to_pylist()[0] or ""
    assert subject_key(raw) == subject_key(used) == scanned.strip()
