"""Run the command line in this process and look at what it leaves."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from midi_risk.cli.app import run


class Result(NamedTuple):
    """Exit code and both streams."""

    code: int
    out: str
    err: str


def midi_risk(capsys: pytest.CaptureFixture[str], *args: object) -> Result:
    """Run one command."""
    capsys.readouterr()
    code = run([str(arg) for arg in args])
    streams = capsys.readouterr()
    return Result(code, streams.out, streams.err)


def searched(project: Path) -> Path:
    """Record a search for linked public data of today, without hits, in a project."""
    today = datetime.now(UTC).date().isoformat()
    search = f"{{date: {today}, by: A. Assessor, place: archives, hits: 0}}"
    with (project / "midi-risk.yaml").open("a", encoding="utf-8") as file:
        file.write(f"context: {{linked_search: [{search}]}}\n")
    return project


def clinical_table(path: Path, n: int = 60) -> Path:
    """Write a clinical table of n subjects with two classes of age and sex."""
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["patient_id", "age", "sex", "diagnosis"])
        for i in range(n):
            writer.writerow([f"p{i:03d}", 60 + i % 2, "MF"[i % 2], "ABC"[i % 3]])
    return path
