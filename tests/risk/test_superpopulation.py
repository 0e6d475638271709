"""Population uniqueness from the release alone, against vectors, ARX and simulation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midi_risk.errors import MeasureError
from midi_risk.risk.population import sizes as sizes_module
from midi_risk.risk.population.estimators import (
    PopulationUniques,
    dankar,
    shlosser_classes,
    slide_negative_binomial,
    zayatz,
)
from midi_risk.risk.population.pitman_yor import PitmanYor, fit_pitman_yor
from midi_risk.risk.population.sizes import NoEstimate, size_histogram

VECTOR = PitmanYor(theta=33.0, alpha=0.42, log_likelihood=0.0, converged=True)
USA = 317_238_626


@pytest.fixture(scope="module")
def adult(shared_data):
    return pd.read_csv(shared_data / "arx" / "data" / "adult.csv", sep=";")


def class_sizes(frame, columns):
    return frame.groupby(list(frame.columns)[:columns]).size().to_numpy()


def partition(theta, alpha, n, rng):
    """Draw class labels by the two-parameter Chinese restaurant process."""
    labels = np.zeros(n, dtype=np.int64)
    seats = [1]
    for i in range(1, n):
        if rng.random() * (i + theta) < theta + alpha * len(seats):
            labels[i] = len(seats)
            seats.append(1)
            continue
        while True:  # pick a class in proportion to size - alpha
            label = labels[rng.integers(i)]
            if rng.random() * seats[label] >= alpha:
                break
        labels[i] = label
        seats[label] += 1
    return labels


def test_expected_uniques_classes_and_average_risk_equal_the_printed_vector():
    assert VECTOR.expected_uniques(20_000) == pytest.approx(487.94, abs=0.005)
    assert VECTOR.expected_classes(20_000) == pytest.approx(1085.08, abs=0.005)
    assert VECTOR.average_risk(20_000) == pytest.approx(0.05425, abs=5e-6)
    unique = VECTOR.probability_population_unique(1000, 20_000)
    assert unique == pytest.approx(0.17905, abs=5e-6)


def test_expected_inverse_of_a_class_size_equals_the_printed_vector():
    values = VECTOR.expected_inverse([1, 2, 3, 5, 11], n=1000, population=20_000)
    assert values == pytest.approx([0.32014, 0.06368, 0.03000, 0.01401, 0.00533], abs=5e-6)


def test_a_population_of_the_size_of_the_release_gives_one_over_f():
    values = VECTOR.expected_inverse([1, 2, 7], n=1000, population=1000)
    assert values == pytest.approx([1, 1 / 2, 1 / 7])
    assert VECTOR.quantile([1, 2, 7], n=1000, population=1000).tolist() == [1, 2, 7]


def test_quadrature_of_large_populations_equals_the_exact_sum(monkeypatch):
    arguments = {"n": 1000, "population": 1e6}
    sizes = [1, 2, 30, 990]
    quick = VECTOR.expected_inverse(sizes, **arguments)
    low = VECTOR.quantile(sizes, **arguments)
    monkeypatch.setattr(sizes_module, "_EXACT", 10**7)
    assert quick == pytest.approx(VECTOR.expected_inverse(sizes, **arguments), rel=1e-9)
    exact = VECTOR.quantile(sizes, **arguments)
    assert low == pytest.approx(exact, rel=1e-3)


def test_a_billion_people_are_answered_from_the_same_formula():
    low = VECTOR.quantile([1, 2, 300], n=1000, population=1e9)
    mean = VECTOR.expected_inverse([1, 2, 300], n=1000, population=1e9)
    assert np.all(np.diff(low) > 0)
    assert np.all(mean > 1e-9)
    assert np.all(np.diff(mean) < 0)


def test_a_population_smaller_than_the_release_is_refused():
    with pytest.raises(MeasureError, match="smaller than the release"):
        VECTOR.expected_inverse([1], n=1000, population=999)


@pytest.mark.parametrize(
    ("sizes", "reason"),
    [
        ([1, 1, 1, 1], "unique"),
        ([1, 1, 3, 4], "f2 = 0"),
        ([6], "one class"),
    ],
)
def test_a_fit_that_does_not_exist_says_why(sizes, reason):
    answer = fit_pitman_yor(sizes)
    assert isinstance(answer, NoEstimate)
    assert reason in answer.reason


def test_class_sizes_that_are_not_sizes_are_refused():
    for wrong in ([], [0, 1], [1.5]):
        with pytest.raises(MeasureError):
            size_histogram(wrong)


def test_the_fit_is_the_maximum_of_the_likelihood_written_out():
    sizes = np.repeat([1, 2, 3, 8, 20], [40, 12, 5, 1, 1])
    fit = fit_pitman_yor(sizes)

    def written_out(theta, alpha):
        n, u = sizes.sum(), len(sizes)
        total = np.log(theta + np.arange(1, u) * alpha).sum()
        total -= np.log(theta + np.arange(1, n)).sum()
        return total + sum(np.log(np.arange(1, f) - alpha).sum() for f in sizes)

    best = written_out(fit.theta, fit.alpha)
    assert fit.log_likelihood == pytest.approx(best, rel=1e-12)
    for step in (-1e-3, 1e-3):
        assert written_out(fit.theta + step, fit.alpha) < best
        assert written_out(fit.theta, fit.alpha + step) < best


def test_closed_and_summed_forms_of_the_gradient_agree(monkeypatch):
    from midi_risk.risk.population import pitman_yor

    summed = pitman_yor._class_sums(12.5, 0.37, 5000)
    monkeypatch.setattr(pitman_yor, "_SUM_LIMIT", 1)
    assert pitman_yor._class_sums(12.5, 0.37, 5000) == pytest.approx(summed, rel=1e-8)


def test_a_table_without_discount_falls_to_the_boundary_and_keeps_an_answer():
    sizes = [2, 2, 2, 3, 3, 3, 4, 4, 4, 4]
    fit = fit_pitman_yor(sizes)
    assert fit.alpha == pytest.approx(0, abs=1e-6)
    assert fit.expected_classes(sum(sizes)) == pytest.approx(len(sizes), rel=1e-6)


def test_the_fit_recovers_the_parameters_of_a_simulated_partition():
    labels = partition(40.0, 0.45, 8000, np.random.default_rng(7))
    fit = fit_pitman_yor(np.bincount(labels))
    assert fit.alpha == pytest.approx(0.45, abs=0.06)
    assert fit.theta == pytest.approx(40, rel=0.6)


def test_the_posterior_of_a_simulated_population_covers_the_truth():
    rng = np.random.default_rng(11)
    labels = partition(40.0, 0.45, 20_000, rng)
    population = np.bincount(labels)
    drawn = rng.choice(labels, 1000, replace=False)
    sample = np.bincount(drawn, minlength=len(population))
    fit = fit_pitman_yor(sample[sample > 0])
    ones = sample == 1
    truth = float(np.mean(1 / population[ones]))
    mean = fit.expected_inverse([1], n=1000, population=20_000)[0]
    assert mean == pytest.approx(truth, abs=0.06)
    low = fit.quantile(sample[sample > 0], n=1000, population=20_000, level=0.95)
    assert np.mean(population[sample > 0] >= low) >= 0.9


@given(st.lists(st.integers(1, 40), min_size=3, max_size=60))
@settings(deadline=None, max_examples=60)
def test_a_fit_keeps_its_laws(sizes):
    fit = fit_pitman_yor(sizes)
    if isinstance(fit, NoEstimate):
        return
    n = sum(sizes)
    assert 0 <= fit.alpha < 1
    assert fit.theta > -fit.alpha
    risks = fit.expected_inverse([1, 2], n=max(n, 2), population=3 * n + 2)
    assert 0 < risks[1] < risks[0] <= 1
    later = fit.expected_inverse([1], n=n, population=30 * n)[0]
    assert later <= risks[0] + 1e-12


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("columns", "theta", "alpha"), [(9, 3176.233, 0.717949), (8, 2559.863, 0.700032)]
)
def test_theta_and_alpha_equal_those_of_arx(adult, columns, theta, alpha):
    fit = fit_pitman_yor(class_sizes(adult, columns))
    assert fit.theta == pytest.approx(theta, abs=6e-4)
    assert fit.alpha == pytest.approx(alpha, abs=6e-7)


@pytest.mark.shared_data
def test_population_uniques_equal_those_of_arx(adult):
    sizes = class_sizes(adult, 9)
    fit = fit_pitman_yor(sizes)
    assert fit.expected_uniques(USA, asymptotic=True) == pytest.approx(12_339_373.4, rel=1e-6)
    hundredth = len(adult) / 0.01
    assert fit.expected_uniques(hundredth, asymptotic=True) == pytest.approx(436_167.71, rel=1e-6)
    assert zayatz(sizes, USA).uniques == pytest.approx(83_930_147.7, rel=1e-8)
    assert zayatz(sizes, hundredth).uniques == pytest.approx(819_539.91, rel=1e-8)


@pytest.mark.shared_data
@pytest.mark.parametrize(("columns", "snb"), [(9, 25_759.75), (8, 23_056.67)])
def test_known_divergence_snb_has_an_answer_where_arx_has_none(adult, columns, snb):
    """ARX multiplies by (1-s)^(a+2) where the derivation divides, and has no root."""
    sizes = class_sizes(adult, columns)
    answer = slide_negative_binomial(sizes, len(adult) / 0.5)
    assert answer.uniques == pytest.approx(snb, abs=0.006)
    assert isinstance(slide_negative_binomial(sizes, len(adult) / 0.2), NoEstimate)
    assert "SNB" in dankar(sizes, len(adult) / 0.5).method


@pytest.mark.shared_data
def test_known_divergence_shlosser_counts_classes_not_sizes(adult):
    """ARX subtracts one per size and gets 29,783 classes."""
    classes = shlosser_classes(class_sizes(adult, 9), len(adult) / 0.01)
    assert classes == pytest.approx(698_974, abs=0.5)


def snb_population(rng, classes=20_000, a=0.8, b=0.15):
    return 1 + rng.negative_binomial(a, b, classes)


def test_snb_recovers_the_population_it_was_derived_from():
    rng = np.random.default_rng(5)
    population = snb_population(rng)
    sample = rng.binomial(population, 0.5)
    sample = sample[sample > 0]
    answer = slide_negative_binomial(sample, sample.sum() / 0.5)
    assert answer.uniques == pytest.approx(np.sum(population == 1), rel=0.06)


def test_zayatz_is_exact_when_everybody_is_in_the_release():
    sizes = [1, 1, 1, 2, 3, 9]
    assert zayatz(sizes, sum(sizes)).uniques == pytest.approx(3)


def test_zayatz_equals_the_hypergeometric_formula_written_out():
    from scipy.stats import hypergeom

    sizes = [1] * 30 + [2] * 9 + [3] * 4 + [11]
    histogram = size_histogram(sizes)
    n, population = histogram.n_subjects, 400
    once = hypergeom.pmf(1, population, histogram.sizes, n)
    share = histogram.counts / histogram.n_classes
    expected = 30 * share[0] * once[0] / np.sum(share * once) * population / n
    assert zayatz(sizes, population).uniques == pytest.approx(expected, rel=1e-10)


def test_the_dankar_rule_takes_pitman_up_to_a_tenth_and_zayatz_when_it_does_not_fit():
    sizes = [1] * 60 + [2] * 15 + [3] * 4 + [7]
    n = sum(sizes)
    assert dankar(sizes, n * 20).method == "Dankar rule: Pitman"
    unfit = [1] * 20 + [3, 4]
    assert dankar(unfit, 1000).method == "Dankar rule: Zayatz"
    assert isinstance(dankar([2, 3], 6), NoEstimate)
    above = dankar(sizes, n * 2)
    assert isinstance(above, PopulationUniques)
    assert above.uniques <= zayatz(sizes, n * 2).uniques
