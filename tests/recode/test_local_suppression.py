"""Cells suppressed one by one: sdcMicro's cells in compat mode, never more by default."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midi_risk.errors import SearchError
from midi_risk.recode import local_suppression

TOY = pd.DataFrame(
    {
        "sex": list("FFFMMMMF"),
        "age": [30, 30, 40, 50, 50, 60, 60, 70],
        "site": list("AABBBBCC"),
    }
)


@pytest.mark.shared_data
def test_compat_mode_suppresses_the_cells_that_sdcmicro_suppresses(shared_data: Path) -> None:
    text = (shared_data / "golden" / "sdcmicro_localsuppression.json").read_text()
    cases = json.loads(text)["cases"]
    assert len(cases) > 20
    for case in cases:
        data = pd.read_csv(shared_data / "sdcmicro" / case["file"])
        options = {
            "k": case["k"] if case["combs"] else case["k"][0],
            "importance": case["importance_given"],
            "alpha": case["alpha"],
            "combs": case["combs"],
            "strata": case["strataVars"],
        }
        same = local_suppression(data, case["keyVars"], recheck=False, **options)
        wanted = case["suppressed_cells"]
        expected = np.zeros(same.cells.shape, dtype=bool)
        for row, name in zip(wanted["row"], wanted["var"], strict=True):
            expected[row - 1, case["keyVars"].index(name)] = True
        np.testing.assert_array_equal(same.cells, expected, err_msg=case["id"])
        np.testing.assert_allclose(same.sizes, case["fk_after"], rtol=1e-12)
        assert list(same.importance.values()) == case["importance_used"]
        ours = local_suppression(data, case["keyVars"], **options)
        assert ours.total <= same.total
        if not case["combs"] and not case["strataVars"]:
            assert ours.sizes.min() >= options["k"]


def brute_sizes(data: pd.DataFrame) -> np.ndarray:
    rows = data.astype(object).where(data.notna(), None).to_numpy()
    return np.array(
        [
            sum(
                all(a == b or a is None or b is None for a, b in zip(mine, other, strict=True))
                for other in rows
                # As in sdcMicro, a record without any value adds nothing to the complete ones.
                if any(value is not None for value in other) or any(v is None for v in mine)
            )
            for mine in rows
        ]
    )


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 10_000),
    rows=st.integers(3, 60),
    k=st.integers(1, 3),
    holes=st.booleans(),
)
def test_every_record_has_k_matches_and_no_more_cells_go_than_in_compat_mode(
    seed: int, rows: int, k: int, holes: bool
) -> None:
    rng = np.random.default_rng(seed)
    data = pd.DataFrame(
        {
            name: rng.integers(0, size, rows).astype(object)
            for name, size in zip("abc", [2, 4, 9], strict=True)
        }
    )
    if holes:
        data = data.mask(rng.random(data.shape) < 0.1)
    ours = local_suppression(data, list("abc"), k=k)
    assert ours.sizes.min() >= k
    released = ours.apply(data)
    assert not (ours.cells & data.isna().to_numpy()).any()
    some = released.notna().any(axis=1).to_numpy()
    assert (brute_sizes(released)[some] >= k).all()
    assert ours.total <= local_suppression(data, list("abc"), k=k, recheck=False).total
    assert local_suppression(released, list("abc"), k=k).total == 0


def test_of_two_ways_the_one_that_empties_fewer_cells_is_taken() -> None:
    rng = np.random.default_rng(2)
    data = pd.DataFrame({name: rng.integers(0, 3, 8).astype(str) for name in "abc"})
    with_second_look = local_suppression(data, list("abc"), k=2)
    assert with_second_look.total < local_suppression(data, list("abc"), k=2, recheck=False).total


def test_a_record_without_any_value_protects_nobody_who_has_all() -> None:
    data = pd.DataFrame({"a": ["x", "x", None], "b": ["y", "y", None]}, dtype=object)
    assert local_suppression(data, ["a", "b"], k=2).total == 0
    assert local_suppression(data, ["a", "b"], k=3).total > 0


def test_the_least_important_key_is_suppressed_first() -> None:
    pair = pd.DataFrame({"sex": ["F", "M"], "age": [30, 40]})
    ages = local_suppression(pair, ["sex", "age"], k=2, importance={"sex": 1, "age": 2})
    sexes = local_suppression(pair, ["sex", "age"], k=2, importance=[2, 1])
    np.testing.assert_array_equal(ages.cells[0], [False, True])
    np.testing.assert_array_equal(sexes.cells[0], [True, False])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"k": 9}, "exceeds the number of records"),
        ({"k": 0}, "k must be at least 1"),
        ({"alpha": 2.0}, "alpha must lie between 0 and 1"),
        ({"importance": {"sx": 1}}, "unknown 'sx'"),
        ({"importance": [1]}, "one rank per key"),
        ({"strata": "region"}, "no column 'region'"),
        ({"k": [2, 3]}, "subset sizes"),
        ({"combs": [5]}, "sizes from 1"),
    ],
)
def test_bad_demands_are_refused_in_one_line(options: dict, words: str) -> None:
    with pytest.raises(SearchError, match=words) as caught:
        local_suppression(TOY, ["sex", "age"], **options)
    assert "\n" not in str(caught.value)


def test_k_above_a_stratum_is_refused() -> None:
    with pytest.raises(SearchError, match="of a stratum"):
        local_suppression(TOY, ["sex", "age"], k=3, strata="site")
