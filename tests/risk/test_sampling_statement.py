"""How subjects came into the collection decides whether a model is judged, for every statistic."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from midi_risk.attributes.model import Attribute, AttributeSet, Kind, Role
from midi_risk.config import PopulationStatement
from midi_risk.errors import ThreatModelError
from midi_risk.risk.assess import assess
from midi_risk.table.model import SubjectTable
from midi_risk.threat.model import ThreatModel
from midi_risk.threat.sampling import admits_models, with_statement


def people(n: int = 240) -> SubjectTable:
    """Return subjects with an age in decades and a sex, some of them alone."""
    rng = np.random.default_rng(7)
    age = (rng.normal(60, 14, n) // 10 * 10).astype(int).clip(20, 80)
    frame = pd.DataFrame(
        {"age": [f"{a}-{a + 9}" for a in age], "sex": rng.choice(["F", "M"], n)}, dtype=object
    )
    frame.index = pd.Index([f"s{i}" for i in range(n)], dtype=object)
    kinds = {"age": Kind.AGE, "sex": Kind.SEX}
    return SubjectTable(
        frame=frame,
        attributes=AttributeSet(
            tuple(
                Attribute(name=name, source="t", column=name, role=Role.QUASI_IDENTIFIER,
                          kind=kind, reason="")
                for name, kind in kinds.items()
            )
        ),
        counts={"subjects": n},
        files={"read": 0, "flagged": 0, "not_dicom": 0, "unreadable": 0},
        missing="category",
        digest="sha256:0",
    )  # fmt: skip


TABLE = {
    "kind": "table", "table": "us-population-2019", "fraction": 0.001, "straddle": "uniform",
}  # fmt: skip
SIZE = {"kind": "size", "size": 2_000_000}


def model(population: dict[str, object], statistic: str = "maximum") -> ThreatModel:
    return ThreatModel.model_validate(
        {
            "schema": "midi-risk/threat-model/1", "name": "m", "release": "controlled",
            "threshold": {"k": 5, "statistic": statistic}, "population": population,
            "adversaries": [{"name": "a", "attack": ["journalist", "marketer"]}],
        }
    )  # fmt: skip


def judged(population: dict[str, object], statistic: str = "maximum") -> dict[str, object]:
    """Return the results of the one adversary by measure, and what is said of the population."""
    (found,) = assess(people(), [model(population, statistic)]).threats
    return {"text": found.population, **{r.measure: r for r in found.results}}


HOSPITAL = {"sampling": "one-hospital", "of": "Rivertown", "by": "A. Assessor", "on": "2026-11-02"}


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ({}, "is not stated"),
        ({"sampling": "unknown"}, "is not stated"),
        (HOSPITAL, "'referral' does not say"),
        ({**HOSPITAL, "referral": ["age", "sex", "area"]}, "the table lacks"),
    ],
)
@pytest.mark.parametrize("statistic", ["maximum", "average"])
def test_a_model_is_shown_and_the_release_is_judged(statement, said, statistic):
    admitted = judged({**TABLE, "sampling": "random"}, statistic)
    found = judged({**TABLE, **statement}, statistic)
    release = judged({"kind": "sample"}, statistic)
    assert said in found["text"]
    assert found["text"].endswith("figures of a model are shown, not judged; judged: 1/f")
    for measure in ("journalist_max", "journalist_mean", "marketer_mean"):
        assert found[measure].value == admitted[measure].value < admitted[measure].upper * 1.0001
        assert found[measure].upper == release[measure].upper > admitted[measure].upper
        assert found[measure].passed == release[measure].passed


def test_a_hospital_is_judged_against_the_table_that_knows_what_drives_referral():
    statement = {**HOSPITAL, "sampling": "several-sites", "referral": ["age", "sex"]}
    found, random = judged({**TABLE, **statement}), judged({**TABLE, "sampling": "random"})
    assert found["journalist_max"] == random["journalist_max"]
    assert (
        "Declared subjects of several sites from Rivertown, who come there by age, sex alone, by"
        " A. Assessor, 2026-11-02; if it is not so, figures marked 'model' do not hold"
    ) in found["text"]


@pytest.mark.parametrize("kind", [SIZE, {**SIZE, "kind": "estimate", "model": "log-linear"}])
def test_a_hospital_without_a_table_is_no_sample_of_so_many_people(kind):
    found = judged({**kind, **HOSPITAL, "referral": ["age", "sex"]})
    assert found["journalist_max"].upper == judged({"kind": "sample"})["journalist_max"].upper
    assert "only a table of its catchment" in found["text"]


def test_a_random_sample_is_named_with_who_said_so():
    said = {"sampling": "random", "of": "members of one fund", "by": "B. Reader",
            "on": "2026-11-03"}  # fmt: skip
    assert (
        "Declared a random sample of members of one fund by B. Reader, 2026-11-03; if it is not,"
        " figures marked 'model' do not hold"
    ) in judged({**TABLE, **said})["text"]


def test_the_project_file_states_it_for_every_model_that_names_a_population():
    said = PopulationStatement(sampling="random", by="A. Assessor", on="2026-11-02")
    assert admits_models(with_statement(model(SIZE), said).population)
    release = model({"kind": "sample"})
    assert with_statement(release, said) is release
    assert with_statement(model(SIZE), None) == model(SIZE)
    same = model({**SIZE, "sampling": "random"})
    assert with_statement(same, said) is same
    with pytest.raises(ThreatModelError, match="says otherwise"):
        with_statement(model({**SIZE, "sampling": "one-hospital"}), said)


def test_beside_every_mean_stands_what_most_subjects_do_not_exceed():
    found = judged({"kind": "sample"})
    for measure in ("journalist_mean", "marketer_mean"):
        tail = {q.share: q.risk for q in found[measure].tail}
        assert tail[1.0] == found["journalist_max"].upper
        assert tail[0.5] <= tail[0.9] <= tail[0.95] <= tail[0.99] <= tail[1.0]
        assert tail[0.5] < found[measure].value < tail[1.0]
    assert found["journalist_max"].tail == []


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ({}, "stated in the threat model, without a reason and without a day"),
        ({"because": "needs an expert"}, "because needs an expert, without a day"),
        ({"because": "needs an expert", "on": "2026-11-02"}, "needs an expert (2026-11-02)"),
    ],
)
def test_an_attempt_below_one_says_why_and_when_or_that_nobody_does(stated, said):
    base = model({"kind": "sample"}).to_dict() | {"threshold": {"k": 5}}
    base["adversaries"][0] |= {"attempt": 0.4, "verification": 0.5, **stated}
    (found,) = assess(people(), [ThreatModel.model_validate(base)]).threats
    assert said in found.attempt_source
    assert found.attempt_source.count("needs an expert") == 2 * ("because" in stated)
