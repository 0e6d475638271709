"""BIDS data sets: tables, inherited sidecars, every file accounted for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from midi_risk.errors import LinkageError, SourceError
from midi_risk.sources import SourceKind, extract


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    root = tmp_path / "ds"
    files = {
        "dataset_description.json": json.dumps({"Name": "x", "BIDSVersion": "1.9.0"}),
        "participants.tsv": "participant_id\tage\tsex\nsub-01\t30\tF\nsub-02\tn/a\tM\n",
        "participants.json": json.dumps(
            {
                "age": {"LongName": "Age", "Description": "in years"},
                "sex": {"Levels": {"F": "female", "M": {"Description": "male"}}},
            }
        ),
        "task-rest_bold.json": json.dumps({"RepetitionTime": 2.0, "Manufacturer": "GE"}),
        "phenotype/ace.tsv": "participant_id\tace\nsub-01\t3\n",
        "phenotype/ace.json": json.dumps({"ace": {"Description": "Adverse events"}}),
        "phenotype/broken.tsv": "subject\tx\n1\t2\n",
        "sub-01/sub-01_sessions.tsv": "session_id\tacq_time\nses-1\t2001-02-03\n",
        "sub-01/ses-1/sub-01_ses-1_scans.tsv": (
            "filename\tacq_time\nfunc/sub-01_ses-1_task-rest_bold.nii.gz\t2001-02-03T10:11:12\n"
        ),
        "sub-01/ses-1/func/sub-01_ses-1_task-rest_bold.nii.gz": "x",
        "sub-01/ses-1/func/sub-01_ses-1_task-rest_bold.json": json.dumps(
            {"Manufacturer": "Siemens", "SliceTiming": list(range(40)), "ImageType": ["A", "B"]}
        ),
        "sub-01/ses-1/func/sub-01_ses-1_task-rest_events.tsv": "onset\tduration\n1\t2\n",
        "sub-02/anat/sub-02_T1w.nii.gz": "x",
        "sub-02/anat/sub-02_T1w.json": json.dumps(
            {"ManufacturersModelName": "Prisma", "DeviceSerialNumber": "123", "Nested": {"a": 1}}
        ),
        "sub-02/func/sub-02_task-rest_bold.nii.gz": "x",
        "sub-02/func/sub-02_task-other_bold.json": "{broken",
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_every_table_of_a_data_set_is_read(dataset):
    extraction = extract(dataset)
    names = [table.name for table in extraction.tables]
    assert names == ["participants.tsv", "sessions.tsv", "scans.tsv", "ace.tsv", "images"]
    assert {table.kind for table in extraction.tables} == {SourceKind.BIDS}
    assert {table.key for table in extraction.tables} == {"participant_id"}


def test_every_file_has_a_row(dataset):
    extraction = extract(dataset)
    met = sorted(extraction.files.column("path").to_pylist())
    assert met == sorted(str(path) for path in dataset.rglob("*") if path.is_file())
    counts = extraction.file_counts()
    assert (counts["unreadable"], counts["not_dicom"]) == (2, 1)


def test_not_available_is_absent(dataset):
    table = extract(dataset).table("participants.tsv")
    assert table.rows.column("age").to_pylist() == ["30", None]
    assert table.labels == {"age": "Age: in years", "sex": "(F = female, M = male)"}


def test_scans_know_their_participant_and_session(dataset):
    scans = extract(dataset).table("scans.tsv").rows.to_pylist()
    assert scans[0]["participant_id"] == "sub-01"
    assert scans[0]["session_id"] == "ses-1"
    assert scans[0]["acq_time"] == "2001-02-03T10:11:12"


def test_sidecars_are_inherited_and_the_nearest_wins(dataset):
    rows = extract(dataset).table("images").rows.to_pylist()
    by_image = {(row["participant_id"], row["suffix"]): row for row in rows}
    near = by_image["sub-01", "bold"]
    assert near["Manufacturer"] == "Siemens"
    assert near["RepetitionTime"] == "2"
    assert near["ImageType"] == "A\\B"
    assert near.get("SliceTiming") is None
    assert by_image["sub-02", "bold"]["Manufacturer"] == "GE"
    anatomy = by_image["sub-02", "T1w"]
    assert anatomy["ManufacturerModelName"] == "Prisma"
    assert anatomy["DeviceSerialNumber"] == "123"
    assert anatomy["Modality"] == "MR"


def test_a_broken_sidecar_at_the_top_is_recorded(dataset):
    (dataset / "task-rest_bold.json").write_text("{")
    extraction = extract(dataset)
    assert extraction.file_counts()["unreadable"] == 3
    assert any("2 sidecars not valid JSON" in text for text in extraction.findings)


def test_dicom_inside_a_data_set_is_not_passed_over_in_silence(dataset):
    (dataset / "sub-01" / "1.dcm").write_bytes(bytes(128) + b"DICM")
    extraction = extract(dataset)
    assert any("1 DICOM file inside a BIDS data set not read" in t for t in extraction.findings)
    assert extraction.file_counts()["not_dicom"] == 2


def test_a_lone_participants_table_is_bids(dataset):
    extraction = extract(dataset / "participants.tsv")
    assert [table.kind for table in extraction.tables] == [SourceKind.BIDS]
    assert extraction.file_counts()["read"] == 2


def test_participants_without_their_key_are_refused(tmp_path):
    (tmp_path / "participants.tsv").write_text("subject\tage\n1\t2\n")
    with pytest.raises(LinkageError, match="no column participant_id"):
        extract(tmp_path)


def test_a_description_alone_is_not_a_data_set(tmp_path):
    (tmp_path / "dataset_description.json").write_text("{}")
    with pytest.raises(SourceError, match=r"without participants\.tsv and subject folders"):
        extract(tmp_path)


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "subjects", "columns"),
    [("ds000030", 272, 16), ("ds002790", 226, 12), ("ds000228", 155, 19)],
)
def test_real_participants_are_read_whole(shared_data, name, subjects, columns):
    extraction = extract(shared_data / "clinical" / name)
    rows = extraction.table("participants.tsv").rows
    assert rows.shape == (subjects, columns)
    values = {value for column in rows.columns for value in column.unique().to_pylist()}
    assert "n/a" not in values


@pytest.mark.shared_data
def test_every_example_data_set_with_participants_is_read(shared_data):
    read = 0
    for folder in sorted((shared_data / "clinical" / "bids_examples").iterdir()):
        if not folder.is_dir() or not (folder / "participants.tsv").is_file():
            continue
        extraction = extract(folder)
        files = {str(path) for path in folder.rglob("*") if path.is_file()}
        assert set(extraction.files.column("path").to_pylist()) == files
        read += 1
    assert read == 68


def test_the_description_of_a_data_set_is_no_sidecar_of_an_image(tmp_path):
    (tmp_path / "dataset_description.json").write_text('{"Name": "x"}')
    (tmp_path / "participants.tsv").write_text("participant_id\tage\nsub-1\t30\n")
    extraction = extract(tmp_path)
    assert not any("sidecar" in text for text in extraction.findings)
    assert extraction.file_counts()["read"] == 2
