"""JSON metadata in each of its usual forms."""

from __future__ import annotations

import gzip
import json
import warnings
from pathlib import Path

import pydicom
import pytest
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID

from midi_risk.errors import SourceError
from midi_risk.sources import SourceKind, extract
from midi_risk.sources.dicom.header import wanted_keywords
from midi_risk.sources.tables.json import read_json

TEST_FILES = Path(pydicom.__file__).parent / "data" / "test_files"


def _tagged(patient: str, series: str) -> dict:
    return {
        "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
        "00080060": {"vr": "CS", "Value": ["CT"]},
        "00080008": {"vr": "CS", "Value": ["ORIGINAL", "PRIMARY"]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "DOE^JANE", "Ideographic": "x"}]},
        "00100020": {"vr": "LO", "Value": [patient]},
        "00101010": {"vr": "AS"},
        "00101030": {"vr": "DS", "Value": [70.0]},
        "0020000D": {"vr": "UI", "Value": ["1.2"]},
        "0020000E": {"vr": "UI", "Value": [series]},
        "00090010": {"vr": "LO", "Value": ["ACME"]},
        "7FE00010": {"vr": "OW", "BulkDataURI": "http://x"},
        "00400275": {
            "vr": "SQ",
            "Value": [{"00400007": {"vr": "LO", "Value": ["Thorax"]}}, {}],
        },
    }


def _read(tmp_path, document: object, name: str = "m.json"):
    path = tmp_path / name
    text = document if isinstance(document, str) else json.dumps(document)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return extract(path)


def test_dicom_json_is_a_metadata_table(tmp_path):
    extraction = _read(tmp_path, [_tagged("P1", "1.2.3"), _tagged("P2", "1.2.4")])
    table = extraction.tables[0]
    assert (table.kind, table.level, table.key) == (SourceKind.METADATA, "series", "PatientID")
    row = table.rows.to_pylist()[0]
    assert row["PatientName"] == "DOE^JANE=x"
    assert row["ImageType"] == "ORIGINAL\\PRIMARY"
    assert row["PatientWeight"] == "70"
    assert row["ScheduledProcedureStepDescription"] == "Thorax"
    assert "PixelData" not in row
    assert any("2 private elements not read" in text for text in extraction.findings)
    assert any("2 elements of bulk data not read" in text for text in extraction.findings)


@pytest.mark.parametrize("name", ["m.ndjson", "m.jsonl", "m.json", "m.ndjson.gz"])
def test_one_data_set_per_line_is_read(tmp_path, name):
    text = "\n".join(json.dumps(_tagged(f"P{i}", f"1.{i}")) for i in range(3))
    assert _read(tmp_path, text, name).tables[0].rows.num_rows == 3


def test_what_pydicom_writes_is_read(tmp_path):
    dataset = pydicom.Dataset()
    dataset.PatientID = "P1"
    dataset.PatientName = "DOE^J"
    dataset.Modality = "MR"
    dataset.StudyInstanceUID = "1.2"
    dataset.SeriesInstanceUID = "1.2.3"
    row = _read(tmp_path, dataset.to_json()).tables[0].rows.to_pylist()[0]
    assert row["PatientName"] == "DOE^J"


def test_a_data_set_gives_the_same_attributes_as_file_and_as_json(tmp_path):
    """Values of sequences join, are compared and become code meanings alike in both."""
    compared = 0
    for number, path in enumerate(sorted(TEST_FILES.rglob("*.dcm"))):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                dataset = pydicom.dcmread(path, stop_before_pixels=True)
                text = dataset.to_json(suppress_invalid_tags=True)
        except (InvalidDicomError, NotImplementedError, EOFError, ValueError):
            continue
        if not dataset.get("PatientID"):
            continue
        as_file = extract(path).tables[0].rows.to_pylist()[0]
        as_json = _read(tmp_path, text, f"{number}.json").tables[0].rows.to_pylist()[0]
        for keyword, wanted in wanted_keywords().items():
            if wanted.vr in {"DS", "FL", "FD", "UL", "US", "SS"} or wanted.tag >> 16 == 2:
                continue
            ours, theirs = as_json.get(keyword) or "", as_file.get(keyword) or ""
            if wanted.vr == "UI" and not all(
                UID(part, pydicom.config.IGNORE).is_valid for part in _parts(theirs)
            ):
                continue  # pydicom leaves what is no legal UID out of its JSON
            assert _parts(ours) == _parts(theirs), (path.name, keyword)
        compared += 1
    assert compared > 40


def _parts(text: str) -> set[str]:
    return {" ".join(part.split()) for part in text.split("\\")} - {""}


def test_orthanc_simplified_short_and_full_tags_are_read(tmp_path):
    simple = {
        "PatientID": "P1",
        "Modality": "CT",
        "StudyInstanceUID": "1",
        "SeriesInstanceUID": "2",
        "ImageType": "A\\B",
        "RequestAttributesSequence": [{"StudyDescription": "x"}],
    }
    short = {"0010,0020": "P1", "0008,0060": "CT", "0020,000d": "1", "0020,000e": "2"}
    full = {tag: {"Name": "x", "Type": "String", "Value": value} for tag, value in short.items()}
    by_id = {"6b9e19d9-62094390": simple, "7b9e19d9-62094390": {**simple, "PatientID": "P2"}}
    for document, rows in ((simple, 1), (short, 1), (full, 1), (by_id, 2), ([simple, simple], 2)):
        table = _read(tmp_path, document).tables[0]
        assert table.rows.num_rows == rows
        assert table.rows.column("PatientID")[0].as_py() == "P1"
        assert table.level == "series"


def test_orthanc_find_answers_are_merged(tmp_path):
    answer = {
        "ID": "x",
        "Type": "Series",
        "PatientMainDicomTags": {"PatientID": "P1"},
        "MainDicomTags": {"Modality": "CT", "SeriesInstanceUID": "1"},
        "RequestedTags": {"StudyInstanceUID": "2"},
    }
    row = _read(tmp_path, [answer]).tables[0].rows.to_pylist()[0]
    assert row["PatientID"] == "P1"
    assert row["StudyInstanceUID"] == "2"


def test_an_image_set_gives_a_row_per_instance(tmp_path):
    document = {
        "SchemaVersion": "1.1",
        "Patient": {"DICOM": {"PatientID": "P1"}},
        "Study": {
            "DICOM": {"StudyInstanceUID": "1"},
            "Series": {
                "2": {
                    "DICOM": {"Modality": "CT", "SeriesInstanceUID": "2"},
                    "Instances": {"3": {"DICOM": {"SOPInstanceUID": "3"}}, "4": {"DICOM": {}}},
                }
            },
        },
    }
    table = _read(tmp_path, document, "s.json.gz").tables[0]
    assert (table.rows.num_rows, table.level) == (2, "instance")


def test_plain_records_are_a_clinical_table(tmp_path):
    table = _read(tmp_path, [{"patient_id": "A", "age": 40}, {"patient_id": "B"}]).tables[0]
    assert table.kind is SourceKind.SPREADSHEET
    assert table.rows.column("age").to_pylist() == ["40", None]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not valid JSON"),
        ("[]", "holds no data set or record"),
        ("3", "holds no data set or record"),
        ("[" * 100_000, "is not valid JSON"),
    ],
)
def test_what_is_no_metadata_gives_one_line(tmp_path, text, message):
    with pytest.raises(SourceError, match=message):
        _read(tmp_path, text)


def test_deep_nesting_is_cut_and_said(tmp_path):
    item: dict = {"00100020": {"vr": "LO", "Value": ["P"]}}
    for _ in range(40):
        item = {"00400275": {"vr": "SQ", "Value": [item]}, "00100020": {"vr": "LO", "Value": ["P"]}}
    path = tmp_path / "deep.json"
    path.write_text(json.dumps([item]))
    assert any("nested deeper" in text for text in read_json(path).findings)


def test_a_column_of_dicom_json_becomes_its_attributes(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    metas = [json.dumps(_tagged("P1", "1.2")), json.dumps(_tagged("P2", "1.3")), "{broken", None]
    metas = [metas[0]] * 20 + metas
    path = tmp_path / "catalog.parquet"
    pq.write_table(pa.table({"path": [str(i) for i in range(24)], "meta": metas}), path)
    extraction = extract(path)
    table = extraction.tables[0]
    assert table.kind is SourceKind.METADATA
    assert table.rows.column("PatientID").to_pylist()[-4:] == ["P1", "P2", None, None]
    assert {"path", "Modality"} <= set(table.rows.column_names)
    assert "meta" not in table.rows.column_names
    assert "catalog.parquet: 1 row of 'meta' not DICOM JSON" in extraction.findings


@pytest.mark.parametrize(
    "document",
    [
        {
            "count": 2,
            "next": None,
            "results": [{"patient_id": "A", "age": 40}, {"patient_id": "B"}],
        },
        {"patient_id": {"0": "A", "1": "B"}, "age": {"0": 40, "1": None}},
        {"columns": ["patient_id", "age"], "index": [0, 1], "data": [["A", 40], ["B", None]]},
        {
            "datasetJSONVersion": "1.1.0",
            "name": "DM",
            "columns": [{"name": "patient_id"}, {"name": "age"}],
            "rows": [["A", 40], ["B", None]],
        },
    ],
    ids=["results", "by column", "split", "Dataset-JSON"],
)
def test_an_envelope_around_records_is_no_record(tmp_path, document):
    (table,) = _read(tmp_path, document).tables
    assert table.key == "patient_id"
    assert table.rows.to_pydict() == {"patient_id": ["A", "B"], "age": ["40", None]}


def test_a_data_set_with_a_sequence_is_no_envelope(tmp_path):
    item = {"ScheduledProcedureStepDescription": "x"}
    simple = {"PatientID": "P1", "Modality": "CT", "StudyInstanceUID": "1"}
    (table,) = _read(tmp_path, {**simple, "RequestAttributesSequence": [item, item]}).tables
    assert table.rows.num_rows == 1
    (table,) = _read(tmp_path, {"00100020": {"vr": "LO", "Value": ["P1"]}}).tables
    assert table.rows.column("PatientID").to_pylist() == ["P1"]


def test_a_line_of_json_ends_at_a_line_feed_only(tmp_path):
    rows = [{"patient_id": "A", "note": "one\u2028two\x85three"}, {"patient_id": "B", "note": "x"}]
    text = "\r\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    (table,) = _read(tmp_path, text, "m.ndjson").tables
    assert table.rows.num_rows == 2
    with pytest.raises(SourceError, match=r"is not valid JSON \(line 3\)"):
        _read(tmp_path, text + "\n{broken", "n.ndjson")


@pytest.mark.parametrize(
    "document",
    [
        {"Patient": "x", "Study": {"DICOM": {"PatientID": "P1"}, "Series": {"1": "x"}}},
        {"Patient": [], "Study": {"DICOM": {"PatientID": "P1"}, "Series": {"1": {"Instances": 1}}}},
    ],
)
def test_image_sets_of_another_shape_are_read_as_far_as_they_go(tmp_path, document):
    (tmp_path / "m.json").write_text(json.dumps(document))
    assert read_json(tmp_path / "m.json").rows.to_pylist() == [{"PatientID": "P1"}]


def test_an_image_set_without_series_holds_no_data_set(tmp_path):
    (tmp_path / "m.json").write_text('{"Study": {"Series": [{"Study": {"Series": []}}]}}')
    with pytest.raises(SourceError, match="holds no data set"):
        read_json(tmp_path / "m.json")


def test_half_a_surrogate_pair_is_escaped(tmp_path):
    (tmp_path / "m.json").write_text('[{"PatientID": "P\\ud8001"}]')
    assert read_json(tmp_path / "m.json").rows["PatientID"].to_pylist() == ["P\\ud8001"]


def test_names_that_look_the_same_stay_apart(tmp_path):
    long = "x" * 300
    record = {"age": "1", "age\n": "2", f"{long}a": "3", f"{long}b": "4", "age (2)": "5"}
    (tmp_path / "m.json").write_text(json.dumps([record]))
    (row,) = read_json(tmp_path / "m.json").rows.to_pylist()
    assert list(row.values()) == ["1", "2", "3", "4", "5"]
    assert list(row)[:2] == ["age", "age (2)"]
