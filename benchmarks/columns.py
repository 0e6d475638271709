"""CPU seconds of `init` and `assess` on wide tables: radiomics, genes and a questionnaire.

    python benchmarks/columns.py 2000 20000

The tables are invented: 100 subjects with age and sex beside so many columns.

On two shared cores (2026-11-30, with other processes running) `assess` took 7.0 CPU-s with 4,000
columns and 21.1 with 20,000, `init` 12.2; 8.7, 37.9 and 20.6 before plain numbers were read at
once, distinct texts of all columns looked at in one go and disclosures left out where no class is
large enough. The two editions of the report have 195 and 134 kB.
"""

from __future__ import annotations

import csv
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROWS = 100
CALL = "from midi_risk.cli import main; main()"


def wide(path: Path, columns: int) -> Path:
    """Write a table of so many columns."""
    draw = np.random.default_rng(1)
    part = columns // 3
    head = [f"original_{('firstorder', 'glcm', 'shape')[i % 3]}_F{i}" for i in range(part)]
    head += [f"ENSG{i:011d}" for i in range(part)]
    head += [f"phq9_item{i}" for i in range(columns - 2 * part)]
    with path.open("w", newline="") as handle:
        write = csv.writer(handle)
        write.writerow(["PatientID", "PatientAge", "PatientSex", *head])
        for row in range(ROWS):
            values = [f"{x:.6f}" for x in draw.normal(size=part)]
            values += [str(x) for x in draw.poisson(20, part)]
            values += [str(x) for x in draw.integers(0, 4, columns - 2 * part)]
            age = f"{draw.integers(30, 80):03d}Y"
            write.writerow([f"P{row}", age, "MF"[row % 2], *values])
    return path


def seconds(*arguments: str) -> float:
    """Return the CPU seconds of one command in a process of its own."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", CALL, *arguments], check=False, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def run(columns: int) -> None:
    """Print one line for a number of columns."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = wide(folder / "wide.csv", columns)
        first = seconds("init", str(source), "-o", str(folder / "p"), "-q")
        then = seconds("assess", str(folder / "p"), "-o", str(folder / "out"), "-q")
        sizes = {p.name: p.stat().st_size // 1000 for p in sorted((folder / "out").glob("*"))}
        print(f"{columns} columns: init {first:.1f}, assess {then:.1f} CPU-s; kB {sizes}")


if __name__ == "__main__":
    for given in sys.argv[1:] or ["2000", "20000"]:
        run(int(given))
