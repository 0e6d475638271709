"""What two sources say of one subject that cannot both be true."""

from __future__ import annotations

import pytest
from folding_tables import attribute, attributes, extraction, source

from midi_risk.attributes.model import Kind, Role
from midi_risk.risk.verdict import _TWO_PEOPLE
from midi_risk.table import fold
from midi_risk.table.across import LINK_CONTRADICTED, measure_of

NAMES = {Kind.AGE: "age", Kind.DATE: "birth_date", Kind.NUMBER: "size"}


def said(kind: Kind, first, second, ladder: str | None = None, **options) -> dict[str, int]:
    name = NAMES[kind]
    keys = [f"s{i}" for i in range(len(first))]
    leading = source("a.csv", {"id": keys, name: first}, "id")
    other = source("b.csv", {"id": keys, name: second}, "id")
    given = attributes(
        attribute("a.csv", name, kind, ladder=ladder),
        attribute("b.csv", name, kind, ladder=ladder, **({"name": f"b:{name}"} | options)),
    )
    return {f.code: f.subjects for f in fold(extraction(leading, other), given).findings}


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [("40", "41", 0), ("40", "42", 1), ("40", "38", 1), ("40-44", "46", 1), ("40-44", "45", 0),
     ("040Y", "480M", 0), ("90+", "99", 0), ("90+", "88", 1), (None, "20", 0)],
)  # fmt: skip
def test_ages_two_years_apart_exclude_each_other(one, other, found):
    assert said(Kind.AGE, [one, "50"], [other, "50"], "age").get(
        "age-differs-between-sources", 0
    ) == found  # fmt: skip


def test_ages_in_months_and_in_years_are_compared_as_ages():
    assert "age-differs-between-sources" not in said(
        Kind.AGE, ["3", "4"], ["36", "48"], "age", unit="months"
    )
    assert said(Kind.AGE, ["3", "4"], ["36", "48"], "age")["age-differs-between-sources"] == 2


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [("170", "175", 0), ("170", "175.1", 1), ("1.70", "170", 0), ("1.70", "180", 1)],
)
def test_sizes_more_than_five_centimetres_apart_exclude_each_other(one, other, found):
    result = said(Kind.NUMBER, [one, "160"], [other, "160"], "height")
    assert result.get("size-differs-between-sources", 0) == found


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [("85", "100", 0), ("84.9", "100", 1), ("100", "84.9", 1), ("10", "14", 0)],
)
def test_weights_more_than_fifteen_per_cent_apart_exclude_each_other(one, other, found):
    result = said(Kind.NUMBER, [one, "60"], [other, "60"], "weight")
    assert result.get("weight-differs-between-sources", 0) == found


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [("1950-03-17", "1950-03-17", 0), ("1950-03-17", "1950", 0), ("1950-03", "1950-03-17", 0),
     ("1950-03-17", "1950-03-18", 1), ("1950", "1951-01-01", 1)],
)  # fmt: skip
def test_dates_of_birth_that_differ_exclude_each_other(one, other, found):
    result = said(Kind.DATE, [one, "1960-01-01"], [other, "1960-01-01"], "birthdate")
    code = "birth-date-differs-between-sources"
    assert result.get(code, 0) == found
    assert code in _TWO_PEOPLE


@pytest.mark.parametrize(("wrong", "doubted"), [(2, False), (3, True)])
def test_a_link_is_in_doubt_when_half_of_the_subjects_and_three_contradict_it(wrong, doubted):
    first, second = ["40"] * 6, ["60"] * wrong + ["40"] * (6 - wrong)
    assert (LINK_CONTRADICTED in said(Kind.AGE, first, second, "age")) is doubted
    assert LINK_CONTRADICTED not in said(Kind.AGE, ["40"] * 7, ["60"] * 3 + ["40"] * 4, "age")
    assert LINK_CONTRADICTED in _TWO_PEOPLE


def test_what_is_not_in_the_classes_is_compared_all_the_same():
    result = said(Kind.AGE, ["40", "50"], ["40", "80"], "age", role=Role.INSENSITIVE)
    assert result["age-differs-between-sources"] == 1


def test_somebody_seen_several_times_contradicts_only_what_no_visit_explains():
    keys = ["s0", "s0", "s1"]
    leading = source("a.csv", {"id": keys, "age": ["40", "44", "50"]}, "id")
    other = source("b.csv", {"id": ["s0", "s1"], "age": ["42", "50"]}, "id")
    given = attributes(
        attribute("a.csv", "age", Kind.AGE),
        attribute("b.csv", "age", Kind.AGE, name="b:age"),
    )
    codes = {f.code for f in fold(extraction(leading, other), given).findings}
    assert "age-differs-between-sources" not in codes


@pytest.mark.parametrize(
    ("name", "plain"),
    [("age", True), ("PatientAge", True), ("age_at_scan", True), ("age_months", True),
     ("age_at_diagnosis", False), ("age_at_death", False), ("onset_age", False)],
)  # fmt: skip
def test_the_age_at_an_event_is_not_the_age_at_a_visit(name, plain):
    assert bool(measure_of(attribute("t", name, Kind.AGE))) is plain
