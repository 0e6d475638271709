"""Which objects and rows of a release are written at all, and where."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from object_rules import element, plan_of, release_of
from pydicom.config import disable_value_validation
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from release_collection import image, save

from midi_risk.attributes.model import Attribute, AttributeSet, Decision, Kind, Role
from midi_risk.config import SourceSettings
from midi_risk.document.assessment import Plan
from midi_risk.export.dicom.files import Written, write_copies
from midi_risk.export.dicom.recode import Statement
from midi_risk.export.dicom.rules import dicom_rules
from midi_risk.export.release import write_release
from midi_risk.export.rules import ReleaseRules, release_rules
from midi_risk.export.tables import recode_table
from midi_risk.sources import extract
from midi_risk.sources.model import FILE_SCHEMA, Extraction, SourceKind, SourceTable
from midi_risk.table import fold
from midi_risk.table.subjects import find_subjects


def copied(folder: Path, objects: list[Dataset], **options: object) -> list[Written]:
    """Write objects, copy them, and return what became of each."""
    for number, data_set in enumerate(objects):
        with disable_value_validation():
            save(data_set, folder / "in" / f"{number}.dcm")
    release = release_of(objects, [element("PatientSex", Kind.SEX)])
    release = replace(release, suppressed=frozenset({"P001"}))
    (folder / "out").mkdir()
    rules = dicom_rules(release, "dicom")
    given = {"statement": Statement(method="test")} | options
    return write_copies([folder / "in"], folder / "out", rules, release, **given).files


def test_no_object_of_a_subject_that_the_plan_leaves_out_is_written(tmp_path):
    files = copied(tmp_path, [image(1), image(2)])
    assert [bool(file.target) for file in files] == [False, True]
    assert "plan leaves out" in files[0].reason
    assert len(list((tmp_path / "out").rglob("*.dcm"))) == 1


def test_no_object_that_the_collection_does_not_select_is_written(tmp_path):
    files = copied(tmp_path, [image(2), image(3)], selected=lambda ds: ds.PatientID == "P003")
    assert [bool(file.target) for file in files] == [False, True]


@pytest.mark.parametrize("text", ["..", ".", "../../elsewhere", "Doe^Jane", "/etc/x"])
def test_a_uid_that_is_none_is_never_a_path(tmp_path, text):
    odd = image(2)
    with disable_value_validation():
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID"):
            odd[keyword] = DataElement(keyword, "UI", text)
    (file,) = copied(tmp_path, [odd])
    assert file.target.startswith("study-unnamed/series-unnamed/")
    inside = [path for path in tmp_path.rglob("*.dcm") if (tmp_path / "in") not in path.parents]
    assert [tmp_path / "out" / file.target] == inside
    assert not list(tmp_path.parent.glob("*.dcm"))


def test_a_list_of_other_files_is_not_written(tmp_path):
    index = image(2)
    index.FileSetID = "DISC"
    (file,) = copied(tmp_path, [index])
    assert not file.target


def column(name: str, kind: Kind, **options: object) -> Attribute:
    """Return a quasi-identifier of the table, or what the options say."""
    given = {"role": Role.QUASI_IDENTIFIER, "reason": "test", "name": name}
    return Attribute(source="t", column=name, kind=kind, **(given | options))


def rules_of(
    columns: dict[str, list[str | None]],
    attributes: list[Attribute],
    plan: Plan,
    kind: SourceKind = SourceKind.SPREADSHEET,
) -> tuple[SourceTable, ReleaseRules]:
    """Return a table with its rules."""
    rows = pa.table({name: pa.array(cells, pa.string()) for name, cells in columns.items()})
    table = SourceTable(name="t", kind=kind, level="patient", key="id", rows=rows)
    read = Extraction(tables=(table,), files=FILE_SCHEMA.empty_table())
    folded = fold(read, AttributeSet(tuple(attributes)), missing="wildcard")
    return table, release_rules(folded, read, plan, {})


def cells(
    columns: dict[str, list[str | None]],
    attributes: list[Attribute],
    plan: Plan,
    kind: SourceKind = SourceKind.SPREADSHEET,
    suppressed: frozenset[str] = frozenset(),
) -> dict[str, list[str | None]]:
    """Return a table as it is written."""
    table, release = rules_of(columns, attributes, plan, kind)
    release = replace(release, suppressed=suppressed)
    found = recode_table(table, release, find_subjects(table), leading=True)
    return {name: list(texts) for name, texts in found.columns.items()}


HEIGHT = column("height", Kind.NUMBER, ladder="height")
MASS = column("bmi", Kind.NUMBER, ladder="bmi", role=Role.INSENSITIVE)


def test_rows_of_subjects_that_are_left_out_and_of_nobody_are_not_written():
    columns = {"id": ["a", "b", "n/a", "c"], "height": ["1.7", "1.8", "1.6", "1.5"]}
    found = cells(columns, [HEIGHT], plan_of(), suppressed=frozenset({"b"}))
    assert found["id"] == ["a", "c"]


def test_an_emptied_height_does_not_come_back_through_the_body_mass():
    columns = {"id": ["a", "b"], "height": ["1.7", "1.8"], "bmi": ["24.3", "25.1"]}
    found = cells(columns, [HEIGHT, MASS], plan_of(cells={"height": ["b"]}))
    assert found["height"] == ["1.7", None]
    assert found["bmi"][1] is None


def test_a_missing_cell_is_not_filled_with_the_value_of_its_subject():
    columns = {"id": ["a", "a", "b"], "height": ["1.71", None, "1.8"]}
    found = cells(columns, [HEIGHT], plan_of({"height": 1}))
    assert found["height"][1] is None
    assert found["height"][0] is not None


def keyworded(name: str, vr: str, kind: Kind, **options: object) -> Attribute:
    """Return a column that is a DICOM attribute."""
    return column(name, kind, keyword=name, vr=vr, **options)


METADATA = {
    "id": ["a", "b"], "StudyDate": ["20120317", "20120318"], "SeriesDate": ["20120318"] * 2,
    "ContentDate": ["20120318"] * 2, "DateOfLastCalibration": ["20110203"] * 2,
}  # fmt: skip
STUDY = keyworded("StudyDate", "DA", Kind.DATE, ladder="date")
SERIES = keyworded("SeriesDate", "DA", Kind.DATE, ladder="date", role=Role.INSENSITIVE)
CONTENT = keyworded("ContentDate", "DA", Kind.DATE, role=Role.INSENSITIVE, decision=Decision.REMOVE)
CALIBRATED = keyworded("DateOfLastCalibration", "DA", Kind.DATE, role=Role.INSENSITIVE)


def test_columns_of_dates_follow_the_visit_and_what_is_removed_stays_removed():
    given = [STUDY, SERIES, CONTENT, CALIBRATED]
    found = cells(METADATA, given, plan_of({"StudyDate": 4}), SourceKind.METADATA)
    assert found["StudyDate"] == found["SeriesDate"] == ["2012", "2012"]
    assert found["ContentDate"] == [None, None]
    assert found["DateOfLastCalibration"] == ["20110203", "20110203"]


def test_columns_of_dates_are_removed_with_the_study_date():
    given = [STUDY.revised(decision=Decision.REMOVE), SERIES, CALIBRATED]
    found = cells(METADATA, given, plan_of(), SourceKind.METADATA)
    assert found["StudyDate"] == found["SeriesDate"] == [None, None]
    assert found["DateOfLastCalibration"] == ["20110203", "20110203"]


def test_an_emptied_cell_is_empty_in_a_typed_file_too(tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"id": ["a", "b", "c"], "height": [1.71, 1.82, 1.93]}), path)
    read = extract(path)
    name = read.tables[0].name
    given = AttributeSet((replace(HEIGHT, source=name),))
    table = fold(read, given, missing="wildcard")
    release = release_rules(table, read, plan_of(cells={"height": ["b"]}), {})
    (tmp_path / "out").mkdir()
    sources = [SourceSettings(table="t.parquet", key=read.tables[0].key)]
    write_release(tmp_path / "out", sources, tmp_path, read, release, statement="test")
    written = pq.read_table(tmp_path / "out" / "t.parquet").column("height").to_pylist()
    assert [None if cell is None else float(cell) for cell in written] == [1.71, None, 1.93]
