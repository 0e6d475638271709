"""CDISC variables by what PHUSE says is to be looked for, against the roles that are proposed.

The variables and labels are those of SDTMIG 3.2 and ADaMIG 1.1; the headings those of PHUSE, Data
Anonymisation and Risk Assessment Automation, sections 3.2.1 to 3.2.7 (subject, site and reference
identifiers, dates, demographic and baseline characteristics, birth and death dates, verbatim terms,
sensitive information). The variable list of the PHUSE De-Identification Standard for SDTM 3.2
is given to registered readers only and is not copied here.
"""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from midi_risk.attributes.roles import propose
from midi_risk.sources.model import FILE_SCHEMA, Extraction, SourceKind, SourceTable
from midi_risk.sources.tables.columns import cell_array

N = 60
FILE = Path(__file__).parent / "cdisc_variables.csv"
ROWS = list(csv.DictReader(FILE.read_text(encoding="utf-8").splitlines()))

QUASI, DIRECT = {"quasi_identifier"}, {"direct_identifier"}
ALLOWED = {
    "identifier": QUASI | DIRECT | {"linkage_key"},
    "date": QUASI,
    "demographic": QUASI,
    "birth or death": QUASI | {"sensitive"},
    "verbatim term": QUASI | DIRECT | {"sensitive", "undecided"},
    "sensitive": {"sensitive"},
    "analysis": {"insensitive"},
}
"""Heading -> roles that lose nobody: what is to be looked for is never insensitive."""


def _values(name: str) -> list[str]:
    """Return values of the shape that the variable has in a trial."""
    if name in {"USUBJID", "SUBJID", "LBREFID"}:
        return [f"{name[0]}-{n:03d}" for n in range(N)]
    if name.endswith("DTC") or name in {"BRTHDT", "DTHDT", "VISIT1DT"}:
        return [f"2014-{1 + n % 12:02d}-{1 + n % 28:02d}" for n in range(N)]
    by_name = {
        "AGE": ["63", "64", "71"],
        "AGEGR1": ["25-<30", "30-<35", ">=35"],
        "SEX": ["M", "F"],
        "RACE": ["WHITE", "ASIAN"],
        "ETHNIC": ["HISPANIC OR LATINO", "NOT HISPANIC OR LATINO"],
        "COUNTRY": ["USA", "CAN"],
        "INVNAM": ["Dr Smith", "Dr Jones"],
        "HEIGHTBL": ["170.5", "181"],
        "WEIGHTBL": ["70.5", "81"],
        "BMIBL": ["22.5", "28.1"],
        "BMIBLGR1": ["<25", "25-<30", ">=30"],
        "EPOCH": ["SCREENING", "TREATMENT", "FOLLOW-UP"],
        "COVAL": [f"saw doctor {chr(65 + n % 26)}{n} at home in May" for n in range(N)],
    }
    if name in by_name:
        given = by_name[name]
    elif name.endswith("FL"):
        given = ["Y", "N"]
    elif name.endswith("N") or name in {"VISITNUM", "DURDIS", "EDUCLVL"}:
        given = ["1", "2", "3"]
    else:
        given = ["MILD", "MODERATE", "SEVERE"]
    return [given[n % len(given)] for n in range(N)]


@pytest.fixture(scope="module")
def proposed() -> dict[str, str]:
    """Return the role of each variable in one table of all of them."""
    rows = pa.table({row["variable"]: cell_array(_values(row["variable"])) for row in ROWS})
    table = SourceTable(
        name="ADSL",
        kind=SourceKind.SDTM,
        level="patient",
        key="USUBJID",
        rows=rows,
        labels={row["variable"]: row["label"] for row in ROWS},
    )
    files = pa.Table.from_pylist([], schema=FILE_SCHEMA)
    return {a.name: a.role.value for a in propose(Extraction(tables=(table,), files=files))}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["variable"])
def test_a_variable_has_a_role_that_its_heading_allows(
    row: dict[str, str], proposed: dict[str, str]
) -> None:
    assert proposed[row["variable"]] in ALLOWED[row["heading"]]


def test_every_heading_has_variables_and_no_variable_stands_twice() -> None:
    frame = pd.DataFrame(ROWS)
    assert set(frame["heading"]) == ALLOWED.keys()
    assert not frame["variable"].duplicated().any()
