from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pydicom
import pytest
from release_collection import PROJECT, image, make_collection, save

from midi_risk.cli.app import run
from midi_risk.document.assessment import Assessment
from midi_risk.export.release import new_folder


@pytest.fixture
def plan(release: Path) -> Path:
    return release.parent / "plan" / "plan.json"


def hidden(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


def apply(project: Path, plan: Path, target: Path) -> int:
    return run(["apply", str(project), "--plan", str(plan), "-o", str(target), "-q"])


@pytest.mark.parametrize("place", [".", "images", "images/inside", "clinical.csv"])
def test_a_target_that_overlaps_a_source_is_refused(
    collection: Path, plan: Path, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(collection.rglob("*"))
    assert apply(collection, plan, collection / place) == 2
    assert "overlap" in capsys.readouterr().err
    assert sorted(collection.rglob("*")) == before


def test_a_target_with_files_in_it_is_refused(
    collection: Path, plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").write_text("x", encoding="utf-8")
    assert apply(collection, plan, tmp_path) == 2
    assert "is not empty" in capsys.readouterr().err


def test_a_plan_for_other_data_is_stale(
    collection: Path, plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = json.loads(plan.read_text(encoding="utf-8"))
    data["collection_digest"] = "sha256:" + "0" * 64
    other = tmp_path / "plan.json"
    other.write_text(json.dumps(data), encoding="utf-8")
    assert apply(collection, other, tmp_path / "out") == 5
    assert "made for other data" in capsys.readouterr().err
    assert hidden(tmp_path) == []


def test_a_plan_that_found_nothing_leaves_the_decisions_and_the_verdict(
    collection: Path, plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = json.loads(plan.read_text(encoding="utf-8"))
    nothing = {"subjects": 0, "cells": 0, "emptied": 0}
    data |= {
        "found": False, "reason": "too few subjects", "steps": [], "suppressed": nothing,
        "suppressed_subjects": [], "after": data["before"],
    }  # fmt: skip
    other = tmp_path / "plan.json"
    other.write_text(json.dumps(data), encoding="utf-8")
    code = apply(collection, other, tmp_path / "out")
    said = capsys.readouterr().out
    assert "decisions of the project alone apply: too few subjects" in said
    written = json.loads((tmp_path / "out/assessment/assessment.json").read_text("utf-8"))
    assert code == {"above_threshold": 3, "incomplete": 4}[written["verdict"]["status"]]
    assert (tmp_path / "out" / "release").is_dir()
    assert run(["export", str(collection), "--to", "python", "--plan", str(other),
                 "-o", str(tmp_path / "script")]) == 2  # fmt: skip
    assert "found nothing" in capsys.readouterr().err


def test_a_public_plan_does_not_say_whom_it_leaves_out(
    collection: Path, plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = json.loads(plan.read_text(encoding="utf-8"))
    data["suppressed"] = {"subjects": 3, "cells": 9}
    data["suppressed_subjects"] = []
    other = tmp_path / "plan.json"
    other.write_text(json.dumps(data), encoding="utf-8")
    assert apply(collection, other, tmp_path / "out") == 2
    assert "does not say which" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (OSError(errno.ENOSPC, "No space left on device"), 2, "the disk is full"),
        (RuntimeError("061Y secret"), 1, "internal error"),
    ],
)
def test_nothing_is_left_behind_when_writing_fails(
    collection: Path,
    plan: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    said: str,
) -> None:
    def fail(*_args: object, **_given: object) -> None:
        raise error

    where = "write_table" if isinstance(error, RuntimeError) else "write_copies"
    monkeypatch.setattr(f"midi_risk.export.release.{where}", fail)
    assert apply(collection, plan, tmp_path / "out") == code
    err = capsys.readouterr().err
    assert said in err
    assert "secret" not in err
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_in_the_middle_of_a_file_stops_the_run(
    collection: Path,
    plan: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def full(*_args: object, **_given: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("midi_risk.export.dicom.one_copy._put", full)
    assert apply(collection, plan, tmp_path / "out") == 2
    assert "the disk is full" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from midi_risk.export.release import new_folder\n"
        "with new_folder(Path(sys.argv[1])) as folder:\n"
        "    (folder / 'half').write_text('x')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    target = tmp_path / "out"
    subprocess.run([sys.executable, "-c", script, str(target)], check=False)
    assert len(hidden(tmp_path)) == 1
    assert not target.exists()
    with new_folder(target) as folder:
        (folder / "whole").write_text("x", encoding="utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert [path.name for path in target.iterdir()] == ["whole"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
def test_a_killed_run_is_resumed_and_said_and_makes_the_same_release(
    collection: Path,
    plan: Path,
    release: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    script = (
        "import os, signal, sys\n"
        "from midi_risk.cli.app import run\n"
        "from midi_risk.export.dicom import files\n"
        "files._CHUNK = 4\n"
        "plain, met = files.copied, []\n"
        "def copied(*given):\n"
        "    met.append(1)\n"
        "    if len(met) == 5:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return plain(*given)\n"
        "files.copied = copied\n"
        "run(sys.argv[1:])\n"
    )
    target = tmp_path / "out"
    given = ["apply", str(collection), "--plan", str(plan), "-o", str(target), "-q"]
    done = subprocess.run([sys.executable, "-c", script, *given], check=False)
    assert done.returncode == -9
    (left,) = hidden(tmp_path)
    (tmp_path / left / "release" / "half.csv").write_text("x", encoding="utf-8")
    from midi_risk.export.dicom import files

    plain, again = files.copied, []
    monkeypatch.setattr(files, "_CHUNK", 4)
    monkeypatch.setattr(files, "copied", lambda *g: again.append(1) or plain(*g))
    assert apply(collection, plan, target) == 4
    assert "going on with what an interrupted run left" in capsys.readouterr().err
    assert len(again) == 7
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    names = {p.relative_to(release) for p in release.rglob("*") if p.is_file()}
    assert {p.relative_to(target) for p in target.rglob("*") if p.is_file()} == names
    for name in names:
        if name.parts[0] == "release":
            assert (target / name).read_bytes() == (release / name).read_bytes(), name


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_run_that_is_told_to_stop_leaves_nothing(tmp_path: Path, name: str) -> None:
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from midi_risk.export.release import new_folder\n"
        "try:\n"
        "    with new_folder(Path(sys.argv[1])) as folder:\n"
        "        (folder / 'half').write_text('x')\n"
        f"        os.kill(os.getpid(), signal.{name})\n"
        "except KeyboardInterrupt:\n"
        "    sys.exit(130)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "out")], check=False)
    assert done.returncode == 130
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_what_is_written_is_for_its_owner_only(release: Path) -> None:
    for path in [release, *release.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path.name


def test_the_release_can_be_assessed_like_any_project(
    release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["assess", str(release), "-o", str(tmp_path / "again"), "--format", "json", "-q"])
    again = Assessment.model_validate_json(capsys.readouterr().out)
    text = (release / "assessment" / "assessment.json").read_text(encoding="utf-8")
    first = Assessment.model_validate_json(text)
    assert again.measures.k == first.measures.k
    assert again.collection.digest == first.collection.digest


def test_objects_that_nobody_assessed_are_not_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_collection(tmp_path / "c", PROJECT.replace("clinical.csv", "clinical.csv"))
    nobody = image(90)
    nobody.PatientID = ""
    save(nobody, folder / "images" / "nobody.dcm")
    (folder / "images" / "notes.dcm").write_text("call Dr Example", encoding="utf-8")
    assert run(["suggest", str(folder), "-o", str(tmp_path / "plan"), "-q"]) == 0
    capsys.readouterr()
    assert apply(folder, tmp_path / "plan" / "plan.json", tmp_path / "out") == 4
    out = capsys.readouterr().out
    assert "1 left out: no subject key (PatientID): its risk is not known" in out
    assert "1 left out: not recoded: a text file" in out
    assert "Example" not in out


def test_objects_of_a_phantom_are_not_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_collection(tmp_path / "c", PROJECT)
    phantom = image(90)
    phantom.PatientID = "QA phantom"
    save(phantom, folder / "images" / "phantom.dcm")
    assert run(["suggest", str(folder), "-o", str(tmp_path / "plan"), "-q"]) == 0
    capsys.readouterr()
    apply(folder, tmp_path / "plan" / "plan.json", tmp_path / "out")
    out = capsys.readouterr().out
    assert "1 left out: of nobody whose risk was assessed: a phantom" in out
    written = [pydicom.dcmread(path).PatientID for path in (tmp_path / "out").rglob("*.dcm")]
    assert written
    assert "QA phantom" not in written


def test_an_attribute_that_dicom_does_not_let_go_counts_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    removed = "Modality: {role: quasi_identifier, decision: remove}"
    project = PROJECT.replace("Modality: {role: insensitive, decision: retain}", removed)
    folder = make_collection(tmp_path / "c", project)
    other = image(3)
    other.Modality = "PT"
    save(other, folder / "images" / "secret-name-3.dcm")
    assert run(["suggest", str(folder), "-o", str(tmp_path / "plan"), "-q"]) == 0
    capsys.readouterr()
    assert apply(folder, tmp_path / "plan" / "plan.json", tmp_path / "out") == 4
    out = capsys.readouterr().out
    assert "Modality is in the files and not in the plan" in out
    assert "type 1" in out


class TestTheShippedExample:
    def test_its_files_carry_the_risk_of_the_plan(self, example_release: Path) -> None:
        account = json.loads((example_release / "assessment" / "apply.json").read_text("utf-8"))
        assert account["equal"], account["reasons"]
        assert account["written"]["passed"]

    def test_dciodvfy_finds_no_new_error(self, example_release: Path) -> None:
        program = shutil.which("dciodvfy")
        if program is None:
            pytest.skip("dciodvfy (Debian package dicom3tools) is not installed")
        with (example_release / "assessment" / "files.csv").open(encoding="utf-8") as handle:
            pairs = [line.rstrip("\n").split(",")[:2] for line in handle][1:]
        written = [(source, target) for source, target in pairs if target.startswith("images/")][
            ::60
        ]
        assert len(written) >= 5
        for source, target in written:
            copy = example_release / "release" / target
            assert errors(program, copy) - errors(program, Path(source)) == set()


def errors(program: str, path: Path) -> set[str]:
    """Return what dciodvfy calls errors."""
    done = subprocess.run([program, "-new", str(path)], capture_output=True, text=True, check=False)
    return {line for line in done.stderr.splitlines() if line.startswith("Error")}
