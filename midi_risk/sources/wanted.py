"""Which attributes are read from a header: the catalogue's and Table E.1-1's texts, by tag.

Values that stand inside sequences (contributing equipment, request attributes,
functional groups, content trees) join the column of their keyword as further values,
except those that would change whose record it is: identity, sex, age and dates of
patient and study level are compared instead, see `NESTED_COMPARED`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from pydicom.datadict import dictionary_keyword, dictionary_VR, tag_for_keyword

from midi_risk.resources import data_rows

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

_LISTED_VRS = frozenset({"PN", "LO", "LT", "SH", "ST", "UC", "UT"})
_SELECTOR = "Selector"
"""Values that a hanging protocol compares with; of nobody."""

_NOT_TEXT = frozenset({"ContourData"})

NESTED_COMPARED = frozenset(
    {
        "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "PatientAge",
        "StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "InstanceCreationDate",
        "AccessionNumber",
    }
)  # fmt: skip
"""Read inside sequences only to see whether they differ from the top level's."""

_TOP_ONLY = NESTED_COMPARED | {
    "SOPInstanceUID", "SOPClassUID", "StudyInstanceUID", "SeriesInstanceUID", "Modality",
    "StudyTime", "SeriesTime", "AcquisitionTime", "ContentTime", "InstanceCreationTime",
    "SpecificCharacterSet", "ImageType", "ImagePositionPatient", "WindowCenter", "Rows",
    "FrameOfReferenceUID", "InstanceNumber", "SeriesNumber", "TransferSyntaxUID",
    "BurnedInAnnotation", "RecognizableVisualFeatures", "PatientIdentityRemoved",
    "LongitudinalTemporalInformationModified", "QualityControlSubject", "StudyID",
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


def _listed_texts() -> list[str]:
    """Return the names and texts that Table E.1-1 lists, whether the catalogue has them or not."""
    named = (row["keyword"] for row in data_rows("ps315_e1_1.csv") if row["basic"])
    return [
        keyword
        for keyword in named
        if not keyword.startswith(_SELECTOR)
        and (tag := tag_for_keyword(keyword)) is not None
        and dictionary_VR(tag) in _LISTED_VRS
    ]


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
    more = [(tag_for_keyword(keyword), keyword) for keyword in (*_MORE, *_listed_texts())]
    for tag, keyword in [*zip(tags, names, strict=True), *more]:
        if tag is None or keyword in _NOT_TEXT:
            continue
        try:
            vr = dictionary_VR(tag)
            keyword = dictionary_keyword(tag)  # noqa: PLW2901
        except KeyError:
            vr = "SQ" if keyword.endswith("Sequence") else "UC"
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
