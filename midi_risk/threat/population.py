"""Population tables: how many people could be mistaken for the subjects of a class.

A table gives people (or new cases per year) by age, sex, area... A class of the release
takes the cells that its quasi-identifiers select; what a table does not know stays
unknown and is counted low, never high. Tables are packaged, or any CSV or Parquet of the user;
age bands are in completed years, however they are written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from midi_risk.errors import MeasureError, SourceError, ThreatModelError, did_you_mean
from midi_risk.resources import resource_folder

OPEN = 999
"""Upper end of a band that has none, such as 85+."""

Band = tuple[int, int]

_DICOM = re.compile(r"^(\d{1,3})([DWMY])$", re.IGNORECASE)
_RANGE = re.compile(
    r"^[\[(]?\s*Y?(\d{1,3})(?:\.0)?\s*(?:-|\u2013|,|to|_)\s*Y?(\d{1,3})\s*([\])])?$", re.IGNORECASE
)
_ABOVE = re.compile(
    r"^(?:>=|\u2265|Y_GE|GE)?\s*Y?(\d{1,3})(?:\.0)?\s*(?:\+|Y\+|years and over|and over)?$",
    re.IGNORECASE,
)
_BELOW = re.compile(r"^(?:<|Y_LT|LT|under)\s*(\d{1,3})$", re.IGNORECASE)
_OPEN_MARKS = ("+", ">=", "\u2265", "ge", "over")
_DAYS = {"D": 365.25, "W": 52.18, "M": 12.0, "Y": 1.0}


def parse_age_band(text: str) -> Band | None:
    """Return the band of completed years that a text means, or None.

    Parameters
    ----------
    text : str
        ``"060Y"``, ``"006M"`` (DICOM), ``"60"``, ``"60-64"``, ``"[60,65)"``, ``"85+"``,
        ``"<5"``, or Eurostat's ``"Y60-64"``, ``"Y_LT1"``, ``"Y_GE85"``.

    Returns
    -------
    (int, int) or None
        First and last completed year; the last is `OPEN` where there is no end.

    Examples
    --------
    >>> parse_age_band("060Y"), parse_age_band("60-64"), parse_age_band("85+")
    ((60, 60), (60, 64), (85, 999))
    >>> parse_age_band("[60,65)"), parse_age_band("<5"), parse_age_band("Y_LT1")
    ((60, 64), (0, 4), (0, 0))
    """
    word = text.strip()
    if match := _DICOM.match(word):
        years = int(int(match[1]) / _DAYS[match[2].upper()])
        return years, years
    if match := _RANGE.match(word):
        low, high = int(match[1]), int(match[2])
        if match[3] == ")":
            high -= 1
        return (low, high) if low <= high else None
    if match := _BELOW.match(word):
        return (0, int(match[1]) - 1) if int(match[1]) > 0 else None
    if match := _ABOVE.match(word):
        low = int(match[1])
        is_open = any(mark in word.lower() for mark in _OPEN_MARKS)
        return low, OPEN if is_open else low
    return None


def common_bands(first: Sequence[Band], second: Sequence[Band]) -> list[Band]:
    """Return the finest bands that both partitions of the ages can be added up to.

    Parameters
    ----------
    first, second : sequence of (int, int)
        Bands that follow each other without a gap.

    Examples
    --------
    >>> common_bands([(0, 0), (1, 4), (5, 9), (10, 999)], [(0, 4), (5, 999)])
    [(0, 4), (5, 999)]
    """
    lows = sorted({low for low, _ in first} & {low for low, _ in second})
    ends = {high + 1 for _, high in first} & {high + 1 for _, high in second}
    bands = []
    for at, low in enumerate(lows):
        following = lows[at + 1] if at + 1 < len(lows) else max(ends, default=low)
        if following > low:
            bands.append((low, min(following - 1, OPEN)))
    return bands


def overlap(band: Band, cell: Band) -> float | None:
    """Return the share of a table's cell that lies in a band, by years.

    Parameters
    ----------
    band : (int, int)
        Band of a class.
    cell : (int, int)
        Band of the table.

    Returns
    -------
    float or None
        None when an open cell would have to be split: nobody knows where its people are.

    Examples
    --------
    >>> overlap((60, 64), (60, 64)), overlap((62, 66), (60, 64)), overlap((0, 4), (60, 64))
    (1.0, 0.6, 0.0)
    """
    low, high = max(band[0], cell[0]), min(band[1], cell[1])
    if low > high:
        return 0.0
    if (low, high) == cell:
        return 1.0
    return None if cell[1] >= OPEN else (high - low + 1) / (cell[1] - cell[0] + 1)


Unit = Literal["people", "cases per year"]
PEOPLE: Unit = "people"
CASES: Unit = "cases per year"


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationTable:
    """Counts of people, or of new cases per year, by some dimensions.

    Parameters
    ----------
    name : str
        Packaged name or file name.
    source : str
        Who published it.
    year : str
        Reference year.
    dimensions : tuple of str
        Such as ``("state", "age", "sex", "race")``.
    frame : pandas.DataFrame
        One row per cell: a text column per dimension other than age, ``age_low`` and
        ``age_high`` (completed years) when age is one, ``count`` (float; people or cases)
        and ``suppressed`` (bool; the count then misses an unknown number).
    unit : {"people", "cases per year"}
    notes : tuple of str
        Assumptions and rows left out, one sentence each.
    """

    name: str
    source: str
    year: str
    dimensions: tuple[str, ...]
    frame: pd.DataFrame
    unit: Unit = PEOPLE
    notes: tuple[str, ...] = ()

    @property
    def total(self) -> float:
        """Sum of all cells; suppressed cells count as nothing."""
        return float(self.frame["count"].sum())

    def values(self, dimension: str) -> tuple[str, ...]:
        """Return the values of a dimension other than age."""
        self._known(dimension)
        return tuple(sorted(set(self.frame[dimension].to_numpy(dtype=object))))

    def bands(self) -> list[Band]:
        """Return the age bands, ascending."""
        self._known("age")
        pairs = set(
            zip(
                self.frame["age_low"].to_numpy().tolist(),
                self.frame["age_high"].to_numpy().tolist(),
                strict=True,
            )
        )
        return sorted((int(low), int(high)) for low, high in pairs)

    def _known(self, dimension: str) -> None:
        if dimension not in self.dimensions:
            raise ThreatModelError(
                f"population table {self.name}",
                [f"it has no dimension '{dimension}'"],
                hint=did_you_mean(dimension, self.dimensions),
            )

    def select(self, **chosen: str) -> PopulationTable:
        """Return the part of the table with these values, without their dimensions.

        Parameters
        ----------
        **chosen : str
            Dimension = value, such as ``site="brain"``.

        Raises
        ------
        ThreatModelError
            When a dimension or value is not in the table.
        """
        frame = self.frame
        for dimension, value in chosen.items():
            self._known(dimension)
            known = self.values(dimension)
            if value not in known:
                raise ThreatModelError(
                    f"population table {self.name}",
                    [f"it has no {dimension} '{value}'"],
                    hint=did_you_mean(value, known),
                )
            frame = frame[frame[dimension].to_numpy(dtype=object) == value]
        left = tuple(name for name in self.dimensions if name not in chosen)
        names = ", ".join(str(value) for value in chosen.values())
        return replace(
            self,
            name=f"{self.name} ({names})" if names else self.name,
            dimensions=left,
            frame=frame.drop(columns=list(chosen)).reset_index(drop=True),
        )


def keys_of(dimensions: tuple[str, ...]) -> list[str]:
    """Return the frame's columns that hold these dimensions."""
    return [
        column
        for name in dimensions
        for column in (("age_low", "age_high") if name == "age" else (name,))
    ]


def sum_over(frame: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Return the frame added up to these columns."""
    if not keys:
        return pd.DataFrame(
            {"count": [frame["count"].sum()], "suppressed": [bool(frame["suppressed"].any())]}
        )
    return (
        frame.groupby(keys, sort=True, observed=True)
        .agg(count=("count", "sum"), suppressed=("suppressed", "max"))
        .reset_index()
    )


def _rebanded(table: PopulationTable, bands: list[Band]) -> pd.DataFrame:
    """Return the table's frame with its age bands merged into coarser ones."""
    lows = np.array([low for low, _ in bands])
    highs = np.array([high for _, high in bands])
    place = np.searchsorted(lows, table.frame["age_low"].to_numpy(), side="right") - 1
    frame = table.frame.assign(age_low=lows[place], age_high=highs[place])
    return sum_over(frame, keys_of(table.dimensions))


def allocate(
    cases: PopulationTable, population: PopulationTable, *, by: str = "state"
) -> PopulationTable:
    """Split cases over the areas of a population table, in proportion to people.

    ``cases(age, sex) * population(area, age, sex) / population(age, sex)``: it assumes
    that the incidence given age and sex is the same in all areas.

    Parameters
    ----------
    cases : PopulationTable
        New cases per year, not by area; a single disease (use `PopulationTable.select`).
    population : PopulationTable
        People by area and by the dimensions of ``cases``.
    by : str
        Dimension of ``population`` to split over.

    Returns
    -------
    PopulationTable
        Cases per year by area and the dimensions of ``cases``; age bands are the finest
        that both tables add up to.

    Raises
    ------
    ThreatModelError
        When a dimension is missing, or the age bands have no common boundary.
    """
    if by in cases.dimensions:
        return cases
    needed = (by, *cases.dimensions)
    for dimension in needed:
        population._known(dimension)  # noqa: SLF001 - same class
    if "age" in cases.dimensions:
        bands = common_bands(cases.bands(), population.bands())
        if not bands:
            raise ThreatModelError(
                f"population table {cases.name}",
                [f"its age bands share no boundary with those of {population.name}"],
                hint="Use tables with nested age bands",
            )
        numerator, people = _rebanded(cases, bands), _rebanded(population, bands)
    else:
        numerator, people = cases.frame, population.frame
    keys = keys_of(cases.dimensions)
    people = sum_over(people, keys_of(needed))
    whole = sum_over(people, keys).rename(columns={"count": "whole"}) if keys else None
    if whole is None:
        people["whole"] = people["count"].sum()
    else:
        people = people.merge(whole.drop(columns="suppressed"), on=keys)
    people = people.drop(columns="suppressed").rename(columns={"count": "people"})
    joined = people.merge(numerator, on=keys) if keys else people.merge(numerator, how="cross")
    share = np.divide(
        joined["people"].to_numpy(dtype=np.float64),
        joined["whole"].to_numpy(dtype=np.float64),
        out=np.zeros(len(joined)),
        where=joined["whole"].to_numpy(dtype=np.float64) > 0,
    )
    joined["count"] = joined["count"].to_numpy(dtype=np.float64) * share
    given = " and ".join(cases.dimensions) or "nothing else"
    assumption = (
        f"cases are split over {by} in proportion to people, as if the incidence given"
        f" {given} were the same everywhere"
    )
    return PopulationTable(
        name=f"{cases.name} x share of {population.name}",
        source=f"{cases.source}; {population.source}",
        year=f"{cases.year}; {population.year}",
        dimensions=needed,
        frame=joined[[*keys_of(needed), "count", "suppressed"]].reset_index(drop=True),
        unit=cases.unit,
        notes=(*cases.notes, assumption),
    )


def checked_fraction(low: float, high: float) -> tuple[float, float]:
    """Return the interval of a sampling fraction, or say what is wrong with it.

    Parameters
    ----------
    low, high : float
        Share of the population that is in the release.

    Raises
    ------
    ThreatModelError
        When it is not within (0, 1] or not ordered.

    Examples
    --------
    >>> checked_fraction(0.01, 0.05)
    (0.01, 0.05)
    """
    if not 0 < low <= high:
        fault = "population.fraction: low must be above 0 and not above high"
        raise ThreatModelError("threat model", [fault])
    if high > 1:
        raise ThreatModelError(
            "threat model",
            ["population.fraction: above 1, as if the release were larger than the population"],
            hint="Give a share such as 0.02, not a percentage",
        )  # fmt: skip
    return float(low), float(high)


def checked_total(table: PopulationTable, window_years: float, n_subjects: int) -> float:
    """Return the people of the window, or say that they are fewer than the subjects.

    Parameters
    ----------
    table : PopulationTable
    window_years : float
        Years over which cases are added up.
    n_subjects : int
        Subjects in the release.

    Raises
    ------
    MeasureError
        When the population is smaller than the release.
    """
    total = table.total * (window_years if table.unit == CASES else 1.0)
    if total < n_subjects:
        raise MeasureError(
            f"population table {table.name} holds {total:,.0f} people in the window, fewer"
            f" than the {n_subjects:,} subjects",
            hint="Lengthen window_years, or choose a table that contains the subjects",
        )
    return total


def implied_fraction(total: float, n_subjects: int) -> float:
    """Return the share of the population that the release would be: n / N."""
    return n_subjects / total


_TOTALS = {"total", "t", "all", "all ages", "both sexes", "unk", "unknown"}
_SUPPRESSED = {"", "+", "~", ":", "*", "s", "na", "nan", "none"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Packaged:
    file: str
    source: str
    year: str
    unit: Unit
    about: str


SIDECAR = ".population.json"
"""Ending of the file beside a table that says its source, year and unit."""

PACKAGED: Mapping[str, _Packaged] = {
    "us-population-2024": _Packaged(
        file="us-population-2024.csv.gz",
        source="US Census Bureau, Population Estimates Program, vintage 2024",
        year="2024",
        unit=PEOPLE,
        about="residents by state, 5-year age, sex, race and Hispanic origin",
    ),
    "us-population-2019": _Packaged(
        file="us-population-2019.csv.gz",
        source="US Census Bureau, Population Estimates Program",
        year="2019",
        unit=PEOPLE,
        about="residents by single year of age (100 and older together) and sex",
    ),
    "us-cancer-incidence-2019": _Packaged(
        file="us-cancer-incidence-2019.csv.gz",
        source="US Cancer Statistics, CDC and NCI, public use data for 2019",
        year="2019",
        unit=CASES,
        about="new cases by cancer site, age and sex",
    ),
}
"""Packaged tables by name."""


def load_table(
    name_or_path: str,
    *,
    columns: Mapping[str, str] | None = None,
    where: Mapping[str, str] | None = None,
    unit: Unit = PEOPLE,
    source: str = "",
    year: str = "",
) -> PopulationTable:
    """Read a population table.

    Parameters
    ----------
    name_or_path : str
        A packaged name (`PACKAGED`), or a CSV (also gzip), TSV or Parquet file.
    columns : mapping of str to str, optional
        Dimension -> column of the file, with ``count`` for the counts and ``age`` for a
        column of ages or bands (or ``age_low`` and ``age_high``). Without it the file's own
        names are used and ``count`` (or ``population``, ``cases``) must be there.
    where : mapping of str to str, optional
        Column of the file -> value to keep, such as ``{"TIME_PERIOD": "2023"}``.
    unit : {"people", "cases per year"}
        What a user's file counts.
    source, year : str
        Printed in the report.

    Returns
    -------
    PopulationTable
        Rows of totals (``T``, ``TOTAL``, all ages) are left out and said so in its notes.

    Raises
    ------
    SourceError
        When there is no such table or file, or it cannot be read.
    ThreatModelError
        When columns are missing or counts or ages cannot be read; all faults at once.

    Examples
    --------
    >>> table = load_table("us-population-2024")
    >>> f"{table.total:,.0f}", table.dimensions
    ('340,110,988', ('state', 'age', 'sex', 'race'))
    >>> f'{load_table("us-cancer-incidence-2019").select(site="brain").total:,.0f}'
    '22,538'
    """
    if name_or_path in PACKAGED:
        return _packaged(name_or_path)
    path = Path(name_or_path)
    if not path.is_file():
        raise SourceError(
            f"there is no population table or file '{name_or_path}'",
            hint=did_you_mean(name_or_path, PACKAGED),
        )
    about = _about(path)
    source, year = source or about.get("source", ""), year or about.get("year", "")
    unit = CASES if about.get("unit") == CASES else unit
    raw = _read(path)
    for column, value in (where or {}).items():
        if column not in raw.columns:
            raise ThreatModelError(str(path), [f"it has no column '{column}'"],
                                   hint=did_you_mean(column, raw.columns))  # fmt: skip
        raw = raw[raw[column].str.strip() == value]
    if raw.empty:
        raise SourceError(f"population table {path.name} has no row that is kept")
    return _table(
        raw, path.name, columns or _own_names(raw), source=source or path.name, year=year, unit=unit
    )


def _about(path: Path) -> dict[str, str]:
    """Return what stands beside a table about it; nothing where there is no such file."""
    beside = path.with_name(path.name.split(".")[0] + SIDECAR)
    if not beside.is_file():
        return {}
    try:
        return {str(k): str(v) for k, v in json.loads(beside.read_text(encoding="utf-8")).items()}
    except (ValueError, AttributeError, OSError) as error:
        raise SourceError(
            f"{beside.name}, beside the population table, cannot be read ({type(error).__name__})",
            hint="Add the table again with midi-risk population add",
        ) from None


def _own_names(raw: pd.DataFrame) -> dict[str, str]:
    names = {str(column).casefold(): str(column) for column in raw.columns}
    for counted in ("count", "population", "cases"):
        if counted in names:
            names["count"] = names[counted]
            if counted != "count":
                del names[counted]
            break
    return names


def _read(path: Path) -> pd.DataFrame:
    """Return the file as text columns."""
    try:
        if path.suffix.casefold() in {".parquet", ".pq"}:
            frame = pd.read_parquet(path)
            texts = {
                str(name): ["" if value is None or value != value else str(value)  # noqa: PLR0124
                            for value in frame[name].to_numpy(dtype=object)]
                for name in frame.columns
            }  # fmt: skip
            return pd.DataFrame(texts, dtype="str")
        separator = "\t" if ".tsv" in path.name.casefold() else ","
        return pd.read_csv(path, dtype="str", sep=separator, encoding="utf-8-sig",
                           keep_default_na=False)  # fmt: skip
    except (ValueError, OSError) as error:
        raise SourceError(
            f"population table {path.name} cannot be read ({type(error).__name__})",
            hint="Give a UTF-8 CSV with one header row, or a Parquet file",
        ) from None


def _numbers(column: pd.Series) -> tuple[NDArray[np.float64], NDArray[np.bool_], int]:
    """Return counts, which are suppressed, and how many cannot be read."""
    counts = np.zeros(len(column))
    hidden = np.zeros(len(column), dtype=bool)
    unread = 0
    for row, text in enumerate(column.to_numpy(dtype=object)):
        word = str(text).strip().replace(",", "").replace("\u00a0", "")
        word = word.split(" ")[0]  # a flag may follow the number
        if word.casefold() in _SUPPRESSED:
            hidden[row] = True
            continue
        try:
            counts[row] = float(word)
        except ValueError:
            unread += 1
            continue
        unread += not (np.isfinite(counts[row]) and counts[row] >= 0)
    return counts, hidden, unread


def _ages(raw: pd.DataFrame, columns: Mapping[str, str]) -> tuple[list[int], list[int], int]:
    """Return first and last year of each row, and how many cannot be read."""
    lows, highs, unread = [], [], 0
    if "age" in columns:
        texts = raw[columns["age"]].to_numpy(dtype=object)
        numbers = [band[0] for t in texts if (band := parse_age_band(str(t))) is not None]
        top = max(numbers, default=0) + 1
        for text in texts:
            word = str(text).strip()
            band = (top, OPEN) if word.upper() == "Y_OPEN" else parse_age_band(word)
            unread += band is None
            low, high = band or (0, 0)
            lows.append(low)
            highs.append(high)
        return lows, highs, unread
    for low_text, high_text in zip(
        raw[columns["age_low"]].to_numpy(dtype=object),
        raw[columns["age_high"]].to_numpy(dtype=object),
        strict=True,
    ):
        try:
            lows.append(int(float(low_text)))
            highs.append(OPEN if str(high_text).strip() == "" else int(float(high_text)))
        except ValueError:
            unread += 1
            lows.append(0)
            highs.append(0)
    return lows, highs, unread


def _table(
    raw: pd.DataFrame,
    name: str,
    columns: Mapping[str, str],
    *,
    source: str,
    year: str,
    unit: Unit,
) -> PopulationTable:
    """Return the table of a text frame, all faults at once."""
    faults = [
        f"it has no column '{column}'" for column in columns.values() if column not in raw.columns
    ]
    if "count" not in columns:
        faults.append("no column is mapped to 'count'")
    if ("age_low" in columns) != ("age_high" in columns):
        faults.append("age_low and age_high belong together")
    if faults:
        raise ThreatModelError(name, faults, hint=f"Its columns: {', '.join(raw.columns[:20])}")
    plain = [key for key in columns if key not in {"count", "age", "age_low", "age_high"}]
    total = np.zeros(len(raw), dtype=bool)
    for key in [*plain, *(["age"] if "age" in columns else [])]:
        folded = [str(v).strip().casefold() for v in raw[columns[key]].to_numpy(dtype=object)]
        total |= np.array([word in _TOTALS for word in folded])
    kept = raw[~total]
    counts, hidden, unread = _numbers(kept[columns["count"]])
    if unread:
        faults.append(f"column '{columns['count']}': {unread} values are not counts")
    frame = pd.DataFrame(
        {key: [str(v).strip() for v in kept[columns[key]].to_numpy(dtype=object)] for key in plain}
    )
    has_age = "age" in columns or "age_low" in columns
    if has_age:
        lows, highs, unread = _ages(kept, columns)
        if unread:
            faults.append(f"{unread} ages cannot be read as years or a band")
        frame["age_low"], frame["age_high"] = lows, highs
    if faults:
        raise ThreatModelError(name, faults)
    frame["count"], frame["suppressed"] = counts, hidden
    dimensions = (*plain, "age") if has_age else tuple(plain)
    keys = [*plain, *(["age_low", "age_high"] if has_age else [])]
    notes = (f"{int(total.sum())} rows of totals or unknown were left out",) if total.any() else ()
    table = PopulationTable(
        name=name, source=source, year=year, dimensions=dimensions,
        frame=sum_over(frame, keys), unit=unit, notes=notes,
    )  # fmt: skip
    return _checked_bands(table) if has_age else table


def _checked_bands(table: PopulationTable) -> PopulationTable:
    bands = table.bands()
    if any(bands[at][1] >= bands[at + 1][0] for at in range(len(bands) - 1)):
        raise ThreatModelError(
            table.name,
            ["its age bands overlap, so people would be counted twice"],
            hint="Keep one set of bands with where=, and drop totals such as all ages",
        )
    return table


def _packaged(name: str) -> PopulationTable:
    entry = PACKAGED[name]
    raw = _read(resource_folder("data") / "population" / entry.file)
    columns = {"age_low": "age_low", "age_high": "age_high", "sex": "sex"}
    order: tuple[str, ...]
    if name == "us-population-2024":
        raw = raw.drop(columns="total").melt(
            id_vars=["state", *columns], var_name="race", value_name="count"
        )
        columns |= {"state": "state", "race": "race", "count": "count"}
        order = ("state", "age", "sex", "race")
    elif name == "us-population-2019":
        raw["age"] = raw["age"].where(raw["age"] != "100", "100+")
        columns = {"age": "age", "sex": "sex", "count": "population"}
        order = ("age", "sex")
    else:
        columns |= {"site": "site", "count": "cases"}
        order = ("site", "age", "sex")
    table = _table(raw, name, columns, source=entry.source, year=entry.year, unit=entry.unit)
    return replace(table, dimensions=order)
