import pyarrow as pa
import pytest

from midi_risk.sources import extract
from midi_risk.sources.tables.lone_key import lone_key, without_summaries


def table(tmp_path, text):
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    return extract(path)


def rows(**columns):
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})


@pytest.mark.parametrize(
    "name",
    ["Patienten-ID", "client_id", "donor_id", "PatNr", "sujet", "numero_patient", "NHC",
     "record_id", "participant", "USUBJID", "患者番号", "id_paciente", "Probandennummer",
     "src_subject_id"],
)  # fmt: skip
def test_keys_of_several_languages_and_forms_are_plain(name):
    found = lone_key(rows(age=["1", "2", "3"], **{name: ["a", "b", "c"]}), ["age", name])
    assert (found.column, found.why) == (name, "")


def test_of_two_keys_the_coarser_is_taken_and_said(tmp_path):
    lines = [f"i{i},p{i // 4},F" for i in range(40)]
    found = table(tmp_path, "image_id,person_no,sex\n" + "\n".join(lines) + "\n").tables[0]
    assert (found.key, found.key_guess) == ("person_no", "")
    lines = [f"{i},c{i // 4},F" for i in range(40)]
    found = table(tmp_path, "id,case,sex\n" + "\n".join(lines) + "\n").tables[0]
    assert found.key == "case"
    assert "'id'" in found.key_guess


def test_a_plain_key_is_not_given_up_for_a_coarser_group():
    found = lone_key(
        rows(
            patient_id=[f"p{i}" for i in range(20)],
            study_id=[f"s{i // 4}" for i in range(20)],
            site_id=[f"x{i // 5}" for i in range(20)],
        ),
        ["patient_id", "study_id", "site_id"],
    )
    assert (found.column, found.why) == ("patient_id", "")


def test_a_name_that_is_nobodys_is_a_guess(tmp_path):
    found = table(tmp_path, "image_id,age\na,1\nb,2\nc,3\n")
    assert found.tables[0].key == "image_id"
    assert "does not say that it is a person's" in found.tables[0].key_guess
    assert any("taken as key" in text for text in found.findings)
    assert table(tmp_path, "study_id,age\na,1\nb,2\nc,3\n").tables[0].key_guess


def test_a_key_that_was_named_is_no_guess(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("image_id,age\na,1\nb,2\n")
    assert extract(f"{path}:image_id").tables[0].key_guess == ""


def test_rows_that_sum_up_the_table_are_no_subjects(tmp_path):
    found = table(tmp_path, "patient_id,age\nA,1\nB,3\nMittelwert,2\nSD,1\n")
    assert found.tables[0].rows.column("patient_id").to_pylist() == ["A", "B"]
    assert any("2 rows sum up the table" in text for text in found.findings)
    found = table(tmp_path, "label,patient_id,age\nx,A,1\ny,B,3\nTotal:,,4\n")
    assert found.tables[0].rows.num_rows == 2


def test_short_words_alone_may_be_pseudonyms():
    kept, said = without_summaries(rows(id=["A", "Max", "SD"]), "id", "t")
    assert (kept.num_rows, said) == (3, "")
