"""Units of ages, heights and weights: how a column or a cell says them, and how they convert.

Ages are read in months, heights in centimetres, weights in kilograms. A cell that says its own
unit is right; then counts what the project file says, the data dictionary, the name of the column.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from itertools import pairwise

from midi_risk.attributes.model import Attribute, Kind

UNKNOWN, MIXED = "unknown", "mixed"
"""Units of a column whose values are implausible in the usual one and that says no other, and of
one whose cells say their own."""


class Quantity(StrEnum):
    """What a unit measures."""

    AGE = "age"
    LENGTH = "length"
    MASS = "mass"


FACTORS: Mapping[Quantity, Mapping[str, float]] = {
    Quantity.AGE: {
        "years": 12.0,
        "months": 1.0,
        "weeks": 12.0 * 7 / 365.25,
        "days": 12.0 / 365.25,
        "hours": 12.0 / 365.25 / 24,
    },
    Quantity.LENGTH: {"m": 100.0, "cm": 1.0, "mm": 0.1, "in": 2.54, "ft": 30.48},
    Quantity.MASS: {
        "kg": 1.0,
        "g": 0.001,
        "lb": 0.45359237,
        "st": 6.35029318,
        "oz": 0.028349523125,
    },
}
"""Unit -> months, centimetres or kilograms in one; a year is 365.25 days (UCUM ``a_j``), inch and
pound are those of 1959 (NIST Special Publication 811, appendix B)."""

USUAL = frozenset({"", "years", "m", "cm", "kg"})
"""Units that values are read in as they stand; a height below 3.5 is in metres."""

_SPELT: Mapping[Quantity, Mapping[str, str]] = {
    Quantity.AGE: {
        "years": "y yo yr yrs year years yearsold a j jahr jahre jahren an ans annee annees ano"
        " anos año años anni jaar 歳 年",
        "months": "m mo mos mon mth mths month months monat monate monaten mois mes meses mesi"
        " maand maanden ヶ月 か月 月",
        "weeks": "w wk wks week weeks woche wochen semaine semaines semana semanas weken 週",
        "days": "d dy day days tag tage tagen jour jours dia dias día días giorni dagen 日",
        "hours": "h hr hrs hour hours stunde stunden heure heures hora horas 時間",
    },
    Quantity.LENGTH: {
        "m": "m meter meters metre metres",
        "cm": "cm cms centimeter centimeters centimetre centimetres zentimeter",
        "mm": "mm millimeter millimeters millimetre millimetres",
        "in": "in ins inch inches in_i in_us zoll pulgada pulgadas pouce pouces",
        "ft": "ft foot feet ft_i ft_us",
    },
    Quantity.MASS: {
        "kg": "kg kgs kilo kilos kilogram kilograms kilogramm kilogramme",
        "g": "g gr gm gms gram grams gramm gramme grammes",
        "lb": "lb lbs lb_av pound pounds pfund libra libras livre livres",
        "st": "st stone stones stone_av",
        "oz": "oz ounce ounces oz_av",
    },
}
_UNIT_OF = {
    quantity: {word: unit for unit, words in spelt.items() for word in words.split()}
    for quantity, spelt in _SPELT.items()
}
_OF_NAME = {"interviewage": "months"}
"""Columns whose standard fixes the unit: the data dictionary of the NIMH Data Archive."""


def unit_written(attribute: Attribute, *, banded: bool) -> str:
    """Return the unit in which a release writes an attribute, ``""`` where there is none to say.

    Bands are of years, centimetres and kilograms whatever the column counts. DICOM says units in
    the value representation or the standard.

    Examples
    --------
    >>> from midi_risk.attributes.model import Role
    >>> age = Attribute(
    ...     name="age", source="t", column="age", role=Role.QUASI_IDENTIFIER, kind=Kind.AGE,
    ...     reason="", unit="months",
    ... )
    >>> unit_written(age, banded=False), unit_written(age, banded=True)
    ('months', 'years')
    """
    quantity = quantity_of(attribute.kind, attribute.ladder)
    if attribute.vr or quantity is None:
        return ""
    if banded:
        return {Quantity.AGE: "years", Quantity.LENGTH: "cm", Quantity.MASS: "kg"}[quantity]
    if attribute.unit or attribute.ladder == "agedays":
        return "" if attribute.unit == UNKNOWN else attribute.unit or "days"
    return {Quantity.AGE: "years", Quantity.LENGTH: "", Quantity.MASS: "kg"}[quantity]


def quantity_of(kind: Kind, ladder: str | None) -> Quantity | None:
    """Return what the unit of an attribute of this kind and ladder measures, None without one.

    Examples
    --------
    >>> quantity_of(Kind.NUMBER, "weight").value, quantity_of(Kind.NUMBER, "bmi") is None
    ('mass', True)
    """
    if kind is Kind.AGE:
        return Quantity.AGE
    return {"agedays": Quantity.AGE, "height": Quantity.LENGTH, "weight": Quantity.MASS}.get(
        ladder or ""
    )


def unit_of(text: str, quantity: Quantity) -> str | None:
    """Return the unit that a word means: English, German, French, Spanish, UCUM or CDISC.

    Examples
    --------
    >>> unit_of("MONTHS", Quantity.AGE), unit_of("[lb_av]", Quantity.MASS)
    ('months', 'lb')
    >>> unit_of("m", Quantity.AGE), unit_of("m", Quantity.LENGTH), unit_of("kg", Quantity.AGE)
    ('months', 'm', None)
    """
    folded = re.sub(r"[\s()\[\].{}\"]+", "", text.casefold())
    return _UNIT_OF[quantity].get(folded)


_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z])(?=\d)")
_WORD = re.compile(r"[^\W_]+")


def _words(name: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(_CAMEL.sub(" ", name))]


def unit_in_name(name: str, quantity: Quantity) -> str | None:
    """Return the unit that a column's name says, None when it says none.

    A word beside a number is a point in time and no unit, and one letter is a unit only where
    it is all that follows what is measured.

    Examples
    --------
    >>> unit_in_name("AgeMonths", Quantity.AGE), unit_in_name("height_in_cm", Quantity.LENGTH)
    ('months', 'cm')
    >>> unit_in_name("age_6_months", Quantity.AGE) is None, unit_in_name("age_m", Quantity.AGE)
    (True, 'months')
    """
    words = _words(name)
    if "".join(words) in _OF_NAME and quantity is Quantity.AGE:
        return _OF_NAME["".join(words)]
    found = None
    for place in range(1, len(words)):
        unit = _UNIT_OF[quantity].get(words[place])
        beside = [*words[place - 1 : place], *words[place + 1 : place + 2]]
        if unit is None or any(word.isdigit() for word in beside):
            continue
        if len(words[place]) > 1 or len(words) == 2:
            found = unit
    return found


_DECLARED = re.compile(r"\bunits?\s*[:=]\s*([^\s,;\]]+)", re.IGNORECASE)
_SAID = re.compile(
    r"(?:\b(?:in|en|em)|\bnumber of|\bcompleted|[(\[])\s*(?:completed |full |whole )?([^\W\d]+)\b"
    r"|[,:;/-]\s*([^\W\d]+)\s*$",
    re.IGNORECASE,
)


def unit_in_label(label: str, quantity: Quantity) -> str | None:
    """Return the unit that an entry of a data dictionary says.

    Parameters
    ----------
    label : str
        ``Units: months`` wins over a unit that stands alone, and that over words such as "in
        months", "(months)" or ", months".
    quantity : Quantity

    Returns
    -------
    str or None
        None when it says none, or several.

    Examples
    --------
    >>> unit_in_label("age of the infant at scan [Units: months]", Quantity.AGE)
    'months'
    >>> unit_in_label("Age in months on the day of the scan", Quantity.AGE)
    'months'
    >>> unit_in_label("meses", Quantity.AGE), unit_in_label("Alter in Monaten", Quantity.AGE)
    ('months', 'months')
    >>> unit_in_label("Age on the day of the scan", Quantity.AGE) is None
    True
    """
    for declared in reversed(_DECLARED.findall(label)):
        unit = unit_of(declared, quantity)
        if unit:
            return unit
    alone = unit_of(label.strip(" ()[]"), quantity)
    if alone:
        return alone
    said = [word for found in _SAID.findall(label) for word in found if word]
    units = {unit for word in said if (unit := unit_of(word, quantity))}
    return units.pop() if len(units) == 1 else None


_NUMBER = r"(\d{1,5}(?:[.,]\d+)?)"
_MARK = "(?:['\\u2032\\u2019\"\\u2033\\u201d]{1,2}|[^\\W\\d_]+)"
"""A word, or a prime: of feet the single one, of inches the double."""
_PART = re.compile(rf"{_NUMBER}\s*({_MARK})\.?")
_JOINED = re.compile(
    rf"[+-]?{_NUMBER}\s*{_MARK}\.?"
    rf"(?:[\s,;+&]*(?:\b(?:and|und|et|y)\b)?\s*{_NUMBER}\s*{_MARK}?\.?){{0,3}}\s*(?:old)?",
    re.IGNORECASE,
)
_MARKS = {"'": "ft", "\u2032": "ft", "\u2019": "ft"}
_MARKS |= dict.fromkeys(('"', "\u2033", "\u201d", "''", "\u2019" * 2), "in")
_BELOW = {"years": "months", "months": "days", "weeks": "days", "ft": "in", "st": "lb", "kg": "g"}
"""Unit that a number behind one of this unit has when it says none: 5'11 is five feet eleven."""


def measured_parts(text: str, quantity: Quantity) -> list[tuple[float, str]] | None:
    """Return the numbers and units that a cell states, the largest unit first.

    Parameters
    ----------
    text : str
        Such as ``2y3m``, ``18 months``, ``P2Y3M`` (ISO 8601), ``5 ft 11 in``, ``11st 6``.
    quantity : Quantity

    Returns
    -------
    list of (float, str) or None
        None for a bare number and for what is no such statement.

    Examples
    --------
    >>> measured_parts("2y3m", Quantity.AGE), measured_parts("150 lbs", Quantity.MASS)
    ([(2.0, 'years'), (3.0, 'months')], [(150.0, 'lb')])
    >>> measured_parts("34Y, 36Y", Quantity.AGE) is None
    True
    """
    text = text.strip()
    if re.match(r"P\d", text) and quantity is Quantity.AGE:
        text = text[1:]
    if not _JOINED.fullmatch(text) or text.startswith("-"):
        return None
    parts = list(_parts(text, quantity))
    units = [unit for _, unit in parts]
    if not parts or None in units:
        return None
    sizes = [FACTORS[quantity][str(unit)] for unit in units]
    if any(later >= before for before, later in pairwise(sizes)):
        return None
    return [(number, str(unit)) for number, unit in parts]


_JOINT = re.compile(r"[\s,;+&]*(?:\b(?:and|und|et|y)\b\s*(?=\d))?", re.IGNORECASE)


def _parts(text: str, quantity: Quantity) -> Iterator[tuple[float, str | None]]:
    rest, before = text.lstrip("+"), ""
    while rest and rest.casefold() != "old":
        match = _PART.match(rest)
        bare = re.match(_NUMBER, rest)
        if match:
            mark = match.group(2)
            unit = _MARKS.get(mark) if quantity is Quantity.LENGTH else None
            unit = unit or unit_of(mark, quantity)
            yield _value(match.group(1)), unit
            before, rest = unit or "", rest[match.end() :]
        elif bare and before:
            yield _value(bare.group(1)), _BELOW.get(before)
            before, rest = "", rest[bare.end() :]
        else:
            yield 0.0, None
            return
        rest = _JOINT.sub("", rest, count=1) if _JOINT.match(rest) else rest


def _value(text: str) -> float:
    return float(text.replace(",", "."))


def in_base(number: float, unit: str, quantity: Quantity) -> float:
    """Return a number in months, centimetres or kilograms, to a millionth.

    Examples
    --------
    >>> in_base(2, "years", Quantity.AGE), in_base(70, "in", Quantity.LENGTH)
    (24.0, 177.8)
    """
    return round(number * FACTORS[quantity][unit], 6)


def from_base(number: float, unit: str, quantity: Quantity) -> float:
    """Return a number of months, centimetres or kilograms in a unit, to four decimals.

    Examples
    --------
    >>> from_base(in_base(151.5, "lb", Quantity.MASS), "lb", Quantity.MASS)
    151.5
    """
    return round(number / FACTORS[quantity][unit], 4)


def unit_problem(unit: str, kind: Kind, ladder: str | None) -> str:
    """Return why a unit cannot be that of an attribute, ``""`` when it can.

    Examples
    --------
    >>> unit_problem("lb", Kind.NUMBER, "weight"), unit_problem("lb", Kind.AGE, "age")
    ('', 'lb is no unit of age; known: years, months, weeks, days, hours')
    """
    quantity = quantity_of(kind, ladder)
    if quantity is None:
        return "only ages, heights and weights have a unit; give kind: age or hierarchy: height"
    if unit in FACTORS[quantity]:
        return ""
    return f"{unit} is no unit of {quantity.value}; known: {', '.join(FACTORS[quantity])}"


def converted(attribute: Attribute) -> bool:
    """Tell whether the values of an attribute stand in another unit than they are read in."""
    return attribute.unit not in USUAL and attribute.unit != UNKNOWN


_AGE_BAND = re.compile(r"<?\d+(?:\.\d+)?(?:-\d+(?:\.\d+)?|\+)?")


def band_in_words(attribute: Attribute, label: str) -> str:
    """Return the label of a generalised value as a column in another unit shows it.

    Bands of age are of years and say so where the column does not count years; those of a
    height or weight say their unit anyway.

    Examples
    --------
    >>> from midi_risk.attributes.model import Role
    >>> age = Attribute(
    ...     name="age", source="t", column="age", role=Role.QUASI_IDENTIFIER, kind=Kind.AGE,
    ...     reason="", unit="months",
    ... )
    >>> band_in_words(age, "0-4"), band_in_words(age.revised(unit="years"), "0-4")
    ('0-4 years', '0-4')
    """
    ages = quantity_of(attribute.kind, attribute.ladder) is Quantity.AGE
    other = converted(attribute) or attribute.ladder == "agedays"
    return f"{label} years" if ages and other and _AGE_BAND.fullmatch(label) else label


def value_in_unit(attribute: Attribute, text: str) -> str:
    """Return a value as it is read in the unit that its column has.

    Examples
    --------
    >>> from midi_risk.attributes.model import Role
    >>> weight = Attribute(
    ...     name="weight", source="t", column="w", role=Role.QUASI_IDENTIFIER, kind=Kind.NUMBER,
    ...     reason="", ladder="weight", unit="lb",
    ... )
    >>> value_in_unit(weight, "68.038855")
    '150'
    """
    quantity = quantity_of(attribute.kind, attribute.ladder)
    if quantity in {None, Quantity.AGE} or attribute.unit not in FACTORS[quantity or Quantity.AGE]:
        return text
    if attribute.unit in USUAL or not re.fullmatch(r"\d+(?:\.\d+)?", text):
        return text
    return f"{from_base(float(text), attribute.unit, Quantity(quantity or '')):.10g}"
