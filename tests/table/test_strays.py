"""Values of columns that no class counts: what stands there for somebody, and what does not."""

from __future__ import annotations

import numpy as np
import pytest

from midi_risk.attributes.model import Attribute, Kind, Role
from midi_risk.sources.dicom.misfits import FORM, LONG, NAMES, PEOPLE
from midi_risk.sources.inspection.rules import identifiers, label_tells
from midi_risk.table.strays import SHARED_BY, stray


def attribute(kind=Kind.CATEGORY, vr=None):
    return Attribute(
        name="x", source="t.csv", column="x", role=Role.SENSITIVE, kind=kind, reason="", vr=vr
    )


def held(by):
    return lambda places: np.full(len(places), by, dtype=np.int64)


def told(values, *, kind=Kind.CATEGORY, by=1, vr=None):
    return stray(attribute(kind, vr), values, held(by))


STAGES = ["I", "II", "IIIa", "IV"]


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ([*STAGES, "MRN 4471902"], NAMES),
        ([*STAGES, "Jane Quimby"], NAMES),
        ([*STAGES, "Quimby, Jane"], NAMES),
        ([*STAGES, "jane.quimby@example.org"], NAMES),
        ([*STAGES, "Dr. Quimby"], NAMES),
        ([*STAGES, "4471902"], LONG),
        ([*STAGES, "19531107"], LONG),
        ([str(n) for n in range(20)] + ["Rosebud"], FORM),
        (["Jane Quimby", "Max Okonkwo", "I"], PEOPLE),
        (STAGES, ""),
        (["heart block", "depressed mood", "hair loss", "bone marrow"], ""),
        (["1.5", "<0.1", ">100", "2,5", "7 %", "n/a", ""], ""),
        ([str(n) for n in range(20)] + ["neg"], ""),
        (["4471902", "4471903", "4471904"], ""),
        ([], ""),
    ],
)
def test_what_stands_for_somebody_is_told_from_what_the_column_holds(values, code):
    assert told(values) == code


def test_a_value_that_many_have_points_at_nobody():
    assert told([*STAGES, "Jane Quimby"], by=SHARED_BY) == ""
    assert told([*STAGES, "Jane Quimby"], by=SHARED_BY - 1) == NAMES


def test_what_a_column_of_dates_cannot_be_does_not_fit():
    assert told(["2020-01-02", "rosebud"], kind=Kind.DATE) == FORM
    assert told(["2020-01-02", "2021-03-04"], kind=Kind.DATE) == ""
    assert told(["2020-01-02", "unknown"], kind=Kind.DATE) == ""


def test_devices_date_their_versions():
    version = ["Vers. Wed May 24 09:02:14 EDT 2017", "VB19"]
    assert told(version, vr="LO") == ""
    assert told([*version, "Jane Quimby"], vr="LO") == NAMES


def test_one_long_number_among_short_ones_is_told_and_a_column_of_long_ones_is_not():
    assert told(["1", "2", "3", "4471902"]) == LONG
    assert told(["1", "2", "3", "999999"]) == ""


@pytest.mark.parametrize("label", ["age_at_diagnosis", "hopkins_verbal", "rs1234567", "x_2020"])
def test_labels_of_studies_name_nobody(label):
    assert not label_tells(label)


def test_a_name_must_be_the_whole_of_a_cell():
    assert identifiers("Jane Quimby") == {"person"}
    assert not identifiers("second degree AV block, Mobitz")
