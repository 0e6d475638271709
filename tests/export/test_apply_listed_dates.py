"""Dates of DICOM objects under a hierarchy of dates that somebody listed in a file."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from midi_risk.cli.app import run

PROJECT = """\
schema: midi-risk/project/1
collection: {name: Dates, sources: [{dicom: images/}]}
threat_models: [public-release]
attributes:
  PatientSex: {role: quasi_identifier, decision: retain}
  StudyDate: {role: quasi_identifier, kind: date, hierarchy: dates.csv, level: 1,
    decision: generalise}
"""


def collection(folder: Path, labels: dict[str, str]) -> Path:
    """Write two studies each of 24 subjects; series are a day later than their study."""
    (folder / "images").mkdir(parents=True)
    days = ["20120317", "20121105", "20130210", "20131224"]
    for number in range(48):
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
        meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[str(number)])
        ds: Dataset = FileDataset("x", {}, file_meta=meta, preamble=bytes(128))
        ds.SOPClassUID = meta.MediaStorageSOPClassUID
        ds.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
        ds.StudyInstanceUID = ds.SeriesInstanceUID = generate_uid(entropy_srcs=["s", str(number)])
        ds.PatientID, ds.PatientName = f"P{number // 2:02d}", "x"
        ds.PatientSex, ds.Modality = "MF"[number // 2 % 2], "OT"
        ds.StudyDate = days[number % 2 + 2 * (number // 2 % 2)]
        ds.SeriesDate = str(int(ds.StudyDate) + 1)
        ds.save_as(folder / "images" / f"{number:02d}.dcm", enforce_file_format=True)
    rows = [f"{day[:4]}-{day[4:6]}-{day[6:]};{labels[day]};*" for day in days]
    (folder / "dates.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (folder / "midi-risk.yaml").write_text(PROJECT, encoding="utf-8")
    return folder


def released(folder: Path) -> list[Dataset]:
    run(["suggest", str(folder), "-o", str(folder / "plan"), "-q"])
    plan = str(folder / "plan" / "plan.json")
    run(["apply", str(folder), "--plan", plan, "-o", str(folder / "out"), "-q"])
    return [pydicom.dcmread(path) for path in (folder / "out" / "release").rglob("*.dcm")]


@pytest.mark.parametrize("form", ["{year}", "{year}-{month}", "{year}{month}"])
def test_other_dates_of_a_visit_follow_the_level_that_the_list_is_equal_to(
    tmp_path: Path, form: str
) -> None:
    days = ["20120317", "20121105", "20130210", "20131224"]
    labels = {day: form.format(year=day[:4], month=day[4:6]) for day in days}
    objects = released(collection(tmp_path, labels))
    assert len(objects) == 48
    months = {"01"} if form == "{year}" else {day[4:6] for day in days}
    for ds in objects:
        assert ds.StudyDate == ds.SeriesDate
        assert ds.StudyDate[4:6] in months
        assert ds.StudyDate[6:] == "01"


def test_dates_are_removed_where_the_list_is_no_ladder(tmp_path: Path) -> None:
    labels = {"20120317": "early", "20121105": "early", "20130210": "late", "20131224": "late"}
    objects = released(collection(tmp_path, labels))
    assert len(objects) == 48
    for ds in objects:
        assert not ds.StudyDate
        assert not ds.get("SeriesDate")
