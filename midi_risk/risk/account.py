"""The account of a release: for everything that leaves, what is done about it.

Each rule of `RULES` looks at one leaf and says what is done about it, or nothing; the first that
answers decides. What no rule and no decision of the assessor answers is open, and a release with
an open row is not acceptable.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Literal, NamedTuple

from midi_risk.attributes.model import Attribute, Decision, Role
from midi_risk.attributes.profile import Profile
from midi_risk.attributes.roles import is_ruled, may_hold_text
from midi_risk.attributes.standard import NOT_LISTED, OWN_DATES, packaged_table
from midi_risk.config import PrivateDecision, ReleaseDecision
from midi_risk.document.assessment import AccountEntry, ChannelEntry, Disposition
from midi_risk.sources.dicom.contents import creator_in, known_vr
from midi_risk.sources.dicom.coverage import coverage
from midi_risk.sources.dicom.misfits import MISFITS, PEOPLE
from midi_risk.sources.dicom.private import safe_private_elements
from midi_risk.table.account import UNCOMMON, Leaf, part_name
from midi_risk.table.model import SubjectTable
from midi_risk.threat.channels import CHANNELS

NUMERIC_VRS = frozenset(
    {"AT", "DS", "FD", "FL", "IS", "OD", "OF", "OL", "OV", "SL", "SS", "SV", "UL", "US", "UV"}
)
TEXT_VRS = frozenset({"AE", "LO", "LT", "SH", "ST", "UC", "UR", "UT"})
DATE_VRS = frozenset({"DA", "DT"})

_PIXELS = frozenset({"PixelData", "FloatPixelData", "DoubleFloatPixelData"})
_PAYLOADS = frozenset({"EncapsulatedDocument", "ICCProfile"})
_FIXED = frozenset({"FileMetaInformationVersion"})
_ORIGINALS = "OriginalAttributesSequence"
_GRAPHICS = frozenset({0x50, 0x60})
_OF_DEVICES = frozenset(
    {"ImplementationVersionName", "ReceiveCoilName", "SequenceName", "SoftwareVersions"}
)
"""Texts that programs write, and that no class counts."""
_CODE_PARTS = frozenset(
    {
        "CodeValue",
        "LongCodeValue",
        "URNCodeValue",
        "CodingSchemeDesignator",
        "CodingSchemeVersion",
        "CodeMeaning",
        "ContextIdentifier",
        "ContextUID",
        "MappingResource",
        "MappingResourceUID",
        "MappingResourceName",
        "ContextGroupVersion",
        "ContextGroupLocalVersion",
        "ContextGroupExtensionFlag",
        "ContextGroupExtensionCreatorUID",
    }
)


BY_PROFILE = "PS3.15 Table E.1-1, by the profile"
"""How the reason of a row begins on which the profile decided."""


class Settled(NamedTuple):
    """What is done about a leaf, on what it rests, and why."""

    disposition: Disposition
    by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseDecisions:
    """What the assessor decided about what is no attribute.

    Parameters
    ----------
    named : mapping of str to ReleaseDecision
        Name or pattern -> decision; the exact name wins, then the pattern that stands first.
    private : sequence of PrivateDecision
    profile : Profile, optional
        Decides what neither of the two decides.
    """

    named: Mapping[str, ReleaseDecision] = field(default_factory=dict)
    private: Sequence[PrivateDecision] = ()
    profile: Profile | None = None

    def of(self, leaf: Leaf) -> tuple[Literal["retain", "remove"], str] | None:
        """Return decision and reason for a leaf, None when there is none.

        Examples
        --------
        >>> kept = ReleaseDecision(decision="retain", reason="calibration of the tube")
        >>> decisions = ReleaseDecisions(named={"*Calibration*": kept})
        >>> decisions.of(Leaf(kind="element", name="DetectorCalibrationData"))
        ('retain', 'calibration of the tube')
        """
        names = (leaf.name, leaf.keyword)
        exact = next((self.named[name] for name in names if name in self.named), None)
        if exact is not None:
            return exact.decision, exact.reason
        for row in self.private:
            if any(_is_of(part, row) for part in leaf.path):
                return row.decision, row.source
        for pattern, entry in self.named.items():
            if "*" in pattern and any(_fits(pattern, name) for name in names):
                return entry.decision, entry.reason
        action = self.action(leaf)
        return ("remove", f"{BY_PROFILE}: {action}") if action[:1] in {"X", "Z", "D"} else None

    def action(self, leaf: Leaf) -> str:
        """Return what the profile does about a leaf, as Table E.1-1 says it; empty for nothing."""
        if self.profile is None or leaf.kind not in {"element", "other"}:
            return ""
        if leaf.kind == "other":
            return "X"
        if leaf.creators:
            safe = self.profile.keeps_safe_private and all(map(_is_safe, leaf.path))
            return "" if safe else "X"
        return self.profile.action(leaf.path[-1])


def _is_of(part: str, row: PrivateDecision) -> bool:
    """Tell whether a part of a path is the creator's, and the element where one is named."""
    creator = creator_in(part)
    if not creator or not _fits(row.creator, creator):
        return False
    number = part.partition("[")[0][6:]
    return row.element is None or row.element.upper() == number


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, text.split("*"))), re.DOTALL)


def _fits(pattern: str, name: str) -> bool:
    """Tell whether a name is as a pattern says, in which ``*`` stands for any text."""
    return _pattern(pattern).fullmatch(name) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What the rules of the account look at beside the leaf.

    Parameters
    ----------
    columns : mapping of (str, str) to Attribute
        (Source, column) -> attribute.
    keywords : mapping of str to Attribute
        Keyword -> attribute of the DICOM objects.
    distinct : mapping of str to (int, int)
        Attribute -> distinct values, subjects without one.
    repeated : collection of str
        Quasi-identifiers that are judged on several values of a subject.
    misfits : mapping of str to str
        Attribute that no class counts -> what does not fit about its values.
    """

    columns: Mapping[tuple[str, str], Attribute]
    keywords: Mapping[str, Attribute]
    distinct: Mapping[str, tuple[int, int]]
    repeated: frozenset[str]
    misfits: Mapping[str, str]

    @classmethod
    def of(cls, table: SubjectTable) -> Around:
        """Return what a subject table, with decisions, tells."""
        own = [a for a in table.attributes if not a.name.endswith(".range")]
        images = {str(s["name"]) for s in table.sources if s["kind"] == "dicom"}
        return cls(
            columns={(a.source, a.column): a for a in own},
            keywords={a.keyword: a for a in own if a.keyword and a.source in images},
            distinct=table.distinct,
            repeated=frozenset(table.repeated),
            misfits=table.misfits,
        )


REKEYED = "apply writes a keyed pseudonym in its place"
"""Why UIDs and subject keys that are replaced tell nothing."""

Rule = Callable[[Leaf, str, Around], Settled | None]


def _first_of_all(a: Attribute, around: Around) -> Settled | None:
    """Return what is done about an attribute whatever its role, None when its role decides."""
    if a.decision is Decision.REMOVE:
        return Settled("removed", a.name, "removed by the decision on the attribute")
    if a.rekeyed:
        return Settled("harmless", a.name, REKEYED)
    found = around.misfits.get(a.name) if a.decision is not Decision.GENERALISE else None
    if found == PEOPLE:
        return Settled(
            "open", "", f"{MISFITS[PEOPLE]}; remove it, or write pseudonyms in its place"
        )
    if found and not a.need:
        what = MISFITS[found]
        return Settled("open", "", f"{what}; a 'need' of the attribute says why they may leave")
    if not around.distinct.get(a.name, (1, 0))[0]:
        return Settled("harmless", a.name, "empty in every file")
    return None


def _attribute(a: Attribute, around: Around) -> Settled:
    """Return what is done about the values of an attribute."""
    first = _first_of_all(a, around)
    if first is not None:
        return first
    if a.role is Role.QUASI_IDENTIFIER and a.name in around.repeated:
        return Settled("repeated", a.name, "judged on every value that leaves")
    if a.role is Role.SENSITIVE and may_hold_text(a):
        return Settled("channel", "free_text", "judged for what classes disclose, and free text")
    if a.role in _OF_ROLE:
        disposition, reason = _OF_ROLE[a.role]
        return Settled(disposition, a.name, reason)
    return _insensitive(a)


def _insensitive(a: Attribute) -> Settled:
    """Return what is done about the values of an attribute that is no part of an attack."""
    if a.decision is Decision.GENERALISE:
        return Settled("recoded", a.name, "coarsened by the decision on the attribute")
    if may_hold_text(a):
        return Settled("channel", "free_text", "free text")
    return Settled("harmless", a.name, a.need or a.reason)


_OF_ROLE: Mapping[Role, tuple[Disposition, str]] = {
    Role.QUASI_IDENTIFIER: ("classes", "judged in the classes"),
    Role.SENSITIVE: ("classes", "judged for what the classes disclose"),
    Role.UNDECIDED: ("open", "nobody decided what role the attribute plays"),
    Role.DIRECT_IDENTIFIER: ("open", "the attribute is a direct identifier"),
}


def unread(_: Leaf, vr: str, __: Around) -> Settled | None:
    """Settle what was there and could not be read."""
    return Settled("open", "", "it could not be read") if vr == "??" else None


_LABEL = "the name of the column may be somebody's; a 'need' of the attribute says why it may leave"


def column(leaf: Leaf, _: str, around: Around) -> Settled | None:
    """Settle a column of a table by its attribute."""
    if leaf.kind != "column":
        return None
    found = around.columns.get((leaf.source, leaf.name))
    if leaf.odd and (found is None or (found.decision is not Decision.REMOVE and not found.need)):
        return Settled("open", "", _LABEL)
    if found is None and leaf.is_key:
        return Settled("harmless", "", "the key that links the rows of a subject")
    if found is None:
        return Settled("open", "", "a column that no attribute reads")
    return _attribute(found, around)


def name(leaf: Leaf, _: str, __: Around) -> Settled | None:
    """Settle a pattern of names: keys, UIDs, counters and common words tell nothing new."""
    if leaf.kind != "name":
        return None
    if any(mark in leaf.name for mark in UNCOMMON):
        return Settled("open", "", "names hold words, dates or long numbers that nobody reads")
    return Settled("harmless", "", "names hold keys, UIDs, counters and common words only")


UNREAD = "beside_unread"
"""What an open sheet or comment rests on: the reason of the verdict that names it."""


def beside(leaf: Leaf, _: str, __: Around) -> Settled | None:
    """Settle what lies beside the values: sheets, comments, texts and files that nobody read."""
    if leaf.kind not in {"sheet", "comment", "text", "file"}:
        return None
    if leaf.state == "left out":
        return Settled("removed", "", "the project file says that it does not leave")
    if leaf.state == "unread":
        by = UNREAD if leaf.kind in {"sheet", "comment"} else ""
        return Settled("open", by, _UNREAD_WHY[leaf.kind])
    if leaf.why or not any(mark in leaf.name for mark in UNCOMMON):
        return Settled("harmless", "", leaf.why or "named by keys, counters and common words only")
    return Settled("open", "", "the name holds words, dates or long numbers that nobody reads")


def tells_nothing(leaf: Leaf) -> bool:
    """Tell whether a thing beside the values is known to say nothing of anybody."""
    found = beside(leaf, "", _NOBODY)
    return found is not None and found.disposition == "harmless"


_NOBODY = Around(columns={}, keywords={}, distinct={}, repeated=frozenset(), misfits={})
_UNREAD_WHY = {
    "sheet": "a sheet with data that nobody read",
    "comment": "nobody read them",
    "text": "it stands beside the values, and nobody read it",
    "file": "it lies beside what was read, and nobody read it",
}


def outside(leaf: Leaf, _: str, __: Around) -> Settled | None:
    """Settle what lies in a file beside its elements."""
    if leaf.kind != "other":
        return None
    return Settled("channel", "embedded_metadata", f"{leaf.name} of a file")


def private(leaf: Leaf, vr: str, __: Around) -> Settled | None:
    """Settle private elements, and what is inside private sequences."""
    if not leaf.creators:
        return None
    if all(map(_is_safe, leaf.path)):
        if leaf.odd:
            return None
        if vr in TEXT_VRS and leaf.path[-1][4:6] == "xx":
            return Settled("channel", "free_text", "text of an element that E.3.10-1 lists")
        return Settled("harmless", "", "PS3.15 Table E.3.10-1 lists it as safe")
    return Settled("open", "", "a private element")


def _is_safe(part: str) -> bool:
    """Tell whether a part of a path is public, or listed as safe for its creator."""
    creator = creator_in(part)
    if creator is None:
        return True
    group, number = int(part[:4], 16), part.partition("[")[0][6:]
    if part[4:6] != "xx":
        return bool(creator) and creator in _safe_creators()
    return (creator, group, int(number, 16)) in safe_private_elements()


@cache
def _safe_creators() -> frozenset[str]:
    return frozenset(creator for creator, _, _ in safe_private_elements())


def originals(leaf: Leaf, _: str, around: Around) -> Settled | None:
    """Settle what the values were before: they go with their sequence, or a channel tells them."""
    if _ORIGINALS not in map(part_name, leaf.path):
        return None
    found = around.keywords.get(_ORIGINALS)
    if found is not None and found.decision is Decision.REMOVE:
        return _attribute(found, around)
    return Settled("channel", "embedded_metadata", "values from before an object was changed")


def attribute(leaf: Leaf, vr: str, around: Around) -> Settled | None:
    """Settle an element by its attribute, which reading takes at every depth."""
    found = around.keywords.get(leaf.keyword)
    if found is None:
        return None
    answer = _attribute(found, around)
    text = not {vr, found.vr}.isdisjoint(TEXT_VRS - {"AE"})
    if text and answer.disposition == "harmless" and _typed(found, around):
        return Settled("channel", "free_text", "text of an attribute that no class counts")
    return answer


def _typed(a: Attribute, around: Around) -> bool:
    """Tell a text that is not of a device, leaves, and for which nobody vouches."""
    filled = around.distinct.get(a.name, (1, 0))[0] > 0
    told = a.role is not Role.INSENSITIVE or a.need or is_ruled(a.keyword)
    return filled and not told and a.keyword not in _OF_DEVICES


_OF_PEOPLE = frozenset({"AS", "DA", "DT", "PN"})
"""Representations of ages, days and names: what they hold is of somebody, whatever the element."""


def misfitting(leaf: Leaf, vr: str, around: Around) -> Settled | None:
    """Settle numbers, codes and UIDs with values that are not what they should be."""
    found = around.keywords.get(leaf.keyword)
    gone = found is not None and (found.decision is Decision.REMOVE or found.rekeyed)
    if gone:
        return None
    if leaf.odd:
        what = ", ".join(MISFITS[code] for code in leaf.odd)
        return Settled("open", "", f"{what}, in {leaf.odd_files} of {leaf.files} files at least")
    uncounted = found is not None and found.role in _UNCOUNTED and not found.need
    if uncounted and vr in _OF_PEOPLE and leaf.tag and vr not in known_vr(leaf.tag).split(" or "):
        return Settled("open", "", f"written as {vr}, which the standard does not do")
    return None


_UNCOUNTED = frozenset({Role.INSENSITIVE, Role.SENSITIVE})


def coded(leaf: Leaf, _: str, around: Around) -> Settled | None:
    """Settle the parts of a code: by the attribute of its sequence, or as coded."""
    if leaf.keyword not in _CODE_PARTS or len(leaf.path) < 2:
        return None
    found = around.keywords.get(part_name(leaf.path[-2]))
    if found is not None:
        return _attribute(found, around)
    if _listed(leaf.path[-2]):
        return Settled("open", "", "a code that PS3.15 Table E.1-1 lists and no attribute reads")
    return Settled("harmless", "", "a code that PS3.15 Table E.1-1 does not list")


def pixels(leaf: Leaf, _: str, __: Around) -> Settled | None:
    """Settle pixel data, icons, overlays, curves and documents: channels look at them."""
    if leaf.keyword in _PIXELS:
        alone = len(leaf.path) == 1
        return Settled("channel", "burned_in" if alone else "embedded_metadata", "pixel data")
    if leaf.keyword in _PAYLOADS:
        return Settled("channel", "embedded_metadata", "an embedded payload")
    return None


def graphics(leaf: Leaf, vr: str, _: Around) -> Settled | None:
    """Settle overlays and curves."""
    if leaf.tag is None or leaf.tag >> 24 not in _GRAPHICS:
        return None
    if vr in TEXT_VRS:
        return Settled("channel", "free_text", "text of an overlay or a curve")
    if vr in NUMERIC_VRS or vr == "CS":
        return Settled("harmless", "", "a number or a code of an overlay or a curve")
    return Settled("channel", "embedded_metadata", "data of an overlay or a curve")


def container(_: Leaf, vr: str, __: Around) -> Settled | None:
    """Settle a sequence: what is inside has rows of its own."""
    if vr != "SQ":
        return None
    return Settled("harmless", "", "a sequence: its elements have rows of their own")


def identifier(_: Leaf, vr: str, __: Around) -> Settled | None:
    """Settle UIDs that are no attribute: registered ones, and those of other objects."""
    if vr != "UI":
        return None
    return Settled(
        "harmless", "", "a UID: of a class or syntax, or of an object as its own UID attributes"
    )


def moment(leaf: Leaf, vr: str, around: Around) -> Settled | None:
    """Settle dates and times of a visit, which follow the decision on StudyDate and StudyTime."""
    leader = "StudyDate" if vr in DATE_VRS else "StudyTime" if vr == "TM" else ""
    found = around.keywords.get(leader)
    if found is None or leaf.keyword in OWN_DATES:
        return None
    changed = found.decision in {Decision.REMOVE, Decision.GENERALISE}
    return _attribute(found, around)._replace(by=found.name) if changed else None


LISTED = "PS3.15 Table E.1-1 lists it and no attribute reads it"
"""Why an element is open that a de-identification profile acts on."""


def listed(leaf: Leaf, vr: str, _: Around) -> Settled | None:
    """Settle what Table E.1-1 lists and no reader takes, and names of people."""
    channel = _noticed().get(leaf.path[-1])
    if channel:
        return Settled("channel", channel, "PS3.15 Table E.1-1 lists it and the channel counts it")
    if _listed(leaf.path[-1]):
        return Settled("open", "", LISTED)
    if vr in {"PN", "AS", *DATE_VRS}:
        return Settled("open", "", "a name, an age or a date that no attribute reads")
    return None


@cache
def _noticed() -> Mapping[str, str]:
    """Return the rows of Table E.1-1 that no attribute reads -> the channel that counts them."""
    by_fact = {fact: name for name, channel in CHANNELS.items() for fact in channel.found}
    return {
        "".join(c for c in row.tag if c.isalnum()): by_fact[row.by]
        for row in coverage()
        if row.how == "noticed" and row.by in by_fact
    }


@cache
def _listed(part: str) -> bool:
    digits = part.upper()
    found = packaged_table().action_for(digits)
    return len(digits) == 8 and found.action not in {NOT_LISTED, ""}


def plain(leaf: Leaf, vr: str, _: Around) -> Settled | None:
    """Settle numbers, codes and texts that Table E.1-1 does not list."""
    if vr in NUMERIC_VRS or vr in {"CS", "TM"}:
        return Settled("harmless", "", "a number or a code that PS3.15 Table E.1-1 does not list")
    if vr in TEXT_VRS:
        return Settled("channel", "free_text", "text")
    if leaf.keyword in _FIXED:
        return Settled("harmless", "", "a fixed value of the file format")
    return None


def unknown(_: Leaf, vr: str, __: Around) -> Settled:
    """Leave open what nobody knows: unknown elements and bytes."""
    return Settled("open", "", f"{vr or 'an element'} that nobody reads")


RULES: tuple[Rule, ...] = (
    unread,
    column,
    name,
    beside,
    outside,
    private,
    originals,
    misfitting,
    attribute,
    coded,
    pixels,
    graphics,
    container,
    identifier,
    moment,
    listed,
    plain,
    unknown,
)
"""The rules in their order; the first that answers decides."""

_WORST: Mapping[Disposition, int] = {
    "open": 6, "channel": 5, "repeated": 4, "classes": 3, "harmless": 2, "recoded": 1, "removed": 0,
}  # fmt: skip


def settled(leaf: Leaf, decisions: ReleaseDecisions, around: Around) -> Settled:
    """Return what is done about a leaf; of several representations the worst counts.

    Parameters
    ----------
    leaf : Leaf
    decisions : ReleaseDecisions
        They close what is open and belongs to no attribute, and remove what is no attribute.
    around : Around
    """
    found = max(
        (_first(leaf, vr, around) for vr in leaf.vrs or ("",)),
        key=lambda each: _WORST[each.disposition],
    )
    if found.by and found.disposition != "channel" and found.by != UNREAD:
        return found
    decided = decisions.of(leaf)
    if decided is None:
        return found
    decision, why = decided
    if decision == "remove":
        return Settled("recoded" if leaf.kind == "name" else "removed", "", why)
    closed = found.disposition == "open" or (found.by, leaf.kind) == ("free_text", "element")
    free = found.disposition == "open" or not _of_attribute(leaf, around)
    return Settled("harmless", "", why) if closed and free else found


def _of_attribute(leaf: Leaf, around: Around) -> bool:
    """Tell whether an attribute takes the values of an element."""
    return not leaf.creators and leaf.keyword in around.keywords


def _first(leaf: Leaf, vr: str, around: Around) -> Settled:
    plainest = _one_vr(vr)
    found = (rule(leaf, plainest, around) for rule in RULES)
    return next(answer for answer in found if answer is not None)


def _one_vr(vr: str) -> str:
    """Return one representation where the dictionary gives several: bytes before numbers."""
    parts = vr.split(" or ")
    return next((part for part in parts if part in {"OB", "OW", "UN"}), parts[0])


def account(table: SubjectTable, decisions: ReleaseDecisions) -> list[AccountEntry]:
    """Return the account of what leaves, before any channel was asked.

    Parameters
    ----------
    table : SubjectTable
        With decisions, before they are applied.
    decisions : ReleaseDecisions

    Returns
    -------
    list of AccountEntry
        In the order of the leaves.
    """
    around = Around.of(table)
    found_of = [settled(leaf, decisions, around) for leaf in table.leaves]
    gone = {
        leaf.path: (leaf, found)
        for leaf, found in zip(table.leaves, found_of, strict=True)
        if leaf.kind == "element" and found.disposition == "removed"
    }
    entries = []
    for leaf, own in zip(table.leaves, found_of, strict=True):
        found = _with_its_sequence(leaf, own, gone)
        entries.append(
            AccountEntry(
                kind=leaf.kind,
                name=leaf.name,
                source=leaf.source,
                vr="/".join(leaf.vrs),
                files=leaf.files,
                disposition=found.disposition,
                by=found.by,
                reason=found.reason,
            )
        )
    return entries


def _with_its_sequence(
    leaf: Leaf, own: Settled, gone: Mapping[tuple[str, ...], tuple[Leaf, Settled]]
) -> Settled:
    """Return the removal of what is inside a sequence that is removed, else what it was."""
    if leaf.kind != "element" or own.disposition == "removed":
        return own
    for depth in range(1, len(leaf.path)):
        above = gone.get(leaf.path[:depth])
        if above is not None:
            sequence, found = above
            return Settled("removed", found.by, f"inside {sequence.keyword}, which is removed")
    return own


def measured_account(
    entries: Iterable[AccountEntry], channels: Sequence[ChannelEntry]
) -> list[AccountEntry]:
    """Return the account with open what no channel has measured.

    Parameters
    ----------
    entries : iterable of AccountEntry
        From `account`.
    channels : sequence of ChannelEntry
    """
    known = {channel.name for channel in channels if channel.worst is not None}
    return [
        entry.model_copy(update={"disposition": "open"})
        if entry.disposition == "channel" and entry.by not in known
        else entry
        for entry in entries
    ]


def texts_without_attribute(entries: Iterable[AccountEntry]) -> list[str]:
    """Return the names of text elements that leave and that no attribute reads."""
    return [
        e.name
        for e in entries
        if e.disposition == "channel" and e.by == "free_text" and e.reason != "free text"
    ]
