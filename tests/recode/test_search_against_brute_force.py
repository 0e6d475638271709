"""The search returns what looking at every node returns."""

from __future__ import annotations

from itertools import product
from math import floor
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midi_risk.recode import (
    AlphaK,
    BetaLikeness,
    DeltaDisclosure,
    DistinctLDiversity,
    EntropyLDiversity,
    RecursiveCLDiversity,
    TCloseness,
    search,
)

TREE = pd.DataFrame(
    [
        ["a", "ab", "abc", "*"],
        ["b", "ab", "abc", "*"],
        ["c", "c", "abc", "*"],
        ["d", "de", "def", "*"],
        ["e", "de", "def", "*"],
        ["f", "f", "def", "*"],
    ]
)
FLAT = pd.DataFrame([["x", "*"], ["y", "*"], ["z", "*"]])
STEP = pd.DataFrame([["1", "1-2", "*"], ["2", "1-2", "*"], ["3", "3-4", "*"], ["4", "3-4", "*"]])
HIERARCHIES = {"tree": TREE, "flat": FLAT, "step": STEP}


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    rows = draw(st.integers(1, 40))
    seed = draw(st.integers(0, 10_000))
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "tree": rng.choice(list("abcdef"), rows, p=[0.4, 0.2, 0.1, 0.1, 0.1, 0.1]),
            "flat": rng.choice(list("xyz"), rows, p=[0.6, 0.3, 0.1]),
            "step": rng.choice([1, 2, 3, 4], rows),
            "illness": rng.choice(["flu", "cold", "ulcer", "gout"], rows, p=[0.5, 0.3, 0.1, 0.1]),
        }
    )


def generalised(data: pd.DataFrame, levels: dict[str, int]) -> pd.DataFrame:
    out = {}
    for name, level in levels.items():
        table = dict(zip(HIERARCHIES[name][0], HIERARCHIES[name][level], strict=True))
        out[name] = data[name].astype(str).map(table)
    return pd.DataFrame(out)


def loss(data: pd.DataFrame, levels: dict[str, int], hidden: np.ndarray, weights: Any) -> float:
    total = 1.0
    for name, level in levels.items():
        frame = HIERARCHIES[name]
        table = dict(zip(frame[0], frame[level], strict=True))
        under = frame[level].value_counts()
        domain, n = len(frame), len(data)
        leaves = data[name].astype(str).map(table).map(under).to_numpy(dtype=float)
        spent = leaves[~hidden].sum() / domain + hidden.sum()
        share = max(0.0, (spent - n / domain) / (n - n / domain))
        total *= floor(share * 1e10 + 1e-4) / 1e10 * weights.get(name, 1.0) + 1
    return total ** (1 / len(levels)) - 1


def passes(group: pd.DataFrame, data: pd.DataFrame, rule: Any) -> bool:  # noqa: PLR0911
    kind, *parameters = rule
    counts = group["illness"].value_counts()
    q = counts / len(group)
    p = data["illness"].value_counts() / len(data)
    ranked = sorted(counts, reverse=True)
    if kind == "k":
        return len(group) >= parameters[0]
    if kind == "distinct":
        return len(counts) >= parameters[0]
    if kind == "entropy":
        return bool(-(q * np.log(q)).sum() >= np.log(parameters[0]) - 1e-12)
    if kind == "recursive":
        return bool(ranked[0] < parameters[0] * sum(ranked[parameters[1] - 1 :]))
    if kind == "close":
        return bool(0.5 * q.reindex(p.index).fillna(0).sub(p).abs().sum() <= parameters[0])
    if kind == "alpha":
        return bool(q.max() <= parameters[0]) and len(group) >= parameters[1]
    if kind == "beta":
        return bool(((q - p[q.index]) / p[q.index]).max() <= parameters[0])
    return bool(np.log2(q / p[q.index]).abs().max() < parameters[0])


def criterion(rule: Any) -> Any:
    kind, *values = rule
    made = {
        "distinct": lambda: DistinctLDiversity("illness", *values),
        "entropy": lambda: EntropyLDiversity("illness", *values),
        "recursive": lambda: RecursiveCLDiversity("illness", *values),
        "close": lambda: TCloseness("illness", *values),
        "alpha": lambda: AlphaK("illness", *values),
        "beta": lambda: BetaLikeness("illness", *values),
        "delta": lambda: DeltaDisclosure("illness", *values),
    }
    return made[kind]()


RULES = st.sampled_from(
    [
        ("distinct", 2),
        ("distinct", 3),
        ("entropy", 1.7),
        ("recursive", 2.3, 2),
        ("close", 0.3137),
        ("alpha", 0.61, 3),
        ("beta", 1.317),
        ("delta", 1.2345),
    ]
)


def brute_force(data: pd.DataFrame, rules: list[Any], limit: int, ranges: Any, weights: Any) -> Any:
    best: Any = None
    fewest = len(data) + 1
    for node in product(*(range(low, high + 1) for low, high in ranges.values())):
        levels = dict(zip(ranges, node, strict=True))
        shown = generalised(data, levels)
        shown["illness"] = data["illness"]
        hidden = np.zeros(len(data), dtype=bool)
        for places in shown.groupby(list(levels)).indices.values():
            group = shown.iloc[places]
            hidden[places] = not all(passes(group, data, rule) for rule in rules)
        fewest = min(fewest, int(hidden.sum()))
        if hidden.sum() > limit:
            continue
        score = loss(data, levels, hidden, weights)
        key = (
            float(f"{score:.12g}"),
            sum(level > 0 for level in node),
            sum(node),
            node,
        )
        if best is None or key < best[0]:
            best = (key, levels, hidden)
    return best, fewest


@settings(deadline=None, max_examples=10)
@given(
    data=tables(),
    k=st.integers(1, 6),
    extra=st.none() | RULES,
    share=st.sampled_from([0.0, 0.05, 0.2, 0.5, 1.0]),
    kept=st.none() | st.sampled_from(["tree", "flat", "step"]),
    tree_range=st.sampled_from([(0, 3), (1, 3), (0, 2)]),
    weights=st.sampled_from([{}, {"tree": 0.5}, {"flat": 0.25, "step": 1.0}]),
)
def test_the_best_node_is_the_one_that_looking_at_all_nodes_finds(
    data: pd.DataFrame,
    k: int,
    extra: Any,
    share: float,
    kept: str | None,
    tree_range: tuple[int, int],
    weights: dict[str, float],
) -> None:
    if kept == "tree":
        tree_range = (0, 3)
    ranges = {"tree": tree_range, "flat": (0, 1), "step": (0, 2)}
    rules: list[Any] = [("k", k)] + ([extra] if extra else [])
    within = {name: ((0, 0) if name == kept else span) for name, span in ranges.items()}
    largest = max([weights.get(name, 1.0) for name in ranges])
    scaled = {name: weights.get(name, 1.0) / largest for name in ranges}
    limit = floor(share * len(data) + 1e-9)
    best, fewest = brute_force(data, rules, limit, within, scaled)
    found = search(
        data,
        HIERARCHIES,
        k=k,
        criteria=[criterion(extra)] if extra else [],
        max_suppression=share,
        utility="loss",
        weights=weights,
        keep=[kept] if kept else [],
        levels=ranges,
    )
    assert found.found == (best is not None)
    if best is None:
        assert found.suppressed >= fewest
        assert not found.optimal
        assert found.blocking
        return
    assert found.optimal
    assert found.score == pytest.approx(best[0][0], rel=1e-8, abs=1e-9)
    assert found.levels == best[1]
    assert found.suppressed == int(best[2].sum())
    np.testing.assert_array_equal(found.suppressed_rows, best[2])


@settings(deadline=None, max_examples=12)
@given(
    data=tables(),
    k=st.integers(1, 6),
    share=st.sampled_from([0.0, 0.1, 1.0]),
    utility=st.sampled_from(
        [
            "entropy",
            "normalised-entropy",
            "precision",
            "height",
            "aecs",
            "discernibility",
            "ambiguity",
        ]
    ),
    factor=st.sampled_from([0.2, 0.5, 0.8]),
)
def test_pruning_never_loses_a_better_node_under_any_utility(
    data: pd.DataFrame, k: int, share: float, utility: str, factor: float
) -> None:
    options: Any = {
        "k": k,
        "max_suppression": share,
        "utility": utility,
        "gs_factor": factor,
    }
    found = search(data, HIERARCHIES, **options)
    if not found.found:
        return
    for node in product(range(4), range(2), range(3)):
        fixed = {n: (v, v) for n, v in zip(HIERARCHIES, node, strict=True)}
        other = search(data, HIERARCHIES, levels=fixed, **options)
        if other.found:
            assert found.score <= other.score * (1 + 1e-10) + 1e-10
