"""Decisions are applied before anything is measured."""

from __future__ import annotations

import pandas as pd
import pytest
from folding_tables import attribute, attributes, extraction, source

from midi_risk.attributes.hierarchy import Hierarchy
from midi_risk.attributes.model import Decision, Kind
from midi_risk.errors import HierarchyError
from midi_risk.table import fold
from midi_risk.table.model import table_digest
from midi_risk.table.release import released, without_cells


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


def test_a_set_of_values_is_generalised_member_by_member():
    rows = {
        "id": [f"s{i}" for i in range(41)] + ["s40"],
        "modality": ["CT"] * 20 + ["MR"] * 20 + ["CT", "MR"],
    }
    coarsened = {"decision": Decision.GENERALISE, "generalise_to": "count"}
    view = released(
        fold(
            extraction(source("t", rows, "id")),
            attributes(attribute("t", "modality", Kind.CATEGORY, **coarsened)),
        )
    )
    assert view.frame["modality"].tolist()[39:] == ["1 value", "2 values"]


def test_a_hierarchy_of_the_users_own_that_lacks_values_is_refused():
    frame = pd.DataFrame({"exact": ["61", "64"], "tens": ["60s", "60s"], "removed": ["*", "*"]})
    own = Hierarchy(name="own", level_names=tuple(frame.columns), frame=frame)
    with pytest.raises(HierarchyError, match="no row for 1 of 3"):
        released(table(decision=Decision.GENERALISE, generalise_to=1), {"age": own})


def test_every_cell_of_a_plan_is_emptied():
    view = without_cells(table(), {"age": ("a", "c")})
    assert view.frame["age"].tolist() == [None, "64", None]
    assert view.digest != table().digest


def test_a_missing_value_and_an_empty_text_have_two_digests_and_order_has_none():
    first = pd.DataFrame({"x": ["1", None]}, index=["a", "b"])
    assert table_digest(first) == table_digest(first.loc[["b", "a"]])
    assert table_digest(first) != table_digest(first.fillna(""))
