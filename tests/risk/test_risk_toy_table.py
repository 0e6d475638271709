"""The ten subjects of the method note: every figure of the table, computed by hand."""

from __future__ import annotations

import math

import pytest

from midi_risk.recode import average_class_size, discernibility, normalised_class_size
from midi_risk.risk import (
    alpha_k_anonymity,
    beta_likeness,
    combination_risks,
    data_intrusion_simulation,
    delta_disclosure,
    equivalence_classes,
    identity_risk,
    k_anonymity,
    k_map,
    l_diversity,
    recursive_c,
    sensitive_counts,
    t_closeness,
)
from midi_risk.risk.measures.closeness import (
    basic_likeness,
    equal_distance,
    log_ratio,
    ordered_distance,
)
from midi_risk.risk.measures.diversity import distinct_values, effective_values, least_recursive_c

ORDER = ["OLI", "AST", "GBM"]
POPULATION = {("60-64", "M"): 30, ("60-64", "F"): 20, ("65-69", "F"): 25, ("80+", "M"): 4}
ROWS = [
    ("60-64", "M", "GBM"),
    ("60-64", "M", "GBM"),
    ("60-64", "M", "AST"),
    ("60-64", "F", "GBM"),
    ("60-64", "F", "OLI"),
    ("65-69", "F", "GBM"),
    ("65-69", "F", "AST"),
    ("65-69", "F", "OLI"),
    ("65-69", "F", "OLI"),
    ("80+", "M", "GBM"),
]
TABLE = {
    "age": [row[0] for row in ROWS],
    "sex": [row[1] for row in ROWS],
    "dx": [row[2] for row in ROWS],
    "F": [POPULATION[row[:2]] for row in ROWS],
}
QI = ["age", "sex"]
FIRST = [0, 3, 5, 9]


def risks(**options: object) -> dict[str, float]:
    classes = equivalence_classes(TABLE, QI, population_sizes="F")
    return {risk.measure: risk.value for risk in identity_risk(classes, **options)}


def per_class(measure: object) -> list[float]:
    classes = equivalence_classes(TABLE, QI)
    values = measure(sensitive_counts(classes, TABLE["dx"]))
    return [float(values[classes.class_of_record[i]]) for i in FIRST]


def test_class_sizes() -> None:
    classes = equivalence_classes(TABLE, QI, population_sizes="F")
    assert [classes.record_sizes[i] for i in FIRST] == [3, 2, 4, 1]
    assert [classes.record_population_sizes[i] for i in FIRST] == [30, 20, 25, 4]
    assert k_anonymity(TABLE, QI) == 1
    assert k_map(classes) == 4
    assert classes.sample_uniques == 1
    assert classes.histogram() == {1: 1, 2: 1, 3: 1, 4: 1}
    assert classes.records_below(3) == 3


def test_prosecutor() -> None:
    assert risks(threshold=0.4)["prosecutor_at_risk"] == pytest.approx(0.3)
    assert risks(threshold=0.2)["prosecutor_at_risk"] == pytest.approx(1.0)
    assert risks()["prosecutor_max"] == 1.0
    assert risks()["prosecutor_mean"] == pytest.approx(0.4)


def test_a_label_of_a_third_means_classes_of_three_and_the_literal_number_does_not() -> None:
    assert risks(threshold=0.33)["prosecutor_at_risk"] == pytest.approx(0.6)
    assert risks(k=3)["prosecutor_at_risk"] == pytest.approx(0.3)


def test_journalist_and_marketer() -> None:
    found = risks(threshold=0.09)
    assert found["journalist_at_risk"] == pytest.approx(0.1)
    assert found["journalist_max"] == 0.25
    assert found["marketer_mean"] == pytest.approx(0.061, abs=1e-12)
    assert found["journalist_mean"] == pytest.approx(max(4 / 79, 0.061))


def test_diversity_of_each_class() -> None:
    assert per_class(distinct_values) == [2, 2, 3, 1]
    assert per_class(effective_values) == pytest.approx([1.8899, 2.0, 2.8284, 1.0], abs=5e-5)
    assert per_class(lambda counts: least_recursive_c(counts, 2)) == [2.0, 1.0, 1.0, math.inf]
    assert l_diversity(TABLE, QI, "dx") == 1
    assert l_diversity(TABLE, QI, "dx", kind="entropy") == 1.0
    assert recursive_c(TABLE, QI, "dx", l=2) == math.inf
    assert alpha_k_anonymity(TABLE, QI, "dx") == (1.0, 1)


def test_closeness_of_each_class() -> None:
    assert per_class(equal_distance) == pytest.approx([0.3, 0.2, 0.25, 0.5])
    assert per_class(lambda counts: ordered_distance(counts, order=ORDER)) == pytest.approx(
        [0.2333333333333333, 0.1, 0.225, 0.4]
    )
    assert t_closeness(TABLE, QI, "dx") == pytest.approx(0.5)
    assert t_closeness(TABLE, QI, "dx", distance="ordered", order=ORDER) == pytest.approx(0.4)


def test_likeness_of_each_class() -> None:
    natural = [0.5108, 0.5108, 0.6931, 0.6931]
    assert per_class(log_ratio) == pytest.approx(natural, abs=5e-5)
    assert [value / math.log(2) for value in per_class(log_ratio)] == pytest.approx(
        [0.7370, 0.7370, 1.0, 1.0], abs=5e-5
    )
    assert per_class(basic_likeness) == pytest.approx([2 / 3, 2 / 3, 2 / 3, 1.0])
    assert beta_likeness(TABLE, QI, "dx") == pytest.approx(1.0)
    assert delta_disclosure(TABLE, QI, "dx", absent="infinite") == math.inf


def test_distinction_and_separation_of_every_combination() -> None:
    found = {risk.attributes: risk for risk in combination_risks(TABLE, QI)}
    pairs = {key: (r.distinction, round(r.separation, 4)) for key, r in found.items()}
    assert pairs == {
        ("age",): (0.3, 0.6444),
        ("sex",): (0.2, 0.5333),
        ("age", "sex"): (0.4, 0.7778),
    }


def test_utility_of_the_classes() -> None:
    classes = equivalence_classes(TABLE, QI)
    assert discernibility(classes) == 30
    assert average_class_size(classes) == 2.5
    assert normalised_class_size(classes, 2) == 1.25


def test_data_intrusion_simulation() -> None:
    assert data_intrusion_simulation(1, 1, 0.01) == pytest.approx(0.00503, abs=5e-6)
    assert data_intrusion_simulation(1, 1, 0.1) == pytest.approx(0.0526, abs=5e-5)
