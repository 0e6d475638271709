"""One identifying value planted anywhere in a collection that is acceptable without it.

Wherever it stands, at any depth, under any representation, in a cell, a comment, a name of a file
or folder or a UID, the collection is not acceptable any more. The slow job plants ten thousand.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook
from openpyxl.comments import Comment
from openpyxl.worksheet.worksheet import Worksheet
from pydicom._dicom_dict import DicomDictionary
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

import midi_risk as mr
from midi_risk.resources import data_rows
from midi_risk.sources.dicom.coverage import coverage
from midi_risk.sources.dicom.dictionary import tag_of
from midi_risk.threat.model import ThreatModel

MANY = "MIDI_RISK_SLOW_TESTS" in os.environ
PLANTED = settings(
    max_examples=10_000 if MANY else 15,
    deadline=None,
    derandomize=not MANY,
    suppress_health_check=list(HealthCheck),
)
SUBJECTS = 12
DAY = "20200310"
ROOT = "1.2.826.0.1.3680043.8.498.77"
TEXTS = ["Jane Quimby", "jane.quimby@example.org", "MRN 4471902", "12 Rowan Lane, Ely"]

PLAIN = ThreatModel.model_validate(
    {"schema": "midi-risk/threat-model/1", "name": "m", "release": "public",
     "threshold": {"k": 11}, "adversaries": [{"name": "a"}],
     "channels": dict.fromkeys(
         ("free_text", "private_elements", "embedded_metadata"), "required")}
)  # fmt: skip


def image(number: int) -> Dataset:
    data_set = Dataset()
    data_set.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    data_set.SOPInstanceUID = f"{ROOT}.{number}.1.1"
    data_set.StudyInstanceUID, data_set.SeriesInstanceUID = f"{ROOT}.{number}", f"{ROOT}.{number}.1"
    data_set.StudyDate, data_set.Modality, data_set.Manufacturer = DAY, "CT", "ACME"
    data_set.PatientID, data_set.PatientSex, data_set.PatientAge = f"P{number:03d}", "F", "045Y"
    data_set.BodyPartExamined = "ARM"
    return data_set


def written(data_set: Dataset, path: Path, syntax: str = ExplicitVRLittleEndian) -> None:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    meta.MediaStorageSOPClassUID = data_set.SOPClassUID
    meta.MediaStorageSOPInstanceUID = data_set.SOPInstanceUID
    data_set.file_meta = meta
    path.parent.mkdir(parents=True, exist_ok=True)
    data_set.save_as(path, enforce_file_format=True)


def status_of(folder: Path) -> Any:
    extraction = mr.extract(folder, payloads=True)
    table = mr.fold(extraction, mr.propose(extraction))
    return mr.assess(table, threats=[PLAIN]).verdict


LISTED = {tag for row in coverage() if (tag := tag_of(row.by)) is not None and row.how == "read"}
IN_EVERY_FILE = {int(e.tag) for e in image(0)}
OF_A_FORM = {"AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI", "AE"}
NAMING = [
    tag
    for tag, entry in DicomDictionary.items()
    if tag in LISTED
    and entry[0] in {"PN", "LO", "SH", "LT", "ST", "UT", "UC"}
    and tag not in IN_EVERY_FILE
    and tag >> 16 >= 8
]
SEQUENCES = [t for t, entry in DicomDictionary.items() if entry[0] == "SQ" and t >> 16 >= 8]
UIDS = [
    tag
    for row in coverage()
    if row.how == "read" and (tag := tag_of(row.by)) and row.by.endswith("UID") and tag >> 16 >= 8
]


@dataclass(frozen=True)
class Place:
    """Where in the objects something stands."""

    depth: tuple[int, ...]
    subjects: frozenset[int]
    implicit: bool


places = st.builds(
    Place,
    depth=st.lists(st.sampled_from(SEQUENCES), max_size=3).map(tuple),
    subjects=st.sampled_from([frozenset({3}), frozenset(range(SUBJECTS)), frozenset({0, 7, 11})]),
    implicit=st.booleans(),
)


def plant(folder: Path, place: Place, tag: int, vr: str, value: Callable[[int], object]) -> None:
    """Write the collection with one element at a place."""
    for number in range(SUBJECTS):
        data_set = image(number)
        if number in place.subjects:
            item = inner = Dataset()
            with disable_value_validation():
                for sequence in place.depth:
                    following = Dataset()
                    inner.add_new(sequence, "SQ", Sequence([following]))
                    inner = following
                inner.add_new(tag, vr, value(number))
                if tag >> 16 & 1:
                    inner.add_new(tag & 0xFFFF0000 | 0x10, "LO", "ACME X")
                data_set.update(item)
        syntax = ImplicitVRLittleEndian if place.implicit else ExplicitVRLittleEndian
        written(data_set, folder / f"{number:03d}.dcm", syntax)


def refused(build: Any, *given_to: Any) -> None:
    with TemporaryDirectory() as folder:
        build(Path(folder), *given_to)
        assert status_of(Path(folder)).status != "acceptable"


def test_the_collection_is_acceptable_without_it(tmp_path):
    for number in range(SUBJECTS):
        written(image(number), tmp_path / f"{number:03d}.dcm")
    assert status_of(tmp_path).status == "acceptable"


def each(text: str, vr: str, place: Place) -> Callable[[int], object]:
    """Return what each subject holds: one of them the text, or all of them a text of their own."""

    def value(number: int) -> object:
        own = text if len(place.subjects) < SUBJECTS else f"{text} {number}"
        return own.encode() if vr in {"UN", "OB"} else own

    return value


@PLANTED
@given(places, st.sampled_from(NAMING), st.sampled_from(["PN", "LO", "UN", "OB", "UT", ""]),
       st.sampled_from(TEXTS))  # fmt: skip
def test_a_text_that_names_somebody_is_noticed_under_any_representation(place, tag, vr, text):
    vr = vr or DicomDictionary[tag][0]
    refused(plant, place, tag, vr, each(text, vr, place))


@PLANTED
@given(places, st.sampled_from(UIDS), st.sampled_from(["1.2.3.{0}101112.5", "2.25.77{0}4", "{1}"]))
def test_a_uid_that_holds_the_day_or_a_device_is_noticed(place, tag, form):
    device = "1.3.12.2.1107.5.2.32.35177.30000008031711082600000000051"
    refused(plant, place, tag, "UI", lambda _: form.format(DAY, device))


@PLANTED
@given(places, st.sampled_from([0x00091001, 0x00291010, 0x70531010, 0x00191010, 0x00511010]),
       st.sampled_from(["LO", "UN", "OB", "UT", "PN", "DA", "IS", "DS", "CS", "FL", "UI"]),
       st.sampled_from(TEXTS))  # fmt: skip
def test_a_private_element_is_noticed(place, tag, vr, text):
    refused(plant, place, tag, vr, named(vr, text, place))


NUMBERS = ["19531107", "4471902", "01753234567"]
UNKNOWN = st.integers(0x0008, 0x7F00).map(lambda group: group // 2 * 2)
ANY_TAG = st.one_of(
    st.sampled_from([t for t in DicomDictionary if t >> 16 >= 8 and t not in IN_EVERY_FILE]),
    st.builds(lambda group, number: group << 16 | number, UNKNOWN, st.integers(1, 0xFFFF)),
    st.builds(
        lambda kind, group, number: kind << 24 | group << 17 | number,
        st.sampled_from([0x50, 0x60]), st.integers(0, 15), st.sampled_from([0x22, 0x40, 0x1500]),
    ),
).filter(lambda tag: tag not in IN_EVERY_FILE and tag >> 16 != 0x7FE0)  # fmt: skip
ANY_VR = [
    "AE", "AS", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "OB", "OW", "PN", "SH", "SL",
    "ST", "TM", "UC", "UI", "UL", "UN", "UR", "UT", "",
]  # fmt: skip


def named(vr: str, text: str, place: Place, number: str = "4471902") -> Callable[[int], object]:
    """Return what each subject holds under a representation: something that finds somebody."""
    forms: dict[str, Callable[[str], object]] = {
        **dict.fromkeys(("FD", "FL"), float),
        **dict.fromkeys(("SL", "UL"), int),
        **dict.fromkeys(("IS", "DS"), str),
        **dict.fromkeys(("DA", "DT"), lambda own: f"195311{int(own) % 28 + 1:02}"),
        **dict.fromkeys(("OB", "OW", "UN"), lambda _: text.encode().ljust(20)),
        "AS": lambda own: f"0{int(own) % 30 + 68}Y",
        "UI": lambda own: f"1.3.12.2.1107.5.2.32.35177.30000008031711082600000000{own}",
    }

    def value(who: int) -> object:
        many = len(place.subjects) == SUBJECTS
        own = str(int(number) + (who if many else 0))
        return forms.get(vr, lambda _: f"{text} {who}" if many else text)(own)

    return value


def is_sequence(tag: int) -> bool:
    return tag in DicomDictionary and DicomDictionary[tag][0] == "SQ"


BINARY = {"FD", "FL", "SL", "UL", "US", "SS", "AT", "OD", "OF", "OL", "OV", "SV", "UV"}
EXPECTED_LONG = {row["keyword"] for row in data_rows("long_numbers.csv")}


def representation(place: Place, tag: int, vr: str) -> str:
    """Return under which representation a value finds somebody.

    A number where long ones are expected finds nobody, nor do bytes of one that a file without
    representations makes several short ones of.
    """
    known = DicomDictionary.get(tag, ("LO", "", "", "", ""))
    own = known[0].split(" or ")[0]
    vr = vr or ("UN" if own == "SQ" else own)
    numeric = {"IS", "DS", *BINARY}
    formed = {"AS", "DA", "DT", "UI", *numeric}
    if (vr in numeric and known[4] in EXPECTED_LONG) or (place.implicit and own != vr in formed):
        return "LO"
    return "LO" if vr in BINARY - {"FD", "FL", "SL", "UL"} else vr


@PLANTED
@given(places, ANY_TAG, st.sampled_from(ANY_VR), st.sampled_from(TEXTS), st.sampled_from(NUMBERS))
def test_any_element_under_any_representation_is_noticed(place, tag, vr, text, number):
    vr = representation(place, tag, vr)
    refused(plant, place, tag, vr, named(vr, text, place, number))


def people(head: list[str], more: Callable[[int], list[object]]) -> Worksheet:
    """Return the sheet of a table of four classes of twelve, with what each row has more."""
    book = Workbook()
    sheet = book.active
    sheet.append(["id", "sex", "age_group", *head])
    for number in range(48):
        band = ("50-59", "60-69")[number // 2 % 2]
        sheet.append([f"s{number:03d}", "MF"[number % 2], band, *more(number)])
    sheet.title = "people"
    return sheet


def saved(folder: Path | str, sheet: Worksheet) -> Path:
    path = Path(folder) / "people.xlsx"
    sheet.parent.save(path)
    return path


def test_the_table_is_acceptable_without_it(tmp_path):
    path = saved(tmp_path, people([], lambda _: []))
    assert status_of(path).status == "acceptable"


@PLANTED
@given(st.sampled_from(["note", "name", "x17", "remarks", "contact", "q3"]),
       st.sampled_from(TEXTS), st.integers(0, 47), st.booleans())  # fmt: skip
def test_a_column_that_names_somebody_is_noticed(name, text, who, everybody):
    def column(number: int) -> list[object]:
        return [f"{text} {number}" if everybody else text if number == who else None]

    with TemporaryDirectory() as folder:
        path = saved(folder, people([name], column))
        assert status_of(path).status != "acceptable"


NAMED = ["Quimby_Jane", "jane-quimby-1953-11-07", "MRN4471902"]


@PLANTED
@given(st.booleans(), st.sampled_from(NAMED), st.integers(0, SUBJECTS - 1))
def test_a_name_of_a_file_or_folder_is_noticed(folder_of_its_own, name, who):
    with TemporaryDirectory() as folder:
        for number in range(SUBJECTS):
            named = name if number == who else f"{number:03d}"
            inside = f"{named}/1.dcm" if folder_of_its_own else f"{named}.dcm"
            written(image(number), Path(folder, inside))
        assert status_of(Path(folder)).status != "acceptable"


def beside_the_values(folder: Path, where: str) -> Path:
    sheet = people([], lambda _: [])
    if where == "comment":
        sheet["B7"].comment = Comment(TEXTS[0], "someone")
    else:
        sheet.parent.create_sheet("more").append([TEXTS[0]])
    return saved(folder, sheet)


@pytest.mark.parametrize("where", ["comment", "sheet"])
def test_what_stands_beside_the_values_is_noticed(tmp_path, where):
    assert status_of(beside_the_values(tmp_path, where)).status != "acceptable"
