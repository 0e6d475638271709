"""pycanon's functions on small tables, on its stored figures, and on tables nobody chose."""

from __future__ import annotations

import json
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from midi_risk.compat import pycanon
from midi_risk.compat.pycanon import anonymity, metrics, report
from midi_risk.errors import CoverageWarning, MeasureError, MidiRiskError
from midi_risk.risk import (
    alpha_k_anonymity,
    beta_likeness,
    delta_disclosure,
    equivalence_classes,
    k_anonymity,
    l_diversity,
    recursive_c,
    t_closeness,
)

SMALL = pd.DataFrame(
    {
        "age": [60, 60, 60, 70, 70, 70],
        "sex": list("MMMFFF"),
        "dx": list("aababc"),
        "grade": [1, 2, 2, 3, 3, 4],
    }
)
QI = ["age", "sex"]


def test_the_package_has_pycanons_modules_and_functions() -> None:
    assert pycanon.anonymity is anonymity
    names = {
        "k_anonymity",
        "alpha_k_anonymity",
        "l_diversity",
        "entropy_l_diversity",
        "recursive_c_l_diversity",
        "basic_beta_likeness",
        "enhanced_beta_likeness",
        "t_closeness",
        "delta_disclosure",
    }
    assert all(callable(getattr(anonymity, name)) for name in names)
    for name in ("average_rir", "max_rir", "sizes_ec", "discernability_metric", "sa_entropy"):
        assert callable(getattr(metrics, name))
    for name in ("get_report_values", "get_json_report", "print_report"):
        assert callable(getattr(report, name))


@pytest.mark.parametrize("gen", [True, False])
@pytest.mark.parametrize("secret", [["dx"], ["dx", "grade"]])
def test_results_are_those_of_the_risk_core(gen: bool, secret: list[str]) -> None:
    multi = "worst" if gen else "extend"
    assert anonymity.k_anonymity(SMALL, np.array(QI)) == k_anonymity(SMALL, QI)
    assert anonymity.alpha_k_anonymity(SMALL, QI, secret, gen) == alpha_k_anonymity(
        SMALL, QI, secret, multi=multi
    )
    assert anonymity.l_diversity(SMALL, QI, secret, gen) == l_diversity(
        SMALL, QI, secret, multi=multi
    )
    found = anonymity.entropy_l_diversity(SMALL, QI, secret, gen)
    assert found == l_diversity(SMALL, QI, secret, kind="entropy", multi=multi)
    found = anonymity.basic_beta_likeness(SMALL, QI, secret, gen)
    assert found == beta_likeness(SMALL, QI, secret, multi=multi)
    found = anonymity.delta_disclosure(SMALL, QI, secret, gen)
    assert found == delta_disclosure(SMALL, QI, secret, multi=multi)
    assert report.get_report_values(SMALL, QI, secret, gen)[8] == anonymity.t_closeness(
        SMALL, QI, secret, gen
    )


def test_json_reports_are_valid_and_complete(capsys: pytest.CaptureFixture[str]) -> None:
    same = pd.DataFrame({"age": [1, 2], "dx": ["a", "b"]})
    document = json.loads(report.get_json_report(same, ["age"], ["dx"]))
    assert document["recursive_c_l_diversity"] == {"c": None, "l": 1}
    assert document["enhanced_beta_likeness"] == {"beta": "Infinity"}
    assert capsys.readouterr().out == ""
    report.print_report(SMALL, QI, ["dx"])
    assert "k-anonymity with k = 3" in capsys.readouterr().out


def test_known_divergence_index_labels_as_positions() -> None:
    table = pd.DataFrame({"q": list("aabb"), "s": list("xxyz")}, index=[0, 2, 1, 3])
    assert anonymity.l_diversity(table, ["q"], ["s"]) == 1
    assert anonymity.l_diversity(table[table["q"] == "b"], ["q"], ["s"]) == 2


def test_known_divergence_single_quasi_identifier_drops_missing() -> None:
    assert anonymity.k_anonymity(pd.DataFrame({"q": ["a", "a", None]}), ["q"]) == 1


@pytest.mark.parametrize("secret", [[1.0, np.nan, 1.0, 2.0], ["x", None, "x", "y"]])
def test_known_divergence_missing_sensitive(secret: list[Any]) -> None:
    table = pd.DataFrame({"q": list("aabb"), "s": secret})
    with pytest.warns(CoverageWarning, match="1 records"):
        assert anonymity.alpha_k_anonymity(table, ["q"], ["s"]) == (1.0, 2)
    with pytest.warns(CoverageWarning):
        assert anonymity.l_diversity(table, ["q"], ["s"]) == 1
    with pytest.warns(CoverageWarning):
        assert math.isfinite(anonymity.t_closeness(table, ["q"], ["s"]))


@pytest.mark.parametrize("values", range(1, 60))
def test_known_divergence_entropy_l_truncated(values: int) -> None:
    table = {"q": ["a"] * values, "s": list(range(values))}
    assert anonymity.entropy_l_diversity(table, ["q"], ["s"]) == pytest.approx(values)


def test_known_divergence_recursive_c_ascending() -> None:
    table = pd.DataFrame({"q": ["a"] * 10, "s": ["x"] * 9 + ["y"]})
    assert anonymity.recursive_c_l_diversity(table, ["q"], ["s"]) == (10, 2)
    assert recursive_c(table, "q", "s", l=2) == 9


def test_known_divergence_enhanced_beta_no_certificate() -> None:
    table = pd.DataFrame({"q": list("abbb"), "s": list("xyyy")})
    assert anonymity.enhanced_beta_likeness(table, ["q"], ["s"]) == math.inf


def test_known_divergence_unused_category() -> None:
    q = pd.Categorical(["a", "a"], categories=["a", "b"])
    assert anonymity.k_anonymity(pd.DataFrame({"q": q}), ["q"]) == 2


def test_known_divergence_constant_numbers_dates_and_booleans() -> None:
    table = pd.DataFrame(
        {
            "q": list("aabb"),
            "same": [7] * 4,
            "day": pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04"]),
            "yes": [True, True, False, False],
        }
    )
    assert anonymity.t_closeness(table, ["q"], ["same"]) == 0
    assert anonymity.t_closeness(table, ["q"], ["day"]) == pytest.approx(1 / 3)
    assert anonymity.t_closeness(table, ["q"], ["yes"]) == 0.5


def test_known_divergence_average_risk_over_classes() -> None:
    table = pd.DataFrame({"q": [1] + [2] * 99, "s": ["a", "b"] * 50})
    assert metrics.average_rir(table, ["q"]) == 0.02


def test_known_divergence_classification_ties() -> None:
    tie = pd.DataFrame({"q": [1] * 10, "s": list("ababababab")})
    assert metrics.classification_metric(tie, tie, ["q"], ["s"]) == 0.5


def test_known_divergence_recursive_l_of_the_other_reading() -> None:
    table = {"q": list("aaaa"), "s": list("xxyy"), "u": list("kkmm")}
    assert anonymity.recursive_c_l_diversity(table, ["q"], ["s", "u"]) == (2, 2)
    c, found = anonymity.recursive_c_l_diversity(table, ["q"], ["s", "u"], gen=False)
    assert math.isnan(c)
    assert found == 1


def test_known_divergence_absent_values_in_delta() -> None:
    table = {"q": list("aabb"), "s": list("xyxx")}
    assert anonymity.delta_disclosure(table, ["q"], ["s"]) == pytest.approx(math.log(2))
    assert delta_disclosure(table, ["q"], ["s"], absent="infinite") == math.inf


def test_known_divergence_numbers_are_ordered() -> None:
    codes = pd.DataFrame({"q": list("aabb"), "s": [1, 2, 3, 300]})
    assert anonymity.t_closeness(codes, ["q"], ["s"]) == pytest.approx(1 / 3)
    assert anonymity.t_closeness(codes.astype({"s": str}), ["q"], ["s"]) == 0.5


def test_known_divergence_gen_in_report() -> None:
    table = {"q": list("aaaa"), "s": list("xxyy"), "u": list("kkmm")}
    for gen in (True, False):
        alone = anonymity.recursive_c_l_diversity(table, ["q"], ["s", "u"], gen=gen)
        found = report.get_report_values(table, ["q"], ["s", "u"], gen)[4]
        assert found == pytest.approx(alone, nan_ok=True)


def test_known_divergence_arguments() -> None:
    table = pd.DataFrame({"q": list("aabb"), 7: list("xyxy")})
    assert anonymity.l_diversity(table, "q", 7, gen=False) == 2


def test_metrics() -> None:
    kept = SMALL[SMALL["dx"] != "c"]
    assert metrics.max_rir(kept, QI) == 0.5
    assert metrics.average_ecsize(SMALL, kept, QI) == 5 / 4
    assert metrics.average_ecsize(SMALL, kept, QI, sup=False) == 6 / 4
    assert metrics.discernability_metric(SMALL, kept, QI) == 9 + 4 + 6
    assert metrics.sizes_ec(kept, QI) == {
        "n_ec": 2,
        "min_ec": 2,
        "max_ec": 3,
        "mean_ec": 2.5,
        "median_ec": 2.5,
    }
    assert metrics.sa_entropy({"s": list("ab")}, "s") == pytest.approx(math.log(2))


def test_bad_input_is_one_clear_line() -> None:
    with pytest.raises(MeasureError, match="without records"):
        anonymity.k_anonymity(SMALL.head(0), QI)
    with pytest.raises(MidiRiskError, match="no column 'agee'"):
        anonymity.k_anonymity(SMALL, ["agee"])
    with pytest.raises(MeasureError, match="both"):
        anonymity.l_diversity(SMALL, QI, ["sex"])


def runs(shared_data: Path) -> list[dict[str, Any]]:
    return [
        run
        for path in sorted((shared_data / "golden").glob("pycanon_*.json"))
        for run in json.loads(path.read_text("utf-8"))["runs"]
    ]


@pytest.mark.shared_data
def test_stored_figures(shared_data: Path) -> None:
    found_runs = runs(shared_data)
    assert found_runs
    for run in found_runs:
        data = pd.read_csv(shared_data / "pycanon" / run["file"])
        qi, secret, gen = run["qi"], run["sa"], run["gen"]
        theirs, expected = run["pycanon"], run["ref"]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CoverageWarning)
            values = report.get_report_values(data, qi, secret, gen)
        k, (alpha, alpha_k), distinct, entropy, (c, c_l), basic, enhanced, delta, t = values
        assert (k, alpha_k, distinct) == (theirs["k"], theirs["alpha_k"][1], theirs["l"])
        for value, other in (
            (alpha, theirs["alpha_k"][0]),
            (basic, theirs["basic_beta"]),
            (delta, theirs["delta"]),
            (t, theirs["t"]),
        ):
            assert value == pytest.approx(float(other), rel=1e-12, abs=1e-14), run["file"]
        # Where pycanon is not to be trusted, the figure is that of the definition.
        assert entropy == pytest.approx(expected["entropy_l"], rel=1e-12, abs=0)
        assert enhanced == float(expected["enhanced_beta"])
        if expected["c_bound"] is None:
            assert math.isnan(c)
            assert math.isnan(float(theirs["c_l"][0]))
        else:
            assert c == math.floor(expected["c_bound"] * (1 + 1e-12)) + 1
        assert c_l == distinct
        assert metrics.max_rir(data, qi) == pytest.approx(theirs["max_rir"], rel=1e-12, abs=0)
        average = metrics.average_rir(data, qi)
        assert average == pytest.approx(expected["avg_risk_records"], rel=1e-12, abs=0)
        sizes = metrics.sizes_ec(data, qi)
        assert sizes == {name: pytest.approx(v) for name, v in theirs["sizes_ec"].items()}
        inverse = float(np.mean(1 / equivalence_classes(data, qi).sizes))
        assert inverse == pytest.approx(theirs["avg_rir"], rel=1e-12, abs=0)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("gen", [True, False])
def test_random_tables_equal_the_risk_core(seed: int, gen: bool) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(5, 80))
    table = pd.DataFrame(
        {
            "a": rng.integers(0, 3, n),
            "b": rng.choice(list("xyz"), n),
            "s": rng.choice(list("pqr"), n),
            "v": rng.integers(0, 5, n),
        }
    )
    multi = "worst" if gen else "extend"
    qi, secret = ["a", "b"], ["s", "v"]
    assert anonymity.l_diversity(table, qi, secret, gen) == l_diversity(
        table, qi, secret, multi=multi
    )
    found = anonymity.enhanced_beta_likeness(table, qi, secret, gen)
    assert found == beta_likeness(table, qi, secret, kind="enhanced", multi=multi)
    joined = {"s": qi if gen else [*qi, "v"], "v": qi if gen else [*qi, "s"]}
    t = max(
        t_closeness(table, joined["s"], "s"),
        t_closeness(table, joined["v"], "v", distance="ordered"),
    )
    assert anonymity.t_closeness(table, qi, secret, gen) == t
