"""A column in months, pounds or inches leaves in its unit, or says which one it has."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import openpyxl
import pytest

from midi_risk.cli.app import run

PEOPLE = 60


def released(folder: Path, project: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Suggest and apply; return what was printed."""
    (folder / "midi-risk.yaml").write_text(project, encoding="utf-8")
    assert run(["suggest", str(folder), "-o", str(folder / "plan"), "-q"]) == 0
    capsys.readouterr()
    plan = str(folder / "plan" / "plan.json")
    run(["apply", str(folder), "--plan", plan, "-o", str(folder / "out"), "-q"])
    return capsys.readouterr().out


def written(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle, delimiter=delimiter))


def table(path: Path, **columns) -> None:
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["patient_id", *columns])
        writer.writerows([f"p{i:03d}", *(c[i] for c in columns.values())] for i in range(PEOPLE))


HEAD = (
    "schema: midi-risk/project/1\ncollection: {name: T, sources: [{table: t.csv}]}\nattributes:\n"
)


def test_months_leave_as_years_that_say_so(tmp_path, capsys):
    ages = [24 + i % 30 for i in range(PEOPLE)]
    table(tmp_path / "t.csv", age_months=ages)
    out = released(tmp_path, HEAD + "  age_months: {level: 5y}\n", capsys)
    assert "the files carry the risk that the plan promised" in out
    assert {r["age_months"] for r in written(tmp_path / "out" / "release" / "t.csv")} == {
        "0-4 years"
    }


def test_init_writes_the_unit_that_it_found(tmp_path, capsys):
    table(
        tmp_path / "t.csv",
        age_months=[24 + i % 30 for i in range(PEOPLE)],
        height=[58 + i % 20 for i in range(PEOPLE)],
    )
    project = tmp_path / "p"
    assert run(["init", str(tmp_path / "t.csv"), "-o", str(project), "-q"]) == 0
    text = (project / "midi-risk.yaml").read_text(encoding="utf-8")
    assert "age_months: {role: quasi_identifier, hierarchy: age, unit: months}" in text
    assert "in a unit that nothing says" in text
    capsys.readouterr()
    run(["assess", str(project), "-o", str(tmp_path / "o"), "-q"])
    assert "cannot be read or believed" in capsys.readouterr().out
    said = text.replace("hierarchy: number}", "hierarchy: number, unit: in}")
    (project / "midi-risk.yaml").write_text(said, encoding="utf-8")
    run(["assess", str(project), "-o", str(tmp_path / "o"), "-q"])
    assert "cannot be read or believed" not in capsys.readouterr().out
    found = json.loads((tmp_path / "o" / "assessment.json").read_text(encoding="utf-8"))
    units = {a["name"]: a["unit"] for a in found["attributes"]}
    assert (units["age_months"], units["height"]) == ("months", "in")
    page = (tmp_path / "o" / "report-internal.html").read_text(encoding="utf-8")
    assert "Patient, in months, t.csv" in page


def test_a_height_in_inches_is_no_rule_for_another_tool(tmp_path, capsys):
    table(tmp_path / "t.csv", height_in=[60 + i % 12 for i in range(PEOPLE)])
    project = HEAD + "  height_in: {level: 10cm}\n"
    (tmp_path / "midi-risk.yaml").write_text(project, encoding="utf-8")
    asked = ["export", str(tmp_path), "--to", "spreadsheet", "-o", str(tmp_path / "x")]
    run(asked)
    out = capsys.readouterr().out
    assert "height_in: 10 cm bands (labels only: which values become which is not listed)" in out


def test_months_that_are_kept_stay_as_they_are(tmp_path, capsys):
    ages = [12 * (3 + i % 2) for i in range(PEOPLE)]
    table(tmp_path / "t.csv", age=ages, sex=["MF"[i % 2] for i in range(PEOPLE)])
    out = released(tmp_path, HEAD + "  age: {unit: months, decision: retain}\n", capsys)
    assert "the files carry the risk that the plan promised" in out
    assert [r["age"] for r in written(tmp_path / "out" / "release" / "t.csv")] == list(
        map(str, ages)
    )
    assert "unit: months" in (tmp_path / "out" / "midi-risk.yaml").read_text(encoding="utf-8")


def test_days_of_age_leave_as_years_that_say_so(tmp_path, capsys):
    table(tmp_path / "t.csv", days_to_birth=[-(9000 + i) for i in range(PEOPLE)])
    released(tmp_path, HEAD + "  days_to_birth: {level: 10y}\n", capsys)
    assert {r["days_to_birth"] for r in written(tmp_path / "out" / "release" / "t.csv")} == {
        "20-29 years"
    }


def test_a_weight_in_pounds_is_banded_in_kilograms_and_its_middle_stays_in_pounds(tmp_path, capsys):
    table(tmp_path / "t.csv", weight_lb=[150 + i % 3 for i in range(PEOPLE)])
    released(tmp_path, HEAD + "  weight_lb: {level: 10kg}\n", capsys)
    release = tmp_path / "out" / "release"
    assert {r["weight_lb"] for r in written(release / "t.csv")} == {"60-69 kg"}
    said = [r for r in written(release / "data-dictionary.csv") if r["attribute"] == "weight_lb"]
    assert {r["unit"] for r in said} == {"kg"}


def test_the_one_value_of_somebody_with_several_is_written_in_the_unit_of_the_column(
    tmp_path, capsys
):
    with (tmp_path / "t.csv").open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["patient_id", "weight_lb"])
        for i in range(PEOPLE):
            writer.writerows([[f"p{i:03d}", 150], [f"p{i:03d}", 160 if i % 2 else 150]])
    more = "  weight_lb: {decision: retain}\n  weight_lb.range: {decision: remove}\n"
    released(tmp_path, HEAD + more, capsys)
    values = {r["weight_lb"] for r in written(tmp_path / "out" / "release" / "t.csv")}
    assert values == {"150", "155"}
    said = written(tmp_path / "out" / "release" / "data-dictionary.csv")
    units = {r["attribute"]: r["unit"] for r in said}
    assert (units["weight_lb"], units["weight_lb.range"]) == ("lb", "")


def test_a_workbook_keeps_the_name_of_its_sheet(tmp_path, capsys):
    book = openpyxl.Workbook()
    book.active.title = "Visit 1"
    book.active.append(["patient_id", "age"])
    for i in range(PEOPLE):
        book.active.append([f"p{i:03d}", 50 + i % 3])
    book.save(tmp_path / "t.xlsx")
    released(tmp_path, HEAD.replace("t.csv", "t.xlsx") + "  age: {level: 5y}\n", capsys)
    again = openpyxl.load_workbook(tmp_path / "out" / "release" / "t.xlsx")
    assert again.sheetnames == ["Visit 1"]


def test_bids_units_go_with_the_numbers_that_they_described(tmp_path, capsys):
    folder = tmp_path / "bids"
    folder.mkdir()
    (folder / "dataset_description.json").write_text(
        json.dumps({"Name": "x", "BIDSVersion": "1.8.0"}), encoding="utf-8"
    )
    (folder / "participants.json").write_text(
        json.dumps({"age": {"Description": "age at scan", "Units": "months"}}), encoding="utf-8"
    )
    rows = ["participant_id\tage\tsex"]
    rows += [f"sub-{i:03d}\t{1 + i % 30}\t{'MF'[i % 2]}" for i in range(PEOPLE)]
    (folder / "participants.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    project = "schema: midi-risk/project/1\ncollection: {name: T, sources: [{bids: bids}]}\n"
    out = released(tmp_path, project + "attributes:\n  age: {level: 5y}\n", capsys)
    assert "the files carry the risk that the plan promised" in out
    place = next((tmp_path / "out" / "release").rglob("participants.tsv"))
    assert {r["age"] for r in written(place, "\t")} == {"0-4 years"}
    about = json.loads(place.with_suffix(".json").read_text(encoding="utf-8"))
    assert "Units" not in about["age"]


def test_units_beside_stay_where_ages_stay_and_say_years_where_ages_are_bands(tmp_path, capsys):
    ages = [(18, "MONTHS") if i % 2 else (30, "YEARS") for i in range(PEOPLE)]
    both = {"AGE": [a for a, _ in ages], "AGEU": [u for _, u in ages]}
    table(tmp_path / "t.csv", **both)
    released(tmp_path, HEAD + "  AGE: {decision: retain}\n", capsys)
    kept = written(tmp_path / "out" / "release" / "t.csv")
    assert [(r["AGE"], r["AGEU"]) for r in kept] == [(str(a), u) for a, u in ages]


def test_a_trial_in_months_says_years_once_its_ages_are_bands(tmp_path, capsys):
    pyreadstat = pytest.importorskip("pyreadstat")
    pandas = pytest.importorskip("pandas")
    trial = tmp_path / "trial"
    trial.mkdir()
    frame = pandas.DataFrame(
        {
            "STUDYID": "T", "DOMAIN": "DM", "USUBJID": [f"S-1{n:02d}" for n in range(PEOPLE)],
            "AGE": [float(13 + n % 20) for n in range(PEOPLE)], "AGEU": "MONTHS",
            "SEX": ["MF"[n % 2] for n in range(PEOPLE)],
        }
    )  # fmt: skip
    pyreadstat.write_xport(frame, str(trial / "dm.xpt"), table_name="DM", file_format_version=5)
    project = "schema: midi-risk/project/1\ncollection: {name: T, sources: [{sdtm: trial}]}\n"
    out = released(tmp_path, project + "attributes:\n  AGE: {level: 5y}\n", capsys)
    assert "the files carry the risk that the plan promised" in out
    found, _ = pyreadstat.read_xport(str(next((tmp_path / "out" / "release").rglob("dm.xpt"))))
    assert set(found["AGEU"]) == {"YEARS"}
    assert set(found["AGE"]) <= {0.0, 2.5, 1.0, 2.0}


def test_a_key_that_is_removed_is_refused_in_words_that_help(tmp_path, capsys):
    with (tmp_path / "t.csv").open("w", encoding="utf-8", newline="") as handle:
        rows = [[f"{4000000 + 37 * i}", 50 + i % 3] for i in range(PEOPLE)]
        csv.writer(handle).writerows([["MRN", "age"], *rows])
    assert run(["init", str(tmp_path / "t.csv"), "-o", str(tmp_path / "p"), "-q"]) == 0
    assert run(["suggest", str(tmp_path / "p"), "-o", str(tmp_path / "s"), "-q"]) == 0
    plan = str(tmp_path / "s" / "plan.json")
    assert run(["apply", str(tmp_path / "p"), "--plan", plan, "-o", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert "t.csv: the project removes the subject key 'MRN'" in said
    assert "pseudonyms" in said
    assert not (tmp_path / "out").exists()
    project = tmp_path / "p" / "midi-risk.yaml"
    text = project.read_text(encoding="utf-8")
    project.write_text(text + "subject_key: {column: MRN, write: rekey}\n", encoding="utf-8")
    assert run(["apply", str(tmp_path / "p"), "--plan", plan, "-o", str(tmp_path / "out")]) in {
        3,
        4,
    }
    left = {r["MRN"] for r in written(tmp_path / "out" / "release" / "t.csv")}
    assert len(left) == PEOPLE
    assert not left & {row[0] for row in rows}


def test_a_row_of_units_under_the_names_counts_in_any_language(tmp_path, capsys):
    lines = ["id_paciente,edad,sexo", ",meses,"]
    lines += [f"P{i:03d},{300 + 7 * i},hombre" for i in range(PEOPLE)]
    (tmp_path / "t.csv").write_text("\n".join(lines), encoding="utf-8")
    assert run(["init", str(tmp_path / "t.csv"), "-o", str(tmp_path / "p"), "-q"]) == 0
    text = (tmp_path / "p" / "midi-risk.yaml").read_text(encoding="utf-8")
    assert "edad: {role: quasi_identifier, hierarchy: age, unit: months}" in text
