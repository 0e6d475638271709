"""The proof beside a release, and its check on another machine."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from midi_risk.cli.app import run
from midi_risk.export.manifest import METADATA, check_release


@pytest.fixture
def handed(release: Path, tmp_path: Path) -> Path:
    """Return the folder that is handed over, on another machine."""
    return Path(shutil.copytree(release / "release", tmp_path / "handed"))


def graph(folder: Path) -> dict[str, dict[str, object]]:
    entities = json.loads((folder / METADATA).read_text(encoding="utf-8"))["@graph"]
    return {entity["@id"]: entity for entity in entities}


def test_every_released_file_and_nothing_else_is_named_with_its_digest(release: Path) -> None:
    folder = release / "release"
    found = graph(folder)
    stated = {name: e["sha256"] for name, e in found.items() if e["@type"] == "File"}
    there = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != METADATA
    }
    assert stated == there
    listed = {part["@id"] for part in found["./"]["hasPart"]}
    assert listed == set(there)


def test_it_says_what_was_found_and_nothing_internal(release: Path) -> None:
    text = (release / "release" / METADATA).read_text(encoding="utf-8")
    found = graph(release / "release")
    assessment = json.loads((release / "assessment" / "assessment.json").read_text("utf-8"))
    terms = "urn:midi-risk:terms:"
    assert found["#verdict"][f"{terms}verdict"]["status"] == assessment["verdict"]["status"]
    assert found["#profile"][f"{terms}release"]
    names = {row["name"] for row in found["#account"][f"{terms}rows"]}
    assert {"PatientAge", "StudyDate"} <= names
    assert assessment["collection"]["digest"] not in text
    assert assessment["created"] not in text
    assert "secret-name" not in text
    noted = json.loads((release / "assessment" / "apply.json").read_text("utf-8"))
    assert noted["manifest_sha256"] == hashlib.sha256(text.encode()).hexdigest()
    internal = [p for p in (release / "assessment").iterdir() if p.suffix in {".csv", ".json"}]
    for path in internal:
        assert hashlib.sha256(path.read_bytes()).hexdigest() not in text


def test_old_names_stay_outside_what_is_handed_over(release: Path) -> None:
    assert "secret-name" in (release / "assessment" / "files.csv").read_text("utf-8")
    for path in (release / "release").rglob("*"):
        assert path.is_dir() or b"secret-name" not in path.read_bytes(), path.name


def test_a_release_as_it_was_ends_with_the_code_of_its_verdict(
    handed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", str(handed)]) == 4
    out = capsys.readouterr().out
    assert "are what was released" in out
    assert hashlib.sha256((handed / METADATA).read_bytes()).hexdigest() in out


def test_each_kind_of_difference_is_one_line(
    handed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, *_ = sorted((handed / "images").rglob("*.dcm"))
    content = first.read_bytes()
    first.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    second.unlink()
    (handed / "notes.txt").write_text("x", encoding="utf-8")
    assert run(["check", str(handed)]) == 5
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["changed", "missing", "not in the manifest"]
    assert all(": 1: " in line for line in lines)
    assert "is not what was released" in captured.err


OUTSIDE = {"@id": "../x", "@type": "File", "contentSize": "1", "sha256": ""}
NO_RELEASE = ("", "[]", "{}", '{"@graph": [{"@id": "x", "@type": "File"}]}', '{"@graph": []}')


@pytest.mark.parametrize(
    "content", [*NO_RELEASE, json.dumps({"@graph": [{"@id": "#verdict"}, OUTSIDE]})]
)
def test_a_manifest_that_is_none_is_one_line(
    handed: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    (handed / METADATA).write_text(content, encoding="utf-8")
    assert run(["check", str(handed)]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) <= 2


def test_a_folder_without_a_manifest_is_no_release(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", str(tmp_path)]) == 2
    assert "is no release" in capsys.readouterr().err


def test_a_link_is_not_the_file_that_was_released(handed: Path, tmp_path: Path) -> None:
    first = min((handed / "images").rglob("*.dcm"))
    first.rename(tmp_path / "elsewhere.dcm")
    first.symlink_to(tmp_path / "elsewhere.dcm")
    found = check_release(handed)
    assert len(found.missing) == 1
    assert not found.whole
