"""Dates that are apart, after the study or of a derived object, at their borders."""

import pytest
from dated_rows import codes, dicom_days, folded

from midi_risk.attributes.model import Decision, Role


@pytest.mark.parametrize(("apart", "found"), [(1, 0), (2, 1), (-1, 0), (-2, 1), (-30, 1)])
def test_more_than_a_day_apart_in_either_direction_is_found(apart, found):
    table = folded(
        PatientID=["a", "a"],
        StudyDate=dicom_days([103, 190]),
        AcquisitionDate=dicom_days([103 + apart, 190 + apart]),
    )
    assert [f.subjects for f in table.findings if f.code == "date-apart"] == [1] * found


def test_an_object_made_from_images_later_is_not_shifted():
    table = folded(
        PatientID=["a", "a"],
        Modality=["CT", "SEG"],
        StudyDate=dicom_days([3, 3]),
        SeriesDate=dicom_days([3, 400]),
    )
    assert not {c for c in codes(table) if c.startswith("date")}


def test_derived_objects_say_nothing_of_the_scanner_of_a_visit():
    table = folded(
        PatientID=["a", "a", "b"],
        StudyDate=dicom_days([1, 1, 9]),
        Modality=["CT", "SEG", "CT"],
        Manufacturer=["X", "Software", "X"],
    )
    assert len(set(table.visits["scanner"])) == 1
    assert len(set(table.visits["modality"])) == 1


def test_what_is_coarsened_or_identifies_directly_does_not_describe_a_visit():
    given = {"PatientID": ["a", "b"], "StudyDate": dicom_days([1, 9]), "Manufacturer": ["X", "Y"]}
    assert "scanner" in folded(**given).visits.columns
    assert "scanner" not in folded({"Manufacturer": Decision.GENERALISE}, **given).visits.columns
    direct = folded({}, {"Manufacturer": Role.DIRECT_IDENTIFIER}, **given)
    assert "scanner" not in direct.visits.columns


@pytest.mark.parametrize("name", ["AcquisitionDate", "SeriesDate", "ContentDate"])
def test_any_date_of_a_visit_states_it_where_there_is_no_study_date(name):
    table = folded(PatientID=["a", "a"], **{name: dicom_days([1, 60])})
    assert table.visits["day"].diff().tolist()[1] == 59
    assert table.visit_dates == name
