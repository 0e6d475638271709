"""Damaged table files are read or refused in one line, never a traceback or a hang."""

from __future__ import annotations

import json
import random
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midi_risk.errors import MidiRiskError
from midi_risk.sources import TableSpec, extract

_KINDS = ["csv", "tsv", "xlsx", "parquet", "json", "sav", "dta", "xpt"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("whole")
    rows = [["PatientID", "age"], *([f"P{i}", i] for i in range(20))]
    text = "\n".join(f'{key},"{value}\n"' for key, value in rows)
    (folder / "a.csv").write_text(text)
    (folder / "a.tsv").write_text("\n".join(f"{key}\t{value}" for key, value in rows))
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(folder / "a.xlsx")
    name = pa.array([{"Alphabetic": "x"}] * 20)
    keys = pa.array([f"P{i}" for i in range(20)])
    pq.write_table(pa.table({"PatientID": keys, "PatientName": name}), folder / "a.parquet")
    item = {"00100020": {"vr": "LO", "Value": ["P"]}, "00080110": {"vr": "SQ", "Value": [{}]}}
    (folder / "a.json").write_text(json.dumps([item] * 5))
    _write_statistics(folder)
    return {path.suffix[1:]: path.read_bytes() for path in folder.iterdir()}


def _write_statistics(folder: Path) -> None:
    try:
        import pyreadstat
    except ImportError:
        return
    import pandas as pd

    frame = pd.DataFrame({"SUBJID": ["a", "b"] * 5, "AGE": [1.0, 2.0] * 5})
    pyreadstat.write_sav(frame, str(folder / "a.sav"))
    pyreadstat.write_dta(frame, str(folder / "a.dta"))
    pyreadstat.write_xport(frame, str(folder / "a.xpt"))


def _damaged(data: bytes, seed: int) -> bytes:
    rng = random.Random(seed)  # noqa: S311
    damaged = bytearray(data)
    for _ in range(rng.choice([1, 2, 5, 20])):
        at = rng.randrange(len(damaged)) if damaged else 0
        way = rng.random()
        if way < 0.5 and damaged:
            damaged[at] = rng.randrange(256)
        elif way < 0.7:
            del damaged[at : at + rng.randrange(1, 50)]
        elif way < 0.9:
            damaged[at:at] = rng.randbytes(rng.randrange(1, 8))
        else:
            damaged = damaged[:at]
    return bytes(damaged)


@pytest.mark.parametrize("kind", _KINDS)
@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32))
def test_a_damaged_file_is_read_or_refused_in_one_line(whole, tmp_path_factory, kind, seed):
    if kind not in whole:
        pytest.skip("pyreadstat is not installed")
    path = tmp_path_factory.getbasetemp() / f"damaged.{kind}"
    path.write_bytes(_damaged(whole[kind], seed))
    try:
        table = extract(TableSpec(path)).tables[0]
    except MidiRiskError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017
    else:
        assert table.key in table.rows.column_names
