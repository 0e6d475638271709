"""What several models and adversaries demand at once, and the order of criteria."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "table"))

from folding_tables import attribute, attributes, extraction, source

from midi_risk.attributes.model import Attribute, Decision, Kind, Role
from midi_risk.recode.criteria import AverageRisk, requirement
from midi_risk.recode.search.search import search
from midi_risk.recode.sensitive_criteria import DistinctLDiversity, EntropyLDiversity
from midi_risk.recode.steps import release_state
from midi_risk.recode.suppression import emptied_cells
from midi_risk.table import fold
from midi_risk.table.release import attribute_hierarchy, planned
from midi_risk.threat.model import ThreatModel


def model(*adversaries: dict[str, object], **changes: object) -> ThreatModel:
    given: dict[str, object] = {
        "schema": "midi-risk/threat-model/1",
        "name": "test",
        "release": "semi-public",
        "threshold": {"k": 10},
        "adversaries": list(adversaries) or [{"name": "a"}],
    }
    return ThreatModel.model_validate(given | changes)


def known(*names: str) -> list[Attribute]:
    return [
        Attribute(
            name=name, source="t", column=name, role=Role.QUASI_IDENTIFIER, kind=Kind.CATEGORY,
            reason="",
        )
        for name in names
    ]  # fmt: skip


@pytest.mark.parametrize("order", [1, -1])
def test_the_strictest_adversary_sets_the_class_size(order):
    often, seldom = {"name": "a", "attempt": 1.0}, {"name": "b", "attempt": 0.5}
    demand = requirement([model(*[often, seldom][::order])], known("x"))
    assert demand.k == 10


@pytest.mark.parametrize("order", [1, -1])
def test_the_strictest_average_is_asked_for(order):
    models = [model(threshold={"k": k, "statistic": "average"}) for k in (5, 10)]
    (average,) = requirement(models[::order], known("x")).criteria
    assert isinstance(average, AverageRisk)
    assert average.threshold == pytest.approx(0.1)


def test_whatever_some_adversary_knows_is_recoded():
    first = {"name": "a", "knows": {"x": "exact"}}
    second = {"name": "b", "knows": {"y": "exact"}}
    demand = requirement([model(first, second)], known("x", "y", "z"))
    assert demand.attributes == ("x", "y")


@pytest.mark.parametrize("diverse", [DistinctLDiversity("dx", 2), EntropyLDiversity("dx", 1.5)])
def test_the_average_is_judged_on_what_other_criteria_leave(diverse):
    data = pd.DataFrame({"x": list("aabb") + ["c"] * 10, "dx": ["G", "A"] * 2 + ["G"] * 10})
    hierarchy = pd.DataFrame({0: list("abc"), 1: ["*"] * 3})
    found = search(
        data,
        {"x": hierarchy},
        criteria=(AverageRisk(0.22), diverse),
        levels={"x": (0, 0)},
        max_suppression=1.0,
    )
    assert found.suppressed == 14


def six():
    rows = {"id": list("abcdef"), "x": list("pppqqq"), "y": list("rrrrst")}
    return fold(
        extraction(source("t", rows, "id")),
        attributes(attribute("t", "x", Kind.CATEGORY), attribute("t", "y", Kind.CATEGORY)),
    )


@pytest.mark.parametrize("order", [1, -1])
def test_the_figures_of_a_plan_are_those_of_the_worst_adversary(order):
    everything, little = {"name": "a"}, {"name": "b", "knows": {"x": "exact"}}
    rows = {"id": list("abcdef"), "x": list("pppqqq"), "y": list("rrrstu")}
    half = fold(
        extraction(source("t", rows, "id")),
        attributes(attribute("t", "x", Kind.CATEGORY), attribute("t", "y", Kind.CATEGORY)),
    )
    against = model(*[everything, little][::order], threshold={"k": 3})
    state = release_state(half, [against], 3)
    assert state.measures["prosecutor_max"] == 1
    assert (state.passed, state.k, state.at_risk) == (False, 1, 0.5)
    assert release_state(half, [model(little, threshold={"k": 3})], 3).passed


def test_an_attribute_at_its_top_level_is_removed():
    table = six()
    own = {"x": attribute_hierarchy(table, table.attributes["x"])}
    last = len(own["x"].level_names) - 1
    left = planned(table, {"x": last}, own)
    assert list(left.frame.columns) == ["y"]
    assert left.attributes["x"].decision is Decision.REMOVE


def rare_on_what_is_kept(max_suppression: float):
    rows = {"id": list("abcdef"), "x": list("ppqqqq"), "y": list("rrrrrr")}
    table = fold(
        extraction(source("t", rows, "id")),
        attributes(attribute("t", "x", Kind.CATEGORY), attribute("t", "y", Kind.CATEGORY)),
    )
    return emptied_cells(
        table, tuple(table.attributes), 3, fixed=frozenset({"x"}), max_suppression=max_suppression
    )


def test_subjects_who_are_k_minus_one_on_what_is_kept_are_left_out():
    found = rare_on_what_is_kept(0.5)
    assert found.hidden.tolist() == [True] * 2 + [False] * 4


@pytest.mark.parametrize(("share", "enough"), [(2 / 6, True), (1.99 / 6, False), (0.0, False)])
def test_not_one_subject_more_than_allowed_is_left_out(share, enough):
    assert (rare_on_what_is_kept(share) is not None) == enough
