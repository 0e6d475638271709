"""Threat models that cannot be computed: one clear line with the fix, nothing written."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import midi_risk

MODEL = """
schema: midi-risk/threat-model/1
name: mine
release: controlled
threshold: {{label: "0.09"}}
population: {population}
adversaries:
  - {{name: someone, attempt: {attempt}}}
"""
ROWS = {
    "plain": "patient_id,age,sex,state\n" + "".join(f"p{i},{60 + i % 5},F,CA\n" for i in range(30)),
    "abroad": "patient_id,age,sex,RegionOfResidence\np1,61,F,CA\np2,62,M,Bavaria\np3,64,M,CA\n",
}
TABLE = "{kind: table, table: us-population-2024, %s, match: {%s}}"


def case(population="{kind: sample}", attempt="1.0", rows="plain"):
    return MODEL.format(population=population, attempt=attempt), ROWS[rows]


CASES = {
    "prevalence nobody gave": (
        case(attempt="{acquaintances: 150, prevalence: required}"),
        ["needs 'prevalence'", "--set mine.prevalence="],
    ),
    "breach nobody gave": (case(attempt="{breach: required}"), ["needs 'breach'", "--set"]),
    "fraction nobody gave": (
        case("{kind: estimate, model: pitman-yor, fraction: required}"),
        ["population needs 'fraction'", "--set mine.fraction="],
    ),
    "fraction above one": (
        case("{kind: estimate, model: pitman-yor, fraction: 5}"),
        ["population.fraction", "above 1", "share such as 0.02"],
    ),
    "prevalence as a percentage": (
        case(attempt="{acquaintances: 150, prevalence: 2}"),
        ["adversaries.0.attempt.prevalence", "above 1"],
    ),
    "interval upside down": (
        case(attempt="{low: 0.4, high: 0.1}"),
        ["adversaries.0.attempt", "low must not be above high"],
    ),
    "population smaller than the sample": (
        case("{kind: size, size: 7}"),
        ["smaller than the 30 subjects", "Give the number of people"],
    ),
    "table smaller than the sample": (
        case("{kind: table, table: small.csv, fraction: 0.5, match: {sex: sex}}"),
        ["fewer than the 30 subjects"],
    ),
    "table that is not there": (
        case("{kind: table, table: us-population-2042, fraction: 0.5}"),
        ["us-population-2042"],
    ),
    "no visit known": (
        case(attempt="1.0, visits: 0"),
        ["adversaries.0.visits", "at least 1, or 'all'"],
    ),
    "visits in words": (case(attempt="1.0, visits: some"), ["adversaries.0.visits", "or 'all'"]),
    "verification of nothing": (
        case(attempt="1.0, verification: 0"),
        ["adversaries.0.verification", "above 0"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_cannot_be_computed_is_one_line_with_the_fix(name, tmp_path, capsys, monkeypatch):
    (model, rows), words = CASES[name]
    Path(tmp_path / "mine.yaml").write_text(model, encoding="utf-8")
    Path(tmp_path / "t.csv").write_text(rows, encoding="utf-8")
    Path(tmp_path / "small.csv").write_text("sex,count\nF,9\nM,4\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    args = ("assess", "t.csv", "--threat", "mine.yaml", "-o", tmp_path / "out", "-q")
    result = midi_risk(capsys, *args)
    assert result.code == 2
    assert result.err.count("\n") == 1
    assert "Traceback" not in result.err
    for word in words:
        assert word in result.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (
            case(TABLE % ("fraction: 0.001, sampling: random", "state: RegionOfResidence"),
                 rows="abroad"),
            ["classes with a state", "does not have", "Recode it", ": 1/f"],
        ),
        (
            case(TABLE % ("fraction: 0.001, sampling: random", "age: age, sex: sex")),
            ["straddles bands", "straddle: uniform", ": 1/f"],
        ),
    ],
)  # fmt: skip
def test_a_class_that_the_table_cannot_answer_counts_alone(
    model, words, tmp_path, capsys, monkeypatch
):
    """It is never a reason to write nothing: others are judged against the table."""
    import json

    text, rows = model
    Path(tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    Path(tmp_path / "t.csv").write_text(rows, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert (
        midi_risk(capsys, "assess", "t.csv", "--threat", "mine.yaml", "-o", "out", "-q").code == 3
    )
    (found,) = json.loads(Path("out/assessment.json").read_text(encoding="utf-8"))["threats"]
    for word in words:
        assert word in found["population"]
    highest = {r["measure"]: r["upper"] for r in found["results"]}
    assert highest["journalist_max"] == highest["prosecutor_max"]


def test_an_interval_is_taken_from_the_command_line(tmp_path, capsys, monkeypatch):
    import json

    model, rows = CASES["prevalence nobody gave"][0]
    Path(tmp_path / "mine.yaml").write_text(model, encoding="utf-8")
    Path(tmp_path / "t.csv").write_text(rows, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    args = ("assess", "t.csv", "--threat", "mine.yaml", "-o", "out", "-q")
    assert midi_risk(capsys, *args, "--set", "mine.prevalence=0.0001..0.001").code in {0, 3, 4}
    found = json.loads(Path("out/assessment.json").read_text(encoding="utf-8"))["threats"][0]
    assert found["attempt"] == pytest.approx(0.139, abs=1e-3)
    assert [bar["name"] for bar in found["uncertainty"]["tornado"]] == ["prevalence"]
