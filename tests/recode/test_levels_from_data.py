"""Levels from the data: the search against every node, moves, the nesting of joined ends."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest

from midi_risk.attributes.dates import parse_date
from midi_risk.attributes.hierarchy import build_hierarchy
from midi_risk.attributes.model import Attribute, Kind, Role
from midi_risk.attributes.recoding import DateBands, Material
from midi_risk.recode.adaptive.distance import Spread
from midi_risk.recode.adaptive.explained import age_widths, finer_levels
from midi_risk.recode.adaptive.explore import Axis, Counter, Option, explore, score_of
from midi_risk.recode.adaptive.facts import axis_of, facts, follows
from midi_risk.recode.adaptive.moves import cuts_of, moved, tidied
from midi_risk.recode.adaptive.options import few_cuts, single_options, tail_cuts, values_of


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


@pytest.mark.parametrize("seed", range(20))
def test_joined_ends_nest_where_width_and_floor_do(seed):
    draw = np.random.default_rng(seed)
    place = np.sort(draw.integers(0, 95, 200)).astype(float)
    weight = np.ones(len(place))
    for width, wider in ((5, 10), (10, 20), (5, 20)):
        for floor, more in ((5, 10), (10, 10), (5, 40)):
            fine = set(tail_cuts(place, weight, width, floor))
            assert set(tail_cuts(place, weight, wider, more)) <= fine


@pytest.mark.parametrize("seed", range(10))
def test_few_cuts_are_the_best_of_all_with_so_many_bands(seed):
    draw = np.random.default_rng(seed)
    place = np.arange(20.0, 60.0)
    weight = draw.integers(0, 6, len(place)).astype(float)
    spread = Spread(count=weight, at=place)

    def loss(cuts):
        band = np.searchsorted(np.array(cuts), place, side="right")
        return spread.loss(band)

    def enough(cuts):
        band = np.searchsorted(np.array(cuts), place, side="right")
        return (np.bincount(band, weights=weight, minlength=len(cuts) + 1) >= 12).all()

    lines = np.arange(25.0, 60.0, 5)
    for cuts in few_cuts(place, weight, 5.0, 12):
        every = [c for c in combinations(lines.tolist(), len(cuts)) if enough(c)]
        assert enough(cuts)
        assert loss(cuts) == pytest.approx(min(map(loss, every)))


@pytest.mark.parametrize("seed", range(6))
def test_moves_never_lose_more_and_show_enough_in_every_band(seed):
    draw = np.random.default_rng(seed)
    n, k = 300, 7
    ages = np.clip(draw.normal(58, 14, n), 18, 95).astype(int).astype(str).astype(object)
    attribute = Attribute(
        name="age", source="t", column="age", role=Role.QUASI_IDENTIFIER, kind=Kind.AGE, reason=""
    )
    hierarchy = build_hierarchy("age", Kind.AGE, sorted(set(ages)))
    values = values_of(attribute, ages, hierarchy, 0, 6, adaptive=True)
    sex = draw.integers(0, 3, n)
    other = Spread(count=np.bincount(sex).astype(float))
    whole = (option(np.arange(3), other), option(np.zeros(3, dtype=np.int64), other))
    axes = [Axis(values.codes, tuple(single_options(values, k)), 0.6), Axis(sex, whole, 0.4)]
    counter = Counter(k)
    for limit in (0, 10):
        node = explore(axes, counter, [limit], 10**9).best[limit]
        better = moved(axes, node, [values, None], counter, limit, k, 10**8)
        assert better.score <= node.score + 1e-12
        assert better.left_out <= limit
        last = tidied(axes, better, [values, None], counter, limit, k)
        group = last.options[0].group[values.codes]
        cell = np.unique(group * 3 + last.options[1].group[sex], return_inverse=True)[1]
        assert (np.bincount(cell)[cell[~last.hidden]] >= k).all()
        if cuts_of(values, last, 0):
            assert (np.bincount(group[~last.hidden]) >= k).all()


def test_equal_columns_and_levels_are_one_fact_and_a_near_key_is_not():
    draw = np.random.default_rng(1)
    n = 400
    model = draw.integers(0, 12, n)
    key = np.arange(n)
    known = np.ones(n, dtype=bool)
    assert follows(model // 3, model, known) == 1
    assert follows(model, model // 3, known) < 0.6
    assert follows(model, key, known) == 0
    assert abs(follows(draw.integers(0, 3, n), model, known)) < 0.1


def test_dates_between_cut_points_are_read_again_as_they_are_written():
    bands = DateBands((2005.0, 2008.0, 2009.0, 2009.5))
    days = ["2003-02-01", "2005-01-01", "2008-12-31", "2009-03-01", "2009-07-01"]
    read = [parse_date(day) for day in days]
    labels = bands.labels(Material(days, np.array([r.number for r in read])))
    assert labels == ["<2005", "2005-2007", "2008", "2009-Q1 to 2009-Q2", "2009-Q3+"]
    again = [parse_date(label) for label in labels]
    assert [r.text for r in again] == labels
    assert bands.labels(Material(labels, np.array([r.number for r in again]))) == labels


@pytest.mark.parametrize("seed", range(6))
def test_what_blocks_a_finer_level_is_counted_as_the_classes_are(seed):
    draw = np.random.default_rng(seed)
    n, k = 300, 7
    ages = np.clip(draw.normal(58, 14, n), 18, 95).astype(int).astype(str).astype(object)
    attribute = Attribute(
        name="age", source="t", column="age", role=Role.QUASI_IDENTIFIER, kind=Kind.AGE, reason=""
    )
    values = values_of(
        attribute, ages, build_hierarchy("age", Kind.AGE, sorted(set(ages))), 0, 6, adaptive=True
    )
    place = Attribute(
        name="site", source="t", column="site", role=Role.QUASI_IDENTIFIER, kind=Kind.CATEGORY,
        reason="",
    )  # fmt: skip
    sites = draw.choice(["A", "B", "C"], n).astype(object)
    site = values_of(
        place, sites, build_hierarchy(None, Kind.CATEGORY, ["A", "B", "C"]), 0, 1, adaptive=False
    )
    of = facts([values, site])
    axes = [axis_of(fact, [single_options(fact.members[0], k)], 0.5) for fact in of]
    counter = Counter(k)
    node = explore(axes, counter, [6], 10**9).best[6]
    told = finer_levels(of, axes, node, counter, 6)
    assert {each.attribute for each in told} == {
        fact.names[0]
        for fact, axis, o in zip(of, axes, node.options, strict=True)
        if o.loss > axis.options[0].loss + 1e-9
    }
    for each in told:
        number = [fact.names[0] for fact in of].index(each.attribute)
        nearest = max(
            (o for o in axes[number].options if o.loss < node.options[number].loss - 1e-9),
            key=lambda o: (o.loss, -o.groups),
        )
        options = [nearest if i == number else o for i, o in enumerate(node.options)]
        columns = np.column_stack([o.group[a.codes] for a, o in zip(axes, options, strict=True)])
        sizes = np.unique(columns, axis=0, return_counts=True)[1]
        assert each.classes == (sizes < k).sum()
        assert each.subjects == sizes[sizes < k].sum()
        assert each.left_out == node.left_out
        assert str(each.subjects) in each.sentence or not each.subjects
    widths = age_widths(of, axes, node, counter, k)
    assert [each.years for each in widths] == sorted(each.years for each in widths)
    assert widths[0].age_r2 == max(each.age_r2 for each in widths)
    assert widths[0].subjects >= widths[-1].subjects
