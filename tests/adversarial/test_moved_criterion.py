"""A criterion that is moved until the collection passes, and the same collection done rightly."""

from __future__ import annotations

import csv
import json
import re
import stat
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from midi_risk.cli.app import run
from midi_risk.errors import ThreatModelError
from midi_risk.risk.classes.classes import EquivalenceClasses
from midi_risk.risk.classes.matching import matching_set_sizes
from midi_risk.threat import load_threat_model

INSIDER = ("--threat", "insider", "--set", "insider.controls=high", "--set", "insider.motives=low")
OTHERS = (
    "--threat", "acquaintance", "--set", "acquaintance.prevalence=0.0001",
    "--threat", "breach", "--set", "breach.breach=0.2",
)  # fmt: skip
TODAY = datetime.now(UTC).date().isoformat()
SEARCH = {"date": TODAY, "by": "A. Assessor", "place": "archives", "hits": 0}
LOGGED = {"time", "collection", "models", "k", "criterion", "status"}
"""Of a first line; the others hold the digest of the line before as well."""


def people(path: Path, sizes: dict[str, int], header: str = "ward") -> Path:
    values = [value for value, size in sizes.items() for _ in range(size)]
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["id", header])
        writer.writerows([f"s{i:04d}", value] for i, value in enumerate(values))
    return path


def table(folder: Path, smallest: int = 20) -> Path:
    return people(folder / "t.csv", {"60": 40, "70": smallest}, "age")


def project(folder: Path, smallest: int = 20, **keys: object) -> Path:
    table(folder, smallest)
    file = folder / "midi-risk.yaml"
    base = {
        "schema": "midi-risk/project/1",
        "collection": {"name": "c", "sources": [{"table": "t.csv", "key": "id"}]},
        "context": {"linked_search": [SEARCH]},
    }
    file.write_text(yaml.safe_dump(base | keys), encoding="utf-8")
    return file


def assessed(folder: Path, source: Path, *args: str) -> tuple[int, dict]:
    code = run(["assess", str(source), "-o", str(folder / "out"), "-q", *args])
    file = folder / "out" / "assessment.json"
    return code, json.loads(file.read_text(encoding="utf-8")) if code in {0, 3, 4} else {}


def codes(document: dict) -> set[str]:
    return {reason["code"] for reason in document["verdict"]["reasons"]}


def pages(folder: Path) -> list[str]:
    names = ("report-internal.html", "report-shareable.html")
    return [(folder / "out" / name).read_text(encoding="utf-8") for name in names]


@pytest.mark.parametrize(("smallest", "fails"), [(2, True), (3, False)])
def test_a_rare_attempt_never_makes_a_class_of_two_acceptable(tmp_path, smallest, fails):
    _, found = assessed(tmp_path, table(tmp_path, smallest), *INSIDER, *OTHERS)
    assert ("above" in codes(found)) is fails
    assert {threat["threshold_k"] for threat in found["threats"]} == {3}


def test_a_controlled_release_is_judged_on_all_three_attempts(tmp_path):
    source = table(tmp_path)
    _, found = assessed(tmp_path, source, *INSIDER)
    assert found["verdict"]["status"] == "incomplete"
    (open_,) = [r for r in found["verdict"]["reasons"] if r["code"] == "attacks_open"]
    assert open_["names"] == ["acquaintance", "breach"]
    _, found = assessed(tmp_path, source, *INSIDER, *OTHERS)
    assert [t["event"] for t in found["threats"]] == ["deliberate", "acquaintance", "breach"]
    assert "attacks_open" not in codes(found)


def test_a_certain_attempt_stands_for_all_three(tmp_path):
    _, found = assessed(tmp_path, table(tmp_path), *INSIDER, "--threat", "public-release")
    assert "attacks_open" not in codes(found)


@pytest.mark.parametrize("command", ["assess", "suggest", "tune", "attack"])
def test_a_class_of_fewer_than_three_cannot_be_asked_for(command, tmp_path, capsys):
    file = project(tmp_path)
    assert run([command, str(file), "--k", "2", "--k-reason", "because"]) == 2
    assert "2 is not in the range x>=3" in capsys.readouterr().err


def own_model(folder: Path, name: str = "public-release", **threshold: object) -> Path:
    model = {
        "schema": "midi-risk/threat-model/1",
        "name": name,
        "release": "public",
        "threshold": threshold,
        "adversaries": [{"name": "anybody"}],
    }
    file = folder / "own.yaml"
    file.write_text(yaml.safe_dump(model), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    "threshold", [{"k": 2, "reason": "why not"}, {"label": "0.5", "reason": "why not"},
                  {"k": 5, "statistic": "strict-average", "floor": 1, "reason": "why not"}]
)  # fmt: skip
def test_a_model_of_fewer_than_three_is_one_line_in_every_command(tmp_path, capsys, threshold):
    own_model(tmp_path, **threshold)
    file = project(tmp_path, threat_models=["own.yaml"])
    for args in (
        ("threats", "validate", str(tmp_path / "own.yaml")),
        ("assess", str(file), "-o", str(tmp_path / "out")),
        ("suggest", str(file), "-o", str(tmp_path / "out")),
    ):
        assert run(list(args)) == 2
        assert "a class of fewer than 3 subjects hides nobody" in capsys.readouterr().err
    with pytest.raises(ThreatModelError, match="at least 3"):
        load_threat_model("public-release", k=2)


def test_a_lowered_class_size_needs_a_reason_that_both_reports_print(tmp_path, capsys):
    source = project(tmp_path, 12)
    assert assessed(tmp_path, source, "--k", "5")[0] == 2
    err = capsys.readouterr().err
    assert "below the 11" in err
    assert "--k-reason" in err
    assert assessed(tmp_path, source, "--k-reason", "pilot")[0] == 2
    code, found = assessed(tmp_path, source, "--k", "5", "--k-reason", "Pilot with dummies")
    assert code == 0
    assert (found["threshold"]["reason"], found["threshold"]["shipped"]) == (
        "Pilot with dummies",
        11,
    )
    assert "class_lowered" in codes(found)
    assert "Pilot with dummies" in capsys.readouterr().out
    for page in pages(tmp_path):
        decision = page[page.index('id="decision"') : page.index('id="scope"')]
        assert "Pilot with dummies" in decision
        assert "less than the 11 that ships" in decision


def test_the_class_size_that_ships_or_a_larger_one_needs_no_reason(tmp_path):
    for k in ("11", "12"):
        code, found = assessed(tmp_path, project(tmp_path), "--k", k)
        assert code == 0
        assert "class_lowered" not in codes(found)
        assert found["threshold"]["shipped"] is None


def test_a_model_file_of_a_shipped_name_needs_its_reason(tmp_path, capsys):
    file = project(tmp_path, 12, threat_models=["own.yaml"])
    model = own_model(tmp_path, k=5)
    for args in (["threats", "validate", str(model)], ["assess", str(file)]):
        assert run(args) == 2
        assert "below the 11" in capsys.readouterr().err
    own_model(tmp_path, k=5, reason="Agreed with the ethics committee")
    assert run(["threats", "validate", str(model)]) == 0
    code, found = assessed(tmp_path, file)
    assert code == 0
    assert found["threshold"]["reason"] == "Agreed with the ethics committee"


def test_a_model_under_another_name_is_told_of_although_nothing_ships_so(tmp_path):
    own_model(tmp_path, "mine", k=5)
    code, found = assessed(tmp_path, project(tmp_path, threat_models=["own.yaml"]))
    assert code == 0
    assert "class_lowered" in codes(found)


def test_nothing_proves_a_threshold_at_a_first_run_without_a_project(tmp_path):
    source = table(tmp_path)
    _, found = assessed(tmp_path, source)
    assert (found["threshold"]["proof"], found["threshold"]["fixed_at"]) == ("", "")
    assert found["log"] == {"runs": 0, "since": "", "changed": False}
    for page in pages(tmp_path):
        assert "fixed before the figures were seen is not proved" in page
    _, again = assessed(tmp_path, source)
    assert (again["threshold"]["proof"], again["log"]["runs"]) == ("log", 1)
    assert again["log"]["since"] == found["created"]
    for page in pages(tmp_path):
        assert re.search(r"as the log of runs proves \(1 earlier run; threshold unchanged", page)


def test_a_project_file_proves_its_own_threshold_alone(tmp_path):
    file = project(tmp_path)
    _, found = assessed(tmp_path, file, "--k", "20")
    assert found["threshold"]["proof"] == ""
    (tmp_path / "log.jsonl").unlink()
    _, found = assessed(tmp_path, file)
    assert found["threshold"]["proof"] == "project"
    assert "as the project file proves" in pages(tmp_path)[1]


def test_a_threshold_that_is_lowered_after_figures_is_named(tmp_path):
    file = project(tmp_path, 12)
    assessed(tmp_path, file, "--k", "20")
    code, found = assessed(tmp_path, file)
    assert code == 0
    assert found["threshold"]["proof"] == ""
    assert found["log"]["changed"] is True
    (lowered,) = [r for r in found["verdict"]["reasons"] if r["code"] == "threshold_lowered"]
    assert lowered["counts"] == {"before": 20, "k": 11}
    assert "lowered after figures had been seen: public-release" in pages(tmp_path)[1]
    (tmp_path / "log.jsonl").unlink()
    assert "threshold_lowered" not in codes(assessed(tmp_path, file)[1])


def test_the_log_has_one_line_a_run_without_values_for_its_owner(tmp_path):
    file = project(tmp_path)
    for n in (1, 2):
        assessed(tmp_path, file)
        lines = (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()
        assert len(lines) == n
    entry = json.loads(lines[0])
    assert set(entry) == LOGGED
    assert (entry["models"], entry["k"], entry["status"]) == (
        {"public-release": 11},
        11,
        "acceptable",
    )
    assert stat.S_IMODE((tmp_path / "log.jsonl").stat().st_mode) == 0o600


def test_a_log_that_cannot_be_written_is_said_and_no_error(tmp_path, capsys):
    file = project(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "log.jsonl").symlink_to(tmp_path / "elsewhere" / "none")
    code, found = assessed(tmp_path, file)
    assert code == 0
    assert "the run is not in the log" in capsys.readouterr().err
    assert not (tmp_path / "elsewhere" / "none").exists()
    assert found["threshold"]["proof"] == "project"


def test_a_damaged_log_proves_nothing(tmp_path, capsys):
    file = project(tmp_path)
    assessed(tmp_path, file)
    with (tmp_path / "log.jsonl").open("a", encoding="utf-8") as handle:
        handle.write("{}\n")
    code, found = assessed(tmp_path, file)
    assert code == 0
    assert "1 lines of the log" in capsys.readouterr().err
    assert found["threshold"]["proof"] == ""


@pytest.mark.parametrize(("oldest", "status"), [(1, "above_threshold"), (12, "acceptable")])
def test_an_unknown_value_hides_nobody_else_in_a_public_release(tmp_path, oldest, status):
    file = project(tmp_path, missing="wildcard")
    people(tmp_path / "t.csv", {"60": 40, "97": oldest, "": 12}, "age")
    _, found = assessed(tmp_path, file)
    assert found["verdict"]["status"] == status
    assert found["missing_policy"] == "wildcard-cautious"
    assert found["measures"]["k"] == oldest


def test_a_controlled_release_keeps_the_wildcard_of_sdcmicro(tmp_path):
    file = project(tmp_path, missing="wildcard")
    people(tmp_path / "t.csv", {"60": 40, "97": 1, "": 12}, "age")
    _, found = assessed(tmp_path, file, *INSIDER)
    assert found["missing_policy"] == "wildcard"
    assert found["measures"]["k"] == 13


@settings(deadline=None)
@given(
    st.lists(st.tuples(*[st.integers(-1, 2)] * 3), min_size=1, max_size=30),
)
def test_cautious_classes_are_those_who_agree_with_every_known_value(rows):
    codes_ = np.array(rows)
    expected = [
        sum(all(r in (-1, s) for r, s in zip(row, other, strict=True)) for other in rows)
        for row in rows
    ]
    found = EquivalenceClasses.from_codes(codes_, missing="wildcard-cautious")
    assert found.record_sizes.tolist() == expected
    assert matching_set_sizes(codes_, missing="wildcard-cautious").tolist() == expected
    wide = EquivalenceClasses.from_codes(codes_, missing="wildcard", symmetric=True)
    assert (found.record_sizes <= wide.record_sizes).all()
