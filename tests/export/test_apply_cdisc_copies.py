"""Measures at several visits, variables that several data sets repeat, and Parquet."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml
from command_line import midi_risk

from midi_risk.sources import extract

SUBJECTS = 40
KEYS = [f"S-{n:03d}" for n in range(SUBJECTS)]
PROJECT = """\
schema: midi-risk/project/1
collection:
  name: Small trial
  sources:
    - {sdtm: trial/}
threat_models: [public-release]
attributes:
  AGE: {role: quasi_identifier, kind: age, hierarchy: age, level: 5y, decision: generalise}
  SEX: {role: quasi_identifier, kind: sex, decision: retain}
  RACE: {role: quasi_identifier, kind: category, decision: remove}
  HEIGHT: {role: quasi_identifier, kind: number, hierarchy: height, level: 10cm,
    decision: generalise}
  WEIGHT: {role: quasi_identifier, kind: number, hierarchy: weight, decision: remove}
  VSSTRESC: {role: insensitive, decision: remove}
  VSORRES: {role: insensitive, decision: retain}
  VSSTRESN: {role: insensitive, kind: number, decision: retain}
  VISITNUM: {role: insensitive, decision: retain}
  VSTESTCD: {role: insensitive, decision: retain}
  VSORRESU: {role: insensitive, decision: retain}
  VSSTRESU: {role: insensitive, decision: retain}
  HOME: {role: quasi_identifier, kind: category, decision: remove}
"""


def trial() -> dict[str, pd.DataFrame]:
    """Return DM, its qualifiers, ADSL that repeats DM, and three tests at up to three visits."""
    dm = pd.DataFrame(
        {
            "STUDYID": "T",
            "USUBJID": KEYS,
            "AGE": [61 + n % 3 for n in range(SUBJECTS)],
            "SEX": ["MF"[n % 2] for n in range(SUBJECTS)],
            "RACE": ["WHITE", "ASIAN"] * 20,
        }
    )
    supp = pd.DataFrame(
        {
            "STUDYID": "T", "RDOMAIN": "DM", "USUBJID": KEYS, "IDVAR": "", "IDVARVAL": "",
            "QNAM": "HOME", "QLABEL": "Home town", "QVAL": "Little Town",
        }
    )  # fmt: skip
    adsl = dm.assign(SAFFL="Y", TRT01P=["A", "B"] * 20)
    tests = []
    for n, key in enumerate(KEYS):
        tests.append((key, "HEIGHT", 1, 66.9, "in", float(170 + n % 4), "cm"))
        for visit in (1, 2, 3)[: 1 + n % 3]:
            tests.append((key, "WEIGHT", visit, 150.0, "lb", 68.0 + visit, "kg"))
            tests.append((key, "PULSE", visit, 60.0 + n % 2, "bpm", 60.0 + n % 2, "bpm"))
    names = ["USUBJID", "VSTESTCD", "VISITNUM", "VSORRES", "VSORRESU", "VSSTRESN", "VSSTRESU"]
    vs = pd.DataFrame(tests, columns=names).assign(STUDYID="T")
    vs["VSSTRESC"] = vs["VSSTRESN"].map(lambda value: f"{value:g}")
    vs["VSORRES"] = vs["VSORRES"].map(lambda value: f"{value:g}")
    return {"dm": dm, "suppdm": supp, "adsl": adsl, "vs": vs}


@pytest.fixture(params=["parquet", "xpt"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Write the trial in one form and return its folder."""
    place = tmp_path / "trial"
    place.mkdir()
    for name, frame in trial().items():
        if request.param == "parquet":
            frame.to_parquet(place / f"{name}.parquet")
        else:
            pyreadstat = pytest.importorskip("pyreadstat")
            pyreadstat.write_xport(frame, str(place / f"{name}.xpt"), table_name=name.upper())
    return place


def _written(path: Path) -> pd.DataFrame:
    if path.with_suffix(".parquet").is_file():
        return pd.read_parquet(path.with_suffix(".parquet"))
    import pyreadstat

    return pyreadstat.read_xport(str(path.with_suffix(".xpt")))[0]


def test_body_measures_of_every_visit_have_columns_and_copies_are_read_once(folder: Path) -> None:
    read = extract(folder)
    vs = read.table("VS").rows
    assert read.table("DM").rows.column("HOME").to_pylist() == ["Little Town"] * SUBJECTS
    assert set(read.table("ADSL").rows.column_names) == {"USUBJID", "SAFFL", "TRT01P"}
    codes = vs.column("VSTESTCD").to_pylist()
    for name in ("HEIGHT", "WEIGHT"):
        values = vs.column(name).to_pylist()
        assert [v is not None for v in values] == [code == name for code in codes]
    for name in ("VSORRES", "VSSTRESC", "VSSTRESN"):
        values = vs.column(name).to_pylist()
        assert [v is not None for v in values] == [code == "PULSE" for code in codes]
    assert read.table("VS").labels["HEIGHT"] == "Height (cm)"
    assert sum("read once" in text for text in read.findings) == 2


def test_an_analysis_data_set_has_columns_of_body_measures_too(tmp_path: Path) -> None:
    frames = trial()
    frames["adsl"].to_parquet(tmp_path / "adsl.parquet")
    rows = [(k, code, 70.5 + v, 70.5, 1.0 * v) for k in KEYS for code in ("WEIGHT", "PULSE")
            for v in (0, 1)]  # fmt: skip
    names = ["USUBJID", "PARAMCD", "AVAL", "BASE", "CHG"]
    pd.DataFrame(rows, columns=names).to_parquet(tmp_path / "advs.parquet")
    rows_read = extract(tmp_path).table("ADVS").rows
    weighed = [code == "WEIGHT" for code in rows_read.column("PARAMCD").to_pylist()]
    assert [v is not None for v in rows_read.column("WEIGHT").to_pylist()] == weighed
    for name in ("AVAL", "BASE", "CHG"):
        assert [v is None for v in rows_read.column(name).to_pylist()] == weighed


def test_a_copy_that_differs_is_read(folder: Path) -> None:
    if (folder / "adsl.parquet").is_file():
        frame = pd.read_parquet(folder / "adsl.parquet")
        frame.loc[3, "SEX"] = "M"
        frame.to_parquet(folder / "adsl.parquet")
        assert "SEX" in extract(folder).table("ADSL").rows.column_names


def test_copies_and_measures_follow_their_rule_in_what_is_written(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = folder.parent
    (project / "midi-risk.yaml").write_text(PROJECT, encoding="utf-8")
    said = midi_risk(capsys, "suggest", project, "-o", project / "s", "--quiet", "--budget", 5)
    plan = json.loads((project / "s" / "plan.json").read_text(encoding="utf-8"))
    assert plan["found"], said.err
    release = project / "out"
    plan_file = project / "s" / "plan.json"
    said = midi_risk(capsys, "apply", project, "--plan", plan_file, "-o", release, "--quiet")
    assert said.code in {0, 3, 4}, said.err
    account = json.loads((release / "assessment" / "apply.json").read_text(encoding="utf-8"))
    assert account["equal"], account["reasons"]
    for name in ("dm", "adsl"):
        frame = _written(release / "release" / "sdtm" / name)
        assert set(frame["AGE"]) == {62.0}
        assert set(frame["RACE"].fillna("")) == {""}
        assert set(frame["SEX"]) == {"M", "F"}
    vs = _written(release / "release" / "sdtm" / "vs")
    results = ["VSORRES", "VSSTRESC", "VSSTRESN"]
    heights = vs[vs["VSTESTCD"] == "HEIGHT"]
    assert set(heights["VSSTRESC"]) == {"170-179 cm"}
    assert set(heights["VSSTRESN"]) == {175.0}
    assert set(heights["VSORRES"].fillna("")) == {""}
    assert set(vs[vs["VSTESTCD"] == "PULSE"]["VSSTRESC"].fillna("")) == {""}
    weights = vs[vs["VSTESTCD"] == "WEIGHT"][results]
    assert len(weights) > SUBJECTS
    assert (weights.isna() | (weights == "")).all().all()
    pulse = vs[vs["VSTESTCD"] == "PULSE"]
    assert set(pulse["VSSTRESN"]) == {60.0, 61.0}
    read = yaml.safe_load((release / "midi-risk.yaml").read_text(encoding="utf-8"))
    assert read["collection"]["sources"] == [{"sdtm": "release/sdtm"}]


def mixed(folder: Path) -> Path:
    """Write a trial of which every other height is in inches."""
    place = folder / "trial"
    place.mkdir()
    dm = trial()["dm"]
    rows = [
        (key, "HEIGHT", *(("67", 67.0, "in") if n % 2 else ("170.18", 170.18, "cm")))
        for n, key in enumerate(KEYS)
    ]
    vs = pd.DataFrame(rows, columns=["USUBJID", "VSTESTCD", "VSSTRESC", "VSSTRESN", "VSSTRESU"])
    dm.to_parquet(place / "dm.parquet")
    vs.assign(STUDYID="T").to_parquet(place / "vs.parquet")
    return place


def test_heights_in_two_units_are_one_height_and_leave_in_the_unit_beside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = mixed(tmp_path)
    table = extract(place).table("VS")
    assert table.rows.column("HEIGHT").to_pylist()[:2] == ["170.18 cm", "67 in"]
    project = tmp_path / "p"
    project.mkdir()
    (project / "midi-risk.yaml").write_text(
        "schema: midi-risk/project/1\ncollection: {name: T, sources: [{sdtm: ../trial}]}\n"
        "attributes:\n  HEIGHT: {role: quasi_identifier, level: 10cm}\n",
        encoding="utf-8",
    )
    midi_risk(capsys, "assess", project, "-o", tmp_path / "a", "--quiet")
    found = json.loads((tmp_path / "a" / "assessment.json").read_text(encoding="utf-8"))
    height = next(a for a in found["attributes"] if a["name"] == "HEIGHT")
    assert (height["unit"], height["distinct"]) == ("mixed", 1)
    midi_risk(capsys, "suggest", project, "-o", project / "s", "--quiet", "--budget", 5)
    plan = project / "s" / "plan.json"
    said = midi_risk(capsys, "apply", project, "--plan", plan, "-o", tmp_path / "r", "--quiet")
    assert said.code in {0, 3, 4}, said.err
    vs = pd.read_parquet(tmp_path / "r" / "release" / "sdtm" / "vs.parquet")
    told = set(zip(vs["VSSTRESU"], vs["VSSTRESN"].round(1), strict=True))
    assert told == {("cm", 175.0), ("in", 68.9)}
    assert set(vs["VSSTRESC"]) == {"170-179 cm"}
