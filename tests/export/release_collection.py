"""A small collection with everything that a release has to get right, made in the test."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
)

from midi_risk.cli.app import run

CT = "1.2.840.10008.5.1.4.1.1.2"
SR = "1.2.840.10008.5.1.4.1.1.88.11"
SYNTAXES = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    JPEGBaseline8Bit,
)
SUBJECTS = 40
PROJECT = """\
schema: midi-risk/project/1
collection:
  name: Small
  sources:
    - {dicom: images/}
    - {table: clinical.csv, key: patient_id}
threat_models: [public-release]
attributes:
  PatientName: {role: direct_identifier, decision: remove}
  PatientAge: {role: quasi_identifier, hierarchy: age, level: 5y, decision: generalise}
  PatientSex: {role: quasi_identifier, decision: retain}
  PatientWeight: {role: quasi_identifier, hierarchy: weight, level: 10kg, decision: generalise}
  PatientSize: {role: quasi_identifier, hierarchy: height, level: 10cm, decision: generalise}
  PatientBodyMassIndex: {role: insensitive, decision: retain}
  PatientBirthDate: {role: insensitive, kind: date, decision: retain}
  StudyDate: {role: quasi_identifier, hierarchy: date, level: year, decision: generalise}
  StudyTime: {role: insensitive, hierarchy: time, level: hour}
  Manufacturer: {role: quasi_identifier, hierarchy: device, level: family, decision: generalise}
  Modality: {role: insensitive, decision: retain}
  age: {role: quasi_identifier, kind: age, hierarchy: age, level: 5y, decision: generalise}
  postcode: {role: quasi_identifier, kind: category, decision: remove}
  note: {role: sensitive, kind: category, decision: retain}
"""
STATED = {"PatientIdentityRemoved", "DeidentificationMethod", "DeidentificationMethodCodeSequence"}
STATED |= {"LongitudinalTemporalInformationModified"}


def uid(*parts: int) -> UID:
    """Return a UID of this collection."""
    return UID(".".join(["1.2.826.0.1.3680043.10.999", *map(str, parts)]))


def image(number: int, visit: int = 1, syntax: UID = ExplicitVRLittleEndian) -> Dataset:
    """Return one CT object with nested, private and coupled copies of what identifies."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    ds.SOPClassUID, ds.SOPInstanceUID = CT, uid(number, visit, 3)
    ds.StudyInstanceUID, ds.SeriesInstanceUID = uid(number, visit, 1), uid(number, visit, 2)
    ds.PatientID, ds.PatientName = f"P{number:03d}", f"Name^Number{number}"
    ds.PatientSex = "MF"[number % 2]
    ds.PatientBirthDate = f"19{50 + number % 2:02d}0304"
    ds.PatientAge = f"{61 + number % 3:03d}Y"
    ds.PatientWeight, ds.PatientSize = f"{71 + number % 7}.5", "1.72"
    ds.PatientBodyMassIndex = "24.3"
    ds.StudyDate = ds.SeriesDate = f"2012{1 + number % 9:02d}17"
    ds.AcquisitionDateTime = f"2012{1 + number % 9:02d}17133015.5"
    ds.StudyTime = ds.SeriesTime = "133015"
    ds.DateOfLastCalibration = "20110203"
    ds.Modality, ds.Manufacturer = "CT", "ACME Medical Systems"
    ds.AccessionNumber, ds.ReferringPhysicianName, ds.StudyID = "", "", ""
    ds.SeriesNumber, ds.InstanceNumber = "1", "1"
    ds.LongitudinalTemporalInformationModified = "UNMODIFIED"
    ds.DeidentificationMethod = "by hand"
    ds.DeidentificationMethodCodeSequence = Sequence([code("113100"), code("113106")])
    before = Dataset()
    before.PatientAge, before.StudyDate = ds.PatientAge, ds.StudyDate
    original = Dataset()
    original.ModifiedAttributesSequence = Sequence([before])
    original.AttributeModificationDateTime = "20130101120000"
    ds.OriginalAttributesSequence = Sequence([original])
    block = ds.private_block(0x0011, "TEST 1", create=True)
    block.add_new(0x01, "AS", "061Y")
    ds.Rows = ds.Columns = 2
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 8, 8, 7, 0
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    frame = bytes([number % 256, 1, 2, 3])
    ds.PixelData = encapsulate([frame]) if syntax.is_encapsulated else frame
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = syntax.is_encapsulated
    return ds


def code(value: str, scheme: str = "DCM") -> Dataset:
    """Return one coded concept."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, "meaning"
    return item


def save(ds: Dataset, path: Path) -> Path:
    """Write an object."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.save_as(path, enforce_file_format=True)
    return path


def make_collection(folder: Path, project: str = PROJECT) -> Path:
    """Write images, clinical table and project into a folder and return it."""
    for number in range(SUBJECTS):
        syntax = SYNTAXES[number % len(SYNTAXES)]
        save(image(number, 1, syntax), folder / "images" / f"secret-name-{number}.dcm")
    second = image(0, 2)
    second.PatientAge, second.PatientWeight = "066Y", "83"
    save(second, folder / "images" / "second.dcm")
    with (folder / "clinical.csv").open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["patient_id", "age", "postcode", "note"])
        for number in range(SUBJECTS):
            note = "=HYPERLINK(0)" if number < 12 else "plain"
            writer.writerow([f"P{number:03d}", 61 + number % 3, f"1234{number % 10}", note])
        writer.writerow(["X999", 50, "99999", "nobody"])
    (folder / "midi-risk.yaml").write_text(project, encoding="utf-8")
    return folder


def released_files(release: Path) -> Iterator[Dataset]:
    """Yield every DICOM object of a release."""
    for path in sorted((release / "release" / "images").rglob("*.dcm")):
        yield pydicom.dcmread(path)


def by_subject(release: Path) -> dict[str, list[Dataset]]:
    """Return the objects of a release by subject."""
    found: dict[str, list[Dataset]] = {}
    for ds in released_files(release):
        found.setdefault(str(ds.PatientID), []).append(ds)
    return found


def values(ds: Dataset) -> dict[str, str]:
    """Return what an object says, an absent element like an empty one."""
    found = {}
    for element in ds:
        if element.keyword in STATED or element.tag.is_private or element.VR == "SQ":
            continue
        if element.tag >> 16 != 0x7FE0 and str(element.value or ""):
            found[element.keyword] = str(element.value)
    for element in ds:
        if element.VR == "SQ" and element.keyword not in STATED:
            for place, item in enumerate(element.value):
                below = values(item).items()
                found |= {f"{element.keyword}[{place}].{k}": v for k, v in below}
    return found


def applied(project: Path, folder: Path) -> tuple[Path, int]:
    """Suggest, apply, and return the folder of the release with the exit code."""
    assert run(["suggest", str(project), "-o", str(folder / "plan"), "-q"]) == 0
    plan = folder / "plan" / "plan.json"
    target = folder / "out"
    return target, run(["apply", str(project), "--plan", str(plan), "-o", str(target), "-q"])
