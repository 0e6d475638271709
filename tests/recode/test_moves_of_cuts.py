"""Cut points that moves begin from."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from midi_risk.recode.adaptive.moves import cuts_of


def test_bands_narrower_than_the_unit_of_cut_points_begin_at_one_cut_each():
    at = np.array([2017.0, 2017.5, 2017.55, 2017.6, 2018.0])
    values = SimpleNamespace(spread=SimpleNamespace(at=at), edges=None, unit=0.25)
    option = SimpleNamespace(made_of=(SimpleNamespace(),), group=np.arange(5))
    cuts = cuts_of(values, SimpleNamespace(options=[option]), 0)
    assert cuts == (2017.5, 2018.0)
    assert list(cuts) == sorted(set(cuts))
