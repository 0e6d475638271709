"""The commands on real collections, with figures worked out by hand in SQL."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest
from command_line import searched

from midi_risk.cli.app import run

pytestmark = pytest.mark.shared_data

LIDC = """
with series as (
    select * from '{file}' where collection_id = 'lidc_idri'
), subjects as (
    select PatientID,
           min(cast(regexp_extract(PatientAge, '^(\\d{{3}})Y$', 1) as integer)) as age,
           min(PatientSex) as sex,
           min(StudyDate) as first_date
    from series group by PatientID
), scanners as (
    select PatientID,
           list_sort(list_distinct(list(Modality))) as modalities,
           list_sort(list_distinct(list(trim(Manufacturer)))) as makers,
           list_sort(list_distinct(list(trim(ManufacturerModelName)))) as models
    from series where Modality not in ('SEG', 'SR') group by PatientID
), classes as (
    select age, sex, first_date, modalities, makers, models, count(*) as f
    from subjects left join scanners using (PatientID) group by all
)
select sum(f), count(*), min(f), sum(f) filter (where f = 1), sum(f) filter (where f < 11)
from classes
"""


def assessed(tmp_path: Path, *args: str) -> tuple[int, dict]:
    code = run(["assess", *args, "-o", str(tmp_path / "out"), "--quiet"])
    return code, json.loads((tmp_path / "out" / "assessment.json").read_text(encoding="utf-8"))


def test_lidc_figures_equal_those_of_a_query_written_by_hand(shared_data, tmp_path, capsys):
    index = shared_data / "idc" / "idc_v25_series_A.parquet"
    query = LIDC.format(file=index)
    subjects, classes, k, uniques, below = duckdb.execute(query).fetchall()[0]
    code, found = assessed(tmp_path, str(index), "--where", "collection_id = 'lidc_idri'")
    assert code == 4
    measures = found["measures"]
    assert measures["quasi_identifiers"] == [
        "PatientAge", "PatientSex", "StudyDate", "Modality", "Manufacturer",
        "ManufacturerModelName",
    ]  # fmt: skip
    assert found["collection"]["subjects"] == subjects == 1010
    assert (measures["classes"], measures["k"], measures["sample_uniques"]) == (classes, k, uniques)
    curve = {point["k"]: point["subjects_below"] for point in measures["curve"]}
    assert curve[11] == below
    capsys.readouterr()


def test_every_real_dicom_file_is_accounted_for(shared_data, tmp_path, capsys):
    code, found = assessed(tmp_path, str(shared_data / "dicom_files"), "--budget", "5s")
    files = found["collection"]["files"]
    assert sum(files.values()) == 64
    assert code == 4
    capsys.readouterr()


def test_religion_and_sexuality_are_sensitive_and_no_quasi_identifiers(
    shared_data, tmp_path, capsys
):
    folder = shared_data / "clinical" / "ds000030"
    code, found = assessed(
        tmp_path, str(folder / "participants.tsv"), "--table", str(folder / "demographics.tsv"),
        "--budget", "5s",
    )  # fmt: skip
    roles = {entry["name"]: entry["role"] for entry in found["attributes"]}
    assert found["collection"]["subjects"] == 272
    assert roles["religion"] == roles["sexuality"] == "sensitive"
    assert not {"religion", "sexuality"} & set(found["measures"]["quasi_identifiers"])
    assert code in {3, 4}
    capsys.readouterr()


def edited(line: str) -> str:
    """Return a line of the project file as an assessor would decide it."""
    name = line.strip().split(":")[0]
    if name == "age_diagnosed":
        return "  age_diagnosed: {role: quasi_identifier, decision: generalise, level: 10y}"
    if "role: quasi_identifier" in line and name != "gender":
        return f"  {name}: {{role: quasi_identifier, decision: remove}}"
    if {"days", "survived"} & set(name.split("_")) and "role:" in line:
        return f"  {name}: {{role: sensitive, decision: remove}}"
    if "role: undecided" in line and not line.strip().startswith("#"):
        return f"  {name}: {{role: sensitive}}"
    return line


def test_an_edited_project_is_honoured_and_changes_the_verdict(shared_data, tmp_path, capsys):
    table = shared_data / "clinical" / "tcga" / "samples.tsv"
    project = tmp_path / "project"
    assert run(["init", str(table), "-o", str(project)]) == 0
    assert assessed(tmp_path, str(project), "--budget", "5s")[0] == 4
    file = project / "midi-risk.yaml"
    lines = [edited(line) for line in file.read_text(encoding="utf-8").splitlines()]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    searched(project)
    code, found = assessed(tmp_path, str(project))
    assert code == 0
    assert found["verdict"]["status"] == "acceptable"
    assert found["measures"]["quasi_identifiers"] == ["age_diagnosed", "gender"]
    assert len(found["disclosure"]) == 22
    assert all(judged["passed"] for judged in found["disclosure"])
    assert assessed(tmp_path, str(project), "--k", "30")[0] == 3
    capsys.readouterr()
