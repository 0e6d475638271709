"""Risk under imprecise knowledge: matching sets instead of equal values.

An attacker who knows an age within two years and a date within a week cannot tell apart
all subjects who lie within both; the probability is one over the number of those. Which released
attributes an adversary knows, and how precisely, the threat model says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from midi_risk.attributes.model import Attribute, Decision, Kind
from midi_risk.attributes.values import read_again
from midi_risk.document.assessment import EstimateKind, RiskEstimate
from midi_risk.errors import ThreatModelError
from midi_risk.risk.classes.matching import matching_set_sizes
from midi_risk.table.model import SubjectTable
from midi_risk.threat.model import Adversary

REFERENCE = "El Emam 2013, chapter 16; matching sets derived in docs/measures.md"

_UNITS: Mapping[Kind, Mapping[str, float]] = {
    Kind.AGE: {"y": 12, "m": 1, "w": 12 / 52.1775, "d": 12 / 365.2425, "": 12},
    Kind.DATE: {"d": 1, "w": 7, "m": 30, "y": 365, "": 1},
}
_NUMBER_UNITS = {"cm": 0.01, "m": 1.0, "kg": 1.0, "g": 0.001, "": 1.0}
_DAYS = {"y": 365.25, "w": 7.0, "d": 1.0}
"""Units of a number that counts days."""


def tolerance(precision: str, kind: Kind) -> float | None:
    """Return a precision such as ``2y`` in the unit of the attribute's numbers.

    Parameters
    ----------
    precision : str
        ``exact``, or a number with a unit: ages in y, m, w, d; dates in d, w, m, y;
        sizes in cm or m, weights in kg.
    kind : Kind

    Returns
    -------
    float or None
        Months for an age, days for a date; None for ``exact``.

    Raises
    ------
    ThreatModelError
        When the unit does not fit the kind.

    Examples
    --------
    >>> tolerance("2y", Kind.AGE), tolerance("7d", Kind.DATE), tolerance("exact", Kind.SEX)
    (24.0, 7.0, None)
    """
    if precision == "exact":
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?([a-z%]*)", precision)
    numbers = _NUMBER_UNITS | _DAYS if kind is Kind.NUMBER else {}
    units = _UNITS.get(kind, numbers)
    if match is None or match[2] not in units:
        raise ThreatModelError(
            "knows",
            [f"a precision of '{precision}' does not fit an attribute of kind {kind.value}"],
            hint="Ages take y, m, w, d; dates d, w, m, y; sizes cm; weights kg; others 'exact'",
        )
    return float(match[1]) * units[match[2]]


def matching_sizes(
    table: SubjectTable, known: Sequence[Attribute], knows: Mapping[str, str]
) -> npt.NDArray[np.int64] | None:
    """Return how many subjects are compatible with what is known of each subject.

    Parameters
    ----------
    table : SubjectTable
        As it would be released.
    known : sequence of Attribute
        Released attributes that the adversary knows.
    knows : mapping of str to str
        Attribute -> precision.

    Returns
    -------
    numpy.ndarray of int64, shape (n,), or None
        None when everything is known exactly. A generalised attribute is matched by its
        band.
    """
    rough: list[npt.NDArray[np.float64]] = []
    within: list[float] = []
    exact: list[str] = []
    for attribute in known:
        allowed = tolerance(knows[attribute.name], attribute.kind)
        if allowed is None or attribute.decision is Decision.GENERALISE:
            exact.append(attribute.name)
            continue
        rough.append(_numbers(table, attribute))
        within.append(allowed)
    if not rough:
        return None
    return matching_set_sizes(
        table.codes(exact), np.column_stack(rough), within, missing=table.missing
    )


def _numbers(table: SubjectTable, attribute: Attribute) -> npt.NDArray[np.float64]:
    """Return the numeric reading of a column, NaN where missing."""
    texts = table.frame[attribute.name].to_numpy(dtype=object)
    distinct = sorted({str(text) for text in texts if text is not None})
    number = dict(zip(distinct, read_again(attribute, distinct).number, strict=True))
    return np.array([np.nan if text is None else number[str(text)] for text in texts])


def matching_risk(
    sizes: npt.NDArray[np.int64], *, k: int, attacker: str = ""
) -> tuple[RiskEstimate, ...]:
    """Return prosecutor, journalist and marketer risks from matching sets.

    Parameters
    ----------
    sizes : numpy.ndarray of int64, shape (n,)
        Subjects compatible with each subject, itself included.
    k : int
        A subject is at risk when fewer than k are compatible.
    attacker : str
        Name of the adversary.
    """
    risk = 1 / sizes

    def estimate(measure: str, value: float, method: str) -> RiskEstimate:
        return RiskEstimate(
            measure=measure,
            attacker=attacker,
            value=value,
            lower=value,
            upper=value,
            kind=EstimateKind.EXACT,
            n=len(sizes),
            method=method,
            reference=REFERENCE,
        )

    found = []
    for name in ("prosecutor", "journalist"):
        found += [
            estimate(f"{name}_max", float(risk.max()), "1 / smallest matching set"),
            estimate(f"{name}_mean", float(risk.mean()), "mean of 1 / matching set"),
            estimate(
                f"{name}_at_risk", float((sizes < k).mean()), f"share with matching set < {k}"
            ),
        ]
    return (*found, estimate("marketer_mean", float(risk.mean()), "mean of 1 / matching set"))


_BY_KIND = {"PatientAge": Kind.AGE, "PatientSex": Kind.SEX}
"""Knowledge that is the same whatever the column is called, by how it is read."""

_AGE = "PatientAge"
_BIRTH = "birthdate"
_BY_LADDER = {
    _AGE: ("agedays",),
    "PatientBirthDate": (_BIRTH,),
    "EthnicGroup": ("race",),
    "CountryOfResidence": ("geo",),
    "RegionOfResidence": ("geo",),
    "Occupation": ("occupation",),
    "PatientSize": ("height",),
    "PatientWeight": ("weight",),
}
"""Knowledge that is the same whatever the column is called, by how it is generalised."""


def known_attributes(
    quasi_identifiers: Sequence[Attribute], adversary: Adversary
) -> Mapping[str, str]:
    """Return the released quasi-identifiers that an adversary knows, with the precision.

    Parameters
    ----------
    quasi_identifiers : sequence of Attribute
    adversary : Adversary
        Knows all of them, or some by name, DICOM keyword, or by meaning: age, sex, birth
        date, ethnic group, residence, occupation, height and weight are the same in any column.
        Whoever knows the age
        knows the birth date within one year more.

    Returns
    -------
    mapping of str to str
        Attribute name -> ``"exact"`` or a precision such as ``"2y"``.

    Examples
    --------
    >>> from midi_risk.attributes.model import Role
    >>> age = Attribute(
    ...     name="age", source="t", column="age", role=Role.QUASI_IDENTIFIER, kind=Kind.AGE,
    ...     reason="",
    ... )
    >>> known_attributes([age], Adversary(name="x", knows={"PatientAge": "2y"}))
    {'age': '2y'}
    """
    if adversary.knows == "all":
        return {attribute.name: "exact" for attribute in quasi_identifiers}
    known = {}
    for attribute in quasi_identifiers:
        named = [n for n in adversary.knows if n in {attribute.name, attribute.keyword}]
        meant = [n for n in adversary.knows if _means(n, attribute)]
        if named or meant:
            known[attribute.name] = adversary.knows[(named + meant)[0]]
        elif _AGE in adversary.knows and attribute.ladder == _BIRTH:
            known[attribute.name] = _one_year_more(adversary.knows[_AGE])
    return known


def _one_year_more(precision: str) -> str:
    """Return how precisely a birth date is known to whoever knows the age so precisely.

    An age in whole years leaves one year open, before any tolerance of its own.
    """
    if precision == "exact":
        return "1y"
    years = precision.removesuffix("y").strip()
    return f"{int(years) + 1}y" if years.isdigit() else precision


def _means(name: str, attribute: Attribute) -> bool:
    """Tell whether knowledge that is named by a DICOM keyword is about an attribute."""
    return _BY_KIND.get(name) is attribute.kind or attribute.ladder in _BY_LADDER.get(name, ())
