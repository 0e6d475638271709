from __future__ import annotations

import csv
import gzip
import json
import struct
from pathlib import Path

import pytest
from bids_collection import PROJECT, RARE, SUBJECTS, make_bids, nifti, write
from release_collection import applied

from midi_risk.cli.app import run
from midi_risk.export.nifti import NotCopiedError, copy_nifti

LIMIT = ("--max-suppression", "5%")
"""What leaves the subject with an age of her own out of this tiny data set."""


@pytest.fixture(scope="session")
def bids(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what apply makes of the data set, without its subject with ages of her own."""
    folder = make_bids(tmp_path_factory.mktemp("bids"))
    plan = folder / "plan"
    assert run(["suggest", str(folder), *LIMIT, "-o", str(plan), "-q"]) == 0
    target = folder / "out"
    code = run(["apply", str(folder), "--plan", str(plan / "plan.json"), "-o", str(target), "-q"])
    assert code == 4
    return target


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle, delimiter="\t"))


def test_participants_hold_labels_and_their_description_is_true(bids: Path) -> None:
    data = bids / "release" / "bids"
    rows = table(data / "participants.tsv")
    assert len(rows) == SUBJECTS - 1
    assert {row["age"] for row in rows} == {"60-64"}
    assert {row["postcode"] for row in rows} == {"n/a"}
    about = json.loads((data / "participants.json").read_text(encoding="utf-8"))
    assert list(about["age"]["Levels"]) == ["60-64"]
    assert "Units" not in about["age"]
    assert about["handedness"]["Levels"] == {"right": "r"}
    assert "Levels" not in about["postcode"]
    assert "nobody" not in about


def test_nothing_of_a_subject_that_is_left_out_is_in_the_release(bids: Path) -> None:
    plan = json.loads((bids.parent / "plan" / "plan.json").read_text(encoding="utf-8"))
    assert RARE in plan["suppressed_subjects"]
    for path in (bids / "release").rglob("*"):
        assert RARE not in str(path)
        if path.is_file():
            assert RARE.encode() not in path.read_bytes()


def test_no_text_that_nobody_assessed_is_in_the_release(bids: Path) -> None:
    for path in (bids / "release").rglob("*"):
        assert "Doe" not in path.name
        if path.is_file():
            content = path.read_bytes()
            content = gzip.decompress(content) if path.suffix == ".gz" else content
            for secret in (b"Jane", b"Doe", b"secret", b"Town Hospital", b"aux_file", b"1234"):
                assert secret not in content, path.name


def test_sidecars_follow_the_rules_in_their_own_form(bids: Path) -> None:
    place = bids / "release" / "bids" / "sub-00" / "ses-1"
    sidecar = json.loads((place / "anat" / "sub-00_ses-1_T1w.json").read_text(encoding="utf-8"))
    assert sidecar == {
        "AcquisitionTime": "13:00:00",
        "Manufacturer": "ACME",
        "PatientWeight": 75,
        "MagneticFieldStrength": 3,
        "AcquisitionDateTime": "2012-01-01T00:00:00",
    }
    top = json.loads((bids / "release" / "bids" / "task-rest_bold.json").read_text("utf-8"))
    assert set(top) == {"TaskName", "Manufacturer", "SliceTiming"}


def test_moments_are_legal_and_rows_of_files_that_are_left_out_go(bids: Path) -> None:
    for number in range(SUBJECTS - 1):
        name = f"sub-{number:02d}"
        path = bids / "release" / "bids" / name / "ses-1" / f"{name}_ses-1_scans.tsv"
        rows = table(path)
        assert {row["acq_time"] for row in rows} <= {"2012-01-01T00:00:00", "2013-01-01T00:00:00"}
        there = [row for row in rows if (path.parent / row["filename"]).is_file()]
        assert len(there) == 2


def test_voxels_stay_and_everything_else_of_an_image_is_cleared(bids: Path) -> None:
    place = bids / "release" / "bids" / "sub-03" / "ses-1"
    packed = (place / "anat" / "sub-03_ses-1_T1w.nii.gz").read_bytes()
    assert packed[3] == 0
    assert packed[4:8] == bytes(4)
    for content in (
        gzip.decompress(packed),
        (place / "func" / "sub-03_ses-1_task-rest_bold.nii").read_bytes(),
    ):
        assert len(content) == 352 + 8
        assert struct.unpack_from("<f", content, 108) == (352.0,)
        assert content[348:] == bytes(4) + bytes(range(8))
        assert not any(content[148:252])


def test_every_file_is_accounted_for(bids: Path) -> None:
    with (bids / "assessment" / "files.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    met = [path for path in (bids.parent / "data").rglob("*") if path.is_file()]
    assert len(rows) == len(met)
    written = {row["release"] for row in rows if row["release"]}
    there = {
        path.relative_to(bids / "release").as_posix()
        for path in (bids / "release" / "bids").rglob("*")
        if path.is_file()
    }
    assert written == there
    assert all(row["reason"] for row in rows if not row["release"])


def test_the_files_carry_the_risk_that_the_plan_promised(bids: Path) -> None:
    account = json.loads((bids / "assessment" / "apply.json").read_text(encoding="utf-8"))
    assert account["equal"], account["reasons"]
    assert any("NIfTI" in note for note in account["notes"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("session_id: {role: insensitive}", "session_id: {role: insensitive, decision: remove}"),
         "session_id of sessions.tsv has to change, and names of files hold it"),
        (("filename: {role: insensitive}", "filename: {role: direct_identifier, decision: remove}"),
         "filename of scans.tsv has to change, and names of files hold it"),
        (("name: Small BIDS", "name: Small BIDS"), "named by their dates"),
    ],
)  # fmt: skip
def test_what_names_of_files_show_is_refused_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: tuple[str, str], said: str
) -> None:
    folder = make_bids(tmp_path / "set", PROJECT.replace(*change))
    if said == "named by their dates":
        write(folder / "data" / "sub-00" / "ses-20120317" / "sub-00_ses-20120317_scans.tsv",
              "filename\tacq_time\n")  # fmt: skip
    plan = tmp_path / "plan"
    assert run(["suggest", str(folder), *LIMIT, "-o", str(plan), "-q"]) == 0
    capsys.readouterr()
    target = tmp_path / "out"
    assert run(["apply", str(folder), "--plan", str(plan / "plan.json"), "-o", str(target)]) == 2
    assert said in capsys.readouterr().err
    assert not target.exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (nifti()[:355], "damaged"),
        (b"not an image at all, only text" * 20, "not a NIfTI image"),
        (nifti()[:40] + struct.pack("<8h", 3, 2, -2, 2, 1, 1, 1, 1) + nifti()[56:], "damaged"),
        (nifti()[:68] + struct.pack("<h", 3001) + nifti()[70:], "CIFTI"),
        (nifti()[:108] + struct.pack("<f", 1e30) + nifti()[112:], "damaged"),
        (nifti()[:344] + b"ni1\0" + nifti()[348:], "not a NIfTI image"),
    ],
)
def test_an_image_that_cannot_be_copied_leaves_nothing(
    tmp_path: Path, content: bytes, said: str
) -> None:
    source = tmp_path / "a.nii"
    source.write_bytes(content)
    with pytest.raises(NotCopiedError, match=said):
        copy_nifti(source, tmp_path / "b.nii")
    assert not (tmp_path / "b.nii").exists()


def test_a_nifti_2_image_in_big_endian_is_read_too(tmp_path: Path) -> None:
    header = bytearray(540)
    struct.pack_into(">i", header, 0, 540)
    header[4:12] = b"n+2\0\r\n\x1a\n"
    struct.pack_into(">hh8q", header, 12, 4, 16, 3, 2, 2, 2, 1, 1, 1, 1)
    struct.pack_into(">q", header, 168, 560)
    header[240:250] = b"Jane Doe 1"
    source = tmp_path / "a.nii"
    source.write_bytes(bytes(header) + bytes([1, 0, 0, 0]) + b"secret of 16 byt" + bytes(range(16)))
    assert copy_nifti(source, tmp_path / "b.nii")
    content = (tmp_path / "b.nii").read_bytes()
    assert content[544:] == bytes(range(16))
    assert b"Jane" not in content
    assert struct.unpack_from(">q", content, 168) == (544,)
    assert not copy_nifti(tmp_path / "b.nii", tmp_path / "c.nii")
    assert (tmp_path / "c.nii").read_bytes() == content


def test_a_table_of_participants_alone_is_a_data_set(tmp_path: Path) -> None:
    folder = make_bids(tmp_path / "set")
    for path in sorted((folder / "data").iterdir()):
        if path.name.startswith("sub-"):
            for file in sorted(path.rglob("*"), reverse=True):
                file.rmdir() if file.is_dir() else file.unlink()
    text = "\n".join(
        line for line in PROJECT.splitlines()
        if not line.strip().startswith(("acq_", "Inst", "Device", "Acq", "Patient", "dec", "sess",
                                        "filename"))
    )  # fmt: skip
    (folder / "midi-risk.yaml").write_text(text, encoding="utf-8")
    data = (folder / "data" / "participants.tsv").read_text(encoding="utf-8")
    data = data.replace("88\tF\tambi", "61\tF\tright").replace("sub-99\tn/a\tn/a\tn/a\tn/a\n", "")
    (folder / "data" / "participants.tsv").write_text(data, encoding="utf-8")
    target, code = applied(folder, tmp_path)
    assert code == 4  # no search for linked data is recorded
    assert len(table(target / "release" / "bids" / "participants.tsv")) == SUBJECTS


def test_the_table_of_participants_may_be_named_itself(tmp_path: Path) -> None:
    folder = make_bids(tmp_path / "set")
    head, _, attributes = PROJECT.replace("data/", "data/participants.tsv").partition("attributes:")
    wanted = ("age", "sex", "handedness", "postcode")
    lines = [line for line in attributes.splitlines() if line.strip().startswith(wanted)]
    text = head + "attributes:\n" + "\n".join(lines) + "\n"
    (folder / "midi-risk.yaml").write_text(text, encoding="utf-8")
    plan, target = tmp_path / "plan", tmp_path / "out"
    assert run(["suggest", str(folder), *LIMIT, "-o", str(plan), "-q"]) == 0
    assert run(["apply", str(folder), "--plan", str(plan / "plan.json"), "-o", str(target)]) == 4
    rows = table(target / "release" / "participants.tsv")
    assert {row["postcode"] for row in rows} == {"n/a"}
    assert {row["age"] for row in rows} == {"60-64"}
