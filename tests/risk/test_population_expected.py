"""Population class size when a table gives its expectation: vectors, brute force, coverage."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import poisson

from midi_risk.errors import MeasureError
from midi_risk.risk.population.sizes import (
    assured_size,
    expected_size_for_assurance,
    poisson_inverse,
    table_population,
)


def test_the_truncated_form_equals_the_printed_vector():
    sizes = [1, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 1]
    expected = [0.5, 1, 1, 1, 5, 5, 5, 11, 11, 11, 20, 100]
    printed = [
        0.8789, 0.7670, 0.4426, 0.3111, 0.2578, 0.2317, 0.2059, 0.1014, 0.1012, 0.1008,
        0.0528, 0.0101,
    ]  # fmt: skip
    values = poisson_inverse(sizes, expected, form="truncated")
    assert values == pytest.approx(printed, abs=5.1e-5)


def test_the_shifted_form_equals_the_printed_vector():
    assert poisson_inverse(1, 11) == pytest.approx(0.0909, abs=5e-5)
    assert poisson_inverse(1, 10, fraction=0.1) == pytest.approx(0.11110, abs=5e-6)


def test_assurance_of_eleven_needs_more_than_eleven_expected():
    assert expected_size_for_assurance(11) == pytest.approx(15.7, abs=0.05)
    assert expected_size_for_assurance(11, form="truncated") == pytest.approx(17.0, abs=0.05)
    assert expected_size_for_assurance(11, size=11) == 0
    assert expected_size_for_assurance(11, fraction=1.0) == float("inf")


def by_sum(size, lam, form):
    if form == "shifted":
        k = np.arange(5000)
        return float((poisson.pmf(k, lam) / (size + k)).sum())
    k = np.arange(size, 9000)
    log = poisson.logpmf(k, lam)
    weight = np.exp(log - log.max())
    return float((weight / k).sum() / weight.sum())


@pytest.mark.parametrize("form", ["shifted", "truncated"])
@pytest.mark.parametrize("size", [1, 2, 5, 50, 400])
@pytest.mark.parametrize("lam", [1e-3, 0.5, 3, 48, 51, 399, 401, 2000])
def test_both_forms_equal_the_sum_over_all_class_sizes(form, size, lam):
    value = poisson_inverse(size, lam, form=form)
    assert value == pytest.approx(by_sum(size, lam, form), rel=1e-10)
    assert 0 < value <= 1 / size


@pytest.mark.parametrize("form", ["shifted", "truncated"])
def test_the_assured_size_is_the_largest_with_that_probability(form):
    for size in (1, 4, 30):
        for lam in (0.2, 3, 17, 90, 1500):
            low = int(assured_size(size, lam, form=form))
            if form == "shifted":
                reach = [poisson.sf(x - size - 1, lam) for x in (low, low + 1)]
            else:
                log = poisson.logsf(size - 1, lam)
                reach = [np.exp(poisson.logsf(x - 1, lam) - log) for x in (low, low + 1)]
            assert reach[0] >= 0.95 - 1e-9
            assert reach[1] < 0.95


def test_an_empty_expectation_leaves_the_bound():
    assert poisson_inverse([1, 3], 0.0).tolist() == pytest.approx([1, 1 / 3])
    assert poisson_inverse([1, 3], 0.0, form="truncated").tolist() == pytest.approx([1, 1 / 3])
    assert assured_size([1, 3], 0.0).tolist() == [1, 3]


def test_the_truncated_form_is_never_below_the_shifted_one():
    lam = np.geomspace(0.01, 500, 40)
    for size in (1, 2, 9):
        conservative = poisson_inverse(size, lam, form="truncated")
        assert np.all(conservative >= poisson_inverse(size, lam) - 1e-12)


@pytest.mark.parametrize(
    ("sizes", "expected", "fraction", "message"),
    [
        ([1], [5], 1.2, "between 0 and 1"),
        ([0], [5], 0.1, "at least 1"),
        ([1], [np.nan], 0.1, "missing or negative"),
    ],
)
def test_wrong_input_is_one_clear_line(sizes, expected, fraction, message):
    with pytest.raises(MeasureError, match=message):
        poisson_inverse(sizes, expected, fraction=fraction)


def test_two_answers_and_an_interval_come_together():
    both = table_population([1, 2], [12.0, 40.0], fraction=(0.0, 0.5))
    assert np.all(both.low < both.risk)
    assert both.high.tolist() == both.risk.tolist()
    assert np.all(both.conservative >= both.risk)
    assert both.low == pytest.approx(poisson_inverse([1, 2], [12.0, 40.0]))
    assert both.risk == pytest.approx(poisson_inverse([1, 2], [12.0, 40.0], fraction=0.5))
    assert both.assured.tolist() == assured_size([1, 2], [12.0, 40.0], fraction=0.5).tolist()
    assert np.all(both.assured < assured_size([1, 2], [12.0, 40.0]))
    small = table_population([1], [12.0])
    assert small.conservative[0] == pytest.approx(float(poisson_inverse(1, 12.0, form="truncated")))
    with pytest.raises(MeasureError, match="low end"):
        table_population([1], [5.0], fraction=(0.5, 0.1))


def test_the_shifted_posterior_covers_simulated_populations():
    rng = np.random.default_rng(3)
    lam = rng.gamma(0.5, 12, 40_000)
    population = rng.poisson(lam)
    sample = rng.binomial(population, 0.2)
    seen = sample > 0
    low = assured_size(sample[seen], lam[seen], fraction=0.2)
    assert np.mean(population[seen] >= low) >= 0.95
    ones = sample == 1
    mean = poisson_inverse(1, lam[ones], fraction=0.2).mean()
    assert mean == pytest.approx(np.mean(1 / population[ones]), abs=0.01)
