"""What an element is follows from the standard, not from the label that a file gives it."""

from __future__ import annotations

import io

import pydicom
import pytest
from object_rules import CT, element, release_of
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian

from midi_risk.attributes.model import Decision, Kind, Role
from midi_risk.export.dicom.recode import UnrecodableError, recode, subject_key
from midi_risk.export.dicom.rules import dicom_rules, element_type
from midi_risk.sources import extract

DAY = "20200317"
YEAR = {"decision": Decision.GENERALISE, "generalise_to": "year"}
REMOVED = {"decision": Decision.REMOVE}
DATE = {"vr": "DA", "ladder": "date"}


def image(number: int = 1) -> Dataset:
    data_set = Dataset()
    data_set.SOPClassUID = CT
    data_set.SOPInstanceUID = f"1.2.3.{number}"
    data_set.PatientID = f"P{number}"
    data_set.StudyDate, data_set.PatientAge = DAY, "045Y"
    return data_set


def through_a_file(data_set: Dataset) -> Dataset:
    """Return what pydicom reads of it: elements raw, as the release finds them."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CT, data_set.SOPInstanceUID
    data_set.file_meta = meta
    stream = io.BytesIO()
    data_set.save_as(stream, enforce_file_format=True)
    return pydicom.dcmread(io.BytesIO(stream.getvalue()))


def written(data_set: Dataset) -> bytes:
    stream = io.BytesIO()
    data_set.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def recoded(data_set: Dataset, *attributes, values=None) -> Dataset:
    """Recode one object; the rules are those of a collection in which all is as it should be."""
    known = [image(1), image(2)]
    for plain in known:
        for name, value in (values or {}).items():
            setattr(plain, name, value)
    release = release_of(known, attributes)
    held = through_a_file(data_set)
    recode(held, dicom_rules(release, "dicom"), release)
    return held


def named(keyword: str) -> int:
    return int(Tag(keyword))


@pytest.mark.parametrize(
    ("vr", "value"),
    [("SH", DAY), ("LO", DAY), ("UN", DAY.encode()), ("OB", DAY.encode()), ("DT", DAY + "101112"),
     ("IS", DAY), ("LT", DAY)],
)  # fmt: skip
@pytest.mark.parametrize("keyword", ["StudyDate", "ContentDate"])
def test_a_day_is_coarsened_whatever_its_representation(keyword, vr, value):
    data_set = image()
    data_set.pop(keyword, None)
    data_set.add_new(named(keyword), vr, value)
    found = recoded(data_set, element("StudyDate", Kind.DATE, **DATE, **YEAR))
    assert DAY.encode() not in written(found)
    assert (found[keyword].VR, found[keyword].value) == ("DA", "20200101")


@pytest.mark.parametrize(("vr", "value"), [("LO", "101112"), ("UN", b"101112"), ("SH", "101112")])
def test_a_time_is_removed_whatever_its_representation(vr, value):
    data_set = image()
    data_set.add_new(named("SeriesTime"), vr, value)
    time = element("StudyTime", Kind.TIME, vr="TM", ladder="time", **REMOVED)
    found = recoded(data_set, time, values={"StudyTime": "101112"})
    assert b"101112" not in written(found)


@pytest.mark.parametrize(
    ("vr", "value"), [("LO", "047Y"), ("UN", b"047Y"), ("OB", b"047Y"), ("IS", "47")]
)
def test_an_age_is_coarsened_whatever_its_representation(vr, value):
    data_set = image()
    del data_set.PatientAge
    data_set.add_new(named("PatientAge"), vr, value)
    age = element("PatientAge", Kind.AGE, vr="AS", ladder="age",
                  decision=Decision.GENERALISE, generalise_to="10y")  # fmt: skip
    found = recoded(data_set, age)
    assert (found["PatientAge"].VR, found.PatientAge) == ("AS", "045Y")


@pytest.mark.parametrize("vr", ["LO", "UN", "OB", "UT"])
def test_a_name_is_removed_whatever_its_representation(vr):
    data_set = image()
    value = "Roe^Jane" if vr in {"LO", "UT"} else b"Roe^Jane"
    data_set.add_new(named("OperatorsName"), vr, value)
    item = Dataset()
    item.add_new(named("OperatorsName"), vr, value)
    data_set.RequestAttributesSequence = Sequence([item])
    name = element("OperatorsName", Kind.IDENTIFIER, role=Role.DIRECT_IDENTIFIER, vr="PN",
                   **REMOVED)  # fmt: skip
    found = recoded(data_set, name, values={"OperatorsName": "Roe^Jane"})
    assert b"Jane" not in written(found)


def test_elements_of_the_standard_inside_private_sequences_follow_the_rules():
    data_set = image()
    item = Dataset()
    item.AcquisitionDate, item.OperatorsName = DAY, "Roe^Jane"
    block = data_set.private_block(0x0029, "ACME", create=True)
    block.add_new(0x10, "SQ", [item])
    data_set.StudyDate = DAY
    name = element("OperatorsName", Kind.IDENTIFIER, role=Role.DIRECT_IDENTIFIER, vr="PN",
                   **REMOVED)  # fmt: skip
    date = element("StudyDate", Kind.DATE, **DATE, **YEAR)
    found = written(recoded(data_set, name, date, values={"OperatorsName": "Roe^Jane"}))
    assert b"Jane" not in found
    assert DAY.encode() not in found


def test_a_sequence_in_a_form_that_hides_its_elements_is_refused():
    data_set = image()
    data_set.add_new(named("RequestAttributesSequence"), "OB", b"\xfe\xff\x00\xe0\x00\x00\x00\x00")
    date = element("StudyDate", Kind.DATE, **DATE, **YEAR)
    with pytest.raises(UnrecodableError, match="RequestAttributesSequence"):
        recoded(data_set, date)


def test_what_a_column_is_read_from_goes_with_it():
    data_set = image()
    item = Dataset()
    item.PatientID, item.TypeOfPatientID = "OTHER-17", "TEXT"
    data_set.OtherPatientIDsSequence = Sequence([item])
    other = element("OtherPatientIDs", Kind.IDENTIFIER, role=Role.DIRECT_IDENTIFIER, vr="LO",
                    **REMOVED)  # fmt: skip
    found = recoded(data_set, other, values={"OtherPatientIDs": "OTHER-17"})
    assert b"OTHER-17" not in written(found)


def test_a_coded_value_that_was_to_be_coarsened_is_removed():
    data_set = image()
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "1", "99X", "Rare finding"
    data_set.AdmittingDiagnosesCodeSequence = Sequence([item])
    code = element("AdmittingDiagnosesCodeSequence", Kind.CATEGORY, vr="SQ", ladder="enum",
                   decision=Decision.GENERALISE, generalise_to="common")  # fmt: skip
    items = Sequence([item])
    found = written(recoded(data_set, code, values={"AdmittingDiagnosesCodeSequence": items}))
    assert b"Rare finding" not in found


@pytest.mark.parametrize(
    ("vr", "value", "key"),
    [("LO", " 007 ", "007"), ("IS", "007", "007"), ("UN", b"007 ", "007"), ("OB", b"A\\1", "A\\1"),
     ("US", 12, "12"), ("SH", "A\\ 1", "A\\1")],
)  # fmt: skip
def test_a_key_has_one_reading_in_scan_and_release(tmp_path, vr, value, key):
    data_set = image()
    del data_set.PatientID
    with pydicom.config.disable_value_validation():
        data_set.add_new(named("PatientID"), vr, value)
        held = through_a_file(data_set)
        path = tmp_path / "a.dcm"
        held.save_as(path, enforce_file_format=True)
        assert subject_key(pydicom.dcmread(path)) == key
    assert extract(path).tables[0].rows["PatientID"].to_pylist() == [key]


def test_a_copy_that_is_judged_for_itself_takes_the_other_dates_along():
    data_set = image()
    data_set.StudyDate, data_set.AcquisitionDate = "20200310", DAY
    data_set.add_new(named("ContentDate"), "LO", DAY)
    found = recoded(
        data_set,
        element("StudyDate", Kind.DATE, **DATE),
        element("AcquisitionDate", Kind.DATE, **DATE, **YEAR),
        values={"AcquisitionDate": DAY},
    )
    assert (found.StudyDate, found.AcquisitionDate) == ("20200310", "20200101")
    assert found.ContentDate == "20200101"


@pytest.mark.parametrize(
    ("keyword", "path", "kind"),
    [
        ("SegmentLabel", ("SegmentSequence",), "1"),
        ("BeamName", (), "1"),
        ("RetrieveURL", (), "1"),
        ("TypeOfPatientID", ("OtherPatientIDsSequence",), "1"),
        ("ContourData", ("ROIContourSequence", "ContourSequence"), "1"),
        ("KVP", ("FrameAcquisitionSequence",), "1"),
        ("Manufacturer", ("BlockDefinitionSequence",), "2"),
    ],
)
def test_what_the_standard_requires_deep_inside_is_not_deleted(keyword, path, kind):
    assert element_type("1.2.3.of.no.class", keyword, path) == kind
