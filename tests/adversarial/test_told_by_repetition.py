"""What is told of subjects with several values: all values that leave are judged, everywhere."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

import midi_risk as mr
from midi_risk.attributes.decisions import decided
from midi_risk.attributes.model import Decision, Role
from midi_risk.cli.app import run
from midi_risk.config import AttributeSettings
from midi_risk.document.assessment import Context, SearchEntry
from midi_risk.recode.plan import suggest
from midi_risk.risk.assess import AssessmentOptions, assess
from midi_risk.table.model import SubjectTable
from midi_risk.threat.library import load_threat_model
from midi_risk.tune import tuning_lattice
from midi_risk.tune.session import judged, plan_at

TODAY = datetime.now(UTC).date().isoformat()
SEARCHED = Context(linked_search=[SearchEntry(date=TODAY, by="me", place="archives", hits=0)])
ILL, WELL = 12, 36


def written(folder: Path, later_of_the_ill: str, later_of_the_well: str = "55") -> Path:
    """Write two visits of everybody: the first at 50, the second at an age that may tell."""
    file = folder / "t.csv"
    rows = [["id", "age", "hiv_status"]]
    for i in range(ILL + WELL):
        later = later_of_the_ill if i < ILL else later_of_the_well
        told = "positive" if i < ILL else "negative"
        rows += [[f"s{i:03d}", "50", told], [f"s{i:03d}", later, told]]
    with file.open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows(rows)
    return file


def table_of(file: Path) -> SubjectTable:
    """Return the table; the range of the ages is released and known to nobody."""
    extraction = mr.extract(str(file))
    said = {"hiv_status": AttributeSettings.model_validate({"role": "sensitive"})}
    table = mr.fold(extraction, decided(mr.propose(extraction), said))
    if "age.range" not in table.attributes.names:
        return table
    changes = {"role": Role.INSENSITIVE, "decision": Decision.RETAIN}
    return replace(table, attributes=table.attributes.revised("age.range", **changes))


def codes(table):
    found = assess(table, ["public-release"], options=AssessmentOptions(context=SEARCHED))
    return [reason.code for reason in found.verdict.reasons], found


def test_a_class_of_later_values_discloses_as_one_of_first_values_does(tmp_path):
    told, assessment = codes(table_of(written(tmp_path, "60")))
    assert "disclosed" in told
    (entry,) = assessment.disclosure
    assert (entry.classes, entry.subjects) == (1, ILL)
    mended, _ = codes(table_of(written(tmp_path, "55")))
    assert "disclosed" not in mended
    diversity = {d.attribute: d for d in assessment.measures.diversity}["hiv_status"]
    assert (diversity.distinct_l, diversity.homogeneous_subjects) == (1, ILL + WELL)


def test_the_base_rate_is_that_of_subjects_however_many_values_they_have(tmp_path):
    _, assessment = codes(table_of(written(tmp_path, "60")))
    (entry,) = assessment.disclosure
    assert entry.value == pytest.approx(1 - ILL / (ILL + WELL))


def test_a_combination_counts_the_subjects_whom_any_value_singles_out(tmp_path):
    file = written(tmp_path, "60")
    with file.open("a", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows([["s000", "71", "positive"]])
    _, assessment = codes(table_of(file))
    age = next(c for c in assessment.measures.combinations if c.attributes == ["age"])
    assert (age.unique, age.below_k) == (1, 1)
    assert not assessment.measures.combinations_folded


def test_combinations_that_are_of_folded_values_say_so(tmp_path, monkeypatch):
    monkeypatch.setattr("midi_risk.risk.assess.MAX_COMBINED_CELLS", 10)
    _, assessment = codes(table_of(written(tmp_path, "60")))
    assert assessment.measures.combinations_folded
    page = str(mr.report(assessment, None, edition="internal").html)
    assert "Estimates: one value of each subject" in page


MODELS = [load_threat_model("public-release")]


def test_a_setting_that_discloses_is_refused_by_tune_and_told_by_suggest(tmp_path):
    ill = classes_by_sex(tmp_path, "positive")
    plan = plan_at(ill, MODELS, {"sex": 0})
    assert (plan.found, plan.after.passed, plan.after.disclosed) == (False, True, ["hiv_status"])
    assert "sensitive values can be inferred: hiv_status" in plan.reason
    assert plan_at(classes_by_sex(tmp_path, "negative"), MODELS, {"sex": 0}).found
    node = judged(ill, MODELS, {"sex": 0}, {}, 0.0, leave_out=False)
    assert not node.state.accepted
    kept = suggest(ill, MODELS, keep=["sex"])
    assert not kept.found or "sensitive values can still be inferred" in kept.reason


def classes_by_sex(folder: Path, told: str):
    """Return two classes; all men have the same value, and women have both."""
    file = folder / f"{told}.csv"
    rows = [["id", "sex", "hiv_status"]]
    rows += [[f"m{i:03d}", "M", told] for i in range(20)]
    rows += [[f"f{i:03d}", "F", "positive" if i == 0 else "negative"] for i in range(180)]
    with file.open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows(rows)
    extraction = mr.extract(str(file))
    said = {"hiv_status": AttributeSettings.model_validate({"role": "sensitive"})}
    return mr.fold(extraction, decided(mr.propose(extraction), said))


def test_the_page_without_python_says_that_it_estimates(tmp_path):
    lattice = tuning_lattice(table_of(written(tmp_path, "60")), MODELS)
    assert not lattice.exact
    assert "several values that leave" in lattice.note
    assert "sensitive values" in lattice.note
    assert "estimate" in lattice.note


def test_an_age_in_two_bands_leaves_as_the_one_that_is_judged(tmp_path, capsys):
    """Ages 49 and 51 are two bands of ten years: what is written is what was judged."""
    file = tmp_path / "t.csv"
    rows = [["id", "age"]]
    for i in range(48):
        rows += [[f"s{i:03d}", f"{40 + i % 24}"], [f"s{i:03d}", f"{42 + i % 24}"]]
    with file.open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows(rows)
    project = tmp_path / "p"
    assert run(["init", str(file), "-o", str(project), "-q"]) == 0
    assert run(["suggest", str(project), "-o", str(tmp_path / "s"), "-q"]) in {0, 3}
    plan = json.loads((tmp_path / "s" / "plan.json").read_text("utf-8"))
    assert plan["levels"]["age"] > 0
    run(["apply", str(project), "--plan", str(tmp_path / "s" / "plan.json"),
         "-o", str(tmp_path / "rel"), "-q"])  # fmt: skip
    capsys.readouterr()
    with next((tmp_path / "rel" / "release").rglob("t.csv")).open(encoding="utf-8") as handle:
        left = list(csv.DictReader(handle))
    shown: dict[str, set[str]] = {}
    for row in left:
        shown.setdefault(row["id"], set()).add(row["age"])
    assert all(len(ages) == 1 for ages in shown.values())
    found = json.loads((tmp_path / "rel" / "assessment" / "assessment.json").read_text("utf-8"))
    sizes = {}
    for ages in shown.values():
        (age,) = ages
        sizes[age] = sizes.get(age, 0) + 1
    assert found["measures"]["k"] == min(sizes.values())
    assert not [r for r in found["measures"]["repeated"] if r["attribute"] == "age"]
