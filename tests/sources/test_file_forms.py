"""Headers, encodings, what lies beside a table, and files that expand too far."""

from __future__ import annotations

import gzip
import resource
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command_line import midi_risk
from openpyxl.comments import Comment
from test_every_kind import dicom_folder

from midi_risk.attributes.model import Kind
from midi_risk.attributes.numbers import parse_number
from midi_risk.attributes.recoding import Material
from midi_risk.attributes.values import normalise
from midi_risk.config import load_project
from midi_risk.errors import ConfigError, SourceError
from midi_risk.sources import TableSpec, extract
from midi_risk.sources.cdisc import define_labels
from midi_risk.sources.tables import workbooks
from midi_risk.sources.tables.read import read_raw

JAPANESE = "患者番号,性別,年齢\n" + "".join(f"患{n},{'男女'[n % 2]},{40 + n}\n" for n in range(9))


def _spec(path: Path, **given: object) -> TableSpec:
    return TableSpec(path, **given)  # type: ignore[arg-type]


@contextmanager
def cheap(seconds: float = 20, megabytes: int = 700) -> Iterator[None]:
    """Fail when what is done inside takes long or much memory."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    yield
    assert time.process_time() - start < seconds
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < megabytes << 10


@pytest.mark.parametrize("ending", [".csv", ".xlsx"])
def test_declared_header_rows_are_no_data(tmp_path: Path, ending: str) -> None:
    rows = [["Cohort", "A", "B"], ["id", "name", "city"], ["(key)", "text", "text"]]
    rows += [["a", "x", "y"], ["b", "z", "w"], ["c", "q", "r"]]
    path = tmp_path / f"t{ending}"
    if ending == ".csv":
        path.write_text("".join(",".join(row) + "\n" for row in rows))
    else:
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append(row)
        book.save(path)
    raw = read_raw(_spec(path, header_rows=3))
    assert raw.rows.column_names == ["id", "name", "city"]
    assert raw.rows.column("id").to_pylist() == ["a", "b", "c"]
    assert raw.labels == {"id": "(key)", "name": "text", "city": "text"}


def test_more_header_rows_than_rows_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,a\n1,2\n")
    with pytest.raises(SourceError, match="header_rows is 2"):
        read_raw(_spec(path, header_rows=2))


@pytest.mark.parametrize(
    ("text", "encoding", "said"),
    [
        (JAPANESE, "shift_jis", "Shift-JIS"),
        (JAPANESE, "utf-16", "UTF-16-LE"),
        ("id,Größe,Ort\n1,1,Köln\n2,2,Zürich\n3,3,“Åre”\n", "cp1252", "Windows-1252"),
        ("id,nom\n1,Hélène\n2,Éloïse Béart\n3,ÄÖÜ\n", "cp1252", "Windows-1252"),
        ("id,note\n1,the patient\u2019s wife\n2,it\u2019s so\n", "cp1252", "Windows-1252"),
        ("id,имя\n1,Иванов\n2,Петрова\n", "cp1251", "Windows-1252"),
    ],
)
def test_an_encoding_is_detected_and_said(
    tmp_path: Path, text: str, encoding: str, said: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode(encoding))
    raw = read_raw(_spec(path))
    assert any(f"read as {said}" in finding for finding in raw.findings)
    if encoding != "cp1251":
        assert raw.rows.column_names == text.splitlines()[0].split(",")


@pytest.mark.parametrize("encoding", ["gb18030", "cp1251", "utf-16-le", "euc_jp", "utf-8"])
def test_a_declared_encoding_is_the_one_that_is_read(tmp_path: Path, encoding: str) -> None:
    text = "id,имя\n1,Иванов\n" if encoding == "cp1251" else JAPANESE
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode(encoding))
    raw = read_raw(_spec(path, encoding=encoding))
    assert raw.rows.column_names == text.splitlines()[0].split(",")
    assert not raw.findings


@pytest.mark.parametrize("encoding", ["klingon", "rot13", "utf-8", "ascii"])
def test_a_wrong_encoding_is_one_line_without_bytes(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(JAPANESE.encode("shift_jis") + b"x")
    with pytest.raises(SourceError) as error:
        read_raw(_spec(path, encoding=encoding))
    assert "encoding" in str(error.value)
    assert "\\x" not in str(error.value)
    assert error.value.__cause__ is None
    assert error.value.__context__ is None


def _workbook(path: Path) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Data"
    sheet.append(["patient_id", "age", "sex"])
    for n in range(44):
        sheet.append([f"P{n:03d}", 61 + n % 2, "MF"[n % 2]])
    sheet["A2"].comment = Comment("Jane Doe", "x")
    names = book.create_sheet("Names")
    names.append(["P001", "Jane Doe"])
    names.sheet_state = "hidden"
    book.save(path)
    return path


def test_hidden_sheets_and_comments_are_asked_for_until_somebody_says_they_stay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, project = _workbook(tmp_path / "clinical.xlsx"), tmp_path / "project"
    assert midi_risk(capsys, "init", path, "-o", project, "--quiet").code == 0
    said = midi_risk(capsys, "assess", project, "-o", tmp_path / "a", "--quiet")
    assert said.code == 4
    assert "1 sheet, 1 cell comment beside what was read" in said.out
    file = project / "midi-risk.yaml"
    text = file.read_text().replace("key: patient_id}", "key: patient_id, left_out: [names]}")
    file.write_text(text)
    said = midi_risk(capsys, "assess", project, "-o", tmp_path / "b", "--quiet")
    assert "beside what was read" in said.out
    assert "sheet" not in said.out.partition("beside what was read")[0].splitlines()[-1]
    file.write_text(text.replace("[names]", "[names, comments]"))
    said = midi_risk(capsys, "assess", project, "-o", tmp_path / "c", "--quiet")
    assert "beside what was read" not in said.out
    assert "Jane" not in said.out + said.err


def test_tables_beside_images_are_named_until_they_are_linked_or_excluded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = dicom_folder(tmp_path)
    (images / "notes").mkdir()
    table = images / "notes" / "clinical.csv"
    table.write_text("PatientID,stage\n" + "".join(f"P{n:03d},I\n" for n in range(44)))
    alone = extract(images)
    assert alone.facts["unread_tables"] == 1
    assert any("'clinical.csv'" in text and "exclude" in text for text in alone.findings)
    assert "unread_tables" not in extract(images, exclude=["notes/*.csv"]).facts
    assert "unread_tables" not in extract(images, tables=[f"{table}:PatientID"]).facts
    project = tmp_path / "project"
    midi_risk(capsys, "init", images, "-o", project, "--quiet")
    said = midi_risk(capsys, "assess", project, "-o", tmp_path / "a", "--quiet")
    assert "1 table beside what was read" in said.out
    file = project / "midi-risk.yaml"
    file.write_text(file.read_text().replace("  sources:", "  exclude: ['*.csv']\n  sources:"))
    said = midi_risk(capsys, "assess", project, "-o", tmp_path / "b", "--quiet")
    assert "beside what was read" not in said.out


def test_a_header_is_declared_for_tables_alone(tmp_path: Path) -> None:
    file = tmp_path / "midi-risk.yaml"
    file.write_text(
        "schema: midi-risk/project/1\n"
        "collection: {name: x, sources: [{dicom: images, header_rows: 2}]}\n"
    )
    with pytest.raises(ConfigError, match="header_rows is for a table"):
        load_project(file)


def test_decimal_commas_are_read_alike_in_a_column() -> None:
    read = normalise(Kind.NUMBER, ["70,5", "1,234", "1.234,5", "80"])
    assert read.text == ("70.5", "1.234", "1234.5", "80")
    assert normalise(Kind.NUMBER, ["1,234", "12,345"]).text == ("1234", "12345")
    assert normalise(Kind.NUMBER, ["1,234,567", "1,5"]).text[0] == "1234567"
    assert normalise(Kind.NUMBER, ["20,5-25", "<18,5", "30,5+"]).text == (
        "20.5-25",
        "<18.5",
        "30.5+",
    )
    assert normalise(Kind.AGE, ["63,5", "20,5-25,5"]).text == ("63.5", "20.5-25.5")


@pytest.mark.parametrize(
    ("bins", "text"),
    [
        (["20-30", "30-40", "40+"], ("20-29", "30-39", "40+")),
        (["20-29", "30-39"], ("20-29", "30-39")),
        (["25-<30", ">=30 - <35", "≥35 to <40 years"], ("25-29", "30-34", "35-39")),
        (["[20, 30)", "[30, 40)"], ("20-29", "30-39")),
        ([">=18 to <=64", "<18"], ("18-64", "<18")),
    ],
)
def test_bins_of_ages_that_touch_are_half_open(bins: list[str], text: tuple[str, ...]) -> None:
    read = normalise(Kind.AGE, bins).text
    assert read == text
    assert normalise(Kind.AGE, list(text)).text == text


def test_bins_of_numbers_that_touch_are_half_open() -> None:
    read = normalise(Kind.NUMBER, ["20-30", "30-40", "25-<30", "[5, 7]", "(5, 7]"])
    assert read.text == ("[20, 30)", "[30, 40)", "[25, 30)", "5-7", "(5, 7]")
    assert normalise(Kind.NUMBER, list(read.text)).text == read.text
    low, high = Material(read.text, read.number).spans()
    assert low[0] == 20
    assert 29.9 < high[0] < 30
    assert 5 < low[4] < 5.1
    assert high[4] == 7
    assert parse_number("20-30").text == "20-30"


@pytest.mark.parametrize(("code", "small"), [("03601", 1), ("10001", 0), ("82100-1234", 1)])
def test_a_zip_code_of_few_people_is_found(tmp_path: Path, code: str, small: int) -> None:
    from midi_risk.attributes.roles import propose
    from midi_risk.table import fold

    path = tmp_path / "t.csv"
    rows = "".join(f"P{n},1000{n}\n" for n in range(9))
    path.write_text(f"patient_id,zip_code\n{rows}P9,{code}\n")
    read = extract(path)
    table = fold(read, propose(read))
    found = [f for f in table.findings if f.code == "zip3-small"]
    assert [f.subjects for f in found] == [small] * small
    assert all(code[:5] not in f.text for f in found)


def _stray_xlsx(path: Path) -> Path:
    book = openpyxl.Workbook()
    for row in (["patient_id", "age"], ["P1", 60], ["P2", 61], ["P3", 70]):
        book.active.append(row)
    book.active["XFD1048576"] = "x"
    book.save(path)
    return path


def test_a_stray_cell_at_the_far_corner_costs_little(tmp_path: Path) -> None:
    with cheap():
        raw = read_raw(_spec(_stray_xlsx(tmp_path / "t.xlsx")))
    assert raw.rows.num_rows == 4
    assert raw.rows.column_names == ["patient_id", "age", "column 16384"]


def _filled_xlsx(path: Path) -> Path:
    good = path.with_name("good.xlsx")
    book = openpyxl.Workbook()
    book.active.append(["patient_id", "note"])
    book.active.append(["P1", "x"])
    book.save(good)
    with zipfile.ZipFile(good) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name != "xl/sharedStrings.xml":
                new.writestr(name, old.read(name))
        with new.open("xl/sharedStrings.xml", "w") as part:
            part.write(b"<sst><si><t>")
            for _ in range(300):
                part.write(b"A" * (1 << 20))
            part.write(b"</t></si></sst>")
    return path


def _filled_parquet(path: Path) -> Path:
    rows = pa.table(
        {"patient_id": ["P1"], "note": pa.array(["A" * (200 << 20)], pa.large_string())}
    )
    pq.write_table(rows, path, compression="zstd", use_dictionary=False)
    return path


def _filled_gzip(path: Path) -> Path:
    inner = gzip.compress(b"A" * (300 << 20), 9)
    path.write_bytes(inner)
    return path


def _ods(path: Path, body: str, before: str = "") -> Path:
    space = "urn:oasis:names:tc:opendocument:xmlns"
    content = (
        f'<?xml version="1.0"?>{before}<office:document-content xmlns:office="{space}:office:1.0"'
        f' xmlns:table="{space}:table:1.0" xmlns:text="{space}:text:1.0"><office:body>'
        f'<office:spreadsheet><table:table table:name="D">{body}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
    return path


_CELL = '<table:table-cell office:value-type="string"{}><text:p>a</text:p></table:table-cell>'


def _stray_ods(path: Path) -> Path:
    far = '<table:table-cell table:number-columns-repeated="16383"/>' + _CELL.format("")
    return _ods(
        path,
        f"<table:table-row>{_CELL.format('')}</table:table-row>"
        '<table:table-row table:number-rows-repeated="1048570"><table:table-cell/>'
        f"</table:table-row><table:table-row>{far}</table:table-row>",
    )


def _repeated_ods(path: Path) -> Path:
    many = _CELL.format(' table:number-columns-repeated="16384"')
    return _ods(
        path,
        f'<table:table-row table:number-rows-repeated="1048576">{many}</table:table-row>',
    )


def _entity_ods(path: Path) -> Path:
    row = "<table:table-row><table:table-cell><text:p>&a;</text:p></table:table-cell>"
    return _ods(path, f"{row}</table:table-row>", '<!DOCTYPE x [<!ENTITY a "boom">]>')


BOMBS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "a.xlsx": (_filled_xlsx, "expands to more than 200 times"),
    "a.parquet": (_filled_parquet, "expands to more than 1000 times"),
    "a.csv.gz": (_filled_gzip, "expands to more than"),
    "stray.ods": (_stray_ods, "span 1,048,572 rows"),
    "repeated.ods": (_repeated_ods, "span 1,048,576 rows"),
    "entity.ods": (_entity_ods, "declares a document type"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_file_that_expands_too_far_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    if name.endswith(".ods"):
        pytest.importorskip("python_calamine")
    make, said = BOMBS[name]
    path = make(tmp_path / name)
    with cheap(seconds=10, megabytes=400), pytest.raises(SourceError, match=said) as error:
        read_raw(_spec(path))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_define_document_with_a_document_type_is_not_read(tmp_path: Path, encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE ODM [<!ENTITY a "b">]><ODM/>'
    (tmp_path / "define.xml").write_bytes(text.encode(encoding))
    labels, findings = define_labels(tmp_path)
    assert labels == {}
    assert findings == ["define.xml: labels not read, it declares its own entities"]


def _record(kind: int, data: bytes = b"") -> bytes:
    """Return a record of an XLSB part: type and size of seven bits a byte, then the data."""
    head = bytes([kind]) if kind < 0x80 else bytes([kind & 0x7F | 0x80, kind >> 7])
    return head + bytes([len(data)]) + data


def test_comments_of_a_binary_workbook_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsb"
    one = _record(635, b"\x01" * 36) + _record(637, b"\xfb\x04" * 9) + _record(636)
    parts = _record(628) + _record(633) + one + one + _record(634) + _record(629)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/comments1.bin", parts)
        archive.writestr("xl/worksheets/sheet1.bin", one)
    assert workbooks._comments(path) == 2
