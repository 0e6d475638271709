"""Search and judge count alike when an unknown value may be any value."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midi_risk.attributes.model import Attribute, AttributeSet, Kind, Role
from midi_risk.errors import SearchError
from midi_risk.recode import AverageRisk, DistinctLDiversity, search, sweep
from midi_risk.recode.plan import suggest
from midi_risk.recode.search.judge import comparable
from midi_risk.recode.search.problem import prepare
from midi_risk.risk.classes.classes import EquivalenceClasses
from midi_risk.table.model import SubjectTable
from midi_risk.threat.model import ThreatModel

LADDERS = {
    "age": pd.DataFrame([[str(a), "low" if a < 3 else "high", "*"] for a in range(6)]),
    "sex": pd.DataFrame([["F", "*"], ["M", "*"]]),
    "site": pd.DataFrame([["a", "x", "*"], ["b", "x", "*"], ["c", "y", "*"]]),
}
NAMES = list(LADDERS)
POLICIES = ["category", "wildcard", "wildcard-cautious"]


def people(seed: int, rows: int, gaps: float) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {name: draw.choice(list(ladder[0]), rows) for name, ladder in LADDERS.items()}, dtype=object
    )
    for name in NAMES:
        frame.loc[draw.random(rows) < gaps, name] = None
    return frame.assign(illness=draw.choice(["flu", "gout", "cold"], rows))


def released(frame: pd.DataFrame, levels: dict[str, int]) -> pd.DataFrame:
    """Return what leaves at a node: a column at its top level is removed, as plans do it."""
    out = {}
    for name, level in levels.items():
        ladder = LADDERS[name]
        if level == ladder.shape[1] - 1:
            continue
        to = dict(zip(ladder[0], ladder[level], strict=True))
        out[name] = [None if value is None else to[value] for value in frame[name]]
    return pd.DataFrame(out, index=frame.index)


def sizes_of(left: pd.DataFrame, policy: Any) -> np.ndarray:
    """Return the class size of each record by the judge's own count."""
    if not len(left):
        return np.empty(0)
    codes = [pd.factorize(left[name])[0] for name in left]
    matrix = np.column_stack(codes) if codes else np.zeros((len(left), 0), dtype=np.int64)
    return np.asarray(EquivalenceClasses.from_codes(matrix, missing=policy).record_sizes)


def left_out(frame: pd.DataFrame, levels: dict[str, int], k: int, policy: Any) -> np.ndarray:
    """Return who must go so that everybody else has k matches: largest set, by brute force."""
    left = released(frame, levels)
    stays = np.ones(len(frame), dtype=bool)
    while stays.any():
        sizes = sizes_of(left.loc[stays], policy)
        if (sizes >= k).all():
            break
        stays[np.flatnonzero(stays)[sizes < k]] = False
    return ~stays


def nodes() -> list[dict[str, int]]:
    tops = [range(ladder.shape[1]) for ladder in LADDERS.values()]
    return [dict(zip(NAMES, levels, strict=True)) for levels in product(*tops)]


tables = st.tuples(
    st.integers(0, 10_000), st.integers(3, 30), st.sampled_from([0.0, 0.1, 0.3, 0.6])
)


@settings(deadline=None, max_examples=25)
@given(tables, st.integers(2, 5), st.sampled_from(POLICIES))
def test_who_is_left_out_at_a_node_is_what_the_judge_demands(
    drawn: tuple[int, int, float], k: int, policy: Any
) -> None:
    frame = people(*drawn)
    judge = prepare(frame, LADDERS, k=k, missing=policy).judge
    for levels in nodes():
        steps = [levels[name] for name in NAMES]
        gone = left_out(frame, levels, k, policy)
        node = judge.evaluate(steps)
        assert node.hidden == gone.sum()
        sizes = sizes_of(released(frame, levels).loc[~gone], policy)
        assert node.smallest == (int(sizes.min()) if len(sizes) else 0)


@settings(deadline=None, max_examples=40)
@given(
    tables,
    st.integers(2, 5),
    st.sampled_from(POLICIES),
    st.sampled_from([0.0, 0.05, 0.2, 0.5]),
    st.sampled_from(["entropy", "loss", "normalised-entropy"]),
)
def test_search_finds_the_best_node_of_brute_force(
    drawn: tuple[int, int, float], k: int, policy: Any, limit: float, utility: str
) -> None:
    frame = people(*drawn)
    most = int(limit * len(frame) + 1e-9)
    judge = prepare(frame, LADDERS, k=k, missing=policy, utility=utility).judge
    good = []
    for levels in nodes():
        if left_out(frame, levels, k, policy).sum() <= most:
            steps = [levels[name] for name in NAMES]
            key = comparable(judge.evaluate(steps).key)
            good.append((key, judge.lattice.tie_rank(steps), levels))
    found = search(frame, LADDERS, k=k, missing=policy, max_suppression=limit, utility=utility)
    assert found.found == bool(good)
    if good:
        key, _, levels = min(good, key=lambda each: each[:2])
        assert found.levels == levels
        assert comparable([found.score]) == key[:1]
        assert found.optimal
        assert (found.suppressed_rows == left_out(frame, levels, k, policy)).all()
    swept = sweep(frame, LADDERS, utility=utility, missing=policy)
    again = swept.best(k, limit)
    assert (again.found, again.levels if good else {}) == (
        found.found,
        found.levels if good else {},
    )


@settings(deadline=None, max_examples=25)
@given(tables, st.sampled_from(POLICIES[1:]), st.floats(0.2, 0.9))
def test_further_criteria_hold_for_those_who_stay(
    drawn: tuple[int, int, float], policy: Any, threshold: float
) -> None:
    frame = people(*drawn)
    for criteria in ([DistinctLDiversity("illness", 2)], [AverageRisk(threshold)]):
        found = search(frame, LADDERS, k=2, criteria=criteria, missing=policy, max_suppression=0.4)
        if not found.found:
            continue
        stays = frame.loc[~found.suppressed_rows]
        left = released(stays, found.levels)
        sizes = sizes_of(left, policy)
        assert not len(sizes) or sizes.min() >= 2
        if isinstance(criteria[0], AverageRisk):
            assert not len(sizes) or (1 / sizes).mean() <= threshold + 1e-9
        else:
            groups = stays["illness"].groupby(
                [left[n].fillna("?") for n in left] or [0] * len(left)
            )
            assert not len(left) or groups.nunique().min() >= 2


def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(SearchError, match="missing policy"):
        search(people(1, 9, 0), LADDERS, k=2, missing="wild")  # type: ignore[arg-type]


def subject_table(frame: pd.DataFrame) -> SubjectTable:
    kinds = {"age": Kind.CATEGORY, "sex": Kind.SEX, "site": Kind.CATEGORY}
    keyed = frame[NAMES].set_axis(pd.Index([f"s{i}" for i in range(len(frame))], dtype=object))
    attributes = tuple(
        Attribute(
            name=name, source="t", column=name, role=Role.QUASI_IDENTIFIER, kind=kinds[name],
            reason="", ladder="code",
        )
        for name in NAMES
    )  # fmt: skip
    return SubjectTable(
        frame=keyed,
        attributes=AttributeSet(attributes),
        counts={"subjects": len(frame)},
        files={"read": 0, "flagged": 0, "not_dicom": 0, "unreadable": 0},
        missing="wildcard",
        digest="sha256:0",
    )


def threat(release: str, k: int, statistic: str, blind: str) -> ThreatModel:
    """Return a model of two adversaries, one of whom does not know one attribute."""
    return ThreatModel.model_validate(
        {
            "schema": "midi-risk/threat-model/1",
            "name": "test",
            "release": release,
            "threshold": {"k": k, "statistic": statistic},
            "adversaries": [
                {"name": "all"},
                {"name": "part", "knows": {n: "exact" for n in NAMES if n != blind}},
            ],
        }
    )


@settings(deadline=None, max_examples=40)
@given(
    tables,
    st.sampled_from([("controlled", "maximum"), ("controlled", "average"), ("public", "maximum")]),
    st.integers(3, 5),
    st.sampled_from(NAMES),
    st.sampled_from([0.0, 0.1, 0.4]),
)
def test_a_plan_is_accepted_by_the_judge_and_never_raises_the_risk(
    drawn: tuple[int, int, float], judged: tuple[str, str], k: int, blind: str, limit: float
) -> None:
    frame = people(*drawn)
    if not frame[NAMES].notna().all(axis=None) and frame[NAMES].isna().all().any():
        return
    model = threat(judged[0], k, judged[1], blind)
    plan = suggest(subject_table(frame), [model], max_suppression=limit)
    if plan.before.passed:
        assert plan.found
        assert plan.optimal
        assert not plan.steps
        assert not plan.suppressed.subjects
    if not plan.found or not plan.after.subjects:
        return
    assert plan.after.passed
    assert plan.after.risk_max is not None
    assert plan.before.risk_max is not None
    assert plan.after.risk_max <= plan.before.risk_max + 1e-12
