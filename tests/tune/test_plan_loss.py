"""One plan, one loss: search, command line, report and both tuning pages print the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_tune_server import desk_of
from tune_tables import models, subject_table

from midi_risk.attributes.model import AttributeSet, Decision, Kind, Role
from midi_risk.recode.loss import information_lost, loss_shares
from midi_risk.recode.plan import suggest
from midi_risk.report.tuning import node_figures
from midi_risk.tune import plan_at, tuning_lattice

TABLES = {
    "undecided": {},
    "one removed": {"visit": Decision.REMOVE},
    "one removed, one generalised": {"visit": Decision.REMOVE, "age": 2},
    "one kept": {"sex": Decision.RETAIN},
}


@pytest.mark.parametrize("decisions", TABLES.values(), ids=TABLES)
@pytest.mark.parametrize("max_suppression", [0.0, 0.05])
def test_a_plan_loses_the_same_on_every_page(tmp_path, decisions, max_suppression) -> None:
    table = subject_table(300, **decisions)
    plan = suggest(table, models(5), max_suppression=max_suppression, levels_from_data=False)
    assert plan.found
    leave_out = plan.suppressed.subjects > 0
    levels = {k: plan.levels[k] for k in plan.levels}

    again = plan_at(table, models(5), levels, leave_out=leave_out, max_suppression=max_suppression)
    assert again.loss == pytest.approx(plan.loss, abs=1e-12)

    lattice = tuning_lattice(table, models(5), plan=plan, max_suppression=max_suppression)
    static = node_figures(lattice, lattice.plan, leave_out=leave_out)
    assert static.left_out == plan.suppressed.subjects
    assert static.loss == pytest.approx(plan.loss, abs=1e-12)

    session = desk_of(tmp_path, table).session
    levels = {
        axis.name: session.beside[axis.name].place(plan.levels[axis.name], None)
        if axis.name in session.beside and axis.name in plan.levels
        else plan.levels.get(axis.name, axis.start)
        for axis in session.axes.axes
    }
    out = plan.suppressed.subjects
    assert session._loss(levels, out) == pytest.approx(plan.loss, abs=1e-12)


@pytest.mark.parametrize("max_suppression", [0.0, 0.05])
def test_levels_from_the_data_lose_the_same_on_the_page_of_the_report(max_suppression) -> None:
    table = subject_table(300)
    plan = suggest(table, models(5), max_suppression=max_suppression)
    assert plan.cut_points
    lattice = tuning_lattice(table, models(5), plan=plan, max_suppression=max_suppression)
    figures = node_figures(lattice, lattice.plan, leave_out=plan.suppressed.subjects > 0)
    assert figures.left_out == plan.suppressed.subjects
    assert figures.loss == pytest.approx(plan.loss, abs=1e-12)
    assert figures.passed


def test_an_attribute_that_does_not_fit_on_the_page_counts_all_the_same() -> None:
    table = subject_table(300, age=2)
    whole = tuning_lattice(table, models(5))
    thin = tuning_lattice(table, models(5), max_nodes=12, thin=True)
    assert len(thin.attributes) < len(whole.attributes) or thin.levels_left_out
    start = [a.start for a in whole.attributes]
    assert node_figures(thin, [a.start for a in thin.attributes]).loss == pytest.approx(
        node_figures(whole, start).loss, abs=1e-12
    )


def test_what_the_project_removes_is_no_loss_of_the_plan_and_a_gain_when_it_comes_back() -> None:
    table = subject_table(300, visit=Decision.REMOVE)
    lattice = tuning_lattice(table, models(5))
    start = [a.start for a in lattice.attributes]
    coarse = [a.start if a.name == "visit" else len(a.levels) - 1 for a in lattice.attributes]
    back = [
        0 if a.name == "visit" else at for a, at in zip(lattice.attributes, coarse, strict=True)
    ]
    assert node_figures(lattice, start).loss == 0
    assert node_figures(lattice, coarse).loss == pytest.approx(1)
    assert node_figures(lattice, back).loss < 1


@given(st.data())
def test_shares_of_what_the_project_keeps_sum_to_one(data) -> None:
    names = data.draw(st.lists(st.sampled_from("abcdefgh"), min_size=1, unique=True))
    whole = subject_table(20).attributes
    (pattern,) = [a for a in whole if a.name == "sex"]
    attributes = [
        replace(
            pattern, name=name, kind=Kind.CATEGORY, role=Role.QUASI_IDENTIFIER,
            utility=data.draw(st.sampled_from([0.0, 0.5, 1.0, 3.0])),
            decision=data.draw(st.sampled_from([None, Decision.REMOVE, Decision.RETAIN])),
        )
        for name in names
    ]  # fmt: skip
    assert AttributeSet(tuple(attributes)).names
    shares = loss_shares(attributes)
    kept = [name for name in names if name not in shares.removed]
    assert sum(shares.shares[name] for name in kept) == pytest.approx(1)
    assert sum(shares.cost(name, name in shares.removed) for name in names) == pytest.approx(0)
    assert sum(shares.cost(name, 1.0) for name in names) == pytest.approx(1)


@given(st.floats(-1, 1), st.integers(1, 1000), st.floats(0, 1), st.floats(0, 1))
def test_more_lost_or_more_left_out_never_loses_less(costs, n, more, share) -> None:
    out = int(np.floor(share * n))
    loss = information_lost(costs, out, n)
    assert 0 <= loss <= 1
    assert information_lost(costs + more, out, n) >= loss - 1e-12
    assert information_lost(min(costs, 1.0), n, n) == pytest.approx(1)
