"""One collection, one answer: whichever command is asked, and however the files are read."""

from __future__ import annotations

import csv
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from midi_risk.attributes.roles import _OWN_STATEMENT
from midi_risk.cli.app import run
from midi_risk.export.release import plan_statement
from midi_risk.recode import plan as plan_module
from midi_risk.sources import extract
from midi_risk.table import fold

TODAY = datetime.now(UTC).date().isoformat()
SEARCH = {"date": TODAY, "by": "A. Assessor", "place": "archives", "hits": 0}
READ = {
    "status": "assessed", "by": "A. Reader", "on": TODAY, "method": "all were read",
    "defects": 0, "sensitivity": 1.0,
}  # fmt: skip
ROOT = "1.2.826.0.1.3680043.8.498"
ALL = (
    "burned_in", "free_text", "private_elements", "embedded_metadata", "face", "device_site",
    "visit_intervals",
)  # fmt: skip


def clinical(path: Path, people: int = 240) -> Path:
    with path.open("w", newline="", encoding="utf-8") as handle:
        rows = [[f"s{i:04d}", "MF"[i % 2], 30 + 10 * (i // 2 % 4)] for i in range(people)]
        csv.writer(handle).writerows([["id", "sex", "age"], *rows])
    return path


def written(
    folder: Path, number: int, subject: int, series: int, sex: str, modality: str = "CT", **more
):
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    meta.MediaStorageSOPInstanceUID = f"{ROOT}.3.{number}"
    ds = Dataset()
    ds.file_meta = meta
    ds.SOPClassUID, ds.SOPInstanceUID = meta.MediaStorageSOPClassUID, f"{ROOT}.3.{number}"
    ds.StudyInstanceUID = f"{ROOT}.1.{subject}"
    ds.SeriesInstanceUID = f"{ROOT}.2.{subject}.{series}"
    ds.PatientID, ds.PatientSex, ds.PatientAge = f"P{subject}", sex, "050Y"
    ds.Modality, ds.Manufacturer, ds.StudyDate = modality, "V", "20150101"
    for keyword, value in more.items():
        setattr(ds, keyword, value)
    folder.mkdir(exist_ok=True)
    ds.save_as(folder / f"{number:04d}.dcm", enforce_file_format=True)


def images(folder: Path) -> Path:
    """Write subjects whose sexes conflict: ten slices of one series against two of others."""
    number = 0
    for subject in range(1, 25):
        for at in range(10):
            number += 1
            more = {"XRayTubeCurrent": str(100 + at), "ImageComments": f"note {at}"}
            day = f"201501{1 + at % 3:02d}"
            written(folder, number, subject, 1, "M", AcquisitionDate=day, **more)
        for series in (2, 3):
            number += 1
            sex = "F" if subject < 13 else "M"
            written(folder, number, subject, series, sex, AcquisitionDate=f"2015010{series}")
        for _ in range(5):
            number += 1
            written(folder, number, subject, 4, "M", "SEG")
    return folder


def same_both_ways(folder: Path, tmp_path: Path) -> None:
    """Fold a folder directly and through a store, and compare all that is assessed."""
    from midi_risk.attributes.roles import propose

    tables = []
    for store in (None, tmp_path / "store"):
        extraction = extract(folder, store=store)
        tables.append((extraction, fold(extraction, propose(extraction))))
    (one, direct), (other, stored) = tables
    assert direct.digest == stored.digest
    assert direct.frame.equals(stored.frame)
    assert direct.excluded == stored.excluded
    assert dict(direct.counts) == dict(stored.counts)
    assert direct.findings == stored.findings
    assert direct.attributes == stored.attributes
    assert direct.visits.equals(stored.visits)
    assert one.tables[0].rows.equals(other.tables[0].rows)


def test_a_store_changes_no_subject_no_sex_and_no_class(tmp_path):
    same_both_ways(images(tmp_path / "in"), tmp_path)


def test_a_store_changes_nothing_about_real_files(shared_data, tmp_path):
    folders = sorted(path.parent for path in shared_data.rglob("*.dcm"))
    places = sorted({folder.relative_to(shared_data).parts[0] for folder in folders})
    if not places:
        pytest.skip("no DICOM file is among the shared data")
    for number, place in enumerate(places):
        same_both_ways(shared_data / place, tmp_path / str(number))


def project(folder: Path, table: Path, *channels: str, **attributes: dict) -> Path:
    with table.open(encoding="utf-8") as handle:
        people = sum(1 for _ in handle) - 1
    data = {
        "schema": "midi-risk/project/1",
        "collection": {"name": "t", "sources": [{"table": str(table), "key": "id"}]},
        "threat_models": ["public-release"],
        "channels": {name: READ | {"looked": people, "of": people} for name in channels},
        "context": {"linked_search": [SEARCH]},
        "attributes": attributes,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "midi-risk.yaml").write_text(yaml.safe_dump(data), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("age", "comment", "code"),
    [("10y", {}, 0), ("exact", {}, 3), ("10y", {"role": "undecided"}, 4)],
    ids=["acceptable", "above", "incomplete"],
)
def test_every_command_gives_the_verdict_the_reasons_and_the_code_of_assess(
    tmp_path, monkeypatch, capsys, age, comment, code
):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "t.csv"
    with path.open("w", newline="", encoding="utf-8") as handle:
        rows = [[f"s{i:04d}", "MF"[i % 2], 30 + i // 2 % 40, "abc"[i % 3]] for i in range(240)]
        rows = [*rows, *([f"z{i}", "M", 30, "a"] for i in range(20))]
        csv.writer(handle).writerows([["id", "sex", "age", "note"], *rows])
    decided = {"decision": "retain"} if age == "exact" else {"decision": "generalise", "level": age}
    note = comment or {"role": "insensitive"}
    folder = project(tmp_path / "p", path, *ALL, age=decided, note=note)
    assert run(["assess", str(folder), "-o", "out", "-q"]) == code
    found = json.loads(Path("out/assessment.json").read_text(encoding="utf-8"))["verdict"]
    because = [line for line in capsys.readouterr().out.splitlines() if "because" in line]
    assert because == [f"  because {reason['text']}" for reason in found["reasons"]]

    assert run(["check", "out", str(folder), "-q"]) == code
    checked = capsys.readouterr().out.splitlines()
    assert [line for line in checked if "because" in line] == because

    level = ["--level", f"age={age}"]
    assert run(["tune", str(folder), *level, "--plan", "plan.json", "-q"]) == code
    tuned = capsys.readouterr().out.splitlines()
    assert f"verdict on this setting: {found['status']}" in tuned
    assert [line for line in tuned if "because" in line] == because


def test_apply_writes_what_is_incomplete_and_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    path = clinical(tmp_path / "t.csv")
    for name, role, code in (("open", "undecided", 4), ("settled", "insensitive", 0)):
        with path.open(encoding="utf-8", newline="") as handle:
            rows = list(csv.reader(handle))
        wide = tmp_path / f"{name}.csv"
        with wide.open("w", encoding="utf-8", newline="") as handle:
            head, *people = rows
            lines = [[*row, "abc"[at % 3]] for at, row in enumerate(people)]
            csv.writer(handle).writerows([[*head, "note"], *lines])
        folder = project(tmp_path / f"p-{name}", wide, *ALL, note={"role": role})
        assert run(["suggest", str(folder), "-o", f"s-{name}", "-q"]) == 0
        capsys.readouterr()
        plan = f"s-{name}/plan.json"
        assert run(["apply", str(folder), "--plan", plan, "-o", f"rel-{name}", "-q"]) == code
        out = capsys.readouterr().out
        assert ("because 1 attribute undecided: note" in out) is (code == 4)
        assert (tmp_path / f"rel-{name}" / "release" / wide.name).is_file()
        again = run(["assess", f"rel-{name}", "-o", f"again-{name}", "-q"])
        assert again == code
        capsys.readouterr()


def test_a_failed_search_is_the_reason_of_the_plan(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    clinical(tmp_path / "t.csv")

    def broken(*_args, **_options):
        raise KeyError("a value of s0001")

    monkeypatch.setattr(plan_module, "suggest", broken)
    assert run(["assess", "t.csv:id", "-o", "out", "-q"]) == 4  # no search is recorded
    said = capsys.readouterr()
    (line,) = said.err.splitlines()
    plan = json.loads(Path("out/plan.json").read_text(encoding="utf-8"))
    assert plan["found"] is False
    assert plan["reason"] == line.removeprefix("midi-risk: ")
    assert plan["reason"].endswith("internal error, KeyError; please report it")
    assert "s0001" not in said.out + said.err
    assert Path("out/report-shareable.html").is_file()


def test_what_apply_says_of_itself_is_told_from_text():
    for what in ("plan", "project"):
        assert _OWN_STATEMENT.fullmatch(plan_statement(b"{}", what))
    assert not _OWN_STATEMENT.fullmatch("midi-risk by J. Doe plan sha256:0123456789")


@pytest.mark.parametrize(("extra", "text"), [("", False), ("scrubbed by hand", True)])
def test_only_a_statement_of_somebody_else_is_free_text(tmp_path, extra, text):
    from midi_risk.attributes.roles import propose

    stated = [part for part in (extra, plan_statement(b"{}")) if part]
    for number in range(1, 13):
        written(tmp_path / "in", number, number, 1, "F", DeidentificationMethod=stated)
    found = propose(extract(tmp_path / "in"))["DeidentificationMethod"]
    assert (found.kind.value == "text") is text
    assert re.search("midi-risk itself", found.reason) is None or not text
