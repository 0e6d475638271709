"""What a plan promises is judged by the assessment, whatever the search found."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from midi_risk.attributes.model import Attribute, AttributeSet, Kind, Role
from midi_risk.recode import proposal
from midi_risk.recode.criteria import ModelledKMap, population_criteria
from midi_risk.recode.plan import suggest
from midi_risk.recode.steps import lattice_setting, plan_loss
from midi_risk.table.model import SubjectTable
from midi_risk.threat.model import ThreatModel


def model(**changes: object) -> ThreatModel:
    given = {
        "schema": "midi-risk/threat-model/1",
        "name": "test",
        "release": "controlled",
        "threshold": {"k": 5},
        "adversaries": [{"name": "a"}],
    }
    return ThreatModel.model_validate(given | changes)


def table(columns: dict[str, list[str]], missing: str = "category") -> SubjectTable:
    frame = pd.DataFrame({name: pd.Series(v, dtype=object) for name, v in columns.items()})
    frame.index = pd.Index([f"s{i}" for i in range(len(frame))], dtype=object)
    given = tuple(
        Attribute(
            name=name, source="t", column=name, role=Role.QUASI_IDENTIFIER, kind=Kind.CATEGORY,
            reason="", ladder="code",
        )
        for name in columns
    )  # fmt: skip
    return SubjectTable(
        frame=frame,
        attributes=AttributeSet(given),
        counts={"subjects": len(frame)},
        files={"read": 0, "flagged": 0, "not_dicom": 0, "unreadable": 0},
        missing=missing,
        digest="sha256:0",
    )


def test_a_milder_plan_against_the_population_stands_only_when_the_release_is_accepted():
    # The criterion of the search takes classes of five; with 61 subjects no model is judged.
    sizes = np.repeat([1, 2, 5, 7, 20], [2, 2, 3, 1, 1])
    people = 100_000
    assert ModelledKMap(11, people).smallest(sizes) == 5
    makers = np.repeat([f"m{i}" for i in range(len(sizes))], sizes).tolist()
    threat = model(
        threshold={"k": 11},
        population={"kind": "size", "size": people, "sampling": "random"},
        adversaries=[{"name": "a", "attack": ["journalist"]}],
    )
    plan = suggest(table({"maker": makers}), [threat], max_suppression=0.12)
    assert plan.found
    assert plan.after.passed
    assert (plan.levels, plan.suppressed.subjects) == ({"maker": 1}, 0)


def test_cells_are_emptied_only_when_the_release_is_accepted():
    # One empty cell gives the last three their matches and meets the floor, not the average.
    columns = {"maker": ["A"] * 30 + ["B"] * 3, "region": ["X"] * 30 + ["Y", "Z", "Z"]}
    rows = table(columns, missing="wildcard")
    for k, emptied in ((5, 1), (20, 0)):
        threat = model(threshold={"k": k, "statistic": "strict-average"})
        plan = suggest(rows, [threat], max_suppression=0.1, cells=True)
        assert plan.found
        assert plan.after.passed
        assert (plan.suppressed.emptied, plan.suppressed.subjects) == (emptied, 0 if emptied else 3)


def test_a_plan_under_a_strict_average_reaches_its_floor():
    sizes = [1, 2, 30, 30, 30, 30]
    makers = np.repeat([f"m{i}" for i in range(len(sizes))], sizes).tolist()
    rows = table({"maker": makers})
    threshold = {"k": 5, "statistic": "strict-average", "floor": 3}
    plan = suggest(rows, [model(threshold=threshold)], max_suppression=0.05)
    assert not plan.before.passed
    assert plan.before.risk_mean < 1 / 5
    assert (plan.found, plan.k, plan.after.k) == (True, 3, 30)
    assert plan.after.passed
    # A plain average has no floor of its own, but that of every adversary.
    lax = suggest(rows, [model(threshold={**threshold, "statistic": "average"})])
    assert not lax.before.passed
    assert lax.k == 3


def test_a_plan_reaches_the_floor_that_a_strict_average_states():
    sizes = [1, 2, 5, 30, 30, 30, 30]
    makers = np.repeat([f"m{i}" for i in range(len(sizes))], sizes).tolist()
    rows = table({"maker": makers})
    threshold = {"k": 5, "statistic": "strict-average", "floor": 8}
    plan = suggest(rows, [model(threshold=threshold)], max_suppression=0.1)
    assert plan.before.risk_mean < 1 / 5
    assert (plan.found, plan.k) == (True, 8)
    assert plan.after.k >= 8


def test_a_model_that_judges_averages_is_not_planned_for_a_maximum_of_the_population():
    blind = {"population": {"kind": "size", "size": 1000, "sampling": "random"},
             "adversaries": [{"name": "a", "attack": ["journalist"]}]}  # fmt: skip
    assert population_criteria([model(**blind)], 100) is not None
    average = {"k": 5, "statistic": "average"}
    assert population_criteria([model(**blind, threshold=average)], 100) is None


def test_an_emptied_cell_loses_all_of_its_information():
    rows = table({"maker": ["a", "a", "b", "b"], "kind": ["x", "x", "x", "y"]})
    setting = lattice_setting(rows, tuple(rows.attributes), {}, frozenset())
    nothing = plan_loss(setting, [0, 0], 0, 4)
    one = plan_loss(setting, [0, 0], 0, 4, {"maker": ["s0"]})
    every = plan_loss(setting, [0, 0], 0, 4, {"maker": ["s0", "s1", "s2", "s3"]})
    assert nothing == 0
    assert one == pytest.approx(every / 4)
    assert every > 0


def test_a_plan_that_leaves_fewer_out_and_loses_less_is_recommended(monkeypatch):
    """What it removes in return is no reason to prefer the one that is worse in both."""
    told = {
        limit: SimpleNamespace(solution=SimpleNamespace(score=score), shows=shows)
        for limit, score, shows in ((0, 0.43, {"age"}), (3, 0.47, {"age", "scanner"}))
    }
    monkeypatch.setattr(proposal, "not_removed", lambda draft: draft.shows)
    assert proposal.recommended(told, 3) == 0
    told[0].solution.score = 0.47
    assert proposal.recommended(told, 3) == 3
    told[0].shows.add("scanner")
    assert proposal.recommended(told, 3) == 0
    told[0].solution.score = 0.6
    assert proposal.recommended(told, 3) == 3
