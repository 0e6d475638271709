"""The example, assessed from end to end, says what its README and the tutorial promise."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pydicom
import pytest

from midi_risk.cli.app import run

ROOT = Path(__file__).resolve().parents[2]
COLLECTION = ROOT / "examples" / "lung-ct"
NOT_SUBJECTS = {"QC-PHANTOM"}


def copied(folder: Path) -> Path:
    """Copy the example: a run adds a line to the log beside the project."""
    return Path(shutil.copytree(COLLECTION, folder / "lung-ct"))


@pytest.fixture(scope="module")
def project_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Path]:
    base = tmp_path_factory.mktemp("example")
    folder = base / "out"
    return run(["assess", str(copied(base)), "-o", str(folder), "--quiet"]), folder


@pytest.fixture(scope="module")
def document(project_run: tuple[int, Path]) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((project_run[1] / "assessment.json").read_text("utf-8"))
    return loaded


def headers() -> list[pydicom.Dataset]:
    found = []
    for path in sorted((COLLECTION / "images").rglob("*.dcm")):
        try:
            found.append(pydicom.dcmread(path, stop_before_pixels=True))
        except (pydicom.errors.InvalidDicomError, EOFError):
            continue
    return found


def test_the_verdict_is_incomplete_until_somebody_looked_at_the_pixels(
    project_run: tuple[int, Path], document: dict[str, Any]
) -> None:
    assert project_run[0] == 4
    assert document["verdict"]["status"] == "incomplete"
    channels = {c["name"]: c["status"] for c in document["channels"]}
    assert channels["burned_in"] == "not_assessed"
    assert channels["face"] == "assessed"  # what leaves are chest CT, in all that headers say
    assert channels["device_site"] == "bounded"


def test_every_file_is_accounted_for(document: dict[str, Any]) -> None:
    files = document["collection"]["files"]
    assert sum(files.values()) == len(list((COLLECTION / "images").rglob("*.dcm"))) + 1
    assert files["not_dicom"] + files["unreadable"] == 2


def test_the_planted_faults_are_found(document: dict[str, Any]) -> None:
    codes = {finding["code"]: finding["subjects"] for finding in document["findings"]}
    assert codes["sex-conflict"] == 1
    assert "age-over-89" in codes
    (link,) = document["links"]
    assert link["orphans"] == 4
    assert link["fan_out"] == 1
    assert "case" in link["key_rule"]
    assert document["collection"]["excluded"]["phantom"] == 1


def test_classes_are_those_counted_from_the_headers_by_hand(document: dict[str, Any]) -> None:
    """Decades of the first age, sex, and manufacturers, rare ones together; CT alone."""
    people: dict[str, list[pydicom.Dataset]] = {}
    for ds in headers():
        if ds.PatientID not in NOT_SUBJECTS and ds.Modality == "CT":
            people.setdefault(ds.PatientID, []).append(ds)
    scanners = {key: frozenset(d.Manufacturer for d in ds) for key, ds in people.items()}
    members = Counter(name for names in scanners.values() for name in names)
    rows = []
    for key, found in people.items():
        ages = [int(d.PatientAge[:3]) for d in found if d.PatientAge != "000Y"]
        sexes = Counter(d.PatientSex for d in found if d.PatientSex)
        band = min(min(ages) // 10, 9)
        names = frozenset("other" if members[n] < 11 else n for n in scanners[key])
        rows.append((band, sexes.most_common(1)[0][0], names))
    sizes = Counter(rows)
    measures = document["measures"]
    assert document["collection"]["subjects"] == len(rows)
    assert measures["classes"] == len(sizes)
    assert measures["k"] == min(sizes.values())
    assert measures["sample_uniques"] == sum(size == 1 for size in sizes.values())


def test_the_tutorial_quotes_what_the_program_prints(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["assess", str(copied(tmp_path)), "-o", str(tmp_path / "out"), "--quiet"])
    printed = {line.strip() for line in capsys.readouterr().out.splitlines()}
    tutorial = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    quoted = [
        line.strip()
        for block in re.findall(r"```text\n(.*?)```", tutorial, re.DOTALL)
        for line in block.splitlines()
    ]
    assert quoted
    assert [line for line in quoted if line not in printed] == []


def test_the_suggestion_meets_the_threshold_and_says_what_to_do(
    project_run: tuple[int, Path],
) -> None:
    plan = json.loads((project_run[1] / "plan.json").read_text("utf-8"))
    assert plan["found"]
    assert plan["after"]["k"] >= plan["k"] == 11
    assert {step["attribute"] for step in plan["steps"]} == {"PatientAge", "Manufacturer"}


def test_the_suggestion_joins_the_sparse_ends_of_decided_bands_and_rare_makers(
    project_run: tuple[int, Path],
) -> None:
    plan = json.loads((project_run[1] / "plan.json").read_text("utf-8"))
    assert plan["cut_points"] == {"PatientAge": [60.0, 70.0]}
    assert [step["from"] for step in plan["steps"]] == ["common", "10y"]
    assert "removed" not in {step["to"] for step in plan["steps"]}
    assert plan["age_r2"] >= 0.8


def test_the_shareable_report_holds_no_subject_key(project_run: tuple[int, Path]) -> None:
    page = (project_run[1] / "report-shareable.html").read_text(encoding="utf-8")
    assert not re.search(r"LCT-\d{4}|\b00[45]\d\d\b|Example\^|M.ster", page)


def test_the_idc_slice_is_assessed_by_collection(tmp_path: Path) -> None:
    table = ROOT / "examples" / "idc" / "idc_slice.parquet"
    out = tmp_path / "out"
    code = run(["assess", str(table), "--by", "collection_id", "-o", str(out), "--quiet"])
    assert code == 4
    found = json.loads((out / "lidc_idri" / "assessment.json").read_text("utf-8"))
    assert found["collection"]["subjects"] == 1010
    assert found["collection"]["series"] == 15116
