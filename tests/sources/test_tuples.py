"""Tables read as tuples with weights give what their rows give, one by one."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from midi_risk.attributes.model import AttributeSet, Role
from midi_risk.attributes.roles import propose
from midi_risk.errors import LinkageError, SourceError
from midi_risk.sources import collect, extract, select_rows, split_by, tuples
from midi_risk.sources.model import Extraction
from midi_risk.sources.tables import delimited
from midi_risk.sources.tables import json as json_tables
from midi_risk.table.fold import fold
from midi_risk.table.model import SubjectTable


def instances(seed: int, *, phantoms: bool = True) -> pa.Table:
    """Return rows of objects with all that folding looks at: visits, conflicts, missing keys."""
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for subject in range(int(rng.integers(3, 12))):
        scope = str(rng.choice(["east", "west"]))
        key = rng.choice([f"P{subject}", f" P{subject}", "P1", None], p=[0.7, 0.1, 0.15, 0.05])
        name = "phantom A" if phantoms and rng.random() < 0.1 else None
        born = int(rng.integers(1930, 2000))
        for study in range(int(rng.integers(1, 4))):
            year = 2000 + int(rng.integers(0, 20))
            day = f"{year}{int(rng.integers(1, 13)):02}{int(rng.integers(1, 29)):02}"
            for series in range(int(rng.integers(1, 4))):
                uid = f"1.2.{seed}.{subject}.{study}.{series}"
                modality = str(rng.choice(["CT", "MR", "SEG"]))
                rows += (
                    {
                        "collection_id": scope,
                        "PatientID": key,
                        "PatientName": name,
                        "PatientSex": rng.choice(["F", "M", " F", ""], p=[0.7, 0.2, 0.05, 0.05]),
                        "PatientAge": f"{year - born:03}Y",
                        "PatientWeight": float(rng.choice([70.0, 70.5, 81.0, np.nan])),
                        "StudyDate": day,
                        "AcquisitionDate": day,
                        "ContentTime": f"{int(rng.integers(0, 24)):02}{instance:02}00",
                        "Modality": modality,
                        "Manufacturer": str(rng.choice(["ACME", "Other"])),
                        "StudyInstanceUID": f"1.2.{seed}.{subject}.{study}",
                        "SeriesInstanceUID": uid,
                        "SOPInstanceUID": f"{uid}.{day}.{instance}",
                        "InstanceNumber": instance + 1,
                        "SliceLocation": round(float(rng.normal()), 2),
                        "reader_note": rng.choice(["good", "poor", "moved", None]),
                    }
                    for instance in range(int(rng.integers(3, 9)))
                )
    return pa.Table.from_pylist(rows)


def told(table: SubjectTable) -> dict[str, Any]:
    """Return all that folding says, in a form that compares."""
    return {
        "frame": table.frame.to_dict(),
        "digest": table.digest,
        "counts": table.counts,
        "excluded": table.excluded,
        "findings": table.findings,
        "distinct": table.distinct,
        "alone": table.alone,
        "visits": table.visits.to_dict(),
        "concerned": table.concerned,
        "sources": table.sources,
        "notes": table.notes,
        "leaves": table.leaves,
        "repeated": {
            name: (each.keys.tolist(), each.lengths.tolist(), each.texts[each.codes].tolist())
            for name, each in table.repeated.items()
        },
        "attributes": table.attributes,
        "order": table.frame.index.tolist(),
    }


def folded(extraction: Extraction) -> dict[str, Any]:
    return told(fold(extraction, propose(extraction)))


def as_tuples(path: Path, **asked: Any) -> Extraction:
    """Read a table as tuples, or fail."""
    found = extract(path, **asked)
    assert found.tables[0].weights is not None, "not read as tuples"
    return found


@pytest.fixture(autouse=True)
def _small_tables_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuples, "FEW_ROWS", 0)


@pytest.mark.parametrize("seed", range(8))
def test_tuples_give_what_rows_give(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "index.parquet"
    pq.write_table(instances(seed), path, row_group_size=40)
    whole = extract(path, rows=True)
    grouped = as_tuples(path)
    assert grouped.tables[0].n_rows == whole.tables[0].rows.num_rows
    assert folded(grouped) == folded(whole)


@pytest.mark.parametrize("seed", range(4))
def test_values_with_two_subjects_tell_the_same(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuples, "MANY_PAIRS", 0)
    path = tmp_path / "index.parquet"
    pq.write_table(instances(seed, phantoms=False), path)
    grouped = as_tuples(path)
    assert {"InstanceNumber", "SliceLocation"} <= grouped.tables[0].partly
    assert folded(grouped) == folded(extract(path, rows=True))


def test_what_is_folded_stands_with_all_its_subjects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuples, "MANY_PAIRS", 0)
    path = tmp_path / "index.parquet"
    pq.write_table(instances(3), path)

    def decided(extraction: Extraction) -> AttributeSet:
        found = propose(extraction)
        return AttributeSet(
            tuple(
                a.revised(role=Role.QUASI_IDENTIFIER) if a.name == "InstanceNumber" else a
                for a in found
            )
        )

    grouped, whole = as_tuples(path), extract(path, rows=True)
    assert (
        told(fold(grouped, decided(grouped)))["frame"]
        == (told(fold(whole, decided(whole)))["frame"])
    )


CONDITIONS = (
    "Modality = 'CT'",
    "TRY_CAST(InstanceNumber AS INT) > 2 AND collection_id = 'east'",
    "patientsex = 'F' OR reader_note IS NULL",
    "PatientWeight = '70.5'",
)


@pytest.mark.parametrize("where", CONDITIONS)
def test_a_condition_keeps_the_same_rows(where: str, tmp_path: Path) -> None:
    path = tmp_path / "index.parquet"
    pq.write_table(instances(5), path)
    expected = folded(extract(path, rows=True, where=where))
    assert folded(as_tuples(path, where=where)) == expected
    assert folded(select_rows(as_tuples(path), where)) == expected


@pytest.mark.parametrize(
    "where", ["Modality = 'XX'", "Modalty = 'CT'", "Modality =", "InstanceNumber > 'a' AND 1 = 2"]
)
def test_a_bad_condition_says_the_same(where: str, tmp_path: Path) -> None:
    path = tmp_path / "index.parquet"
    pq.write_table(instances(5), path)
    errors = []
    for rows in (True, False):
        with pytest.raises(SourceError) as error:
            extract(path, rows=rows, where=where)
        errors.append((error.value.message, error.value.hint))
    assert errors[0] == errors[1]


@pytest.mark.parametrize("by", ["collection_id", "Modality", "reader_note", "PatientSex"])
def test_groups_are_the_same(by: str, tmp_path: Path) -> None:
    path = tmp_path / "index.parquet"
    pq.write_table(instances(7, phantoms=False), path)
    whole = split_by(extract(path, rows=True), by)
    grouped = split_by(as_tuples(path), by)
    assert [name for name, _ in grouped] == [name for name, _ in whole]
    for (_, one), (_, other) in zip(grouped, whole, strict=True):
        try:
            expected = folded(other)
        except (SourceError, LinkageError) as error:
            with pytest.raises(type(error)):
                folded(one)
        else:
            assert folded(one) == expected


def test_parts_in_folders_are_one_table(tmp_path: Path) -> None:
    table = instances(9, phantoms=False)
    for number, scope in enumerate(("east", "west")):
        folder = tmp_path / "data" / f"project={scope}"
        folder.mkdir(parents=True)
        half = table.slice(number * 40, 40).drop_columns(["collection_id"])
        pq.write_table(half, folder / "part-0.parquet")
    path = tmp_path / "data"
    assert folded(as_tuples(path)) == folded(extract(path, rows=True))


def test_another_key_and_rows_of_series_apart(tmp_path: Path) -> None:
    table = instances(11, phantoms=False)
    order = np.random.default_rng(0).permutation(table.num_rows)
    path = tmp_path / "index.parquet"
    pq.write_table(table.take(order), path, row_group_size=7)
    source = f"{path}:StudyInstanceUID"
    grouped = extract(source)
    assert grouped.tables[0].weights is not None
    assert grouped.tables[0].key == "StudyInstanceUID"
    assert folded(grouped) == folded(extract(source, rows=True))


def test_identifiers_of_objects_are_the_first_and_the_last(tmp_path: Path) -> None:
    path = tmp_path / "index.parquet"
    pq.write_table(instances(2), path)
    table = as_tuples(path).tables[0]
    assert table.ends == {"SOPInstanceUID"}
    texts = table.rows.column("SOPInstanceUID").drop_null().to_pylist()
    assert max(text.count("\\") for text in texts) == 1


def csv_text(table: pa.Table) -> str:
    """Return rows as a text file has them: a title, quotes, blank rows, an unnamed column."""
    held = io.StringIO()
    writer = csv.writer(held)
    writer.writerow([*table.column_names, ""])
    for number, row in enumerate(table.to_pylist()):
        cells = ["" if value is None else str(value) for value in row.values()]
        writer.writerow([*cells, ""])
        if number % 9 == 0:
            held.write("\r\n")
    return held.getvalue()


def lines_text(table: pa.Table) -> str:
    """Return rows as JSON lines; what has no value is left out, numbers are numbers."""
    rows = (
        {n: v for n, v in row.items() if v is not None and str(v) != "nan"}
        for row in table.to_pylist()
    )
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", ["csv", "tsv", "ndjson"])
def test_text_in_pieces_gives_what_the_whole_gives(
    kind: str, packed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "STREAMED", 0)
    monkeypatch.setattr(json_tables, "STREAMED", 0)
    monkeypatch.setattr(json_tables, "_PIECE", 37)
    table = instances(4)
    text = lines_text(table) if kind == "ndjson" else csv_text(table)
    if kind == "tsv":
        text = text.replace(",", "\t")
    data = b"\xef\xbb\xbf" * (kind == "csv") + text.encode()
    path = tmp_path / (f"index.{kind}" + ".gz" * packed)
    path.write_bytes(gzip.compress(data) if packed else data)
    whole = extract(path, rows=True)
    assert folded(as_tuples(path)) == folded(whole)
    where = "Modality = 'CT' AND reader_note IS NULL"
    assert folded(as_tuples(path, where=where)) == folded(extract(path, rows=True, where=where))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("broken.csv", b"PatientID,Modality,StudyDate,StudyInstanceUID\na,CT,20200101,1.2\nb,CT\n"),
        (
            "latin.csv",
            b"PatientID,Modality,StudyDate,StudyInstanceUID\nM\xfcller,CT,20200101,1.2\n",
        ),
        ("open.csv", b'PatientID,Modality,StudyDate,StudyInstanceUID\n"a,CT,20200101,1.2\nb,CT\n'),
        ("cut.ndjson", b'{"PatientID": "a", "Modality": "CT", "StudyDate": "20200101"}\n{"Pat\n'),
    ],
)
def test_what_cannot_be_read_in_pieces_is_read_or_refused_as_ever(
    name: str, data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / name
    path.write_bytes(data)

    def outcome(*, rows: bool) -> Any:
        try:
            return extract(path, rows=rows).tables[0].rows.to_pydict()
        except SourceError as error:
            return error.message, error.hint

    expected = outcome(rows=True)
    monkeypatch.setattr(delimited, "STREAMED", 0)
    monkeypatch.setattr(json_tables, "STREAMED", 0)
    assert outcome(rows=False) == expected


def test_dictionaries_of_many_row_groups_are_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuples, "MANY_PAIRS", 0)
    monkeypatch.setattr(tuples, "ROW_GROUP", 2_048)
    count = 9_000
    number = np.arange(count)
    rows = pa.table(
        {
            "PatientID": [f"P{i // 20}" for i in number],
            "Modality": ["CT"] * count,
            "StudyDate": ["20200101"] * count,
            "SeriesInstanceUID": [f"1.2.{i // 2}" for i in number],
            "InstanceNumber": number % 2 + number // 2,
        }
    )
    path = tmp_path / "index.parquet"
    pq.write_table(rows, path)
    grouped = as_tuples(path)
    assert grouped.tables[0].partly == {"InstanceNumber"}
    assert folded(grouped) == folded(extract(path, rows=True))


def test_of_a_remote_table_the_columns_that_are_read_are_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsspec = pytest.importorskip("fsspec")
    table = instances(6)
    pixels = pa.array([b"\0" * 5_000] * table.num_rows, pa.binary())
    path = tmp_path / "index.parquet"
    pq.write_table(table.append_column("pixels", pixels), path, compression="none")
    fsspec.filesystem("memory").pipe_file("/tuples/index.parquet", path.read_bytes())
    monkeypatch.setattr(collect, "download", lambda *_: pytest.fail("fetched whole"))
    remote = extract("memory://tuples/index.parquet")
    assert remote.tables[0].weights is not None
    assert folded(remote) == folded(extract(path, rows=True))
    assert any("1 column of binary values not read" in note for note in remote.findings)
    chosen = select_rows(remote, "Modality = 'CT'")
    assert folded(chosen)["frame"] == folded(extract(path, where="Modality = 'CT'"))["frame"]
