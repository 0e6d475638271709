from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import openpyxl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midi_risk.cli.app import run
from midi_risk.export.table_files import harmless, write_table


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
    assert code == 0, out
    assert "the files carry the risk that the plan promised" in out
    assert (tmp_path / "out" / "release" / f"t{ending}").is_file()
