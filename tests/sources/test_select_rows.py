"""--where and --by: one safe SQL condition over the leading table."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from midi_risk.errors import SourceError
from midi_risk.sources import extract, select_rows, split_by


@pytest.fixture
def extraction(tmp_path: Path):
    metadata = tmp_path / "metadata.csv"
    metadata.write_text(
        "Subject ID,Collection,Modality,Study UID,Series UID,PatientAge\n"
        "P1,lidc,CT,1,11,040Y\nP1,lidc,DX,2,12,041Y\nP2,lidc,CT,3,13,\nP1,nlst,CT,4,14,060Y\n"
        "P9,,CT,5,15,061Y\n"
    )
    clinical = tmp_path / "c.csv"
    clinical.write_text("patient_id,stage\nP1,II\nP2,I\n")
    return extract(metadata, tables=[clinical])


def test_rows_of_the_leading_table_are_chosen_and_others_stay(extraction):
    chosen = select_rows(extraction, "Collection = 'lidc' AND Modality IN ('CT', 'DX')")
    assert chosen.tables[0].rows.num_rows == 3
    assert chosen.tables[1] is extraction.tables[1]
    assert "3 rows of 5 selected by --where" in chosen.findings[-1]
    assert chosen.files is extraction.files


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        ("PatientID = 'P1'", 3),
        ("\"Subject ID\" = 'P1'", 3),
        ("PatientAge IS NULL", 1),
        ("TRY_CAST(left(PatientAge, 3) AS INTEGER) >= 60", 2),
        ("Modality IS DISTINCT FROM 'CT'", 1),
        ("Collection LIKE 'l%'", 3),
        ("modality = 'CT' OR (collection = 'x;--select')", 4),
        ("PatientID BETWEEN 'P1' AND 'P2' AND NOT (lower(trim(Modality)) = 'dx')", 3),
        ("CASE WHEN Modality = 'CT' THEN PatientAge ELSE NULL END IS NOT NULL", 3),
        ("coalesce(Collection, 'none') = 'none'", 1),
        ("regexp_matches(PatientAge, '^0[46]')", 4),
        ("Collection = 'from (select' OR PatientID SIMILAR TO 'P[2-9]'", 2),
        ("Collection = E'li\\x64c'", 3),
    ],
)
def test_conditions_are_evaluated(extraction, where, rows):
    assert select_rows(extraction, where).tables[0].rows.num_rows == rows


def test_the_order_of_rows_is_kept(extraction):
    rows = select_rows(extraction, "Modality = 'CT'").tables[0].rows
    assert rows.column("SeriesInstanceUID").to_pylist() == ["11", "13", "14", "15"]


@pytest.mark.parametrize(
    "where",
    [
        "1=1; DROP TABLE x",
        "1=1) OR (1=1",
        "(SELECT true)",
        "EXISTS (FROM midi_risk_rows)",
        "PatientID IN (SELECT content FROM read_text('secret.txt'))",
        "PatientID IN (FROM read_csv('secret.txt'))",
        "1=1 -- comment",
        "1=1 /* comment */",
        "(VALUES (true))",
        "$$x$$ = 'x'",
        "'unclosed",
        "E'\\'' = 'x') UNION SELECT 1 FROM range(5) WHERE (1=1 OR 'a' = E'\\''",
        "Modality = 'CT') ORDER BY (1",
        "1=1), (2=2",
        "1=1 AS x",
        "Modality = ?",
        "Modality = $1",
        "COLUMNS(*) = 'CT'",
        "row_number() OVER () = 1",
        "random() < 0.5",
        "current_setting('memory_limit') = 'x'",
        "repeat('x', 1000000000) = 'x'",
        "PatientID = ANY(FROM midi_risk_rows)",
        "list_transform([1], x -> x) = [1]",
        "",
        ")",
    ],
)
def test_anything_but_one_condition_is_refused(extraction, where):
    with pytest.raises(SourceError, match="--where"):
        select_rows(extraction, where)


def test_no_file_can_be_read_even_past_the_check(extraction, tmp_path, monkeypatch):
    from midi_risk.sources import select

    secret = tmp_path / "secret.txt"
    secret.write_text("x")
    monkeypatch.setattr(select, "_check", lambda text: None)
    for where in (
        f"'x' IN (SELECT content FROM read_text('{secret}'))",  # noqa: S608
        "(SET enable_external_access = true)",
    ):
        with pytest.raises(SourceError):
            select_rows(extraction, where)


def test_a_condition_that_takes_too_long_is_stopped(extraction, monkeypatch):
    from midi_risk.sources import select

    monkeypatch.setattr(select, "_SECONDS", 0.3)
    monkeypatch.setattr(select, "_check", lambda text: None)
    pairs = "range(99999) a, range(99999) b"
    slow = f"(SELECT count(*) FROM {pairs} WHERE a.range * b.range % 7 = 3) > 0"  # noqa: S608
    with pytest.raises(SourceError, match="more than 0 seconds"):
        select_rows(extraction, slow)


def test_an_unknown_column_is_answered_with_the_closest(extraction):
    with pytest.raises(SourceError, match=r"unknown column 'Modalty'\. Did you mean 'Modality'"):
        select_rows(extraction, "Modalty = 'CT'")


@pytest.mark.parametrize(
    "where", ["Modality =", "Modality = 1", "nofunction(Modality)", "Modality + 1 > 0"]
)
def test_a_bad_condition_is_one_line_without_values(extraction, where):
    with pytest.raises(SourceError) as caught:
        select_rows(extraction, where)
    text = str(caught.value)
    assert len(text.splitlines()) == 1
    assert "040Y" not in text
    assert "'DX'" not in text


def test_a_condition_that_keeps_nothing_is_an_error(extraction):
    with pytest.raises(SourceError, match="keeps no row"):
        select_rows(extraction, "Modality = 'XX'")


def test_groups_come_in_order_and_no_value_comes_last(extraction):
    groups = split_by(extraction, "Collection")
    assert [(name, group.tables[0].rows.num_rows) for name, group in groups] == [
        ("lidc", 3),
        ("nlst", 1),
        ("", 1),
    ]
    assert all(group.tables[1].rows.num_rows == 2 for _, group in groups)


def test_a_group_column_may_be_named_as_in_the_file_or_is_explained(extraction):
    assert len(split_by(extraction, "Subject ID")) == 3
    assert len(split_by(extraction, "modality")) == 2
    with pytest.raises(SourceError, match="Did you mean 'Collection'"):
        split_by(extraction, "Colection")


@pytest.mark.shared_data
def test_one_collection_of_the_idc_index_is_what_sql_says(shared_data):
    path = shared_data / "idc" / "idc_v25_series_A.parquet"
    chosen = select_rows(extract(path), "collection_id = 'lidc_idri'").tables[0]
    count, patients = duckdb.sql(
        f"SELECT count(*), count(DISTINCT PatientID) FROM '{path}' "  # noqa: S608
        "WHERE collection_id = 'lidc_idri'"
    ).fetchall()[0]
    assert chosen.rows.num_rows == count
    assert len(chosen.rows.column("PatientID").unique()) == patients
