"""Hierarchies that the project file spells out: labels by hand, nesting on any values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from midi_risk.attributes.hierarchy import MOST_GENERAL, Hierarchy, NestingError
from midi_risk.attributes.model import Kind
from midi_risk.attributes.own_hierarchy import own_hierarchy
from midi_risk.config import HierarchyStep
from midi_risk.errors import HierarchyError


def labels(kind, rule, values, **options):
    return own_hierarchy([HierarchyStep(**rule)], kind, values, **options).apply(1, values)


@pytest.mark.parametrize(
    ("kind", "rule", "values", "expected"),
    [
        (Kind.AGE, {"cuts": [18, 65]}, ["17", "18", "64", "65", "173M", "60-70"],
         ["0-17", "18-64", "18-64", "65+", "0-17", "60-70"]),
        (Kind.AGE, {"width": 10}, ["7", "39", "40"], ["0-9", "30-39", "40-49"]),
        (Kind.AGE, {"top": 80, "bottom": 20}, ["19", "20", "79", "80", "90+"],
         ["<20", "20", "79", "80+", "80+"]),
        (Kind.AGE, {"round": 5}, ["61", "62", "63", "1"], ["60", "60", "65", "<2.5"]),
        (Kind.NUMBER, {"cuts": [60, 80]}, ["59.9", "60", "80", "x"],
         ["<60", "[60, 80)", ">=80", "*"]),
        (Kind.NUMBER, {"width": 2.5}, ["-1", "0", "2.5"], ["[-2.5, 0)", "[0, 2.5)", "[2.5, 5)"]),
        (Kind.NUMBER, {"top": 100}, ["99.5", "100", "250"], ["99.5", ">=100", ">=100"]),
        (Kind.NUMBER, {"round": 0.5}, ["1.24", "1.25", "-1.3"], ["1", "1.5", "-1.5"]),
        (Kind.DATE, {"date": "quarter"}, ["2012-05-17", "2012"], ["2012-Q2", "2012"]),
        (Kind.DATE, {"date": "5y"}, ["2012-05-17"], ["2010-2014"]),
        (Kind.CATEGORY, {"groups": {"Siemens": ["SIEMENS", "siemens healthineers"]}},
         ["SIEMENS", "Siemens Healthineers", "GE"], ["Siemens", "Siemens", "other"]),
        (Kind.TEXT, {"first": 3}, ["02139", "02", "021"], ["021*", "02", "021"]),
    ],
)  # fmt: skip
def test_each_rule_labels_values(kind, rule, values, expected):
    assert labels(kind, rule, values) == expected


def test_rare_values_are_counted_by_subject():
    assert labels(Kind.CATEGORY, {"rare": 5}, ["A", "B", "C"], counts=[9, 4, 5]) == [
        "A", "other", "C",
    ]  # fmt: skip


def test_sets_lose_members_and_fall_together():
    values = ["CT + SR", "CT", "MR + SEG + SR", "SR"]
    assert labels(Kind.CATEGORY, {"drop": ["SR", "SEG"]}, values, sets=True) == [
        "CT", "CT", "MR", "*",
    ]  # fmt: skip
    rule = {"groups": {"sections": ["CT", "MR"]}}
    assert labels(Kind.CATEGORY, rule, ["CT + MR", "CT + DX"], sets=True) == [
        "sections", "other + sections",
    ]  # fmt: skip


def test_microaggregation_takes_neighbours_and_shows_their_mean():
    values, counts = ["50", "52", "54", "90", "91"], [3, 2, 5, 4, 2]
    shown = labels(Kind.NUMBER, {"microaggregate": 5}, values, counts=counts)
    # (3 * 50 + 2 * 52) / 5, 54, and (4 * 90 + 2 * 91) / 6.
    assert shown == ["50.8", "50.8", "54", "90.3333", "90.3333"]


@settings(deadline=None, max_examples=60)
@given(
    values=st.lists(st.integers(-50, 200), min_size=1, max_size=40, unique=True),
    least=st.integers(2, 9),
    data=st.data(),
)
def test_every_group_of_a_microaggregation_is_large_enough(values, least, data):
    assume([v for v in values if v < 0] != [-9])  # a lone -9 stands for a missing value
    counts = data.draw(st.lists(st.integers(1, 4), min_size=len(values), max_size=len(values)))
    texts = [str(v) for v in values]
    shown = labels(Kind.NUMBER, {"microaggregate": least}, texts, counts=counts)
    sizes = {}
    for label, n in zip(shown, counts, strict=True):
        sizes[label] = sizes.get(label, 0) + n
    assert min(sizes.values()) >= min(least, sum(counts))
    mean = np.average([float(label) for label in shown], weights=counts)
    assert mean == pytest.approx(np.average(values, weights=counts), abs=1e-3)


def test_levels_nest_or_the_two_values_are_shown():
    good = own_hierarchy(
        [HierarchyStep(width=5), HierarchyStep(width=10, name="decade"), HierarchyStep(cuts=(60,))],
        Kind.AGE,
        ["41", "47", "66"],
    )
    assert good.level_names == ("exact", "level1", "decade", "level3", "removed")
    assert good.apply("decade", ["41"]) == ["40-49"]
    assert good.describe("level3", "PatientAge") == "PatientAge: under 60, 60 and over"
    with pytest.raises(NestingError, match="'40-49' becomes both '0-44' and '45\\+'"):
        own_hierarchy(
            [HierarchyStep(width=10), HierarchyStep(cuts=(45,))], Kind.AGE, ["41", "47"],
            attribute="age",
        )  # fmt: skip


def test_it_travels_as_an_arx_file(tmp_path):
    made = own_hierarchy([HierarchyStep(top=80)], Kind.AGE, ["66", "84"])
    path = tmp_path / "age.csv"
    path.write_text(made.to_arx_csv(), encoding="utf-8")
    assert Hierarchy.from_arx_csv(path).apply(1, ["84"]) == ["80+"]


@pytest.mark.parametrize(
    ("rules", "kind", "words"),
    [
        (
            [{"cuts": [1]}],
            Kind.CATEGORY,
            "'cuts', needs age or date or number, this is category",
        ),
        ([{"date": "month"}], Kind.AGE, "needs date"),
        ([{"width": 1e-9}], Kind.NUMBER, "too narrow"),
        ([{"first": 2, "name": "a"}, {"first": 1, "name": "a"}], Kind.TEXT, "two levels of one"),
    ],
)
def test_rules_that_do_not_suit_are_refused_in_one_line(rules, kind, words):
    with pytest.raises(HierarchyError, match=words):
        own_hierarchy([HierarchyStep(**r) for r in rules], kind, ["1", "999999"], attribute="x")


@pytest.mark.parametrize(
    "rule",
    [
        {}, {"cuts": [1], "width": 2}, {"cuts": [2, 1]}, {"cuts": []}, {"width": 0}, {"round": -1},
        {"top": 1, "bottom": 2}, {"groups": {"a": ["x"], "b": ["x"]}}, {"date": "day"},
        {"microaggregate": 1}, {"bands": [1]}, {"name": "only a name"},
    ],
)  # fmt: skip
def test_a_rule_is_exactly_one(rule):
    with pytest.raises(ValidationError):
        HierarchyStep(**rule)


RULES = {
    Kind.AGE: [{"cuts": [18, 65]}, {"width": 7}, {"round": 5}, {"top": 80, "bottom": 5},
               {"microaggregate": 3}],
    Kind.NUMBER: [{"cuts": [0, 50]}, {"width": 7.5}, {"round": 5}, {"top": 80},
                  {"microaggregate": 3}],
    Kind.DATE: [{"date": d} for d in ("week", "month", "quarter", "year", "5y", "10y")],
    Kind.CATEGORY: [{"groups": {"g": ["a"]}}, {"rare": 3}, {"drop": ["a"]}, {"first": 1}],
}  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(
    kind=st.sampled_from(sorted(RULES)),
    data=st.data(),
    values=st.lists(
        st.one_of(
            st.integers(-200, 2000).map(str),
            st.dates().map(lambda d: d.isoformat()),
            st.sampled_from(["55-60", "90+", "<18", "3M", "12D", "a + b", "a", "n/a", "\u0661"]),
            st.text(min_size=1, max_size=5).filter(lambda t: t.strip() not in ("", "*")),
        ),
        min_size=1, max_size=25, unique=True,
    ),
)  # fmt: skip
def test_any_rule_covers_any_values(kind, data, values):
    rule = data.draw(st.sampled_from(RULES[kind]))
    made = own_hierarchy(
        [HierarchyStep(**rule)], kind, values, sets=any(" + " in v for v in values)
    )
    assert made.frame.iloc[:, 0].tolist() == values
    assert (made.frame.iloc[:, -1] == MOST_GENERAL).all()
    assert all(isinstance(label, str) and label for label in made.frame.to_numpy().ravel())
