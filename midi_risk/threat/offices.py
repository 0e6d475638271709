"""Population tables as statistics offices publish them, read as they are.

Each reader knows one layout by its columns. None of them is shipped with data: a file is given by
whoever downloaded it, and becomes a plain table (area, age, sex, count) beside the project.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from midi_risk.errors import SourceError, did_you_mean
from midi_risk.resources import data_rows
from midi_risk.threat.population import (
    CASES,
    PEOPLE,
    SIDECAR,
    PopulationTable,
    Unit,
    load_table,
    parse_age_band,
)

_SEXES = {"MALE": "M", "FEM": "F", "FEMALE": "F"}
_COUNTY_BANDS = {
    "04": "0-4", "59": "5-9", "85PLUS": "85+",
    **{f"{low}{low + 4}": f"{low}-{low + 4}" for low in range(10, 85, 5)},
}  # fmt: skip
_ACS_BANDS = (
    "0-4", "5-9", "10-14", "15-17", "18-19", "20", "21", "22-24", "25-29", "30-34", "35-39",
    "40-44", "45-49", "50-54", "55-59", "60-61", "62-64", "65-66", "67-69", "70-74", "75-79",
    "80-84", "85+",
)  # fmt: skip
_FLAG = re.compile(r"[^\d.eE+-].*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficeFile:
    """What a reader made of a file.

    Parameters
    ----------
    layout : str
        Name of the layout.
    source, year : str
        Printed in the report.
    frame : pandas.DataFrame
        Text columns ``area`` (and ``site``), ``age``, ``sex`` as far as the file has them, and
        ``count``.
    unit : {"people", "cases per year"}
    years : tuple of str
        Years that the file holds.
    """

    layout: str
    source: str
    year: str
    frame: pd.DataFrame
    unit: Unit = PEOPLE
    years: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Layout:
    name: str
    source: str
    knows: Callable[[Sequence[str]], bool]
    read: Callable[[pd.DataFrame, str], tuple[pd.DataFrame, str, tuple[str, ...]]]
    unit: Unit = PEOPLE


def _chosen(years: Sequence[str], wanted: str) -> str:
    """Return the year that was asked for, or the last."""
    known = sorted(set(years))
    if wanted and wanted not in known:
        raise SourceError(f"the file holds no year '{wanted}'", hint=did_you_mean(wanted, known))
    return wanted or known[-1]


def _long(
    raw: pd.DataFrame, area: pd.Series, columns: Mapping[str, tuple[str, str]]
) -> pd.DataFrame:
    """Return one row per area and column; columns name age and sex."""
    parts = [
        pd.DataFrame({"area": area, "age": age, "sex": sex, "count": raw[column]})
        for column, (age, sex) in columns.items()
    ]
    return pd.concat(parts, ignore_index=True)


def _county(raw: pd.DataFrame, year: str) -> tuple[pd.DataFrame, str, tuple[str, ...]]:
    """Read Census county estimates by age and sex: one row per county and year."""
    columns = {}
    for column in raw.columns:
        found = re.fullmatch(r"AGE(\d+|85PLUS)_(MALE|FEM)", column)
        if found and found[1] in _COUNTY_BANDS:
            columns[column] = (_COUNTY_BANDS[found[1]], _SEXES[found[2]])
    chosen = _last(raw["YEAR"], year)
    kept = raw[raw["YEAR"] == chosen]
    area = kept["STATE"].str.zfill(2) + kept["COUNTY"].str.zfill(3)
    return _long(kept, area, columns), chosen, tuple(sorted(set(raw["YEAR"]), key=int))


def _last(column: pd.Series, wanted: str) -> str:
    """Return the year code that was asked for, or the highest."""
    known = sorted(set(column), key=int)
    if wanted and wanted not in known:
        raise SourceError(f"the file holds no year '{wanted}'", hint=f"It holds {', '.join(known)}")
    return str(wanted or known[-1])


def _county_groups(raw: pd.DataFrame, year: str) -> tuple[pd.DataFrame, str, tuple[str, ...]]:
    """Read Census county estimates with one row per age group (alldata)."""
    chosen = _last(raw["YEAR"], year)
    kept = raw[(raw["YEAR"] == chosen) & (raw["AGEGRP"] != "0")]
    low = (kept["AGEGRP"].astype(int) - 1) * 5
    age = np.where(low >= 85, "85+", low.astype(str) + "-" + (low + 4).astype(str))
    area = kept["STATE"].str.zfill(2) + kept["COUNTY"].str.zfill(3)
    parts = [
        pd.DataFrame({"area": area, "age": age, "sex": sex, "count": kept[column]})
        for column, sex in (("TOT_MALE", "M"), ("TOT_FEMALE", "F"))
    ]
    years = tuple(sorted(set(raw["YEAR"]), key=int))
    return pd.concat(parts, ignore_index=True), chosen, years


def _state(raw: pd.DataFrame, year: str) -> tuple[pd.DataFrame, str, tuple[str, ...]]:
    """Read Census state estimates by single year of age and sex."""
    columns = {
        found[1]: name for name in raw.columns
        if (found := re.fullmatch(r"POPEST(?:IMATE)?(\d{4})(?:_CIV)?", name))
    }  # fmt: skip
    chosen = _chosen(list(columns), year)
    kept = raw[raw["SEX"].isin(["1", "2"]) & (raw["AGE"] != "999") & (raw["STATE"] != "0")]
    top = str(max(int(age) for age in set(kept["AGE"])))
    frame = pd.DataFrame(
        {
            "area": kept["STATE"].str.zfill(2),
            "age": kept["AGE"].where(kept["AGE"] != top, top + "+"),
            "sex": kept["SEX"].map({"1": "M", "2": "F"}),
            "count": kept[columns[chosen]],
        }
    )
    return frame, chosen, tuple(sorted(columns))


def _acs(raw: pd.DataFrame, year: str) -> tuple[pd.DataFrame, str, tuple[str, ...]]:
    """Read table B01001 of the American Community Survey: sex by age."""
    kept = raw[raw["B01001_001E"].str.fullmatch(r"\d+")]  # below the header stand labels
    columns = {
        f"B01001_{number:03d}E": (band, sex)
        for first, sex in ((3, "M"), (27, "F"))
        for number, band in enumerate(_ACS_BANDS, first)
    }
    return _long(kept, kept["GEO_ID"].str.replace(r"^.*US", "", regex=True), columns), year, ()


def _eurostat(raw: pd.DataFrame, year: str) -> tuple[pd.DataFrame, str, tuple[str, ...]]:
    """Read a bulk file of Eurostat: dimensions in the first column, one column per year."""
    first = raw.columns[0]
    names = [name.strip() for name in first.split("\\")[0].split(",")]
    parts = raw[first].str.split(",", expand=True)
    parts.columns = names
    years = [str(column).strip() for column in raw.columns[1:]]
    chosen = _chosen(years, year)
    values = raw.iloc[:, 1 + years.index(chosen)].str.strip()
    frame = pd.DataFrame(
        {
            "area": parts["geo"].str.strip(),
            "age": parts["age"].str.strip(),
            "sex": parts["sex"].str.strip(),
            "count": values.str.replace(_FLAG, "", regex=True),
        }
    )
    inside = frame["sex"].isin(["F", "M"]) & ~frame["age"].isin(["TOTAL", "UNK"])
    ages = frame["age"]
    open_ = ages.isin(["Y_GE85", "Y_GE90"])
    split = set(ages[inside & (frame["count"] != "")]) >= {"Y85-89", "Y_GE90"}
    drop = (ages == "Y_GE85") if split else ages.isin(["Y85-89", "Y_GE90"])
    return frame[inside & ~(drop & (open_ | (ages == "Y85-89")))], chosen, tuple(sorted(years))


def _wpp(raw: pd.DataFrame, year: str) -> tuple[pd.DataFrame, str, tuple[str, ...]]:
    """Read UN World Population Prospects: thousands of people by age group."""
    kept = raw
    if "LocTypeName" in raw:
        kept = kept[kept["LocTypeName"] == "Country/Area"]
    if "Variant" in raw:
        kept = kept[kept["Variant"].isin(["Medium", "Estimates"])]
    chosen = _chosen(list(kept["Time"]), year)
    kept = kept[kept["Time"] == chosen]
    area = kept["ISO3_code"] if "ISO3_code" in kept else kept["LocID"]
    frame = _long(kept, area, {"PopMale": ("", "M"), "PopFemale": ("", "F")})  # ages follow
    frame["age"] = pd.concat([kept["AgeGrp"], kept["AgeGrp"]], ignore_index=True).to_numpy()
    frame["count"] = [str(round(float(value) * 1000)) for value in frame["count"]]
    return frame, chosen, tuple(sorted(set(raw["Time"])))


_UK_AREAS = re.compile(r"^(E0[6-9]|W06|S12|N09)")


def _ons(raw: pd.DataFrame, year: str) -> tuple[pd.DataFrame, str, tuple[str, ...]]:
    """Read a sheet of the ONS mid-year estimates: one row per area, a column per year of age."""
    kept = raw[raw["Code"].str.match(_UK_AREAS)]
    columns = {}
    for column in raw.columns:
        band = parse_age_band(column.removesuffix(".0"))
        if band is not None and re.fullmatch(r"\d+(\.0)?\+?", column):
            columns[column] = (column.removesuffix(".0"), "")
    frame = _long(kept, kept["Code"], columns)
    frame["sex"] = pd.concat([kept["sex"]] * len(columns), ignore_index=True).to_numpy()
    return frame, year, ()


def _plain(raw: pd.DataFrame, year: str) -> tuple[pd.DataFrame, str, tuple[str, ...]]:
    """Read one row per cell: area_code, age_band, sex, people (or cases, by site and year)."""
    names = {"area_code": "area", "age_band": "age", "people": "count"}
    if "cases" in raw:
        names = {"area_code": "area", "age_band": "age", "cases": "count"}
    kept, years, chosen = raw, (), year
    if "year" in raw:
        years = tuple(sorted(set(raw["year"])))
        chosen = _chosen(list(years), year)
        kept = kept[kept["year"] == chosen]
    if "area_code" in kept and len(set(kept["area_code"])) > 1:
        kept = kept[kept["area_code"] != "US"]  # the country beside its states
    frame = kept.rename(columns=names)
    wanted = [n for n in ("site", "area", "age", "sex", "count") if n in frame]
    if "sex" in wanted and set(frame["sex"]) == {"both"}:
        wanted.remove("sex")
    return frame[wanted].reset_index(drop=True), chosen, years


def _has(*names: str) -> Callable[[Sequence[str]], bool]:
    return lambda columns: set(names) <= set(columns)


_CENSUS = "US Census Bureau, Population Estimates Program"
LAYOUTS = (
    _Layout("census-county", _CENSUS, _has("STATE", "COUNTY", "YEAR", "AGE04_MALE"), _county),
    _Layout("census-county-groups", _CENSUS, _has("COUNTY", "AGEGRP", "TOT_MALE"), _county_groups),
    _Layout("census-state", _CENSUS, _has("STATE", "NAME", "SEX", "AGE"), _state),
    _Layout("acs", "US Census Bureau, American Community Survey, B01001",
            _has("GEO_ID", "B01001_001E", "B01001_049E"), _acs),
    _Layout("eurostat", "Eurostat, demo_r_pjangrp3",
            lambda columns: bool(columns) and "geo\\TIME_PERIOD" in columns[0], _eurostat),
    _Layout("un-wpp", "United Nations, World Population Prospects, CC BY 3.0 IGO",
            _has("Time", "AgeGrp", "PopMale", "PopFemale"), _wpp),
    _Layout("ons", "Office for National Statistics, Open Government Licence v3.0",
            _has("Code", "Name", "All ages", "sex"), _ons),
    _Layout("registry", "", _has("area_code", "age_band", "cases"), _plain, CASES),
    _Layout("plain", "", _has("age_band", "people"), _plain),
)  # fmt: skip
"""Layouts that are known, the first that fits is taken."""


def _workbook(path: Path) -> pd.DataFrame:
    """Return the sheets of an ONS workbook that hold one sex each."""
    try:
        sheets = pd.read_excel(path, sheet_name=None, header=None, dtype=str, engine="calamine")
    except (ValueError, OSError, ImportError) as error:
        raise SourceError(
            f"{path.name} cannot be read as a workbook ({type(error).__name__})",
            hint="Save its sheets as CSV, or install what reads such workbooks",
        ) from None
    parts = []
    for name, sheet in sheets.items():
        sex = {"males": "M", "females": "F"}.get(str(name).strip().split(" ")[-1].lower())
        rows = np.flatnonzero((sheet == "Code").any(axis=1))
        if sex is None or not len(rows) or not str(name).startswith("MYE2"):
            continue
        header = [str(value).strip() for value in sheet.iloc[int(rows[0])]]
        part = sheet.iloc[int(rows[0]) + 1 :].fillna("").astype(str)
        part.columns = header
        parts.append(part.assign(sex=sex))
    if len(parts) < 2:
        raise SourceError(f"{path.name} holds no sheets 'MYE2 - Males' and 'MYE2 - Females'")
    return pd.concat(parts, ignore_index=True)


def _text_columns(path: Path) -> pd.DataFrame:
    if path.suffix.lower() in {".xls", ".xlsx"}:
        return _workbook(path)
    if path.suffix.lower() in {".parquet", ".pq"}:
        frame = pd.read_parquet(path)
        return frame.astype(str)
    separator = "\t" if ".tsv" in path.name.lower() else ","
    for encoding in ("utf-8-sig", "latin-1"):  # Census files of counties are Latin-1
        try:
            return pd.read_csv(
                path, dtype="str", sep=separator, encoding=encoding, keep_default_na=False
            )
        except UnicodeDecodeError:
            continue
        except (ValueError, OSError) as error:
            raise SourceError(f"{path.name} cannot be read ({type(error).__name__})") from None
    raise SourceError(f"{path.name} is no text table")


def read_office_file(path: str | Path, *, year: str = "") -> OfficeFile:
    r"""Read a population table as an office publishes it.

    Parameters
    ----------
    path : str or path-like
        CSV, TSV (also gzip), Parquet or a workbook.
    year : str
        Year, or the file's code of it; the last one when empty.

    Raises
    ------
    SourceError
        When no layout fits, or the year is not there.

    Examples
    --------
    >>> import tempfile
    >>> text = "area_code,age_band,sex,people\n0001,0-4,F,3600\n"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "area.csv"
    ...     _ = file.write_text(text)
    ...     read_office_file(file).layout
    'plain'
    """
    file = Path(path)
    if not file.is_file():
        raise SourceError(f"there is no file '{path}'")
    raw = _text_columns(file)
    columns = [str(column) for column in raw.columns]
    for layout in LAYOUTS:
        if layout.knows(columns):
            frame, chosen, years = layout.read(raw, year)
            if not len(frame):
                raise SourceError(f"{file.name}: nothing of layout {layout.name} is left to read")
            return OfficeFile(
                layout=layout.name, source=layout.source or file.name, year=chosen,
                frame=frame.reset_index(drop=True), unit=layout.unit, years=years,
            )  # fmt: skip
    raise SourceError(
        f"{file.name} has the layout of no office that is known",
        hint=f"Known: {', '.join(each.name for each in LAYOUTS)}; or give it columns age, sex,"
        " area and count",
    )


def add_table(
    path: str | Path, folder: Path, *, name: str = "", year: str = "", areas: Sequence[str] = ()
) -> PopulationTable:
    """Write the plain table of an office's file into a folder, and read it back.

    Parameters
    ----------
    path : str or path-like
    folder : pathlib.Path
    name : str
        Name of the new table; that of the file when empty.
    year : str
    areas : sequence of str
        Codes to keep, also their beginnings (``DE2`` keeps ``DE21``); all when empty.

    Raises
    ------
    SourceError
        When the file cannot be read, or holds none of the areas.
    """
    found = read_office_file(path, year=year)
    frame = found.frame
    if areas:
        if "area" not in frame:
            raise SourceError(f"{Path(path).name} has no areas to choose from")
        frame = frame[frame["area"].str.startswith(tuple(areas))]
        if not len(frame):
            raise SourceError(f"{Path(path).name} holds none of the areas {', '.join(areas)}")
    stem = name or Path(path).name.split(".")[0]
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{stem}.csv"
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(frame.columns)
    writer.writerows(frame.itertuples(index=False))
    target.write_text(text.getvalue(), encoding="utf-8")
    about = {"source": found.source, "year": found.year, "unit": found.unit}
    beside = target.with_name(stem + SIDECAR)
    beside.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    return load_table(str(target))


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueEntry:
    """A table that an office publishes.

    Parameters
    ----------
    key : str
    serves : str
        Collections whose population it is.
    office, file, address : str
        Where it is published.
    checked : str
        What was opened of it.
    """

    key: str
    serves: str
    office: str
    file: str
    address: str
    checked: str


def catalogue() -> tuple[CatalogueEntry, ...]:
    """Return which table serves which collection, and where its office publishes it.

    Examples
    --------
    >>> [entry.key for entry in catalogue()][:2]
    ['us-county', 'us-hsa']
    """
    return tuple(CatalogueEntry(**row) for row in data_rows("population/catalogue.csv"))
