"""Three ordinary collections: a clinical table, a CT collection, a BIDS data set."""

from __future__ import annotations

import gzip
import json
import struct
from pathlib import Path

import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

PEOPLE = 48


def clinical(folder: Path) -> Path:
    """Write a table of four classes of twelve, and return it."""
    rows = ["patient_id,sex,age_group,stage,outcome"]
    for i in range(PEOPLE):
        age, stage = ("50-59", "60-69")[i // 2 % 2], ("I", "II", "III")[i % 3]
        rows.append(f"P{i:03d},{'MF'[i % 2]},{age},{stage},{'alive' if i % 5 else 'dead'}")
    file = folder / "clinical.csv"
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return file


def ct(folder: Path) -> Path:
    """Write one CT image of each patient, and return their folder."""
    images = folder / "images"
    images.mkdir()
    for i in range(PEOPLE):
        _image(i).save_as(images / f"{i:03d}.dcm", enforce_file_format=True)
    return images


def _image(i: int) -> FileDataset:
    """Return an image with what a CT must have, and no more."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = f"2.25.{10**20 + i}"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    ds.SOPClassUID, ds.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
    ds.StudyInstanceUID, ds.SeriesInstanceUID = f"2.25.{2 * 10**20 + i}", f"2.25.{3 * 10**20 + i}"
    ds.FrameOfReferenceUID = f"2.25.{4 * 10**20 + i}"
    ds.PatientID, ds.PatientName, ds.PatientBirthDate = f"P{i:03d}", "", ""
    ds.PatientSex, ds.PatientAge = "MF"[i % 2], ("055Y", "065Y")[i // 2 % 2]
    for empty in ("StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName", "StudyID"):
        setattr(ds, empty, "")
    ds.Modality, ds.BodyPartExamined, ds.Manufacturer = "CT", "CHEST", "Maker"
    ds.PatientIdentityRemoved, ds.DeidentificationMethod = "YES", "basic profile"
    ds.SeriesNumber, ds.InstanceNumber, ds.PatientPosition = 1, 1, "HFS"
    ds.Laterality = ds.PositionReferenceIndicator = ""
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.ImagePositionPatient, ds.ImageOrientationPatient = [0, 0, 0], [1, 0, 0, 0, 1, 0]
    ds.PixelSpacing, ds.SliceThickness, ds.KVP = [1, 1], 1, 120
    ds.Rows = ds.Columns = 4
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 0
    ds.RescaleIntercept, ds.RescaleSlope = -1024, 1
    ds.PixelData = np.full((4, 4), i, np.uint16).tobytes()
    return ds


def bids(folder: Path) -> Path:
    """Write a data set with one head of each participant, and return its folder."""
    root = folder / "bids"
    root.mkdir()
    about = {"Name": "Rest", "BIDSVersion": "1.9.0", "DatasetType": "raw"}
    (root / "dataset_description.json").write_text(json.dumps(about), encoding="utf-8")
    rows = ["participant_id\tsex\tage_group"]
    sidecar = {"Modality": "MR", "MagneticFieldStrength": 3, "Manufacturer": "Maker"}
    for i in range(PEOPLE):
        name = f"sub-{i:03d}"
        rows.append(f"{name}\t{'MF'[i % 2]}\t{('20-29', '30-39')[i // 2 % 2]}")
        anat = root / name / "anat"
        anat.mkdir(parents=True)
        (anat / f"{name}_T1w.nii.gz").write_bytes(gzip.compress(_volume(), mtime=0))
        (anat / f"{name}_T1w.json").write_text(json.dumps(sidecar), encoding="utf-8")
    (root / "participants.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return root


def _volume() -> bytes:
    """Return a NIfTI of 4 x 4 x 4 voxels."""
    header = bytearray(352)
    header[0:4] = struct.pack("<i", 348)
    header[40:48] = struct.pack("<4h", 3, 4, 4, 4)
    header[70:74] = struct.pack("<2h", 4, 16)
    header[108:112] = struct.pack("<f", 352.0)
    header[344:348] = b"n+1\0"
    return bytes(header) + bytes(128)
