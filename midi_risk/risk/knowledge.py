"""What an adversary knows of the attributes that are released."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from midi_risk.attributes.model import Attribute, Kind
from midi_risk.threat.model import Adversary

_BY_KIND = {"PatientAge": Kind.AGE, "PatientSex": Kind.SEX}
"""Knowledge that is the same whatever the column is called."""


def known_attributes(
    quasi_identifiers: Sequence[Attribute], adversary: Adversary
) -> Mapping[str, str]:
    """Return the released quasi-identifiers that an adversary knows, with the precision.

    Parameters
    ----------
    quasi_identifiers : sequence of Attribute
    adversary : Adversary
        Knows all of them, or some by name, DICOM keyword, or (age, sex) by kind.

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
        for name, precision in adversary.knows.items():
            if name in {attribute.name, attribute.keyword} or (
                _BY_KIND.get(name) is attribute.kind
            ):
                known[attribute.name] = precision
                break
    return known
