"""Figures of sdcMicro 5.8 on its own tables, which are not part of this project."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from midi_risk.errors import MeasureError
from midi_risk.recode import bounded_loss, correlation_loss, eigenvalue_loss, il1, il1s
from midi_risk.risk import (
    combination_risks,
    equivalence_classes,
    expected_inverse,
    global_risk,
    household_risk,
    individual_risk,
    interval_disclosure,
    risk_threshold,
    sensitive_counts,
    suda,
)
from midi_risk.risk.measures.diversity import distinct_values, effective_values, largest_recursive_l

pytestmark = pytest.mark.shared_data
RELATIVE = 1e-12


def golden(shared_data: Path, name: str) -> dict[str, Any]:
    return json.loads((shared_data / "golden" / f"sdcmicro_{name}.json").read_text("utf-8"))


def table(shared_data: Path, case: dict[str, Any]) -> pd.DataFrame:
    return pd.read_csv(shared_data / "sdcmicro" / case["file"])


def numbers(values: list[Any]) -> np.ndarray:
    return np.array([np.nan if value is None else float(value) for value in values])


def close(found: Any, expected: Any, *, rtol: float = RELATIVE) -> None:
    np.testing.assert_allclose(np.asarray(found, float), numbers(list(expected)), rtol=rtol, atol=0)


def test_frequencies(shared_data: Path) -> None:
    for case in golden(shared_data, "freqcalc")["cases"]:
        data = table(shared_data, case)
        classes = equivalence_classes(
            data, case["keyVars"], missing="wildcard", alpha=case["alpha"], weights=case["w"]
        )
        close(classes.record_sizes, case["fk"])
        people = classes.record_population_sizes
        close(classes.record_sizes if people is None else people, case["Fk"])
        assert int((classes.record_sizes == 1).sum()) == case["n1"]
        assert int((classes.record_sizes == 2).sum()) == case["n2"]


def test_approximate_individual_risk(shared_data: Path) -> None:
    for case in golden(shared_data, "indivrisk")["cases"]:
        if case["method"] != "approx" or not case["survey"]:
            continue
        classes = equivalence_classes(
            table(shared_data, case), case["keyVars"], missing="wildcard", weights=case["w"]
        )
        close(case["qual"] * individual_risk(classes, method="approximate"), case["rk"])


def test_the_grid_of_approximate_risks(shared_data: Path) -> None:
    """known_divergence approximate_risk_cancels: three points near p = 1 lose digits there."""
    grid = golden(shared_data, "indivrisk")["grid"]
    f, people, p = (numbers(grid[key]) for key in ("fk", "Fk", "pk"))
    found, expected = expected_inverse(f, people, method="approximate"), numbers(grid["approx"])
    cancels = (f <= 2) & (p >= 0.99)
    np.testing.assert_allclose(found[~cancels], expected[~cancels], rtol=RELATIVE)
    np.testing.assert_allclose(found[cancels], expected[cancels], rtol=1e-4)
    # E[1/F] at f = 2 and p = 0.999999 lies below 1/2; theirs lies above.
    assert found[(f == 2) & (p == 0.999999)].item() == pytest.approx(0.4999996666666, rel=1e-12)


def test_the_grid_of_exact_risks(shared_data: Path) -> None:
    """known_divergence exact_risk_alternating_sum: theirs leaves [0, 1] for large f or p."""
    grid = golden(shared_data, "indivrisk")["grid"]
    f, people, p = (numbers(grid[key]) for key in ("fk", "Fk", "pk"))
    found, expected = expected_inverse(f, people), numbers(grid["exact"])
    sound = (expected >= 0) & (expected <= 1) & (f <= 20) & (p <= 0.3)
    np.testing.assert_allclose(found[sound], expected[sound], rtol=1e-9)
    assert np.all((found > 0) & (found <= 1))
    assert np.all(found <= expected_inverse(f, people, method="approximate") * (1 + 1e-12))
    assert np.all(found >= p / f * (1 - 1e-12))


def test_exact_individual_risk(shared_data: Path) -> None:
    for case in golden(shared_data, "indivrisk")["cases"]:
        if case["method"] != "exact":
            continue
        classes = equivalence_classes(
            table(shared_data, case), case["keyVars"], missing="wildcard", weights=case["w"]
        )
        found, expected = individual_risk(classes), numbers(case["rk"])
        f = classes.record_sizes
        sound = ~np.isnan(expected) & (f <= 20) & (f / classes.record_population_sizes <= 0.3)
        np.testing.assert_allclose(found[sound], expected[sound], rtol=1e-9)


def test_fractional_sizes_get_a_risk(shared_data: Path) -> None:
    """known_divergence fractional_frequency: theirs gives risk 0 to sizes between 1 and 2."""
    grid = golden(shared_data, "indivrisk")["grid_odd"]
    f, people, theirs = (numbers(grid[key]) for key in ("fk", "Fk", "approx"))
    between = (f > 1) & (f < 2)
    assert np.all(theirs[between] == 0)
    assert np.all(expected_inverse(f[between], people[between]) > 1 / people[between])
    with pytest.raises(MeasureError, match="at least 1"):
        expected_inverse(0.5, 100)
    # known_divergence weights_below_one: theirs exceeds 1 where the weights add up to less than f.
    below = people < f
    assert theirs[below].max() > 1
    assert np.all(expected_inverse(f[below], people[below]) <= 1 / f[below])


def test_global_and_household_risk(shared_data: Path) -> None:
    for case in golden(shared_data, "measure_risk")["cases"]:
        if "error" in case:
            continue
        data = table(shared_data, case)
        classes = equivalence_classes(data, case["keyVars"], missing="wildcard", weights=case["w"])
        risk = individual_risk(classes, method="approximate")
        total = global_risk(risk)
        assert total.expected == pytest.approx(case["global_risk_ER"], rel=RELATIVE)
        assert total.share == pytest.approx(case["global_risk"], rel=RELATIVE)
        limit = risk_threshold(risk, case["max_global_risk"])
        expected = case["global_threshold"]
        if expected is None:
            assert limit.status == "not needed"
        elif expected == 0:
            assert limit.status == "unreachable"
        else:
            assert limit.value == pytest.approx(expected, rel=RELATIVE)
        if case["hid"]:
            household = household_risk(risk, data[case["hid"]])
            # Their product of (1 - r) loses 12 digits for tiny r; their other formula agrees.
            close(household, case["hier_risk_record"], rtol=2e-12)
            assert household.sum() == pytest.approx(case["hier_risk_ER"], rel=RELATIVE)


def test_alpha_works_where_their_call_fails(shared_data: Path) -> None:
    """known_divergence measure_risk_alpha: theirs is an error."""
    failing = [c for c in golden(shared_data, "measure_risk")["cases"] if "error" in c]
    assert failing
    for case in failing:
        classes = equivalence_classes(
            table(shared_data, case),
            case["keyVars"],
            missing="wildcard",
            alpha=case["alpha"],
            weights=case["w"],
        )
        risk = individual_risk(classes, method="approximate")
        assert np.all((risk > 0) & (risk <= 1))


def test_objects(shared_data: Path) -> None:
    for case in golden(shared_data, "measure_risk")["sdcobj"]:
        classes = equivalence_classes(
            table(shared_data, case),
            case["keyVars"],
            missing="wildcard",
            alpha=case["alpha"],
            weights=case["w"],
        )
        below = case["kAnon_violations"]
        assert [classes.records_below(k) for k in (2, 3, 5)] == [below[f"k{k}"] for k in (2, 3, 5)]


def padded(data: pd.DataFrame, names: list[str]) -> tuple[pd.DataFrame, list[str]]:
    """Add the constant columns that sdcMicro adds below three variables."""
    extra = [f"constant{i}" for i in range(3 - len(names))]
    return data.assign(**dict.fromkeys(extra, 1)), [*names, *extra]


def test_suda_scores(shared_data: Path) -> None:
    """known_divergence suda_few_variables: constant columns are added only to compare."""
    for case in golden(shared_data, "suda2")["cases"]:
        data, names = padded(table(shared_data, case), case["variables"])
        found = suda(
            data,
            names,
            weighting="elliot" if case["original_scores"] else "ihsn",
            sampling_fraction=case["DisFraction"],
        )
        close(found.score, case["score"])
        close(found.dis_score, case["disScore"], rtol=1e-6)
        shares = found.attribute_contributions()
        theirs = case["attribute_contributions"]
        for name, share in zip(theirs["variable"], theirs["contribution"], strict=True):
            if name in case["variables"]:
                assert 100 * shares[name] == pytest.approx(share, rel=RELATIVE, abs=1e-12)
        if "contributionPercent" in case:
            close(found.record_contributions().ravel(), np.ravel(case["contributionPercent"]))
        by_value = found.value_contributions()
        ours = {
            (row.attribute, float(row.value)): 100 * row.contribution
            for row in by_value.itertuples()
        }
        levels = case["attribute_level_contributions"]
        for name, value, share in zip(
            levels["variable"], levels["attribute"], levels["contribution"], strict=True
        ):
            # An attribute in no MSU is 0/0 there, 0 here.
            if name in case["variables"] and value not in (None, "NA") and share != "NaN":
                assert ours[name, float(value)] == pytest.approx(float(share), abs=1e-9)


def test_unsafe_cells(shared_data: Path) -> None:
    for case in golden(shared_data, "riskycells")["cases"]:
        options, result = case["args"], case["result"]
        sizes = range(1, 1 + sum(name.startswith("dim") for name in result))
        limits = options["threshold"]
        k = {size: limits[min(size, len(limits)) - 1] + 1 for size in sizes}
        found = {
            frozenset(risk.attributes): risk.cells_below
            for risk in combination_risks(
                table(shared_data, case), case["keyVars"], k=k, max_size=max(sizes)
            )
        }
        rows = zip(*(result[f"dim{size}"] for size in sizes), strict=True)
        expected = {
            frozenset(name for name in row if name is not None): int(cells)
            for row, cells in zip(rows, result["unsafe_cells"], strict=True)
        }
        assert found == expected


def test_diversity_without_missing_sensitive_values(shared_data: Path) -> None:
    """known_divergence missing_sensitive_is_diverse: there each NA is a new value."""
    compared = 0
    for case in golden(shared_data, "ldiversity")["cases"]:
        data = table(shared_data, case)
        classes = equivalence_classes(data, case["keyVars"])
        for name in case["ldiv_index"]:
            counts = sensitive_counts(classes, data[name], attribute=name)
            theirs = numbers(case["result"][f"{name}_Distinct_Ldiversity"])
            ours = distinct_values(counts)[classes.class_of_record]
            if counts.missing:
                assert np.all(ours <= theirs)
                continue
            close(ours, theirs)
            close(
                effective_values(counts)[classes.class_of_record],
                case["result"][f"{name}_Entropy_Ldiversity"],
            )
            close(
                largest_recursive_l(counts, case["l_recurs_c"])[classes.class_of_record],
                case["result"][f"{name}_Recursive_Ldiversity"],
            )
            compared += 1
    assert compared >= 5


def test_diversity_of_several_sensitive_attributes(shared_data: Path) -> None:
    """known_divergence multi_diversity_is_zero: theirs is 0 for every record."""
    cases = [
        case for case in golden(shared_data, "ldiversity")["cases"] if "intended_multi" in case
    ]
    for case in cases:
        data = table(shared_data, case)
        base = equivalence_classes(data, case["keyVars"])
        lowest = {"Entropy": np.full(base.n, np.inf), "Recursive": np.full(base.n, np.inf)}
        for name in case["ldiv_index"]:
            others = [other for other in case["ldiv_index"] if other != name]
            finer = equivalence_classes(data, [*case["keyVars"], *others])
            counts = sensitive_counts(finer, data[name])
            measures = {
                "Entropy": effective_values(counts),
                "Recursive": largest_recursive_l(counts, case["l_recurs_c"]),
            }
            for kind, values in measures.items():
                per_class = np.full(base.n_classes, np.inf)
                np.minimum.at(per_class, base.class_of_record, values[finer.class_of_record])
                lowest[kind] = np.minimum(lowest[kind], per_class[base.class_of_record])
        for key, expected in case["intended_multi"].items():
            for kind, found in lowest.items():
                if kind.lower() in key.lower() and isinstance(expected, list):
                    close(found, expected)


def test_interval_disclosure_and_numeric_losses(shared_data: Path) -> None:
    """known_divergence il1_sum: the IL1 family is summed, not averaged, only to compare."""
    for case in golden(shared_data, "drisk_dutility")["cases"]:
        original = table(shared_data, case)[case["variables"]].head(case["rows"])
        file = case["perturbed_file"]
        masked = table(shared_data, {"file": file})[case["variables"]] if file else original
        for width, share in zip(case["dRisk"]["k"], case["dRisk"]["value"], strict=True):
            found = interval_disclosure(original, masked, width=width)
            assert found.mean() == pytest.approx(share, rel=RELATIVE)
        expected = case["dUtility"]
        assert il1(original, masked) == pytest.approx(expected["IL1"], rel=RELATIVE)
        assert il1s(original, masked) == pytest.approx(expected["IL1old"], rel=RELATIVE)
        assert il1s(original, masked, mean=False) == pytest.approx(expected["IL1s"], rel=RELATIVE)
        loss = bounded_loss(original, masked)
        assert loss.value == pytest.approx(case["IL_variables"]["value"], rel=RELATIVE)
        assert loss.by_variable.tolist() == pytest.approx(
            list(case["IL_variables"]["by_variable"].values()), rel=RELATIVE
        )
        if file:
            # Differences of nearly equal numbers: 1e-16 of the eigenvalues is 1e-12 of these.
            assert eigenvalue_loss(original, masked) == pytest.approx(expected["eigen"], abs=1e-14)
            found = correlation_loss(original, masked)
            assert found == pytest.approx(case["IL_correl"], abs=1e-14)
