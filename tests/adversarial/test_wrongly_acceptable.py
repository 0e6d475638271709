"""Places where a risk nobody counted could pass as acceptable."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest

import midi_risk as mr
from midi_risk.attributes.decisions import decided
from midi_risk.attributes.model import Attribute, Kind, Role
from midi_risk.config import AttributeSettings, ChannelStatement
from midi_risk.document.assessment import Context, SearchEntry
from midi_risk.errors import ConfigError, MidiRiskError
from midi_risk.risk.assess import AssessmentOptions, assess
from midi_risk.risk.measures.imprecise import known_attributes
from midi_risk.sources import select_rows
from midi_risk.threat.model import Adversary, ThreatModel

HEADER = ["id", "sex", "age"]
TODAY = datetime.now(UTC).date().isoformat()
SEARCHED = Context(linked_search=[SearchEntry(date=TODAY, by="me", place="archives", hits=0)])


def people(n: int = 240) -> list[list[str]]:
    return [[f"s{i:04d}", "MF"[i % 2], str(30 + 10 * (i // 2 % 4))] for i in range(n)]


def written(path: Path, header: list[str], rows: list[list[str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows([header, *rows])
    return path


def verdict_of(
    path: Path,
    header: list[str],
    rows: list[list[str]],
    *,
    linked: Path | None = None,
    where: str | None = None,
    said: dict[str, dict[str, object]] | None = None,
    **options: object,
):
    file = written(path / "t.csv", header, rows)
    extraction = mr.extract(str(file), tables=[str(linked)] if linked else [])
    extraction = select_rows(extraction, where) if where else extraction
    settings = {name: AttributeSettings.model_validate(v) for name, v in (said or {}).items()}
    table = mr.fold(extraction, decided(mr.propose(extraction), settings))
    options.setdefault("context", SEARCHED)
    return assess(table, ["public-release"], options=AssessmentOptions(**options)).verdict


def told(verdict) -> str:
    return " | ".join(reason.text for reason in verdict.reasons)


def test_the_table_itself_is_acceptable(tmp_path):
    assert verdict_of(tmp_path, HEADER, people()).status == "acceptable"


def test_rows_of_nobody_are_not_acceptable(tmp_path):
    verdict = verdict_of(tmp_path, HEADER, [*people(), ["", "F", "99"]])
    assert verdict.status == "incomplete"
    assert "1 row without a subject key" in told(verdict)


def test_orphans_of_a_linked_table_are_people_whom_no_class_counts(tmp_path):
    rows = [[row[0], "a"] for row in people()]
    linked = written(tmp_path / "u.csv", ["id", "arm"], [*rows, ["z1", "b"], ["z2", "b"]])
    verdict = verdict_of(tmp_path, HEADER, people(), linked=linked)
    assert verdict.status == "incomplete"
    assert "2 subjects of u.csv not in the leading source" in told(verdict)
    tolerated = verdict_of(tmp_path, HEADER, people(), linked=linked, orphan_tolerance=2)
    assert "leading source" not in told(tolerated)


def test_people_outside_a_selection_are_no_orphans(tmp_path):
    rows = [[row[0], "a"] for row in people()]
    linked = written(tmp_path / "u.csv", ["id", "arm"], rows)
    verdict = verdict_of(tmp_path, HEADER, people(), linked=linked, where="sex = 'M'")
    assert "leading source" not in told(verdict)


def test_values_that_nobody_can_read_are_not_missing_values(tmp_path):
    rows = people()
    for i in range(120):
        rows[i][2] = f"born {1900 + i}" if i < 2 else ""
    verdict = verdict_of(tmp_path, HEADER, rows)
    assert verdict.status == "incomplete"
    assert "2 distinct values of quasi-identifiers cannot be read" in told(verdict)
    removed = verdict_of(tmp_path, HEADER, rows, said={"age": {"decision": "remove"}})
    assert removed.status == "acceptable"


def dated(days: int, *names: str) -> tuple[list[str], list[list[str]]]:
    rows = [
        [*row, *[f"2020{1 + 3 * visit:02d}{1 + i % days * visit:02d}"] * len(names)]
        for i, row in enumerate(people())
        for visit in (0, 1)
    ]
    return [*HEADER, *names], rows


def test_an_identifier_declared_harmless_is_named(tmp_path):
    rows = [[*row, f"DOE^J{i}"] for i, row in enumerate(people())]
    said = {"PatientName": {"role": "insensitive"}, "age": {"role": "insensitive"}}
    verdict = verdict_of(tmp_path, [*HEADER, "PatientName"], rows, said=said)
    assert "2 proposed identifiers to be none" in told(verdict)
    assert "DOE" not in told(verdict)


@pytest.mark.parametrize(
    "figures",
    [{"status": "assessed", "value": 0.9, "upper": 0.01}, {"status": "bounded", "lower": 0.5,
      "upper": 0.1}],
)  # fmt: skip
def test_figures_of_a_channel_that_contradict_each_other_are_refused(figures):
    with pytest.raises(ValueError, match="does not hold"):
        ChannelStatement(evidence="x", **figures)


def test_a_misspelt_channel_is_an_error(tmp_path):
    found = ChannelStatement(status="bounded", upper=0.05, evidence="x")
    with pytest.raises(ConfigError, match=r"channels\.faces"):
        verdict_of(tmp_path, HEADER, people(), channels={"faces": found})


def test_a_statement_below_what_was_computed_shows_both(tmp_path):
    header, rows = dated(25, "StudyDate")
    file = written(tmp_path / "t.csv", header, rows)
    extraction = mr.extract(str(file))
    table = mr.fold(extraction, mr.propose(extraction))
    said = ChannelStatement(status="assessed", value=0.01, evidence="trust me")
    options = AssessmentOptions(channels={"visit_intervals": said})
    found = assess(table, ["public-release"], options=options)
    (channel,) = [c for c in found.channels if c.name == "visit_intervals"]
    assert "midi-risk computed up to" in channel.evidence
    assert channel.contradicts == ["measurement"]
    assert channel.worst > 0.01
    assert "contradicted" in [reason.code for reason in found.verdict.reasons]


def test_a_channel_is_judged_by_the_strictest_model_that_requires_it(tmp_path):
    file = written(tmp_path / "t.csv", HEADER, people())
    extraction = mr.extract(str(file))
    table = mr.fold(extraction, mr.propose(extraction))
    common = {"schema": "midi-risk/threat-model/1", "release": "public"}
    strict, lax = (
        ThreatModel.model_validate(
            {**common, "name": f"k{k}", "threshold": {"k": k}, "adversaries": [{"name": "a"}],
             "channels": {"face": "required"}}
        )
        for k in (11, 3)
    )  # fmt: skip
    said = ChannelStatement(
        status="bounded", upper=0.2, method="defaced", by="me", on=TODAY,
        looked=240, of=240, defects=0, sensitivity=1.0,
    )  # fmt: skip
    options = AssessmentOptions(channels={"face": said})
    assert assess(table, [lax], options=options).verdict.status == "acceptable"
    assert assess(table, [strict, lax], options=options).verdict.status == "above_threshold"


def test_an_attempt_is_never_impossible(tmp_path):
    file = written(tmp_path / "t.csv", HEADER, people())
    extraction = mr.extract(str(file))
    table = mr.fold(extraction, mr.propose(extraction))
    adversary = {"name": "a", "attempt": {"acquaintances": 150, "prevalence": 1e-300}}
    model = ThreatModel.model_validate(
        {"schema": "midi-risk/threat-model/1", "name": "m", "release": "controlled",
         "threshold": {"k": 11}, "adversaries": [adversary]}
    )  # fmt: skip
    with pytest.raises(MidiRiskError, match="never impossible"):
        assess(table, [model])


def known(ladder: str, kind: Kind, **knows: str) -> dict[str, str]:
    attribute = Attribute(
        name="x", source="t", column="x", role=Role.QUASI_IDENTIFIER, kind=kind, reason="",
        ladder=ladder,
    )  # fmt: skip
    return dict(known_attributes([attribute], Adversary(name="a", knows=knows)))


def test_what_is_known_is_known_whatever_the_column_is_called():
    assert known("race", Kind.CATEGORY, EthnicGroup="exact") == {"x": "exact"}
    assert known("geo", Kind.CATEGORY, RegionOfResidence="exact") == {"x": "exact"}
    assert known("birthdate", Kind.DATE, PatientBirthDate="exact") == {"x": "exact"}
    assert known("birthdate", Kind.DATE, PatientAge="2y") == {"x": "3y"}
    assert known("birthdate", Kind.DATE, PatientAge="exact") == {"x": "1y"}
    assert known("agedays", Kind.NUMBER, PatientAge="2y") == {"x": "2y"}
    assert known("device", Kind.CATEGORY, PatientAge="2y") == {}


def test_a_copy_of_a_removed_study_date_is_told(tmp_path):
    header, rows = dated(25, "StudyDate", "AcquisitionDate", "SeriesDate")
    gone = {"decision": "remove"}
    verdict = verdict_of(tmp_path, header, rows, said={"StudyDate": gone})
    assert verdict.status == "incomplete"
    assert "AcquisitionDate, SeriesDate" in told(verdict)
    assert "visit_intervals" in told(verdict)
    everything = dict.fromkeys(header[3:], gone)
    assert verdict_of(tmp_path, header, rows, said=everything).status == "acceptable"


def test_visits_are_found_in_whatever_column_states_them(tmp_path):
    for names in (("visit_date",), ("AcquisitionDate",)):
        header, rows = dated(25, *names)
        verdict = verdict_of(tmp_path, header, rows, said={names[0]: {"role": "insensitive"}})
        assert "visit_intervals" in told(verdict)


def test_an_empty_study_date_does_not_hide_the_acquisition_date(tmp_path):
    header, rows = dated(25, "StudyDate", "AcquisitionDate")
    for row in rows:
        row[3] = ""
    verdict = verdict_of(tmp_path, header, rows, said={"AcquisitionDate": {"role": "insensitive"}})
    assert "visit_intervals" in told(verdict)


def test_the_site_that_only_a_derived_object_names_is_counted(tmp_path):
    header = [*HEADER, "Modality", "InstitutionName"]
    rows = [[*row, "CT", ""] for row in people()]
    rows += [[*row, "SR", f"Clinic {i}"] for i, row in enumerate(people())]
    file = written(tmp_path / "t.csv", header, rows)
    extraction = mr.extract(str(file))
    table = mr.fold(extraction, mr.propose(extraction))
    assert table.frame["InstitutionName"].nunique() == 240


def test_a_key_that_is_a_name_is_no_pseudonym(tmp_path):
    rows = [[f"Doe^J{'abcdefghij'[i // 26]}{chr(97 + i % 26)}", *row[1:]]
            for i, row in enumerate(people())]  # fmt: skip
    verdict = verdict_of(tmp_path, HEADER, rows)
    assert verdict.status == "incomplete"
    assert "direct identifier with values and no decision to remove: id" in told(verdict)
