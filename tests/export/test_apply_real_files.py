"""Real objects of many classes under rules that change as much as can be changed."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pydicom
import pytest
from pydicom import config
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from release_collection import values

from midi_risk.attributes.decisions import decided
from midi_risk.attributes.roles import propose
from midi_risk.config import AttributeSettings, SourceSettings
from midi_risk.export.release import Release, write_release
from midi_risk.export.rules import ReleaseRules, release_rules
from midi_risk.export.targets.registry import export_rules
from midi_risk.sources import extract
from midi_risk.sources.model import Extraction
from midi_risk.table import fold

STATEMENT = "midi-risk 0.0.0 plan sha256:" + "0" * 36
GENERALISED = {
    "PatientAge": ("age", "5y"),
    "StudyDate": ("date", "month"),
    "StudyTime": ("time", "hour"),
    "PatientWeight": ("weight", "10kg"),
    "PatientSize": ("height", "10cm"),
    "Manufacturer": ("device", "family"),
    "ManufacturerModelName": ("device", "family"),
}
REMOVED = (
    "PatientSex", "PatientName", "PatientBirthDate", "InstitutionName", "InstitutionAddress",
    "StationName", "DeviceSerialNumber", "SoftwareVersions", "StudyID", "AccessionNumber",
    "ReferringPhysicianName", "EthnicGroup", "StudyDescription", "SeriesDescription",
    "BodyPartExamined", "ProtocolName", "PatientComments", "ContentDate",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Made:
    folder: Path
    release: Release
    rules: ReleaseRules
    extraction: Extraction

    def pairs(self) -> list[tuple[Path, Path]]:
        return [(Path(f.source), self.folder / f.target) for f in self.release.files if f.target]


def make(folder: Path, *sources: Path) -> Made:
    """Write copies of all objects below some paths."""
    extraction = extract(*map(str, sources))
    found = propose(extraction)
    settings = {
        name: AttributeSettings(hierarchy=ladder, level=level, decision="generalise")
        for name, (ladder, level) in GENERALISED.items()
    }
    settings |= {name: AttributeSettings(decision="remove") for name in REMOVED}
    attributes = decided(found, {n: s for n, s in settings.items() if n in found}, "test")
    rules = release_rules(fold(extraction, attributes), extraction, None, {})
    folder.mkdir()
    given = [SourceSettings(dicom=str(path)) for path in sources]
    release = write_release(folder, given, Path("/"), extraction, rules, statement=STATEMENT)
    return Made(folder=folder, release=release, rules=rules, extraction=extraction)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Made:
    """Return copies of the shared objects."""
    folder = tmp_path_factory.mktemp("real") / "release"
    return make(folder, shared_data / "dicom_files")


def errors(program: str, path: Path) -> Counter[str]:
    done = subprocess.run([program, "-new", str(path)], capture_output=True, check=False)
    lines = done.stderr.decode("latin-1").splitlines()
    return Counter(line for line in lines if line.startswith("Error"))


def test_dciodvfy_finds_no_new_error(made: Made) -> None:
    program = shutil.which("dciodvfy")
    if program is None:
        pytest.skip("dciodvfy (Debian package dicom3tools) is not installed")
    pairs = made.pairs()
    assert len(pairs) > 50
    for source, copy in pairs:
        assert not errors(program, copy) - errors(program, source), source.name


def test_the_script_writes_what_apply_wrote(made: Made, tmp_path: Path) -> None:
    exported = export_rules(
        "python", made.rules, made.extraction, statement=STATEMENT, k=11, hierarchies={}
    )
    for name, text in exported.files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("recode_real", tmp_path / "midi_risk_recode.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["recode_real"] = module
    spec.loader.exec_module(module)
    said = {row.attribute for row in exported.fidelity if row.fidelity.value != "exact"}
    compared = 0
    for source, copy in made.pairs():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ours, theirs = values(pydicom.dcmread(copy)), values(module.recode(read(source)))
        different = {k for k in ours.keys() | theirs.keys() if ours.get(k) != theirs.get(k)}
        leaves = {name.rpartition(".")[2] for name in different} - {""}
        assert leaves <= said, source.name
        compared += 1
    assert compared > 50


def read(path: Path) -> Dataset:
    return pydicom.dcmread(path, force=True)


def test_every_object_says_what_was_done(made: Made) -> None:
    for source, copy in made.pairs():
        ds = pydicom.dcmread(copy)
        assert ds.PatientIdentityRemoved == "NO"  # nobody assessed what stays
        methods = ds.DeidentificationMethod
        assert STATEMENT in ([methods] if isinstance(methods, str) else list(methods))
        assert ds.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID
        before = read(source)
        assert ds.SOPInstanceUID == before.SOPInstanceUID
        assert ds.StudyInstanceUID == before.StudyInstanceUID
        assert "SourceApplicationEntityTitle" not in ds.file_meta


def test_an_object_that_is_cut_short_is_not_written(tmp_path: Path) -> None:
    before = config.settings.reading_validation_mode
    config.settings.reading_validation_mode = config.IGNORE
    try:
        sources = [Path(str(get_testdata_file(name))) for name in
                   ("MR_truncated.dcm", "rtplan_truncated.dcm", "CT_small.dcm")]  # fmt: skip
        release = make(tmp_path / "release", *sources).release
    finally:
        config.settings.reading_validation_mode = before
    reasons = {Path(file.source).name: file.reason for file in release.files}
    assert "truncated in its pixel data" in reasons["MR_truncated.dcm"]
    assert "truncated in its header" in reasons["rtplan_truncated.dcm"]
    assert reasons["CT_small.dcm"] == ""


@pytest.mark.parametrize(("side", "after"), [(None, ""), ("L", "L")])
def test_the_side_is_unknown_once_the_body_part_is(
    tmp_path: Path, side: str | None, after: str
) -> None:
    ds = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))
    ds.BodyPartExamined = "BREAST"
    if side:
        ds.Laterality = side
    ds.save_as(tmp_path / "a.dcm")
    made = make(tmp_path / "release", tmp_path / "a.dcm")
    (pair,) = made.pairs()
    copy = pydicom.dcmread(pair[1])
    assert "BodyPartExamined" not in copy
    assert copy.Laterality == after
