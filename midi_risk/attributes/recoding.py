"""How a value is recoded: one description of the steps, and what reads it.

A level of a ladder is a sequence of steps, and everything that recodes a value reads them.
Tables, classes and the search take labels for many values at once (`labels_at`). Another tool
takes the steps as plain data (`portable_steps`), in which nothing is a value of the data. A
DICOM element holds one value: it takes what stands for a label (`attributes.stand_ins`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from itertools import pairwise
from typing import Any, ClassVar, Protocol

import numpy as np

from midi_risk.attributes.ages import MONTHS, plain
from midi_risk.attributes.dates import PERIOD, in_years
from midi_risk.resources import data_rows

UNPARSED, OTHER = "*", "other"
METRES_BELOW = 3.5
"""A height below this is in metres (DICOM), otherwise in centimetres."""

Write = Callable[[str, str], str | None]
"""Label and a value before it (its unit is kept) -> the text that an element holds."""


class Scale(Enum):
    """What the number of a value, as `normalise` yields it, counts."""

    ITSELF = "itself"
    MONTHS = "months of age, banded in completed years"
    DAYS = "days of age, banded in completed years"
    METRES = "metres or centimetres, banded in centimetres"


_BIN = re.compile(r"(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)([MWD]?)")
_OPEN = re.compile(r"(\d+(?:\.\d+)?)\+[MWD]?")
_UNDER = re.compile(r"<(\d+(?:\.\d+)?)([MWD]?)")


def _years(text: str, months: float) -> tuple[float, float]:
    """Return the first and last completed year that an age can mean."""
    if math.isnan(months):
        return months, months
    year = math.floor(months / 12 + 1e-9)
    if match := _BIN.fullmatch(text):
        return year, math.floor(_in_years(match.group(2), match.group(3)) + 1e-9)
    if _OPEN.fullmatch(text):
        return year, math.inf
    if match := _UNDER.fullmatch(text):
        return 0, max(0, math.ceil(_in_years(match.group(1), match.group(2)) - 1e-9) - 1)
    return year, year


def _in_years(number: str, letter: str) -> float:
    return float(number) * MONTHS[letter or "Y"] / 12


_NUMBER = r"(-?\d+(?:\.\d+)?)"
_BETWEEN = re.compile(rf"{_NUMBER}-{_NUMBER}")
_INTERVAL = re.compile(rf"([\[(]){_NUMBER}, {_NUMBER}([\])])")
_FROM = re.compile(rf"{_NUMBER}\+|>=?{_NUMBER}")
_UP_TO = re.compile(rf"<=?{_NUMBER}")


def _numbers(text: str, number: float) -> tuple[float, float]:
    """Return the lowest and highest number that a number, a bin or an open end can mean."""
    if text == plain(number) or math.isnan(number):
        return number, number
    if match := _BETWEEN.fullmatch(text):
        return float(match.group(1)), float(match.group(2))
    if match := _INTERVAL.fullmatch(text):
        low, high = float(match.group(2)), float(match.group(3))
        low = low if match.group(1) == "[" else math.nextafter(low, math.inf)
        return low, high if match.group(4) == "]" else math.nextafter(high, -math.inf)
    if _FROM.fullmatch(text):
        closed = text[0] != ">" or text[1] == "="
        return number if closed else math.nextafter(number, math.inf), math.inf
    if _UP_TO.fullmatch(text):
        return -math.inf, number if text[1] == "=" else math.nextafter(number, -math.inf)
    return number, math.nan


class Material:
    """Distinct canonical values that labels are made for.

    Parameters
    ----------
    text : sequence of str
        Canonical values.
    number : numpy.ndarray, shape (n,), optional
        As `normalise` yields it for the kind that the ladder reads; NaN where there is none.
    scale : Scale
        What the number counts.
    counts : sequence of int, optional
        Subjects per value; without them nothing counts as rare.
    floor : int
        Values of fewer subjects are rare.
    """

    __slots__ = ("_low_high", "counts", "floor", "number", "scale", "text")

    def __init__(
        self,
        text: Sequence[str],
        number: np.ndarray | None = None,
        *,
        scale: Scale = Scale.ITSELF,
        counts: Sequence[int] | None = None,
        floor: int = 11,
    ) -> None:
        self.text = text
        self.number = np.full(len(text), np.nan) if number is None else number
        self.scale = scale
        self.counts = counts
        self.floor = floor
        self._low_high: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def known(self) -> np.ndarray:
        """Which values have a number."""
        found: np.ndarray = ~np.isnan(self.number)
        return found

    def spans(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the lowest and highest number that each value can mean.

        Both are NaN where there is no number. The highest is NaN for a text that is no single
        number, bin or open end; it lies in no band.
        """
        if self._low_high is None:
            self._low_high = self._spans()
        return self._low_high

    def _spans(self) -> tuple[np.ndarray, np.ndarray]:
        number = self.number
        if self.scale is Scale.DAYS:
            number = np.abs(number) * 12 / 365.25
        span = _years if self.scale in {Scale.MONTHS, Scale.DAYS} else _numbers
        found = [span(text, n) for text, n in zip(self.text, number.tolist(), strict=True)]
        pairs = np.array(found, dtype=np.float64).reshape(-1, 2)
        if self.scale is Scale.METRES:
            pairs = np.where(pairs < METRES_BELOW, np.round(pairs * 100, 6), pairs)
        return pairs[:, 0], pairs[:, 1]

    def named(self, text: Sequence[str]) -> Material:
        """Return the same values under the names that an earlier step gave them."""
        return Material(text, self.number, counts=self.counts, floor=self.floor)

    def __repr__(self) -> str:
        """Return counts, never values."""
        return f"Material({len(self.text)} values)"


class Step(Protocol):
    """One step of a level: what becomes of a value, or of what a step before made of it."""

    alone: ClassVar[bool]
    """Whether a label follows from the value alone, not from what other subjects have."""

    def labels(self, material: Material) -> list[str]:
        """Return one label per value; `UNPARSED` for one that has to be removed."""
        ...


def labels_at(steps: Sequence[Step], material: Material) -> list[str]:
    """Return the label of each value after some steps.

    Examples
    --------
    >>> names = Material(["GE Signa", "GE 9800", "Acme"], counts=[9, 8, 1])
    >>> labels_at([FIRST_WORD, Common()], names)
    ['GE', 'GE', 'other']
    """
    column = steps[0].labels(material)
    for step in steps[1:]:
        column = step.labels(material.named(column))
    return column


Edges = tuple[tuple[float, str], ...]


def _shown(material: Material, label: np.ndarray, fits: np.ndarray) -> list[str]:
    """Return labels where a value fits, its own text elsewhere; the unparsed is removed.

    Bands of days are of years, so what fits none says its unit: ``80+`` days are no ``80+`` years.
    """
    unit = " days" if material.scale is Scale.DAYS else ""
    own = np.array([f"{text}{unit}" for text in material.text], dtype=object)
    out = np.where(fits, label, own)
    out[~material.known] = UNPARSED
    found: list[str] = out.tolist()
    return found


@dataclass(frozen=True, slots=True)
class Bands:
    """Numbers in bands: each begins at its edge and ends where the next one begins.

    A bin that straddles two bands keeps its own text until a band holds all of it.

    Parameters
    ----------
    edges : tuple of (float, str)
        Lower end and label, ascending; the last band is open. Numbers below the first are
        removed.
    """

    edges: Edges
    alone: ClassVar[bool] = True

    def labels(self, material: Material) -> list[str]:
        """Return the label of the band that holds a value."""
        low, high = material.spans()
        lows = np.array([edge for edge, _ in self.edges])
        ends = np.append(lows[1:], np.inf)
        names = np.array([*(label for _, label in self.edges), UNPARSED], dtype=object)
        place = np.searchsorted(lows, low, side="right") - 1
        end = ends[place]
        fits = ((high < end) | (end == np.inf)) & ~np.isnan(high) & ((place >= 0) | (low == high))
        return _shown(material, names[place], fits)


def year_bands(edges: Sequence[int]) -> Bands:
    """Return bands of completed years, each named by its first and last.

    Examples
    --------
    >>> year_bands([0, 18, 65]).edges
    ((0, '0-17'), (18, '18-64'), (65, '65+'))
    """
    named = [
        (low, f"{low}-{end - 1}" if end - low > 1 else f"{low}") for low, end in pairwise(edges)
    ]
    return Bands((*named, (edges[-1], f"{edges[-1]}+")))


def measure_bands(edges: Sequence[float], unit: str, last: float) -> Bands:
    """Return bands of a measure: below the first edge, between edges, from the last one on.

    Parameters
    ----------
    edges : sequence of float
    unit : str
        Behind each label; empty for none.
    last : float
        Step between two readings: a band is named by its last one, ``170-189`` for 1.

    Examples
    --------
    >>> measure_bands([150, 170], "cm", 1).edges
    ((-inf, '<150 cm'), (150.0, '150-169 cm'), (170.0, '170+ cm'))
    """
    names = [f"<{plain(edges[0])}"]
    names += [f"{plain(low)}-{plain(round(end - last, 6))}" for low, end in pairwise(edges)]
    names.append(f"{plain(edges[-1])}+")
    ends = (-math.inf, *map(float, edges))
    return Bands(tuple(zip(ends, (f"{n} {unit}".strip() for n in names), strict=True)))


def age_cuts(cuts: Sequence[float]) -> Bands:
    """Return the bands of ages between given years."""
    return year_bands(sorted({0, *(math.ceil(cut) for cut in cuts if cut > 0)}))


def cuts_of_numbers(cuts: Sequence[float]) -> Bands:
    """Return the bands of numbers between given cut points.

    Examples
    --------
    >>> cuts_of_numbers([5, 10]).edges
    ((-inf, '<5'), (5, '[5, 10)'), (10, '>=10'))
    """
    edges = sorted(set(cuts))
    named = [(low, f"[{plain(low)}, {plain(end)})") for low, end in pairwise(edges)]
    first, last = edges[0], edges[-1]
    return Bands(((-math.inf, f"<{plain(first)}"), *named, (last, f">={plain(last)}")))


def quarter_text(place: float, *, end: bool = False) -> str:
    """Return a year with its part as the text of a year, or of the quarter that begins there.

    Examples
    --------
    >>> quarter_text(2005.0), quarter_text(2005.5), quarter_text(2008.0, end=True)
    ('2005', '2005-Q3', '2007')
    """
    whole = abs(place - round(place)) < 1e-6
    if whole:
        return str(round(place) - end)
    year = math.floor(place)
    quarter = math.floor((place - year) * 4 + 1e-6) + 1 - end
    return f"{year}-Q{quarter}"


@dataclass(frozen=True, slots=True)
class DateBands:
    """Dates between cut points, each a year with its part (2005.5 is 1 July 2005).

    Parameters
    ----------
    cuts : tuple of float
        Ascending.
    """

    cuts: tuple[float, ...]
    alone: ClassVar[bool] = True

    def names(self) -> list[str]:
        """Return the label of each period, the first and the last are open.

        Examples
        --------
        >>> DateBands((2005.0, 2008.0, 2009.0, 2009.5)).names()
        ['<2005', '2005-2007', '2008', '2009-Q1 to 2009-Q2', '2009-Q3+']
        """
        named = [f"<{quarter_text(self.cuts[0])}"]
        for low, high in pairwise(self.cuts):
            years = abs(low - round(low)) < 1e-6 and abs(high - round(high)) < 1e-6
            if years:
                first, last = quarter_text(low), quarter_text(high, end=True)
                named.append(first if first == last else f"{first}-{last}")
            else:
                year, part = divmod(round(low * 4), 4)
                end_year, end_part = divmod(round(high * 4) - 1, 4)
                first, last = f"{year}-Q{part + 1}", f"{end_year}-Q{end_part + 1}"
                named.append(first if first == last else f"{first} to {last}")
        return [*named, f"{quarter_text(self.cuts[-1])}+"]

    def label(self, text: str, number: float) -> str:
        """Return the label of one date; a period that straddles two keeps its text."""
        if math.isnan(number):
            return UNPARSED
        cuts = np.array(self.cuts)
        low, high = date_ends(text, number)
        first, last = (int(np.searchsorted(cuts, x + 1e-9, side="right")) for x in (low, high))
        return self.names()[first] if first == last else text

    def labels(self, material: Material) -> list[str]:
        """Return the period of each date."""
        names = self.names()
        cuts = np.array(self.cuts)
        out = []
        for text, number in zip(material.text, material.number.tolist(), strict=True):
            if math.isnan(number):
                out.append(UNPARSED)
                continue
            low, high = date_ends(text, number)
            first, last = (int(np.searchsorted(cuts, x + 1e-9, side="right")) for x in (low, high))
            out.append(names[first] if first == last else text)
        return out


def date_ends(text: str, number: float) -> tuple[float, float]:
    """Return the first and the last day that a date can mean, in years with their part."""
    low = in_years(number)
    if re.fullmatch(r"\d{4}", text):
        return low, low + 1 - 1 / 372
    if re.fullmatch(r"\d{4}-\d{2}", text):
        return low, low + 1 / 12 - 1 / 372
    if PERIOD.fullmatch(text) is None:
        return low, low
    if match := re.fullmatch(r"(\d{4})-(\d{4})", text):
        return low, float(match.group(2)) + 1 - 1 / 372
    if match := re.fullmatch(r"(?:.* to )?(\d{4})-Q([1-4])", text):
        return low, float(match.group(1)) + int(match.group(2)) / 4 - 1 / 372
    return (-math.inf, low) if text.startswith("<") else (low, math.inf)


@dataclass(frozen=True, slots=True)
class Grid:
    """Numbers in bands of one width, for any number.

    Parameters
    ----------
    width : int
    form : str
        Label: ``{low}`` and ``{last}`` are the first and last whole number of a band.
    top : int
        Bands are listed for another tool up to here; 0 where they cannot be.
    """

    width: int
    form: str
    top: int = 0
    alone: ClassVar[bool] = True

    def label(self, low: float) -> str:
        """Return the label of the band that begins at a number."""
        return self.form.format(low=plain(low), last=plain(low + self.width - 1))

    def labels(self, material: Material) -> list[str]:
        """Return the label of the band that holds a value."""
        low, high = material.spans()
        first, last = (np.floor(ends / self.width + 1e-9) * self.width for ends in (low, high))
        fits = np.isfinite(low) & (first == last)
        starts, place = np.unique(first[fits], return_inverse=True)
        names = np.array([self.label(start) for start in starts.tolist()], dtype=object)
        label = np.full(len(low), UNPARSED, dtype=object)
        label[fits] = names[place]
        return _shown(material, label, fits)


def _two_digits(number: float) -> float:
    return float(f"{number:.1e}")


@dataclass(frozen=True, slots=True)
class TwoDigits:
    """Numbers to two significant digits."""

    alone: ClassVar[bool] = True

    def labels(self, material: Material) -> list[str]:
        """Return the rounded number; an open end or bin keeps its text."""
        low, high = material.spans()
        numbers = material.number.tolist()
        label = [UNPARSED if math.isnan(n) else plain(_two_digits(n)) for n in numbers]
        return _shown(material, np.array(label, dtype=object), low == high)


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


@dataclass(frozen=True, slots=True)
class EqualBins:
    """Numbers in about ten equal bands of what two significant digits leave of them.

    The width depends on the values at hand.

    Parameters
    ----------
    width : float
        Of a bin, where it is known; 0 where the values decide.
    """

    width: float = 0.0
    alone: ClassVar[bool] = False

    def labels(self, material: Material) -> list[str]:
        """Return the half-open interval that holds a value."""
        low, high = material.spans()
        number = material.number
        finite = number[np.isfinite(number)]
        step = self.width or 1.0
        if finite.size and not self.width:
            step = nice_step(_two_digits(float(finite.min())), _two_digits(float(finite.max())))

        def band(number: float) -> str:
            start = math.floor(_two_digits(number) / step + 1e-9)
            return f"[{step * start:.10g}, {step * (start + 1):.10g})"

        label = [UNPARSED if math.isnan(n) else band(n) for n in number.tolist()]
        return _shown(material, np.array(label, dtype=object), low == high)

    def fitted(self, labels: Sequence[str]) -> EqualBins:
        """Return the step with the width that labels made by it show."""
        for label in labels:
            if label.startswith("[") and label.endswith(")"):
                low, _, high = label[1:-1].partition(", ")
                return EqualBins(round(float(high) - float(low), 10))
        return self


def _week(text: str) -> str:
    if len(text) != 10:
        return text
    block = min((int(text[8:]) - 1) // 7, 3)
    return f"{text[:7]}-{('01/07', '08/14', '15/21', '22/31')[block]}"


def _quarter(text: str) -> str:
    return f"{text[:4]}-Q{(int(text[5:7]) + 2) // 3}" if len(text) >= 7 else text


def _years_of(width: int) -> Callable[[str], str]:
    def label(text: str) -> str:
        start = int(text[:4]) // width * width
        return f"{start}-{start + width - 1}"

    return label


_PERIODS: Mapping[str, Callable[[str], str]] = {
    "date": lambda text: text,
    "week": _week,
    "month": lambda text: text[:7],
    "quarter": _quarter,
    "year": lambda text: text[:4],
    "5y": _years_of(5),
    "10y": _years_of(10),
}


@dataclass(frozen=True, slots=True)
class Period:
    """Dates (``YYYY-MM-DD`` or partial) as the period that holds them.

    Weeks are the blocks 1-7, 8-14, 15-21 and 22 to the end of a month, because calendar weeks
    do not nest in months.

    Parameters
    ----------
    name : {"date", "week", "month", "quarter", "year", "5y", "10y"}
    """

    name: str
    alone: ClassVar[bool] = True

    def label(self, text: str) -> str:
        """Return the label of one date.

        Examples
        --------
        >>> Period("quarter").label("2012-05-17"), Period("5y").label("2012-05-17")
        ('2012-Q2', '2010-2014')
        """
        return _PERIODS[self.name](text)

    def labels(self, material: Material) -> list[str]:
        """Return the period of each date."""
        label = _PERIODS[self.name]
        if any(PERIOD.fullmatch(text) and len(text) != 4 for text in material.text):
            whole = label

            def label(text: str) -> str:
                """Leave what a release already shows as a period."""
                return whole(text) if len(text) == 4 or not PERIOD.fullmatch(text) else text

        known = np.isfinite(material.number).tolist()
        return [
            label(value) if good else UNPARSED
            for value, good in zip(material.text, known, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class Hours:
    """Times of day as parts of the day.

    Parameters
    ----------
    hours : int
        Length of a part; it divides 24.
    """

    hours: int
    alone: ClassVar[bool] = True

    def labels(self, material: Material) -> list[str]:
        """Return the first and last minute of the part."""
        column = []
        for seconds in material.number.tolist():
            if math.isnan(seconds):
                column.append(UNPARSED)
                continue
            start = int(seconds) // 3600 // self.hours * self.hours
            column.append(f"{start:02d}:00-{start + self.hours - 1:02d}:59")
        return column


@dataclass(frozen=True, slots=True)
class Found:
    """Texts as the part that a pattern finds in them; others stay.

    Parameters
    ----------
    name : str
        Of the step, for another tool.
    form : re.Pattern
    upper : bool
        Whether the part is put in capitals.
    """

    name: str
    form: re.Pattern[str]
    upper: bool = False
    alone: ClassVar[bool] = True

    def labels(self, material: Material) -> list[str]:
        """Return what the pattern finds."""
        column = []
        for value in material.text:
            match = self.form.search(value)
            part = value if match is None else match.group()
            column.append(part.upper() if self.upper and match else part)
        return column


FIRST_WORD = Found("first_word", re.compile(r"[^\W\d_]+"), upper=True)
"""A name as its first word."""

MAJOR = Found("major", re.compile(r"\A\D*\d+"))
"""A version up to its first number."""


def _subjects(text: Sequence[str], counts: Sequence[int]) -> dict[str, int]:
    """Return the number of subjects of each distinct text."""
    totals: dict[str, int] = {}
    for value, n in zip(text, counts, strict=True):
        totals[value] = totals.get(value, 0) + n
    return totals


@dataclass(frozen=True, slots=True)
class Common:
    """Values that enough subjects have; the rest become `OTHER`.

    Without counts nothing is rare.
    """

    alone: ClassVar[bool] = False

    def labels(self, material: Material) -> list[str]:
        """Return common values as they are."""
        if material.counts is None:
            return list(material.text)
        totals = _subjects(material.text, material.counts)
        return [
            value if totals[value] >= material.floor or value == UNPARSED else OTHER
            for value in material.text
        ]


@dataclass(frozen=True, slots=True)
class Largest:
    """The group of most subjects against all others; without counts nothing changes."""

    alone: ClassVar[bool] = False

    def labels(self, material: Material) -> list[str]:
        """Return the largest group, or that a value is in another one."""
        if material.counts is None:
            return list(material.text)
        totals = _subjects(material.text, material.counts)
        named = [group for group in totals if group != UNPARSED]
        largest = max(named, key=lambda group: (totals[group], group), default=UNPARSED)
        return [g if g in (largest, UNPARSED) else OTHER for g in material.text]


@dataclass(frozen=True, slots=True)
class Groups:
    """Texts as the group whose pattern finds something in them first.

    Parameters
    ----------
    patterns : tuple of (re.Pattern, str)
        With the group of each.
    otherwise : str
        Group of a text in which none finds anything.
    """

    patterns: tuple[tuple[re.Pattern[str], str], ...]
    otherwise: str
    alone: ClassVar[bool] = True

    def group(self, text: str) -> str:
        """Return the group of one text."""
        for pattern, group in self.patterns:
            if pattern.search(text):
                return group
        return self.otherwise

    def labels(self, material: Material) -> list[str]:
        """Return the group of each text."""
        return [self.group(value) for value in material.text]


def _groups(patterns: Sequence[tuple[str, str]], otherwise: str) -> Groups:
    return Groups(tuple((re.compile(p, re.IGNORECASE), g) for p, g in patterns), otherwise)


CENSUS = _groups(
    (
        (r"not hispanic|non.?hispanic$|no hispan", "not Hispanic"),
        (r"two or more|more than one|multi|mixed|biracial", "several groups"),
        (r"american indian|alaska|native american|aian|indigenous|first nation", "American Indian"),
        (r"hawai|pacific|nhpi|maori|samoan", "Pacific Islander"),
        (r"hispanic|latin", "Hispanic"),
        (r"asian|chinese|japanese|korean|indian|filipin|vietnam|thai|pakistan|bangla", "Asian"),
        (r"black|african|afro|caribbean", "Black"),
        (r"white|caucas|european|british|irish|middle east|arab", "White"),
        (r"^other|some other|another", OTHER),
    ),
    UNPARSED,
)
"""Races and ethnic groups as the groups of the census."""

EMPLOYMENT = _groups(
    (
        (r"retire|pension|rentner|jubilad|retrait", "retired"),
        (r"student|pupil|school ?child|schüler|étudiant|estudiante|apprentice", "in education"),
        (r"unemploy|not employed|not working|arbeitslos|chômeu|desemplead", "not in work"),
        (r"homemaker|housewife|hausfrau|disab|at home|child|infant|minor", "not in work"),
    ),
    "in work",
)
"""Occupations as in work, in education, retired or not in work."""


def is_named_race(text: str) -> bool:
    """Return whether text names a race or ethnic group of the census."""
    return any(map(str.isalpha, text)) and CENSUS.group(text) not in (UNPARSED, OTHER)


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


@dataclass(frozen=True, slots=True)
class Places:
    """Postcodes as their first characters, or names of states and countries.

    Whether a column holds postcodes is judged from all its values.

    Parameters
    ----------
    characters : int
        Of a postcode that stay.
    region : bool
        Whether a name becomes its census or world region; one that is in no list is removed.
    """

    characters: int
    region: bool = False
    alone: ClassVar[bool] = False

    def labels(self, material: Material) -> list[str]:
        """Return the beginning of each postcode, or the place or region."""
        text, n = material.text, self.characters
        known = [is_postcode(value) for value in text]
        if sum(known) >= 0.8 * len(text) > 0:
            return [
                f"{v[:n].upper()}{'*' * (5 - n)}" if k else UNPARSED
                for v, k in zip(text, known, strict=True)
            ]
        if not self.region:
            return list(text)
        regions = _regions()
        return [regions.get(value.casefold(), UNPARSED) for value in text]


_ICD10 = re.compile(r"([A-TV-Z]\d[\dA-Z])\.?[\dA-Z]{0,4}", re.IGNORECASE)
_CHAPTERS = (
    "A00", "C00", "D50", "E00", "F00", "G00", "H00", "H60", "I00", "J00", "K00", "L00", "M00",
    "N00", "O00", "P00", "Q00", "R00", "S00", "V00", "Z00",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """ICD-10 codes as three-character categories, or as chapters; other texts are removed.

    Parameters
    ----------
    chapter : bool
    """

    chapter: bool = False
    alone: ClassVar[bool] = True

    def labels(self, material: Material) -> list[str]:
        """Return category or chapter of each code."""
        column = []
        for value in material.text:
            match = _ICD10.fullmatch(value)
            label = UNPARSED if match is None else match.group(1).upper()
            if self.chapter and match is not None:
                label = f"chapter from {max(c for c in _CHAPTERS if c <= label)}"
            column.append(label)
        return column


def _listed(edges: Sequence[tuple[float, str]], write: Write, raw: str = "") -> list[Any]:
    """Return the lower end of each band and what is written for it, equal neighbours once."""
    found: list[tuple[float, str]] = []
    for low, label in edges:
        text = write(label, raw)
        if text is not None and (not found or found[-1][1] != text):
            found.append((low, text))
    return found


def edges_of(step: Step) -> Sequence[tuple[float, str]] | None:
    """Return the lower end and the label of every band from 0 on, None of what has no bands."""
    match step:
        case Bands():
            return [(0.0 if low == -math.inf else low, label) for low, label in step.edges]
        case Grid() if step.top:
            return [(float(low), step.label(low)) for low in range(0, step.top, step.width)]
    return None


def portable_steps(
    steps: Sequence[Step], write: Write, scale: Scale, *, positive: bool
) -> tuple[Mapping[str, Any], ...] | None:
    """Return steps as plain data for another tool, None where one cannot be said.

    Parameters
    ----------
    steps : sequence of Step
    write : callable
        Label, and a value before it -> what is written for the label, None for nothing.
    scale : Scale
    positive : bool
        Whether a number of 0 means that nothing is known.

    Examples
    --------
    >>> portable_steps([FIRST_WORD, Common()], lambda label, _: label, Scale.ITSELF, positive=False)
    ({'step': 'first_word'}, {'step': 'allow', 'other': 'other'})
    """
    found = [_portable(step, write, scale, positive=positive) for step in steps]
    said = tuple(step for step in found if step is not None)
    return said if len(said) == len(found) else None


def _portable(
    step: Step, write: Write, scale: Scale, *, positive: bool
) -> Mapping[str, Any] | None:
    edges = edges_of(step)
    if edges is not None and scale is not Scale.DAYS:
        return _portable_bands(edges, write, scale, positive=positive)
    data: Mapping[str, Any] | None = None
    match step:
        case TwoDigits():
            data = {"step": "two_digits"}
        case EqualBins() if step.width:
            data = {"step": "bins", "width": step.width}
        case Period():
            data = {"step": "date", "period": step.name}
        case Hours():
            data = {"step": "time", "hours": step.hours}
        case Found():
            data = {"step": step.name}
        case Common():
            data = {"step": "allow", "other": OTHER}
    return data


def _portable_bands(
    edges: Sequence[tuple[float, str]], write: Write, scale: Scale, *, positive: bool
) -> Mapping[str, Any]:
    if scale is Scale.MONTHS:
        return {"step": "age", "edges": _listed(edges, write)}
    step: dict[str, Any] = {"step": "bands"}
    if positive:
        step["zero_is_missing"] = True
    step["edges"] = _listed(edges, write)
    if scale is Scale.METRES:
        step |= {"metres": True, "centimetres": _listed(edges, write, "170")}
    return step
