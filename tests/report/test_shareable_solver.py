"""The shareable edition as a whole against a reader who solves for a hidden count."""

from __future__ import annotations

import numpy as np
import pytest
from report_documents import assessment_document
from shareable_solver import admitted

from midi_risk.document.assessment import Assessment
from midi_risk.report import rules, view, words
from midi_risk.report.leaves import Band
from midi_risk.risk.assess import histogram_bins
from midi_risk.risk.classes.classes import EquivalenceClasses

K = 11


def sizes_of(rng: np.random.Generator, n: int) -> np.ndarray:
    """Return the class sizes of some release of n subjects with 1 to k - 1 uniques."""
    uniques = int(rng.integers(1, K))
    shape = rng.choice([0.6, 1.2, 2.5])
    sizes = [1] * uniques
    while sum(sizes) < n:
        sizes.append(min(max(2, int(rng.pareto(shape) * 3) + 2), n - sum(sizes)))
    return np.array(sizes if sizes[-1] > 1 else [*sizes[:-2], sizes[-2] + 1])


def edition_of(sizes: np.ndarray) -> object:
    """Return the shareable view of a document with these classes."""
    n, classes = int(sizes.sum()), len(sizes)
    codes = np.repeat(np.arange(classes), sizes)[:, None]
    found = EquivalenceClasses.from_codes(codes)
    document = assessment_document(n, plan=False)
    document["measures"] |= {
        "k": int(sizes.min()),
        "classes": classes,
        "sample_uniques": int((sizes == 1).sum()),
        "class_size_histogram": [b.model_dump() for b in histogram_bins(found, K)],
        "curve": [],
        "combinations": [],
        "population_uniques": [],
        "trajectory": [],
        "individual": None,
    }
    mean = {"measure": "prosecutor_mean", "value": classes / n, "lower": classes / n,
            "upper": classes / n, "kind": "exact", "method": "", "reference": "",
            "n": n, "threshold": 1 / K, "passed": False}  # fmt: skip
    most = mean | {"measure": "prosecutor_max", "value": 1 / sizes.min(), "lower": 1 / sizes.min(),
                   "upper": 1 / sizes.min()}  # fmt: skip
    document["threats"] = document["threats"][:1]
    document["threats"][0]["results"] = [mean, most]
    document["verdict"]["governing"] = None
    return view(Assessment.model_validate(document), edition="shareable")


def candidates(seed: int, low: int, high: int) -> list[int]:
    rng = np.random.default_rng(seed)
    sizes = sizes_of(rng, int(rng.integers(low, high)))
    found = admitted(edition_of(sizes))
    assert int((sizes == 1).sum()) in found
    return [len(found)]


@pytest.mark.parametrize(("low", "high"), [(30, 80), (80, 200), (200, 2001)])
def test_no_table_is_pinned_to_one_hidden_count(low: int, high: int) -> None:
    left = [n for seed in range(334) for n in candidates(seed, low, high)]
    assert min(left) > 1
    assert np.mean(left) > 0.8 * (K - 1)


def test_the_solver_pins_counts_where_means_leave_with_two_digits(monkeypatch) -> None:
    monkeypatch.setattr(rules, "FEW", 0)
    monkeypatch.setattr(rules, "_gives_uniques", lambda value, around: False)
    left = [n for seed in range(334) for n in candidates(seed, 30, 80)]
    assert min(left) == 1


def test_figures_of_few_subjects_leave_as_bands() -> None:
    document = assessment_document(30, plan=False)
    document["measures"] |= {"closeness": [{"attribute": "stage", "distance": "equal", "t": 0.96}]}
    document["measures"]["diversity"] = [
        {"attribute": "stage", "distinct_l": 1, "entropy_l": 1.43, "homogeneous_classes": 1,
         "homogeneous_subjects": 1, "missing": 0}
    ]  # fmt: skip
    shown = view(Assessment.model_validate(document), edition="shareable").measures
    assert (shown.closeness[0].t.low, float(shown.closeness[0].t)) == (0.75, 1.0)
    assert (shown.diversity[0].entropy_l.low, float(shown.diversity[0].entropy_l)) == (1.0, 2.0)
    assert words.number(shown.closeness[0].t) == "0.75 to 1"


@pytest.mark.parametrize("n", [12, 47, 199])
def test_one_over_all_subjects_never_leaves(n: int) -> None:
    edition = edition_of(np.array([n]))
    for threat in edition.threats:
        for result in threat.results:
            assert isinstance(result.value, Band)
            assert result.value.low < 1 / n < float(result.value) or result.value.low == 1 / n


def test_the_risk_of_a_smallest_class_is_k_and_stays_a_number() -> None:
    around = rules.Around(k=K, document=Assessment.model_validate(assessment_document(60)),
                          part=None)  # fmt: skip
    assert rules.maximum(1 / 3, around) == 0.33
    assert not isinstance(rules.maximum(1 / 3, around), Band)
    assert isinstance(rules.maximum(1 / 40, around), Band)


def test_a_mean_beside_hidden_uniques_says_what_the_histogram_says_and_no_more() -> None:
    for seed in range(60):
        rng = np.random.default_rng(seed)
        sizes = sizes_of(rng, int(rng.integers(30, 2000)))
        edition = edition_of(sizes)
        mean = edition.threats[0].results[0].value
        assert isinstance(mean, Band)
        assert mean.low <= len(sizes) / sizes.sum() <= float(mean)
        assert len(admitted(edition)) > 1
