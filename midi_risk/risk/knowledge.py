"""What an adversary knows of the attributes that are released."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from midi_risk.attributes.model import Attribute, Kind
from midi_risk.threat.model import Adversary

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
        date, ethnic group and residence are the same in any column. Whoever knows the age
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
