"""Every row of Table E.1-1, planted in a file: the program sees it, wherever it stands."""

from __future__ import annotations

import io
import struct
from collections import Counter

import pydicom
import pytest
from dicom_samples import sample
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomIO
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

import midi_risk as mr
from midi_risk.attributes.ladders import LADDERS
from midi_risk.attributes.model import Role
from midi_risk.resources import data_rows
from midi_risk.sources.dicom.careful import read_full
from midi_risk.sources.dicom.coverage import coverage
from midi_risk.sources.dicom.dictionary import vr_of
from midi_risk.sources.dicom.facts import FACTS
from midi_risk.sources.dicom.fast import PrefixParser
from midi_risk.sources.dicom.header import NESTED_COMPARED
from midi_risk.sources.dicom.nested import uid_tags
from midi_risk.threat.channels import CHANNELS

ROWS = coverage()
VALUES = {
    "AE": "PLANTED", "AS": "033Y", "CS": "PLANTED", "DA": "19531107", "DS": "47.25",
    "DT": "19531107081500", "IS": "4711", "TM": "081500", "UI": "1.2.3.4711", "US": 4711,
    "UR": "http://planted.example", "FD": 47.25,
}  # fmt: skip
TEXTS = {"PN", "LO", "SH", "ST", "LT", "UT", "UC"}


def tag_of_row(row) -> int:
    digits = row.tag.strip("()").replace(",", "")[:8]
    if digits.startswith("gggg"):
        return 0x00291010
    return int(digits[:4].replace("xx", "00") + digits[4:].replace("xxxx", "3000"), 16)


def planted_value(tag: int, vr: str) -> object:
    if vr == "SQ":
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "P1", "99P", "Planted"
        return Sequence([item])
    if vr in TEXTS:
        return "Planted^Jane" if vr == "PN" else "Planted Jane"
    return VALUES.get(vr, b"planted!")


def plant(data_set: Dataset, row) -> None:
    tag = tag_of_row(row)
    vr = (vr_of(tag) or "LO").split(" or ")[0]
    if tag >> 16 & 1:
        data_set.add_new(0x00290010, "LO", "PLANTER")
    if tag >> 24 == 0x60:
        vr = "LT" if tag & 0xFFFF == 0x4000 else "OB"
    if tag >> 16 == 2:
        return  # in the meta header of every file
    data_set.add_new(tag, "OB" if tag >> 24 == 0x50 else vr, planted_value(tag, vr))


def file_of(data_set: Dataset, syntax: str = ExplicitVRLittleEndian) -> bytes:
    """The bytes of a file; what pydicom does not write before group 8 is put there by hand."""
    early = Dataset()
    for element in [element for element in data_set if element.tag >> 16 < 8]:
        early.add(element)
        del data_set[element.tag]
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    meta.MediaStorageSOPClassUID = data_set.SOPClassUID
    meta.MediaStorageSOPInstanceUID = data_set.get("SOPInstanceUID", "1.2.3")
    data_set.file_meta = meta
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, data_set, enforce_file_format=True)
    content, first = stream.getvalue(), io.BytesIO()
    if early:
        write_dataset(_writer(first, syntax), early)
        start = 132 + 12 + struct.unpack("<I", content[140:144])[0]
        content = content[:start] + first.getvalue() + content[start:]
    return content


def _writer(stream: io.BytesIO, syntax: str) -> DicomIO:
    writer = DicomIO(stream)
    writer.is_little_endian, writer.is_implicit_VR = True, syntax == ImplicitVRLittleEndian
    return writer


def fast(content: bytes):
    head = content[:8192]
    return PrefixParser().parse(head, lambda at, n: content[at : at + n], len(content))


def careful(content: bytes):
    return read_full(lambda at, n: content[at : at + n], len(content), 132)


def text_in(header, keyword: str) -> str:
    more = getattr(header, "more", {}).get(keyword, [])
    return "\\".join([header.get(keyword), *more])


def seen(header, row, *, nested: bool) -> bool:
    """Whether what was planted is in the column, or counted by the fact."""
    if row.by == "OriginalAttributesSequence":
        return bool(header.noticed & FACTS["original_attributes"])
    if row.how == "noticed":
        return bool(header.noticed & FACTS[row.by])
    tag = tag_of_row(row)
    if nested and row.by in NESTED_COMPARED:
        return bool(header.noticed & FACTS["nested_identity"])
    column = uid_tags().get(tag, row.by) if nested else row.by
    value = planted_value(tag, vr_of(tag))
    text = "Planted" if isinstance(value, Sequence) else str(value)
    return text in text_in(header, column)


SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("read", [fast, careful])
def test_each_row_is_seen_at_the_top(read, syntax):
    plain = read(file_of(sample(), syntax))
    missed = []
    for row in ROWS:
        data_set = sample()
        with disable_value_validation():
            plant(data_set, row)
            content = file_of(data_set, syntax)
        header = read(content) or careful(content)
        if row.tag != "(0002,0003)" and not seen(header, row, nested=False):
            missed.append(row.tag)
    assert missed == []
    assert not any(plain.noticed & FACTS[row.by] for row in ROWS if row.how == "noticed")


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("read", [fast, careful])
def test_each_row_is_seen_inside_sequences(read, syntax):
    missed = []
    for row in ROWS:
        tag = tag_of_row(row)
        if tag >> 16 < 8:
            continue  # of messages, of the meta header and of directories
        data_set, outer, inner = sample(), Dataset(), Dataset()
        with disable_value_validation():
            plant(inner, row)
            outer.ScheduledProtocolCodeSequence = Sequence([inner])
            data_set.RequestAttributesSequence = Sequence([outer])
            content = file_of(data_set, syntax)
        header = read(content) or careful(content)
        if not seen(header, row, nested=True):
            missed.append(row.tag)
    assert missed == []


@pytest.mark.parametrize("part", range(12))
def test_each_row_that_is_read_becomes_an_attribute(tmp_path, part):
    rows = [row for row in ROWS if row.how == "read" and tag_of_row(row) >> 16 >= 8][part::12]
    data_set = sample()
    with disable_value_validation():
        for row in rows:
            plant(data_set, row)
        (tmp_path / "a.dcm").write_bytes(file_of(data_set))
    attributes = mr.propose(mr.extract(tmp_path))
    met = {a.name for a in attributes if a.reason != "no row has a value"}
    unmet = {row.by for row in rows} - met
    assert unmet <= {"OriginalAttributesSequence"}  # it has no code of its own; its items are read


def test_each_row_that_is_noticed_is_counted_for_a_channel(tmp_path):
    noticed = [row for row in ROWS if row.how == "noticed"]
    for number, row in enumerate(noticed):
        data_set = sample(number, number)
        plant(data_set, row)
        (tmp_path / f"{number}.dcm").write_bytes(file_of(data_set))
    facts = mr.extract(tmp_path).facts
    looked_at = {fact for channel in CHANNELS.values() for fact in channel.found}
    for fact, rows in Counter(row.by for row in noticed).items():
        assert facts[fact] == rows
        assert fact in looked_at or fact == "private_elements_any"
    assert facts["private_elements"] == 1


def test_what_names_or_places_a_person_is_a_direct_identifier(tmp_path):
    data_set = sample()
    names = Dataset()
    names.NameToUse = "Jane"
    data_set.PersonNamesToUseSequence = Sequence([names])
    data_set.GPSLatitude, data_set.GPSLongitude = ["48", "2", "29.9"], ["2", "5", "40.2"]
    data_set.StationAETitle = "GENHOSP_CT1"
    data_set.SelectorPNValue = "Doe^Jane"
    (tmp_path / "a.dcm").write_bytes(file_of(data_set))
    roles = {a.name: a.role for a in mr.propose(mr.extract(tmp_path))}
    for name in ("NameToUse", "GPSLatitude", "GPSLongitude", "SelectorPNValue"):
        assert roles[name] is Role.DIRECT_IDENTIFIER
    assert roles["StationAETitle"] is Role.INSENSITIVE
    station = mr.propose(mr.extract(tmp_path))["StationAETitle"]
    assert LADDERS[station.ladder].tells_of == "scanner"


def test_a_listed_date_stands_for_the_visit_where_there_is_no_study_date(tmp_path):
    given = sample(StudyArrivalDate="20200102", ContextGroupVersion="20020904")
    without = sample(StudyArrivalDate="20200102", ContextGroupVersion="20020904")
    del without.StudyDate
    for name, data_set in (("given", given), ("without", without)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.dcm").write_bytes(file_of(data_set))
    assert mr.propose(mr.extract(tmp_path / "given"))["StudyArrivalDate"].role is Role.INSENSITIVE
    proposed = mr.propose(mr.extract(tmp_path / "without"))
    assert proposed["StudyArrivalDate"].role is Role.QUASI_IDENTIFIER
    assert proposed["ContextGroupVersion"].role is Role.INSENSITIVE


def test_the_table_is_covered_row_by_row():
    assert [row.tag for row in ROWS] == [row["tag"] for row in data_rows("ps315_e1_1.csv")]
    assert Counter(row.how for row in ROWS) == {"read": 637, "noticed": 20}
