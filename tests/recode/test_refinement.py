"""What a node must hide, the nodes below it hide as well; and distances are those of transport."""

from __future__ import annotations

from itertools import combinations, product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from midi_risk.recode import (
    AlphaK,
    AverageRisk,
    BetaLikeness,
    DeltaDisclosure,
    DistinctLDiversity,
    EntropyLDiversity,
    RecursiveCLDiversity,
    TCloseness,
)
from midi_risk.recode.lattice.view import ViewCounts, sensitive_column
from midi_risk.recode.search.budget import Budget
from midi_risk.recode.search.budgeted import Projection, search_within
from midi_risk.recode.search.exact import OrderedSearch, TopDownSearch, search_exactly
from midi_risk.recode.search.problem import prepare

TREE = pd.DataFrame([["a", "ab", "*"], ["b", "ab", "*"], ["c", "cd", "*"], ["d", "cd", "*"]])
FLAT = pd.DataFrame([["x", "*"], ["y", "*"], ["z", "*"]])
HIERARCHIES = {"tree": TREE, "flat": FLAT, "other": TREE.rename(columns={0: "other"})}
ILLNESS = pd.DataFrame(
    [
        ["cold", "airway", "infection", "*"],
        ["flu", "airway", "infection", "*"],
        ["gastritis", "stomach", "infection", "*"],
        ["gout", "joint", "metabolic", "*"],
        ["ulcer", "stomach ", "metabolic", "*"],
    ]
)
VALUES = ILLNESS[0].tolist()
CRITERIA = [
    DistinctLDiversity("illness", 3),
    EntropyLDiversity("illness", 2.1),
    RecursiveCLDiversity("illness", 2.3, 2),
    TCloseness("illness", 0.31),
    TCloseness("illness", 0.17, distance="ordered"),
    TCloseness("illness", 0.17, distance="ordered", order=tuple(VALUES[::-1])),
    TCloseness("illness", 0.23, distance="hierarchical", hierarchy=ILLNESS),
    AlphaK("illness", 0.52, 3),
    BetaLikeness("illness", 0.83),
    BetaLikeness("illness", 1.4, enhanced=True),
    DeltaDisclosure("illness", 1.13),
    AverageRisk(0.31),
]


def table(seed: int, rows: int, missing: bool) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    tree = rng.choice(list("abcd"), rows, p=[0.4, 0.3, 0.2, 0.1])
    skew = rng.dirichlet(np.ones(5), 4)
    illness = [rng.choice(VALUES, p=skew["abcd".index(value)]) for value in tree]
    illness[: len(VALUES)] = VALUES
    frame = pd.DataFrame(
        {
            "tree": tree,
            "flat": rng.choice(list("xyz"), rows, p=[0.6, 0.3, 0.1]),
            "other": rng.choice(list("abcd"), rows),
            "illness": pd.Series(illness, dtype=object),
        }
    )
    if missing:
        gone = rng.random(rows) < 0.1
        gone[: len(VALUES)] = False
        frame.loc[gone, "illness"] = None
    return frame


def problem(data: pd.DataFrame, criteria: list[Any], utility: str, **options: Any) -> Any:
    return prepare(
        data, HIERARCHIES, k=2, criteria=criteria, max_suppression=1.0, utility=utility, **options
    )


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 100_000),
    rows=st.integers(5, 120),
    missing=st.booleans(),
    criterion=st.sampled_from(CRITERIA),
    utility=st.sampled_from(["loss", "entropy", "normalised-entropy", "precision", "height"]),
    factor=st.sampled_from([0.2, 0.5, 0.8]),
)
def test_nodes_below_hide_and_lose_at_least_what_a_node_proves(
    seed: int, rows: int, missing: bool, criterion: Any, utility: str, factor: float
) -> None:
    judge = problem(table(seed, rows, missing), [criterion], utility, gs_factor=factor).judge
    rules, soft = judge.pruning_rules(rows), judge.soft_rules(rows)
    places = [axis for axis, _ in judge.utility.inputs.places]
    nodes = list(product(*(range(size) for size in judge.lattice.shape)))
    figures = {node: judge.evaluate(node) for node in nodes}
    for node in nodes:
        view = judge.view(node, rules)
        share, hidden = judge.must_hide(view, soft)
        parts = judge.utility.components_below(node, view, share)
        for below in product(*(range(step + 1) for step in node)):
            found = figures[below]
            assert found.hidden >= hidden - 1e-6
            least = judge.utility.bounds_when_hidden(np.array([below]), np.array([hidden]))[0]
            for place, axis in enumerate(places):
                assert found.components[place] >= least[place] - 2e-10
                if below[axis] == node[axis]:
                    assert found.components[place] >= parts[place] - 2e-10


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 100_000),
    rows=st.integers(5, 120),
    missing=st.booleans(),
    criteria=st.lists(st.sampled_from(CRITERIA), max_size=2, unique_by=id),
    utility=st.sampled_from(
        ["loss", "entropy", "precision", "height", "aecs", "discernibility", "ambiguity", "kl"]
    ),
    share=st.sampled_from([0.0, 0.05, 0.3, 0.7, 1.0]),
    factor=st.sampled_from([0.2, 0.5, 0.8]),
)
def test_both_orders_of_the_search_end_at_the_same_node(
    seed: int,
    rows: int,
    missing: bool,
    criteria: list[Any],
    utility: str,
    share: float,
    factor: float,
) -> None:
    data, limit = table(seed, rows, missing), int(share * rows)
    best = []
    for kind in (OrderedSearch, TopDownSearch):
        judge = problem(data, criteria, utility, gs_factor=factor).judge
        search = kind(judge, limit)
        assert search.run(Budget(judge, None))[0]
        best.append(search.so_far.best)
    first, second = best
    assert (first is None) == (second is None)
    if first is not None:
        assert first.steps == second.steps
        assert first.hidden == second.hidden


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 100_000),
    rows=st.integers(5, 120),
    criteria=st.lists(st.sampled_from(CRITERIA), max_size=1),
    utility=st.sampled_from(["loss", "entropy", "precision", "height"]),
    share=st.sampled_from([0.0, 0.05, 0.3, 1.0]),
)
def test_no_projection_bounds_the_best_node_away(
    seed: int, rows: int, criteria: list[Any], utility: str, share: float
) -> None:
    judge = problem(table(seed, rows, missing=False), criteria, utility).judge
    limit = int(share * rows)
    free, used_up = Budget(judge, None), Budget(judge, 0.0)
    exact = search_exactly(judge, limit=limit)
    for count in (1, 2, 3):
        for axes in combinations(range(3), count):
            projection = Projection(judge, limit, axes)
            settled, key = projection.lowest((float("inf"),), free)
            assert settled
            if exact.best is not None:
                again = Projection(judge, limit, axes)
                assert again.lowest((float("inf"),), free, exact.best.steps) == (True, key)
                assert not again.lowest((float("inf"),), used_up)[0]
            if exact.best is not None:
                assert key[0] <= exact.best.key[0] * (1 + 1e-9) + 1e-9
    within = search_within(judge, limit=limit, budget=free if share == 0 else used_up)
    assert (within.best is None) <= (exact.best is None or share > 0)
    if within.best is not None and exact.best is not None:
        assert within.bound <= exact.best.key[0] * (1 + 1e-9) + 1e-9
        if within.optimal:
            assert within.best.steps == exact.best.steps


@settings(deadline=None, max_examples=60)
@given(
    counts=st.lists(st.integers(0, 6), min_size=5, max_size=5).filter(any),
    seed=st.integers(0, 1000),
    criterion=st.sampled_from([c for c in CRITERIA if hasattr(c, "smallest_class")]),
)
def test_no_class_passes_with_fewer_records_than_the_smallest(
    counts: list[int], seed: int, criterion: Any
) -> None:
    rng = np.random.default_rng(seed)
    shown = [value for value, n in zip(VALUES, counts, strict=True) for _ in range(n)]
    others = rng.choice(VALUES, 200, p=rng.dirichlet(np.ones(5) * 3)).tolist()
    others += VALUES
    data = pd.DataFrame(
        {
            "tree": ["a"] * len(shown) + ["c"] * len(others),
            "flat": "x",
            "other": "a",
            "illness": shown + others,
        }
    )
    judge = problem(data, [criterion], "loss").judge
    smallest = criterion.smallest_class(sensitive_column(data, "illness"))
    view = judge.view((0, 0, 0), [])
    failing = criterion.failing(view)[int(view.field(0, np.arange(2)).argmin())]
    if len(shown) < smallest:
        assert failing


def transported(p: np.ndarray, q: np.ndarray, distance: np.ndarray) -> float:
    """Return the earth mover's distance by linear programming."""
    m = len(p)
    rows = [np.kron(np.eye(m)[i], np.ones(m)) for i in range(m)]
    columns = [np.kron(np.ones(m), np.eye(m)[j]) for j in range(m)]
    found = linprog(
        distance.ravel(), A_eq=np.array(rows + columns), b_eq=np.concatenate((p, q)), method="highs"
    )
    return float(found.fun)


def ground(distance: str, order: list[str]) -> np.ndarray:
    if distance == "equal":
        return 1.0 - np.eye(5)
    if distance == "ordered":
        rank = np.array([order.index(value) for value in VALUES])
        return np.abs(rank[:, None] - rank[None, :]) / 4
    out = np.zeros((5, 5))
    for level in (1, 2, 3):
        apart = ILLNESS[level - 1].to_numpy()[:, None] != ILLNESS[level - 1].to_numpy()[None, :]
        out[apart] = level / 3
    return out


@pytest.mark.parametrize("distance", ["equal", "ordered", "reversed", "shuffled", "hierarchical"])
@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 100_000))
def test_closeness_is_the_cheapest_transport(distance: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    orders = {"reversed": VALUES[::-1], "shuffled": [VALUES[i] for i in (2, 0, 4, 1, 3)]}
    order = orders.get(distance, VALUES)
    kind: Any = "ordered" if distance in orders else distance
    table_counts = rng.integers(1, 40, 5)
    held = rng.integers(0, 5, (3, 5))
    held[:, rng.integers(0, 5)] += 1
    of_class, value = np.nonzero(held)
    counts = ViewCounts(
        classes=np.arange(3),
        of_class=of_class,
        value=value,
        count=held[of_class, value],
        known=held.sum(axis=1),
        shares=table_counts / table_counts.sum(),
        texts=tuple(VALUES),
    )
    criterion = TCloseness(
        "illness",
        0.2,
        distance=kind,
        order=tuple(order) if distance in orders else None,
        hierarchy=ILLNESS if kind == "hierarchical" else None,
    )
    apart, _ = criterion._gap(counts)(np.ones(3))
    for row in range(3):
        q = held[row] / held[row].sum()
        least = transported(q, counts.shares, ground(kind, order))
        assert apart[row] == pytest.approx(least, abs=1e-9)
