from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from midi_risk.cli.app import run
from midi_risk.export.cdisc import partial_date
from midi_risk.sources import extract

pyreadstat = pytest.importorskip("pyreadstat")

SUBJECTS = 40
RARE = "S-139"
PROJECT = """\
schema: midi-risk/project/1
collection:
  name: Small trial
  sources:
    - {sdtm: trial/}
threat_models: [public-release]
attributes:
  SUBJID: {role: direct_identifier, decision: remove}
  AGE: {role: quasi_identifier, kind: age, hierarchy: age, level: 5y, decision: generalise}
  SEX: {role: quasi_identifier, kind: sex, decision: retain}
  RACE: {role: quasi_identifier, kind: category, decision: retain}
  BRTHDTC: {role: insensitive, kind: date, decision: retain}
  RFSTDTC: {role: quasi_identifier, kind: date, hierarchy: date, level: month,
    decision: generalise}
  RFSTDT: {role: insensitive, kind: date, hierarchy: date, level: year, decision: generalise}
  AESTDTC: {role: quasi_identifier, kind: date, hierarchy: date, level: year,
    decision: generalise}
  HOME: {role: quasi_identifier, kind: category, decision: remove}
  FLAG: {role: insensitive, kind: category, decision: retain}
  EDU: {role: insensitive, kind: number, hierarchy: number, level: 1, decision: generalise}
  MARITAL: {role: insensitive, kind: category, decision: retain}
  SECRET: {role: insensitive, decision: remove}
"""


def domains() -> dict[str, pd.DataFrame]:
    """Return a small trial; the last subject has a race of her own."""
    keys = [f"S-1{n:02d}" for n in range(SUBJECTS)]
    days = [f"2014-03-{1 + n % 28:02d}" for n in range(SUBJECTS)]
    days[3] = "2014-03"
    dm = pd.DataFrame({
        "STUDYID": "T", "DOMAIN": "DM", "USUBJID": keys,
        "SUBJID": [key[2:] for key in keys],
        "RFSTDTC": days,
        "RFSTDT": [float(pd.Timestamp("2014-03-02").toordinal() - 715510 + n % 9)
                   for n in range(SUBJECTS)],
        "BRTHDTC": [f"19{50 + n % 3}-01-01" for n in range(SUBJECTS)],
        "AGE": [61.0 + n % 3 for n in range(SUBJECTS)], "AGEU": "YEARS",
        "SEX": ["MF"[n % 2] for n in range(SUBJECTS)],
        "RACE": ["RARE" if key == RARE else "WHITE" for key in keys],
    })  # fmt: skip
    ae = pd.DataFrame({
        "STUDYID": "T", "DOMAIN": "AE", "USUBJID": [k for k in keys for _ in range(2)],
        "AESEQ": [float(i + 1) for _ in keys for i in range(2)],
        "AETERM": "HEADACHE",
        "AESTDTC": [d for n in range(SUBJECTS) for d in (f"2014-0{4 + n % 3}-05T10:00", "2015")],
    })  # fmt: skip
    sc = pd.DataFrame({
        "STUDYID": "T", "DOMAIN": "SC", "USUBJID": [k for k in keys for _ in range(3)],
        "SCSEQ": [float(i + 1) for _ in keys for i in range(3)],
        "SCTESTCD": ["EDU", "MARITAL", "SECRET"] * SUBJECTS,
        "SCTEST": ["Years", "Marital Status", "Secret"] * SUBJECTS,
        "SCORRES": [v for n in range(SUBJECTS) for v in (f"{10 + n % 2}", "wed", "hidden")],
        "SCSTRESC": [v for n in range(SUBJECTS) for v in (f"{10 + n % 2}", "MARRIED", "HIDDEN")],
        "SCSTRESN": [v for n in range(SUBJECTS) for v in (10.0 + n % 2, None, None)],
        "SCDTC": "2014-03-09",
    })  # fmt: skip
    supp = pd.DataFrame({
        "STUDYID": "T", "RDOMAIN": "DM", "USUBJID": [k for k in keys for _ in range(2)],
        "IDVAR": "", "IDVARVAL": "", "QNAM": ["HOME", "FLAG"] * SUBJECTS,
        "QLABEL": ["Home town", "Flag"] * SUBJECTS, "QVAL": ["Little Town", "Y"] * SUBJECTS,
        "QORIG": "CRF", "QEVAL": "DR JANE DOE",
    })  # fmt: skip
    ts = pd.DataFrame({"STUDYID": ["T"], "TSPARMCD": ["TITLE"], "TSVAL": ["By Jane Doe"]})
    return {"dm": dm, "ae": ae, "sc": sc, "suppdm": supp, "ts": ts}


def write_xpt(folder: Path, name: str, frame: pd.DataFrame) -> None:
    formats = {"RFSTDT": "DATE9"} if "RFSTDT" in frame else {}
    labels = {column: f"Label of {column}" for column in frame}
    pyreadstat.write_xport(
        frame, str(folder / f"{name}.xpt"), table_name=name.upper(), file_format_version=5,
        column_labels=labels, variable_format=formats,
    )  # fmt: skip


def write_json(folder: Path, name: str, frame: pd.DataFrame, form: str) -> None:
    kinds = {"f": "integer" if "SEQ" in "".join(frame) else "float"}
    columns = [
        {"itemOID": f"IT.{c}", "name": c, "label": f"Label of {c}",
         "dataType": kinds.get(frame[c].dtype.kind, "string")}
        for c in frame
    ]  # fmt: skip
    rows = [[None if pd.isna(v) else v for v in row] for row in frame.itertuples(index=False)]
    head: dict[str, Any] = {
        "datasetJSONCreationDateTime": "2020-01-01T00:00:00", "datasetJSONVersion": "1.1.0",
        "fileOID": "/home/jane", "originator": "Jane Doe", "studyOID": "T",
        "itemGroupOID": f"IG.{name}", "records": len(rows), "name": name.upper(),
        "label": "x", "columns": columns,
    }  # fmt: skip
    if form == "ndjson":
        lines = [json.dumps(part) for part in (head, *rows)]
        (folder / f"{name}.ndjson").write_text("\n".join(lines), encoding="utf-8")
    else:
        text = json.dumps({**head, "rows": rows})
        (folder / f"{name}.json").write_text(text, encoding="utf-8")


def make_trial(folder: Path, form: str = "xpt") -> Path:
    """Write the trial and its project."""
    trial = folder / "trial"
    trial.mkdir(parents=True)
    for name, frame in domains().items():
        if form == "xpt":
            write_xpt(trial, name, frame)
        else:
            write_json(trial, name, frame.drop(columns="RFSTDT", errors="ignore"), form)
    (trial / "define.xml").write_text("<ODM><Study>Jane Doe</Study></ODM>", encoding="utf-8")
    (trial / "notes.docx").write_bytes(b"Jane Doe")
    project = PROJECT
    if form != "xpt":
        project = "\n".join(line for line in PROJECT.splitlines() if "  RFSTDT:" not in line)
    (folder / "midi-risk.yaml").write_text(project, encoding="utf-8")
    return folder


def released(folder: Path) -> Path:
    plan = folder / "plan"
    assert run(["suggest", str(folder), "--max-suppression", "5%", "-o", str(plan), "-q"]) == 0
    target = folder / "out"
    code = run(["apply", str(folder), "--plan", str(plan / "plan.json"), "-o", str(target), "-q"])
    assert code == 4  # no search for linked data is recorded
    return target


@pytest.fixture(scope="session")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what apply makes of the trial in SAS transport files."""
    return released(make_trial(tmp_path_factory.mktemp("trial")))


def read(release: Path, name: str) -> pd.DataFrame:
    frame, _ = pyreadstat.read_xport(str(release / "release" / "sdtm" / f"{name}.xpt"))
    return frame


def test_demographics_keep_form_types_and_labels(trial: Path) -> None:
    path = trial / "release" / "sdtm" / "dm.xpt"
    frame, meta = pyreadstat.read_xport(str(path))
    before = domains()["dm"]
    assert list(frame) == list(before)
    assert meta.table_name == "DM"
    assert meta.column_names_to_labels["AGE"] == "Label of AGE"
    assert len(frame) == SUBJECTS - 1
    assert set(frame["AGE"]) == {62.0}
    assert set(frame["SUBJID"]) == {""}
    assert set(frame["RFSTDTC"]) == {"2014-03"}
    assert {str(day) for day in frame["RFSTDT"]} == {"2014-01-01"}
    assert set(frame["BRTHDTC"]) == {""}
    assert list(frame["SEX"]) == list(before["SEX"][:-1])


def test_dates_are_as_precise_as_their_level_and_no_more(trial: Path) -> None:
    frame = read(trial, "ae")
    assert set(frame["AESTDTC"]) == {"2014", "2015"}
    assert set(frame["AETERM"]) == {"HEADACHE"}
    assert list(frame["AESEQ"][:2]) == [1.0, 2.0]


def test_qualifiers_follow_the_rule_of_the_column_that_they_are(trial: Path) -> None:
    frame = read(trial, "suppdm")
    assert set(frame["QNAM"]) == {"FLAG"}
    assert set(frame["QVAL"]) == {"Y"}
    assert set(frame["QEVAL"]) == {""}
    assert len(frame) == SUBJECTS - 1


def test_a_findings_domain_shows_what_was_assessed_of_it(trial: Path) -> None:
    frame = read(trial, "sc")
    assert set(frame["SCTESTCD"]) == {"EDU", "MARITAL"}
    assert set(frame["SCDTC"]) == {""}
    married = frame[frame["SCTESTCD"] == "MARITAL"]
    assert set(married["SCSTRESC"]) == {"MARRIED"}
    assert set(married["SCORRES"]) == {""}
    years = frame[frame["SCTESTCD"] == "EDU"]
    assert len(years) == SUBJECTS - 1
    assert set(years["SCORRES"]) == set(years["SCSTRESC"])
    assert years["SCSTRESN"].nunique() == years["SCSTRESC"].nunique()


def test_subjects_that_are_left_out_are_left_out_everywhere(trial: Path) -> None:
    for path in (trial / "release").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            for secret in (RARE.encode(), b"RARE", b"Little Town", b"Jane", b"HIDDEN", b"JANE"):
                assert secret not in content, path.name


def test_every_file_is_accounted_for(trial: Path) -> None:
    with (trial / "assessment" / "files.csv").open(encoding="utf-8", newline="") as handle:
        rows = {Path(row["source"]).name: row for row in csv.DictReader(handle)}
    assert set(rows) == {p.name for p in (trial.parent / "trial").iterdir()}
    assert "Define-XML" in rows["define.xml"]["reason"]
    assert "not about subjects" in rows["ts.xpt"]["reason"]
    assert rows["dm.xpt"]["release"] == "sdtm/dm.xpt"


def test_the_files_carry_the_risk_that_the_plan_promised(trial: Path) -> None:
    account = json.loads((trial / "assessment" / "apply.json").read_text(encoding="utf-8"))
    assert account["equal"], account["reasons"]
    notes = " ".join(account["notes"])
    assert "USUBJID holds the values of SUBJID" in notes


def test_the_dictionary_says_what_stands_for_a_band(trial: Path) -> None:
    with (trial / "release" / "data-dictionary.csv").open(encoding="utf-8") as handle:
        rows = [row for row in csv.DictReader(handle) if row["label"]]
    assert {(r["attribute"], r["label"], r["written"]) for r in rows} >= {
        ("AGE", "60-64", "62"),
        ("AESTDTC", "2014", "2014"),
    }


@pytest.mark.parametrize("form", ["json", "ndjson"])
def test_dataset_json_is_written_as_dataset_json(tmp_path: Path, trial: Path, form: str) -> None:
    target = released(make_trial(tmp_path / "trial", form))
    place = target / "release" / "sdtm"
    lines = (place / f"dm.{form}").read_text(encoding="utf-8").splitlines()
    head = json.loads(lines[0])
    rows = head["rows"] if form == "json" else [json.loads(line) for line in lines[1:]]
    assert head["records"] == len(rows) == SUBJECTS - 1
    assert "originator" not in head
    names = [column["name"] for column in head["columns"]]
    assert {row[names.index("AGE")] for row in rows} == {62}
    both = extract(place), extract(trial / "release" / "sdtm")
    for name in ("AE", "SC"):
        one, other = (extraction.table(name).rows.to_pydict() for extraction in both)
        assert one == other
    text = "".join(path.read_text(encoding="utf-8") for path in place.iterdir())
    assert not [secret for secret in (RARE, "Jane", "Little Town") if secret in text]


def test_where_may_select_whole_subjects_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_trial(tmp_path / "trial")
    project = folder / "midi-risk.yaml"
    text = project.read_text(encoding="utf-8")
    text = text.replace("threat_models:", "  where: \"RACE = 'WHITE'\"\nthreat_models:", 1)
    project.write_text(text, encoding="utf-8")
    target = released(folder)
    assert len(read(target, "dm")) == SUBJECTS - 1
    assert RARE not in set(read(target, "ae")["USUBJID"])
    capsys.readouterr()


@pytest.mark.parametrize(
    ("label", "text"),
    [("2012-03-15/21", "2012-03-15"), ("2012-Q4", "2012-10"), ("1950-1954", "1952"), ("x", None)],
)
def test_partial_dates_are_iso_8601(label: str, text: str | None) -> None:
    assert partial_date(label) == text


def test_the_cdisc_pilot_keeps_its_risk(tmp_path: Path, shared_data: Path) -> None:
    folder = tmp_path / "pilot"
    folder.mkdir()
    (folder / "trial").symlink_to(shared_data / "clinical" / "phuse_tdf_sdtm")
    dates = ("RFSTDTC", "RFENDTC", "RFXSTDTC", "RFXENDTC", "RFPENDTC", "DTHDTC", "DMDTC", "CMDTC",
             "CMSTDTC", "CMENDTC", "DSDTC", "DSSTDTC", "MHDTC", "MHSTDTC", "SVSTDTC", "SVENDTC",
             "AEDTC", "AEENDTC", "SITEID", "ETHNIC")  # fmt: skip
    lines = [f"  {name}: {{role: quasi_identifier, decision: remove}}" for name in dates]
    lines.append("  AESTDTC: {role: quasi_identifier, hierarchy: date, level: year,"
                 " decision: generalise}")  # fmt: skip
    head = PROJECT.partition("attributes:")[0]
    (folder / "midi-risk.yaml").write_text(
        head + "attributes:\n" + "\n".join(lines) + "\n", encoding="utf-8"
    )
    plan = tmp_path / "plan"
    assert run(["suggest", str(folder), "--max-suppression", "20%", "-o", str(plan), "-q"]) == 0
    target = tmp_path / "out"
    assert run(["apply", str(folder), "--plan", str(plan / "plan.json"), "-o", str(target)]) == 4
    account = json.loads((target / "assessment" / "apply.json").read_text(encoding="utf-8"))
    assert account["equal"], account["reasons"]
    hidden = set(json.loads((plan / "plan.json").read_text("utf-8"))["suppressed_subjects"])
    assert hidden
    for path in (target / "release" / "sdtm").glob("*.xpt"):
        frame, meta = pyreadstat.read_xport(str(path))
        before, was = pyreadstat.read_xport(str(folder / "trial" / path.name))
        assert list(frame) == list(before)
        assert meta.column_names_to_labels == was.column_names_to_labels
        assert not hidden & set(frame["USUBJID"])


def test_a_writer_that_hides_a_full_disk_stops_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_trial(tmp_path / "trial")
    plan = tmp_path / "plan"
    assert run(["suggest", str(folder), "--max-suppression", "5%", "-o", str(plan), "-q"]) == 0
    capsys.readouterr()

    def short(frame: pd.DataFrame, path: str, **_given: object) -> None:
        Path(path).write_bytes(b"HEADER" * len(frame))

    monkeypatch.setattr(pyreadstat, "write_xport", short)
    target = tmp_path / "out"
    assert run(["apply", str(folder), "--plan", str(plan / "plan.json"), "-o", str(target)]) == 2
    assert "the disk is full" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plan", "trial"]


def test_single_cells_are_refused_in_a_folder_that_repeats_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_trial(tmp_path)
    project = folder / "midi-risk.yaml"
    text = project.read_text(encoding="utf-8") + "missing: wildcard\n"
    text = text.replace("RACE: {role: quasi_identifier, kind: category, decision: retain}",
                        "RACE: {role: quasi_identifier, kind: category}")  # fmt: skip
    project.write_text(text, encoding="utf-8")
    plan = folder / "plan"
    run(["suggest", str(folder), "--cells", "--max-suppression", "5%", "-o", str(plan), "-q"])
    found = json.loads((plan / "plan.json").read_text(encoding="utf-8"))
    assert found["suppressed_cells"]["RACE"]
    capsys.readouterr()
    target = folder / "out"
    assert run(["apply", str(folder), "--plan", str(plan / "plan.json"), "-o", str(target)]) == 2
    assert "single cells cannot be emptied" in capsys.readouterr().err
    assert not target.exists()
