"""What `suggest` proposes on real collections, before and after levels followed the data.

Run ``python benchmarks/plans.py DATA [NAME ...]`` with the folder of the shared data. Prints one
line per collection for the table of docs/plans.md: fixed levels under entropy, then the default.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from midi_risk.cli.app import run

IDC = ("lidc_idri", "duke_breast_cancer_mri", "prostatex", "c4kc_kits", "lung_pet_ct_dx",
       "tcga_luad")  # fmt: skip
DEMO = Path(__file__).resolve().parents[1] / "examples" / "lung-ct"
TABLES = {
    "ptbxl": ["clinical/ptbxl/ptbxl_database.csv"],
    "tcga": ["clinical/tcga/samples.tsv"],
    "ds000228": ["clinical/ds000228/participants.tsv"],
    "ds002790": ["clinical/ds002790/participants.tsv"],
    "ds000030": [
        "clinical/ds000030/participants.tsv", "--table", "clinical/ds000030/demographics.tsv",
    ],
}  # fmt: skip


def sources(data: Path, name: str, folder: Path) -> list[str]:
    """Return the arguments of `init` for a collection."""
    if name in TABLES:
        return [a if a.startswith("--") else str(data / a) for a in TABLES[name]]
    one = folder / f"{name}.parquet"
    index = data / "idc" / "idc_v25_series_A.parquet"
    rows = duckdb.read_parquet(str(index)).filter(
        duckdb.ColumnExpression("collection_id") == duckdb.ConstantExpression(name)
    )
    rows.write_parquet(str(one))
    return [str(one)]


def suggested(project: Path, out: Path, *more: str) -> dict:
    """Return the plan of a project."""
    run(["suggest", str(project), "-o", str(out), "-q", *more])
    return json.loads((out / "plan.json").read_text(encoding="utf-8"))


def age_of(plan: dict) -> str:
    """Return what a plan does to the first age that it tells of."""
    for step in plan["steps"]:
        if "age" in step["attribute"].casefold():
            return step["describe"].partition(": ")[2].partition(";")[0]
    return "exact"


def line(name: str, before: dict, after: dict, seconds: float) -> str:
    """Return a collection as a line of the table."""

    def cells(plan: dict) -> str:
        if not plan["found"]:
            return "no plan | | "
        r2 = "" if plan["age_r2"] is None else f"{plan['age_r2']:.2f}"
        return f"{age_of(plan)} | {plan['suppressed']['subjects']} | {r2}"

    loss = "" if after["loss"] is None else f"{after['loss']:.0%}"
    return f"| {name} | {cells(before)} | {cells(after)} | {loss} | {seconds:.1f} |"


def main(arguments: list[str]) -> None:
    """Print the table."""
    data, names = Path(arguments[0]), arguments[1:] or ["demo", *IDC, *TABLES]
    print("| collection | age before | left out | R² | age now | left out | R² | lost | CPU s |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in names:
        with tempfile.TemporaryDirectory() as kept, contextlib.redirect_stdout(io.StringIO()):
            folder = Path(kept)
            project = folder / "p"
            if name == "demo":
                project = DEMO
            else:
                run(["init", *sources(data, name, folder), "-o", str(project), "-q"])
            fixed = ("--utility", "normalised-entropy")
            before = suggested(project, folder / "before", *fixed)
            begun = time.process_time()
            after = suggested(project, folder / "after")
            told = line(name, before, after, time.process_time() - begun)
        print(told, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
