"""What reading one file's header yields, whichever reader did it, and which attributes are read.

Wanted are the texts of the catalogue and of Table E.1-1, by tag. Values that stand inside
sequences (contributing equipment, request attributes, functional groups, content trees) join the
column of their keyword as further values, except those that would change whose record it is:
identity, sex, age and dates of patient and study level are compared instead, see
`NESTED_COMPARED`. Of UIDs that refer to something else one value of each attribute is kept for a
file, see `midi_risk.sources.dicom.nested`. Which row of the table is read, which only noticed, and
which is left aside why, says `midi_risk.sources.dicom.coverage`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from pydicom._dicom_dict import DicomDictionary

from midi_risk.resources import data_rows
from midi_risk.sources.dicom.dictionary import (
    LISTED_TABLE,
    keyword_of,
    listed_tag,
    tag_of,
    vr_of,
)

NESTED_LIMIT = 256
"""Most distinct values that sequences add to one attribute of one file."""


class Noticed:
    """Bits of what was noticed about one file besides its values; summed into `facts`.

    Plain integers, as they are combined for every file.
    """

    NOTHING = 0
    UNSAFE_PRIVATE = 1 << 0
    ANY_PRIVATE = 1 << 1
    OVERLAY = 1 << 2
    CURVE = 1 << 3
    ICON = 1 << 4
    ORIGINAL_ATTRIBUTES = 1 << 5
    NESTED_IDENTITY = 1 << 6
    DICOMDIR = 1 << 7
    ICC_PROFILE = 1 << 8
    IDENTIFYING_CONTENT_ITEMS = 1 << 9
    CONTOURS = 1 << 10
    BURNED_IN_YES = 1 << 11
    BURNED_IN_NO = 1 << 12
    VISUAL_FEATURES_YES = 1 << 13
    FACE_POSSIBLE = 1 << 14
    STRUCTURED_REPORT = 1 << 15
    ENCAPSULATED_DOCUMENT = 1 << 16
    IDENTITY_REMOVED_YES = 1 << 17
    IDENTITY_REMOVED_STATED = 1 << 18
    WSI_LABEL = 1 << 19
    WSI_OVERVIEW = 1 << 20
    INSTANCE = 1 << 21
    INCOMPLETE = 1 << 22
    PREAMBLE_USED = 1 << 23
    TRAILING_DATA = 1 << 24
    JPEG_METADATA = 1 << 25
    JPEG2000_METADATA = 1 << 26
    DOCUMENT_METADATA = 1 << 27
    LISTED_BINARY = 1 << 28
    HIDDEN = 1 << 29
    STREAM_METADATA = 1 << 30
    PIXEL_EXCESS = 1 << 31
    FILE_IN_BINARY = 1 << 32
    NOT_UNDERSTOOD = 1 << 33
    AUDIO = 1 << 34


NOTICED_BITS = tuple(1 << number for number in range(35))
"""Every bit of `Noticed`."""


def _binary_rows() -> dict[int, int]:
    """Return the binary elements that Table E.1-1 lists: no column can hold what is in them."""
    tags = (listed_tag(row) for row in data_rows(LISTED_TABLE))
    return {tag: Noticed.LISTED_BINARY for tag in tags if tag and vr_of(tag) in BINARY_VRS}


BINARY_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN", "OB or OW"})
"""Value representations that are neither text nor numbers of a known kind."""

_BY_TAG = {
    **_binary_rows(),
    0x00880200: Noticed.ICON,
    0x04000561: Noticed.ORIGINAL_ATTRIBUTES,
    0x00282000: Noticed.ICC_PROFILE,
    0x00420011: Noticed.ENCAPSULATED_DOCUMENT,
    0xFFFCFFFC: Noticed.TRAILING_DATA,
}


def notice_of(tag: int) -> int:
    """Return what the presence of a top-level element means by itself.

    Examples
    --------
    >>> notice_of(0x60003000) == Noticed.OVERLAY
    True
    """
    group = tag >> 16
    if group & 1:
        return Noticed.ANY_PRIVATE
    if group >> 8 == 0x60:
        return Noticed.OVERLAY
    if group >> 8 == 0x50:
        return Noticed.CURVE
    return _BY_TAG.get(tag, 0)


@dataclass(slots=True, kw_only=True)
class Header:
    """The attributes of one file as text.

    Parameters
    ----------
    values : dict of str to str
        Keyword -> text; an absent attribute is absent.
    noticed : int
        What was noticed about the file.
    flags : list of str
        Fixed phrases: why the file was read with reservations.
    pixels_at : int, optional
        Where the pixel data element begins.
    contents : str
        What stands in the object, see `midi_risk.sources.dicom.contents`.
    """

    values: dict[str, str] = field(default_factory=dict)
    noticed: int = 0
    flags: list[str] = field(default_factory=list)
    pixels_at: int | None = None
    contents: str = ""

    def flag(self, phrase: str) -> None:
        """Add a phrase once."""
        if phrase not in self.flags:
            self.flags.append(phrase)

    def get(self, keyword: str) -> str:
        """Return one attribute's text, empty when absent."""
        return self.values.get(keyword, "")

    def has(self, keyword: str) -> bool:
        """Whether an attribute is present and not empty."""
        return bool(self.values.get(keyword))

    def __repr__(self) -> str:
        """Return counts only, never values."""
        return f"Header({len(self.values)} attributes, {len(self.flags)} flags)"


def join_values(first: str | None, more: Sequence[str]) -> str:
    r"""Return the top level's text and the further values that it does not hold.

    Examples
    --------
    >>> join_values("CT", ["CT", "PET"])
    'CT\\PET'
    """
    known = set(first.split("\\")) if first else set()
    new = [text for text in more if text not in known and text != first]
    return "\\".join([first, *new] if first else new)


class ValueCollector:
    """Values of one file, top level first, then distinct ones from its sequences."""

    __slots__ = ("_nested", "_top", "cut")

    def __init__(self) -> None:
        self._top: dict[str, str] = {}
        self._nested: dict[str, dict[str, None]] = {}
        self.cut = False

    def top(self, keyword: str, text: str | None) -> None:
        """Set the top level's value."""
        if text is not None:
            self._top[keyword] = text

    def top_value(self, keyword: str) -> str:
        """Return the top level's value, empty when absent."""
        return self._top.get(keyword, "")

    def nested(self, keyword: str, text: str | None) -> None:
        """Add a value found inside a sequence."""
        if not text:
            return
        held = self._nested.setdefault(keyword, {})
        if len(held) >= NESTED_LIMIT:
            self.cut = self.cut or text not in held
        else:
            held[text] = None

    def values(self) -> dict[str, str]:
        """Return one text per keyword."""
        joined = dict(self._top)
        for keyword, more in self.more().items():
            joined[keyword] = join_values(joined.get(keyword), more)
        return joined

    def more(self) -> dict[str, list[str]]:
        """Return the distinct values from sequences in sorted order."""
        return {keyword: sorted(held) for keyword, held in self._nested.items()}


TEXT_VRS = frozenset({"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST"}) | {
    "TM", "UC", "UI", "UR", "UT",
}  # fmt: skip
"""Value representations that are text."""

NUMBER_FORMATS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d"}
"""Binary number value representations and their `struct` code."""

_MORE = (
    "MediaStorageSOPClassUID", "SOPClassUID", "TransferSyntaxUID", "PatientSpeciesCodeSequence",
    "InstanceNumber",
)  # fmt: skip

_NOT_TEXT = frozenset({"ContourData"})

NESTED_COMPARED = frozenset(
    {
        "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "PatientAge",
        "StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "InstanceCreationDate",
        "AccessionNumber", "StudyID", "StudyTime", "SeriesTime", "AcquisitionTime", "ContentTime",
        "InstanceCreationTime",
    }
)  # fmt: skip
"""Read inside sequences only to see whether they differ from the top level's."""

_TOP_ONLY = NESTED_COMPARED | {
    "SOPInstanceUID", "SOPClassUID", "StudyInstanceUID", "SeriesInstanceUID", "Modality",
    "SpecificCharacterSet", "ImageType", "ImagePositionPatient", "WindowCenter", "Rows",
    "FrameOfReferenceUID", "InstanceNumber", "SeriesNumber", "TransferSyntaxUID",
    "BurnedInAnnotation", "RecognizableVisualFeatures", "PatientIdentityRemoved",
    "LongitudinalTemporalInformationModified", "QualityControlSubject",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One attribute that reading looks for.

    Parameters
    ----------
    tag : int
        Group and element as one number.
    keyword : str
        Column name.
    vr : str
        Value representation of the dictionary; ``"SQ"`` yields code meanings.
    level : str
        patient, study, series, equipment, instance or file.
    nested : bool
        Whether values inside sequences join the column.
    """

    tag: int
    keyword: str
    vr: str
    level: str
    nested: bool


def _tag_number(text: str) -> int | None:
    try:
        return int(text.strip("()").replace(",", ""), 16)
    except ValueError:
        return None


def _listed() -> dict[int, str]:
    """Return every element that Table E.1-1 lists by a tag of its own."""
    tags = ((listed_tag(row), row["keyword"]) for row in data_rows(LISTED_TABLE))
    return {tag: keyword for tag, keyword in tags if tag is not None}


_OF_NOBODY = re.compile(
    "Class|TransferSyntax|ContextUID|CodingScheme|MappingResource|ExtensionCreator"
    "|InformationCreator|TemplateUID|Negotiation|WellKnown|Selector"
)
"""UIDs of things that a standard or a vendor defines for everybody."""


def _uids() -> dict[int, str]:
    """Return the UIDs of the dictionary that are made for a person's data."""
    return {
        tag: entry[4]
        for tag, entry in DicomDictionary.items()
        if entry[0] == "UI" and tag >> 16 > 2 and not _OF_NOBODY.search(entry[4])
    }


@cache
def wanted_attributes() -> dict[int, Wanted]:
    """Return what reading looks for, by tag in ascending order.

    Returns
    -------
    dict of int to Wanted

    Examples
    --------
    >>> wanted_attributes()[0x00100020].keyword
    'PatientID'
    """
    found: dict[int, Wanted] = {}
    levels = {row["keyword"]: row["level"] for row in data_rows("attribute_catalogue.csv")}
    tags = [_tag_number(row["tag"]) for row in data_rows("attribute_catalogue.csv")]
    names = [row["keyword"] for row in data_rows("attribute_catalogue.csv")]
    more = [(tag_of(keyword), keyword) for keyword in _MORE]
    listed = [*_listed().items(), *_uids().items()]
    for tag, named in [*zip(tags, names, strict=True), *more, *listed]:
        if tag is None or named in _NOT_TEXT:
            continue
        vr = vr_of(tag) or ("SQ" if named.endswith("Sequence") else "UC")
        keyword = keyword_of(tag) or named
        if vr in TEXT_VRS or vr in NUMBER_FORMATS or vr == "SQ":
            found[tag] = Wanted(
                tag=tag,
                keyword=keyword,
                vr=vr,
                level=levels.get(keyword, "instance"),
                nested=keyword not in _TOP_ONLY and tag >> 16 != 2,
            )
    return dict(sorted(found.items()))


@cache
def wanted_keywords() -> dict[str, Wanted]:
    """Return what reading looks for, by keyword."""
    return {item.keyword: item for item in wanted_attributes().values()}
