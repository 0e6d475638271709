"""Ages, heights and weights in the unit that a column, its dictionary or a cell says."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midi_risk.attributes.ages import parse_age
from midi_risk.attributes.decisions import decided
from midi_risk.attributes.ladders import LADDERS
from midi_risk.attributes.model import Attribute, Kind, Role
from midi_risk.attributes.numbers import parse_measure
from midi_risk.attributes.roles import propose
from midi_risk.attributes.units import (
    FACTORS,
    MIXED,
    UNKNOWN,
    Quantity,
    band_in_words,
    from_base,
    in_base,
    unit_in_label,
    unit_in_name,
    unit_of,
    value_in_unit,
)
from midi_risk.attributes.values import normalise_for, read_again
from midi_risk.config import AttributeSettings
from midi_risk.errors import ConfigError
from midi_risk.sources.model import FILE_SCHEMA, Extraction, SourceKind, SourceTable
from midi_risk.sources.tables.beside import with_units_beside
from midi_risk.table import fold

pa = pytest.importorskip("pyarrow")

AGE_UNITS = ("years", "months", "weeks", "days")


def column(name: str, values, label: str = "") -> Extraction:
    rows = pa.table({
        "id": [f"s{i}" for i in range(len(values))],
        name: pa.array([str(v) for v in values], pa.string()),
    })  # fmt: skip
    table = SourceTable(
        name="t.csv", kind=SourceKind.SPREADSHEET, level="patient", key="id", rows=rows,
        labels={name: label} if label else {},
    )  # fmt: skip
    return Extraction(tables=(table,), files=FILE_SCHEMA.empty_table())


def proposed(name: str, values, label: str = "") -> Attribute:
    return propose(column(name, values, label))[name]


def findings(name: str, values, label: str = "") -> dict[str, str]:
    extraction = column(name, values, label)
    return {f.code: f.text for f in fold(extraction, propose(extraction)).findings}


@pytest.mark.parametrize(
    ("raw", "months"),
    [
        ("18 months", 18), ("2y3m", 27), ("036M", 36), ("2 years, 3 months", 27), ("1y 6mo", 18),
        ("P2Y3M", 27), ("P18M", 18), ("2 Jahre und 3 Monate", 27), ("3 ans", 36),
        ("52 weeks", 52 * 84 / 365.25), ("24 hours", 12 / 365.25), ("11 months", 11),
        ("6 months - 2 years", 6), ("6-12 months", 6), ("24 months+", 24), ("5 years old", 60),
    ],
)  # fmt: skip
def test_a_cell_says_its_own_unit(raw, months):
    assert parse_age(raw).number == pytest.approx(months)
    assert parse_age(raw, unit="days").number == pytest.approx(months)


@pytest.mark.parametrize("raw", ["34Y, 36Y", "2m3y", "3 apples", "2y3kg", "mo", "2y-3m"])
def test_what_is_no_age_of_several_parts_is_not_read_as_one(raw):
    assert parse_age(raw).flag in {"unparseable", "multi-valued"}


def test_the_oldest_age_is_the_same_in_every_unit():
    assert parse_age("1470", unit="months").text == "1470M"
    assert parse_age("1471", unit="months").flag == "implausible"
    assert parse_age("122.5").text == "122.5"
    assert parse_age("123").flag == "implausible"


@given(st.integers(0, 120), st.sampled_from(AGE_UNITS), st.booleans())
def test_an_age_that_was_read_is_read_again_as_the_same(number, unit, closed):
    for raw in (str(number), f"{number}-{number + 4}", f"{number}+", f"<{number + 1}"):
        first = parse_age(raw, unit=unit, zero_is_missing=closed)
        if first.text is not None:
            again = parse_age(first.text)
            assert (again.text, again.number) == (first.text, first.number)


@given(st.integers(1, 1400), st.sampled_from(["months", "weeks", "days"]))
def test_a_band_of_years_holds_the_age_whatever_its_unit(number, unit):
    read = parse_age(str(number), unit=unit)
    years = int(number * FACTORS[Quantity.AGE][unit] / 12 + 1e-9)
    label = LADDERS["age"].label(1, str(read.text), read.number)
    assert label == ("<1" if years == 0 else "90+" if years >= 90 else str(years))


@pytest.mark.parametrize(
    ("text", "label"),
    [("0-11M", "<1"), ("12-23M", "1"), ("11-12M", "11-12M"), ("<12M", "<1"), ("<13M", "<13M"),
     ("24+M", "24+M"), ("1080+M", "90+"), ("0-6D", "<1")],
)  # fmt: skip
def test_a_bin_of_months_lies_in_a_band_only_when_all_of_it_does(text, label):
    assert LADDERS["age"].label(1, text, parse_age(text).number) == label


@given(
    st.sampled_from([(q, u) for q in (Quantity.LENGTH, Quantity.MASS) for u in FACTORS[q]]),
    st.integers(1, 99_999),
)
def test_a_measure_comes_back_in_its_unit(unit, hundredths):
    quantity, name = unit
    number = hundredths / 100
    back = from_base(in_base(number, name, quantity), name, quantity)
    assert back == pytest.approx(number, abs=1e-4 if name in {"g", "mm"} else 1e-6)


@given(st.sampled_from(["in", "ft", "mm", "lb", "st", "oz"]), st.integers(10, 3000))
def test_the_one_value_of_a_subject_is_written_as_it_stood(unit, tenths):
    quantity = Quantity.LENGTH if unit in FACTORS[Quantity.LENGTH] else Quantity.MASS
    attribute = Attribute(
        name="x", source="t", column="x", role=Role.QUASI_IDENTIFIER, kind=Kind.NUMBER, reason="",
        ladder="height" if quantity is Quantity.LENGTH else "weight", unit=unit,
    )  # fmt: skip
    raw = f"{tenths / 10:.10g}"
    (text,) = normalise_for(attribute, [raw]).text
    assert text is not None
    assert value_in_unit(attribute, text) == raw


@pytest.mark.parametrize(
    ("raw", "quantity", "unit", "base"),
    [
        ("5'11\"", Quantity.LENGTH, "", 180.34), ("5 ft 11 in", Quantity.LENGTH, "", 180.34),
        ("5ft11", Quantity.LENGTH, "", 180.34), ("6'", Quantity.LENGTH, "", 182.88),
        ("70", Quantity.LENGTH, "in", 177.8), ("70 in", Quantity.LENGTH, "", 177.8),
        ("180 cm", Quantity.LENGTH, "in", 180), ("1.8", Quantity.LENGTH, "", 1.8),
        ("150 lb", Quantity.MASS, "", 68.038855), ("11 st 6 lb", Quantity.MASS, "", 72.574779),
        ("70 kg", Quantity.MASS, "lb", 70), ("154", Quantity.MASS, "lb", 69.853225),
        ("68000 g", Quantity.MASS, "", 68),
    ],
)  # fmt: skip
def test_heights_and_weights_are_converted(raw, quantity, unit, base):
    assert parse_measure(raw, quantity, unit).number == pytest.approx(base)


@pytest.mark.parametrize(
    ("name", "quantity", "unit"),
    [
        ("age_months", Quantity.AGE, "months"), ("AgeMo", Quantity.AGE, "months"),
        ("interview_age", Quantity.AGE, "months"), ("age_in_days", Quantity.AGE, "days"),
        ("Alter_Monate", Quantity.AGE, "months"), ("age (weeks)", Quantity.AGE, "weeks"),
        ("age_m", Quantity.AGE, "months"), ("age_yrs", Quantity.AGE, "years"),
        ("height_in", Quantity.LENGTH, "in"), ("height_in_cm", Quantity.LENGTH, "cm"),
        ("HeightInches", Quantity.LENGTH, "in"), ("weight_lbs", Quantity.MASS, "lb"),
        ("weight in pounds", Quantity.MASS, "lb"), ("wt_kg", Quantity.MASS, "kg"),
        ("age_at_6_months", Quantity.AGE, None), ("age_month12", Quantity.AGE, None),
        ("months", Quantity.AGE, None), ("age", Quantity.AGE, None),
        ("age_m_status", Quantity.AGE, None), ("weight", Quantity.MASS, None),
    ],
)  # fmt: skip
def test_the_name_of_a_column_says_its_unit(name, quantity, unit):
    assert unit_in_name(name, quantity) == unit


@pytest.mark.parametrize(
    ("label", "unit"),
    [
        ("age at scan [Units: months]", "months"), ("Age (months)", "months"),
        ("Age in months at the time of the interview", "months"), ("Age, weeks", "weeks"),
        ("age on the day of the scan", None), ("Age in years (months for infants)", None),
        ("Age; units = DAYS", "days"), ("chronological age in completed years", "years"),
        ("age of the person", None), ("Age in years [Units: months]", "months"),
    ],
)  # fmt: skip
def test_a_data_dictionary_says_the_unit(label, unit):
    assert unit_in_label(label, Quantity.AGE) == unit


def test_cdisc_terms_and_ucum_codes_are_units():
    assert [unit_of(u, Quantity.AGE) for u in ("YEARS", "a", "mo", "WEEKS", "d", "HOURS")] == [
        "years", "years", "months", "weeks", "days", "hours",
    ]  # fmt: skip
    assert unit_of("[in_i]", Quantity.LENGTH) == "in"


def test_the_dictionary_comes_before_the_name_and_the_project_before_both():
    values = range(1, 40)
    assert proposed("age_days", values, "age [Units: months]").unit == "months"
    found = propose(column("age_days", values, "age [Units: months]"))
    weeks = decided(found, {"age_days": AttributeSettings(unit="weeks")})["age_days"]
    assert normalise_for(weeks, ["10"]).text == ("10W",)


def test_months_of_adults_are_not_days():
    named = proposed("interview_age", range(300, 900, 7))
    assert (named.kind, named.unit, named.ladder) == (Kind.AGE, "months", "age")
    assert normalise_for(named, ["600"]).number.tolist() == [600.0]


@pytest.mark.parametrize(("largest", "unit"), [(6391, UNKNOWN), (6393, "")])
def test_ages_that_may_be_weeks_are_asked_about(largest, unit):
    found = proposed("age", [*range(500, 900, 10), largest])
    assert found.unit == unit
    assert found.ladder == ("age" if unit else "agedays")


def test_a_unit_that_nothing_says_is_a_finding_and_no_height():
    inches = range(58, 78)
    found = findings("height", inches)
    assert "unit-unknown" in found
    assert "project file" in found["unit-unknown"]
    assert proposed("height_in", inches).unit == "in"
    assert "converted to cm" in findings("height_in", inches)["unit-converted"]
    assert "unit-unknown" not in findings("height", range(150, 190))


@pytest.mark.parametrize(("middle", "doubt"), [(120, False), (126, True)])
def test_weights_heavier_than_people_are_asked_about(middle, doubt):
    assert (proposed("weight", range(middle - 20, middle + 21)).unit == UNKNOWN) is doubt


def test_an_unknown_unit_can_be_said():
    found = propose(column("height", range(58, 78)))
    as_init_writes_it = AttributeSettings(unit="in", hierarchy="number")
    assert decided(found, {"height": as_init_writes_it})["height"].ladder == "height"
    said = decided(found, {"height": AttributeSettings(unit="in")})["height"]
    assert said.ladder == "height"
    assert normalise_for(said, ["70"]).text == ("177.8",)
    with pytest.raises(ConfigError, match="lb is no unit of length"):
        decided(found, {"height": AttributeSettings(unit="lb", hierarchy="height")})
    ages = propose(column("age", range(20, 80)))
    with pytest.raises(ConfigError, match="cm is no unit of age"):
        decided(ages, {"age": AttributeSettings(unit="cm")})


def test_units_in_cells_are_named():
    found = proposed("age", ["18 months", "2y3m", "3", "4 years"])
    assert found.unit == MIXED
    assert "months" not in findings("age", ["30", "41", "52 years"])
    text = findings("age", ["18 months", "2y3m", "3", "4 years", "3 wk"])["unit-converted"]
    assert "states units in its cells (months, weeks)" in text


def test_the_finding_names_months():
    assert "is in months" in findings("age", range(1, 30), "age of the infant [Units: months]")[
        "unit-converted"
    ]  # fmt: skip


def test_what_was_read_is_not_converted_twice():
    age = proposed("age_months", range(10, 60))
    assert normalise_for(age, ["24 years"]).text == ("24",)
    assert read_again(age, ["24"]).number.tolist() == [288.0]
    weight = proposed("weight_lb", range(100, 180))
    (text,) = normalise_for(weight, ["150"]).text
    assert read_again(weight, [str(text)]).number.tolist() == [68.038855]


def test_bands_of_a_column_of_months_say_years():
    age = proposed("age_months", range(10, 60))
    assert band_in_words(age, "0-4") == "0-4 years"
    assert band_in_words(age, "90+") == "90+ years"
    assert band_in_words(age, "other") == "other"
    assert parse_age("0-4 years", unit="months").text == "0-4"


def test_units_that_differ_by_row_are_spelt_and_one_unit_is_declared():
    mixed = with_units_beside(
        pa.table({"AGE": ["18", "30", "5"], "AGEU": ["MONTHS", "YEARS", None]}), {}
    )
    assert mixed.rows.column("AGE").to_pylist() == ["18 MONTHS", "30 YEARS", "5"]
    assert mixed.spelt == {"AGE": "AGEU"}
    one = with_units_beside(pa.table({"Weight": ["150"], "weight_unit": ["lb"]}), {})
    assert one.labels == {"Weight": "[Units: lb]"}
    other = with_units_beside(pa.table({"dosage": ["5", "6"], "dosage_unit": ["mg", "g"]}), {})
    assert other.rows.column("dosage").to_pylist() == ["5", "6"]


@pytest.mark.parametrize("folder", ["ds000228", "bids_examples/genetics_ukbb"])
def test_real_dictionaries_keep_years_as_years(shared_data, folder):
    from midi_risk.sources import extract

    place = shared_data / "clinical" / folder
    if not (place / "participants.json").is_file():
        pytest.skip("the data set is not on this machine")
    json.loads((place / "participants.json").read_text(encoding="utf-8"))
    extraction = extract(place)
    ages = [a for a in propose(extraction) if a.kind is Kind.AGE]
    assert ages
    assert {a.unit for a in ages} <= {"", "years"}
