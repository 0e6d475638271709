from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midi_risk.cli.app import run
from midi_risk.export.tables import harmless, write_table


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def test_a_recoded_table_has_the_same_columns_and_rows(collection: Path, release: Path) -> None:
    before = rows_of(collection / "clinical.csv")
    after = rows_of(release / "release" / "clinical.csv")
    assert list(after[0]) == list(before[0])
    assert [row["patient_id"] for row in after] == [
        row["patient_id"] for row in before if row["patient_id"] != "X999"
    ]


def test_cells_hold_labels_and_removed_columns_are_empty(release: Path) -> None:
    for row in rows_of(release / "release" / "clinical.csv"):
        assert row["age"] == "60-64"
        assert row["postcode"] == ""


def test_rows_of_nobody_who_was_assessed_are_left_out(release: Path) -> None:
    assert "X999" not in (release / "release" / "clinical.csv").read_text(encoding="utf-8")


def test_a_cell_that_is_a_formula_becomes_text(release: Path) -> None:
    notes = {row["note"] for row in rows_of(release / "release" / "clinical.csv")}
    assert notes == {"'=HYPERLINK(0)", "plain"}


@given(st.text(max_size=20))
@settings(max_examples=60, deadline=None)
def test_no_cell_begins_like_a_formula_unless_it_is_a_number(text: str) -> None:
    cell = harmless(text)
    assert cell == text or cell == "'" + text
    if cell.startswith(("=", "+", "-", "@", "\t", "\r")):
        assert float(cell) is not None


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".parquet", ".xlsx"])
def test_a_table_is_written_in_the_format_of_its_name(tmp_path: Path, ending: str) -> None:
    columns = {
        "key": np.array(["a", "b"], dtype=object),
        "value": np.array(["=1+1", None], dtype=object),
        "number": np.array(["007", "12.5"], dtype=object),
    }
    path = tmp_path / f"table{ending}"
    write_table(path, columns)
    if ending == ".parquet":
        assert pq.read_table(path).to_pydict()["value"] == ["=1+1", None]
    elif ending == ".xlsx":
        sheet = openpyxl.load_workbook(path).active
        assert sheet is not None
        assert [[cell.value for cell in row] for row in sheet.rows] == [
            ["key", "value", "number"],
            ["a", "=1+1", "007"],
            ["b", None, 12.5],
        ]
        assert sheet["B2"].data_type == "s"
    else:
        text = path.read_text(encoding="utf-8")
        assert text.splitlines()[1].split("\t" if ending == ".tsv" else ",")[1] == "'=1+1"
    assert path.stat().st_mode & 0o077 == 0


def project_of_tables(folder: Path, name: str, write: str) -> Path:
    (folder / "midi-risk.yaml").write_text(
        "schema: midi-risk/project/1\n"
        f"collection: {{name: T, sources: [{{table: {name}, key: id}}]}}\n"
        "attributes:\n"
        "  age: {role: quasi_identifier, kind: age, hierarchy: age}\n"
        "  sex: {role: quasi_identifier, kind: sex}\n"
        "  weight: {role: quasi_identifier, kind: number, hierarchy: weight}\n",
        encoding="utf-8",
    )
    columns = {
        "id": np.array([f"s{i}" for i in range(60)], dtype=object),
        "age": np.array([str(40 + i % 30) for i in range(60)], dtype=object),
        "sex": np.array(["MF"[i % 2] for i in range(60)], dtype=object),
        "weight": np.array([str(60 + i % 20) for i in range(60)], dtype=object),
    }
    write_table(folder / write, columns)
    return folder


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".parquet", ".xlsx"])
def test_a_table_alone_is_recoded_and_carries_the_risk_of_the_plan(
    tmp_path: Path, ending: str, capsys: pytest.CaptureFixture[str]
) -> None:
    project = project_of_tables(tmp_path, f"t{ending}", f"t{ending}")
    assert run(["suggest", str(project), "-o", str(tmp_path / "plan"), "-q"]) == 0
    plan = str(tmp_path / "plan" / "plan.json")
    code = run(["apply", str(project), "--plan", plan, "-o", str(tmp_path / "out"), "-q"])
    out = capsys.readouterr().out
    assert code == 4, out
    assert "incomplete\n  because 1 required channel not assessed: linked_data\n" in out
    assert "the files carry the risk that the plan promised" in out
    assert (tmp_path / "out" / "release" / f"t{ending}").is_file()


def test_columns_of_a_metadata_table_follow_each_other_as_elements_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    n = 48
    columns = {
        "PatientID": pa.array([f"s{i}" for i in range(n)]),
        "StudyInstanceUID": pa.array([f"1.2.{i}" for i in range(n)]),
        "SeriesInstanceUID": pa.array([f"1.2.{i}.1" for i in range(n)]),
        "Modality": pa.array(["CT"] * n),
        "PatientAge": pa.array([f"{50 + i % 10:03d}Y" for i in range(n)]),
        "PatientBirthDate": pa.array([f"19{60 - i % 10}0102" for i in range(n)]),
        "StudyDate": pa.array([f"2012-{1 + i % 12:02d}-03" for i in range(n)]),
        "SeriesDate": pa.array([f"2012-{1 + i % 12:02d}-04" for i in range(n)]),
        "PatientWeight": pa.array([70.5 + i % 9 for i in range(n)]),
        "instanceCount": pa.array(range(n), pa.int32()),
    }
    pq.write_table(pa.table(columns), tmp_path / "index.parquet")
    (tmp_path / "midi-risk.yaml").write_text(
        "schema: midi-risk/project/1\n"
        "collection: {name: T, sources: [{metadata: index.parquet}]}\n"
        "attributes:\n"
        "  PatientAge: {role: quasi_identifier, level: 10y}\n"
        "  PatientWeight: {role: quasi_identifier, level: 10kg}\n"
        "  PatientBirthDate: {role: insensitive, decision: retain}\n"
        "  StudyDate: {role: quasi_identifier, level: year}\n"
        "  SeriesDate: {role: insensitive, kind: date, decision: retain}\n"
        "  Modality: {role: insensitive}\n",
        encoding="utf-8",
    )
    assert run(["suggest", str(tmp_path), "-o", str(tmp_path / "plan"), "-q"]) == 0
    plan = str(tmp_path / "plan" / "plan.json")
    out = tmp_path / "out"
    assert run(["apply", str(tmp_path), "--plan", plan, "-o", str(out), "-q"]) == 4
    assert "the files carry the risk that the plan promised" in capsys.readouterr().out
    written = pq.read_table(out / "release" / "index.parquet")
    assert set(written["PatientAge"].to_pylist()) == {"50-59"}
    assert set(written["PatientWeight"].to_pylist()) == {"70-79 kg"}
    assert set(written["StudyDate"].to_pylist()) == {"2012"}
    assert set(written["SeriesDate"].to_pylist()) == {"2012"}
    assert set(written["PatientBirthDate"].to_pylist()) == {None}
    assert written.schema.field("instanceCount").type == pa.int32()


def test_a_column_that_gives_another_back_goes_with_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = project_of_tables(tmp_path, "t.csv", "t.csv")
    rows = (tmp_path / "t.csv").read_text(encoding="utf-8").splitlines()
    more = [rows[0] + ",bmi,birth_date", *(f"{r},{20 + i % 9}.3,1960-01-02" for i, r in
            enumerate(rows[1:]))]  # fmt: skip
    (tmp_path / "t.csv").write_text("\n".join(more) + "\n", encoding="utf-8")
    with (tmp_path / "midi-risk.yaml").open("a", encoding="utf-8") as handle:
        handle.write("  bmi: {role: insensitive, kind: number, hierarchy: bmi}\n")
        handle.write("  birth_date: {role: insensitive, kind: date, hierarchy: birthdate}\n")
    assert run(["suggest", str(project), "-o", str(tmp_path / "plan"), "-q"]) == 0
    plan = str(tmp_path / "plan" / "plan.json")
    assert run(["apply", str(project), "--plan", plan, "-o", str(tmp_path / "out"), "-q"]) == 4
    out = capsys.readouterr().out
    written = rows_of(tmp_path / "out" / "release" / "t.csv")
    for column, gone in (("bmi", "bmi is removed with weight"), ("birth_date", "birth_date is")):
        assert {row[column] for row in written} == {""}, out
        assert gone in out


def test_keys_that_begin_like_a_formula_are_the_same_keys_when_read_back(tmp_path: Path) -> None:
    lines = ["id,=age,sex"]
    lines += [f"={'-+@'[n % 3]}{n:02d}x,{40 + n % 3},{'MF'[n % 2]}" for n in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "midi-risk.yaml").write_text(
        "schema: midi-risk/project/1\n"
        "collection: {name: T, sources: [{table: t.csv, key: id}]}\n"
        "attributes:\n"
        '  "=age": {role: quasi_identifier, kind: age, hierarchy: age}\n'
        "  sex: {role: quasi_identifier, kind: sex}\n",
        encoding="utf-8",
    )
    plan, target = tmp_path / "plan", tmp_path / "out"
    assert run(["suggest", str(tmp_path), "-o", str(plan), "-q"]) == 0
    plan /= "plan.json"
    assert run(["apply", str(tmp_path), "--plan", str(plan), "-o", str(target), "-q"]) == 4
    account = json.loads((target / "assessment" / "apply.json").read_text(encoding="utf-8"))
    assert (account["equal"], account["reasons"]) == (True, [])
    assert account["written"]["subjects"] == 40
    text = (target / "release" / "t.csv").read_text(encoding="utf-8")
    assert text.startswith("id,'=age,sex\n'=")
