from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midi_risk.attributes import catalogue
from midi_risk.attributes.hierarchy import (
    MOST_GENERAL,
    SET_JOINER,
    Hierarchy,
    NestingError,
    build_hierarchy,
    check_nesting,
)
from midi_risk.attributes.ladders import LADDERS, describe_level
from midi_risk.attributes.model import Kind
from midi_risk.errors import HierarchyError


def levels(ladder, kind, value, **options):
    return build_hierarchy(ladder, kind, [value], **options).frame.iloc[0].tolist()


def test_every_ladder_of_the_catalogue_is_built():
    assert {entry.ladder for entry in catalogue().values()} <= set(LADDERS)


def test_every_level_has_plain_english():
    for name, ladder in LADDERS.items():
        for level in ladder.level_names:
            assert describe_level(name, level), (name, level)


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        ("66", ["66", "66", "65-69", "60-69", "60-79", "20+", "*"]),
        ("25.5", ["25.5", "25", "25-29", "20-29", "20-39", "20+", "*"]),
        ("173M", ["173M", "14", "10-14", "10-19", "0-19", "0-19", "*"]),
        ("26W", ["26W", "<1", "0-4", "0-9", "0-19", "0-19", "*"]),
        ("365D", ["365D", "<1", "0-4", "0-9", "0-19", "0-19", "*"]),
        ("101", ["101", "90+", "90+", "90+", "80+", "20+", "*"]),
        ("89", ["89", "89", "85-89", "80-89", "80+", "20+", "*"]),
        ("90+", ["90+", "90+", "90+", "90+", "80+", "20+", "*"]),
        ("55-60", ["55-60", "55-60", "55-60", "55-60", "55-60", "20+", "*"]),
        ("55-59", ["55-59", "55-59", "55-59", "50-59", "40-59", "20+", "*"]),
        ("<1", ["<1", "<1", "0-4", "0-9", "0-19", "0-19", "*"]),
        ("<18", ["<18", "<18", "<18", "<18", "0-19", "0-19", "*"]),
        ("junk", ["junk", "*", "*", "*", "*", "*", "*"]),
    ],
)
def test_ages_climb_with_both_ends_together(age, expected):
    assert levels("age", Kind.AGE, age) == expected


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2013-05-17", ["2013-05-17", "2013-05-15/21", "2013-05", "2013-Q2", "2013", "*"]),
        ("2013-12-31", ["2013-12-31", "2013-12-22/31", "2013-12", "2013-Q4", "2013", "*"]),
        ("2013-05", ["2013-05", "2013-05", "2013-05", "2013-Q2", "2013", "*"]),
        ("2013", ["2013", "2013", "2013", "2013", "2013", "*"]),
        ("soon", ["soon", "*", "*", "*", "*", "*"]),
    ],
)
def test_dates_climb_by_week_month_quarter_year(day, expected):
    assert levels("date", Kind.DATE, day) == expected


@pytest.mark.parametrize(
    ("ladder", "kind", "value", "expected"),
    [
        ("birthdate", Kind.DATE, "1947-03-09", ["1947-03", "1947", "1945-1949", "1940-1949"]),
        ("datetime", Kind.DATE, "2013-05-17", ["2013-05-17", "2013-05", "2013"]),
        ("year", Kind.DATE, "2002", ["2000-2004", "2000-2009"]),
        ("time", Kind.TIME, "130442", ["13:00-13:59", "12:00-17:59"]),
        ("height", Kind.NUMBER, "1.753", ["175 cm", "175-179 cm", "170-179 cm", "170-189 cm"]),
        ("height", Kind.NUMBER, "198", ["198 cm", "195-199 cm", "190-199 cm", "190+ cm"]),
        ("weight", Kind.NUMBER, "70.4", ["70 kg", "70-74 kg", "70-79 kg", "70-89 kg"]),
        ("weight", Kind.NUMBER, "3", ["3 kg", "0-4 kg", "0-9 kg", "<50 kg"]),
        ("bmi", Kind.NUMBER, "18.6", ["18.5-18.9", "18.5-24.9"]),
        ("bmi", Kind.NUMBER, "18.4", ["18-18.4", "<18.5"]),
        ("bmi", Kind.NUMBER, "44", ["44-44.9", "40+"]),
        ("count", Kind.NUMBER, "7", ["6-10"]),
        ("offset", Kind.NUMBER, "-3", ["days -7 to -1", "days -28 to -1", "days -364 to -1",
                                       "days -1820 to -1", "days -3640 to -1"]),
        ("diag", Kind.CATEGORY, "C34.1", ["C34", "chapter from C00"]),
        ("diag", Kind.CATEGORY, "lung", ["*", "*"]),
        ("geo", Kind.CATEGORY, "02139", ["021**", "0****"]),
        ("geo", Kind.CATEGORY, "Ohio", ["Ohio", "US Midwest"]),
        ("geo", Kind.CATEGORY, "Germany", ["Germany", "Europe"]),
        ("race", Kind.CATEGORY, "Black or African American", ["Black", "Black"]),
        ("occupation", Kind.CATEGORY, "retired teacher", ["retired"]),
        ("device", Kind.CATEGORY, "LightSpeed VCT", ["LIGHTSPEED", "LIGHTSPEED"]),
        ("software", Kind.CATEGORY, "10.4.2", ["10"]),
        ("text", Kind.TEXT, "chest contrast", []),
        ("sex", Kind.SEX, "F", []),
    ],
)  # fmt: skip
def test_a_ladder_climbs_between_exact_and_removed(ladder, kind, value, expected):
    assert levels(ladder, kind, value) == [value, *expected, "*"]


def test_ages_in_days_climb_like_ages():
    days = ["-24107", "33238", "-100", "soon"]
    hierarchy = build_hierarchy("agedays", Kind.NUMBER, days)
    assert hierarchy.apply("years", days) == ["66", "90+", "<1", "*"]
    assert hierarchy.apply("5y", days) == ["65-69", "90+", "0-4", "*"]


def test_number_bands_follow_the_range_of_the_values():
    values = [str(n) for n in range(0, 1000, 7)]
    hierarchy = build_hierarchy("number", Kind.NUMBER, values)
    assert hierarchy.apply("binned", ["119"]) == ["[100, 200)"]
    assert hierarchy.apply("rounded", ["119"]) == ["120"]


def test_given_cut_points_replace_the_steps():
    hierarchy = build_hierarchy(None, Kind.NUMBER, ["1", "5", "12"], cuts=[5, 10])
    assert hierarchy.level_names == ("exact", "bands", "removed")
    assert hierarchy.apply("bands", ["1", "5", "12"]) == ["<5", "[5, 10)", ">=10"]


def test_rare_values_go_together_only_when_counts_are_known():
    models = ["A", "B", "C"]
    assert build_hierarchy("enum", Kind.CATEGORY, models).apply("common", models) == models
    counted = build_hierarchy("enum", Kind.CATEGORY, models, counts=[50, 2, 11])
    assert counted.apply("common", models) == ["A", "other", "C"]


def test_the_largest_group_stands_against_the_others():
    races = ["white", "Asian", "White British"]
    hierarchy = build_hierarchy("race", Kind.CATEGORY, races, counts=[5, 7, 6])
    assert hierarchy.apply("collapsed", races) == ["White", "other", "White"]


def test_sets_are_generalised_member_by_member_then_counted():
    values = ["Sensation 16 + Sensation 64", "LightSpeed VCT + Sensation 16", "LightSpeed VCT"]
    hierarchy = build_hierarchy("device", Kind.CATEGORY, values, sets=True)
    assert hierarchy.level_names == ("exact", "family", "common", "count", "removed")
    assert hierarchy.apply("family", values) == [
        "SENSATION", "LIGHTSPEED + SENSATION", "LIGHTSPEED"
    ]  # fmt: skip
    assert hierarchy.apply("count", values) == ["1 value", "2 values", "1 value"]


def test_rare_members_of_sets_are_counted_over_the_sets_that_hold_them():
    values = ["CT", "CT + MR", "MR + PT"]
    hierarchy = build_hierarchy("enum", Kind.CATEGORY, values, sets=True, counts=[9, 2, 1])
    assert hierarchy.apply("common", values) == ["CT", "CT + other", "other"]


def test_levels_are_found_by_name_and_number():
    hierarchy = build_hierarchy("age", Kind.AGE, ["66"])
    assert hierarchy.level_of("5y") == hierarchy.level_of(2) == hierarchy.level_of("2") == 2
    with pytest.raises(HierarchyError, match="Did you mean 'years'"):
        hierarchy.level_of("yeers")
    with pytest.raises(HierarchyError):
        hierarchy.level_of(9)
    with pytest.raises(HierarchyError):
        hierarchy.level_of(-1)


def test_a_level_named_by_a_digit_wins_over_its_number():
    assert build_hierarchy("bmi", Kind.NUMBER, ["22"]).level_of("1") == 1


def test_missing_stays_missing_and_unknown_values_are_counted_not_shown():
    hierarchy = build_hierarchy("age", Kind.AGE, ["66"])
    assert hierarchy.apply("5y", [None, "66"]) == [None, "65-69"]
    with pytest.raises(HierarchyError, match="no row for 1 of the values") as caught:
        hierarchy.apply("5y", ["SECRET"])
    assert "SECRET" not in str(caught.value)


def test_repr_shows_no_value():
    assert "1947" not in repr(build_hierarchy("birthdate", Kind.DATE, ["1947-03-09"]))


def test_descriptions_name_the_attribute():
    hierarchy = build_hierarchy("age", Kind.AGE, ["66"])
    assert hierarchy.describe(2, "PatientAge") == (
        "PatientAge: 5-year bands, ages 90 and over together"
    )
    assert hierarchy.describe("removed", "PatientAge") == "PatientAge: removed"


def test_unknown_ladder_says_which_is_close():
    with pytest.raises(HierarchyError, match="Did you mean 'height'"):
        build_hierarchy("hieght", Kind.NUMBER, ["1"])


def test_a_group_that_splits_is_refused_without_its_values():
    frame = pd.DataFrame({"exact": ["a", "b", "c"], "l1": ["x", "x", "y"], "l2": ["p", "q", "q"]})
    with pytest.raises(NestingError) as caught:
        check_nesting(frame, attribute="city")
    assert "hierarchy of city: level 1 'l1' does not nest in level 2: 1 groups" in str(caught.value)
    assert "'p'" not in str(caught.value)
    assert set(caught.value.values) == {"p", "q"}
    assert (caught.value.level, caught.value.groups) == ("l1", 1)
    with pytest.raises(NestingError, match="both 'p' and 'q'"):
        check_nesting(frame, attribute="city", reveal=True)


def test_a_value_with_two_rows_is_refused():
    with pytest.raises(HierarchyError, match="1 values have more than one row"):
        check_nesting(pd.DataFrame({"exact": ["a", "a"], "removed": ["*", "*"]}))


def test_width_and_names_must_agree():
    with pytest.raises(HierarchyError, match="level names"):
        Hierarchy(name="x", level_names=("exact",), frame=pd.DataFrame({"exact": ["a"]}))


def test_arx_files_survive_a_round_trip(tmp_path):
    hierarchy = build_hierarchy("age", Kind.AGE, ["66", "173M", "94"])
    path = tmp_path / "age.csv"
    path.write_text(hierarchy.to_arx_csv(), encoding="utf-8")
    again = Hierarchy.from_arx_csv(path)
    assert again.frame.to_numpy().tolist() == hierarchy.frame.to_numpy().tolist()
    assert again.level_names[0] == "exact"
    assert again.level_names[-1] == "removed"
    assert again.describe(1, "age") == "age: level 1 of 6 ('level1') of hierarchy age.csv"


def test_an_arx_file_may_end_in_any_constant_or_none(tmp_path):
    path = tmp_path / "sex.csv"
    path.write_text("\ufeffM,Any\nF,Any\n", encoding="utf-8")
    assert Hierarchy.from_arx_csv(path).apply("removed", ["M", "F"]) == ["*", "*"]
    path.write_text("M;m\nF;f\n", encoding="utf-8")
    assert Hierarchy.from_arx_csv(path).level_names == ("exact", "level1", "removed")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a;x;*\nb;x\n", "line 2 has 2 columns"),
        ("", "empty"),
        (" \n\n", "empty"),
        ("a;x;p\nb;x;q\n", r"'x' becomes both 'p' and 'q' \(rows 1 and 2\)"),
        ("a;b;p\nc;b;q\nb;b;q\n", r"a group becomes both 'p' and 'q' \(rows 1 and 2\)"),
        ("a;x\u202e;p\nb;x\u202e;q\n", r"'x\\u202e' becomes both"),
        (f"a;{'L' * 300};p\nb;{'L' * 300};q\n", rf"'{'L' * 37}\.\.\.' becomes both"),
        ("a;b;*\nb;a;*\n", "cyclic"),
        ("a;;*\nb;x;*\n", "row 1 has an empty level"),
        ("a;x;*\na;y;*\n", r"more than one row \(first: rows 1 and 2\)"),
        ('a;"x;*\nb;x;*\n', "line 2 is not CSV"),
    ],
)
def test_a_faulty_arx_file_is_one_clear_line(tmp_path, content, message):
    path = tmp_path / "bad.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(HierarchyError, match=message) as caught:
        Hierarchy.from_arx_csv(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("sign", [";", ",", "\t"])
def test_any_usual_separator_and_a_byte_order_mark_are_read(tmp_path, sign):
    path = tmp_path / "h.csv"
    lines = [sign.join(row) for row in (["a", "x", "*"], ["b", "x", "*"], ["a", "x", "*"])]
    path.write_text("\ufeff" + "\r\n".join(lines), encoding="utf-8", newline="")
    read = Hierarchy.from_arx_csv(path)
    assert read.frame.to_numpy().tolist() == [["a", "x", "*"], ["b", "x", "*"]]


def test_an_absent_arx_file_is_one_clear_line(tmp_path):
    with pytest.raises(HierarchyError, match="cannot be read"):
        Hierarchy.from_arx_csv(tmp_path / "none.csv")


VALUE = st.one_of(
    st.integers(-5000, 5000).map(str),
    st.floats(-1e6, 1e6, allow_nan=False).map(lambda x: f"{x:.3f}"),
    st.dates().map(lambda d: d.isoformat()),
    st.from_regex(r"\d{1,2}-\d{1,3}|<\d{1,2}|\d{2}\+|\d{1,3}[MWD]|\d{4}-\d{2}", fullmatch=True),
    st.sampled_from(["Asian", "White", "Ohio", "02139", "C34.1", "GE Signa", "v10.2", "retired"]),
    st.text(min_size=1, max_size=6).filter(lambda t: t.strip() not in ("", MOST_GENERAL)),
)


@given(
    st.sampled_from(sorted(LADDERS)), st.lists(VALUE, min_size=1, max_size=30, unique=True),
    st.booleans(), st.booleans(),
)  # fmt: skip
@settings(deadline=None, max_examples=300)
def test_every_ladder_nests_on_any_values(ladder, values, sets, counted):
    if sets:
        values = list(dict.fromkeys(SET_JOINER.join(values[: i + 1]) for i in range(len(values))))
    counts = list(range(1, len(values) + 1)) if counted else None
    hierarchy = build_hierarchy(ladder, Kind.CATEGORY, values, sets=sets, counts=counts)
    check_nesting(hierarchy.frame)
    assert hierarchy.frame.iloc[:, 0].tolist() == values
    assert (hierarchy.frame.iloc[:, -1] == MOST_GENERAL).all()
    assert all(isinstance(label, str) for label in hierarchy.frame.to_numpy().ravel())
    distinct = [len(set(hierarchy.frame.iloc[:, i])) for i in range(len(hierarchy))]
    assert (np.diff(distinct) <= 0).all()


@pytest.mark.shared_data
def test_the_hierarchies_that_arx_ships_are_read(shared_data):
    files = sorted((shared_data / "arx" / "hierarchies").rglob("*.csv"))
    assert files
    for path in files:
        hierarchy = Hierarchy.from_arx_csv(path)
        assert len(hierarchy.frame) > 0


def test_the_page_on_generalisation_names_every_ladder_and_level():
    page = Path(__file__).resolve().parents[2] / "docs" / "generalisation.md"
    rows = [line for line in page.read_text(encoding="utf-8").splitlines() if line[:3] == "| `"]
    for name, ladder in LADDERS.items():
        row = next(line for line in rows if f"`{name}`" in line.split("|")[1])
        assert all(f"`{step}`" in row for step in ladder.steps), name
