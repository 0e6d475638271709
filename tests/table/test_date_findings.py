"""Dates that were shifted badly are found without printing a date."""

import numpy as np
import pandas as pd
import pytest
from dated_rows import codes, dicom_days, folded
from folding_tables import attribute, attributes, extraction, source

from midi_risk.attributes.model import Decision, Kind, Role
from midi_risk.risk.measures.trajectory import trajectory_rows
from midi_risk.table import fold


def test_dates_that_moved_together_are_no_finding():
    days = dicom_days([3, 90, 700, 720])
    table = folded(PatientID=["a", "a", "b", "b"], StudyDate=days, SeriesDate=days)
    assert not {c for c in codes(table) if c.startswith("date")}


def test_an_acquisition_after_midnight_is_no_finding():
    table = folded(
        PatientID=["a", "a"],
        StudyDate=dicom_days([3, 90]),
        AcquisitionDate=dicom_days([4, 90]),
    )
    assert "date-shift-inconsistent" not in codes(table)


@pytest.mark.parametrize("days", [-25, -2, 2, 25])
def test_a_date_that_was_moved_either_way_is_found(days):
    table = folded(
        PatientID=["a", "b"],
        StudyDate=dicom_days([100, 400]),
        SeriesDate=dicom_days([100 + days, 400]),
    )
    assert codes(table)["date-apart"].subjects == 1


def test_two_dates_with_shifts_of_their_own_are_found_without_a_value():
    study = [10, 110, 10, 300]
    series = [35, 190, 10, 300]
    table = folded(
        PatientID=["a", "a", "b", "b"], StudyDate=dicom_days(study), SeriesDate=dicom_days(series)
    )
    found = codes(table)
    assert found["date-shift-inconsistent"].subjects == 1
    assert found["date-apart"].subjects == 1
    for finding in table.findings:
        assert not any(day in finding.text for day in dicom_days(study + series))
        assert not any(str(n) in finding.text for n in (25, 80))


def test_one_shift_for_all_subjects_is_found_where_one_date_stayed():
    study, subjects = [10, 200, 400, 555], list("abcd")
    table = folded(
        PatientID=subjects,
        StudyDate=dicom_days(study),
        AcquisitionDate=dicom_days([s + 400 for s in study]),
    )
    assert codes(table)["date-offset-constant"].subjects == 4
    assert "date-shift-inconsistent" not in codes(table)


def test_a_calibration_after_the_study_is_found():
    table = folded(
        PatientID=["a", "b"],
        StudyDate=dicom_days([10, 200]),
        DateOfLastCalibration=dicom_days([5, 900]),
    )
    assert codes(table)["device-date-after-study"].subjects == 1


def test_a_removed_date_gives_nothing_away():
    table = folded(
        {"DateOfLastCalibration": Decision.REMOVE},
        PatientID=["a", "b"],
        StudyDate=dicom_days([10, 200]),
        DateOfLastCalibration=dicom_days([5, 900]),
    )
    assert "device-date-after-study" not in codes(table)


@pytest.mark.parametrize("weekend", [True, False])
def test_working_days_show_through(weekend):
    days = [d for d in range(140) if weekend or d % 7 < 5]
    table = folded(PatientID=[f"s{i}" for i in range(len(days))], StudyDate=dicom_days(days))
    found = codes(table)
    assert ("weekday-shows" in found) is not weekend
    if not weekend:
        assert "p = 1.7e-14, binomial test on 100 distinct days" in found["weekday-shows"].text


def test_one_subject_seen_every_week_tells_nothing_of_the_shift_of_others():
    weeks = [3 + 7 * week for week in range(60)]
    table = folded(PatientID=["a"] * 60, StudyDate=dicom_days(weeks))
    assert "weekday-shows" not in codes(table)


def test_visits_carry_modality_and_scanner_as_far_as_they_are_released():
    given = {
        "PatientID": ["a", "a", "a", "b", "b"],
        "StudyDate": dicom_days([1, 1, 60, 5, 64]),
        "Modality": ["CT", "PT", "CT", "CT", "CT"],
        "Manufacturer": ["X", "X", "X", "Y", "X"],
    }
    table = folded(**given)
    assert table.visits["day"].diff().tolist()[1] == 59
    assert table.visits["modality"].nunique() == 2
    hidden = folded({"Modality": Decision.REMOVE}, **given)
    assert "modality" not in hidden.visits.columns


def test_who_knows_the_procedure_tells_more_apart_than_who_knows_the_days():
    table = folded(
        PatientID=["a", "a", "b", "b", "c", "c"],
        StudyDate=dicom_days([1, 61, 100, 160, 7, 67]),
        Modality=["CT", "MR", "CT", "CT", "CT", "CT"],
    )
    rows = trajectory_rows(table.visits, 3, 11, 1)
    assert [(r["bin_days"], r["known"]) for r in rows[::4]] == [
        (1, "days"),
        (7, "days"),
        (30, "days"),
        (1, "days-modality"),
    ]
    by = {(r["m"], r["bin_days"], r["known"]): r["unique"] for r in rows}
    assert by["all", 1, "days"] == 0
    assert by["all", 1, "days-modality"] == 1


def test_coarser_bins_never_single_out_more_subjects_who_are_known_by_all_visits():
    rng = np.random.default_rng(5)
    visits = pd.DataFrame(
        {"subject": np.repeat(np.arange(60), 3), "day": rng.integers(0, 400, 180)}
    )
    visits = visits.drop_duplicates().sort_values(["subject", "day"])
    rows = trajectory_rows(visits, 60, 11, 1)
    unique = {r["bin_days"]: r["unique"] for r in rows if r["m"] == "all"}
    assert unique[1] >= unique[7]


@pytest.mark.parametrize(
    ("options", "known"),
    [
        ({}, True),
        ({"decision": Decision.RETAIN}, True),
        ({"decision": Decision.GENERALISE}, False),
        ({"decision": Decision.REMOVE}, False),
        ({"role": Role.DIRECT_IDENTIFIER}, False),
    ],
)
def test_only_a_scanner_that_is_released_as_it_is_tells_visits_apart(options, known):
    table = source(
        "dicom",
        {"PatientID": ["a", "a"], "StudyDate": dicom_days([1, 60]), "StationName": ["X", "Y"]},
        "PatientID", level="series",
    )  # fmt: skip
    station = attribute("dicom", "StationName", Kind.CATEGORY, **options)
    found = fold(extraction(table), attributes(station))
    assert ("scanner" in found.visits.columns) is known


def test_the_software_of_a_derived_object_is_no_scanner_of_the_visit():
    table = folded(
        PatientID=["a", "a", "b"],
        StudyDate=dicom_days([1, 1, 5]),
        Modality=["CT", "SEG", "CT"],
        Manufacturer=["X", "Software maker", "X"],
    )
    assert len(set(table.visits["scanner"])) == 1
    assert len(set(table.visits["modality"])) == 1


def test_a_younger_date_of_a_derived_object_is_no_sign_of_a_shift():
    table = folded(
        PatientID=["a", "a", "b"],
        StudyDate=dicom_days([10, 10, 30]),
        SeriesDate=dicom_days([10, 300, 30]),
        Modality=["CT", "SEG", "CT"],
    )
    assert "date-apart" not in codes(table)


@pytest.mark.parametrize(("days", "apart"), [(1, False), (2, True)])
def test_dates_a_day_apart_are_an_examination_past_midnight(days, apart):
    table = folded(
        PatientID=["a", "a", "b"],
        StudyDate=dicom_days([10, 200, 30]),
        SeriesDate=dicom_days([10, 200 + days, 30]),
    )
    assert ("date-apart" in codes(table)) is apart
    assert ("date-shift-inconsistent" in codes(table)) is apart


@pytest.mark.parametrize(("days", "after"), [(0, False), (1, True)])
def test_a_calibration_on_the_day_of_the_study_is_possible(days, after):
    table = folded(
        PatientID=["a", "b"],
        StudyDate=dicom_days([10, 200]),
        DateOfLastCalibration=dicom_days([5, 200 + days]),
    )
    assert ("device-date-after-study" in codes(table)) is after
