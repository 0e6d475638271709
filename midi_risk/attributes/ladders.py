"""The built-in ladders: their levels, and how each is made from values.

Generalisation of ages, dates, times of day and day offsets.

Generalisation of places, groups of people, devices, codes and other names.

Generalisation of numbers, body measures and counts.

The value that stands for a band where a band itself cannot be written.

A DICOM age string, date, time or number holds one value, so a band is written as its
lower bound. A band that begins at zero or has no lower bound is written as its middle,
because ``000Y`` and a weight of 0 mean that nothing is known.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from types import MappingProxyType

import numpy as np

from midi_risk.attributes.ages import plain
from midi_risk.attributes.model import Kind
from midi_risk.errors import HierarchyError, did_you_mean
from midi_risk.resources import data_rows

UNPARSED = "*"

_BIN = re.compile(r"(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)")
_OPEN = re.compile(r"(\d+(?:\.\d+)?)\+")
_UNDER = re.compile(r"<(\d+(?:\.\d+)?)")
TOP_AGE = 90
"""Ages from here on are one group: HIPAA 45 CFR 164.514(b)(2)(i)(C) allows up to 89."""

_AGE_EDGES = {
    "5y": (*range(0, 95, 5), math.inf),
    "10y": (*range(0, 100, 10), math.inf),
    "20y": (0, 20, 40, 60, 80, math.inf),
    "adult": (0, 20, math.inf),
}


def _span(text: str, months: float) -> tuple[float, float]:
    """Return the first and last completed year that an age can mean."""
    if match := _BIN.fullmatch(text):
        return math.floor(float(match.group(1))), math.floor(float(match.group(2)))
    if match := _OPEN.fullmatch(text):
        return math.floor(float(match.group(1))), math.inf
    if match := _UNDER.fullmatch(text):
        return 0, max(0, math.ceil(float(match.group(1))) - 1)
    year = math.floor(months / 12 + 1e-9)
    return year, year


def _year_label(low: float, high: float) -> str | None:
    if low >= TOP_AGE:
        return f"{TOP_AGE}+"
    if low != high:
        return None
    return "<1" if low == 0 else str(int(low))


def _band_label(low: float, high: float, edges: Sequence[float]) -> str | None:
    for start, stop in pairwise(edges):
        if start <= low < stop:
            if math.isinf(stop):
                return f"{int(start)}+"
            return f"{int(start)}-{int(stop) - 1}" if high < stop else None
    return None


def age_columns(text: Sequence[str], months: np.ndarray) -> list[list[str]]:
    """Return ages as whole years, 5-, 10- and 20-year bands, and minor or adult.

    A bin that straddles two bands keeps its own text until a band holds all of it.
    """
    columns: list[list[str]] = [[] for _ in range(1 + len(_AGE_EDGES))]
    for value, number in zip(text, months.tolist(), strict=True):
        if math.isnan(number):
            labels: list[str] = [UNPARSED] * len(columns)
        else:
            low, high = _span(value, number)
            found = [_year_label(low, high)]
            found += [_band_label(low, high, edges) for edges in _AGE_EDGES.values()]
            labels = [value if label is None else label for label in found]
        for column, label in zip(columns, labels, strict=True):
            column.append(label)
    return columns


def age_cut_columns(
    text: Sequence[str], months: np.ndarray, cuts: Sequence[float]
) -> list[list[str]]:
    """Return ages in the bands between given years; a bin that straddles two keeps its text."""
    edges = (*sorted({0, *(math.ceil(cut) for cut in cuts if cut > 0)}), math.inf)
    column = []
    for value, number in zip(text, months.tolist(), strict=True):
        label: str | None = UNPARSED
        if not math.isnan(number):
            label = _band_label(*_span(value, number), edges)
        column.append(value if label is None else label)
    return [column]


def age_in_days_columns(text: Sequence[str], days: np.ndarray) -> list[list[str]]:
    """Return ages in days (days to birth are negative) at the steps of the age ladder."""
    return age_columns(text, np.abs(days) * 12 / 365.25)


def _week(text: str) -> str:
    if len(text) != 10:
        return text
    block = min((int(text[8:]) - 1) // 7, 3)
    return f"{text[:7]}-{('01/07', '08/14', '15/21', '22/31')[block]}"


def _quarter(text: str) -> str:
    return f"{text[:4]}-Q{(int(text[5:7]) + 2) // 3}" if len(text) >= 7 else text


def _years(width: int) -> Callable[[str], str]:
    def label(text: str) -> str:
        start = int(text[:4]) // width * width
        return f"{start}-{start + width - 1}"

    return label


_DATE_STEPS: dict[str, tuple[Callable[[str], str], ...]] = {
    "date": (_week, lambda text: text[:7], _quarter, lambda text: text[:4]),
    "datetime": (lambda text: text, lambda text: text[:7], lambda text: text[:4]),
    "birthdate": (lambda text: text[:7], lambda text: text[:4], _years(5), _years(10)),
    "year": (_years(5), _years(10)),
}


def date_step(name: str) -> Callable[[str], str]:
    """Return how a date (``YYYY-MM-DD`` or partial) is labelled at a step.

    Examples
    --------
    >>> date_step("quarter")("2012-05-17"), date_step("5y")("2012-05-17")
    ('2012-Q2', '2010-2014')
    """
    steps: dict[str, Callable[[str], str]] = {
        "week": _week,
        "month": lambda text: text[:7],
        "quarter": _quarter,
        "year": lambda text: text[:4],
        "5y": _years(5),
        "10y": _years(10),
    }
    return steps[name]


def date_columns(ladder: str, text: Sequence[str], days: np.ndarray) -> list[list[str]]:
    """Return dates (``YYYY-MM-DD`` or partial) at the steps of a date ladder.

    Weeks are the blocks 1-7, 8-14, 15-21 and 22 to the end of a month, because
    calendar weeks do not nest in months.
    """
    known = np.isfinite(days).tolist()
    return [
        [step(value) if good else UNPARSED for value, good in zip(text, known, strict=True)]
        for step in _DATE_STEPS[ladder]
    ]


def time_columns(seconds: np.ndarray) -> list[list[str]]:
    """Return times of day as hours and as four parts of the day."""
    columns: list[list[str]] = [[], []]
    for value in seconds.tolist():
        if math.isnan(value):
            hour = part = UNPARSED
        else:
            clock = int(value) // 3600
            start = clock // 6 * 6
            hour, part = f"{clock:02d}:00-{clock:02d}:59", f"{start:02d}:00-{start + 5:02d}:59"
        columns[0].append(hour)
        columns[1].append(part)
    return columns


OFFSET_DAYS = (7, 28, 364, 1820, 3640)
"""Widths, in days, of the steps of the offset ladder: each divides the next."""


def offset_columns(text: Sequence[str], days: np.ndarray) -> list[list[str]]:
    """Return day offsets in periods of 1, 4, 52, 260 and 520 weeks that nest."""
    columns: list[list[str]] = []
    for width in OFFSET_DAYS:
        column = []
        for value, day in zip(text, days.tolist(), strict=True):
            if math.isnan(day):
                column.append(UNPARSED)
            elif value != plain(day):
                column.append(value)
            else:
                start = math.floor(day / width) * width
                column.append(f"days {start} to {start + width - 1}")
        columns.append(column)
    return columns


OTHER = "other"

_POSTCODES = (
    re.compile(r"\d{5}(?:-?\d{4})?"),
    re.compile(r"[A-Z]\d[A-Z] ?\d[A-Z]\d"),
    re.compile(r"[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}"),
    re.compile(r"\d{4} ?[A-Z]{2}"),
    re.compile(r"\d{4}"),
)


def is_postcode(text: str) -> bool:
    """Return whether text has the form of a US, CA, UK, NL, DE, FR, AT or CH postcode."""
    return any(form.fullmatch(text.upper()) for form in _POSTCODES)


@cache
def _regions() -> dict[str, str]:
    return {row["name"].casefold(): row["region"] for row in data_rows("geo_regions.csv")}


def is_known_region(text: str) -> bool:
    """Return whether text is the name of a country or of a US state."""
    return text.casefold() in _regions()


def geo_columns(text: Sequence[str]) -> list[list[str]]:
    """Return postcodes as their first three characters and their postal region.

    Names of states and countries stay at the first step and become their census or
    world region at the second; a name that is in no list is removed there.
    """
    postal = sum(map(is_postcode, text)) >= 0.8 * len(text) > 0
    if postal:
        known = [is_postcode(value) for value in text]
        return [
            [f"{v[:3].upper()}**" if k else UNPARSED for v, k in zip(text, known, strict=True)],
            [f"{v[:1].upper()}****" if k else UNPARSED for v, k in zip(text, known, strict=True)],
        ]
    regions = _regions()
    return [list(text), [regions.get(value.casefold(), UNPARSED) for value in text]]


_RACES = tuple(
    (re.compile(pattern, re.IGNORECASE), group)
    for pattern, group in (
        (r"not hispanic|non.?hispanic$|no hispan", "not Hispanic"),
        (r"two or more|more than one|multi|mixed|biracial", "several groups"),
        (r"american indian|alaska|native american|aian|indigenous|first nation", "American Indian"),
        (r"hawai|pacific|nhpi|maori|samoan", "Pacific Islander"),
        (r"hispanic|latin", "Hispanic"),
        (r"asian|chinese|japanese|korean|indian|filipin|vietnam|thai|pakistan|bangla", "Asian"),
        (r"black|african|afro|caribbean", "Black"),
        (r"white|caucas|european|british|irish|middle east|arab", "White"),
        (r"^other|some other|another", OTHER),
    )
)


def _race(value: str) -> str:
    for pattern, group in _RACES:
        if pattern.search(value):
            return group
    return UNPARSED


def is_named_race(text: str) -> bool:
    """Return whether text names a race or ethnic group of the census."""
    return _race(text) not in (UNPARSED, OTHER)


def race_columns(text: Sequence[str], counts: Sequence[int] | None) -> list[list[str]]:
    """Return race or ethnicity as census groups, then the largest against all others.

    Without counts the second step equals the first: nothing says which is largest.
    """
    census = [_race(value) for value in text]
    if counts is None:
        return [census, census]
    totals: dict[str, int] = {}
    for group, n in zip(census, counts, strict=True):
        totals[group] = totals.get(group, 0) + n
    named = [group for group in totals if group != UNPARSED]
    largest = max(named, key=lambda group: (totals[group], group), default=UNPARSED)
    return [census, [g if g in (largest, UNPARSED) else OTHER for g in census]]


_EMPLOYMENT = tuple(
    (re.compile(pattern, re.IGNORECASE), group)
    for pattern, group in (
        (r"retire|pension|rentner|jubilad|retrait", "retired"),
        (r"student|pupil|school ?child|schüler|étudiant|estudiante|apprentice", "in education"),
        (r"unemploy|not employed|not working|arbeitslos|chômeu|desemplead", "not in work"),
        (r"homemaker|housewife|hausfrau|disab|at home|child|infant|minor", "not in work"),
    )
)


def _employment(value: str) -> str:
    for pattern, group in _EMPLOYMENT:
        if pattern.search(value):
            return group
    return "in work"


def occupation_columns(text: Sequence[str]) -> list[list[str]]:
    """Return occupations as in work, in education, retired or not in work."""
    return [[_employment(value) for value in text]]


_WORD = re.compile(r"[^\W\d_]+")


def _family(value: str) -> str:
    match = _WORD.search(value)
    return match.group().upper() if match else value


def common_column(text: Sequence[str], counts: Sequence[int] | None, floor: int) -> list[str]:
    """Return values that at least `floor` subjects have; the rest become ``other``.

    Without counts nothing is rare.
    """
    if counts is None:
        return list(text)
    totals: dict[str, int] = {}
    for value, n in zip(text, counts, strict=True):
        totals[value] = totals.get(value, 0) + n
    return [value if totals[value] >= floor or value == UNPARSED else OTHER for value in text]


def device_columns(
    text: Sequence[str], counts: Sequence[int] | None, floor: int
) -> list[list[str]]:
    """Return device or maker names as their first word, then the common ones."""
    family = [_family(value) for value in text]
    return [family, common_column(family, counts, floor)]


_MAJOR = re.compile(r"\D*\d+")


def software_columns(text: Sequence[str]) -> list[list[str]]:
    """Return software versions up to the first number."""
    return [[m.group() if (m := _MAJOR.match(value)) else value for value in text]]


_ICD10 = re.compile(r"([A-TV-Z]\d[\dA-Z])\.?[\dA-Z]{0,4}", re.IGNORECASE)
_CHAPTERS = (
    "A00", "C00", "D50", "E00", "F00", "G00", "H00", "H60", "I00", "J00", "K00", "L00", "M00",
    "N00", "O00", "P00", "Q00", "R00", "S00", "V00", "Z00",
)  # fmt: skip


def _chapter(category: str) -> str:
    start = max(first for first in _CHAPTERS if first <= category)
    return f"chapter from {start}"


def diagnosis_columns(text: Sequence[str]) -> list[list[str]]:
    """Return ICD-10 codes as three-character categories and chapters; others are removed."""
    matches = [_ICD10.fullmatch(value) for value in text]
    category = [m.group(1).upper() if m else UNPARSED for m in matches]
    return [category, [_chapter(c) if c != UNPARSED else UNPARSED for c in category]]


_HEIGHT_BANDS = (0.0, 150.0, 170.0, 190.0, math.inf)
_WEIGHT_BANDS = (0.0, 50.0, 70.0, 90.0, 110.0, math.inf)
_BMI_CLASSES = (0.0, 18.5, 25.0, 30.0, 35.0, 40.0, math.inf)
_BMI_UNITS = (*(float(i) for i in range(19)), 18.5, *(float(i) for i in range(19, 101)), math.inf)
_METRES_BELOW = 3.5
"""A height below this is in metres (DICOM), otherwise in centimetres."""


def _each(text: Sequence[str], numbers: np.ndarray, label: Callable[[float], str]) -> list[str]:
    """Label plain numbers; an open end or bin keeps its text, the unparsed is removed."""
    column = []
    for value, number in zip(text, numbers.tolist(), strict=True):
        if math.isnan(number):
            column.append(UNPARSED)
        else:
            column.append(label(number) if value == plain(number) else value)
    return column


def _grid(width: float, unit: str) -> Callable[[float], str]:
    def label(number: float) -> str:
        start = math.floor(number / width + 1e-9) * width
        if width == 1:
            return f"{plain(start)} {unit}"
        return f"{plain(start)}-{plain(start + width - 1)} {unit}"

    return label


def _bands(edges: Sequence[float], unit: str, last: float) -> Callable[[float], str]:
    def label(number: float) -> str:
        place = min(max(bisect_right(edges, number) - 1, 0), len(edges) - 2)
        low, high = edges[place], edges[place + 1]
        if place == 0:
            text = f"<{plain(high)}"
        elif math.isinf(high):
            text = f"{plain(low)}+"
        else:
            text = f"{plain(low)}-{plain(round(high - last, 6))}"
        return f"{text} {unit}".strip()

    return label


def height_columns(text: Sequence[str], numbers: np.ndarray) -> list[list[str]]:
    """Return heights, in metres or centimetres, in 1, 5, 10 and 20 cm bands."""

    def metric(label: Callable[[float], str]) -> Callable[[float], str]:
        return lambda number: label(round(number * 100, 6) if number < _METRES_BELOW else number)

    steps = (
        _grid(1, "cm"),
        _grid(5, "cm"),
        _grid(10, "cm"),
        _bands(_HEIGHT_BANDS, "cm", 1),
    )
    return [_each(text, numbers, metric(step)) for step in steps]


def weight_columns(text: Sequence[str], numbers: np.ndarray) -> list[list[str]]:
    """Return weights in kilograms in 1, 5, 10 and 20 kg bands."""
    steps = (
        _grid(1, "kg"),
        _grid(5, "kg"),
        _grid(10, "kg"),
        _bands(_WEIGHT_BANDS, "kg", 1),
    )
    return [_each(text, numbers, step) for step in steps]


def bmi_columns(text: Sequence[str], numbers: np.ndarray) -> list[list[str]]:
    """Return body mass indices in units (18 is cut at 18.5) and WHO classes."""
    steps = (_bands(_BMI_UNITS, "", 0.1), _bands(_BMI_CLASSES, "", 0.1))
    return [_each(text, numbers, step) for step in steps]


def _two_digits(number: float) -> float:
    return float(f"{number:.1e}")


def nice_step(low: float, high: float, bands: int = 10) -> float:
    """Return 1, 2 or 5 times a power of ten that cuts a range into about so many bands.

    Examples
    --------
    >>> nice_step(0, 870)
    100.0
    """
    span = high - low
    if not span > 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(span / bands))
    for factor in (1, 2, 5):
        if span / (power * factor) <= bands:
            return float(power * factor)
    return float(power * 10)


def number_columns(text: Sequence[str], numbers: np.ndarray) -> list[list[str]]:
    """Return numbers to two significant digits, then in about ten equal bands.

    The bands hold the rounded numbers, so that the steps nest.
    """
    finite = numbers[np.isfinite(numbers)]
    step = 1.0
    if finite.size:
        step = nice_step(_two_digits(float(finite.min())), _two_digits(float(finite.max())))

    def band(number: float) -> str:
        start = math.floor(_two_digits(number) / step + 1e-9)
        return f"[{step * start:.10g}, {step * (start + 1):.10g})"

    return [
        _each(text, numbers, lambda number: plain(_two_digits(number))),
        _each(text, numbers, band),
    ]


def cut_columns(text: Sequence[str], numbers: np.ndarray, cuts: Sequence[float]) -> list[list[str]]:
    """Return numbers in the bands between given cut points."""
    edges = sorted(set(cuts))

    def label(number: float) -> str:
        place = bisect_right(edges, number)
        if place == 0:
            return f"<{plain(edges[0])}"
        if place == len(edges):
            return f">={plain(edges[-1])}"
        return f"[{plain(edges[place - 1])}, {plain(edges[place])})"

    return [_each(text, numbers, label)]


def count_columns(text: Sequence[str], numbers: np.ndarray) -> list[list[str]]:
    """Return counts as 1, 2, 3-5, 6-10 and more than 10."""

    def label(number: float) -> str:
        if number <= 2:
            return plain(number)
        return "3-5" if number <= 5 else "6-10" if number <= 10 else ">10"

    return [_each(text, numbers, label)]


EXACT, REMOVED, COUNT, COMMON = "exact", "removed", "count", "common"


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Distinct canonical values that a ladder is built for.

    Parameters
    ----------
    text : sequence of str
        Canonical values.
    number : numpy.ndarray
        Shape (n,), as `normalise` yields it for the kind that the ladder reads.
    counts : sequence of int, optional
        Subjects per value; without them nothing counts as rare.
    floor : int
        Values of fewer subjects are rare.
    """

    text: Sequence[str]
    number: np.ndarray
    counts: Sequence[int] | None
    floor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """One built-in ladder.

    Parameters
    ----------
    steps : tuple of str
        Names of the levels between ``exact`` and ``removed``.
    columns : callable
        Makes one column of labels per step.
    reads : Kind, optional
        How values are parsed; None takes them as they are.
    """

    steps: tuple[str, ...]
    columns: Callable[[Material], list[list[str]]]
    reads: Kind | None = None

    @property
    def level_names(self) -> tuple[str, ...]:
        """All levels, exact first."""
        return (EXACT, *self.steps, REMOVED)


def _dates(ladder: str) -> Callable[[Material], list[list[str]]]:
    return lambda m: date_columns(ladder, m.text, m.number)


def _common(material: Material) -> list[list[str]]:
    return [common_column(material.text, material.counts, material.floor)]


_AGE_STEPS = ("years", "5y", "10y", "20y", "adult")
_BARE = Ladder(steps=(), columns=lambda _: [])
_RARE = Ladder(steps=(COMMON,), columns=_common)

LADDERS: Mapping[str, Ladder] = MappingProxyType(
    {
        "age": Ladder(
            steps=_AGE_STEPS,
            columns=lambda m: age_columns(m.text, m.number),
            reads=Kind.AGE,
        ),
        "agedays": Ladder(
            steps=_AGE_STEPS,
            columns=lambda m: age_in_days_columns(m.text, m.number),
            reads=Kind.NUMBER,
        ),
        "birthdate": Ladder(
            steps=("month", "year", "5y", "10y"), columns=_dates("birthdate"), reads=Kind.DATE
        ),
        "date": Ladder(
            steps=("week", "month", "quarter", "year"), columns=_dates("date"), reads=Kind.DATE
        ),
        "datetime": Ladder(
            steps=("date", "month", "year"), columns=_dates("datetime"), reads=Kind.DATE
        ),
        "year": Ladder(steps=("5y", "10y"), columns=_dates("year"), reads=Kind.DATE),
        "time": Ladder(
            steps=("hour", "part"), columns=lambda m: time_columns(m.number), reads=Kind.TIME
        ),
        "offset": Ladder(
            steps=("week", "4weeks", "year", "5y", "10y"),
            columns=lambda m: offset_columns(m.text, m.number),
            reads=Kind.NUMBER,
        ),
        "height": Ladder(
            steps=("1cm", "5cm", "10cm", "bands"),
            columns=lambda m: height_columns(m.text, m.number),
            reads=Kind.NUMBER,
        ),
        "weight": Ladder(
            steps=("1kg", "5kg", "10kg", "bands"),
            columns=lambda m: weight_columns(m.text, m.number),
            reads=Kind.NUMBER,
        ),
        "bmi": Ladder(
            steps=("1", "class"),
            columns=lambda m: bmi_columns(m.text, m.number),
            reads=Kind.NUMBER,
        ),
        "number": Ladder(
            steps=("rounded", "binned"),
            columns=lambda m: number_columns(m.text, m.number),
            reads=Kind.NUMBER,
        ),
        "count": Ladder(
            steps=("binned",),
            columns=lambda m: count_columns(m.text, m.number),
            reads=Kind.NUMBER,
        ),
        "geo": Ladder(steps=("postcode3", "region"), columns=lambda m: geo_columns(m.text)),
        "race": Ladder(
            steps=("census", "collapsed"),
            columns=lambda m: race_columns(m.text, m.counts),
        ),
        "occupation": Ladder(steps=("employment",), columns=lambda m: occupation_columns(m.text)),
        "device": Ladder(
            steps=("family", COMMON),
            columns=lambda m: device_columns(m.text, m.counts, m.floor),
        ),
        "software": Ladder(steps=("major",), columns=lambda m: software_columns(m.text)),
        "institution": _RARE,
        "enum": _RARE,
        "diag": Ladder(steps=("3char", "chapter"), columns=lambda m: diagnosis_columns(m.text)),
        "sex": _BARE,
        "text": _BARE,
        "code": _BARE,
        "remove": _BARE,
        "uid": _BARE,
        "pixels": _BARE,
        "payload": _BARE,
        "flag": _BARE,
        "private": _BARE,
    }
)
"""Built-in ladders by identifier; steps that need knowledge from outside the data
(a mapped code, a per-patient shift, a site pseudonym) are left out."""

DEFAULT_LADDER: Mapping[Kind, str] = MappingProxyType(
    {
        Kind.AGE: "age",
        Kind.SEX: "sex",
        Kind.DATE: "date",
        Kind.TIME: "time",
        Kind.NUMBER: "number",
        Kind.CATEGORY: "enum",
        Kind.TEXT: "text",
        Kind.IDENTIFIER: "remove",
    }
)
"""Ladder of an attribute that names none."""


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


@cache
def _described() -> Mapping[tuple[str, str], str]:
    return {(r["ladder"], r["level"]): r["describe"] for r in data_rows("ladder_levels.csv")}


def describe_level(ladder: str, level: str) -> str | None:
    """Return what a level of a built-in ladder does, in plain English; None if unknown."""
    texts = _described()
    return texts.get((ladder, level)) or texts.get(("*", level))


_NUMBER = r"(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)"
_OPEN_BELOW = re.compile(rf"<{_NUMBER}(?: \w+)?")
_OPEN_ABOVE = re.compile(rf"(?:>=)?{_NUMBER}\+?(?: \w+)?")
_ABOVE = re.compile(r">(\d+)")
_BAND = re.compile(rf"{_NUMBER}-{_NUMBER}(?: \w+)?")
_HALF_OPEN = re.compile(rf"\[{_NUMBER}, {_NUMBER}\)")
_OFFSET = re.compile(r"days (-?\d+) to (-?\d+)")
_DATE = re.compile(r"(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?(?:/\d{2})?")
_QUARTER = re.compile(r"(\d{4})-Q([1-4])")
_COHORT = re.compile(r"(\d{4})-(\d{4})")
_HOURS = re.compile(r"(\d{2}):00-\d{2}:59")


def number_of_band(label: str, *, zero_is_missing: bool = False) -> float | None:
    """Return the number that stands for a band of numbers.

    Parameters
    ----------
    label : str
        As the hierarchy shows it.
    zero_is_missing : bool
        Whether 0 would be read as unknown.

    Examples
    --------
    >>> number_of_band("170-174 cm"), number_of_band("<150 cm"), number_of_band("[100, 200)")
    (170.0, 75.0, 100.0)
    >>> number_of_band("0-4 kg", zero_is_missing=True)
    2.5
    """
    for form, width in ((_OFFSET, 1.0), (_HALF_OPEN, 0.0), (_BAND, 1.0)):
        if match := form.fullmatch(label):
            low, high = float(match.group(1)), float(match.group(2)) + width
            return (low + high) / 2 if zero_is_missing and low == 0 else low
    if match := _OPEN_BELOW.fullmatch(label):
        bound = float(match.group(1))
        return bound / 2 if bound > 0 else bound * 2 - 1
    if match := _ABOVE.fullmatch(label):
        return float(match.group(1)) + 1
    if match := _OPEN_ABOVE.fullmatch(label):
        low = float(match.group(1))
        return 0.5 if zero_is_missing and low == 0 else low
    return None


def age_string(label: str) -> str | None:
    """Return the DICOM age string (AS) that stands for an age label.

    Examples
    --------
    >>> age_string("65-69"), age_string("90+"), age_string("0-4"), age_string("<1")
    ('065Y', '090Y', '002Y', '006M')
    """
    if label == "<1":
        return "006M"
    years = number_of_band(label, zero_is_missing=True)
    return None if years is None or not 0 < years < 1000 else f"{int(years):03d}Y"


def date_string(label: str) -> str | None:
    """Return the DICOM date (DA) that stands for a date label: its first day.

    Examples
    --------
    >>> date_string("2012-03"), date_string("2012-Q2"), date_string("1950-1954")
    ('20120301', '20120401', '19500101')
    """
    if match := _COHORT.fullmatch(label):
        return f"{match.group(1)}0101"
    if match := _QUARTER.fullmatch(label):
        return f"{match.group(1)}{int(match.group(2)) * 3 - 2:02d}01"
    if match := _DATE.fullmatch(label):
        year, month, day = match.groups()
        return f"{year}{month or '01'}{day or '01'}"
    return None


def time_string(label: str) -> str | None:
    """Return the DICOM time (TM) that stands for a part of the day: its beginning.

    Examples
    --------
    >>> time_string("12:00-17:59")
    '120000'
    """
    match = _HOURS.fullmatch(label)
    return f"{match.group(1)}0000" if match else None


def decimal_string(number: float) -> str:
    """Return a number as a DICOM decimal string (DS) of at most 16 characters.

    Examples
    --------
    >>> decimal_string(1.7), decimal_string(70.0)
    ('1.7', '70')
    """
    text = plain(round(number, 10))
    return text if len(text) <= 16 else f"{number:.8g}"


_CODE = re.compile(r"[A-Z0-9 _]{1,16}")
_LENGTHS = {"AE": 16, "SH": 16, "LO": 64, "PN": 64, "ST": 1024, "LT": 10240}


def text_for(vr: str, label: str) -> str | None:
    """Return a label as the text of a DICOM value, None where it would not be legal.

    Examples
    --------
    >>> text_for("LO", "SIEMENS"), text_for("CS", "other thing, long and invented")
    ('SIEMENS', None)
    """
    if vr == "CS":
        return label if _CODE.fullmatch(label) else None
    clean = "".join(c for c in label if c.isprintable() and c != "\\").strip()
    return clean[: _LENGTHS.get(vr, 1024)] or None
