"""The commands of the how-to pages, run as they stand there on real data."""

from __future__ import annotations

import csv
import os
import re
import shutil
from pathlib import Path

import pytest
from openpyxl import Workbook

from midi_risk.cli.app import run

pytestmark = pytest.mark.skipif(
    "MIDI_RISK_DOCUMENTED" not in os.environ,
    reason="commands of the documentation, for the night: .ci/slow docs",
)
ROOT = Path(__file__).parents[2]
SAID = {0, 3, 4}
"""A verdict is an answer; 1, 2 and 5 are none."""


def commands(page: Path) -> list[list[str]]:
    """Return the commands of the blocks of a page that hold nothing else."""
    blocks = re.findall(r"```\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    found = [line.split()[1:] for line in lines if line.startswith("midi-risk ")]
    return [[word.strip('"') for word in words] for words in found]


def hospital(folder: Path, _: Path) -> None:
    shutil.copytree(ROOT / "examples" / "lung-ct" / "images", folder / "images")
    with (ROOT / "examples" / "lung-ct" / "clinical.csv").open(newline="", encoding="utf-8") as it:
        rows = list(csv.reader(it))
    book = Workbook()
    for row in rows:
        book.active.append(row)
    book.save(folder / "clinical.xlsx")


def bids(folder: Path, shared: Path) -> None:
    shutil.copytree(shared / "clinical" / "ds000228", folder / "dataset")


def cdisc(folder: Path, shared: Path) -> None:
    shutil.copytree(shared / "clinical" / "phuse_tdf_sdtm", folder / "sdtm")


@pytest.mark.parametrize("prepare", [hospital, bids, cdisc])
def test_the_commands_of_a_page_run(prepare, tmp_path, monkeypatch, shared_data):
    prepare(tmp_path, shared_data)
    monkeypatch.chdir(tmp_path)
    chosen = commands(ROOT / "docs" / f"howto-{prepare.__name__}.md")
    assert len(chosen) > 3
    codes = {" ".join(words): run(words) for words in chosen}
    assert {line: code for line, code in codes.items() if code not in SAID} == {}


def test_the_index_of_an_archive_is_assessed_by_collection(tmp_path, monkeypatch):
    shutil.copy(ROOT / "examples" / "idc" / "idc_slice.parquet", tmp_path / "index.parquet")
    monkeypatch.chdir(tmp_path)
    first, *_ = commands(ROOT / "docs" / "howto-archive.md")
    assert run(first) in SAID
    assert (tmp_path / "out" / "index.html").exists()
