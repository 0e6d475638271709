"""Instance rows in memory fold to the series tuples that the one query of a store makes of them."""

from __future__ import annotations

import time

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from midi_risk.sources.dicom.header import wanted_attributes
from midi_risk.sources.model import SourceKind, SourceTable
from midi_risk.sources.scan.store import INSTANCES, _series_query, by_series

WANTED = list(wanted_attributes().values())
NAMES = ["PatientID", "StudyInstanceUID", "SeriesInstanceUID", "Modality"]


def instances(rows: int, columns: int, seed: int) -> pa.Table:
    """Return instance rows with values that vary in a series, are missing, or stand alone."""
    draw = np.random.default_rng(seed)
    names = [*NAMES, *(w.keyword for w in WANTED if w.keyword not in NAMES)][:columns]
    found = {}
    for place, name in enumerate(names):
        pool = [None, "", "a", "a!", "a\\\\z", "é", "b", "B", "10", "9"][: 2 + place % 9]
        each = [pool[k] for k in draw.integers(0, len(pool), rows)]
        kept = {0: [f"P{i // 8}" for i in range(rows)], 2: [f"1.{i // 2}" for i in range(rows)]}
        if place % 5 == 4:
            each = ["same"] * rows
        found[name] = pa.array(kept.get(place, each), pa.string()).dictionary_encode()
    return pa.table(found)


def source(rows: pa.Table) -> SourceTable:
    return SourceTable(
        name="dicom", kind=SourceKind.DICOM, level="instance", key="PatientID", rows=rows
    )


@pytest.mark.parametrize(("rows", "columns"), [(0, 9), (1, 9), (60, 4), (60, 40), (90, 90)])
@pytest.mark.parametrize("seed", [1, 2])
def test_memory_folds_as_the_query_does(rows: int, columns: int, seed: int) -> None:
    table = instances(rows, columns, seed)
    wanted = [w for w in WANTED if w.keyword in table.column_names]
    plain = pa.table({w.keyword: table[w.keyword].cast(pa.string()) for w in wanted})
    with duckdb.connect(":memory:") as connection:
        connection.register("plain", plain)
        expected = connection.sql(_series_query(wanted, "plain")).to_arrow_table()
    found = by_series(source(table)).rows
    assert found.column_names == [*(w.keyword for w in wanted), INSTANCES]
    told = {name: found[name].cast(pa.string()).to_pylist() for name in found.column_names}
    assert told == {name: expected[name].to_pylist() for name in expected.column_names}


def test_six_hundred_columns_take_seconds() -> None:
    table = instances(1000, 600, 1)
    since = time.process_time()
    by_series(source(table))
    assert time.process_time() - since < 20  # minutes, where one query holds every column
