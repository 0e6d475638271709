"""Population tables: packaged facts, the worked example, user files, bad input."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from midi_risk.errors import MeasureError, SourceError, ThreatModelError
from midi_risk.threat.class_population import expected_class_sizes
from midi_risk.threat.population import (
    OPEN,
    PACKAGED,
    allocate,
    checked_fraction,
    common_bands,
    load_table,
    overlap,
    parse_age_band,
    sum_over,
)


@pytest.fixture(scope="module")
def people():
    return load_table("us-population-2024")


@pytest.fixture(scope="module")
def brain():
    return load_table("us-cancer-incidence-2019").select(site="brain")


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text(
        "GEO,AGE,SEX,N,YEAR\n"
        "North,Y_LT5,F,100,2023\nNorth,Y_LT5,M,110,2023\nNorth,Y5-9,F,:,2023\n"
        'North,Y5-9,M,"1,200",2023\nNorth,Y_GE10,F,50 p,2023\nNorth,Y_GE10,M,60,2023\n'
        "North,TOTAL,T,9999,2023\nSouth,Y_LT5,F,7,2023\nSouth,Y5-9,F,8,2023\n"
        "South,Y_GE10,F,9,2023\nSouth,Y_LT5,M,1,2022\n",
        encoding="utf-8",
    )
    return path


COLUMNS = {"area": "GEO", "age": "AGE", "sex": "SEX", "count": "N"}


def sizes_of(table, *, n_subjects=1, fraction=(0.001, 0.01), **columns):
    options = {
        name: columns.pop(name) for name in ("window_years", "straddle", "match") if name in columns
    }
    classes = pd.DataFrame(columns)
    return expected_class_sizes(table, classes, n_subjects=n_subjects, fraction=fraction, **options)


def test_packaged_tables_hold_the_printed_facts(people):
    assert people.total == 340_110_988
    assert len(people.values("state")) == 51
    assert len(people.bands()) == 18
    single = load_table("us-population-2019")
    frame = single.frame
    assert frame.loc[frame.age_low >= 90, "count"].sum() == 2_707_716
    assert frame.loc[frame.age_low == 89, "count"].sum() == 637_092
    assert frame.loc[frame.age_high == OPEN, "count"].sum() == 101_654
    cases = load_table("us-cancer-incidence-2019")
    assert len(cases.values("site")) == 26
    assert cases.select(site="brain").total == 22_538
    assert set(PACKAGED) == {"us-population-2024", "us-population-2019", "us-cancer-incidence-2019"}


@pytest.mark.parametrize(
    ("years", "small_cells", "small_cases", "average"),
    [(1, 0.68, 0.243, 0.0815), (5, 0.209, 0.021, 0.0163), (10, 0.094, 0.006, 0.0081)],
)
def test_the_brain_cancer_example_equals_its_printed_figures(
    people, brain, years, small_cells, small_cases, average
):
    table = allocate(brain, people)
    expected = table.frame["count"].to_numpy() * years
    assert len(expected) == 1836
    below = expected < 11
    assert below.mean() == pytest.approx(small_cells, abs=0.0005 if years > 1 else 0.005)
    assert expected[below].sum() / expected.sum() == pytest.approx(small_cases, abs=0.0005)
    assert len(expected) / expected.sum() == pytest.approx(average, abs=5e-5)


def test_without_the_state_the_smallest_brain_cancer_class_is_188(people, brain):
    frame = sum_over(allocate(brain, people).frame, ["age_low", "age_high", "sex"])
    assert frame["count"].min() == pytest.approx(188)
    assert 1 / frame["count"].min() == pytest.approx(0.0053, abs=5e-5)


def test_a_class_takes_the_cells_that_its_values_select(people):
    found = sizes_of(
        people,
        age=["85+", "80-84", None, "000-004"],
        sex=["F", "male", None, "f"],
        state=["WY", "WY", "wy", None],
    )
    frame = people.frame
    wyoming = frame[frame.state == "WY"]
    assert found.expected[0] == 6438
    assert found.expected[1] == 5918
    assert found.expected[2] == wyoming["count"].sum()
    girls = frame[(frame.age_low == 0) & (frame.sex == "F")]
    assert found.expected[3] == girls["count"].sum()
    assert not found.suppressed.any()


def test_bands_of_the_class_add_up_bands_of_the_table(people):
    ten = sizes_of(people, age=["60-69"])
    fives = sizes_of(people, age=["60-64", "65-69"])
    assert ten.expected[0] == fives.expected.sum()


def test_race_columns_of_the_packaged_table_are_a_dimension(people):
    found = sizes_of(people, race=["white_only__non_hispanic", None])
    assert found.expected[0] < found.expected[1] == 340_110_988


def test_a_window_multiplies_cases_and_not_people(people, brain):
    one = sizes_of(brain, age=["60-64"], sex=["F"], window_years=1)
    ten = sizes_of(brain, age=["60-64"], sex=["F"], window_years=10)
    assert ten.expected[0] == 10 * one.expected[0] == 10_010
    assert sizes_of(people, sex=["F"], window_years=10).total == people.total


def test_an_age_band_that_straddles_is_refused_with_the_fix(people):
    with pytest.raises(MeasureError, match=r"1 classes .*straddles bands.*straddle: uniform"):
        sizes_of(people, age=["62-66"])
    with pytest.raises(MeasureError, match="straddles"):
        sizes_of(people, age=["061Y"])


def test_a_declared_uniform_split_takes_a_share_by_years(people):
    fives = sizes_of(people, age=["60-64", "65-69"]).expected
    found = sizes_of(people, age=["62-66"], straddle="uniform")
    assert found.expected[0] == pytest.approx(0.6 * fives[0] + 0.4 * fives[1])
    assert any("spread evenly" in note for note in found.notes)
    with pytest.raises(MeasureError, match="open band cannot be split"):
        sizes_of(people, age=["90+"], straddle="uniform")


def test_a_value_that_the_table_lacks_is_counted_and_never_printed(people):
    with pytest.raises(MeasureError, match="1 of 2 classes have a state") as caught:
        sizes_of(people, state=["Zubrowka", "CA"])
    assert "Zubrowka" not in str(caught.value)
    assert "AK, AL" in str(caught.value)


def test_an_age_that_is_none_is_counted_and_never_printed(people):
    with pytest.raises(MeasureError, match="1 classes have an age") as caught:
        sizes_of(people, age=["elderly"])
    assert "elderly" not in str(caught.value)


def test_a_population_smaller_than_the_sample_is_refused(brain):
    with pytest.raises(MeasureError, match="22,538 people in the window, fewer than the 30,000"):
        sizes_of(brain, n_subjects=30_000, age=["60-64"], window_years=1)


def test_a_fraction_above_one_is_refused(people):
    with pytest.raises(ThreatModelError, match="fraction: above 1"):
        sizes_of(people, sex=["F"], fraction=(2, 5))
    with pytest.raises(ThreatModelError, match="low must be above 0"):
        checked_fraction(0.0, 0.5)


def test_cases_without_a_window_are_refused(brain):
    with pytest.raises(ThreatModelError, match="window_years"):
        sizes_of(brain, sex=["F"])


def test_a_match_that_does_not_exist_is_refused_with_all_faults(people):
    with pytest.raises(ThreatModelError) as caught:
        sizes_of(people, sex=["F"], match={"sx": "sex", "age": "PatientAge"})
    assert len(caught.value.faults) == 2
    with pytest.raises(ThreatModelError, match="no quasi-identifier meets"):
        sizes_of(people, scanner=["x"])


def test_a_table_or_value_that_does_not_exist_names_the_nearest():
    with pytest.raises(SourceError, match="us-population-2024"):
        load_table("us-population-2042")
    with pytest.raises(ThreatModelError, match="brain"):
        load_table("us-cancer-incidence-2019").select(site="brian")
    with pytest.raises(ThreatModelError, match="no dimension 'county'"):
        load_table("us-population-2019").select(county="x")


def test_suppressed_cells_count_low_and_mark_their_classes():
    cases = load_table("us-cancer-incidence-2019").select(site="kaposi-sarcoma")
    found = sizes_of(cases, age=["0-9", None], sex=["F", "M"], window_years=1)
    assert found.expected[0] == 0
    assert found.suppressed.tolist() == [True, True]


def test_a_users_csv_is_read_the_same_way(small):
    table = load_table(str(small), columns=COLUMNS, where={"YEAR": "2023"}, year="2023")
    assert table.dimensions == ("area", "sex", "age")
    assert table.bands() == [(0, 4), (5, 9), (10, OPEN)]
    assert "1 rows of totals" in table.notes[0]
    found = sizes_of(
        table, area=["North", "North", None], age=["5-9", "10+", "0-4"], sex=["M", "F", "F"]
    )
    assert found.expected.tolist() == [1200, 50, 107]
    hidden = sizes_of(table, area=["North"], age=["0-9"], sex=["F"])
    assert hidden.suppressed.tolist() == [True]
    assert hidden.expected.tolist() == [100]


def test_parquet_and_csv_give_the_same_table(small, tmp_path):
    frame = pd.read_csv(small, dtype=str, keep_default_na=False)
    path = tmp_path / "people.parquet"
    frame.to_parquet(path)
    options = {"columns": COLUMNS, "where": {"YEAR": "2023"}}
    first, second = load_table(str(small), **options), load_table(str(path), **options)
    pd.testing.assert_frame_equal(first.frame, second.frame)


def test_a_parquet_of_numbers_is_read(tmp_path):
    path = tmp_path / "ages.parquet"
    frame = pd.DataFrame({"age_low": [0, 5], "age_high": [4.0, None], "Population": [10, 20]})
    frame.to_parquet(path)
    table = load_table(str(path))
    assert table.bands() == [(0, 4), (5, OPEN)]
    assert table.total == 30


def test_faults_of_a_users_file_are_reported_at_once(tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("age,sex,count\nold,F,secret\n60,M,5\n", encoding="utf-8")
    with pytest.raises(ThreatModelError) as caught:
        load_table(str(path))
    assert len(caught.value.faults) == 2
    assert "secret" not in str(caught.value)
    with pytest.raises(ThreatModelError, match="no column 'SEX'"):
        load_table(str(path), columns={"sex": "SEX", "count": "count"})


def test_overlapping_bands_of_a_table_are_refused(tmp_path):
    path = tmp_path / "overlap.csv"
    path.write_text("age,count\n0-4,5\n0-9,9\n10+,3\n", encoding="utf-8")
    with pytest.raises(ThreatModelError, match="overlap"):
        load_table(str(path))


def test_an_unreadable_file_is_one_line(tmp_path):
    path = tmp_path / "broken.parquet"
    path.write_bytes(b"not a table")
    with pytest.raises(SourceError, match="cannot be read"):
        load_table(str(path))


def test_allocation_keeps_the_total_and_follows_people(small, tmp_path):
    people = load_table(str(small), columns=COLUMNS, where={"YEAR": "2023"})
    cases_path = tmp_path / "cases.csv"
    cases_path.write_text("sex,age,cases\nF,0-9,33\nF,10+,59\n", encoding="utf-8")
    cases = load_table(str(cases_path), unit="cases per year")
    table = allocate(cases, people, by="area")
    assert table.total == pytest.approx(92)
    old = table.frame[table.frame.age_low == 10].set_index("area")["count"]
    assert old["North"] == pytest.approx(59 * 50 / 59)
    with pytest.raises(ThreatModelError, match="no dimension 'state'"):
        allocate(cases, people)


@pytest.mark.parametrize(
    ("text", "band"),
    [
        ("060Y", (60, 60)), ("018M", (1, 1)), ("003W", (0, 0)), ("200D", (0, 0)),
        ("60", (60, 60)), ("60.0", (60, 60)),
        ("60-64", (60, 64)), ("[60,65)", (60, 64)), ("60 to 64", (60, 64)),
        ("85+", (85, OPEN)), (">=85", (85, OPEN)), ("Y_GE85", (85, OPEN)), ("<5", (0, 4)),
        ("Y_LT1", (0, 0)), ("Y7", (7, 7)), ("64-60", None), ("sixty", None), ("", None),
    ],
)  # fmt: skip
def test_age_texts_become_bands(text, band):
    assert parse_age_band(text) == band


def test_common_bands_are_the_finest_that_both_add_up_to():
    first = [(0, 0), (1, 4), (5, 9), (10, 19), (20, OPEN)]
    second = [(0, 4), (5, 19), (20, OPEN)]
    assert common_bands(first, second) == [(0, 4), (5, 19), (20, OPEN)]
    assert overlap((0, 3), (0, 4)) == pytest.approx(0.8)


def test_a_table_without_age_has_one_column_of_cells(tmp_path):
    path = tmp_path / "area.csv"
    path.write_text("area,population\nA,10\nB,20\n", encoding="utf-8")
    table = load_table(str(path))
    assert sizes_of(table, area=["b", None]).expected.tolist() == [20, 30]
    assert np.isclose(sizes_of(table, area=["A"], n_subjects=3).implied, 0.1)
