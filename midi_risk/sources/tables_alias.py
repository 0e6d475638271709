"""Column names of metadata tables as DICOM keywords.

Known forms are the keyword in any case and spelling (``PatientID``, ``patient_id``,
``Patient's Age``), the tag (``(0010,0040)``, ``00100040``, ``0010-1010``), and the aliases
in ``data/column_aliases.csv``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from pydicom.datadict import DicomDictionary  # type: ignore[attr-defined]

from midi_risk.resources import data_rows
from midi_risk.sources.keys import fold_name

_TAG = re.compile(r"^[(_x]?\s*([0-9a-f]{4})\s*[,_\-. ]?\s*([0-9a-f]{4})\s*\)?$", re.IGNORECASE)

UID_LEVELS = (
    ("SOPInstanceUID", "instance"),
    ("SeriesInstanceUID", "series"),
    ("StudyInstanceUID", "study"),
)
"""Column that marks a level, finest first."""

IMAGING = frozenset(
    {
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "SOPInstanceUID",
        "SOPClassUID",
        "Modality",
        "ModalitiesInStudy",
        "AccessionNumber",
        "StudyDate",
        "SeriesDate",
        "AcquisitionDate",
        "StudyDescription",
        "SeriesDescription",
        "SeriesNumber",
        "BodyPartExamined",
        "Manufacturer",
        "ManufacturerModelName",
        "PhotometricInterpretation",
        "ViewPosition",
        "ImageType",
        "TransferSyntaxUID",
    }
)
"""Keywords that only a table of image metadata has several of."""

INSTANCE_COUNTS = frozenset(
    {
        "instancecount",
        "numberofimages",
        "imagecount",
        "numberofinstances",
        "sopinstancecount",
        "numinstances",
        "numimages",
        "images",
        "numberofseriesrelatedinstances",
        "numberofstudyrelatedinstances",
    }
)
SCOPES = ("collectionid", "collection", "collectionname", "projectid", "project", "datasetid")
"""Folded names of columns within which a patient ID is unique, best first."""


@cache
def _known() -> dict[str, str]:
    names: dict[str, str] = {}
    for _vr, _vm, description, _retired, keyword in DicomDictionary.values():
        if keyword:
            names.setdefault(fold_name(description), keyword)
    for _vr, _vm, _description, _retired, keyword in DicomDictionary.values():
        if keyword:
            names[fold_name(keyword)] = keyword
    for row in data_rows("column_aliases.csv"):
        names.setdefault(fold_name(row["alias"]), row["keyword"])
    return names


def keyword_of(name: str) -> str | None:
    """Return the DICOM keyword that a column name of a metadata table means.

    Parameters
    ----------
    name : str
        Column name.

    Returns
    -------
    str or None

    Examples
    --------
    >>> [keyword_of(name) for name in ("Subject ID", "patient_age", "(0010,0040)", "stage")]
    ['PatientID', 'PatientAge', 'PatientSex', None]
    """
    tag = _TAG.match(name.strip())
    if tag:
        entry = DicomDictionary.get(int(tag[1] + tag[2], 16))
        return entry[4] if entry else None
    return _known().get(fold_name(name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Aliases:
    """New names of a metadata table's columns.

    Parameters
    ----------
    names : tuple of str
        One per column.
    origin : dict of str to str
        New name -> name in the file, where they differ.
    clashes : tuple of str
        Columns left under their own name because another already has their keyword.
    """

    names: tuple[str, ...]
    origin: dict[str, str]
    clashes: tuple[str, ...]


def alias_columns(names: Sequence[str]) -> Aliases:
    """Return the columns' DICOM keywords where they are known, without a clash.

    Parameters
    ----------
    names : sequence of str
        Distinct column names of a metadata table.

    Examples
    --------
    >>> alias_columns(["Subject ID", "Modality", "stage"]).names
    ('PatientID', 'Modality', 'stage')
    """
    taken = {name for name in names if keyword_of(name) == name}
    result, origin, clashes = [], {}, []
    for name in names:
        # A leaf of a sequence is reachable under its keyword only through its own path.
        keyword = None if "." in name else keyword_of(name)
        if keyword is None or keyword == name:
            result.append(name)
        elif keyword in taken or keyword in names:
            clashes.append(name)
            result.append(name)
        else:
            taken.add(keyword)
            origin[keyword] = name
            result.append(keyword)
    return Aliases(names=tuple(result), origin=origin, clashes=tuple(clashes))


def is_metadata_table(names: Sequence[str]) -> bool:
    """Return whether a table's columns are those of image metadata.

    Three columns that only image metadata has, or a UID and one more, and at least a
    fifth of all columns known to DICOM; a clinical table that mentions a scanner is not one.

    Examples
    --------
    >>> is_metadata_table(["Subject ID", "Study UID", "Modality", "Study Date"])
    True
    >>> is_metadata_table(["PatientID", "age", "stage", "Modality"])
    False
    """
    keywords = {keyword for name in names if (keyword := keyword_of(name))}
    imaging = keywords & IMAGING
    uids = keywords & {uid for uid, _ in UID_LEVELS}
    enough = len(imaging) >= 3 or (bool(uids) and len(imaging) >= 2)
    return enough and 5 * len(keywords) >= len(names)


def level_of(names: Sequence[str]) -> str:
    """Return the level that a row of a table with these columns describes.

    Examples
    --------
    >>> level_of(["PatientID", "StudyInstanceUID"])
    'study'
    """
    known = {keyword_of(name) for name in names} | set(names)
    return next((level for uid, level in UID_LEVELS if uid in known), "patient")
