"""What two sources say of one subject: sex, age, birth date, height and weight.

Where they exclude each other, a link is wrong or two people share a key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from operator import ne

import numpy as np

from midi_risk.attributes.ladders import LADDERS
from midi_risk.attributes.model import Attribute, Kind
from midi_risk.attributes.recoding import Material
from midi_risk.document.assessment import Finding
from midi_risk.table.model import NormalisedColumn
from midi_risk.table.rules import Pairs

SEX_DIFFERS, BIRTH_DIFFERS = "sex-differs-between-sources", "birth-date-differs-between-sources"
LINK_CONTRADICTED = "link-contradicted"
"""Code of the finding that half of the subjects contradict themselves in two sources."""

APART: Mapping[str, float] = {"age": 2.0, "height": 5.0, "weight": 0.15}
"""From what difference on values contradict each other: completed years of age; more than so many
centimetres; more than this share of the larger weight. An age may be that of another visit, a
weight is of one day."""

_LEAST_WEIGHT = 5.0
"""Kilograms; a smaller difference contradicts nobody."""
_MANY, _FEW = 0.5, 3
_WORDS = {"age": "age", "height": "size", "weight": "weight"}
_BIRTH = re.compile(r"birth|geburt|naissance|nacimiento|dob|brth|yob", re.IGNORECASE)

_PLAIN_AGE = frozenset(
    {"age", "aage", "patient", "patients", "subject", "participant", "person", "interview"}
    | {"current", "alter", "edad", "demo", "demographic", "demographics", "baseline", "scan"}
    | {"mri", "exam", "study", "screening", "enrollment", "enrolment", "visit"}
    | {"at", "of", "the", "in", "on", "years", "year", "yrs", "yr", "months", "month", "mos"}
    | {"mo", "weeks", "days", "y", "m", "d"}
)
"""Words of the name of an age now; any other word makes it the age at some event of a life."""

Spans = tuple[np.ndarray, np.ndarray]
"""Lowest and highest value of each subject, NaN where it has none; float64, shape (n_subjects,)."""


def measure_of(attribute: Attribute) -> str:
    """Return which of the measures in `APART` an attribute is, ``""`` for none.

    The age at an event, such as death, is another than that at a visit.

    Examples
    --------
    >>> from midi_risk.attributes.model import Role
    >>> age = Attribute(
    ...     name="a", source="t", column="age", role=Role.SENSITIVE, kind=Kind.AGE, reason=""
    ... )
    >>> measure_of(age), measure_of(age.revised(column="age_at_death"))
    ('age', '')
    """
    if attribute.kind is Kind.AGE or attribute.ladder == "agedays":
        words = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", attribute.column).lower())
        return "age" if _PLAIN_AGE.issuperset(words) else ""
    return attribute.ladder if attribute.ladder in {"height", "weight"} else ""


def spans_of(
    attribute: Attribute, column: NormalisedColumn, pairs: Pairs, n_subjects: int
) -> Spans | None:
    """Return the lowest and highest value of each subject; None of what is no measure.

    Parameters
    ----------
    attribute : Attribute
    column : NormalisedColumn
    pairs : Pairs
        Distinct pairs of subject and value.
    n_subjects : int

    Returns
    -------
    (numpy.ndarray, numpy.ndarray) or None
        Completed years, centimetres or kilograms; a bin counts with both ends.
    """
    measure = measure_of(attribute)
    if not measure or not len(pairs.subject):
        return None
    ladder = LADDERS["agedays" if attribute.ladder == "agedays" else measure]
    low, high = Material([str(t) for t in column.text], column.number, scale=ladder.scale).spans()
    lowest, highest = np.full(n_subjects, np.inf), np.full(n_subjects, -np.inf)
    known = np.isfinite(low[pairs.value]) & ~np.isnan(high[pairs.value])
    np.minimum.at(lowest, pairs.subject[known], low[pairs.value[known]])
    np.maximum.at(highest, pairs.subject[known], high[pairs.value[known]])
    none = lowest > highest
    return np.where(none, np.nan, lowest), np.where(none, np.nan, highest)


def contradicting(measure: str, one: Spans, other: Spans) -> np.ndarray:
    """Tell the subjects whose values of a measure in two sources exclude each other.

    Parameters
    ----------
    measure : {"age", "height", "weight"}
    one, other : Spans

    Examples
    --------
    >>> years = lambda *given: (np.array(given, float), np.array(given, float))
    >>> contradicting("age", years(40, 40, 40), years(41, 42, np.nan)).tolist()
    [False, True, False]
    """
    gap = np.maximum(other[0] - one[1], one[0] - other[1])
    if measure == "age":
        return np.asarray(gap >= APART[measure], dtype=bool)
    if measure == "height":
        return np.asarray(gap > APART[measure], dtype=bool)
    larger = np.fmax(one[0], other[0])
    return np.asarray((gap > APART[measure] * larger) & (gap > _LEAST_WEIGHT), dtype=bool)


def cross_source_findings(
    attributes: Sequence[Attribute],
    values: Mapping[str, np.ndarray],
    spans: Mapping[str, Spans] | None = None,
) -> list[Finding]:
    """Return what two sources say of subjects that cannot both be true.

    Parameters
    ----------
    attributes : sequence of Attribute
    values : mapping of str to numpy.ndarray of object
        Attribute -> folded text or None of each subject.
    spans : mapping of str to Spans, optional
        Attribute -> from `spans_of`.

    Notes
    -----
    Sexes and birth dates exclude each other when they differ; a year or a month does not
    contradict a day in it. Ages, sizes and weights may be of another visit, so they count from a
    distance on (`APART`); where at least half of the subjects, and three, are that far apart the
    link itself is in doubt.
    """
    spans, found = spans or {}, []
    for first, second in _pairs([a for a in attributes if a.name in values]):
        if first.kind is Kind.SEX:
            differs = _differing(values[first.name], values[second.name], ne)
            text = "{n} {have} another sex in {second} than in {first}: a wrong link,"
            text += " or two people under one key"
            found += _finding(SEX_DIFFERS, first, second, differs, text)
        elif _of_birth(first):
            differs = _differing(values[first.name], values[second.name], _exclude)
            text = "{n} {have} another date of birth in {second} than in {first}: a wrong link,"
            text += " or two people under one key"
            found += _finding(BIRTH_DIFFERS, first, second, differs, text)
        elif first.name in spans and second.name in spans:
            measure = measure_of(first)
            apart = contradicting(measure, spans[first.name], spans[second.name])
            differs = int(apart.sum())
            both = np.isfinite(spans[first.name][0]) & np.isfinite(spans[second.name][0])
            word = _WORDS[measure]
            text = f"{{n}} {{have}} another {word} in {{second}} than in {{first}}, further apart"
            text += " than another visit explains: a wrong link, a wrong unit, or two people under"
            text += " one key"
            code = f"{word}-differs-between-sources"
            found += _finding(code, first, second, differs, text)
            found += _doubted(first, second, differs, int(both.sum()))
    return found


def compared(attribute: Attribute) -> bool:
    """Tell an attribute that two sources are compared by, whatever its role."""
    return attribute.kind is Kind.SEX or _of_birth(attribute) or bool(measure_of(attribute))


def _pairs(attributes: Sequence[Attribute]) -> Iterator[tuple[Attribute, Attribute]]:
    """Yield the pairs of two sources that say the same of a subject."""
    for first, second in combinations([a for a in attributes if compared(a)], 2):
        same = (
            first.kind is second.kind is Kind.SEX
            or (_of_birth(first) and _of_birth(second))
            or (measure_of(first) and measure_of(first) == measure_of(second))
        )
        if same and first.source != second.source:
            yield first, second


def _of_birth(attribute: Attribute) -> bool:
    if attribute.kind is not Kind.DATE:
        return False
    return attribute.ladder == "birthdate" or bool(_BIRTH.search(attribute.column))


def _exclude(one: str, other: str) -> bool:
    return not (one.startswith(other) or other.startswith(one))


def _differing(one: np.ndarray, other: np.ndarray, differ: Callable[[str, str], bool]) -> int:
    """Return how many subjects have a text in both sources, and texts that differ."""
    both = [(a, b) for a, b in zip(one, other, strict=True) if a is not None and b is not None]
    return sum(differ(str(a), str(b)) for a, b in both)


def _doubted(first: Attribute, second: Attribute, differs: int, both: int) -> list[Finding]:
    """Return the finding that a link is in doubt."""
    if differs < _FEW or differs < _MANY * both:
        return []
    text = "{n} of those whom both {first} and {second} describe {have} values that exclude each"
    text += " other, half of them or more: the two sources may be linked wrongly"
    return _finding(LINK_CONTRADICTED, first, second, differs, text)


def _finding(
    code: str, first: Attribute, second: Attribute, subjects: int, text: str
) -> list[Finding]:
    if not subjects:
        return []
    words = {
        "n": "1 subject" if subjects == 1 else f"{subjects} subjects",
        "have": "has" if subjects == 1 else "have",
    }
    said = text.format(first=first.name, second=second.name, **words)
    return [Finding(code=code, attribute=second.name, subjects=subjects, text=said)]
