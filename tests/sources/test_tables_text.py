"""Delimited text: encodings, delimiters, header rows, ragged rows, odd quotes."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midi_risk.errors import SourceError
from midi_risk.sources.tables.columns import text_of
from midi_risk.sources.tables.delimited import read_delimited


def _write(folder: Path, content: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_leading_zeros_and_decimal_zeros_of_a_text_file_stay(tmp_path):
    rows = read_delimited(_write(tmp_path, "PatientID,dose\n007,30.0\n010,1.50\n")).rows
    assert rows.to_pydict() == {"PatientID": ["007", "010"], "dose": ["30.0", "1.50"]}


def test_a_byte_order_mark_is_not_part_of_the_first_name(tmp_path):
    rows = read_delimited(_write(tmp_path, b"\xef\xbb\xbfPatientID,sex\n1,F\n")).rows
    assert rows.column_names == ["PatientID", "sex"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_utf16_and_utf32_with_mark_are_decoded(tmp_path, encoding):
    mark = "\ufeff" if encoding.endswith("le") else ""
    raw = read_delimited(_write(tmp_path, (mark + "id,name\n1,Zoë\n").encode(encoding)))
    assert raw.rows.to_pydict() == {"id": ["1"], "name": ["Zoë"]}
    assert "UTF" in raw.findings[0]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark_is_known_by_its_zero_bytes(tmp_path, encoding):
    text = "id,name\n" + "".join(f"{i},Łukasz\n" for i in range(20))
    raw = read_delimited(_write(tmp_path, text.encode(encoding)))
    assert raw.rows.column("name").to_pylist() == ["Łukasz"] * 20
    assert encoding.upper() in raw.findings[0]


def test_windows_1252_is_read_and_said(tmp_path):
    raw = read_delimited(_write(tmp_path, "id,city\n1,Köln\n".encode("cp1252")))
    assert raw.rows.column("city").to_pylist() == ["Köln"]
    assert "Windows-1252" in raw.findings[0]
    assert "Köln" not in "".join(raw.findings)


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path, mark):
    text = "\n".join(mark.join(row) for row in [["id", "note"], ["1", "a b"], ["2", "c: d"]])
    assert read_delimited(_write(tmp_path, text)).rows.num_columns == 2


def test_semicolons_win_over_decimal_commas(tmp_path):
    rows = read_delimited(_write(tmp_path, "id;age;kg\n1;40;70,5\n2;41;60,1\n3;50;71\n")).rows
    assert rows.column("kg").to_pylist() == ["70,5", "60,1", "71"]


def test_quoted_delimiters_and_line_breaks_stay_in_their_cell(tmp_path):
    rows = read_delimited(_write(tmp_path, 'id,note\n1,"a, ""b""\nc"\n2,d\n')).rows
    assert rows.column("note").to_pylist() == ['a, "b"\nc', "d"]


def test_a_lone_quote_in_a_tab_file_does_not_swallow_lines(tmp_path):
    rows = read_delimited(_write(tmp_path, 'id\tnote\n1\t"tall\n2\tx\n3\ty\n', "t.tsv")).rows
    assert rows.column("id").to_pylist() == ["1", "2", "3"]


def test_trailing_delimiters_blank_rows_and_blank_columns_go(tmp_path):
    rows = read_delimited(_write(tmp_path, "id,sex,,\n1,F,,\n,,,\n\n2,M,,\n")).rows
    assert rows.to_pydict() == {"id": ["1", "2"], "sex": ["F", "M"]}


def test_an_unnamed_column_with_values_is_named_by_position(tmp_path):
    raw = read_delimited(_write(tmp_path, ",id\n0,A\n1,B\n"))
    assert raw.rows.column_names == ["column 1", "id"]
    assert any("without a name" in text for text in raw.findings)


def test_short_rows_are_padded_and_counted(tmp_path):
    raw = read_delimited(_write(tmp_path, "id,a,b\n1,x,y\n2\n"))
    assert raw.rows.column("b").to_pylist() == ["y", None]
    assert raw.findings == ("t.csv: 1 row shorter than the header",)


def test_a_row_longer_than_the_header_is_refused_by_its_line(tmp_path):
    with pytest.raises(SourceError, match=r"data line 2 has 4 values for 2 columns"):
        read_delimited(_write(tmp_path, "id,note\n1,a\n2,secret,b,c\n"))


def test_a_duplicate_column_name_is_refused(tmp_path):
    with pytest.raises(SourceError, match="column name more than once: 'sex'"):
        read_delimited(_write(tmp_path, "id,sex,sex\n1,F,M\n"))


def test_a_file_of_blanks_holds_no_rows(tmp_path):
    with pytest.raises(SourceError, match="holds no rows"):
        read_delimited(_write(tmp_path, "\n ,\n"))


def test_a_header_alone_gives_no_rows_but_columns(tmp_path):
    rows = read_delimited(_write(tmp_path, "id,sex\n")).rows
    assert (rows.num_rows, rows.column_names) == (0, ["id", "sex"])


def test_gzip_is_unpacked_and_a_broken_one_refused(tmp_path):
    good = _write(tmp_path, gzip.compress(b"id,a\n1,2\n"), "t.csv.gz")
    assert read_delimited(good).rows.num_rows == 1
    with pytest.raises(SourceError, match="not a readable gzip"):
        read_delimited(_write(tmp_path, b"id,a\n1,2\n", "u.csv.gz"))


def test_several_header_rows_are_told_from_data(tmp_path):
    lines = ["Demographics,,Tumour,", "Patient ID,Age,Size,Grade", ',years,mm,"1=low, 2=high"']
    lines += [f"P{i:03},{40 + i},{10 + i}.5,{i % 2 + 1}" for i in range(12)]
    raw = read_delimited(_write(tmp_path, "\n".join(lines)))
    assert raw.rows.column_names == ["Patient ID", "Age", "Size", "Grade"]
    assert raw.rows.num_rows == 12
    assert raw.labels["Size"] == "mm"
    assert "3 header rows" in raw.findings[0]


def test_blank_rows_count_as_they_stand_in_the_file(tmp_path):
    lines = ["Trial X,,", ",,", "Patient ID,Age,Size", ",years,mm"]
    lines += [f"P{i:03},{40 + i},{10 + i}.5" for i in range(12)]
    said = read_delimited(_write(tmp_path, "\n".join(lines))).findings[0]
    assert "4 header rows, blank ones counted; names taken from row 3, 1 above and 1 below" in said


def test_a_repeated_name_row_and_a_code_row_are_header(tmp_path):
    lines = ["bcr_patient_uuid\tage_at\tsite", "bcr_patient_uuid\tage_at\tsite"]
    lines += ["CDE_ID:\tCDE_ID:2\tCDE_ID:3"] + [f"u-{i}\t{50 + i}\tC{i}" for i in range(20)]
    assert read_delimited(_write(tmp_path, "\n".join(lines), "t.tsv")).rows.num_rows == 20


def test_a_first_subject_with_missing_values_is_not_a_header(tmp_path):
    lines = ["PatientID,age,weight", "P1,unknown,NA", "P2,41,70"]
    lines += [f"P{i},{i + 30},{i + 50}" for i in range(3, 20)]
    assert read_delimited(_write(tmp_path, "\n".join(lines))).rows.num_rows == 19


def test_a_first_subject_without_any_number_is_not_a_header(tmp_path):
    keys = ["a9f3", "77be", "0c1d", "beef", "12ab", "fade", "9a8b", "cafe", "d0d0", "e1e2"]
    lines = ["PatientID,age,weight", "f00d,withheld,withheld"]
    lines += [f"{key},{i + 30},{i + 50}" for i, key in enumerate(keys)]
    assert read_delimited(_write(tmp_path, "\n".join(lines))).rows.num_rows == 11


def test_a_table_without_names_is_refused_and_its_first_row_not_shown(tmp_path):
    lines = [f"{i};{i // 5 * 5}-{i // 5 * 5 + 4};*;any" for i in range(40)]
    with pytest.raises(SourceError, match="the row of column names looks like data"):
        read_delimited(_write(tmp_path, "\n".join(lines)))
    people = [f"Jane Doe {i},{45 + i},F,19{50 + i}-01-02,F" for i in range(9)]
    with pytest.raises(SourceError, match="looks like data") as caught:
        read_delimited(_write(tmp_path, "\n".join(people)))
    assert "Doe" not in str(caught.value)


_CELL = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=6).filter(
    lambda text: text == text.strip()
)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(_CELL, min_size=3, max_size=3), min_size=1, max_size=6))
def test_what_is_written_with_quotes_is_read_back(tmp_path_factory, rows):
    body = "".join(
        ",".join('"' + cell.replace('"', '""') + '"' for cell in [f"K{i}", *row]) + "\r\n"
        for i, row in enumerate(rows)
    )
    path = _write(tmp_path_factory.mktemp("csv"), "PatientID,one,two,three\r\n" + body)
    table = read_delimited(path).rows
    assert [list(row.values())[1:] for row in table.to_pylist()] == rows


@settings(deadline=None, max_examples=60)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_text_of_a_number_gives_the_number_back(number):
    assert float(text_of(number)) == number


def test_a_bracket_that_the_delimiter_cut_is_whole_again(tmp_path):
    text = "id,Image[Width,Height],a[b,c[d],e]\n1,10,20,3,4,5\n2,10,20,3,4,5\n"
    names = read_delimited(_write(tmp_path, text)).rows.column_names
    assert names == ["id", "Image[Width]", "Image[Height]", "a[b", "c[d]", "e]"]


@pytest.mark.parametrize("row", ['500,"abc,F', '500,x,"F', '500,x,F"'])
def test_a_quote_that_is_never_closed_is_refused_and_a_stray_one_is_text(tmp_path, row):
    before = "".join(f"{i},x,F\n" for i in range(500))
    after = "".join(f"{i},x,M\n" for i in range(501, 900))
    path = _write(tmp_path, f"id,note,sex\n{before}{row}\n{after}")
    if row.endswith('F"'):
        assert read_delimited(path).rows.num_rows == 900
        return
    with pytest.raises(SourceError, match=r"a quote in data line 501 is never closed"):
        read_delimited(path)
