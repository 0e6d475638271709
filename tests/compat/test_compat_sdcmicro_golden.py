"""Every figure of sdcMicro 5.8 on its own tables, through the functions named as there."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from midi_risk.compat import sdcmicro as sdc
from midi_risk.errors import CoverageWarning, MeasureError

pytestmark = pytest.mark.shared_data
RELATIVE = 1e-12
BOTH = pytest.mark.parametrize("compat", [None, "5.8"])


def golden(shared_data: Path, name: str) -> dict[str, Any]:
    return json.loads((shared_data / "golden" / f"sdcmicro_{name}.json").read_text("utf-8"))


def table(shared_data: Path, case: dict[str, Any]) -> pd.DataFrame:
    return pd.read_csv(shared_data / "sdcmicro" / case["file"])


def numbers(values: Any) -> np.ndarray:
    return np.array([np.nan if value is None else float(value) for value in values])


def close(found: Any, expected: Any, *, rtol: float = RELATIVE) -> None:
    np.testing.assert_allclose(np.asarray(found, float), numbers(expected), rtol=rtol, atol=0)


@BOTH
def test_freq_calc(shared_data: Path, compat: Any) -> None:
    for case in golden(shared_data, "freqcalc")["cases"]:
        found = sdc.freqCalc(
            table(shared_data, case),
            keyVars=case["keyVars"],
            w=case["w"],
            alpha=case["alpha"],
            compat=compat,
        )
        close(found.fk, case["fk"])
        close(found.Fk, case["Fk"])
        assert (found.n1, found.n2) == (case["n1"], case["n2"])


@BOTH
def test_approximate_individual_risk(shared_data: Path, compat: Any) -> None:
    for case in golden(shared_data, "indivrisk")["cases"]:
        if case["method"] != "approx":
            continue
        counts = sdc.freqCalc(table(shared_data, case), case["keyVars"], w=case["w"])
        found = sdc.indivRisk(counts, qual=case["qual"], survey=case["survey"], compat=compat)
        close(found.rk, case["rk"])


@BOTH
def test_exact_individual_risk(shared_data: Path, compat: Any) -> None:
    """known_divergence exact_risk_alternating_sum: NaN and figures outside [0, 1] there."""
    for case in golden(shared_data, "indivrisk")["cases"]:
        if case["method"] != "exact":
            continue
        counts = sdc.freqCalc(table(shared_data, case), case["keyVars"], w=case["w"])
        found, expected = sdc.indivRisk(counts, "exact", compat=compat).rk, numbers(case["rk"])
        sound = ~np.isnan(expected) & (counts.fk <= 20) & (counts.fk / counts.Fk <= 0.3)
        np.testing.assert_allclose(found[sound], expected[sound], rtol=1e-9)
        assert np.all((found > 0) & (found <= 1))


def test_the_grid_of_approximate_risks_to_the_last_digit(shared_data: Path) -> None:
    grid = golden(shared_data, "indivrisk")["grid"]
    found = sdc.record_risk(numbers(grid["fk"]), numbers(grid["Fk"]), compat="5.8")
    close(found, grid["approx"])


def test_known_divergence_approximate_risk_cancels_near_certainty(shared_data: Path) -> None:
    """Their formulas for fk of 1 and 2 subtract nearly equal numbers near p = 1."""
    grid = golden(shared_data, "indivrisk")["grid"]
    f, people, p = (numbers(grid[key]) for key in ("fk", "Fk", "pk"))
    found, expected = sdc.record_risk(f, people), numbers(grid["approx"])
    cancels = (f <= 2) & (p >= 0.99)
    np.testing.assert_allclose(found[~cancels], expected[~cancels], rtol=RELATIVE)
    np.testing.assert_allclose(found[cancels], expected[cancels], rtol=1e-4)


@BOTH
def test_known_divergence_fractional_frequency_and_small_weights(
    shared_data: Path, compat: Any
) -> None:
    """Risk 0 for frequencies between 1 and 2, and above 1 for weights below 1, are wrong."""
    odd = golden(shared_data, "indivrisk")["grid_odd"]
    f, people, theirs = (numbers(odd[key]) for key in ("fk", "Fk", "approx"))
    usable = f >= 1
    found = sdc.record_risk(f[usable], people[usable], compat=compat)
    theirs, f, people = theirs[usable], f[usable], people[usable]
    wrong = ((f > 1) & (f < 2)) | (people < f)
    np.testing.assert_allclose(found[~wrong], theirs[~wrong], rtol=RELATIVE)
    assert np.all((found > 0) & (found <= 1))
    with pytest.raises(MeasureError, match="at least 1"):
        sdc.record_risk([0.5], [100], compat=compat)


@BOTH
def test_measure_risk(shared_data: Path, compat: Any) -> None:
    for case in golden(shared_data, "measure_risk")["cases"]:
        found = sdc.measure_risk(
            table(shared_data, case),
            keyVars=case["keyVars"],
            w=case["w"],
            hid=case["hid"],
            max_global_risk=case["max_global_risk"],
            fast_hier=case["fast_hier"],
            alpha=1 if case["alpha"] is None else case["alpha"],
            compat=compat,
        )
        if "error" in case:
            # known_divergence measure_risk_alpha: theirs is an error, ours works.
            assert np.all((found.Res["risk"] > 0) & (found.Res["risk"] <= 1))
            continue
        for name in ("global_risk_ER", "global_risk", "global_risk_pct"):
            assert getattr(found, name) == pytest.approx(case[name], rel=RELATIVE, abs=0)
        close([found.global_threshold], [case["global_threshold"]])
        assert found.higher_risk() == case["obs_with_higher_risk_than_main_part"]
        if "risk" in case:
            close(found.Res["risk"], case["risk"])
        if case["hid"]:
            for name in ("hier_risk_ER", "hier_risk", "hier_risk_pct"):
                assert getattr(found, name) == pytest.approx(case[name], rel=RELATIVE, abs=0)
            # 1 - prod(1 - r) loses digits for tiny r: fast_hier=False and ours do not.
            product = compat == "5.8" and case["fast_hier"]
            close(
                found.Res["hier_risk"],
                case["hier_risk_record"],
                rtol=RELATIVE if product else 2e-12,
            )


@BOTH
def test_objects(shared_data: Path, compat: Any) -> None:
    for case in golden(shared_data, "measure_risk")["sdcobj"]:
        obj = sdc.createSdcObj(
            table(shared_data, case),
            keyVars=case["keyVars"],
            weightVar=case["w"],
            hhId=case["hid"],
            alpha=case["alpha"],
            compat=compat,
        )
        if case["alpha"] < 1:
            # known_divergence fractional_frequency: theirs has risk 0 for fk between 1 and 2.
            rows = obj.risk["individual"]
            whole = rows["risk"].where((rows["fk"] <= 1) | (rows["fk"] >= 2), 0)
            assert whole.sum() == pytest.approx(case["sum_risk"], rel=RELATIVE, abs=0)
            assert rows["risk"].sum() > whole.sum()
            case["global"] = {"max_risk": case["global"]["max_risk"]}
        for name, value in case["global"].items():
            expected = np.nan if value is None else value
            assert obj.risk["global"][name] == pytest.approx(
                expected, rel=RELATIVE, abs=0, nan_ok=True
            ), (
                case["id"],
                name,
            )
        assert list(obj.risk["individual"].columns) == case["names"]
        for name, value in case["kAnon_violations"].items():
            k, weighted = int(name.removeprefix("k").split("_")[0]), "weighted" in name
            assert sdc.kAnon_violations(obj, weighted, k) == value


def test_suda2(shared_data: Path) -> None:
    for case in golden(shared_data, "suda2")["cases"]:
        found = sdc.suda2(
            table(shared_data, case),
            variables=case["variables"],
            DisFraction=case["DisFraction"],
            original_scores=case["original_scores"],
            compat="5.8",
        )
        close(found.score, case["score"])
        close(found.disScore, case["disScore"], rtol=1e-6)
        theirs = case["attribute_contributions"]
        ours = found.attribute_contributions.set_index("variable")["contribution"]
        for name, share in zip(theirs["variable"], theirs["contribution"], strict=True):
            if name in ours.index:
                assert ours[name] == pytest.approx(share, rel=RELATIVE, abs=1e-12)
        if "contributionPercent" in case:
            shares = found.contributionPercent[case["variables"]].to_numpy()
            close(shares.ravel(), np.ravel(case["contributionPercent"]))
        rows = found.attribute_level_contributions
        levels = {
            (row.variable, float(row.attribute)): row.contribution for row in rows.itertuples()
        }
        theirs = case["attribute_level_contributions"]
        for name, value, share in zip(
            theirs["variable"], theirs["attribute"], theirs["contribution"], strict=True
        ):
            if name in case["variables"] and value not in (None, "NA"):
                expected = pytest.approx(float(share), rel=1e-9, abs=1e-9, nan_ok=True)
                assert levels[name, float(value)] == expected


def test_suda2_by_default_where_no_column_is_added(shared_data: Path) -> None:
    for case in golden(shared_data, "suda2")["cases"]:
        found = sdc.suda2(
            table(shared_data, case),
            case["variables"],
            DisFraction=case["DisFraction"],
            original_scores=case["original_scores"],
        )
        if len(case["variables"]) > 2:
            close(found.score, case["score"])
            close(found.disScore, case["disScore"], rtol=1e-6)
        else:
            # known_divergence suda_few_variables: constant columns change the weights there.
            scored = numbers(case["score"]) > 0
            np.testing.assert_array_equal(found.score > 0, scored)
            assert np.any(found.score[scored] != numbers(case["score"])[scored])


@BOTH
def test_l_diversity(shared_data: Path, compat: Any) -> None:
    """known_divergence missing_sensitive_is_diverse, multi_diversity_is_zero."""
    compared = []
    for case in golden(shared_data, "ldiversity")["cases"]:
        data = table(shared_data, case)
        coded = case["id"] == "td_sens_999"
        if coded:
            data = data.fillna(dict.fromkeys(case["ldiv_index"], -999))
        found = sdc.ldiversity(
            data,
            case["ldiv_index"],
            l_recurs_c=case["l_recurs_c"],
            keyVars=case["keyVars"],
            compat=compat,
        )
        for name in case["ldiv_index"]:
            missing = data[name].isna().any() or (coded and compat is None)
            for kind in ("Distinct", "Entropy", "Recursive"):
                column = f"{name}_{kind}_Ldiversity"
                ours, theirs = found[column].to_numpy(), numbers(case["result"][column])
                if missing and kind == "Distinct":
                    # Each missing value is a new one there; here it adds no diversity.
                    assert np.all(ours <= np.maximum(theirs, 0))
                elif not missing:
                    close(ours, theirs)
                    compared.append(column)
        if "intended_multi" in case:
            assert set(case["result"]["MultiEntropy_Ldiversity"]) == {0}
            for kind in ("Entropy", "Recursive"):
                expected = case["intended_multi"][f"Multi{kind}"]
                close(found[f"Multi{kind}_Ldiversity"], expected)
    assert len(compared) >= (30 if compat else 27)


def test_local_suppression_cell_for_cell(shared_data: Path) -> None:
    for case in golden(shared_data, "localsuppression")["cases"]:
        data = table(shared_data, case)
        keys = case["keyVars"]
        if case["keys_as_factor"]:
            data = data.astype(dict.fromkeys(keys, "category"))
        options = {
            "k": case["k"] if case["combs"] else case["k"][0],
            "importance": case["importance_given"],
            "combs": case["combs"],
            "strataVars": case["strataVars"],
            "alpha": case["alpha"],
            "keyVars": keys,
        }
        found = sdc.localSuppression(data, compat="5.8", **options)
        cells = found.xAnon[keys].isna().to_numpy() & data[keys].notna().to_numpy()
        wanted = np.zeros_like(cells)
        listed = case["suppressed_cells"]
        for row, name in zip(listed["row"], listed["var"], strict=True):
            wanted[row - 1, keys.index(name)] = True
        np.testing.assert_array_equal(cells, wanted, err_msg=case["id"])
        assert found.supps.iloc[0].to_dict() == case["by_variable"]
        assert list(found.importance) == case["importance_used"]
        close(found.fk, case["fk_after"])
        ours = sdc.kAnon(data, **options)
        assert ours.supps.to_numpy().sum() <= case["new_suppressions"]
        if not case["combs"] and not case["strataVars"]:
            assert ours.anonymity
        after = sdc.measure_risk(found.xAnon, keys, case["w"], alpha=case["alpha"], compat="5.8")
        assert after.global_risk_ER == pytest.approx(case["sum_risk_after"], rel=RELATIVE, abs=0)


def test_risky_cells(shared_data: Path) -> None:
    for case in golden(shared_data, "riskycells")["cases"]:
        given = case["args"]
        found = sdc.riskyCells(
            table(shared_data, case),
            useIdentificationLevel=given["useIdentificationLevel"][0],
            threshold=given["threshold"],
            keyVars=case["keyVars"],
            maxDim=given.get("maxDim", [None])[0],
            level=given.get("level"),
        )
        expected = case["result"]
        sizes = [name for name in expected if name.startswith("dim")]
        assert [name for name in found if name.startswith("dim")] == sizes
        key = [frozenset(filter(None, row)) for row in zip(*(found[s] for s in sizes), strict=True)]
        ours = dict(
            zip(key, zip(found["unsafe_cells"], found["threshold"], strict=True), strict=True)
        )
        key = [
            frozenset(filter(None, row)) for row in zip(*(expected[s] for s in sizes), strict=True)
        ]
        assert ours == {
            name: (int(cells), limit)
            for name, cells, limit in zip(
                key, expected["unsafe_cells"], expected["threshold"], strict=True
            )
        }


def test_mod_risk(shared_data: Path) -> None:
    """known_divergence modrisk_nan, modrisk_ipf_join: masked figures are the right ones."""
    for case in golden(shared_data, "modrisk")["cases"]:
        data = table(shared_data, case)
        bound = float(case["bound"])
        options = {
            "method": case["method"],
            "weights": case["weights"],
            "formulaM": case["formula"],
            "bound": bound,
        }
        if "error" in case:
            with pytest.raises(MeasureError, match="no interactions"):
                sdc.modRisk(data, **options)
            continue
        factors = "factor" in case["id"]
        if factors:
            data = data.astype(dict.fromkeys(case["vars"], str))
        found = sdc.modRisk(data, compat="5.8", **options)
        if "fitted" in case:
            if case["method"] == "IPF":
                levels = [len(values) for values in case["dimnames"].values()]
                case["fitted"] = np.reshape(case["fitted"], levels, order="F").ravel()
            close(found.fitted, case["fitted"])
        assert found.gr1 == pytest.approx(case["gr1_masked"], rel=RELATIVE, abs=0), case["id"]
        assert found.gr2 == pytest.approx(case["gr2_masked"], rel=RELATIVE, abs=0), case["id"]
        assert found.nonempty == case["n_nonempty_cells_used"]
        assert found.uniques == case["n_sample_unique_cells"]
        if case["n_risk_cells"] == found.nonempty:
            close(found.inclProb, case["inclProb"])
        if factors:
            ours = sdc.modRisk(data, **options)
            assert ours.gr1 == pytest.approx(case["gr1_masked"], rel=RELATIVE, abs=0)


def test_recoding(shared_data: Path) -> None:
    for case in golden(shared_data, "recode")["globalRecode"]:
        breaks = case["breaks"] if len(case["breaks"]) > 1 else case["breaks"][0]
        outside = "NA" in case["counts"]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            if outside:
                # known_divergence recode_silent_missing: the same values, but not silently.
                warnings.simplefilter("ignore", CoverageWarning)
            found = sdc.globalRecode(
                np.array(case["x"]), breaks=breaks, labels=case["labels"], method=case["method"]
            )
        assert found.categories.tolist() == case["levels"]
        codes = [-1 if code is None else code - 1 for code in case["codes"]]
        assert found.codes.tolist() == codes


def test_grouping_and_top_coding(shared_data: Path) -> None:
    cases = golden(shared_data, "recode")
    data = table(shared_data, {"file": "testdata.csv"})
    case = cases["groupAndRename"]
    found = sdc.groupAndRename(data["water"], before=case["before"], after=case["after"])
    assert found.categories.tolist() == case["levels"]
    assert pd.Series(found).value_counts().to_dict() == case["counts"]
    for case in cases["topBotCoding"]:
        options = {name: case[name] for name in ("value", "replacement", "kind")}
        found = sdc.topBotCoding(data["age"], **options)
        assert found.mean() == pytest.approx(case["mean_after"], rel=RELATIVE, abs=0)
        assert int((found != data["age"]).sum()) == case["changed"]


def test_a_recoding_line_step_by_step(shared_data: Path) -> None:
    cases = golden(shared_data, "recode")
    data = table(shared_data, {"file": "testdata.csv"})
    obj = sdc.createSdcObj(
        data,
        keyVars=["urbrur", "water", "relat", "sex", "age"],
        weightVar="sampling_weight",
        hhId="ori_hid",
        compat="5.8",
    )
    first = obj
    line = [
        lambda now: now,
        lambda now: sdc.globalRecode(now, column="age", breaks=[-1, *range(9, 100, 10)]),
        lambda now: sdc.groupAndRename(now, "water", ["5", "6", "7", "9"], "5+"),
        lambda now: sdc.groupAndRename(now, "relat", [*map(str, range(4, 10))], "4+"),
        lambda now: sdc.kAnon(now, k=3),
    ]
    for step, case in zip(line, cases["pipeline"], strict=True):
        obj = step(obj)
        risk = obj.risk["global"]
        assert risk["risk_ER"] == pytest.approx(case["risk_ER"], rel=RELATIVE, abs=0), case["step"]
        assert risk["hier_risk_ER"] == pytest.approx(case["hier_risk_ER"], rel=RELATIVE, abs=0)
        assert [sdc.kAnon_violations(obj, k=k) for k in (2, 3, 5)] == [
            case[f"k{k}"] for k in (2, 3, 5)
        ]
        if "suppressions" in case:
            assert dict(obj.localSuppression) == case["suppressions"]
    local = cases["localSupp"]
    done = sdc.localSupp(first, threshold=local["threshold"], keyVar=local["keyVar"])
    assert done.localSuppression["age"] == local["new"]
    assert done.risk["global"]["risk_ER"] == pytest.approx(
        local["risk_ER_after"], rel=RELATIVE, abs=0
    )


def perturbed(shared_data: Path, case: dict[str, Any]) -> tuple[pd.DataFrame, pd.DataFrame]:
    original = table(shared_data, case)[case["variables"]].head(case["rows"])
    if not case["perturbed_file"]:
        return original, original
    return original, table(shared_data, {"file": case["perturbed_file"]})[case["variables"]]


def test_risk_and_loss_of_numbers(shared_data: Path) -> None:
    """known_divergence il1_sum: the sum that sdcMicro prints as per cent is only a sum."""
    for case in golden(shared_data, "drisk_dutility")["cases"]:
        original, masked = perturbed(shared_data, case)
        for k, share in zip(case["dRisk"]["k"], case["dRisk"]["value"], strict=True):
            assert sdc.dRisk(original, masked, k=k) == pytest.approx(share, rel=RELATIVE, abs=0)
        for method, loss in case["dUtility"].items():
            # Differences of nearly equal eigenvalues: 1e-16 of these is 1e-12 of the result.
            exact = {"abs": 1e-14} if method == "eigen" else {"rel": RELATIVE, "abs": 0}
            found = sdc.dUtility(original, masked, method=method)
            assert found == pytest.approx(loss, **exact)
        loss = sdc.IL_variables(original, masked)
        assert loss.value == pytest.approx(case["IL_variables"]["value"], rel=RELATIVE, abs=0)
        assert sdc.IL_correl(original, masked) == pytest.approx(case["IL_correl"], abs=1e-14)
        robust = case["dRiskRMD"]
        found = sdc.dRiskRMD(
            original, masked, robust["mcd_cov_of_scaled_x"], k=robust["k"], k2=robust["k2"]
        )
        for name in ("risk1", "risk2", "wrisk1", "wrisk2"):
            assert getattr(found, name) == pytest.approx(robust[name], rel=RELATIVE, abs=0)
        assert (found.indexRisk1 + 1).tolist() == robust["indexRisk1"]
        assert (found.indexRisk2 + 1).tolist() == robust["indexRisk2"]


def test_known_divergence_singular_correlations_have_no_figure(shared_data: Path) -> None:
    """sdcMicro's eigen is -5e13 on a table whose columns are sums of others."""
    original = table(shared_data, {"file": "CASCrefmicrodata.csv"})
    masked = table(shared_data, {"file": "pert_CASC_mdav10.csv"})[list(original.columns)]
    with pytest.raises(MeasureError, match="singular"):
        sdc.dUtility(original, masked, method="eigen")


@pytest.mark.parametrize("name", ["CASC", "EIA", "Tarragona", "free1", "testdata"])
@pytest.mark.parametrize("aggr", [3, 10])
def test_mdav_forms_the_groups_of_sdcmicro(shared_data: Path, name: str, aggr: int) -> None:
    expected = table(shared_data, {"file": f"pert_{name}_mdav{aggr}.csv"})
    file = {"CASC": "CASCrefmicrodata"}.get(name, name)
    data = table(shared_data, {"file": f"{file}.csv"})[list(expected.columns)]
    found = sdc.microaggregation(data.head(len(expected)), aggr=aggr).mx
    same = np.isclose(found, expected, rtol=1e-9).all(axis=1)
    if (name, aggr) == ("Tarragona", 3):
        # known_divergence mdav_tie: two records at one distance, told apart by rounding.
        assert int((~same).sum()) == 2
    else:
        assert same.all()
