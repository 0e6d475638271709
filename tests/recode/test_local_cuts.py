"""How classes are cut: what a cut saves of extent, where bands end, looking ahead."""

from __future__ import annotations

import numpy as np
import pytest
from test_local_recoding import KINDS, people, shown, threat

from midi_risk.recode.local import recoding
from midi_risk.recode.local.extent import Extent
from midi_risk.recode.local.partition import CutAxis, Tree, shape_of
from midi_risk.recode.plan import suggest


def extent_of(groups: np.ndarray, *, cells: int, **changes: object) -> Extent:
    known = groups.shape[1]
    told: dict[str, object] = {
        "weight": 1.0, "cells": cells, "known": known, "edge": np.empty(0), "groups": groups,
        "listed": 4, "excepted": 2, "of_files": False,
    }  # fmt: skip
    return Extent(**(told | changes))


def shown_cells(held: set[int], extent: Extent) -> set[int]:
    """Return the cells of the set that is shown, said in words: list, all but, group, all."""
    every = set(range(extent.known))
    groups = [set(np.flatnonzero(row).tolist()) for row in extent.groups]
    if len(held) <= max(1, extent.listed) or held in groups:
        return held
    if held < every and len(every - held) <= extent.excepted:
        return held
    return next((g for g in groups if held <= g), every)


def cost_of(cells: list[int], extent: Extent) -> float:
    known = {c for c in cells if c < extent.known}
    blank = len(known) < len(set(cells))
    if not known:
        return 0.0
    if blank and extent.of_files:
        return 1.0
    told = shown_cells(known, extent)
    if len(told) == extent.known and len(known) > 1:
        return 1.0
    return min(1.0, (len(told) + blank - 1) / (extent.cells - 1))


@pytest.mark.parametrize("files", [False, True])
@pytest.mark.parametrize("listed", [0, 4])
def test_what_a_group_saves_is_what_its_sets_and_the_rest_then_cost(listed, files):
    draw = np.random.default_rng(listed + files)
    groups = np.array([[1, 1, 0, 0, 0, 0, 0], [0, 0, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 0, 0]], float)
    extent = extent_of(groups, cells=8, listed=listed, excepted=2 if listed else 0, of_files=files)
    m = draw.integers(0, 4, (60, 8)) * draw.integers(0, 2, (60, 8))
    m[0] = 0
    m[0, [1, 7]] = 3
    group = np.array([0, 0, 1, 1, 1, 2, 3, 4])
    inside = np.column_stack([m[:, group == g].sum(axis=1) for g in range(5)]).astype(float)
    saved = extent.of_group(m.astype(float), group, inside)
    for row in range(60):
        everyone = np.flatnonzero(m[row]).tolist()
        for g in range(5):
            left = [c for c in everyone if group[c] == g]
            right = [c for c in everyone if group[c] != g]
            wanted = cost_of(everyone, extent) * m[row].sum()
            wanted -= cost_of(left, extent) * m[row][left].sum()
            wanted -= cost_of(right, extent) * m[row][right].sum()
            assert saved[row, g] == pytest.approx(wanted), (row, g, left, right)


@pytest.mark.parametrize("files", [False, True])
def test_what_a_line_saves_is_what_the_bands_beside_it_are_narrower(files):
    draw = np.random.default_rng(3)
    edge = np.array([20.0, 25.0, 30.0, 40.0, 55.0, 60.0])
    extent = extent_of(np.empty((0, 5)), cells=6, edge=edge, of_files=files)
    m = (draw.integers(0, 4, (50, 5)) * draw.integers(0, 2, (50, 5))).astype(float)
    missing = draw.integers(0, 2, 50).astype(float)
    saved = extent.of_line(m, missing)

    def cost(cells: list[int], blank: float) -> float:
        if cells and blank and files:
            return 1.0
        if len(cells) < 2:
            return 0.0
        return (edge[cells[-1] + 1] - edge[cells[0]]) / 40.0

    for row in range(50):
        cells = np.flatnonzero(m[row]).tolist()
        for line in range(5):
            left = [c for c in cells if c <= line]
            right = [c for c in cells if c > line]
            wanted = cost(cells, missing[row]) * (m[row].sum() + missing[row])
            wanted -= cost(left, 0.0) * m[row][left].sum()
            wanted -= cost(right, missing[row]) * (m[row][right].sum() + missing[row])
            assert saved[row, line] == pytest.approx(wanted)


def one_class(codes: list[int], held: list[int], k: int, last: int = 99) -> tuple[int, int]:
    """Return between which lines a class lies that has some cells of all; every third is round."""
    known = len(held)
    ahead = np.array([next((j for j in range(i, known) if j % 3 == 2), known + 1)
                      for i in range(known)])  # fmt: skip
    axis = CutAxis(
        codes=np.array(codes, dtype=np.int32), cells=known, at=np.arange(known, dtype=float),
        apart=0.0, scale=1.0, round_places=(ahead,), held=np.array(held), last_line=last,
    )  # fmt: skip
    none = np.array([-1])
    tree = Tree(np.zeros(len(codes), dtype=np.int64), none, none, none, none, np.zeros(1),
                np.ones(1, dtype=bool))  # fmt: skip
    low, high = {0: np.array([0])}, {0: np.array([known])}
    shape = shape_of([axis], tree, low, high, k)
    return int(shape.low[0][0]), int(shape.high[0][0])


def test_a_band_ends_early_at_round_lines_and_values_that_many_have_only():
    many, few = [9] * 9, [1] * 9
    assert one_class([4, 5, 6], many, 5) == (4, 7)
    # Values of single people: only the lines behind cells 2 and 5 are round.
    assert one_class([4, 5], [*few[:2], 8, 1, 1, 1, 9, 1, 1], 5) == (3, 6)
    # What is given up above holds too few people to be told apart from the class.
    assert one_class([4, 5], [9, 9, 9, 9, 9, 9, 1, 1, 1], 5) == (4, 9)
    assert one_class([4, 5], many, 5, last=6) == (4, 9)
    assert one_class([0, 8], many, 5) == (0, 9)


@pytest.mark.parametrize("by", ["distance", "loss"])
@pytest.mark.parametrize("seed", [0, 1])
def test_looking_ahead_never_loses_more(monkeypatch, by, seed):
    table = people(150, seed)
    made = {}
    for ahead in (False, True):
        monkeypatch.setattr(recoding, "worth_looking", lambda axes, ahead=ahead: ahead)
        begun = []
        plain = recoding.partition

        def noted(*args, plain=plain, begun=begun, **more):
            begun.append(plain(*args, **more))
            return begun[-1]

        monkeypatch.setattr(recoding, "partition", noted)
        suggest(table, [threat(5)], local=True, utility=by, levels_from_data=False)
        monkeypatch.setattr(recoding, "partition", plain)
        # From everybody, and from the plan; what is tried besides needs a look ahead.
        made[ahead] = [part.loss for part in begun[:2]]
    assert len(made[True]) == len(made[False]) > 0
    for one, other in zip(made[True], made[False], strict=True):
        assert one <= other + 1e-9
    assert sum(made[True]) < sum(made[False])


def test_under_the_utility_of_extent_sets_are_smaller():
    table = people(400, 12, gaps=0.0)
    one = suggest(table, [threat(5)], local=True, utility="loss")
    other = suggest(table, [threat(5)], local=True)
    assert one.local is not None
    assert other.local is not None
    assert one.local.figures.ncp < other.local.figures.ncp
    assert one.local.global_figures is not None
    assert one.local.figures.ncp < one.local.global_figures.ncp
    assert shown(one, table).groupby(list(KINDS)).size().min() >= 5


def test_nobody_is_left_out_locally_where_sizes_allow():
    """A plan that leaves somebody out is no reason for local bands to do so."""
    left = []
    for seed in range(3):
        table = people(120, seed)
        fixed = suggest(table, [threat(11)], max_suppression=0.05)
        plan = suggest(table, [threat(11)], max_suppression=0.05, local=True)
        assert plan.local is not None
        assert plan.suppressed.subjects == 0
        left.append(fixed.suppressed.subjects)
    assert max(left) > 0
