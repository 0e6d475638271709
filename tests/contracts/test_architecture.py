"""The page on architecture tells the rooms that exist, and the trip that an age makes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

LONGEST = {"verdict": 40, "release": 60}
"""Modules that one age may pass."""


def test_every_room_is_on_the_map(root: Path) -> None:
    text = (root / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = {
        path.parent.relative_to(root / "midi_risk").as_posix()
        for path in (root / "midi_risk").rglob("__init__.py")
    }
    inner = {room for room in rooms if "/" in room and not room.startswith("compat/")}
    assert inner - set(re.findall(r"`(\w+/\w+)`", text)) == set()
    assert {room for room in rooms if "/" not in room and room != "."} - set(
        re.findall(r"\w+", text)
    ) == set()


def test_every_module_that_the_page_names_exists(root: Path) -> None:
    text = (root / "docs" / "architecture.md").read_text(encoding="utf-8")
    package = root / "midi_risk"
    for name in re.findall(r"`((?:\w+/)+\w+\.(?:py|csv))`", text):
        assert (package / name).is_file(), name


@pytest.mark.parametrize("to", LONGEST)
def test_an_age_passes_few_modules_and_the_page_lists_those_to_the_verdict(
    root: Path, to: str
) -> None:
    run = subprocess.run(
        [sys.executable, root / "tools" / "trip.py", "--to", to],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONHASHSEED": "0"},
    )  # fmt: skip - a process of its own: no cache of another test hides a module
    met = [line.split()[0].removeprefix("midi_risk.") for line in run.stdout.splitlines()[:-1]]
    assert len(met) < LONGEST[to]
    if to == "verdict":
        text = (root / "docs" / "architecture.md").read_text(encoding="utf-8")
        assert re.findall(r"^\| `([\w.]+)` \| [^|]+ \|$", text.split("## The trip")[1],
                          re.MULTILINE) == met  # fmt: skip
