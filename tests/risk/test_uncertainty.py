"""Monte Carlo over declared intervals, and the tornado."""

from __future__ import annotations

import numpy as np
import pytest

from midi_risk.errors import MeasureError
from midi_risk.risk.measures.uncertainty import Declared, monte_carlo, tornado

ATTEMPT = Declared(name="attempt", low=0.2, high=0.4)
FRACTION = Declared(name="fraction", low=0.001, high=0.1, distribution="log-uniform")


def risk(values):
    return values["attempt"] * (1 - np.exp(-30 * values["fraction"]))


def test_the_distribution_has_the_moments_of_its_inputs():
    found = monte_carlo(lambda v: v["attempt"], [ATTEMPT], rng=np.random.default_rng(0), draws=4000)
    assert found.central == pytest.approx(0.3)
    assert found.values.mean() == pytest.approx(0.3, abs=0.005)
    assert found.interval() == pytest.approx((0.205, 0.395), abs=0.005)
    assert found.probability_above(0.35) == pytest.approx(0.25, abs=0.03)
    assert found.probability_above(0.4) == 0


def test_one_seed_gives_one_answer():
    first = monte_carlo(risk, [ATTEMPT, FRACTION], rng=np.random.default_rng(5), draws=50)
    second = monte_carlo(risk, [ATTEMPT, FRACTION], rng=np.random.default_rng(5), draws=50)
    assert first.values.tolist() == second.values.tolist()


def test_draws_stay_inside_and_follow_their_law():
    rng = np.random.default_rng(2)
    drawn = FRACTION.draw(rng, 4000)
    assert drawn.min() >= 0.001
    assert drawn.max() <= 0.1
    assert np.median(drawn) == pytest.approx(FRACTION.middle, rel=0.1) == pytest.approx(0.01, 0.1)
    peak = Declared(name="p", low=0, high=1, central=0.2, distribution="triangular")
    assert peak.draw(rng, 4000).mean() == pytest.approx(0.4, abs=0.02)
    assert Declared(name="p", low=2, high=2).draw(rng, 3).tolist() == [2, 2, 2]


def test_the_tornado_puts_the_largest_swing_first_and_says_what_decides():
    bars = tornado(risk, [ATTEMPT, FRACTION], threshold=0.09)
    assert [bar.name for bar in bars] == ["fraction", "attempt"]
    assert bars[0].crosses
    assert bars[0].swing == pytest.approx(bars[0].at_high - bars[0].at_low)
    low = tornado(risk, [ATTEMPT, FRACTION], threshold=0.001)
    assert not low[1].crosses
    assert tornado(risk, [ATTEMPT, FRACTION])[0].crosses is None


def test_wrong_intervals_are_one_line():
    with pytest.raises(MeasureError, match="low end above"):
        Declared(name="x", low=2, high=1)
    with pytest.raises(MeasureError, match="above 0"):
        Declared(name="x", low=0, high=1, distribution="log-uniform")
    with pytest.raises(MeasureError, match="outside"):
        Declared(name="x", low=0, high=1, central=3)
    with pytest.raises(MeasureError, match="same name"):
        monte_carlo(risk, [ATTEMPT, ATTEMPT], rng=np.random.default_rng(0))
    with pytest.raises(MeasureError, match="one draw"):
        monte_carlo(risk, [ATTEMPT], rng=np.random.default_rng(0), draws=0)
