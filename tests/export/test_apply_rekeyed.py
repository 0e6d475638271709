"""`midi-risk apply` with pseudonyms and a profile: what leaves, in bytes and read by dcmdump."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pydicom
import pytest
import yaml
from bids_collection import PROJECT as BIDS_PROJECT
from bids_collection import make_bids
from release_collection import PROJECT, applied, make_collection, uid

from midi_risk.cli.app import run
from midi_risk.config import load_project
from midi_risk.errors import ConfigError
from midi_risk.export.tables import write_table

ROOT = b"1.2.826.0.1.3680043.10.999"
OLD_KEY = re.compile(rb"P0[0-3][0-9](?![0-9B-Z])")
REKEY = "uids: rekey\nsubject_key: {column: PatientID, write: rekey}\n"


def with_columns(folder: Path) -> None:
    """Give the clinical table columns that hold UIDs and keys in other words."""
    path = folder / "clinical.csv"
    with path.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.reader(handle))
    head = [*rows[0], "series", "where"]
    told = [
        [*row, uid(number, 1, 2), f"{row[0]}/ct"] if row[0].startswith("P") else [*row, "", ""]
        for number, row in enumerate(rows[1:])
    ]
    with path.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows([head, *told])


@pytest.fixture(scope="module")
def rekeyed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project with its release under pseudonyms."""
    folder = make_collection(tmp_path_factory.mktemp("rekeyed"), PROJECT + REKEY)
    with_columns(folder)
    _, code = applied(folder, folder)
    assert code == 4
    return folder


def objects(folder: Path) -> list[pydicom.Dataset]:
    return [pydicom.dcmread(path) for path in sorted((folder / "out/release").rglob("*.dcm"))]


def rows_of(folder: Path) -> list[dict[str, str]]:
    path = folder / "out/release/clinical.csv"
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def test_no_old_uid_and_no_old_key_is_in_any_byte_or_name(rekeyed: Path) -> None:
    release = rekeyed / "out" / "release"
    files = [path for path in release.rglob("*") if path.is_file()]
    assert len(files) == 44  # 41 objects, the table, the dictionary, the manifest
    content = b"".join(
        path.read_bytes() + str(path.relative_to(release)).encode() for path in files
    )
    assert ROOT not in content
    assert OLD_KEY.search(content) is None
    assert b"1.2.840.10008.5.1.4.1.1.2" in content
    assert len({path.stat().st_mtime_ns for path in release.rglob("*")}) == 1


def test_tables_follow_the_objects_and_lose_the_order_of_the_old_keys(rekeyed: Path) -> None:
    of_series = {str(ds.SeriesInstanceUID): str(ds.PatientID) for ds in objects(rekeyed)}
    rows = rows_of(rekeyed)
    assert len(rows) == 40
    for row in rows:
        assert of_series[row["series"]] == row["patient_id"]
        assert row["where"] == f"{row['patient_id']}/ct"
    keys = [row["patient_id"] for row in rows]
    assert keys == sorted(keys)


def test_the_plan_holds_on_the_files_and_the_key_stays_outside(rekeyed: Path) -> None:
    account = json.loads((rekeyed / "out/assessment/apply.json").read_text("utf-8"))
    assert account["equal"], account["reasons"]
    key = rekeyed / "midi-risk.key"
    assert key.stat().st_mode & 0o777 == 0o600
    secret = key.read_text("ascii").strip()
    for path in (rekeyed / "out").rglob("*"):
        assert path.is_dir() or secret.encode() not in path.read_bytes()
    project = yaml.safe_load((rekeyed / "out/midi-risk.yaml").read_text("utf-8"))
    assert "uids" not in project
    assert "write" not in project["subject_key"]
    assert project["subject_key"]["confirmed"]["by"].startswith("midi-risk apply")


def test_the_same_key_gives_the_same_pseudonyms_and_another_gives_others(
    rekeyed: Path, tmp_path: Path
) -> None:
    first = {path.name for path in (rekeyed / "out/release").rglob("*.dcm")}
    plan = rekeyed / "plan" / "plan.json"
    for name, other in (("again", False), ("other", True)):
        if other:
            (rekeyed / "midi-risk.key").rename(rekeyed / "first.key")
        target = tmp_path / name
        try:
            assert run(["apply", str(rekeyed), "--plan", str(plan), "-o", str(target), "-q"]) == 4
        finally:
            if other:
                (rekeyed / "first.key").replace(rekeyed / "midi-risk.key")
        found = {path.name for path in (target / "release").rglob("*.dcm")}
        assert (found == first) is not other
        assert not (found & first) if other else True


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda key: key.chmod(0o640), "open to others (mode 640)"),
        (lambda key: key.write_text("short\n"), "64 hexadecimal digits"),
        (lambda key: (key.unlink(), key.mkdir()), "cannot be read"),
    ],
)
def test_a_key_that_cannot_be_trusted_is_refused(
    rekeyed: Path, tmp_path: Path, spoil, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "p"
    shutil.copytree(rekeyed, folder, ignore=shutil.ignore_patterns("out"))
    spoil(folder / "midi-risk.key")
    plan = str(folder / "plan/plan.json")
    assert run(["apply", str(folder), "--plan", plan, "-o", str(tmp_path / "o"), "-q"]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


def test_a_key_inside_the_release_is_refused(
    rekeyed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "p"
    shutil.copytree(rekeyed, folder, ignore=shutil.ignore_patterns("out"))
    project = folder / "midi-risk.yaml"
    project.write_text(project.read_text("utf-8") + "key_file: out/secret.key\n", "utf-8")
    plan = str(folder / "plan/plan.json")
    assert run(["apply", str(folder), "--plan", plan, "-o", str(folder / "out"), "-q"]) == 2
    assert "would lie inside" in capsys.readouterr().err
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("profile: {basic: true}\nuids: keep\n", "add option 113110"),
        ("profile: {basic: true, options: [113110]}\nuids: rekey\n", "drop one of them"),
        ("profile: {basic: true, options: [113106, 113107]}\n", "give one"),
        ("profile: {basic: true, options: ['113100']}\n", "no option of PS3.15"),
        ("profile: {basic: false, options: ['113106']}\n", "give basic: true"),
    ],
)
def test_contradictions_are_one_clear_line(tmp_path: Path, lines: str, said: str) -> None:
    (tmp_path / "midi-risk.yaml").write_text(PROJECT + lines, "utf-8")
    with pytest.raises(ConfigError, match=said):
        load_project(tmp_path)


def test_what_a_project_means_by_its_words() -> None:
    def project(**more: object):
        from midi_risk.config import Project

        source = {"name": "c", "sources": [{"dicom": "images/"}]}
        return Project.model_validate(
            {"schema": "midi-risk/project/1", "collection": source, **more}
        )

    plain, basic = project(), project(profile={"basic": True})
    kept = project(profile={"basic": True, "options": ["113110"]})
    by = {"by": "J", "on": "2026-11-02"}
    confirmed = project(
        profile={"basic": True}, subject_key={"column": "PatientID", "confirmed": by}
    )
    assert (plain.rekeys_uids, plain.rekeys_subjects) == (False, False)
    assert (basic.rekeys_uids, basic.rekeys_subjects) == (True, True)
    assert (kept.rekeys_uids, kept.rekeys_subjects) == (False, True)
    assert (confirmed.rekeys_uids, confirmed.rekeys_subjects) == (True, False)


@pytest.fixture(scope="module")
def profiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project with its release under the basic profile, ages and sexes kept."""
    lines = "profile: {basic: true, options: [113107, 113108]}\n"
    folder = make_collection(tmp_path_factory.mktemp("profiled"), PROJECT + lines)
    path = folder / "images" / "second.dcm"
    ds = pydicom.dcmread(path)
    ds.StationName, ds.InstitutionName, ds.RetrieveAETitle = "ROOM4711", "Clinic Nord", "PACS4711"
    ds.add_new(0x60000010, "US", 1)
    ds.add_new(0x60003000, "OW", b"\x01\x00")
    ds.add_new(0x00189074, "DT", "20121112101112")
    ds.IssuerOfPatientID = "Clinic Nord"
    ds.save_as(path)
    _, code = applied(folder, folder)
    assert code == 4
    return folder


def test_the_profile_removes_what_nobody_decided(profiled: Path) -> None:
    release = profiled / "out" / "release"
    content = b"".join(path.read_bytes() for path in release.rglob("*.dcm"))
    for gone in (
        ROOT,
        b"Clinic Nord",
        b"ROOM4711",
        b"PACS4711",
        b"TEST 1",
        b"Name^Number",
        b"20121112",
    ):
        assert gone not in content, gone
    assert not [ds for ds in objects(profiled) if 0x60003000 in ds or 0x60000010 in ds]
    account = json.loads((profiled / "out/assessment/apply.json").read_text("utf-8"))
    assert account["equal"], account["reasons"]
    assert account["profile"]["codes"] == ["113100", "113107", "113108"]
    assert "SeriesDate" in account["profile"]["to_clean"]


def test_what_the_project_decides_wins_over_the_profile_and_none_is_claimed(
    profiled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "p"
    shutil.copytree(profiled, folder, ignore=shutil.ignore_patterns("out", "plan"))
    project = folder / "midi-risk.yaml"
    own = "  StationName: {role: insensitive, decision: retain, need: calibration}\n"
    project.write_text(
        project.read_text("utf-8").replace("attributes:\n", f"attributes:\n{own}"), "utf-8"
    )
    for path in (folder / "images").glob("*.dcm"):
        ds = pydicom.dcmread(path)
        del ds.DeidentificationMethodCodeSequence
        ds.save_as(path)
    applied(folder, folder)
    assert "so none is claimed: StationName" in capsys.readouterr().out
    stations = {str(ds.get("StationName", "")) for ds in objects(folder)}
    assert "ROOM4711" in stations
    assert not any("DeidentificationMethodCodeSequence" in ds for ds in objects(folder))


@pytest.mark.skipif(shutil.which("dcmdump") is None, reason="dcmdump (dcmtk) is not installed")
def test_another_reader_finds_no_removed_or_replaced_value(profiled: Path) -> None:
    """Differential: values of removed elements are taken by dcmdump from the originals."""

    def dumped(path: Path) -> dict[str, set[str]]:
        command = ["dcmdump", "-q", "+L", "-Un", str(path)]
        text = subprocess.run(command, capture_output=True, check=True).stdout
        found: dict[str, set[str]] = {}
        line = re.compile(r"\s*\(([0-9a-f]{4},[0-9a-f]{4})\) \w\w \[(.*)\]\s+#.* (\w+)$")
        for each in text.decode("utf-8", "replace").splitlines():
            match = line.match(each)
            if match:
                found.setdefault(match[3], set()).update(match[2].split("\\"))
        return found

    replaced = {"SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "PatientID"}
    removed = {"PatientName", "PatientBirthDate", "StationName", "InstitutionName",
               "RetrieveAETitle", "IssuerOfPatientID", "PatientBodyMassIndex"}  # fmt: skip
    old: set[str] = set()
    for path in (profiled / "images").glob("*.dcm"):
        told = dumped(path)
        old |= {v for name in replaced | removed for v in told.get(name, ()) if len(v) > 3}
    assert len(old) > 160
    seen = 0
    for path in (profiled / "out/release").rglob("*.dcm"):
        told = dumped(path)
        seen += len(told)
        left = {name: values & old for name, values in told.items() if values & old}
        assert not left
    assert seen > 1000


def test_a_bids_data_set_is_renamed_with_its_names(tmp_path: Path) -> None:
    lines = "uids: rekey\nsubject_key: {column: participant_id, write: rekey}\n"
    folder = make_bids(tmp_path, BIDS_PROJECT + lines)
    plan, target = tmp_path / "plan", tmp_path / "out"
    run(["suggest", str(folder), "--max-suppression", "5%", "-o", str(plan), "-q"])
    plan /= "plan.json"
    assert run(["apply", str(folder), "--plan", str(plan), "-o", str(target), "-q"]) == 4
    bids = target / "release" / "bids"
    names = [str(path.relative_to(bids)) for path in bids.rglob("*")]
    texts = [p.read_text("utf-8") for p in bids.rglob("*") if p.suffix in {".tsv", ".json"}]
    assert not [name for name in [*names, *texts] if re.search(r"sub-[0-9]{2}\b", name)]
    rows = (bids / "participants.tsv").read_text("utf-8").splitlines()[1:]
    keys = [row.split("\t")[0] for row in rows]
    assert keys == sorted(keys)
    assert {path.name for path in bids.glob("sub-*")} <= set(keys)
    scans = next(bids.rglob("*_scans.tsv"))
    for row in scans.read_text("utf-8").splitlines()[1:]:
        name = row.split("\t")[0]
        assert (scans.parent / name).is_file() or name.endswith(".fif")
    listed = (target / "assessment/files.csv").read_text("utf-8")
    assert os.path.relpath(scans, target / "release") in listed


def test_a_cdisc_folder_gets_pseudonyms_in_every_domain(tmp_path: Path) -> None:
    pyreadstat = pytest.importorskip("pyreadstat")
    from test_apply_cdisc import make_trial, released

    folder = make_trial(tmp_path)
    project = folder / "midi-risk.yaml"
    lines = "subject_key: {column: USUBJID, write: rekey}\n"
    project.write_text(project.read_text("utf-8") + lines, "utf-8")
    before = set(pyreadstat.read_xport(str(folder / "trial/dm.xpt"))[0]["USUBJID"])
    target = released(folder)
    own: set[str] = set()
    for path in sorted((target / "release/sdtm").glob("*.xpt")):
        frame, _ = pyreadstat.read_xport(str(path))
        keys = list(frame["USUBJID"])
        assert keys == sorted(keys)
        assert not before & set(keys)
        own = own or set(keys)
        content = path.read_bytes()
        assert not [key for key in before if key.encode() in content]
        if path.stem == "dm":
            own = set(keys)
    assert len(own) > 10


DECIDED = {
    "IconImageSequence": "ICON4711", "*OverlayData": "PLANE4711", "*CurveData": "CURVE4711",
    "DigitalSignaturesSequence": "SIGN4711", "EncryptedAttributesSequence": "CRYPT4711",
    "DataSetTrailingPadding": "PAD4711", "preamble": "PREAMBLE4711",
    "GPSLatitude": "GPS4711",
}  # fmt: skip


def told_everywhere() -> pydicom.Dataset:
    """Return an object that holds something in each place that is decided on."""
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence
    from release_collection import image

    ds = image(0, 2)
    ds.PatientAge, ds.PatientWeight = "066Y", "83"
    icon, signed, crypt, request, deep = (Dataset() for _ in range(5))
    icon.PixelData = b"ICON4711"
    icon["PixelData"].VR = "OB"
    signed.Signature = b"SIGN4711"
    crypt.EncryptedContent = b"CRYPT4711 "
    request.ScheduledStationAETitle = "SCHED4711"
    request.RequestedProcedureID = "1"
    block = request.private_block(0x0029, "ACME 4711", create=True)
    block.add_new(1, "LO", "INNER4711")
    deep.IconImageSequence = Sequence([icon])
    ds.ReferencedImageSequence = Sequence([deep])
    ds.IconImageSequence = Sequence([icon])
    ds.RequestAttributesSequence = Sequence([request])
    ds.EncryptedAttributesSequence = Sequence([crypt])
    ds.add_new(0x00160072, "FD", 47.11)
    ds.add_new(0x60023000, "OB", b"PLANE4711 ")
    ds.add_new(0x50023000, "OB", b"CURVE4711 ")
    ds.add_new(0xFFFAFFFA, "SQ", Sequence([signed]))
    ds.add_new(0xFFFCFFFC, "OB", b"PAD4711 ")
    ds.preamble = b"PREAMBLE4711".ljust(128, b"\0")
    return ds


def test_what_is_decided_is_done_at_every_depth(tmp_path: Path) -> None:
    from release_collection import save

    lines = "".join(
        f'    "{name}": {{decision: remove, reason: nobody needs it}}\n' for name in DECIDED
    )
    private = (
        "private:\n"
        '  - {creator: "ACME*", decision: remove, source: no statement of the maker}\n'
        '  - {creator: "TEST 1", decision: retain, source: conformance statement 5.2}\n'
    )
    own = "  ScheduledStationAETitle: {role: insensitive, decision: remove}\n"
    project = PROJECT.replace("attributes:\n", f"attributes:\n{own}")
    project = f"{project}release:\n  decisions:\n{lines}{private}"
    folder = make_collection(tmp_path, project)
    save(told_everywhere(), folder / "images" / "second.dcm")
    before = (folder / "images" / "second.dcm").read_bytes()
    words = [word.encode() for word in DECIDED.values() if not word.startswith("GPS")]
    words.append(b"SCHED4711")
    assert not [word for word in words if word not in before]
    applied(folder, folder)
    content = b"".join(path.read_bytes() for path in (folder / "out/release").rglob("*.dcm"))
    assert not [word for word in [*words, b"INNER4711", b"ACME 4711"] if word in content]
    assert not [ds for ds in objects(folder) if 0x00160072 in ds]
    assert all(0x00110010 in ds for ds in objects(folder))
    account = json.loads((folder / "out/assessment/apply.json").read_text("utf-8"))
    assert account["equal"], account["reasons"]


@pytest.mark.parametrize("ending", [".parquet", ".xlsx", ".tsv"])
def test_a_table_keeps_its_rows_together_and_its_types(tmp_path: Path, ending: str) -> None:
    n = 40
    columns = {
        "patient_id": np.array([f"CASE-{i:03d}" for i in range(n)], dtype=object),
        "sex": np.array(["MF"[i % 2] for i in range(n)], dtype=object),
        "score": np.array([str(1000 + i) for i in range(n)], dtype=object),
        "scan": np.array([f"scans/CASE-{i:03d}.nii" for i in range(n)], dtype=object),
    }
    path = tmp_path / f"t{ending}"
    if ending == ".parquet":
        typed = columns | {"score": np.arange(1000, 1000 + n)}
        pq.write_table(pa.table({k: pa.array(list(v)) for k, v in typed.items()}), path)
    else:
        write_table(path, columns)
    (tmp_path / "midi-risk.yaml").write_text(
        "schema: midi-risk/project/1\n"
        f"collection: {{name: T, sources: [{{table: t{ending}, key: patient_id}}]}}\n"
        "subject_key: {column: patient_id, write: rekey}\n"
        "attributes:\n"
        "  sex: {role: quasi_identifier, kind: sex}\n"
        "  score: {role: insensitive, need: outcome}\n"
        "  scan: {role: insensitive, need: names of files}\n",
        encoding="utf-8",
    )
    plan, out = tmp_path / "plan", tmp_path / "out"
    assert run(["suggest", str(tmp_path), "-o", str(plan), "-q"]) == 0
    plan /= "plan.json"
    assert run(["apply", str(tmp_path), "--plan", str(plan), "-o", str(out), "-q"]) == 4
    table = out / "release" / f"t{ending}"
    if ending == ".parquet":
        read = pq.read_table(table)
        assert read.schema.field("score").type == pa.int64()
        rows = read.to_pylist()
    elif ending == ".xlsx":
        head, *cells = openpyxl.load_workbook(table).active.iter_rows(values_only=True)
        rows = [dict(zip(head, row, strict=True)) for row in cells]
    else:
        rows = list(csv.DictReader(table.read_text("utf-8").splitlines(), delimiter="\t"))
    keys = [row["patient_id"] for row in rows]
    assert keys == sorted(keys)
    assert sorted(int(row["score"]) for row in rows) == list(range(1000, 1000 + n))
    assert [int(row["score"]) for row in rows] != list(range(1000, 1000 + n))
    for row in rows:
        assert row["sex"] == "MF"[int(row["score"]) % 2]
        assert row["scan"] == f"scans/{row['patient_id']}.nii"
