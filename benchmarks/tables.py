"""Time the table readers on generated tables, beside what pandas and openpyxl alone take.

Run: ``python benchmarks/tables.py [ROWS]``. Prints CPU seconds, peak memory and JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

_MAKE = """
import sys, numpy as np, pyarrow as pa, pyarrow.parquet as pq, pyarrow.csv as pc
rows, folder = int(sys.argv[1]), sys.argv[2]
rng = np.random.default_rng(1)
pick = lambda words: pa.array(np.array(words, dtype=object)[rng.integers(0, len(words), rows)])
table = pa.table({
    'collection_id': pick([f'c{i}' for i in range(90)]),
    'PatientID': pa.array([f'P{i:06}' for i in rng.integers(0, rows // 12 + 1, rows)]),
    'PatientAge': pick([f'{i:03}Y' for i in range(100)]),
    'PatientSex': pick(['F', 'M', 'O']),
    'Modality': pick(['CT', 'MR', 'PT']),
    'SeriesDescription': pick([f'series {i}' for i in range(5000)]),
    'instanceCount': pa.array(rng.integers(1, 900, rows)),
    'series_size_MB': pa.array(rng.random(rows).round(2) * 500),
    'StudyInstanceUID': pa.array([f'2.25.{i}' for i in rng.integers(0, rows // 4 + 1, rows)]),
    'SeriesInstanceUID': pa.array([f'2.25.{i}' for i in range(rows)]),
})
pq.write_table(table, folder + '/t.parquet')
pc.write_csv(table, folder + '/t.csv')
table.slice(0, min(rows, 20000)).to_pandas().to_excel(folder + '/t.xlsx', index=False)
"""
_CASES = {
    "midi-risk parquet": "import midi_risk.sources as s; s.extract('t.parquet')",
    "pandas parquet": "import pandas as p; p.read_parquet('t.parquet')",
    "midi-risk csv": "import midi_risk.sources as s; s.extract('t.csv')",
    "pandas csv as text": "import pandas as p; p.read_csv('t.csv', dtype=str)",
    "midi-risk xlsx": "import midi_risk.sources as s; s.extract('t.xlsx')",
    "pandas xlsx as text": "import pandas as p; p.read_excel('t.xlsx', dtype=str)",
}
_TIMED = """
import resource, time
start = time.process_time()
{code}
print(time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def main() -> None:
    """Generate, time each case in a process of its own, print."""
    rows = sys.argv[1] if len(sys.argv) > 1 else "800000"
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-c", _MAKE, rows, folder], check=True)
        for name, code in _CASES.items():
            script = _TIMED.format(code=code)
            done = subprocess.run(
                [sys.executable, "-c", script],
                cwd=folder,
                check=True,
                capture_output=True,
                text=True,
            )
            seconds, peak = map(float, done.stdout.split())
            results[name] = {"cpu_s": round(seconds, 2), "peak_mib": round(peak)}
            size = (Path(folder) / f"t.{name.split()[1]}").stat().st_size
            print(f"{name:22} {seconds:8.2f} CPU-s {peak:8.0f} MiB {size / 1e6:8.1f} MB file")
    print(json.dumps({"rows": int(rows), "cases": results}))


if __name__ == "__main__":
    main()
