"""The simulated intruder achieves what the formulas predict, and no more with errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midi_risk.errors import MeasureError
from midi_risk.risk.attacks.intruder import simulate_intruder
from midi_risk.risk.attacks.register import held_back, register_attack
from midi_risk.risk.classes.classes import EquivalenceClasses


def release(seed: int = 3, n: int = 300) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.zipf(1.6, n) % 997, rng.integers(0, 2, n)]).astype(np.int64)


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


def two_classes(people: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a release of two classes of ten, and the number of people that fit each."""
    codes = np.repeat(np.arange(2), 10)[:, None].astype(np.int64)
    return codes, np.full(2, people)


@pytest.mark.parametrize(
    ("coverage", "error_rate"), [(1.0, 0.0), (0.5, 0.0), (1.0, 0.6), (0.5, 0.6)]
)
def test_the_success_is_that_of_a_pick_among_everybody_who_is_listed_alike(coverage, error_rate):
    # A wrong field is that of a random person, half of whom are in the same class: a share
    # 1 - e/2 of each class stays in it, e/2 of the other joins, so c F people are candidates
    # of whom the one looked up is one with probability c (1 - e/2).
    people = 20
    codes, sizes = two_classes(people)
    rates, candidates = [], []
    for seed in range(60):
        found = simulate_intruder(
            codes, sizes, attempts=500, rng=np.random.default_rng(seed), coverage=coverage,
            error_rate=error_rate,
        )  # fmt: skip
        rates.append(found.rate)
        candidates.append(found.candidates)
    assert np.mean(candidates) == pytest.approx(coverage * people, rel=0.06)
    assert np.mean(rates) == pytest.approx((1 - error_rate / 2) / people, rel=0.12)


def test_somebody_who_is_alone_is_found_exactly_when_listed():
    codes = np.arange(400)[:, None].astype(np.int64)
    found = simulate_intruder(
        codes, np.ones(400, np.int64), attempts=4000, rng=np.random.default_rng(8), coverage=0.3
    )
    assert found.rate == pytest.approx(0.3, abs=0.08)
    assert found.suspected == found.correct == found.suspected_correct


@pytest.mark.parametrize(("people", "all_of_them"), [(10, True), (11, False)])
def test_a_look_up_with_k_candidates_is_no_match(people, all_of_them):
    codes, sizes = two_classes(people)
    found = simulate_intruder(codes, sizes, attempts=200, rng=np.random.default_rng(1), k=11)
    assert found.suspected == (200 if all_of_them else 0)


def test_every_record_of_a_class_is_a_person_of_its_own():
    codes, sizes = two_classes(10)
    whole = [
        simulate_intruder(codes, sizes, attempts=400, rng=np.random.default_rng(s), coverage=0.5)
        for s in range(40)
    ]
    # Were all records of a class one person, a look-up would find it nearly always or never.
    assert all(0 < found.correct < 100 for found in whole)


# The half that was held back, and a register that is given.


def crossed(n: int, seed: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    age = rng.integers(0, 9, n)
    return np.column_stack([age, rng.integers(0, 2, n), (age + rng.integers(0, 3, n)) % 9])


def test_the_model_of_one_half_predicts_what_the_other_half_gives_away():
    found = held_back(
        crossed(600), None, modelled=True, attempts=400, rng=np.random.default_rng(1), splits=10
    )
    assert found.model == "network"
    assert found.predicted == pytest.approx(found.achieved, rel=0.12)
    assert abs(found.z) < 3
    low, high = found.whole.interval(0.999)
    assert low <= found.achieved <= high


def test_where_no_model_is_judged_the_prediction_is_the_release_and_never_too_low():
    codes = crossed(300)
    found = held_back(
        codes, None, modelled=False, attempts=50, rng=np.random.default_rng(1), splits=6
    )
    assert found.model == "1/f is judged"
    assert found.predicted > found.achieved
    assert found.z < 0


def test_a_model_that_takes_dependent_attributes_for_independent_is_found_out(monkeypatch):
    """Eight attributes that are one: independent, they would hide everybody."""
    from midi_risk.risk.population import ensemble, network

    value = np.random.default_rng(5).permutation(np.repeat(np.arange(60), 10))
    codes = np.column_stack([value] * 4)
    honest = held_back(
        codes, None, modelled=True, attempts=5, rng=np.random.default_rng(1), splits=8
    )
    assert abs(honest.predicted / honest.achieved - 1) < 0.15
    monkeypatch.setattr(network, "GAIN", np.inf)
    assert ensemble.fit_network is network.fit_network
    wrong = held_back(
        codes, None, modelled=True, attempts=5, rng=np.random.default_rng(1), splits=8
    )
    assert wrong.predicted > 1.4 * wrong.achieved
    assert wrong.z < -5


def test_cells_of_a_table_hold_the_subjects_of_each_half():
    codes = crossed(500)
    found = held_back(
        codes, codes[:, 0], modelled=True, attempts=50, rng=np.random.default_rng(1), splits=6,
        given=[0],
    )  # fmt: skip
    assert found.predicted == pytest.approx(found.achieved, rel=0.12)


def test_a_register_is_counted_with_its_interval():
    alike, listed = np.array([2, 4, 1, 0]), np.array([True, False, True, True])
    found = register_attack(alike, listed, keyed=True)
    assert (found.listed, found.picks, found.rate) == (2, 1.5, 0.375)
    assert found.interval[0] < found.rate < found.interval[1]
    with pytest.raises(MeasureError, match="record"):
        register_attack(np.zeros(0, np.int64), np.zeros(0, bool), keyed=False)
