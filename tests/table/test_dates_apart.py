"""Dates that are apart, after the study or of a derived object, at their borders."""

import numpy as np
import pyarrow as pa
import pytest

from midi_risk.attributes.model import Attribute, AttributeSet, Decision, Kind, Role
from midi_risk.sources.model import FILE_SCHEMA, Extraction, SourceKind, SourceTable
from midi_risk.table import fold


def dicom_days(numbers):
    start = np.datetime64("2001-01-01")
    return [str(start + int(n)).replace("-", "") for n in numbers]


def folded(decisions=None, roles=None, **columns):
    rows = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
    source = SourceTable(
        name="scan", kind=SourceKind.METADATA, level="series", key="PatientID", rows=rows
    )
    attributes = AttributeSet(
        tuple(
            Attribute(
                name=name,
                source="scan",
                column=name,
                keyword=name,
                role=(roles or {}).get(name, Role.QUASI_IDENTIFIER),
                kind=Kind.DATE if "Date" in name else Kind.CATEGORY,
                decision=(decisions or {}).get(name),
                reason="",
            )
            for name in columns
            if name != "PatientID"
        )
    )
    return fold(Extraction(tables=(source,), files=FILE_SCHEMA.empty_table()), attributes)


def codes(table):
    return {finding.code: finding for finding in table.findings}


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
