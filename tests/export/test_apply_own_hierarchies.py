"""Rules that the project file spells out reach the files that are written."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import yaml

from midi_risk.attributes.model import Attribute, Kind, Role
from midi_risk.attributes.own_hierarchy import OWN
from midi_risk.cli.app import run
from midi_risk.config import HierarchyStep
from midi_risk.export.dicom.recode import ladder_of_dates, visit_date, written
from midi_risk.export.rules import Action, Rule

PROJECT = {
    "schema": "midi-risk/project/1",
    "collection": {"name": "own", "sources": [{"table": "people.csv", "key": "id"}]},
    "attributes": {
        "age": {
            "role": "quasi_identifier",
            "hierarchy": [{"top": 80, "bottom": 40, "name": "ends"}, {"cuts": [40, 60, 80]}],
            "level": "ends",
        },
        "weight": {"role": "quasi_identifier", "hierarchy": [{"round": 10}], "level": 1},
        "score": {
            "role": "quasi_identifier",
            "kind": "number",
            "hierarchy": [{"microaggregate": 20, "name": "means"}],
            "level": "means",
        },
        "maker": {
            "role": "quasi_identifier",
            "kind": "category",
            "hierarchy": [{"groups": {"Big": ["Siemens", "GE"]}}],
            "level": 1,
        },
        "town": {
            "role": "quasi_identifier",
            "kind": "category",
            "hierarchy": [{"rare": 16}],
            "level": 1,
        },
        "seen": {"role": "quasi_identifier", "hierarchy": [{"date": "quarter"}], "level": 1},
    },
}  # fmt: skip


def project(folder: Path) -> Path:
    with (folder / "people.csv").open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["id", "age", "weight", "score", "maker", "town", "seen"])
        for number in range(360):
            i = number % 120
            writer.writerow([
                f"p{number:03d}", 30 + i % 61, 51 + i % 40, i % 6, ["Siemens", "GE", "Tiny"][i % 3],
                "Bonn" if i > 4 else "Ulm", f"2012-{1 + i % 12:02d}-17",
            ])  # fmt: skip
    (folder / "midi-risk.yaml").write_text(yaml.safe_dump(PROJECT), encoding="utf-8")
    return folder


def test_every_rule_is_written_and_read_back_with_the_risk_that_was_promised(tmp_path, capsys):
    folder = project(tmp_path)
    code = run(
        [
            "suggest",
            str(folder),
            "--k",
            "3",
            "--k-reason",
            "test",
            "-o",
            str(tmp_path / "out"),
            "-q",
        ]
    )
    assert code == 0
    assert "below 40 together, 80 and over together" in capsys.readouterr().out
    plan = str(tmp_path / "out" / "plan.json")
    run(["apply", str(folder), "--plan", plan, "-o", str(tmp_path / "rel")])
    assert "the files carry the risk that the plan promised" in capsys.readouterr().out
    with (tmp_path / "rel" / "release" / "people.csv").open(encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    shown = {name: {row[name] for row in rows} for name in rows[0]}
    assert {"<40", "80+", "55"} <= shown["age"]
    assert not {"39", "84", "90"} & shown["age"]
    assert shown["weight"] == {"50", "60", "70", "80", "90"}
    # Sixty subjects each have the scores 0 to 5, so every score is a group of its own.
    assert shown["score"] == {"0", "1", "2", "3", "4", "5"}
    assert shown["maker"] == {"Big", "other"}
    assert shown["town"] == {"Bonn", "other"}
    assert shown["seen"] == {"2012-Q1", "2012-Q2", "2012-Q3", "2012-Q4"}


@pytest.mark.parametrize(
    ("step", "day"),
    [
        ("week", "20120515"),
        ("month", "20120501"),
        ("quarter", "20120401"),
        ("year", "20120101"),
        ("5y", "20120101"),
        ("10y", "20140101"),
    ],
)
def test_the_dates_of_a_visit_in_dicom_follow_a_rule_of_dates(step, day):
    attribute = Attribute(
        name="StudyDate", source="dicom", column="StudyDate", role=Role.QUASI_IDENTIFIER,
        kind=Kind.DATE, reason="", hierarchy_steps=(HierarchyStep(date=step),),
    )  # fmt: skip
    rule = Rule(attribute=attribute, action=Action.GENERALISE, level=1, ladder=OWN)
    assert visit_date("20120517", *ladder_of_dates(rule)) == day


def test_a_band_from_zero_is_not_written_as_an_unknown_weight():
    attribute = Attribute(
        name="PatientWeight", source="dicom", column="PatientWeight", role=Role.QUASI_IDENTIFIER,
        kind=Kind.NUMBER, reason="", ladder="weight", hierarchy_steps=(HierarchyStep(width=10),),
    )  # fmt: skip
    rule = Rule(attribute=attribute, action=Action.GENERALISE, level=1, ladder=OWN)
    assert written(rule, "DS", "[0, 10)") == "5"
    assert written(rule, "DS", "[70, 80)") == "75"


def test_rules_that_do_not_nest_or_are_two_in_one_are_one_line(tmp_path, capsys):
    folder = project(tmp_path)
    file = folder / "midi-risk.yaml"
    wrong = yaml.safe_load(file.read_text(encoding="utf-8"))
    wrong["attributes"]["age"] |= {"hierarchy": [{"width": 10}, {"cuts": [45]}], "level": 1}
    file.write_text(yaml.safe_dump(wrong), encoding="utf-8")
    assert run(["suggest", str(folder), "-o", str(tmp_path / "out"), "-q"]) == 2
    said = capsys.readouterr().err
    assert "'40-49' becomes both '0-44' and '45+'" in said
    assert said.count("\n") == 1
    wrong["attributes"]["age"]["hierarchy"] = [{"width": 10, "top": 80}]
    file.write_text(yaml.safe_dump(wrong), encoding="utf-8")
    assert run(["suggest", str(folder), "-o", str(tmp_path / "out"), "-q"]) == 2
    assert "attributes.age.hierarchy" in capsys.readouterr().err
