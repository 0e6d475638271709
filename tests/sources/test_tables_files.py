"""Typed files: Parquet with nested columns, workbooks, statistics packages."""

from __future__ import annotations

import datetime as dt
import re
import zipfile
from decimal import Decimal
from pathlib import Path

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from midi_risk.errors import LinkageError, SourceError
from midi_risk.sources import SourceKind, TableSpec, extract
from midi_risk.sources.tables.parquet import read_parquet
from midi_risk.sources.tables.workbooks import read_statistics, read_workbook


def _parquet(folder: Path, columns: dict[str, pa.Array]) -> Path:
    path = folder / "t.parquet"
    pq.write_table(pa.table(columns), path)
    return path


def test_typed_columns_become_minimal_text(tmp_path):
    path = _parquet(
        tmp_path,
        {
            "whole": pa.array([30.0, None, 31.0]),
            "mixed": pa.array([25.5, float("nan"), 3.0]),
            "single": pa.array([25.1, 1.0, None], pa.float32()),
            "money": pa.array([Decimal("1.50"), Decimal("2.00"), None]),
            "day": pa.array([dt.date(2020, 1, 2), None, None]),
            "moment": pa.array(
                [dt.datetime(2020, 1, 2), dt.datetime(2020, 1, 2, 3, 4), None],  # noqa: DTZ001
                pa.timestamp("ns"),
            ),
            "flag": pa.array([True, False, None]),
            "text": pa.array([" 007 ", "", "7"], pa.large_string()),
            "nothing": pa.nulls(3),
        },
    )
    assert read_parquet(path).rows.to_pydict() == {
        "whole": ["30", None, "31"],
        "mixed": ["25.5", None, "3"],
        "single": ["25.1", "1", None],
        "money": ["1.5", "2", None],
        "day": ["2020-01-02", None, None],
        "moment": ["2020-01-02", "2020-01-02T03:04:00", None],
        "flag": ["true", "false", None],
        "text": ["007", None, "7"],
        "nothing": [None, None, None],
    }


def test_every_column_is_text_or_dictionary_of_text(tmp_path):
    rows = read_parquet(_parquet(tmp_path, {"a": pa.array([1, 2]), "b": pa.array(["x", "y"])})).rows
    kinds = {pa.string(), pa.dictionary(pa.int32(), pa.string())}
    assert {field.type for field in rows.schema} <= kinds


def test_nested_and_repeated_bigquery_columns_are_flattened(tmp_path):
    names = pa.array([{"Alphabetic": "DOE^J", "Ideographic": None}, None])
    sequence = pa.array(
        [
            [{"CodeValue": "1", "Inner": [{"Manufacturer": "X"}]}, {"CodeValue": "2", "Inner": []}],
            None,
        ]
    )
    path = _parquet(
        tmp_path,
        {
            "PatientID": pa.array(["A", "B"]),
            "PatientName": names,
            "ImageType": pa.array([["ORIGINAL", "PRIMARY"], []]),
            "ProcedureCodeSequence": sequence,
            "OtherElements": pa.array([[{"Tag": "x", "Data": ["y"]}], []]),
            "PixelData": pa.array([b"1", b"2"]),
        },
    )
    raw = read_parquet(path)
    assert raw.rows.to_pydict() == {
        "PatientID": ["A", "B"],
        "PatientName": ["DOE^J", None],
        "ImageType": ["ORIGINAL\\PRIMARY", None],
        "Manufacturer": ["X", None],
        "ProcedureCodeSequence": ["1\\2", None],
    }
    assert any("OtherElements" in text and "not seen" in text for text in raw.findings)
    assert any("PixelData" in text for text in raw.findings)


def test_a_leaf_that_two_structures_share_keeps_its_path(tmp_path):
    item = pa.array([[{"CodeValue": "1"}]])
    raw = read_parquet(_parquet(tmp_path, {"ASequence": item, "BSequence": item}))
    assert raw.rows.column_names == ["ASequence.CodeValue", "BSequence.CodeValue"]


def test_the_sequences_of_a_row_extend_its_own_columns(tmp_path):
    equipment = [[{"Manufacturer": "Y"}, {"Manufacturer": "X"}], None, [{"Manufacturer": "Z"}]]
    other = [[{"PatientID": "H1"}], None, [{"PatientID": "H2"}]]
    path = _parquet(
        tmp_path,
        {
            "PatientID": pa.array(["A", "B", "C"]),
            "Manufacturer": pa.array(["X", "X", None]),
            "ContributingEquipmentSequence": pa.array(equipment),
            "OtherPatientIDsSequence": pa.array(other),
            "ReferencedStudySequence": pa.array([{"PatientID": "A"}, None, {"PatientID": "B"}]),
        },
    )
    raw = read_parquet(path)
    assert raw.rows.to_pydict() == {
        "PatientID": ["A", "B", "C"],
        "Manufacturer": ["X\\Y", "X", "Z"],
        "OtherPatientIDs": ["H1", None, "H2"],
    }
    assert any("1 row with sequences that state an identity" in text for text in raw.findings)


def test_a_name_written_in_another_script_only_is_not_lost(tmp_path):
    parts = {"Alphabetic": pa.string(), "Ideographic": pa.string(), "Phonetic": pa.string()}
    rows = [
        {"Ideographic": "山田^太郎"},
        {"Alphabetic": "Yamada^Tarou", "Phonetic": "やまだ^たろう"},
    ]
    names = pa.array(rows, pa.struct(parts))
    table = read_parquet(_parquet(tmp_path, {"PatientName": names})).rows
    assert table.column("PatientName").to_pylist() == ["=山田^太郎", "Yamada^Tarou==やまだ^たろう"]


def test_a_parquet_file_with_null_names_and_a_broken_one_give_one_line(tmp_path):
    path = tmp_path / "x.parquet"
    path.write_bytes(b"PAR1 nothing here")
    with pytest.raises(SourceError, match="cannot be read as Parquet"):
        extract(path)


def _book(folder: Path, sheets: dict[str, list[list[object]]], hidden: str = "") -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
        if name == hidden:
            sheet.sheet_state = "hidden"
    path = folder / "t.xlsx"
    book.save(path)
    return path


_SUBJECTS = [["PatientID", "age"], ["P1", 40], ["P2", 41.5]]


def test_the_sheet_of_subjects_is_chosen_and_the_others_named(tmp_path):
    notes = [["Notes on this file", ""], ["Written by hand", "x"]] * 10
    raw = read_workbook(_book(tmp_path, {"Read me": notes, "Data": _SUBJECTS, "Empty": []}))
    assert raw.rows.to_pydict() == {"PatientID": ["P1", "P2"], "age": ["40", "41.5"]}
    assert "1 other sheet with data not read: 'Read me'" in raw.findings[0]


def test_a_sheet_may_be_asked_for_and_a_wrong_one_is_explained(tmp_path):
    path = _book(tmp_path, {"Data": _SUBJECTS, "Visits": [["PatientID", "day"], ["P1", 3]]})
    assert read_workbook(path, sheet="Visits").rows.column_names == ["PatientID", "day"]
    with pytest.raises(SourceError, match="Did you mean 'Visits'"):
        read_workbook(path, sheet="Visit")


def test_a_hidden_sheet_is_found(tmp_path):
    path = _book(tmp_path, {"Data": _SUBJECTS, "Key": [["PatientID", "name"], ["P1", "x"]]}, "Key")
    assert any("1 hidden sheet: 'Key'" in text for text in read_workbook(path).findings)


def test_dates_booleans_errors_and_padded_numbers_of_a_workbook(tmp_path):
    path = _book(
        tmp_path,
        {"S": [["id", "born", "seen", "ok", "bad"],
               [7, dt.date(1960, 5, 1), dt.datetime(2020, 1, 2, 3), True, "#N/A"],  # noqa: DTZ001
               [12, None, None, False, None]]},
    )  # fmt: skip
    book = openpyxl.load_workbook(path)
    for row in (2, 3):
        book["S"].cell(row, 1).number_format = "00000"
    book.save(path)
    assert read_workbook(path).rows.to_pydict() == {
        "id": ["00007", "00012"],
        "born": ["1960-05-01", None],
        "seen": ["2020-01-02T03:00:00", None],
        "ok": ["true", "false"],
        "bad": [None, None],
    }


def test_title_lines_above_a_workbooks_header_are_skipped(tmp_path):
    rows = [["Release of 2026", None], [None, None], *_SUBJECTS]
    raw = read_workbook(_book(tmp_path, {"S": rows}))
    assert raw.rows.column_names == ["PatientID", "age"]
    assert raw.rows.num_rows == 2


def test_formulas_without_results_are_refused_and_empty_results_read(tmp_path):
    path = _book(tmp_path, {"S": [["PatientID", "age"], ["P1", "=1+1"], ["P2", '=IF(1,"","")']]})
    with pytest.raises(SourceError, match="sheet 'S': 2 formulas without a stored result"):
        read_workbook(path)
    computed = tmp_path / "computed.xlsx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(computed, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            content = re.sub(rb"(<f>1\+1</f>)<v ?(?:/>|></v>)", rb"\1<v>2</v>", content)
            content = re.sub(rb'<c r="B3">(<f>IF.*?</f>)', rb'<c r="B3" t="str">\1', content)
            new.writestr(name, content)
    assert read_workbook(computed).rows.column("age").to_pylist() == ["2", None]


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (7, '"P"000', "P007"), (7.0, "00000", "00007"), (7, "000-0", "7"),
        (7, "\\\\S-00", "S-07"), (1234, "000", "1234"), (-7, "000", "-7"), (7.5, "000", "7.5"),
    ],
)  # fmt: skip
def test_a_key_is_read_as_its_number_format_shows_it(tmp_path, value, form, text):
    path = _book(tmp_path, {"S": [["PatientID", "age"], [value, 3]]})
    book = openpyxl.load_workbook(path)
    book.active["A2"].number_format = form.replace("\\\\", "\\")
    book.save(path)
    assert read_workbook(path).rows.column("PatientID").to_pylist() == [text]


@pytest.mark.parametrize("content", [b"PK\x03\x04broken", b"<html>", b"PatientID,age\n1,2\n"])
def test_a_broken_workbook_gives_one_line(tmp_path, content):
    path = tmp_path / "t.xlsx"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"t\.xlsx is not a readable workbook"):
        extract(path)


def test_an_empty_workbook_gives_one_line(tmp_path):
    with pytest.raises(SourceError, match="holds no rows"):
        extract(_book(tmp_path, {"S": []}))


def test_an_open_document_sheet_is_read(tmp_path):
    pytest.importorskip("python_calamine", reason="python-calamine is not installed")
    path = tmp_path / "t.ods"
    _write_ods(path, [["PatientID", "age"], ["007", "40"]])
    table = extract(path).tables[0]
    assert table.rows.to_pydict() == {"PatientID": ["007"], "age": ["40"]}


def _write_ods(path: Path, rows: list[list[str]]) -> None:
    import zipfile

    cells = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{c}</text:p></table:table-cell>'
            for c in row
        )
        + "</table:table-row>"
        for row in rows
    )
    space = "urn:oasis:names:tc:opendocument:xmlns"
    content = (
        f'<?xml version="1.0"?><office:document-content xmlns:office="{space}:office:1.0" '
        f'xmlns:table="{space}:table:1.0" xmlns:text="{space}:text:1.0" office:version="1.2">'
        f'<office:body><office:spreadsheet><table:table table:name="S">{cells}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    manifest = (
        '<?xml version="1.0"?><manifest:manifest '
        f'xmlns:manifest="{space}:manifest:1.0"></manifest:manifest>'
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", manifest)


@pytest.mark.parametrize("ending", ["sav", "dta", "xpt"])
def test_statistics_files_give_codes_dates_and_labels(tmp_path, ending):
    pyreadstat = pytest.importorskip("pyreadstat", reason="pyreadstat is not installed")
    frame = pd.DataFrame({"SUBJID": ["01", "02"], "AGE": [40.0, 41.5], "SEX": [1.0, None]})
    path = tmp_path / f"t.{ending}"
    write = {
        "sav": pyreadstat.write_sav,
        "dta": pyreadstat.write_dta,
        "xpt": pyreadstat.write_xport,
    }
    write[ending](frame, str(path), column_labels=["Subject", "Age in years", "Sex"])
    raw = read_statistics(path)
    assert raw.rows.to_pydict() == {
        "SUBJID": ["01", "02"],
        "AGE": ["40", "41.5"],
        "SEX": ["1", None],
    }
    assert raw.labels["AGE"] == "Age in years"
    assert extract(path).tables[0].key == "SUBJID"


def test_value_labels_do_not_replace_codes_and_dates_are_iso(tmp_path):
    pyreadstat = pytest.importorskip("pyreadstat", reason="pyreadstat is not installed")
    frame = pd.DataFrame({"id": ["a", "b"], "sex": [1.0, 2.0], "born": [dt.date(1960, 1, 2)] * 2})
    path = tmp_path / "t.sav"
    pyreadstat.write_sav(
        frame, str(path), variable_value_labels={"sex": {1.0: "male", 2.0: "female"}}
    )
    raw = read_statistics(path)
    rows = raw.rows
    assert rows.column("sex").to_pylist() == ["1", "2"]
    assert rows.column("born").to_pylist() == ["1960-01-02"] * 2
    assert raw.labels["sex"] == "(1 = male, 2 = female)"


@pytest.mark.parametrize("ending", ["sav", "dta", "sas7bdat", "xpt"])
def test_a_broken_statistics_file_gives_one_line(tmp_path, ending):
    pytest.importorskip("pyreadstat", reason="pyreadstat is not installed")
    path = tmp_path / f"t.{ending}"
    path.write_bytes(b"not this at all " * 40)
    with pytest.raises(SourceError, match=f"cannot be read as {ending.upper()}"):
        extract(path)


def test_a_missing_reader_is_named(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "pyreadstat", None)
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    for name, package in (("t.sav", "pyreadstat"), ("t.ods", "python-calamine")):
        (tmp_path / name).write_bytes(b"x")
        with pytest.raises(SourceError, match=package):
            extract(tmp_path / name)


def test_a_metadata_table_is_named_by_keywords(tmp_path):
    path = tmp_path / "metadata.csv"
    path.write_text(
        "Series UID,Collection,Subject ID,Study UID,Study Date,Manufacturer,Modality,"
        "Number of Images,File Location\n"
        "1.1,A,P1,1,01-02-2000,GE,CT,100,x\n1.2,B,P1,2,01-03-2000,GE,MR,20,y\n"
    )
    table = extract(path).tables[0]
    assert table.kind is SourceKind.METADATA
    assert (table.level, table.key, table.scope) == ("series", "PatientID", "Collection")
    assert table.instances_column == "Number of Images"
    assert table.origin["PatientID"] == "Subject ID"
    assert table.rows.column("SeriesInstanceUID").to_pylist() == ["1.1", "1.2"]


def test_no_scope_where_keys_are_unique_without_it(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text(
        "collection_id,PatientID,Modality,StudyDate,SeriesInstanceUID\na,1,CT,x,1\nb,2,CT,y,2\n"
    )
    assert extract(path).tables[0].scope is None


def test_tags_as_column_names_are_known(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text('"(0010,0020)",0010-1010,00080060,"0020,000D",0020000e\nP,040Y,CT,1,2\n')
    table = extract(path).tables[0]
    assert table.rows.column_names == [
        "PatientID",
        "PatientAge",
        "Modality",
        "StudyInstanceUID",
        "SeriesInstanceUID",
    ]


def test_a_clinical_table_keeps_its_names_though_it_mentions_a_scanner(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text("patient_id,age,Manufacturer,stage,smoker,grade\nP1,40,GE,II,no,1\n")
    table = extract(path).tables[0]
    assert table.kind is SourceKind.SPREADSHEET
    assert table.rows.column_names[:3] == ["patient_id", "age", "Manufacturer"]


def test_two_columns_with_one_meaning_do_not_collide(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text(
        "PatientID,Subject ID,Modality,StudyInstanceUID,SeriesInstanceUID\n1,2,CT,3,4\n"
    )
    extraction = extract(path)
    assert extraction.tables[0].rows.column_names[:2] == ["PatientID", "Subject ID"]
    assert any("occurs twice" in text for text in extraction.findings)


def test_patient_keys_come_before_sample_keys(tmp_path):
    path = tmp_path / "s.tsv"
    path.write_text("sample_id\tpatient_id\tage\nS1\tP1\t4\nS2\tP1\t4\nS3\tP2\t5\n")
    extraction = extract(path)
    assert extraction.tables[0].key == "patient_id"
    assert any("several rows per subject (3 rows, 2 subjects)" in t for t in extraction.findings)


def test_the_key_that_matches_the_images_is_taken(tmp_path):
    images = tmp_path / "m.csv"
    images.write_text(
        "PatientID,Modality,StudyInstanceUID\n" + "".join(f"L-{i:03},CT,{i}\n" for i in range(9))
    )
    clinical = tmp_path / "c.csv"
    clinical.write_text(
        "code,subject,age\n" + "".join(f"L-{i:03},q{i * 37 + 100},4\n" for i in range(9))
    )
    assert extract(images, tables=[clinical]).tables[1].key == "code"


def test_a_unique_column_is_a_key_of_last_resort(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text("probe_nr,age\nA,4\nB,4\nC,5\n")
    extraction = extract(path)
    assert extraction.tables[0].key == "probe_nr"
    assert "its values are unique" in extraction.tables[0].key_guess
    assert any("its values are unique" in text for text in extraction.findings)


def test_no_key_is_one_line_that_says_what_to_do(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text("age,sex\n40,F\n40,M\n")
    with pytest.raises(LinkageError, match=r"no column looks like a subject key.*--table FILE:KEY"):
        extract(path)
    assert extract(TableSpec(path, "#row")).tables[0].rows.column("#row").to_pylist() == ["1", "2"]


def test_a_wrong_key_is_answered_with_the_closest(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text("patient_code,age\nA,4\n")
    with pytest.raises(
        LinkageError, match=r"no column 'patient_cod'\. Did you mean 'patient_code'"
    ):
        extract(f"{path}:patient_cod")


def test_a_key_column_without_values_is_refused(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text("patient_id,age\n,4\n,5\n")
    with pytest.raises(LinkageError, match="'patient_id' is empty"):
        extract(f"{path}:patient_id")
