"""Borders where one more subject, file or day turns the verdict."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "table"))

from folding_tables import attribute, attributes, extraction, source

from midi_risk.attributes.model import Decision, Kind, Role
from midi_risk.risk.adversaries import adversary_risk
from midi_risk.risk.assess import AssessmentOptions, assess
from midi_risk.risk.channels.entries import visit_entry
from midi_risk.table import fold
from midi_risk.table.release import measured
from midi_risk.threat.model import ThreatModel


def model(**changes: object) -> ThreatModel:
    given = {
        "schema": "midi-risk/threat-model/1",
        "name": "test",
        "release": "controlled",
        "threshold": {"k": 11},
        "adversaries": [{"name": "a"}],
    }
    return ThreatModel.model_validate(given | changes)


def classes_of(*sizes: int, linked: list[str] | None = None):
    """Return a table with one class of each size, and a second table with these keys."""
    values = np.repeat([f"v{i}" for i in range(len(sizes))], sizes).tolist()
    keys = [f"s{i}" for i in range(len(values))]
    tables = [source("t", {"id": keys, "x": values}, "id")]
    if linked is not None:
        tables.append(source("u", {"id": [*keys, *linked]}, "id"))
    return fold(extraction(*tables), attributes(attribute("t", "x", Kind.CATEGORY)))


@pytest.mark.parametrize(
    ("size", "status"), [(10, "above_threshold"), (11, "acceptable"), (12, "acceptable")]
)
@pytest.mark.parametrize(
    ("population", "measures"),
    [
        ({"kind": "sample"}, {"prosecutor_max", "journalist_max"}),
        # no class of two, so the model gives no sizes and the classes of the release bound F
        ({"kind": "size", "size": 90_000}, {"journalist_max"}),
    ],
)
def test_a_class_is_large_enough_from_k_subjects_on(size, status, population, measures):
    attack = sorted(measure.split("_")[0] for measure in measures)
    threat = model(population=population, adversaries=[{"name": "a", "attack": attack}])
    assessment = assess(classes_of(size, 30, 40), [threat])
    judged = {r.measure: r.passed for r in assessment.threats[0].results}
    assert {name: judged[name] for name in measures} == dict.fromkeys(measures, size >= 11)
    assert assessment.verdict.status == status


@pytest.mark.parametrize(
    ("orphans", "tolerated", "status"),
    [(0, 0, "acceptable"), (1, 0, "incomplete"), (2, 1, "incomplete"), (2, 2, "acceptable")],
)
def test_one_orphan_more_than_tolerated_leaves_the_assessment_incomplete(
    orphans, tolerated, status
):
    table = classes_of(20, 20, linked=[f"z{i}" for i in range(orphans)])
    options = AssessmentOptions(orphan_tolerance=tolerated)
    assert assess(table, [model()], options=options).verdict.status == status


def visited(**study_date: object):
    """Return people whose visits differ by days, with two dates that state them."""
    days = [10, 11, 12, 13, 14, 15]
    dates = [date for day in days for date in ("20200101", f"202002{day}")]
    rows = {
        "PatientID": [f"s{i // 2}" for i in range(len(dates))],
        "StudyDate": dates,
        "AcquisitionDate": dates,
        "Modality": ["CT"] * len(dates),
    }
    kept = {"role": Role.INSENSITIVE, "keyword": "AcquisitionDate"}
    return fold(
        extraction(source("dicom", rows, "PatientID", level="study")),
        attributes(
            attribute("dicom", "StudyDate", Kind.DATE, keyword="StudyDate", **study_date),
            attribute("dicom", "AcquisitionDate", Kind.DATE, **kept),
        ),
    )


def visit_channel(table, *visits: object):
    adversaries = [{"name": f"a{i}", "visits": known} for i, known in enumerate(visits or ("all",))]
    found = assess(table, [model(adversaries=adversaries)])
    return next(c for c in found.channels if c.name == "visit_intervals")


@pytest.mark.parametrize("coarse", ["month", "year"])
def test_the_finest_date_that_stays_decides_how_well_visits_are_known(coarse):
    generalised = {"decision": Decision.GENERALISE, "generalise_to": coarse}
    beside = visit_channel(visited(**generalised))
    assert (beside.value, beside.upper) == (1.0, 1.0)
    assert "resolution of 1 days" in beside.evidence
    table = visited(**generalised)
    gone = table.attributes.revised("AcquisitionDate", decision=Decision.REMOVE)
    alone = visit_channel(replace(table, attributes=gone))
    assert alone.value == pytest.approx(1 / 6)


def schedules():
    """Return five people seen on five of six days; any three days fit two, all five but one."""
    days = {f"s{gone}": [d for d in (1, *range(11, 16)) if d != gone] for gone in range(11, 16)}
    rows = {
        "PatientID": [who for who, seen in days.items() for _ in seen],
        "StudyDate": [f"202001{day:02d}" for seen in days.values() for day in seen],
    }
    return fold(
        extraction(source("dicom", rows, "PatientID", level="study")),
        attributes(attribute("dicom", "StudyDate", Kind.DATE, role=Role.INSENSITIVE)),
    )


@pytest.mark.parametrize(
    ("visits", "value"),
    [((1,), 1 / 4), ((2,), 1 / 3), ((3,), 1 / 2), ((4,), 1.0), ((9,), 1.0), (("all",), 1.0),
     ((None,), 1.0), ((3, 1), 1 / 2), ((1, 4, 2), 1.0)],
)  # fmt: skip
def test_who_knows_more_visits_than_are_reported_is_taken_to_know_all(visits, value):
    entry = visit_channel(schedules(), *visits)
    assert (entry.status, entry.value, entry.upper) == ("assessed", value, value)


def test_a_risk_of_visits_that_is_a_lower_bound_is_never_an_upper_one():
    row = {
        "m": "5",
        "max": 0.05,
        "mean": 0.02,
        "bin_days": 1,
        "unique": 0,
        "subjects": 40,
        "at_risk": 0,
    }
    bounded = visit_entry({**row, "kind": "bound"})
    assert (bounded.status, bounded.lower, bounded.upper) == ("bounded", 0.05, 1.0)
    exact = visit_entry({**row, "kind": "exact"})
    assert (exact.status, exact.lower, exact.upper) == ("assessed", 0.05, 0.05)


def test_a_result_that_failed_governs_before_one_that_is_nearer_to_its_threshold():
    table = classes_of(20, 20)
    threat = model()
    quasi = tuple(measured(table, Role.QUASI_IDENTIFIER))
    risk = adversary_risk(table, quasi, threat, threat.adversaries[0])
    judged = next(r for r in risk.results if r.passed is not None)
    failed, near = (
        judged.model_copy(
            update={
                "measure": name,
                "value": value,
                "lower": value,
                "upper": value,
                "passed": passed,
            }
        )
        for name, value, passed in (("prosecutor_mean", 0.01, False), ("marketer_mean", 0.09, True))
    )
    for results in ((failed, near), (near, failed)):
        assert replace(risk, results=results).governing is failed


def test_an_adversary_whom_the_floor_stops_governs_before_one_who_is_near_the_threshold():
    table = classes_of(3, 20, 20, 20)
    floor = model(
        name="floor", threshold={"k": 3, "statistic": "strict-average", "floor": 4}
    )  # mean 4 / 63 is far below 1 / 3, and the class of three fails
    near = model(name="near", threshold={"k": 3}, adversaries=[{"name": "a"}])
    for models in ([floor, near], [near, floor]):
        verdict = assess(table, models).verdict
        assert verdict.status == "above_threshold"
        assert (verdict.governing.model, verdict.governing.value) == (
            "floor",
            pytest.approx(4 / 63),
        )
