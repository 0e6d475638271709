"""Bands that differ between subjects, written to tables, images, BIDS, CDISC and frames."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from release_collection import image, released_files, save

import midi_risk as mr
from midi_risk.cli.app import run
from midi_risk.document.files import load_plan
from midi_risk.errors import MidiRiskError

K = 11
HEAD = """\
schema: midi-risk/project/1
collection:
  name: Invented
  sources:
    - {%s}
threat_models: [public-release]
attributes:
"""


def people(n: int = 240, seed: int = 3, *, gaps: bool = True) -> list[dict[str, str]]:
    draw = np.random.default_rng(seed)
    return [
        {
            "key": f"S{i:03d}",
            "age": ""
            if gaps and draw.random() < 0.08
            else str(min(88, max(21, round(draw.normal(60, 12))))),
            "sex": "FM"[int(draw.integers(2))],
            "site": str(draw.choice(["Ash", "Birch", "Cedar", "Elm"], p=[0.4, 0.3, 0.2, 0.1])),
        }
        for i in range(n)
    ]


def in_table(folder: Path) -> None:
    with (folder / "people.csv").open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, ["key", "age", "sex", "site"])
        writer.writeheader()
        writer.writerows(people())
    (folder / "midi-risk.yaml").write_text(
        HEAD % "table: people.csv, key: key"
        + "  age: {role: quasi_identifier, kind: age}\n"
        + "  sex: {role: quasi_identifier, kind: sex}\n"
        + "  site: {role: quasi_identifier, kind: category}\n",
        encoding="utf-8",
    )


def in_images(folder: Path) -> None:
    for number, person in enumerate(people()):
        ds = image(number)
        ds.PatientID, ds.PatientSex = person["key"], person["sex"]
        ds.Manufacturer = person["site"].upper()
        del ds.OriginalAttributesSequence
        if person["age"]:
            ds.PatientAge = f"{int(person['age']):03d}Y"
        else:
            del ds.PatientAge
        save(ds, folder / "images" / f"{number}.dcm")
    others = ["PatientWeight", "PatientSize", "PatientBodyMassIndex", "PatientBirthDate",
              "StudyDate", "StudyTime"]  # fmt: skip
    (folder / "midi-risk.yaml").write_text(
        HEAD % "dicom: images/"
        + "  PatientName: {role: direct_identifier, decision: remove}\n"
        + "  PatientAge: {role: quasi_identifier, hierarchy: age}\n"
        + "  PatientSex: {role: quasi_identifier}\n"
        + "  Manufacturer: {role: quasi_identifier, hierarchy: device}\n"
        + "".join(f"  {name}: {{role: quasi_identifier, decision: remove}}\n" for name in others),
        encoding="utf-8",
    )


def in_bids(folder: Path) -> None:
    data = folder / "data"
    data.mkdir()
    (data / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.9.0"}')
    lines = ["participant_id\tage\tsex\tsite"]
    for person in people():
        name = f"sub-{person['key']}"
        lines.append(f"{name}\t{person['age'] or 'n/a'}\t{person['sex']}\t{person['site']}")
        place = data / name / "anat"
        place.mkdir(parents=True)
        (place / f"{name}_T1w.json").write_text(json.dumps({"MagneticFieldStrength": 3}))
    (data / "participants.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "midi-risk.yaml").write_text(
        HEAD % "bids: data/"
        + "  age: {role: quasi_identifier, kind: age}\n"
        + "  sex: {role: quasi_identifier, kind: sex}\n"
        + "  site: {role: quasi_identifier, kind: category}\n"
        + "  MagneticFieldStrength: {role: insensitive, decision: retain}\n",
        encoding="utf-8",
    )


def in_cdisc(folder: Path) -> None:
    pyreadstat = pytest.importorskip("pyreadstat")
    rows = people()
    trial = folder / "trial"
    trial.mkdir()
    frame = pd.DataFrame({
        "STUDYID": "T", "DOMAIN": "DM", "USUBJID": [p["key"] for p in rows],
        "AGE": [float(p["age"]) if p["age"] else None for p in rows], "AGEU": "YEARS",
        "SEX": [p["sex"] for p in rows], "RACE": [p["site"].upper() for p in rows],
    })  # fmt: skip
    pyreadstat.write_xport(frame, str(trial / "dm.xpt"), table_name="DM", file_format_version=5)
    (folder / "midi-risk.yaml").write_text(
        HEAD % "sdtm: trial/"
        + "  AGE: {role: quasi_identifier, kind: age}\n"
        + "  SEX: {role: quasi_identifier, kind: sex}\n"
        + "  RACE: {role: quasi_identifier, kind: category}\n",
        encoding="utf-8",
    )


def applied(make: Callable[[Path], None], folder: Path) -> tuple[dict[str, Any], Path]:
    """Return the plan and the folder of what was written with it."""
    make(folder)
    assert run(["suggest", str(folder), "--local", "-o", str(folder / "plan"), "-q"]) == 0
    file = folder / "plan" / "plan.json"
    target = folder / "out"
    assert run(["apply", str(folder), "--plan", str(file), "-o", str(target), "-q"]) == 4
    return json.loads(file.read_text(encoding="utf-8")), target


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    return applied(in_table, tmp_path_factory.mktemp("table"))


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    return applied(in_images, tmp_path_factory.mktemp("images"))


def account(target: Path) -> dict[str, Any]:
    return json.loads((target / "assessment" / "apply.json").read_text(encoding="utf-8"))


def test_a_table_shows_the_label_of_the_class_also_where_the_value_is_missing(table):
    plan, target = table
    assert plan["local"]["classes"]
    with (target / "release" / "people.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    seen = Counter((row["age"], row["sex"], row["site"]) for row in rows)
    assert min(seen.values()) >= K
    assert any(age.endswith(" or unknown") for age, *_ in seen)
    original = {person["key"]: person for person in people()}
    bare = [row for row in rows if not original[row["key"]]["age"]]
    assert {row["age"] for row in bare} <= {age for age, *_ in seen}
    for row in rows:
        age = original[row["key"]]["age"]
        label = row["age"].removesuffix(" or unknown")
        if age and label:
            low, _, high = label.rstrip("+").partition("-")
            assert int(low) <= int(age) <= (200 if label.endswith("+") else int(high or low))


@pytest.mark.parametrize("make", [in_bids, in_cdisc], ids=["bids", "cdisc"])
def test_what_is_written_carries_the_risk_that_the_plan_promised(make, tmp_path):
    plan, target = applied(make, tmp_path)
    assert plan["local"] is not None
    found = account(target)
    assert found["equal"], found["reasons"]
    assert found["written"]["passed"] is True


def test_the_files_of_a_table_carry_the_same_risk(table):
    found = account(table[1])
    assert found["equal"], found["reasons"]


def test_images_carry_no_more_risk_since_two_bands_may_have_one_median(images):
    found = account(images[1])
    assert not found["worse"], found["reasons"]
    assert found["written"]["k"] >= K
    assert found["written"]["subjects"] == found["planned"]["subjects"]
    assert found["written"]["passed"] == found["planned"]["passed"] is True


def test_an_element_holds_the_median_of_those_who_show_its_band(images):
    target = images[1]
    ages = {person["key"]: int(person["age"]) for person in people() if person["age"]}
    written = {}
    for ds in released_files(target):
        written[str(ds.PatientID)] = str(ds.get("PatientAge", "") or "")
    by_value: dict[str, list[int]] = {}
    for key, value in written.items():
        by_value.setdefault(value, []).append(ages.get(key, -1))
    assert len(by_value) > 2
    for value, members in by_value.items():
        if value:
            assert len(members) >= K
            assert -1 not in members  # who has no age looks like others who show none
            assert min(members) <= int(value[:3]) <= max(members)


def test_a_copy_that_may_be_passed_on_cannot_be_applied(table, tmp_path):
    plan = load_plan(table[1].parent / "plan" / "plan.json").public()
    (tmp_path / "public.json").write_text(json.dumps(plan.to_dict()), encoding="utf-8")
    project = str(table[1].parent)
    code = run(["apply", project, "--plan", str(tmp_path / "public.json"),
                "-o", str(tmp_path / "no"), "-q"])  # fmt: skip
    assert code == 2
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize(
    ("of", "target", "name"), [("table", "spreadsheet", "age"), ("images", "python", "PatientAge")]
)
def test_tools_that_cannot_name_subjects_say_so_in_one_line(
    of, target, name, request, tmp_path, capsys
):
    project = request.getfixturevalue(of)[1].parent
    plan = str(project / "plan" / "plan.json")
    out = str(tmp_path / target)
    capsys.readouterr()
    assert run(["export", str(project), "--to", target, "--plan", plan, "-o", out]) == 0
    lines = [x for x in capsys.readouterr().out.splitlines() if f" {name}:" in x]
    assert len(lines) == 1
    assert lines[0].split()[0] == "inexpressible"


def test_a_second_local_release_of_the_same_people_is_warned_of(tmp_path, capsys):
    in_table(tmp_path)
    project = str(tmp_path)

    def released(name: str, *more: str) -> str:
        plan = tmp_path / f"plan-{name}"
        run(["suggest", project, "--local", *more, "-o", str(plan), "-q"])
        out = str(tmp_path / name)
        assert run(["apply", project, "--plan", str(plan / "plan.json"), "-o", out, "-q"]) == 4
        return capsys.readouterr().err

    assert "intersects" not in released("first")
    assert released("second", "--local-sets", "ladder").count("intersects") == 2


def test_a_frame_is_recoded_like_a_file():
    frame = pd.DataFrame(people(gaps=False))
    subjects = mr.SubjectTable.from_frame(frame, quasi=["age", "sex", "site"], key="key")
    plan = mr.suggest(subjects, local=True)
    assert plan.local is not None
    released = plan.apply(frame)
    assert released.groupby(["age", "sex", "site"], dropna=False).size().min() >= K
    with pytest.raises(MidiRiskError, match="public copy"):
        mr.apply_plan(plan.public(), frame, subjects)
