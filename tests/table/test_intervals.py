"""Times between events that columns state, and visits that have a column each."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from folding_tables import attribute, attributes, extraction, source

from midi_risk.attributes.model import Decision, Kind, Role
from midi_risk.attributes.roles import propose
from midi_risk.cli.app import run
from midi_risk.risk.measures.trajectory import interval_row, visit_resolution
from midi_risk.sources.model import SourceKind
from midi_risk.table import fold
from midi_risk.table.intervals import states_interval
from midi_risk.table.release import without_subjects

KEYS = [f"s{i}" for i in range(6)]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("days_between_scans", True), ("time_from_mri_to_surgery_days", True),
        ("MRIW1toW2", True), ("interval_days", True), ("DaysSinceSurgery", True),
        ("months_after_diagnosis", True), ("followup_months", True), ("wave1_to_wave2", True),
        ("Tage_seit_OP", True), ("years_since_menopause", True), ("scan1to2", False),
        ("days_from_birth", False), ("age_days", False), ("days_per_week", False),
        ("T1_T2_ratio", False), ("years_of_education", False), ("reaction_time", False),
        ("from", False), ("dose_days", False), ("disease_free_interval_status", False),
    ],
)  # fmt: skip
def test_the_name_of_a_column_says_that_it_is_an_interval(name, found):
    column = attribute("t", name, Kind.NUMBER, ladder="number")
    assert states_interval(column, SourceKind.SPREADSHEET) is found


@pytest.mark.parametrize("name", ["AESTDY", "LBDY", "AEENDY", "VISITDY", "ADY", "ASTDY"])
def test_study_days_are_intervals_in_cdisc_tables_alone(name):
    column = attribute("t", name, Kind.NUMBER, ladder="number")
    assert states_interval(column, SourceKind.SDTM)
    assert not states_interval(column, SourceKind.SPREADSHEET)


def stated(values, **options):
    table = source("t.csv", {"id": KEYS, "days_between_scans": values}, "id")
    settings = {"role": Role.INSENSITIVE, "ladder": "offset"} | options
    return fold(
        extraction(table),
        attributes(attribute("t.csv", "days_between_scans", Kind.NUMBER, **settings)),
    )


@pytest.mark.parametrize(
    ("name", "measured"),
    [("disease_free_interval", 0), ("years_between_scans", 6)],
)
def test_an_event_that_was_or_was_not_is_no_interval(name, measured):
    table = source("t.csv", {"id": KEYS, name: ["0", "1", "1", "0", "0", "1"]}, "id")
    column = attribute("t.csv", name, Kind.CATEGORY, role=Role.SENSITIVE, ladder="enum")
    assert len(fold(extraction(table), attributes(column)).intervals) == measured


def test_equal_intervals_protect_each_other():
    row = interval_row(stated(["3", "3.0", "3", "5", "5", "9"]).intervals, 6, [None])
    assert (row["max"], row["unique"], row["subjects"]) == (1.0, 1, 6)
    row = interval_row(stated(["3", "3", "3", "5", "5", "5"]).intervals, 6, [None])
    assert (row["max"], row["unique"]) == (pytest.approx(1 / 3), 0)
    assert interval_row(stated([None] * 6).intervals, 6, [None]) is None


def test_two_columns_single_out_whom_none_does_alone():
    rows = {"id": KEYS, "days_since_a": list("112211"), "days_since_b": list("121221")}
    given = attributes(
        *(
            attribute("t.csv", name, Kind.NUMBER, role=Role.INSENSITIVE, ladder="offset")
            for name in ("days_since_a", "days_since_b")
        )
    )
    table = fold(extraction(source("t.csv", rows, "id")), given)
    assert interval_row(table.intervals, 6, [1])["unique"] == 0
    assert interval_row(table.intervals, 6, [2])["unique"] == 2
    assert interval_row(table.intervals, 6, [None])["unique"] == 2


def test_a_removed_interval_feeds_nothing_and_a_coarse_one_its_bands():
    values = ["1", "2", "3", "4", "5", "6"]
    assert len(stated(values, decision=Decision.REMOVE).intervals) == 0
    coarse = stated(values, decision=Decision.GENERALISE, generalise_to="week").intervals
    assert set(coarse["value"]) == {"days 0 to 6"}
    assert interval_row(coarse, 6, [None])["unique"] == 0


def test_subjects_that_are_left_out_take_their_intervals_with_them():
    table = stated(["3", "3", "3", "5", "5", "9"])
    left = without_subjects(table, np.array([False] * 5 + [True]))
    assert left.intervals["subject"].tolist() == [0, 1, 2, 3, 4]
    assert interval_row(left.intervals, 5, [None])["unique"] == 0
    left = without_subjects(table, np.array([True] + [False] * 5))
    assert left.intervals["value"].tolist() == ["3", "3", "5", "5", "9"]


def wide(**columns):
    rows = {"id": KEYS[:3], **columns}
    given = attributes(*(attribute("t.csv", name, Kind.DATE, ladder="date") for name in columns))
    return fold(extraction(source("t.csv", rows, "id")), given)


FIRST, SECOND = ["2020-01-01", "2020-02-01", "2020-03-01"], ["2020-01-11", "2020-02-11", None]


@pytest.mark.parametrize(
    ("one", "two"),
    [("date1", "date2"), ("visit_1_date", "visit_2_date"), ("baseline_scan", "followup_scan"),
     ("mri_date_w1", "mri_date_w3"), ("admitted", "discharged")],
)  # fmt: skip
def test_each_visit_may_have_a_column(one, two):
    table = wide(**{one: FIRST, two: SECOND})
    assert len(table.visits) == 5
    assert (table.visit_dates, table.visit_family) == (one, (two,))
    assert visit_resolution(table) == 1


def test_a_date_of_birth_is_no_visit():
    rows = {"id": KEYS[:3], "birth_date": ["1950-01-01"] * 3, "scan_date": FIRST}
    given = attributes(
        attribute("t.csv", "birth_date", Kind.DATE, ladder="birthdate"),
        attribute("t.csv", "scan_date", Kind.DATE, ladder="date"),
    )
    assert len(fold(extraction(source("t.csv", rows, "id")), given).visits) == 0


def test_removed_dates_are_no_visits():
    rows = {"id": KEYS[:3], "date1": FIRST, "date2": SECOND}
    given = attributes(
        attribute("t.csv", "date1", Kind.DATE, ladder="date"),
        attribute("t.csv", "date2", Kind.DATE, ladder="date", decision=Decision.REMOVE),
    )
    assert len(fold(extraction(source("t.csv", rows, "id")), given).visits) == 0


def test_days_from_birth_are_an_age():
    table = source(
        "t.csv", {"id": KEYS, "days_from_birth": [str(20000 + i) for i in range(6)]}, "id"
    )
    found = propose(extraction(table))["days_from_birth"]
    assert (found.role, found.ladder) == (Role.QUASI_IDENTIFIER, "agedays")


@pytest.mark.parametrize(("spread", "value"), [(1, 1.0), (0, 1 / 30)])
def test_the_channel_measures_what_the_columns_state(tmp_path, spread, value):
    with (tmp_path / "t.csv").open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["patient_id", "sex", "days_between_scans"])
        writer.writerows([f"p{i}", "MF"[i % 2], 3 + i % 2 + spread * i] for i in range(60))
    run(["assess", str(tmp_path / "t.csv"), "-o", str(tmp_path / "o"), "-q"])
    found = json.loads((tmp_path / "o" / "assessment.json").read_text(encoding="utf-8"))
    (channel,) = [c for c in found["channels"] if c["name"] == "visit_intervals"]
    assert channel["status"] == "assessed"
    assert channel["value"] == pytest.approx(value)
    assert "days_between_scans" in channel["evidence"]
