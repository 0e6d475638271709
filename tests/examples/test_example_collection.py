"""The examples are what their generators make, small, and readable."""

from __future__ import annotations

import csv
import filecmp
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pydicom
import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
COLLECTION = EXAMPLES / "lung-ct"


def files_under(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def datasets() -> dict[str, pydicom.Dataset]:
    return {
        path.stem: pydicom.dcmread(path)
        for path in sorted((COLLECTION / "images").rglob("*.dcm"))
        if path.stem not in {"LCT-0043_v9_CT1", "transfer-notes"}
    }


def test_the_generator_writes_the_committed_files_byte_for_byte(tmp_path: Path) -> None:
    script = EXAMPLES / "make_collection.py"
    subprocess.run([sys.executable, str(script), "-o", str(tmp_path)], check=True)
    made = files_under(tmp_path)
    committed = {name for name in files_under(COLLECTION) if name.startswith("images/")} | {
        "clinical.csv"
    }
    assert made == committed
    _, different, unread = filecmp.cmpfiles(tmp_path, COLLECTION, sorted(made), shallow=False)
    assert different == []
    assert unread == []


def test_the_pages_say_how_many_files_there_are() -> None:
    count = len(list((COLLECTION / "images").rglob("*.dcm")))
    for page in (EXAMPLES / "README.md", COLLECTION / "README.md"):
        assert f" {count} files" in page.read_text(encoding="utf-8")


def test_all_examples_together_stay_under_three_megabytes() -> None:
    sizes = [path.stat().st_size for path in EXAMPLES.rglob("*") if path.is_file()]
    assert sum(sizes) < 3_000_000
    assert sum(-(-size // 4096) * 4096 for size in sizes) < 3_000_000


def test_every_object_is_valid_to_pydicom_and_has_pixels_where_it_is_an_image(
    datasets: dict[str, pydicom.Dataset],
) -> None:
    for ds in datasets.values():
        assert ds.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID
        if ds.Modality in {"CT", "MR", "PT", "CR"}:
            assert ds.pixel_array.shape == (4, 4)
    assert {ds.Modality for ds in datasets.values()} == {"CT", "MR", "PT", "CR", "SR", "SEG"}


def test_there_are_two_hundred_people_with_two_visits_or_more(
    datasets: dict[str, pydicom.Dataset],
) -> None:
    studies: dict[str, set[str]] = {}
    for ds in datasets.values():
        if ds.PatientID not in {"QC-PHANTOM", "LCT-0901"}:
            studies.setdefault(ds.PatientID, set()).add(ds.StudyInstanceUID)
    assert len(studies) == 200
    assert min(len(visits) for visits in studies.values()) == 2


def test_every_trap_of_the_list_is_in_the_images(datasets: dict[str, pydicom.Dataset]) -> None:
    ages = {ds.PatientAge for ds in datasets.values() if "PatientAge" in ds}
    assert "093Y" in ages
    assert "000Y" in ages
    sexes: dict[str, set[str]] = {}
    scanner_people: dict[str, set[str]] = {}
    for ds in datasets.values():
        sexes.setdefault(ds.PatientID, set()).add(ds.PatientSex)
        scanner_people.setdefault(ds.ManufacturerModelName, set()).add(ds.PatientID)
    assert sum(len(found) > 1 for found in sexes.values()) == 1
    assert len(scanner_people["ECLOS"]) == 1
    assert sum("QualityControlSubject" in ds for ds in datasets.values()) == 1
    assert sum(ds.get("BurnedInAnnotation") == "YES" for ds in datasets.values()) == 1
    assert sum((0x0009, 0x0010) in ds for ds in datasets.values()) == 3
    items = [item for ds in datasets.values() for item in ds.get("ContentSequence", [])]
    assert sum("PersonName" in item for item in items) == 1
    assert (COLLECTION / "images/batch-11/LCT-0043_v9_CT1.dcm").stat().st_size == 0


def test_every_trap_of_the_list_is_in_the_spreadsheet(
    datasets: dict[str, pydicom.Dataset],
) -> None:
    with (COLLECTION / "clinical.csv").open(encoding="utf-8", newline="") as handle:
        keys = [row["patient_id"] for row in csv.DictReader(handle)]
    imaged = {ds.PatientID for ds in datasets.values()} - {"QC-PHANTOM", "LCT-0901"}
    folded = {key.upper() for key in keys}
    assert len(imaged - folded) == 3
    assert len(folded - imaged) == 4
    assert len(keys) - len(set(keys)) == 1
    assert sum(key != key.upper() for key in keys) == 6
    assert any(key.startswith("00") for key in keys)


def test_the_idc_slice_holds_only_cc_by_series_and_fits_its_readme() -> None:
    path = EXAMPLES / "idc" / "idc_slice.parquet"
    assert path.stat().st_size < 500_000
    table = pq.read_table(path)
    assert table.num_rows == 18_138
    assert set(table.column("license_short_name").to_pylist()) == {"CC BY 3.0", "CC BY 4.0"}
    notice = (EXAMPLES.parent / "NOTICE").read_text(encoding="utf-8")
    readme = (EXAMPLES / "idc" / "README.md").read_text(encoding="utf-8")
    for name in table.column("collection_id").unique().to_pylist():
        assert f"| {name} |" in readme
        assert name.replace("_", "-") in notice.lower().replace(" ", "-")
    assert "10.1148/rg.230180" in notice


@pytest.mark.shared_data
def test_the_idc_slice_equals_what_its_script_cuts(shared_data: Path, tmp_path: Path) -> None:
    target = tmp_path / "slice.parquet"
    script = EXAMPLES / "make_idc_slice.py"
    index = shared_data / "idc" / "idc_v25_series_A.parquet"
    subprocess.run([sys.executable, str(script), str(index), "-o", str(target)], check=True)
    assert pq.read_table(target).equals(pq.read_table(EXAMPLES / "idc" / "idc_slice.parquet"))
