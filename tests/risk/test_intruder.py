"""The simulated intruder achieves what the formulas predict, and no more with errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midi_risk.errors import MeasureError
from midi_risk.risk.attacks.intruder import draw_population, simulate_intruder
from midi_risk.risk.classes.classes import EquivalenceClasses
from midi_risk.risk.population.pitman_yor import fit_pitman_yor


def release(seed: int = 3, n: int = 300) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.zipf(1.6, n) % 997, rng.integers(0, 2, n)]).astype(np.int64)


def test_without_errors_the_prediction_lies_in_the_interval():
    codes = release()
    classes = EquivalenceClasses.from_codes(codes)
    rng = np.random.default_rng(11)
    sizes = draw_population(classes, 3000, rng)
    found = simulate_intruder(codes, sizes, attempts=20_000, rng=rng)
    low, high = found.interval(0.999)
    assert low <= found.predicted <= high
    assert found.candidates == pytest.approx(np.mean(sizes[classes.class_of_record]), rel=0.05)


def test_the_drawn_populations_have_the_modelled_mean_risk():
    classes = EquivalenceClasses.from_codes(release())
    rng = np.random.default_rng(5)
    drawn = [
        np.mean(1 / draw_population(classes, 3000, rng)[classes.class_of_record])
        for _ in range(400)
    ]
    fit = fit_pitman_yor(classes.sizes)
    each = fit.expected_inverse(classes.sizes, n=classes.n, population=3000)
    expected = each[classes.class_of_record].mean()
    assert np.mean(drawn) == pytest.approx(expected, rel=0.01)


def test_errors_and_a_thin_register_only_lower_the_success():
    codes = release()
    sizes = np.asarray(EquivalenceClasses.from_codes(codes).sizes)
    clean = simulate_intruder(codes, sizes, attempts=20_000, rng=np.random.default_rng(1))
    errors = simulate_intruder(
        codes, sizes, attempts=20_000, rng=np.random.default_rng(1), error_rate=0.3
    )
    assert errors.interval()[1] < clean.interval()[0]


def test_a_prosecutor_is_right_in_one_of_f():
    codes = np.repeat(np.arange(4), 5)[:, None].astype(np.int64)
    found = simulate_intruder(codes, np.full(4, 5), attempts=20_000, rng=np.random.default_rng(2))
    assert found.predicted == pytest.approx(0.2)
    assert found.rate == pytest.approx(0.2, abs=0.01)
    assert found.suspected == found.attempts


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=30), st.integers(0, 99))
def test_counts_are_consistent(values, seed):
    codes = np.array(values, dtype=np.int64)[:, None]
    sizes = np.asarray(EquivalenceClasses.from_codes(codes).sizes) + seed % 5
    found = simulate_intruder(codes, sizes, attempts=50, rng=np.random.default_rng(seed),
                              coverage=0.7, error_rate=0.2)  # fmt: skip
    assert 0 <= found.suspected_correct <= min(found.suspected, found.correct)
    assert found.correct <= found.attempts == 50
    low, high = found.interval()
    assert 0 <= low <= found.rate <= high <= 1


@pytest.mark.parametrize("bad", [{"coverage": 0.0}, {"error_rate": 1.0}, {"attempts": 0}])
def test_what_cannot_be_simulated_is_one_line(bad):
    options = {"attempts": 5, "rng": np.random.default_rng(1)} | bad
    with pytest.raises(MeasureError):
        simulate_intruder(release(n=5), np.full(5, 9), **options)


def test_a_population_smaller_than_the_release_is_refused():
    with pytest.raises(MeasureError, match="smaller"):
        simulate_intruder(
            np.zeros((3, 1), dtype=np.int64), np.array([2]), attempts=1,
            rng=np.random.default_rng(1),
        )  # fmt: skip
