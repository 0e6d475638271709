"""Levels from the data: the search against every node, moves, the nesting of joined ends."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from midi_risk.recode.adaptive.distance import Spread
from midi_risk.recode.adaptive.explore import Axis, Counter, Option, explore, score_of


def option(group: np.ndarray, spread: Spread, price: float = 0.0) -> Option:
    share = spread.shares(group)
    return Option(group, share, spread.loss(group), price)


def random_axes(draw: np.random.Generator, records: int) -> list[Axis]:
    axes = []
    weights = draw.random(3) + 0.2
    for weight in weights / weights.sum():
        values = int(draw.integers(2, 9))
        codes = draw.integers(0, values, records)
        codes[:values] = np.arange(values)
        count = np.bincount(codes, minlength=values).astype(float)
        at = draw.choice([0, 1]) * np.sort(draw.random(values)) * 50
        spread = Spread(count=count, at=at if at.any() else None)
        groups = [np.arange(values), np.zeros(values, dtype=np.int64)]
        for _ in range(5):
            if spread.at is None:
                made = draw.integers(0, 3, values)
            else:
                made = np.searchsorted(np.sort(draw.integers(0, values, 2)), np.arange(values))
            groups.append(np.unique(made, return_inverse=True)[1].reshape(-1))
        distinct = {tuple(np.unique(g, return_index=True)[1]) + tuple(g): g for g in groups}
        options = [option(g, spread, draw.choice([0, 0.01])) for g in distinct.values()]
        axes.append(Axis(codes, tuple(options), float(weight)))
    return axes


def brute(axes: list[Axis], k: int, limit: int) -> float | None:
    best = None
    for options in product(*(axis.options for axis in axes)):
        columns = np.column_stack([o.group[a.codes] for a, o in zip(axes, options, strict=True)])
        cell, size = np.unique(columns, axis=0, return_inverse=True, return_counts=True)[1:]
        hidden = size[cell.reshape(-1)] < k
        if hidden.sum() <= limit:
            total = 0.0
            for axis, o in zip(axes, options, strict=True):
                share = o.share[axis.codes]
                total += axis.weight * np.where(hidden, np.maximum(1, share), share).mean()
                total += o.price
            best = total if best is None else min(best, total)
    return best


@pytest.mark.parametrize("seed", range(40))
def test_the_search_finds_the_best_of_all_nodes_for_every_limit(seed):
    draw = np.random.default_rng(seed)
    records = int(draw.integers(20, 80))
    axes = random_axes(draw, records)
    k = int(draw.integers(2, 8))
    limits = [0, records // 20, records // 5]
    found = explore(axes, Counter(k), limits, 10**9)
    assert found.proved
    for limit in limits:
        wanted = brute(axes, k, limit)
        if wanted is None:
            assert limit not in found.best
        else:
            node = found.best[limit]
            assert node.score == pytest.approx(wanted, abs=1e-12)
            assert node.left_out <= limit
            assert score_of(axes, node.options, node.hidden) == pytest.approx(node.score)
