"""Write a clinical table in many formats: ``python tables.py people.csv FOLDER``."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path

import pandas as pd

try:
    import pyreadstat
except ModuleNotFoundError:
    pyreadstat = None


def write(table: Path, folder: Path) -> None:
    """Write the table as every kind of file that can be written here."""
    frame = pd.read_csv(table, dtype=str, keep_default_na=False)
    frame.to_excel(folder / "people.xlsx", index=False, sheet_name="people")
    frame.to_parquet(folder / "people.parquet", index=False)
    frame.to_csv(folder / "people.tsv", sep="\t", index=False)
    frame.to_csv(folder / "semicolons.txt", sep=";", index=False)
    with gzip.open(folder / "people.csv.gz", "wt", encoding="utf-8") as handle:
        frame.to_csv(handle, index=False)
    rows = frame.to_dict("records")
    (folder / "people.json").write_text(json.dumps(rows), encoding="utf-8")
    (folder / "people.ndjson").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    if pyreadstat is None:
        return
    pyreadstat.write_sav(frame, folder / "people.sav", column_labels=list(frame.columns))
    pyreadstat.write_dta(frame, folder / "people.dta")
    short = frame.rename(columns=lambda name: name[:8])
    pyreadstat.write_xport(short, folder / "people.xpt", file_format_version=5)


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))
