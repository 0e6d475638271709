"""Values that stand inside sequences, whichever reader walks them.

A reader calls `NestedValues.element` for every wanted element inside a sequence, with the
chain of sequence tags that lead to it. What joins a column, what is only compared with
the top level and what becomes a coded meaning is decided here, once.

The fast reader walks the bytes of a sequence with a stack: little endian only, explicit or
implicit. Whatever is odd (an unknown or contradicting representation, a length that does not fit,
tags out of order) raises `NotVouchedError`, and the file goes to pydicom.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, lru_cache
from hashlib import blake2b
from typing import Any

from pydicom._dicom_dict import DicomDictionary

from midi_risk.resources import data_rows
from midi_risk.sources.dicom.contents import (
    below,
    creator_place,
    line,
    spelt,
)
from midi_risk.sources.dicom.header import (
    NESTED_COMPARED,
    Header,
    Noticed,
    ValueCollector,
    Wanted,
    notice_of,
    wanted_attributes,
)
from midi_risk.sources.dicom.misfits import MOST, trimmed_check
from midi_risk.sources.dicom.private import any_unsafe_private, may_be_safe
from midi_risk.sources.dicom.text import RawHeader, element_text, encodings_of
from midi_risk.sources.dicom.uids import STANDARD_ROOT, day_of_component, of_a_device, telling

ORIGINAL_ATTRIBUTES = 0x04000561
OTHER_PATIENT_IDS = 0x00101002
CONTENT_SEQUENCE = 0x0040A730
CONCEPT_NAME = 0x0040A043
CODE_VALUE = 0x00080100
LONG_CODE_VALUE = 0x00080119
CODE_SCHEME = 0x00080102
CODE_MEANING = 0x00080104
_CONTOUR_DATA = 0x30060050


def notice_inside(tag: int) -> int:
    """Return what an element that is not empty means inside a sequence.

    Examples
    --------
    >>> notice_inside(0x00282000) == Noticed.ICC_PROFILE
    True
    """
    return Noticed.CONTOURS if tag == _CONTOUR_DATA else notice_of(tag)


def notice_private(elements: Iterable[tuple[tuple[int, ...], int, str]]) -> int:
    """Return what private elements inside sequences mean.

    Parameters
    ----------
    elements : iterable of (tuple of int, int, str)
        Place of the item, tag, and the text of the elements that name a creator.
    """
    items: dict[tuple[int, ...], dict[int, str]] = {}
    for path, tag, text in elements:
        items.setdefault(path, {})[tag] = text
    noticed = Noticed.ANY_PRIVATE if items else 0
    for item in items.values():
        creators = {tag: text for tag, text in item.items() if 0x10 <= tag & 0xFFFF <= 0xFF}
        if any_unsafe_private(item, creators):
            noticed |= Noticed.UNSAFE_PRIVATE
    return noticed


PATIENT_ID = 0x00100020

ALSO_FROM = {"OtherPatientIDs": ("OtherPatientIDsSequence",)}
"""Column -> further elements that it is read from; what becomes of it becomes of these."""

CODE_TAGS = {CODE_VALUE: "SH", LONG_CODE_VALUE: "UC", CODE_SCHEME: "SH", CODE_MEANING: "LO"}
"""Elements of a coded concept that readers must deliver besides the wanted ones."""


@cache
def identifying_concepts() -> frozenset[tuple[str, str]]:
    """Return (code, scheme) of content items that Table E.3.4-1 lists with an action."""
    return frozenset(
        (row["code"], row["scheme"])
        for row in data_rows("ps315_e3_4_1_content_items.csv")
        if row["basic"]
    )


@cache
def nested_tags() -> dict[int, str]:
    """Return every tag to look for inside sequences, with its representation."""
    wanted = {
        item.tag: item.vr
        for item in wanted_attributes().values()
        if item.vr != "SQ" and (item.nested or item.keyword in NESTED_COMPARED)
    }
    return {**wanted, **dict.fromkeys(uid_tags(), "UI"), **CODE_TAGS}


@cache
def uid_tags() -> dict[int, str]:
    """Return the UIDs that are looked for inside sequences, with the column they belong to.

    The UID of another study, series or object is one of what the item refers to.
    """
    uids = [item for item in wanted_attributes().values() if item.vr == "UI" and item.tag >> 16 > 2]
    return {
        item.tag: item.keyword if item.nested else "ReferencedSOPInstanceUID"
        for item in uids
        if item.nested or item.keyword in UIDS_OF_OBJECTS
    }


UIDS_OF_OBJECTS = frozenset(
    {"SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"}
)
_TELLING_KEPT = 8


def no_uid(text: str) -> bool:
    """Tell whether a text has what no UID has.

    Examples
    --------
    >>> no_uid("1.2.Quimby"), no_uid("1.2.3")
    (True, False)
    """
    return bool(text.strip("0123456789."))


def uid_sample(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the least of many UIDs, and the least few that may tell something.

    That is a day, their device, or what is no UID at all.

    So the one that stands for all does not depend on the order of reading, and what matters is
    not lost among thousands of references.

    Examples
    --------
    >>> uid_sample(["1.9", "1.3", "1.2.840.10008.1", "1.5.20200317"])
    ('1.3', '1.5.20200317')
    """
    parts = {part for text in texts for part in text.split("\\")}
    held = sorted(part for part in parts if part and not part.startswith(STANDARD_ROOT))
    told = [uid for uid in held[1:] if no_uid(uid) or telling(uid)][:_TELLING_KEPT]
    return (*held[:1], *told)


@dataclass(frozen=True, slots=True, kw_only=True)
class NestedResult:
    """What the sequences of one file hold.

    Parameters
    ----------
    more : dict of str to list of str
        Keyword -> distinct values in sorted order.
    compared : tuple of (str, str)
        Keyword and text of values that are only compared with the top level's.
    noticed : int
        What was noticed.
    cut : bool
        Whether values were left out.
    uids : dict of str to tuple of str
        Keyword -> sample of the UIDs under it, see `uid_sample`.
    """

    more: dict[str, list[str]]
    compared: tuple[tuple[str, str], ...]
    noticed: int
    cut: bool
    uids: Mapping[str, tuple[str, ...]]

    def uids_beside(self, top: Callable[[str], str]) -> dict[str, list[str]]:
        """Return the UIDs to keep of one file: the least, and those that speak of this file.

        Parameters
        ----------
        top : callable
            Returns the text of an attribute of the file itself.
        """
        return {
            keyword: [
                sample[0],
                *(u for u in sample[1:] if no_uid(u) or of_a_device(u) or _of_days(u, top)),
            ]
            for keyword, sample in self.uids.items()
        }

    def note(self, header: Header | RawHeader, top: Callable[[str], str]) -> None:
        """Add flags and what was noticed to the header of the file."""
        header.noticed |= self.noticed
        if any(text != top(keyword) for keyword, text in self.compared):
            header.noticed |= Noticed.NESTED_IDENTITY
        if self.cut:
            header.flag("more values inside sequences than are kept")


_DAYS = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate")


def _of_days(uid: str, top: Callable[[str], str]) -> bool:
    """Whether a UID holds a day of the file, or one beside it."""
    for keyword in _DAYS:
        day = day_of_component(top(keyword)[:8])
        if day is None:
            continue
        if any(f"{day + timedelta(days=step):%Y%m%d}" in uid for step in (-1, 0, 1)):
            return True
    return False


class NestedValues:
    """Gathers what the sequences of one file hold."""

    __slots__ = ("_codes", "_collector", "_compared", "_uids", "_wanted")

    def __init__(self, collector: ValueCollector) -> None:
        self._collector = collector
        self._wanted = wanted_attributes()
        self._codes: dict[tuple[int, ...], dict[int, str]] = {}
        self._compared: list[tuple[str, str]] = []
        self._uids: dict[str, set[str]] = {}

    def element(self, path: tuple[int, ...], tag: int, text: str | None) -> None:
        """Take one element inside a sequence.

        Parameters
        ----------
        path : tuple of int
            Sequence tags and item numbers, alternating, from the top level down.
        tag : int
            The element.
        text : str or None
            Its text.
        """
        if not text:
            return
        if tag in CODE_TAGS:
            self._codes.setdefault(path, {})[tag] = text
            return
        if tag in uid_tags():
            self._uids.setdefault(uid_tags()[tag], set()).add(text)
            return
        wanted = self._wanted[tag]
        if ORIGINAL_ATTRIBUTES in path[::2]:
            self._collector.nested("OriginalAttributesSequence", f"{wanted.keyword}={text}")
        elif tag == PATIENT_ID and path[-2] == OTHER_PATIENT_IDS:
            self._collector.nested("OtherPatientIDs", text)
        elif wanted.keyword in NESTED_COMPARED:
            self._compared.append((wanted.keyword, text))
        else:
            self._collector.nested(wanted.keyword, text)

    def result(self) -> NestedResult:
        """Resolve coded concepts and return everything."""
        noticed = 0
        for path, code in self._codes.items():
            sequence: Wanted | None = self._wanted.get(path[-2])
            meaning = code.get(CODE_MEANING) or code.get(CODE_VALUE) or code.get(LONG_CODE_VALUE)
            if sequence is not None and ORIGINAL_ATTRIBUTES not in path[::2]:
                self._collector.nested(sequence.keyword, meaning)
            if path[-2] == CONCEPT_NAME and CONTENT_SEQUENCE in path[::2]:
                named = (code.get(CODE_VALUE, ""), code.get(CODE_SCHEME, ""))
                if named in identifying_concepts():
                    noticed |= Noticed.IDENTIFYING_CONTENT_ITEMS
        return NestedResult(
            more=self._collector.more(),
            compared=tuple(self._compared),
            noticed=noticed,
            cut=self._collector.cut,
            uids={k: held for k, texts in self._uids.items() if (held := uid_sample(texts))},
        )


UNDEFINED = 0xFFFFFFFF
DEPTH_LIMIT = 64

LONG_VRS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
SHORT_VRS = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())

_IMPLICIT = struct.Struct("<HHI").unpack_from
_LENGTH = struct.Struct("<I").unpack_from
_ITEM = 0xFFFEE000
_ITEM_END = 0xFFFEE00D
_SEQUENCE_END = 0xFFFEE0DD
_CHARACTER_SET = 0x00080005
_SHORT = 4096
_LARGE_KEPT = 512
_FEW_EVENTS = 500
_MOST_EVENTS = 150_000

Event = tuple[tuple[int, ...], int, str]
"""Chain of sequence tags and item numbers, tag, text."""


class NotVouchedError(Exception):
    """The fast reader cannot vouch for these bytes."""


class MoreNeededError(Exception):
    """The walk ran past the bytes at hand."""


@cache
def sequence_tags() -> frozenset[int]:
    """Return every tag that the dictionary or the catalogue calls a sequence."""
    wanted = (tag for tag, item in wanted_attributes().items() if item.vr == "SQ")
    known = (tag for tag, entry in DicomDictionary.items() if entry[0] == "SQ")
    return frozenset(known) | frozenset(wanted)


class SequenceContent:
    """What one sequence holds: what is wanted of it, and the line of every element."""

    __slots__ = ("events", "lines", "noticed", "size")

    def __init__(self, events: list[Event], size: int, noticed: int, lines: frozenset[str]) -> None:
        self.events = tuple(events)
        self.lines = lines
        self.noticed = noticed
        self.size = size


@lru_cache(maxsize=65536)
def _check(tag: int, vr: bytes | None) -> Callable[[bytes], str] | None:
    if tag >> 16 & 1 and not may_be_safe(tag):
        return None
    return trimmed_check(tag, None if vr is None else vr.decode("ascii"))


Met = tuple[str, int, bytes | None, str | None]
"""Path of the sequences, tag, representation where the file tells it, private creator."""


def _odd(met: Met, raw: bytes) -> tuple[Met, ...]:
    """Return the line that says what does not fit about a value that nobody reads."""
    prefix, tag, vr, creator = met
    check = _check(tag, vr)
    odd = check(raw) if check is not None else ""
    return ((prefix, tag, odd.encode(), creator),) if odd else ()


def _lines(met: set[Met]) -> frozenset[str]:
    """Return the lines of the elements met inside a sequence."""
    return frozenset(
        line(prefix, tag, None if vr is None else vr.decode("ascii"), creator)
        for prefix, tag, vr, creator in met
    )


def _expect(vr: bytes | None, known: str) -> None:
    """Refuse a representation that is not the dictionary's."""
    if vr is not None and vr != known.encode():
        raise NotVouchedError


def _own_encodings(vr: bytes | None, raw: bytes) -> tuple[str, ...]:
    """Return the character sets that an item states, when all are known."""
    _expect(vr, "CS")
    encodings, sure = encodings_of(raw)
    if not sure:
        raise NotVouchedError
    return encodings


def _head(data: bytes, at: int, length: int) -> tuple[bytes, int, int]:
    """Return representation, length and offset of the value of an explicit element."""
    vr = data[at + 4 : at + 6]
    if vr in SHORT_VRS:
        return vr, length >> 16, at + 8
    if vr not in LONG_VRS:
        raise NotVouchedError
    if at + 12 > len(data):
        raise MoreNeededError
    return vr, _LENGTH(data, at + 8)[0], at + 12


def _walk(  # noqa: C901, PLR0912, PLR0915 - the hot loop over elements and items
    tag: int, data: bytes, encodings: tuple[str, ...], end: int, above: str, *, explicit: bool
) -> SequenceContent:
    """Walk one sequence whose value begins at 0 and whose path is given.

    ``items`` says whether a list of items is being walked, or the elements of one item;
    what is being walked around it waits on the stack.
    """
    size = len(data)
    nested, sequences, uids = nested_tags(), sequence_tags(), uid_tags()
    events: list[Event] = []
    referred: dict[int, set[bytes]] = {}
    private_here: list[tuple[tuple[int, ...], int, str]] = []
    noticed = 0
    stack: list[tuple[Any, ...]] = []
    path: tuple[int, ...] = (tag,)
    items, emit, last, at = True, not tag >> 16 & 1, -1, 0
    met, prefix, creators = set[Met](), above, dict[int, str]()
    while True:
        over = at == end
        if not over:
            if 0 <= end < at:
                raise NotVouchedError
            if at + 8 > size:
                raise MoreNeededError
            group, element, length = _IMPLICIT(data, at)
            found = group << 16 | element
            over = end < 0 and not length and found == (_SEQUENCE_END if items else _ITEM_END)
            at += 8 if over else 0
        if over:
            if not stack:
                told = noticed | notice_private(private_here)
                return SequenceContent(events + _referred(tag, referred), at, told, _lines(met))
            path, end, encodings, items, emit, last, prefix, creators = stack.pop()
            continue
        if items:
            inside = -1 if length == UNDEFINED else at + 8 + length
            if found != _ITEM or 0 <= end < inside:
                raise NotVouchedError
            last += 1
            stack.append((path, end, encodings, True, emit, last, prefix, creators))
            path, end, items, last, at = (*path, last), inside, False, -1, at + 8
            creators = {}
            continue
        vr, start = None, at + 8
        if explicit and group != 0xFFFE:
            vr, length, start = _head(data, at, length)
        if found <= last or group == 0xFFFE:
            raise NotVouchedError
        last, private, creator = found, bool(group & 1), None
        if private:
            named = _creator(found, data, start, length, encodings)
            creators |= {found: named} if named else {}
            creator = creators.get(found if named else creator_place(found))
            if emit:
                private_here.append((path, found, named))
        known = _is_sequence(found, vr, length, sequences)
        met.add((prefix, found, b"SQ" if known else vr, creator))
        if known:
            inside = -1 if length == UNDEFINED else start + length
            if 0 <= end < inside or len(stack) + 1 >= 2 * DEPTH_LIMIT:
                raise NotVouchedError
            stack.append((path, end, encodings, False, emit, last, prefix, creators))
            path, end, items, last, at = (*path, found), inside, True, -1, start
            prefix = below(prefix, spelt(found, creator))
            noticed |= notice_inside(found) if emit and length else 0
            emit = emit and not private
            continue
        at = _behind(start + length, end, size)
        if found in uids:
            _expect(vr, "UI")
            if emit:
                referred.setdefault(found, set()).add(data[start:at])
        elif found in nested:
            _expect(vr, nested[found])
            if emit and (text := element_text(nested[found], data[start:at], encodings)):
                events.append((path, found, text))
            if len(events) > _MOST_EVENTS:
                raise NotVouchedError
        elif found == _CHARACTER_SET:
            encodings = _own_encodings(vr, data[start:at])
        elif length:
            noticed |= notice_inside(found) if emit else 0
            met.update(_odd((prefix, found, vr, creator), data[start : min(at, start + MOST)]))


def _is_sequence(tag: int, vr: bytes | None, length: int, sequences: frozenset[int]) -> bool:
    """Tell whether items follow an element's header; refuse what cannot be told."""
    private, known = tag >> 16 & 1, vr == b"SQ" or (vr is None and tag in sequences)
    if (vr == b"UN" and (not private or length == UNDEFINED)) or (
        length == UNDEFINED and not known and not (vr is None and private)
    ):
        raise NotVouchedError
    return known or length == UNDEFINED


def _behind(at: int, end: int, size: int) -> int:
    """Return the place behind a value, which lies inside its item and the bytes at hand."""
    if 0 <= end < at:
        raise NotVouchedError
    if at > size:
        raise MoreNeededError
    return at


def _creator(tag: int, data: bytes, start: int, length: int, encodings: tuple[str, ...]) -> str:
    """Return the text of an element that names a private creator, else nothing."""
    if not 0x10 <= tag & 0xFFFF <= 0xFF or length == UNDEFINED or start + length > len(data):
        return ""
    return element_text("LO", data[start : start + length], encodings) or ""


def _referred(tag: int, raws: dict[int, set[bytes]]) -> list[Event]:
    """Return the samples of the UIDs met in one sequence as its last elements."""
    return [
        ((tag, 0), inside, text)
        for inside, met in raws.items()
        for text in uid_sample(element_text("UI", raw) or "" for raw in met)
    ]


def walk_sequence(
    tag: int,
    data: bytes,
    encodings: tuple[str, ...],
    *,
    explicit: bool,
    defined: bool,
    creator: str | None = None,
) -> SequenceContent:
    """Return the wanted elements inside one sequence.

    Parameters
    ----------
    tag : int
        The sequence.
    data : bytes
        Bytes from the beginning of its value field on; all of it when ``defined``.
    encodings : tuple of str
        Character sets in force.
    explicit : bool
        Whether elements carry their representation.
    defined : bool
        Whether the sequence's length was given, so that ``data`` ends with it.
    creator : str, optional
        Creator of a private sequence.

    Returns
    -------
    SequenceContent

    Raises
    ------
    NotVouchedError
        When the bytes are odd.
    MoreNeededError
        When the sequence continues behind ``data``.
    """
    above = below("", spelt(tag, creator))
    return _walk(tag, data, encodings, len(data) if defined else -1, above, explicit=explicit)


@lru_cache(maxsize=4096)
def _remembered(
    tag: int, data: bytes, encodings: tuple[str, ...], explicit: bool, creator: str | None
) -> SequenceContent:
    return walk_sequence(tag, data, encodings, explicit=explicit, defined=True, creator=creator)


_LARGE: OrderedDict[tuple[object, ...], SequenceContent] = OrderedDict()


def sequence_content(
    tag: int,
    data: bytes,
    encodings: tuple[str, ...],
    *,
    explicit: bool,
    creator: str | None = None,
) -> SequenceContent:
    """Return what a whole sequence holds; remembered by its bytes, or by their digest."""
    if len(data) <= _SHORT:
        return _remembered(tag, data, encodings, explicit, creator)
    key = (tag, len(data), blake2b(data).digest(), encodings, explicit, creator)
    content = _LARGE.get(key)
    if content is None:
        content = walk_sequence(
            tag, data, encodings, explicit=explicit, defined=True, creator=creator
        )
        if len(content.events) <= _FEW_EVENTS:
            if len(_LARGE) >= _LARGE_KEPT:
                _LARGE.popitem(last=False)
            _LARGE[key] = content
    return content
