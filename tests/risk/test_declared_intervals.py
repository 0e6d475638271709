"""What a threat model declares about its numbers, and what it does to the risk."""

import numpy as np
import pandas as pd
import pytest

from midi_risk.attributes.model import Attribute, AttributeSet, Kind, Role
from midi_risk.errors import ThreatModelError
from midi_risk.risk.assess import assess
from midi_risk.risk.measures.identity import ClassRisk, membership_risk
from midi_risk.table.model import SubjectTable
from midi_risk.threat.model import ThreatModel

PUBLIC = {
    "schema": "midi-risk/threat-model/1",
    "name": "m",
    "release": "controlled",
    "threshold": {"k": 11},
    "adversaries": [{"name": "a"}],
}


def model(**changes):
    return ThreatModel.model_validate({**PUBLIC, **changes})


def people(n=400, *, seed=3):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": pd.Series([f"{a}" for a in rng.integers(40, 90, n)], dtype=object),
            "sex": pd.Series(rng.choice(["F", "M"], n).tolist(), dtype=object),
        }
    )
    frame.index = pd.Index([f"s{i}" for i in range(n)], name="subject", dtype=object)
    kinds = {"age": Kind.AGE, "sex": Kind.SEX}
    attributes = tuple(
        Attribute(
            name=name, source="t", column=name, role=Role.QUASI_IDENTIFIER, kind=kind, reason=""
        )
        for name, kind in kinds.items()
    )
    return SubjectTable(
        frame=frame,
        attributes=AttributeSet(attributes),
        counts={"subjects": n},
        files={"read": 0, "flagged": 0, "not_dicom": 0, "unreadable": 0},
        missing="category",
        digest="sha256:0",
    )


def threat(**changes):
    return assess(people(), [model(**changes)]).threats[0]


def adversary(**changes):
    return [{"name": "a", **changes}]


def test_nothing_declared_is_not_a_certainty_of_zero():
    assert threat().uncertainty is None


def test_the_conservative_end_of_an_attempt_is_judged_and_the_interval_drawn():
    found = threat(adversaries=adversary(attempt={"low": 0.1, "high": 0.4}))
    assert found.attempt == 0.4
    assert "high end of 0.1 to 0.4" in found.attempt_source
    drawn = found.uncertainty
    worst = max(r.upper for r in found.results if r.passed is not None)
    assert drawn.conservative == pytest.approx(0.4 * worst)
    assert drawn.central == pytest.approx(0.25 * worst)
    assert drawn.interval[0] >= 0.1 * worst
    assert drawn.interval[1] <= 0.4 * worst
    assert [bar.name for bar in drawn.tornado] == ["attempt"]


def test_the_probability_above_the_threshold_is_that_of_the_attempt():
    found = threat(
        threshold={"k": 4},
        adversaries=adversary(attempt={"low": 0.1, "high": 0.4}, attack=["prosecutor"]),
    )
    worst = found.results[0].value
    expected = 1 - (0.25 / worst - 0.1) / 0.3
    assert found.uncertainty.probability_above == pytest.approx(np.clip(expected, 0, 1), abs=0.04)
    assert found.uncertainty.tornado[0].crosses is (0.1 * worst <= 0.25 < 0.4 * worst)


def test_the_same_seed_draws_the_same():
    given = adversary(attempt={"low": 0.1, "high": 0.4})
    assert threat(adversaries=given).uncertainty == threat(adversaries=given).uncertainty


@pytest.mark.parametrize("kind", ["estimate", "table"])
def test_the_ends_of_a_fraction_are_the_risks_at_that_fraction(kind):
    population = {"kind": "estimate", "model": "pitman-yor"}
    if kind == "table":
        population = {"kind": "table", "table": "us-population-2019"}
    both = threat(
        population={**population, "fraction": {"low": 0.00001, "high": 0.2}},
        adversaries=adversary(attack=["journalist"]),
    )
    for place, at in ((0.00001, "at_low"), (0.2, "at_high")):
        alone = threat(
            population={**population, "fraction": place},
            adversaries=adversary(attack=["journalist"]),
        )
        judged = max(r.upper for r in alone.results if r.passed is not None)
        assert getattr(both.uncertainty.tornado[0], at) == pytest.approx(judged)
    assert both.uncertainty.conservative == pytest.approx(both.uncertainty.tornado[0].at_high)


def test_prevalence_and_breach_take_intervals():
    sure = {"acquaintances": 150, "prevalence": {"low": 1e-5, "high": 1e-3}}
    found = threat(adversaries=adversary(attempt=sure))
    assert found.attempt == pytest.approx(0.139, abs=1e-3)
    assert found.uncertainty.tornado[0].name == "prevalence"
    lost = threat(adversaries=adversary(attempt={"breach": {"low": 0.1, "high": 0.3}}))
    assert (lost.attempt, lost.uncertainty.tornado[0].name) == (0.3, "breach")


def test_the_widest_assumption_comes_first():
    found = threat(
        adversaries=adversary(
            attempt={"low": 0.39, "high": 0.4}, verification={"low": 0.1, "high": 0.9}
        )
    )
    assert [bar.name for bar in found.uncertainty.tornado] == ["verification", "attempt"]


def test_verification_is_off_unless_it_is_written_and_divides_the_budget():
    plain, checked = threat(), threat(adversaries=adversary(verification=0.5))
    assert plain.verification is None
    assert plain.threshold_k == 11
    assert checked.verification == 0.5
    assert checked.threshold_k == 6
    assert checked.budget == pytest.approx(2 / 11)


def test_the_budget_is_the_threshold_over_the_attempt_and_at_most_a_third():
    assert threat(adversaries=adversary(attempt=0.4)).budget == pytest.approx(1 / 11 / 0.4)
    assert threat(adversaries=adversary(attempt=0.05)).budget == pytest.approx(1 / 3)


@pytest.mark.parametrize("w", [0.2, 0.7])
def test_membership_weighs_prosecutor_and_journalist(w):
    found = threat(population={"kind": "size", "size": 4000}, adversaries=adversary(membership=w))
    by = {r.measure: r for r in found.results}
    assert by["prosecutor_max"].passed is None
    assert by["journalist_max"].passed is None
    assert by["membership_max"].passed is False
    mean = w * by["prosecutor_mean"].value + (1 - w) * by["journalist_mean"].value
    assert by["membership_mean"].value == pytest.approx(mean)
    assert by["membership_max"].value >= by["journalist_max"].value
    assert by["membership_max"].value <= by["prosecutor_max"].value


def test_known_membership_is_the_prosecutor():
    found = threat(population={"kind": "size", "size": 4000}, adversaries=adversary(membership=1.0))
    by = {r.measure: r.value for r in found.results}
    for name in ("max", "mean", "at_risk"):
        assert by[f"membership_{name}"] == pytest.approx(by[f"prosecutor_{name}"])


def test_the_weighted_risk_of_the_toy_table():
    f, people_ = np.array([3, 2, 4, 1]), np.array([30.0, 20, 25, 4])
    both = ClassRisk(
        counts=f, prosecutor=1 / f, expected=1 / people_, cautious=1 / people_,
        optimistic=1 / people_,
    )  # fmt: skip
    highest, mean, _ = membership_risk(both, (0.5, 0.5), k=11)
    assert highest.value == pytest.approx((1 + 0.25) / 2)
    assert mean.value == pytest.approx((0.4 + 0.0610) / 2, abs=1e-4)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"population": {"kind": "table", "table": "t", "fraction": 2}}, "above 1; give a share"),
        (
            {"population": {"kind": "table", "table": "t", "fraction": {"low": 0.1, "high": 2}}},
            "above 1; give a share",
        ),
        ({"adversaries": adversary(membership=0)}, "must be above 0"),
        ({"adversaries": adversary(attempt={"low": 0.4, "high": 0.1})}, "low must not be above"),
        ({"adversaries": adversary(attempt={"breach": "often"})}, "give a number such as 0.02"),
        ({"channels": {"face": {"coverage": 3}}}, "above 1; give a share"),
    ],
)
def test_what_is_no_share_is_one_clear_line(changes, words):
    from midi_risk.config import validated

    with pytest.raises(ThreatModelError) as caught:
        validated(ThreatModel, {**PUBLIC, **changes}, "m.yaml", error=ThreatModelError)
    assert len(caught.value.faults) == 1
    assert words in str(caught.value)


def test_a_maximum_against_people_is_counted_on_its_steps():
    """Between places the judged maximum is 1 over a whole number, never a value in between."""
    from midi_risk.risk.measures.uncertainty import declared_uncertainty

    model_ = ThreatModel.model_validate(
        {
            "schema": "midi-risk/threat-model/1", "name": "m", "release": "public",
            "threshold": {"k": 11}, "adversaries": [{"name": "a"}],
            "population": {"kind": "estimate", "model": "network", "sampling": "random",
                           "fraction": {"low": 0.01, "high": 0.1}},
        }
    )  # fmt: skip
    asked = []

    def figure(fraction, membership):
        del membership
        asked.append(fraction)
        return 1 / 10 if fraction > 0.0316 else 1 / 12

    found = declared_uncertainty(figure, model_, model_.adversaries[0])
    assert found.probability_above == pytest.approx(0.5, abs=0.03)
    assert set(np.round(found.interval, 6)) <= {round(1 / 12, 6), round(1 / 10, 6)}
    assert len(asked) <= 9 + 16
