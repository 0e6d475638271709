"""What an assessment with a suggestion takes, from a million rows to all of a large archive.

Makes a table with one row per object out of a table with one row per series, by its number of
instances, and runs ``midi-risk assess SOURCE -o DIR``, which suggests a plan too, on it.

Run: ``python benchmarks/scale.py INDEX [ROWS ...]`` where INDEX is a series table of Imaging Data
Commons as Parquet (``instanceCount`` says how many objects a series has); ``--kind csv`` or
``ndjson`` for other formats, ``--where CONDITION`` for a part, ``--keep DIR`` to keep the tables.
Prints rows, CPU seconds, peak memory and the exponent of CPU seconds between two sizes.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

_ROOT = "1.3.6.1.4.1.14519.5.2.1."
_SERIES = 4_000
_LEFT_OUT = ("instanceCount", "series_size_MB", "StudyInstanceUID", "SeriesInstanceUID")


def instance_rows(index: Path, rows: int) -> Iterator[pa.Table]:
    """Yield rows of objects, those of a series together, in the order of the index."""
    table = pq.read_table(index)
    counts = table.column("instanceCount").to_numpy().astype(float)
    scale = max(rows / counts.sum(), 1.0)
    each = np.maximum(np.round(counts * scale), 1).astype(np.int64)
    ends = np.cumsum(each)
    each = np.where(ends > rows, np.maximum(rows - (ends - each), 0), each)
    for start in range(0, table.num_rows, _SERIES):
        number = each[start : start + _SERIES]
        if not number.sum():
            return
        part = table.slice(start, _SERIES)
        place = np.repeat(np.arange(part.num_rows), number)
        first = np.repeat(np.cumsum(number) - number, number)
        nth = pa.array(np.arange(len(place)) - first + 1)
        made = part.drop_columns(list(_LEFT_OUT)).take(pa.array(place))
        for name, level in (("StudyInstanceUID", "1."), ("SeriesInstanceUID", "2.")):
            uid = pc.binary_join_element_wise(
                _ROOT + level, part.column(name).cast(pa.string()).take(pa.array(place)), ""
            )
            made = made.append_column(name, uid)
        parts = (
            _ROOT + "3.", part.column("SeriesInstanceUID").cast(pa.string()).take(pa.array(place)),
            ".", nth.cast(pa.string()), "",
        )  # fmt: skip
        yield made.append_column(
            "SOPInstanceUID", pc.binary_join_element_wise(*parts)
        ).append_column("InstanceNumber", nth)


def make(index: Path, rows: int, target: Path) -> None:
    """Write the table in the format of its ending."""
    parts = instance_rows(index, rows)
    first = next(parts)
    if target.suffix == ".parquet":
        with pq.ParquetWriter(target, first.schema, compression="zstd") as writer:
            writer.write_table(first)
            for part in parts:
                writer.write_table(part)
    elif target.suffix == ".csv":
        with pacsv.CSVWriter(target, first.schema) as writer:
            writer.write_table(first)
            for part in parts:
                writer.write_table(part)
    else:
        with target.open("w", encoding="utf-8") as handle:
            for part in (first, *parts):
                for batch in part.to_batches(50_000):
                    handle.writelines(json.dumps(row) + "\n" for row in batch.to_pylist())


_RUN = """
import json, resource, sys
from midi_risk.cli import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    code = end.code
used = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
told = {"code": code, "cpu": sum(u.ru_utime + u.ru_stime for u in used),
        "own": used[0].ru_maxrss / 1024, "below": used[1].ru_maxrss / 1024}
print(json.dumps(told))
"""


def run(source: Path, where: str) -> dict[str, Any]:
    """Assess with a suggestion and return exit code, CPU seconds, wall seconds and peak MB.

    Peaks are those of the largest process, once of the program itself, once of what it started.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = ["assess", str(source), "-o", f"{folder}/out", "--quiet"]
        command += ["--where", where] if where else []
        begin = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", _RUN, *command],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ,
        )
        wall = time.monotonic() - begin
    try:
        told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        sys.exit(done.stderr[-2000:])
    return {**told, "wall": wall}


def main() -> None:
    """Make, run and print one line per size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("index", type=Path)
    parser.add_argument("rows", type=int, nargs="*", default=[1_000_000, 6_000_000, 14_500_000])
    parser.add_argument("--kind", choices=("parquet", "csv", "ndjson"), default="parquet")
    parser.add_argument("--where", default="")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--make", type=Path, help="only write the table of so many rows")
    given = parser.parse_args()
    if given.make:
        make(given.index, given.rows[0], given.make)
        return
    print("| rows | exit | CPU s | wall s | peak MB, program | peak MB, queries | exponent |")
    print("|---|---|---|---|---|---|---|")
    before: tuple[int, float] | None = None
    with tempfile.TemporaryDirectory() as temporary:
        for rows in given.rows:
            target = (given.keep or Path(temporary)) / f"instances-{rows}.{given.kind}"
            if not target.exists():
                # Elsewhere: a process passes its own peak on to those that it starts.
                making = [sys.executable, __file__, given.index, str(rows), "--make", target]
                subprocess.run(making, check=True)
            told = run(target, given.where)
            if given.keep is None:
                target.unlink()
            power = ""
            if before is not None:
                power = f"{math.log(told['cpu'] / before[1]) / math.log(rows / before[0]):.2f}"
            before = rows, told["cpu"]
            print(
                f"| {rows:,} | {told['code']} | {told['cpu']:.1f} | {told['wall']:.0f}"
                f" | {told['own']:,.0f} | {told['below']:,.0f} | {power} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
