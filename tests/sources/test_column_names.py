import pytest

from midi_risk.resources import data_rows
from midi_risk.sources.column_names import (
    HEALTH,
    concepts_of,
    forgotten,
    known_parts,
    meaning_of,
    meanings,
    standard_meaning,
    standard_parts,
    unknown_words,
)


def role(name, values=""):
    found = meaning_of(name, values)
    return found.role if found else None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("er_positive", "sensitive"), ("hf_ef_v", "sensitive"), ("hepatectomy", "sensitive"),
        ("colitis", "sensitive"), ("trastuzumab", "sensitive"), ("lungmets", "sensitive"),
        ("latest_height", "quasi_identifier"), ("entryage", "quasi_identifier"),
        ("Wohnort", "quasi_identifier"), ("profession", "quasi_identifier"),
        ("estado civil", "quasi_identifier"), ("身長", "quasi_identifier"),
        ("性別", "quasi_identifier"), ("氏名", "direct_identifier"),
        ("Nachname", "direct_identifier"),
        ("numero de securite sociale", "direct_identifier"), ("PESEL", "direct_identifier"),
        ("days_to_death", "sensitive"), ("days_to_birth", "quasi_identifier"),
        ("days_to_surgery", "insensitive"), ("slice_thickness", "insensitive"),
        ("md5", "insensitive"), ("weight_loss_kg", "sensitive"),
    ],
)  # fmt: skip
def test_words_of_several_languages_and_parts_of_words_mean_a_role(name, expected):
    assert role(name) == expected


@pytest.mark.parametrize(
    "name", ["massage", "contest", "holidays", "message", "passage", "estimate", "protestant"]
)
def test_letters_inside_another_word_mean_nothing(name):
    assert not concepts_of(name) & (HEALTH | {"age", "days", "interval"})


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("tumor_diagnosis_date", "date", "quasi_identifier"),
        ("death_in_hospital", "date", "quasi_identifier"),
        ("xq", "date", "quasi_identifier"),
        ("updated_datetime", "date", "insensitive"),
        ("smoking_quit", "year", "sensitive"),
        ("xq", "year", "quasi_identifier"),
    ],
)
def test_the_kind_of_value_decides_before_the_name(name, values, expected):
    assert role(name, values) == expected


def test_a_name_with_an_unknown_word_is_not_called_harmless():
    assert unknown_words("zorp_index") == ("zorp",)
    assert role("zorp_index") is None
    assert role("slice_index") == "insensitive"


@pytest.mark.parametrize(
    ("name", "concepts"),
    [("RFSTDTC", {"date"}), ("XSDTC", set()), ("AGEU", {"about"}), ("QSDTC", {"date"}),
     ("BODY", set()), ("person_source_value", {"hospital number"})],
)  # fmt: skip
def test_names_that_a_standard_defines_have_its_meaning(name, concepts):
    assert standard_meaning(name) == concepts


def test_words_can_be_forgotten_and_come_back():
    assert "tumor*" in known_parts("tumor_size")
    with forgotten({"tumor*", "tumor"}):
        assert "tumour" not in concepts_of("tumor_size")
    assert "tumour" in concepts_of("tumor_size")
    assert "*itis" in standard_parts()
    assert "wohnort" not in standard_parts()


def test_every_concept_of_a_meaning_has_words():
    words = {c for row in meanings() for c in row.every | row.some | row.none}
    bare = {c.removeprefix("ends:") for c in words} - {"unknown"}
    listed = {row["concept"] for row in data_rows("column_words.csv")}
    listed |= {c for row in data_rows("standard_columns.csv") for c in row["concepts"].split(";")}
    assert bare <= listed
    assert listed >= HEALTH


def test_every_meaning_of_harmlessness_stands_below_those_of_harm_or_excludes_them():
    harmless = [row for row in meanings() if row.role == "insensitive"]
    assert harmless
    for topic in ("disease", "treatment", "outcome", "death", "infection", "gene", "substance"):
        for other in ("imaging", "measure", "book", "specimen", "technical"):
            found = next(r for r in meanings() if r.fits(frozenset({topic, other}), "words"))
            assert found.role == "sensitive", (topic, other)
