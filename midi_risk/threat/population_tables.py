"""Reading population tables: the packaged ones and any CSV or Parquet of the user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from midi_risk.errors import SourceError, ThreatModelError, did_you_mean
from midi_risk.resources import resource_folder
from midi_risk.threat.age_bands import OPEN, parse_age_band
from midi_risk.threat.population import CASES, PEOPLE, PopulationTable, Unit, sum_over

_TOTALS = {"total", "t", "all", "all ages", "both sexes", "unk", "unknown"}
_SUPPRESSED = {"", "+", "~", ":", "*", "s", "na", "nan", "none"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Packaged:
    file: str
    source: str
    year: str
    unit: Unit
    about: str


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
