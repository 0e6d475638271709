"""Population tables as offices publish them, and the plain tables that are made of them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from midi_risk.cli.app import run
from midi_risk.errors import SourceError
from midi_risk.resources import data_rows
from midi_risk.threat.class_population import expected_class_sizes
from midi_risk.threat.offices import LAYOUTS, add_table, catalogue, read_office_file
from midi_risk.threat.population import CASES, load_table

COUNTY = ["SUMLEV", "STATE", "COUNTY", "STNAME", "CTYNAME", "YEAR", "POPESTIMATE"]
BANDS = ["04", "59", *(f"{low}{low + 4}" for low in range(10, 85, 5)), "85PLUS"]


def county_file(folder: Path) -> Path:
    """Write two counties and two years, with columns beside those that are wanted."""
    names = [*COUNTY, "AGE18PLUS_MALE", "AGE1544_FEM"]
    names += [f"AGE{band}_{sex}" for band in BANDS for sex in ("TOT", "MALE", "FEM")]
    rows = []
    for county, size in (("1", 10), ("3", 20)):
        for year in ("11", "12"):
            each = size if year == "12" else 1
            cells = [str(n) for _ in BANDS for n in (2 * each, each, each)]
            rows.append(["50", "6", county, "California", "Doña", year, "0", "999", "999", *cells])
    file = folder / "cc-est2019-agesex-06.csv"
    file.write_text("\n".join(",".join(row) for row in [names, *rows]) + "\n", encoding="latin-1")
    return file


def test_county_estimates_of_the_last_year_are_read_by_age_and_sex(tmp_path):
    table = add_table(county_file(tmp_path), tmp_path / "population")
    assert table.total == 18 * 2 * 30
    assert table.values("area") == ("06001", "06003")
    assert table.bands()[0] == (0, 4)
    assert table.bands()[-1] == (85, 999)
    assert (table.year, table.values("sex")) == ("12", ("F", "M"))
    assert "Census Bureau" in table.source
    earlier = add_table(county_file(tmp_path), tmp_path / "p", year="11", areas=["06003"])
    assert earlier.total == 36
    with pytest.raises(SourceError, match="no year '13'"):
        read_office_file(county_file(tmp_path), year="13")


def test_counties_by_age_group_and_states_by_year_of_age(tmp_path):
    groups = tmp_path / "alldata.csv"
    groups.write_text(
        "SUMLEV,STATE,COUNTY,YEAR,AGEGRP,TOT_POP,TOT_MALE,TOT_FEMALE\n"
        "050,06,075,6,0,33,11,22\n050,06,075,6,1,30,10,20\n050,06,075,6,18,3,1,2\n"
    )
    found = add_table(groups, tmp_path / "g")
    assert (found.total, found.bands()) == (33, [(0, 4), (85, 999)])
    states = tmp_path / "state.csv"
    states.write_text(
        "SUMLEV,STATE,NAME,SEX,AGE,POPEST2018_CIV,POPEST2019_CIV\n"
        "010,0,US,1,0,9,9\n040,1,Alabama,0,0,7,7\n040,1,Alabama,1,0,3,4\n"
        "040,1,Alabama,2,85,2,5\n040,1,Alabama,1,999,9,9\n"
    )
    found = add_table(states, tmp_path / "s")
    assert (found.total, found.year) == (9, "2019")
    assert found.bands() == [(0, 0), (85, 999)]


def test_the_american_community_survey_is_read_below_its_labels(tmp_path):
    names = ["GEO_ID", "NAME", *(f"B01001_{n:03d}E" for n in range(1, 50))]
    labels = ["Geography", "Name", *(f"Estimate {n}" for n in range(1, 50))]
    values = [
        "1400000US06075",
        "Tract",
        *("1000" if n in {1, 2, 26} else "2" for n in range(1, 50)),
    ]
    file = tmp_path / "acs.csv"
    file.write_text("\n".join(",".join(row) for row in (names, labels, values)) + "\n")
    table = add_table(file, tmp_path / "p", year="2022")
    assert table.total == 46 * 2
    assert table.values("area") == ("06075",)
    assert len(table.bands()) == 23


def test_eurostat_is_read_without_totals_flags_or_a_second_top_band(tmp_path):
    head = "freq,unit,sex,age,geo\\TIME_PERIOD\t2021 \t2022 "
    rows = [
        "A,NR,F,TOTAL,DE21\t99\t99", "A,NR,T,Y_LT5,DE21\t99\t99", "A,NR,F,Y_LT5,DE21\t9 \t10 p",
        "A,NR,M,Y_GE85,DE21\t7\t8 e", "A,NR,M,Y85-89,DE21\t5\t5", "A,NR,M,Y_GE90,DE21\t2\t3",
        "A,NR,M,Y5-9,DE30\t1\t: ", "A,NR,F,UNK,DE21\t1\t1",
    ]  # fmt: skip
    file = tmp_path / "estat_demo_r_pjangrp3.tsv"
    file.write_text("\n".join([head, *rows]) + "\n")
    table = add_table(file, tmp_path / "p")
    assert (table.total, table.year) == (18, "2022")
    assert (90, 999) in table.bands()
    assert (85, 999) not in table.bands()
    assert table.frame["suppressed"].sum() == 1  # `:` is unknown, not zero
    bavaria = add_table(file, tmp_path / "b", name="bavaria", year="2021", areas=["DE2"])
    assert bavaria.values("area") == ("DE21",)
    assert bavaria.total == 16


def test_world_population_prospects_count_thousands_of_countries(tmp_path):
    file = tmp_path / "WPP.csv"
    file.write_text(
        "ISO3_code,LocTypeName,Location,Variant,Time,AgeGrp,PopMale,PopFemale,PopTotal\n"
        "USA,Country/Area,US,Medium,2023,0-4,9.5001,9.1,18.6\n"
        "USA,Country/Area,US,High,2023,0-4,99,99,198\n,Region,America,Medium,2023,0-4,99,99,198\n"
        "USA,Country/Area,US,Medium,2022,100+,1,1,2\n"
    )
    assert add_table(file, tmp_path / "p").total == 18600
    assert add_table(file, tmp_path / "q", year="2022").bands() == [(100, 999)]


def test_a_workbook_of_mid_year_estimates_has_a_sheet_per_sex(tmp_path):
    pytest.importorskip("openpyxl")
    pytest.importorskip("python_calamine")
    file = tmp_path / "mye.xlsx"
    header = ["Code", "Name", "Geography", "All ages", 0, 1, "90+"]
    with pd.ExcelWriter(file) as writer:
        for name, size in (("Persons", 5), ("Males", 2), ("Females", 3)):
            rows = [
                ["Title", "", "", "", "", "", ""], header,
                ["E92000001", "ENGLAND", "Country", 99, 99, 99, 99],
                ["E06000001", "Hartlepool", "Unitary", 3 * size, size, size, size],
            ]  # fmt: skip
            pd.DataFrame(rows).to_excel(
                writer, sheet_name=f"MYE2 - {name}", header=False, index=False
            )
    table = add_table(file, tmp_path / "p", year="2020")
    assert table.total == 15
    assert table.values("area") == ("E06000001",)
    assert table.bands() == [(0, 0), (1, 1), (90, 999)]


def test_registries_count_cases_and_hide_some(tmp_path):
    file = tmp_path / "registry.csv"
    file.write_text(
        "year,site,area_code,area_name,age_band,sex,cases,people,note\n"
        "2021,Lung,US,US,60-64,both,900,1,\n2021,Lung,01,Alabama,60-64,both,20,1,\n"
        "2021,Lung,02,Alaska,60-64,both,,1,suppressed\n2020,Lung,01,Alabama,60-64,both,7,1,\n"
    )
    table = add_table(file, tmp_path / "p")
    assert (table.total, table.unit, table.year) == (20, CASES, "2021")
    assert table.dimensions == ("site", "area", "age")
    assert load_table(str(tmp_path / "p" / "registry.csv")).unit == CASES


def test_what_no_office_publishes_is_one_line(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text("a,b\n1,2\n")
    with pytest.raises(SourceError, match="layout of no office"):
        read_office_file(file)
    with pytest.raises(SourceError, match="no file"):
        read_office_file(tmp_path / "none.csv")
    with pytest.raises(SourceError, match="none of the areas"):
        add_table(county_file(tmp_path), tmp_path / "p", areas=["99"])
    beside = tmp_path / "p" / "t.population.json"
    beside.parent.mkdir(exist_ok=True)
    beside.write_text("[]")
    (tmp_path / "p" / "t.csv").write_text("age,sex,count\n60-64,F,3\n")
    with pytest.raises(SourceError, match=r"t\.population\.json"):
        load_table(str(tmp_path / "p" / "t.csv"))


def test_every_published_table_says_what_was_opened_of_it():
    assert len({layout.name for layout in LAYOUTS}) == len(LAYOUTS)
    for entry in catalogue():
        assert entry.serves
        assert "not opened" in entry.checked or entry.checked == "your own"


def test_the_commands_add_list_and_show(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(["population", "add", str(county_file(tmp_path)), "--name", "bay"]) == 0
    out = capsys.readouterr().out
    assert "bay.csv: 1,080 people (12), US Census Bureau" in out
    assert "{kind: table, table: population/bay.csv, fraction: ...}" in out
    assert run(["population", "list"]) == 0
    listed = capsys.readouterr().out
    assert "us-population-2024" in listed
    assert "bay.csv" in listed
    assert "eu-nuts2" in listed
    assert run(["population", "show", "population/bay.csv"]) == 0
    assert "age: 18 bands, 0-4 to 85+" in capsys.readouterr().out


# Real tables.

REAL = {
    "us_county_age_sex_2019.parquet": (328_239_523 + 3_193_694, 3220),
    "us_hsa_age_sex_2019.csv": (331_433_217, 804),
    "us_zip3_age_sex_2020_modelled.csv": (334_722_246, 890),
    "eurostat_nuts2_age_sex_2022.csv": (558_040_675, 292),
    "eurostat_nuts3_age_sex_2022.parquet": (558_040_675, 1333),
    "uk_local_authority_age_sex_2020.csv": (67_081_234, 374),
    "un_wpp2024_country_age_sex_2023.csv": (8_091_734_401, 236),
}


@pytest.fixture
def regions(shared_data: Path) -> Path:
    folder = shared_data / "population" / "regions"
    if not folder.is_dir():
        pytest.skip("this part of the shared test data is not on this machine")
    return folder


@pytest.mark.parametrize("name", ["us_hsa_age_sex_2019.csv", "uk_local_authority_age_sex_2020.csv"])
def test_real_tables_keep_their_totals(regions, tmp_path, name):
    table = add_table(regions / name, tmp_path)
    people, areas = REAL[name]
    assert table.total == people
    assert len(table.values("area")) == areas
    assert len(table.bands()) == 18


@pytest.mark.parametrize("name", [n for n in REAL if "hsa" not in n and "uk" not in n])
def test_real_files_are_read_whole(regions, name):
    found = read_office_file(regions / name)
    people, areas = REAL[name]
    assert found.frame["count"].astype(float).sum() == people
    assert found.frame["area"].nunique() == areas


def test_a_hospital_finds_its_service_area(regions, tmp_path):
    table = add_table(regions / "us_hsa_age_sex_2019.csv", tmp_path, areas=["0001"])
    classes = pd.DataFrame({"age": ["60-64", "85+"], "sex": ["F", "M"]})
    found = expected_class_sizes(table, classes, n_subjects=20, fraction=(0.001, 0.01))
    raw = pd.read_csv(regions / "us_hsa_age_sex_2019.csv", dtype=str)
    raw = raw[raw["area_code"] == "0001"]
    for i, (age, sex) in enumerate(classes.itertuples(index=False)):
        row = raw[(raw["age_band"] == age) & (raw["sex"] == sex)]
        assert found.expected[i] == float(row["people"].iloc[0])


def test_small_zip_areas_are_those_of_the_census(regions):
    zips = pd.read_csv(regions / "us_zip3_population_2020.csv", dtype=str)
    small = zips[zips["people"].astype(int) <= 20_000]
    ours = {row["zip3"]: row["people"] for row in data_rows("small_zip3_us_2020.csv")}
    assert ours == dict(zip(small["area_code"], small["people"], strict=True))
    assert len(ours) == 18
