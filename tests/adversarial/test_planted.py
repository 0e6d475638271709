"""One identifying value planted anywhere in a collection that is acceptable without it.

Wherever it stands, at any depth, under any representation, in a cell, a comment, a name of a file
or folder or a UID, the collection is not acceptable any more. The slow job plants ten thousand.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
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
PAGE = os.environ.get("MIDI_RISK_PLANTED_PAGE", "")
ALL, FEW = int(os.environ.get("MIDI_RISK_PLANTED", "10000")), 10
COUNTED: Counter[str] = Counter()


def planted(share: float) -> Callable[[Any], Any]:
    """Return the settings of a test that plants a share of ten thousand values, or a few."""
    return settings(
        max_examples=round(ALL * share) if MANY else FEW,
        deadline=None,
        derandomize=not MANY,
        suppress_health_check=list(HealthCheck),
        database=None,
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
        if number in place.subjects:
            data_set = image(number)
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
        path = folder / f"{number:03d}.dcm"
        if number in place.subjects:
            written(data_set, path, syntax)
        else:
            path.write_bytes(untouched(number, syntax))


@cache
def untouched(number: int, syntax: str = ExplicitVRLittleEndian) -> bytes:
    """Return the file of a subject in whose object nothing was planted."""
    with TemporaryDirectory() as folder:
        written(image(number), Path(folder, "1.dcm"), syntax)
        return Path(folder, "1.dcm").read_bytes()


def refused(build: Any, *given_to: Any) -> None:
    with TemporaryDirectory() as folder:
        source = build(Path(folder), *given_to) or Path(folder)
        COUNTED["planted"] += 1
        found = status_of(source)
        COUNTED["noticed"] += found.status != "acceptable"
        COUNTED.update({f"by {reason.code}": 1 for reason in found.reasons})
        assert found.status != "acceptable"


@pytest.fixture(scope="module", autouse=True)
def page():
    """Write how many values were planted, and by which reasons they were noticed."""
    begun = time.process_time()
    yield
    if PAGE:
        lines = [f"| {what} | {count:,} |" for what, count in sorted(COUNTED.items())]
        told = f"{time.process_time() - begun:.0f} CPU seconds, midi-risk {mr.__version__}"
        head = [
            "# Planted values",
            "",
            PAGE_HEAD,
            "",
            f"Last run: {datetime.now(UTC).date()}, {told}.",
            "",
        ]
        text = "\n".join([*head, "| what | values |", "|---|---|", *lines, ""])
        Path(PAGE).write_text(text, encoding="utf-8")


PAGE_HEAD = """`.ci/slow planted` plants identifying values one by one in a collection or a table
that is acceptable without them (`tests/adversarial/test_planted.py`), and wants each noticed: any
element under any representation at any depth, private blocks, UIDs, columns, sheets, comments, what
files hold beside their values, repeated values, names of files and folders. A value may be noticed
by several reasons of the verdict."""


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


@planted(0.15)
@given(places, st.sampled_from(NAMING), st.sampled_from(["PN", "LO", "UN", "OB", "UT", ""]),
       st.sampled_from(TEXTS))  # fmt: skip
def test_a_text_that_names_somebody_is_noticed_under_any_representation(place, tag, vr, text):
    vr = vr or DicomDictionary[tag][0]
    refused(plant, place, tag, vr, each(text, vr, place))


@planted(0.1)
@given(places, st.sampled_from(UIDS), st.sampled_from(["1.2.3.{0}101112.5", "2.25.77{0}4", "{1}"]))
def test_a_uid_that_holds_the_day_or_a_device_is_noticed(place, tag, form):
    device = "1.3.12.2.1107.5.2.32.35177.30000008031711082600000000051"
    refused(plant, place, tag, "UI", lambda _: form.format(DAY, device))


@planted(0.1)
@given(places, st.sampled_from([0x00091001, 0x00291010, 0x70531010, 0x00191010, 0x00511010]),
       st.sampled_from(["LO", "UN", "OB", "UT", "PN", "DA", "IS", "DS", "CS", "FL", "UI"]),
       st.sampled_from(TEXTS))  # fmt: skip
def test_a_private_element_is_noticed(place, tag, vr, text):
    refused(plant, place, tag, vr, named(vr, text, place))


CHARACTER_SET = 0x00080005
"""pydicom encodes by it what it writes: a test of its own plants it by its bytes."""
NUMBERS = ["19531107", "4471902", "01753234567"]
UNKNOWN = st.integers(0x0008, 0x7F00).map(lambda group: group // 2 * 2)
BY_RULE = {
    "CodeValue", "LongCodeValue", "URNCodeValue", "CodingSchemeDesignator", "CodingSchemeVersion",
    "CodeMeaning", "ContextIdentifier", "ContextUID", "MappingResource", "MappingResourceUID",
    "MappingResourceName", "ContextGroupVersion", "ContextGroupLocalVersion",
    "ContextGroupExtensionFlag", "ContextGroupExtensionCreatorUID",
    "ReceiveCoilName", "SequenceName", "ImplementationVersionName",
}  # fmt: skip
"""Parts of codes, which are harmless by rule of the catalogue, and what devices write."""
ANY_TAG = st.one_of(
    st.sampled_from([t for t in DicomDictionary if t >> 16 >= 8 and t not in IN_EVERY_FILE]),
    st.builds(lambda group, number: group << 16 | number, UNKNOWN, st.integers(1, 0xFFFF)),
    st.builds(
        lambda kind, group, number: kind << 24 | group << 17 | number,
        st.sampled_from([0x50, 0x60]), st.integers(0, 15), st.sampled_from([0x22, 0x40, 0x1500]),
    ),
).filter(
    lambda tag: tag not in {*IN_EVERY_FILE, CHARACTER_SET}
    and tag >> 16 != 0x7FE0
    and DicomDictionary.get(tag, ("",) * 5)[4] not in BY_RULE
)  # fmt: skip
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
        **dict.fromkeys(("OB", "OW", "UN"), lambda own: f"{text} {own}".encode().ljust(40)),
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
    if vr == "UN" and own in {"SQ", "IS", "DS", *BINARY}:
        vr = "OB"  # pydicom would make numbers or items of it, and fail
    numeric = {"IS", "DS", *BINARY}
    formed = {"AS", "DA", "DT", "UI", *numeric}
    if (vr in numeric and known[4] in EXPECTED_LONG) or (place.implicit and own != vr in formed):
        return "LO"
    return "LO" if vr in BINARY - {"FD", "FL", "SL", "UL"} else vr


@planted(0.4)
@given(places, ANY_TAG, st.sampled_from(ANY_VR), st.sampled_from(TEXTS), st.sampled_from(NUMBERS))
def test_any_element_under_any_representation_is_noticed(place, tag, vr, text, number):
    vr = representation(place, tag, vr)
    refused(plant, place, tag, vr, named(vr, text, place, number))


@pytest.mark.parametrize("vr", ["AE", "AS", "CS", "DS", "FL", "IS", "LO", "PN", "SH", "SL", "UI"])
@pytest.mark.parametrize("depth", [(), (SEQUENCES[5],), (SEQUENCES[5], SEQUENCES[9])])
def test_somebody_in_the_name_of_a_character_set_is_noticed(tmp_path, vr, depth):
    place = Place(depth=depth, subjects=frozenset({3}), implicit=False)
    stand_in, text = "ISO_IR 100  ", b"MRN 4471902 "
    plant(tmp_path, place, CHARACTER_SET, "CS", lambda _: stand_in)
    path = tmp_path / "003.dcm"
    head, tail = b"\x08\x00\x05\x00CS", stand_in.encode()
    written_so = path.read_bytes()
    at = written_so.index(head) + 8
    assert written_so[at : at + len(tail)] == tail
    changed = written_so[: at - 4] + vr.encode() + written_so[at - 2 : at] + text
    path.write_bytes(changed + written_so[at + len(tail) :])
    assert status_of(tmp_path).status != "acceptable"


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


FORMS = ["xlsx", "csv", "tsv", "parquet"]
NAMES = st.sampled_from(
    ["note", "name", "x17", "remarks", "contact", "q3", "var_2", "Bemerkung", "id2"]
)


def table(folder: Path, form: str, sheet: Worksheet) -> Path:
    """Write the rows of a sheet in a format."""
    path = folder / f"people.{form}"
    head, *rows = [list(row) for row in sheet.iter_rows(values_only=True)]
    if form == "xlsx":
        sheet.parent.save(path)
    elif form == "parquet":
        columns = zip(*rows, strict=True)
        cells = [[None if v is None else str(v) for v in column] for column in columns]
        pq.write_table(pa.table(dict(zip(head, cells, strict=True))), path)
    else:
        mark = "," if form == "csv" else "\t"
        lines = [mark.join("" if v is None else f'"{v}"' for v in row) for row in (head, *rows)]
        path.write_text("\n".join(lines), encoding="utf-8")
    return path


@planted(0.1)
@given(st.sampled_from(FORMS), NAMES, st.sampled_from(TEXTS), st.integers(0, 47), st.booleans())
def test_a_column_that_names_somebody_is_noticed(form, name, text, who, everybody):
    def column(number: int) -> list[object]:
        return [f"{text} {number}" if everybody else text if number == who else None]

    refused(lambda folder: table(folder, form, people([name], column)))


COLUMNS: dict[str, Callable[[int], object]] = {
    "psa": lambda n: 3 + n % 4,
    "survival_days": lambda n: 100 * (n % 4),
    "hba1c": lambda n: 5 + n % 3 / 2,
    "stage": lambda n: ["I", "II"][n % 2],
    "tumor_size": lambda n: 10 + n % 3,
    "diagnosis_date": lambda n: f"2020-0{n % 4 + 1}-11",
    "smoking": lambda n: ["never", "former", "current"][n % 3],
    "histology": lambda n: ["adenocarcinoma", "squamous cell carcinoma"][n % 2],
}
"""Columns of which most are sensitive, so that no class counts their values."""
STRAYS = [*TEXTS, "Quimby, Jane", "4471902", "19531107", "Dr. Okonkwo", "+44 1753 234567"]


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_of_a_study_is_acceptable(tmp_path, name):
    path = table(tmp_path, "csv", people([name], lambda n: [COLUMNS[name](n)]))
    assert status_of(path).status == "acceptable"


@planted(0.1)
@given(st.sampled_from(FORMS), st.sampled_from(sorted(COLUMNS)), st.sampled_from(STRAYS),
       st.integers(0, 47))  # fmt: skip
def test_a_cell_that_names_somebody_among_values_of_a_study_is_noticed(form, name, text, who):
    def column(number: int) -> list[object]:
        return [text if number == who else COLUMNS[name](number)]

    refused(lambda folder: table(folder, form, people([name], column)))


LABELS = ["score_jane_quimby", "JaneQuimby", "note MRN 4471902", "jane.quimby@example.org"]


@planted(0.02)
@given(st.sampled_from(FORMS), st.sampled_from(LABELS), st.sampled_from(["psa", "stage"]))
def test_a_label_of_a_column_that_names_somebody_is_noticed(form, label, name):
    refused(lambda folder: table(folder, form, people([label], lambda n: [COLUMNS[name](n)])))


@planted(0.02)
@given(st.sampled_from(FORMS), st.sampled_from(["Jane_Quimby", "mrn 4471902", "quimby-jane"]))
def test_the_name_of_a_table_that_names_somebody_is_noticed(form, name):
    def build(folder: Path) -> Path:
        path = table(folder, form, people([], lambda _: []))
        return path.rename(path.with_stem(name))

    refused(build)


@planted(0.05)
@given(st.sampled_from(FORMS), st.integers(0, 47), st.sampled_from(["sex", "age_group"]))
def test_a_second_value_of_one_person_is_noticed(form, who, column):
    """The person has a row more, in which a value is one that nobody else has."""

    def build(folder: Path) -> Path:
        sheet = people([], lambda _: [])
        row = [cell.value for cell in sheet[who + 2]]
        row[1 if column == "sex" else 2] = "O" if column == "sex" else "90+"
        sheet.append(row)
        return table(folder, form, sheet)

    refused(build)


def beside_a_workbook(sheet: Worksheet, where: str, text: str, who: int) -> None:
    """Put a text into a workbook, beside the values of its sheet."""
    book = sheet.parent
    if where == "comment":
        sheet.cell(who + 2, 2).comment = Comment(text, "someone")
    elif where == "sheet":
        book.create_sheet("more").append([text])
    elif where == "hidden sheet":
        book.create_sheet("more").append([text])
        book["more"].sheet_state = "hidden"
    elif where == "name of the sheet":
        sheet.title = "Jane Quimby"
    elif where == "properties":
        book.properties.title = text
    else:
        sheet.insert_rows(1, 2)
        sheet["A1"], sheet["A2"] = text, "all of them"


PLACES = ["comment", "sheet", "hidden sheet", "name of the sheet", "properties", "rows above"]


@planted(0.05)
@given(st.sampled_from(PLACES), st.sampled_from(TEXTS), st.integers(0, 47))
def test_what_stands_beside_the_values_is_noticed(where, text, who):
    def build(folder: Path) -> Path:
        sheet = people([], lambda _: [])
        beside_a_workbook(sheet, where, text, who)
        return saved(folder, sheet)

    refused(build)


def test_metadata_of_a_parquet_file_is_noticed(tmp_path):
    path = table(tmp_path, "parquet", people([], lambda _: []))
    assert status_of(path).status == "acceptable"
    rows = pq.read_table(path)
    pq.write_table(rows.replace_schema_metadata({"ward": TEXTS[0]}), path)
    assert status_of(path).status != "acceptable"


NAMED = ["Quimby_Jane", "jane-quimby-1953-11-07", "MRN4471902"]


BARE = ["readme.txt", "notes.txt", "report.pdf", "1.jpg", "1.xml", "{0}.docx"]


@planted(0.03)
@given(st.sampled_from(BARE), st.sampled_from(TEXTS), st.booleans())
def test_a_file_that_nobody_reads_is_noticed(name, text, of_a_subject):
    def build(folder: Path) -> None:
        for number in range(SUBJECTS):
            (folder / f"P{number:03d}").mkdir()
            (folder / f"P{number:03d}" / "1.dcm").write_bytes(untouched(number))
        inside = "P003" if of_a_subject else ""
        (folder / inside / name.format("jane")).write_text(text, encoding="utf-8")

    refused(build)


@planted(0.02)
@given(st.sampled_from(["preamble", "behind"]), st.sampled_from(TEXTS), st.integers(0, 11))
def test_bytes_before_and_behind_an_object_are_noticed(where, text, who):
    def build(folder: Path) -> None:
        for number in range(SUBJECTS):
            path = folder / f"{number:03d}.dcm"
            content = untouched(number)
            path.write_bytes(content)
            if number == who and where == "preamble":
                path.write_bytes(text.encode().ljust(128, b"\0") + content[128:])
            elif number == who:
                tail = b"\xfc\xff\xfc\xffOB\0\0" + len(text).to_bytes(4, "little") + text.encode()
                path.write_bytes(content + tail)

    refused(build)


@planted(0.05)
@given(st.booleans(), st.sampled_from(NAMED), st.integers(0, SUBJECTS - 1))
def test_a_name_of_a_file_or_folder_is_noticed(folder_of_its_own, name, who):
    def build(folder: Path) -> None:
        for number in range(SUBJECTS):
            named = name if number == who else f"{number:03d}"
            inside = f"{named}/1.dcm" if folder_of_its_own else f"{named}.dcm"
            (folder / inside).parent.mkdir(exist_ok=True)
            (folder / inside).write_bytes(untouched(number))

    refused(build)
