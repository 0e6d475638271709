"""Periods made from the data: reading their labels again."""

from __future__ import annotations

import numpy as np
import pytest

from midi_risk.attributes.dates import parse_date
from midi_risk.attributes.recoding import DateBands

CUTS = [(2013.0, 2013.5, 2014.0), (2013.5, 2014.0), (1990.0, 1992.0, 1998.0), (2005.25, 2005.5)]


@pytest.mark.parametrize("cuts", CUTS)
def test_periods_are_read_in_their_order_and_cut_again_as_they_were(
    cuts: tuple[float, ...],
) -> None:
    bands = DateBands(cuts)
    read = [parse_date(name) for name in bands.names()]
    assert (np.diff([each.number for each in read]) > 0).all()
    assert [bands.label(each.text or "", each.number) for each in read] == bands.names()
