"""The study of public collections: ages in the bands of its table, figures without values."""

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "idc_study.py"


@pytest.fixture(scope="module")
def study():
    import sys

    spec = importlib.util.spec_from_file_location("idc_study", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["idc_study"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("age", "band"),
    [("60", "60-64"), ("64", "60-64"), ("85", "85+"), ("101", "85+"), ("3", "1-4"), ("9M", "0")],
)
def test_ages_fall_into_the_bands_of_the_cancer_table(study, age, band):
    assert study._band(age) == band


def test_every_band_is_one_of_the_table(study):
    from midi_risk.threat.population import load_table, parse_age_band

    bands = set(load_table(study.CASES).select(site="lung").bands())
    for age in range(100):
        assert parse_age_band(study._band(str(age))) in bands


@pytest.mark.shared_data
def test_the_committed_page_is_what_the_script_writes_for_a_collection(study, shared_data):
    index = shared_data / "idc" / "idc_v25_series_A.parquet"
    import midi_risk as mr

    part = mr.select_rows(mr.extract(index), "collection_id = 'hcc_tace_seg'")
    row = study.assessed("hcc_tace_seg", study._folded(part), "liver")
    page = (SCRIPT.parents[1] / "docs" / "idc-study.md").read_text(encoding="utf-8")
    assert row.text() in page
