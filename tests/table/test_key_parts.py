"""Keys that are made of other columns, such as a site and a number."""

from __future__ import annotations

import pyarrow as pa

from midi_risk.attributes.model import Attribute, AttributeSet, Kind, Role
from midi_risk.sources.model import FILE_SCHEMA, Extraction, SourceKind, SourceTable
from midi_risk.table.findings import KEY_TELLS
from midi_risk.table.fold import fold

N = 20


def findings(keys: list[str], **columns: list[str]) -> list[str]:
    """Return the texts of the findings that a key is made of other columns."""
    rows = pa.table({"id": keys, **columns})
    source = SourceTable(
        name="t.csv", kind=SourceKind.SPREADSHEET, level="patient", key="id", rows=rows
    )
    attributes = AttributeSet(
        tuple(
            Attribute(
                name=name, source="t.csv", column=name, role=Role.QUASI_IDENTIFIER,
                kind=Kind.CATEGORY, reason="",
            )
            for name in columns
        )
    )  # fmt: skip
    table = fold(Extraction(tables=(source,), files=FILE_SCHEMA.empty_table()), attributes)
    return [finding.text for finding in table.findings if finding.code == KEY_TELLS]


def test_site_and_number_inside_the_key_are_named() -> None:
    sites = [str(701 + i % 4) for i in range(N)]
    numbers = [str(1000 + i) for i in range(N)]
    keys = [f"01-{site}-{number}" for site, number in zip(sites, numbers, strict=True)]
    (said,) = findings(keys, SITEID=sites, SUBJID=numbers, SEX=["M", "F"] * (N // 2))
    assert "SITEID, SUBJID of 20 subjects" in said


def test_keys_of_their_own_are_not_named() -> None:
    sites = [str(701 + i % 4) for i in range(N)]
    assert not findings([f"S{9000 + i}" for i in range(N)], SITEID=sites)
    same = [f"S{9000 + i}" for i in range(N)]
    assert not findings(same, ANOTHER=same)
