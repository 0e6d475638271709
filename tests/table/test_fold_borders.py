"""Folding at its borders: counts, shares, ties."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pytest
from folding_tables import attribute, attributes, extraction, source

from midi_risk.attributes.model import Decision, Kind, Role
from midi_risk.table import fold
from midi_risk.table.model import raw_codes, table_digest


def folded(
    kind: Kind, values: list[str | None], keys: list[str], **options: object
) -> list[str | None]:
    table = source("t.csv", {"id": keys, "x": values}, "id")
    return (
        fold(extraction(table), attributes(attribute("t.csv", "x", kind, **options)))
        .frame["x"]
        .tolist()
    )


@pytest.mark.parametrize(("age", "found"), [("089Y", 0), ("090Y", 1)])
def test_an_age_of_ninety_is_the_first_above_the_oldest_that_may_be_shown(age, found):
    rows = {"PatientID": ["a", "b"], "PatientAge": ["060Y", age]}
    result = fold(
        extraction(source("dicom", rows, "PatientID")),
        attributes(attribute("dicom", "PatientAge", Kind.AGE)),
    )
    assert [f.subjects for f in result.findings if f.code == "age-over-89"] == [1] * found


@pytest.mark.parametrize(
    ("years", "found"), [("20300101", True), ("20220601", True), ("20200601", False)]
)
def test_dates_that_run_away_from_the_ages_are_a_finding(years, found):
    rows = {
        "PatientID": ["a", "a"],
        "PatientAge": ["060Y", "060Y"],
        "StudyDate": ["20200101", years],
    }
    result = fold(
        extraction(source("dicom", rows, "PatientID")),
        attributes(
            attribute("dicom", "PatientAge", Kind.AGE), attribute("dicom", "StudyDate", Kind.DATE)
        ),
    )
    assert ("age-date-mismatch" in {f.code for f in result.findings}) == found


def test_a_sex_that_one_source_does_not_state_is_no_conflict():
    leading = source("d", {"PatientID": ["a", "b", "c"], "sex": ["M", None, "F"]}, "PatientID")
    linked = source("u", {"id": ["a", "b", "c"], "gender": ["M", "F", "M"]}, "id")
    result = fold(
        extraction(leading, linked),
        attributes(attribute("d", "sex", Kind.SEX), attribute("u", "gender", Kind.SEX)),
    )
    assert [f.subjects for f in result.findings if "between-sources" in f.code] == [1]


def test_the_site_of_a_derived_object_is_released_and_so_it_counts():
    rows = {
        "PatientID": ["a", "a"],
        "Modality": ["CT", "SEG"],
        "InstitutionName": ["North", "South"],
    }
    site = {"level": "equipment", "ladder": "institution"}
    result = fold(
        extraction(source("dicom", rows, "PatientID", level="series")),
        attributes(attribute("dicom", "InstitutionName", Kind.CATEGORY, **site)),
    )
    (value,) = result.frame["InstitutionName"]
    assert "North" in value
    assert "South" in value


@pytest.mark.parametrize("decision", [None, Decision.REMOVE])
def test_the_range_of_a_measurement_goes_with_it(decision):
    rows = {"PatientID": ["a", "a", "b"], "PatientWeight": ["70", "74", "60"]}
    weight = attribute("dicom", "PatientWeight", Kind.NUMBER, decision=decision)
    result = fold(extraction(source("dicom", rows, "PatientID")), attributes(weight))
    assert result.attributes["PatientWeight.range"].decision is decision


def test_what_phantoms_have_is_not_counted_among_subjects():
    rows = {
        "PatientID": ["a", "ACR phantom", "a"],
        "StudyInstanceUID": ["1.1", "1.2", "1.1"],
        "OperatorsName": ["x", "y", None],
    }
    operator = attribute("dicom", "OperatorsName", Kind.TEXT, role=Role.DIRECT_IDENTIFIER)
    result = fold(
        extraction(source("dicom", rows, "PatientID", level="series")), attributes(operator)
    )
    assert result.counts == {"subjects": 1, "studies": 1}
    assert result.distinct["OperatorsName"] == (1, 0)


def test_who_is_a_person_once_is_a_subject():
    rows = {
        "PatientID": ["a", "a", "b", "b", "c", "c"],
        "QualityControlSubject": ["YES", "NO", None, None, "YES", None],
        "PatientSpeciesDescription": [None, None, "Mus musculus", "Homo sapiens", None, None],
    }
    result = fold(extraction(source("dicom", rows, "PatientID")), attributes())
    assert list(result.frame.index) == ["a", "b"]
    assert (result.excluded["phantom"], result.excluded["animal"]) == (1, 0)


def test_a_species_that_is_stated_twice_and_once_as_human_is_a_person():
    rows = {
        "PatientID": ["a", "b"],
        "PatientSpeciesDescription": ["patient", "Mus musculus"],
        "PatientSpeciesCodeSequence": ["337915000", "447612001"],
    }
    result = fold(extraction(source("dicom", rows, "PatientID")), attributes())
    assert list(result.frame.index) == ["a"]


def test_a_phantom_of_an_animal_is_counted_once():
    rows = {
        "PatientID": ["MOUSE PHANTOM", "a"],
        "PatientSpeciesDescription": ["Mus musculus", "Homo sapiens"],
    }
    result = fold(extraction(source("dicom", rows, "PatientID")), attributes())
    assert list(result.frame.index) == ["a"]
    assert (result.excluded["phantom"], result.excluded["animal"]) == (1, 0)


def test_a_subject_is_named_after_its_own_collection():
    rows = {"PatientID": ["1", "1", "2"], "collection_id": ["north", "south", "south"]}
    rows |= {"sex": ["F", "M", "M"]}
    table = source("t", rows, "PatientID", scope="collection_id")
    result = fold(extraction(table), attributes(attribute("t", "sex", Kind.SEX)))
    assert result.frame["sex"].to_dict() == {"north/1": "F", "south/1": "M", "2": "M"}


@pytest.mark.parametrize("order", [1, -1])
def test_the_date_with_most_visits_states_them(order):
    rows = {"id": ["a", "a", "b", "b"], "seen": ["2020-01-01", "2020-02-01"] * 2}
    rows["phoned"] = ["2020-03-01", "2020-04-01", "2020-05-01", "2020-05-01"]
    names = ["seen", "phoned"][::order]
    dates = [attribute("t.csv", name, Kind.DATE) for name in names]
    result = fold(extraction(source("t.csv", rows, "id")), attributes(*dates))
    assert result.visit_dates == "seen"
    assert len(result.visits) == 4


def test_the_first_age_is_the_youngest_and_not_the_first_in_the_alphabet():
    rows = {"PatientID": ["a", "a"], "PatientAge": ["010Y", "009Y"]}
    age = attribute("dicom", "PatientAge", Kind.AGE)
    result = fold(extraction(source("dicom", rows, "PatientID")), attributes(age))
    assert result.frame["PatientAge"].tolist() == ["9"]


def test_a_null_in_a_dictionary_is_missing():
    column = pa.DictionaryArray.from_arrays(pa.array([0, 1, None, 0]), pa.array([None, "a"]))
    codes, _ = raw_codes(column)
    assert codes.tolist() == [-1, 1, -1, -1]


def test_a_missing_value_and_an_empty_text_have_digests_of_their_own():
    missing, empty = (
        table_digest(pd.DataFrame({"x": ["a", value]}, index=["s1", "s2"], dtype=object))
        for value in (None, "")
    )
    assert missing != empty
