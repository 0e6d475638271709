import csv
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from midi_risk.attributes.ladders import LADDERS
from midi_risk.attributes.model import Kind, Role
from midi_risk.attributes.roles import propose
from midi_risk.sources.column_names import column_words, meanings
from midi_risk.sources.model import FILE_SCHEMA, Extraction, SourceKind, SourceTable

LABELLED = Path(__file__).with_name("labelled_columns.csv")


def source(
    columns, *, name="t.csv", key="subject", level="patient", kind=SourceKind.SPREADSHEET, **more
):
    n = len(next(iter(columns.values())))
    columns = {"subject": [f"s{i}" for i in range(n)]} | columns if key == "subject" else columns
    rows = pa.table({k: pa.array(v, pa.string()) for k, v in columns.items()})
    return SourceTable(name=name, kind=kind, level=level, key=key, rows=rows, **more)


def proposed(*tables):
    return propose(Extraction(tables=tables, files=FILE_SCHEMA.empty_table()))


def one(values, column="column", **more):
    return proposed(source({column: values}, **more))[column]


def labelled():
    with LABELLED.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def spread(values, n=24):
    return [values[i % len(values)] for i in range(n)]


@pytest.mark.parametrize("row", labelled(), ids=lambda row: row["column"])
def test_real_column_names_get_the_role_that_a_reader_would_give(row):
    found = one(spread(row["values"].split("|")), row["column"])
    assert found.role.value == row["expected"]
    assert found.reason
    assert found.ladder in LADDERS
    assert found.ps315 is None or found.keyword


def test_the_labels_are_many_and_of_every_role():
    rows = labelled()
    assert len(rows) >= 150
    assert {row["expected"] for row in rows} == {r.value for r in Role}


def test_every_rule_is_well_formed():
    for rule in meanings():
        assert Role(rule.role)
        assert rule.kind == "auto" or Kind(rule.kind)
        assert not rule.ladder or rule.ladder in LADDERS
        assert rule.reason


@pytest.mark.parametrize(
    ("name", "words"),
    [("AgeGroup", "age group"), ("demo__days_to_birth", "demo days to birth"),
     ("SeriesInstanceUID", "series instance uid"), ("med_name7", "med name 7"),
     ("Größe (cm)", "groe cm"), ("T1w", "t1w"), ("<script>", "script")],
)  # fmt: skip
def test_names_become_words(name, words):
    assert column_words(name).replace("grosse", "groe") == words


def test_dicom_attributes_follow_the_catalogue():
    found = proposed(
        source(
            {
                "PatientID": ["a", "b"], "PatientAge": ["066Y", "047Y"], "PatientSex": ["M", "F"],
                "PatientName": ["Doe^J", "Roe^R"], "PatientWeight": ["70", "0.0"],
                "EthnicGroup": ["A", "B"], "PatientReligiousPreference": ["x", "y"],
                "ManufacturerModelName": ["A", "B"], "DeviceSerialNumber": ["1", "2"],
                "StudyDate": ["20130517", "20130518"], "SeriesDate": ["20130517", "20130518"],
                "StudyTime": ["101010", "111111"], "ContentTime": ["101010", "111111"],
                "StudyInstanceUID": ["1.2.3", "1.2.4"], "KVP": ["120", "100"],
                "BodyPartExamined": ["CHEST", "HEAD"], "SOPClassUID": ["1.2", "1.2"],
                "TimezoneOffsetFromUTC": ["+0100", "+0200"],
            },
            name="dicom", key="PatientID", level="instance",
        )
    )  # fmt: skip
    roles = {attribute.name: attribute.role.value for attribute in found}
    assert roles == {
        "PatientID": "linkage_key",
        "PatientAge": "quasi_identifier",
        "PatientSex": "quasi_identifier",
        "PatientName": "direct_identifier",
        "PatientWeight": "quasi_identifier",
        "EthnicGroup": "quasi_identifier",
        "PatientReligiousPreference": "sensitive",
        "ManufacturerModelName": "quasi_identifier",
        "DeviceSerialNumber": "insensitive",
        "StudyDate": "quasi_identifier",
        "SeriesDate": "insensitive",
        "StudyTime": "quasi_identifier",
        "ContentTime": "insensitive",
        "StudyInstanceUID": "insensitive",
        "KVP": "insensitive",
        "BodyPartExamined": "sensitive",
        "SOPClassUID": "insensitive",
        "TimezoneOffsetFromUTC": "insensitive",
    }
    age = found["PatientAge"]
    assert (age.tag, age.vr, age.level, age.kind) == ("(0010,1010)", "AS", "patient", Kind.AGE)
    assert age.ladder == "age"
    assert age.ps315.action == "X"
    assert age.ps315.options == ("rtn_pat_chars=K",)
    assert found["DeviceSerialNumber"].level == "equipment"
    assert found["DeviceSerialNumber"].reason.startswith("known only to insiders")


def test_another_date_stands_in_when_there_is_no_study_date():
    assert one(["20130517", "20130518"], "SeriesDate").role is Role.QUASI_IDENTIFIER


def test_keywords_outside_the_catalogue_are_judged_by_vr_and_table_e1_1():
    found = proposed(
        source(
            {
                "EvaluatorName": ["Doe^J", "Roe^R"],
                "EchoTime": ["1.5", "2"],
                "InterpretationText": ["a", "b"],
                "DateOfGainCalibration": ["20130517", "20130518"],
            }
        )
    )
    roles = [found[n].role.value for n in ("EvaluatorName", "EchoTime", "InterpretationText")]
    assert roles == ["direct_identifier", "insensitive", "undecided"]
    assert "Table E.1-1" in found["DateOfGainCalibration"].reason


def test_shared_descriptions_are_a_vocabulary_and_own_wording_is_undecided():
    shared = one(["CHEST", "HEAD"] * 20, "StudyDescription")
    assert (shared.role, shared.kind) == (Role.INSENSITIVE, Kind.TEXT)
    own = one([f"chest for visitor {i}" for i in range(40)], "StudyDescription")
    assert own.role is Role.UNDECIDED
    assert "100%" in own.reason


def test_names_are_unique_over_sources():
    first = source({"PatientSex": ["M", "F"]}, name="dicom")
    second = source({"PatientSex": ["M", "F"]}, name="clinical.csv")
    found = proposed(first, second)
    assert found.names == (
        "subject", "PatientSex", "clinical.csv:subject", "clinical.csv:PatientSex"
    )  # fmt: skip
    assert found["clinical.csv:PatientSex"].column == "PatientSex"


def test_scope_key_and_instance_count_have_their_own_reasons():
    found = proposed(
        source(
            {"collection_id": ["c"], "PatientID": ["a"], "instanceCount": ["7"]},
            key="PatientID", scope="collection_id", instances_column="instanceCount",
        )
    )  # fmt: skip
    assert found["PatientID"].role is Role.LINKAGE_KEY
    assert found["collection_id"].role is Role.INSENSITIVE
    assert found["instanceCount"].role is Role.INSENSITIVE


@pytest.mark.parametrize(
    ("values", "role", "kind"),
    [
        ([f"a{i}@example.org" for i in range(9)], Role.DIRECT_IDENTIFIER, Kind.IDENTIFIER),
        ([f"Doe^Jane{i}" for i in range(9)], Role.DIRECT_IDENTIFIER, Kind.IDENTIFIER),
        ([f"123-45-678{i}" for i in range(9)], Role.DIRECT_IDENTIFIER, Kind.IDENTIFIER),
        ([f"+49 6221 56789{i}" for i in range(9)], Role.DIRECT_IDENTIFIER, Kind.IDENTIFIER),
        ([f"XK-{i:05d}" for i in range(9)], Role.DIRECT_IDENTIFIER, Kind.IDENTIFIER),
        ([f"1.2.840.113619.{i}.1" for i in range(9)], Role.LINKAGE_KEY, Kind.IDENTIFIER),
        ([f"2013-05-1{i}" for i in range(9)], Role.QUASI_IDENTIFIER, Kind.DATE),
        (["male", "female"] * 5, Role.QUASI_IDENTIFIER, Kind.SEX),
        (["White", "Asian", "Black"] * 5, Role.QUASI_IDENTIFIER, Kind.CATEGORY),
        (["Ohio", "Texas"] * 5, Role.QUASI_IDENTIFIER, Kind.CATEGORY),
        (["released"] * 9, Role.INSENSITIVE, Kind.CATEGORY),
        ([f"{i * 137.25 + 500:.2f}" for i in range(40)], Role.INSENSITIVE, Kind.NUMBER),
        (["1", "2", "3"] * 5, Role.UNDECIDED, Kind.CATEGORY),
        ([f"{20 + i * 0.37:.2f}" for i in range(40)], Role.UNDECIDED, Kind.NUMBER),
        ([f"came with {i} friends" for i in range(40)], Role.UNDECIDED, Kind.TEXT),
        ([None] * 9, Role.INSENSITIVE, Kind.CATEGORY),
        (["n/a", ""] * 5, Role.INSENSITIVE, Kind.CATEGORY),
    ],
)
def test_values_speak_where_the_name_is_silent(values, role, kind):
    found = one(values, "xq")
    assert (found.role, found.kind) == (role, kind)


def test_values_that_are_direct_identifiers_win_over_a_harmless_name():
    assert one([f"a{i}@example.org" for i in range(9)], "score").role is Role.DIRECT_IDENTIFIER


def test_a_comma_between_words_is_no_name_when_subjects_share_it():
    assert one(["Carcinoma, Papillary", "Leukemia, Acute"] * 9, "xq").role is Role.SENSITIVE
    names = [f"Doe{'abcdefghi'[i]}, Jane" for i in range(9)]
    assert one(names, "xq").role is Role.DIRECT_IDENTIFIER


def test_numbered_items_of_a_form_are_not_read_as_words():
    columns = {f"age{i}": ["1", "2"] for i in range(2, 20)}
    assert {a.role.value for a in proposed(source(columns))} == {"linkage_key", "undecided"}
    assert one(["31", "42"], "age2").role is Role.QUASI_IDENTIFIER


def test_a_data_dictionary_speaks_where_the_name_is_silent():
    found = one(["0", "1"] * 5, "la2k6", labels={"la2k6": "6. AIDS or other immune disorders"})
    assert found.role is Role.SENSITIVE
    assert found.reason.endswith("(by its data dictionary entry)")
    assert found.label.startswith("6. AIDS")


@pytest.mark.parametrize(
    ("column", "values", "kind", "ladder"),
    [
        ("age_at_diagnosis", ["22345", "18001"], Kind.NUMBER, "agedays"),
        ("days_to_birth", ["-22345", "-18001"], Kind.NUMBER, "agedays"),
        ("age", ["young", "old"], Kind.CATEGORY, "enum"),
        ("surgery_date", ["12", "340"], Kind.NUMBER, "offset"),
        ("surgery_date", ["2011", "2012"], Kind.DATE, "year"),
        ("surgery_date", ["201105", "201212"], Kind.DATE, "date"),
        ("surgery_date", ["41234", "40123"], Kind.DATE, "date"),
        ("year_of_diagnosis", ["2011-05-06", "2012-01-01"], Kind.DATE, "date"),
        ("sex", ["alpha", "beta"], Kind.CATEGORY, "enum"),
        ("height", ["64", "70"], Kind.NUMBER, "number"),
        ("height", ["1.64", "1.70"], Kind.NUMBER, "height"),
        ("weight", ["heavy", "light"], Kind.CATEGORY, "enum"),
    ],
)
def test_the_values_correct_how_a_name_would_be_read(column, values, kind, ladder):
    found = one(values, column)
    assert (found.role, found.kind, found.ladder) == (Role.QUASI_IDENTIFIER, kind, ladder)


@pytest.mark.parametrize(
    ("values", "ladder"),
    [
        (["0", "1"] * 20, "enum"),
        (["1", "2"] * 20, "enum"),
        (["0", "1", "2"] * 40, "enum"),
        (["0", "1", "2", "3"] * 2, "offset"),
        (["0", "0", "40", "812"] * 20, "offset"),
        (["0.5", "1.5", "2.5"] * 40, "offset"),
    ],
)
def test_a_status_is_no_time_whatever_its_name_speaks_of(values, ladder):
    found = one(values, "disease_free_interval")
    assert (found.role, found.ladder) == (Role.SENSITIVE, ladder)


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("func/sub-01_ses-1_task-rest_bold.nii.gz", Role.INSENSITIVE),
        ("sub-01_T1w.nii", Role.INSENSITIVE),
        ("anat/sub-01_T1w of Jane Doe.nii.gz", Role.DIRECT_IDENTIFIER),
        ("../Doe_Jane/sub-01_T1w.nii.gz", Role.DIRECT_IDENTIFIER),
    ],
)
def test_file_names_of_a_bids_data_set_tell_what_its_files_tell(name, role):
    names = [name.replace("01", f"{n:02d}") for n in range(12)]
    assert one(names, "filename", kind=SourceKind.BIDS).role is role
    assert one(names, "filename").role is Role.DIRECT_IDENTIFIER


def test_groups_of_ages_of_which_one_has_a_name_are_a_category():
    assert one(["3yo", "8-12yo", "Adult"] * 20, "AgeGroup").kind is Kind.CATEGORY
    assert one(["3yo", "8-12yo", "13-17"] * 20, "AgeGroup").kind is Kind.AGE
    assert one([*map(str, range(30, 60)), "Adult"], "age").kind is Kind.AGE


def test_no_reason_holds_a_value():
    canaries = [f"CANARY{i} QUETZAL" for i in range(30)]
    for column in ("xq", "StudyDescription", "comment", "race", "age", "PatientName", "diagnosis"):
        assert "CANARY" not in one(canaries, column).reason


def test_dictionary_columns_with_unused_entries_are_read_by_their_codes():
    column = pa.DictionaryArray.from_arrays(
        pa.array([0, 1, None, 0], pa.int32()), pa.array(["male", "female", "SECRET"])
    )
    rows = pa.table({"id": pa.array(["a", "b", "c", "d"]), "xq": column})
    table = SourceTable(
        name="t", kind=SourceKind.METADATA, level="patient", key="id", rows=rows
    )  # fmt: skip
    assert proposed(table)["xq"].kind is Kind.SEX


@pytest.mark.shared_data
def test_the_public_index_gets_a_meaningful_class_table(shared_data):
    rows = pq.read_table(shared_data / "idc" / "idc_v25_series_A.parquet").slice(0, 60000)
    rows = pa.table({name: rows[name].cast(pa.string()) for name in rows.column_names})
    table = SourceTable(
        name="idc", kind=SourceKind.METADATA, level="series", key="PatientID",
        scope="collection_id", instances_column="instanceCount", rows=rows,
    )  # fmt: skip
    found = proposed(table)
    quasi = {a.name for a in found.of_role(Role.QUASI_IDENTIFIER)}
    assert quasi == {
        "PatientAge", "PatientSex", "StudyDate", "Modality", "Manufacturer",
        "ManufacturerModelName",
    }  # fmt: skip
    assert [a.name for a in found.of_role(Role.SENSITIVE)] == ["BodyPartExamined"]
    assert np.array([bool(a.reason) for a in found]).all()


def test_sentences_are_free_text_whatever_the_name_speaks_of():
    notes = [f"bed {i}, wife of the baker in village {i}" for i in range(40)]
    for name in ("reader_comment", "tumor_stage", "age", "slice_thickness", "nurse", "site"):
        assert one(notes, name).role is Role.UNDECIDED, name


def test_terms_of_a_vocabulary_are_no_free_text():
    terms = [f"Disorder of the {organ} not elsewhere classified" for organ in "abcdefgh"] * 5
    assert one(terms, "MHHLT").role is Role.SENSITIVE


def test_what_nearly_every_subject_has_alone_is_never_called_harmless():
    codes = [f"QX{i:05d}" for i in range(40)]
    for name in ("slice_thickness", "qc_pass", "tumor_stage", "md5"):
        assert one(codes, name).role in {Role.DIRECT_IDENTIFIER, Role.UNDECIDED}, name
    wordings = [f"wording {i}" for i in range(40)]
    assert one(wordings, "diagnosis").role is Role.UNDECIDED


@pytest.mark.parametrize(
    ("values", "role"),
    [
        (["adenocarcinoma", "squamous", "none"], Role.SENSITIVE),
        (["T1a", "T2", "T4"], Role.SENSITIVE),
        (["C34.1", "C50.9", "C61"], Role.SENSITIVE),
        (["surgery", "chemotherapy", "none"], Role.SENSITIVE),
        (["v1", "v2"], Role.INSENSITIVE),
        (["Ward A", "Ward B"], Role.QUASI_IDENTIFIER),
        (["one", "two"], Role.UNDECIDED),
    ],
)
def test_words_of_the_values_speak_where_the_name_is_silent(values, role):
    assert one(spread(values), "xq").role is role


def test_a_question_of_the_data_dictionary_makes_no_identifier():
    label = "Did anybody of your household move to another address in the last year?"
    assert one(["0", "1"] * 5, "q7", labels={"q7": label}).role is not Role.DIRECT_IDENTIFIER
