"""Decisions are applied before anything is measured."""

from __future__ import annotations

import pytest
from folding_tables import attribute, attributes, extraction, source

from midi_risk.attributes.model import Decision, Kind
from midi_risk.errors import HierarchyError
from midi_risk.table import fold
from midi_risk.table.release import released


def table(**options: object):
    rows = source("t", {"id": ["a", "b", "c"], "age": ["61", "64", "94"]}, "id")
    return fold(
        extraction(rows), attributes(attribute("t", "age", Kind.AGE, ladder="age", **options))
    )


def test_an_open_decision_changes_nothing():
    plain = table()
    assert released(plain) is plain


def test_generalising_replaces_values_and_changes_the_digest():
    view = released(table(decision=Decision.GENERALISE, generalise_to="5y"))
    assert view.frame["age"].tolist() == ["60-64", "60-64", "90+"]
    assert view.digest != table().digest


def test_removing_drops_the_column():
    assert "age" not in released(table(decision=Decision.REMOVE)).frame


def test_a_level_that_does_not_exist_is_named():
    with pytest.raises(HierarchyError, match="no level '7y'"):
        released(table(decision=Decision.GENERALISE, generalise_to="7y"))
