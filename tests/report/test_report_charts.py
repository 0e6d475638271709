"""Charts as data."""

from __future__ import annotations

import re
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from midi_risk.report import charts
from midi_risk.report.charts import WIDTH, Scale, nice_top
from midi_risk.report.counts import SafeCount

laws = settings(deadline=None, max_examples=80)
shares = st.floats(0, 1)


def inside(chart):
    """Tell whether every mark lies in the view box."""
    xs = [t.at for t in chart.x_ticks] + [p.x for p in chart.points]
    xs += [b.x for b in chart.bars] + [b.x + b.width for b in chart.bars]
    ys = [t.at for t in chart.y_ticks] + [p.y for p in chart.points]
    ys += [b.y for b in chart.bars] + [b.y + b.height for b in chart.bars]
    xs += [chart.x_rule.at] if chart.x_rule else []
    ys += [chart.y_rule.at] if chart.y_rule else []
    return all(0 <= x <= WIDTH for x in xs) and all(0 <= y <= chart.height for y in ys)


@laws
@given(st.floats(-100, 100), st.floats(0.01, 100), st.lists(st.floats(-200, 200), min_size=2))
def test_a_scale_is_monotone_and_stays_between_its_ends(low, span, values):
    scale = Scale(low=low, high=low + span, start=10, end=200)
    places = [scale(v) for v in sorted(values)]
    assert places == sorted(places)
    assert all(10 <= p <= 200 for p in places)


@laws
@given(st.floats(1e-9, 1e9))
def test_a_nice_top_covers_the_largest_value_without_wasting_the_axis(value):
    assert value * 0.999 <= nice_top(value) <= 2.01 * value


@laws
@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=15), st.integers(1, 40))
def test_all_bars_of_a_histogram_lie_in_the_view_box(subjects, k):
    chart = charts.histogram([(i + 1, i + 1, n) for i, n in enumerate(subjects)], k)
    assert inside(chart)
    assert len(chart.rows) == len(subjects)
    if len(chart.bars) == len(subjects):
        assert [b.marked for b in chart.bars] == [i + 1 < k for i in range(len(subjects))]


@laws
@given(st.lists(shares, min_size=1, max_size=20).map(sorted), st.integers(1, 300))
def test_the_curve_never_falls(values, k):
    chart = charts.curve([(i + 2, s, str(s)) for i, s in enumerate(values)], k)
    ys = [p.y for p in chart.points]
    assert ys == sorted(ys, reverse=True)
    assert inside(chart)
    assert re.fullmatch(r"M[\d.]+ [\d.]+(?:H[\d.]+V[\d.]+)+H[\d.]+", chart.path)


@laws
@given(st.lists(st.tuples(st.text(max_size=60), st.floats(-1, 1)), min_size=1, max_size=40))
def test_contributions_come_largest_first_and_the_table_has_all(parts):
    chart = charts.contributions(parts)
    widths = [b.width for b in chart.bars]
    assert widths == sorted(widths, reverse=True)
    assert len(chart.rows) == len(parts)
    assert len(chart.bars) == min(20, len(parts))
    assert inside(chart)


@laws
@given(st.lists(st.floats(0, 0.1), min_size=1, max_size=30), st.floats(0.001, 0.1))
def test_a_waterfall_leads_from_knowing_nothing_to_knowing_all(values, base):
    parts = [(f"a{i}", v) for i, v in enumerate(values)]
    chart = charts.waterfall(parts, base, base + sum(values))
    assert inside(chart)
    bars = chart.bars
    for left, right in pairwise(bars[:-1]):
        assert abs(left.x + left.width - right.x) < 0.05
    assert abs(bars[-2].x + bars[-2].width - (bars[-1].x + bars[-1].width)) < 0.05
    assert len(bars) == 2 + min(len(values), 20) + (len(values) > 20)
    assert len(chart.rows) == 2 + len(values)


@laws
@given(
    st.lists(st.tuples(shares, shares, st.integers(0, 99)), min_size=1, max_size=30),
    st.one_of(st.none(), st.tuples(shares, shares)),
    st.one_of(st.none(), shares),
)
def test_all_points_of_the_front_lie_in_the_view_box(nodes, chosen, threshold):
    chart = charts.pareto(nodes, chosen, threshold)
    assert inside(chart)
    assert sum(p.marked for p in chart.points) == (chosen is not None)


@laws
@given(st.lists(st.integers(0, 900), min_size=17, max_size=60), st.integers(1, 40))
def test_many_bins_are_joined_for_the_eye_but_the_table_has_all(subjects, k):
    bins = [(i + 1, i + 1, n) for i, n in enumerate(subjects)]
    chart = charts.histogram(bins, k)
    assert len(chart.bars) <= 16
    assert len(chart.rows) == len(bins)
    assert sum(n for _, _, n in charts.fewer(bins, k)) == sum(subjects)
    assert not any(low < k <= high for low, high, _ in charts.fewer(bins, k))


def test_a_chart_without_data_is_none():
    assert charts.histogram([], 11) is None
    assert charts.curve([], 11) is None
    assert charts.contributions([]) is None
    assert charts.pareto([], None, 0.1) is None


def test_a_suppressed_bar_has_no_height_and_says_so():
    hidden = SafeCount(state="withheld", k=11)
    chart = charts.histogram([(1, 10, hidden), (11, 20, 40)], 11)
    assert chart.bars[0].height == 0
    assert chart.bars[0].value == "withheld"


def test_a_bin_across_the_threshold_is_explained_instead_of_divided():
    chart = charts.histogram([(1, 20, 40)], 11)
    assert chart.x_rule is None
    assert "both sides" in chart.note
