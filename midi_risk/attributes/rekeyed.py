"""Which attributes leave as keyed pseudonyms: the one fact that the verdict and `apply` read."""

from __future__ import annotations

from collections.abc import Collection

from midi_risk.attributes.model import Attribute, AttributeSet, Decision, Role
from midi_risk.sources.dicom.uids import names_a_kind


def is_uid(attribute: Attribute) -> bool:
    """Tell an attribute whose values are UIDs of things, not of kinds of things."""
    uids = attribute.vr == "UI" or attribute.ladder == "uid"
    return uids and not names_a_kind(attribute.keyword or attribute.column)


def with_pseudonyms(
    attributes: AttributeSet, *, uids: bool, keys: Collection[tuple[str, str]]
) -> AttributeSet:
    """Return the attributes, those marked that leave as keyed pseudonyms.

    Parameters
    ----------
    attributes : AttributeSet
        With decisions.
    uids : bool
        Whether UIDs are replaced.
    keys : collection of (str, str)
        Source and column of the subject keys that are replaced; none where they stay.

    Examples
    --------
    >>> from midi_risk.attributes.model import Kind
    >>> uid = Attribute(
    ...     name="StudyInstanceUID", source="dicom", column="StudyInstanceUID", vr="UI",
    ...     role=Role.LINKAGE_KEY, kind=Kind.IDENTIFIER, reason="",
    ... )
    >>> with_pseudonyms(AttributeSet((uid,)), uids=True, keys=())["StudyInstanceUID"].rekeyed
    True
    """
    found = {}
    for a in attributes:
        if (a.source, a.column) in keys:
            role = Role.LINKAGE_KEY if a.role is Role.DIRECT_IDENTIFIER else a.role
            # `init` removes a key that is a direct identifier; its pseudonym stays.
            decision = None if a.decision is Decision.REMOVE else a.decision
            found[a.name] = a.revised(rekeyed=True, role=role, decision=decision)
        elif uids and is_uid(a):
            found[a.name] = a.revised(rekeyed=True)
    return attributes.replaced(found) if found else attributes
