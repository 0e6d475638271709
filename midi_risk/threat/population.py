"""Population tables: how many people could be mistaken for the subjects of a class.

A table gives people (or new cases per year) by age, sex, area... A class of the release
takes the cells that its quasi-identifiers select; what a table does not know stays
unknown and is counted low, never high.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from midi_risk.errors import MeasureError, ThreatModelError, did_you_mean
from midi_risk.threat.age_bands import Band, common_bands

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
