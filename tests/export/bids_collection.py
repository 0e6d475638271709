"""A BIDS data set with everything that a release has to get right, made in the test."""

from __future__ import annotations

import gzip
import json
import struct
from pathlib import Path
from typing import Any

SUBJECTS = 40
RARE = "sub-39"
PROJECT = """\
schema: midi-risk/project/1
collection:
  name: Small BIDS
  sources:
    - {bids: data/}
threat_models: [public-release]
attributes:
  age: {role: quasi_identifier, kind: age, hierarchy: age, level: 5y, decision: generalise}
  sex: {role: quasi_identifier, kind: sex, decision: retain}
  handedness: {role: quasi_identifier, kind: category, decision: retain}
  postcode: {role: quasi_identifier, kind: category, decision: remove}
  acq_time: {role: insensitive, kind: date, hierarchy: date, level: year, decision: generalise}
  InstitutionName: {role: quasi_identifier, kind: category, decision: remove}
  DeviceSerialNumber: {role: insensitive, decision: remove}
  AcquisitionTime: {role: insensitive, kind: time, hierarchy: time, level: hour,
    decision: generalise}
  PatientWeight: {role: quasi_identifier, kind: number, hierarchy: weight, level: 10kg,
    decision: generalise}
  session_id: {role: insensitive}
  filename: {role: insensitive}
"""


def nifti(
    text: bytes = b"Jane Doe 2012-03-17", *, extension: bytes = b"", tail: bytes = b""
) -> bytes:
    """Return a NIfTI-1 image of 2 x 2 x 2 bytes."""
    header = bytearray(348)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, 2, 2, 2, 1, 1, 1, 1)
    struct.pack_into("<hh", header, 70, 2, 8)
    block = b""
    if extension:
        size = -(-(len(extension) + 8) // 16) * 16
        block = struct.pack("<ii", size, 6) + extension.ljust(size - 8, b"\0")
    struct.pack_into("<f", header, 108, 352 + len(block))
    header[148 : 148 + len(text)] = text
    header[228:236] = b"aux_file"
    header[344:348] = b"n+1\0"
    return bytes(header) + bytes([bool(block), 0, 0, 0]) + block + bytes(range(8)) + tail


def write(path: Path, content: str | bytes | dict[str, Any]) -> None:
    """Write one file with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, dict):
        content = json.dumps(content)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def make_bids(folder: Path, project: str = PROJECT) -> Path:
    """Write the data set and its project; the last subject has ages of her own."""
    data = folder / "data"
    write(data / "dataset_description.json",
          {"Name": "Small", "BIDSVersion": "1.9.0", "DatasetDOI": "doi:10.0/secret",
           "SourceDatasets": [{"URL": "file:///home/jane"}]})  # fmt: skip
    write(data / "README", "collected by Jane Doe")
    write(data / "derivatives" / "out.txt", "x")
    lines = ["participant_id\tage\tsex\thandedness\tpostcode"]
    for n in range(SUBJECTS):
        age, hand = (88, "ambi") if f"sub-{n:02d}" == RARE else (61 + n % 3, "right")
        lines.append(f"sub-{n:02d}\t{age}\t{'MF'[n % 2]}\t{hand}\t1234{n % 10}")
    lines.append("sub-99\tn/a\tn/a\tn/a\tn/a")
    write(data / "participants.tsv", "\n".join(lines) + "\n")
    write(data / "participants.json", {
        "age": {"Description": "age", "Units": "years"},
        "handedness": {"Levels": {"right": "r", "left": "l", "ambi": "both"}},
        "postcode": {"Description": "home", "Levels": {"12340": "here"}},
        "nobody": {"Description": "Jane Doe"},
    })  # fmt: skip
    scores = ["participant_id\tscore", *(f"sub-{n:02d}\t{n % 2}" for n in range(SUBJECTS))]
    write(data / "phenotype" / "test.tsv", "\n".join(scores) + "\n")
    write(data / "phenotype" / "test.json",
          {"MeasurementToolMetadata": {"Description": "a test", "Rater": "Jane Doe"},
           "score": {"Description": "points", "Minimum": 0}})  # fmt: skip
    write(data / "task-rest_bold.json", {
        "TaskName": "rest", "Manufacturer": "ACME", "InstitutionName": "Town Hospital",
        "PatientWeight": 71.5, "SliceTiming": [n / 20 for n in range(20)],
        "global": {"const": {"PatientName": "Jane Doe"}},
    })  # fmt: skip
    for n in range(SUBJECTS):
        make_subject(data, n)
    (folder / "midi-risk.yaml").write_text(project, encoding="utf-8")
    return folder


def make_subject(data: Path, n: int) -> None:
    """Write images, sidecars and tables of one subject."""
    subject = f"sub-{n:02d}"
    name = f"{subject}_ses-1"
    place = data / subject / "ses-1"
    write(place / "anat" / f"{name}_T1w.nii.gz",
          gzip.compress(nifti(extension=b"<xml>Jane Doe</xml>")))  # fmt: skip
    write(place / "anat" / f"{name}_T1w.json", {
        "AcquisitionTime": f"13:{n:02d}:15.500000", "DeviceSerialNumber": f"{n % 3}",
        "Manufacturer": "ACME", "PatientWeight": 71 + n % 7, "MagneticFieldStrength": 3,
        "AcquisitionDateTime": f"2012-03-{1 + n % 28:02d}T13:30:15.5",
    })  # fmt: skip
    write(place / "func" / f"{name}_task-rest_bold.nii", nifti(tail=b"Jane Doe"))
    write(place / "func" / f"{name}_task-rest_events.tsv", "onset\tduration\ttrial\n1\t2\tJane\n")
    write(place / "dwi" / f"{name}_dwi.nii", nifti(b""))
    write(place / "dwi" / f"{name}_dwi.bval", "0 1000\n")
    write(place / "dwi" / f"{name}_dwi.bvec", "0 1\n0 0\n0 Jane\n" if n == 0 else "0 1\n0 0\n0 0\n")
    write(place / "anat" / "Jane Doe T1w.nii", nifti())
    rows = ["filename\tacq_time", f"anat/{name}_T1w.nii.gz\t2012-03-{1 + n % 28:02d}T13:30:15",
            f"func/{name}_task-rest_bold.nii\t2012-{1 + n % 9:02d}",
            f"func/{name}_task-rest_meg.fif\t2013-04-05"]  # fmt: skip
    write(place / f"{name}_scans.tsv", "\n".join(rows) + "\n")
    write(
        data / subject / f"{subject}_sessions.tsv", f"session_id\tsystolic\nses-1\t{120 + n % 2}\n"
    )
