"""Faces: the published rates, their extrapolation, and the joint risk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from midi_risk.errors import MeasureError
from midi_risk.risk.channels.face import MATCHERS, face_risk, joint_risk, matcher
from midi_risk.risk.channels.rates import binomial_band, fit_d_prime, rank_one
from midi_risk.risk.population.estimators import fit_scaling_law, scaling_law

TABLE = {
    "schwarz-2022": (4.76, 0.923, 0.808, 0.642, 0.461, 0.299),
    "schwarz-2022-ct": (3.54, 0.613, 0.385, 0.208, 0.100, 0.043),
    "schwarz-2022-fdg": (2.49, 0.240, 0.096, 0.033, 0.010, 0.003),
    "schwarz-2022-amyloid": (2.20, 0.164, 0.057, 0.017, 0.005, 0.001),
    "open-source-2025": (2.95, 0.394, 0.195, 0.083, 0.031, 0.011),
    "defaced-low-2021": (2.03, 0.126, 0.040, 0.011, 0.003, 0.001),
    "defaced-2021": (2.33, 0.194, 0.072, 0.023, 0.007, 0.002),
    "mri-reface-2022": (1.20, 0.027, 0.005, 0.001, 0.000, 0.000),
    "t2-star": (1.34, 0.035, 0.008, 0.002, 0.000, 0.000),
}


@pytest.mark.parametrize("name", list(TABLE))
def test_extrapolated_rates_equal_the_printed_table(name):
    d_prime, *rates = TABLE[name]
    published = matcher(name)
    assert published.d_prime == pytest.approx(d_prime, abs=0.006)
    found = rank_one([1e3, 1e4, 1e5, 1e6, 1e7], published.d_prime)
    assert found == pytest.approx(rates, abs=6e-4)
    assert rank_one(published.gallery, published.d_prime) == pytest.approx(published.rate)


@pytest.mark.parametrize(
    ("name", "low", "high"), [("schwarz-2022", 0.317, 0.665), ("schwarz-2022-ct", 0.066, 0.145)]
)
def test_the_band_at_a_million_equals_the_printed_one(name, low, high):
    ends = [float(rank_one(1e6, d_prime)) for d_prime in matcher(name).band()]
    assert ends == pytest.approx([low, high], abs=6e-4)


def test_parks_and_monson_bracket_the_fits():
    assert fit_d_prime(0.06, 1e5) == pytest.approx(2.78, abs=0.005)
    assert fit_d_prime(0.61, 1e5) == pytest.approx(4.67, abs=0.005)


def test_two_of_four_has_the_printed_interval():
    assert binomial_band(2, 4) == pytest.approx((0.068, 0.932), abs=5e-4)
    assert binomial_band(0, 5)[0] == 0
    assert binomial_band(5, 5)[1] == 1


def test_rank_one_is_chance_without_signal_and_certain_alone():
    assert rank_one([1, 2, 50], 0.0) == pytest.approx([1, 1 / 2, 1 / 50])
    assert rank_one(1, 3.0) == pytest.approx(1)


def test_rank_one_equals_a_simulated_forced_choice():
    rng = np.random.default_rng(9)
    true = rng.normal(1.5, 1, 40_000)
    others = rng.normal(0, 1, (40_000, 19)).max(axis=1)
    assert float(rank_one(20, 1.5)) == pytest.approx(np.mean(true > others), abs=0.01)


def test_recoding_and_defacing_are_priced_as_printed():
    mri = joint_risk([200, 20_000], matcher("schwarz-2022").d_prime)
    assert mri == pytest.approx([0.97, 0.76], abs=0.005)
    ct = joint_risk([200, 20_000], matcher("schwarz-2022-ct").d_prime)
    assert ct == pytest.approx([0.77, 0.32], abs=0.005)
    defaced = joint_risk([200, 20_000], matcher("defaced-low-2021").d_prime)
    assert defaced == pytest.approx([0.25, 0.03], abs=0.005)


def test_a_face_adds_nothing_to_a_unique_subject_and_never_lowers_the_risk():
    size = np.array([1, 2, 10, 1e3, 1e6])
    for coverage in (0.0, 0.3, 1.0):
        found = face_risk(size, matcher("schwarz-2022-fdg"), coverage=coverage)
        assert found.increment[0] == pytest.approx(0)
        assert np.all(found.increment >= -1e-12)
        assert np.all((found.lower <= found.risk) & (found.risk <= found.upper))
    nobody = face_risk(size, matcher("schwarz-2022"), coverage=0.0)
    assert nobody.risk == pytest.approx(1 / size)


def test_the_second_law_meets_both_points_and_equals_the_pitman_yor_vector():
    assert scaling_law(20_000, 33, 0.42) == pytest.approx(0.05425, abs=5e-6)
    theta, alpha = fit_scaling_law((182, 0.78), (1e5, 0.208))
    assert scaling_law(182, theta, alpha) == pytest.approx(0.78)
    assert scaling_law(1e5, theta, alpha) == pytest.approx(0.208)
    assert scaling_law(1e9, theta, alpha) < 0.05


def test_wrong_calls_are_one_line():
    with pytest.raises(MeasureError, match="Did you mean 'schwarz-2022'"):
        matcher("schwartz-2022")
    with pytest.raises(MeasureError, match="true person"):
        rank_one(0.5, 1)
    with pytest.raises(MeasureError, match="coverage"):
        joint_risk([5], 2, coverage=1.5)
    with pytest.raises(MeasureError, match="population class"):
        joint_risk([0.2], 2)
    with pytest.raises(MeasureError, match="share"):
        fit_d_prime(1.2, 100)
    with pytest.raises(MeasureError, match="falls with them"):
        fit_scaling_law((100, 0.5), (1000, 0.6))
    assert fit_d_prime(1.0, 100) == float("inf")
    assert set(TABLE) < set(MATCHERS)


def test_every_matcher_stands_on_the_page_with_what_was_opened():
    page = (Path(__file__).parents[2] / "docs" / "threat-models.md").read_text(encoding="utf-8")
    for one in MATCHERS.values():
        (row,) = [line for line in page.splitlines() if line.startswith(f"| `{one.name}` |")]
        assert f"{one.rate:.0%} of {one.gallery:,}" in row
        assert row.endswith(f"| {one.source} | {one.checked} |")
        assert one.checked == "not opened" or "doi" in one.source or "DOI not seen" in one.source


def test_fewer_trials_than_the_gallery_widen_the_interval_alone():
    fdg = MATCHERS["schwarz-2022-fdg"]
    all_tried = replace(fdg, trials=None)
    assert fdg.d_prime == all_tried.d_prime
    assert fdg.band()[0] < all_tried.band()[0] < all_tried.band()[1] < fdg.band()[1]


def test_what_images_show_less_of_a_face_is_matched_less():
    order = ["schwarz-2022", "schwarz-2022-ct", "flair-2d", "schwarz-2022-fdg", "schwarz-2022-tau",
             "schwarz-2022-amyloid", "t2-star", "asl", "mri-reface-2022-ct",
             "mri-reface-2022-pet", "dmri-fmri", "flair-2d-reface"]  # fmt: skip
    strengths = [MATCHERS[name].d_prime for name in order]
    assert strengths == sorted(strengths, reverse=True)
    assert MATCHERS["parks-monson-2017-low"].d_prime < MATCHERS["parks-monson-2017-high"].d_prime
