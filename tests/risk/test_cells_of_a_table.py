"""Cells of a population table among the subjects of a release."""

from __future__ import annotations

import pandas as pd

from midi_risk.risk.population.results import _cells


def test_a_missing_value_is_a_cell_of_its_own():
    frame = pd.DataFrame({"age": ["1", None, "1", None], "sex": ["F", "F", "M", "F"]})
    assert _cells(frame, ["age"]).tolist() == [0, 1, 0, 1]
    assert _cells(frame.astype(object), ["age", "sex"]).tolist() == [0, 1, 2, 1]
