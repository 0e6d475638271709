"""The built-in ladders: one entry holds everything that is known of a ladder.

A new ladder is one entry of `_ENTRIES`. Classes and tables, the search, DICOM copies, exported
scripts and `midi-risk explain ladder` read it from there; tests compare two pages of the
documentation with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from midi_risk.attributes.model import Kind
from midi_risk.attributes.recoding import (
    CENSUS,
    EMPLOYMENT,
    FIRST_WORD,
    MAJOR,
    METRES_BELOW,
    Bands,
    Common,
    Diagnosis,
    EqualBins,
    Grid,
    Hours,
    Largest,
    Material,
    Period,
    Places,
    Scale,
    Step,
    TwoDigits,
    Write,
    age_cuts,
    cuts_of_numbers,
    labels_at,
    measure_bands,
    portable_steps,
    year_bands,
)
from midi_risk.attributes.stand_ins import number_of_band
from midi_risk.errors import HierarchyError, did_you_mean

EXACT, REMOVED, COUNT, COMMON, CUTS = "exact", "removed", "count", "common", "bands"

_ENDS = {
    EXACT: "exact values",
    REMOVED: "removed",
    COUNT: "only the number of distinct values",
    COMMON: "values of few subjects together as 'other'",
    CUTS: "bands at the given cut points",
}
"""What levels do that any hierarchy may have."""

TOP_AGE = 90
"""Ages from here on are one group: HIPAA 45 CFR 164.514(b)(2)(i)(C) allows up to 89."""


@dataclass(frozen=True, slots=True)
class Level:
    """A level between the exact value and its removal.

    Parameters
    ----------
    name : str
    describe : str
        What it does, in plain English.
    steps : tuple of Step
        How the exact value becomes the label.
    """

    name: str
    describe: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """One built-in ladder.

    Parameters
    ----------
    name : str
    levels : tuple of Level
        Between ``exact`` and ``removed``; each only merges groups of the one before.
    samples : tuple of str
        Invented values that pass through every level, for documentation and tests.
    reads : Kind, optional
        How values are parsed; None takes them as they are.
    scale : Scale
        What the number of a value counts.
    default_of : Kind, optional
        Attributes of this kind that name no ladder have this one.
    measure : bool
        Whether values are measures of a body, of which no living person has zero, a negative
        number or all nines.
    zero_is_missing : bool
        Whether a 0 that is written would be read as unknown.
    unit : str
        Unit that ends the labels.
    tells_of : {"", "scanner", "site"}
        What a value speaks of, for the channel of devices and sites.
    gives_back : tuple of str
        Ladders of attributes that an exact value of this one would give back.
    stays_here : str
        Why no other tool can be given its levels; empty where it can.
    """

    name: str
    levels: tuple[Level, ...] = ()
    samples: tuple[str, ...] = ("A", "B")
    reads: Kind | None = None
    scale: Scale = Scale.ITSELF
    default_of: Kind | None = None
    measure: bool = False
    zero_is_missing: bool = False
    unit: str = ""
    tells_of: Literal["", "scanner", "site"] = ""
    gives_back: tuple[str, ...] = ()
    stays_here: str = ""

    @property
    def steps(self) -> tuple[str, ...]:
        """Names of the levels between ``exact`` and ``removed``."""
        return tuple(level.name for level in self.levels)

    @property
    def level_names(self) -> tuple[str, ...]:
        """All levels, exact first."""
        return (EXACT, *self.steps, REMOVED)

    @property
    def of_value_alone(self) -> bool:
        """Whether labels follow from the value alone, not from what other subjects have."""
        steps = [step for level in self.levels for step in level.steps]
        return bool(steps) and all(step.alone for step in steps)

    def columns(
        self,
        text: Sequence[str],
        number: np.ndarray | None = None,
        *,
        counts: Sequence[int] | None = None,
        floor: int = 11,
    ) -> list[list[str]]:
        """Return the label of each value, one list per level.

        Parameters
        ----------
        text : sequence of str
            Distinct canonical values.
        number : numpy.ndarray, shape (n,), optional
            As `normalise` yields it for the kind that the ladder reads.
        counts : sequence of int, optional
            Subjects per value; without them nothing counts as rare.
        floor : int
            Values of fewer subjects are rare.

        Examples
        --------
        >>> LADDERS["date"].columns(["2012-03-17"], np.array([734579.0]))[1]
        ['2012-03']
        """
        material = Material(text, number, scale=self.scale, counts=counts, floor=floor)
        found: list[list[str]] = []
        before: tuple[Step, ...] = ()
        for level in self.levels:
            goes_on = found and level.steps[: len(before)] == before
            rest = level.steps[len(before) :] if goes_on else level.steps
            found.append(labels_at(rest, material.named(found[-1]) if goes_on else material))
            before = level.steps
        return found

    def label(self, level: int, text: str, number: float) -> str:
        """Return the label of one value at a level between exact and removed."""
        material = Material([text], np.array([number]), scale=self.scale)
        return labels_at(self.levels[level - 1].steps, material)[0]

    def level(self, name: str) -> Level | None:
        """Return a level between exact and removed, None where there is none of that name."""
        return next((level for level in self.levels if level.name == name), None)

    def portable(
        self, level: str, write: Write, shown: Sequence[str] = ()
    ) -> tuple[Mapping[str, Any], ...] | None:
        """Return a level as plain data for another tool, None where it stays here.

        Parameters
        ----------
        level : str
            Its name.
        write : callable
            Label, and a value before it -> what is written for the label.
        shown : sequence of str
            Labels of the level, where the values at hand decide on its bands.

        Notes
        -----
        A name that nobody was counted with has no label where labels depend on others; so the
        steps of a ladder of names end in a list of the labels that are shown.
        """
        found = self.level(level)
        if found is None or self.stays_here:
            return None
        steps = [
            step.fitted(shown) if isinstance(step, EqualBins) else step for step in found.steps
        ]
        names = self.reads is None and not self.of_value_alone
        if names and not any(isinstance(step, Common) for step in steps):
            steps.append(Common())
        return portable_steps(steps, write, self.scale, positive=self.measure)

    def number_for(self, label: str, before: float | None = None) -> float | None:
        """Return the number that stands for a label, in the unit that a value before it had.

        Parameters
        ----------
        label : str
        before : float, optional
            Without it the unit is that of the label.

        Examples
        --------
        >>> LADDERS["height"].number_for("170-174 cm", 1.72), LADDERS["weight"].number_for("0-4 kg")
        (1.725, 2.5)
        """
        number = number_of_band(label, zero_is_missing=self.zero_is_missing)
        metres = self.scale is Scale.METRES and before is not None and before < METRES_BELOW
        if number is not None and metres and label.endswith(self.unit):
            return round(number / 100, 6)
        return number


def _dates(*periods: tuple[str, str]) -> tuple[Level, ...]:
    return tuple(Level(name, describe, (Period(name),)) for name, describe in periods)


_AGES = (
    Level(
        "years",
        "whole years, under 1 year together, ages 90 and over together",
        (
            Bands(
                (
                    (0, "<1"),
                    *((year, str(year)) for year in range(1, TOP_AGE)),
                    (TOP_AGE, f"{TOP_AGE}+"),
                )
            ),
        ),
    ),
    Level(
        "5y",
        "5-year bands, ages 90 and over together",
        (year_bands(range(0, TOP_AGE + 1, 5)),),
    ),
    Level(
        "10y",
        "10-year bands, ages 90 and over together",
        (year_bands(range(0, TOP_AGE + 1, 10)),),
    ),
    Level("20y", "20-year bands, ages 80 and over together", (year_bands((0, 20, 40, 60, 80)),)),
    Level("adult", "under 20, or 20 and over", (year_bands((0, 20)),)),
)

_BMI_UNITS = (*range(1, 19), 18.5, *range(19, 101))
_RARE = (Level(COMMON, _ENDS[COMMON], (Common(),)),)
_OTHERS_COUNT = "which label a value has depends on what other subjects have"
_LISTS = "the lists that it looks values up in are not handed on"

_ENTRIES = (
    Ladder(
        name="age",
        levels=_AGES,
        samples=("173M", "66", "94"),
        reads=Kind.AGE,
        scale=Scale.MONTHS,
        default_of=Kind.AGE,
        zero_is_missing=True,
    ),
    Ladder(
        name="agedays",
        levels=_AGES,
        samples=("5270", "24106"),
        reads=Kind.NUMBER,
        scale=Scale.DAYS,
        stays_here="a column of days would hold years; no DICOM element holds an age in days",
    ),
    Ladder(
        name="birthdate",
        levels=_dates(
            ("month", "month of birth"),
            ("year", "year of birth"),
            ("5y", "5-year birth cohorts"),
            ("10y", "10-year birth cohorts"),
        ),
        samples=("1950-03-17", "1988-11-02"),
        reads=Kind.DATE,
        gives_back=("age", "agedays"),
    ),
    Ladder(
        name="date",
        levels=_dates(
            ("week", "weeks of the month (days 1-7 8-14 15-21 22 and later)"),
            ("month", "months"),
            ("quarter", "quarters"),
            ("year", "years"),
        ),
        samples=("2012-03-17", "2012-11-02"),
        reads=Kind.DATE,
        default_of=Kind.DATE,
    ),
    Ladder(
        name="datetime",
        levels=_dates(
            ("date", "dates without the time of day"), ("month", "months"), ("year", "years")
        ),
        samples=("2012-03-17", "2012-11-02"),
        reads=Kind.DATE,
    ),
    Ladder(
        name="year",
        levels=_dates(("5y", "5-year periods"), ("10y", "10-year periods")),
        samples=("1987", "2012"),
        reads=Kind.DATE,
    ),
    Ladder(
        name="time",
        levels=(
            Level("hour", "hours", (Hours(1),)),
            Level("part", "parts of the day (6 hours)", (Hours(6),)),
        ),
        samples=("08:30:00", "17:05:12"),
        reads=Kind.TIME,
        default_of=Kind.TIME,
    ),
    Ladder(
        name="offset",
        levels=tuple(
            Level(name, describe, (Grid(days, "days {low} to {last}"),))
            for name, describe, days in (
                ("week", "weeks", 7),
                ("4weeks", "4-week periods", 28),
                ("year", "52-week periods", 364),
                ("5y", "260-week periods", 1820),
                ("10y", "520-week periods", 3640),
            )
        ),
        samples=("-12", "400"),
        reads=Kind.NUMBER,
        stays_here="days from an event have no bounds between which bands could be listed",
    ),
    Ladder(
        name="height",
        levels=(
            Level("1cm", "whole centimetres", (Grid(1, "{low} cm", 400),)),
            Level("5cm", "5 cm bands", (Grid(5, "{low}-{last} cm", 400),)),
            Level("10cm", "10 cm bands", (Grid(10, "{low}-{last} cm", 400),)),
            Level(
                "bands",
                "20 cm bands, below 150 cm and from 190 cm together",
                (measure_bands((150, 170, 190), "cm", 1),),
            ),
        ),
        samples=("1.72", "1.86"),
        reads=Kind.NUMBER,
        scale=Scale.METRES,
        measure=True,
        zero_is_missing=True,
        unit="cm",
    ),
    Ladder(
        name="weight",
        levels=(
            Level("1kg", "whole kilograms", (Grid(1, "{low} kg", 500),)),
            Level("5kg", "5 kg bands", (Grid(5, "{low}-{last} kg", 500),)),
            Level("10kg", "10 kg bands", (Grid(10, "{low}-{last} kg", 500),)),
            Level(
                "bands",
                "20 kg bands, below 50 kg and from 110 kg together",
                (measure_bands((50, 70, 90, 110), "kg", 1),),
            ),
        ),
        samples=("64.5", "112"),
        reads=Kind.NUMBER,
        measure=True,
        zero_is_missing=True,
        unit="kg",
    ),
    Ladder(
        name="bmi",
        levels=(
            Level("1", "bands of one unit", (measure_bands(_BMI_UNITS, "", 0.1),)),
            Level(
                "class", "WHO classes", (measure_bands((18.5, 25.0, 30.0, 35.0, 40.0), "", 0.1),)
            ),
        ),
        samples=("18.6", "27.4"),
        reads=Kind.NUMBER,
        measure=True,
        zero_is_missing=True,
        gives_back=("height", "weight"),
    ),
    Ladder(
        name="number",
        levels=(
            Level("rounded", "two significant digits", (TwoDigits(),)),
            Level("binned", "about ten equal bands", (EqualBins(),)),
        ),
        samples=("143.7", "9.25"),
        reads=Kind.NUMBER,
        default_of=Kind.NUMBER,
    ),
    Ladder(
        name="count",
        levels=(
            Level(
                "binned",
                "1, 2, 3-5, 6-10, more than 10",
                (Bands(((0, "0"), (1, "1"), (2, "2"), (3, "3-5"), (6, "6-10"), (11, ">10"))),),
            ),
        ),
        samples=("2", "7"),
        reads=Kind.NUMBER,
    ),
    Ladder(
        name="geo",
        levels=(
            Level("postcode3", "first three characters of the postcode", (Places(3),)),
            Level("region", "postal or world region", (Places(1, region=True),)),
        ),
        samples=("Ohio", "Germany"),
        stays_here=_LISTS,
    ),
    Ladder(
        name="race",
        levels=(
            Level("census", "census groups", (CENSUS,)),
            Level("collapsed", "the largest census group against all others", (CENSUS, Largest())),
        ),
        samples=("White", "Asian Indian"),
        stays_here=_OTHERS_COUNT,
    ),
    Ladder(
        name="occupation",
        levels=(
            Level("employment", "in work, in education, retired or not in work", (EMPLOYMENT,)),
        ),
        samples=("retired nurse", "student"),
        stays_here=_LISTS,
    ),
    Ladder(
        name="device",
        levels=(
            Level("family", "first word of the device or maker name", (FIRST_WORD,)),
            Level(COMMON, _ENDS[COMMON], (FIRST_WORD, Common())),
        ),
        samples=("SIEMENS Biograph 64", "GE MEDICAL SYSTEMS"),
        tells_of="scanner",
    ),
    Ladder(
        name="software",
        levels=(Level("major", "major version", (MAJOR,)),),
        samples=("syngo MR E11.2", "VB17A"),
        tells_of="scanner",
    ),
    Ladder(name="institution", levels=_RARE, tells_of="site"),
    Ladder(name="enum", levels=_RARE, default_of=Kind.CATEGORY),
    Ladder(
        name="diag",
        levels=(
            Level("3char", "three-character ICD-10 categories", (Diagnosis(),)),
            Level("chapter", "ICD-10 chapters", (Diagnosis(chapter=True),)),
        ),
        samples=("C34.1", "J44.9"),
        stays_here=_LISTS,
    ),
    Ladder(name="sex", default_of=Kind.SEX),
    Ladder(name="text", default_of=Kind.TEXT),
    Ladder(name="code"),
    Ladder(name="remove", default_of=Kind.IDENTIFIER),
    Ladder(name="uid"),
    Ladder(name="pixels"),
    Ladder(name="payload"),
    Ladder(name="flag"),
    Ladder(name="private"),
)

LADDERS: Mapping[str, Ladder] = MappingProxyType({ladder.name: ladder for ladder in _ENTRIES})
"""Built-in ladders by identifier; steps that need knowledge from outside the data
(a mapped code, a per-patient shift, a site pseudonym) are left out."""

DEFAULT_LADDER: Mapping[Kind, str] = MappingProxyType(
    {ladder.default_of: ladder.name for ladder in _ENTRIES if ladder.default_of is not None}
)
"""Ladder of an attribute that names none."""

PERIODS: Mapping[str, tuple[str, int]] = MappingProxyType(
    {
        name: (ladder, level)
        for ladder in ("date", "birthdate")
        for level, name in enumerate(LADDERS[ladder].steps, start=1)
        if ladder == "date" or name not in LADDERS["date"].steps
    }
)
"""Period of dates -> a ladder and its level that put dates into it."""


def find_ladder(name: str) -> Ladder:
    """Return a built-in ladder.

    Raises
    ------
    HierarchyError
        When there is none of that name.

    Examples
    --------
    >>> find_ladder("age").level_names
    ('exact', 'years', '5y', '10y', '20y', 'adult', 'removed')
    """
    if name not in LADDERS:
        raise HierarchyError(f"no generalisation ladder '{name}'", hint=did_you_mean(name, LADDERS))
    return LADDERS[name]


def describe_level(ladder: str, level: str) -> str | None:
    """Return what a level of a built-in ladder does, in plain English; None if unknown.

    Examples
    --------
    >>> describe_level("date", "quarter"), describe_level("", "removed")
    ('quarters', 'removed')
    """
    found = LADDERS[ladder].level(level) if ladder in LADDERS else None
    return _ENDS.get(level) if found is None else found.describe


def cut_ladder(cuts: Sequence[float], kind: Kind) -> Ladder:
    """Return the ladder of given cut points, of an age in years or of a number."""
    ages = kind is Kind.AGE
    return Ladder(
        name="number",
        levels=(Level(CUTS, _ENDS[CUTS], (age_cuts(cuts) if ages else cuts_of_numbers(cuts),)),),
        reads=Kind.AGE if ages else Kind.NUMBER,
        scale=Scale.MONTHS if ages else Scale.ITSELF,
    )
