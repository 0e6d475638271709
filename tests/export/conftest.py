from __future__ import annotations

from pathlib import Path

import pytest
from release_collection import applied, make_collection

EXAMPLE = Path(__file__).parents[2] / "examples" / "lung-ct"


@pytest.fixture(scope="session")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the small collection; tests only read it."""
    return make_collection(tmp_path_factory.mktemp("collection"))


@pytest.fixture(scope="session")
def release(collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what apply makes of the small collection."""
    target, code = applied(collection, tmp_path_factory.mktemp("small"))
    assert code == 4  # nobody looked at the pixels
    return target


@pytest.fixture(scope="session")
def example_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what apply makes of the CT series of the shipped example."""
    folder = tmp_path_factory.mktemp("example")
    text = (EXAMPLE / "midi-risk.yaml").read_text(encoding="utf-8")
    text = text.replace("dicom: images/", f"dicom: {EXAMPLE / 'images'}")
    text = text.replace("table: clinical.csv", f"table: {EXAMPLE / 'clinical.csv'}")
    if "where:" not in text:
        text = text.replace("threat_models:", "  where: \"Modality = 'CT'\"\nthreat_models:", 1)
    (folder / "midi-risk.yaml").write_text(text, encoding="utf-8")
    target, code = applied(folder, folder)
    assert code == 4  # nobody looked at the pixels
    return target
