"""Families of attributes fold to one row where a page says the same of each, and lose no name."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from midi_risk.report.families import (
    Family,
    attribute_families,
    disclosure_families,
    folded,
    folded_names,
)
from midi_risk.report.leaves import Band
from midi_risk.report.words import listed, number


def judged(name: str, *, passed: bool = True, value: float | None = 0.1) -> Any:
    return SimpleNamespace(
        attribute=name,
        model="m",
        criterion="gain",
        threshold=0.5,
        passed=passed,
        accepted=None,
        value=value,
    )


def attribute(name: str, **given: Any) -> Any:
    fields = ("source", "level", "unit", "reason", "ps315", "decision", "justification", "folding")
    said: dict[str, Any] = dict.fromkeys((*fields, "need"))
    said |= {"role": "insensitive", "missing": 0, "sensitive": False}
    return SimpleNamespace(name=name, **(said | given))


def names_of(family: Family) -> set[str]:
    """Read the names back from what a page shows of a family."""
    if family.size == 1:
        return {family.name}
    before, _, after = family.name.partition("*")
    found = set()
    for part in family.members.split(", "):
        first, _, last = part.partition(" to ")
        parts = [first]
        if last:
            width = len(first)
            parts = [str(n).zfill(width) for n in range(int(first), int(last) + 1)]
        found |= {f"{before}{middle}{after}" for middle in parts}
    return found


def test_an_attribute_with_another_outcome_is_never_folded_with_the_others() -> None:
    entries = [
        judged(f"item{i}", passed=i % 7 != 0, value=None if i == 3 else i / 1000)
        for i in range(400)
    ]
    rows = disclosure_families(entries)
    assert len(rows) == 3
    for row in rows:
        assert len({(e.passed, e.value is None) for e in row.entries}) == 1
        assert names_of(row) == {e.attribute for e in row.entries}
    assert sum(row.size for row in rows) == len(entries)


@pytest.mark.parametrize(
    "names",
    [
        [f"gene{i}" for i in range(95, 140)],
        [f"ENSG{i:011d}_x" for i in range(0, 300, 2)],
        [f"original_firstorder_{c}{d}" for c in "abcdef" for d in "uvwxyz"],
        [f"original_firstorder_Mean_{i:03d}" for i in range(90, 130)],
    ],
)
def test_every_name_can_be_read_back(names: list[str]) -> None:
    rows = folded([attribute(name) for name in names], lambda _: True)
    assert len(rows) == 1
    assert names_of(rows[0]) == set(names)


def test_quasi_identifiers_keep_a_row_each() -> None:
    entries = [attribute(f"q{i}", role="quasi_identifier") for i in range(50)]
    assert [row.size for row in attribute_families(entries)] == [1] * 50


@pytest.mark.parametrize("field", ["decision", "justification", "missing", "role", "ps315"])
def test_attributes_of_which_the_page_says_something_else_are_apart(field: str) -> None:
    entries = [attribute(f"q{i}", **({field: "other"} if i == 4 else {})) for i in range(50)]
    assert sorted(row.size for row in attribute_families(entries)) == [1, 49]


def test_few_columns_keep_their_rows_and_sentences() -> None:
    few = [f"item{i}" for i in range(19)]
    assert folded_names(few) == few
    assert (
        listed(["age", *(f"item{i}" for i in range(20))]) == "age and item* (20 columns: 0 to 19)"
    )


def test_figures_of_a_family_are_shown_with_their_ends_and_bands_as_they_are() -> None:
    family = disclosure_families([judged(f"i{n}", value=n / 100) for n in range(30)])[0]
    assert family.spread("value", number) == f"0 to {number(0.29)}"
    bands = [judged(f"i{n}", value=Band(0.5, 0.75) if n % 2 else Band(0.75, 1)) for n in range(30)]
    assert disclosure_families(bands)[0].spread("value", number) == "0.5 to 0.75, 0.75 to 1"


def test_comparisons_grow_with_the_columns_and_not_with_their_square() -> None:
    asked = {}
    for columns in (500, 2000):
        count = 0

        def same(_: Any) -> bool:
            nonlocal count
            count += 1
            return True

        folded([attribute(f"item{i}") for i in range(columns)], same)
        asked[columns] = count
    assert asked[2000] == 4 * asked[500]
