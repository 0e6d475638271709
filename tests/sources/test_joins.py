"""How tables join the leading source: by subjects and rows, through studies, on a day."""

from __future__ import annotations

import csv

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midi_risk.errors import LinkageError
from midi_risk.sources import extract, split_by
from midi_risk.sources.model import SourceKind, SourceTable, TableSpec
from midi_risk.sources.tables.joins import (
    Leading,
    check_join,
    join_share,
    key_share,
    leading_of,
    spread,
)
from midi_risk.table.subjects import find_subjects, link

PEOPLE = 40


def images(**more) -> SourceTable:
    rows = {
        "PatientID": [f"sub-{i:03d}" for i in range(PEOPLE)],
        "AccessionNumber": [f"A{1000 + i}" for i in range(PEOPLE)],
        "StudyInstanceUID": [f"1.2.{i}" for i in range(PEOPLE)],
        "StudyDate": ["20200301"] * PEOPLE,
    } | more
    table = pa.table({name: pa.array(values, pa.string()) for name, values in rows.items()})
    return SourceTable(
        name="dicom", kind=SourceKind.DICOM, level="study", key="PatientID", rows=table
    )


def write(path, rows: dict[str, list]) -> str:
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(rows)
        writer.writerows(zip(*rows.values(), strict=True))
    return str(path)


def metadata(path) -> str:
    table = images()
    names = table.rows.column_names
    more = {"Modality": ["CT"] * PEOPLE, "SeriesInstanceUID": [f"1.2.{i}.1" for i in range(PEOPLE)]}
    return write(path, {n: table.rows.column(n).to_pylist() for n in names} | more)


@given(st.lists(st.integers(-1, 9), min_size=1, max_size=40), st.integers(1, 10))
def test_the_share_is_never_above_that_of_rows_nor_of_subjects(found, subjects):
    found = [min(f, subjects - 1) for f in found]
    share = join_share(np.array(found), subjects)
    matched = [f for f in found if f >= 0]
    assert share <= len(matched) / len(found) + 1e-12
    assert 0 <= share <= 1
    if matched:
        assert spread(np.array(found), subjects) == len(set(matched)) / min(subjects, len(matched))


def test_four_categories_on_sixty_rows_are_no_key():
    rows = pa.table({"score": ["BI-RADS 1", "BI-RADS 2", "BI-RADS 3", "BI-RADS 4"] * 15})
    keys = frozenset(f"sub-{i:03d}" for i in range(60))
    assert key_share(rows, "score", keys) == pytest.approx(4 / 60)
    with pytest.raises(LinkageError, match="60 rows to 4 subjects of the 60"):
        check_join(rows, "score", "t.csv", Leading(name="PatientID", keys=keys))


@pytest.mark.parametrize(("visits", "refused"), [(2, False), (3, True)])
def test_half_of_the_subjects_that_rows_could_find_are_enough(visits, refused):
    rows = pa.table({"case": [f"{i}" for i in range(10) for _ in range(visits)]})
    leading = Leading(name="PatientID", keys=frozenset(str(i) for i in range(100)))
    if refused:
        with pytest.raises(LinkageError):
            check_join(rows, "case", "t.csv", leading)
    else:
        check_join(rows, "case", "t.csv", leading)
    check_join(rows.rename_columns(["patient_id"]), "patient_id", "t.csv", leading)


def test_a_table_of_a_whole_hospital_is_no_wrong_join():
    rows = pa.table({"id": [str(i) for i in range(1000)]})
    check_join(rows, "id", "t.csv", Leading(name="PatientID", keys=frozenset({"3", "5", "7"})))


@pytest.mark.parametrize(
    ("column", "value"),
    [("AccessionNumber", "A{}"), ("acc_no", "A{}"), ("exam", "A{}"), ("study_uid", "1.2.{}")],
)
def test_a_table_without_a_subject_joins_through_the_study(tmp_path, column, value):
    start = 1000 if value.startswith("A") else 0
    table = write(
        tmp_path / "reports.csv",
        {
            column: [value.format(start + i) for i in range(PEOPLE)],
            "score": ["BI-RADS 1", "BI-RADS 2"] * (PEOPLE // 2),
        },
    )
    found = extract(metadata(tmp_path / "images.csv"), tables=[table])
    reports = found.tables[1]
    assert (reports.key, reports.via) == ("PatientID", column)
    assert reports.rows.column("PatientID").to_pylist()[3] == "sub-003"
    of_row, report = link(reports, find_subjects(found.tables[0]))
    assert of_row.tolist() == list(range(PEOPLE))
    assert (report.matched, report.orphans, report.key_rule) == (PEOPLE, 0, f"through {column}")
    assert any("joined by" in text for text in found.findings)


def test_a_study_of_two_subjects_joins_nobody():
    shared = images(AccessionNumber=["A1", "A1", *[f"A{i}" for i in range(2, PEOPLE)]])
    assert "A1" not in leading_of(shared).ways["AccessionNumber"]
    assert leading_of(shared).ways["AccessionNumber"]["A2"] == "sub-002"


def test_rows_of_other_studies_are_orphans(tmp_path):
    values = [f"A{1000 + i}" for i in range(PEOPLE - 2)] + ["B1", "B2"]
    table = write(tmp_path / "reports.csv", {"AccessionNumber": values, "x": ["y"] * PEOPLE})
    found = extract(metadata(tmp_path / "images.csv"), tables=[table])
    _, report = link(found.tables[1], find_subjects(found.tables[0]))
    assert (report.matched, report.orphans, report.unmatched_subjects) == (PEOPLE - 2, 2, 2)


def test_the_subject_is_the_key_where_both_join(tmp_path):
    rows = {
        "AccessionNumber": [f"A{1000 + i}" for i in range(PEOPLE)],
        "PatientID": [f"sub-{i:03d}" for i in range(PEOPLE)],
        "x": ["y"] * PEOPLE,
    }
    table = write(tmp_path / "reports.csv", rows)
    found = extract(metadata(tmp_path / "images.csv"), tables=[table]).tables[1]
    assert (found.key, found.via) == ("PatientID", "")


def test_an_accession_number_may_be_asked_for(tmp_path):
    rows = {"acc": [f"A{1000 + i}" for i in range(PEOPLE)], "id": [str(i) for i in range(PEOPLE)]}
    table = write(tmp_path / "reports.csv", rows)
    found = extract(metadata(tmp_path / "images.csv"), tables=[f"{table}:acc"]).tables[1]
    assert found.via == "acc"


def test_rows_of_a_day_on_which_nobody_was_seen_belong_to_nobody(tmp_path):
    days = ["2020-03-01"] * (PEOPLE - 1) + ["2020-03-02"]
    rows = {"PatientID": [f"sub-{i:03d}" for i in range(PEOPLE)], "examined": days}
    table = write(tmp_path / "visits.csv", rows)
    found = extract(
        metadata(tmp_path / "images.csv"), tables=[TableSpec(table, "PatientID+examined")]
    )
    assert (found.tables[1].key, found.tables[1].on_date) == ("PatientID", "examined")
    of_row, _ = link(found.tables[1], find_subjects(found.tables[0]))
    assert of_row.tolist() == [*range(PEOPLE - 1), -1]


def test_a_group_takes_no_rows_of_another_group(tmp_path):
    lead = write(
        tmp_path / "lead.csv",
        {
            "patient_id": [f"{s}{i}" for s in "ab" for i in range(12)],
            "site": [s for s in "ab" for _ in range(12)],
        },
    )
    other = {"patient_id": [f"a{i}" for i in range(12)], "x": list("xy") * 6}
    more = write(tmp_path / "more.csv", other)
    parts = dict(split_by(extract(lead, tables=[more]), "site"))
    of_row, report = link(parts["a"].tables[1], find_subjects(parts["a"].tables[0]))
    assert of_row.tolist() == list(range(12))
    assert (report.matched, report.orphans) == (12, 0)
    of_row, report = link(parts["b"].tables[1], find_subjects(parts["b"].tables[0]))
    assert of_row.tolist() == [-1] * 12
    assert (report.subjects, report.matched, report.unmatched_subjects) == (0, 0, 12)
