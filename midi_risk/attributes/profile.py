"""The confidentiality profile of PS3.15 Annex E as a starting set of decisions.

What Table E.1-1 says of an element under the basic profile and the options that were named decides
where nobody decided otherwise. What an option says is to be cleaned stays for review.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache

from midi_risk.attributes.model import Attribute, AttributeSet, Decision, Role
from midi_risk.attributes.standard import NOT_LISTED, packaged_table
from midi_risk.config import ProfileSettings
from midi_risk.resources import data_rows
from midi_risk.sources.dicom.dictionary import tag_of, vr_of
from midi_risk.sources.model import Extraction, SourceKind

SAFE_PRIVATE = "113111"
"""Option that retains the private elements of Table E.3.10-1."""

CLEANING = frozenset({"113101", "113102", "113103", "113104", "113105", "113107", SAFE_PRIVATE})
"""Options that ask for more than an action by tag: somebody, or a channel, has to look."""


@cache
def _columns() -> dict[str, str]:
    """Return code of an option -> its column in Table E.1-1."""
    return {row["code"]: row["column_in_ps315_e1_1"] for row in data_rows("ps316_cid7050.csv")}


def _vr(name: str) -> str:
    """Return the representation of a keyword or tag."""
    digits = name.replace("xx", "00")
    tag = int(digits, 16) if _TAG.fullmatch(digits) else tag_of(name)
    return vr_of(tag or 0) or ""


_TAG = re.compile(r"[0-9A-Fa-f]{8}")


@dataclass(frozen=True, slots=True)
class Profile:
    """The basic profile with some options.

    Parameters
    ----------
    options : frozenset of str
        Codes of CID 7050.

    Examples
    --------
    >>> profile = Profile(frozenset({"113106"}))
    >>> profile.action("StudyDate"), profile.action("PatientName"), profile.action("60xx3000")
    ('K', 'Z', 'X')
    >>> profile.action("Manufacturer"), profile.removes("PatientName")
    ('', True)
    """

    options: frozenset[str]

    def action(self, name: str) -> str:
        """Return what is done about an element: the option's action where there is one.

        Parameters
        ----------
        name : str
            Keyword or tag, of a repeating group as ``60xx3000``.

        Returns
        -------
        str
            As in Table E.1-1, such as ``X/Z``; ``K`` kept, ``C`` to be cleaned, ``U`` a UID to be
            replaced, empty where the table has no row. Of several options one that cleans wins.
        """
        row = packaged_table().action_for(name)
        if row.action == NOT_LISTED:
            return ""
        said = dict(option.split("=") for option in row.options)
        found = {said[c] for code in self.options if (c := _columns().get(code, "")) in said}
        chosen = "C" if "C" in found else "K" if "K" in found else row.action
        a_uid = chosen[:1] in {"X", "Z", "D"} and chosen != "X" and _vr(name) == "UI"
        return "U" if "U" in chosen or a_uid else chosen

    def removes(self, name: str) -> bool:
        """Tell whether the value of an element goes: deleted, emptied, or a dummy."""
        return self.action(name)[:1] in {"X", "Z", "D"}

    @property
    def keeps_safe_private(self) -> bool:
        """Whether private elements that Table E.3.10-1 lists stay."""
        return SAFE_PRIVATE in self.options

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes of the profile and its options, as (0012,0064) holds them."""
        return ("113100", *sorted(self.options))


def profile_of(settings: ProfileSettings | None) -> Profile | None:
    """Return the profile that a project names, None when it names none.

    Parameters
    ----------
    settings : ProfileSettings, optional
    """
    if settings is None or not settings.basic:
        return None
    return Profile(frozenset(settings.options))


def described(extraction: Extraction) -> frozenset[str]:
    """Return the names of the source tables that describe DICOM objects."""
    kinds = {SourceKind.DICOM, SourceKind.METADATA}
    return frozenset(table.name for table in extraction.tables if table.kind in kinds)


def _concerns(attribute: Attribute, sources: Collection[str]) -> bool:
    return attribute.keyword is not None and attribute.source in sources


def with_profile(
    attributes: AttributeSet, profile: Profile | None, sources: Collection[str]
) -> AttributeSet:
    """Return the attributes with removed what the profile removes and nobody decided on.

    Parameters
    ----------
    attributes : AttributeSet
        With the project's decisions in force; they win.
    profile : Profile, optional
    sources : collection of str
        Names of the source tables that describe DICOM objects.

    Examples
    --------
    >>> from midi_risk.attributes.model import Kind
    >>> age = Attribute(
    ...     name="PatientAge", source="dicom", column="PatientAge", keyword="PatientAge",
    ...     role=Role.QUASI_IDENTIFIER, kind=Kind.AGE, reason="",
    ... )
    >>> basic = Profile(frozenset())
    >>> with_profile(AttributeSet((age,)), basic, {"dicom"})["PatientAge"].decision.value
    'remove'
    """
    if profile is None:
        return attributes
    return attributes.replaced(
        {
            a.name: a.revised(decision=Decision.REMOVE)
            for a in attributes
            if _concerns(a, sources)
            and a.decision is None
            and not a.rekeyed
            and a.role is not Role.LINKAGE_KEY
            and profile.removes(a.keyword or "")
        }
    )


def against_profile(
    attributes: AttributeSet, profile: Profile, sources: Collection[str]
) -> tuple[str, ...]:
    """Return the attributes that the profile removes and that stay, by the project's decision.

    A subject key that stays is confirmed to be a pseudonym, which is the dummy that is asked for.
    """
    return tuple(
        a.name
        for a in attributes
        if _concerns(a, sources)
        and not a.rekeyed
        and not (a.keyword == "PatientID" and a.role is Role.LINKAGE_KEY)
        and a.decision is not Decision.REMOVE
        and profile.removes(a.keyword or "")
    )


def to_clean(
    attributes: AttributeSet, profile: Profile, sources: Collection[str]
) -> tuple[str, ...]:
    """Return the attributes that an option says are to be cleaned, and that nobody decided on."""
    return tuple(
        a.name
        for a in attributes
        if _concerns(a, sources) and a.decision is None and profile.action(a.keyword or "") == "C"
    )
