"""Kept codes are right for as long as the column is the same, and no longer."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest

import midi_risk as mr
from midi_risk.risk.classes.columns import KeptCodes, kept_codes, text_codes

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
    before = len(kept_codes())
    table = frame()
    text_codes(table["a"])
    assert len(kept_codes()) == before + 1
    del table
    gc.collect()
    assert len(kept_codes()) == before


def test_what_was_asked_for_longest_ago_gives_way_to_the_bound():
    kept = KeptCodes(bound=2 * (4 * 8 + 2 * 64))
    tables = [frame() for _ in range(3)]
    first, second = (text_codes(table["a"], kept) for table in tables[:2])
    assert text_codes(tables[0]["a"], kept) is first
    text_codes(tables[2]["a"], kept)
    assert len(kept) == 2
    assert text_codes(tables[0]["a"], kept) is first
    assert text_codes(tables[1]["a"], kept) is not second


def test_room_is_given_back():
    kept = KeptCodes(bound=4 * 8 + 2 * 64)
    for _ in range(3):
        table = frame()
        assert text_codes(table["a"], kept) is text_codes(table["a"], kept)
        del table
        gc.collect()
        assert len(kept) == 0


def test_a_column_larger_than_the_bound_is_not_kept():
    kept, table = KeptCodes(bound=10), frame()
    assert text_codes(table["a"], kept)[0].tolist() == [0, 1, 0, -1]
    assert len(kept) == 0


def test_what_is_kept_cannot_be_written_to():
    codes, labels = text_codes(frame()["a"], KeptCodes())
    assert not codes.flags.writeable
    assert not labels.flags.writeable


def test_an_array_that_goes_while_codes_are_added_locks_nothing_up():
    kept, table = KeptCodes(), frame()
    text_codes(table["a"], kept)
    with kept._lock:  # as when the collector runs in the midst of a call
        del table
        gc.collect()
        assert len(kept) == 1
    other = frame()
    text_codes(other["a"], kept)
    assert len(kept) == 1


def test_threads_get_the_codes_of_their_own_columns():
    kept = KeptCodes(bound=20 * (4 * 8 + 2 * 64))
    shared = [frame() for _ in range(8)]
    expected = [0, 1, 0, -1]
    faults = []

    def ask(seed):
        for i in range(300):
            own = frame()
            own.loc[0, "a"] = f"{seed}-{i}"
            codes, labels = text_codes(own["a"], kept)
            if labels[0] != f"{seed}-{i}" or codes.tolist() != [0, 1, 2, -1]:
                faults.append((seed, i))
            if text_codes(shared[(seed + i) % 8]["a"], kept)[0].tolist() != expected:
                faults.append((seed, i))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(ask, range(4)))
    assert faults == []
    shared.clear()
    gc.collect()
    assert len(kept) == 0
    assert kept._size == 0
