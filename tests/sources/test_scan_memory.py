"""A scan in little memory says what a scan with plenty of it says."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dicom_samples import collection, encoded, sample

from midi_risk.sources import select
from midi_risk.sources.model import FILE_SCHEMA
from midi_risk.sources.scan import scan
from midi_risk.sources.scan import store as store_module
from midi_risk.sources.scan.scan import read_dicom


def said(reading) -> tuple[object, ...]:
    rows = sorted(tuple(row.items()) for row in reading.table.rows.to_pylist())
    return rows, reading.files.to_pylist(), reading.facts, reading.findings


def parts(tmp_path) -> list[pa.Table]:
    files = sorted((tmp_path / "store").rglob("part-*.parquet"))
    return [pq.ParquetFile(path).read() for path in files]


def test_a_scan_loads_neither_pandas_nor_duckdb(tmp_path):
    collection(tmp_path / "in", 2, 3)
    script = textwrap.dedent(f"""
        import sys
        from pathlib import Path
        from midi_risk.sources import select
        from midi_risk.sources.scan.scan import read_dicom
        select._FEW = -1
        for _ in range(2):
            read = read_dicom([{str(tmp_path / "in")!r}], store=Path({str(tmp_path / "store")!r}))
        assert read.facts["instances"] == 6
        print(sorted({{"pandas", "duckdb", "scipy"}} & sys.modules.keys()))
    """)  # noqa: S608 - a module called select, no SQL
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout.decode().split() == ["[]"]


@pytest.mark.parametrize("few", [-1, 1 << 40])
def test_queries_in_any_process_and_with_more_memory_say_the_same(tmp_path, monkeypatch, few):
    collection(tmp_path / "in", 3, 4)
    whole = said(read_dicom([tmp_path / "in"], store=tmp_path / "whole"))
    monkeypatch.setattr(select, "_FEW", few)
    monkeypatch.setattr(select, "_LEAST", 1 << 20)
    monkeypatch.setattr(select, "_STEP", 64)
    assert said(read_dicom([tmp_path / "in"], store=tmp_path / "store")) == whole
    assert not list((tmp_path / "store").rglob("*.tmp"))


@pytest.mark.parametrize("few", [-1, 1 << 40])
def test_too_little_memory_for_any_query_is_an_error(tmp_path, monkeypatch, few):
    collection(tmp_path / "in", 1, 2)
    monkeypatch.setattr(select, "_FEW", few)
    monkeypatch.setattr(select, "memory_limits", lambda _: iter([1 << 20]))
    with pytest.raises(MemoryError):
        read_dicom([tmp_path / "in"], store=tmp_path / "store")


def test_a_process_that_cannot_be_started_is_not_needed(tmp_path, monkeypatch):
    collection(tmp_path / "in", 1, 2)
    monkeypatch.setattr(select, "_FEW", -1)
    monkeypatch.setattr(select.sys, "executable", str(tmp_path / "none"))
    assert read_dicom([tmp_path / "in"], store=tmp_path / "store").facts["instances"] == 2


def test_rows_that_are_no_longer_true_leave_the_store(tmp_path):
    files = collection(tmp_path / "in", 2, 3)
    read_dicom([tmp_path / "in"], store=tmp_path / "store")
    files[0].write_bytes(encoded(sample(0, 0, PatientAge="077Y")))
    os.utime(files[0], ns=(1, 1))
    files[1].unlink()
    read_dicom([tmp_path / "in"], store=tmp_path / "store")
    held = [path for part in parts(tmp_path) for path in part["_path"].to_pylist()]
    assert sorted(held) == sorted(str(path) for path in files if path != files[1])


def test_an_unreadable_file_does_not_have_the_store_rewritten(tmp_path):
    collection(tmp_path / "in", 1, 2)
    (tmp_path / "in" / "empty.dcm").touch()
    for _ in range(3):
        reading = read_dicom([tmp_path / "in"], store=tmp_path / "store")
        assert reading.files["status"].to_pylist().count("unreadable") == 1
    (inside,) = (tmp_path / "store").iterdir()
    assert [path.name for path in inside.glob("generation-*")] == ["generation-000000"]
    assert sum(part.num_rows for part in parts(tmp_path)) == 5


def test_large_stores_are_compacted_into_several_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(store_module, "_MANY_PARTS", 2)
    monkeypatch.setattr(store_module, "PART_ROWS", 5)
    monkeypatch.setattr(store_module, "_ROW_GROUP", 2)
    monkeypatch.setattr(store_module, "_AT_ONCE", 3)
    monkeypatch.setattr(scan, "flush_rows", lambda _unread: 1)
    monkeypatch.setattr(scan, "_CHUNK", 2)
    collection(tmp_path / "in", 3, 4)
    first = said(read_dicom([tmp_path / "in"], store=tmp_path / "store"))
    assert sorted(part.num_rows for part in parts(tmp_path)) == [0, 6, 6]
    assert said(read_dicom([tmp_path / "in"], store=tmp_path / "store")) == first


def test_the_account_of_files_outlives_its_store(tmp_path):
    collection(tmp_path / "in", 1, 2)
    store = tmp_path / "store"
    reading = read_dicom([tmp_path / "in"], store=store)
    for path in sorted(store.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    assert reading.files.schema == FILE_SCHEMA
    assert reading.files["status"].to_pylist() == ["read", "read"]


def test_a_file_given_twice_is_met_once(tmp_path, monkeypatch):
    files = collection(tmp_path / "in", 1, 2)
    monkeypatch.chdir(files[0].parent)
    others = [files[0], f"{files[0].parent}/./{files[0].name}", files[0].name]
    for paths in ([tmp_path / "in", *others], [*others, tmp_path / "in"]):
        assert read_dicom(paths).files.num_rows == 2
        assert read_dicom(paths, store=tmp_path / "store").facts["instances"] == 2
