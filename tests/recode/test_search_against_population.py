"""A release that is acceptable against its population is not generalised beyond need."""

import numpy as np
import pandas as pd
import pytest

from midi_risk.attributes.model import Attribute, AttributeSet, Kind, Role
from midi_risk.recode.criteria import ModelledKMap, population_criteria, requirement
from midi_risk.recode.plan import suggest
from midi_risk.risk.population.pitman_yor import fit_pitman_yor
from midi_risk.table.model import SubjectTable
from midi_risk.threat.model import ThreatModel


def model(people, *, attack=("journalist",), k=5, **adversary):
    return ThreatModel.model_validate(
        {
            "schema": "midi-risk/threat-model/1",
            "name": "m",
            "release": "public",
            "threshold": {"k": k},
            "population": {"kind": "size", "size": people, "sampling": "random"},
            "adversaries": [{"name": "a", "attack": list(attack), **adversary}],
        }
    )


def people(n, seed):
    rng = np.random.default_rng(seed)
    columns = {
        "age": [str(a) for a in rng.normal(60, 12, n).astype(int).clip(20, 89)],
        "sex": rng.choice(["F", "M"], n).tolist(),
        "maker": rng.choice(["A", "B", "C"], n, p=[0.7, 0.2, 0.1]).tolist(),
    }
    frame = pd.DataFrame({name: pd.Series(v, dtype=object) for name, v in columns.items()})
    frame.index = pd.Index([f"s{i}" for i in range(n)], dtype=object)
    kinds = {"age": Kind.AGE, "sex": Kind.SEX, "maker": Kind.CATEGORY}
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


@pytest.mark.parametrize(("seed", "size"), [(1, 800), (2, 100_000)])
def test_the_plan_is_accepted_and_loses_no_more_than_class_sizes_in_the_release(seed, size):
    """The other models of the assessment may refuse what the criterion of the search accepts."""
    table = people(300, seed)
    open_, strict = (
        suggest(table, [model(size, attack=a)], max_suppression=0.0, budget_seconds=None)
        for a in (("journalist",), ("prosecutor", "journalist"))
    )
    assert open_.found
    assert open_.after.passed
    assert open_.loss <= strict.loss
    assert strict.k == 5


def test_hidden_subjects_are_judged_again_and_nothing_is_called_proved():
    plan = suggest(people(300, 3), [model(100_000)], max_suppression=0.05, budget_seconds=None)
    assert plan.found
    assert plan.after.passed
    assert plan.k == 5 or not plan.optimal


@pytest.mark.parametrize(
    "threat",
    [
        model(9000, attack=("prosecutor", "journalist")),
        model(9000, membership=0.5),
        model(9000).model_copy(
            update={"population": model(9000).population.model_copy(update={"kind": "sample"})}
        ),
    ],
)
def test_who_may_know_who_is_in_the_release_needs_class_sizes_in_the_release(threat):
    assert population_criteria([threat], 300) is None


def test_the_criterion_takes_the_budget_of_the_attempt():
    found = population_criteria([model(9000, k=11, attempt=0.4)], 300)
    assert [(c.k, c.people) for c in found] == [(5, 9000)]
    quasi = tuple(people(10, 1).attributes)
    assert requirement([model(9000, k=11, attempt=0.4)], quasi).k == 5


@pytest.mark.parametrize("k", [2, 5, 11, 20])
@pytest.mark.parametrize("people_", [200, 2_000, 200_000])
def test_the_smallest_class_that_passes_is_found_by_trying_all(k, people_):
    sizes = np.repeat([1, 2, 3, 5, 8, 20], [40, 12, 5, 3, 1, 1])
    n = int(sizes.sum())
    fit = fit_pitman_yor(sizes)
    tried = [
        f
        for f in range(1, int(sizes.max()) + 1)
        if max(
            float(fit.expected_inverse([f], n=n, population=people_)[0]),
            1 / int(fit.quantile([f], n=n, population=people_)[0]),
        )
        <= 1 / k * (1 + 1e-12)
    ]
    assert ModelledKMap(k, people_).smallest(sizes) == max(min(tried), min(k, 5))


def test_where_no_model_fits_the_class_sizes_of_the_release_decide():
    assert ModelledKMap(7, 10_000).smallest(np.array([1, 1, 1])) == 7


def test_the_plan_first_names_the_attributes_whose_values_are_too_rare_for_a_model():
    table = people(300, 1)
    sure, unsure = (
        suggest(table, [threat], max_suppression=0.0, budget_seconds=None)
        for threat in (model(100_000), model(100_000, attack=("prosecutor",)))
    )
    assert sure.notes[0].startswith("Rare values of age rest on fewer than 5 subjects")
    released_alone = model(100_000).model_copy(
        update={"population": model(9000).population.model_copy(update={"kind": "sample"})}
    )
    alone = suggest(table, [released_alone], max_suppression=0.0, budget_seconds=None)
    assert not any("Rare values" in note for note in alone.notes)
    assert unsure.notes == sure.notes
