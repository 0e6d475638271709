"""The dispatcher: what each source is taken for, and one clear line for what is not usable."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
import types
from pathlib import Path

import pyarrow as pa
import pytest

from midi_risk.errors import LinkageError, MidiRiskError, SourceError
from midi_risk.sources import SourceKind, SourceTable, TableSpec, extract
from midi_risk.sources.model import FILE_SCHEMA

_METADATA = "PatientID,Modality,StudyInstanceUID,SeriesInstanceUID\nP1,CT,1,2\nP2,MR,3,4\n"
_CLINICAL = "patient_id,age\nP1,40\nP2,41\n"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict:
    """Stand in for the DICOM reader; files with the DICM mark are its images."""
    calls: dict = {}

    def read_dicom(paths, **options):
        calls.update(paths=[str(path) for path in paths], **options)
        files = []
        for given in paths:
            root = Path(given)
            for path in sorted(root.rglob("*")) if root.is_dir() else [root]:
                if path.is_file():
                    good = path.read_bytes()[128:132] == b"DICM"
                    status = "read" if good else "not_dicom"
                    files.append((str(path), str(given), path.stat().st_size, status, ""))
        images = [row for row in files if row[3] == "read"]
        table = None
        if images:
            keys = pa.array([f"P{i + 1}" for i in range(len(images))])
            rows = pa.table({"PatientID": keys})
            table = SourceTable(
                name="dicom", kind=SourceKind.DICOM, level="instance", key="PatientID", rows=rows
            )
        listed = [dict(zip(FILE_SCHEMA.names, row, strict=True)) for row in files]
        return types.SimpleNamespace(
            table=table,
            files=pa.Table.from_pylist(listed, schema=FILE_SCHEMA),
            findings=("from the reader",),
            facts={"private_elements": 3},
            elements={},
            instances=None,
        )

    module = types.ModuleType("midi_risk.sources.scan.scan")
    module.read_dicom = read_dicom
    monkeypatch.setitem(sys.modules, "midi_risk.sources.scan.scan", module)
    return calls


def _image(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(128) + b"DICM")
    return path


def _text(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_folders_and_files_of_dicom_go_to_their_reader_in_one_call(tmp_path, asked):
    _image(tmp_path / "a" / "1.dcm")
    lone = _image(tmp_path / "b" / "image")
    extraction = extract(tmp_path / "a", str(lone), jobs=2, payloads=True)
    assert asked["paths"] == [str(tmp_path / "a"), str(lone)]
    assert (asked["jobs"], asked["payloads"]) == (2, True)
    assert extraction.tables[0].kind is SourceKind.DICOM
    assert extraction.files.num_rows == 2
    assert extraction.findings == ("from the reader",)
    assert extraction.facts == {"private_elements": 3}


def test_tables_beside_images_are_named_not_read(tmp_path, asked):
    _image(tmp_path / "d" / "1.dcm")
    _text(tmp_path / "d" / "clinical.csv", _CLINICAL)
    extraction = extract(tmp_path / "d")
    assert len(extraction.tables) == 1
    assert extraction.file_counts()["not_dicom"] == 1
    assert any("give them with --table" in text for text in extraction.findings)


def test_linked_tables_follow_and_every_file_is_listed(tmp_path, asked):
    _image(tmp_path / "d" / "1.dcm")
    clinical = _text(tmp_path / "clinical.csv", _CLINICAL)
    extraction = extract(tmp_path / "d", tables=[f"{clinical}:patient_id"])
    assert [table.name for table in extraction.tables] == ["dicom", "clinical.csv"]
    assert extraction.file_counts()["read"] == 2
    assert extraction.files.schema == FILE_SCHEMA


def test_image_metadata_leads_whatever_the_order(tmp_path):
    clinical = _text(tmp_path / "clinical.csv", _CLINICAL)
    metadata = _text(tmp_path / "metadata.csv", _METADATA)
    kinds = [table.kind for table in extract(clinical, metadata).tables]
    assert kinds == [SourceKind.METADATA, SourceKind.SPREADSHEET]


def test_tables_of_one_name_get_names_of_their_own(tmp_path):
    paths = [_text(tmp_path / f / "c.csv", _CLINICAL) for f in ("a", "b")]
    names = [table.name for table in extract(paths[0], tables=[paths[1], paths[1]]).tables]
    assert len(set(names)) == 3
    assert names[:2] == ["c.csv", "b/c.csv"]


def test_a_colon_in_a_file_name_or_key_is_understood(tmp_path):
    odd = _text(tmp_path / "c:d.csv", _CLINICAL)
    assert TableSpec.parse(str(odd)).path == odd
    assert TableSpec.parse(f"{odd}:patient_id").key == "patient_id"
    plain = _text(tmp_path / "c.csv", "Scan: code,age\nA,4\n")
    assert extract(f"{plain}:Scan: code").tables[0].key == "Scan: code"


@pytest.mark.parametrize(
    ("text", "path", "key"),
    [
        (r"C:\data\c.csv", r"C:\data\c.csv", None),
        (r"C:\data\c.csv:ID", r"C:\data\c.csv", "ID"),
        ("c.csv:ID", "c.csv", "ID"),
        ("c.csv:", "c.csv", None),
        ("c.csv", "c.csv", None),
    ],
)
def test_the_key_after_the_last_colon_is_split_off(text, path, key):
    spec = TableSpec.parse(text)
    assert (str(spec.path), spec.key) == (path, key)


def test_findings_never_hold_a_value(tmp_path):
    path = _text(tmp_path / "c.csv", "patient_id,note\nCANARY1,CANARY2\nCANARY1\n,x\n")
    extraction = extract(path)
    assert extraction.findings
    assert "CANARY" not in " ".join(extraction.findings) + repr(extraction)


def test_a_source_must_be_given():
    with pytest.raises(SourceError, match="no source given"):
        extract()


def _lines(error: MidiRiskError) -> int:
    return len(str(error).splitlines())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda root: root / "nothing", "does not exist"),
        (lambda root: root / "c.cvs", r"does not exist\. Did you mean 'c\.csv'"),
        (lambda root: _made(root / "empty"), "is an empty folder"),
        (lambda root: _made(root / "hollow" / "inner").parent, "holds no file"),
        (lambda root: _text(root / "t" / "a.txt", "x").parent, "no readable DICOM among 1 file"),
        (lambda root: _text(root / "u" / "c.csv", _CLINICAL).parent, "1 file there look like"),
        (lambda root: _text(root / "fake.dcm", "text"), "no readable DICOM among 1 file"),
        (lambda root: _text(root / "zero.csv", ""), "is empty"),
        (lambda root: _text(root / "zero.dcm", ""), "is empty"),
        (lambda root: _text(root / "a.docx", "x"), r"unknown file type '\.docx'"),
        (lambda root: _text(root / "b.csv", "id,age,age\n1,2,3\n"), "more than once: 'age'"),
        (lambda root: _text(root / "d.csv", "PatientID,PatientID\n1,2\n"), "more than once"),
        (lambda root: f"{_text(root / 'e.csv', _CLINICAL)}:patientx", "Did you mean 'patient_id'"),
    ],
)
def test_bad_input_is_one_clear_line(tmp_path, asked, make, message):
    _text(tmp_path / "c.csv", _CLINICAL)
    source = make(tmp_path)
    with pytest.raises(MidiRiskError, match=message) as caught:
        extract(source)
    assert _lines(caught.value) == 1
    assert caught.value.exit_code == 2


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads anything")
def test_a_file_without_permission_is_one_clear_line(tmp_path):
    path = _text(tmp_path / "c.csv", _CLINICAL)
    path.chmod(0)
    with pytest.raises(SourceError, match="cannot be read"):
        extract(path)


def test_an_unreadable_file_is_one_clear_line(tmp_path, monkeypatch):
    path = _text(tmp_path / "c.csv", _CLINICAL)
    opened = Path.open

    def refuse(self, *args, **options):
        if self == path:
            raise PermissionError
        return opened(self, *args, **options)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(SourceError, match=r"c\.csv cannot be read\. Check its permissions"):
        extract(path)


@pytest.mark.parametrize(
    "ending", ["csv", "csv.gz", "xlsx", "parquet", "json", "sav", "ods", "abc"]
)
def test_a_hostile_file_name_is_harmless_in_every_reader(tmp_path, ending):
    path = _text(tmp_path / f"c\x1b[31m\n.{ending}", "age,sex\n1,F,CANARY,x\n1,M\n")
    with pytest.raises(MidiRiskError) as caught:
        extract(path)
    shown = "".join(traceback.format_exception(caught.value))
    assert "\x1b" not in str(caught.value)
    assert _lines(caught.value) == 1
    assert "CANARY" not in shown


def test_a_hostile_name_cannot_write_to_the_terminal(tmp_path):
    path = _text(tmp_path / "c\x1b[31m\n.csv", "age,sex\n1,F\n1,M\n")
    with pytest.raises(LinkageError) as caught:
        extract(path)
    assert "\x1b" not in str(caught.value)
    assert _lines(caught.value) == 1


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "key", "rows", "kind"),
    [
        ("clinical/tcga/samples.tsv", "patient_id", 12591, SourceKind.SPREADSHEET),
        ("clinical/ptbxl/ptbxl_database.csv", "patient_id", 3028, SourceKind.SPREADSHEET),
        ("clinical/nih_cxr14/Data_Entry_2017.csv", "Patient ID", 40000, SourceKind.SPREADSHEET),
        ("idc/idc_v25_series_A.parquet", "PatientID", 839178, SourceKind.METADATA),
    ],
)
def test_real_tables_are_read_with_their_key(shared_data, name, key, rows, kind):
    table = extract(shared_data / name).tables[0]
    assert (table.key, table.rows.num_rows, table.kind) == (key, rows, kind)
    assert all(
        pa.types.is_dictionary(field.type) or pa.types.is_string(field.type)
        for field in table.rows.schema
    )


def test_a_header_without_rows_is_one_clear_line(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("PatientID,age\n")
    with pytest.raises(SourceError, match="holds no rows below its header"):
        extract(path)


@pytest.mark.parametrize("key", ["", ":id"])
def test_a_table_behind_a_url_is_fetched_and_leaves_no_copy(tmp_path, monkeypatch, key):
    fsspec = pytest.importorskip("fsspec")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    memory = fsspec.filesystem("memory")
    memory.pipe("/tables/t.csv", b"id,age\n1,30\n2,31\n3,32\n")
    try:
        (table,) = extract(f"memory://tables/t.csv{key}").tables
        linked = extract("memory://tables/t.csv", tables=[f"memory://tables/t.csv{key}"])
    finally:
        memory.rm("/tables", recursive=True)
    assert (table.name, table.key, table.rows.num_rows) == ("t.csv", "id", 3)
    assert linked.files.column("path").to_pylist() == ["memory://tables/t.csv"] * 2
    assert linked.files.column("size").to_pylist() == [22, 22]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("memory://user:secret@nowhere/t.csv?token=1", "nowhere/t.csv cannot be fetched"),
        ("memory://nowhere/folder", "is not a table"),
        ("nosuch://x/t.csv", "protocol that is not installed"),
    ],
)
def test_a_table_that_cannot_be_fetched_is_one_clear_line(tmp_path, url, message):
    pytest.importorskip("fsspec")
    path = tmp_path / "t.csv"
    path.write_text("id,age\n1,30\n")
    with pytest.raises(SourceError, match=message) as caught:
        extract(path, tables=[url])
    assert "secret" not in str(caught.value)
    assert "token" not in str(caught.value)


def test_why_nothing_was_read_is_said(tmp_path):
    (tmp_path / "a.tar.xz").write_bytes(b"\xfd7zXZ\0" + bytes(200))
    with pytest.raises(SourceError, match=r"no readable DICOM among 1 file \(xz data: 1\)"):
        extract(tmp_path)
