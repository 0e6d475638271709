"""Which classes each criterion hides, at its border and where nothing is known."""

from __future__ import annotations

import pandas as pd
import pytest

from midi_risk.recode import (
    AlphaK,
    BetaLikeness,
    DeltaDisclosure,
    DistinctLDiversity,
    EntropyLDiversity,
    KAnonymity,
    RecursiveCLDiversity,
    TCloseness,
    search,
)

UNKNOWN = [None, None]


@pytest.mark.parametrize(
    ("criterion", "classes", "hidden"),
    [
        (KAnonymity(3), ["GGG", "GG"], 2),
        (DistinctLDiversity("dx", 2), ["GA", "GGG"], 3),
        (DistinctLDiversity("dx", 1), ["GA", UNKNOWN], 2),
        (EntropyLDiversity("dx", 2.0), ["GA", "GGA"], 3),
        (EntropyLDiversity("dx", 1.0), ["GA", UNKNOWN], 2),
        (RecursiveCLDiversity("dx", 1.0, 2), ["GA", "GGA"], 5),
        (RecursiveCLDiversity("dx", 2.0, 2), ["GA", "GGA"], 3),
        (RecursiveCLDiversity("dx", 2.1, 2), ["GA", "GGA"], 0),
        (AlphaK("dx", 1.0, 3), ["GA", "GAO"], 2),
        (AlphaK("dx", 0.5, 1), ["GA", "GGA"], 3),
        (AlphaK("dx", 1.0, 1), ["GA", UNKNOWN], 2),
        (BetaLikeness("dx", 0.4), ["GGGA", "AAAG"], 8),
        (BetaLikeness("dx", 0.6), ["GGGA", "AAAG"], 0),
        (DeltaDisclosure("dx", 1.5), ["GGGGGGGA", "AAAAAAAG"], 16),
        (DeltaDisclosure("dx", 2.5), ["GGGGGGGA", "AAAAAAAG"], 0),
        (TCloseness("dx", 0.4), ["GG", "AA"], 4),
        (TCloseness("dx", 0.5), ["GG", "AA"], 0),
        (TCloseness("dx", 0.4, distance="ordered"), ["GG", "AA"], 4),
        (TCloseness("dx", 0.5, distance="ordered"), ["GG", "AA"], 0),
        (TCloseness("dx", 1.0), ["GA", UNKNOWN], 2),
        (TCloseness("dx", 0.3), ["GGGA", "GAAA", "GGGGGGGG"], 4),
    ],
)
def test_the_records_that_a_criterion_hides(criterion, classes, hidden):
    rows = [(str(place), value) for place, values in enumerate(classes) for value in values]
    data = pd.DataFrame(rows, columns=["x", "dx"])
    names = sorted({place for place, _ in rows})
    hierarchy = pd.DataFrame({0: names, 1: ["*"] * len(names)})
    found = search(
        data, {"x": hierarchy}, criteria=[criterion], levels={"x": (0, 0)}, max_suppression=1.0
    )
    assert found.suppressed == hidden
