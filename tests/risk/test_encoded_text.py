"""Kept codes are right for as long as the column is the same, and no longer."""

from __future__ import annotations

import gc

import pandas as pd
import pytest

import midi_risk as mr
from midi_risk.risk.classes import columns
from midi_risk.risk.classes.columns import text_codes

pytest.importorskip("pyarrow")


def frame() -> pd.DataFrame:
    values = pd.array(["x", "y", "x", None], dtype=pd.StringDtype("pyarrow"))
    return pd.DataFrame({"a": values})


def test_a_column_is_hashed_once():
    table = frame()
    first, second = text_codes(table["a"]), text_codes(table["a"])
    assert first is second
    assert first[0].tolist() == [0, 1, 0, -1]


def test_a_changed_column_is_hashed_anew():
    table = frame()
    assert mr.k_anonymity(table.iloc[:3], ["a"]) == 1
    table.loc[1, "a"] = "x"
    table.loc[3, "a"] = "x"
    assert mr.k_anonymity(table, ["a"]) == 4


def test_a_part_of_a_column_is_not_the_column():
    table = frame()
    assert text_codes(table["a"])[0].tolist() == [0, 1, 0, -1]
    assert text_codes(table["a"].iloc[1:])[0].tolist() == [0, 1, -1]
    assert mr.k_anonymity(table.iloc[[0, 2]], ["a"]) == 2


def test_nothing_is_kept_once_the_column_is_gone():
    gc.collect()
    before = len(columns._KEPT)
    table = frame()
    text_codes(table["a"])
    assert len(columns._KEPT) == before + 1
    del table
    gc.collect()
    assert len(columns._KEPT) == before
