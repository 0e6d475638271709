"""Single cells emptied instead of whole subjects left out."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import midi_risk as mr
from midi_risk.attributes.model import Attribute, AttributeSet, Decision, Kind, Role
from midi_risk.cli.app import run
from midi_risk.errors import MidiRiskError, SearchError
from midi_risk.export.rules import check_plan
from midi_risk.recode import local_suppression
from midi_risk.recode.plan import suggest
from midi_risk.recode.suppression import emptied_cells
from midi_risk.report import view
from midi_risk.risk.classes.classes import EquivalenceClasses
from midi_risk.table.model import SubjectTable
from midi_risk.table.release import without_cells

NAMES = ("maker", "region", "sex")
SHARES = {
    "maker": [0.6, 0.39, 0.01],
    "region": [0.5, 0.3, 0.18, 0.01, 0.01],
    "sex": [0.5, 0.5],
}


def people(n=200, seed=1, policy="wildcard", **changes):
    rng = np.random.default_rng(seed)
    columns = {
        name: [f"{name[0]}{v}" for v in rng.choice(len(shares), n, p=shares)]
        for name, shares in SHARES.items()
    }
    frame = pd.DataFrame({name: pd.Series(v, dtype=object) for name, v in columns.items()})
    frame.index = pd.Index([f"s{i}" for i in range(n)], dtype=object)
    attributes = tuple(
        Attribute(
            name=name, source="t", column=name, role=Role.QUASI_IDENTIFIER, kind=Kind.CATEGORY,
            reason="", ladder="code", **changes.get(name, {}),
        )
        for name in NAMES
    )  # fmt: skip
    return SubjectTable(
        frame=frame,
        attributes=AttributeSet(attributes),
        counts={"subjects": n},
        files={"read": 0, "flagged": 0, "not_dicom": 0, "unreadable": 0},
        missing=policy,
        digest="sha256:0",
    )


def smallest(table):
    codes = table.codes(list(NAMES))
    return EquivalenceClasses.from_codes(codes, missing="wildcard").minimum


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 1000), k=st.integers(2, 6), hold=st.booleans())
def test_every_subject_has_k_matches_and_what_is_held_is_never_emptied(seed, k, hold):
    table = people(120, seed)
    fixed = frozenset({"sex"} if hold else ())
    found = emptied_cells(table, tuple(table.attributes), k, fixed=fixed, max_suppression=0.2)
    if found is None:
        assert hold
        return
    assert not fixed & set(found.subjects)
    left = replace(table, frame=table.frame.loc[~found.hidden])
    assert smallest(without_cells(left, found.subjects)) >= k
    if not hold:
        assert not found.hidden.any()
        ranks = {"maker": 2, "region": 3, "sex": 1}
        compat = local_suppression(table.frame, list(NAMES), k=k, recheck=False, importance=ranks)
        assert found.total <= compat.total


@pytest.mark.parametrize(("least", "emptied"), [("maker", "maker"), ("region", "region")])
def test_the_attribute_of_least_utility_goes_first(least, emptied):
    # The last subject has five matches once either cell is gone.
    rows = [("A", "X", "F")] * 5 + [("B", "Y", "F")] * 5 + [("B", "X", "F")]
    table = people(len(rows), 1, **{least: {"utility": 0.1}})
    frame = pd.DataFrame(rows, columns=list(NAMES), index=table.frame.index, dtype=object)
    table = replace(table, frame=frame)
    found = emptied_cells(table, tuple(table.attributes), 5, fixed=frozenset(), max_suppression=0)
    assert found.subjects == {emptied: ("s10",)}


def test_a_plan_keeps_every_subject_and_says_how_many_cells_go():
    table = people(400, 4, maker={"decision": Decision.RETAIN})
    whole = suggest(table, max_suppression=0.05)
    plan = suggest(table, max_suppression=0.05, cells=True)
    assert whole.suppressed.subjects > 0
    assert plan.suppressed.subjects < whole.suppressed.subjects
    assert plan.suppressed.emptied == sum(map(len, plan.suppressed_cells.values())) > 0
    assert "maker" not in plan.suppressed_cells
    assert plan.after.passed
    assert plan.after.k >= plan.k
    assert plan.loss < whole.loss
    assert plan.levels == whole.levels == {"maker": 0, "region": 0, "sex": 0}
    assert f"Empty {plan.suppressed.emptied} cell" in plan.describe()
    assert plan.public().suppressed_cells == {}
    assert whole.optimal
    assert not plan.optimal
    (own,) = filter(plan.is_point, plan.front)
    assert (own.loss, own.risk) == (plan.loss, plan.after.risk_max)


def test_an_empty_cell_that_would_be_a_value_of_its_own_is_refused():
    with pytest.raises(SearchError, match="needs 'missing: wildcard'"):
        suggest(people(policy="category"), cells=True)


def test_a_public_copy_cannot_be_applied_and_few_cells_are_not_shared():
    table = people(400, 4, maker={"decision": Decision.RETAIN})
    plan = suggest(table, max_suppression=0.05, cells=True)
    with pytest.raises(MidiRiskError, match="does not say whose"):
        check_plan(plan.public().model_copy(update={"suppressed": plan.suppressed.model_copy(
            update={"subjects": 0})}), table)  # fmt: skip
    few = plan.model_copy(update={"suppressed_cells": {"sex": ["s1", "s2"]}})
    left_out = view(mr.assess(table), few, edition="shareable").plan.suppressed
    assert left_out.emptied.state == "withheld"
    assert left_out.cells.state == "withheld"


def test_the_cells_are_empty_in_the_table_that_is_written(tmp_path, capsys):
    table = people(400, 4)
    with (tmp_path / "people.csv").open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["id", *NAMES])
        for key, row in table.frame.iterrows():
            writer.writerow([key, *(row[name] for name in NAMES)])
    role = "{role: quasi_identifier, kind: category, hierarchy: code}"
    (tmp_path / "midi-risk.yaml").write_text(
        "schema: midi-risk/project/1\n"
        "collection: {name: cells, sources: [{table: people.csv, key: id}]}\n"
        "missing: wildcard\n"
        "suggest: {max_suppression: 5%, cells: true}\n"
        f"attributes: {{maker: {role}, region: {role}, sex: {role}}}\n",
        encoding="utf-8",
    )
    out = tmp_path / "out"
    assert run(["suggest", str(tmp_path), "-o", str(out), "-q"]) == 0
    said = capsys.readouterr().out
    assert "cells emptied" in said
    plan = str(out / "plan.json")
    run(["apply", str(tmp_path), "--plan", plan, "-o", str(tmp_path / "rel")])
    assert "the files carry the risk that the plan promised" in capsys.readouterr().out
    with (tmp_path / "rel" / "release" / "people.csv").open(encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    assert len(rows) == 400
    empty = sum(row[name] == "" for row in rows for name in NAMES)
    assert f"cells emptied {empty};" in said
    assert empty > 0
