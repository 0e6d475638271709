"""Families of columns: one line stands for hundreds, and changes no proposal."""

from __future__ import annotations

import cProfile
import csv
import pstats
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import yaml
from hypothesis import given
from hypothesis import strategies as st

from midi_risk.attributes.families import LEAST, families
from midi_risk.cli.app import run

STEMS = ["gene", "gene1_", "original_glcm_", "original_glcm_x_", "q", "q2_item", "a_b_"]
names = st.lists(
    st.tuples(st.sampled_from(STEMS), st.integers(0, 400), st.sampled_from(["one", "two"])),
    max_size=300,
    unique_by=lambda each: (each[0], each[1]),
)


@given(names)
def test_no_pattern_gives_a_column_another_proposal(drawn: list[tuple[str, int, str]]) -> None:
    proposed = {f"{stem}{number}": proposal for stem, number, proposal in drawn}
    found = families(proposed)
    family = {name: pattern for pattern, members in found.items() for name in members}
    for pattern, members in found.items():
        assert len(members) >= LEAST
        assert len({proposed[name] for name in members}) == 1
        for name in members:
            assert fnmatchcase(name, pattern)
            # Lines of its own come first, then the pattern that stands first.
            assert next(p for p in found if fnmatchcase(name, p)) == family[name]


def wide(path: Path, columns: int, rows: int = 60) -> Path:
    """Write radiomics, genes and a questionnaire beside age and sex."""
    draw = np.random.default_rng(3)
    part = columns // 3
    head = [f"original_glcm_F{i}" for i in range(part)]
    head += [f"ENSG{i:011d}" for i in range(part)]
    head += [f"phq9_item{i}" for i in range(columns - 2 * part)]
    with path.open("w", newline="") as handle:
        write = csv.writer(handle)
        write.writerow(["PatientID", "PatientAge", "PatientSex", *head])
        for row in range(rows):
            values = [f"{x:.6f}" for x in draw.normal(size=part)]
            values += [str(x) for x in draw.poisson(20, part)]
            values += [str(x) for x in draw.integers(0, 4, columns - 2 * part)]
            age = f"{draw.integers(30, 80):03d}Y"
            write.writerow([f"P{row}", age, "MF"[row % 2], *values])
    return path


def test_init_asks_once_for_each_family_and_what_it_writes_is_what_it_proposed(
    tmp_path: Path,
) -> None:
    wide(tmp_path / "w.csv", 120)
    assert run(["init", str(tmp_path / "w.csv"), "-o", str(tmp_path / "p"), "-q"]) == 0
    settings = yaml.safe_load((tmp_path / "p" / "midi-risk.yaml").read_text())["attributes"]
    assert set(settings) == {
        "PatientID", "PatientAge", "PatientSex", "original_glcm_*", "ENSG*", "phq*_item*",
    }  # fmt: skip


def test_a_wide_table_takes_work_in_proportion_to_its_columns(tmp_path: Path) -> None:
    """Count calls in place of seconds: twice the columns must not be four times the work."""
    calls = []
    for turn, columns in enumerate((30, 300, 600, 1200)):  # the first loads the modules
        folder = tmp_path / str(turn)
        source = wide(tmp_path / f"w{turn}.csv", columns)
        profile = cProfile.Profile()
        profile.enable()
        run(["init", str(source), "-o", str(folder), "-q"])
        run(["assess", str(folder), "-o", str(folder / "out"), "-q"])
        profile.disable()
        assert (folder / "out" / "assessment.json").exists()
        calls.append(pstats.Stats(profile).total_calls)  # type: ignore[attr-defined]
    first, second = calls[2] - calls[1], calls[3] - calls[2]
    assert second < 2.3 * first
