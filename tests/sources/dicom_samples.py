"""Small DICOM files made in tests."""

from __future__ import annotations

import os
import struct
from pathlib import Path

from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRLittleEndian

ROOT = "1.2.826.0.1.3680043.10.1338.9"


def sample(number: int = 1, patient: int = 1, **attributes: object) -> Dataset:
    """A data set of an image, without its pixels."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    ds.SOPInstanceUID = f"{ROOT}.{patient}.1.{number}"
    ds.StudyInstanceUID = f"{ROOT}.{patient}"
    ds.SeriesInstanceUID = f"{ROOT}.{patient}.1"
    ds.StudyDate = "20200102"
    ds.Modality = "CT"
    ds.Manufacturer = "ACME"
    ds.PatientName = f"Doe^{patient}"
    ds.PatientID = f"P{patient}"
    ds.PatientSex = "F"
    ds.PatientAge = "045Y"
    ds.BodyPartExamined = "CHEST"
    ds.InstanceNumber = number
    for name, value in attributes.items():
        setattr(ds, name, value)
    return ds


def encoded(ds: Dataset, syntax: str = ExplicitVRLittleEndian, *, pixels: int = 64) -> bytes:
    """The bytes of a file with native pixel data."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = ds.get("SOPClassUID", "1.2.3")
    meta.MediaStorageSOPInstanceUID = ds.get("SOPInstanceUID", "1.2.3")
    meta.TransferSyntaxUID = syntax
    out = DicomBytesIO()
    whole = FileDataset(out, ds, file_meta=meta, preamble=bytes(128))
    dcmwrite(out, whole, enforce_file_format=True)
    content = out.getvalue()
    if pixels:
        content += pixel_header(pixels, explicit=syntax == ExplicitVRLittleEndian)
        content += os.urandom(pixels)
    return content


def pixel_header(length: int, *, explicit: bool = True) -> bytes:
    """The header of a pixel data element."""
    vr = b"OW\0\0" if explicit else b""
    return b"\xe0\x7f\x10\x00" + vr + struct.pack("<I", length)


def element(group: int, number: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    """One explicit little endian element."""
    size = len(value) if length is None else length
    head = struct.pack("<HH", group, number) + vr
    if vr in {b"OB", b"OW", b"SQ", b"UN", b"UT", b"UC"}:
        return head + b"\0\0" + struct.pack("<I", size) + value
    return head + struct.pack("<H", size) + value


def with_elements(base: bytes, extra: bytes, pixels: int = 64) -> bytes:
    """Put elements before the pixel data of an encoded sample."""
    cut = base.rindex(pixel_header(pixels))
    return base[:cut] + extra + base[cut:]


def collection(folder: Path, patients: int = 5, instances: int = 4) -> list[Path]:
    """Write a small collection; return its files."""
    made = []
    for patient in range(patients):
        inside = folder / f"p{patient:03d}"
        inside.mkdir(parents=True, exist_ok=True)
        for number in range(instances):
            path = inside / f"{number:03d}.dcm"
            path.write_bytes(encoded(sample(number, patient)))
            made.append(path)
    return made
