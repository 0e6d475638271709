"""Generalisation of places, groups of people, devices, codes and other names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from midi_risk.attributes.ladder_time import UNPARSED
from midi_risk.resources import data_rows

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
