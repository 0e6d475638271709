"""Levels from the data where an unknown value may be any value: the search against the judge."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest

from midi_risk.attributes.model import Attribute, AttributeSet, Kind, Role
from midi_risk.recode.adaptive.explore import Axis, Option, explore, score_of
from midi_risk.recode.adaptive.facts import shown_of
from midi_risk.recode.criteria import AverageRisk, Requirement
from midi_risk.recode.plan import suggest
from midi_risk.recode.proposal import Proposer
from midi_risk.recode.steps import lattice_setting
from midi_risk.risk.classes.classes import EquivalenceClasses
from midi_risk.table.model import SubjectTable
from midi_risk.threat.model import ThreatModel

POLICIES = ["wildcard", "wildcard-cautious"]
KINDS = {"age": Kind.AGE, "sex": Kind.SEX, "maker": Kind.CATEGORY, "again": Kind.CATEGORY}
LADDERS = {"age": "age", "maker": "device", "again": "device"}


def attribute(name: str) -> Attribute:
    return Attribute(
        name=name, source="t", column=name, role=Role.QUASI_IDENTIFIER, kind=KINDS[name],
        reason="", ladder=LADDERS.get(name),
    )  # fmt: skip


def people(seed: int, rows: int, gaps: float, *, twice: bool = False) -> SubjectTable:
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": np.clip(draw.normal(60, 12, rows), 20, 88).astype(int).astype(str),
            "sex": draw.choice(["F", "M"], rows),
            "maker": draw.choice(["Alfa One", "Alfa Two", "Bravo One", "Delta"], rows),
        },
        dtype=object,
        index=pd.Index([f"s{i}" for i in range(rows)], dtype=object),
    )
    for name in frame:
        frame.loc[draw.random(rows) < gaps, name] = None
    if twice:
        frame["again"] = frame["maker"]
    return SubjectTable(
        frame=frame,
        attributes=AttributeSet(tuple(attribute(name) for name in frame)),
        counts={"subjects": rows},
        files={"read": 0, "flagged": 0, "not_dicom": 0, "unreadable": 0},
        missing="wildcard",
        digest="sha256:0",
    )


def proposer(table: SubjectTable, k: int, policy: Any) -> Proposer:
    names = list(table.frame.columns)
    setting = lattice_setting(
        table, tuple(table.attributes[n] for n in names), {}, frozenset(), missing=policy
    )
    return Proposer(table, table, setting, {}, {}, k)


def fewer(axes: list[Axis], most: int) -> list[Axis]:
    """Return axes thinned so that every node can be counted by brute force."""
    out = []
    for axis in axes:
        places = np.unique(np.linspace(0, len(axis.options) - 1, most).round().astype(int))
        out.append(Axis(axis.codes, tuple(axis.options[p] for p in places), axis.weight))
    return out


def released(found: Proposer, options: tuple[Option, ...]) -> list[np.ndarray]:
    """Return the codes of the columns that leave, by what each option says it writes."""
    columns = []
    for fact, option in zip(found.facts, options, strict=True):
        for member, shown in zip(fact.members, shown_of(option), strict=True):
            last = len(member.hierarchy.level_names) - 1
            if shown.rule is None and shown.level == last:
                continue
            group = (
                member.at_level(shown.level or 0)
                if shown.rule is None
                else member.at_rule(shown.rule)
            )
            blank = np.array([text is None for text in member.texts])
            columns.append(np.where(blank, -1, group)[member.codes])
    return columns


def judged(columns: list[np.ndarray], stays: np.ndarray, policy: Any) -> np.ndarray:
    matrix = np.column_stack([c[stays] for c in columns]) if columns else None
    if matrix is None:
        return np.full(int(stays.sum()), stays.sum())
    return np.asarray(EquivalenceClasses.from_codes(matrix, missing=policy).record_sizes)


def left_out(columns: list[np.ndarray], n: int, k: int, policy: Any) -> np.ndarray:
    """Return who must go so that everybody who stays has k matches, by the judge's own count."""
    stays = np.ones(n, dtype=bool)
    while stays.any():
        sizes = judged(columns, stays, policy)
        if (sizes >= k).all():
            break
        stays[np.flatnonzero(stays)[sizes < k]] = False
    return ~stays


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("twice", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_the_search_counts_as_the_judge_and_finds_the_best_of_all_nodes(
    seed: int, policy: Any, twice: bool
) -> None:
    rows, k = 24 + 4 * seed, 3 + seed % 3
    table = people(seed, rows, (0.05, 0.2, 0.5)[seed % 3], twice=twice)
    found = proposer(table, k, policy)
    assert found.matched
    assert len(found.facts) == 3 + (twice and not any(len(f.names) > 1 for f in found.facts))
    axes = fewer(found.axes(), 5 if len(found.facts) == 3 else 4)
    demand = Requirement(k=k, criteria=(), attributes=tuple(table.frame.columns))
    limits = [0, rows // 10, rows // 3]
    best: dict[int, float] = {}
    counter = found.counter(demand)
    for options in product(*(axis.options for axis in axes)):
        hidden = left_out(released(found, options), rows, k, policy)
        columns = [o.group[a.codes] for a, o in zip(axes, options, strict=True)]
        must, hides, which = counter.hidden(columns, options, rows)
        assert (which == hidden).all()
        assert must <= hides
        for limit in limits:
            if hidden.sum() <= limit:
                score = score_of(axes, options, hidden)
                best[limit] = min(score, best.get(limit, np.inf))
    searched = explore(axes, found.counter(demand), limits, 10**9)
    assert searched.proved
    assert set(searched.best) == set(best)
    for limit, score in best.items():
        assert searched.best[limit].score == pytest.approx(score, abs=1e-12)


def test_the_average_of_matched_sizes_is_met_by_those_who_stay() -> None:
    table = people(3, 60, 0.2)
    found = proposer(table, 2, "wildcard")
    demand = Requirement(k=2, criteria=(AverageRisk(0.2),), attributes=())
    (draft,) = found.search(demand, [6], 5.0).values()
    node = draft.solution
    stays = ~node.suppressed_rows
    columns = [
        draft.setting.columns.codes[i][level]
        for i, level in enumerate(node.levels.values())
        if level < len(draft.setting.columns.codes[i]) - 1
    ]
    sizes = judged(columns, stays, "wildcard")
    assert sizes.min() >= 2
    assert (1 / sizes).mean() <= 0.2 + 1e-9
    assert node.smallest == sizes.min()


@pytest.mark.parametrize("release", ["public", "controlled"])
def test_an_age_with_gaps_keeps_bands_of_the_data(release: str) -> None:
    model = ThreatModel.model_validate(
        {
            "schema": "midi-risk/threat-model/1",
            "name": "test",
            "release": release,
            "threshold": {"k": 11},
            "adversaries": [{"name": "all"}],
        }
    )
    plan = suggest(people(1, 400, 0.1), [model])
    fixed = suggest(people(1, 400, 0.1), [model], levels_from_data=False)
    assert plan.found
    assert plan.cut_points["age"]
    assert plan.after.passed
    assert (plan.loss or 1) < 0.9 * (fixed.loss or 1)
    assert (plan.age_r2 or 0) > 0.6
