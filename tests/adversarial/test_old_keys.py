"""A project file of version 0.1 is read; what it does not say makes the verdict incomplete."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from test_account import CHANNELS, LOOKED, SEARCH, project, written

from midi_risk.cli.app import run

PAGE = Path(__file__).parents[2] / "docs" / "project-file.md"
OLD = {"status": "assessed", "value": 0, "evidence": "Two readers found nothing."}


def reasons(folder: Path) -> list[str]:
    """Return the codes of the verdict on a project."""
    run(["assess", str(folder), "-o", str(folder / "out"), "--quiet"])
    document = json.loads((folder / "out" / "assessment.json").read_text(encoding="utf-8"))
    return [reason["code"] for reason in document["verdict"]["reasons"]]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("old")
    written(folder / "images")
    return folder


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, ["within"]),
        ({"channels": dict.fromkeys(CHANNELS, OLD)}, ["evidence_incomplete"] * len(CHANNELS)),
        ({"context": {"linked_search": [{"date": SEARCH["date"], "found": "nothing"}]}},
         ["channels_open", "search_incomplete"]),
        ({"context": {"linked_search": [SEARCH],
                      "quality": {"population": 12, "sample": 12, "defects": 0}}},
         ["quality_incomplete"]),
    ],
)  # fmt: skip
def test_the_old_form_is_read_and_is_incomplete(
    images: Path, more: dict[str, Any], expected: list[str]
) -> None:
    assert LOOKED["defects"] == 0
    assert reasons(project(images, **more)) == expected


def test_the_page_shows_both_forms_and_both_are_yaml() -> None:
    section = PAGE.read_text(encoding="utf-8").partition("## Keys of version 0.1")[2]
    old, new = (yaml.safe_load(each) for each in re.findall(r"```\n(.*?)```", section, re.DOTALL))
    assert old["channels"].keys() == new["channels"].keys()
    assert "evidence" in old["channels"]["burned_in"]
    assert {"by", "looked", "of", "sensitivity"} <= new["channels"]["burned_in"].keys()
