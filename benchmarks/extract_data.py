"""Generated DICOM files for `extract.py`: a CT set and a mixed set.

Pixel data are holes in the file (sparse), as no header reader looks at them.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

ROOT = "1.2.826.0.1.3680043.10.1338"
PIXELS = 512 * 512 * 2
CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "SR": "1.2.840.10008.5.1.4.1.1.88.33",
    "SEG": "1.2.840.10008.5.1.4.1.1.66.4",
    "RTSTRUCT": "1.2.840.10008.5.1.4.1.1.481.3",
}


def _common(chance: random.Random, modality: str, patient: int, number: int) -> Dataset:
    ds = Dataset()
    study = f"{ROOT}.{patient}"
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.InstanceCreationDate = "20190312"
    ds.InstanceCreationTime = f"{number % 24:02d}3012.{number:04d}"
    ds.SOPClassUID = CLASSES[modality]
    ds.SOPInstanceUID = f"{study}.2.{number}"
    ds.StudyDate = f"2019{1 + patient % 12:02d}{1 + patient % 28:02d}"
    ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = ds.StudyDate
    ds.StudyTime, ds.SeriesTime = "101112", "101530"
    ds.AcquisitionTime = f"1016{number % 60:02d}.{number % 997:03d}000"
    ds.ContentTime = f"1017{number % 60:02d}"
    ds.AccessionNumber = f"{100000 + patient}"
    ds.Modality = modality
    ds.Manufacturer = chance.choice(["SIEMENS", "GE MEDICAL SYSTEMS", "Philips"])
    ds.InstitutionName = "Example Hospital"
    ds.ReferringPhysicianName = ""
    ds.StationName = "CTAWP1"
    ds.StudyDescription = "CT THORAX"
    ds.SeriesDescription = "Thorax 1.0 B31f"
    ds.InstitutionalDepartmentName = "Radiology"
    ds.OperatorsName = "op"
    ds.ManufacturerModelName = "Sensation 64"
    ds.PatientName = f"ANON^{patient:04d}"
    ds.PatientID = f"ANON-{patient:04d}"
    ds.PatientBirthDate = ""
    ds.PatientSex = "MF"[patient % 2]
    ds.PatientAge = f"{20 + patient % 70:03d}Y"
    ds.PatientSize, ds.PatientWeight = "1.72", f"{50 + patient % 60}"
    ds.PatientIdentityRemoved = "YES"
    ds.BodyPartExamined = "CHEST"
    ds.SliceThickness = "1.000000"
    ds.DeviceSerialNumber = f"{45000 + patient % 7}"
    ds.SoftwareVersions = ["syngo CT 2007C", "VB28A"]
    ds.ProtocolName = "ThoraxRoutine"
    ds.PatientPosition = "FFS"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = study, f"{study}.1"
    ds.StudyID, ds.SeriesNumber, ds.InstanceNumber = "1", "2", str(number)
    ds.FrameOfReferenceUID = f"{study}.3"
    return ds


def _image(ds: Dataset, number: int) -> None:
    ds.ImagePositionPatient = ["-170.500", "-332.25", f"{-number * 1.25:.2f}"]
    ds.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    ds.SliceLocation = f"{-number * 1.25:.2f}"
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows = ds.Columns = 512
    ds.PixelSpacing = ["0.664062", "0.664062"]
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.WindowCenter, ds.WindowWidth = ["-600", "40"], ["1200", "400"]
    ds.RescaleIntercept, ds.RescaleSlope = "-1024", "1"
    ds.KVP, ds.XRayTubeCurrent, ds.Exposure = "120", str(100 + number % 90), str(40 + number % 60)
    reference = Dataset()
    reference.ReferencedSOPClassUID = CLASSES["CT"]
    reference.ReferencedSOPInstanceUID = f"{ROOT}.9"
    ds.ReferencedImageSequence = Sequence([reference])
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "T-D3000", "SRT", "Chest"
    ds.AnatomicRegionSequence = Sequence([code])


def _private(ds: Dataset, chance: random.Random, blocks: int, per_block: int, size: int) -> None:
    for number in range(blocks):
        block = ds.private_block(0x0009 + 2 * (number % 13), f"VENDOR {number:02d}", create=True)
        for element in range(per_block):
            vr = ("LO", "DS", "US", "SH")[element % 4]
            value: object = "x" * (size + 2 * (chance.random() < 0.02))
            if vr == "US":
                value = element
            elif vr == "DS":
                value = f"{element}.5"
            block.add_new(element + 1, vr, value)


def _tree(ds: Dataset, patient: int) -> None:
    items = []
    for number in range(40):
        item, name = Dataset(), Dataset()
        name.CodeValue, name.CodingSchemeDesignator = f"1219{number:02d}", "DCM"
        name.CodeMeaning = f"Finding {number}"
        item.RelationshipType, item.ValueType = "CONTAINS", "TEXT"
        item.ConceptNameCodeSequence = Sequence([name])
        item.TextValue = f"nodule {number} of {patient}"
        items.append(item)
    ds.ContentSequence = Sequence(items)


def _contours(ds: Dataset) -> None:
    rois = []
    for number in range(8):
        roi = Dataset()
        roi.ROINumber, roi.ROIName = str(number), f"organ {number}"
        rois.append(roi)
    ds.StructureSetLabel = "plan"
    ds.StructureSetROISequence = Sequence(rois)
    contour = Dataset()
    contour.ContourData = [f"{i * 0.5:.2f}" for i in range(300)]
    around = Dataset()
    around.ContourSequence = Sequence([contour] * 5)
    ds.ROIContourSequence = Sequence([around])


def _segments(ds: Dataset) -> None:
    frames = []
    for number in range(30):
        plane, frame = Dataset(), Dataset()
        plane.ImagePositionPatient = ["0", "0", f"{number}"]
        frame.PlanePositionSequence = Sequence([plane])
        frames.append(frame)
    segment = Dataset()
    segment.SegmentNumber, segment.SegmentLabel = 1, "liver"
    ds.SegmentSequence = Sequence([segment])
    ds.PerFrameFunctionalGroupsSequence = Sequence(frames)


def data_set(kind: str, chance: random.Random, patient: int, number: int) -> Dataset:
    """Return one data set of a kind."""
    if kind in {"ct", "small-ct"}:
        ds = _common(chance, "CT", patient, number)
        _image(ds, number)
        _private(ds, chance, 14 if kind == "ct" else 2, 12 if kind == "ct" else 10, 6)
    elif kind == "ge-mr":
        ds = _common(chance, "MR", patient, number)
        _image(ds, number)
        _private(ds, chance, 12, 19, 40)
    elif kind == "siemens-mr":
        ds = _common(chance, "MR", patient, number)
        _image(ds, number)
        block = ds.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
        block.add_new(0x10, "OB", os.urandom(12_000))
        block.add_new(0x20, "OB", os.urandom(110_000))
    else:
        ds = _common(chance, kind, patient, number)
        {"SR": lambda: _tree(ds, patient), "RTSTRUCT": lambda: _contours(ds)}.get(
            kind, lambda: _segments(ds)
        )()
    return ds


def write(path: Path, ds: Dataset, *, implicit: bool, pixels: int) -> None:
    """Write one file with a hole for its pixel data."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = ds.SOPClassUID
    meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    out = DicomBytesIO()
    whole = FileDataset(out, ds, file_meta=meta, preamble=bytes(128))
    dcmwrite(out, whole, enforce_file_format=True)
    content = out.getvalue()
    if pixels:
        content += b"\xe0\x7f\x10\x00" + (b"" if implicit else b"OW\0\0")
        content += pixels.to_bytes(4, "little")
    with path.open("wb") as handle:
        handle.write(content)
        handle.truncate(len(content) + pixels)


def generate(folder: Path, name: str, count: int) -> Path:
    """Generate a set once; later calls find it."""
    target = folder / f"{name}-{count}"
    done = target / ".done"
    if done.exists():
        return target
    chance = random.Random(7)  # noqa: S311 - test data, no secret
    kinds = ["ct"] if name == "ct" else (
        ["small-ct"] * 60 + ["ge-mr"] * 30 + ["siemens-mr"] * 8 + ["SR", "SEG"]
    )  # fmt: skip
    for number in range(count):
        patient = number // 100
        kind = "RTSTRUCT" if name == "mixed" and number % 200 == 0 else kinds[number % len(kinds)]
        inside = target / f"p{patient:04d}"
        inside.mkdir(parents=True, exist_ok=True)
        ds = data_set(kind, random.Random(patient), patient, number)  # noqa: S311
        image = kind in {"ct", "small-ct", "ge-mr", "siemens-mr"}
        pixels = (PIXELS if kind == "ct" else 8192) if image else 0
        write(inside / f"{number:06d}.dcm", ds, implicit=name == "ct", pixels=pixels)
    done.touch()
    del chance
    return target
