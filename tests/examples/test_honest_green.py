"""Ordinary collections with the work done are acceptable, and no line of the work is spare."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pydicom
import pytest
import yaml
from honest_collections import bids, clinical, ct

from midi_risk.cli.app import run
from midi_risk.cli.job import open_job
from midi_risk.document.assessment import Assessment
from midi_risk.risk.assess import assess

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "honest-green.md").read_text(encoding="utf-8")
TODAY = datetime.now(UTC).date().isoformat()
MAKERS = {"A clinical table": clinical, "A CT collection": ct, "A BIDS data set": bids}


def work(title: str) -> dict[str, Any]:
    """Return what the page writes into the project of a collection, as of today."""
    section = PAGE.split(f"## {title}\n")[1].split("\n## ")[0]
    block = re.search(r"```yaml\n(.*?)```", section, re.DOTALL)[1]
    return today(loaded(block))


def loaded(text: str) -> Any:
    """Return YAML in which `on` is a key and no truth value, as a project file has it."""
    return loaded_keys(yaml.safe_load(text))


def loaded_keys(node: Any) -> Any:
    if isinstance(node, dict):
        return {"on" if k is True else k: loaded_keys(v) for k, v in node.items()}
    return [loaded_keys(each) for each in node] if isinstance(node, list) else node


def today(node: Any) -> Any:
    """Return the same with every day of the work set to today."""
    if isinstance(node, dict):
        return {k: TODAY if k in {"on", "date"} else today(v) for k, v in node.items()}
    return [today(each) for each in node] if isinstance(node, list) else node


def shorter(done: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the work without one of its lines, each once."""
    for part, lines in done.items():
        for name, line in lines.items():
            left = copy.deepcopy(done)
            del left[part][name]
            yield f"{part}.{name}", left
            for word in ("by", "on", "method", "sensitivity") if part == "channels" else ():
                less = copy.deepcopy(done)
                del less[part][name][word]
                if word == "method":
                    less[part][name]["evidence"] = "looked"
                yield f"{part}.{name}.{word}", less
            if name == "linked_search":
                for word in line[0]:
                    less = copy.deepcopy(done)
                    del less[part][name][0][word]
                    yield f"{part}.{name}.{word}", less


def project(folder: Path, made: Path, done: dict[str, Any]) -> Path:
    """Write the project of init with the work in it."""
    file = folder / "project" / "midi-risk.yaml"
    if not file.exists():
        assert run(["init", str(made), "-o", str(folder / "project"), "-q"]) == 0
        (folder / "first.yaml").write_text(file.read_text("utf-8"), encoding="utf-8")
    first = loaded((folder / "first.yaml").read_text("utf-8"))
    file.write_text(yaml.safe_dump(first | done), encoding="utf-8")
    return file


def verdict_on(file: Path, read: dict[str, Any]) -> tuple[str, list[str]]:
    """Return status and reasons of a project; what was read of a collection is read once."""
    job = open_job([str(file)])
    key = str(job.project.collection.where)
    if key not in read:
        read[key] = job.extract()
    attributes = job.attributes(read[key])
    table = job.fold(read[key], attributes)
    options = job.options(read[key], attributes, "")
    found = assess(table, job.threat_models(), options=options).verdict
    return found.status, [reason.code for reason in found.reasons]


@pytest.mark.parametrize("title", MAKERS)
def test_an_ordinary_collection_is_green_with_the_work_and_without_no_line_of_it(title, tmp_path):
    made, done, read = MAKERS[title](tmp_path), work(title), {}
    assert verdict_on(project(tmp_path, made, {}), read)[0] == "incomplete"
    file = project(tmp_path, made, done)
    assert verdict_on(file, read) == ("acceptable", ["within"])
    out = str(tmp_path / "out")
    assert run(["assess", str(file), "-o", out, "-q"]) == 0
    for line, left in shorter(done):
        status, codes = verdict_on(project(tmp_path, made, left), read)
        assert status == "incomplete", (line, codes)


@pytest.mark.parametrize("title", MAKERS)
def test_what_init_writes_and_assess_prints_is_what_is_open(title, tmp_path, capsys):
    made = MAKERS[title](tmp_path)
    file = project(tmp_path, made, {})
    capsys.readouterr()
    assert run(["assess", str(made), "-o", str(tmp_path / "out"), "-q"]) == 4
    printed = capsys.readouterr().out.split("the words in capitals are yours:\n")[1]
    printed = printed.split("\n\n")[0]
    commented = (tmp_path / "first.yaml").read_text("utf-8").split("something was found.\n")[1]
    lines = [line[2:] for line in commented.splitlines() if line.startswith("# ")]
    block = loaded("\n".join(lines[: len(printed.splitlines())]))
    assert block == loaded(printed)
    assert set(block.get("channels", {})) == set(work(title).get("channels", {}))
    file.write_text(
        file.read_text("utf-8") + "\n" + yaml.safe_dump(block, sort_keys=False), encoding="utf-8"
    )
    assert run(["assess", str(file), "-o", str(tmp_path / "out2"), "-q"]) == 2
    said = capsys.readouterr().err
    assert ("defects" if "channels" in block else "hits") in said


EXAMPLE = ROOT / "examples" / "lung-ct"


def example(folder: Path, changes: Any = None) -> Path:
    """Write the project of the example's release beside nothing else, as of today."""
    given = today(loaded((EXAMPLE / "release.yaml").read_text("utf-8")))
    for source in given["collection"]["sources"]:
        for kind in source.keys() & {"dicom", "table"}:
            source[kind] = str(EXAMPLE / source[kind])
    if changes is not None:
        changes(given)
    file = folder / "midi-risk.yaml"
    file.write_text(yaml.safe_dump(given, sort_keys=False), encoding="utf-8")
    return file


def test_the_example_becomes_acceptable_by_the_route_of_the_page(tmp_path):
    file = example(tmp_path)
    assert run(["assess", str(file), "-o", str(tmp_path / "out"), "-q"]) == 3
    plan = str(tmp_path / "out" / "plan.json")
    written = tmp_path / "release"
    assert run(["apply", str(file), "--plan", plan, "-o", str(written), "-q"]) == 0
    images = [*(written / "release").rglob("*.dcm")]
    assert len(images) > 100
    assert {pydicom.dcmread(path).PatientIdentityRemoved for path in images} == {"YES"}
    code = run(["assess", str(written / "midi-risk.yaml"), "-o", str(tmp_path / "again"), "-q"])
    assert code == 0
    told = json.loads((tmp_path / "again" / "assessment.json").read_text("utf-8"))
    assert Assessment.model_validate(told).verdict.status == "acceptable"


def test_the_example_becomes_acceptable_by_no_shorter_route(tmp_path):
    read: dict[str, Any] = {}
    assert verdict_on(example(tmp_path), read) == ("above_threshold", ["above"])

    def without(*place):
        def change(given):
            for name in place[:-1]:
                given = given[name]
            del given[place[-1]]

        return change

    def everybody(given):
        given["collection"]["where"] = "Modality = 'CT'"

    looked = (
        "device_site", "burned_in", "free_text", "private_elements", "embedded_metadata"
    )  # fmt: skip
    changes = [without("release"), without("private")]
    changes += [without("channels", name) for name in looked]
    changes += [without("tolerance", name) for name in ("unread_files", "orphan_subjects")]
    changes += [without("context", "linked_search"), everybody]
    for change in changes:
        status, codes = verdict_on(example(tmp_path, change), read)
        assert status == "incomplete", codes
