"""`attack` tests what is judged on people whom the model has not seen."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from command_line import midi_risk

MODEL = """schema: midi-risk/threat-model/1
name: sized
release: controlled
threshold: {k: 11}
population: {kind: size, size: 4000%s}
adversaries: [{name: j, attack: [journalist]}]
"""


@pytest.fixture
def clinic(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    with (tmp_path / "clinic.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["patient_id", "age", "sex"])
        for i in range(240):
            writer.writerow([f"p{i:04d}", 40 + int(rng.integers(0, 12)), "FM"[rng.integers(2)]])
    return tmp_path


def rows(
    clinic: Path, capsys: pytest.CaptureFixture[str], said: str, *more: str
) -> dict[str, object]:
    threat = clinic / "sized.yaml"
    threat.write_text(MODEL % said, encoding="utf-8")
    done = midi_risk(
        capsys, "attack", clinic / "clinic.csv", "--threat", threat, "--populations", "4",
        "--attempts", "50", "--format", "json", "-q", *more,
    )  # fmt: skip
    assert done.code == 0, done.err
    (row,) = json.loads(done.out)
    return row


def test_the_statement_on_the_sample_decides_what_is_tested(clinic, capsys):
    stated = rows(clinic, capsys, ", sampling: random")
    unstated = rows(clinic, capsys, "")
    assert (stated["tested"], unstated["tested"]) == ("network", "1/f is judged")
    assert stated["predicted"] == pytest.approx(stated["achieved"], rel=0.15)
    assert unstated["predicted"] > 1.5 * unstated["achieved"]
    assert stated["judged"] < unstated["judged"]


def test_a_register_is_looked_up_with_and_without_a_key(clinic, capsys):
    register = clinic / "clinic.csv"
    plain = rows(clinic, capsys, "", "--register", str(register))["register"]
    keyed = rows(clinic, capsys, "", "--register", str(register), "--register-key", "patient_id")[
        "register"
    ]
    assert plain["listed"] == keyed["listed"] == 240
    assert plain["picks"] == keyed["picks"] == pytest.approx(24)  # one per class
    assert keyed["interval"][0] < 0.1 < keyed["interval"][1]


def test_a_register_without_an_attribute_is_one_line(clinic, capsys):
    other = clinic / "other.csv"
    other.write_text("age\n40\n", encoding="utf-8")
    (clinic / "sized.yaml").write_text(MODEL % "", encoding="utf-8")
    done = midi_risk(
        capsys, "attack", clinic / "clinic.csv", "--threat", clinic / "sized.yaml",
        "--register", other, "-q",
    )  # fmt: skip
    assert done.code != 0
    assert "the register has no column 'sex'" in done.err
