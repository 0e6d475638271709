"""What midi-risk wrote itself lies beside the sources and is none of them."""

from __future__ import annotations

from pathlib import Path

from midi_risk.sources.files.listing import list_files


def listed(folder: Path) -> set[str]:
    return {Path(entry.shown).relative_to(folder).as_posix() for entry in list_files([folder])}


def written(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x", encoding="utf-8")


def test_a_project_in_the_folder_of_its_sources_is_not_read(tmp_path):
    written(tmp_path, "a.dcm", "midi-risk.yaml", "log.jsonl", ".midi-risk/store/part.parquet")
    assert listed(tmp_path) == {"a.dcm"}


def test_results_below_the_sources_are_not_read(tmp_path):
    out = "midi-risk-out"
    results = ("assessment.json", "plan.json", "subjects.parquet", "log.jsonl",
               "report-internal.html", "report-shareable.html")  # fmt: skip
    written(tmp_path, "a.dcm", *(f"{out}/{name}" for name in (*results, "b.dcm")))
    assert listed(tmp_path) == {"a.dcm", f"{out}/b.dcm"}


def test_files_of_these_names_that_are_not_ours_are_read(tmp_path):
    names = {"log.jsonl", "plan.json", "sub/assessment.json", "sub/log.jsonl"}
    written(tmp_path, *names)
    assert listed(tmp_path) == names
