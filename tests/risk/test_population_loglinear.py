"""Poisson log-linear models of the release."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from midi_risk.errors import MeasureError
from midi_risk.risk.population.loglinear import LogLinear, fit_log_linear
from midi_risk.risk.population.sizes import NoEstimate


def simulated(rng, *, two_way, people=30_000):
    """Return codes of a population with independent attributes, or with one strong pair."""
    shares = [rng.dirichlet(np.full(levels, 0.7)) for levels in (12, 2, 8, 6, 5)]
    codes = np.column_stack([rng.choice(len(s), people, p=s) for s in shares])
    if two_way:
        same = rng.random(people) < 0.7
        codes[same, 2] = codes[same, 0] % 8
    return codes


def sample_of(codes, fraction, rng):
    chosen = rng.random(len(codes)) < fraction
    _, cell, size = np.unique(codes, axis=0, return_inverse=True, return_counts=True)
    return codes[chosen], size[cell.ravel()][chosen]


@pytest.mark.parametrize("two_way", [False, True])
def test_tau1_and_tau2_meet_the_truth_of_a_simulated_population(two_way):
    rng = np.random.default_rng(21)
    released, truth = sample_of(simulated(rng, two_way=two_way), 0.05, rng)
    fit = fit_log_linear(released)
    assert fit.model == ("selected two-way" if two_way else "main effects")
    assert fit.candidates[-1].model == "all two-way"
    ones = fit.sizes == 1
    assert fit.tau1(0.05) == pytest.approx(np.sum(truth[ones] == 1), rel=0.2)
    assert fit.tau2(0.05) == pytest.approx(np.sum(1 / truth[ones]), rel=0.1)
    everybody = fit.expected_inverse(0.05)
    assert everybody.mean() == pytest.approx(np.mean(1 / truth), rel=0.1)


def test_the_95_percent_bound_covers_simulated_populations():
    covered = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        released, truth = sample_of(simulated(rng, two_way=True), 0.05, rng)
        fit = fit_log_linear(released)
        low = fit.quantile(0.05)
        assert np.all(low >= fit.sizes)
        _, first = np.unique(released, axis=0, return_index=True)
        covered.append(np.mean(truth[first] >= low[first]))
    assert np.mean(covered) >= 0.9


def test_main_effects_are_the_product_of_the_margins():
    codes = np.array([[0, 0], [0, 0], [0, 1], [1, 1]])
    fit = fit_log_linear(codes, model="main effects")
    assert fit.mean == pytest.approx([1.5, 1.5, 1.5, 0.5])
    assert fit.sizes.tolist() == [2, 2, 1, 1]
    assert fit.cells == 4


def test_two_way_of_two_attributes_is_saturated_and_aic_counts_its_parameters():
    codes = np.array([[0, 0]] * 5 + [[0, 1]] * 3 + [[1, 0]] * 2 + [[1, 1]] * 7)
    fit = fit_log_linear(codes, model="all two-way")
    assert fit.mean == pytest.approx(fit.sizes.astype(float))
    assert fit.candidates[0].parameters == 4


def test_two_way_fits_are_those_of_poisson_regression():
    from scipy.optimize import minimize

    rng = np.random.default_rng(6)
    codes = rng.integers(0, 2, (80, 3))
    fit = fit_log_linear(codes, model="all two-way")
    grid = np.array([[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)], dtype=float)
    design = np.column_stack(
        [
            np.ones(8),
            grid,
            grid[:, 0] * grid[:, 1],
            grid[:, 0] * grid[:, 2],
            grid[:, 1] * grid[:, 2],
        ]
    )
    counts = np.array([np.sum(np.all(codes == row, axis=1)) for row in grid])

    def loss(beta):
        return np.sum(np.exp(design @ beta)) - counts @ (design @ beta)

    best = minimize(loss, np.zeros(7), method="BFGS", options={"gtol": 1e-9, "maxiter": 500})
    means = np.exp(design @ best.x)
    assert fit.mean == pytest.approx(means[codes @ [4, 2, 1]], rel=1e-4)
    written_out = counts @ np.log(means) - means.sum()
    written_out -= sum(np.log(np.arange(1, count + 1)).sum() for count in counts)
    assert fit.candidates[0].log_likelihood == pytest.approx(written_out, rel=1e-6)


def test_structural_zeros_hold_nobody_and_lift_the_other_cells():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 3, (300, 2))
    codes = codes[~((codes[:, 0] == 0) & (codes[:, 1] == 2))]
    free = fit_log_linear(codes, model="main effects")
    bound = fit_log_linear(codes, model="main effects", impossible=[{0: 0, 1: 2}, {0: 77}])
    assert bound.cells == 8
    here = np.all(codes == [0, 0], axis=1)
    assert bound.mean[here][0] > free.mean[here][0]
    with pytest.raises(MeasureError, match="declared impossible"):
        fit_log_linear(codes, impossible=[{0: 0, 1: 0}])
    with pytest.raises(MeasureError, match="does not exist"):
        fit_log_linear(codes, impossible=[{9: 0}])


def test_a_table_too_large_for_pairs_keeps_main_effects():
    codes = np.random.default_rng(0).integers(0, 50, (400, 4))
    fit = fit_log_linear(codes, cell_limit=10_000)
    assert isinstance(fit, LogLinear)
    assert [candidate.model for candidate in fit.candidates] == ["main effects"]
    answer = fit_log_linear(codes, model="all two-way", cell_limit=10_000)
    assert isinstance(answer, NoEstimate)
    assert "cells" in answer.reason
    assert isinstance(fit_log_linear(codes, impossible=[{0: 1}], cell_limit=100), NoEstimate)


def test_a_table_without_variation_has_no_estimate():
    assert isinstance(fit_log_linear(np.zeros((9, 2))), NoEstimate)
    with pytest.raises(MeasureError, match="needs subjects"):
        fit_log_linear(np.empty((0, 3)))


def test_a_fraction_outside_its_range_is_refused_and_one_is_the_release_itself():
    fit = fit_log_linear(np.random.default_rng(0).integers(0, 5, (60, 3)))
    for wrong in (0, 1.5, -1):
        with pytest.raises(MeasureError, match="fraction"):
            fit.tau1(wrong)
    assert fit.expected_inverse(1.0) == pytest.approx(1 / fit.sizes)


@pytest.mark.shared_data
def test_fitted_means_equal_those_of_sdcmicro(shared_data):
    golden = json.loads((shared_data / "golden" / "sdcmicro_modrisk.json").read_text())
    case = next(c for c in golden["cases"] if c["id"] == "td_factor_sex_water_roof_default")
    frame = pd.read_csv(shared_data / "sdcmicro" / case["file"])
    codes = frame[case["vars"]].to_numpy(dtype=np.int64)
    fit = fit_log_linear(codes, model="main effects")
    names = [[int(v) for v in case["dimnames"][name]] for name in case["vars"]]
    fitted = np.array(case["fitted"]).reshape([len(values) for values in names])
    place = [np.searchsorted(values, codes[:, at]) for at, values in enumerate(names)]
    assert fit.mean == pytest.approx(fitted[tuple(place)], rel=1e-6)


@pytest.mark.shared_data
def test_known_divergence_sdcmicro_takes_the_mean_of_the_release_for_the_population(shared_data):
    """It plugs the fitted mean of the sample in as lambda, so its risk is far too high."""
    golden = json.loads((shared_data / "golden" / "sdcmicro_modrisk.json").read_text())
    case = next(c for c in golden["cases"] if c["id"] == "td_factor_sex_water_roof_default")
    frame = pd.read_csv(shared_data / "sdcmicro" / case["file"])
    fit = fit_log_linear(frame[case["vars"]].to_numpy(dtype=np.int64), model="main effects")
    ones = int(np.sum(fit.sizes == 1))
    assert ones == case["n_sample_unique_cells"]
    fraction = len(frame) / frame["sampling_weight"].sum()
    theirs = case["gr2_masked"] * case["n_nonempty_cells_used"]
    assert fit.tau2(fraction) < theirs / 5
