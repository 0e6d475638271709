"""The lattice says of every node what the assessment says of the table recoded like that."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tune_tables import models, subject_table

from midi_risk.attributes.model import Decision, Role
from midi_risk.document.plan import Plan
from midi_risk.errors import HierarchyError, SearchError
from midi_risk.recode.plan import suggest
from midi_risk.recode.proposal import with_levels_of
from midi_risk.recode.steps import cheapest_step
from midi_risk.report import view
from midi_risk.report.tuning import counts_of, data_block, node_figures
from midi_risk.risk.assess import assess
from midi_risk.threat import load_threat_model
from midi_risk.tune import plan_at, tuning_lattice
from midi_risk.tune.lattice import class_sizes
from midi_risk.tune.session import judged

TABLE = subject_table()
MODELS = models()
LATTICE = tuning_lattice(TABLE, MODELS)


def levels_at(lattice, node):
    return {
        a.name: a.levels[place].level for a, place in zip(lattice.attributes, node, strict=True)
    }


@settings(deadline=None, max_examples=25)
@given(data=st.data(), leave_out=st.booleans())
def test_every_node_has_the_figures_and_the_verdict_of_the_assessment(data, leave_out):
    node = [data.draw(st.integers(0, len(a.levels) - 1)) for a in LATTICE.attributes]
    plan = plan_at(TABLE, MODELS, levels_at(LATTICE, node), leave_out=leave_out)
    shown = node_figures(LATTICE, node, leave_out=leave_out)
    state = plan.after
    assert (shown.smallest, shown.classes) == (state.k, state.classes)
    assert shown.passed is state.passed
    assert shown.subjects - shown.left_out == state.subjects
    assert shown.left_out == plan.suppressed.subjects == len(plan.suppressed_subjects)
    assert shown.mean == pytest.approx(state.risk_mean)
    assert shown.maximum == pytest.approx(state.risk_max)
    assert shown.at_risk == pytest.approx(state.at_risk * state.subjects)
    assert shown.loss == pytest.approx(plan.loss)
    if not shown.left_out:
        assert shown.below[LATTICE.ks.index(2)] == state.sample_uniques


def test_coarser_never_has_more_subjects_below_any_k():
    shape = [len(a.levels) for a in LATTICE.attributes]
    below = counts_of(LATTICE, "below").reshape(len(LATTICE.ks), *shape)
    for axis in range(1, below.ndim):
        assert (np.diff(below, axis=axis) <= 0).all()


def test_the_document_holds_no_value_and_survives_json():
    text = LATTICE.model_dump_json()
    for value in [*TABLE.frame.index, *TABLE.frame["scanner"].unique(), "20200315"]:
        assert str(value) not in text
    assert type(LATTICE).model_validate_json(text) == LATTICE


def test_decisions_give_the_start_and_the_locks():
    table = subject_table(age=3, sex=Decision.RETAIN, visit=Decision.REMOVE)
    lattice = tuning_lattice(table, MODELS, keep=["scanner"])
    found = {a.name: a for a in lattice.attributes}
    assert found["age"].levels[found["age"].start].level == 3
    assert found["visit"].start == len(found["visit"].levels) - 1
    assert {a.name for a in lattice.attributes if a.locked} == {"sex", "scanner"}
    start = node_figures(lattice, [a.start for a in lattice.attributes])
    measures = assess(table, MODELS).measures
    assert (start.smallest, start.classes) == (measures.k, measures.classes)


def test_a_level_that_tells_nothing_apart_is_not_on_offer():
    age = next(a for a in LATTICE.attributes if a.name == "age")
    assert "years" not in [level.name for level in age.levels]
    assert age.levels[0].level == 0
    assert age.levels[-1].name == "removed"


def test_the_suggestion_is_marked_and_passes():
    plan = suggest(TABLE, MODELS)
    lattice = tuning_lattice(TABLE, MODELS, plan=plan)
    for attribute, place in zip(lattice.attributes, lattice.plan, strict=True):
        name = attribute.name
        told = plan.hierarchies[name][plan.levels[name]]
        assert told == f"{name}: {attribute.levels[place].text}"
    marked = node_figures(lattice, lattice.plan, leave_out=plan.suppressed.subjects > 0)
    assert marked.passed
    assert marked.loss == pytest.approx(plan.loss)


def test_the_levels_that_a_plan_made_of_the_data_are_on_offer_and_judged_as_such():
    table, by = subject_table(400), models(5)
    plan = suggest(table, by)
    assert plan.found
    assert plan.cut_points
    lattice = tuning_lattice(table, by, plan=plan)
    assert lattice.plan is not None
    assert len(lattice.plans) >= 2
    ladder = {a.name for a in lattice.attributes[0].levels}
    assert {"exact", "removed"} < ladder
    shown = plan_at(with_levels_of(table, plan), by, plan.levels)
    sizes = [len(a.levels) for a in lattice.attributes]
    place = int(np.ravel_multi_index(tuple(lattice.plan), sizes))
    assert counts_of(lattice, "classes")[place] == shown.after.classes
    for each in lattice.plans:
        figures = node_figures(lattice, each.node, leave_out=each.left_out > 0)
        assert figures.passed
        assert figures.left_out == each.left_out
        assert figures.loss == pytest.approx(each.loss, abs=1e-9)
        assert figures.maximum == pytest.approx(each.risk_max)


@pytest.mark.parametrize("seed", range(5))
def test_class_sizes_of_levels_that_do_not_nest_are_those_of_every_node(seed):
    draw = np.random.default_rng(seed)
    axes = []
    for width in (7, 4, 5):
        groups = [np.arange(width), *(draw.integers(0, 3, width) for _ in range(3))]
        axes.append(
            (draw.integers(0, width, 60), [np.unique(g, return_inverse=True)[1] for g in groups])
        )
    found = list(class_sizes(axes))
    nodes = list(itertools.product(*(groups for _, groups in axes)))
    assert len(found) == len(nodes)
    for sizes, node in zip(found, nodes, strict=True):
        columns = [group[codes] for (codes, _), group in zip(axes, node, strict=True)]
        wanted = np.unique(np.column_stack(columns), axis=0, return_counts=True)[1]
        assert sorted(sizes.tolist()) == sorted(wanted.tolist())


def test_a_large_lattice_is_refused_or_thinned():
    assert tuning_lattice(TABLE, MODELS, max_nodes=20) is None
    thin = tuning_lattice(TABLE, MODELS, max_nodes=20, thin=True)
    assert len(counts_of(thin, "classes")) <= 20
    assert thin.levels_left_out > 0
    for node in itertools.product(*(range(len(a.levels)) for a in thin.attributes)):
        state = plan_at(TABLE, MODELS, levels_at(thin, node)).after
        assert node_figures(thin, node).smallest == state.k


def test_attributes_are_held_when_two_levels_each_are_too_many():
    held = tuning_lattice(TABLE, MODELS, max_nodes=4, thin=True)
    assert len(counts_of(held, "classes")) <= 4
    raw = node_figures(held, [0] * len(held.attributes))
    assert raw.classes == assess(TABLE, MODELS).measures.classes


def test_nothing_to_tune_is_none():
    attributes = TABLE.attributes
    for name in attributes.names:
        attributes = attributes.revised(name, role=Role.INSENSITIVE)
    assert tuning_lattice(replace(TABLE, attributes=attributes), MODELS) is None


@pytest.mark.parametrize(
    ("name", "parameters"), [("acquaintance", {"prevalence": 0.01}), ("breach", {"breach": 0.27})]
)
def test_elsewhere_the_rules_are_a_bound_that_the_assessment_honours(name, parameters):
    model = load_threat_model(name, parameters)
    lattice = tuning_lattice(TABLE, [model])
    rng = np.random.default_rng(3)
    accepted = 0
    for _ in range(25):
        node = [int(rng.integers(0, len(a.levels))) for a in lattice.attributes]
        if node_figures(lattice, node).passed:
            accepted += 1
            assert plan_at(TABLE, [model], levels_at(lattice, node)).after.passed
    assert accepted
    assert lattice.exact or lattice.note


def test_a_plan_at_a_setting_is_a_plan_document_with_steps_in_order():
    plan = plan_at(TABLE, MODELS, {"age": "10y", "visit": "removed"}, needs={"age": "by decade"})
    assert Plan.model_validate(plan.to_dict()) == plan
    assert {s.attribute for s in plan.steps} == {"age", "visit"}
    assert next(s for s in plan.steps if s.attribute == "age").justification == "by decade"
    assert plan.before.sample_uniques > plan.after.sample_uniques
    assert not plan.optimal


def test_what_does_not_exist_is_one_line():
    with pytest.raises(SearchError, match=r"agee.*Did you mean 'age'"):
        plan_at(TABLE, MODELS, {"agee": 1})
    with pytest.raises(HierarchyError, match="no level '9y'"):
        plan_at(TABLE, MODELS, {"age": "9y"})


def test_the_lattice_is_in_the_internal_view_alone():
    assessment = assess(TABLE, MODELS)
    internal = assessment.internal.model_copy(update={"lattice": LATTICE})
    made = assessment.model_copy(update={"internal": internal})
    assert view(made).disclosive.lattice == LATTICE
    shareable = view(made, edition="shareable")
    assert shareable.disclosive is None
    assert LATTICE.below not in repr(shareable)
    assert "lattice" not in json.dumps(made.public().to_dict())


def test_data_cannot_end_its_element():
    hostile = "</script><!--<script>&\u2028"
    text = str(data_block({"label": hostile}))
    assert "<" not in text
    assert json.loads(text)["label"] == hostile


def test_the_first_step_of_the_page_is_that_of_the_search():
    node = judged(TABLE, MODELS, {}, {}, 0.02, leave_out=False)
    step = cheapest_step(node.setting.columns, node.target, [True] * len(node.target))
    risks = []
    for i, a in enumerate(LATTICE.attributes):
        for place in range(1, len(a.levels)):
            at = [place if j == i else 0 for j in range(len(LATTICE.attributes))]
            fall = node_figures(LATTICE, [0] * len(at)).mean - node_figures(LATTICE, at).mean
            risks.append((fall / max(a.levels[place].loss, 1e-9), a.name, a.levels[place].level))
    assert max(risks)[1:] == (step.attribute, step.level_to)
