"""Counting dense codes gives what sorting gives."""

from __future__ import annotations

import numpy as np
import pytest

from midi_risk.table.distinct import distinct_codes, distinct_rows, numbered


@pytest.mark.parametrize("width", [1, 7, 5_000, 10_000_000])
@pytest.mark.parametrize("rows", [0, 1, 50, 3_000])
def test_codes_are_those_of_a_sort(rows: int, width: int) -> None:
    codes = np.random.default_rng(rows + width).integers(0, width, rows)
    found, number = np.unique(codes, return_inverse=True)
    assert distinct_codes(codes, width).tolist() == found.tolist()
    assert [part.tolist() for part in numbered(codes, width)] == [found.tolist(), number.tolist()]


@pytest.mark.parametrize("spread", [1, 40, 1_000_000])
@pytest.mark.parametrize("rows", [0, 1, 60, 2_000])
def test_pairs_are_those_of_a_sort(rows: int, spread: int) -> None:
    rng = np.random.default_rng(rows + spread)
    pairs = np.column_stack([rng.integers(0, 9, rows), rng.integers(-spread, spread, rows)])
    expected = np.unique(pairs, axis=0, return_inverse=True)
    first, second, number = distinct_rows(pairs[:, 0], pairs[:, 1])
    assert np.column_stack([first, second]).tolist() == expected[0].tolist()
    assert number.tolist() == expected[1].reshape(-1).tolist()
