"""Folding: many observations of a subject become one value by a stated rule."""

from __future__ import annotations

from dataclasses import replace

import pytest
from folding_tables import attribute, attributes, extraction, source
from hypothesis import given, settings
from hypothesis import strategies as st

from midi_risk.attributes.model import Decision, Kind, Role
from midi_risk.errors import LinkageError, SourceError
from midi_risk.sources.model import SourceKind
from midi_risk.table import fold
from midi_risk.table.release import released


def folded(
    kind: Kind, values: list[str | None], keys: list[str], **options: object
) -> list[str | None]:
    table = source("t.csv", {"id": keys, "x": values}, "id")
    return (
        fold(extraction(table), attributes(attribute("t.csv", "x", kind, **options)))
        .frame["x"]
        .tolist()
    )


def test_sex_folds_to_the_value_most_often_recorded_and_reports_the_conflict():
    table = source("t.csv", {"id": ["a", "a", "a", "b"], "x": ["M", "F", "M", "F"]}, "id")
    result = fold(extraction(table), attributes(attribute("t.csv", "x", Kind.SEX)))
    assert result.frame["x"].tolist() == ["M", "F"]
    assert [(f.code, f.subjects) for f in result.findings] == [("sex-conflict", 1)]


def test_age_folds_to_the_first_age():
    assert folded(Kind.AGE, ["067Y", "066Y", "173M"], ["a", "a", "b"]) == ["66", "173M"]


def test_a_number_folds_to_its_median_and_a_range_of_its_own():
    table = source("t.csv", {"id": ["a", "a", "b"], "x": ["70", "72", "60.0"]}, "id")
    result = fold(extraction(table), attributes(attribute("t.csv", "x", Kind.NUMBER)))
    assert result.frame["x"].tolist() == ["71", "60"]
    assert result.frame["x.range"].tolist() == ["2", "0"]
    assert result.attributes["x.range"].role is Role.QUASI_IDENTIFIER


def test_equal_numbers_written_differently_are_one_value():
    assert folded(Kind.NUMBER, ["1.50", "1.5", " 1.5 "], ["a", "b", "c"]) == ["1.5"] * 3


def test_categories_fold_to_the_ordered_set():
    assert folded(Kind.CATEGORY, ["MR", "CT", "CT"], ["a", "a", "b"]) == ["CT + MR", "CT"]


def test_missing_tokens_are_missing_and_not_a_value():
    assert folded(Kind.CATEGORY, ["n/a", "UNKNOWN", "x"], ["a", "b", "c"]) == [None, None, "x"]


def test_dates_fold_to_the_first_and_are_kept_as_visits():
    table = source(
        "dicom",
        {"PatientID": ["a", "a", "b"], "StudyDate": ["20200110", "20200103", "20200105"]},
        "PatientID",
        level="study",
    )
    result = fold(extraction(table), attributes(attribute("dicom", "StudyDate", Kind.DATE)))
    assert result.frame["StudyDate"].tolist() == ["2020-01-03", "2020-01-05"]
    assert len(result.visits) == 3
    assert result.visits.loc[result.visits["subject"] == 0, "day"].diff().iloc[1] == 7


def test_insensitive_attributes_are_counted_and_not_held():
    table = source("t.csv", {"id": ["a", "b"], "x": ["1", None]}, "id")
    given_attributes = attributes(attribute("t.csv", "x", Kind.CATEGORY, role=Role.INSENSITIVE))
    result = fold(extraction(table), given_attributes)
    assert list(result.frame.columns) == []
    assert result.distinct["x"] == (1, 1)


def test_rows_of_derived_objects_do_not_speak_of_scanners():
    rows = {
        "PatientID": ["a", "a"],
        "Modality": ["CT", "SEG"],
        "Manufacturer": ["Scanner maker", "Software maker"],
    }
    table = source("dicom", rows, "PatientID", level="series")
    given_attributes = attributes(
        attribute("dicom", "Manufacturer", Kind.CATEGORY, level="equipment")
    )
    result = fold(extraction(table), given_attributes)
    assert result.frame["Manufacturer"].tolist() == ["Scanner maker"]
    assert result.excluded["derived"] == 1


def test_phantoms_and_animals_are_no_subjects_and_are_counted():
    rows = {
        "PatientID": ["ACR phantom", "b", "c", "d"],
        "QualityControlSubject": [None, "YES", None, None],
        "PatientSpeciesDescription": [None, None, "Mus musculus", "Homo sapiens"],
    }
    result = fold(extraction(source("dicom", rows, "PatientID")), attributes())
    assert list(result.frame.index) == ["d"]
    assert (result.excluded["phantom"], result.excluded["animal"]) == (2, 1)


def test_species_codes_names_and_empty_rooms_tell_who_is_no_person():
    rows = {
        "PatientID": ["mouse", "mouse", "a", "b", "QA", "c"],
        "PatientSpeciesCodeSequence": ["447612001", None, "337915000", None, None, "Unknown"],
        "PatientName": [None, None, "Doe^A", "Roe^B", "Phantom^ACR", None],
        "QualityControlSubject": [None, None, "NO", None, None, None],
    }
    result = fold(extraction(source("dicom", rows, "PatientID")), attributes())
    assert list(result.frame.index) == ["a", "b", "c"]
    assert (result.excluded["phantom"], result.excluded["animal"]) == (1, 1)
    people = {
        "participant_id": ["sub-01", "sub-02", "sub-emptyroom", "sub-rat"],
        "species": ["homo sapiens", "n/a", "n/a", "rattus norvegicus"],
    }
    table = replace(source("participants.tsv", people, "participant_id"), kind=SourceKind.BIDS)
    result = fold(extraction(table), attributes())
    assert list(result.frame.index) == ["sub-01", "sub-02"]
    assert (result.excluded["phantom"], result.excluded["animal"]) == (1, 1)


def test_a_bacterial_species_in_a_clinical_table_makes_nobody_an_animal():
    table = source("c.csv", {"id": ["1", "2"], "species": ["E. coli", "E. coli"]}, "id")
    assert len(fold(extraction(table), attributes()).frame) == 2


def test_keys_that_mean_unknown_belong_to_nobody_and_are_never_linked():
    leading = source(
        "dicom", {"PatientID": ["a", "ANONYMOUS", "n/a", "n/a", None, "b"]}, "PatientID"
    )
    clinical = source("c.csv", {"id": ["a", "n/a", "NA", "b"], "age": ["1", "2", "3", "4"]}, "id")
    result = fold(extraction(leading, clinical), attributes(attribute("c.csv", "age", Kind.AGE)))
    assert list(result.frame.index) == ["a", "b"]
    assert result.excluded["no_key"] == 4
    (link,) = result.links
    assert (link.subjects, link.matched, link.orphans) == (2, 2, 0)
    assert any(f.code == "rows-without-key" and f.subjects == 2 for f in result.findings)
    with pytest.raises(LinkageError, match="tells one subject from another"):
        fold(extraction(source("d", {"PatientID": ["anonymous"]}, "PatientID")), attributes())


def test_phantoms_and_animals_of_the_images_are_no_orphans_of_a_table():
    leading = source("dicom", {"PatientID": ["sub-1", "sub-2", "phantom"]}, "PatientID")
    clinical = source("c.csv", {"id": ["sub-1", "Phantom", "sub-9"]}, "id")
    (link,) = fold(extraction(leading, clinical), attributes()).links
    assert (link.subjects, link.matched, link.orphans, link.unmatched_subjects) == (2, 1, 1, 1)


def test_what_a_table_says_of_phantoms_and_animals_is_of_nobody():
    rows = {
        "PatientID": ["phantom", "sub-1", "sub-2", "mouse"],
        "PatientSpeciesDescription": [None, None, None, "Mus musculus"],
    }
    keys = ["sub-1", "Phantom", "mouse", "sub-2", "mouse"]
    clinical = source(
        "c.csv",
        {
            "id": keys,
            "age": ["60", "1", "2", "70", "3"],
            "seen": ["2020-01-01", "2020-02-01", "2020-03-01", "2020-04-01", "2020-05-01"],
        },
        "id",
    )
    result = fold(
        extraction(source("dicom", rows, "PatientID"), clinical),
        attributes(
            attribute("c.csv", "age", Kind.AGE),
            attribute("c.csv", "seen", Kind.DATE, role=Role.INSENSITIVE),
        ),
    )
    assert result.frame["age"].to_dict() == {"sub-1": "60", "sub-2": "70"}
    assert result.distinct["seen"] == (2, 0)
    assert result.visits.empty
    (link,) = result.links
    assert (link.subjects, link.matched, link.unmatched_subjects, link.fan_out) == (2, 2, 0, 0)


@pytest.mark.parametrize("counts", [["1,100", "2"], ["1100.0", "2.0"], ["1100", "2"]])
def test_instances_are_counted_however_the_number_is_written(counts):
    rows = {"PatientID": ["a", "b"], "images": counts}
    table = replace(source("m.csv", rows, "PatientID"), instances_column="images")
    assert fold(extraction(table), attributes()).counts["instances"] == 1102


def test_one_key_in_two_collections_is_two_subjects():
    rows = {"PatientID": ["1", "1", "2"], "collection_id": ["x", "y", "y"]}
    table = source("index.parquet", rows, "PatientID", scope="collection_id")
    result = fold(extraction(table), attributes())
    assert sorted(result.frame.index) == ["2", "x/1", "y/1"]


def test_links_count_orphans_fan_out_and_the_rule():
    leading = source("dicom", {"PatientID": ["sub-1", "sub-2", "sub-3"]}, "PatientID")
    clinical = source("c.csv", {"id": ["1", "1", "2", "9"], "age": ["60", "61", "70", "80"]}, "id")
    result = fold(extraction(leading, clinical), attributes(attribute("c.csv", "age", Kind.AGE)))
    (link,) = result.links
    assert (link.matched, link.orphans, link.fan_out, link.unmatched_subjects) == (2, 1, 1, 1)
    assert result.frame["age"].tolist() == ["60", "70", None]


def test_tables_without_a_common_key_are_refused():
    leading = source("dicom", {"PatientID": ["a"]}, "PatientID")
    other = source("c.csv", {"id": ["zzz"]}, "id")
    with pytest.raises(LinkageError, match="none of its keys"):
        fold(extraction(leading, other), attributes())


def test_a_key_of_several_collections_cannot_be_linked_by_key_alone():
    leading = source(
        "i", {"PatientID": ["1", "1"], "collection_id": ["x", "y"]}, "PatientID",
        scope="collection_id",
    )  # fmt: skip
    with pytest.raises(LinkageError, match="several collections"):
        fold(extraction(leading, source("c.csv", {"id": ["1"]}, "id")), attributes())


def test_nothing_but_phantoms_is_an_error():
    with pytest.raises(SourceError, match="no human subject"):
        fold(extraction(source("d", {"PatientID": ["phantom"]}, "PatientID")), attributes())


def test_ages_and_dates_that_do_not_move_together_are_a_finding():
    rows = {
        "PatientID": ["a", "a"],
        "PatientAge": ["060Y", "070Y"],
        "StudyDate": ["20200101", "20210101"],
    }
    result = fold(
        extraction(source("dicom", rows, "PatientID")),
        attributes(
            attribute("dicom", "PatientAge", Kind.AGE), attribute("dicom", "StudyDate", Kind.DATE)
        ),
    )
    assert "age-date-mismatch" in {f.code for f in result.findings}


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from("abcd"), st.sampled_from(["CT", "MR", "PT", None])), min_size=1
    ),
    st.randoms(use_true_random=False),
)
def test_folding_does_not_depend_on_the_order_of_rows(rows, random):
    shuffled = list(rows)
    random.shuffle(shuffled)

    def table(pairs):
        keys, values = [k for k, _ in pairs], [v for _, v in pairs]
        kept = source("t", {"id": keys, "x": values}, "id")
        return fold(extraction(kept), attributes(attribute("t", "x", Kind.CATEGORY)))

    first, second = table(rows), table(shuffled)
    assert first.digest == second.digest
    assert first.frame["x"].to_dict() == second.frame["x"].to_dict()


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 90)), min_size=1, max_size=30))
def test_duplicate_rows_change_nothing_but_the_counts(rows):
    def digest(pairs):
        table = source("t", {"id": [k for k, _ in pairs], "x": [str(v) for _, v in pairs]}, "id")
        return fold(extraction(table), attributes(attribute("t", "x", Kind.AGE))).digest

    assert digest(rows) == digest(rows + rows)


@pytest.mark.parametrize(
    ("column", "said", "people"),
    [
        ("PatientSpeciesDescription", ["Homo sapiens", "canine"], 1),
        ("PatientSpeciesDescription", ["canine", "canine"], 0),
        ("QualityControlSubject", ["YES", "NO"], 1),
        ("QualityControlSubject", ["YES", None], 0),
        ("PatientName", ["Phantom", "Doe^Jane"], 1),
    ],
)
def test_a_subject_is_a_person_as_soon_as_one_row_says_so(column, said, people):
    rows = {"PatientID": ["a", "a", "z"], column: [*said, None]}
    result = fold(extraction(source("dicom", rows, "PatientID")), attributes())
    assert list(result.frame.index) == ["a", "z"][1 - people :]


def test_a_subject_who_is_human_in_one_column_is_no_animal():
    rows = {
        "PatientID": ["a", "z"],
        "PatientSpeciesDescription": ["Mus musculus", None],
        "PatientSpeciesCodeSequence": ["337915000", None],
    }
    result = fold(extraction(source("dicom", rows, "PatientID")), attributes())
    assert list(result.frame.index) == ["a", "z"]


def test_a_table_of_phantoms_alone_joins_nobody_and_is_no_error():
    leading = source("dicom", {"PatientID": ["a", "phantom"]}, "PatientID")
    clinical = source("c.csv", {"id": ["phantom", None]}, "id")
    (link,) = fold(extraction(leading, clinical), attributes()).links
    assert (link.subjects, link.matched, link.orphans, link.unmatched_subjects) == (0, 0, 0, 1)


@pytest.mark.parametrize(("age", "found"), [("089Y", False), ("090Y", True), ("1079M", False)])
def test_ages_of_90_and_more_are_a_finding(age, found):
    table = source("t.csv", {"id": ["a", "b"], "x": [age, "050Y"]}, "id")
    result = fold(extraction(table), attributes(attribute("t.csv", "x", Kind.AGE)))
    assert ("age-over-89" in {f.code for f in result.findings}) is found


@pytest.mark.parametrize(
    ("second", "differing"), [(["M", "F"], 0), (["F", "F"], 1), (["M", None], 0)]
)
def test_sexes_of_two_sources_are_compared_where_both_are_known(second, differing):
    leading = source("dicom", {"PatientID": ["a", "b"], "PatientSex": ["M", "F"]}, "PatientID")
    clinical = source("c.csv", {"id": ["a", "b"], "sex": second}, "id")
    given = attributes(
        attribute("dicom", "PatientSex", Kind.SEX), attribute("c.csv", "sex", Kind.SEX)
    )
    result = fold(extraction(leading, clinical), given)
    found = [f.subjects for f in result.findings if f.code == "sex-differs-between-sources"]
    assert sum(found) == differing


def test_two_sexes_of_one_source_are_not_two_sources():
    rows = {"id": ["a", "b"], "sex": ["M", "F"], "sex_at_birth": ["F", "F"]}
    given = attributes(
        attribute("c.csv", "sex", Kind.SEX), attribute("c.csv", "sex_at_birth", Kind.SEX)
    )
    result = fold(extraction(source("c.csv", rows, "id")), given)
    assert "sex-differs-between-sources" not in {f.code for f in result.findings}


def test_the_range_of_a_removed_measurement_is_removed_with_it():
    table = source("t.csv", {"id": ["a", "a", "b"], "x": ["70", "72", "60.0"]}, "id")
    for decision, spread in ((Decision.REMOVE, Decision.REMOVE), (Decision.RETAIN, None)):
        given = attributes(attribute("t.csv", "x", Kind.NUMBER, decision=decision))
        result = fold(extraction(table), given)
        assert result.attributes["x.range"].decision is spread
        assert ("x.range" in released(result).frame) is (spread is None)


@pytest.mark.parametrize(
    ("name", "options", "stays"),
    [
        ("InstitutionName", {"level": "equipment", "ladder": "institution"}, True),
        ("OperatorsName", {"level": "series", "ladder": "remove"}, True),
        ("SeriesDescription", {"level": "series", "kind": Kind.TEXT}, True),
        ("StudyDescription", {"level": "study"}, True),
        ("KVP", {"level": "series"}, False),
    ],
)
def test_what_a_derived_object_says_of_sites_people_and_texts_counts(name, options, stays):
    rows = {"PatientID": ["a", "a"], "Modality": ["CT", "SEG"], name: ["one", "two"]}
    table = source("dicom", rows, "PatientID", level="series")
    given = {"kind": Kind.CATEGORY} | options
    result = fold(extraction(table), attributes(attribute("dicom", name, **given)))
    assert ("two" in result.frame[name].tolist()[0]) is stays


def test_studies_and_values_of_nobody_are_not_counted():
    rows = {
        "PatientID": ["a", "phantom", "n/a"],
        "StudyInstanceUID": ["1.1", "1.2", "1.3"],
        "x": ["1", "2", "3"],
    }
    table = source("dicom", rows, "PatientID", level="study")
    given = attributes(attribute("dicom", "x", Kind.CATEGORY, role=Role.INSENSITIVE))
    result = fold(extraction(table), given)
    assert result.counts["studies"] == 1
    assert result.distinct["x"] == (1, 0)


def test_values_of_ones_own_outside_the_classes_are_named_once_for_a_reason():
    n = 12
    columns = {"id": [f"p{i}" for i in range(n)], "sex": ["M", "F"] * 6}
    columns |= {name: [f"{i}.5" for i in range(n)] for name in ("a", "b", "c", "d")}
    columns["d"] = ["1", "2"] * 6
    described = [
        attribute("t.csv", name, Kind.NUMBER, role=role)
        for name, role in (
            ("a", Role.INSENSITIVE), ("b", Role.INSENSITIVE), ("c", Role.SENSITIVE),
            ("d", Role.SENSITIVE), ("sex", Role.QUASI_IDENTIFIER),
        )
    ]  # fmt: skip
    table = source("t.csv", columns, "id")
    found = [f for f in fold(extraction(table), attributes(*described)).findings
             if f.code == "own-values"]  # fmt: skip
    assert [(f.attribute, f.subjects) for f in found] == [("a", n), ("c", n)]
    assert "1 other attribute" in found[0].text
    removed = [a.revised(decision=Decision.REMOVE) for a in described]
    result = fold(extraction(table), attributes(*removed))
    assert "own-values" not in {f.code for f in result.findings}
