from __future__ import annotations

from pathlib import Path

import pytest
from release_collection import make_collection

from midi_risk.cli.app import run

EXAMPLE = Path(__file__).parents[2] / "examples" / "lung-ct"


def applied(project: Path, folder: Path) -> tuple[Path, int]:
    """Suggest, apply, and return the folder of the release with the exit code."""
    assert run(["suggest", str(project), "-o", str(folder / "plan"), "-q"]) == 0
    plan = folder / "plan" / "plan.json"
    target = folder / "out"
    return target, run(["apply", str(project), "--plan", str(plan), "-o", str(target), "-q"])


@pytest.fixture(scope="session")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the small collection; tests only read it."""
    return make_collection(tmp_path_factory.mktemp("collection"))


@pytest.fixture(scope="session")
def release(collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what apply makes of the small collection."""
    target, code = applied(collection, tmp_path_factory.mktemp("small"))
    assert code == 0
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
    assert code == 0
    return target
