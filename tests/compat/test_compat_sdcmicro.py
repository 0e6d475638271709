"""sdcMicro's functions on tables made here: edge cases, objects, laws."""

from __future__ import annotations

import json
import math
import stat
import warnings
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midi_risk.compat import sdcmicro as sdc
from midi_risk.errors import CoverageWarning, MeasureError, MidiRiskError, OutputError
from midi_risk.risk import (
    combination_risks,
    equivalence_classes,
    global_risk,
    household_risk,
    individual_risk,
    l_diversity,
    suda,
)

PEOPLE = pd.DataFrame(
    {
        "age": [61, 61, 70, 70, 45, 45, 45, 33],
        "sex": list("MMFFMMFM"),
        "site": list("AABBABAB"),
        "dx": ["GBM", "AST", "GBM", "GBM", "OLI", "AST", "GBM", "AST"],
        "w": [10.0, 20, 10, 15, 30, 5, 10, 12],
        "home": [1, 1, 2, 2, 3, 3, 4, None],
        "income": [10.0, 12, 30, 31, 14, 15, 90, 41],
        "tax": [1.0, 1.3, 3.2, 3, 1.2, 1.9, 9.5, 4.4],
    }
)
KEYS = ["age", "sex", "site"]


def an_object(**options: Any) -> sdc.SdcObj:
    roles: dict[str, Any] = {
        "keyVars": KEYS,
        "numVars": ["income", "tax"],
        "pramVars": ["dx"],
        "weightVar": "w",
        "hhId": "home",
        "sensibleVar": "dx",
        "seed": 7,
    }
    return sdc.createSdcObj(PEOPLE, **(roles | options))


# What sdcMicro gets wrong, named after the trap.


def test_known_divergence_text_keys() -> None:
    table = {"a": ["x", "x", "y"], "b": ["p", "p", "p"]}
    assert sdc.freqCalc(table, ["a", "b"]).fk.tolist() == [2, 2, 1]
    assert sdc.suda2(table, ["a", "b"]).score.tolist() == [0, 0, 1]


@pytest.mark.parametrize("name", ["fk", "Fk", "weight", "id", "i", "(0010,1010)", "a b", "index"])
def test_known_divergence_key_names(name: str) -> None:
    table = pd.DataFrame({name: [1, 1, 2, None], "b": [1, 1, 2, 2], "w": [10, 20, 30, 40]})
    found = sdc.freqCalc(table, [name, "b"], w="w")
    assert found.fk.tolist() == [2, 2, 2, 2]
    assert found.Fk.tolist() == [30, 30, 70, 70]
    assert sdc.kAnon(table, k=2, keyVars=[name, "b"]).supps.columns.tolist() == [name, "b"]


@pytest.mark.parametrize("compat", [None, "5.8"])
def test_known_divergence_weights_below_one(compat: Any) -> None:
    table = {"a": [1, 1, 2, 3], "b": [1, 1, 1, 1], "w": [0.5, 0.4, 0.7, 1]}
    risk = sdc.measure_risk(table, ["a", "b"], "w", compat=compat).Res["risk"]
    assert risk.tolist() == [0.5, 0.5, 1, 1]


@pytest.mark.parametrize("compat", [None, "5.8"])
def test_known_divergence_fractional_frequency(compat: Any) -> None:
    table = {"a": [1, 1, 2, None, 3], "b": [1, 2, 2, 2, None], "w": [10, 20, 5, 8, 100]}
    obj = sdc.createSdcObj(table, ["a", "b"], weightVar="w", alpha=0.5, compat=compat)
    rows = obj.risk["individual"]
    assert rows["fk"].tolist() == [1, 1.5, 1.5, 3.5, 1.5]
    assert rows["Fk"].tolist() == [10, 24, 9, 83, 104]
    assert rows["risk"][0] == pytest.approx(0.2558427881104496, rel=1e-12, abs=0)
    assert rows["risk"][3] == pytest.approx(0.01658767772511848, rel=1e-12, abs=0)
    assert (rows["risk"] > 1 / rows["Fk"]).all()


def test_known_divergence_dis_nan_hash_bucket() -> None:
    table = {"V1": [1, 0, 5, 5], "V2": [1, 3, 5, 5], "V3": [2, 2, 5, 5]}
    found = sdc.suda2(table, ["V1", "V2", "V3"])
    assert found.score.tolist() == [4, 4, 0, 0]
    assert np.isfinite(found.disScore).all()
    assert (found.disScore[:2] > 0).all()


def test_known_divergence_suda_few_variables() -> None:
    table = {"a": [1, 1, 2]}
    assert sdc.suda2(table, ["a"]).score.tolist() == [0, 0, 1]
    assert sdc.suda2(table, ["a"], compat="5.8").score.tolist() == [0, 0, 2]


def test_known_divergence_missing_sensitive_is_diverse() -> None:
    table = pd.DataFrame({"q": list("aaabb"), "s": ["x", None, None, None, None]})
    found = sdc.ldiversity(table, "s", keyVars="q")
    assert found["s_Distinct_Ldiversity"].tolist() == [1, 1, 1, 0, 0]
    coded = pd.DataFrame({"q": list("aaabb"), "s": [4, -999, -999, -999, -999]})
    assert sdc.ldiversity(coded, "s", keyVars="q")["s_Distinct_Ldiversity"].tolist() == (
        [1, 1, 1, 0, 0]
    )
    old = sdc.ldiversity(coded, "s", keyVars="q", compat="5.8")
    assert old["s_Distinct_Ldiversity"].tolist() == [2, 2, 2, 0, 0]
    assert old["s_Entropy_Ldiversity"].tolist()[3:] == [1, 1]
    assert old["s_Recursive_Ldiversity"].tolist() == [1] * 5


def test_known_divergence_multi_diversity_is_zero() -> None:
    table = {"q": [1] * 4, "s": list("xxyy"), "t": list("abab")}
    found = sdc.ldiversity(table, ["s", "t"], keyVars="q")
    assert found["MultiEntropy_Ldiversity"].tolist() == pytest.approx([2] * 4)
    assert found["MultiRecursive_Ldiversity"].tolist() == [2] * 4


def test_known_divergence_household_identifiers() -> None:
    table = PEOPLE.assign(family=["x", "x", "y", "y", "z", "z", None, None])
    found = sdc.measure_risk(table, KEYS, "w", hid="family")
    risk = found.Res["risk"]
    assert found.Res["hier_risk"].tolist()[6:] == pytest.approx(risk.tolist()[6:])
    assert found.Res["hier_risk"][0] == pytest.approx(1 - (1 - risk[0]) * (1 - risk[1]))


def test_known_divergence_threshold_zero() -> None:
    found = sdc.measure_risk(PEOPLE, KEYS, max_global_risk=1e-6)
    assert (found.global_threshold, found.threshold_status) == (0, "unreachable")
    found = sdc.measure_risk(PEOPLE, KEYS, max_global_risk=1)
    assert math.isnan(found.global_threshold)
    assert found.threshold_status == "not needed"


def test_known_divergence_oversuppression() -> None:
    ages = {"a": [1, 1, 2, 3, 4, 5], "b": [1, 1, 1, 2, 2, 2]}
    ours = sdc.kAnon(ages, k=2, keyVars=["a", "b"])
    theirs = sdc.kAnon(ages, k=2, keyVars=["a", "b"], compat="5.8")
    assert ours.anonymity
    assert theirs.anonymity
    assert ours.supps.to_numpy().sum() < theirs.supps.to_numpy().sum()


def test_known_divergence_recode_silent_missing() -> None:
    with pytest.warns(CoverageWarning, match="2 values"):
        found = sdc.globalRecode([0, 5, 15, 99], breaks=[0, 10, 20])
    assert found.codes.tolist() == [-1, 0, 1, -1]


def test_known_divergence_equal_amount_jitter() -> None:
    found = sdc.globalRecode([1, 1, 1, 1, 2, 3], breaks=3, method="equalAmount")
    assert (found.codes >= 0).all()


def test_known_divergence_modrisk_slope_and_nan() -> None:
    table = pd.DataFrame({"a": [1, 1, 2, 9, 9, 9], "b": [1, 2, 1, 1, 1, 2], "w": [4.0] * 6})
    ours = sdc.modRisk(table, weights="w", formulaM="~ a + b")
    text = sdc.modRisk(table.astype({"a": str}), weights="w", formulaM="~ a + b", compat="5.8")
    assert ours.gr1 != sdc.modRisk(table, weights="w", formulaM="~ a + b", compat="5.8").gr1
    again = sdc.modRisk(table.astype({"a": str, "b": str}), weights="w", formulaM="~ a + b")
    assert again.gr1 == pytest.approx(ours.gr1, rel=1e-9)
    assert 0 < text.gr1 < 1
    independent = sdc.modRisk(table, "IPF", "w", "~ a + b")
    assert independent.gr1 == pytest.approx(ours.gr1, rel=1e-6)


def test_known_divergence_k_above_stratum() -> None:
    obj = an_object(strataVar="home", hhId=None)
    with pytest.raises(MidiRiskError, match="stratum"):
        sdc.kAnon(obj, k=3)


def test_known_divergence_household_product() -> None:
    table = {"a": [1] * 4, "w": [2e8] * 4, "h": [1, 1, 2, 2]}
    ours = sdc.measure_risk(table, "a", "w", hid="h")
    theirs = sdc.measure_risk(table, "a", "w", hid="h", compat="5.8")
    risk = float(ours.Res["risk"][0])
    exact = 2 * risk - risk**2
    assert ours.Res["hier_risk"][0] == pytest.approx(exact, rel=1e-15, abs=0)
    assert theirs.Res["hier_risk"][0] == pytest.approx(exact, rel=1e-6, abs=0)
    assert theirs.Res["hier_risk"][0] != pytest.approx(exact, rel=1e-12, abs=0)


def test_known_divergence_dis_single_precision() -> None:
    found = sdc.suda2(PEOPLE, [*KEYS, "dx"])
    pairs = 2 * int((PEOPLE.groupby([*KEYS, "dx"]).size() == 2).sum())
    exponent = 1 + (8 - 4) / 20
    scored = found.score[found.score > 0]
    scale = (scored**-exponent).sum()
    expected = 1 / (1 + pairs * 0.99 / 0.01 / (scored**exponent * scale))
    np.testing.assert_allclose(found.disScore[found.score > 0], expected, rtol=1e-13)


def test_known_divergence_risky_cells_text() -> None:
    assert sdc.riskyCells(PEOPLE, keyVars=KEYS)["unsafe_cells"].dtype.kind == "i"


def test_known_divergence_modrisk_inclusion() -> None:
    table = {"a": [1, 1, 1, 2, 2], "b": [1, 1, 1, 1, 2], "w": [2.0] * 5}
    ours = sdc.modRisk(table, weights="w", formulaM="~ a + b")
    theirs = sdc.modRisk(table, "IPF", weights="w", formulaM="~ a + b", compat="5.8")
    assert ours.inclProb.tolist() == [0.5, 0.5, 0.5]
    assert theirs.inclProb.tolist() == [1.5, 0.5, 0.5]
    assert ours.gr2 == pytest.approx(theirs.gr2, rel=1e-6)


def test_known_divergence_random_numbers() -> None:
    obj = sdc.addNoise(an_object())
    assert "# random: R draws other numbers from the same seed" in obj.script()
    assert obj.manipNumVars.equals(sdc.addNoise(an_object()).manipNumVars)
    assert not obj.manipNumVars.equals(sdc.addNoise(an_object(seed=8)).manipNumVars)


# Examples from the literature and from users, which sdcMicro gets right.


def test_examples_of_special_uniques() -> None:
    practice = {
        "R": list("UUUURUUUUU"),
        "G": list("FFFMFMFMFF"),
        "E": ["si", "si", "pi", "sc", "sc", "sc", "pc", "ps", "si", "si"],
        "L": list("EENEUENUNN"),
    }
    assert sdc.suda2(practice).score.tolist() == [0, 0, 6, 0, 12, 0, 6, 10, 0, 0]
    guide = sdc.suda2(practice, original_scores=False)
    assert guide.score.tolist() == [0, 0, 1.75, 0, 3.25, 0, 1.75, 2.75, 0, 0]
    issue = sdc.suda2({"a": [2, 1, 1], "b": [0, 3, 0], "c": [0, 6, 0]})
    assert issue.score.tolist() == [2, 4, 2]
    assert issue.disScore.tolist() == [1, 1, 1]
    assert issue.attribute_contributions["contribution"].tolist() == [50, 37.5, 37.5]


@pytest.mark.parametrize(("alpha", "fk"), [(1, [3, 3, 3, 3, 5]), (0, [2, 2, 2, 2, 5])])
def test_local_suppression_of_one_cell(alpha: float, fk: list[int]) -> None:
    table = pd.DataFrame(
        {
            "Region": ["A"] * 5,
            "Status": ["Single", "Married", "Married", "Single", "Widow"],
            "Age": ["30-49"] * 5,
        }
    )
    for compat in (None, "5.8"):
        found = sdc.localSuppression(
            table, k=2, keyVars=list(table.columns), alpha=alpha, compat=compat
        )
        assert found.supps.to_dict("records") == [{"Region": 0, "Status": 1, "Age": 0}]
        assert found.fk.tolist() == fk


@pytest.mark.shared_data
def test_stored_edge_cases(shared_data: Path) -> None:
    cases = json.loads((shared_data / "golden" / "sdcmicro_edge.json").read_text("utf-8"))["cases"]
    for case in cases:
        data = pd.DataFrame({name: pd.Series(held) for name, held in case["data"].items()})
        if case["fn"] == "freqCalc":
            found = sdc.freqCalc(data, case["keyVars"], case["w"], case["alpha"])
            assert found.fk.tolist() == (case["sane_fk"] or case["fk"]), case["id"]
        elif case["fn"] == "suda2":
            found = sdc.suda2(data, **(case["args"] or {}))
            assert found.score == pytest.approx(case["score"], rel=1e-12, abs=0)
            if "NaN" not in case["disScore"]:
                np.testing.assert_allclose(found.disScore, case["disScore"], rtol=1e-6)
            shares = found.contributionPercent.to_numpy()
            np.testing.assert_allclose(shares, case["contributionPercent"], rtol=1e-12)
        elif case["fn"] == "kAnon":
            keys = list(data.columns)
            found = sdc.kAnon(data, k=case["k"], keyVars=keys, alpha=case["alpha"], compat="5.8")
            assert found.supps.iloc[0].to_dict() == {
                name: number for name, (number,) in case["supps"].items()
            }
            expected = pd.DataFrame(case["result"])[keys].isna().to_numpy()
            np.testing.assert_array_equal(found.xAnon.isna().to_numpy(), expected)
            assert found.fk.tolist() == case["fk"]


# Objects.


def test_known_divergence_undo_once_steps_return_new_objects() -> None:
    before = PEOPLE.copy()
    first = an_object()
    second = sdc.globalRecode(first, column="age", breaks=[0, 50, 100])
    third = sdc.kAnon(second, k=2)
    pd.testing.assert_frame_equal(PEOPLE, before)
    assert first.manipKeyVars["age"].tolist() == PEOPLE["age"].tolist()
    assert third.origin is first
    assert sdc.undolast(third) is second
    assert sdc.undolast(sdc.undolast(sdc.undolast(third))) is first
    assert third.originalRisk["global"]["risk_ER"] == first.risk["global"]["risk_ER"]
    assert third.risk["global"]["risk_ER"] < first.risk["global"]["risk_ER"]
    assert sdc.kAnon_violations(third, k=2) == 0
    for copied in (first.origData, first.manipKeyVars, sdc.extractManipData(first)):
        copied["age"] = 1
    assert first.origData["age"].tolist() == PEOPLE["age"].tolist()


def test_measures_that_were_asked_for_follow_later_steps() -> None:
    obj = sdc.suda2(sdc.ldiversity(an_object()))
    after = sdc.kAnon(obj, k=3)
    assert obj.risk["suda2"].score.sum() > after.risk["suda2"].score.sum()
    assert list(after.risk) == ["global", "individual", "ldiversity", "suda2"]
    after = sdc.dUtility(sdc.dRisk(sdc.microaggregation(after)), method="IL1s")
    assert after.risk["numeric"] == sdc.dRisk(PEOPLE[["income", "tax"]], after.manipNumVars, k=0.05)
    assert after.risk["utility"]["il1s"] > 0
    modelled = sdc.modRisk(an_object(), formulaM="~ sex + site")
    assert 0 <= modelled.risk["model"].gr1 <= 1


def test_ghost_variables_take_over_suppressions() -> None:
    table = PEOPLE.assign(birth=2026 - PEOPLE["age"])
    assert sdc.createSdcObj(table, KEYS, w="w").weightVar == "w"
    obj = sdc.createSdcObj(table, keyVars=KEYS, ghostVars={"age": ["birth"]})
    after = sdc.kAnon(obj, k=3)
    lost = after.manipKeyVars["age"].isna()
    assert lost.any()
    assert after.manipGhostVars["birth"].isna().tolist() == lost.tolist()


def test_scripts_name_every_step_in_both_languages() -> None:
    obj = an_object()
    obj = sdc.globalRecode(obj, column="age", breaks=[0, 50, 100], labels=['"old"', "a\\b"])
    obj = sdc.groupAndRename(obj, "site", ["A", "B"], "any")
    obj = sdc.pram(sdc.kAnon(obj, k=2))
    obj = sdc.modRisk(obj, formulaM="~ sex + site")
    r = obj.script().splitlines()
    assert r[0] == "library(sdcMicro)"
    assert 'keyVars = c("age", "sex", "site")' in r[2]
    assert r[3] == (
        'sdc <- globalRecode(sdc, column = "age", breaks = c(0, 50, 100), '
        'labels = c("\\"old\\"", "a\\\\b"))'
    )
    assert "set.seed(7)" in r
    assert "sdc <- kAnon(sdc, k = 2)" in r
    assert "formulaM = ~ sex + site" in r[-1]
    names = {"sdc": sdc, "data": PEOPLE}
    code = "\n".join(line for line in obj.script("python").splitlines() if "obj = " in line)
    exec(code, names)  # noqa: S102
    pd.testing.assert_frame_equal(
        sdc.extractManipData(names["obj"]), sdc.extractManipData(obj), check_dtype=False
    )


def test_extracted_data_can_leave_columns_alone_or_be_shuffled() -> None:
    obj = sdc.microaggregation(sdc.kAnon(an_object(), k=3))
    out = sdc.extractManipData(obj, ignoreNumVars=True)
    assert out["income"].tolist() == PEOPLE["income"].tolist()
    assert list(out.columns) == list(PEOPLE.columns)
    for order in ("simple", "byHH", "withinHH"):
        shuffled = sdc.extractManipData(obj, randomizeRecords=order)
        assert sorted(shuffled["w"]) == sorted(PEOPLE["w"])
    homes = sdc.extractManipData(obj, randomizeRecords="byHH")["home"].fillna(0).tolist()
    assert sum(a != b for a, b in pairwise(homes)) == len(set(homes)) - 1
    assert (
        sdc.extractManipData(obj, randomizeRecords="withinHH")["home"].fillna(0).tolist()
        == PEOPLE["home"].fillna(0).tolist()
    )


def test_reports_are_private_and_the_external_one_names_no_value(tmp_path: Path) -> None:
    obj = sdc.suda2(sdc.ldiversity(sdc.kAnon(an_object(), k=3)))
    inside = sdc.report(obj, tmp_path, "inside", title="<b>T</b>", internal=True)
    text = inside.read_text("utf-8")
    assert "<b>T" not in text
    assert "3-anonymity" in text
    assert "kAnon(sdc, k = 3)" in text
    outside = sdc.report(obj, tmp_path / "new", "outside")
    assert stat.S_IMODE(outside.stat().st_mode) == 0o600
    plain = outside.read_text("utf-8")
    assert "local suppression</td><td>TRUE" in plain
    for word in ("GBM", "70", "kAnon", "re-identifications"):
        assert word not in plain
    with pytest.raises(OutputError):
        sdc.report(obj, tmp_path / "inside.html" / "x")
    with pytest.raises(OutputError):
        sdc.report(obj, tmp_path, "../x")


def test_no_value_is_in_a_repr() -> None:
    obj = sdc.suda2(an_object())
    texts = [
        repr(obj),
        repr(sdc.freqCalc(PEOPLE, KEYS)),
        repr(sdc.measure_risk(PEOPLE, KEYS)),
        repr(obj.risk["suda2"]),
        repr(sdc.kAnon(PEOPLE, k=2, keyVars=KEYS)),
        repr(sdc.microaggregation(PEOPLE[["income"]])),
        repr(sdc.modRisk(PEOPLE, weights="w", formulaM="~ sex")),
        repr(obj.steps[0]),
    ]
    for text in texts:
        assert "GBM" not in text
        assert "61" not in text


# Laws.


TABLES = st.integers(0, 10_000).map(np.random.default_rng)


def random_table(rng: np.random.Generator) -> pd.DataFrame:
    n = int(rng.integers(2, 60))
    frame = pd.DataFrame(
        {
            "a": rng.integers(0, 3, n).astype(object),
            "b": rng.choice(list("xyz"), n).astype(object),
            "c": rng.choice([1.5, 2.5], n).astype(object),
            "s": rng.choice(list("pqr"), n),
            "w": rng.uniform(1, 50, n),
            "h": rng.integers(0, 9, n),
        }
    )
    holes = rng.random((n, 3)) < rng.choice([0, 0.15])
    frame[["a", "b", "c"]] = frame[["a", "b", "c"]].mask(holes)
    return frame


@settings(deadline=None, max_examples=40)
@given(rng=TABLES, alpha=st.sampled_from([0, 0.5, 1]))
def test_frequencies_and_risks_are_those_of_the_risk_core(
    rng: np.random.Generator, alpha: float
) -> None:
    table = random_table(rng)
    keys = ["a", "b", "c"]
    classes = equivalence_classes(table, keys, missing="wildcard", alpha=alpha, weights="w")
    counts = sdc.freqCalc(table, keys, w="w", alpha=alpha)
    np.testing.assert_array_equal(counts.fk, classes.record_sizes)
    np.testing.assert_array_equal(counts.Fk, classes.record_population_sizes)
    exact = sdc.indivRisk(counts, "exact").rk
    np.testing.assert_allclose(exact, individual_risk(classes), rtol=1e-12)
    approximate = individual_risk(classes, method="approximate")
    found = sdc.measure_risk(table, keys, "w", hid="h", alpha=alpha)
    np.testing.assert_allclose(found.Res["risk"], approximate, rtol=1e-12)
    np.testing.assert_allclose(
        found.Res["hier_risk"], household_risk(approximate, table["h"]), rtol=1e-12
    )
    assert found.global_risk_ER == pytest.approx(global_risk(approximate).expected)
    old = sdc.measure_risk(table, keys, "w", hid="h", alpha=alpha, compat="5.8")
    np.testing.assert_allclose(old.Res["risk"], found.Res["risk"], rtol=1e-6)
    assert (exact <= found.Res["risk"] * (1 + 1e-9)).all()


@settings(deadline=None, max_examples=25)
@given(rng=TABLES)
def test_uniques_cells_and_diversity_are_those_of_the_risk_core(rng: np.random.Generator) -> None:
    table = random_table(rng)
    keys = ["a", "b", "c"]
    found = sdc.suda2(table, keys)
    np.testing.assert_array_equal(found.score, suda(table, keys).score)
    np.testing.assert_array_equal(sdc.suda2(table, keys, compat="5.8").score, found.score)
    cells = [risk.cells_below for risk in combination_risks(table, keys, k=3)]
    assert sdc.riskyCells(table, threshold=2, keyVars=keys)["unsafe_cells"].tolist() == cells
    diversity = sdc.ldiversity(table, "s", keyVars=keys)
    assert diversity["s_Distinct_Ldiversity"].min() == l_diversity(table, keys, "s")
    entropy = l_diversity(table, keys, "s", kind="entropy")
    assert diversity["s_Entropy_Ldiversity"].min() == pytest.approx(entropy)


@settings(deadline=None, max_examples=25)
@given(rng=TABLES, k=st.integers(2, 4), strict=st.booleans())
def test_suppressed_tables_have_k_matches(rng: np.random.Generator, k: int, strict: bool) -> None:
    table = random_table(rng)
    keys = ["a", "b", "c"]
    if len(table) < k:
        with pytest.raises(MidiRiskError, match="exceeds"):
            sdc.kAnon(table, k=k, keyVars=keys)
        return
    found = sdc.kAnon(table, k=k, keyVars=keys, compat=None if strict else "5.8")
    assert found.anonymity
    np.testing.assert_array_equal(sdc.freqCalc(found.xAnon, keys).fk, found.fk)
    again = sdc.kAnon(found.xAnon, k=k, keyVars=keys)
    assert again.supps.to_numpy().sum() == 0


@settings(deadline=None, max_examples=20)
@given(rng=TABLES, aggr=st.integers(1, 4))
@pytest.mark.parametrize("method", ["mdav", "pca", "single", "simple", "onedims"])
def test_aggregation_keeps_means_and_forms_groups(
    method: Any, rng: np.random.Generator, aggr: int
) -> None:
    x = pd.DataFrame(rng.normal(size=(int(rng.integers(aggr, 40)), 2)), columns=["u", "v"])
    mx = sdc.microaggregation(x, aggr=aggr, method=method).mx
    np.testing.assert_allclose(mx.mean(), x.mean(), atol=1e-12)
    for name in mx:
        assert mx[name].round(9).value_counts().min() >= aggr


def test_noise_and_swapping_keep_their_promises() -> None:
    rng = np.random.default_rng(1)
    x = pd.DataFrame(rng.multivariate_normal([5, 9], [[4, 3], [3, 9]], 4000), columns=["u", "v"])
    for method in ("additive", "correlated", "correlated2", "restr"):
        y = sdc.addNoise(x, noise=50, method=method, seed=3)
        pd.testing.assert_frame_equal(y, sdc.addNoise(x, noise=50, method=method, seed=3))
        np.testing.assert_allclose(y.mean(), x.mean(), atol=0.2)
        if method in ("correlated", "correlated2"):
            assert np.corrcoef(y.T)[0, 1] == pytest.approx(np.corrcoef(x.T)[0, 1], abs=0.03)
        if method in ("restr", "correlated2"):
            np.testing.assert_allclose(y.std(), x.std(), rtol=0.05)
    y = sdc.rankSwap(x, TopPercent=0, BottomPercent=0, P=5, seed=3)
    for name in x:
        assert sorted(y[name]) == sorted(x[name])
        moved = x[name].rank() - y[name].rank()
        assert 0 < moved.abs().max() <= 0.05 * len(x)
    wanted = sdc.rankSwap(x, TopPercent=0, BottomPercent=0, R0=0.9, seed=3)
    assert np.corrcoef(wanted["u"].rank(), x["u"].rank())[0, 1] >= 0.9
    topped = sdc.rankSwap(x, TopPercent=5, BottomPercent=5, P=0, seed=3)
    assert (topped["u"] != x["u"]).mean() == pytest.approx(0.1, abs=0.001)


def test_missing_numbers_are_not_swapped() -> None:
    x = pd.DataFrame({"u": [1.0, np.nan, 3, 4, -9, 6, 7, 8, 9, 10, 11, 12]})
    y = sdc.rankSwap(x, P=50, missing=-9, TopPercent=0, BottomPercent=0, seed=1)
    assert np.isnan(y["u"][1])
    assert y["u"][4] == -9
    assert sorted(y["u"].dropna()) == sorted(x["u"].dropna())
    assert (y["u"] != x["u"]).sum() > 4
    with pytest.raises(MeasureError, match="K0"):
        sdc.rankSwap(x, K0=1)


@pytest.mark.parametrize("kind", ["pandas", "arrow", "mapping", "duckdb", "labels"])
def test_tables_of_every_kind(kind: str) -> None:
    import duckdb
    import pyarrow as pa

    table: Any = {
        "pandas": lambda: PEOPLE,
        "arrow": lambda: pa.Table.from_pandas(PEOPLE),
        "mapping": lambda: {name: PEOPLE[name].to_numpy() for name in PEOPLE},
        "duckdb": lambda: duckdb.connect().from_arrow(pa.Table.from_pandas(PEOPLE)),
        "labels": lambda: PEOPLE.set_index(pd.Index([3, 3, 1, 0, 7, 7, 7, 2])),
    }[kind]()
    expected = sdc.measure_risk(PEOPLE, KEYS, "w", hid="home").Res["hier_risk"].tolist()
    assert sdc.freqCalc(table, KEYS).fk.tolist() == sdc.freqCalc(PEOPLE, KEYS).fk.tolist()
    found = sdc.measure_risk(table, KEYS, "w", hid="home").Res["hier_risk"]
    assert found.tolist() == pytest.approx(expected)
    obj = sdc.createSdcObj(table, KEYS, numVars=["income"], weightVar="w", seed=1)
    done = obj.pipe(sdc.kAnon, k=2).pipe(sdc.microaggregation).pipe(sdc.addNoise, noise=5)
    again = sdc.createSdcObj(PEOPLE, KEYS, numVars=["income"], weightVar="w", seed=1)
    again = again.pipe(sdc.kAnon, k=2).pipe(sdc.microaggregation).pipe(sdc.addNoise, noise=5)
    assert done.manipNumVars["income"].tolist() == again.manipNumVars["income"].tolist()
    assert sdc.topBotCoding(table, 50, 51, column="age")["age"].max() == 51
    assert sdc.pram(table, "dx", seed=1)["dx"].isin(PEOPLE["dx"]).all()
    assert sdc.groupAndRename(table, "site", ["A"], "Z")["site"].isin(["Z", "B"]).all()


def test_pram_keeps_expected_frequencies_types_and_gaps() -> None:
    rng = np.random.default_rng(5)
    table = pd.DataFrame({"x": rng.choice(list("abcd"), 20_000, p=[0.5, 0.3, 0.15, 0.05])})
    table.loc[:99, "x"] = None
    done = sdc.pram(table, "x", pd=0.5, alpha=1, seed=2)
    share, again = (t["x"].value_counts(normalize=True).sort_index() for t in (table, done))
    np.testing.assert_allclose(again, share, atol=0.015)
    changed = (done["x"] != table["x"]) & table["x"].notna()
    assert 0.05 < changed.mean() < 0.6
    assert done["x"].isna().tolist() == table["x"].isna().tolist()
    pd.testing.assert_frame_equal(done, sdc.pram(table, "x", pd=0.5, alpha=1, seed=2))
    pd.testing.assert_frame_equal(table, sdc.pram(table, "x", alpha=0))
    within = sdc.pram(PEOPLE, "dx", strata_variables="site", seed=1)
    for site in "AB":
        rows = PEOPLE["site"] == site
        assert set(within["dx"][rows]) <= set(PEOPLE["dx"][rows])


# Bad input.


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: sdc.freqCalc(PEOPLE, []), "at least one key"),
        (lambda: sdc.freqCalc(PEOPLE, ["agee"]), "no column 'agee'"),
        (lambda: sdc.freqCalc(PEOPLE, KEYS, w="w", compat="4"), "Only sdcMicro 5.8"),
        (lambda: sdc.freqCalc(PEOPLE, KEYS, alpha=2), "alpha"),
        (lambda: sdc.freqCalc(PEOPLE.assign(w=-1), KEYS, w="w"), "not a positive number"),
        (lambda: sdc.indivRisk(sdc.freqCalc(PEOPLE, KEYS), "other"), "'approx' or 'exact'"),
        (lambda: sdc.measure_risk(PEOPLE), "needs key variables"),
        (lambda: sdc.measure_risk(3, ["a"]), "cannot be read"),
        (lambda: sdc.suda2({"a": [1], "b": [1, 2]}), "differ in length"),
        (lambda: sdc.createSdcObj(PEOPLE.head(0), KEYS), "needs records"),
        (lambda: sdc.createSdcObj(PEOPLE, KEYS, numVars=["age"]), "in keyVars and numVars"),
        (lambda: sdc.createSdcObj(PEOPLE, KEYS, weightVar="w", w="w"), "given twice"),
        (lambda: sdc.pram(pd.DataFrame({"x": range(3000)}), "x"), "3,000 categories"),
        (lambda: sdc.createSdcObj(PEOPLE, ["age", "age"]), "listed twice"),
        (lambda: sdc.ldiversity(PEOPLE, "sex", keyVars=KEYS), "both"),
        (lambda: sdc.ldiversity(an_object(sensibleVar=None)), "sensitive variables"),
        (lambda: sdc.kAnon(PEOPLE, k=99, keyVars=KEYS), "exceeds"),
        (lambda: sdc.kAnon(PEOPLE, k=2), "Give keyVars"),
        (lambda: sdc.localSupp(an_object()), "Give keyVar"),
        (lambda: sdc.localSupp(an_object(), keyVar="w"), "not among"),
        (lambda: sdc.globalRecode(PEOPLE, "age", []), "at least one interval"),
        (lambda: sdc.globalRecode(PEOPLE, "sex", [0, 5]), "numbers"),
        (lambda: sdc.globalRecode(PEOPLE, "age", [0, 50, 99], labels=["a"]), "as many labels"),
        (lambda: sdc.groupAndRename(PEOPLE, "sex", ["X"], "Y"), "do not occur"),
        (lambda: sdc.topBotCoding(PEOPLE, 5, 6, kind="left", column="age"), "'top' or 'bottom'"),
        (lambda: sdc.microaggregation(PEOPLE, ["income"], aggr=99), "fewer than"),
        (lambda: sdc.microaggregation(PEOPLE, ["home"]), "missing"),
        (lambda: sdc.microaggregation(PEOPLE, ["income"], method="rmd"), "'mdav'"),
        (lambda: sdc.addNoise(PEOPLE, ["sex"]), "numbers"),
        (lambda: sdc.addNoise(PEOPLE, ["income"], method="ROMM"), "'additive'"),
        (lambda: sdc.rankSwap(PEOPLE, ["income"], R0=0.5, P=5), "not both"),
        (lambda: sdc.pram(PEOPLE), "needs variables"),
        (lambda: sdc.modRisk(PEOPLE, formulaM="~ sex"), "weights"),
        (lambda: sdc.modRisk(PEOPLE, weights="w"), "formula"),
        (lambda: sdc.modRisk(PEOPLE, weights="w", formulaM="~ + "), "cannot be read"),
        (lambda: sdc.dRisk(PEOPLE), "Give xm"),
        (lambda: sdc.dRisk(sdc.createSdcObj(PEOPLE, KEYS)).risk, "numeric variables"),
        (lambda: sdc.riskyCells(PEOPLE), "Give keyVars"),
        (lambda: sdc.suda2(PEOPLE, ["nope"]), "no column"),
    ],
)
def test_bad_input_is_one_clear_line(call: Any, words: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(MidiRiskError, match=words) as caught:
            call()
    assert "\n" not in str(caught.value)
    assert "GBM" not in str(caught.value)


def test_known_divergence_eigen_singular_and_constant_numbers() -> None:
    flat = pd.DataFrame({"u": [1.0, 1, 1], "v": [1.0, 2, 4]})
    with pytest.raises(MeasureError, match="constant"):
        sdc.dUtility(flat, flat + 1, method="IL1s")
    with pytest.raises(MeasureError, match="singular"):
        sdc.dUtility(flat, flat + 1, method="eigen")
