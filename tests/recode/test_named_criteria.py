"""Criteria on sensitive values that a project, a threat model or a command names."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from midi_risk.cli.app import run
from midi_risk.errors import ThreatModelError
from midi_risk.threat import load_threat_model
from midi_risk.threat.library import with_criteria

PROJECT = """\
schema: midi-risk/project/1
collection:
  name: Invented
  sources:
    - {{table: people.csv, key: subject_id}}
threat_models: [public-release]
{criteria}
attributes:
  age: {{role: quasi_identifier, kind: age}}
  sex: {{role: quasi_identifier, kind: sex}}
  illness: {{role: sensitive, kind: category}}
"""
VALUES = {"distinct": 3, "entropy": 2.2, "recursive": 2.5, "t": 0.15, "alpha": 0.6, "beta": 0.8,
          "delta": 1.1}  # fmt: skip


def project(folder: Path, criteria: str = "") -> Path:
    """Write people whose illness goes with their age."""
    draw = np.random.default_rng(4)
    folder.mkdir(parents=True)
    ages = np.clip(draw.normal(60, 12, 500), 20, 89).astype(int)
    with (folder / "people.csv").open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["subject_id", "age", "sex", "illness"])
        for i, age in enumerate(ages.tolist()):
            odds = [0.6, 0.2, 0.2] if age > 62 else [0.2, 0.5, 0.3]
            writer.writerow([f"s{i:03d}", age, "FM"[i % 2], draw.choice(["a", "b", "c"], p=odds)])
    (folder / "midi-risk.yaml").write_text(PROJECT.format(criteria=criteria), encoding="utf-8")
    return folder


def figures(plan: dict, folder: Path) -> dict[str, float]:
    """Return the worst class of the release by each criterion, counted here."""
    with (folder / "people.csv").open(encoding="utf-8") as handle:
        rows = [
            r for r in csv.DictReader(handle) if r["subject_id"] not in plan["suppressed_subjects"]
        ]
    cuts = plan["cut_points"].get("age", [])
    removed = plan["levels"]["age"] > 1 or (plan["levels"]["age"] == 1 and not cuts)
    key = [
        (
            0 if removed else int(np.searchsorted(cuts, float(r["age"]), side="right")),
            r["sex"] if plan["levels"]["sex"] == 0 else "",
        )
        for r in rows
    ]
    value = [r["illness"] for r in rows]
    names = sorted(set(value))
    base = np.array([value.count(n) for n in names]) / len(value)
    worst: dict[str, list[float]] = {name: [] for name in VALUES}
    for each in set(key):
        inside = [v for v, k in zip(value, key, strict=True) if k == each]
        q = np.array([inside.count(n) for n in names]) / len(inside)
        some = q > 0
        ordered = np.sort(q)[::-1]
        worst["distinct"].append(float(some.sum()))
        worst["entropy"].append(float(np.exp(-(q[some] * np.log(q[some])).sum())))
        rest = ordered[1:].sum()
        worst["recursive"].append(float(ordered[0] / rest) if rest else np.inf)
        worst["t"].append(float(np.abs(q - base).sum() / 2))
        worst["alpha"].append(float(q.max()))
        worst["beta"].append(float(((q - base) / base).max()))
        worst["delta"].append(float(np.abs(np.log2(q[some] / base[some])).max()))
    return {n: min(v) if n in {"distinct", "entropy"} else max(v) for n, v in worst.items()}


def plan_of(folder: Path, *more: str) -> dict:
    code = run(["suggest", str(folder), "-o", str(folder / "s"), "-q", *more])
    plan = json.loads((folder / "s" / "plan.json").read_text(encoding="utf-8"))
    assert (code == 0) is plan["found"]
    return plan


@pytest.mark.parametrize("name", VALUES)
def test_a_criterion_is_searched_for_judged_and_kept_from_project_and_command(
    tmp_path: Path, name: str
) -> None:
    value = VALUES[name]
    stated = project(tmp_path / "a", f"criteria: [{{criterion: {name}, value: {value}}}]")
    said = project(tmp_path / "b")
    plan = plan_of(stated)
    if name in {"t", "alpha"}:
        told = plan_of(said, "--criterion", f"{name}={value}", "--max-suppression", "2%")
        assert plan["levels"] == told["levels"]
        assert plan["cut_points"] == told["cut_points"]
    if not plan["found"]:
        assert plan["reason"]
        return
    worst = figures(plan, stated)[name]
    slack = 0.02  # shares of the whole: of all subjects in the search, of those released here
    assert worst >= value - slack if name in {"distinct", "entropy"} else worst <= value + slack
    assert plan["after"]["disclosed"] == [] or "inferred" in plan["reason"]


def test_an_assessment_judges_what_the_project_names(tmp_path: Path) -> None:
    folder = project(tmp_path / "a", "criteria: [{criterion: alpha, value: 0.5}]")
    run(["assess", str(folder), "-o", str(folder / "out"), "-q", "--criterion", "delta=0.5"])
    document = json.loads((folder / "out" / "assessment.json").read_text(encoding="utf-8"))
    judged = {d["criterion"]: d for d in document["disclosure"]}
    assert {"alpha", "delta"} <= set(judged)
    assert judged["alpha"]["threshold"] == 0.5
    assert not judged["alpha"]["passed"]
    assert not judged["delta"]["passed"]
    assert judged["delta"]["threshold"] == 0.5
    with (folder / "people.csv").open(encoding="utf-8") as handle:
        values = [row["illness"] for row in csv.DictReader(handle)]
    rarest = min(values.count(name) for name in set(values)) / len(values)
    # somebody is alone with the rarest value: log2 of 1 over its share, in bits
    assert judged["delta"]["value"] == pytest.approx(np.log2(1 / rarest), rel=0.01)


def test_a_criterion_that_is_none_is_one_line(tmp_path: Path, capsys) -> None:
    folder = project(tmp_path / "a")
    for wrong in ("t", "t=x", "mu=1", "t=2", "alpha=0"):
        assert run(["suggest", str(folder), "-o", str(folder / "s"), "--criterion", wrong]) == 2
        said = capsys.readouterr().err.strip().splitlines()
        assert said
        assert "Traceback" not in "".join(said)


def test_criteria_of_a_model_are_kept_beside_its_own() -> None:
    model = with_criteria(load_threat_model("public-release"), [("t", 0.2), ("distinct", 3)])
    names = [each.criterion for each in model.on_sensitive_values]
    assert names[-2:] == ["t", "distinct"]
    with pytest.raises(ThreatModelError, match="criteria"):
        with_criteria(model, [("t", 3.0)])
