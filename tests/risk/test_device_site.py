"""The scanner may tell the site: the analysis that best practice 4 asks for."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "table"))

from folding_tables import attribute, attributes, extraction, source

from midi_risk.attributes.model import Decision, Kind, Role
from midi_risk.risk.channels.device import device_entry, risk_with_site, site_determination
from midi_risk.table import fold
from midi_risk.table.release import released


def test_a_model_at_one_site_tells_the_site():
    found = site_determination("model", np.array([0, 0, 1, 2]), np.array([0, 1, 1, 0]))
    assert (found.determined, found.subjects) == (2, 4)
    assert found.effective_sites == pytest.approx(2**0.5)


def test_one_site_alone_determines_nothing():
    found = site_determination("model", np.array([0, 1, -1]), np.array([0, 0, 0]))
    assert (found.determined, found.subjects, found.effective_sites) == (0, 2, 1.0)


def test_the_site_only_splits_classes():
    codes = np.zeros((6, 1), dtype=np.int64)
    assert risk_with_site(codes, []) == (1 / 6, pytest.approx(1 / 6))
    highest, mean = risk_with_site(codes, [np.array([0, 0, 0, 0, 0, 1])])
    assert (highest, mean) == (1.0, pytest.approx(2 / 6))


def table(**decisions: Decision | None):
    rows = {
        "id": [f"s{i}" for i in range(6)],
        "Model": ["A", "A", "A", "B", "B", "B"],
        "Site": ["x", "x", "x", "y", "y", "y"],
    }
    return fold(
        extraction(source("t", rows, "id")),
        attributes(
            attribute("t", "Model", Kind.CATEGORY, ladder="device", decision=decisions["model"],
                      role=decisions.get("role", Role.QUASI_IDENTIFIER)),
            attribute("t", "Site", Kind.CATEGORY, ladder="institution", decision=Decision.REMOVE),
        ),
    )  # fmt: skip


def entry(given):
    view = released(given)
    names = [a.name for a in given.attributes.of_role(Role.QUASI_IDENTIFIER)
             if a.name in view.frame.columns]  # fmt: skip
    return device_entry(given, view, names)


def test_a_removed_site_still_measures_what_the_scanner_gives_away():
    found = entry(table(model=None))
    assert found.status == "bounded"
    assert "Model tells it for 6 of 6" in found.evidence
    assert found.upper == pytest.approx(1 / 3)


def test_nothing_retained_of_a_scanner_is_assessed():
    assert entry(table(model=Decision.REMOVE)).value == 0


def test_scanner_attributes_outside_the_classes_stay_open_without_sites():
    rows = {"id": ["a", "b"], "Serial": ["1", "2"]}
    given = fold(
        extraction(source("t", rows, "id")),
        attributes(attribute("t", "Serial", Kind.CATEGORY, ladder="device", role=Role.INSENSITIVE)),
    )
    assert entry(given).status == "not_assessed"


def test_the_bound_is_the_highest_risk_once_the_site_is_known():
    rows = {"id": list("abcdef"), "Model": ["A"] * 6, "Site": ["x"] * 5 + ["y"]}
    given = fold(
        extraction(source("t", rows, "id")),
        attributes(
            attribute("t", "Model", Kind.CATEGORY, ladder="device"),
            attribute("t", "Site", Kind.CATEGORY, ladder="institution", decision=Decision.REMOVE),
        ),
    )
    found = entry(given)
    assert (found.value, found.upper) == (pytest.approx(2 / 6), 1.0)
