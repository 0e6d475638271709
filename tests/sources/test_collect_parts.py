"""A folder of parts of one metadata table."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from midi_risk.errors import SourceError
from midi_risk.sources import SourceKind, extract, select_rows


def _part(path: Path, first: int, **more: pa.Array) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = {
        "PatientID": pa.array([f"P{first}", f"P{first + 1}"]),
        "Modality": pa.array(["CT", "MR"]),
        "StudyInstanceUID": pa.array([str(first), str(first + 1)]),
        **more,
    }
    pq.write_table(pa.table(columns), path)


def test_parquet_parts_are_one_table_and_folder_names_a_column(tmp_path):
    root = tmp_path / "export"
    _part(root / "collection_id=a" / "part-0.parquet", 1)
    _part(root / "collection_id=b" / "part-1.parquet", 1, PatientAge=pa.array(["040Y", None]))
    (root / "_SUCCESS").write_text("")
    extraction = extract(root)
    table = extraction.tables[0]
    assert (table.kind, table.level, table.scope) == (SourceKind.METADATA, "study", "collection_id")
    assert table.rows.column("collection_id").to_pylist() == ["a", "a", "b", "b"]
    assert table.rows.column("PatientAge").to_pylist() == [None, None, "040Y", None]
    assert extraction.file_counts()["read"] == 2


def test_a_broken_part_is_recorded_and_all_broken_is_an_error(tmp_path):
    root = tmp_path / "export"
    _part(root / "1.parquet", 1)
    (root / "2.parquet").write_bytes(b"no")
    extraction = extract(root)
    assert extraction.file_counts() == {"read": 1, "flagged": 0, "not_dicom": 0, "unreadable": 1}
    assert any("2.parquet cannot be read as Parquet" in text for text in extraction.findings)
    (root / "1.parquet").write_bytes(b"")
    with pytest.raises(SourceError, match="none of 2 files can be read"):
        extract(root)


def test_one_json_file_per_study_is_one_table(tmp_path):
    for number in range(3):
        tags = {
            "00100020": {"vr": "LO", "Value": [f"P{number}"]},
            "00080060": {"vr": "CS", "Value": ["CT"]},
            "0020000D": {"vr": "UI", "Value": [str(number)]},
        }
        (tmp_path / f"{number}.json").write_text(json.dumps([tags, tags]))
    assert extract(tmp_path).tables[0].rows.num_rows == 6


def test_dictionaries_hold_only_what_was_selected(tmp_path):
    _part(tmp_path / "e" / "1.parquet", 1)
    column = select_rows(extract(tmp_path / "e"), "Modality = 'MR'").tables[0].rows["PatientID"]
    assert column.chunk(0).dictionary.to_pylist() == ["P2"]
