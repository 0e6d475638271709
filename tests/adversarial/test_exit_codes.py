"""What the command line says and returns when the risk hides behind the printed value."""

from __future__ import annotations

import csv
from pathlib import Path

from click.testing import CliRunner

from midi_risk.cli.app import app, run

MODEL = """\
schema: midi-risk/threat-model/1
name: agreement
release: controlled
threshold: {k: 11, statistic: strict-average, floor: 5}
adversaries:
  - {name: insider, attempt: 1.0, attack: [prosecutor], knows: all}
"""


def people(path: Path, sexes: str, *extra: list[str]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as handle:
        rows = [[f"s{i:04d}", sex] for i, sex in enumerate(sexes)]
        csv.writer(handle).writerows([["id", "sex"], *rows, *extra])
    return path


def test_fail_on_governing_sees_a_floor_that_the_mean_does_not_show(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    people(tmp_path / "t.csv", "M" * 300 + "F" * 4)
    (tmp_path / "agreement.yaml").write_text(MODEL, encoding="utf-8")
    args = ["assess", "t.csv:id", "--threat", "agreement.yaml", "-o", "out", "-q"]
    assert run([*args, "--fail-on", "governing"]) == 3
    assert run([*args, "--fail-on", "any"]) == 3


def test_people_who_are_not_counted_are_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    people(tmp_path / "t.csv", "MF" * 20, ["water phantom", "F"])
    found = CliRunner().invoke(app, ["assess", "t.csv:id", "-o", "out", "-q"])
    assert "not counted as subjects: 1 phantom\n" in found.output
