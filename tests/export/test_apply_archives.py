from __future__ import annotations

import csv
import hashlib
import json
import tarfile
import zipfile
from pathlib import Path

import pydicom
import pytest
from release_collection import SUBJECTS, applied, make_collection, released_files

from midi_risk.export.dicom.opened import opened_files

ENDINGS = (".zip", ".tar", ".tar.gz")


def pack(folder: Path, ending: str, *, inside: Path) -> Path:
    """Move the images of a collection into one archive, with members that nobody wants."""
    images = sorted((folder / "images").iterdir())
    target = inside / f"Doe^Jane{ending}"
    if ending == ".zip":
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in images:
                archive.write(path, f"Doe/{path.name}")
            archive.writestr("../../escaped.dcm", images[0].read_bytes())
            archive.writestr("Doe/notes.txt", "Jane Doe was here")
    else:
        with tarfile.open(target, "w:gz" if ending == ".tar.gz" else "w") as archive:
            for path in images:
                archive.add(path, f"Doe/{path.name}")
            archive.add(images[0], "../../escaped.dcm", filter=climbing)
            (folder / "notes.txt").write_text("Jane Doe was here", encoding="utf-8")
            archive.add(folder / "notes.txt", "Doe/notes.txt")
    for path in images:
        path.unlink()
    return target


def climbing(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.name = "../../escaped.dcm"
    return member


@pytest.mark.parametrize("alone", [True, False], ids=["the archive", "in a folder"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_objects_of_an_archive_are_written_as_files(
    collection: Path, release: Path, tmp_path: Path, ending: str, alone: bool
) -> None:
    folder = make_collection(tmp_path / "packed")
    archive = pack(folder, ending, inside=folder / "images")
    if alone:
        project = folder / "midi-risk.yaml"
        text = project.read_text(encoding="utf-8")
        text = text.replace("dicom: images/", f'dicom: "images/{archive.name}"')
        project.write_text(text, encoding="utf-8")
    before = hashlib.sha256(archive.read_bytes()).hexdigest()
    target, code = applied(folder, tmp_path)
    assert code == 4
    written = {ds.SOPInstanceUID: ds for ds in released_files(target)}
    plain = {ds.SOPInstanceUID: ds for ds in released_files(release)}
    assert set(written) == set(plain)
    for uid, ds in written.items():
        del ds.DeidentificationMethod, plain[uid].DeidentificationMethod
        assert ds == plain[uid]
        assert ds.get("PixelData") == plain[uid].get("PixelData")
    assert hashlib.sha256(archive.read_bytes()).hexdigest() == before
    assert not list(tmp_path.rglob("escaped*"))
    names = [p.name for p in (target / "release").rglob("*")]
    assert not [name for name in names if "Doe" in name or "secret" in name]
    with (target / "assessment" / "files.csv").open(encoding="utf-8", newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if ".csv" not in row["source"]]
    assert len(rows) == SUBJECTS + 1 + 2
    reasons = sorted(row["reason"] for row in rows if not row["release"])
    assert reasons == ["an archive member with an unsafe path, refused", "not recoded: a text file"]
    account = json.loads((target / "assessment" / "apply.json").read_text(encoding="utf-8"))
    assert account["equal"], account["reasons"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_damaged_member_is_accounted_for(tmp_path: Path, ending: str) -> None:
    folder = make_collection(tmp_path / "packed")
    archive = pack(folder, ending, inside=folder / "images")
    content = bytearray(archive.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 3000] = bytes(3000)
    archive.write_bytes(bytes(content))
    opened = list(opened_files([folder / "images"]))
    assert all(file.stream is not None or file.reason for file in opened)
    assert len(opened) >= 2
    good = [file for file in opened if file.stream is not None]
    assert pydicom.dcmread(good[0].stream).PatientID.startswith("P")
